// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/trial/ramp.hpp>

#include <type_traits>

namespace joust {
inline namespace v0 {
namespace detail {

/// Return the ramp whose numbers a ramp of the user's own goes by: those it has, and otherwise the defaults.
template <class Ramp>
[[nodiscard]] ramp rules_of(const Ramp& given)
{
    if constexpr (std::is_base_of_v<ramp, Ramp>) {
        return given;
    } else {
        ramp rules;
        const auto take = [](auto& into, const auto& from) { into = from; };
        if constexpr (requires { rules.promote = given.promote; }) {
            take(rules.promote, given.promote);
        }
        if constexpr (requires { rules.beta = given.beta; }) {
            take(rules.beta, given.beta);
        }
        if constexpr (requires { rules.exclude = given.exclude; }) {
            take(rules.exclude, given.exclude);
        }
        if constexpr (requires { rules.irreversible = given.irreversible; }) {
            take(rules.irreversible, given.irreversible);
        }
        if constexpr (requires { rules.feedback_after = given.feedback_after; }) {
            take(rules.feedback_after, given.feedback_after);
        }
        if constexpr (requires { rules.approve_from = given.approve_from; }) {
            take(rules.approve_from, given.approve_from);
        }
        if constexpr (requires { rules.on_breach = given.on_breach; }) {
            take(rules.on_breach, given.on_breach);
        }
        rules.shares = given.shares;
        rules.check_every = given.check_every;
        rules.check();
        return rules;
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
