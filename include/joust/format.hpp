// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/style.hpp>
#include <joust/core/write.hpp>
#include <joust/report/write.hpp>

#include <fmt/format.h>

#include <string>

/// Print every public value of joust with {fmt}: reports, test results, tickets, verdicts, statuses.
///
/// shape: `{}` in the style that the type chooses (a table for a report, one line for most others), `{:l}` line, `{:t}`
/// table, `{:m}` Markdown, `{:j}` JSON
template <joust::writes_itself T>
struct fmt::formatter<T, char> {
    /// Read the style.
    constexpr auto parse(fmt::format_parse_context& context)
    {
        const auto* at = context.begin();
        if (at == context.end() || *at == '}') {
            return at;
        }
        switch (*at) {
            case 'l': how_ = joust::style::line; break;
            case 't': how_ = joust::style::table; break;
            case 'm': how_ = joust::style::markdown; break;
            case 'j': how_ = joust::style::json; break;
            default: refuse();
        }
        if (++at != context.end() && *at != '}') {
            refuse();
        }
        return at;
    }

    /// Write the value in that style.
    template <class Context>
    auto format(const T& value, Context& context) const
    {
        std::string text;
        joust::writing::dispatch(value, text, how_);
        auto out = context.out();
        for (const char c : text) {
            *out++ = c;
        }
        return out;
    }

private:
    // The function is not constexpr, so that a wrong specification in a literal does not compile.
    [[noreturn]] static void refuse()
    {
        throw fmt::format_error("joust: write {} or one of {:l} line, {:t} table, {:m} Markdown, {:j} JSON");
    }

    joust::style how_ = joust::default_style_of<T>();
};
