#pragma once

#include <joust/core/clock.hpp>
#include <joust/core/invoke.hpp>
#include <joust/core/random.hpp>
#include <joust/core/seen.hpp>
#include <joust/core/text.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/interleave/competitive_pairs.hpp>
#include <joust/interleave/credit.hpp>
#include <joust/interleave/identified_by.hpp>
#include <joust/interleave/interleaver.hpp>
#include <joust/interleave/projected.hpp>
#include <joust/interleave/slate.hpp>
#include <joust/interleave/team_draft.hpp>
#include <joust/interleave/teams.hpp>
#include <joust/metric/live_evidence.hpp>
#include <joust/report/report.hpp>
#include <joust/report/write.hpp>
#include <joust/trial/consent.hpp>
#include <joust/trial/posterior.hpp>
#include <joust/trial/preference.hpp>
#include <joust/trial/recorder.hpp>
#include <joust/trial/ticket.hpp>
#include <joust/trial/tickets.hpp>
#include <joust/trial/timing.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace joust::inline v0 {

namespace detail {

/// The role of an interleaving's name, which also seeds its coins: a `joust::salt`.
struct slate_salt_role {
    static constexpr bool repeats = false;
    template <class T>
    static constexpr bool plays = std::is_same_v<T, salt>;
    template <class T>
    static constexpr bool resembles = false;
    template <class T>
    struct near_miss {};
    template <class T>
    struct filled_twice {
        static_assert(always_false<T>, "joust: two salts are given; a trial has one name");
    };
};

using interleaving_roles =
    role_list<unit_key_role, interleaver_role, credit_role, identity_role, slate_salt_role, consent_role,
              timing_role, clock_role, recorder_role, ticket_role, inference_role>;

/// Keep what a ranker returned: the list, or a pointer to a list that lives elsewhere.
template <class Result>
class held_list {
public:
    template <class Call>
    void hold(Call&& call)
    {
        list_.emplace(call());
    }
    /// Null where the ranker was not called, or threw.
    [[nodiscard]] Result* get() noexcept { return list_.has_value() ? &*list_ : nullptr; }

private:
    std::optional<Result> list_;
};
template <class Result>
class held_list<Result&> {
public:
    template <class Call>
    void hold(Call&& call)
    {
        list_ = &call();
    }
    [[nodiscard]] Result* get() noexcept { return list_; }

private:
    Result* list_ = nullptr;
};

/// How many rankers an interleaver is made for; 0 where it takes any number.
template <class Interleaver>
constexpr std::size_t rankers_of() noexcept
{
    if constexpr (requires {
                      {
                          Interleaver::rankers
                      } -> std::convertible_to<std::size_t>;
                  }) {
        return Interleaver::rankers;
    } else {
        return 0;
    }
}

}  // namespace detail

/// Compare rankers within one list: every user sees items of all of them, and clicks say whose are preferred.
///
/// When to use: rankings, recommendations, search; it needs a fraction of the traffic of an A/B test, since every user
/// compares. When not: effects on the whole page or on later visits, which no single item can be credited with.
/// shape: `interleaving search{model{"bm25", a}, model{"neural", b}, by(&query::user), identified_by(&document::id)}`;
/// `auto page = search.rank(query, 10)`, `search.click(page.ticket(), position)`, `search.report()`
/// Policies: an interleaver (competitive_pairs for two rankers, else team_draft), credit (click_credit), identified_by,
/// salt (name of the trial and seed of its coins), consent, timing, clock, recorder, tickets (plain or signed), inference
/// (any that ships with joust; its `units` are slates).
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
    using timing_t = policy<timing_role, timed>;
    using clock_t = policy<clock_role, steady_time>;
    using recorder_t = policy<recorder_role, no_log>;
    using tickets_t = policy<ticket_role, plain_tickets>;
    using inference_t = policy<inference_role, always_valid>;

    static_assert(
        detail::rankers_of<interleaver_t>() == 0 || detail::rankers_of<interleaver_t>() == rankers,
        "joust: this interleaver mixes another number of rankers; team_draft{} mixes any number up to 15");
    static_assert(paired_inference_policy<inference_t>,
                  "joust: interleaving asks its inference about pairs; this policy does not say `static "
                  "constexpr bool pairs = true`");

    static constexpr bool asks_consent = policies::template given<consent_role>;
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
        return unpack(std::make_index_sequence<sizeof...(A) - 1>{}, std::forward_as_tuple(arguments...));
    }

    /// Report a click on a position, counted from 0, or another value for it. Returns whether it was used; if not, the
    /// report counts why: positions that credit nobody, were not shown, or were reported before.
    bool click(const ticket_type& given, std::size_t position, double value = 1.0)
    {
        ticket page;
        if (!detail::admit(tickets_, given, trial_, live_, page)) {
            return false;
        }
        if (page.names_arm()) {
            return refuse(detail::ignored::foreign_ticket);
        }
        if (page.kind() != ticket_kind::slate) {
            return refuse(detail::ignored::unrecorded_unit);
        }
        if (position >= page.length()) {
            return count(detail::slate_count::not_shown);
        }
        const slate_teams teams{page.teams(), page.length(), rankers};
        const award earned = credit_.credit(teams, {position, value});
        if (!(earned.amount >= 0.0 && earned.amount <= 1.0)) {
            return refuse(detail::ignored::invalid_value);
        }
        if (earned.team >= rankers || position >= credited_positions) {
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
        if constexpr (records) {
            recorder_.record(event{
                .kind = event::what::feedback, .ticket = page, .metric = "credit", .value = earned.amount});
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
    static constexpr double positions_alpha = 0.001;

    interleaving(std::tuple<Args...> arguments, unpacked)
        : models_(take_models(arguments, std::make_index_sequence<rankers>{})),
          key_(pick<unit_key_role, per_request>(arguments)),
          interleaver_(pick<interleaver_role, default_interleaver>(arguments)),
          credit_(pick<credit_role, click_credit>(arguments)),
          identity_(pick<identity_role, identified_by_itself>(arguments)),
          consent_(pick<consent_role, everybody>(arguments)), timing_(pick<timing_role, timed>(arguments)),
          clock_(pick<clock_role, steady_time>(arguments)), recorder_(pick<recorder_role, no_log>(arguments)),
          tickets_(pick<ticket_role, plain_tickets>(arguments)),
          inference_(pick<inference_role, always_valid>(arguments)),
          name_(name_from(pick<detail::slate_salt_role, salt>(arguments))), hasher_(name_),
          trial_(ticket::trial_number("interleaving/" + name_)), seed_(xxh64(name_, coin_seed)),
          live_(described(), {})
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

    template <std::size_t I>
    using callable_t = std::remove_reference_t<decltype(std::get<I>(std::declval<models_t&>()).call)>;

    template <std::size_t... I, class Tuple>
    auto unpack(std::index_sequence<I...>, Tuple arguments)
    {
        using length_t = std::remove_cvref_t<std::tuple_element_t<sizeof...(I), Tuple>>;
        static_assert(std::is_integral_v<length_t>,
                      "joust: the last argument of rank(args..., length) is the number of items to show");
        const auto asked = std::get<sizeof...(I)>(arguments);
        const std::size_t length = asked > length_t{0} ? static_cast<std::size_t>(asked) : 0;
        return serve(std::make_index_sequence<rankers>{}, length, std::as_const(std::get<I>(arguments))...);
    }

    /// What one call knows before its rankers run.
    struct visit {
        std::uint64_t pseudonym = 0;
        std::uint32_t seconds = 0;
        std::uint32_t number = 0;
        std::array<std::int64_t, rankers> spent{};  ///< nanoseconds, -1 where not timed
        std::array<bool, rankers> failed{};
    };

    template <std::size_t... R, class... A>
    auto serve(std::index_sequence<R...>, std::size_t length, const A&... arguments)
    {
        static_assert((std::is_invocable_v<callable_t<R>&, const A&...> && ...),
                      "joust: a ranker cannot be called with these arguments; rankers share them, so they "
                      "take them by value "
                      "or by const reference");
        static_assert(
            (ranked_list<std::remove_reference_t<std::invoke_result_t<callable_t<R>&, const A&...>>> && ...),
            "joust: a ranker must return a list, best item first, with std::size(list) and "
            "std::begin(list)[i]");
        using element = slate_element<std::invoke_result_t<callable_t<R>&, const A&...>...>;
        static_assert(
            requires(const identity_t& identity, const typename element::item& item) {
                {
                    identity.identify(item)
                } -> std::convertible_to<item_key>;
            },
            "joust: the ranked items are no integers and no text, so nothing tells which are the same: add "
            "joust::identified_by(&document::id)");
        using page_t = slate<typename element::type, ticket_type>;

        std::tuple<detail::held_list<std::invoke_result_t<callable_t<R>&, const A&...>>...> results;
        bool may_record = true;
        if constexpr (asks_consent) {
            may_record = consent_.may_record(arguments...);
        }
        draft out{length};
        visit now;
        if (!may_record) [[unlikely]] {
            std::get<0>(results).hold(
                [&]() -> decltype(auto) { return detail::invoke(std::get<0>(models_).call, arguments...); });
            show_alone(*std::get<0>(results).get(), length, out);
            live_.serve_unrecorded();
            const auto receipt = ticket::unrecorded(
                {.trial = trial_,
                 .seconds = seconds_now(),
                 .nonce = detail::hides_tickets<tickets_t> ? live_.mine().next_call() : 0});
            return page_t{collect_from(out, results), std::move(out), tickets_.seal(receipt)};
        }
        now.pseudonym = detail::pseudonym_of(hasher_(key_.key(arguments...)));
        now.seconds = seconds_now();
        now.number = live_.mine().next_call();
        const bool timed = timing_.times(now.number);
        (run<R>(now, timed, std::get<R>(results), arguments...), ...);

        bool alone = false;
        for (const bool failed : now.failed) {
            alone = alone || failed;
        }
        if (alone) {
            show_alone(*std::get<0>(results).get(), length, out);
        } else {
            std::array<projected_keys, rankers> keys;
            (keys[R].project(*std::get<R>(results).get(), identity_, length), ...);
            const std::array<ranking, rankers> lists{keys[R].view()...};
            keyed_random coins{seed_, request_of(now)};
            interleaver_.interleave(rankings{lists}, coins, out);
            out.forfeit_from(slate_teams::reach(rankers));
        }
        const slate_teams teams = slate_teams::of(out, rankers);
        const ticket receipt =
            ticket::slate({.teams = teams.word(),
                           .trial = trial_,
                           .seconds = now.seconds,
                           .bucket = static_cast<unsigned>(detail::bucket_of(now.pseudonym)),
                           .pseudonym = short_pseudonym(now.pseudonym),
                           .length = static_cast<unsigned>(out.size() < 63 ? out.size() : 63),
                           .nonce = now.number});
        page_t page{collect_from(out, results), std::move(out), tickets_.seal(receipt)};
        record(now, page.slots(), alone, receipt);
        return page;
    }

    template <std::size_t R, class Held, class... A>
    void run(visit& now, bool timed, Held& held, const A&... arguments)
    {
        const std::int64_t start = timed ? clock_.now() : 0;
        try {
            held.hold(
                [&]() -> decltype(auto) { return detail::invoke(std::get<R>(models_).call, arguments...); });
        } catch (...) {
            now.failed[R] = true;
            now.spent[R] = timed ? clock_.now() - start : -1;
            if constexpr (R == 0) {
                record_failed_champion(now);
                throw;
            }
            return;
        }
        now.spent[R] = timed ? clock_.now() - start : -1;
    }

    template <class... Results>
    static auto collect_from(const draft& out, std::tuple<detail::held_list<Results>...>& held)
    {
        return std::apply([&](auto&... each) { return collect<Results...>(out, each.get()...); }, held);
    }

    /// The champion's own list, each item once, credited to nobody.
    template <class List>
    void show_alone(List& list, std::size_t length, draft& out)
    {
        projected_keys keys;
        keys.project(list, identity_, length);
        const ranking only[] = {keys.view()};
        keyed_random no_coins{0, 0};
        competitive_pairs{}.interleave(only, no_coins, out);
    }

    void record(const visit& now, std::span<const slot> shown, bool alone, const ticket& receipt) noexcept
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
            mine.add_unit(r, now.pseudonym);
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
        if (alone) {
            count(detail::slate_count::alone);
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
        detail::slab& mine = live_.mine();
        const std::size_t bucket = page.bucket();
        credit_side(mine, detail::credit_series, earned.team, bucket, earned.amount);
        if (before == after) {
            return;
        }
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

    // A ticket has room for the 22 bits behind the bucket.
    [[nodiscard]] static constexpr std::uint32_t short_pseudonym(std::uint64_t pseudonym) noexcept
    {
        return static_cast<std::uint32_t>(pseudonym >> 32) & 0x3fffffU;
    }

    // Made of what the ticket carries, so that the coins of a slate can be drawn again from its ticket.
    [[nodiscard]] static constexpr std::uint64_t request_of(const visit& now) noexcept
    {
        const std::uint64_t unit_and_time = (now.pseudonym & 0xffffffff00000000U) | now.seconds;
        return mix64(unit_and_time ^ mix64(now.number & 0x3fffffU));
    }

    [[nodiscard]] joust::report report_on(joust::evidence& seen) const
    {
        joust::report out;
        out.name = name_;
        out.kind = "interleaving";
        for (std::size_t r = 0; r < rankers; ++r) {
            describe_ranker(out, seen, r);
        }
        const double alpha = inference_.alpha / static_cast<double>(rankers - 1);
        std::size_t lost = 0;
        std::size_t best = 0;  // a challenger, or 0
        double most = 0.0;
        std::string unfair;
        std::string losses;
        for (std::size_t p = 0; p + 1 < rankers; ++p) {
            auto& memory = seen.pairs[p].memory[detail::credit_series];
            const joust::inference credit = detail::judge_credit(inference_, seen.pairs[p], alpha, memory);
            out.metrics.push_back(row_of("credit per slate", names_[p + 1], "primary", credit, alpha));
            std::string& method = out.metrics.back().method;
            method.insert(0, "paired ");
            detail::append_posterior(method, credit, true, false, "");
            add_wins(out, seen.pairs[p], p, alpha);
            if (add_positions(out, seen.pairs[p], p)) {
                unfair += (unfair.empty() ? "" : ", ") + names_[p + 1];
            }
            if (credit.rejects(alpha) && credit.estimate > most) {
                most = credit.estimate;
                best = p + 1;
            } else if (credit.rejects(alpha) && credit.estimate < 0.0) {
                ++lost;
                losses += (losses.empty() ? "" : "; ") + names_[0] + " is preferred to " + names_[p + 1] +
                          interval(credit);
            }
        }
        decide(out, seen, unfair, best, lost, losses);
        add_counts(out, seen);
        out.notes.emplace_back("Credit is challenger minus champion, in hashed buckets of units (" +
                               count_text(bucket_count) +
                               "); only slots that every ranker could have filled count.");
        out.notes.push_back("Of credit " + std::string{detail::holds_of<inference_t>()});
        out.notes.emplace_back(
            "Coins decide who fills a slot, so clicks that prefer nobody favour nobody, at every "
            "position and at every look. The interval of won slates ignores that units return.");
        if constexpr (rankers > 2) {
            out.notes.emplace_back("The error rate is divided by the number of challengers (Bonferroni).");
        }
        return out;
    }

    void describe_ranker(joust::report& out, const joust::evidence& seen, std::size_t r) const
    {
        out.arms.push_back({.model = names_[r],
                            .share = 1.0 / static_cast<double>(rankers),
                            .requests = seen.requests(r),
                            .failures = seen.failed(r),
                            .units = seen.arms[r].units.estimate()});
        const latency_sketch& times = seen.arms[r].latency;
        if (!times.empty()) {
            const auto at = [&](double q) { return times.quantile(q) * 1e-6; };
            out.latencies.push_back({.model = names_[r],
                                     .count = times.count(),
                                     .p50 = at(0.5),
                                     .p90 = at(0.9),
                                     .p95 = at(0.95),
                                     .p99 = at(0.99),
                                     .p999 = at(0.999),
                                     .max = at(1.0)});
        }
    }

    [[nodiscard]] static metric_row row_of(std::string metric, const std::string& arm, std::string role,
                                           const joust::inference& answer, double alpha)
    {
        return {.metric = std::move(metric),
                .arm = arm,
                .role = std::move(role),
                .method = std::string{answer.method},
                .champion = answer.champion,
                .challenger = answer.challenger,
                .estimate = answer.estimate,
                .lower = answer.lower,
                .upper = answer.upper,
                .p_value = answer.p_value,
                .e_value = std::isnan(answer.log_e) ? stats::not_a_number : std::exp(answer.log_e),
                .state = answer.state,
                .better = 1,
                .level = std::isnan(answer.lower) ? stats::not_a_number : 1.0 - alpha};
    }

    void add_wins(joust::report& out, const pair_evidence& pair, std::size_t p, double alpha) const
    {
        metric_row row = row_of("slates won", names_[p + 1], "secondary",
                                detail::judge_wins(inference_, pair, alpha), alpha);
        row.reference = 0.5;
        row.unit = "%";
        out.metrics.push_back(std::move(row));
    }

    /// Returns whether some position favours one side.
    bool add_positions(joust::report& out, const pair_evidence& pair, std::size_t p) const
    {
        const joust::inference found = detail::judge_positions(pair);
        metric_row row = row_of("credited positions", names_[p + 1], "check", found, positions_alpha);
        row.reference = 0.5;
        row.unit = "%";
        row.better = 0;
        const bool unfair = found.rejects(positions_alpha);
        if (unfair) {
            row.state = status::srm_failed;
        }
        out.metrics.push_back(std::move(row));
        return unfair;
    }

    void decide(joust::report& out, const joust::evidence& seen, const std::string& unfair, std::size_t best,
                std::size_t lost, const std::string& losses) const
    {
        if (!unfair.empty()) {
            out.reason = "some position was not credited to both sides equally often (" + unfair +
                         "), so no comparison can be trusted: look for lists that are changed or cached "
                         "behind the trial";
        } else if (best != 0) {
            const metric_row& won = out.metrics[3 * (best - 1)];
            out.decision = verdict::ship_challenger;
            out.reason = names_[best] + " is preferred to " + names_[0] + interval(won);
        } else if (lost == rankers - 1) {
            out.decision = verdict::keep_champion;
            out.reason = losses;
        } else {
            const metric_row& first = out.metrics.front();
            switch (first.state) {
                case status::ok: out.reason = "no preference is proved yet" + interval(first); break;
                case status::burn_in:
                    out.reason = "credit is still in its burn-in: too few units or clicks for any claim";
                    break;
                case status::before_planned_sample:
                    out.reason =
                        "credit is judged once, at the planned number of slates, which is not reached";
                    break;
                case status::zero_variance:
                    out.reason = "no slate has earned either side more credit than the other";
                    break;
                default:
                    out.reason =
                        seen.requests(0) == 0 ? "no slate was served yet" : "credit cannot be judged yet";
                    break;
            }
        }
    }

    template <class Answer>
    [[nodiscard]] static std::string interval(const Answer& answer)
    {
        std::string text = ": credit per slate ";
        append_number(text, answer.estimate, 3, signs::always);
        text += " [";
        append_number(text, answer.lower, 3, signs::always);
        text += ", ";
        append_number(text, answer.upper, 3, signs::always);
        return text + "]";
    }

    void add_counts(joust::report& out, const joust::evidence& seen) const
    {
        const auto add = [&](const char* what, std::uint64_t number) {
            if (number > 0) {
                out.counts.push_back({what, number});
            }
        };
        for (std::size_t i = 0; i < detail::ignored_reasons && i < seen.ignored.size(); ++i) {
            add(detail::ignored_words[i], seen.ignored[i]);
        }
        add("feedback for a position that credits nobody",
            count_of(seen, detail::slate_count::neutral_feedback));
        add("feedback for a position not shown", count_of(seen, detail::slate_count::not_shown));
        add("slates of the champion alone, since a challenger failed",
            count_of(seen, detail::slate_count::alone));
        add("slates with a clicked slot that counts",
            static_cast<std::uint64_t>(
                detail::total(seen.pairs.front().series[detail::preference_series].challenger_root)));
        add("calls served and not recorded", seen.unrecorded);
    }

    models_t models_;
    [[no_unique_address]] key_t key_;
    [[no_unique_address]] interleaver_t interleaver_;
    [[no_unique_address]] credit_t credit_;
    [[no_unique_address]] identity_t identity_;
    [[no_unique_address]] consent_t consent_;
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
};

template <class... Args>
interleaving(Args...) -> interleaving<Args...>;

}  // namespace joust::inline v0
