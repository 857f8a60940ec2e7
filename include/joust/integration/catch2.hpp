// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/write.hpp>
#include <joust/report/report.hpp>
#include <joust/report/write.hpp>

#if __has_include(<catch2/matchers/catch_matchers.hpp>)  // version 3
#include <catch2/catch_test_macros.hpp>
#include <catch2/catch_tostring.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#else  // version 2
#include <catch2/catch.hpp>
#endif

#include <string>

// A test may hold a model to its promises: CHECK_THAT(trial.report(), joust::passes()). No macros of our own:
// the verdict is a matcher, and a failing check prints the report as a table.

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
    verdict_matcher(verdict first, verdict second) noexcept : first_(first), second_(second) {}

    [[nodiscard]] bool match(const report& finished) const override
    {
        return finished.decision == first_ || finished.decision == second_;
    }

    /// Say what was asked for, as Catch2 puts it behind the report.
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

/// Match a report that speaks for the challenger: a gate that passes, a trial that would ship it.
///
/// "Not known yet" does not pass: a gate with too few rows fails the test, and its table says what is
/// missing.
[[nodiscard]] inline verdict_matcher passes() noexcept
{
    return {verdict::pass, verdict::ship_challenger};
}

/// Match a report with just this verdict: `CHECK_THAT(report, joust::decides(joust::verdict::roll_back))`.
[[nodiscard]] inline verdict_matcher decides(verdict wanted) noexcept
{
    return {wanted, wanted};
}

}  // namespace v0
}  // namespace joust

/// Print reports, verdicts and every other value of joust that writes itself, where a check of Catch2 fails.
template <class T>
    requires joust::writes_itself<T>
struct Catch::StringMaker<T, void> {
    static std::string convert(const T& value)
    {
        std::string text;
        if constexpr (joust::default_style_of<T>() == joust::style::table) {
            text += '\n';  // a table begins on a line of its own
        }
        joust::writing::dispatch(value, text, joust::default_style_of<T>());
        return text;
    }
};
