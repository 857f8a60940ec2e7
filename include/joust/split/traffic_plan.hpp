#pragma once

#include <joust/core/hash.hpp>
#include <joust/core/hex.hpp>
#include <joust/core/json.hpp>
#include <joust/core/style.hpp>
#include <joust/core/text.hpp>
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

/// The shares of a stopped plan.
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
/// Plans are a chain: each has a higher version than the one before and names it by its digest, so that two people who
/// change the same plan at once are told. A stopped plan gives everything to the champion and keeps its shares for later.
/// shape: `shares` has one number per model, champion first. `slots` are those of a slot_split; empty for other splitters,
/// and in a plan written by hand, which then moves as few units as possible.
struct traffic_plan {
    std::string salt;
    std::uint64_t version = 0;
    /// digest of the plan before; 0 for none, or for any
    std::uint64_t parent = 0;
    /// the kill switch
    bool stopped = false;
    share_list shares{};
    std::vector<hash_slot> slots{};

    /// A number that two plans share only if they are the same, but for one chance in 2^64.
    [[nodiscard]] std::uint64_t digest() const
    {
        std::string text;
        write(text, style::json);
        return xxh64(text);
    }

    /// Which units move from this plan to another of the same salt, exactly. One without slots, after one with them, moves as
    /// few as possible.
    /// errors: configuration_error where either's shares or slots are none
    [[nodiscard]] plan_difference diff(const traffic_plan& next) const
    {
        return joust::diff(laid_out({}), next.laid_out(slots));
    }

    /// Write the plan: its JSON form is what parse_plan reads, everything else one line for people.
    void write(std::string& out, style how) const
    {
        if (how != style::json) {
            out += "plan " + std::to_string(version) + " of '" + salt + "': ";
            if (stopped) {
                out += "stopped, everything to the champion; otherwise ";
            }
            const char* between = "";
            for (const double share : shares) {
                out += between;
                append_percent(out, share, 2);
                between = " / ";
            }
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

    bool operator==(const traffic_plan&) const = default;

private:
    // The plan's slots; found from those of the plan before it where it has none of its own.
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

}  // namespace v0
}  // namespace joust
