// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/inference/inference.hpp>
#include <joust/numeric/roots.hpp>
#include <joust/stats/sequential/group_sequential.hpp>
#include <joust/stats/sequential/score.hpp>

#include <cmath>
#include <limits>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Test at a few planned looks, the last of them at the planned number of exposures. Between looks the last one is
/// repeated.
///
/// You may ask for a report at any time: the first report after each `looks`-th part of `units` is a look. A look that
/// rejects is the last one.
/// When to use: when looks are on a schedule (each Monday) and the trial has a planned end. It has nearly the power of
/// `fixed_horizon`, and large effects end the trial early.
/// When not: if looks come at any time, or if the end may move; use always_valid.
/// units: `units` is the planned number of exposures of champion and challenger together
/// assumes: many buckets of units (30 with challenger data and 10 expected challenger events are required); the score
/// grows like a Brownian motion in its variance. Units that return make looks more alike than that, which costs some
/// power but causes no error.
/// cost: a look takes some milliseconds and allocates, also in the serving thread of a canary; between looks nothing
/// source: Lan and DeMets 1983 and 1989 (error is spent by exposures, the correlation is that of the observed
/// variances); Jennison and Turnbull 1989, repeated confidence intervals; Liu and Anderson 2008, sequential p-values
struct group_sequential {
    /// The error rate of all looks together.
    double alpha = 0.05;
    /// The planned number of exposures.
    double units = 10'000;
    /// The number of planned looks.
    unsigned looks = 5;
    /// How the error rate is spent over the looks.
    stats::spending_function spending = stats::obrien_fleming{};

    /// The policy also answers for pairs, as in shadow trials and interleaving.
    static constexpr bool pairs = true;
    /// The words of a report for when the numbers hold.
    static constexpr std::string_view holds =
        "intervals and p-values hold at all planned looks together; e-values hold at every look.";

    /// Answer a question at one look.
    [[nodiscard]] inference infer(const look& at, const question& asked, test_memory& memory) const
    {
        constexpr std::string_view method = "group sequential, at planned looks; clusters of units";
        const double time = at.exposures < units ? at.exposures / units : 1.0;
        const unsigned taken = memory.looks.empty() ? 0 : part(memory.looks.back().time);
        // A look that rejects is the last one: later looks could only disagree with the verdict.
        if (memory.counted.taken && (part(time) <= taken || memory.counted.p_value <= asked.alpha)) {
            return detail::repeated(memory.counted, method);
        }
        auto [seen, answer, variance, clock] =
            detail::score_for_normal_limit(at, asked, method, status::too_few);
        if (answer.state != status::ok) {
            return answer;
        }
        if (part(time) == 0) {
            answer.state = status::before_planned_sample;
            return answer;
        }
        // Information never falls, but a variance is an estimate and may fall from one look to the next.
        const double before = memory.looks.empty() ? 0.0 : memory.looks.back().variance;
        memory.looks.push_back({std::fmax(variance, before), time, seen.s / std::sqrt(variance)});
        answer.p_value = sequential_p(memory, asked);
        if (std::isnan(answer.p_value)) {
            memory.looks.pop_back();
            answer.state = status::not_converged;
            return answer;
        }
        detail::give_interval(answer, at, asked, cross(memory, stats::side::two, asked.alpha).bound, clock);
        memory.counted = detail::counted(answer, at.exposures);
        return answer;
    }

    /// Compare all members.
    bool operator==(const group_sequential&) const = default;

private:
    /// Return how many of the planned looks are due at this time.
    [[nodiscard]] unsigned part(double time) const noexcept
    {
        return static_cast<unsigned>(time * static_cast<double>(looks > 0 ? looks : 1));
    }

    struct crossing {
        /// The bound of the last look.
        double bound = 0.0;
        /// The largest distance by which a look so far lies beyond its bound.
        double excess = 0.0;
    };

    [[nodiscard]] crossing cross(const test_memory& memory, stats::side alternative, double level) const
    {
        stats::group_sequential_design design{
            spending, {.alpha = level, .alternative = alternative, .planned_information = 1.0}};
        crossing found{.excess = -std::numeric_limits<double>::infinity()};
        for (const planned_look& each : memory.looks) {
            const auto bounds =
                design.look(each.variance, {.last = each.time >= 1.0, .spending_time = each.time});
            found.bound = bounds.upper;
            if (alternative != stats::side::less) {
                found.excess = std::fmax(found.excess, each.z - bounds.upper);
            }
            if (alternative != stats::side::greater) {
                found.excess = std::fmax(found.excess, bounds.lower - each.z);
            }
        }
        return found;
    }

    /// Return the smallest error rate at which some look so far would have rejected.
    [[nodiscard]] double sequential_p(const test_memory& memory, const question& asked) const
    {
        const auto excess = [&](double log_level) {
            return cross(memory, asked.alternative, std::exp(log_level)).excess;
        };
        // Every bound is at least that of a test with a single look, so that p is at least the smallest p-value of such
        // a test.
        double low = 0.0;
        for (const planned_look& each : memory.looks) {
            low = std::fmin(low, std::log(std::fmax(detail::normal_p(each.z, asked.alternative), 1e-300)));
        }
        // The error rate of the question itself is tried first, so that the p-value and the bounds agree about
        // rejection.
        double high = std::log(asked.alpha);
        double at_high = excess(high);
        double at_low = 0.0;
        if (!(at_high >= 0.0)) {
            low = high;
            at_low = at_high;
            high = -1e-9;
            at_high = excess(high);
            if (!(at_high >= 0.0)) {
                return 1.0;
            }
        } else {
            at_low = excess(low);
            if (at_low >= 0.0) {
                return std::exp(low);
            }
        }
        // It takes about eight designs.
        const auto found =
            stats::detail::illinois_root({low, high, at_low, at_high}, excess,
                                         [](const stats::detail::illinois_bracket& at, double value) {
                                             return std::fabs(value) < 1e-9 || !(at.high - at.low > 1e-9);
                                         });
        return found.converged ? std::exp(found.at) : std::numeric_limits<double>::quiet_NaN();
    }
};

}  // namespace v0
}  // namespace joust
