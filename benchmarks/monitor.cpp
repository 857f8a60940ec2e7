// SPDX-License-Identifier: Apache-2.0

// Measures what a monitor costs on the serving path and off it, beside a call of a model. `per_value` is the time per numeric feature, short text, value or row, in
// seconds; `judge` is the time of a block of 1,000 rows for 100 features of 64 bins.

#include <joust/core/random.hpp>
#include <joust/monitor/arm_watch.hpp>
#include <joust/monitor/association.hpp>
#include <joust/monitor/bins.hpp>
#include <joust/monitor/block_alarm.hpp>
#include <joust/monitor/monitor.hpp>
#include <joust/monitor/sample_drift.hpp>
#include <joust/quality/auc.hpp>

#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using counts = std::vector<std::uint64_t>;

struct request {
    std::array<double, 4> x{};
    std::string country{};
};

const std::vector<double>& normal_values()
{
    static const std::vector<double> made = [] {
        joust::keyed_random random{1};
        std::vector<double> values(1'000'000);
        for (double& x : values) {
            x = random.normal();
        }
        return values;
    }();
    return made;
}

std::vector<request> requests()
{
    constexpr const char* countries[] = {"de", "fr", "it", "es", "se"};
    joust::keyed_random random{2};
    std::vector<request> rows(4096);
    for (request& row : rows) {
        for (double& x : row.x) {
            x = random.normal();
        }
        row.country = countries[random.below(5)];
    }
    return rows;
}

void per_value(benchmark::State& state, double values)
{
    state.counters["per_value"] =
        benchmark::Counter(static_cast<double>(state.iterations()) * values,
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

double predict(const request& row)
{
    return 0.3 * row.x[0] - 0.2 * row.x[1] + 0.1 * row.x[2] * row.x[3];
}

void model_alone(benchmark::State& state)
{
    const std::vector<request> rows = requests();
    std::size_t i = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(predict(rows[i++ % rows.size()]));
    }
    per_value(state, 1.0);
}
BENCHMARK(model_alone);

template <std::size_t I>
double component(const request& row)
{
    return row.x[I];
}

void see_four_numbers(benchmark::State& state)
{
    const std::vector<request> rows = requests();
    const auto bins =
        joust::numeric_bins::quantiles(normal_values(), static_cast<std::size_t>(state.range(0)));
    joust::monitor watch{joust::feature<"a">(component<0>, bins), joust::feature<"b">(component<1>, bins),
                         joust::feature<"c">(component<2>, bins), joust::feature<"d">(component<3>, bins)};
    auto block = watch.make_block();
    std::size_t i = 0;
    for (auto _ : state) {
        const request& row = rows[i++ % rows.size()];
        benchmark::DoNotOptimize(predict(row));
        block.see(row);
        benchmark::ClobberMemory();
    }
    per_value(state, 4.0);
}
BENCHMARK(see_four_numbers)->Arg(10)->Arg(64);

void see_a_text(benchmark::State& state)
{
    const std::vector<request> rows = requests();
    joust::monitor watch{
        joust::feature<"country">(&request::country, joust::categories{"de", "fr", "it", "es"})};
    auto block = watch.make_block();
    std::size_t i = 0;
    for (auto _ : state) {
        const request& row = rows[i++ % rows.size()];
        benchmark::DoNotOptimize(predict(row));
        block.see(row);
        benchmark::ClobberMemory();
    }
    per_value(state, 1.0);
}
BENCHMARK(see_a_text);

void see_by_arm(benchmark::State& state)
{
    const std::vector<request> rows = requests();
    const auto bins = joust::numeric_bins::quantiles(normal_values(), 10);
    joust::arm_watch watch{2, joust::feature<"a">(component<0>, bins),
                           joust::feature<"b">(component<1>, bins), joust::feature<"c">(component<2>, bins),
                           joust::feature<"d">(component<3>, bins)};
    std::size_t i = 0;
    for (auto _ : state) {
        watch.see(static_cast<unsigned>(i % 2), rows[i % rows.size()]);
        ++i;
    }
    per_value(state, 4.0);
}
BENCHMARK(see_by_arm);

void judge(benchmark::State& state)
{
    const auto bins = joust::numeric_bins::quantiles(normal_values(), 64);
    counts learned(bins.cells());
    for (const double x : normal_values()) {
        ++learned[bins.cell(x)];
    }
    std::vector<joust::block_alarm> alarms;
    for (std::uint64_t i = 0; i < 100; ++i) {
        alarms.emplace_back(learned, bins.missing(), joust::false_alarms::every(1e9), 1, i);
    }
    std::vector<counts> blocks(128, counts(bins.cells()));
    joust::keyed_random random{3};
    for (counts& block : blocks) {
        for (int i = 0; i < 1000; ++i) {
            ++block[bins.cell(random.normal())];
        }
    }
    std::size_t next = 0;
    for (auto _ : state) {
        for (joust::block_alarm& alarm : alarms) {
            alarm.update(blocks[next++ % blocks.size()]);
        }
    }
    per_value(state, 100'000.0);
}
BENCHMARK(judge)->Unit(benchmark::kMillisecond);

void ks_of_values(benchmark::State& state)
{
    std::vector<double> shifted = normal_values();
    for (double& x : shifted) {
        x += 0.01;
    }
    for (auto _ : state) {
        benchmark::DoNotOptimize(joust::drift::ks(normal_values(), shifted).value);
    }
    per_value(state, 2e6);
}
BENCHMARK(ks_of_values)->Unit(benchmark::kMillisecond);

void ks_of_bins(benchmark::State& state)
{
    const auto bins = joust::numeric_bins::quantiles(normal_values(), 10);
    for (auto _ : state) {
        counts first(bins.cells());
        counts second(bins.cells());
        for (const double x : normal_values()) {
            ++first[bins.cell(x)];
            ++second[bins.cell(x + 0.01)];
        }
        benchmark::DoNotOptimize(joust::drift::ks_binned(first, second));
    }
    per_value(state, 2e6);
}
BENCHMARK(ks_of_bins)->Unit(benchmark::kMillisecond);

void streaming_auc(benchmark::State& state)
{
    joust::keyed_random random{4};
    std::vector<double> scores(1'000'000);
    std::vector<std::uint8_t> labels(scores.size());
    for (std::size_t i = 0; i < scores.size(); ++i) {
        scores[i] = random.uniform();
        labels[i] = random.chance(scores[i]) ? 1 : 0;
    }
    double uncertainty = 0.0;
    for (auto _ : state) {
        joust::quality::binned_auc bins;
        for (std::size_t i = 0; i < scores.size(); ++i) {
            bins.add(labels[i], scores[i]);
        }
        benchmark::DoNotOptimize(bins.result().value);
        uncertainty = bins.uncertainty();
    }
    per_value(state, 1e6);
    state.counters["largest_error"] = uncertainty;
}
BENCHMARK(streaming_auc)->Unit(benchmark::kMillisecond);

}  // namespace
