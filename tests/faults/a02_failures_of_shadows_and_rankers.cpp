// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/trial/interleaving.hpp>
#include <joust/trial/shadow.hpp>

#include "catch.hpp"

#include <cstdint>
#include <stdexcept>
#include <vector>

using namespace joust;

// Requests on which a challenger failed are not in its score. Where they could change the verdict, there is none.

namespace {

/// A shadow whose models fail on shares of the requests. Where they answer, the challenger is always right, and the champion
/// on 70 %.
report shadow_of(double failing, double champion_failing = 0.0)
{
    keyed_random fate{1};
    shadow trial{model{"old",
                       [&](std::uint64_t n) {
                           if (fate.chance(champion_failing)) {
                               throw std::runtime_error{"old"};
                           }
                           return n % 10 < 7 ? 1 : 0;
                       }},
                 model{"new",
                       [&](std::uint64_t) {
                           if (fate.chance(failing)) {
                               throw std::runtime_error{"hard"};
                           }
                           return 1;
                       }},
                 by([](std::uint64_t n) { return n; }), joust::salt{"failing shadow"}, inline_run{}};
    for (std::uint64_t n = 0; n < 2'000; ++n) {
        try {
            trial.truth(trial.serve(n).ticket, 1);
        } catch (const std::runtime_error&) {  // NOLINT(bugprone-empty-catch): the caller has no answer
        }
    }
    return trial.report();
}

/// An interleaving whose challenger has what users click, and fails on a share of the requests.
report interleaving_of(double failing)
{
    keyed_random fate{2};
    interleaving trial{model{"old", [](std::uint64_t) { return std::vector<int>{1, 2, 3, 4}; }},
                       model{"new",
                             [&](std::uint64_t) {
                                 if (fate.chance(failing)) {
                                     throw std::runtime_error{"hard"};
                                 }
                                 return std::vector<int>{5, 6, 7, 8};
                             }},
                       by([](std::uint64_t user) { return user; }), joust::salt{"failing ranker"}};
    keyed_random random{3};
    for (std::uint64_t n = 0; n < 3'000; ++n) {
        const auto page = trial.rank(n, 4);
        for (std::size_t i = 0; i < page.size(); ++i) {
            if (random.chance(page[i] >= 5 ? 0.3 : 0.2)) {
                trial.click(page.ticket(), i);
            }
        }
    }
    return trial.report();
}

}  // namespace

TEST_CASE(
    "a shadow without failures is ready for a canary, and one that fails on much of what it is not scored on is not")
{
    CHECK(shadow_of(0.0).decision == verdict::ship_challenger);
    const report r = shadow_of(0.4);
    INFO(r.reason);
    CHECK(r.decision == verdict::keep_champion);
    // Where the champion fails as often on other requests, failures do not tell the models apart, and the score is half a one.
    const report both = shadow_of(0.4, 0.45);
    INFO(both.reason);
    CHECK(both.decision == verdict::keep_testing);
    CHECK_THAT(both.reason, ContainsSubstring("new has the better accuracy"));
    CHECK_THAT(both.reason, ContainsSubstring("% of its requests, which could change the verdict"));
}

TEST_CASE("an interleaving does not prefer a ranker whose failures could turn its lead")
{
    CHECK(interleaving_of(0.0).decision == verdict::ship_challenger);
    const report few = interleaving_of(0.002);
    INFO(few.reason);
    CHECK(few.decision == verdict::ship_challenger);
    const report many = interleaving_of(0.4);
    INFO(many.reason);
    CHECK(many.decision == verdict::keep_testing);
    CHECK_THAT(many.reason, ContainsSubstring("new is preferred to old"));
    CHECK_THAT(many.reason, ContainsSubstring("% of the requests, which could change the verdict"));
}
