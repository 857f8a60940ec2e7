// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/interleave/linear_programme.hpp>

#include "catch.hpp"

#include <cmath>
#include <limits>
#include <optional>
#include <vector>

using namespace joust::detail;

namespace {

struct programme {
    std::size_t rows;
    std::size_t columns;
    std::vector<double> matrix;
    std::vector<double> bounds;
    std::vector<double> costs;
};

struct outcome {
    programme_state state;
    double cost;
    double residual;
    std::size_t support;
    double least;
    std::size_t pivots;
};

outcome solve(const programme& p)
{
    std::vector<double> prices(p.columns);
    linear_programme tested;
    const programme_state state = tested.solve({.rows = p.rows,
                                                .columns = p.columns,
                                                .stride = p.columns,
                                                .matrix = p.matrix.data(),
                                                .bounds = p.bounds.data(),
                                                .costs = p.costs.data(),
                                                .prices = prices.data()});
    outcome found{state, 0.0, 0.0, 0, 0.0, tested.pivots()};
    if (state == programme_state::solved) {
        found.cost = tested.cost();
        found.residual = tested.residual();
        for (std::size_t r = 0; r < p.rows; ++r) {
            found.support += tested.basis()[r] < p.columns && tested.values()[r] > 0.0 ? 1u : 0u;
            found.least = std::fmin(found.least, tested.values()[r]);
        }
    }
    return found;
}

/// The least cost over all bases of some of the rows' rank, by elimination. Nothing if no basis is feasible.
std::optional<double> by_brute_force(const programme& p)
{
    std::optional<double> least;
    std::vector<std::size_t> chosen;
    const auto judge = [&] {
        // Solve for the chosen columns by least elimination; a solution must satisfy every row.
        const std::size_t n = chosen.size();
        std::vector<std::vector<long double>> a(p.rows, std::vector<long double>(n + 1));
        for (std::size_t i = 0; i < p.rows; ++i) {
            for (std::size_t k = 0; k < n; ++k) {
                a[i][k] = static_cast<long double>(p.matrix[i * p.columns + chosen[k]]);
            }
            a[i][n] = static_cast<long double>(p.bounds[i]);
        }
        std::size_t rank = 0;
        for (std::size_t k = 0; k < n; ++k) {
            std::size_t best = rank;
            for (std::size_t i = rank; i < p.rows; ++i) {
                best = std::fabs(a[i][k]) > std::fabs(a[best][k]) ? i : best;
            }
            if (rank == p.rows || std::fabs(a[best][k]) < 1e-12L) {
                return;  // dependent columns: another choice says the same
            }
            std::swap(a[best], a[rank]);
            for (std::size_t i = 0; i < p.rows; ++i) {
                if (i != rank) {
                    const long double times = a[i][k] / a[rank][k];
                    for (std::size_t c = k; c <= n; ++c) {
                        a[i][c] -= times * a[rank][c];
                    }
                }
            }
            ++rank;
        }
        for (std::size_t i = rank; i < p.rows; ++i) {
            if (std::fabs(a[i][n]) > 1e-12L) {
                return;
            }
        }
        double cost = 0.0;
        for (std::size_t k = 0; k < n; ++k) {
            const auto x = static_cast<double>(a[k][n] / a[k][k]);
            if (x < -1e-12) {
                return;
            }
            cost += x * p.costs[chosen[k]];
        }
        least = least ? std::fmin(*least, cost) : cost;
    };
    const auto choose = [&](const auto& self, std::size_t from) -> void {
        judge();
        if (chosen.size() == p.rows) {
            return;
        }
        for (std::size_t j = from; j < p.columns; ++j) {
            chosen.push_back(j);
            self(self, j + 1);
            chosen.pop_back();
        }
    };
    choose(choose, 0);
    return least;
}

}  // namespace

TEST_CASE("small programmes cost what the cheapest of all bases costs")
{
    joust::keyed_random random{1, 9};
    std::uint64_t wrong = 0;
    std::uint64_t infeasible = 0;
    double residual = 0.0;
    for (int repeat = 0; repeat < 1'500; ++repeat) {
        programme p;
        p.rows = 1 + random.below(4);
        p.columns = 1 + random.below(9);
        // Few different numbers: ties, zeros, dependent rows and columns abound. The first row bounds everything.
        for (std::size_t i = 0; i < p.rows; ++i) {
            for (std::size_t j = 0; j < p.columns; ++j) {
                p.matrix.push_back(i == 0 ? 1.0 : static_cast<double>(random.below(5)) - 2.0);
            }
            p.bounds.push_back(i == 0 ? 1.0 : random.below(3) == 0 ? 0.5 : 0.0);
        }
        for (std::size_t j = 0; j < p.columns; ++j) {
            p.costs.push_back(static_cast<double>(random.below(7)));
        }
        const auto expected = by_brute_force(p);
        const outcome found = solve(p);
        if (!expected) {
            ++infeasible;
            wrong += found.state == programme_state::infeasible ? 0u : 1u;
            continue;
        }
        wrong +=
            found.state == programme_state::solved && std::fabs(found.cost - *expected) < 1e-12 ? 0u : 1u;
        wrong += found.support <= p.rows && found.least >= 0.0 ? 0u : 1u;
        residual = std::fmax(residual, found.residual);
    }
    CHECK(wrong == 0);
    CHECK(residual <= 1e-12);
    CHECK(infeasible > 100);
}

TEST_CASE("programmes on which the steepest descent cycles end")
{
    // Beale's example, with slacks: the rule that takes the first of several ties returns to where it began.
    const programme beale{3,
                          7,
                          {0.25, -60, -1.0 / 25, 9, 1, 0, 0,  //
                           0.5,  -90, -1.0 / 50, 3, 0, 1, 0,  //
                           0,    0,   1,         0, 0, 0, 1},
                          {0, 0, 1},
                          {-0.75, 150, -0.02, 6, 0, 0, 0}};
    const outcome found = solve(beale);
    REQUIRE(found.state == programme_state::solved);
    CHECK(std::fabs(found.cost + 0.05) < 1e-12);
    CHECK(found.pivots < 30);
}

TEST_CASE("a Klee-Minty cube is solved")
{
    // Klee and Minty's, in four dimensions: 2^4 corners, and the last is the best.
    programme p{
        4, 8, std::vector<double>(32), {1, 100, 10'000, 1'000'000}, {-1'000, -100, -10, -1, 0, 0, 0, 0}};
    for (std::size_t i = 0; i < 4; ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            p.matrix[i * 8 + j] = 2.0 * std::pow(10.0, static_cast<double>(i - j));
        }
        p.matrix[i * 8 + i] = 1.0;
        p.matrix[i * 8 + 4 + i] = 1.0;
    }
    const outcome found = solve(p);
    REQUIRE(found.state == programme_state::solved);
    CHECK(std::fabs(found.cost + 1'000'000) < 1e-6);
}

TEST_CASE("programmes without a solution or without a bound say so, and repeated rows are ignored")
{
    CHECK(solve({1, 1, {1}, {1}, {1}}).state == programme_state::solved);
    CHECK(solve({2, 1, {1, 1}, {1, 0}, {1}}).state == programme_state::infeasible);
    CHECK(solve({1, 2, {1, -1}, {1}, {-1, -1}}).state == programme_state::unbounded);
    // Rows that repeat and rows of zeros say nothing new.
    const outcome twice = solve({4, 2, {1, 1, 1, 1, 0, 0, 1, -1}, {1, 1, 0, 0}, {1, 3}});
    REQUIRE(twice.state == programme_state::solved);
    CHECK(twice.cost == 2.0);
    CHECK(twice.support == 2);
    CHECK(solve({1, 0, {}, {1}, {}}).state == programme_state::infeasible);
}

TEST_CASE("a programme with NaN is not solved, and the search ends")
{
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(solve({1, 2, {nan, nan}, {1}, {1, 1}}).state != programme_state::solved);
    CHECK(solve({1, 2, {1, 1}, {nan}, {1, 1}}).state != programme_state::solved);
}

TEST_CASE("large degenerate programmes end, with exact rows and few columns in use")
{
    joust::keyed_random random{2, 9};
    for (int repeat = 0; repeat < 60; ++repeat) {
        programme p;
        p.rows = 2 + random.below(31);
        p.columns = 8 * p.rows + random.below(700);
        const bool coarse = random.coin();  // many ties
        for (std::size_t i = 0; i < p.rows; ++i) {
            for (std::size_t j = 0; j < p.columns; ++j) {
                p.matrix.push_back(i == 0   ? 1.0
                                   : coarse ? static_cast<double>(random.below(3)) - 1.0
                                            : random.uniform() - 0.5);
            }
            p.bounds.push_back(i == 0 ? 1.0 : 0.0);
        }
        for (std::size_t j = 0; j < p.columns; ++j) {
            p.costs.push_back(coarse ? static_cast<double>(random.below(4)) : random.uniform());
        }
        const outcome found = solve(p);
        CAPTURE(p.rows, p.columns, coarse, found.pivots);
        REQUIRE(found.state != programme_state::stopped);
        if (found.state == programme_state::solved) {
            CHECK(found.residual <= 1e-12);
            CHECK(found.support <= p.rows);
        }
    }
}
