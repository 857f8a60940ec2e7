// SPDX-License-Identifier: Apache-2.0

#include <joust/core/compiler.hpp>
#include <joust/core/random.hpp>

#include "catch.hpp"

#include <cstdint>

using namespace joust::detail;

namespace {

/// The high half of a product in four parts, as the plain form of multiply_high has it.
std::uint64_t high_by_parts(std::uint64_t a, std::uint64_t b)
{
    const std::uint64_t low = (a & 0xffffffffU) * (b & 0xffffffffU);
    const std::uint64_t left = (a >> 32) * (b & 0xffffffffU);
    const std::uint64_t right = (a & 0xffffffffU) * (b >> 32);
    const std::uint64_t carry = ((low >> 32) + (left & 0xffffffffU) + (right & 0xffffffffU)) >> 32;
    return (a >> 32) * (b >> 32) + (left >> 32) + (right >> 32) + carry;
}

}  // namespace

TEST_CASE("the high half of a product of two words")
{
    constexpr std::uint64_t most = ~std::uint64_t{0};
    STATIC_REQUIRE(multiply_high(most, most) == most - 1);
    STATIC_REQUIRE(multiply_high(std::uint64_t{1} << 63, 2) == 1);
    CHECK(multiply_high(most, 1) == 0);
    joust::keyed_random random{1};
    for (int i = 0; i < 1'000; ++i) {
        const std::uint64_t a = random.next();
        const std::uint64_t b = random.next() >> random.below(64);
        REQUIRE(multiply_high(a, b) == high_by_parts(a, b));
    }
}

TEST_CASE("the lowest bit is found at every place")
{
    for (unsigned place = 0; place < 32; ++place) {
        CHECK(lowest_bit(~std::uint32_t{0} << place) == place);
        CHECK(lowest_bit(std::uint32_t{1} << place) == place);
    }
}

TEST_CASE("a product is rounded before it is added, also where the machine could fuse both")
{
    // The square of 1 + 2^-30 is 2^-60 more than the nearest double: a fused operation would show that.
    volatile double read = 1.0 + 0x1p-30;
    const double a = read;
    const double square = 1.0 + 0x1p-29;
    double sum = -square;
    add_product(sum, a, a);
    CHECK(sum == 0.0);
    sum = square;
    subtract_product(sum, a, a);
    CHECK(sum == 0.0);
    CHECK(product(a, a) - square == 0.0);
}
