// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/write.hpp>
#include <joust/report/report.hpp>
#include <joust/report/shown.hpp>
#include <joust/report/write.hpp>

#include <gtest/gtest.h>
#include <string>
#include <string_view>

// Assertions of GoogleTest on reports: EXPECT_TRUE(joust::gtest::passes(trial.report())). One that fails prints the report as a
// table. The header defines no macros.

namespace joust {
inline namespace v0 {
namespace gtest {

namespace detail {

[[nodiscard]] inline testing::AssertionResult told(bool holds, const report& finished,
                                                   const std::string& asked)
{
    if (holds) {
        return testing::AssertionSuccess();
    }
    std::string text = "asked that the report " + asked + ":\n";
    writing::dispatch(finished, text, style::table);
    return testing::AssertionFailure() << text;
}

}  // namespace detail

/// Expect a verdict for the challenger: a gate that passes, a trial that would ship it.
[[nodiscard]] inline testing::AssertionResult passes(const report& finished)
{
    return detail::told(finished.decision == verdict::pass || finished.decision == verdict::ship_challenger,
                        finished, "decides: pass or ship challenger");
}

/// Expect exactly this verdict.
[[nodiscard]] inline testing::AssertionResult decides(const report& finished, verdict wanted)
{
    return detail::told(finished.decision == wanted, finished, "decides: " + std::string{to_string(wanted)});
}

/// Expect that the challenger is shown to keep the margin of a metric, or to be better on it.
[[nodiscard]] inline testing::AssertionResult non_inferior(const report& finished, std::string_view metric)
{
    return detail::told(shows_non_inferior(finished, metric), finished,
                        "shows that the challenger is not worse than its margin allows on " +
                            std::string{metric});
}

/// Expect that the challenger is shown to be better on a metric.
[[nodiscard]] inline testing::AssertionResult superior(const report& finished, std::string_view metric)
{
    return detail::told(shows_superior(finished, metric), finished,
                        "shows that the challenger is better on " + std::string{metric});
}

}  // namespace gtest
}  // namespace v0
}  // namespace joust
