// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/policy.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/split/assignment.hpp>
#include <joust/split/splitter.hpp>
#include <joust/trial/acceptance.hpp>
#include <joust/trial/consent.hpp>
#include <joust/trial/covariate.hpp>

#include <tuple>
#include <type_traits>
#include <utility>

// Checks that a trial's policies take the arguments of a call, at the first call that knows their types.

namespace joust {
inline namespace v0 {
namespace detail {

/// Check that the unit key and the consent policy take the arguments of a call.
/// shape: `A` are the arguments without references
template <class Key, class Consent, class... A>
constexpr bool check_unit_of_call()
{
    constexpr bool consents = check_fit<consent_role, Consent, A...>();
    constexpr bool keyed = check_fit<unit_key_role, Key, A...>();
    return consents && keyed;
}

/// Check that a splitter can assign the unit of a call.
template <class Key, class Splitter, class... A>
constexpr bool check_splitter()
{
    using unit = std::remove_cvref_t<decltype(std::declval<const Key&>().key(std::declval<const A&>()...))>;
    return check_fit<splitter_role, Splitter, keyed_context<std::tuple<const A&...>, unit>>();
}

/// Check that all policies of a trial that serves each unit by one arm take the arguments of a call.
/// shape: `Result` is what the call returns, `A` are its arguments without references
template <class Key, class Splitter, class Consent, class Covariate, class Acceptance, class Result,
          class... A>
constexpr bool check_served_call()
{
    constexpr bool adjusted = check_fit<covariate_role, Covariate, A...>();
    constexpr bool judged = [] {
        if constexpr (std::is_same_v<Acceptance, any_result>) {
            return true;
        } else {
            return check_fit<acceptance_role, Acceptance, Result>();
        }
    }();
    if constexpr (check_unit_of_call<Key, Consent, A...>()) {
        return check_splitter<Key, Splitter, A...>() && adjusted && judged;
    } else {
        return false;
    }
}

/// Check that the metrics that read results can read this one.
template <class Metrics, class Result>
constexpr bool check_predictions()
{
    constexpr bool readable = Metrics::template can_read<Result>();
    static_assert(
        readable,
        "joust: prediction<\"name\">(...) cannot read what the champion returns: it takes a member or a callable, not mutable, on that result, that gives a number");
    return readable;
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
