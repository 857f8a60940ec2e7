#include "catch.hpp"

#include <joust/trial/shadow.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>

// Counts what the calling thread allocates: the caller's path of a shadow must not allocate once a thread has called.

namespace {

thread_local std::uint64_t allocations = 0;

void* counted(std::size_t size, std::size_t alignment)
{
    ++allocations;
    void* memory = alignment > alignof(std::max_align_t)
                       ? std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment)
                       : std::malloc(size == 0 ? 1 : size);
    if (memory == nullptr) {
        throw std::bad_alloc{};
    }
    return memory;
}

struct request {
    std::uint64_t user = 0;
    float features[10]{};
};

float score(const request& r)
{
    return r.features[0];
}

}  // namespace

void* operator new(std::size_t size) { return counted(size, 0); }
void* operator new(std::size_t size, std::align_val_t alignment) { return counted(size, static_cast<std::size_t>(alignment)); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

TEST_CASE("The counter of this file counts")
{
    const std::uint64_t before = allocations;
    const std::string text(100, 'x');
    CHECK(allocations == before + 1);
    CHECK(text.size() == 100);
}

TEST_CASE("Dispatching a task that fits allocates nothing; a larger one costs one allocation")
{
    auto running = joust::background{.queue = 1'024}.start();
    struct task {
        char bytes[240];
        void operator()() const noexcept {}
    };
    struct large {
        char bytes[241];
        void operator()() const noexcept {}
    };
    const std::uint64_t before = allocations;
    for (int i = 0; i < 100; ++i) {
        (void)running.dispatch(task{});
    }
    const std::uint64_t fitting = allocations - before;
    for (int i = 0; i < 100; ++i) {
        (void)running.dispatch(large{});
    }
    const std::uint64_t larger = allocations - before - fitting;
    running.drain();
    CHECK(fitting == 0);
    CHECK(larger == 100);
    CHECK(running.refused() == 0);
}

TEST_CASE("A shadow's caller allocates nothing after a thread's first call, sampled or not, dropped or not")
{
    joust::shadow live{joust::model{"a", score}, joust::model{"b", score}, joust::by(&request::user),
                       joust::sampled{.rate = 0.5}, joust::background{.queue = 64}, joust::breaker{}};
    (void)live.serve(request{});
    const std::uint64_t before = allocations;
    float sum = 0.0F;
    for (std::uint64_t i = 0; i < 2'000; ++i) {
        sum += live(request{i, {1.0F}});
        sum += live.serve(request{i, {1.0F}}).prediction;
    }
    const std::uint64_t during = allocations - before;
    live.drain();
    CHECK(during == 0);
    CHECK(sum == 4'000.0F);
    const joust::report seen = live.report();
    CHECK(seen.arms[0].requests == 4'001);
    CHECK(seen.arms[1].requests > 0);
}
