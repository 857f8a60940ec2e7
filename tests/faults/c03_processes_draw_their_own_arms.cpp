// SPDX-License-Identifier: Apache-2.0

#include <joust/core/model.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/interleave/identified_by.hpp>
#include <joust/shadow/sampler.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/interleaving.hpp>
#include <joust/trial/shadow.hpp>

#include "catch.hpp"

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <thread>
#include <vector>

#if __has_include(<unistd.h>) && __has_include(<sys/wait.h>)
#include <sys/wait.h>
#include <unistd.h>
#define JOUST_TESTS_FORK 1
#endif

namespace {

using namespace joust;

int one(int)
{
    return 0;
}
int two(int)
{
    return 1;
}

#ifdef JOUST_TESTS_FORK

/// Run `work` in a forked child and return the text that it gives.
template <class Work>
std::string in_a_child(Work work)
{
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const ::pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const std::string text = work();
        const bool written = ::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
        ::_exit(written ? 0 : 1);
    }
    ::close(ends[1]);
    std::string text;
    char part[4096];
    for (ssize_t n = ::read(ends[0], part, sizeof part); n > 0; n = ::read(ends[0], part, sizeof part)) {
        text.append(part, static_cast<std::size_t>(n));
    }
    ::close(ends[0]);
    int state = 0;
    ::waitpid(child, &state, 0);
    REQUIRE(state == 0);
    return text;
}

template <class Trial>
std::string arms_of(Trial& trial, int calls)
{
    std::string arms;
    for (int i = 0; i < calls; ++i) {
        arms += trial(i) == 0 ? '0' : '1';
    }
    return arms;
}

TEST_CASE("Each process draws other arms for its requests, a child of a process that has served too")
{
    ab_test trial{model{"a", one}, model{"b", two}, per_request{}, conversion<"good">{},
                  hash_split{.salt = "c3"}};
    std::set<std::string> seen{arms_of(trial, 64)};
    for (int i = 0; i < 20; ++i) {
        seen.insert(in_a_child([&trial] { return arms_of(trial, 64); }));
    }
    seen.insert(arms_of(trial, 64));
    CHECK(seen.size() == 22);
}

TEST_CASE(
    "Tickets of two processes for one unit in one second differ, so that neither is taken for a repetition")
{
    ab_test trial{model{"a", one}, model{"b", two}, by([](int user) { return user; }), conversion<"good">{},
                  hash_split{.salt = "c3 tickets"}};
    std::vector<std::string> texts;
    for (int i = 0; i < 6; ++i) {
        texts.push_back(in_a_child([&trial] { return trial.serve(7).ticket.to_string(); }));
    }
    CHECK(std::set<std::string>(texts.begin(), texts.end()).size() == texts.size());
    for (const std::string& text : texts) {
        CHECK(trial.observe<"good">(ticket::from_string(text), true));
    }

    shadow beside{model{"a", one}, model{"b", two}, by([](int user) { return user; }), salt{"c3 shadow"},
                  inline_run{}};
    std::set<std::string> truths;
    interleaving mixed{model{"a", [](int) { return std::vector<int>{1, 2, 3}; }},
                       model{"b", [](int) { return std::vector<int>{3, 2, 1}; }},
                       by([](int user) { return user; }), salt{"c3 slates"}};
    std::set<std::string> slates;
    for (int i = 0; i < 4; ++i) {
        truths.insert(in_a_child([&beside] { return beside.serve(7).ticket.to_string(); }));
        slates.insert(in_a_child([&mixed] { return mixed.rank(7, 2).ticket().to_string(); }));
    }
    CHECK(truths.size() == 4);
    CHECK(slates.size() == 4);
}

#endif

TEST_CASE("A seed repeats the arms of a trial, and the seeds differ")
{
    const auto arms_with = [](std::uint64_t seed) {
        ab_test trial{model{"a", one}, model{"b", two}, per_request{.seed = seed}, conversion<"good">{},
                      hash_split{.salt = "c3"}};
        std::string arms;
        for (int i = 0; i < 64; ++i) {
            arms += trial(i) == 0 ? '0' : '1';
        }
        return arms;
    };
    CHECK(arms_with(7) == arms_with(7));
    CHECK(arms_with(7) != arms_with(8));
    CHECK(per_request{.seed = 7} == per_request{.seed = 7});
    CHECK_FALSE(per_request{.seed = 7} == per_request{});
}

TEST_CASE(
    "No two calls of a process share a key, whatever their arguments and threads, with a seed and without")
{
    for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{9}}) {
        const per_request keys{.seed = seed};
        std::vector<std::vector<std::uint64_t>> drawn(4);
        std::vector<std::thread> threads;
        for (auto& own : drawn) {
            threads.emplace_back([&own, &keys] {
                for (int i = 0; i < 500; ++i) {
                    own.push_back(keys.key(i));
                    own.push_back(keys.key(std::string{"text"}, i));
                }
            });
        }
        for (auto& each : threads) {
            each.join();
        }
        std::set<std::uint64_t> all;
        for (const auto& own : drawn) {
            all.insert(own.begin(), own.end());
        }
        CHECK(all.size() == 4'000);
    }
}

}  // namespace
