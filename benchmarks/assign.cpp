// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/ticket/signed_ticket.hpp>
#include <joust/ticket/ticket.hpp>

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

// Compares assignment with the bare hash of the same unit, and measures tickets.
namespace {

// More units than a branch predictor can remember, and few enough for the first cache.
constexpr std::size_t units = 1024;

std::vector<std::string> text_units(std::size_t length)
{
    joust::keyed_random random{7};
    std::vector<std::string> keys(units);
    for (std::string& key : keys) {
        while (key.size() < length) {
            key += static_cast<char>('a' + random.below(26));
        }
    }
    return keys;
}

std::vector<std::uint64_t> number_units(std::uint64_t below)
{
    joust::keyed_random random{8};
    std::vector<std::uint64_t> keys(units);
    for (std::uint64_t& key : keys) {
        key = random.below(below);
    }
    return keys;
}

joust::hash_split split_of(std::size_t arms)
{
    joust::hash_split split{.salt = "score-2026-11", .shares = {0.9, 0.1}};
    if (arms != 2) {
        split.shares = {};
    }
    return split;
}

void bare_hash(benchmark::State& state)
{
    const auto keys = text_units(static_cast<std::size_t>(state.range(0)));
    std::size_t i = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(joust::xxh64(keys[i++ % units]));
    }
}
BENCHMARK(bare_hash)->Arg(8)->Arg(16)->Arg(36);

template <class Keys>
void assign_all(benchmark::State& state, const Keys& keys, std::size_t arms)
{
    const joust::hash_split split = split_of(arms);
    const joust::hash_plan plan = split.resolve(arms);
    const int args = 0;
    std::size_t i = 0;
    for (auto _ : state) {
        const joust::context<int> call{split.salt.hasher()(keys[i++ % units]), 0, args};
        const joust::assignment given = plan.assign(call);
        benchmark::DoNotOptimize(given.arm);
        benchmark::DoNotOptimize(given.propensity);
    }
}

void assign_text(benchmark::State& state)
{
    assign_all(state, text_units(static_cast<std::size_t>(state.range(0))),
               static_cast<std::size_t>(state.range(1)));
}
BENCHMARK(assign_text)->Args({8, 2})->Args({16, 2})->Args({36, 2})->Args({16, 4})->Args({16, 16});

void assign_number(benchmark::State& state)
{
    assign_all(state, number_units(static_cast<std::uint64_t>(state.range(0))), 2);
}
BENCHMARK(assign_number)->Arg(1'000'000)->Arg(100'000'000)->Arg(10'000'000'000);

void assign_uuid(benchmark::State& state)
{
    joust::keyed_random random{9};
    std::vector<joust::uuid> keys(units);
    for (joust::uuid& key : keys) {
        key = {random.next(), random.next()};
    }
    assign_all(state, keys, 2);
}
BENCHMARK(assign_uuid);

void ticket_make(benchmark::State& state)
{
    std::uint64_t unit = 1;
    for (auto _ : state) {
        auto made = joust::ticket::exposure({.unit = unit++,
                                             .trial = 7,
                                             .seconds = 1'700'000'000,
                                             .propensity = 0.5F,
                                             .arm = 1,
                                             .plan = 3,
                                             .nonce = 9});
        benchmark::DoNotOptimize(made);
    }
}
BENCHMARK(ticket_make);

void ticket_check(benchmark::State& state)
{
    auto made = joust::ticket::exposure({.unit = 5, .trial = 7, .seconds = 1, .propensity = 0.5F, .arm = 1});
    for (auto _ : state) {
        benchmark::DoNotOptimize(made);
        benchmark::DoNotOptimize(made.valid());
    }
}
BENCHMARK(ticket_check);

void ticket_to_string(benchmark::State& state)
{
    auto made = joust::ticket::exposure({.unit = 5, .trial = 7, .seconds = 1, .propensity = 0.5F, .arm = 1});
    for (auto _ : state) {
        benchmark::DoNotOptimize(made);
        benchmark::DoNotOptimize(made.to_string());
    }
}
BENCHMARK(ticket_to_string);

void ticket_parse(benchmark::State& state)
{
    std::string text =
        joust::ticket::exposure({.unit = 5, .trial = 7, .seconds = 1, .propensity = 0.5F, .arm = 1})
            .to_string();
    joust::ticket read;
    for (auto _ : state) {
        benchmark::DoNotOptimize(text.data());
        benchmark::ClobberMemory();
        benchmark::DoNotOptimize(joust::ticket::parse(text, read));
        benchmark::DoNotOptimize(read);
    }
}
BENCHMARK(ticket_parse);

// The same for signed tickets, to be compared with ticket_make and ticket_check.
void ticket_make_signed(benchmark::State& state)
{
    const joust::key_ring ring{joust::sip_key{1, 2}};
    std::uint64_t unit = 1;
    for (auto _ : state) {
        auto made = ring.seal(joust::ticket::exposure({.unit = unit++,
                                                       .trial = 7,
                                                       .seconds = 1'700'000'000,
                                                       .propensity = 0.5F,
                                                       .arm = 1,
                                                       .plan = 3,
                                                       .nonce = 9}));
        benchmark::DoNotOptimize(made);
    }
}
BENCHMARK(ticket_make_signed);

void ticket_check_signed(benchmark::State& state)
{
    const joust::key_ring ring{joust::sip_key{1, 2}};
    auto made = ring.seal(
        joust::ticket::exposure({.unit = 5, .trial = 7, .seconds = 1, .propensity = 0.5F, .arm = 1}));
    joust::ticket read;
    for (auto _ : state) {
        benchmark::DoNotOptimize(made);
        benchmark::DoNotOptimize(ring.open(made, read));
        benchmark::DoNotOptimize(read);
    }
}
BENCHMARK(ticket_check_signed);

// The tag alone, which is the cost of signing without encryption.
void ticket_tag(benchmark::State& state)
{
    const joust::detail::ticket_key key{joust::sip_key{1, 2}};
    std::uint64_t unit = 1;
    for (auto _ : state) {
        benchmark::DoNotOptimize(key.tag_of(unit++, 2, 3));
    }
}
BENCHMARK(ticket_tag);

void random_draw(benchmark::State& state, int which)
{
    joust::keyed_random random{1, 2};
    for (auto _ : state) {
        if (which == 0) {
            benchmark::DoNotOptimize(random.next());
        } else if (which == 1) {
            benchmark::DoNotOptimize(random.coin());
        } else if (which == 2) {
            benchmark::DoNotOptimize(random.exponential());
        } else {
            benchmark::DoNotOptimize(random.normal());
        }
    }
}
BENCHMARK_CAPTURE(random_draw, next, 0);
BENCHMARK_CAPTURE(random_draw, coin, 1);
BENCHMARK_CAPTURE(random_draw, exponential, 2);
BENCHMARK_CAPTURE(random_draw, normal, 3);

}  // namespace

BENCHMARK_MAIN();
