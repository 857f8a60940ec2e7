// SPDX-License-Identifier: Apache-2.0

#include <joust/monitor/monitor.hpp>

#include "catch.hpp"

#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

enum class tier { free, paid };

struct request {
    double age = 0.0;
    std::string country{};
    std::optional<int> visits{};
    tier plan = tier::free;
    bool is_new = false;
    [[nodiscard]] double size() const { return 2.0 * age; }
};

auto watch_requests(joust::drift_alarm alarm = {.promise = joust::false_alarms::every(1e4)})
{
    return joust::monitor{
        joust::feature<"age">(&request::age, joust::numeric_bins{20, 30, 40, 50}),
        alarm,  // policies come in any order
        joust::feature<"country">(&request::country, joust::categories{"de", "fr", "it"}),
        joust::feature<"visits">(&request::visits, joust::numeric_bins{1, 2, 3}),
        joust::feature<"plan">(&request::plan, joust::categories{"0", "1"}),
        joust::feature<"score">([](const request&, double score) { return score; },
                                joust::numeric_bins{0.25, 0.5}),
    };
}

request draw(joust::keyed_random& random)
{
    constexpr const char* countries[] = {"de", "fr", "it", "es"};
    request row;
    row.age = 15.0 + 40.0 * random.uniform();
    row.country = countries[random.below(4)];
    if (!random.chance(0.1)) {
        row.visits = static_cast<int>(random.below(5));
    }
    row.plan = random.coin() ? tier::paid : tier::free;
    return row;
}

const joust::drift_row& row_of(const joust::drift_report& report, std::string_view name)
{
    for (const joust::drift_row& row : report.features) {
        if (row.feature == name) {
            return row;
        }
    }
    throw std::out_of_range{"no such feature"};
}

}  // namespace

TEST_CASE("a monitor reads members, member functions, callables, and the prediction beside the request")
{
    joust::monitor watch{
        joust::feature<"age">(&request::age, joust::numeric_bins{20}),
        joust::feature<"size">(&request::size, joust::numeric_bins{50}),
        joust::feature<"new">(&request::is_new, joust::categories{"0", "1"}),
        joust::feature<"plan">(&request::plan, joust::categories{"0", "1"}),
        joust::feature<"score">([](const request&, float score) { return score; }, joust::numeric_bins{0.5}),
    };
    auto block = watch.make_block();
    block.see(request{.age = 30.0, .plan = tier::paid, .is_new = true}, 0.7F);
    block.see(request{.age = 10.0}, 0.1F);
    using counts = std::vector<std::uint64_t>;
    const auto of = [](std::span<const std::uint64_t> span) { return counts(span.begin(), span.end()); };
    CHECK(of(block.counts<"age">()) == counts{1, 1, 0, 0});
    CHECK(of(block.counts<"size">()) == counts{1, 1, 0, 0});
    CHECK(of(block.counts<"new">()) == counts{1, 1, 0, 0});
    CHECK(of(block.counts<"plan">()) == counts{1, 1, 0, 0});
    CHECK(of(block.counts<"score">()) == counts{1, 1, 0, 0});
    CHECK(block.rows() == 2);
}

TEST_CASE("what may be missing is missing, not zero")
{
    struct row {
        std::optional<double> number{};
        const char* text = nullptr;
        std::shared_ptr<std::string> shared{};
        double plain = 0.0;
    };
    joust::monitor watch{
        joust::feature<"number">(&row::number, joust::numeric_bins{0}),
        joust::feature<"text">(&row::text, joust::categories{"a"}),
        joust::feature<"shared">(&row::shared, joust::categories{"a"}),
        joust::feature<"plain">(&row::plain, joust::numeric_bins{0}),
    };
    watch.learn(row{});
    auto block = watch.make_block();
    block.see(row{.plain = std::numeric_limits<double>::quiet_NaN()});
    block.see(row{.number = -1.0,
                  .text = "a",
                  .shared = std::make_shared<std::string>("b"),
                  .plain = std::numeric_limits<double>::infinity()});
    CHECK(block.counts<"number">()[2] == 1);
    CHECK(block.counts<"number">()[0] == 1);
    CHECK(block.counts<"text">()[2] == 1);
    CHECK(block.counts<"text">()[0] == 1);
    CHECK(block.counts<"shared">()[2] == 1);
    CHECK(block.counts<"shared">()[1] == 1);
    CHECK(block.counts<"plain">()[2] == 1);
    CHECK(block.counts<"plain">()[3] == 1);
    watch.check(block);
    const auto report = watch.report();
    CHECK(row_of(report, "number").missing_reference == 1.0);
    CHECK(row_of(report, "number").missing_live == 0.5);
}

TEST_CASE("a monitor without a reference says so, and one without live rows is quiet")
{
    auto watch = watch_requests();
    joust::keyed_random random{1};
    CHECK(watch.report().state() == joust::drift_state::no_reference);
    watch.check();
    CHECK(watch.report().blocks == 0);
    for (int i = 0; i < 500; ++i) {
        watch.learn(draw(random), random.uniform());
    }
    CHECK(watch.report().state() == joust::drift_state::quiet);
    CHECK(std::isnan(watch.report().features[0].missing_live));
}

TEST_CASE("a monitor finds the feature that changed, and only that")
{
    auto watch = watch_requests();
    joust::keyed_random random{2};
    for (int i = 0; i < 5000; ++i) {
        watch.learn(draw(random), random.uniform());
    }
    for (int block = 0; block < 4; ++block) {
        for (int i = 0; i < 1000; ++i) {
            watch.see(draw(random), random.uniform());
        }
        watch.check();
    }
    CHECK(watch.report().state() < joust::drift_state::real_but_small);
    for (int block = 0; block < 3; ++block) {
        for (int i = 0; i < 1000; ++i) {
            request row = draw(random);
            row.age += 6.0;
            watch.see(row, random.uniform());
        }
        watch.check();
    }
    const auto report = watch.report();
    CHECK(report.state() == joust::drift_state::drifted);
    CHECK(report.checked_rows == 7000);
    CHECK(report.blocks == 7);
    const auto& age = row_of(report, "age");
    CHECK(age.state == joust::drift_state::drifted);
    CHECK(age.raised_at > 4000);
    CHECK(age.evidence >= age.threshold);
    CHECK(age.threshold == 5e4);  // the promise is shared by five features
    CHECK_THAT(age.largest, ContainsSubstring(" -> "));
    for (const auto* name : {"country", "visits", "plan", "score"}) {
        CHECK(row_of(report, name).state != joust::drift_state::drifted);
    }

    watch.restart();
    CHECK(watch.report().state() == joust::drift_state::quiet);
    CHECK(watch.report().checked_rows == 0);
    CHECK(watch.report().features[0].block.reference_rows == 5000.0);
}

TEST_CASE("a change that is proven but within the tolerance is not called drifted")
{
    joust::monitor watch{
        joust::feature<"x">([](double x) { return x; }, joust::numeric_bins{0.25, 0.5, 0.75}),
        joust::drift_alarm{.promise = joust::false_alarms::every(1e4), .tolerance = 0.5}};
    joust::keyed_random random{3};
    for (int i = 0; i < 20'000; ++i) {
        watch.learn(random.uniform());
    }
    for (int i = 0; i < 20'000; ++i) {
        watch.see(0.9 * random.uniform());
    }
    watch.check();
    CHECK(watch.report().state() == joust::drift_state::real_but_small);
}

TEST_CASE("a change that looks large in few rows is not yet proven")
{
    joust::monitor watch{
        joust::feature<"x">([](double x) { return x; }, joust::numeric_bins{0.25, 0.5, 0.75}),
        joust::drift_alarm{.min_rows = 20}};
    joust::keyed_random random{4};
    for (int i = 0; i < 1000; ++i) {
        watch.learn(random.uniform());
    }
    for (int i = 0; i < 20; ++i) {
        watch.see(0.8 * random.uniform());
    }
    watch.check();
    CHECK(watch.report().state() == joust::drift_state::large_but_unproven);
}

TEST_CASE("blocks of several threads add up to what one thread would have counted")
{
    auto watch = watch_requests();
    auto twin = watch_requests();
    joust::keyed_random random{5};
    std::vector<request> rows;
    for (int i = 0; i < 2000; ++i) {
        rows.push_back(draw(random));
        watch.learn(rows.back(), 0.3);
        twin.learn(rows.back(), 0.3);
    }
    for (const request& row : rows) {
        twin.see(row, 0.3);
    }
    twin.check();

    auto first = watch.make_block();
    auto second = watch.make_block();
    const auto count = [&](auto& block, std::size_t from, std::size_t to) {
        for (std::size_t i = from; i < to; ++i) {
            block.see(rows[i], 0.3);
        }
    };
    std::thread one{[&] { count(first, 0, 700); }};
    std::thread two{[&] { count(second, 700, 2000); }};
    one.join();
    two.join();
    second += first;
    watch.check(second);
    for (std::size_t i = 0; i < 5; ++i) {
        CHECK(watch.report().features[i].evidence == twin.report().features[i].evidence);
        CHECK(watch.report().features[i].block.psi_jeffreys == twin.report().features[i].block.psi_jeffreys);
    }
}

TEST_CASE("a unit is counted once a block")
{
    joust::monitor watch{joust::feature<"x">([](double x) { return x; }, joust::numeric_bins{0.5})};
    int counted = 0;
    for (int visit = 0; visit < 3; ++visit) {
        for (std::uint64_t unit = 0; unit < 1000; ++unit) {
            if (watch.first(unit)) {
                watch.see(0.1);
                ++counted;
            }
        }
    }
    CHECK(counted <= 1000);
    CHECK(counted >= 980);  // 1000 units in 65,536 places: about 8 share one with another
    watch.check();
    CHECK(watch.first(7));
}

TEST_CASE("a projection that throws leaves the counts as they were")
{
    joust::monitor watch{
        joust::feature<"plain">([](double x) { return x; }, joust::numeric_bins{0.5}),
        joust::feature<"strict">([](double x) { return x < 0.0 ? throw std::runtime_error{"negative"} : x; },
                                 joust::numeric_bins{0.5}),
    };
    auto block = watch.make_block();
    block.see(0.2);
    CHECK_THROWS_AS(block.see(-1.0), std::runtime_error);
    CHECK(block.rows() == 1);
    CHECK(block.counts<"plain">()[0] == 1);
}

TEST_CASE("wrong options are refused with the field named")
{
    const auto make = [](joust::drift_alarm alarm) { (void)watch_requests(alarm); };
    CHECK_THROWS_AS(make({.tolerance = -0.1}), joust::configuration_error);
    CHECK_THROWS_AS(make({.tolerance = std::numeric_limits<double>::quiet_NaN()}),
                    joust::configuration_error);
    CHECK_THROWS_AS(make({.min_rows = -1.0}), joust::configuration_error);
}

TEST_CASE("a drift report writes itself in every style")
{
    auto watch = watch_requests();
    joust::keyed_random random{6};
    for (int i = 0; i < 3000; ++i) {
        watch.learn(draw(random), random.uniform());
    }
    for (int i = 0; i < 3000; ++i) {
        request row = draw(random);
        row.country = "de";
        watch.see(row, random.uniform());
    }
    watch.check();
    const auto written = [&](joust::style how) {
        std::string text;
        watch.report().write(text, how);
        return text;
    };
    CHECK(written(joust::style::line) == "drifted: country (5 features, 3,000 rows)");
    CHECK_THAT(written(joust::style::table), ContainsSubstring("country"));
    CHECK_THAT(written(joust::style::table), ContainsSubstring("drifted"));
    CHECK_THAT(written(joust::style::table), ContainsSubstring(": 25.5 % -> 0.0 %"));
    CHECK_THAT(written(joust::style::markdown), ContainsSubstring("| country |"));
    CHECK_THAT(written(joust::style::json), ContainsSubstring("\"state\":\"drifted\""));
    CHECK_THAT(written(joust::style::json), ContainsSubstring("\"checked_rows\":3000"));
}
