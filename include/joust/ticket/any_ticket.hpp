// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/style.hpp>
#include <joust/ticket/signed_ticket.hpp>
#include <joust/ticket/ticket.hpp>

#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Hold a plain or a signed ticket, for code that does not know which of them a trial gives out. `any_trial` uses it.
///
/// shape: a value made from a `ticket` or a `signed_ticket`
class any_ticket {
public:
    /// Hold an empty plain ticket.
    any_ticket() = default;
    // NOLINTBEGIN(google-explicit-constructor): functions that take an any_ticket accept both kinds
    /// Hold a plain ticket.
    any_ticket(const ticket& given) noexcept : plain_(given) {}
    /// Hold a signed ticket.
    any_ticket(const signed_ticket& given) noexcept : sealed_(given), signed_(true) {}
    // NOLINTEND(google-explicit-constructor)

    /// Say whether the ticket is signed.
    [[nodiscard]] bool is_signed() const noexcept { return signed_; }

    /// Return the plain ticket, or null if the ticket is signed.
    [[nodiscard]] const ticket* plain() const noexcept { return signed_ ? nullptr : &plain_; }

    /// Return the signed ticket, or null if the ticket is plain.
    [[nodiscard]] const signed_ticket* sealed() const noexcept { return signed_ ? &sealed_ : nullptr; }

    /// Write the ticket as text that survives a URL. The trial that gave it out reads the text back.
    [[nodiscard]] std::string to_string() const { return signed_ ? sealed_.to_string() : plain_.to_string(); }

    /// Write the text of the ticket. cost: as to_string
    void write(std::string& out, style how) const { write_name(to_string(), out, how); }

    /// Compare all members.
    bool operator==(const any_ticket&) const = default;

private:
    ticket plain_;
    signed_ticket sealed_;
    bool signed_ = false;
};

}  // namespace v0
}  // namespace joust
