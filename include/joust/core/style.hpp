// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace joust {
inline namespace v0 {

/// How a public value writes itself: `void write(std::string& out, style how) const`.
enum class style {
    /// one line of plain text, `{}`
    line,
    /// an aligned table for a terminal, `{:t}`
    table,
    /// a Markdown table, `{:m}`
    markdown,
    /// one JSON value, `{:j}`
    json
};

}  // namespace v0
}  // namespace joust
