// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/interleave/attribution.hpp>
#include <joust/store/events.hpp>
#include <joust/ticket/ticket.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace joust {
inline namespace v0 {

/// Turn the log of an interleaving trial into rows for `attribute`.
///
/// `record_to(log)` writes such a log and `read_events` reads it. Each credited feedback gives a row. Each slate that
/// was served gives a row without a team, so that a unit without a click counts as a tie. Events of other kinds of
/// trial are left out.
///
/// The time of a row is its line number in the log, because an event carries the time when its slate was served and not
/// the time of the click. A unit is the upper half of its pseudonym, since a slate's ticket holds no more.
/// errors: parse_error for a slate whose ticket cannot be read
[[nodiscard]] inline std::vector<credited_feedback> credited_log(std::span<const logged_event> events)
{
    std::vector<credited_feedback> rows;
    for (std::size_t line = 0; line < events.size(); ++line) {
        const logged_event& seen = events[line];
        if (seen.unit.size() != 8) {
            continue;  // Only events of slates have pseudonyms of 8 digits.
        }
        ticket page;
        if (const ticket_error error = ticket::parse(seen.ticket, page); error != ticket_error::none) {
            throw parse_error("event " + std::to_string(line + 1) + ": " + std::string{to_string(error)});
        }
        if (page.kind() != ticket_kind::slate) {
            continue;
        }
        credited_feedback row{.unit = (std::uint64_t{page.bucket()} << 22) | page.pseudonym(),
                              .slate = page.key(),
                              .time = static_cast<std::int64_t>(line)};
        if (seen.event == "feedback") {
            row.position = static_cast<std::uint32_t>(seen.position);
            row.team = seen.ranker < max_rankers ? static_cast<std::uint8_t>(seen.ranker) : no_team;
            row.amount = seen.value;
        }
        rows.push_back(row);
    }
    return rows;
}

}  // namespace v0
}  // namespace joust
