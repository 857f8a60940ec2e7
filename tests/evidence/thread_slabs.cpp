// SPDX-License-Identifier: Apache-2.0

#include <joust/evidence/thread_slabs.hpp>

#include "catch.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace {

using joust::detail::slab;
using joust::detail::slab_layout;
using joust::detail::thread_slabs;

constexpr slab_layout layout{2, 1};

std::uint64_t total(const thread_slabs& slabs)
{
    std::uint64_t sum = 0;
    slabs.for_each([&](const slab& each) {
        for (std::size_t b = 0; b < 4; ++b) {
            sum += each.read(0, 0, true, b).count;
        }
    });
    return sum;
}

std::size_t own_slabs(const thread_slabs& slabs)
{
    std::size_t own = 0;
    slabs.for_each([&](const slab& each) { own += each.shared() ? 0U : 1U; });
    return own;
}

// Threads that all hold their slab until every one of them has it.
template <class Work>
void together(unsigned threads, Work work)
{
    std::atomic<unsigned> ready{0};
    std::vector<std::thread> running;
    for (unsigned thread = 0; thread < threads; ++thread) {
        running.emplace_back([&, thread] {
            work(thread);
            ++ready;
            while (ready < threads) {
                std::this_thread::yield();
            }
        });
    }
    for (std::thread& thread : running) {
        thread.join();
    }
}

}  // namespace

TEST_CASE("a thread keeps its slab, and the shared one is visited last")
{
    thread_slabs slabs{layout};
    slab& thread_slab = slabs.of_this_thread();
    CHECK(&slabs.of_this_thread() == &thread_slab);
    CHECK_FALSE(thread_slab.shared());
    std::vector<const slab*> visited;
    slabs.for_each([&](const slab& each) { visited.push_back(&each); });
    REQUIRE(visited.size() == 2);
    CHECK(visited[0] == &thread_slab);
    CHECK(visited[1]->shared());
}

TEST_CASE("trials do not share slabs, and one that takes over a dead trial's number begins empty")
{
    auto first = std::make_unique<thread_slabs>(layout);
    thread_slabs second{layout};
    first->of_this_thread().add(0, 0, true, 0, 1.0, 1.0);
    CHECK(total(*first) == 1);
    CHECK(total(second) == 0);
    CHECK(&first->of_this_thread() != &second.of_this_thread());
    for (int round = 0; round < 20; ++round) {
        first.reset();
        first = std::make_unique<thread_slabs>(layout);
        CHECK(total(*first) == 0);
        first->of_this_thread().add(0, 0, true, 0, 1.0, 1.0);
        CHECK(total(*first) == 1);
    }
    CHECK(total(second) == 0);
}

TEST_CASE("a thread finds its slabs of many trials")
{
    std::vector<std::unique_ptr<thread_slabs>> trials;
    for (std::uint32_t t = 0; t < 40; ++t) {
        trials.push_back(std::make_unique<thread_slabs>(layout));
        for (std::uint32_t i = 0; i <= t; ++i) {
            trials.back()->of_this_thread().add(0, 0, true, 0, 1.0, 1.0);
        }
    }
    for (std::uint32_t t = 0; t < 40; ++t) {
        CHECK(total(*trials[t]) == t + 1);
        CHECK(trials[t]->of_this_thread().read(0, 0, true, 0).count == t + 1);
    }
}

TEST_CASE("every thread writes its own slab, and after the threads' end every count is there", "[concurrent]")
{
    constexpr unsigned threads = 6;
    constexpr std::uint32_t adds = 5'000;
    thread_slabs slabs{layout};
    std::vector<const slab*> used(threads);
    together(threads, [&](unsigned thread) {
        used[thread] = &slabs.of_this_thread();
        for (std::uint32_t i = 0; i < adds; ++i) {
            slabs.of_this_thread().add(0, 0, true, i % 4, 0.5, 0.25);
        }
    });
    CHECK(std::set<const slab*>(used.begin(), used.end()).size() == threads);
    CHECK(own_slabs(slabs) == threads);
    CHECK(total(slabs) == threads * adds);
    slabs.for_each(
        [&](const slab& each) { CHECK(each.read(0, 0, true, 3).count == (each.shared() ? 0U : adds / 4)); });
}

TEST_CASE("slabs of threads that ended serve later ones, with what they hold", "[concurrent]")
{
    thread_slabs slabs{layout};
    for (unsigned round = 0; round < 8; ++round) {
        together(3, [&](unsigned) { slabs.of_this_thread().add(0, 0, true, 1, 1.0, 1.0); });
        CHECK(own_slabs(slabs) == 3);
        CHECK(total(slabs) == 3 * (round + 1));
    }
    for (int i = 0; i < 10; ++i) {
        std::thread{[&] { slabs.of_this_thread().add(0, 0, true, 2, 1.0, 1.0); }}.join();
    }
    CHECK(own_slabs(slabs) == 3);
    CHECK(total(slabs) == 34);
}

TEST_CASE("threads beyond max_slabs share one, get their own when one becomes free, and lose nothing",
          "[concurrent]")
{
    constexpr std::uint32_t adds = 3'000;
    thread_slabs slabs{layout, 2};
    std::atomic<unsigned> sharing{0};
    together(5, [&](unsigned) {
        sharing += slabs.of_this_thread().shared() ? 1U : 0U;
        for (std::uint32_t i = 0; i < adds; ++i) {
            slabs.of_this_thread().add(0, 0, true, i % 4, 1.0, 1.0);
        }
    });
    CHECK(sharing == 3);
    CHECK(own_slabs(slabs) == 2);
    CHECK(total(slabs) == 5 * adds);
    CHECK_FALSE(slabs.of_this_thread().shared());

    thread_slabs none{layout, 0};
    CHECK(none.of_this_thread().shared());
    none.of_this_thread().add(0, 0, true, 0, 1.0, 1.0);
    CHECK(total(none) == 1);
}

TEST_CASE("no two slabs of a trial count calls from the same place", "[concurrent]")
{
    constexpr unsigned threads = 16;
    thread_slabs slabs{layout, threads - 1};
    std::vector<std::uint32_t> first(threads);
    together(threads, [&](unsigned thread) { first[thread] = slabs.of_this_thread().next_call(); });
    CHECK(std::set<std::uint32_t>(first.begin(), first.end()).size() == threads);
}

TEST_CASE("a trial may end before threads that served it, and threads before their trial", "[concurrent]")
{
    std::atomic<int> step{0};
    const auto wait_for = [&](int s) {
        while (step < s) {
            std::this_thread::yield();
        }
    };
    auto trial = std::make_unique<thread_slabs>(layout);
    std::thread served{[&] {
        trial->of_this_thread().add(0, 0, true, 0, 1.0, 1.0);
        step = 1;
        wait_for(2);
        // The old trial is gone; a new one has its number, and this thread's memory of the old slab must not count.
        trial->of_this_thread().add(0, 0, true, 0, 1.0, 1.0);
        step = 3;
        wait_for(4);
    }};
    wait_for(1);
    CHECK(total(*trial) == 1);
    trial.reset();
    trial = std::make_unique<thread_slabs>(layout);
    step = 2;
    wait_for(3);
    CHECK(total(*trial) == 1);
    trial.reset();
    step = 4;
    served.join();

    thread_slabs later{layout};
    std::thread{[&] { later.of_this_thread().add(0, 0, true, 0, 1.0, 1.0); }}.join();
    CHECK(total(later) == 1);
}

TEST_CASE("objects that die with a thread after its slabs still count, in the shared slab", "[concurrent]")
{
    struct last_words {
        thread_slabs* slabs = nullptr;
        bool* was_shared = nullptr;
        ~last_words()
        {
            if (slabs != nullptr) {
                *was_shared = slabs->of_this_thread().shared();
                slabs->of_this_thread().add(0, 0, true, 0, 1.0, 1.0);
            }
        }
    };
    thread_slabs slabs{layout};
    bool was_shared = false;
    std::thread{[&] {
        // Made before the thread's first slab, so destroyed after the slabs were given back.
        thread_local last_words words;
        words.slabs = &slabs;
        words.was_shared = &was_shared;
        slabs.of_this_thread().add(0, 0, true, 0, 1.0, 1.0);
    }}.join();
    CHECK(was_shared);
    CHECK(total(slabs) == 2);
    CHECK(own_slabs(slabs) == 1);
}

TEST_CASE("a reader sees sums that only grow, and rows whole, while threads come, write and go",
          "[concurrent]")
{
    constexpr std::uint32_t adds = 4'000;
    constexpr unsigned rounds = 5;
    constexpr unsigned threads = 3;
    thread_slabs slabs{layout};
    std::atomic<bool> done{false};
    std::thread parent{[&] {
        for (unsigned round = 0; round < rounds; ++round) {
            together(threads, [&](unsigned) {
                for (std::uint32_t i = 0; i < adds; ++i) {
                    slabs.of_this_thread().add(0, 0, true, i % 4, 0.5, 2.0);
                }
            });
        }
        done = true;
    }};
    std::uint64_t wrong = 0;
    std::uint64_t before = 0;
    while (!done) {
        std::uint64_t now = 0;
        slabs.for_each([&](const slab& each) {
            for (std::size_t b = 0; b < 4; ++b) {
                const auto row = each.read(0, 0, true, b);
                const auto count = static_cast<double>(row.count);
                wrong += row.first != 0.5 * count || row.second != 2.0 * count ? 1U : 0U;
                now += row.count;
            }
        });
        wrong += now < before ? 1U : 0U;
        before = now;
        std::this_thread::yield();
    }
    parent.join();
    CHECK(wrong == 0);
    CHECK(total(slabs) == rounds * threads * adds);
}
