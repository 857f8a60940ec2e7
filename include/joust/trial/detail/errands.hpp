// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/executor.hpp>
#include <joust/core/invoke.hpp>
#include <joust/evidence/slab.hpp>
#include <joust/shadow/breaker.hpp>
#include <joust/shadow/comparator.hpp>
#include <joust/trial/detail/join_truth.hpp>
#include <joust/trial/detail/live_shadow.hpp>
#include <joust/trial/detail/pass_copies.hpp>
#include <joust/trial/detail/shadow_parts.hpp>
#include <joust/trial/detail/trial_core.hpp>
#include <joust/trial/salt_role.hpp>

#include <array>
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

enum class errand_fate : std::uint8_t { meant, paused, dropped, not_copied };

/// Copies of a call's arguments, for each challenger that will run.
template <std::size_t Challengers, class Packed>
struct prepared_errands {
    std::array<std::optional<Packed>, Challengers> copies;
    std::array<errand_fate, Challengers> fates{};
};

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
    using prepared = prepared_errands<challengers, typename calls::template packed<A...>>;

    /// assumes: the core, the evidence and the joiner outlive this object
    errand_runner(trial_core<Parts>& core, live_t& live, truth_joiner<Parts>& joiner,
                  typename Parts::arguments_t& arguments)
        : core_(core), live_(live), joiner_(joiner),
          comparator_(Parts::template pick<comparator_role, exact_match>(arguments)),
          breakers_(make_breakers(Parts::template pick<breaker_role, no_breaker>(arguments),
                                  std::make_index_sequence<challengers>{}))
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
            try {
                ready.copies[p].emplace(calls::template copy_of<A>(arguments)...);
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
                    errand<P, Self, typename calls::template kept_result<Result>, A...> task{
                        self, about.pseudonym, about.key, std::move(*ready.copies[P]),
                        calls::template kept<typename calls::template kept_result<Result>>(answer)};
                    if (!running.dispatch(std::move(task))) {
                        ready.fates[P] = errand_fate::dropped;
                    }
                } catch (...) {
                    ready.fates[P] = errand_fate::not_copied;
                }
            }
        });
        slab& thread_slab = live_.of_this_thread();
        for (std::size_t p = 0; p < challengers; ++p) {
            switch (ready.fates[p]) {
                case errand_fate::meant:
                    about.run |= 1U << p;
                    live_.sent(thread_slab, p, about.pseudonym, about.spent);
                    break;
                case errand_fate::dropped: live_.dropped(thread_slab, p, about.pseudonym, about.spent); break;
                case errand_fate::paused: live_.paused(thread_slab, p); break;
                case errand_fate::not_copied: live_.not_copied(thread_slab, p); break;
            }
        }
        if (about.run != 0) {
            thread_slab.add_latency(0, about.spent);
        }
    }

private:
    /// The work of one challenger for one request.
    template <std::size_t P, class Self, class Champion, class... A>
    struct errand {
        Self self;
        std::uint64_t pseudonym;
        std::uint64_t key;
        typename calls::template packed<A...> arguments;
        Champion champion;

        void operator()() noexcept { self->template run<P, A...>(*this); }
    };

    template <std::size_t... P>
    static auto make_breakers(const breaker_t& options, std::index_sequence<P...>)
    {
        return std::array<breaker_state<breaker_t>, challengers>{
            (static_cast<void>(P), breaker_state<breaker_t>{options})...};
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

    template <std::size_t P, class... A, class Errand>
    decltype(auto) challenge(Errand& task)
    {
        return std::apply(
            [this](auto&... copies) -> decltype(auto) {
                return detail::invoke(core_.template callable<P + 1>(),
                                      static_cast<typename calls::template passed<A>>(copies)...);
            },
            task.arguments);
    }

    /// Run one challenger, and catch every exception.
    template <std::size_t P, class... A, class Errand>
    void run(Errand& task) noexcept
    {
        const std::int64_t start = core_.clock().now();
        bool returned = false;
        try {
            if constexpr (std::is_same_v<std::remove_cvref_t<decltype(task.champion)>, nothing>) {
                challenge<P, A...>(task);
                succeed<P>(task.pseudonym, core_.clock().now() - start);
                returned = true;
                live_.compared(P, task.pseudonym, {true, 0.0});
            } else {
                auto&& answer = challenge<P, A...>(task);
                succeed<P>(task.pseudonym, core_.clock().now() - start);
                returned = true;
                compare<P>(task, std::as_const(answer));
                if (task.key != 0) {
                    joiner_.template remember<P>(task.key, task.pseudonym, std::as_const(task.champion),
                                                 std::as_const(answer));
                }
            }
        } catch (...) {
            if (returned) {
                live_.not_judged(P);  // The predictions could not be kept.
            } else {
                fail<P>(task);
            }
        }
    }

    template <std::size_t P>
    void succeed(std::uint64_t pseudonym, std::int64_t spent) noexcept
    {
        live_.answered(P, pseudonym, spent);
        if constexpr (Parts::breaks) {
            breakers_[P].success();
        }
    }

    template <std::size_t P, class Errand>
    void fail(Errand& task) noexcept
    {
        live_.failed(P, task.pseudonym);
        if constexpr (Parts::breaks) {
            breakers_[P].failure(core_.clock().now());
        }
        if (task.key != 0) {
            try {
                joiner_.template remember_alone<P>(task.key, task.pseudonym, std::as_const(task.champion));
            } catch (...) {
                live_.not_judged(P);
            }
        }
    }

    template <std::size_t P, class Errand, class Answer>
    void compare(const Errand& task, const Answer& answer) noexcept
    {
        try {
            live_.compared(P, task.pseudonym, comparator_.compare(task.champion, answer));
        } catch (...) {
            live_.incomparable(P);
        }
    }

    trial_core<Parts>& core_;
    live_t& live_;
    truth_joiner<Parts>& joiner_;
    [[no_unique_address]] typename Parts::comparator_t comparator_;
    std::array<breaker_state<breaker_t>, challengers> breakers_;
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
        : core("shadow", Parts::template pick<salt_role, salt>(arguments), arguments),
          truths(live, arguments), errands(core, live, truths, arguments)
    {
    }
    shadow_works(const shadow_works&) = delete;
    shadow_works& operator=(const shadow_works&) = delete;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
