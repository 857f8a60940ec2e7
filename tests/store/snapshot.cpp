// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/store/file.hpp>
#include <joust/store/snapshot.hpp>
#include <joust/trial/ab_test.hpp>

#include "catch.hpp"

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

using namespace joust;

namespace {

auto trial_of(std::string_view salt)
{
    return ab_test{model{"old", [](std::uint64_t) { return 0; }},
                   model{"new",
                         [](std::uint64_t user) {
                             if (user % 10 == 0) {
                                 throw user;
                             }
                             return 1;
                         }},
                   by([](std::uint64_t user) { return user; }),
                   hash_split{.salt = salt},
                   conversion<"click">{},
                   guardrail(failures{}, {.max_ratio = 2.0})};
}

// Elements that are far larger in memory than the shortest bytes that stand for one.
struct sketches {
    std::vector<latency_sketch> times;

    template <class Archive>
    void fields(Archive& archive)
    {
        archive(times);
    }
};

evidence some_evidence(std::uint64_t seed)
{
    auto trial = trial_of("snapshot");
    keyed_random random{seed};
    for (int i = 0; i < 2'000; ++i) {
        trial.observe<"click">(trial.serve(random.below(500)).ticket, random.chance(0.2));
    }
    static_cast<void>(trial.report());  // fixes the tests' memory
    return trial.evidence();
}

}  // namespace

TEST_CASE("evidence comes back from bytes as it was")
{
    const evidence before = some_evidence(1);
    const std::string bytes = to_snapshot(before);
    CHECK(from_snapshot<evidence>(bytes) == before);
    CHECK(to_snapshot(from_snapshot<evidence>(bytes)) == bytes);
    CHECK(before.failed(1) > 0);
    CHECK_FALSE(before.pairs[0].events[0].empty());
}

TEST_CASE("merging does not depend on the order, and a part merged with nothing stays")
{
    const evidence a = some_evidence(1);
    const evidence b = some_evidence(2);
    const evidence c = some_evidence(3);
    const auto merged = [](evidence x, const evidence& y) {
        x.merge(y);
        return x;
    };
    const evidence left = merged(merged(a, b), c);
    const evidence right = merged(a, merged(b, c));
    CHECK(left.requests() == right.requests());
    CHECK(left.arms == right.arms);
    CHECK(left.pairs[0].events == right.pairs[0].events);
    CHECK(merged(a, b).pairs[0].events == merged(b, a).pairs[0].events);
    for (std::size_t i = 0; i < bucket_count; ++i) {
        CHECK(left.pairs[0].series[2].challenger[i] ==
              Approx(right.pairs[0].series[2].challenger[i]).epsilon(1e-12));
    }
}

TEST_CASE("files hold snapshots, and several merge")
{
    const evidence a = some_evidence(1);
    const evidence b = some_evidence(2);
    save("snapshot_a.joust", a);
    save("snapshot_b.joust", b);
    save("snapshot_b.joust", b);  // writing twice counts once
    const auto merged = load_merged<evidence>({"snapshot_a.joust", "snapshot_b.joust"});
    CHECK(merged.requests() == a.requests() + b.requests());
    CHECK_THROWS_WITH(load<evidence>("no_such_file.joust"), ContainsSubstring("no_such_file.joust"));
    write_file("snapshot_b.joust", "not a snapshot at all, but long enough to be one");
    CHECK_THROWS_WITH(load<evidence>("snapshot_b.joust"),
                      ContainsSubstring("snapshot_b.joust: not a snapshot"));
    CHECK_THROWS_AS(load_merged<evidence>({}), configuration_error);
    std::remove("snapshot_a.joust");
    std::remove("snapshot_b.joust");
}

TEST_CASE("bytes of any kind give a clear error or an equal value, never anything else")
{
    const std::string good = to_snapshot(some_evidence(4));
    const auto refused = [](std::string_view bytes) {
        try {
            static_cast<void>(from_snapshot<evidence>(bytes));
            return false;
        } catch (const parse_error& e) {
            return std::string_view{e.what()}.size() > 10;
        }
    };
    CHECK(refused(""));
    CHECK(refused("joustsnp"));
    CHECK(refused(good + "x"));
    keyed_random random{5};
    for (int i = 0; i < 300; ++i) {
        std::string bad = good;
        bad[random.below(bad.size())] ^= static_cast<char>(1 + random.below(255));
        CHECK(refused(bad));
        CHECK(refused(good.substr(0, random.below(good.size()))));
    }
    int refusals = 0;
    // With a right checksum the contents themselves must be checked: damage them and sign them again.
    for (int i = 0; i < 300; ++i) {
        std::string bad = good.substr(0, good.size() - 8);
        const std::size_t at = 20 + random.below(random.chance(0.5) ? 200 : bad.size() - 20);
        bad[at] ^= static_cast<char>(1 + random.below(255));
        const std::uint64_t sum = xxh64(bad);
        for (std::size_t b = 0; b < 8; ++b) {
            bad += static_cast<char>((sum >> (8 * b)) & 0xffU);
        }
        try {
            const auto value = from_snapshot<evidence>(bad);
            CHECK(value.consistent());
        } catch (const parse_error&) {
            ++refusals;
        }
    }
    CHECK(refusals > 50);
}

TEST_CASE("a snapshot that promises many large elements is refused before memory is taken for them")
{
    // A million empty sketches may be promised by as many bytes; in memory they would be 19 GB.
    sketches none;
    std::string bytes = to_snapshot(none);
    bytes.resize(bytes.size() - 16);
    const std::uint64_t promised = 1'000'000;
    const auto append = [&](std::uint64_t number) {
        for (std::size_t i = 0; i < 8; ++i) {
            bytes += static_cast<char>((number >> (8 * i)) & 0xffU);
        }
    };
    append(promised);
    bytes += std::string(promised, '\xff');
    for (std::size_t i = 0; i < 8; ++i) {
        bytes[12 + i] = static_cast<char>(((promised + 8) >> (8 * i)) & 0xffU);
    }
    append(xxh64(bytes));
    CHECK_THROWS_WITH(from_snapshot<sketches>(bytes), "the snapshot promises a longer list than it holds");
}

TEST_CASE("registers and counts with impossible values are refused and not corrected")
{
    const evidence good = some_evidence(6);
    const std::string bytes = to_snapshot(good);
    const auto signed_again = [](std::string changed) {
        changed.resize(changed.size() - 8);
        const std::uint64_t sum = xxh64(changed);
        for (std::size_t i = 0; i < 8; ++i) {
            changed += static_cast<char>((sum >> (8 * i)) & 0xffU);
        }
        return changed;
    };
    // The registers of the first arm follow the names and the number of arms; find them by raising one.
    evidence raised = good;
    raised.arms[0].units.raise(0, hyperloglog<>::max_rank);
    const std::string other = to_snapshot(raised);
    std::size_t at = 20;
    while (other[at] == bytes[at]) {
        ++at;
    }
    REQUIRE(from_snapshot<evidence>(signed_again(other)) == raised);
    std::string bad = other;
    bad[at] = static_cast<char>(hyperloglog<>::max_rank + 1);
    CHECK_THROWS_WITH(from_snapshot<evidence>(signed_again(bad)),
                      "the snapshot holds a register of units with an impossible value");

    evidence counted = good;
    counted.arms[0].latency = {};
    counted.arms[0].latency.add_bin(3, ~std::uint64_t{0});
    CHECK(from_snapshot<evidence>(to_snapshot(counted)) == counted);
    counted.arms[0].latency.add_bin(4, 1);
    CHECK_THROWS_WITH(from_snapshot<evidence>(to_snapshot(counted)),
                      "the snapshot holds more latencies than can be counted");
}
