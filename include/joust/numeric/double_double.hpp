// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

namespace joust {
inline namespace v0 {
namespace stats::detail {

// A number stored as the unevaluated sum of two doubles, with about 32 significant digits. It has only the operations
// that sums and moments need.
struct double_double {
    double high = 0.0;
    double low = 0.0;

    bool operator==(const double_double&) const = default;
};

// The sum of a and b, and the error of its rounding.
[[nodiscard]] inline double_double two_sum(double a, double b) noexcept
{
    const double sum = a + b;
    const double part = sum - a;
    return {sum, (a - (sum - part)) + (b - part)};
}

// As two_sum, where |a| >= |b| is known.
[[nodiscard]] inline double_double quick_two_sum(double a, double b) noexcept
{
    const double sum = a + b;
    return {sum, b - (sum - a)};
}

[[nodiscard]] inline double_double add(double_double a, double_double b) noexcept
{
    const double_double high = two_sum(a.high, b.high);
    const double_double low = two_sum(a.low, b.low);
    const double_double sum = quick_two_sum(high.high, high.low + low.high);
    return quick_two_sum(sum.high, sum.low + low.low);
}

[[nodiscard]] inline double_double add(double_double a, double b) noexcept
{
    const double_double sum = two_sum(a.high, b);
    return quick_two_sum(sum.high, sum.low + a.low);
}

// Adds a term to a running total. The total is left unnormalised, so that each addition waits for only one addition of
// the step before.
inline void accumulate(double_double& total, double_double term) noexcept
{
    const double_double sum = two_sum(total.high, term.high);
    total.high = sum.high;
    total.low += sum.low + term.low;
}

// The same number with `high` rounded to nearest.
[[nodiscard]] inline double_double normal_form(double_double a) noexcept
{
    return two_sum(a.high, a.low);
}

[[nodiscard]] inline double_double negate(double_double a) noexcept
{
    return {-a.high, -a.low};
}

[[nodiscard]] inline double_double multiply(double_double a, double_double b) noexcept
{
    const double product = a.high * b.high;
    const double error = std::fma(a.high, b.high, -product) + (a.high * b.low + a.low * b.high);
    return quick_two_sum(product, error);
}

[[nodiscard]] inline double_double divide(double_double a, double b) noexcept
{
    const double first = a.high / b;
    const double rest = std::fma(-first, b, a.high) + a.low;
    return quick_two_sum(first, rest / b);
}

}  // namespace stats::detail
}  // namespace v0
}  // namespace joust
