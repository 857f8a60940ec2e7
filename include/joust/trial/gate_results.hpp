// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/text.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/metric/guardrail.hpp>
#include <joust/metric/metric.hpp>
#include <joust/report/report.hpp>
#include <joust/store/recorded.hpp>
#include <joust/trial/detail/gate_verdict.hpp>
#include <joust/trial/detail/metric_set.hpp>
#include <joust/trial/detail/paired_rows.hpp>
#include <joust/trial/detail/recorded_rows.hpp>

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// State the margin of a metric whose name is known only at run time.
struct result_margin {
    /// The name of the metric.
    std::string metric{};
    /// How much worse the challenger may be, above 0: a difference, or a part of the champion's level.
    double margin = 0.0;
    /// Whether the margin is a part of the champion's level.
    bool relative = false;
    /// Whether less of the metric is better.
    bool lower_is_better = false;
};

/// Decide as a gate does by results that were recorded elsewhere, where metrics are known only at run time.
///
/// Cases are paired by id. The verdict is that of `gate::read` with a guardrail for each margin.
/// errors: configuration_error where the results lack a model or a metric, or for a margin that is not above 0
/// cost: O(rows x margins)
[[nodiscard]] inline report gate_results(const recorded& results, const std::string& champion,
                                         const std::string& challenger,
                                         const std::vector<result_margin>& margins, double alpha = 0.05)
{
    if (!(alpha > 0.0 && alpha < 0.5)) {
        throw configuration_error("alpha", to_text(alpha), "an error rate above 0 and below 0.5");
    }
    if (margins.empty()) {
        throw configuration_error("margins", "none", "a margin for each metric that decides, at least one");
    }
    const std::vector<std::string> models{champion, challenger};
    detail::recorded_rows rows{results, champion, challenger};
    for (const std::string& name : models) {
        if (!rows.has_arm(name)) {
            throw configuration_error("results.arms", "without '" + name + "'", "results of both models");
        }
    }
    std::vector<detail::metric_spec> specs;
    detail::gate_rows all;
    for (const result_margin& each : margins) {
        if (!(each.margin > 0.0) || std::isinf(each.margin) || (each.relative && each.margin >= 1.0)) {
            throw configuration_error("margin of " + each.metric, to_text(each.margin),
                                      "a margin above 0, and below 1 where it is a part of the level");
        }
        if (!rows.has_metric(each.metric)) {
            throw configuration_error("results.metrics", "without '" + each.metric + "'",
                                      "results of every metric with a margin");
        }
        detail::metric_spec spec;
        spec.name = each.metric;
        spec.role = detail::metric_spec::part::guardrail;
        spec.series = detail::failure_series + 1 + specs.size();
        const double sign = each.lower_is_better ? 1.0 : -1.0;
        spec.limit = {.harm_is_up = each.lower_is_better,
                      .relative = each.relative,
                      .value = each.relative ? 1.0 + sign * each.margin : sign * each.margin};
        spec.direction = each.lower_is_better ? better::down : better::up;
        detail::paired_column column;
        column.binary = true;
        rows.fill(column, each.metric,
                  [](double value) { return detail::row_answer{value, detail::answer_kind::value}; });
        for (std::size_t i = 0; i < column.champion.size(); ++i) {
            const auto is_binary = [](double x) { return x == 0.0 || x == 1.0; };
            column.binary = column.binary && is_binary(column.champion[i]) && is_binary(column.challenger[i]);
        }
        spec.unit = column.binary ? "%" : "";
        if (column.binary) {
            // Cases without a value count as the worst one, so that they are taken again.
            detail::paired_column again;
            again.worst = each.lower_is_better ? 1.0 : 0.0;
            detail::recorded_rows once_more{results, champion, challenger};
            once_more.fill(again, each.metric, [](double value) {
                return detail::row_answer{value, detail::answer_kind::value};
            });
            column = std::move(again);
        }
        all.count = column.account.offered > all.count ? column.account.offered : all.count;
        all.values.push_back(std::move(column));
        specs.push_back(std::move(spec));
    }
    all.unpaired = rows.unpaired;
    all.repeated = rows.repeated;
    all.tells_failures = rows.tells_failures;
    all.recorded = true;
    all.missing = results.missing;
    all.failed_elsewhere = results.failed;
    std::vector<detail::event_watch> watches;
    if (rows.tells_failures) {
        rows.fill_failures(all.failures);
        detail::metric_spec spec;
        spec.name = "failures";
        spec.role = detail::metric_spec::part::guardrail;
        spec.unit = "%";
        spec.direction = better::down;
        spec.watch = 0;
        watches.emplace_back();
        specs.push_back(std::move(spec));
    }
    const detail::gate_setting how{.models = models,
                                   .specs = specs,
                                   .watches = watches,
                                   .alpha = alpha,
                                   .asked_of_failures = false,
                                   .has_units = false,
                                   .holds = {},
                                   .dependence = " Rows count as independent."};
    std::vector<detail::paired_answers> answers;
    for (std::size_t i = 0; i < margins.size(); ++i) {
        const detail::metric_spec& spec = specs[i];
        const detail::paired_column& values = all.values[i];
        const double ratio = spec.limit.relative ? spec.limit.value : 1.0;
        detail::paired_answers found{detail::compare_paired(values, ratio, how.alpha),
                                     detail::compare_paired(values, ratio, how.divided(spec))};
        detail::check_domain(found, values, spec, how.alpha);
        if (detail::refuse_if_lost(found, values, spec, how, false)) {
            const detail::paired_column worst = detail::with_lost_at_worst(values, spec.limit);
            detail::refuse_unless_kept(found, detail::compare_paired(worst, ratio, how.alpha), values, spec,
                                       how);
        }
        answers.push_back(std::move(found));
    }
    return detail::gate_report(all, answers, how);
}

}  // namespace v0
}  // namespace joust
