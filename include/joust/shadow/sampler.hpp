// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/policy.hpp>
#include <joust/core/text.hpp>

#include <concepts>
#include <cstdint>

namespace joust {
inline namespace v0 {

/// A type that says whether the requests of a unit are shadowed.
///
/// shape: `sample(unit_hash) const noexcept -> bool`
template <class T>
concept sampler = requires(const T& policy, std::uint64_t unit) {
    { policy.sample(unit) } noexcept -> std::same_as<bool>;
};

namespace detail {

struct verb_sample {
    int sample;
};
template <class T>
concept has_sample = derivable<T> && !requires { &both<T, verb_sample>::sample; };

}  // namespace detail

/// The role of the sampler. Its verb is `sample(unit_hash) const noexcept -> bool`.
struct sampler_role {
    static constexpr bool repeats = false;
    template <class T>
    static constexpr bool plays = sampler<T>;
    template <class T>
    static constexpr bool resembles = detail::has_sample<T>;
    template <class T>
    static constexpr void near_miss()
    {
        static_assert(
            plays<T>,
            "joust: this has sample(), but a sampler is `bool sample(std::uint64_t unit) const noexcept`");
    }
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>,
                      "joust: two samplers are given; say once which requests are shadowed");
    }
};

/// Shadow every request. This is the default sampler.
struct all_requests {
    /// Return true for every unit.
    [[nodiscard]] constexpr bool sample(std::uint64_t) const noexcept { return true; }
    bool operator==(const all_requests&) const = default;
};

/// Shadow a share of the units.
///
/// The answer is a pure function of the unit's hash. So all requests of a unit are shadowed or none of them, and its
/// requests can be compared over time. A higher rate keeps every unit that a lower rate had. The hash is mixed again with
/// a constant of the sampler's own, so being sampled says nothing about the arm that a splitter gives the unit. Without a
/// unit key, each request is a unit of its own.
/// When to use: where the challenger is too expensive to run beside every request, or to bound the load that it brings.
/// errors: configuration_error from `validate` (trials call it) unless 0 <= rate <= 1
/// cost: 2 ns
struct sampled {
    /// The share of units that are shadowed, from 0 to 1.
    double rate = 1.0;

    /// Say whether the requests of a unit are shadowed. shape: `unit` is a 64-bit hash
    [[nodiscard]] constexpr bool sample(std::uint64_t unit) const noexcept
    {
        constexpr std::uint64_t own_salt =
            0x8f3a'51c2'6e0d'b497;  // An arbitrary constant, which never changes.
        constexpr double unit_interval = 0x1p-53;
        return static_cast<double>(mix64(unit ^ own_salt) >> 11) * unit_interval < rate;
    }

    /// Refuse a rate outside [0, 1].
    void validate() const
    {
        if (!(rate >= 0.0 && rate <= 1.0)) {
            throw configuration_error("sampled.rate", to_text(rate), "a share of units from 0 to 1");
        }
    }

    bool operator==(const sampled&) const = default;
};

}  // namespace v0
}  // namespace joust
