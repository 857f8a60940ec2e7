// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/report/prometheus.hpp>
#include <joust/report/report.hpp>
#include <joust/report/suppress.hpp>

#include <cstdint>
#include <functional>
#include <limits>
#include <prometheus/client_metric.h>
#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/metric_type.h>
#include <string>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// Show the reports of trials to prometheus-cpp, beside the other metrics of the program.
///
/// Each scrape asks for the reports anew, in the thread that answers the scrape. Without prometheus-cpp, `prometheus_text(report)` writes
/// the same numbers.
/// shape: `auto shown = std::make_shared<prometheus_collectable>([&live] { return std::vector{live.report()}; });
/// exposer.RegisterCollectable(shown);`. Link `joust::prometheus`.
/// assumes: the callable may be called by any thread, and the exposer forgets the collectable before the trials end
class prometheus_collectable final : public prometheus::Collectable {
public:
    /// Take a callable that returns the reports of all trials to show.
    explicit prometheus_collectable(std::function<std::vector<report>()> reports,
                                    std::uint64_t min_units = default_min_units)
        : reports_(std::move(reports)), min_units_(min_units)
    {
    }

    /// Return the families. prometheus-cpp calls this.
    [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override
    {
        const std::vector<report> reports = reports_();
        std::vector<prometheus::MetricFamily> families;
        for (const prometheus_family& from : prometheus_families(reports, min_units_)) {
            prometheus::MetricFamily& family = families.emplace_back();
            family.name = from.name;
            family.help = from.help;
            family.type = from.type == "counter"   ? prometheus::MetricType::Counter
                          : from.type == "summary" ? prometheus::MetricType::Summary
                                                   : prometheus::MetricType::Gauge;
            for (const prometheus_sample& sample : from.samples) {
                add(family, sample);
            }
        }
        return families;
    }

private:
    static void add(prometheus::MetricFamily& family, const prometheus_sample& sample)
    {
        std::vector<prometheus::ClientMetric::Label> labels;
        double quantile = -1.0;
        for (const auto& [name, value] : sample.labels) {
            if (name == "quantile") {
                quantile = std::stod(value);
            } else {
                labels.push_back({name, value});
            }
        }
        if (family.type == prometheus::MetricType::Summary) {
            // The quantiles of a model follow each other, and then comes their number.
            if (family.metric.empty() || family.metric.back().label != labels) {
                family.metric.emplace_back().label = std::move(labels);
                family.metric.back().summary.sample_sum = std::numeric_limits<double>::quiet_NaN();
            }
            if (quantile >= 0.0) {
                family.metric.back().summary.quantile.push_back({quantile, sample.value});
            } else {
                family.metric.back().summary.sample_count = static_cast<std::uint64_t>(sample.value);
            }
            return;
        }
        prometheus::ClientMetric& metric = family.metric.emplace_back();
        metric.label = std::move(labels);
        (family.type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) =
            sample.value;
    }

    std::function<std::vector<report>()> reports_;
    std::uint64_t min_units_;
};

}  // namespace v0
}  // namespace joust
