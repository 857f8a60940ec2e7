// SPDX-License-Identifier: Apache-2.0

// A canary counts by share which calls are later than limits that follow the champion. The counts are compared with what the test
// tallies from the limits in force, and the limits with the latencies of the champion's last calls.

#include <joust/core/clock.hpp>
#include <joust/core/random.hpp>
#include <joust/trial/canary.hpp>

#include "allocations.hpp"
#include "catch.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <thread>
#include <vector>

using namespace joust;

namespace {

struct request {
    std::uint64_t user = 0;
    std::int64_t takes_old = 0;
    std::int64_t takes_new = 0;
};

struct quiet_ramp {
    share_list shares = {0.25, 0.5};
    std::uint64_t check_every = 1'000'000;
    std::atomic<bool>* open = nullptr;
    promotion promote = on_no_harm;

    [[nodiscard]] bool ready(const stage_progress&) const noexcept { return open != nullptr && open->load(); }
};

constexpr latency_margin tight{.q = 0.95, .ratio = 1.2};
constexpr latency_margin loose{.q = 0.95, .ratio = 1.8};
constexpr latency_margin slower{.q = 0.5, .increase = 2'000'000.0};
const std::vector<latency_margin> margins{loose, slower, tight, tight};

// Around 10 ms, and 5 % beyond 20 ms.
std::int64_t latency_of(keyed_random& random, double factor)
{
    const double level = random.uniform() < 0.05 ? 30.0 : 8.0 + 4.0 * random.uniform();
    return static_cast<std::int64_t>(1e6 * factor * level);
}

template <class Timing>
auto make(manual_time& clock, Timing timing, std::atomic<bool>* open = nullptr)
{
    return canary{model{"old",
                        [&clock](const request& r) {
                            clock.advance(r.takes_old);
                            return 1;
                        }},
                  model{"new",
                        [&clock](const request& r) {
                            clock.advance(r.takes_new);
                            return 2;
                        }},
                  by(&request::user),
                  hash_split{.salt = "limits"},
                  guardrail(latency{.q = 0.95}, {.max_ratio = 3.0}),
                  quiet_ramp{.open = open},
                  clock.view(),
                  timing};
}

template <class Trial>
auto& live_of(Trial& trial)
{
    return detail::trial_access::core(trial).live();
}

}  // namespace

TEST_CASE("late calls count by share against limits that follow the champion")
{
    manual_time clock;
    std::atomic<bool> open{false};
    auto trial = make(clock, timed{}, &open);
    auto& live = live_of(trial);
    live.watch_margins(margins);
    const std::vector<latency_margin> sorted{slower, tight, loose};
    REQUIRE(live.limits().margins() == sorted);
    keyed_random random{7};
    std::vector<std::int64_t> champion;
    // by share, margin, judged or late, and arm
    std::array<std::array<std::array<std::array<std::uint64_t, 2>, 2>, 3>, 2> expected{};
    // the champion's calls in the bin of its quantile, of which a part is late
    std::array<std::array<std::uint64_t, 3>, 2> tied{};
    std::array<std::int64_t, 3> limits{};
    std::array<double, 3> least{};
    int moves = 0;
    for (int i = 0; i < 40'000; ++i) {
        if (i == 20'000) {
            open = true;
            trial.step();
            REQUIRE(trial.share() == 0.5);
        }
        const double load = i < 10'000 ? 1.0 : 3.0;
        const request r{random.below(5'000), latency_of(random, load), latency_of(random, 1.3 * load)};
        for (std::size_t m = 0; m < 3; ++m) {
            const std::int64_t now = live.limits().limit_of(m);
            moves += m == 1 && now != limits[m] ? 1 : 0;
            if (now != limits[m] && now != detail::moving_limits::unknown) {
                // The limit is the quantile of at least 2,000 and at most 3,000 of the champion's last calls, which were 1,000 at first.
                bool fits = false;
                for (std::size_t n = 1'000; n <= 4'000 && n <= champion.size(); n += 50) {
                    const double beyond = static_cast<double>(
                        std::count_if(champion.end() - static_cast<std::ptrdiff_t>(n), champion.end(),
                                      [&](std::int64_t each) { return each > now; }));
                    const double share = beyond / static_cast<double>(n);
                    fits = fits || (share <= 1.0 - sorted[m].q && share > 1.0 - sorted[m].q - 0.06);
                }
                CHECK(fits);
            }
            limits[m] = now;
            least[m] = static_cast<double>(live.limits().least_of(m));
        }
        const std::size_t stage = i < 20'000 ? 0 : 1;
        const unsigned arm = trial.serve(r).ticket.arm();
        const std::int64_t took = arm == 0 ? r.takes_old : r.takes_new;
        if (arm == 0) {
            champion.push_back(took);
        }
        for (std::size_t m = 0; m < 3; ++m) {
            if (limits[m] == detail::moving_limits::unknown) {
                continue;
            }
            ++expected[stage][m][0][arm];
            const double allowed = sorted[m].ratio * least[m] + sorted[m].increase;
            expected[stage][m][1][arm] +=
                (arm == 0 ? took > limits[m] : static_cast<double>(took) > allowed) ? 1U : 0U;
            tied[stage][m] +=
                arm == 0 && took <= limits[m] && static_cast<double>(took) >= least[m] ? 1U : 0U;
        }
        if (i == 9'999) {
            // 95 % of the champion's calls are below 12 ms, and the limit is in a bin of at most a 64th.
            CHECK(static_cast<double>(limits[1]) > 11.5e6);
            CHECK(static_cast<double>(limits[1]) < 31e6);
            CHECK(static_cast<double>(limits[0]) > 9.5e6);
            CHECK(static_cast<double>(limits[0]) < 10.6e6);
        }
    }
    CHECK(moves > 5);
    CHECK(static_cast<double>(limits[0]) > 3.0 * 9.5e6);
    const share_counts seen = trial.evidence().pairs.front().by_share;
    REQUIRE(seen.margins == sorted);
    REQUIRE(seen.shares == std::vector{0.25, 0.5});
    CHECK(seen.consistent(trial.evidence().series.size()));
    for (std::size_t stage = 0; stage < 2; ++stage) {
        for (std::size_t m = 0; m < 3; ++m) {
            for (const std::size_t late : {0U, 1U}) {
                const std::uint64_t by_champion = seen.count(stage, seen.judged_column(m) + late, false);
                CHECK(by_champion >= expected[stage][m][late][0]);
                CHECK(by_champion <= expected[stage][m][late][0] + (late == 1 ? tied[stage][m] : 0));
                CHECK(seen.count(stage, seen.judged_column(m) + late, true) == expected[stage][m][late][1]);
            }
        }
    }
    CHECK(expected[1][1][1][1] > 500);
    CHECK(expected[1][1][1][1] > expected[1][2][1][1]);
}

TEST_CASE("a champion whose calls all take the same time is late as often as its quantile says")
{
    manual_time clock;
    auto trial = make(clock, timed{});
    live_of(trial).watch_margins({tight, loose});
    for (std::uint64_t i = 0; i < 20'000; ++i) {
        trial(request{i, 5'000'000, 5'000'000});
    }
    const evidence all = trial.evidence();
    const share_counts& counts = all.pairs.front().by_share;
    const auto judged = static_cast<double>(counts.count(0, counts.judged_column(0), false));
    CHECK(static_cast<double>(counts.count(0, counts.judged_column(0) + 1, false)) ==
          Approx(0.05 * judged).epsilon(0.02));
    CHECK(counts.count(0, counts.judged_column(0) + 1, true) == 0);
    // Twice the time is later than either margin allows.
    for (std::uint64_t i = 0; i < 2'000; ++i) {
        trial(request{i, 5'000'000, 10'000'000});
    }
    CHECK(trial.evidence().pairs.front().by_share.count(0, counts.judged_column(1) + 1, true) > 300);
}

TEST_CASE("where one call in n is timed, only timed calls are judged")
{
    manual_time clock;
    auto trial = make(clock, timed{.every = 4});
    live_of(trial).watch_margins({tight});
    keyed_random random{8};
    for (int i = 0; i < 20'000; ++i) {
        trial(request{random.below(5'000), latency_of(random, 1.0), latency_of(random, 1.0)});
    }
    const evidence seen = trial.evidence();
    const share_counts& counts = seen.pairs.front().by_share;
    const std::uint64_t judged = counts.count(0, counts.judged_column(0), true);
    const std::uint64_t timed_calls = seen.arms[1].latency.count();
    CHECK(timed_calls > 1'000);
    CHECK(judged < timed_calls);
    // The first limit is known after 1,000 timed calls of the champion, which are 5,333 calls, and at most three looks later.
    CHECK(static_cast<double>(judged) > static_cast<double>(timed_calls) * (20'000.0 - 7'000.0) / 20'000.0);
}

TEST_CASE("a trial without margins judges nothing, and a look allocates nothing")
{
    manual_time clock;
    auto trial = make(clock, timed{});
    live_of(trial).watch_margins({tight, loose});
    for (std::uint64_t i = 0; i < 4'000; ++i) {
        trial(request{i, 10'000'000, 12'500'000});
    }
    evidence reused = trial.evidence();
    const long before = joust_tests::allocations();
    detail::trial_access::core(trial).metrics().collect(reused);
    CHECK(joust_tests::allocations() == before);
    CHECK(reused == trial.evidence());
    // Evidence of other margins may have been there before.
    reused.pairs.front().by_share = share_counts{};
    detail::trial_access::core(trial).metrics().collect(reused);
    CHECK(reused == trial.evidence());
    manual_time other_clock;
    auto other = make(other_clock, timed{});
    for (std::uint64_t i = 0; i < 4'000; ++i) {
        other(request{i, 10'000'000, 12'500'000});
    }
    const evidence without = other.evidence();
    CHECK(without.pairs.front().by_share.margins.empty());
    CHECK(without.pairs.front().by_share.columns() == without.series.size());
}

TEST_CASE("threads judge calls while the limits move", "[concurrent]")
{
    canary trial{model{"old", [](const request& r) { return r.user * 3; }},
                 model{"new", [](const request& r) { return r.user * 5; }},
                 by(&request::user),
                 hash_split{.salt = "limits"},
                 guardrail(latency{.q = 0.95}, {.max_ratio = 1'000.0}),
                 quiet_ramp{}};
    live_of(trial).watch_margins({tight, loose});
    {
        std::vector<std::jthread> running;
        for (std::uint64_t t = 0; t < 4; ++t) {
            running.emplace_back([&trial, t] {
                for (std::uint64_t i = 0; i < 4'000; ++i) {
                    trial(request{i * 4 + t});
                }
            });
        }
        running.emplace_back([&trial] {
            for (int i = 0; i < 10; ++i) {
                CHECK(trial.evidence().consistent());
            }
        });
    }
    const evidence seen = trial.evidence();
    const share_counts& counts = seen.pairs.front().by_share;
    CHECK(seen.consistent());
    CHECK(counts.count(0, 0, true) == seen.requests(1));
    CHECK(counts.count(0, counts.judged_column(0), false) > 4'000);
    CHECK(counts.count(0, counts.judged_column(1), false) == counts.count(0, counts.judged_column(0), false));
}
