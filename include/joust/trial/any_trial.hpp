// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/unit_kind.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/report/report.hpp>
#include <joust/split/plan_diff.hpp>
#include <joust/split/splitter.hpp>
#include <joust/split/traffic_plan.hpp>
#include <joust/store/snapshot.hpp>
#include <joust/ticket/any_ticket.hpp>
#include <joust/trial/detail/steer_plan.hpp>
#include <joust/trial/detail/trial_access.hpp>
#include <joust/trial/served.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

template <class Signature>
class any_trial;

namespace detail {

/// A ticket that came back with feedback, or its text.
struct returned_ticket {
    const any_ticket* ticket = nullptr;
    std::string_view text{};
};

/// A unit of any type, for functions that cannot be templates.
struct any_unit {
    enum class type : std::uint8_t { text, signed_number, unsigned_number, uuid };

    type kind = type::text;
    std::string_view text{};
    std::uint64_t number = 0;
    uuid id{};

    template <unit_like Unit>
    [[nodiscard]] static any_unit of(const Unit& unit) noexcept
    {
        any_unit any;
        if constexpr (text_like<Unit>) {
            any.text = static_cast<std::string_view>(unit);
        } else if constexpr (std::same_as<Unit, uuid>) {
            any.kind = type::uuid;
            any.id = unit;
        } else {
            any.number = static_cast<std::uint64_t>(unit);
            any.kind = unit < Unit{} ? type::signed_number : type::unsigned_number;
        }
        return any;
    }

    /// Call a function with the unit in a type of its original kind.
    template <class Use>
    auto use(Use&& use) const
    {
        switch (kind) {
            case type::signed_number: return use(static_cast<std::int64_t>(number));
            case type::unsigned_number: return use(number);
            case type::uuid: return use(id);
            case type::text: break;
        }
        return use(text);
    }
};

/// Whether a trial can assign a unit of this type without the request that the unit comes with.
template <class Parts, class Unit>
inline constexpr bool assigns_unit = (kind_of_key<typename Parts::key_t> == unit_kind::unknown ||
                                      kind_of_key<typename Parts::key_t> == kind_of_unit<Unit>()) &&
                                     asks_of<typename Parts::split_t, std::tuple<const Unit&>>;

/// A trial and functions of fixed types that call it.
template <class Trial>
class typed_trial {
public:
    using ticket_type = typename Trial::ticket_type;
    static_assert(
        std::is_same_v<ticket_type, ticket> || std::is_same_v<ticket_type, signed_ticket>,
        "joust: any_trial holds trials with plain or signed tickets; a ticket policy of your own needs the trial's own type");

    // The trial is built in place, because it can be neither copied nor moved.
    template <class Factory>
    explicit typed_trial(Factory& factory) : trial(factory())
    {
    }

    bool observe(std::string_view metric, const returned_ticket& given, double value,
                 const double* denominator)
    {
        if constexpr (observes) {
            using parts = typename core_t::parts;
            const auto take = [&](const auto& what) {
                return denominator == nullptr ? trial.observe(metric, what, value)
                                              : trial.observe(metric, what, value, *denominator);
            };
            if constexpr (assigns_unit<parts, std::string_view> && !parts::reads_time) {
                if (given.ticket == nullptr) {
                    return take(given.text);
                }
            }
            return take(ticket_of(given));
        } else {
            refuse("observe", "an ab_test or a canary, which have metrics");
        }
    }

    any_ticket choose(const any_unit& unit)
    {
        if constexpr (observes) {
            using parts = typename core_t::parts;
            return unit.use([this]<class Unit>(const Unit& one) -> any_ticket {
                if constexpr (parts::adjusts || !assigns_unit<parts, Unit>) {
                    refuse(
                        "choose",
                        "a trial that assigns a unit of this type alone, without the request that it comes with");
                } else {
                    return trial.choose(one);
                }
            });
        } else {
            refuse("choose", "an ab_test or a canary, which assign units to models");
        }
    }

    [[nodiscard]] unsigned arm_of(const returned_ticket& given) const
    {
        if constexpr (observes) {
            return trial.arm_of(ticket_of(given));
        } else {
            refuse("arm_of", "an ab_test or a canary, which assign units to models");
        }
    }

    bool complete(const returned_ticket& given, std::chrono::duration<double, std::nano> latency, bool ok)
    {
        if constexpr (observes) {
            return trial.complete(ticket_of(given), latency, ok);
        } else {
            refuse("complete", "an ab_test or a canary, which assign units to models");
        }
    }

    template <class Truth>
    bool truth(const returned_ticket& given, const Truth& value)
    {
        if constexpr (requires { requires Trial::template takes_truth<Truth>; }) {
            return given.ticket == nullptr ? trial.truth(given.text, value)
                                           : trial.truth(ticket_of(given), value);
        } else {
            refuse("truth",
                   "a shadow that knows what its models return, and whose judge takes a truth of that type");
        }
    }

    void roll_back(std::string_view reason)
    {
        if constexpr (requires { trial.roll_back(reason); }) {
            trial.roll_back(reason);
        } else {
            refuse("roll_back", "a canary; replace_plan and plan_watch stop an ab_test");
        }
    }

    [[nodiscard]] traffic_plan plan_now() const
    {
        if constexpr (steering::steers) {
            return steering::now(trial);
        } else {
            refuse("plan_of", "an ab_test or a canary, which serve their challengers");
        }
    }

    plan_difference replace_plan(const traffic_plan& next, const replace_options& options)
    {
        if constexpr (steering::steers) {
            return steering::replace(trial, next, options);
        } else {
            refuse("replace_plan", "an ab_test or a canary, which serve their challengers");
        }
    }

    bool follow(const traffic_plan& next, const replace_options& options, bool first)
    {
        if constexpr (steering::steers) {
            return steering::follow(trial, next, options, first);
        } else {
            refuse("plan_watch", "an ab_test or a canary, which serve their challengers");
        }
    }

    bool stop() noexcept
    {
        if constexpr (steering::steers) {
            return steering::stop(trial);
        } else {
            return false;
        }
    }

    void complain(const std::string& why)
    {
        if constexpr (steering::steers) {
            steering::complain(trial, why);
        }
    }

    Trial trial;

private:
    using steering = plan_steering<Trial>;
    static constexpr bool observes =
        requires(Trial& one, const ticket_type& given) { one.observe(std::string_view{}, given, 1.0); };
    using core_t = std::remove_cvref_t<decltype(trial_access::core(std::declval<Trial&>()))>;

    [[noreturn]] static void refuse(std::string_view what, std::string_view allowed)
    {
        throw configuration_error("any_trial." + std::string{what}, "called on a trial of another kind",
                                  std::string{allowed});
    }

    /// Read a ticket of the trial's type. Any other ticket becomes an empty one, which the trial counts as damaged.
    [[nodiscard]] static ticket_type ticket_of(const returned_ticket& given) noexcept
    {
        ticket_type read;
        if (given.ticket == nullptr) {
            (void)ticket_type::parse(given.text, read);
        } else if constexpr (std::is_same_v<ticket_type, ticket>) {
            read = given.ticket->is_signed() ? read : *given.ticket->plain();
        } else {
            read = given.ticket->is_signed() ? *given.ticket->sealed() : read;
        }
        return read;
    }
};

}  // namespace detail

/// Hold a trial of any type in a handle whose type is short to write: for members, containers and dashboards.
///
/// The handle can be moved, and the trial inside keeps its address.
/// When to use: where the type of the trial cannot be named or must not appear in an interface. When not: where the trial
/// can be a local or static variable, whose calls are not virtual.
/// A plan stops and steers the trial inside: `replace_plan(handle, plan)`, `plan_of(handle)`, and `plan_watch{handle, path}` for a
/// handle that stays where it is.
/// shape: `any_trial<float(const Request&)> score{[] { return joust::ab_test{...}; }}`; the factory is called once
/// errors: configuration_error from every function that the trial inside does not have, and from every function of a handle
/// that was moved from
/// cost: a virtual call for each request, and one allocation for the handle
template <class Result, class... Args>
class any_trial<Result(Args...)> {
public:
    /// The type of the truths that `truth` takes, which is the type that the models return.
    using truth_type = std::conditional_t<std::is_void_v<Result>, std::tuple<>, std::decay_t<Result>>;

    /// Call the factory and hold the trial that it returns.
    template <class Factory>
        requires(!std::is_same_v<std::remove_cvref_t<Factory>, any_trial>)
    explicit any_trial(Factory&& factory) : inside_(made(factory))
    {
    }
    /// Take the trial of another handle, which is empty from then on.
    any_trial(any_trial&& other) noexcept : inside_(std::exchange(other.inside_, nullptr)) {}
    /// Exchange the trials of two handles.
    any_trial& operator=(any_trial&& other) noexcept
    {
        std::swap(inside_, other.inside_);
        return *this;
    }
    ~any_trial() { delete inside_; }

    /// Return whether the handle holds a trial. A handle that was moved from does not.
    [[nodiscard]] explicit operator bool() const noexcept { return inside_ != nullptr; }

    /// Serve a request.
    Result operator()(Args... arguments) { return inside().call(std::forward<Args>(arguments)...); }

    /// Serve a request and return the prediction with a ticket for feedback that comes later.
    served<Result, any_ticket> serve(Args... arguments)
    {
        return inside().serve(std::forward<Args>(arguments)...);
    }

    /// Report the value of a metric by the metric's name. Returns whether the value was used; if not, the report counts
    /// why.
    /// errors: configuration_error where the trial has no metric of this name, or the metric is a ratio
    bool observe(std::string_view metric, const any_ticket& given, double value)
    {
        return inside().observe(metric, {.ticket = &given}, value, nullptr);
    }
    /// Report the numerator and the denominator of a ratio.
    /// errors: configuration_error where the trial has no ratio of this name
    bool observe(std::string_view metric, const any_ticket& given, double value, double denominator)
    {
        return inside().observe(metric, {.ticket = &given}, value, &denominator);
    }
    /// Report the value of a metric for the text of a ticket. Where the trial's units are text, any other text is a
    /// unit, as in `ab_test::observe`.
    bool observe(std::string_view metric, std::string_view text, double value)
    {
        return inside().observe(metric, {.text = text}, value, nullptr);
    }
    /// Report the numerator and the denominator of a ratio for the text of a ticket, or for a unit.
    bool observe(std::string_view metric, std::string_view text, double value, double denominator)
    {
        return inside().observe(metric, {.text = text}, value, &denominator);
    }

    /// Assign a unit without calling a model. `arm_of` says which model to call, and `complete` records how the call went.
    /// errors: configuration_error where the trial's units are of another type, or the trial needs the request to
    /// assign a unit
    template <unit_like Unit>
    [[nodiscard]] any_ticket choose(const Unit& unit)
    {
        return inside().choose(detail::any_unit::of(unit));
    }

    /// Return the arm of the model that a ticket names. It is 0, the champion, where the ticket names no model or the trial
    /// would not take the ticket.
    [[nodiscard]] unsigned arm_of(const any_ticket& given) const
    {
        return inside().arm_of({.ticket = &given});
    }
    /// Return the arm of the model that the text of a ticket names.
    [[nodiscard]] unsigned arm_of(std::string_view text) const { return inside().arm_of({.text = text}); }

    /// Record how the call that `choose` assigned went. Returns whether the call was recorded.
    template <class Rep, class Period>
    bool complete(const any_ticket& given, std::chrono::duration<Rep, Period> latency, bool ok)
    {
        return inside().complete({.ticket = &given}, latency, ok);
    }
    /// Record how a call went, by the text of its ticket.
    template <class Rep, class Period>
    bool complete(std::string_view text, std::chrono::duration<Rep, Period> latency, bool ok)
    {
        return inside().complete({.text = text}, latency, ok);
    }

    /// Tell a shadow the right answer to a ticket's request. Returns whether the truth was used or waits to be used.
    bool truth(const any_ticket& given, const truth_type& value)
    {
        return inside().truth({.ticket = &given}, value);
    }
    /// Tell a shadow the right answer to a request, by the text of its ticket.
    bool truth(std::string_view text, const truth_type& value)
    {
        return inside().truth({.text = text}, value);
    }

    /// Take the challenger of a canary out of service, as `canary::roll_back` does, also when memory is out.
    /// errors: configuration_error where the trial is not a canary
    void roll_back(std::string_view reason) { inside().roll_back(reason); }

    /// Return the name of the trial.
    [[nodiscard]] const std::string& name() const { return inside().name(); }

    /// Report what the evidence shows so far.
    [[nodiscard]] joust::report report() { return inside().report(); }
    /// Return a copy of all evidence.
    /// errors: configuration_error for a shadow, whose evidence has a type of its own; `snapshot` works for every trial
    [[nodiscard]] joust::evidence evidence() const { return inside().evidence(); }
    /// Return all evidence as bytes, as `to_snapshot(trial.evidence())` does.
    [[nodiscard]] std::string snapshot() const { return inside().snapshot(); }

private:
    friend struct detail::plan_steering<any_trial>;

    struct interface {
        interface() = default;
        interface(const interface&) = delete;
        interface& operator=(const interface&) = delete;
        virtual ~interface() = default;
        virtual Result call(Args... arguments) = 0;
        virtual served<Result, any_ticket> serve(Args... arguments) = 0;
        virtual bool observe(std::string_view metric, const detail::returned_ticket& given, double value,
                             const double* denominator) = 0;
        virtual any_ticket choose(const detail::any_unit& unit) = 0;
        virtual unsigned arm_of(const detail::returned_ticket& given) const = 0;
        virtual bool complete(const detail::returned_ticket& given,
                              std::chrono::duration<double, std::nano> latency, bool ok) = 0;
        virtual bool truth(const detail::returned_ticket& given, const truth_type& value) = 0;
        virtual void roll_back(std::string_view reason) = 0;
        virtual const std::string& name() const noexcept = 0;
        virtual traffic_plan plan_now() const = 0;
        virtual plan_difference replace_plan(const traffic_plan& next, const replace_options& options) = 0;
        virtual bool follow(const traffic_plan& next, const replace_options& options, bool first) = 0;
        virtual bool stop() noexcept = 0;
        virtual void complain(const std::string& why) = 0;
        virtual joust::report report() = 0;
        virtual joust::evidence evidence() const = 0;
        virtual std::string snapshot() const = 0;
    };

    template <class Trial>
    struct holder final : interface {
        template <class Factory>
        explicit holder(Factory& factory) : typed(factory)
        {
        }
        Result call(Args... arguments) override { return typed.trial(std::forward<Args>(arguments)...); }
        served<Result, any_ticket> serve(Args... arguments) override
        {
            if constexpr (std::is_void_v<Result>) {
                return {typed.trial.serve(std::forward<Args>(arguments)...).ticket};
            } else {
                auto answer = typed.trial.serve(std::forward<Args>(arguments)...);
                return {static_cast<Result>(std::forward<decltype(answer.prediction)>(answer.prediction)),
                        answer.ticket};
            }
        }
        bool observe(std::string_view metric, const detail::returned_ticket& given, double value,
                     const double* denominator) override
        {
            return typed.observe(metric, given, value, denominator);
        }
        any_ticket choose(const detail::any_unit& unit) override { return typed.choose(unit); }
        unsigned arm_of(const detail::returned_ticket& given) const override { return typed.arm_of(given); }
        bool complete(const detail::returned_ticket& given, std::chrono::duration<double, std::nano> latency,
                      bool ok) override
        {
            return typed.complete(given, latency, ok);
        }
        bool truth(const detail::returned_ticket& given, const truth_type& value) override
        {
            return typed.truth(given, value);
        }
        void roll_back(std::string_view reason) override { typed.roll_back(reason); }
        const std::string& name() const noexcept override { return typed.trial.name(); }
        traffic_plan plan_now() const override { return typed.plan_now(); }
        plan_difference replace_plan(const traffic_plan& next, const replace_options& options) override
        {
            return typed.replace_plan(next, options);
        }
        bool follow(const traffic_plan& next, const replace_options& options, bool first) override
        {
            return typed.follow(next, options, first);
        }
        bool stop() noexcept override { return typed.stop(); }
        void complain(const std::string& why) override { typed.complain(why); }
        joust::report report() override { return typed.trial.report(); }
        joust::evidence evidence() const override
        {
            if constexpr (std::is_same_v<decltype(typed.trial.evidence()), joust::evidence>) {
                return typed.trial.evidence();
            } else {
                throw configuration_error(
                    "any_trial", "a trial whose evidence is of another type",
                    "an ab_test or a canary; snapshot() writes the evidence of any trial");
            }
        }
        std::string snapshot() const override { return to_snapshot(typed.trial.evidence()); }
        detail::typed_trial<Trial> typed;
    };

    template <class Factory>
    [[nodiscard]] static interface* made(Factory& factory)
    {
        constexpr bool trial = requires { typename std::remove_cvref_t<Factory>::ticket_type; };
        if constexpr (trial) {
            static_assert(
                detail::always_false<Factory>,
                "joust: any_trial takes a factory, a callable without arguments that returns the trial, since trials do not move: any_trial<float(const Request&)> score{[] { return joust::ab_test{...}; }}");
            return nullptr;
        } else if constexpr (!std::is_invocable_v<Factory&>) {
            static_assert(
                detail::always_false<Factory>,
                "joust: any_trial takes a factory, a callable without arguments that returns the trial: any_trial<float(const Request&)> score{[] { return joust::ab_test{...}; }}");
            return nullptr;
        } else {
            return new holder<std::remove_cvref_t<std::invoke_result_t<Factory&>>>(factory);
        }
    }

    [[nodiscard]] interface& inside() const
    {
        if (inside_ == nullptr) [[unlikely]] {
            throw configuration_error("any_trial", "moved from",
                                      "a handle that holds a trial, which its conversion to bool tells");
        }
        return *inside_;
    }

    interface* inside_;  // Owned. A unique_ptr would add <memory>, five thousand lines, to every service.
};

namespace detail {

template <class Signature>
struct plan_steering<any_trial<Signature>> {
    using trial_t = any_trial<Signature>;
    static constexpr bool steers = true;
    [[nodiscard]] static std::string_view name(const trial_t& trial) noexcept
    {
        return trial.inside_ != nullptr ? std::string_view{trial.inside_->name()} : std::string_view{};
    }

    static bool follow(trial_t& trial, const traffic_plan& next, const replace_options& options, bool first)
    {
        return trial.inside().follow(next, options, first);
    }
    static bool stop(trial_t& trial) noexcept { return trial.inside_ != nullptr && trial.inside_->stop(); }
    static void complain(trial_t& trial, const std::string& why) { trial.inside().complain(why); }
    [[nodiscard]] static traffic_plan now(const trial_t& trial) { return trial.inside().plan_now(); }
    static plan_difference replace(trial_t& trial, const traffic_plan& next, const replace_options& options)
    {
        return trial.inside().replace_plan(next, options);
    }
};

}  // namespace detail

/// Return the plan in force of the trial in a handle.
/// errors: configuration_error where the trial is a shadow, which never serves its challenger
template <class Signature>
[[nodiscard]] traffic_plan plan_of(const any_trial<Signature>& trial)
{
    return detail::plan_steering<any_trial<Signature>>::now(trial);
}

/// Put a plan in force in the trial in a handle, as `replace_plan` of the trial does; a stopped plan rolls a canary back. Include
/// `joust/trial/replace_plan.hpp` for trials without a handle.
/// errors: as replace_plan of the trial inside, and configuration_error for a shadow, which never serves its challenger
template <class Signature>
plan_difference replace_plan(any_trial<Signature>& trial, const traffic_plan& next,
                             const replace_options& options = {})
{
    return detail::plan_steering<any_trial<Signature>>::replace(trial, next, options);
}

}  // namespace v0
}  // namespace joust
