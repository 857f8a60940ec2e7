// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/hex.hpp>
#include <joust/core/json.hpp>
#include <joust/core/style.hpp>
#include <joust/core/text.hpp>
#include <joust/core/utf8.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/split/plan_diff.hpp>
#include <joust/split/slot_split.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace joust {
inline namespace v0 {

namespace detail {

/// Return the shares of a stopped plan.
[[nodiscard]] inline share_list all_to_champion(std::size_t arms)
{
    share_list shares;
    for (std::size_t arm = 0; arm < arms; ++arm) {
        shares.push_back(arm == 0 ? 1.0 : 0.0);
    }
    return shares;
}

}  // namespace detail

/// How traffic is split, as a value to keep, to send and to compare.
///
/// Plans form a chain. Each plan has a higher version than the plan before and names it by its digest. So when two people
/// change the same plan at once, the second change is refused.
struct traffic_plan {
    /// The salt of the splitter.
    std::string salt;
    /// The version, which rises with every change.
    std::uint64_t version = 0;
    /// The digest of the plan before. It is 0 for a first plan, and for a plan that may follow any other.
    std::uint64_t parent = 0;
    /// The kill switch: a stopped plan gives all units to the champion and keeps its shares for later.
    bool stopped = false;
    /// One share for each model, the champion's first.
    share_list shares{};
    /// The slots of a slot_split. They are empty for other splitters, and in a plan that is written by hand, which then moves
    /// as few units as possible.
    std::vector<hash_slot> slots{};

    /// Return a number that is the same for equal plans. Two other plans have the same number with probability 2^-64.
    [[nodiscard]] std::uint64_t digest() const
    {
        std::string text;
        write(text, style::json);
        return xxh64(text);
    }

    /// Compute the exact fractions of units that move from this plan to the next one, which has the same salt. If the next
    /// plan has no slots and this plan has them, as few units as possible move.
    /// errors: configuration_error where one of the plans has no shares, invalid shares or invalid slots
    [[nodiscard]] plan_difference diff(const traffic_plan& next) const
    {
        return joust::diff(laid_out({}), next.laid_out(slots));
    }

    /// Write the plan: as the JSON that parse_plan reads, or in any other style as one line for people.
    void write(std::string& out, style how) const;

    /// Write the plan as one line for people.
    void write_line(std::string& out) const;

    bool operator==(const traffic_plan&) const = default;

private:
    // Returns the plan's slots, or computes them from those of the plan before if it has no slots of its own.
    [[nodiscard]] slot_plan laid_out(const std::vector<hash_slot>& before) const
    {
        const share_list checked = detail::checked_shares("plan.shares", shares, shares.size());
        if (stopped) {
            return slot_plan{hash_plan{detail::all_to_champion(checked.size())}};
        }
        if (!slots.empty()) {
            return slot_split{{}, checked, slots}.resolve(checked.size());
        }
        return before.empty() ? slot_plan{hash_plan{checked}}
                              : slot_plan{before, checked.size()}.with_shares(checked);
    }
};

#if JOUST_BODIES

JOUST_FUNCTION void traffic_plan::write_line(std::string& out) const
{
    detail::append_all(out, {"plan ", std::to_string(version), " of '"});
    append_clean(out, salt);
    out += "': ";
    if (stopped) {
        out += "stopped, everything to the champion";
        out += shares.empty() ? "" : "; otherwise ";
    } else if (shares.empty()) {
        out += "not stopped";
    }
    const char* between = "";
    for (const double share : shares) {
        out += between;
        append_percent(out, share, 2);
        between = " / ";
    }
}

JOUST_FUNCTION void traffic_plan::write(std::string& out, style how) const
{
    if (how != style::json) {
        write_line(out);
        return;
    }
    out += R"({"joust":"plan","format":1,"salt":)";
    append_json_string(out, salt);
    out += ",\"version\":" + std::to_string(version) + ",\"parent\":\"";
    detail::append_hex(out, parent);
    out += stopped ? "\",\"stopped\":true,\"shares\":[" : "\",\"stopped\":false,\"shares\":[";
    const char* between = "";
    for (const double share : shares) {
        out += between + to_text(share);
        between = ",";
    }
    out += "],\"slots\":[";
    between = "";
    for (const hash_slot& each : slots) {
        out += between;
        out += "[\"";
        detail::append_hex(out, each.begin);
        out += "\"," + std::to_string(each.arm) + "]";
        between = ",";
    }
    out += "]}";
}

#endif

}  // namespace v0
}  // namespace joust
