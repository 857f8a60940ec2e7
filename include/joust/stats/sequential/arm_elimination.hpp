// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace joust {
inline namespace v0 {
namespace stats {

/// Choose what the error rate of an elimination covers.
enum class error_split : std::uint8_t {
    /// A best arm is never eliminated. Only its k - 1 comparisons can eliminate it, so each gets alpha / (k - 1).
    best_arm,
    /// Every statement "this arm is worse than that one" is true too, and all intervals may be shown; each comparison
    /// gets alpha / (k (k - 1) / 2).
    all_pairs
};

/// Return the level of each pair's confidence sequence at which all of them together err with probability alpha or
/// less.
///
/// errors: NaN for fewer than two arms, or alpha outside (0, 1).
/// cost: O(1).
[[nodiscard]] inline double elimination_alpha(std::size_t arms, double alpha = 0.05,
                                              error_split split = error_split::best_arm) noexcept
{
    if (arms < 2 || !detail::is_alpha(alpha)) {
        return not_a_number;
    }
    const double others = static_cast<double>(arms - 1);
    return split == error_split::best_arm ? alpha / others
                                          : alpha / (0.5 * static_cast<double>(arms) * others);
}

/// Hold the interval of one pair's mean difference, first minus second, at a look. It is ignored unless `state` is ok.
struct pair_interval {
    /// The first arm, by position.
    std::size_t first = 0;
    /// The second arm, by position.
    std::size_t second = 0;
    /// The interval of the difference.
    bounds difference{};
    /// Whether the numbers are valid, and why not.
    status state = status::ok;
};

/// The position that stands for no arm.
inline constexpr std::size_t no_arm = std::numeric_limits<std::size_t>::max();

/// Hold the arms that remain, and which arm eliminated each of the others.
/// cost: O(k) for k arms
struct elimination {
    /// By arm: the arm that eliminated it, or `no_arm` while it remains.
    std::vector<std::size_t> beaten_by{};
    /// How many arms remain.
    std::size_t survivors = 0;
    /// Whether the numbers are valid, and why not.
    status state = status::too_few;

    /// Hold no arms; the state is too_few.
    elimination() = default;
    /// Start with all arms.
    explicit elimination(std::size_t arms) : beaten_by(arms, no_arm), survivors(arms) {}

    /// Does this arm remain?
    [[nodiscard]] bool in(std::size_t arm) const noexcept
    {
        return arm < beaten_by.size() && beaten_by[arm] == no_arm;
    }
    /// Return the only arm that remains, or `no_arm` while there are several.
    [[nodiscard]] std::size_t winner() const noexcept
    {
        if (survivors == 1 && beaten_by.size() > 1) {
            for (std::size_t i = 0; i < beaten_by.size(); ++i) {
                if (in(i)) {
                    return i;
                }
            }
        }
        return no_arm;
    }
};

/// Eliminate the arms that are worse than another, given the previous elimination and the pairs' intervals at this
/// look. An eliminated arm stays eliminated.
///
/// Call it at every look with intervals that hold at all looks (confidence sequences of paired differences: betting,
/// empirical_bernstein, asymptotic_cs), each at `elimination_alpha`. Traffic may go to the remaining arms only. An arm
/// is eliminated when its interval against any other arm, eliminated or not, lies beyond 0; an end at 0 does not
/// suffice.
/// assumes: the intervals hold at every look; pairs may depend on each other in any way.
/// errors: out_of_range (fewer than two arms, a pair of one arm or with an unknown one, crossed ends; intervals that
///     would leave no arm, one of which must be wrong: no arm is eliminated then), too_few (no pair was usable).
/// cost: O(k + pairs) for k arms.
/// source: Maron and Moore 1994, "Hoeffding races"; Even-Dar, Mannor and Mansour 2006, with confidence sequences.
[[nodiscard]] inline elimination eliminate(elimination before, std::span<const pair_interval> pairs,
                                           bool lower_is_better = false)
{
    const std::size_t arms = before.beaten_by.size();
    elimination after = before;
    after.state = status::too_few;
    // By arm: how far beyond 0 its clearest defeat is, so that the order of the pairs does not matter.
    std::vector<double> margin(arms, 0.0);
    bool valid = arms >= 2;
    for (const pair_interval& pair : pairs) {
        if (pair.first >= arms || pair.second >= arms || pair.first == pair.second) {
            valid = false;
            continue;
        }
        const bounds& ends = pair.difference;
        if (pair.state != status::ok || std::isnan(ends.lower) || std::isnan(ends.upper)) {
            continue;
        }
        if (ends.lower > ends.upper) {
            valid = false;
            continue;
        }
        after.state = status::ok;
        const double distance = ends.lower > 0.0 ? ends.lower : ends.upper < 0.0 ? -ends.upper : 0.0;
        if (!(distance > 0.0)) {
            continue;
        }
        const bool first_wins = (ends.lower > 0.0) != lower_is_better;
        const std::size_t loser = first_wins ? pair.second : pair.first;
        const std::size_t victor = first_wins ? pair.first : pair.second;
        if (!before.in(loser)) {
            continue;
        }
        const bool clearer =
            distance > margin[loser] || (distance == margin[loser] && victor < after.beaten_by[loser]);
        if (clearer) {
            after.survivors -= after.in(loser) ? 1U : 0U;
            after.beaten_by[loser] = victor;
            margin[loser] = distance;
        }
    }
    if (!valid || after.survivors == 0) {
        before.state = status::out_of_range;
        return before;
    }
    return after;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
