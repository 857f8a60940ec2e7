// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/hash.hpp>
#include <joust/evidence/slab.hpp>
#include <joust/interleave/draft.hpp>
#include <joust/interleave/teams.hpp>
#include <joust/ticket/ticket.hpp>

#include <cstddef>
#include <cstdint>

// The contents of a slate's ticket, and the coins that follow from them, so that a slate can be drawn again from its
// ticket.

namespace joust {
inline namespace v0 {
namespace detail {

/// The number of positions of a slate that a ticket can credit.
inline constexpr std::size_t credited_positions = 32;

/// The unit, the time and the number of a request that a slate answers.
struct slate_request {
    std::uint64_t pseudonym = 0;
    std::uint32_t seconds = 0;
    std::uint32_t number = 0;
};

[[nodiscard]] inline unsigned ticket_length(const draft& out) noexcept
{
    return static_cast<unsigned>(out.size() < 63 ? out.size() : 63);
}

/// Return the ticket of a page, or of a slate that is not drawn yet.
[[nodiscard]] inline ticket ticket_of(const slate_request& now, const draft& out, std::uint32_t trial,
                                      unsigned rankers) noexcept
{
    // A ticket has room for the 22 bits below the bucket.
    return ticket::slate({.teams = slate_teams::of(out, rankers).word(),
                          .trial = trial,
                          .seconds = now.seconds,
                          .bucket = static_cast<unsigned>(bucket_of(now.pseudonym)),
                          .pseudonym = static_cast<std::uint32_t>(now.pseudonym >> 32) & 0x3fffffU,
                          .length = ticket_length(out),
                          .nonce = now.number});
}

/// Return the upper half of the pseudonym. A ticket does not carry the lower half.
[[nodiscard]] constexpr std::uint32_t unit_bits(const ticket& page) noexcept
{
    return (page.bucket() << 22) | page.pseudonym();
}

[[nodiscard]] constexpr std::uint64_t coins_of(std::uint32_t unit, std::uint32_t seconds,
                                               std::uint32_t number) noexcept
{
    return mix64(((std::uint64_t{unit} << 32) | seconds) ^ mix64(number & 0x3fffffU));
}
[[nodiscard]] constexpr std::uint64_t coins_of(const slate_request& now) noexcept
{
    return coins_of(static_cast<std::uint32_t>(now.pseudonym >> 32), now.seconds, now.number);
}
[[nodiscard]] constexpr std::uint64_t coins_of(const ticket& page) noexcept
{
    return coins_of(unit_bits(page), page.seconds(), page.nonce());
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
