// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/split/rule.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

namespace detail {

/// The rule that lets a unit pass if a predicate on the call's arguments is true. `when` makes it.
template <class Predicate>
struct predicate_rule {
    [[no_unique_address]] Predicate predicate;

    /// Whether the predicate can be asked about these arguments of a call.
    template <class Args>
    static constexpr bool asks = detail::asks_one<Predicate, Args>;

    template <class Context>
    [[nodiscard]] unsigned decide(const Context& call) const noexcept
    {
        static_assert(
            asks_one<Predicate, std::remove_cvref_t<decltype(call.args)>>,
            "joust: the predicate of when(...) takes the call's arguments, or the first of them; choose(unit) and observe(unit) know the unit alone, so they do not go with a predicate on requests");
        return ask_or(predicate, call, could_not_decide, [](auto&& answer) {
            return static_cast<bool>(std::forward<decltype(answer)>(answer)) ? passes_on : 0U;
        });
    }

    [[nodiscard]] predicate_rule resolve(std::size_t /*arms*/, const salt* /*behind*/) const { return *this; }
};

}  // namespace detail

/// Split only calls for which a predicate is true: `when(&Request::eligible, hash_split{...})`.
///
/// All other calls get the champion and are no part of the trial. A predicate that throws counts as false, and the report counts it.
/// When to use: a trial on one market, one client version, or one kind of request.
/// When not: a predicate that depends on what the trial does, since the units that pass would then differ between the arms.
/// Ask what was true before the trial (the country, the plan that a user pays for), and not whether the last answer was
/// clicked.
/// shape: a member, a member function or a callable on all of the call's arguments or on the first of them
/// cost: that of the predicate
template <class Predicate, class Splitter>
[[nodiscard]] auto when(Predicate&& predicate, Splitter behind)
{
    using rule_t = detail::predicate_rule<std::decay_t<Predicate>>;
    return ruled_split<rule_t, Splitter>{rule_t{std::forward<Predicate>(predicate)}, std::move(behind)};
}

}  // namespace v0
}  // namespace joust
