#pragma once

#include <joust/core/unit_id.hpp>

#include <cstdint>
#include <type_traits>

namespace joust {
inline namespace v0 {

/// What a splitter decides for one unit.
struct assignment {
    /// index of the model that serves; 0 is the champion
    unsigned arm = 0;
    /// probability with which this arm was chosen; in (0, 1]
    double propensity = 1.0;
    /// false: served by `arm`, but no part of the trial and never recorded
    bool enrolled = true;
    bool operator==(const assignment&) const = default;
};

/// What a splitter may look at; trials pass the derived keyed_context.
template <class Args>
struct context {
    /// salted hash of the unit, uniform over all 64-bit numbers
    std::uint64_t unit = 0;
    /// The trial's clock; the wall clock, since 1970-01-01 UTC, where the trial was given none. 0 where the splitter does
    /// not read it (`static constexpr bool reads_time = true`). units: nanoseconds
    std::int64_t now = 0;
    /// the arguments of the call
    const Args& args;
};

/// What a splitter may look at, the unit itself included, for those that hash it under a salt of their own.
template <class Args, class Unit>
struct keyed_context : context<Args> {
    /// Numbers are copied, so that a second hash can be seen to have the same digits.
    std::conditional_t<detail::number_like<Unit>, const Unit, const Unit&> key;

    /// Hash the unit behind another salt.
    [[nodiscard]] std::uint64_t under(const salted_hasher& other) const noexcept { return other(key); }
};

}  // namespace v0
}  // namespace joust
