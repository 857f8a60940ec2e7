// SPDX-License-Identifier: Apache-2.0

#include <joust/inference/fixed_horizon.hpp>

#include "catch.hpp"
#include "metric/support.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace joust_test;

namespace {

using joust::fixed_horizon;
using joust::inference;
using joust::question;
using joust::status;
using joust::test_memory;
using joust::stats::side;

double normal_sf(double z)
{
    return 0.5 * std::erfc(z / std::sqrt(2.0));
}

inference ask(const sums& seen, const question& asked, double units = 1.0)
{
    test_memory memory;
    return fixed_horizon{.units = units}.infer(seen.look(0.0), asked, memory);
}

}  // namespace

TEST_CASE("no p-value is given before the planned number of exposures, to the last one")
{
    const auto stream = arrivals(1, 5'000);
    const fixed_horizon policy{.units = 5'000};
    test_memory memory;
    sums seen;
    for (const arrival& a : stream) {
        seen.add(a);
        const auto served = seen.exposures.challenger_count + seen.exposures.champion_count;
        if (served < 4'990) {
            continue;
        }
        const inference answer = policy.infer(seen.look(0.0), {}, memory);
        CHECK(answer.state == (served < 5'000 ? status::before_planned_sample : status::ok));
        CHECK(std::isnan(answer.p_value) == (served < 5'000));
        CHECK(std::isnan(answer.lower) == (served < 5'000));
        CHECK(std::isnan(answer.upper) == (served < 5'000));
        CHECK_FALSE(std::isnan(answer.estimate));
        CHECK(answer.rejects(1.0) == (served >= 5'000));
        CHECK(memory.counted.taken == (served >= 5'000));
    }
}

TEST_CASE("too little data is named before the plan is asked")
{
    CHECK(ask(sums{}, {}).state == status::too_few);
    // Twenty-nine buckets are too few, whatever the number of requests; with the thirtieth they are enough.
    const auto in_buckets = [](std::uint64_t buckets) {
        auto stream = arrivals(13, 6'000);
        for (arrival& a : stream) {
            a.pseudonym = (a.pseudonym % buckets) << 54;
        }
        return sums_of(stream);
    };
    const inference answer = ask(in_buckets(29), {});
    CHECK(answer.state == status::burn_in);
    CHECK(std::isnan(answer.p_value));
    CHECK(std::isnan(answer.lower));
    CHECK(ask(in_buckets(30), {}).state == status::ok);
    std::vector<arrival> equal = arrivals(2, 2'000);
    for (arrival& a : equal) {
        a.x = 1.0;
    }
    CHECK(ask(sums_of(equal), {}).state == status::zero_variance);
}

TEST_CASE("the p-value is that of z = S / sqrt(V), on the side that is asked")
{
    for (const double null : {-0.04, 0.0, 0.03}) {
        const sums seen = sums_of(arrivals(3, 6'000, {.champion = 0.2, .challenger = 0.23}));
        const score expected{seen, null};
        const double z = expected.s / std::sqrt(expected.v);
        CHECK(ask(seen, {.null = null}).p_value == Approx(2.0 * normal_sf(std::fabs(z))).epsilon(1e-9));
        CHECK(ask(seen, {.alternative = side::greater, .null = null}).p_value ==
              Approx(normal_sf(z)).epsilon(1e-9));
        CHECK(ask(seen, {.alternative = side::less, .null = null}).p_value ==
              Approx(normal_sf(-z)).epsilon(1e-9));
        CHECK(std::isnan(ask(seen, {.null = null}).log_e));
    }
}

TEST_CASE("the interval holds just the nulls that the two-sided test does not reject")
{
    for (const std::uint64_t seed : {4U, 5U, 6U}) {
        for (const int count : {700, 6'000}) {
            const sums seen = sums_of(arrivals(seed, count, {.champion = 0.2, .challenger = 0.3}));
            for (const double alpha : {0.2, 0.05, 0.001}) {
                for (const bool relative : {false, true}) {
                    const inference answer = ask(seen, {.relative = relative, .alpha = alpha});
                    REQUIRE(answer.state == status::ok);
                    REQUIRE(answer.lower < answer.estimate);
                    REQUIRE(answer.estimate < answer.upper);
                    const double one = relative ? 1.0 : 0.0;
                    const double width = std::isfinite(answer.upper) ? answer.upper - answer.lower : 1.0;
                    for (const double end : {answer.lower, answer.upper}) {
                        for (const double step : {-0.02, -1e-6, 1e-6, 0.02}) {
                            const double null = end + step * width;
                            if (!std::isfinite(null)) {
                                continue;
                            }
                            const bool inside = answer.lower < null && null < answer.upper;
                            const question two{.relative = relative, .null = null - one, .alpha = alpha};
                            CHECK(ask(seen, two).rejects(alpha) == !inside);
                            question greater = two;
                            greater.alternative = side::greater;
                            CHECK(ask(seen, greater).rejects(0.5 * alpha) == (null <= answer.lower));
                            question less = two;
                            less.alternative = side::less;
                            CHECK(ask(seen, less).rejects(0.5 * alpha) == (null >= answer.upper));
                        }
                    }
                }
            }
        }
    }
}

TEST_CASE("an estimate is challenger minus champion, and exchanging the two changes its sign")
{
    const auto stream = arrivals(7, 6'000, {.champion = 0.1, .challenger = 0.2});
    const inference answer = ask(sums_of(stream), {});
    const inference mirror = ask(sums_of(exchanged(stream)), {});
    CHECK(answer.estimate == Approx(0.1).margin(0.04));
    CHECK(answer.lower > 0.0);
    CHECK(mirror.upper < 0.0);
    CHECK(mirror.p_value == Approx(answer.p_value).epsilon(1e-6));
    CHECK(ask(sums_of(stream), {.alternative = side::greater}).p_value < 1e-6);
    CHECK(ask(sums_of(stream), {.alternative = side::less}).p_value > 0.999999);
}

TEST_CASE("the first look after the planned sample is the one that counts: later looks repeat all of it")
{
    const fixed_horizon policy{.units = 5'000};
    for (const double challenger : {0.1, 0.3}) {  // worse, and better: z of either sign is kept
        sums seen = sums_of(arrivals(8, 5'000, {.champion = 0.2, .challenger = challenger}));
        test_memory memory;
        const inference first = policy.infer(seen.look(0.0), {}, memory);
        REQUIRE(first.rejects(0.05));
        for (const arrival& a : arrivals(9, 20'000, {.champion = 0.2, .challenger = 0.4 - challenger})) {
            seen.add(a);
        }
        // Through the memory of a live trial, as reports do it.
        test_memory kept;
        kept.learn(memory);
        const inference later = policy.infer(seen.look(0.0), {}, kept);
        CHECK(later.state == status::ok);
        CHECK(later.method == first.method);
        CHECK(later.p_value == first.p_value);
        CHECK(later.champion == first.champion);
        CHECK(later.challenger == first.challenger);
        CHECK(later.estimate == first.estimate);
        CHECK(later.lower == first.lower);
        CHECK(later.upper == first.upper);
        CHECK(std::isnan(later.log_e));
        CHECK(kept == memory);
    }
}

TEST_CASE("merged evidence keeps the look that a part has taken, so that no second look grows the error rate")
{
    const fixed_horizon policy{.units = 3'000};
    const auto one = arrivals(10, 3'000, {.champion = 0.1, .challenger = 0.2});
    const auto two = arrivals(11, 3'000, {.champion = 0.1, .challenger = 0.2});
    test_memory memory;
    test_memory other;
    static_cast<void>(policy.infer(sums_of(one).look(0.0), {}, memory));
    static_cast<void>(policy.infer(sums_of(two).look(0.0), {}, other));
    REQUIRE((memory.counted.taken && other.counted.taken));
    test_memory reversed = other;
    reversed.merge(memory);
    memory.merge(other);
    CHECK(reversed == memory);
    const joust::counted_look first = memory.counted;
    auto both = one;
    both.insert(both.end(), two.begin(), two.end());
    const sums whole = sums_of(both);
    const inference merged = policy.infer(whole.look(0.0), {}, memory);
    CHECK(merged.p_value == first.p_value);
    CHECK(merged.estimate == first.estimate);
    CHECK(merged.estimate != ask(whole, {}).estimate);
}

TEST_CASE("where the variance far away outgrows the score the interval has no ends")
{
    // At a tiny alpha z^2 is more than the number of buckets, so that no null is far enough to be rejected.
    const sums seen = sums_of(arrivals(12, 400, {.units = 130, .champion = 0.3, .challenger = 0.3}));
    const inference answer = ask(seen, {.alpha = 1e-30});
    REQUIRE(answer.state == status::ok);
    CHECK(std::isinf(answer.lower));
    CHECK(std::isinf(answer.upper));
    for (const double null : {-1e6, -1.0, 1.0, 1e6}) {
        CHECK_FALSE(ask(seen, {.null = null, .alpha = 1e-30}).rejects(1e-30));
    }
}
