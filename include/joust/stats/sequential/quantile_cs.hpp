// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/order.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/sequential/bernoulli_mixture.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace joust {
inline namespace v0 {
namespace stats {

/// Set up the sequential methods for quantiles.
struct quantile_cs_options {
    /// The share of values below the quantile.
    double q = 0.5;
    /// The quantile's value under the null hypothesis.
    double null = 0.0;
    /// The number of observations at which the interval should be narrowest.
    double planned = 1'000.0;
    /// Compare all members.
    bool operator==(const quantile_cs_options&) const = default;
};

/// Hold two ranks, counted from 1.
struct rank_pair {
    /// The lower rank; 0 where nothing is excluded.
    std::uint64_t lower = 0;
    /// The upper rank; n + 1 where nothing is excluded.
    std::uint64_t upper = 0;
    /// Compare all members.
    bool operator==(const rank_pair&) const = default;
};

namespace detail {

struct quantile_mixture {
    double q = 0.5;
    double a = 0.0;  // a beta prior around q, as wide as a normal mixture tuned for the planned sample
    double b = 0.0;

    explicit quantile_mixture(const quantile_cs_options& options) noexcept
        : q(options.q), a(options.planned / 7.94 * options.q), b(options.planned / 7.94 * (1.0 - options.q))
    {
    }
    [[nodiscard]] bool usable() const noexcept
    {
        return q > 0.0 && q < 1.0 && a > 0.0 && b > 0.0 && std::isfinite(a) && std::isfinite(b);
    }
    // The log e-value of k among n observations being at most the quantile: convex in k, lowest near n q.
    [[nodiscard]] double log_e(double k, double n) const noexcept
    {
        return bernoulli_mixture(k, n, q, 1.0 - q, a, b);
    }
};

}  // namespace detail

/// Return the ranks of the order statistics that enclose a quantile at every look, after n observations.
///
/// When to use: data that are stored elsewhere, or in a sketch. When not: one planned look; quantile_interval is
/// shorter.
/// assumes: independent observations of one distribution, which may have ties.
/// errors: {0, n + 1} while nothing is excluded, and for unusable options.
/// cost: about 4 us.
/// source: Howard and Ramdas 2022, "Sequential estimation of quantiles with applications to A/B testing and
///     best-arm identification", theorem 1, with the beta mixture of exact binomial likelihoods as boundary.
[[nodiscard]] inline rank_pair sequential_quantile_ranks(std::uint64_t n, double alpha,
                                                         const quantile_cs_options& options = {}) noexcept
{
    const detail::quantile_mixture mixture{options};
    const double all = static_cast<double>(n);
    rank_pair ranks{0, n + 1};
    if (n == 0 || !detail::is_alpha(alpha) || !mixture.usable()) {
        return ranks;
    }
    const double target = -std::log(alpha);
    const auto refused = [&](std::uint64_t k) {
        return mixture.log_e(static_cast<double>(k), all) >= target;
    };
    const auto middle_rank = static_cast<std::uint64_t>(std::floor(all * options.q));
    // X_(l) is at most the quantile unless fewer than l observations are: l - 1 is the largest refused count.
    if (refused(0)) {
        std::uint64_t low = 0;
        std::uint64_t high = middle_rank;
        while (high - low > 1) {
            const std::uint64_t k = low + (high - low) / 2;
            (refused(k) ? low : high) = k;
        }
        ranks.lower = low + 1;
    }
    if (refused(n)) {
        std::uint64_t low = middle_rank;
        std::uint64_t high = n;
        while (high - low > 1) {
            const std::uint64_t k = low + (high - low) / 2;
            (refused(k) ? high : low) = k;
        }
        ranks.upper = high;
    }
    return ranks;
}

/// Test at every look whether a quantile has a given value, by counting, in constant memory.
///
/// With ties the evidence is that of the count most favourable to the null.
///
/// When to use: a latency percentile against a limit.
/// assumes: independent observations of one distribution.
/// errors: too_few without an observation, out_of_range (NaN, options).
/// cost: about 100 ns per observation; 90 bytes.
/// source: as sequential_quantile_ranks.
class quantile_e_process {
public:
    /// Start without observations.
    explicit quantile_e_process(const quantile_cs_options& options = {}) noexcept : options_(options) {}

    /// Add an observation, which may be infinite; NaN is counted as refused, and the return value is false.
    bool update(double x) noexcept
    {
        if (std::isnan(x)) {
            ++refused_;
            return false;
        }
        n_ += 1.0;
        below_ += x < options_.null ? 1.0 : 0.0;
        at_most_ += x <= options_.null ? 1.0 : 0.0;
        remember();
        return true;
    }

    /// Add another part of the same data, as t_e_process::merge does.
    ///
    /// errors: returns false, and changes nothing, unless the options agree.
    bool merge(const quantile_e_process& other) noexcept
    {
        if (!(options_ == other.options_)) {
            return false;
        }
        n_ += other.n_;
        below_ += other.below_;
        at_most_ += other.at_most_;
        refused_ += other.refused_;
        remember();
        return true;
    }

    /// Return whether the results are valid, and why not.
    [[nodiscard]] status state() const noexcept
    {
        return refused_ != 0 || std::isnan(options_.null) || !detail::quantile_mixture{options_}.usable()
                   ? status::out_of_range
               : n_ > 0.0 ? status::ok
                          : status::too_few;
    }
    /// Return the logarithm of the e-value at this look.
    [[nodiscard]] double log_e() const noexcept
    {
        if (state() != status::ok) {
            return not_a_number;
        }
        // The count that a random ordering of ties would give lies between the two; the smallest evidence of any is
        // safe.
        const detail::quantile_mixture mixture{options_};
        double k = std::floor(n_ * options_.q);
        k = k < below_ ? below_ : k > at_most_ ? at_most_ : k;
        double lowest = mixture.log_e(k, n_);
        for (const double step : {-1.0, 1.0}) {
            while (k + step >= below_ && k + step <= at_most_) {
                const double next = mixture.log_e(k + step, n_);
                if (!(next < lowest)) {
                    break;
                }
                lowest = next;
                k += step;
            }
        }
        return lowest;
    }
    /// Return the p-value of all looks so far.
    [[nodiscard]] double p_value() const noexcept
    {
        return state() == status::ok ? always_valid_p(max_log_e_) : not_a_number;
    }
    /// Return the largest logarithm of the e-value at any look.
    [[nodiscard]] double max_log_e() const noexcept { return max_log_e_; }
    /// Return how many observations were counted.
    [[nodiscard]] double count() const noexcept { return n_; }
    /// Return how many observations were refused.
    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }
    /// Compare all members.
    bool operator==(const quantile_e_process&) const = default;

private:
    friend class quantile_confidence_sequence;
    void remember() noexcept
    {
        const double now = log_e();
        max_log_e_ = now > max_log_e_ ? now : max_log_e_;
    }

    quantile_cs_options options_;
    double n_ = 0.0;
    double below_ = 0.0;    // observations below the null's value
    double at_most_ = 0.0;  // observations at most the null's value
    double max_log_e_ = 0.0;
    std::uint64_t refused_ = 0;
};

/// Follow a quantile with an interval that is valid at every look; it stores every observation.
///
/// When to use: an interval from raw observations. When not: a test alone (`quantile_e_process`), or data in a sketch
/// (`sequential_quantile_ranks`).
/// assumes: as quantile_e_process.
/// errors: as quantile_e_process.
/// source: as quantile_e_process.
/// cost: about 100 ns per observation; an interval about 10 ns per stored observation.
class quantile_confidence_sequence {
public:
    /// Start without observations.
    explicit quantile_confidence_sequence(const quantile_cs_options& options = {}) : test_(options) {}

    /// Add an observation, as quantile_e_process::update does.
    bool update(double x)
    {
        if (test_.update(x)) {
            kept_.push_back(x);
            return true;
        }
        return false;
    }

    /// Add another part, as quantile_e_process::merge does.
    bool merge(const quantile_confidence_sequence& other)
    {
        if (!test_.merge(other.test_)) {
            return false;
        }
        kept_.insert(kept_.end(), other.kept_.begin(), other.kept_.end());
        return true;
    }

    /// Return whether the results are valid, and why not.
    [[nodiscard]] status state() const noexcept { return test_.state(); }
    /// Return the logarithm of the e-value at this look.
    [[nodiscard]] double log_e() const noexcept { return test_.log_e(); }
    /// Return the p-value of all looks so far.
    [[nodiscard]] double p_value() const noexcept { return test_.p_value(); }
    /// Return the largest logarithm of the e-value at any look.
    [[nodiscard]] double max_log_e() const noexcept { return test_.max_log_e(); }
    /// Return how many observations were counted.
    [[nodiscard]] double count() const noexcept { return test_.count(); }
    /// Return how many observations were refused.
    [[nodiscard]] std::uint64_t refused() const noexcept { return test_.refused(); }

    /// Return the smallest observation that is not exceeded by a share q of all.
    [[nodiscard]] double estimate() const
    {
        if (state() != status::ok) {
            return not_a_number;
        }
        const double rank = std::ceil(test_.options_.q * count());
        std::vector<double> copy = kept_;
        return nth(copy, static_cast<std::uint64_t>(rank > 1.0 ? rank : 1.0));
    }

    /// Return the interval of the quantile; its ends are observations, infinite where nothing is excluded.
    [[nodiscard]] bounds interval(double alpha = 0.05) const
    {
        if (state() != status::ok || !detail::is_alpha(alpha)) {
            return {not_a_number, not_a_number};
        }
        const rank_pair ranks = sequential_quantile_ranks(kept_.size(), alpha, test_.options_);
        std::vector<double> copy = kept_;
        bounds ends;
        if (ranks.lower >= 1) {
            ends.lower = nth(copy, ranks.lower);
        }
        if (ranks.upper <= kept_.size()) {
            ends.upper = nth(copy, ranks.upper);
        }
        return ends;
    }

private:
    [[nodiscard]] static double nth(std::vector<double>& values, std::uint64_t rank)
    {
        return detail::select_value(values, static_cast<std::size_t>(rank - 1));
    }

    quantile_e_process test_;
    std::vector<double> kept_;
};

}  // namespace stats
}  // namespace v0
}  // namespace joust
