// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/clock.hpp>
#include <joust/core/compiler.hpp>
#include <joust/core/entropy.hpp>
#include <joust/ticket/ticket.hpp>
#include <joust/ticket/tickets.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace joust {
inline namespace v0 {
namespace detail {

/// Return the time that tickets carry.
/// units: seconds since 1970-01-01 UTC
[[nodiscard]] inline std::uint32_t seconds_now() noexcept
{
    return static_cast<std::uint32_t>(wall_milliseconds() / 1'000U);
}

/// Makes the tickets of one trial by its ticket policy, and checks the tickets that come back.
template <class Tickets>
class ticket_desk {
public:
    using sealed = sealed_by<Tickets>;

    /// errors: configuration_error where tickets would expire at once
    ticket_desk(Tickets tickets, std::uint32_t trial) : tickets_(std::move(tickets)), trial_(trial)
    {
        check_expiry(tickets_);
    }

    /// Return the trial's number, which all of its tickets carry.
    [[nodiscard]] std::uint32_t trial() const noexcept { return trial_; }

    /// Return how many of the latest tickets are remembered.
    [[nodiscard]] std::size_t remembered() const noexcept { return remembered_by(tickets_); }
    /// Return how many values of an accumulating metric one ticket may bring.
    [[nodiscard]] std::size_t values_per_ticket() const noexcept { return values_taken_by(tickets_); }

    // A ticket that needs no seal is returned by reference.
    [[nodiscard]] decltype(auto) seal(const ticket& made) const noexcept { return tickets_.seal(made); }

    /// Read a ticket of any trial.
    [[nodiscard]] ticket_error open(const sealed& given, ticket& out) const noexcept
    {
        return tickets_.open(given, out);
    }

    /// Tell the text of a ticket from the text of a unit, and read the ticket.
    [[nodiscard]] text_of read(std::string_view text, sealed& out) const noexcept
    {
        return read_text<Tickets>(text, trial_, out);
    }

    /// Return whether a text is a complete and genuine ticket of this trial.
    [[nodiscard]] bool gave_out(std::string_view text) const noexcept
    {
        sealed given;
        ticket receipt;
        return read(text, given) == text_of::ticket && open(given, receipt) == ticket_error::none &&
               receipt.trial() == trial_;
    }

    /// Check a ticket that came back, and let `counts.ignore(reason)` count why it cannot be used.
    template <class Counts>
    [[nodiscard]] JOUST_ALWAYS_INLINE bool admit(const sealed& given, Counts& counts,
                                                 ticket& out) const noexcept
    {
        return detail::admit(tickets_, given, trial_, counts, out);
    }

    /// Return the ticket of a request that was served and not recorded. Where tickets hide their contents, `slabs`
    /// numbers it.
    template <class Slabs>
    [[nodiscard]] sealed unrecorded(Slabs& slabs) const noexcept
    {
        return seal(ticket::unrecorded(
            {.trial = trial_,
             .seconds = seconds_now(),
             .nonce = hides_tickets<Tickets> ? ticket_nonce(slabs.of_this_thread().next_call()) : 0}));
    }

private:
    [[no_unique_address]] Tickets tickets_;
    std::uint32_t trial_;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
