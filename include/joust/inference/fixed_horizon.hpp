// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/inference/inference.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/stats/sequential/score.hpp>

#include <cmath>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Judge once, when the planned number of exposures has been served; before that no p-value is given.
///
/// When to use: the sample size was planned and nobody decides earlier. When not: if anybody looks before the end and may
/// act, use always_valid. The first look after the planned sample is the one that counts: it is kept, later looks repeat it.
/// units: `units` is the planned number of exposures of champion and challenger together.
/// assumes: many buckets of units (the normal limit of a cluster-robust score test); 30 with challenger data and 10 expected
///     challenger events are the enforced minimum.
struct fixed_horizon {
    double alpha = 0.05;
    double units = 10'000;

    static constexpr bool pairs = true;
    /// What a report says of when its numbers hold.
    static constexpr std::string_view holds =
        "intervals and p-values hold at the one look at the planned sample, e-values at every look.";

    [[nodiscard]] inference infer(const look& at, const question& asked, test_memory& memory) const noexcept
    {
        constexpr std::string_view method = "cluster-robust z at the planned sample";
        if (memory.counted.taken) {
            return detail::repeated(memory.counted, method);
        }
        auto [seen, answer] = detail::score_for_normal_limit(at, asked, method, status::too_few);
        if (answer.state != status::ok) {
            return answer;
        }
        if (at.exposures < units) {
            answer.state = status::before_planned_sample;
            return answer;
        }
        const double z = seen.s / std::sqrt(seen.v);
        answer.p_value = detail::normal_p(z, asked.alternative);
        detail::give_interval(answer, at, asked, stats::normal_upper_quantile(0.5 * asked.alpha));
        memory.counted = detail::counted(answer);
        return answer;
    }

    bool operator==(const fixed_horizon&) const = default;
};

}  // namespace v0
}  // namespace joust
