// SPDX-License-Identifier: Apache-2.0

// Answers the questions that oracle.cjs asked the vendors' SDKs: one line in, one line out. With --time: times them instead.
//
// Fields are separated by tabs, texts are hexadecimal ("-" is the empty one), doubles are the 16 hexadecimal digits of their bits.

#include <joust/split/interop/all.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace {

namespace in = joust::interop;

using fields = std::vector<std::string>;
using answer = std::optional<std::string>;

fields cut(std::string_view text, char at)
{
    fields parts;
    if (text == "-") {
        return parts;
    }
    for (;;) {
        const std::size_t end = text.find(at);
        parts.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(end + 1);
    }
}

std::string text(std::string_view hex)
{
    std::string bytes;
    for (std::size_t i = 0; hex != "-" && i + 1 < hex.size(); i += 2) {
        bytes += static_cast<char>(std::strtoul(std::string{hex.substr(i, 2)}.c_str(), nullptr, 16));
    }
    return bytes;
}

std::int64_t integer(const std::string& digits)
{
    return std::strtoll(digits.c_str(), nullptr, 10);
}

std::uint32_t natural(const std::string& digits)
{
    return static_cast<std::uint32_t>(std::strtoul(digits.c_str(), nullptr, 10));
}

double real(const std::string& hex)
{
    return std::bit_cast<double>(static_cast<std::uint64_t>(std::strtoull(hex.c_str(), nullptr, 16)));
}

std::string hex(std::uint64_t value, bool padded)
{
    std::array<char, 20> digits{};
    std::snprintf(digits.data(), digits.size(), padded ? "%016llx" : "%llx",
                  static_cast<unsigned long long>(value));
    return digits.data();
}

std::string bits(std::optional<double> value)
{
    return value ? hex(std::bit_cast<std::uint64_t>(*value), true) : "none";
}

std::string index(std::optional<std::size_t> value)
{
    return value ? std::to_string(*value) : "none";
}

template <class Number>
std::vector<Number> numbers(const std::string& list)
{
    std::vector<Number> values;
    for (const std::string& each : cut(list, ',')) {
        values.push_back(static_cast<Number>(integer(each)));
    }
    return values;
}

std::vector<double> reals(const std::string& list)
{
    std::vector<double> values;
    for (const std::string& each : cut(list, ',')) {
        values.push_back(real(each));
    }
    return values;
}

std::vector<in::growthbook::range> ranges(const std::string& list)
{
    std::vector<in::growthbook::range> values;
    for (const std::string& each : cut(list, ',')) {
        const fields ends = cut(each, ':');
        values.push_back({real(ends[0]), real(ends[1])});
    }
    return values;
}

// Splitters by their number in the questions; each knows how to assign the text of a unit.
std::map<std::size_t, std::function<joust::assignment(std::string_view)>> splits;

struct itself {
    std::string_view operator()(std::string_view unit) const { return unit; }
};
const auto unit = joust::by(itself{});

// A random configuration may enroll nobody, which joust refuses; its answer is known without it.
template <class Make>
answer keep(const std::string& number, Make make)
{
    std::function<joust::assignment(std::string_view)> assign;
    try {
        assign = [split = make()](std::string_view id) {
            const std::tuple<const std::string_view&> args{id};
            return split.assign(joust::context<std::tuple<const std::string_view&>>{0, 0, args});
        };
    } catch (const joust::configuration_error& wrong) {
        if (wrong.value() != "a split that enrolls no unit") {
            throw;
        }
        assign = [](std::string_view) { return joust::assignment{0, 1.0, false}; };
    }
    splits[static_cast<std::size_t>(integer(number))] = std::move(assign);
    return std::nullopt;
}

answer split(const fields& f)
{
    const joust::assignment found = splits.at(static_cast<std::size_t>(integer(f[1])))(text(f[2]));
    return std::to_string(found.arm) + (found.enrolled ? " 1" : " 0");
}

answer growthbook_config(const fields& f)
{
    in::growthbook::experiment e{.key = text(f[2]),
                                 .seed = text(f[3]),
                                 .hash_version = static_cast<int>(integer(f[4])),
                                 .variations = static_cast<std::size_t>(integer(f[5])),
                                 .weights = reals(f[6]),
                                 .coverage = real(f[7]),
                                 .ranges = ranges(f[8])};
    if (const fields space = cut(f[9], ':'); !space.empty()) {
        e.name_space = in::growthbook::name_space{text(space[0]), real(space[1]), real(space[2])};
    }
    for (const std::string& each : cut(f[10], '/')) {
        const fields filter = cut(each, ';');
        e.filters.push_back({text(filter[0]), ranges(filter[2]), static_cast<int>(integer(filter[1]))});
    }
    return keep(f[1], [&] { return in::growthbook_split{unit, e}; });
}

answer unleash_variant(const fields& f)
{
    std::vector<in::unleash::variant_definition> variants;
    for (const std::uint32_t weight : numbers<std::uint32_t>(f[3])) {
        variants.push_back({weight, {}});
    }
    const std::string id = text(f[2]);
    if (const std::int64_t forced = integer(f[4]); forced >= 0) {
        variants[static_cast<std::size_t>(forced)].overrides.push_back({"userId", {"somebody", id}});
    }
    const auto field = [&id](std::string_view name) { return name == "userId" ? std::string_view{id} : ""; };
    return index(in::unleash::variant(text(f[1]), id, variants, field));
}

answer optimizely_config(const fields& f)
{
    in::optimizely::experiment e{.id = text(f[2])};
    for (const std::string& each : cut(f[3], ',')) {
        const fields entry = cut(each, ':');
        e.allocation.push_back({integer(entry[0]) < 0 ? in::nobody : natural(entry[0]), natural(entry[1])});
    }
    if (const fields group = cut(f[4], ':'); !group.empty()) {
        e.group = {text(group[0]), natural(group[1]), natural(group[2])};
    }
    return keep(f[1], [&] { return in::optimizely_split{unit, e}; });
}

answer launchdarkly_config(const fields& f)
{
    in::launchdarkly::rollout r{.key = text(f[2]), .salt = text(f[3])};
    if (f[4] != "none") {
        r.seed = integer(f[4]);
    }
    for (const std::string& each : cut(f[5], ',')) {
        const fields entry = cut(each, ':');
        r.variations.push_back({natural(entry[0]), natural(entry[1]), entry[2] == "1"});
    }
    return keep(f[1], [&] { return in::launchdarkly_split{unit, r}; });
}

answer planout(const fields& f)
{
    std::vector<std::string> parts;
    for (const std::string& each : cut(f[3], ',')) {
        parts.push_back(text(each));
    }
    const std::vector<std::string_view> units(parts.begin(), parts.end());
    const std::string experiment = text(f[1]);
    const std::string salt = text(f[2]);
    const std::uint64_t hash = units.size() == 1 ? in::planout::hash(experiment, salt, units[0])
                                                 : in::planout::hash(experiment, salt, units);
    const std::vector<double> weights = reals(f[6]);
    return hex(hash, false) + ' ' +
           std::to_string(in::planout::random_integer(hash, integer(f[4]), integer(f[5]))) + ' ' +
           index(in::planout::weighted_choice(hash, weights)) + ' ' +
           std::to_string(in::planout::uniform_choice(hash, weights.size())) + ' ' +
           (in::planout::bernoulli_trial(hash, real(f[7])) ? '1' : '0');
}

answer eppo_config(const fields& f)
{
    in::eppo::allocation a{.key = text(f[2])};
    for (const std::string& each : cut(f[3], '/')) {
        const fields parts = cut(each, ';');
        in::eppo::split one{.arm = natural(parts[0])};
        for (std::size_t i = 1; i < parts.size(); ++i) {
            const fields shard = cut(parts[i], '=');
            in::eppo::shard_ranges condition{.salt = text(shard[0])};
            for (const std::string& range : cut(shard[1], ',')) {
                const fields ends = cut(range, ':');
                condition.ranges.push_back({natural(ends[0]), natural(ends[1])});
            }
            one.shards.push_back(std::move(condition));
        }
        a.splits.push_back(std::move(one));
    }
    return keep(f[1], [&] { return in::eppo_split{unit, a}; });
}

answer statsig_hash(const fields& f, in::statsig::implementation whose)
{
    const std::string salt = text(f[1]);
    const std::string id = text(f[3]);
    return std::to_string(in::statsig::bucket(salt, text(f[2]), id, whose)) + ' ' +
           std::to_string(in::statsig::user_bucket(salt, id, whose)) + ' ' +
           hex(in::statsig::hash(salt, id, whose), false);
}

answer statsig_config(const fields& f)
{
    in::statsig::experiment e{.salt = text(f[2]), .ends = numbers<std::uint32_t>(f[3])};
    if (const fields layer = cut(f[4], ':'); !layer.empty()) {
        e.allocation_salt = text(layer[0]);
        e.allocation = {{0, natural(layer[1])}};
    }
    e.implementation = in::statsig::implementation::node;
    return keep(f[1], [&] { return in::statsig_split{unit, e}; });
}

std::map<std::size_t, std::function<joust::assignment(std::string_view)>> gates;

answer featurevisor_config(const fields& f)
{
    in::featurevisor::feature e{.key = text(f[2]), .percentage = natural(f[3])};
    for (const std::string& each : cut(f[4], ',')) {
        const fields entry = cut(each, ':');
        e.allocation.push_back({natural(entry[0]), natural(entry[1]), natural(entry[2])});
    }
    for (const std::string& each : cut(f[5], ',')) {
        const fields entry = cut(each, ':');
        e.ranges.push_back({natural(entry[0]), natural(entry[1])});
    }
    return keep(f[1], [&] { return in::featurevisor_split{unit, e}; });
}

const std::map<std::string, answer (*)(const fields&), std::less<>> commands{
    {"growthbook.bucket",
     [](const fields& f) -> answer {
         return bits(in::growthbook::bucket(text(f[1]), text(f[2]), static_cast<int>(integer(f[3]))));
     }},
    {"growthbook.config", growthbook_config},
    {"growthbook.split", split},
    {"growthbook.rollout",
     [](const fields& f) -> answer {
         return in::growthbook::in_rollout(text(f[1]), text(f[2]), real(f[3]),
                                           static_cast<int>(integer(f[4])))
                    ? "1"
                    : "0";
     }},
    {"unleash.normalized",
     [](const fields& f) -> answer {
         return std::to_string(in::unleash::normalized(text(f[1]), text(f[2])));
     }},
    {"unleash.enabled",
     [](const fields& f) -> answer {
         const double rollout = real(f[3]);
         return rollout > 0.0 && in::unleash::normalized(text(f[1]), text(f[2])) <= rollout ? "1" : "0";
     }},
    {"unleash.variant", unleash_variant},
    {"unleash.config",
     [](const fields& f) -> answer {
         return keep(f[1], [&] {
             return in::unleash_split{
                 unit, {.group = text(f[2]), .rollout = real(f[3]), .weights = numbers<std::uint32_t>(f[4])}};
         });
     }},
    {"unleash.split", split},
    {"optimizely.bucket",
     [](const fields& f) -> answer {
         return std::to_string(in::optimizely::bucket(text(f[1]), text(f[2])));
     }},
    {"optimizely.config", optimizely_config},
    {"optimizely.split", split},
    {"launchdarkly.bucket",
     [](const fields& f) -> answer {
         return bits(in::launchdarkly::bucket(text(f[1]), text(f[2]), text(f[3])));
     }},
    {"launchdarkly.seeded",
     [](const fields& f) -> answer { return bits(in::launchdarkly::bucket(integer(f[1]), text(f[2]))); }},
    {"launchdarkly.config", launchdarkly_config},
    {"launchdarkly.split", split},
    {"planout", planout},
    {"flagd.fractional",
     [](const fields& f) -> answer {
         return index(in::flagd::fractional(text(f[1]), text(f[2]), numbers<std::int64_t>(f[3])));
     }},
    {"flagd.overlapping",
     [](const fields& f) -> answer {
         return index(in::flagd::fractional(text(f[1]), text(f[2]), numbers<std::int64_t>(f[3]),
                                            in::flagd::encoding::utf16_overlapping));
     }},
    {"eppo.shard",
     [](const fields& f) -> answer {
         return std::to_string(in::eppo::shard(text(f[1]), text(f[2]), natural(f[3])));
     }},
    {"eppo.config", eppo_config},
    {"eppo.split", split},
    {"statsig.hash", [](const fields& f) { return statsig_hash(f, in::statsig::implementation::standard); }},
    {"statsig.node", [](const fields& f) { return statsig_hash(f, in::statsig::implementation::node); }},
    {"statsig.gate.config",
     [](const fields& f) -> answer {
         const auto made = in::statsig_gate_split{unit,
                                                  {.salt = text(f[2]),
                                                   .rule = text(f[3]),
                                                   .pass_percentage = real(f[4]),
                                                   .implementation = in::statsig::implementation::node}};
         gates[static_cast<std::size_t>(integer(f[1]))] = [made](std::string_view id) {
             return made.decide(id);
         };
         return std::nullopt;
     }},
    {"statsig.gate",
     [](const fields& f) -> answer {
         return std::to_string(gates.at(static_cast<std::size_t>(integer(f[1])))(text(f[2])).arm);
     }},
    {"statsig.config", statsig_config},
    {"statsig.split", split},
    {"split_io.bucket",
     [](const fields& f) -> answer {
         return std::to_string(in::split_io::bucket(text(f[1]), static_cast<std::int32_t>(integer(f[2]))));
     }},
    {"split_io.config",
     [](const fields& f) -> answer {
         return keep(f[1], [&] {
             return in::split_io_split{unit,
                                       {.name = "flag",
                                        .seed = static_cast<std::int32_t>(integer(f[2])),
                                        .sizes = numbers<std::uint32_t>(f[3]),
                                        .traffic_allocation = natural(f[4]),
                                        .traffic_seed = static_cast<std::int32_t>(integer(f[5]))}};
         });
     }},
    {"split_io.split", split},
    {"featurevisor.bucket",
     [](const fields& f) -> answer {
         return std::to_string(in::featurevisor::bucket(text(f[1]), text(f[2])));
     }},
    {"featurevisor.config", featurevisor_config},
    {"featurevisor.split", split},
};

// What processor time a bucket takes: the same ids, behind the same salts, as timing.cjs gives the SDKs.
template <class Bucket>
void time(const char* name, const Bucket& bucket)
{
    constexpr std::size_t count = 1024;
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < count; ++i) {
        std::array<char, 24> id{};
        std::snprintf(id.data(), id.size(), "user-%011zu", i * 7919);
        ids.emplace_back(id.data());
    }
    double best = 1e9;
    for (int round = 0; round < 20; ++round) {
        volatile std::uint64_t sink = 0;
        const std::clock_t start = std::clock();
        for (int again = 0; again < 20; ++again) {
            for (const std::string& id : ids) {
                sink = sink + static_cast<std::uint64_t>(bucket(std::string_view{id}));
            }
        }
        const double spent = 1e9 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
        best = std::min(best, spent / (20.0 * count));
    }
    std::printf("%s %.1f\n", name, best);
}

int time_all()
{
    const std::string_view salt = "checkout-123";
    time("growthbook-v1", [&](std::string_view id) { return 1e6 * *in::growthbook::bucket(salt, id, 1); });
    time("growthbook-v2", [&](std::string_view id) { return 1e6 * *in::growthbook::bucket(salt, id, 2); });
    time("unleash-strategy", [&](std::string_view id) { return in::unleash::normalized(salt, id); });
    time("unleash-variant", [&](std::string_view id) { return *in::unleash::variant(salt, id, {500, 500}); });
    time("optimizely", [&](std::string_view id) { return in::optimizely::bucket(id, "123456789012"); });
    time("launchdarkly",
         [&](std::string_view id) { return 1e6 * in::launchdarkly::bucket("checkout", "123", id); });
    time("planout", [&](std::string_view id) { return in::planout::hash("checkout", "123", id); });
    time("flagd", [&](std::string_view id) { return *in::flagd::fractional(salt, id, {50, 50}); });
    time("eppo", [&](std::string_view id) { return in::eppo::shard(salt, id); });
    time("statsig", [&](std::string_view id) { return in::statsig::bucket("checkout", "123", id); });
    time("split", [&](std::string_view id) { return in::split_io::bucket(id, 123); });
    time("featurevisor", [&](std::string_view id) { return in::featurevisor::bucket(id, salt); });
    return 0;
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc > 1 && std::string_view{argv[1]} == "--time") {
        return time_all();
    }
    std::ios::sync_with_stdio(false);
    std::string line;
    std::size_t number = 0;
    while (std::getline(std::cin, line)) {
        ++number;
        const fields f = cut(line, '\t');
        const auto command = commands.find(f.empty() ? "" : f[0]);
        if (command == commands.end()) {
            std::fprintf(stderr, "line %zu: no such question: %s\n", number, line.c_str());
            return 2;
        }
        try {
            if (const answer given = command->second(f)) {
                std::cout << *given << '\n';
            }
        } catch (const std::exception& wrong) {
            std::fprintf(stderr, "line %zu: %s\n", number, wrong.what());
            return 2;
        }
    }
    return 0;
}
