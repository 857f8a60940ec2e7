// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/policy.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/sequential/score.hpp>

#include <cmath>
#include <concepts>
#include <limits>
#include <span>
#include <string_view>

namespace joust {
inline namespace v0 {

/// What is asked of one metric of one challenger.
struct question {
    /// greater: does the challenger have more than the null allows?
    stats::side alternative = stats::side::two;
    /// about challenger / champion instead of the difference
    bool relative = false;
    /// the difference, or the ratio minus one
    double null = 0.0;
    double alpha = 0.05;
};

/// Differences of requests that both models answered, per bucket of units: challenger minus champion.
struct paired_sums {
    std::span<const double> difference{};
    /// of pairs
    std::span<const double> count{};
    /// mean of the champion, where it is known
    double champion = stats::not_a_number;
};

/// What there is to answer with, at one look: sums of two arms, or those of pairs.
struct look {
    stats::score_sums sums{};
    /// observations other than 0 that the challenger should have; pairs that differ
    double expected_events = 0.0;
    /// requests of both arms; pairs
    double exposures = 0.0;
    /// sum of s (1 - s) at the planned end; planned pairs
    double planned_information = 0.0;
    /// empty where there are two arms
    paired_sums pairs{};

    [[nodiscard]] bool paired() const noexcept { return !pairs.count.empty(); }
};

/// What an inference policy answers. Estimates are challenger minus champion, or their ratio where that is asked.
struct inference {
    std::string_view method;
    double champion = stats::not_a_number;
    double challenger = stats::not_a_number;
    double estimate = stats::not_a_number;
    double lower = stats::not_a_number;
    double upper = stats::not_a_number;
    double p_value = stats::not_a_number;
    /// highest so far; NaN where the method knows no e-value
    double log_e = stats::not_a_number;
    /// of this look alone: it falls again when later data speak against it
    double log_e_now = stats::not_a_number;
    status state = status::too_few;

    // Bayesian policies alone:
    /// probability of being wrong if the null is rejected
    double posterior_tail = stats::not_a_number;
    /// probability that the challenger has more of the metric
    double chance_more = stats::not_a_number;
    /// mean of max(0, champion - challenger)
    double shortfall = stats::not_a_number;

    /// Is the null rejected at this error rate?
    [[nodiscard]] bool rejects(double alpha) const noexcept
    {
        return state == status::ok && (p_value <= alpha || posterior_tail <= alpha);
    }
};

/// Challenger events that have to be expected before a normal limit is trusted (docs/explanation/statistics.md).
inline constexpr double normal_limit_events = 10.0;

namespace detail {

/// The score test that fits what was seen and what is asked.
[[nodiscard]] inline stats::score_result score_of(const look& at, const question& asked,
                                                  const stats::score_options& options) noexcept
{
    return at.paired()      ? stats::paired_score_test(at.pairs.difference, at.pairs.count, options)
           : asked.relative ? stats::relative_score_test(at.sums, options)
                            : stats::score_test(at.sums, options);
}

/// And its score as a function of the effect.
[[nodiscard]] inline stats::score_line line_of(const look& at, const question& asked) noexcept
{
    return at.paired()      ? stats::paired_score(at.pairs.difference, at.pairs.count)
           : asked.relative ? stats::relative_score(at.sums)
                            : stats::absolute_score(at.sums);
}

/// A score, and the answer as far as it goes without a test.
struct scored {
    stats::score_result seen;
    inference answer;
};

/// Score what was seen for a policy that trusts a normal limit: its answer is `scarce` while too few events are expected.
[[nodiscard]] inline scored score_for_normal_limit(const look& at, const question& asked,
                                                   std::string_view method, status scarce) noexcept
{
    stats::score_options options;
    options.alpha = asked.alpha;
    options.null = asked.null;
    const stats::score_result seen = score_of(at, asked, options);
    inference answer{.method = method,
                     .champion = seen.champion,
                     .challenger = seen.challenger,
                     .estimate = seen.estimate,
                     .state = seen.state};
    if (seen.state == status::ok && at.expected_events < normal_limit_events) {
        answer.state = scarce;
    }
    return {seen, answer};
}

/// The p-value of a normal statistic on the side that is asked.
[[nodiscard]] inline double normal_p(double z, stats::side alternative) noexcept
{
    return alternative == stats::side::two       ? 2.0 * stats::normal_sf(std::fabs(z))
           : alternative == stats::side::greater ? stats::normal_sf(z)
                                                 : stats::normal_sf(-z);
}

/// Every t that the two-sided test with critical value z does not reject: s(t)^2 <= z^2 v(t), a quadratic around the
/// root. Unbounded where the variance far away outgrows the score.
[[nodiscard]] inline stats::bounds not_rejected(const stats::score_line& line, double z) noexcept
{
    const double root = line.root();
    const double zz = z * z;
    const double a = line.s1 * line.s1 - zz * line.v.c2;
    if (!(a > 0.0)) {
        return {};
    }
    const double slope = zz * (line.v.c1 + root * line.v.c2);
    const double half = std::sqrt(slope * slope + a * zz * line.v(root));
    return {root + (slope - half) / a, root + (slope + half) / a};
}

/// Give an answer the interval of a two-sided test with this critical value, so that a guardrail's row shows both how bad
/// and how good it may be.
inline void give_interval(inference& answer, const look& at, const question& asked, double critical) noexcept
{
    const stats::score_line line = line_of(at, asked);
    const stats::bounds ends = not_rejected(line, critical);
    if (asked.relative) {
        answer.lower = 1.0 / (1.0 + ends.upper);
        answer.upper = ends.lower > -1.0 ? 1.0 / (1.0 + ends.lower) : std::numeric_limits<double>::infinity();
    } else {
        answer.lower = ends.lower;
        answer.upper = ends.upper;
    }
}

/// Keep an answer as the one look that counts.
[[nodiscard]] inline counted_look counted(const inference& answer) noexcept
{
    return {true,         answer.champion, answer.challenger, answer.estimate,
            answer.lower, answer.upper,    answer.p_value};
}

/// Give the answer of the one look that counts again.
[[nodiscard]] inline inference repeated(const counted_look& look, std::string_view method) noexcept
{
    return {.method = method,
            .champion = look.champion,
            .challenger = look.challenger,
            .estimate = look.estimate,
            .lower = look.lower,
            .upper = look.upper,
            .p_value = look.p_value,
            .state = status::ok};
}

}  // namespace detail

/// An inference policy turns the evidence of two arms into an answer.
///
/// One that also answers for pairs (shadow trials and interleaving ask so) says it by `static constexpr bool pairs = true`.
///
/// shape: members `alpha` and `units` (planned exposures), and `infer(look, question, test_memory&) const -> inference`;
/// the memory is the policy's own, one for each metric and challenger, and starts empty.
template <class T>
concept inference_policy = requires(const T& t, const look& l, const question& q, test_memory& m) {
    { t.alpha } -> std::convertible_to<double>;
    { t.units } -> std::convertible_to<double>;
    { t.infer(l, q, m) } -> std::same_as<inference>;
};

/// An inference policy that answers for pairs too.
template <class T>
concept paired_inference_policy = inference_policy<T> && requires { requires T::pairs; };

namespace detail {

/// Ask a policy about pairs: is their mean difference away from 0? `events` is how many of them a variance can be told from.
template <paired_inference_policy Policy>
[[nodiscard]] inference judge_pairs(const Policy& policy, const paired_sums& seen, double events,
                                    double alpha, test_memory& memory)
{
    look at{.expected_events = events, .planned_information = policy.units, .pairs = seen};
    for (const double n : seen.count) {
        at.exposures += n;
    }
    return policy.infer(at, {.alpha = alpha}, memory);
}

}  // namespace detail

namespace detail {

/// What a report says of when the numbers of an inference hold.
template <class Inference>
[[nodiscard]] constexpr std::string_view holds_of() noexcept
{
    if constexpr (requires { Inference::holds; }) {
        return Inference::holds;
    } else {
        return "intervals and p-values hold where the trial's inference says so, e-values at every look.";
    }
}

}  // namespace detail

namespace detail {

struct verb_infer {
    int infer;
};
template <class T>
concept has_infer = derivable<T> && !requires { &both<T, verb_infer>::infer; };

}  // namespace detail

/// The role of inference: verb `infer(look, question, memory)`.
struct inference_role {
    static constexpr bool repeats = false;
    template <class T>
    static constexpr bool plays = inference_policy<T>;
    template <class T>
    static constexpr bool resembles = detail::has_infer<T>;
    template <class T>
    struct near_miss {
        static_assert(
            plays<T>,
            "joust: this has infer(), but an inference policy has members alpha and units and `infer(const look&, const question&, test_memory&) const -> inference`");
    };
    template <class T>
    struct filled_twice {
        static_assert(detail::always_false<T>, "joust: two inference policies are given; a trial has one");
    };
};

}  // namespace v0
}  // namespace joust
