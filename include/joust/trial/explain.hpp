// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/text.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/split/explain.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/detail/trial_access.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

namespace joust {
inline namespace v0 {

namespace detail {

/// Explain how the core of a trial assigns a unit now.
template <class Core, class Unit, class Args>
[[nodiscard]] std::string explain_unit(const Core& core, const Unit& unit, const Args& args)
{
    const auto& assignment_now = core.assignment();
    const trial_identity& identity = core.identity();
    const auto plan = assignment_now.current();
    const keyed_context<Args, Unit> call{
        {identity.hasher()(unit), assignment_now.time_for_splitter(core.trial().clock()), args}, unit};
    std::string out = explain_plan(plan.split, call, identity.hasher(), identity.name());
    const assignment given = assignment_now.given_by(plan, call);
    const std::vector<std::string>& models = identity.models();
    out += "\nplan " + std::to_string(plan.number) + " of trial \"" + printable(identity.name()) +
           (plan.stopped ? "\", stopped" : "\"") + ": served by \"" +
           printable(models[given.arm < models.size() ? given.arm : 0]) + "\"";
    if (given.enrolled) {
        out += ", evidence in bucket " +
               std::to_string(bucket_of(pseudonym_of(assignment_now.randomised(plan.split, call))));
    }
    return out;
}

/// Explain how the core of a trial assigns the unit of a call, or a unit alone.
template <class Core, class... Args>
[[nodiscard]] std::string explain_call(const Core& core, const Args&... args)
{
    using args_t = std::tuple<const Args&...>;
    if constexpr (requires { core.trial().unit_of(args...); }) {
        if (!core.trial().may_record(args...)) {
            return "no consent: served by \"" + printable(core.identity().models().front()) +
                   "\", and not recorded";
        }
        return explain_unit(core, core.trial().unit_of(args...), args_t{args...});
    } else {
        static_assert(sizeof...(Args) == 1 && (unit_like<Args> && ...),
                      "joust: explain(trial, ...) takes what a call takes, or a unit alone");
        return explain_unit(core, args..., args_t{args...});
    }
}

}  // namespace detail

/// Explain in words how an A/B test assigns a call now.
///
/// The text names the bytes that are hashed, the hash, its position, layers, the arm, the propensity, whether the unit is
/// enrolled, and the model that serves it.
/// shape: `explain(trial, request)`, or `explain(trial, unit)` where no rule reads the request
template <class... Policies, class... Args>
[[nodiscard]] std::string explain(const ab_test<Policies...>& trial, const Args&... args)
{
    return detail::explain_call(detail::trial_access::core(trial), args...);
}
/// Explain in words how a canary assigns a call now.
template <class... Policies, class... Args>
[[nodiscard]] std::string explain(const canary<Policies...>& trial, const Args&... args)
{
    return detail::explain_call(detail::trial_access::core(trial), args...);
}

}  // namespace v0
}  // namespace joust
