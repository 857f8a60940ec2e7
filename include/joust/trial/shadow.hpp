// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/clock.hpp>
#include <joust/core/executor.hpp>
#include <joust/core/outlives_call.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/evidence/thread_slabs.hpp>
#include <joust/inference/always_valid.hpp>
#include <joust/report/report.hpp>
#include <joust/report/write.hpp>
#include <joust/shadow/breaker.hpp>
#include <joust/shadow/comparator.hpp>
#include <joust/shadow/judge.hpp>
#include <joust/shadow/pending.hpp>
#include <joust/shadow/sampler.hpp>
#include <joust/ticket/ticket.hpp>
#include <joust/ticket/tickets.hpp>
#include <joust/trial/consent.hpp>
#include <joust/trial/detail/check_call.hpp>
#include <joust/trial/detail/pass_copies.hpp>
#include <joust/trial/detail/shadow_evidence.hpp>
#include <joust/trial/detail/shadow_report.hpp>
#include <joust/trial/salt_role.hpp>
#include <joust/trial/served.hpp>

#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
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

/// The predictions of both models for one request; none of the challenger where it failed.
template <class Champion, class Challenger>
struct prediction_pair {
    Champion champion;
    std::optional<Challenger> challenger;
};

/// A truth that came before its predictions, whatever its type.
template <class Trial, class Pair>
struct early_truth {
    early_truth() = default;
    early_truth(const early_truth&) = delete;
    early_truth& operator=(const early_truth&) = delete;
    virtual ~early_truth() = default;
    virtual void judge(Trial& trial, std::uint64_t pseudonym, const Pair& pair) const = 0;
};

/// Predictions that wait for their truth; no memory is taken before the first.
template <class Trial, class Pair>
class prediction_memory {
public:
    using pair = Pair;
    using store = pending_results<Pair, std::unique_ptr<early_truth<Trial, Pair>>>;

    store& get(std::size_t results)
    {
        if (store* ready = ready_.load(std::memory_order_acquire)) {
            return *ready;
        }
        const std::scoped_lock lock{mutex_};
        if (owned_ == nullptr) {
            owned_ = std::make_unique<store>(results);
            ready_.store(owned_.get(), std::memory_order_release);
        }
        return *owned_;
    }

    [[nodiscard]] std::uint64_t forgotten() const
    {
        const store* ready = ready_.load(std::memory_order_acquire);
        return ready == nullptr ? 0 : ready->forgotten();
    }

private:
    std::mutex mutex_;
    std::unique_ptr<store> owned_;
    std::atomic<store*> ready_{nullptr};
};

struct no_prediction_memory {
    [[nodiscard]] static std::uint64_t forgotten() noexcept { return 0; }
};

template <class T>
inline constexpr bool runs_at_once = requires { requires T::immediate; };

// A value may be remembered when a copy of it can be made and owns what it speaks of.
template <class T>
concept memorable = std::is_object_v<T> && std::is_copy_constructible_v<T> && outlives_call<T>;

}  // namespace detail

/// Serve by the champion alone while challengers answer the same requests beside it: agreement, accuracy once the truth
/// is known, latency and failures, at no risk to users.
///
/// When to use: first, for every challenger: it shows whether it runs, how fast, and where it differs. When not: to learn
/// what users do with another answer (they never see one), or with models that have side effects: they would happen twice.
///
/// The champion gets the caller's arguments and its result is returned exactly; what it throws is counted and passed on. A
/// challenger gets copies made before the champion runs, its exceptions are swallowed and counted.
/// shape: `shadow live{model{"linear", f}, model{"knn", g}, sampled{.rate = 0.1}, background{.queue = 1024}}`; further roles:
/// by, compare_with, judged_by, remembered, breaker, consent, a clock, tickets (plain or signed), inference (any that ships with joust; its `units` are
/// pairs), a salt. Neither copied nor moved.
/// errors: configuration_error from the constructor, naming field, value and what is allowed.
/// cost: not sampled 15 ns; sampled two clock reads, copies of arguments and result, and about 60 ns, in the caller
template <class... Args>
class shadow {
    using parts = detail::split_arguments<std::tuple<>, Args...>;
    using models_t = typename parts::models;
    using roles =
        role_list<unit_key_role, comparator_role, executor_role, sampler_role, breaker_role, judge_role,
                  memory_role, consent_role, clock_role, ticket_role, inference_role, salt_role>;
    using policies = typename parts::template policies<roles>;
    static constexpr std::size_t model_count = parts::count;
    static constexpr std::size_t challengers = model_count - 1;

    static_assert(policies::ok);
    static_assert(model_count >= 2,
                  "joust: a trial needs a champion and a challenger: at least two joust::model come first");
    static_assert(model_count <= 8, "joust: a shadow has at most 8 models: a champion and 7 challengers");

    template <class Role, class Default>
    using policy = typename policies::template type<Role, Default>;

    using key_t = policy<unit_key_role, per_request>;
    using comparator_t = policy<comparator_role, exact_match>;
    using executor_t = policy<executor_role, background>;
    using sampler_t = policy<sampler_role, all_requests>;
    using breaker_t = policy<breaker_role, no_breaker>;
    using judge_t = policy<judge_role, equals_truth>;
    using memory_t = policy<memory_role, remembered<>>;
    using consent_t = policy<consent_role, everybody>;
    using clock_t = policy<clock_role, steady_time>;
    using tickets_t = policy<ticket_role, plain_tickets>;
    using inference_t = policy<inference_role, always_valid>;

    static_assert(
        paired_inference_policy<inference_t>,
        "joust: a shadow asks its inference about pairs; this policy does not say `static constexpr bool pairs = true`");

    static constexpr bool asks_consent = policies::template given<consent_role>;
    static constexpr bool breaks = policies::template given<breaker_role>;
    static constexpr bool immediate = detail::runs_at_once<executor_t>;

    template <std::size_t I>
    using callable_t = std::remove_reference_t<decltype(std::get<I>(std::declval<models_t&>()).call)>;

    // What a model returns, as far as that is known before the first call.
    template <std::size_t I>
    using prediction_t =
        std::conditional_t<std::is_same_v<typename memory_t::prediction, detail::deduced>,
                           typename detail::sole_result<callable_t<I>>::type, typename memory_t::prediction>;
    template <std::size_t P>
    static constexpr bool remembers =
        detail::memorable<prediction_t<0>> && detail::memorable<prediction_t<P + 1>>;

    template <std::size_t P, bool Remembers = remembers<P>>
    struct memory_for {
        using type = detail::no_prediction_memory;
    };
    template <std::size_t P>
    struct memory_for<P, true> {
        using type =
            detail::prediction_memory<shadow, detail::prediction_pair<prediction_t<0>, prediction_t<P + 1>>>;
    };
    template <class Indices>
    struct memories;
    template <std::size_t... P>
    struct memories<std::index_sequence<P...>> {
        using type = std::tuple<typename memory_for<P>::type...>;
    };
    using memories_t = typename memories<std::make_index_sequence<challengers>>::type;

    static auto started(const executor_t& options)
    {
        if constexpr (startable_executor<executor_t>) {
            return options.start();
        } else {
            return options;
        }
    }
    using running_t = decltype(started(std::declval<const executor_t&>()));

public:
    /// What carries the truth back: `ticket`, or `signed_ticket` where the trial signs.
    using ticket_type = detail::sealed_by<tickets_t>;

    explicit shadow(Args... arguments) : shadow(std::tuple<Args...>{std::move(arguments)...}) {}

    shadow(const shadow&) = delete;
    shadow& operator=(const shadow&) = delete;

    /// Serve a request by the champion: the call that was there before.
    /// errors: what the champion throws
    template <class... A>
    decltype(auto) operator()(A&&... arguments)
    {
        if constexpr (check_call<A...>()) {
            return call<false>(nullptr, std::forward<A>(arguments)...);
        } else {
            return detail::no_answer{};
        }
    }

    /// Serve a request and give a ticket, for the truth that is known later.
    template <class... A>
    auto serve(A&&... arguments)
    {
        using result = result_t<A...>;
        ticket_type receipt;
        if constexpr (!check_call<A...>()) {
            return served<detail::no_answer, ticket_type>{};
        } else if constexpr (std::is_void_v<result>) {
            call<true>(&receipt, std::forward<A>(arguments)...);
            return served<void, ticket_type>{receipt};
        } else {
            return served<result, ticket_type>{call<true>(&receipt, std::forward<A>(arguments)...), receipt};
        }
    }

    /// Tell what the right answer to a ticket's request was; both models are judged by it.
    ///
    /// It may come before the challenger is done. Returns whether it was used or will be; if not, the report counts why:
    /// a truth for a request that no challenger ran on has nothing to compare.
    template <class Truth>
    bool truth(const ticket_type& given, const Truth& value)
    {
        ticket receipt;
        ticket_desk desk{*this};
        if (!detail::admit(tickets_, given, trial_, desk, receipt)) {
            return false;
        }
        if (receipt.kind() == ticket_kind::slate || (receipt.plan() >> challengers) != 0) {
            return note(truth_fate::foreign);
        }
        if (receipt.kind() != ticket_kind::exposure || receipt.plan() == 0) {
            return note(truth_fate::not_run);
        }
        if constexpr (std::is_floating_point_v<Truth>) {
            if (!std::isfinite(value)) {
                return note(truth_fate::invalid);
            }
        }
        bool used = false;
        for_each_challenger([&]<std::size_t P> {
            if (((receipt.plan() >> P) & 1U) != 0) {
                used = settle<P>(receipt, value) || used;
            }
        });
        return used;
    }

    /// As above, with the ticket's text as it came back; a text that is no ticket is counted.
    template <class Truth>
    bool truth(std::string_view text, const Truth& value)
    {
        ticket_type receipt;
        return ticket_type::parse(text, receipt) == ticket_error::none ? truth(receipt, value)
                                                                       : note(truth_fate::damaged);
    }

    /// Wait until the challengers have answered every request accepted so far. For tests and shutdown, never in a model.
    void drain()
    {
        if constexpr (requires { running_.drain(); }) {
            running_.drain();
        }
    }

    /// Say what is known so far. Call it as often as you like, also while other threads serve.
    [[nodiscard]] joust::report report() const
    {
        shadow_evidence seen = evidence();
        joust::report out = detail::shadow_report(seen, how_);
        const std::scoped_lock lock{memory_mutex_};
        for (std::size_t p = 0; p < challengers; ++p) {
            kept_[p].take(seen.pairs[p]);
        }
        return out;
    }

    /// Say what evidence from elsewhere shows, such as that of all replicas merged.
    /// errors: configuration_error where it is not of this trial
    [[nodiscard]] joust::report report(shadow_evidence merged) const
    {
        if (merged.trial != name_ || merged.models != names_ || merged.pairs.size() != challengers) {
            throw configuration_error("shadow_evidence", "of trial '" + merged.trial + "'",
                                      "evidence of trial '" + name_ +
                                          "' with the same models in the same order");
        }
        return detail::shadow_report(merged, how_);
    }

    /// Copy all evidence out, to merge it with that of other replicas. Exact in total when nobody serves.
    [[nodiscard]] shadow_evidence evidence() const;

    /// The trial's name: its salt.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
    using row = detail::shadow_row;

    enum class truth_fate : std::uint8_t {
        joined,
        waiting,
        repeated,
        challenger_failed,
        not_run,
        damaged,
        foreign,
        invalid,
        forged,
        retired,
        late
    };
    static constexpr std::size_t truth_fates = 11;

    /// Counts tickets that are not taken, in the words of a truth's fate.
    struct ticket_desk {
        shadow& self;
        void ignore(detail::ignored reason) noexcept
        {
            self.note(reason == detail::ignored::foreign_ticket  ? truth_fate::foreign
                      : reason == detail::ignored::forged_ticket ? truth_fate::forged
                      : reason == detail::ignored::retired_key   ? truth_fate::retired
                      : reason == detail::ignored::late_ticket   ? truth_fate::late
                                                                 : truth_fate::damaged);
        }
    };

    using passing = detail::shadowed_call<models_t, immediate, comparator_t>;
    template <class... A>
    using result_t = typename passing::template result<A...>;

    /// Can models and policies be asked with these arguments? Otherwise one sentence says what is wrong.
    template <class... A>
    static constexpr bool check_call()
    {
        if constexpr (std::is_same_v<result_t<A...>, detail::no_answer>) {
            return false;
        } else {
            return detail::check_unit_of_call<key_t, consent_t, std::remove_reference_t<A>...>();
        }
    }
    template <class... A>
    using packed = typename passing::template packed<A...>;
    template <class Result>
    using kept_result = typename passing::template kept_result<Result>;

    /// One challenger's work for one request.
    template <std::size_t P, class Champion, class... A>
    struct errand {
        shadow* self;
        std::uint64_t pseudonym;
        /// of a request with a ticket, else 0
        std::uint64_t key;
        packed<A...> arguments;
        Champion champion;

        void operator()() noexcept { self->template run<P, A...>(*this); }
    };

    enum class fate : std::uint8_t { meant, paused, dropped, not_copied };

    template <class... A>
    struct prepared {
        std::array<std::optional<packed<A...>>, challengers> copies;
        std::array<fate, challengers> fates{};
    };

    explicit shadow(std::tuple<Args...> arguments)
        : models_(take_models(arguments, std::make_index_sequence<model_count>{})),
          key_(pick<unit_key_role, per_request>(arguments)),
          comparator_(pick<comparator_role, exact_match>(arguments)),
          sampler_(pick<sampler_role, all_requests>(arguments)),
          judge_(pick<judge_role, equals_truth>(arguments)),
          memory_(pick<memory_role, remembered<>>(arguments)),
          consent_(pick<consent_role, everybody>(arguments)),
          clock_(pick<clock_role, steady_time>(arguments)),
          tickets_(pick<ticket_role, plain_tickets>(arguments)),
          how_{.inference = pick<inference_role, always_valid>(arguments)},
          breakers_(make_breakers(pick<breaker_role, no_breaker>(arguments),
                                  std::make_index_sequence<challengers>{})),
          name_(named(pick<salt_role, salt>(arguments))), hasher_(name_),
          trial_(ticket::trial_number("shadow/" + name_)),
          slabs_(detail::slab_layout{model_count, row::rows}),
          running_(started(pick<executor_role, background>(arguments)))
    {
        detail::check_expiry(tickets_);
    }

    template <class Role, class Default>
    static auto pick(std::tuple<Args...>& arguments)
    {
        auto chosen = policies::template pick<Role, Default>(arguments);
        if constexpr (requires { chosen.validate(); }) {
            chosen.validate();
        }
        return chosen;
    }

    template <std::size_t... I>
    static models_t take_models(std::tuple<Args...>& arguments, std::index_sequence<I...>)
    {
        return models_t{std::move(std::get<I>(arguments))...};
    }

    template <std::size_t... P>
    static auto make_breakers(const breaker_t& options, std::index_sequence<P...>)
    {
        return std::array<breaker_state<breaker_t>, challengers>{
            (static_cast<void>(P), breaker_state<breaker_t>{options})...};
    }

    std::string named(const salt& given)
    {
        std::apply([this](const auto&... each) { (names_.push_back(each.name), ...); }, models_);
        for (std::size_t a = 0; a < model_count; ++a) {
            for (std::size_t b = a + 1; b < model_count; ++b) {
                if (names_[a] == names_[b]) {
                    throw configuration_error("model.name", "'" + names_[a] + "' twice",
                                              "a different name for every model");
                }
            }
        }
        if (!(how_.inference.alpha > 0.0 && how_.inference.alpha < 1.0)) {
            throw configuration_error("alpha", to_text(how_.inference.alpha),
                                      "an error rate between 0 and 1");
        }
        if (!(how_.inference.units >= 1.0) || std::isinf(how_.inference.units)) {
            throw configuration_error("units", to_text(how_.inference.units),
                                      "a planned number of comparisons, at least 1");
        }
        if (const std::size_t most = std::size_t{1} << 24; memory_.results == 0 || memory_.results > most) {
            throw configuration_error("remembered.results", std::to_string(memory_.results),
                                      "1 to 16777216 results");
        }
        if constexpr (requires { sampler_.rate; }) {
            how_.rate = static_cast<double>(sampler_.rate);
        }
        how_.in_background = !immediate;
        if (!given.empty()) {
            return given.text();
        }
        std::string name = names_.front();
        for (std::size_t a = 1; a < model_count; ++a) {
            name += "-" + names_[a];
        }
        return name;
    }

    template <class Visit>
    static constexpr void for_each_challenger(Visit&& visit)
    {
        [&]<std::size_t... P>(std::index_sequence<P...>) {
            (visit.template operator()<P>(), ...);
        }(std::make_index_sequence<challengers>{});
    }

    // Predictions wait under a key of their own: the ticket's is fixed only once it is known which challengers run.
    [[nodiscard]] static constexpr std::uint64_t key_of(std::uint64_t pseudonym, std::uint32_t seconds,
                                                        std::uint32_t nonce) noexcept
    {
        return mix64(pseudonym ^ mix64((std::uint64_t{seconds} << 22) | (nonce & 0x3fffffU))) | 1U;
    }

    [[nodiscard]] ticket receipt_of(std::uint64_t pseudonym, std::uint32_t seconds, std::uint32_t nonce,
                                    unsigned run) const noexcept
    {
        return ticket::exposure(
            {.unit = pseudonym, .trial = trial_, .seconds = seconds, .plan = run, .nonce = nonce});
    }

    [[nodiscard]] static std::uint32_t now_in_seconds() noexcept
    {
        return static_cast<std::uint32_t>(wall_milliseconds() / 1'000U);
    }

    bool note(truth_fate what) noexcept
    {
        truths_[static_cast<std::size_t>(what)].fetch_add(1, std::memory_order_relaxed);
        return what == truth_fate::joined || what == truth_fate::waiting;
    }

    /// Counts a request when it goes out of scope: after the result has been built in the caller's place.
    struct counting {
        shadow& self;
        std::uint64_t pseudonym;
        bool sampled;
        bool failed = false;

        counting(shadow& owner, std::uint64_t unit, bool is_sampled) noexcept
            : self(owner), pseudonym(unit), sampled(is_sampled)
        {
        }
        counting(const counting&) = delete;
        counting& operator=(const counting&) = delete;
        ~counting()
        {
            detail::slab& mine = self.slabs_.mine();
            mine.add(row::calls, 0, false, row::all_requests, 1.0, sampled ? 1.0 : 0.0);
            mine.add_unit(0, pseudonym);
            if (failed) [[unlikely]] {
                mine.add(row::calls, 0, false, row::failed_requests, 1.0, 0.0);
            }
        }
    };

    template <bool WithTicket, class... A>
    result_t<A...> call(ticket_type* out, A&&... arguments)
    {
        if constexpr (asks_consent) {
            if (!consent_.may_record(std::as_const(arguments)...)) {
                unrecorded_.fetch_add(1, std::memory_order_relaxed);
                if constexpr (WithTicket) {
                    *out = tickets_.seal(ticket::unrecorded(
                        {.trial = trial_,
                         .seconds = now_in_seconds(),
                         .nonce = detail::hides_tickets<tickets_t> ? slabs_.mine().next_call() : 0}));
                }
                return detail::invoke(std::get<0>(models_).call, std::forward<A>(arguments)...);
            }
        }
        const std::uint64_t hash = hasher_(key_.key(std::as_const(arguments)...));
        const std::uint64_t pseudonym = detail::pseudonym_of(hash);
        counting count{*this, pseudonym, sampler_.sample(hash)};
        try {
            if (!count.sampled) {
                if constexpr (WithTicket) {
                    *out =
                        tickets_.seal(receipt_of(pseudonym, now_in_seconds(), slabs_.mine().next_call(), 0));
                }
                return detail::invoke(std::get<0>(models_).call, std::forward<A>(arguments)...);
            }
            return call_beside<WithTicket>(out, pseudonym, std::forward<A>(arguments)...);
        } catch (...) {
            count.failed = true;
            throw;
        }
    }

    template <bool WithTicket, class... A>
    result_t<A...> call_beside(ticket_type* out, std::uint64_t pseudonym, A&&... arguments)
    {
        using result = result_t<A...>;
        request about{.pseudonym = pseudonym};
        if constexpr (WithTicket) {
            about.nonce = slabs_.mine().next_call();
            about.seconds = now_in_seconds();
            about.key = key_of(pseudonym, about.seconds, about.nonce);
            *out = tickets_.seal(receipt_of(pseudonym, about.seconds, about.nonce, 0));
        }
        prepared<A...> ready;
        prepare(ready, arguments...);
        const std::int64_t start = clock_.now();
        if constexpr (std::is_void_v<result>) {
            detail::invoke(std::get<0>(models_).call, std::forward<A>(arguments)...);
            about.spent = clock_.now() - start;
            send<result>(about, ready, detail::nothing{});
            finish<WithTicket>(out, about);
        } else if constexpr (std::is_reference_v<result>) {
            result answer = detail::invoke(std::get<0>(models_).call, std::forward<A>(arguments)...);
            about.spent = clock_.now() - start;
            send<result>(about, ready, std::as_const(answer));
            finish<WithTicket>(out, about);
            return static_cast<result>(answer);
        } else {
            result answer = detail::invoke(std::get<0>(models_).call, std::forward<A>(arguments)...);
            about.spent = clock_.now() - start;
            send<result>(about, ready, std::as_const(answer));
            finish<WithTicket>(out, about);
            return answer;
        }
    }

    struct request {
        std::uint64_t pseudonym = 0;
        std::uint64_t key = 0;
        /// by the champion, nanoseconds
        std::int64_t spent = 0;
        std::uint32_t seconds = 0;
        std::uint32_t nonce = 0;
        /// bit p: challenger p was given the request
        unsigned run = 0;
    };

    template <bool WithTicket>
    void finish(ticket_type* out, const request& about) const noexcept
    {
        if constexpr (WithTicket) {
            *out = tickets_.seal(receipt_of(about.pseudonym, about.seconds, about.nonce, about.run));
        }
    }

    /// Copy the arguments for each challenger that will run: now, since the champion may change or consume them.
    template <class... A>
    void prepare(prepared<A...>& ready, const std::remove_reference_t<A>&... arguments) noexcept
    {
        std::int64_t now = 0;
        if constexpr (breaks) {
            now = clock_.now();
        }
        for (std::size_t p = 0; p < challengers; ++p) {
            if constexpr (requires {
                              { running_.full() } -> std::convertible_to<bool>;
                          }) {
                if (running_.full()) {
                    ready.fates[p] = fate::dropped;
                    continue;
                }
            }
            if constexpr (breaks) {
                if (!breakers_[p].allow(now)) {
                    ready.fates[p] = fate::paused;
                    continue;
                }
            }
            try {
                ready.copies[p].emplace(arguments...);
            } catch (...) {
                ready.fates[p] = fate::not_copied;
            }
        }
    }

    /// Send each challenger on its errand, and count those that cannot go.
    template <class Result, class Answer, class... A>
    void send(request& about, prepared<A...>& ready, const Answer& answer) noexcept
    {
        for_each_challenger([&]<std::size_t P> {
            if (ready.fates[P] == fate::meant) {
                try {
                    errand<P, kept_result<Result>, A...> task{this, about.pseudonym, about.key,
                                                              std::move(*ready.copies[P]), answer};
                    if (!running_.dispatch(std::move(task))) {
                        ready.fates[P] = fate::dropped;
                    }
                } catch (...) {
                    ready.fates[P] = fate::not_copied;
                }
            }
        });
        detail::slab& mine = slabs_.mine();
        const std::size_t bucket = detail::bucket_of(about.pseudonym);
        const std::size_t bin = latency_sketch::bin_of(about.spent);
        for (std::size_t p = 0; p < challengers; ++p) {
            switch (ready.fates[p]) {
                case fate::meant:
                    about.run |= 1U << p;
                    mine.add(row::fates, p, false, bucket, static_cast<double>(bin), 0.0);
                    break;
                case fate::dropped:
                    mine.add(row::fates, p, true, bucket, static_cast<double>(bin), 0.0);
                    break;
                case fate::paused: mine.expect(row::paused, p, 1.0); break;
                case fate::not_copied: mine.expect(row::not_copied, p, 1.0); break;
            }
        }
        if (about.run != 0) {
            mine.add_latency(0, about.spent);
        }
    }

    template <std::size_t P, class... A, class Errand>
    decltype(auto) challenge(Errand& task)
    {
        return std::apply(
            [this](auto&... copies) -> decltype(auto) {
                return detail::invoke(std::get<P + 1>(models_).call,
                                      static_cast<typename passing::template passed<A>>(copies)...);
            },
            task.arguments);
    }

    /// Run one challenger, where the executor pleases. Nothing gets out.
    template <std::size_t P, class... A, class Errand>
    void run(Errand& task) noexcept
    {
        const std::int64_t start = clock_.now();
        bool returned = false;
        try {
            if constexpr (std::is_same_v<std::remove_cvref_t<decltype(task.champion)>, detail::nothing>) {
                challenge<P, A...>(task);
                succeed<P>(task.pseudonym, clock_.now() - start);
                returned = true;
                add_comparison(P, task.pseudonym, {true, 0.0});
            } else {
                auto&& answer = challenge<P, A...>(task);
                succeed<P>(task.pseudonym, clock_.now() - start);
                returned = true;
                compare<P>(task, std::as_const(answer));
                if (task.key != 0) {
                    remember<P>(task, std::as_const(answer));
                }
            }
        } catch (...) {
            if (returned) {
                slabs_.mine().expect(row::not_judged, P, 1.0);  // the predictions could not be kept
            } else {
                fail<P>(task);
            }
        }
    }

    template <std::size_t P>
    void succeed(std::uint64_t pseudonym, std::int64_t spent) noexcept
    {
        detail::slab& mine = slabs_.mine();
        mine.add(row::calls, P, true, detail::bucket_of(pseudonym), 0.0, 0.0);
        mine.add_latency(P + 1, spent);
        mine.add_unit(P + 1, pseudonym);
        if constexpr (breaks) {
            breakers_[P].success();
        }
    }

    template <std::size_t P, class Errand>
    void fail(Errand& task) noexcept
    {
        detail::slab& mine = slabs_.mine();
        mine.add(row::calls, P, true, detail::bucket_of(task.pseudonym), 1.0, 0.0);
        mine.add_unit(P + 1, task.pseudonym);
        if constexpr (breaks) {
            breakers_[P].failure(clock_.now());
        }
        if constexpr (remembers<P>) {
            if constexpr (std::is_constructible_v<prediction_t<0>, decltype(std::as_const(task.champion))>) {
                if (task.key != 0) {
                    try {
                        keep<P>(task, {prediction_t<0>(std::as_const(task.champion)), std::nullopt});
                    } catch (...) {
                        mine.expect(row::not_judged, P, 1.0);
                    }
                }
            }
        }
    }

    template <std::size_t P, class Errand, class Answer>
    void compare(const Errand& task, const Answer& answer) noexcept
    {
        try {
            add_comparison(P, task.pseudonym, comparator_.compare(task.champion, answer));
        } catch (...) {
            slabs_.mine().expect(row::incomparable, P, 1.0);
        }
    }

    void add_comparison(std::size_t p, std::uint64_t pseudonym, const comparison& seen) noexcept
    {
        const bool finite = std::isfinite(seen.distance);
        slabs_.mine().add(row::compared, p, !finite, detail::bucket_of(pseudonym), seen.agree ? 1.0 : 0.0,
                          finite ? seen.distance : 0.0);
    }

    template <std::size_t P, class Errand, class Answer>
    void remember(const Errand& task, const Answer& answer)
    {
        if constexpr (remembers<P>) {
            if constexpr (std::is_constructible_v<prediction_t<0>, decltype(task.champion)> &&
                          std::is_constructible_v<prediction_t<P + 1>, const Answer&>) {
                keep<P>(task, {prediction_t<0>(task.champion), prediction_t<P + 1>(answer)});
            }
        }
    }

    template <std::size_t P, class Errand, class Pair = typename memory_for<P>::type::pair>
    void keep(const Errand& task, Pair pair)
    {
        auto& memory = std::get<P>(memories_).get(memory_.results);
        if (const auto early = memory.remember(task.key, std::move(pair))) {
            (*early)->judge(*this, task.pseudonym, pair);
        }
    }

    template <std::size_t P, class Pair, class Truth>
    struct waiting_truth final : detail::early_truth<shadow, Pair> {
        Truth value;

        explicit waiting_truth(Truth known) : value(std::move(known)) {}
        void judge(shadow& trial, std::uint64_t pseudonym, const Pair& pair) const override
        {
            trial.template judge<P>(pseudonym, pair, value);
        }
    };

    template <std::size_t P, class Truth>
    static constexpr bool check_judge()
    {
        if constexpr (remembers<P>) {
            return detail::check_fit<judge_role, judge_t, prediction_t<0>, Truth>() &&
                   detail::check_fit<judge_role, judge_t, prediction_t<P + 1>, Truth>();
        }
        return true;
    }

    template <std::size_t P, class Truth>
    bool settle(const ticket& receipt, const Truth& value)
    {
        static_assert(
            remembers<P>,
            "joust: this shadow cannot tell what its models return (they are generic or overloaded, or return nothing that can be kept), so no prediction waits for its truth: add joust::remembered<Prediction>{}");
        if constexpr (remembers<P> && check_judge<P, Truth>()) {
            using memory = std::tuple_element_t<P, memories_t>;
            using settled = typename memory::store::settled;
            auto& waiting = std::get<P>(memories_).get(memory_.results);
            const std::uint64_t key = key_of(receipt.unit(), receipt.seconds(), receipt.nonce());
            auto found = waiting.take(key);
            if (found.how == settled::unknown) {
                using kept = std::conditional_t<detail::text_like<Truth>, std::string, std::decay_t<Truth>>;
                found =
                    waiting.settle(key, std::unique_ptr<waiting_truth<P, typename memory::pair, kept>>{
                                            new waiting_truth<P, typename memory::pair, kept>(kept(value))});
            }
            switch (found.how) {
                case settled::joined:
                    return note(judge<P>(receipt.unit(), *found.result, value)
                                    ? truth_fate::joined
                                    : truth_fate::challenger_failed);
                case settled::waiting: return note(truth_fate::waiting);
                default: return note(truth_fate::repeated);
            }
        }
        return false;
    }

    /// Score both predictions. Returns whether there were two.
    template <std::size_t P, class Pair, class Truth>
    bool judge(std::uint64_t pseudonym, const Pair& pair, const Truth& value) noexcept
    {
        if (!pair.challenger) {
            return false;
        }
        detail::slab& mine = slabs_.mine();
        try {
            using score = decltype(judge_.judge(pair.champion, value));
            const auto champion = static_cast<double>(judge_.judge(pair.champion, value));
            const auto challenger = static_cast<double>(judge_.judge(*pair.challenger, value));
            if (std::isfinite(champion) && std::isfinite(challenger)) {
                if constexpr (!std::is_same_v<score, bool>) {
                    graded_.store(true, std::memory_order_relaxed);
                }
                const std::size_t bucket = detail::bucket_of(pseudonym);
                mine.add(row::judged, P, false, bucket, challenger - champion, champion);
                if (champion != challenger) {
                    mine.add(row::judged, P, true, bucket, champion > challenger ? 1.0 : 0.0,
                             challenger > champion ? 1.0 : 0.0);
                }
                return true;
            }
        } catch (...) {  // NOLINT(bugprone-empty-catch): counted below
        }
        mine.expect(row::not_judged, P, 1.0);
        return true;
    }

    models_t models_;
    [[no_unique_address]] key_t key_;
    [[no_unique_address]] comparator_t comparator_;
    [[no_unique_address]] sampler_t sampler_;
    [[no_unique_address]] judge_t judge_;
    [[no_unique_address]] memory_t memory_;
    [[no_unique_address]] consent_t consent_;
    [[no_unique_address]] clock_t clock_;
    [[no_unique_address]] tickets_t tickets_;
    detail::shadow_setting<inference_t> how_;
    std::array<breaker_state<breaker_t>, challengers> breakers_;
    std::vector<std::string> names_;
    std::string name_;
    salted_hasher hasher_;
    std::uint32_t trial_;
    detail::thread_slabs slabs_;
    memories_t memories_;
    std::array<std::atomic<std::uint64_t>, truth_fates> truths_{};
    std::atomic<std::uint64_t> unrecorded_{0};
    std::atomic<bool> graded_{false};
    mutable std::mutex memory_mutex_;
    mutable std::array<detail::shadow_memory, challengers> kept_{};
    running_t running_;  // last: its threads stop before anything they use goes
};

template <class... Args>
shadow(Args...) -> shadow<Args...>;

template <class... Args>
shadow_evidence shadow<Args...>::evidence() const
{
    shadow_evidence all;
    all.trial = name_;
    all.models = names_;
    all.pairs.resize(challengers);
    slabs_.for_each([&](const detail::slab& from) {
        const detail::row_values calls = from.read(row::calls, 0, false, row::all_requests);
        all.requests += static_cast<std::uint64_t>(calls.first);
        all.sampled += static_cast<std::uint64_t>(calls.second);
        all.champion_failures +=
            static_cast<std::uint64_t>(from.read(row::calls, 0, false, row::failed_requests).first);
        detail::collect_arm(from, 0, all.units, all.latency);
        for (std::size_t p = 0; p < challengers; ++p) {
            detail::collect_pair(from, p, all.pairs[p]);
        }
    });
    {
        const std::scoped_lock lock{memory_mutex_};
        for (std::size_t p = 0; p < challengers; ++p) {
            kept_[p].give(all.pairs[p]);
        }
    }
    for (const auto& counted : truths_) {
        all.truths.push_back(counted.load(std::memory_order_relaxed));
    }
    std::uint64_t forgotten = 0;
    std::apply([&](const auto&... each) { ((forgotten += each.forgotten()), ...); }, memories_);
    all.truths.push_back(forgotten);
    all.unrecorded = unrecorded_.load(std::memory_order_relaxed);
    all.graded = graded_.load(std::memory_order_relaxed) ? 1 : 0;
    return all;
}

}  // namespace v0
}  // namespace joust
