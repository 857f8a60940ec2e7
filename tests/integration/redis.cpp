// SPDX-License-Identifier: Apache-2.0

#include <joust/integration/redis.hpp>

#include "catch.hpp"
#include "integration/store_conformance.hpp"
#include "integration/test_server.hpp"

#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace joust;
using namespace joust_test;
using namespace std::chrono_literals;

static_assert(store_policy<redis_store>);
static_assert(joust::detail::store_that_wakes<redis_store>);

TEST_CASE("Redis does what every store has to do")
{
    test_server server{"redis"};
    if (!server.installed()) {
        return;
    }
    const auto options = [&server] {
        return redis_options{
            .port = server.port(), .timeout = 5s, .first_pause = 10ms, .longest_pause = 100ms};
    };
    const new_client client = [&] { return any_store{std::make_unique<redis_store>(options())}; };
    check_store(client);
    check_race(client);

    // Rows of another program, and a second key.
    {
        redis_options other = options();
        other.key = "another";
        redis_store apart{other};
        CHECK(apart.scan("").empty());
        joust::detail::redis_connection raw{options(), "raw"};
        const joust::detail::time_limit limit{5s};
        static_cast<void>(raw.call({"HSET", "another", "k", "not a row"}, limit));
        CHECK_THAT(error_of([&] { return apart.scan(""); }),
                   ContainsSubstring("the field k is not a row of joust"));
        static_cast<void>(raw.call({"SET", "third", "text"}, limit));
        other.key = "third";
        redis_store refused{other};
        CHECK_THAT(error_of([&] { return refused.put_if_newer("k", 1, "x"); }),
                   ContainsSubstring("WRONGTYPE"));
        CHECK_THAT(error_of([&] { return refused.put_if_newer("k", 1, "x"); }),
                   ContainsSubstring("WRONGTYPE"));
        other.key = "joust";
        other.database = 1;
        CHECK(redis_store{other}.scan("").empty());
        other.password = "wrong";
        redis_store unknown{other};
        CHECK_THAT(error_of([&] { return unknown.scan(""); }), ContainsSubstring("AUTH"));
        CHECK(unknown.where().find("wrong") == std::string::npos);
    }

    // A change wakes a store that waits for it, and no other.
    {
        redis_store waiting{options()};
        CHECK_FALSE(waiting.wait_for_change("woken/", 1ms));  // from now on it listens
        const pid_t child = fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            ::usleep(50'000);
            redis_store writing{options()};
            _exit(writing.put_if_newer("other/k", 1, "x") && writing.compare_and_set("woken/k", 0, "x") ? 0
                                                                                                        : 1);
        }
        const auto begin = std::chrono::steady_clock::now();
        CHECK(waiting.wait_for_change("woken/", 20s));
        CHECK(std::chrono::steady_clock::now() - begin < 10s);
        CHECK_FALSE(waiting.wait_for_change("woken/", 20ms));
        int how = 0;
        REQUIRE(waitpid(child, &how, 0) == child);
        CHECK((WIFEXITED(how) && WEXITSTATUS(how) == 0));
    }

    // A forked child has a connection of its own.
    {
        redis_store shared{options()};
        CHECK(shared.put_if_newer("fork", 1, "parent"));
        const pid_t child = fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            _exit(shared.put_if_newer("fork", 2, "child") ? 0 : 1);
        }
        int how = 0;
        REQUIRE(waitpid(child, &how, 0) == child);
        CHECK((WIFEXITED(how) && WEXITSTATUS(how) == 0));
        CHECK(shared.scan("fork").at(0).bytes == "child");
    }

    // A server that is killed, started again, and stands still.
    any_store store = client();
    REQUIRE(store.scan("plan").size() == 1);
    const std::vector<stored_row> before = store.scan("");
    server.kill();
    check_gone(client(), 5s, "cannot be reached");
    CHECK_THAT(error_of([&] { return store.scan(""); }), ContainsSubstring("cannot be reached"));
    server.start();
    REQUIRE(works_again(store, 2s));
    CHECK(store.scan("") == before);

    redis_options hasty = options();
    hasty.timeout = 100ms;
    any_store waiting{std::make_unique<redis_store>(hasty)};
    REQUIRE(waiting.scan("plan").size() == 1);
    ::kill(static_cast<pid_t>(server.process()), SIGSTOP);
    const auto begin = std::chrono::steady_clock::now();
    CHECK_THAT(error_of([&] { return waiting.compare_and_set("still", 0, std::string(3'000'000, 'x')); }),
               ContainsSubstring("within 100 ms"));
    CHECK(std::chrono::steady_clock::now() - begin < 1s);
    ::kill(static_cast<pid_t>(server.process()), SIGCONT);
    CHECK(works_again(waiting, 2s));
}

TEST_CASE("a Redis that never answers costs the time-out and no more")
{
    const silent_port silent;
    const redis_options options{.port = silent.port(), .timeout = 100ms, .first_pause = 1s};
    check_gone(any_store{std::make_unique<redis_store>(options)}, 100ms, "does not answer within 100 ms");
    redis_store waiting{options};
    const auto begin = std::chrono::steady_clock::now();
    CHECK_FALSE(waiting.wait_for_change("", 50ms));
    CHECK(std::chrono::steady_clock::now() - begin < 1s);
    CHECK_THROWS_AS(redis_store{{.timeout = 0ms}}, configuration_error);
    CHECK_THROWS_AS(redis_store{{.key = ""}}, configuration_error);
}
