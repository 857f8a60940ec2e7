// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace joust {
inline namespace v0 {
namespace stats::detail {

// The positions 0 to n - 1 in the order of `before(a, b)`; positions that compare equal keep their order.
template <class Before>
[[nodiscard]] std::vector<std::size_t> order_by(std::size_t n, Before before)
{
    std::vector<std::size_t> order(n);
    for (std::size_t i = 0; i < n; ++i) {
        order[i] = i;
    }
    std::stable_sort(order.begin(), order.end(), before);
    return order;
}

// The value that would be at `place`, counted from 0, if the values were sorted; reorders them.
[[nodiscard]] inline double select_value(std::span<double> values, std::size_t place)
{
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(place);
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

}  // namespace stats::detail
}  // namespace v0
}  // namespace joust
