// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/tests/coin.hpp>
#include <joust/stats/tests/sign_flip.hpp>

#include "stats/support.hpp"

#include <boost/multiprecision/cpp_bin_float.hpp>
#include <boost/multiprecision/cpp_int.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using stats::flip_p;
using stats::side;
using stats::sign_flip;

namespace {

using whole = std::vector<std::int64_t>;
using real = std::vector<double>;

std::span<const std::int64_t> of(const whole& values)
{
    return values;
}

// The p-value by all 2^m flips, one by one.
template <class Value>
double brute(const std::vector<Value>& x, side alternative, double tolerance)
{
    const std::size_t m = x.size();
    double observed = 0.0;
    for (const Value v : x) {
        observed += static_cast<double>(v);
    }
    std::uint64_t extreme = 0;
    for (std::uint64_t flips = 0; flips < (std::uint64_t{1} << m); ++flips) {
        double sum = 0.0;
        for (std::size_t i = 0; i < m; ++i) {
            const double size = std::fabs(static_cast<double>(x[i]));
            sum += ((flips >> i) & 1U) != 0 ? size : -size;
        }
        const bool far = alternative == side::two       ? std::fabs(sum) >= std::fabs(observed) - tolerance
                         : alternative == side::greater ? sum >= observed - tolerance
                                                        : sum <= observed + tolerance;
        extreme += far ? 1U : 0U;
    }
    return std::ldexp(static_cast<double>(extreme), -static_cast<int>(m));
}

}  // namespace

TEST_CASE("the convolution equals brute force over all flips, m up to 16")
{
    joust_test::engine random{31};
    double worst = 0.0;
    for (int round = 0; round < 250; ++round) {
        const std::size_t m = 1 + random.next() % (round % 10 == 0 ? 16 : 11);
        const std::uint64_t largest = round % 3 == 0 ? 2 : round % 3 == 1 ? 9 : 1000;
        whole x(m);
        for (std::int64_t& v : x) {
            v = static_cast<std::int64_t>(random.next() % (2 * largest + 1)) -
                static_cast<std::int64_t>(largest);
            v += random.coin(0.3) ? 2 : 0;
        }
        for (const side alternative : {side::two, side::greater, side::less}) {
            const auto found = sign_flip(of(x), {.alternative = alternative});
            const double want = brute(x, alternative, 0.5);
            REQUIRE(std::fabs(found.p_value / want - 1.0) < 1e-13);
            REQUIRE(std::fabs(found.log_p - std::log(want)) < 1e-13);
            worst = std::max(worst, std::fabs(found.p_value / want - 1.0));
            // Few coins of many sizes are counted by halves: the convolution must say the same.
            stats::detail::buffer<std::uint64_t> sizes(x.size());
            std::size_t coins_seen = 0;
            for (const std::int64_t v : x) {
                if (v != 0) {
                    sizes[coins_seen++] = static_cast<std::uint64_t>(v > 0 ? v : -v);
                }
            }
            sizes.shorten(coins_seen);
            if (alternative == side::greater && found.statistic > 0.0) {
                const stats::detail::coin_sizes coins = stats::detail::sizes_of(sizes);
                const double log_p =
                    stats::detail::log_flip_tail(coins, found.statistic / static_cast<double>(coins.unit));
                REQUIRE(std::fabs(log_p - std::log(want)) < 1e-13);
                worst = std::max(worst, std::fabs(log_p - std::log(want)));
            }
            if (found.state == status::ok) {
                REQUIRE(found.exact);
            } else {
                REQUIRE(found.state == status::zero_variance);
            }
        }
    }
    WARN("largest relative error " << worst);
}

TEST_CASE("the test keeps its level, and uses it up, over all ways the coins can fall")
{
    const whole sizes{1, 1, 2, 3, 5, 5, 8, 4, 7};
    for (const side alternative : {side::two, side::greater, side::less}) {
        std::vector<double> p;
        for (unsigned coins = 0; coins < 512; ++coins) {
            whole x = sizes;
            for (std::size_t i = 0; i < x.size(); ++i) {
                x[i] = ((coins >> i) & 1U) != 0 ? x[i] : -x[i];
            }
            p.push_back(sign_flip(of(x), {.alternative = alternative}).p_value);
        }
        for (const double level : p) {
            const auto reached =
                std::count_if(p.begin(), p.end(), [&](double q) { return q <= level * (1.0 + 1e-12); });
            // A p-value is the probability of a p-value that is at most as large.
            REQUIRE(static_cast<double>(reached) / 512.0 == Approx(level).epsilon(1e-12));
        }
    }
}

TEST_CASE("values that are not whole numbers are counted exactly, by halves of the coins")
{
    joust_test::engine random{32};
    for (int round = 0; round < 200; ++round) {
        const std::size_t m = 1 + random.next() % 12;
        real x(m);
        for (double& v : x) {
            // Tenths tie in sums that rounding would tell apart.
            v = round % 2 == 0 ? random.bell() + 0.3 : std::round(random.bell() * 3.0) / 10.0;
        }
        x[0] = 0.1;
        for (const side alternative : {side::two, side::greater, side::less}) {
            const auto found = sign_flip(x, {.alternative = alternative});
            const double want = brute(x, alternative, 1e-9);
            REQUIRE(found.exact);
            REQUIRE(std::fabs(found.p_value - want) < 1e-14);
        }
    }
    // 40 coins: the same numbers in whole tenths, by convolution.
    real tenths(40);
    whole units(40);
    for (std::size_t i = 0; i < 40; ++i) {
        units[i] = static_cast<std::int64_t>(random.next() % 30) - 12;
        tenths[i] = static_cast<double>(units[i]) / 10.0;
    }
    const auto by_halves = sign_flip(tenths);
    const auto by_convolution = sign_flip(of(units));
    REQUIRE(by_halves.exact);
    CHECK(by_halves.p_value == Approx(by_convolution.p_value).epsilon(1e-13));
    CHECK(by_halves.log_p == Approx(by_convolution.log_p).epsilon(1e-12));
    CHECK(by_halves.statistic == Approx(by_convolution.statistic / 10.0).epsilon(1e-13));
}

TEST_CASE("whole numbers given as doubles are convolved")
{
    const real x{3, -1, 0, 4, 1, 5, -9, 2, 6, 5, 3, 5};
    const whole same{3, -1, 0, 4, 1, 5, -9, 2, 6, 5, 3, 5};
    CHECK(sign_flip(x).p_value == sign_flip(of(same)).p_value);
    CHECK(sign_flip(x).coins == 11);
    CHECK(sign_flip(x).estimate == Approx(24.0 / 12.0));
    CHECK(sign_flip(x).statistic == 24.0);
}

TEST_CASE("coins of one size are the sign test, far beyond what a double holds")
{
    for (const auto& [wins, losses] :
         {std::pair<int, int>{2000, 0}, {3, 1}, {1000, 1000}, {60'000, 40'000}, {1, 9'999}}) {
        whole x(static_cast<std::size_t>(wins), 7);
        x.resize(static_cast<std::size_t>(wins + losses), -7);
        for (const side alternative : {side::two, side::greater, side::less}) {
            const auto found = sign_flip(of(x), {.alternative = alternative});
            const auto want = stats::detail::coin_test(wins, losses, false, alternative);
            INFO(wins << " to " << losses);
            CHECK(found.log_p == Approx(want.log_p).epsilon(1e-11).margin(1e-13));
        }
    }
    const whole all(2000, 1);
    CHECK(sign_flip(of(all), {.alternative = side::greater}).log_p ==
          Approx(-2000.0 * std::log(2.0)).epsilon(1e-14));
    CHECK(sign_flip(of(all), {.alternative = side::greater}).p_value == 0.0);
}

TEST_CASE("tails agree with exact whole-number counts of 400 coins")
{
    using boost::multiprecision::cpp_int;
    using wide = boost::multiprecision::cpp_bin_float_100;
    joust_test::engine random{33};
    std::vector<std::size_t> sizes(400);
    std::size_t total = 0;
    for (std::size_t& s : sizes) {
        s = 1 + random.next() % 9 + (random.coin(0.02) ? 60 : 0);
        total += s;
    }
    std::vector<cpp_int> counts(total + 1, 0);
    counts[0] = 1;
    std::size_t top = 0;
    for (const std::size_t s : sizes) {
        top += s;
        for (std::size_t v = top; v >= s; --v) {
            counts[v] += counts[v - s];
        }
    }
    std::vector<cpp_int> upper(total + 2, 0);
    for (std::size_t v = total + 1; v > 0; --v) {
        upper[v - 1] = upper[v] + counts[v - 1];
    }
    const wide all = wide(upper[0]);
    double worst = 0.0;
    // From the head of the order more and more coins fall to the first's side.
    for (std::size_t heads = 180; heads <= 400; heads += 20) {
        whole x(sizes.size());
        std::size_t place = 0;
        for (std::size_t i = 0; i < sizes.size(); ++i) {
            x[i] = i < heads ? static_cast<std::int64_t>(sizes[i]) : -static_cast<std::int64_t>(sizes[i]);
            place += i < heads ? sizes[i] : 0;
        }
        const double want = static_cast<double>(log(wide(upper[place]) / all));
        const auto found = sign_flip(of(x), {.alternative = side::greater});
        INFO(heads << " heads, log p " << want);
        CHECK(std::fabs(found.log_p - want) < 2e-13 * std::fmax(1.0, -want));
        worst = std::max(worst, std::fabs(found.log_p - want) / std::fmax(1.0, -want));
    }
    WARN("largest error of log p, relative beyond 1: " << worst);
}

TEST_CASE("negated differences mirror the sides, and the order does not matter")
{
    joust_test::engine random{34};
    whole x(300);
    for (std::int64_t& v : x) {
        v = static_cast<std::int64_t>(random.next() % 11) - 4;
    }
    whole negated = x;
    for (std::int64_t& v : negated) {
        v = -v;
    }
    whole reversed(x.rbegin(), x.rend());
    const auto up = sign_flip(of(x), {.alternative = side::greater});
    const auto down = sign_flip(of(negated), {.alternative = side::less});
    CHECK(up.p_value == down.p_value);
    CHECK(sign_flip(of(x)).p_value == sign_flip(of(negated)).p_value);
    CHECK(sign_flip(of(x)).p_value == sign_flip(of(reversed)).p_value);
    // Sizes in another unit change nothing.
    whole scaled = x;
    for (std::int64_t& v : scaled) {
        v *= 1'000'003;
    }
    CHECK(sign_flip(of(scaled)).p_value == sign_flip(of(x)).p_value);
    CHECK(sign_flip(of(scaled)).statistic == 1'000'003.0 * sign_flip(of(x)).statistic);
}

TEST_CASE("random flips come near the exact p-value, and only where they are asked for or needed")
{
    joust_test::engine random{35};
    whole x(200);
    for (std::int64_t& v : x) {
        v = static_cast<std::int64_t>(random.next() % 7) - 3 + (random.coin(0.25) ? 1 : 0);
    }
    const auto exact = sign_flip(of(x));
    const auto drawn = sign_flip(of(x), {.p_value = flip_p::monte_carlo});
    REQUIRE(exact.exact);
    REQUIRE_FALSE(drawn.exact);
    const double error = std::sqrt(exact.p_value * (1.0 - exact.p_value) / 10'000.0);
    CHECK(std::fabs(drawn.p_value - exact.p_value) < 4.0 * error);
    CHECK(sign_flip(of(x), {.p_value = flip_p::monte_carlo}).p_value == drawn.p_value);
    CHECK(sign_flip(of(x), {.p_value = flip_p::monte_carlo, .seed = 2}).p_value != drawn.p_value);
    const auto limited = sign_flip(of(x), {.exact_work = 1000});
    CHECK(limited.p_value == drawn.p_value);
    const auto normal = sign_flip(of(x), {.p_value = flip_p::normal});
    CHECK(std::fabs(normal.p_value - exact.p_value) < 0.05);
    CHECK_FALSE(normal.exact);
    const auto never = sign_flip(of(whole(60, 1)), {.p_value = flip_p::monte_carlo, .resamples = 99});
    CHECK(never.p_value == 0.01);

    real y(100);
    for (double& v : y) {
        v = random.bell() + 0.1;
    }
    CHECK_FALSE(sign_flip(y).exact);
    const auto many = sign_flip(y, {.resamples = 99'999});
    CHECK(std::fabs(sign_flip(y).p_value - many.p_value) < 0.02);
}

TEST_CASE("differences that say nothing have a status")
{
    const double nan = std::nan("");
    CHECK(sign_flip(real{}).state == status::too_few);
    CHECK(std::isnan(sign_flip(real{}).p_value));
    CHECK(sign_flip(of(whole{0, 0})).state == status::zero_variance);
    CHECK(sign_flip(of(whole{0, 0})).p_value == 1.0);
    CHECK(sign_flip(real{0.0}).state == status::zero_variance);
    CHECK(sign_flip(real{1.0, nan}).state == status::out_of_range);
    CHECK(std::isnan(sign_flip(real{1.0, nan}).p_value));
    CHECK(sign_flip(real{1.0, std::numeric_limits<double>::infinity()}).state == status::out_of_range);
    CHECK(sign_flip(real{1e308, 1e308, 0.5}).state == status::out_of_range);
    CHECK(sign_flip(of(whole{std::numeric_limits<std::int64_t>::min()})).state == status::out_of_range);
    CHECK(sign_flip(of(whole{1, -2}), {.p_value = flip_p::monte_carlo, .resamples = 0}).state ==
          status::too_few);
    CHECK(sign_flip(real(60, 0.5), {.p_value = flip_p::exact}).state == status::out_of_range);
    CHECK(sign_flip(real{0.25}).p_value == 1.0);
    CHECK(sign_flip(real{0.25}, {.alternative = side::greater}).p_value == 0.5);
    CHECK(sign_flip(of(whole{5}), {.alternative = side::less}).p_value == 1.0);
    // Large whole numbers are doubles that need no convolution.
    CHECK(sign_flip(real{1e15, -3e15, 0.5, 7e15}).exact);
    // Sizes far apart: convolved only where it fits, else flipped.
    const auto apart = sign_flip(of(whole{1, 1'000'000'007, -5'000'000'029, 3}));
    CHECK(apart.state == status::ok);
}

TEST_CASE("a million coins take a fraction of a second")
{
    joust_test::engine random{36};
    whole x(1'000'000);
    for (std::int64_t& v : x) {
        v = static_cast<std::int64_t>(random.next() % 7) - 3 + (random.coin(0.02) ? 1 : 0);
    }
    const auto start = std::chrono::steady_clock::now();
    const auto found = sign_flip(of(x));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    REQUIRE(found.exact);
    const auto normal = sign_flip(of(x), {.p_value = flip_p::normal});
    CHECK(found.log_p == Approx(normal.log_p).epsilon(0.01));
    WARN("a million coins of sizes 1 to 4 in " << seconds << " s, log p " << found.log_p << ", normal limit "
                                               << normal.log_p);
}
