// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/roots.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace joust {
inline namespace v0 {
namespace stats {

/// Set up poisson_rates.
struct poisson_rates_options {
    /// The null: the first rate is this many times the second; with `side::greater` at most that many times.
    double null_ratio = 1.0;
    /// The departure from the null that counts as evidence.
    side alternative = side::two;
    /// The number of pseudo-events that pull the estimates of both rates to one level.
    double prior = 0.5;
    /// Compare all members.
    bool operator==(const poisson_rates_options&) const = default;
};

/// Compare the rates at which events happen in two arms (first over second): given an event, which arm was it?
///
/// Under a ratio R of rates the next event is the first arm's with probability s R / (s R + 1 - s), where s is the
/// first arm's share in the plan in force. The bet on it uses the rates seen before. The test holds whatever the
/// common intensity does, and while the shares of traffic change.
///
/// When to use: counts of events (failures, purchases, calls) where exposures are not counted, and when an interval of
/// the ratio is wanted. When not: fast rollback at tiny counts; `first_failure` reacts sooner.
/// assumes: every request was randomised with share s, and events of different requests are independent given
///     the intensity. Events of a returning unit that stays with its arm are not: count only its first event.
/// errors: too_few without an event, out_of_range (a share not strictly between 0 and 1, options). The interval
///     needs at most 16 different shares; with more its ends are NaN and the rest still works.
/// cost: about 60 ns per event, nothing per exposure; an interval about 10 us; 400 bytes.
/// source: conditional test of two rates (Przyborowski and Wilenski 1940), made sequential by predictive bets
///     (Wald 1945; Lindon and Malek 2022, "Anytime-valid inference for multinomial count data").
class poisson_rates {
public:
    /// Start without events.
    explicit poisson_rates(const poisson_rates_options& options = {}) noexcept : options_(options) {}

    /// Count an event, and the first arm's share at that time.
    ///
    /// Returns false, and counts it as refused, unless 0 < share < 1.
    bool update(bool first, double share) noexcept
    {
        return first ? update(1, 0, share) : update(0, 1, share);
    }

    /// Count the events of a period with one share; it is one look.
    bool update(std::uint64_t first, std::uint64_t second, double share) noexcept
    {
        if (!(share > 0.0 && share < 1.0)) {
            ++refused_;
            return false;
        }
        const double a = static_cast<double>(first);
        const double b = static_cast<double>(second);
        const double k = options_.prior;
        const double ratio = (n1_ + k) / (expected1_ + k) * ((expected2_ + k) / (n2_ + k));
        log_to_equal_ += log_likelihood(a, b, share, ratio);
        const bool bets = options_.alternative == side::two ||
                          (options_.alternative == side::greater ? ratio > options_.null_ratio
                                                                 : ratio < options_.null_ratio);
        if (bets) {
            log_e_ += log_likelihood(a, b, share, ratio) - log_likelihood(a, b, share, options_.null_ratio);
        }
        n1_ += a;
        n2_ += b;
        expected1_ += share * (a + b);
        expected2_ += (1.0 - share) * (a + b);
        keep(share, a + b);
        max_log_e_ = log_e_ > max_log_e_ ? log_e_ : max_log_e_;
        return true;
    }

    /// Add an independent part of the same trial: evidence multiplies. Merge on a schedule that does not depend on
    /// the results of the parts.
    ///
    /// errors: returns false, and changes nothing, unless the options agree.
    bool merge(const poisson_rates& other) noexcept
    {
        if (!(options_ == other.options_)) {
            return false;
        }
        for (std::size_t i = 0; i < other.shares_; ++i) {
            keep(other.share_[i], other.events_[i]);
        }
        too_many_shares_ = too_many_shares_ || other.too_many_shares_;
        n1_ += other.n1_;
        n2_ += other.n2_;
        expected1_ += other.expected1_;
        expected2_ += other.expected2_;
        log_e_ += other.log_e_;
        log_to_equal_ += other.log_to_equal_;
        refused_ += other.refused_;
        max_log_e_ = log_e_ > max_log_e_ ? log_e_ : max_log_e_;
        return true;
    }

    /// Return whether the results are valid, and why not.
    [[nodiscard]] status state() const noexcept
    {
        if (refused_ != 0 || !(options_.null_ratio > 0.0 && std::isfinite(options_.null_ratio)) ||
            !(options_.prior > 0.0 && std::isfinite(options_.prior))) {
            return status::out_of_range;
        }
        return n1_ + n2_ > 0.0 ? status::ok : status::too_few;
    }
    /// Return the logarithm of the e-value at this look.
    [[nodiscard]] double log_e() const noexcept { return state() == status::ok ? log_e_ : not_a_number; }
    /// Return the p-value of all looks so far.
    [[nodiscard]] double p_value() const noexcept
    {
        return state() == status::ok ? always_valid_p(max_log_e_) : not_a_number;
    }
    /// Return the largest logarithm of the e-value at any look.
    [[nodiscard]] double max_log_e() const noexcept { return max_log_e_; }

    /// Return the likeliest ratio of the rates, first over second; NaN with too many different shares.
    [[nodiscard]] double estimate() const noexcept
    {
        return state() == status::ok && !too_many_shares_ ? std::exp(likeliest()) : not_a_number;
    }

    /// Return the interval of the ratio, valid at every look; one-sided for a one-sided alternative.
    [[nodiscard]] bounds interval(double alpha = 0.05) const noexcept
    {
        if (state() != status::ok || too_many_shares_ || !detail::is_alpha(alpha)) {
            return {not_a_number, not_a_number};
        }
        const double target = -std::log(alpha);
        const double centre = likeliest();
        bounds ends{0.0, std::numeric_limits<double>::infinity()};
        if (options_.alternative != side::less && n1_ > 0.0) {
            ends.lower = std::exp(limit(centre, -1.0, target));
        }
        if (options_.alternative != side::greater && n2_ > 0.0) {
            ends.upper = std::exp(limit(centre, 1.0, target));
        }
        return ends;
    }

    /// Return how many observations were refused.
    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }
    /// Compare all members.
    bool operator==(const poisson_rates&) const = default;

private:
    static constexpr std::size_t most_shares = 16;
    static constexpr double farthest = 600.0;  // the largest logarithm of a ratio

    // The log likelihood of a events of the first arm and b of the second, relative to equal rates.
    [[nodiscard]] static double log_likelihood(double a, double b, double share, double ratio) noexcept
    {
        return a * std::log(ratio) - (a + b) * std::log1p(share * (ratio - 1.0));
    }

    void keep(double share, double events) noexcept
    {
        std::size_t i = 0;
        while (i < shares_ && share_[i] != share) {
            ++i;
        }
        if (i == shares_) {
            if (shares_ == most_shares) {
                too_many_shares_ = true;
                return;
            }
            share_[shares_++] = share;
        }
        events_[i] += events;
    }

    // The logarithm of the e-value against the ratio exp(r), which is convex in r.
    [[nodiscard]] double against(double r) const noexcept
    {
        double sum = log_to_equal_ - n1_ * r;
        for (std::size_t i = 0; i < shares_; ++i) {
            sum += events_[i] * (r < 0.0 ? std::log1p(share_[i] * std::expm1(r))
                                         : r + std::log1p((1.0 - share_[i]) * std::expm1(-r)));
        }
        return sum;
    }
    // The derivative of `against`.
    [[nodiscard]] double slope(double r) const noexcept
    {
        double sum = -n1_;
        for (std::size_t i = 0; i < shares_; ++i) {
            sum += events_[i] / (1.0 + (1.0 - share_[i]) / share_[i] * std::exp(-r));
        }
        return sum;
    }
    [[nodiscard]] double likeliest() const noexcept
    {
        if (!(n1_ > 0.0)) {
            return -std::numeric_limits<double>::infinity();
        }
        if (!(n2_ > 0.0)) {
            return std::numeric_limits<double>::infinity();
        }
        return detail::middle_of(
            detail::bisect({-farthest, farthest}, [&](double r) { return slope(r) > 0.0; }, is_narrow));
    }
    [[nodiscard]] double limit(double centre, double direction, double target) const noexcept
    {
        const double inside = centre < -farthest ? -farthest : centre > farthest ? farthest : centre;
        const double outside = direction * farthest;
        const auto excluded = [&](double r) { return against(r) > target; };
        if (!excluded(outside)) {
            return direction * std::numeric_limits<double>::infinity();
        }
        return detail::bisect({inside, outside}, excluded, is_narrow).with;
    }
    [[nodiscard]] static bool is_narrow(const detail::bracket& at) noexcept
    {
        return !(std::fabs(at.with - at.without) > 1e-15 * (1.0 + std::fabs(at.without)));
    }

    poisson_rates_options options_;
    double n1_ = 0.0;
    double n2_ = 0.0;
    double expected1_ = 0.0;  // the events of the first arm if the rates were equal
    double expected2_ = 0.0;
    double log_e_ = 0.0;
    double log_to_equal_ = 0.0;  // the likelihood of the bets divided by that of equal rates
    double max_log_e_ = 0.0;
    std::array<double, most_shares> share_{};
    std::array<double, most_shares> events_{};
    std::size_t shares_ = 0;
    bool too_many_shares_ = false;
    std::uint64_t refused_ = 0;
};

/// Compare the rates at which events happen in up to 16 arms while shares change: does any arm's rate differ?
///
/// It works as poisson_rates does, for the null that all rates are equal. For intervals of ratios use poisson_rates on
/// two arms at a time, with the share s_i / (s_i + s_j).
/// assumes: as poisson_rates.
/// source: as poisson_rates.
/// errors: too_few without an event; out_of_range (an arm that the shares do not serve, shares negative or
///     not summing to 1 within 1e-9, a different number of shares than before).
/// cost: about 5 ns per arm and event; 300 bytes.
class many_poisson_rates {
public:
    /// The largest number of arms.
    static constexpr std::size_t most_arms = 16;

    /// Start without events; `prior` is the number of pseudo-events.
    explicit many_poisson_rates(double prior = 0.5) noexcept : prior_(prior) {}

    /// Count an event of an arm, and the shares of all arms at that time. Shares that do not fit are counted as
    /// refused, and the return value is false.
    bool update(std::size_t arm, std::span<const double> shares) noexcept
    {
        double total = 0.0;
        bool fits = shares.size() >= 2 && shares.size() <= most_arms && arm < shares.size() &&
                    (arms_ == 0 || arms_ == shares.size());
        for (std::size_t i = 0; i < shares.size() && fits; ++i) {
            fits = shares[i] >= 0.0;
            total += shares[i];
        }
        if (!fits || !(shares[arm] > 0.0) || !(std::fabs(total - 1.0) <= 1e-9)) {
            ++refused_;
            return false;
        }
        arms_ = shares.size();
        double mixed = 0.0;  // how likely the event's arm is by the rates seen, divided by its share
        for (std::size_t i = 0; i < arms_; ++i) {
            mixed += shares[i] / total * rate(i);
        }
        log_e_ += std::log(rate(arm) / mixed);
        max_log_e_ = log_e_ > max_log_e_ ? log_e_ : max_log_e_;
        for (std::size_t i = 0; i < arms_; ++i) {
            expected_[i] += shares[i] / total;
        }
        events_[arm] += 1.0;
        ++count_;
        return true;
    }

    /// Add another part, as poisson_rates::merge does.
    bool merge(const many_poisson_rates& other) noexcept
    {
        if (prior_ != other.prior_ || (arms_ != 0 && other.arms_ != 0 && arms_ != other.arms_)) {
            return false;
        }
        arms_ = arms_ != 0 ? arms_ : other.arms_;
        for (std::size_t i = 0; i < arms_; ++i) {
            events_[i] += other.events_[i];
            expected_[i] += other.expected_[i];
        }
        log_e_ += other.log_e_;
        max_log_e_ = log_e_ > max_log_e_ ? log_e_ : max_log_e_;
        count_ += other.count_;
        refused_ += other.refused_;
        return true;
    }

    /// Return whether the results are valid, and why not.
    [[nodiscard]] status state() const noexcept
    {
        return refused_ != 0 || !(prior_ > 0.0 && std::isfinite(prior_)) ? status::out_of_range
               : count_ > 0                                              ? status::ok
                                                                         : status::too_few;
    }
    /// Return the logarithm of the e-value at this look.
    [[nodiscard]] double log_e() const noexcept { return state() == status::ok ? log_e_ : not_a_number; }
    /// Return the p-value of all looks so far.
    [[nodiscard]] double p_value() const noexcept
    {
        return state() == status::ok ? always_valid_p(max_log_e_) : not_a_number;
    }
    /// Return the largest logarithm of the e-value at any look.
    [[nodiscard]] double max_log_e() const noexcept { return max_log_e_; }

    /// Return an arm's rate relative to the common one: its events over those expected; NaN where none were expected.
    [[nodiscard]] double estimate(std::size_t arm) const noexcept
    {
        return arm < arms_ && expected_[arm] > 0.0 ? events_[arm] / expected_[arm] : not_a_number;
    }
    /// Return how many observations were refused.
    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }
    /// Compare all members.
    bool operator==(const many_poisson_rates&) const = default;

private:
    [[nodiscard]] double rate(std::size_t i) const noexcept
    {
        return (events_[i] + prior_) / (expected_[i] + prior_);
    }

    double prior_ = 0.5;
    std::array<double, most_arms> events_{};
    std::array<double, most_arms> expected_{};
    std::size_t arms_ = 0;
    double log_e_ = 0.0;
    double max_log_e_ = 0.0;
    std::uint64_t count_ = 0;
    std::uint64_t refused_ = 0;
};

}  // namespace stats
}  // namespace v0
}  // namespace joust
