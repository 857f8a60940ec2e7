// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/style.hpp>
#include <joust/core/text.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/split/slot_split.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace joust {
inline namespace v0 {

/// What a change of plans does to units: the exact fractions that move, and between which arms.
struct plan_difference {
    /// The number of arms, of the plan that has more.
    std::size_t arms = 0;
    /// Each arm's fraction of all units before the change.
    std::array<double, max_arms> before{};
    /// Each arm's fraction of all units after the change.
    std::array<double, max_arms> after{};
    /// The fraction of all units by the arm before and the arm after.
    std::array<std::array<double, max_arms>, max_arms> from_to{};
    /// The fraction of all units that change arms.
    double moved = 0.0;
    /// The least fraction that any change between these shares moves: the sum of what arms lose.
    double necessary = 0.0;
    /// The fraction of all units that leave a challenger although its share does not fall.
    double left_grown = 0.0;

    /// Say whether no unit leaves a challenger that does not shrink.
    [[nodiscard]] bool faithful() const noexcept { return left_grown == 0.0; }

    /// Refuse a change in which units leave a challenger although it does not shrink.
    /// errors: configuration_error that states the fraction of such units
    void require_faithful() const
    {
        if (!faithful()) {
            std::string value;
            append_percent(value, left_grown, 2);
            throw configuration_error(
                "plan", "one in which " + value + " of units leave a challenger that does not shrink",
                "a plan in which they stay: slot_split changes shares at will, hash_split while no challenger of n has more than 1 / n");
        }
    }

    /// Write which units move: as JSON, as a line, or as one line for each pair of arms.
    void write(std::string& out, style how) const
    {
        const auto percent = [&out](double fraction) { append_percent(out, fraction, 2); };
        if (how == style::json) {
            out += "{\"moved\":" + to_text(moved) + ",\"necessary\":" + to_text(necessary) +
                   ",\"left_grown\":" + to_text(left_grown) + ",\"moves\":[";
            bool first = true;
            each_move([&](std::size_t from, std::size_t to, double fraction) {
                out += first ? "" : ",";
                first = false;
                out += "{\"from\":" + std::to_string(from) + ",\"to\":" + std::to_string(to) +
                       ",\"fraction\":" + to_text(fraction) + "}";
            });
            out += "]}";
            return;
        }
        percent(moved);
        out += " of units move";
        if (moved > 0.0) {
            out += " (";
            percent(necessary);
            out += " must)";
        }
        each_move([&](std::size_t from, std::size_t to, double fraction) {
            out += how == style::line ? "; " : "\n";
            percent(fraction);
            out += " from arm " + std::to_string(from) + " to arm " + std::to_string(to);
        });
        if (!faithful()) {
            out += how == style::line ? "; " : "\n";
            percent(left_grown);
            out += " leave a challenger that does not shrink";
        }
    }

    bool operator==(const plan_difference&) const = default;

private:
    template <class Visit>
    void each_move(Visit visit) const
    {
        for (std::size_t from = 0; from < arms; ++from) {
            for (std::size_t to = 0; to < arms; ++to) {
                if (from != to && from_to[from][to] > 0.0) {
                    visit(from, to, from_to[from][to]);
                }
            }
        }
    }
};

namespace detail {

[[nodiscard]] inline const std::vector<hash_slot>& slots_of(const slot_plan& plan) noexcept
{
    return plan.slots();
}

template <class Plan>
concept made_of_slots = requires(const Plan& plan) {
    slots_of(plan);
    { plan.arms() } -> std::convertible_to<std::size_t>;
};

/// A sum of lengths of hash space. The whole space is 2^64, which does not fit into 64 bits, so it has a flag.
struct hash_measure {
    std::uint64_t low = 0;
    bool all = false;
    void add(std::uint64_t size, bool everything) noexcept
    {
        low += size;
        all = all || everything;
    }
    [[nodiscard]] double fraction() const noexcept { return all ? 1.0 : static_cast<double>(low) * 0x1p-64; }
    [[nodiscard]] bool operator<(const hash_measure& other) const noexcept
    {
        return all != other.all ? other.all : low < other.low;
    }
};

}  // namespace detail

/// Compare two plans of one salt: the exact fraction of units that move, and between which arms.
///
/// The fractions are computed from the borders in the hash space. The plans may be those of hash_split, slot_split and
/// bandits, in any pairing. For a splitter behind a rule (layer, holdout, when) compare the plans of the splitter itself; the
/// fractions are then fractions of the units that the rule lets pass.
/// assumes: both plans have the same salt; another salt randomises all units anew
/// cost: about 1 us for ten slots
template <class Before, class After>
[[nodiscard]] plan_difference diff(const Before& before, const After& after)
{
    static_assert(
        detail::made_of_slots<Before> && detail::made_of_slots<After>,
        "joust: diff compares plans that cut the hash space into slots: what resolve(arms) of hash_split, slot_split or a bandit gives");
    plan_difference out;
    if constexpr (detail::made_of_slots<Before> && detail::made_of_slots<After>) {
        const auto& old_slots = detail::slots_of(before);
        const auto& new_slots = detail::slots_of(after);
        out.arms = before.arms() > after.arms() ? before.arms() : after.arms();
        std::array<detail::hash_measure, max_arms> had{};
        std::array<detail::hash_measure, max_arms> has{};
        std::array<std::array<detail::hash_measure, max_arms>, max_arms> both{};
        std::size_t i = 0, j = 0;
        for (std::uint64_t at = 0;;) {
            const bool last_old = i + 1 == old_slots.size();
            const bool last_new = j + 1 == new_slots.size();
            const bool old_ends = !last_old && (last_new || old_slots[i + 1].begin <= new_slots[j + 1].begin);
            const bool new_ends = !last_new && (last_old || new_slots[j + 1].begin <= old_slots[i + 1].begin);
            const std::uint64_t end = old_ends   ? old_slots[i + 1].begin
                                      : new_ends ? new_slots[j + 1].begin
                                                 : 0;
            const bool everything = at == 0 && end == 0;
            const unsigned from = old_slots[i].arm, to = new_slots[j].arm;
            had[from].add(end - at, everything);
            has[to].add(end - at, everything);
            both[from][to].add(end - at, everything);
            if (end == 0) {
                break;
            }
            at = end;
            i += old_ends ? 1U : 0U;
            j += new_ends ? 1U : 0U;
        }
        // If one arm has the whole space, its pieces add up to 2^64, which is 0 in 64 bits.
        const auto fill = [](auto& measures, std::size_t slots, unsigned arm) {
            measures[arm].all = measures[arm].all || slots == 1;
        };
        fill(had, old_slots.size(), old_slots.front().arm);
        fill(has, new_slots.size(), new_slots.front().arm);
        for (std::size_t from = 0; from < out.arms; ++from) {
            out.before[from] = had[from].fraction();
            out.after[from] = has[from].fraction();
            if (has[from] < had[from]) {
                out.necessary += had[from].all ? 1.0 - out.after[from]
                                               : static_cast<double>(had[from].low - has[from].low) * 0x1p-64;
            }
            for (std::size_t to = 0; to < out.arms; ++to) {
                out.from_to[from][to] = both[from][to].fraction();
                if (from != to) {
                    out.moved += out.from_to[from][to];
                    out.left_grown += from != 0 && !(has[from] < had[from]) ? out.from_to[from][to] : 0.0;
                }
            }
        }
    }
    return out;
}

}  // namespace v0
}  // namespace joust
