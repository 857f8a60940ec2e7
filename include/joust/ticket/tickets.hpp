// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/clock.hpp>
#include <joust/core/compiler.hpp>
#include <joust/core/error.hpp>
#include <joust/core/policy.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/ticket/seen.hpp>
#include <joust/ticket/signed_ticket.hpp>
#include <joust/ticket/ticket.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// The value of `.expires_after` with which tickets never expire.
inline constexpr std::chrono::seconds no_expiry = std::chrono::seconds::max();

namespace detail {

/// The number of values that one ticket may bring to a metric with `.accumulate`, unless the trial is told another.
inline constexpr std::size_t usual_values_per_ticket = 100;

}  // namespace detail

/// Give out tickets that anyone can read, with a checksum against damage: the default.
///
/// When to use: while tickets stay on your servers, or if clients may know which model served them. Feedback that comes
/// later than `.expires_after` is refused and counted.
/// When not: if clients must not read or make tickets; use signed_tickets.
struct plain_tickets {
    /// How long after the call feedback is accepted.
    std::chrono::seconds expires_after = no_expiry;
    /// How many of the latest tickets with feedback are remembered, so that repeated feedback is refused. units: 47 bytes each
    std::size_t remember = seen_window::default_remembered;
    /// How many values one ticket may bring to a metric with `.accumulate`.
    std::size_t values_per_ticket = detail::usual_values_per_ticket;

    /// Return the ticket itself.
    [[nodiscard]] constexpr const ticket& seal(const ticket& made) const noexcept { return made; }
    /// Check a ticket and return it in `out`.
    [[nodiscard]] constexpr ticket_error open(const ticket& given, ticket& out) const noexcept
    {
        out = given;
        return given.check();
    }
    /// Compare all members.
    bool operator==(const plain_tickets&) const = default;
};

/// Sign and encipher every ticket: `signed_tickets{.keys = secret}`. Calls then give out `signed_ticket`.
///
/// Replicas need the same keys under the same numbers. Server code that has to know the arm asks
/// `trial.arm_of(ticket)`.
/// When to use: as soon as tickets pass through clients. Without the key a ticket can be neither made nor changed, and
/// it tells neither which model served nor whether two tickets are of the same user. Clients still see the answer
/// itself and how long it took.
/// When not: if tickets never leave your servers.
/// cost: `serve` takes 93 ns instead of the 29 of plain_tickets, and feedback by ticket 95 instead of 23; a call without a
/// ticket costs no more
struct signed_tickets {
    /// The keys.
    key_ring keys;
    /// How long after the call feedback is accepted.
    std::chrono::seconds expires_after = no_expiry;
    /// How many of the latest tickets with feedback are remembered, so that repeated feedback is refused. units: 47 bytes each
    std::size_t remember = seen_window::default_remembered;
    /// How many values one ticket may bring to a metric with `.accumulate`.
    std::size_t values_per_ticket = detail::usual_values_per_ticket;

    /// Sign and encipher a ticket.
    [[nodiscard]] signed_ticket seal(const ticket& made) const noexcept { return keys.seal(made); }
    /// Check and decipher a ticket.
    [[nodiscard]] ticket_error open(const signed_ticket& given, ticket& out) const noexcept
    {
        return keys.open(given, out);
    }
    /// Compare all members.
    bool operator==(const signed_tickets&) const = default;
};

/// Turn tickets into what a trial gives out, and back.
/// shape: `seal(ticket) const noexcept -> T`; `open(T, ticket&) const noexcept -> ticket_error`; `expires_after` in
/// seconds
template <class T>
concept ticket_policy =
    requires(const T& t, const ticket& made, ticket& out) {
        { t.seal(made) } noexcept;
        { t.open(t.seal(made), out) } noexcept -> std::same_as<ticket_error>;
        { t.expires_after } -> std::convertible_to<std::chrono::seconds>;
    } &&
    std::is_trivially_copyable_v<
        std::remove_cvref_t<decltype(std::declval<const T&>().seal(std::declval<const ticket&>()))>>;

namespace detail {

struct verb_seal {
    int seal;
};
template <class T>
concept has_seal = derivable<T> && !requires { &both<T, verb_seal>::seal; };

}  // namespace detail

/// The role of tickets: verb `seal(ticket)`, undone by `open(sealed, ticket&)`.
struct ticket_role {
    static constexpr bool repeats = false;
    template <class T>
    static constexpr bool plays = ticket_policy<T>;
    template <class T>
    static constexpr bool resembles = detail::has_seal<T>;
    template <class T>
    static constexpr void near_miss()
    {
        static_assert(
            plays<T>,
            "joust: this has seal(), but a ticket policy is `seal(const joust::ticket&) const noexcept -> T` with `open(const T&, joust::ticket&) const noexcept -> joust::ticket_error` and `expires_after` in seconds");
    }
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>,
                      "joust: two ticket policies are given; signed_tickets takes .expires_after too");
    }
};

namespace detail {

/// The type that a policy gives out for a ticket.
template <class Tickets>
using sealed_by =
    std::remove_cvref_t<decltype(std::declval<const Tickets&>().seal(std::declval<const ticket&>()))>;

/// Do tickets hide their fields? Then tickets outside the trial need numbers of their own, since two of them in one
/// second would otherwise have the same text.
template <class Tickets>
inline constexpr bool hides_tickets = !std::is_same_v<sealed_by<Tickets>, ticket>;

[[nodiscard]] constexpr ignored reason_of(ticket_error error) noexcept
{
    switch (error) {
        case ticket_error::forged: return ignored::forged_ticket;
        case ticket_error::retired: return ignored::retired_key;
        default: return ignored::damaged_ticket;
    }
}

/// Say what a text is, if both tickets and units come as text.
enum class text_of : std::uint8_t { ticket, damaged_ticket, unit };

/// Does a text have the number of a trial at the place where tickets have it? A damaged or shortened ticket has it too,
/// and so has one in 16 million other texts.
[[nodiscard]] constexpr bool carries_trial(std::string_view text, std::uint32_t trial) noexcept
{
    // Three bytes of the second word are four characters of their own.
    constexpr std::size_t at = 16;
    constexpr std::size_t size = 4;
    const auto one = ticket::unrecorded({.trial = trial}).text();
    return text.size() >= at + size && text.substr(at, size) == std::string_view{one.data() + at, size};
}

/// Tell the text of a ticket from that of a unit. A damaged signed ticket looks like any other text of its length and
/// alphabet, so that all such texts are taken for tickets.
template <class Tickets>
[[nodiscard]] text_of read_text(std::string_view text, std::uint32_t trial, sealed_by<Tickets>& out) noexcept
{
    using sealed = sealed_by<Tickets>;
    if constexpr (requires {
                      { sealed::parse(text, out) } -> std::same_as<ticket_error>;
                  }) {
        const ticket_error error = sealed::parse(text, out);
        if (error == ticket_error::none) {
            return text_of::ticket;
        }
        const bool damaged = hides_tickets<Tickets>
                                 ? error != ticket_error::length && error != ticket_error::alphabet
                                 : carries_trial(text, trial);
        return damaged ? text_of::damaged_ticket : text_of::unit;
    } else {
        return text_of::unit;
    }
}

/// Is a ticket too old? A ticket from the future, by a clock that is ahead, is not.
template <class Tickets>
[[nodiscard]] bool expired(const Tickets& tickets, const ticket& receipt) noexcept
{
    const std::chrono::seconds limit = tickets.expires_after;
    return limit != no_expiry && static_cast<std::int64_t>(wall_milliseconds() / 1'000U) -
                                         static_cast<std::int64_t>(receipt.seconds()) >
                                     limit.count();
}

/// Return how many of the latest tickets a policy wants to be remembered.
template <class Tickets>
[[nodiscard]] std::size_t remembered_by(const Tickets& tickets) noexcept
{
    if constexpr (requires {
                      { tickets.remember } -> std::convertible_to<std::size_t>;
                  }) {
        return tickets.remember;
    } else {
        return seen_window::default_remembered;
    }
}

/// Return how many values of an accumulating metric a policy takes from one ticket.
template <class Tickets>
[[nodiscard]] std::size_t values_taken_by(const Tickets& tickets) noexcept
{
    if constexpr (requires {
                      { tickets.values_per_ticket } -> std::convertible_to<std::size_t>;
                  }) {
        return tickets.values_per_ticket;
    } else {
        return usual_values_per_ticket;
    }
}

/// Refuse limits that would accept no feedback, or remember no ticket.
template <class Tickets>
void check_expiry(const Tickets& tickets)
{
    constexpr std::size_t most = std::size_t{1} << 26;
    if (const std::size_t n = remembered_by(tickets); n == 0 || n > most) {
        throw configuration_error("tickets.remember", std::to_string(n), "1 to 67108864 tickets");
    }
    if (values_taken_by(tickets) == 0) {
        throw configuration_error("tickets.values_per_ticket", "0", "at least 1");
    }
    const std::chrono::seconds limit = tickets.expires_after;
    if (!(limit.count() > 0)) {
        throw configuration_error("expires_after", std::to_string(limit.count()) + " s", "at least 1 s");
    }
}

/// Accept a ticket if it is of this trial, whole, genuine and in time. Otherwise count what is wrong.
template <class Tickets, class Live>
[[nodiscard]] JOUST_ALWAYS_INLINE inline bool admit(const Tickets& tickets, const sealed_by<Tickets>& given,
                                                    std::uint32_t trial, Live& live, ticket& out) noexcept
{
    const ticket_error error = tickets.open(given, out);
    if (error != ticket_error::none) [[unlikely]] {
        live.ignore(reason_of(error));
        return false;
    }
    if (out.trial() != trial) [[unlikely]] {
        live.ignore(ignored::foreign_ticket);
        return false;
    }
    if (expired(tickets, out)) [[unlikely]] {
        live.ignore(ignored::late_ticket);
        return false;
    }
    return true;
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
