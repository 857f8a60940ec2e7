#pragma once

#include <joust/core/model.hpp>

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

// The one policy pattern. A trial takes models first, then policies in any order. A policy is a plain value;
// which role it plays is read off its shape. Each room describes its roles in a struct
//
//     struct splitter_role {
//         template <class T> static constexpr bool plays = ...;       // satisfies the role's concept
//         template <class T> static constexpr bool resembles = ...;   // has the role's verb, rightly or wrongly
//         template <class T> struct near_miss { static_assert(...); } // says what is wrong with the verb
//         static constexpr bool repeats = false;                      // may a trial have several?
//         template <class T> struct filled_twice { static_assert(...); }
//     };
//
// and a trial lists the roles it knows. Everything that can go wrong is one sentence of a static_assert.

namespace joust {
inline namespace v0 {

/// Say which role a value plays, where its shape alone would allow two.
template <class Role, class T>
struct assigned_role {
    T value;
};

/// Give a policy that could play two roles the one that is meant: `joust::as<joust::splitter_role>(mine)`.
template <class Role, class T>
[[nodiscard]] constexpr assigned_role<Role, T> as(T value)
{
    return {std::move(value)};
}

namespace detail {

template <class...>
inline constexpr bool always_false = false;

/// Is a type open to inheritance, so that a member can be looked up by name alone?
template <class T>
inline constexpr bool derivable = std::is_class_v<T> && !std::is_final_v<T>;

template <class Role, class T>
struct role_of {
    static constexpr bool plays = Role::template plays<T>;
    static constexpr bool resembles = plays || Role::template resembles<T>;
};
template <class Role, class Given, class T>
struct role_of<Role, assigned_role<Given, T>> {
    static constexpr bool plays = std::is_same_v<Role, Given> && Role::template plays<T>;
    static constexpr bool resembles = std::is_same_v<Role, Given>;
};

template <class T>
struct bare {
    using type = T;
};
template <class Role, class T>
struct bare<assigned_role<Role, T>> {
    using type = T;
};
template <class T>
using bare_t = typename bare<T>::type;

template <class T>
constexpr T take(T&& policy)
{
    return std::forward<T>(policy);
}
template <class Role, class T>
constexpr T take(assigned_role<Role, T>&& policy)
{
    return std::move(policy.value);
}

}  // namespace detail

namespace detail {

/// What a role adds to that is filled once, and that its verb alone recognises: nothing else is nearly one.
struct sole_role {
    static constexpr bool repeats = false;
    template <class T>
    static constexpr bool resembles = false;
    template <class T>
    struct near_miss {};
};

}  // namespace detail

/// The roles that a trial knows.
template <class... Roles>
struct role_list {
    template <class T>
    static constexpr std::size_t played =
        (std::size_t{0} + ... + (detail::role_of<Roles, T>::plays ? 1u : 0u));
    template <class T>
    static constexpr std::size_t resembled =
        (std::size_t{0} + ... + (detail::role_of<Roles, T>::resembles ? 1u : 0u));
};

namespace detail {

/// Let the first role that an argument nearly plays say what is missing.
template <class T, class... Roles>
struct explain_near_miss;
template <class T, class Role, class... Rest>
struct explain_near_miss<T, Role, Rest...>
    : std::conditional_t<role_of<Role, T>::resembles, typename Role::template near_miss<bare_t<T>>,
                         explain_near_miss<T, Rest...>> {};
template <class T>
struct explain_near_miss<T> {};

template <class T, class Roles>
struct check_argument;
template <class T, class... Roles>
struct check_argument<T, role_list<Roles...>> {
    using known = role_list<Roles...>;
    static constexpr auto verdict()
    {
        if constexpr (is_model<T>) {
            static_assert(always_false<T>, "joust: models come first, then policies in any order");
        } else if constexpr (known::template played<T> > 1) {
            static_assert(
                always_false<T>,
                "joust: this argument could play two roles; say which one with joust::as<role>(argument)");
        } else if constexpr (known::template played<T> == 0 && known::template resembled<T> > 0) {
            (void)sizeof(explain_near_miss<T, Roles...>);
        } else if constexpr (known::template played<T> == 0) {
            static_assert(
                always_false<T>,
                "joust: this argument plays no role in this trial; a trial takes models and then policies (docs/reference/policies.md lists the roles and their verbs)");
        }
        return true;
    }
    static constexpr bool ok = verdict();
};

template <class Role, class... Policies>
inline constexpr std::size_t times_played =
    (std::size_t{0} + ... + (role_of<Role, Policies>::plays ? 1u : 0u));

template <class Role, class... Policies>
struct check_role {
    static constexpr auto verdict()
    {
        if constexpr (!Role::repeats && times_played<Role, Policies...> > 1) {
            (void)sizeof(typename Role::template filled_twice<std::tuple<Policies...>>);
        }
        return true;
    }
    static constexpr bool ok = verdict();
};

template <class Role, class... Policies>
constexpr std::size_t index_of_role()
{
    const bool plays[] = {role_of<Role, Policies>::plays..., false};
    for (std::size_t i = 0; i < sizeof...(Policies); ++i) {
        if (plays[i]) {
            return i;
        }
    }
    return sizeof...(Policies);
}

/// The type that fills a role, or the default where nothing does.
template <class Role, class Default, class... Policies>
struct filled {
    static constexpr std::size_t index = index_of_role<Role, Policies...>();
    static constexpr bool given = index < sizeof...(Policies);
    static constexpr auto pick()
    {
        if constexpr (given) {
            return std::type_identity<bare_t<std::tuple_element_t<index, std::tuple<Policies...>>>>{};
        } else {
            return std::type_identity<Default>{};
        }
    }
    using type = typename decltype(pick())::type;
};

}  // namespace detail

/// Check a trial's policies against its roles; instantiating `ok` prints the sentence of whatever is wrong.
template <class Roles, class... Policies>
struct policies_of;
template <class... Roles, class... Policies>
struct policies_of<role_list<Roles...>, Policies...> {
    static constexpr bool ok = (detail::check_argument<Policies, role_list<Roles...>>::ok && ... && true) &&
                               (detail::check_role<Roles, Policies...>::ok && ... && true);

    template <class Role, class Default>
    using type = typename detail::filled<Role, Default, Policies...>::type;

    template <class Role>
    static constexpr bool given = detail::index_of_role<Role, Policies...>() < sizeof...(Policies);

    /// Move the policy that plays a role out of a trial's arguments, or make the default.
    template <class Role, class Default, class... Given>
    static constexpr type<Role, Default> pick(std::tuple<Given...>& arguments)
    {
        constexpr auto index = detail::index_of_role<Role, Policies...>();
        if constexpr (index < sizeof...(Policies)) {
            constexpr auto skipped = sizeof...(Given) - sizeof...(Policies);
            return detail::take(std::move(std::get<skipped + index>(arguments)));
        } else {
            return Default{};
        }
    }
};

namespace detail {

/// Split a trial's arguments into the leading models and the policies behind them.
template <class Models, class... Args>
struct split_arguments;
template <class... Models, class First, class... Rest>
    requires is_model<First>
struct split_arguments<std::tuple<Models...>, First, Rest...>
    : split_arguments<std::tuple<Models..., First>, Rest...> {};
template <class... Models, class... Policies>
struct split_arguments<std::tuple<Models...>, Policies...> {
    using models = std::tuple<Models...>;
    static constexpr std::size_t count = sizeof...(Models);
    template <class Roles>
    using policies = policies_of<Roles, Policies...>;
    template <template <class...> class Template>
    using apply_policies = Template<Policies...>;
};

// Member lookup by name alone: a type that derives from both T and a struct with the same member makes the name
// ambiguous exactly if T has it, whatever its parameters. Templates and overload sets are found too.
struct verb_key {
    int key;
};
struct verb_assign {
    int assign;
};
struct verb_add {
    int add;
};
struct verb_may_record {
    int may_record;
};
struct verb_covariate {
    int covariate;
};
struct verb_accept {
    int accept;
};
struct verb_interleave {
    int interleave;
};
struct verb_credit {
    int credit;
};
struct verb_compare {
    int compare;
};
struct verb_dispatch {
    int dispatch;
};
struct verb_sample {
    int sample;
};
struct verb_infer {
    int infer;
};
struct verb_test_rows {
    int test_rows;
};
struct verb_record {
    int record;
};
struct verb_now {
    int now;
};
struct verb_times {
    int times;
};
struct verb_seal {
    int seal;
};

template <class T, class Verb>
struct both : T, Verb {};

template <class T>
concept has_key = derivable<T> && !requires { &both<T, verb_key>::key; };
template <class T>
concept has_assign = derivable<T> && !requires { &both<T, verb_assign>::assign; };
template <class T>
concept has_add = derivable<T> && !requires { &both<T, verb_add>::add; };
template <class T>
concept has_may_record = derivable<T> && !requires { &both<T, verb_may_record>::may_record; };
template <class T>
concept has_covariate = derivable<T> && !requires { &both<T, verb_covariate>::covariate; };
template <class T>
concept has_accept = derivable<T> && !requires { &both<T, verb_accept>::accept; };
template <class T>
concept has_interleave = derivable<T> && !requires { &both<T, verb_interleave>::interleave; };
template <class T>
concept has_credit = derivable<T> && !requires { &both<T, verb_credit>::credit; };
template <class T>
concept has_compare = derivable<T> && !requires { &both<T, verb_compare>::compare; };
template <class T>
concept has_dispatch = derivable<T> && !requires { &both<T, verb_dispatch>::dispatch; };
template <class T>
concept has_sample = derivable<T> && !requires { &both<T, verb_sample>::sample; };
template <class T>
concept has_infer = derivable<T> && !requires { &both<T, verb_infer>::infer; };
template <class T>
concept has_test_rows = derivable<T> && !requires { &both<T, verb_test_rows>::test_rows; };
template <class T>
concept has_record = derivable<T> && !requires { &both<T, verb_record>::record; };
template <class T>
concept has_now = derivable<T> && !requires { &both<T, verb_now>::now; };
template <class T>
concept has_times = derivable<T> && !requires { &both<T, verb_times>::times; };
template <class T>
concept has_seal = derivable<T> && !requires { &both<T, verb_seal>::seal; };

}  // namespace detail
}  // namespace v0
}  // namespace joust
