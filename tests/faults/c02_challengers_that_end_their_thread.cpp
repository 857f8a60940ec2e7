// SPDX-License-Identifier: Apache-2.0

#include <joust/core/model.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/split/cascade.hpp>
#include <joust/split/overrides.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/interleaving.hpp>

#include "catch.hpp"

#if defined(__GLIBCXX__) && __has_include(<pthread.h>) && __has_include(<sys/wait.h>)

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace joust;

// Cancel the calling thread, and unwind its stack at once.
void end_this_thread()
{
    ::pthread_cancel(::pthread_self());
    ::pthread_testcancel();
}

/// Run `work` in a thread that is cancelled inside. Returns whether the thread ended by that, with its stack unwound.
template <class Work>
bool unwinds(Work work)
{
    struct state {
        Work work;
        std::atomic<bool> unwound{false};
        std::atomic<bool> came_back{false};
    } shared{work, {}, {}};
    ::pthread_t thread{};
    const int failed = ::pthread_create(
        &thread, nullptr,
        [](void* given) -> void* {
            auto& own = *static_cast<state*>(given);
            struct mark {
                std::atomic<bool>& at;
                ~mark() { at = true; }
            } left{own.unwound};
            own.work();
            own.came_back = true;
            return nullptr;
        },
        &shared);
    REQUIRE(failed == 0);
    void* ended = nullptr;
    ::pthread_join(thread, &ended);
    return ended == PTHREAD_CANCELED && shared.unwound && !shared.came_back;
}

int zero(int)
{
    return 0;
}
int cancelled(int)
{
    end_this_thread();
    return 1;
}
int user(int id)
{
    return id;
}

TEST_CASE("A thread that is cancelled in its challenger unwinds, and the call counts as a failure of the arm")
{
    ab_test trial{model{"a", zero}, model{"b", cancelled}, by(user), conversion<"good">{},
                  hash_split{.salt = "c2", .shares = {0.0, 1.0}}};
    CHECK(unwinds([&trial] { (void)trial(1); }));
    CHECK(unwinds([&trial] { (void)trial.serve(1); }));
    CHECK(trial.evidence().requests(1) == 2);
    CHECK(trial.evidence().failed(1) == 2);

    ab_test judged{model{"a", zero},
                   model{"b", zero},
                   by(user),
                   conversion<"good">{},
                   hash_split{.salt = "c2", .shares = {0.0, 1.0}},
                   accept_if([](int) {
                       end_this_thread();
                       return true;
                   })};
    CHECK(unwinds([&judged] { (void)judged(1); }));

    ab_test forced{model{"a", zero}, model{"b", cancelled}, by(user), conversion<"good">{},
                   overrides({{"7", 1}}, hash_split{.salt = "c2", .shares = {1.0, 0.0}})};
    CHECK(unwinds([&forced] { (void)forced(7); }));
}

TEST_CASE("A thread that is cancelled in a helper, in a ranker or in a cascade unwinds too")
{
    ab_test trial{model{"a", zero}, model{"b", zero}, by([](int id) {
                      end_this_thread();
                      return id;
                  }),
                  conversion<"good">{}, hash_split{.salt = "c2"}};
    CHECK(unwinds([&trial] { (void)trial(1); }));

    interleaving search{model{"a", [](int) { return std::vector<int>{1, 2}; }},
                        model{"b",
                              [](int) {
                                  end_this_thread();
                                  return std::vector<int>{2, 1};
                              }},
                        by(user), salt{"c2"}};
    CHECK(unwinds([&search] { (void)search.rank(1, 2); }));

    auto deep = cascade(zero, cancelled, [](int) { return 0.0; });
    CHECK(unwinds([&deep] { (void)deep(1); }));
    auto unsure = cascade(zero, zero, [](int) {
        end_this_thread();
        return 0.0;
    });
    CHECK(unwinds([&unsure] { (void)unsure(1); }));
}

TEST_CASE("A challenger that calls exit ends the process with its code, and nothing hangs")
{
    std::cout.flush();
    std::fflush(nullptr);
    const ::pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        static ab_test trial{model{"a", zero},
                             model{"b",
                                   [](int) -> int {
                                       // NOLINTNEXTLINE(concurrency-mt-unsafe): what is tested
                                       std::exit(3);
                                   }},
                             by(user), conversion<"good">{}, hash_split{.salt = "c2", .shares = {0.0, 1.0}}};
        ::alarm(20);
        (void)trial(1);
        ::_exit(4);
    }
    int state = 0;
    REQUIRE(::waitpid(child, &state, 0) == child);
    REQUIRE(WIFEXITED(state));
    CHECK(WEXITSTATUS(state) == 3);
}

}  // namespace

#endif
