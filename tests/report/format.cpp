// SPDX-License-Identifier: Apache-2.0

#include <joust/format.hpp>

#include "catch.hpp"
#include "report/sample.hpp"

#include <fmt/ranges.h>

#include <string>
#include <string_view>
#include <vector>

namespace elsewhere {

enum class colour { red };
constexpr std::string_view to_string(colour) noexcept
{
    return "red";
}

struct point {
    void write(std::string& out, joust::style how) const
    {
        out += how == joust::style::json ? "[1,2]" : "(1, 2)";
    }
};

}  // namespace elsewhere

static_assert(joust::writes_itself<joust::report>);
static_assert(joust::writes_itself<joust::verdict>);
static_assert(joust::writes_itself<joust::status>);
static_assert(joust::writes_itself<joust::stats::test_result>);
static_assert(joust::writes_itself<elsewhere::point>, "a user's own type may join");
static_assert(!joust::writes_itself<elsewhere::colour>,
              "an enumeration of another library does not write itself");
static_assert(!joust::writes_itself<int> && !joust::writes_itself<std::string> &&
              !joust::writes_itself<std::vector<int>>);

TEST_CASE("a report prints its table by default and every other style on request")
{
    const joust::report shown = sample::canary();
    CHECK(fmt::format("{}", shown) == joust::to_text(shown, joust::style::table));
    CHECK(fmt::format("{:t}", shown) == joust::to_text(shown, joust::style::table));
    CHECK(fmt::format("{:l}", shown) == joust::to_text(shown, joust::style::line));
    CHECK(fmt::format("{:m}", shown) == joust::to_text(shown, joust::style::markdown));
    CHECK(fmt::format("{:j}", shown) == joust::to_text(shown, joust::style::json));
}

TEST_CASE("results, verdicts, statuses and values of users print beside other things")
{
    const joust::stats::test_result result{.method = "z", .p_value = 0.5, .state = joust::status::ok};
    CHECK(fmt::format("{} {:>3}", result, 7) == "z: p = 0.500   7");
    CHECK(fmt::format("{} {:j}", joust::verdict::roll_back, joust::status::burn_in) ==
          "roll back \"burn-in\"");
    CHECK(fmt::format("{} {:j}", elsewhere::point{}, elsewhere::point{}) == "(1, 2) [1,2]");
    CHECK(fmt::format("{}", fmt::join(std::vector{joust::verdict::pass, joust::verdict::regress}, ", ")) ==
          "pass, regress");
}

TEST_CASE("a format specification that does not exist is refused")
{
    for (const char* wrong : {"{:x}", "{:tt}", "{:>20}", "{:j "}) {
        CHECK_THROWS_AS(fmt::format(fmt::runtime(wrong), joust::verdict::pass), fmt::format_error);
    }
}
