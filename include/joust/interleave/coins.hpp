// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace joust {
inline namespace v0 {

/// A source of chance for interleavers: `coin()` is a fair bit, and `below(n)` is uniform on 0 to n - 1.
///
/// Trials use a generator that is keyed by seed and request, so that the same request gives the same slate on every platform.
/// Tests use a source that visits every outcome, so that laws are proved and not sampled.
template <class T>
concept coin_source = requires(T& coins, unsigned n) {
    { coins.coin() } -> std::same_as<bool>;
    { coins.below(n) } -> std::integral;
};

/// A coin source that also draws with unequal chances: `pick(weights)` returns index i with a probability in proportion to
/// weights[i]. A source that visits every outcome needs to know the chances.
template <class T>
concept weighted_coin_source = coin_source<T> && requires(T& coins, std::span<const double> weights) {
    { coins.pick(weights) } -> std::integral;
};

namespace detail {

/// Draw a multiple of 2^-53 in [0, 1).
template <coin_source Coins>
[[nodiscard]] double draw_uniform(Coins& coins)
{
    const auto high = static_cast<std::uint64_t>(coins.below(1U << 26));
    const auto low = static_cast<std::uint64_t>(coins.below(1U << 27));
    return static_cast<double>((high << 27) | low) * 0x1p-53;
}

/// Draw an index with a probability in proportion to its weight, where the sum of the weights is known.
/// assumes: no weight is negative and some are positive; a rounding error of the sum moves at most that share of the
///     probability
template <coin_source Coins>
[[nodiscard]] std::size_t draw_weighted(Coins& coins, std::span<const double> weights, double sum)
{
    if constexpr (weighted_coin_source<Coins>) {
        return static_cast<std::size_t>(coins.pick(weights));
    } else {
        double left = draw_uniform(coins) * sum;
        std::size_t last = 0;
        for (std::size_t i = 0; i < weights.size(); ++i) {
            if (!(weights[i] > 0.0)) {
                continue;
            }
            if (left < weights[i]) {
                return i;
            }
            left -= weights[i];
            last = i;
        }
        return last;
    }
}

/// Draw an index with a probability in proportion to its weight.
template <coin_source Coins>
[[nodiscard]] std::size_t draw_weighted(Coins& coins, std::span<const double> weights)
{
    double sum = 0.0;
    for (const double weight : weights) {
        sum += weight;
    }
    return draw_weighted(coins, weights, sum);
}

}  // namespace detail

}  // namespace v0
}  // namespace joust
