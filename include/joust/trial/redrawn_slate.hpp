// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/interleave/draft.hpp>
#include <joust/interleave/shares.hpp>
#include <joust/ticket/ticket.hpp>
#include <joust/trial/fwd.hpp>

namespace joust {
inline namespace v0 {

/// A slate drawn again from its ticket and the rankers' lists.
struct redrawn_slate {
    /// whose item each position is, and whom it credits
    draft slots;
    /// the ticket it was drawn from
    ticket page;
    /// what a click earns each ranker at each position, where the interleaver shares credit
    credit_shares shares;
    /// the ticket is of this trial, and credits these positions to these rankers
    bool agrees = false;
};

}  // namespace v0
}  // namespace joust
