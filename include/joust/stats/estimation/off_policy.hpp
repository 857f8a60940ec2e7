// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/distributions.hpp>
#include <joust/stats/co_moments.hpp>
#include <joust/stats/estimation/ratio.hpp>
#include <joust/stats/moments.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/tests/welch.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace stats {

/// Set up the off-policy estimators, and the conditions under which they refuse to give an interval.
///
/// The state is low_overlap, without an interval, where the logged data say too little about the new policy: the
/// effective sample is below `min_effective`, or one row carries more than `max_share` of all weight, or the mean
/// weight is more than `max_drift` of its standard errors away from 1. The mean weight is 1 where the propensities are
/// right and every action had a chance.
/// cost: O(1)
struct off_policy_options {
    /// The interval covers with probability 1 - alpha.
    double alpha = 0.05;
    /// The departure from the null that the p-value looks for.
    side alternative = side::two;
    /// Clipped estimators count larger weights as this weight.
    double clip = std::numeric_limits<double>::infinity();
    /// Rows whose weight is larger are left to the reward model by the switch estimators.
    double switch_at = std::numeric_limits<double>::infinity();
    /// The smallest effective sample for which an interval is given.
    double min_effective = 30.0;
    /// The largest share of all weight that one row may carry.
    double max_share = 0.2;
    /// The largest distance of the mean weight from 1, in standard errors.
    double max_drift = 5.0;
    /// The value that the test compares with, such as the mean reward that was logged.
    double baseline = 0.0;
};

/// Report a policy's value estimated from data that another policy logged.
///
/// The estimate and its error are given with `low_overlap` too, to show how bad it is; interval and p-value are not.
struct off_policy_result : test_result {
    /// The standard error of the estimate.
    double standard_error = not_a_number;
    /// (sum w)^2 / sum w^2: how many equally weighted rows would say as much.
    double effective_sample = not_a_number;
    /// The largest weight of a row.
    double largest_weight = not_a_number;
    /// The share of the sum of weights that one row carries.
    double largest_share = not_a_number;
    /// The mean weight, which should be near 1.
    double mean_weight = not_a_number;
    /// The share of rows whose weight was clipped, or that were left to the model.
    double clipped_share = 0.0;
    /// How many rows were counted.
    std::uint64_t rows = 0;
};

/// Accumulate logged rows for every off-policy estimator at once, mergeable.
///
/// A row has the weight w = (probability of the logged action under the new policy) / (its probability under the
/// logging policy, as logged), the reward, and optionally the predictions of a reward model: for the logged action
/// (`predicted`), and on average over the new policy's actions (`value`). Plain SWITCH also needs `value_above`, the
/// part of that average from actions whose weight, had they been logged, would be above `switch_at`. Fit the model on
/// other rows. The thresholds for clipping and switching are fixed at construction.
/// A row with a number that is not finite, or with a negative weight, is refused and counted.
///
/// The interval is valid for one look. To look at any time, feed weight times reward to `empirical_bernstein` or
/// `betting_capital`, with the largest weight that is possible, not the largest one seen, as bound.
/// cost: about 50 ns per row; 510 bytes.
class off_policy {
public:
    off_policy() = default;
    /// Set thresholds and the options of the results.
    explicit off_policy(const off_policy_options& options) noexcept : options_(options) {}

    /// Count a row without a reward model.
    bool add(double weight, double reward) noexcept
    {
        if (!count(weight, reward)) {
            return false;
        }
        ++without_model_;
        return true;
    }

    /// Count a row with the predictions of a reward model.
    bool add(double weight, double reward, double predicted, double value) noexcept
    {
        if (!(std::isfinite(predicted) && std::isfinite(value)) || !count(weight, reward)) {
            rejected_ += std::isfinite(predicted) && std::isfinite(value) ? 0U : 1U;
            return false;
        }
        const double w = weight < options_.clip ? weight : options_.clip;
        model_.add(value);
        robust_.add(value + w * (reward - predicted));
        switched_.add(value + (weight <= options_.switch_at ? weight * (reward - predicted) : 0.0));
        return true;
    }

    /// Count a row with predictions and the part of `value` from actions whose weight is above `switch_at`.
    bool add(double weight, double reward, double predicted, double value, double value_above) noexcept
    {
        if (!std::isfinite(value_above)) {
            ++rejected_;
            return false;
        }
        if (!add(weight, reward, predicted, value)) {
            return false;
        }
        plain_switched_.add((weight <= options_.switch_at ? weight * reward : 0.0) + value_above);
        return true;
    }

    /// Add the rows of another part; where its thresholds differ nothing is added, and the return value is false.
    bool merge(const off_policy& other) noexcept
    {
        if (options_.clip != other.options_.clip || options_.switch_at != other.options_.switch_at) {
            return false;
        }
        rejected_ += other.rejected_;
        clipped_ += other.clipped_;
        left_ += other.left_;
        without_model_ += other.without_model_;
        largest_ = other.largest_ > largest_ ? other.largest_ : largest_;
        weighted_.merge(other.weighted_);
        clipped_reward_.merge(other.clipped_reward_);
        model_.merge(other.model_);
        robust_.merge(other.robust_);
        switched_.merge(other.switched_);
        plain_switched_.merge(other.plain_switched_);
        return true;
    }

    /// Return how many rows were counted.
    [[nodiscard]] std::uint64_t rows() const noexcept { return weighted_.count(); }
    /// Return how many rows were rejected.
    [[nodiscard]] std::uint64_t rejected() const noexcept { return rejected_; }

    /// Estimate by inverse propensity scoring, with clipped weights where `clip` is finite.
    [[nodiscard]] off_policy_result ips() const noexcept
    {
        const bool clips = std::isfinite(options_.clip);
        off_policy_result result = mean_of(clips ? "clipped IPS" : "IPS", clipped_reward_, true);
        result.clipped_share = share(clipped_);
        return result;
    }

    /// Estimate by self-normalised inverse propensity scoring: the mean reward weighted by w.
    [[nodiscard]] off_policy_result snips() const noexcept
    {
        off_policy_result result = described("SNIPS");
        if (result.state == status::out_of_range || result.state == status::too_few) {
            return result;
        }
        const double n = static_cast<double>(rows());
        const double mean = weighted_.mean(1);
        const double value = weighted_.mean(0) / mean;
        if (!std::isfinite(value)) {  // every weight is 0: the new policy takes none of these actions
            result.state = status::low_overlap;
            return result;
        }
        // Residuals w (r - value) have mean zero, so their variance with divisor n is the mean square.
        const double variance = weighted_.combination({1.0, -value}) * (n - 1.0) / n / n / (mean * mean);
        return judged(result, value, std::sqrt(variance), n - 1.0);
    }

    /// Estimate by the reward model alone: the weights add no variance, and the model's bias remains.
    [[nodiscard]] off_policy_result direct_method() const noexcept
    {
        return mean_of("direct method", model_, false);
    }

    /// Estimate by the reward model corrected by weighted residuals: right where the model or the propensities are.
    [[nodiscard]] off_policy_result doubly_robust() const noexcept
    {
        off_policy_result result = mean_of("doubly robust", robust_, true);
        result.clipped_share = share(clipped_);
        return result;
    }

    /// Estimate doubly robust where the weight is at most `switch_at`, and by the model elsewhere.
    [[nodiscard]] off_policy_result switch_estimator() const noexcept
    {
        return switched("SWITCH, doubly robust", switched_);
    }

    /// Estimate by weighted rewards for actions whose weight is at most `switch_at`, and by the model for the others.
    [[nodiscard]] off_policy_result plain_switch() const noexcept
    {
        return switched("SWITCH", plain_switched_);
    }

private:
    bool count(double weight, double reward) noexcept
    {
        if (!(weight >= 0.0) || !weighted_.add(weight * reward, weight)) {
            ++rejected_;
            return false;
        }
        const double w = weight < options_.clip ? weight : options_.clip;
        clipped_ += weight > options_.clip ? 1U : 0U;
        left_ += weight > options_.switch_at ? 1U : 0U;
        largest_ = weight > largest_ ? weight : largest_;
        clipped_reward_.add(w * reward);
        return true;
    }

    [[nodiscard]] double share(std::uint64_t count) const noexcept
    {
        return rows() == 0 ? 0.0 : static_cast<double>(count) / static_cast<double>(rows());
    }

    // The figures about weights that every estimator reports, with the state that they allow.
    [[nodiscard]] off_policy_result described(std::string_view method) const noexcept
    {
        off_policy_result result;
        result.method = method;
        result.rows = rows();
        if (rejected_ != 0 || !detail::is_alpha(options_.alpha) || !(options_.clip > 0.0) ||
            !(options_.switch_at >= 0.0)) {
            result.state = status::out_of_range;
            return result;
        }
        if (rows() < 2) {
            return result;
        }
        const double n = static_cast<double>(rows());
        const double mean = weighted_.mean(1);
        const double variance = weighted_.variance(1);
        result.mean_weight = mean;
        result.largest_weight = largest_;
        result.largest_share = mean > 0.0 ? largest_ / (n * mean) : 0.0;
        // sum w^2 = (n - 1) variance + n mean^2
        result.effective_sample = mean > 0.0 ? n / (1.0 + (n - 1.0) / n * variance / (mean * mean)) : 0.0;
        const double drift = std::fabs(mean - 1.0);
        const bool drifted = drift > 1e-9 && drift > options_.max_drift * std::sqrt(variance / n);
        result.state = result.effective_sample < options_.min_effective ||
                               result.largest_share > options_.max_share || drifted
                           ? status::low_overlap
                           : status::ok;
        return result;
    }

    [[nodiscard]] off_policy_result judged(off_policy_result result, double value, double error,
                                           double df) const noexcept
    {
        const status overlap = result.state;
        test_result test = detail::judge_t(result.method, value - options_.baseline, error, df,
                                           {options_.alpha, options_.alternative});
        result.standard_error = error;
        if (overlap == status::ok) {
            static_cast<test_result&>(result) = test;
            result.lower += options_.baseline;
            result.upper += options_.baseline;
        }
        result.estimate = value;
        return result;
    }

    [[nodiscard]] off_policy_result mean_of(std::string_view method, const moments& sample,
                                            bool needs_overlap) const noexcept
    {
        off_policy_result result = described(method);
        if (result.state == status::out_of_range || result.state == status::too_few) {
            return result;
        }
        if (sample.count() != rows()) {  // some rows came without predictions
            result.state = sample.count() == 0 ? status::too_few : status::out_of_range;
            return result;
        }
        if (!needs_overlap) {
            result.state = status::ok;
        }
        const double n = static_cast<double>(sample.count());
        return judged(result, sample.mean(), std::sqrt(sample.variance() / n), n - 1.0);
    }

    [[nodiscard]] off_policy_result switched(std::string_view method, const moments& sample) const noexcept
    {
        // Rows that are left to the model add no variance, so low overlap is not a reason to refuse.
        off_policy_result result = mean_of(method, sample, !std::isfinite(options_.switch_at));
        result.clipped_share = share(left_);
        return result;
    }

    off_policy_options options_{};
    std::uint64_t rejected_ = 0;
    std::uint64_t clipped_ = 0;
    std::uint64_t left_ = 0;
    std::uint64_t without_model_ = 0;
    double largest_ = 0.0;
    co_moments<2> weighted_;  // w r and w
    moments clipped_reward_;
    moments model_;
    moments robust_;
    moments switched_;
    moments plain_switched_;
};

namespace detail {

[[nodiscard]] inline off_policy logged(std::span<const double> weights, std::span<const double> rewards,
                                       const off_policy_options& options) noexcept
{
    off_policy sums{options};
    const bool equal = weights.size() == rewards.size();
    for (std::size_t i = 0; equal && i < weights.size(); ++i) {
        sums.add(weights[i], rewards[i]);
    }
    if (!equal) {
        sums.add(not_a_number, 0.0);  // counted as refused, so that the state is out_of_range
    }
    return sums;
}

[[nodiscard]] inline off_policy logged(std::span<const double> weights, std::span<const double> rewards,
                                       std::span<const double> predicted, std::span<const double> values,
                                       const off_policy_options& options) noexcept
{
    off_policy sums{options};
    const bool equal = weights.size() == rewards.size() && weights.size() == predicted.size() &&
                       weights.size() == values.size();
    for (std::size_t i = 0; equal && i < weights.size(); ++i) {
        sums.add(weights[i], rewards[i], predicted[i], values[i]);
    }
    if (!equal) {
        sums.add(not_a_number, 0.0);
    }
    return sums;
}

}  // namespace detail

/// Estimate what another policy would have earned, by inverse propensity scoring: the mean of weight times reward.
///
/// A weight is the target probability of the action taken divided by its logged probability. The estimate is unbiased
/// where the logged probabilities are right and not 0 for any action of the new policy. Its error grows with the
/// weights, so read `effective_sample` first. `clip` trades bias (towards 0) for variance.
/// assumes: independent rows; probabilities logged when the action was drawn, not refitted.
/// errors: low_overlap (see off_policy_options), too_few (fewer than 2 rows), zero_variance, out_of_range
///     (lengths, negative weights, NaN).
/// cost: one pass; about 50 ns a row.
/// source: Horvitz and Thompson 1952; Ionides 2008 (clipping); Kish 1965 (effective sample).
[[nodiscard]] inline off_policy_result ips(std::span<const double> weights, std::span<const double> rewards,
                                           const off_policy_options& options = {}) noexcept
{
    return detail::logged(weights, rewards, options).ips();
}

/// Estimate with self-normalised weights: bounded by the rewards, biased by O(1 / n), usually better than `ips`.
///
/// cost: one pass; about 50 ns a row.
/// source: Swaminathan and Joachims 2015; its error by the delta method.
[[nodiscard]] inline off_policy_result snips(std::span<const double> weights, std::span<const double> rewards,
                                             const off_policy_options& options = {}) noexcept
{
    return detail::logged(weights, rewards, options).snips();
}

/// Estimate by a reward model alone: `values` are its averages over the new policy's actions, row by row.
///
/// The interval does not include the model's bias. Use it to see what the model predicts, not to decide.
/// cost: one pass; about 50 ns a row
[[nodiscard]] inline off_policy_result direct_method(std::span<const double> values,
                                                     const off_policy_options& options = {}) noexcept
{
    off_policy sums{options};
    for (const double value : values) {
        sums.add(1.0, 0.0, 0.0, value);
    }
    return sums.direct_method();
}

/// Estimate by a reward model corrected by weighted residuals.
///
/// shape: four spans of equal length: weight, reward, prediction for the logged action, value over the new
///     policy's actions
/// errors: as ips.
/// cost: one pass; about 50 ns a row.
/// source: Dudík, Langford and Li 2011, "Doubly robust policy evaluation and learning".
[[nodiscard]] inline off_policy_result doubly_robust(std::span<const double> weights,
                                                     std::span<const double> rewards,
                                                     std::span<const double> predicted,
                                                     std::span<const double> values,
                                                     const off_policy_options& options = {}) noexcept
{
    return detail::logged(weights, rewards, predicted, values, options).doubly_robust();
}

/// Estimate as `doubly_robust` where the weight is at most `options.switch_at`, and by the model elsewhere.
///
/// When to use: few rows have huge weights and the model is good; there the bias is the model's.
/// cost: one pass; about 50 ns a row
/// source: Wang, Agarwal and Dudík 2017, "Optimal and adaptive off-policy evaluation in contextual bandits"
///     (SWITCH-DR).
[[nodiscard]] inline off_policy_result
switch_estimator(std::span<const double> weights, std::span<const double> rewards,
                 std::span<const double> predicted, std::span<const double> values,
                 const off_policy_options& options = {.switch_at = 10.0}) noexcept
{
    return detail::logged(weights, rewards, predicted, values, options).switch_estimator();
}

/// Estimate by weighted rewards where an action's weight is at most `options.switch_at`, and by the model elsewhere.
///
/// `values_above` is, row by row, the sum over the actions whose weight is above the threshold, whether they were
/// taken or not, of the new policy's probability times the model's prediction.
///
/// When to use: the model is trusted for rare actions only. When not: it is trusted everywhere; `switch_estimator`
/// then usually has less error.
/// shape: three spans of equal length
/// errors: as ips.
/// cost: one pass; about 50 ns a row.
/// source: Wang, Agarwal and Dudík 2017, "Optimal and adaptive off-policy evaluation in contextual bandits"
///     (SWITCH).
[[nodiscard]] inline off_policy_result
plain_switch(std::span<const double> weights, std::span<const double> rewards,
             std::span<const double> values_above,
             const off_policy_options& options = {.switch_at = 10.0}) noexcept
{
    off_policy sums{options};
    const bool equal = weights.size() == rewards.size() && weights.size() == values_above.size();
    for (std::size_t i = 0; equal && i < weights.size(); ++i) {
        sums.add(weights[i], rewards[i], 0.0, 0.0, values_above[i]);
    }
    if (!equal) {
        sums.add(not_a_number, 0.0);
    }
    return sums.plain_switch();
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
