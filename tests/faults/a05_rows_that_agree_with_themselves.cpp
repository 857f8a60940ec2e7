// SPDX-License-Identifier: Apache-2.0

// The p-value, the interval and the verdict of a gate's row never contradict each other, and no ratio is taken to a mean
// that is not above 0.

#include <joust/core/random.hpp>
#include <joust/inference/bayesian.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/report/report.hpp>
#include <joust/report/words.hpp>
#include <joust/stats/tests/paired.hpp>
#include <joust/trial/gate.hpp>

#include "catch.hpp"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

using namespace joust;

namespace {

struct pair_row {
    double champion = 0.0;
    double challenger = 0.0;
    std::uint64_t user = 0;
};

const auto first = [](const pair_row& r) { return r.champion; };
const auto second = [](const pair_row& r) { return r.challenger; };
const auto as_it_is = [](const pair_row&, double value) { return value; };

template <class... Policies>
report judge(const std::vector<pair_row>& rows, Policies... policies)
{
    gate check{model{"old", first}, model{"new", second}, policies...};
    return check.run(rows, as_it_is);
}

std::vector<pair_row> same_row(int n, double champion, double challenger)
{
    return std::vector<pair_row>(static_cast<std::size_t>(n), pair_row{champion, challenger, 0});
}

void check_that_rows_agree(const report& r)
{
    bool all_kept = true;
    bool any_broken = false;
    for (const metric_row& row : r.metrics) {
        CAPTURE(row.metric, row.method, row.role, row.estimate, row.lower, row.upper, row.p_value, row.level);
        const standing where = standing_of(row);
        all_kept = all_kept && (where == standing::within_margin || where == standing::unbroken);
        any_broken = any_broken || where == standing::beyond_margin;
        if (row.state != status::ok) {
            continue;
        }
        CHECK(row.lower <= row.estimate);
        CHECK(row.estimate <= row.upper);
        CHECK(row.p_value >= 0.0);
        CHECK(row.p_value <= 1.0);
        const double at = row.reference == row.reference ? row.reference : 0.0;
        CHECK((row.p_value <= 1.0 - row.level) == (row.lower > at || row.upper < at));
        if (row.unit == "%" && row.reference == 0.0) {
            CHECK(row.lower >= -1.0);
            CHECK(row.upper <= 1.0);
        }
        if (row.reference == 1.0) {
            CHECK(row.lower >= 0.0);
        }
    }
    CAPTURE(r.reason);
    CHECK((r.decision == verdict::regress) == any_broken);
    if (r.decision == verdict::pass) {
        CHECK(all_kept);
    }
}

}  // namespace

TEST_CASE("forty rows that go from 1,000 to 1,100 have a p-value that agrees with their interval")
{
    const report r = judge(same_row(40, 1'000.0, 1'100.0),
                           guardrail(mean<"cost">{.better = better::down}, {.max_ratio = 1.05}));
    CHECK(r.decision == verdict::regress);
    CHECK(r.metrics[0].estimate == Approx(50.0));
    CHECK(r.metrics[0].lower == Approx(50.0));
    CHECK(r.metrics[0].upper == Approx(50.0));
    CHECK(r.metrics[0].p_value == Approx(std::exp2(-39.0)));
    check_that_rows_agree(r);

    // Exactly at the margin on every row, up to rounding.
    std::vector<pair_row> at_margin;
    for (int i = 0; i < 40; ++i) {
        at_margin.push_back({0.1 * (i + 1), 0.1 * (i + 1) * 1.1, 0});
    }
    const report even = judge(at_margin, guardrail(mean<"cost">{.better = better::down}, {.max_ratio = 1.1}));
    CHECK(even.metrics[0].p_value == 1.0);
    CHECK(even.metrics[0].estimate == 0.0);
    check_that_rows_agree(even);
}

TEST_CASE("a ratio to a mean that is not above zero is refused")
{
    const auto rows = [](double level, double spread) {
        std::vector<pair_row> all;
        for (int i = 0; i < 400; ++i) {
            const double value = level + spread * keyed_random{3, static_cast<std::uint64_t>(i)}.normal();
            all.push_back({value, value, static_cast<std::uint64_t>(i / 4)});
        }
        return all;
    };
    const auto least = guardrail(mean<"profit">{}, {.min_ratio = 0.95});
    const auto most = guardrail(mean<"cost">{.better = better::down}, {.max_ratio = 1.05});
    for (const auto& [level, spread] : {std::pair{-100.0, 1.0}, std::pair{0.0, 1.0}, std::pair{0.05, 1.0}}) {
        for (const report& r : {judge(rows(level, spread), least), judge(rows(level, spread), most),
                                judge(rows(level, spread), least, by(&pair_row::user)),
                                judge(rows(level, spread), least, fixed_horizon{.units = 400}),
                                judge(rows(level, spread), most, bayesian{.units = 400})}) {
            CHECK(r.decision == verdict::inconclusive);
            CHECK(r.metrics[0].state != status::ok);
            CHECK_THAT(r.reason, ContainsSubstring("mean is above 0"));
        }
    }
    // A mean above 0 of values of both signs is judged, and so are zeros without negative values.
    CHECK(judge(rows(5.0, 3.0), least).decision == verdict::pass);
    CHECK(judge(same_row(100, 0.0, 0.0), most).decision == verdict::pass);
    CHECK(judge(same_row(100, 0.0, 5.0), most).decision == verdict::regress);
    CHECK(judge(same_row(100, 5.0, 0.0), least).decision == verdict::regress);
}

TEST_CASE("a few rows are judged by a paired t-test, and the reason says how many are missing")
{
    std::vector<pair_row> rows;
    for (int i = 0; i < 9; ++i) {
        rows.push_back({100.0 + i % 3, 150.0 + i % 4, 0});
        const report r = judge(rows, guardrail(mean<"time">{.better = better::down}, {.max_ratio = 1.05}));
        CHECK(r.decision == (i < 4 ? verdict::inconclusive : verdict::regress));
        if (i < 4) {
            CHECK_THAT(r.reason, ContainsSubstring("at least 5 are needed"));
        }
        check_that_rows_agree(r);
    }
    std::vector<double> champion;
    std::vector<double> challenger;
    for (const pair_row& row : rows) {
        champion.push_back(row.champion);
        challenger.push_back(row.challenger);
    }
    const report r = judge(rows, guardrail(mean<"time">{.better = better::down}, {.max_increase = 5.0}));
    const auto t = stats::paired_t(challenger, champion, {.alpha = 0.1});
    CHECK(r.metrics[0].lower == Approx(t.lower).epsilon(1e-12));
    CHECK(r.metrics[0].upper == Approx(t.upper).epsilon(1e-12));
    CHECK(r.metrics[0].p_value == Approx(t.p_value).epsilon(1e-10));
    // An inference policy has a minimum of its own, and the reason names it.
    const report policy = judge(rows, guardrail(mean<"time">{.better = better::down}, {.max_increase = 5.0}),
                                fixed_horizon{.units = 9});
    CHECK(policy.decision == verdict::inconclusive);
    CHECK_THAT(policy.reason, ContainsSubstring("9 rows are too few: at least 30 are needed"));
    // Signs alone show little on few rows: five coins fall alike with probability 1/16.
    const auto strict = significance{.alpha = 0.01};
    const report equal =
        judge(same_row(6, 1.0, 2.0), guardrail(mean<"time">{.better = better::down}, {.max_increase = 0.5}),
              strict);
    CHECK(equal.decision == verdict::inconclusive);
    CHECK_THAT(equal.reason, ContainsSubstring("6 rows are too few: at least 7 are needed"));
}

TEST_CASE("equal answers of few units do not show that nothing differs")
{
    // 40 users with 100 equal rows each: the upper limit is that of 40 rows, and not 0.
    std::vector<pair_row> rows;
    for (std::uint64_t i = 0; i < 4'000; ++i) {
        rows.push_back({1.0, 1.0, i / 100});
    }
    const auto margin = guardrail(conversion<"correct">{}, {.max_decrease = 0.02});
    CHECK(judge(rows, margin, by(&pair_row::user)).decision == verdict::inconclusive);
    CHECK(judge(rows, margin).decision == verdict::pass);
}

TEST_CASE("p-value, interval and verdict agree in random gates")
{
    keyed_random random{11};
    constexpr double alphas[] = {0.001, 0.05, 0.2};
    for (int round = 0; round < 400; ++round) {
        const int sizes[] = {1, 4, 5, 6, 8, 12, 30, 80, 300};
        const int n = sizes[random.below(9)];
        const bool binary = random.coin();
        const double base = binary ? random.uniform() : 1.0 + 20.0 * random.uniform();
        const double shift = binary ? 0.4 * (random.uniform() - 0.5) : base * (random.uniform() - 0.5);
        const double spread = random.below(4) == 0 ? 0.0 : base * random.uniform();
        std::vector<pair_row> rows;
        for (int i = 0; i < n; ++i) {
            const double common = random.normal();
            const auto own = [&](double level) {
                return binary ? (random.uniform() < level ? 1.0 : 0.0)
                              : level + spread * (common + 0.5 * random.normal());
            };
            rows.push_back({own(base), own(base + shift), static_cast<std::uint64_t>(i / 3)});
        }
        const significance level{.alpha = alphas[random.below(3)]};
        const auto all_margins = [&](auto metric, auto... more) {
            const double some =
                binary ? 0.3 * random.uniform() + 0.001 : base * 0.3 * random.uniform() + 0.01;
            check_that_rows_agree(judge(rows, guardrail(metric, {.max_increase = some}), level, more...));
            check_that_rows_agree(judge(rows, guardrail(metric, {.max_decrease = some}), level, more...));
            check_that_rows_agree(
                judge(rows, guardrail(metric, {.max_ratio = 1.01 + random.uniform()}), level, more...));
            check_that_rows_agree(judge(
                rows, guardrail(metric, {.min_ratio = 0.99 * random.uniform() + 1e-3}), level, more...));
        };
        CAPTURE(round, n, binary, base, shift, spread, level.alpha);
        if (binary) {
            all_margins(conversion<"right">{});
            all_margins(conversion<"right">{}, by(&pair_row::user));
        } else {
            all_margins(mean<"amount">{});
            all_margins(mean<"amount">{}, by(&pair_row::user));
        }
    }
}
