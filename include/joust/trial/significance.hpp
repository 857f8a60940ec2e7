// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/policy.hpp>

#include <type_traits>

namespace joust {
inline namespace v0 {

/// The error rate of a gate, which is the probability that it passes a challenger that is worse than a margin allows.
struct significance {
    /// The error rate, above 0 and below 0.5.
    double alpha = 0.05;
    bool operator==(const significance&) const = default;
};

/// The role of a gate's error rate: `significance{.alpha = 0.01}`.
struct significance_role : detail::sole_role {
    template <class T>
    static constexpr bool plays = std::is_same_v<T, significance>;
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>, "joust: a gate has one error rate");
    }
};

}  // namespace v0
}  // namespace joust
