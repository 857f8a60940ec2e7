// SPDX-License-Identifier: Apache-2.0

#include <joust/core/write.hpp>
#include <joust/report/test_result.hpp>

#include "catch.hpp"

#include <limits>

namespace {

constexpr joust::stats::test_result welch{.method = "welch_t",
                                          .statistic = 1.107,
                                          .df = 1234.5,
                                          .p_value = 0.269,
                                          .log_p = -1.313,
                                          .estimate = 0.053,
                                          .lower = -0.041,
                                          .upper = 0.147,
                                          .state = joust::status::ok};

}  // namespace

TEST_CASE("a test result writes itself in every style")
{
    CHECK(joust::to_text(welch) == "welch_t: +0.053 [-0.041, +0.147], statistic 1.107, df 1,234, p = 0.269");
    CHECK(joust::to_text(welch, joust::style::table) ==
          "method   estimate  interval          statistic     df      p  status\n"
          "welch_t    +0.053  [-0.041, +0.147]      1.107  1,234  0.269  ok\n");
    CHECK(joust::to_text(welch, joust::style::markdown) ==
          "| method | estimate | interval | statistic | df | p | status |\n"
          "|---|---:|---|---:|---:|---:|---|\n"
          "| welch\\_t | +0.053 | \\[-0.041, +0.147\\] | 1.107 | 1,234 | 0.269 | ok |\n");
    CHECK(joust::to_text(welch, joust::style::json) ==
          R"({"method":"welch_t","status":"ok","statistic":1.107,"df":1234.5,"p_value":0.269,"log_p":-1.313,)"
          R"("estimate":0.053,"lower":-0.041,"upper":0.147})");
}

TEST_CASE("a test result with a bad status gives the reason and no number in its line")
{
    joust::stats::test_result refused = welch;
    refused.state = joust::status::zero_variance;
    CHECK(joust::to_text(refused) == "welch_t: zero variance");
    CHECK(joust::to_text(joust::stats::test_result{}) == "test: too few");
}

TEST_CASE("parts that a test does not have are left out of its line")
{
    const joust::stats::test_result exact{.method = "mcnemar", .p_value = 0.0, .state = joust::status::ok};
    CHECK(joust::to_text(exact) == "mcnemar: p < 1e-300");
    const joust::stats::test_result one_sided{.method = "z",
                                              .estimate = 2.0,
                                              .lower = 1.5,
                                              .upper = std::numeric_limits<double>::infinity(),
                                              .state = joust::status::ok};
    CHECK(joust::to_text(one_sided) == "z: +2.000 [+1.500, +inf)");
}
