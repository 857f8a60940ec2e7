// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/entropy.hpp>
#include <joust/core/error.hpp>
#include <joust/core/invoke.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/report/report.hpp>
#include <joust/shadow/sampler.hpp>
#include <joust/ticket/ticket.hpp>
#include <joust/trial/detail/ask_unit.hpp>
#include <joust/trial/detail/check_call.hpp>
#include <joust/trial/detail/course_keeper.hpp>
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

#include <chrono>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

namespace detail {

/// Counts a request when this object goes out of scope, after the result has been built in the caller's place.
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

/// Serve every request by the champion, and let challengers answer the same requests out of the users' sight.
///
/// The report compares agreement, latency and failures, and accuracy once the truth is known. The champion gets the
/// caller's arguments, and the caller gets the champion's result unchanged; an exception of the champion is counted and
/// passed on. A challenger gets copies that are made before the champion runs; an exception of a challenger is counted
/// and goes no further. A shadow can be neither copied nor moved; a factory returns it as a prvalue.
/// When to use: first, for every challenger: it shows whether the challenger runs, how fast it is and where it differs.
/// When not: to learn what users do with another answer, which they never see; or with models that have side effects,
/// which would happen twice.
/// shape: `shadow live{model{"linear", f}, model{"knn", g}, sampled{.rate = 0.1}, background{.queue = 1024}}`; further
/// roles: by, compare_with, judged_by, remembered, breaker, consent, a clock, tickets (plain or signed), an inference
/// policy (any of joust's, whose `units` count pairs) and a salt
/// errors: configuration_error from the constructor, which names the field, its value and what is allowed
/// cost: 12 ns for a request that is not sampled; 65 to 75 ns in the caller for a sampled request, of which two clock reads
/// take 43, and the copies of the arguments and the result
template <class... Args>
class shadow {
    using parts = detail::shadow_parts<Args...>;
    using core_t = detail::trial_core<parts>;
    using runner = detail::errand_runner<parts>;
    using running_t = decltype(detail::started(std::declval<const typename parts::executor_t&>()));
    static constexpr std::size_t challengers = parts::challengers;
    friend struct detail::trial_access;

    template <class... A>
    using result_t = typename parts::calls::template result<A...>;

public:
    /// The type of the tickets that the truth comes back with: `ticket`, or `signed_ticket` where the trial signs.
    using ticket_type = typename core_t::desk_t::sealed;

    /// Make a trial of the champion, its challengers, and policies in any order.
    /// errors: configuration_error, which names the field, its value and what is allowed
    explicit shadow(Args... arguments) : shadow(std::tuple<Args...>{std::move(arguments)...}, unpacked{}) {}

    shadow(const shadow&) = delete;
    shadow& operator=(const shadow&) = delete;

    /// Serve a request by the champion. It replaces the call of the model.
    /// errors: what the champion throws. Where consent or the unit key throws, the champion serves the request, which is not
    /// recorded, and the report counts it by the helper's name.
    template <class... A>
    decltype(auto) operator()(A&&... arguments)
    {
        if constexpr (check_call<A...>()) {
            return call<false>(nullptr, std::forward<A>(arguments)...);
        } else {
            return detail::no_answer{};
        }
    }

    /// Serve a request and return the prediction with a ticket for a truth that is known later.
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

    /// Whether `truth` takes a value of this type.
    template <class Truth>
    static constexpr bool takes_truth = detail::truth_joiner<parts>::template takes<Truth>;

    /// Tell the trial the right answer to a ticket's request. The trial scores both models against it.
    ///
    /// The truth may come before the challenger is done. Returns whether the truth was used or waits to be used; if
    /// not, the report counts why. A truth for a request that no challenger ran on cannot be used.
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

    /// Tell the trial the right answer to a request, by the text of its ticket. A text that is not a ticket is counted.
    template <class Truth>
    bool truth(std::string_view text, const Truth& value)
    {
        ticket_type receipt;
        return ticket_type::parse(text, receipt) == ticket_error::none
                   ? truth(receipt, value)
                   : live_.note(detail::truth_fate::damaged);
    }

    /// Wait until the challengers have answered every request that was accepted so far. For tests and shutdown; a model
    /// must not call it.
    void drain()
    {
        if constexpr (requires { running_.drain(); }) {
            running_.drain();
        }
    }
    /// Wait until the challengers have answered every request that was accepted so far, or for a time at most. Returns
    /// whether they have; an executor that has no `drain(time)` is not waited for.
    bool drain(std::chrono::nanoseconds longest)
    {
        if constexpr (requires {
                          { running_.drain(longest) } -> std::convertible_to<bool>;
                      }) {
            return running_.drain(longest);
        } else {
            return parts::immediate;
        }
    }

    /// Report what the evidence shows so far. It may be called at any time, also while other threads serve.
    [[nodiscard]] joust::report report() const
    {
        shadow_evidence seen = evidence();
        joust::report out = report_on(seen);
        live_.remember(seen);
        keep_look(out, detail::evidence_of::this_trial);
        return out;
    }

    /// Report what evidence from elsewhere shows, such as the merged evidence of all replicas. The evidence of this trial
    /// keeps the looks that it takes, as in an A/B test.
    /// errors: configuration_error where the evidence belongs to another trial
    [[nodiscard]] joust::report report(shadow_evidence merged) const
    {
        if (merged.trial != name() || merged.models != core_.identity().models() ||
            merged.pairs.size() != challengers || !merged.consistent()) {
            throw configuration_error("shadow_evidence", "of trial '" + merged.trial + "'",
                                      "evidence of trial '" + name() +
                                          "' with the same models in the same order");
        }
        live_.resume(merged);
        joust::report out = report_on(merged);
        live_.remember_whole(merged);
        keep_look(out, detail::evidence_of::all_replicas);
        return out;
    }

    /// Return a copy of all evidence, to merge it with the evidence of other replicas. Its totals are exact while no thread
    /// serves.
    [[nodiscard]] shadow_evidence evidence() const
    {
        return live_.collect(core_.identity(), truths_.forgotten());
    }

    /// Return the trial's name: its salt, or the names of its models.
    [[nodiscard]] const std::string& name() const noexcept { return core_.identity().name(); }

private:
    struct unpacked {};

    /// Check that models and policies take these arguments. Otherwise one compiler error says what is wrong.
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
        : works_(std::make_shared<detail::shadow_works<parts>>(arguments)), core_(works_->core),
          live_(works_->live), truths_(works_->truths), errands_(works_->errands),
          sampler_(parts::template pick<sampler_role, all_requests>(arguments)),
          running_(detail::started(parts::template pick<executor_role, background>(arguments)))
    {
        if constexpr (detail::keeps_alive<running_t>) {
            running_.keep(works_);
        }
        detail::check_error_rate(core_.inference().alpha, core_.inference().units, "comparisons");
    }

    void keep_look(joust::report& out, detail::evidence_of whose) const
    {
        course_.keep(out, whose,
                     {.time = detail::event_time(core_.clock()),
                      .requests = out.arms.empty() ? 0 : out.arms.front().requests});
    }

    [[nodiscard]] joust::report report_on(shadow_evidence& seen) const
    {
        joust::report out = detail::shadow_report(seen, setting_now());
        core_.annotate_name(out.notes);
        return out;
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

    /// Return the ticket of a request, which says which challengers got the request.
    [[nodiscard]] ticket_type receipt_of(const detail::shadowed_request& about) const noexcept
    {
        return core_.desk().seal(ticket::exposure({.unit = about.pseudonym,
                                                   .trial = core_.identity().number(),
                                                   .seconds = about.seconds,
                                                   .plan = about.run,
                                                   .nonce = about.nonce}));
    }

    /// Give a request the number and the time that its ticket carries.
    void number(detail::shadowed_request& about) noexcept
    {
        about.nonce = detail::ticket_nonce(live_.of_this_thread().next_call());
        about.seconds = detail::seconds_now();
    }

    template <bool WithTicket, class... A>
    result_t<A...> call(ticket_type* out, A&&... arguments)
    {
        std::uint64_t hash = 0;
        if (!detail::ask_unit_hash(core_, live_, hash, std::as_const(arguments)...)) {
            live_.serve_unrecorded();
            if constexpr (WithTicket) {
                *out = core_.desk().unrecorded(live_);
            }
            return detail::invoke(core_.template callable<0>(), std::forward<A>(arguments)...);
        }
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
        errands_.template prepare<A...>(running_, ready, arguments...);
        const std::int64_t start = core_.clock().now();
        const auto champion = [&]() -> result {
            if constexpr (parts::runs_on_failures) {
                try {
                    return detail::invoke(core_.template callable<0>(), std::forward<A>(arguments)...);
                } catch (...) {
                    about.key = 0;  // Nobody gets a ticket for it.
                    errands_.template send_alone<A...>(running_, self(), about, ready);
                    throw;
                }
            } else {
                return detail::invoke(core_.template callable<0>(), std::forward<A>(arguments)...);
            }
        };
        const auto finish = [&](const auto& answer) {
            about.spent = core_.clock().now() - start;
            errands_.template send<result, std::remove_cvref_t<decltype(answer)>, A...>(running_, self(),
                                                                                        about, ready, answer);
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

    /// Return what an errand refers to the trial by.
    [[nodiscard]] auto self() const
    {
        if constexpr (parts::immediate || detail::keeps_alive<running_t>) {
            return &errands_;
        } else {
            return std::shared_ptr<runner>{works_, &errands_};
        }
    }

    std::shared_ptr<detail::shadow_works<parts>> works_;
    core_t& core_;
    detail::live_shadow<challengers>& live_;
    detail::truth_joiner<parts>& truths_;
    runner& errands_;
    [[no_unique_address]] typename parts::sampler_t sampler_;
    mutable detail::course_keeper course_;
    running_t running_;  // The last member: its threads stop first, as far as they stop.
};

template <class... Args>
shadow(Args...) -> shadow<Args...>;

}  // namespace v0
}  // namespace joust
