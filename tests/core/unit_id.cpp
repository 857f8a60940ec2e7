// SPDX-License-Identifier: Apache-2.0

#include <joust/core/unit_id.hpp>

#include "catch.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace {

using joust::salted_hasher;
using joust::uuid;
using joust::xxh64;

enum class plan : std::uint8_t { basic = 3, gold = 250 };
enum class delta : int { down = -7 };
enum letter : char { letter_a = 'a' };

template <class Key>
std::string text_of(const Key& key)
{
    std::string text;
    joust::append_unit_text(text, key);
    return text;
}

std::string bytes_of(std::size_t size, std::uint64_t state)
{
    std::string bytes;
    while (bytes.size() < size) {
        state = joust::mix64(state + 0x9e3779b97f4a7c15U);
        bytes += static_cast<char>(state >> 56);
    }
    return bytes;
}

TEST_CASE("A unit is hashed by XXH64 over salt, slash and unit, for salts and units of every length")
{
    for (std::size_t salt_size = 0; salt_size <= 100; ++salt_size) {
        const std::string salt = bytes_of(salt_size, salt_size);
        const salted_hasher hash{salt};
        for (std::size_t size = 0; size <= 200; ++size) {
            const std::string unit = bytes_of(size, 1'000 * size + salt_size);
            REQUIRE(hash(unit) == xxh64(salt + "/" + unit));
        }
    }
}

TEST_CASE("Integers are hashed as their decimal digits")
{
    const auto check = [](const salted_hasher& hash, const std::string& salt, auto number) {
        REQUIRE(hash(number) == xxh64(salt + "/" + std::to_string(number)));
        REQUIRE(text_of(number) == std::to_string(number));
    };
    for (std::size_t salt_size = 0; salt_size <= 66; ++salt_size) {
        const std::string salt = bytes_of(salt_size, salt_size);
        const salted_hasher hash{salt};
        std::uint64_t power = 1;
        for (int digits = 1; digits <= 20; ++digits, power *= 10) {
            for (const std::uint64_t near : {power - 1, power, power + 1, power * 7 + 3}) {
                check(hash, salt, near);
                check(hash, salt, static_cast<std::int64_t>(near));
                check(hash, salt, static_cast<std::int64_t>(0 - near));
                check(hash, salt, static_cast<std::uint32_t>(near));
                check(hash, salt, static_cast<std::int32_t>(near));
                check(hash, salt, static_cast<std::int16_t>(near));
                check(hash, salt, static_cast<std::uint8_t>(near));
                check(hash, salt, static_cast<signed char>(near));
            }
        }
        check(hash, salt, std::numeric_limits<std::uint64_t>::max());
        check(hash, salt, std::numeric_limits<std::int64_t>::min());
        check(hash, salt, std::numeric_limits<std::int64_t>::max());
    }
}

TEST_CASE("Eight digits are right for every number below 10^8 that a stride of 61 meets")
{
    for (std::uint64_t n = 0; n < 100'000'000; n += 61) {
        std::uint64_t expected = 0;
        std::uint64_t rest = n;
        for (int i = 0; i < 8; ++i) {
            expected = (expected << 8) | ('0' + rest % 10);
            rest /= 10;
        }
        if (joust::detail::eight_digits(n) != expected) {
            FAIL("digits of " << n);
        }
    }
}

TEST_CASE("Enumerators are hashed as their number")
{
    const salted_hasher hash{"s"};
    CHECK(hash(plan::gold) == xxh64("s/250"));
    CHECK(hash(plan::basic) == xxh64("s/3"));
    CHECK(hash(delta::down) == xxh64("s/-7"));
    CHECK(hash(letter_a) == xxh64("s/97"));
}

TEST_CASE("UUIDs are hashed in lower case with hyphens")
{
    constexpr std::string_view text = "0123456a-89ab-cdef-f0e1-d2c3b4a59687";
    constexpr uuid id{0x0123456a89abcdefU, 0xf0e1d2c3b4a59687U};
    CHECK(text_of(id) == text);
    CHECK(salted_hasher{"score"}(id) == xxh64("score/0123456a-89ab-cdef-f0e1-d2c3b4a59687"));
    CHECK(salted_hasher{std::string(70, 'x')}(id) == xxh64(std::string(70, 'x') + "/" + std::string{text}));
    CHECK(text_of(uuid{}) == "00000000-0000-0000-0000-000000000000");
    CHECK(text_of(uuid{~0ULL, ~0ULL}) == "ffffffff-ffff-ffff-ffff-ffffffffffff");
}

TEST_CASE("UUIDs are read in either case, and anything else is refused")
{
    STATIC_REQUIRE(uuid::from_string("0123456A-89ab-CDEF-f0e1-d2c3b4a59687") ==
                   uuid{0x0123456a89abcdefU, 0xf0e1d2c3b4a59687U});
    for (const std::string_view wrong :
         {"", "0123456a89abcdeff0e1d2c3b4a59687", "0123456a-89ab-cdef-f0e1-d2c3b4a5968",
          "0123456a-89ab-cdef-f0e1-d2c3b4a596877", "0123456g-89ab-cdef-f0e1-d2c3b4a59687",
          "0123456a-89ab-cdef-f0e1d-2c3b4a59687", "{123456a-89ab-cdef-f0e1-d2c3b4a5968}"}) {
        CHECK_THROWS_AS(uuid::from_string(wrong), joust::parse_error);
    }
}

TEST_CASE("Hashing works at compile time and for everything that converts to a string_view")
{
    STATIC_REQUIRE(salted_hasher{"score-2026-11"}(42) == xxh64("score-2026-11/42"));
    STATIC_REQUIRE(salted_hasher{"score-2026-11"}("user-42") == xxh64("score-2026-11/user-42"));
    STATIC_REQUIRE(salted_hasher{"a salt that is longer than one stripe"}(uuid{1, 2}) ==
                   xxh64("a salt that is longer than one stripe/00000000-0000-0001-0000-000000000002"));
    const char* const pointer = "user-42";
    CHECK(salted_hasher{"s"}(pointer) == xxh64("s/user-42"));
    CHECK(salted_hasher{"s"}(std::string{"user-42"}) == xxh64("s/user-42"));
    CHECK(salted_hasher{}("u") == xxh64("/u"));
}

TEST_CASE("Text, integers, enumerators and UUIDs can be units; truth values, characters and fractions cannot")
{
    STATIC_REQUIRE(joust::unit_like<std::string>);
    STATIC_REQUIRE(joust::unit_like<std::string_view>);
    STATIC_REQUIRE(joust::unit_like<const char*>);
    STATIC_REQUIRE(joust::unit_like<std::uint64_t>);
    STATIC_REQUIRE(joust::unit_like<short>);
    STATIC_REQUIRE(joust::unit_like<plan>);
    STATIC_REQUIRE(joust::unit_like<uuid>);
    STATIC_REQUIRE_FALSE(joust::unit_like<bool>);
    STATIC_REQUIRE_FALSE(joust::unit_like<char>);
    STATIC_REQUIRE_FALSE(joust::unit_like<double>);
    STATIC_REQUIRE_FALSE(joust::unit_like<std::array<int, 2>>);
}

TEST_CASE("A salt owns its text, compares by it and hashes as its text")
{
    struct options {
        joust::salt salt;
    };
    std::string name = "score-2026-11";
    const options from_text{.salt = name};
    const options from_literal{.salt = "score-2026-11"};
    name = "changed";
    CHECK(from_text.salt == from_literal.salt);
    CHECK_FALSE(from_text.salt == joust::salt{"other"});
    CHECK(from_text.salt.view() == "score-2026-11");
    CHECK(from_text.salt.hasher()(7) == xxh64("score-2026-11/7"));
    CHECK(joust::salt{}.empty());
    CHECK_FALSE(from_text.salt.empty());
    CHECK(from_text.salt.hasher() == salted_hasher{"score-2026-11"});
}

}  // namespace
