// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/ticket/ticket.hpp>
#include <joust/trial/fwd.hpp>

#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// A prediction with the ticket that later feedback comes back with.
template <class Result, class Ticket>
struct served {
    Result prediction;
    Ticket ticket;
};
template <class Ticket>
struct served<void, Ticket> {
    Ticket ticket;
};

namespace detail {

/// Call what serves a request and fills in its ticket, and return both.
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
