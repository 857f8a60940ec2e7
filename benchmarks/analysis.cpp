// SPDX-License-Identifier: Apache-2.0

// Measures tests of two samples, from raw values to the p-value or the interval. `per_value` is the time per value of both
// samples together, per row for DeLong, and per resampled value for the bootstrap, in seconds.
//
// With --inputs=FOLDER the program only writes the samples there as raw doubles, for the programs in benchmarks/peers.

#include <joust/core/random.hpp>
#include <joust/stats/resampling/bootstrap.hpp>
#include <joust/stats/resampling/permutation.hpp>
#include <joust/stats/resampling/poisson_bootstrap.hpp>
#include <joust/stats/tests/boschloo.hpp>
#include <joust/stats/tests/brunner_munzel.hpp>
#include <joust/stats/tests/delong.hpp>
#include <joust/stats/tests/fisher.hpp>
#include <joust/stats/tests/ks.hpp>
#include <joust/stats/tests/mann_whitney.hpp>
#include <joust/stats/tests/welch.hpp>
#include <joust/stats/tests/wilcoxon.hpp>

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace {

namespace stats = joust::stats;

struct samples {
    std::vector<double> x, y;              // 1e6 normal values each; the means differ by 0.001
    std::vector<double> small_x, small_y;  // the first 1e4 values of x and y
    std::vector<double> labels, a, b;      // 1e5 rows, of which 30 % are positive
    std::vector<std::uint8_t> positive;
};

const samples& inputs()
{
    static const samples all = [] {
        samples made;
        joust::keyed_random draw{2026};
        for (int i = 0; i < 1'000'000; ++i) {
            made.x.push_back(draw.normal());
            made.y.push_back(draw.normal() + 0.001);
        }
        made.small_x.assign(made.x.begin(), made.x.begin() + 10'000);
        made.small_y.assign(made.y.begin(), made.y.begin() + 10'000);
        for (int i = 0; i < 100'000; ++i) {
            const bool positive = draw.chance(0.3);
            const double common = draw.normal() + (positive ? 1.0 : 0.0);
            made.labels.push_back(positive ? 1.0 : 0.0);
            made.positive.push_back(positive ? 1 : 0);
            made.a.push_back(common + draw.normal());
            made.b.push_back(common + draw.normal());
        }
        return made;
    }();
    return all;
}

void per_value(benchmark::State& state, double values)
{
    state.counters["per_value"] = benchmark::Counter(values, benchmark::Counter::kIsIterationInvariantRate |
                                                                 benchmark::Counter::kInvert);
}

// The mean and the variance from plain sums, which lose digits. It is the least work that a test can do.
double bare_moments(const std::vector<double>& values)
{
    constexpr std::size_t lanes = 8;
    double sums[lanes] = {};
    for (std::size_t i = 0; i + lanes <= values.size(); i += lanes) {
        for (std::size_t j = 0; j < lanes; ++j) {
            sums[j] += values[i + j];
        }
    }
    double mean = 0.0;
    for (const double sum : sums) {
        mean += sum / static_cast<double>(values.size());
    }
    double squares[lanes] = {};
    for (std::size_t i = 0; i + lanes <= values.size(); i += lanes) {
        for (std::size_t j = 0; j < lanes; ++j) {
            squares[j] += (values[i + j] - mean) * (values[i + j] - mean);
        }
    }
    double square = 0.0;
    for (const double sum : squares) {
        square += sum;
    }
    return square / static_cast<double>(values.size() - 1);
}

void bare_mean_and_variance(benchmark::State& state)
{
    for (auto _ : state) {
        benchmark::DoNotOptimize(bare_moments(inputs().x));
        benchmark::DoNotOptimize(bare_moments(inputs().y));
    }
    per_value(state, 2e6);
}

void welch(benchmark::State& state)
{
    for (auto _ : state) {
        benchmark::DoNotOptimize(stats::welch_t(inputs().x, inputs().y));
    }
    per_value(state, 2e6);
}

void mann_whitney(benchmark::State& state)
{
    for (auto _ : state) {
        benchmark::DoNotOptimize(stats::mann_whitney_u(inputs().x, inputs().y, {.shift = false}));
    }
    per_value(state, 2e6);
}

void mann_whitney_with_shift(benchmark::State& state)
{
    for (auto _ : state) {
        benchmark::DoNotOptimize(stats::mann_whitney_u(inputs().x, inputs().y));
    }
    per_value(state, 2e6);
}

void brunner_munzel(benchmark::State& state)
{
    for (auto _ : state) {
        benchmark::DoNotOptimize(stats::brunner_munzel(inputs().x, inputs().y));
    }
    per_value(state, 2e6);
}

void wilcoxon(benchmark::State& state)
{
    for (auto _ : state) {
        benchmark::DoNotOptimize(stats::wilcoxon_signed_rank(inputs().x, inputs().y, {.shift = false}));
    }
    per_value(state, 1e6);
}

void kolmogorov_smirnov(benchmark::State& state)
{
    for (auto _ : state) {
        benchmark::DoNotOptimize(stats::ks_two_sample(inputs().x, inputs().y));
    }
    per_value(state, 2e6);
}

void delong(benchmark::State& state)
{
    for (auto _ : state) {
        benchmark::DoNotOptimize(stats::delong(inputs().positive, inputs().a, inputs().b));
    }
    per_value(state, 1e5);
}

void bootstrap(benchmark::State& state)
{
    for (auto _ : state) {
        benchmark::DoNotOptimize(stats::bootstrap(inputs().small_x, inputs().small_y,
                                                  stats::bootstrap_options{.replicates = 10'000}));
    }
    per_value(state, 2e8);
}

void poisson_bootstrap(benchmark::State& state)
{
    for (auto _ : state) {
        stats::poisson_bootstrap stream{{.replicates = 1'000}};
        for (std::size_t i = 0; i < inputs().small_x.size(); ++i) {
            stream.update(i, inputs().small_x[i]);
        }
        benchmark::DoNotOptimize(stream.interval());
    }
    per_value(state, 1e7);
}

void permutation(benchmark::State& state)
{
    for (auto _ : state) {
        benchmark::DoNotOptimize(stats::permutation(inputs().small_x, inputs().small_y, {.resamples = 999}));
    }
    per_value(state, 1e7);
}

void fisher(benchmark::State& state)
{
    for (auto _ : state) {
        benchmark::DoNotOptimize(stats::fisher_exact(1'203, 98'797, 1'311, 98'689));
    }
}

void boschloo(benchmark::State& state)
{
    for (auto _ : state) {
        benchmark::DoNotOptimize(stats::boschloo_exact(0, 50, 5, 45));
    }
}

bool write(const std::string& path, const std::vector<double>& values)
{
    std::ofstream file(path, std::ios::binary);
    for (const double value : values) {
        char bytes[sizeof value];
        std::memcpy(bytes, &value, sizeof value);
        file.write(bytes, sizeof bytes);
    }
    return static_cast<bool>(file.flush());
}

}  // namespace

BENCHMARK(bare_mean_and_variance)->Unit(benchmark::kMillisecond);
BENCHMARK(welch)->Unit(benchmark::kMillisecond);
BENCHMARK(mann_whitney)->Unit(benchmark::kMillisecond);
BENCHMARK(mann_whitney_with_shift)->Unit(benchmark::kMillisecond);
BENCHMARK(brunner_munzel)->Unit(benchmark::kMillisecond);
BENCHMARK(wilcoxon)->Unit(benchmark::kMillisecond);
BENCHMARK(kolmogorov_smirnov)->Unit(benchmark::kMillisecond);
BENCHMARK(delong)->Unit(benchmark::kMillisecond);
BENCHMARK(bootstrap)->Unit(benchmark::kMillisecond);
BENCHMARK(poisson_bootstrap)->Unit(benchmark::kMillisecond);
BENCHMARK(permutation)->Unit(benchmark::kMillisecond);
BENCHMARK(fisher)->Unit(benchmark::kMicrosecond);
BENCHMARK(boschloo)->Unit(benchmark::kMicrosecond);

int main(int argc, char** argv)
{
    for (int i = 1; i < argc; ++i) {
        if (std::strncmp(argv[i], "--inputs=", 9) == 0) {
            const std::string folder = std::string{argv[i] + 9} + "/";
            const samples& all = inputs();
            const bool written = write(folder + "x", all.x) && write(folder + "y", all.y) &&
                                 write(folder + "labels", all.labels) && write(folder + "a", all.a) &&
                                 write(folder + "b", all.b);
            if (!written) {
                std::fprintf(stderr, "cannot write to %s\n", folder.c_str());
            }
            return written ? 0 : 1;
        }
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 1;
    }
    (void)inputs();  // They are made before the clock runs.
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
