// SPDX-License-Identifier: Apache-2.0

#include <joust/core/hash.hpp>

#include "catch.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#if __has_include(<xxhash.h>)
#define XXH_INLINE_ALL
#include <xxhash.h>
#endif

namespace {

using joust::siphash24;
using joust::xxh64;

// The buffer of the sanity checks that xxHash publishes.
std::string sanity_buffer(std::size_t size)
{
    std::string bytes;
    std::uint64_t generator = 2654435761U;
    for (std::size_t i = 0; i < size; ++i) {
        bytes += static_cast<char>(generator >> 56);
        generator *= 11400714785074694797U;
    }
    return bytes;
}

TEST_CASE("xxh64 gives the published values, at compile time and at run time")
{
    STATIC_REQUIRE(xxh64("") == 0xef46db3751d8e999U);
    STATIC_REQUIRE(xxh64("a") == 0xd24ec4f1a98c6e5bU);
    STATIC_REQUIRE(xxh64("abc") == 0x44bc2cf5ad770999U);
    CHECK(xxh64("Nobody inspects the spammish repetition") == 0xfbcea83c8a378bf1U);

    constexpr std::uint64_t seed = 2654435761U;
    CHECK(xxh64(sanity_buffer(0), seed) == 0xac75fda2929b17efU);
    CHECK(xxh64(sanity_buffer(1)) == 0xe934a84adb052768U);
    CHECK(xxh64(sanity_buffer(1), seed) == 0x5014607643a9b4c3U);
    CHECK(xxh64(sanity_buffer(4)) == 0x9136a0dca57457eeU);
    CHECK(xxh64(sanity_buffer(14)) == 0x8282dcc4994e35c8U);
    CHECK(xxh64(sanity_buffer(14), seed) == 0xc3bd6bf63deb6df0U);
    CHECK(xxh64(sanity_buffer(222)) == 0xb641ae8cb691c174U);
    CHECK(xxh64(sanity_buffer(222), seed) == 0x20cb8ab7ae10c14aU);
}

TEST_CASE("xxh64 of the same bytes is the same at compile time, at run time and at any address")
{
    static constexpr std::string_view text =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_./";
    constexpr auto at_compile_time = [] {
        std::array<std::uint64_t, 67> hashes{};
        for (std::size_t size = 0; size <= 66; ++size) {
            hashes[size] = xxh64(text.substr(0, size), 42);
        }
        return hashes;
    }();
    for (std::size_t offset = 0; offset < 9; ++offset) {
        const std::string moved = std::string(offset, '?') + std::string{text};
        for (std::size_t size = 0; size <= 66; ++size) {
            CHECK(xxh64(moved.data() + offset, size, 42) == at_compile_time[size]);
        }
    }
}

#if __has_include(<xxhash.h>)
TEST_CASE("xxh64 agrees with the xxHash library for every length to 300")
{
    const std::string bytes = sanity_buffer(300);
    for (const std::uint64_t seed : {0ULL, 1ULL, ~0ULL}) {
        for (std::size_t size = 0; size <= 300; ++size) {
            REQUIRE(xxh64(bytes.data(), size, seed) == XXH64(bytes.data(), size, seed));
        }
    }
}
#endif

// The 64 values that the authors of SipHash publish, for inputs 00, 00 01, 00 01 02, ... under the key 00 01
// .. 0f.
constexpr std::array<std::uint64_t, 64> sip_vectors{
    0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d, 0xcf2794e0277187b7,
    0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137, 0x93f5f5799a932462, 0x9e0082df0ba9e4b0,
    0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7, 0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee,
    0xa129ca6149be45e5, 0x3f2acc7f57c29bdb, 0x699ae9f52cbe4794, 0x4bc1b3f0968dd39c, 0xbb6dc91da77961bd,
    0xbed65cf21aa2ee98, 0xd0f2cbb02e3b67c7, 0x93536795e3a33e88, 0xa80c038ccd5ccec8, 0xb8ad50c6f649af94,
    0xbce192de8a85b8ea, 0x17d835b85bbb15f3, 0x2f2e6163076bcfad, 0xde4daaaca71dc9a5, 0xa6a2506687956571,
    0xad87a3535c49ef28, 0x32d892fad841c342, 0x7127512f72f27cce, 0xa7f32346f95978e3, 0x12e0b01abb051238,
    0x15e034d40fa197ae, 0x314dffbe0815a3b4, 0x027990f029623981, 0xcadcd4e59ef40c4d, 0x9abfd8766a33735c,
    0x0e3ea96b5304a7d0, 0xad0c42d6fc585992, 0x187306c89bc215a9, 0xd4a60abcf3792b95, 0xf935451de4f21df2,
    0xa9538f0419755787, 0xdb9acddff56ca510, 0xd06c98cd5c0975eb, 0xe612a3cb9ecba951, 0xc766e62cfcadaf96,
    0xee64435a9752fe72, 0xa192d576b245165a, 0x0a8787bf8ecb74b2, 0x81b3e73d20b49b6f, 0x7fa8220ba3b2ecea,
    0x245731c13ca42499, 0xb78dbfaf3a8d83bd, 0xea1ad565322a1a0b, 0x60e61c23a3795013, 0x6606d7e446282b93,
    0x6ca4ecb15c5f91e1, 0x9f626da15c9625f3, 0xe51b38608ef25f57, 0x958a324ceb064572};

TEST_CASE("siphash24 gives the 64 published values")
{
    constexpr joust::sip_key key{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
    std::string input;
    for (const std::uint64_t expected : sip_vectors) {
        CHECK(siphash24(input, key) == expected);
        CHECK(siphash24(input.data(), input.size(), key) == expected);
        input += static_cast<char>(input.size());
    }
    STATIC_REQUIRE(siphash24("", key) == sip_vectors[0]);
}

TEST_CASE("mix64 can be undone and changes half of the bits when one bit changes")
{
    // The inverse steps of splitmix64's finalizer: the multipliers' inverses modulo 2^64, the shifts
    // unrolled.
    const auto unmix = [](std::uint64_t x) {
        x = (x ^ (x >> 31) ^ (x >> 62)) * 0x319642b2d24d8ec3U;
        x = (x ^ (x >> 27) ^ (x >> 54)) * 0x96de1b173f119089U;
        return x ^ (x >> 30) ^ (x >> 60);
    };
    double changed = 0.0;
    std::uint64_t x = 1;
    constexpr int rounds = 2'000;
    for (int i = 0; i < rounds; ++i) {
        x = x * 6364136223846793005U + 1442695040888963407U;
        REQUIRE(unmix(joust::mix64(x)) == x);
        changed += std::popcount(joust::mix64(x) ^ joust::mix64(x ^ (std::uint64_t{1} << (i % 64))));
    }
    // 2,000 draws with mean 32 and standard deviation 4 average within 0.45 (five standard errors).
    CHECK_THAT(changed / rounds, WithinAbs(32.0, 0.45));
}

TEST_CASE("The high half of a product is right at the edges")
{
    using joust::detail::multiply_high;
    STATIC_REQUIRE(multiply_high(0, ~0ULL) == 0);
    STATIC_REQUIRE(multiply_high(~0ULL, ~0ULL) == ~0ULL - 1);
    STATIC_REQUIRE(multiply_high(1ULL << 63, 2) == 1);
    STATIC_REQUIRE(multiply_high(0x123456789abcdef0U, 0xfedcba9876543210U) == 0x121fa00ad77d7422U);
}

TEST_CASE("Tails of every length are read as their own bytes only")
{
    const std::string bytes = "\xff\x01\x80\x7f\xfe\x10\x99";
    for (std::size_t size = 0; size <= 7; ++size) {
        CHECK(joust::detail::load_tail(bytes.data(), size) == joust::detail::load_bytes(bytes.data(), size));
    }
}

}  // namespace
