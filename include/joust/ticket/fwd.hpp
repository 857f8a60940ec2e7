// SPDX-License-Identifier: Apache-2.0
#pragma once

// Declares the public types of joust/ticket/ without defining them, for headers that only name them.

#include <cstdint>

namespace joust {
inline namespace v0 {

class signed_ticket;
class any_ticket;
enum class ticket_kind : std::uint8_t;
struct ticket;
enum class ticket_error : std::uint8_t;
struct plain_tickets;
struct signed_tickets;

}  // namespace v0
}  // namespace joust
