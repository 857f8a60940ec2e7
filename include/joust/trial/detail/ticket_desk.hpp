// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/clock.hpp>
#include <joust/core/compiler.hpp>
#include <joust/ticket/ticket.hpp>
#include <joust/ticket/tickets.hpp>

#include <cstdint>
#include <string_view>
#include <utility>

namespace joust {
inline namespace v0 {
namespace detail {

/// The time that tickets carry.
/// units: seconds since 1970-01-01 UTC
[[nodiscard]] inline std::uint32_t seconds_now() noexcept
{
    return static_cast<std::uint32_t>(wall_milliseconds() / 1'000U);
}

/// Gives out the tickets of one trial, as its policy says, and takes them back.
template <class Tickets>
class ticket_desk {
public:
    using sealed = sealed_by<Tickets>;

    /// errors: configuration_error where tickets would expire at once
    ticket_desk(Tickets tickets, std::uint32_t trial) : tickets_(std::move(tickets)), trial_(trial)
    {
        check_expiry(tickets_);
    }

    /// The trial's number, which all of its tickets carry.
    [[nodiscard]] std::uint32_t trial() const noexcept { return trial_; }

    // A ticket that is given out as it is stays where it is.
    [[nodiscard]] decltype(auto) seal(const ticket& made) const noexcept { return tickets_.seal(made); }

    /// Read a ticket of any trial.
    [[nodiscard]] ticket_error open(const sealed& given, ticket& out) const noexcept
    {
        return tickets_.open(given, out);
    }

    /// Tell a ticket's text from that of a unit, and read the ticket.
    [[nodiscard]] text_of read(std::string_view text, sealed& out) const noexcept
    {
        return read_text<Tickets>(text, trial_, out);
    }

    /// Is a text a ticket of this trial's making, whole and genuine?
    [[nodiscard]] bool gave_out(std::string_view text) const noexcept
    {
        sealed given;
        ticket receipt;
        return read(text, given) == text_of::ticket && open(given, receipt) == ticket_error::none &&
               receipt.trial() == trial_;
    }

    /// Take a ticket of this trial back, or let `counts.ignore(reason)` count why it cannot be used.
    template <class Counts>
    [[nodiscard]] JOUST_ALWAYS_INLINE bool admit(const sealed& given, Counts& counts,
                                                 ticket& out) const noexcept
    {
        return detail::admit(tickets_, given, trial_, counts, out);
    }

    /// The ticket of a request that was served and not recorded. `slabs` numbers it, where tickets hide what they hold.
    template <class Slabs>
    [[nodiscard]] sealed unrecorded(Slabs& slabs) const noexcept
    {
        return seal(
            ticket::unrecorded({.trial = trial_,
                                .seconds = seconds_now(),
                                .nonce = hides_tickets<Tickets> ? slabs.of_this_thread().next_call() : 0}));
    }

private:
    [[no_unique_address]] Tickets tickets_;
    std::uint32_t trial_;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
