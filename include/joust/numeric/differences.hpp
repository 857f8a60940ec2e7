// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/buffer.hpp>
#include <joust/numeric/ranks.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace joust {
inline namespace v0 {
namespace stats::detail {

// How far x - y may be from the difference of the decimals that x and y were read from: 2^-51 (|x| + |y|), two units in
// the last place of either operand.
[[nodiscard]] inline double difference_rounding(double x, double y) noexcept
{
    const double rounding = 0x1p-51 * (std::fabs(x) + std::fabs(y));
    return rounding - rounding == 0.0 ? rounding : 0.0;
}

// The differences x - y of pairs, in which rounding breaks no tie. A difference that is no larger than its rounding is
// 0. In ascending order of size, a difference whose size exceeds that of the first of its group by no more than the
// rounding of both gets that size. Order of the pairs and exchange of x and y make no difference.
// assumes: fewer than 2^32 pairs
[[nodiscard]] inline buffer<double> tied_differences(std::span<const double> x, std::span<const double> y)
{
    const std::size_t n = x.size();
    buffer<double> differences(n);
    buffer<keyed_row> order(n);
    for (std::size_t i = 0; i < n; ++i) {
        const double rounding = difference_rounding(x[i], y[i]);
        const double d = x[i] - y[i];
        differences[i] = std::fabs(d) <= rounding ? 0.0 : d;
        order[i] = {ordered_key(std::fabs(differences[i])), static_cast<std::uint32_t>(i)};
    }
    if (!has_no_nan(std::span<const double>{differences.data(), n})) {
        return differences;
    }
    sort_by_key(order);
    const auto size = [&](std::size_t at) { return value_of_key(order[at].key); };
    const auto rounding = [&](std::size_t at) {
        return difference_rounding(x[order[at].row], y[order[at].row]);
    };
    for (std::size_t first = 0; first < n;) {
        const double of_group = size(first);
        // Of equal sizes the one with the largest rounding is the first, whatever the order of the pairs.
        double allowed = 0.0;
        std::size_t last = first;
        for (; last < n && order[last].key == order[first].key; ++last) {
            allowed = rounding(last) > allowed ? rounding(last) : allowed;
        }
        for (; last < n && of_group > 0.0 && size(last) - of_group <= allowed + rounding(last); ++last) {
            double& tied = differences[order[last].row];
            tied = std::copysign(of_group, tied);
        }
        first = last;
    }
    return differences;
}

}  // namespace stats::detail
}  // namespace v0
}  // namespace joust
