// SPDX-License-Identifier: Apache-2.0

// Measures what a shadow costs its caller: the parts first, then the whole trial. One other core has to be idle.

#include <joust/core/executor.hpp>
#include <joust/shadow/comparator.hpp>
#include <joust/shadow/pending.hpp>
#include <joust/shadow/sampler.hpp>
#include <joust/trial/shadow.hpp>

#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>

namespace {

// A small request, the answer of the champion and two further words.
struct payload {
    std::array<std::uint64_t, 8> words{};
    void operator()() const noexcept
    {
        std::uint64_t last = words[7];
        benchmark::DoNotOptimize(last);
    }
};

// Tasks are accepted in batches that fit the queue, while the worker takes them. Waiting for the worker is not timed.
void accepted(benchmark::State& state)
{
    auto running = joust::background{.queue = 65'536}.start();
    constexpr int batch = 32'768;
    payload work{};
    for (auto _ : state) {
        const auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < batch; ++i) {
            work.words[7] = static_cast<std::uint64_t>(i);
            benchmark::DoNotOptimize(running.dispatch(work));
        }
        state.SetIterationTime(
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / batch);
        running.drain();
    }
    state.counters["refused"] = static_cast<double>(running.refused());
}
BENCHMARK(accepted)->UseManualTime()->Iterations(200);

// Tasks are accepted while the worker is busy with one long task, so that only the cost of the producer is measured.
void accepted_while_busy(benchmark::State& state)
{
    constexpr int batch = 1'000;
    payload work{};
    for (auto _ : state) {
        auto running = joust::background{.queue = 1'024}.start();
        std::atomic<int> step{0};
        (void)running.dispatch([&step] {
            step = 1;
            while (step != 2) {
                std::this_thread::sleep_for(std::chrono::microseconds{100});
            }
        });
        while (step != 1) {
            std::this_thread::yield();
        }
        const auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < batch; ++i) {
            benchmark::DoNotOptimize(running.dispatch(work));
        }
        state.SetIterationTime(
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / batch);
        step = 2;
        running.drain();
    }
}
BENCHMARK(accepted_while_busy)->UseManualTime()->Iterations(300);

struct full_queue {
    joust::background_queue running = joust::background{.queue = 64}.start();
    std::atomic<bool> open{false};

    full_queue()
    {
        const auto hold = [this] {
            while (!open) {
                std::this_thread::sleep_for(std::chrono::milliseconds{1});
            }
        };
        while (running.dispatch(hold)) {}
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
        while (running.dispatch(hold)) {}
    }
    ~full_queue()
    {
        open = true;
        running.drain();
    }
};

void refused(benchmark::State& state)
{
    full_queue queue;
    payload work{};
    for (auto _ : state) {
        benchmark::DoNotOptimize(queue.running.dispatch(work));
    }
}
BENCHMARK(refused);

void refused_by_asking_first(benchmark::State& state)
{
    full_queue queue;
    for (auto _ : state) {
        benchmark::DoNotOptimize(queue.running.full());
    }
}
BENCHMARK(refused_by_asking_first);

// The system call of a dispatch when the worker sleeps, which by default happens at most once in two seconds.
void waking_a_sleeping_worker(benchmark::State& state)
{
    auto running = joust::background{.queue = 64, .awake = std::chrono::nanoseconds{0}}.start();
    payload work{};
    for (auto _ : state) {
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
        const auto start = std::chrono::steady_clock::now();
        benchmark::DoNotOptimize(running.dispatch(work));
        state.SetIterationTime(
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
}
BENCHMARK(waking_a_sleeping_worker)->UseManualTime()->Iterations(50);

void sampling(benchmark::State& state)
{
    const joust::sampled some{.rate = 0.1};
    std::uint64_t unit = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(some.sample(++unit));
    }
}
BENCHMARK(sampling);

void remembering_and_settling(benchmark::State& state)
{
    joust::pending_results<std::pair<float, float>, bool> waiting{65'536};
    std::uint64_t key = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(waiting.remember(++key, {0.5F, 0.25F}));
        benchmark::DoNotOptimize(waiting.take(key));
    }
}
BENCHMARK(remembering_and_settling);

void comparing_256_floats(benchmark::State& state)
{
    std::array<float, 256> left{};
    std::array<float, 256> right{};
    const joust::tolerance near{.absolute = 1e-4};
    for (auto _ : state) {
        right[static_cast<std::size_t>(state.iterations()) % 256] = 1e-5F;
        benchmark::DoNotOptimize(near.compare(left, right));
    }
}
BENCHMARK(comparing_256_floats);

// The whole trial: requests of 48 bytes with an integer as unit, and models that do one multiplication.

struct request {
    std::uint64_t user = 0;
    std::array<float, 10> features{};
};

float champion(const request& r)
{
    return r.features[0] * 2.0F;
}
float challenger(const request& r)
{
    return r.features[0] * 2.5F;
}

void bare_model(benchmark::State& state)
{
    request r{1, {0.5F}};
    for (auto _ : state) {
        ++r.user;
        benchmark::DoNotOptimize(champion(r));
    }
}
BENCHMARK(bare_model);

void two_clock_reads(benchmark::State& state)
{
    const joust::steady_time clock{};
    for (auto _ : state) {
        benchmark::DoNotOptimize(clock.now());
        benchmark::DoNotOptimize(clock.now());
    }
}
BENCHMARK(two_clock_reads);

void trial_not_sampled(benchmark::State& state)
{
    joust::shadow live{joust::model{"a", champion}, joust::model{"b", challenger}, joust::by(&request::user),
                       joust::sampled{.rate = 0.0}};
    request r{1, {0.5F}};
    for (auto _ : state) {
        ++r.user;
        benchmark::DoNotOptimize(live(r));
    }
}
BENCHMARK(trial_not_sampled);

template <bool Serve>
void trial_accepted(benchmark::State& state)
{
    joust::shadow live{joust::model{"a", champion}, joust::model{"b", challenger}, joust::by(&request::user),
                       joust::background{.queue = 65'536}};
    constexpr int batch = 8'192;
    request r{1, {0.5F}};
    for (auto _ : state) {
        const auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < batch; ++i) {
            ++r.user;
            if constexpr (Serve) {
                benchmark::DoNotOptimize(live.serve(r));
            } else {
                benchmark::DoNotOptimize(live(r));
            }
        }
        state.SetIterationTime(
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / batch);
        live.drain();
    }
}
BENCHMARK(trial_accepted<false>)->UseManualTime()->Iterations(200);
BENCHMARK(trial_accepted<true>)->UseManualTime()->Iterations(200);

void trial_dropped(benchmark::State& state)
{
    std::atomic<bool> open{false};
    joust::shadow live{joust::model{"a", champion},
                       joust::model{"b",
                                    [&](const request& r) {
                                        while (!open) {
                                            std::this_thread::sleep_for(std::chrono::milliseconds{1});
                                        }
                                        return challenger(r);
                                    }},
                       joust::by(&request::user), joust::background{.queue = 16}};
    request r{1, {0.5F}};
    for (int i = 0; i < 100; ++i) {
        (void)live(r);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
    for (int i = 0; i < 100; ++i) {
        (void)live(r);
    }
    for (auto _ : state) {
        ++r.user;
        benchmark::DoNotOptimize(live(r));
    }
    open = true;
}
BENCHMARK(trial_dropped);

void truth_for_a_kept_prediction(benchmark::State& state)
{
    joust::shadow live{joust::model{"a", champion}, joust::model{"b", challenger}, joust::by(&request::user),
                       joust::inline_run{}};
    request r{1, {0.5F}};
    for (auto _ : state) {
        ++r.user;
        const joust::ticket receipt = live.serve(r).ticket;
        const auto start = std::chrono::steady_clock::now();
        benchmark::DoNotOptimize(live.truth(receipt, 1.0F));
        state.SetIterationTime(
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
}
BENCHMARK(truth_for_a_kept_prediction)->UseManualTime()->Iterations(100'000);

}  // namespace
