// SPDX-License-Identifier: Apache-2.0

#include <joust/joust.hpp>
#include <joust/trial/replace_plan.hpp>

#include "allocations.hpp"
#include "catch.hpp"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace joust;

struct request {
    std::string user;
};

const auto old_model = model{"old", [](const request&) { return 1; }};
const auto new_model = model{"new", [](const request&) { return 2; }};

/// Check that the last look of a course says what the rows of its report say.
void check_last_look(const report& seen)
{
    REQUIRE_FALSE(seen.course.empty());
    const std::size_t last = seen.course.size() - 1;
    REQUIRE(seen.course.rows().size() == seen.metrics.size());
    for (std::size_t r = 0; r < seen.metrics.size(); ++r) {
        CHECK(seen.course.rows()[r] == course_row{seen.metrics[r].metric, seen.metrics[r].arm});
        if (seen.metrics[r].state != status::ok) {
            CHECK(seen.course.value(last, r) == course_value{});
            continue;
        }
        CHECK(seen.course.value(last, r) == course_value{.estimate = seen.metrics[r].estimate,
                                                         .lower = seen.metrics[r].lower,
                                                         .upper = seen.metrics[r].upper,
                                                         .log_e = std::log(seen.metrics[r].e_value),
                                                         .p_value = seen.metrics[r].p_value});
    }
}

}  // namespace

TEST_CASE("An A/B test keeps its looks over several plans, and merged looks apart from them")
{
    manual_time clock;
    ab_test trial{old_model,
                  new_model,
                  by(&request::user),
                  hash_split{.salt = "course", .shares = {0.9, 0.1}},
                  conversion<"click">{},
                  guardrail(failures{}, {.max_increase = 0.01}),
                  clock.view()};
    std::uint64_t served = 0;
    const auto traffic = [&](int requests) {
        for (int i = 0; i < requests; ++i) {
            const auto answer = trial.serve(request{std::to_string(served++)});
            if (served % 3 == 0) {
                trial.observe<"click">(answer.ticket, true);
            }
        }
        clock.advance(1'000'000'000);
    };
    traffic(3'000);
    check_last_look(trial.report());
    const traffic_plan before = plan_of(trial);
    replace_plan(trial, {.salt = "course", .version = before.version + 1, .shares = {0.5, 0.5}});
    traffic(2'000);
    const report seen = trial.report();
    check_last_look(seen);
    REQUIRE(seen.course.size() == 2);
    CHECK(seen.course.look(0).time == 1'000'000'000);
    CHECK(seen.course.look(0).requests == 3'000);
    CHECK(seen.course.look(0).stage == 0);
    CHECK(seen.course.look(0).share == Approx(0.1));
    CHECK(seen.course.look(1).time == 2'000'000'000);
    CHECK(seen.course.look(1).requests == 5'000);
    CHECK(seen.course.look(1).stage == 1);
    CHECK(seen.course.look(1).share == Approx(0.5));

    const report merged = trial.report(trial.evidence());
    check_last_look(merged);
    CHECK(merged.course.size() == 1);
    CHECK(trial.report().course.size() == 3);
}

TEST_CASE("A shadow and an interleaving keep their looks")
{
    shadow beside{old_model, new_model, salt{"course of a shadow"}, inline_run{}};
    for (int i = 0; i < 300; ++i) {
        beside(request{std::to_string(i)});
    }
    check_last_look(beside.report());
    const report seen = beside.report();
    CHECK(seen.course.size() == 2);
    CHECK(seen.course.look(1).requests == 300);
    CHECK(std::isnan(seen.course.look(1).share));
    CHECK(beside.report(beside.evidence()).course.size() == 1);

    const auto ranker = [](const request&) { return std::vector<int>{1, 2, 3}; };
    interleaving ranks{model{"a", ranker}, model{"b", ranker}, by(&request::user), salt{"course of lists"}};
    for (int i = 0; i < 50; ++i) {
        const auto slate = ranks.rank(request{std::to_string(i)}, 3);
        ranks.click(slate.ticket(), 0);
    }
    check_last_look(ranks.report());
    CHECK(ranks.report().course.size() == 2);
}

TEST_CASE("A canary keeps the looks that it takes by itself, without an allocation, and a report shows them")
{
    manual_time clock;
    canary trial{old_model,
                 new_model,
                 by(&request::user),
                 hash_split{.salt = "course of a canary"},
                 guardrail(failures{}, {.max_increase = 0.02}),
                 ramp{.shares = {0.2, 0.5}, .requests = 100, .check_every = 256},
                 clock.view()};
    for (int i = 0; i < 20'000; ++i) {
        trial(request{std::to_string(i)});
        clock.advance(1'000'000);
    }
    const report seen = trial.report();
    check_last_look(seen);
    CHECK(seen.course.taken() > 20);
    CHECK(seen.course.look(0).requests < 1'000);
    CHECK(seen.course.look(0).share == Approx(0.2));
    CHECK(seen.course.look(seen.course.size() - 1).requests == 20'000);
    CHECK(seen.course.look(seen.course.size() - 1).units > 1'000.0);

    trial.step();
    const long before = joust_tests::allocations();
    for (int i = 0; i < 50; ++i) {
        trial.step();
    }
    CHECK(joust_tests::allocations() == before);
    CHECK(trial.report().course.taken() == seen.course.taken() + 52);
    CHECK(trial.report(trial.evidence()).course.taken() == 1);
}
