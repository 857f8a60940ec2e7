// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/policy.hpp>

#include <optional>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// Run rankers one after another on the calling thread, the champion first. This is the default.
struct one_after_another {
    /// Return this policy itself, since it starts no threads.
    [[nodiscard]] constexpr one_after_another runner() const noexcept { return *this; }
    bool operator==(const one_after_another&) const = default;
};

namespace detail {

/// Keeps the list that a ranker returned, or a pointer to it where the ranker returned a reference.
template <class Result>
class held_list {
public:
    template <class Call>
    void hold(Call&& call)
    {
        list_.emplace(call());
    }
    /// Take the list of another object, if there is one.
    void take(held_list& from)
    {
        if (from.list_.has_value()) {
            list_.emplace(std::move(*from.list_));
        }
    }
    /// Return the list, or null where the ranker was not called or threw.
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
    void take(const held_list& from) noexcept { list_ = from.list_; }
    [[nodiscard]] Result* get() noexcept { return list_; }

private:
    Result* list_ = nullptr;
};

struct verb_runner {
    int runner;
};
template <class T>
concept has_runner = derivable<T> && !requires { &both<T, verb_runner>::runner; };

}  // namespace detail

/// The role of how rankers run: verb `runner()`, which makes what a trial runs them with.
struct rankers_role : detail::sole_role {
    template <class T>
    static constexpr bool plays = requires(const T& t) { requires !std::is_void_v<decltype(t.runner())>; };
    template <class T>
    static constexpr bool resembles = detail::has_runner<T>;
    template <class T>
    static constexpr void near_miss()
    {
        static_assert(
            plays<T>,
            "joust: this has runner(), but how rankers run is said by one_after_another{}, at_once(deadline), or `runner() const` that returns what runs them");
    }
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>, "joust: it is said twice how rankers run");
    }
};

}  // namespace v0
}  // namespace joust
