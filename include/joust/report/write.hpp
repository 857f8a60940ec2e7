// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/write.hpp>
#include <joust/report/json.hpp>
#include <joust/report/markdown.hpp>
#include <joust/report/report.hpp>
#include <joust/report/test_result.hpp>
#include <joust/report/text.hpp>

#include <cstdint>
#include <string>

namespace joust {
inline namespace v0 {

/// Append a report in one of the styles, without the numbers of groups with fewer than `min_units` units.
void write(const report& shown, std::string& out, style how, std::uint64_t min_units);

/// Append the name of a verdict.
void write(verdict decision, std::string& out, style how);

/// Append the name of a status.
void write(status state, std::string& out, style how);

#if JOUST_BODIES

JOUST_FUNCTION void write(const report& shown, std::string& out, style how, std::uint64_t min_units)
{
    switch (how) {
        case style::line: write_line(shown, out); return;
        case style::table: write_text(shown, out, min_units); return;
        case style::markdown: write_markdown(shown, out, min_units); return;
        case style::json: write_json(shown, out, min_units); return;
    }
}

JOUST_FUNCTION void write(verdict decision, std::string& out, style how)
{
    write_name(to_string(decision), out, how);
}

JOUST_FUNCTION void write(status state, std::string& out, style how)
{
    write_name(to_string(state), out, how);
}

JOUST_FUNCTION void report::write(std::string& out, style how) const
{
    v0::write(*this, out, how, default_min_units);
}

#endif

}  // namespace v0
}  // namespace joust
