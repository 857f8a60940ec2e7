// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/sole_signature.hpp>
#include <joust/core/unit_id.hpp>
#include <joust/core/unit_key.hpp>

#include <atomic>
#include <concepts>
#include <cstdint>
#include <type_traits>

// The kind of units that a trial has. A unit of another kind would be another unit, so that feedback for it is refused.

namespace joust {
inline namespace v0 {
namespace detail {

enum class unit_kind : std::uint8_t { unknown, text, number, uuid };

template <class Unit>
[[nodiscard]] constexpr unit_kind kind_of_unit() noexcept
{
    if constexpr (text_like<Unit>) {
        return unit_kind::text;
    } else if constexpr (number_like<Unit>) {
        return unit_kind::number;
    } else if constexpr (std::same_as<Unit, uuid>) {
        return unit_kind::uuid;
    } else {
        return unit_kind::unknown;
    }
}

// The type of the units that a key returns, if it is known before the first call: if the key was made by `by` from a
// member or from a callable with one signature, or is a type of the caller with one function `key`.
template <class Key>
struct known_unit : sole_result<void> {};
template <class Projection>
struct known_unit<unit_projection<Projection>> : sole_result<Projection> {};
template <class Key>
    requires requires { &Key::key; }
struct known_unit<Key> : sole_result<decltype(&Key::key)> {};

template <class Key>
inline constexpr unit_kind kind_of_key = kind_of_unit<typename known_unit<Key>::type>();

/// Know the kind of the units of a trial: from the type of its key, or otherwise from the first call that was served.
template <class Key>
class units_kind {
    // Every request is a unit of its own, so that a model may be chosen for units of any kind.
    static constexpr bool any = std::is_same_v<Key, per_request>;
    static constexpr bool known = kind_of_key<Key> != unit_kind::unknown;

public:
    /// Note the kind of a unit that was served.
    template <class Unit>
    void note() const noexcept
    {
        if constexpr (!known && !any) {
            // The value is read before it is written, so that threads share the cache line.
            if (constexpr auto kind = kind_of_unit<Unit>(); learnt_.load(std::memory_order_relaxed) != kind) {
                learnt_.store(kind, std::memory_order_relaxed);
            }
        }
    }

    /// Is a unit of this type of the kind that the trial serves? The answer is yes while the kind is not known.
    template <class Unit>
    [[nodiscard]] bool takes() const noexcept
    {
        if constexpr (any) {
            return true;
        } else if constexpr (known) {
            return kind_of_key<Key> == kind_of_unit<Unit>();
        } else {
            const unit_kind kind = learnt_.load(std::memory_order_relaxed);
            return kind == unit_kind::unknown || kind == kind_of_unit<Unit>();
        }
    }

private:
    struct nothing_to_learn {};
    [[no_unique_address]] mutable std::conditional_t<known || any, nothing_to_learn, std::atomic<unit_kind>>
        learnt_{};
};

/// Check that a value can be a unit of the trial. If it cannot, print the sentence that says why.
template <class Key, class Unit>
constexpr bool check_unit()
{
    constexpr bool unit = unit_like<Unit>;
    constexpr bool alike = kind_of_key<Key> == unit_kind::unknown || kind_of_key<Key> == kind_of_unit<Unit>();
    static_assert(
        !unit || alike,
        "joust: by(...) of this trial gives units of another type than this, which would be another unit: pass the unit as by(...) reads it, text for text, an integer for an integer, a joust::uuid for a joust::uuid; read a ticket's text with ticket_type::from_string(text)");
    return unit && alike;
}

/// Check the same for a unit that a model is chosen for.
template <class Key, class Unit>
constexpr bool check_chosen()
{
    static_assert(
        unit_like<Unit>,
        "joust: choose(unit) takes the unit itself, such as choose(request.user_id): the text, integer, enumerator or joust::uuid that by(...) would give");
    return check_unit<Key, Unit>();
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
