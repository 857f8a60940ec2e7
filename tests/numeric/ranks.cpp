// SPDX-License-Identifier: Apache-2.0

#include <joust/numeric/ranks.hpp>

#include "stats/support.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace stats = joust::stats;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::vector<double> plain_midranks(const std::vector<double>& x)
{
    std::vector<double> sorted = x;
    std::sort(sorted.begin(), sorted.end());
    std::vector<double> ranks;
    for (const double value : x) {
        const auto range = std::equal_range(sorted.begin(), sorted.end(), value);
        ranks.push_back(
            0.5 * static_cast<double>((range.first - sorted.begin()) + 1 + (range.second - sorted.begin())));
    }
    return ranks;
}

}  // namespace

TEST_CASE("keys of doubles are ordered as the doubles are, and lead back")
{
    const std::vector<double> ascending{-infinity, -1e308, -2.0,        -1.0,  -1e-320, 0.0,
                                        5e-324,    1.0,    1.0 + 1e-15, 1e300, infinity};
    for (std::size_t i = 0; i < ascending.size(); ++i) {
        CHECK(stats::detail::value_of_key(stats::detail::ordered_key(ascending[i])) == ascending[i]);
        if (i > 0) {
            CHECK(stats::detail::ordered_key(ascending[i - 1]) < stats::detail::ordered_key(ascending[i]));
        }
    }
    CHECK(stats::detail::ordered_key(-0.0) == stats::detail::ordered_key(0.0));
}

TEST_CASE("midranks are those of a plain sort, for every way of sorting")
{
    joust_test::engine draw{11};
    for (const std::size_t n : {1U, 2U, 50U, 97U, 500U, 2047U, 2048U, 5'000U, 30'000U, 140'000U}) {
        for (const int kind : {0, 1, 2, 3, 4, 5}) {
            std::vector<double> x;
            for (std::size_t i = 0; i < n; ++i) {
                const double u = draw.uniform() - 0.5;
                x.push_back(kind == 0   ? u
                            : kind == 1 ? std::floor(20.0 * u)
                            : kind == 2 ? 1.0 + 1e-13 * std::floor(40.0 * u)  // alike in their upper bits
                            : kind == 3 ? 1.0
                            : kind == 4 ? (i % 3 == 0 || x.empty() ? u : std::nextafter(x.back(), 1.0))
                                        : std::exp(20.0 * u));
            }
            x[n / 2] = kind == 0 ? -infinity : x[n / 2];
            std::vector<double> ranks(n);
            REQUIRE(stats::midranks(x, ranks));
            INFO(n << ' ' << kind);
            CHECK(ranks == plain_midranks(x));
        }
    }
}

TEST_CASE("long rows of values that differ only in their last bits are ranked in little time")
{
    std::vector<double> x;
    for (int i = 0; i < 100'000; ++i) {
        x.push_back(1.0 + std::numeric_limits<double>::epsilon() * static_cast<double>((i * 7919) % 65'536));
    }
    std::vector<double> ranks(x.size());
    REQUIRE(stats::midranks(x, ranks));
    CHECK(ranks == plain_midranks(x));
}

TEST_CASE("a large sample is sorted as a plain sort has it, however its values are spread")
{
    joust_test::engine draw{23};
    for (const int kind : {0, 1, 2, 3, 4, 5, 6}) {
        std::vector<double> x;
        for (int i = 0; i < 300'000; ++i) {
            const double u = draw.uniform() - 0.5;
            x.push_back(kind == 1   ? std::exp(40.0 * u)
                        : kind == 2 ? std::floor(200.0 * u) + 1e-9 * u  // crowded within its steps
                        : kind == 3 ? std::floor(1'000.0 * u)
                                    : u);
        }
        if (kind == 4) {
            x[1'001] = 1e12;  // alone, far from all others, and not among those that are looked at first
        } else if (kind == 5) {
            x[77] = infinity;
            x[78] = -infinity;
            x[79] = -0.0;
        } else if (kind == 6) {
            x[12'345] = std::nan("");
        }
        const stats::detail::sorted_sample sorted{x};
        INFO(kind);
        CHECK(sorted.valid == (kind != 6));
        CHECK(sorted.finite == (kind != 5 && kind != 6));
        if (sorted.valid) {
            std::vector<std::uint64_t> want;
            for (const double value : x) {
                want.push_back(stats::detail::ordered_key(value));
            }
            std::sort(want.begin(), want.end());
            CHECK(std::equal(want.begin(), want.end(), sorted.keys.begin()));
        }
    }
}

TEST_CASE("NaN and unequal lengths are refused")
{
    const std::vector<double> x{1.0, std::nan(""), 2.0};
    std::vector<double> ranks(3, -1.0);
    CHECK_FALSE(stats::midranks(x, ranks));
    CHECK(ranks == std::vector<double>(3, -1.0));
    const std::vector<double> y{1.0, 2.0};
    CHECK_FALSE(stats::midranks(y, ranks));
    CHECK(stats::midranks({}, {}));
}

TEST_CASE("sums over ties neither overflow nor cancel")
{
    // N^3 - N - sum (t^3 - t) for t = N - 1 and 1: 3 N (N - 1)
    for (const double n : {10.0, 3e6, 5e9}) {
        stats::detail::tie_sum ties{n};
        ties.add(static_cast<std::uint64_t>(n) - 1);
        ties.add(1);
        CHECK(ties.value() == Approx(3.0 * n * (n - 1.0)).epsilon(1e-14));
        CHECK(ties.tied());
    }
    stats::detail::tie_sum all{4e9};
    all.add(4'000'000'000);
    CHECK(all.value() == 0.0);
    stats::detail::tie_sum none{1000.0};
    for (int i = 0; i < 1000; ++i) {
        none.add(1);
    }
    CHECK(none.value() == 1000.0 * 999.0 * 1001.0);
    CHECK_FALSE(none.tied());
}
