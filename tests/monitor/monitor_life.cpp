// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/monitor/monitor.hpp>
#include <joust/store/snapshot.hpp>

#include "catch.hpp"

#include <limits>
#include <optional>
#include <string>
#include <vector>

// What lasts: merged blocks, a restart of the process, and what happens with input that is not as it should be.

namespace {

struct visit {
    double age = 0.0;
    std::string country{};
};

auto make_watch(std::vector<joust::drift_row>* heard = nullptr)
{
    return joust::monitor{
        joust::feature<"age">(&visit::age, joust::numeric_bins{20, 30, 40, 50}),
        joust::feature<"country">(&visit::country, joust::categories{"de", "fr"}),
        joust::drift_alarm{.promise = joust::false_alarms::every(1e4)},
        joust::on_drift([heard](const joust::drift_row& row) {
            if (heard != nullptr) {
                heard->push_back(row);
            }
        }),
    };
}

visit draw(joust::keyed_random& random, double older = 0.0)
{
    return {15.0 + 40.0 * random.uniform() + older, random.coin() ? "de" : "fr"};
}

}  // namespace

TEST_CASE("blocks of replicas give the same state in any order, through their bytes, as one pass does")
{
    auto watch = make_watch();
    auto twin = make_watch();
    joust::keyed_random random{1};
    for (int i = 0; i < 1000; ++i) {
        const visit row = draw(random);
        watch.learn(row);
        twin.learn(row);
    }
    auto all = twin.make_block();
    std::vector<std::string> sent;
    for (int replica = 0; replica < 3; ++replica) {
        auto block = watch.make_block();
        for (int i = 0; i < 300 + replica; ++i) {
            const visit row = draw(random, 3.0);
            block.see(row);
            all.see(row);
            CHECK(block.first(random.next()) | true);
        }
        sent.push_back(joust::to_snapshot(block.state()));
    }
    const auto sum = [&](std::vector<int> order) {
        joust::block_counts total =
            joust::from_snapshot<joust::block_counts>(sent[static_cast<std::size_t>(order[0])]);
        total += joust::from_snapshot<joust::block_counts>(sent[static_cast<std::size_t>(order[1])]);
        total += joust::from_snapshot<joust::block_counts>(sent[static_cast<std::size_t>(order[2])]);
        return total;
    };
    CHECK(joust::to_snapshot(sum({0, 1, 2})) == joust::to_snapshot(sum({2, 0, 1})));
    CHECK(sum({0, 1, 2}).cells == all.state().cells);
    watch.check(sum({1, 2, 0}));
    twin.check(all);
    CHECK(joust::to_snapshot(watch.state()) == joust::to_snapshot(twin.state()));
}

TEST_CASE("a monitor continues after a restart as if there had been none, bit for bit")
{
    std::vector<joust::drift_row> heard;
    std::vector<joust::drift_row> heard_later;
    auto watch = make_watch(&heard);
    joust::keyed_random random{2};
    for (int i = 0; i < 1000; ++i) {
        watch.learn(draw(random));
    }
    for (int block = 0; block < 3; ++block) {
        for (int i = 0; i < 300; ++i) {
            watch.see(draw(random));
        }
        watch.check();
    }
    const std::string bytes = joust::to_snapshot(watch.state());
    auto later = make_watch(&heard_later);
    later.restore(joust::from_snapshot<joust::monitor_state>(bytes));
    CHECK(joust::to_snapshot(later.state()) == bytes);
    for (int block = 0; block < 4; ++block) {
        for (int i = 0; i < 300; ++i) {
            const visit row = draw(random, 9.0);
            watch.see(row);
            later.see(row);
        }
        watch.check();
        later.check();
    }
    CHECK(joust::to_snapshot(later.state()) == joust::to_snapshot(watch.state()));
    CHECK(later.report().state() == joust::drift_state::drifted);
    REQUIRE(heard.size() == 1);
    CHECK(heard_later.size() == 1);
    CHECK(heard[0].feature == "age");
    CHECK(heard[0].kind == "distribution");
    REQUIRE(heard[0].worst.size() == 3);
    CHECK(heard[0].worst[0].term >= heard[0].worst[1].term);
    CHECK(heard[0].evidence >= heard[0].threshold);
    // It is told once, also after a restart of the process.
    auto last = make_watch(&heard_later);
    last.restore(later.state());
    last.see(draw(random, 9.0));
    last.check();
    CHECK(heard_later.size() == 1);

    joust::monitor other{joust::feature<"age">(&visit::age, joust::numeric_bins{20, 30, 41, 50})};
    CHECK_THROWS_AS(other.restore(watch.state()), joust::configuration_error);
    CHECK_THROWS_AS(other.check(watch.make_block().state()), joust::configuration_error);
    auto damaged = watch.state();
    damaged.alarms.pop_back();
    CHECK_THROWS_AS(later.restore(damaged), joust::configuration_error);
    CHECK(joust::to_snapshot(later.state()) == joust::to_snapshot(watch.state()));
}

TEST_CASE("the course of evidence keeps fewer looks than blocks, and the last ones")
{
    auto watch = make_watch();
    joust::keyed_random random{3};
    for (int i = 0; i < 500; ++i) {
        watch.learn(draw(random));
    }
    for (int block = 0; block < 1000; ++block) {
        watch.see(draw(random));
        watch.check();
    }
    const auto report = watch.report();
    CHECK(report.course.size() >= 100);
    CHECK(report.course.size() < joust::monitor_state::most_looks);
    CHECK(report.course.back().rows > 990);
    CHECK(report.course.front().evidence.size() == 2);
    for (std::size_t i = 1; i < report.course.size(); ++i) {
        CHECK(report.course[i].rows > report.course[i - 1].rows);
    }
}

TEST_CASE(
    "invalid numbers, unlisted categories and empty blocks have counters, and raise nothing by themselves")
{
    auto watch = make_watch();
    joust::keyed_random random{4};
    for (int i = 0; i < 2000; ++i) {
        watch.learn(draw(random));
    }
    watch.check();
    watch.check();
    CHECK(watch.report().empty_blocks == 2);
    CHECK(watch.report().state() == joust::drift_state::quiet);
    std::string line;
    watch.report().write(line, joust::style::line);
    CHECK(line == "quiet (2 features, 0 rows), no check found a row");
    for (int i = 0; i < 1000; ++i) {
        visit row = draw(random);
        row.age = i == 5 ? std::numeric_limits<double>::infinity() : row.age;
        row.country = i == 6 ? "xx" : row.country;
        watch.see(row);
    }
    watch.check();
    const auto report = watch.report();
    CHECK(report.features[0].invalid_rows == 1);
    CHECK(report.features[1].unlisted_rows == 1);
    CHECK(report.state() < joust::drift_state::real_but_small);
    // A stream of them is found, and by which bets is said.
    for (int i = 0; i < 1000; ++i) {
        visit row = draw(random);
        row.country = i % 20 == 0 ? "xx" : row.country;
        watch.see(row);
    }
    watch.check();
    const auto later = watch.report();
    CHECK(later.features[1].state == joust::drift_state::drifted);
    CHECK(later.features[1].kind != "distribution");
    CHECK(later.features[1].worst[0].cell == "other");
    CHECK(later.features[0].state != joust::drift_state::drifted);
    CHECK(later.ranked().front()->feature == "country");
}
