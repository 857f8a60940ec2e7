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

/// A type that says on which requests the champion runs a second time.
///
/// shape: `run_twice(draw) const noexcept -> bool`, where draw is a 64-bit number of the request
template <class T>
concept noise_policy = requires(const T& policy, std::uint64_t draw) {
    { policy.run_twice(draw) } noexcept -> std::same_as<bool>;
};

/// The role of what measures the champion's noise. Its verb is `run_twice(draw) const noexcept -> bool`.
struct noise_role : detail::sole_role {
    template <class T>
    static constexpr bool plays = noise_policy<T>;
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(
            detail::always_false<T>,
            "joust: measure_noise is given twice; say once how often the champion runs a second time");
    }
};

/// Never run the champion twice. This is the default: its noise is then not measured, and the report says so.
struct no_second_run {
    /// Return false for every request.
    [[nodiscard]] constexpr bool run_twice(std::uint64_t) const noexcept { return false; }
    bool operator==(const no_second_run&) const = default;
};

/// Run the champion a second time on a share of the shadowed requests, to see how often it disagrees with itself.
///
/// A champion that samples, reads a clock or depends on the order of additions does not give the same answer twice. A challenger
/// that is identical to it then disagrees as often, and only what goes beyond that is a difference of models. The second run takes
/// place beside the call, before or after the challenger by a coin, with a copy of the arguments of its own. The report shows
/// how often the champion disagreed with itself, and the excess of the challenger's disagreement with a confidence sequence: among
/// requests on which only one of both differed from the answer that was served, each is as likely as the other if the models are
/// equal, so that the test is that of a fair coin, and exact.
/// When to use: models that answer differently each time, before anything is concluded from agreement.
/// When not: a champion with side effects, which would happen twice, or one that may not run on several threads.
/// assumes: the champion may be called by several threads at once, and its answers to one request depend on nothing that changes
///     between both runs.
/// errors: configuration_error from `validate` (trials call it) unless 0 < rate <= 1
/// cost: for a repeated request one more copy of the arguments, and a call of the champion beside the caller
struct measure_noise {
    /// The share of shadowed requests on which the champion runs twice.
    double rate = 0.1;

    /// Say whether the champion runs twice. shape: `draw` is a 64-bit number of the request
    [[nodiscard]] constexpr bool run_twice(std::uint64_t draw) const noexcept
    {
        constexpr std::uint64_t own_salt = 0x2d5c'90e1'73ab'f846;  // An arbitrary constant.
        constexpr double unit_interval = 0x1p-53;
        return static_cast<double>(mix64(draw ^ own_salt) >> 11) * unit_interval < rate;
    }

    /// Refuse a rate that measures nothing, or that is no share.
    void validate() const
    {
        if (!(rate > 0.0 && rate <= 1.0)) {
            throw configuration_error("measure_noise.rate", to_text(rate),
                                      "a share of requests above 0, and at most 1");
        }
    }

    bool operator==(const measure_noise&) const = default;
};

}  // namespace v0
}  // namespace joust
