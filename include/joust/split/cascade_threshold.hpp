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

/// What a cascade may give away against its deep model, and how sure that must be.
struct cascade_target {
    /// quality lost on average against the deep model alone, in units of quality
    double max_loss = 0.01;
    /// probability with which the promise may fail
    double alpha = 0.05;
    /// thresholds tried: steps / steps, (steps - 1) / steps, ...
    std::size_t steps = 100;
    /// of one call, in any unit
    double fast_cost = 1.0;
    double deep_cost = 10.0;
};

/// A threshold for a cascade, and what held data say of it.
struct cascade_threshold {
    /// above every confidence: all go deep
    double threshold = std::numeric_limits<double>::max();
    /// of calls below the threshold
    double deep_share = 1.0;
    /// of the cascade, on average
    double quality = stats::not_a_number;
    double fast_quality = stats::not_a_number;
    double deep_quality = stats::not_a_number;
    /// deep quality minus that of the cascade
    double loss = 0.0;
    double cost = stats::not_a_number;
    /// too_few also where no threshold could be shown to keep the promise
    status state = status::too_few;
};

/// Find the lowest threshold at which a cascade keeps a promise on quality, from held data that both models answered.
///
/// Thresholds are tested from 1 downwards, each against the hypothesis that the mean loss is `max_loss` or more, until one
/// cannot be shown to be better; the last one that could is taken. So with probability 1 - alpha the mean loss on new calls
/// is below `max_loss`, whatever the distribution. The test bets on bounded values, so rare differences need few data: some
/// 3 / max_loss examples at the least.
/// shape: three spans of one length; confidences and qualities from 0 to 1 (right or wrong, or any score)
/// assumes: independent examples in no particular order, distributed as the calls to come
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
