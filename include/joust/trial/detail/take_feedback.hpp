// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/fixed_string.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/shape.hpp>
#include <joust/core/unit_id.hpp>
#include <joust/core/unit_kind.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/metric/metric.hpp>
#include <joust/ticket/ticket.hpp>
#include <joust/ticket/tickets.hpp>
#include <joust/trial/detail/arm_core.hpp>
#include <joust/trial/detail/serve_arm.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

// How a trial that serves each unit by one of its models takes feedback: by ticket, by unit, and for calls that it only
// assigned.

namespace joust {
inline namespace v0 {
namespace detail {

// The templates that a service calls are `inline`, as members of a class are, because compilers take that as advice.

/// Check a ticket and read the exposure that it describes. A ticket that cannot be used is counted by its reason.
template <class Core>
[[nodiscard]] inline bool recall(Core& core, const typename Core::ticket_type& given, ticket& receipt,
                                 typename Core::visit& seen) noexcept
{
    using parts = typename Core::parts;
    if constexpr (!hides_tickets<typename parts::tickets_t>) {
        core.seen().prefetch(given.key());
    }
    live_evidence& live = core.live();
    if (!core.trial().desk().admit(given, live, receipt)) {
        return false;
    }
    if (receipt.kind() == ticket_kind::slate || (receipt.names_arm() && receipt.arm() >= parts::arm_count)) {
        live.ignore(ignored::foreign_ticket);
        return false;
    }
    if (!receipt.names_arm()) {
        live.ignore(ignored::unrecorded_unit);
        return false;
    }
    seen.pseudonym = receipt.unit();
    seen.propensity = static_cast<double>(receipt.propensity());
    seen.arm = receipt.arm();
    seen.plan = receipt.plan();
    if (!core.assignment().recall_shares(receipt, seen)) {
        live.ignore(ignored::unknown_plan);
        return false;
    }
    if constexpr (parts::counts_by_share) {
        seen.row = live.rows().row_of_ticket(seen.arm, receipt.propensity());
    }
    return true;
}

/// Assign a unit without calling a model.
template <class Core, class Unit>
[[nodiscard]] inline typename Core::ticket_type choose_arm(Core& core, const Unit& unit)
{
    static_assert(
        !Core::parts::adjusts || always_false<Unit>,
        "joust: adjust_for(...) reads its number when a call is served, so it does not go with choose() and complete()");
    if constexpr (check_chosen<typename Core::parts::key_t, Unit>()) {
        if (!core.trial().is_unit(unit)) {
            core.live().ignore(ignored::no_unit);
            return core.trial().desk().unrecorded(core.live());
        }
        const auto seen = core.assign(unit, std::tuple<const Unit&>{unit});
        if (!seen.recorded) {
            return core.trial().desk().unrecorded(core.live());
        }
        core.assignment().note_choice(seen);
        return core.trial().desk().seal(
            ticket::choice(core.fields_of(seen, core.live().of_this_thread().next_call())));
    } else {
        return {};
    }
}

/// Return the arm of the model that a ticket names, or 0 where it names no model or the trial would not take the ticket.
template <class Core>
[[nodiscard]] inline unsigned arm_named_by(const Core& core, const typename Core::ticket_type& given) noexcept
{
    if (Core::parts::dry) {
        return 0;
    }
    ticket receipt;
    const bool whole = core.trial().desk().open(given, receipt) == ticket_error::none;
    return whole && receipt.trial() == core.identity().number() && receipt.names_arm() &&
                   receipt.arm() < Core::parts::arm_count
               ? receipt.arm()
               : 0;
}

/// Record how a call went that the trial only assigned. Returns whether the call was recorded.
template <class Core, class Observer, class Rep, class Period>
inline bool complete_call(Core& core, Observer& observer, const typename Core::ticket_type& given,
                          std::chrono::duration<Rep, Period> latency, bool ok)
{
    constexpr std::uint64_t completed = std::uint64_t{1} << 63;
    typename Core::visit seen;
    ticket chosen;
    if (!recall(core, given, chosen, seen)) {
        return false;
    }
    if (chosen.kind() != ticket_kind::choice ||
        (core.seen().mark(chosen.key(), completed) & completed) != 0) {
        core.live().ignore(ignored::repeated);
        return false;
    }
    // The latency is checked in floating point first, because a conversion could overflow, and that of NaN is undefined.
    const double rough = std::chrono::duration<double, std::nano>{latency}.count();
    std::int64_t spent = -1;
    if (rough >= 0.0 && rough < 9.2e18) {
        spent =
            static_cast<std::int64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(latency).count());
    } else {
        core.live().ignore(ignored::invalid_value);
    }
    finish_call<true>(core, observer, seen, spent, !ok, &chosen, core.live().of_this_thread().next_call());
    return true;
}

/// Return the key under which the window of seen tickets remembers what a ticket brought that could not be scored.
[[nodiscard]] constexpr std::uint64_t lost_key(std::uint64_t key) noexcept
{
    return key ^ 0x6c6f73742076616cU;
}

/// Return the key under which the window of seen tickets counts the values that a ticket brought to a metric.
[[nodiscard]] constexpr std::uint64_t values_key(std::uint64_t key, std::size_t series) noexcept
{
    return mix64(key + 0x76616c7565730000U + series);
}

/// Take the values of a metric for the exposure of a ticket. Returns whether they were used.
template <std::size_t Which, class Core, class Observer, class... Values>
inline bool observe_by_ticket(Core& core, Observer& observer, const typename Core::ticket_type& given,
                              Values... values)
{
    using metrics_t = typename Core::parts::metrics_t;
    auto& metrics = core.metrics();
    typename Core::visit seen;
    cell c;
    ticket receipt;
    if (!recall(core, given, receipt, seen)) {
        return false;
    }
    constexpr std::size_t series = metrics_t::series_of(Which);
    static_assert(series < 63, "joust: a trial keeps at most 60 metrics");
    constexpr std::uint64_t bit = std::uint64_t{1} << series;
    if (!metrics.template convert<Which>(c, values...)) {
        // A ticket loses a metric once, and only where it did not bring a value before that stands alone.
        if ((accumulates(metrics.metrics().template get<Which>()) ||
             (core.seen().peek(receipt.key()) & bit) == 0) &&
            (core.seen().mark(lost_key(receipt.key()), bit) & bit) == 0) {
            metrics.template lose<Which>(seen);
        }
        return false;
    }
    const bool first = (core.seen().mark(receipt.key(), bit) & bit) == 0;
    if (!first && !accumulates(metrics.metrics().template get<Which>())) {
        core.live().ignore(ignored::repeated);
        return false;
    }
    if (accumulates(metrics.metrics().template get<Which>()) &&
        core.seen().count(values_key(receipt.key(), series)) >= core.trial().desk().values_per_ticket()) {
        core.live().ignore(ignored::too_many_values);
        return false;
    }
    metrics.template observe<Which>(seen, c, receipt, first);
    observer.after_feedback(core);
    return true;
}

/// Take the values of a metric for the arm that served a unit. Returns whether they were used.
template <std::size_t Which, class Core, class Observer, class Unit, class... Values>
inline bool observe_by_unit(Core& core, Observer& observer, const Unit& unit, Values... values)
{
    auto& metrics = core.metrics();
    cell c;
    if (!core.trial().units().template takes<Unit>()) {
        core.live().ignore(ignored::no_unit);
        return false;
    }
    if constexpr (!text_like<Unit>) {  // Text was looked at already.
        if (is_no_unit(unit)) {
            core.live().ignore(ignored::empty_unit);
            return false;
        }
    }
    if (!core.assignment().knows_history()) {
        core.live().ignore(ignored::unknown_history);
        return false;
    }
    const bool usable = metrics.template convert<Which>(c, values...);
    typename Core::visit seen;
    seen.pseudonym = core.trial().pseudonym_of(unit);
    if (!core.assignment().constant_arm(core.identity().hasher(), unit, seen)) {
        core.live().ignore(ignored::unit_moved);
        return false;
    }
    if (!core.assignment().vouches_for(core.live(), seen)) {
        core.live().ignore(ignored::unserved_unit);
        return false;
    }
    if (!usable) {
        metrics.template lose<Which>(seen);
        return false;
    }
    core.assignment().credit_unit();
    ticket receipt;
    if constexpr (Core::parts::records) {
        receipt = ticket::exposure(core.fields_of(seen, core.live().of_this_thread().next_call()));
    }
    metrics.template observe<Which>(seen, c, receipt);
    observer.after_feedback(core);
    return true;
}

/// Take the values of a metric for a text, which is the text of a ticket or a unit. Returns whether they were used.
template <std::size_t Which, class Core, class Observer, class Text, class... Values>
inline bool observe_by_text(Core& core, Observer& observer, const Text& text, Values... values)
{
    if (is_no_unit(text)) {
        core.live().ignore(ignored::empty_unit);
        return false;
    }
    typename Core::ticket_type given;
    switch (core.trial().desk().read(static_cast<std::string_view>(text), given)) {
        case text_of::ticket: return observe_by_ticket<Which>(core, observer, given, values...);
        case text_of::damaged_ticket: core.live().ignore(ignored::damaged_ticket); return false;
        case text_of::unit: break;
    }
    return observe_by_unit<Which>(core, observer, text, values...);
}

/// Any type that has the functions of a ticket.
template <class T>
concept ticket_like = requires(const T& t, T& out) {
    t.to_string();
    { T::parse(std::string_view{}, out) } -> std::same_as<ticket_error>;
};

/// Check that feedback can come with a value of this type, and with these values. Otherwise a compiler error says why not.
template <class Core, class What, class... Values>
constexpr bool check_feedback()
{
    constexpr bool numbers = (std::is_convertible_v<Values, double> && ...);
    static_assert(
        numbers,
        "joust: the value of a metric is a number or a bool: observe<\"name\">(ticket, value), and for a ratio observe<\"name\">(ticket, numerator, denominator)");
    if constexpr (std::is_convertible_v<const What&, const typename Core::ticket_type&>) {
        return numbers;
    } else if constexpr (ticket_like<What>) {
        static_assert(
            always_false<What>,
            "joust: observe takes the tickets that this trial gives out, its ticket_type: joust::signed_ticket where the trial was given signed_tickets{...}, else joust::ticket");
        return false;
    } else if constexpr (!unit_like<What>) {
        static_assert(
            always_false<What>,
            "joust: feedback comes with a ticket of this trial, with a ticket's text, or with a unit as by(...) gives it (text, an integer, an enumerator or a joust::uuid), and then the value");
        return false;
    } else {
        static_assert(
            !Core::parts::reads_time,
            "joust: this splitter reads the clock, so a unit alone does not say which model it was served; observe with the ticket");
        return check_unit<typename Core::parts::key_t, What>() && !Core::parts::reads_time && numbers;
    }
}

/// Take the values of a metric for a ticket, the text of a ticket or a unit. Returns whether they were used.
template <std::size_t Which, class Core, class Observer, class What, class... Values>
inline bool observe_what(Core& core, Observer& observer, const What& what, Values... values)
{
    if constexpr (std::is_convertible_v<const What&, const typename Core::ticket_type&>) {
        return observe_by_ticket<Which>(core, observer, what, values...);
    } else if constexpr (text_like<What>) {
        return observe_by_text<Which>(core, observer, what, values...);
    } else {
        return observe_by_unit<Which>(core, observer, what, values...);
    }
}

/// Take the values of the metric of this name. Returns whether they were used.
template <fixed_string Name, class Core, class Observer, class What, class... Values>
inline bool observe(Core& core, Observer& observer, const What& what, Values... values)
{
    using metrics_t = std::remove_reference_t<decltype(core.metrics())>;
    constexpr std::size_t which = metrics_t::template named<Name, sizeof...(Values)>();
    constexpr bool fits = check_feedback<Core, What, Values...>();
    if constexpr (fits && which != Core::parts::metrics_t::none) {
        return observe_what<which>(core, observer, what, static_cast<double>(values)...);
    } else {
        return false;
    }
}

/// Take the values of a metric whose name is known only at run time. Returns whether they were used.
/// errors: configuration_error where no metric has this name, or the metric takes another number of values
template <class Core, class Observer, class What, class... Values>
bool observe_named(Core& core, Observer& observer, std::string_view name, const What& what, Values... values)
{
    using metrics_t = typename Core::parts::metrics_t;
    if constexpr (!check_feedback<Core, What, Values...>()) {
        return false;
    } else {
        bool found = false;
        bool used = false;
        const auto take = [&]<std::size_t I> {
            if constexpr (metrics_t::template takes_feedback<I>) {
                using metric = inner_metric_t<typename metrics_t::template given_t<I>>;
                constexpr bool ratio = is_ratio<metric>;
                if (metric::name() != name) {
                    return;
                }
                found = true;
                if constexpr (sizeof...(Values) == (ratio ? 2 : 1)) {
                    used = observe_what<I>(core, observer, what, static_cast<double>(values)...);
                } else {
                    throw configuration_error("observe(" + std::string{name} + ")",
                                              std::to_string(sizeof...(Values)) + " values",
                                              ratio ? "a numerator and a denominator" : "one value");
                }
            }
        };
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (take.template operator()<I>(), ...);
        }(std::make_index_sequence<metrics_t::size>{});
        if (!found) {
            throw configuration_error("observe", "'" + std::string{name} + "'",
                                      "the name of a metric of the trial: " + metrics_t::feedback_names());
        }
        return used;
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
