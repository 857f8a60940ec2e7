#pragma once

#include <joust/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust::inline v0 {

/// Results that another program recorded: for each case, model and metric one value.
///
/// shape: names stand once, in the order of their first appearance; rows point at them by index
struct recorded {
    struct row {
        std::uint32_t id = 0;      ///< into `ids`: the case that was predicted
        std::uint32_t arm = 0;     ///< into `arms`: the model
        std::uint32_t metric = 0;  ///< into `metrics`
        double value = 0.0;
        bool operator==(const row&) const = default;
    };

    std::vector<std::string> ids{};
    std::vector<std::string> arms{};
    std::vector<std::string> metrics{};
    std::vector<row> rows{};
    std::uint64_t missing = 0;  ///< rows whose value was absent, null or not finite: counted, not kept
    std::uint64_t failed = 0;   ///< measurements that their own program marked as failed: counted, not kept

    bool operator==(const recorded&) const = default;
};

/// Fill a `recorded`, giving every name its index.
class recorder_of_results {
public:
    /// Continue a set of results: later rows join the names that it has.
    explicit recorder_of_results(recorded start = {}) : filled_(std::move(start))
    {
        remember(ids_, filled_.ids);
        remember(arms_, filled_.arms);
        remember(metrics_, filled_.metrics);
    }

    /// Keep one value; one that is not finite is counted as missing.
    void add(std::string_view id, std::string_view arm, std::string_view metric, double value)
    {
        // NaN and the infinities alone differ from themselves or leave a difference that is not zero.
        if (!(value - value == 0.0)) {
            ++filled_.missing;
            return;
        }
        filled_.rows.push_back({index(ids_, filled_.ids, id), index(arms_, filled_.arms, arm),
                                index(metrics_, filled_.metrics, metric), value});
    }

    void add_missing() noexcept { ++filled_.missing; }
    void add_failed() noexcept { ++filled_.failed; }

    [[nodiscard]] recorded take() { return std::move(filled_); }

private:
    using index_of = std::map<std::string, std::uint32_t, std::less<>>;

    static void remember(index_of& known, const std::vector<std::string>& names)
    {
        for (std::size_t i = 0; i < names.size(); ++i) {
            known.emplace(names[i], static_cast<std::uint32_t>(i));
        }
    }

    static std::uint32_t index(index_of& known, std::vector<std::string>& names, std::string_view name)
    {
        const auto [entry, is_new] =
            known.try_emplace(std::string{name}, static_cast<std::uint32_t>(names.size()));
        if (is_new) {
            names.emplace_back(name);
        }
        return entry->second;
    }

    recorded filled_;
    index_of ids_;
    index_of arms_;
    index_of metrics_;
};

/// Put two sets of results together, such as the champion's file and the challenger's.
[[nodiscard]] inline recorded merged(recorded first, const recorded& second)
{
    recorder_of_results all{std::move(first)};
    for (const recorded::row& row : second.rows) {
        all.add(second.ids[row.id], second.arms[row.arm], second.metrics[row.metric], row.value);
    }
    recorded out = all.take();
    out.missing += second.missing;
    out.failed += second.failed;
    return out;
}

/// The values of two models on the same cases, side by side.
struct paired_values {
    std::vector<double> first{};
    std::vector<double> second{};
    std::uint64_t unpaired = 0;  ///< cases that only one of the models has
    std::uint64_t repeated = 0;  ///< further values for a case and model that has one: the first is used
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

}  // namespace joust::inline v0
