// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/store/store.hpp>

#include "catch.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace joust_test {

/// Any store, so that the checks below are compiled once.
class any_store {
public:
    template <joust::store_policy S>
    explicit any_store(std::unique_ptr<S> store)
    {
        const std::shared_ptr<S> shared{std::move(store)};
        put_if_newer = [shared](std::string_view key, std::uint64_t n, std::string_view bytes) {
            return shared->put_if_newer(key, n, bytes);
        };
        scan = [shared](std::string_view prefix) { return shared->scan(prefix); };
        compare_and_set = [shared](std::string_view key, std::uint64_t n, std::string_view bytes) {
            return shared->compare_and_set(key, n, bytes);
        };
    }

    std::function<bool(std::string_view, std::uint64_t, std::string_view)> put_if_newer;
    std::function<std::vector<joust::stored_row>(std::string_view)> scan;
    std::function<bool(std::string_view, std::uint64_t, std::string_view)> compare_and_set;
};

/// Makes one more client of the same store.
using new_client = std::function<any_store()>;

/// Call a store, and return what it throws as text, or "no error".
template <class Call>
std::string error_of(Call&& call)
{
    try {
        static_cast<void>(call());
        return "no error";
    } catch (const joust::store_error& wrong) {
        CHECK(std::string_view{wrong.what()}.starts_with(wrong.where()));
        return wrong.what();
    }
}

/// Check what every store has to do, whatever keeps its rows.
inline void check_store(const new_client& client)
{
    using joust::stored_row;
    any_store one = client();
    any_store two = client();

    // The newest row of a key stays, whatever the order of writes, and every client sees it.
    CHECK(one.scan("").empty());
    CHECK(one.put_if_newer("t/evidence/b", 3, "three"));
    CHECK_FALSE(two.put_if_newer("t/evidence/b", 3, "again"));
    CHECK_FALSE(two.put_if_newer("t/evidence/b", 2, "two"));
    CHECK(two.put_if_newer("t/evidence/b", 10, "ten"));
    CHECK(two.put_if_newer("t/evidence/a", 0, ""));
    CHECK_FALSE(one.put_if_newer("t/evidence/a", 0, "again"));
    CHECK(two.put_if_newer("t2/evidence/a", 1, "of another trial"));
    CHECK(one.scan("t/") == std::vector<stored_row>{{"t/evidence/a", 0, ""}, {"t/evidence/b", 10, "ten"}});
    CHECK(one.scan("t/evidence/b") == std::vector<stored_row>{{"t/evidence/b", 10, "ten"}});
    CHECK(one.scan("t").size() == 3);
    CHECK(one.scan("none").empty());

    // Sequences have 64 bits.
    const std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
    for (const std::uint64_t sequence :
         {std::uint64_t{1} << 53, (std::uint64_t{1} << 53) + 1, last / 2, last / 2 + 1, last}) {
        CHECK(one.put_if_newer("t/far", sequence, std::to_string(sequence)));
        CHECK_FALSE(one.put_if_newer("t/far", sequence - 1, "older"));
    }
    CHECK(two.scan("t/far") == std::vector<stored_row>{{"t/far", last, std::to_string(last)}});

    // Compare and set.
    CHECK_FALSE(one.compare_and_set("plan", 1, "no row is there"));
    CHECK(one.compare_and_set("plan", 0, "first"));
    CHECK_FALSE(two.compare_and_set("plan", 0, "first again"));
    CHECK_FALSE(two.compare_and_set("plan", 2, "too far"));
    CHECK(two.compare_and_set("plan", 1, "second"));
    CHECK(one.scan("plan") == std::vector<stored_row>{{"plan", 2, "second"}});

    // Keys and rows of any bytes.
    std::string all(256, '\0');
    for (std::size_t i = 0; i < all.size(); ++i) {
        all[i] = static_cast<char>(i);
    }
    std::vector<std::string> keys{
        "odd/*",  "odd/?",        "odd/[ab]",     "odd/\\",     "odd/'; drop table x",
        "odd/%",  "odd/_",        "odd/a b\nc",   "odd/\"",     "odd/^-",
        "odd/ab", "odd/\xc3\xa4", "odd/\xff\xff", "odd/" + all, "odd/" + std::string(1'500, 'x')};
    for (const std::string& key : keys) {
        CHECK(one.put_if_newer(key, 7, key + all));
    }
    std::sort(keys.begin(), keys.end());
    const std::vector<stored_row> found = two.scan("odd/");
    REQUIRE(found.size() == keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
        CHECK(found[i] == stored_row{keys[i], 7, keys[i] + all});
    }
    for (const std::string& key : keys) {
        const std::vector<stored_row> of_key = two.scan(key);
        REQUIRE_FALSE(of_key.empty());
        CHECK(of_key.front().key == key);
        for (const stored_row& row : of_key) {
            CHECK(row.key.starts_with(key));
        }
    }
    CHECK(two.put_if_newer("\xff\xff", 1, "the last key"));
    CHECK(two.scan("\xff") == std::vector<stored_row>{{"\xff\xff", 1, "the last key"}});

    // Rows of a megabyte, and many rows.
    std::string big(1'000'000, 'b');
    for (std::size_t i = 0; i < big.size(); i += 97) {
        big[i] = static_cast<char>(i % 256);
    }
    CHECK(one.put_if_newer("big", 1, big));
    CHECK(one.put_if_newer("big", 2, big + "2"));
    CHECK(two.scan("big") == std::vector<stored_row>{{"big", 2, big + "2"}});
    for (int i = 0; i < 200; ++i) {
        char key[16] = {};
        static_cast<void>(std::snprintf(key, sizeof key, "many/%03d", i));
        CHECK(one.put_if_newer(key, 1, key));
    }
    const std::vector<stored_row> many = two.scan("many/");
    REQUIRE(many.size() == 200);
    CHECK(many.front().key == "many/000");
    CHECK(many.back() == stored_row{"many/199", 1, "many/199"});
}

/// Let processes compare and set at once: each success is one step, and no step is lost.
inline void check_race(const new_client& client)
{
    constexpr int processes = 3;
    constexpr int each = 20;
    for (int p = 0; p < processes; ++p) {
        const pid_t child = fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            int done = 0;
            try {
                any_store store = client();
                for (int failures = 0; done < each;) {
                    try {
                        const std::vector<joust::stored_row> rows = store.scan("count");
                        const std::uint64_t version = rows.empty() ? 0 : rows[0].sequence;
                        const std::string next = (rows.empty() ? "" : rows[0].bytes) + "x";
                        static_cast<void>(store.put_if_newer("newest", version, std::to_string(version)));
                        done += store.compare_and_set("count", version, next) ? 1 : 0;
                    } catch (const joust::store_error&) {
                        // On a busy machine a call may come to the end of its time, as that of a user does.
                        if (++failures == 20) {
                            throw;
                        }
                    }
                }
            } catch (const std::exception& wrong) {
                std::puts(wrong.what());
                std::fflush(stdout);
                _exit(2);
            }
            _exit(0);
        }
    }
    for (int p = 0; p < processes; ++p) {
        int how = 0;
        REQUIRE(wait(&how) > 0);
        CHECK((WIFEXITED(how) && WEXITSTATUS(how) == 0));
    }
    const std::vector<joust::stored_row> rows = client().scan("count");
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].sequence == processes * each);
    CHECK(rows[0].bytes == std::string(processes * each, 'x'));
    CHECK(client().scan("newest").at(0).bytes == std::to_string(processes * each - 1));
}

/// Check that a call ends in time with an error, and that the next one does not wait again.
inline void check_gone(any_store store, std::chrono::milliseconds timeout, const std::string& words)
{
    const auto begin = std::chrono::steady_clock::now();
    CHECK_THAT(error_of([&] { return store.put_if_newer("k", 1, "x"); }), ContainsSubstring(words));
    const auto first = std::chrono::steady_clock::now() - begin;
    CHECK(first < timeout + std::chrono::milliseconds{900});
    const auto again = std::chrono::steady_clock::now();
    CHECK_THAT(error_of([&] { return store.scan("k"); }), ContainsSubstring("tried again"));
    CHECK(std::chrono::steady_clock::now() - again < std::chrono::milliseconds{100});
}

/// Wait until a call works again, as long as the longest pause between attempts and a bit more.
inline bool works_again(any_store& store, std::chrono::milliseconds within)
{
    const auto until = std::chrono::steady_clock::now() + within;
    do {
        try {
            static_cast<void>(store.scan("plan"));
            return true;
        } catch (const joust::store_error&) {
            ::usleep(5'000);
        }
    } while (std::chrono::steady_clock::now() < until);
    return false;
}

}  // namespace joust_test
