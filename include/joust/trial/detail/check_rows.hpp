// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/model.hpp>
#include <joust/core/policy.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/trial/detail/model_misuse.hpp>

#include <cstddef>
#include <tuple>
#include <type_traits>

// Checks of the rows that a gate is given.

namespace joust {
inline namespace v0 {
namespace detail {

/// Checks that a gate's models, measures and unit key take its rows.
template <class Models>
struct row_calls;
template <class... F>
struct row_calls<std::tuple<model<F>...>> {
    template <class Row>
    static constexpr bool check_models()
    {
        constexpr bool callable = (std::is_invocable_v<F&, const Row&> && ...);
        static_assert(
            callable || (callable_or_explained<F, const Row&>() && ...),
            "joust: a model of the gate cannot be called with a row; rows are what the models predict from");
        if constexpr (callable) {
            constexpr bool predicts = !(std::is_void_v<std::invoke_result_t<F&, const Row&>> || ...);
            static_assert(predicts,
                          "joust: a model of the gate returns nothing, so there is no prediction to measure");
            return predicts;
        } else {
            return false;
        }
    }

    template <class Measure, class Row, class Prediction>
    static constexpr bool measures = requires(const Measure& measure, const Row& row,
                                              const std::remove_reference_t<Prediction>& prediction) {
        static_cast<double>(invoke(measure, row, prediction));
    };

    /// Check that the models, the measures and the unit key take a row. Otherwise a compiler error says why not.
    template <class Key, class Row, class... Measures>
    static constexpr bool check()
    {
        constexpr bool keyed = check_fit<unit_key_role, Key, Row>();
        if constexpr (check_models<Row>()) {
            constexpr bool measured = ([]<class Prediction>(std::type_identity<Prediction>) {
                return (measures<Measures, Row, Prediction> && ...);
            }(std::type_identity<std::invoke_result_t<F&, const Row&>>{}) &&
                                       ...);
            static_assert(
                measured,
                "joust: run(rows, measure...) takes callables on (row, prediction) that give a number or a bool, one for each conversion or mean");
            return keyed && measured;
        } else {
            return false;
        }
    }
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
