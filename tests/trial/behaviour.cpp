// SPDX-License-Identifier: Apache-2.0

#include <joust/report/text.hpp>
#include <joust/trial/behaviour.hpp>

#include "catch.hpp"
#include "report/in_report.hpp"

#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

using namespace joust;
using Catch::Matchers::ContainsSubstring;
using joust_test::noted;

namespace {

struct applicant {
    double income = 0.0;
    int name = 0;
};
using scoring = std::function<double(const applicant&)>;

std::vector<applicant> applicants(int n)
{
    std::vector<applicant> all;
    for (int i = 0; i < n; ++i) {
        all.push_back({1'000.0 + 10.0 * i, i});
    }
    return all;
}

applicant renamed(applicant one)
{
    one.name += 1;
    return one;
}
applicant richer(applicant one)
{
    one.income += 100.0;
    return one;
}

double by_income(const applicant& one)
{
    return one.income;
}

}  // namespace

TEST_CASE("A model that looks at the name fails invariance on the rows where the name matters")
{
    // Every tenth name has a lower score, so that a change by one to or from it shows: two rows of ten.
    const scoring by_name = [](const applicant& one) { return one.name % 10 == 0 ? -1.0 * one.name : 0.0; };
    const behaviour_report found = check_behaviour(
        model{"by name", by_name}, applicants(1'000), invariance("name", renamed, {.at_most = 0.1}),
        invariance("near enough", renamed, {.at_most = 0.3}, tolerance{.absolute = 0.0}));
    REQUIRE(found.results.size() == 2);
    CHECK(found.results[0].test == "invariance: name");
    CHECK(found.results[0].rows == 1'000);
    // Name 0 has the score 0 as well.
    CHECK(found.results[0].failures == 199);
    CHECK(found.results[0].decision == verdict::regress);
    CHECK(found.results[0].lower < 0.199);
    CHECK(found.results[0].upper > 0.199);
    CHECK(found.results[1].decision == verdict::pass);
    // The comparator of numbers says by how much: the highest names come first.
    CHECK(found.results[1].worst.size() == 10);
    CHECK(found.results[1].worst[0].distance == 1'000.0);
    CHECK(found.results[1].worst[0].row == 999);
    CHECK(found.report.decision == verdict::regress);
    CHECK(exit_code(found.report) == 1);
    CHECK_THAT(found.report.reason,
               ContainsSubstring("invariance: name fails on 199 of 1,000 rows (at most 10 %)"));
    CHECK(noted(found.report, "Worst rows of invariance: near enough: 999, 989, "));
    std::string text;
    write_text(found.report, text);
    CHECK_THAT(text, ContainsSubstring("invariance: name"));
}

TEST_CASE("More income must not lower a score, and NaN has no direction")
{
    const auto rises =
        check_behaviour(model{"rises", by_income}, applicants(50), directional("income", richer, +1));
    CHECK(rises.report.decision == verdict::pass);
    CHECK(rises.results[0].failures == 0);
    CHECK(check_behaviour(model{"rises", by_income}, applicants(50), directional("income", richer, -1))
              .results[0]
              .failures == 50);
    CHECK(check_behaviour(model{"rises", by_income}, applicants(50),
                          directional("income", richer, -1, {}, 100.0))
              .results[0]
              .failures == 0);
    const auto lost = [](const applicant&) { return std::numeric_limits<double>::quiet_NaN(); };
    CHECK(check_behaviour(model{"lost", lost}, applicants(50), directional("income", richer, +1))
              .results[0]
              .failures == 50);
}

TEST_CASE("Minimum functionality has cases of its own, and one that fails is enough; exceptions are failures")
{
    const std::vector<applicant> cases{{0.0, 1}, {10.0, 2}, {-5.0, 3}};
    const auto positive = [](const applicant& one, double score) {
        return (score > 0.0) == (one.income > 0.0);
    };
    CHECK(
        check_behaviour(model{"m", by_income}, applicants(5), minimum_functionality("sign", cases, positive))
            .report.decision == verdict::pass);
    const auto throws = [](const applicant& one) {
        return one.income < 0.0 ? throw std::runtime_error{"no"} : one.income;
    };
    const auto found =
        check_behaviour(model{"m", throws}, applicants(5), minimum_functionality("sign", cases, positive));
    CHECK(found.report.decision == verdict::regress);
    CHECK(found.results[0].rows == 3);
    CHECK(found.results[0].failures == 1);
    CHECK(found.results[0].threw == 1);
    CHECK(found.results[0].worst[0].row == 2);
}

TEST_CASE("Noise and repetition: a steady model passes, and one that wavers is found")
{
    const auto noise = [](applicant one, keyed_random& random) {
        one.income += random.uniform() - 0.5;
        return one;
    };
    int calls = 0;
    const auto steady = [](const applicant& one) { return std::floor(one.income / 1'000.0); };
    const auto wavers = [&calls](const applicant&) { return ++calls % 7; };
    const auto good = check_behaviour(model{"steady", steady}, applicants(200),
                                      robustness("income", noise, {.at_most = 0.05}),
                                      consistency("again", {.at_most = 0.02, .tries = 3}));
    CHECK(good.report.decision == verdict::pass);
    // 1,000 and 2,000 are at an edge.
    CHECK(good.results[0].failures >= 1);
    CHECK(good.results[0].failures <= 2);
    CHECK(good.results[1].failures == 0);
    const auto bad = check_behaviour(model{"wavers", wavers}, applicants(200), consistency("again"));
    CHECK(bad.results[0].failures == 200);
    CHECK(calls == 1'000);
    // Too few rows to show a share within its limit.
    const auto few =
        check_behaviour(model{"steady", steady}, applicants(20), consistency("again", {.at_most = 0.02}));
    CHECK(few.report.decision == verdict::inconclusive);
    CHECK(exit_code(few.report) == 3);
}

TEST_CASE("A challenger is compared with the champion test by test on the same rows")
{
    const scoring champion = [](const applicant& one) { return one.name % 20 == 0 ? -1.0 : 1.0; };
    const scoring worse = [](const applicant& one) { return one.name % 5 == 0 ? -1.0 : 1.0; };
    const auto tests = [&](const scoring& challenger) {
        return compare_behaviour(model{"old", champion}, model{"new", challenger}, applicants(2'000),
                                 invariance("name", renamed, {.no_worse_by = 0.02}));
    };
    CHECK(tests(champion).decision == verdict::pass);
    const report found = tests(worse);
    CHECK(found.decision == verdict::regress);
    CHECK(found.metrics[0].champion == 0.1);
    CHECK(found.metrics[0].challenger == 0.4);
    CHECK(noted(found, "Worst rows of invariance: name"));
}

TEST_CASE("Limits that make no sense are refused by name")
{
    CHECK_THROWS_WITH(invariance("x", renamed, {.at_most = 1.0}), ContainsSubstring("invariance.at_most"));
    CHECK_THROWS_WITH(directional("x", richer, 0), ContainsSubstring("directional.sign"));
    CHECK_THROWS_WITH(consistency("x", {.tries = 1}), ContainsSubstring("consistency.tries"));
    CHECK_THROWS_WITH(robustness("x", renamed, {.no_worse_by = 0.0}),
                      ContainsSubstring("robustness.no_worse_by"));
}
