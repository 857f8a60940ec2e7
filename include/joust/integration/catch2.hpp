// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/write.hpp>
#include <joust/report/report.hpp>
#include <joust/report/shown.hpp>
#include <joust/report/write.hpp>

#if __has_include(<catch2/matchers/catch_matchers.hpp>)  // version 3
#include <catch2/catch_test_macros.hpp>
#include <catch2/catch_tostring.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#else  // version 2
#include <catch2/catch.hpp>
#endif

#include <string>
#include <string_view>

// Matchers for tests of a model: CHECK_THAT(trial.report(), joust::passes()). A check that fails prints the report as a
// table. The header defines no macros.

namespace joust {
inline namespace v0 {

namespace detail {

#if __has_include(<catch2/matchers/catch_matchers.hpp>)
template <class T>
using catch_matcher = Catch::Matchers::MatcherBase<T>;
#else
template <class T>
using catch_matcher = Catch::MatcherBase<T>;
#endif

}  // namespace detail

/// Match reports whose verdict is one of two; made by `passes` and `decides`.
class verdict_matcher final : public detail::catch_matcher<report> {
public:
    /// Take the two verdicts, which may be the same.
    verdict_matcher(verdict first, verdict second) noexcept : first_(first), second_(second) {}

    /// Say whether the verdict of a report is one of the two.
    [[nodiscard]] bool match(const report& finished) const override
    {
        return finished.decision == first_ || finished.decision == second_;
    }

    /// Describe the expected verdicts. Catch2 prints this after the report.
    [[nodiscard]] std::string describe() const override
    {
        std::string text = "decides: ";
        text += to_string(first_);
        if (second_ != first_) {
            text += " or ";
            text += to_string(second_);
        }
        return text;
    }

private:
    verdict first_;
    verdict second_;
};

/// Match a report with a verdict for the challenger: a gate that passes, a trial that would ship it.
///
/// An open verdict does not match: a gate with too few rows fails the test, and the printed table says what is missing.
[[nodiscard]] inline verdict_matcher passes() noexcept
{
    return {verdict::pass, verdict::ship_challenger};
}

/// Match a report with exactly this verdict: `CHECK_THAT(report, joust::decides(joust::verdict::roll_back))`.
[[nodiscard]] inline verdict_matcher decides(verdict wanted) noexcept
{
    return {wanted, wanted};
}

namespace catch2 {

/// Match reports that show something of one metric; made by `non_inferior` and `superior`.
class metric_matcher final : public detail::catch_matcher<report> {
public:
    /// Take the question, its words and the metric.
    metric_matcher(bool (*asked)(const report&, std::string_view), std::string_view words,
                   std::string_view metric)
        : asked_(asked), words_(words), metric_(metric)
    {
    }

    /// Say whether the report shows it.
    [[nodiscard]] bool match(const report& finished) const override { return asked_(finished, metric_); }

    /// Describe what was asked. Catch2 prints this after the report.
    [[nodiscard]] std::string describe() const override
    {
        return "shows that the challenger " + std::string{words_} + " on " + metric_;
    }

private:
    bool (*asked_)(const report&, std::string_view);
    std::string_view words_;
    std::string metric_;
};

/// Match a report that shows that the challenger keeps the margin of a metric, or is better on it:
/// `CHECK_THAT(report, joust::catch2::non_inferior("accuracy"))`.
[[nodiscard]] inline metric_matcher non_inferior(std::string_view metric)
{
    return {shows_non_inferior, "is not worse than its margin allows", metric};
}

/// Match a report that shows that the challenger is better on a metric.
[[nodiscard]] inline metric_matcher superior(std::string_view metric)
{
    return {shows_superior, "is better", metric};
}

}  // namespace catch2

}  // namespace v0
}  // namespace joust

/// Print reports, verdicts and every other value of joust that writes itself, when a check of Catch2 fails.
template <class T>
    requires joust::writes_itself<T>
struct Catch::StringMaker<T, void> {
    /// Write the value in its own style.
    static std::string convert(const T& value)
    {
        std::string text;
        if constexpr (joust::default_style_of<T>() == joust::style::table) {
            text += '\n';  // A table begins on a line of its own.
        }
        joust::writing::dispatch(value, text, joust::default_style_of<T>());
        return text;
    }
};
