// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/policy.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>

#include <concepts>
#include <span>

namespace joust {
inline namespace v0 {

/// A test of paired rows that depend on each other, such as scores on the splits of a cross-validation or losses in the
/// order of time.
///
/// shape: `test_rows(challenger, champion, test_options) const` returns a two-sided stats::test_result with an interval for
/// challenger minus champion
template <class T>
concept row_test = requires(const T& t, std::span<const double> values, const stats::test_options& options) {
    { t.test_rows(values, values, options) } -> std::same_as<stats::test_result>;
};

namespace detail {

struct verb_test_rows {
    int test_rows;
};
template <class T>
concept has_test_rows = derivable<T> && !requires { &both<T, verb_test_rows>::test_rows; };

}  // namespace detail

/// The role of a gate's test of rows: `cross_validated{}`, `five_by_two{}`, `back_test{}` (stats/cross_validated.hpp), or
/// your own.
struct row_test_role {
    static constexpr bool repeats = false;
    template <class T>
    static constexpr bool plays = row_test<T>;
    template <class T>
    static constexpr bool resembles = detail::has_test_rows<T>;
    template <class T>
    static constexpr void near_miss()
    {
        static_assert(
            plays<T>,
            "joust: this has test_rows(), but a test of rows is `test_rows(std::span<const double> challenger, std::span<const double> champion, const stats::test_options&) const -> stats::test_result`");
    }
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>, "joust: a gate's rows are compared by one test");
    }
};

}  // namespace v0
}  // namespace joust
