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

/// Turn the log of an interleaving trial (`record_to(log)`, read by `read_events`) into rows for `attribute`: credited feedback,
/// and a row that credits nobody for each slate that was served, so that units without a click are ties.
///
/// Rows stand in the order of the log: their time is the number of the line, since an event carries the time its slate was
/// served and not the time of the click. Units are the upper halves of pseudonyms, which is all that a slate's ticket has.
/// errors: parse_error for a slate whose ticket cannot be read. Events of other trials than interleaving are left out.
[[nodiscard]] inline std::vector<credited_feedback> credited_log(std::span<const logged_event> events)
{
    std::vector<credited_feedback> rows;
    for (std::size_t line = 0; line < events.size(); ++line) {
        const logged_event& seen = events[line];
        if (seen.unit.size() != 8) {
            continue;  // no slate
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
