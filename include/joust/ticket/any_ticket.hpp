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

/// Hold a plain or a signed ticket, for code that does not know which of them a trial gives out.
///
/// shape: a value made from a `ticket`, a `signed_ticket` or the text of either; what `any_trial` gives out and takes
class any_ticket {
public:
    any_ticket() = default;
    // NOLINTBEGIN(google-explicit-constructor): either ticket stands where any is taken
    any_ticket(const ticket& given) noexcept : plain_(given) {}
    any_ticket(const signed_ticket& given) noexcept : sealed_(given), signed_(true) {}
    // NOLINTEND(google-explicit-constructor)

    /// Is it a signed ticket?
    [[nodiscard]] bool is_signed() const noexcept { return signed_; }

    /// The plain ticket, or null where it is a signed one.
    [[nodiscard]] const ticket* plain() const noexcept { return signed_ ? nullptr : &plain_; }

    /// The signed ticket, or null where it is a plain one.
    [[nodiscard]] const signed_ticket* sealed() const noexcept { return signed_ ? &sealed_ : nullptr; }

    /// Write the ticket as text that survives a URL. The trial that gave it out reads the text back.
    [[nodiscard]] std::string to_string() const { return signed_ ? sealed_.to_string() : plain_.to_string(); }

    /// Write the ticket's text. cost: as to_string
    void write(std::string& out, style how) const { write_name(to_string(), out, how); }

    bool operator==(const any_ticket&) const = default;

private:
    ticket plain_;
    signed_ticket sealed_;
    bool signed_ = false;
};

}  // namespace v0
}  // namespace joust
