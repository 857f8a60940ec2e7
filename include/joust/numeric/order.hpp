#pragma once

#include <cstddef>
#include <vector>

namespace joust {
inline namespace v0 {
namespace stats::detail {

// The positions 0 to n - 1 in the order of `before(a, b)`, equal ones as they stood: a bottom-up merge sort. It is here
// because <algorithm> would double what a header that sorts a few p-values costs to include.
template <class Before>
[[nodiscard]] std::vector<std::size_t> order_by(std::size_t n, Before before)
{
    std::vector<std::size_t> order(n), other(n);
    for (std::size_t i = 0; i < n; ++i) {
        order[i] = i;
    }
    for (std::size_t width = 1; width < n; width *= 2) {
        for (std::size_t from = 0; from < n; from += 2 * width) {
            const std::size_t middle = from + width < n ? from + width : n;
            const std::size_t end = from + 2 * width < n ? from + 2 * width : n;
            std::size_t left = from, right = middle;
            for (std::size_t to = from; to < end; ++to) {
                const bool take_right = left == middle || (right < end && before(order[right], order[left]));
                other[to] = take_right ? order[right++] : order[left++];
            }
        }
        order.swap(other);
    }
    return order;
}

// The value that would stand at `place` if all were sorted; reorders them. source: Hoare 1961, Find.
[[nodiscard]] inline double select(std::vector<double>& values, std::size_t place) noexcept
{
    std::size_t low = 0, high = values.size() - 1;
    while (low < high) {
        const double pivot = values[low + (high - low) / 2];
        std::size_t i = low, j = high;
        for (;;) {
            while (values[i] < pivot) {
                ++i;
            }
            while (pivot < values[j]) {
                --j;
            }
            if (i >= j) {
                break;
            }
            const double held = values[i];
            values[i++] = values[j];
            values[j--] = held;
        }
        // Everything up to j is at most the pivot, everything behind it at least that.
        if (values[j] > pivot) {
            --j;
        }
        if (place <= j) {
            high = j;
        } else {
            low = j + 1;
        }
    }
    return values[low];
}

}  // namespace stats::detail
}  // namespace v0
}  // namespace joust
