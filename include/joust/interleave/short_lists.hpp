// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/x86.hpp>
#include <joust/interleave/ranking.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

// Two short lists are compared entry by entry before a slate is drafted, so that drafting is arithmetic on words. There are
// three ways to compare them. They give the same result, and the machine decides which one runs.

namespace joust {
inline namespace v0 {
namespace detail {

/// Which entries of two short lists are the same items.
struct crossings {
    static constexpr unsigned most = 16;
    /// The bit after every entry.
    static constexpr std::uint32_t end = std::uint32_t{1} << most;

    /// A bit for each entry of each list that can still be shown.
    std::uint32_t unshown[2];
    /// of[0][i] is the bit of the second list's entry that is item i of the first list, and of[1] the reverse. The number at
    /// `most` is 0.
    std::uint32_t of[2][most + 1];

    /// Return a bit for each of the first `size` entries.
    [[nodiscard]] JOUST_ALWAYS_INLINE static std::uint32_t first(std::size_t size) noexcept
    {
        return (std::uint32_t{1} << size) - 1;
    }
};

/// Compare every entry with every other one. Returns whether the entries of each list are distinct. If not, the crossings are
/// meaningless. assumes: at most `crossings::most` entries
[[nodiscard]] inline bool cross_one_by_one(ranking a, ranking b, crossings& out) noexcept
{
    const ranking keys[2] = {a, b};
    bool distinct = true;
    for (unsigned r = 0; r < 2; ++r) {
        out.unshown[r] = crossings::first(keys[r].size());
        for (unsigned i = 0; i < keys[r].size(); ++i) {
            std::uint32_t same = 0;
            for (unsigned j = 0; j < keys[1 - r].size(); ++j) {
                same |= std::uint32_t{keys[r][i] == keys[1 - r][j]} << j;
            }
            out.of[r][i] = same;
            for (unsigned j = 0; j < i; ++j) {
                distinct = distinct && keys[r][i] != keys[r][j];
            }
        }
        out.of[r][crossings::most] = 0;
    }
    return distinct;
}

#ifdef JOUST_SSE2

/// Compare prints of sixteen bits, eight at a time. Entries with equal prints are compared in full.
class cross_by_prints {
public:
    [[nodiscard]] static bool cross(ranking a, ranking b, crossings& out) noexcept
    {
        const auto size_a = static_cast<unsigned>(a.size());
        const auto size_b = static_cast<unsigned>(b.size());
        const prints of_a = prints_of(a.data(), size_a);
        const prints of_b = prints_of(b.data(), size_b);
        const std::uint32_t valid = crossings::first(size_b);
        out.unshown[0] = crossings::first(size_a);
        out.unshown[1] = valid;
        if (size_a == 0 || size_b == 0 || may_repeat(of_a, size_a) || may_repeat(of_b, size_b)) [[unlikely]] {
            return cross_one_by_one(a, b, out);
        }
        // Each print is stored twice in a row, so that one load and one shuffle spread it over a vector.
        alignas(16) std::array<int, crossings::most> twice;
        store(twice.data(), lanes_at<0, 0, 1, 1, 2, 2, 3, 3>(of_a.low));
        store(twice.data() + 4, lanes_at<4, 4, 5, 5, 6, 6, 7, 7>(of_a.low));
        store(twice.data() + 8, lanes_at<0, 0, 1, 1, 2, 2, 3, 3>(of_a.high));
        store(twice.data() + 12, lanes_at<4, 4, 5, 5, 6, 6, 7, 7>(of_a.high));
        std::memset(out.of[1], 0, sizeof out.of[1]);
        item_key different = 0;
        for (unsigned i = 0; i < size_a; ++i) {
            const int p = twice[i];
            const ints spread{p, p, p, p};
            words wanted;
            std::memcpy(&wanted, &spread, sizeof wanted);
            const unsigned same = bits_of(of_b.low == wanted, of_b.high == wanted) & valid;
            // There is at most one, since the prints of b are distinct. It is found without a branch, since whether there is
            // one cannot be predicted.
            const auto j = static_cast<unsigned>(std::countr_zero(same | crossings::end));
            const item_key difference = a[i] ^ b[j % crossings::most];
            different |= same != 0 ? difference : 0;
            out.of[0][i] = same;
            out.of[1][j] = 1U << i;
        }
        if (different != 0) [[unlikely]] {
            return cross_one_by_one(a, b, out);
        }
        out.of[0][crossings::most] = 0;
        out.of[1][crossings::most] = 0;
        return true;
    }

private:
    using words = eight_shorts;
    using ints = four_ints;
    using longs = two_longs;

    struct prints {
        words low;
        words high;
    };

    static void store(int* to, words from) noexcept { std::memcpy(to, &from, sizeof from); }

    // Returns two entries. After the end of the list they are numbers that are unlikely to be entries; if they are, the lists are
    // compared one by one.
    [[nodiscard]] static ints pair_at(const item_key* keys, unsigned size, unsigned at) noexcept
    {
        longs pair{static_cast<long long>(0x6a09e667f3bcc908U + std::uint64_t{3} * at),
                   static_cast<long long>(0xbb67ae8584caa73bU + std::uint64_t{5} * at)};
        if (at + 2 <= size) {
            std::memcpy(&pair, keys + at, sizeof pair);
        } else if (at < size) {
            pair[0] = static_cast<long long>(keys[at]);
        }
        ints four;
        std::memcpy(&four, &pair, sizeof four);
        return four;
    }

    [[nodiscard]] static words eight_prints(const item_key* keys, unsigned size, unsigned at) noexcept
    {
        // Both halves of a key are folded onto each other and multiplied by odd numbers.
        const words odd{0x4f35, 0x2c9b, 0x4f35, 0x2c9b, 0x4f35, 0x2c9b, 0x4f35, 0x2c9b};
        ints mixed[2];
        for (unsigned half = 0; half < 2; ++half) {
            const ints x = pair_at(keys, size, at + 4 * half);
            const ints y = pair_at(keys, size, at + 4 * half + 2);
            const ints folded = lanes_at<0, 2, 4, 6>(x, y) ^ lanes_at<1, 3, 5, 7>(x, y);
            words parts;
            std::memcpy(&parts, &folded, sizeof parts);
            mixed[half] = (multiply_and_add(parts, odd) << 16) >> 16;
        }
        return narrowed(mixed[0], mixed[1]);
    }

    [[nodiscard]] static prints prints_of(const item_key* keys, unsigned size) noexcept
    {
        return {eight_prints(keys, size, 0), eight_prints(keys, size, 8)};
    }

    // Compares eight words with all rotations of eight words.
    [[nodiscard]] static words within(words x, words swapped) noexcept
    {
        return (x == swapped) | (x == lanes_at<2, 3, 4, 5, 6, 7, 0, 1>(x)) |
               (x == lanes_at<4, 5, 6, 7, 0, 1, 2, 3>(x)) | (x == lanes_at<2, 3, 4, 5, 6, 7, 0, 1>(swapped)) |
               (x == lanes_at<4, 5, 6, 7, 0, 1, 2, 3>(swapped));
    }
    [[nodiscard]] static words between(words x, words y) noexcept
    {
        return (x == y) | (x == lanes_at<2, 3, 4, 5, 6, 7, 0, 1>(y)) |
               (x == lanes_at<4, 5, 6, 7, 0, 1, 2, 3>(y)) | (x == lanes_at<6, 7, 0, 1, 2, 3, 4, 5>(y));
    }
    [[nodiscard]] static words swap_neighbours(words x) noexcept
    {
        return lanes_at<1, 0, 3, 2, 5, 4, 7, 6>(x);
    }

    [[nodiscard]] static bool may_repeat(const prints& all, unsigned size) noexcept
    {
        words same = within(all.low, swap_neighbours(all.low));
        if (size > 8) {
            const words swapped = swap_neighbours(all.high);
            same |= within(all.high, swapped) | between(all.low, all.high) | between(all.low, swapped);
        }
        return bits_of(same, same) != 0;
    }
};

#endif

#ifdef JOUST_NEWER_X86

/// Compare the folded halves of keys, sixteen at a time. Entries with equal folds are compared in full.
class cross_by_sixteens {
public:
    [[nodiscard]] JOUST_ALWAYS_INLINE JOUST_AVX512 static bool cross(ranking a, ranking b,
                                                                     crossings& out) noexcept
    {
        const auto size_a = static_cast<unsigned>(a.size());
        const auto size_b = static_cast<unsigned>(b.size());
        const longs a_keys[2] = {load(a.data(), size_a, 0), load(a.data(), size_a, 8)};
        const longs b_keys[2] = {load(b.data(), size_b, 0), load(b.data(), size_b, 8)};
        const ints a_halves = halves<0>(a_keys);
        const ints b_halves = halves<0>(b_keys);
        const ints a_folded = a_halves ^ halves<1>(a_keys);
        const ints b_folded = b_halves ^ halves<1>(b_keys);
        alignas(64) int folded[2][16];
        std::memcpy(folded[0], &a_folded, sizeof a_folded);
        std::memcpy(folded[1], &b_folded, sizeof b_folded);
        ints of_a{};
        ints of_b{};
        ints bit = of_a + 1;
        // This hides the values in memory and in `bit`. Compilers that know them use shuffles, which all need the same execution
        // port.
        avx512::forget(folded, bit);
        const unsigned both = size_a < size_b ? size_a : size_b;
        unsigned i = 0;
        for (; i < both; ++i) {
            of_a = a_folded == spread(folded[1][i]) ? bit : of_a;
            of_b = b_folded == spread(folded[0][i]) ? bit : of_b;
            bit += bit;
        }
        for (unsigned j = i; j < size_b; ++j) {
            of_a = a_folded == spread(folded[1][j]) ? bit : of_a;
            bit += bit;
        }
        for (unsigned j = i; j < size_a; ++j) {
            of_b = b_folded == spread(folded[0][j]) ? bit : of_b;
            bit += bit;
        }
        if ((mistaken(of_a, a_halves, b_halves, size_a) | mistaken(of_b, b_halves, a_halves, size_b)) != 0 ||
            (apart(a_keys, a.data(), size_a) & apart(b_keys, b.data(), size_b)) != 0xff) [[unlikely]] {
            return cross_one_by_one(a, b, out);
        }
        std::memcpy(out.of[0], &of_a, sizeof of_a);
        std::memcpy(out.of[1], &of_b, sizeof of_b);
        out.of[0][crossings::most] = 0;
        out.of[1][crossings::most] = 0;
        out.unshown[0] = crossings::first(size_a);
        out.unshown[1] = crossings::first(size_b);
        return true;
    }

private:
    using longs = avx512::eight_longs;
    using ints = avx512::sixteen_ints;

    JOUST_ALWAYS_INLINE JOUST_AVX512 static longs load(const item_key* from, unsigned size,
                                                       unsigned at) noexcept
    {
        // The lanes after the end hold different numbers that are unlikely to be entries. If they are, it only costs time.
        const longs none{0x6a09e667f3bcc908, 0x6b09e667f3bcc908, 0x6c09e667f3bcc908, 0x6d09e667f3bcc908,
                         0x6e09e667f3bcc908, 0x6f09e667f3bcc908, 0x7009e667f3bcc908, 0x7109e667f3bcc908};
        if (size <= at) {
            return none;
        }
        return avx512::load(from + at, none, static_cast<unsigned char>(((1U << size) - 1) >> at));
    }
    template <int Upper>
    JOUST_ALWAYS_INLINE JOUST_AVX512 static ints halves(const longs (&keys)[2]) noexcept
    {
        ints x;
        ints y;
        std::memcpy(&x, &keys[0], sizeof x);
        std::memcpy(&y, &keys[1], sizeof y);
        return avx512::lanes_at<Upper, 2 + Upper, 4 + Upper, 6 + Upper, 8 + Upper, 10 + Upper, 12 + Upper,
                                14 + Upper, 16 + Upper, 18 + Upper, 20 + Upper, 22 + Upper, 24 + Upper,
                                26 + Upper, 28 + Upper, 30 + Upper>(x, y);
    }
    JOUST_ALWAYS_INLINE JOUST_AVX512 static ints spread(int x) noexcept
    {
        return ints{x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
    }
    // Returns the entries that have the same fold although one half of their keys differs.
    JOUST_ALWAYS_INLINE
    JOUST_AVX512 static unsigned mistaken(ints of, ints own, ints others, unsigned size) noexcept
    {
        // The exponent of a power of two is the number of its bit.
        const avx512::sixteen_floats powers = avx512::as_floats(of);
        ints places;
        std::memcpy(&places, &powers, sizeof places);
        const auto lanes = static_cast<unsigned short>(crossings::first(size));
        const unsigned short found = avx512::differ(of, ints{}, lanes);
        return avx512::differ(avx512::pick(others, (places >> 23) - 127), own, found);
    }

    // Returns all ones if the entries are distinct.
    JOUST_ALWAYS_INLINE JOUST_AVX512 static unsigned char apart(const longs (&keys)[2], const item_key* all,
                                                                unsigned size) noexcept
    {
        const longs low = keys[0];
        const longs high = keys[1];
        unsigned char lanes = avx512::differ(low, avx512::lanes_at<1, 2, 3, 4, 5, 6, 7, 0>(low), 0xff);
        lanes = avx512::differ(low, avx512::lanes_at<2, 3, 4, 5, 6, 7, 0, 1>(low), lanes);
        lanes = avx512::differ(low, avx512::lanes_at<3, 4, 5, 6, 7, 0, 1, 2>(low), lanes);
        lanes = avx512::differ(low, avx512::lanes_at<4, 5, 6, 7, 0, 1, 2, 3>(low), lanes);
        for (unsigned i = 8; i < size; ++i) {
            const auto k = static_cast<long long>(all[i]);
            lanes = avx512::differ(low, longs{k, k, k, k, k, k, k, k}, lanes);
        }
        if (size > 9) {
            lanes = avx512::differ(high, avx512::lanes_at<1, 2, 3, 4, 5, 6, 7, 0>(high), lanes);
        }
        if (size > 10) {
            lanes = avx512::differ(high, avx512::lanes_at<2, 3, 4, 5, 6, 7, 0, 1>(high), lanes);
            lanes = avx512::differ(high, avx512::lanes_at<3, 4, 5, 6, 7, 0, 1, 2>(high), lanes);
            lanes = avx512::differ(high, avx512::lanes_at<4, 5, 6, 7, 0, 1, 2, 3>(high), lanes);
        }
        return lanes;
    }
};

#endif

}  // namespace detail
}  // namespace v0
}  // namespace joust
