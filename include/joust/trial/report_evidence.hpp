// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/text.hpp>
#include <joust/core/text_list.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/inference/always_valid.hpp>
#include <joust/inference/bayesian.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/inference/hybrid.hpp>
#include <joust/inference/inference.hpp>
#include <joust/metric/guardrail.hpp>
#include <joust/report/report.hpp>
#include <joust/trial/detail/ab_verdict.hpp>
#include <joust/trial/detail/annotate.hpp>
#include <joust/trial/detail/decide.hpp>
#include <joust/trial/detail/describe.hpp>
#include <joust/trial/detail/metric_set.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// Describe a metric whose name is known only at run time.
struct log_metric {
    /// The name.
    std::string name{};
    /// Whether a key counts as 1 from its first value other than 0 on, and as 0 without one. Otherwise values add up.
    bool converts = false;
    /// Whether the metric is divided by the exposures that have a value, and not by all exposures.
    bool per_observed = false;
    /// Whether all values are 0 or 1, so that levels are shown in percent. A log says so itself.
    bool proportion = false;
    /// Which way the metric improves.
    better direction = better::up;
    /// Whether the metric is a guardrail with this limit. The first metric that is none decides.
    bool guards = false;
    /// The limit of a guardrail.
    detail::bound limit{};
    /// Count what comes up to this long after the exposure, and only exposures that are at least as old. It is infinite where there
    /// is no window.
    /// units: seconds
    double matures_after = std::numeric_limits<double>::infinity();

    /// Say whether the metric has a window.
    [[nodiscard]] bool matures() const noexcept { return std::isfinite(matures_after); }
};

/// Choose how the evidence of a log is judged.
enum class log_design : std::uint8_t {
    /// As `always_valid` does.
    always_valid,
    /// As `fixed_horizon` does, with the exposures of the log as the planned sample.
    fixed_horizon,
    /// As `hybrid` does.
    hybrid,
    /// As `bayesian` does.
    bayesian
};

/// Hold what a report on a log needs beside the evidence.
struct log_judgement {
    /// The name of the trial.
    std::string name{};
    /// The error rate.
    double alpha = 0.05;
    /// How the evidence is judged.
    log_design design = log_design::always_valid;
    /// The planned number of exposures, or 0 for the default of the design.
    double units = 0.0;
    /// The name of the champion's arm, or an empty text for the first name in sorted order.
    std::string champion{};
    /// The planned shares of the arms, the champion first and the others in sorted order, for a log without propensities. Without
    /// them the shares of the log are taken.
    std::vector<double> shares{};
};

namespace detail {

/// Judge evidence by metrics that are known only at run time.
class recorded_judge {
public:
    recorded_judge(joust::evidence& seen, const std::vector<log_metric>& metrics, const log_judgement& how)
        : seen_(seen), how_(how)
    {
        if (!(how.alpha > 0.0 && how.alpha < 0.5)) {
            throw configuration_error("alpha", to_text(how.alpha), "an error rate above 0 and below 0.5");
        }
        bool decides = false;
        for (const log_metric& each : metrics) {
            specs_.push_back(spec_of(each, decides));
            decides = decides || !each.guards;
        }
        covariate_ = place_of("covariate");
    }

    [[nodiscard]] report report_on(const std::vector<double>& shares, bool changed)
    {
        setting asked{.specs = specs_, .watches = watches_};
        if (covariate_ < seen_.series.size()) {
            asked.covariate = covariate_;
            asked.special.annotate_covariate = annotate_covariate;
        }
        for (const double share : shares) {
            asked.shares.push_back(share);
        }
        for (std::size_t c = 1; c < shares.size(); ++c) {
            const double s = shares[c] / (shares[0] + shares[c]);
            asked.planned_information_per_exposure =
                std::fmin(asked.planned_information_per_exposure, s * (1.0 - s));
        }
        for (const metric_spec& spec : specs_) {
            if (spec.role == metric_spec::part::guardrail) {
                add_guardrails(asked.special);
                asked.guards_failures = asked.guards_failures || spec.series == failure_series;
            }
        }
        double units = how_.units;
        if (!(units > 0.0)) {
            // A finished log is its own planned sample, that of the smallest pair of arms.
            units = how_.design == log_design::always_valid ? 10'000.0 : std::numeric_limits<double>::max();
            for (const pair_evidence& pair : seen_.pairs) {
                const bucket_sums& served = pair.series[exposure_series];
                units = std::fmin(units,
                                  how_.design == log_design::always_valid
                                      ? units
                                      : static_cast<double>(served.champion_count + served.challenger_count));
            }
            units = std::fmax(units, 1.0);
        }
        switch (how_.design) {
            case log_design::fixed_horizon:
                return judged(fixed_horizon{.alpha = how_.alpha, .units = units}, asked, changed);
            case log_design::hybrid:
                return judged(hybrid{.alpha = how_.alpha, .units = units}, asked, changed);
            case log_design::bayesian:
                return judged(bayesian{.alpha = how_.alpha, .units = units}, asked, changed);
            case log_design::always_valid: break;
        }
        return judged(always_valid{.alpha = how_.alpha, .units = units}, asked, changed);
    }

private:
    /// Return the series of a name, or the number of series.
    [[nodiscard]] std::size_t place_of(std::string_view name) const noexcept
    {
        std::size_t i = 0;
        while (i < seen_.series.size() && seen_.series[i] != name) {
            ++i;
        }
        return i;
    }

    [[nodiscard]] metric_spec spec_of(const log_metric& given, bool decides) const
    {
        metric_spec spec;
        spec.name = given.name;
        spec.series = place_of(given.name);
        if (spec.series == seen_.series.size() || spec.series == exposure_series) {
            std::string names;
            for (std::size_t i = 1; i < seen_.series.size(); ++i) {
                if (seen_.series[i].find(", ") == std::string::npos) {
                    names += (names.empty() ? "" : ", ") + seen_.series[i];
                }
            }
            throw configuration_error("metric", "'" + given.name + "'", "a metric of the evidence: " + names);
        }
        const std::size_t denominator = place_of(given.name + ", denominator");
        const std::size_t feedback = place_of(given.name + ", feedback");
        const std::size_t lost = place_of(given.name + ", not scored");
        const bool divided = denominator < seen_.series.size();
        spec.denominator = divided ? denominator : exposure_series;
        spec.fed = feedback < seen_.series.size() ? feedback : divided ? denominator : exposure_series;
        spec.lost = lost < seen_.series.size() ? lost : exposure_series;
        spec.fed = spec.lost == exposure_series ? exposure_series : spec.fed;
        spec.pairs_amounts = divided && feedback < seen_.series.size();
        spec.memory = spec.series;
        spec.direction = given.direction;
        spec.unit = given.converts || given.proportion || spec.series == failure_series ? "%" : "";
        if (given.guards) {
            spec.role = metric_spec::part::guardrail;
            spec.limit = given.limit;
            spec.direction = given.limit.harm_is_up ? better::down : better::up;
        } else {
            spec.role = decides ? metric_spec::part::secondary : metric_spec::part::primary;
        }
        return spec;
    }

    template <class Policy>
    [[nodiscard]] report judged(const Policy& policy, const setting& asked, bool changed)
    {
        judgement found;
        judge(policy, seen_, asked, nullptr, found);
        report out;
        out.name = how_.name;
        out.kind = "ab_test";
        describe(out, seen_, found, asked);
        decide_ab(out, seen_, found, asked);
        annotate(out, seen_, found, changed, holds_of<Policy>(), asked);
        return out;
    }

    joust::evidence& seen_;
    const log_judgement& how_;
    std::vector<metric_spec> specs_;
    std::vector<event_watch> watches_;
    std::size_t covariate_ = 0;
};

/// Say whether the values of a series other than 0 are all 1, as far as sums with constant shares show it.
[[nodiscard]] inline bool looks_like_proportion(const joust::evidence& seen, std::size_t series)
{
    const pair_evidence& pair = seen.pairs.front();
    const bucket_sums& served = pair.series[exposure_series];
    const bucket_sums& x = pair.series[series];
    double weights[2] = {0.0, 0.0};
    double values[2] = {0.0, 0.0};
    for (std::size_t b = 0; b < x.champion.size(); ++b) {
        weights[0] += served.champion[b];
        weights[1] += served.challenger[b];
        values[0] += x.champion[b];
        values[1] += x.challenger[b];
        if (x.champion[b] < 0.0 || x.challenger[b] < 0.0 ||
            x.champion[b] > served.champion[b] * (1.0 + 1e-9) ||
            x.challenger[b] > served.challenger[b] * (1.0 + 1e-9)) {
            return false;
        }
    }
    if (served.champion_count == 0 || served.challenger_count == 0 || !(weights[0] > 0.0) ||
        !(weights[1] > 0.0)) {
        return false;
    }
    // The champion's sums are of s x, the challenger's of (1 - s) x, and `expected` is s for each value that is not 0.
    const double s = weights[0] / static_cast<double>(served.champion_count);
    const double events = x.expected / s;
    const double total = values[0] / s + values[1] / (1.0 - s);
    return std::fabs(events - total) <= 1e-6 * (1.0 + total);
}

/// Return the shares that served, on average over the champion's exposures, or nothing where it has none.
[[nodiscard]] inline std::vector<double> shares_in(const joust::evidence& seen)
{
    std::vector<double> shares{1.0};
    double all = 1.0;
    for (const pair_evidence& pair : seen.pairs) {
        const bucket_sums& served = pair.series[exposure_series];
        double s = 0.0;
        for (const double each : served.champion) {
            s += each;
        }
        s /= static_cast<double>(served.champion_count);
        if (served.champion_count == 0 || !(s < 1.0)) {
            return {};
        }
        shares.push_back(s / (1.0 - s));
        all += shares.back();
    }
    for (double& share : shares) {
        share /= all;
    }
    return shares;
}

}  // namespace detail

/// Report on evidence whose trial is not there, such as that of snapshots which replicas have left.
///
/// Where no metrics are named, every metric of the evidence is reported, with more as better. The first one decides.
/// errors: configuration_error for a metric that the evidence does not have
/// cost: O(series x buckets)
[[nodiscard]] inline report report_evidence(joust::evidence seen, log_judgement how = {},
                                            std::vector<log_metric> metrics = {})
{
    how.name = how.name.empty() ? seen.trial : how.name;
    if (metrics.empty()) {
        for (std::size_t i = detail::failure_series + 1; i < seen.series.size(); ++i) {
            const std::string& name = seen.series[i];
            if (name.find(", ") == std::string::npos && name != "covariate" && name != "latency") {
                metrics.push_back({.name = name});
            }
        }
    }
    for (log_metric& each : metrics) {
        for (std::size_t i = 0; i < seen.series.size(); ++i) {
            each.proportion =
                each.proportion || (seen.series[i] == each.name && detail::looks_like_proportion(seen, i));
        }
    }
    report out = detail::recorded_judge{seen, metrics, how}.report_on(detail::shares_in(seen), false);
    detail::add_text(
        out.notes,
        "The evidence does not say which way metrics improve or which limits guardrails have; shares are averages over what was served.");
    return out;
}

}  // namespace v0
}  // namespace joust
