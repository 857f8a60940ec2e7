// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/stats/result.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace joust {
inline namespace v0 {
namespace drift {

/// Hold the squared maximum mean discrepancy of two samples of vectors.
/// cost: O(1)
struct mmd_result {
    /// The unbiased estimate of the squared discrepancy. It may be negative, and its mean is 0 where nothing differs.
    double squared = stats::not_a_number;
    /// The bandwidth s of the kernel exp(-d^2 / (2 s^2)).
    double bandwidth = stats::not_a_number;
    /// Whether the numbers are valid.
    status state = status::too_few;
};

namespace detail {

[[nodiscard]] inline double squared_distance(const double* a, const double* b, std::size_t dimension) noexcept
{
    double sum = 0.0;
    for (std::size_t i = 0; i < dimension; ++i) {
        const double gap = a[i] - b[i];
        sum += gap * gap;
    }
    return sum;
}

}  // namespace detail

/// Return the squared maximum mean discrepancy between two samples of vectors, with the Gaussian kernel exp(-d^2 / (2 s^2)).
///
/// It sees any difference between distributions, also of dependence between the components, where the measures of one feature at a
/// time see none.
/// When to use: for embeddings, on a few thousand rows; reduce long vectors by `random_projection` first.
/// When not: as an alarm by itself, since its noise depends on the kernel and the data.
/// shape: row after row, `dimension` numbers each; `mmd2_gauss(reference, live, 3)` takes the bandwidth from the median distance
/// errors: `too_few` with fewer than two rows on a side; `out_of_range` for rows cut short, NaN, infinity or a negative bandwidth;
///     `zero_variance` where all rows are equal and no bandwidth was given
/// cost: (n + m)^2 distances
/// source: Gretton and others (2012), A kernel two-sample test, lemma 6
[[nodiscard]] inline mmd_result mmd2_gauss(std::span<const double> reference, std::span<const double> live,
                                           std::size_t dimension = 1, double bandwidth = 0.0)
{
    mmd_result result;
    const auto unusable = [](double x) { return !std::isfinite(x); };
    if (dimension == 0 || reference.size() % dimension != 0 || live.size() % dimension != 0 ||
        !(bandwidth >= 0.0 && std::isfinite(bandwidth)) ||
        std::any_of(reference.begin(), reference.end(), unusable) ||
        std::any_of(live.begin(), live.end(), unusable)) {
        result.state = status::out_of_range;
        return result;
    }
    const std::size_t m = reference.size() / dimension;
    const std::size_t n = live.size() / dimension;
    if (m < 2 || n < 2) {
        return result;
    }
    const auto row = [&](std::size_t i) {
        return i < m ? reference.data() + i * dimension : live.data() + (i - m) * dimension;
    };
    if (bandwidth == 0.0) {
        std::vector<double> squares;
        squares.reserve((m + n) * (m + n - 1) / 2);
        for (std::size_t i = 0; i < m + n; ++i) {
            for (std::size_t j = i + 1; j < m + n; ++j) {
                squares.push_back(detail::squared_distance(row(i), row(j), dimension));
            }
        }
        const auto middle = squares.begin() + static_cast<std::ptrdiff_t>(squares.size() / 2);
        std::nth_element(squares.begin(), middle, squares.end());
        bandwidth = std::sqrt(0.5 * *middle);
        if (!(bandwidth > 0.0)) {
            result.state = status::zero_variance;
            return result;
        }
    }
    double within_reference = 0.0;
    double within_live = 0.0;
    double between = 0.0;
    const double scale = -0.5 / (bandwidth * bandwidth);
    for (std::size_t i = 0; i < m + n; ++i) {
        for (std::size_t j = i + 1; j < m + n; ++j) {
            const double k = std::exp(scale * detail::squared_distance(row(i), row(j), dimension));
            (j < m ? within_reference : i >= m ? within_live : between) += k;
        }
    }
    const auto a = static_cast<double>(m);
    const auto b = static_cast<double>(n);
    result.squared = 2.0 * within_reference / (a * (a - 1.0)) + 2.0 * within_live / (b * (b - 1.0)) -
                     2.0 * between / (a * b);
    result.bandwidth = bandwidth;
    result.state = status::ok;
    return result;
}

}  // namespace drift
}  // namespace v0
}  // namespace joust
