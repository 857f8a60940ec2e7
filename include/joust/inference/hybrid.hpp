// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/inference/always_valid.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/inference/inference.hpp>

#include <cmath>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Test at every look until the planned sample with a small part of the error rate, and once at the planned sample with
/// the rest.
///
/// The look at the planned sample is kept. Its answer is shown from then on, unless only the looks around it reject; then
/// the answer is theirs. Estimate, interval and p-value are always those of one look.
///
/// When to use: for a trial with a planned end that will be looked at before it. Large effects and harm end it early,
/// and at the planned sample it has nearly the power of `fixed_horizon`.
/// When not: without a planned end, use always_valid; with looks on a schedule, use group_sequential.
/// units: `early` is the part of the error rate that is used for stopping before `units` exposures
/// assumes: as always_valid and fixed_horizon; the two parts of the error rate add up (Bonferroni), whenever the looks
/// are
struct hybrid {
    /// The error rate of both parts together.
    double alpha = 0.05;
    /// The planned number of exposures.
    double units = 10'000;
    /// The part of the error rate for stopping early, between 0 and 1.
    double early = 0.2;

    /// The policy also answers for pairs, as in shadow trials and interleaving.
    static constexpr bool pairs = true;
    /// The words of a report for when the numbers hold.
    static constexpr std::string_view holds =
        "p-values hold at every look, before the planned sample and at it together; an interval holds for its part of the error rate.";

    /// Answer a question at one look.
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
        if (planned.state != status::ok || (answer.rejects(asked.alpha) && !planned.rejects(part.alpha))) {
            return answer;
        }
        // Evidence at every look stays beside the answer, which is wholly that of the planned look.
        const double highest = answer.log_e;
        const double now = answer.log_e_now;
        answer = planned;
        answer.method = method;
        answer.p_value = weighed(planned.p_value, 1.0 - share);
        answer.log_e = highest;
        answer.log_e_now = now;
        return answer;
    }

    /// Compare all members.
    bool operator==(const hybrid&) const = default;

private:
    /// Turn the p-value for a part of the error rate into one for the whole error rate. NaN stays NaN.
    [[nodiscard]] static double weighed(double p, double share) noexcept
    {
        return p / share > 1.0 ? 1.0 : p / share;
    }
};

}  // namespace v0
}  // namespace joust
