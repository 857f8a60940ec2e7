// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/text.hpp>
#include <joust/stats/estimation/clopper_pearson.hpp>
#include <joust/stats/result.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// Say whether a slice keeps a threshold.
enum class slice_verdict : std::uint8_t {
    /// The whole interval keeps it.
    keeps,
    /// The whole interval breaks it.
    breaks,
    /// The interval lies across it.
    undecided,
    /// The slice has too few rows to be shown.
    hidden
};

/// Return the name of a verdict as reports show it.
/// cost: O(1)
[[nodiscard]] constexpr std::string_view to_string(slice_verdict verdict) noexcept
{
    switch (verdict) {
        case slice_verdict::keeps: return "keeps";
        case slice_verdict::breaks: return "breaks";
        case slice_verdict::undecided: return "undecided";
        case slice_verdict::hidden: return "too few rows";
    }
    return "unknown";
}

/// Hold a slice of a table.
/// cost: O(1)
struct slice_row {
    /// The name: "all", "country=de", "country=de, device=phone".
    std::string slice;
    /// The number of rows. It is 0 where the slice is hidden.
    std::uint64_t rows = 0;
    /// The rate.
    double value = stats::not_a_number;
    /// The lower end of the interval, which holds for all slices at once.
    double lower = stats::not_a_number;
    /// The upper end of the interval.
    double upper = stats::not_a_number;
    /// Whether the slice keeps the threshold.
    slice_verdict verdict = slice_verdict::undecided;
};

/// Set thresholds of slices, and how many rows a slice needs to be shown.
/// cost: O(1)
struct slice_options {
    /// The rate that each slice has to reach.
    double at_least = 0.0;
    /// The smallest number of rows of a slice that is shown.
    std::uint64_t min_rows = 50;
    /// The probability that any interval misses its rate.
    double alpha = 0.05;
};

/// Count a rate (right predictions, selected rows) by the values of several projections, alone and crossed in pairs, and decide thresholds on intervals that
/// hold for all slices at once.
///
/// A slice with few rows is hidden, and so is one from which it could be told by subtraction: where a single value of a projection is hidden, the smallest other
/// value of that projection is hidden with it.
/// shape: `slices.add({{"country", "de"}, {"device", "phone"}}, right)`; every row names the same projections
/// When to use: where the average may hide that a part of the traffic is served badly.
/// When not: to watch them continuously; give each slice a monitor or an alarm of its own, with the promise shared over them.
/// assumes: rows are independent
/// cost: a look-up by name for each projection and pair of projections
class slice_table {
public:
    /// A projection and its value.
    using cut = std::pair<std::string_view, std::string_view>;

    /// Count a row.
    void add(std::initializer_list<cut> cuts, bool hit)
    {
        add(std::span<const cut>{cuts.begin(), cuts.size()}, hit);
    }
    /// Count a row.
    void add(std::span<const cut> cuts, bool hit)
    {
        count("all", "", hit);
        for (std::size_t i = 0; i < cuts.size(); ++i) {
            const std::string first = name_of(cuts[i]);
            count(first, cuts[i].first, hit);
            for (std::size_t j = i + 1; j < cuts.size(); ++j) {
                std::string parent = first;
                parent += " x ";
                parent += cuts[j].first;
                count(first + ", " + name_of(cuts[j]), parent, hit);
            }
        }
    }

    /// Return the number of slices.
    [[nodiscard]] std::size_t size() const noexcept { return slices_.size(); }

    /// Return each slice with its interval and its verdict, ordered by name, hidden ones without numbers.
    /// errors: configuration_error unless 0 < alpha < 1
    [[nodiscard]] std::vector<slice_row> report(slice_options options = {}) const
    {
        return judged(options, [&options](const slice_row& row) {
            return row.lower >= options.at_least  ? slice_verdict::keeps
                   : row.upper < options.at_least ? slice_verdict::breaks
                                                  : slice_verdict::undecided;
        });
    }

    /// Compare each slice with the same slice of an earlier table: its rate may fall by at most `decrease`. The intervals hold for the slices of both tables at once.
    /// errors: configuration_error unless 0 < alpha < 1
    [[nodiscard]] std::vector<slice_row> report_change(const slice_table& before, double decrease,
                                                       slice_options options = {}) const
    {
        options.alpha *= 0.5;
        const std::vector<slice_row> reference = before.report(options);
        return judged(options, [&](const slice_row& row) {
            const auto at = std::find_if(reference.begin(), reference.end(),
                                         [&row](const slice_row& each) { return each.slice == row.slice; });
            if (at == reference.end() || at->verdict == slice_verdict::hidden) {
                return slice_verdict::undecided;
            }
            return row.lower >= at->upper - decrease  ? slice_verdict::keeps
                   : row.upper < at->lower - decrease ? slice_verdict::breaks
                                                      : slice_verdict::undecided;
        });
    }

private:
    struct counted {
        std::string family;
        std::uint64_t hits = 0;
        std::uint64_t rows = 0;
    };

    static std::string name_of(const cut& of)
    {
        std::string name{of.first};
        name += '=';
        name += of.second;
        return name;
    }

    void count(std::string_view name, std::string_view family, bool hit)
    {
        auto at = slices_.find(name);
        if (at == slices_.end()) {
            at = slices_.emplace(std::string{name}, counted{.family = std::string{family}}).first;
        }
        ++at->second.rows;
        at->second.hits += hit ? 1U : 0U;
    }

    /// Hide small slices, and where one of a family is hidden alone, the smallest other.
    [[nodiscard]] std::map<std::string_view, bool> hidden(std::uint64_t min_rows) const
    {
        std::map<std::string_view, bool> result;
        std::map<std::string_view, std::vector<std::pair<std::uint64_t, std::string_view>>> families;
        for (const auto& [name, slice] : slices_) {
            families[slice.family].emplace_back(slice.rows, name);
            result[name] = slice.rows < min_rows;
        }
        for (auto& [family, members] : families) {
            std::sort(members.begin(), members.end());
            std::size_t small = 0;
            while (small < members.size() && members[small].first < min_rows) {
                ++small;
            }
            if (small == 1 && members.size() > 1) {
                result[members[1].second] = true;
            }
        }
        return result;
    }

    template <class Judge>
    [[nodiscard]] std::vector<slice_row> judged(const slice_options& options, Judge judge) const
    {
        if (!(options.alpha > 0.0 && options.alpha < 1.0)) {
            throw configuration_error("slice_options.alpha", to_text(options.alpha),
                                      "a probability between 0 and 1");
        }
        const std::map<std::string_view, bool> unseen = hidden(options.min_rows);
        std::vector<slice_row> found;
        for (const auto& [name, slice] : slices_) {
            slice_row& row = found.emplace_back();
            row.slice = name;
            if (unseen.at(name)) {
                row.verdict = slice_verdict::hidden;
                continue;
            }
            row.rows = slice.rows;
            row.value = static_cast<double>(slice.hits) / static_cast<double>(slice.rows);
            // Hidden slices count too: which are hidden depends on the data.
            const stats::bounds ends = stats::clopper_pearson_interval(
                slice.hits, slice.rows, options.alpha / static_cast<double>(slices_.size()));
            row.lower = ends.lower;
            row.upper = ends.upper;
            row.verdict = judge(row);
        }
        return found;
    }

    std::map<std::string, counted, std::less<>> slices_;
};

}  // namespace v0
}  // namespace joust
