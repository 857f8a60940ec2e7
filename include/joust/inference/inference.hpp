// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
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

/// Ask one question about one metric of one challenger. A policy of your own gets it in `infer`.
struct question {
    /// The side that is asked for. `greater` asks whether the challenger has more than the null allows.
    stats::side alternative = stats::side::two;
    /// Whether the question is about challenger / champion and not about the difference.
    bool relative = false;
    /// The null: a difference, or a ratio minus one.
    double null = 0.0;
    /// The error rate of the answer.
    double alpha = 0.05;
};

/// Hold the differences (challenger minus champion) of requests that both models answered, by bucket of units.
struct paired_sums {
    /// The sum of the differences in each bucket.
    std::span<const double> difference{};
    /// The number of pairs in each bucket.
    std::span<const double> count{};
    /// The mean of the champion, if it is known.
    double champion = stats::not_a_number;
};

/// Hold the data that an answer is based on at one look: the sums of two arms, or those of pairs. A policy of your own
/// gets it in `infer`.
struct look {
    /// The sums of both arms.
    stats::score_sums sums{};
    /// How many observations other than 0 are expected in the challenger; for pairs, the number of pairs that differ.
    double expected_events = 0.0;
    /// The requests of both arms, or the number of pairs.
    double exposures = 0.0;
    /// The sum of s (1 - s) at the planned end, or the planned number of pairs.
    double planned_information = 0.0;
    /// The sums of pairs. They are empty if there are two arms.
    paired_sums pairs{};
    /// Whether the interval is asked for. A policy may leave it out otherwise, and take less time.
    bool limits = true;

    /// Say whether the data are pairs.
    [[nodiscard]] bool paired() const noexcept { return !pairs.count.empty(); }
};

/// Hold the answer of an inference policy. Estimates are challenger minus champion, or their ratio if the question asks
/// for it.
struct inference {
    /// The name of the method, as reports show it.
    std::string_view method;
    /// The level of the champion.
    double champion = stats::not_a_number;
    /// The level of the challenger.
    double challenger = stats::not_a_number;
    /// The difference or the ratio.
    double estimate = stats::not_a_number;
    /// The lower end of the interval.
    double lower = stats::not_a_number;
    /// The upper end of the interval.
    double upper = stats::not_a_number;
    /// The p-value, of methods that have one.
    double p_value = stats::not_a_number;
    /// The highest logarithm of the e-value so far, or NaN if the method has no e-value.
    double log_e = stats::not_a_number;
    /// The logarithm of the e-value at this look alone. It falls again if later data speak against the effect.
    double log_e_now = stats::not_a_number;
    /// Whether the numbers are valid, and if not, why.
    status state = status::too_few;

    // The following members are set by Bayesian policies only.

    /// The probability of being wrong if the null is rejected.
    double posterior_tail = stats::not_a_number;
    /// The probability that the challenger has more of the metric.
    double chance_more = stats::not_a_number;
    /// The mean of max(0, champion - challenger).
    double shortfall = stats::not_a_number;

    /// Say whether the null is rejected at this error rate.
    [[nodiscard]] bool rejects(double alpha) const noexcept
    {
        return state == status::ok && (p_value <= alpha || posterior_tail <= alpha);
    }
};

/// How many challenger events have to be expected before methods trust a normal limit (docs/explanation/statistics.md).
inline constexpr double normal_limit_events = 10.0;

namespace detail {

/// Run the score test that fits the data and the question.
[[nodiscard]] stats::score_result score_of(const look& at, const question& asked,
                                           const stats::score_options& options) noexcept;

/// Return the score of that test as a function of the effect.
[[nodiscard]] stats::score_line line_of(const look& at, const question& asked) noexcept;

/// Hold a score, and the part of the answer that is known before a test.
struct scored {
    stats::score_result seen;
    inference answer;
    /// The variance of the score, by the clock.
    double variance = stats::not_a_number;
    stats::variance_clock clock = stats::variance_clock::larger;
};

/// Score the data for a policy that trusts a normal limit. The status is `scarce` while too few events are expected.
[[nodiscard]] scored score_for_normal_limit(const look& at, const question& asked, std::string_view method,
                                            status scarce) noexcept;

/// Return the p-value of a normal statistic on the side of the question.
[[nodiscard]] double normal_p(double z, stats::side alternative) noexcept;

/// Give an answer the interval of a two-sided test with this critical value, so that the row of a guardrail shows both
/// how bad and how good the challenger may be.
void give_interval(inference& answer, const look& at, const question& asked, double critical,
                   stats::variance_clock clock) noexcept;

/// Keep an answer as the one look that counts.
[[nodiscard]] counted_look counted(const inference& answer, double exposures) noexcept;

/// Repeat the answer of the one look that counts.
[[nodiscard]] inference repeated(const counted_look& look, std::string_view method) noexcept;

}  // namespace detail

/// Turn the evidence of two arms into an answer.
///
/// A policy that also answers for pairs, as shadow trials and interleaving need it, says so by `static constexpr bool
/// pairs = true`.
///
/// shape: members `alpha` and `units` (planned exposures), and `infer(look, question, test_memory&) const ->
/// inference`; the memory belongs to the policy, one for each metric and challenger, and starts empty
template <class T>
concept inference_policy = requires(const T& t, const look& l, const question& q, test_memory& m) {
    { t.alpha } -> std::convertible_to<double>;
    { t.units } -> std::convertible_to<double>;
    { t.infer(l, q, m) } -> std::same_as<inference>;
};

namespace detail {

/// Hold what judging needs of an inference policy of any type, so that it is compiled once and not once for each policy.
/// assumes: the policy outlives this
class any_inference {
public:
    template <inference_policy Policy>
    any_inference(
        const Policy& policy) noexcept  // NOLINT(google-explicit-constructor): stands for the policy
        : alpha(policy.alpha), units(policy.units), policy_(&policy),
          infer_(
              [](const void* which, const look& at, const question& asked, test_memory& memory) -> inference {
                  return static_cast<const Policy*>(which)->infer(at, asked, memory);
              })
    {
    }

    /// Answer a question at one look.
    [[nodiscard]] inference infer(const look& at, const question& asked, test_memory& memory) const
    {
        return infer_(policy_, at, asked, memory);
    }

    double alpha;
    double units;

private:
    const void* policy_;
    inference (*infer_)(const void*, const look&, const question&, test_memory&);
};

}  // namespace detail

/// Turn the evidence of pairs into an answer too.
template <class T>
concept paired_inference_policy = inference_policy<T> && requires { requires T::pairs; };

namespace detail {

/// Ask a policy whether the mean difference of pairs is other than 0. `events` is the number of pairs that differ.
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

/// Return the words of a report for when the numbers of an inference hold.
template <class Inference>
[[nodiscard]] constexpr std::string_view holds_of() noexcept
{
    if constexpr (requires { Inference::holds; }) {
        return Inference::holds;
    } else {
        return "intervals and p-values hold when the inference policy of the trial says so; e-values hold at every look.";
    }
}

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
    static constexpr void near_miss()
    {
        static_assert(
            plays<T>,
            "joust: this has infer(), but an inference policy has members alpha and units and `infer(const look&, const question&, test_memory&) const -> inference`");
    }
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>, "joust: two inference policies are given; a trial has one");
    }
};

#if JOUST_BODIES

namespace detail {

JOUST_FUNCTION stats::score_result score_of(const look& at, const question& asked,
                                            const stats::score_options& options) noexcept
{
    return at.paired()      ? stats::paired_score_test(at.pairs.difference, at.pairs.count, options)
           : asked.relative ? stats::relative_score_test(at.sums, options)
                            : stats::score_test(at.sums, options);
}

JOUST_FUNCTION stats::score_line line_of(const look& at, const question& asked) noexcept
{
    return at.paired()      ? stats::paired_score(at.pairs.difference, at.pairs.count)
           : asked.relative ? stats::relative_score(at.sums)
                            : stats::absolute_score(at.sums);
}

JOUST_FUNCTION scored score_for_normal_limit(const look& at, const question& asked, std::string_view method,
                                             status scarce) noexcept
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
    const stats::variance_clock clock = stats::one_look_clock(seen.effective_buckets, at.expected_events);
    const double variance = clock == stats::variance_clock::residual ? seen.v : std::fmax(seen.v, seen.v0);
    return {seen, answer, variance, clock};
}

JOUST_FUNCTION double normal_p(double z, stats::side alternative) noexcept
{
    return alternative == stats::side::two       ? 2.0 * stats::normal_sf(std::fabs(z))
           : alternative == stats::side::greater ? stats::normal_sf(z)
                                                 : stats::normal_sf(-z);
}

/// Return the effects t around the root that the two-sided test with critical value z does not reject: s(t)^2 <= z^2
/// v(t), a quadratic inequality. Where the variance far away grows faster than the score, the interval has at most one
/// end, beyond which an effect is rejected.
[[nodiscard]] inline stats::bounds not_rejected(const stats::score_line& line, const stats::quadratic& v,
                                                double z) noexcept
{
    const double root = line.root();
    const double zz = z * z;
    const double at_root = zz * v(root);
    const double a = line.s1 * line.s1 - zz * v.c2;
    const double slope = zz * (v.c1 + root * v.c2);
    const double discriminant = slope * slope + a * at_root;
    if (a > 0.0) {
        const double half = std::sqrt(discriminant);
        return {root + (slope - half) / a, root + (slope + half) / a};
    }
    stats::bounds ends;
    if (discriminant > 0.0 && slope != 0.0) {
        // The end that is nearer to the root, in the form that a of 0 does not disturb.
        const double end = root - at_root / (slope + (slope > 0.0 ? 1.0 : -1.0) * std::sqrt(discriminant));
        (slope > 0.0 ? ends.lower : ends.upper) = end;
    }
    return ends;
}

JOUST_FUNCTION void give_interval(inference& answer, const look& at, const question& asked, double critical,
                                  stats::variance_clock clock) noexcept
{
    if (asked.relative && !at.paired()) {
        if (const stats::detail::lone_arm lone = stats::detail::lone_arm_of(at.sums); lone.any()) {
            const stats::bounds ratios = lone.not_rejected(critical);
            answer.lower = ratios.lower;
            answer.upper = ratios.upper;
            return;
        }
    }
    const stats::score_line line = line_of(at, asked);
    stats::bounds ends = not_rejected(line, line.v, critical);
    if (clock != stats::variance_clock::residual) {
        const stats::bounds free = not_rejected(line, line.v0, critical);
        ends = {std::fmin(ends.lower, free.lower), std::fmax(ends.upper, free.upper)};
    }
    if (asked.relative) {
        answer.lower = 1.0 / (1.0 + ends.upper);
        answer.upper = ends.lower > -1.0 ? 1.0 / (1.0 + ends.lower) : std::numeric_limits<double>::infinity();
    } else {
        answer.lower = ends.lower;
        answer.upper = ends.upper;
    }
}

JOUST_FUNCTION counted_look counted(const inference& answer, double exposures) noexcept
{
    // Pairs have no levels. A NaN would make evidence unequal to itself.
    const auto level = [](double value) { return std::isnan(value) ? 0.0 : value; };
    return {true,         level(answer.champion), level(answer.challenger), answer.estimate,
            answer.lower, answer.upper,           answer.p_value,           exposures};
}

JOUST_FUNCTION inference repeated(const counted_look& look, std::string_view method) noexcept
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

#endif

}  // namespace v0
}  // namespace joust
