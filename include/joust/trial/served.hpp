// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/ticket/ticket.hpp>
#include <joust/trial/fwd.hpp>

#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// A prediction and the ticket for feedback that comes later.
template <class Result, class Ticket>
struct served {
    /// The result of the model that served the request.
    Result prediction;
    /// The ticket that feedback on this prediction comes back with.
    Ticket ticket;
};
/// The ticket of a call whose models return nothing.
template <class Ticket>
struct served<void, Ticket> {
    /// The ticket that feedback on this call comes back with.
    Ticket ticket;
};

namespace detail {

/// Call a function that serves a request and fills in its ticket, and return the prediction with the ticket.
template <class Result, class Ticket, class Call>
[[nodiscard]] inline served<Result, Ticket> served_by(Call&& call)
{
    Ticket receipt;
    if constexpr (std::is_void_v<Result>) {
        std::forward<Call>(call)(&receipt);
        return {receipt};
    } else {
        return {std::forward<Call>(call)(&receipt), receipt};
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
