// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/entropy.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/invoke.hpp>
#include <joust/core/policy.hpp>
#include <joust/core/unit_id.hpp>

#include <atomic>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// Read the unit of randomisation out of the arguments of a call; made by `by`.
template <class Projection>
struct unit_projection {
    /// The callable or member that returns the unit.
    [[no_unique_address]] Projection projection;

    /// Apply the projection to all arguments of the call.
    template <class... Args>
        requires std::is_invocable_v<const Projection&, const Args&...>
    constexpr decltype(auto) key(const Args&... args) const
    {
        return detail::invoke(projection, args...);
    }

    /// Apply the projection to the first argument alone, so that `by(&Request::user_id)` serves calls with further
    /// arguments.
    template <class First, class... Rest>
        requires(sizeof...(Rest) > 0 &&
                 !std::is_invocable_v<const Projection&, const First&, const Rest&...> &&
                 std::is_invocable_v<const Projection&, const First&>)
    constexpr decltype(auto) key(const First& first, const Rest&...) const
    {
        return detail::invoke(projection, first);
    }
};

/// Say what is randomised: a member, a member function or any callable on the arguments of a call.
///
/// When to use: always when units are assigned. Choose the unit that would notice a difference (the user, the session,
/// the conversation).
/// When not: for a value that changes from call to call; it makes every request a unit of its own (`per_request` says
/// so). An empty text, a null pointer to text and the nil UUID are no units: the champion serves them, unrecorded.
/// shape: `by(&Request::user_id)`, `by([](const Request& r) { return r.session; })`
template <class Projection>
[[nodiscard]] constexpr unit_projection<std::decay_t<Projection>> by(Projection&& projection)
{
    static_assert(
        detail::may_be_callable<std::decay_t<Projection>>,
        "joust: by(...) takes what reads the unit out of a call, not the unit itself: a member such as &Request::user_id, or a callable on the call's arguments");
    return {std::forward<Projection>(projection)};
}

namespace detail {

/// Return a key that no other call of this process gets, and hardly any call of another process.
/// cost: about 1 ns after a thread's first call
[[nodiscard]] inline std::uint64_t fresh_request_key() noexcept
{
    // Each thread counts from a place far from those of the others. A forked child begins at another place.
    static constinit std::atomic<std::uint64_t> threads{0};
    struct counter {
        std::uint64_t process = 0;
        std::uint64_t next = 0;
    };
    static constinit thread_local counter own{};
    const std::uint64_t process = process_number();
    if (own.process != process) {
        own.process = process;
        own.next = mix64(process ^ mix64(threads.fetch_add(1, std::memory_order_relaxed)));
    }
    return own.next++;
}

/// Count the calls of a policy that can be copied. A copy begins at 0.
class call_counter {
public:
    call_counter() = default;
    call_counter(const call_counter&) noexcept {}
    call_counter& operator=(const call_counter&) noexcept { return *this; }
    ~call_counter() = default;

    [[nodiscard]] std::uint64_t next() const noexcept
    {
        return calls_.fetch_add(1, std::memory_order_relaxed);
    }
    /// Counters are no part of what a policy says.
    constexpr bool operator==(const call_counter&) const noexcept { return true; }

private:
    mutable std::atomic<std::uint64_t> calls_{0};
};

}  // namespace detail

/// Randomise every call by itself: the unit is the request.
///
/// Every process draws other arms, forked children too, so that a short program run a hundred times is a hundred samples. A test
/// that has to see the same arms each time gives a seed: `per_request{.seed = 7}`.
/// When to use: when no user sees two answers (a batch job, a stateless classifier).
/// When not: when users call more than once. They would get answers of both models in turn, and a test of requests
/// overstates how much it knows about users. Use no seed in production: replicas with one seed would count the same units.
/// cost: about 1 ns; with a seed an atomic addition that all threads share
struct per_request {
    /// The number that the keys follow from, in the order of the trial's calls. With 0, every process draws keys of its own.
    std::uint64_t seed = 0;
    /// Counts the calls where there is a seed. It is not an option.
    detail::call_counter counted{};

    /// Return a key that no other call of this process gets.
    template <class... Args>
    [[nodiscard]] std::uint64_t key(const Args&...) const noexcept
    {
        return seed == 0 ? detail::fresh_request_key() : mix64(seed ^ mix64(counted.next()));
    }
    /// Compare the seeds.
    bool operator==(const per_request&) const = default;
};

namespace detail {

struct verb_key {
    int key;
};
template <class T>
concept has_key = derivable<T> && !requires { &both<T, verb_key>::key; };

}  // namespace detail

/// The role of the unit key: verb `key(args...)`.
struct unit_key_role : detail::sole_role {
    template <class T>
    static constexpr bool plays = detail::has_key<T>;
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(
            detail::always_false<T>,
            "joust: the unit key is given twice; a trial randomises one kind of unit, say it with one by(...)");
    }

    template <class T, class... Args>
    static constexpr bool reads = requires(const T& t, const Args&... args) { t.key(args...); };
    template <class T, class... Args>
    static constexpr bool fits = requires(const T& t, const Args&... args) {
        requires unit_like<std::remove_cvref_t<decltype(t.key(args...))>>;
    };
    template <class T, class... Args>
    static constexpr void misfit()
    {
        static_assert(
            reads<T, Args...>,
            "joust: by(...) cannot read the unit from the arguments of this call: it takes a member of the first argument such as &Request::user_id, or a callable, not mutable, on all arguments or the first; a key of your own has `key(const Args&...) const`");
        static_assert(!reads<T, Args...> || fits<T, Args...>,
                      "joust: a unit key is text, an integer, an enumerator or a joust::uuid");
    }
};

}  // namespace v0
}  // namespace joust
