// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/buffer.hpp>
#include <joust/numeric/order.hpp>
#include <joust/numeric/ranks.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

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
[[nodiscard]] inline buffer<double> tied_differences(std::span<const double> x, std::span<const double> y)
{
    const std::size_t n = x.size();
    buffer<double> differences(n);
    buffer<std::uint64_t> keys(n);
    double most = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
        const double rounding = difference_rounding(x[i], y[i]);
        const double d = x[i] - y[i];
        differences[i] = std::fabs(d) <= rounding ? 0.0 : d;
        most = rounding > most ? rounding : most;
        if (!(d == d)) {
            return differences;
        }
        keys[i] = ordered_key(std::fabs(differences[i]));
    }
    // Continuous measurements have no sizes this close, and need no further pass.
    sort_by_key(keys);
    bool close = false;
    for (std::size_t i = 1; i < n && !close; ++i) {
        const double gap = value_of_key(keys[i]) - value_of_key(keys[i - 1]);
        close = gap > 0.0 && gap <= 2.0 * most;
    }
    if (!close) {
        return differences;
    }
    const auto size = [&](std::size_t i) { return std::fabs(differences[i]); };
    const auto rounding = [&](std::size_t i) { return difference_rounding(x[i], y[i]); };
    const std::vector<std::size_t> order = order_by(n, [&](std::size_t a, std::size_t b) {
        return size(a) != size(b) ? size(a) < size(b) : rounding(a) > rounding(b);
    });
    for (std::size_t first = 0; first < n;) {
        const double of_group = size(order[first]);
        const double allowed = rounding(order[first]);
        std::size_t last = first + 1;
        while (last < n && of_group > 0.0 &&
               size(order[last]) - of_group <= allowed + rounding(order[last])) {
            differences[order[last]] = std::copysign(of_group, differences[order[last]]);
            ++last;
        }
        first = last;
    }
    return differences;
}

}  // namespace stats::detail
}  // namespace v0
}  // namespace joust
