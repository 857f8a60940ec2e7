// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/fixed_string.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/metric/metric.hpp>
#include <joust/ticket/ticket.hpp>
#include <joust/ticket/tickets.hpp>
#include <joust/trial/detail/arm_core.hpp>
#include <joust/trial/detail/serve_arm.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <tuple>

// How a trial that serves each unit by one of its models takes feedback: by ticket, by unit, and for calls that it only
// assigned.

namespace joust {
inline namespace v0 {
namespace detail {

// The templates that a service calls are `inline`, as members of a class would be: compilers take that as advice.

/// Check a ticket and recover what it says of its exposure; counts what is wrong with it.
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
    if (!core.assignment().recall_shares(receipt.plan(), seen)) {
        live.ignore(ignored::foreign_ticket);
        return false;
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
    static_assert(
        unit_like<Unit>,
        "joust: choose(unit) takes the unit itself, such as choose(request.user_id): the text, integer, enumerator or joust::uuid that by(...) would give");
    if constexpr (unit_like<Unit>) {
        const auto seen = core.assign(unit, std::tuple<const Unit&>{unit});
        if (!seen.recorded) {
            return core.trial().desk().unrecorded(core.live());
        }
        return core.trial().desk().seal(ticket::choice(core.fields_of(seen, core.live().mine().next_call())));
    } else {
        return {};
    }
}

/// Which model a ticket names; 0 where it names none, or is not one that the trial would take.
template <class Core>
[[nodiscard]] inline unsigned arm_named_by(const Core& core, const typename Core::ticket_type& given) noexcept
{
    ticket receipt;
    const bool whole = core.trial().desk().open(given, receipt) == ticket_error::none;
    return whole && receipt.trial() == core.identity().number() && receipt.names_arm() &&
                   receipt.arm() < Core::parts::arm_count
               ? receipt.arm()
               : 0;
}

/// Take in how a call went that the trial only assigned. Returns whether it was used.
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
    // In floating point first: what does not fit would overflow, or be anything at all for NaN.
    const double rough = std::chrono::duration<double, std::nano>{latency}.count();
    std::int64_t spent = -1;
    if (rough >= 0.0 && rough < 9.2e18) {
        spent =
            static_cast<std::int64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(latency).count());
    } else {
        core.live().ignore(ignored::invalid_value);
    }
    finish_call<true>(core, observer, seen, spent, !ok, &chosen, core.live().mine().next_call());
    return true;
}

/// Take a metric's value for the exposure of a ticket. Returns whether it was used.
template <fixed_string Name, class Core, class Observer, class... Denominator>
inline bool observe_by_ticket(Core& core, Observer& observer, const typename Core::ticket_type& given,
                              double value, Denominator... denominator)
{
    using metrics_t = typename Core::parts::metrics_t;
    auto& metrics = core.metrics();
    constexpr std::size_t which =
        std::remove_reference_t<decltype(metrics)>::template named<Name, sizeof...(Denominator)>();
    typename Core::visit seen;
    cell c;
    ticket receipt;
    if (!recall(core, given, receipt, seen) ||
        !metrics.template convert<which>(c, value, static_cast<double>(denominator)...)) {
        return false;
    }
    constexpr std::size_t series = metrics_t::series_of(which);
    static_assert(series < 63, "joust: a trial keeps at most 60 metrics");
    if (!accumulates(metrics.metrics().template get<which>())) {
        constexpr std::uint64_t bit = std::uint64_t{1} << series;
        if ((core.seen().mark(receipt.key(), bit) & bit) != 0) {
            core.live().ignore(ignored::repeated);
            return false;
        }
    }
    metrics.template observe<which>(seen, c, receipt);
    observer.after_feedback(core);
    return true;
}

/// Take a metric's value for whatever a unit was served. Returns whether it was used.
template <fixed_string Name, class Core, class Observer, class Unit, class... Denominator>
inline bool observe_by_unit(Core& core, Observer& observer, const Unit& unit, double value,
                            Denominator... denominator)
{
    auto& metrics = core.metrics();
    constexpr std::size_t which =
        std::remove_reference_t<decltype(metrics)>::template named<Name, sizeof...(Denominator)>();
    cell c;
    if (!metrics.template convert<which>(c, value, static_cast<double>(denominator)...)) {
        return false;
    }
    static_assert(
        !Core::parts::reads_time,
        "joust: this splitter reads the clock, so a unit alone does not say which model it was served; observe with the ticket");
    typename Core::visit seen;
    seen.pseudonym = core.trial().pseudonym_of(unit);
    if (!core.assignment().constant_arm(core.identity().hasher(), unit, seen)) {
        core.live().ignore(ignored::unit_moved);
        return false;
    }
    ticket receipt;
    if constexpr (Core::parts::records) {
        receipt = ticket::exposure(core.fields_of(seen, core.live().mine().next_call()));
    }
    metrics.template observe<which>(seen, c, receipt);
    observer.after_feedback(core);
    return true;
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
