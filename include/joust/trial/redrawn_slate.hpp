// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/interleave/draft.hpp>
#include <joust/interleave/shares.hpp>
#include <joust/ticket/ticket.hpp>
#include <joust/trial/fwd.hpp>

namespace joust {
inline namespace v0 {

/// A slate that was drawn again from its ticket and the rankers' lists.
struct redrawn_slate {
    /// The ranker whose item each position shows, and the ranker that the position credits.
    draft slots;
    /// The ticket that the slate was drawn from.
    ticket page;
    /// The credit that a click at each position gives each ranker, where the interleaver shares credit.
    credit_shares shares;
    /// Whether the ticket belongs to this trial and credits these positions to these rankers.
    bool agrees = false;
};

}  // namespace v0
}  // namespace joust
