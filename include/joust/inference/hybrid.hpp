// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/inference/always_valid.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/inference/inference.hpp>

#include <cmath>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Judge at every look until the planned sample with a small part of the error rate, and once at it with the rest.
///
/// When to use: a trial with a planned end where somebody will look before: large effects and harm end it early, and at the
/// planned sample it has nearly the power of `fixed_horizon`. When not: without a planned end, always_valid; with looks on a
/// schedule, group_sequential.
/// units: `early` is the part of the error rate for stopping before `units` exposures.
/// assumes: as always_valid and fixed_horizon; the two parts of the error rate add up (Bonferroni), whatever the looks.
struct hybrid {
    double alpha = 0.05;
    double units = 10'000;
    double early = 0.2;

    static constexpr bool pairs = true;
    /// What a report says of when its numbers hold.
    static constexpr std::string_view holds =
        "p-values hold at every look, before the planned sample and at it together; intervals of each part alone.";

    [[nodiscard]] inference infer(const look& at, const question& asked, test_memory& memory) const noexcept
    {
        constexpr std::string_view method =
            "always valid until the planned sample, fixed at it; clusters of units";
        const double share = early > 0.0 && early < 1.0 ? early : 0.5;
        question part = asked;
        part.alpha = share * asked.alpha;
        inference answer = always_valid{.alpha = part.alpha, .units = units}.infer(at, part, memory);
        answer.method = method;
        answer.p_value = weighed(answer.p_value, share);
        part.alpha = (1.0 - share) * asked.alpha;
        const inference planned = fixed_horizon{.alpha = part.alpha, .units = units}.infer(at, part, memory);
        if (planned.state != status::ok) {
            return answer;
        }
        // What was shown before the planned sample stays shown. The interval is that of the one look.
        answer.p_value = std::fmin(answer.p_value, weighed(planned.p_value, 1.0 - share));
        answer.champion = planned.champion;
        answer.challenger = planned.challenger;
        answer.estimate = planned.estimate;
        answer.lower = planned.lower;
        answer.upper = planned.upper;
        answer.state = status::ok;
        return answer;
    }

    bool operator==(const hybrid&) const = default;

private:
    /// The p-value of a part of the error rate, for the whole of it. NaN stays NaN.
    [[nodiscard]] static double weighed(double p, double share) noexcept
    {
        return p / share > 1.0 ? 1.0 : p / share;
    }
};

}  // namespace v0
}  // namespace joust
