// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/tests/fisher.hpp>

#include "stats/oracle_rows.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using stats::side;

namespace {

/// C(n, k) in whole numbers.
double choose(std::uint64_t n, std::uint64_t k)
{
    std::uint64_t value = 1;
    for (std::uint64_t i = 1; i <= k; ++i) {
        value = value * (n - k + i) / i;
    }
    return static_cast<double>(value);
}

struct brute {
    double two = 0.0, greater = 0.0, less = 0.0, two_mid = 0.0, at = 0.0;
};

brute enumerate(std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d)
{
    const std::uint64_t n1 = a + b, n2 = c + d, k = a + c;
    brute p;
    const double all = choose(n1 + n2, k);
    const double observed = choose(n1, a) * choose(n2, c);
    for (std::uint64_t x = k > n2 ? k - n2 : 0; x <= k && x <= n1; ++x) {
        const double mass = choose(n1, x) * choose(n2, k - x);  // whole numbers: equal ones are equal
        p.two += mass <= observed ? mass : 0.0;
        p.two_mid += mass < observed ? mass : mass == observed ? 0.5 * mass : 0.0;
        p.greater += x >= a ? mass : 0.0;
        p.less += x <= a ? mass : 0.0;
    }
    return {p.two / all, p.greater / all, p.less / all, p.two_mid / all, observed / all};
}

}  // namespace

TEST_CASE("Fisher's p-values are sums of table probabilities for every small table")
{
    for (std::uint64_t a = 0; a <= 8; ++a) {
        for (std::uint64_t b = 0; b <= 8; ++b) {
            for (std::uint64_t c = 0; c <= 8; ++c) {
                for (std::uint64_t d = 0; d <= 8; ++d) {
                    if (a + b == 0 || c + d == 0 || a + c == 0 || b + d == 0) {
                        continue;
                    }
                    const brute want = enumerate(a, b, c, d);
                    const auto p = [&](side alternative, bool mid) {
                        return stats::fisher_exact(
                            a, b, c, d, {.alternative = alternative, .mid_p = mid, .odds_ratio = false});
                    };
                    INFO(a << ' ' << b << ' ' << c << ' ' << d);
                    REQUIRE(p(side::two, false).p_value == Approx(want.two).epsilon(1e-13));
                    REQUIRE(p(side::greater, false).p_value == Approx(want.greater).epsilon(1e-13));
                    REQUIRE(p(side::less, false).p_value == Approx(want.less).epsilon(1e-13));
                    REQUIRE(p(side::two, true).p_value == Approx(want.two_mid).epsilon(1e-13));
                    REQUIRE(p(side::greater, true).p_value ==
                            Approx(want.greater - 0.5 * want.at).epsilon(1e-13));
                    REQUIRE(p(side::less, true).p_value == Approx(want.less - 0.5 * want.at).epsilon(1e-13));
                    REQUIRE(std::exp(p(side::two, false).log_p) == Approx(want.two).epsilon(1e-13));
                }
            }
        }
    }
}

TEST_CASE("twelve digits at counts up to a thousand million, and beyond the smallest double")
{
    struct example {
        std::uint64_t a, b, c, d;
        double log_p, p;
    };
    // sums in 40-digit arithmetic
    const example examples[] = {
        {1000000, 1001000, 1000, 1200, -10.647632579260526164, 0.000023757017931965286022},
        {500000000, 500100000, 500000000, 500000000, -3.6745912643178779202, 0.025359768847068603238},
        {300000000, 700000000, 300300000, 699700000, -110.02546952431523734, 1.6464392725436605313e-48},
        {2000000, 998000000, 2020000, 997980000, -52.3832948806226357, 1.7791972122916450516e-23},
        {1000, 999000, 1250, 998750, -15.739581161192737999, 1.4601139633537841415e-7},
        {5000, 100, 100, 5000, -6086.600319685183726, 0.0},
        {1000000, 900000, 900000, 1000000, -5270.3418217156766951, 0.0}};
    for (const example& e : examples) {
        INFO(e.a << ' ' << e.b << ' ' << e.c << ' ' << e.d);
        const auto r = stats::fisher_exact(e.a, e.b, e.c, e.d, {.odds_ratio = false});
        CHECK(joust_test::relative_error(r.log_p, e.log_p) < 1e-14);
        CHECK((e.p == 0.0 ? r.p_value == 0.0 : joust_test::relative_error(r.p_value, e.p) < 1e-12));
        // turning the table, either way, changes nothing
        const auto turned = stats::fisher_exact(e.a, e.c, e.b, e.d, {.odds_ratio = false});
        const auto swapped = stats::fisher_exact(e.c, e.d, e.a, e.b, {.odds_ratio = false});
        CHECK(joust_test::relative_error(turned.log_p, r.log_p) < 1e-13);
        CHECK(joust_test::relative_error(swapped.log_p, r.log_p) < 1e-13);
    }
}

TEST_CASE("the odds ratio solves its equation, and its interval both tail equations")
{
    // 30-digit roots. One widespread program stops its search at 1e-5 of them.
    const auto r = stats::fisher_exact(15, 28, 185, 182);
    CHECK(r.estimate == Approx(0.527833534928186028463).epsilon(1e-13));
    CHECK(r.lower == Approx(0.253113626725133322733).epsilon(1e-13));
    CHECK(r.upper == Approx(1.06178733709414690209).epsilon(1e-13));

    for (const auto& t :
         std::vector<std::vector<std::uint64_t>>{{3, 2, 1, 4}, {9, 1, 4, 17}, {30, 70, 45, 55}}) {
        const auto got = stats::fisher_exact(t[0], t[1], t[2], t[3], {.alpha = 0.1});
        const stats::detail::hypergeometric law{static_cast<double>(t[0] + t[1]),
                                                static_cast<double>(t[2] + t[3]),
                                                static_cast<double>(t[0] + t[2])};
        const double a = static_cast<double>(t[0]);
        const auto tilted = [&](double odds, auto weight_of) {
            double sum = 0.0, all = 0.0;
            for (double x = law.low; x <= law.high; x += 1.0) {
                const double mass = std::exp(law.log_pmf(x) + x * std::log(odds));
                all += mass;
                sum += mass * weight_of(x);
            }
            return sum / all;
        };
        CHECK(tilted(got.estimate, [](double x) { return x; }) == Approx(a).epsilon(1e-12));
        CHECK(tilted(got.lower, [&](double x) { return x >= a ? 1.0 : 0.0; }) == Approx(0.05).epsilon(1e-11));
        CHECK(tilted(got.upper, [&](double x) { return x <= a ? 1.0 : 0.0; }) == Approx(0.05).epsilon(1e-11));
        const auto one =
            stats::fisher_exact(t[0], t[1], t[2], t[3], {.alpha = 0.05, .alternative = side::greater});
        CHECK(one.lower == Approx(got.lower).epsilon(1e-12));
        CHECK(one.upper == std::numeric_limits<double>::infinity());
    }
    const auto large = stats::fisher_exact(500000000, 500100000, 500000000, 500000000);
    CHECK(large.estimate == Approx(large.statistic).epsilon(1e-8));
    CHECK(large.lower < large.estimate);
    CHECK(large.estimate < large.upper);
    CHECK(large.upper < 1.0);  // as the two-sided p-value says
}

TEST_CASE("the reference rows of Fisher's test")
{
    int roots = 0;
    for (const auto& row : joust_test::oracle_rows("fisher_exact")) {
        const auto t = row.inputs["table"].get<std::vector<std::vector<std::uint64_t>>>();
        const auto r =
            stats::fisher_exact(t[0][0], t[0][1], t[1][0], t[1][1],
                                {.alternative = row.name == "tiny_greater" ? side::greater : side::two});
        const double want = std::stod(row.value);
        INFO(row.name << ' ' << row.field);
        if (row.field == "p") {
            CHECK(joust_test::relative_error(r.p_value, want) < 1e-12);
        } else {
            // R's search for these roots stops early: see the test above for what they are
            const double got = row.field == "or" ? r.estimate : row.field == "ci_lo" ? r.lower : r.upper;
            CHECK(joust_test::relative_error(got, want) < 2e-4);
            ++roots;
        }
    }
    CHECK(roots == 6);
}

TEST_CASE("a table that says nothing has a state")
{
    CHECK(stats::fisher_exact(0, 0, 3, 4).state == status::too_few);
    const auto none = stats::fisher_exact(0, 10, 0, 12);
    CHECK(none.state == status::zero_variance);
    CHECK(none.p_value == 1.0);
    CHECK(stats::fisher_exact(3, 2, 1, 4, {.alpha = 0.0}).state == status::out_of_range);
    CHECK(stats::fisher_exact(std::numeric_limits<std::uint64_t>::max(), 2, 1, 4).state ==
          status::out_of_range);
    const auto edge = stats::fisher_exact(0, 5, 5, 0);
    CHECK(edge.estimate == 0.0);
    CHECK(edge.lower == 0.0);
    CHECK(edge.upper < 1.0);
    CHECK(edge.p_value == Approx(2.0 / 252.0).epsilon(1e-14));
}
