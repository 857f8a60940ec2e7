// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/unit_id.hpp>

#include <cstdint>
#include <type_traits>

namespace joust {
inline namespace v0 {

/// The policy whose callable threw, so that a splitter could not decide.
enum class thrower : std::uint8_t {
    /// None did.
    nothing,
    /// The predicate of `when`.
    when,
    /// The projection of `assigned_by`.
    assigned_by
};

/// The decision of a splitter for one unit.
struct assignment {
    /// The index of the model that serves the unit; 0 is the champion.
    unsigned arm = 0;
    /// The probability with which this arm was chosen, above 0 and at most 1.
    double propensity = 1.0;
    /// Whether the unit takes part in the trial. A unit that is not enrolled is served by `arm` and never recorded.
    bool enrolled = true;
    /// What threw, so that the champion serves the unit outside the trial. The trial counts it.
    thrower threw = thrower::nothing;
    /// Compare the decisions, whatever led to them.
    constexpr bool operator==(const assignment& other) const noexcept
    {
        return arm == other.arm && propensity == other.propensity && enrolled == other.enrolled;
    }
};

/// What a splitter may look at. Trials pass the derived keyed_context.
template <class Args>
struct context {
    /// The salted hash of the unit, uniform over all 64-bit numbers.
    std::uint64_t unit = 0;
    /// The time by the trial's clock, or by the wall clock since 1970-01-01 UTC where the trial has no clock. It is 0 unless
    /// the splitter declares that it reads the time (`static constexpr bool reads_time = true`). units: nanoseconds
    std::int64_t now = 0;
    /// The arguments of the call.
    const Args& args;
};

/// What a splitter may look at, with the unit itself for splitters that hash it with a salt of their own.
template <class Args, class Unit>
struct keyed_context : context<Args> {
    /// The unit. A number is copied, so that compilers see that a second hash has the same digits.
    std::conditional_t<detail::number_like<Unit>, const Unit, const Unit&> key;

    /// Hash the unit with another salt.
    [[nodiscard]] std::uint64_t under(const salted_hasher& other) const noexcept { return other(key); }
};

}  // namespace v0
}  // namespace joust
