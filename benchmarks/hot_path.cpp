// SPDX-License-Identifier: Apache-2.0

// Measures what a trial adds to the hot path of a service. Compare figures of one run only.
//
//   bare_*      the model, the hash and the clock alone
//   call_*      operator() of an A/B test around the same model
//   *_cold      with 512 KiB of other work between two calls
//   threads:2   the same with two threads
//
// The benchmarks are repeated in turn. The table at the end uses the fastest repetition of each.

#include <joust/core/hash.hpp>
#include <joust/core/random.hpp>
#include <joust/trial/ab_test.hpp>

#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace joust;

struct request {
    std::string user;
    std::uint64_t number = 0;
    double x = 0.0;
};

struct linear {
    double slope;
    double operator()(const request& r) const { return slope * r.x + 1.0; }
};

const std::vector<request>& requests()
{
    static const std::vector<request> all = [] {
        std::vector<request> made;
        for (std::uint64_t i = 0; i < 1'024; ++i) {
            // Every text has 16 characters.
            made.push_back({"user-" + std::to_string(10'000'000'000 + mix64(i) % 89'999'999'999),
                            mix64(i) % 1'000'000, 0.5});
        }
        return made;
    }();
    return all;
}

template <class Key, class Timing>
auto trial(Key key, Timing timing)
{
    return ab_test{model{"old", linear{1.0}},
                   model{"new", linear{2.0}},
                   key,
                   hash_split{.salt = "score-2026-11", .shares = {0.9, 0.1}},
                   conversion<"click">{},
                   timing};
}

template <class Timing>
auto& by_text(Timing timing)
{
    static auto made = trial(by(&request::user), timing);
    return made;
}
template <class Timing>
auto& by_number(Timing timing)
{
    static auto made = trial(by(&request::number), timing);
    return made;
}

void bare_model(benchmark::State& state)
{
    const linear f{1.0};
    std::size_t i = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(f(requests()[i++ & 1023]));
    }
}

void bare_hash_16(benchmark::State& state)
{
    std::size_t i = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(xxh64(requests()[i++ & 1023].user));
    }
}

void assign_16(benchmark::State& state)
{
    const salted_hasher hash{"score-2026-11"};
    const auto plan = hash_split{.salt = "score-2026-11", .shares = {0.9, 0.1}}.resolve(2);
    const std::tuple<> none;
    std::size_t i = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(
            plan.assign(context<std::tuple<>>{hash(requests()[i++ & 1023].user), 0, none}));
    }
}

void two_clock_reads(benchmark::State& state)
{
    const steady_time clock;
    for (auto _ : state) {
        benchmark::DoNotOptimize(clock.now());
        benchmark::DoNotOptimize(clock.now());
    }
}

template <class Trial>
void call(benchmark::State& state, Trial& score)
{
    std::size_t i = 64 * static_cast<std::size_t>(state.thread_index());
    for (auto _ : state) {
        benchmark::DoNotOptimize(score(requests()[i++ & 1023]));
    }
}

void call_untimed(benchmark::State& state)
{
    call(state, by_text(untimed{}));
}
void call_untimed_integer(benchmark::State& state)
{
    call(state, by_number(untimed{}));
}
void call_timed_1_in_16(benchmark::State& state)
{
    call(state, by_text(timed{.every = 16}));
}
void call_timed(benchmark::State& state)
{
    call(state, by_number(timed{}));
}

template <class Trial>
void feedback(benchmark::State& state, Trial& score)
{
    std::vector<typename Trial::ticket_type> tickets;
    std::size_t i = 0;
    for (auto _ : state) {
        if ((i & 1023) == 0) {
            state.PauseTiming();
            tickets.clear();
            for (const request& r : requests()) {
                tickets.push_back(score.serve(r).ticket);
            }
            state.ResumeTiming();
        }
        benchmark::DoNotOptimize(score.template observe<"click">(tickets[i++ & 1023], 1.0));
    }
}

template <class Trial>
void serve_with_ticket(benchmark::State& state, Trial& score)
{
    std::size_t i = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(score.serve(requests()[i++ & 1023]));
    }
}

template <class Tickets>
auto& with_tickets(Tickets tickets)
{
    static auto made = ab_test{model{"old", linear{1.0}},
                               model{"new", linear{2.0}},
                               by(&request::user),
                               hash_split{.salt = "score-2026-11", .shares = {0.9, 0.1}},
                               conversion<"click">{},
                               untimed{},
                               tickets};
    return made;
}

void feedback_by_ticket(benchmark::State& state)
{
    feedback(state, by_text(untimed{}));
}
void feedback_that_expires(benchmark::State& state)
{
    feedback(state, with_tickets(plain_tickets{.expires_after = std::chrono::hours{24}}));
}
void feedback_by_signed_ticket(benchmark::State& state)
{
    feedback(state, with_tickets(signed_tickets{.keys = sip_key{1, 2}}));
}
void serve_ticket(benchmark::State& state)
{
    serve_with_ticket(state, by_text(untimed{}));
}
void serve_signed_ticket(benchmark::State& state)
{
    serve_with_ticket(state, with_tickets(signed_tickets{.keys = sip_key{1, 2}}));
}

// Reads and writes 512 KiB between two calls, and times only the calls.
template <class Call>
void cold(benchmark::State& state, Call&& one)
{
    static std::array<std::uint64_t, 65'536> other{};
    std::size_t i = 0;
    for (auto _ : state) {
        for (std::size_t k = 0; k < other.size(); k += 8) {
            other[k] += k;
        }
        benchmark::ClobberMemory();
        const auto start = std::chrono::steady_clock::now();
        one(requests()[i++ & 1023]);
        const auto stop = std::chrono::steady_clock::now();
        state.SetIterationTime(std::chrono::duration<double>(stop - start).count());
    }
}

void bare_model_cold(benchmark::State& state)
{
    const linear f{1.0};
    cold(state, [&](const request& r) { benchmark::DoNotOptimize(f(r)); });
}
void call_untimed_cold(benchmark::State& state)
{
    auto& score = by_text(untimed{});
    cold(state, [&](const request& r) { benchmark::DoNotOptimize(score(r)); });
}
void call_timed_cold(benchmark::State& state)
{
    auto& score = by_number(timed{});
    cold(state, [&](const request& r) { benchmark::DoNotOptimize(score(r)); });
}

}  // namespace

BENCHMARK(bare_model);
BENCHMARK(bare_hash_16);
BENCHMARK(assign_16);
BENCHMARK(two_clock_reads);
BENCHMARK(call_untimed);
BENCHMARK(call_untimed_integer);
BENCHMARK(call_timed_1_in_16);
BENCHMARK(call_timed);
BENCHMARK(serve_ticket);
BENCHMARK(serve_signed_ticket);
BENCHMARK(feedback_by_ticket);
BENCHMARK(feedback_that_expires);
BENCHMARK(feedback_by_signed_ticket);
BENCHMARK(bare_model_cold)->UseManualTime()->Iterations(20'000);
BENCHMARK(call_untimed_cold)->UseManualTime()->Iterations(20'000);
BENCHMARK(call_timed_cold)->UseManualTime()->Iterations(20'000);
BENCHMARK(call_untimed)->Threads(2)->UseRealTime();
BENCHMARK(two_clock_reads)->Threads(2)->UseRealTime();
BENCHMARK(call_timed)->Threads(2)->UseRealTime();

namespace {

/// Print as Google Benchmark does, and keep the fastest repetition of every benchmark.
class fastest : public benchmark::ConsoleReporter {
public:
    fastest() : ConsoleReporter(OO_None) {}

    void ReportRuns(const std::vector<Run>& runs) override
    {
        for (const Run& run : runs) {
            const std::string name = run.benchmark_name();
            if (run.run_type != Run::RT_Iteration || run.error_occurred) {
                continue;
            }
            // CPU time, which other processes disturb less, cannot be used with threads and manual times.
            const bool wall =
                name.find("threads") != std::string::npos || name.find("manual") != std::string::npos;
            const double time = wall ? run.GetAdjustedRealTime() : run.GetAdjustedCPUTime();
            const auto [at, added] = times_.try_emplace(name.substr(0, name.find("/iterations")), time);
            at->second = added || at->second < time ? at->second : time;
        }
        ConsoleReporter::ReportRuns(runs);
    }

    [[nodiscard]] double operator[](const std::string& name) const
    {
        const auto at = times_.find(name);
        return at == times_.end() ? std::numeric_limits<double>::quiet_NaN() : at->second;
    }
    /// Return whether all benchmarks of the table were run.
    [[nodiscard]] bool complete() const
    {
        for (const char* name :
             {"bare_model", "two_clock_reads", "assign_16", "bare_hash_16", "call_untimed",
              "call_untimed_integer", "call_timed_1_in_16", "call_timed", "call_untimed/real_time/threads:2",
              "call_timed/real_time/threads:2", "two_clock_reads/real_time/threads:2", "feedback_by_ticket",
              "bare_model_cold", "call_untimed_cold", "call_timed_cold"}) {
            if (times_.find(name) == times_.end()) {
                return false;
            }
        }
        return true;
    }

private:
    std::map<std::string, double> times_;
};

void print_bars(const fastest& ns)
{
    const auto line = [](const char* what, double measured, const char* unit, bool at_least, double bar) {
        const bool holds = at_least ? measured >= bar : measured <= bar;
        std::printf("%-58s %7.2f %-2s   %s %5.1f %-2s   %s\n", what, measured, unit,
                    at_least ? "at least" : "at most ", bar, unit, holds ? "holds" : "MISSED");
    };
    const double bare = ns["bare_model"];
    const double clock = ns["two_clock_reads"];
    std::printf("\nfastest repetitions                                        measured   bar\n");
    line("assignment of 16 bytes / the bare hash of 16 bytes", ns["assign_16"] / ns["bare_hash_16"], "x",
         false, 3.0);
    line("call, untimed, 16 bytes, over the bare model", ns["call_untimed"] - bare, "ns", false, 12.0);
    line("call, untimed, integer, over the bare model", ns["call_untimed_integer"] - bare, "ns", false, 10.0);
    line("call, one in 16 timed, over the bare model", ns["call_timed_1_in_16"] - bare, "ns", false, 20.0);
    line("call, timed, over the bare model and two clock reads", ns["call_timed"] - bare - clock, "ns", false,
         30.0);
    line("delayed feedback by ticket", ns["feedback_by_ticket"], "ns", false, 25.0);
    const double untimed = ns["call_untimed"] / ns["call_untimed/real_time/threads:2"];
    const double timed = ns["call_timed"] / ns["call_timed/real_time/threads:2"];
    const double reads = clock / ns["two_clock_reads/real_time/threads:2"];
    line("two threads / one, untimed", untimed, "x", true, 1.8);
    line("two threads / one, timed, / that of two clock reads", timed / reads, "x", true, 0.9);
    std::printf(
        "cold: bare model %.0f ns, untimed %.0f ns, timed %.0f ns, clock reads of the measurement included\n",
        ns["bare_model_cold"], ns["call_untimed_cold"], ns["call_timed_cold"]);
}

}  // namespace

int main(int argc, char** argv)
{
    // Arguments of the command line come after these and override them.
    char repetitions[] = "--benchmark_repetitions=9";
    char least[] = "--benchmark_min_time=0.1";
    char mixed[] = "--benchmark_enable_random_interleaving=true";
    std::vector<char*> arguments{argv[0], repetitions, least, mixed};
    arguments.insert(arguments.end(), argv + 1, argv + argc);
    int count = static_cast<int>(arguments.size());
    arguments.push_back(nullptr);
    benchmark::Initialize(&count, arguments.data());
    if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) {
        return 1;
    }
    fastest seen;
    benchmark::RunSpecifiedBenchmarks(&seen);
    if (seen.complete()) {
        print_bars(seen);
    }
    return 0;
}
