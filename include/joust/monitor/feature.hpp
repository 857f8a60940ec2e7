// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/fixed_string.hpp>
#include <joust/core/invoke.hpp>
#include <joust/monitor/bins.hpp>

#include <array>
#include <charconv>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

namespace detail {

// The type says that a value may be missing: an optional, a pointer, anything that is tested and then dereferenced.
template <class T>
concept maybe_missing = !std::is_arithmetic_v<T> && requires(const T& value) {
    static_cast<bool>(value);
    *value;
} && !std::is_convertible_v<const T&, std::string_view>;

template <class T>
[[nodiscard]] std::size_t cell_of(const numeric_bins& bins, const T& value)
{
    if constexpr (maybe_missing<T>) {
        return value ? cell_of(bins, *value) : bins.missing();
    } else {
        static_assert(
            std::is_arithmetic_v<T>,
            "joust: a feature with numeric_bins needs a number (optional and pointer types mean that it may be missing); texts and enumerations go with categories");
        return bins.cell(static_cast<double>(value));
    }
}

template <class T>
[[nodiscard]] std::size_t cell_of(const categories& names, const T& value)
{
    if constexpr (maybe_missing<T>) {
        return value ? cell_of(names, *value) : names.missing();
    } else if constexpr (std::is_pointer_v<T> && std::is_convertible_v<const T&, std::string_view>) {
        return value == nullptr ? names.missing() : names.cell(std::string_view{value});
    } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
        return names.cell(std::string_view{value});
    } else if constexpr (std::is_enum_v<T>) {
        return cell_of(names, static_cast<std::underlying_type_t<T>>(value));
    } else {
        static_assert(
            std::is_integral_v<T>,
            "joust: a feature with categories needs a text, an integer, a flag or an enumeration (optional and pointer types mean that it may be missing); measured numbers go with numeric_bins");
        char text[24];
        const auto end = std::to_chars(text, text + sizeof text, +value).ptr;
        return names.cell({text, static_cast<std::size_t>(end - text)});
    }
}

}  // namespace detail

/// Hold a watched quantity: its name, how it is read from a row, and its fixed cells; made by `feature`.
template <fixed_string Name, class Projection, class Cells>
class watched_feature {
public:
    /// Take how the quantity is read, and its cells.
    watched_feature(Projection projection, Cells cells)
        : projection_(std::move(projection)), cells_(std::move(cells))
    {
    }

    /// Return the name.
    [[nodiscard]] static constexpr std::string_view name() noexcept { return Name.view(); }
    /// Return the cells.
    [[nodiscard]] const Cells& cells() const noexcept { return cells_; }

    /// Return the cell of a row. A projection that takes fewer arguments reads the first one.
    template <class First, class... Rest>
    [[nodiscard]] std::size_t cell(const First& first, const Rest&... rest) const
    {
        if constexpr (std::is_invocable_v<const Projection&, const First&, const Rest&...>) {
            return detail::cell_of(cells_, detail::invoke(projection_, first, rest...));
        } else {
            static_assert(
                std::is_invocable_v<const Projection&, const First&>,
                "joust: this feature's projection cannot read the row that was shown to the monitor");
            return detail::cell_of(cells_, detail::invoke(projection_, first));
        }
    }

private:
    [[no_unique_address]] Projection projection_;
    Cells cells_;
};

/// Watch a quantity of each row: a feature, or the prediction itself.
///
/// shape: `feature<"age">(&Request::age, numeric_bins{18, 30, 50})`,
/// `feature<"country">(&Request::country, categories{"de", "fr"})`,
/// `feature<"score">([](const Request&, double score) { return score; }, numeric_bins{0.2, 0.5, 0.8})`
/// cost: a copy of the names
template <fixed_string Name, class Projection, class Cells>
[[nodiscard]] watched_feature<Name, std::decay_t<Projection>, Cells> feature(Projection&& projection,
                                                                             Cells cells)
{
    return {std::forward<Projection>(projection), std::move(cells)};
}

namespace detail {

template <class T>
inline constexpr bool is_feature = false;
template <fixed_string Name, class Projection, class Cells>
inline constexpr bool is_feature<watched_feature<Name, Projection, Cells>> = true;

template <class T>
[[nodiscard]] auto if_feature(T& policy)
{
    if constexpr (is_feature<T>) {
        return std::tuple<T>{std::move(policy)};
    } else {
        return std::tuple<>{};
    }
}

template <class... Policies>
using features_among = decltype(std::tuple_cat(if_feature(std::declval<Policies&>())...));

template <class Features>
struct feature_names;
template <class... Features>
struct feature_names<std::tuple<Features...>> {
    static constexpr std::array<std::string_view, sizeof...(Features)> list{Features::name()...};
    static constexpr std::size_t find(std::string_view name)
    {
        std::size_t i = 0;
        while (i < list.size() && list[i] != name) {
            ++i;
        }
        return i;
    }
    static constexpr bool unique = [] {
        for (std::size_t i = 0; i < list.size(); ++i) {
            if (find(list[i]) != i) {
                return false;
            }
        }
        return true;
    }();
};

}  // namespace detail

}  // namespace v0
}  // namespace joust
