// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/clock.hpp>
#include <joust/core/entropy.hpp>
#include <joust/core/error.hpp>
#include <joust/core/invoke.hpp>
#include <joust/core/thread_unwind.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/interleave/draft.hpp>
#include <joust/interleave/interleaver.hpp>
#include <joust/interleave/slate.hpp>
#include <joust/report/report.hpp>
#include <joust/ticket/ticket.hpp>
#include <joust/trial/detail/annotate_forgotten.hpp>
#include <joust/trial/detail/ask_unit.hpp>
#include <joust/trial/detail/challenger_switch.hpp>
#include <joust/trial/detail/check_ranking.hpp>
#include <joust/trial/detail/course_keeper.hpp>
#include <joust/trial/detail/draw_slate.hpp>
#include <joust/trial/detail/interleaver_traits.hpp>
#include <joust/trial/detail/interleaving_report.hpp>
#include <joust/trial/detail/pass_to_rankers.hpp>
#include <joust/trial/detail/ranking_parts.hpp>
#include <joust/trial/detail/slate_evidence.hpp>
#include <joust/trial/detail/slate_feedback.hpp>
#include <joust/trial/detail/slate_lists.hpp>
#include <joust/trial/detail/slate_ticket.hpp>
#include <joust/trial/detail/trial_access.hpp>
#include <joust/trial/detail/trial_core.hpp>
#include <joust/trial/rankers.hpp>
#include <joust/trial/redrawn_slate.hpp>
#include <joust/trial/timing.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// Compare rankers within one list: every user sees items of all rankers, and clicks show which ranker's items users
/// prefer.
///
/// When to use: for rankings, recommendations and search. It needs a fraction of the traffic of an A/B test, because
/// every user compares. When not: for effects on the whole page or on later visits, which cannot be credited to a
/// single item.
/// A trial can be neither copied nor moved; a factory returns it as a prvalue.
/// shape: `interleaving search{model{"bm25", a}, model{"neural", b}, by(&query::user), identified_by(&document::id)}`;
/// `auto page = search.rank(query, 10)`, `search.click(page.ticket(), position)`, `search.report()`; further roles: an
/// interleaver (competitive_pairs by default for two rankers, else team_draft), credit (click_credit), identified_by, a
/// salt (the name of the trial and the seed of its coins), consent, pinned, eligible, at_once (rankers side by side, with a
/// deadline), timing, a clock, a recorder, tickets (plain or signed), an inference policy (any of joust's, whose
/// `units` count slates)
/// errors: configuration_error from the constructor, which names the field, its value and what is allowed
template <class... Args>
class interleaving {
    using parts = detail::ranking_parts<Args...>;
    using core_t = detail::trial_core<parts>;
    using interleaver_t = typename parts::interleaver_t;
    using rankers_t = typename parts::rankers_t;
    static constexpr std::size_t rankers = parts::rankers;
    friend struct detail::trial_access;

public:
    /// The type of the tickets that feedback comes back with: `ticket`, or `signed_ticket` where the trial signs.
    using ticket_type = typename core_t::desk_t::sealed;

    /// Make a trial of rankers, the champion first, and policies in any order.
    /// errors: configuration_error, which names the field, its value and what is allowed
    explicit interleaving(Args... arguments)
        : interleaving(std::tuple<Args...>{std::move(arguments)...}, unpacked{})
    {
    }

    interleaving(const interleaving&) = delete;
    interleaving& operator=(const interleaving&) = delete;

    /// Serve a list: `rank(args..., length)` takes the arguments of the rankers and the number of items to show.
    ///
    /// Rankers run one after another, the champion first, and get const lvalues. The slate has the rankers' type of
    /// elements. It moves items out of lists that are returned by value, and refers to items where every list is
    /// returned by reference or as a view. It cannot show more items than the lists have. One ticket carries credit for
    /// 32 slots (21 for four to seven rankers, 16 for more); items beyond those are shown and credit no ranker.
    /// errors: what the champion throws, and std::bad_alloc where there is no memory for the page itself. Where a challenger
    /// throws, the user gets the champion's list, no position credits a ranker, and the failure counts. Where a helper throws
    /// (consent, by, pinned, eligible, identified_by, the interleaver), the user gets the champion's list, nothing is recorded, and
    /// the report counts it by the helper's name. While the trial is stopped (replace_plan, plan_watch), only the champion's
    /// ranker runs, nothing is recorded, and the report counts these calls.
    template <class... A>
    [[nodiscard]] auto rank(A&&... arguments)
    {
        static_assert(sizeof...(A) >= 1,
                      "joust: rank(args..., length) takes the rankers' arguments and the length");
        return unpack(start{}, std::make_index_sequence<sizeof...(A) - 1>{},
                      std::forward_as_tuple(arguments...));
    }

    /// Serve a later page of a list: the first page's ticket, the position where the page begins, then the arguments of the
    /// rankers and the number of items to show.
    ///
    /// The page is drawn with the coins of the first page. With the same lists, the pages therefore join into one list
    /// without a repeated item. The page has a ticket of its own. A pair that the end of the page before cut in two
    /// credits no ranker.
    /// errors: as rank. A ticket that is damaged, expired or from another trial is counted; the page then has coins of
    /// its own and credits no ranker.
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
        const bool known = feedback_.admit(core_.desk(), first, evidence_, begun);
        const start from{.continues = known,
                         .credits = known,
                         .position = position,
                         .coins = known ? detail::coins_of(begun) : 0};
        return unpack(from, std::make_index_sequence<sizeof...(A) - 1>{},
                      std::forward_as_tuple(arguments...));
    }

    /// Choose the coins of a unit's slate before the rankers run: the first half of asynchronous serving.
    ///
    /// Pass the ticket to `interleave` when the lists have arrived. The trial counts no slate before.
    template <class Unit>
    [[nodiscard]] ticket_type choose(const Unit& unit)
    {
        if constexpr (!detail::check_chosen<typename parts::key_t, Unit>()) {
            return {};
        } else if (switch_.stopped()) {
            evidence_.live().ignore(detail::ignored::stopped);
            return core_.desk().unrecorded(evidence_);
        } else if (!core_.is_unit(unit)) {
            evidence_.live().ignore(detail::ignored::no_unit);
            return core_.desk().unrecorded(evidence_);
        } else if (detail::is_no_unit(unit)) {
            evidence_.live().ignore(detail::ignored::empty_unit);
            return core_.desk().unrecorded(evidence_);
        } else {
            return choose_coins(unit);
        }
    }

    /// Mix lists that the caller already has: the second half of asynchronous serving.
    ///
    /// The slate refers to items of lists that are lvalues, and moves items out of other lists. An empty std::optional
    /// stands for a list whose ranker failed or was too late: the slate then shows the champion's list, and the failure
    /// counts. A ticket counts once; the same ticket gives the same slate again.
    /// shape: `interleave(std::tie(a, b), ticket, 10)`: a tuple of lists in the order of the rankers, the ticket from
    /// `choose`, the length, then the arguments that pinned and eligible take
    /// errors: a ticket that `choose` did not give out is counted, and the slate shows the champion's list and credits no
    /// ranker. The slate is empty where the champion's list is missing.
    template <class Lists, class... A>
    [[nodiscard]] auto interleave(Lists&& lists, const ticket_type& chosen, std::size_t length,
                                  const A&... arguments)
    {
        static_assert(std::tuple_size_v<std::remove_cvref_t<Lists>> == rankers,
                      "joust: interleave(lists, ticket, length) takes a tuple with one list for each ranker");
        return mix_brought(std::make_index_sequence<rankers>{}, std::forward<Lists>(lists), chosen, length,
                           arguments...);
    }

    /// Draw a slate again from its ticket and its lists, to check a log or to credit positions that a ticket has no
    /// room for.
    ///
    /// shape: as interleave: a tuple of lists in the order of the rankers, the ticket of the page, and the length that
    /// `rank` was called with
    template <class Lists, class... A>
    [[nodiscard]] redrawn_slate replay(const Lists& lists, const ticket_type& page, std::size_t length,
                                       const A&... arguments) const
    {
        return replay_from(lists, page, page, 0, length, arguments...);
    }

    /// Draw a later page again, from its own ticket, the first page's ticket and the position where the page began.
    template <class Lists, class... A>
    [[nodiscard]] redrawn_slate replay_from(const Lists& lists, const ticket_type& page,
                                            const ticket_type& first, std::size_t position,
                                            std::size_t length, const A&... arguments) const
    {
        static_assert(std::tuple_size_v<Lists> == rankers,
                      "joust: replay(lists, ticket, length) takes a tuple with one list for each ranker");
        return drawer_.redraw(core_.desk(), lists, page, first, position, length, nullptr, arguments...);
    }

    /// Return whether the ticket, the lists and the length give the items that a log says were shown. It finds pages
    /// that were changed, cached or cut after the trial drew them.
    ///
    /// shape: as replay, with the list of items that was shown
    template <class Lists, class Shown, class... A>
    [[nodiscard]] bool audit(const Lists& lists, const ticket_type& page, std::size_t length,
                             const Shown& shown, const A&... arguments) const
    {
        const redrawn_slate again = replay(lists, page, length, arguments...);
        return again.agrees && drawer_.shows(again.slots, lists, shown, arguments...);
    }

    /// Report a click, or another value, for a position, which is counted from 0. Returns whether the click was used; if
    /// not, the report counts why: the position credits no ranker, was not shown, or was reported before.
    bool click(const ticket_type& given, std::size_t position, double value = 1.0)
    {
        ticket page;
        return feedback_.admit(core_.desk(), given, evidence_, page) &&
               feedback_.click(evidence_, page, position, value);
    }

    /// Report a click for a slate that was drawn again. Credit is then exact for interleavers that share it, and
    /// reaches slots that a ticket has no room for. Returns whether the click was used. The same click counts once, by
    /// ticket or by slate.
    bool click(const redrawn_slate& again, std::size_t position, double value = 1.0)
    {
        return feedback_.click(evidence_, again, position, value);
    }

    /// Report all clicks on a slate at once, for an interleaver that judges them together (pairwise_preference). The
    /// slate is drawn again from its lists, as by replay. Returns whether the clicks were used; a slate is judged once.
    ///
    /// shape: bit i of `clicked` says whether position i was clicked
    template <class Lists, class... A>
    bool settle(const Lists& lists, const ticket_type& page, std::size_t length, std::uint64_t clicked,
                const A&... arguments)
    {
        static_assert(judges_clicks<interleaver_t>,
                      "joust: this interleaver credits clicks one by one: click(ticket, position)");
        std::array<double, rankers> earned{};
        detail::verdict_on_clicks<rankers> judged{clicked, earned};
        try {
            const redrawn_slate again =
                drawer_.redraw(core_.desk(), lists, page, page, 0, length, &judged, arguments...);
            return feedback_.settle(evidence_, again, clicked, earned);
        } catch (detail::thread_unwind&) {
            throw;
        } catch (...) {
            return evidence_.refuse(detail::ignored::redraw_threw);
        }
    }

    /// Report what the evidence shows so far. It may be called at any time, also while other threads serve.
    [[nodiscard]] joust::report report() const
    {
        joust::evidence seen = evidence();
        joust::report out = report_on(seen);
        evidence_.live().remember(seen);
        keep_look(out, detail::evidence_of::this_trial);
        return out;
    }

    /// Report what evidence from elsewhere shows, such as the merged evidence of all replicas. The evidence of this trial
    /// keeps the looks that it takes, as in an A/B test.
    /// errors: configuration_error where the evidence belongs to another trial
    [[nodiscard]] joust::report report(joust::evidence merged) const
    {
        const joust::evidence own = evidence_.named_after(core_.identity());
        if (merged.trial != own.trial || merged.models != own.models || merged.series != own.series ||
            !merged.consistent()) {
            throw configuration_error("evidence", "of trial '" + merged.trial + "'",
                                      "evidence of trial '" + own.trial +
                                          "' with the same rankers in the same order");
        }
        evidence_.live().resume(merged);
        joust::report out = report_on(merged);
        evidence_.live().remember_whole(merged);
        keep_look(out, detail::evidence_of::all_replicas);
        return out;
    }

    /// Return a copy of all evidence, to save it, to send it, or to merge it with the evidence of other replicas.
    [[nodiscard]] joust::evidence evidence() const { return evidence_.live().collect(); }

    /// Return the pseudonym that stands for a unit in logs, to find or erase what was recorded of the unit. A slate's
    /// ticket carries its upper half.
    template <unit_like Unit>
    [[nodiscard]] std::uint64_t pseudonym_of(const Unit& unit) const noexcept
    {
        return core_.pseudonym_of(unit);
    }

    /// Return the trial's name: its salt, or the names of its rankers.
    [[nodiscard]] const std::string& name() const noexcept { return core_.identity().name(); }

    /// Return the name of a ranker. The champion is 0.
    [[nodiscard]] const std::string& model_name(std::size_t ranker) const
    {
        return core_.identity().models().at(ranker);
    }

private:
    struct unpacked {};
    using visit = detail::slate_visit<rankers>;

    /// The position where a page begins, and the coins of the first page where this is a later one.
    struct start {
        bool continues = false;
        bool credits = true;
        std::size_t position = 0;
        std::uint64_t coins = 0;
    };

    interleaving(std::tuple<Args...> arguments, unpacked)
        : owned_(std::make_shared<core_t>("interleaving", parts::template pick<salt_role, salt>(arguments),
                                          arguments)),
          core_(*owned_), drawer_(core_.identity().name(), arguments),
          feedback_(arguments, core_.desk().remembered()),
          timing_(parts::template pick<timing_role, timed>(arguments)),
          evidence_(core_.identity(), parts::template pick<recorder_role, no_log>(arguments)),
          gather_(parts::template pick<rankers_role, one_after_another>(arguments).runner())
    {
        detail::check_error_rate(core_.inference().alpha, core_.inference().units, "slates");
    }

    template <unit_like Unit>
    [[nodiscard]] ticket_type choose_coins(const Unit& unit)
    {
        const visit now = visit_of(core_.pseudonym_of(unit));
        for (unsigned r = 0; r < rankers; ++r) {
            evidence_.of_this_thread().add_unit(r, now.pseudonym);
        }
        return core_.desk().seal(ticket_of(now, draft{0}));
    }

    [[nodiscard]] visit visit_of(std::uint64_t pseudonym)
    {
        visit now;
        now.pseudonym = pseudonym;
        now.seconds = detail::seconds_now();
        now.call = evidence_.of_this_thread().next_call();
        now.number = detail::ticket_nonce(now.call);
        return now;
    }

    [[nodiscard]] ticket ticket_of(const visit& now, const draft& out) const noexcept
    {
        return detail::ticket_of(now, out, core_.identity().number(), rankers);
    }

    template <std::size_t... I, class Tuple>
    auto unpack(const start& from, std::index_sequence<I...>, Tuple arguments)
    {
        using length_t = std::remove_cvref_t<std::tuple_element_t<sizeof...(I), Tuple>>;
        static_assert(std::is_integral_v<length_t>,
                      "joust: the last argument of rank(args..., length) is the number of items to show");
        if constexpr (!std::is_integral_v<length_t> ||
                      !detail::check_ranked_call<parts,
                                                 std::remove_cvref_t<std::tuple_element_t<I, Tuple>>...>()) {
            return detail::no_answer{};
        } else {
            const auto asked = std::get<sizeof...(I)>(arguments);
            const std::size_t length = asked > length_t{0} ? static_cast<std::size_t>(asked) : 0;
            return serve(from, std::make_index_sequence<rankers>{}, length,
                         std::as_const(std::get<I>(arguments))...);
        }
    }

    template <std::size_t... R, class... A>
    auto serve(const start& from, std::index_sequence<R...>, std::size_t length, const A&... arguments)
    {
        using lists_t = typename detail::ranker_calls<typename parts::models_t>::template lists<A...>;

        if (switch_.stopped()) [[unlikely]] {
            evidence_.live().ignore(detail::ignored::stopped);
            return serve_unrecorded<lists_t>(from, length, arguments...);
        }
        std::uint64_t pseudonym = 0;
        if (!detail::ask_unit(core_, evidence_.live(), pseudonym, arguments...)) [[unlikely]] {
            return serve_unrecorded<lists_t>(from, length, arguments...);
        }
        visit now = visit_of(pseudonym);
        const bool timed = timing_.times(now.call);
        if constexpr (std::is_same_v<rankers_t, one_after_another>) {
            lists_t lists;
            (run<R>(now, timed, std::get<R>(lists), arguments...), ...);
            return mix(from, now, length, lists, arguments...);
        } else {
            // A ranker that misses the deadline owns the race, and writes its list there when it is done.
            std::optional<decltype(gather_.template race<lists_t>(owned_, timed, arguments...))> run;
            try {
                run.emplace(gather_.template race<lists_t>(owned_, timed, arguments...));
            } catch (detail::thread_unwind&) {
                throw;
            } catch (...) {
                // Memory is out, so that no race could be started.
                evidence_.live().ignore(detail::ignored::draft_failed);
                return serve_unrecorded<lists_t>(from, length, arguments...);
            }
            auto& [race, lists] = *run;
            now.spent = race->spent();
            now.failed = race->failed();
            now.late = race->late();
            if (now.failed[0]) {
                evidence_.record_failed_champion(now);
                race->rethrow();
            }
            return mix(from, now, length, lists, arguments...);
        }
    }

    /// Show the champion's list to a unit that may not be recorded.
    template <class Lists, class... A>
    auto serve_unrecorded(const start& from, std::size_t length, const A&... arguments)
    {
        Lists lists;
        std::get<0>(lists).hold(
            [&]() -> decltype(auto) { return detail::invoke(core_.template callable<0>(), arguments...); });
        evidence_.live().serve_unrecorded();
        return drawer_.champion_page(
            from.position, length, lists, core_.desk().unrecorded(evidence_.live()),
            [this](detail::ignored thrown) { evidence_.live().ignore(thrown); }, arguments...);
    }

    /// Show the champion's list, since a helper threw when the slate was drawn.
    template <class Lists, class... A>
    auto fall_back_to_champion(detail::ignored thrown, std::size_t position, std::size_t length, Lists& lists,
                               const A&... arguments)
    {
        evidence_.live().ignore(thrown);
        evidence_.live().serve_unrecorded();
        return drawer_.champion_page(
            position, length, lists, core_.desk().unrecorded(evidence_.live()), [](detail::ignored) {},
            arguments...);
    }

    template <std::size_t R, class Held, class... A>
    void run(visit& now, bool timed, Held& held, const A&... arguments)
    {
        const std::int64_t begun = timed ? core_.clock().now() : 0;
        try {
            held.hold([&]() -> decltype(auto) {
                return detail::invoke(core_.template callable<R>(), arguments...);
            });
        } catch (detail::thread_unwind&) {
            throw;
        } catch (...) {
            now.failed[R] = true;
            now.spent[R] = timed ? core_.clock().now() - begun : -1;
            if constexpr (R == 0) {
                evidence_.record_failed_champion(now);
                throw;
            }
            return;
        }
        now.spent[R] = timed ? core_.clock().now() - begun : -1;
    }

    template <class Lists, class... A>
    auto mix(const start& from, const visit& now, std::size_t length, Lists& lists, const A&... arguments)
    {
        detail::ignored thrown = detail::ignored::draft_failed;
        try {
            auto pins = drawer_.pins_for(&thrown, arguments...);
            draft out{0};
            drawer_.draw({.alone = now.alone(),
                          .credits = from.credits,
                          .first = from.position,
                          .length = length,
                          .coins = from.continues ? from.coins : detail::coins_of(now),
                          .thrown = &thrown},
                         detail::pointers_to(lists), pins, out, arguments...);
            const ticket receipt = ticket_of(now, out);
            auto page = drawer_.page_of(std::move(out), lists, &pins, core_.desk().seal(receipt));
            evidence_.record(now, page.slots(), receipt);
            return page;
        } catch (detail::thread_unwind&) {
            throw;
        } catch (...) {
            return fall_back_to_champion(thrown, from.position, length, lists, arguments...);
        }
    }

    /// Mix the caller's lists, for the ticket of a slate that was chosen before.
    template <std::size_t... R, class Lists, class... A>
    auto mix_brought(std::index_sequence<R...>, Lists&& lists, const ticket_type& chosen, std::size_t length,
                     const A&... arguments)
    {
        std::tuple held{detail::list_in<Lists, R>{std::get<R>(lists)}...};
        visit now;
        now.counts_units = false;
        ((now.failed[R] = std::get<R>(held).get() == nullptr), ...);
        ticket choice;
        const bool stopped = switch_.stopped();
        const bool whole =
            !stopped && feedback_.admit(core_.desk(), chosen, evidence_, choice) && choice.length() == 0;
        if (whole) {
            now.pseudonym = std::uint64_t{detail::unit_bits(choice)} << 32;
            now.seconds = choice.seconds();
            now.number = choice.nonce();
        } else if (stopped) {
            evidence_.live().ignore(detail::ignored::stopped);
            evidence_.live().serve_unrecorded();
        } else if (choice.kind() == ticket_kind::slate) {
            (void)evidence_.refuse(detail::ignored::repeated);
        }
        const bool first_time = whole && (feedback_.seen().mark(choice.key(), 1) & 1U) == 0;
        detail::ignored thrown = detail::ignored::draft_failed;
        try {
            auto pins = drawer_.pins_for(&thrown, arguments...);
            draft out{0};
            if (!now.failed[0]) {
                drawer_.draw({.alone = now.alone() || !whole,
                              .length = length,
                              .coins = detail::coins_of(choice),
                              .thrown = &thrown},
                             detail::pointers_to(held), pins, out, arguments...);
            }
            const ticket receipt = whole ? ticket_of(now, out)
                                         : ticket::unrecorded({.trial = core_.identity().number(),
                                                               .seconds = detail::seconds_now()});
            auto page = drawer_.page_of(std::move(out), held, &pins, core_.desk().seal(receipt));
            if (first_time && now.failed[0]) {
                evidence_.record_failed_champion(now);
            } else if (first_time) {
                evidence_.record(now, page.slots(), receipt);
            }
            return page;
        } catch (detail::thread_unwind&) {
            throw;
        } catch (...) {
            return fall_back_to_champion(thrown, 0, length, held, arguments...);
        }
    }

    void keep_look(joust::report& out, detail::evidence_of whose) const
    {
        course_.keep(out, whose,
                     {.time = detail::event_time(core_.clock()),
                      .requests = out.arms.empty() ? 0 : out.arms.front().requests});
    }

    [[nodiscard]] joust::report report_on(joust::evidence& seen) const
    {
        using inference_t = typename parts::inference_t;
        joust::report out =
            detail::interleaving_report<inference_t>{core_.identity().name(), core_.identity().models(),
                                                     core_.inference(), detail::even_positions<interleaver_t>,
                                                     detail::even_slates<interleaver_t>}
                .of(seen);
        core_.annotate_name(out.notes);
        detail::annotate_forgotten(out, feedback_.forgotten(), core_.desk().remembered());
        const std::scoped_lock lock{switch_.mutex};
        if (switch_.stopped()) {
            out.notes.push_back("In force: plan " + std::to_string(switch_.version) +
                                ": stopped, so that users get the champion's list and nothing is recorded.");
        }
        if (!switch_.complaint.empty()) {
            out.notes.push_back("A later plan was refused: " + switch_.complaint);
        }
        return out;
    }

    // A ranker that still runs when the trial is gone owns its model and the clock as well.
    std::shared_ptr<core_t> owned_;
    core_t& core_;
    detail::slate_drawer<parts> drawer_;
    detail::slate_feedback<parts> feedback_;
    [[no_unique_address]] typename parts::timing_t timing_;
    detail::slate_evidence<rankers, typename parts::recorder_t> evidence_;
    detail::challenger_switch switch_;
    mutable detail::course_keeper course_;
    // Made last and destroyed first, so that rankers stop first, as far as they stop.
    decltype(std::declval<const rankers_t&>().runner()) gather_;
};

template <class... Args>
interleaving(Args...) -> interleaving<Args...>;

}  // namespace v0
}  // namespace joust
