// SPDX-License-Identifier: Apache-2.0

#include <joust/inference/always_valid.hpp>

#include "catch.hpp"
#include "metric/support.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace joust_test;

namespace {

using joust::always_valid;
using joust::inference;
using joust::question;
using joust::status;
using joust::test_memory;
using joust::stats::side;

constexpr double planned = 2'100.0;  // 10,000 exposures at a share of 0.3
const double inf = std::numeric_limits<double>::infinity();

// Buckets 0, 1, 2, ... in turn: the only way to say how many have challenger data.
std::vector<arrival> spread_over(std::size_t buckets, double x)
{
    std::vector<arrival> all;
    for (std::size_t b = 0; b < buckets; ++b) {
        for (std::size_t i = 0; i < 7; ++i) {  // an odd number, so that the arms differ in every bucket
            all.push_back({.pseudonym = static_cast<std::uint64_t>(b) << 54,
                           .challenger = (b + i) % 2 == 0,
                           .s = 0.5,
                           .x = (b + i) % 3 == 0 ? x : 0.0});
        }
    }
    return all;
}

double two_sided_log_e(double s, double v, double rho)
{
    return -0.5 * std::log(1.0 + v / rho) + s * s / (2.0 * (v + rho));
}

double one_sided_log_e(double s, double v, double rho)
{
    const double z = s / std::sqrt(v + rho);
    return std::log(std::sqrt(rho / (v + rho))) + std::log(std::erfc(-z / std::sqrt(2.0))) + 0.5 * z * z;
}

}  // namespace

TEST_CASE("nothing is claimed before thirty buckets hold challenger data")
{
    const always_valid policy;
    for (const std::size_t buckets : {2U, 29U, 30U, 31U}) {
        test_memory memory;
        const sums seen = sums_of(spread_over(buckets, 1.0));
        REQUIRE((buckets < 29 || seen.metric.expected >= 10.0));
        const inference answer = policy.infer(seen.look(planned), {}, memory);
        CHECK(answer.state == (buckets < 30 ? status::burn_in : status::ok));
        CHECK(std::isnan(answer.p_value) == (buckets < 30));
        CHECK(std::isnan(answer.log_e) == (buckets < 30));
        CHECK(std::isnan(answer.lower) == (buckets < 30));
        CHECK(std::isnan(answer.upper) == (buckets < 30));
        CHECK((memory == test_memory{}) == (buckets < 30));
        CHECK(answer.rejects(1.0) == (buckets >= 30));
    }
}

TEST_CASE("nothing is claimed before ten events are expected of the challenger")
{
    const always_valid policy;
    const sums seen = sums_of(spread_over(100, 1.0));
    joust::look at = seen.look(planned);
    test_memory memory;
    at.expected_events = 9.75;
    CHECK(policy.infer(at, {}, memory).state == status::burn_in);
    CHECK(memory == test_memory{});
    at.expected_events = 10.0;
    CHECK(policy.infer(at, {}, memory).state == status::ok);
    CHECK(memory.rho > 0.0);
}

TEST_CASE("without data in both arms, or with none that differ, the state says why")
{
    const always_valid policy;
    test_memory memory;
    const sums empty;
    CHECK(policy.infer(empty.look(planned), {}, memory).state == status::too_few);
    sums equal;
    for (arrival a : spread_over(100, 1.0)) {
        a.x = 1.0;
        equal.add(a);
    }
    const inference answer = policy.infer(equal.look(planned), {}, memory);
    CHECK(answer.state == status::zero_variance);
    CHECK(std::isnan(answer.p_value));
    CHECK(memory == test_memory{});
}

TEST_CASE("the e-value is Robbins' mixture of the centred score, with the rho of the burn-in")
{
    const always_valid policy;
    struct {
        int count;
        std::uint64_t units;
        bool residual;  // the clock is V, no longer the larger of V and V0
    } const looks[] = {{300, 2'000, false}, {4'000, 2'000, true}, {4'000, 600, false}};
    for (const auto& l : looks) {
        const sums seen =
            sums_of(arrivals(7, l.count, {.units = l.units, .champion = 0.2, .challenger = 0.3}));
        const score expected{seen};
        const double larger = std::fmax(expected.v, expected.v0);
        const double rho = larger * (planned / expected.information) / 8.3;
        test_memory memory;
        const inference answer = policy.infer(seen.look(planned), {}, memory);
        REQUIRE(answer.state == status::ok);
        CHECK(memory.rho == Approx(rho).epsilon(1e-12));
        const double log_e = two_sided_log_e(expected.s, l.residual ? expected.v : larger, rho);
        CHECK(memory.highest_log_e == Approx(std::fmax(0.0, log_e)).epsilon(1e-9).margin(1e-12));
        CHECK(answer.log_e == memory.highest_log_e);
        CHECK(answer.p_value == Approx(std::fmin(1.0, std::exp(-log_e))).epsilon(1e-9));
    }
}

TEST_CASE("rho is fixed once, and the highest evidence stays")
{
    const always_valid policy;
    const auto better = arrivals(3, 8'000, {.champion = 0.1, .challenger = 0.2});
    const auto worse = arrivals(4, 40'000, {.champion = 0.2, .challenger = 0.15});
    sums seen = sums_of(better);
    test_memory memory;
    const inference first = policy.infer(seen.look(planned), {}, memory);
    REQUIRE(first.rejects(0.05));
    const test_memory fixed = memory;
    for (const arrival& a : worse) {
        seen.add(a);
    }
    const inference later = policy.infer(seen.look(planned), {}, memory);
    CHECK(memory == fixed);
    CHECK(later.log_e == first.log_e);
    CHECK(later.p_value == first.p_value);
    CHECK(later.estimate < first.estimate);
    // The look alone has less to say: that it is the highest that counts can be seen.
    CHECK(two_sided_log_e(score{seen}.s, score{seen}.v, fixed.rho) < first.log_e);
}

TEST_CASE("estimates are challenger minus champion, and exchanging the two exchanges the sign only")
{
    const always_valid policy;
    const auto stream = arrivals(5, 6'000, {.champion = 0.1, .challenger = 0.25});
    const sums seen = sums_of(stream);
    const sums mirrored = sums_of(exchanged(stream));
    test_memory memory;
    test_memory mirror_memory;
    const inference answer = policy.infer(seen.look(planned), {}, memory);
    const inference mirror = policy.infer(mirrored.look(planned), {}, mirror_memory);
    CHECK(answer.estimate == Approx(0.15).margin(0.05));
    CHECK(answer.lower > 0.0);
    CHECK(answer.challenger > answer.champion);
    CHECK(mirror.champion == Approx(answer.challenger).epsilon(1e-12));
    CHECK(mirror.challenger == Approx(answer.champion).epsilon(1e-12));
    CHECK(mirror.log_e == Approx(answer.log_e).epsilon(1e-9));
    // The estimate regresses on both arms' exposures; only its sign is the same to the last digit.
    CHECK(mirror.upper < 0.0);
    CHECK(score{mirrored}.s == Approx(-score{seen}.s).epsilon(1e-9));
}

TEST_CASE("with rho given, the interval holds just the nulls that the e-value does not reject")
{
    const always_valid policy;
    for (const std::uint64_t seed : {11U, 12U, 13U}) {
        for (const double alpha : {0.05, 0.001}) {
            const sums seen = sums_of(arrivals(seed, 5'000, {.champion = 0.1, .challenger = 0.18}));
            for (const bool relative : {false, true}) {
                const test_memory given{.rho = 20.0};
                test_memory memory = given;
                const inference answer =
                    policy.infer(seen.look(planned), {.relative = relative, .alpha = alpha}, memory);
                REQUIRE(answer.state == status::ok);
                REQUIRE(answer.lower < answer.estimate);
                REQUIRE(answer.estimate < answer.upper);
                const double one = relative ? 1.0 : 0.0;  // a null of a ratio is the ratio minus one
                for (const double end : {answer.lower, answer.upper}) {
                    REQUIRE(std::isfinite(end));
                    for (const double step : {-0.05, -1e-6, 1e-6, 0.05}) {
                        const double null = end + step * (answer.upper - answer.lower);
                        const bool inside = answer.lower < null && null < answer.upper;
                        memory = given;
                        const inference tested =
                            policy.infer(seen.look(planned),
                                         {.relative = relative, .null = null - one, .alpha = alpha}, memory);
                        CHECK(tested.rejects(alpha) == !inside);
                        CHECK((tested.log_e >= -std::log(alpha)) == !inside);
                    }
                }
            }
        }
    }
}

TEST_CASE("at later looks an interval that excludes the null comes with a p-value that rejects it")
{
    const always_valid policy;
    int excluded = 0;
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
        test_memory memory;
        sums seen;
        double before = 1.0;
        for (const arrival& a : arrivals(
                 seed, 6'000, {.champion = 0.15, .challenger = 0.15 + 0.01 * static_cast<double>(seed)})) {
            seen.add(a);
            if (a.time % 250 != 249) {
                continue;
            }
            const inference answer = policy.infer(seen.look(planned), {}, memory);
            if (answer.state != status::ok) {
                continue;
            }
            CHECK(answer.p_value <= before);
            CHECK(answer.p_value == Approx(std::exp(-answer.log_e)).epsilon(1e-12));
            before = answer.p_value;
            if (answer.lower > 0.0 || answer.upper < 0.0) {
                ++excluded;
                CHECK(answer.rejects(0.05 * (1.0 + 1e-9)));
            }
        }
    }
    CHECK(excluded > 20);
}

TEST_CASE("a one-sided question takes half a normal for its mixture and looks at one sign only")
{
    const always_valid policy;
    const sums seen = sums_of(arrivals(21, 5'000, {.champion = 0.10, .challenger = 0.13}));
    const double rho = 30.0;
    for (const double null : {-0.05, 0.0, 0.02, 0.1}) {
        const score expected{seen, null};
        const auto ask = [&](side alternative) {
            test_memory memory{.rho = rho,
                               .highest_log_e = -1e9};  // so that no earlier look hides this one's
            return policy.infer(seen.look(planned), {.alternative = alternative, .null = null}, memory);
        };
        const inference two = ask(side::two);
        const inference greater = ask(side::greater);
        const inference less = ask(side::less);
        CHECK(two.log_e == Approx(two_sided_log_e(expected.s, expected.v, rho)).epsilon(1e-9).margin(1e-9));
        CHECK(greater.log_e ==
              Approx(one_sided_log_e(expected.s, expected.v, rho)).epsilon(1e-9).margin(1e-9));
        CHECK(less.log_e == Approx(one_sided_log_e(-expected.s, expected.v, rho)).epsilon(1e-9).margin(1e-9));
        // The mean of both halves is the whole; the rows show the same two-sided interval.
        CHECK(0.5 * (std::exp(greater.log_e) + std::exp(less.log_e)) ==
              Approx(std::exp(two.log_e)).epsilon(1e-9));
        CHECK(greater.lower == two.lower);
        CHECK(less.upper == two.upper);
    }
}

TEST_CASE("a relative question is about the ratio of the means")
{
    const always_valid policy;
    const sums seen = sums_of(arrivals(31, 20'000, {.champion = 0.10, .challenger = 0.15}));
    test_memory memory;
    const inference answer = policy.infer(seen.look(planned), {.relative = true}, memory);
    REQUIRE(answer.state == status::ok);
    CHECK(answer.estimate == Approx(answer.challenger / answer.champion).epsilon(0.05));
    CHECK(answer.lower > 1.0);
    test_memory allowed;
    CHECK_FALSE(
        policy
            .infer(seen.look(planned), {.alternative = side::greater, .relative = true, .null = 1.0}, allowed)
            .rejects(0.05));
    test_memory harmed;
    CHECK(
        policy
            .infer(seen.look(planned), {.alternative = side::greater, .relative = true, .null = 0.1}, harmed)
            .rejects(0.05));
}

TEST_CASE("without a plan nothing is claimed and the memory stays as it was")
{
    const always_valid policy;
    const sums seen = sums_of(arrivals(41, 5'000));
    for (const double plan : {0.0, -1.0, inf, std::numeric_limits<double>::quiet_NaN(), 1e308}) {
        test_memory memory;
        const joust::look at = seen.look(plan);
        const inference answer = policy.infer(at, {}, memory);
        if (plan < 1e308) {
            CHECK(answer.state == status::out_of_range);
        }
        CHECK((answer.state == status::ok) == !std::isnan(answer.p_value));
        CHECK(memory.consistent());
        // The next look, which has a plan, is not spoiled.
        if (!(memory.rho > 0.0)) {
            CHECK(policy.infer(seen.look(planned), {}, memory).state == status::ok);
        }
    }
}
