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

/// Give the tuning of an asymptotic confidence sequence that is tightest after `n` observations.
///
/// errors: NaN unless n > 0 and 0 < alpha < 1.
/// source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2021, "Time-uniform central limit theory and
///     asymptotic confidence sequences", arXiv 2103.06476, equation 161.
[[nodiscard]] inline double asymptotic_rho(double n, double alpha) noexcept
{
    return 1.0 / std::sqrt(normal_mixture_rho(n, alpha));
}

/// Give the half-width of the asymptotic confidence sequence of a mean.
///
/// assumes: as asymptotic_confidence_sequence.
/// errors: NaN unless variance >= 0, n > 0, rho > 0 and 0 < alpha < 1.
/// source: Waudby-Smith et al. 2021, equation 9.
[[nodiscard]] inline double asymptotic_half_width(double variance, double n, double rho,
                                                  double alpha) noexcept
{
    return std::sqrt(variance) / n * normal_mixture_bound(n, 1.0 / (rho * rho), alpha);
}

/// Give the logarithm of its e-value for a mean that is `distance` from the null.
///
/// source: Waudby-Smith et al. 2021, equation 155.
[[nodiscard]] inline double asymptotic_log_e(double distance, double variance, double n, double rho,
                                             side alternative = side::two) noexcept
{
    return normal_mixture_log_e(n * (distance / std::sqrt(variance)), n, 1.0 / (rho * rho), alternative);
}

/// Options of asymptotic_confidence_sequence. `planned` is the number of observations at which it shall be
/// tightest; fix it beforehand.
///
/// `burn_in` is the least number of observations, 30 or more. `min_events` is the least n / skewness^2, which
/// for rare events is the number of events: skewed means are slow to become normal.
struct asymptotic_options {
    double null = 0.0;
    side alternative = side::two;
    double planned = 10'000.0;
    std::uint64_t burn_in = 100;
    double min_events = 30.0;
    bool operator==(const asymptotic_options&) const = default;
};

/// Follow a mean whose variance is estimated: narrow, and valid at every look past its burn-in, in large
/// samples.
///
/// The mixture is tuned with the variance at the end of the burn-in and then left alone, so that the variance
/// may change over time (drift, changing shares): that is what differs from `asymptotic_half_width`.
///
/// Use it for means of anything with a finite variance, and, with (A - s) x / (s (1 - s)) or doubly robust
/// scores as observations, for effects. Not for the first handful of observations: from the second one on,
/// with a tuning for 50, it rejects a true null in a fifth of all runs; so it answers nothing before its
/// burn-in. For bounded values `betting` is exact, for normal ones `t_e_process`.
/// assumes: independent observations with one mean and a finite variance; enough of them for a normal mean.
///     For effects: every request was randomised, and `burn_in` is at least 30 / (smallest share * event
///     rate). Skewness cannot tell of large values that have not come yet: with 100 instead (share 0.1, rate
///     0.05) 6.7 % of true nulls were rejected.
/// errors: burn_in below `burn_in` observations or `min_events`, zero_variance, out_of_range (a value that
///     was not finite, or options).
/// cost: about 15 ns per observation and 30 ns per p-value; 130 bytes.
/// source: Waudby-Smith et al. 2021, arXiv 2103.06476.
class asymptotic_confidence_sequence {
public:
    explicit asymptotic_confidence_sequence(const asymptotic_options& options = {}) noexcept
        : options_(options), rho_(asymptotic_rho(options.planned, 0.05))
    {
        options_.burn_in = options.burn_in < 30 ? 30 : options.burn_in;
    }

    /// Add an observation. Returns false, and counts it as refused, when it is not finite.
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

    /// Add another part of the same data, as t_e_process::merge.
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
        // (d + m)^3 summed, where d are the distances from the other shift and m moves it to this one
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

    [[nodiscard]] status state() const noexcept { return judged(values_.variance()); }

    [[nodiscard]] double log_e() const noexcept
    {
        const double variance = values_.variance();
        return judged(variance) == status::ok
                   ? normal_mixture_log_e(count() * detail::mean_distance(values_, options_.null),
                                          count() * variance, precision(variance), options_.alternative)
                   : not_a_number;
    }

    /// Give the p-value of all looks past the burn-in.
    [[nodiscard]] double p_value() const noexcept
    {
        return state() == status::ok ? always_valid_p(max_log_e_) : not_a_number;
    }
    [[nodiscard]] double max_log_e() const noexcept { return max_log_e_; }
    [[nodiscard]] double estimate() const noexcept { return values_.mean(); }

    /// Give the interval of the mean; one-sided for a one-sided alternative.
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

    [[nodiscard]] double count() const noexcept { return static_cast<double>(values_.count()); }
    [[nodiscard]] std::uint64_t refused() const noexcept { return values_.rejected(); }
    bool operator==(const asymptotic_confidence_sequence&) const = default;

    /// Give the skewness of what was seen (third standardised moment, divisor n).
    [[nodiscard]] double skewness() const noexcept
    {
        const double variance = squares() / count();
        return third(variance) / (variance * std::sqrt(variance));
    }

private:
    // Of the mixture: with the variance at the end of the burn-in, not that of the moment.
    [[nodiscard]] double precision(double variance) const noexcept
    {
        return (frozen_ > 0.0 ? frozen_ : variance) / (rho_ * rho_);
    }
    // The third central moment, from the second.
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
    double frozen_ = 0.0;  // variance at the end of the burn-in
    double max_log_e_ = 0.0;
};

}  // namespace stats
}  // namespace v0
}  // namespace joust
