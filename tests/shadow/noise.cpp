// SPDX-License-Identifier: Apache-2.0

#include <joust/store/snapshot.hpp>
#include <joust/trial/shadow.hpp>

#include "catch.hpp"
#include "report/in_report.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>

using namespace joust;
using Catch::Matchers::ContainsSubstring;
using joust_test::counted;
using joust_test::noted;

namespace {

using answering = std::function<int(std::uint64_t)>;

template <class... Policies>
auto beside(answering champion, answering challenger, Policies... policies)
{
    return shadow{model{"a", std::move(champion)},
                  model{"b", std::move(challenger)},
                  by([](std::uint64_t unit) { return unit; }),
                  salt{"noise"},
                  inline_run{},
                  policies...};
}

const metric_row* row_named(const report& shown, std::string_view name)
{
    for (const metric_row& row : shown.metrics) {
        if (row.metric == name) {
            return &row;
        }
    }
    return nullptr;
}

// A model that gives another answer every `every`-th time it is called.
answering varying(int every)
{
    return [every, calls = 0](std::uint64_t) mutable { return ++calls % every == 0 ? 1 : 0; };
}

int zero(std::uint64_t)
{
    return 0;
}

int odd_fails(std::uint64_t unit)
{
    if (unit % 2 == 1) {
        throw std::runtime_error{"odd"};
    }
    return 0;
}

int multiples_of_three_fail(std::uint64_t unit)
{
    if (unit % 3 == 0) {
        throw std::runtime_error{"a multiple of three"};
    }
    return 0;
}

}  // namespace

TEST_CASE("Where the champion runs twice, the report separates its own disagreement from the challenger's")
{
    // The champion answers every request and repeats each: its 1st, 3rd, 5th call serves. With every 7th call different, an
    // answer that is served differs from the repeated one on two requests of seven, and from zero on one of seven.
    auto trial = beside(varying(7), zero, measure_noise{.rate = 1.0});
    for (std::uint64_t unit = 1; unit <= 700; ++unit) {
        static_cast<void>(trial(unit));
    }
    const shadow_evidence seen = trial.evidence();
    REQUIRE(seen.checks.size() == 1);
    CHECK(seen.checks[0].twice.total() == 700.0);
    // Calls 7, 21, 35, ... serve: the second answer and the challenger both differ. Calls 14, 28, ... repeat: only the champion.
    CHECK(seen.checks[0].both_differed == 100);
    CHECK(seen.checks[0].champion_differed == 100);
    CHECK(seen.checks[0].challenger_differed == 0);
    const report shown = trial.report();
    const metric_row* excess = row_named(shown, "excess disagreement");
    REQUIRE(excess != nullptr);
    CHECK(excess->champion == 200.0 / 700.0);
    CHECK(excess->challenger == 100.0 / 700.0);
    CHECK(excess->upper < 0.0);
    CHECK(excess->p_value < 0.01);
    CHECK_THAT(shown.reason, ContainsSubstring("the champion with itself on 71.4 %"));
    CHECK_THAT(shown.reason, ContainsSubstring("its answers vary less"));
    CHECK_FALSE(noted(shown, "was not measured"));
    CHECK(counted(shown, "the champion ran twice beside b") == 700);
    // Saved, read and merged, it is the sum.
    shadow_evidence both = from_snapshot<shadow_evidence>(to_snapshot(seen));
    CHECK(both == seen);
    both.merge(seen);
    CHECK(both.checks[0].champion_differed == 200);
    CHECK(trial.report(both).metrics.size() == shown.metrics.size());
}

TEST_CASE(
    "Without a second run a report says that the champion's noise was not measured, where answers differ")
{
    auto different = beside(zero, varying(10));
    auto equal = beside(zero, zero);
    for (std::uint64_t unit = 1; unit <= 100; ++unit) {
        static_cast<void>(different(unit));
        static_cast<void>(equal(unit));
    }
    CHECK(noted(different.report(), "How often the champion disagrees with itself was not measured"));
    CHECK(row_named(different.report(), "excess disagreement") == nullptr);
    CHECK_FALSE(noted(equal.report(), "was not measured"));
    CHECK(different.evidence().checks.empty());
}

TEST_CASE("The champion runs twice on about the stated share, and its order beside the challenger varies")
{
    std::string order;
    auto trial = beside(
        [&](std::uint64_t) {
            order += 'a';
            return 0;
        },
        [&](std::uint64_t) {
            order += 'b';
            return 0;
        },
        measure_noise{.rate = 0.5});
    int served_then_repeated = 0;
    int served_then_challenged = 0;
    for (std::uint64_t unit = 1; unit <= 2'000; ++unit) {
        order.clear();
        static_cast<void>(trial(unit));
        served_then_repeated += order == "aab" ? 1 : 0;
        served_then_challenged += order == "aba" ? 1 : 0;
    }
    CHECK(served_then_repeated + served_then_challenged ==
          static_cast<int>(trial.evidence().checks[0].twice.total()));
    CHECK(served_then_repeated > 400);
    CHECK(served_then_repeated < 600);
    CHECK(served_then_challenged > 400);
    CHECK(served_then_challenged < 600);
    CHECK_THROWS_AS(beside(zero, zero, measure_noise{.rate = 0.0}), configuration_error);
    CHECK_THROWS_AS(beside(zero, zero, measure_noise{.rate = std::numeric_limits<double>::quiet_NaN()}),
                    configuration_error);
}

TEST_CASE("Challengers run where the champion fails if asked to, and all four cases are counted")
{
    auto trial = beside(odd_fails, multiples_of_three_fail, also_on_failures{});
    for (std::uint64_t unit = 1; unit <= 600; ++unit) {
        try {
            const int answer = trial(unit);
            CHECK(answer == 0);
            CHECK(unit % 2 == 0);
        } catch (const std::runtime_error& error) {
            CHECK(std::string{error.what()} == "odd");
        }
    }
    const report shown = trial.report();
    CHECK(counted(shown, "requests that the champion and b answered") == 200);
    CHECK(counted(shown, "requests on which only b failed") == 100);
    CHECK(counted(shown, "requests on which only the champion failed, and b answered") == 200);
    CHECK(counted(shown, "requests on which the champion and b failed") == 100);
    CHECK(noted(shown, "compares both models on the same requests"));
    const metric_row* failures = row_named(shown, "failures");
    REQUIRE(failures != nullptr);
    CHECK(failures->champion == 0.5);
    CHECK_THAT(failures->challenger, Catch::Matchers::WithinRel(1.0 / 3.0, 1e-12));
    CHECK_THAT(failures->estimate, Catch::Matchers::WithinRel(-1.0 / 6.0, 1e-12));
    CHECK(failures->lower < failures->estimate);
    CHECK(failures->estimate < failures->upper);
    CHECK(failures->upper < 0.0);
    CHECK(trial.evidence().champion_failures == 300);

    auto without = beside(odd_fails, zero);
    for (std::uint64_t unit = 1; unit <= 10; ++unit) {
        try {
            static_cast<void>(without(unit));
        } catch (const std::runtime_error&) {
        }
    }
    CHECK(without.evidence().pairs[0].run.total() == 5.0);
    CHECK(without.evidence().checks.empty());
}

TEST_CASE(
    "The interval of failures reaches below zero where a challenger may fail less often than the champion")
{
    auto alike = beside([calls = 0](std::uint64_t) mutable { return ++calls % 20 == 0 ? throw 1 : 0; },
                        [calls = 0](std::uint64_t) mutable { return ++calls % 19 == 0 ? throw 1 : 0; });
    for (std::uint64_t unit = 1; unit <= 20'000; ++unit) {
        try {
            static_cast<void>(alike(unit));
        } catch (int) {
        }
    }
    const report shown = alike.report();
    const metric_row* failures = row_named(shown, "failures");
    REQUIRE(failures != nullptr);
    CHECK(failures->estimate > 0.0);
    CHECK(failures->lower < 0.0);
}

TEST_CASE(
    "A second run in the background gets copies of its own, and is no part of what the caller waits for")
{
    std::atomic<int> champion_calls{0};
    const auto writes = [&](std::string& text) {
        champion_calls.fetch_add(1);
        text += "!";
        return text.size();
    };
    shadow trial{model{"a", writes}, model{"b", writes}, salt{"copies"}, measure_noise{.rate = 1.0},
                 background{.queue = 4096}};
    for (int i = 0; i < 200; ++i) {
        std::string text = "four";
        CHECK(trial(text) == 5);
        CHECK(text == "four!");
    }
    trial.drain();
    const shadow_evidence seen = trial.evidence();
    CHECK(seen.checks[0].twice.total() == 200.0);
    CHECK(champion_calls.load() == 600);
    CHECK(seen.checks[0].both_differed + seen.checks[0].champion_differed +
              seen.checks[0].challenger_differed ==
          0);
    CHECK(seen.pairs[0].compared.total_sum() == 200.0);
}
