// SPDX-License-Identifier: Apache-2.0

#if __has_include(<sys/socket.h>)

#include <joust/shadow/subprocess.hpp>
#include <joust/trial/shadow.hpp>

#include "catch.hpp"

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>

using namespace joust;

namespace {

// Answers 2x, and breaks in a way of its own for some numbers.
int doubled(int x)
{
    switch (x) {
        case 13: std::abort();
        case 14: std::raise(SIGKILL); break;
        case 15: throw std::runtime_error{"15"};
        case 16: std::this_thread::sleep_for(std::chrono::hours{1}); break;
        default: break;
    }
    return 2 * x;
}

constexpr subprocess_limits quick{.answer_within = std::chrono::milliseconds{300},
                                  .first_pause = std::chrono::milliseconds{1},
                                  .longest_pause = std::chrono::milliseconds{20}};

// Ask until the model's process runs again.
template <class Model>
int ask_again(const Model& ask, int x)
{
    for (int attempt = 0; attempt < 1'000; ++attempt) {
        try {
            return ask(x);
        } catch (const subprocess_error&) {
            std::this_thread::sleep_for(std::chrono::milliseconds{2});
        }
    }
    return -1;
}

}  // namespace

TEST_CASE("A model in another process answers, and its crash, exception or hang is one failure")
{
    const subprocess<int(int)> ask{doubled, quick};
    for (int x = 0; x < 10; ++x) {
        CHECK(ask(x) == 2 * x);
    }
    CHECK(ask.starts() == 1);
    CHECK_THROWS_AS(ask(15), subprocess_error);
    CHECK(ask(4) == 8);
    CHECK(ask.starts() == 1);  // An exception ends no process.
    std::uint64_t starts = 1;
    for (const int broken : {13, 14, 16}) {
        CHECK_THROWS_AS(ask(broken), subprocess_error);
        CHECK(ask_again(ask, 21) == 42);
        CHECK(ask.starts() == ++starts);
    }
}

TEST_CASE("A process that crashes at each request is started more and more rarely")
{
    const subprocess<int(int)> ask{[](int x) {
                                       std::raise(SIGKILL);
                                       return x;
                                   },
                                   {.answer_within = std::chrono::milliseconds{500},
                                    .first_pause = std::chrono::milliseconds{20},
                                    .longest_pause = std::chrono::hours{1}}};
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds{450};
    while (std::chrono::steady_clock::now() < until) {
        CHECK_THROWS_AS(ask(1), subprocess_error);
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    // Starts come after pauses of 20, 40, 80, 160, 320 ms; each waits for the one before.
    CHECK(ask.starts() >= 2);
    CHECK(ask.starts() <= 5);
}

TEST_CASE("Texts and several arguments go through the pipe, and what is too large is refused")
{
    const subprocess<std::string(std::string, double)> ask{
        [](const std::string& text, double x) { return text + (x > 0.5 ? "!" : "?"); },
        {.message_bytes = 1'000}};
    CHECK(ask("yes", 0.75) == "yes!");
    CHECK(ask("", 0.25) == "?");
    CHECK(ask(std::string("a\0b", 3), 0.25) == std::string("a\0b?", 4));
    CHECK_THROWS_AS(ask(std::string(2'000, 'x'), 0.5), subprocess_error);
    CHECK(ask(std::string(900, 'x'), 0.5).size() == 901);
    CHECK_THROWS_AS((subprocess<int(int)>{doubled, {.answer_within = std::chrono::milliseconds{0}}}),
                    configuration_error);
    CHECK_THROWS_AS((subprocess<int(int)>{doubled, {.message_bytes = 0}}), configuration_error);
}

TEST_CASE("A challenger in another process that crashes is counted, and the champion serves on")
{
    const auto serve = [](int x) { return 2 * x; };
    shadow live{model{"a", serve}, model{"b", subprocess<int(int)>{doubled, quick}}, salt{"subprocess"},
                inline_run{}};
    for (int x = 10; x < 20; ++x) {
        CHECK(live(x) == 2 * x);
        std::this_thread::sleep_for(std::chrono::milliseconds{40});  // The process starts again meanwhile.
    }
    const shadow_evidence seen = live.evidence();
    CHECK(seen.pairs[0].run.total() == 10.0);
    CHECK(seen.pairs[0].run.total_sum() >= 4.0);
    CHECK(seen.pairs[0].run.total_sum() < 10.0);
    CHECK(seen.pairs[0].compared.total() == 10.0 - seen.pairs[0].run.total_sum());
    CHECK(seen.pairs[0].compared.total_sum() == seen.pairs[0].compared.total());
}

#endif
