// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

namespace joust {
inline namespace v0 {
namespace stats::detail {

// Nodes in ascending order, and weights, of the Gauss-Legendre rule on [-1, 1].
struct quadrature_rule {
    std::vector<double> nodes;
    std::vector<double> weights;
};

// Computes the rule of n points by Newton's steps on the three-term recurrence, started at Tricomi's estimate of the
// roots. The coefficients are tabulated first, so that no step waits for a division.
[[nodiscard]] inline quadrature_rule gauss_legendre(std::size_t n)
{
    quadrature_rule rule{std::vector<double>(n), std::vector<double>(n)};
    std::vector<double> two_steps(n), one_step(n);
    for (std::size_t j = 0; j < n; ++j) {
        const double k = static_cast<double>(j);
        one_step[j] = (2.0 * k + 1.0) / (k + 1.0);
        two_steps[j] = k / (k + 1.0);
    }
    const double order = static_cast<double>(n);
    for (std::size_t i = 0; i < (n + 1) / 2; ++i) {
        double x = (1.0 - (order - 1.0) / (8.0 * order * order * order)) *
                   std::cos(std::numbers::pi * (static_cast<double>(i) + 0.75) / (order + 0.5));
        double slope = 0.0;
        for (int step = 0; step < 10; ++step) {
            double value = 1.0, before = 0.0;
            for (std::size_t j = 0; j < n; ++j) {
                const double next = one_step[j] * x * value - two_steps[j] * before;
                before = value;
                value = next;
            }
            slope = order * (x * value - before) / (x * x - 1.0);
            const double change = value / slope;
            x -= change;
            if (std::fabs(change) < 1e-15) {
                break;
            }
        }
        const double weight = 2.0 / ((1.0 - x * x) * slope * slope);
        rule.nodes[i] = -x;
        rule.nodes[n - 1 - i] = x;
        rule.weights[i] = weight;
        rule.weights[n - 1 - i] = weight;
    }
    if (n % 2 == 1) {
        rule.nodes[n / 2] = 0.0;
    }
    return rule;
}

}  // namespace stats::detail
}  // namespace v0
}  // namespace joust
