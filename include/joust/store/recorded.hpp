// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace joust {
inline namespace v0 {

/// Results that another program recorded: for each case, model and metric one value.
///
/// shape: names stand once, in the order of their first appearance; rows point at them by index
struct recorded {
    struct row {
        /// into `ids`: the case that was predicted
        std::uint32_t id = 0;
        /// into `arms`: the model
        std::uint32_t arm = 0;
        /// into `metrics`
        std::uint32_t metric = 0;
        double value = 0.0;
        bool operator==(const row&) const = default;
    };

    std::vector<std::string> ids{};
    std::vector<std::string> arms{};
    std::vector<std::string> metrics{};
    std::vector<row> rows{};
    /// rows whose value was absent, null or not finite: counted, not kept
    std::uint64_t missing = 0;
    /// measurements that their own program marked as failed: counted, not kept
    std::uint64_t failed = 0;

    bool operator==(const recorded&) const = default;
};

/// The values of two models on the same cases, side by side.
struct paired_values {
    std::vector<double> first{};
    std::vector<double> second{};
    /// cases that only one of the models has
    std::uint64_t unpaired = 0;
    /// further values for a case and model that has one: the first is used
    std::uint64_t repeated = 0;
};

/// Pair the values of one metric by case, in the order of `ids`.
///
/// Names that the results do not have give no pairs.
[[nodiscard]] inline paired_values pairs_of(const recorded& results, std::string_view metric,
                                            std::string_view first_arm, std::string_view second_arm)
{
    const auto place = [](const std::vector<std::string>& names, std::string_view name) {
        std::size_t i = 0;
        while (i < names.size() && names[i] != name) {
            ++i;
        }
        return i;
    };
    const std::size_t wanted = place(results.metrics, metric);
    const std::size_t arms[2] = {place(results.arms, first_arm), place(results.arms, second_arm)};
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    std::vector<double> values[2] = {std::vector<double>(results.ids.size(), none),
                                     std::vector<double>(results.ids.size(), none)};
    paired_values pairs;
    for (const recorded::row& row : results.rows) {
        for (std::size_t side = 0; side < 2; ++side) {
            if (row.metric != wanted || row.arm != arms[side]) {
                continue;
            }
            double& kept = values[side][row.id];
            if (kept == kept) {
                ++pairs.repeated;
            } else {
                kept = row.value;
            }
        }
    }
    for (std::size_t i = 0; i < results.ids.size(); ++i) {
        const bool has_first = values[0][i] == values[0][i];
        const bool has_second = values[1][i] == values[1][i];
        if (has_first && has_second) {
            pairs.first.push_back(values[0][i]);
            pairs.second.push_back(values[1][i]);
        } else if (has_first || has_second) {
            ++pairs.unpaired;
        }
    }
    return pairs;
}

}  // namespace v0
}  // namespace joust
