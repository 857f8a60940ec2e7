// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/store/recorded.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

namespace detail {

/// Refuse recorded results of more than 4 GiB, whose cases could not be numbered.
inline void check_results_size(std::string_view text)
{
    if (text.size() > std::numeric_limits<std::uint32_t>::max()) {
        throw parse_error("the results are longer than 4 GiB");
    }
}

}  // namespace detail

/// Fill a `recorded`, and give every name its index.
class recorder_of_results {
public:
    /// Begin with a set of results. Later rows use the names that it has.
    explicit recorder_of_results(recorded start = {}) : filled_(std::move(start))
    {
        remember(ids_, filled_.ids);
        remember(arms_, filled_.arms);
        remember(metrics_, filled_.metrics);
    }

    /// Keep one value. A value that is not finite is missing.
    void add(std::string_view id, std::string_view arm, std::string_view metric, double value)
    {
        // Only for NaN and infinity the difference of a number and itself is not zero.
        if (!(value - value == 0.0)) {
            add_missing(id, arm, metric);
            return;
        }
        filled_.rows.push_back({index(ids_, filled_.ids, id), index(arms_, filled_.arms, arm),
                                index(metrics_, filled_.metrics, metric), value});
    }

    /// Keep that a model has no value of a metric for a case, so that the case is not left out without a trace.
    void add_missing(std::string_view id, std::string_view arm, std::string_view metric)
    {
        lose(id, arm, metric, false);
        ++filled_.missing;
    }
    /// Keep that the measurement of a case failed.
    void add_failed(std::string_view id, std::string_view arm, std::string_view metric)
    {
        lose(id, arm, metric, true);
        ++filled_.failed;
    }
    /// Count a row without a value, of an unknown case.
    void add_missing() noexcept { ++filled_.missing; }
    /// Count a measurement that failed, of an unknown case.
    void add_failed() noexcept { ++filled_.failed; }

    /// Return the results. Nothing may be added afterwards.
    [[nodiscard]] recorded take() { return std::move(filled_); }

private:
    using index_of = std::map<std::string, std::uint32_t, std::less<>>;

    void lose(std::string_view id, std::string_view arm, std::string_view metric, bool failed)
    {
        filled_.lost.push_back({std::string{id}, std::string{arm}, std::string{metric}, failed});
    }

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

/// Combine two sets of results, such as the champion's file and the challenger's.
[[nodiscard]] inline recorded merged(recorded first, const recorded& second)
{
    recorder_of_results all{std::move(first)};
    for (const recorded::row& row : second.rows) {
        all.add(second.ids[row.id], second.arms[row.arm], second.metrics[row.metric], row.value);
    }
    recorded out = all.take();
    out.missing += second.missing;
    out.failed += second.failed;
    out.repetitions = out.repetitions || second.repetitions;
    out.lost.insert(out.lost.end(), second.lost.begin(), second.lost.end());
    return out;
}

}  // namespace v0
}  // namespace joust
