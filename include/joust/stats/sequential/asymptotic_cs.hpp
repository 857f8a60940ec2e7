// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/stats/moments.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/sequential/mean_distance.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>

#include <cmath>
#include <cstdint>
#include <limits>

namespace joust {
inline namespace v0 {
namespace stats {

/// Return the tuning of an asymptotic confidence sequence that is narrowest after `n` observations.
///
/// errors: NaN unless n > 0 and 0 < alpha < 1.
/// cost: as normal_mixture_rho.
/// source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2021, "Time-uniform central limit theory and
///     asymptotic confidence sequences", arXiv 2103.06476, equation 161.
[[nodiscard]] inline double asymptotic_rho(double n, double alpha) noexcept
{
    return 1.0 / std::sqrt(normal_mixture_rho(n, alpha));
}

/// Return the half-width of the asymptotic confidence sequence of a mean.
///
/// assumes: as asymptotic_confidence_sequence.
/// errors: NaN unless variance >= 0, n > 0, rho > 0 and 0 < alpha < 1.
/// cost: O(1), a logarithm and a root.
/// source: Waudby-Smith et al. 2021, equation 9.
[[nodiscard]] inline double asymptotic_half_width(double variance, double n, double rho,
                                                  double alpha) noexcept
{
    return std::sqrt(variance) / n * normal_mixture_bound(n, 1.0 / (rho * rho), alpha);
}

/// Return the logarithm of the asymptotic e-value for a mean that is `distance` away from the null.
///
/// cost: O(1), a logarithm and a root.
/// source: Waudby-Smith et al. 2021, equation 155.
[[nodiscard]] inline double asymptotic_log_e(double distance, double variance, double n, double rho,
                                             side alternative = side::two) noexcept
{
    return normal_mixture_log_e(n * (distance / std::sqrt(variance)), n, 1.0 / (rho * rho), alternative);
}

/// Set up asymptotic_confidence_sequence.
struct asymptotic_options {
    /// The mean under the null hypothesis.
    double null = 0.0;
    /// The departure from the null that counts as evidence.
    side alternative = side::two;
    /// The number of observations at which the interval should be narrowest; fix it before the data.
    double planned = 10'000.0;
    /// The least number of observations, 30 or more.
    std::uint64_t burn_in = 100;
    /// The least n / skewness^2, because skewed means become normal slowly; for rare events it is the number of
    /// events.
    double min_events = 30.0;
    /// Compare all members.
    bool operator==(const asymptotic_options&) const = default;
};

/// Follow a mean whose variance is estimated: a narrow interval, valid in large samples at every look after its
/// burn-in.
///
/// The mixture is tuned with the variance at the end of the burn-in and then kept, so that the variance may change
/// over time (drift, changing shares); this is the difference to `asymptotic_half_width`. With (A - s) x / (s (1 -
/// s)) or doubly robust scores as observations it follows effects.
///
/// When to use: means of anything with a finite variance. When not: the first few observations (from the second one
/// on, tuned for 50, it would reject a true null in a fifth of all runs, so it gives no answer before its burn-in);
/// bounded values, for which `betting` is exact; normal values, for which `t_e_process` is.
/// assumes: independent observations with one mean and a finite variance; enough of them for a normal mean.
///     For effects: every request was randomised, and `burn_in` is at least 30 / (smallest share * event
///     rate). Skewness cannot show large values that have not occurred yet: with 100 instead (share 0.1, rate
///     0.05) 6.7 % of true nulls were rejected.
/// errors: burn_in before `burn_in` observations and `min_events`, zero_variance, out_of_range (a value that
///     was not finite, or options).
/// cost: about 15 ns per observation and 30 ns per p-value; 130 bytes.
/// source: Waudby-Smith et al. 2021, arXiv 2103.06476.
class asymptotic_confidence_sequence {
public:
    /// Start without observations.
    explicit asymptotic_confidence_sequence(const asymptotic_options& options = {}) noexcept
        : options_(options), rho_(asymptotic_rho(options.planned, 0.05))
    {
        options_.burn_in = options.burn_in < 30 ? 30 : options.burn_in;
    }

    /// Add an observation; one that is not finite is counted as refused, and the return value is false.
    bool update(double x) noexcept
    {
        const bool added = values_.add(x);
        if (added) {
            shift_ = values_.count() == 1 ? x : shift_;
            const double d = x - shift_;
            cube_ += d * d * d;
        }
        remember();
        return added;
    }

    /// Add another part of the same data, as t_e_process::merge does.
    ///
    /// errors: returns false, and changes nothing, unless the options agree.
    bool merge(const asymptotic_confidence_sequence& other) noexcept
    {
        if (!(options_ == other.options_)) {
            return false;
        }
        if (values_.count() == 0) {
            shift_ = other.shift_;
        }
        // The sum of (d + m)^3, where d are the distances from the other shift and m moves it to this one.
        const double n = other.count();
        const double move = other.shift_ - shift_;
        const double first = n * (other.values_.mean() - other.shift_);
        const double second = other.squares() + (n > 0.0 ? first / n * first : 0.0);
        if (n > 0.0) {
            cube_ += other.cube_ + move * (3.0 * second + move * (3.0 * first + move * n));
        }
        values_.merge(other.values_);
        remember();
        return true;
    }

    /// Return whether the results are valid, and why not.
    [[nodiscard]] status state() const noexcept { return judged(values_.variance()); }

    /// Return the logarithm of the e-value at this look.
    [[nodiscard]] double log_e() const noexcept
    {
        const double variance = values_.variance();
        return judged(variance) == status::ok
                   ? normal_mixture_log_e(count() * detail::mean_distance(values_, options_.null),
                                          count() * variance, precision(variance), options_.alternative)
                   : not_a_number;
    }

    /// Return the p-value of all looks after the burn-in.
    [[nodiscard]] double p_value() const noexcept
    {
        return state() == status::ok ? always_valid_p(max_log_e_) : not_a_number;
    }
    /// Return the largest logarithm of the e-value at any look.
    [[nodiscard]] double max_log_e() const noexcept { return max_log_e_; }
    /// Return the mean of the observations.
    [[nodiscard]] double estimate() const noexcept { return values_.mean(); }

    /// Return the interval of the mean; it is one-sided for a one-sided alternative.
    [[nodiscard]] bounds interval(double alpha = 0.05) const noexcept
    {
        const double variance = values_.variance();
        if (judged(variance) != status::ok || !detail::is_alpha(alpha)) {
            return {not_a_number, not_a_number};
        }
        constexpr double infinity = std::numeric_limits<double>::infinity();
        const double mean = values_.mean();
        const double half =
            normal_mixture_bound(count() * variance, precision(variance), alpha, options_.alternative) /
            count();
        return {options_.alternative == side::less ? -infinity : mean - half,
                options_.alternative == side::greater ? infinity : mean + half};
    }

    /// Return how many observations were counted.
    [[nodiscard]] double count() const noexcept { return static_cast<double>(values_.count()); }
    /// Return how many observations were refused.
    [[nodiscard]] std::uint64_t refused() const noexcept { return values_.rejected(); }
    /// Compare all members.
    bool operator==(const asymptotic_confidence_sequence&) const = default;

    /// Return the skewness of the observations (third standardised moment, divisor n).
    [[nodiscard]] double skewness() const noexcept
    {
        const double variance = squares() / count();
        return third(variance) / (variance * std::sqrt(variance));
    }

private:
    // The precision of the mixture uses the variance at the end of the burn-in, not the current one.
    [[nodiscard]] double precision(double variance) const noexcept
    {
        return (frozen_ > 0.0 ? frozen_ : variance) / (rho_ * rho_);
    }
    // The third central moment, computed with the second.
    [[nodiscard]] double third(double second) const noexcept
    {
        const double mean = values_.mean() - shift_;
        return cube_ / count() - mean * (3.0 * second + mean * mean);
    }
    [[nodiscard]] status judged(double variance) const noexcept
    {
        if (values_.rejected() != 0 || !(rho_ > 0.0) || !std::isfinite(options_.null) ||
            !(options_.min_events >= 0.0)) {
            return status::out_of_range;
        }
        if (values_.count() < options_.burn_in) {
            return status::burn_in;
        }
        if (!(variance > 0.0)) {
            return status::zero_variance;
        }
        const double second = variance * (count() - 1.0) / count();
        const double cube = third(second);  // n / skewness^2 is n second^3 / third^2
        return count() * second * second * second >= options_.min_events * cube * cube ? status::ok
                                                                                       : status::burn_in;
    }
    [[nodiscard]] double squares() const noexcept
    {
        return values_.count() < 2 ? 0.0 : values_.variance() * (count() - 1.0);
    }
    void remember() noexcept
    {
        if (!(frozen_ > 0.0) && state() == status::ok) {
            frozen_ = values_.variance();
        }
        const double now = log_e();
        max_log_e_ = now > max_log_e_ ? now : max_log_e_;
    }

    asymptotic_options options_;
    double rho_;
    moments values_;
    double shift_ = 0.0;  // the first value, from which cubes are taken
    double cube_ = 0.0;
    double frozen_ = 0.0;  // the variance at the end of the burn-in
    double max_log_e_ = 0.0;
};

}  // namespace stats
}  // namespace v0
}  // namespace joust
