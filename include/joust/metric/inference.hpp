#pragma once

#include <joust/core/policy.hpp>
#include <joust/metric/evidence.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/score.hpp>

#include <concepts>
#include <string_view>

namespace joust::inline v0 {

/// What is asked of one metric of one challenger.
struct question {
    stats::side alternative =
        stats::side::two;   ///< greater: does the challenger have more than the null allows?
    bool relative = false;  ///< about challenger / champion instead of the difference
    double null = 0.0;      ///< the difference, or the ratio minus one
    double alpha = 0.05;
};

/// What there is to answer with, at one look.
struct look {
    stats::score_sums sums;
    double expected_events = 0.0;      ///< observations other than 0 that the challenger should have
    double exposures = 0.0;            ///< requests of both arms
    double planned_information = 0.0;  ///< sum of s (1 - s) at the planned end
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
    double log_e = stats::not_a_number;  ///< highest so far; NaN where the method knows no e-value
    double log_e_now =
        stats::not_a_number;  ///< of this look alone: it falls again when later data speak against it
    status state = status::too_few;

    /// Is the null rejected at this error rate?
    [[nodiscard]] bool rejects(double alpha) const noexcept
    {
        return state == status::ok && p_value <= alpha;
    }
};

namespace detail {

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
/// shape: members `alpha` and `units` (planned exposures), and `infer(look, question, test_memory&) const -> inference`;
/// the memory is the policy's own, one for each metric and challenger, and starts empty.
template <class T>
concept inference_policy = requires(const T& t, const look& l, const question& q, test_memory& m) {
    {
        t.alpha
    } -> std::convertible_to<double>;
    {
        t.units
    } -> std::convertible_to<double>;
    {
        t.infer(l, q, m)
    } -> std::same_as<inference>;
};

/// The role of inference: verb `infer(look, question, memory)`.
struct inference_role {
    static constexpr bool repeats = false;
    template <class T>
    static constexpr bool plays = inference_policy<T>;
    template <class T>
    static constexpr bool resembles = detail::has_infer<T>;
    template <class T>
    struct near_miss {
        static_assert(plays<T>,
                      "joust: this has infer(), but an inference policy has members alpha and units and "
                      "`infer(const look&, const question&, test_memory&) const -> inference`");
    };
    template <class T>
    struct filled_twice {
        static_assert(detail::always_false<T>, "joust: two inference policies are given; a trial has one");
    };
};

}  // namespace joust::inline v0
