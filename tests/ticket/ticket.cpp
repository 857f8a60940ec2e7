// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/ticket/ticket.hpp>

#include "catch.hpp"

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

namespace {

using joust::ticket;
using joust::ticket_error;
using joust::ticket_kind;

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

ticket any_exposure(joust::keyed_random& random)
{
    return ticket::exposure({.unit = random.next(),
                             .trial = static_cast<std::uint32_t>(random.next()),
                             .seconds = static_cast<std::uint32_t>(random.next()),
                             .propensity = static_cast<float>(1.0 - random.uniform()),
                             .arm = static_cast<unsigned>(random.below(16)),
                             .plan = static_cast<unsigned>(random.below(128)),
                             .nonce = static_cast<unsigned>(random.below(4'194'304))});
}

ticket_error error_of(std::string_view text)
{
    ticket read;
    const ticket_error error = ticket::parse(text, read);
    CHECK((error == ticket_error::none || read == ticket{}));
    return error;
}

// Encode 32 bytes as a ticket's text is, independently of ticket.
std::string encode(const unsigned char (&bytes)[32])
{
    std::string text;
    std::uint32_t bits = 0;
    int count = 0;
    for (const unsigned char byte : bytes) {
        bits = (bits << 8) | byte;
        for (count += 8; count >= 6; count -= 6) {
            text += alphabet[(bits >> (count - 6)) & 63U];
        }
    }
    return text + alphabet[(bits << (6 - count)) & 63U];
}

// The text of a ticket with some words replaced and a checksum that matches again.
std::string forged(std::uint64_t word0, std::uint64_t word1, std::uint64_t word2)
{
    const std::uint64_t words[3] = {word0, word1, word2};
    unsigned char bytes[32];
    for (std::size_t i = 0; i < 24; ++i) {
        bytes[i] = static_cast<unsigned char>(words[i / 8] >> (8 * (i % 8)));
    }
    const std::uint64_t tag = joust::xxh64(bytes, 24, 0x6a6f75737476303aU);
    for (std::size_t i = 0; i < 8; ++i) {
        bytes[24 + i] = static_cast<unsigned char>(tag >> (8 * i));
    }
    return encode(bytes);
}

constexpr std::uint64_t info(std::uint64_t arm, std::uint64_t kind, std::uint64_t version,
                             std::uint64_t key_id, std::uint64_t plan)
{
    return (arm | (kind << 4) | (version << 7) | (key_id << 9) | (plan << 11)) << 32;
}

constexpr std::uint64_t half = std::bit_cast<std::uint32_t>(0.5F);

TEST_CASE("A ticket is 32 plain bytes and keeps every field of an exposure")
{
    STATIC_REQUIRE(sizeof(ticket) == 32);
    STATIC_REQUIRE(std::is_trivially_copyable_v<ticket>);
    constexpr ticket made = ticket::exposure({.unit = 0x0123456789abcdefU,
                                              .trial = 0xdeadbeefU,
                                              .seconds = 1'764'000'000,
                                              .propensity = 0.1F,
                                              .arm = 15,
                                              .plan = 127,
                                              .nonce = 4'194'303});
    STATIC_REQUIRE(made.valid());
    CHECK(made.kind() == ticket_kind::exposure);
    CHECK(made.unit() == 0x0123456789abcdefU);
    CHECK(made.trial() == 0xadbeefU);
    CHECK(made.seconds() == 1'764'000'000);
    CHECK(made.propensity() == 0.1F);
    CHECK(made.arm() == 15);
    CHECK(made.plan() == 127);
    CHECK(made.nonce() == 4'194'303);
    CHECK(made.version() == 0);
    CHECK(made.key_id() == 0);
}

TEST_CASE("Fields wider than their place are cut and touch no other")
{
    const ticket made = ticket::exposure({.unit = 1,
                                          .trial = 2,
                                          .seconds = 3,
                                          .propensity = 0.5F,
                                          .arm = 0xfffffff1U,
                                          .plan = 0xffffff82U,
                                          .nonce = 0xffc00003U});
    CHECK(made ==
          ticket::exposure(
              {.unit = 1, .trial = 2, .seconds = 3, .propensity = 0.5F, .arm = 1, .plan = 2, .nonce = 3}));
    CHECK(made.valid());
    const ticket list = ticket::slate(
        {.bucket = 0xfffffc05U, .pseudonym = 0xffc00006U, .length = 0xffffffc7U, .nonce = 0xffc00008U});
    CHECK(list == ticket::slate({.bucket = 5, .pseudonym = 6, .length = 7, .nonce = 8}));
    CHECK(list.valid());
}

TEST_CASE("A ticket keeps every field of a slate")
{
    for (const unsigned length : {0U, 1U, 15U, 16U, 32U, 47U, 63U}) {
        const ticket made = ticket::slate({.teams = ~0ULL - 5,
                                           .trial = 7,
                                           .seconds = 8,
                                           .bucket = 1'023,
                                           .pseudonym = 0x3ffffe,
                                           .length = length,
                                           .nonce = 12'345});
        CHECK(made.valid());
        CHECK(made.kind() == ticket_kind::slate);
        CHECK(made.teams() == ~0ULL - 5);
        CHECK(made.trial() == 7);
        CHECK(made.seconds() == 8);
        CHECK(made.bucket() == 1'023);
        CHECK(made.pseudonym() == 0x3ffffe);
        CHECK(made.length() == length);
        CHECK(made.nonce() == 12'345);
        CHECK(ticket::from_string(made.to_string()) == made);
    }
}

TEST_CASE("A choice keeps the fields of an exposure, as a ticket of its own kind")
{
    const ticket::exposure_fields fields{
        .unit = 7, .trial = 9, .seconds = 11, .propensity = 0.25F, .arm = 3, .plan = 5, .nonce = 13};
    const ticket chosen = ticket::choice(fields);
    const ticket served = ticket::exposure(fields);
    CHECK(chosen.valid());
    CHECK(chosen.kind() == ticket_kind::choice);
    CHECK(chosen.names_arm());
    CHECK(served.names_arm());
    CHECK_FALSE(ticket::unrecorded({.trial = 9, .seconds = 11}).names_arm());
    CHECK(chosen != served);
    CHECK(chosen.key() != served.key());
    CHECK(chosen.unit() == 7);
    CHECK(chosen.trial() == 9);
    CHECK(chosen.seconds() == 11);
    CHECK(chosen.propensity() == 0.25F);
    CHECK(chosen.arm() == 3);
    CHECK(chosen.plan() == 5);
    CHECK(chosen.nonce() == 13);
    CHECK(ticket::from_string(chosen.to_string()) == chosen);
}

TEST_CASE("A ticket outside the trial names no unit and survives as text")
{
    const ticket made = ticket::unrecorded({.trial = 9, .seconds = 10});
    CHECK(made.valid());
    CHECK(made.kind() == ticket_kind::unrecorded);
    CHECK(made.unit() == 0);
    CHECK(made.trial() == 9);
    CHECK(ticket::from_string(made.to_string()) == made);
}

TEST_CASE("Tickets outside the trial can be numbered, and hold nothing else")
{
    for (const unsigned nonce : {0U, 1U, 0x3fffU, 0x4000U, 0x3fffffU}) {
        const ticket made = ticket::unrecorded({.trial = 9, .seconds = 10, .nonce = nonce});
        CHECK(made.valid());
        CHECK(made.kind() == ticket_kind::unrecorded);
        CHECK(made.nonce() == nonce);
        CHECK(made.trial() == 9);
        CHECK(made.unit() == 0);
        CHECK(ticket::from_string(made.to_string()) == made);
    }
    // Without a number the ticket is the same as in earlier versions.
    CHECK(ticket::unrecorded({.trial = 9, .seconds = 10}).to_string() ==
          forged(0, 10 | (9ULL << 32), info(0, 3, 0, 0, 0)));
    CHECK(error_of(forged(0, 9, info(0, 3, 0, 0, 1))) == ticket_error::contents);
}

TEST_CASE("A default ticket is not valid, nor is it as text")
{
    CHECK_FALSE(ticket{}.valid());
    CHECK(ticket{}.kind() == ticket_kind::none);
    CHECK(error_of(ticket{}.to_string()) == ticket_error::checksum);
}

TEST_CASE(
    "The text of a ticket is fixed: 43 characters of base64url over the little-endian words and their XXH64")
{
    const ticket made = ticket::exposure({.unit = 0x0123456789abcdefU,
                                          .trial = 7,
                                          .seconds = 1'764'000'000,
                                          .propensity = 0.5F,
                                          .arm = 1,
                                          .plan = 3,
                                          .nonce = 9});
    CHECK(made.to_string() == "782riWdFIwEAgSRpBwAAAAAAAD8RGCQA-DrCmSPSkQU");
    CHECK(made.to_string() == forged(0x0123456789abcdefU, 1'764'000'000ULL | (7ULL << 32),
                                     half | info(1, 1, 0, 0, 3) | (9ULL << 50)));
    CHECK(std::string_view(made.text().data(), made.text().size()) == made.to_string());
    CHECK(made.to_string().find_first_not_of(alphabet) == std::string::npos);
}

TEST_CASE("Every ticket that is written is read back unchanged")
{
    joust::keyed_random random{1};
    for (int i = 0; i < 10'000; ++i) {
        const ticket made = any_exposure(random);
        const std::string text = made.to_string();
        REQUIRE(text.size() == ticket::text_size);
        REQUIRE(ticket::from_string(text) == made);
    }
}

TEST_CASE("Every flipped bit in the text of a ticket is noticed")
{
    joust::keyed_random random{2};
    for (int i = 0; i < 20; ++i) {
        const std::string text = any_exposure(random).to_string();
        for (std::size_t bit = 0; bit < 8 * text.size(); ++bit) {
            std::string damaged = text;
            damaged[bit / 8] =
                static_cast<char>(static_cast<unsigned char>(damaged[bit / 8]) ^ (1U << (bit % 8)));
            REQUIRE(error_of(damaged) != ticket_error::none);
        }
    }
}

TEST_CASE("Every replaced character in the text of a ticket is noticed, also two that change places")
{
    joust::keyed_random random{3};
    for (int i = 0; i < 20; ++i) {
        const std::string text = any_exposure(random).to_string();
        for (std::size_t at = 0; at < text.size(); ++at) {
            for (int character = 0; character < 256; ++character) {
                std::string damaged = text;
                damaged[at] = static_cast<char>(character);
                REQUIRE((damaged == text || error_of(damaged) != ticket_error::none));
            }
            std::string swapped = text;
            std::swap(swapped[at], swapped[(at + 1) % text.size()]);
            REQUIRE((swapped == text || error_of(swapped) != ticket_error::none));
        }
    }
}

TEST_CASE("Every flipped bit in the 32 bytes of a ticket is noticed")
{
    joust::keyed_random random{4};
    for (int i = 0; i < 20; ++i) {
        const ticket made = any_exposure(random);
        for (std::size_t bit = 0; bit < 256; ++bit) {
            unsigned char bytes[32];
            std::memcpy(bytes, &made, sizeof bytes);
            bytes[bit / 8] = static_cast<unsigned char>(bytes[bit / 8] ^ (1U << (bit % 8)));
            ticket damaged;
            std::memcpy(&damaged, bytes, sizeof bytes);
            REQUIRE_FALSE(damaged.valid());
        }
    }
}

TEST_CASE("Each error of a text is named")
{
    const std::string text = ticket::exposure({.unit = 1, .propensity = 0.5F}).to_string();
    CHECK(error_of("") == ticket_error::length);
    CHECK(error_of(text + "A") == ticket_error::length);
    CHECK(error_of(std::string_view(text).substr(1)) == ticket_error::length);
    CHECK(error_of(text + "=") == ticket_error::length);
    for (const char wrong : {'=', '+', '/', ' ', '\0', '\n', '\x80', '\xff'}) {
        std::string changed = text;
        changed[42] = wrong;
        CHECK(error_of(changed) == ticket_error::alphabet);
        changed = text;
        changed[0] = wrong;
        CHECK(error_of(changed) == ticket_error::alphabet);
    }
    std::string trailing = text;
    trailing[42] = alphabet[alphabet.find(text[42]) + 1];
    CHECK(error_of(trailing) == ticket_error::trailing_bits);
    std::string damaged = text;
    damaged[0] = damaged[0] == 'A' ? 'B' : 'A';
    CHECK(error_of(damaged) == ticket_error::checksum);

    CHECK(error_of(forged(1, 0, half | info(1, 1, 0, 0, 0))) == ticket_error::none);
    CHECK(error_of(forged(1, 0, half | info(1, 4, 0, 0, 0))) == ticket_error::none);
    CHECK(error_of(forged(1, 0, half | info(1, 1, 1, 0, 0))) == ticket_error::version);
    CHECK(error_of(forged(1, 0, half | info(1, 1, 0, 1, 0))) == ticket_error::checksum);
    CHECK(error_of(forged(1, 0, half | info(1, 0, 0, 0, 0))) == ticket_error::kind);
    CHECK(error_of(forged(1, 0, half | info(1, 5, 0, 0, 0))) == ticket_error::kind);
    CHECK(error_of(forged(1, 0, half | info(1, 7, 0, 0, 0))) == ticket_error::kind);
}

TEST_CASE("A whole ticket with a propensity that no plan has is refused")
{
    for (const float propensity :
         {0.0F, -0.0F, -0.5F, 1.0001F, std::numeric_limits<float>::infinity(),
          -std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
        const std::uint64_t bits = std::bit_cast<std::uint32_t>(propensity);
        CHECK(error_of(forged(1, 0, bits | info(1, 1, 0, 0, 0))) == ticket_error::contents);
    }
    CHECK(error_of(forged(1, 0, std::bit_cast<std::uint32_t>(1.0F) | info(1, 1, 0, 0, 0))) ==
          ticket_error::none);
    CHECK(error_of(forged(1, 0, std::uint64_t{1} | info(1, 1, 0, 0, 0))) == ticket_error::none);
}

TEST_CASE("Bits that a slate or an unrecorded ticket does not use must be zero")
{
    CHECK(error_of(forged(1, 0, 5 | info(3, 2, 0, 0, 3))) == ticket_error::none);
    CHECK(error_of(forged(1, 0, 5 | info(3, 2, 0, 0, 4))) == ticket_error::contents);
    CHECK(error_of(forged(0, 9, info(0, 3, 0, 0, 0))) == ticket_error::none);
    CHECK(error_of(forged(1, 9, info(0, 3, 0, 0, 0))) == ticket_error::contents);
    CHECK(error_of(forged(0, 9, info(1, 3, 0, 0, 0))) == ticket_error::contents);
    CHECK(error_of(forged(0, 9, 1 | info(0, 3, 0, 0, 0))) == ticket_error::contents);
}

TEST_CASE("from_string throws the sentence of the error")
{
    CHECK_THROWS_AS(ticket::from_string("short"), joust::parse_error);
    try {
        (void)ticket::from_string("short");
    } catch (const joust::parse_error& wrong) {
        CHECK(std::string{wrong.what()} == "a ticket has 43 characters");
    }
    for (unsigned code = 0; code <= static_cast<unsigned>(ticket_error::contents); ++code) {
        CHECK(to_string(static_cast<ticket_error>(code)) != to_string(static_cast<ticket_error>(255)));
    }
}

TEST_CASE("Tickets that differ in one field have different keys")
{
    const ticket::exposure_fields fields{
        .unit = 1, .trial = 2, .seconds = 3, .propensity = 0.5F, .arm = 1, .plan = 1, .nonce = 1};
    const auto with = [&fields](auto change) {
        auto changed = fields;
        change(changed);
        return ticket::exposure(changed).key();
    };
    const std::uint64_t key = ticket::exposure(fields).key();
    CHECK(with([](auto&) {}) == key);
    CHECK(with([](auto& f) { f.unit = 2; }) != key);
    CHECK(with([](auto& f) { f.trial = 3; }) != key);
    CHECK(with([](auto& f) { f.seconds = 4; }) != key);
    CHECK(with([](auto& f) { f.arm = 0; }) != key);
    CHECK(with([](auto& f) { f.plan = 2; }) != key);
    CHECK(with([](auto& f) { f.nonce = 2; }) != key);
}

}  // namespace
