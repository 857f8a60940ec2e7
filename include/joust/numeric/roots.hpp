// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/not_a_number.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace joust {
inline namespace v0 {
namespace stats::detail {

// Two points between which a condition changes: it does not hold at `without`, and holds at `with`. Either may be the
// larger one.
struct bracket {
    double without;
    double with;
};

// The middle of a bracket, or one of its ends where they are neighbouring doubles.
[[nodiscard]] inline double middle_of(const bracket& at) noexcept
{
    return 0.5 * at.without + 0.5 * at.with;
}

[[nodiscard]] inline bool is_inside(const bracket& at, double x) noexcept
{
    return (x > at.without && x < at.with) || (x > at.with && x < at.without);
}

// What a search for a root ended with. Where it did not converge, `at` is the last point that it tried.
struct solution {
    double at = not_a_number;
    bool converged = false;
};

// The middle of two numbers in the order of doubles: half of the doubles between them are on each side. Halving this
// way ends after 64 steps, whatever the exponents of the ends are.
[[nodiscard]] inline double middle_double(double a, double b) noexcept
{
    constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
    const auto place = [](double x) {
        const auto bits = std::bit_cast<std::int64_t>(x);
        return bits < 0 ? lowest - bits : bits;
    };
    const std::int64_t i = place(a), j = place(b);
    const std::int64_t middle = (i & j) + ((i ^ j) >> 1);
    return std::bit_cast<double>(middle < 0 ? lowest - middle : middle);
}

// After this many steps a search that has not ended halves by middle_double.
inline constexpr int plain_search_steps = 60;
// Every search has ended by then.
inline constexpr int longest_search = plain_search_steps + 70;

// Halves a bracket until narrow(bracket) is true or its ends are neighbouring doubles.
template <class Condition, class Narrow>
[[nodiscard]] bracket bisect(bracket at, Condition holds, Narrow narrow) noexcept
{
    for (int step = 0; step < longest_search && !narrow(at); ++step) {
        const double middle = step < plain_search_steps ? middle_of(at) : middle_double(at.without, at.with);
        if (!is_inside(at, middle)) {
            if (step >= plain_search_steps) {
                break;
            }
            step = plain_search_steps - 1;  // the plain middle may round to an end that is not a neighbour
            continue;
        }
        (holds(middle) ? at.with : at.without) = middle;
    }
    return at;
}

// Halves a bracket until its ends are neighbouring doubles.
template <class Condition>
[[nodiscard]] bracket bisect(bracket at, Condition holds) noexcept
{
    return bisect(at, holds, [](const bracket&) { return false; });
}

// Halves a bracket of numbers that are not negative until its ends are neighbouring doubles. The exponent is halved
// while the ends are far apart, so that a root near 0 needs few steps too.
template <class Condition>
[[nodiscard]] bracket bisect_by_exponent(bracket at, Condition holds) noexcept
{
    for (int step = 0; step < longest_search; ++step) {
        const double low = at.without < at.with ? at.without : at.with;
        const double high = at.without < at.with ? at.with : at.without;
        const double middle = step >= plain_search_steps      ? middle_double(low, high)
                              : low > 0.0 && high > 4.0 * low ? std::sqrt(low) * std::sqrt(high)
                              : low == 0.0 && step >= 4       ? middle_double(low, high)
                                                              : middle_of({low, high});
        if (!(middle > low && middle < high)) {
            if (step >= plain_search_steps) {
                break;
            }
            step = plain_search_steps - 1;
            continue;
        }
        (holds(middle) ? at.with : at.without) = middle;
    }
    return at;
}

// A bracket for the regula falsi of Illinois: the value at `low` is negative, the value at `high` is not. An end
// that is kept twice has its value halved, so that both ends approach the root.
struct illinois_bracket {
    double low;
    double high;
    double at_low;
    double at_high;
    int kept = 0;

    // The root of the line through both ends.
    [[nodiscard]] double secant() const noexcept
    {
        return high - at_high * (high - low) / (at_high - at_low);
    }

    void narrow(double x, double value) noexcept
    {
        if (value < 0.0) {
            low = x;
            at_low = value;
            at_high *= kept == -1 ? 0.5 : 1.0;
            kept = -1;
        } else {
            high = x;
            at_high = value;
            at_low *= kept == 1 ? 0.5 : 1.0;
            kept = 1;
        }
    }
};

// Ridders' point for a bracket with a negative value at its first end and a positive one at its last; `half` is the
// signed distance from the middle to the last end.
[[nodiscard]] inline double ridders_point(double middle, double half, double at_first, double at_middle,
                                          double at_last) noexcept
{
    const double scale = std::sqrt(at_middle * at_middle - at_first * at_last);
    return scale > 0.0 ? middle - half * at_middle / scale : middle;
}

// The root of a continuous function within a bracket, by the method of Illinois. Every third step halves the bracket,
// so the search ends whatever the function is. enough(bracket, value) says whether the last value is close enough to
// 0, or the bracket narrow enough. Not converged means that the ends do not bracket a root or that the function is NaN.
template <class Function, class Enough>
[[nodiscard]] solution illinois_root(illinois_bracket at, Function value_at, Enough enough)
{
    if (!(at.at_low < 0.0 && at.at_high >= 0.0)) {
        return {};
    }
    for (int step = 0; step < plain_search_steps + longest_search; ++step) {
        const bool plain = step < plain_search_steps;
        double x = plain && step % 3 != 2 ? at.secant() : middle_of({at.low, at.high});
        x = plain && is_inside({at.low, at.high}, x) ? x
            : plain                                  ? middle_of({at.low, at.high})
                                                     : middle_double(at.low, at.high);
        if (!is_inside({at.low, at.high}, x)) {
            if (!plain) {
                break;
            }
            x = middle_double(at.low, at.high);
            if (!is_inside({at.low, at.high}, x)) {
                break;
            }
        }
        const double value = value_at(x);
        if (std::isnan(value)) {
            return {x, false};
        }
        at.narrow(x, value);
        if (value == 0.0 || enough(at, value)) {
            return {x, true};
        }
    }
    return {at.high, true};
}

// The root of a continuous function within a bracket, by Ridders' method: the bracket at least halves with each step, and
// near the root the digits double. enough(bracket, change) says whether the bracket, or the last change of the point, is
// small enough. Not converged means that the ends do not bracket a root or that the function is NaN.
template <class Function, class Enough>
[[nodiscard]] solution ridders_root(illinois_bracket at, Function value_at, Enough enough)
{
    if (!(at.at_low < 0.0 && at.at_high >= 0.0)) {
        return {};
    }
    double last = at.high;
    for (int step = 0; step < longest_search; ++step) {
        const bracket before{at.low, at.high};
        const double plain = middle_of(before);
        const bool plain_is_inside = step < plain_search_steps && is_inside(before, plain);
        const double middle = plain_is_inside ? plain : middle_double(at.low, at.high);
        if (!is_inside(before, middle)) {
            return {at.high, true};
        }
        const double at_middle = value_at(middle);
        const double point = plain_is_inside
                                 ? ridders_point(middle, at.high - middle, at.at_low, at_middle, at.at_high)
                                 : middle;
        const auto narrow = [&](double x, double value) {
            (value < 0.0 ? at.low : at.high) = x;
            (value < 0.0 ? at.at_low : at.at_high) = value;
        };
        if (std::isnan(at_middle) || at_middle == 0.0) {
            return {middle, at_middle == 0.0};
        }
        narrow(middle, at_middle);
        double x = middle;
        if (is_inside({at.low, at.high}, point)) {
            x = point;
            const double value = value_at(x);
            if (std::isnan(value) || value == 0.0) {
                return {x, value == 0.0};
            }
            narrow(x, value);
        }
        if (enough(at, x - last)) {
            return {x, true};
        }
        last = x;
    }
    return {at.high, true};
}

// The root of a rising function between `low` and `high`, by Newton's steps of at most 8 `step` from `start`. Halving
// replaces a step that leaves the bracket found so far, and every step after the first sixty, so the search ends.
// value_and_slope(x, slope) returns the value and writes the slope. Not converged means that the function has one sign
// only, or is NaN.
template <class Function>
[[nodiscard]] solution rising_root(double low, double high, double start, double step,
                                   Function value_and_slope)
{
    bool below = false, above = false;  // was a value of this sign found?
    double x = start;
    for (int i = 0; i < plain_search_steps + longest_search; ++i) {
        double slope = 0.0;
        const double value = value_and_slope(x, slope);
        if (value == 0.0 || std::isnan(value)) {
            return {x, value == 0.0};
        }
        (value < 0.0 ? low : high) = x;
        (value < 0.0 ? below : above) = true;
        double change = -value / slope;
        // A step that the rounding of x is larger than ends the search, before the bracket is asked: the root may be
        // on the other side of x, and the other end of the bracket still far away.
        if (std::fabs(change) <= 1e-15 * (1.0 + std::fabs(x))) {
            return {x + change, true};
        }
        if (!(std::fabs(change) <= 8.0 * step)) {
            change = value < 0.0 ? 8.0 * step : -8.0 * step;
        }
        double next = x + change;
        if (i >= plain_search_steps || !(next > low && next < high)) {
            next = i >= plain_search_steps ? middle_double(low, high) : 0.5 * low + 0.5 * high;
        }
        if (!(next > low && next < high)) {
            break;
        }
        x = next;
    }
    return {x, below && above};
}

}  // namespace stats::detail
}  // namespace v0
}  // namespace joust
