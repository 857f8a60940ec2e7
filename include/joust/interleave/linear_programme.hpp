// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/two_doubles.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace joust {
inline namespace v0 {
namespace detail {

/// The result of solving a linear programme.
enum class programme_state : std::uint8_t { solved, infeasible, unbounded, stopped };

/// Solve small dense linear programmes with few rows and many columns: minimise c x, subject to A x = b and x >= 0.
///
/// It is the revised simplex method with an explicit inverse. The column with the lowest reduced cost enters. The
/// lexicographic rule breaks ties among the rows that may leave, so that degenerate programmes do not cycle. Rounding may defeat
/// that rule, so after half of the allowed pivots the smallest index enters and leaves. In any case it stops after `patience`
/// pivots for each row. The solution is basic: it has at most as many positive x as rows. It is computed anew from the final
/// basis, with residuals in extended precision.
/// assumes: b >= 0; at most `most_rows` rows and `most_columns` columns; numbers of about the size of 1
/// errors: `stopped` when the pivots are used up; the values are then meaningless
/// cost: rows x columns for each pivot, of which there are about three for each row; no allocation
/// source: Dantzig 1953 (revised simplex); Dantzig, Orden and Wolfe 1955 (lexicographic rule); Bland 1977
class linear_programme {
public:
    static constexpr std::size_t most_rows = 32;
    static constexpr std::size_t most_columns = 1'088;
    static constexpr std::size_t patience = 100;
    static constexpr double tolerance = 1e-11;

    /// The numbers of the programme, and memory for as many `prices` as there are columns.
    struct numbers {
        std::size_t rows = 0;
        std::size_t columns = 0;
        /// The distance from the beginning of a row to that of the next one.
        std::size_t stride = 0;
        /// A, row after row.
        const double* matrix = nullptr;
        /// b.
        const double* bounds = nullptr;
        /// c.
        const double* costs = nullptr;
        double* prices = nullptr;
    };

    /// Solve a programme.
    [[nodiscard]] programme_state solve(const numbers& given) noexcept
    {
        given_ = given;
        pivots_ = 0;
        passes_ = 0;
        candidate_count_ = 0;
        for (std::size_t r = 0; r < rows(); ++r) {
            basis_[r] = given.columns + r;  // an artificial column, which is a unit vector
            values_[r] = given.bounds[r];
            for (std::size_t i = 0; i < rows(); ++i) {
                inverse_[r][i] = r == i ? 1.0 : 0.0;
            }
        }
        const programme_state first = run(true);
        if (first != programme_state::solved) {
            return programme_state::stopped;
        }
        double left = 0.0;
        for (std::size_t r = 0; r < rows(); ++r) {
            left += artificial(r) ? size_of(values_[r]) : 0.0;
        }
        if (left > 1e-9) {
            return programme_state::infeasible;
        }
        drive_out();
        candidate_count_ = 0;
        const programme_state second = run(false);
        return second == programme_state::solved && refine() ? programme_state::solved
               : second == programme_state::unbounded        ? second
                                                             : programme_state::stopped;
    }

    [[nodiscard]] std::size_t pivots() const noexcept { return pivots_; }
    /// Return how often all columns were priced.
    [[nodiscard]] std::size_t passes() const noexcept { return passes_; }
    /// Return the column of each row's basic variable. For a row that depends on the others it is a number beyond the columns.
    [[nodiscard]] std::span<const std::size_t> basis() const noexcept { return {basis_, rows()}; }
    /// Return the values of the basic variables. All other variables are zero.
    [[nodiscard]] std::span<const double> values() const noexcept { return {values_, rows()}; }

    [[nodiscard]] double cost() const noexcept
    {
        double sum = 0.0;
        for (std::size_t r = 0; r < rows(); ++r) {
            if (!artificial(r)) {
                add_product(sum, given_.costs[basis_[r]], values_[r]);
            }
        }
        return sum;
    }

    /// Return the largest difference between a row and its bound.
    [[nodiscard]] double residual() const noexcept
    {
        double largest = 0.0;
        for (std::size_t i = 0; i < rows(); ++i) {
            const auto off = size_of(static_cast<double>(row_error(i)));
            largest = off <= largest ? largest : off;  // The result is NaN if a difference is NaN.
        }
        return largest;
    }

private:
    // Without <cmath>, which would double the compile time of this header.
    [[nodiscard]] static double size_of(double x) noexcept { return x < 0.0 ? -x : x; }
    [[nodiscard]] std::size_t rows() const noexcept { return given_.rows; }
    [[nodiscard]] bool artificial(std::size_t r) const noexcept { return basis_[r] >= given_.columns; }
    [[nodiscard]] double at(std::size_t row, std::size_t column) const noexcept
    {
        return given_.matrix[row * given_.stride + column];
    }

    /// Pivot until no column improves the cost: in the first phase that of the artificial columns, and then the real cost.
    [[nodiscard]] programme_state run(bool first_phase) noexcept
    {
        const std::size_t bland_after = pivots_ + patience * rows() / 2;
        const std::size_t stop_after = pivots_ + patience * rows();
        for (;;) {
            const bool bland = pivots_ >= bland_after;
            const std::size_t entering = enter(first_phase, bland);
            if (entering == given_.columns) {
                return programme_state::solved;
            }
            if (pivots_ >= stop_after) {
                return programme_state::stopped;
            }
            direct(entering);
            const std::size_t leaving = leave(bland);
            if (leaving == rows()) {
                return first_phase ? programme_state::stopped : programme_state::unbounded;
            }
            pivot(leaving, entering);
        }
    }

    [[nodiscard]] std::size_t enter(bool first_phase, bool bland) noexcept
    {
        double weights[most_rows] = {};
        for (std::size_t r = 0; r < rows(); ++r) {
            const double cost =
                artificial(r) ? (first_phase ? 1.0 : 0.0) : (first_phase ? 0.0 : given_.costs[basis_[r]]);
            if (cost != 0.0) {
                for (std::size_t i = 0; i < rows(); ++i) {
                    add_product(weights[i], cost, inverse_[r][i]);
                }
            }
        }
        // Most pivots find the entering column among those that were the best when all columns were priced.
        std::size_t best = given_.columns;
        double least = -tolerance;
        if (!bland) {
            for (std::size_t k = 0; k < candidate_count_; ++k) {
                const std::size_t j = candidates_[k];
                double price = first_phase ? 0.0 : given_.costs[j];
                for (std::size_t i = 0; i < rows(); ++i) {
                    subtract_product(price, weights[i], at(i, j));
                }
                if (price < least) {
                    best = j;
                    least = price;
                }
            }
            if (best != given_.columns) {
                return best;
            }
        }
        ++passes_;
        const double lowest_price = price_all(weights, first_phase);
        candidate_count_ = 0;
        if (!(lowest_price < -tolerance)) {
            return given_.columns;
        }
        const double promising = bland ? -tolerance : 0.5 * lowest_price;
        for (std::size_t j = 0; j < given_.columns && candidate_count_ < most_candidates; ++j) {
            if (j % block == 0) {
                while (j + block <= given_.columns && !(lowest_in_[j / block] < promising)) {
                    j += block;
                }
                if (j == given_.columns) {
                    break;
                }
            }
            const double price = given_.prices[j];
            if (price < promising) {
                candidates_[candidate_count_++] = j;
                best = price < least ? j : best;
                least = price < least ? price : least;
                if (bland) {
                    break;
                }
            }
        }
        return best;
    }

    // Computes the reduced costs of all columns, and returns the lowest one.
    [[nodiscard]] double price_all(const double (&weights)[most_rows], bool first_phase) noexcept
    {
        const std::size_t blocks = given_.columns / block;
#ifdef JOUST_NEWER_X86
        if (has_avx()) {
            price_by_fours(weights, first_phase, blocks);
        } else
#endif
        {
            price_blocks<two_doubles>(weights, first_phase, blocks);
        }
        double lowest_price = 0.0;
        for (std::size_t k = 0; k < blocks; ++k) {
            lowest_price = lowest_in_[k] < lowest_price ? lowest_in_[k] : lowest_price;
        }
        for (std::size_t j = blocks * block; j < given_.columns; ++j) {
            double sum = first_phase ? 0.0 : given_.costs[j];
            for (std::size_t i = 0; i < rows(); ++i) {
                subtract_product(sum, weights[i], at(i, j));
            }
            given_.prices[j] = sum;
            lowest_price = sum < lowest_price ? sum : lowest_price;
        }
        return lowest_price;
    }

#ifdef JOUST_NEWER_X86
    // Without fused multiplications, so that every machine finds the same law.
    JOUST_NOINLINE JOUST_AVX void price_by_fours(const double (&weights)[most_rows], bool first_phase,
                                                 std::size_t blocks) noexcept
    {
        using four JOUST_VECTOR(32) = double;
        price_blocks<four>(weights, first_phase, blocks);
    }
#endif

    // Prices a block of columns at a time, whose sums stay in registers. It uses vector types, since compilers do not vectorise
    // it by themselves.
    template <class Vector>
    JOUST_ALWAYS_INLINE void price_blocks(const double (&weights)[most_rows], bool first_phase,
                                          std::size_t blocks) noexcept
    {
        constexpr std::size_t width = sizeof(Vector) / sizeof(double);
        constexpr std::size_t vectors = block / width;
        for (std::size_t b = 0; b < blocks; ++b) {
            Vector sums[vectors] = {};
            // Copied vector by vector, since one large copy would go through memory.
            for (std::size_t k = 0; k < vectors && !first_phase; ++k) {
                std::memcpy(&sums[k], given_.costs + b * block + k * width, sizeof(Vector));
            }
            for (std::size_t i = 0; i < rows(); ++i) {
                const Vector weight = Vector{} + weights[i];
                const double* const row = given_.matrix + i * given_.stride + b * block;
                for (std::size_t k = 0; k < vectors; ++k) {
                    Vector numbers_here;
                    std::memcpy(&numbers_here, row + k * width, sizeof(Vector));
                    subtract_product(sums[k], weight, numbers_here);
                }
            }
            for (std::size_t k = 0; k < vectors; ++k) {
                std::memcpy(given_.prices + b * block + k * width, &sums[k], sizeof(Vector));
            }
            for (std::size_t k = 1; k < vectors; ++k) {
                keep_lesser(sums[0], sums[k]);
            }
            double lowest_here = sums[0][0];
            for (std::size_t k = 1; k < width; ++k) {
                lowest_here = sums[0][k] < lowest_here ? sums[0][k] : lowest_here;
            }
            lowest_in_[b] = lowest_here;
        }
    }

    // Computes how much each basic variable falls when the entering one rises by 1.
    void direct(std::size_t column) noexcept
    {
        double numbers_of[most_rows];
        for (std::size_t i = 0; i < rows(); ++i) {
            numbers_of[i] = at(i, column);
        }
        for (std::size_t r = 0; r < rows(); ++r) {
            double sum = 0.0;
            for (std::size_t i = 0; i < rows(); ++i) {
                add_product(sum, inverse_[r][i], numbers_of[i]);
            }
            direction_[r] = sum;
        }
    }

    [[nodiscard]] std::size_t leave(bool bland) const noexcept
    {
        std::size_t best = rows();
        for (std::size_t r = 0; r < rows(); ++r) {
            if (direction_[r] > 1e-9 && (best == rows() || goes_before(r, best, bland))) {
                best = r;
            }
        }
        return best;
    }

    // Says which of two rows reaches zero first. The rows of the inverse, divided by the direction, break ties.
    [[nodiscard]] bool goes_before(std::size_t r, std::size_t other, bool bland) const noexcept
    {
        const double first = values_[r] / direction_[r];
        const double second = values_[other] / direction_[other];
        if (size_of(first - second) > 1e-12) {
            return first < second;
        }
        if (bland) {
            return basis_[r] < basis_[other];
        }
        for (std::size_t i = 0; i < rows(); ++i) {
            const double a = inverse_[r][i] / direction_[r];
            const double b = inverse_[other][i] / direction_[other];
            if (size_of(a - b) > 1e-12) {
                return a < b;
            }
        }
        return false;
    }

    void pivot(std::size_t leaving, std::size_t entering) noexcept
    {
        const double scale = 1.0 / direction_[leaving];
        for (std::size_t i = 0; i < rows(); ++i) {
            inverse_[leaving][i] *= scale;
        }
        values_[leaving] *= scale;
        for (std::size_t r = 0; r < rows(); ++r) {
            if (r == leaving || direction_[r] == 0.0) {
                continue;
            }
            const double times = direction_[r];
            for (std::size_t i = 0; i < rows(); ++i) {
                subtract_product(inverse_[r][i], times, inverse_[leaving][i]);
            }
            subtract_product(values_[r], times, values_[leaving]);
            values_[r] = size_of(values_[r]) < 1e-14 ? 0.0 : values_[r];
        }
        basis_[leaving] = entering;
        ++pivots_;
    }

    // The remaining artificial columns have the value zero. Another column replaces each of them, unless its row depends on the
    // others.
    void drive_out() noexcept
    {
        for (std::size_t r = 0; r < rows(); ++r) {
            if (!artificial(r)) {
                continue;
            }
            values_[r] = 0.0;
            std::size_t best = given_.columns;
            double largest = 1e-7;
            for (std::size_t j = 0; j < given_.columns; ++j) {
                double sum = 0.0;
                for (std::size_t i = 0; i < rows(); ++i) {
                    add_product(sum, inverse_[r][i], at(i, j));
                }
                if (size_of(sum) > largest) {
                    largest = size_of(sum);
                    best = j;
                }
            }
            if (best != given_.columns) {
                direct(best);
                pivot(r, best);
            }
        }
    }

    [[nodiscard]] long double row_error(std::size_t i) const noexcept
    {
        long double error = -static_cast<long double>(given_.bounds[i]);
        for (std::size_t r = 0; r < rows(); ++r) {
            if (!artificial(r)) {
                error += static_cast<long double>(at(i, basis_[r])) * static_cast<long double>(values_[r]);
            }
        }
        return error;
    }

    // Solves for the basic variables from the programme's own numbers, and corrects them by their residuals. Returns whether the
    // result is a solution.
    [[nodiscard]] bool refine() noexcept
    {
        factorize();
        for (std::size_t r = 0; r < rows(); ++r) {
            values_[r] = 0.0;
        }
        for (int round = 0; round < 4; ++round) {
            double change[most_rows];
            for (std::size_t i = 0; i < rows(); ++i) {
                change[i] = -static_cast<double>(row_error(i));
            }
            if (!back_solve(change)) {
                return false;
            }
            for (std::size_t r = 0; r < rows(); ++r) {
                values_[r] += artificial(r) ? 0.0 : change[r];
            }
        }
        for (std::size_t r = 0; r < rows(); ++r) {
            if (values_[r] < -1e-10) {
                return false;
            }
            values_[r] = values_[r] < 1e-14 ? 0.0 : values_[r];
        }
        return residual() <= 1e-12;
    }

    // Writes the basis as a product of triangular matrices with exchanged rows. It overwrites the inverse.
    void factorize() noexcept
    {
        for (std::size_t i = 0; i < rows(); ++i) {
            order_[i] = i;
            for (std::size_t r = 0; r < rows(); ++r) {
                inverse_[i][r] =
                    artificial(r) ? (basis_[r] - given_.columns == i ? 1.0 : 0.0) : at(i, basis_[r]);
            }
        }
        for (std::size_t step = 0; step < rows(); ++step) {
            std::size_t largest = step;
            for (std::size_t i = step + 1; i < rows(); ++i) {
                largest = size_of(inverse_[i][step]) > size_of(inverse_[largest][step]) ? i : largest;
            }
            if (largest != step) {
                for (std::size_t r = 0; r < rows(); ++r) {
                    const double kept = inverse_[step][r];
                    inverse_[step][r] = inverse_[largest][r];
                    inverse_[largest][r] = kept;
                }
                const std::size_t kept = order_[step];
                order_[step] = order_[largest];
                order_[largest] = kept;
            }
            for (std::size_t i = step + 1; i < rows(); ++i) {
                const double times =
                    inverse_[step][step] == 0.0 ? 0.0 : inverse_[i][step] / inverse_[step][step];
                inverse_[i][step] = times;
                for (std::size_t r = step + 1; r < rows(); ++r) {
                    subtract_product(inverse_[i][r], times, inverse_[step][r]);
                }
            }
        }
    }

    [[nodiscard]] bool back_solve(double (&x)[most_rows]) const noexcept
    {
        double y[most_rows];
        for (std::size_t i = 0; i < rows(); ++i) {
            double sum = x[order_[i]];
            for (std::size_t r = 0; r < i; ++r) {
                subtract_product(sum, inverse_[i][r], y[r]);
            }
            y[i] = sum;
        }
        for (std::size_t i = rows(); i-- > 0;) {
            double sum = y[i];
            for (std::size_t r = i + 1; r < rows(); ++r) {
                subtract_product(sum, inverse_[i][r], x[r]);
            }
            if (inverse_[i][i] == 0.0) {
                return false;
            }
            x[i] = sum / inverse_[i][i];
        }
        return true;
    }

    static constexpr std::size_t most_candidates = 32;
    static constexpr std::size_t block = 8;

    numbers given_;
    std::size_t pivots_ = 0;
    std::size_t passes_ = 0;
    std::size_t candidate_count_ = 0;
    std::size_t candidates_[most_candidates];
    double lowest_in_[most_columns / block];
    std::size_t basis_[most_rows];
    std::size_t order_[most_rows];
    double values_[most_rows];
    double direction_[most_rows];
    double inverse_[most_rows][most_rows];
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
