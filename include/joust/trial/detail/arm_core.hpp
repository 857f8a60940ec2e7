// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/entropy.hpp>
#include <joust/core/unit_id.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/inference/always_valid.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/ticket/seen.hpp>
#include <joust/trial/acceptance.hpp>
#include <joust/trial/detail/annotate.hpp>
#include <joust/trial/detail/announce.hpp>
#include <joust/trial/detail/arm_assignment.hpp>
#include <joust/trial/detail/arm_parts.hpp>
#include <joust/trial/detail/decide.hpp>
#include <joust/trial/detail/finding.hpp>
#include <joust/trial/detail/identity.hpp>
#include <joust/trial/detail/live_metrics.hpp>
#include <joust/trial/detail/pass_arguments.hpp>
#include <joust/trial/detail/trial_core.hpp>
#include <joust/trial/timing.hpp>

#include <cstddef>
#include <cstdint>
#include <list>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detail {

/// The core of a trial that serves each unit by one of its models: the parts that all trials have, the assignment of
/// units to arms, the metrics with their evidence, and the tickets that came back.
///
/// The functions that serve a call are in serve_arm.hpp, and the functions that take feedback in take_feedback.hpp.
template <class Parts>
class arm_core {
public:
    using parts = Parts;
    using visit = typename Parts::visit;
    using plan_t = typename Parts::plan_t;
    using calls = arm_call<typename Parts::models_t, Parts::falls_back>;
    using ticket_type = typename trial_core<Parts>::desk_t::sealed;
    using predictions = std::conditional_t<Parts::metrics_t::reads_predictions(),
                                           typename live_metrics<Parts>::read_predictions, std::tuple<>>;

    /// shape: `watch_failures` is true_type where failures are watched even where no guardrail asks for it
    template <bool WatchFailures>
    arm_core(std::string_view kind, std::bool_constant<WatchFailures> watch_failures,
             typename Parts::arguments_t& arguments)
        : assignment_(Parts::template pick<splitter_role, hash_split>(arguments)),
          trial_(kind, assignment_.own_salt(), arguments),
          acceptance_(Parts::template pick<acceptance_role, any_result>(arguments)),
          timing_(Parts::template pick<timing_role, timed>(arguments)),
          watcher_(Parts::template pick<watcher_role, no_watcher>(arguments)),
          announcer_(Parts::template pick<listener_role, no_listener>(arguments)),
          metrics_(trial_.identity(), watch_failures, arguments),
          seen_(seen_window::remembering(trial_.desk().remembered() * keys_per_ticket(metrics_)))
    {
        check_error_rate(trial_.inference().alpha, trial_.inference().units, "exposures");
        if constexpr (
            !WatchFailures) {  // Only a canary promotes, and only a canary watches failures unasked.
            metrics_.metrics().refuse_exclusions(kind);
        }
        assignment_.begin_stage(live());
        const std::vector<metric_spec>& specs = metrics_.metrics().specs();
        for (const metric_spec& spec : specs) {
            if (spec.watch >= 0) {
                live().spend(static_cast<std::size_t>(spec.watch),
                             trial_.inference().alpha * error_share(spec, specs) /
                                 static_cast<double>(Parts::arm_count - 1));
            }
        }
    }

    [[nodiscard]] trial_core<Parts>& trial() noexcept { return trial_; }
    [[nodiscard]] const trial_core<Parts>& trial() const noexcept { return trial_; }
    [[nodiscard]] const trial_identity& identity() const noexcept { return trial_.identity(); }
    [[nodiscard]] arm_assignment<Parts>& assignment() noexcept { return assignment_; }
    [[nodiscard]] const arm_assignment<Parts>& assignment() const noexcept { return assignment_; }
    [[nodiscard]] live_metrics<Parts>& metrics() noexcept { return metrics_; }
    [[nodiscard]] const live_metrics<Parts>& metrics() const noexcept { return metrics_; }
    [[nodiscard]] live_evidence& live() const noexcept { return metrics_.live(); }
    [[nodiscard]] seen_window& seen() noexcept { return seen_; }
    /// Return how many tickets were forgotten, so that repeated feedback for them counts again.
    [[nodiscard]] std::uint64_t forgotten_tickets() const noexcept { return seen_.overwritten(); }
    [[nodiscard]] const typename Parts::timing_t& timing() const noexcept { return timing_; }
    [[nodiscard]] const typename Parts::acceptance_t& acceptance() const noexcept { return acceptance_; }
    [[nodiscard]] const typename Parts::watcher_t& watcher() const noexcept { return watcher_; }

    template <class Unit, class Arguments>
    [[nodiscard]] visit assign(const Unit& unit, const Arguments& arguments) const noexcept
    {
        // Where blocks of time are randomised, an empty id decides nothing, but a null pointer cannot be read.
        if constexpr (!Parts::reads_time || std::is_pointer_v<Unit>) {
            if (is_no_unit(unit)) [[unlikely]] {
                live().ignore(ignored::empty_unit);
                visit nobody;
                nobody.recorded = false;
                return nobody;
            }
        }
        return assignment_.assign(identity().hasher(), trial_.clock(), live(), unit, arguments);
    }

    void publish(std::list<plan_t> next) noexcept { assignment_.publish(std::move(next), live()); }

    /// Tell the listener of a transition, after it has taken effect. `make()` returns the event; its number, time, trial and plan
    /// are filled in here. `changed` says whether another plan is in force now.
    template <class Make>
    void announce(bool changed, Make&& make) const noexcept
    {
        if constexpr (Parts::listens) {
            announcer_.announce(*this, changed, std::forward<Make>(make));
        }
    }

    /// Return the fields of a visit's ticket.
    [[nodiscard]] ticket::exposure_fields fields_of(const visit& seen, std::uint32_t call) const noexcept
    {
        return {.unit = seen.pseudonym,
                .trial = identity().number(),
                .seconds = seconds_now(),
                .propensity = static_cast<float>(seen.propensity),
                .arm = seen.arm,
                .plan = seen.plan,
                .nonce = arm_assignment<Parts>::nonce_of(seen, ticket_nonce(call))};
    }

    [[nodiscard]] evidence collect() const
    {
        joust::evidence all;
        metrics_.collect(all);
        return all;
    }

    /// Refuse evidence of another trial.
    /// errors: configuration_error where the evidence belongs to another trial
    void check_own(const evidence& other) const
    {
        metrics_.check_own(identity(), other);
        if constexpr (Parts::fixed_shares) {
            if (assignment_.knows_history() && !served_by_known_plans(other)) {
                assignment_.miss_history();
            }
        }
    }

    /// Return the present settings of the trial that judging needs.
    [[nodiscard]] setting setting_now() const
    {
        setting how{.specs = metrics_.metrics().specs(),
                    .watches = metrics_.metrics().watches(),
                    .covariate = Parts::adjusts ? metrics_.metrics().series_count() : exposure_series};
        for (const metric_spec& spec : how.specs) {
            how.guards_failures = how.guards_failures || (spec.role == metric_spec::part::guardrail &&
                                                          spec.series == failure_series);
        }
        how.bets = std::is_same_v<typename Parts::key_t, per_request> &&
                   std::is_same_v<typename Parts::inference_t, always_valid> && Parts::fixed_shares;
        if constexpr (Parts::metrics_t::has_guardrails()) {
            add_guardrails(how.special);
        }
        if constexpr (Parts::metrics_t::watches_latency()) {
            how.special.show_latency = show_latency;
            how.special.show_level_of_latency = show_level_of_latency;
        }
        if constexpr (Parts::metrics_t::quantile_of(Parts::metrics_t::size) != 0) {
            how.special.show_values = answer_in_values;
            how.special.show_level_of_values = show_level_of_values;
            how.special.threshold_in_words = threshold_in_words;
        }
        if constexpr (Parts::adjusts) {
            how.special.annotate_covariate = annotate_covariate;
        }
        if constexpr (Parts::fixed_shares) {
            how.planned_information_per_exposure = assignment_.read([&how](const plan_t& now) {
                how.shares = share_list{now.shares};
                double least = 0.25;
                for (const auto& pair : now.pairs) {
                    const double w = pair.root * pair.root;
                    least = w > 0.0 && w < least ? w : least;
                }
                return least;
            });
        }
        return how;
    }

private:
    /// Return whether known plans can have served all exposures: their mean weights lie between those of the known plans.
    [[nodiscard]] bool served_by_known_plans(const evidence& other) const
    {
        bool known = true;
        for (std::size_t p = 0; p + 1 < Parts::arm_count; ++p) {
            double least = 1.0;
            double most = 0.0;
            const bool whole = assignment_.for_each_plan([&](const plan_t& each) {
                const double s = each.pairs[p].challenger;
                least = s < least ? s : least;
                most = s > most ? s : most;
            });
            const bucket_sums& served = other.pairs[p].series[exposure_series];
            double champion = 0.0;
            double challenger = 0.0;
            for (std::size_t b = 0; b < served.champion.size(); ++b) {
                champion += served.champion[b];
                challenger += served.challenger[b];
            }
            const auto lies = [](double sum, std::uint64_t count, double from, double to) {
                const double n = static_cast<double>(count);
                return sum >= n * from - 1e-6 * (n + 1.0) && sum <= n * to + 1e-6 * (n + 1.0);
            };
            known = known && (!whole || (lies(champion, served.champion_count, least, most) &&
                                         lies(challenger, served.challenger_count, 1.0 - most, 1.0 - least)));
        }
        return known;
    }

    arm_assignment<Parts> assignment_;
    trial_core<Parts> trial_;
    [[no_unique_address]] typename Parts::acceptance_t acceptance_;
    [[no_unique_address]] typename Parts::timing_t timing_;
    [[no_unique_address]] typename Parts::watcher_t watcher_;
    [[no_unique_address]] announcer<typename Parts::listener_t> announcer_;
    live_metrics<Parts> metrics_;
    mutable seen_window seen_;

    /// Return the number of keys that remembering a ticket takes: one, and one more for each metric that counts its values.
    [[nodiscard]] static std::size_t keys_per_ticket(const live_metrics<Parts>& metrics)
    {
        std::size_t keys = 1;
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            ((keys += accumulates(metrics.metrics().template get<I>()) ? 1U : 0U), ...);
        }(std::make_index_sequence<Parts::metrics_t::size>{});
        return keys;
    }
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
