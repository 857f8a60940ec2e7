// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace joust {
inline namespace v0 {

/// Choose how a public value writes itself: `void write(std::string& out, style how) const`.
enum class style {
    /// One line of plain text, `{}` or `{:l}`.
    line,
    /// An aligned table for a terminal, `{:t}`.
    table,
    /// A Markdown table, `{:m}`.
    markdown,
    /// One JSON value, `{:j}`.
    json
};

}  // namespace v0
}  // namespace joust
