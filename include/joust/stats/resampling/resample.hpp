// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/bits.hpp>
#include <joust/core/random.hpp>

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace joust {
inline namespace v0 {
namespace stats {

/// A statistic of one sample.
template <class F>
concept one_sample_statistic = requires(const F& f, std::span<const double> x) {
    { f(x) } -> std::convertible_to<double>;
};

/// A statistic of two samples.
template <class F>
concept two_sample_statistic = requires(const F& f, std::span<const double> x) {
    { f(x, x) } -> std::convertible_to<double>;
};

namespace detail {

// A fast generator that gives the same numbers on every platform: xoshiro256++, whose state is drawn from
// keyed_random. Each replicate has its own stream, so any replicate can be drawn again on its own.
// source: Blackman and Vigna 2021, "Scrambled linear pseudorandom number generators".
class resampler {
public:
    resampler(std::uint64_t seed, std::uint64_t replicate) noexcept
    {
        keyed_random source{seed, replicate};
        for (std::uint64_t& word : state_) {
            word = source.next();
        }
        state_[0] |= 1U;
    }

    std::uint64_t next() noexcept
    {
        const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
        const std::uint64_t shifted = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= shifted;
        state_[3] = std::rotl(state_[3], 45);
        return result;
    }

    // A number from 0 to n - 1, each equally likely. source: Lemire 2019.
    std::uint64_t below(std::uint64_t n) noexcept
    {
        std::uint64_t x = next();
        if (x * n < n) {
            const std::uint64_t threshold = (0 - n) % n;
            while (x * n < threshold) {
                x = next();
            }
        }
        return joust::detail::multiply_high(x, n);
    }

private:
    std::uint64_t state_[4];
};

// Draws `count` numbers below n, each equally likely, several from one random word: the low part of each product
// serves as the next random word. source: Brackett-Rozinsky and Lemire 2024, "Batched ranged random integer
// generation".
template <std::size_t Batch, class Take>
void draw_batches(resampler& random, std::uint64_t n, std::size_t count, Take take) noexcept
{
    std::uint64_t product = 1;
    for (std::size_t i = 0; i < Batch; ++i) {
        product *= n;
    }
    const std::uint64_t threshold = (0 - product) % product;
    std::size_t done = 0;
    for (; done + Batch <= count; done += Batch) {
        std::uint64_t drawn[Batch];
        std::uint64_t rest = 0;
        do {
            rest = random.next();
            for (std::size_t i = 0; i < Batch; ++i) {
                drawn[i] = joust::detail::multiply_high(rest, n);
                rest *= n;
            }
        } while (rest < threshold);
        for (std::size_t i = 0; i < Batch; ++i) {
            take(static_cast<std::size_t>(drawn[i]), i);
        }
    }
    for (; done < count; ++done) {
        take(static_cast<std::size_t>(random.below(n)), 0);
    }
}

// Calls take(index, lane) for `count` draws with replacement among n.
template <class Take>
void draw_indices(resampler& random, std::size_t n, std::size_t count, Take take) noexcept
{
    if (n <= std::size_t{1} << 15) {
        draw_batches<4>(random, n, count, take);
    } else if (n <= std::size_t{1} << 20) {
        draw_batches<3>(random, n, count, take);
    } else if (n <= std::size_t{1} << 30) {
        draw_batches<2>(random, n, count, take);
    } else {
        draw_batches<1>(random, n, count, take);
    }
}

}  // namespace detail
}  // namespace stats
}  // namespace v0
}  // namespace joust
