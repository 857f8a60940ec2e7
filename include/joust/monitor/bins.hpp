// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/text.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace joust {
inline namespace v0 {

/// Sort a number into one of a few fixed bins. NaN counts as missing and infinity as invalid, each with a cell of its
/// own.
///
/// The edges never move once they are made. So counts add up across threads, replicas and days, and edges that drift
/// along never hide a drift. Bin i holds edge[i-1] <= x < edge[i]; the first and the last bin are open.
/// When to use: for every measured quantity.
/// When not: for codes that only look like numbers (`categories`).
/// cost: 4 ns with the count for up to 16 edges, 5 to 6 ns for more
class numeric_bins {
public:
    /// The largest number of edges.
    static constexpr std::size_t max_edges = 128;

    /// Fix the edges.
    /// errors: configuration_error unless there are 1 to 128 edges, finite and strictly increasing
    explicit numeric_bins(std::span<const double> edges)
    {
        if (edges.empty() || edges.size() > max_edges) {
            throw configuration_error("numeric_bins.edges", std::to_string(edges.size()) + " edges",
                                      "1 to 128 edges");
        }
        if (edges.size() > few) {
            // One group more than the edges fill, for numbers that are above all of them.
            all_.assign((edges.size() / group + 1) * group, std::numeric_limits<double>::infinity());
        }
        for (std::size_t i = 0; i < edges.size(); ++i) {
            if (!std::isfinite(edges[i]) || (i > 0 && !(edges[i - 1] < edges[i]))) {
                throw configuration_error("numeric_bins.edges", to_text(edges[i]),
                                          "finite, strictly increasing edges");
            }
            if (all_.empty()) {
                edges_[i] = edges[i];
                continue;
            }
            all_[i] = edges[i];
            if (i % group == group - 1) {
                edges_[i / group] = edges[i];
            }
        }
        count_ = edges.size();
    }
    /// Fix the edges of a braced list.
    numeric_bins(std::initializer_list<double> edges) : numeric_bins(std::span{edges.begin(), edges.size()})
    {
    }

    /// Fix edges at the quantiles of a reference sample, so that every bin holds about the same share of it.
    ///
    /// A value that fills two bins of the sample by itself (the zeros of a sparse feature) gets a bin of its own.
    /// assumes: finite values are representative; NaN and infinities in the sample are left out
    /// errors: configuration_error if `bins` is not 2 to 128 or no value is finite
    /// cost: one sort of the sample
    [[nodiscard]] static numeric_bins quantiles(std::span<const double> reference, std::size_t bins = 10)
    {
        if (bins < 2 || bins > max_edges) {
            throw configuration_error("numeric_bins.bins", std::to_string(bins), "2 to 128 bins");
        }
        std::vector<double> sorted;
        sorted.reserve(reference.size());
        for (const double x : reference) {
            if (std::isfinite(x)) {
                sorted.push_back(x);
            }
        }
        if (sorted.empty()) {
            throw configuration_error("numeric_bins.reference", "without a finite value",
                                      "a sample with at least one finite value");
        }
        std::sort(sorted.begin(), sorted.end());

        std::vector<double> edges;
        const auto push = [&](double edge) {
            if (edges.size() < max_edges && std::isfinite(edge) && (edges.empty() || edges.back() < edge)) {
                edges.push_back(edge);
            }
        };
        for (std::size_t k = 1; k < bins; ++k) {
            const double value = sorted[sorted.size() * k / bins];
            const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), value);
            const bool heavy = static_cast<std::size_t>(last - first) * bins >= 2 * sorted.size();
            if (value > sorted.front() || heavy) {
                push(value);
            }
            if (heavy) {
                push(std::nextafter(value, std::numeric_limits<double>::infinity()));
            }
        }
        if (edges.empty()) {
            push(sorted.back());  // the sample has fewer values than bins
        }
        return numeric_bins(std::span<const double>{edges});
    }

    /// Return the number of cells that hold values. The cells for missing and invalid values come after them.
    [[nodiscard]] std::size_t values() const noexcept { return count_ + 1; }
    /// Return the number of all cells.
    [[nodiscard]] std::size_t cells() const noexcept { return count_ + 3; }
    /// Return the cell of missing values.
    [[nodiscard]] std::size_t missing() const noexcept { return count_ + 1; }
    /// Return the cell of invalid values.
    [[nodiscard]] std::size_t invalid() const noexcept { return count_ + 2; }
    /// Return the edges.
    [[nodiscard]] std::span<const double> edges() const noexcept
    {
        return {all_.empty() ? edges_.data() : all_.data(), count_};
    }

    /// Return the cell of a number.
    [[nodiscard]] std::size_t cell(double x) const noexcept
    {
        if (!(std::abs(x) <= std::numeric_limits<double>::max())) [[unlikely]] {
            return x != x ? missing() : invalid();
        }
        if (all_.empty()) {
            return edges_below<few>(edges_.data(), x);
        }
        const std::size_t groups = count_ < group * group ? edges_below<group>(edges_.data(), x)
                                                          : edges_below<few>(edges_.data(), x);
        return group * groups + edges_below<group>(all_.data() + group * groups, x);
    }

    /// Describe the values of a cell, as reports show it.
    [[nodiscard]] std::string label(std::size_t cell) const
    {
        if (cell >= values()) {
            return cell == missing() ? "missing" : "invalid";
        }
        if (cell == 0) {
            return "below " + to_text(edges()[0]);
        }
        std::string text = to_text(edges()[cell - 1]);
        text += cell == count_ ? " and above" : " to " + to_text(edges()[cell]);
        return text;
    }

    /// Compare all members.
    bool operator==(const numeric_bins&) const = default;

private:
    // So many edges are compared at once. Where there are more, they form groups, and the last edge of each is compared first.
    static constexpr std::size_t few = 16;
    static constexpr std::size_t group = 8;

    static constexpr std::array<double, few> open()
    {
        std::array<double, few> edges{};
        edges.fill(std::numeric_limits<double>::infinity());
        return edges;
    }

    // A fixed number of comparisons needs no branch and runs in vector registers.
    template <std::size_t Count>
    [[nodiscard]] static std::size_t edges_below(const double* edges, double x) noexcept
    {
        std::uint64_t below = 0;
        for (std::size_t i = 0; i < Count; ++i) {
            below += x >= edges[i] ? 1u : 0u;
        }
        return static_cast<std::size_t>(below);
    }

    // Unused edges are infinite, so that no finite number reaches them. With more than a few edges these are the last of each
    // group, and `all_` has them all.
    std::array<double, few> edges_ = open();
    std::vector<double> all_;
    std::size_t count_ = 0;
};

/// Sort a text, a flag, an enumerator or an integer code into a fixed list of categories, `other` or `missing`.
///
/// Integers, enumerators and flags are listed by their decimal text ("0", "1"). A category that was never seen in the
/// reference counts as `other`, never as an error.
/// When to use: for whatever is compared by equality.
/// When not: for measured quantities (`numeric_bins`).
/// cost: one XXH64 of the text and one comparison, 8 to 10 ns for a short text
class categories {
public:
    /// The largest number of names.
    static constexpr std::size_t max_names = 1024;

    /// Fix the names, in their order.
    /// errors: configuration_error without names, for more than 1,024, or if a name is listed twice
    explicit categories(std::span<const std::string_view> names)
    {
        if (names.empty() || names.size() > max_names) {
            throw configuration_error("categories.names", std::to_string(names.size()) + " names",
                                      "1 to 1024 names");
        }
        std::size_t slots = 4;
        while (slots < 2 * names.size()) {
            slots *= 2;
        }
        slots_.assign(slots, empty);
        names_.reserve(names.size());
        for (const std::string_view name : names) {
            std::size_t slot = start(name);
            while (slots_[slot] != empty) {
                if (names_[slots_[slot]] == name) {
                    throw configuration_error("categories.names", "\"" + std::string(name) + "\" twice",
                                              "each name once");
                }
                slot = next(slot);
            }
            slots_[slot] = static_cast<std::uint16_t>(names_.size());
            names_.emplace_back(name);
        }
    }
    /// Fix the names of a braced list.
    categories(std::initializer_list<std::string_view> names)
        : categories(std::span{names.begin(), names.size()})
    {
    }

    /// Fix the most frequent values of a reference sample. Rarer values become `other`.
    /// errors: configuration_error if the sample is empty or `count` is 0
    /// cost: one sort of the sample; values of equal frequency are ordered by their text, so that the result never
    /// depends on the order of the sample
    [[nodiscard]] static categories top(std::span<const std::string_view> reference, std::size_t count = 50)
    {
        std::vector<std::string_view> sorted(reference.begin(), reference.end());
        std::sort(sorted.begin(), sorted.end());
        struct run {
            std::string_view name;
            std::size_t rows;
        };
        std::vector<run> runs;
        for (const std::string_view name : sorted) {
            if (runs.empty() || runs.back().name != name) {
                runs.push_back({name, 0});
            }
            ++runs.back().rows;
        }
        std::stable_sort(runs.begin(), runs.end(),
                         [](const run& a, const run& b) { return a.rows > b.rows; });
        std::vector<std::string_view> names;
        for (std::size_t i = 0; i < runs.size() && i < count; ++i) {
            names.push_back(runs[i].name);
        }
        return categories(std::span<const std::string_view>{names});
    }

    /// Return the number of cells that hold values: the names and `other`. The cell for missing values comes after
    /// them.
    [[nodiscard]] std::size_t values() const noexcept { return names_.size() + 1; }
    /// Return the number of all cells.
    [[nodiscard]] std::size_t cells() const noexcept { return names_.size() + 2; }
    /// Return the cell of values that are not listed.
    [[nodiscard]] std::size_t other() const noexcept { return names_.size(); }
    /// Return the cell of missing values.
    [[nodiscard]] std::size_t missing() const noexcept { return names_.size() + 1; }
    /// Return the names.
    [[nodiscard]] std::span<const std::string> names() const noexcept { return names_; }

    /// Return the cell of a value by its text.
    [[nodiscard]] std::size_t cell(std::string_view name) const noexcept
    {
        for (std::size_t slot = start(name); slots_[slot] != empty; slot = next(slot)) {
            if (names_[slots_[slot]] == name) {
                return slots_[slot];
            }
        }
        return other();
    }

    /// Describe the values of a cell, as reports show it.
    [[nodiscard]] std::string label(std::size_t cell) const
    {
        if (cell < names_.size()) {
            return names_[cell];
        }
        return cell == other() ? "other" : "missing";
    }

    /// Compare the names and their order.
    bool operator==(const categories& that) const { return names_ == that.names_; }

private:
    static constexpr std::uint16_t empty = 0xffff;

    [[nodiscard]] std::size_t start(std::string_view name) const noexcept
    {
        return static_cast<std::size_t>(xxh64(name)) & (slots_.size() - 1);
    }
    [[nodiscard]] std::size_t next(std::size_t slot) const noexcept
    {
        return (slot + 1) & (slots_.size() - 1);
    }

    std::vector<std::string> names_;
    // A hash table with open addressing, at most half full.
    std::vector<std::uint16_t> slots_;
};

}  // namespace v0
}  // namespace joust
