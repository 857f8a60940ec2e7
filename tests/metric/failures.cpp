// SPDX-License-Identifier: Apache-2.0

#include <joust/evidence/live_evidence.hpp>
#include <joust/metric/failures.hpp>
#include <joust/trial/ab_test.hpp>

#include "catch.hpp"
#include "metric/support.hpp"

#include <array>
#include <cstdint>
#include <vector>

namespace {

using joust::detail::event_watch;
using joust::detail::live_evidence;
using joust::detail::pair_share;

}  // namespace

TEST_CASE("failures have a name, and all objects are equal")
{
    CHECK(joust::failures::name() == "failures");
    CHECK(joust::failures{} == joust::failures{});
}

TEST_CASE("a failed call moves every guardrail on failures at once, each by its own margin")
{
    joust::evidence names = joust_test::empty_evidence();
    live_evidence live{names, {event_watch{.max_ratio = 1.0}, event_watch{.max_ratio = 3.0}}};
    const std::array<pair_share, 1> shares{pair_share::of(0.9, 0.1)};
    for (std::uint64_t slot = 0; slot < 20; ++slot) {
        const unsigned arm = slot % 4 == 0 ? 0 : 1;
        live.fail(live.of_this_thread(), arm, shares, slot << 32, slot);
        live.fail(live.of_this_thread(), arm, shares, slot << 32,
                  slot + 100);  // the unit again: counted, but no event
    }
    const joust::evidence seen = live.collect();
    CHECK(seen.failed(0) == 10);
    CHECK(seen.failed(1) == 30);
    CHECK(seen.pairs[0].series[1].expected == Approx(4.0).epsilon(1e-12));
    REQUIRE(seen.pairs[0].events[0].size() == 20);
    CHECK(seen.pairs[0].events[1] == seen.pairs[0].events[0]);
    CHECK(live.highest_log_e(0, 0) == Approx(joust::log_e_of(seen.pairs[0].events[0], 1.0)).epsilon(1e-12));
    CHECK(live.highest_log_e(0, 1) == Approx(joust::log_e_of(seen.pairs[0].events[0], 3.0)).epsilon(1e-12));
    CHECK(live.highest_log_e(0, 0) > live.highest_log_e(0, 1));
}

TEST_CASE("a champion's failure is an event of every pair, a challenger's of its own")
{
    joust::evidence names = joust_test::empty_evidence();
    names.models.emplace_back("newer");
    live_evidence live{names, {event_watch{}}};
    const std::array<pair_share, 2> shares{pair_share::of(0.5, 0.2), pair_share::of(0.5, 0.3)};
    live.fail(live.of_this_thread(), 0, shares, std::uint64_t{1} << 32, 1);
    live.fail(live.of_this_thread(), 1, shares, std::uint64_t{2} << 32, 2);
    live.fail(live.of_this_thread(), 2, shares, std::uint64_t{3} << 32, 3);
    const joust::evidence seen = live.collect();
    using events = std::vector<joust::first_event>;
    CHECK(seen.pairs[0].events[0] ==
          events{{1, false, shares[0].challenger, 1}, {2, true, shares[0].challenger, 2}});
    CHECK(seen.pairs[1].events[0] ==
          events{{1, false, shares[1].challenger, 1}, {3, true, shares[1].challenger, 3}});
    CHECK(seen.failed(0) == 1);
    CHECK(seen.failed(1) == 1);
    CHECK(seen.failed(2) == 1);
}

TEST_CASE("evidence of one guardrail on failures is not evidence for the margin of another")
{
    joust::ab_test trial{joust::model{"old", [](std::uint64_t) { return 0; }},
                         joust::model{"new",
                                      [](std::uint64_t user) {
                                          if (user % 10 == 0) {
                                              throw user;
                                          }
                                          return 1;
                                      }},
                         joust::by([](std::uint64_t user) { return user; }),
                         joust::hash_split{.salt = "margins"},
                         joust::conversion<"click">{},
                         joust::guardrail(joust::failures{}, {.max_ratio = 2.0}),
                         joust::guardrail(joust::failures{}, {.max_increase = 0.5})};
    for (std::uint64_t user = 0; user < 5'000; ++user) {
        static_cast<void>(trial(user));
    }
    // One in ten calls of the challenger fails, none of the champion's: the ratio is broken, the difference is not.
    double p_of_ratio = 1.0;
    double p_of_difference = 0.0;
    for (int look = 0; look < 2; ++look) {
        for (const auto& row : trial.report().metrics) {
            if (row.role == "guardrail, at most x 2") {
                p_of_ratio = row.p_value;
            } else if (row.role == "guardrail, at most 50 pp more") {
                p_of_difference = row.p_value;
            }
        }
        CHECK(p_of_ratio < 1e-6);
        CHECK(p_of_difference == 1.0);
    }
}
