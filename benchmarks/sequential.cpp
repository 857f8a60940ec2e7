// SPDX-License-Identifier: Apache-2.0

// Measures always-valid inference per observation, and group-sequential boundaries per look. The evidence is read after every
// observation unless the name says otherwise.

#include <joust/core/random.hpp>
#include <joust/stats/sequential/asymptotic_cs.hpp>
#include <joust/stats/sequential/betting.hpp>
#include <joust/stats/sequential/empirical_bernstein.hpp>
#include <joust/stats/sequential/group_sequential.hpp>
#include <joust/stats/sequential/group_sequential_inference.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>
#include <joust/stats/sequential/poisson_rates.hpp>
#include <joust/stats/sequential/quantile_cs.hpp>
#include <joust/stats/sequential/sequential_srm.hpp>
#include <joust/stats/sequential/t_e_process.hpp>
#include <joust/stats/sequential/two_sample_bernoulli.hpp>

#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

namespace stats = joust::stats;

std::vector<double> uniforms(std::size_t n)
{
    joust::keyed_random random{2026};
    std::vector<double> x(n);
    for (double& each : x) {
        each = random.uniform();
    }
    return x;
}

void count(benchmark::State& state, std::size_t each)
{
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(each));
    state.counters["ns_each"] =
        benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(each) * 1e-9,
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void normal_mixture_log_e(benchmark::State& state)
{
    const auto x = uniforms(1'024);
    std::size_t i = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(stats::normal_mixture_log_e(30.0 * x[i % 1'024], 1e4 * x[i % 1'024], 1e3));
        ++i;
    }
    count(state, 1);
}
BENCHMARK(normal_mixture_log_e);

// Updates a test with every value and reads its evidence after each, and its interval if it has one.
template <class Test, bool Interval>
void stream(benchmark::State& state)
{
    const auto n = static_cast<std::size_t>(state.range(0));
    const auto x = uniforms(n);
    for (auto _ : state) {
        Test test{{.null = 0.5}};
        for (const double each : x) {
            test.update(each);
            if constexpr (Interval) {
                benchmark::DoNotOptimize(test.interval(0.05));
            }
        }
        benchmark::DoNotOptimize(test.max_log_e());
    }
    count(state, n);
}
void t_e_process(benchmark::State& state)
{
    stream<stats::t_e_process, false>(state);
}
void asymptotic(benchmark::State& state)
{
    stream<stats::asymptotic_confidence_sequence, true>(state);
}
void empirical_bernstein(benchmark::State& state)
{
    const auto n = static_cast<std::size_t>(state.range(0));
    const auto x = uniforms(n);
    for (auto _ : state) {
        stats::empirical_bernstein test;
        for (const double each : x) {
            test.update(each);
            benchmark::DoNotOptimize(test.running_interval());
        }
        benchmark::DoNotOptimize(test.max_log_e());
    }
    count(state, n);
}
void betting_capital(benchmark::State& state)
{
    stream<stats::betting_capital, false>(state);
}
void betting_interval_always(benchmark::State& state)
{
    const auto n = static_cast<std::size_t>(state.range(0));
    const auto x = uniforms(n);
    for (auto _ : state) {
        stats::betting test;
        for (const double each : x) {
            test.update(each);
            benchmark::DoNotOptimize(test.running_interval());
        }
    }
    count(state, n);
}
void betting_rare_interval_always(benchmark::State& state)
{
    const auto n = static_cast<std::size_t>(state.range(0));
    auto x = uniforms(n);
    for (double& each : x) {
        each = each < 0.01 ? 1.0 : 0.0;
    }
    for (auto _ : state) {
        stats::betting test;
        for (const double each : x) {
            test.update(each);
            benchmark::DoNotOptimize(test.running_interval());
        }
    }
    count(state, n);
}
void betting_interval_once(benchmark::State& state)
{
    const auto n = static_cast<std::size_t>(state.range(0));
    stats::betting test;
    for (const double each : uniforms(n)) {
        test.update(each);
    }
    for (auto _ : state) {
        benchmark::DoNotOptimize(test.interval(0.05));
    }
    count(state, n);
}
void quantile_e_process(benchmark::State& state)
{
    stream<stats::quantile_e_process, false>(state);
}
BENCHMARK(t_e_process)->Arg(10'000);
BENCHMARK(asymptotic)->Arg(10'000);
BENCHMARK(empirical_bernstein)->Arg(10'000)->Arg(100'000);
BENCHMARK(betting_capital)->Arg(10'000);
BENCHMARK(betting_interval_always)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMillisecond);
BENCHMARK(betting_rare_interval_always)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMillisecond);
BENCHMARK(betting_interval_once)->Arg(10'000)->Unit(benchmark::kMillisecond);
BENCHMARK(quantile_e_process)->Arg(10'000);

void two_sample_bernoulli(benchmark::State& state)
{
    const auto x = uniforms(10'000);
    for (auto _ : state) {
        stats::two_sample_bernoulli test;
        for (std::size_t i = 0; i < x.size(); ++i) {
            test.update((i * 7) % 3 == 0, x[i] < 0.05, 0.3);
        }
        benchmark::DoNotOptimize(test.max_log_e());
    }
    count(state, x.size());
}
BENCHMARK(two_sample_bernoulli);

void two_sample_bernoulli_interval(benchmark::State& state)
{
    stats::two_sample_bernoulli test;
    test.update(120, 2'000, 90, 2'100);
    for (auto _ : state) {
        benchmark::DoNotOptimize(test.interval(0.05));
    }
}
BENCHMARK(two_sample_bernoulli_interval);

void poisson_rates(benchmark::State& state)
{
    const auto x = uniforms(10'000);
    for (auto _ : state) {
        stats::poisson_rates test;
        for (std::size_t i = 0; i < x.size(); ++i) {
            test.update(x[i] < 0.3, i < 3'000 ? 0.1 : 0.3);
        }
        benchmark::DoNotOptimize(test.max_log_e());
    }
    count(state, x.size());
}
BENCHMARK(poisson_rates);

void poisson_rates_interval(benchmark::State& state)
{
    stats::poisson_rates test;
    test.update(12, 700, 0.01);
    test.update(300, 1'000, 0.25);
    test.update(900, 800, 0.5);
    for (auto _ : state) {
        benchmark::DoNotOptimize(test.interval(0.05));
    }
}
BENCHMARK(poisson_rates_interval);

void sequential_srm(benchmark::State& state)
{
    const auto x = uniforms(10'000);
    const std::array<std::uint64_t, 2> weights{9, 1};
    for (auto _ : state) {
        stats::sequential_srm test{weights};
        for (const double each : x) {
            test.update(each < 0.1 ? 1 : 0);
        }
        benchmark::DoNotOptimize(test.max_log_e());
    }
    count(state, x.size());
}
BENCHMARK(sequential_srm);

void group_sequential_bounds(benchmark::State& state)
{
    const auto k = static_cast<std::size_t>(state.range(0));
    std::vector<double> information;
    for (std::size_t i = 1; i <= k; ++i) {
        information.push_back(static_cast<double>(i) / static_cast<double>(k));
    }
    const auto alternative = state.range(1) == 2 ? stats::side::two : stats::side::greater;
    for (auto _ : state) {
        benchmark::DoNotOptimize(stats::group_sequential_bounds(stats::obrien_fleming{}, information,
                                                                {.alternative = alternative}));
    }
    count(state, k);
}
BENCHMARK(group_sequential_bounds)
    ->Args({5, 1})
    ->Args({5, 2})
    ->Args({30, 1})
    ->Args({30, 2})
    ->Unit(benchmark::kMillisecond);

void group_sequential_result(benchmark::State& state)
{
    std::vector<double> information{0.2, 0.4, 0.6, 0.8, 1.0};
    const auto looks = stats::group_sequential_bounds(stats::obrien_fleming{}, information);
    for (auto _ : state) {
        benchmark::DoNotOptimize(stats::group_sequential_result(looks, 2.3));
    }
}
BENCHMARK(group_sequential_result)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
