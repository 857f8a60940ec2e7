// SPDX-License-Identifier: Apache-2.0

// Compares the interleavers with straightforward ones that use a vector and a hash set. Each call has fresh coins, since with
// repeated coins the branch predictor would learn the slate.
//
//   joust/...      as a trial drafts slates, with all instructions of the machine
//   plain/...      the same with the instructions that every x86-64 has
//   hash_set/...   with a vector and a hash set
//   optimized/...  with a law that is cached, and with a law that has to be computed
//
// The benchmarks are repeated in turn. The tables at the end use the fastest repetition of each.

#include <joust/core/random.hpp>
#include <joust/interleave/competitive_pairs.hpp>
#include <joust/interleave/credit.hpp>
#include <joust/interleave/optimized.hpp>
#include <joust/interleave/probabilistic.hpp>
#include <joust/interleave/roughly_optimized.hpp>
#include <joust/interleave/shares.hpp>
#include <joust/interleave/team_draft.hpp>
#include <joust/interleave/teams.hpp>
#include <joust/interleave/two_lists.hpp>

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdio>
#include <limits>
#include <map>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace {

using keys = std::vector<joust::item_key>;

/// Make 256 pairs of lists of `size` documents. The second list has some documents in other places, and some new ones.
std::vector<std::pair<keys, keys>> make_pairs(std::size_t size)
{
    joust::keyed_random random{2026, size};
    std::vector<std::pair<keys, keys>> pairs(256);
    for (auto& [a, b] : pairs) {
        for (std::size_t i = 0; i < size; ++i) {
            a.push_back(random.next());
        }
        b = a;
        for (std::size_t i = 0; i < size; ++i) {
            const std::size_t reach = size - i < 8 ? size - i : 8;
            std::swap(b[i], b[i + static_cast<std::size_t>(random.below(reach))]);
            if (random.below(5) == 0) {
                b[i] = random.next();
            }
        }
    }
    return pairs;
}

// The straightforward way: a hash set of the documents shown, a vector for the slate, and a cursor for each list.
struct plain_slot {
    joust::item_key key;
    int team;
};

template <class Coins>
std::vector<plain_slot> plain_team_draft(const keys& a, const keys& b, std::size_t length, Coins& coins)
{
    std::vector<plain_slot> slate;
    std::unordered_set<joust::item_key> shown;
    std::size_t cursor[2] = {0, 0};
    const keys* lists[2] = {&a, &b};
    while (slate.size() < length) {
        const int first = coins.coin() ? 1 : 0;
        const std::size_t before = slate.size();
        for (const int team : {first, 1 - first}) {
            auto& at = cursor[team];
            const keys& list = *lists[team];
            while (at < list.size() && shown.count(list[at]) != 0) {
                ++at;
            }
            if (at < list.size() && slate.size() < length) {
                shown.insert(list[at]);
                slate.push_back({list[at], team});
            }
        }
        if (slate.size() == before) {
            break;
        }
    }
    return slate;
}

template <class Coins>
std::vector<plain_slot> plain_pairs(const keys& a, const keys& b, std::size_t length, Coins& coins)
{
    std::vector<plain_slot> slate;
    std::unordered_set<joust::item_key> shown;
    std::size_t x = 0;
    std::size_t y = 0;
    const auto skip = [&](const keys& list, std::size_t& at) {
        while (at < list.size() && shown.count(list[at]) != 0) {
            ++at;
        }
        return at < list.size();
    };
    const auto show = [&](joust::item_key key, int team) {
        if (slate.size() < length) {
            slate.push_back({key, team});
            shown.insert(key);
        }
    };
    while (slate.size() < length) {
        const bool more_a = skip(a, x);
        const bool more_b = skip(b, y);
        if (!more_a && !more_b) {
            break;
        }
        if (!more_a || !more_b || a[x] == b[y]) {
            show(more_a ? a[x] : b[y], -1);
            continue;
        }
        const bool whole = length - slate.size() >= 2;
        if (coins.coin()) {
            show(b[y], whole ? 1 : -1);
            show(a[x], whole ? 0 : -1);
        } else {
            show(a[x], whole ? 0 : -1);
            show(b[y], whole ? 1 : -1);
        }
    }
    return slate;
}

template <class Policy>
void drafted(benchmark::State& state)
{
    const auto size = static_cast<std::size_t>(state.range(1));
    const auto pairs = make_pairs(size);
    joust::draft out{static_cast<std::size_t>(state.range(0))};
    std::uint64_t request = 0;
    for (auto _ : state) {
        const auto& [a, b] = pairs[request % pairs.size()];
        const joust::ranking lists[] = {a, b};
        joust::keyed_random coins{1, ++request};
        Policy{}.interleave(lists, coins, out);
        benchmark::DoNotOptimize(out);
    }
}

// The way of draft_two() on a machine without wide vectors.
template <class Rule>
void drafted_plainly(benchmark::State& state)
{
    const auto length = static_cast<std::uint32_t>(state.range(0));
    const auto pairs = make_pairs(static_cast<std::size_t>(state.range(1)));
    joust::draft out{length};
    std::uint64_t request = 0;
    for (auto _ : state) {
        const auto& [a, b] = pairs[request % pairs.size()];
        joust::keyed_random coins{1, ++request};
        out.restart(length);
        const joust::detail::coins_ahead ahead{coins};
        const auto done =
            joust::detail::draft_short<Rule>(joust::ranking{a}.first(length), joust::ranking{b}.first(length),
                                             length, ahead.bits(), out.to_fill());
        ahead.take(coins, done.coins());
        out.filled(done.size());
        benchmark::DoNotOptimize(out);
        benchmark::DoNotOptimize(coins);
    }
}

template <auto Draft>
void plain(benchmark::State& state)
{
    const auto size = static_cast<std::size_t>(state.range(1));
    const auto pairs = make_pairs(size);
    std::uint64_t request = 0;
    for (auto _ : state) {
        const auto& [a, b] = pairs[request % pairs.size()];
        joust::keyed_random coins{1, ++request};
        auto slate = Draft(a, b, static_cast<std::size_t>(state.range(0)), coins);
        benchmark::DoNotOptimize(slate);
    }
}

/// Make two lists of ten documents that have none, about half, or all of them in common.
std::vector<std::pair<keys, keys>> make_tens(std::uint64_t halves_in_common)
{
    joust::keyed_random random{2026, halves_in_common};
    std::vector<std::pair<keys, keys>> pairs(64);
    for (auto& [a, b] : pairs) {
        for (std::uint64_t d = 0; d < 10; ++d) {
            a.push_back(d);
            b.push_back(random.below(2) < halves_in_common ? d : 100 + d);
        }
        for (std::size_t i = b.size(); i > 1; --i) {
            std::swap(b[i - 1], b[static_cast<std::size_t>(random.below(i))]);
        }
    }
    return pairs;
}

template <bool Teams>
void known_law(benchmark::State& state)
{
    const auto pairs = make_tens(1);
    joust::draft out{10};
    std::uint64_t request = 0;
    for (auto _ : state) {
        const auto& [a, b] = pairs[request % 8];
        const joust::ranking lists[] = {a, b};
        joust::keyed_random coins{1, ++request};
        if constexpr (Teams) {
            joust::optimized{}.interleave(lists, coins, out);
        } else {
            joust::optimized{}.arrange(lists, coins, out);
        }
        benchmark::DoNotOptimize(out);
    }
}

template <bool Rough>
void new_law(benchmark::State& state)
{
    const auto pairs = make_tens(static_cast<std::uint64_t>(state.range(0)));
    joust::detail::law_request asked;
    asked.bias_weight = Rough ? 1.0 : -1.0;
    joust::detail::optimal_law law;
    std::size_t i = 0;
    for (auto _ : state) {
        const auto& [a, b] = pairs[++i % pairs.size()];
        const joust::ranking lists[] = {a, b};
        const joust::detail::list_pattern pattern{lists, 10};
        benchmark::DoNotOptimize(joust::detail::law_finder{pattern, asked}.find(law));
        benchmark::DoNotOptimize(law);
    }
}

void packed(benchmark::State& state)
{
    const auto pairs = make_pairs(100);
    std::vector<joust::draft> drafts;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        const joust::ranking lists[] = {pairs[i].first, pairs[i].second};
        joust::keyed_random coins{1, i};
        joust::competitive_pairs{}.interleave(lists, coins, drafts.emplace_back(10));
    }
    std::size_t i = 0;
    for (auto _ : state) {
        auto teams = joust::slate_teams::of(drafts[++i % drafts.size()], 2);
        benchmark::DoNotOptimize(teams);
    }
}

void credited(benchmark::State& state)
{
    joust::keyed_random random{5, 5};
    std::vector<std::uint64_t> words(256);
    for (auto& word : words) {
        word = random.next();
    }
    std::size_t i = 0;
    for (auto _ : state) {
        ++i;
        auto award = joust::click_credit{}.credit({words[i % words.size()], 10, 2}, {i % 10, 1.0});
        benchmark::DoNotOptimize(award);
    }
}

/// Draft slates of `probabilistic` from lists of a hundred documents, with the shares of credit at each position.
struct shared_slate {
    joust::draft slots{10};
    joust::credit_shares shares;
};

void credited_by_shares(benchmark::State& state)
{
    const auto pairs = make_pairs(100);
    std::vector<shared_slate> slates(64);
    for (std::size_t i = 0; i < slates.size(); ++i) {
        const joust::ranking lists[] = {pairs[i].first, pairs[i].second};
        joust::keyed_random coins{1, i};
        joust::probabilistic{}.interleave(lists, coins, slates[i].slots);
        joust::probabilistic{}.share_credit(lists, slates[i].slots, slates[i].shares);
    }
    std::size_t i = 0;
    double earned[2] = {};
    for (auto _ : state) {
        ++i;
        const shared_slate& slate = slates[i % slates.size()];
        earned[0] += slate.shares.at(i % 10, 0);
        earned[1] += slate.shares.at(i % 10, 1);
        benchmark::DoNotOptimize(earned);
    }
}

void shares_made(benchmark::State& state)
{
    const auto pairs = make_pairs(static_cast<std::size_t>(state.range(0)));
    shared_slate slate;
    joust::keyed_random coins{1, 1};
    const joust::ranking lists[] = {pairs[0].first, pairs[0].second};
    joust::probabilistic{}.interleave(lists, coins, slate.slots);
    for (auto _ : state) {
        joust::probabilistic{}.share_credit(lists, slate.slots, slate.shares);
        benchmark::DoNotOptimize(slate.shares);
    }
}

constexpr auto team_draft_by_hash_set = plain_team_draft<joust::keyed_random>;
constexpr auto pairs_by_hash_set = plain_pairs<joust::keyed_random>;

BENCHMARK_TEMPLATE(drafted, joust::competitive_pairs)
    ->Name("joust/competitive_pairs")
    ->Args({10, 100})
    ->Args({100, 100})
    ->Args({1000, 1000});
BENCHMARK_TEMPLATE(plain, pairs_by_hash_set)
    ->Name("hash_set/competitive_pairs")
    ->Args({10, 100})
    ->Args({100, 100})
    ->Args({1000, 1000});
BENCHMARK_TEMPLATE(drafted, joust::team_draft)
    ->Name("joust/team_draft")
    ->Args({10, 100})
    ->Args({100, 100})
    ->Args({1000, 1000});
BENCHMARK_TEMPLATE(plain, team_draft_by_hash_set)
    ->Name("hash_set/team_draft")
    ->Args({10, 100})
    ->Args({100, 100})
    ->Args({1000, 1000});
BENCHMARK_TEMPLATE(drafted_plainly, joust::detail::pairs_rule)
    ->Name("plain/competitive_pairs")
    ->Args({10, 100});
BENCHMARK_TEMPLATE(drafted_plainly, joust::detail::teams_rule)->Name("plain/team_draft")->Args({10, 100});
BENCHMARK_TEMPLATE(known_law, false)->Name("optimized/known");
BENCHMARK_TEMPLATE(known_law, true)->Name("optimized/known_with_teams");
BENCHMARK_TEMPLATE(new_law, false)->Name("optimized/new")->Arg(0)->Arg(1)->Arg(2);
BENCHMARK_TEMPLATE(new_law, true)->Name("optimized/new_roughly")->Arg(0)->Arg(1)->Arg(2);
BENCHMARK(packed)->Name("joust/pack_teams");
BENCHMARK(credited)->Name("joust/credit_a_click");
BENCHMARK(credited_by_shares)->Name("probabilistic/credit_a_click");
BENCHMARK(shares_made)->Name("probabilistic/shares")->Arg(10)->Arg(100);

/// Print as Google Benchmark does, and keep the fastest repetition of every benchmark.
class fastest : public benchmark::ConsoleReporter {
public:
    fastest() : ConsoleReporter(OO_None) {}

    void ReportRuns(const std::vector<Run>& runs) override
    {
        for (const Run& run : runs) {
            if (run.run_type != Run::RT_Iteration || run.error_occurred) {
                continue;
            }
            const auto [at, added] = times_.try_emplace(run.run_name.function_name + '/' + run.run_name.args,
                                                        run.GetAdjustedCPUTime());
            at->second =
                added || at->second < run.GetAdjustedCPUTime() ? at->second : run.GetAdjustedCPUTime();
        }
        ConsoleReporter::ReportRuns(runs);
    }

    [[nodiscard]] const std::map<std::string, double>& times() const { return times_; }
    [[nodiscard]] double operator[](const std::string& name) const
    {
        const auto at = times_.find(name);
        return at == times_.end() ? std::numeric_limits<double>::quiet_NaN() : at->second;
    }

private:
    std::map<std::string, double> times_;
};

void print_ratios(const fastest& ns)
{
    std::printf("\n%-40s %12s %12s %8s\n", "slots/list length", "joust, ns", "hash set, ns", "ratio");
    for (const auto& [name, nanoseconds] : ns.times()) {
        const auto slash = name.find('/');
        const auto other = ns.times().find("hash_set" + name.substr(slash));
        if (name.rfind("joust", 0) == 0 && other != ns.times().end()) {
            std::printf("%-40s %12.1f %12.1f %8.1f\n", name.substr(slash + 1).c_str(), nanoseconds,
                        other->second, other->second / nanoseconds);
        }
    }
}

void print_bars(const fastest& ns)
{
    const auto line = [&](const char* what, const std::string& name, double unit, const char* unit_name,
                          double bar) {
        const double measured = ns[name] / unit;
        if (measured == measured) {
            std::printf("%-62s %8.2f %-2s   at most %5.0f %-2s   %s\n", what, measured, unit_name, bar,
                        unit_name, measured <= bar ? "holds" : "MISSED");
        }
    };
    const bool wide = joust::detail::has_avx512();
    std::printf("\nfastest repetitions (%s)%*s measured   bar\n",
                wide ? "sixteen entries at a time" : "no wide vectors", wide ? 16 : 26, "");
    line("top 10 of two lists of 100, competitive pairs", "joust/competitive_pairs/10/100", 1.0, "ns",
         wide ? 40 : 80);
    line("top 10 of two lists of 100, team draft", "joust/team_draft/10/100", 1.0, "ns", wide ? 40 : 80);
    line("the same with what every x86-64 has, competitive pairs", "plain/competitive_pairs/10/100", 1.0,
         "ns", 80);
    line("the same with what every x86-64 has, team draft", "plain/team_draft/10/100", 1.0, "ns", 80);
    line("100 of two lists of 100, competitive pairs", "joust/competitive_pairs/100/100", 1e3, "us", 2);
    line("100 of two lists of 100, team draft", "joust/team_draft/100/100", 1e3, "us", 2);
    line("1000 of two lists of 1000, competitive pairs", "joust/competitive_pairs/1000/1000", 1e3, "us", 25);
    line("1000 of two lists of 1000, team draft", "joust/team_draft/1000/1000", 1e3, "us", 25);
    line("probabilistic, a click by the shares kept of its slate", "probabilistic/credit_a_click/", 1.0, "ns",
         10);
    line("optimized, ten slots, the law is known", "optimized/known/", 1.0, "ns", 200);
    line("optimized, ten slots, nothing in common: 1024 lists", "optimized/new/0", 1e3, "us", 200);
    line("optimized, ten slots, half in common", "optimized/new/1", 1e3, "us", 200);
    line("optimized, ten slots, permutations", "optimized/new/2", 1e3, "us", 200);
}

}  // namespace

int main(int argc, char** argv)
{
    // Arguments of the command line come after these and override them.
    char repetitions[] = "--benchmark_repetitions=9";
    char least[] = "--benchmark_min_time=0.05";
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
    benchmark::Shutdown();
    print_ratios(seen);
    print_bars(seen);
    return 0;
}
