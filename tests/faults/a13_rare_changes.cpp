// SPDX-License-Identifier: Apache-2.0

// A monitor finds values that are new or were rare, and says how serious what it found is.

#include <joust/monitor/monitor.hpp>

#include "catch.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace {

struct row {
    int country = 0;
    std::optional<double> income;
};

auto watch_rows(joust::false_alarms promise = joust::false_alarms::every(1e7))
{
    return joust::monitor{
        joust::feature<"country">(&row::country, joust::categories{"0", "1", "2", "3", "4"}),
        joust::feature<"income">(&row::income, joust::numeric_bins{0.2, 0.4, 0.6, 0.8}),
        joust::drift_alarm{.promise = promise}};
}

/// What happens to a row: a country that is not in the list, an income that is missing, is not a number or is large.
struct rates {
    double new_country = 0.0;
    double missing = 0.02;
    double invalid = 0.0;
};

row draw(joust::keyed_random& random, const rates& now)
{
    row drawn;
    drawn.country = random.uniform() < now.new_country ? 99 : static_cast<int>(random.below(5));
    const double u = random.uniform();
    if (u >= now.missing) {
        drawn.income =
            u < now.missing + now.invalid ? std::numeric_limits<double>::infinity() : random.uniform();
    }
    return drawn;
}

struct outcome {
    std::uint64_t country = 0;
    std::uint64_t income = 0;
    joust::drift_report report;
};

outcome run(std::uint64_t seed, std::size_t reference, const rates& before, const rates& after, int blocks,
            joust::false_alarms promise = joust::false_alarms::every(1e7))
{
    auto watch = watch_rows(promise);
    joust::keyed_random random{7, seed};
    for (std::size_t i = 0; i < reference; ++i) {
        watch.learn(draw(random, before));
    }
    for (int block = 0; block < blocks; ++block) {
        for (int i = 0; i < 1'000; ++i) {
            watch.see(draw(random, after));
        }
        watch.check();
    }
    outcome seen;
    seen.report = watch.report();
    seen.country = seen.report.features[0].raised_at;
    seen.income = seen.report.features[1].raised_at;
    return seen;
}

joust::drift_report report_of(std::vector<joust::drift_state> states)
{
    joust::drift_report report;
    for (const joust::drift_state state : states) {
        joust::drift_row one;
        one.feature = "f";
        one.feature += std::to_string(report.features.size());
        one.state = state;
        report.features.push_back(one);
    }
    return report;
}

}  // namespace

TEST_CASE("a category never seen before is found at one row in a hundred")
{
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
        const outcome seen = run(seed, 10'000, {}, {.new_country = 0.01}, 4);
        CHECK(seen.country > 0);
        CHECK(seen.country <= 3'000);
        CHECK(seen.income == 0);
        CHECK(seen.report.features[0].state == joust::drift_state::drifted);
        CHECK_THAT(seen.report.features[0].largest, ContainsSubstring("other"));
    }
}

TEST_CASE(
    "a new category is found after a small reference too, and a rare one that the reference missed is not taken for new")
{
    // Of 2,000 rows nothing but the absence of a category is known: it has at most one row in 220.
    for (std::uint64_t seed = 0; seed < 2; ++seed) {
        const outcome seen = run(seed, 2'000, {}, {.new_country = 0.01}, 16);
        CHECK(seen.country > 0);
        CHECK(seen.income == 0);
    }
    // Rates of which some references have no row, and that stay as they are.
    for (const double rate : {0.0005, 0.001, 0.002}) {
        for (std::uint64_t seed = 0; seed < 2; ++seed) {
            const rates quiet{.new_country = rate};
            const outcome seen = run(seed, 2'000, quiet, quiet, 3);
            CHECK(seen.country == 0);
            CHECK(seen.income == 0);
        }
    }
    // A reference that is too small to say anything about an absent value begins no bets on it.
    const std::array<std::uint64_t, 3> few{20, 20, 0};
    joust::rare_cell_alarm alarm{few, 2};
    for (int i = 0; i < 50; ++i) {
        alarm.update(static_cast<std::size_t>(i % 3), 0.5, 0.5);
    }
    CHECK(alarm.new_evidence() == 0.0);
    const std::array<std::uint64_t, 3> many{20'000, 20'000, 0};
    joust::rare_cell_alarm sure{many, 2};
    for (int i = 0; i < 50; ++i) {
        sure.update(2, 0.5, 0.5);
    }
    CHECK(sure.new_evidence() > 1e9);
    CHECK(sure.raised());
    sure.restart();
    CHECK(sure.new_evidence() == 0.0);
    sure.update(2, 0.5, 0.5);  // The rows seen are part of the reference now.
    CHECK(sure.new_evidence() == 0.0);
}

TEST_CASE("missing values that double from two in a hundred are found")
{
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
        const outcome seen = run(seed, 10'000, {}, {.missing = 0.04}, 9);
        CHECK(seen.income > 0);
        CHECK(seen.country == 0);
        CHECK(seen.report.features[1].state >= joust::drift_state::real_but_small);
    }
}

TEST_CASE("values that were never missing, never invalid and never that large are found")
{
    const rates clean{.missing = 0.0};
    CHECK(run(1, 10'000, clean, {.missing = 0.01}, 3).income > 0);
    CHECK(run(2, 10'000, clean, {.missing = 0.0, .invalid = 0.01}, 3).income > 0);

    // A bin that no row of the reference reached, and a listed name that no row had, are new values as well.
    joust::monitor watch{joust::feature<"x">([](const row& r) { return r.income.value(); },
                                             joust::numeric_bins{0.5, 1.0, 2.0}),
                         joust::feature<"c">(&row::country, joust::categories{"0", "1", "7"})};
    joust::keyed_random random{3};
    for (int i = 0; i < 10'000; ++i) {
        watch.learn(row{static_cast<int>(random.below(2)), random.uniform()});
    }
    for (int i = 0; i < 3'000; ++i) {
        const bool odd = random.uniform() < 0.01;
        watch.see(row{odd ? 7 : static_cast<int>(random.below(2)), odd ? 5.0 : random.uniform()});
    }
    watch.check();
    CHECK(watch.report().features[0].raised_at > 0);
    CHECK(watch.report().features[1].raised_at > 0);
}

TEST_CASE("false alarms stay within both promises")
{
    // 25 runs of 4,000 rows: every(20,000) allows 4,000 / 20,000 of them to raise, ever(0.2) a fifth.
    int raised_every = 0;
    int raised_ever = 0;
    for (std::uint64_t seed = 0; seed < 25; ++seed) {
        const outcome often = run(100 + seed, 300, {}, {}, 4, joust::false_alarms::every(20'000));
        raised_every += often.country + often.income > 0 ? 1 : 0;
        const outcome once = run(200 + seed, 300, {}, {}, 4, joust::false_alarms::ever(0.2));
        raised_ever += once.country + once.income > 0 ? 1 : 0;
    }
    // More than 11 of 25 have a probability below 0.4 % at a rate of a fifth.
    CHECK(raised_every <= 11);
    CHECK(raised_ever <= 11);
}

TEST_CASE("each p-value of a rare cell alarm is exact, whatever the rows are")
{
    // While rows are exchangeable each row of a bag is equally likely to be the last one. The mean evidence after it, over
    // all rows and over coins on a grid that the limits of the bets divide, is then exactly 1.
    for (const std::vector<std::uint64_t>& bag :
         {std::vector<std::uint64_t>{2, 1, 1}, {4, 0, 0}, {1, 3, 0}, {0, 2, 2}, {5, 2, 1}}) {
        double rows = 0.0;
        double rare = 0.0;
        double missing = 0.0;
        double total = 0.0;
        for (const std::uint64_t n : bag) {
            total += static_cast<double>(n);
        }
        constexpr int grid = 1 << 15;
        for (std::size_t cell = 0; cell < bag.size(); ++cell) {
            if (bag[cell] == 0) {
                continue;
            }
            std::vector<std::uint64_t> before = bag;
            --before[cell];
            const joust::rare_cell_alarm fresh{before, 2, joust::false_alarms::ever(0.01)};
            const auto weight = static_cast<double>(bag[cell]) / total;
            for (int i = 0; i < grid; ++i) {
                joust::rare_cell_alarm alarm = fresh;
                const double coin = (i + 0.5) / grid;
                alarm.update(cell, coin, coin);
                rare += weight * alarm.rare_evidence() / grid;
                missing += weight * alarm.missing_evidence() / grid;
            }
            rows += weight;
        }
        CHECK_THAT(rows, WithinAbs(1.0, 1e-12));
        CHECK_THAT(rare, WithinAbs(1.0, 1e-3));
        CHECK_THAT(missing, WithinAbs(1.0, 1e-3));
    }
}

TEST_CASE("the summary shows what is proven above what is large but unproven")
{
    using enum joust::drift_state;
    CHECK(report_of({quiet, large_but_unproven, real_but_small}).state() == real_but_small);
    CHECK(report_of({large_but_unproven, quiet}).state() == large_but_unproven);
    CHECK(report_of({large_but_unproven, drifted, real_but_small}).state() == drifted);
    CHECK(report_of({small_reference, quiet}).state() == small_reference);
    CHECK(report_of({quiet, quiet}).state() == quiet);
    CHECK(joust::drift_report{}.state() == no_reference);
    std::string line;
    report_of({quiet, large_but_unproven, real_but_small}).write(line, joust::style::line);
    CHECK_THAT(line, ContainsSubstring("real but small: f2"));
}

TEST_CASE("a reference of five rows is not shown as quiet")
{
    auto watch = watch_rows();
    joust::keyed_random random{5};
    for (int i = 0; i < 5; ++i) {
        watch.learn(draw(random, {}));
    }
    CHECK(watch.report().state() == joust::drift_state::small_reference);
    for (int i = 0; i < 1'000; ++i) {
        watch.see(draw(random, {}));
    }
    watch.check();
    CHECK(watch.report().state() == joust::drift_state::small_reference);
    std::string text;
    watch.report().write(text, joust::style::line);
    CHECK_THAT(text, ContainsSubstring("reference too small"));
}

TEST_CASE("a rare cell alarm checks where missing values are")
{
    const std::array<std::uint64_t, 3> counts{1, 2, 3};
    CHECK_THROWS_AS((joust::rare_cell_alarm{counts, 3}), joust::configuration_error);
    CHECK_THROWS_AS((joust::rare_cell_alarm{{}, 0}), joust::configuration_error);
}
