// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/clock.hpp>
#include <joust/core/compiler.hpp>
#include <joust/core/error.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/report/report.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/split/trial_event.hpp>
#include <joust/trial/detail/annotate.hpp>
#include <joust/trial/detail/annotate_forgotten.hpp>
#include <joust/trial/detail/arm_core.hpp>
#include <joust/trial/detail/finding.hpp>
#include <joust/trial/detail/ramp_rules.hpp>
#include <joust/trial/detail/rollout_core.hpp>
#include <joust/trial/detail/stopped_plan.hpp>
#include <joust/trial/ramp.hpp>

#include <cstdint>
#include <list>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {
namespace detail {

/// Connects the rollout with the types of its canary: it makes plans of the canary's splitter, asks the ramp, and reacts to calls.
template <class Parts>
class rollout final : public rollout_host {
    using core_t = arm_core<Parts>;
    using plan_t = typename Parts::plan_t;
    using ramp_t = typename Parts::template policy<ramp_role, default_ramp>;

public:
    static constexpr bool counts_every_call = true;

    /// Begin with the ramp's first share.
    /// errors: configuration_error where the ramp cannot work, or the splitter has shares of its own
    rollout(core_t& core, ramp_t steps)
        : core_(core), ramp_(std::move(steps)), control_(*this, parts_of(core), rules_of(ramp_))
    {
        if (gives_shares(core.assignment().splitter())) {
            throw configuration_error("hash_split.shares", "given to a canary",
                                      "a splitter without shares: the ramp sets the shares");
        }
        const share_list& shares = control_.rules().shares;
        core.assignment().restart(plan_for(shares[0], 0U), core.live());
        for (const double share : shares) {
            // Every replica knows the shares of the whole ramp, since tickets of a later stage may come to it.
            auto later = plan_for(share, 0U);
            core.assignment().give_rows(later, core.live());
        }
        withdrawal_ = plan_without_challenger(1U);
        control_.begin();
    }

    /// Return the part of the rollout that does not depend on the types of the canary.
    [[nodiscard]] rollout_core& control() noexcept { return control_; }
    [[nodiscard]] const rollout_core& control() const noexcept { return control_; }

    /// React to a call: look at once where it breaks a guardrail, and otherwise look from time to time.
    void after_call(core_t&, bool eventful, std::uint32_t number) noexcept
    {
        if (eventful && control_.broken_by_events()) [[unlikely]] {
            control_.look_unless_busy();
        }
        if (const std::uint32_t lot = control_.schedule().lot_that_ends(number); lot != 0) [[unlikely]] {
            end_lot(number, lot);
        }
    }

    void after_feedback(core_t&) noexcept
    {
        if (control_.schedule().count_feedback()) [[unlikely]] {
            control_.look_unless_busy();
        }
    }

    [[nodiscard]] std::int64_t now() const noexcept override { return core_.trial().clock().now(); }
    [[nodiscard]] std::int64_t time_for_log() const noexcept override
    {
        return event_time(core_.trial().clock());
    }
    [[nodiscard]] setting setting_now() const override { return core_.setting_now(); }
    void collect(evidence& into, collected_changes& known) const override
    {
        core_.metrics().collect(into, known);
    }
    void judge_latency() const noexcept override { core_.metrics().judge_latency(); }
    [[nodiscard]] bool ready(const stage_progress& at) const noexcept override { return ramp_.ready(at); }

    /// At a share of 0 no rule forces a unit to the challenger either.
    void prepare(double share) override
    {
        const unsigned number = core_.assignment().read([](const plan_t& now) { return now.number; }) + 1;
        next_.clear();
        next_withdrawal_.clear();
        if (share > 0.0) {
            next_withdrawal_ = plan_without_challenger(number + 1);
            next_ = plan_for(share, number);
        } else {
            next_ = plan_without_challenger(number);
        }
    }
    void put_in_force() noexcept override
    {
        core_.publish(std::move(next_));
        withdrawal_ = std::move(next_withdrawal_);
        next_.clear();
        next_withdrawal_.clear();
    }
    [[nodiscard]] bool serves_challenger() const noexcept override { return !withdrawal_.empty(); }
    void withdraw() noexcept override
    {
        core_.publish(std::move(withdrawal_));
        withdrawal_.clear();
    }
    [[nodiscard]] bool champion_is_out() const override
    {
        return core_.assignment().read([](const plan_t& now) { return now.shares[0] == 0.0; });
    }

    void announce([[maybe_unused]] bool changed, [[maybe_unused]] trial_event& seen) const noexcept override
    {
        core_.announce(changed, [&seen] { return std::move(seen); });
    }
    void annotate(report& out) const override
    {
        core_.trial().annotate_name(out.notes);
        annotate_forgotten(out, core_.forgotten_tickets(), core_.trial().desk().remembered());
        annotate_history(out, core_.assignment().knows_history(), core_.assignment().credits_units());
    }

private:
    [[nodiscard]] static rollout_parts parts_of(core_t& core)
    {
        return {.live = core.live(),
                .identity = core.identity(),
                .specs = core.metrics().metrics().specs(),
                .watches = core.metrics().metrics().watches(),
                .policy = core.trial().inference(),
                .holds = holds_of<typename Parts::inference_t>(),
                .listens = Parts::listens,
                .dry = Parts::dry,
                .own_ramp = !std::is_base_of_v<ramp, ramp_t>};
    }

    [[nodiscard]] std::list<plan_t> plan_for(double challenger_share, unsigned number) const
    {
        const auto splitter =
            core_.assignment().splitter().with_shares({1.0 - challenger_share, challenger_share});
        return {plan_t{resolved(splitter, Parts::arm_count), number}};
    }

    /// Make the plan without the challenger. No rule forces a unit to it.
    [[nodiscard]] std::list<plan_t> plan_without_challenger(unsigned number) const
    {
        std::list<plan_t> made = plan_for(0.0, number);
        if constexpr (requires { made.front().split.rule(); }) {
            auto split = without_forced_units(made.front().split);
            made.clear();
            made.emplace_back(std::move(split), number);
        }
        return made;
    }

    JOUST_NOINLINE void end_lot(std::uint32_t number, std::uint32_t lot) noexcept
    {
        if (number % moving_limits::least_pause == moving_limits::least_pause - 1) {
            core_.metrics().follow_latency(moving_limits::least_pause);
        }
        if (core_.metrics().passed(lot) && control_.broken_by_events()) {
            control_.look_unless_busy();
        }
        if (control_.schedule().count_lot(lot, core_.trial().clock().now())) {
            control_.look_unless_busy();
        }
    }

    core_t& core_;
    ramp_t ramp_;
    /// The plans that `prepare` made: the one to be put in force, and the one without its challenger.
    std::list<plan_t> next_;
    std::list<plan_t> next_withdrawal_;
    /// The plan without the challenger. It is made beforehand, so that taking the challenger out cannot fail.
    std::list<plan_t> withdrawal_;
    rollout_core control_;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
