// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>

#include "catch.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

namespace {

using joust::keyed_random;

// Pearson's statistic of equally likely cells; for k cells its mean is k - 1 and its variance 2 (k - 1).
template <class Counts>
double chi_squared(const Counts& counts, double expected)
{
    double sum = 0.0;
    for (const auto count : counts) {
        const double gap = static_cast<double>(count) - expected;
        sum += gap * gap / expected;
    }
    return sum;
}

TEST_CASE("Philox gives the published values")
{
    const auto check = [](joust::detail::word_pair counter, std::uint64_t key,
                          joust::detail::word_pair expected) {
        const joust::detail::word_pair got = joust::detail::philox(counter, key);
        CHECK(got.first == expected.first);
        CHECK(got.second == expected.second);
    };
    check({0, 0}, 0, {0xca00a0459843d731U, 0x66c24222c9a845b5U});
    check({~0ULL, ~0ULL}, ~0ULL, {0x65b021d60cd8310fU, 0x4d02f3222f86df20U});
    check({0x243f6a8885a308d3U, 0x13198a2e03707344U}, 0xa4093822299f31d0U,
          {0x0a5e742c2997341cU, 0xb0f883d38000de5dU});
}

TEST_CASE("Seed and stream fix every draw: the values never change between versions or platforms")
{
    keyed_random bits{2026, 11};
    for (const std::uint64_t expected :
         {0xc8c28602598dd74bU, 0xa39b6de4a2339c89U, 0x0d15b6f2811df97eU, 0x0c50b8a08392d86cU}) {
        CHECK(bits.next() == expected);
    }
    keyed_random random{2026, 11};
    CHECK(random.below(1'000'000) == 784218);
    CHECK(random.uniform() == 0x1.4736dbc944673p-1);
    CHECK(random.normal() == 0x1.e16b9a5033e88p+0);
    CHECK(random.exponential() == 0x1.9022d9fed8036p-2);
    CHECK(random.coin() == true);
    CHECK(random.below(1'000'000) == 268538);
    CHECK(random.uniform() == 0x1.b188f11275cb4p-1);
    CHECK(random.normal() == 0x1.8bbe004784eep-2);
    CHECK(random.exponential() == 0x1.41643a5dee86ep-2);
    CHECK(random.coin() == false);
    STATIC_REQUIRE(keyed_random{0, 0}.next() == 0xca00a0459843d731U);
}

TEST_CASE("A copy continues as the original does")
{
    keyed_random original{5, 6};
    original.next();
    original.coin();
    keyed_random copy = original;
    CHECK(copy == original);
    for (int i = 0; i < 100; ++i) {
        CHECK(copy.next() == original.next());
        CHECK(copy.coin() == original.coin());
    }
}

TEST_CASE("Whole numbers below n are equally likely")
{
    keyed_random random{1};
    for (const std::uint64_t n : {1U, 2U, 3U, 7U, 10U, 100U}) {
        std::vector<int> counts(n);
        for (std::uint64_t i = 0; i < 1'000 * n; ++i) {
            ++counts[random.below(n)];
        }
        const double freedom = static_cast<double>(n) - 1.0;
        CAPTURE(n);
        CHECK(chi_squared(counts, 1'000.0) <= freedom + 4.5 * std::sqrt(2.0 * freedom) + 4.0);
    }
    CHECK(random.below(0) == 0);
}

TEST_CASE("Whole numbers below a large n are not skewed")
{
    // Scaling 64 bits to 3 * 2^62 numbers without rejection would give the multiples of 3 half of all draws.
    keyed_random random{2};
    constexpr std::uint64_t n = 3ULL << 62;
    std::array<int, 3> counts{};
    for (int i = 0; i < 30'000; ++i) {
        const std::uint64_t x = random.below(n);
        REQUIRE(x < n);
        ++counts[x % 3];
    }
    CHECK(chi_squared(counts, 10'000.0) < 20.0);
}

TEST_CASE("Coins are fair, one by one and in runs of eight")
{
    keyed_random random{3};
    std::vector<int> counts(256);
    for (int i = 0; i < 256 * 400; ++i) {
        unsigned byte = 0;
        for (int bit = 0; bit < 8; ++bit) {
            byte = byte * 2 + (random.coin() ? 1U : 0U);
        }
        ++counts[byte];
    }
    CHECK_THAT(chi_squared(counts, 400.0), WithinAbs(255.0, 4.5 * std::sqrt(510.0)));
}

TEST_CASE("Uniform draws fill [0, 1) evenly, and chance has its probability")
{
    keyed_random random{4};
    std::vector<int> counts(100);
    int hits = 0;
    for (int i = 0; i < 100'000; ++i) {
        const double u = random.uniform();
        REQUIRE(u >= 0.0);
        REQUIRE(u < 1.0);
        ++counts[static_cast<std::size_t>(u * 100.0)];
        hits += random.chance(0.03) ? 1 : 0;
    }
    CHECK_THAT(chi_squared(counts, 1'000.0), WithinAbs(99.0, 4.5 * std::sqrt(198.0)));
    CHECK_THAT(hits, WithinAbs(3'000.0, 4.5 * std::sqrt(2'910.0)));
    CHECK_FALSE(random.chance(0.0));
    CHECK(random.chance(1.0));
}

TEST_CASE("Normal draws fill the cells of the normal distribution")
{
    keyed_random random{5};
    // Cells from -4 to 4 by 0.25 and both tails, with probabilities from the error function.
    constexpr int n = 200'000;
    std::array<int, 34> counts{};
    double sum = 0.0;
    double squares = 0.0;
    for (int i = 0; i < n; ++i) {
        const double x = random.normal();
        sum += x;
        squares += x * x;
        const double cell = std::floor(x * 4.0) + 17.0;
        ++counts[static_cast<std::size_t>(std::min(33.0, std::max(0.0, cell)))];
    }
    const auto below = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
    double statistic = 0.0;
    for (std::size_t cell = 0; cell < counts.size(); ++cell) {
        const double lower = cell == 0 ? 0.0 : below((static_cast<double>(cell) - 17.0) / 4.0);
        const double upper = cell == 33 ? 1.0 : below((static_cast<double>(cell) - 16.0) / 4.0);
        const double expected = n * (upper - lower);
        statistic += (counts[cell] - expected) * (counts[cell] - expected) / expected;
    }
    CHECK_THAT(statistic, WithinAbs(33.0, 4.5 * std::sqrt(66.0)));
    CHECK_THAT(sum / n, WithinAbs(0.0, 4.5 / std::sqrt(n)));
    CHECK_THAT(squares / n, WithinAbs(1.0, 4.5 * std::sqrt(2.0 / n)));
}

TEST_CASE("Exponential draws fill the cells of the exponential distribution")
{
    keyed_random random{6};
    constexpr int n = 200'000;
    std::array<int, 33> counts{};
    for (int i = 0; i < n; ++i) {
        const double x = random.exponential();
        REQUIRE(x >= 0.0);
        ++counts[static_cast<std::size_t>(std::min(32.0, x * 4.0))];
    }
    double statistic = 0.0;
    for (std::size_t cell = 0; cell < counts.size(); ++cell) {
        const double lower = std::exp(-static_cast<double>(cell) / 4.0);
        const double upper = cell == 32 ? 0.0 : std::exp(-static_cast<double>(cell + 1) / 4.0);
        const double expected = n * (lower - upper);
        statistic += (counts[cell] - expected) * (counts[cell] - expected) / expected;
    }
    CHECK_THAT(statistic, WithinAbs(32.0, 4.5 * std::sqrt(64.0)));
}

TEST_CASE("Neighbouring streams and seeds are independent")
{
    // Bits in common between two independent words: binomial with mean 32 and variance 16.
    for (const bool by_stream : {true, false}) {
        double common = 0.0;
        constexpr int pairs = 20'000;
        for (int i = 0; i < pairs; ++i) {
            const auto at = static_cast<std::uint64_t>(i);
            keyed_random a = by_stream ? keyed_random{9, at} : keyed_random{at, 9};
            keyed_random b = by_stream ? keyed_random{9, at + 1} : keyed_random{at + 1, 9};
            common += std::popcount(~(a.next() ^ b.next()));
        }
        CHECK_THAT(common / pairs, WithinAbs(32.0, 4.5 * 4.0 / std::sqrt(pairs)));
    }
    // The first coin of consecutive streams is a fair coin too: interleaving takes one stream for each
    // request.
    int heads = 0;
    for (std::uint64_t stream = 0; stream < 40'000; ++stream) {
        heads += keyed_random{1, stream}.coin() ? 1 : 0;
    }
    CHECK_THAT(heads, WithinAbs(20'000.0, 4.5 * 100.0));
}

}  // namespace
