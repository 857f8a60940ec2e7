// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/entropy.hpp>
#include <joust/core/executor.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/invoke.hpp>
#include <joust/evidence/slab.hpp>
#include <joust/shadow/breaker.hpp>
#include <joust/shadow/comparator.hpp>
#include <joust/shadow/noise.hpp>
#include <joust/shadow/on_pair.hpp>
#include <joust/shadow/protection.hpp>
#include <joust/shadow/shadow_call.hpp>
#include <joust/trial/detail/join_truth.hpp>
#include <joust/trial/detail/live_shadow.hpp>
#include <joust/trial/detail/pass_copies.hpp>
#include <joust/trial/detail/shadow_parts.hpp>
#include <joust/trial/detail/trial_core.hpp>
#include <joust/trial/salt_role.hpp>

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

// How the challengers of a shadow run the requests that the champion answered: each challenger has one errand for a
// request.

namespace joust {
inline namespace v0 {
namespace detail {

/// The data of a request that its errands need.
struct shadowed_request {
    std::uint64_t pseudonym = 0;
    /// The key that its predictions wait for the truth under, or 0 for a request without a ticket.
    std::uint64_t key = 0;
    /// The time of the champion in nanoseconds.
    std::int64_t spent = 0;
    std::uint32_t seconds = 0;
    std::uint32_t nonce = 0;
    /// Bit p says whether challenger p got the request.
    unsigned run = 0;
};

enum class errand_fate : std::uint8_t { meant, paused, limited, dropped, not_copied };

/// Copies of a call's arguments, for each challenger that will run.
template <std::size_t Challengers, class Packed, bool Repeats>
struct prepared_errands {
    std::array<std::optional<Packed>, Challengers> copies;
    std::array<errand_fate, Challengers> fates{};
    /// Copies for a second run of the champion beside a challenger.
    std::array<std::optional<Packed>, Repeats ? Challengers : 0> again;
    /// A number of the request, by which a coin orders both runs.
    std::uint64_t draw = 0;
};

/// What an errand has instead of the champion's answer where the champion failed.
struct no_champion_answer {};

template <class Executor>
[[nodiscard]] auto started(const Executor& options)
{
    if constexpr (startable_executor<Executor>) {
        return options.start();
    } else {
        return options;
    }
}

/// Whether an executor keeps alive what its tasks use for as long as one of them runs. Each task of another executor
/// owns it instead.
template <class Running>
concept keeps_alive = requires(Running& running, std::shared_ptr<const void> used) { running.keep(used); };

/// Makes the errands of a request, and runs them.
template <class Parts>
class errand_runner {
    using breaker_t = typename Parts::breaker_t;
    using calls = typename Parts::calls;
    using live_t = live_shadow<Parts::challengers>;
    static constexpr std::size_t challengers = Parts::challengers;

public:
    template <class... A>
    using prepared = prepared_errands<challengers, typename calls::template packed<A...>, Parts::repeats>;

    /// assumes: the core, the evidence and the joiner outlive this object
    errand_runner(trial_core<Parts>& core, live_t& live, truth_joiner<Parts>& joiner,
                  typename Parts::arguments_t& arguments)
        : core_(core), live_(live), joiner_(joiner),
          comparator_(Parts::template pick<comparator_role, exact_match>(arguments)),
          noise_(Parts::template pick<noise_role, no_second_run>(arguments)),
          listener_(Parts::template pick<pair_listener_role, no_pair_listener>(arguments)),
          breakers_(make_breakers(Parts::template pick<breaker_role, no_breaker>(arguments),
                                  std::make_index_sequence<challengers>{})),
          protection_(Parts::template pick<protection_role, no_protection>(arguments)),
          limits_(make_limits(protection_, std::make_index_sequence<challengers>{}))
    {
    }

    /// Copy the arguments for each challenger that will run, before the champion can change or consume them.
    template <class... A, class Running>
    void prepare(Running& running, prepared<A...>& ready,
                 const std::remove_reference_t<A>&... arguments) noexcept
    {
        std::int64_t now = 0;
        if constexpr (Parts::breaks) {
            now = core_.clock().now();
        } else if constexpr (Parts::protects) {
            now = limits_[0].limits() ? core_.clock().now() : 0;
        }
        for (std::size_t p = 0; p < challengers; ++p) {
            if (full(running)) {
                ready.fates[p] = errand_fate::dropped;
                continue;
            }
            if constexpr (Parts::breaks) {
                if (!breakers_[p].allow(now)) {
                    ready.fates[p] = errand_fate::paused;
                    continue;
                }
            }
            if constexpr (Parts::protects) {
                if (!limits_[p].allow(now)) {
                    ready.fates[p] = errand_fate::limited;
                    continue;
                }
            }
            try {
                ready.copies[p].emplace(calls::template copy_of<A>(arguments)...);
                if constexpr (Parts::repeats) {
                    ready.draw = mix64(live_.of_this_thread().next_call() ^ own_draw_);
                    if (noise_.run_twice(ready.draw)) {
                        ready.again[p].emplace(calls::template copy_of<A>(arguments)...);
                    }
                }
            } catch (...) {
                ready.fates[p] = errand_fate::not_copied;
            }
        }
    }

    /// Pass each challenger's errand with the champion's answer to the executor, and count errands that cannot run.
    /// `self` is this object or owns it.
    template <class Result, class Answer, class... A, class Running, class Self>
    void send(Running& running, const Self& self, shadowed_request& about, prepared<A...>& ready,
              const Answer& answer) noexcept
    {
        Parts::for_each_challenger([&]<std::size_t P> {
            if (ready.fates[P] == errand_fate::meant) {
                try {
                    if (!dispatch<P, Result, Answer, A...>(running, self, about, ready, answer)) {
                        ready.fates[P] = errand_fate::dropped;
                    }
                } catch (...) {
                    ready.fates[P] = errand_fate::not_copied;
                }
            }
        });
        slab& thread_slab = live_.of_this_thread();
        for (std::size_t p = 0; p < challengers; ++p) {
            // Requests on which the champion failed have no time of the champion's, and are counted when the challenger has run.
            constexpr bool answered = !std::is_same_v<Result, no_champion_answer>;
            switch (ready.fates[p]) {
                case errand_fate::meant:
                    if constexpr (answered) {
                        about.run |= 1U << p;
                        live_.sent(thread_slab, p, about.pseudonym, about.spent);
                    }
                    break;
                case errand_fate::dropped:
                    if constexpr (answered) {
                        live_.dropped(thread_slab, p, about.pseudonym, about.spent);
                    }
                    break;
                case errand_fate::paused: live_.paused(thread_slab, p); break;
                case errand_fate::limited: live_.limited(p); break;
                case errand_fate::not_copied: live_.not_copied(thread_slab, p); break;
            }
        }
        if (about.run != 0) {
            thread_slab.add_latency(0, about.spent);
        }
    }

    /// Pass each challenger's errand to the executor where the champion failed.
    template <class... A, class Running, class Self>
    void send_alone(Running& running, const Self& self, shadowed_request& about,
                    prepared<A...>& ready) noexcept
    {
        send<no_champion_answer, no_champion_answer, A...>(running, self, about, ready, no_champion_answer{});
    }

private:
    template <class Result>
    struct kept_of {
        using type = typename calls::template kept_result<Result>;
    };
    template <std::same_as<no_champion_answer> Result>
    struct kept_of<Result> {
        using type = no_champion_answer;
    };

    template <std::size_t P, class Result, class Answer, class... A, class Running, class Self>
    bool dispatch(Running& running, const Self& self, const shadowed_request& about, prepared<A...>& ready,
                  const Answer& answer)
    {
        using kept = typename kept_of<Result>::type;
        errand<P, Self, kept, A...> task{self, about.pseudonym, about.key, std::move(*ready.copies[P]),
                                         calls::template kept<kept>(answer)};
        if constexpr (Parts::repeats && !std::is_same_v<Result, no_champion_answer> &&
                      !std::is_void_v<Result>) {
            static_assert(
                comparator_of<typename Parts::comparator_t, std::decay_t<kept>, std::decay_t<Result>>,
                "joust: measure_noise compares two answers of the champion, and the comparator does not take two of its type; give one that does, such as compare_with([](const auto& a, const auto& b) { ... })");
            if (ready.again[P].has_value()) {
                return running.dispatch(repeated_errand<P, Self, kept, A...>{
                    std::move(task), std::move(*ready.again[P]), (ready.draw & 1U) != 0});
            }
        }
        return running.dispatch(std::move(task));
    }

    /// The work of one challenger for one request.
    template <std::size_t P, class Self, class Champion, class... A>
    struct errand {
        Self self;
        std::uint64_t pseudonym;
        std::uint64_t key;
        typename calls::template packed<A...> arguments;
        Champion champion;

        void operator()() noexcept { static_cast<void>(self->template run<P, A...>(*this)); }
    };

    /// The same, and a second run of the champion before or after it.
    template <std::size_t P, class Self, class Champion, class... A>
    struct repeated_errand {
        errand<P, Self, Champion, A...> task;
        typename calls::template packed<A...> again;
        bool champion_first;

        void operator()() noexcept { task.self->template run_twice<P, A...>(*this); }
    };

    template <std::size_t... P>
    static auto make_breakers(const breaker_t& options, std::index_sequence<P...>)
    {
        return std::array<breaker_state<breaker_t>, challengers>{
            (static_cast<void>(P), breaker_state<breaker_t>{options})...};
    }

    template <class Protection, std::size_t... P>
    static auto make_limits(const Protection& limits, std::index_sequence<P...>)
    {
        if constexpr (Protection::limits_challengers) {
            return std::array<rate_limit, challengers>{(static_cast<void>(P), rate_limit{limits})...};
        } else {
            return nothing{};
        }
    }

    /// Return how long a challenger may take, or 0 for any time.
    [[nodiscard]] std::chrono::nanoseconds longest() const noexcept
    {
        if constexpr (Parts::protects) {
            return protection_.answer_within;
        } else {
            return {};
        }
    }

    /// Return whether an answer that took this time comes too late, and count it if so.
    template <std::size_t P>
    bool too_late(std::int64_t spent) noexcept
    {
        const bool late = longest().count() > 0 && spent > longest().count();
        if (late) {
            live_.timed_out(P);
        }
        return late;
    }

    template <class Running>
    [[nodiscard]] static bool full(Running& running) noexcept
    {
        if constexpr (requires {
                          { running.full() } -> std::convertible_to<bool>;
                      }) {
            return running.full();
        } else {
            return false;
        }
    }

    /// Call model M, 0 for the champion, with copies of the arguments.
    template <std::size_t M, class... A, class Copies>
    decltype(auto) call_model(Copies& copied)
    {
        return std::apply(
            [this](auto&... copies) -> decltype(auto) {
                return detail::invoke(core_.template callable<M>(),
                                      static_cast<typename calls::template passed<A>>(copies)...);
            },
            copied);
    }

    /// Run one challenger and the champion for the second time, in an order that a coin chose.
    template <std::size_t P, class... A, class Repeated>
    void run_twice(Repeated& both) noexcept
    {
        std::optional<bool> own;
        const auto repeat = [&]() noexcept {
            const shadow_call marked{{}};
            try {
                auto&& answer = call_model<0, A...>(both.again);
                own = comparator_.compare(both.task.champion, std::as_const(answer)).agree;
            } catch (...) {
                own.reset();  // Without a second answer there is nothing to compare.
            }
        };
        if (both.champion_first) {
            repeat();
        }
        const std::optional<bool> challenger = run<P, A...>(both.task);
        if (!both.champion_first) {
            repeat();
        }
        if (own && challenger) {
            live_.ran_twice(P, both.task.pseudonym, *own, *challenger);
        }
    }

    /// Run one challenger, and catch every exception. Returns whether the answers agree, where they were compared.
    template <std::size_t P, class... A, class Errand>
    std::optional<bool> run(Errand& task) noexcept
    {
        const std::int64_t start = core_.clock().now();
        bool returned = false;
        std::optional<bool> agree;
        using champion = std::remove_cvref_t<decltype(task.champion)>;
        const shadow_call marked{longest()};
        try {
            if constexpr (std::is_same_v<champion, no_champion_answer>) {
                run_alone<P, A...>(task);
            } else if constexpr (std::is_same_v<champion, nothing>) {
                call_model<P + 1, A...>(task.arguments);
                returned = true;
                if (succeed<P>(task.pseudonym, core_.clock().now() - start)) {
                    live_.compared(P, task.pseudonym, {true, 0.0});
                }
            } else {
                auto&& answer = call_model<P + 1, A...>(task.arguments);
                const std::int64_t spent = core_.clock().now() - start;
                returned = true;
                if (!succeed<P>(task.pseudonym, spent)) {
                    keep_alone<P>(task);
                    return agree;
                }
                agree = compare<P>(task, std::as_const(answer), spent);
                if (task.key != 0) {
                    joiner_.template remember<P>(task.key, task.pseudonym, std::as_const(task.champion),
                                                 std::as_const(answer));
                }
            }
        } catch (...) {
            if (returned) {
                live_.not_judged(P);  // The predictions could not be kept.
            } else if constexpr (!std::is_same_v<champion, no_champion_answer>) {
                fail<P>(task);
            }
        }
        return agree;
    }

    /// Run one challenger on a request on which the champion failed.
    template <std::size_t P, class... A, class Errand>
    void run_alone(Errand& task) noexcept
    {
        bool failed = false;
        try {
            static_cast<void>(call_model<P + 1, A...>(task.arguments));
        } catch (...) {
            failed = true;
        }
        live_.ran_on_failure(P, task.pseudonym, failed);
        if constexpr (Parts::breaks) {
            if (failed) {
                breakers_[P].failure(core_.clock().now());
            } else {
                breakers_[P].success();
            }
        }
    }

    /// Record an answer. Returns whether it came in time.
    template <std::size_t P>
    bool succeed(std::uint64_t pseudonym, std::int64_t spent) noexcept
    {
        live_.answered(P, pseudonym, spent);
        const bool late = too_late<P>(spent);
        if constexpr (Parts::breaks) {
            if (late) {
                breakers_[P].failure(core_.clock().now());
            } else {
                breakers_[P].success();
            }
        }
        return !late;
    }

    template <std::size_t P, class Errand>
    void fail(Errand& task) noexcept
    {
        live_.failed(P, task.pseudonym);
        if constexpr (Parts::breaks) {
            breakers_[P].failure(core_.clock().now());
        }
        keep_alone<P>(task);
    }

    /// Keep the champion's answer for the truth where the challenger has none that counts.
    template <std::size_t P, class Errand>
    void keep_alone(Errand& task) noexcept
    {
        if (task.key != 0) {
            try {
                joiner_.template remember_alone<P>(task.key, task.pseudonym, std::as_const(task.champion));
            } catch (...) {
                live_.not_judged(P);
            }
        }
    }

    template <std::size_t P, class Errand, class Answer>
    std::optional<bool> compare(const Errand& task, const Answer& answer, std::int64_t spent) noexcept
    {
        try {
            const comparison seen = comparator_.compare(task.champion, answer);
            live_.compared(P, task.pseudonym, seen);
            if constexpr (Parts::tells_pairs) {
                tell<P>(task, answer, {task.pseudonym, P, seen, spent});
            }
            return seen.agree;
        } catch (...) {
            live_.incomparable(P);
            return std::nullopt;
        }
    }

    template <std::size_t P, class Errand, class Answer>
    void tell(const Errand& task, const Answer& answer, const compared_pair& about) noexcept
    {
        try {
            listener_.pair(about, task.champion, answer);
        } catch (...) {
            live_.listener_threw();
        }
    }

    trial_core<Parts>& core_;
    live_t& live_;
    truth_joiner<Parts>& joiner_;
    [[no_unique_address]] typename Parts::comparator_t comparator_;
    [[no_unique_address]] typename Parts::noise_t noise_;
    [[no_unique_address]] typename Parts::pair_listener_t listener_;
    std::array<breaker_state<breaker_t>, challengers> breakers_;
    [[no_unique_address]] typename Parts::protection_t protection_;
    std::conditional_t<Parts::protects, std::array<rate_limit, challengers>, nothing> limits_;
    std::uint64_t own_draw_ = Parts::repeats ? draw_entropy() : 0;
};

/// What the errands of a shadow use: models, policies and evidence. The trial owns it together with whatever still runs
/// an errand, so that an errand that outlives the trial does no harm.
template <class Parts>
struct shadow_works {
    trial_core<Parts> core;
    live_shadow<Parts::challengers> live;
    truth_joiner<Parts> truths;
    errand_runner<Parts> errands;

    explicit shadow_works(typename Parts::arguments_t& arguments)
        : core("shadow", Parts::template pick<salt_role, salt>(arguments), arguments), live(Parts::checks),
          truths(live, arguments), errands(core, live, truths, arguments)
    {
    }
    shadow_works(const shadow_works&) = delete;
    shadow_works& operator=(const shadow_works&) = delete;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
