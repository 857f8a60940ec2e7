// SPDX-License-Identifier: Apache-2.0

// Work that outlives its call or its trial: late rankers race with no reader, and no destructor waits for ever.

#include <joust/trial/at_once.hpp>
#include <joust/trial/interleaving.hpp>
#include <joust/trial/shadow.hpp>

#include "catch.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

/// Holds models until the test opens it, and says how many entered and how many left.
struct gate {
    std::atomic<bool> open{false};
    std::atomic<int> entered{0};
    std::atomic<int> left{0};
    std::atomic<int> destroyed{0};

    void pass()
    {
        ++entered;
        while (!open) {
            std::this_thread::sleep_for(1ms);
        }
        ++left;
    }
};

/// A model's state on the heap, which an abandoned call reads after the trial is gone.
struct weights {
    std::shared_ptr<gate> owner;
    std::vector<int> values;

    weights(std::shared_ptr<gate> g, int size)
        : owner(std::move(g)), values(static_cast<std::size_t>(size), 1)
    {
    }
    weights(const weights&) = delete;
    weights& operator=(const weights&) = delete;
    ~weights() { ++owner->destroyed; }
    [[nodiscard]] int sum() const { return std::accumulate(values.begin(), values.end(), 0); }
};

template <class Condition>
bool comes_true(Condition&& condition)
{
    const auto begun = std::chrono::steady_clock::now();
    while (!condition()) {
        if (std::chrono::steady_clock::now() - begun > 20s) {
            return false;
        }
        std::this_thread::sleep_for(1ms);
    }
    return true;
}

double seconds_since(std::chrono::steady_clock::time_point begun)
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

/// Starts a thread for each task and waits for none, as a pool of the service would.
struct detaching {
    template <class Task>
    bool dispatch(Task task) noexcept
    {
        try {
            std::thread([held = std::move(task)]() mutable { held(); }).detach();
        } catch (...) {
            return false;
        }
        return true;
    }
};

auto slow_model(const std::shared_ptr<gate>& hold)
{
    return [hold, state = std::make_shared<weights>(hold, 1'000)](const std::string& text) {
        hold->pass();
        return state->sum() + static_cast<int>(text.size());
    };
}

}  // namespace

TEST_CASE("a ranker that is late by a little races with nobody who reads the lists", "[concurrent]")
{
    // Every list is late by chance, so that it arrives while the slate is drawn.
    std::atomic<unsigned> turn{0};
    const auto late = [&turn](int user) {
        std::this_thread::sleep_for(std::chrono::microseconds{(++turn * 37) % 300});
        return std::vector<std::string>{std::to_string(user) + " from the challenger, on the heap",
                                        "another item that is long enough for the heap"};
    };
    const auto prompt = [](int user) {
        return std::vector<std::string>{std::to_string(user) + " from the champion, on the heap",
                                        "an item of the champion that is on the heap"};
    };
    joust::interleaving search{joust::model{"a", prompt}, joust::model{"b", late},
                               joust::by([](int user) { return user; }), joust::at_once(150us)};
    std::size_t shown = 0;
    for (int user = 0; user < 400; ++user) {
        shown += search.rank(user, 4).size();
    }
    CHECK(shown >= 800);
    const joust::report seen = search.report();
    CHECK(seen.arms[1].failures > 0);
    CHECK(seen.arms[1].failures < 400);
}

TEST_CASE("a shadow whose challenger hangs is destroyed within its deadline", "[concurrent]")
{
    const auto hold = std::make_shared<gate>();
    const auto begun = std::chrono::steady_clock::now();
    {
        joust::shadow live{
            joust::model{"a", [](const std::string& text) { return static_cast<int>(text.size()); }},
            joust::model{"b", slow_model(hold)}, joust::breaker{},
            joust::background{.queue = 8, .shutdown = 100ms}};
        for (int i = 0; i < 4; ++i) {
            (void)live.serve(std::string("an argument that is long enough to be on the heap"));
        }
        REQUIRE(comes_true([&] { return hold->entered == 1; }));
        CHECK_FALSE(live.drain(10ms));
    }
    CHECK(seconds_since(begun) < 15.0);
    CHECK(hold->destroyed == 0);  // The call that still runs owns its model.
    CHECK(hold->left == 0);
    hold->open = true;
    CHECK(comes_true([&] { return hold->destroyed == 1; }));  // The last owner frees everything.
    CHECK(hold->entered == 1);                                // Waiting calls never ran.
}

TEST_CASE("a shadow waits for challengers that end before its deadline", "[concurrent]")
{
    const auto hold = std::make_shared<gate>();
    std::thread opener;
    {
        joust::shadow live{
            joust::model{"a", [](const std::string& text) { return static_cast<int>(text.size()); }},
            joust::model{"b", slow_model(hold)}, joust::background{.shutdown = 20s}};
        (void)live(std::string("x"));
        REQUIRE(comes_true([&] { return hold->entered == 1; }));
        opener = std::thread([&] {
            std::this_thread::sleep_for(20ms);
            hold->open = true;
        });
    }
    CHECK(hold->left == 1);
    CHECK(hold->destroyed == 1);
    opener.join();
}

TEST_CASE("an executor of the service may run a shadow's errands after the trial is gone", "[concurrent]")
{
    const auto hold = std::make_shared<gate>();
    {
        joust::shadow live{
            joust::model{"a", [](const std::string& text) { return static_cast<int>(text.size()); }},
            joust::model{"b", slow_model(hold)}, detaching{}};
        (void)live.serve(std::string("an argument that is long enough to be on the heap"));
        (void)live(std::string("another argument that is long enough to be on the heap"));
        REQUIRE(comes_true([&] { return hold->entered == 2; }));
    }
    CHECK(hold->destroyed == 0);
    hold->open = true;
    CHECK(comes_true([&] { return hold->destroyed == 1; }));
    CHECK(hold->left == 2);
}

TEMPLATE_TEST_CASE("an interleaving whose ranker hangs is destroyed within its deadline", "[concurrent]",
                   joust::background, detaching)
{
    const auto hold = std::make_shared<gate>();
    const auto begun = std::chrono::steady_clock::now();
    {
        const auto policy = [] {
            if constexpr (std::is_same_v<TestType, joust::background>) {
                return joust::at_once(5ms, joust::background{.shutdown = 100ms}, 100ms);
            } else {
                return joust::at_once(5ms, TestType{}, 100ms);
            }
        }();
        joust::interleaving search{
            joust::model{"a", [](const std::string&) { return std::vector<int>{1, 2, 3}; }},
            joust::model{"b",
                         [hold, state = std::make_shared<weights>(hold, 1'000)](const std::string& words) {
                             hold->pass();
                             return std::vector<int>{state->sum(), static_cast<int>(words.size())};
                         }},
            joust::by([](const std::string& words) { return std::string_view{words}; }), policy};
        const std::string words = "a query that is long enough to be on the heap";
        CHECK(search.rank(words, 3).size() == 3);
        REQUIRE(comes_true([&] { return hold->entered == 1; }));
    }
    CHECK(seconds_since(begun) < 15.0);
    CHECK(hold->destroyed == 0);
    hold->open = true;
    CHECK(comes_true([&] { return hold->destroyed == 1; }));
    CHECK(hold->left == 1);
}

TEST_CASE("deadlines of the shutdown are checked")
{
    CHECK_THROWS_AS((joust::background{.shutdown = -1ns}.start()), joust::configuration_error);
    CHECK_THROWS_AS((joust::interleaving{joust::model{"a", [](int) { return std::vector<int>{1}; }},
                                         joust::model{"b", [](int) { return std::vector<int>{3}; }},
                                         joust::by([](int user) { return user; }), joust::at_once(1s, -1ns)}),
                    joust::configuration_error);
}
