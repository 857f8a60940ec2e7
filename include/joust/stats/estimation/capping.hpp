// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/order.hpp>
#include <joust/stats/moments.hpp>
#include <joust/stats/result.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace joust {
inline namespace v0 {
namespace stats {

/// Set the limits at which values are capped; an infinite end caps nothing.
/// cost: O(1) for each value
struct caps {
    /// Values below it are raised to it.
    double lower = -std::numeric_limits<double>::infinity();
    /// Values above it are lowered to it.
    double upper = std::numeric_limits<double>::infinity();
};

/// Hold capped values, and report the effect of capping.
struct capped_sample {
    /// The values after capping, in the order given.
    std::vector<double> values{};
    /// The caps that were applied.
    caps at{};
    /// The share of values that were below the lower cap.
    double lower_share = 0.0;
    /// The share of values that were above the upper cap.
    double upper_share = 0.0;
    /// The share of the sum that capping removed, signed; NaN where the sum is 0.
    double removed = 0.0;
    /// Whether the numbers are valid, and why not.
    status state = status::too_few;
};

/// Cap values at known bounds of what one unit may count (winsorise at fixed values).
///
/// The caps must not depend on the sample that a value belongs to. The comparison is then one of means of capped
/// values, which is more precise but answers a different question: report the shares beside it.
/// errors: too_few (no values), out_of_range (NaN, infinities, caps in the wrong order).
/// cost: one pass and a copy.
[[nodiscard]] inline capped_sample cap_values(std::span<const double> values, const caps& at)
{
    capped_sample out;
    out.at = at;
    if (!(at.lower <= at.upper)) {
        out.state = status::out_of_range;
        return out;
    }
    moments before, after;
    std::size_t below = 0, above = 0;
    out.values.reserve(values.size());
    for (const double x : values) {
        before.add(x);
        below += x < at.lower ? 1U : 0U;
        above += x > at.upper ? 1U : 0U;
        out.values.push_back(x < at.lower ? at.lower : x > at.upper ? at.upper : x);
        after.add(out.values.back());
    }
    if (before.rejected() != 0) {
        out.values.clear();
        out.state = status::out_of_range;
        return out;
    }
    if (values.empty()) {
        return out;
    }
    const double n = static_cast<double>(values.size());
    out.lower_share = static_cast<double>(below) / n;
    out.upper_share = static_cast<double>(above) / n;
    out.removed = before.mean() != 0.0 ? before.mean_difference(after) / before.mean() : not_a_number;
    out.state = status::ok;
    return out;
}

/// Find the caps at quantiles of all samples together: the order statistics that leave at most the shares `lower` and
/// `upper` of the values outside.
///
/// Pool the samples first: caps from each sample alone would carry the treatment's effect. A value equal to a cap is
/// not outside.
/// errors: NaN caps for an empty sample, for values that are NaN, or for shares outside [0, 0.5).
/// cost: a copy and two selections.
[[nodiscard]] inline caps quantile_caps(std::span<const double> pooled, double lower, double upper)
{
    bool usable = lower >= 0.0 && lower < 0.5 && upper >= 0.0 && upper < 0.5 && !pooled.empty();
    for (const double x : pooled) {
        usable = usable && !std::isnan(x);
    }
    if (!usable) {
        return {not_a_number, not_a_number};
    }
    std::vector<double> values(pooled.begin(), pooled.end());
    const double n = static_cast<double>(values.size());
    caps out;
    // A product of share and n that is a whole number except for rounding counts as whole.
    const auto outside = [&](double share) {
        return static_cast<std::size_t>(std::floor(share * n * (1.0 + 4e-16)));
    };
    if (lower > 0.0) {
        out.lower = detail::select_value(values, outside(lower));
    }
    if (upper > 0.0) {
        out.upper = detail::select_value(values, values.size() - 1 - outside(upper));
    }
    return out;
}

/// Winsorise one sample at its own quantiles: values outside the caps take the value of the cap.
///
/// For a comparison find the caps on both samples together with `quantile_caps`, and apply them to each.
/// errors: as cap_values and quantile_caps.
/// cost: as quantile_caps and cap_values.
/// source: Dixon 1960; Tukey 1962.
[[nodiscard]] inline capped_sample winsorise(std::span<const double> values, double lower, double upper)
{
    const caps at = quantile_caps(values, lower, upper);
    if (values.empty()) {
        return {};
    }
    return cap_values(values, at);
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
