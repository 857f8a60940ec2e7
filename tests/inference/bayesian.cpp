// SPDX-License-Identifier: Apache-2.0

#include <joust/inference/bayesian.hpp>

#include "catch.hpp"
#include "metric/support.hpp"

#include <cmath>
#include <limits>

using namespace joust_test;

namespace {

using joust::bayesian;
using joust::question;
using joust::status;
using joust::test_memory;
using joust::stats::side;

joust::inference ask(const sums& seen, const bayesian& policy, const question& asked = {})
{
    test_memory memory;
    const auto answer = policy.infer(seen.look(100.0), asked, memory);
    CHECK(memory == test_memory{});  // a posterior has no memory
    return answer;
}

// Integrate f over a normal density by the trapezoidal rule, which is exact here to rounding.
template <class Function>
double expectation(double mean, double sd, Function f)
{
    double sum = 0.0;
    constexpr int steps = 20'000;
    for (int i = -steps; i <= steps; ++i) {
        const double z = 10.0 * i / steps;
        sum += std::exp(-0.5 * z * z) * f(mean + sd * z);
    }
    return sum * (10.0 / steps) / std::sqrt(2.0 * std::acos(-1.0));
}

}  // namespace

TEST_CASE("Without an opinion the posterior is the estimate with its standard error")
{
    const sums seen = sums_of(arrivals(21, 6'000, {.champion = 0.2, .challenger = 0.22}));
    const double infinity = std::numeric_limits<double>::infinity();
    const auto answer = ask(seen, {.lift_sd = infinity});
    REQUIRE(answer.state == status::ok);
    const score at_estimate{seen, answer.estimate};
    CHECK(at_estimate.s == Approx(0.0).margin(1e-9));
    const double error = std::sqrt(at_estimate.v) / (2.0 * at_estimate.information);
    CHECK(std::isfinite(error));
    const double sd = (answer.upper - answer.lower) / (2.0 * 1.959963984540054);
    CHECK(sd > 0.0);
    CHECK(answer.chance_more ==
          Approx(0.5 * std::erfc(-answer.estimate / sd / std::sqrt(2.0))).epsilon(1e-9));
}

TEST_CASE("The posterior is the product of prior and likelihood")
{
    const sums seen = sums_of(arrivals(22, 6'000, {.champion = 0.2, .challenger = 0.22}));
    const auto flat = ask(seen, {.lift_sd = std::numeric_limits<double>::infinity()});
    const auto answer = ask(seen, {.lift_sd = 0.1});
    const double error = (flat.upper - flat.lower) / (2.0 * 1.959963984540054);
    const double prior = 0.1 * flat.champion;
    const double precision = 1.0 / (error * error) + 1.0 / (prior * prior);
    CHECK(answer.estimate == Approx(flat.estimate / (error * error) / precision).epsilon(1e-9));
    const double sd = std::sqrt(1.0 / precision);
    CHECK(answer.upper - answer.lower == Approx(2.0 * 1.959963984540054 * sd).epsilon(1e-9));
    CHECK(answer.shortfall == Approx(expectation(answer.estimate, sd, [](double d) {
                                  return d < 0.0 ? -d : 0.0;
                              })).epsilon(1e-5));
    CHECK(answer.chance_more == Approx(expectation(answer.estimate, sd, [](double d) {
                                    return d > 0.0 ? 1.0 : 0.0;
                                })).epsilon(1e-3));
    CHECK(std::isnan(answer.p_value));
    CHECK(std::isnan(answer.log_e));
}

TEST_CASE("A posterior rejects by its tail, on the side that is asked")
{
    const sums seen = sums_of(arrivals(23, 8'000, {.champion = 0.2, .challenger = 0.26}));
    const auto two = ask(seen, {});
    CHECK(two.rejects(0.05));
    CHECK(two.posterior_tail == Approx(2.0 * (1.0 - two.chance_more)).epsilon(1e-6));
    CHECK(ask(seen, {}, {.alternative = side::greater}).posterior_tail == Approx(0.5 * two.posterior_tail));
    CHECK_FALSE(ask(seen, {}, {.alternative = side::less}).rejects(0.05));
    // Against a margin the tail starts there.
    CHECK(ask(seen, {}, {.alternative = side::greater, .null = 0.3}).posterior_tail > 0.99);
    const auto ratio = ask(seen, {}, {.alternative = side::greater, .relative = true, .null = 0.1});
    CHECK(ratio.estimate > 1.0);
    CHECK(ratio.rejects(0.05));
}

TEST_CASE("A posterior says what it cannot be made from")
{
    CHECK(ask(sums{}, {}).state == status::too_few);
    sums rare = sums_of(arrivals(24, 3'000));
    rare.metric.expected = 9.0;
    CHECK(ask(rare, {}).state == status::burn_in);
    const sums seen = sums_of(arrivals(25, 3'000));
    for (const double sd : {0.0, -1.0, std::nan("")}) {
        CHECK(ask(seen, {.lift_sd = sd}).state == status::out_of_range);
    }
}
