// SPDX-License-Identifier: Apache-2.0

#include <joust/core/utf8.hpp>

#include "catch.hpp"

#include <string>
#include <string_view>

namespace {

std::string clean(std::string_view text)
{
    std::string out;
    joust::append_clean(out, text);
    return out;
}

}  // namespace

TEST_CASE("UTF-8 is decoded at the edges of each length")
{
    struct edge {
        std::string_view bytes;
        char32_t value;
    };
    for (const auto& [bytes, value] :
         {edge{"\x7F", 0x7F}, edge{"\xC2\x80", 0x80}, edge{"\xDF\xBF", 0x7FF}, edge{"\xE0\xA0\x80", 0x800},
          edge{"\xED\x9F\xBF", 0xD7FF}, edge{"\xEE\x80\x80", 0xE000}, edge{"\xEF\xBF\xBD", 0xFFFD},
          edge{"\xF0\x90\x80\x80", 0x10000}, edge{"\xF4\x8F\xBF\xBF", 0x10FFFF}}) {
        const joust::code_point point = joust::decode_utf8(bytes, 0);
        CHECK(point.valid);
        CHECK(point.value == value);
        CHECK(point.bytes == bytes.size());
    }
}

TEST_CASE("overlong forms, surrogates, stray and missing bytes are not UTF-8")
{
    for (const std::string_view bytes :
         {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xED\xA0\x80",
          "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xE2\x82",
          "\xC3", "\xC3\x28"}) {
        const joust::code_point point = joust::decode_utf8(bytes, 0);
        CHECK_FALSE(point.valid);
        CHECK(point.value == 0xFFFD);
        CHECK(point.bytes == 1);
    }
}

TEST_CASE("text from outside cannot steer a terminal or turn around the text beside it")
{
    CHECK(clean("gbdt-v1") == "gbdt-v1");
    CHECK(clean("\x1B[31mred") == "\xEF\xBF\xBD[31mred");
    CHECK(clean("two\nlines\x7F") == "two\xEF\xBF\xBDlines\xEF\xBF\xBD");
    CHECK(clean("a\xE2\x80\xAE"
                "b") == "a\xEF\xBF\xBD"
                        "b");
    CHECK(clean("caf\xC3\xA9 \xE6\xA4\x9C\xE7\xB4\xA2") == "caf\xC3\xA9 \xE6\xA4\x9C\xE7\xB4\xA2");
    CHECK(clean("\xFF") == "\xEF\xBF\xBD");
    CHECK(clean({"\0", 1}) == "\xEF\xBF\xBD");
}

TEST_CASE("the width of text counts columns, not bytes")
{
    CHECK(joust::display_width("") == 0);
    CHECK(joust::display_width("dnn-v2") == 6);
    CHECK(joust::display_width("caf\xC3\xA9") == 4);
    CHECK(joust::display_width("cafe\xCC\x81") == 4);
    CHECK(joust::display_width("\xE6\xA4\x9C\xE7\xB4\xA2") == 4);
    CHECK(joust::display_width("\xF0\x9F\x8F\x87") == 2);
}
