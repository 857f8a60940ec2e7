// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/evidence/evidence.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/inference/always_valid.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/inference/inference.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/stats/sequential/beta_mixture.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>
#include <joust/stats/sequential/score.hpp>
#include <joust/stats/tests/sign_test.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

// The evidence of an interleaving trial and what it shows. It is a joust::evidence with these series for each challenger:
// - "exposures": slates by bucket of units;
// - "failures": failures by bucket;
// - "credit": the credit of each side by bucket;
// - "preference": slates that prefer each side by bucket, and in the challenger's root slates with a clicked slot that
// counts;
// - "positions": how often each side was credited at each of 64 positions, followed by plain counters.

namespace joust {
inline namespace v0 {
namespace detail {

inline constexpr std::size_t credit_series = 2;
inline constexpr std::size_t preference_series = 3;
inline constexpr std::size_t position_series = 4;

/// The counters that follow the positions.
enum class slate_count : std::size_t {
    /// Feedback for a slot that credits no ranker.
    neutral_feedback = 64,
    /// Feedback for a position beyond the slate.
    not_shown,
    /// Slates that showed the champion's list, because a challenger failed.
    alone,
    /// Lists of rankers that missed their deadline.
    late
};

/// Return the sum of a series over all buckets.
[[nodiscard]] inline double total(const std::vector<double>& sums) noexcept
{
    double sum = 0.0;
    for (const double x : sums) {
        sum += x;
    }
    return sum;
}

/// The data of a paired test: the challenger's credit minus the champion's in each bucket, and the slates.
struct paired_credit {
    std::vector<double> difference;
    const std::vector<double>& slates;
    double champion = 0.0;
    double challenger = 0.0;
    /// The number of pieces of feedback that earned credit.
    double credited = 0.0;

    explicit paired_credit(const pair_evidence& pair)
        : difference(pair.series[credit_series].challenger), slates(pair.series[exposure_series].champion)
    {
        const bucket_sums& credit = pair.series[credit_series];
        for (std::size_t b = 0; b < difference.size(); ++b) {
            difference[b] -= credit.champion[b];
        }
        champion = total(credit.champion);
        challenger = total(credit.challenger);
        credited = static_cast<double>(credit.champion_count + credit.challenger_count);
    }

    /// Compare two challengers of one trial: the credit of the second minus the credit of the first.
    paired_credit(const pair_evidence& first, const pair_evidence& second)
        : difference(second.series[credit_series].challenger), slates(second.series[exposure_series].champion)
    {
        const bucket_sums& credit = first.series[credit_series];
        for (std::size_t b = 0; b < difference.size(); ++b) {
            difference[b] -= credit.challenger[b];
        }
        champion = total(credit.challenger);
        challenger = total(second.series[credit_series].challenger);
        credited =
            static_cast<double>(credit.challenger_count + second.series[credit_series].challenger_count);
    }
};

template <class Policy>
[[nodiscard]] inference judge_credit(const Policy& policy, const paired_credit& seen, double alpha,
                                     test_memory& memory)
{
    const double slates = total(seen.slates);
    const double champion = slates > 0.0 ? seen.champion / slates : stats::not_a_number;
    // Half of the credited feedback is expected on the challenger's side.
    inference answer =
        judge_pairs(policy, {.difference = seen.difference, .count = seen.slates, .champion = champion},
                    0.5 * seen.credited, alpha, memory);
    answer.champion = champion;
    answer.challenger = slates > 0.0 ? seen.challenger / slates : stats::not_a_number;
    return answer;
}

/// Judge the challenger's credit against the champion's. Under the null hypothesis the coins make each bucket's difference
/// symmetric.
template <class Policy>
[[nodiscard]] inference judge_credit(const Policy& policy, const pair_evidence& pair, double alpha,
                                     test_memory& memory)
{
    return judge_credit(policy, paired_credit{pair}, alpha, memory);
}

/// Judge the credit of the second challenger against the first one's.
template <class Policy>
[[nodiscard]] inference judge_credit(const Policy& policy, const pair_evidence& first,
                                     const pair_evidence& second, double alpha, test_memory& memory)
{
    return judge_credit(policy, paired_credit{first, second}, alpha, memory);
}

/// Return a sum of whole numbers as a count. Evidence that was collected while threads serve can be one short of 0 for a
/// moment, and evidence from elsewhere can hold any number.
[[nodiscard]] inline double as_count(double sum) noexcept
{
    return std::fmin(std::fmax(sum, 0.0), 9007199254740992.0);
}

/// The numbers of slates that prefer each side.
struct win_counts {
    /// Slates that prefer the challenger.
    double won = 0.0;
    /// Slates that prefer the champion.
    double lost = 0.0;
    /// Slates with feedback that counts, ties included.
    double clicked = 0.0;

    explicit win_counts(const pair_evidence& pair)
        : won(as_count(total(pair.series[preference_series].challenger))),
          lost(as_count(total(pair.series[preference_series].champion))),
          clicked(as_count(total(pair.series[preference_series].challenger_root)))
    {
    }
    win_counts(double challenger, double champion) noexcept
        : won(as_count(challenger)), lost(as_count(champion))
    {
    }
};

/// Return the logarithm of the beta-mixture e-value against a probability `p` of a win, for 0 < p < 1. It is exact at
/// every look for coins that are fair given all earlier ones.
[[nodiscard]] inline double beta_mixture_log_e(const win_counts& seen, double p) noexcept
{
    return stats::beta_mixture_log_e(static_cast<std::uint64_t>(seen.won),
                                     static_cast<std::uint64_t>(seen.lost), {.null = p});
}

/// Return the share of wins with its confidence sequence, which holds the probabilities whose e-value stays below 1 /
/// alpha.
[[nodiscard]] inline inference judge_wins(const win_counts& seen, double alpha)
{
    inference answer;
    answer.method = "sign test of slates, beta mixture";
    const double decided = seen.won + seen.lost;
    if (!(decided > 0.0)) {
        return answer;
    }
    answer.state = status::ok;
    answer.challenger = seen.won / decided;
    answer.champion = seen.lost / decided;
    answer.estimate = answer.challenger;
    answer.log_e = beta_mixture_log_e(seen, 0.5);
    answer.p_value = stats::always_valid_p(answer.log_e);
    const stats::bounds ends = stats::beta_mixture_interval(static_cast<std::uint64_t>(seen.won),
                                                            static_cast<std::uint64_t>(seen.lost), alpha);
    answer.lower = ends.lower;
    answer.upper = ends.upper;
    return answer;
}

/// Return the share of wins of a trial under any inference policy but fixed_horizon. It holds at every look.
template <class Policy>
[[nodiscard]] inference judge_wins(const Policy&, const pair_evidence& pair, double alpha)
{
    return judge_wins(win_counts{pair}, alpha);
}

/// Return the share of wins of a trial with a single look, by a sign test, which has more power.
[[nodiscard]] inline inference judge_wins(const fixed_horizon& policy, const pair_evidence& pair,
                                          double alpha)
{
    const win_counts seen{pair};
    // The sign test counts slates that prefer a side. Adding one half turns its estimate into a share.
    const stats::sign_test_result tested = stats::sign_test(
        static_cast<std::uint64_t>(seen.won), static_cast<std::uint64_t>(seen.lost), 0, {.alpha = alpha});
    inference answer;
    answer.method = tested.method;
    answer.state = tested.state;
    if (tested.state != status::ok) {
        return answer;
    }
    answer.estimate = tested.estimate + 0.5;
    answer.challenger = answer.estimate;
    answer.champion = 1.0 - answer.estimate;
    if (total(pair.series[exposure_series].champion) < policy.units) {
        answer.state = status::before_planned_sample;
        return answer;
    }
    answer.lower = tested.lower + 0.5;
    answer.upper = tested.upper + 0.5;
    answer.p_value = tested.p_value;
    return answer;
}

/// Judge whether each position was credited to both sides equally often, as the interleaver's coins promise.
///
/// The answer has the shares of the champion and the challenger at the position that deviates most.
[[nodiscard]] inline inference judge_positions(const pair_evidence& pair)
{
    const bucket_sums& credited = pair.series[position_series];
    inference answer;
    answer.method = "beta mixture for each position, averaged";
    double sum = 0.0;
    double positions = 0.0;
    double strayed = -1.0;
    for (std::size_t i = 0; i < 64; ++i) {
        const win_counts at{credited.challenger[i], credited.champion[i]};
        const double all = at.won + at.lost;
        if (!(all > 0.0)) {
            continue;
        }
        positions += 1.0;
        sum += std::exp(std::fmin(beta_mixture_log_e(at, 0.5), 700.0));
        const double distance = std::fabs(at.won - at.lost) / std::sqrt(all);
        if (distance > strayed) {
            strayed = distance;
            answer.challenger = at.won / all;
            answer.champion = at.lost / all;
            answer.estimate = answer.challenger;
        }
    }
    if (positions > 0.0) {
        answer.state = status::ok;
        answer.log_e = std::log(sum / positions);
        answer.p_value = stats::always_valid_p(answer.log_e);
    }
    return answer;
}

/// Return a counter that follows the positions.
[[nodiscard]] inline std::uint64_t count_of(const evidence& seen, slate_count what) noexcept
{
    const double counted =
        seen.pairs.front().series[position_series].champion[static_cast<std::size_t>(what)];
    return static_cast<std::uint64_t>(as_count(counted));
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
