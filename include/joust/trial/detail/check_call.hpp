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

// What a call asks of a trial's policies, checked where the types of its arguments are first known.

namespace joust {
inline namespace v0 {
namespace detail {

/// Can the unit be read from a call, and can it be asked for consent? shape: `A` are the arguments without references
template <class Key, class Consent, class... A>
constexpr bool check_unit_of_call()
{
    constexpr bool consents = check_fit<consent_role, Consent, A...>();
    constexpr bool keyed = check_fit<unit_key_role, Key, A...>();
    return consents && keyed;
}

/// Can a splitter assign the unit of a call?
template <class Key, class Splitter, class... A>
constexpr bool check_splitter()
{
    using unit = std::remove_cvref_t<decltype(std::declval<const Key&>().key(std::declval<const A&>()...))>;
    return check_fit<splitter_role, Splitter, keyed_context<std::tuple<const A&...>, unit>>();
}

/// Can all policies of a trial that serves one arm per unit be asked about a call?
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

}  // namespace detail
}  // namespace v0
}  // namespace joust
