// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/text.hpp>
#include <joust/monitor/group_frame.hpp>
#include <joust/stats/sequential/bernoulli_mixture.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace fairness {

/// Watch a rate of several groups under any number of looks: the intervals of all groups hold at all looks at once, except with probability alpha.
///
/// A group is harmed where its rate is shown to be worse than that of another group by more than was allowed. With alpha = 0.05 a watch that runs for
/// years names a group that is not harmed with probability at most 0.05.
/// When to use: as a guardrail beside a service. In a trial, where the question is whether the challenger harms a group more than the champion does, use
/// `in_group`.
/// When not: for one look; `group_frame` has shorter intervals.
/// assumes: each row of a group is a yes with the same probability given those before it
/// cost: one comparison of names for each group and row; about 10 us for each group at a look
/// source: bernoulli_mixture_interval, with Bonferroni over the groups
class group_watch {
public:
    /// Name the groups, which cannot be added to later, since the error rate is shared over them.
    /// errors: configuration_error without at least two groups, for a name that is given twice, and unless 0 < alpha < 1
    explicit group_watch(std::vector<std::string> groups, double alpha = 0.05) : alpha_(alpha)
    {
        std::sort(groups.begin(), groups.end());
        if (groups.size() < 2 || std::adjacent_find(groups.begin(), groups.end()) != groups.end()) {
            throw configuration_error("group_watch.groups", std::to_string(groups.size()) + " groups",
                                      "at least two groups of different names");
        }
        if (!(alpha > 0.0 && alpha < 1.0)) {
            throw configuration_error("group_watch.alpha", to_text(alpha), "a probability between 0 and 1");
        }
        names_ = std::move(groups);
        hits_.assign(names_.size(), 0);
        rows_.assign(names_.size(), 0);
    }

    /// Count a row. One of a group that was not named is counted as unknown, and the return value is false.
    bool add(std::string_view group, bool yes) noexcept
    {
        const auto at = std::lower_bound(names_.begin(), names_.end(), group);
        if (at == names_.end() || *at != group) {
            ++unknown_;
            return false;
        }
        const auto i = static_cast<std::size_t>(at - names_.begin());
        ++rows_[i];
        hits_[i] += yes ? 1U : 0U;
        return true;
    }

    /// Add the rows of another thread or replica.
    /// errors: configuration_error where it has other groups
    void merge(const group_watch& that)
    {
        if (names_ != that.names_) {
            throw configuration_error("group_watch.merge", "other groups", "the same groups");
        }
        for (std::size_t i = 0; i < names_.size(); ++i) {
            hits_[i] += that.hits_[i];
            rows_[i] += that.rows_[i];
        }
        unknown_ += that.unknown_;
    }

    /// Return how many rows are of a group that was not named.
    [[nodiscard]] std::uint64_t unknown() const noexcept { return unknown_; }

    /// Return the rate of each group, ordered by name, with intervals that hold at every look.
    [[nodiscard]] std::vector<group_value> by_group() const
    {
        std::vector<group_value> found;
        for (std::size_t i = 0; i < names_.size(); ++i) {
            group_value& row = found.emplace_back();
            row.group = names_[i];
            row.part = hits_[i];
            row.whole = rows_[i];
            row.lower = 0.0;
            row.upper = 1.0;
            if (rows_[i] > 0) {
                row.value = static_cast<double>(hits_[i]) / static_cast<double>(rows_[i]);
                const stats::bounds ends = stats::bernoulli_mixture_interval(
                    hits_[i], rows_[i], alpha_ / static_cast<double>(names_.size()));
                row.lower = ends.lower;
                row.upper = ends.upper;
                row.state = status::ok;
            }
        }
        return found;
    }

    /// Name the groups whose rate is shown to be lower than that of another group by more than `allowed`.
    [[nodiscard]] std::vector<std::string> lower_by_more_than(double allowed) const
    {
        return harmed([allowed](double rate, double best) { return rate < best - allowed; });
    }
    /// Name the groups whose rate is shown to be lower than `ratio` times that of another group.
    [[nodiscard]] std::vector<std::string> below_ratio(double ratio) const
    {
        return harmed([ratio](double rate, double best) { return rate < ratio * best; });
    }

    /// Return how far apart two groups have to be, at least, before the gap between any two can be seen now.
    [[nodiscard]] double visible_gap() const
    {
        double widest = 0.0;
        double second = 0.0;
        for (const group_value& row : by_group()) {
            const double width = row.upper - row.lower;
            second = std::max(second, std::min(width, widest));
            widest = std::max(widest, width);
        }
        return std::min(1.0, 0.5 * (widest + second));
    }

    /// Visit all members, to save or load them.
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(names_, hits_, rows_, unknown_, alpha_);
    }
    /// Say whether loaded members are possible.
    [[nodiscard]] bool consistent() const noexcept
    {
        bool fits = names_.size() >= 2 && hits_.size() == names_.size() && rows_.size() == names_.size() &&
                    alpha_ > 0.0 && alpha_ < 1.0 && std::is_sorted(names_.begin(), names_.end());
        for (std::size_t i = 0; fits && i < names_.size(); ++i) {
            fits = hits_[i] <= rows_[i];
        }
        return fits;
    }
    /// Make an empty watch to load a saved one into.
    group_watch() = default;
    /// Compare all members.
    bool operator==(const group_watch&) const = default;

private:
    template <class IsWorse>
    [[nodiscard]] std::vector<std::string> harmed(IsWorse is_worse) const
    {
        const std::vector<group_value> rows = by_group();
        double best = 0.0;
        for (const group_value& row : rows) {
            best = std::max(best, row.lower);
        }
        std::vector<std::string> names;
        for (const group_value& row : rows) {
            if (is_worse(row.upper, best)) {
                names.push_back(row.group);
            }
        }
        return names;
    }

    std::vector<std::string> names_;
    std::vector<std::uint64_t> hits_;
    std::vector<std::uint64_t> rows_;
    std::uint64_t unknown_ = 0;
    double alpha_ = 0.05;
};

}  // namespace fairness
}  // namespace v0
}  // namespace joust
