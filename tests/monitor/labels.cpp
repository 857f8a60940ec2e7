// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/monitor/loss_alarm.hpp>
#include <joust/monitor/matured_cohorts.hpp>
#include <joust/monitor/slices.hpp>

#include "catch.hpp"

#include <cmath>
#include <string>
#include <vector>

using joust::false_alarms;
using joust::slice_verdict;

TEST_CASE("an alarm on a bounded loss is that on a rate where losses are 0 and 1, and is quiet at its level")
{
    joust::bernoulli_alarm rate{0.2, false_alarms::every(1e4)};
    joust::loss_alarm loss{0.2, false_alarms::every(1e4)};
    joust::keyed_random random{1};
    for (int i = 0; i < 500; ++i) {
        const bool yes = random.chance(0.3);
        rate.update(yes);
        CHECK(loss.update(yes ? 1.0 : 0.0));
    }
    CHECK_THAT(loss.evidence(), WithinRel(rate.evidence(), 1e-12));
    CHECK_FALSE(loss.update(1.5));
    CHECK_FALSE(loss.update(std::nan("")));
    CHECK(loss.refused() == 2);
    int raised = 0;
    for (std::uint64_t run = 0; run < 100; ++run) {
        joust::keyed_random each{2, run};
        joust::loss_alarm quiet{0.25, false_alarms::ever(0.1)};
        for (int i = 0; i < 500; ++i) {
            quiet.update(0.5 * each.uniform());
        }
        raised += quiet.raised() ? 1 : 0;
    }
    CHECK(raised <= 10);
    CHECK_THROWS_AS(joust::loss_alarm{0.0}, joust::configuration_error);
}

TEST_CASE("labels are judged by cohorts of one age, and late or missing ones are counted")
{
    joust::matured_cohorts cohorts{
        {.span = 10.0, .horizon = 20.0, .level = 0.2, .coverage = 0.9, .promise = false_alarms::every(1e3)}};
    for (int t = 0; t < 20; ++t) {
        CHECK(cohorts.served(t));
    }
    CHECK(cohorts.label(3.0, 5.0, 0.0));
    CHECK(cohorts.label(4.0, 12.0, 1.0));
    CHECK(std::isnan(cohorts.mature(25.0).size() == 0 ? std::nan("") : 0.0));
    CHECK_FALSE(cohorts.label(5.0, 26.0, 1.0));  // after the horizon
    CHECK_FALSE(cohorts.label(6.0, 7.0, 2.0));   // no loss
    const auto done = cohorts.mature(30.0);
    REQUIRE(done.size() == 1);
    CHECK(done[0].served == 10);
    CHECK(done[0].labelled == 2);
    CHECK(done[0].mean_loss == 0.5);
    CHECK(done[0].mean_delay == 5.0);
    CHECK_FALSE(cohorts.served(2.0));
    CHECK_FALSE(cohorts.label(2.0, 31.0, 0.0));
    CHECK(cohorts.late() == 3);
    CHECK(cohorts.refused() == 1);
    CHECK(cohorts.age_of_last_label(40.0) == 9.0);
    CHECK_FALSE(cohorts.losses().raised());
    // Labels stop coming: no loss is seen, and the silence is.
    for (int t = 40; t < 140; ++t) {
        cohorts.served(t);
    }
    cohorts.mature(200.0);
    CHECK(cohorts.silence().raised());
    CHECK_FALSE(cohorts.losses().raised());
    CHECK_THROWS_AS(joust::matured_cohorts({.span = 0.0}), joust::configuration_error);
    CHECK_THROWS_AS(joust::matured_cohorts({.coverage = 1.0}), joust::configuration_error);
}

TEST_CASE(
    "slices and their crosses are judged by intervals that hold for all, and small ones cannot be told by subtraction")
{
    joust::slice_table before;
    joust::slice_table now;
    joust::keyed_random random{3};
    for (int i = 0; i < 6000; ++i) {
        const std::string country = i % 3 == 0 ? "de" : i % 100 == 1 ? "li" : "fr";
        const std::string device = random.coin() ? "phone" : "desk";
        before.add({{"country", country}, {"device", device}}, random.chance(0.9));
        const bool bad = country == "de" && device == "phone";
        now.add({{"country", country}, {"device", device}}, random.chance(bad ? 0.6 : 0.9));
    }
    CHECK(now.size() == 12);
    const auto verdict = [](const std::vector<joust::slice_row>& rows, std::string_view name) {
        for (const joust::slice_row& row : rows) {
            if (row.slice == name) {
                return row.verdict;
            }
        }
        throw std::out_of_range{std::string{name}};
    };
    const auto rows = now.report({.at_least = 0.8});
    CHECK(verdict(rows, "country=de, device=phone") == slice_verdict::breaks);
    CHECK(verdict(rows, "country=fr") == slice_verdict::keeps);
    CHECK(verdict(rows, "country=fr, device=desk") == slice_verdict::keeps);
    // Few rows are hidden, and with one value of a projection the next smallest.
    const auto careful = now.report({.at_least = 0.8, .min_rows = 200});
    CHECK(verdict(careful, "country=li") == slice_verdict::hidden);
    CHECK(verdict(careful, "country=de") == slice_verdict::hidden);
    CHECK(verdict(careful, "country=fr") != slice_verdict::hidden);
    CHECK(careful[0].slice == "all");
    for (const joust::slice_row& row : careful) {
        CHECK((row.verdict != slice_verdict::hidden || row.rows == 0));
    }
    const auto changed = now.report_change(before, 0.05);
    CHECK(verdict(changed, "country=de, device=phone") == slice_verdict::breaks);
    CHECK(verdict(changed, "country=fr") == slice_verdict::keeps);
    CHECK_THROWS_AS(now.report({.alpha = 0.0}), joust::configuration_error);
}
