// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <initializer_list>
#include <limits>

namespace joust {
inline namespace v0 {
namespace stats::detail {

// The logarithm of the integral of exp(log_f) over the real line, for an analytic integrand with one peak. Bayes
// factors, probabilities to be best and non-central distributions are such integrals of products of densities and
// tails. All terms are positive, so the relative error stays at rounding even where the integral itself underflows.
//
// The trapezoidal rule converges exponentially for them: halving the step squares the error, so the refinement ends
// at a change of 1e-9. `start` is a point at which log_f is finite, `width` a rough scale.
// source: Trefethen and Weideman 2014, "The exponentially convergent trapezoidal rule".
template <class LogDensity>
[[nodiscard]] double log_unimodal_integral(LogDensity log_f, double start, double width) noexcept
{
    constexpr double infinity = std::numeric_limits<double>::infinity();
    constexpr double negligible = 44.0;  // exp(-44) is below half a unit in the last place
    constexpr int most = 200000;         // points on each side

    // Walk uphill with growing steps until the peak lies between `left` and `right`.
    double middle = start;
    double at_middle = log_f(middle);
    if (!(at_middle > -infinity)) {
        return at_middle;
    }
    double left = middle - width, right = middle + width;
    double at_left = log_f(left), at_right = log_f(right);
    double step = width;
    for (int i = 0; i < 200 && (at_left > at_middle || at_right > at_middle); ++i) {
        step *= 2.0;
        if (at_right > at_middle) {
            left = middle;
            at_left = at_middle;
            middle = right;
            at_middle = at_right;
            right = middle + step;
            at_right = log_f(right);
        } else {
            right = middle;
            at_right = at_middle;
            middle = left;
            at_middle = at_left;
            left = middle - step;
            at_left = log_f(left);
        }
    }
    // Narrow the bracket until the remaining slope does not matter.
    constexpr double golden = 0.38196601125010515;
    for (int i = 0; i < 200 && (at_middle - at_left > 0.2 || at_middle - at_right > 0.2); ++i) {
        const bool to_right = right - middle > middle - left;
        const double at = to_right ? middle + golden * (right - middle) : middle - golden * (middle - left);
        if (at == middle || at == left || at == right) {
            break;
        }
        const double value = log_f(at);
        if (value > at_middle) {
            (to_right ? left : right) = middle;
            (to_right ? at_left : at_right) = at_middle;
            middle = at;
            at_middle = value;
        } else {
            (to_right ? right : left) = at;
            (to_right ? at_right : at_left) = value;
        }
    }
    // The initial step is the distance at which the steeper side has lost one unit of the logarithm.
    const auto distance = [&](double direction) {
        double reach = right - left > 0.0 ? right - left : width;
        while (at_middle - log_f(middle + direction * reach) > 2.0) {
            reach *= 0.5;
        }
        for (int i = 0; i < 200 && !(at_middle - log_f(middle + direction * reach) > 1.0); ++i) {
            reach *= 1.5;
        }
        return reach;
    };
    const double scale = std::fmin(distance(-1.0), distance(1.0));
    const auto sum = [&](double offset, double h) {
        double total = 0.0;
        for (const double direction : {-1.0, 1.0}) {
            double last = at_middle;
            for (int i = 0; i < most; ++i) {
                const double value = log_f(middle + direction * (h * (static_cast<double>(i) + offset)));
                total += std::exp(value - at_middle);
                if (!(value - at_middle > -negligible) && !(value > last)) {
                    break;
                }
                last = value;
            }
        }
        return total;
    };
    // Points at middle +- h (i + 1/2): grids of different steps share no point, so they cannot agree by coincidence.
    double h = 0.6 * scale;
    double total = h * sum(0.5, h);
    for (int i = 0; i < 10; ++i) {
        h *= 0.5;
        const double finer = h * sum(0.5, h);
        const bool settled = std::fabs(finer - total) <= 1e-9 * finer;
        total = finer;
        if (settled) {
            break;
        }
    }
    return at_middle + std::log(total);
}

}  // namespace stats::detail
}  // namespace v0
}  // namespace joust
