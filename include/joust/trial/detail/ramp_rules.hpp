// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/trial/ramp.hpp>

#include <type_traits>

namespace joust {
inline namespace v0 {
namespace detail {

/// Return the ramp whose numbers a ramp of the user's own goes by: those it has, and otherwise the defaults. They
/// are not checked yet.
template <class Ramp>
[[nodiscard]] ramp rules_of(const Ramp& given)
{
    if constexpr (std::is_base_of_v<ramp, Ramp>) {
        return given;
    } else {
        ramp rules;
        if constexpr (requires { rules.promote = given.promote; }) {
            rules.promote = given.promote;
        }
        if constexpr (requires { rules.beta = given.beta; }) {
            rules.beta = given.beta;
        }
        if constexpr (requires { rules.exclude = given.exclude; }) {
            rules.exclude = given.exclude;
        }
        if constexpr (requires { rules.irreversible = given.irreversible; }) {
            rules.irreversible = given.irreversible;
        }
        if constexpr (requires { rules.units = given.units; }) {
            rules.units = given.units;
        }
        if constexpr (requires { rules.total_seconds = given.total_seconds; }) {
            rules.total_seconds = given.total_seconds;
        }
        if constexpr (requires { rules.requests = given.requests; }) {
            rules.requests = given.requests;
        }
        if constexpr (requires { rules.feedback_after = given.feedback_after; }) {
            rules.feedback_after = given.feedback_after;
        }
        if constexpr (requires { rules.approve_from = given.approve_from; }) {
            rules.approve_from = given.approve_from;
        }
        if constexpr (requires { rules.on_breach = given.on_breach; }) {
            rules.on_breach = given.on_breach;
        }
        rules.shares = given.shares;
        rules.check_every = given.check_every;
        return rules;
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
