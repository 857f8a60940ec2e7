// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/tests/coin.hpp>

#include "stats/support.hpp"

#include <cmath>

namespace stats = joust::stats;
using joust_test::relative_error;
using stats::side;

namespace {

// log P(X >= wins), X ~ Bin(n, 1/2): 60-digit arithmetic
struct row {
    double wins, n, log_tail, log_pmf;
};
const row rows[] = {
    {8.0, 10.0, -2.9061201148643038608, -3.1248093158291333368},
    {121.0, 180.0, -13.019254310010194149, -13.660386807740254915},
    {5.0, 10.0, -0.47313352225466321351, -1.4020427180880297874},
    {3.0, 10.0, -0.056239718322876077797, -2.1439800628174070999},
    {0.0, 10.0, 6.2230152778611417071e-61, -6.9314718055994530942},
    {10.0, 10.0, -6.9314718055994530942, -6.9314718055994530942},
    {1900.0, 2000.0, -992.40658132571321478, -992.46058693068848243},
    {9000.0, 10000.0, -3684.8445400592874781, -3684.9622918590940077},
    {600000.0, 1000000.0, -20141.528094297161096, -20142.626686587129046},
    {501000.0, 1000000.0, -3.7808127449926756108, -9.1335462149596644836},
    {500000.0, 1000000.0, -0.69234961433912560916, -7.1335468816268644844},
    {499000.0, 1000000.0, -0.022957690591797956733, -9.1335462149596644836},
    {500100000.0, 1000000000.0, -22.786775621823525082, -30.58742438470126809},
};

}  // namespace

TEST_CASE("the tails of a fair coin have 13 digits, in the middle, far out and for a billion tosses")
{
    for (const row& r : rows) {
        INFO(r.wins << " of " << r.n);
        const auto tail = stats::detail::coin_tail(r.wins, r.n - r.wins);
        CHECK(tail.log_p == Approx(r.log_tail).epsilon(1e-13).margin(2e-13));
        CHECK(relative_error(stats::detail::coin_log_pmf(r.wins, r.n), r.log_pmf) < 1e-14);
        CHECK(tail.p == Approx(std::exp(r.log_tail)).epsilon(1e-12));
    }
}

TEST_CASE("the two tails of a fair coin both contain the observed count")
{
    for (double n = 1.0; n < 40.0; n += 1.0) {
        for (double wins = 0.0; wins <= n; wins += 1.0) {
            const double up = stats::detail::coin_tail(wins, n - wins).p;
            const double down = stats::detail::coin_tail(n - wins, wins).p;
            CHECK(up + down == Approx(1.0 + std::exp(stats::detail::coin_log_pmf(wins, n))).epsilon(1e-14));
        }
    }
}

TEST_CASE("p-values of a fair coin keep their order and their conventions")
{
    CHECK(stats::detail::coin_test(0.0, 0.0, false, side::two).p == 1.0);
    CHECK(stats::detail::coin_test(5.0, 5.0, false, side::two).p == 1.0);
    CHECK(stats::detail::coin_test(5.0, 5.0, true, side::two).p ==
          Approx(1.0 - 0.5 * 252.0 / 1024.0).epsilon(1e-15));
    CHECK(stats::detail::coin_test(3.0, 0.0, false, side::greater).p == Approx(0.125).epsilon(1e-15));
    CHECK(stats::detail::coin_test(3.0, 0.0, false, side::less).p == Approx(1.0).epsilon(1e-15));
    CHECK(stats::detail::coin_test(3.0, 0.0, true, side::less).p == Approx(1.0 - 0.0625).epsilon(1e-14));
    for (double wins = 50.0; wins < 100.0; wins += 1.0) {
        const auto weaker = stats::detail::coin_test(wins, 100.0 - wins, true, side::two);
        const auto stronger = stats::detail::coin_test(wins + 1.0, 99.0 - wins, true, side::two);
        CHECK(stronger.p < weaker.p);
        CHECK(stronger.log_p < weaker.log_p);
    }
}
