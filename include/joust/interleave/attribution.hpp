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

/// One piece of feedback of a log, with who earned it.
///
/// A row of team `no_team` credits nobody and says that the slate was seen: log one for every slate, and units that never
/// clicked are there as ties.
struct credited_feedback {
    std::uint64_t unit = 0;
    /// unique over all units: the ticket's
    std::uint64_t slate = 0;
    /// any unit of time
    std::int64_t time = 0;
    /// in the slate; positions that were not clicked have no row
    std::uint32_t position = 0;
    std::uint8_t team = no_team;
    /// 0 to 1
    double amount = 1.0;
    bool operator==(const credited_feedback&) const = default;
};

/// How a unit's feedback, over all its slates, becomes its one outcome: what the challenger earned less what the champion
/// did.
///
/// `impression` adds up everything: the most power where units are alike, and a few busy ones can decide. `net_share`
/// divides that by all that the unit gave, so each unit has one vote, split as it split (a preference per user).
/// `majority` is its sign: 1, 0 or -1, one vote per unit and no more (a winning indicator). `first_touch` takes the first
/// piece of feedback alone, untouched by what the slates before made of the unit; `last_touch` the last one, nearest to
/// what the unit ended up with. All but `impression` lie in [-1, 1], as `stats::betting_capital` needs.
enum class attribution : std::uint8_t { impression, net_share, majority, first_touch, last_touch };

/// Options of attribute. Feedback for other rankers credits nobody.
struct attribution_options {
    attribution by = attribution::impression;
    std::uint8_t challenger = 1;
    std::uint8_t champion = 0;
};

/// One outcome per unit, in order of the units' ids.
///
/// `differences` goes to stats::sign_test, stats::sign_flip, as stats::moments to stats::paired_t or, for one look after the other,
/// stats::betting_capital. The coins of all slates of a unit turned over together negate its outcome, so under the null it
/// is symmetric about 0 under every attribution.
struct unit_outcomes {
    std::vector<std::uint64_t> units{};
    /// challenger minus champion
    std::vector<double> differences{};
    /// seen, per unit
    std::vector<std::uint32_t> slates{};
    /// units that prefer the challenger
    std::uint64_t wins = 0;
    std::uint64_t losses = 0;
    std::uint64_t ties = 0;
    /// rows of a slate and position that came before: not counted
    std::uint64_t repeated = 0;
    /// rows whose slate has another unit, or whose position another team
    std::uint64_t contradicted = 0;
    /// rows with an amount outside 0 to 1
    std::uint64_t unusable = 0;
    status state = status::too_few;
};

namespace detail {

// What a unit's rows add up to.
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
        // What rounding leaves of equal sums prefers nobody.
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
/// The order of the rows is of no account: they are sorted by time, then slate, then position. Feedback that came twice
/// for a slate and position counts once, as it came first. An amount of 0 is seen, and credits nobody.
/// errors: out_of_range (a contradicted or unusable row, challenger and champion the same or `no_team`): there are no
///     outcomes then; too_few (no row).
/// cost: two sorts, about 0.25 us per row; memory for a copy of the log.
/// source: Chapelle et al. 2012 (per impression); the per-user forms are those of Airbnb 2025 and Expedia 2026.
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
    // The first row of each slate and position stays. What else ties is put in some order, so that the input's is forgotten.
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
            // That a slate was seen says nothing of a position.
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
