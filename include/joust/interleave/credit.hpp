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
#include <string_view>

namespace joust {
inline namespace v0 {

/// The feedback of a user on one position of a slate: a click, or a judgement with a value.
struct feedback {
    /// The position in the slate, counted from 0.
    std::size_t position = 0;
    /// The value of the feedback. A click has the value 1.
    double value = 1.0;
};

/// The credit for one piece of feedback.
struct award {
    /// The ranker that earns the credit, or `no_team`.
    std::uint8_t team = no_team;
    /// The credit, from 0 to 1. Any other amount, or NaN, says that the feedback cannot be used.
    double amount = 0.0;
    bool operator==(const award&) const = default;
};

/// A type that turns feedback into credit. Amounts are at most 1, since every sequential test needs a bound.
///
/// shape: `credit(slate_teams, feedback) const noexcept -> award`
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

/// The role of the credit. Its verb is `credit(slate, feedback)`.
struct credit_role {
    static constexpr bool repeats = false;
    template <class T>
    static constexpr bool plays = credit_rule<T>;
    template <class T>
    static constexpr bool resembles = detail::has_credit<T>;
    template <class T>
    static constexpr void near_miss()
    {
        static_assert(
            plays<T>,
            "joust: a credit policy needs joust::award credit(const joust::slate_teams&, const joust::feedback&) const noexcept");
    }
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>,
                      "joust: two credit policies are given; feedback is credited by one");
    }
};

namespace detail {

/// Refuse an option that is not positive and finite.
inline void expect_positive(std::string_view field, double value, std::string_view what)
{
    if (!(value > 0.0 && value <= std::numeric_limits<double>::max())) {
        throw configuration_error(field, to_text(value), what);
    }
}

}  // namespace detail

/// Credit the team of every clicked slot with 1.
///
/// When to use: clicks, plays, purchases, and any other event that happens or does not. This is the default.
/// When not: feedback with a degree; take graded_credit.
struct click_credit {
    /// Credit any value except 0 with 1. NaN cannot be used.
    [[nodiscard]] award credit(const slate_teams& slate, const feedback& what) const noexcept
    {
        const double amount = what.value != what.value ? what.value : what.value != 0.0 ? 1.0 : 0.0;
        return {slate.team(what.position), amount};
    }
    bool operator==(const click_credit&) const = default;
};

/// Credit the team of a slot with a grade, as a share of the best grade.
///
/// Values outside 0 to `best` are not used.
/// When to use: stars, judged relevance, seconds of attention up to a bound: `graded_credit{.best = 5}`.
/// When not: money without a bound, of which a few large values would decide the result; take conversion_credit.
/// errors: configuration_error when the trial is built, unless `best` is positive and finite
struct graded_credit {
    /// The value that earns 1.
    double best = 1.0;

    /// Refuse a best grade that is not positive and finite.
    void validate() const { detail::expect_positive("graded_credit.best", best, "a positive, finite grade"); }

    /// Credit a value as a share of the best grade.
    [[nodiscard]] award credit(const slate_teams& slate, const feedback& what) const noexcept
    {
        return {slate.team(what.position), what.value / best};
    }
    bool operator==(const graded_credit&) const = default;
};

/// Credit attention that lasted: 1 for a slot that a user looked at for at least some time, and 0 for a shorter time.
///
/// Negative times are not used.
/// When to use: where a click alone says little, because users often return to the page at once:
/// `dwell_credit{.at_least = 30}`.
/// When not: where a longer time is always better; take graded_credit with a bound.
/// shape: the value of the feedback is the time, in the same unit as `at_least`
/// errors: configuration_error when the trial is built, unless `at_least` is positive and finite
struct dwell_credit {
    /// The shortest time that earns credit, usually in seconds.
    double at_least = 30.0;

    /// Refuse a time that is not positive and finite.
    void validate() const
    {
        detail::expect_positive("dwell_credit.at_least", at_least, "a positive, finite time");
    }

    /// Credit a time of at least `at_least` with 1.
    [[nodiscard]] award credit(const slate_teams& slate, const feedback& what) const noexcept
    {
        const double amount = what.value >= at_least ? 1.0 : what.value >= 0.0 ? 0.0 : -1.0;
        return {slate.team(what.position), amount};
    }
    bool operator==(const dwell_credit&) const = default;
};

/// Credit a purchase or booking by its value, as a share of a cap.
///
/// Values above the cap count as the cap, so that no single customer decides the result. Negative values are not used.
/// When to use: where money follows clicks and is the goal: `conversion_credit{.cap = 200}`.
/// When not: grades with a best value; graded_credit refuses values above it.
/// errors: configuration_error when the trial is built, unless `cap` is positive and finite
struct conversion_credit {
    /// The value that earns 1. It is the most that one sale can count.
    double cap = 1.0;

    /// Refuse a cap that is not positive and finite.
    void validate() const
    {
        detail::expect_positive("conversion_credit.cap", cap, "a positive, finite value");
    }

    /// Credit a value as a share of the cap.
    [[nodiscard]] award credit(const slate_teams& slate, const feedback& what) const noexcept
    {
        const bool capped = what.value > cap && what.value <= std::numeric_limits<double>::max();
        return {slate.team(what.position), capped ? 1.0 : what.value / cap};
    }
    bool operator==(const conversion_credit&) const = default;
};

/// Which feedback of one slate earns credit.
enum class touch : std::uint8_t {
    /// Each slot earns credit once.
    each,
    /// Only the slot that was clicked first earns credit.
    first,
    /// Only the slot that was clicked last earns credit. The credit moves there from the slot before.
    last
};

/// Credit only the first click on a slate.
///
/// The first click is the one that is reported first. If it is on a slot without a team, the slate gives no credit.
/// When to use: where the first impression decides, because users open several results and read one.
/// When not: where clicks are reported out of order.
struct first_click_credit : click_credit {
    /// Which feedback of a slate counts.
    static constexpr touch counts = touch::first;
    bool operator==(const first_click_credit&) const = default;
};

/// Credit only the last click on a slate. Users who come back to the page have not found yet what they wanted.
///
/// Credit moves as clicks arrive, so a report may take back credit that an earlier report had counted.
/// When to use: navigational search, where the last click is the answer.
/// When not: where clicks are reported out of order.
struct last_click_credit : click_credit {
    /// Which feedback of a slate counts.
    static constexpr touch counts = touch::last;
    bool operator==(const last_click_credit&) const = default;
};

namespace detail {

/// Return which feedback of a slate a credit policy counts: that on each slot, unless the policy says otherwise.
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

/// Count the clicked slots of a ranker.
/// shape: bit i of `clicked` is position i
[[nodiscard]] inline int clicks_for(const slate_teams& slate, std::uint64_t clicked,
                                    std::uint8_t ranker) noexcept
{
    return std::popcount(slate.positions_of(ranker) & clicked);
}

/// Say which of two rankers the clicks on a slate prefer: 1 for the challenger, -1 for the champion, 0 for neither.
/// shape: bit i of `clicked` is position i
[[nodiscard]] inline int preference(const slate_teams& slate, std::uint64_t clicked, std::uint8_t challenger,
                                    std::uint8_t champion = 0) noexcept
{
    const int difference = clicks_for(slate, clicked, challenger) - clicks_for(slate, clicked, champion);
    return (difference > 0) - (difference < 0);
}

/// The outcomes of the pairs of a competitive_pairs slate.
struct pair_outcomes {
    /// In how many pairs only the challenger's item was clicked.
    unsigned challenger = 0;
    /// In how many pairs only the champion's item was clicked.
    unsigned champion = 0;
    /// In how many pairs both items were clicked.
    unsigned both = 0;
    /// In how many pairs no item was clicked.
    unsigned neither = 0;
    bool operator==(const pair_outcomes&) const = default;

    /// Return the paired difference: clicks of the challenger minus clicks of the champion.
    [[nodiscard]] int difference() const noexcept
    {
        return static_cast<int>(challenger) - static_cast<int>(champion);
    }
};

/// Recover the pairs of a slate from its teams, and compare the clicks within each pair.
/// assumes: competitive_pairs drafted the slate, so that two successive slots with a team are a pair; pinned items may stand
///     between them
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
