// SPDX-License-Identifier: Apache-2.0

// Benchmarks of which each file is a run. Repetitions in one process share its luck (where memory lies, what else the machine does),
// so the run is the unit: each has one value, the median of its repetitions.

#include "runs.hpp"

#include <joust/core/text.hpp>
#include <joust/numeric/not_a_number.hpp>
#include <joust/stats/planning/power.hpp>
#include <joust/stats/tests/welch.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

namespace {

namespace stats = joust::stats;

constexpr std::size_t least_runs = 4;

/// The logarithm of the median of a benchmark in each run, and how many repetitions had no time.
struct run_values {
    std::vector<double> logs;
    std::uint64_t lost = 0;
};

[[nodiscard]] run_values values_of(const std::vector<joust::recorded>& runs, const std::string& metric)
{
    run_values out;
    for (const joust::recorded& run : runs) {
        std::vector<double> times;
        for (const joust::recorded::row& row : run.rows) {
            if (run.metrics[row.metric] == metric && row.value > 0.0) {
                times.push_back(row.value);
            }
        }
        for (const joust::recorded::loss& each : run.lost) {
            out.lost += each.metric == metric ? 1U : 0U;
        }
        if (times.empty()) {
            continue;
        }
        std::sort(times.begin(), times.end());
        const std::size_t half = times.size() / 2;
        out.logs.push_back(
            std::log(times.size() % 2 == 1 ? times[half] : 0.5 * (times[half - 1] + times[half])));
    }
    return out;
}

[[nodiscard]] std::string in_percent(double part, int decimals)
{
    std::string out;
    joust::append_percent(out, part, decimals);
    return out;
}

}  // namespace

joust::report judge_runs(const std::vector<joust::recorded>& champion,
                         const std::vector<joust::recorded>& challenger, const std::string& first,
                         const std::string& second, const std::vector<joust::result_margin>& margins,
                         double alpha)
{
    joust::report out;
    out.name = second + " against " + first;
    out.kind = "gate";
    for (const auto& [name, runs] :
         {std::pair{first, champion.size()}, std::pair{second, challenger.size()}}) {
        out.arms.push_back({.model = name, .share = 1.0, .requests = runs, .units = stats::not_a_number});
    }
    std::string broken;
    std::string open;
    std::string detectable;
    for (const joust::result_margin& margin : margins) {
        const run_values one = values_of(champion, margin.metric);
        const run_values two = values_of(challenger, margin.metric);
        const double sign = margin.lower_is_better ? 1.0 : -1.0;
        joust::metric_row row;
        row.metric = margin.metric;
        row.arm = second;
        row.role = "guardrail, at most " + in_percent(margin.margin, 1) +
                   (margin.lower_is_better ? " more" : " less");
        row.method = "Welch's t on the logarithms of the runs' medians";
        row.better = margin.lower_is_better ? -1 : 1;
        row.level = 1.0 - 2.0 * alpha;
        row.reference = 1.0;
        row.margin = 1.0 + sign * margin.margin;
        if (one.lost + two.lost > 0) {
            out.counts.push_back({.what = margin.metric + ": repetitions that failed or have no time",
                                  .count = one.lost + two.lost});
        }
        const stats::moments x{two.logs};
        const stats::moments y{one.logs};
        row.champion = one.logs.empty() ? stats::not_a_number : std::exp(y.mean());
        row.challenger = two.logs.empty() ? stats::not_a_number : std::exp(x.mean());
        row.estimate = row.challenger / row.champion;
        const std::size_t runs = std::min(one.logs.size(), two.logs.size());
        const auto undecided = [&](const std::string& why) {
            open += (open.empty() ? "" : "; ") + margin.metric + ": " + why;
        };
        if (runs < least_runs) {
            row.state = joust::status::too_few;
            out.metrics.push_back(row);
            undecided(std::to_string(runs) + (runs == 1 ? " run" : " runs") + " of one side, and at least " +
                      std::to_string(least_runs) +
                      " of each are needed: repetitions in one process are one run");
            continue;
        }
        const stats::test_result shown = stats::welch_t(x, y, {.alpha = 2.0 * alpha});
        // A regression may be claimed of any metric, so its error rate is divided; a pass asks for all of them.
        const stats::test_result strict =
            stats::welch_t(x, y, {.alpha = 2.0 * alpha / static_cast<double>(margins.size())});
        row.state = shown.state;
        row.lower = std::exp(shown.lower);
        row.upper = std::exp(shown.upper);
        const double edge = std::log(row.margin);
        const bool holds = shown.state == joust::status::ok &&
                           (margin.lower_is_better ? shown.upper < edge : shown.lower > edge);
        const bool breaks = strict.state == joust::status::ok &&
                            (margin.lower_is_better ? strict.lower > edge : strict.upper < edge);
        const double spread = std::sqrt(0.5 * (x.variance() + y.variance()));
        const double found = stats::minimum_detectable_effect(
            stats::mean_design{.sd = spread,
                               .alpha = alpha / static_cast<double>(margins.size()),
                               .alternative = stats::side::greater,
                               .ratio = static_cast<double>(one.logs.size()) /
                                        static_cast<double>(two.logs.size())},
            static_cast<double>(two.logs.size()), 0.8);
        const double seen = std::exp(found + std::log1p(margin.margin)) - 1.0;
        detectable += (detectable.empty() ? "" : ", ") + margin.metric + " " + in_percent(seen, 1);
        if (breaks) {
            broken += (broken.empty() ? "" : "; ") + margin.metric + " x " +
                      joust::to_text(std::round(1000.0 * row.estimate) / 1000.0) + " (" +
                      row.role.substr(11) + ")";
            row.decides = true;
        } else if (!holds) {
            undecided(shown.state == joust::status::ok
                          ? "these runs can show a change of " + in_percent(seen, 1) + " or more"
                          : std::string{joust::explain(shown.state)});
        }
        out.metrics.push_back(row);
    }
    out.decision = !broken.empty() ? joust::verdict::regress
                   : !open.empty() ? joust::verdict::inconclusive
                                   : joust::verdict::pass;
    out.reason = !broken.empty() ? "worse than its margin allows: " + broken
                 : !open.empty() ? open
                                 : "every metric is within its margin";
    out.notes.emplace_back(
        "Each file is a run and counts as one value, the median of its repetitions; values are nanoseconds, differences are ratios.");
    if (!detectable.empty()) {
        out.notes.push_back("With a probability of 80 % these runs would show as a regression a change of: " +
                            detectable + ".");
    }
    return out;
}

}  // namespace cli
