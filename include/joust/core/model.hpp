// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/shape.hpp>

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

namespace detail {

/// Stand for a callable that was given without a name, so that a sentence refuses it.
template <class Callable>
struct nameless {};
template <class T>
inline constexpr bool is_nameless = false;
template <class Callable>
inline constexpr bool is_nameless<nameless<Callable>> = true;

}  // namespace detail

/// Name a predictor, which is any callable. The first model of a trial is the champion.
///
/// shape: `model{"gbdt-v1", score}`; the callable is kept by value (pass std::ref(f) to keep a reference)
/// errors: configuration_error for an empty name
template <class Callable>
struct model {
    static_assert(!detail::is_nameless<Callable> && !detail::spells_text<Callable>,
                  "joust: a model is its name and then a callable: joust::model{\"gbdt-v1\", score}");
    static_assert(
        !detail::points_to_object<Callable>,
        "joust: this model is a pointer to a model and cannot be called: pass std::ref(*pointer) while the model outlives the trial, or a lambda that holds the pointer and calls what it points to");
    static_assert(detail::may_be_callable<Callable> || detail::spells_text<Callable> ||
                      detail::points_to_object<Callable>,
                  "joust: a model is a callable object, function or member pointer");

    /// Name a callable.
    model(std::string_view model_name, Callable predictor) : name(model_name), call(std::move(predictor))
    {
        if (name.empty()) {
            throw configuration_error("model.name", "empty", "a name that is unique in its trial");
        }
    }

    /// The name, which reports and evidence use.
    std::string name;
    /// The callable that predicts.
    [[no_unique_address]] Callable call;
};

template <class Name, class Callable>
model(Name, Callable) -> model<Callable>;
template <class Callable>
model(Callable) -> model<detail::nameless<Callable>>;

namespace detail {

template <class T>
inline constexpr bool is_model = false;
template <class Callable>
inline constexpr bool is_model<model<Callable>> = true;

}  // namespace detail
}  // namespace v0
}  // namespace joust
