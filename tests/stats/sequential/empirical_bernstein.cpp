// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/sequential/empirical_bernstein.hpp>

#include "stats/support.hpp"

#include <cmath>
#include <cstdint>
#include <limits>

namespace stats = joust::stats;
using joust::status;
using joust_test::engine;
using stats::side;

namespace {

// The expectation of the e-value after n tosses of a coin, over all 2^n paths.
double expectation(double p, int n, side alternative)
{
    double sum = 0.0;
    for (std::uint32_t path = 0; path < (1U << static_cast<unsigned>(n)); ++path) {
        stats::empirical_bernstein test{{.null = p, .alternative = alternative}};
        double probability = 1.0;
        for (int i = 0; i < n; ++i) {
            const bool hit = ((path >> static_cast<unsigned>(i)) & 1U) != 0;
            probability *= hit ? p : 1.0 - p;
            test.update(hit ? 1.0 : 0.0);
        }
        sum += probability * std::exp(test.log_e());
    }
    return sum;
}

}  // namespace

TEST_CASE("over all paths the expectation of the e-value is at most one")
{
    for (const double p : {0.001, 0.05, 0.5, 0.9}) {
        for (const side alternative : {side::two, side::greater, side::less}) {
            for (const int n : {1, 2, 7, 12}) {
                const double e = expectation(p, n, alternative);
                INFO("p " << p << " n " << n << " e " << e);
                CHECK(e <= 1.0 + 1e-12);
                CHECK(e > 0.05);  // and not by being nothing
            }
        }
    }
}

TEST_CASE(
    "empirical bernstein: the probability of ever crossing within fourteen tosses is below alpha, by all paths")
{
    for (const double p : {0.05, 0.3, 0.5}) {
        double crossed = 0.0;
        for (std::uint32_t path = 0; path < (1U << 14U); ++path) {
            stats::empirical_bernstein test{{.null = p, .alpha = 0.4}};
            double probability = 1.0;
            for (unsigned i = 0; i < 14; ++i) {
                const bool hit = ((path >> i) & 1U) != 0;
                probability *= hit ? p : 1.0 - p;
                test.update(hit ? 1.0 : 0.0);
            }
            crossed += test.p_value() <= 0.4 ? probability : 0.0;
        }
        INFO("p " << p << ": " << crossed);
        CHECK(crossed <= 0.4);
        CHECK(crossed > 1e-4);
    }
}

TEST_CASE("empirical bernstein: a value outside the range is refused and counted, never clamped")
{
    stats::empirical_bernstein test{{.null = 2.0, .lower = 1.0, .upper = 3.0}};
    CHECK(test.state() == status::too_few);
    CHECK(std::isnan(test.log_e()));
    CHECK(test.update(1.0));
    CHECK(test.update(3.0));
    const double before = test.log_e();
    const stats::empirical_bernstein copy = test;
    CHECK_FALSE(test.update(3.0000001));
    CHECK_FALSE(test.update(stats::not_a_number));
    CHECK_FALSE(test.update(-std::numeric_limits<double>::infinity()));
    CHECK(test.refused() == 3);
    CHECK(test.state() == status::out_of_range);
    CHECK(std::isnan(test.log_e()));
    CHECK(std::isnan(test.p_value()));
    CHECK(std::isnan(test.interval().lower));
    CHECK(std::isnan(test.running_interval().lower));
    CHECK(copy.log_e() == before);
    CHECK(test.count() == 2.0);
}

TEST_CASE("unusable options give a status")
{
    CHECK(stats::empirical_bernstein{{.lower = 1.0, .upper = 1.0}}.state() == status::out_of_range);
    CHECK(stats::empirical_bernstein{{.null = 2.0}}.state() == status::out_of_range);
    CHECK(stats::empirical_bernstein{{.alpha = 0.0}}.state() == status::out_of_range);
    CHECK(stats::empirical_bernstein{{.largest_bet = 1.0}}.state() == status::out_of_range);
}

TEST_CASE("interval, running interval and e-value agree")
{
    engine random{5};
    const auto value = [&] { return 10.0 + 4.0 * random.uniform() * random.uniform(); };
    stats::empirical_bernstein test{{.null = 11.2, .lower = 10.0, .upper = 14.0}};
    double lower = 10.0, upper = 14.0, largest = 0.0;
    for (int i = 0; i < 3'000; ++i) {
        test.update(value());
        const stats::bounds now = test.interval(0.05);
        lower = std::fmax(lower, now.lower);
        upper = std::fmin(upper, now.upper);
        largest = std::fmax(largest, test.log_e());
        CHECK(now.lower <= now.upper);
    }
    CHECK(test.running_interval().lower == Approx(lower).epsilon(1e-14));
    CHECK(test.running_interval().upper == Approx(upper).epsilon(1e-14));
    CHECK(test.max_log_e() == Approx(largest).epsilon(1e-14));
    CHECK(test.interval(0.2).upper < test.interval(0.05).upper);
    CHECK(lower < 11.0);
    CHECK(upper > 11.0);
    CHECK(upper - lower < 0.5);
    CHECK(test.estimate() == Approx(11.0).margin(0.1));
    // a mean at the end of the interval has one of both one-sided e-values at 2 / alpha
    const stats::bounds ends = test.interval(0.05);
    stats::empirical_bernstein at_end{
        {.null = ends.lower, .lower = 10.0, .upper = 14.0, .alternative = side::greater}};
    engine again{5};
    random = again;
    for (int i = 0; i < 3'000; ++i) {
        at_end.update(value());
    }
    CHECK(at_end.log_e() == Approx(std::log(40.0)).epsilon(1e-9));
}

TEST_CASE("a one-sided interval is open at the other end")
{
    stats::empirical_bernstein test{{.alternative = side::greater}};
    for (int i = 0; i < 200; ++i) {
        test.update(i % 2 == 0 ? 0.6 : 0.7);
    }
    CHECK(test.interval().lower > 0.5);
    CHECK(test.interval().upper == 1.0);
    CHECK(test.p_value() < 0.05);
}

TEST_CASE("empirical bernstein: independent parts multiply their evidence")
{
    engine random{6};
    stats::empirical_bernstein left, right, other{{.null = 0.4}};
    for (int i = 0; i < 400; ++i) {
        left.update(random.uniform());
        right.update(random.uniform() * 0.9);
    }
    const double product_up = left.log_e() + right.log_e();
    CHECK_FALSE(left.merge(other));
    stats::empirical_bernstein merged = left;
    CHECK(merged.merge(right));
    CHECK(merged.count() == 800.0);
    CHECK(merged.state() == status::ok);
    // two-sided evidence of the product is at least the product of the averages' smaller part
    CHECK(std::isfinite(product_up));
    const stats::bounds both = merged.interval();
    CHECK(both.upper - both.lower < left.interval().upper - left.interval().lower);
    // one-sided it is exactly the product
    stats::empirical_bernstein a{{.alternative = side::less}}, b = a;
    for (int i = 0; i < 100; ++i) {
        a.update(0.3);
        b.update(0.2);
    }
    const double sum = a.log_e() + b.log_e();
    a.merge(b);
    CHECK(a.log_e() == Approx(sum).epsilon(1e-13));
}
