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

/// Hold results that another program recorded: one value for each case, model and metric.
///
/// shape: each name is listed once, in the order of first appearance; rows refer to names by index
struct recorded {
    /// Hold one value.
    struct row {
        /// The case that was predicted, as an index into `ids`.
        std::uint32_t id = 0;
        /// The model, as an index into `arms`.
        std::uint32_t arm = 0;
        /// The metric, as an index into `metrics`.
        std::uint32_t metric = 0;
        /// The value.
        double value = 0.0;
        /// Compare all members.
        bool operator==(const row&) const = default;
    };

    /// Hold a case for which a model has no value of a metric.
    struct loss {
        /// The name of the case.
        std::string id{};
        /// The name of the model.
        std::string arm{};
        /// The name of the metric.
        std::string metric{};
        /// Whether the measurement was marked as failed. Otherwise the value was empty, null or not finite.
        bool failed = false;
        /// Compare all members.
        bool operator==(const loss&) const = default;
    };

    /// The names of the cases.
    std::vector<std::string> ids{};
    /// The names of the models.
    std::vector<std::string> arms{};
    /// The names of the metrics.
    std::vector<std::string> metrics{};
    /// The values.
    std::vector<row> rows{};
    /// How many rows had no value, null or a value that is not finite. They are not among `rows`.
    std::uint64_t missing = 0;
    /// How many measurements were marked as failed by the program that made them. They are not among `rows`.
    std::uint64_t failed = 0;
    /// The missing and failed rows of which case, model and metric are known.
    std::vector<loss> lost{};
    /// Whether cases are repetitions within runs of a program, as `read_benchmark` reads them. What repetitions of one run share,
    /// such as the layout of memory, is no property of the model, so that a gate takes runs and not repetitions as its units. The
    /// run of a case is what stands before the last slash of its name; cases without a slash are all of one run.
    bool repetitions = false;

    /// Compare all members.
    bool operator==(const recorded&) const = default;
};

/// Return the run of a case of recorded results whose cases are repetitions.
[[nodiscard]] inline std::string_view run_of(std::string_view id) noexcept
{
    const std::size_t slash = id.rfind('/');
    return slash == std::string_view::npos ? std::string_view{} : id.substr(0, slash);
}

/// Hold the values of two models on the same cases, side by side.
struct paired_values {
    /// The values of the first model.
    std::vector<double> first{};
    /// The values of the second model, in the same order.
    std::vector<double> second{};
    /// How many cases only one of the models has.
    std::uint64_t unpaired = 0;
    /// How many further values a case and model had. The first value is used.
    std::uint64_t repeated = 0;
};

/// Pair the values of one metric by case, in the order of `ids`.
///
/// If the results do not have one of the names, there are no pairs.
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
