// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/executor.hpp>
#include <joust/core/outlives_call.hpp>
#include <joust/core/policy.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/inference/always_valid.hpp>
#include <joust/inference/inference.hpp>
#include <joust/shadow/breaker.hpp>
#include <joust/shadow/champion_failures.hpp>
#include <joust/shadow/comparator.hpp>
#include <joust/shadow/judge.hpp>
#include <joust/shadow/noise.hpp>
#include <joust/shadow/on_pair.hpp>
#include <joust/shadow/pending.hpp>
#include <joust/shadow/protection.hpp>
#include <joust/shadow/sampler.hpp>
#include <joust/trial/detail/pass_copies.hpp>
#include <joust/trial/detail/trial_core.hpp>
#include <joust/trial/salt_role.hpp>

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {
namespace detail {

using shadow_roles =
    role_list<unit_key_role, comparator_role, executor_role, sampler_role, breaker_role, judge_role,
              memory_role, noise_role, champion_failure_role, pair_listener_role, protection_role,
              consent_role, clock_role, ticket_role, inference_role, salt_role>;

template <class T>
inline constexpr bool runs_at_once = requires { requires T::immediate; };

// A value can be remembered where it can be copied and owns the data that it refers to.
template <class T>
concept memorable =
    std::is_object_v<T> && std::is_copy_constructible_v<T> && static_cast<bool>(outlives_call<T>);

/// The constructor's arguments of a shadow, sorted by role.
template <class... Args>
struct shadow_parts : trial_parts<shadow_roles, always_valid, Args...> {
    using trial = trial_parts<shadow_roles, always_valid, Args...>;
    template <class Role, class Default>
    using policy = typename trial::template policy<Role, Default>;

    static constexpr std::size_t challengers = trial::model_count - 1;

    static_assert(trial::model_count >= 2,
                  "joust: a trial needs a champion and a challenger: at least two joust::model come first");
    static_assert(trial::model_count <= 8,
                  "joust: a shadow has at most 8 models: a champion and 7 challengers");

    using comparator_t = policy<comparator_role, exact_match>;
    using executor_t = policy<executor_role, background>;
    using sampler_t = policy<sampler_role, all_requests>;
    using breaker_t = policy<breaker_role, no_breaker>;
    using judge_t = policy<judge_role, equals_truth>;
    using memory_t = policy<memory_role, remembered<>>;
    using noise_t = policy<noise_role, no_second_run>;
    using protection_t = policy<protection_role, no_protection>;
    using pair_listener_t = policy<pair_listener_role, no_pair_listener>;

    static_assert(
        paired_inference_policy<typename trial::inference_t>,
        "joust: a shadow asks its inference about pairs; this policy does not say `static constexpr bool pairs = true`");

    static constexpr bool breaks = trial::template given<breaker_role>;
    /// Whether the champion runs twice on some requests, and whether challengers run where it fails.
    static constexpr bool repeats = trial::template given<noise_role>;
    static constexpr bool runs_on_failures =
        policy<champion_failure_role, only_where_champion_answers>::runs_where_champion_failed;
    /// Whether a listener hears of each pair of answers.
    static constexpr bool tells_pairs = trial::template given<pair_listener_role>;
    static constexpr bool protects = protection_t::limits_challengers;
    /// Whether there is evidence beyond comparisons.
    static constexpr bool checks = repeats || runs_on_failures || protects;
    static constexpr bool immediate = runs_at_once<executor_t>;

    using calls = shadowed_call<typename trial::models_t, immediate, comparator_t>;

    template <std::size_t I>
    using callable_t =
        std::remove_reference_t<decltype(std::get<I>(std::declval<typename trial::models_t&>()).call)>;

    /// The type that a model returns, as far as it is known before the first call.
    template <std::size_t I>
    using prediction_t =
        std::conditional_t<std::is_same_v<typename memory_t::prediction, deduced>,
                           typename sole_result<callable_t<I>>::type, typename memory_t::prediction>;

    /// Whether the predictions of the champion and of challenger P can wait for the truth.
    template <std::size_t P>
    static constexpr bool remembers = memorable<prediction_t<0>> && memorable<prediction_t<P + 1>>;

    template <class Visit>
    static constexpr void for_each_challenger(Visit&& visit)
    {
        [&]<std::size_t... P>(std::index_sequence<P...>) {
            (visit.template operator()<P>(), ...);
        }(std::make_index_sequence<challengers>{});
    }
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
