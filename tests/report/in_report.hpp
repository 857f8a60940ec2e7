// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a test asks of a report: how often something was counted, and whether a note says something.

#include <joust/report/report.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace joust_test {

/// Return the sum of a report's counts whose name contains a text.
[[nodiscard]] inline std::uint64_t counted(const joust::report& shown, std::string_view part)
{
    std::uint64_t sum = 0;
    for (const auto& each : shown.counts) {
        sum += each.what.find(part) != std::string::npos ? each.count : 0;
    }
    return sum;
}

/// Tell whether a note of a report contains a text.
[[nodiscard]] inline bool noted(const joust::report& shown, std::string_view part)
{
    return std::any_of(shown.notes.begin(), shown.notes.end(),
                       [part](const std::string& each) { return each.find(part) != std::string::npos; });
}

}  // namespace joust_test
