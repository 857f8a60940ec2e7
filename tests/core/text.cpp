// SPDX-License-Identifier: Apache-2.0

#include <joust/core/text.hpp>

#include "catch.hpp"

#include <clocale>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

namespace {

constexpr double no_number = std::numeric_limits<double>::quiet_NaN();
constexpr double endless = std::numeric_limits<double>::infinity();

template <class... Args>
std::string with(void (*append)(std::string&, Args...), std::type_identity_t<Args>... args)
{
    std::string out;
    append(out, args...);
    return out;
}

std::string fixed(double value, int decimals, joust::signs plus = joust::signs::minus_only)
{
    return with(joust::append_fixed, value, decimals, plus);
}

std::string number(double value, int digits = 4, joust::signs plus = joust::signs::minus_only)
{
    return with(joust::append_number, value, digits, plus);
}

}  // namespace

TEST_CASE("whole numbers have commas between groups of three")
{
    CHECK(with(joust::append_count, 0U) == "0");
    CHECK(with(joust::append_count, 999U) == "999");
    CHECK(with(joust::append_count, 1'000U) == "1,000");
    CHECK(with(joust::append_count, std::numeric_limits<std::uint64_t>::max()) ==
          "18,446,744,073,709,551,615");
}

TEST_CASE("fixed numbers keep their decimals and lose the sign of zero")
{
    CHECK(fixed(1234.5, 2) == "1,234.50");
    CHECK(fixed(-1234567.891, 1) == "-1,234,567.9");
    CHECK(fixed(-0.0004, 2) == "0.00");
    CHECK(fixed(-0.0, 0) == "0");
    CHECK(fixed(0.25, 1, joust::signs::always) == "+0.2");  // ties go to the even digit
    CHECK(fixed(-0.0004, 2, joust::signs::always) == "+0.00");
    CHECK(fixed(no_number, 2) == "-");
    CHECK(fixed(endless, 2) == "inf");
    CHECK(fixed(endless, 2, joust::signs::always) == "+inf");
    CHECK(fixed(-endless, 2) == "-inf");
    CHECK(fixed(1.7976931348623157e308, 0).size() == 309 + 102);
    CHECK(fixed(1.0, 1000).size() == 62);
}

TEST_CASE("significant digits survive rounding up to the next power of ten")
{
    CHECK(number(9.9996) == "10.00");
    CHECK(number(0.00099996) == "0.001000");
    CHECK(number(1234.5) == "1,234");
    CHECK(number(0.0) == "0");
    CHECK(number(0.000123456) == "0.0001235");
    CHECK(number(0.0000123456, 3) == "1.23e-5");
    CHECK(number(999'999'999.9, 2) == "1.0e9");
    CHECK(number(-2.5e300, 2) == "-2.5e300");
    CHECK(number(2.5e-300, 2, joust::signs::always) == "+2.5e-300");
    CHECK(number(5e-324, 1) == "5e-324");
    CHECK(number(no_number) == "-");
    CHECK(number(1.5, 0) == "2");
}

TEST_CASE("proportions, durations, p-values and e-values look as reports show them")
{
    CHECK(with(joust::append_percent, 0.125, 1, joust::signs::minus_only) == "12.5 %");
    CHECK(with(joust::append_percent, no_number, 1, joust::signs::minus_only) == "-");

    const auto duration = [](double nanoseconds) {
        return with(joust::append_duration, nanoseconds, 3, joust::signs::minus_only);
    };
    CHECK(duration(0.0) == "0 ns");
    CHECK(duration(12.34) == "12.3 ns");
    CHECK(duration(999.4) == "999 ns");
    CHECK(duration(999.6) == "1.00 us");
    CHECK(duration(1.5e6) == "1.50 ms");
    CHECK(duration(6.1e10) == "61.0 s");
    CHECK(duration(-2500.0) == "-2.50 us");
    CHECK(duration(no_number) == "-");
    CHECK(with(joust::append_duration, 1.5e3, 3, joust::signs::always) == "+1.50 us");

    CHECK(with(joust::append_p_value, 0.04567) == "0.046");
    CHECK(with(joust::append_p_value, 3.98e-5) == "3.98e-5");
    CHECK(with(joust::append_p_value, 0.0) == "< 1e-300");
    CHECK(with(joust::append_p_value, no_number) == "-");

    CHECK(with(joust::append_e_value, 0.5) == "0.50");
    CHECK(with(joust::append_e_value, 129.4) == "129");
    CHECK(with(joust::append_e_value, 3.14e12) == "3.1e12");
    CHECK(with(joust::append_e_value, endless) == "> 1e300");
}

TEST_CASE("decimals show an interval in at least thirty steps")
{
    CHECK(joust::decimals_for(0.188) == 3);
    CHECK(joust::decimals_for(3.59) == 1);
    CHECK(joust::decimals_for(2.98) == 2);
    CHECK(joust::decimals_for(1234.0) == 0);
    CHECK(joust::decimals_for(1e-30) == 12);
    CHECK(joust::decimals_for(0.0) == 4);
    CHECK(joust::decimals_for(endless) == 4);
}

TEST_CASE("numbers do not follow the locale of the program")
{
    const std::string before = std::setlocale(LC_ALL, nullptr);
    for (const char* name : {"de_DE.UTF-8", "fr_FR.UTF-8", "C.UTF-8"}) {
        if (std::setlocale(LC_ALL, name) != nullptr) {
            CHECK(fixed(1234.5, 1) == "1,234.5");
        }
    }
    std::setlocale(LC_ALL, before.c_str());
}

TEST_CASE("a table aligns its columns by the width on the screen")
{
    using enum joust::text_table::align;
    joust::text_table table{{"model"}, {"calls", right}, {"why"}};
    table.row({"caf\xC3\xA9", "7", "short"});
    table.row({"\xE6\xA4\x9C\xE7\xB4\xA2\xE6\xA4\x9C\xE7\xB4\xA2", "12,345"});
    CHECK(table.rows() == 2);
    std::string out;
    table.write_text(out);
    CHECK(out == "  model      calls  why\n"
                 "  caf\xC3\xA9           7  short\n"
                 "  \xE6\xA4\x9C\xE7\xB4\xA2\xE6\xA4\x9C\xE7\xB4\xA2  12,345\n");
}

TEST_CASE("a Markdown table is not broken by its contents")
{
    using enum joust::text_table::align;
    joust::text_table table{{"model"}, {"n", right}};
    table.row({"a|b `c` <d> [e](f) & *g*_h_", "1\n2"});
    std::string out;
    table.write_markdown(out);
    CHECK(out == "| model | n |\n"
                 "|---|---:|\n"
                 "| a\\|b \\`c\\` &lt;d&gt; \\[e\\](f) &amp; \\*g\\*\\_h\\_ | 1\xEF\xBF\xBD"
                 "2 |\n");
}
