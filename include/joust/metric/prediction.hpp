// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/fixed_string.hpp>
#include <joust/core/invoke.hpp>
#include <joust/core/policy.hpp>
#include <joust/metric/metric.hpp>

#include <string_view>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// Average a number that is read from what each model returns. `prediction` makes it.
template <fixed_string Name, class Projection>
struct predicted {
    static_assert(
        !Name.view().empty(),
        "joust: a metric's name is a part of its type: prediction<\"score\">([](double score) { return score; })");

    /// Say that the trial feeds this metric itself.
    static constexpr bool reads_prediction = true;
    /// Calls that brought no prediction do not count.
    static constexpr enum per per = joust::per::observed;

    /// The callable or member that reads the number from a result.
    [[no_unique_address]] Projection projection;
    /// Which way the metric improves. It matters only where the metric decides, or is guarded without a margin.
    enum better better = better::up;

    /// Return the name of the metric.
    static constexpr std::string_view name() noexcept { return Name.view(); }

    /// Take a number, and refuse NaN and infinity.
    constexpr void add(cell& c, double value) const noexcept
    {
        c.value = value;
        c.refused = !detail::finite(value);
    }

    /// Read the number from a result.
    template <class Result>
        requires detail::gives<double, Projection, Result>
    [[nodiscard]] constexpr double of(const Result& result) const
    {
        return static_cast<double>(detail::invoke(projection, result));
    }
};

/// Watch what the models predict, without any feedback: the mean of a number that is read from each result.
///
/// The trial feeds it while it serves. With bounds on both sides, a guardrail on it stops a challenger whose predictions drift
/// from the champion's by more than a declared margin, long before labels arrive.
/// shape: `guardrail(prediction<"score">(&Result::score), {.max_increase = 0.02, .max_decrease = 0.02})`
/// When to use: where labels come late or never, and both models should predict about the same on average: the mean score, the
/// share of a class, the length of a text.
/// When not: to judge which model is better; a better model may well predict something else. Calls of `choose` and `complete`
/// show the trial no result; there give the number to `observe`.
/// assumes: results can be moved or are references. A call that failed, or whose result was refused, brings no number.
/// cost: that of one `observe` for each call
template <fixed_string Name, class Projection>
[[nodiscard]] constexpr predicted<Name, std::decay_t<Projection>> prediction(Projection&& projection)
{
    static_assert(
        detail::may_be_callable<std::decay_t<Projection>>,
        "joust: prediction<\"name\">(...) takes what reads a number from a result: a member such as &Result::score, or a callable on what the models return");
    return {std::forward<Projection>(projection)};
}

}  // namespace v0
}  // namespace joust
