// SPDX-License-Identifier: Apache-2.0

#include <joust/core/model.hpp>
#include <joust/core/random.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/report/report.hpp>
#include <joust/split/bandit.hpp>
#include <joust/split/slot_split.hpp>
#include <joust/split/when.hpp>
#include <joust/store/snapshot.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/plan_history.hpp>
#include <joust/trial/replace_plan.hpp>
#include <joust/trial/replan.hpp>

#include "catch.hpp"
#include "report/in_report.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace joust;
using joust_test::counted;
using joust_test::noted;

int zero(std::uint64_t)
{
    return 0;
}
int one(std::uint64_t)
{
    return 1;
}
int two(std::uint64_t)
{
    return 2;
}

template <class Splitter>
auto of_three(Splitter split)
{
    return ab_test{model{"a", zero},     model{"b", one},
                   model{"c", two},      by([](std::uint64_t u) { return u; }),
                   conversion<"good">{}, split};
}
template <class Splitter>
auto of_two(Splitter split)
{
    return ab_test{model{"a", zero}, model{"b", one}, by([](std::uint64_t u) { return u; }),
                   conversion<"good">{}, split};
}

template <class Trial>
auto tickets_of(Trial& trial, std::uint64_t from, std::uint64_t to)
{
    std::vector<typename Trial::ticket_type> tickets;
    for (std::uint64_t u = from; u < to; ++u) {
        tickets.push_back(trial.serve(u).ticket);
    }
    return tickets;
}
template <class Trial, class Tickets>
std::size_t used(Trial& trial, const Tickets& tickets)
{
    std::size_t taken = 0;
    for (const auto& each : tickets) {
        taken += trial.template observe<"good">(each, true) ? 1U : 0U;
    }
    return taken;
}

// The sums of a metric, which say by which weights feedback was counted.
void check_same_sums(const evidence& a, const evidence& b)
{
    for (std::size_t p = 0; p < a.pairs.size(); ++p) {
        double challenger = 0.0;
        double champion = 0.0;
        for (std::size_t i = 0; i < bucket_count; ++i) {
            challenger += std::fabs(a.pairs[p].series[2].challenger[i] - b.pairs[p].series[2].challenger[i]);
            champion += std::fabs(a.pairs[p].series[2].champion[i] - b.pairs[p].series[2].champion[i]);
        }
        CHECK(challenger < 1e-9);
        CHECK(champion < 1e-9);
        CHECK(a.pairs[p].series[2].challenger_count == b.pairs[p].series[2].challenger_count);
    }
}

const hash_split early{.salt = "c1", .shares = {0.8, 0.1, 0.1}};
const hash_split late{.salt = "c1", .shares = {0.2, 0.4, 0.4}};

TEST_CASE(
    "Three arms: a restarted process on other shares refuses feedback for calls of a plan that it does not know")
{
    auto before = of_three(early);
    const auto tickets = tickets_of(before, 0, 300);
    auto after = of_three(late);
    CHECK(used(after, tickets) == 0);
    const report out = after.report();
    CHECK(counted(out, "a plan that this process does not know") == 300);
    CHECK(counted(out, "another trial") == 0);
    CHECK(used(before, tickets) == 300);
}

TEST_CASE("Three arms: told of the plans before, a process weights feedback by the plan that served it")
{
    auto before = of_three(early);
    const auto tickets = tickets_of(before, 0, 300);
    auto after = of_three(late);
    const std::string kept = to_snapshot(history_of(before));
    recall_plans(after, from_snapshot<plan_history>(kept));
    CHECK(used(after, tickets) == 300);
    CHECK(used(before, tickets) == 300);
    check_same_sums(after.evidence(), before.evidence());
    // Its own tickets are weighted by its own plan.
    const auto own = tickets_of(after, 300, 400);
    CHECK(used(after, own) == 100);
    CHECK(history_of(after).plans.size() == 2);
    CHECK(history_of(after).complete);
}

TEST_CASE(
    "Three arms: another replica with the same shares takes a ticket, however many plans each of them has had")
{
    auto here = of_three(early);
    auto there = of_three(early);
    for (std::uint64_t version = 2; version < 7; ++version) {
        replace_plan(there, {.salt = "c1", .version = version, .shares = {0.8, 0.1, 0.1}});
    }
    replace_plan(here, {.salt = "c1", .version = 2, .shares = {0.6, 0.2, 0.2}});
    CHECK(used(here, tickets_of(there, 0, 100)) == 100);
    CHECK(used(there, tickets_of(here, 0, 100)) == 0);
    replace_plan(there, {.salt = "c1", .version = 7, .shares = {0.6, 0.2, 0.2}});
    CHECK(used(there, tickets_of(here, 200, 300)) == 100);
}

TEST_CASE("Three arms: plans that differ in another arm's share only are told apart")
{
    // Of so many pairs of plans a few would collide if the name were short.
    std::size_t wrong = 0;
    for (int i = 1; i <= 40; ++i) {
        const double b = 0.01 * i;
        auto here = of_three(hash_split{.salt = "c1", .shares = {0.5, b, 0.5 - b}});
        auto there = of_three(hash_split{.salt = "c1", .shares = {0.5, b + 0.001, 0.499 - b}});
        wrong += used(there, tickets_of(here, 0, 20)) > 0 ? 1U : 0U;
    }
    CHECK(wrong == 0);
}

TEST_CASE("Three equal models: evidence of before and after a restart never proves a difference")
{
    auto before = of_three(early);
    auto tickets = tickets_of(before, 0, 3'000);
    auto after = of_three(late);
    keyed_random world{12};
    // Outcomes grow over time, so that weights of a wrong plan would show.
    std::size_t refused = 0;
    for (const auto& each : tickets) {
        const bool good = world.chance(0.1);
        refused += after.observe<"good">(each, good) ? 0U : 1U;
    }
    for (const auto& each : tickets_of(after, 3'000, 6'000)) {
        CHECK(after.observe<"good">(each, world.chance(0.5)));
    }
    CHECK(refused == tickets.size());
    evidence all = before.evidence();
    all.merge(after.evidence());
    for (const metric_row& row : after.report(after.evidence()).metrics) {
        if (row.metric == "good") {
            CHECK(row.e_value < 20.0);
        }
    }
}

TEST_CASE("Bandits: a replica that did not make the plan refuses its tickets until it is told of it")
{
    const auto trained = [] { return of_three(epsilon_greedy{.salt = "c1", .epsilon = 0.3}); };
    auto here = trained();
    auto there = trained();
    for (const auto& each : tickets_of(here, 0, 600)) {
        here.observe<"good">(each, each.arm() == 1);
    }
    replan(here);
    const auto tickets = tickets_of(here, 600, 900);
    CHECK(used(there, tickets) == 0);
    CHECK(counted(there.report(), "a plan that this process does not know") == 300);
    recall_plans(there, history_of(here));
    CHECK(used(there, tickets) == 300);
    evidence made = here.evidence();
    CHECK(used(here, tickets) == 300);
    evidence now = here.evidence();
    for (std::size_t i = 0; i < bucket_count; ++i) {
        // What `here` counted for these tickets alone.
        now.pairs[0].series[2].challenger[i] -= made.pairs[0].series[2].challenger[i];
        now.pairs[0].series[2].champion[i] -= made.pairs[0].series[2].champion[i];
        now.pairs[1].series[2].challenger[i] -= made.pairs[1].series[2].challenger[i];
        now.pairs[1].series[2].champion[i] -= made.pairs[1].series[2].champion[i];
    }
    for (std::size_t p = 0; p < 2; ++p) {
        double off = 0.0;
        for (std::size_t i = 0; i < bucket_count; ++i) {
            off += std::fabs(now.pairs[p].series[2].challenger[i] -
                             there.evidence().pairs[p].series[2].challenger[i]);
        }
        CHECK(off < 1e-9);
    }
}

TEST_CASE("Two arms: a ticket has its own weight, at any process")
{
    auto before = of_two(hash_split{.salt = "c1", .shares = {0.9, 0.1}});
    const auto tickets = tickets_of(before, 0, 300);
    auto after = of_two(hash_split{.salt = "c1", .shares = {0.5, 0.5}});
    CHECK(used(after, tickets) == 300);
    CHECK(used(before, tickets) == 300);
    const evidence a = after.evidence();
    const evidence b = before.evidence();
    for (std::size_t i = 0; i < bucket_count; ++i) {
        CHECK(std::fabs(a.pairs[0].series[2].challenger[i] - b.pairs[0].series[2].challenger[i]) < 1e-6);
    }
}

TEST_CASE(
    "By unit: a process that sees a ticket of an unknown plan refuses feedback by unit until it is told of all plans")
{
    auto before = of_two(hash_split{.salt = "c1", .shares = {0.9, 0.1}});
    const auto tickets = tickets_of(before, 0, 2'000);
    auto after = of_two(hash_split{.salt = "c1", .shares = {0.5, 0.5}});
    (void)after(std::uint64_t{1});
    CHECK(after.observe<"good">(std::uint64_t{1}, true));  // The process served the unit itself.
    CHECK(after.observe<"good">(tickets[0], true));
    CHECK_FALSE(after.observe<"good">(std::uint64_t{1}, true));
    const report out = after.report();
    CHECK(counted(out, "whose earlier plans this process does not know") == 1);
    CHECK(noted(out, "refuses feedback by unit"));
    CHECK(noted(out, "may stand in an arm"));

    recall_plans(after, history_of(before));
    std::size_t taken = 0;
    std::size_t right = 0;
    for (std::uint64_t u = 0; u < 2'000; ++u) {
        const evidence seen = u == 0 ? after.evidence() : evidence{};
        if (after.observe<"good">(u, true)) {
            ++taken;
            right += static_cast<int>(tickets[u].arm()) == after(u) ? 1U : 0U;
        }
    }
    // Units that moved to the challenger are refused; all others have the arm that served them.
    CHECK(taken > 1'100);
    CHECK(taken < 1'300);
    CHECK(right == taken);
}

TEST_CASE(
    "By unit: evidence of another plan that is merged says so too, and a verdict that rests on it is withheld")
{
    auto before = of_two(hash_split{.salt = "c1", .shares = {0.9, 0.1}});
    (void)tickets_of(before, 0, 3'000);
    auto after = of_two(hash_split{.salt = "c1", .shares = {0.5, 0.5}});
    for (std::uint64_t u = 0; u < 3'000; ++u) {
        (void)after(u);
        CHECK(after.observe<"good">(u, u % 10 == 0));
    }
    evidence all = before.evidence();
    all.merge(after.evidence());
    const report out = after.report(all);
    CHECK(out.decision == verdict::keep_testing);
    CHECK(noted(out, "may stand in an arm"));
    CHECK_FALSE(after.observe<"good">(std::uint64_t{1}, true));

    // Replicas on one plan know it all, and so does a process whose shares have changed in front of its eyes.
    auto twin = of_two(hash_split{.salt = "c1", .shares = {0.5, 0.5}});
    (void)tickets_of(twin, 0, 500);
    auto other = of_two(hash_split{.salt = "c1", .shares = {0.5, 0.5}});
    (void)tickets_of(other, 500, 900);
    replace_plan(other, {.salt = "c1", .version = 2, .shares = {0.4, 0.6}});
    (void)tickets_of(other, 900, 1'500);
    evidence both = twin.evidence();
    both.merge(other.evidence());
    (void)other.report(both);
    CHECK(other.observe<"good">(std::uint64_t{1'000}, true));
    (void)twin.report(both);
    CHECK_FALSE(twin.observe<"good">(std::uint64_t{1}, true));
}

TEST_CASE(
    "By unit: after a restart on other shares, feedback for units of before is refused before any sign of other plans")
{
    auto before = of_two(hash_split{.salt = "c1", .shares = {0.9, 0.1}});
    (void)tickets_of(before, 0, 3'000);
    auto after = of_two(hash_split{.salt = "c1", .shares = {0.5, 0.5}});
    std::size_t taken = 0;
    for (std::uint64_t u = 0; u < 3'000; ++u) {
        taken += after.observe<"good">(u, u % 10 == 0) ? 1U : 0U;
    }
    CHECK(taken == 0);
    const report out = after.report();
    CHECK(counted(out, "a unit that this process did not serve") == 10);
    CHECK(counted(out, "whose earlier plans this process does not know") == 2'990);
    CHECK(noted(out, "refuses feedback by unit"));
    evidence all = before.evidence();
    all.merge(after.evidence());
    CHECK(after.report(all).metrics[0].challenger == 0.0);  // It read 27.8 % for 10 %.
    CHECK(after.report(all).decision == verdict::keep_testing);
    // A process that is told of the plans takes the units whose arm never changed.
    recall_plans(after, history_of(before));
    for (std::uint64_t u = 0; u < 3'000; ++u) {
        taken += after.observe<"good">(u, u % 10 == 0) ? 1U : 0U;
    }
    CHECK(taken > 1'700);
    // So does a replica that is told that there was no other plan.
    auto replica = of_two(hash_split{.salt = "c1", .shares = {0.9, 0.1}});
    recall_plans(replica);
    for (std::uint64_t u = 0; u < 3'000; ++u) {
        CHECK(replica.observe<"good">(u, u % 10 == 0));
    }
}

TEST_CASE("By unit: a batch of feedback for old and new units is refused before it bends the means")
{
    // Each arm gets a tenth, and the batch comes when the process has served for long, so that it can no longer tell most units of
    // before from its own.
    double worst = 0.0;
    for (const std::uint64_t served : {2'000U, 20'000U, 60'000U}) {
        auto after = of_two(hash_split{.salt = "c1", .shares = {0.5, 0.5}});
        for (std::uint64_t u = 0; u < served; ++u) {
            (void)after(1'000'000 + u);
        }
        keyed_random random{7, served};
        std::uint64_t taken = 0;
        for (std::uint64_t i = 0; i < 2 * served; ++i) {
            const bool old = random.uniform() < 0.5;
            taken += after.observe<"good">((old ? 0 : 1'000'000) + i / 2, i / 2 % 10 == 0) && old ? 1U : 0U;
        }
        CAPTURE(served, taken);
        worst = std::fmax(worst, static_cast<double>(taken) / static_cast<double>(served));
        CHECK_FALSE(after.observe<"good">(std::uint64_t{1'000'001}, true));
        CHECK(after.report().decision == verdict::keep_testing);
        CHECK(noted(after.report(), "may stand in an arm"));
    }
    CHECK(worst < 0.02);
}

TEST_CASE(
    "By unit: feedback for some units that opted out is refused where it is found, and the trial goes on")
{
    auto trial = of_two(hash_split{.salt = "c1", .shares = {0.5, 0.5}});
    std::size_t refused = 0;
    for (std::uint64_t u = 0; u < 20'000; ++u) {
        const bool out = u % 20 == 7;
        if (!out) {
            (void)trial(u);
        }
        const bool used = trial.observe<"good">(u, u % 10 == 0);
        CHECK((used || out));
        refused += used ? 0U : 1U;
    }
    CHECK(refused > 400);
    CHECK(refused < 1'000);
    CHECK(counted(trial.report(), "a unit that this process did not serve") == refused);
    CHECK_FALSE(noted(trial.report(), "refuses feedback by unit"));
}

TEST_CASE("By unit: a plan whose version skips others has a past that is not known")
{
    auto trial = of_two(hash_split{.salt = "c1", .shares = {0.5, 0.5}});
    const traffic_plan first = plan_of(trial);
    replace_plan(trial, {.salt = "c1", .version = 2, .parent = first.digest(), .shares = {0.4, 0.6}});
    replace_plan(trial, {.salt = "c1", .version = 3, .shares = {0.3, 0.7}});
    CHECK(trial.report().notes.size() < 5);
    CHECK_FALSE(noted(trial.report(), "refuses feedback by unit"));
    auto restarted = of_two(hash_split{.salt = "c1", .shares = {0.5, 0.5}});
    replace_plan(restarted, {.salt = "c1", .version = 3, .shares = {0.3, 0.7}});
    CHECK_FALSE(restarted.observe<"good">(std::uint64_t{1}, true));
    CHECK(noted(restarted.report(), "refuses feedback by unit"));
    recall_plans(restarted, history_of(trial));
    CHECK_FALSE(noted(restarted.report(), "refuses feedback by unit"));
}

TEST_CASE("A history is a value: it survives its bytes, merges, and is refused where it is another trial's")
{
    auto slots = of_three(slot_split{.salt = "c1", .shares = {0.5, 0.3, 0.2}});
    replace_plan(slots, {.salt = "c1", .version = 2, .shares = {0.3, 0.3, 0.4}});
    const plan_history had = history_of(slots);
    CHECK(had.trial == "c1");
    REQUIRE(had.plans.size() == 2);
    CHECK_FALSE(had.plans[1].begins.empty());
    CHECK(from_snapshot<plan_history>(to_snapshot(had)) == had);
    plan_history sum = had;
    sum.merge(had);
    CHECK(sum == had);
    auto other = of_three(slot_split{.salt = "another", .shares = {0.5, 0.3, 0.2}});
    CHECK_THROWS_AS(recall_plans(other, had), configuration_error);
    auto again = of_three(slot_split{.salt = "c1", .shares = {0.2, 0.3, 0.5}});
    recall_plans(again, had);
    CHECK(used(again, tickets_of(slots, 0, 50)) == 50);
    auto fewer = of_two(hash_split{.salt = "c1", .shares = {0.5, 0.5}});
    CHECK_THROWS_AS(recall_plans(fewer, had), configuration_error);
    plan_history broken = had;
    broken.plans[0].arms.pop_back();
    CHECK_THROWS_AS(recall_plans(again, broken), configuration_error);
    broken = had;
    broken.plans[0].shares[0] = 7.0;
    CHECK_THROWS_AS(recall_plans(again, broken), configuration_error);
    CHECK(sum.complete);
    sum.trial = "another";
    CHECK_THROWS_AS(sum.merge(had), configuration_error);

    const auto all = [](std::uint64_t) { return true; };
    auto ruled = of_three(when(all, hash_split{.salt = "c1", .shares = {0.5, 0.3, 0.2}}));
    auto later = of_three(when(all, hash_split{.salt = "c1", .shares = {0.2, 0.3, 0.5}}));
    recall_plans(later, history_of(ruled));
    CHECK(used(later, tickets_of(ruled, 0, 50)) == 50);
}

TEST_CASE("A canary that starts again takes the tickets of its later stages and refuses feedback by unit")
{
    const auto make = [] {
        return canary{model{"a", zero},
                      model{"b", one},
                      by([](std::uint64_t u) { return u; }),
                      guardrail(mean<"good">{}, {.max_decrease = 0.1}),
                      hash_split{.salt = "c1"},
                      ramp{{0.1, 0.5}, 10}};
    };
    auto before = make();
    std::vector<ticket> tickets;
    for (std::uint64_t u = 0; u < 3'000; ++u) {
        tickets.push_back(before.serve(u).ticket);
        if (u % 100 == 99) {
            before.step();
        }
    }
    const plan_history had = history_of(before);
    auto after = make();
    CHECK(after.observe<"good">(tickets.back(), 1.0));
    if (had.plans.size() > 1) {
        CHECK_FALSE(after.observe<"good">(std::uint64_t{1}, 1.0));
        recall_plans(after, had);
        CHECK(noted(after.report(), "plans that this process does not know") == false);
    }
}

}  // namespace
