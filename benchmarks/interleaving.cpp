// Drafting slates: joust's interleavers beside straightforward ones over a vector and a hash set, fresh coins for each
// call (with repeated coins the branch predictor learns the slate). The last column of the summary is the ratio.

#include <joust/core/random.hpp>
#include <joust/interleave/competitive_pairs.hpp>
#include <joust/interleave/credit.hpp>
#include <joust/interleave/team_draft.hpp>
#include <joust/interleave/teams.hpp>

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace {

using keys = std::vector<joust::item_key>;

/// 256 pairs of lists of `size` documents; the second ranker disagrees by moving documents about and bringing new ones.
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

// The straightforward way: what has been shown is a hash set, the slate is a vector, cursors walk the lists.
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
BENCHMARK(packed)->Name("joust/pack_teams");
BENCHMARK(credited)->Name("joust/credit_a_click");

/// Show each run, and at the end every joust time beside the hash set's of the same run.
class with_ratios : public benchmark::ConsoleReporter {
public:
    void ReportRuns(const std::vector<Run>& runs) override
    {
        benchmark::ConsoleReporter::ReportRuns(runs);
        for (const Run& run : runs) {
            // With repetitions the median speaks, without them the only run.
            if (run.run_type == Run::RT_Iteration ? run.repetitions <= 1 : run.aggregate_name == "median") {
                times_[run.run_name.function_name + '/' + run.run_name.args] = run.GetAdjustedCPUTime();
            }
        }
    }

    void Finalize() override
    {
        benchmark::ConsoleReporter::Finalize();
        std::printf("\n%-40s %12s %12s %8s\n", "slots/list length", "joust, ns", "hash set, ns", "ratio");
        for (const auto& [name, nanoseconds] : times_) {
            const auto slash = name.find('/');
            const auto other = times_.find("hash_set" + name.substr(slash));
            if (name.rfind("joust", 0) == 0 && other != times_.end()) {
                std::printf("%-40s %12.1f %12.1f %8.1f\n", name.substr(slash + 1).c_str(), nanoseconds,
                            other->second, other->second / nanoseconds);
            }
        }
    }

private:
    std::map<std::string, double> times_;
};

}  // namespace

int main(int argc, char** argv)
{
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 1;
    }
    with_ratios reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter);
    benchmark::Shutdown();
    return 0;
}
