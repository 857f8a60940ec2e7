// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/fork.hpp>
#include <joust/core/text.hpp>
#include <joust/core/text_list.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/report/report.hpp>
#include <joust/report/write.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/trial/detail/account.hpp>
#include <joust/trial/detail/annotate.hpp>
#include <joust/trial/detail/annotate_forgotten.hpp>
#include <joust/trial/detail/arm_core.hpp>
#include <joust/trial/detail/decide.hpp>
#include <joust/trial/detail/describe.hpp>
#include <joust/trial/detail/finding.hpp>
#include <joust/trial/detail/metric_set.hpp>
#include <joust/trial/detail/stopped_plan.hpp>
#include <joust/trial/ramp.hpp>

#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detail {

/// The strongest evidence of harm, and its guardrail.
struct harm_so_far {
    double highest_e = 1.0;
    const metric_spec* guardrail = nullptr;
};

/// Return the strongest evidence of harm in the present data. The highest evidence so far would let one early and unlucky
/// failure hold a canary for ever.
[[nodiscard]] inline harm_so_far harm_now(const judgement& found, const setting& how)
{
    harm_so_far harm;
    for (const finding& f : found.findings) {
        const metric_spec& spec = how.specs[f.metric];
        if (spec.role == metric_spec::part::guardrail && f.answer.log_e_now > std::log(harm.highest_e)) {
            harm.highest_e = std::exp(f.answer.log_e_now);
            harm.guardrail = &spec;
        }
    }
    return harm;
}

/// Return the logarithm of the e-value from which on a guardrail counts as broken.
[[nodiscard]] inline double breach_log_e(const std::vector<metric_spec>& specs, double alpha)
{
    return std::log(static_cast<double>(guardrails_among(specs)) / alpha);
}

/// Takes a challenger through the stages of a ramp, and out of service when a guardrail breaks.
template <class Parts>
class rollout {
    using core_t = arm_core<Parts>;
    using plan_t = typename Parts::plan_t;
    using ramp_t = typename Parts::template policy<ramp_role, ramp>;

public:
    static constexpr bool counts_every_call = true;

    /// Begin with the ramp's first share.
    /// errors: configuration_error where the ramp cannot work, or the splitter has shares of its own
    rollout(core_t& core, ramp_t steps) : ramp_(std::move(steps))
    {
        if constexpr (requires { ramp_.check(); }) {
            ramp_.check();
        }
        if (gives_shares(core.assignment().splitter())) {
            throw configuration_error("hash_split.shares", "given to a canary",
                                      "a splitter without shares: the ramp sets the shares");
        }
        core.assignment().restart(plan_for(core, ramp_.shares[0], 0U));
        core.assignment().begin_stage(core.live());
        withdrawal_ = plan_without_challenger(core, static_cast<unsigned>(ramp_.shares.size()));
        core.metrics().collect(seen_now_);
        // Looks need no memory then, so that a guardrail works when memory is out.
        found_.make_room(seen_now_.pairs.size(), core.metrics().metrics().specs().size());
        stage_values_.resize(core.metrics().metrics().specs().size());
        stage_began_ = core.trial().clock().now();
        history_.reserve(ramp_.shares.size() + 2);
        history_.push_back({.requests = 0.0, .share = ramp_.shares[0], .reason = "start"});
        breach_at_ = breach_log_e(core.metrics().metrics().specs(), core.trial().inference().alpha);
        due_.store(ramp_.check_every, std::memory_order_relaxed);
    }

    [[nodiscard]] bool rolled_back() const noexcept { return rolled_back_.load(std::memory_order_acquire); }
    [[nodiscard]] bool finished() const noexcept { return finished_.load(std::memory_order_acquire); }

    /// Look at the evidence, which is that of all replicas where it is given, and act on it.
    void step(core_t& core, const evidence* merged)
    {
        const std::scoped_lock lock{control_};
        look(core, merged);
    }

    /// Take the challenger out of service, whatever the evidence says.
    void roll_back(core_t& core, std::string_view reason) noexcept
    {
        const std::scoped_lock lock{control_};
        withdraw(core, [reason] { return std::string{reason}; });
    }

    /// Look at the evidence, act on it and report it.
    [[nodiscard]] report step_and_report(core_t& core, const evidence* merged)
    {
        const std::scoped_lock lock{control_};
        look(core, merged);
        const setting how = setting_of_ramp(core);
        report out;
        out.name = core.identity().name();
        out.kind = "canary";
        describe(out, seen_now_, found_, how);
        out.shares = history_;
        if (rolled_back()) {
            out.decision = verdict::roll_back;
            out.reason = history_.back().reason;
        } else if (finished()) {
            out.decision = verdict::ship_challenger;
            out.reason = core.identity().models()[1] +
                         " has passed every stage of the ramp; every guardrail was judged and none is broken";
        } else {
            out.decision = verdict::keep_testing;
            out.reason = "stage " + std::to_string(stage_ + 1) + " of " +
                         std::to_string(ramp_.shares.size()) + ": " + waiting(how);
        }
        annotate(out, seen_now_, found_, history_.size() > 1, holds_of<typename Parts::inference_t>(), how);
        core.trial().annotate_name(out.notes);
        annotate_forgotten(out, core.forgotten_tickets(), core.trial().desk().remembered());
        annotate_history(out, core.assignment().knows_history(), core.assignment().credits_units());
        if (champion_is_out(core)) {
            add_text(out.notes,
                     "The champion serves no units now, so the comparisons are from earlier stages.");
        }
        return out;
    }

    /// React to a call: look at once where it breaks a guardrail, and otherwise look from time to time.
    void after_call(core_t& core, bool eventful, std::uint32_t number) noexcept
    {
        if (eventful && broken_by_events(core)) [[unlikely]] {
            look_unless_busy(core);
        }
        if (number % lot == lot - 1) [[unlikely]] {
            count(core, lot);
        }
    }

    /// Continue the stage without evidence in a forked child, where no other thread exists.
    void begin_anew() noexcept
    {
        stage_first_request_ = 0;
        for (std::uint64_t& values : stage_values_) {
            values = 0;
        }
        counted_.store(0, std::memory_order_relaxed);
        due_.store(ramp_.check_every, std::memory_order_relaxed);
    }

    void after_feedback(core_t& core) noexcept { count(core, 1); }

private:
    // The calls of a thread are counted in lots, so that threads do not share a counter for each call.
    static constexpr std::uint32_t lot = 64;

    [[nodiscard]] static std::list<plan_t> plan_for(const core_t& core, double challenger_share,
                                                    unsigned number)
    {
        const auto splitter =
            core.assignment().splitter().with_shares({1.0 - challenger_share, challenger_share});
        return {plan_t{resolved(splitter, Parts::arm_count), number}};
    }

    /// Make the plan without the challenger. No rule forces a unit to it.
    [[nodiscard]] static std::list<plan_t> plan_without_challenger(const core_t& core, unsigned number)
    {
        std::list<plan_t> made = plan_for(core, 0.0, number);
        if constexpr (requires { made.front().split.rule(); }) {
            auto split = without_forced_units(made.front().split);
            made.clear();
            made.emplace_back(std::move(split), number);
        }
        return made;
    }

    void count(core_t& core, std::uint32_t more) noexcept
    {
        const std::uint64_t now = counted_.fetch_add(more, std::memory_order_relaxed) + more;
        std::uint64_t due = due_.load(std::memory_order_relaxed);
        // Later looks are less frequent, so that looks cost a bounded share of the time.
        const std::uint64_t pause = ramp_.check_every > now / 32 ? ramp_.check_every : now / 32;
        if (now >= due && due_.compare_exchange_strong(due, now + pause, std::memory_order_relaxed)) {
            look_unless_busy(core);
        }
    }

    void look_unless_busy(core_t& core) noexcept
    {
        if (over(core) || !control_.try_lock()) {
            return;
        }
        const std::unique_lock lock{control_, std::adopt_lock};
        try {
            look(core, nullptr);
        } catch (...) {
            // Memory ran out. What a withdrawal needs was done before, and the next look does the rest.
        }
    }

    [[nodiscard]] static bool champion_is_out(const core_t& core)
    {
        return core.assignment().read([](const plan_t& now) { return now.shares[0] == 0.0; });
    }

    /// Return whether nothing is left to decide. A finished ramp that left the champion a share can still be rolled back.
    [[nodiscard]] bool over(const core_t& core) const noexcept
    {
        return rolled_back() || (finished() && champion_is_out(core));
    }

    [[nodiscard]] setting setting_of_ramp(const core_t& core) const
    {
        setting how = core.setting_now();
        double most = 0.0;
        for (const double share : ramp_.shares) {
            most = std::fmax(most, share * (1.0 - share));
        }
        how.planned_information_per_exposure = most > 0.0 ? most : 0.25;
        how.contemporary =
            how.shares[0] > 0.0 || seen_now_.pairs.front().series.front().expected_overlap() > 0.0;
        return how;
    }

    /// Collect the evidence, judge it and act on it. Where that ends with an exception, the guardrails that events change
    /// are still heeded.
    /// assumes: control_ is held
    void look(core_t& core, const evidence* merged)
    {
        try {
            look_at(core, merged);
        } catch (...) {
            if (!over(core) && broken_by_events(core)) {
                withdraw(core, [] { return std::string{"a guardrail on failures or latency is broken"}; });
            }
            throw;
        }
    }

    [[nodiscard]] bool broken_by_events(const core_t& core) const noexcept
    {
        bool broken = false;
        for (std::size_t w = 0; w < core.live().watches().size(); ++w) {
            broken = broken || core.live().highest_log_e(0, w) >= breach_at_;
        }
        return broken;
    }

    void look_at(core_t& core, const evidence* merged)
    {
        core.metrics().fix_thresholds();
        if (merged != nullptr) {
            seen_now_ = *merged;
            core.live().resume(seen_now_);
        } else {
            core.metrics().collect(seen_now_);
        }
        const setting how = setting_of_ramp(core);
        judge(core.trial().inference(), seen_now_, how, merged == nullptr ? &core.live() : nullptr, found_);
        const bool decides = !over(core);
        const bool breached = found_.breached(0);
        if (decides && breached) {
            withdraw(core, [&] { return breach_of(seen_now_, found_, how, 0); });
        }
        if (merged == nullptr) {
            core.live().remember(seen_now_);
        } else {
            core.live().remember_whole(seen_now_);
        }
        if (decides && !breached && !finished()) {
            advance(core, how);
        }
    }

    void advance(core_t& core, const setting& how)
    {
        const std::uint64_t served = seen_now_.requests(1);
        // Merged evidence may be older than the evidence at the start of the stage.
        progress_ = {.stage = stage_,
                     .requests = served > stage_first_request_ ? served - stage_first_request_ : 0};
        progress_.seconds = static_cast<double>(core.trial().clock().now() - stage_began_) * 1e-9;
        const harm_so_far harm = harm_now(found_, how);
        progress_.highest_e = harm.highest_e;
        worst_ = harm.guardrail;
        unjudged_ = found_.unjudged(0, how.specs);
        silent_ = unjudged_ == nullptr ? silent_in_stage(how) : nullptr;
        if (found_.mismatch || unjudged_ != nullptr || silent_ != nullptr ||
            (ramp_.shares[stage_] < 1.0 && !ramp_.ready(progress_))) {
            return;
        }
        if (stage_ + 1 == ramp_.shares.size()) {
            finished_.store(true, std::memory_order_release);
            return;
        }
        enter_stage(core, stage_ + 1, served);
    }

    void enter_stage(core_t& core, std::size_t stage, std::uint64_t served)
    {
        const double share = ramp_.shares[stage];
        // What needs memory comes first, so that a stage is entered as a whole or not at all.
        share_step step{.requests = static_cast<double>(seen_now_.requests()),
                        .share = share,
                        .reason = "advance: " + count_text(progress_.requests) +
                                  " requests without a broken guardrail"};
        core.publish(plan_for(core, share, static_cast<unsigned>(stage)));
        stage_ = stage;
        stage_first_request_ = served;
        note_values(core.metrics().metrics().specs());
        stage_began_ = core.trial().clock().now();
        history_.push_back(std::move(step));
        if (share >= 1.0 && stage_ + 1 == ramp_.shares.size()) {
            // The champion serves no units any more, so this stage has nothing to compare.
            finished_.store(true, std::memory_order_release);
        }
    }

    /// Return how many values the challenger has brought to a guardrail.
    [[nodiscard]] std::uint64_t values_of(const metric_spec& spec) const
    {
        const pair_evidence& pair = seen_now_.pairs.front();
        return spec.takes_feedback()           ? pair.series[spec.fed].challenger_count
               : spec.series == failure_series ? pair.series[exposure_series].challenger_count
                                               : seen_now_.arms[1].latency.count();
    }

    void note_values(const std::vector<metric_spec>& specs)
    {
        for (std::size_t m = 0; m < specs.size(); ++m) {
            stage_values_[m] = values_of(specs[m]);
        }
    }

    /// Return the first guardrail that hears less than a quarter as much of the challenger as in the stages before, or null.
    [[nodiscard]] const metric_spec* silent_in_stage(const setting& how) const
    {
        for (std::size_t m = 0; m < how.specs.size(); ++m) {
            const metric_spec& spec = how.specs[m];
            if (spec.role != metric_spec::part::guardrail || spec.series == failure_series) {
                continue;
            }
            const std::uint64_t values = values_of(spec);
            const std::uint64_t came = values > stage_values_[m] ? values - stage_values_[m] : 0;
            const double usual = share_of(stage_values_[m], stage_first_request_);
            if (came == 0 ||
                4.0 * static_cast<double>(came) < usual * static_cast<double>(progress_.requests)) {
                return &spec;
            }
        }
        return nullptr;
    }

    [[nodiscard]] std::string waiting(const setting& how) const
    {
        if (found_.mismatch) {
            return "held, since traffic did not arrive in the planned shares";
        }
        if (unjudged_ != nullptr) {
            return "held, since the guardrail on " + gap_in_words(*unjudged_, seen_now_, how) + "; " +
                   count_text(progress_.requests) + " requests served by the challenger in this stage";
        }
        if (silent_ != nullptr) {
            return "held, since the guardrail on " + silent_->name +
                   " has got too little feedback in this stage; " + count_text(progress_.requests) +
                   " requests served by the challenger in it";
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

    /// Take the challenger out of service. The plan is published first, which allocates nothing, and the reason is put
    /// into words afterwards.
    template <class Words>
    void withdraw(core_t& core, Words words) noexcept
    {
        if (rolled_back() || withdrawal_.empty()) {
            return;
        }
        core.publish(std::move(withdrawal_));
        rolled_back_.store(true, std::memory_order_release);
        try {
            lost_reason_ = words();
        } catch (...) {
            // The words that were kept for this stay.
        }
        // The place was reserved, so that this allocates nothing.
        history_.push_back({.requests = static_cast<double>(seen_now_.requests()),
                            .share = 0.0,
                            .reason = std::move(lost_reason_)});
    }

    ramp_t ramp_;
    fork_mutex control_{fork_order::control};
    /// The plan without the challenger. It is made beforehand, so that taking the challenger out cannot fail.
    std::list<plan_t> withdrawal_;
    /// The reason of a withdrawal, where there is no memory for the true one.
    std::string lost_reason_{"the challenger was taken out of service, and there was no memory to say why"};
    /// control_ guards this member and the members below it up to the atomics.
    evidence seen_now_;
    judgement found_;
    std::vector<share_step> history_;
    stage_progress progress_;
    const metric_spec* worst_ = nullptr;
    /// The guardrail that is not judged, of the findings of the last look.
    const finding* unjudged_ = nullptr;
    /// The guardrail that hears too little in this stage.
    const metric_spec* silent_ = nullptr;
    /// The challenger's values of each metric at the beginning of the stage.
    std::vector<std::uint64_t> stage_values_;
    std::size_t stage_ = 0;
    std::uint64_t stage_first_request_ = 0;
    std::int64_t stage_began_ = 0;
    double breach_at_ = 0.0;
    std::atomic<std::uint64_t> counted_{0};
    std::atomic<std::uint64_t> due_{0};
    std::atomic<bool> rolled_back_{false};
    std::atomic<bool> finished_{false};
    new_epoch_in_child<rollout> fork_{*this};
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
