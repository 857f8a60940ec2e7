// SPDX-License-Identifier: Apache-2.0

#include <joust/inference/hybrid.hpp>

#include "catch.hpp"
#include "metric/support.hpp"

#include <cmath>
#include <vector>

using namespace joust_test;

namespace {

using joust::always_valid;
using joust::fixed_horizon;
using joust::hybrid;
using joust::status;
using joust::test_memory;

}  // namespace

TEST_CASE("A hybrid is an always-valid test with its part of the error, then a fixed one with the rest")
{
    const auto stream = arrivals(11, 6'000, {.champion = 0.2, .challenger = 0.23});
    const hybrid policy{.units = 4'000, .early = 0.25};
    test_memory memory;
    test_memory sequential_memory;
    test_memory fixed_memory;
    sums seen;
    int n = 0;
    double fixed_p = 1.0;
    for (const arrival& a : stream) {
        seen.add(a);
        if (++n % 500 != 0) {
            continue;
        }
        CAPTURE(n);
        const joust::look at = seen.look(4'000 * 0.21);
        const auto answer = policy.infer(at, {.alpha = 0.04}, memory);
        const auto sequential = always_valid{.units = 4'000}.infer(at, {.alpha = 0.01}, sequential_memory);
        const auto fixed = fixed_horizon{.units = 4'000}.infer(at, {.alpha = 0.03}, fixed_memory);
        REQUIRE(sequential.state == status::ok);
        if (n < 4'000) {
            CHECK(answer.p_value == std::fmin(1.0, sequential.p_value / 0.25));
            CHECK(answer.lower == sequential.lower);
        } else {
            // The answer is wholly that of one part.
            fixed_p = fixed.p_value / 0.75;
            const bool by_sequence = sequential.rejects(0.01) && !fixed.rejects(0.03);
            CHECK(answer.p_value == std::fmin(1.0, by_sequence ? sequential.p_value / 0.25 : fixed_p));
            CHECK(answer.estimate == (by_sequence ? sequential.estimate : fixed.estimate));
            CHECK(answer.lower == (by_sequence ? sequential.lower : fixed.lower));
            CHECK(answer.upper == (by_sequence ? sequential.upper : fixed.upper));
        }
        // Level by level: rejected at alpha where one of the parts rejects at its part of alpha.
        CHECK(answer.rejects(0.04) == (sequential.rejects(0.01) || fixed.rejects(0.03)));
    }
    CHECK(fixed_p < 1.0);
}

TEST_CASE("A part of the error rate outside (0, 1) is replaced by one half")
{
    const sums seen = sums_of(arrivals(12, 3'000));
    for (const double early : {0.0, 1.0, -2.0, std::nan("")}) {
        test_memory memory;
        test_memory half;
        const joust::look at = seen.look(500.0);
        CHECK(hybrid{.units = 10, .early = early}.infer(at, {}, memory).p_value ==
              hybrid{.units = 10, .early = 0.5}.infer(at, {}, half).p_value);
    }
}

TEST_CASE("Before the burn-in a hybrid claims nothing, and too few events stop both parts")
{
    test_memory memory;
    CHECK(hybrid{}.infer(sums{}.look(100.0), {}, memory).state == status::too_few);
    sums rare = sums_of(arrivals(13, 3'000));
    rare.metric.expected = 9.5;
    const auto answer = hybrid{.units = 100}.infer(rare.look(100.0), {}, memory);
    CHECK(answer.state == status::burn_in);
    CHECK(std::isnan(answer.p_value));
}
