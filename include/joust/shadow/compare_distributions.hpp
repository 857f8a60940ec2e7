// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/divergence.hpp>
#include <joust/shadow/comparator.hpp>
#include <joust/shadow/compare_vectors.hpp>

#include <cmath>
#include <cstdint>

namespace joust {
inline namespace v0 {

/// The ways to measure how far two probability distributions lie apart. P is the champion's, Q the challenger's.
enum class divergence : std::uint8_t {
    /// The largest difference of the probability of any set of classes: half the sum of |p - q|. From 0 to 1.
    total_variation,
    /// The Hellinger distance, sqrt(sum (sqrt p - sqrt q)^2 / 2). From 0 to 1.
    hellinger,
    /// The Jensen-Shannon divergence in nats. From 0 to ln 2.
    jensen_shannon,
    /// The Kullback-Leibler divergence of P from Q in nats, sum p ln(p / q). It is infinite where Q excludes what P does not.
    kullback_leibler,
};

/// Agree when two distributions over the same classes lie at most `at_most` apart.
///
/// Each list is divided by its sum, so that counts and unnormalised scores may be given. Lists of different lengths, negative
/// numbers, NaN, and lists of zeros cannot be compared.
/// When to use: classifiers whose probabilities are used, such as for thresholds or a cascade. When not: where only the label
/// counts; take `label_match`.
/// units: those of the divergence
/// cost: 2 to 15 ns for each class
struct distribution_distance {
    /// How the distance is measured.
    divergence by = divergence::total_variation;
    /// The largest distance that agrees.
    double at_most = 0.01;

    /// Compare two distributions.
    template <class Champion, class Challenger>
    [[nodiscard]] constexpr comparison compare(const Champion& champion, const Challenger& challenger) const
    {
        static_assert(
            detail::holds_numbers<Champion> && detail::holds_numbers<Challenger>,
            "joust: distribution_distance compares lists of probabilities; for a struct with such a list write part(&Answer::probabilities, distribution_distance{})");
        double m = 0.0;
        double n = 0.0;
        bool possible = true;
        const bool alike = detail::for_pairs(champion, challenger, [&](double p, double q) {
            possible = possible && p >= 0.0 && q >= 0.0;
            m += p;
            n += q;
        });
        if (!alike || !possible || !(m > 0.0) || !(n > 0.0) || !std::isfinite(m) || !std::isfinite(n)) {
            return detail::incomparable;
        }
        double sum = 0.0;
        static_cast<void>(
            detail::for_pairs(champion, challenger, [&](double p, double q) { sum += term(p / m, q / n); }));
        double distance = sum;
        if (by == divergence::total_variation) {
            distance = 0.5 * sum;
        } else if (by == divergence::hellinger) {
            distance = std::sqrt(0.5 * sum);
        }
        return {distance <= at_most, distance};
    }

    bool operator==(const distribution_distance&) const = default;

private:
    [[nodiscard]] double term(double p, double q) const noexcept
    {
        switch (by) {
            case divergence::total_variation: return std::fabs(p - q);
            case divergence::hellinger: {
                const double apart = std::sqrt(p) - std::sqrt(q);
                return apart * apart;
            }
            case divergence::jensen_shannon: return p + q == 0.0 ? 0.0 : stats::detail::js_term(p, q, p - q);
            case divergence::kullback_leibler: break;
        }
        return p + q == 0.0 ? 0.0 : stats::detail::kl_term(p, q, p - q);
    }
};

}  // namespace v0
}  // namespace joust
