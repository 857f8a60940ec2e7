// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/inference/bayesian.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/store/snapshot.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>

#include "allocations.hpp"
#include "catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace joust;

namespace {

const auto itself = [](std::uint64_t user) { return user; };
const auto zero = [](std::uint64_t) { return 0; };
const auto one = [](std::uint64_t) { return 1; };

const metric_row& metric_of(const report& r, std::string_view name, std::string_view arm = "")
{
    for (const auto& m : r.metrics) {
        if (m.metric.find(name) == 0 && (arm.empty() || m.arm == arm)) {
            return m;
        }
    }
    throw std::out_of_range(std::string{name});
}

template <class... Policies>
auto trial_of(std::string_view salt, share_list shares, Policies... policies)
{
    return ab_test{model{"old", zero}, model{"new", one}, by(itself),
                   hash_split{.salt = salt, .shares = shares}, policies...};
}

/// A user's waiting time is lognormal, and a part of it is the same in every visit.
double wait_of(std::uint64_t user, keyed_random& random, double factor = 1.0)
{
    keyed_random own{77, user};
    return factor * 100.0 * std::exp(0.5 * own.normal() + 0.5 * random.normal());
}

/// One value in a raw log.
struct logged {
    std::uint64_t unit;
    bool challenger;
    double s;
    double value;
};

double share_at_most(const std::vector<logged>& log, bool challenger, double value)
{
    double below = 0.0;
    double all = 0.0;
    for (const logged& each : log) {
        if (each.challenger == challenger) {
            const double weight = challenger ? 1.0 - each.s : each.s;
            all += weight;
            below += each.value <= value ? weight : 0.0;
        }
    }
    return below / all;
}

/// Return the smallest value of an arm up to which its weight reaches a share.
double quantile_of(const std::vector<logged>& log, bool challenger, double q)
{
    std::vector<std::pair<double, double>> values;
    double all = 0.0;
    for (const logged& each : log) {
        if (each.challenger == challenger) {
            values.emplace_back(each.value, challenger ? 1.0 - each.s : each.s);
            all += values.back().second;
        }
    }
    std::sort(values.begin(), values.end());
    double below = 0.0;
    for (const auto& [value, weight] : values) {
        below += weight;
        if (below >= q * all) {
            return value;
        }
    }
    return values.back().first;
}

struct sums {
    std::vector<double> challenger = std::vector<double>(bucket_count);
    std::vector<double> champion = std::vector<double>(bucket_count);
    std::vector<double> challenger_root = std::vector<double>(bucket_count);
    std::vector<double> champion_root = std::vector<double>(bucket_count);

    void add(const logged& seen, double x)
    {
        const std::size_t bucket = seen.unit / (std::uint64_t{1} << 54);
        (seen.challenger ? challenger : champion)[bucket] += (seen.challenger ? 1.0 - seen.s : seen.s) * x;
        (seen.challenger ? challenger_root : champion_root)[bucket] += std::sqrt(seen.s * (1.0 - seen.s)) * x;
    }
};

}  // namespace

TEST_CASE("a report of a quantile is what a raw log gives by hand")
{
    for (const double q : {0.9, 0.3}) {
        INFO(q);
        std::vector<logged> served;
        std::vector<logged> log;
        auto trial = trial_of("by hand", {0.8, 0.2}, quantile<"wait">{.q = q, .better = better::down},
                              record_with([&](const event& e) {
                                  const double own = static_cast<double>(e.ticket.propensity());
                                  const logged seen{e.ticket.unit(), e.ticket.arm() == 1,
                                                    e.ticket.arm() == 1 ? own : 1.0 - own, e.value};
                                  (e.kind == event::what::exposure ? served : log).push_back(seen);
                              }));
        keyed_random random{5};
        for (int i = 0; i < 20'000; ++i) {
            const std::uint64_t user = random.below(4'000);
            const auto [arm, ticket] = trial.serve(user);
            // Feedback does not always come, and it comes more often for one arm.
            if (random.chance(arm == 1 ? 0.7 : 0.6)) {
                trial.observe<"wait">(ticket, wait_of(user, random, arm == 1 ? 0.9 : 1.0));
            }
        }
        const report r = trial.report();
        const metric_row& row = metric_of(r, "wait");
        CHECK(row.metric == "wait p" + std::to_string(static_cast<int>(100.0 * q)));

        // The threshold is the end of a bin at the quantile of the champion's first thousand values.
        std::vector<double> first;
        std::size_t begin = 0;
        for (; first.size() < 1'000; ++begin) {
            if (!log[begin].challenger) {
                first.push_back(log[begin].value);
            }
        }
        std::sort(first.begin(), first.end());
        const auto bin = value_bins::of(first[static_cast<std::size_t>(std::ceil(q * 1'000.0)) - 1]);
        const double upper = value_bins::range_of(bin).upper;
        const double lower = value_bins::range_of(bin - 1).upper;
        const auto beyond = [&](double at) {
            return static_cast<double>(first.end() - std::upper_bound(first.begin(), first.end(), at));
        };
        const double threshold =
            std::fabs(beyond(lower) - 1'000.0 * (1.0 - q)) < std::fabs(beyond(upper) - 1'000.0 * (1.0 - q))
                ? lower
                : upper;
        CHECK(trial.evidence().quantiles[0].lowest == threshold);

        // The test counts exceedances among the values that came afterwards.
        sums x, d, exposures;
        double expected = 0.0;
        double n[2] = {0.0, 0.0};
        for (std::size_t i = begin; i < log.size(); ++i) {
            const double counted = (log[i].value > threshold ? 1.0 : 0.0) - (q < 0.5 ? 1.0 : 0.0);
            x.add(log[i], counted);
            d.add(log[i], 1.0);
            expected += counted != 0.0 ? log[i].s : 0.0;
            n[log[i].challenger ? 1 : 0] += 1.0;
        }
        for (const logged& each : served) {
            exposures.add(each, 1.0);
        }
        test_memory memory;
        const inference by_hand = always_valid{}.infer(
            {.sums = {x.challenger, x.champion, x.challenger_root, x.champion_root, exposures.challenger,
                      exposures.champion, exposures.challenger_root, exposures.champion_root, d.challenger,
                      d.champion, d.challenger_root, d.champion_root},
             .expected_events = expected,
             .exposures = static_cast<double>(served.size()),
             .planned_information = 10'000 * 0.16},
            {}, memory);
        REQUIRE(by_hand.state == status::ok);
        CHECK(row.state == status::ok);
        CHECK(row.p_value == Approx(by_hand.p_value).epsilon(1e-6));
        CHECK(row.e_value == Approx(std::exp(by_hand.log_e)).epsilon(1e-6));

        // The report has quantiles in milliseconds, and the interval carried through the challenger's values.
        constexpr double sketch = 1.0 / 64.0;
        CHECK(row.champion == Approx(quantile_of(log, false, q)).epsilon(sketch));
        CHECK(row.challenger == Approx(quantile_of(log, true, q)).epsilon(sketch));
        const double share = share_at_most(log, true, threshold);
        const double level = share + by_hand.estimate;
        const double at = share * (1.0 - share) / n[1];
        const double sought = level * (1.0 - level) / n[1];
        const double other = level * (1.0 - level) / n[0];
        const double wider = std::sqrt(std::fmax(1.0, (sought + other) / (at + other)));
        const double low = quantile_of(log, true, level - wider * (by_hand.estimate - by_hand.lower));
        const double high = quantile_of(log, true, level + wider * (by_hand.upper - by_hand.estimate));
        const double bin_here = threshold * sketch;
        CHECK(row.estimate == Approx(quantile_of(log, true, level) - threshold).margin(bin_here));
        CHECK(row.lower <= low - threshold + 1e-9);
        CHECK(row.lower >= low - threshold - bin_here);
        CHECK(row.upper >= high - threshold - 1e-9);
        CHECK(row.upper <= high - threshold + 1.3 * bin_here);
        CHECK(row.lower < row.estimate);
        CHECK(row.estimate < row.upper);
        std::string text;
        r.write(text, style::table);
        CHECK_THAT(text, ContainsSubstring("exceed the champion's threshold of "));
        CHECK_THAT(text, !ContainsSubstring("delta method by cluster"));
    }
}

namespace {

/// The evidence of a quantile metric, with the values 1 to 100 of a challenger and no values of a champion, and an
/// answer about it.
struct led_through {
    quantile_evidence values{.q = 0.9, .values = std::vector<value_sketch>(2)};
    pair_evidence pair;
    detail::metric_spec spec;

    explicit led_through(double threshold)
    {
        for (int v = 1; v <= 100; ++v) {
            values.values[1].add_bin(value_bins::of(static_cast<double>(v)), 0.5);
        }
        values.lowest = values.highest = value_bins::range_of(value_bins::of(threshold)).upper;
        pair.series.assign(4, bucket_sums{bucket_count});
        pair.series[3].challenger_count = 100;
        pair.series[3].champion_count = 300;
        spec.denominator = 3;
        spec.quantile = 0;
        spec.q = 0.9;
    }

    inference operator()(double estimate, double lower, double upper) const
    {
        inference answer{.method = "by hand",
                         .champion = 0.1,
                         .challenger = 0.1,
                         .estimate = estimate,
                         .lower = lower,
                         .upper = upper,
                         .p_value = 0.5,
                         .log_e = 1.0,
                         .state = status::ok};
        detail::answer_in_values(answer, values, pair, 0, spec);
        CHECK(answer.p_value == 0.5);
        CHECK(answer.log_e == 1.0);
        return answer;
    }
};

constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("a difference of exceedances is led through the challenger's values to their outer ends")
{
    const led_through at_80{80.0};
    const double c = at_80.values.lowest;
    const auto bin = [](double v) { return value_bins::range_of(value_bins::of(v)); };
    // 80 of 100 values are at most c, and five in a hundred more make 85. The noise is smaller there, so nothing is
    // widened.
    const inference more = at_80(0.055, 0.015, 0.095);
    CHECK(more.state == status::ok);
    CHECK(std::isnan(more.champion));
    CHECK(more.challenger == Approx(90.0).epsilon(1.0 / 64.0));
    CHECK(more.estimate == Approx(86.0 - c).margin(86.0 / 64.0));
    CHECK(more.lower == bin(82.0).lower - c);
    CHECK(more.upper == bin(90.0).upper - c);
    // With fewer, the share at the quantile is nearer to a half, and its noise is larger.
    const inference less = at_80(-0.105, -0.185, -0.025);
    const double wider = std::sqrt((0.695 * 0.305 / 100.0 + 0.695 * 0.305 / 300.0) /
                                   (0.8 * 0.2 / 100.0 + 0.695 * 0.305 / 300.0));
    CHECK(wider > 1.05);
    CHECK(less.estimate == Approx(70.0 - c).margin(70.0 / 64.0));
    CHECK(less.lower == bin(std::ceil(69.5 - wider * 8.0)).lower - c);
    CHECK(less.upper == bin(std::ceil(69.5 + wider * 8.0)).upper - c);
    // A value that the test excludes stays excluded, if only by the end of a bin, and any other value stays inside.
    CHECK(at_80(0.001, 0.0001, 0.002).lower == Approx(0.0).margin(1e-12));
    CHECK(at_80(0.001, 0.0001, 0.002).lower >= 0.0);
    CHECK(at_80(-0.001, -0.002, -0.0001).upper == 0.0);
    const inference open = at_80(0.0, -0.001, 0.001);
    CHECK(open.lower < 0.0);
    CHECK(open.upper >= 0.0);
    CHECK(std::fabs(open.estimate) < 1e-9);
}

TEST_CASE("beyond all values the interval has no end, and without values there is none")
{
    const led_through at_90{90.0};
    const inference wide = at_90(0.0, -0.95, 0.15);
    CHECK(wide.lower == -infinity);
    CHECK(wide.upper == infinity);
    const inference unbounded = at_90(0.0, -infinity, infinity);
    CHECK(unbounded.lower == -infinity);
    CHECK(unbounded.upper == infinity);
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const inference burning = at_90(0.05, nan, nan);
    CHECK(burning.estimate > 0.0);
    CHECK(std::isnan(burning.lower));
    CHECK(std::isnan(burning.upper));
    led_through nobody{90.0};
    nobody.values.values[1].clear();
    const inference none = nobody(nan, nan, nan);
    CHECK(std::isnan(none.challenger));
    CHECK(std::isnan(none.estimate));
    led_through huge{90.0};
    huge.values.values[1].add_bin(value_bins::count - 1, 50.0);
    CHECK(huge(0.2, 0.1, 0.3).upper == infinity);  // The last bin holds all larger values.
    led_through early{90.0};
    early.values.lowest = infinity;
    early.values.highest = -infinity;
    CHECK(early(0.0, -0.1, 0.1).state == status::burn_in);
    CHECK(std::isnan(early(0.0, -0.1, 0.1).lower));
}

TEST_CASE("margins and several thresholds have their place on that way")
{
    led_through ratio{60.0};
    ratio.spec.role = detail::metric_spec::part::guardrail;
    ratio.spec.limit = {true, true, 1.25};
    const double c = ratio.values.lowest;
    // The challenger's own threshold is near 75. Ten in a hundred more than allowed exceed it, so its quantile is near 85.
    const inference broken = ratio(0.1, 0.0001, 0.15);
    CHECK(broken.estimate == Approx(85.0 / 60.0).epsilon(0.03));
    CHECK(broken.lower == Approx(1.25).epsilon(1e-12));
    CHECK(broken.upper == Approx(90.0 / 60.0).epsilon(0.03));
    ratio.spec.limit = {true, false, 15.0};
    CHECK(ratio(0.1, 0.0001, 0.15).lower == Approx(15.0).epsilon(1e-12));
    // With the two thresholds of two replicas, the interval reaches from the lower of both lower ends to the higher of
    // both upper ends.
    led_through low{50.0};
    led_through high{55.0};
    led_through both{50.0};
    both.values.highest = high.values.highest;
    const inference a = low(0.05, -0.02, 0.12);
    const inference b = high(0.05, -0.02, 0.12);
    const inference spanned = both(0.05, -0.02, 0.12);
    CHECK(spanned.lower == std::fmin(a.lower, b.lower));
    CHECK(spanned.upper == std::fmax(a.upper, b.upper));
    CHECK(spanned.estimate == Approx(0.5 * (a.estimate + b.estimate)).epsilon(1e-12));
    // A margin cannot be a multiple of a number that is not positive.
    led_through negative{-3.0};
    negative.spec.limit = {true, true, 1.25};
    CHECK(negative(0.1, 0.05, 0.15).state == status::out_of_range);
    CHECK(std::isnan(negative(0.1, 0.05, 0.15).upper));
    CHECK(c > 59.0);
}

TEST_CASE("a shorter wait is better where less is, and a longer one loses")
{
    for (const auto& [factor, wanted] :
         {std::pair{0.7, verdict::ship_challenger}, std::pair{1.4, verdict::keep_champion}}) {
        auto trial = trial_of("direction", {0.5, 0.5}, conversion<"click">{},
                              primary(quantile<"wait">{.q = 0.9, .better = better::down}));
        keyed_random random{6};
        for (int i = 0; i < 20'000; ++i) {
            const std::uint64_t user = random.below(5'000);
            const auto [arm, ticket] = trial.serve(user);
            CHECK(trial.observe<"wait">(ticket, wait_of(user, random, arm == 1 ? factor : 1.0)));
        }
        const report r = trial.report();
        CHECK(r.decision == wanted);
        const metric_row& row = metric_of(r, "wait p90");
        // The true quantiles follow from the standard deviation of the logarithm, which is sqrt(1/2).
        const double q90 = 100.0 * std::exp(1.2815515655446004 * std::sqrt(0.5));
        CHECK(row.champion == Approx(q90).epsilon(0.04));
        CHECK(row.challenger == Approx(factor * q90).epsilon(0.04));
        CHECK(row.estimate == Approx((factor - 1.0) * q90).epsilon(0.2));
        CHECK(row.lower < (factor - 1.0) * q90);
        CHECK(row.upper > (factor - 1.0) * q90);
        CHECK((factor < 1.0 ? row.upper <= 0.0 : row.lower >= 0.0));
    }
}

TEST_CASE("values of both signs, and lower quantiles, have a direction too")
{
    auto trial = trial_of("signs", {0.5, 0.5}, quantile<"margin">{.q = 0.1}, quantile<"middle">{.q = 0.5});
    keyed_random random{7};
    for (int i = 0; i < 20'000; ++i) {
        const auto [arm, ticket] = trial.serve(random.below(5'000));
        const double value = random.normal() + (arm == 1 ? 0.3 : 0.0);
        trial.observe<"margin">(ticket, value);
        trial.observe<"middle">(ticket, value - 0.15);
    }
    const report r = trial.report();
    CHECK(r.decision == verdict::ship_challenger);
    CHECK(metric_of(r, "margin p10").champion == Approx(-1.2816).margin(0.06));
    CHECK(metric_of(r, "margin p10").estimate == Approx(0.3).margin(0.1));
    CHECK(metric_of(r, "margin p10").lower >= 0.0);
    CHECK(metric_of(r, "middle p50").champion == Approx(-0.15).margin(0.04));
    CHECK(metric_of(r, "middle p50").challenger == Approx(0.15).margin(0.04));
    CHECK(metric_of(r, "middle p50").lower >= 0.0);
    CHECK(metric_of(r, "middle p50").upper > 0.3);
}

TEST_CASE("nothing is claimed in the warm-up, nor in the burn-in after it")
{
    auto trial = trial_of("warm", {0.5, 0.5}, quantile<"wait">{.warm_up = 500, .better = better::down});
    const report none = trial.report();
    CHECK(none.decision == verdict::keep_testing);
    CHECK(metric_of(none, "wait").state == status::burn_in);
    CHECK(std::isnan(metric_of(none, "wait").champion));
    keyed_random random{8};
    const auto serve_until = [&](double champions) {
        for (double n = 0.0; n < champions;) {
            const auto [arm, ticket] = trial.serve(random.below(5'000));
            trial.observe<"wait">(ticket, std::exp(random.normal()) + (arm == 1 ? 100.0 : 0.0));
            n += arm == 0 ? 1.0 : 0.0;
        }
    };
    serve_until(499);
    const report warm = trial.report();
    CHECK(metric_of(warm, "wait").state == status::burn_in);
    CHECK(metric_of(warm, "wait").champion > 0.0);
    CHECK(std::isnan(metric_of(warm, "wait").estimate));
    CHECK(std::isnan(metric_of(warm, "wait").lower));
    CHECK_THAT(warm.reason, ContainsSubstring("burn-in"));
    std::string text;
    warm.write(text, style::table);
    CHECK_THAT(text, ContainsSubstring("wait has no threshold yet"));
    serve_until(1);
    CHECK(trial.evidence().quantiles[0].fixed());
    serve_until(3);
    const report burnt = trial.report();
    CHECK(burnt.decision == verdict::keep_testing);
    CHECK(metric_of(burnt, "wait").state == status::burn_in);
    CHECK(std::isnan(metric_of(burnt, "wait").estimate));
    serve_until(500);
    CHECK(trial.report().decision == verdict::keep_champion);
}

TEST_CASE("values that are no numbers are counted and refused, and a second one for a ticket is")
{
    auto trial = trial_of("refused", {0.5, 0.5}, quantile<"wait">{}, quantile<"each">{.accumulate = true});
    const ticket receipt = trial.serve(std::uint64_t{7}).ticket;
    for (const double bad :
         {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
          -std::numeric_limits<double>::infinity()}) {
        CHECK_FALSE(trial.observe<"wait">(receipt, bad));
    }
    CHECK(trial.observe<"wait">(receipt, 3.0));
    CHECK_FALSE(trial.observe<"wait">(receipt, 4.0));
    CHECK(trial.observe<"each">(receipt, 3.0));
    CHECK(trial.observe<"each">(receipt, 4.0));
    CHECK(trial.observe<"wait">(std::uint64_t{7}, 5.0));  // The feedback comes by unit.
    const evidence seen = trial.evidence();
    CHECK(seen.ignored[static_cast<std::size_t>(detail::ignored::invalid_value)] == 3);
    CHECK(seen.ignored[static_cast<std::size_t>(detail::ignored::repeated)] == 1);
    const auto weight = [](const quantile_evidence& of) {
        double all = 0.0;
        for (const value_sketch& sketch : of.values) {
            for (const double each : sketch.weights()) {
                all += each;
            }
        }
        return all;
    };
    CHECK(weight(seen.quantiles[0]) == 1.0);
    CHECK(weight(seen.quantiles[1]) == 1.0);
}

TEST_CASE("a guardrail on a quantile breaks where the challenger's is beyond the margin, and holds within it")
{
    for (const auto& [factor, breaks] :
         {std::pair{1.0, false}, std::pair{1.05, false}, std::pair{1.35, true}}) {
        INFO(factor);
        canary trial{model{"old", zero},
                     model{"new", one},
                     by(itself),
                     hash_split{.salt = "guarded quantile"},
                     guardrail(quantile<"wait">{.q = 0.9}, {.max_ratio = 1.10}),
                     guardrail(quantile<"slow">{.q = 0.95}, {.max_increase = 60.0}),
                     ramp{.shares = {0.05, 0.25, 0.5}, .requests = 2'000}};
        keyed_random random{9};
        for (int i = 0; i < 40'000 && !trial.rolled_back(); ++i) {
            const std::uint64_t user = random.below(5'000);
            const auto [arm, ticket] = trial.serve(user);
            trial.observe<"wait">(ticket, wait_of(user, random, arm == 1 ? factor : 1.0));
            trial.observe<"slow">(ticket, wait_of(user, random));
        }
        const report r = trial.report();
        CHECK(trial.rolled_back() == breaks);
        const metric_row& row = metric_of(r, "wait p90 (ratio)");
        CHECK(row.reference == 1.0);
        CHECK(row.margin == 1.10);
        CHECK(row.role == "guardrail, at most x 1.1");
        CHECK(row.lower < factor);
        CHECK(row.upper > factor);
        if (breaks) {
            CHECK(row.lower > 1.0);  // The interval is two-sided, and the guardrail's test one-sided.
            CHECK(row.estimate > 1.10);
            CHECK_THAT(r.reason, ContainsSubstring("wait"));
            CHECK(standing_of(row) == standing::beyond_margin);
        } else {
            CHECK(row.estimate == Approx(factor).epsilon(0.08));
            CHECK(standing_of(row) != standing::beyond_margin);
        }
        std::string text;
        r.write(text, style::table);
        CHECK_THAT(text, ContainsSubstring("or the challenger's of "));
        CHECK(metric_of(r, "slow p95").margin == 60.0);
        CHECK(standing_of(metric_of(r, "slow p95")) != standing::beyond_margin);
    }
}

TEST_CASE("guardrails on quantiles may bound them from below")
{
    canary trial{model{"old", zero},
                 model{"new", one},
                 by(itself),
                 hash_split{.salt = "below"},
                 guardrail(quantile<"score">{.q = 0.1}, {.max_decrease = 0.2}),
                 guardrail(quantile<"rating">{.q = 0.5}, {.min_ratio = 0.9}),
                 ramp{.shares = {0.5}, .requests = 1'000'000}};
    keyed_random random{10};
    for (int i = 0; i < 30'000 && !trial.rolled_back(); ++i) {
        const auto [arm, ticket] = trial.serve(random.below(5'000));
        trial.observe<"score">(ticket, random.normal() - (arm == 1 ? 0.1 : 0.0));
        trial.observe<"rating">(ticket, (arm == 1 ? 0.8 : 1.0) * (4.0 + random.uniform()));
    }
    CHECK(trial.rolled_back());
    const report r = trial.report();
    CHECK_THAT(r.reason, ContainsSubstring("rating"));
    CHECK(metric_of(r, "rating p50 (ratio)").estimate == Approx(0.8).epsilon(0.02));
    CHECK(metric_of(r, "rating p50 (ratio)").upper <= 0.9);
}

TEST_CASE("a ratio of a quantile that is not positive is refused instead of guessed")
{
    canary trial{model{"old", zero},
                 model{"new", one},
                 by(itself),
                 hash_split{.salt = "negative"},
                 guardrail(quantile<"loss">{.q = 0.1}, {.max_ratio = 1.2}),
                 ramp{.shares = {0.5}, .requests = 1'000'000}};
    keyed_random random{11};
    for (int i = 0; i < 10'000; ++i) {
        const auto [arm, ticket] = trial.serve(random.below(5'000));
        trial.observe<"loss">(ticket, random.normal() + (arm == 1 ? 5.0 : 0.0));
    }
    CHECK_FALSE(trial.rolled_back());
    CHECK(metric_of(trial.report(), "loss").state == status::out_of_range);
}

TEST_CASE("quantiles are weighted by overlap, so that a ramp during a trend does not mislead")
{
    std::vector<logged> log;
    canary trial{model{"old", zero},
                 model{"new", one},
                 by(itself),
                 hash_split{.salt = "trend"},
                 guardrail(quantile<"wait">{.q = 0.5}),
                 ramp{.shares = {0.05, 0.5}, .requests = 500, .promote = on_no_harm}};
    keyed_random random{12};
    for (int i = 0; i < 20'000; ++i) {
        const double trend = i < 10'000 ? 1.0 : 3.0;
        const auto [arm, ticket] = trial.serve(random.below(5'000));
        const double value = trend * (1.0 + random.uniform());
        const double own = static_cast<double>(ticket.propensity());
        log.push_back({ticket.unit(), arm == 1, arm == 1 ? own : 1.0 - own, value});
        trial.observe<"wait">(ticket, value);
    }
    REQUIRE(trial.share() == 0.5);
    const metric_row row = metric_of(trial.report(), "wait");
    CHECK(row.champion == Approx(quantile_of(log, false, 0.5)).epsilon(1.0 / 64.0));
    CHECK(row.challenger == Approx(quantile_of(log, true, 0.5)).epsilon(1.0 / 64.0));
    CHECK(row.lower < 0.0);
    CHECK(row.upper > 0.0);
    CHECK_FALSE(trial.rolled_back());
}

TEST_CASE("replicas' quantiles merge, whether their thresholds agree or not")
{
    const auto known = [] {
        return trial_of("replicas", {0.5, 0.5},
                        quantile<"wait">{.q = 0.9, .threshold = 250.0, .better = better::down});
    };
    const auto found = [] {
        return trial_of("replicas", {0.5, 0.5},
                        quantile<"wait">{.q = 0.9, .warm_up = 500, .better = better::down});
    };
    auto whole = known();
    auto a = known();
    auto b = known();
    auto whole_found = found();
    auto c = found();
    auto d = found();
    keyed_random random{13};
    for (int i = 0; i < 20'000; ++i) {
        const std::uint64_t user = random.below(5'000);
        const double value = wait_of(user, random, user % 2 == 0 ? 1.0 : 1.2);
        const auto feed = [&](auto& trial) {
            const auto [arm, ticket] = trial.serve(user);
            trial.template observe<"wait">(ticket, arm == 1 ? 0.8 * value : value);
        };
        feed(whole);
        feed(whole_found);
        i % 3 == 0 ? feed(a) : feed(b);
        i % 3 == 0 ? feed(c) : feed(d);
    }
    evidence merged = a.evidence();
    merged.merge(b.evidence());
    CHECK(merged.quantiles[0].lowest == 250.0);
    CHECK(merged.quantiles[0].highest == 250.0);
    const report one_process = whole.report();
    const report together = a.report(merged);
    const auto same = [](const report& x, const report& y) {
        const metric_row& left = metric_of(x, "wait");
        const metric_row& right = metric_of(y, "wait");
        CHECK(left.champion == Approx(right.champion).epsilon(1e-9));
        CHECK(left.challenger == Approx(right.challenger).epsilon(1e-9));
        CHECK(left.estimate == Approx(right.estimate).epsilon(1e-9));
        CHECK(left.lower == right.lower);
        CHECK(left.upper == right.upper);
        CHECK(left.p_value == Approx(right.p_value).epsilon(1e-6));
    };
    same(one_process, together);
    // Where thresholds differ, the interval covers both.
    evidence differing = c.evidence();
    differing.merge(d.evidence());
    REQUIRE(differing.quantiles[0].lowest < differing.quantiles[0].highest);
    CHECK(differing.quantiles[0].lowest ==
          std::fmin(c.evidence().quantiles[0].lowest, d.evidence().quantiles[0].lowest));
    const report apart = c.report(differing);
    const metric_row& row = metric_of(apart, "wait");
    CHECK(row.estimate == Approx(metric_of(whole_found.report(), "wait").estimate).epsilon(0.1));
    CHECK(row.champion == Approx(metric_of(whole_found.report(), "wait").champion).epsilon(1e-9));
    CHECK(row.upper <= 0.0);
    CHECK(row.lower < row.estimate);
    std::string text;
    apart.write(text, style::table);
    CHECK_THAT(text, ContainsSubstring("each replica has its own"));
    // A snapshot loses nothing.
    CHECK(from_snapshot<evidence>(to_snapshot(differing)) == differing);
    same(c.report(from_snapshot<evidence>(to_snapshot(differing))), apart);
    // Evidence of another quantile, or without a quantile, is refused.
    auto other =
        trial_of("replicas", {0.5, 0.5}, quantile<"wait">{.q = 0.99, .warm_up = 500, .better = better::down});
    CHECK_THROWS_AS(differing.merge(other.evidence()), configuration_error);
    CHECK_THROWS_WITH(c.report(other.evidence()), ContainsSubstring("of other quantiles"));
    differing.quantiles.clear();
    CHECK_THROWS_WITH(c.report(differing), ContainsSubstring("of other quantiles"));
}

TEST_CASE("a guardrail on a quantile takes several challengers apart, by its own margin")
{
    ab_test trial{model{"old", [](std::uint64_t) { return 0; }},
                  model{"good", [](std::uint64_t) { return 1; }},
                  model{"slow", [](std::uint64_t) { return 2; }},
                  by(itself),
                  hash_split{.salt = "three"},
                  quantile<"gain">{.q = 0.5},
                  guardrail(quantile<"wait">{.q = 0.9}, {.max_ratio = 1.1})};
    keyed_random random{14};
    for (int i = 0; i < 40'000; ++i) {
        const std::uint64_t user = random.below(6'000);
        const auto [arm, ticket] = trial.serve(user);
        trial.observe<"gain">(ticket, random.normal() + 0.4 * arm);
        trial.observe<"wait">(ticket, wait_of(user, random, arm == 2 ? 1.5 : 1.0));
    }
    const report r = trial.report();
    CHECK(r.decision == verdict::ship_challenger);
    CHECK_THAT(r.reason, ContainsSubstring("good is better on gain"));
    CHECK(metric_of(r, "wait", "slow").lower >= 1.1);
    CHECK(metric_of(r, "wait", "good").estimate == Approx(1.0).margin(0.1));
    CHECK(metric_of(r, "gain", "slow").estimate == Approx(0.8).margin(0.15));
}

TEST_CASE("other inferences judge quantiles too")
{
    auto fixed = trial_of("fixed quantile", {0.5, 0.5}, quantile<"wait">{.better = better::down},
                          fixed_horizon{.units = 8'000});
    auto posterior = trial_of("fixed quantile", {0.5, 0.5}, quantile<"wait">{.better = better::down},
                              guardrail(quantile<"long">{}, {.max_ratio = 1.2}), bayesian{});
    keyed_random random{15};
    for (int i = 0; i < 8'000; ++i) {
        if (i == 7'000) {
            CHECK(metric_of(fixed.report(), "wait").state == status::before_planned_sample);
        }
        const std::uint64_t user = random.below(8'000);
        const auto [arm, ticket] = fixed.serve(user);
        const double value = wait_of(user, random, arm == 1 ? 0.75 : 1.0);
        fixed.observe<"wait">(ticket, value);
        const auto other = posterior.serve(user);
        posterior.observe<"wait">(other.ticket, value);
        posterior.observe<"long">(other.ticket, value);
    }
    CHECK(fixed.report().decision == verdict::ship_challenger);
    const report believed = posterior.report();
    CHECK(believed.decision == verdict::ship_challenger);
    CHECK_THAT(metric_of(believed, "wait").method, ContainsSubstring("chance to be better"));
    CHECK_THAT(metric_of(believed, "wait").method, !ContainsSubstring("expected loss"));
    CHECK_THAT(metric_of(believed, "long").method, !ContainsSubstring("chance to be better"));
    CHECK(metric_of(believed, "wait").upper <= 0.0);
}

TEST_CASE("a covariate takes noise out of exceedances too")
{
    const auto known = [](std::uint64_t user) { return keyed_random{77, user}.normal(); };
    auto plain = trial_of("covariate", {0.5, 0.5}, quantile<"wait">{.q = 0.5});
    auto adjusted = trial_of("covariate", {0.5, 0.5}, quantile<"wait">{.q = 0.5}, adjust_for(known));
    keyed_random random{17};
    for (int i = 0; i < 20'000; ++i) {
        const std::uint64_t user = random.below(4'000);
        const double value = wait_of(user, random);
        plain.observe<"wait">(plain.serve(user).ticket, value);
        adjusted.observe<"wait">(adjusted.serve(user).ticket, value);
    }
    const report r = adjusted.report();
    const metric_row& with = metric_of(r, "wait");
    const metric_row without = metric_of(plain.report(), "wait");
    CHECK(with.champion == without.champion);
    CHECK(with.challenger == without.challenger);
    CHECK(with.upper - with.lower < 0.9 * (without.upper - without.lower));
    std::string text;
    r.write(text, style::table);
    CHECK_THAT(text, ContainsSubstring("% of the variance of wait"));
}

TEST_CASE("a threshold stays put when values drift away, and the report says what it has become")
{
    auto trial = trial_of("drift", {0.5, 0.5}, quantile<"wait">{.q = 0.9, .warm_up = 100});
    keyed_random random{16};
    for (int i = 0; i < 20'000; ++i) {
        const auto [arm, ticket] = trial.serve(random.below(5'000));
        trial.observe<"wait">(ticket, (i < 300 ? 1.0 : 1.5) + random.uniform() + (arm == 1 ? 0.1 : 0.0));
    }
    const report r = trial.report();
    const metric_row& row = metric_of(r, "wait");
    // The distributions differ by the same amount everywhere.
    CHECK(row.estimate == Approx(0.1).margin(0.04));
    CHECK(row.lower >= 0.0);
    std::string text;
    r.write(text, style::table);
    CHECK_THAT(text, ContainsSubstring(" % of the champion's do"));
}

TEST_CASE("options of a quantile that cannot be are refused by name")
{
    const auto refused = [](const auto& metric, const char* field) {
        CHECK_THROWS_WITH(trial_of("s", {0.5, 0.5}, metric), ContainsSubstring(field));
    };
    refused(quantile<"wait">{.q = 0.0}, "quantile(wait).q");
    refused(quantile<"wait">{.q = 1.0}, "quantile(wait).q");
    refused(quantile<"wait">{.q = std::numeric_limits<double>::quiet_NaN()}, "quantile(wait).q");
    refused(quantile<"wait">{.warm_up = 99}, "quantile(wait).warm_up");
    refused(quantile<"wait">{.warm_up = 2'000'000}, "quantile(wait).warm_up");
    for (const double bad :
         {std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity()}) {
        refused(quantile<"wait">{.threshold = bad}, "quantile(wait).threshold");
    }
}

TEST_CASE("after a thread's first call a quantile's feedback allocates nothing, and a canary's looks do not")
{
    canary trial{model{"old", zero},
                 model{"new", one},
                 by(itself),
                 hash_split{.salt = "quantile-alloc"},
                 guardrail(quantile<"wait">{.warm_up = 500}, {.max_ratio = 2.0}),
                 ramp{.shares = {0.5}, .requests = 1'000'000, .check_every = 64}};
    trial.observe<"wait">(trial.serve(std::uint64_t{1}).ticket, 1.0);
    trial.step();
    const long before = joust_tests::allocations();
    for (std::uint64_t i = 0; i < 5'000; ++i) {
        trial.observe<"wait">(trial.serve(i % 700).ticket, static_cast<double>(i % 91));
    }
    CHECK(joust_tests::allocations() == before);
    CHECK(trial.evidence().quantiles[0].fixed());
}

TEST_CASE("a trial without a quantile keeps nothing for one")
{
    auto without = trial_of("without", {0.5, 0.5}, conversion<"click">{});
    auto with = trial_of("without", {0.5, 0.5}, conversion<"click">{}, quantile<"wait">{});
    CHECK(without.evidence().quantiles.empty());
    CHECK(with.evidence().quantiles.size() == 1);
    // The new fields follow the old ones, so bytes that an earlier version wrote keep their meaning.
    const std::string bytes = to_snapshot(without.evidence());
    evidence extended = without.evidence();
    extended.quantiles.push_back({.q = 0.5, .values = std::vector<value_sketch>(2)});
    const std::string longer = to_snapshot(extended);
    CHECK(longer.size() == bytes.size() + 8 + 3 * 8 + 8 + 2 * 8);
    CHECK(longer.substr(20, bytes.size() - 28) == bytes.substr(20, bytes.size() - 28));
    CHECK(from_snapshot<evidence>(longer) == extended);
}
