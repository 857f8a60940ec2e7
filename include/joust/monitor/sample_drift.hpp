// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/stats/result.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <span>
#include <vector>

namespace joust {
inline namespace v0 {
namespace drift {

// Distances between two samples of numbers, which keep every value, where the measures of monitor/drift.hpp take counts of fixed bins. NaN and infinity
// are left out and counted. A distance alone is not an alarm.

/// Hold a distance between two samples.
/// cost: O(1)
struct sample_distance {
    /// The value.
    double value = stats::not_a_number;
    /// How many values of both samples were left out because they are NaN or infinite.
    std::size_t left_out = 0;
    /// Whether the value is valid: `too_few` where a sample has no finite value, `zero_variance` where the distance is divided by 0.
    status state = status::too_few;
};

namespace detail {

struct sorted_samples {
    std::vector<double> reference;
    std::vector<double> live;
    std::size_t left_out = 0;

    sorted_samples(std::span<const double> first, std::span<const double> second)
        : reference(sorted(first)), live(sorted(second)),
          left_out(first.size() + second.size() - reference.size() - live.size())
    {
    }
    [[nodiscard]] bool usable() const noexcept { return !reference.empty() && !live.empty(); }

private:
    static std::vector<double> sorted(std::span<const double> values)
    {
        std::vector<double> kept;
        kept.reserve(values.size());
        std::copy_if(values.begin(), values.end(), std::back_inserter(kept),
                     [](double x) { return std::isfinite(x); });
        std::sort(kept.begin(), kept.end());
        return kept;
    }
};

/// Visit the steps of both distribution functions: visit(value, rows of the reference up to it, live rows up to it).
template <class Visit>
void for_each_step(const sorted_samples& of, Visit&& visit)
{
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < of.reference.size() || j < of.live.size()) {
        const double next = j == of.live.size() || (i < of.reference.size() && of.reference[i] <= of.live[j])
                                ? of.reference[i]
                                : of.live[j];
        while (i < of.reference.size() && of.reference[i] == next) {
            ++i;
        }
        while (j < of.live.size() && of.live[j] == next) {
            ++j;
        }
        visit(next, i, j);
    }
}

/// Integrate a function of F - G, which is given as i n - j m, over all numbers. The function divides by what is due.
template <class Of>
[[nodiscard]] double integral_over_gap(const sorted_samples& of, Of&& gap)
{
    const auto m = static_cast<double>(of.reference.size());
    const auto n = static_cast<double>(of.live.size());
    double sum = 0.0;
    double before = 0.0;
    double height = 0.0;
    for_each_step(of, [&](double value, std::size_t i, std::size_t j) {
        if (height != 0.0) {
            sum += height * (value - before);
        }
        height = gap(static_cast<double>(i) * n - static_cast<double>(j) * m);
        before = value;
    });
    return sum;
}

}  // namespace detail

/// Return the Kolmogorov-Smirnov statistic sup |F - G|. It does not change under an increasing map of all values.
///
/// For a p-value see `stats::ks_two_sample`; with a million rows it rejects a shift of 0.005 standard deviations.
/// cost: two sorts; a hundredth of that by `ks_binned`
[[nodiscard]] inline sample_distance ks(std::span<const double> reference, std::span<const double> live)
{
    const detail::sorted_samples of{reference, live};
    sample_distance result{.left_out = of.left_out};
    if (of.usable()) {
        const auto m = static_cast<double>(of.reference.size());
        const auto n = static_cast<double>(of.live.size());
        double largest = 0.0;
        detail::for_each_step(of, [&](double, std::size_t i, std::size_t j) {
            const double gap = std::abs(static_cast<double>(i) * n - static_cast<double>(j) * m);
            largest = gap > largest ? gap : largest;
        });
        result.value = largest / (m * n);
        result.state = status::ok;
    }
    return result;
}

/// Return the Wasserstein-1 distance, the integral of |F - G|: how far a value moves on average. It has the unit of the values.
/// cost: two sorts
[[nodiscard]] inline sample_distance wasserstein_1(std::span<const double> reference,
                                                   std::span<const double> live)
{
    const detail::sorted_samples of{reference, live};
    sample_distance result{.left_out = of.left_out};
    if (of.usable()) {
        const double pairs = static_cast<double>(of.reference.size()) * static_cast<double>(of.live.size());
        result.value = detail::integral_over_gap(of, [](double gap) { return std::abs(gap); }) / pairs;
        result.state = status::ok;
    }
    return result;
}

/// Return the Wasserstein-1 distance divided by the standard deviation of the reference (of the population: divided by the number of rows).
///
/// With the customary limit of 0.1, samples of 1,001 equal lognormal rows pass it in one of six cases by chance.
/// errors: `zero_variance` where all values of the reference are equal; other tools divide by 0.001 then
/// cost: two sorts
[[nodiscard]] inline sample_distance wasserstein_1_over_sd(std::span<const double> reference,
                                                           std::span<const double> live)
{
    sample_distance result = wasserstein_1(reference, live);
    if (result.state != status::ok) {
        return result;
    }
    double rows = 0.0;
    double mean = 0.0;
    double squares = 0.0;
    for (const double x : reference) {
        if (std::isfinite(x)) {
            rows += 1.0;
            const double step = x - mean;
            mean += step / rows;
            squares += step * (x - mean);
        }
    }
    const double sd = std::sqrt(squares / rows);
    result.value = sd > 0.0 ? result.value / sd : stats::not_a_number;
    result.state = sd > 0.0 ? status::ok : status::zero_variance;
    return result;
}

/// Return the energy distance sqrt(2 integral (F - G)^2). It has the unit of the root of the values, so that a fixed limit depends
/// on their scale.
/// cost: two sorts
/// source: Szekely and Rizzo (2013)
[[nodiscard]] inline sample_distance energy_distance(std::span<const double> reference,
                                                     std::span<const double> live)
{
    const detail::sorted_samples of{reference, live};
    sample_distance result{.left_out = of.left_out};
    if (of.usable()) {
        const double pairs = static_cast<double>(of.reference.size()) * static_cast<double>(of.live.size());
        result.value =
            std::sqrt(2.0 * detail::integral_over_gap(of, [](double gap) { return gap * gap; })) / pairs;
        result.state = status::ok;
    }
    return result;
}

/// Return the two-sample Cramer-von Mises statistic T, with mid-ranks for ties.
/// cost: two sorts
/// source: Anderson (1962), On the distribution of the two-sample Cramer-von Mises criterion
[[nodiscard]] inline sample_distance cramer_von_mises(std::span<const double> reference,
                                                      std::span<const double> live)
{
    const detail::sorted_samples of{reference, live};
    sample_distance result{.left_out = of.left_out};
    if (!of.usable()) {
        return result;
    }
    const auto m = static_cast<double>(of.reference.size());
    const auto n = static_cast<double>(of.live.size());
    double of_reference = 0.0;
    double of_live = 0.0;
    std::size_t i_before = 0;
    std::size_t j_before = 0;
    detail::for_each_step(of, [&](double, std::size_t i, std::size_t j) {
        const double rank = 0.5 * (static_cast<double>(i_before + j_before + 1) + static_cast<double>(i + j));
        for (std::size_t k = i_before + 1; k <= i; ++k) {
            const double gap = rank - static_cast<double>(k);
            of_reference += gap * gap;
        }
        for (std::size_t k = j_before + 1; k <= j; ++k) {
            const double gap = rank - static_cast<double>(k);
            of_live += gap * gap;
        }
        i_before = i;
        j_before = j;
    });
    const double u = m * of_reference + n * of_live;
    result.value = (6.0 * u - m * n * (4.0 * m * n - 1.0)) / (6.0 * m * n * (m + n));
    result.state = status::ok;
    return result;
}

/// Return the probability that a live value is larger than one of the reference, with ties counted half: the area under the curve of
/// the best classifier of one feature that looks at its order. 0.5 means no shift.
/// cost: two sorts
[[nodiscard]] inline sample_distance auc_live_over_reference(std::span<const double> reference,
                                                             std::span<const double> live)
{
    const detail::sorted_samples of{reference, live};
    sample_distance result{.left_out = of.left_out};
    if (of.usable()) {
        double twice = 0.0;
        std::size_t i_before = 0;
        std::size_t j_before = 0;
        detail::for_each_step(of, [&](double, std::size_t i, std::size_t j) {
            twice += static_cast<double>(j - j_before) * static_cast<double>(i + i_before);
            i_before = i;
            j_before = j;
        });
        result.value =
            0.5 * twice / (static_cast<double>(of.reference.size()) * static_cast<double>(of.live.size()));
        result.state = status::ok;
    }
    return result;
}

}  // namespace drift
}  // namespace v0
}  // namespace joust
