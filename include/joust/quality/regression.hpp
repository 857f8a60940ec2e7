// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/quality/quality.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace quality {

// Metrics of models that predict a number. Each is used with row_quality (one model), paired_quality (two models, the
// same rows) or clustered_quality (units with several rows):
//     row_quality<root_mean_squared_error> q;  q.add(truth, predicted);  q.result()

namespace detail {

[[nodiscard]] inline std::optional<double> error_of(double truth, double predicted) noexcept
{
    const double e = truth - predicted;
    return std::isfinite(e) ? std::optional<double>{e} : std::nullopt;
}

}  // namespace detail

/// Measure the mean distance of predictions from the truth.
struct mean_absolute_error {
    /// How many columns a row has.
    static constexpr std::size_t columns = 1;
    /// Return the name of the metric, for reports.
    static constexpr std::string_view name() noexcept { return "MAE"; }

    /// Return the columns of a row, or nothing where it cannot be used.
    [[nodiscard]] std::optional<std::array<double, 1>> row(double truth, double predicted) const noexcept
    {
        const std::optional<double> e = detail::error_of(truth, predicted);
        return e ? std::optional<std::array<double, 1>>{{std::fabs(*e)}} : std::nullopt;
    }
    /// Return the metric from the means of the columns.
    [[nodiscard]] double value(const std::array<double, 1>& means) const noexcept { return means[0]; }
    /// Return the gradient of the metric.
    [[nodiscard]] std::array<double, 1> gradient(const std::array<double, 1>& /* means */) const noexcept
    {
        return {1.0};
    }
};

/// Measure the mean squared error. With heavy tails it, and everything built on it, converges slowly.
struct mean_squared_error {
    /// How many columns a row has.
    static constexpr std::size_t columns = 1;
    /// Return the name of the metric, for reports.
    static constexpr std::string_view name() noexcept { return "MSE"; }

    /// Return the columns of a row, or nothing where it cannot be used.
    [[nodiscard]] std::optional<std::array<double, 1>> row(double truth, double predicted) const noexcept
    {
        const std::optional<double> e = detail::error_of(truth, predicted);
        return e ? std::optional<std::array<double, 1>>{{*e * *e}} : std::nullopt;
    }
    /// Return the metric from the means of the columns.
    [[nodiscard]] double value(const std::array<double, 1>& means) const noexcept { return means[0]; }
    /// Return the gradient of the metric.
    [[nodiscard]] std::array<double, 1> gradient(const std::array<double, 1>& /* means */) const noexcept
    {
        return {1.0};
    }
};

/// Measure the root of the mean squared error, in the units of the truth.
struct root_mean_squared_error {
    /// How many columns a row has.
    static constexpr std::size_t columns = 1;
    /// Return the name of the metric, for reports.
    static constexpr std::string_view name() noexcept { return "RMSE"; }

    /// Return the columns of a row, or nothing where it cannot be used.
    [[nodiscard]] std::optional<std::array<double, 1>> row(double truth, double predicted) const noexcept
    {
        return mean_squared_error{}.row(truth, predicted);
    }
    /// Return the metric from the means of the columns.
    [[nodiscard]] double value(const std::array<double, 1>& means) const noexcept
    {
        return std::sqrt(means[0]);
    }
    /// Return the gradient of the metric.
    [[nodiscard]] std::array<double, 1> gradient(const std::array<double, 1>& means) const noexcept
    {
        return {means[0] > 0.0 ? 0.5 / std::sqrt(means[0]) : 0.0};
    }
};

/// Measure the share of the truth's variance that predictions explain: 1 - sum of squared errors / sum of squares
/// around the mean.
///
/// It is below 0 where the mean alone would predict better.
/// errors: out_of_range for a constant truth, and for one whose mean is more than 300 standard deviations away from
///     `centre`: squares lose the digits that matter there, and a centre near the mean brings them back.
struct r_squared {
    /// How many columns a row has.
    static constexpr std::size_t columns = 3;  // e^2, y, y^2, where y is the truth minus centre
    /// Return the name of the metric, for reports.
    static constexpr std::string_view name() noexcept { return "R-squared"; }
    /// Any number near the mean of the truth, the same for all parts. Without it a mean that is large compared with the
    /// standard deviation costs digits, and beyond 300 standard deviations the result is out_of_range.
    double centre = 0.0;

    /// Return the columns of a row, or nothing where it cannot be used.
    [[nodiscard]] std::optional<std::array<double, 3>> row(double truth, double predicted) const noexcept
    {
        const std::optional<double> e = detail::error_of(truth, predicted);
        const double y = truth - centre;
        return e ? std::optional<std::array<double, 3>>{{*e * *e, y, y * y}} : std::nullopt;
    }
    /// Return the metric from the means of the columns.
    [[nodiscard]] double value(const std::array<double, 3>& means) const noexcept
    {
        const double variance = means[2] - means[1] * means[1];
        // The variance has lost more than five of its digits where it is that much smaller than the square of the mean.
        return variance > 1e-5 * means[1] * means[1] && variance > 0.0 ? 1.0 - means[0] / variance
                                                                       : stats::not_a_number;
    }
    /// Return the gradient of the metric.
    [[nodiscard]] std::array<double, 3> gradient(const std::array<double, 3>& means) const noexcept
    {
        const double variance = means[2] - means[1] * means[1];
        const double slope = means[0] / (variance * variance);
        return {-1.0 / variance, -2.0 * means[1] * slope, slope};
    }
};

}  // namespace quality
}  // namespace v0
}  // namespace joust
