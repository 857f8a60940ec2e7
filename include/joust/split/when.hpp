#pragma once

#include <joust/split/rule.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// A predicate that chooses who takes part; see `when`.
template <class Predicate>
struct target {
    [[no_unique_address]] Predicate predicate;

    template <class Context>
    [[nodiscard]] unsigned decide(const Context& call) const noexcept
    {
        using args_t = std::remove_cvref_t<decltype(call.args)>;
        static_assert(
            detail::asks_one<Predicate, args_t>,
            "joust: the predicate of when(...) takes the call's arguments, or the first of them; choose(unit) and observe(unit) know the unit alone, so they do not go with a predicate on requests");
        if constexpr (detail::asks_one<Predicate, args_t>) {
            try {
                return static_cast<bool>(detail::ask(predicate, call.args)) ? passes_on : 0U;
            } catch (...) {
                return 0;
            }
        } else {
            return 0;
        }
    }

    [[nodiscard]] target resolve(std::size_t /*arms*/, const salt* /*behind*/) const { return *this; }
};

/// Try models only on calls of which a predicate is true: `when(&Request::eligible, hash_split{...})`.
///
/// All other calls get the champion and are no part of the trial. The predicate must not depend on what the trial does, or
/// those that it lets pass differ between the arms: ask what was true before (the country, the plan a user pays for), not
/// whether the last answer was clicked. One that throws is false.
/// shape: a member, member function or callable on the call's arguments or the first of them
/// cost: the predicate's
template <class Predicate, class Splitter>
[[nodiscard]] auto when(Predicate&& predicate, Splitter behind)
{
    using target_t = target<std::decay_t<Predicate>>;
    return ruled_split<target_t, Splitter>{target_t{std::forward<Predicate>(predicate)}, std::move(behind)};
}

}  // namespace v0
}  // namespace joust
