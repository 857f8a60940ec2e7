// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/policy.hpp>
#include <joust/core/text.hpp>
#include <joust/interleave/ranking.hpp>
#include <joust/interleave/teams.hpp>

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace joust {
inline namespace v0 {

/// What a user did to one position of a slate: a click, or a judgement with a value.
struct feedback {
    std::size_t position = 0;
    double value = 1.0;
};

/// Who earns how much for it. An amount outside 0 .. 1, or no number, says that the value cannot be used.
struct award {
    std::uint8_t team = no_team;
    double amount = 0.0;
    bool operator==(const award&) const = default;
};

/// Anything that turns feedback into credit: `credit(slate_teams, feedback) const noexcept -> award`.
///
/// Amounts are bounded by 1, since every sequential test needs a bound.
template <class T>
concept credit_rule = requires(const T& policy, const slate_teams& slate, const feedback& what) {
    { policy.credit(slate, what) } noexcept -> std::same_as<award>;
};

namespace detail {

struct verb_credit {
    int credit;
};
template <class T>
concept has_credit = derivable<T> && !requires { &both<T, verb_credit>::credit; };

}  // namespace detail

/// The role of the credit: verb `credit(slate, feedback)`.
struct credit_role {
    static constexpr bool repeats = false;
    template <class T>
    static constexpr bool plays = credit_rule<T>;
    template <class T>
    static constexpr bool resembles = detail::has_credit<T>;
    template <class T>
    struct near_miss {
        static_assert(
            plays<T>,
            "joust: a credit policy needs joust::award credit(const joust::slate_teams&, const joust::feedback&) const noexcept");
    };
    template <class T>
    struct filled_twice {
        static_assert(detail::always_false<T>,
                      "joust: two credit policies are given; feedback is credited by one");
    };
};

/// Credit every clicked slot's team with 1.
///
/// When to use: the default, for clicks, plays, purchases: anything that happens or does not.
/// When not: feedback with a degree (graded_credit).
struct click_credit {
    [[nodiscard]] award credit(const slate_teams& slate, const feedback& what) const noexcept
    {
        const double amount = what.value != what.value ? what.value : what.value != 0.0 ? 1.0 : 0.0;
        return {slate.team(what.position), amount};
    }
    bool operator==(const click_credit&) const = default;
};

/// Credit a slot's team with the grade that a user or a judge gave, as a share of the best grade.
///
/// When to use: stars, judged relevance, seconds of attention cut at a bound: `graded_credit{.best = 5}`.
/// When not: unbounded money: its few largest values decide everything.
/// errors: configuration_error when the trial is built, unless `best` is positive and finite; values outside
/// 0 .. best are not used
struct graded_credit {
    /// the value that earns 1
    double best = 1.0;

    void validate() const
    {
        if (!(best > 0.0 && best <= std::numeric_limits<double>::max())) {
            throw configuration_error("graded_credit.best", to_text(best), "a positive, finite grade");
        }
    }

    [[nodiscard]] award credit(const slate_teams& slate, const feedback& what) const noexcept
    {
        return {slate.team(what.position), what.value / best};
    }
    bool operator==(const graded_credit&) const = default;
};

/// Credit attention that lasted: 1 for a slot that was looked at for at least so long, 0 for less.
///
/// When to use: where a click alone says little, as with quick returns to the page: `dwell_credit{.at_least = 30}`.
/// When not: where longer is better without end (graded_credit with a bound).
/// shape: feedback's value is the time, in the unit of `at_least`: by custom seconds
/// errors: configuration_error when the trial is built, unless `at_least` is positive and finite; negative times are not used
struct dwell_credit {
    double at_least = 30.0;

    void validate() const
    {
        if (!(at_least > 0.0 && at_least <= std::numeric_limits<double>::max())) {
            throw configuration_error("dwell_credit.at_least", to_text(at_least), "a positive, finite time");
        }
    }

    [[nodiscard]] award credit(const slate_teams& slate, const feedback& what) const noexcept
    {
        const double amount = what.value >= at_least ? 1.0 : what.value >= 0.0 ? 0.0 : -1.0;
        return {slate.team(what.position), amount};
    }
    bool operator==(const dwell_credit&) const = default;
};

/// Credit what was bought or booked by its value, as a share of a cap that no single sale exceeds.
///
/// When to use: money follows clicks and is what counts: `conversion_credit{.cap = 200}`. Values above the cap count as the
/// cap, so that no one customer decides. When not: values that agree on one best grade (graded_credit refuses what is above).
/// errors: configuration_error when the trial is built, unless `cap` is positive and finite; negative values are not used
struct conversion_credit {
    /// the value that earns 1, and the most that one sale can earn
    double cap = 1.0;

    void validate() const
    {
        if (!(cap > 0.0 && cap <= std::numeric_limits<double>::max())) {
            throw configuration_error("conversion_credit.cap", to_text(cap), "a positive, finite value");
        }
    }

    [[nodiscard]] award credit(const slate_teams& slate, const feedback& what) const noexcept
    {
        const bool capped = what.value > cap && what.value <= std::numeric_limits<double>::max();
        return {slate.team(what.position), capped ? 1.0 : what.value / cap};
    }
    bool operator==(const conversion_credit&) const = default;
};

/// Which feedback of one slate earns credit.
enum class touch : std::uint8_t {
    /// every slot once
    each,
    /// the slot that was clicked first, and no other
    first,
    /// the slot that was clicked last: credit moves there from the one before
    last
};

/// Credit only the first click on a slate.
///
/// When to use: the first impression decides, as where users open several results and read one.
/// When not: clicks arrive out of order: what is first is what is reported first. A first click on a slot that credits nobody
/// leaves the slate without credit.
struct first_click_credit : click_credit {
    static constexpr touch counts = touch::first;
    bool operator==(const first_click_credit&) const = default;
};

/// Credit only the last click on a slate: users who come back to the page have not found what they wanted before.
///
/// When to use: navigational search, where the last click is the answer. When not: clicks arrive out of order.
/// Credit moves as clicks come, so what one look counts may be taken back at the next.
struct last_click_credit : click_credit {
    static constexpr touch counts = touch::last;
    bool operator==(const last_click_credit&) const = default;
};

namespace detail {

/// What a credit policy counts of one slate: each slot, unless it says otherwise.
template <class Credit>
constexpr touch touch_of() noexcept
{
    if constexpr (requires { Credit::counts; }) {
        return Credit::counts;
    } else {
        return touch::each;
    }
}

}  // namespace detail

/// Count the clicked slots of a ranker. shape: bit i of `clicked` is position i
[[nodiscard]] inline int clicks_for(const slate_teams& slate, std::uint64_t clicked,
                                    std::uint8_t ranker) noexcept
{
    return std::popcount(slate.positions_of(ranker) & clicked);
}

/// Say which of two rankers a slate's clicks prefer: 1 the challenger, -1 the champion, 0 neither.
[[nodiscard]] inline int preference(const slate_teams& slate, std::uint64_t clicked, std::uint8_t challenger,
                                    std::uint8_t champion = 0) noexcept
{
    const int difference = clicks_for(slate, clicked, challenger) - clicks_for(slate, clicked, champion);
    return (difference > 0) - (difference < 0);
}

/// How the pairs of a competitive_pairs slate came out.
struct pair_outcomes {
    /// pairs where only the challenger's item was clicked
    unsigned challenger = 0;
    unsigned champion = 0;
    unsigned both = 0;
    unsigned neither = 0;
    bool operator==(const pair_outcomes&) const = default;

    /// The paired difference, clicks of the challenger minus clicks of the champion.
    [[nodiscard]] int difference() const noexcept
    {
        return static_cast<int>(challenger) - static_cast<int>(champion);
    }
};

/// Read a slate's pairs back from its teams and compare within each.
///
/// assumes: drafted by competitive_pairs, where a credited slot and the next credited one are a pair; pinned items may stand
/// between them
[[nodiscard]] inline pair_outcomes compare_pairs(const slate_teams& slate, std::uint64_t clicked) noexcept
{
    pair_outcomes found;
    std::uint8_t first = no_team;
    bool clicked_first = false;
    for (std::size_t i = 0; i < slate.length() && i < 64; ++i) {
        const std::uint8_t second = slate.team(i);
        if (second == no_team) {
            continue;
        }
        const bool clicked_second = ((clicked >> i) & 1) != 0;
        if (first == no_team || first == second) {
            first = second;
            clicked_first = clicked_second;
            continue;
        }
        const bool champion = first == 0 ? clicked_first : clicked_second;
        const bool challenger = first == 0 ? clicked_second : clicked_first;
        unsigned& outcome = champion ? (challenger ? found.both : found.champion)
                                     : (challenger ? found.challenger : found.neither);
        ++outcome;
        first = no_team;
    }
    return found;
}

}  // namespace v0
}  // namespace joust
