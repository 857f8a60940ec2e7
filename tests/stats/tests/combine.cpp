// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/tests/combine.hpp>

#include "stats/oracle_rows.hpp"

#include <cmath>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using joust_test::relative_error;

TEST_CASE("reference values of the combinations")
{
    int driven = 0;
    for (const char* name : {"fisher_combine", "stouffer", "cauchy_combine"}) {
        for (const auto& row : joust_test::oracle_rows(name)) {
            const auto p = row.numbers("p");
            const auto r = row.method == "fisher_combine" ? stats::fisher_combine(p)
                           : row.method == "stouffer"     ? stats::stouffer(p)
                                                          : stats::cauchy_combine(p);
            joust_test::check_oracle(row, row.field == "p" ? r.p_value : r.statistic);
            ++driven;
        }
    }
    CHECK(driven == 6);
}

TEST_CASE("one p-value combines to itself, down to the smallest")
{
    for (const double p : {0.9, 0.5, 0.03, 1e-12, 1e-300}) {
        const std::vector<double> one{p};
        CHECK(relative_error(stats::fisher_combine(one).p_value, p) < 1e-13);
        CHECK(relative_error(stats::stouffer(one).p_value, p) < 1e-13);
        CHECK(relative_error(stats::cauchy_combine(one).p_value, p) < 1e-14);
    }
    const std::vector<double> many(10, 1e-200);
    CHECK(stats::fisher_combine(many).p_value == 0.0);
    // log of exp(-x) sum x^k / k! at x = 2000 log 10, dominated by its last terms
    CHECK(stats::fisher_combine(many).log_p < -4500.0);
    CHECK(std::isfinite(stats::fisher_combine(many).log_p));
}

TEST_CASE("combinations of independent uniforms are uniform")
{
    joust_test::engine random{31};
    int low[3] = {0, 0, 0};
    constexpr int runs = 20000;
    const std::vector<double> weights{1.0, 2.0, 3.0};
    for (int run = 0; run < runs; ++run) {
        const std::vector<double> p{random.uniform(), random.uniform(), random.uniform()};
        low[0] += stats::fisher_combine(p).p_value < 0.05 ? 1 : 0;
        low[1] += stats::stouffer(p, weights).p_value < 0.05 ? 1 : 0;
        low[2] += stats::cauchy_combine(p, weights).p_value < 0.05 ? 1 : 0;
    }
    for (const int count : low) {
        CHECK(count > 900);
        CHECK(count < 1100);
    }
}

TEST_CASE("combine: edge cases give a status")
{
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> none, bad{0.5, nan}, outside{1.5}, both{0.0, 1.0}, zero{0.0, 0.5},
        two{0.1, 0.2};
    const std::vector<double> negative{-1.0, 1.0}, short_one{1.0}, nothing{0.0, 0.0};
    for (const auto how : {+[](std::span<const double> p) { return stats::fisher_combine(p); },
                           +[](std::span<const double> p) { return stats::stouffer(p); },
                           +[](std::span<const double> p) { return stats::cauchy_combine(p); }}) {
        CHECK(how(none).state == status::too_few);
        CHECK(how(bad).state == status::out_of_range);
        CHECK(how(outside).state == status::out_of_range);
        CHECK(how(zero).p_value == 0.0);
    }
    CHECK(stats::stouffer(both).state == status::out_of_range);
    CHECK(std::isnan(stats::stouffer(both).p_value));
    CHECK(stats::stouffer(two, negative).state == status::out_of_range);
    CHECK(stats::cauchy_combine(two, short_one).state == status::out_of_range);
    CHECK(stats::cauchy_combine(two, nothing).state == status::out_of_range);
}
