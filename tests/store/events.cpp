// SPDX-License-Identifier: Apache-2.0

#include <joust/joust.hpp>
#include <joust/store/events.hpp>
#include <joust/trial/event_log.hpp>

#include "allocations.hpp"
#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using namespace joust;
using namespace std::chrono_literals;

struct scratch {
    std::string path = "events-" + std::to_string(::getpid()) + "-" + std::to_string(++count) + ".jsonl";
    scratch() { std::remove(path.c_str()); }
    ~scratch()
    {
        std::remove(path.c_str());
        std::remove((path + ".part").c_str());
    }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    static inline int count = 0;
};

void put(const std::string& path, const std::string& text)
{
    std::ofstream{path, std::ios::binary} << text;
}

event exposure_of(std::uint64_t unit, std::uint32_t seconds)
{
    return {.ticket = ticket::exposure({.unit = unit,
                                        .trial = 7,
                                        .seconds = seconds,
                                        .propensity = 0.25F,
                                        .arm = 1,
                                        .plan = 3,
                                        .nonce = 9}),
            .nanoseconds = 120};
}

std::string line_of(const event& seen)
{
    std::string line;
    append_event(line, seen);
    return line + '\n';
}

struct request {
    std::string user;
    int number = 0;
};

auto trial_with(auto... policies)
{
    return ab_test{model{"old", [](const request& r) { return r.number; }},
                   model{"new", [](const request& r) { return r.number + 1; }},
                   by(&request::user),
                   hash_split{.salt = {"logged", sip_key{3, 4}}, .shares = {0.5, 0.5}},
                   conversion<"click">{},
                   policies...};
}

TEST_CASE("The line of an event is fixed and read back")
{
    event seen = exposure_of(0x0123456789abcdefU, 1'764'000'000);
    CHECK(
        line_of(seen) ==
        R"({"event":"exposure","unit":"0123456789abcdef","seconds":1764000000,"trial":7,"arm":1,"propensity":0.25,"plan":3,)"
        R"("nanoseconds":120,"failed":false,"ticket":")" +
            seen.ticket.to_string() + "\"}\n");
    seen.failed = true;
    seen.covariate = -2.5;
    event feedback{.kind = event::what::feedback,
                   .ticket = seen.ticket,
                   .metric = "a \"click\"\n",
                   .value = 0.5,
                   .denominator = 4.0};
    const auto read = read_events(line_of(seen) + "\n" + line_of(feedback));
    REQUIRE(read.size() == 2);
    CHECK(read[0] == logged_event{.event = "exposure",
                                  .unit = "0123456789abcdef",
                                  .seconds = 1'764'000'000,
                                  .trial = 7,
                                  .arm = 1,
                                  .propensity = 0.25,
                                  .covariate = -2.5,
                                  .nanoseconds = 120,
                                  .failed = true,
                                  .ticket = seen.ticket.to_string()});
    CHECK(read[1].event == "feedback");
    CHECK(read[1].metric == "a \"click\"\n");
    CHECK(read[1].value == 0.5);
    CHECK(read[1].denominator == 4.0);
    CHECK(ticket::from_string(read[1].ticket) == seen.ticket);
}

TEST_CASE("A trial's log is complete, and one unit can be found in it and erased")
{
    const scratch file;
    event_log log{file.path};
    auto trial = trial_with(signed_tickets{.keys = sip_key{1, 2}}, record_to(log));
    for (int i = 0; i < 300; ++i) {
        const auto served = trial.serve(request{"user " + std::to_string(i % 10), i});
        CHECK(trial.observe<"click">(served.ticket, true));
    }
    log.flush();
    CHECK(log.written() == 600);
    CHECK(log.dropped() == 0);
    const std::uint64_t ann = trial.pseudonym_of(std::string{"user 3"});
    CHECK(pseudonym_of(salt{"logged", sip_key{3, 4}}, std::string{"user 3"}) == ann);
    CHECK(events_of(read_file(file.path), ann).size() == 60);

    const erasure gone = log.while_closed([&](const std::string& path) { return erase_events(path, ann); });
    CHECK(gone == erasure{.kept = 540, .erased = 60});
    CHECK(events_of(read_file(file.path), ann).empty());
    // The log goes on in the new file.
    static_cast<void>(trial(request{"user 3", 1}));
    log.flush();
    CHECK(read_events(read_file(file.path)).size() == 541);
    CHECK(events_of(read_file(file.path), ann).size() == 1);
}

TEST_CASE("Slates are found and erased by the half of the pseudonym that they have")
{
    const scratch file;
    event_log log{file.path};
    const auto ranker = [](std::vector<int> items) { return [items](const request&) { return items; }; };
    interleaving search{model{"old", ranker({1, 2, 3, 4})}, model{"new", ranker({4, 3, 2, 1})},
                        by(&request::user), salt{"search"}, record_to(log)};
    for (int i = 0; i < 50; ++i) {
        const auto page = search.rank(request{"user " + std::to_string(i % 5), i}, 3);
        static_cast<void>(search.click(page.ticket(), 0));
    }
    log.flush();
    const std::uint64_t ann = search.pseudonym_of(std::string{"user 2"});
    const auto found = events_of(read_file(file.path), ann);
    CHECK(found.size() >= 10);
    CHECK(found.front().unit.size() == 8);
    const erasure gone = log.while_closed([&](const std::string& path) { return erase_events(path, ann); });
    CHECK(gone.erased == found.size());
    CHECK(gone.kept + gone.erased == log.written());
}

TEST_CASE("Old events go, and the rest stays byte for byte")
{
    const scratch file;
    const auto now = static_cast<std::uint32_t>(wall_milliseconds() / 1'000U);
    // Another program wrote these lines in its own way.
    const std::string odd =
        "  {\"seconds\": " + std::to_string(now - 10) +
        ", \"extra\": [1, {\"unit\": \"none\"}], \"trial\": 7, \"unit\": \"00000000000000ff\", \"event\": \"exposure\"}  \r\n";
    const std::string young = line_of(exposure_of(1, now - 50));
    put(file.path,
        line_of(exposure_of(1, now - 5'000)) + odd + "\n" + line_of(exposure_of(2, now - 101)) + young);
    CHECK(retain_events(file.path, 100s) == erasure{.kept = 2, .erased = 2});
    CHECK(read_file(file.path) == odd + young);
    CHECK(retain_events(file.path, 100s) == erasure{.kept = 2});
    CHECK(erase_events(file.path, 0xff) == erasure{.kept = 1, .erased = 1});
    CHECK(read_file(file.path) == young);
    CHECK(retain_events(file.path, std::chrono::seconds::max()) == erasure{.kept = 1});
    CHECK(retain_events(file.path, 0s) == erasure{.erased = 1});
    CHECK(read_file(file.path).empty());
    CHECK_THROWS_AS(retain_events(file.path, -1s), configuration_error);
    CHECK_THROWS_AS(erase_events("no such file", 1), std::runtime_error);
}

TEST_CASE(
    "A line that is not an event stops an erasure, which changes nothing, unless such lines are erased too")
{
    const scratch file;
    const std::string good = line_of(exposure_of(1, 5));
    for (const std::string bad :
         {R"({"event":"exposure","unit":"0123)", "[]", "7", R"({"unit":"0123456789abcdef"})",
          R"({"event":"exposure","unit":"0123456789ABCDEF","seconds":1,"trial":1})",
          R"({"event":"exposure","unit":"0123456789abcde","seconds":1,"trial":1})",
          R"({"event":"exposure","unit":17,"seconds":1,"trial":1})",
          R"({"event":"exposure","unit":"0123456789abcdef","seconds":-1,"trial":1})",
          R"({"event":"exposure","unit":"0123456789abcdef","seconds":1.5,"trial":1})",
          R"({"event":"other","unit":"0123456789abcdef","seconds":1,"trial":1})",
          R"({"event":"feedback","unit":"0123456789abcdef","seconds":1,"trial":1})"}) {
        CAPTURE(bad);
        put(file.path, good + bad + "\n" + good);
        try {
            erase_events(file.path, 1);
            FAIL("taken");
        } catch (const parse_error& wrong) {
            CHECK(std::string{wrong.what()}.starts_with(file.path + ": line 2: "));
        }
        CHECK(read_file(file.path) == good + bad + "\n" + good);
        CHECK(erase_events(file.path, 2, unreadable_lines::erase) == erasure{.kept = 2, .unreadable = 1});
        CHECK(read_file(file.path) == good + good);
    }
}

TEST_CASE("An erasure keeps the permissions of the file")
{
    const scratch file;
    put(file.path, line_of(exposure_of(1, 5)) + line_of(exposure_of(2, 5)));
    REQUIRE(::chmod(file.path.c_str(), 0600) == 0);
    CHECK(erase_events(file.path, 1).erased == 1);
    struct stat after{};
    REQUIRE(::stat(file.path.c_str(), &after) == 0);
    CHECK((after.st_mode & 07777U) == 0600);
}

TEST_CASE("A log continues after a line that a crash cut off")
{
    const scratch file;
    put(file.path, R"({"event":"expo)");
    {
        event_log log{file.path};
        log.record(exposure_of(1, 5));
    }
    CHECK(read_file(file.path) == "{\"event\":\"expo\n" + line_of(exposure_of(1, 5)));
    CHECK(erase_events(file.path, 2, unreadable_lines::erase) == erasure{.kept = 1, .unreadable = 1});
    {
        event_log log{file.path};
        log.record(exposure_of(2, 5));
    }
    CHECK(read_file(file.path) == line_of(exposure_of(1, 5)) + line_of(exposure_of(2, 5)));
}

TEST_CASE("Events that do not fit are dropped and counted, and serving never waits")
{
    const scratch file;
    event_log log{file.path, {.queue = 8}};
    log.record(
        {.kind = event::what::feedback,
         .ticket = {},
         .metric = std::string_view{"0123456789012345678901234567890123456789012345678901234567890123x"}});
    CHECK(log.dropped() == 1);
    log.while_closed([&](const std::string&) {
        // The writer waits for the file: one event is with it, eight fit, the others are dropped.
        for (int i = 0; i < 100; ++i) {
            log.record(exposure_of(1, 5));
        }
    });
    log.flush();
    CHECK(log.written() + log.dropped() == 101);
    CHECK(log.written() >= 8);
    CHECK(log.written() <= 10);
    CHECK(read_events(read_file(file.path)).size() == log.written());
    CHECK_THROWS_AS(event_log{"no such folder/events.jsonl"}, std::runtime_error);
    CHECK_THROWS_AS((event_log{file.path, {.queue = 0}}), configuration_error);
    CHECK_THROWS_AS((event_log{file.path, {.flush_every = -1ms}}), configuration_error);
    CHECK_THROWS_AS(log.while_closed([](const std::string&) -> int { throw std::runtime_error("mine"); }),
                    std::runtime_error);
    log.record(exposure_of(1, 5));
    log.flush();
    CHECK(read_events(read_file(file.path)).size() == log.written());
}

TEST_CASE("A full disk drops events and nothing else")
{
    if (::access("/dev/full", W_OK) != 0) {
        return;
    }
    event_log log{"/dev/full", {.flush_every = 0ms}};
    for (int i = 0; i < 1'000; ++i) {
        log.record(exposure_of(1, 5));
    }
    log.flush();
    CHECK(log.dropped() == 1'000);
    CHECK(log.written() == 0);
}

TEST_CASE("Many threads log at once, and recording allocates nothing")
{
    const scratch file;
    event_log log{file.path, {.queue = 65'536}};
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < 4; ++t) {
        threads.emplace_back([&log, t] {
            for (std::uint32_t i = 0; i < 2'000; ++i) {
                log.record(exposure_of(t, i));
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    log.flush();
    CHECK(log.dropped() == 0);
    const std::string text = read_file(file.path);
    CHECK(read_events(text).size() == 8'000);
    for (std::uint64_t t = 0; t < 4; ++t) {
        const auto mine = events_of(text, t);
        REQUIRE(mine.size() == 2'000);
        for (std::size_t i = 0; i < mine.size(); ++i) {
            REQUIRE(mine[i].seconds == i);
        }
    }
}

}  // namespace
