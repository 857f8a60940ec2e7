// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/split/hash_split.hpp>
#include <joust/split/slot_split.hpp>
#include <joust/split/traffic_plan.hpp>

#include <concepts>
#include <cstddef>
#include <list>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {
namespace detail {

/// Put slots into a plan of the type of another one. The plan of a bandit keeps what the bandit has learned.
template <class Split>
[[nodiscard]] Split with_slots(const Split& before, slot_plan slots)
{
    if constexpr (std::is_same_v<Split, slot_plan>) {
        return slots;
    } else {
        return Split{std::move(slots), before.seen(), before.log_weights()};
    }
}

/// Return a rule that gives no unit to a challenger.
template <class Rule>
[[nodiscard]] Rule stopped_rule(const Rule& rule)
{
    if constexpr (requires { rule.stopped(); }) {
        return rule.stopped();
    } else {
        return rule;
    }
}

/// Return a split whose rules give no unit to a challenger.
template <class Split>
[[nodiscard]] Split without_forced_units(const Split& split)
{
    if constexpr (requires { split.rule(); }) {
        return Split{stopped_rule(split.rule()), without_forced_units(split.behind())};
    } else {
        return split;
    }
}

/// Whether a resolved splitter can be told to give everything to the champion.
template <class Splitter, class Split>
[[nodiscard]] constexpr bool can_stop() noexcept
{
    if constexpr (requires(const Split& split) { split.rule(); }) {
        return can_stop<std::remove_cvref_t<decltype(std::declval<const Splitter&>().behind())>,
                        std::remove_cvref_t<decltype(std::declval<const Split&>().behind())>>();
    } else if constexpr (std::is_base_of_v<slot_plan, Split>) {
        return std::is_same_v<Split, slot_plan> ||
               requires(const Split& split) { Split{split, split.seen(), split.log_weights()}; };
    } else {
        return requires(const Splitter& splitter) {
            { splitter.with_shares(share_list{}).resolve(std::size_t{}) } -> std::same_as<Split>;
        };
    }
}

/// Return the split that gives everything to the champion. The rules in front of the splitter stay, except that they
/// force no unit to a challenger.
template <class Splitter, class Split>
[[nodiscard]] Split stopped_split(const Splitter& splitter, const Split& before, std::size_t arms)
{
    if constexpr (requires { before.rule(); }) {
        return Split{stopped_rule(before.rule()), stopped_split(splitter.behind(), before.behind(), arms)};
    } else if constexpr (std::is_base_of_v<slot_plan, Split>) {
        return with_slots(before, slot_plan{hash_plan{all_to_champion(arms)}});
    } else {
        return splitter.with_shares(all_to_champion(arms)).resolve(arms);
    }
}

/// Make the plan that gives everything to the champion. It is made while there is memory, so that a trial can be stopped when
/// there is none. It gets its number when it is put in force. A splitter that cannot be told to is overruled by its plan.
template <class Plan, class Splitter, class Split>
[[nodiscard]] std::list<Plan> plan_to_stop(const Splitter& splitter, const Split& before, std::size_t arms)
{
    std::list<Plan> made;
    if constexpr (can_stop<Splitter, Split>()) {
        made.emplace_back(stopped_split(splitter, before, arms), 0U);
    } else {
        made.emplace_back(before, 0U);
        made.back().stop();
    }
    return made;
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
