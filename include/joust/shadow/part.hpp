// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/invoke.hpp>
#include <joust/core/policy.hpp>
#include <joust/shadow/comparator.hpp>

#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// A comparator that compares one part of both results by another comparator. `part` makes it.
template <class Projection, class Comparator>
class part_comparator {
public:
    /// Keep what reads the part, and what compares it.
    constexpr part_comparator(Projection projection, Comparator comparator)
        : projection_(std::move(projection)), comparator_(std::move(comparator))
    {
    }

    /// Compare the parts of two results.
    template <class Champion, class Challenger>
        requires(std::is_invocable_v<const Projection&, const Champion&> &&
                 std::is_invocable_v<const Projection&, const Challenger&>)
    [[nodiscard]] constexpr comparison compare(const Champion& champion, const Challenger& challenger) const
    {
        return comparator_.compare(detail::invoke(projection_, champion),
                                   detail::invoke(projection_, challenger));
    }

private:
    [[no_unique_address]] Projection projection_;
    [[no_unique_address]] Comparator comparator_;
};

/// Compare one part of both results: `part(&Answer::text, edit_distance{.at_most = 3})`.
///
/// When to use: results that are structs of which one part counts, and lists of structs: a callable may return the list of
/// their ids.
/// cost: that of the comparator, and of the copy if the callable returns one
template <class Projection, class Comparator>
[[nodiscard]] constexpr part_comparator<Projection, Comparator> part(Projection projection,
                                                                     Comparator comparator)
{
    static_assert(
        detail::may_be_callable<std::decay_t<Projection>>,
        "joust: part(...) takes what reads the part out of a result, a member such as &Answer::text or a callable on one result, and then a comparator");
    static_assert(
        detail::compares<Comparator>,
        "joust: part(projection, comparator) takes a comparator second, such as exact_match{} or tolerance{.absolute = 0.01}");
    return {std::move(projection), std::move(comparator)};
}

}  // namespace v0
}  // namespace joust
