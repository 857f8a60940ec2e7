// SPDX-License-Identifier: Apache-2.0

#include <joust/shadow/user_executor.hpp>
#include <joust/trial/shadow.hpp>

#include "catch.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <utility>

using namespace joust;

namespace {

// A pool as services have one: tasks are std::function, and one thread runs them.
class small_pool {
public:
    small_pool() : thread_([this](const std::stop_token& stop) { run(stop); }) {}
    void post(std::function<void()> task)
    {
        const std::scoped_lock lock{mutex_};
        tasks_.push_back(std::move(task));
    }

private:
    void run(const std::stop_token& stop)
    {
        while (!stop.stop_requested()) {
            std::function<void()> next;
            {
                const std::scoped_lock lock{mutex_};
                if (!tasks_.empty()) {
                    next = std::move(tasks_.front());
                    tasks_.pop_front();
                }
            }
            next ? next() : std::this_thread::yield();
        }
    }

    std::mutex mutex_;
    std::deque<std::function<void()>> tasks_;
    std::jthread thread_;
};

std::size_t length(const std::string& text)
{
    return text.size();
}

template <class Post>
auto shadow_on(Post post)
{
    return shadow{model{"a", length}, model{"b", length}, salt{"pool"}, user_executor(std::move(post))};
}

}  // namespace

TEST_CASE("Challengers run on a pool of the service, and drain waits for them")
{
    small_pool pool;
    auto trial = shadow_on([&](auto task) { pool.post(std::move(task)); });
    for (int i = 0; i < 500; ++i) {
        CHECK(trial(std::string(static_cast<std::size_t>(i), 'x')) == static_cast<std::size_t>(i));
    }
    trial.drain();
    CHECK(trial.evidence().pairs[0].compared.total_sum() == 500.0);
    CHECK(trial.drain(std::chrono::seconds{1}));
}

TEST_CASE(
    "What a pool refuses is counted as dropped, also where it throws, and tasks that it throws away end")
{
    int asked = 0;
    auto picky = shadow_on([&](auto task) {
        ++asked;
        if (asked % 3 == 0) {
            throw std::bad_alloc{};
        }
        if (asked % 3 == 1) {
            task();
        }
        return asked % 3 == 1;
    });
    for (int i = 0; i < 300; ++i) {
        static_cast<void>(picky(std::string{"text"}));
    }
    CHECK(picky.evidence().pairs[0].queued.total() == 100.0);
    CHECK(picky.evidence().pairs[0].dropped.total() == 200.0);
    picky.drain();

    std::deque<std::function<void()>> waiting;
    auto forgetful = shadow_on([&](auto task) { waiting.emplace_back(std::move(task)); });
    static_cast<void>(forgetful(std::string{"text"}));
    CHECK_FALSE(forgetful.drain(std::chrono::milliseconds{1}));
    waiting.clear();
    CHECK(forgetful.drain(std::chrono::milliseconds{1}));
}

TEST_CASE("A task that a pool runs after the trial is gone does no harm")
{
    std::deque<std::function<void()>> waiting;
    {
        auto trial = shadow_on([&](auto task) { waiting.emplace_back(std::move(task)); });
        static_cast<void>(trial(std::string(1'000, 'x')));
    }
    REQUIRE(waiting.size() == 1);
    waiting.front()();
}

TEST_CASE("What waits in a pool beyond the limit is dropped and counted")
{
    std::deque<std::function<void()>> pool;
    const auto run_all = [&pool] {
        for (; !pool.empty(); pool.pop_front()) {
            pool.front()();
        }
    };
    {
        shadow live{
            model{"a", [](int x) { return x; }}, model{"b", [](int x) { return x; }},
            user_executor([&pool](std::function<void()> task) { pool.push_back(std::move(task)); }, 8)};
        for (int i = 0; i < 20; ++i) {
            CHECK(live(i) == i);
        }
        shadow_evidence seen = live.evidence();
        CHECK(pool.size() == 8);
        CHECK(seen.pairs[0].queued.total() == 8.0);
        CHECK(seen.pairs[0].dropped.total() == 12.0);
        CHECK_FALSE(live.drain(std::chrono::milliseconds{1}));
        run_all();
        CHECK(live.drain(std::chrono::milliseconds{1}));
        seen = live.evidence();
        CHECK(seen.pairs[0].compared.total() == 8.0);
        CHECK_THROWS_AS(user_executor([](const std::function<void()>&) {}, 0), configuration_error);
        CHECK(live(1) == 1);
    }
    run_all();  // A task that outlives the trial is safe.
}
