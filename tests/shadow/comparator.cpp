// SPDX-License-Identifier: Apache-2.0

#include <joust/shadow/comparator.hpp>

#include "catch.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <list>
#include <string>
#include <vector>

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
const double no_number = std::numeric_limits<double>::quiet_NaN();

struct classification {
    std::string label;
    double score;
};

}  // namespace

TEST_CASE("exact_match agrees on equal values and measures 0 or 1")
{
    const joust::exact_match same{};
    CHECK(same.compare(3, 3) == joust::comparison{true, 0.0});
    CHECK(same.compare(3, 4) == joust::comparison{false, 1.0});
    CHECK(same.compare(std::string{"a"}, std::string{"a"}).agree);
    CHECK_FALSE(same.compare(std::string{"a"}, "b").agree);
    CHECK(same.compare(std::vector<int>{1, 2}, std::vector<int>{1, 2}).agree);
}

TEST_CASE("exact_match compares numbers of two types by value")
{
    const joust::exact_match same{};
    CHECK_FALSE(same.compare(-1, std::numeric_limits<unsigned>::max()).agree);
    CHECK(same.compare(std::int8_t{7}, std::uint64_t{7}).agree);
    CHECK(same.compare(0.5F, 0.5).agree);
    CHECK_FALSE(same.compare(0.1F, 0.1).agree);
    CHECK(same.compare(true, 1).agree);
    CHECK(same.compare(2, 2.0).agree);
}

TEST_CASE("exact_match lets two NaN agree and one NaN disagree, but leaves containers to their own equality")
{
    const joust::exact_match same{};
    CHECK(same.compare(no_number, no_number) == joust::comparison{true, 0.0});
    CHECK(same.compare(no_number, 1.0) == joust::comparison{false, 1.0});
    CHECK(same.compare(1, no_number) == joust::comparison{false, 1.0});
    CHECK_FALSE(same.compare(std::vector<double>{no_number}, std::vector<double>{no_number}).agree);
}

TEST_CASE("tolerance agrees within the absolute or the relative bound, whichever is wider")
{
    CHECK(joust::tolerance{.absolute = 0.25}.compare(1.0, 1.25).agree);
    CHECK_FALSE(joust::tolerance{.absolute = 0.25}.compare(1.0, 1.2500001).agree);
    CHECK(joust::tolerance{.relative = 0.5}.compare(1.0, 2.0).agree);
    CHECK_FALSE(joust::tolerance{.relative = 0.49}.compare(1.0, 2.0).agree);
    CHECK(joust::tolerance{.absolute = 1e-9, .relative = 0.5}.compare(-2.0, -1.0).agree);
    CHECK(joust::tolerance{}.compare(0.0, -0.0).agree);
    CHECK_FALSE(joust::tolerance{}.compare(1.0, std::nextafter(1.0, 2.0)).agree);
    CHECK(joust::tolerance{.absolute = 2.0}.compare(1, 3.0F).distance == 2.0);
}

TEST_CASE("tolerance is symmetric in its arguments")
{
    const joust::tolerance near{.absolute = 0.01, .relative = 0.1};
    for (const double a : {-3.0, -0.001, 0.0, 0.5, 1.0, 1.1, 1e9}) {
        for (const double b : {-3.1, 0.0, 0.009, 0.55, 1.2, 1.05e9}) {
            CHECK(near.compare(a, b) == near.compare(b, a));
        }
    }
}

TEST_CASE("tolerance measures integers exactly where doubles cannot")
{
    const std::int64_t big = std::int64_t{1} << 60;
    CHECK(joust::tolerance{}.compare(big, big + 1) == joust::comparison{false, 1.0});
    CHECK(joust::tolerance{.absolute = 1.0}.compare(big, big + 1).agree);
    CHECK(joust::tolerance{}.compare(-3, 4U).distance == 7.0);
    CHECK(joust::tolerance{}
              .compare(std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max())
              .distance == 0x1p64);
}

TEST_CASE("tolerance has defined results for NaN and infinities")
{
    const joust::tolerance near{.absolute = 1.0, .relative = 0.5};
    CHECK(near.compare(no_number, no_number) == joust::comparison{true, 0.0});
    CHECK(near.compare(no_number, 0.0) == joust::comparison{false, infinity});
    CHECK(near.compare(0, no_number) == joust::comparison{false, infinity});
    CHECK(near.compare(infinity, infinity) == joust::comparison{true, 0.0});
    CHECK(near.compare(infinity, -infinity) == joust::comparison{false, infinity});
    CHECK(near.compare(infinity, 1.0) == joust::comparison{false, infinity});
}

TEST_CASE("tolerance takes lists, lists of lists and lists of two types, and measures the largest distance")
{
    const joust::tolerance near{.absolute = 0.1};
    CHECK(near.compare(std::vector<double>{1.0, 2.0}, std::array<float, 2>{1.0F, 2.0F}).agree);
    CHECK_THAT(near.compare(std::vector<double>{1.0, 2.0}, std::list<double>{1.05, 2.3}).distance,
               WithinAbs(0.3, 1e-12));
    CHECK_FALSE(near.compare(std::vector<double>{1.0, 2.0}, std::vector<double>{1.05, 2.3}).agree);
    CHECK(near.compare(std::vector<std::vector<int>>{{1}, {2, 3}}, std::vector<std::vector<int>>{{1}, {2, 3}})
              .agree);
    CHECK(near.compare(std::vector<double>{}, std::vector<double>{}).agree);
    const double with_nan[] = {no_number, 1.0};
    CHECK(near.compare(with_nan, with_nan).agree);
}

TEST_CASE("tolerance finds lists of two lengths incomparable, whichever is longer")
{
    const joust::tolerance near{.absolute = 100.0};
    CHECK(near.compare(std::vector<int>{1}, std::vector<int>{1, 2}) == joust::comparison{false, infinity});
    CHECK(near.compare(std::vector<int>{1, 2}, std::vector<int>{1}) == joust::comparison{false, infinity});
}

TEST_CASE("compare_with takes a callable that returns bool, a distance or a comparison")
{
    const auto by_bool = joust::compare_with([](int a, int b) { return a / 10 == b / 10; });
    CHECK(by_bool.compare(12, 19) == joust::comparison{true, 0.0});
    CHECK(by_bool.compare(12, 20) == joust::comparison{false, 1.0});

    const auto by_distance =
        joust::compare_with([](int a, int b) { return std::fabs(double(a) - double(b)); }, 2.0);
    CHECK(by_distance.compare(1, 3) == joust::comparison{true, 2.0});
    CHECK(by_distance.compare(1, 4) == joust::comparison{false, 3.0});

    const auto whole = joust::compare_with([](int, int) { return joust::comparison{true, 0.5}; });
    CHECK(whole.compare(1, 2) == joust::comparison{true, 0.5});

    const auto lost = joust::compare_with([](int, int) { return no_number; }, infinity);
    CHECK(lost.compare(1, 2) == joust::comparison{false, infinity});
}

TEST_CASE("label_match compares one part of both results")
{
    const auto labels = joust::label_match(&classification::label);
    CHECK(labels.compare(classification{"cat", 0.9}, classification{"cat", 0.6}).agree);
    CHECK(labels.compare(classification{"cat", 0.9}, classification{"dog", 0.9}) ==
          joust::comparison{false, 1.0});
}

TEST_CASE("Every comparator of joust has the role of a comparator, and a string does not")
{
    STATIC_REQUIRE(joust::comparator_role::plays<joust::exact_match>);
    STATIC_REQUIRE(joust::comparator_role::plays<joust::tolerance>);
    STATIC_REQUIRE(joust::comparator_role::plays<decltype(joust::label_match(&classification::label))>);
    STATIC_REQUIRE(joust::comparator_of<joust::tolerance, double, float>);
    STATIC_REQUIRE_FALSE(joust::comparator_role::plays<std::string>);
    STATIC_REQUIRE(joust::exact_match{}.compare(1, 1).agree);
}
