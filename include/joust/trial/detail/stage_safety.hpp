// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/error.hpp>
#include <joust/core/text.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/report/harm_in_words.hpp>
#include <joust/report/report.hpp>
#include <joust/stats/planning/exclusion_plan.hpp>
#include <joust/stats/sequential/excluded_harm.hpp>
#include <joust/stats/sequential/exclusion.hpp>
#include <joust/trial/detail/decide.hpp>
#include <joust/trial/detail/describe.hpp>
#include <joust/trial/detail/events_by_share.hpp>
#include <joust/trial/detail/finding.hpp>
#include <joust/trial/detail/metric_set.hpp>
#include <joust/trial/ramp.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detail {

/// Return the harm that has to be excluded before promotion: what the guardrail states, or the default of its kind. It is at least
/// what the guardrail allows, since rolling back and promoting are both right between the two.
/// errors: configuration_error where a quantile metric states another harm than its margin
[[nodiscard]] stats::excluded_harm harm_to_exclude(const metric_spec& spec,
                                                   const default_exclusions& defaults);

/// Return the margin of latency that late calls are counted against, for a harm.
[[nodiscard]] latency_margin margin_of_latency(const event_watch& watch, double ratio,
                                               double increase) noexcept;

/// What one guardrail has shown in a stage.
struct exclusion_now {
    /// The index of the metric in the specs.
    std::size_t metric = 0;
    /// The harm to be excluded before promotion.
    stats::excluded_harm whole{};
    /// The harm to be excluded in this stage.
    stats::excluded_harm stage{};
    /// The logarithm of the e-value against the harm of the stage.
    double log_e = 0.0;
    bool excluded = false;
    /// How far the events of one unit cling together.
    stats::event_clustering clustering{};
};

/// Says which harm the evidence excludes, guardrail by guardrail.
class stage_safety {
public:
    /// Take over what has to be excluded. Looks allocate nothing afterwards.
    /// errors: configuration_error where a guardrail states a harm that cannot be tested
    void begin(const std::vector<metric_spec>& specs, const default_exclusions& defaults);

    /// Return every margin of latency that the stages of a ramp judge.
    [[nodiscard]] std::vector<latency_margin> margins(const std::vector<metric_spec>& specs,
                                                      const std::vector<event_watch>& watches,
                                                      const share_list& shares) const;

    /// Test the harm of a stage for every guardrail.
    /// shape: `units` is the number of distinct units of the challenger
    void look(const evidence& seen, const judgement& found, const setting& how, double beta,
              double next_share, double units);

    /// Return whether the harm of the stage is excluded for the guardrail of this index.
    [[nodiscard]] bool excludes(std::size_t metric) const noexcept;

    /// Return the logarithm of the e-value against the harm of the stage for the guardrail of this index.
    [[nodiscard]] double log_e(std::size_t metric) const noexcept;

    /// Return the guardrail that is farthest from excluding the harm of the stage, or null where all have.
    [[nodiscard]] const exclusion_now* open() const noexcept;

    /// Return about how many failures more than the champion's the challenger may bring before they are seen, given what the
    /// stage has excluded.
    /// shape: `between_looks` and `before_feedback` are numbers of the challenger's requests; failures are known at once
    [[nodiscard]] double at_risk(double between_looks, double before_feedback, const evidence& seen,
                                 const setting& how) const noexcept;

    /// Write what every guardrail has shown into a report.
    /// shape: `rate` is the number of all requests in a second, or 0 where it is not known
    void describe(report& out, const evidence& seen, const judgement& found, const setting& how,
                  double rate) const;

private:
    [[nodiscard]] const exclusion_now* of(std::size_t metric) const noexcept;

    std::vector<exclusion_now> guardrails_;
    double beta_ = 0.05;
};

}  // namespace detail

#if JOUST_BODIES

namespace detail {

/// Whether a harm cannot exist, so that nothing has to be shown.
[[nodiscard]] inline bool impossible(const stats::excluded_harm& harm, bool proportion) noexcept
{
    // Of two harms the larger one counts, and a larger one cannot exist either.
    return (proportion && std::fabs(harm.increase) >= 1.0) || harm.ratio <= 0.0;
}

/// Whether a guardrail is tested by counts of events at each share.
[[nodiscard]] inline bool counts_events(const metric_spec& spec) noexcept
{
    return spec.series == failure_series && !spec.takes_feedback() && !spec.limit.alone;
}
[[nodiscard]] inline bool on_latency(const metric_spec& spec, const setting& how) noexcept
{
    return !spec.limit.alone && spec.watch >= 0 &&
           how.watches[static_cast<std::size_t>(spec.watch)].on_latency;
}

JOUST_FUNCTION stats::excluded_harm harm_to_exclude(const metric_spec& spec,
                                                    const default_exclusions& defaults)
{
    if (spec.quantile >= 0) {
        // The thresholds of a quantile contain its margin, so that no other harm can be tested.
        if (spec.exclude.given) {
            throw configuration_error(
                "guardrail(" + spec.name + ").exclude", "given for a quantile metric",
                "the margin of the guardrail, which is what a quantile metric can show");
        }
        return {.increase = 0.0};
    }
    if (spec.exclude.given) {
        return spec.exclude;
    }
    const bound& limit = spec.limit;
    if (limit.alone) {  // The limit itself is what has to be kept.
        return {.increase = limit.value};
    }
    const bool allows_none = limit.value == (limit.relative ? 1.0 : 0.0);
    stats::excluded_harm harm;
    double& same_kind = limit.relative ? harm.ratio : harm.increase;
    if (spec.unit == "ms" && spec.series != failure_series && spec.watch >= 0) {
        harm.ratio = defaults.latency;
    } else if (spec.series == failure_series) {
        harm.ratio = defaults.failures.max_ratio;
        harm.increase = defaults.failures.max_increase;
    } else if (allows_none) {
        harm.ratio = limit.harm_is_up ? 1.0 + defaults.metric : 1.0 - defaults.metric;
        return harm;
    } else {
        same_kind = limit.value;
        return harm;
    }
    if (!allows_none) {
        same_kind = std::isnan(same_kind) ? limit.value : std::fmax(same_kind, limit.value);
    }
    return harm;
}

JOUST_FUNCTION latency_margin margin_of_latency(const event_watch& watch, double ratio,
                                                double increase) noexcept
{
    constexpr double nanoseconds = 1e6;  // of a millisecond
    return {.q = watch.q,
            .ratio = std::isnan(ratio) ? 1.0 : ratio,
            .increase = std::isnan(increase) ? 0.0 : increase * nanoseconds};
}

JOUST_FUNCTION void stage_safety::begin(const std::vector<metric_spec>& specs,
                                        const default_exclusions& defaults)
{
    guardrails_.clear();
    for (std::size_t m = 0; m < specs.size(); ++m) {
        if (specs[m].role == metric_spec::part::guardrail) {
            guardrails_.push_back({.metric = m, .whole = harm_to_exclude(specs[m], defaults)});
        }
    }
}

JOUST_FUNCTION std::vector<latency_margin> stage_safety::margins(const std::vector<metric_spec>& specs,
                                                                 const std::vector<event_watch>& watches,
                                                                 const share_list& shares) const
{
    std::vector<latency_margin> all;
    const auto add = [&all](const latency_margin& next) {
        bool known = false;
        for (const latency_margin& each : all) {
            known = known || each == next;
        }
        if (!known) {
            all.push_back(next);
        }
    };
    for (const exclusion_now& each : guardrails_) {
        const int which = specs[each.metric].watch;
        if (which < 0 || specs[each.metric].limit.alone ||
            !watches[static_cast<std::size_t>(which)].on_latency) {
            continue;
        }
        for (std::size_t k = 0; k < shares.size(); ++k) {
            const double next = k + 1 < shares.size() ? shares[k + 1] : 1.0;
            const stats::excluded_harm stage = stats::stage_harm(each.whole, next);
            const event_watch& watch = watches[static_cast<std::size_t>(which)];
            if (!std::isnan(stage.ratio)) {
                add(margin_of_latency(watch, stage.ratio, stats::not_a_number));
            }
            if (!std::isnan(stage.increase)) {
                add(margin_of_latency(watch, stats::not_a_number, stage.increase));
            }
        }
    }
    return all;
}

/// Return the logarithm of the mean of two e-values, of which one may be missing.
[[nodiscard]] inline double log_of_mean(double one, double two) noexcept
{
    if (std::isnan(one) || std::isnan(two)) {
        return std::isnan(one) ? two : one;
    }
    return stats::detail::log_mean_exp(std::array{one, two});
}

/// Return the logarithm of the e-value that calls later than a margin give against "the challenger is beyond the margin".
[[nodiscard]] inline double late_log_e(const pair_evidence& pair, const latency_margin& margin,
                                       const stats::exclusion_options& options) noexcept
{
    const event_columns columns = columns_of(pair.by_share, margin);
    if (!columns.counted) {
        return stats::not_a_number;
    }
    const events_by_share<stats::event_counts> counts{pair.by_share, columns};
    return stats::exclusion_log_e(counts.rows(), {.ratio = 1.0}, options);
}

/// Test the harm of a stage to a mean, a conversion or a ratio.
struct mean_test {
    double log_e = stats::not_a_number;
    stats::mean_exclusion by_increase{};
    stats::mean_exclusion by_ratio{};
};
[[nodiscard]] inline mean_test test_mean(const evidence& seen, const setting& how, const metric_spec& spec,
                                         const stats::excluded_harm& harm, double beta, bool limits)
{
    const pair_evidence& pair = seen.pairs.front();
    mean_test out;
    const double rho = pair.memory[spec.memory].rho;
    if (!(rho > 0.0) || pair.series[spec.series].expected < always_valid::burn_in_events) {
        return out;  // The burn-in is not over. Harm may be shown by fewer events than its absence.
    }
    const look at{.sums = sums_of(pair, spec, how.covariate),
                  .expected_events = pair.series[spec.series].expected};
    stats::mean_exclusion_options options{.harm_is_up = spec.limit.harm_is_up,
                                          .beta = beta,
                                          .rho = rho,
                                          .clock = stats::switching_clock(at.sums, at.expected_events),
                                          .limit = limits};
    double increase = stats::not_a_number;
    double ratio = stats::not_a_number;
    const auto log_e_of = [](const stats::mean_exclusion& each) {
        return each.state == status::ok ? each.log_e : 0.0;
    };
    if (!std::isnan(harm.increase)) {
        options.harm = std::fabs(harm.increase);
        options.relative = false;
        out.by_increase = stats::exclude_mean(at.sums, options);
        increase = log_e_of(out.by_increase);
    }
    if (!std::isnan(harm.ratio)) {
        options.harm = std::fabs(harm.ratio - 1.0);
        options.relative = true;
        out.by_ratio = stats::exclude_mean(at.sums, options);
        ratio = log_e_of(out.by_ratio);
    }
    out.log_e = log_of_mean(increase, ratio);
    return out;
}

/// Return what a look found about a guardrail of the challenger, or null.
[[nodiscard]] inline const finding* finding_on(std::size_t metric, const judgement& found) noexcept
{
    for (const finding& f : found.findings) {
        if (f.metric == metric && f.pair == 0) {
            return &f;
        }
    }
    return nullptr;
}

/// Return whether the interval of the challenger's own level keeps its limit.
[[nodiscard]] inline bool keeps_limit(const exclusion_now& now, const judgement& found,
                                      const metric_spec& spec) noexcept
{
    const finding* const f = finding_on(now.metric, found);
    return f != nullptr && f->answer.state == status::ok &&
           (spec.limit.harm_is_up ? f->answer.upper <= now.stage.increase
                                  : f->answer.lower >= now.stage.increase);
}

JOUST_FUNCTION void stage_safety::look(const evidence& seen, const judgement& found, const setting& how,
                                       double beta, double next_share, double units)
{
    beta_ = beta;
    const pair_evidence& pair = seen.pairs.front();
    const double threshold = -std::log(beta);
    const double per_unit = units > 0.0 ? static_cast<double>(seen.requests(1)) / units : 1.0;
    for (exclusion_now& each : guardrails_) {
        const metric_spec& spec = how.specs[each.metric];
        each.stage =
            spec.quantile >= 0 || spec.limit.alone ? each.whole : stats::stage_harm(each.whole, next_share);
        each.log_e = 0.0;
        if (counts_events(spec)) {
            const events_by_share<stats::event_counts> counts{pair.by_share, event_columns{}};
            each.clustering =
                stats::clustering_of(sums_of(pair, spec, exposure_series), counts.rows(), per_unit);
            each.log_e = stats::exclusion_log_e(counts.rows(), each.stage,
                                                {.beta = beta, .clustering = each.clustering});
        } else if (on_latency(spec, how)) {
            const event_watch& watch = how.watches[static_cast<std::size_t>(spec.watch)];
            const events_by_share<stats::event_counts> counts{pair.by_share, columns_of(spec)};
            each.clustering =
                stats::clustering_of(sums_of(pair, spec, exposure_series), counts.rows(), per_unit);
            const stats::exclusion_options options{
                .beta = beta, .clustering = each.clustering, .spread_only = true};
            const double by_ratio =
                std::isnan(each.stage.ratio)
                    ? stats::not_a_number
                    : late_log_e(pair, margin_of_latency(watch, each.stage.ratio, stats::not_a_number),
                                 options);
            const double by_increase =
                std::isnan(each.stage.increase)
                    ? stats::not_a_number
                    : late_log_e(pair, margin_of_latency(watch, stats::not_a_number, each.stage.increase),
                                 options);
            each.log_e = log_of_mean(by_increase, by_ratio);
        } else if (spec.limit.alone) {
            each.log_e = keeps_limit(each, found, spec) ? std::numeric_limits<double>::infinity() : 0.0;
        } else if (impossible(each.stage, spec.unit == "%")) {
            each.log_e = std::numeric_limits<double>::infinity();
        } else {
            each.log_e = test_mean(seen, how, spec, each.stage, beta, false).log_e;
        }
        each.excluded = each.log_e >= threshold;  // false where it is not a number
    }
}

JOUST_FUNCTION const exclusion_now* stage_safety::of(std::size_t metric) const noexcept
{
    for (const exclusion_now& each : guardrails_) {
        if (each.metric == metric) {
            return &each;
        }
    }
    return nullptr;
}

JOUST_FUNCTION bool stage_safety::excludes(std::size_t metric) const noexcept
{
    const exclusion_now* const now = of(metric);
    return now != nullptr && now->excluded;
}

JOUST_FUNCTION double stage_safety::log_e(std::size_t metric) const noexcept
{
    const exclusion_now* const now = of(metric);
    return now != nullptr ? now->log_e : stats::not_a_number;
}

JOUST_FUNCTION const exclusion_now* stage_safety::open() const noexcept
{
    const exclusion_now* farthest = nullptr;
    for (const exclusion_now& each : guardrails_) {
        const bool farther = farthest == nullptr || !(each.log_e >= farthest->log_e);
        farthest = !each.excluded && farther ? &each : farthest;
    }
    return farthest;
}

JOUST_FUNCTION double stage_safety::at_risk(double between_looks, double before_feedback,
                                            const evidence& seen, const setting& how) const noexcept
{
    double most = 0.0;
    for (const exclusion_now& each : guardrails_) {
        const metric_spec& spec = how.specs[each.metric];
        const bool late =
            !spec.limit.alone && spec.unit == "%" && spec.takes_feedback() && before_feedback > 0.0;
        if (!counts_events(spec) && !late) {
            continue;
        }
        const double requests = between_looks + (late ? before_feedback : 0.0);
        const bucket_sums& x = seen.pairs.front().series[spec.series];
        const bucket_sums& n = seen.pairs.front().series[spec.denominator];
        double sum = 0.0;
        double of = 0.0;
        for (std::size_t b = 0; b < x.champion.size(); ++b) {
            sum += x.champion[b];
            of += n.champion[b];
        }
        const double level = of > 0.0 ? sum / of : 0.0;
        const double harm = stats::detail::harm_above(
            level, {std::fabs(each.stage.increase), 1.0 + std::fabs(each.stage.ratio - 1.0)});
        most = std::fmax(most, requests * std::fmin(harm, 1.0));
    }
    return most;
}

/// Say what limits a guardrail that has not excluded the harm of its stage, and what would help.
inline void find_limit(exclusion_row& row, const exclusion_now& now, const evidence& seen,
                       const judgement& found, const setting& how, double rate, double beta)
{
    const metric_spec& spec = how.specs[now.metric];
    const finding* const answer = finding_on(now.metric, found);
    const double share = how.shares.empty() ? 0.5 : how.shares[1];
    const double target = -std::log(beta);
    const double units = units_of(seen, 1);
    const double more = now.log_e > 0.0 && std::isfinite(now.log_e)
                            ? static_cast<double>(seen.requests(1)) * (target / now.log_e - 1.0)
                            : stats::not_a_number;
    if (counts_events(spec) || on_latency(spec, how)) {
        const double level = answer != nullptr && counts_events(spec) && answer->answer.champion >= 0.0
                                 ? answer->answer.champion
                                 : 0.01;
        const stats::excluded_harm& harm = now.stage;
        const double effect = counts_events(spec)
                                  ? stats::exclusion_design_effect(now.clustering, level, harm)
                                  : now.clustering.observed;
        const double units_needed =
            stats::units_to_exclude(std::fmin(stats::detail::harm_above(level, harm), 1.0), beta);
        if (counts_events(spec) && effect > 2.0 && units < units_needed) {
            row.limited_by = "units";
            row.words += ". Limited by units: ";
            append_count(row.words, static_cast<std::uint64_t>(units));
            row.words += " of about ";
            append_count(row.words, static_cast<std::uint64_t>(units_needed));
            row.words += "; more time with the same units does not help, a larger share does";
            return;
        }
        row.limited_by = "requests";
        row.more_requests = more;
    } else if (answer != nullptr && answer->missing != gap::none) {
        const bool silent =
            spec.takes_feedback() && answer->missing != gap::state && answer->missing != gap::few_units;
        row.limited_by = silent ? "feedback" : answer->missing == gap::few_units ? "units" : "requests";
        row.words += ". ";
        row.words += row.limited_by == "feedback" ? "Limited by feedback: " : "";
        row.words += gap_in_words(*answer, seen, how);
        return;
    } else if (spec.limit.alone) {
        row.limited_by = "requests";
    } else if (answer != nullptr) {
        const bool relative = std::isnan(row.stage_increase);
        const double needed = relative ? row.stage_ratio - 1.0 : row.stage_increase;
        const bool same_form = relative == spec.limit.relative;
        const double seen_at = relative ? answer->answer.estimate - 1.0 : answer->answer.estimate;
        if (same_form && needed != 0.0 && (needed - seen_at) / needed < 0.25) {
            row.limited_by = "at the margin";
            row.words += ". The estimate lies at the margin: more requests will not decide soon";
            return;
        }
        row.limited_by = "requests";
        row.more_requests = more;
    }
    if (row.more_requests > 0.0) {
        row.words += ": about ";
        append_number(row.words, row.more_requests, 2);
        row.words += " more requests of the challenger";
        if (rate > 0.0 && share > 0.0) {
            row.words += ", ";
            append_duration(row.words, 1e9 * row.more_requests / (rate * share), 2);
            row.words += " at the present traffic";
        }
    }
}

JOUST_FUNCTION void stage_safety::describe(report& out, const evidence& seen, const judgement& found,
                                           const setting& how, double rate) const
{
    for (const exclusion_now& each : guardrails_) {
        const metric_spec& spec = how.specs[each.metric];
        exclusion_row row{.guardrail = spec.name,
                          .unit = std::string{spec.unit},
                          .stage_increase = each.stage.increase,
                          .stage_ratio = each.stage.ratio,
                          .needed_increase = each.whole.increase,
                          .needed_ratio = each.whole.ratio,
                          .excluded = each.excluded};
        const pair_evidence& pair = seen.pairs.front();
        if (counts_events(spec)) {
            const events_by_share<stats::event_counts> counts{pair.by_share, event_columns{}};
            const stats::exclusion_limit limit = stats::largest_harm_not_excluded(
                counts.rows(), each.whole, {.beta = beta_, .clustering = each.clustering});
            row.excluded_increase = limit.upper.increase;
            row.excluded_ratio = limit.upper.ratio;
        } else if (on_latency(spec, how)) {
            // Late calls are counted against the margins of the stages alone.
            const stats::exclusion_options options{
                .beta = beta_, .clustering = each.clustering, .spread_only = true};
            const event_watch& watch = how.watches[static_cast<std::size_t>(spec.watch)];
            row.excluded_ratio =
                std::isnan(each.whole.ratio) ? stats::not_a_number : std::numeric_limits<double>::infinity();
            row.excluded_increase = std::isnan(each.whole.increase) ? stats::not_a_number
                                                                    : std::numeric_limits<double>::infinity();
            for (const latency_margin& margin : pair.by_share.margins) {
                if (margin.q != watch.q || !(late_log_e(pair, margin, options) >= -std::log(beta_))) {
                    continue;
                }
                if (margin.increase == 0.0 && margin.ratio < row.excluded_ratio) {
                    row.excluded_ratio = margin.ratio;
                }
                if (margin.ratio == 1.0 && 1e-6 * margin.increase < row.excluded_increase) {
                    row.excluded_increase = 1e-6 * margin.increase;
                }
            }
        } else if (spec.quantile < 0 && !spec.limit.alone) {
            const mean_test test = test_mean(seen, how, spec, each.whole, beta_, true);
            const double sign = spec.limit.harm_is_up ? 1.0 : -1.0;
            if (!std::isnan(each.whole.increase)) {
                row.excluded_increase = sign * test.by_increase.upper;
            }
            if (!std::isnan(each.whole.ratio)) {
                row.excluded_ratio = 1.0 + sign * test.by_ratio.upper;
            }
        }
        if (std::isinf(row.excluded_ratio) && std::isfinite(row.excluded_increase)) {
            row.excluded_ratio = stats::not_a_number;
        }
        if (std::isinf(row.excluded_increase) && std::isfinite(row.excluded_ratio)) {
            row.excluded_increase = stats::not_a_number;
        }
        row.words = spec.name + ": ";
        const bool nothing = (std::isnan(row.excluded_increase) || std::isinf(row.excluded_increase) ||
                              (spec.unit == "%" && std::fabs(row.excluded_increase) >= 1.0)) &&
                             (std::isnan(row.excluded_ratio) || std::isinf(row.excluded_ratio));
        if (spec.limit.alone) {
            row.words += each.excluded ? "the level of the challenger is shown to keep its limit of "
                                       : "the level of the challenger is not shown to keep its limit of ";
            append_in_unit(row.words, spec.limit.value, spec.unit);
        } else if (spec.quantile >= 0) {
            row.words += each.excluded ? "harm beyond the margin is excluded"
                                       : "harm beyond the margin is not excluded yet";
            if (spec.limit.value == (spec.limit.relative ? 1.0 : 0.0)) {
                row.words +=
                    "; the guardrail allows no change at all, which no data can show: give it a margin";
            }
        } else {
            if (nothing) {
                row.words += "no harm is excluded yet";
            } else {
                row.words += "harm of ";
                append_harm(row.words, {row.excluded_increase, row.excluded_ratio}, row.unit,
                            harm_place::sentence);
                row.words += " and more is excluded at ";
                append_number(row.words, 100.0 * (1.0 - beta_), 3);
                row.words += " %";
            }
            row.words += each.excluded ? "; this stage needed " : "; this stage needs ";
            append_harm(row.words, each.stage, row.unit, harm_place::sentence);
        }
        if (!each.excluded) {
            find_limit(row, each, seen, found, how, rate, beta_);
        }
        row.words += '.';
        out.exclusions.push_back(std::move(row));
    }
}

}  // namespace detail

#endif

}  // namespace v0
}  // namespace joust
