// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/interleave/draft.hpp>
#include <joust/interleave/ranking.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_set>
#include <vector>

// The interleavers as one would write them on a blackboard, with a vector and a set: what the fast ones must equal.

namespace joust_test {

class blackboard {
public:
    explicit blackboard(joust::rankings lists) : lists_(lists) {}

    /// The positions of what a ranker could still show, best first, each item once.
    [[nodiscard]] std::vector<std::uint32_t> left(std::size_t ranker) const
    {
        std::vector<std::uint32_t> found;
        std::unordered_set<joust::item_key> known = shown_;
        for (std::size_t i = 0; i < lists_[ranker].size(); ++i) {
            if (known.insert(lists_[ranker][i]).second) {
                found.push_back(static_cast<std::uint32_t>(i));
            }
        }
        return found;
    }
    [[nodiscard]] std::optional<std::uint32_t> best(std::size_t ranker) const
    {
        const auto all = left(ranker);
        return all.empty() ? std::nullopt : std::optional{all.front()};
    }
    void show(std::size_t ranker, std::uint32_t index) { shown_.insert(lists_[ranker][index]); }

private:
    joust::rankings lists_;
    std::unordered_set<joust::item_key> shown_;
};

struct competitive_pairs_reference {
    template <class Coins>
    void interleave(joust::rankings lists, Coins& coins, joust::draft& out) const
    {
        out.restart(out.length());
        blackboard board{lists};
        std::uint16_t pairs = 0;
        while (!out.full()) {
            const auto x = board.best(0);
            const auto y = board.best(1);
            if (!x && !y) {
                return;
            }
            if (!x || !y || lists[0][*x] == lists[1][*y]) {
                const std::uint8_t ranker = x ? 0 : 1;
                const std::uint32_t index = x ? *x : *y;
                out.push({index, joust::no_pair, ranker, joust::no_team});
                board.show(ranker, index);
                continue;
            }
            const bool challenger_first = coins.coin();
            joust::slot a{*x, pairs, 0, 0};
            joust::slot b{*y, pairs, 1, 1};
            if (out.room() == 1) {
                a.pair = b.pair = joust::no_pair;
                a.team = b.team = joust::no_team;
                out.push(challenger_first ? b : a);
                return;
            }
            out.push(challenger_first ? b : a);
            out.push(challenger_first ? a : b);
            board.show(0, *x);
            board.show(1, *y);
            ++pairs;
        }
    }
};

/// Team draft, either with credit for every slot as published, or only for slots every ranker could have filled.
struct team_draft_reference {
    bool credit_all = false;

    template <class Coins>
    void interleave(joust::rankings lists, Coins& coins, joust::draft& out) const
    {
        out.restart(out.length());
        blackboard board{lists};
        std::size_t shortest = out.length();
        for (std::size_t r = 0; r < lists.size(); ++r) {
            shortest = std::min(shortest, board.left(r).size());
        }
        while (!out.full()) {
            std::vector<std::size_t> waiting;
            for (std::size_t r = 0; r < lists.size(); ++r) {
                if (!board.left(r).empty()) {
                    waiting.push_back(r);
                }
            }
            if (waiting.empty()) {
                return;
            }
            while (!waiting.empty() && !out.full()) {
                const std::size_t n = waiting.size();
                const std::size_t drawn = n == 1   ? 0
                                          : n == 2 ? std::size_t{coins.coin()}
                                                   : std::size_t{coins.below(static_cast<unsigned>(n))};
                const std::size_t ranker = waiting[drawn];
                waiting[drawn] = waiting.back();
                waiting.pop_back();
                const auto index = board.best(ranker);
                if (!index) {
                    continue;
                }
                const auto team = static_cast<std::uint8_t>(ranker);
                const bool counts = credit_all || out.size() < shortest;
                out.push({*index, joust::no_pair, team, counts ? team : joust::no_team});
                board.show(ranker, *index);
            }
        }
    }
};

}  // namespace joust_test
