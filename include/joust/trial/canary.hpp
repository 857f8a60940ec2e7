// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/report/report.hpp>
#include <joust/report/write.hpp>
#include <joust/trial/detail/decide.hpp>
#include <joust/trial/detail/serving.hpp>
#include <joust/trial/ramp.hpp>

#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

namespace detail {

using canary_roles = role_list<unit_key_role, splitter_role, metric_role, guardrail_role, primary_role,
                               consent_role, covariate_role, acceptance_role, failure_role, timing_role,
                               clock_role, recorder_role, ticket_role, inference_role, ramp_role>;

}  // namespace detail

/// Serve a challenger to a growing share of units, and take it back at once when a guardrail breaks.
///
/// Failures are always watched: by default the challenger may not fail more often than the champion. Guardrails on failures
/// and latency move with every event and roll back within that very call; those on metrics with the looks that the canary
/// takes by itself while it serves (`ramp.check_every`), on feedback, and in `step()` and `report()`.
///
/// shape: `canary trial{model{"a", f}, model{"b", g}, by(&Request::user_id), ramp{...}, guardrail(...), ...}`
/// errors: configuration_error from the constructor. Neither copied nor moved.
/// cost: as ab_test; a look costs some 50 us on the call that takes it and nobody waits for it
template <class... Args>
class canary : public detail::serving<canary<Args...>, detail::canary_roles, Args...> {
    using base = detail::serving<canary, detail::canary_roles, Args...>;
    friend base;
    static_assert(base::arm_count == 2,
                  "joust: a canary has one champion and one challenger; run one canary after the other");
    static_assert(
        requires(const typename base::splitter_t& s) { s.with_shares(share_list{}); },
        "joust: a canary changes shares, so its splitter needs with_shares(share_list); hash_split has it");

    using metric_spec = detail::metric_spec;
    using plan_t = typename base::plan_t;
    using ramp_t = typename base::template policy<ramp_role, ramp>;

public:
    explicit canary(Args... arguments) : canary(std::tuple<Args...>{std::move(arguments)...}, unpacked{}) {}

    /// Look at the evidence now, and advance, hold or roll back. Call it from a timer where traffic is thin.
    void step()
    {
        const std::scoped_lock lock{control_};
        look(nullptr);
    }

    /// Let the evidence of all replicas decide instead of this one's alone.
    /// errors: configuration_error where it is not of this trial
    void step(joust::evidence merged)
    {
        this->check_own(merged);
        const std::scoped_lock lock{control_};
        look(&merged);
    }

    /// Take the challenger out of service now, whatever the evidence says. It stays out.
    void roll_back(std::string_view reason)
    {
        const std::scoped_lock lock{control_};
        withdraw(std::string{reason});
    }

    [[nodiscard]] bool rolled_back() const noexcept { return rolled_back_.load(std::memory_order_acquire); }

    /// Has the last stage been passed? Where the ramp ends below 1, a guardrail that breaks later still rolls back.
    [[nodiscard]] bool finished() const noexcept { return finished_.load(std::memory_order_acquire); }

    /// The challenger's share now.
    [[nodiscard]] double share() const noexcept
    {
        return this->board_.read([](const plan_t& now) { return now.shares[1]; });
    }

    /// Say what is known so far, after a look. Call it as often as you like, also while other threads serve.
    [[nodiscard]] joust::report report()
    {
        const std::scoped_lock lock{control_};
        return report_on(nullptr);
    }

    /// Let the evidence of all replicas decide, as `step(merged)` does, and say what it shows.
    /// errors: configuration_error where it is not of this trial
    [[nodiscard]] joust::report report(joust::evidence merged)
    {
        this->check_own(merged);
        const std::scoped_lock lock{control_};
        return report_on(&merged);
    }

private:
    struct unpacked {};
    static constexpr std::string_view kind = "canary";

    /// assumes: control_ is held
    [[nodiscard]] joust::report report_on(const joust::evidence* merged)
    {
        look(merged);
        const detail::setting how = setting_of_ramp();
        joust::report out;
        out.name = this->name();
        out.kind = kind;
        detail::describe(out, seen_now_, found_, how);
        out.shares = history_;
        if (rolled_back()) {
            out.decision = verdict::roll_back;
            out.reason = history_.back().reason;
        } else if (finished()) {
            out.decision = verdict::ship_challenger;
            out.reason = this->names_[1] + " has passed every stage of the ramp and broken no guardrail";
        } else {
            out.decision = verdict::keep_testing;
            out.reason = "stage " + std::to_string(stage_ + 1) + " of " +
                         std::to_string(ramp_.shares.size()) + ": " + waiting();
        }
        detail::annotate(out, seen_now_, history_.size() > 1, detail::holds_of<typename base::inference_t>(),
                         how);
        if (champion_is_out()) {
            out.notes.emplace_back(
                "The champion serves nobody now: comparisons are those of the earlier stages.");
        }
        return out;
    }

    canary(std::tuple<Args...> arguments, unpacked)
        : base(arguments), ramp_(base::policies::template pick<ramp_role, ramp>(arguments))
    {
        if constexpr (requires { ramp_.check(); }) {
            ramp_.check();
        }
        if (detail::gives_shares(this->splitter_)) {
            throw configuration_error("hash_split.shares", "given to a canary",
                                      "none: the ramp says the shares");
        }
        this->board_.restart(plan_for(ramp_.shares[0], 0U));
        withdrawal_ = plan_for(0.0, static_cast<unsigned>(ramp_.shares.size()));
        this->collect(seen_now_);
        stage_began_ = this->clock_.now();
        history_.reserve(ramp_.shares.size() + 2);
        history_.push_back({.requests = 0.0, .share = ramp_.shares[0], .reason = "start"});
        std::size_t guardrails = 0;
        for (const auto& spec : this->metrics_.specs()) {
            guardrails += spec.role == detail::metric_spec::part::guardrail ? 1U : 0U;
        }
        breach_at_ = std::log(static_cast<double>(guardrails) / this->inference_.alpha);
        due_.store(ramp_.check_every, std::memory_order_relaxed);
    }

    static const std::vector<detail::event_watch>& watched(typename base::metrics_t& metrics)
    {
        metrics.watch_failures();
        return metrics.watches();
    }

    [[nodiscard]] std::list<plan_t> plan_for(double challenger_share, unsigned number) const
    {
        return {plan_t{
            base::resolved(this->splitter_.with_shares({1.0 - challenger_share, challenger_share})), number}};
    }

    // A thread's calls are counted in lots, so that serving shares no counter.
    static constexpr std::uint32_t lot = 64;

    static constexpr bool counts_every_call = true;

    void after_call(bool eventful, std::uint32_t number) noexcept
    {
        if (eventful) [[unlikely]] {
            for (std::size_t w = 0; w < this->live_.watches().size(); ++w) {
                if (this->live_.highest_log_e(0, w) >= breach_at_) {
                    look_unless_busy();
                    break;
                }
            }
        }
        if (number % lot == lot - 1) [[unlikely]] {
            count(lot);
        }
    }

    void after_feedback() noexcept { count(1); }

    void count(std::uint32_t more) noexcept
    {
        const std::uint64_t now = counted_.fetch_add(more, std::memory_order_relaxed) + more;
        std::uint64_t due = due_.load(std::memory_order_relaxed);
        // Later looks are rarer, so that looking costs a bounded share of serving.
        const std::uint64_t pause = ramp_.check_every > now / 32 ? ramp_.check_every : now / 32;
        if (now >= due && due_.compare_exchange_strong(due, now + pause, std::memory_order_relaxed)) {
            look_unless_busy();
        }
    }

    void look_unless_busy() noexcept
    {
        if (over() || !control_.try_lock()) {
            return;
        }
        const std::unique_lock lock{control_, std::adopt_lock};
        try {
            look(nullptr);
        } catch (...) {
            // Out of memory: the next look decides. A withdrawal needs none.
        }
    }

    [[nodiscard]] bool champion_is_out() const
    {
        return this->board_.read([](const plan_t& now) { return now.shares[0] == 0.0; });
    }

    /// Is there nothing left to decide? A finished ramp that left the champion a share can still be taken back.
    [[nodiscard]] bool over() const noexcept { return rolled_back() || (finished() && champion_is_out()); }

    [[nodiscard]] detail::setting setting_of_ramp() const
    {
        detail::setting how = this->setting_now();
        double most = 0.0;
        for (const double share : ramp_.shares) {
            most = std::fmax(most, share * (1.0 - share));
        }
        how.planned_information_per_exposure = most > 0.0 ? most : 0.25;
        how.contemporary =
            how.shares[0] > 0.0 || seen_now_.pairs.front().series.front().expected_overlap() > 0.0;
        return how;
    }

    /// Collect, judge and act. assumes: control_ is held
    void look(const joust::evidence* merged)
    {
        this->fix_thresholds();
        if (merged != nullptr) {
            seen_now_ = *merged;
        } else {
            this->collect(seen_now_);
        }
        const detail::setting how = setting_of_ramp();
        detail::judge(
            this->inference_, seen_now_, how,
            [&](std::size_t p, std::size_t w) {
                return merged == nullptr ? this->live_.highest_log_e(p, w) : 0.0;
            },
            found_);
        if (merged == nullptr) {
            this->live_.remember(seen_now_);
        }
        if (over()) {
            return;
        }
        if (found_.breached(0)) {
            withdraw(detail::breach_of(seen_now_, found_, how, 0));
        } else if (!finished()) {
            advance(how);
        }
    }

    void advance(const detail::setting& how)
    {
        const std::uint64_t served = seen_now_.requests(1);
        // Merged evidence may lag behind what was seen when the stage began.
        progress_ = {.stage = stage_,
                     .requests = served > stage_first_request_ ? served - stage_first_request_ : 0};
        progress_.seconds = static_cast<double>(this->clock_.now() - stage_began_) * 1e-9;
        worst_ = nullptr;
        for (const auto& f : found_.findings) {
            const metric_spec& spec = how.specs[f.metric];
            // A first unlucky failure must not hold the canary for ever: what counts is what the data say by now.
            if (spec.role == metric_spec::part::guardrail &&
                f.answer.log_e_now > std::log(progress_.highest_e)) {
                progress_.highest_e = std::exp(f.answer.log_e_now);
                worst_ = &spec;
            }
        }
        if (found_.mismatch || (ramp_.shares[stage_] < 1.0 && !ramp_.ready(progress_))) {
            return;
        }
        if (stage_ + 1 == ramp_.shares.size()) {
            finished_.store(true, std::memory_order_release);
            return;
        }
        const double next = ramp_.shares[stage_ + 1];
        this->publish(plan_for(next, static_cast<unsigned>(stage_ + 1)));
        ++stage_;
        stage_first_request_ = served;
        stage_began_ = this->clock_.now();
        history_.push_back({.requests = static_cast<double>(seen_now_.requests()),
                            .share = next,
                            .reason = "advance: " + count_text(progress_.requests) +
                                      " requests without a broken guardrail"});
        if (next >= 1.0 && stage_ + 1 == ramp_.shares.size()) {
            // Nobody is left to compare with: there is nothing this stage could still show.
            finished_.store(true, std::memory_order_release);
        }
    }

    [[nodiscard]] std::string waiting() const
    {
        if (found_.mismatch) {
            return "held, since traffic did not arrive in the planned shares";
        }
        std::string text =
            count_text(progress_.requests) + " requests served by the challenger in this stage";
        if (worst_ != nullptr) {
            text += ", evidence of harm ";
            append_e_value(text, progress_.highest_e);
            text += " (" + worst_->name + ")";
        }
        return text;
    }

    /// Take the challenger out. Publishing comes first and allocates nothing.
    void withdraw(std::string reason)
    {
        if (rolled_back() || withdrawal_.empty()) {
            return;
        }
        this->publish(std::move(withdrawal_));
        rolled_back_.store(true, std::memory_order_release);
        history_.push_back({.requests = static_cast<double>(seen_now_.requests()),
                            .share = 0.0,
                            .reason = std::move(reason)});
    }

    ramp_t ramp_;
    std::mutex control_;
    /// made beforehand, so that taking the challenger out cannot fail
    std::list<plan_t> withdrawal_;
    /// guarded by control_, as all below up to the atomics
    joust::evidence seen_now_;
    detail::judgement found_;
    std::vector<share_step> history_;
    stage_progress progress_;
    const metric_spec* worst_ = nullptr;
    std::size_t stage_ = 0;
    std::uint64_t stage_first_request_ = 0;
    std::int64_t stage_began_ = 0;
    double breach_at_ = 0.0;
    std::atomic<std::uint64_t> counted_{0};
    std::atomic<std::uint64_t> due_{0};
    std::atomic<bool> rolled_back_{false};
    std::atomic<bool> finished_{false};
};

template <class... Args>
canary(Args...) -> canary<Args...>;

}  // namespace v0
}  // namespace joust
