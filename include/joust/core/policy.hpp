// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/model.hpp>
#include <joust/core/shape.hpp>

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

// The one policy pattern. A trial takes models first, then policies in any order. A policy is a plain value, and its
// shape tells which role it plays. Each folder describes its roles in structs such as
//
//     struct splitter_role {
//         template <class T> static constexpr bool plays = ...;       // does T satisfy the role's concept?
//         template <class T> static constexpr bool resembles = ...;   // does T have the role's verb, in any form?
//         template <class T> static constexpr void near_miss() { static_assert(...); }    // says what is wrong with the verb
//         static constexpr bool repeats = false;                      // may a trial have several?
//         template <class T> static constexpr void filled_twice() { static_assert(...); } // says that it may not
//     };
//
// and a trial lists the roles that it knows. When the trial is built, the library checks that a policy has the verb of
// its role. At the first call it checks that the verb takes the arguments of the call; a role that is used in calls
// adds
//
//         template <class T, class... Asked> static constexpr bool fits = ...;                  // can T be asked with these?
//         template <class T, class... Asked> static constexpr void misfit() { static_assert(...); } // says what T should take
//
// and the trial asks `detail::check_fit<splitter_role, T, Asked...>()`. Every mistake is reported by one sentence of a
// static_assert. Sentences stand in functions: a class whose static_assert fails is unusable to clang, which would go on to
// report each place that uses it.

namespace joust {
inline namespace v0 {

/// Hold a policy together with the role that it plays; made by `as`.
template <class Role, class T>
struct assigned_role {
    /// The policy.
    T value;
};

/// Choose the role of a policy that could play two roles: `joust::as<joust::splitter_role>(policy)`.
template <class Role, class T>
[[nodiscard]] constexpr assigned_role<Role, T> as(T value)
{
    return {std::move(value)};
}

namespace detail {

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

/// The members of a role that is filled once and is recognised by its verb alone, so that there are no near misses.
struct sole_role {
    static constexpr bool repeats = false;
    template <class T>
    static constexpr bool resembles = false;
    template <class T>
    static constexpr void near_miss()
    {
        static_assert(
            always_false<T>,
            "joust: joust::as<role>(value) names a role whose verb this value does not have (docs/reference/policies.md lists the verbs)");
    }
};

}  // namespace detail

/// List the roles that a trial knows.
template <class... Roles>
struct role_list {
    /// Say whether a role is in the list.
    template <class Role>
    static constexpr bool has = (std::is_same_v<Role, Roles> || ... || false);
    /// Count the roles that a type plays.
    template <class T>
    static constexpr std::size_t played =
        (std::size_t{0} + ... + (detail::role_of<Roles, T>::plays ? 1u : 0u));
    /// Count the roles that a type plays or nearly plays.
    template <class T>
    static constexpr std::size_t resembled =
        (std::size_t{0} + ... + (detail::role_of<Roles, T>::resembles ? 1u : 0u));
};

namespace detail {

/// Let the first role that an argument nearly plays say what is missing.
template <class T, class Role, class... Rest>
constexpr void explain_near_miss()
{
    if constexpr (role_of<Role, T>::resembles) {
        Role::template near_miss<bare_t<T>>();
    } else if constexpr (sizeof...(Rest) > 0) {
        explain_near_miss<T, Rest...>();
    }
}

/// Does a value have the shape of a salt?
template <class T>
concept names_trial = requires(const T& t) {
    t.text();
    t.hasher();
};

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
        } else if constexpr (known::template played<T> == 0) {
            if constexpr (spells_text<T>) {
                static_assert(
                    always_false<T>,
                    "joust: text plays no role in a trial: a model's name goes into joust::model{\"name\", callable}, a salt into hash_split{.salt = \"name\"}, a metric's name into its type as in conversion<\"name\">{}");
            } else if constexpr (points_elsewhere<T> || wraps_reference<T>) {
                static_assert(
                    always_false<T>,
                    "joust: a trial keeps its policies by value; this argument points to something, so pass what it points to");
            } else if constexpr (known::template resembled<T> > 0) {
                explain_near_miss<T, Roles...>();
            } else if constexpr (bare_callable<T>) {
                static_assert(
                    always_false<T>,
                    "joust: a bare callable plays no role in a trial; say what it is for: joust::model{\"name\", callable} in front of the policies, or by(...), consent(...), accept_if(...), adjust_for(...), compare_with(...), judged_by(...), record_with(...) around it");
            } else if constexpr (names_trial<T>) {
                static_assert(
                    always_false<T>,
                    "joust: this trial is named by its splitter's salt: hash_split{.salt = \"name\"} instead of a joust::salt beside it");
            } else {
                static_assert(
                    always_false<T>,
                    "joust: this argument plays no role in this trial; a trial takes models and then policies (docs/reference/policies.md lists the roles and their verbs)");
            }
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
            Role::template filled_twice<std::tuple<Policies...>>();
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

/// Check that a policy takes the arguments of a call. If it does not, print the sentence of its role.
template <class Role, class T, class... Asked>
constexpr bool check_fit()
{
    if constexpr (!Role::template fits<T, Asked...>) {
        Role::template misfit<T, Asked...>();
    }
    return Role::template fits<T, Asked...>;
}

/// Take the place of the answer of a call that was refused at compile time. It converts to every type, so that no
/// further errors follow the sentence.
struct no_answer {
    template <class Expected>
    operator Expected() const;  // NOLINT(google-explicit-constructor): any use of the answer compiles
};

/// Find the type that plays a role, or the default if no policy plays it.
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

/// Check the policies of a trial against its roles. Instantiating `ok` prints the sentence of every mistake.
template <class Roles, class... Policies>
struct policies_of;
/// Check the policies of a trial against a list of roles.
template <class... Roles, class... Policies>
struct policies_of<role_list<Roles...>, Policies...> {
    /// Instantiate the checks. The value is always true.
    static constexpr bool ok = (detail::check_argument<Policies, role_list<Roles...>>::ok && ... && true) &&
                               (detail::check_role<Roles, Policies...>::ok && ... && true);

    /// The type that plays a role, or the default if no policy plays it.
    template <class Role, class Default>
    using type = typename detail::filled<Role, Default, Policies...>::type;

    /// Whether a policy plays the role.
    template <class Role>
    static constexpr bool given = detail::index_of_role<Role, Policies...>() < sizeof...(Policies);

    /// Move the policy that plays a role out of the arguments of a trial, or make the default.
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

/// Split the arguments of a trial into the models and the policies after them.
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

}  // namespace detail
}  // namespace v0
}  // namespace joust
