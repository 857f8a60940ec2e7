// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/random.hpp>
#include <joust/interleave/coins.hpp>

#include <cstdint>

namespace joust {
inline namespace v0 {
namespace detail {

/// Toss a coin only where one is wanted. A coin that is not wanted shows false.
///
/// A processor cannot predict whether a coin is wanted. So the specialisation for keyed_random reads coins ahead and does not
/// branch.
template <coin_source Coins>
class coin_tape {
public:
    explicit coin_tape(Coins& coins) noexcept : coins_(coins) {}

    [[nodiscard]] bool next_if(bool wanted) { return wanted && coins_.coin(); }

private:
    Coins& coins_;
};

/// At most 64 coins in a word. `used()` says how many of them were wanted.
class word_tape {
public:
    explicit word_tape(std::uint64_t bits) noexcept : bits_(bits) {}

    [[nodiscard]] bool next_if(bool wanted) noexcept
    {
        const bool heads = (bits_ & std::uint64_t{wanted}) != 0;
        bits_ >>= unsigned{wanted};
        used_ += unsigned{wanted};
        return heads;
    }
    [[nodiscard]] unsigned used() const noexcept { return used_; }

private:
    std::uint64_t bits_;
    unsigned used_ = 0;
};

/// Any number of coins of a keyed stream. The destructor advances the stream by the coins that were wanted.
template <>
class coin_tape<keyed_random> {
public:
    explicit coin_tape(keyed_random& coins) noexcept : coins_(coins), ahead_(coins), word_(ahead_.bits()) {}
    coin_tape(const coin_tape&) = delete;
    coin_tape& operator=(const coin_tape&) = delete;
    ~coin_tape() { ahead_.take(coins_, word_.used()); }

    [[nodiscard]] bool next_if(bool wanted) noexcept
    {
        if (word_.used() == 64) [[unlikely]] {
            ahead_.take(coins_, 64);
            ahead_ = coins_ahead{coins_};
            word_ = word_tape{ahead_.bits()};
        }
        return word_.next_if(wanted);
    }

private:
    keyed_random& coins_;
    coins_ahead ahead_;
    word_tape word_;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
