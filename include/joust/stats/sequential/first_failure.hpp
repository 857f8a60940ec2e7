// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/stats/result.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace joust {
inline namespace v0 {
namespace stats {

/// Set up a first-failure test.
struct first_failure_options {
    /// The null: the challenger's failure rate is at most this many times the champion's.
    double null_ratio = 1.0;
    /// The alternatives, as factors by which the rate is worse than `null_ratio`; those not above 1 are ignored.
    std::array<double, 8> alternatives{1.5, 2.0, 4.0, 10.0, 30.0};
};

/// Test rare events (failures, slow answers) from the very first one: given that a request failed, which arm served
/// it?
///
/// Under the null the next failure is the challenger's with probability s R0 / (s R0 + 1 - s), where s is the
/// propensity of the plan that served the request; each alternative R multiplies R0. The e-value is the mean of the
/// likelihood ratios over the alternatives. No burn-in is needed.
///
/// When to use: counts too small for a normal mixture, and fast rollback. When not: quantities that are not events.
/// assumes: every request was randomised with propensity s, and only the first failure of a unit is given (for sticky
///     units: count the first failure per hashed slot of units). The test holds under any drift of the failure rate.
/// cost: eight logarithms per failure, nothing per success; 100 bytes.
/// source: conditional binomial test of two Poisson rates (Przyborowski and Wilenski 1940) made sequential as
///     a mixture of likelihood ratios (Wald 1945; Robbins 1970).
class first_failure {
public:
    /// Start without failures.
    /// errors: an unusable `null_ratio` (not positive, not finite) leaves a test that never finds evidence.
    explicit first_failure(const first_failure_options& options = {}) noexcept
        : null_ratio_(options.null_ratio)
    {
        for (const double ratio : options.alternatives) {
            if (ratio > 1.0 && std::isfinite(ratio)) {
                alternatives_[size_++] = ratio;
            }
        }
        if (!(null_ratio_ > 0.0 && std::isfinite(null_ratio_))) {
            size_ = 0;
        }
    }

    /// Count one failure: whether the challenger served it, and the challenger's propensity at that time.
    ///
    /// Returns false, and changes nothing, unless 0 < s < 1: without randomisation the failure says nothing.
    bool add(bool challenger, double s) noexcept
    {
        if (!(s > 0.0 && s < 1.0)) {
            return false;
        }
        const double odds = s * null_ratio_;
        const double null_share = odds / (odds + 1.0 - s);
        for (std::size_t i = 0; i < size_; ++i) {
            const double shrink = -std::log1p(null_share * (alternatives_[i] - 1.0));
            log_ratios_[i] += challenger ? std::log(alternatives_[i]) + shrink : shrink;
        }
        ++(challenger ? challenger_failures_ : champion_failures_);
        expected_ += null_share;
        return true;
    }

    /// Add the evidence of another part of the same trial (thread, replica, day).
    ///
    /// errors: returns false, and changes nothing, when the two test different ratios.
    bool merge(const first_failure& other) noexcept
    {
        if (null_ratio_ != other.null_ratio_ || alternatives_ != other.alternatives_) {
            return false;
        }
        for (std::size_t i = 0; i < size_; ++i) {
            log_ratios_[i] += other.log_ratios_[i];
        }
        challenger_failures_ += other.challenger_failures_;
        champion_failures_ += other.champion_failures_;
        expected_ += other.expected_;
        return true;
    }

    /// Return the logarithm of the e-value, which is the mean of the likelihood ratios.
    [[nodiscard]] double log_e() const noexcept
    {
        if (size_ == 0) {
            return 0.0;
        }
        double largest = -std::numeric_limits<double>::infinity();
        for (std::size_t i = 0; i < size_; ++i) {
            largest = log_ratios_[i] > largest ? log_ratios_[i] : largest;
        }
        double sum = 0.0;
        for (std::size_t i = 0; i < size_; ++i) {
            sum += std::exp(log_ratios_[i] - largest);
        }
        return largest + std::log(sum / static_cast<double>(size_));
    }

    /// Return the ratio under the null hypothesis.
    [[nodiscard]] double null_ratio() const noexcept { return null_ratio_; }
    /// Return how many of the failures were the challenger's.
    [[nodiscard]] std::uint64_t challenger_failures() const noexcept { return challenger_failures_; }
    /// Return how many of the failures were the champion's.
    [[nodiscard]] std::uint64_t champion_failures() const noexcept { return champion_failures_; }

    /// Return how many failures the challenger would have under the null, given the total.
    [[nodiscard]] double expected_challenger_failures() const noexcept { return expected_; }

    /// Compare all members.
    bool operator==(const first_failure&) const = default;

private:
    double null_ratio_ = 1.0;
    std::array<double, 8> alternatives_{};
    std::array<double, 8> log_ratios_{};
    std::size_t size_ = 0;
    std::uint64_t challenger_failures_ = 0;
    std::uint64_t champion_failures_ = 0;
    double expected_ = 0.0;
};

}  // namespace stats
}  // namespace v0
}  // namespace joust
