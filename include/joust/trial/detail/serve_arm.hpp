// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/thread_unwind.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/ticket/ticket.hpp>
#include <joust/trial/detail/arm_core.hpp>
#include <joust/trial/detail/check_call.hpp>

#include <cstdint>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>

// How a trial that serves each unit by one of its models serves a call, and how it records the outcome: accepted, late or
// failed.
//
// `Observer` is the trial's own reaction: `after_call(core, failed or late, number of the thread's call)` and
// `after_feedback(core)`. `counts_every_call` says whether it needs a number for every call, also where nothing else does.

namespace joust {
inline namespace v0 {
namespace detail {

inline constexpr std::uint32_t no_number = 0xffffffffU;

/// Record the outcome of a call.
template <bool Timed, class Core, class Observer>
JOUST_ALWAYS_INLINE inline void finish_call(Core& core, Observer& observer, const typename Core::visit& seen,
                                            std::int64_t spent, bool failed, const ticket* receipt,
                                            std::uint32_t number, bool shared = false) noexcept
{
    slab& thread_slab = core.live().of_this_thread();
    if (Observer::counts_every_call && number == no_number) {
        number = thread_slab.next_call();
    }
    const bool eventful =
        core.metrics().template expose<Timed>(thread_slab, seen, spent, failed, receipt, shared);
    if (Observer::counts_every_call || number != no_number) {
        observer.after_call(core, eventful, number);
    }
}

/// Records an exposure when this object goes out of scope, after the result has been built in the caller's place.
template <bool Timed, class Core, class Observer>
class running_call {
public:
    running_call(Core& core, Observer& observer, const typename Core::visit& seen, const ticket* receipt,
                 std::uint32_t number) noexcept
        : core_(core), observer_(observer), seen_(seen), receipt_(receipt), number_(number)
    {
        if constexpr (Timed) {
            start_ = core.trial().clock().now();
        }
    }
    running_call(const running_call&) = delete;
    running_call& operator=(const running_call&) = delete;
    ~running_call()
    {
        std::int64_t spent = -1;
        if constexpr (Timed) {
            spent = core_.trial().clock().now() - start_;
        }
        finish_call<Timed>(core_, observer_, seen_, spent, failed, receipt_, number_, shared);
        if constexpr (Core::parts::metrics_t::reads_predictions()) {
            core_.metrics().observe_predictions(seen_, predictions_, receipt_);
        }
    }

    /// Read what the metrics want of a result.
    template <class Answer>
    void read([[maybe_unused]] const Answer& answer)
    {
        if constexpr (Core::parts::metrics_t::reads_predictions()) {
            core_.metrics().read(predictions_, answer);
        }
    }
    bool failed = false;
    /// Whether the champion failed as well, on a request of a challenger.
    bool shared = false;

private:
    Core& core_;
    Observer& observer_;
    const typename Core::visit& seen_;
    const ticket* receipt_;
    std::uint32_t number_;
    std::int64_t start_ = 0;
    [[no_unique_address]] typename Core::predictions predictions_{};
};

/// Sets a mark to false when it goes out of scope, unless an exception has begun meanwhile.
class champion_answers {
public:
    explicit champion_answers(bool& mark) noexcept : mark_(mark) {}
    champion_answers(const champion_answers&) = delete;
    champion_answers& operator=(const champion_answers&) = delete;
    ~champion_answers() { mark_ = std::uncaught_exceptions() > before_; }

private:
    bool& mark_;
    int before_ = std::uncaught_exceptions();
};

/// Return whether a result is accepted. A predicate that throws refuses the result, and is counted; its exception does not
/// reach the caller.
template <class Core, class Answer>
[[nodiscard]] inline bool accepts(Core& core, const Answer& answer)
{
    try {
        return core.acceptance().accept(answer);
    } catch (thread_unwind&) {
        throw;
    } catch (...) {
        core.live().ignore(ignored::acceptance_threw);
        return false;
    }
}

/// Ask the helpers of a trial about a call, and assign its unit. Returns whether the call is recorded.
///
/// Where a helper throws, the champion serves the call, which is not recorded, and the report counts it by the helper's name.
template <class Core, class... A>
[[nodiscard]] JOUST_ALWAYS_INLINE inline bool enrol(Core& core, typename Core::visit& seen,
                                                    const A&... arguments)
{
    ignored asked = ignored::consent_threw;
    try {
        if (!core.trial().may_record(arguments...)) [[unlikely]] {
            return false;
        }
        asked = ignored::key_threw;
        seen = core.assign(core.trial().unit_of(arguments...), std::tuple<const A&...>{arguments...});
        if constexpr (Core::parts::adjusts) {
            if (seen.recorded) {
                asked = ignored::covariate_threw;
                seen.covariate = core.metrics().covariate().covariate(arguments...);
            }
        }
        if constexpr (Core::parts::watches) {
            if (seen.recorded) {
                core.watcher().see(seen.arm, arguments...);
            }
        }
        return seen.recorded;
    } catch (thread_unwind&) {
        throw;
    } catch (...) {
        core.live().ignore(asked);
        seen.arm = 0;
        return false;
    }
}

/// Call the model of a visit's arm, and then the champion where a challenger fails or its result is refused.
template <bool Timed, class Result, class Core, class Observer, class... A>
JOUST_ALWAYS_INLINE inline Result run_arm(Core& core, Observer& observer, const typename Core::visit& seen,
                                          const ticket* receipt, std::uint32_t number, A&&... arguments)
{
    using parts = typename Core::parts;
    using calls = typename Core::calls;
    constexpr bool as_const = calls::template all_take_const<A...>;
    auto& models = core.trial().models();
    const unsigned model = parts::dry ? 0 : seen.arm;
    running_call<Timed, Core, Observer> running{core, observer, seen, receipt, number};
    try {
        if constexpr (parts::reads_results) {
            Result answer = calls::template invoke<Result>(
                models, model, static_cast<typename calls::template passed<A, as_const>>(arguments)...);
            const bool accepted = accepts(core, answer);
            if (accepted || model == 0) {
                running.failed = !accepted;
                if (accepted) {
                    running.read(answer);
                }
                return answer;
            }
            static_assert(
                parts::falls_back || !parts::asks_acceptance,
                "joust: accept_if refuses results, which needs the champion to fall back on; it does not go with rethrow{}");
            running.failed = true;
        } else {
            return calls::template invoke<Result>(
                models, model, static_cast<typename calls::template passed<A, as_const>>(arguments)...);
        }
    } catch (thread_unwind&) {
        running.failed = true;
        throw;
    } catch (...) {
        running.failed = true;
        if (!parts::falls_back || model == 0) {
            throw;
        }
    }
    if constexpr (parts::falls_back) {
        // Until the champion has answered, the request may be what fails.
        running.shared = true;
        if constexpr (parts::asks_acceptance) {
            Result answer = calls::template invoke<Result>(
                models, 0, static_cast<typename calls::template passed<A, as_const>>(arguments)...);
            running.shared = !accepts(core, answer);
            return answer;
        } else {
            // The result is made in the caller's place, so that nothing can be set after it: an object that goes out of scope looks
            // whether the champion threw.
            const champion_answers look{running.shared};
            return calls::template invoke<Result>(
                models, 0, static_cast<typename calls::template passed<A, as_const>>(arguments)...);
        }
    } else {
        std::terminate();  // Not reached, because without a fallback every path above returns or throws.
    }
}

template <class Result, class Core, class Observer, class... A>
JOUST_NOINLINE Result run_arm_timed(Core& core, Observer& observer, const typename Core::visit& seen,
                                    const ticket* receipt, std::uint32_t number, A&&... arguments)
{
    return run_arm<true, Result>(core, observer, seen, receipt, number, std::forward<A>(arguments)...);
}

/// Serve a call that is not recorded: by the champion, or by the model that a rule forces on the unit. The champion answers where
/// a forced challenger fails.
template <class Result, class Core, class... A>
inline Result run_unrecorded(Core& core, unsigned arm, A&&... arguments)
{
    using parts = typename Core::parts;
    using calls = typename Core::calls;
    constexpr bool as_const = calls::template all_take_const<A...>;
    auto& models = core.trial().models();
    if constexpr (parts::falls_back) {
        if (arm != 0) {
            try {
                if constexpr (parts::asks_acceptance) {
                    Result answer = calls::template invoke<Result>(
                        models, arm, static_cast<typename calls::template passed<A, as_const>>(arguments)...);
                    if (accepts(core, answer)) {
                        return answer;
                    }
                } else {
                    return calls::template invoke<Result>(
                        models, arm, static_cast<typename calls::template passed<A, as_const>>(arguments)...);
                }
            } catch (thread_unwind&) {
                throw;
            } catch (
                ...) {  // NOLINT(bugprone-empty-catch): the champion answers, and nothing of the call is recorded
            }
            arm = 0;
        }
    }
    return calls::template invoke<Result>(
        models, arm, static_cast<typename calls::template passed<A, as_const>>(arguments)...);
}

/// Check that the models and the policies take the arguments of a call. One compiler error says what is wrong with each.
template <class Core, class... A>
constexpr auto checked_arm_call()
{
    using parts = typename Core::parts;
    using result = typename Core::calls::template result<A...>;
    if constexpr (std::is_same_v<result, no_answer>) {
        return std::type_identity<no_answer>{};
    } else if constexpr (!check_served_call<typename parts::key_t, typename parts::split_t,
                                            typename parts::consent_t, typename parts::covariate_t,
                                            typename parts::acceptance_t, result,
                                            std::remove_reference_t<A>...>()) {
        return std::type_identity<no_answer>{};
    } else if constexpr (!check_predictions<typename parts::metrics_t, result>()) {
        return std::type_identity<no_answer>{};
    } else {
        return std::type_identity<result>{};
    }
}

/// The type that a call with these arguments returns: the champion's result, or no_answer where the call was refused.
template <class Core, class... A>
using arm_result = typename decltype(checked_arm_call<Core, A...>())::type;

/// Replaces a call that was refused, so that no further compiler errors follow the first one.
template <bool WithTicket, class Core, class Observer, class... A>
    requires std::is_same_v<arm_result<Core, A...>, no_answer>
no_answer serve_arm(Core&, Observer&, typename Core::ticket_type*, A&&...)
{
    return {};
}

/// Serve a call by the model that its unit is assigned to. `out` gets the ticket, where the caller wants one.
template <bool WithTicket, class Core, class Observer, class... A>
    requires(!std::is_same_v<arm_result<Core, A...>, no_answer>)
inline arm_result<Core, A...> serve_arm(Core& core, Observer& observer, typename Core::ticket_type* out,
                                        A&&... arguments)
{
    using parts = typename Core::parts;
    using result = arm_result<Core, A...>;
    typename Core::visit seen;
    if (!enrol(core, seen, std::as_const(arguments)...)) [[unlikely]] {
        core.live().serve_unrecorded();
        if constexpr (WithTicket) {
            *out = core.trial().desk().unrecorded(core.live());
        }
        return run_unrecorded<result>(core, parts::dry ? 0 : seen.arm, std::forward<A>(arguments)...);
    }
    // The number is taken before the call only where it is needed by then; otherwise `finish_call` takes it.
    constexpr bool numbered = WithTicket || parts::records || parts::times;
    const std::uint32_t number = numbered ? core.live().of_this_thread().next_call() : no_number;
    ticket made;
    if constexpr (WithTicket || parts::records) {
        made = ticket::exposure(core.fields_of(seen, number));
        if constexpr (WithTicket) {
            *out = core.trial().desk().seal(made);
        }
    }
    const ticket* const receipt = parts::records ? &made : nullptr;
    // There are two paths, so that a call that is not timed does not pay for calls that are.
    if constexpr (parts::times) {
        if (core.timing().times(number)) {
            const auto apart = seen;  // Without the copy, `seen` could not stay in registers.
            return run_arm_timed<result>(core, observer, apart, receipt, number,
                                         std::forward<A>(arguments)...);
        }
    }
    return run_arm<false, result>(core, observer, seen, receipt, number, std::forward<A>(arguments)...);
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
