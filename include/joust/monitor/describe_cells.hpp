// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/hash.hpp>
#include <joust/core/text.hpp>
#include <joust/monitor/drift_report.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detail {

/// Return where the cells of each feature begin, and the number of all cells.
template <class... Features>
[[nodiscard]] std::array<std::size_t, sizeof...(Features) + 1> lay_out(const std::tuple<Features...>& of)
{
    std::array<std::size_t, sizeof...(Features) + 1> offsets{};
    std::apply(
        [&](const auto&... each) {
            std::size_t i = 0;
            ((offsets[i + 1] = offsets[i] + each.cells().cells(), ++i), ...);
        },
        of);
    return offsets;
}

/// Return what stands for the names of the features and the meaning of their cells.
template <class... Features>
[[nodiscard]] std::uint64_t fingerprint(const std::tuple<Features...>& of)
{
    std::string text;
    const auto append = [&text](const auto& feature) {
        text += feature.name();
        text += '\n';
        for (std::size_t cell = 0; cell < feature.cells().cells(); ++cell) {
            text += feature.cells().label(cell);
            text += '\n';
        }
    };
    std::apply([&](const auto&... each) { (append(each), ...); }, of);
    return xxh64(text);
}

/// Fill in the cells of a row, those that changed most, and the largest change in words.
template <class Cells>
void describe_cells(drift_row& row, const Cells& cells, std::span<const std::uint64_t> before,
                    std::span<const std::uint64_t> now)
{
    if (!(row.block.reference_rows > 0.0 && row.block.live_rows > 0.0)) {
        return;
    }
    for (std::size_t i = 0; i < before.size(); ++i) {
        if (before[i] + now[i] == 0) {
            continue;
        }
        drift_cell& made = row.cells.emplace_back();
        made.cell = cells.label(i);
        made.reference = static_cast<double>(before[i]) / row.block.reference_rows;
        made.live = static_cast<double>(now[i]) / row.block.live_rows;
        const double p = (static_cast<double>(before[i]) + 0.5) / (row.block.reference_rows + 0.5);
        const double q = (static_cast<double>(now[i]) + 0.5) / (row.block.live_rows + 0.5);
        made.term = (q - p) * std::log(q / p);
    }
    row.worst = row.cells;
    std::stable_sort(row.worst.begin(), row.worst.end(),
                     [](const drift_cell& a, const drift_cell& b) { return a.term > b.term; });
    row.worst.resize(std::min<std::size_t>(row.worst.size(), 3));
    if (row.block.state == status::ok) {
        const drift_cell& most = row.worst.front();
        row.largest = most.cell;
        row.largest += ": ";
        append_percent(row.largest, most.reference);
        row.largest += " -> ";
        append_percent(row.largest, most.live);
    }
}

}  // namespace detail

}  // namespace v0
}  // namespace joust
