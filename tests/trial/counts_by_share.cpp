// SPDX-License-Identifier: Apache-2.0

// A canary counts requests, failures and feedback by the share that served the request. The counts are compared with what the test
// tallies itself.

#include <joust/store/snapshot.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/plan_history.hpp>

#include "catch.hpp"
#include "sanitized.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#if __has_include(<sys/wait.h>)
#include <sys/wait.h>
#include <unistd.h>
#endif

using namespace joust;

namespace {

struct request {
    std::uint64_t user = 0;
    bool fails_old = false;
    bool fails_new = false;
};

int old_model(const request& r)
{
    if (r.fails_old) {
        throw std::runtime_error("old");
    }
    return 1;
}
int new_model(const request& r)
{
    if (r.fails_new) {
        throw std::runtime_error("new");
    }
    return 2;
}

// A stage takes as long as the test says.
struct gates {
    share_list shares = {0.1, 0.3, 0.6};
    std::uint64_t check_every = 1;
    std::atomic<std::size_t>* open = nullptr;
    promotion promote = on_no_harm;

    [[nodiscard]] bool ready(const stage_progress& at) const noexcept { return at.stage < open->load(); }
};

constexpr std::size_t requests_column = 0;
constexpr std::size_t failures_column = 1;
constexpr std::size_t click_column = 2;

// What a test counts: by share in per mille, column and arm.
using tally = std::map<std::tuple<int, std::size_t, unsigned>, std::uint64_t>;

tally counted(const share_counts& seen)
{
    tally all;
    for (std::size_t row = 0; row < seen.shares.size(); ++row) {
        for (const std::size_t column : {requests_column, failures_column, click_column}) {
            for (const unsigned arm : {0U, 1U}) {
                if (const auto n = seen.count(row, column, arm != 0); n > 0) {
                    all[{static_cast<int>(std::lround(1000.0 * seen.shares[row])), column, arm}] = n;
                }
            }
        }
    }
    return all;
}

int per_mille(double propensity, unsigned arm)
{
    const double s = arm == 0 ? 1.0 - propensity : propensity;
    return static_cast<int>(std::lround(1000.0 * s));
}

tally operator+(tally one, const tally& two)
{
    for (const auto& [key, n] : two) {
        one[key] += n;
    }
    return one;
}

auto make(std::atomic<std::size_t>& open, const char* salt = "counts by share")
{
    return canary{model{"old", old_model},  model{"new", new_model}, by(&request::user),
                  hash_split{.salt = salt}, conversion<"click">{},   gates{.open = &open}};
}

// Open the next stage, for which every guardrail has to be judged.
template <class Trial>
void advance(Trial& trial, std::atomic<std::size_t>& open)
{
    const double before = trial.share();
    ++open;
    trial.step();
    REQUIRE(trial.share() > before);
}

const share_counts& counts_of(const evidence& seen)
{
    return seen.pairs.front().by_share;
}

}  // namespace

TEST_CASE("every call and failure counts at the share that served it")
{
    std::atomic<std::size_t> open{0};
    auto trial = make(open);
    tally expected;
    std::uint64_t user = 0;
    for (int stage = 0; stage < 3; ++stage) {
        for (int i = 0; i < 3'000; ++i, ++user) {
            const request r{user, user % 31 == 0, user % 101 == 0};
            const int share = static_cast<int>(std::lround(1000.0 * trial.share()));
            try {
                const auto answered = trial.serve(r);
                const unsigned arm = answered.ticket.arm();
                ++expected[{share, requests_column, arm}];
                if (arm == 1 && r.fails_new) {
                    ++expected[{share, failures_column, 1}];
                }
            } catch (const std::runtime_error&) {
                // Either the champion served the request, or the challenger failed and so did the champion after it.
                const unsigned arm = trial.choose(user).arm();
                ++expected[{share, requests_column, arm}];
                ++expected[{share, failures_column, arm}];
            }
        }
        if (stage < 2) {
            advance(trial, open);
        }
    }
    const evidence seen = trial.evidence();
    CHECK(counts_of(seen).shares == std::vector{0.1, 0.3, 0.6});
    CHECK(counted(counts_of(seen)) == expected);
    CHECK(std::ranges::all_of(counts_of(seen).elsewhere, [](auto n) { return n == 0; }));
    CHECK(seen.consistent());
}

TEST_CASE("late feedback by ticket counts at the share of its ticket")
{
    std::atomic<std::size_t> open{0};
    auto trial = make(open);
    tally expected;
    std::vector<ticket> tickets;
    std::vector<std::pair<ticket, bool>> chosen;
    for (std::uint64_t user = 0; user < 4'000; ++user) {
        tickets.push_back(trial.serve(request{user}).ticket);
        ++expected[{100, requests_column, tickets.back().arm()}];
        if (user % 4 == 0) {
            chosen.emplace_back(trial.choose(user), user % 28 != 0);
        }
    }
    advance(trial, open);
    for (std::uint64_t user = 4'000; user < 8'000; ++user) {
        tickets.push_back(trial.serve(request{user}).ticket);
        ++expected[{300, requests_column, tickets.back().arm()}];
    }
    advance(trial, open);
    for (std::size_t i = 0; i < tickets.size(); ++i) {
        const bool clicked = i % 3 == 0;
        CHECK(trial.observe<"click">(tickets[i], clicked));
        if (clicked) {
            ++expected[{i < 4'000 ? 100 : 300, click_column, tickets[i].arm()}];
        }
    }
    // A call that ends in a later stage than it was assigned in belongs to the stage of its assignment.
    for (const auto& [which, ok] : chosen) {
        CHECK(trial.complete(which, std::chrono::milliseconds{1}, ok));
        ++expected[{100, requests_column, which.arm()}];
        if (!ok) {
            ++expected[{100, failures_column, which.arm()}];
        }
    }
    CHECK(counted(counts_of(trial.evidence())) == expected);
}

TEST_CASE("feedback by unit counts where all plans had one share, and else apart")
{
    std::atomic<std::size_t> open{0};
    auto trial = make(open);
    for (std::uint64_t user = 0; user < 2'000; ++user) {
        trial(request{user});
        CHECK(trial.observe<"click">(user, true));
    }
    const evidence one = trial.evidence();
    REQUIRE(counts_of(one).shares == std::vector{0.1});
    CHECK(counts_of(one).count(0, click_column, true) == counts_of(one).count(0, requests_column, true));
    CHECK(counts_of(one).count(0, click_column, false) == counts_of(one).count(0, requests_column, false));
    advance(trial, open);
    std::array<std::uint64_t, 2> late{};
    for (std::uint64_t user = 0; user < 2'000; ++user) {
        const unsigned arm = trial.choose(user).arm();
        late[arm] += trial.observe<"click">(user, true) ? 1U : 0U;
    }
    const evidence two = trial.evidence();
    CHECK(counted(counts_of(two)) == counted(counts_of(one)));
    CHECK(counts_of(two).count_elsewhere(click_column, false) == late[0]);
    CHECK(counts_of(two).count_elsewhere(click_column, true) == late[1]);
    CHECK(late[0] > 1'000);
    CHECK(late[1] > 100);
}

TEST_CASE("a metric's feedback and its values that cannot be scored count by share")
{
    std::atomic<std::size_t> open{0};
    auto trial = make(open);
    std::uint64_t fed = 0;
    std::uint64_t lost = 0;
    for (std::uint64_t user = 0; user < 3'000; ++user) {
        const ticket given = trial.serve(request{user}).ticket;
        if (user % 3 == 0) {
            CHECK(trial.observe<"click">(given, user % 2 == 0));
            fed += given.arm();
        } else if (user % 3 == 1) {
            CHECK_FALSE(trial.observe<"click">(given, std::nan("")));
            lost += given.arm();
        }
    }
    const evidence seen = trial.evidence();
    const auto column = [&](const char* name) {
        return static_cast<std::size_t>(std::ranges::find(seen.series, name) - seen.series.begin());
    };
    CHECK(counts_of(seen).count(0, column("click, feedback"), true) == fed);
    CHECK(counts_of(seen).count(0, column("click, not scored"), true) == lost);
    CHECK(counts_of(seen).count(0, column("click, feedback"), true) ==
          seen.pairs.front().series[column("click, feedback")].challenger_count);
    CHECK(counts_of(seen).series() == seen.series.size());
}

TEST_CASE("threads that serve while the share grows lose no count", "[concurrent]")
{
    std::atomic<std::size_t> open{0};
    auto trial = make(open);
    constexpr std::size_t threads = 4;
    constexpr std::uint64_t calls = 6'000;
    std::vector<tally> own(threads);
    // Every thread serves at the first share before the first step.
    std::atomic<std::size_t> warm{0};
    {
        std::vector<std::jthread> running;
        for (std::size_t t = 0; t < threads; ++t) {
            running.emplace_back([&, t] {
                for (std::uint64_t i = 0; i < calls; ++i) {
                    const request r{t * calls + i, false, i % 200 == 0};
                    const ticket given = trial.serve(r).ticket;
                    const int share = per_mille(static_cast<double>(given.propensity()), given.arm());
                    ++own[t][{share, requests_column, given.arm()}];
                    if (given.arm() == 1 && r.fails_new) {
                        ++own[t][{share, failures_column, 1}];
                    }
                    if (trial.observe<"click">(given, i % 5 == 0) && i % 5 == 0) {
                        ++own[t][{share, click_column, given.arm()}];
                    }
                    warm += i == 500 ? 1 : 0;
                }
            });
        }
        running.emplace_back([&] {
            while (warm < threads) {
                std::this_thread::yield();
            }
            for (int stage = 0; stage < 2; ++stage) {
                ++open;
                trial.step();
                CHECK(trial.evidence().consistent());
            }
        });
    }
    tally expected;
    for (const tally& each : own) {
        expected = expected + each;
    }
    CHECK(counted(counts_of(trial.evidence())) == expected);
}

TEST_CASE("a model that asks its own trial counts both calls")
{
    std::atomic<std::size_t> open{0};
    std::uint64_t inner = 0;
    const std::function<void(std::uint64_t)>* again = nullptr;
    canary trial{model{"old",
                       [&](const request& r) {
                           if (r.user < 1'000'000) {
                               (*again)(r.user + 1'000'000);
                           }
                           return 1;
                       }},
                 model{"new", [](const request&) { return 2; }}, by(&request::user),
                 hash_split{.salt = "nested"}, gates{.open = &open}};
    const std::function<void(std::uint64_t)> call = [&](std::uint64_t user) {
        ++inner;
        static_cast<void>(trial(request{user}));
    };
    again = &call;
    std::array<std::uint64_t, 2> outer{};
    for (std::uint64_t user = 0; user < 2'000; ++user) {
        ++outer[trial.serve(request{user}).ticket.arm()];
    }
    const evidence seen = trial.evidence();
    CHECK(inner == outer[0]);
    CHECK(counts_of(seen).count(0, requests_column, false) +
              counts_of(seen).count(0, requests_column, true) ==
          2'000 + inner);
    CHECK(counts_of(seen).count(0, requests_column, true) == seen.requests(1));
}

TEST_CASE("counts of replicas and of a process that restarts add up by share")
{
    std::atomic<std::size_t> open{0};
    std::atomic<std::size_t> open_other{0};
    auto one = make(open);
    auto two = make(open_other);
    for (std::uint64_t user = 0; user < 2'000; ++user) {
        static_cast<void>((user % 2 == 0 ? one : two)(request{user, false, user % 701 == 0}));
    }
    advance(one, open);  // Replica two is behind.
    std::vector<ticket> later;
    for (std::uint64_t user = 2'000; user < 4'000; ++user) {
        later.push_back(one.serve(request{user, false, user % 701 == 0}).ticket);
    }
    // Feedback comes to another replica, which has not had the share yet.
    for (const ticket& each : later) {
        CHECK(two.observe<"click">(each, true));
    }
    evidence all = one.evidence();
    all.merge(two.evidence());
    evidence other_way = two.evidence();
    other_way.merge(one.evidence());
    CHECK(counts_of(all) == counts_of(other_way));
    CHECK(counted(counts_of(all)) == counted(counts_of(one.evidence())) + counted(counts_of(two.evidence())));
    CHECK(counts_of(two.evidence()).shares == std::vector{0.1, 0.3});
    // What was saved counts on in the next process.
    const std::string saved = to_snapshot(all);
    const auto read = from_snapshot<evidence>(saved);
    CHECK(counts_of(read) == counts_of(all));
    std::atomic<std::size_t> open_again{0};
    auto restarted = make(open_again);
    static_cast<void>(restarted(request{1}));
    evidence sum = restarted.evidence();
    sum.merge(read);
    restarted.step(sum);
    CHECK(counted(counts_of(sum)) == counted(counts_of(all)) + counted(counts_of(restarted.evidence())));
}

TEST_CASE("a trial that does not promote counts nothing by share")
{
    ab_test trial{model{"old", old_model}, model{"new", new_model}, by(&request::user),
                  conversion<"click">{}};
    static_cast<void>(trial(request{1}));
    CHECK(counts_of(trial.evidence()) == share_counts{});
}

TEST_CASE("feedback for a share that a replica does not know is counted apart")
{
    std::atomic<std::size_t> open{0};
    auto trial = make(open);
    canary other{model{"old", old_model}, model{"new", new_model},
                 by(&request::user),      hash_split{.salt = "counts by share"},
                 conversion<"click">{},   gates{.shares = {0.2, 0.3}, .open = &open}};
    std::array<std::uint64_t, 2> foreign{};
    for (std::uint64_t user = 0; user < 500; ++user) {
        const ticket given = other.serve(request{user}).ticket;
        ++foreign[given.arm()];
        CHECK(trial.observe<"click">(given, true));
    }
    const evidence seen = trial.evidence();
    CHECK(counts_of(seen).shares.empty());
    CHECK(counts_of(seen).count_elsewhere(click_column, false) == foreign[0]);
    CHECK(counts_of(seen).count_elsewhere(click_column, true) == foreign[1]);
    // A process that knows the plans of before counts it at its share.
    auto informed = make(open);
    recall_plans(informed, history_of(other));
    CHECK(informed.observe<"click">(other.serve(request{1}).ticket, true));
    CHECK(counts_of(informed.evidence()).shares == std::vector{0.2});
}

#if __has_include(<sys/wait.h>) && !defined(JOUST_TESTS_THREADS_SANITIZED)
TEST_CASE("a forked child counts from zero, at the share of its parent")
{
    std::atomic<std::size_t> open{0};
    auto trial = make(open);
    for (std::uint64_t user = 0; user < 2'000; ++user) {
        static_cast<void>(trial(request{user}));
    }
    advance(trial, open);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const bool empty = counts_of(trial.evidence()).shares.empty();
        std::uint64_t challenged = 0;
        for (std::uint64_t user = 0; user < 500; ++user) {
            challenged += trial.serve(request{user}).ticket.arm();
        }
        const evidence seen = trial.evidence();
        const bool right = counts_of(seen).shares == std::vector{0.3} &&
                           counts_of(seen).count(0, requests_column, true) == challenged &&
                           counts_of(seen).count(0, requests_column, false) == 500 - challenged;
        _exit(empty && right ? 0 : 1);
    }
    int how = 0;
    waitpid(child, &how, 0);
    CHECK(WIFEXITED(how));
    CHECK(WEXITSTATUS(how) == 0);
    CHECK(trial.evidence().requests() == 2'000);
}
#endif
