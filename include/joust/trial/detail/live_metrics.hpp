// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/clock.hpp>
#include <joust/core/compiler.hpp>
#include <joust/core/fixed_string.hpp>
#include <joust/core/text_list.hpp>
#include <joust/core/thread_unwind.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/evidence/live_quantile.hpp>
#include <joust/metric/metric.hpp>
#include <joust/ticket/ticket.hpp>
#include <joust/trial/covariate.hpp>
#include <joust/trial/detail/arm_parts.hpp>
#include <joust/trial/detail/identity.hpp>
#include <joust/trial/detail/metric_set.hpp>
#include <joust/trial/detail/own_evidence.hpp>
#include <joust/trial/recorder.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detail {

/// A trial's metrics and the evidence on them. It records exposures and feedback, passes both to the recorder, and
/// copies the evidence for reports.
template <class Parts>
class live_metrics {
    using metrics_t = typename Parts::metrics_t;
    using covariate_t = typename Parts::covariate_t;
    using visit = typename Parts::visit;

public:
    /// shape: `watch_failures` is true_type where failures are watched also without a guardrail on them
    template <bool WatchFailures>
    live_metrics(const trial_identity& identity, std::bool_constant<WatchFailures> watch_failures,
                 typename Parts::arguments_t& arguments)
        : metrics_(arguments), covariate_(Parts::template pick<covariate_role, no_covariate>(arguments)),
          recorder_(Parts::template pick<recorder_role, no_log>(arguments)),
          live_(named_after(identity), watched(metrics_, watch_failures), metrics_.fed_series(),
                metrics_.memories_apart())
    {
        if constexpr (Parts::counts_by_share) {
            live_.count_by_share();
        }
        metrics_.place_lost(first_lost());
        for (std::size_t i = 0; i < quantiles_.size(); ++i) {
            quantiles_[i].watch(metrics_.quantiles()[i], Parts::arm_count - 1);
        }
    }

    [[nodiscard]] const metrics_t& metrics() const noexcept { return metrics_; }
    // A look at the evidence fixes thresholds and keeps what it found, also where the trial is constant.
    [[nodiscard]] live_evidence& live() const noexcept { return live_; }
    [[nodiscard]] const covariate_t& covariate() const noexcept { return covariate_; }

    /// Record that a unit was served. `shared` says that a call failed in its challenger and in the champion. Returns whether the call failed, or took longer than a guardrail allows.
    template <bool Timed>
    JOUST_ALWAYS_INLINE bool expose(slab& thread_slab, const visit& seen, std::int64_t spent, bool failed,
                                    const ticket* receipt, bool shared = false) noexcept
    {
        live_.expose(thread_slab, seen.arm, seen.shares, seen.pseudonym);
        count_by_share(thread_slab, exposure_series, seen);
        double covariate = 0.0;
        if constexpr (Parts::adjusts) {
            if (std::isfinite(seen.covariate)) {
                covariate = seen.covariate;
            } else {
                live_.ignore(ignored::invalid_value);
            }
            live_.observe(thread_slab, metrics_.series_count(), seen.arm, seen.shares, seen.pseudonym,
                          covariate);
        }
        bool eventful = failed;
        if constexpr (Timed) {
            if constexpr (!metrics_t::watches_latency()) {
                if (spent >= 0) {
                    thread_slab.add_latency(seen.arm, spent);
                }
            } else if (spent >= 0 && live_.time(thread_slab, seen.arm, spent)) [[unlikely]] {
                if constexpr (Parts::counts_by_share) {
                    live_.late(thread_slab, seen.arm, seen.shares, seen.pseudonym, spent, wall_milliseconds(),
                               seen.row);
                } else {
                    live_.late(thread_slab, seen.arm, seen.shares, seen.pseudonym, spent,
                               wall_milliseconds());
                }
                eventful = true;
            }
            if constexpr (Parts::counts_by_share && metrics_t::watches_latency()) {
                if (spent >= 0) {
                    live_.limits().judge(thread_slab, seen.row, seen.arm, spent);
                }
            }
        }
        if (failed) [[unlikely]] {
            live_.fail(thread_slab, seen.arm, seen.shares, seen.pseudonym, wall_milliseconds(), shared);
            count_by_share(thread_slab, failure_series, seen);
        }
        if constexpr (Parts::records) {
            record_by(recorder_, live_,
                      event{.kind = event::what::exposure,
                            .ticket = *receipt,
                            .nanoseconds = spent,
                            .failed = failed,
                            .covariate = covariate});
        }
        return eventful;
    }

    /// Return the index of the metric of this name that takes this number of values, or `none` where that was refused.
    template <fixed_string Name, std::size_t Values>
    [[nodiscard]] static constexpr std::size_t named()
    {
        constexpr std::size_t which = metrics_t::find(Name.view());
        static_assert(
            which != metrics_t::none,
            "joust: no metric of this trial has this name; observe<\"name\"> takes the name of a conversion, mean or other metric that was given to the trial");
        if constexpr (which != metrics_t::none) {
            constexpr bool ratio = is_ratio<inner_metric_t<typename metrics_t::template given_t<which>>>;
            static_assert(
                !ratio || Values == 2,
                "joust: a ratio is observed with two amounts: observe<\"name\">(ticket, numerator, denominator)");
            static_assert(
                ratio || Values == 1,
                "joust: this metric is observed with one value; a ratio<\"name\"> takes two amounts");
            return Values == (ratio ? 2 : 1) ? which : metrics_t::none;
        } else {
            return which;
        }
    }

    /// Convert the values of feedback into the amounts that a metric adds up. Returns false where a value is invalid, and
    /// counts it.
    template <std::size_t Which, class... Values>
    [[nodiscard]] bool convert(cell& c, Values... values) noexcept
    {
        bool usable = (std::isfinite(values) && ...);
        if (usable) {
            try {
                metrics_.template get<Which>().add(c, values...);
            } catch (...) {
                live_.ignore(ignored::metric_threw);
                return false;
            }
            usable = !c.refused && std::isfinite(c.value) && std::isfinite(c.per);
        }
        if (!usable) {
            live_.ignore(ignored::invalid_value);
        }
        return usable;
    }

    /// Count a value of a metric that cannot be scored.
    template <std::size_t Which>
    void lose(const visit& seen) noexcept
    {
        live_.lose(metrics_t::fed_metric(Which), seen.arm, seen.shares, seen.pseudonym);
        if constexpr (Parts::counts_by_share) {
            count_by_share(live_.of_this_thread(), first_lost() + metrics_t::fed_metric(Which), seen);
        }
    }

    /// Record a converted value of a metric for an exposure. `first` says whether it is the first value of the exposure.
    template <std::size_t Which>
    void observe(const visit& seen, const cell& c, const ticket& receipt, bool first = true) noexcept
    {
        // A ratio gets nothing from 0 of 0, so that such an exposure has no feedback on it.
        const bool tells = !is_ratio<inner_metric_t<typename metrics_t::template given_t<Which>>> ||
                           c.value != 0.0 || c.per != 0.0;
        const bool feeds = first && tells && !metrics_.template counts_feedback<Which>();
        live_.feed(live_.of_this_thread(), metrics_t::fed_metric(Which), seen.arm, seen.shares,
                   seen.pseudonym, feeds);
        if (feeds) {
            count_by_share(live_.of_this_thread(), metrics_.template fed_by<Which>(), seen);
        }
        if constexpr (metrics_t::template is_quantile_at<Which>) {
            const double counted =
                quantiles_[metrics_t::quantile_of(Which)].take(seen.arm, seen.shares, c.value);
            if (!std::isnan(counted)) {
                add_up<Which>(seen, {.value = counted});
            }
        } else {
            add_up<Which>(seen, c);
        }
        if constexpr (Parts::records) {
            record_by(recorder_, live_,
                      event{.kind = event::what::feedback,
                            .ticket = receipt,
                            .metric = inner_metric_t<typename metrics_t::template given_t<Which>>::name(),
                            .value = c.value,
                            .denominator = c.per});
        }
    }

    /// What the metrics read from one result, by metric. It is empty where no metric reads results.
    struct read_predictions {
        std::array<double, metrics_t::reads_predictions() ? metrics_t::size : 0> values{};
        bool read = false;
    };

    /// Read from a result what the metrics want of it. NaN stands for what cannot be read.
    template <class Result>
    void read(read_predictions& into, const Result& result)
    {
        into.read = true;
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (read_one<I>(into, result), ...);
        }(std::make_index_sequence<metrics_t::size>{});
    }

    /// Record what was read from the result of an exposure.
    void observe_predictions(const visit& seen, const read_predictions& from, const ticket* receipt) noexcept
    {
        if (from.read) {
            [&]<std::size_t... I>(std::index_sequence<I...>) {
                (observe_one<I>(seen, from, receipt), ...);
            }(std::make_index_sequence<metrics_t::size>{});
        }
    }

    /// Move the limits of latency with the champion, after so many calls.
    void follow_latency(std::uint64_t calls) const noexcept
    {
        if constexpr (Parts::counts_by_share && metrics_t::watches_latency()) {
            if (live_.limits().any()) {
                live_.limits().follow(live_.slabs(), calls);
            }
        }
    }

    /// Count calls of a thread, and judge the guardrails on latency when it is time. Returns whether they were judged.
    bool passed(std::uint32_t calls) const noexcept
    {
        if constexpr (metrics_t::watches_latency()) {
            return live_.passed(calls);
        } else {
            return false;
        }
    }
    /// Judge the guardrails on latency.
    void judge_latency() const noexcept
    {
        if constexpr (metrics_t::watches_latency()) {
            live_.judge_latency();
        }
    }

    /// Collect all evidence into a value, whose memory is used again.
    void collect(evidence& all) const
    {
        judge_latency();
        live_.collect(all);
        collect_quantiles(all);
    }
    /// The same for a value that is collected again and again, of which only what has changed is read.
    void collect(evidence& all, collected_changes& known) const
    {
        judge_latency();
        live_.collect(all, known);
        collect_quantiles(all);
    }

    void collect_quantiles(evidence& all) const
    {
        if constexpr (metrics_t::quantile_of(metrics_t::size) == 0) {
            all.quantiles.clear();
        } else {
            all.quantiles.resize(quantiles_.size());
            for (std::size_t i = 0; i < quantiles_.size(); ++i) {
                quantiles_[i].collect(all.quantiles[i]);
            }
        }
    }

    /// Go on in the epochs and with the thresholds of merged evidence, where this process has none or is behind.
    void catch_up(const evidence& merged) noexcept
    {
        live_.catch_up(merged);
        for (std::size_t i = 0; i < quantiles_.size() && i < merged.quantiles.size(); ++i) {
            quantiles_[i].adopt(merged.quantiles[i].highest);
        }
    }

    /// Refuse evidence of another trial.
    /// errors: configuration_error where the evidence belongs to another trial
    void check_own(const trial_identity& identity, const evidence& other) const
    {
        detail::check_own(other, named_after(identity), live_.watches().size(), metrics_.quantiles(),
                          metrics_.memories_apart());
    }

private:
    template <bool WatchFailures>
    static const std::vector<event_watch>& watched(metrics_t& metrics, std::bool_constant<WatchFailures>)
    {
        if constexpr (WatchFailures) {
            metrics.watch_failures();
        }
        return metrics.watches();
    }

    template <std::size_t I, class Result>
    void read_one([[maybe_unused]] read_predictions& into, [[maybe_unused]] const Result& result)
    {
        if constexpr (metrics_t::template reads_prediction<I>) {
            double& value = into.values[I];
            try {
                value = metrics_.template get<I>().of(result);
                if (!std::isfinite(value)) {
                    live_.ignore(ignored::invalid_value);
                }
            } catch (thread_unwind&) {
                throw;
            } catch (...) {
                live_.ignore(ignored::metric_threw);
                value = std::numeric_limits<double>::quiet_NaN();
            }
        }
    }

    template <std::size_t I>
    void observe_one([[maybe_unused]] const visit& seen, [[maybe_unused]] const read_predictions& from,
                     [[maybe_unused]] const ticket* receipt) noexcept
    {
        if constexpr (metrics_t::template reads_prediction<I>) {
            cell c;
            metrics_.template get<I>().add(c, from.values[I]);
            if (c.refused) {
                lose<I>(seen);
            } else {
                observe<I>(seen, c, receipt != nullptr ? *receipt : ticket{});
            }
        }
    }

    [[nodiscard]] evidence named_after(const trial_identity& identity) const
    {
        evidence names;
        names.trial = identity.name();
        names.models = identity.models();
        names.series = metrics_.series_names();
        if constexpr (Parts::adjusts) {
            add_text(names.series, "covariate");
        }
        for (std::string& each : metrics_t::lost_names()) {
            add_text(names.series, each);
        }
        return names;
    }

    /// Return the first series of values that cannot be scored.
    [[nodiscard]] std::size_t first_lost() const noexcept
    {
        return metrics_.series_count() + (Parts::adjusts ? 1 : 0);
    }

    /// Count something at the share of a visit, in trials that count by share.
    JOUST_ALWAYS_INLINE static void count_by_share(slab& thread_slab, std::size_t column,
                                                   const visit& seen) noexcept
    {
        if constexpr (Parts::counts_by_share) {
            thread_slab.count_at_share(column, seen.row, seen.arm);
        }
    }

    template <std::size_t Which>
    JOUST_ALWAYS_INLINE void add_up(const visit& seen, const cell& c) noexcept
    {
        slab& thread_slab = live_.of_this_thread();
        live_.observe(thread_slab, metrics_t::series_of(Which), seen.arm, seen.shares, seen.pseudonym,
                      c.value);
        if (c.value != 0.0) {
            count_by_share(thread_slab, metrics_t::series_of(Which), seen);
        }
        if (const std::size_t divisor = metrics_.template denominator_of<Which>();
            divisor != exposure_series) {
            live_.observe(thread_slab, divisor, seen.arm, seen.shares, seen.pseudonym, c.per);
            if (c.per != 0.0) {
                count_by_share(thread_slab, divisor, seen);
            }
        }
    }

    metrics_t metrics_;
    [[no_unique_address]] covariate_t covariate_;
    [[no_unique_address]] typename Parts::recorder_t recorder_;
    mutable live_evidence live_;
    [[no_unique_address]] std::array<live_quantile, metrics_t::quantile_of(metrics_t::size)> quantiles_;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
