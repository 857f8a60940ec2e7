// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/bits.hpp>
#include <joust/core/compiler.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/unit_id.hpp>
#include <joust/split/assignment.hpp>
#include <joust/split/hash_split.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace joust {
inline namespace v0 {

namespace detail {

// Computes -log2(u / 2^64) with 57 fractional bits. It uses whole numbers only, so that every platform finds the same arm.
class fixed_log2 {
public:
    constexpr fixed_log2() noexcept
    {
        for (std::size_t i = 0; i < parts; ++i) {
            // The reciprocal is 2^72 / (256 + i), rounded down and below 2^64. Squaring gives the binary digits of its
            // logarithm one by one.
            const std::uint64_t d = 256 + i;
            const std::uint64_t most = ~std::uint64_t{0};
            reciprocal_[i] = i == 0 ? most : (((most / d) << 8) | (((most % d) << 8) | 255U) / d);
            std::uint64_t x = reciprocal_[i];  // x lies in [2^63, 2^64).
            std::uint64_t digits = 0;
            for (int bit = 0; bit < 64; ++bit) {
                const std::uint64_t square = multiply_high(x, x);  // x is a number in [1/2, 1).
                const bool below_half = (square >> 63) == 0;
                digits = (digits << 1) | (below_half ? 1U : 0U);
                x = below_half ? (square << 1) | ((x * x) >> 63) : square;
            }
            loss_[i] = digits;
        }
    }

    /// Return -log2(u / 2^64). assumes: u > 0
    [[nodiscard]] constexpr std::uint64_t operator()(std::uint64_t u) const noexcept
    {
        const int zeros = std::countl_zero(u);
        const std::uint64_t m = u << zeros;  // m / 2^63 in [1, 2)
        const std::size_t i = static_cast<std::size_t>((m >> 55) & 255U);
        // m / 2^63 times the reciprocal of its first bits is 1 + t with 0 <= t < 2^-8.
        const std::uint64_t product = multiply_high(m, reciprocal_[i]);
        constexpr std::uint64_t one = std::uint64_t{1} << 63;
        const std::uint64_t t = product > one ? (product - one) << 1 : 0;  // in 64 fractional bits
        // ln(1 + t) = t (1 - t (1/2 - t (1/3 - t (1/4 - t / 5))))
        constexpr std::uint64_t unit = ~std::uint64_t{0};
        std::uint64_t sum = unit / 4 - multiply_high(t, unit / 5);
        sum = unit / 3 - multiply_high(t, sum);
        sum = unit / 2 - multiply_high(t, sum);
        sum = unit - multiply_high(t, sum);
        const std::uint64_t natural = multiply_high(t, sum);
        constexpr std::uint64_t log2_e_below_1 = 0x71547652b82fe177;  // (log2(e) - 1) 2^64
        const std::uint64_t binary = natural + multiply_high(natural, log2_e_below_1);
        // log2(m / 2^63) is a number below 1: the logarithm of the reciprocal's inverse plus that of 1 + t.
        const std::uint64_t log = binary > unit - loss_[i] ? unit : loss_[i] + binary;
        const std::uint64_t whole = static_cast<std::uint64_t>(zeros) << 57;
        return whole + ((std::uint64_t{1} << 57) - (log >> 7));
    }

private:
    static constexpr std::size_t parts = 256;
    std::uint64_t reciprocal_[parts]{};
    std::uint64_t loss_[parts]{};  // -log2 of the reciprocals
};

inline constexpr fixed_log2 minus_log2{};

// A lower bound of -log2(u / 2^64) from the first nine binary digits of u. It mostly suffices to tell whose clock rings first.
class rough_log2 {
public:
    constexpr rough_log2() noexcept
    {
        for (std::uint64_t i = 0; i < parts; ++i) {
            // The logarithm of the largest number with these digits, less a margin that covers all rounding elsewhere.
            const std::uint64_t exact = minus_log2(((parts + i + 1) << 55) - 1);
            least_[i] = (exact > spare ? exact - spare : 0) + (std::uint64_t{1085} << 57);
        }
    }

    /// Return the bound with 57 fractional bits. It holds where the result is below `reach`.
    ///
    /// The digits are taken from a double. To search for the first bit would be slower: on the processors that joust is
    /// compiled for by default, that instruction waits for the old value of its register, and so for the arm before.
    [[nodiscard]] constexpr std::uint64_t operator()(std::uint64_t u) const noexcept
    {
        const auto half =
            std::bit_cast<std::uint64_t>(static_cast<double>(static_cast<std::int64_t>(u >> 1)));
        return least_[(half >> 44) & (parts - 1)] - ((half >> 52) << 57);
    }

    /// Return the most by which the logarithm can exceed the bound.
    [[nodiscard]] constexpr std::uint64_t width() const noexcept
    {
        return (std::uint64_t{1085} << 57) + minus_log2(parts << 55) - least_[0] + spare;
    }

    /// The bound holds below this number. Beyond it the lowest bit would count, which the double lacks.
    static constexpr std::uint64_t reach = std::uint64_t{1} << 62;

private:
    static constexpr std::uint64_t parts = 256;
    static constexpr std::uint64_t spare = std::uint64_t{1} << 34;
    std::uint64_t least_[parts]{};
};

inline constexpr rough_log2 least_minus_log2{};

}  // namespace detail

/// The resolved shares of a rendezvous.
class rendezvous_plan {
public:
    /// Make a clock for each arm that has a share. assumes: shares that rendezvous::resolve has checked
    explicit rendezvous_plan(const share_list& shares) : shares_(shares)
    {
        double least = 1.0;
        for (const double share : shares_) {
            least = share > 0.0 && share < least ? share : least;
        }
        for (unsigned arm = 0; arm < shares_.size(); ++arm) {
            if (shares_[arm] > 0.0) {
                // The largest slowness is 2^63, which the smallest share has.
                const double slowness = least / shares_[arm] * 0x1p63;
                const auto whole = static_cast<std::uint64_t>(slowness);
                // One is added for the part that products are cut off by.
                const std::uint64_t span = detail::multiply_high(detail::least_minus_log2.width(), whole) + 1;
                clocks_[open_++] = {mix64(0x9e3779b97f4a7c15U * (arm + 1)), whole, span, arm};
            }
        }
    }

    /// Return the number of arms.
    [[nodiscard]] std::size_t arms() const noexcept { return shares_.size(); }
    /// Return the planned share of an arm.
    [[nodiscard]] double share(std::size_t arm) const noexcept { return shares_[arm]; }

    /// Find the arm of a salted hash: the one whose exponential clock of rate `share` rings first.
    [[nodiscard]] unsigned arm_of(std::uint64_t unit) const noexcept
    {
        // Find the earliest time at which each clock may ring, and the first of these. Arithmetic replaces branches that
        // could not be predicted.
        std::uint64_t any = 0;
        const auto from = [&](unsigned i) {
            const std::uint64_t least = detail::least_minus_log2(drawn(unit, clocks_[i]));
            any |= least;
            return detail::multiply_high(least, clocks_[i].slowness);
        };
        std::uint64_t first = from(0);
        std::uint64_t second = ~std::uint64_t{0};
        unsigned winner = 0;
        const auto meet = [&](unsigned i) {
            const std::uint64_t next = from(i);
            const std::uint64_t sooner = 0 - static_cast<std::uint64_t>(next < first);
            winner ^= (winner ^ i) & static_cast<unsigned>(sooner);
            const std::uint64_t swap = (next ^ first) & sooner;
            first ^= swap;
            const std::uint64_t later = next ^ swap;
            second = later < second ? later : second;
        };
        if (open_ == 2) [[likely]] {
            meet(1);
        } else {
            for (unsigned i = 1; i < open_; ++i) {
                meet(i);
            }
        }
        // The first clock wins unless a second one may ring before the latest time at which the first may ring.
        const clock& sure = clocks_[winner];
        return second - first > sure.span && any < detail::rough_log2::reach ? sure.arm : exact_arm_of(unit);
    }

    /// Assign the unit of a context.
    template <class Context>
    [[nodiscard]] assignment assign(const Context& call) const noexcept
    {
        const unsigned arm = arm_of(call.unit);
        return {arm, shares_[arm], true};
    }

    bool operator==(const rendezvous_plan&) const = default;

private:
    // The exponential clock of an arm that has a share.
    struct clock {
        std::uint64_t mark = 0;
        std::uint64_t slowness = 0;  // In inverse proportion to the share.
        std::uint64_t span = 0;      // The width of the bounds between which the clock rings.
        unsigned arm = 0;
        bool operator==(const clock&) const = default;
    };

    [[nodiscard]] static std::uint64_t drawn(std::uint64_t unit, const clock& by) noexcept
    {
        return mix64(unit ^ by.mark) | 1U;
    }

    [[nodiscard]] JOUST_NOINLINE unsigned exact_arm_of(std::uint64_t unit) const noexcept
    {
        unsigned winner = 0;
        double soonest = std::numeric_limits<double>::infinity();
        for (unsigned i = 0; i < open_; ++i) {
            // One quotient and one product of doubles, which every platform rounds alike.
            const double inverse = 1.0 / shares_[clocks_[i].arm];
            const double rings = static_cast<double>(static_cast<std::int64_t>(
                                     detail::minus_log2(drawn(unit, clocks_[i])) >> 1)) *
                                 inverse;
            if (rings < soonest) {
                winner = clocks_[i].arm;
                soonest = rings;
            }
        }
        return winner;
    }

    share_list shares_;
    unsigned open_ = 0;
    std::array<clock, max_arms> clocks_{};
};

/// Split units by weighted rendezvous: each arm draws a number from the unit's hash, and the best number for its share wins.
///
/// The assignment follows from salt, unit and shares alone, and a unit leaves an arm only for an arm whose share grew in
/// comparison. Arms are told apart by their number, so add arms at the end, and close an arm by the share 0.
/// When to use: where the shares of several arms change at will and no state may be kept.
/// When not: where slots can be kept. slot_split moves fewer units (here an arm whose share stays can lose units when the sum
/// of the others changes), and its cost does not grow with the arms.
/// shape: as for hash_split
/// errors: configuration_error from resolve, when a trial is made
/// cost: 10 ns for two arms, and 5 to 7 ns for each further arm
/// source: Schindelhauer and Schomaker 2005, Weighted distributed hash tables (the logarithmic method)
struct rendezvous {
    /// Makes the assignment independent of other trials. It may be empty only if the trial has a name.
    joust::salt salt{};
    /// One share for each model, as for hash_split.
    share_list shares{};

    /// Check the shares for a number of models.
    [[nodiscard]] rendezvous_plan resolve(std::size_t arms) const
    {
        return rendezvous_plan{detail::checked_shares("rendezvous.shares", shares, arms)};
    }

    /// Return the same split with other shares.
    [[nodiscard]] rendezvous with_shares(const share_list& others) const { return {salt, others}; }

    bool operator==(const rendezvous&) const = default;
};

}  // namespace v0
}  // namespace joust
