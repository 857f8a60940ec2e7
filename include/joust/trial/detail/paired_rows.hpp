// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/hash.hpp>
#include <joust/core/text.hpp>
#include <joust/evidence/slab.hpp>
#include <joust/inference/inference.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/numeric/roots.hpp>
#include <joust/numeric/student_t.hpp>
#include <joust/stats/moments.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/sequential/score.hpp>
#include <joust/stats/tests/coin.hpp>
#include <joust/stats/tests/paired_proportions.hpp>
#include <joust/trial/row_test.hpp>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

// Comparisons of two models on the same rows.

namespace joust {
inline namespace v0 {

namespace detail {

/// How the answer of one model on one row stands.
enum class answer_kind : std::uint8_t {
    /// There is a value.
    value,
    /// The model threw, or its measurement is marked as failed.
    failed,
    /// The value is NaN.
    unscored,
    /// The metric refuses the value, or the recorded value is empty.
    unusable,
    /// The recorded results do not have the row.
    absent
};

/// The answer of one model on one row.
struct row_answer {
    double value = stats::not_a_number;
    answer_kind kind = answer_kind::absent;
};

/// What became of the rows that a gate was given, for one metric.
///
/// offered = used + only_champion + only_challenger + both
struct row_account {
    std::uint64_t offered = 0;
    /// The rows that both models have a value for. The worst value of the metric stands in for an answer without one.
    std::uint64_t used = 0;
    /// The rows that are not used since the answer of the champion alone could not be scored.
    std::uint64_t only_champion = 0;
    /// The rows that are not used since the answer of the challenger alone could not be scored.
    std::uint64_t only_challenger = 0;
    /// The rows that are not used since neither answer could be scored.
    std::uint64_t both = 0;
    /// The answers, by model, that could not be scored and count as the worst value.
    std::uint64_t at_worst[2] = {0, 0};
    /// The cases, by model, that have several recorded values which differ.
    std::uint64_t contradicted[2] = {0, 0};
    /// The rows without a value of which case and model are unknown.
    std::uint64_t unknown = 0;

    [[nodiscard]] std::uint64_t lost() const noexcept { return only_champion + only_challenger + both; }
};

/// The values of both models on the same rows, and the units of the rows.
struct paired_column {
    std::vector<double> champion;
    std::vector<double> challenger;
    /// The unit of each row. It is empty where every row is a unit of its own.
    std::vector<std::uint64_t> unit;
    /// Whether units are runs of a program, and rows are repetitions in them.
    bool units_are_runs = false;
    /// The champion's values on rows that only the challenger's answer is missing on, and the units of these rows.
    std::vector<double> champion_alone;
    std::vector<std::uint64_t> unit_alone;
    row_account account;
    /// Whether every value is 0 or 1.
    bool binary = true;
    /// The worst value that the metric can have, or NaN if it has none.
    double worst = stats::not_a_number;

    void add(double by_champion, double by_challenger, const std::uint64_t* of_unit)
    {
        champion.push_back(by_champion);
        challenger.push_back(by_challenger);
        if (of_unit != nullptr) {
            unit.push_back(*of_unit);
        }
    }

    /// Add a row, or account for its loss. `of_unit` is null where every row is a unit of its own.
    ///
    /// An answer that cannot be scored has the worst value of the metric. There are exceptions. A row that tells nothing
    /// of either model is not used, since it would only dilute the difference. Nor is a row without a usable value of
    /// the champion, since the worst value would favour the challenger, unless the champion failed there. A case that
    /// recorded results of the challenger do not have is not used either, since it may never have been tried.
    void take(row_answer by_champion, row_answer by_challenger, const std::uint64_t* of_unit)
    {
        ++account.offered;
        const bool has_worst = worst == worst;
        const auto scored = [has_worst](const row_answer& a) {
            return a.kind == answer_kind::value || (has_worst && a.kind == answer_kind::failed);
        };
        const bool first = scored(by_champion);
        const bool second = scored(by_challenger);
        const auto at_worst = [&](row_answer& a, std::size_t model) {
            account.at_worst[model] +=
                a.kind == answer_kind::value || a.kind == answer_kind::failed ? 0U : 1U;
            if (a.kind != answer_kind::value) {
                a = {worst, answer_kind::value};
            }
        };
        if (!first && !second) {
            ++account.both;
            return;
        }
        if (has_worst && (first || by_champion.kind == answer_kind::unscored) &&
            by_challenger.kind != answer_kind::absent) {
            at_worst(by_champion, 0);
            at_worst(by_challenger, 1);
        } else if (!first) {
            ++account.only_champion;
            return;
        } else if (!second) {
            ++account.only_challenger;
            champion_alone.push_back(by_champion.kind == answer_kind::value ? by_champion.value : worst);
            if (of_unit != nullptr) {
                unit_alone.push_back(*of_unit);
            }
            return;
        }
        ++account.used;
        add(by_champion.value, by_challenger.value, of_unit);
    }
};

/// Sums by unit, in a hash table with linear probing.
class unit_sums {
public:
    /// Make room for `most` units.
    explicit unit_sums(std::size_t most) : slots_(std::bit_ceil(2 * most + 2)) {}

    /// Add a row to its unit: a value, and the difference of the models.
    /// assumes: there are no more units than the table has room for
    void add(std::uint64_t unit, double value, double gap) noexcept
    {
        std::size_t at = mix64(unit) & (slots_.size() - 1);
        while (slots_[at].rows > 0.0 && slots_[at].unit != unit) {
            at = (at + 1) & (slots_.size() - 1);
        }
        slot& into = slots_[at];
        count_ += into.rows > 0.0 ? 0U : 1U;
        into = {unit, into.sum + value, into.gap + gap, into.rows + 1.0};
    }

    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

    /// Return the sum of squares of the units' sums of values.
    [[nodiscard]] double squares() const noexcept
    {
        double sum = 0.0;
        for (const slot& each : slots_) {
            sum += each.sum * each.sum;
        }
        return sum;
    }

    /// Return the sum of squares of the units' numbers of rows.
    [[nodiscard]] double squares_of_counts() const noexcept
    {
        double sum = 0.0;
        for (const slot& each : slots_) {
            sum += each.rows * each.rows;
        }
        return sum;
    }

    /// Return the number of units in which the models differ on the whole.
    [[nodiscard]] std::uint64_t differing() const noexcept
    {
        std::uint64_t n = 0;
        for (const slot& each : slots_) {
            n += each.gap != 0.0 ? 1U : 0U;
        }
        return n;
    }

private:
    struct slot {
        std::uint64_t unit = 0;
        double sum = 0.0;
        double gap = 0.0;
        double rows = 0.0;
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
    /// Whether the numbers are those of challenger / champion, and not of a difference.
    bool as_ratio = false;
    /// What is missing where the state is not ok, as a part of a sentence. It may be empty.
    std::string why;

    /// Return this answer with the results of a test on the same rows.
    template <class Found>
    [[nodiscard]] paired_answer with(const Found& found, std::string_view by) const
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
[[nodiscard]] inline paired_answer means_of(const paired_column& rows)
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

/// A test of means needs this many rows, or units where rows have some.
inline constexpr std::uint64_t fewest_rows = 5;

/// With fewer units that differ than this, a design effect cannot be estimated, and a unit counts as one row.
inline constexpr std::uint64_t fewest_differing_units = 10;

/// Say that more rows are needed: "3 rows are too few: at least 5 are needed".
[[nodiscard]] inline std::string too_few_in_words(std::uint64_t seen, std::uint64_t needed,
                                                  const paired_column& rows)
{
    std::string text;
    append_count(text, seen);
    if (rows.units_are_runs) {
        text += seen == 1 ? " run of each model is" : " runs of each model are";
    } else {
        text += rows.unit.empty() ? " row" : " unit";
        text += seen == 1 ? " is" : "s are";
    }
    text += " too few: at least ";
    append_count(text, needed);
    text += " are needed";
    return rows.units_are_runs ? text + ", since repetitions in one process share its luck" : text;
}

/// A comparison of runs needs this many of each model.
inline constexpr std::uint64_t fewest_runs = 4;

/// Return how many rows, or units where rows have some, a test of means needs.
[[nodiscard]] inline std::uint64_t fewest_of(const paired_column& rows) noexcept
{
    return rows.units_are_runs ? fewest_runs : fewest_rows;
}

/// The counts of a table of two answers on each row, which need not be whole numbers.
struct pair_table {
    double both = 0.0;
    double only_challenger = 0.0;
    double only_champion = 0.0;
    double all = 0.0;
};

/// The score statistic of p_challenger = ratio x p_champion on the same rows. A quarter of the distance between
/// neighbouring outcomes is taken off, so that the test keeps its level with few events.
/// source: Nam and Blackwelder 2002, "Analysis of the ratio of marginal probabilities in a matched-pair setting". The
/// restricted estimates are found by the multiplier of the restriction, in which they are linear fractions.
[[nodiscard]] inline double paired_ratio_z(const pair_table& seen, double ratio) noexcept
{
    const double a = seen.both;
    const double b = seen.only_challenger;
    const double c = seen.only_champion;
    const auto slope = [&](double t) {
        // A cell without observations has no term, also where its denominator is 0.
        return (a > 0.0 ? a * (1.0 - ratio) / (1.0 + t * (1.0 - ratio)) : 0.0) +
               (b > 0.0 ? b / (1.0 + t) : 0.0) - (c > 0.0 ? ratio * c / (1.0 - ratio * t) : 0.0);
    };
    // At an end of the range a cell without observations takes what the restriction asks for.
    double spread = 0.0;
    if (b == 0.0 && slope(-1.0) <= 0.0) {
        const double second = c / (1.0 + ratio);
        spread = ratio * second - (1.0 - ratio) * a / ratio + second;
    } else if (c == 0.0 && slope(1.0 / ratio) >= 0.0) {
        const double first = b * ratio / (1.0 + ratio);
        spread = first + ((1.0 - ratio) * a * ratio + first) / ratio;
    } else {
        const auto narrow = [](const stats::detail::bracket& at) {
            return std::fabs(at.with - at.without) <= 1e-15 * (std::fabs(at.with) + 1e-3);
        };
        const double t = stats::detail::bisect(
                             {1.0 / ratio, -1.0}, [&](double x) { return slope(x) >= 0.0; }, narrow)
                             .with;
        spread = b / (1.0 + t) + c / (1.0 - ratio * t);
    }
    const double gap = a + b - ratio * (a + c);
    const double size = std::fabs(gap) - 0.25 * (1.0 + ratio);
    const double variance = ratio * spread;
    return size > 0.0 && variance > 0.0 ? std::copysign(size / std::sqrt(variance), gap) : 0.0;
}

/// Compare the ratio of two proportions on the same rows.
inline void compare_ratio(paired_answer& answer, const pair_table& seen, double z)
{
    answer.as_ratio = true;
    const double by_challenger = seen.both + seen.only_challenger;
    const double by_champion = seen.both + seen.only_champion;
    if (!(by_challenger + by_champion > 0.0)) {
        answer.why =
            "there is no event in either model, so that nothing is known of their ratio; a margin as a difference can be judged";
        return;
    }
    constexpr double infinite = std::numeric_limits<double>::infinity();
    answer.estimate = by_champion > 0.0 ? by_challenger / by_champion : infinite;
    // Limits are searched on the scale r / (1 + r), which is finite for every ratio r.
    const double at = by_challenger / (by_challenger + by_champion);
    const auto ratio_of = [](double share) { return share / (1.0 - share); };
    const auto limit = [&](double end) {
        const auto excluded = [&](double share) {
            return share == end || std::fabs(paired_ratio_z(seen, ratio_of(share))) > z;
        };
        const auto narrow = [](const stats::detail::bracket& b) {
            return std::fabs(b.with - b.without) <= 1e-14 * b.with;
        };
        return stats::detail::bisect({at, end}, excluded, narrow).without;
    };
    answer.lower = by_challenger > 0.0 ? ratio_of(limit(0.0)) : 0.0;
    answer.upper = by_champion > 0.0 ? ratio_of(limit(1.0)) : infinite;
    answer.p_value = 2.0 * stats::normal_sf(std::fabs(paired_ratio_z(seen, 1.0)));
    answer.p_value = answer.p_value < 1.0 ? answer.p_value : 1.0;
    answer.state = status::ok;
}

/// Compare the difference of two proportions on the same rows.
///
/// The exact test and the interval are of two families. Where they disagree about no difference, the more careful one
/// decides: the interval is widened to hold 0, or the p-value is that of the interval's own test.
inline void compare_difference(paired_answer& answer, const pair_table& seen, double z, double alpha,
                               bool independent)
{
    const double gap = seen.only_challenger - seen.only_champion;
    const double differing = seen.only_challenger + seen.only_champion;
    answer.estimate = gap / seen.all;
    answer.lower = stats::detail::tango_limit(seen.only_challenger, seen.only_champion, seen.all, z, -1.0);
    answer.upper = stats::detail::tango_limit(seen.only_challenger, seen.only_champion, seen.all, z, 1.0);
    const double by_score =
        differing > 0.0 ? 2.0 * stats::normal_sf(std::fabs(gap) / std::sqrt(differing)) : 1.0;
    answer.p_value = by_score;
    if (independent) {
        const double exact =
            stats::detail::coin_test(seen.only_challenger, seen.only_champion, false, stats::side::two).p;
        const bool only_exact = exact <= 2.0 * alpha && answer.lower <= 0.0 && answer.upper >= 0.0;
        answer.p_value = only_exact ? std::fmax(exact, by_score) : exact;
    }
    if (answer.p_value > 2.0 * alpha) {
        answer.lower = std::fmin(answer.lower, 0.0);
        answer.upper = std::fmax(answer.upper, 0.0);
    }
    answer.state = status::ok;
}

/// The sums of rows by unit.
struct cluster_sums {
    /// The number of units.
    double units = 0.0;
    /// The sum of squares, over units, of the sums of challenger - ratio * champion - mean.
    double squares = 0.0;
    /// The same over rows.
    double squares_of_rows = 0.0;
    /// The sum of squares, over units, of the numbers of rows.
    double squares_of_counts = 0.0;
    /// The number of units in which the models differ on the whole.
    std::uint64_t differing = 0;
};

[[nodiscard]] inline cluster_sums clusters_of(const paired_column& rows, double ratio, double mean)
{
    const std::size_t n = rows.champion.size();
    cluster_sums out;
    unit_sums units{rows.unit.empty() ? 0 : n};
    for (std::size_t i = 0; i < n; ++i) {
        const double residual = rows.challenger[i] - ratio * rows.champion[i] - mean;
        out.squares_of_rows += residual * residual;
        if (!rows.unit.empty()) {
            units.add(rows.unit[i], residual, rows.challenger[i] - rows.champion[i]);
        }
    }
    if (rows.unit.empty()) {
        out.units = static_cast<double>(n);
        out.squares = out.squares_of_rows;
        return out;
    }
    out.units = static_cast<double>(units.count());
    out.squares = units.squares();
    out.squares_of_counts = units.squares_of_counts();
    out.differing = units.differing();
    return out;
}

/// Return by how much rows of one unit that are alike inflate the variance, at least 1.
[[nodiscard]] inline double design_effect(const cluster_sums& sums, double rows) noexcept
{
    const double alike = sums.squares_of_counts / rows;
    double effect = sums.squares_of_rows > 0.0 ? sums.squares / sums.squares_of_rows *
                                                     (sums.units / (sums.units - 1.0)) * ((rows - 1.0) / rows)
                                               : alike;
    if (sums.differing < fewest_differing_units) {
        effect = std::fmax(effect, alike);
    }
    return effect > 1.0 ? effect : 1.0;
}

/// Compare values of 0 and 1 on the same rows, as a difference or as a ratio to the champion.
[[nodiscard]] inline paired_answer compare_proportions(const paired_column& rows, double ratio, double alpha)
{
    paired_answer answer = means_of(rows);
    const std::size_t n = rows.champion.size();
    pair_table seen{.all = static_cast<double>(n)};
    for (std::size_t i = 0; i < n; ++i) {
        const bool first = rows.champion[i] > 0.5;
        const bool second = rows.challenger[i] > 0.5;
        seen.both += first && second ? 1.0 : 0.0;
        seen.only_challenger += second && !first ? 1.0 : 0.0;
        seen.only_champion += first && !second ? 1.0 : 0.0;
    }
    const bool independent = rows.unit.empty();
    const bool as_ratio = ratio != 1.0;
    answer.method = as_ratio ? (independent ? "paired ratio, score test of Nam and Blackwelder"
                                            : "paired ratio, score test, clusters of units")
                             : (independent ? "McNemar's exact test, Tango's interval"
                                            : "McNemar's test, Tango's interval, clusters of units");
    if (!independent) {
        const cluster_sums sums = clusters_of(rows, ratio, answer.challenger - ratio * answer.champion);
        answer.units = static_cast<std::uint64_t>(sums.units);
        if (answer.units < fewest_of(rows)) {
            answer.state = status::few_clusters;
            answer.why = too_few_in_words(answer.units, fewest_of(rows), rows);
            return answer;
        }
        const double effect = design_effect(sums, seen.all);
        seen = {seen.both / effect, seen.only_challenger / effect, seen.only_champion / effect,
                seen.all / effect};
    }
    // Few units have a variance of their own, as in a t-test.
    const double z = independent
                         ? stats::normal_upper_quantile(alpha)
                         : stats::detail::t_upper_quantile(alpha, static_cast<double>(answer.units) - 1.0);
    if (as_ratio) {
        compare_ratio(answer, seen, z);
    } else {
        compare_difference(answer, seen, z, alpha, independent);
    }
    if (!independent && answer.state == status::ok) {
        const double df = static_cast<double>(answer.units) - 1.0;
        answer.p_value = stats::detail::t_two_sided(stats::normal_upper_quantile(0.5 * answer.p_value), df);
    }
    return answer;
}

/// Compare the mean of challenger - ratio * champion with 0: Student's paired t-test, over units where rows have some.
///
/// Where the difference is the same on every row, there is no variance, and the signs of the differences decide: coins
/// would have to fall alike on all rows.
[[nodiscard]] inline paired_answer compare_means(const paired_column& rows, double ratio, double alpha)
{
    paired_answer answer = means_of(rows);
    const bool independent = rows.unit.empty();
    answer.method = independent           ? "paired t"
                    : rows.units_are_runs ? "paired t of runs"
                                          : "paired t, clusters of units";
    const double n = static_cast<double>(rows.champion.size());
    double mean = answer.challenger - ratio * answer.champion;
    double size = 0.0;
    for (std::size_t i = 0; i < rows.champion.size(); ++i) {
        size = std::fmax(size, std::fabs(rows.challenger[i]) + ratio * std::fabs(rows.champion[i]));
    }
    const cluster_sums sums = clusters_of(rows, ratio, mean);
    answer.units = static_cast<std::uint64_t>(sums.units);
    // What is left of products and differences of equal numbers is rounding.
    constexpr double rounding = 1e-13;
    if (std::fabs(mean) <= rounding * size && sums.squares_of_rows <= n * rounding * rounding * size * size) {
        mean = 0.0;
    }
    answer.estimate = mean;
    const status scarce = independent ? status::too_few : status::few_clusters;
    if (answer.units < fewest_of(rows)) {
        answer.state = scarce;
        answer.why = too_few_in_words(answer.units, fewest_of(rows), rows);
        return answer;
    }
    if (sums.squares_of_rows <= n * rounding * rounding * size * size) {
        answer.p_value = mean == 0.0 ? 1.0 : std::exp2(1.0 - sums.units);
        if (mean != 0.0 && answer.p_value > 2.0 * alpha) {
            const double needed = std::ceil(1.0 - std::log2(2.0 * alpha));
            answer.state = scarce;
            answer.why = too_few_in_words(answer.units, static_cast<std::uint64_t>(needed), rows);
            return answer;
        }
        answer.lower = mean;
        answer.upper = mean;
        answer.state = status::ok;
        return answer;
    }
    const double df = sums.units - 1.0;
    const double error = std::sqrt(sums.squares * sums.units / df) / n;
    const double reach = stats::detail::t_upper_quantile(alpha, df) * error;
    answer.lower = mean - reach;
    answer.upper = mean + reach;
    answer.p_value = error > 0.0 ? stats::detail::t_two_sided(mean / error, df) : mean == 0.0 ? 1.0 : 0.0;
    answer.state = status::ok;
    return answer;
}

/// Compare challenger and champion on the same rows, clustered by unit, with a two-sided interval at 2 alpha. A ratio
/// other than 1 compares with that multiple of the champion.
[[nodiscard]] inline paired_answer compare_paired(const paired_column& rows, double ratio, double alpha)
{
    if (rows.champion.empty()) {
        return means_of(rows);
    }
    return rows.binary ? compare_proportions(rows, ratio, alpha) : compare_means(rows, ratio, alpha);
}

/// Keep the interval of two proportions within what is possible.
inline void keep_possible(paired_answer& answer, const paired_column& rows, double ratio) noexcept
{
    if (rows.binary && !answer.as_ratio) {
        answer.lower = answer.lower < -ratio ? -ratio : answer.lower;
        answer.upper = answer.upper > 1.0 ? 1.0 : answer.upper;
    }
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
    answer = answer.with(found, found.method);
    keep_possible(answer, rows, ratio);
    std::uint64_t filled = 0;
    for (const double n : count) {
        filled += n > 0.0 ? 1U : 0U;
    }
    constexpr std::uint64_t fewest_buckets = stats::score_options{}.min_buckets;
    if (answer.state != status::ok && filled < fewest_buckets) {
        answer.why = too_few_in_words(filled, fewest_buckets, rows);
    }
    return answer;
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
    answer = answer.with(found, found.method);
    keep_possible(answer, rows, ratio);
    return answer;
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
