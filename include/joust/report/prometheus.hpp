// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/utf8.hpp>
#include <joust/report/report.hpp>
#include <joust/report/suppress.hpp>
#include <joust/stats/result.hpp>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// Hold one sample of a family of Prometheus metrics.
struct prometheus_sample {
    /// What follows the family's name: "" for a plain sample and a quantile, "_count" for the number of a summary's values.
    std::string suffix{};
    /// The labels: name and value. A value is valid UTF-8 without control characters, and not escaped yet.
    std::vector<std::pair<std::string, std::string>> labels{};
    /// The value.
    double value = 0.0;
    /// Compare all members.
    bool operator==(const prometheus_sample&) const = default;
};

/// Hold a family of Prometheus metrics: one name with its help, its type and its samples.
struct prometheus_family {
    /// The name.
    std::string name{};
    /// What it counts or measures.
    std::string help{};
    /// "gauge", "counter" or "summary".
    std::string type{};
    /// The samples, each with labels of its own.
    std::vector<prometheus_sample> samples{};
};

/// Return the numbers of reports as families of Prometheus metrics. The names of the reports have to differ.
///
/// Numbers that are not known are left out, as are those of small groups. E-values are natural logarithms, since an e-value may be beyond a
/// double. Latencies are in seconds.
[[nodiscard]] std::vector<prometheus_family> prometheus_families(std::span<const report> reports,
                                                                 std::uint64_t min_units = default_min_units);

/// Return reports in the text format of Prometheus, version 0.0.4: the body of an answer to `GET /metrics`. Its content type is
/// `text/plain; version=0.0.4; charset=utf-8`.
///
/// Several trials of one process are given in one call, since a name may come once in a text.
[[nodiscard]] std::string prometheus_text(std::span<const report> reports,
                                          std::uint64_t min_units = default_min_units);

/// Return a report in the text format of Prometheus.
[[nodiscard]] inline std::string prometheus_text(const report& one,
                                                 std::uint64_t min_units = default_min_units)
{
    return prometheus_text(std::span<const report>{&one, 1}, min_units);
}

#if JOUST_BODIES

namespace detail {

/// Collects the samples of each family, in the order of the families' first samples.
class prometheus_page {
public:
    using labels = std::vector<std::pair<std::string, std::string>>;

    /// Add a sample. One that is not known, or whose labels are there already, is left out.
    void add(std::string_view name, std::string_view type, std::string_view help, labels with, double value,
             std::string_view suffix = "")
    {
        if (std::isnan(value)) {
            return;
        }
        for (prometheus_family& family : families_) {
            if (family.name == name) {
                add_to(family, std::move(with), value, suffix);
                return;
            }
        }
        families_.push_back({std::string{name}, std::string{help}, std::string{type}, {}});
        add_to(families_.back(), std::move(with), value, suffix);
    }

    [[nodiscard]] std::vector<prometheus_family> take() noexcept { return std::move(families_); }

private:
    static void add_to(prometheus_family& family, labels with, double value, std::string_view suffix)
    {
        for (auto& [name, text] : with) {
            std::string clean;
            append_clean(clean, text);
            text.swap(clean);
        }
        // A second sample of the same labels would make Prometheus refuse the whole page.
        for (const prometheus_sample& there : family.samples) {
            if (there.suffix == suffix && there.labels == with) {
                return;
            }
        }
        family.samples.push_back({std::string{suffix}, std::move(with), value});
    }

    std::vector<prometheus_family> families_;
};

/// Append the value of a label, escaped.
inline void append_prometheus(std::string& out, std::string_view text)
{
    for (const char c : text) {
        if (c == '\\' || c == '"') {
            out += '\\';
        }
        out += c;
    }
}

inline void append_prometheus(std::string& out, double value)
{
    if (std::isinf(value)) {
        out += value > 0.0 ? "+Inf" : "-Inf";
        return;
    }
    char buffer[64];
    const std::to_chars_result end = std::to_chars(buffer, buffer + sizeof buffer, value);
    out.append(buffer, end.ptr);
}

inline void add_metric_row(prometheus_page& page, const prometheus_page::labels& trial, const metric_row& row)
{
    prometheus_page::labels with = trial;
    with.emplace_back("model", row.arm);
    with.emplace_back("metric", row.metric);
    with.emplace_back("role", row.role);
    const auto gauge = [&](std::string_view name, std::string_view help, double value) {
        page.add(name, "gauge", help, with, value);
    };
    prometheus_page::labels about = with;
    about.emplace_back("method", row.method);
    about.emplace_back("unit", row.unit);
    about.emplace_back("better", row.better > 0 ? "up" : row.better < 0 ? "down" : "");
    page.add("joust_metric_info", "gauge", "How a metric is measured and tested.", std::move(about), 1.0);
    gauge("joust_metric_valid", "Whether the interval and the tests of a metric are valid by now.",
          row.state == status::ok ? 1.0 : 0.0);
    gauge("joust_metric_champion", "The level of a metric for the champion.", row.champion);
    gauge("joust_metric_challenger", "The level of a metric for the challenger.", row.challenger);
    gauge("joust_metric_estimate", "The challenger minus the champion, or their ratio.", row.estimate);
    gauge("joust_metric_lower", "The lower end of the interval of the estimate.", row.lower);
    gauge("joust_metric_upper", "The upper end of the interval of the estimate.", row.upper);
    gauge("joust_metric_margin", "The edge of what a guardrail allows, in the units of the estimate.",
          row.margin);
    gauge("joust_metric_p_value", "The p-value.", row.p_value);
    gauge("joust_metric_log_e", "The natural logarithm of the highest e-value so far.",
          std::log(row.e_value));
    gauge("joust_metric_log_e_needed",
          "The natural logarithm of the e-value from which on a guardrail is broken.",
          std::log(row.e_value_needed));
}

inline void add_report(prometheus_page& page, const report& shown)
{
    const prometheus_page::labels trial{{"trial", shown.name}};
    const auto with = [&trial](std::string_view name, std::string_view value) {
        prometheus_page::labels more = trial;
        more.emplace_back(name, value);
        return more;
    };
    page.add("joust_trial_info", "gauge", "A trial and its kind.", with("kind", shown.kind), 1.0);
    for (const verdict each : {verdict::keep_testing, verdict::ship_challenger, verdict::keep_champion,
                               verdict::roll_back, verdict::pass, verdict::regress, verdict::inconclusive}) {
        page.add("joust_verdict", "gauge", "The verdict of a trial: 1 for the one that holds.",
                 with("verdict", to_string(each)), each == shown.decision ? 1.0 : 0.0);
    }
    if (!shown.phase.empty()) {
        page.add("joust_phase", "gauge", "The phase of a canary: the series of the phase that holds.",
                 with("phase", shown.phase), 1.0);
    }
    for (const arm_row& arm : shown.arms) {
        const prometheus_page::labels model = with("model", arm.model);
        page.add("joust_share_ratio", "gauge", "The planned share of units of a model, from 0 to 1.", model,
                 arm.share);
        if (!arm.suppressed) {
            page.add("joust_requests_total", "counter", "Requests that a model served.", model,
                     static_cast<double>(arm.requests));
            page.add("joust_failures_total", "counter", "Calls of a model that failed.", model,
                     static_cast<double>(arm.failures));
            page.add("joust_units", "gauge", "The estimated number of distinct units that a model served.",
                     model, arm.units);
        }
    }
    for (const latency_row& row : shown.latencies) {
        if (row.suppressed || row.count == 0) {
            continue;
        }
        constexpr std::string_view name = "joust_latency_seconds";
        constexpr std::string_view help = "The time of a call of a model.";
        const std::pair<const char*, double> quantiles[] = {
            {"0.5", row.p50}, {"0.9", row.p90}, {"0.95", row.p95}, {"0.99", row.p99}, {"0.999", row.p999}};
        for (const auto& [q, milliseconds] : quantiles) {
            prometheus_page::labels labels = with("model", row.model);
            labels.emplace_back("quantile", q);
            page.add(name, "summary", help, std::move(labels), 1e-3 * milliseconds);
        }
        page.add(name, "summary", help, with("model", row.model), static_cast<double>(row.count), "_count");
        page.add("joust_latency_max_seconds", "gauge", "The longest time of a call of a model.",
                 with("model", row.model), 1e-3 * row.max);
    }
    for (const metric_row& row : shown.metrics) {
        add_metric_row(page, trial, row);
    }
    for (const exclusion_row& row : shown.exclusions) {
        page.add("joust_harm_excluded", "gauge", "Whether the harm that this stage allows is excluded.",
                 with("guardrail", row.guardrail), row.excluded ? 1.0 : 0.0);
    }
    if (shown.course.taken() > 0) {
        page.add("joust_looks_total", "counter", "Looks that a trial took at its evidence.", trial,
                 static_cast<double>(shown.course.taken()));
    }
    for (const count_row& row : shown.counts) {
        page.add("joust_counted_total", "counter", "What a trial counted beside its evidence.",
                 with("what", row.what), static_cast<double>(row.count));
    }
}

}  // namespace detail

JOUST_FUNCTION std::vector<prometheus_family> prometheus_families(std::span<const report> reports,
                                                                  std::uint64_t min_units)
{
    detail::prometheus_page page;
    for (const report& each : reports) {
        detail::add_report(page, suppress_small_groups(each, min_units));
    }
    return page.take();
}

JOUST_FUNCTION std::string prometheus_text(std::span<const report> reports, std::uint64_t min_units)
{
    std::string out;
    for (const prometheus_family& family : prometheus_families(reports, min_units)) {
        out += "# HELP " + family.name + ' ' + family.help + "\n# TYPE " + family.name + ' ' + family.type +
               '\n';
        for (const prometheus_sample& sample : family.samples) {
            out += family.name + sample.suffix;
            char before = '{';
            for (const auto& [name, value] : sample.labels) {
                out += before + name + "=\"";
                detail::append_prometheus(out, value);
                out += '"';
                before = ',';
            }
            out += before == ',' ? "} " : " ";
            detail::append_prometheus(out, sample.value);
            out += '\n';
        }
    }
    return out;
}

#endif

}  // namespace v0
}  // namespace joust
