// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/json.hpp>
#include <joust/core/style.hpp>

#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Append a name that is the whole value: quoted in JSON, plain in the other styles.
inline void write_name(std::string_view name, std::string& out, style how)
{
    if (how == style::json) {
        append_json_string(out, name);
    } else {
        out += name;
    }
}

/// How values write themselves, by a member or by a free function.
namespace writing {

/// Hide joust::write from ordinary lookup below, so that only argument-dependent lookup finds a write().
void write() = delete;

/// Accept types with a member `write(out, how)`.
template <class T>
concept by_member = requires(const T& value, std::string& out, style how) { value.write(out, how); };

/// Accept types with a free function `write(value, out, how)` in their namespace.
template <class T>
concept by_function = requires(const T& value, std::string& out, style how) { write(value, out, how); };

/// Write a value by its member if it has one, and otherwise by the free function in its namespace.
template <class T>
    requires by_member<T> || by_function<T>
void dispatch(const T& value, std::string& out, style how)
{
    if constexpr (by_member<T>) {
        value.write(out, how);
    } else {
        write(value, out, how);
    }
}

}  // namespace writing

/// Accept values that can write themselves: `value.write(out, how)`, or `write(value, out, how)` in their own
/// namespace.
template <class T>
concept writes_itself = writing::by_member<T> || writing::by_function<T>;

/// Return the style of `{}`: one line, unless the type has a member `default_style`.
template <class T>
[[nodiscard]] constexpr style default_style_of() noexcept
{
    if constexpr (requires { style{T::default_style}; }) {
        return T::default_style;
    } else {
        return style::line;
    }
}

/// Write a value into a new string: `joust::to_text(trial.report())`.
template <writes_itself T>
[[nodiscard]] std::string to_text(const T& value, style how = default_style_of<T>())
{
    std::string out;
    writing::dispatch(value, out, how);
    return out;
}

}  // namespace v0
}  // namespace joust
