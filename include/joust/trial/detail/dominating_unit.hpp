// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/text.hpp>
#include <joust/evidence/slab.hpp>
#include <joust/report/report.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detail {

/// Note a group of units that brings more than a tenth of 1,000 or more requests, which is probably one unit.
///
/// shape: the number of requests in each bucket of units; `what` says what was counted, and `so` what follows
inline void note_dominating_unit(report& out, const std::vector<double>& requests, std::string_view what,
                                 std::string_view so)
{
    constexpr double dominating = 0.1;
    constexpr double enough = 1'000.0;
    double all = 0.0;
    double most = 0.0;
    for (const double each : requests) {
        all += each;
        most = each > most ? each : most;
    }
    if (!(all >= enough) || !(most > dominating * all)) {
        return;
    }
    std::string note = "One group of units of ";
    append_count(note, requests.size());
    note += " brought ";
    append_percent(note, most / all, 0);
    note += " of ";
    note += what;
    note += ", which is probably one unit, such as a robot or an id that stands for many users. ";
    note += so;
    out.notes.push_back(std::move(note));
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
