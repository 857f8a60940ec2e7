// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/stirling.hpp>
#include <joust/stats/moments.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/sequential/bernoulli_mixture.hpp>
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

namespace detail {

[[nodiscard]] inline double_double divide(double_double a, double_double b) noexcept
{
    const double first = a.high / b.high;
    const double_double rest = add(a, negate(multiply(b, {first, 0.0})));
    return quick_two_sum(first, rest.high / b.high);
}

[[nodiscard]] inline double_double product(double a, double b) noexcept
{
    const double high = a * b;
    return {high, std::fma(a, b, -high)};
}

// w + w^3 / 3 + w^5 / 5 + ... without its first term, for |w| up to 1/3.
[[nodiscard]] inline double atanh_rest(double w) noexcept
{
    double sum = 0.0;
    double power = w;
    for (int j = 3; j < 60; j += 2) {
        power *= w * w;
        const double next = sum + power / j;
        if (next == sum) {
            break;
        }
        sum = next;
    }
    return sum;
}

// x log(x / m) + m - x for m = x - difference, with an error of about 1e-18 of its own size: with counts of 1e12 the
// terms of the plain formula are 1e16 times larger than the result.
[[nodiscard]] inline double_double fine_deviance(double_double x, double_double difference) noexcept
{
    const double_double m = add(x, negate(difference));
    const double_double w = divide(difference, add(x, m));
    if (std::fabs(w.high) < 1.0 / 3.0) {
        // Loader's series: the first term differs from the result by a part of order w, for which a double is
        // accurate enough.
        return add(multiply(difference, w), 2.0 * x.high * atanh_rest(w.high));
    }
    constexpr double_double log2_parts{0.6931471805599453094, 2.3190468138462996e-17};
    const double_double ratio = divide(x, m);
    int exponent = 0;
    double fraction = std::frexp(ratio.high, &exponent);
    if (fraction < 0.70710678118654752) {
        --exponent;
    }
    const double scale = std::ldexp(1.0, -exponent);
    const double_double f{ratio.high * scale, ratio.low * scale};
    const double_double u = divide(add(f, -1.0), add(f, 1.0));
    const double_double log_ratio = add(multiply(log2_parts, {static_cast<double>(exponent), 0.0}),
                                        add({2.0 * u.high, 2.0 * u.low}, 2.0 * atanh_rest(u.high)));
    return add(multiply(x, log_ratio), negate(difference));
}

}  // namespace detail

/// Set up sequential_srm.
struct sequential_srm_options {
    /// The total of pseudo-counts of the Dirichlet prior around the planned shares: 10,000 is tuned for shares that
    /// differ from the plan by about one per cent of themselves.
    double concentration = 10'000.0;
    /// Compare all members.
    bool operator==(const sequential_srm_options&) const = default;
};

/// Check at every unit or batch whether units arrive in the planned shares: a Bayes factor of any other shares against
/// the planned ones.
///
/// The planned shares are given as whole-number weights, so that they are exact.
///
/// When to use: independent units (first exposures, distinct users) while the shares stay as planned. When not:
/// requests of returning units, which are not independent, or shares that ramp, which need an object with its own
/// weights per stage (`e_product`); `clustered_srm` handles both.
/// assumes: each unit is assigned to arm i with probability weight_i / sum of weights, independently of the units
///     before.
/// A unit in an arm without weight is certain proof: from then on log_e is infinite and p is 0.
/// errors: too_few without a unit; out_of_range (fewer than two weights above 0, more than 16, weights above
///     2^32, a concentration that is not positive, a unit in an arm that does not exist, more than 2^53 units).
/// cost: about 0.1 us per arm and look; 350 bytes. Absolute error of log_e below 1e-12 for |log_e| up to
///     1,000 and counts up to 1e12.
/// source: Lindon and Malek 2022, "Anytime-valid inference for multinomial count data", NeurIPS.
class sequential_srm {
public:
    /// The largest number of arms.
    static constexpr std::size_t most_arms = 16;

    /// Start without units; `weights` are proportional to the planned shares.
    explicit sequential_srm(std::span<const std::uint64_t> weights,
                            const sequential_srm_options& options = {}) noexcept
        : options_(options)
    {
        if (weights.size() > most_arms || !(options.concentration > 0.0) ||
            !std::isfinite(options.concentration)) {
            return;
        }
        std::size_t positive = 0;
        double total = 0.0;
        for (std::size_t i = 0; i < weights.size(); ++i) {
            if (weights[i] > (std::uint64_t{1} << 32U)) {
                return;
            }
            weights_[i] = static_cast<double>(weights[i]);
            total += weights_[i];
            positive += weights[i] > 0 ? 1U : 0U;
        }
        arms_ = weights.size();
        total_weight_ = positive >= 2 ? total : 0.0;
        prior_part_ = total_weight_ > 0.0 ? smooth_part(0.0, {}) : 0.0;
    }

    /// Count a unit of an arm; for an arm that does not exist it is counted as refused, and the return value is false.
    bool update(std::size_t arm) noexcept
    {
        if (arm >= arms_ || !(total_weight_ > 0.0)) {
            ++refused_;
            return false;
        }
        counts_[arm] += 1.0;
        n_ += 1.0;
        remember();
        return true;
    }

    /// Count a batch, one count per arm: a single look. A batch that does not fit is refused as a whole, and the
    /// return value is false.
    bool update(std::span<const std::uint64_t> counts) noexcept
    {
        bool fits = counts.size() == arms_;
        for (std::size_t i = 0; i < counts.size() && fits; ++i) {
            fits = counts[i] == 0 || (total_weight_ > 0.0 && counts[i] < (std::uint64_t{1} << 53U));
        }
        if (!fits) {
            ++refused_;
            return false;
        }
        for (std::size_t i = 0; i < arms_; ++i) {
            counts_[i] += static_cast<double>(counts[i]);
            n_ += static_cast<double>(counts[i]);
        }
        remember();
        return true;
    }

    /// Add the counts of another part of the same trial.
    ///
    /// errors: returns false, and changes nothing, unless weights and options agree.
    bool merge(const sequential_srm& other) noexcept
    {
        if (!(options_ == other.options_) || weights_ != other.weights_ || arms_ != other.arms_) {
            return false;
        }
        for (std::size_t i = 0; i < arms_; ++i) {
            counts_[i] += other.counts_[i];
        }
        n_ += other.n_;
        refused_ += other.refused_;
        remember();
        return true;
    }

    /// Return whether the results are valid, and why not.
    [[nodiscard]] status state() const noexcept
    {
        return refused_ != 0 || !(total_weight_ > 0.0) || n_ > 0x1p53 ? status::out_of_range
               : n_ > 0.0                                             ? status::ok
                                                                      : status::too_few;
    }

    /// Return the logarithm of the Bayes factor against the planned shares: infinite after a unit in an arm without weight.
    [[nodiscard]] double log_e() const noexcept
    {
        if (state() != status::ok) {
            return not_a_number;
        }
        // With z_i = prior + count and N their sum, log B(z) / B(prior) - sum count log share is sum [z log(z / (N
        // share)) + N share - z] plus parts that only grow with log N. In z - N share the prior cancels: count - n
        // share is a fraction of whole numbers.
        detail::double_double divergence;
        for (std::size_t i = 0; i < arms_; ++i) {
            if (weights_[i] == 0.0 && counts_[i] > 0.0) {
                return std::numeric_limits<double>::infinity();
            }
            if (weights_[i] > 0.0) {
                const detail::double_double difference =
                    detail::divide(detail::add(detail::product(counts_[i], total_weight_),
                                               detail::negate(detail::product(n_, weights_[i]))),
                                   total_weight_);
                divergence = detail::add(
                    divergence, detail::fine_deviance(detail::add(prior(i), counts_[i]), difference));
            }
        }
        return detail::add(divergence, smooth_part(n_, counts_) - prior_part_).high;
    }
    /// Return the p-value of all looks so far.
    [[nodiscard]] double p_value() const noexcept
    {
        return state() == status::ok ? always_valid_p(max_log_e_) : not_a_number;
    }
    /// Return the largest logarithm of the e-value at any look.
    [[nodiscard]] double max_log_e() const noexcept { return max_log_e_; }

    /// Return an arm's observed share.
    [[nodiscard]] double estimate(std::size_t arm) const noexcept
    {
        return arm < arms_ && n_ > 0.0 ? counts_[arm] / n_ : not_a_number;
    }

    /// Return the interval of one arm's share, valid at every look; for all arms together divide alpha by their
    /// number.
    [[nodiscard]] bounds interval(std::size_t arm, double alpha = 0.05) const noexcept
    {
        if (state() != status::ok || arm >= arms_ || !(weights_[arm] > 0.0) || !detail::is_alpha(alpha)) {
            return {not_a_number, not_a_number};
        }
        const double a = prior(arm).high;
        const double b = options_.concentration - a;
        const double target = -std::log(alpha);
        return {detail::bernoulli_mixture_limit(counts_[arm], n_, a, b, target, 0.0),
                detail::bernoulli_mixture_limit(counts_[arm], n_, a, b, target, 1.0)};
    }

    /// Return how many units were counted.
    [[nodiscard]] double count() const noexcept { return n_; }
    /// Return how many observations were refused.
    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }
    /// Compare all members.
    bool operator==(const sequential_srm&) const = default;

private:
    [[nodiscard]] detail::double_double prior(std::size_t i) const noexcept
    {
        return detail::divide(detail::product(options_.concentration, weights_[i]), total_weight_);
    }

    // The part of the divergence that comes from Stirling's correction: sum [error(z) - log(z) / 2] - error(N) +
    // log(N) / 2.
    [[nodiscard]] double smooth_part(double n, const std::array<double, most_arms>& counts) const noexcept
    {
        const double all = options_.concentration + n;
        double sum = 0.5 * std::log(all) - detail::stirling_error(all);
        for (std::size_t i = 0; i < arms_; ++i) {
            if (weights_[i] > 0.0) {
                const double z = prior(i).high + counts[i];
                sum += detail::stirling_error(z) - 0.5 * std::log(z);
            }
        }
        return sum;
    }
    void remember() noexcept
    {
        const double now = log_e();
        max_log_e_ = now > max_log_e_ ? now : max_log_e_;
    }

    sequential_srm_options options_;
    std::array<double, most_arms> weights_{};
    std::array<double, most_arms> counts_{};
    std::size_t arms_ = 0;
    double total_weight_ = 0.0;
    double prior_part_ = 0.0;
    double n_ = 0.0;
    double max_log_e_ = 0.0;
    std::uint64_t refused_ = 0;
};

}  // namespace stats
}  // namespace v0
}  // namespace joust
