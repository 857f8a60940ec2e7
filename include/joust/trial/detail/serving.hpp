#pragma once

#include <joust/core/clock.hpp>
#include <joust/core/compiler.hpp>
#include <joust/core/fixed_string.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/evidence/live_quantile.hpp>
#include <joust/inference/always_valid.hpp>
#include <joust/metric/conversion.hpp>
#include <joust/metric/mean.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/split/splitter.hpp>
#include <joust/split/traffic_plan.hpp>
#include <joust/ticket/seen.hpp>
#include <joust/ticket/ticket.hpp>
#include <joust/ticket/tickets.hpp>
#include <joust/trial/acceptance.hpp>
#include <joust/trial/consent.hpp>
#include <joust/trial/covariate.hpp>
#include <joust/trial/detail/decide.hpp>
#include <joust/trial/detail/metric_set.hpp>
#include <joust/trial/detail/pass_arguments.hpp>
#include <joust/trial/detail/plan.hpp>
#include <joust/trial/fwd.hpp>
#include <joust/trial/on_failure.hpp>
#include <joust/trial/recorder.hpp>
#include <joust/trial/timing.hpp>

#include <array>
#include <chrono>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// A prediction with the ticket that later feedback comes back with.
template <class Result, class Ticket>
struct served {
    Result prediction;
    Ticket ticket;
};
template <class Ticket>
struct served<void, Ticket> {
    Ticket ticket;
};

namespace detail {

/// What every trial that serves one arm per unit has in common: assignment, calls, feedback, evidence.
///
/// Derived trials have a `kind` and add what they decide: `after_call(failed or late, number of the thread's call)` and
/// `after_feedback()`.
/// `counts_every_call` says whether they need to hear of calls that have no number for another reason.
template <class Derived, class Roles, class... Args>
class serving {
    friend struct trial_access;
    friend struct plan_access;
    friend struct trial_explainer;

protected:
    using parts = split_arguments<std::tuple<>, Args...>;
    using models_t = typename parts::models;
    using policies = typename parts::template policies<Roles>;
    static constexpr std::size_t arm_count = parts::count;

    static_assert(policies::ok);
    static_assert(arm_count >= 2,
                  "joust: a trial needs a champion and a challenger: at least two joust::model come first");
    static_assert(arm_count <= max_arms, "joust: a trial has at most 16 models");
    static_assert(policies::template given<unit_key_role>,
                  "joust: say what is randomised: add joust::by(&Request::user_id), or joust::per_request{}");

    using metrics_t = typename parts::template apply_policies<metric_set>;
    static_assert(metrics_t::names_differ(),
                  "joust: two metrics have the same name; feedback could not tell them apart");

    template <class Role, class Default>
    using policy = typename policies::template type<Role, Default>;

    using key_t = policy<unit_key_role, per_request>;
    using splitter_t = policy<splitter_role, hash_split>;
    using consent_t = policy<consent_role, everybody>;
    using covariate_t = policy<covariate_role, no_covariate>;
    using acceptance_t = policy<acceptance_role, any_result>;
    using failure_t = policy<failure_role, fall_back>;
    using timing_t = policy<timing_role, timed>;
    using clock_t = policy<clock_role, steady_time>;
    using recorder_t = policy<recorder_role, no_log>;
    using tickets_t = policy<ticket_role, plain_tickets>;
    using inference_t = policy<inference_role, always_valid>;

    static constexpr bool asks_consent = policies::template given<consent_role>;
    static constexpr bool adjusts = policies::template given<covariate_role>;
    static constexpr bool asks_acceptance = policies::template given<acceptance_role>;
    static constexpr bool records = policies::template given<recorder_role>;
    static constexpr bool falls_back = std::is_same_v<failure_t, fall_back>;

    static auto resolved(const splitter_t& splitter)
    {
        if constexpr (resolves<splitter_t>) {
            return splitter.resolve(arm_count);
        } else {
            return splitter;
        }
    }
    using split_t = decltype(resolved(std::declval<const splitter_t&>()));
    using plan_t = plan<split_t, arm_count>;

    static constexpr bool reads_time = requires { requires split_t::reads_time; };
    static constexpr bool fixed_shares = requires(const split_t& s) {
        { s.share(std::size_t{}) } -> std::convertible_to<double>;
    };
    static_assert(
        fixed_shares || arm_count == 2,
        "joust: with more than two models a splitter also states its shares: `share(arm) const -> double`");

    using calls = arm_call<models_t, falls_back>;
    template <class... A>
    using result_t = typename calls::template result<A...>;

    /// Take the models and policies out of `arguments`; a derived trial takes its own afterwards.
    explicit serving(std::tuple<Args...>& arguments)
        : models_(take_models(arguments, std::make_index_sequence<arm_count>{})), metrics_(arguments),
          key_(pick<unit_key_role, per_request>(arguments)),
          splitter_(pick<splitter_role, hash_split>(arguments)),
          consent_(pick<consent_role, everybody>(arguments)),
          covariate_(pick<covariate_role, no_covariate>(arguments)),
          acceptance_(pick<acceptance_role, any_result>(arguments)),
          timing_(pick<timing_role, timed>(arguments)), clock_(pick<clock_role, steady_time>(arguments)),
          recorder_(pick<recorder_role, no_log>(arguments)),
          tickets_(pick<ticket_role, plain_tickets>(arguments)),
          inference_(pick<inference_role, always_valid>(arguments)), name_(name_of(splitter_)),
          hasher_(hasher_of(splitter_, name_)),
          // By kind too: an A/B test that goes on under a canary's salt must not take the canary's tickets for its own.
          trial_(ticket::trial_number(std::string{Derived::kind} + '/' + name_)),
          board_(std::list<plan_t>{plan_t{resolved(splitter_), 0U}}),
          live_(described(), Derived::watched(metrics_))
    {
        if (!(inference_.alpha > 0.0 && inference_.alpha < 1.0)) {
            throw configuration_error("alpha", to_text(inference_.alpha), "an error rate between 0 and 1");
        }
        if (!(inference_.units >= 1.0) || std::isinf(inference_.units)) {
            throw configuration_error("units", to_text(inference_.units),
                                      "a planned number of exposures, at least 1");
        }
        check_expiry(tickets_);
        for (std::size_t i = 0; i < quantiles_.size(); ++i) {
            quantiles_[i].watch(metrics_.quantiles()[i], arm_count - 1);
        }
    }

public:
    /// What carries feedback back: `ticket`, or `signed_ticket` where the trial signs.
    using ticket_type = sealed_by<tickets_t>;

    serving(const serving&) = delete;
    serving& operator=(const serving&) = delete;

    /// Serve a request by the model that its unit is assigned to: the call that was there before.
    ///
    /// errors: what the champion throws. A challenger that throws falls back to the champion unless `rethrow{}` is given.
    /// cost: two clock reads and about 20 ns over the model, 10 ns when the call is not timed; no lock and no allocation
    /// after a thread's first call
    template <class... A>
    decltype(auto) operator()(A&&... arguments)
    {
        return call<false>(nullptr, std::forward<A>(arguments)...);
    }

    /// Serve a request and give a ticket for feedback that comes later.
    template <class... A>
    auto serve(A&&... arguments)
    {
        using result = result_t<A...>;
        ticket_type receipt;
        if constexpr (std::is_void_v<result>) {
            call<true>(&receipt, std::forward<A>(arguments)...);
            return served<void, ticket_type>{receipt};
        } else {
            return served<result, ticket_type>{call<true>(&receipt, std::forward<A>(arguments)...), receipt};
        }
    }

    /// Assign a unit without calling a model: for asynchronous calls and batches. `arm_of(ticket)`, or the `arm()` of a
    /// ticket that is not signed, says which model to call.
    ///
    /// Nothing is recorded before `complete`. Consent is the caller's: do not choose for units that opted out.
    template <class Unit>
    [[nodiscard]] ticket_type choose(const Unit& unit)
    {
        static_assert(
            !adjusts || detail::always_false<Unit>,
            "joust: adjust_for(...) reads its number when a call is served, so it does not go with choose() and complete()");
        static_assert(
            unit_like<Unit>,
            "joust: choose(unit) takes the unit itself, such as choose(request.user_id): the text, integer, enumerator or joust::uuid that by(...) would give");
        if constexpr (unit_like<Unit>) {
            const visit seen = assign(unit, std::tuple<const Unit&>{unit});
            return tickets_.seal(seen.recorded ? ticket::choice(fields_of(seen, live_.mine().next_call()))
                                               : unrecorded_receipt());
        } else {
            return {};
        }
    }

    /// Which model a ticket of this trial names: 0, the champion, where it names none or is not one that the trial would take.
    [[nodiscard]] unsigned arm_of(const ticket_type& given) const noexcept
    {
        ticket receipt;
        const bool whole = tickets_.open(given, receipt) == ticket_error::none;
        return whole && receipt.trial() == trial_ && receipt.names_arm() && receipt.arm() < arm_count
                   ? receipt.arm()
                   : 0;
    }

    /// Record what `choose` led to. Returns whether it was used; a second completion of a ticket is not, nor one of a call
    /// that the trial served, and so recorded, itself. A latency that is no duration (negative, NaN, beyond 292 years) is
    /// counted as an invalid value, and the call as one that was not timed.
    template <class Rep, class Period>
    bool complete(const ticket_type& given, std::chrono::duration<Rep, Period> latency, bool ok)
    {
        visit seen;
        ticket chosen;
        if (!read(given, chosen, seen)) {
            return false;
        }
        if (chosen.kind() != ticket_kind::choice || (seen_.mark(chosen.key(), completed) & completed) != 0) {
            live_.ignore(ignored::repeated);
            return false;
        }
        // In floating point first: what does not fit would overflow, or be anything at all for NaN.
        const double rough = std::chrono::duration<double, std::nano>{latency}.count();
        const bool fits = rough >= 0.0 && rough < 9.2e18;
        if (!fits) {
            live_.ignore(ignored::invalid_value);
        }
        record(seen,
               fits ? static_cast<std::int64_t>(
                          std::chrono::duration_cast<std::chrono::nanoseconds>(latency).count())
                    : -1,
               !ok, chosen);
        return true;
    }

    /// Report a metric's value for the exposure of a ticket, a ratio's with its denominator. Returns whether it was used; if
    /// not, the report counts why.
    template <fixed_string Name, std::convertible_to<double>... Denominator>
    bool observe(const ticket_type& given, double value, Denominator... denominator)
    {
        constexpr std::size_t which = metric_named<Name, sizeof...(Denominator)>();
        visit seen;
        cell c;
        ticket receipt;
        if (!read(given, receipt, seen) || !convert<which>(c, value, static_cast<double>(denominator)...)) {
            return false;
        }
        constexpr std::size_t series = metrics_t::series_of(which);
        static_assert(series < 63, "joust: a trial keeps at most 60 metrics");
        if (!accumulates(metrics_.template get<which>())) {
            constexpr std::uint64_t bit = std::uint64_t{1} << series;
            if ((seen_.mark(receipt.key(), bit) & bit) != 0) {
                live_.ignore(ignored::repeated);
                return false;
            }
        }
        take_in<which>(seen, c, receipt);
        return true;
    }

    /// Report a metric's value for whatever a unit was served. Taken only while the unit's arm was the same in every plan
    /// since the start; repeated values add up, since nothing tells them apart.
    template <fixed_string Name, unit_like Unit, std::convertible_to<double>... Denominator>
    bool observe(const Unit& unit, double value, Denominator... denominator)
    {
        constexpr std::size_t which = metric_named<Name, sizeof...(Denominator)>();
        cell c;
        if (!convert<which>(c, value, static_cast<double>(denominator)...)) {
            return false;
        }
        static_assert(
            !reads_time,
            "joust: this splitter reads the clock, so a unit alone does not say which model it was served; observe with the ticket");
        visit seen;
        seen.pseudonym = detail::pseudonym_of(hasher_(unit));
        if (!constant_arm(unit, seen)) {
            live_.ignore(ignored::unit_moved);
            return false;
        }
        take_in<which>(seen, c, records ? receipt_of(seen, live_.mine().next_call()) : ticket{});
        return true;
    }

    /// Copy all evidence out, to save it, send it, or merge it with that of other replicas.
    [[nodiscard]] joust::evidence evidence() const
    {
        joust::evidence all;
        collect(all);
        return all;
    }

    /// The pseudonym that tickets and logs know a unit by: to find, or erase, what was recorded of it.
    template <unit_like Unit>
    [[nodiscard]] std::uint64_t pseudonym_of(const Unit& unit) const noexcept
    {
        static_assert(!reads_time || always_false<Unit>,
                      "joust: this splitter randomises blocks of time, so no pseudonym stands for a unit");
        return detail::pseudonym_of(hasher_(unit));
    }

    /// The trial's name: its salt.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    /// A model's name by arm; the champion is arm 0.
    [[nodiscard]] const std::string& model_name(std::size_t arm) const { return names_.at(arm); }

protected:
    /// What a call keeps while its model runs: copies, since the thread's slab and the plan may change meanwhile.
    struct visit {
        std::uint64_t pseudonym = 0;
        double propensity = 1.0;
        unsigned arm = 0;
        unsigned plan = 0;
        bool recorded = true;
        [[no_unique_address]] std::conditional_t<adjusts, double, std::tuple<>> covariate{};
        std::array<pair_share, arm_count - 1> shares{};
    };

    [[nodiscard]] Derived& self() noexcept { return static_cast<Derived&>(*this); }

    void fix_thresholds() const noexcept
    {
        try {
            live_.fix_thresholds();
        } catch (...) {
            // Out of memory: the thresholds are fixed at a later look.
        }
    }

    /// Collect all evidence into a value used before.
    void collect(joust::evidence& all) const
    {
        live_.collect(all);
        all.quantiles.resize(quantiles_.size());
        for (std::size_t i = 0; i < quantiles_.size(); ++i) {
            quantiles_[i].collect(all.quantiles[i]);
        }
    }

    [[nodiscard]] setting setting_now() const
    {
        setting how{.specs = metrics_.specs(),
                    .watches = metrics_.watches(),
                    .covariate = adjusts ? metrics_.series_count() : exposure_series};
        if constexpr (fixed_shares) {
            how.planned_information_per_exposure = board_.read([&how](const plan_t& now) {
                how.shares = share_list{now.shares};
                double least = 0.25;
                for (const auto& pair : now.pairs) {
                    const double w = pair.root * pair.root;
                    least = w > 0.0 && w < least ? w : least;
                }
                return least;
            });
        }
        return how;
    }

    void publish(std::list<plan_t> next) noexcept
    {
        board_.publish(std::move(next), [this](auto&& see) {
            live_.slabs().for_each([&see](const slab& each) { see(each.pinned()); });
        });
    }

    void check_own(const joust::evidence& other) const
    {
        const joust::evidence names = described();
        const auto listed = [](const std::vector<std::string>& each) {
            std::string text;
            for (const std::string& one : each) {
                text += (text.empty() ? "" : ", ") + one;
            }
            return text;
        };
        std::string wrong;
        if (other.trial != names.trial) {
            wrong = "of trial '" + other.trial + "'";
        } else if (other.models != names.models) {
            wrong = "of models " + listed(other.models);
        } else if (other.series != names.series) {
            wrong = "of " + listed(other.series);
        } else if (!other.consistent()) {
            wrong = "with lists that do not fit together";
        } else if (other.pairs.front().events.size() != live_.watches().size()) {
            wrong = "of " + std::to_string(other.pairs.front().events.size()) +
                    " guardrails on failures and latency";
        } else if (!same_quantiles(other.quantiles)) {
            wrong = "of other quantiles";
        } else {
            return;
        }
        throw configuration_error("evidence", wrong,
                                  "evidence of trial '" + name_ + "', models " + listed(names.models) + ", " +
                                      listed(names.series) + ", with " +
                                      std::to_string(live_.watches().size()) +
                                      " guardrails on failures and latency");
    }

    [[nodiscard]] bool same_quantiles(const std::vector<quantile_evidence>& other) const
    {
        bool same = other.size() == quantiles_.size();
        for (std::size_t i = 0; same && i < other.size(); ++i) {
            same = other[i].q == metrics_.quantiles()[i].q;
        }
        return same;
    }

    models_t models_;
    metrics_t metrics_;
    [[no_unique_address]] key_t key_;
    [[no_unique_address]] splitter_t splitter_;
    [[no_unique_address]] consent_t consent_;
    [[no_unique_address]] covariate_t covariate_;
    [[no_unique_address]] acceptance_t acceptance_;
    [[no_unique_address]] timing_t timing_;
    [[no_unique_address]] clock_t clock_;
    [[no_unique_address]] recorder_t recorder_;
    [[no_unique_address]] tickets_t tickets_;
    inference_t inference_;
    std::vector<std::string> names_;
    std::string name_;
    salted_hasher hasher_;
    std::uint32_t trial_;
    plan_board<plan_t> board_;
    mutable std::mutex planning_;   // held by who makes a plan from the one before
    traffic_plan plan_;             // in force, where one was put in force
    std::uint64_t plan_given_ = 0;  // its digest as it was handed in, before slots were found for it
    std::string plan_complaint_;    // why a later one was refused
    mutable live_evidence live_;
    [[no_unique_address]] std::array<live_quantile, metrics_t::quantile_of(metrics_t::size)> quantiles_;
    seen_window seen_;

private:
    static constexpr std::uint64_t completed = std::uint64_t{1} << 63;
    static constexpr std::uint32_t no_number = 0xffffffffU;

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

    std::string name_of(const splitter_t& splitter)
    {
        std::apply([this](const auto&... each) { (names_.push_back(each.name), ...); }, models_);
        for (std::size_t a = 0; a < arm_count; ++a) {
            for (std::size_t b = a + 1; b < arm_count; ++b) {
                if (names_[a] == names_[b]) {
                    throw configuration_error("model.name", "'" + names_[a] + "' twice",
                                              "a different name for every model");
                }
            }
        }
        if (const salt* const given = salt_of(splitter); given != nullptr && !given->empty()) {
            return given->text();
        }
        std::string name = names_.front();
        for (std::size_t a = 1; a < arm_count; ++a) {
            name += "-" + names_[a];
        }
        return name;
    }

    /// The hash of units under the splitter's salt, which may hold a secret, or under the trial's name.
    static salted_hasher hasher_of(const splitter_t& splitter, const std::string& name)
    {
        const salt* const given = salt_of(splitter);
        return given != nullptr && !given->empty() ? given->hasher() : salted_hasher{name};
    }

    [[nodiscard]] joust::evidence described() const
    {
        joust::evidence names;
        names.trial = name_;
        names.models = names_;
        names.series = metrics_.series_names();
        if constexpr (adjusts) {
            names.series.emplace_back("covariate");
        }
        return names;
    }

    template <class Unit, class Arguments>
    [[nodiscard]] visit assign(const Unit& unit, const Arguments& arguments) const noexcept
    {
        static_assert(unit_like<Unit>,
                      "joust: a unit key is text, an integer, an enumerator or a joust::uuid");
        const keyed_context<Arguments, Unit> call{{hasher_(unit), time_for_splitter(), arguments}, unit};
        const plan_t* const now = board_.without_pin();
        if (now != nullptr) [[likely]] {
            return assign_by(*now, call);
        }
        return assign_pinned(call);
    }

    template <class Call>
    [[nodiscard]] JOUST_NOINLINE visit assign_pinned(const Call& call) const noexcept
    {
        return board_.read_pinned(live_.mine(), [&](const plan_t& now) { return assign_by(now, call); });
    }

    template <class Call>
    [[nodiscard]] JOUST_ALWAYS_INLINE visit assign_by(const plan_t& now, const Call& call) const noexcept
    {
        const assignment given = now.split.assign(call);
        visit seen;
        seen.pseudonym = detail::pseudonym_of(randomised(now.split, call));
        seen.propensity = given.propensity;
        seen.arm = given.arm < arm_count ? given.arm : 0;
        seen.plan = now.number;
        seen.recorded = given.enrolled && given.propensity > 0.0;
        seen.shares = shares_of(now, seen.arm, given.propensity);
        return seen;
    }

    [[nodiscard]] std::int64_t time_for_splitter() const noexcept
    {
        if constexpr (!reads_time) {
            return 0;
        } else if constexpr (std::is_same_v<clock_t, steady_time>) {
            // A steady clock begins anywhere: replicas would not agree on it.
            return static_cast<std::int64_t>(wall_milliseconds()) * 1'000'000;
        } else {
            return clock_.now();
        }
    }

    /// The hash of what was randomised: the unit's, unless the splitter says that a part of it was (a block of time).
    template <class Call>
    [[nodiscard]] static std::uint64_t randomised(const split_t& split, const Call& call) noexcept
    {
        if constexpr (requires { split.randomised(call); }) {
            return split.randomised(call);
        } else {
            return call.unit;
        }
    }

    [[nodiscard]] static auto shares_of(const plan_t& now, unsigned arm, double propensity) noexcept
    {
        if constexpr (fixed_shares) {
            return now.pairs;
        } else {
            return std::array{arm == 0 ? pair_share::of(propensity, 1.0 - propensity)
                                       : pair_share::of(1.0 - propensity, propensity)};
        }
    }

    [[nodiscard]] ticket::exposure_fields fields_of(const visit& seen, std::uint32_t call) const noexcept
    {
        return {.unit = seen.pseudonym,
                .trial = trial_,
                .seconds = static_cast<std::uint32_t>(wall_milliseconds() / 1'000U),
                .propensity = static_cast<float>(seen.propensity),
                .arm = seen.arm,
                .plan = seen.plan,
                .nonce = call};
    }

    [[nodiscard]] ticket receipt_of(const visit& seen, std::uint32_t call) const noexcept
    {
        return ticket::exposure(fields_of(seen, call));
    }

    [[nodiscard]] ticket unrecorded_receipt() const noexcept
    {
        return ticket::unrecorded({.trial = trial_,
                                   .seconds = static_cast<std::uint32_t>(wall_milliseconds() / 1'000U),
                                   .nonce = hides_tickets<tickets_t> ? live_.mine().next_call() : 0});
    }

    /// Records an exposure when it goes out of scope: after the result has been built in the caller's place.
    template <bool Timed>
    class scope {
    public:
        scope(serving& owner, const visit& seen, const ticket* receipt, std::uint32_t number) noexcept
            : owner_(owner), seen_(seen), receipt_(receipt), number_(number)
        {
            if constexpr (Timed) {
                start_ = owner.clock_.now();
            }
        }
        scope(const scope&) = delete;
        scope& operator=(const scope&) = delete;
        ~scope()
        {
            std::int64_t spent = -1;
            if constexpr (Timed) {
                spent = owner_.clock_.now() - start_;
            }
            owner_.template finish<Timed>(seen_, spent, failed, receipt_, number_);
        }
        bool failed = false;

    private:
        serving& owner_;
        const visit& seen_;
        const ticket* receipt_;
        std::uint32_t number_;
        std::int64_t start_ = 0;
    };

    template <bool WithTicket, class... A>
    result_t<A...> call(ticket_type* out, A&&... arguments)
    {
        using result = result_t<A...>;
        constexpr bool as_const = calls::template all_take_const<A...>;
        bool may_record = true;
        if constexpr (asks_consent) {
            may_record = consent_.may_record(std::as_const(arguments)...);
        }
        visit seen;
        if (may_record) [[likely]] {
            seen = assign(key_.key(std::as_const(arguments)...),
                          std::tuple<const std::remove_reference_t<A>&...>{arguments...});
            if constexpr (adjusts) {
                if (seen.recorded) {
                    seen.covariate = covariate_.covariate(std::as_const(arguments)...);
                }
            }
        }
        if (!may_record || !seen.recorded) [[unlikely]] {
            live_.serve_unrecorded();
            if constexpr (WithTicket) {
                *out = tickets_.seal(unrecorded_receipt());
            }
            return calls::template invoke<result>(
                models_, may_record ? seen.arm : 0,
                static_cast<typename calls::template passed<A, as_const>>(arguments)...);
        }
        // The number is drawn before the call only where something needs it then; `finish` draws it otherwise.
        constexpr bool numbered = WithTicket || records || !std::is_same_v<timing_t, untimed>;
        const std::uint32_t number = numbered ? live_.mine().next_call() : no_number;
        ticket made;
        if constexpr (WithTicket || records) {
            made = receipt_of(seen, number);
            if constexpr (WithTicket) {
                *out = tickets_.seal(made);
            }
        }
        const ticket* const receipt = records ? &made : nullptr;
        // Two paths, so that a call that is not timed pays nothing for those that are.
        if constexpr (!std::is_same_v<timing_t, untimed>) {
            if (timing_.times(number)) {
                const visit apart = seen;  // else `seen` itself could not stay in registers
                return run_timed<result>(apart, receipt, number, std::forward<A>(arguments)...);
            }
        }
        return run<false, result>(seen, receipt, number, std::forward<A>(arguments)...);
    }

    template <class Result, class... A>
    JOUST_NOINLINE Result run_timed(const visit& seen, const ticket* receipt, std::uint32_t number,
                                    A&&... arguments)
    {
        return run<true, Result>(seen, receipt, number, std::forward<A>(arguments)...);
    }

    template <bool Timed, class result, class... A>
    JOUST_ALWAYS_INLINE result run(const visit& seen, const ticket* receipt, std::uint32_t number,
                                   A&&... arguments)
    {
        constexpr bool as_const = calls::template all_take_const<A...>;
        scope<Timed> running{*this, seen, receipt, number};
        try {
            if constexpr (asks_acceptance) {
                result answer = calls::template invoke<result>(
                    models_, seen.arm,
                    static_cast<typename calls::template passed<A, as_const>>(arguments)...);
                const bool accepted = accepts(answer);
                if (accepted || seen.arm == 0) {
                    running.failed = !accepted;
                    return answer;
                }
                static_assert(
                    falls_back,
                    "joust: accept_if refuses results, which needs the champion to fall back on; it does not go with rethrow{}");
                running.failed = true;
            } else {
                return calls::template invoke<result>(
                    models_, seen.arm,
                    static_cast<typename calls::template passed<A, as_const>>(arguments)...);
            }
        } catch (...) {
            running.failed = true;
            if (!falls_back || seen.arm == 0) {
                throw;
            }
        }
        if constexpr (falls_back) {
            return calls::template invoke<result>(
                models_, 0, static_cast<typename calls::template passed<A, as_const>>(arguments)...);
        } else {
            std::terminate();  // not reached: without a fallback every path above returns or throws
        }
    }

    /// An acceptance that throws refuses: what the model returned must not be lost to it.
    template <class Answer>
    bool accepts(const Answer& answer) const noexcept
    {
        try {
            return acceptance_.accept(answer);
        } catch (...) {
            return false;
        }
    }

    template <bool Timed>
    JOUST_ALWAYS_INLINE void finish(const visit& seen, std::int64_t spent, bool failed, const ticket* receipt,
                                    std::uint32_t number) noexcept
    {
        slab& mine = live_.mine();
        if (Derived::counts_every_call && number == no_number) {
            number = mine.next_call();
        }
        live_.expose(mine, seen.arm, seen.shares, seen.pseudonym);
        double covariate = 0.0;
        if constexpr (adjusts) {
            if (std::isfinite(seen.covariate)) {
                covariate = seen.covariate;
            } else {
                live_.ignore(ignored::invalid_value);
            }
            live_.observe(mine, metrics_.series_count(), seen.arm, seen.shares, seen.pseudonym, covariate);
        }
        bool eventful = failed;
        if constexpr (Timed) {
            if (spent >= 0 && live_.time(mine, seen.arm, spent)) [[unlikely]] {
                live_.late(mine, seen.arm, seen.shares, seen.pseudonym, spent, wall_milliseconds());
                eventful = true;
            }
        }
        if (failed) [[unlikely]] {
            live_.fail(mine, seen.arm, seen.shares, seen.pseudonym, wall_milliseconds());
        }
        if constexpr (records) {
            recorder_.record(event{.kind = event::what::exposure,
                                   .ticket = *receipt,
                                   .nanoseconds = spent,
                                   .failed = failed,
                                   .covariate = covariate});
        }
        if (Derived::counts_every_call || number != no_number) {
            self().after_call(eventful, number);
        }
    }

    void record(const visit& seen, std::int64_t spent, bool failed, const ticket& receipt) noexcept
    {
        finish<true>(seen, spent, failed, &receipt, live_.mine().next_call());
    }

    template <fixed_string Name, std::size_t Denominators>
    static constexpr std::size_t metric_named()
    {
        constexpr std::size_t which = metrics_t::find(Name.view());
        static_assert(
            which != metrics_t::none,
            "joust: no metric of this trial has this name; observe<\"name\"> takes the name of a conversion, mean or other metric that was given to the trial");
        if constexpr (which != metrics_t::none) {
            constexpr bool ratio = is_ratio<inner_metric_t<typename metrics_t::template given_t<which>>>;
            static_assert(
                !ratio || Denominators == 1,
                "joust: a ratio is observed with two amounts: observe<\"name\">(ticket, numerator, denominator)");
            static_assert(
                ratio || Denominators == 0,
                "joust: this metric is observed with one value; a ratio<\"name\"> takes two amounts");
        }
        return which;
    }

    template <std::size_t Which, class... Values>
    bool convert(cell& c, Values... values) noexcept
    {
        bool usable = (std::isfinite(values) && ...);
        if (usable) {
            metrics_.template get<Which>().add(c, values...);
            usable = !c.refused && std::isfinite(c.value) && std::isfinite(c.per);
        }
        if (!usable) {
            live_.ignore(ignored::invalid_value);
        }
        return usable;
    }

    /// Check a ticket and recover what it says of its exposure; counts what is wrong with it.
    bool read(const ticket_type& given, ticket& receipt, visit& seen) noexcept
    {
        if constexpr (!hides_tickets<tickets_t>) {
            seen_.prefetch(given.key());
        }
        if (!admit(tickets_, given, trial_, live_, receipt)) {
            return false;
        }
        if (receipt.kind() == ticket_kind::slate || (receipt.names_arm() && receipt.arm() >= arm_count)) {
            live_.ignore(ignored::foreign_ticket);
            return false;
        }
        if (!receipt.names_arm()) {
            live_.ignore(ignored::unrecorded_unit);
            return false;
        }
        seen.pseudonym = receipt.unit();
        seen.propensity = static_cast<double>(receipt.propensity());
        seen.arm = receipt.arm();
        seen.plan = receipt.plan();
        if constexpr (arm_count == 2) {
            // The ticket says it all, so that it may come back to any replica, whatever plan that one is on.
            seen.shares[0] = pair_share::with(seen.arm == 0 ? 1.0 - seen.propensity : seen.propensity);
        } else {
            const bool known = board_.read_of_ticket(receipt.plan(), [&seen](const plan_t& then) {
                seen.shares = then.pairs;
                // Beyond 128 plans numbers come again: then the ticket's own propensity tells a plan that is gone.
                return plan_board<plan_t>::kept > then.number ||
                       static_cast<float>(then.shares[seen.arm]) == static_cast<float>(seen.propensity);
            });
            if (!known) {
                live_.ignore(ignored::foreign_ticket);
                return false;
            }
        }
        return true;
    }

    template <std::size_t Which>
    void take_in(const visit& seen, const cell& c, const ticket& receipt) noexcept
    {
        if constexpr (metrics_t::template is_quantile_at<Which>) {
            const double counted =
                quantiles_[metrics_t::quantile_of(Which)].take(seen.arm, seen.shares, c.value);
            if (!std::isnan(counted)) {
                add_up<Which>(seen, {.value = counted});
            }
        } else {
            add_up<Which>(seen, c);
        }
        if constexpr (records) {
            recorder_.record(
                event{.kind = event::what::feedback,
                      .ticket = receipt,
                      .metric = inner_metric_t<typename metrics_t::template given_t<Which>>::name(),
                      .value = c.value,
                      .denominator = c.per});
        }
        self().after_feedback();
    }

    template <std::size_t Which>
    JOUST_ALWAYS_INLINE void add_up(const visit& seen, const cell& c) noexcept
    {
        slab& mine = live_.mine();
        live_.observe(mine, metrics_t::series_of(Which), seen.arm, seen.shares, seen.pseudonym, c.value);
        if (const std::size_t divisor = metrics_.template denominator_of<Which>();
            divisor != exposure_series) {
            live_.observe(mine, divisor, seen.arm, seen.shares, seen.pseudonym, c.per);
        }
    }

    /// Was the unit's arm the same in all plans so far? Then `seen` gets the arm and, as propensity, the share of units that
    /// always were challengers among those that never changed.
    template <class Unit>
    bool constant_arm(const Unit& unit, visit& seen) const
    {
        using arguments_t = std::tuple<const Unit&>;
        const arguments_t arguments{unit};
        const keyed_context<arguments_t, Unit> call{{hasher_(unit), 0, arguments}, unit};
        bool first = true;
        bool same = true;
        std::array<double, arm_count> smallest{};
        const bool whole = board_.for_each([&](const plan_t& each) {
            const assignment given = each.split.assign(call);
            same = same && given.enrolled && given.propensity > 0.0 && given.arm < arm_count &&
                   (first || given.arm == seen.arm);
            seen.arm = given.arm < arm_count ? given.arm : 0;
            seen.plan = each.number;
            if constexpr (fixed_shares) {
                for (std::size_t a = 0; a < arm_count; ++a) {
                    smallest[a] = first ? each.shares[a] : std::fmin(smallest[a], each.shares[a]);
                }
            } else {
                const double other = 1.0 - given.propensity;
                const double one = given.arm == 0 ? other : given.propensity;
                smallest[0] = first ? 1.0 - one : std::fmin(smallest[0], 1.0 - one);
                smallest[1] = first ? one : std::fmin(smallest[1], one);
            }
            first = false;
        });
        double all = 0.0;
        for (std::size_t a = 0; a < arm_count; ++a) {
            all += smallest[a];
        }
        for (std::size_t p = 0; p + 1 < arm_count; ++p) {
            seen.shares[p] = pair_share::of(smallest[0], smallest[p + 1]);
        }
        seen.propensity = all > 0.0 ? smallest[seen.arm] / all : 0.0;
        return whole && same && seen.propensity > 0.0;
    }
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
