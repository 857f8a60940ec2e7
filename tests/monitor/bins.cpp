// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/monitor/bins.hpp>

#include "catch.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace {

constexpr double missing_value = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

std::vector<std::uint64_t> count(const joust::numeric_bins& bins, const std::vector<double>& values)
{
    std::vector<std::uint64_t> counts(bins.cells());
    for (const double x : values) {
        ++counts.at(bins.cell(x));
    }
    return counts;
}

}  // namespace

TEST_CASE("a number falls between the edges that enclose it, an edge itself into the upper bin")
{
    const joust::numeric_bins bins{-1.0, 0.0, 2.5};
    CHECK(bins.values() == 4);
    CHECK(bins.cell(-7.0) == 0);
    CHECK(bins.cell(-1.0) == 1);
    CHECK(bins.cell(-0.0) == 2);
    CHECK(bins.cell(2.499) == 2);
    CHECK(bins.cell(2.5) == 3);
    CHECK(bins.cell(std::numeric_limits<double>::max()) == 3);
    CHECK(bins.cell(std::numeric_limits<double>::lowest()) == 0);
}

TEST_CASE("NaN is missing and infinity is invalid, and neither reaches a bin")
{
    const joust::numeric_bins bins{0.0};
    CHECK(bins.cell(missing_value) == bins.missing());
    CHECK(bins.cell(-missing_value) == bins.missing());
    CHECK(bins.cell(infinity) == bins.invalid());
    CHECK(bins.cell(-infinity) == bins.invalid());
    CHECK(bins.missing() >= bins.values());
    CHECK(bins.invalid() == bins.cells() - 1);
}

TEST_CASE("all sixteen edges work")
{
    std::vector<double> edges;
    for (int i = 0; i < 16; ++i) {
        edges.push_back(i);
    }
    const joust::numeric_bins bins{std::span<const double>{edges}};
    for (int i = 0; i < 16; ++i) {
        CHECK(bins.cell(i - 0.5) == static_cast<std::size_t>(i));
        CHECK(bins.cell(i) == static_cast<std::size_t>(i + 1));
    }
    CHECK(bins.cell(1e9) == 16);
}

TEST_CASE("edges at quantiles divide a continuous sample evenly")
{
    joust::keyed_random random{3};
    std::vector<double> sample(10'000);
    for (double& x : sample) {
        x = random.normal();
    }
    sample.push_back(missing_value);
    sample.push_back(infinity);
    const auto bins = joust::numeric_bins::quantiles(sample);
    REQUIRE(bins.values() == 10);
    const auto counts = count(bins, sample);
    for (std::size_t cell = 0; cell < 10; ++cell) {
        CHECK(counts[cell] == 1000);
    }
    CHECK(counts[bins.missing()] == 1);
    CHECK(counts[bins.invalid()] == 1);
}

TEST_CASE("a value that fills two bins has one of its own")
{
    std::vector<double> sample(600, 0.0);
    for (int i = 1; i <= 400; ++i) {
        sample.push_back(i);
    }
    const auto bins = joust::numeric_bins::quantiles(sample);
    const auto counts = count(bins, sample);
    CHECK(counts[bins.cell(0.0)] == 600);
    CHECK(bins.cell(-1e-300) != bins.cell(0.0));
    CHECK(bins.cell(1e-300) != bins.cell(0.0));
    CHECK(bins.cell(400.0) > bins.cell(100.0));
}

TEST_CASE("samples of one or two values still make bins")
{
    const auto constant = joust::numeric_bins::quantiles(std::vector<double>(50, 4.0));
    CHECK(constant.cell(4.0) != constant.cell(3.0));
    CHECK(constant.cell(4.0) != constant.cell(5.0));
    const auto flags = joust::numeric_bins::quantiles(std::vector<double>{0, 1, 0, 0, 1});
    CHECK(flags.cell(0.0) != flags.cell(1.0));
    const auto one = joust::numeric_bins::quantiles(std::vector<double>{2.0}, 2);
    CHECK(one.values() >= 2);
}

TEST_CASE("bins are the same whatever the order of the sample")
{
    std::vector<double> sample{5, 1, 4, 2, 3, 9, 8, 7, 6, 0};
    const auto bins = joust::numeric_bins::quantiles(sample, 4);
    std::reverse(sample.begin(), sample.end());
    CHECK(bins == joust::numeric_bins::quantiles(sample, 4));
}

TEST_CASE("wrong edges are refused with the field named")
{
    using joust::configuration_error;
    CHECK_THROWS_AS(joust::numeric_bins(std::span<const double>{}), configuration_error);
    CHECK_THROWS_AS((joust::numeric_bins{1.0, 1.0}), configuration_error);
    CHECK_THROWS_AS((joust::numeric_bins{2.0, 1.0}), configuration_error);
    CHECK_THROWS_AS((joust::numeric_bins{1.0, missing_value}), configuration_error);
    CHECK_THROWS_AS((joust::numeric_bins{infinity}), configuration_error);
    CHECK_THROWS_AS(joust::numeric_bins(std::span<const double>{std::vector<double>(17)}),
                    configuration_error);
    CHECK_THROWS_AS(joust::numeric_bins::quantiles({}), configuration_error);
    CHECK_THROWS_AS(joust::numeric_bins::quantiles(std::vector<double>{missing_value, infinity}),
                    configuration_error);
    CHECK_THROWS_AS(joust::numeric_bins::quantiles(std::vector<double>{1, 2}, 1), configuration_error);
    try {
        joust::numeric_bins{3.0, 2.0};
    } catch (const configuration_error& error) {
        CHECK(std::string{error.what()} ==
              "numeric_bins.edges is 2; allowed: finite, strictly increasing edges");
    }
}

TEST_CASE("cells are labelled as reports print them")
{
    const joust::numeric_bins bins{0.5, 2.0};
    CHECK(bins.label(0) == "below 0.5");
    CHECK(bins.label(1) == "0.5 to 2");
    CHECK(bins.label(2) == "2 and above");
    CHECK(bins.label(bins.missing()) == "missing");
    CHECK(bins.label(bins.invalid()) == "invalid");
}

TEST_CASE("a text falls into its category, a new one into other")
{
    const joust::categories countries{"de", "fr", "", "a much longer name than a small string holds"};
    CHECK(countries.cell("de") == 0);
    CHECK(countries.cell("fr") == 1);
    CHECK(countries.cell("") == 2);
    CHECK(countries.cell("a much longer name than a small string holds") == 3);
    CHECK(countries.cell("DE") == countries.other());
    CHECK(countries.label(1) == "fr");
    CHECK(countries.label(countries.other()) == "other");
    CHECK(countries.label(countries.missing()) == "missing");
    CHECK(countries.cells() == countries.missing() + 1);
}

TEST_CASE("a thousand categories are all found again")
{
    std::vector<std::string> texts;
    for (int i = 0; i < 1024; ++i) {
        texts.push_back("name " + std::to_string(i));
    }
    const std::vector<std::string_view> names(texts.begin(), texts.end());
    const joust::categories many{std::span<const std::string_view>{names}};
    for (std::size_t i = 0; i < names.size(); ++i) {
        CHECK(many.cell(names[i]) == i);
    }
    CHECK(many.cell("name 1024") == many.other());
}

TEST_CASE("the most frequent values become categories, ties by their text")
{
    const std::vector<std::string_view> sample{"b", "a", "c", "c", "b", "a", "d", "c"};
    const auto top = joust::categories::top(sample, 3);
    REQUIRE(top.names().size() == 3);
    CHECK(top.names()[0] == "c");
    CHECK(top.names()[1] == "a");
    CHECK(top.names()[2] == "b");
    CHECK(top.cell("d") == top.other());
}

TEST_CASE("wrong categories are refused with the field named")
{
    using joust::configuration_error;
    CHECK_THROWS_AS((joust::categories{"a", "b", "a"}), configuration_error);
    CHECK_THROWS_AS(joust::categories::top({}), configuration_error);
    CHECK_THROWS_AS(joust::categories(std::span<const std::string_view>{std::vector<std::string_view>(1025)}),
                    configuration_error);
}

TEST_CASE("numbers fall into the same bin as a search among the edges finds, for any number of edges")
{
    joust::keyed_random random{17};
    for (const std::size_t count : {1U, 8U, 15U, 16U, 17U, 24U, 63U, 64U, 65U, 127U, 128U}) {
        std::vector<double> edges;
        while (edges.size() < count) {
            edges.push_back((edges.empty() ? -3.0 : edges.back()) + 0.01 + random.uniform());
        }
        const joust::numeric_bins bins{std::span<const double>{edges}};
        REQUIRE(std::vector<double>(bins.edges().begin(), bins.edges().end()) == edges);
        CHECK(bins.cells() == count + 3);
        const auto expected = [&](double x) {
            return static_cast<std::size_t>(std::upper_bound(edges.begin(), edges.end(), x) - edges.begin());
        };
        for (const double edge : edges) {
            for (const double x : {edge, std::nextafter(edge, -1e9), std::nextafter(edge, 1e9)}) {
                CHECK(bins.cell(x) == expected(x));
            }
        }
        CHECK(bins.cell(-1e300) == 0);
        CHECK(bins.cell(1e300) == count);
        CHECK(bins.cell(std::numeric_limits<double>::quiet_NaN()) == bins.missing());
        CHECK(bins.cell(-std::numeric_limits<double>::infinity()) == bins.invalid());
        CHECK(bins.label(count) == joust::to_text(edges.back()) + " and above");
    }
    const std::vector<double> many(129);
    CHECK_THROWS_AS(joust::numeric_bins(std::span<const double>{many}), joust::configuration_error);
    std::vector<double> sample(10'000);
    for (double& x : sample) {
        x = random.normal();
    }
    CHECK(joust::numeric_bins::quantiles(sample, 64).values() == 64);
}
