// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/invoke.hpp>
#include <joust/core/text.hpp>
#include <joust/monitor/alarm.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// Hold one constraint of the report of row_checks.
/// cost: O(1)
struct check_row {
    /// The name of the constraint.
    std::string name;
    /// How many rows it applied to.
    std::uint64_t rows = 0;
    /// How many of them broke it.
    std::uint64_t broken = 0;
    /// How many rows it did not apply to.
    std::uint64_t without = 0;
    /// How many rows could not be judged, because the constraint threw.
    std::uint64_t threw = 0;
    /// The rate of broken rows that is tolerated.
    double tolerated = 0.0;
    /// The evidence that more are broken.
    double evidence = 0.0;
    /// The evidence at which the alarm is raised.
    double threshold = 0.0;
    /// The row that raised the alarm, counted from 1, or 0 if no row did.
    std::uint64_t raised_at = 0;
};

/// Watch constraints on rows. `mostly` is the share of rows that has to obey: a rate of breaches up to 1 - mostly is tolerated, and what lies above it is found by
/// a `bernoulli_alarm`, however often you look. A constraint that always has to hold (`mostly` 1) raises the alarm at the first row that
/// breaks it.
///
/// A constraint returns whether it holds, or nothing where it does not apply: then the row counts as `without`, neither obeying nor breaking.
/// shape: `row_checks<Request> checks; checks.add("age", between(&Request::age, 0, 130), 0.999);`
/// assumes: one thread; rows are independent, so pass one row for each unit where units return
/// cost: the constraint, and 16 ns for each row and constraint
template <class Row>
class row_checks {
public:
    /// A constraint: whether a row obeys, or nothing where it does not apply.
    using constraint = std::function<std::optional<bool>(const Row&)>;

    /// Share a promise about false alarms over all constraints, which have to be added before the first row.
    /// units: rows
    explicit row_checks(false_alarms promise = false_alarms::every(1e7)) : promise_(promise) {}

    /// Add a constraint.
    /// errors: configuration_error for a name that is there already, unless 0.05 < mostly <= 1, and after the first row
    row_checks& add(std::string name, constraint holds, double mostly = 1.0)
    {
        if (!(mostly > 0.05 && mostly <= 1.0)) {
            throw configuration_error("row_checks.mostly", to_text(mostly), "a share above 0.05, at most 1");
        }
        if (seen_) {
            throw configuration_error("row_checks.add", name,
                                      "constraints that are added before the first row");
        }
        for (const watched& each : all_) {
            if (each.row.name == name) {
                throw configuration_error("row_checks.name", name, "each name once");
            }
        }
        watched made{.holds = std::move(holds)};
        made.row.name = std::move(name);
        made.row.tolerated = 1.0 - mostly;
        all_.push_back(std::move(made));
        return *this;
    }

    /// Take a row.
    void see(const Row& row)
    {
        if (!seen_) {
            begin();
        }
        for (watched& each : all_) {
            std::optional<bool> holds;
            try {
                holds = each.holds(row);
            } catch (...) {
                ++each.row.threw;
                continue;
            }
            if (!holds) {
                ++each.row.without;
                continue;
            }
            ++each.row.rows;
            each.row.broken += *holds ? 0U : 1U;
            if (each.alarm) {
                each.alarm->update(!*holds);
                each.row.evidence = each.alarm->evidence();
                each.row.raised_at = each.alarm->raised_at();
            } else if (!*holds && each.row.raised_at == 0) {
                each.row.raised_at = each.row.rows;
                each.row.evidence = std::numeric_limits<double>::infinity();
            }
        }
    }

    /// Return what is known of each constraint, in their order.
    [[nodiscard]] std::vector<check_row> report() const
    {
        std::vector<check_row> rows;
        for (const watched& each : all_) {
            rows.push_back(each.row);
        }
        return rows;
    }

    /// Say whether a constraint is shown to be broken by more rows than are tolerated.
    [[nodiscard]] bool raised() const noexcept
    {
        for (const watched& each : all_) {
            if (each.row.raised_at != 0) {
                return true;
            }
        }
        return false;
    }

private:
    struct watched {
        constraint holds{};
        check_row row{};
        std::optional<bernoulli_alarm> alarm{};
    };

    void begin()
    {
        seen_ = true;
        const false_alarms each_of = promise_.shared_by(all_.empty() ? 1 : all_.size());
        for (watched& each : all_) {
            each.row.threshold = each_of.threshold();
            if (each.row.tolerated > 0.0) {
                each.alarm.emplace(each.row.tolerated, each_of);
            }
        }
    }

    false_alarms promise_;
    std::vector<watched> all_;
    bool seen_ = false;
};

namespace detail {

/// Is a value missing: an empty optional, a null pointer, or NaN?
template <class T>
[[nodiscard]] bool is_missing(const T& value)
{
    if constexpr (std::is_floating_point_v<T>) {
        return std::isnan(value);
    } else if constexpr (std::is_arithmetic_v<T> || std::is_convertible_v<const T&, std::string_view>) {
        return false;
    } else if constexpr (requires { static_cast<bool>(value); }) {
        return !static_cast<bool>(value);
    } else {
        return false;
    }
}

/// Return the value of what may be missing.
template <class T>
[[nodiscard]] decltype(auto) present(const T& value)
{
    if constexpr (!std::is_arithmetic_v<T> && !std::is_convertible_v<const T&, std::string_view> &&
                  requires { *value; }) {
        return *value;
    } else {
        return (value);
    }
}

}  // namespace detail

/// Ask that a value is not missing: an optional, a pointer, or a number that may be NaN.
/// cost: O(1)
template <class Projection>
[[nodiscard]] auto not_missing(Projection of)
{
    return
        [of](const auto& row) -> std::optional<bool> { return !detail::is_missing(detail::invoke(of, row)); };
}
/// Ask that a number lies between two bounds. It does not apply to a missing value.
/// cost: O(1)
template <class Projection>
[[nodiscard]] auto between(Projection of, double low, double high)
{
    return [of, low, high](const auto& row) -> std::optional<bool> {
        const auto& value = detail::invoke(of, row);
        if (detail::is_missing(value)) {
            return std::nullopt;
        }
        const auto number = static_cast<double>(detail::present(value));
        return number >= low && number <= high;
    };
}
/// Ask that a value is one of a list. It does not apply to a missing value.
/// cost: one comparison for each value of the list
template <class Projection, class Value>
[[nodiscard]] auto in_set(Projection of, std::vector<Value> values)
{
    return [of, values = std::move(values)](const auto& row) -> std::optional<bool> {
        const auto& value = detail::invoke(of, row);
        if (detail::is_missing(value)) {
            return std::nullopt;
        }
        for (const Value& each : values) {
            if (each == detail::present(value)) {
                return true;
            }
        }
        return false;
    };
}
/// Ask that two values are equal, such as a logged feature and the one that training would compute.
/// cost: O(1)
template <class First, class Second>
[[nodiscard]] auto equal_to(First first, Second second)
{
    return [first, second](const auto& row) -> std::optional<bool> {
        return detail::invoke(first, row) == detail::invoke(second, row);
    };
}
/// Ask that a value is never below that of the row before, such as a time.
/// cost: O(1)
template <class Projection>
[[nodiscard]] auto increasing(Projection of)
{
    return
        [of, last = std::numeric_limits<double>::lowest()](const auto& row) mutable -> std::optional<bool> {
            const auto value = static_cast<double>(detail::invoke(of, row));
            const bool holds = value >= last;
            last = value > last ? value : last;
            return holds;
        };
}
/// Ask a constraint only of the rows on which a condition is true.
/// cost: O(1)
template <class Condition, class Constraint>
[[nodiscard]] auto when_row(Condition condition, Constraint constraint)
{
    return [condition, constraint](const auto& row) mutable -> std::optional<bool> {
        return detail::invoke(condition, row) ? constraint(row) : std::nullopt;
    };
}

}  // namespace v0
}  // namespace joust
