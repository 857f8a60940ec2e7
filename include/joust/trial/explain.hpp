// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/text.hpp>
#include <joust/split/explain.hpp>
#include <joust/trial/detail/serving.hpp>

#include <cstdint>
#include <string>
#include <tuple>

namespace joust {
inline namespace v0 {

namespace detail {

struct trial_explainer {
    template <class Trial, class Unit, class Args>
    static std::string of_unit(const Trial& trial, const Unit& unit, const Args& args)
    {
        const auto plan = trial.board_.read([](const auto& now) { return now; });
        const std::uint64_t hash = trial.hasher_(unit);
        const keyed_context<Args, Unit> call{{hash, trial.time_for_splitter(), args}, unit};
        std::string out = explain_plan(plan.split, call, trial.hasher_, trial.name_);
        const assignment given = plan.split.assign(call);
        out += "\nplan " + std::to_string(plan.number) + " of trial \"" + trial.name_ + "\": served by \"" +
               trial.names_[given.arm < trial.names_.size() ? given.arm : 0] + "\"";
        if (given.enrolled) {
            out += ", evidence in bucket " +
                   std::to_string(bucket_of(pseudonym_of(Trial::randomised(plan.split, call))));
        }
        return out;
    }

    template <class Trial, class... Args>
    static std::string of_call(const Trial& trial, const Args&... args)
    {
        using args_t = std::tuple<const Args&...>;
        if constexpr (requires { trial.key_.key(args...); }) {
            if constexpr (Trial::asks_consent) {
                if (!trial.consent_.may_record(args...)) {
                    return "no consent: served by \"" + trial.names_.front() + "\", and not recorded";
                }
            }
            return of_unit(trial, trial.key_.key(args...), args_t{args...});
        } else {
            static_assert(sizeof...(Args) == 1 && (unit_like<Args> && ...),
                          "joust: explain(trial, ...) takes what a call takes, or a unit alone");
            return of_unit(trial, args..., args_t{args...});
        }
    }
};

}  // namespace detail

/// Say in words how a trial assigns a call now: the bytes that are hashed, the hash, its position, layers, arm, propensity,
/// whether it is enrolled and which model serves.
///
/// shape: `explain(trial, request)`, or with the unit alone where no rule asks about the request
template <class Derived, class Roles, class... Policies, class... Args>
[[nodiscard]] std::string explain(const detail::serving<Derived, Roles, Policies...>& trial,
                                  const Args&... args)
{
    return detail::trial_explainer::of_call(trial, args...);
}

}  // namespace v0
}  // namespace joust
