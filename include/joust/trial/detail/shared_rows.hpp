// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/hex.hpp>
#include <joust/split/slot_split.hpp>
#include <joust/split/traffic_plan.hpp>
#include <joust/store/store.hpp>
#include <joust/trial/canary_state.hpp>
#include <joust/trial/plan_history.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The rows by which the processes of a trial share what they know. Each row is a snapshot (store/snapshot.hpp), so that it says by
// itself whether it is whole.

namespace joust {
inline namespace v0 {
namespace detail {

/// The version of the contents of rows. A row of another version is refused.
inline constexpr std::uint32_t shared_format = 1;

/// Append a part of a key: everything but letters, digits, '.', '-' and '_' is written as %XX.
inline void append_key_part(std::string& key, std::string_view part)
{
    for (const char c : part) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           c == '-' || c == '_' || c == '.';
        if (plain) {
            key += c;
        } else {
            key += '%';
            append_hex_byte(key, static_cast<std::uint8_t>(c));
        }
    }
}

/// Return the beginning of all keys of a trial: `joust/<trial>/`.
[[nodiscard]] inline std::string keys_of(std::string_view trial)
{
    std::string key{"joust/"};
    append_key_part(key, trial);
    key += '/';
    return key;
}

/// Which process wrote a row.
struct row_writer {
    std::string replica;
    /// The life of the replica: a number that is new for each start.
    std::uint64_t epoch = 0;
    std::string host;
    std::uint64_t process = 0;
    /// The time of the writer's clock, for people.
    std::uint64_t milliseconds = 0;

    template <class Archive>
    void fields(Archive& archive)
    {
        archive(replica, epoch, host, process, milliseconds);
    }
};

/// Tickets that feedback came for, with what came.
struct seen_row {
    std::uint32_t format = shared_format;
    std::vector<std::uint64_t> keys;
    std::vector<std::uint64_t> masks;

    [[nodiscard]] bool consistent() const { return keys.size() == masks.size(); }
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(format, keys, masks);
    }
};

/// All evidence of one life of a replica.
template <class Evidence>
struct evidence_row {
    std::uint32_t format = shared_format;
    row_writer writer;
    Evidence seen;
    /// The latest tickets that the evidence has feedback for. Earlier ones are in rows of their own.
    seen_row tickets;

    [[nodiscard]] bool consistent() const { return seen.consistent() && tickets.consistent(); }
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(format, writer, tickets,
                seen);  // Evidence comes last, since its end is the end of the bytes.
    }
};

/// Name a row that was folded, as it was then.
struct folded_row {
    std::string key;
    std::uint64_t sequence = 0;

    template <class Archive>
    void fields(Archive& archive)
    {
        archive(key, sequence);
    }
};

/// The sum of the evidence of lives that have ended.
template <class Evidence>
struct folded_rows {
    std::uint32_t format = shared_format;
    std::vector<folded_row> rows;
    Evidence seen;

    [[nodiscard]] bool consistent() const { return seen.consistent(); }
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(format, rows, seen);
    }
};

/// The process that judges for all.
struct lease_row {
    std::uint32_t format = shared_format;
    row_writer holder;
    /// Whether the holder has given the lease back.
    bool free = false;

    template <class Archive>
    void fields(Archive& archive)
    {
        archive(format, holder, free);
    }
};

/// The plan that all processes of a trial follow. Its version is the sequence of its row.
struct plan_row {
    std::uint32_t format = shared_format;
    std::string kind;
    std::vector<std::string> models;
    /// The digest of the row before, or 0.
    std::uint64_t parent = 0;
    std::uint64_t stage = 0;
    /// The share of all challengers.
    double share = 0.0;
    /// The version of the traffic plan, which rises when slots are laid out anew.
    std::uint64_t slots = 0;
    /// When the trial and its stage began. units: milliseconds since 1970-01-01 UTC
    std::uint64_t began = 0;
    std::uint64_t stage_began = 0;
    bool stopped = false;
    std::string reason{};
    row_writer writer;
    /// What the kind of trial needs beside: a state or a traffic plan.
    std::string body{};
    plan_history history{};

    template <class Archive>
    void fields(Archive& archive)
    {
        archive(format, kind, models, parent, stage, share, slots, began, stage_began, stopped, reason,
                writer, body, history);
    }
};

/// The state of a canary as a row holds it.
struct canary_in_row {
    canary_state state;

    template <class Archive>
    void fields(Archive& archive)
    {
        auto phase = static_cast<std::uint8_t>(state.phase);
        std::vector<step_in_row> steps;
        for (const share_step& each : state.steps) {
            steps.push_back({each.requests, each.share, each.reason});
        }
        archive(phase, state.stage, state.share, state.approved, state.stage_first_request,
                state.stage_seconds, state.seconds, state.stage_values, state.breach_log_e, steps);
        state.phase = static_cast<canary_phase>(phase);
        state.steps.clear();
        for (step_in_row& each : steps) {
            state.steps.push_back(
                {.requests = each.requests, .share = each.share, .reason = std::move(each.reason)});
        }
    }
    [[nodiscard]] bool consistent() const noexcept { return state.consistent(); }

private:
    struct step_in_row {
        double requests = 0.0;
        double share = 0.0;
        std::string reason;

        template <class Archive>
        void fields(Archive& archive)
        {
            archive(requests, share, reason);
        }
    };
};

/// A traffic plan as a row holds it.
struct traffic_in_row {
    traffic_plan plan;

    template <class Archive>
    void fields(Archive& archive)
    {
        std::vector<double> shares{plan.shares.begin(), plan.shares.end()};
        std::vector<std::uint64_t> begins;
        std::vector<std::uint32_t> arms;
        for (const hash_slot& slot : plan.slots) {
            begins.push_back(slot.begin);
            arms.push_back(slot.arm);
        }
        archive(plan.salt, plan.version, plan.parent, plan.stopped, shares, begins, arms);
        if (shares.size() > max_arms || begins.size() != arms.size()) {
            throw parse_error("the row holds a plan whose lists do not fit together");
        }
        plan.shares = share_list{};
        for (const double share : shares) {
            plan.shares.push_back(share);
        }
        plan.slots.clear();
        for (std::size_t i = 0; i < begins.size(); ++i) {
            plan.slots.push_back({begins[i], arms[i]});
        }
    }
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
