// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace joust {
inline namespace v0 {

/// Hold the counts of a block of live rows, as a plain value to save or to send. Sums do not depend on the order: the blocks of threads
/// and replicas give the same counts as one pass over all rows.
/// cost: 8 bytes a cell and 8 KiB; one addition a cell to add
struct block_counts {
    /// What stands for the features and their cells. Blocks of different layouts do not add up.
    std::uint64_t layout = 0;
    /// The number of rows.
    std::uint64_t rows = 0;
    /// The number of rows in each cell, feature after feature.
    std::vector<std::uint64_t> cells{};
    /// The units seen, as bits of a table by hash.
    std::vector<std::uint64_t> units{};

    /// Add the rows of another thread or replica. A unit that both have seen counts twice, so serve each unit from
    /// one of them.
    /// errors: configuration_error where the other block has other features or cells, or the sum cannot be counted
    block_counts& operator+=(const block_counts& that)
    {
        if (layout != that.layout || cells.size() != that.cells.size() || units.size() != that.units.size()) {
            throw configuration_error("block_counts.layout", "a block of other features or cells",
                                      "blocks of monitors with the same features and cells");
        }
        if (rows > std::numeric_limits<std::uint64_t>::max() - that.rows) {
            throw configuration_error("block_counts.rows", "more than 2^64 rows",
                                      "blocks that can be counted");
        }
        for (std::size_t i = 0; i < cells.size(); ++i) {
            cells[i] += that.cells[i];
        }
        for (std::size_t i = 0; i < units.size(); ++i) {
            units[i] |= that.units[i];
        }
        rows += that.rows;
        return *this;
    }

    /// Forget all rows, and keep the memory.
    void clear() noexcept
    {
        std::fill(cells.begin(), cells.end(), 0);
        std::fill(units.begin(), units.end(), 0);
        rows = 0;
    }

    /// Visit all members, to save or load them: `to_snapshot(counts)`, `from_snapshot<block_counts>(bytes)`.
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(layout, rows, cells, units);
    }
    /// Say whether loaded counts are possible.
    [[nodiscard]] bool consistent() const noexcept
    {
        return std::all_of(cells.begin(), cells.end(), [this](std::uint64_t n) { return n <= rows; });
    }
    /// Compare all members.
    bool operator==(const block_counts&) const = default;
};

}  // namespace v0
}  // namespace joust
