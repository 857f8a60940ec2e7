// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/sequential/poisson_rates.hpp>

#include "stats/support.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using joust_test::engine;
using stats::side;

namespace {

double share_at(int i)
{
    return i < 4 ? 0.01 : i < 8 ? 0.25 : 0.5;
}

double expectation(int n, double true_ratio, const stats::poisson_rates_options& options)
{
    double sum = 0.0;
    for (std::uint32_t path = 0; path < (1U << static_cast<unsigned>(n)); ++path) {
        stats::poisson_rates test{options};
        double probability = 1.0;
        for (int i = 0; i < n; ++i) {
            const bool first = ((path >> static_cast<unsigned>(i)) & 1U) != 0;
            const double s = share_at(i);
            const double p = s * true_ratio / (s * true_ratio + 1.0 - s);
            probability *= first ? p : 1.0 - p;
            test.update(first, s);
        }
        sum += probability * std::exp(test.log_e());
    }
    return sum;
}

}  // namespace

TEST_CASE("over all orders of twelve events the expectation is exactly one while the share ramps")
{
    for (const double ratio : {0.5, 1.0, 3.0}) {
        for (const side alternative : {side::two, side::greater, side::less}) {
            INFO("ratio " << ratio);
            CHECK(expectation(12, ratio, {.null_ratio = ratio, .alternative = alternative}) ==
                  Approx(1.0).epsilon(1e-12));
        }
    }
    // inside the one-sided null it is less, outside more
    CHECK(expectation(12, 0.7, {.null_ratio = 1.0, .alternative = side::greater}) < 1.0);
    CHECK(expectation(12, 2.0, {.null_ratio = 1.0, .alternative = side::greater}) > 1.0);
}

TEST_CASE("crossing at any of sixteen events has at most probability alpha, by all orders")
{
    double crossed = 0.0;
    for (std::uint32_t path = 0; path < (1U << 16U); ++path) {
        stats::poisson_rates test;
        double probability = 1.0;
        for (int i = 0; i < 16; ++i) {
            const bool first = ((path >> static_cast<unsigned>(i)) & 1U) != 0;
            probability *= first ? share_at(i) : 1.0 - share_at(i);
            test.update(first, share_at(i));
        }
        crossed += test.p_value() <= 0.1 ? probability : 0.0;
    }
    INFO(crossed);
    CHECK(crossed <= 0.1);
    CHECK(crossed > 0.005);
}

TEST_CASE("the interval holds the ratios that a test of each would not reject")
{
    engine random{2};
    const double ratio = 1.8;
    std::vector<std::pair<bool, double>> events;
    stats::poisson_rates test;
    for (int i = 0; i < 900; ++i) {
        const double s = i < 200 ? 0.05 : i < 500 ? 0.25 : 0.5;
        const bool first = random.coin(s * ratio / (s * ratio + 1.0 - s));
        events.emplace_back(first, s);
        test.update(first, s);
    }
    const stats::bounds ends = test.interval(0.05);
    CHECK(ends.lower < ratio);
    CHECK(ends.upper > ratio);
    CHECK(ends.lower > 1.0);
    CHECK(test.estimate() > ends.lower);
    CHECK(test.estimate() < ends.upper);
    // at the ends the e-value against that ratio is one over alpha
    for (const double end : {ends.lower, ends.upper}) {
        stats::poisson_rates at_end{{.null_ratio = end}};
        for (const auto& [first, s] : events) {
            at_end.update(first, s);
        }
        CHECK(at_end.log_e() == Approx(std::log(20.0)).epsilon(1e-10));
    }
    stats::poisson_rates upper{{.alternative = side::greater}};
    upper.update(true, 0.5);
    CHECK(std::isinf(upper.interval().upper));
    CHECK(upper.interval().lower < 1.0);
}

TEST_CASE("the estimate with one share is the plain ratio of rates")
{
    stats::poisson_rates test;
    test.update(30, 70, 0.2);
    CHECK(test.estimate() == Approx((30.0 / 0.2) / (70.0 / 0.8)).epsilon(1e-12));
    CHECK(test.log_e() == 0.0);  // a batch is judged by what was known before it
}

TEST_CASE("when all events are on one side an end is open")
{
    stats::poisson_rates test;
    for (int i = 0; i < 40; ++i) {
        test.update(true, 0.5);
    }
    CHECK(std::isinf(test.estimate()));
    CHECK(std::isinf(test.interval().upper));
    CHECK(test.interval().lower > 2.0);
    CHECK(test.p_value() < 1e-4);
    stats::poisson_rates other;
    for (int i = 0; i < 40; ++i) {
        other.update(false, 0.5);
    }
    CHECK(other.estimate() == 0.0);
    CHECK(other.interval().lower == 0.0);
    CHECK(other.interval().upper < 0.5);
}

TEST_CASE("after a seventeenth share there is no interval any more, but the test continues")
{
    stats::poisson_rates test;
    for (int i = 1; i <= 17; ++i) {
        test.update(i % 2 == 0, i / 20.0);
    }
    CHECK(test.state() == status::ok);
    CHECK(std::isfinite(test.log_e()));
    CHECK(std::isnan(test.interval().lower));
    CHECK(std::isnan(test.estimate()));
}

TEST_CASE("parts multiply, and edge cases give a status")
{
    stats::poisson_rates a, b;
    for (int i = 0; i < 20; ++i) {
        a.update(i % 3 == 0, 0.25);
        b.update(i % 4 == 0, 0.5);
    }
    const double sum = a.log_e() + b.log_e();
    CHECK(a.merge(b));
    CHECK(a.log_e() == Approx(sum).epsilon(1e-14));
    CHECK(a.interval().upper > a.interval().lower);
    CHECK_FALSE(a.merge(stats::poisson_rates{{.null_ratio = 2.0}}));
    stats::poisson_rates test;
    CHECK(test.state() == status::too_few);
    CHECK(std::isnan(test.log_e()));
    CHECK_FALSE(test.update(true, 1.0));
    CHECK_FALSE(test.update(true, stats::not_a_number));
    CHECK(test.state() == status::out_of_range);
    CHECK(stats::poisson_rates{{.null_ratio = 0.0}}.state() == status::out_of_range);
    CHECK(stats::poisson_rates{{.prior = -1.0}}.state() == status::out_of_range);
}

TEST_CASE("many rates: the expectation over all orders of eight events is exactly one")
{
    const std::array<double, 3> early{0.9, 0.05, 0.05};
    const std::array<double, 3> late{0.2, 0.3, 0.5};
    double sum = 0.0;
    double unequal = 0.0;
    for (int path = 0; path < 6561; ++path) {
        stats::many_poisson_rates test;
        double probability = 1.0;
        double other = 1.0;
        int rest = path;
        for (int i = 0; i < 8; ++i) {
            const auto arm = static_cast<std::size_t>(rest % 3);
            rest /= 3;
            const auto& shares = i < 4 ? early : late;
            probability *= shares[arm];
            const std::array<double, 3> rates{1.0, 1.0, 4.0};
            other *= shares[arm] * rates[arm] / (shares[0] + shares[1] + 4.0 * shares[2]);
            test.update(arm, shares);
        }
        sum += probability * std::exp(test.log_e());
        unequal += other * std::exp(test.log_e());
    }
    CHECK(sum == Approx(1.0).epsilon(1e-12));
    CHECK(unequal > 1.2);
}

TEST_CASE("many rates: with two arms it is nearly the test of two, and edge cases give a status")
{
    engine random{7};
    stats::poisson_rates two;
    stats::many_poisson_rates many;
    for (int i = 0; i < 300; ++i) {
        const double s = i < 100 ? 0.1 : 0.4;
        const bool first = random.coin(0.5);
        two.update(first, s);
        many.update(first ? 0 : 1, std::array<double, 2>{s, 1.0 - s});
    }
    CHECK(many.log_e() == Approx(two.log_e()).epsilon(1e-10));
    CHECK(many.estimate(0) > 1.0);
    stats::many_poisson_rates test;
    CHECK(test.state() == status::too_few);
    CHECK_FALSE(test.update(2, std::array<double, 2>{0.5, 0.5}));
    CHECK_FALSE(test.update(0, std::array<double, 2>{0.0, 1.0}));
    CHECK_FALSE(test.update(0, std::array<double, 2>{0.5, 0.4}));
    CHECK(test.refused() == 3);
    CHECK(test.state() == status::out_of_range);
    stats::many_poisson_rates merged = many;
    CHECK(merged.merge(many));
    CHECK(merged.log_e() == Approx(2.0 * many.log_e()).epsilon(1e-14));
}
