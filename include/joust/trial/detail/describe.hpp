// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/text.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/report/report.hpp>
#include <joust/report/words.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>
#include <joust/stats/sequential/score.hpp>
#include <joust/trial/detail/account.hpp>
#include <joust/trial/detail/decide.hpp>
#include <joust/trial/detail/finding.hpp>
#include <joust/trial/detail/latencies.hpp>
#include <joust/trial/detail/metric_set.hpp>
#include <joust/trial/detail/possible.hpp>
#include <joust/trial/detail/posterior.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Writes the rows and counts in the report of a trial that serves each unit by one of its models.

namespace joust {
inline namespace v0 {

namespace detail {

/// Return the estimated number of distinct units, which is at most the number of requests.
[[nodiscard]] double units_of(const evidence& seen, std::size_t arm);

/// Write the arms, metrics, latencies and counts of evidence into a report.
void describe(report& out, const evidence& seen, const judgement& found, const setting& how);

/// Write a value in the form of the report's tables.
void append_in_unit(std::string& out, double value, std::string_view unit);

/// Say why an answer about a metric does not count as a judgement.
[[nodiscard]] std::string gap_in_words(const finding& f, const evidence& seen, const setting& how);

/// Return a sentence about the guardrail that is broken, or an empty text where no guardrail is broken.
[[nodiscard]] std::string breach_of(const evidence& seen, const judgement& found, const setting& how,
                                    std::size_t pair);

}  // namespace detail

#if JOUST_BODIES

namespace detail {

inline const char* role_name(metric_spec::part role)
{
    return role == metric_spec::part::primary ? "primary" : "secondary";
}

JOUST_FUNCTION double units_of(const evidence& seen, std::size_t arm)
{
    return std::fmin(seen.arms[arm].units.estimate(), static_cast<double>(seen.requests(arm)));
}

/// Describe each model: its share, requests, failures, units and latencies.
inline void describe_arms(report& out, const evidence& seen, const setting& how)
{
    std::size_t timed = 0;
    out.arms = std::vector<arm_row>(seen.models.size());
    for (std::size_t a = 0; a < seen.models.size(); ++a) {
        arm_row& row = out.arms[a];
        row.model = seen.models[a];
        row.share = how.shares.empty() ? 0.0 : how.shares[a];
        row.requests = seen.requests(a);
        row.failures = seen.failed(a);
        row.units = units_of(seen, a);
        timed += seen.arms[a].latency.empty() ? 0U : 1U;
    }
    out.latencies = std::vector<latency_row>(timed);
    for (std::size_t a = 0, next = 0; next < timed; ++a) {
        if (!seen.arms[a].latency.empty()) {
            describe_latency(out.latencies[next++], seen.models[a], seen.arms[a].latency);
        }
    }
}

/// Return the name of a metric in a report, with its quantile.
[[nodiscard]] inline std::string metric_in_words(const metric_spec& spec,
                                                 const std::vector<event_watch>& watches)
{
    std::string name = spec.name;
    if (spec.watch >= 0 && watches[static_cast<std::size_t>(spec.watch)].on_latency) {
        append_all(name, {" p", to_text(100.0 * watches[static_cast<std::size_t>(spec.watch)].q)});
    }
    if (spec.quantile >= 0) {
        append_all(name, {" p", to_text(100.0 * spec.q)});
    }
    return name;
}

/// Let the row of a broken guardrail show the interval of the one-sided test that broke it: that of twice its error rate.
///
/// A two-sided interval at the error rate itself may still hold the margin, which would contradict the verdict. The ends
/// are scaled as normal limits are.
inline void show_one_sided(metric_row& row, const finding& f, bool harm_is_up)
{
    const bool beyond = harm_is_up ? row.estimate > row.margin : row.estimate < row.margin;
    if (!f.breached || !beyond || !(f.alpha < 0.5) || standing_of(row) == standing::beyond_margin) {
        return;
    }
    const double narrower =
        stats::normal_upper_quantile(f.alpha) / stats::normal_upper_quantile(0.5 * f.alpha);
    row.lower = row.estimate - narrower * (row.estimate - row.lower);
    row.upper = row.estimate + narrower * (row.upper - row.estimate);
    row.level = 1.0 - 2.0 * f.alpha;
    double& end = harm_is_up ? row.lower : row.upper;
    if (harm_is_up ? !(end > row.margin) : !(end < row.margin)) {
        end = std::nextafter(row.margin, row.estimate);
    }
}

/// Return the name of a metric's row.
[[nodiscard]] inline std::string row_name(const metric_spec& spec, const std::vector<event_watch>& watches)
{
    const bool as_ratio = spec.role == metric_spec::part::guardrail && spec.limit.relative && spec.watch < 0;
    return metric_in_words(spec, watches) + (as_ratio ? " (ratio)" : "");
}

/// Write the row of a finding about one metric of a challenger.
inline void describe_finding(metric_row& row, const finding& f, const evidence& seen, const setting& how)
{
    const metric_spec& spec = how.specs[f.metric];
    const bool guards = spec.role == metric_spec::part::guardrail;
    row.metric = row_name(spec, how.watches);
    row.arm = seen.models[f.pair + 1];
    row.role = guards ? joined({"guardrail, ", describe(spec.limit, spec.unit)}) : role_name(spec.role);
    if (!spec.others.empty()) {
        append_all(row.role, {" (and ", spec.others, ")"});
    }
    row.method = f.answer.method;
    if (f.epochs > 1 && f.epoch > 0) {
        append_all(row.method,
                   {", strongest in epoch ", std::to_string(f.epoch), " of ", std::to_string(f.epochs)});
    }
    if (spec.watch >= 0 && !seen.pairs[f.pair].late.empty()) {
        const auto which = static_cast<std::size_t>(spec.watch);
        if (how.watches[which].challenger_warm_up > 0) {
            row.method += ", without the first " + count_text(seen.pairs[f.pair].late[which].not_judged) +
                          " timed calls of the challenger, which were served and not judged";
        }
    }
    row.champion = f.answer.champion;
    row.challenger = f.answer.challenger;
    // A report gives no estimate in burn-in, where the score's estimate may even contradict the two means.
    row.estimate = f.answer.state == status::burn_in ? stats::not_a_number : f.answer.estimate;
    row.lower = f.answer.lower;
    row.upper = f.answer.upper;
    row.p_value = f.answer.p_value;
    row.e_value = std::isnan(f.answer.log_e) ? stats::not_a_number : std::exp(f.answer.log_e);
    row.state = f.answer.state;
    append_posterior(row.method, f.answer, spec.direction == better::up, spec.limit.relative, spec.unit);
    row.better = spec.direction == better::up ? 1 : -1;
    row.level = 1.0 - f.alpha;
    row.unit = spec.unit;
    row.champion_feedback = f.account.champion;
    row.challenger_feedback = f.account.challenger;
    if (guards && !spec.limit.relative) {
        row.margin = spec.limit.value;
        // A level is not compared with anything.
        row.reference = spec.limit.alone ? stats::not_a_number : row.reference;
    } else if (guards && spec.watch < 0) {
        // The guardrail is judged by means, so the estimate is the ratio itself. First events have no such level.
        row.margin = spec.limit.value;
        row.reference = 1.0;
    }
    keep_possible(row);
    if (guards) {
        row.validity = f.exact ? "exact" : "asymptotic";
        if (!std::isnan(f.answer.log_e)) {
            row.e_value_now = std::exp(f.answer.log_e_now);
            row.e_value_needed = 1.0 / f.alpha;
        }
        show_one_sided(row, f, spec.limit.harm_is_up);
    }
}

/// Write the row that compares the traffic with the planned shares.
inline void describe_split(metric_row& row, const stats::score_result& split, const std::string& challenger)
{
    row.metric = "sample ratio";
    row.arm = challenger;
    row.role = "check";
    row.method = "challenger's exposures above plan, as a fraction; normal mixture, clusters of units";
    row.estimate = split.estimate;
    row.lower = split.lower;
    row.upper = split.upper;
    row.e_value = std::exp(split.log_e);
    row.p_value = stats::always_valid_p(split.log_e);
    row.state = is_mismatch(split) ? status::srm_failed : split.state;
    keep_within(row, -1.0,
                std::numeric_limits<double>::infinity());  // An arm cannot lose more than all exposures.
}

JOUST_FUNCTION void describe(report& out, const evidence& seen, const judgement& found, const setting& how)
{
    describe_arms(out, seen, how);
    // Lists are made with their length: growing them would compile how each kind of row moves.
    const std::size_t findings = found.findings.size();
    out.metrics = std::vector<metric_row>(findings + found.split.size());
    for (std::size_t i = 0; i < findings; ++i) {
        describe_finding(out.metrics[i], found.findings[i], seen, how);
        out.metrics[i].decides = found.stopped_by(found.findings[i].pair) == &found.findings[i];
    }
    for (std::size_t p = 0; p < found.split.size(); ++p) {
        describe_split(out.metrics[findings + p], found.split[p], seen.models[p + 1]);
    }
    std::size_t counts = seen.unrecorded > 0 ? 1 : 0;
    for (std::size_t i = 0; i < counted_reasons && i < seen.ignored.size(); ++i) {
        counts += seen.ignored[i] > 0 ? 1U : 0U;
    }
    out.counts = std::vector<count_row>(counts);
    std::size_t next = 0;
    const auto count = [&](const char* what, std::uint64_t n) {
        if (n > 0) {
            out.counts[next].what = what;
            out.counts[next++].count = n;
        }
    };
    for (std::size_t i = 0; i < counted_reasons && i < seen.ignored.size(); ++i) {
        count(ignored_words[i], seen.ignored[i]);
    }
    count("calls served and not recorded", seen.unrecorded);
}

JOUST_FUNCTION void append_in_unit(std::string& out, double value, std::string_view unit)
{
    if (unit == "%") {
        append_percent(out, value, 2);
    } else {
        append_number(out, value, 4);
        out += unit.empty() ? "" : " ";
        out += unit;
    }
}

JOUST_FUNCTION std::string gap_in_words(const finding& f, const evidence& seen, const setting& how)
{
    const metric_spec& spec = how.specs[f.metric];
    const std::string& challenger = seen.models[f.pair + 1];
    const feedback_account& now = f.account;
    std::string text = spec.name;
    const auto shares = [&](double champion, double challengers) {
        append_percent(text, champion, 1);
        append_all(text, {" of the exposures of ", seen.models[0], " and "});
        append_percent(text, challengers, 1);
        append_all(text, {" of those of ", challenger});
    };
    const auto lost_shares = [&] {
        shares(share_of(now.champion_lost, seen.requests(0)),
               share_of(now.challenger_lost, seen.requests(f.pair + 1)));
    };
    switch (f.missing) {
        case gap::none: text += " is judged"; break;
        case gap::state:
            append_all(text,
                       {" cannot be judged (", to_string(f.answer.state), "): ", explain(f.answer.state)});
            break;
        case gap::no_values: {
            const bool neither = !(now.champion > 0.0) && !(now.challenger > 0.0);
            text += " has never got a value that can be scored from ";
            text += neither ? "either model" : !(now.challenger > 0.0) ? challenger : seen.models[0];
            if (now.lost() > 0) {
                text += "; values that cannot be scored came for ";
                lost_shares();
            }
            break;
        }
        case gap::few_units:
            append_all(text, {" cannot be judged: ", challenger, " has served fewer than "});
            append_count(text, always_valid::burn_in_buckets);
            text += " groups of units";
            break;
        case gap::not_timed:
            append_all(text, {" cannot be judged: too few calls of ", challenger, " were timed"});
            break;
        case gap::stopped: {
            const bool both = now.champion_stopped && now.challenger_stopped;
            text += " hardly gets feedback ";
            if (!both) {
                append_all(text, {"from ", now.champion_stopped ? seen.models[0] : challenger, " "});
            }
            text += "any more: in the last ";
            append_count(text, (now.champion_stopped ? now.champion_quiet : 0) +
                                   (now.challenger_stopped ? now.challenger_quiet : 0));
            text += " of ";
            append_count(text, (now.champion_stopped ? seen.requests(0) : 0) +
                                   (now.challenger_stopped ? seen.requests(f.pair + 1) : 0));
            text += both ? " exposures" : " exposures of this model";
            text += " it came at less than a quarter of the rate before";
            break;
        }
        case gap::lost_by_arm:
        case gap::lost:
            text += " lost values that cannot be scored for ";
            lost_shares();
            text += f.missing == gap::lost_by_arm ? ", and the shares differ by more than chance"
                                                  : ", which could change the verdict";
            break;
        case gap::uneven:
            text += " has feedback for ";
            shares(now.champion, now.challenger);
            text += ", which differ by more than chance";
            break;
        case gap::partly_labelled:
            text += " has feedback for ";
            shares(now.champion, now.challenger);
            text +=
                " only, and exposures without feedback count as 0, so that its margin is not that of labelled exposures: give it .per = per::observed";
            break;
        case gap::failed:
            append_all(text, {" does not measure ", challenger, " where its calls failed ("});
            append_percent(text, share_of(seen.failed(f.pair + 1), seen.requests(f.pair + 1)), 1);
            text += " of them, against ";
            append_percent(text, share_of(seen.failed(0), seen.requests(0)), 1);
            text += "), which could change the verdict: add a guardrail on failures";
            break;
    }
    return text;
}

JOUST_FUNCTION std::string breach_of(const evidence& seen, const judgement& found, const setting& how,
                                     std::size_t pair)
{
    const finding* const breach = found.stopped_by(pair);
    if (breach == nullptr) {
        return {};
    }
    const finding& f = *breach;
    const metric_spec& spec = how.specs[f.metric];
    std::string text = seen.models[pair + 1] + " breaks the guardrail on " + spec.name + " (" +
                       describe(spec.limit, spec.unit) + "): ";
    append_in_unit(text, f.answer.champion, spec.unit);
    text += " -> ";
    append_in_unit(text, f.answer.challenger, spec.unit);
    if (!std::isnan(f.answer.log_e)) {
        text += ", e-value ";
        append_e_value(text, std::exp(f.answer.log_e));
    } else if (!std::isnan(f.answer.p_value)) {
        text += ", p ";
        append_p_value(text, f.answer.p_value);
    } else {
        text += ", posterior probability ";
        append_percent(text, 1.0 - f.answer.posterior_tail, 2);
    }
    return text;
}

}  // namespace detail

#endif

}  // namespace v0
}  // namespace joust
