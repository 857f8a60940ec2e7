#pragma once

namespace joust {
inline namespace v0 {

/// How a public value writes itself: `void write(std::string& out, style how) const`.
enum class style {
    line,      ///< one line of plain text, `{}`
    table,     ///< an aligned table for a terminal, `{:t}`
    markdown,  ///< a Markdown table, `{:m}`
    json       ///< one JSON value, `{:j}`
};

}  // namespace v0
}  // namespace joust
