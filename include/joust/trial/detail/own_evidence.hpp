// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/error.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/evidence/live_quantile.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detail {

/// Refuse evidence of another trial, or of a trial with other metrics. `own` has the trial's names. The trial has `watches`
/// guardrails on failures and latency, these quantiles, and `memories_apart` tests with a memory beside those of the series.
void check_own(const evidence& other, const evidence& own, std::size_t watches,
               const std::vector<quantile_watch>& quantiles, std::size_t memories_apart);

}  // namespace detail

#if JOUST_BODIES

namespace detail {

[[nodiscard]] inline std::string listed(const std::vector<std::string>& names)
{
    std::string text;
    for (const std::string& each : names) {
        // A reader knows the metrics, and not the series that go with them.
        if (!each.ends_with(", feedback") && !each.ends_with(", not scored")) {
            text += (text.empty() ? "" : ", ") + each;
        }
    }
    return text;
}

[[nodiscard]] inline bool of_quantiles(const std::vector<quantile_evidence>& seen,
                                       const std::vector<quantile_watch>& watched)
{
    bool same = seen.size() == watched.size();
    for (std::size_t i = 0; same && i < seen.size(); ++i) {
        same = seen[i].q == watched[i].q;
    }
    return same;
}

JOUST_FUNCTION void check_own(const evidence& other, const evidence& own, std::size_t watches,
                              const std::vector<quantile_watch>& quantiles, std::size_t memories_apart)
{
    const std::string guardrails = " guardrails on failures and latency";
    std::string wrong;
    if (other.trial != own.trial) {
        wrong = "of trial '" + other.trial + "'";
    } else if (other.models != own.models) {
        wrong = "of models " + listed(other.models);
    } else if (other.series != own.series) {
        wrong = "of " + listed(other.series);
    } else if (!other.consistent()) {
        wrong = "with lists that do not fit together";
    } else if (other.pairs.front().events.size() != watches) {
        wrong = "of " + std::to_string(other.pairs.front().events.size()) + guardrails;
    } else if (other.pairs.front().memory.size() != own.series.size() + memories_apart) {
        wrong = "of other limits of guardrails";
    } else if (!of_quantiles(other.quantiles, quantiles)) {
        wrong = "of other quantiles";
    } else {
        return;
    }
    throw configuration_error("evidence", wrong,
                              "evidence of trial '" + own.trial + "', models " + listed(own.models) + ", " +
                                  listed(own.series) + ", with " + std::to_string(watches) + guardrails);
}

}  // namespace detail

#endif

}  // namespace v0
}  // namespace joust
