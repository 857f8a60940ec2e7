// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/quality/quality.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace quality {

/// Measure the mean of minus the logarithm of the probability that the model gave to the true class.
struct log_loss {
    /// How many columns a row has.
    static constexpr std::size_t columns = 1;
    /// Return the name of the metric, for reports.
    static constexpr std::string_view name() noexcept { return "log loss"; }
    /// Smaller probabilities of the true class count as this one, because a single 0 would make the mean infinite.
    double floor = 1e-15;

    /// Return the loss of a row: the label 0 or 1, and the predicted probability of 1.
    [[nodiscard]] std::optional<std::array<double, 1>> row(int label, double probability) const noexcept
    {
        if ((label != 0 && label != 1) || !(probability >= 0.0 && probability <= 1.0)) {
            return std::nullopt;
        }
        const double p = label == 1 ? probability : 1.0 - probability;
        // log1p keeps the digits that 1 - p would round away.
        const double loss = p < floor    ? -std::log(floor)
                            : label == 1 ? -std::log(p)
                                         : -std::log1p(-probability);
        return std::array<double, 1>{loss};
    }

    /// Return the loss of a row: a class, and the predicted probabilities of all classes. Each must be within 0 and 1, and
    /// their sum within 1e-4 of 1, which probabilities in single precision keep for thousands of classes.
    [[nodiscard]] std::optional<std::array<double, 1>>
    row(std::size_t label, std::span<const double> probabilities) const noexcept
    {
        double sum = 0.0;
        for (const double p : probabilities) {
            if (!(p >= 0.0 && p <= 1.0)) {
                return std::nullopt;
            }
            sum += p;
        }
        if (label >= probabilities.size() || !(std::fabs(sum - 1.0) <= 1e-4)) {
            return std::nullopt;
        }
        return std::array<double, 1>{-std::log(std::fmax(probabilities[label], floor))};
    }
    /// Return the metric from the means of the columns.
    [[nodiscard]] double value(const std::array<double, 1>& means) const noexcept { return means[0]; }
    /// Return the gradient of the metric.
    [[nodiscard]] std::array<double, 1> gradient(const std::array<double, 1>& /* means */) const noexcept
    {
        return {1.0};
    }
};

/// Measure the mean squared distance between the predicted probability of 1 and the label 0 or 1.
struct brier_score {
    /// How many columns a row has.
    static constexpr std::size_t columns = 1;
    /// Return the name of the metric, for reports.
    static constexpr std::string_view name() noexcept { return "Brier score"; }

    /// Return the columns of a row, or nothing where it cannot be used.
    [[nodiscard]] std::optional<std::array<double, 1>> row(int label, double probability) const noexcept
    {
        if ((label != 0 && label != 1) || !(probability >= 0.0 && probability <= 1.0)) {
            return std::nullopt;
        }
        const double e = probability - static_cast<double>(label);
        return std::array<double, 1>{e * e};
    }
    /// Return the metric from the means of the columns.
    [[nodiscard]] double value(const std::array<double, 1>& means) const noexcept { return means[0]; }
    /// Return the gradient of the metric.
    [[nodiscard]] std::array<double, 1> gradient(const std::array<double, 1>& /* means */) const noexcept
    {
        return {1.0};
    }
};

}  // namespace quality
}  // namespace v0
}  // namespace joust
