// SPDX-License-Identifier: Apache-2.0

#include <joust/quality/rank_correlation.hpp>

#include "quality/ranking_rows.hpp"
#include "stats/support.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <vector>

namespace quality = joust::quality;
using joust::status;
using joust_test::relative_error;

namespace {

std::vector<double> draw(joust_test::engine& random, std::size_t n, double levels)
{
    std::vector<double> x(n);
    for (double& value : x) {
        value = std::floor(random.uniform() * levels);
    }
    return x;
}

// All orders, by falling score, that a score with ties allows.
std::vector<std::vector<std::size_t>> orders_of(const std::vector<double>& score)
{
    std::vector<std::size_t> order(score.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::vector<std::vector<std::size_t>> all;
    do {
        bool sorted = true;
        for (std::size_t i = 0; i + 1 < order.size(); ++i) {
            sorted = sorted && score[order[i]] >= score[order[i + 1]];
        }
        if (sorted) {
            all.push_back(order);
        }
    } while (std::next_permutation(order.begin(), order.end()));
    return all;
}

double plain_ap_correlation(const std::vector<std::size_t>& truth, const std::vector<std::size_t>& judged)
{
    std::vector<std::size_t> rank(truth.size());
    for (std::size_t i = 0; i < truth.size(); ++i) {
        rank[truth[i]] = i;
    }
    double total = 0.0;
    for (std::size_t i = 1; i < judged.size(); ++i) {
        double right = 0.0;
        for (std::size_t j = 0; j < i; ++j) {
            right += rank[judged[j]] < rank[judged[i]] ? 1.0 : 0.0;
        }
        total += right / static_cast<double>(i);
    }
    return 2.0 / static_cast<double>(judged.size() - 1) * total - 1.0;
}

}  // namespace

TEST_CASE("tau-b is what SciPy gives")
{
    int rows = 0;
    for (const joust_test::ranking_row& row : joust_test::ranking_rows()) {
        if (row.method == "kendall_tau_b") {
            const quality::rank_correlation found = quality::kendall_tau_b(row.first, row.second);
            CHECK(found.state == status::ok);
            CHECK(std::fabs(found.value - row.value) < 2e-15);
            ++rows;
        }
    }
    CHECK(rows == 20);
}

TEST_CASE("tau-b by all pairs")
{
    joust_test::engine random{3};
    for (int round = 0; round < 300; ++round) {
        const std::size_t n = 2 + random.next() % 40;
        const std::vector<double> x = draw(random, n, 1.0 + static_cast<double>(random.next() % 20));
        const std::vector<double> y = draw(random, n, 1.0 + static_cast<double>(random.next() % 20));
        double sum = 0.0, apart_x = 0.0, apart_y = 0.0;
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j < i; ++j) {
                const double a = (x[i] > x[j] ? 1.0 : 0.0) - (x[i] < x[j] ? 1.0 : 0.0);
                const double b = (y[i] > y[j] ? 1.0 : 0.0) - (y[i] < y[j] ? 1.0 : 0.0);
                sum += a * b;
                apart_x += a * a;
                apart_y += b * b;
            }
        }
        const quality::rank_correlation found = quality::kendall_tau_b(x, y);
        if (apart_x == 0.0 || apart_y == 0.0) {
            REQUIRE(found.state == status::zero_variance);
            REQUIRE(std::isnan(found.value));
            continue;
        }
        REQUIRE(std::fabs(found.value - sum / std::sqrt(apart_x * apart_y)) < 1e-14);
        REQUIRE(quality::kendall_tau_b(y, x).value == Approx(found.value).margin(1e-15));
        REQUIRE(quality::kendall_tau_b(x, x).value == 1.0);
    }
}

TEST_CASE("AP correlation is its mean over all ways of breaking ties in both")
{
    joust_test::engine random{4};
    double worst = 0.0;
    for (int round = 0; round < 150; ++round) {
        const std::size_t n = 2 + random.next() % 4;
        const std::vector<double> truth = draw(random, n, 1.0 + static_cast<double>(random.next() % 6));
        const std::vector<double> judged = draw(random, n, 1.0 + static_cast<double>(random.next() % 6));
        const auto truths = orders_of(truth);
        const auto lists = orders_of(judged);
        double mean = 0.0;
        for (const auto& t : truths) {
            for (const auto& l : lists) {
                mean += plain_ap_correlation(t, l);
            }
        }
        mean /= static_cast<double>(truths.size() * lists.size());
        const quality::rank_correlation found = quality::ap_correlation(truth, judged);
        REQUIRE(found.state == status::ok);
        REQUIRE(std::fabs(found.value - mean) < 1e-14);
        worst = std::max(worst, std::fabs(found.value - mean));
    }
    WARN("largest distance " << worst);
}

TEST_CASE("AP correlation by hand: a mistake at the top weighs more than one at the bottom")
{
    const std::vector<double> truth{4, 3, 2, 1};
    // Swapped at the top: of 1, 2, 3 documents above ranks 2, 3, 4 belong there 0, 2, 3.
    CHECK(quality::ap_correlation(truth, std::vector<double>{3, 4, 2, 1}).value ==
          Approx(2.0 / 3.0 * (0.0 + 1.0 + 1.0) - 1.0).epsilon(1e-15));
    CHECK(quality::ap_correlation(truth, std::vector<double>{4, 3, 1, 2}).value ==
          Approx(2.0 / 3.0 * (1.0 + 1.0 + 2.0 / 3.0) - 1.0).epsilon(1e-15));
    CHECK(quality::ap_correlation(truth, truth).value == Approx(1.0).epsilon(1e-15));
    CHECK(quality::ap_correlation(truth, std::vector<double>{1, 2, 3, 4}).value ==
          Approx(-1.0).epsilon(1e-15));
    CHECK(std::fabs(quality::ap_correlation(truth, std::vector<double>{1, 1, 1, 1}).value) < 1e-15);
}

TEST_CASE("scores that cannot be correlated have a status")
{
    const std::vector<double> one{1.0}, two{1.0, 2.0}, bad{1.0, std::nan("")};
    const std::vector<double> infinite{std::numeric_limits<double>::infinity(),
                                       -std::numeric_limits<double>::infinity()};
    for (const auto correlate : {quality::kendall_tau_b, quality::ap_correlation}) {
        CHECK(correlate({}, {}).state == status::too_few);
        CHECK(correlate(one, one).state == status::too_few);
        CHECK(correlate(one, two).state == status::out_of_range);
        CHECK(correlate(two, bad).state == status::out_of_range);
        CHECK(std::isnan(correlate(two, bad).value));
        CHECK(correlate(two, infinite).value == Approx(-1.0).epsilon(1e-15));
    }
    CHECK(quality::kendall_tau_b(two, std::vector<double>{3.0, 3.0}).state == status::zero_variance);
}

TEST_CASE("tau-b of a million documents counts exactly")
{
    const std::size_t n = 1'000'000;
    std::vector<double> x(n), y(n);
    for (std::size_t i = 0; i < n; ++i) {
        x[i] = static_cast<double>(i);
        y[i] = static_cast<double>(i ^ 1U);  // every second pair of neighbours is swapped
    }
    const double pairs = 0.5 * static_cast<double>(n) * static_cast<double>(n - 1);
    CHECK(quality::kendall_tau_b(x, y).value == Approx(1.0 - static_cast<double>(n) / pairs).epsilon(1e-16));
}
