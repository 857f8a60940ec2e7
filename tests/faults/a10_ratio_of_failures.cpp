// SPDX-License-Identifier: Apache-2.0

// A margin on the ratio of two proportions is tested at that ratio: where the truth lies at the margin, the gate passes or
// regresses as rarely as it says.

#include <joust/core/random.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/report/report.hpp>
#include <joust/trial/gate.hpp>

#include "catch.hpp"

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

using namespace joust;

namespace {

/// Fails on a share of the rows, given by a draw for each row. Rows of both models that fail together are hard rows.
struct failing {
    double hard;
    double own;
    std::uint64_t seed;
    bool operator()(int row) const
    {
        const auto number = static_cast<std::uint64_t>(row);
        if (keyed_random{seed / 2 + 1'000'000, number}.uniform() < hard ||
            keyed_random{seed, number}.uniform() < own) {
            throw std::runtime_error("failed");
        }
        return true;
    }
};

struct tally {
    int pass = 0;
    int regress = 0;
};

std::vector<int> rows_of(int n)
{
    std::vector<int> rows;
    for (int i = 0; i < n; ++i) {
        rows.push_back(i);
    }
    return rows;
}

/// Judge gates whose challenger fails `ratio` times as often as the champion.
tally judge(int gates, int rows, double champion, double hard, double ratio, double margin)
{
    tally all;
    for (int i = 0; i < gates; ++i) {
        const auto seed = static_cast<std::uint64_t>(2 * i);
        const auto own = [&](double rate) { return (rate - hard) / (1.0 - hard); };
        gate check{model{"old", failing{hard, own(champion), seed}},
                   model{"new", failing{hard, own(ratio * champion), seed + 1}},
                   guardrail(failures{}, {.max_ratio = margin})};
        const verdict v = check.run(rows_of(rows)).decision;
        all.pass += v == verdict::pass ? 1 : 0;
        all.regress += v == verdict::regress ? 1 : 0;
    }
    return all;
}

/// The probabilities of a pass and a regress with these expected numbers of rows on which both, only the challenger, or
/// only the champion fail, each of them rare.
struct chances {
    double pass = 0.0;
    double regress = 0.0;
};
chances exact(double both, double challenger, double champion, double ratio)
{
    const auto probabilities = [](double expected) {
        std::vector<double> p;
        const double most = expected + 6.0 * std::sqrt(expected) + 6.0;
        double term = std::exp(-expected);
        for (double k = 0.0; k <= most && (expected > 0.0 || k == 0.0); k += 1.0) {
            p.push_back(term);
            term *= expected / (k + 1.0);
        }
        return p;
    };
    const std::vector<double> a = probabilities(both);
    const std::vector<double> b = probabilities(challenger);
    const std::vector<double> c = probabilities(champion);
    const double critical = stats::normal_upper_quantile(0.05);
    chances all;
    for (std::size_t i = 0; i < a.size(); ++i) {
        for (std::size_t j = 0; j < b.size(); ++j) {
            for (std::size_t k = 0; k < c.size(); ++k) {
                const double weight = a[i] * b[j] * c[k];
                if (weight < 1e-7) {
                    continue;
                }
                const double z = detail::paired_ratio_z({.both = static_cast<double>(i),
                                                         .only_challenger = static_cast<double>(j),
                                                         .only_champion = static_cast<double>(k)},
                                                        ratio);
                all.pass += z <= -critical ? weight : 0.0;
                all.regress += z >= critical ? weight : 0.0;
            }
        }
    }
    return all;
}

}  // namespace

TEST_CASE("a gate on the ratio of failures errs as rarely as it says where the truth is the margin")
{
    // Each error rate is at most 5 %: 200 gates exceed 21 errors with probability 0.0005.
    const tally independent = judge(200, 1'000, 0.04, 0.0, 1.5, 1.5);
    CHECK(independent.pass <= 21);
    CHECK(independent.regress <= 21);
    const tally together = judge(200, 400, 0.05, 0.025, 1.5, 1.5);
    CHECK(together.pass <= 21);
    CHECK(together.regress <= 21);
    // Beyond the margin it regresses, and well within it passes.
    CHECK(judge(20, 2'000, 0.05, 0.0, 3.0, 1.5).regress == 20);
    CHECK(judge(20, 4'000, 0.05, 0.0, 0.9, 1.5).pass == 20);
}

TEST_CASE("the error rates of a paired ratio are exact or below with few events")
{
    for (const double ratio : {0.5, 1.2, 1.5, 3.0}) {
        for (const double champion : {2.0, 5.0, 10.0}) {
            for (const double share : {0.0, 0.5}) {
                const double both = share * champion * std::fmin(1.0, ratio);
                const chances at = exact(both, ratio * champion - both, champion - both, ratio);
                CAPTURE(ratio, champion, share);
                CHECK(at.pass <= 0.05);
                CHECK(at.regress <= 0.05);
            }
        }
    }
}

TEST_CASE("the error rates of a paired ratio are near the level with many events")
{
    // A million rows, of which 400, 700 and 200 are hard for both, for the challenger and for the champion.
    keyed_random random{5};
    const double critical = stats::normal_upper_quantile(0.05);
    const double ratio = 1'100.0 / 600.0;
    int pass = 0;
    int regress = 0;
    constexpr int gates = 4'000;
    for (int i = 0; i < gates; ++i) {
        const auto near = [&](double expected) {
            return std::round(expected + std::sqrt(expected) * random.normal());
        };
        const double both = near(400.0);
        const double challenger = near(700.0);
        const double z = detail::paired_ratio_z(
            {.both = both, .only_challenger = challenger, .only_champion = near(200.0)}, ratio);
        pass += z <= -critical ? 1 : 0;
        regress += z >= critical ? 1 : 0;
    }
    // 4,000 gates have 200 errors of each kind, give or take 42 (three standard deviations).
    CHECK(pass > 150);
    CHECK(pass <= 242);
    CHECK(regress > 150);
    CHECK(regress <= 242);
}

TEST_CASE("an arm without failures is judged by the ratio of its limit")
{
    const auto no_failures = [](int) { return true; };
    const auto at_times = [](int row) -> bool {
        if (row % 20 == 0) {
            throw std::runtime_error("failed");
        }
        return true;
    };
    const auto decide = [](auto champion, auto challenger, int n) {
        gate check{model{"old", champion}, model{"new", challenger},
                   guardrail(failures{}, {.max_ratio = 1.5})};
        return check.run(rows_of(n));
    };
    CHECK(decide(no_failures, at_times, 2'000).decision == verdict::regress);
    CHECK(decide(at_times, no_failures, 2'000).decision == verdict::pass);
    CHECK(decide(at_times, no_failures, 40).decision == verdict::inconclusive);
    const report equal = decide(at_times, at_times, 2'000);
    CHECK(equal.metrics[0].estimate == 1.0);
    CHECK(equal.metrics[0].p_value == 1.0);
    CHECK(equal.metrics[0].margin == 1.5);
    CHECK(equal.metrics[0].reference == 1.0);
    CHECK(equal.decision == verdict::pass);
    // Nothing is known of the ratio of two rates that are both 0 so far.
    const report none = decide(no_failures, no_failures, 2'000);
    CHECK(none.decision == verdict::inconclusive);
    CHECK_THAT(none.reason, ContainsSubstring("no event in either model"));
}

TEST_CASE("conversions are compared by the ratio that is stated, and not by a normal limit of differences")
{
    // 3 events against 3 on 1,000 rows do not show that the ratio is below 1.5.
    const auto every_nth = [](int every) {
        return [every](int row) { return row % every == 0 ? 1.0 : 0.0; };
    };
    const auto shifted = [](int row) { return row % 333 == 5 ? 1.0 : 0.0; };
    const auto as_it_is = [](int, double value) { return value; };
    gate few{model{"old", every_nth(334)}, model{"new", shifted},
             guardrail(conversion<"error">{.better = better::down}, {.max_ratio = 1.5})};
    const report open = few.run(rows_of(1'000), as_it_is);
    CHECK(open.decision == verdict::inconclusive);
    CHECK(open.metrics[0].metric == "error (ratio)");
    CHECK(open.metrics[0].lower > 0.0);
    CHECK(open.metrics[0].upper > 1.5);
    // Sales fall from 5 % to 0.
    gate sales{model{"old", every_nth(20)}, model{"new", [](int) { return 0.0; }},
               guardrail(conversion<"sale">{}, {.min_ratio = 0.8})};
    const report lost = sales.run(rows_of(2'000), as_it_is);
    CHECK(lost.decision == verdict::regress);
    CHECK(lost.metrics[0].estimate == 0.0);
}
