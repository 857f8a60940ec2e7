// SPDX-License-Identifier: Apache-2.0

#include <joust/core/model.hpp>
#include <joust/core/random.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/monitor/arm_watch.hpp>
#include <joust/store/snapshot.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/watch.hpp>

#include "catch.hpp"

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

struct request {
    std::uint64_t user = 0;
    double age = 0.0;
    std::string country{};
};

using answer = std::function<int(const request&)>;

request draw(joust::keyed_random& random, std::uint64_t user)
{
    return {user, 20.0 + 40.0 * random.uniform(), random.coin() ? "de" : "fr"};
}

double age_of(const request& r)
{
    return r.age < 0.0 ? throw std::runtime_error{"negative"} : r.age;
}

auto make_arms()
{
    return joust::arm_watch{2, joust::feature<"age">(age_of, joust::numeric_bins{30, 40, 50}),
                            joust::feature<"country">(&request::country, joust::categories{"de", "fr"}),
                            joust::one_row_per(&request::user),
                            joust::arms_alarm{.promise = joust::false_alarms::every(1'000)}};
}

}  // namespace

TEST_CASE("a trial shows its watch every recorded request once, by arm, and randomised arms are alike")
{
    auto arms = make_arms();
    joust::canary trial{joust::model{"old", answer{[](const request&) { return 0; }}},
                        joust::model{"new", answer{[](const request&) { return 1; }}},
                        joust::by(&request::user), joust::ramp{.shares = {0.5, 1.0}, .requests = 1'000'000},
                        joust::watch(arms)};
    joust::keyed_random random{1};
    std::uint64_t user = 0;
    for (int block = 0; block < 10; ++block) {
        for (int i = 0; i < 400; ++i) {
            const request row = draw(random, user++);
            trial(row);
            trial(row);  // the same user again: one row
        }
        arms.check();
    }
    const joust::drift_report quiet = arms.report();
    CHECK(quiet.blocks == 10);
    CHECK(quiet.features[0].block.reference_rows + quiet.features[0].block.live_rows > 3900.0);
    CHECK(quiet.features[0].block.reference_rows + quiet.features[0].block.live_rows <= 4000.0);
    CHECK(quiet.state() < joust::drift_state::real_but_small);
    CHECK(arms.complaint().empty());
    CHECK_FALSE(joust::hold_on_drift(trial, arms));

    // Something behind the split keeps young users from the challenger.
    for (int block = 0; block < 10; ++block) {
        for (int i = 0; i < 400; ++i) {
            const request row = draw(random, user++);
            const bool challenger = random.coin();
            if (!challenger || row.age > 30.0 || random.coin()) {
                arms.see(challenger ? 1 : 0, row);
            }
        }
        arms.check();
    }
    const joust::drift_report found = arms.report();
    CHECK(found.features[0].state == joust::drift_state::drifted);
    CHECK(found.features[1].state != joust::drift_state::drifted);
    CHECK(found.features[0].worst[0].cell == "below 30");
    CHECK_THAT(arms.complaint(), ContainsSubstring("age of arm 1, below 30: "));
    CHECK(joust::hold_on_drift(trial, arms));
    CHECK(trial.phase() == joust::canary_phase::paused);
    CHECK_FALSE(joust::hold_on_drift(trial, arms));

    // The state goes on in another process.
    auto later = make_arms();
    later.restore(joust::from_snapshot<joust::arm_watch_state>(joust::to_snapshot(arms.state())));
    CHECK(later.complaint() == arms.complaint());
    for (auto* each : {&arms, &later}) {
        joust::keyed_random same{2};
        for (std::uint64_t i = 0; i < 300; ++i) {
            each->see(i % 2 == 0 ? 0 : 1, draw(same, i));
        }
        each->check();
    }
    CHECK(joust::to_snapshot(later.state()) == joust::to_snapshot(arms.state()));
    joust::arm_watch other{3, joust::feature<"age">(age_of, joust::numeric_bins{30, 40, 50})};
    CHECK_THROWS_AS(other.restore(arms.state()), joust::configuration_error);
}

TEST_CASE("a watch counts what it cannot use, and threads count together")
{
    auto arms = make_arms();
    arms.see(2, request{});
    arms.see(0, request{.age = -1.0});
    CHECK(arms.refused() == 2);
    arms.check();
    CHECK(arms.report().state() == joust::drift_state::no_reference);
    const auto count = [&arms](std::uint64_t from) {
        for (std::uint64_t i = 0; i < 500; ++i) {
            arms.see(i % 2 == 0 ? 0 : 1, request{.user = from + i, .age = 25.0, .country = "de"});
        }
    };
    std::thread one{[&] { count(0); }};
    std::thread two{[&] { count(10'000); }};
    one.join();
    two.join();
    arms.check();
    const joust::drift_report report = arms.report();
    CHECK(report.features[1].block.reference_rows + report.features[1].block.live_rows >= 980.0);
    CHECK(report.features[1].block.reference_rows + report.features[1].block.live_rows <= 1000.0);
    CHECK_THROWS_AS(arms.report(0), joust::configuration_error);
    CHECK_THROWS_AS(joust::arm_watch(1, joust::feature<"age">(age_of, joust::numeric_bins{30})),
                    joust::configuration_error);
}
