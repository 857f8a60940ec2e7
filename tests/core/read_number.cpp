// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/core/read_number.hpp>
#include <joust/core/text.hpp>

#include "catch.hpp"

#include <bit>
#include <charconv>
#include <clocale>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

using joust::detail::exact_reader;
using joust::detail::read_number;

namespace {

constexpr double endless = std::numeric_limits<double>::infinity();
constexpr double smallest = std::numeric_limits<double>::denorm_min();
constexpr double largest = std::numeric_limits<double>::max();

bool same_bits(double a, double b)
{
    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

/// What both ways make of a text, which has to be the same number.
double number(std::string_view text)
{
    double exact = 42.0;
    double read = 42.0;
    INFO(text);
    REQUIRE(exact_reader::read(text, exact));
    REQUIRE(read_number(text, read));
    REQUIRE(same_bits(exact, read));
    return read;
}

bool refused(std::string_view text)
{
    double exact = 42.0;
    double read = 42.0;
    return !exact_reader::read(text, exact) && !read_number(text, read);
}

/// Decimal digits times a small number.
std::string times(std::string digits, unsigned factor)
{
    unsigned carry = 0;
    for (std::size_t i = digits.size(); i-- > 0;) {
        carry += factor * static_cast<unsigned>(digits[i] - '0');
        digits[i] = static_cast<char>('0' + carry % 10);
        carry /= 10;
    }
    for (; carry != 0; carry /= 10) {
        digits.insert(0, 1, static_cast<char>('0' + carry % 10));
    }
    return digits;
}

}  // namespace

TEST_CASE("numbers are read as they are commonly written")
{
    CHECK(number("0") == 0.0);
    CHECK(same_bits(number("-0.0"), -0.0));
    CHECK(number("12") == 12.0);
    CHECK(number("-0.05") == -0.05);
    CHECK(number("1.") == 1.0);
    CHECK(number(".5") == 0.5);
    CHECK(number("1e-9") == 1e-9);
    CHECK(number("6.02E+23") == 6.02e23);
    CHECK(number("000000000000000000000000000001.5") == 1.5);
    CHECK(number("0.000000000000000000000000000000000000000000000015e47") == 1.5);
    CHECK(number("1000000000000000000000000000000e-30") == 1.0);
    CHECK(number("0e999999999999999999999") == 0.0);
    CHECK(number("inf") == endless);
    CHECK(number("-Infinity") == -endless);
    CHECK(std::isnan(number("NaN")));
    CHECK(std::signbit(number("-nan")));
}

TEST_CASE("what is not a number, or is more than a number, is refused and changes nothing")
{
    for (const std::string_view text :
         {"",     "-",  "+1", ".",   "-.",  "e5",      "1e",   "1e+",    "1e5.", "1..2", "1.2.3",
          "0x10", " 1", "1 ", "1,5", "--1", "infinit", "nano", "nan(1)", "1f",   "e",    "-e"}) {
        INFO(text);
        CHECK(refused(text));
    }
    double untouched = 42.0;
    CHECK_FALSE(exact_reader::read("1e999", untouched));
    CHECK(untouched == 42.0);
}

TEST_CASE("numbers that no double is near to are refused")
{
    CHECK(number("1.7976931348623157e308") == largest);
    CHECK(number("1.7976931348623158079e308") == largest);
    CHECK(refused("1.797693134862315808e308"));
    CHECK(refused("1e309"));
    CHECK(refused("1e99999999999999999999999"));
    CHECK(refused("1" + std::string(400, '0')));
    CHECK(number("5e-324") == smallest);
    CHECK(number("2.4703282292062328e-324") == smallest);
    CHECK(refused("2.4703282292062327e-324"));
    CHECK(refused("1e-324"));
    CHECK(refused("1e-99999999999999999999999"));
    CHECK(refused("-0." + std::string(400, '0') + "1"));
}

TEST_CASE("halfway between two doubles the even one is taken, and a single further digit decides")
{
    CHECK(number("9007199254740993") == 9007199254740992.0);
    CHECK(number("9007199254740993." + std::string(900, '0')) == 9007199254740992.0);
    CHECK(number("9007199254740993." + std::string(900, '0') + "1") == 9007199254740994.0);
    CHECK(number("9007199254740995") == 9007199254740996.0);
    CHECK(number("2.2250738585072012e-308") == 2.2250738585072014e-308);  // rounds up to a normal number
    CHECK(number("2.2250738585072011e-308") == std::nextafter(2.2250738585072014e-308, 0.0));

    // From the whole range of exponents, in full: of up to 768 digits.
    joust::keyed_random random{7};
    int below = 0;
    for (int exponent = -1074; exponent <= 970; exponent += 28) {
        const std::uint64_t whole =
            (exponent == -1074 ? 1 : std::uint64_t{1} << 52) + random.below(std::uint64_t{1} << 51);
        const double low = std::ldexp(static_cast<double>(whole), exponent);
        const double high = std::ldexp(static_cast<double>(whole + 1), exponent);
        std::string halfway = std::to_string(2 * whole + 1);
        for (int i = exponent - 1; i != 0; i += i < 0 ? 1 : -1) {
            halfway = times(halfway, i < 0 ? 5 : 2);
        }
        const int power = exponent < 1 ? exponent - 1 : 0;
        CHECK(number(halfway + "e" + std::to_string(power)) == (whole % 2 == 0 ? low : high));
        CHECK(number(halfway + "1e" + std::to_string(power - 1)) == high);
        if (halfway.back() != '0') {
            --halfway.back();
            CHECK(number(halfway + "9e" + std::to_string(power - 1)) == low);
            ++below;
        }
    }
    CHECK(below > 40);
}

TEST_CASE("what is written with the fewest digits reads back to the same bits")
{
    joust::keyed_random random{11};
    for (int i = 0; i < 20'000; ++i) {
        const double value = std::bit_cast<double>(random.next());
        if (!std::isfinite(value)) {
            continue;
        }
        const std::string text = joust::to_text(value);
        double exact = 0.0;
        if (!exact_reader::read(text, exact) || !same_bits(exact, value)) {
            FAIL_CHECK(text << " was read as " << exact);
        }
    }
}

TEST_CASE("random digits and exponents are read as the standard library reads them")
{
    joust::keyed_random random{13};
    int numbers = 0;
    for (int i = 0; i < 20'000; ++i) {
        std::string text;
        const std::uint64_t digits = 1 + random.below(i % 100 == 0 ? 900 : 40);
        const std::uint64_t point = random.below(digits + 1);
        for (std::uint64_t k = 0; k < digits; ++k) {
            text += k == point ? "." : "";
            text += static_cast<char>('0' + random.below(10));
        }
        text += "e" + std::to_string(static_cast<int>(random.below(i % 3 == 0 ? 700 : 60)) -
                                     (i % 3 == 0 ? 350 : 40));
        double exact = 42.0;
        double standard = 42.0;
        const bool good = exact_reader::read(text, exact);
        if (good != read_number(text, standard) || !same_bits(exact, standard)) {
            FAIL_CHECK(text << " was read as " << exact << " and not " << standard);
        }
        numbers += good ? 1 : 0;
    }
    CHECK(numbers > 15'000);
}

TEST_CASE("numbers are read in the same way in every locale")
{
    if (std::setlocale(LC_NUMERIC, "de_DE.UTF-8") == nullptr) {
        WARN("no locale with a decimal comma is installed");
    }
    CHECK(number("0.5") == 0.5);
    CHECK(refused("0,5"));
    std::setlocale(LC_NUMERIC, "C");
}
