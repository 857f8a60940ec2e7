// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/json.hpp>
#include <joust/core/style.hpp>

#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Append a name as a value writes it that is nothing more: quoted in JSON, plain elsewhere.
inline void write_name(std::string_view name, std::string& out, style how)
{
    if (how == style::json) {
        append_json_string(out, name);
    } else {
        out += name;
    }
}

namespace writing {

// Hides joust::write from plain lookup below, so that only argument-dependent lookup finds a write().
void write() = delete;

template <class T>
concept by_member = requires(const T& value, std::string& out, style how) { value.write(out, how); };

template <class T>
concept by_function = requires(const T& value, std::string& out, style how) { write(value, out, how); };

/// Write a value through its member, or else through the free function beside its type.
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

/// A value that can write itself: `value.write(out, how)`, or `write(value, out, how)` in its own namespace.
template <class T>
concept writes_itself = writing::by_member<T> || writing::by_function<T>;

/// The style of `{}`: one line, unless the type says otherwise by a member `default_style`.
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
