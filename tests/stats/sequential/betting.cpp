// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/sequential/betting.hpp>

#include "stats/exact.hpp"
#include "stats/support.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using joust_test::engine;
using joust_test::long_float;
using joust_test::relative_error;
using stats::side;

namespace {

double expectation(double p, int n, side alternative, double largest)
{
    double sum = 0.0;
    for (std::uint32_t path = 0; path < (1U << static_cast<unsigned>(n)); ++path) {
        stats::betting_capital test{{.null = p, .alternative = alternative, .largest_bet = largest}};
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

TEST_CASE("over all paths the expectation of the capital is exactly one")
{
    for (const double p : {0.001, 0.05, 0.5, 0.9}) {
        for (const side alternative : {side::two, side::greater, side::less}) {
            for (const double largest : {0.5, 0.99}) {
                for (const int n : {1, 2, 7, 12}) {
                    INFO("p " << p << " n " << n);
                    CHECK(expectation(p, n, alternative, largest) == Approx(1.0).epsilon(1e-12));
                }
            }
        }
    }
}

TEST_CASE("betting: the probability of ever crossing within fourteen tosses is below alpha, by all paths")
{
    for (const double p : {0.05, 0.3, 0.5}) {
        double crossed = 0.0;
        for (std::uint32_t path = 0; path < (1U << 14U); ++path) {
            stats::betting_capital test{{.null = p, .alpha = 0.2}};
            double probability = 1.0;
            for (unsigned i = 0; i < 14; ++i) {
                const bool hit = ((path >> i) & 1U) != 0;
                probability *= hit ? p : 1.0 - p;
                test.update(hit ? 1.0 : 0.0);
            }
            crossed += test.p_value() <= 0.2 ? probability : 0.0;
        }
        INFO("p " << p << ": " << crossed);
        CHECK(crossed <= 0.2);
        CHECK(crossed > 0.001);
    }
}

TEST_CASE("log capital agrees with a hundred digits after many bets")
{
    engine random{2};
    stats::betting bets{{.null = 0.4}};
    long_float above = 0, below = 0;
    stats::detail::predictable_bets wish{.twice_log = 2.0 * (std::log(2.0) - std::log(0.05))};
    for (int i = 0; i < 20'000; ++i) {
        const double x = random.uniform();
        const double bet = wish.next();
        wish.add(x);
        const long_float up = std::fmin(bet, 0.5 / 0.4);
        const long_float down = std::fmin(bet, 0.5 / 0.6);
        above += log(1 + up * (long_float(x) - 0.4));
        below += log(1 - down * (long_float(x) - 0.4));
        bets.update(x);
    }
    const auto capital = bets.against(0.4);
    CHECK(relative_error(capital.above, static_cast<double>(above)) < 1e-12);
    CHECK(relative_error(capital.below, static_cast<double>(below)) < 1e-12);
    CHECK(capital.below < -50.0);
    CHECK(relative_error(bets.log_e(), static_cast<double>(above - log(long_float(2)))) < 1e-12);
}

TEST_CASE("capital is monotone in the mean bet against, and the interval is where it reaches its target")
{
    for (const double rate : {0.003, 0.3, 0.98}) {
        engine random{3};
        stats::betting bets;
        for (int i = 0; i < 4'000; ++i) {
            bets.update(random.coin(rate) ? 1.0 : 0.0);
        }
        double above = std::numeric_limits<double>::infinity(),
               below = -std::numeric_limits<double>::infinity();
        for (double m = 0.0; m <= 1.0; m += 1.0 / 512.0) {
            const auto capital = bets.against(m);
            CHECK(capital.above <= above + 1e-9);
            CHECK(capital.below >= below - 1e-9);
            above = capital.above;
            below = capital.below;
        }
        const stats::bounds ends = bets.interval(0.05);
        INFO("rate " << rate << " [" << ends.lower << ", " << ends.upper << "]");
        CHECK(ends.lower < rate);
        CHECK(ends.upper > rate);
        // a step of 1e-14 outside is refused, and the first allowed mean is as close on the other side
        CHECK(bets.against(ends.lower).above >= std::log(40.0));
        CHECK(bets.against(ends.lower + 2e-14).above < std::log(40.0) + 1e-9);
        CHECK(bets.against(ends.upper).below >= std::log(40.0));
        CHECK(bets.against(ends.upper - 2e-14).below < std::log(40.0) + 1e-9);
        CHECK(bets.interval(0.5).lower > ends.lower);
    }
}

namespace {

// Follow a stream of zeros and hundreds, and compare the running interval with the intersection of the exact ones.
template <class Rate>
stats::bounds follow(const stats::betting_options& options, int n, Rate rate)
{
    engine random{4};
    stats::betting bets{options};
    double lower = 0.0, upper = 100.0;
    for (int i = 0; i < n; ++i) {
        bets.update(random.coin(rate(i)) ? 100.0 : 0.0);
        const stats::bounds now = bets.interval(options.alpha);
        lower = std::fmax(lower, now.lower);
        upper = std::fmin(upper, now.upper);
        const stats::bounds running = bets.running_interval();
        const double slack = (running.upper - running.lower) / 128.0 + 1e-9;
        INFO("look " << i << ": [" << running.lower << ", " << running.upper << "] around [" << lower << ", "
                     << upper << "]");
        REQUIRE(running.lower <= lower + 1e-9);
        REQUIRE(running.upper >= upper - 1e-9);
        REQUIRE(running.lower >= lower - slack);
        REQUIRE(running.upper <= upper + slack);
    }
    return {lower, upper};
}

}  // namespace

TEST_CASE("the running interval encloses the intersection of all looks closely")
{
    for (const double rate : {0.01, 0.4}) {
        for (const side alternative : {side::two, side::greater, side::less}) {
            for (const double largest : {0.5, 0.95}) {
                const stats::bounds exact = follow({.null = 50.0,
                                                    .lower = 0.0,
                                                    .upper = 100.0,
                                                    .alternative = alternative,
                                                    .largest_bet = largest},
                                                   700, [=](int) { return rate; });
                CHECK(exact.lower < 100.0 * rate);
                CHECK(exact.upper > 100.0 * rate);
            }
        }
    }
    // Evidence against many means at once.
    const stats::bounds sudden = follow({.null = 50.0, .lower = 0.0, .upper = 100.0, .largest_bet = 0.99},
                                        300, [](int i) { return i < 150 ? 0.5 : 1.0; });
    CHECK(sudden.lower > 40.0);
}

TEST_CASE("a running interval that a moving mean empties stays an interval, and costs no more")
{
    engine random{8};
    stats::betting bets;
    for (int i = 0; i < 20'000; ++i) {
        bets.update(random.coin(i < 10'000 ? 0.2 : 0.8) ? 1.0 : 0.0);
    }
    const stats::bounds left = bets.running_interval();
    CHECK(left.lower <= left.upper);
    CHECK(left.upper - left.lower < 1e-9);
    CHECK(left.lower > 0.2);
    CHECK(left.upper < 0.8);
}

TEST_CASE("the running interval of one value repeated closes around it")
{
    for (const double value : {0.0, 0.25, 1.0}) {
        stats::betting bets;
        for (int i = 0; i < 20'000; ++i) {
            bets.update(value);
        }
        const stats::bounds running = bets.running_interval();
        const stats::bounds exact = bets.interval();
        CHECK(running.lower <= value);
        CHECK(running.upper >= value);
        CHECK(running.upper - running.lower < 0.01);
        CHECK(running.upper - running.lower <= (exact.upper - exact.lower) * 1.02);
    }
}

TEST_CASE("the form without an interval has the same evidence")
{
    engine random{5};
    stats::betting bets{{.null = 0.2}};
    stats::betting_capital capital{{.null = 0.2}};
    double largest = 0.0;
    for (int i = 0; i < 2'000; ++i) {
        const double x = random.uniform() * random.uniform();
        bets.update(x);
        capital.update(x);
        largest = std::fmax(largest, capital.log_e());
    }
    CHECK(bets.log_e() == capital.log_e());
    CHECK(capital.max_log_e() == Approx(largest).epsilon(1e-13));
    CHECK(bets.p_value() == stats::always_valid_p(capital.max_log_e()));
}

TEST_CASE("the capital neither overflows nor underflows")
{
    stats::betting_capital capital{{.null = 0.5, .alternative = side::greater}};
    stats::betting_capital poor{{.null = 0.5, .alternative = side::less}};
    for (int i = 0; i < 300'000; ++i) {
        capital.update(1.0);
        poor.update(1.0);
    }
    CHECK(capital.log_e() > 800.0);
    CHECK(std::isfinite(capital.log_e()));
    CHECK(poor.log_e() < -800.0);
    CHECK(std::isfinite(poor.log_e()));
    CHECK(capital.p_value() == stats::always_valid_p(capital.log_e()));
}

TEST_CASE("betting: a value outside the range is refused and counted, never clamped")
{
    stats::betting bets;
    CHECK(bets.state() == status::too_few);
    CHECK(bets.update(0.3));
    CHECK_FALSE(bets.update(1.1));
    CHECK_FALSE(bets.update(stats::not_a_number));
    CHECK(bets.refused() == 2);
    CHECK(bets.count() == 1.0);
    CHECK(bets.state() == status::out_of_range);
    CHECK(std::isnan(bets.log_e()));
    CHECK(std::isnan(bets.interval().lower));
    CHECK(std::isnan(bets.running_interval().lower));
    CHECK(std::isnan(bets.against(1.5).above));
    CHECK(stats::betting{{.null = -1.0}}.state() == status::out_of_range);
    CHECK(stats::betting{{.largest_bet = 1.0}}.state() == status::out_of_range);
}

TEST_CASE("a null at the end of the range can be refused only by the gambler that can win")
{
    stats::betting_capital none{{.null = 0.0}};
    for (int i = 0; i < 50; ++i) {
        none.update(0.0);
    }
    CHECK(none.log_e() <= 0.0);
    none.update(1.0);
    CHECK(std::isfinite(none.log_e()));
}

TEST_CASE("betting: independent parts multiply their evidence")
{
    engine random{6};
    stats::betting left{{.alternative = side::less}}, right = left;
    std::vector<double> values;
    double upper = 1.0;
    for (int i = 0; i < 300; ++i) {
        left.update(random.uniform() * 0.9);
        upper = std::fmin(upper, left.interval().upper);
        values.push_back(random.uniform() * 0.9);
    }
    for (const double value : values) {  // the looks at both parts, of which the second grows
        right.update(value);
        stats::betting both = left;
        CHECK(both.merge(right));
        upper = std::fmin(upper, both.interval().upper);
    }
    const double larger = std::fmax(left.interval().upper, right.interval().upper);
    const double sum = left.log_e() + right.log_e();
    const auto against = left.against(0.37).above + right.against(0.37).above;
    CHECK(left.merge(right));
    CHECK(left.log_e() == Approx(sum).epsilon(1e-13));
    CHECK(left.against(0.37).above == Approx(against).epsilon(1e-12));
    CHECK(left.count() == 600.0);
    CHECK_FALSE(left.merge(stats::betting{}));
    const stats::bounds ends = left.interval();
    CHECK(ends.upper < larger);
    const stats::bounds running = left.running_interval();
    CHECK(running.upper >= upper - 1e-9);
    CHECK(running.upper <= upper + (running.upper - running.lower) / 128.0 + 1e-9);
}
