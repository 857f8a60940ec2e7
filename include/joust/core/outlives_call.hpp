// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/clone.hpp>
#include <joust/core/compiler.hpp>
#include <joust/core/shape.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <string_view>  // std::ranges::enable_view
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

namespace detail {

/// What a copy of a value has of its own.
enum class copy_kind : std::uint8_t {
    /// Everything that it refers to, or it shares that with others who cannot change it either.
    owns,
    /// Nothing: a pointer, a view, an iterator.
    borrows,
    /// It keeps alive what it refers to, and the original refers to the same and can change it.
    shares,
    /// It is a formula that refers to its operands.
    computes
};

/// The deduced answer of `outlives_call`. A specialisation has another type, by which it is recognised.
template <class T>
struct deduced_ownership;

}  // namespace detail

/// Say whether a copy of a T owns everything that it refers to, so that it may be used after the call that it came
/// with, while the caller and other models change what they have.
///
/// It is false for pointers, views, iterators and reference wrappers; for std::shared_ptr to what is not const, and for
/// other handles whose copies share what they refer to (smart pointers, types that count their uses, and types with a
/// member `clone()` or `copy()`); for expressions of Eigen, which refer to their operands; and for a container, optional, pair, tuple, variant or
/// aggregate that holds one of these. `joust::clone` says how such a type is copied. What a class keeps private cannot
/// be seen: specialise this for classes of your own that refer to data of others, and for aggregates whose pointers
/// refer to data that lives as long as the process.
template <class T>
inline constexpr auto outlives_call = detail::deduced_ownership<T>{};

namespace detail {

template <class T>
inline constexpr bool is_initializer_list = false;
template <class T>
inline constexpr bool is_initializer_list<std::initializer_list<T>> = true;

template <class T>
concept tuple_like_class = requires { sizeof(std::tuple_size<T>); };

/// A class that refers to data of others: a view, an iterator, or a pointer in a class.
template <class T>
concept borrows_by_shape =
    std::ranges::enable_view<T> || std::ranges::enable_borrowed_range<T> || wraps_reference<T> ||
    is_initializer_list<T> || requires(T& t) {
        *t;
        ++t;
    } || (std::is_trivially_copyable_v<T> && requires(const T& t) {
        t.operator->();
        *t;
    } && !requires(const T& t) { t.has_value(); });

/// A handle whose copies count as users of one object.
template <class T>
concept counts_uses = requires(const T& t) {
    { t.use_count() } -> std::integral;
};

/// A handle whose copies are shallow: otherwise it would need no function that copies it.
template <class T>
concept clones_itself = requires(const T& t) {
    { t.clone() } -> std::same_as<T>;
} || requires(const T& t) {
    { t.copy() } -> std::same_as<T>;
} || requires(const T& t) { t.SharesBufferWith(t); };

/// A smart pointer that can be copied and through which also a const one changes what it points to.
template <class T>
concept points_to_mutable = requires(const T& t) {
    t.operator->();
    requires std::is_lvalue_reference_v<decltype(*t)> &&
                 !std::is_const_v<std::remove_reference_t<decltype(*t)>>;
} && std::is_copy_constructible_v<T>;

/// Say whether a type is one of the best known handles with shallow copies, by its name, since its header is not here.
template <class T>
consteval bool is_known_handle()
{
    constexpr std::string_view whole = JOUST_SIGNATURE;
    for (const std::string_view known : {"T = at::Tensor", "T = torch::Tensor", "T = cv::Mat", "T = cv::UMat",
                                         "T = cv::cuda::GpuMat", "T = tensorflow::Tensor"}) {
        const std::size_t at = whole.find(known);
        if (at != std::string_view::npos &&
            (whole[at + known.size()] == ']' || whole[at + known.size()] == ';')) {
            return true;
        }
    }
    return false;
}

/// An expression of a matrix library, which refers to its operands until it is evaluated into a plain object.
template <class T>
concept matrix_expression = requires {
    typename T::PlainObject;
    typename T::Scalar;
} && !std::is_same_v<T, typename T::PlainObject>;

template <class T, class... Seen>
consteval copy_kind kind_of_copy();

/// Return the kind of an element, member or alternative. A type that contains itself is not asked twice.
template <class Element, class... Seen>
consteval copy_kind kind_of_element()
{
    using type = std::remove_cv_t<Element>;
    if constexpr (std::is_reference_v<Element>) {
        return copy_kind::borrows;
    } else if constexpr ((std::is_same_v<type, Seen> || ...)) {
        return copy_kind::owns;
    } else if constexpr (std::is_same_v<std::remove_cv_t<decltype(outlives_call<type>)>,
                                        deduced_ownership<type>>) {
        return kind_of_copy<type, Seen...>();
    } else {
        return outlives_call<type> ? copy_kind::owns : copy_kind::borrows;
    }
}

template <class... Elements>
struct element_list {};
template <class List, class... Seen>
struct kind_of_elements;
template <class... Elements, class... Seen>
struct kind_of_elements<element_list<Elements...>, Seen...> {
    static consteval copy_kind value()
    {
        copy_kind first = copy_kind::owns;
        ((first = first == copy_kind::owns ? kind_of_element<Elements, Seen...>() : first), ...);
        return first;
    }
};

template <class T, class Indices = std::make_index_sequence<std::tuple_size_v<T>>>
struct elements_of_tuple;
template <class T, std::size_t... I>
struct elements_of_tuple<T, std::index_sequence<I...>> {
    using type = element_list<std::tuple_element_t<I, T>...>;
};

/// The alternatives of a variant, which is known by its state without a value.
template <class T>
struct alternatives_of {};
template <template <class...> class Variant, class... Alternatives>
    requires requires(const Variant<Alternatives...>& v) { v.valueless_by_exception(); }
struct alternatives_of<Variant<Alternatives...>> {
    using type = element_list<Alternatives...>;
};

// The members of an aggregate are found by initializing it with probes. A probe converts to every type of some kind, and
// to no other type. No conversion ever runs, but clang warns where one that it names has no body.
struct filler {
    template <class U>
    operator U() const  // NOLINT(google-explicit-constructor)
    {
        std::abort();
    }
};
struct unrelated {};

/// Some members ask whether a probe can be copied. A probe does not convert to a probe.
template <class T>
concept no_probe = !requires { typename T::is_probe; };

/// Return what a copy of an aggregate has of its own of a member. The copy would not call `joust::clone`.
template <class Member, class... Seen>
consteval copy_kind kind_of_member()
{
    return needs_clone<Member> ? copy_kind::shares : kind_of_element<Member, Seen...>();
}
template <copy_kind Kind, class... Seen>
struct kind_probe {
    using is_probe = void;
    template <class U>
        requires no_probe<U> && (kind_of_member<U, Seen...>() == Kind)
    operator U() const  // NOLINT(google-explicit-constructor)
    {
        std::abort();
    }
};
template <class... Seen>
struct other_probe {
    using is_probe = void;
    template <class U>
        requires no_probe<U> && (kind_of_member<U, Seen...>() != copy_kind::owns)
    operator U() const  // NOLINT(google-explicit-constructor)
    {
        std::abort();
    }
};
template <class... Seen>
struct other_aggregate_probe {
    using is_probe = void;
    template <class U>
        requires no_probe<U> && (std::is_aggregate_v<U> && kind_of_member<U, Seen...>() != copy_kind::owns)
    operator U() const  // NOLINT(google-explicit-constructor)
    {
        std::abort();
    }
};

template <std::size_t>
using numbered_filler = filler;
template <class T, class Indices>
inline constexpr bool has_members = false;
template <class T, std::size_t... I>
inline constexpr bool has_members<T, std::index_sequence<I...>> = requires { T{numbered_filler<I>{}...}; };
template <class T, class Probe, class Indices>
inline constexpr bool member_takes = false;
template <class T, class Probe, std::size_t... I>
inline constexpr bool member_takes<T, Probe, std::index_sequence<I...>> =
    requires { T{numbered_filler<I>{}..., Probe{}}; };

/// Is a member of a kind that does not own? A probe that finds no conversion to a member that is an aggregate goes on to
/// the first member of that one, and some members take anything (std::any) or what a string can be made of.
template <class T, class Before, class... Seen>
inline constexpr bool member_does_not_own =
    member_takes<T, other_probe<Seen...>, Before> && !member_takes<T, unrelated, Before> &&
    (member_takes<T, other_aggregate_probe<Seen...>, Before> ||
     !member_takes<T, kind_probe<copy_kind::owns, Seen...>, Before>);

template <class T, std::size_t Member, bool Begun, class... Seen>
consteval copy_kind kind_of_members()
{
    constexpr std::size_t most = 32;
    using before = std::make_index_sequence<Member>;
    constexpr bool enough = has_members<T, before>;
    if constexpr (Member == most || (Begun && !enough)) {
        return copy_kind::owns;
    } else if constexpr (!member_does_not_own<T, before, Seen...>) {
        return kind_of_members<T, Member + 1, enough, Seen...>();
    } else if constexpr (member_takes<T, kind_probe<copy_kind::borrows, Seen...>, before>) {
        return copy_kind::borrows;
    } else {
        return member_takes<T, kind_probe<copy_kind::shares, Seen...>, before> ? copy_kind::shares
                                                                               : copy_kind::computes;
    }
}

template <class T, class... Seen>
consteval copy_kind kind_of_class()
{
    if constexpr (borrows_by_shape<T>) {
        return copy_kind::borrows;
    } else if constexpr (matrix_expression<T>) {
        return copy_kind::computes;
    } else if constexpr (counts_uses<T> && requires { typename T::element_type; }) {
        using element = typename T::element_type;
        if constexpr (!std::is_const_v<std::remove_all_extents_t<element>>) {
            return copy_kind::shares;
        } else if constexpr (std::is_void_v<element>) {
            return copy_kind::owns;
        } else {
            return kind_of_element<std::remove_all_extents_t<element>, T, Seen...>();
        }
    } else if constexpr (counts_uses<T> || clones_itself<T> || points_to_mutable<T> || is_known_handle<T>()) {
        return copy_kind::shares;
    } else if constexpr (tuple_like_class<T>) {
        return kind_of_elements<typename elements_of_tuple<T>::type, T, Seen...>::value();
    } else if constexpr (requires { typename alternatives_of<T>::type; }) {
        constexpr copy_kind kind = kind_of_elements<typename alternatives_of<T>::type, T, Seen...>::value();
        return kind == copy_kind::owns && needs_clone<T> ? copy_kind::shares : kind;
    } else if constexpr (requires { typename T::value_type; }) {
        if constexpr (requires { typename T::error_type; }) {
            return kind_of_elements<element_list<typename T::value_type, typename T::error_type>, T,
                                    Seen...>::value();
        } else if constexpr (std::is_void_v<typename T::value_type>) {
            return copy_kind::owns;
        } else {
            return kind_of_element<typename T::value_type, T, Seen...>();
        }
    } else if constexpr (std::is_aggregate_v<T>) {
        return kind_of_members<T, 0, false, T, Seen...>();
    } else {
        return copy_kind::owns;
    }
}

template <class T, class... Seen>
consteval copy_kind kind_of_copy()
{
    if constexpr (std::is_pointer_v<T>) {
        return std::is_function_v<std::remove_pointer_t<T>> ? copy_kind::owns : copy_kind::borrows;
    } else if constexpr (std::is_array_v<T>) {
        return kind_of_element<std::remove_all_extents_t<T>, Seen...>();
    } else if constexpr (clonable<T> || !std::is_class_v<T>) {
        return copy_kind::owns;
    } else {
        return kind_of_class<T, Seen...>();
    }
}

template <class T>
struct deduced_ownership {
    constexpr operator bool() const noexcept  // NOLINT(google-explicit-constructor)
    {
        return kind_of_copy<T>() == copy_kind::owns;
    }
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
