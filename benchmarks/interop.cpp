// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/split/interop/all.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

// Compares a vendor's bucket with the hash that it has to compute:
//   hash    the bare hash of bytes that are joined already
//   joined  the bare hash after joining salt, separators and id in a buffer on the stack
//   bucket  the vendor's bucket of an id
//   split   the vendor's splitter, which returns arm and propensity; its salt was hashed beforehand
// Units have 16 bytes, or 36 if the name says so. Salts have 12 bytes.
namespace {

namespace in = joust::interop;

constexpr std::size_t units = 1024;
// It is not constant, so that compilers cannot hash it beforehand.
std::string opaque_salt = "checkout-123";
std::string_view salt = opaque_salt;

struct keys {
    explicit keys(std::size_t length, std::string_view before, std::string_view behind)
    {
        joust::keyed_random random{7};
        for (std::size_t i = 0; i < units; ++i) {
            std::string id;
            while (id.size() < length) {
                id += static_cast<char>('a' + random.below(26));
            }
            joined.push_back(std::string{before} + id + std::string{behind});
            ids.push_back(std::move(id));
        }
    }
    std::vector<std::string> ids{};
    std::vector<std::string> joined{};
};

template <class Function>
void over(benchmark::State& state, const std::vector<std::string>& texts, const Function& function)
{
    std::size_t i = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(function(std::string_view{texts[i++ % units]}));
    }
}

[[gnu::noinline]] std::string_view join(std::string_view before, std::string_view id, std::string_view behind,
                                        char* buffer)
{
    char* end = buffer;
    for (const std::string_view piece : {before, id, behind}) {
        std::memcpy(end, piece.data(), piece.size());
        end += piece.size();
    }
    return {buffer, static_cast<std::size_t>(end - buffer)};
}

template <class Hash, class Bucket, class Split>
void compare(const std::string& name, std::string_view before, std::string_view behind, const Hash& hash,
             const Bucket& bucket, const Split& split)
{
    for (const std::size_t length : {std::size_t{16}, std::size_t{36}}) {
        const auto made = std::make_shared<keys>(length, before, behind);
        const std::string size = length == 16 ? "" : "_36";
        benchmark::RegisterBenchmark((name + size + "/hash").c_str(), [made, hash](benchmark::State& state) {
            over(state, made->joined, hash);
        });
        benchmark::RegisterBenchmark((name + size + "/joined").c_str(),
                                     [made, hash, before, behind](benchmark::State& state) {
                                         over(state, made->ids, [&](std::string_view id) {
                                             char buffer[256];
                                             return hash(join(before, id, behind, buffer));
                                         });
                                     });
        benchmark::RegisterBenchmark(
            (name + size + "/bucket").c_str(),
            [made, bucket](benchmark::State& state) { over(state, made->ids, bucket); });
        benchmark::RegisterBenchmark((name + size + "/split").c_str(), [made,
                                                                        split](benchmark::State& state) {
            std::size_t i = 0;
            for (auto _ : state) {
                const std::tuple<const std::string&> args{made->ids[i++ % units]};
                const auto found = split.assign(joust::context<std::tuple<const std::string&>>{0, 0, args});
                benchmark::DoNotOptimize(found.arm);
                benchmark::DoNotOptimize(found.propensity);
            }
        });
    }
}

struct itself {
    std::string_view operator()(std::string_view id) const { return id; }
};

void register_all()
{
    const auto by = joust::by(itself{});
    const auto murmur = [](std::uint32_t seed) {
        return [seed](std::string_view text) { return in::murmur3_32(text, seed); };
    };
    compare(
        "growthbook_v1", "", salt, [](std::string_view text) { return in::fnv1a_32(text); },
        [](std::string_view id) { return in::growthbook::bucket(salt, id, 1); },
        in::growthbook_split{by, {.key = std::string{salt}}});
    // Version 2 also has to hash the digits of the first hash.
    compare(
        "growthbook_v2", salt, "",
        [](std::string_view text) {
            const joust::detail::word_text digits = joust::detail::decimal_text(in::fnv1a_32(text), false);
            in::fnv1a second;
            for (std::size_t i = 0; i < digits.size; ++i) {
                second.add_unit((digits.words[i / 8] >> (8 * (i % 8))) & 0xffU);
            }
            return second.value();
        },
        [](std::string_view id) { return in::growthbook::bucket(salt, id, 2); },
        in::growthbook_split{by, {.key = std::string{salt}, .hash_version = 2}});
    compare(
        "unleash_strategy", "checkout-123:", "", murmur(0),
        [](std::string_view id) { return in::unleash::normalized(salt, id); },
        in::unleash_split{by, {.group = std::string{salt}, .rollout = 50.0}});
    compare(
        "unleash_variant", "checkout-123:", "", murmur(86028157),
        [](std::string_view id) { return in::unleash::normalized_variant(salt, id, 1'000); },
        in::unleash_split{by, {.group = std::string{salt}, .weights = {500, 500}}});
    compare(
        "optimizely", "", salt, murmur(1),
        [](std::string_view id) { return in::optimizely::bucket(id, salt); },
        in::optimizely_split{by, {.id = std::string{salt}, .allocation = {{0, 5'000}, {1, 10'000}}}});
    compare(
        "launchdarkly", "checkout.123.", "", [](std::string_view text) { return in::sha1_of(text); },
        [](std::string_view id) { return in::launchdarkly::bucket("checkout", "123", id); },
        in::launchdarkly_split{by,
                               {.key = "checkout", .salt = "123", .variations = {{0, 50'000}, {1, 50'000}}}});
    compare(
        "planout", "checkout.123.", "", [](std::string_view text) { return in::sha1_of(text); },
        [](std::string_view id) { return in::planout::hash("checkout", "123", id); },
        in::planout_split{by, {.experiment_salt = "checkout", .salt = "123", .weights = {1, 1}}});
    compare(
        "flagd", salt, "", murmur(0), [](std::string_view id) { return in::flagd::bucket(salt, id, 100); },
        in::flagd_split{by, {.flag_key = std::string{salt}, .weights = {50, 50}}});
    compare(
        "eppo", "checkout-123-", "", [](std::string_view text) { return in::md5_of(text); },
        [](std::string_view id) { return in::eppo::shard(salt, id); },
        in::eppo_split{by,
                       {.key = "checkout",
                        .splits = {{0, {{std::string{salt}, {{0, 5'000}}}}},
                                   {1, {{std::string{salt}, {{5'000, 10'000}}}}}}}});
    compare(
        "statsig", "checkout.123.", "", [](std::string_view text) { return in::sha256_of(text); },
        [](std::string_view id) { return in::statsig::bucket("checkout", "123", id); },
        in::statsig_gate_split{by, {.salt = "checkout", .rule = "123"}});
    compare(
        "split_io", "", "", murmur(123), [](std::string_view id) { return in::split_io::bucket(id, 123); },
        in::split_io_split{by, {.name = "checkout", .seed = 123, .sizes = {50, 50}}});
    compare(
        "featurevisor", "", ".checkout-123", murmur(1),
        [](std::string_view id) { return in::featurevisor::bucket(id, salt); },
        in::featurevisor_split{
            by, {.key = std::string{salt}, .allocation = {{0, 0, 50'000}, {1, 50'000, 100'000}}}});
}

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
            const std::string name = run.benchmark_name();
            const std::size_t slash = name.find('/');
            auto& row = times_[name.substr(0, slash)];
            const auto [at, added] = row.try_emplace(name.substr(slash + 1), run.GetAdjustedCPUTime());
            at->second =
                added || at->second < run.GetAdjustedCPUTime() ? at->second : run.GetAdjustedCPUTime();
        }
        ConsoleReporter::ReportRuns(runs);
    }

    void print() const
    {
        std::printf(
            "\nfastest repetitions, ns     hash   joined   bucket    split   bucket / hash   bucket / joined, at most 1.3\n");
        for (const auto& [name, row] : times_) {
            if (row.size() == 4) {
                const double ratio = row.at("bucket") / row.at("joined");
                std::printf("%-22s %9.1f %8.1f %8.1f %8.1f %15.2f %17.2f   %s\n", name.c_str(),
                            row.at("hash"), row.at("joined"), row.at("bucket"), row.at("split"),
                            row.at("bucket") / row.at("hash"), ratio, ratio <= 1.3 ? "holds" : "MISSED");
            }
        }
    }

private:
    std::map<std::string, std::map<std::string, double>> times_;
};

}  // namespace

int main(int argc, char** argv)
{
    benchmark::DoNotOptimize(opaque_salt.data());
    benchmark::ClobberMemory();
    // Arguments of the command line come after these and override them.
    char repetitions[] = "--benchmark_repetitions=9";
    char least[] = "--benchmark_min_time=0.02";
    char mixed[] = "--benchmark_enable_random_interleaving=true";
    std::vector<char*> arguments{argv[0], repetitions, least, mixed};
    arguments.insert(arguments.end(), argv + 1, argv + argc);
    int count = static_cast<int>(arguments.size());
    arguments.push_back(nullptr);
    benchmark::Initialize(&count, arguments.data());
    if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) {
        return 1;
    }
    register_all();
    fastest seen;
    benchmark::RunSpecifiedBenchmarks(&seen);
    seen.print();
    return 0;
}
