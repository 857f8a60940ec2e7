// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/tests/contingency.hpp>
#include <joust/stats/tests/proportions.hpp>

#include "stats/oracle_rows.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;

namespace {

using table = std::vector<std::vector<std::uint64_t>>;

}  // namespace

TEST_CASE("the reference rows of chi-squared and G")
{
    CHECK(joust_test::hold_to_rows("chi2_contingency", [](const joust_test::oracle_row& row) {
              const auto r = stats::chi_squared(row.inputs["table"].get<table>());
              return row.field == "chisq" ? r.statistic : row.field == "df" ? r.df : r.p_value;
          }) == 3);
    CHECK(joust_test::hold_to_rows("g_test", [](const joust_test::oracle_row& row) {
              const auto r = stats::g_test(row.inputs["table"].get<table>());
              return row.field == "G" ? r.statistic : r.p_value;
          }) == 4);
}

TEST_CASE("of two proportions chi-squared is the square of the pooled z")
{
    joust_test::engine draw{3};
    for (int i = 0; i < 200; ++i) {
        const std::uint64_t a = 1 + draw.next() % 50, b = 1 + draw.next() % 50, c = 1 + draw.next() % 50,
                            d = 1 + draw.next() % 50;
        const std::uint64_t counts[2][2] = {{a, b}, {c, d}};
        const auto r = stats::chi_squared(counts);
        const auto z = stats::two_proportion_z(a, a + b, c, c + d);
        CHECK(r.statistic == Approx(z.statistic * z.statistic).epsilon(1e-13));
        CHECK(r.p_value == Approx(z.p_value).epsilon(1e-12));
        const double n = static_cast<double>(a + b + c + d);
        CHECK(r.cramers_v == Approx(std::sqrt(r.statistic / n)).epsilon(1e-14));
    }
}

TEST_CASE("a fourfold table with Yates' correction is as in his paper's formula")
{
    const std::uint64_t counts[2][2] = {{15, 185}, {28, 182}};
    const auto r = stats::chi_squared(counts, {.yates = true});
    const double n = 410.0;
    const double gap = std::fabs(15.0 * 182.0 - 185.0 * 28.0) - 0.5 * n;
    CHECK(r.statistic == Approx(n * gap * gap / (200.0 * 210.0 * 43.0 * 367.0)).epsilon(1e-13));
    // a difference below one half vanishes and does not turn around
    const std::uint64_t equal[2][2] = {{10, 10}, {10, 11}};
    CHECK(stats::chi_squared(equal, {.yates = true}).statistic == 0.0);
    CHECK(stats::g_test(equal, {.yates = true}).statistic == Approx(0.0).margin(1e-15));
    // larger tables have none
    const std::uint64_t wide[2][3] = {{20, 25, 22}, {30, 15, 28}};
    CHECK(stats::chi_squared(wide, {.yates = true}).statistic == stats::chi_squared(wide).statistic);
}

TEST_CASE("nearly equal large counts lose no digit")
{
    // differences of one in 1e12: chi-squared = N (ad - bc)^2 / product of margins
    const std::uint64_t k = 1'000'000'000'000;
    const std::uint64_t counts[2][2] = {{k + 1'000'000, k}, {k, k + 1'000'000}};
    const double n = 4.0 * static_cast<double>(k) + 2e6;
    const double difference =
        2e6 / static_cast<double>(k) * static_cast<double>(k) * static_cast<double>(k) + 1e12;
    const double margin = 2.0 * static_cast<double>(k) + 1e6;
    const double want = n * (difference / margin / margin) * (difference / margin / margin);
    CHECK(stats::chi_squared(counts).statistic == Approx(want).epsilon(1e-12));
    CHECK(stats::g_test(counts).statistic == Approx(want).epsilon(1e-6));
}

TEST_CASE("far in the tail the logarithm goes on")
{
    const std::uint64_t counts[2][2] = {{5000, 10}, {10, 5000}};
    const auto r = stats::chi_squared(counts);
    CHECK(r.p_value == 0.0);
    CHECK(r.log_p < -4000.0);
    CHECK(std::isfinite(r.log_p));
}

TEST_CASE("empty rows and columns are no degree of freedom, bad tables have a state")
{
    const std::array<std::array<int, 3>, 3> holes{{{20, 0, 22}, {0, 0, 0}, {30, 0, 28}}};
    const auto r = stats::chi_squared(holes);
    const std::uint64_t dense[2][2] = {{20, 22}, {30, 28}};
    CHECK(r.df == 1.0);
    CHECK(r.statistic == Approx(stats::chi_squared(dense).statistic).epsilon(1e-15));
    CHECK(r.smallest_expected == Approx(21.0).epsilon(1e-15));

    const std::vector<std::uint64_t> six{1, 2, 3, 4, 5, 6};
    CHECK(stats::chi_squared(std::span<const std::uint64_t>{six}, 4).state == status::out_of_range);
    CHECK(stats::chi_squared(std::span<const std::uint64_t>{six}, 0).state == status::out_of_range);
    CHECK(stats::chi_squared(std::span<const std::uint64_t>{six}, 6).state == status::too_few);
    CHECK(stats::chi_squared(std::span<const std::uint64_t>{six}, 3).state == status::ok);
    CHECK(stats::chi_squared(table{{1, 2}, {3}}).state == status::out_of_range);
    CHECK(stats::chi_squared(table{}).state == status::too_few);
    CHECK(stats::g_test(std::vector<std::vector<int>>{{1, -2}, {3, 4}}).state == status::out_of_range);
    CHECK(stats::g_test(table{{0, 5}, {0, 7}}).state == status::too_few);
}
