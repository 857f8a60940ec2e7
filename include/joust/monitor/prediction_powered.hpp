// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/status.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/numeric/not_a_number.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace joust {
inline namespace v0 {

/// Hold a mean that few labels and many predictions give together.
/// cost: O(1)
struct prediction_powered {
    /// The mean.
    double value = stats::not_a_number;
    /// Its variance.
    double variance = stats::not_a_number;
    /// The lower end of the interval, normal in the limit.
    double lower = stats::not_a_number;
    /// The upper end of the interval.
    double upper = stats::not_a_number;
    /// How much weight the predictions have, from 0 to 1 or above.
    double weight = stats::not_a_number;
    /// The width of the interval divided by that of the labels alone.
    double relative_width = stats::not_a_number;
    /// Whether the numbers are valid.
    status state = status::too_few;
};

/// Choose the weight of the predictions.
enum class prediction_weight : std::uint8_t {
    /// The weight that makes the variance smallest, learned from the data. With a poor model it falls to 0.
    tuned,
    /// A weight of 1, which makes the interval wider than that of the labels alone where the model is poor.
    full
};

/// Estimate the mean of labels from few labelled rows and predictions for all: the mean prediction, corrected by the labelled rows.
///
/// It is right whatever the model is; a good model makes the interval shorter (by a quarter with 200 labels, 10,000 predictions and a correlation of 0.9).
/// shape: labels and predictions of the labelled rows, and predictions of the others
/// assumes: the labelled rows are a random sample of all; for other chances see `rate_from_sampled_labels`
/// errors: `too_few` with fewer than 2 labelled or other rows; `out_of_range` for lengths that differ, or numbers that are not finite
/// cost: two passes
/// source: Angelopoulos and others (2023), Prediction-powered inference; Angelopoulos, Duchi, Zrnic (2023), PPI++
[[nodiscard]] inline prediction_powered
prediction_powered_mean(std::span<const double> labels, std::span<const double> predictions,
                        std::span<const double> others, prediction_weight choice = prediction_weight::tuned,
                        double alpha = 0.05)
{
    prediction_powered out;
    const auto unusable = [](double x) { return !std::isfinite(x); };
    if (labels.size() != predictions.size() || !(alpha > 0.0 && alpha < 1.0) ||
        std::any_of(labels.begin(), labels.end(), unusable) ||
        std::any_of(predictions.begin(), predictions.end(), unusable) ||
        std::any_of(others.begin(), others.end(), unusable)) {
        out.state = status::out_of_range;
        return out;
    }
    if (labels.size() < 2 || others.size() < 2) {
        return out;
    }
    const auto n = static_cast<double>(labels.size());
    const auto rest = static_cast<double>(others.size());
    const auto mean = [](std::span<const double> of) {
        double sum = 0.0;
        for (const double x : of) {
            sum += x;
        }
        return sum / static_cast<double>(of.size());
    };
    const double y = mean(labels);
    const double f = mean(predictions);
    const double g = mean(others);
    double y_y = 0.0;
    double y_f = 0.0;
    double f_f = 0.0;
    double g_g = 0.0;
    double pooled = 0.0;
    const double all = (n * f + rest * g) / (n + rest);
    for (std::size_t i = 0; i < labels.size(); ++i) {
        y_y += (labels[i] - y) * (labels[i] - y);
        y_f += (labels[i] - y) * (predictions[i] - f);
        f_f += (predictions[i] - f) * (predictions[i] - f);
        pooled += (predictions[i] - all) * (predictions[i] - all);
    }
    for (const double x : others) {
        g_g += (x - g) * (x - g);
        pooled += (x - all) * (x - all);
    }
    const double covariance = y_f / (n - 1.0);
    const double spread = pooled / (n + rest - 1.0);
    out.weight = choice == prediction_weight::full ? 1.0
                 : spread > 0.0                    ? covariance / ((1.0 + n / rest) * spread)
                                                   : 0.0;
    const double w = out.weight;
    out.value = y + w * (g - f);
    out.variance =
        w * w * g_g / (rest - 1.0) / rest + std::max(0.0, y_y - 2.0 * w * y_f + w * w * f_f) / (n - 1.0) / n;
    const double half = stats::normal_upper_quantile(0.5 * alpha) * std::sqrt(out.variance);
    out.lower = out.value - half;
    out.upper = out.value + half;
    const double alone = y_y / (n - 1.0) / n;
    out.relative_width = alone > 0.0 ? std::sqrt(out.variance / alone) : stats::not_a_number;
    out.state = status::ok;
    return out;
}

}  // namespace v0
}  // namespace joust
