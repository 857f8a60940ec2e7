// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/sequential/exclusion.hpp>

#include "catch.hpp"
#include "faults/in_child.hpp"
#include "stats/support.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using stats::event_counts;
using stats::excluded_harm;
using stats::exclusion_options;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Two shares: realised odds of 1 to 99 and 1 to 19, which are those of the plan.
constexpr std::array planned{event_counts{9'900, 100, 37, 1, 0.01}, event_counts{5'700, 300, 22, 2, 0.05}};
// The same plan, where a few more requests fell to the challenger.
constexpr std::array realised{event_counts{9'890, 110, 37, 1, 0.01}, event_counts{5'650, 350, 22, 2, 0.05}};
constexpr stats::event_clustering clustered{1.2, 1.5, 3.0};

double log_e(std::span<const event_counts> counts, excluded_harm harm, exclusion_options options = {})
{
    return stats::exclusion_log_e(counts, harm, options);
}

// Binomial probabilities by products, which are exact enough for a few requests.
double binomial(int n, int k, double p)
{
    double value = 1.0;
    for (int i = 0; i < k; ++i) {
        value *= static_cast<double>(n - i) / static_cast<double>(k - i) * p;
    }
    for (int i = 0; i < n - k; ++i) {
        value *= 1.0 - p;
    }
    return value;
}

// The mean of the e-value over everything that may happen in n requests of one share, each randomised by itself.
double mean_e(int n, double s, double p0, double p1, const excluded_harm& harm)
{
    double mean = 0.0;
    for (int n1 = 0; n1 <= n; ++n1) {
        for (int f1 = 0; f1 <= n1; ++f1) {
            for (int f0 = 0; f0 <= n - n1; ++f0) {
                const std::array counts{event_counts{static_cast<double>(n - n1), static_cast<double>(n1),
                                                     static_cast<double>(f0), static_cast<double>(f1), s}};
                mean += binomial(n, n1, s) * binomial(n1, f1, p1) * binomial(n - n1, f0, p0) *
                        std::exp(log_e(counts, harm, {.odds = stats::event_odds::planned}));
            }
        }
    }
    return mean;
}

}  // namespace

TEST_CASE("The log e-values against a harm agree with fifty digits")
{
    const auto agrees = [](double got, double want) { CHECK(joust_test::relative_error(got, want) < 1e-12); };
    agrees(log_e(planned, {.increase = 0.02}), 1.919185532728676725);
    agrees(log_e(planned, {.ratio = 3.0}), -0.17593271681097611621);
    agrees(log_e(planned, {.ratio = 3.0}, {.spread_only = true}), -0.10189564527875374354);
    agrees(log_e(planned, {.ratio = 1.0}), -0.68831836258763349471);
    agrees(log_e(planned, {.increase = 0.02, .ratio = 3.0}), 1.3420916184271264595);
    // A design effect of 2.71 for the larger of both, since the increase is a little more than twice the champion's rate.
    agrees(log_e(planned, {.increase = 0.02, .ratio = 3.0}, {.clustering = clustered}),
           0.26905531129436105401);
    agrees(log_e(planned, {.increase = 0.02}, {.clustering = clustered}), 0.54361782135105118313);
    agrees(log_e(planned, {.ratio = 3.0}, {.clustering = clustered}), -0.11801084959908098055);
    // A million million requests leave what rounding does to 10^8 events.
    constexpr std::array many{event_counts{1e12, 1e12, 1e8, 100'050'000}};
    CHECK(std::fabs(log_e(many, {.ratio = 1.002}) - 49.182085740995448621) < 1e-5);
    CHECK(log_e(many, {.increase = 1e-4}) == Catch::Approx(21199214.477491753352).epsilon(1e-12));
}

TEST_CASE("Realised odds are those of the requests, planned odds those of the share")
{
    constexpr exclusion_options plan{.odds = stats::event_odds::planned};
    CHECK(log_e(planned, {.increase = 0.02, .ratio = 3.0}, plan) ==
          Catch::Approx(log_e(planned, {.increase = 0.02, .ratio = 3.0})).epsilon(1e-12));
    const auto agrees = [](double got, double want) { CHECK(joust_test::relative_error(got, want) < 1e-12); };
    agrees(log_e(realised, {.increase = 0.02}, plan), 2.6103393936375528792);
    agrees(log_e(realised, {.ratio = 3.0}, plan), -0.17593271681097611621);
    agrees(log_e(realised, {.increase = 0.02}), 2.7539993178280819543);
    agrees(log_e(realised, {.ratio = 3.0}), 0.12785693281517917482);
    // Without a share in the entry the odds can only be realised.
    constexpr std::array bare{event_counts{9'900, 100, 37, 1}};
    CHECK(std::isfinite(log_e(bare, {.increase = 0.02})));
    CHECK(std::isnan(log_e(bare, {.increase = 0.02}, plan)));
    // A stage that has not begun needs no share.
    constexpr std::array begun{planned[0], event_counts{}};
    CHECK(log_e(begun, {.increase = 0.02}, plan) ==
          Catch::Approx(log_e({begun.data(), 1}, {.increase = 0.02}, plan)));
}

TEST_CASE(
    "By planned odds the e-value against an increase has a mean of exactly 1 at the null, and less beyond")
{
    for (const double s : {0.05, 0.5, 0.9}) {
        for (const double p0 : {0.0, 0.01, 0.3}) {
            for (const double d : {0.0, 0.02, 0.4}) {
                for (const int n : {1, 2, 7, 12}) {
                    INFO(s << ' ' << p0 << ' ' << d << ' ' << n);
                    CHECK(mean_e(n, s, p0, p0 + d, {.increase = d}) == Catch::Approx(1.0).epsilon(1e-12));
                    CHECK(mean_e(n, s, p0, p0 + d + 0.2, {.increase = d}) < 1.0 - 1e-6);
                    // Within the harm the evidence grows, which makes it a test at all.
                    if (d > 0.0) {
                        CHECK(mean_e(n, s, p0, p0 + 0.5 * d, {.increase = d}) > 1.0);
                    }
                }
            }
        }
    }
}

TEST_CASE(
    "Given the events, the e-value against a ratio has a mean of exactly 1 at the null, and less beyond")
{
    const auto mean_given_events = [](int events, double s, double truth, const excluded_harm& harm,
                                      bool spread) {
        const double q = s * truth / (s * truth + 1.0 - s);
        double mean = 0.0;
        for (int f1 = 0; f1 <= events; ++f1) {
            const std::array counts{
                event_counts{1e6, 1e6, static_cast<double>(events - f1), static_cast<double>(f1), s}};
            mean +=
                binomial(events, f1, q) *
                std::exp(log_e(counts, harm, {.odds = stats::event_odds::planned, .spread_only = spread}));
        }
        return mean;
    };
    for (const double s : {0.01, 0.25, 0.5}) {
        for (const double ratio : {1.0, 1.2, 3.0, 11.0}) {
            for (const int events : {1, 2, 9, 25}) {
                for (const bool spread : {false, true}) {
                    INFO(s << ' ' << ratio << ' ' << events << ' ' << spread);
                    CHECK(mean_given_events(events, s, ratio, {.ratio = ratio}, spread) ==
                          Catch::Approx(1.0).epsilon(1e-11));
                    CHECK(mean_given_events(events, s, 1.5 * ratio, {.ratio = ratio}, spread) < 1.0);
                }
            }
        }
    }
}

TEST_CASE(
    "The mean over requests of the e-value against the larger of both is at most 1 where both are reached")
{
    // x 3 of 20 % is 40 points, more than the increase of 25: the ratio decides.
    CHECK(mean_e(10, 0.3, 0.2, 0.6, {.increase = 0.25, .ratio = 3.0}) < 1.0);
    // 25 points more than 5 % are more than x 3.
    CHECK(mean_e(10, 0.3, 0.05, 0.3, {.increase = 0.25, .ratio = 3.0}) < 1.0);
    // Beyond one of the two only, there is evidence that the larger is not reached.
    CHECK(mean_e(10, 0.3, 0.2, 0.45, {.increase = 0.25, .ratio = 3.0}) > 1.0);
}

TEST_CASE("The largest harm that is not excluded agrees with fifty digits")
{
    const auto limit = [](excluded_harm shape, stats::event_clustering c) {
        const auto found = stats::largest_harm_not_excluded(planned, shape, {.clustering = c});
        CHECK(found.state == status::ok);
        return found.upper;
    };
    CHECK(limit({.increase = 0.001}, {}).increase == Catch::Approx(0.024507974941279386847).epsilon(1e-9));
    CHECK(limit({.ratio = 2.0}, {}).ratio == Catch::Approx(7.7688314918480222224).epsilon(1e-9));
    const auto both = limit({.increase = 0.005, .ratio = 1.5}, {});
    CHECK(both.increase == Catch::Approx(0.005 * 5.4076670911697290695).epsilon(1e-9));
    CHECK(both.ratio == Catch::Approx(1.0 + 0.5 * 5.4076670911697290695).epsilon(1e-9));
    CHECK(limit({.increase = 0.001}, clustered).increase ==
          Catch::Approx(0.049113871191899359007).epsilon(1e-9));
    CHECK(limit({.ratio = 2.0}, clustered).ratio == Catch::Approx(15.331986804985607059).epsilon(1e-9));
    CHECK(std::isnan(limit({.ratio = 2.0}, {}).increase));
    CHECK(std::isnan(limit({.increase = 0.1}, {}).ratio));
}

TEST_CASE("Every harm above the limit is excluded, also where the evidence does not grow with the harm")
{
    // The champion's many events are evidence against every increase, and units with 40 requests each make the design effect
    // grow with the harm faster than the evidence does.
    constexpr std::array counts{event_counts{4'000, 1'000, 150, 12}};
    constexpr stats::event_clustering heavy{1.0, 1.0, 40.0};
    constexpr exclusion_options options{.clustering = heavy};
    CHECK(log_e(counts, {.increase = 1e-6}, options) > std::log(20.0));
    CHECK(log_e(counts, {.increase = 0.005}, options) < std::log(20.0));
    const auto found = stats::largest_harm_not_excluded(counts, {.increase = 0.005}, options);
    REQUIRE(found.state == status::ok);
    CHECK(found.upper.increase > 0.005);
    CHECK(log_e(counts, {.increase = found.upper.increase * (1.0 - 1e-6)}, options) < std::log(20.0));
    for (double d = found.upper.increase * (1.0 + 1e-6); d < 1.0; d *= 1.01) {
        CHECK(log_e(counts, {.increase = d}, options) >= std::log(20.0));
    }
}

TEST_CASE(
    "Limits say what has no end: nothing is excluded without events of the champion, or without successes")
{
    using stats::largest_harm_not_excluded;
    constexpr std::array quiet{event_counts{10'000, 1'000, 0, 0}};
    CHECK(log_e(quiet, {.ratio = 2.0}) == 0.0);
    CHECK(largest_harm_not_excluded(quiet, {.ratio = 2.0}).upper.ratio == infinity);
    CHECK(largest_harm_not_excluded(quiet, {.ratio = 2.0}).state == status::ok);
    // Zero events in 1,000 requests exclude about ln(20) + ln(7) in 1,000, at the largest bet.
    CHECK(largest_harm_not_excluded(quiet, {.increase = 0.01}).upper.increase ==
          Catch::Approx(4.7e-3).epsilon(0.1));
    constexpr std::array broken{event_counts{10'000, 1'000, 0, 1'000}};
    CHECK(largest_harm_not_excluded(broken, {.increase = 0.01}).upper.increase == 1.0);
    CHECK(largest_harm_not_excluded(broken, {.ratio = 2.0}).upper.ratio == infinity);
    CHECK(log_e(broken, {.increase = 0.01}) < -20.0);
    constexpr std::array all{event_counts{10'000, 1'000, 10'000, 1'000}};
    CHECK(largest_harm_not_excluded(all, {.ratio = 2.0}).upper.ratio < 1.3);
    // Where the champion fails often and the challenger never does, every harm is excluded.
    constexpr std::array better{event_counts{10'000, 1'000, 5'000, 0}};
    CHECK(largest_harm_not_excluded(better, {.increase = 0.01}).upper.increase == 0.0);
    CHECK(largest_harm_not_excluded(better, {.ratio = 2.0}).upper.ratio == 1.0);
    const auto neither = largest_harm_not_excluded(better, {.increase = 0.01, .ratio = 2.0}).upper;
    CHECK(neither == excluded_harm{0.0, 1.0});
    constexpr std::array one_arm{event_counts{10'000, 0, 5, 0}, event_counts{0, 500, 0, 0}};
    CHECK(largest_harm_not_excluded(one_arm, {.increase = 0.01}).state == status::too_few);
    CHECK(log_e(one_arm, {.increase = 0.01}) == 0.0);
    CHECK(largest_harm_not_excluded({}, {.increase = 0.01}).state == status::too_few);
    // An increase of 1 is disproved by the first request that succeeds.
    CHECK(log_e(quiet, {.increase = 1.0}) > 1e5);
    CHECK(log_e(broken, {.increase = 2.0}) < 0.0);
}

TEST_CASE("What is out of range excludes nothing")
{
    for (const auto& counts :
         {event_counts{-1, 10, 0, 0}, event_counts{10, 10, 11, 0}, event_counts{10, 10, 0, 11},
          event_counts{10, 10, 0, 0, 1.5}, event_counts{infinity, 10, 0, 0},
          event_counts{10, stats::not_a_number, 0, 0}}) {
        const std::array one{counts};
        CHECK(std::isnan(log_e(one, {.increase = 0.1})));
        CHECK(stats::largest_harm_not_excluded(one, {.increase = 0.1}).state == status::out_of_range);
    }
    for (const auto& harm : {excluded_harm{}, excluded_harm{.increase = -0.1}, excluded_harm{.ratio = 0.0},
                             excluded_harm{.ratio = infinity}}) {
        CHECK(std::isnan(log_e(planned, harm)));
        CHECK(stats::largest_harm_not_excluded(planned, harm).state == status::out_of_range);
    }
    CHECK(std::isnan(log_e(planned, {.increase = 0.1}, {.beta = 0.0})));
    CHECK(std::isnan(log_e(planned, {.increase = 0.1}, {.clustering = {0.5, 1.0, 1.0}})));
    CHECK(std::isnan(log_e(planned, {.increase = 0.1}, {.clustering = {1.0, stats::not_a_number, 1.0}})));
}

TEST_CASE("The design effect takes what is to be excluded to come as units that fail wholly")
{
    using stats::exclusion_design_effect;
    // What is known weighs 1 % at an effect of 1.2, and what is to be excluded 3 % at 8 requests a unit.
    CHECK(exclusion_design_effect({1.2, 1.5, 8.0}, 0.01, {.increase = 0.03}) ==
          Catch::Approx((1.2 * 0.01 + 8.0 * 0.03) / 0.04).epsilon(1e-14));
    CHECK(exclusion_design_effect({1.2, 1.5, 8.0}, 0.01, {.increase = 0.001, .ratio = 4.0}) ==
          Catch::Approx((1.2 * 0.01 + 8.0 * 0.03) / 0.04).epsilon(1e-14));
    CHECK(exclusion_design_effect({1.2, 1.5, 8.0}, 0.0, {.ratio = 4.0}) ==
          Catch::Approx((1.2 + 8.0 * 3.0) / 4.0).epsilon(1e-14));
    CHECK(exclusion_design_effect({1.2, 1.5, 8.0}, 0.0, {.increase = 0.01}) == 8.0);
    CHECK(exclusion_design_effect({1.2, 1.5, 1.0}, 0.01, {.increase = 0.03}) == 1.5);
    CHECK(exclusion_design_effect({1.2, 1.5, 8.0}, 0.01, {.ratio = 1.0}) == 1.5);
    CHECK(std::isnan(exclusion_design_effect({1.2, 1.5, 8.0}, -0.1, {.ratio = 2.0})));
}

namespace {

// The sums of one metric over buckets, with each request's value added as the trials add it.
struct buckets {
    static constexpr std::size_t size = 1'024;
    std::vector<double> sums[8];
    std::array<event_counts, 2> counts{event_counts{0, 0, 0, 0, 0.05}, event_counts{0, 0, 0, 0, 0.25}};

    buckets()
    {
        for (auto& each : sums) {
            each.assign(size, 0.0);
        }
    }

    void add(std::size_t bucket, std::size_t stage, bool challenger, double x)
    {
        auto& k = counts[stage];
        const double s = k.share, root = std::sqrt(s * (1.0 - s));
        const std::size_t arm = challenger ? 0U : 1U;
        const double weight = challenger ? 1.0 - s : s;
        sums[arm][bucket] += weight * x;
        sums[2 + arm][bucket] += root * x;
        sums[4 + arm][bucket] += weight;
        sums[6 + arm][bucket] += root;
        (challenger ? k.challenger_requests : k.champion_requests) += 1.0;
        (challenger ? k.challenger_events : k.champion_events) += x;
    }

    [[nodiscard]] stats::score_sums view() const
    {
        return {sums[0], sums[1], sums[2], sums[3], sums[4], sums[5], sums[6], sums[7]};
    }
};

// Units of `visits` requests each, of which a part fails always and the others never.
buckets flaky_units(std::size_t units, int visits, double part, std::uint64_t seed)
{
    joust_test::engine engine{seed};
    buckets out;
    for (std::size_t unit = 0; unit < units; ++unit) {
        const std::size_t stage = unit % 2U;
        const bool challenger = engine.coin(out.counts[stage].share);
        const bool fails = engine.coin(part);
        const std::size_t bucket = engine.next() % buckets::size;
        for (int i = 0; i < visits; ++i) {
            out.add(bucket, stage, challenger, fails ? 1.0 : 0.0);
        }
    }
    return out;
}

}  // namespace

TEST_CASE(
    "The design effects of the events are 1 for single requests, and the visits of units that fail wholly")
{
    const buckets single = flaky_units(20'000, 1, 0.05, 1);
    const auto one = stats::clustering_of(single.view(), single.counts, 1.0);
    CHECK(one.arm_free == Catch::Approx(1.0).margin(0.15));
    CHECK(one.observed == Catch::Approx(1.0).margin(0.25));
    CHECK(one.observed >= one.arm_free);
    const buckets many = flaky_units(20'000, 6, 0.05, 2);
    const auto six = stats::clustering_of(many.view(), many.counts, 6.0);
    CHECK(six.arm_free == Catch::Approx(6.0).epsilon(0.15));
    CHECK(six.observed == Catch::Approx(6.0).epsilon(0.25));
    CHECK(six.requests_per_unit == 6.0);
}

TEST_CASE(
    "The design effect that depends on arms waits for ten expected events of the challenger and 30 buckets")
{
    buckets few;
    // 100 events of one bucket in the champion: 7.5 expected of the challenger at a share of 5 % and 25 %.
    for (std::size_t i = 0; i < 2'000; ++i) {
        few.add(i % buckets::size, 0, i % 20 == 0, 0.0);
    }
    for (int i = 0; i < 100; ++i) {
        few.add(7, 0, false, 1.0);
    }
    const auto early = stats::clustering_of(few.view(), few.counts, 1.0);
    CHECK(early.arm_free > 50.0);
    CHECK(early.observed == early.arm_free);
    // In the challenger they weigh more than in both arms together.
    for (int i = 0; i < 110; ++i) {
        few.add(9, 0, true, 1.0);
    }
    const auto late = stats::clustering_of(few.view(), few.counts, 0.0);
    CHECK(late.observed >= late.arm_free);
    CHECK(late.requests_per_unit == 1.0);
    const buckets none;
    const auto empty = stats::clustering_of(none.view(), none.counts, 1.0);
    CHECK(empty == stats::event_clustering{});
    auto uneven = few.view();
    uneven.p1 = uneven.p1.first(100);
    CHECK(std::isnan(stats::clustering_of(uneven, few.counts, 1.0).arm_free));
}

TEST_CASE("A harm to a mean is excluded by the one-sided score at the harm")
{
    joust_test::engine engine{3};
    buckets values;
    for (int i = 0; i < 60'000; ++i) {
        const std::size_t stage = i < 30'000 ? 0U : 1U;
        values.add(engine.next() % buckets::size, stage, engine.coin(values.counts[stage].share),
                   engine.coin(0.8) ? 1.0 : 0.0);
    }
    const auto sums = values.view();
    for (const bool up : {false, true}) {
        for (const bool relative : {false, true}) {
            const stats::mean_exclusion_options options{
                .harm = 0.03, .relative = relative, .harm_is_up = up, .rho = 100.0};
            const auto got = stats::exclude_mean(sums, options);
            REQUIRE(got.state == status::ok);
            const stats::score_options asked{.rho = 100.0,
                                             .alternative = up ? stats::side::less : stats::side::greater,
                                             .null = up ? 0.03 : -0.03};
            const auto want =
                relative ? stats::relative_score_test(sums, asked) : stats::score_test(sums, asked);
            // ln 2 - ln(1 + V / rho) / 2 + S^2 / (2 (V + rho)) + ln Phi(|S| / sqrt(V + rho)), as S has the sign of no harm.
            const double v = std::fmax(want.v, want.v0), all = v + 100.0,
                         z = std::fabs(want.s) / std::sqrt(all);
            CHECK((want.s < 0.0) == up);
            CHECK(got.log_e == Catch::Approx(std::log(2.0) - 0.5 * std::log(all / 100.0) + 0.5 * z * z +
                                             std::log(0.5 * std::erfc(-z / std::sqrt(2.0))))
                                   .epsilon(1e-9));
            // At the limit the evidence is 1 / beta.
            REQUIRE(got.upper > 0.0);
            auto at_limit = options;
            at_limit.harm = got.upper;
            CHECK(stats::exclude_mean(sums, at_limit).log_e == Catch::Approx(std::log(20.0)).epsilon(1e-6));
            CHECK(got.upper > got.estimate);
            CHECK((got.log_e >= std::log(20.0)) == (got.upper <= 0.03));
        }
    }
}

TEST_CASE("A harm to a mean is not excluded during the burn-in, and what is out of range says so")
{
    buckets few;
    for (std::size_t i = 0; i < 400; ++i) {
        few.add(i, 0, i % 20 == 0, i % 3 == 0 ? 1.0 : 0.0);
    }
    const auto early = stats::exclude_mean(few.view(), {.harm = 0.5});
    CHECK(early.state == status::burn_in);
    CHECK(early.log_e == 0.0);
    CHECK(early.upper == infinity);
    CHECK(stats::exclude_mean(few.view(), {.harm = -0.1}).state == status::out_of_range);
    CHECK(stats::exclude_mean(few.view(), {.harm = 1.0, .relative = true}).state == status::out_of_range);
    CHECK(stats::exclude_mean(few.view(), {.harm = stats::not_a_number}).state == status::out_of_range);
    CHECK(stats::exclude_mean({}, {.harm = 0.1}).state == status::too_few);
}

TEST_CASE("Exclusions and their limits end at the corners of their domain")
{
    joust_test::in_child([](joust_test::corner_walk& walk) {
        constexpr std::array requests{0.0, 1.0, 3.0, 1e3, 1e12, 1e300};
        constexpr std::array parts{0.0, 1e-12, 0.01, 0.5, 1.0};
        constexpr std::array harms{excluded_harm{.increase = 1e-300},
                                   excluded_harm{.increase = 1e-6},
                                   excluded_harm{.increase = 0.5, .ratio = 1.0},
                                   excluded_harm{.increase = 0.0, .ratio = 1.5},
                                   excluded_harm{.ratio = 1.0 + 1e-15},
                                   excluded_harm{.ratio = 1e300},
                                   excluded_harm{.increase = 0.005, .ratio = 1.5},
                                   excluded_harm{.increase = 1e300, .ratio = 1e300}};
        constexpr std::array clusterings{stats::event_clustering{}, stats::event_clustering{1.0, 1e9, 1e12},
                                         stats::event_clustering{1e300, 1e300, 0.0}};
        for (const double n0 : requests) {
            for (const double n1 : requests) {
                for (const double f0 : parts) {
                    for (const double f1 : parts) {
                        const std::array counts{event_counts{n0, n1, n0 * f0, n1 * f1}};
                        for (const auto& harm : harms) {
                            const auto& c = clusterings[static_cast<std::size_t>(&harm - harms.data()) %
                                                        clusterings.size()];
                            walk.call(
                                "limit",
                                [&](double, double, double, double) {
                                    const exclusion_options options{.clustering = c};
                                    const auto at = stats::largest_harm_not_excluded(counts, harm, options);
                                    if (std::isnan(at.upper.increase) && std::isnan(at.upper.ratio) &&
                                        at.state != status::out_of_range) {
                                        _exit(4);
                                    }
                                    if (std::isnan(stats::exclusion_log_e(counts, harm, options))) {
                                        _exit(5);
                                    }
                                    if (at.state == status::not_converged) {
                                        _exit(6);
                                    }
                                },
                                n0, n1, f0, f1);
                        }
                    }
                }
            }
        }
        for (const double share : {0.0, 5e-324, 1e-300, 1.0 - 0x1p-53, 1.0}) {
            walk.call(
                "shares",
                [&](double s) {
                    const std::array counts{event_counts{1e6, 1e6, 1e3, 1e3, s}};
                    const exclusion_options options{.odds = stats::event_odds::planned};
                    (void)stats::largest_harm_not_excluded(counts, {.increase = 0.1, .ratio = 2.0}, options);
                },
                share);
        }
    });
}
