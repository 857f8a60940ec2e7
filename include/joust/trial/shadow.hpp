// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/invoke.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/report/report.hpp>
#include <joust/shadow/sampler.hpp>
#include <joust/ticket/ticket.hpp>
#include <joust/trial/detail/check_call.hpp>
#include <joust/trial/detail/errands.hpp>
#include <joust/trial/detail/join_truth.hpp>
#include <joust/trial/detail/live_shadow.hpp>
#include <joust/trial/detail/pass_copies.hpp>
#include <joust/trial/detail/shadow_evidence.hpp>
#include <joust/trial/detail/shadow_parts.hpp>
#include <joust/trial/detail/shadow_report.hpp>
#include <joust/trial/detail/trial_access.hpp>
#include <joust/trial/detail/trial_core.hpp>
#include <joust/trial/served.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

namespace detail {

/// Counts a request when it goes out of scope: after the result has been built in the caller's place.
template <class Live>
class counted_request {
public:
    counted_request(Live& live, std::uint64_t unit, bool is_sampled) noexcept
        : sampled(is_sampled), live_(live), pseudonym_(unit)
    {
    }
    counted_request(const counted_request&) = delete;
    counted_request& operator=(const counted_request&) = delete;
    ~counted_request() { live_.request(pseudonym_, sampled, failed); }

    bool sampled;
    bool failed = false;

private:
    Live& live_;
    std::uint64_t pseudonym_;
};

}  // namespace detail

/// Serve by the champion alone while challengers answer the same requests beside it: agreement, accuracy once the truth
/// is known, latency and failures, at no risk to users.
///
/// When to use: first, for every challenger: it shows whether it runs, how fast, and where it differs. When not: to learn
/// what users do with another answer (they never see one), or with models that have side effects: they would happen twice.
///
/// The champion gets the caller's arguments and its result is returned exactly; what it throws is counted and passed on. A
/// challenger gets copies made before the champion runs, its exceptions are swallowed and counted.
/// shape: `shadow live{model{"linear", f}, model{"knn", g}, sampled{.rate = 0.1}, background{.queue = 1024}}`; further roles:
/// by, compare_with, judged_by, remembered, breaker, consent, a clock, tickets (plain or signed), inference (any that ships with joust; its `units` are
/// pairs), a salt. Neither copied nor moved.
/// errors: configuration_error from the constructor, naming field, value and what is allowed.
/// cost: not sampled 15 ns; sampled two clock reads, copies of arguments and result, and about 60 ns, in the caller
template <class... Args>
class shadow {
    using parts = detail::shadow_parts<Args...>;
    using core_t = detail::trial_core<parts>;
    using runner = detail::errand_runner<parts>;
    static constexpr std::size_t challengers = parts::challengers;
    friend struct detail::trial_access;

    template <class... A>
    using result_t = typename parts::calls::template result<A...>;

public:
    /// What carries the truth back: `ticket`, or `signed_ticket` where the trial signs.
    using ticket_type = typename core_t::desk_t::sealed;

    explicit shadow(Args... arguments) : shadow(std::tuple<Args...>{std::move(arguments)...}, unpacked{}) {}

    shadow(const shadow&) = delete;
    shadow& operator=(const shadow&) = delete;

    /// Serve a request by the champion: the call that was there before.
    /// errors: what the champion throws
    template <class... A>
    decltype(auto) operator()(A&&... arguments)
    {
        if constexpr (check_call<A...>()) {
            return call<false>(nullptr, std::forward<A>(arguments)...);
        } else {
            return detail::no_answer{};
        }
    }

    /// Serve a request and give a ticket, for the truth that is known later.
    template <class... A>
    auto serve(A&&... arguments)
    {
        if constexpr (check_call<A...>()) {
            return detail::served_by<result_t<A...>, ticket_type>(
                [&](ticket_type* receipt) -> decltype(auto) {
                    return call<true>(receipt, std::forward<A>(arguments)...);
                });
        } else {
            return served<detail::no_answer, ticket_type>{};
        }
    }

    /// Can `truth` be told by a value of this type?
    template <class Truth>
    static constexpr bool takes_truth = detail::truth_joiner<parts>::template takes<Truth>;

    /// Tell what the right answer to a ticket's request was; both models are judged by it.
    ///
    /// It may come before the challenger is done. Returns whether it was used or will be; if not, the report counts why:
    /// a truth for a request that no challenger ran on has nothing to compare.
    template <class Truth>
    bool truth(const ticket_type& given, const Truth& value)
    {
        using detail::truth_fate;
        ticket receipt;
        if (!core_.desk().admit(given, live_, receipt)) {
            return false;
        }
        if (receipt.kind() == ticket_kind::slate || (receipt.plan() >> challengers) != 0) {
            return live_.note(truth_fate::foreign);
        }
        if (receipt.kind() != ticket_kind::exposure || receipt.plan() == 0) {
            return live_.note(truth_fate::not_run);
        }
        if constexpr (std::is_floating_point_v<Truth>) {
            if (!std::isfinite(value)) {
                return live_.note(truth_fate::invalid);
            }
        }
        bool used = false;
        parts::for_each_challenger([&]<std::size_t P> {
            if (((receipt.plan() >> P) & 1U) != 0) {
                used = truths_.template settle<P>(receipt, value) || used;
            }
        });
        return used;
    }

    /// As above, with the ticket's text as it came back; a text that is no ticket is counted.
    template <class Truth>
    bool truth(std::string_view text, const Truth& value)
    {
        ticket_type receipt;
        return ticket_type::parse(text, receipt) == ticket_error::none
                   ? truth(receipt, value)
                   : live_.note(detail::truth_fate::damaged);
    }

    /// Wait until the challengers have answered every request accepted so far. For tests and shutdown, never in a model.
    void drain() { errands_.drain(); }

    /// Say what is known so far. It may be called at any time, also while other threads serve.
    [[nodiscard]] joust::report report() const
    {
        shadow_evidence seen = evidence();
        joust::report out = detail::shadow_report(seen, setting_now());
        live_.remember(seen);
        return out;
    }

    /// Say what evidence from elsewhere shows, such as that of all replicas merged.
    /// errors: configuration_error where it is not of this trial
    [[nodiscard]] joust::report report(shadow_evidence merged) const
    {
        if (merged.trial != name() || merged.models != core_.identity().models() ||
            merged.pairs.size() != challengers) {
            throw configuration_error("shadow_evidence", "of trial '" + merged.trial + "'",
                                      "evidence of trial '" + name() +
                                          "' with the same models in the same order");
        }
        return detail::shadow_report(merged, setting_now());
    }

    /// Copy all evidence out, to merge it with that of other replicas. It is exact in total while no thread serves.
    [[nodiscard]] shadow_evidence evidence() const
    {
        return live_.collect(core_.identity(), truths_.forgotten());
    }

    /// The trial's name: its salt.
    [[nodiscard]] const std::string& name() const noexcept { return core_.identity().name(); }

private:
    struct unpacked {};

    /// Can models and policies be asked with these arguments? Otherwise one sentence says what is wrong.
    template <class... A>
    static constexpr bool check_call()
    {
        if constexpr (std::is_same_v<result_t<A...>, detail::no_answer>) {
            return false;
        } else {
            return detail::check_unit_of_call<typename parts::key_t, typename parts::consent_t,
                                              std::remove_reference_t<A>...>();
        }
    }

    shadow(std::tuple<Args...> arguments, unpacked)
        : core_("shadow", parts::template pick<salt_role, salt>(arguments), arguments),
          sampler_(parts::template pick<sampler_role, all_requests>(arguments)), truths_(live_, arguments),
          errands_(core_, live_, truths_, arguments)
    {
        detail::check_error_rate(core_.inference().alpha, core_.inference().units, "comparisons");
    }

    [[nodiscard]] detail::shadow_setting<typename parts::inference_t> setting_now() const
    {
        detail::shadow_setting<typename parts::inference_t> how{.inference = core_.inference(),
                                                                .in_background = !parts::immediate};
        if constexpr (requires { sampler_.rate; }) {
            how.rate = static_cast<double>(sampler_.rate);
        }
        return how;
    }

    /// The ticket of a request that the challengers in `run` were given.
    [[nodiscard]] ticket_type receipt_of(const detail::shadowed_request& about) const noexcept
    {
        return core_.desk().seal(ticket::exposure({.unit = about.pseudonym,
                                                   .trial = core_.identity().number(),
                                                   .seconds = about.seconds,
                                                   .plan = about.run,
                                                   .nonce = about.nonce}));
    }

    /// Number a request, for its ticket.
    void number(detail::shadowed_request& about) noexcept
    {
        about.nonce = live_.of_this_thread().next_call();
        about.seconds = detail::seconds_now();
    }

    template <bool WithTicket, class... A>
    result_t<A...> call(ticket_type* out, A&&... arguments)
    {
        if (!core_.may_record(std::as_const(arguments)...)) {
            live_.serve_unrecorded();
            if constexpr (WithTicket) {
                *out = core_.desk().unrecorded(live_);
            }
            return detail::invoke(core_.template callable<0>(), std::forward<A>(arguments)...);
        }
        const std::uint64_t hash = core_.identity().hasher()(core_.unit_of(std::as_const(arguments)...));
        detail::shadowed_request about{.pseudonym = detail::pseudonym_of(hash)};
        detail::counted_request count{live_, about.pseudonym, sampler_.sample(hash)};
        try {
            if (!count.sampled) {
                if constexpr (WithTicket) {
                    number(about);
                    *out = receipt_of(about);
                }
                return detail::invoke(core_.template callable<0>(), std::forward<A>(arguments)...);
            }
            return call_beside<WithTicket>(out, about, std::forward<A>(arguments)...);
        } catch (...) {
            count.failed = true;
            throw;
        }
    }

    template <bool WithTicket, class... A>
    result_t<A...> call_beside(ticket_type* out, detail::shadowed_request& about, A&&... arguments)
    {
        using result = result_t<A...>;
        if constexpr (WithTicket) {
            number(about);
            about.key = detail::prediction_key(about.pseudonym, about.seconds, about.nonce);
            *out = receipt_of(about);
        }
        typename runner::template prepared<A...> ready;
        errands_.template prepare<A...>(ready, arguments...);
        const std::int64_t start = core_.clock().now();
        const auto champion = [&]() -> result {
            return detail::invoke(core_.template callable<0>(), std::forward<A>(arguments)...);
        };
        const auto finish = [&](const auto& answer) {
            about.spent = core_.clock().now() - start;
            errands_.template send<result, std::remove_cvref_t<decltype(answer)>, A...>(about, ready, answer);
            if constexpr (WithTicket) {
                *out = receipt_of(about);
            }
        };
        if constexpr (std::is_void_v<result>) {
            champion();
            finish(detail::nothing{});
        } else if constexpr (std::is_reference_v<result>) {
            result answer = champion();
            finish(std::as_const(answer));
            return static_cast<result>(answer);
        } else {
            result answer = champion();
            finish(std::as_const(answer));
            return answer;
        }
    }

    core_t core_;
    [[no_unique_address]] typename parts::sampler_t sampler_;
    detail::live_shadow<challengers> live_;
    detail::truth_joiner<parts> truths_;
    runner errands_;  // last: its threads stop before anything that they use is destroyed
};

template <class... Args>
shadow(Args...) -> shadow<Args...>;

}  // namespace v0
}  // namespace joust
