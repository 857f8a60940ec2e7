// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/hash.hpp>
#include <joust/evidence/slab.hpp>
#include <joust/inference/inference.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/stats/moments.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/tests/paired_proportions.hpp>
#include <joust/trial/row_test.hpp>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

// Comparisons of two models on the same rows.

namespace joust {
inline namespace v0 {

namespace detail {

/// The values of both models on the same rows, and the units of the rows.
struct paired_column {
    std::vector<double> champion;
    std::vector<double> challenger;
    /// The unit of each row. It is empty where every row is a unit of its own.
    std::vector<std::uint64_t> unit;
    /// The number of rows on which a model failed, or whose value could not be used.
    std::uint64_t dropped = 0;
    bool binary = true;
};

/// Sums by unit, in a hash table with linear probing.
class unit_sums {
public:
    /// Make room for `most` units.
    explicit unit_sums(std::size_t most) : slots_(std::bit_ceil(2 * most + 2)) {}

    /// Add a value to the sum of a unit.
    /// assumes: there are no more units than the table has room for
    void add(std::uint64_t unit, double value) noexcept
    {
        std::size_t at = mix64(unit) & (slots_.size() - 1);
        while (slots_[at].used && slots_[at].unit != unit) {
            at = (at + 1) & (slots_.size() - 1);
        }
        count_ += slots_[at].used ? 0U : 1U;
        slots_[at] = {unit, slots_[at].sum + value, true};
    }

    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

    [[nodiscard]] double squares() const noexcept
    {
        double sum = 0.0;
        for (const slot& each : slots_) {
            sum += each.sum * each.sum;
        }
        return sum;
    }

private:
    struct slot {
        std::uint64_t unit = 0;
        double sum = 0.0;
        bool used = false;
    };

    std::vector<slot> slots_;
    std::uint64_t count_ = 0;
};

/// A paired comparison. The bound that matters is the limit on the side of harm, with the one-sided error rate alpha.
struct paired_answer {
    std::string_view method;
    double champion = stats::not_a_number;
    double challenger = stats::not_a_number;
    double estimate = stats::not_a_number;
    double lower = stats::not_a_number;
    double upper = stats::not_a_number;
    /// The p-value of no difference.
    double p_value = stats::not_a_number;
    std::uint64_t units = 0;
    status state = status::too_few;

    /// Return this answer with the results of a test on the same rows.
    template <class Found>
    [[nodiscard]] paired_answer with(const Found& found, std::string_view by) const noexcept
    {
        paired_answer all = *this;
        all.method = by;
        all.estimate = found.estimate;
        all.lower = found.lower;
        all.upper = found.upper;
        all.p_value = found.p_value;
        all.state = found.state;
        return all;
    }
};

/// Return the means of both models and the number of rows.
[[nodiscard]] inline paired_answer means_of(const paired_column& rows) noexcept
{
    stats::moments first;
    stats::moments second;
    for (std::size_t i = 0; i < rows.champion.size(); ++i) {
        first.add(rows.champion[i]);
        second.add(rows.challenger[i]);
    }
    paired_answer answer;
    answer.units = rows.champion.size();
    if (answer.units > 0) {
        answer.champion = first.mean();
        answer.challenger = second.mean();
    }
    return answer;
}

/// Compare challenger - ratio * champion, paired by row and clustered by unit, with a two-sided interval at 2 alpha.
[[nodiscard]] inline paired_answer compare_paired(const paired_column& rows, double ratio, double alpha)
{
    paired_answer answer = means_of(rows);
    const std::size_t n = rows.champion.size();
    const double z = stats::normal_quantile(1.0 - alpha);
    if (n == 0) {
        return answer;
    }
    if (rows.binary && rows.unit.empty() && ratio == 1.0) {
        std::uint64_t only_challenger = 0;
        std::uint64_t only_champion = 0;
        for (std::size_t i = 0; i < n; ++i) {
            only_challenger += rows.challenger[i] > rows.champion[i] ? 1U : 0U;
            only_champion += rows.challenger[i] < rows.champion[i] ? 1U : 0U;
        }
        const auto exact = stats::mcnemar(only_challenger, only_champion, n, {.alpha = 2.0 * alpha});
        return answer.with(exact, "McNemar's exact test, Tango's interval");
    }
    // The ratio estimator over units divides the sum of differences by the number of rows.
    const double mean = answer.challenger - ratio * answer.champion;
    unit_sums residuals{n};
    for (std::size_t i = 0; i < n; ++i) {
        residuals.add(rows.unit.empty() ? i : rows.unit[i],
                      rows.challenger[i] - ratio * rows.champion[i] - mean);
    }
    const double squares = residuals.squares();
    const std::uint64_t units = residuals.count();
    answer.units = units;
    answer.estimate = mean;
    answer.method = rows.unit.empty() ? "paired z" : "paired z, clusters of units";
    if (units < 30) {
        answer.state = rows.unit.empty() ? status::too_few : status::few_clusters;
        return answer;
    }
    const double count = static_cast<double>(units);
    const double error = std::sqrt(squares * count / (count - 1.0)) / static_cast<double>(n);
    answer.lower = mean - z * error;
    answer.upper = mean + z * error;
    // Where every row has the same difference, the standard error is 0.
    answer.p_value = error > 0.0 ? 2.0 * stats::normal_sf(std::fabs(mean) / error) : 1.0;
    answer.state = status::ok;
    return answer;
}

/// Compare by an inference policy, over hashed buckets of units or of rows.
template <paired_inference_policy Policy>
[[nodiscard]] paired_answer compare_paired(const Policy& policy, const paired_column& rows, double ratio,
                                           double alpha)
{
    paired_answer answer = means_of(rows);
    std::vector<double> difference(bucket_count);
    std::vector<double> count(bucket_count);
    double differing = 0.0;
    for (std::size_t i = 0; i < rows.champion.size(); ++i) {
        const double d = rows.challenger[i] - ratio * rows.champion[i];
        const std::size_t bucket = bucket_of(mix64(rows.unit.empty() ? i : rows.unit[i]));
        difference[bucket] += d;
        count[bucket] += 1.0;
        differing += d != 0.0 ? 1.0 : 0.0;
    }
    test_memory memory;
    const inference found =
        judge_pairs(policy, {.difference = difference, .count = count, .champion = answer.champion},
                    differing, 2.0 * alpha, memory);
    return answer.with(found, found.method);
}

/// Compare by a test that takes into account how rows depend on each other.
template <row_test Test>
[[nodiscard]] paired_answer compare_rows(const Test& test, const paired_column& rows, double ratio,
                                         double alpha)
{
    paired_answer answer = means_of(rows);
    std::vector<double> champion{rows.champion};
    for (double& value : champion) {
        value *= ratio;
    }
    const stats::test_result found = test.test_rows(rows.challenger, champion, {.alpha = 2.0 * alpha});
    return answer.with(found, found.method);
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
