// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/random.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace joust {
inline namespace v0 {

/// Map long vectors to a few numbers by fixed random directions, so that an embedding can be watched as a few numeric features.
///
/// Two distributions that differ have different projections for almost all directions. The directions depend on nothing but the
/// seed, so they are the same in training, on every replica and after a restart.
/// shape: `feature<"embedding 0">([p](const Request& r) { return p.value(0, r.embedding); }, bins)`
/// cost: one multiplication for each component and direction
class random_projection {
public:
    /// Draw unit vectors.
    /// errors: configuration_error unless there are 1 to 4,096 components and 1 to 256 directions
    random_projection(std::size_t dimension, std::size_t directions, std::uint64_t seed = 1)
        : dimension_(dimension), directions_(dimension * directions)
    {
        if (dimension == 0 || dimension > 4096 || directions == 0 || directions > 256) {
            throw configuration_error("random_projection.dimension",
                                      std::to_string(dimension) + " components, " +
                                          std::to_string(directions) + " directions",
                                      "1 to 4,096 components and 1 to 256 directions");
        }
        for (std::size_t d = 0; d < directions; ++d) {
            keyed_random random{seed, d};
            double squares = 0.0;
            for (std::size_t i = 0; i < dimension; ++i) {
                const double x = random.normal();
                directions_[d * dimension + i] = x;
                squares += x * x;
            }
            for (std::size_t i = 0; i < dimension; ++i) {
                directions_[d * dimension + i] /= std::sqrt(squares);
            }
        }
    }

    /// Return the number of directions.
    [[nodiscard]] std::size_t directions() const noexcept { return directions_.size() / dimension_; }

    /// Return a vector's component in one direction. A vector of another length has none: NaN, which counts as missing.
    template <class Number>
    [[nodiscard]] double value(std::size_t direction, std::span<const Number> vector) const noexcept
    {
        if (vector.size() != dimension_ || direction >= directions()) {
            return std::nan("");
        }
        double sum = 0.0;
        for (std::size_t i = 0; i < dimension_; ++i) {
            sum += directions_[direction * dimension_ + i] * static_cast<double>(vector[i]);
        }
        return sum;
    }
    /// Return the component of a vector of numbers.
    template <class Number>
    [[nodiscard]] double value(std::size_t direction, const std::vector<Number>& vector) const noexcept
    {
        return value(direction, std::span<const Number>{vector});
    }

private:
    std::size_t dimension_;
    std::vector<double> directions_;
};

}  // namespace v0
}  // namespace joust
