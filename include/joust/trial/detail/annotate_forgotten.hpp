// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/text.hpp>
#include <joust/core/text_list.hpp>
#include <joust/report/report.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace joust {
inline namespace v0 {
namespace detail {

/// Note that tickets were forgotten, so that feedback which is repeated for them counts again.
void annotate_forgotten(report& out, std::uint64_t forgotten, std::size_t remembered);

}  // namespace detail

#if JOUST_BODIES

namespace detail {

JOUST_FUNCTION void annotate_forgotten(report& out, std::uint64_t forgotten, std::size_t remembered)
{
    if (forgotten == 0) {
        return;
    }
    std::string note = "Feedback came for more tickets than are remembered (the latest ";
    append_count(note, remembered);
    note += "): ";
    append_count(note, forgotten);
    note +=
        " were forgotten, and feedback that is repeated for them counts again. The option .remember of plain_tickets and signed_tickets sets the number.";
    add_text(out.notes, note);
}

}  // namespace detail

#endif

}  // namespace v0
}  // namespace joust
