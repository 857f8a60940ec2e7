// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/text.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/numeric/roots.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/sequential/group_sequential.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>
#include <joust/stats/sequential/stopped_walk.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace joust {
inline namespace v0 {
namespace stats {

/// Name the ways in which an experiment may end.
enum class design_kind : std::uint8_t {
    /// Once, at its planned size.
    fixed_horizon,
    /// At a few planned looks.
    group_sequential,
    /// At any look.
    always_valid,
    /// At any look before the planned size, and at that size in any case.
    hybrid
};

/// Return the name of a design.
/// cost: O(1)
[[nodiscard]] constexpr std::string_view to_string(design_kind kind) noexcept
{
    switch (kind) {
        case design_kind::fixed_horizon: return "fixed horizon";
        case design_kind::group_sequential: return "group sequential";
        case design_kind::always_valid: return "always valid";
        case design_kind::hybrid: return "hybrid";
    }
    return "unknown";
}

/// Choose when results will be looked at with the possibility to stop.
enum class looking : std::uint8_t {
    /// Only at the end.
    once,
    /// At `looks` planned times.
    planned,
    /// Whenever the experimenter wants.
    anytime
};

/// Describe what is known before an experiment.
struct experiment_plan {
    /// How many new units arrive per day, in both arms together.
    double units_per_day = not_a_number;
    /// The difference that is worth finding.
    double effect = not_a_number;
    /// The standard deviation of one unit's value: sqrt(p (1 - p)) for a proportion p; a covariate multiplies it by
    /// sqrt(1 - r^2).
    double sd = 1.0;
    /// The share of units that the challenger gets.
    double share = 0.5;
    /// The error that the experiment may have, over all its looks.
    double alpha = 0.05;
    /// The probability of finding the effect.
    double power = 0.8;
    /// The departure from the null that the experiment looks for.
    side alternative = side::two;
    /// When the experiment has to end.
    double deadline_days = 28.0;
    /// The number of looks of the group-sequential design.
    std::size_t looks = 5;
    /// How often the sequential designs look, in days.
    double look_days = 1.0;
    /// When results will be looked at.
    looking look = looking::planned;
    /// For the hybrid design: the share of alpha for stopping before the planned size.
    double early_alpha = 0.2;
};

/// Report what to expect of one design. Days are averages unless stated otherwise.
struct design_outlook {
    /// The design.
    design_kind kind = design_kind::fixed_horizon;
    /// The days if the design never stops early.
    double longest_days = not_a_number;
    /// The days with the effect.
    double expected_days = not_a_number;
    /// The days with twice the effect.
    double double_days = not_a_number;
    /// The days without an effect.
    double null_days = not_a_number;
    /// The probability of stopping for a difference that does not exist.
    double error = not_a_number;
    /// The probability of finding the effect by the deadline.
    double power = not_a_number;
    /// How many looks it takes at most.
    std::size_t looks = 0;
    /// True where the design reaches the requested power by the deadline.
    bool in_time = false;
};

/// Report all designs, and recommend one with a reason in words.
struct design_advice {
    /// The designs, in the order of design_kind.
    std::array<design_outlook, 4> designs{};
    /// The recommended design.
    design_kind recommended = design_kind::fixed_horizon;
    /// The reason, as a sentence.
    std::string reason{};
    /// The error of a fixed-horizon test that is looked at as often as the other designs are.
    double peeking_error = not_a_number;
    /// The units that a fixed horizon needs, in both arms together.
    double units_needed = not_a_number;
    /// The effect that a fixed horizon finds by the deadline with the requested power.
    double detectable_effect = not_a_number;
    /// Whether the numbers are valid, and why not.
    status state = status::out_of_range;

    /// Return the report of one design.
    [[nodiscard]] const design_outlook& of(design_kind kind) const noexcept
    {
        return designs[static_cast<std::size_t>(kind)];
    }
};

namespace detail {

// A design's boundaries on S at its looks; two-sided tests use both signs. Information is in units in which the
// fixed-horizon size is 1.
struct look_plan {
    std::vector<double> times;
    std::vector<double> bounds;
};

struct walk_outcome {
    double stopped = 0.0;  // the probability of stopping on either side
    double time = 0.0;     // the average time
};

// Advances to a look and returns the probability of stopping there.
inline double stop_at(stopped_walk& path, double t, double bound, bool two_sided)
{
    path.go_to(t);
    const double lower = two_sided ? -bound : -std::numeric_limits<double>::infinity();
    const double stopped = path.above(bound) + (two_sided ? path.below(lower) : 0.0);
    path.keep(lower, bound);
    return stopped;
}

[[nodiscard]] inline walk_outcome walk(const look_plan& plan, double drift, bool two_sided)
{
    stopped_walk path{drift};
    walk_outcome out;
    for (std::size_t k = 0; k < plan.times.size(); ++k) {
        const double stopped = stop_at(path, plan.times[k], plan.bounds[k], two_sided);
        out.stopped += stopped;
        out.time += stopped * plan.times[k];
    }
    out.time += (1.0 - out.stopped) * plan.times.back();
    return out;
}

// Lan and DeMets' spending of O'Brien and Fleming's kind, at `looks` evenly spaced times up to `end`.
[[nodiscard]] inline look_plan spending_plan(std::size_t looks, double end, double alpha, bool two_sided)
{
    look_plan plan;
    for (std::size_t k = 1; k <= looks; ++k) {
        plan.times.push_back(end * (static_cast<double>(k) / static_cast<double>(looks)));
    }
    const auto bounds = group_sequential_bounds(
        obrien_fleming{}, plan.times,
        {.alpha = alpha, .alternative = two_sided ? side::two : side::greater, .planned_information = end});
    for (std::size_t k = 0; k < looks; ++k) {
        // Where nothing has been spent yet the bound is infinite; 40 standard deviations are as good.
        const double bound = k < bounds.size() ? bounds[k].upper : 40.0;
        plan.bounds.push_back(std::fmin(bound, 40.0) * std::sqrt(plan.times[k]));
    }
    return plan;
}

// Looks every `step` up to `end`, at the boundary of a normal mixture that is narrowest at `tuned`.
[[nodiscard]] inline look_plan mixture_plan(double step, double end, double tuned, double alpha,
                                            bool two_sided)
{
    look_plan plan;
    const double rho = normal_mixture_rho(tuned, two_sided ? alpha : 2.0 * alpha);
    const double count = std::floor(end / step * (1.0 + 1e-12));
    for (double k = 1.0; k <= count; k += 1.0) {
        plan.times.push_back(k * step);
        plan.bounds.push_back(
            normal_mixture_bound(k * step, rho, alpha, two_sided ? side::two : side::greater));
    }
    if (plan.times.empty() || plan.times.back() < end * (1.0 - 1e-9)) {
        plan.times.push_back(end);
        plan.bounds.push_back(normal_mixture_bound(end, rho, alpha, two_sided ? side::two : side::greater));
    }
    return plan;
}

// Before `end` a mixture with part of alpha, and at `end` the bound that makes the total error alpha.
[[nodiscard]] inline look_plan hybrid_plan(double step, double end, double alpha, double early,
                                           bool two_sided)
{
    look_plan plan = mixture_plan(step, end, end, alpha * early, two_sided);
    stopped_walk path{0.0};
    double spent = 0.0;
    for (std::size_t k = 0; k + 1 < plan.times.size(); ++k) {
        spent += stop_at(path, plan.times[k], plan.bounds[k], two_sided);
    }
    path.go_to(end);
    plan.bounds.back() = path.point((alpha - spent) * (two_sided ? 0.5 : 1.0), 1.0);
    return plan;
}

// The end in [low, high] at which a family of plans reaches the power; `high` where there is no such end. The probit
// of power is nearly linear in the root of the end, so a few steps of the regula falsi suffice.
template <class Family>
[[nodiscard]] double end_for_power(Family family, double drift, double target, bool two_sided, double low,
                                   double high)
{
    const auto excess = [&](double root) {
        return normal_quantile(walk(family(root * root), drift, two_sided).stopped) - normal_quantile(target);
    };
    double a = std::sqrt(low), b = std::sqrt(high);
    double at_a = excess(a), at_b = excess(b);
    if (!(at_b > 0.0)) {
        return high;
    }
    if (!(at_a < 0.0)) {
        return low;
    }
    const solution root =
        illinois_root({a, b, at_a, at_b}, excess, [](const illinois_bracket& at, double value) {
            return std::fabs(value) < 1e-5 || !(at.high - at.low > 1e-12 * at.high);
        });
    return root.converged ? root.at * root.at : high;
}

[[nodiscard]] inline bool usable(const experiment_plan& plan) noexcept
{
    const auto positive = [](double x) { return x > 0.0 && std::isfinite(x); };
    return positive(plan.units_per_day) && positive(plan.sd) && positive(std::fabs(plan.effect)) &&
           !(plan.alternative == side::greater && plan.effect < 0.0) &&
           !(plan.alternative == side::less && plan.effect > 0.0) && positive(plan.deadline_days) &&
           positive(plan.look_days) && plan.share > 0.0 && plan.share < 1.0 && is_alpha(plan.alpha) &&
           plan.alpha < 0.5 && plan.power > plan.alpha && plan.power < 1.0 && plan.looks > 0 &&
           plan.looks <= 100 && plan.deadline_days / plan.look_days <= 400.0 && plan.early_alpha > 0.0 &&
           plan.early_alpha < 1.0;
}

// An experiment in the planner's units: time 1 is the size of the fixed horizon.
struct scaled_experiment {
    bool two_sided;
    double z;          // the fixed horizon's bound
    double drift;      // the drift at time 1
    double day;        // the information of one day
    double deadline;   // in the same unit
    double step;       // between two sequential looks, from the first look on and within the deadline
    double fixed_end;  // where the fixed horizon ends, cut at the deadline

    scaled_experiment(const experiment_plan& plan, double units_needed, double z_bound,
                      double at_size) noexcept
        : two_sided(plan.alternative == side::two), z(z_bound), drift(at_size),
          day(plan.units_per_day / units_needed), deadline(plan.deadline_days * day),
          step(plan.look_days * day < deadline ? plan.look_days * day : deadline),
          fixed_end(deadline < 1.0 ? deadline : 1.0)
    {
    }
};

[[nodiscard]] inline design_outlook outlook_of(design_kind kind, const look_plan& looks,
                                               const scaled_experiment& scaled, double power)
{
    design_outlook out;
    out.kind = kind;
    out.looks = looks.times.size();
    out.longest_days = looks.times.back() / scaled.day;
    const walk_outcome with = walk(looks, scaled.drift, scaled.two_sided);
    const walk_outcome twice = walk(looks, 2.0 * scaled.drift, scaled.two_sided);
    const walk_outcome without = walk(looks, 0.0, scaled.two_sided);
    out.power = with.stopped;
    out.error = without.stopped;
    out.expected_days = with.time / scaled.day;
    out.double_days = twice.time / scaled.day;
    out.null_days = without.time / scaled.day;
    out.in_time = out.power > power - 1e-3;
    return out;
}

// The error of a fixed-horizon test that is looked at as often as the sequential designs, until its planned size.
[[nodiscard]] inline double error_of_peeking(const scaled_experiment& scaled,
                                             const std::vector<double>& looks)
{
    look_plan naive;
    for (const double t : looks) {
        if (t < scaled.fixed_end) {
            naive.times.push_back(t);
            naive.bounds.push_back(scaled.z * std::sqrt(t));
        }
    }
    naive.times.push_back(scaled.fixed_end);
    naive.bounds.push_back(scaled.z * std::sqrt(scaled.fixed_end));
    return walk(naive, 0.0, scaled.two_sided).stopped;
}

[[nodiscard]] constexpr bool suits(design_kind kind, looking look) noexcept
{
    switch (look) {
        case looking::once: return kind == design_kind::fixed_horizon;
        case looking::planned: return true;
        case looking::anytime: return kind == design_kind::always_valid || kind == design_kind::hybrid;
    }
    return false;
}

// Among the designs that suit how results are looked at, prefers those in time, and then the shortest on average. A
// simpler design is kept where another saves less than 2 %.
[[nodiscard]] inline const design_outlook& best_design(const design_advice& advice, looking look) noexcept
{
    const design_outlook* best = nullptr;
    for (const design_outlook& candidate : advice.designs) {
        if (!suits(candidate.kind, look)) {
            continue;
        }
        if (best == nullptr || (candidate.in_time && !best->in_time) ||
            (candidate.in_time == best->in_time &&
             (candidate.in_time ? candidate.expected_days < 0.98 * best->expected_days
                                : candidate.power > best->power + 1e-3))) {
            best = &candidate;
        }
    }
    return *best;
}

[[nodiscard]] inline std::string reason_for(const design_advice& advice, const experiment_plan& plan)
{
    const design_outlook& best = advice.of(advice.recommended);
    std::string text{to_string(best.kind)};
    if (!best.in_time) {
        text += ": no design that fits reaches power ";
        append_percent(text, plan.power, 0);
        text += " by the deadline; this one has ";
        append_percent(text, best.power, 0);
        text += ". By then an effect of ";
        append_number(text, advice.detectable_effect, 3);
        text += " could be found; the planned effect takes ";
        append_fixed(text, advice.units_needed / plan.units_per_day, 1);
        text += " days at a fixed horizon.";
        return text;
    }
    text += ": finds the effect with power ";
    append_percent(text, best.power, 0);
    text += " after ";
    append_fixed(text, best.expected_days, 1);
    text += " days on average";
    if (best.kind != design_kind::fixed_horizon) {
        text += ", at most ";
        append_fixed(text, best.longest_days, 1);
        text += "; a fixed horizon takes ";
        append_fixed(text, advice.of(design_kind::fixed_horizon).longest_days, 1);
        text += plan.look == looking::anytime ? " and allows no earlier look" : "";
    } else if (plan.look == looking::once) {
        text += "; results are looked at once";
    } else {
        text += "; looking earlier would save less than 2 %";
    }
    text += '.';
    return text;
}

}  // namespace detail

/// Compare designs for an experiment and recommend one: expected duration, error and power of a fixed horizon, a
/// group-sequential design (O'Brien-Fleming spending), an always-valid one (normal mixture) and a hybrid of the two.
///
/// Everything is computed by numerical integration of the normal limit, without simulation, so the answers are
/// reproducible. The fixed horizon's size is the textbook one. The largest sizes of the other designs are those that
/// reach the requested power, cut at the deadline. The always-valid design has no size: it continues until the
/// deadline.
/// assumes: units that arrive evenly and count once; the normal limit with known variance.
/// errors: out_of_range (traffic, sd or the size of the effect not above 0 and finite, an effect
///     below 1e-15 or above 1e15 standard deviations, an effect on the side that the
///     alternative does not look for, shares or rates outside (0, 1), power not above
///     alpha, no look, more than 400 sequential looks until the deadline).
/// cost: 0.1 s for 28 daily looks, 1 s for 90.
/// source: Armitage, McPherson and Rowe 1969; Lan and DeMets 1983; Howard et al. 2021.
[[nodiscard]] inline design_advice plan_design(const experiment_plan& plan)
{
    design_advice advice;
    if (!detail::usable(plan)) {
        return advice;
    }
    const bool two = plan.alternative == side::two;
    const double z = normal_upper_quantile(two ? 0.5 * plan.alpha : plan.alpha);
    const double drift = z + normal_quantile(plan.power);
    const double per_unit = plan.effect * plan.effect * plan.share * (1.0 - plan.share) / (plan.sd * plan.sd);
    if (!(per_unit > 1e-30 && per_unit < 1e30)) {
        return advice;  // no traffic is planned for such effects, and times would underflow
    }
    advice.units_needed = drift * drift / per_unit;
    const detail::scaled_experiment scaled{plan, advice.units_needed, z, drift};
    advice.detectable_effect = std::fabs(plan.effect) / std::sqrt(scaled.deadline);

    const auto describe = [&](design_kind kind, const detail::look_plan& looks) {
        advice.designs[static_cast<std::size_t>(kind)] = detail::outlook_of(kind, looks, scaled, plan.power);
    };
    const double least = 0.9 * scaled.fixed_end;
    const double most = scaled.deadline < 2.0 ? scaled.deadline : 2.0;
    describe(design_kind::fixed_horizon, {{scaled.fixed_end}, {z * std::sqrt(scaled.fixed_end)}});
    const auto spending = [&](double end) { return detail::spending_plan(plan.looks, end, plan.alpha, two); };
    describe(design_kind::group_sequential,
             spending(detail::end_for_power(spending, drift, plan.power, two, least, most)));
    const detail::look_plan mixture =
        detail::mixture_plan(scaled.step, scaled.deadline, scaled.fixed_end, plan.alpha, two);
    describe(design_kind::always_valid, mixture);
    const auto hybrid = [&](double end) {
        return detail::hybrid_plan(scaled.step < end ? scaled.step : end, end, plan.alpha, plan.early_alpha,
                                   two);
    };
    describe(design_kind::hybrid, hybrid(detail::end_for_power(hybrid, drift, plan.power, two, least, most)));

    advice.peeking_error = detail::error_of_peeking(scaled, mixture.times);
    advice.recommended = detail::best_design(advice, plan.look).kind;
    advice.reason = detail::reason_for(advice, plan);
    advice.state = status::ok;
    return advice;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
