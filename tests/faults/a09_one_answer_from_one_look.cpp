// SPDX-License-Identifier: Apache-2.0

// Direction, interval, estimate and p-value of an answer are those of one look, under every inference policy and past
// every plan.

#include <joust/core/random.hpp>
#include <joust/inference/always_valid.hpp>
#include <joust/inference/bayesian.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/inference/group_sequential.hpp>
#include <joust/inference/hybrid.hpp>
#include <joust/trial/ab_test.hpp>

#include "catch.hpp"
#include "metric/support.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

using namespace joust;
using joust_test::arrival;

namespace {

/// A course of a trial: the challenger's rate differs before and after a turn, so that early and late data disagree.
struct course {
    keyed_random random;
    double before = 0.0;
    double after = 0.0;
    int turn = 0;
    int served = 0;

    explicit course(std::uint64_t seed) : random(seed)
    {
        before = 0.2 + 0.2 * (random.uniform() - 0.5);
        after = 0.2 + 0.2 * (random.uniform() - 0.5);
        turn = 500 + static_cast<int>(random.below(3'000));
    }
    arrival next()
    {
        const std::uint64_t unit = random.below(100'000);
        const bool challenger = random.chance(0.5);
        const double rate = served++ < turn ? before : after;
        return {.pseudonym = mix64(unit + 1),
                .challenger = challenger,
                .s = 0.5,
                .x = random.chance(challenger ? rate : 0.2) ? 1.0 : 0.0};
    }
};

struct tally {
    int looks = 0;
    int rejections = 0;
};

void check_one_look(const inference& answer, double alpha, double none, tally& seen)
{
    if (answer.state != status::ok) {
        CHECK_FALSE(answer.rejects(alpha));
        return;
    }
    ++seen.looks;
    const bool rejects = answer.rejects(alpha);
    seen.rejections += rejects ? 1 : 0;
    CHECK(answer.lower <= answer.estimate);
    CHECK(answer.estimate <= answer.upper);
    CHECK((answer.lower > none || answer.upper < none) == rejects);
    if (!std::isnan(answer.chance_more)) {
        CHECK((answer.chance_more > 0.5) == (answer.estimate > none));
    }
}

template <class Policy>
tally follow(const Policy& policy, std::uint64_t courses, bool relative)
{
    tally seen;
    for (std::uint64_t seed = 1; seed <= courses; ++seed) {
        course drift{1'000 + seed};
        joust_test::sums sums;
        test_memory memory;
        for (int look = 1; look <= 12; ++look) {
            for (int i = 0; i < 500; ++i) {
                sums.add(drift.next());
            }
            CAPTURE(seed, look, relative);
            check_one_look(
                policy.infer(sums.look(500.0), {.relative = relative, .alpha = policy.alpha}, memory),
                policy.alpha, relative ? 1.0 : 0.0, seen);
        }
    }
    return seen;
}

/// The same for pairs, as in shadows and interleaving.
template <class Policy>
tally follow_pairs(const Policy& policy, std::uint64_t courses)
{
    tally seen;
    for (std::uint64_t seed = 1; seed <= courses; ++seed) {
        keyed_random random{5'000 + seed};
        const double early = 0.2 * (random.uniform() - 0.5);
        const double late = 0.2 * (random.uniform() - 0.5);
        const int turn = 300 + static_cast<int>(random.below(2'000));
        std::vector<double> difference(bucket_count);
        std::vector<double> count(bucket_count);
        double events = 0.0;
        test_memory memory;
        int pairs = 0;
        for (int look = 1; look <= 12; ++look) {
            for (int i = 0; i < 300; ++i) {
                const std::size_t bucket = random.below(bucket_count);
                const double effect = pairs++ < turn ? early : late;
                const double gain = random.chance(0.2) ? (random.chance(0.5 + effect) ? 1.0 : -1.0) : 0.0;
                difference[bucket] += gain;
                count[bucket] += 1.0;
                events += gain != 0.0 ? 1.0 : 0.0;
            }
            CAPTURE(seed, look);
            check_one_look(
                detail::judge_pairs(policy, {difference, count, 0.5}, events, policy.alpha, memory),
                policy.alpha, 0.0, seen);
        }
    }
    return seen;
}

template <class Policy>
report past_the_plan(const Policy& policy, std::uint64_t seed)
{
    ab_test trial{model{"old", [](std::uint64_t) { return 0; }},
                  model{"new", [](std::uint64_t) { return 1; }},
                  by([](std::uint64_t user) { return user; }),
                  hash_split{.salt = "past-" + std::to_string(seed)},
                  conversion<"click">{},
                  policy};
    keyed_random random{seed};
    report last;
    for (std::uint64_t i = 1; i <= 6'000; ++i) {
        auto [arm, ticket] = trial.serve(i);
        // The challenger begins badly and is better in the end.
        trial.template observe<"click">(ticket, random.chance(arm == 0 ? 0.2 : i <= 1'500 ? 0.19 : 0.27));
        if (i % 1'000 == 500) {
            last = trial.report();
            const metric_row& row = last.metrics.front();
            CAPTURE(seed, i, row.estimate, row.lower, row.upper, row.p_value);
            if (last.decision == verdict::ship_challenger) {
                CHECK(row.lower > 0.0);
                CHECK(row.estimate > 0.0);
            } else if (last.decision == verdict::keep_champion) {
                CHECK(row.upper < 0.0);
                CHECK(row.estimate < 0.0);
            } else if (row.state == status::ok) {
                CHECK(row.lower <= 0.0);
                CHECK(row.upper >= 0.0);
            }
        }
    }
    return last;
}

}  // namespace

TEST_CASE(
    "An interval excludes no effect exactly where the test rejects, on the side of the estimate, at every look")
{
    for (const bool relative : {false, true}) {
        for (const tally& seen :
             {follow(always_valid{.units = 2'000}, 20, relative),
              follow(fixed_horizon{.units = 2'000}, 20, relative),
              follow(hybrid{.units = 2'000}, 20, relative), follow(bayesian{.units = 2'000}, 20, relative)}) {
            CHECK(seen.rejections > 20);
            CHECK(seen.rejections < seen.looks);
        }
        const tally seen = follow(group_sequential{.units = 2'500, .looks = 3}, 8, relative);
        CHECK(seen.rejections > 5);
        CHECK(seen.rejections < seen.looks);
    }
}

TEST_CASE("Answers about pairs are those of one look too")
{
    for (const tally& seen :
         {follow_pairs(always_valid{.units = 1'000}, 20), follow_pairs(fixed_horizon{.units = 1'000}, 20),
          follow_pairs(hybrid{.units = 1'000}, 20), follow_pairs(bayesian{.units = 1'000}, 20),
          follow_pairs(group_sequential{.units = 1'500, .looks = 3}, 8)}) {
        CHECK(seen.rejections > 5);
        CHECK(seen.rejections < seen.looks);
    }
}

TEST_CASE("A hybrid past its plan decides by the direction that its row shows")
{
    int shipped = 0;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        const report last = past_the_plan(hybrid{.units = 1'500}, seed);
        CHECK(last.decision != verdict::keep_champion);
        shipped += last.decision == verdict::ship_challenger ? 1 : 0;
    }
    CHECK(shipped > 5);
}

TEST_CASE("Reports past the plan agree with their verdict under every policy")
{
    for (std::uint64_t seed = 21; seed <= 23; ++seed) {
        past_the_plan(always_valid{.units = 1'500}, seed);
        past_the_plan(fixed_horizon{.units = 1'500}, seed);
        past_the_plan(group_sequential{.units = 3'000, .looks = 2}, seed);
        past_the_plan(bayesian{.units = 1'500}, seed);
    }
}

TEST_CASE("A first rejection stays where later data speak against it")
{
    joust_test::sums sums;
    keyed_random random{5};
    const auto serve = [&](int count, double rate) {
        for (int i = 0; i < count; ++i) {
            const bool challenger = random.chance(0.5);
            sums.add({.pseudonym = mix64(random.below(100'000) + 1),
                      .challenger = challenger,
                      .s = 0.5,
                      .x = random.chance(challenger ? rate : 0.2) ? 1.0 : 0.0});
        }
    };
    const always_valid each;
    const hybrid planned{.units = 1'000'000};
    const group_sequential grouped{.units = 12'000, .looks = 3};
    test_memory each_memory, planned_memory, grouped_memory;
    serve(4'000, 0.3);
    const joust::look early = sums.look(2'500.0);
    const inference first = each.infer(early, {}, each_memory);
    const inference part = planned.infer(early, {}, planned_memory);
    const inference group = grouped.infer(early, {}, grouped_memory);
    REQUIRE((first.rejects(0.05) && part.rejects(0.05) && group.rejects(0.05)));
    serve(8'000, 0.15);
    const joust::look late = sums.look(2'500.0);
    const inference second = each.infer(late, {}, each_memory);
    CHECK(second.estimate == first.estimate);
    CHECK(second.lower == first.lower);
    CHECK(second.p_value == first.p_value);
    CHECK(second.log_e_now < first.log_e_now);
    CHECK(planned.infer(late, {}, planned_memory).estimate == part.estimate);
    CHECK(grouped.infer(late, {}, grouped_memory).estimate == group.estimate);
}
