// SPDX-License-Identifier: Apache-2.0

#include <joust/report/html.hpp>
#include <joust/report/junit.hpp>
#include <joust/report/suppress.hpp>
#include <joust/report/write.hpp>

#include "catch.hpp"
#include "report/sample.hpp"

#include <string>

namespace {

joust::report with_small_challenger()
{
    joust::report made = sample::ab_test();
    made.arms[1].units = 4.0;
    made.arms[1].requests = 77'777;
    made.arms[1].failures = 33;
    made.metrics[0].challenger = 0.4444;
    made.metrics[1].challenger = 55.55;
    made.latencies[1].p99 = 66.66;
    return made;
}

}  // namespace

TEST_CASE("the numbers of a group below five units are left out")
{
    const joust::report shown = joust::suppress_small_groups(with_small_challenger());
    CHECK_FALSE(shown.arms[0].suppressed);
    CHECK(shown.arms[0].requests == 18'012);
    CHECK(shown.arms[1].suppressed);
    CHECK(shown.arms[1].requests == 0);
    CHECK(shown.arms[1].failures == 0);
    CHECK(shown.arms[1].share == 0.1);
    for (const joust::metric_row& row : shown.metrics) {
        CHECK(row.suppressed);
        CHECK(row.challenger != row.challenger);
        CHECK(row.champion != row.champion);
        CHECK(row.p_value != row.p_value);
    }
    CHECK_FALSE(shown.latencies[0].suppressed);
    CHECK(shown.latencies[1].suppressed);
    CHECK(shown.latencies[1].p99 == 0.0);
    CHECK(shown.decision == joust::verdict::ship_challenger);
    CHECK(joust::any_suppressed(shown));
    CHECK(joust::suppress_small_groups(shown) == shown);
}

TEST_CASE("five units are enough, and the limit can be chosen")
{
    joust::report shown = with_small_challenger();
    shown.arms[1].units = 5.0;
    CHECK_FALSE(joust::any_suppressed(joust::suppress_small_groups(shown)));
    shown.arms[1].units = 4.6;  // a sketch's estimate of five
    CHECK_FALSE(joust::any_suppressed(joust::suppress_small_groups(shown)));
    CHECK(joust::any_suppressed(joust::suppress_small_groups(shown, 10)));
    CHECK_FALSE(joust::any_suppressed(joust::suppress_small_groups(with_small_challenger(), 0)));
}

TEST_CASE("an arm that served no unit is not small, and requests count where units do not")
{
    joust::report shown = sample::gate();
    CHECK_FALSE(joust::any_suppressed(joust::suppress_small_groups(shown)));
    shown.arms[1].requests = 0;
    CHECK_FALSE(joust::any_suppressed(joust::suppress_small_groups(shown)));
    shown.arms[1].requests = 3;
    CHECK(joust::any_suppressed(joust::suppress_small_groups(shown)));
}

TEST_CASE("a small champion takes every comparison with it")
{
    joust::report shown = sample::ab_test();
    shown.arms[0].units = 2.0;
    for (const joust::metric_row& row : joust::suppress_small_groups(shown).metrics) {
        CHECK(row.suppressed);
    }
}

TEST_CASE("no writer lets a small group through")
{
    const joust::report shown = with_small_challenger();
    for (const std::string& out :
         {joust::to_text(shown, joust::style::line), joust::to_text(shown, joust::style::table),
          joust::to_text(shown, joust::style::markdown), joust::to_text(shown, joust::style::json),
          joust::html(shown), joust::junit(shown)}) {
        for (const char* secret : {"77,777", "77777", "44.4", "0.4444", "55.5", "66.6", "66.7"}) {
            CHECK(out.find(secret) == std::string::npos);
        }
    }
    CHECK_THAT(joust::to_text(shown), ContainsSubstring("dnn-v2   10.0 %  suppressed"));
    CHECK_THAT(joust::to_text(shown),
               ContainsSubstring("suppressed to protect the privacy of their members"));
}
