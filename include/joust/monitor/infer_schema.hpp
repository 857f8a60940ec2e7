// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/monitor/bins.hpp>
#include <joust/monitor/schema.hpp>
#include <joust/numeric/normal.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// Profile the values of a column, to propose its schema and its cells.
///
/// Texts that are empty are missing. The bounds of the values seen are not proposed as bounds, because every new extreme would break them: the
/// proposal is the range between the quantiles of 0.1 % and 99.9 %, with `mostly` 0.99.
/// cost: it keeps all numbers, and up to 10,000 different texts
class column_profile {
public:
    /// Take the text of a value.
    void add(std::string_view text)
    {
        ++rows_;
        if (text.empty()) {
            return;
        }
        ++present_;
        double value = 0.0;
        if (!read(text, value)) {
            ++texts_;
        } else if (std::isfinite(value)) {
            numbers_.push_back(value);
            whole_ +=
                value == std::floor(value) && text.find_first_of(".eE") == std::string_view::npos ? 1U : 0U;
        } else {
            ++invalid_;
        }
        const auto at = different_.find(text);
        if (at != different_.end()) {
            ++at->second;
        } else if (different_.size() < most_different) {
            different_.emplace(std::string{text}, 1U);
        } else {
            ++others_;
        }
    }

    /// Return the number of values.
    [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }
    /// Return how many values were NaN or infinite.
    [[nodiscard]] std::uint64_t invalid() const noexcept { return invalid_; }

    /// Return the kind that all values have.
    [[nodiscard]] column_kind kind() const noexcept
    {
        if (present_ == 0) {
            return column_kind::unknown;
        }
        if (texts_ > 0) {
            return column_kind::text;
        }
        const bool flags =
            others_ == 0 && std::all_of(different_.begin(), different_.end(), [](const auto& each) {
                return each.first == "0" || each.first == "1";
            });
        return flags                                        ? column_kind::flag
               : whole_ == numbers_.size() && invalid_ == 0 ? column_kind::integer
                                                            : column_kind::number;
    }

    /// Propose the schema of the column.
    [[nodiscard]] column_schema propose(std::string name) const
    {
        column_schema column;
        column.name = std::move(name);
        column.kind = kind();
        if (rows_ > 0) {
            // Wilson's lower limit: the share observed itself would be broken by every second sample.
            const auto n = static_cast<double>(rows_);
            const double p = static_cast<double>(present_) / n;
            const double z = stats::normal_upper_quantile(0.025);
            const double centre = p + z * z / (2.0 * n);
            const double width = z * std::sqrt(p * (1.0 - p) / n + z * z / (4.0 * n * n));
            column.min_present = std::max(0.0, (centre - width) / (1.0 + z * z / n));
        }
        if (column.kind == column_kind::text && others_ == 0 && different_.size() <= 100) {
            for (const auto& each : different_) {
                column.domain.push_back(each.first);
            }
            column.mostly = 0.99;
        }
        if ((column.kind == column_kind::integer || column.kind == column_kind::number) &&
            numbers_.size() >= 1000) {
            std::vector<double> sorted = numbers_;
            std::sort(sorted.begin(), sorted.end());
            column.min = sorted[sorted.size() / 1000];
            column.max = sorted[sorted.size() - 1 - sorted.size() / 1000];
            if (sorted.front() >= 0.0 && *column.min > 0.0) {
                column.min = 0.0;
            }
            column.mostly = 0.99;
        }
        return column;
    }

    /// Propose bins for a monitor, at the quantiles of the numbers.
    /// errors: as numeric_bins::quantiles
    [[nodiscard]] numeric_bins bins(std::size_t count = 10) const
    {
        return numeric_bins::quantiles(numbers_, count);
    }
    /// Propose categories for a monitor, the most frequent texts.
    /// errors: configuration_error where there is no value
    [[nodiscard]] categories names(std::size_t count = 50) const
    {
        std::vector<std::pair<std::uint64_t, std::string_view>> order;
        for (const auto& each : different_) {
            order.emplace_back(each.second, each.first);
        }
        std::stable_sort(order.begin(), order.end(),
                         [](const auto& a, const auto& b) { return a.first > b.first; });
        std::vector<std::string_view> listed;
        for (std::size_t i = 0; i < order.size() && i < count; ++i) {
            listed.push_back(order[i].second);
        }
        return categories(std::span<const std::string_view>{listed});
    }

private:
    static constexpr std::size_t most_different = 10'000;

    [[nodiscard]] static bool read(std::string_view text, double& value)
    {
        const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
        return result.ec == std::errc{} && result.ptr == text.data() + text.size();
    }

    std::uint64_t rows_ = 0;
    std::uint64_t present_ = 0;
    std::uint64_t texts_ = 0;
    std::uint64_t invalid_ = 0;
    std::uint64_t whole_ = 0;
    std::uint64_t others_ = 0;
    std::vector<double> numbers_;
    std::map<std::string, std::uint64_t, std::less<>> different_;
};

/// Propose the schema of a table from its rows: from CSV by a `csv_reader`, or from anything that has `columns()`, `next()` and `field(i)`.
/// shape: `csv_reader csv{text}; schema proposal = infer_schema(csv);`
/// errors: what the reader throws
/// cost: memory for all numbers
template <class Reader>
[[nodiscard]] schema infer_schema(Reader& table)
{
    std::vector<column_profile> profiles(table.columns().size());
    while (table.next()) {
        for (std::size_t i = 0; i < profiles.size(); ++i) {
            if constexpr (requires { table.missing(i); }) {
                profiles[i].add(table.missing(i) ? std::string_view{} : std::string_view{table.field(i)});
            } else {
                profiles[i].add(table.field(i));
            }
        }
    }
    schema proposal;
    for (std::size_t i = 0; i < profiles.size(); ++i) {
        proposal.columns.push_back(profiles[i].propose(std::string{table.columns()[i]}));
    }
    return proposal;
}

}  // namespace v0
}  // namespace joust
