// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/stats/result.hpp>
#include <joust/stats/tests/multiplicity.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace stats {

/// Hold the result for one pair of arms among all pairs.
struct judged_pair {
    /// The first arm, by position.
    std::size_t first = 0;
    /// The second arm, by position.
    std::size_t second = 0;
    /// The difference first minus second.
    double difference = not_a_number;
    /// The p-value after correction, or the smallest alpha at which e-BH rejects.
    double adjusted = not_a_number;
    /// True where the pair differs at the chosen level.
    bool differs = false;
    /// Whether the numbers are valid, and why not.
    status state = status::too_few;
};

/// Hold the results of all k (k - 1) / 2 pairs, in the order (0, 1), (0, 2), ..., (k - 2, k - 1).
struct all_pairs_result {
    /// The name of the method, for reports.
    std::string_view method{};
    /// The pairs.
    std::vector<judged_pair> pairs{};
    /// By arm: the number of pairs that differ in its favour.
    std::vector<std::size_t> wins{};
    /// By arm: the number of pairs that differ in favour of the other arm.
    std::vector<std::size_t> losses{};
    /// The number of pairs that differ.
    std::size_t differences = 0;
    /// Whether the numbers are valid, and why not.
    status state = status::too_few;
};

/// A test of two arms by position, first minus second, that returns a `test_result`.
template <class F>
concept pair_test = requires(const F& f, std::size_t arm) {
    { f(arm, arm).p_value } -> std::convertible_to<double>;
    { f(arm, arm).estimate } -> std::convertible_to<double>;
    { f(arm, arm).state } -> std::convertible_to<status>;
};

/// Hold the result of a sequential test of two arms.
struct pair_e_value {
    /// The logarithm of the e-value.
    double log_e = not_a_number;
    /// The difference first minus second.
    double difference = not_a_number;
    /// Whether the numbers are valid, and why not.
    status state = status::ok;
};

namespace detail {

[[nodiscard]] inline all_pairs_result judge_pairs_of(std::size_t arms, std::vector<judged_pair> pairs,
                                                     const multiplicity_result& corrected,
                                                     bool lower_is_better)
{
    all_pairs_result out;
    out.method = corrected.method;
    out.state = corrected.state;
    out.pairs = std::move(pairs);
    out.wins.assign(arms, 0);
    out.losses.assign(arms, 0);
    for (std::size_t i = 0; i < out.pairs.size(); ++i) {
        judged_pair& pair = out.pairs[i];
        pair.adjusted = corrected.adjusted[i];
        pair.differs = corrected.rejected[i] != 0;
        if (pair.differs) {
            ++out.differences;
            const bool first = (pair.difference > 0.0) != lower_is_better;
            ++out.wins[first ? pair.first : pair.second];
            ++out.losses[first ? pair.second : pair.first];
        }
    }
    return out;
}

}  // namespace detail

/// Set up all_pairs.
struct all_pairs_options {
    /// The error that all pairs together may have.
    double alpha = 0.05;
    /// How pairs without a p-value are treated.
    missing_p missing = missing_p::counted;
    /// True where smaller values of the metric are better.
    bool lower_is_better = false;
};

/// Compare every arm with every other at one look: `test(i, j)` for all pairs, corrected by Holm, so that the
/// probability of any false difference is alpha or less.
///
/// When to use: the question is which arms differ from which. When not: only the best arm is wanted; `best_arm` has
/// more power.
/// assumes: what the test assumes, of each pair; nothing about how pairs depend on each other.
/// errors: too_few (fewer than two arms, no p-value), out_of_range (alpha). A pair whose test has no p-value keeps its
///     state; see missing_p.
/// cost: O(k^2) calls of the test for k arms, and O(k^2 log k) for the adjustment.
/// source: Holm 1979.
template <pair_test Test>
[[nodiscard]] all_pairs_result all_pairs(std::size_t arms, const Test& test,
                                         const all_pairs_options& options = {})
{
    std::vector<judged_pair> pairs;
    std::vector<double> p;
    for (std::size_t i = 0; i < arms; ++i) {
        for (std::size_t j = i + 1; j < arms; ++j) {
            const auto result = test(i, j);
            const bool usable = result.state == status::ok;
            pairs.push_back({i, j, static_cast<double>(result.estimate), not_a_number, false, result.state});
            p.push_back(usable ? static_cast<double>(result.p_value) : not_a_number);
        }
    }
    return detail::judge_pairs_of(arms, std::move(pairs),
                                  holm(p, {.alpha = options.alpha, .missing = options.missing}),
                                  options.lower_is_better);
}

/// Compare every arm with every other at any look from e-values: `evidence(i, j)` for all pairs, corrected by e-BH. On
/// average a share alpha of the differences found is false.
///
/// source: Wang and Ramdas 2022.
template <class Evidence>
    requires requires(const Evidence& f, std::size_t arm) {
        { f(arm, arm) } -> std::same_as<pair_e_value>;
    }
[[nodiscard]] all_pairs_result all_pairs(std::size_t arms, const Evidence& evidence,
                                         const all_pairs_options& options = {})
{
    std::vector<judged_pair> pairs;
    std::vector<double> log_e;
    for (std::size_t i = 0; i < arms; ++i) {
        for (std::size_t j = i + 1; j < arms; ++j) {
            const pair_e_value seen = evidence(i, j);
            pairs.push_back({i, j, seen.difference, not_a_number, false, seen.state});
            log_e.push_back(seen.state == status::ok ? seen.log_e : not_a_number);
        }
    }
    return detail::judge_pairs_of(arms, std::move(pairs),
                                  e_bh_log(log_e, {.alpha = options.alpha, .missing = options.missing}),
                                  options.lower_is_better);
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
