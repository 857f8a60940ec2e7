// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/interleave/ranking.hpp>
#include <joust/stats/result.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

namespace joust {
inline namespace v0 {

/// One row of a log: a piece of feedback and the ranker that earned it.
///
/// A row with the team `no_team` credits no ranker and says that the slate was seen. Log such a row for every slate, so that
/// units that never clicked count as ties.
struct credited_feedback {
    /// The unit that saw the slate.
    std::uint64_t unit = 0;
    /// The number of the slate, unique over all units. Tickets carry it.
    std::uint64_t slate = 0;
    /// The time of the feedback, in any unit.
    std::int64_t time = 0;
    /// The position in the slate. Positions that were not clicked have no row.
    std::uint32_t position = 0;
    /// The ranker that earned the feedback, or `no_team`.
    std::uint8_t team = no_team;
    /// The credit, from 0 to 1.
    double amount = 1.0;
    bool operator==(const credited_feedback&) const = default;
};

/// How the feedback of a unit on all its slates becomes one outcome: the challenger's credit minus the champion's.
///
/// All outcomes except those of `impression` lie in [-1, 1], as `stats::betting_capital` needs.
enum class attribution : std::uint8_t {
    /// The difference of all credit. It has the most power where units are alike, but a few busy units can decide the result.
    impression,
    /// That difference divided by all credit that the unit gave. So each unit has one vote, which it may split.
    net_share,
    /// The sign of that difference: 1, 0 or -1.
    majority,
    /// The first piece of feedback alone, which no earlier slate can have influenced.
    first_touch,
    /// The last piece of feedback alone, which is nearest to the result that the unit chose in the end.
    last_touch
};

/// Options of attribute. Feedback that other rankers earned counts for neither side.
struct attribution_options {
    /// How feedback becomes an outcome.
    attribution by = attribution::impression;
    /// The number of the challenger's ranker.
    std::uint8_t challenger = 1;
    /// The number of the champion's ranker.
    std::uint8_t champion = 0;
};

/// One outcome for each unit, in the order of the units' ids.
///
/// Pass `differences` to stats::sign_test or stats::sign_flip, as stats::moments to stats::paired_t, or one after the other to
/// stats::betting_capital. To turn over the coins of all slates of a unit negates its outcome. So under the null hypothesis an
/// outcome is symmetric about 0 under every attribution.
struct unit_outcomes {
    /// The ids of the units.
    std::vector<std::uint64_t> units{};
    /// The outcome of each unit: the challenger's credit minus the champion's.
    std::vector<double> differences{};
    /// How many slates each unit saw.
    std::vector<std::uint32_t> slates{};
    /// How many units prefer the challenger.
    std::uint64_t wins = 0;
    /// How many units prefer the champion.
    std::uint64_t losses = 0;
    /// How many units prefer neither.
    std::uint64_t ties = 0;
    /// How many rows repeat a slate and position of an earlier row. They are not counted.
    std::uint64_t repeated = 0;
    /// How many rows name another unit for a known slate, or another team for a known position.
    std::uint64_t contradicted = 0;
    /// How many rows have an amount outside 0 to 1.
    std::uint64_t unusable = 0;
    /// Whether the outcomes can be used.
    status state = status::too_few;
};

namespace detail {

// The sums over the rows of one unit.
struct touched {
    double challenger = 0.0;
    double champion = 0.0;
    double first = 0.0;
    double last = 0.0;
    bool any = false;

    void add(double amount, bool for_challenger) noexcept
    {
        (for_challenger ? challenger : champion) += amount;
        last = for_challenger ? amount : -amount;
        first = any ? first : last;
        any = true;
    }
    [[nodiscard]] double outcome(attribution by) const noexcept
    {
        const double all = challenger + champion;
        double difference = challenger - champion;
        // A difference that is only a rounding error counts as a tie.
        difference = difference <= 1e-12 * all && difference >= -1e-12 * all ? 0.0 : difference;
        switch (by) {
            case attribution::impression: break;
            case attribution::net_share: return any ? difference / all : 0.0;
            case attribution::majority: return difference > 0.0 ? 1.0 : difference < 0.0 ? -1.0 : 0.0;
            case attribution::first_touch: return first;
            case attribution::last_touch: return last;
        }
        return difference;
    }
};

}  // namespace detail

/// Turn a log of credited feedback into one outcome per unit, under a stated attribution.
///
/// The rows may stand in any order: they are sorted by time, then slate, then position. Repeated feedback on a slate and
/// position counts once, as it came first. An amount of 0 shows that the slate was seen, and credits no ranker.
/// errors: out_of_range without outcomes, if a row is contradicted or unusable, or if challenger and champion are the same or
///     `no_team`; too_few if there are no rows
/// cost: two sorts, about 0.25 us for each row; memory for a copy of the log
/// source: Chapelle et al. 2012 (per impression); Airbnb 2025 and Expedia 2026 (per user)
[[nodiscard]] inline unit_outcomes attribute(std::span<const credited_feedback> log,
                                             const attribution_options& options = {})
{
    unit_outcomes out;
    std::vector<credited_feedback> rows;
    for (const credited_feedback& row : log) {
        if (row.amount >= 0.0 && row.amount <= 1.0) {
            rows.push_back(row);
        } else {
            ++out.unusable;
        }
    }
    // The first row of each slate and position stays. Ties are put in some fixed order, so that the order of the input has no
    // effect.
    std::sort(rows.begin(), rows.end(), [](const credited_feedback& a, const credited_feedback& b) {
        return std::tie(a.slate, a.position, a.time, a.team, a.unit, a.amount) <
               std::tie(b.slate, b.position, b.time, b.team, b.unit, b.amount);
    });
    std::vector<credited_feedback> kept;
    for (const credited_feedback& row : rows) {
        const credited_feedback* before = kept.empty() ? nullptr : &kept.back();
        if (before != nullptr && before->slate == row.slate && before->unit != row.unit) {
            ++out.contradicted;
        } else if (before != nullptr && before->slate == row.slate && before->position == row.position) {
            // A row that says that the slate was seen says nothing about a position.
            if (before->team == no_team && row.team != no_team) {
                kept.push_back(row);
            } else if (row.team == no_team || row.team == before->team) {
                out.repeated += row.team == no_team ? 0U : 1U;
            } else {
                ++out.contradicted;
            }
        } else {
            kept.push_back(row);
        }
    }
    if (out.unusable != 0 || out.contradicted != 0 || options.challenger == options.champion ||
        options.challenger == no_team || options.champion == no_team) {
        out.state = status::out_of_range;
        return out;
    }
    std::sort(kept.begin(), kept.end(), [](const credited_feedback& a, const credited_feedback& b) {
        return std::tie(a.unit, a.time, a.slate, a.position, a.team) <
               std::tie(b.unit, b.time, b.slate, b.position, b.team);
    });
    std::vector<std::uint64_t> slates;
    for (std::size_t from = 0; from < kept.size();) {
        detail::touched unit;
        slates.clear();
        std::size_t to = from;
        for (; to < kept.size() && kept[to].unit == kept[from].unit; ++to) {
            const credited_feedback& row = kept[to];
            slates.push_back(row.slate);
            if (row.amount > 0.0 && (row.team == options.challenger || row.team == options.champion)) {
                unit.add(row.amount, row.team == options.challenger);
            }
        }
        std::sort(slates.begin(), slates.end());
        const double difference = unit.outcome(options.by);
        out.units.push_back(kept[from].unit);
        out.differences.push_back(difference);
        out.slates.push_back(
            static_cast<std::uint32_t>(std::unique(slates.begin(), slates.end()) - slates.begin()));
        ++(difference > 0.0 ? out.wins : difference < 0.0 ? out.losses : out.ties);
        from = to;
    }
    out.state = out.units.empty() ? status::too_few : status::ok;
    return out;
}

}  // namespace v0
}  // namespace joust
