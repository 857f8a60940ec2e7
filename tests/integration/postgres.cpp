// SPDX-License-Identifier: Apache-2.0

#include <joust/integration/postgres.hpp>

#include "catch.hpp"
#include "integration/store_conformance.hpp"
#include "integration/test_server.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace joust;
using namespace joust_test;
using namespace std::chrono_literals;

static_assert(store_policy<postgres_store>);
static_assert(joust::detail::store_that_wakes<postgres_store>);

TEST_CASE("PostgreSQL does what every store has to do")
{
    test_server server{"postgres"};
    if (!server.installed()) {
        return;
    }
    const auto options = [&server] {
        return postgres_options{.connection = "host=127.0.0.1 user=joust dbname=postgres port=" +
                                              std::to_string(server.port()),
                                .timeout = 10s,
                                .first_pause = 10ms,
                                .longest_pause = 100ms};
    };
    const new_client client = [&] { return any_store{std::make_unique<postgres_store>(options())}; };

    // Processes that start at once make the tables once.
    for (int p = 0; p < 3; ++p) {
        const pid_t child = fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            postgres_store first{options()};
            _exit(first.scan("").empty() ? 0 : 1);
        }
    }
    for (int p = 0; p < 3; ++p) {
        int how = 0;
        REQUIRE(wait(&how) > 0);
        CHECK((WIFEXITED(how) && WEXITSTATUS(how) == 0));
    }
    check_store(client);
    check_race(client);

    joust::detail::postgres_session raw{options()};
    const joust::detail::time_limit limit{30s};
    CHECK(PQntuples(raw.call("SELECT version FROM joust_schema", {}, limit).get()) ==
          static_cast<int>(joust::detail::postgres_steps.size()));

    // A schema of its own, and tables of a newer joust.
    {
        static_cast<void>(raw.call("CREATE SCHEMA \"apart; --\"", {}, limit));
        postgres_options other = options();
        other.schema = "apart; --";
        CHECK(postgres_store{other}.scan("").empty());
        static_cast<void>(
            raw.call("INSERT INTO \"apart; --\".joust_schema (version) VALUES (99)", {}, limit));
        postgres_store older{other};
        CHECK_THAT(error_of([&] { return older.scan(""); }), ContainsSubstring("tables have version 99"));
        other.connection += " password=secret";
        CHECK(postgres_store{other}.where().find("secret") == std::string::npos);
        CHECK_THROWS_AS(postgres_store{{.connection = "host='"}}, configuration_error);
        CHECK_THROWS_AS(postgres_store{{.timeout = 0ms}}, configuration_error);
    }

    // A change wakes a store that waits for it, and no other.
    {
        postgres_store waiting{options()};
        CHECK_FALSE(waiting.wait_for_change("woken/", 300ms));  // from now on it listens
        const pid_t child = fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            ::usleep(50'000);
            postgres_store writing{options()};
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
        postgres_store shared{options()};
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

    // A row that another session keeps locked costs the time-out.
    {
        postgres_options hasty = options();
        hasty.timeout = 300ms;
        any_store blocked{std::make_unique<postgres_store>(hasty)};
        REQUIRE(works_again(blocked, 5s));
        static_cast<void>(raw.call("BEGIN", {}, limit));
        static_cast<void>(raw.call("UPDATE joust_rows SET bytes = bytes", {}, limit));
        const auto begin = std::chrono::steady_clock::now();
        CHECK(error_of([&] { return blocked.put_if_newer("fork", 3, "blocked"); }) != "no error");
        CHECK(std::chrono::steady_clock::now() - begin < 3s);
        static_cast<void>(raw.call("ROLLBACK", {}, limit));
        CHECK(works_again(blocked, 5s));
    }

    // A server that is killed and started again.
    any_store store = client();
    const std::vector<stored_row> before = store.scan("");
    REQUIRE(before.size() > 200);
    server.stop();
    check_gone(client(), 10s, "cannot be reached");
    CHECK(error_of([&] { return store.scan(""); }) != "no error");
    server.start();
    REQUIRE(works_again(store, 10s));
    CHECK(store.scan("") == before);
}

TEST_CASE("a PostgreSQL that never answers costs the time-out and no more")
{
    const silent_port silent;
    const postgres_options options{.connection =
                                       "host=127.0.0.1 user=x port=" + std::to_string(silent.port()),
                                   .timeout = 100ms,
                                   .first_pause = 1s};
    check_gone(any_store{std::make_unique<postgres_store>(options)}, 100ms,
               "does not take a connection within 100 ms");
    postgres_store waiting{options};
    const auto begin = std::chrono::steady_clock::now();
    CHECK_FALSE(waiting.wait_for_change("", 50ms));
    CHECK(std::chrono::steady_clock::now() - begin < 1s);
}
