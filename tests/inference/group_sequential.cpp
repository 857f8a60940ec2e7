// SPDX-License-Identifier: Apache-2.0

#include <joust/inference/group_sequential.hpp>
#include <joust/store/snapshot.hpp>

#include "catch.hpp"
#include "metric/support.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

using namespace joust_test;

namespace {

using joust::group_sequential;
using joust::inference;
using joust::status;
using joust::test_memory;
using joust::stats::side;

// A trial that is looked at after every `every` arrivals.
std::vector<inference> watch(const group_sequential& policy, const std::vector<arrival>& stream, int every,
                             test_memory& memory, const joust::question& asked = {})
{
    std::vector<inference> answers;
    sums seen;
    int n = 0;
    for (const arrival& a : stream) {
        seen.add(a);
        if (++n % every == 0) {
            answers.push_back(policy.infer(seen.look(0.0), asked, memory));
        }
    }
    return answers;
}

}  // namespace

TEST_CASE("A group-sequential test looks once per planned part, and repeats itself in between")
{
    const auto stream = arrivals(3, 10'000);
    const group_sequential policy{.units = 8'000, .looks = 4};
    test_memory memory;
    const auto answers = watch(policy, stream, 500, memory);
    REQUIRE(answers.size() == 20);
    for (std::size_t i = 0; i < answers.size(); ++i) {
        CAPTURE(i);
        if (i < 3) {
            CHECK(answers[i].state == status::before_planned_sample);
            CHECK(std::isnan(answers[i].p_value));
            continue;
        }
        CHECK(answers[i].state == status::ok);
        const bool looked = i < 16 && (i + 1) % 4 == 0;
        const bool same =
            i > 3 && answers[i].lower == answers[i - 1].lower && answers[i].p_value == answers[i - 1].p_value;
        CHECK(same == (i > 3 && !looked));
    }
    CHECK(memory.looks.size() == 4);
    CHECK(memory.looks.back().time == 1.0);
}

TEST_CASE("A late look uses the data of its time, and skipped looks are not repeated")
{
    const auto stream = arrivals(4, 8'000);
    test_memory memory;
    const auto answers = watch({.units = 8'000, .looks = 5}, stream, 3'900, memory);
    REQUIRE(answers.size() == 2);  // at 49 % and 98 %: in the third and the fifth part
    CHECK(memory.looks.size() == 2);
    CHECK(memory.looks[1].time == Approx(0.975).epsilon(1e-12));
}

TEST_CASE("Bounds are those of the design at the variances seen, and p agrees with them")
{
    const world better{.champion = 0.2, .challenger = 0.235};
    const auto stream = arrivals(5, 6'000, better);
    const group_sequential policy{.units = 6'000, .looks = 3, .spending = joust::stats::pocock{}};
    test_memory memory;
    const auto answers = watch(policy, stream, 2'000, memory);
    REQUIRE(answers.size() == 3);
    joust::stats::group_sequential_design design{joust::stats::pocock{}, {.alpha = 0.05}};
    sums seen;
    std::size_t crossed_at = 3;
    for (std::size_t look = 0; look < 3; ++look) {
        if (crossed_at < look) {
            // The look that rejected was the last one.
            CHECK(answers[look].lower == answers[crossed_at].lower);
            CHECK(answers[look].p_value == answers[crossed_at].p_value);
            continue;
        }
        for (std::size_t i = 0; i < 2'000; ++i) {
            seen.add(stream[look * 2'000 + i]);
        }
        const score at_null{seen};
        const double time = static_cast<double>(look + 1) / 3.0;
        const auto bound = design.look(at_null.v, {.last = look == 2, .spending_time = time});
        const double z = at_null.s / std::sqrt(at_null.v);
        CHECK(memory.looks[look].z == Approx(z).epsilon(1e-9));
        crossed_at = std::fabs(z) >= bound.upper ? look : crossed_at;
        CHECK((answers[look].p_value <= 0.05) == (crossed_at == look));
        // An end of the interval is where the statistic meets the bound.
        const score at_end{seen, answers[look].lower};
        CHECK(std::fabs(at_end.s) / std::sqrt(at_end.v) == Approx(bound.upper).epsilon(1e-7));
        CHECK((answers[look].lower > 0.0) == (z >= bound.upper));
    }
    REQUIRE(crossed_at < 3);
    REQUIRE(memory.looks.size() == crossed_at + 1);
    // The p-value is where the smallest bounds that are crossed lie.
    for (const double nudge : {0.999, 1.001}) {
        const double level = answers[2].p_value * nudge;
        joust::stats::group_sequential_design tried{joust::stats::pocock{}, {.alpha = level}};
        bool rejected = false;
        for (std::size_t look = 0; look <= crossed_at; ++look) {
            const auto& taken = memory.looks[look];
            const auto bound =
                tried.look(taken.variance, {.last = taken.time >= 1.0, .spending_time = taken.time});
            rejected = rejected || std::fabs(taken.z) >= bound.upper;
        }
        CHECK(rejected == (nudge > 1.0));
    }
}

TEST_CASE("A one-sided question spends the whole error on its side")
{
    const world worse{.champion = 0.215, .challenger = 0.2};
    const auto stream = arrivals(6, 6'000, worse);
    const auto last_p = [&](side alternative) {
        test_memory memory;
        return watch({.units = 6'000, .looks = 3}, stream, 2'000, memory, {.alternative = alternative})
            .back()
            .p_value;
    };
    const double two = last_p(side::two);
    CHECK(last_p(side::less) == Approx(0.5 * two).epsilon(1e-4));
    CHECK(last_p(side::greater) > 0.5);
}

TEST_CASE("Looks survive a snapshot and a merge")
{
    test_memory memory;
    watch({.units = 6'000, .looks = 3}, arrivals(7, 4'100), 2'000, memory);
    REQUIRE(memory.looks.size() == 2);
    joust::evidence seen;
    seen.models = {"a", "b"};
    seen.arms.resize(2);
    seen.series = {"exposures", "failures"};
    seen.pairs.resize(1);
    seen.pairs[0].series.assign(2, joust::bucket_sums{joust::bucket_count});
    seen.pairs[0].memory = {memory, {}};
    auto back = joust::from_snapshot<joust::evidence>(joust::to_snapshot(seen));
    CHECK(back.pairs[0].memory[0] == memory);
    const test_memory before = memory;
    memory.merge({});
    CHECK(memory.looks == before.looks);
    CHECK(memory.counted == before.counted);

    // Bytes from outside may claim impossible looks.
    back.pairs[0].memory[0].looks[1].time = 2.0;
    CHECK_FALSE(back.consistent());
}

TEST_CASE("Too little data has a status of its own and does not use up a look")
{
    const group_sequential policy{.units = 100, .looks = 2};
    test_memory memory;
    CHECK(policy.infer(sums{}.look(0.0), {}, memory).state == status::too_few);
    sums rare = sums_of(arrivals(8, 3'000));
    rare.metric.expected = 9.0;
    CHECK(policy.infer(rare.look(0.0), {}, memory).state == status::too_few);
    CHECK(memory == test_memory{});
    rare.metric.expected = 10.0;
    CHECK(policy.infer(rare.look(0.0), {}, memory).state == status::ok);
}
