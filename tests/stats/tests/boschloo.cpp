// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/tests/boschloo.hpp>

#include "stats/oracle_rows.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using stats::side;

namespace {

double choose(std::uint64_t n, std::uint64_t k)
{
    double value = 1.0;
    for (std::uint64_t i = 1; i <= k; ++i) {
        value = value * static_cast<double>(n - k + i) / static_cast<double>(i);
    }
    return value;
}

double binomial(std::uint64_t n, std::uint64_t x, double p)
{
    return choose(n, x) * std::pow(p, static_cast<double>(x)) * std::pow(1.0 - p, static_cast<double>(n - x));
}

/// The largest probability, on a grid of 20,000 proportions, of all tables that `extreme` picks.
template <class Extreme>
double largest(std::uint64_t n1, std::uint64_t n2, Extreme extreme)
{
    std::vector<std::pair<std::uint64_t, std::uint64_t>> region;
    for (std::uint64_t x = 0; x <= n1; ++x) {
        for (std::uint64_t y = 0; y <= n2; ++y) {
            if (extreme(x, y)) {
                region.emplace_back(x, y);
            }
        }
    }
    double best = 0.0;
    for (int i = 1; i < 20'000; ++i) {
        const double p = i / 20'000.0;
        std::vector<double> first, second;
        for (std::uint64_t x = 0; x <= n1; ++x) {
            first.push_back(binomial(n1, x, p));
        }
        for (std::uint64_t y = 0; y <= n2; ++y) {
            second.push_back(binomial(n2, y, p));
        }
        double sum = 0.0;
        for (const auto& [x, y] : region) {
            sum += first[x] * second[y];
        }
        best = std::fmax(best, sum);
    }
    return best;
}

double fisher(std::uint64_t x, std::uint64_t n1, std::uint64_t y, std::uint64_t n2, bool up)
{
    double sum = 0.0;
    for (std::uint64_t i = 0; i <= n1 && i <= x + y; ++i) {
        if (x + y - i <= n2 && (up ? i >= x : i <= x)) {
            sum += choose(n1, i) * choose(n2, x + y - i);
        }
    }
    return sum / choose(n1 + n2, x + y);
}

}  // namespace

TEST_CASE("Boschloo's p-value is the largest over a fine grid of proportions, and never below it")
{
    struct example {
        std::uint64_t a, n1, c, n2;
    };
    for (const example& e : {example{7, 15, 12, 15}, example{0, 5, 5, 5}, example{3, 9, 8, 14},
                             example{2, 20, 4, 7}, example{5, 8, 5, 8}, example{10, 11, 1, 13}}) {
        INFO(e.a << '/' << e.n1 << ", " << e.c << '/' << e.n2);
        double sides[2] = {};
        for (const bool up : {false, true}) {
            const double observed = fisher(e.a, e.n1, e.c, e.n2, up) * (1.0 + 1e-9);
            const double want = largest(e.n1, e.n2, [&](std::uint64_t x, std::uint64_t y) {
                return fisher(x, e.n1, y, e.n2, up) <= observed;
            });
            const auto got = stats::boschloo_exact(e.a, e.n1 - e.a, e.c, e.n2 - e.c,
                                                   {.alternative = up ? side::greater : side::less});
            CHECK(got.p_value >= want * (1.0 - 1e-12));
            CHECK(got.p_value == Approx(want).epsilon(1e-6));
            // at least as powerful as Fisher's
            CHECK(got.p_value <= fisher(e.a, e.n1, e.c, e.n2, up) * (1.0 + 1e-12));
            sides[up ? 1 : 0] = got.p_value;
        }
        const auto two = stats::boschloo_exact(e.a, e.n1 - e.a, e.c, e.n2 - e.c);
        CHECK(two.p_value == Approx(std::fmin(1.0, 2.0 * std::fmin(sides[0], sides[1]))).epsilon(1e-13));
        // Barnard's
        const double n1 = static_cast<double>(e.n1), n2 = static_cast<double>(e.n2);
        const auto z = [&](std::uint64_t x, std::uint64_t y) {
            const double p = static_cast<double>(x + y) / (n1 + n2);
            return p > 0.0 && p < 1.0 ? (static_cast<double>(x) / n1 - static_cast<double>(y) / n2) /
                                            std::sqrt(p * (1.0 - p) * (1.0 / n1 + 1.0 / n2))
                                      : 0.0;
        };
        const double at = std::fabs(z(e.a, e.c)) - 1e-9;
        const double want =
            largest(e.n1, e.n2, [&](std::uint64_t x, std::uint64_t y) { return std::fabs(z(x, y)) >= at; });
        const auto barnard = stats::barnard_exact(e.a, e.n1 - e.a, e.c, e.n2 - e.c);
        CHECK(barnard.statistic == Approx(z(e.a, e.c)).margin(1e-14));
        CHECK(barnard.p_value >= want * (1.0 - 1e-12));
        CHECK(barnard.p_value == Approx(want).epsilon(1e-6));
    }
}

TEST_CASE("the reference rows of the unconditional tests")
{
    const auto drive = [](const char* method, auto test) {
        return joust_test::hold_to_rows(method, [&](const joust_test::oracle_row& row) {
            const auto t = row.inputs["table"].get<std::vector<std::vector<std::uint64_t>>>();
            const auto r = test(t[0][0], t[0][1], t[1][0], t[1][1]);
            return row.field == "stat" ? r.statistic : r.p_value;
        });
    };
    CHECK(drive("boschloo_exact", [](auto... cells) { return stats::boschloo_exact(cells...); }) == 2);
    CHECK(drive("barnard_exact", [](auto... cells) { return stats::barnard_exact(cells...); }) == 2);
}

TEST_CASE("wholly apart, the maximum is known: twice one fourth to the n, also below the smallest double")
{
    for (const std::uint64_t n : {std::uint64_t{10}, std::uint64_t{100}, std::uint64_t{900}}) {
        const auto r = stats::boschloo_exact(0, n, n, 0);
        const double want = std::log(2.0) - 2.0 * static_cast<double>(n) * std::log(2.0);
        CHECK(r.log_p == Approx(want).epsilon(1e-12));
        CHECK(r.nuisance == Approx(0.5).epsilon(1e-6));
        CHECK((n < 500 ? r.p_value > 0.0 : r.p_value == 0.0));
    }
}

TEST_CASE("exchanging the samples mirrors an unconditional test")
{
    const auto r = stats::boschloo_exact(7, 23, 14, 11);
    const auto m = stats::boschloo_exact(14, 11, 7, 23);
    CHECK(r.p_value == Approx(m.p_value).epsilon(1e-11));
    CHECK(r.estimate == Approx(-m.estimate).epsilon(1e-14));
    CHECK(r.lower == Approx(-m.upper).epsilon(1e-12));
    const auto b = stats::barnard_exact(7, 23, 14, 11, {.alternative = side::less});
    const auto c = stats::barnard_exact(14, 11, 7, 23, {.alternative = side::greater});
    CHECK(b.p_value == Approx(c.p_value).epsilon(1e-11));
}

TEST_CASE("tables that cannot be tested have a state")
{
    CHECK(stats::boschloo_exact(0, 0, 3, 4).state == status::too_few);
    CHECK(stats::boschloo_exact(3, 4, 0, 0).state == status::too_few);
    CHECK(stats::boschloo_exact(1, 20'000, 3, 4).state == status::out_of_range);
    CHECK(stats::boschloo_exact(1, 2, 3, 4, {.alpha = 2.0}).state == status::out_of_range);
    const auto none = stats::barnard_exact(0, 10, 0, 12);
    CHECK(none.state == status::zero_variance);
    CHECK(none.p_value == 1.0);
    CHECK(none.upper > 0.0);
    const auto equal = stats::barnard_exact(5, 5, 5, 5);
    CHECK(equal.state == status::ok);
    CHECK(equal.p_value == 1.0);
}
