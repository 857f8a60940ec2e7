// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/sequential/betting.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

namespace joust {
inline namespace v0 {

/// How much quality a cascade may lose against its deep model, and how sure that must be.
struct cascade_target {
    /// The largest mean loss of quality against the deep model alone, in units of quality.
    double max_loss = 0.01;
    /// The largest probability that the loss is larger in truth.
    double alpha = 0.05;
    /// How many steps of thresholds are tried: steps / steps, (steps - 1) / steps, and so on.
    std::size_t steps = 100;
    /// The cost of one call of the fast model, in any unit.
    double fast_cost = 1.0;
    /// The cost of one call of the deep model, in the same unit.
    double deep_cost = 10.0;
};

/// A threshold for a cascade, and what held-out data say about it.
struct cascade_threshold {
    /// The threshold. By default it is above every confidence, and all calls go to the deep model.
    double threshold = std::numeric_limits<double>::max();
    /// The share of calls below the threshold, which go to the deep model.
    double deep_share = 1.0;
    /// The mean quality of the cascade.
    double quality = stats::not_a_number;
    /// The mean quality of the fast model alone.
    double fast_quality = stats::not_a_number;
    /// The mean quality of the deep model alone.
    double deep_quality = stats::not_a_number;
    /// The mean quality of the deep model minus that of the cascade.
    double loss = 0.0;
    /// The mean cost of a call.
    double cost = stats::not_a_number;
    /// Whether the numbers can be used. It is too_few also where no threshold could be shown to meet the target.
    status state = status::too_few;
};

/// Find the lowest threshold at which a cascade meets a target of quality, from held-out data that both models answered.
///
/// Thresholds are tested from 1 downwards, each against the hypothesis that the mean loss is `max_loss` or more. The search
/// stops at the first threshold for which this hypothesis cannot be rejected, and returns the threshold before it. So with
/// probability 1 - alpha the mean loss on new calls is below `max_loss`, whatever the distribution. The test bets on bounded
/// values, so it needs few data where the models rarely differ, but at least about 3 / max_loss examples.
/// shape: three spans of one length; confidences and qualities lie from 0 to 1 (right or wrong, or any score)
/// assumes: independent examples in no particular order, with the distribution of the calls to come
/// errors: out_of_range (lengths, numbers outside 0 to 1, options); too_few
/// cost: about 20 ns for each example and step
/// source: Angelopoulos, Bates, Candes, Jordan and Lei 2021, Learn then test (fixed sequence); Waudby-Smith and Ramdas 2024
[[nodiscard]] inline cascade_threshold calibrate_threshold(std::span<const double> confidence,
                                                           std::span<const double> fast_quality,
                                                           std::span<const double> deep_quality,
                                                           const cascade_target& target = {})
{
    cascade_threshold out;
    const std::size_t n = confidence.size();
    const auto in_unit = [](double x) { return x >= 0.0 && x <= 1.0; };
    bool usable = fast_quality.size() == n && deep_quality.size() == n && target.steps > 0 &&
                  target.max_loss > 0.0 && target.max_loss <= 1.0 && stats::detail::is_alpha(target.alpha) &&
                  std::isfinite(target.fast_cost) && std::isfinite(target.deep_cost);
    for (std::size_t i = 0; usable && i < n; ++i) {
        usable = in_unit(confidence[i]) && in_unit(fast_quality[i]) && in_unit(deep_quality[i]);
    }
    if (!usable) {
        out.state = status::out_of_range;
        return out;
    }
    if (n == 0) {
        return out;
    }
    const auto describe = [&](double threshold) {
        double fast = 0.0, deep = 0.0, both = 0.0, below = 0.0;
        for (std::size_t i = 0; i < n; ++i) {
            const bool kept = confidence[i] >= threshold;
            fast += fast_quality[i];
            deep += deep_quality[i];
            both += kept ? fast_quality[i] : deep_quality[i];
            below += kept ? 0.0 : 1.0;
        }
        const double size = static_cast<double>(n);
        out.threshold = threshold;
        out.deep_share = below / size;
        out.fast_quality = fast / size;
        out.deep_quality = deep / size;
        out.quality = both / size;
        out.loss = (deep - both) / size;
        out.cost = target.fast_cost + out.deep_share * target.deep_cost;
    };
    double safe = out.threshold;
    for (std::size_t step = target.steps + 1; step-- > 0;) {
        const double threshold = static_cast<double>(step) / static_cast<double>(target.steps);
        stats::betting_capital bets{{.null = target.max_loss,
                                     .lower = -1.0,
                                     .upper = 1.0,
                                     .alternative = stats::side::less,
                                     .alpha = target.alpha}};
        for (std::size_t i = 0; i < n; ++i) {
            bets.update(confidence[i] >= threshold ? deep_quality[i] - fast_quality[i] : 0.0);
        }
        if (!(bets.p_value() <= target.alpha)) {
            break;
        }
        safe = threshold;
        out.state = status::ok;
    }
    describe(safe);
    return out;
}

}  // namespace v0
}  // namespace joust
