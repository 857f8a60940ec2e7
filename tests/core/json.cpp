// SPDX-License-Identifier: Apache-2.0

#include <joust/core/json.hpp>

#include "catch.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace {

std::string escaped(std::string_view text)
{
    std::string out;
    joust::append_json_string(out, text);
    return out;
}

template <class Value>
std::string written(Value value)
{
    std::string out;
    joust::json_writer{out}.value(value);
    return out;
}

}  // namespace

TEST_CASE("JSON strings are escaped, and bytes that are not UTF-8 are replaced")
{
    CHECK(escaped("plain") == R"("plain")");
    CHECK(escaped("\"\\\b\f\n\r\t") == R"("\"\\\b\f\n\r\t")");
    CHECK(escaped({"\0\x1F\x7F", 3}) == R"("\u0000\u001f\u007f")");
    CHECK(escaped("</script>&") == R"("\u003c/script\u003e\u0026")");
    CHECK(escaped("caf\xC3\xA9") == "\"caf\xC3\xA9\"");
    CHECK(escaped("\xE2\x80\xA8") == R"("\u2028")");
    CHECK(escaped("a\xFF"
                  "b\xC3") == R"("a\ufffdb\ufffd")");
}

TEST_CASE("every byte string becomes JSON that another reader takes")
{
    std::uint64_t state = 1;
    for (int round = 0; round < 2000; ++round) {
        std::string bytes;
        for (int i = 0; i < 24; ++i) {
            state = state * 6364136223846793005U + 1442695040888963407U;
            bytes += static_cast<char>(state >> 56U);
        }
        const auto read = nlohmann::json::parse(escaped(bytes), nullptr, false);
        REQUIRE(read.is_string());
    }
}

TEST_CASE("doubles read back to the same bits, and JSON has no NaN")
{
    CHECK(written(0.1) == "0.1");
    CHECK(written(-0.0) == "-0");
    CHECK(written(1e300) == "1e+300");
    CHECK(written(std::numeric_limits<double>::quiet_NaN()) == "null");
    CHECK(written(-std::numeric_limits<double>::quiet_NaN()) == "null");
    CHECK(written(std::numeric_limits<double>::infinity()) == "null");
    CHECK(written(-std::numeric_limits<double>::infinity()) == "null");
    CHECK(written(true) == "true");
    CHECK(written(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
    CHECK(written(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
    for (const double value : {0.1 + 0.2, 1.0 / 3.0, 5e-324, 1.7976931348623157e308, 123456789.125}) {
        CHECK(nlohmann::json::parse(written(value)).get<double>() == value);
    }
}

TEST_CASE("commas are set where JSON needs them")
{
    std::string out;
    joust::json_writer json{out};
    json.begin_object();
    json.key("empty").begin_array().end_array();
    json.key("list").begin_array().value(1).value("two").null().begin_object().end_object();
    json.begin_array().value(false).end_array().end_array();
    json.member("last", std::string{"x"}).end_object();
    CHECK(out == R"({"empty":[],"list":[1,"two",null,{},[false]],"last":"x"})");
}
