// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/monitor/block_alarm.hpp>
#include <joust/monitor/drift_report.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace joust {
inline namespace v0 {

/// Hold all that a monitor has learned and found, as a plain value to save: `to_snapshot(watch.state())`.
/// cost: a copy, about 2 KiB and 32 bytes a cell for each feature
struct monitor_state {
    /// So many looks are kept at most.
    static constexpr std::size_t most_looks = 256;

    /// What stands for the features and their cells.
    std::uint64_t layout = 0;
    /// The number of live rows that were checked.
    std::uint64_t rows = 0;
    /// The number of blocks that were checked.
    std::uint64_t blocks = 0;
    /// How many checks found no row.
    std::uint64_t empty_blocks = 0;
    /// The counts of the reference, feature after feature.
    std::vector<std::uint64_t> reference{};
    /// The counts of the last block.
    std::vector<std::uint64_t> last{};
    /// The counts of all live rows.
    std::vector<std::uint64_t> live{};
    /// Whether the listener has heard of a feature.
    std::vector<std::uint8_t> told{};
    /// The alarm of each feature.
    std::vector<block_alarm::memory> alarms{};
    /// Of how many blocks one look is kept.
    std::uint64_t course_step = 1;
    /// The evidence over time.
    std::vector<drift_look> course{};

    /// Visit all members, to save or load them.
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(layout, rows, blocks, empty_blocks, reference, last, live, told, alarms, course_step, course);
    }
    /// Say whether loaded members are possible.
    [[nodiscard]] bool consistent() const noexcept
    {
        return course.size() < most_looks && course_step > 0 && (course_step & (course_step - 1)) == 0 &&
               std::all_of(last.begin(), last.end(), [this](std::uint64_t n) { return n <= rows; }) &&
               std::all_of(live.begin(), live.end(), [this](std::uint64_t n) { return n <= rows; });
    }
    /// Compare all members.
    bool operator==(const monitor_state&) const = default;
};

}  // namespace v0
}  // namespace joust
