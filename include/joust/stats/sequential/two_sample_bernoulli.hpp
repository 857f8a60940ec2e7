// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/roots.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/sequential/bernoulli_mixture.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>

#include <cmath>
#include <cstdint>
#include <limits>

namespace joust {
inline namespace v0 {
namespace stats {

/// Set up two_sample_bernoulli.
struct two_sample_bernoulli_options {
    /// The departure that bets look for; `side::greater` bets only on a larger first rate, so that the null is
    /// "first at most second".
    side alternative = side::two;
    /// The prior on each rate; Turner, Ly and Gruenwald recommend pseudo-counts of 0.18.
    beta_prior prior{0.18, 0.18};
    /// Compare all members.
    bool operator==(const two_sample_bernoulli_options&) const = default;
};

/// Compare two success rates, first minus second, at every look, from the first observation on.
///
/// `log_e` tests that both rates are equal, whatever they are. Add one request at a time with the share of the first
/// arm in the plan that served it, or blocks of fixed sizes. `interval` is that of the difference, from a joint beta
/// mixture; because it is built differently, it may still contain 0 when the e-value rejects.
///
/// When to use: conversions and other proportions, also rare ones. When not: rare failures under a guardrail;
/// `first_failure` reacts sooner.
/// assumes: one at a time: every request was randomised with the share given; then any drift of the common
///     rate is allowed. Blocks: independent outcomes with one rate within the block; no randomisation is
///     needed. The interval: two rates that do not change.
/// errors: too_few without an observation, out_of_range (a share not strictly between 0 and 1, more successes
///     than trials).
/// cost: about 40 ns per request; an interval about 20 us; 100 bytes.
/// source: Turner, Ly and Gruenwald 2024, "Generic e-variables for exact sequential k-sample tests that allow
///     for optional stopping", theorem 1; randomised form: the same growth-rate optimal ratio with the share
///     as the weight of the first arm.
class two_sample_bernoulli {
public:
    /// Start without observations.
    explicit two_sample_bernoulli(const two_sample_bernoulli_options& options = {}) noexcept
        : options_(options), usable_(options.prior.successes > 0.0 && options.prior.failures > 0.0 &&
                                     std::isfinite(options.prior.successes + options.prior.failures))
    {
    }

    /// Add one request that the first arm served with probability `share`.
    ///
    /// Returns false, and counts it as refused, unless 0 < share < 1.
    bool update(bool first, bool success, double share) noexcept
    {
        if (!(share > 0.0 && share < 1.0)) {
            ++refused_;
            return false;
        }
        const double p1 = guess(k1_, n1_);
        const double p2 = guess(k2_, n2_);
        if (bets(p1, p2)) {
            const double mixed = share * p1 + (1.0 - share) * p2;
            const double p = first ? p1 : p2;
            log_e_ += success ? std::log(p / mixed) : std::log((1.0 - p) / (1.0 - mixed));
        }
        (first ? n1_ : n2_) += 1.0;
        if (success) {
            (first ? k1_ : k2_) += 1.0;
        }
        remember();
        return true;
    }

    /// Add a block: k1 successes of n1 in the first arm, k2 of n2 in the second.
    ///
    /// The sizes must not depend on the outcomes. Blocks with an empty arm are counted, but are no evidence.
    /// Returns false, and counts it as refused, when k1 > n1 or k2 > n2.
    bool update(std::uint64_t k1, std::uint64_t n1, std::uint64_t k2, std::uint64_t n2) noexcept
    {
        if (k1 > n1 || k2 > n2) {
            ++refused_;
            return false;
        }
        const double a = static_cast<double>(n1);
        const double b = static_cast<double>(n2);
        const double s1 = static_cast<double>(k1);
        const double s2 = static_cast<double>(k2);
        const double p1 = guess(k1_, n1_);
        const double p2 = guess(k2_, n2_);
        if (n1 > 0 && n2 > 0 && bets(p1, p2)) {
            const double mixed = (a * p1 + b * p2) / (a + b);
            log_e_ += s1 * std::log(p1 / mixed) + (a - s1) * std::log((1.0 - p1) / (1.0 - mixed)) +
                      s2 * std::log(p2 / mixed) + (b - s2) * std::log((1.0 - p2) / (1.0 - mixed));
        }
        k1_ += s1;
        n1_ += a;
        k2_ += s2;
        n2_ += b;
        remember();
        return true;
    }

    /// Add an independent part of the same trial: evidence multiplies. Merge on a schedule that does not depend on
    /// the results of the parts.
    ///
    /// errors: returns false, and changes nothing, unless the options agree.
    bool merge(const two_sample_bernoulli& other) noexcept
    {
        if (!(options_ == other.options_)) {
            return false;
        }
        k1_ += other.k1_;
        n1_ += other.n1_;
        k2_ += other.k2_;
        n2_ += other.n2_;
        refused_ += other.refused_;
        log_e_ += other.log_e_;
        remember();
        return true;
    }

    /// Return whether the results are valid, and why not.
    [[nodiscard]] status state() const noexcept
    {
        return refused_ != 0 || !usable_ ? status::out_of_range
               : n1_ + n2_ > 0.0         ? status::ok
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

    /// Return the difference of the observed rates; NaN while an arm is empty.
    [[nodiscard]] double estimate() const noexcept
    {
        return n1_ > 0.0 && n2_ > 0.0 ? k1_ / n1_ - k2_ / n2_ : not_a_number;
    }

    /// Return the interval of the difference, valid at every look: the projection of the joint region of both rates.
    [[nodiscard]] bounds interval(double alpha = 0.05) const noexcept
    {
        if (state() != status::ok || !detail::is_alpha(alpha)) {
            return {not_a_number, not_a_number};
        }
        const double target = -std::log(alpha);
        return {-reach(k2_, n2_, k1_, n1_, target), reach(k1_, n1_, k2_, n2_, target)};
    }

    /// Return how many observations were refused.
    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }
    /// Compare all members.
    bool operator==(const two_sample_bernoulli&) const = default;

private:
    [[nodiscard]] double guess(double k, double n) const noexcept
    {
        return (k + options_.prior.successes) / (n + options_.prior.successes + options_.prior.failures);
    }
    [[nodiscard]] bool bets(double p1, double p2) const noexcept
    {
        return usable_ && (options_.alternative == side::two ||
                           (options_.alternative == side::greater ? p1 > p2 : p1 < p2));
    }
    void remember() noexcept { max_log_e_ = log_e_ > max_log_e_ ? log_e_ : max_log_e_; }

    // The p at which the slope of the log likelihood of k in n is -pull: pull p^2 + (n - pull) p - k = 0, solved
    // without cancellation.
    [[nodiscard]] static double pulled(double k, double n, double pull) noexcept
    {
        if (n == 0.0) {
            return 1.0;
        }
        const double rest = n - pull;
        const double root = std::sqrt(rest * rest + 4.0 * pull * k);
        if (rest >= 0.0) {
            return k > 0.0 ? 2.0 * k / (rest + root) : 0.0;
        }
        const double p = (root - rest) / (2.0 * pull);
        return p < 1.0 ? p : 1.0;
    }

    // The largest p - q within the joint region. On its border both likelihoods have opposite slopes, so one number,
    // the pull, parametrises all candidates.
    [[nodiscard]] double reach(double k, double n, double l, double m, double target) const noexcept
    {
        const auto at = [&](double pull, double& p, double& q_failure) {
            p = pulled(k, n, pull);
            q_failure = pulled(m - l, m, pull);
            return detail::bernoulli_mixture(k, n, p, 1.0 - p, options_.prior.successes,
                                             options_.prior.failures) +
                   detail::bernoulli_mixture(l, m, 1.0 - q_failure, q_failure, options_.prior.successes,
                                             options_.prior.failures);
        };
        double p = 0.0;
        double failure = 0.0;
        double low = 0.0;
        double high = 1.0;
        while (high < 1e300 && !(at(high, p, failure) > target)) {
            low = high;
            high *= 4.0;
        }
        if (!(high < 1e300)) {
            return 1.0;
        }
        const detail::bracket edge = detail::bisect(
            {low, high}, [&](double pull) { return at(pull, p, failure) > target; },
            [](const detail::bracket& b) { return !(b.with - b.without > 1e-14 * b.with); });
        at(edge.with, p, failure);
        const double difference = p + failure - 1.0;
        return difference < 1.0 ? difference : 1.0;
    }

    two_sample_bernoulli_options options_;
    bool usable_ = true;
    double k1_ = 0.0;
    double n1_ = 0.0;
    double k2_ = 0.0;
    double n2_ = 0.0;
    double log_e_ = 0.0;
    double max_log_e_ = 0.0;
    std::uint64_t refused_ = 0;
};

}  // namespace stats
}  // namespace v0
}  // namespace joust
