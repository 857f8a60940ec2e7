// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/roots.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/sequential/spending.hpp>
#include <joust/stats/sequential/stopped_walk.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace joust {
inline namespace v0 {
namespace stats {

namespace detail {

// A look with less than this share of new information is not treated as a look: the motion between it and the last one
// is too small to compute with, and too small to matter.
[[nodiscard]] inline bool hardly_new(double reached, double information) noexcept
{
    return reached > 0.0 && information - reached < 1e-4 * information;
}

}  // namespace detail

/// Choose whether a trial may, or must, stop when the effect looks too small.
enum class futility_rule : std::uint8_t {
    /// The trial never stops for futility.
    none,
    /// The trial may stop. The efficacy bounds are those without futility, so ignoring it costs no error.
    non_binding,
    /// The trial must stop. The efficacy bounds are lowered in return, which regains a little power.
    binding
};

/// Set up a group-sequential design.
struct group_sequential_options {
    /// The error over all looks; a two-sided test spends half of it at each end.
    double alpha = 0.05;
    /// The departure from the null that the design looks for.
    side alternative = side::two;
    /// The information at the planned end.
    double planned_information = 1.0;
    /// Whether the trial stops for futility; for one-sided tests only.
    futility_rule futility = futility_rule::none;
    /// How `beta` is spent over the looks.
    spending_function futility_spending{};
    /// The type II error that futility may spend.
    double beta = 0.2;
    /// The mean of Z / sqrt(information) under the alternative; `group_sequential_drift` finds it for a given power.
    double drift = 0.0;
};

/// Hold the bounds of one look for the Z statistic: stop at or above `upper`, and at or below `lower`.
///
/// For `side::two` both bounds reject. One-sided, the bound on the side of the alternative rejects, and the other, if
/// finite, is for futility.
struct group_sequential_look {
    /// The information at the look.
    double information = 0.0;
    /// The lower bound for Z.
    double lower = -std::numeric_limits<double>::infinity();
    /// The upper bound for Z.
    double upper = std::numeric_limits<double>::infinity();
    /// The error spent up to and including this look.
    double spent = 0.0;
    /// Compare all members.
    bool operator==(const group_sequential_look&) const = default;
};

/// Set how a look is taken.
struct look_options {
    /// True for the last look, which spends all the error that is left, whatever the information.
    bool last = false;
    /// The fraction of the planned trial by another clock (requests served, days), for trials whose information at the
    /// planned end is not known beforehand; NaN spends by the information. source: Lan and DeMets 1989.
    double spending_time = not_a_number;
};

/// Design and run a group-sequential test: the bounds at each look follow from the information that is really there.
///
/// The object is the state, and each further look costs one convolution. Information is that of the estimate, 1 /
/// variance, or anything proportional to it. A look that brings less than 1e-4 of new information gets the previous
/// bound, raised by eight standard deviations of the new part, and spends nothing. The first look beyond the planned
/// information spends what is left, and later looks cannot reject. Error that is left at a last look without new
/// information stays unspent.
///
/// When to use: few looks and a planned end; with five looks it has nearly the power of a test with one. When not:
/// looks whose times depend on the data; use an always-valid method for those.
/// assumes: Z statistics that are jointly normal with the variances of a Brownian motion: means, proportions,
///     and other efficient estimates in large samples.
/// errors: `state()` is out_of_range for unusable options, and for information that falls.
/// cost: about 20 to 60 us per look; allocates.
/// source: Lan and DeMets 1983; futility by spending: Pampallona, Tsiatis and Kim 2001; Jennison and Turnbull
///     2000, chapter 7 and 19.
class group_sequential_design {
public:
    /// Start a design without looks.
    explicit group_sequential_design(const spending_function& spending,
                                     const group_sequential_options& options = {})
        : spending_(spending), options_(options), under_alternative_(oriented_drift(options))
    {
        const bool futile = options.futility != futility_rule::none;
        if (!detail::is_alpha(options.alpha) || !(options.planned_information > 0.0) ||
            !std::isfinite(options.planned_information) || std::isnan(spend(spending, options.alpha, 0.5)) ||
            (futile && (options.alternative == side::two || !detail::is_alpha(options.beta) ||
                        !(oriented_drift(options) > 0.0) || !std::isfinite(options.drift) ||
                        std::isnan(spend(options.futility_spending, options.beta, 0.5))))) {
            state_ = status::out_of_range;
        }
    }

    /// Take the next look, at this much information, and return its bounds.
    ///
    /// errors: bounds that cannot be reached, and `state()` out_of_range, when the information is not positive and
    ///     finite, or less than before.
    group_sequential_look look(double information, const look_options& how = {})
    {
        group_sequential_look next;
        next.information = information;
        next.spent = looks_.empty() ? 0.0 : looks_.back().spent;
        if (state_ == status::out_of_range || !(information > 0.0) || !std::isfinite(information) ||
            (!looks_.empty() && information < looks_.back().information)) {
            state_ = status::out_of_range;
            looks_.push_back(next);
            return next;
        }
        state_ = status::ok;
        const double time =
            std::isnan(how.spending_time) ? information / options_.planned_information : how.spending_time;
        const double fraction = how.last || time >= 1.0 ? 1.0 : time;
        if (detail::hardly_new(reached_, information)) {
            const double margin = 8.0 * std::sqrt((information - reached_) / information);
            next.upper = upper_ + margin;
            next.lower = lower_ - margin;
        } else {
            next = stage(next, fraction);
        }
        if (options_.alternative == side::less) {
            const double upper = next.upper;
            next.upper = -next.lower;
            next.lower = -upper;
        }
        looks_.push_back(next);
        return next;
    }

    /// Return the looks so far.
    [[nodiscard]] const std::vector<group_sequential_look>& looks() const noexcept { return looks_; }
    /// Return the options of the design.
    [[nodiscard]] const group_sequential_options& options() const noexcept { return options_; }
    /// Return whether the design is valid, and why not.
    [[nodiscard]] status state() const noexcept { return state_; }

    /// Return the type II error spent so far.
    [[nodiscard]] double beta_spent() const noexcept { return beta_spent_; }

private:
    [[nodiscard]] static double oriented_drift(const group_sequential_options& options) noexcept
    {
        return options.alternative == side::less ? -options.drift : options.drift;
    }
    [[nodiscard]] bool two_sided() const noexcept { return options_.alternative == side::two; }

    // Computes the bounds of a stage in an orientation in which large Z rejects.
    [[nodiscard]] group_sequential_look stage(group_sequential_look next, double fraction)
    {
        const double information = next.information;
        const double root = std::sqrt(information);
        const double at_one_end = two_sided() ? 0.5 : 1.0;
        const double target = spend(spending_, at_one_end * options_.alpha, fraction);
        under_null_.go_to(information);
        const double share = target - at_one_end * next.spent;
        double upper = under_null_.point(share > 0.0 ? share : 0.0, 1.0);
        next.spent = target / at_one_end;
        double lower = two_sided() ? -upper : -std::numeric_limits<double>::infinity();
        if (options_.futility != futility_rule::none) {
            under_alternative_.go_to(information);
            const double beta = spend(options_.futility_spending, options_.beta, fraction);
            lower = under_alternative_.point(beta - beta_spent_, -1.0);
            lower = lower < upper && fraction < 1.0 ? lower : upper;
            beta_spent_ += under_alternative_.below(lower);
            under_alternative_.keep(lower, upper);
        }
        const bool obeyed = two_sided() || options_.futility == futility_rule::binding;
        under_null_.keep(obeyed ? lower : -std::numeric_limits<double>::infinity(), upper);
        reached_ = information;
        next.upper = upper_ = upper / root;
        next.lower = lower_ = lower / root;
        return next;
    }

    spending_function spending_;
    group_sequential_options options_;
    detail::stopped_walk under_null_;
    detail::stopped_walk under_alternative_;
    std::vector<group_sequential_look> looks_;
    double reached_ = 0.0;  // the information of the last look that was convolved
    double upper_ = 0.0;
    double lower_ = 0.0;
    double beta_spent_ = 0.0;
    status state_ = status::too_few;
};

/// Return the bounds of all looks at once.
///
/// errors: empty when options or information are unusable (see group_sequential_design).
/// cost: 20 to 60 us for each look; allocates.
[[nodiscard]] inline std::vector<group_sequential_look>
group_sequential_bounds(const spending_function& spending, std::span<const double> information,
                        const group_sequential_options& options = {})
{
    group_sequential_design design{spending, options};
    for (const double each : information) {
        design.look(each);
        if (design.state() != status::ok) {
            return {};
        }
    }
    return design.looks();
}

/// Hold the probabilities of first crossing the upper and the lower bound, look by look.
struct exit_probabilities {
    /// By look: the probability of first crossing a bound there, at the upper bound.
    std::vector<double> upper;
    /// By look: the probability of first crossing a bound there, at the lower bound.
    std::vector<double> lower;
    /// The sum of `upper`.
    double total_upper = 0.0;
    /// The sum of `lower`.
    double total_lower = 0.0;
};

/// Return the probabilities of stopping at each look when Z has mean drift * sqrt(information): with drift 0 the
/// errors, under an alternative the power.
///
/// Looks that bring less than 1e-4 of new information are ignored.
/// errors: empty unless information is positive, finite and never falls.
/// cost: one convolution per look.
[[nodiscard]] inline exit_probabilities exit_probabilities_of(std::span<const group_sequential_look> looks,
                                                              double drift)
{
    exit_probabilities out;
    detail::stopped_walk walk{drift};
    double reached = 0.0;
    for (const group_sequential_look& look : looks) {
        if (!(look.information > 0.0 && look.information >= reached) || !std::isfinite(look.information) ||
            !std::isfinite(drift)) {
            return {};
        }
        if (detail::hardly_new(reached, look.information)) {
            out.upper.push_back(0.0);
            out.lower.push_back(0.0);
            continue;
        }
        reached = look.information;
        const double root = std::sqrt(look.information);
        walk.go_to(look.information);
        out.upper.push_back(std::isfinite(look.upper) ? walk.above(look.upper * root) : 0.0);
        out.lower.push_back(std::isfinite(look.lower) ? walk.below(look.lower * root) : 0.0);
        out.total_upper += out.upper.back();
        out.total_lower += out.lower.back();
        walk.keep(look.lower * root, look.upper * root);
    }
    return out;
}

/// Return the classic bounds C t^(shape - 1/2) for planned looks: shape 0 is O'Brien and Fleming's test, 1/2 Pocock's.
///
/// When to use: looks that take place exactly as planned. When not: looks that may move; use a spending function.
/// errors: empty unless information rises, each look by 1e-4 or more, and 0 < alpha < 1; futility is not considered.
/// cost: about ten passes over the looks.
/// source: Wang and Tsiatis 1987; O'Brien and Fleming 1979; Pocock 1977.
[[nodiscard]] inline std::vector<group_sequential_look>
wang_tsiatis_bounds(double shape, std::span<const double> information,
                    const group_sequential_options& options = {})
{
    if (!detail::is_alpha(options.alpha) || information.empty() || !std::isfinite(shape)) {
        return {};
    }
    std::vector<group_sequential_look> looks(information.size());
    const bool two = options.alternative == side::two;
    const bool less = options.alternative == side::less;
    // The error that is spent with this constant, or a negative number where there is none.
    const auto error = [&](double constant) {
        double reached = 0.0;
        for (std::size_t k = 0; k < looks.size(); ++k) {
            if (!(information[k] > 0.0) || detail::hardly_new(reached, information[k])) {
                return -1.0;
            }
            reached = information[k];
            const double z = constant * std::pow(information[k] / information.back(), shape - 0.5);
            looks[k].information = information[k];
            looks[k].upper = less ? std::numeric_limits<double>::infinity() : z;
            looks[k].lower = two || less ? -z : -std::numeric_limits<double>::infinity();
        }
        const exit_probabilities out = exit_probabilities_of(looks, 0.0);
        if (out.upper.size() != looks.size()) {
            return -1.0;
        }
        looks.back().spent = out.total_upper + out.total_lower;
        for (std::size_t k = 0; k < looks.size(); ++k) {
            looks[k].spent = out.upper[k] + out.lower[k] + (k > 0 ? looks[k - 1].spent : 0.0);
        }
        return looks.back().spent;
    };
    // Secant steps on the logarithm of the error, which is nearly a parabola. The error at one look is at least what is
    // spent at the last one, so the constant is not below that of one look, whose tail starts the search.
    const double start = std::fabs(normal_upper_quantile(options.alpha * (two ? 0.5 : 1.0)));
    double before = 0.0, excess_before = not_a_number;
    double slope_before = -(start + 1.0);
    bool broken = false;
    const detail::solution found =
        detail::rising_root(-40.0, 40.0, start, 0.25, [&](double c, double& slope) {
            const double f = error(c);
            broken = broken || f < 0.0;
            const double excess = f > 0.0 ? std::log(f / options.alpha) : broken ? not_a_number : -1e3;
            if (std::fabs(c - before) > 1e-9 && excess_before > -1e3) {
                const double secant = (excess - excess_before) / (c - before);
                slope_before = secant < 0.0 ? secant : slope_before;
            }
            before = c;
            excess_before = excess;
            slope = -slope_before;
            return -excess;
        });
    if (!found.converged) {
        return {};
    }
    return looks;
}

/// Find the drift at which the planned looks have this power.
///
/// To plan for an effect, multiply the information, or the sample, by (drift / effect)^2. With futility the result
/// includes its bounds, which meet the efficacy bound at the last look: pass the drift back as `options.drift`, with
/// beta = 1 - power.
/// errors: NaN unless 0 < power < 1, options and information are usable.
/// cost: about forty-five designs.
[[nodiscard]] inline double group_sequential_drift(const spending_function& spending,
                                                   std::span<const double> information, double power,
                                                   group_sequential_options options = {})
{
    if (!detail::is_alpha(power) || information.empty()) {
        return not_a_number;
    }
    const double sign = options.alternative == side::less ? -1.0 : 1.0;
    options.beta = 1.0 - power;
    const auto power_at = [&](double drift) {
        options.drift = sign * drift;
        const auto looks = group_sequential_bounds(spending, information, options);
        const exit_probabilities out = exit_probabilities_of(looks, sign * drift);
        return looks.empty() ? not_a_number : sign > 0.0 ? out.total_upper : out.total_lower;
    };
    double low = 0.0;
    double high = 2.0 / std::sqrt(information.back());
    double at_high = power_at(high);
    for (int step = 0; step < 60 && at_high < power; ++step) {
        low = high;
        high *= 2.0;
        at_high = power_at(high);
    }
    if (!(at_high >= power)) {
        return not_a_number;
    }
    // With futility the power stays at its target over a range of drifts, so that only its side is asked.
    const double smallest = 1e-13 * high;
    const detail::bracket found = detail::bisect(
        {low, high}, [&](double drift) { return !(power_at(drift) < power); },
        [=](const detail::bracket& at) { return !(at.with - at.without > 1e-13 * at.with + smallest); });
    return detail::middle_of(found);
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
