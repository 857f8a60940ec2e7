// SPDX-License-Identifier: Apache-2.0

#include <joust/core/model.hpp>
#include <joust/core/random.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/metric/conversion.hpp>
#include <joust/metric/guardrail.hpp>
#include <joust/metric/mean.hpp>
#include <joust/metric/quantile.hpp>
#include <joust/report/words.hpp>
#include <joust/report/write.hpp>
#include <joust/stats/sequential/randomised_bets.hpp>
#include <joust/store/snapshot.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/gate.hpp>

#include "catch.hpp"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using joust::ab_test;
using joust::canary;
using joust::conversion;
using joust::failures;
using joust::gate;
using joust::guardrail;
using joust::latency;
using joust::model;

struct request {
    int unit;
};
constexpr auto unit_of = [](const request& r) { return r.unit; };
constexpr auto answer = [](const request&) { return 1; };

template <class Make>
std::string why_not(Make make)
{
    try {
        static_cast<void>(make());
    } catch (const joust::configuration_error& e) {
        return e.what();
    }
    return "accepted";
}

const auto guarded_failures =
    guardrail(failures{}, {.max_ratio = 1.1, .exclude = {.max_ratio = 1.5, .max_increase = 0.005}});

using milliseconds = std::chrono::duration<double, std::milli>;

/// An A/B test of two arms with equal shares and these guardrails.
template <class... Policies>
auto trial_with(Policies... policies)
{
    return ab_test{model{"old", [](std::uint64_t) { return 0; }},
                   model{"new", [](std::uint64_t) { return 1; }},
                   joust::by([](std::uint64_t user) { return user; }),
                   joust::hash_split{.salt = "guards"},
                   conversion<"click">{},
                   policies...};
}

template <class Trial, class Feed>
joust::report report_of(Trial& trial, int requests, Feed feed)
{
    joust::keyed_random random{7};
    for (int i = 0; i < requests; ++i) {
        const auto ticket = trial.choose(random.below(5'000));
        feed(ticket, trial.arm_of(ticket), random);
    }
    return trial.report();
}

std::vector<joust::metric_row> guardrails_of(const joust::report& r)
{
    std::vector<joust::metric_row> rows;
    for (const joust::metric_row& row : r.metrics) {
        if (std::string_view{row.role}.starts_with("guardrail")) {
            rows.push_back(row);
        }
    }
    return rows;
}

/// Requests whose score is normal around 0.5, plus a shift in the challenger.
joust::report scored(double shift, const joust::margin& allowed)
{
    auto trial = trial_with(guardrail(joust::mean<"score">{}, allowed));
    return report_of(trial, 6'000, [&](const auto& ticket, unsigned arm, joust::keyed_random& random) {
        trial.complete(ticket, milliseconds{1.0}, true);
        trial.template observe<"score">(ticket, 0.5 + 0.05 * random.normal() + (arm == 1 ? shift : 0.0));
    });
}

}  // namespace

TEST_CASE("a harm to exclude is for canaries, and other trials refuse it in a sentence")
{
    CHECK(why_not([] {
              canary trial{model{"a", answer}, model{"b", answer}, joust::by(unit_of), guarded_failures};
              return trial.share() > 0.0 ? 1 : 0;
          }) == "accepted");
    const std::string why =
        "; allowed: a harm to exclude in a canary, which promotes the challenger once it is excluded";
    CHECK(why_not([] {
              ab_test trial{model{"a", answer}, model{"b", answer}, joust::by(unit_of), conversion<"click">{},
                            guarded_failures};
              return trial.name().empty() ? 1 : 0;
          }) == "guardrail(failures).exclude is given to ab_test" + why);
    CHECK(why_not([] {
              gate trial{model{"a", answer}, model{"b", answer},
                         guardrail(conversion<"right">{},
                                   {.max_decrease = 0.01, .exclude = {.max_decrease = 0.02}})};
              return 0;
          }) == "guardrail(right).exclude is given to gate" + why);
}

TEST_CASE("a guardrail with two sides is broken on either side, and each side has half of its error rate")
{
    const joust::margin both{.max_increase = 0.01, .max_decrease = 0.02};
    const joust::report within = scored(0.0, both);
    const auto rows = guardrails_of(within);
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].role == "guardrail, at most 0.01 more (and at most 0.02 less)");
    CHECK(rows[1].role == "guardrail, at most 0.02 less (and at most 0.01 more)");
    CHECK(rows[0].margin == 0.01);
    CHECK(rows[1].margin == -0.02);
    for (const joust::metric_row& row : rows) {
        CHECK(row.level == Approx(0.975));
        CHECK(row.state == joust::status::ok);
        CHECK(joust::standing_of(row) == joust::standing::within_margin);
    }
    CHECK(within.decision == joust::verdict::keep_testing);

    const joust::report above = scored(0.05, both);
    CHECK(above.decision == joust::verdict::keep_champion);
    CHECK_THAT(above.reason, ContainsSubstring("new breaks the guardrail on score (at most 0.01 more)"));
    CHECK(joust::standing_of(guardrails_of(above)[0]) == joust::standing::beyond_margin);
    CHECK(joust::standing_of(guardrails_of(above)[1]) == joust::standing::within_margin);

    const joust::report below = scored(-0.05, both);
    CHECK(below.decision == joust::verdict::keep_champion);
    CHECK_THAT(below.reason, ContainsSubstring("new breaks the guardrail on score (at most 0.02 less)"));
    CHECK(joust::standing_of(guardrails_of(below)[0]) == joust::standing::within_margin);
    CHECK(joust::standing_of(guardrails_of(below)[1]) == joust::standing::beyond_margin);
    // What one side has shown is no evidence for the other.
    CHECK(guardrails_of(below)[0].e_value < 1.5);
}

TEST_CASE("what the notes say of a metric with two sides they say once")
{
    auto trial = trial_with(guardrail(conversion<"right">{.per = joust::per::observed},
                                      {.max_increase = 0.5, .max_decrease = 0.5}));
    const joust::report r =
        report_of(trial, 2'000, [&](const auto& ticket, unsigned, joust::keyed_random& random) {
            trial.complete(ticket, milliseconds{1.0}, true);
            trial.template observe<"right">(ticket, random.chance(0.1) ? std::nan("") : 1.0);
        });
    int divided = 0;
    int lost = 0;
    for (const std::string& note : r.notes) {
        divided += note.find("instead of by exposures: right (") != std::string::npos ? 1 : 0;
        lost += note.find("right: values that cannot be scored") != std::string::npos ? 1 : 0;
    }
    CHECK(divided == 1);
    CHECK(lost == 1);
}

TEST_CASE("the sides of a guardrail may be a ratio and a difference")
{
    const joust::margin both{.max_ratio = 1.05, .max_decrease = 0.02};
    CHECK(scored(0.0, both).decision == joust::verdict::keep_testing);
    CHECK_THAT(scored(0.06, both).reason, ContainsSubstring("(at most x 1.05)"));
    CHECK_THAT(scored(-0.06, both).reason, ContainsSubstring("(at most 0.02 less)"));
}

TEST_CASE("a limit of the challenger's own level is judged whatever the champion does")
{
    for (const double rate : {0.01, 0.05}) {
        INFO(rate);
        auto trial = trial_with(guardrail(failures{}, {.at_most = 0.02}));
        const joust::report r =
            report_of(trial, 20'000, [&](const auto& ticket, unsigned, joust::keyed_random& random) {
                trial.complete(ticket, milliseconds{1.0}, !random.chance(rate));
            });
        const auto rows = guardrails_of(r);
        REQUIRE(rows.size() == 1);
        CHECK(rows[0].role == "guardrail, at most 2 % by itself");
        CHECK(rows[0].state == joust::status::ok);
        CHECK(rows[0].margin == 0.02);
        CHECK(std::isnan(rows[0].reference));
        CHECK(rows[0].estimate == rows[0].challenger);
        CHECK(rows[0].estimate == Approx(rate).epsilon(0.2));
        CHECK(rows[0].champion == Approx(rate).epsilon(0.2));
        CHECK(joust::standing_of(rows[0]) ==
              (rate < 0.02 ? joust::standing::within_margin : joust::standing::beyond_margin));
        CHECK((r.decision == joust::verdict::keep_champion) == (rate > 0.02));
        CHECK((r.reason.find("breaks the guardrail on failures (at most 2 % by itself)") !=
               std::string::npos) == (rate > 0.02));
    }
}

TEST_CASE("limits hold for levels of conversions, means, latency and quantiles, on both sides")
{
    const auto decide = [](const auto& guard, auto feed) {
        auto trial = trial_with(guard);
        return report_of(trial, 8'000, [&](const auto& ticket, unsigned, joust::keyed_random& random) {
            feed(trial, ticket, random);
        });
    };
    const auto clicks = [](auto& trial, const auto& ticket, joust::keyed_random& random) {
        trial.complete(ticket, milliseconds{1.0}, true);
        trial.template observe<"sale">(ticket, random.chance(0.3));
    };
    CHECK(decide(guardrail(conversion<"sale">{}, {.at_least = 0.27}), clicks).decision ==
          joust::verdict::keep_testing);
    CHECK(decide(guardrail(conversion<"sale">{}, {.at_least = 0.35}), clicks).decision ==
          joust::verdict::keep_champion);
    CHECK(decide(guardrail(conversion<"sale">{}, {.at_most = 0.25, .at_least = 0.2}), clicks).decision ==
          joust::verdict::keep_champion);
    CHECK(decide(guardrail(conversion<"sale">{}, {.at_most = 0.34, .at_least = 0.26}), clicks).decision ==
          joust::verdict::keep_testing);

    const auto amounts = [](auto& trial, const auto& ticket, joust::keyed_random& random) {
        trial.complete(ticket, milliseconds{1.0}, true);
        trial.template observe<"revenue">(ticket, random.exponential());
    };
    CHECK(decide(guardrail(joust::mean<"revenue">{}, {.at_most = 1.1}), amounts).decision ==
          joust::verdict::keep_testing);
    CHECK(decide(guardrail(joust::mean<"revenue">{}, {.at_most = 0.85}), amounts).decision ==
          joust::verdict::keep_champion);
    CHECK(decide(guardrail(joust::mean<"revenue">{}, {.at_least = 1.15}), amounts).decision ==
          joust::verdict::keep_champion);
    // A level may be negative.
    CHECK(decide(guardrail(joust::mean<"revenue">{}, {.at_least = -1.0}), amounts).decision ==
          joust::verdict::keep_testing);

    const auto times = [](auto& trial, const auto& ticket, joust::keyed_random& random) {
        trial.complete(ticket, milliseconds{100.0 * random.exponential()}, true);
    };
    // The 90 % quantile is 230 ms.
    const joust::report in_time = decide(guardrail(latency{.q = 0.9}, {.at_most = 250.0}), times);
    CHECK(in_time.decision == joust::verdict::keep_testing);
    const auto row = guardrails_of(in_time).front();
    CHECK(row.role == "guardrail, at most 250 ms by itself");
    CHECK(row.challenger == Approx(230.0).epsilon(0.05));
    CHECK(row.lower < row.estimate);
    CHECK(row.upper > row.estimate);
    CHECK(row.margin == 250.0);
    const joust::report late = decide(guardrail(latency{.q = 0.9}, {.at_most = 200.0}), times);
    CHECK(late.decision == joust::verdict::keep_champion);
    CHECK(guardrails_of(late).front().lower > 200.0);

    const auto values = [](auto& trial, const auto& ticket, joust::keyed_random& random) {
        trial.complete(ticket, milliseconds{1.0}, true);
        trial.template observe<"length">(ticket, 100.0 * random.exponential());
    };
    for (const double q : {0.1, 0.5, 0.9}) {
        const double level = -100.0 * std::log(1.0 - q);
        INFO(q);
        CHECK(
            decide(guardrail(joust::quantile<"length">{.q = q}, {.at_most = 1.3 * level}), values).decision ==
            joust::verdict::keep_testing);
        const joust::report r =
            decide(guardrail(joust::quantile<"length">{.q = q}, {.at_most = 0.7 * level}), values);
        CHECK(r.decision == joust::verdict::keep_champion);
        CHECK(guardrails_of(r).front().challenger == Approx(level).epsilon(0.1));
        CHECK(guardrails_of(r).front().lower > 0.7 * level);
        CHECK(decide(guardrail(joust::quantile<"length">{.q = q}, {.at_least = 1.4 * level}), values)
                  .decision == joust::verdict::keep_champion);
        CHECK(decide(guardrail(joust::quantile<"length">{.q = q}, {.at_least = 0.8 * level}), values)
                  .decision == joust::verdict::keep_testing);
    }
}

TEST_CASE("weights divide the error rate of the guardrails, and the report says how")
{
    auto trial = trial_with(guardrail(failures{}, {.max_ratio = 1.1, .weight = 2.0}),
                            guardrail(joust::mean<"score">{}, {.max_decrease = 0.1}),
                            guardrail(conversion<"sale">{}, {.max_increase = 0.1, .max_decrease = 0.1}));
    const joust::report r = trial.report();
    const auto rows = guardrails_of(r);
    REQUIRE(rows.size() == 4);
    CHECK(rows[0].level == Approx(1.0 - 0.05 * 2.0 / 4.0));
    CHECK(rows[1].level == Approx(1.0 - 0.05 * 1.0 / 4.0));
    CHECK(rows[2].level == Approx(1.0 - 0.05 * 0.5 / 4.0));
    CHECK(rows[3].level == Approx(1.0 - 0.05 * 0.5 / 4.0));
    bool told = false;
    for (const std::string& note : r.notes) {
        told =
            told ||
            note.find("divided by their weights (failures 50.0 %, score 25.0 %, sale 12.5 %, sale 12.5 %)") !=
                std::string::npos;
    }
    CHECK(told);
}

TEST_CASE("a canary rolls back at the e-value that the weight of the guardrail asks for")
{
    const auto e_at_rollback = [](double weight) {
        canary trial{model{"old", [](std::uint64_t) { return 0; }},
                     model{"new", [](std::uint64_t) { return 1; }},
                     joust::by([](std::uint64_t user) { return user; }),
                     joust::hash_split{.salt = "weighed"},
                     joust::ramp{.shares = {0.5}, .requests = 1'000'000},
                     guardrail(failures{}, {.max_ratio = 1.0, .weight = weight}),
                     guardrail(conversion<"sale">{}, {.max_decrease = 0.1})};
        joust::keyed_random random{3};
        while (!trial.rolled_back()) {
            const auto ticket = trial.choose(random.next());
            trial.complete(ticket, milliseconds{1.0}, trial.arm_of(ticket) == 0);
        }
        return guardrails_of(trial.report()).front().e_value;
    };
    for (const double weight : {0.25, 1.0, 4.0}) {
        INFO(weight);
        const double needed = (1.0 + weight) / weight / 0.05;
        const double e = e_at_rollback(weight);
        CHECK(e >= needed);
        CHECK(e < 4.0 * needed);  // One more failure multiplies the evidence by less.
    }
}

TEST_CASE("evidence carries the memories of both sides, and that of other limits is refused")
{
    auto one = trial_with(guardrail(joust::mean<"score">{}, {.max_increase = 0.01, .max_decrease = 0.01}));
    auto other = trial_with(guardrail(joust::mean<"score">{}, {.max_increase = 0.01}));
    const joust::evidence seen = one.evidence();
    CHECK(seen.consistent());
    CHECK(joust::from_snapshot<joust::evidence>(joust::to_snapshot(seen)) == seen);
    CHECK(one.report(seen).metrics.size() == one.report().metrics.size());
    CHECK(why_not([&] {
              return other.report(seen).metrics.size();
          }).starts_with("evidence is of other limits of guardrails; allowed: evidence of trial 'guards'"));
}

TEST_CASE("a gate judges both sides of a guardrail, and refuses a level")
{
    const auto run = [](double shift) {
        gate trial{model{"a", [](double x) { return x; }},
                   model{"b", [shift](double x) { return x + shift; }},
                   guardrail(joust::mean<"score">{}, {.max_increase = 0.1, .max_decrease = 0.2})};
        std::vector<double> rows;
        joust::keyed_random random{5};
        for (int i = 0; i < 200; ++i) {
            rows.push_back(random.normal());
        }
        joust::keyed_random noise{6};
        return trial.run(rows,
                         [&](double, double answer_given) { return answer_given + 0.1 * noise.normal(); });
    };
    CHECK(run(0.0).decision == joust::verdict::pass);
    CHECK(run(0.3).decision == joust::verdict::regress);
    CHECK_THAT(run(0.3).reason, ContainsSubstring("at most 0.1 more (and at most 0.2 less)"));
    CHECK(run(-0.4).decision == joust::verdict::regress);
    CHECK(run(-0.15).decision == joust::verdict::pass);
    CHECK(
        why_not([] {
            gate trial{model{"a", answer}, model{"b", answer},
                       guardrail(conversion<"right">{}, {.at_least = 0.9})};
            return 0;
        }) ==
        "guardrail(right) is a limit of the challenger's own level; allowed: a margin against the champion, since a "
        "gate compares both models on each row");
}

TEST_CASE("limits that cannot be judged are refused in a sentence")
{
    const auto refused = [](const auto& guard) {
        return why_not([&] {
            auto trial = trial_with(guard);
            return trial.name().empty() ? 1 : 0;
        });
    };
    CHECK(
        refused(guardrail(failures{}, {.at_most = 0.0})) ==
        "guardrail(failures).at_most is 0; allowed: a proportion above 0 and below 1, such as 0.02 for two percent");
    CHECK(
        refused(guardrail(conversion<"sale">{}, {.at_least = 2.0})) ==
        "guardrail(sale).at_least is 2; allowed: a proportion above 0 and below 1, such as 0.02 for two percent");
    CHECK(refused(guardrail(latency{}, {.at_most = 0.0})) ==
          "guardrail(latency).at_most is 0; allowed: milliseconds, above 0");
    CHECK(
        refused(guardrail(latency{}, {.max_ratio = 1.1, .at_most = 250.0})) ==
        "guardrail(latency) is 2 bounds; allowed: one bound of a quantile, since its values are counted beyond one "
        "threshold; a second guardrail takes the other bound");
}

TEST_CASE("where each request is randomised by itself, guardrails on events bet on each one, exactly")
{
    const auto run = [](double increase, int requests, const auto& guard) {
        ab_test trial{model{"old", [] { return 0; }},
                      model{"new", [] { return 1; }},
                      joust::per_request{.seed = 9},
                      joust::hash_split{.salt = "bets", .shares = {0.8, 0.2}},
                      conversion<"right">{.per = joust::per::observed},
                      guard};
        joust::keyed_random random{11};
        for (int i = 0; i < requests; ++i) {
            const auto ticket = trial.choose(random.next());
            trial.complete(ticket, milliseconds{1.0},
                           !random.chance(0.02 + (trial.arm_of(ticket) == 1 ? increase : 0.0)));
        }
        return std::pair{trial.report(), trial.evidence()};
    };
    const auto [equal, seen] = run(0.0, 5'000, guardrail(failures{}, {.max_increase = 0.01}));
    const joust::metric_row row = guardrails_of(equal).front();
    CHECK(row.method == "bets on each request, which is randomised by itself");
    CHECK(row.validity == "exact");
    CHECK(row.state == joust::status::ok);
    CHECK(row.e_value_needed == Approx(20.0));
    CHECK_FALSE(row.decides);
    const joust::stats::randomised_counts counts{
        0.2, static_cast<double>(seen.requests(0)), static_cast<double>(seen.failed(0)),
        static_cast<double>(seen.requests(1)), static_cast<double>(seen.failed(1))};
    CHECK(row.e_value_now ==
          Approx(std::exp(joust::stats::difference_bets_log_e({&counts, 1}, 0.01))).epsilon(1e-6));
    CHECK(equal.decision == joust::verdict::keep_testing);

    const auto [worse, unused] = run(0.04, 5'000, guardrail(failures{}, {.max_increase = 0.01}));
    CHECK(worse.decision == joust::verdict::keep_champion);
    CHECK(guardrails_of(worse).front().decides);
    // Ten events are not needed: the first calls of the challenger all fail.
    const auto [broken, few] = run(1.0, 300, guardrail(failures{}, {.max_increase = 0.01}));
    CHECK(broken.decision == joust::verdict::keep_champion);
    CHECK_THAT(broken.notes.back(), ContainsSubstring("Guardrails: failures is exact, evidence now "));
    CHECK_THAT(broken.notes.back(), ContainsSubstring(", needed 20.0; broken: failures."));

    const auto [level, none] = run(0.04, 5'000, guardrail(failures{}, {.at_most = 0.02}));
    CHECK(level.decision == joust::verdict::keep_champion);
    CHECK(guardrails_of(level).front().method == "level of the challenger: bets on each request");
    CHECK(guardrails_of(level).front().validity == "exact");
}

TEST_CASE(
    "the report says of each guardrail how it holds, what evidence it has and needs, and which one decided")
{
    auto trial = trial_with(guardrail(failures{}, {.max_ratio = 1.1}),
                            guardrail(joust::mean<"score">{}, {.max_decrease = 0.01}));
    const joust::report r =
        report_of(trial, 6'000, [&](const auto& ticket, unsigned arm, joust::keyed_random& random) {
            trial.complete(ticket, milliseconds{1.0}, !random.chance(0.02));
            trial.template observe<"score">(ticket, 0.5 + 0.1 * random.normal() - (arm == 1 ? 0.1 : 0.0));
        });
    const auto rows = guardrails_of(r);
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].validity == "exact");
    CHECK(rows[1].validity == "asymptotic");
    CHECK(rows[0].e_value_needed == Approx(40.0));
    CHECK(rows[1].e_value_needed == Approx(40.0));
    CHECK_FALSE(rows[0].decides);
    CHECK(rows[1].decides);
    CHECK(rows[1].e_value_now >= 40.0);
    const std::string json = joust::to_text(r, joust::style::json);
    CHECK_THAT(json, ContainsSubstring("\"validity\":\"exact\""));
    CHECK_THAT(json, ContainsSubstring("\"decides\":true"));
    for (const joust::metric_row& row : r.metrics) {
        CHECK(row.validity.empty() == !std::string_view{row.role}.starts_with("guardrail"));
    }
    CHECK_THAT(r.notes.back(), ContainsSubstring("score is asymptotic, evidence now "));
    CHECK_THAT(r.notes.back(), ContainsSubstring("; broken: score."));
}

TEST_CASE("bets go on while a canary's share grows, by the share that served each request")
{
    canary trial{model{"old", [] { return 0; }},
                 model{"new", [] { return 1; }},
                 joust::per_request{.seed = 5},
                 joust::hash_split{.salt = "growing bets"},
                 joust::ramp{.shares = {0.1, 0.5}, .requests = 200, .promote = joust::promotion::on_no_harm},
                 guardrail(failures{}, {.max_increase = 0.02})};
    joust::keyed_random random{13};
    for (int i = 0; i < 6'000; ++i) {
        const auto ticket = trial.choose(random.next());
        trial.complete(ticket, milliseconds{1.0}, !random.chance(0.03));
    }
    const joust::report r = trial.report();
    CHECK(trial.share() == 0.5);
    const joust::metric_row row = guardrails_of(r).front();
    CHECK(row.method == "bets on each request, which is randomised by itself");
    const joust::share_counts by_share = trial.evidence().pairs.front().by_share;
    REQUIRE(by_share.shares.size() == 2);
    std::vector<joust::stats::randomised_counts> counts;
    for (std::size_t k = 0; k < 2; ++k) {
        const auto count = [&](std::size_t column, bool challenger) {
            return static_cast<double>(by_share.count(k, column, challenger));
        };
        counts.push_back(
            {by_share.shares[k], count(0, false), count(1, false), count(0, true), count(1, true)});
        CHECK(counts.back().challenger > 100.0);
    }
    CHECK(row.e_value_now ==
          Approx(std::exp(joust::stats::difference_bets_log_e(counts, 0.02))).epsilon(1e-9));
}
