// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/sequential/arm_elimination.hpp>
#include <joust/stats/sequential/beta_mixture.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>

#include "stats/support.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using stats::elimination;
using stats::error_split;
using stats::no_arm;
using stats::pair_interval;

namespace {

using pairs = std::vector<pair_interval>;

// Paired differences of arms with normal outcomes of variance 1 and these means, looked at after every round: which arms
// were eliminated.
elimination race(joust_test::engine& random, const std::vector<double>& means, double alpha,
                 error_split split, int rounds, int& used)
{
    const std::size_t k = means.size();
    elimination state{k};
    std::vector<double> sums(k, 0.0);
    const double level = stats::elimination_alpha(k, alpha, split);
    for (int n = 1; n <= rounds; ++n) {
        for (std::size_t i = 0; i < k; ++i) {
            sums[i] += means[i] + random.bell();
        }
        pairs seen;
        for (std::size_t i = 0; i < k; ++i) {
            for (std::size_t j = i + 1; j < k; ++j) {
                const double count = n;
                const double half = stats::normal_mixture_bound(2.0 * count, 20.0, level) / count;
                const double mean = (sums[i] - sums[j]) / count;
                seen.push_back({i, j, {mean - half, mean + half}});
            }
        }
        state = stats::eliminate(std::move(state), seen);
        used = n;
        if (state.winner() != no_arm) {
            break;
        }
    }
    return state;
}

}  // namespace

TEST_CASE("the error rate is divided among the comparisons that can err")
{
    CHECK(stats::elimination_alpha(5, 0.05) == Approx(0.05 / 4.0));
    CHECK(stats::elimination_alpha(5, 0.05, error_split::all_pairs) == Approx(0.05 / 10.0));
    CHECK(stats::elimination_alpha(2, 0.05) == stats::elimination_alpha(2, 0.05, error_split::all_pairs));
    CHECK(std::isnan(stats::elimination_alpha(1)));
    CHECK(std::isnan(stats::elimination_alpha(3, 1.0)));
}

TEST_CASE("an arm is eliminated when another is shown to be better, and stays eliminated")
{
    elimination state{3};
    state = stats::eliminate(state, pairs{{0, 1, {-0.1, 0.2}}, {0, 2, {0.1, 0.4}}, {1, 2, {0.05, 0.3}}});
    CHECK(state.state == status::ok);
    CHECK(state.survivors == 2);
    CHECK(state.beaten_by == std::vector<std::size_t>{no_arm, no_arm, 0});
    CHECK(state.winner() == no_arm);
    // The arm stays eliminated although the interval contains 0 again. An interval that ends at 0 does not eliminate.
    state = stats::eliminate(state, pairs{{0, 1, {0.0, 0.2}}, {0, 2, {-0.1, 0.4}}, {1, 2, {-0.5, 0.3}}});
    CHECK_FALSE(state.in(2));
    CHECK(state.survivors == 2);
    // A later and clearer defeat does not change which arm eliminated it either.
    state = stats::eliminate(state, pairs{{1, 2, {5.0, 6.0}}});
    CHECK(state.beaten_by[2] == 0);
    // The pair given the other way round.
    state = stats::eliminate(state, pairs{{1, 0, {0.01, 0.2}}});
    CHECK(state.winner() == 1);
    CHECK(state.beaten_by[0] == 1);
}

TEST_CASE("lower is better: the result is mirrored")
{
    const pairs seen{{0, 1, {0.1, 0.2}}};
    CHECK(stats::eliminate(elimination{2}, seen).winner() == 0);
    CHECK(stats::eliminate(elimination{2}, seen, true).winner() == 1);
}

TEST_CASE("the order of pairs does not matter")
{
    joust_test::engine random{51};
    for (int round = 0; round < 300; ++round) {
        const std::size_t k = 2 + random.next() % 5;
        pairs seen;
        for (std::size_t i = 0; i < k; ++i) {
            for (std::size_t j = i + 1; j < k; ++j) {
                const double centre = std::round(4.0 * random.bell() / 3.0) + 0.4 * static_cast<double>(j) -
                                      0.4 * static_cast<double>(i);
                seen.push_back(random.coin(0.5) ? pair_interval{i, j, {centre - 0.6, centre + 0.6}}
                                                : pair_interval{j, i, {-centre - 0.6, -centre + 0.6}});
            }
        }
        const elimination one = stats::eliminate(elimination{k}, seen);
        std::reverse(seen.begin(), seen.end());
        const elimination two = stats::eliminate(elimination{k}, seen);
        REQUIRE(one.beaten_by == two.beaten_by);
        REQUIRE(one.survivors == two.survivors);
        REQUIRE(one.state == two.state);
        REQUIRE(static_cast<std::size_t>(std::count(one.beaten_by.begin(), one.beaten_by.end(), no_arm)) ==
                one.survivors);
        REQUIRE(one.survivors >= 1);
    }
}

TEST_CASE("unusable intervals eliminate no arm")
{
    const double nan = std::nan("");
    const double infinite = std::numeric_limits<double>::infinity();
    const elimination fresh{3};
    CHECK(stats::eliminate(fresh, pairs{}).state == status::too_few);
    CHECK(stats::eliminate(fresh, pairs{{0, 1, {1.0, 2.0}, status::too_few}}).survivors == 3);
    CHECK(stats::eliminate(fresh, pairs{{0, 1, {nan, 2.0}}}).state == status::too_few);
    CHECK(stats::eliminate(fresh, pairs{{0, 1, {-infinite, infinite}}}).state == status::ok);
    for (const pair_interval& bad : {pair_interval{0, 3, {1.0, 2.0}}, pair_interval{1, 1, {1.0, 2.0}},
                                     pair_interval{0, 1, {2.0, 1.0}}}) {
        const elimination found = stats::eliminate(fresh, pairs{{1, 2, {1.0, 2.0}}, bad});
        CHECK(found.state == status::out_of_range);
        CHECK(found.survivors == 3);
    }
    CHECK(stats::eliminate(elimination{1}, pairs{}).state == status::out_of_range);
    CHECK(elimination{1}.winner() == no_arm);
    // A circle: one of the intervals is wrong.
    const elimination circle =
        stats::eliminate(fresh, pairs{{0, 1, {1.0, 2.0}}, {1, 2, {1.0, 2.0}}, {2, 0, {1.0, 2.0}}});
    CHECK(circle.state == status::out_of_range);
    CHECK(circle.survivors == 3);
}

TEST_CASE("the better of two coins is eliminated with probability below alpha, by dynamic programming")
{
    // One arm wins each decided pair with probability p at least 1/2; the interval is the coin's confidence sequence.
    for (const double p : {0.5, 0.6}) {
        std::vector<double> alive{1.0};
        double wrong = 0.0, right = 0.0;
        for (int n = 1; n <= 400; ++n) {
            std::vector<double> next(static_cast<std::size_t>(n) + 1, 0.0);
            for (std::size_t w = 0; w < alive.size(); ++w) {
                next[w] += (1.0 - p) * alive[w];
                next[w + 1] += p * alive[w];
            }
            for (std::size_t w = 0; w < next.size(); ++w) {
                if (!(next[w] > 1e-15)) {
                    continue;
                }
                const stats::bounds ends =
                    stats::beta_mixture_interval(w, static_cast<std::uint64_t>(n) - w, 0.05);
                const elimination found =
                    stats::eliminate(elimination{2}, pairs{{0, 1, {ends.lower - 0.5, ends.upper - 0.5}}});
                if (found.winner() != no_arm) {
                    (found.winner() == 0 ? right : wrong) += next[w];
                    next[w] = 0.0;
                }
            }
            alive = std::move(next);
        }
        WARN("p " << p << ": the better arm out with probability " << wrong << ", the other " << right);
        CHECK(wrong <= 0.05);
        if (p > 0.5) {
            CHECK(right > 0.5);
            CHECK(wrong < 0.01);
        } else {
            CHECK(wrong + right <= 0.05);
            CHECK(wrong + right > 0.01);
        }
    }
}

TEST_CASE("races of four arms keep the best one, and end")
{
    joust_test::engine random{52};
    int lost = 0, lost_ties = 0, ended = 0;
    double looks = 0.0;
    const int runs = 300;
    for (int run = 0; run < runs; ++run) {
        int used = 0;
        const elimination apart = race(random, {0.0, 0.5, 0.2, 0.1}, 0.1, error_split::best_arm, 600, used);
        lost += apart.in(1) ? 0 : 1;
        ended += apart.winner() == 1 ? 1 : 0;
        looks += used;
        // The hardest null: all alike. Any elimination is a false statement.
        const elimination same = race(random, {0.0, 0.0, 0.0, 0.0}, 0.1, error_split::all_pairs, 200, used);
        lost_ties += same.survivors < 4 ? 1 : 0;
    }
    WARN("best arm lost in " << lost << " of " << runs << ", race over in " << ended << " after "
                             << looks / runs << " rounds; all alike: false elimination in " << lost_ties);
    CHECK(lost <= 0.1 * runs);
    CHECK(lost_ties <= 0.1 * runs);
    CHECK(ended > 0.8 * runs);
}
