// SPDX-License-Identifier: Apache-2.0

// Children of fork() hung in serve or evidence() (24 of 75), counted the parent's evidence again, wrote the parent's waiting
// log lines again, and did not follow the plan file.

#include <joust/trial/canary.hpp>
#include <joust/trial/event_log.hpp>
#include <joust/trial/interleaving.hpp>
#include <joust/trial/plan_watch.hpp>
#include <joust/trial/replace_plan.hpp>
#include <joust/trial/shadow.hpp>

#include "catch.hpp"
#include "sanitized.hpp"
#include "store/temporary_file.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#if __has_include(<sys/wait.h>)
#include <sys/wait.h>
#include <unistd.h>
#endif

using namespace joust;

#if __has_include(<sys/wait.h>) && !defined(JOUST_TESTS_THREADS_SANITIZED)

namespace {

using joust_test::temporary_file;

constexpr int hung = -1;
constexpr int iterations = joust_tests::sanitized ? 10 : 25;
// The allocator of the address sanitizer before LLVM 17 may be locked at a fork, and stays locked in the child.
constexpr int most_hangs = joust_tests::sanitized ? iterations : 0;

/// Run a function in a forked child, and return what it returns, or `hung` after a deadline.
template <class Work>
int in_child(Work work, std::chrono::seconds deadline = std::chrono::seconds{20})
{
    const pid_t child = fork();
    if (child == 0) {
        int answer = 99;
        try {
            answer = work();
        } catch (...) {
            answer = 98;
        }
        _exit(answer);
    }
    if (child < 0) {
        return 97;
    }
    const auto end = std::chrono::steady_clock::now() + deadline;
    int state = 0;
    while (waitpid(child, &state, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() > end) {
            kill(child, SIGKILL);
            waitpid(child, &state, 0);
            return hung;
        }
        std::this_thread::sleep_for(std::chrono::microseconds{200});
    }
    return WIFEXITED(state) ? WEXITSTATUS(state) : 96;
}

/// Threads that work until they are stopped.
class busy_threads {
public:
    template <class Work>
    busy_threads(int count, Work work)
    {
        for (int t = 0; t < count; ++t) {
            threads_.emplace_back([this, t, work] {
                for (std::uint64_t n = 0; !stop_.load(std::memory_order_relaxed); ++n) {
                    work(t, n);
                }
            });
        }
    }
    busy_threads(const busy_threads&) = delete;
    busy_threads& operator=(const busy_threads&) = delete;
    ~busy_threads()
    {
        stop_ = true;
        for (auto& thread : threads_) {
            thread.join();
        }
    }

private:
    std::atomic<bool> stop_{false};
    std::vector<std::thread> threads_;
};

std::uint64_t unit_of(int thread, std::uint64_t n)
{
    return (static_cast<std::uint64_t>(thread + 1) << 40) + n;
}

std::vector<std::string> lines_of(const std::string& path)
{
    std::ifstream in{path};
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) {
        lines.push_back(line);
    }
    return lines;
}

}  // namespace

TEST_CASE("children of a process that serves neither hang nor count what the parent saw", "[concurrent]")
{
    ab_test trial{model{"old", [](std::uint64_t) { return 0; }},
                  model{"new",
                        [](std::uint64_t user) {
                            if (user % 50 == 0) {
                                throw user;
                            }
                            return 1;
                        }},
                  by([](std::uint64_t user) { return user; }),
                  slot_split{.salt = "fork", .shares = {0.5, 0.5}},
                  conversion<"click">{},
                  quantile<"size">{.q = 0.5},
                  guardrail(failures{}, {.max_ratio = 5.0}),
                  guardrail(latency{}, {.max_ratio = 5.0})};
    std::atomic<std::uint64_t> served{0};
    int answers[100] = {};
    int hangs = 0;
    {
        const busy_threads serving{2, [&](int t, std::uint64_t n) {
                                       const auto ticket = trial.serve(unit_of(t, n)).ticket;
                                       served.fetch_add(1, std::memory_order_relaxed);
                                       trial.template observe<"click">(ticket, n % 3 == 0);
                                       trial.template observe<"size">(ticket, static_cast<double>(n % 100));
                                   }};
        const busy_threads looking{1, [&](int, std::uint64_t n) {
                                       static_cast<void>(trial.report());
                                       traffic_plan next = plan_of(trial);
                                       ++next.version;
                                       next.slots.clear();
                                       next.shares = n % 2 == 0 ? share_list{0.5, 0.5} : share_list{0.4, 0.6};
                                       replace_plan(trial, next);
                                       // A thread that ends gives its slab back.
                                       std::thread{[&] {
                                           static_cast<void>(trial(unit_of(9, n)));
                                           served.fetch_add(1, std::memory_order_relaxed);
                                       }}.join();
                                   }};
        for (int i = 0; i < iterations; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
            const int answer = in_child([&] {
                if (trial.evidence().requests() != 0 || trial.evidence().failed(1) != 0) {
                    return 1;
                }
                for (std::uint64_t n = 0; n < 300; ++n) {
                    const auto ticket = trial.serve(unit_of(20, n)).ticket;
                    trial.template observe<"click">(ticket, n % 2 == 0);
                    trial.template observe<"size">(ticket, 1.0);
                }
                const evidence seen = trial.evidence();
                if (seen.requests() != 300) {
                    return 2;
                }
                if (seen.pairs[0].series[2].challenger_count + seen.pairs[0].series[2].champion_count !=
                    300) {
                    return 3;
                }
                if (!seen.consistent() || trial.report().arms.size() != 2) {
                    return 4;
                }
                traffic_plan next = plan_of(trial);
                next.stopped = true;
                replace_plan(trial, next);
                for (std::uint64_t n = 0; n < 100; ++n) {
                    if (trial(unit_of(21, n)) != 0) {
                        return 5;
                    }
                }
                return 0;
            });
            hangs += answer == hung ? 1 : 0;
            ++answers[answer == hung ? 99 : answer];
        }
    }
    CHECK(hangs <= most_hangs);
    CHECK(answers[0] + hangs == iterations);
    CHECK(answers[1] == 0);
    CHECK(answers[2] == 0);
    CHECK(answers[3] == 0);
    // The parent goes on as before.
    CHECK(trial.evidence().requests() == served);
    CHECK_FALSE(plan_of(trial).stopped);
}

TEST_CASE("children of a canary, a shadow and an interleaving begin anew too", "[concurrent]")
{
    canary rollout{model{"old", [](std::uint64_t) { return 0; }},
                   model{"new", [](std::uint64_t) { return 1; }}, by([](std::uint64_t user) { return user; }),
                   hash_split{.salt = "fork"}, ramp{.shares = {0.1, 0.5}, .check_every = 50}};
    shadow compared{model{"old", [](std::uint64_t user) { return static_cast<double>(user % 5); }},
                    model{"new", [](std::uint64_t user) { return static_cast<double>(user % 4); }},
                    by([](std::uint64_t user) { return user; }), salt{"fork"}, inline_run{}};
    shadow behind{model{"old", [](std::uint64_t user) { return static_cast<double>(user % 5); }},
                  model{"new", [](std::uint64_t user) { return static_cast<double>(user % 4); }},
                  by([](std::uint64_t user) { return user; }), salt{"fork in background"}};
    interleaving mixed{model{"old", [](std::uint64_t) { return std::vector<int>{1, 2, 3}; }},
                       model{"new", [](std::uint64_t) { return std::vector<int>{3, 2, 1}; }},
                       by([](std::uint64_t user) { return user; }), salt{"fork"}};
    int failed = 0;
    int hangs = 0;
    {
        const busy_threads serving{2, [&](int t, std::uint64_t n) {
                                       const std::uint64_t user = unit_of(t, n);
                                       static_cast<void>(rollout(user));
                                       compared.truth(compared.serve(user).ticket, 1.0);
                                       static_cast<void>(behind(user));
                                       const auto page = mixed.rank(user, 3U);
                                       mixed.click(page.ticket(), n % 3);
                                       if (n % 64 == 0) {
                                           static_cast<void>(rollout.report());
                                           static_cast<void>(compared.report());
                                           static_cast<void>(mixed.report());
                                       }
                                   }};
        for (int i = 0; i < iterations; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
            const int answer = in_child([&] {
                if (rollout.evidence().requests() + compared.evidence().requests +
                        mixed.evidence().requests(0) + behind.evidence().requests !=
                    0) {
                    return 1;
                }
                for (std::uint64_t n = 0; n < 200; ++n) {
                    const std::uint64_t user = unit_of(20, n);
                    static_cast<void>(rollout(user));
                    compared.truth(compared.serve(user).ticket, 1.0);
                    static_cast<void>(behind(user));
                    const auto page = mixed.rank(user, 3U);
                    mixed.click(page.ticket(), n % 3);
                }
                if (rollout.evidence().requests() != 200 || compared.evidence().requests != 200 ||
                    mixed.evidence().requests(0) != 200 || behind.evidence().requests != 200) {
                    return 2;
                }
                if (compared.evidence().pairs[0].judged.total() != 200.0) {
                    return 3;
                }
                static_cast<void>(rollout.report());
                static_cast<void>(compared.report());
                static_cast<void>(mixed.report());
                behind.drain();
                if (behind.evidence().pairs[0].run.total() + behind.evidence().pairs[0].dropped.total() !=
                        200.0 ||
                    behind.evidence().pairs[0].run.total() == 0.0) {
                    return 5;
                }
                static_cast<void>(behind.report());
                rollout.roll_back("in the child");
                return rollout.rolled_back() && rollout(unit_of(21, 1)) == 0 ? 0 : 4;
            });
            hangs += answer == hung ? 1 : 0;
            failed += answer != 0 && answer != hung ? 1 : 0;
        }
    }
    CHECK(hangs <= most_hangs);
    CHECK(failed == 0);
    CHECK_FALSE(rollout.rolled_back());
}

TEST_CASE("a fork inside a model is counted once on each side, and the child has children")
{
    int answer = -2;
    bool forks = false;
    ab_test trial{model{"old", [&](std::uint64_t user) { return user; }},
                  model{"new",
                        [&](std::uint64_t user) {
                            if (std::exchange(forks, false)) {
                                answer = in_child([] { return 7; });
                            }
                            return user;
                        }},
                  by([](std::uint64_t user) { return user; }), hash_split{.salt = "within"},
                  conversion<"click">{}};
    for (std::uint64_t user = 0; user < 50; ++user) {
        forks = forks || user == 20;
        static_cast<void>(trial(user));
    }
    CHECK(answer == 7);
    CHECK(trial.evidence().requests() == 50);
    CHECK(in_child([&] {
              static_cast<void>(trial(1U));
              const int inner = in_child([&] {
                  if (trial.evidence().requests() != 0) {
                      return 1;
                  }
                  std::thread{[&] { static_cast<void>(trial(3U)); }}.join();
                  static_cast<void>(trial(2U));
                  return trial.evidence().requests() == 2 ? 0 : 2;
              });
              return trial.evidence().requests() == 1 ? inner : 3;
          }) == 0);
}

TEST_CASE("a feedback that the parent took is not taken again by a child")
{
    ab_test trial{model{"old", [](std::uint64_t) { return 0; }},
                  model{"new", [](std::uint64_t) { return 1; }}, by([](std::uint64_t user) { return user; }),
                  hash_split{.salt = "once"}, conversion<"click">{}};
    const auto before = trial.serve(1U).ticket;
    const auto open = trial.serve(2U).ticket;
    REQUIRE(trial.observe<"click">(before, 1.0));
    CHECK(in_child([&] {
              return !trial.observe<"click">(before, 1.0) && trial.observe<"click">(open, 1.0) ? 0 : 1;
          }) == 0);
    CHECK(trial.evidence().pairs[0].series[2].challenger_count +
              trial.evidence().pairs[0].series[2].champion_count ==
          1);
}

TEST_CASE("the lines of a log are written once, by the process that recorded them", "[concurrent]")
{
    const temporary_file file{"fork.events.jsonl"};
    int answer = 0;
    {
        event_log log{file.path, {.flush_every = std::chrono::milliseconds{60'000}}};
        ab_test trial{model{"old", [](std::uint64_t) { return 0; }},
                      model{"new", [](std::uint64_t) { return 1; }},
                      by([](std::uint64_t user) { return user; }),
                      hash_split{.salt = "logged"},
                      conversion<"click">{},
                      record_to(log)};
        log.flush();
        for (std::uint64_t user = 0; user < 100; ++user) {
            static_cast<void>(trial(user));
        }
        // Some lines wait in the queue, and some have been made and are not yet in the file.
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
        answer = in_child([&] {
            for (std::uint64_t user = 1'000; user < 1'050; ++user) {
                static_cast<void>(trial(user));
            }
            log.flush();
            if (log.written() != 50 || log.dropped() != 0) {
                return 1;
            }
            static_cast<void>(trial(2'000U));
            log.~event_log();  // What a child that ends in order does.
            return 0;
        });
        log.flush();
        CHECK(log.written() == 100);
    }
    CHECK(answer == 0);
    const std::vector<std::string> lines = lines_of(file.path);
    CHECK(lines.size() == 151);
    CHECK(read_file(file.path).back() == '\n');
    std::set<std::string> different;
    for (const std::string& line : lines) {
        CHECK(line.starts_with("{\"event\":\"exposure\""));
        CHECK(line.ends_with("\"}"));
        different.insert(line.substr(0, line.find("\"seconds\"")));
    }
    CHECK(different.size() == 151);
}

TEST_CASE("a child follows the plan file, so that the kill switch reaches it", "[concurrent]")
{
    const temporary_file file{"fork.plan.json"};
    const temporary_file ready{"fork.ready"};
    ab_test trial{model{"old", [](std::uint64_t) { return 0; }},
                  model{"new", [](std::uint64_t) { return 1; }}, by([](std::uint64_t user) { return user; }),
                  hash_split{.salt = "followed", .shares = {0.0, 1.0}}, conversion<"click">{}};
    save_plan(file.path, plan_of(trial));
    const plan_watch watch{trial, file.path, {.every = std::chrono::milliseconds{2}}};
    std::thread operator_of_plan{[&] {
        for (int tries = 0; tries < 2'000 && !std::ifstream{ready.path}; ++tries) {
            std::this_thread::sleep_for(std::chrono::milliseconds{5});
        }
        write_file(file.path, R"({"stopped":true})");
    }};
    const int answer = in_child([&] {
        if (trial(1U) != 1) {
            return 1;
        }
        write_file(ready.path, "ready");
        for (int tries = 0; tries < 2'000; ++tries) {
            if (trial(1U) == 0) {
                return 0;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds{5});
        }
        return 2;
    });
    operator_of_plan.join();
    CHECK(answer == 0);
}

#endif
