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

/// What a first-failure test guards: the challenger's failure rate is at most `null_ratio` times the
/// champion's, against alternatives where it is `alternatives` times worse than that. Alternatives not above
/// 1 are ignored; eight fit.
struct first_failure_options {
    double null_ratio = 1.0;
    std::array<double, 8> alternatives{1.5, 2.0, 4.0, 10.0, 30.0};
};

/// Judge rare events (failures, slow answers) from the very first one: given that somebody failed, whose
/// failure was it?
///
/// Under the null the next failure is the challenger's with probability s R0 / (s R0 + 1 - s), where s is the
/// propensity of the plan that served that request; each alternative R multiplies R0. The e-value is the mean
/// of the likelihood ratios over the alternatives. Use it where counts are too small for a normal mixture,
/// and for fast rollback; it needs no burn-in. Not for quantities that are not events.
/// assumes: every request was randomised with propensity s; failures of one unit after its first are not
///     given to it (sticky units: count the first failure per hashed slot of units). Holds under any drift of
///     the failure rate.
/// cost: eight logarithms per failure, nothing per success; 100 bytes.
/// source: conditional binomial test of two Poisson rates (Przyborowski and Wilenski 1940) made sequential as
///     a mixture of likelihood ratios (Wald 1945; Robbins 1970).
class first_failure {
public:
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

    /// Count one failure: whose it was, and with which propensity the challenger was served then.
    ///
    /// Returns false, and changes nothing, unless 0 < s < 1: without a choice there is nothing to learn.
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

    /// Give the logarithm of the e-value: of the mean of the likelihood ratios.
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

    [[nodiscard]] double null_ratio() const noexcept { return null_ratio_; }
    [[nodiscard]] std::uint64_t challenger_failures() const noexcept { return challenger_failures_; }
    [[nodiscard]] std::uint64_t champion_failures() const noexcept { return champion_failures_; }

    /// Give how many failures the challenger would have at the null, given how many there were.
    [[nodiscard]] double expected_challenger_failures() const noexcept { return expected_; }

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
