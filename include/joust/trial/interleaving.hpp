// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/clock.hpp>
#include <joust/core/invoke.hpp>
#include <joust/core/random.hpp>
#include <joust/core/text.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/interleave/competitive_pairs.hpp>
#include <joust/interleave/credit.hpp>
#include <joust/interleave/eligible.hpp>
#include <joust/interleave/identified_by.hpp>
#include <joust/interleave/interleaver.hpp>
#include <joust/interleave/pinned.hpp>
#include <joust/interleave/projected.hpp>
#include <joust/interleave/shares.hpp>
#include <joust/interleave/slate.hpp>
#include <joust/interleave/team_draft.hpp>
#include <joust/interleave/teams.hpp>
#include <joust/report/report.hpp>
#include <joust/ticket/seen.hpp>
#include <joust/ticket/ticket.hpp>
#include <joust/ticket/tickets.hpp>
#include <joust/trial/consent.hpp>
#include <joust/trial/detail/check_call.hpp>
#include <joust/trial/detail/interleaving_report.hpp>
#include <joust/trial/detail/pass_to_rankers.hpp>
#include <joust/trial/detail/preference.hpp>
#include <joust/trial/rankers.hpp>
#include <joust/trial/recorder.hpp>
#include <joust/trial/timing.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

namespace detail {

/// The role of an interleaving's name, which also seeds its coins: a `joust::salt`.
struct slate_salt_role : sole_role {
    template <class T>
    static constexpr bool plays = std::is_same_v<T, salt>;
    template <class T>
    struct filled_twice {
        static_assert(always_false<T>, "joust: two salts are given; a trial has one name");
    };
};

using interleaving_roles = role_list<unit_key_role, interleaver_role, credit_role, identity_role,
                                     slate_salt_role, consent_role, pins_role, eligibility_role, rankers_role,
                                     timing_role, clock_role, recorder_role, ticket_role, inference_role>;

/// How many rankers an interleaver is made for; 0 where it takes any number.
template <class Interleaver>
constexpr std::size_t rankers_of() noexcept
{
    if constexpr (requires {
                      { Interleaver::rankers } -> std::convertible_to<std::size_t>;
                  }) {
        return Interleaver::rankers;
    } else {
        return 0;
    }
}

// What an interleaver may say of itself, as `static constexpr bool`.

/// `continues`: will a longer slate begin as a shorter one does, with the same coins? Those that plan a whole slate say no.
template <class Interleaver>
inline constexpr bool continues = !requires { requires !Interleaver::continues; };

/// `even_positions`: are all sides credited equally often at every position? Those that weigh positions say no.
template <class Interleaver>
inline constexpr bool even_positions = !requires { requires !Interleaver::even_positions; };

/// `even_slates`: do rankers that nobody prefers win slates equally often? Those whose credit is fair only in sums say no.
template <class Interleaver>
inline constexpr bool even_slates = !requires { requires !Interleaver::even_slates; };

/// `whole_lists`: may items behind the slate's length matter? Most need only as many as the slate is long.
template <class Interleaver>
inline constexpr bool whole_lists = requires { requires Interleaver::whole_lists; };

/// An element of a tuple of lists: the list, or an optional one that is missing where its ranker failed.
template <class List>
struct list_at_hand {
    using type = List;
    static auto* get(std::remove_reference_t<List>& list) noexcept { return &list; }
};
template <class List>
    requires requires(List& held) {
        held.has_value();
        *held;
    }
struct list_at_hand<List> {
    using type = std::conditional_t<std::is_lvalue_reference_v<List>, decltype(*std::declval<List>()),
                                    std::remove_cvref_t<decltype(*std::declval<List&>())>>;
    static auto* get(std::remove_reference_t<List>& held) noexcept
    {
        return held.has_value() ? &*held : nullptr;
    }
};

}  // namespace detail

/// A slate drawn again from its ticket and the rankers' lists.
struct redrawn_slate {
    /// whose item each position is, and whom it credits
    draft slots;
    /// the ticket it was drawn from
    ticket page;
    /// what a click earns each ranker at each position, where the interleaver shares credit
    credit_shares shares;
    /// the ticket is of this trial, and credits these positions to these rankers
    bool agrees = false;
};

/// Compare rankers within one list: every user sees items of all of them, and clicks say whose are preferred.
///
/// When to use: rankings, recommendations, search; it needs a fraction of the traffic of an A/B test, since every user
/// compares. When not: effects on the whole page or on later visits, which no single item can be credited with.
/// shape: `interleaving search{model{"bm25", a}, model{"neural", b}, by(&query::user), identified_by(&document::id)}`;
/// `auto page = search.rank(query, 10)`, `search.click(page.ticket(), position)`, `search.report()`
/// Policies: an interleaver (competitive_pairs for two rankers, else team_draft), credit (click_credit), identified_by,
/// salt (name of the trial and seed of its coins), consent, pinned, eligible, at_once (rankers side by side, with a
/// deadline), timing, clock, recorder, tickets (plain or signed), inference (any that ships with joust; its `units` are
/// slates).
/// Neither copied nor moved: a factory returns it as a prvalue.
/// errors: configuration_error from the constructor, naming field, value and what is allowed
template <class... Args>
class interleaving {
    using parts = detail::split_arguments<std::tuple<>, Args...>;
    using models_t = typename parts::models;
    using policies = typename parts::template policies<detail::interleaving_roles>;
    static constexpr std::size_t rankers = parts::count;

    static_assert(policies::ok);
    static_assert(
        rankers >= 2,
        "joust: interleaving needs a champion and a challenger: at least two joust::model come first");
    static_assert(rankers <= max_rankers, "joust: interleaving mixes at most 15 rankers");
    static_assert(policies::template given<unit_key_role>,
                  "joust: say whose feedback belongs together: add joust::by(&Query::user_id)");

    template <class Role, class Default>
    using policy = typename policies::template type<Role, Default>;

    using default_interleaver = std::conditional_t<rankers == 2, competitive_pairs, team_draft>;
    using key_t = policy<unit_key_role, per_request>;
    using interleaver_t = policy<interleaver_role, default_interleaver>;
    using credit_t = policy<credit_role, click_credit>;
    using identity_t = policy<identity_role, identified_by_itself>;
    using consent_t = policy<consent_role, everybody>;
    using pins_t = policy<pins_role, detail::no_pins>;
    using eligible_t = policy<eligibility_role, detail::show_all>;
    using rankers_t = policy<rankers_role, one_after_another>;
    using timing_t = policy<timing_role, timed>;
    using clock_t = policy<clock_role, steady_time>;
    using recorder_t = policy<recorder_role, no_log>;
    using tickets_t = policy<ticket_role, plain_tickets>;
    using inference_t = policy<inference_role, always_valid>;

    static_assert(
        detail::rankers_of<interleaver_t>() == 0 || detail::rankers_of<interleaver_t>() == rankers,
        "joust: this interleaver mixes another number of rankers; team_draft{} mixes any number up to 15");
    static_assert(
        paired_inference_policy<inference_t>,
        "joust: interleaving asks its inference about pairs; this policy does not say `static constexpr bool pairs = true`");

    static constexpr bool asks_consent = policies::template given<consent_role>;
    static constexpr bool pins_items = policies::template given<pins_role>;
    static constexpr bool leaves_out = policies::template given<eligibility_role>;
    static constexpr touch counted_touch = detail::touch_of<credit_t>();
    static constexpr bool records = policies::template given<recorder_role>;

public:
    /// What carries feedback back: `ticket`, or `signed_ticket` where the trial signs.
    using ticket_type = detail::sealed_by<tickets_t>;

    explicit interleaving(Args... arguments)
        : interleaving(std::tuple<Args...>{std::move(arguments)...}, unpacked{})
    {
    }

    interleaving(const interleaving&) = delete;
    interleaving& operator=(const interleaving&) = delete;

    /// Serve a list: the arguments of the rankers, and how many items to show.
    ///
    /// Rankers run one after another, the champion first, and get const lvalues. The slate keeps their element type: items
    /// are moved out of lists returned by value, and referred to where every list is returned by reference or as a view.
    /// At most as many items are shown as the lists have. One ticket carries credit for 32 slots (21 for four to seven
    /// rankers, 16 beyond); items behind those are shown without.
    /// errors: what the champion throws. A challenger that throws leaves the champion's list, without credit, and the
    /// failure counts.
    template <class... A>
    [[nodiscard]] auto rank(A&&... arguments)
    {
        static_assert(sizeof...(A) >= 1,
                      "joust: rank(args..., length) takes the rankers' arguments and the length");
        return unpack(start{}, std::make_index_sequence<sizeof...(A) - 1>{},
                      std::forward_as_tuple(arguments...));
    }

    /// Serve a later page of a list: the first page's ticket, the position the page begins at, then the arguments of the
    /// rankers and how many items to show.
    ///
    /// The same coins are drawn again, so that with the same lists the pages join into one list without a repeated item. The
    /// page has a ticket of its own. A pair that the end of the page before cut in two credits nobody.
    /// errors: as rank. A ticket that is damaged, expired or of another trial is counted; the page is then drawn with coins of
    /// its own, and credits nobody.
    template <class... A>
    [[nodiscard]] auto rank_from(const ticket_type& first, std::size_t position, A&&... arguments)
    {
        static_assert(
            detail::continues<interleaver_t>,
            "joust: this interleaver plans a slate as a whole, so it has no later pages; competitive_pairs and team_draft have");
        static_assert(
            sizeof...(A) >= 1,
            "joust: rank_from(ticket, position, args..., length) takes the rankers' arguments and the length");
        ticket begun;
        const bool known = admit_slate(first, begun);
        const start from{
            .continues = known, .credits = known, .position = position, .coins = known ? coins_of(begun) : 0};
        return unpack(from, std::make_index_sequence<sizeof...(A) - 1>{},
                      std::forward_as_tuple(arguments...));
    }

    /// Choose the coins of a unit's slate before its rankers are asked: the first half of asynchronous serving.
    ///
    /// Hand the ticket to `interleave` when the lists are there. Nothing is counted before.
    template <unit_like Unit>
    [[nodiscard]] ticket_type choose(const Unit& unit)
    {
        visit now = visit_of(detail::pseudonym_of(hasher_(unit)));
        for (unsigned r = 0; r < rankers; ++r) {
            live_.mine().add_unit(r, now.pseudonym);
        }
        return tickets_.seal(ticket_of(now, draft{0}));
    }

    /// Mix lists that are at hand: the second half of asynchronous serving.
    ///
    /// shape: `interleave(std::tie(a, b), ticket, 10)`: a tuple of lists in the order of the rankers, the ticket from `choose`,
    /// the length; behind it what pinned and eligible ask for. Items are referred to in lists that are lvalues and moved out
    /// of others. A list in a std::optional is missing where its ranker failed or was too late: then the champion's list is
    /// shown, and the failure counts. A ticket counts once; given again it gives the same slate.
    /// errors: a ticket that is none of `choose` is counted; the champion's list is then shown, credited to nobody. An empty
    /// slate where the champion's list is missing.
    template <class Lists, class... A>
    [[nodiscard]] auto interleave(Lists&& lists, const ticket_type& chosen, std::size_t length,
                                  const A&... arguments)
    {
        static_assert(std::tuple_size_v<std::remove_cvref_t<Lists>> == rankers,
                      "joust: interleave(lists, ticket, length) takes a tuple with one list for each ranker");
        return mix_at_hand(std::make_index_sequence<rankers>{}, std::forward<Lists>(lists), chosen, length,
                           arguments...);
    }

    /// Draw a slate again from its ticket and the lists it was drawn from, to check a log or to credit what a ticket has no
    /// room for.
    ///
    /// shape: as interleave: a tuple of lists in the order of the rankers, the ticket of a page, the length asked for then
    template <class Lists, class... A>
    [[nodiscard]] redrawn_slate replay(const Lists& lists, const ticket_type& page, std::size_t length,
                                       const A&... arguments) const
    {
        return replay_from(lists, page, page, 0, length, arguments...);
    }

    /// The same for a later page: with the first page's ticket, and the position the page began at.
    template <class Lists, class... A>
    [[nodiscard]] redrawn_slate replay_from(const Lists& lists, const ticket_type& page,
                                            const ticket_type& first, std::size_t position,
                                            std::size_t length, const A&... arguments) const
    {
        static_assert(std::tuple_size_v<Lists> == rankers,
                      "joust: replay(lists, ticket, length) takes a tuple with one list for each ranker");
        return redraw(std::make_index_sequence<rankers>{}, lists, page, first, position, length, nullptr,
                      arguments...);
    }

    /// Check a log: was this what the ticket, the lists and the length gave? Finds pages that were changed, cached or cut
    /// behind the trial.
    ///
    /// shape: as replay, and the list of items that was shown
    template <class Lists, class Shown, class... A>
    [[nodiscard]] bool audit(const Lists& lists, const ticket_type& page, std::size_t length,
                             const Shown& shown, const A&... arguments) const
    {
        const redrawn_slate again = replay(lists, page, length, arguments...);
        return again.agrees &&
               shows(std::make_index_sequence<rankers>{}, again.slots, lists, shown, arguments...);
    }

    /// Report a click on a position, counted from 0, or another value for it. Returns whether it was used; if not, the
    /// report counts why: positions that credit nobody, were not shown, or were reported before.
    bool click(const ticket_type& given, std::size_t position, double value = 1.0)
    {
        ticket page;
        if (!admit_page(given, position, page)) {
            return false;
        }
        const slate_teams teams{page.teams(), page.length(), rankers};
        const award earned = credit_.credit(teams, {position, value});
        if (!(earned.amount >= 0.0 && earned.amount <= 1.0)) {
            return refuse(detail::ignored::invalid_value);
        }
        const bool credits = earned.team < rankers && position < credited_positions;
        if constexpr (counted_touch == touch::each) {
            if (!credits) {
                return count(detail::slate_count::neutral_feedback);
            }
            // The low half of the mask tells which positions were reported, the high half which of those earned something.
            const std::uint64_t reported = std::uint64_t{1} << position;
            const std::uint64_t bits =
                earned.amount > 0.0 ? reported | (reported << credited_positions) : reported;
            const std::uint64_t before = seen_.mark(page.key(), bits);
            if ((before & reported) != 0) {
                return refuse(detail::ignored::repeated);
            }
            take_in(page, teams, earned, before >> credited_positions, (before | bits) >> credited_positions);
        } else if (!take_touch(page, teams, earned, position, credits)) {
            return false;
        }
        log_credit(page, earned.amount, position, earned.team);
        return true;
    }

    /// Report feedback on a slate drawn again: credit is then exact for interleavers that share it, and reaches slots that a
    /// ticket has no room for. Returns whether it was used, as for a ticket; the same click counts once, whichever way.
    bool click(const redrawn_slate& again, std::size_t position, double value = 1.0)
    {
        static_assert(counted_touch == touch::each,
                      "joust: first and last clicks are counted by ticket: click(ticket, position)");
        if (!again.agrees) {
            return refuse(detail::ignored::foreign_ticket);
        }
        if (position >= again.slots.size()) {
            return count(detail::slate_count::not_shown);
        }
        const std::uint8_t team = again.slots[position].team;
        const award earned =
            credit_.credit(slate_teams{again.page.teams(), again.page.length(), rankers}, {position, value});
        if (!(earned.amount >= 0.0 && earned.amount <= 1.0)) {
            return refuse(detail::ignored::invalid_value);
        }
        if (!shares_credit<interleaver_t> && team >= rankers) {
            return count(detail::slate_count::neutral_feedback);
        }
        // Positions behind the first block have masks of their own.
        const std::uint64_t block = position / credited_positions;
        const std::uint64_t reported = std::uint64_t{1} << (position % credited_positions);
        const std::uint64_t bits = earned.amount > 0.0 && block == 0 && team < rankers
                                       ? reported | (reported << credited_positions)
                                       : reported;
        const std::uint64_t before = seen_.mark(again.page.key() + block, bits);
        if ((before & reported) != 0) {
            return refuse(detail::ignored::repeated);
        }
        if constexpr (shares_credit<interleaver_t>) {
            for (unsigned r = 0; r < rankers; ++r) {
                if (const double share = again.shares.at(position, r); share > 0.0) {
                    credit_side(live_.mine(), detail::credit_series, static_cast<std::uint8_t>(r),
                                again.page.bucket(), earned.amount * share);
                }
            }
        } else {
            credit_side(live_.mine(), detail::credit_series, team, again.page.bucket(), earned.amount);
        }
        if (block == 0) {
            count_preference(again.page, slate_teams{again.page.teams(), again.page.length(), rankers},
                             before >> credited_positions, (before | bits) >> credited_positions);
        }
        log_credit(again.page, earned.amount, position, team);
        return true;
    }

    /// Report all clicks on a slate at once, for an interleaver that judges them together (pairwise_preference): from the
    /// lists, as replay draws it. Returns whether they were used; a slate is judged once.
    ///
    /// shape: bit i of `clicked` is position i
    template <class Lists, class... A>
    bool settle(const Lists& lists, const ticket_type& page, std::size_t length, std::uint64_t clicked,
                const A&... arguments)
    {
        static_assert(judges_clicks<interleaver_t>,
                      "joust: this interleaver credits clicks one by one: click(ticket, position)");
        std::array<double, rankers> earned{};
        verdict_on_clicks judged{clicked, earned};
        const redrawn_slate again =
            redraw(std::make_index_sequence<rankers>{}, lists, page, page, 0, length, &judged, arguments...);
        if (!again.agrees) {
            return refuse(detail::ignored::foreign_ticket);
        }
        if (seen_.mark(again.page.key(), 1) != 0) {
            return refuse(detail::ignored::repeated);
        }
        detail::slab& mine = live_.mine();
        const std::size_t bucket = again.page.bucket();
        for (unsigned r = 0; r < rankers; ++r) {
            credit_side(mine, detail::credit_series, static_cast<std::uint8_t>(r), bucket, earned[r]);
        }
        for (std::size_t p = 0; p + 1 < rankers; ++p) {
            const double difference = earned[p + 1] - earned[0];
            mine.add(detail::preference_series, p, true, bucket, difference > 0.0 ? 1.0 : 0.0,
                     clicked != 0 ? 1.0 : 0.0);
            mine.add(detail::preference_series, p, false, bucket, difference < 0.0 ? 1.0 : 0.0, 0.0);
        }
        for (unsigned r = 0; r < rankers; ++r) {
            log_credit(again.page, earned[r], 0, static_cast<std::uint8_t>(r), "outcome");
        }
        return true;
    }

    /// Say what is known so far. Call it as often as you like, also while other threads serve.
    [[nodiscard]] joust::report report() const
    {
        joust::evidence seen = live_.collect();
        joust::report out = report_on(seen);
        live_.remember(seen);
        return out;
    }

    /// Say what evidence from elsewhere shows, such as that of all replicas merged.
    /// errors: configuration_error where it is not of this trial
    [[nodiscard]] joust::report report(joust::evidence merged) const
    {
        const joust::evidence own = described();
        if (merged.trial != own.trial || merged.models != own.models || merged.series != own.series ||
            !merged.consistent()) {
            throw configuration_error("evidence", "of trial '" + merged.trial + "'",
                                      "evidence of trial '" + name_ +
                                          "' with the same rankers in the same order");
        }
        return report_on(merged);
    }

    /// Copy all evidence out, to save it, send it, or merge it with that of other replicas.
    [[nodiscard]] joust::evidence evidence() const { return live_.collect(); }

    /// The pseudonym that logs know a unit by: to find, or erase, what was recorded of it. A slate's ticket has its upper half.
    template <unit_like Unit>
    [[nodiscard]] std::uint64_t pseudonym_of(const Unit& unit) const noexcept
    {
        return detail::pseudonym_of(hasher_(unit));
    }

    /// The trial's name: its salt, or the rankers' names.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    /// A ranker's name; the champion is 0.
    [[nodiscard]] const std::string& model_name(std::size_t ranker) const { return names_.at(ranker); }

private:
    struct unpacked {};
    static constexpr std::size_t credited_positions = 32;

    interleaving(std::tuple<Args...> arguments, unpacked)
        : models_(take_models(arguments, std::make_index_sequence<rankers>{})),
          key_(pick<unit_key_role, per_request>(arguments)),
          interleaver_(pick<interleaver_role, default_interleaver>(arguments)),
          credit_(pick<credit_role, click_credit>(arguments)),
          identity_(pick<identity_role, identified_by_itself>(arguments)),
          consent_(pick<consent_role, everybody>(arguments)),
          pins_(pick<pins_role, detail::no_pins>(arguments)),
          eligible_(pick<eligibility_role, detail::show_all>(arguments)),
          timing_(pick<timing_role, timed>(arguments)), clock_(pick<clock_role, steady_time>(arguments)),
          recorder_(pick<recorder_role, no_log>(arguments)),
          tickets_(pick<ticket_role, plain_tickets>(arguments)),
          inference_(pick<inference_role, always_valid>(arguments)),
          name_(name_from(pick<detail::slate_salt_role, salt>(arguments))), hasher_(name_),
          trial_(ticket::trial_number("interleaving/" + name_)), seed_(xxh64(name_, coin_seed)),
          live_(described(), {}), gather_(pick<rankers_role, one_after_another>(arguments).runner())
    {
        if (!(inference_.alpha > 0.0 && inference_.alpha < 1.0)) {
            throw configuration_error("alpha", to_text(inference_.alpha), "an error rate between 0 and 1");
        }
        if (!(inference_.units >= 1.0) || std::isinf(inference_.units)) {
            throw configuration_error("units", to_text(inference_.units),
                                      "a planned number of slates, at least 1");
        }
        detail::check_expiry(tickets_);
        if constexpr (requires { credit_.validate(); }) {
            credit_.validate();
        }
        if constexpr (requires { interleaver_.validate(); }) {
            interleaver_.validate();
        }
    }

    // Another seed than the hash that names the trial has.
    static constexpr std::uint64_t coin_seed = 0x636f696e73U;  // "coins"

    template <class Role, class Default>
    static auto pick(std::tuple<Args...>& arguments)
    {
        return policies::template pick<Role, Default>(arguments);
    }

    template <std::size_t... I>
    static models_t take_models(std::tuple<Args...>& arguments, std::index_sequence<I...>)
    {
        return models_t{std::move(std::get<I>(arguments))...};
    }

    std::string name_from(const salt& given)
    {
        std::apply([this](const auto&... each) { (names_.push_back(each.name), ...); }, models_);
        std::string joined = names_.front();
        for (std::size_t a = 1; a < rankers; ++a) {
            joined += "-" + names_[a];
            for (std::size_t b = 0; b < a; ++b) {
                if (names_[a] == names_[b]) {
                    throw configuration_error("model.name", "'" + names_[a] + "' twice",
                                              "a different name for every model");
                }
            }
        }
        return given.empty() ? joined : std::string{given.view()};
    }

    [[nodiscard]] joust::evidence described() const
    {
        joust::evidence names;
        names.trial = name_;
        names.models = names_;
        names.series = {"exposures", "failures", "credit", "preference", "positions"};
        return names;
    }

    /// Where a page begins, and which coins it is drawn with if not its own.
    struct start {
        bool continues = false;
        bool credits = true;
        std::size_t position = 0;
        std::uint64_t coins = 0;
    };

    /// What one call knows before its rankers run.
    struct visit {
        std::uint64_t pseudonym = 0;
        std::uint32_t seconds = 0;
        std::uint32_t number = 0;
        bool counts_units = true;
        /// nanoseconds, -1 where not timed
        std::array<std::int64_t, rankers> spent{};
        std::array<bool, rankers> failed{};
        std::array<bool, rankers> late{};

        [[nodiscard]] bool alone() const noexcept
        {
            bool any = false;
            for (const bool each : failed) {
                any = any || each;
            }
            return any;
        }
    };

    [[nodiscard]] visit visit_of(std::uint64_t pseudonym)
    {
        visit now;
        now.pseudonym = pseudonym;
        now.seconds = seconds_now();
        now.number = live_.mine().next_call();
        now.spent.fill(-1);
        return now;
    }

    template <std::size_t... I, class Tuple>
    auto unpack(const start& from, std::index_sequence<I...>, Tuple arguments)
    {
        using length_t = std::remove_cvref_t<std::tuple_element_t<sizeof...(I), Tuple>>;
        static_assert(std::is_integral_v<length_t>,
                      "joust: the last argument of rank(args..., length) is the number of items to show");
        if constexpr (!std::is_integral_v<length_t> ||
                      !check_call<std::remove_cvref_t<std::tuple_element_t<I, Tuple>>...>()) {
            return detail::no_answer{};
        } else {
            const auto asked = std::get<sizeof...(I)>(arguments);
            const std::size_t length = asked > length_t{0} ? static_cast<std::size_t>(asked) : 0;
            return serve(from, std::make_index_sequence<rankers>{}, length,
                         std::as_const(std::get<I>(arguments))...);
        }
    }

    /// Can rankers and policies be asked with these arguments? Otherwise one sentence says what is wrong.
    template <class... A>
    static constexpr bool check_call()
    {
        using rankers_called = detail::ranker_calls<models_t>;
        if constexpr (rankers_called::template check<A...>()) {
            constexpr bool asked = detail::check_unit_of_call<key_t, consent_t, A...>();
            constexpr bool pinned = check_pins<A...>();
            constexpr bool items = check_items<typename rankers_called::template item<A...>, A...>();
            return asked && pinned && items;
        } else {
            return false;
        }
    }

    template <class... A>
    static constexpr bool check_pins()
    {
        if constexpr (pins_items) {
            return detail::check_fit<pins_role, pins_t, A...>();
        }
        return true;
    }

    template <class Item, class... A>
    static constexpr bool check_items()
    {
        constexpr bool identified = detail::check_fit<identity_role, identity_t, Item>();
        if constexpr (leaves_out) {
            return detail::check_fit<eligibility_role, eligible_t, Item, A...>() && identified;
        }
        return identified;
    }

    template <std::size_t... R, class... A>
    auto serve(const start& from, std::index_sequence<R...> all, std::size_t length, const A&... arguments)
    {
        using lists_t = typename detail::ranker_calls<models_t>::template lists<A...>;

        bool may_record = true;
        if constexpr (asks_consent) {
            may_record = consent_.may_record(arguments...);
        }
        if (!may_record) [[unlikely]] {
            lists_t lists;
            std::get<0>(lists).hold(
                [&]() -> decltype(auto) { return detail::invoke(std::get<0>(models_).call, arguments...); });
            live_.serve_unrecorded();
            const auto receipt = ticket::unrecorded(
                {.trial = trial_,
                 .seconds = seconds_now(),
                 .nonce = detail::hides_tickets<tickets_t> ? live_.mine().next_call() : 0});
            auto pins = pins_for(arguments...);
            draft out{0};
            arrange(all, {.alone = true, .first = from.position, .length = length}, pointers(lists), pins,
                    out, arguments...);
            return page_of(std::move(out), lists, pins, tickets_.seal(receipt));
        }
        visit now = visit_of(detail::pseudonym_of(hasher_(key_.key(arguments...))));
        const bool timed = timing_.times(now.number);
        if constexpr (std::is_same_v<rankers_t, one_after_another>) {
            lists_t lists;
            (run<R>(now, timed, std::get<R>(lists), arguments...), ...);
            return mix(all, from, now, length, lists, arguments...);
        } else {
            // Held by the rankers as well: one that misses the deadline writes its list there when it is done.
            const auto race =
                gather_.template race<lists_t>(models_, timed ? &clock_ : nullptr, arguments...);
            now.spent = race->spent();
            now.failed = race->failed();
            now.late = race->late();
            if (now.failed[0]) {
                record_failed_champion(now);
                race->rethrow();
            }
            return mix(all, from, now, length, race->lists(), arguments...);
        }
    }

    template <std::size_t R, class Held, class... A>
    void run(visit& now, bool timed, Held& held, const A&... arguments)
    {
        const std::int64_t begun = timed ? clock_.now() : 0;
        try {
            held.hold(
                [&]() -> decltype(auto) { return detail::invoke(std::get<R>(models_).call, arguments...); });
        } catch (...) {
            now.failed[R] = true;
            now.spent[R] = timed ? clock_.now() - begun : -1;
            if constexpr (R == 0) {
                record_failed_champion(now);
                throw;
            }
            return;
        }
        now.spent[R] = timed ? clock_.now() - begun : -1;
    }

    template <std::size_t... R, class Lists, class... A>
    auto mix(std::index_sequence<R...> all, const start& from, const visit& now, std::size_t length,
             Lists& lists, const A&... arguments)
    {
        auto pins = pins_for(arguments...);
        draft out{0};
        arrange(all,
                {.alone = now.alone(),
                 .credits = from.credits,
                 .first = from.position,
                 .length = length,
                 .coins = from.continues ? from.coins : request_of(now)},
                pointers(lists), pins, out, arguments...);
        const ticket receipt = ticket_of(now, out);
        auto page = page_of(std::move(out), lists, pins, tickets_.seal(receipt));
        record(now, page.slots(), receipt);
        return page;
    }

    template <std::size_t... R, class Lists, class... A>
    auto mix_at_hand(std::index_sequence<R...> all, Lists&& lists, const ticket_type& chosen,
                     std::size_t length, const A&... arguments)
    {
        std::tuple held{list_in<Lists, R>{std::get<R>(lists)}...};
        visit now;
        now.counts_units = false;
        now.spent.fill(-1);
        ((now.failed[R] = std::get<R>(held).get() == nullptr), ...);
        ticket choice;
        const bool whole = admit_slate(chosen, choice) && choice.length() == 0;
        if (whole) {
            now.pseudonym = std::uint64_t{unit_bits(choice)} << 32;
            now.seconds = choice.seconds();
            now.number = choice.nonce();
        } else if (choice.kind() == ticket_kind::slate) {
            (void)refuse(detail::ignored::repeated);
        }
        const bool first_time = whole && (seen_.mark(choice.key(), 1) & 1U) == 0;
        auto pins = pins_for(arguments...);
        draft out{0};
        if (!now.failed[0]) {
            arrange(all, {.alone = now.alone() || !whole, .length = length, .coins = coins_of(choice)},
                    pointers(held), pins, out, arguments...);
        }
        const ticket receipt =
            whole ? ticket_of(now, out) : ticket::unrecorded({.trial = trial_, .seconds = seconds_now()});
        auto page = page_of(std::move(out), held, pins, tickets_.seal(receipt));
        if (first_time && now.failed[0]) {
            record_failed_champion(now);
        } else if (first_time) {
            record(now, page.slots(), receipt);
        }
        return page;
    }

    /// A list that the caller brought, as held_list keeps one that a ranker returned.
    template <class List>
    class at_hand {
    public:
        using result = typename detail::list_at_hand<List>::type;
        explicit at_hand(std::remove_reference_t<List>& list) noexcept
            : list_(detail::list_at_hand<List>::get(list))
        {
        }
        [[nodiscard]] auto* get() noexcept { return list_; }

    private:
        decltype(detail::list_at_hand<List>::get(std::declval<std::remove_reference_t<List>&>())) list_;
    };

    /// Which positions of a slate were clicked, and what that earns every ranker.
    struct verdict_on_clicks {
        std::uint64_t clicked;
        std::array<double, rankers>& earned;
    };

    /// Of a tuple of them, as `rank` would have got it from a ranker: a list of its own, or a reference to one.
    template <class Lists, std::size_t R>
    using list_in =
        at_hand<std::conditional_t<std::is_lvalue_reference_v<Lists>,
                                   decltype(std::get<R>(std::declval<std::remove_reference_t<Lists>&>())),
                                   std::tuple_element_t<R, std::remove_cvref_t<Lists>>>>;

    template <std::size_t... R, class Lists, class... A>
    redrawn_slate redraw(std::index_sequence<R...> all, const Lists& lists, const ticket_type& page,
                         const ticket_type& first, std::size_t position, std::size_t length,
                         verdict_on_clicks* judged, const A&... arguments) const
    {
        redrawn_slate again{.slots = draft{0}, .page = {}, .shares = {}};
        ticket begun;
        if (tickets_.open(page, again.page) != ticket_error::none ||
            tickets_.open(first, begun) != ticket_error::none || again.page.kind() != ticket_kind::slate ||
            begun.kind() != ticket_kind::slate || again.page.trial() != trial_ || begun.trial() != trial_) {
            return again;
        }
        auto pins = pins_for(arguments...);
        arrange(all,
                {.first = position,
                 .length = length,
                 .coins = coins_of(begun),
                 .shares = &again.shares,
                 .judged = judged},
                std::tuple{listed(std::get<R>(lists))...}, pins, again.slots, arguments...);
        again.agrees = slate_teams::of(again.slots, rankers).word() == again.page.teams() &&
                       ticket_length(again.slots) == again.page.length();
        return again;
    }

    /// Are these the items of a draft?
    template <std::size_t... R, class Lists, class Shown, class... A>
    [[nodiscard]] bool shows(std::index_sequence<R...>, const draft& drafted, const Lists& lists,
                             const Shown& shown, const A&... arguments) const
    {
        if (std::size(shown) != drafted.size()) {
            return false;
        }
        auto pins = pins_for(arguments...);
        for (std::size_t i = 0; i < drafted.size(); ++i) {
            const item_key key = identity_.identify(std::begin(shown)[static_cast<std::ptrdiff_t>(i)]);
            const auto at = static_cast<std::ptrdiff_t>(drafted[i].index);
            bool same = false;
            const auto compare = [&](std::size_t ranker, const auto* list) {
                same =
                    same || (ranker == drafted[i].ranker && identity_.identify(std::begin(*list)[at]) == key);
            };
            (compare(R, listed(std::get<R>(lists))), ...);
            if constexpr (pins_items) {
                same = same ||
                       (drafted[i].ranker == pinned_ranker && identity_.identify(pins.begin()[at]) == key);
            }
            if (!same) {
                return false;
            }
        }
        return true;
    }

    template <class List>
    static const auto* listed(const List& list) noexcept
    {
        return detail::list_at_hand<const List&>::get(list);
    }

    /// What `arrange` draws, and how.
    struct sheet {
        /// the champion's own list
        bool alone = false;
        /// false: nobody is credited
        bool credits = true;
        /// the position the page begins at
        std::size_t first = 0;
        std::size_t length = 0;
        std::uint64_t coins = 0;
        /// what each position is worth to whom, where that is asked
        credit_shares* shares = nullptr;
        /// what clicks are worth together, where that is asked
        verdict_on_clicks* judged = nullptr;
    };

    /// Draft a page: pins first, then the rankers' items that may be shown, around them.
    template <std::size_t... R, class Pointers, class Pins, class... A>
    void arrange(std::index_sequence<R...>, const sheet& how, Pointers lists, Pins& pins, draft& out,
                 const A&... arguments) const
    {
        const std::size_t end = how.first < draft::max_slots && how.length < draft::max_slots - how.first
                                    ? how.first + how.length
                                    : draft::max_slots;
        detail::pin_board board{pins, identity_, how.length == 0 ? 0 : end};
        out.restart((how.length == 0 ? 0 : end) - board.size());
        std::array<detail::projected_keys, rankers> keys;
        const auto project = [&](detail::projected_keys& into, auto* list) {
            const std::size_t needed = detail::whole_lists<interleaver_t>
                                           ? static_cast<std::size_t>(std::size(*list))
                                           : out.length();
            if constexpr (pins_items || leaves_out) {
                into.project(*list, identity_, needed, [&](const auto& item, item_key key) {
                    if constexpr (leaves_out && check_items<std::remove_cvref_t<decltype(item)>, A...>()) {
                        if (!eligible_.shows(item, arguments...)) {
                            return false;
                        }
                    }
                    return !board.holds(key);
                });
            } else {
                into.project(*list, identity_, needed);
            }
        };
        if (how.alone) {
            project(keys[0], std::get<0>(lists));
            const ranking only[] = {keys[0].view()};
            keyed_random no_coins{0, 0};
            competitive_pairs{}.interleave(only, no_coins, out);
        } else {
            (project(keys[R], std::get<R>(lists)), ...);
            const std::array<ranking, rankers> views{keys[R].view()...};
            keyed_random coins{seed_, how.coins};
            interleaver_.interleave(rankings{views}, coins, out);
            if constexpr (judges_clicks<interleaver_t>) {
                if (how.judged != nullptr) {
                    interleaver_.outcome(rankings{views}, out, board.without_pins(how.judged->clicked),
                                         how.judged->earned);
                }
            }
            if constexpr (shares_credit<interleaver_t>) {
                if (how.shares != nullptr) {
                    interleaver_.share_credit(rankings{views}, out, *how.shares);
                    how.shares->centre(interleaver_.bound(out.length(), rankers));
                }
            }
        }
        if constexpr (pins_items || leaves_out) {
            out.relocate([&](const slot& each) { return keys[each.ranker].place(each.index); });
        }
        if constexpr (pins_items) {
            board.place_among(out);
        }
        if constexpr (shares_credit<interleaver_t>) {
            if (how.shares != nullptr && !how.alone) {
                *how.shares = shares_on_page(*how.shares, out, how.first);
            }
        }
        if (how.first > 0) {
            out.drop_before(how.first);
        }
        out.forfeit_from(how.credits ? slate_teams::reach(rankers) : 0);
    }

    /// Of the shares of everything drafted those of a page that begins at a position, pins between them.
    [[nodiscard]] static credit_shares shares_on_page(const credit_shares& drafted, const draft& all,
                                                      std::size_t first)
    {
        credit_shares page;
        page.restart(all.size() > first ? all.size() - first : 0, rankers);
        std::size_t row = 0;
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (all[i].ranker == pinned_ranker) {
                continue;
            }
            for (unsigned r = 0; i >= first && r < rankers; ++r) {
                page.at(i - first, r) = drafted.at(row, r);
            }
            ++row;
        }
        return page;
    }

    template <class... A>
    auto pins_for(const A&... arguments) const
    {
        if constexpr (pins_items) {
            if constexpr (check_pins<A...>()) {
                return detail::items_of_pins<decltype(pins_.pins(arguments...))>{pins_.pins(arguments...)};
            } else {
                return detail::no_pins{};
            }
        } else {
            return detail::no_pins{};
        }
    }

    template <class... Held>
    static auto pointers(std::tuple<Held...>& lists)
    {
        return std::apply([](auto&... each) { return std::tuple{each.get()...}; }, lists);
    }

    template <class Held>
    struct result_held;
    template <class Result>
    struct result_held<detail::held_list<Result>> {
        using type = Result;
    };
    template <class List>
    struct result_held<at_hand<List>> {
        using type = typename at_hand<List>::result;
    };

    /// The page: the drafted items from these lists, with their ticket.
    template <class... Held, class Pins>
    auto page_of(draft&& out, std::tuple<Held...>& held, Pins& pins, const ticket_type& receipt) const
    {
        if constexpr (pins_items) {
            return std::apply(
                [&](auto&... each) {
                    return page_from<typename result_held<Held>::type..., Pins>(std::move(out), receipt,
                                                                                each.get()..., &pins);
                },
                held);
        } else {
            return std::apply(
                [&](auto&... each) {
                    return page_from<typename result_held<Held>::type...>(std::move(out), receipt,
                                                                          each.get()...);
                },
                held);
        }
    }

    template <class... Results>
    auto page_from(draft&& out, const ticket_type& receipt, std::remove_reference_t<Results>*... lists) const
    {
        using element = detail::slate_element<Results...>;
        auto items = detail::collect<Results...>(out, lists...);
        return slate<typename element::type, ticket_type>{std::move(items), std::move(out), receipt};
    }

    /// Take the ticket of a slate back.
    bool admit_slate(const ticket_type& given, ticket& page) noexcept
    {
        return detail::admit(tickets_, given, trial_, live_, page) &&
               (page.kind() == ticket_kind::slate ||
                refuse(page.names_arm() ? detail::ignored::foreign_ticket
                                        : detail::ignored::unrecorded_unit));
    }

    /// The same for feedback on a position of it.
    bool admit_page(const ticket_type& given, std::size_t position, ticket& page) noexcept
    {
        return admit_slate(given, page) &&
               (position < page.length() || count(detail::slate_count::not_shown));
    }

    /// Credit only the first, or only the last click on a slate. Returns whether it counts.
    bool take_touch(const ticket& page, const slate_teams& teams, const award& earned, std::size_t position,
                    bool credits) noexcept
    {
        if (!(earned.amount > 0.0)) {
            return count(detail::slate_count::neutral_feedback);
        }
        // Of these slates the mask is the latest position plus one that was clicked, not bits.
        const std::uint64_t place = position + 1;
        const std::uint64_t before = counted_touch == touch::first ? seen_.keep_first(page.key(), place)
                                                                   : seen_.replace(page.key(), place);
        if (counted_touch == touch::first && before != 0) {
            return refuse(detail::ignored::repeated);
        }
        if (before == place) {
            return refuse(detail::ignored::repeated);
        }
        const auto bit_of = [&](std::uint64_t at) {
            return at == 0 || at > credited_positions ||
                           teams.team(static_cast<std::size_t>(at - 1)) >= rankers
                       ? std::uint64_t{0}
                       : std::uint64_t{1} << (at - 1);
        };
        const std::uint64_t was = bit_of(before);
        const std::uint64_t is = bit_of(place);
        if (was != 0) {
            credit_side(live_.mine(), detail::credit_series, teams.team(static_cast<std::size_t>(before - 1)),
                        page.bucket(), -1.0);
        }
        if (is != 0) {
            credit_side(live_.mine(), detail::credit_series, earned.team, page.bucket(), 1.0);
        }
        count_preference(page, teams, was, is);
        return credits || count(detail::slate_count::neutral_feedback);
    }

    void log_credit(const ticket& page, double amount, std::size_t position, std::uint8_t team,
                    std::string_view metric = "credit") noexcept
    {
        if constexpr (records) {
            recorder_.record(event{.kind = event::what::feedback,
                                   .ticket = page,
                                   .metric = metric,
                                   .value = amount,
                                   .position = static_cast<std::uint32_t>(position),
                                   .team = team});
        }
    }

    void record(const visit& now, std::span<const slot> shown, const ticket& receipt) noexcept
    {
        detail::slab& mine = live_.mine();
        const std::size_t bucket = detail::bucket_of(now.pseudonym);
        std::int64_t spent = -1;
        bool failed = false;
        for (std::size_t p = 0; p + 1 < rankers; ++p) {
            mine.add(detail::exposure_series, p, false, bucket, 1.0, 0.0);
            mine.add(detail::exposure_series, p, true, bucket, 1.0, 0.0);
        }
        for (unsigned r = 0; r < rankers; ++r) {
            if (now.counts_units) {
                mine.add_unit(r, now.pseudonym);
            }
            if (now.spent[r] >= 0) {
                mine.add_latency(r, now.spent[r]);
                spent = (spent < 0 ? 0 : spent) + now.spent[r];
            }
            if (now.failed[r]) {
                failed = true;
                mine.add(detail::failure_series, r - 1, true, bucket, 1.0, 0.0);
            }
        }
        for (std::size_t i = 0; i < shown.size() && i < credited_positions; ++i) {
            if (shown[i].team < rankers) {
                credit_side(mine, detail::position_series, shown[i].team, i, 1.0);
            }
        }
        if (now.alone()) {
            count(detail::slate_count::alone);
        }
        for (const bool each : now.late) {
            if (each) {
                count(detail::slate_count::late);
            }
        }
        if constexpr (records) {
            recorder_.record(event{
                .kind = event::what::exposure, .ticket = receipt, .nanoseconds = spent, .failed = failed});
        }
    }

    void record_failed_champion(const visit& now) noexcept
    {
        detail::slab& mine = live_.mine();
        for (std::size_t p = 0; p + 1 < rankers; ++p) {
            mine.add(detail::failure_series, p, false, detail::bucket_of(now.pseudonym), 1.0, 0.0);
        }
        if (now.spent[0] >= 0) {
            mine.add_latency(0, now.spent[0]);
        }
    }

    void take_in(const ticket& page, const slate_teams& teams, const award& earned, std::uint64_t before,
                 std::uint64_t after) noexcept
    {
        credit_side(live_.mine(), detail::credit_series, earned.team, page.bucket(), earned.amount);
        count_preference(page, teams, before, after);
    }

    /// Whom a slate prefers may change with every click on it.
    void count_preference(const ticket& page, const slate_teams& teams, std::uint64_t before,
                          std::uint64_t after) noexcept
    {
        if (before == after) {
            return;
        }
        detail::slab& mine = live_.mine();
        const std::size_t bucket = page.bucket();
        for (std::size_t p = 0; p + 1 < rankers; ++p) {
            const auto challenger = static_cast<std::uint8_t>(p + 1);
            const int was = preference(teams, before, challenger);
            const int is = preference(teams, after, challenger);
            const double first_click = before == 0 ? 1.0 : 0.0;
            const double won = (is > 0 ? 1.0 : 0.0) - (was > 0 ? 1.0 : 0.0);
            const double lost = (is < 0 ? 1.0 : 0.0) - (was < 0 ? 1.0 : 0.0);
            if (won != 0.0 || first_click != 0.0) {
                mine.add(detail::preference_series, p, true, bucket, won, first_click);
            }
            if (lost != 0.0) {
                mine.add(detail::preference_series, p, false, bucket, lost, 0.0);
            }
        }
    }

    /// Add to a ranker's side: the champion's is one side of every pair.
    static void credit_side(detail::slab& mine, std::size_t series, std::uint8_t team, std::size_t row,
                            double amount) noexcept
    {
        if (team != 0) {
            mine.add(series, team - 1U, true, row, amount, 0.0);
            return;
        }
        for (std::size_t p = 0; p + 1 < rankers; ++p) {
            mine.add(series, p, false, row, amount, 0.0);
        }
    }

    bool refuse(detail::ignored reason) noexcept
    {
        live_.ignore(reason);
        return false;
    }

    bool count(detail::slate_count what) noexcept
    {
        live_.mine().add(detail::position_series, 0, false, static_cast<std::size_t>(what), 1.0, 0.0);
        return false;
    }

    [[nodiscard]] static std::uint32_t seconds_now() noexcept
    {
        return static_cast<std::uint32_t>(wall_milliseconds() / 1'000U);
    }

    /// The ticket of a page, or of a slate that is yet to be drawn.
    [[nodiscard]] ticket ticket_of(const visit& now, const draft& out) const noexcept
    {
        // A ticket has room for the 22 bits behind the bucket.
        return ticket::slate({.teams = slate_teams::of(out, rankers).word(),
                              .trial = trial_,
                              .seconds = now.seconds,
                              .bucket = static_cast<unsigned>(detail::bucket_of(now.pseudonym)),
                              .pseudonym = static_cast<std::uint32_t>(now.pseudonym >> 32) & 0x3fffffU,
                              .length = ticket_length(out),
                              .nonce = now.number});
    }

    [[nodiscard]] static unsigned ticket_length(const draft& out) noexcept
    {
        return static_cast<unsigned>(out.size() < 63 ? out.size() : 63);
    }

    /// The upper half of the pseudonym: all of it that a ticket carries.
    [[nodiscard]] static constexpr std::uint32_t unit_bits(const ticket& page) noexcept
    {
        return (page.bucket() << 22) | page.pseudonym();
    }

    // Made of what the ticket carries, so that the coins of a slate can be drawn again from its ticket.
    [[nodiscard]] static constexpr std::uint64_t coins_of(std::uint32_t unit, std::uint32_t seconds,
                                                          std::uint32_t number) noexcept
    {
        return mix64(((std::uint64_t{unit} << 32) | seconds) ^ mix64(number & 0x3fffffU));
    }
    [[nodiscard]] static constexpr std::uint64_t request_of(const visit& now) noexcept
    {
        return coins_of(static_cast<std::uint32_t>(now.pseudonym >> 32), now.seconds, now.number);
    }
    [[nodiscard]] static constexpr std::uint64_t coins_of(const ticket& page) noexcept
    {
        return coins_of(unit_bits(page), page.seconds(), page.nonce());
    }

    [[nodiscard]] joust::report report_on(joust::evidence& seen) const
    {
        return detail::interleaving_report<inference_t>{name_, names_, inference_,
                                                        detail::even_positions<interleaver_t>,
                                                        detail::even_slates<interleaver_t>}
            .of(seen);
    }

    models_t models_;
    [[no_unique_address]] key_t key_;
    [[no_unique_address]] interleaver_t interleaver_;
    [[no_unique_address]] credit_t credit_;
    [[no_unique_address]] identity_t identity_;
    [[no_unique_address]] consent_t consent_;
    [[no_unique_address]] pins_t pins_;
    [[no_unique_address]] eligible_t eligible_;
    [[no_unique_address]] timing_t timing_;
    [[no_unique_address]] clock_t clock_;
    [[no_unique_address]] recorder_t recorder_;
    [[no_unique_address]] tickets_t tickets_;
    inference_t inference_;
    std::vector<std::string> names_;
    std::string name_;
    salted_hasher hasher_;
    std::uint32_t trial_;
    std::uint64_t seed_;
    mutable detail::live_evidence live_;
    seen_window seen_;
    // The last to be made and the first to go: rankers that still run use the rest.
    decltype(std::declval<const rankers_t&>().runner()) gather_;
};

template <class... Args>
interleaving(Args...) -> interleaving<Args...>;

}  // namespace v0
}  // namespace joust
