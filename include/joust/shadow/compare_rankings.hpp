// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/quality/rank_biased_overlap.hpp>
#include <joust/quality/rank_correlation.hpp>
#include <joust/quality/ranking.hpp>
#include <joust/shadow/comparator.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

// Comparators of rankings: lists of ids, best first. For lists of structs give a callable that returns the ids:
// part([](const Page& page) { return ids_of(page); }, overlap_at{.k = 10}).

namespace joust {
inline namespace v0 {
namespace detail {

template <class T>
using id_of = std::remove_cvref_t<decltype(*std::begin(std::declval<const T&>()))>;

// Both lists have ids of one type that has an order.
template <class Champion, class Challenger>
inline constexpr bool are_rankings = [] {
    if constexpr (listing<Champion> && listing<Challenger>) {
        return std::is_same_v<id_of<Champion>, id_of<Challenger>> &&
               requires(const id_of<Champion>& a) { static_cast<bool>(a < a); };
    } else {
        return false;
    }
}();

// The first k ids of a list.
template <class List>
[[nodiscard]] std::vector<id_of<List>> top_of(const List& list, std::size_t k)
{
    std::vector<id_of<List>> out;
    for (auto item = std::begin(list); item != std::end(list) && out.size() < k; ++item) {
        out.push_back(*item);
    }
    return out;
}

// The ids in rising order with their ranks.
template <class Id>
[[nodiscard]] std::vector<std::pair<Id, std::size_t>> ranks_of(const std::vector<Id>& ids)
{
    std::vector<std::pair<Id, std::size_t>> out;
    out.reserve(ids.size());
    for (std::size_t rank = 0; rank < ids.size(); ++rank) {
        out.emplace_back(ids[rank], rank);
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    return out;
}

template <class Id>
[[nodiscard]] bool repeats(const std::vector<std::pair<Id, std::size_t>>& ranks)
{
    return std::adjacent_find(ranks.begin(), ranks.end(), [](const auto& a, const auto& b) {
               return !(a.first < b.first);
           }) != ranks.end();
}

// Call f(rank in the first list, rank in the second) for each id that both have.
template <class Id, class F>
void for_shared(const std::vector<std::pair<Id, std::size_t>>& one,
                const std::vector<std::pair<Id, std::size_t>>& two, F f)
{
    for (std::size_t i = 0, j = 0; i < one.size() && j < two.size();) {
        if (one[i].first < two[j].first) {
            ++i;
        } else if (two[j].first < one[i].first) {
            ++j;
        } else {
            f(one[i++].second, two[j++].second);
        }
    }
}

}  // namespace detail

/// Agree when enough of the first `k` results are the same, in any order.
///
/// Lists that are shorter are compared as they are, by the longer one's length. Two empty lists agree. A list with the same id
/// twice cannot be compared.
/// When to use: pages of results of which users see k. When not: where the order within the page matters; take `rank_overlap`.
/// units: the distance is 1 minus the share of the first k that both lists have
/// cost: two sorts of k ids
struct overlap_at {
    /// How many results are compared.
    std::size_t k = 10;
    /// The smallest share that agrees.
    double at_least = 1.0;

    /// Compare two lists of ids, best first.
    template <class Champion, class Challenger>
    [[nodiscard]] comparison compare(const Champion& champion, const Challenger& challenger) const
    {
        static_assert(
            detail::are_rankings<Champion, Challenger>,
            "joust: overlap_at compares two lists of ids of one type, best first; for lists of structs write part(callable that returns the ids, overlap_at{})");
        if constexpr (detail::are_rankings<Champion, Challenger>) {
            const auto one = detail::ranks_of(detail::top_of(champion, k));
            const auto two = detail::ranks_of(detail::top_of(challenger, k));
            if (detail::repeats(one) || detail::repeats(two)) {
                return detail::incomparable;
            }
            const std::size_t longer = std::max(one.size(), two.size());
            if (longer == 0) {
                return {true, 0.0};
            }
            std::size_t shared = 0;
            detail::for_shared(one, two, [&](std::size_t, std::size_t) { ++shared; });
            const double share = static_cast<double>(shared) / static_cast<double>(longer);
            return {share >= at_least, 1.0 - share};
        } else {
            return {};
        }
    }

    bool operator==(const overlap_at&) const = default;
};

/// Agree when the rank-biased overlap of two rankings is at least `at_least`.
///
/// Two empty lists agree; an empty one and another have distance 1.
/// When to use: rankings whose top matters most. When not: both order the same documents and every rank matters.
/// units: the distance is 1 minus the extrapolated overlap
/// cost: two sorts, and what `quality::rank_biased_overlap` takes
/// source: Webber, Moffat and Zobel 2010
struct rank_overlap {
    /// The probability that a reader goes on from one rank to the next, between 0 and 1.
    double p = 0.9;
    /// The smallest overlap that agrees.
    double at_least = 0.9;

    /// Compare two lists of ids, best first.
    template <class Champion, class Challenger>
    [[nodiscard]] comparison compare(const Champion& champion, const Challenger& challenger) const
    {
        static_assert(
            detail::are_rankings<Champion, Challenger>,
            "joust: rank_overlap compares two lists of ids of one type, best first; for lists of structs write part(callable that returns the ids, rank_overlap{})");
        if constexpr (detail::are_rankings<Champion, Challenger>) {
            using id = detail::id_of<Champion>;
            const std::vector<id> one = detail::top_of(champion, quality::every_rank);
            const std::vector<id> two = detail::top_of(challenger, quality::every_rank);
            if (one.empty() || two.empty()) {
                const bool both = one.empty() && two.empty();
                return {both, both ? 0.0 : 1.0};
            }
            if (one == two) {
                return detail::repeats(detail::ranks_of(one)) ? detail::incomparable : comparison{true, 0.0};
            }
            const quality::overlap found =
                quality::rank_biased_overlap(std::span<const id>{one}, std::span<const id>{two}, {.p = p});
            if (found.state != status::ok) {
                return detail::incomparable;
            }
            return {found.extrapolated >= at_least, 1.0 - found.extrapolated};
        } else {
            return {};
        }
    }

    bool operator==(const rank_overlap&) const = default;
};

/// Agree when two rankings of the same documents order nearly all pairs alike: Kendall's tau is at least `at_least`.
///
/// Documents that only one list has are left out. Lists with fewer than two documents in common cannot be compared, unless they
/// are equal.
/// When to use: full rankings of one set of documents. When not: pages cut from different documents; take `rank_overlap`.
/// units: the distance is (1 - tau) / 2, the share of pairs in another order
/// cost: three sorts
struct kendall_distance {
    /// The smallest tau that agrees.
    double at_least = 0.9;

    /// Compare two lists of ids, best first.
    template <class Champion, class Challenger>
    [[nodiscard]] comparison compare(const Champion& champion, const Challenger& challenger) const
    {
        static_assert(
            detail::are_rankings<Champion, Challenger>,
            "joust: kendall_distance compares two lists of ids of one type, best first; for lists of structs write part(callable that returns the ids, kendall_distance{})");
        if constexpr (detail::are_rankings<Champion, Challenger>) {
            const auto first = detail::top_of(champion, quality::every_rank);
            const auto second = detail::top_of(challenger, quality::every_rank);
            const auto one = detail::ranks_of(first);
            const auto two = detail::ranks_of(second);
            if (detail::repeats(one) || detail::repeats(two)) {
                return detail::incomparable;
            }
            if (first == second) {
                return {true, 0.0};
            }
            std::vector<double> x;
            std::vector<double> y;
            detail::for_shared(one, two, [&](std::size_t a, std::size_t b) {
                x.push_back(static_cast<double>(a));
                y.push_back(static_cast<double>(b));
            });
            const quality::rank_correlation found = quality::kendall_tau_b(x, y);
            if (found.state != status::ok) {
                return detail::incomparable;
            }
            return {found.value >= at_least, 0.5 * (1.0 - found.value)};
        } else {
            return {};
        }
    }

    bool operator==(const kendall_distance&) const = default;
};

/// Agree when at most `at_most` ranks hold another document. Ranks that only one list has count as changed.
///
/// When to use: lists where each place is seen, such as the cards of a start page.
/// units: the distance is a number of ranks
/// cost: one comparison for each rank
struct changed_positions {
    /// The largest number of ranks that agrees.
    double at_most = 0.0;

    /// Compare two lists.
    template <class Champion, class Challenger>
    [[nodiscard]] constexpr comparison compare(const Champion& champion, const Challenger& challenger) const
    {
        static_assert(
            detail::listing<Champion> && detail::listing<Challenger>,
            "joust: changed_positions compares two lists; for a struct with a list write part(&Page::ids, changed_positions{})");
        if constexpr (detail::listing<Champion> && detail::listing<Challenger>) {
            double changed = 0.0;
            auto left = std::begin(champion);
            auto right = std::begin(challenger);
            for (; left != std::end(champion) && right != std::end(challenger); ++left, ++right) {
                changed += static_cast<bool>(*left == *right) ? 0.0 : 1.0;
            }
            for (; left != std::end(champion); ++left) {
                changed += 1.0;
            }
            for (; right != std::end(challenger); ++right) {
                changed += 1.0;
            }
            return {changed <= at_most, changed};
        } else {
            return {};
        }
    }

    bool operator==(const changed_positions&) const = default;
};

}  // namespace v0
}  // namespace joust
