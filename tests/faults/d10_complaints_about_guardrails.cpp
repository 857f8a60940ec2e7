// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/metric/prediction.hpp>
#include <joust/metric/quantile.hpp>
#include <joust/trial/canary.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>

using namespace joust;

// What users of other canary controllers complain about in public, for every form of a guardrail: errors that pass since the baseline
// had none, metrics that vanish, values that are never numbers, a few bad points among many, and a metric that always fails.

namespace {

using milliseconds = std::chrono::duration<double, std::milli>;

template <class Key, class... Policies>
auto canary_by(Key key, Policies... policies)
{
    return canary{model{"old", [](std::uint64_t) { return 0; }},
                  model{"new", [](std::uint64_t) { return 1; }},
                  key,
                  hash_split{.salt = "complaints"},
                  ramp{.shares = {0.1, 0.5, 1.0}},
                  policies...};
}

const auto by_user = by([](std::uint64_t user) { return user; });

/// Serve requests until the canary has decided. `feed(trial, ticket, arm, random)` completes each call and gives its feedback.
template <class Trial, class Feed>
report serve(Trial& trial, Feed feed, int requests = 12'000)
{
    keyed_random random{17};
    for (int i = 0; i < requests && !trial.rolled_back() && !trial.finished(); ++i) {
        const auto ticket = trial.choose(random.below(4'000));
        feed(trial, ticket, trial.arm_of(ticket), random);
    }
    return trial.report();
}

/// Errors in 3 % of the challenger's calls and in none of the champion's.
template <class Key, class... Policies>
void check_new_errors_found(Key key, Policies... policies)
{
    auto trial = canary_by(key, policies...);
    const report r = serve(trial, [](auto& t, const auto& ticket, unsigned arm, keyed_random& random) {
        t.complete(ticket, milliseconds{1.0}, !(arm == 1 && random.chance(0.03)));
    });
    INFO(r.reason);
    CHECK(trial.rolled_back());
    CHECK_THAT(r.reason, ContainsSubstring("breaks the guardrail on failures"));
}

/// Sales in 10 % of the champion's calls and in none of the challenger's.
template <class Key, class... Policies>
void check_vanished_sales_found(Key key, Policies... policies)
{
    auto trial = canary_by(key, policies...);
    const report r = serve(trial, [](auto& t, const auto& ticket, unsigned arm, keyed_random& random) {
        t.complete(ticket, milliseconds{1.0}, true);
        t.template observe<"sale">(ticket, arm == 0 && random.chance(0.1));
    });
    INFO(r.reason);
    CHECK(trial.rolled_back());
    CHECK_THAT(r.reason, ContainsSubstring("breaks the guardrail on sale"));
}

/// A metric whose code always throws.
struct broken_metric {
    enum better better = better::down;
    static constexpr std::string_view name() noexcept { return "broken"; }
    void add(cell&, double) const { throw std::runtime_error("no such column"); }
};

}  // namespace

TEST_CASE("errors are found where the champion had none, whatever form the guardrail has")
{
    check_new_errors_found(by_user);
    check_new_errors_found(by_user, guardrail(failures{}, {.max_ratio = 1.5}));
    check_new_errors_found(by_user, guardrail(failures{}, {.max_increase = 0.005}));
    check_new_errors_found(by_user, guardrail(failures{}, {.at_most = 0.01}));
    check_new_errors_found(by_user, guardrail(failures{}, {.max_ratio = 50.0, .at_most = 0.01}));
    check_new_errors_found(per_request{.seed = 3}, guardrail(failures{}, {.max_increase = 0.005}));
    check_new_errors_found(per_request{.seed = 3}, guardrail(failures{}, {.at_most = 0.01}));
}

TEST_CASE("a metric that is 0 in every request of the challenger breaks margins of every form")
{
    const conversion<"sale"> sale{};
    const conversion<"sale"> observed{.per = per::observed};
    check_vanished_sales_found(by_user, guardrail(sale, {.max_ratio = 1.2, .min_ratio = 0.8}));
    check_vanished_sales_found(by_user, guardrail(sale, {.max_increase = 0.05, .min_ratio = 0.8}));
    check_vanished_sales_found(by_user, guardrail(sale, {.max_decrease = 0.02}));
    check_vanished_sales_found(by_user, guardrail(sale, {.at_least = 0.05}));
    check_vanished_sales_found(by_user, guardrail(observed, {.max_ratio = 1.2, .min_ratio = 0.8}));
    check_vanished_sales_found(per_request{.seed = 3}, guardrail(observed, {.min_ratio = 0.8}));
    check_vanished_sales_found(per_request{.seed = 3}, guardrail(observed, {.at_least = 0.05}));
}

TEST_CASE("where both arms have only zeros, no ratio is broken, and a level is judged")
{
    const auto zeros = [](auto& t, const auto& ticket, unsigned, keyed_random&) {
        t.complete(ticket, milliseconds{1.0}, true);
        t.template observe<"sale">(ticket, false);
    };
    auto ratios = canary_by(by_user, guardrail(conversion<"sale">{}, {.max_ratio = 1.2, .min_ratio = 0.8}));
    CHECK_FALSE(serve(ratios, zeros).decision == verdict::roll_back);
    auto bets = canary_by(per_request{.seed = 3}, guardrail(conversion<"sale">{.per = per::observed},
                                                            {.max_ratio = 1.2, .min_ratio = 0.8}));
    CHECK_FALSE(serve(bets, zeros).decision == verdict::roll_back);
    auto level = canary_by(by_user, guardrail(conversion<"sale">{}, {.at_most = 0.2, .at_least = 0.05}));
    const report r = serve(level, zeros);
    CHECK(r.decision == verdict::roll_back);
    CHECK_THAT(r.reason, ContainsSubstring("at least 5 % by itself"));
}

TEST_CASE("a guardrail that gets nothing but NaN holds the canary, whatever form it has")
{
    const auto check_held = [](const auto& guard) {
        auto trial = canary_by(by_user, guard);
        const report r = serve(trial, [](auto& t, const auto& ticket, unsigned, keyed_random&) {
            t.complete(ticket, milliseconds{1.0}, true);
            t.template observe<"loss">(ticket, std::numeric_limits<double>::quiet_NaN());
        });
        INFO(r.reason);
        CHECK(r.decision == verdict::keep_testing);
        CHECK(trial.share() == 0.1);
        CHECK_THAT(r.reason, ContainsSubstring("loss has never got a value that can be scored"));
    };
    check_held(guardrail(mean<"loss">{.better = better::down}, {.max_ratio = 1.1}));
    check_held(guardrail(mean<"loss">{}, {.max_increase = 0.1, .max_decrease = 0.1}));
    check_held(guardrail(mean<"loss">{}, {.at_most = 1.0}));
    check_held(guardrail(quantile<"loss">{}, {.at_most = 1.0}));
}

TEST_CASE(
    "a few bad points among many are found: 1 % of the challenger's requests cost a hundred times as much")
{
    const auto check_found = [](const auto& guard) {
        auto trial = canary_by(by_user, guard);
        const report r = serve(
            trial,
            [](auto& t, const auto& ticket, unsigned arm, keyed_random& random) {
                const double cost =
                    (0.5 + random.uniform()) * (arm == 1 && random.chance(0.02) ? 100.0 : 1.0);
                t.complete(ticket, milliseconds{cost}, true);
                t.template observe<"cost">(ticket, cost);
            },
            20'000);
        INFO(r.reason);
        CHECK(r.decision == verdict::roll_back);
    };
    const mean<"cost"> cost{.better = better::down};
    check_found(guardrail(cost, {.max_ratio = 1.2}));
    check_found(guardrail(cost, {.max_increase = 0.2, .max_decrease = 0.2}));
    check_found(guardrail(cost, {.at_most = 1.2}));
    // The median sees nothing of them; the quantile that they lie in does.
    check_found(guardrail(quantile<"cost">{.q = 0.99}, {.at_most = 5.0}));
}

TEST_CASE("a metric that always fails holds the canary and is named, and requests are served")
{
    auto trial = canary_by(by_user, guardrail(broken_metric{}, {.max_ratio = 1.1}));
    int used = 0;
    const report r = serve(trial, [&used](auto& t, const auto& ticket, unsigned, keyed_random&) {
        t.complete(ticket, milliseconds{1.0}, true);
        used += t.template observe<"broken">(ticket, 1.0) ? 1 : 0;
    });
    CHECK(used == 0);
    CHECK(r.decision == verdict::keep_testing);
    CHECK(trial.share() == 0.1);
    CHECK_THAT(r.reason, ContainsSubstring("broken has never got a value that can be scored"));
    bool counted = false;
    for (const count_row& each : r.counts) {
        counted =
            counted || (each.what == "feedback not used, since the metric threw" && each.count == 12'000);
    }
    CHECK(counted);
}

TEST_CASE("a projection of predictions that always fails holds the canary, and requests are served")
{
    auto trial = canary_by(
        by_user, guardrail(prediction<"score">([](int) -> double { throw std::runtime_error("no score"); }),
                           {.max_increase = 0.1, .max_decrease = 0.1}));
    keyed_random random{17};
    for (int i = 0; i < 4'000; ++i) {
        const int answer = trial(random.below(4'000));
        CHECK((answer == 0 || answer == 1));
    }
    const report r = trial.report();
    CHECK(r.decision == verdict::keep_testing);
    CHECK_THAT(r.reason, ContainsSubstring("score has never got a value that can be scored"));
}

TEST_CASE("values that cannot be scored hide nothing from a limit of the challenger's own level")
{
    // The loss is 0.5, and the challenger answers NaN where it would be 2: on 40 % of the requests.
    auto lost = canary_by(by_user, guardrail(mean<"loss">{.per = per::observed}, {.at_most = 1.0}));
    const report r = serve(lost, [](auto& t, const auto& ticket, unsigned arm, keyed_random& random) {
        t.complete(ticket, milliseconds{1.0}, true);
        const bool hard = random.chance(0.4);
        t.template observe<"loss">(ticket, !hard      ? 0.5
                                           : arm == 0 ? 2.0
                                                      : std::numeric_limits<double>::quiet_NaN());
    });
    INFO(r.reason);
    CHECK(r.decision == verdict::keep_testing);
    CHECK(lost.share() == 0.1);
    CHECK_THAT(r.reason, ContainsSubstring("loss lost values that cannot be scored"));

    // Labels come for a tenth of the requests, and 40 % of them are errors.
    auto few = canary_by(by_user, guardrail(conversion<"error">{.better = better::down}, {.at_most = 0.1}));
    const report labels = serve(few, [](auto& t, const auto& ticket, unsigned, keyed_random& random) {
        t.complete(ticket, milliseconds{1.0}, true);
        if (random.chance(0.1)) {
            t.template observe<"error">(ticket, random.chance(0.4));
        }
    });
    INFO(labels.reason);
    CHECK(labels.decision == verdict::keep_testing);
    CHECK(few.share() == 0.1);
    CHECK_THAT(labels.reason, ContainsSubstring("give it .per = per::observed"));
}
