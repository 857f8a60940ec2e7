// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/buffer.hpp>
#include <joust/numeric/order.hpp>
#include <joust/numeric/ranks.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace joust {
inline namespace v0 {
namespace stats::detail {

// Order statistics of all sums a[i] + b[j] of two sorted samples, in a few passes over the samples: the sums are never
// stored. With `triangular`, a and b are the same sample and only pairs with i <= j count (Walsh's averages, doubled).
// source: Johnson and Mizoguchi 1978, "Selecting the Kth element in X + Y and X1 + X2 + ... + Xm". Rows and columns
// are sorted, so one walk along the border counts the sums up to a bound. The next bound is interpolated in the
// counts.
class pairwise_sums {
public:
    pairwise_sums(std::span<const double> a, std::span<const double> b, bool triangular) noexcept
        : a_(a), b_(b), triangular_(triangular)
    {
    }

    [[nodiscard]] std::uint64_t size() const noexcept
    {
        const std::uint64_t n = a_.size();
        return triangular_ ? n * (n + 1) / 2 : n * b_.size();
    }

    // The k-th smallest sum; k counts from 1 to size().
    [[nodiscard]] double select(std::uint64_t k) const
    {
        bracket found{a_.front() + b_.front(), a_.back() + b_.back(), size()};
        const std::uint64_t enough = (a_.size() + b_.size()) / 16 + 256;
        if (a_.size() + b_.size() > 8192) {
            bracket_by_sample(found, k);
        }
        bool poor = false;  // two steps, one from each side, hardly narrowed the bracket: halve it instead
        bool twice_poor = false;
        std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
        while (found.above_low < found.high) {
            const std::uint64_t before = found.up_to - found.below;
            if (before <= enough) {
                return collect(found, k);
            }
            if (poor) {
                snap(found);
                if (!(found.above_low < found.high)) {
                    break;
                }
            }
            // Aim slightly past the rank, from alternate sides, so that both ends of the bracket approach it.
            constexpr double margin = 0.01;
            const double share = (static_cast<double>(k - found.below) - 0.5) / static_cast<double>(before);
            const bool past = share < margin || (found.from_below && share <= 1.0 - margin);
            double at =
                found.above_low + (found.high - found.above_low) * (past ? share + margin : share - margin);
            if (poor || !(at - at == 0.0)) {
                at = 0.5 * found.above_low + 0.5 * found.high;
            }
            if (twice_poor) {
                at = value_of_key(ordered_key(found.above_low) / 2 + ordered_key(found.high) / 2);
            }
            narrow(found, at, k);
            const bool again = found.up_to - found.below > last / 4;
            twice_poor = poor && again && !twice_poor;
            poor = again;
            last = before;
        }
        return found.high;
    }

    // The middle sum, or the mean of the two middle ones.
    [[nodiscard]] double median() const
    {
        const std::uint64_t all = size();
        const std::uint64_t k = (all + 1) / 2;
        const double middle = select(k);
        if (all % 2 == 1) {
            return middle;
        }
        const double next = count(middle) > k ? middle : smallest_above(middle);
        return 0.5 * middle + 0.5 * next;
    }

private:
    static constexpr double infinity = std::numeric_limits<double>::infinity();

    // Fewer than k sums are at most `low`, k or more are at most `high`, and no sum lies between `low` and
    // `above_low`.
    struct bracket {
        double above_low;
        double high;
        std::uint64_t up_to;
        std::uint64_t below = 0;
        double low = -infinity;
        bool from_below = false;
    };

    // Walks along the border between the sums at most `bound` and those above it, for a range of rows. It uses whole
    // numbers and no branches, because the direction of each step cannot be predicted.
    struct walker {
        std::size_t i;
        std::size_t end;
        std::size_t j;
        std::uint64_t up_to = 0;

        [[nodiscard]] bool active() const noexcept { return i < end && j > 0; }
        void step(const double* a, const double* b, double bound, bool triangular) noexcept
        {
            const std::size_t above = a[i] + b[j - 1] > bound ? 1 : 0;
            const std::size_t first = triangular ? i : 0;
            const std::size_t counted = j > first ? j - first : 0;
            up_to += counted & (above - 1);
            j -= above;
            i += 1 - above;
        }
    };

    void narrow(bracket& found, double at, std::uint64_t k) const noexcept
    {
        at = at < found.above_low ? found.above_low : at;
        at = at >= found.high ? value_of_key(ordered_key(found.high) - 1) : at;
        const std::uint64_t up_to = count(at);
        found.from_below = up_to < k;
        if (found.from_below) {
            found.low = at;
            found.above_low = value_of_key(ordered_key(at) + 1);
            found.below = up_to;
        } else {
            found.high = at;
            found.up_to = up_to;
        }
    }

    // Moves both ends to the nearest sums: where many sums are equal, that ends the search.
    void snap(bracket& found) const noexcept
    {
        found.above_low = smallest_above(found.low);
        double largest = -infinity;
        std::size_t j = b_.size();
        for (const double a : a_) {
            while (j > 0 && a + b_[j - 1] > found.high) {
                --j;
            }
            if (j > 0) {
                const double value = a + b_[j - 1];
                largest = value > largest ? value : largest;
            }
        }
        found.high = largest;
    }

    // The smallest sum above `bound`.
    [[nodiscard]] double smallest_above(double bound) const noexcept
    {
        double smallest = infinity;
        std::size_t j = b_.size();
        for (const double a : a_) {
            while (j > 0 && a + b_[j - 1] > bound) {
                --j;
            }
            if (j < b_.size()) {
                const double value = a + b_[j];
                smallest = value < smallest ? value : smallest;
            }
        }
        return smallest;
    }

    // The same quantile of an evenly spaced subsample is near the one wanted, so bounds a little to either side of
    // it are tried first.
    void bracket_by_sample(bracket& found, std::uint64_t k) const
    {
        constexpr std::size_t most = 1024;
        const auto thin = [](std::span<const double> values) {
            const std::size_t taken = values.size() < most ? values.size() : most;
            buffer<double> sample(taken);
            for (std::size_t i = 0; i < taken; ++i) {
                sample[i] = values[(2 * i + 1) * values.size() / (2 * taken)];
            }
            return sample;
        };
        const buffer<double> a = thin(a_);
        const buffer<double> b = thin(b_);
        const pairwise_sums few{a, b, triangular_};
        const double share = static_cast<double>(k) / static_cast<double>(size());
        const double all = static_cast<double>(few.size());
        for (const double shift : {-1e-3, 1e-3}) {
            const double rank = (share + shift) * all;
            if (rank >= 1.0 && rank <= all && found.above_low < found.high) {
                narrow(found, few.select(static_cast<std::uint64_t>(rank)), k);
            }
        }
    }

    // Counts the sums at most `bound`. Four walks are interleaved, because each waits for its own last comparison.
    [[nodiscard]] std::uint64_t count(double bound) const noexcept
    {
        return triangular_ ? walk<true>(bound) : walk<false>(bound);
    }

    template <bool Triangular>
    [[nodiscard]] std::uint64_t walk(double bound) const noexcept
    {
        const auto part = [&](std::size_t lane) {
            const std::size_t first = a_.size() * lane / 4;
            return walker{first, a_.size() * (lane + 1) / 4, first < a_.size() ? within(first, bound) : 0};
        };
        walker w0 = part(0), w1 = part(1), w2 = part(2), w3 = part(3);
        const double* const a = a_.data();
        const double* const b = b_.data();
        while (w0.active() && w1.active() && w2.active() && w3.active()) {
            w0.step(a, b, bound, Triangular);
            w1.step(a, b, bound, Triangular);
            w2.step(a, b, bound, Triangular);
            w3.step(a, b, bound, Triangular);
        }
        std::uint64_t all = 0;
        for (walker* const one : {&w0, &w1, &w2, &w3}) {
            while (one->active()) {
                one->step(a, b, bound, Triangular);
            }
            all += one->up_to;
        }
        return all;
    }

    // Counts the sums of a row that are at most `bound`.
    [[nodiscard]] std::size_t within(std::size_t row, double bound) const noexcept
    {
        std::size_t low = 0;
        std::size_t high = b_.size();
        while (low < high) {
            const std::size_t middle = low + (high - low) / 2;
            if (a_[row] + b_[middle] <= bound) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    // Collects the sums that are left in the bracket and selects the k-th among them.
    [[nodiscard]] double collect(const bracket& found, std::uint64_t k) const
    {
        buffer<double> between(static_cast<std::size_t>(found.up_to - found.below));
        std::size_t count = 0;
        std::size_t from = b_.size();
        std::size_t to = b_.size();
        for (std::size_t i = 0; i < a_.size(); ++i) {
            while (from > 0 && a_[i] + b_[from - 1] > found.low) {
                --from;
            }
            while (to > 0 && a_[i] + b_[to - 1] > found.high) {
                --to;
            }
            for (std::size_t j = triangular_ && i > from ? i : from; j < to; ++j) {
                between[count++] = a_[i] + b_[j];
            }
        }
        return select_value({between.data(), count}, static_cast<std::size_t>(k - found.below - 1));
    }

    std::span<const double> a_;
    std::span<const double> b_;
    bool triangular_;
};

}  // namespace stats::detail
}  // namespace v0
}  // namespace joust
