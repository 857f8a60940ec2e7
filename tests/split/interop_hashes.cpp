// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/split/interop/fnv1a.hpp>
#include <joust/split/interop/md5.hpp>
#include <joust/split/interop/murmur3.hpp>
#include <joust/split/interop/sha1.hpp>
#include <joust/split/interop/sha256.hpp>
#include <joust/split/interop/utf16.hpp>

#include "catch.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace in = joust::interop;

template <std::size_t N>
std::string hex(const std::array<std::uint32_t, N>& words, bool little = false)
{
    std::string digits;
    for (const std::uint32_t word : words) {
        for (int i = 0; i < 8; ++i) {
            const int nibble = little ? i ^ 1 : 7 - i;
            digits += "0123456789abcdef"[(word >> (4 * nibble)) & 15U];
        }
    }
    return digits;
}

std::string repeated(std::string_view text, std::size_t times)
{
    std::string all;
    for (std::size_t i = 0; i < times; ++i) {
        all += text;
    }
    return all;
}

// A text of every length, without a pattern that a wrong order of bytes could hide in.
std::string text_of(std::size_t length)
{
    std::string text;
    for (std::size_t i = 0; i < length; ++i) {
        text += static_cast<char>((i * 167 + i / 7) & 0xff);
    }
    return text;
}

std::vector<std::uint32_t> units(std::string_view text)
{
    std::vector<std::uint32_t> all;
    in::for_each_utf16_unit(text, [&all](std::uint16_t unit) { all.push_back(unit); });
    return all;
}

std::vector<std::uint32_t> points(std::string_view text)
{
    std::vector<std::uint32_t> all;
    in::for_each_code_point(text, [&all](char32_t point) { all.push_back(point); });
    return all;
}

using numbers = std::vector<std::uint32_t>;

TEST_CASE("murmur3 gives the values that are known of MurmurHash3_x86_32")
{
    STATIC_REQUIRE(in::murmur3_32("", 0) == 0);
    STATIC_REQUIRE(in::murmur3_32("", 1) == 0x514e28b7U);
    STATIC_REQUIRE(in::murmur3_32("", 0xffffffffU) == 0x81f16f39U);
    CHECK(in::murmur3_32(std::string_view{"\xff\xff\xff\xff", 4}) == 0x76293b50U);
    CHECK(in::murmur3_32(std::string_view{"\x21\x43\x65\x87", 4}) == 0xf55b516bU);
    CHECK(in::murmur3_32(std::string_view{"\x21\x43\x65\x87", 4}, 0x5082edeeU) == 0x2362f9deU);
    CHECK(in::murmur3_32(std::string_view{"\x21\x43\x65", 3}) == 0x7e4a8634U);
    CHECK(in::murmur3_32(std::string_view{"\x21\x43", 2}) == 0xa0f7b07aU);
    CHECK(in::murmur3_32(std::string_view{"\x21", 1}) == 0x72661cf4U);
    CHECK(in::murmur3_32(std::string_view{"\0\0\0\0", 4}) == 0x2362f9deU);
    CHECK(in::murmur3_32("test", 0x9747b28cU) == 0x704b81dcU);
    CHECK(in::murmur3_32("Hello, world!", 0x9747b28cU) == 0x24884cbaU);
    CHECK(in::murmur3_32("The quick brown fox jumps over the lazy dog", 0x9747b28cU) == 0x2fa826cdU);
    CHECK(in::murmur3_32(repeated("a", 256), 0x9747b28cU) == 0x37405bdcU);
}

TEST_CASE("fnv1a gives the published values, and takes a wide character as one unit")
{
    STATIC_REQUIRE(in::fnv1a_32("") == 0x811c9dc5U);
    STATIC_REQUIRE(in::fnv1a_32("a") == 0xe40c292cU);
    CHECK(in::fnv1a_32("foobar") == 0xbf9cf968U);
    CHECK(in::fnv1a_32("chongo was here!\n") == 0xd49930d5U);

    // One unit, xored in whole: the definition, written out.
    CHECK(in::fnv1a_32_utf16("é") == (2166136261U ^ 0xe9U) * 16777619U);
    CHECK(in::fnv1a_32_utf16("你") == (2166136261U ^ 0x4f60U) * 16777619U);
    CHECK(in::fnv1a_32_utf16("😀") == (((2166136261U ^ 0xd83dU) * 16777619U) ^ 0xde00U) * 16777619U);
    CHECK(in::fnv1a{}.add_code_points("😀").value() == (2166136261U ^ 0x1f600U) * 16777619U);
    CHECK(in::fnv1a_32_utf16("plain") == in::fnv1a_32("plain"));
    STATIC_REQUIRE(in::fnv1a_32_utf16("é") != in::fnv1a_32("é"));
}

TEST_CASE("SHA-1, SHA-256 and MD5 give the digests of their standards")
{
    STATIC_REQUIRE(in::sha1_of("abc")[0] == 0xa9993e36U);
    STATIC_REQUIRE(in::sha256_of("abc")[0] == 0xba7816bfU);
    STATIC_REQUIRE(in::md5_of("abc")[0] == 0x98500190U);

    CHECK(hex(in::sha1_of("")) == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    CHECK(hex(in::sha1_of("abc")) == "a9993e364706816aba3e25717850c26c9cd0d89d");
    CHECK(hex(in::sha1_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
          "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    CHECK(hex(in::sha1_of(repeated("a", 1'000'000))) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f");

    CHECK(hex(in::sha256_of("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(hex(in::sha256_of("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(hex(in::sha256_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(hex(in::sha256_of(repeated("a", 1'000'000))) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");

    CHECK(hex(in::md5_of(""), true) == "d41d8cd98f00b204e9800998ecf8427e");
    CHECK(hex(in::md5_of("a"), true) == "0cc175b9c0f1b6a831c399e269772661");
    CHECK(hex(in::md5_of("message digest"), true) == "f96b697d7cb7938d525a2f31aaf161d0");
    CHECK(hex(in::md5_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"), true) ==
          "d174ab98d277d9f5a5611c2c9f419d9f");
    CHECK(hex(in::md5_of(repeated("1234567890", 8)), true) == "57edf4a22be3c955ac49da2e2107b67a");
}

TEST_CASE("a hash of a text in pieces is the hash of the whole text, wherever it is cut")
{
    joust::keyed_random random{11};
    for (std::size_t length = 0; length <= 200; ++length) {
        const std::string whole = text_of(length);
        in::murmur3 murmur{7};
        in::fnv1a fnv;
        in::sha1 first;
        in::sha256 second;
        in::md5 third;
        std::string_view rest = whole;
        while (!rest.empty()) {
            const std::string_view piece =
                rest.substr(0, random.below(rest.size() < 70 ? rest.size() + 1 : 70));
            murmur.add(piece);
            fnv.add(piece);
            first.add(piece);
            second.add(piece);
            third.add(piece);
            rest.remove_prefix(piece.size());
        }
        CHECK(murmur.value() == in::murmur3_32(whole, 7));
        CHECK(fnv.value() == in::fnv1a_32(whole));
        CHECK(first.finish() == in::sha1_of(whole));
        CHECK(second.finish() == in::sha256_of(whole));
        CHECK(third.finish() == in::md5_of(whole));

        in::murmur3 bytes{7};
        for (const char byte : whole) {
            bytes.add_byte(static_cast<std::uint8_t>(byte));
        }
        CHECK(bytes.value() == in::murmur3_32(whole, 7));
    }
}

TEST_CASE("murmur3 knows whether all bytes are ASCII, those that it holds back too")
{
    for (std::size_t length = 0; length < 12; ++length) {
        CHECK(in::murmur3{}.add(std::string(length, '\x7f')).ascii());
        for (std::size_t at = 0; at < length; ++at) {
            std::string text(length, 'a');
            text[at] = '\x80';
            CHECK_FALSE(in::murmur3{}.add(text).ascii());
            CHECK_FALSE(in::is_ascii(text));
        }
        CHECK(in::is_ascii(std::string(length, '\x7f')));
    }
}

TEST_CASE("UTF-8 becomes the code units of UTF-16")
{
    CHECK(units("").empty());
    CHECK(units("aé你") == numbers{0x61, 0xe9, 0x4f60});
    CHECK(units("😀𠜎") == numbers{0xd83d, 0xde00, 0xd841, 0xdf0e});
    CHECK(units("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf") == numbers{0xd800, 0xdc00, 0xdbff, 0xdfff});
    CHECK(units("\xef\xbf\xbf\xef\xbb\xbf") == numbers{0xffff, 0xfeff});
    CHECK(points("a😀") == numbers{0x61, 0x1f600});
}

TEST_CASE(
    "what is not UTF-8 becomes U+FFFD as decoders of the web do it: one for the longest start of a code point")
{
    constexpr std::uint32_t bad = 0xfffd;
    CHECK(points("\x80") == numbers{bad});
    CHECK(points("\xff"
                 "a") == numbers{bad, 'a'});
    CHECK(points("\xc0\xaf") == numbers{bad, bad});           // overlong: the first byte is never a lead
    CHECK(points("\xe0\x80\xaf") == numbers{bad, bad, bad});  // overlong: the second byte is excluded
    CHECK(points("\xf0\x80\x80\xaf") == numbers{bad, bad, bad, bad});
    CHECK(points("\xed\xa0\x80") == numbers{bad, bad, bad});  // a surrogate
    CHECK(points("\xf4\x90\x80\x80") == numbers{bad, bad, bad, bad});
    CHECK(points("\xf5\x80\x80\x80") == numbers{bad, bad, bad, bad});
    CHECK(points("\xe2\x82") == numbers{bad});  // cut off: one for all that was a good start
    CHECK(points("\xe2\x82"
                 "a") == numbers{bad, 'a'});
    CHECK(points("\xf0\x9f\x98") == numbers{bad});
    CHECK(points("\xf0\x9f\x98\xf0\x9f\x98\x80") == numbers{bad, 0x1f600});
    CHECK(points("\xf1\x80\x80\x41") == numbers{bad, 'A'});
    CHECK(points("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41") ==
          numbers{bad, bad, bad, bad, 'A'});  // Unicode 15, table 3-11
    CHECK(points("\xc2") == numbers{bad});
}

}  // namespace
