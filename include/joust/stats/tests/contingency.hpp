// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/buffer.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/tests/fisher.hpp>
#include <joust/stats/tests/srm.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace stats {

/// Set up chi_squared and g_test.
struct contingency_options {
    /// Subtract one half from each difference in a 2 x 2 table: closer to Fisher's exact test, and as cautious. A table
    /// that has another size once its empty rows and columns are left out is not corrected, and `method` names no correction.
    bool yates = false;
};

/// Report a test of a table of counts. With an expected count below about 5 the p-value is rough.
struct contingency_result : test_result {
    /// The smallest expected count.
    double smallest_expected = not_a_number;
    /// Cramer's V: 0 for no association, 1 for a perfect one; computed without correction.
    double cramers_v = not_a_number;
};

/// Anything that has rows of counts: nested arrays and vectors.
template <class T>
concept table_of_counts = requires(const T& table, std::size_t i) {
    { *std::begin(*std::begin(table)) >= 0 } -> std::convertible_to<bool>;
    std::end(*std::begin(table));
};

namespace detail {

inline constexpr std::string_view chi_squared_name = "chi-squared test of independence";
inline constexpr std::string_view g_name = "G-test of independence";

[[nodiscard]] inline contingency_result test_table(bool likelihood, std::span<const std::uint64_t> counts,
                                                   std::size_t columns, const contingency_options& options)
{
    contingency_result result;
    result.method = likelihood ? g_name : chi_squared_name;
    if (columns == 0 || counts.size() % columns != 0) {
        result.state = status::out_of_range;
        return result;
    }
    const std::size_t rows = counts.size() / columns;
    buffer<double> of_row(rows, 0.0);
    buffer<double> of_column(columns, 0.0);
    double all = 0.0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        const double count = static_cast<double>(counts[i]);
        of_row[i / columns] += count;
        of_column[i % columns] += count;
        all += count;
    }
    std::size_t filled_rows = 0, filled_columns = 0;
    for (const double total : of_row) {
        filled_rows += total > 0.0 ? 1U : 0U;
    }
    for (const double total : of_column) {
        filled_columns += total > 0.0 ? 1U : 0U;
    }
    if (filled_rows < 2 || filled_columns < 2) {
        return result;
    }
    const bool yates = options.yates && filled_rows == 2 && filled_columns == 2;
    if (yates) {
        result.method = likelihood ? "G-test of independence, Yates' correction"
                                   : "chi-squared test of independence, Yates' correction";
    }
    double statistic = 0.0, pearson = 0.0;
    result.smallest_expected = all;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        const double total_row = of_row[i / columns];
        const double total_column = of_column[i % columns];
        if (!(total_row > 0.0 && total_column > 0.0)) {
            continue;
        }
        double seen = static_cast<double>(counts[i]);
        const double expected = total_row / all * total_column;
        double difference = cross_difference(seen, all, total_row, total_column) / all;
        result.smallest_expected = expected < result.smallest_expected ? expected : result.smallest_expected;
        pearson += difference * (difference / expected);
        if (yates) {
            const double taken = std::copysign(std::fabs(difference) < 0.5 ? difference : 0.5, difference);
            difference -= taken;
            seen -= taken;
        }
        statistic +=
            likelihood ? 2.0 * cell_deviance(seen, difference) : difference * (difference / expected);
    }
    const std::size_t smaller = filled_rows < filled_columns ? filled_rows : filled_columns;
    const std::size_t df = (filled_rows - 1) * (filled_columns - 1);
    result.cramers_v = std::sqrt(pearson / (all * static_cast<double>(smaller - 1)));
    result.statistic = statistic;
    result.df = static_cast<double>(df);
    result.log_p = log_chi_squared_sf(statistic, df);
    result.p_value = std::exp(result.log_p);
    result.state = status::ok;
    return result;
}

// Copies nested rows into one span; returns false where they differ in length.
template <class Table, class Test>
[[nodiscard]] contingency_result flatten(std::string_view method, const Table& table, Test test)
{
    std::size_t rows = 0, cells = 0, columns = 0;
    bool valid = true;
    for (const auto& row : table) {
        std::size_t length = 0;
        for (const auto& count : row) {
            valid = valid && count >= 0;
            ++length;
        }
        columns = rows == 0 ? length : columns;
        valid = valid && length == columns;
        cells += length;
        ++rows;
    }
    if (!valid || cells == 0) {
        contingency_result result;
        result.method = method;
        result.state = valid ? status::too_few : status::out_of_range;
        return result;
    }
    buffer<std::uint64_t> counts(cells);
    std::size_t at = 0;
    for (const auto& row : table) {
        for (const auto& count : row) {
            counts[at++] = static_cast<std::uint64_t>(count);
        }
    }
    return test(std::span<const std::uint64_t>{counts.data(), counts.size()}, columns);
}

}  // namespace detail

/// Test whether rows and columns of a table of counts are independent: Pearson's chi-squared.
///
/// Rows are samples and columns are outcomes; `counts` holds row after row. Rows and columns without a count add no
/// degree of freedom.
///
/// When not: small counts in a 2 x 2 table; use `fisher_exact` or `boschloo_exact`.
/// assumes: counts of independent units.
/// errors: out_of_range (counts that do not fill the columns, rows of unequal length), too_few (fewer than two
///     rows or columns with a count).
/// cost: no Boost.Math; under 1 us for a 2 x 2 table.
/// source: Pearson 1900; Yates 1934.
[[nodiscard]] inline contingency_result chi_squared(std::span<const std::uint64_t> counts,
                                                    std::size_t columns,
                                                    const contingency_options& options = {})
{
    return detail::test_table(false, counts, columns, options);
}

/// Test independence as above, from nested rows.
template <table_of_counts Table>
[[nodiscard]] contingency_result chi_squared(const Table& table, const contingency_options& options = {})
{
    return detail::flatten(detail::chi_squared_name, table,
                           [&](std::span<const std::uint64_t> counts, std::size_t columns) {
                               return chi_squared(counts, columns, options);
                           });
}

/// Test whether rows and columns of a table of counts are independent by the ratio of likelihoods.
///
/// Nearly the same as `chi_squared`; its statistic adds up over tables, and gives more weight to surprising cells.
/// errors: as chi_squared.
/// cost: one pass over the cells; the exact forms as chi_squared.
/// source: Wilks 1938; Sokal and Rohlf 1981.
[[nodiscard]] inline contingency_result g_test(std::span<const std::uint64_t> counts, std::size_t columns,
                                               const contingency_options& options = {})
{
    return detail::test_table(true, counts, columns, options);
}

/// Test independence as above, from nested rows.
/// cost: one pass over the cells; the exact forms as chi_squared
template <table_of_counts Table>
[[nodiscard]] contingency_result g_test(const Table& table, const contingency_options& options = {})
{
    return detail::flatten(detail::g_name, table,
                           [&](std::span<const std::uint64_t> counts, std::size_t columns) {
                               return g_test(counts, columns, options);
                           });
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
