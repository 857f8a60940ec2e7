// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

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

// Halves a bracket at most `steps` times, until narrow(bracket) is true or its ends are neighbouring doubles.
template <class Condition, class Narrow>
[[nodiscard]] bracket bisect(bracket at, Condition holds, Narrow narrow, int steps) noexcept
{
    for (int step = 0; step < steps && !narrow(at); ++step) {
        const double middle = middle_of(at);
        if (!is_inside(at, middle)) {
            break;
        }
        (holds(middle) ? at.with : at.without) = middle;
    }
    return at;
}

// Halves a bracket until its ends are neighbouring doubles.
template <class Condition>
[[nodiscard]] bracket bisect(bracket at, Condition holds) noexcept
{
    return bisect(at, holds, [](const bracket&) { return false; }, 1100);
}

// Halves a bracket of numbers that are not negative. Its exponent is halved while its ends are far apart, so that a
// root near 0 is found too, down to about 1e-150.
template <class Condition>
[[nodiscard]] bracket bisect_by_exponent(bracket at, Condition holds) noexcept
{
    for (int step = 0; step < 200; ++step) {
        const double low = at.without < at.with ? at.without : at.with;
        const double high = at.without < at.with ? at.with : at.without;
        const double middle = low > 0.0 && high > 4.0 * low ? std::sqrt(low * high) : 0.5 * (low + high);
        if (!(middle > low && middle < high) || high - low < 1e-16 * high) {
            break;
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

// The root of a rising function between -800 and 800, by Newton's steps of at most 8 `step` from `start`, which
// bisection replaces where they leave the bracket found so far. value_and_slope(x, slope) returns the value and
// writes the slope.
template <class Function>
[[nodiscard]] double rising_root(double start, double step, Function value_and_slope) noexcept
{
    double low = -800.0;
    double high = 800.0;
    double x = start;
    for (int i = 0; i < 200; ++i) {
        double slope = 0.0;
        const double value = value_and_slope(x, slope);
        if (value == 0.0) {
            return x;
        }
        (value < 0.0 ? low : high) = x;
        double next = x - value / slope;
        if (!(std::fabs(next - x) <= 8.0 * step)) {
            next = x + (value < 0.0 ? 8.0 : -8.0) * step;
        }
        if (!(next > low && next < high)) {
            next = 0.5 * (low + high);
        }
        if (std::fabs(next - x) <= 1e-15 * (1.0 + std::fabs(x)) || next == low || next == high) {
            return next;
        }
        x = next;
    }
    return x;
}

}  // namespace stats::detail
}  // namespace v0
}  // namespace joust
