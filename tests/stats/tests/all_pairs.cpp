// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/tests/all_pairs.hpp>
#include <joust/stats/tests/multiplicity.hpp>
#include <joust/stats/tests/welch.hpp>

#include "stats/support.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace stats = joust::stats;
using joust::status;

TEST_CASE("all pairs are Holm's procedure over the tests of all pairs")
{
    joust_test::engine random{61};
    std::vector<std::vector<double>> arms(5);
    for (std::size_t a = 0; a < arms.size(); ++a) {
        for (int i = 0; i < 60; ++i) {
            arms[a].push_back(random.bell() + (a == 3 ? 1.0 : a == 4 ? -1.2 : 0.0));
        }
    }
    const auto test = [&](std::size_t i, std::size_t j) { return stats::welch_t(arms[i], arms[j]); };
    const stats::all_pairs_result found = stats::all_pairs(5, test);
    REQUIRE(found.state == status::ok);
    REQUIRE(found.pairs.size() == 10);
    std::vector<double> p;
    for (std::size_t i = 0; i < 5; ++i) {
        for (std::size_t j = i + 1; j < 5; ++j) {
            const stats::judged_pair& pair = found.pairs[p.size()];
            CHECK(pair.first == i);
            CHECK(pair.second == j);
            CHECK(pair.difference == test(i, j).estimate);
            p.push_back(test(i, j).p_value);
        }
    }
    const stats::multiplicity_result holm = stats::holm(p);
    std::size_t wins = 0, losses = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
        CHECK(found.pairs[i].adjusted == holm.adjusted[i]);
        CHECK(found.pairs[i].differs == (holm.rejected[i] != 0));
    }
    for (std::size_t a = 0; a < 5; ++a) {
        wins += found.wins[a];
        losses += found.losses[a];
    }
    CHECK(wins == found.differences);
    CHECK(losses == found.differences);
    CHECK(found.wins[3] == 4);
    CHECK(found.losses[4] >= 3);
    CHECK(found.method == "Holm");
    const stats::all_pairs_result mirrored = stats::all_pairs(5, test, {.lower_is_better = true});
    CHECK(mirrored.losses[3] == 4);
    CHECK(mirrored.wins == found.losses);
}

TEST_CASE("all pairs from e-values are e-BH")
{
    // e of the pairs (0,1), (0,2), (1,2)
    const std::array<double, 3> e{200.0, 30.0, 0.5};
    const auto evidence = [&](std::size_t i, std::size_t j) -> stats::pair_e_value {
        return {std::log(e[i + j - 1]), static_cast<double>(j) - static_cast<double>(i)};
    };
    const stats::all_pairs_result found = stats::all_pairs(3, evidence);
    CHECK(found.state == status::ok);
    CHECK(found.method == "e-BH");
    // 3 / (0.05 k): 60 for one, 30 for two.
    CHECK(found.pairs[0].differs);
    CHECK(found.pairs[1].differs);
    CHECK_FALSE(found.pairs[2].differs);
    CHECK(found.wins == std::vector<std::size_t>{2, 0, 0});
    CHECK(found.losses == std::vector<std::size_t>{0, 1, 1});
    CHECK(found.pairs[0].adjusted <= 0.05);
}

TEST_CASE("a pair without a p-value keeps its state and its place among the tests")
{
    const std::array<double, 3> p{0.02, 0.5, 0.9};
    const auto test = [&](std::size_t i, std::size_t j) {
        stats::test_result result;
        result.state = i + j == 3 ? status::zero_variance : status::ok;
        result.p_value = p[i + j - 1];
        result.estimate = 1.0;
        return result;
    };
    const stats::all_pairs_result counted = stats::all_pairs(3, test);
    CHECK(counted.pairs[2].state == status::zero_variance);
    CHECK(std::isnan(counted.pairs[2].adjusted));
    CHECK(counted.pairs[0].adjusted == Approx(0.06));
    CHECK_FALSE(counted.pairs[0].differs);
    const stats::all_pairs_result left_out =
        stats::all_pairs(3, test, {.missing = stats::missing_p::left_out});
    CHECK(left_out.pairs[0].differs);
    CHECK(stats::all_pairs(1, test).state == status::too_few);
    CHECK(stats::all_pairs(0, test).pairs.empty());
    CHECK(stats::all_pairs(3, test, {.alpha = 0.0}).state == status::out_of_range);
}
