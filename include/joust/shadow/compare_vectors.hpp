// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/shadow/comparator.hpp>

#include <cmath>
#include <cstddef>
#include <iterator>
#include <type_traits>

// Comparators of vectors of numbers, such as embeddings: standard containers, arrays, and vectors and matrices of Eigen. Elements
// of an Eigen matrix are taken in the order of its storage, so both models have to return the same kind of matrix.

namespace joust {
inline namespace v0 {
namespace detail {

// What holds its numbers in one block, as containers do and matrices of Eigen.
template <class T>
concept contiguous_numbers = requires(const T& list) {
    *list.data();
    list.size();
} && number<std::remove_cvref_t<decltype(*std::declval<const T&>().data())>>;

template <class T>
inline constexpr bool holds_numbers = [] {
    if constexpr (contiguous_numbers<T>) {
        return true;
    } else if constexpr (listing<T>) {
        return number<std::remove_cvref_t<decltype(*std::begin(std::declval<const T&>()))>>;
    } else {
        return false;
    }
}();

// Call f(x, y) for each pair of elements; returns false where the lengths or the shapes differ.
template <class Champion, class Challenger, class F>
[[nodiscard]] constexpr bool for_pairs(const Champion& champion, const Challenger& challenger, F f)
{
    if constexpr (requires {
                      champion.rows() == challenger.rows() && champion.cols() == challenger.cols();
                  }) {
        if (champion.rows() != challenger.rows() || champion.cols() != challenger.cols()) {
            return false;
        }
    }
    if constexpr (contiguous_numbers<Champion> && contiguous_numbers<Challenger>) {
        const auto n = static_cast<std::size_t>(champion.size());
        if (n != static_cast<std::size_t>(challenger.size())) {
            return false;
        }
        for (std::size_t i = 0; i < n; ++i) {
            f(static_cast<double>(champion.data()[i]), static_cast<double>(challenger.data()[i]));
        }
        return true;
    } else {
        auto left = std::begin(champion);
        auto right = std::begin(challenger);
        for (; left != std::end(champion) && right != std::end(challenger); ++left, ++right) {
            f(static_cast<double>(*left), static_cast<double>(*right));
        }
        return left == std::end(champion) && right == std::end(challenger);
    }
}

}  // namespace detail

/// Agree when two vectors point in nearly the same direction: 1 minus the cosine of their angle is at most `at_most`.
///
/// Two vectors of zeros agree; a vector of zeros and another one disagree with distance 1.
/// When to use: embeddings that are compared by their angle. When not: vectors whose length matters.
/// units: the distance is 1 - cosine, from 0 to 2
/// cost: 1 ns for each element
struct cosine_distance {
    /// The largest distance that agrees.
    double at_most = 0.01;

    /// Compare two vectors.
    template <class Champion, class Challenger>
    [[nodiscard]] constexpr comparison compare(const Champion& champion, const Challenger& challenger) const
    {
        static_assert(
            detail::holds_numbers<Champion> && detail::holds_numbers<Challenger>,
            "joust: cosine_distance compares vectors of numbers; for a struct with a vector write part(&Answer::embedding, cosine_distance{})");
        // Scaled by the largest element, so that squares neither overflow nor vanish.
        double largest_a = 0.0;
        double largest_b = 0.0;
        bool equal = true;
        if (!detail::for_pairs(champion, challenger, [&](double a, double b) {
                largest_a = std::fabs(a) > largest_a || std::isnan(a) ? std::fabs(a) : largest_a;
                largest_b = std::fabs(b) > largest_b || std::isnan(b) ? std::fabs(b) : largest_b;
                equal = equal && a == b;
            })) {
            return detail::incomparable;
        }
        if (!std::isfinite(largest_a) || !std::isfinite(largest_b)) {
            return detail::incomparable;
        }
        if (equal) {
            return {true, 0.0};
        }
        if (largest_a == 0.0 || largest_b == 0.0) {
            return {1.0 <= at_most, 1.0};
        }
        double aa = 0.0;
        double bb = 0.0;
        static_cast<void>(detail::for_pairs(champion, challenger, [&](double a, double b) {
            aa += (a / largest_a) * (a / largest_a);
            bb += (b / largest_b) * (b / largest_b);
        }));
        // With unit vectors u and v, 1 - u v is |u - v|^2 / 2, which keeps its digits where the angle is small.
        const double length_a = largest_a * std::sqrt(aa);
        const double length_b = largest_b * std::sqrt(bb);
        double squares = 0.0;
        static_cast<void>(detail::for_pairs(champion, challenger, [&](double a, double b) {
            const double apart = a / length_a - b / length_b;
            squares += apart * apart;
        }));
        const double distance = 0.5 * squares;
        return {distance <= at_most, distance};
    }

    bool operator==(const cosine_distance&) const = default;
};

/// Agree when the Euclidean distance of two vectors is at most `at_most`, or at most the share `relative` of the longer one.
///
/// When to use: vectors whose length matters, such as predicted positions. When not: lists in which each element has its own
/// limit; take `tolerance`.
/// units: those of the elements
/// cost: 1 ns for each element
struct euclidean_distance {
    /// The largest distance that agrees.
    double at_most = 0.0;
    /// The largest distance that agrees, as a share of the length of the longer vector.
    double relative = 0.0;

    /// Compare two vectors.
    template <class Champion, class Challenger>
    [[nodiscard]] constexpr comparison compare(const Champion& champion, const Challenger& challenger) const
    {
        static_assert(
            detail::holds_numbers<Champion> && detail::holds_numbers<Challenger>,
            "joust: euclidean_distance compares vectors of numbers; for a struct with a vector write part(&Answer::position, euclidean_distance{})");
        double length_a = 0.0;
        double length_b = 0.0;
        double distance = 0.0;
        if (!detail::for_pairs(champion, challenger, [&](double a, double b) {
                length_a = std::hypot(length_a, a);
                length_b = std::hypot(length_b, b);
                distance = std::hypot(distance, a - b);
            })) {
            return detail::incomparable;
        }
        if (!std::isfinite(distance)) {
            return detail::incomparable;
        }
        return {distance <= at_most || distance <= relative * std::fmax(length_a, length_b), distance};
    }

    bool operator==(const euclidean_distance&) const = default;
};

}  // namespace v0
}  // namespace joust
