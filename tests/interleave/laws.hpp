// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/interleave/draft.hpp>
#include <joust/interleave/ranking.hpp>

#include "interleave/enumerator.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace joust_test {

using list = std::vector<joust::item_key>;
using list_set = std::vector<list>;

inline std::vector<joust::ranking> views(const list_set& all)
{
    return {all.begin(), all.end()};
}

/// Every ordered choice of `size` documents out of 1 .. documents.
inline std::vector<list> arrangements(unsigned documents, std::size_t size)
{
    std::vector<list> found{{}};
    for (std::size_t n = 0; n < size; ++n) {
        std::vector<list> longer;
        for (const list& l : found) {
            for (joust::item_key d = 1; d <= documents; ++d) {
                if (std::find(l.begin(), l.end(), d) == l.end()) {
                    longer.push_back(l);
                    longer.back().push_back(d);
                }
            }
        }
        found = std::move(longer);
    }
    return found;
}

inline std::vector<list> arrangements(unsigned documents, std::size_t shortest, std::size_t longest)
{
    std::vector<list> found;
    for (std::size_t n = shortest; n <= longest; ++n) {
        for (list& l : arrangements(documents, n)) {
            found.push_back(std::move(l));
        }
    }
    return found;
}

/// 1, 2, .. size: by relabelling, the first list may always be this one.
inline list first_documents(std::size_t size)
{
    list l;
    for (std::size_t d = 1; d <= size; ++d) {
        l.push_back(d);
    }
    return l;
}

/// Run an interleaver on every path of coins: `visit(draft, probability)`. Returns the number of paths.
template <class Policy, class Visit>
std::uint64_t every_path(const Policy& policy, const list_set& all, std::size_t length, Visit&& visit)
{
    const auto spans = views(all);
    enumerator coins;
    joust::draft out{length};
    std::uint64_t paths = 0;
    while (coins.next()) {
        policy.interleave(spans, coins, out);
        visit(out, coins);
        ++paths;
    }
    return paths;
}

/// What an enumeration found: bias means that at some position one ranker is credited more often than another.
struct tally {
    std::uint64_t cases = 0;
    std::uint64_t paths = 0;
    std::uint64_t biased = 0;
    std::uint64_t biased_equal_lengths = 0;
    /// probabilities that do not sum to one
    std::uint64_t improper = 0;

    tally& operator+=(const tally& more)
    {
        cases += more.cases;
        paths += more.paths;
        biased += more.biased;
        biased_equal_lengths += more.biased_equal_lengths;
        improper += more.improper;
        return *this;
    }
};

inline bool equally_long(const list_set& all)
{
    return std::all_of(all.begin(), all.end(), [&](const list& l) { return l.size() == all[0].size(); });
}

/// Enter one judged case.
inline void enter(tally& sum, const list_set& all, std::uint64_t paths, bool fair, bool proper)
{
    ++sum.cases;
    sum.paths += paths;
    sum.improper += proper ? 0u : 1u;
    sum.biased += fair ? 0u : 1u;
    sum.biased_equal_lengths += !fair && equally_long(all) ? 1u : 0u;
}

/// Judge one case: the lists, a length, all coins.
template <class Policy>
void judge(const Policy& policy, const list_set& all, std::size_t length, tally& sum)
{
    // credited[position][ranker], as probability
    std::array<std::array<integer, 8>, 16> credited{};
    integer total = 0;
    const std::uint64_t paths =
        every_path(policy, all, length, [&](const joust::draft& out, const enumerator& coins) {
            const integer p = coins.probability();
            total += p;
            for (std::size_t i = 0; i < out.size(); ++i) {
                if (out[i].team != joust::no_team) {
                    credited[i][out[i].team] += p;
                }
            }
        });
    bool fair = true;
    for (std::size_t r = 1; r < all.size(); ++r) {
        for (const auto& position : credited) {
            fair = fair && position[r] == position[0];
        }
    }
    enter(sum, all, paths, fair, total == enumerator::whole);
}

/// Judge the teams that a policy drafts.
template <class Policy>
auto by_teams(const Policy& policy)
{
    return [policy](const list_set& all, std::size_t length, tally& sum) { judge(policy, all, length, sum); };
}

}  // namespace joust_test
