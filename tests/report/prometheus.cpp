// SPDX-License-Identifier: Apache-2.0

#include <joust/report/prometheus.hpp>

#include "catch.hpp"
#include "report/sample.hpp"

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

/// Let promtool read a text. Returns its exit code and what it says, or 127 where it is not installed.
int promtool(const std::string& text, std::string& said)
{
    const std::string name = "prometheus_text." + std::to_string(::getpid());
    std::FILE* const file = std::fopen(name.c_str(), "wb");
    REQUIRE(file != nullptr);
    std::fwrite(text.data(), 1, text.size(), file);
    std::fclose(file);
    FILE* const pipe = ::popen(("promtool check metrics <" + name + " 2>&1").c_str(), "r");
    REQUIRE(pipe != nullptr);
    char part[256];
    while (const std::size_t size = std::fread(part, 1, sizeof part, pipe)) {
        said.append(part, size);
    }
    const int how = ::pclose(pipe);
    std::remove(name.c_str());
    return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

}  // namespace

TEST_CASE("a report is a page that Prometheus can scrape")
{
    joust::report shown;
    shown.name = "ranker";
    shown.kind = "canary";
    shown.decision = joust::verdict::roll_back;
    shown.phase = "rolled back";
    shown.arms = {
        {.model = "old", .share = 1.0, .requests = 9'000, .failures = 3, .units = 4'000.5},
        {.model = "a \"b\"\\c\n\xff", .share = 0.0, .requests = 1'000, .failures = 40, .units = 900.0}};
    shown.latencies = {{"old", 8'000, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0}};
    shown.metrics = {{.metric = "failures",
                      .arm = "a \"b\"\\c\n\xff",
                      .role = "guardrail",
                      .method = "exact",
                      .champion = 0.001,
                      .challenger = 0.04,
                      .estimate = 0.039,
                      .lower = 0.02,
                      .upper = sample::endless,
                      .e_value = sample::endless,
                      .state = joust::status::ok,
                      .unit = "%",
                      .e_value_needed = 1.0}};
    shown.counts = {{"foreign tickets", 3}};
    const std::string text = joust::prometheus_text(shown);
    const auto has = [&text](const std::string& line) {
        CAPTURE(line);
        CHECK(('\n' + text).find('\n' + line + '\n') != std::string::npos);
    };
    const std::string challenger = "a \\\"b\\\"\\\\c\xEF\xBF\xBD\xEF\xBF\xBD";
    const std::string labels =
        "{trial=\"ranker\",model=\"" + challenger + "\",metric=\"failures\",role=\"guardrail\"} ";
    has("# HELP joust_share_ratio The planned share of units of a model, from 0 to 1.");
    has("# TYPE joust_share_ratio gauge");
    has("joust_share_ratio{trial=\"ranker\",model=\"old\"} 1");
    has("joust_trial_info{trial=\"ranker\",kind=\"canary\"} 1");
    has("joust_verdict{trial=\"ranker\",verdict=\"roll back\"} 1");
    has("joust_verdict{trial=\"ranker\",verdict=\"keep testing\"} 0");
    has("joust_phase{trial=\"ranker\",phase=\"rolled back\"} 1");
    has("# TYPE joust_requests_total counter");
    has("joust_requests_total{trial=\"ranker\",model=\"" + challenger + "\"} 1000");
    has("joust_failures_total{trial=\"ranker\",model=\"" + challenger + "\"} 40");
    has("joust_units{trial=\"ranker\",model=\"old\"} 4000.5");
    has("# TYPE joust_latency_seconds summary");
    has("joust_latency_seconds{trial=\"ranker\",model=\"old\",quantile=\"0.99\"} 0.004");
    has("joust_latency_seconds_count{trial=\"ranker\",model=\"old\"} 8000");
    has("joust_latency_max_seconds{trial=\"ranker\",model=\"old\"} 0.016");
    has("joust_metric_estimate" + labels + "0.039");
    has("joust_metric_upper" + labels + "+Inf");
    has("joust_metric_log_e" + labels + "+Inf");
    has("joust_metric_log_e_needed" + labels + "0");
    has("joust_counted_total{trial=\"ranker\",what=\"foreign tickets\"} 3");
    // What is not known is left out, and so is a second row with the same labels.
    CHECK(text.find("joust_metric_p_value") == std::string::npos);
    shown.metrics.push_back(shown.metrics.front());
    shown.metrics.back().estimate = 0.5;
    CHECK(joust::prometheus_text(shown) == text);
    std::string said;
    const int code = promtool(text, said);
    CAPTURE(said);
    CHECK((code == 0 || code == 127));
}

TEST_CASE("reports of several trials are one page, with each family once and no small group")
{
    std::vector<joust::report> reports = sample::all();
    for (std::size_t i = 0; i < reports.size(); ++i) {
        reports[i].name += std::to_string(i);
    }
    const std::string text = joust::prometheus_text(reports);
    std::size_t families = 0;
    for (std::size_t at = text.find("# TYPE joust_requests_total "); at != std::string::npos;
         at = text.find("# TYPE joust_requests_total ", at + 1)) {
        ++families;
    }
    CHECK(families == 1);
    for (const joust::report& each : reports) {
        CHECK(text.find(",kind=\"" + each.kind + "\"} 1\n") != std::string::npos);
    }
    std::string said;
    const int code = promtool(text, said);
    CAPTURE(said);
    CHECK((code == 0 || code == 127));
    // Fewer than five units.
    joust::report small;
    small.name = "small";
    small.arms = {{.model = "m", .share = 1.0, .requests = 3, .units = 3.0}};
    CHECK(joust::prometheus_text(small).find("joust_requests_total") == std::string::npos);
    CHECK(joust::prometheus_text(small, 0).find("joust_requests_total{trial=\"small\",model=\"m\"} 3") !=
          std::string::npos);
    CHECK(joust::prometheus_text(std::vector<joust::report>{}).empty());
}
