// SPDX-License-Identifier: Apache-2.0

#include <joust/evidence/evidence.hpp>
#include <joust/store/snapshot.hpp>

#include "catch.hpp"
#include "metric/support.hpp"

#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

using namespace joust_test;

namespace {

using joust::evidence;

const double not_a_number = std::numeric_limits<double>::quiet_NaN();
const double inf = std::numeric_limits<double>::infinity();

evidence merged(evidence a, const evidence& b)
{
    a.merge(b);
    return a;
}

// Parts with everything in them, memories too; their shares differ as the stages of a ramp do.
evidence part(std::uint64_t seed)
{
    const double share = 0.1 * static_cast<double>(1 + seed % 5);
    auto stream = arrivals(seed, 3'000, {.share = share, .failing = 0.05});
    for (arrival& a : stream) {
        a.time = joust::mix64(a.time + seed) % 1'000;
    }
    evidence seen = evidence_of(stream);
    seen.ignored = {seed, 1, 2, 3, 4, 5 * seed, 6, 7, 8, 9};
    seen.ignored.resize(joust::detail::ignored_reasons);
    seen.unrecorded = 7 + seed;
    seen.pairs[0].memory[2].rho = 3.0 + static_cast<double>(seed % 3);
    seen.pairs[0].memory[2].highest_log_e = 1.5;
    seen.pairs[0].memory[1].counted = {true, 0.1, 0.2, 0.1, -inf, 0.3, 0.04};
    return seen;
}

// The same with one quantile metric, its threshold fixed unless the seed is even.
evidence part_with_quantile(std::uint64_t seed)
{
    evidence seen = part(seed);
    joust::quantile_evidence values{.q = 0.9, .values = std::vector<joust::value_sketch>(2)};
    if (seed % 2 == 1) {
        values.lowest = values.highest = 2.0 + static_cast<double>(seed);
    }
    for (std::uint64_t i = 0; i < 50; ++i) {
        values.values[i % 2].add_bin(joust::mix64(seed + i) % joust::value_sketch::bins, 0.5);
    }
    seen.quantiles.push_back(values);
    return seen;
}

struct change {
    const char* what;
    std::function<void(evidence&)> apply;
};

}  // namespace

TEST_CASE("evidence of parts, merged, is the evidence of one stream")
{
    auto stream = arrivals(1, 12'000, {.failing = 0.05});
    for (std::size_t i = 0; i < stream.size(); ++i) {
        stream[i].s = i < 6'000 ? 0.3 : 0.45;  // a ramp: parts end anywhere
    }
    const evidence whole = evidence_of(stream);
    REQUIRE(whole.requests() == 12'000);
    for (const std::size_t parts : {2U, 3U, 7U}) {
        evidence together = empty_evidence();
        for (std::size_t p = 0; p < parts; ++p) {
            std::vector<arrival> own;
            for (std::size_t i = p; i < stream.size(); i += parts) {
                own.push_back(stream[i]);
            }
            together.merge(evidence_of(own));
        }
        CHECK(same_counts(together, whole));
        CHECK(distance(together, whole) < 1e-12);
    }
}

TEST_CASE("merging is commutative to the last bit and associative to rounding")
{
    const evidence a = part(1);
    const evidence b = part(2);
    const evidence c = part(3);
    CHECK(merged(a, b) == merged(b, a));
    CHECK(merged(b, c) == merged(c, b));
    const evidence left = merged(merged(a, b), c);
    const evidence right = merged(a, merged(b, c));
    CHECK(same_counts(left, right));
    CHECK(distance(left, right) < 1e-12);
    CHECK(left.pairs[0].memory == right.pairs[0].memory);
    CHECK(left.requests() == 9'000);
    CHECK(left.unrecorded == 27);
    std::vector<std::uint64_t> ignored{6, 3, 6, 9, 12, 30, 18, 21, 24, 27};
    ignored.resize(joust::detail::ignored_reasons);
    CHECK(left.ignored == ignored);
}

TEST_CASE("merging with empty evidence changes only what a part has shown alone")
{
    const evidence a = part(4);
    evidence expected = a;
    for (auto& memory : expected.pairs[0].memory) {
        memory.highest_log_e = 0.0;
        memory.decided = {};
    }
    CHECK(merged(a, empty_evidence()) == expected);
    CHECK(merged(empty_evidence(), a) == expected);
}

TEST_CASE("of the rhos that replicas fixed the largest stays, and evidence of parts is forgotten")
{
    joust::test_memory small{.rho = 2.0, .highest_log_e = 9.0};
    joust::test_memory large{.rho = 3.0, .highest_log_e = 1.0};
    large.decided.taken = true;
    const joust::test_memory none;
    joust::test_memory one = small;
    one.merge(large);
    joust::test_memory two = large;
    two.merge(small);
    CHECK(one == two);
    CHECK(one == joust::test_memory{.rho = 3.0});
    one.merge(none);
    CHECK(one == joust::test_memory{.rho = 3.0});
}

TEST_CASE(
    "of the looks at parts the first one stays, in every order of merging, whatever the looks have found")
{
    const auto looked = [](double exposures, double estimate, double p) {
        joust::test_memory memory;
        memory.counted = {true, 0.2, 0.2 + estimate, estimate, estimate - 0.1, estimate + 0.1, p, exposures};
        return memory;
    };
    const joust::test_memory none;
    int smaller = 0;
    for (int i = 0; i < 200; ++i) {
        const double x = 0.001 * i;
        for (const auto& [a, b] : {std::pair{looked(100.0, x, 0.9), looked(200.0, 0.3, 0.001)},
                                   std::pair{looked(100.0, x, 0.9), looked(100.0, 0.3 + x, 0.001)},
                                   std::pair{looked(100.0, x, 0.9), none}}) {
            joust::test_memory one = a;
            one.merge(b);
            joust::test_memory two = b;
            two.merge(a);
            CHECK(one == two);
            CHECK(one.counted.taken);
            CHECK((one.counted == a.counted || b.counted.exposures == 100.0));
            smaller += b.counted.exposures == 100.0 && one.counted.p_value == 0.001 ? 1 : 0;
        }
    }
    // Between looks at the same exposures the choice is a coin.
    CHECK(smaller > 70);
    CHECK(smaller < 130);
}

TEST_CASE("a look at merged evidence stays, and comes back with any of its parts")
{
    joust::test_memory part;
    part.counted = {true, 0.2, 0.3, 0.1, 0.0, 0.2, 0.5, 100.0};
    joust::test_memory at_whole;
    at_whole.looks = {{10.0, 0.5, 1.0}};
    at_whole.counted = {true, 0.2, 0.4, 0.2, 0.0, 0.4, 0.04, 900.0};
    joust::test_memory first = part;
    first.learn_whole(at_whole);
    CHECK(first.counted == part.counted);
    CHECK(first.consistent());
    const joust::test_memory other;
    for (int order = 0; order < 2; ++order) {
        joust::test_memory merged = order == 0 ? first : other;
        merged.merge(order == 0 ? other : first);
        merged.resume({}, 1'000.0);
        CHECK(merged.counted == at_whole.counted);
        CHECK(merged.looks == at_whole.looks);
        // The next look continues it, and an older copy of the memory does not take it back.
        joust::test_memory next = merged;
        next.looks.push_back({20.0, 1.0, 2.0});
        next.counted.exposures = 2'000.0;
        joust::test_memory second = other;
        second.learn_whole(next);
        second.merge(first);
        second.resume({}, 3'000.0);
        CHECK(second.looks.size() == 2);
    }
    joust::test_memory of_judge;
    of_judge.learn_whole(at_whole);
    joust::test_memory grown = other;
    grown.resume(of_judge, 1'000.0);
    CHECK(grown.counted == at_whole.counted);
    joust::test_memory smaller = other;
    smaller.resume(of_judge, 800.0);
    CHECK(smaller == other);
}

TEST_CASE("what a memory has fixed stays, and it learns the rest from a look at a copy")
{
    joust::test_memory kept{.rho = 2.0, .highest_log_e = 1.0};
    joust::test_memory found{.rho = 5.0, .highest_log_e = 4.0};
    found.counted = {true, 0.1, 0.2, 0.1, 0.0, 0.2, 0.03};
    kept.learn(found);
    CHECK(kept.rho == 2.0);
    CHECK(kept.highest_log_e == 4.0);
    CHECK(kept.counted == found.counted);
    joust::test_memory later{.rho = 7.0, .highest_log_e = -3.0};
    later.counted = {true, 0.5, 0.6, 0.1, 0.0, 0.2, 0.9};
    kept.learn(later);
    CHECK(kept.rho == 2.0);
    CHECK(kept.highest_log_e == 4.0);
    CHECK(kept.counted == found.counted);
    joust::test_memory fresh;
    fresh.learn(found);
    CHECK(fresh == found);
}

TEST_CASE("evidence of another trial, or of other models, metrics or guardrails is refused whole")
{
    const evidence own = part(5);
    const change changes[] = {
        {"trial", [](evidence& e) { e.trial = "another"; }},
        {"a model's name", [](evidence& e) { e.models[1] = "newer"; }},
        {"order of models", [](evidence& e) { std::swap(e.models[0], e.models[1]); }},
        {"a metric's name", [](evidence& e) { e.series[2] = "buy"; }},
        {"a metric more", [](evidence& e) { e.series.emplace_back("buy"); }},
        {"a guardrail more", [](evidence& e) { e.pairs[0].events.emplace_back(); }},
        {"a guardrail less", [](evidence& e) { e.pairs[0].events.pop_back(); }},
        {"a pair less", [](evidence& e) { e.pairs.pop_back(); }},
        {"an arm less", [](evidence& e) { e.arms.pop_back(); }},
        {"a series less", [](evidence& e) { e.pairs[0].series.pop_back(); }},
        {"a memory less", [](evidence& e) { e.pairs[0].memory.pop_back(); }},
        {"buckets less", [](evidence& e) { e.pairs[0].series[1].champion_root.pop_back(); }},
    };
    for (const change& c : changes) {
        INFO(c.what);
        evidence other = own;
        c.apply(other);
        evidence mine = own;
        CHECK_THROWS_AS(mine.merge(other), joust::configuration_error);
        CHECK(mine == own);
        CHECK_THROWS_AS(other.merge(own), joust::configuration_error);
    }
    evidence other = own;
    other.trial = "another";
    CHECK_THROWS_WITH(
        merged(own, other),
        "evidence is of trial 'another'; allowed: evidence of trial 'trial' with the same models, metrics and guardrails in the same order");
}

TEST_CASE("requests and failures are read from the counts of each arm")
{
    const auto stream = arrivals(6, 5'000, {.failing = 0.1});
    const evidence seen = evidence_of(stream);
    std::uint64_t served[2] = {0, 0};
    std::uint64_t failed[2] = {0, 0};
    for (const arrival& a : stream) {
        ++served[a.challenger ? 1 : 0];
        failed[a.challenger ? 1 : 0] += a.failed ? 1 : 0;
    }
    for (const std::size_t arm : {0U, 1U}) {
        CHECK(seen.requests(arm) == served[arm]);
        CHECK(seen.failed(arm) == failed[arm]);
    }
    CHECK(seen.requests() == 5'000);
    CHECK(failed[0] > 0);
    CHECK(failed[1] > 0);
}

TEST_CASE(
    "the overlap of exposures is 0 while nothing is randomised, and otherwise s (1 - s) per request on average")
{
    sums seen;
    for (const double s : {0.0, 1.0}) {
        seen.add({.pseudonym = 5, .challenger = s > 0.5, .s = s, .x = 1.0});
    }
    CHECK(seen.exposures.expected_overlap() == 0.0);
    for (int i = 0; i < 4; ++i) {  // exactly as many as expected: the sum is exact too
        seen.add(
            {.pseudonym = static_cast<std::uint64_t>(i) << 60, .challenger = i == 0, .s = 0.25, .x = 1.0});
    }
    CHECK(seen.exposures.expected_overlap() == 4 * 0.25 * 0.75);
    seen.exposures.clear();
    CHECK(seen.exposures == joust::bucket_sums{joust::bucket_count});
}

TEST_CASE("evidence whose lists do not fit or whose numbers are impossible is not consistent")
{
    const evidence good = part(7);
    REQUIRE(good.consistent());
    REQUIRE(empty_evidence().consistent());
    REQUIRE(good.pairs[0].events[0].size() > 2);
    CHECK_FALSE(evidence{}.consistent());
    const change changes[] = {
        {"one model", [](evidence& e) { e.models.pop_back(); }},
        {"one arm", [](evidence& e) { e.arms.pop_back(); }},
        {"three arms", [](evidence& e) { e.arms.emplace_back(); }},
        {"no pair", [](evidence& e) { e.pairs.clear(); }},
        {"two pairs", [](evidence& e) { e.pairs.push_back(e.pairs[0]); }},
        {"series without a name", [](evidence& e) { e.series.pop_back(); }},
        {"a name without a series", [](evidence& e) { e.series.emplace_back("more"); }},
        {"nothing but exposures",
         [](evidence& e) {
             e.series.resize(1);
             e.pairs[0].series.resize(1);
             e.pairs[0].memory.resize(1);
         }},
        {"memory", [](evidence& e) { e.pairs[0].memory.pop_back(); }},
        {"challenger buckets", [](evidence& e) { e.pairs[0].series[0].challenger.pop_back(); }},
        {"champion buckets", [](evidence& e) { e.pairs[0].series[1].champion.push_back(0.0); }},
        {"challenger roots", [](evidence& e) { e.pairs[0].series[2].challenger_root.clear(); }},
        {"champion roots", [](evidence& e) { e.pairs[0].series[2].champion_root.pop_back(); }},
        {"a sum NaN", [](evidence& e) { e.pairs[0].series[2].challenger[17] = not_a_number; }},
        {"a sum infinite", [](evidence& e) { e.pairs[0].series[2].champion[1023] = -inf; }},
        {"a root NaN", [](evidence& e) { e.pairs[0].series[0].challenger_root[0] = not_a_number; }},
        {"a root infinite", [](evidence& e) { e.pairs[0].series[0].champion_root[3] = inf; }},
        {"expected NaN", [](evidence& e) { e.pairs[0].series[2].expected = not_a_number; }},
        {"expected infinite", [](evidence& e) { e.pairs[0].series[2].expected = inf; }},
        {"expected negative", [](evidence& e) { e.pairs[0].series[2].expected = -1.0; }},
        {"rho NaN", [](evidence& e) { e.pairs[0].memory[0].rho = not_a_number; }},
        {"rho negative", [](evidence& e) { e.pairs[0].memory[0].rho = -1.0; }},
        {"rho infinite", [](evidence& e) { e.pairs[0].memory[0].rho = inf; }},
        {"evidence NaN", [](evidence& e) { e.pairs[0].memory[0].highest_log_e = not_a_number; }},
        {"evidence infinite", [](evidence& e) { e.pairs[0].memory[0].highest_log_e = inf; }},
        {"a counted mean NaN", [](evidence& e) { e.pairs[0].memory[1].counted.champion = not_a_number; }},
        {"a counted mean infinite", [](evidence& e) { e.pairs[0].memory[1].counted.challenger = inf; }},
        {"a counted estimate NaN", [](evidence& e) { e.pairs[0].memory[1].counted.estimate = not_a_number; }},
        {"a counted end NaN", [](evidence& e) { e.pairs[0].memory[1].counted.upper = not_a_number; }},
        {"counted ends crossed", [](evidence& e) { e.pairs[0].memory[1].counted.lower = 0.5; }},
        {"a counted p-value above 1", [](evidence& e) { e.pairs[0].memory[1].counted.p_value = 1.5; }},
        {"a counted p-value NaN", [](evidence& e) { e.pairs[0].memory[1].counted.p_value = not_a_number; }},
        {"a slot that does not exist",
         [](evidence& e) { e.pairs[0].events[0].back().slot = joust::detail::event_slots; }},
        {"a slot twice", [](evidence& e) { e.pairs[0].events[0][1].slot = e.pairs[0].events[0][0].slot; }},
        {"slots out of order",
         [](evidence& e) { std::swap(e.pairs[0].events[0][0], e.pairs[0].events[0][1]); }},
        {"propensity 0", [](evidence& e) { e.pairs[0].events[0][0].propensity = 0.0; }},
        {"propensity 1", [](evidence& e) { e.pairs[0].events[0][0].propensity = 1.0; }},
        {"propensity NaN", [](evidence& e) { e.pairs[0].events[0][0].propensity = not_a_number; }},
        {"epoch 0", [](evidence& e) { e.pairs[0].events[0][0].epoch = 0; }},
        {"epochs out of order", [](evidence& e) { e.pairs[0].events[0][0].epoch = 2; }},
        {"an epoch too old", [](evidence& e) { e.pairs[0].events[0].back().epoch = 3; }},
        {"highest evidence of no guardrail", [](evidence& e) { e.pairs[0].peaks.assign(2, {}); }},
        {"highest evidence NaN", [](evidence& e) { e.pairs[0].peaks.assign(1, {not_a_number, 1, 1}); }},
        {"highest evidence below 0", [](evidence& e) { e.pairs[0].peaks.assign(1, {-1.0, 1, 1}); }},
        {"highest evidence of a later epoch", [](evidence& e) { e.pairs[0].peaks.assign(1, {1.0, 2, 1}); }},
        {"highest evidence of no epoch", [](evidence& e) { e.pairs[0].peaks.assign(1, {1.0, 0, 1}); }},
    };
    for (const change& c : changes) {
        INFO(c.what);
        evidence bad = good;
        c.apply(bad);
        CHECK_FALSE(bad.consistent());
        CHECK_THROWS_AS(joust::from_snapshot<evidence>(joust::to_snapshot(bad)), joust::parse_error);
    }
}

TEST_CASE("pairs must have the same number of guardrails")
{
    evidence three = empty_evidence();
    three.models.emplace_back("newest");
    three.arms.resize(3);
    three.pairs.push_back(three.pairs[0]);
    CHECK(three.consistent());
    three.pairs[1].events.clear();
    CHECK_FALSE(three.consistent());
}

TEST_CASE("every field is written and read back unchanged")
{
    const evidence base = part(8);
    const std::string bytes = joust::to_snapshot(base);
    REQUIRE(joust::from_snapshot<evidence>(bytes) == base);
    const change changes[] = {
        {"trial", [](evidence& e) { e.trial += '\0'; }},
        {"models", [](evidence& e) { e.models[1] += "x"; }},
        {"series", [](evidence& e) { e.series[0] += "x"; }},
        {"units", [](evidence& e) { e.arms[1].units.raise(0, joust::hyperloglog<>::max_rank); }},
        {"latency", [](evidence& e) { e.arms[0].latency.add(joust::latency_sketch::limit); }},
        {"challenger", [](evidence& e) { e.pairs[0].series[2].challenger[0] += 1.0; }},
        {"champion", [](evidence& e) { e.pairs[0].series[2].champion[1] -= 1e300; }},
        {"challenger root", [](evidence& e) { e.pairs[0].series[2].challenger_root[2] += 1e-9; }},
        {"champion root", [](evidence& e) { e.pairs[0].series[2].champion_root[1023] += 1.0; }},
        {"challenger count", [](evidence& e) { e.pairs[0].series[2].challenger_count = ~0ULL; }},
        {"champion count", [](evidence& e) { ++e.pairs[0].series[0].champion_count; }},
        {"expected", [](evidence& e) { e.pairs[0].series[2].expected += 1.0; }},
        {"slot", [](evidence& e) { e.pairs[0].events[0].back().slot = 16'383; }},
        {"whose event", [](evidence& e) { e.pairs[0].events[0][0].challenger ^= true; }},
        {"propensity", [](evidence& e) { e.pairs[0].events[0][0].propensity = 0x1p-24; }},
        {"time", [](evidence& e) { e.pairs[0].events[0][0].time = ~0ULL; }},
        {"epoch", [](evidence& e) { e.pairs[0].events[0].back().epoch = 2; }},
        {"highest evidence of first events", [](evidence& e) { e.pairs[0].peaks.push_back({0.1, 1, 1}); }},
        {"rho", [](evidence& e) { e.pairs[0].memory[0].rho = 1e-300; }},
        {"highest evidence", [](evidence& e) { e.pairs[0].memory[0].highest_log_e = -0.5; }},
        {"a look taken", [](evidence& e) { e.pairs[0].memory[0].counted.taken = true; }},
        {"its champion", [](evidence& e) { e.pairs[0].memory[1].counted.champion = 0.3; }},
        {"its challenger", [](evidence& e) { e.pairs[0].memory[1].counted.challenger = 0.3; }},
        {"its estimate", [](evidence& e) { e.pairs[0].memory[1].counted.estimate = 0.3; }},
        {"its lower end", [](evidence& e) { e.pairs[0].memory[1].counted.lower = -0.3; }},
        {"its upper end", [](evidence& e) { e.pairs[0].memory[1].counted.upper = inf; }},
        {"its p-value", [](evidence& e) { e.pairs[0].memory[1].counted.p_value = 1.0; }},
        {"ignored", [](evidence& e) { ++e.ignored[3]; }},
        {"unrecorded", [](evidence& e) { ++e.unrecorded; }},
    };
    REQUIRE(base.pairs[0].events[0].back().slot < 16'383);
    for (const change& c : changes) {
        INFO(c.what);
        evidence changed = base;
        c.apply(changed);
        REQUIRE_FALSE(changed == base);
        const std::string other = joust::to_snapshot(changed);
        CHECK(other != bytes);
        CHECK(joust::from_snapshot<evidence>(other) == changed);
    }
}

TEST_CASE("of quantiles the sketches add, and replicas' thresholds span what they were")
{
    const evidence a = part_with_quantile(1);
    const evidence b = part_with_quantile(3);
    const evidence open = part_with_quantile(2);
    CHECK(merged(a, b) == merged(b, a));
    CHECK(merged(merged(a, open), b).quantiles == merged(a, merged(open, b)).quantiles);
    const joust::quantile_evidence both = merged(a, b).quantiles[0];
    CHECK(both.lowest == 3.0);
    CHECK(both.highest == 5.0);
    CHECK(both.fixed());
    joust::value_sketch champion = a.quantiles[0].values[0];
    champion.merge(b.quantiles[0].values[0]);
    CHECK(both.values[0] == champion);
    CHECK_FALSE(open.quantiles[0].fixed());
    CHECK(merged(a, open).quantiles[0].lowest == 3.0);
    CHECK(merged(open, a).quantiles[0].highest == 3.0);
    evidence still_open = merged(open, part_with_quantile(4));
    CHECK_FALSE(still_open.quantiles[0].fixed());
    CHECK(still_open.consistent());
    evidence other = b;
    other.quantiles[0].q = 0.5;
    CHECK_THROWS_AS(still_open.merge(other), joust::configuration_error);
    other.quantiles.clear();
    CHECK_THROWS_AS(still_open.merge(other), joust::configuration_error);
    CHECK_THROWS_AS(other.merge(b), joust::configuration_error);
    CHECK_THROWS_AS(part(1).merge(b), joust::configuration_error);
}

TEST_CASE("quantiles are written last, are read back unchanged, and are refused with impossible numbers")
{
    const evidence good = part_with_quantile(5);
    const std::string bytes = joust::to_snapshot(good);
    REQUIRE(good.consistent());
    CHECK(joust::from_snapshot<evidence>(bytes) == good);
    CHECK(joust::from_snapshot<evidence>(joust::to_snapshot(part_with_quantile(6))) == part_with_quantile(6));
    evidence without = good;
    without.quantiles.clear();
    const std::string shorter = joust::to_snapshot(without);
    CHECK(joust::from_snapshot<evidence>(shorter) == without);
    CHECK(bytes.substr(20, shorter.size() - 28) == shorter.substr(20, shorter.size() - 28));
    const change changes[] = {
        {"q", [](evidence& e) { e.quantiles[0].q = 0.8; }},
        {"lowest", [](evidence& e) { e.quantiles[0].lowest = -1.0; }},
        {"highest", [](evidence& e) { e.quantiles[0].highest = 1e9; }},
        {"champion's values", [](evidence& e) { e.quantiles[0].values[0].add_bin(17, 1e-9); }},
        {"challenger's values", [](evidence& e) { e.quantiles[0].values[1].add_bin(0); }},
    };
    for (const change& c : changes) {
        INFO(c.what);
        evidence changed = good;
        c.apply(changed);
        REQUIRE_FALSE(changed == good);
        const std::string other = joust::to_snapshot(changed);
        CHECK(other != bytes);
        CHECK(joust::from_snapshot<evidence>(other) == changed);
    }
    // An empty list at the end is refused, so that there is one way to write a value.
    std::string padded = shorter.substr(0, shorter.size() - 8) + std::string(8, '\0');
    padded[12] =
        static_cast<char>(static_cast<unsigned char>(padded[12]) + 8);  // the length, still without a carry
    REQUIRE(static_cast<unsigned char>(padded[12]) >= 8);
    const std::uint64_t sum = joust::xxh64(padded);
    for (unsigned i = 0; i < 8; ++i) {
        padded += static_cast<char>((sum >> (8 * i)) & 0xffU);
    }
    CHECK_THROWS_WITH(joust::from_snapshot<evidence>(padded), "the snapshot ends with an empty list");
    const change faults[] = {
        {"q of 0", [](evidence& e) { e.quantiles[0].q = 0.0; }},
        {"q of 1", [](evidence& e) { e.quantiles[0].q = 1.0; }},
        {"q NaN", [](evidence& e) { e.quantiles[0].q = not_a_number; }},
        {"a threshold NaN", [](evidence& e) { e.quantiles[0].lowest = not_a_number; }},
        {"a threshold infinite", [](evidence& e) { e.quantiles[0].highest = inf; }},
        {"thresholds crossed", [](evidence& e) { e.quantiles[0].highest = 1.0; }},
        {"no sketch", [](evidence& e) { e.quantiles[0].values.clear(); }},
        {"three sketches", [](evidence& e) { e.quantiles[0].values.emplace_back(); }},
        {"a weight NaN", [](evidence& e) { e.quantiles[0].values[0].add_bin(17, not_a_number); }},
        {"a weight infinite", [](evidence& e) { e.quantiles[0].values[0].add_bin(17, inf); }},
        {"a weight below 0", [](evidence& e) { e.quantiles[0].values[1].add_bin(8, -5.0); }},
    };
    for (const change& c : faults) {
        INFO(c.what);
        evidence bad = good;
        c.apply(bad);
        CHECK_THROWS_AS(joust::from_snapshot<evidence>(joust::to_snapshot(bad)), joust::parse_error);
    }
}
