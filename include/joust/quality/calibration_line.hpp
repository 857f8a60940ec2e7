// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/status.hpp>
#include <joust/numeric/not_a_number.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace joust {
inline namespace v0 {
namespace quality {

/// Hold the line that maps the logit of a prediction to that of the frequency. A calibrated model has slope 1 and intercept 0.
/// cost: O(1)
struct calibration_line {
    /// The intercept where the slope is 1: above 0, the model predicts too little on the whole ("calibration in the large").
    double in_the_large = stats::not_a_number;
    /// The intercept of the line.
    double intercept = stats::not_a_number;
    /// The slope: below 1, the predictions are too extreme.
    double slope = stats::not_a_number;
    /// Whether the numbers are valid: `zero_variance` where one kind of label is missing or a threshold separates the labels, `not_converged` where
    /// the search did not end.
    status state = status::too_few;
};

/// Fit the line by which the logits of predictions have to be changed to be calibrated.
///
/// shape: labels 0 or 1, and probabilities strictly between 0 and 1
/// errors: `too_few` without rows; `out_of_range` for other numbers, or lengths that differ
/// cost: about ten passes, an exponential for each row
/// source: Cox (1958), Two further applications of a model for binary regression
[[nodiscard]] inline calibration_line fit_calibration_line(std::span<const std::uint8_t> labels,
                                                           std::span<const double> probabilities)
{
    calibration_line out;
    if (labels.size() != probabilities.size()) {
        out.state = status::out_of_range;
        return out;
    }
    double highest_no = -1.0;
    double lowest_no = 2.0;
    double highest_yes = -1.0;
    double lowest_yes = 2.0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const double p = probabilities[i];
        if (labels[i] > 1 || !(p > 0.0 && p < 1.0)) {
            out.state = status::out_of_range;
            return out;
        }
        double& highest = labels[i] == 1 ? highest_yes : highest_no;
        double& lowest = labels[i] == 1 ? lowest_yes : lowest_no;
        highest = p > highest ? p : highest;
        lowest = p < lowest ? p : lowest;
    }
    if (labels.empty()) {
        return out;
    }
    if (highest_no < lowest_yes || highest_yes < lowest_no || highest_no < 0.0 || highest_yes < 0.0) {
        out.state = status::zero_variance;
        return out;
    }
    const auto fit = [&](bool with_slope, double& a, double& b) {
        for (int step = 0; step < 100; ++step) {
            double g_a = 0.0;
            double g_b = 0.0;
            double h_aa = 0.0;
            double h_ab = 0.0;
            double h_bb = 0.0;
            for (std::size_t i = 0; i < labels.size(); ++i) {
                const double x = std::log(probabilities[i]) - std::log1p(-probabilities[i]);
                const double p = 1.0 / (1.0 + std::exp(-(a + b * x)));
                const double gap = static_cast<double>(labels[i]) - p;
                const double w = p * (1.0 - p);
                g_a += gap;
                g_b += gap * x;
                h_aa += w;
                h_ab += w * x;
                h_bb += w * x * x;
            }
            const double determinant = with_slope ? h_aa * h_bb - h_ab * h_ab : h_aa;
            if (!(determinant > 0.0)) {
                return false;
            }
            double d_a = with_slope ? (h_bb * g_a - h_ab * g_b) / determinant : g_a / determinant;
            double d_b = with_slope ? (h_aa * g_b - h_ab * g_a) / determinant : 0.0;
            const double size = std::abs(d_a) + std::abs(d_b);
            if (size > 2.0) {
                d_a *= 2.0 / size;
                d_b *= 2.0 / size;
            }
            a += d_a;
            b += d_b;
            if (size <= 1e-14 * (1.0 + std::abs(a) + std::abs(b))) {
                return true;
            }
        }
        return false;
    };
    double a = 0.0;
    double b = 1.0;
    bool found = fit(false, a, b);
    out.in_the_large = a;
    found = fit(true, a, b) && found;
    out.intercept = a;
    out.slope = b;
    out.state = found ? status::ok : status::not_converged;
    return out;
}

}  // namespace quality
}  // namespace v0
}  // namespace joust
