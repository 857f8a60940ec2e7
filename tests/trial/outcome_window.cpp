// SPDX-License-Identifier: Apache-2.0

#include <joust/core/unit_key.hpp>
#include <joust/metric/conversion.hpp>
#include <joust/metric/mean.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/outcome_window.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

namespace {

struct visit {
    std::uint64_t user = 0;
};

using answer = std::function<int(const visit&)>;

}  // namespace

TEST_CASE("an outcome counts within its window, and an exposure once its window is over", "[window]")
{
    using namespace std::chrono_literals;
    const answer zero = [](const visit&) { return 0; };
    const answer one = [](const visit&) { return 1; };
    joust::ab_test trial{joust::model{"old", zero},
                         joust::model{"new", one},
                         joust::by(&visit::user),
                         joust::hash_split{.salt = "windows"},
                         joust::conversion<"retained">{.per = joust::per::observed},
                         joust::mean<"spend">{.per = joust::per::observed},
                         joust::conversion<"click">{}};
    auto retained = joust::matures_after<"retained">(trial, 100s);
    auto spent = joust::matures_after<"spend">(trial, 100s, joust::window_value::sum);
    double exposures[2] = {0.0, 0.0};
    double kept[2] = {0.0, 0.0};
    std::vector<joust::ticket> tickets;
    for (std::uint64_t user = 0; user < 2'000; ++user) {
        const auto [arm, ticket] = trial.serve(visit{user});
        tickets.push_back(ticket);
        CHECK((retained.expose(ticket) && spent.expose(ticket)));
        exposures[arm] += 1.0;
        // Every third user comes back in time, and again. Every fifth one comes back too late.
        if (user % 3 == 0) {
            kept[arm] += 1.0;
            retained.observe(ticket, 1.0, ticket.seconds() + 50);
            retained.observe(ticket, 1.0, ticket.seconds() + 100);
            spent.observe(ticket, 2.0, ticket.seconds() + 50);
            spent.observe(ticket, 3.0, ticket.seconds() + 60);
        } else if (user % 5 == 0) {
            CHECK_FALSE(retained.observe(ticket, 1.0, ticket.seconds() + 101));
            CHECK_FALSE(spent.observe(ticket, 1.0, std::uint64_t{ticket.seconds()} - 1));
        }
    }
    CHECK_FALSE(retained.expose(tickets.front()));
    CHECK_FALSE(retained.expose(joust::ticket{}));
    CHECK(retained.outside() == 266);
    CHECK(retained.open() == 2'000);

    // Half of them: those of the first thousand, as far as their second has passed.
    const std::uint64_t first_end = tickets.front().seconds() + 100U;
    const std::uint64_t last_end = tickets.back().seconds() + 100U;
    CHECK(retained.settle(first_end) == 0);
    CHECK(trial.report().metrics[0].champion_feedback == 0.0);
    CHECK(retained.settle(last_end + 1) == 2'000);
    CHECK(retained.settle(last_end + 1) == 0);
    CHECK(spent.settle(last_end + 1) == 2'000);
    CHECK_FALSE(retained.observe(tickets.front(), 1.0, tickets.front().seconds()));

    const joust::report seen = trial.report();
    CHECK(seen.metrics[0].champion == Catch::Approx(kept[0] / exposures[0]));
    CHECK(seen.metrics[0].challenger == Catch::Approx(kept[1] / exposures[1]));
    CHECK(seen.metrics[0].champion_feedback == 1.0);
    CHECK(seen.metrics[1].champion == Catch::Approx(5.0 * kept[0] / exposures[0]));

    CHECK_THROWS_WITH(
        (joust::outcome_window<"click", decltype(trial)>{trial, 100s}),
        "outcome_window(click) is of a metric per exposure; allowed: a metric with .per = per::observed, so that exposures whose window is not over are left out");
    CHECK_THROWS_WITH((joust::matures_after<"retained">(trial, 0s)),
                      "outcome_window.length is 0 s; allowed: a second or more");
    auto few = joust::matures_after<"retained">(trial, 100s, joust::window_value::any, 1);
    CHECK(few.expose(trial.serve(visit{1}).ticket));
    CHECK_FALSE(few.expose(trial.serve(visit{2}).ticket));
    CHECK(few.refused() == 1);
}
