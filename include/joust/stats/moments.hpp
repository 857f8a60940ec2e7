// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/two_doubles.hpp>
#include <joust/numeric/double_double.hpp>
#include <joust/stats/result.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>

namespace joust {
inline namespace v0 {
namespace stats {

/// Hold the sufficient statistics of one sample, from which every test of means here can be computed.
struct sample_summary {
    /// The number of values.
    double n = 0.0;
    /// The mean.
    double mean = 0.0;
    /// The variance with divisor n - 1.
    double variance = 0.0;
    /// Compare all members.
    bool operator==(const sample_summary&) const = default;
};

namespace detail {

// Adds up the rejections, and handles a merge in which one side has no observations: returns true where that was all.
template <class Sums>
[[nodiscard]] bool merge_empty(Sums& into, const Sums& other, std::uint64_t& rejected) noexcept
{
    const std::uint64_t both = rejected + other.rejected();
    const bool done = into.count() == 0 || other.count() == 0;
    if (into.count() == 0) {
        into = other;
    }
    rejected = both;
    return done;
}

}  // namespace detail

/// Accumulate count, mean and variance of a stream, mergeable and without cancellation.
///
/// The first value is the shift. Sums of shifted values and of their squares are kept in double-double arithmetic, so
/// that an offset of a million standard deviations costs no digit. Values that are not finite are refused and
/// counted in `rejected()`.
/// cost: about 10 ns per value; 56 bytes.
/// source: shifted data with error-free transformations (Dekker 1971; Chan, Golub and LeVeque 1983).
class moments {
public:
    moments() = default;
    /// Take a whole sample at once; the shift is the mean of its first block, and sums run in eight lanes per block.
    /// cost: one pass, about 0.35 ns per value; a second pass where the first block lies far from the rest.
    explicit moments(std::span<const double> values) noexcept
    {
        if (values.empty()) {
            return;
        }
        const std::span<const double> head = values.first(values.size() < block ? values.size() : block);
        double centre = block_sums(head, 0.0).first / static_cast<double>(head.size());
        if (std::fabs(centre - values[0]) <= 1e-15 * std::fabs(centre)) {
            centre = values
                [0];  // so that a constant sample has variance 0 exactly, not the square of a rounding error
        }
        take(values, centre);
        const double n = static_cast<double>(n_);
        const double offset = detail::normal_form(sum_).high / n;
        if (!(offset * offset * n <= 0.9 * detail::normal_form(square_).high)) {
            const double better = centre + offset;
            if (std::isfinite(better) && offset != 0.0) {
                take(values, better);
            }
        }
        if (!std::isfinite(detail::normal_form(square_)
                               .high)) {  // some value is not finite, or too large: look at each one
            *this = moments{};
            for (const double x : values) {
                add(x);
            }
        }
    }

    /// Count a value; NaN or infinity is counted as rejected, and the return value is false.
    bool add(double x) noexcept
    {
        if (!std::isfinite(x)) {
            ++rejected_;
            return false;
        }
        if (n_ == 0) {
            shift_ = x;
        }
        ++n_;
        const detail::double_double d = detail::two_sum(x, -shift_);
        detail::accumulate(sum_, d);
        detail::accumulate(square_, detail::multiply(d, d));
        return true;
    }

    /// Add the values of another part of the same sample.
    void merge(const moments& other) noexcept
    {
        if (detail::merge_empty(*this, other, rejected_)) {
            return;
        }
        // Move the other part's sums to this shift: x - a = (x - b) + (b - a).
        const detail::double_double move = detail::two_sum(other.shift_, -shift_);
        const detail::double_double count{static_cast<double>(other.n_), 0.0};
        const detail::double_double moved = detail::multiply(move, count);
        square_ = detail::add(square_, other.square_);
        square_ = detail::add(
            square_, detail::multiply(move, detail::add(detail::add(other.sum_, other.sum_), moved)));
        sum_ = detail::add(sum_, detail::add(other.sum_, moved));
        n_ += other.n_;
    }

    /// Return how many values were counted.
    [[nodiscard]] std::uint64_t count() const noexcept { return n_; }
    /// Return how many values were rejected.
    [[nodiscard]] std::uint64_t rejected() const noexcept { return rejected_; }

    /// Return the mean. errors: 0 for an empty sample.
    [[nodiscard]] double mean() const noexcept { return exact_mean().high; }

    /// Return the variance with divisor n - 1.
    /// errors: 0 for fewer than two values; infinite where squares overflow.
    [[nodiscard]] double variance() const noexcept
    {
        if (n_ < 2) {
            return 0.0;
        }
        const double n = static_cast<double>(n_);
        const detail::double_double sum = detail::normal_form(sum_);
        const detail::double_double centre = detail::divide(detail::multiply(sum, sum), n);
        const double square = detail::add(square_, detail::negate(centre)).high;
        if (!std::isfinite(square)) {
            return std::numeric_limits<double>::infinity();
        }
        return square > 0.0 ? square / (n - 1.0) : 0.0;
    }

    /// Return the square root of the variance.
    [[nodiscard]] double standard_deviation() const noexcept { return std::sqrt(variance()); }
    /// Return count, mean and variance together.
    [[nodiscard]] sample_summary summary() const noexcept
    {
        return {static_cast<double>(n_), mean(), variance()};
    }

    /// Return this mean minus another one, accurate also where both are large and nearly equal.
    [[nodiscard]] double mean_difference(const moments& other) const noexcept
    {
        return detail::add(exact_mean(), detail::negate(other.exact_mean())).high;
    }

    /// Compare all members.
    bool operator==(const moments&) const = default;

private:
    friend class pair_moments;

    static constexpr std::size_t block = 2048;

    struct sums {
        double first;
        double second;
    };

    // Sums of x - centre and of its square. Blocks are short enough that plain sums lose nothing that matters.
    [[nodiscard]] static sums block_sums(std::span<const double> values, double centre) noexcept
    {
        // Two lanes in a register: compilers do not find them when both sums share a loop.
        using two = joust::detail::two_doubles;
        constexpr std::size_t lanes = 8;
        const std::size_t whole = values.size() - values.size() % lanes;
        const double* const x = values.data();
        two firsts[lanes / 2] = {};
        two seconds[lanes / 2] = {};
        for (std::size_t i = 0; i < whole; i += lanes) {
            for (std::size_t j = 0; j < lanes / 2; ++j) {
                two distance;
                std::memcpy(&distance, x + i + 2 * j, sizeof distance);
                distance -= centre;
                firsts[j] += distance;
                seconds[j] += distance * distance;
            }
        }
        double first[lanes];
        double second[lanes];
        std::memcpy(first, firsts, sizeof first);
        std::memcpy(second, seconds, sizeof second);
        for (std::size_t i = whole; i < values.size(); ++i) {
            first[i % lanes] += x[i] - centre;
            second[i % lanes] += (x[i] - centre) * (x[i] - centre);
        }
        const auto total = [](const double(&part)[lanes]) {
            return ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
        };
        return {total(first), total(second)};
    }

    void take(std::span<const double> values, double centre) noexcept
    {
        n_ = values.size();
        shift_ = centre;
        sum_ = {};
        square_ = {};
        for (std::size_t at = 0; at < values.size(); at += block) {
            const std::size_t left = values.size() - at;
            const sums part = block_sums(values.subspan(at, left < block ? left : block), centre);
            sum_ = detail::add(sum_, part.first);
            square_ = detail::add(square_, part.second);
        }
    }

    [[nodiscard]] detail::double_double exact_mean() const noexcept
    {
        return n_ == 0
                   ? detail::double_double{}
                   : detail::add(detail::divide(detail::normal_form(sum_), static_cast<double>(n_)), shift_);
    }

    std::uint64_t n_ = 0;
    std::uint64_t rejected_ = 0;
    double shift_ = 0.0;
    detail::double_double sum_;     // the sum of x - shift
    detail::double_double square_;  // the sum of (x - shift)^2
};

/// Accumulate means, variances and the covariance of pairs; merges as `moments` does.
///
/// A pair with a value that is not finite is refused as a whole.
/// cost: 5 ns for a pair
class pair_moments {
public:
    /// Count a pair; a pair with NaN or infinity is counted as rejected, and the return value is false.
    bool add(double x, double y) noexcept
    {
        if (!(std::isfinite(x) && std::isfinite(y))) {
            ++rejected_;
            return false;
        }
        x_.add(x);
        y_.add(y);
        detail::accumulate(cross_,
                           detail::multiply(detail::two_sum(x, -x_.shift_), detail::two_sum(y, -y_.shift_)));
        return true;
    }

    /// Add the pairs of another part of the same sample.
    void merge(const pair_moments& other) noexcept
    {
        if (detail::merge_empty(*this, other, rejected_)) {
            return;
        }
        const detail::double_double n{static_cast<double>(other.count()), 0.0};
        const detail::double_double move_x = detail::two_sum(other.x_.shift_, -x_.shift_);
        const detail::double_double move_y = detail::two_sum(other.y_.shift_, -y_.shift_);
        const detail::double_double moved_y = detail::add(other.y_.sum_, detail::multiply(move_y, n));
        // sum (dx + mx)(dy + my) = cross + mx (sum dy + n my) + my sum dx
        cross_ = detail::add(cross_, other.cross_);
        cross_ = detail::add(cross_, detail::multiply(move_x, moved_y));
        cross_ = detail::add(cross_, detail::multiply(move_y, detail::normal_form(other.x_.sum_)));
        x_.merge(other.x_);
        y_.merge(other.y_);
    }

    /// Return how many pairs were counted.
    [[nodiscard]] std::uint64_t count() const noexcept { return x_.count(); }
    /// Return how many pairs were rejected.
    [[nodiscard]] std::uint64_t rejected() const noexcept { return rejected_; }
    /// The moments of the first values.
    [[nodiscard]] const moments& x() const noexcept { return x_; }
    /// The moments of the second values.
    [[nodiscard]] const moments& y() const noexcept { return y_; }

    /// Return the covariance with divisor n - 1. errors: 0 for fewer than two pairs.
    [[nodiscard]] double covariance() const noexcept
    {
        if (count() < 2) {
            return 0.0;
        }
        const double n = static_cast<double>(count());
        const detail::double_double centre =
            detail::divide(detail::multiply(detail::normal_form(x_.sum_), detail::normal_form(y_.sum_)), n);
        return detail::add(cross_, detail::negate(centre)).high / (n - 1.0);
    }

    /// Compare all members.
    bool operator==(const pair_moments&) const = default;

private:
    std::uint64_t rejected_ = 0;
    moments x_;
    moments y_;
    detail::double_double cross_;  // the sum of products of the shifted values
};

}  // namespace stats
}  // namespace v0
}  // namespace joust
