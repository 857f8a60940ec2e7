// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/text.hpp>
#include <joust/inference/inference.hpp>

#include <cmath>
#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace detail {

/// Append the chance and the loss of a posterior to the name of its method, because a report has no columns for them.
void append_posterior(std::string& method, const inference& answer, bool more_is_better, bool relative,
                      std::string_view unit);

}  // namespace detail

#if JOUST_BODIES

namespace detail {

JOUST_FUNCTION void append_posterior(std::string& method, const inference& answer, bool more_is_better,
                                     bool relative, std::string_view unit)
{
    if (answer.state != status::ok || std::isnan(answer.chance_more)) {
        return;
    }
    const bool percent = unit == "%" && !relative;
    // E max(0, d) = E d + E max(0, -d)
    const double loss =
        more_is_better ? answer.shortfall : answer.estimate - (relative ? 1.0 : 0.0) + answer.shortfall;
    method += ": chance to be better ";
    append_percent(method, more_is_better ? answer.chance_more : 1.0 - answer.chance_more, 1);
    if (std::isnan(answer.shortfall)) {
        return;  // The posterior of a quantile is not about a mean, so there is no expected loss.
    }
    method += ", expected loss ";
    append_number(method, percent ? 100.0 * loss : loss, 3);
    const std::string_view shown = relative ? "of the ratio" : percent ? "pp" : unit;
    method += shown.empty() ? "" : " ";
    method += shown;
}

}  // namespace detail

#endif

}  // namespace v0
}  // namespace joust
