// SPDX-License-Identifier: Apache-2.0
#pragma once

// What each command of the tool is asked for. The command line fills these in main.cpp, and the other files do the work.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace cli {

/// How results are written.
struct output_options {
    /// "text", "json", "markdown", "junit" or "html": the form on the standard output.
    std::string format = "text";
    /// Files to write as well. Their forms follow from their names, or else from `format`.
    std::vector<std::string> files;
    /// "auto", "always" or "never".
    std::string colour = "auto";
    /// "fail" (exit code 3) or "pass" (0).
    std::string inconclusive = "fail";
    /// Whether nothing is told on the standard error while a command works.
    bool quiet = false;
};

struct metric_options {
    /// "name", "name:up" or "name:down".
    std::vector<std::string> metrics;
    /// The same for metrics that a unit has or has not.
    std::vector<std::string> conversions;
    /// "name=+2%", "name=-0.01".
    std::vector<std::string> guardrails;
};

struct gate_options {
    std::vector<std::string> champion;
    std::vector<std::string> challenger;
    std::string champion_arm;
    std::string challenger_arm;
    /// "name=2%" or "2%" for all.
    std::vector<std::string> margins;
    /// Metrics of which more is better, where the files do not say so.
    std::vector<std::string> higher_is_better;
    std::vector<std::string> lower_is_better;
    std::vector<std::string> only;
    std::string time = "real";
    double alpha = 0.05;
    output_options out;
};

struct analyze_options {
    std::string exposures;
    std::string outcomes;
    metric_options metrics;
    /// "name=7d".
    std::vector<std::string> matures_after;
    std::string until;
    std::string key;
    std::string outcome_key;
    std::string arm;
    std::string propensity;
    std::string time;
    std::string outcome_time;
    std::string time_unit = "s";
    std::string cluster;
    std::string covariate;
    std::string champion;
    std::string name;
    /// "0.9,0.1".
    std::string shares;
    std::string design = "always-valid";
    double alpha = 0.05;
    double units = 0.0;
    bool sorted = false;
    std::string memory = "1G";
    /// Where the evidence goes, or an empty text.
    std::string save;
    output_options out;
};

struct plan_design_options {
    double units_per_day = std::numeric_limits<double>::quiet_NaN();
    double effect = std::numeric_limits<double>::quiet_NaN();
    double baseline = std::numeric_limits<double>::quiet_NaN();
    double sd = std::numeric_limits<double>::quiet_NaN();
    double share = 0.5;
    double alpha = 0.05;
    double power = 0.8;
    double deadline_days = 28.0;
    std::size_t looks = 5;
    std::string looking = "planned";
    output_options out;
};

struct plan_canary_options {
    double requests_per_second = 0.0;
    double units = std::numeric_limits<double>::infinity();
    std::string stages = "0.01,0.05,0.25,0.5,1";
    double failures = 0.001;
    std::string exclude_failures = "0.5%,1.5x";
    double latency = 0.0;
    double quantile = 0.95;
    std::string latency_allowed = "1.1x";
    std::string exclude_latency = "1.2x";
    double alpha = 0.05;
    double beta = 0.05;
    std::size_t rollouts = 1'000;
    std::uint64_t seed = 1;
    output_options out;
};

struct snapshots_options {
    /// Folders or files.
    std::vector<std::string> paths;
    metric_options metrics;
    std::string design = "always-valid";
    double alpha = 0.05;
    double units = 0.0;
    /// Where the merged snapshot goes, or an empty text.
    std::string save;
    output_options out;
};

struct audit_options {
    std::string file;
    std::string key_file;
    std::string head;
    std::string trial;
    std::string tickets;
    output_options out;
};

struct assign_options {
    std::string salt;
    std::vector<std::string> units;
    /// "0.9,0.1".
    std::string shares;
    /// "gbdt,dnn".
    std::string arms;
    output_options out;
};

int run_gate(const gate_options& asked);
int run_analyze(const analyze_options& asked);
int run_plan_design(const plan_design_options& asked);
int run_plan_canary(const plan_canary_options& asked);
int run_snapshots(const snapshots_options& asked);
int run_verify(const audit_options& asked);
int run_replay(const audit_options& asked);
int run_assign(const assign_options& asked);

}  // namespace cli
