// SPDX-License-Identifier: Apache-2.0

// joust gate: may a challenger replace the champion?

#include <joust/core/error.hpp>
#include <joust/core/text.hpp>
#include <joust/store/results.hpp>
#include <joust/store/results_file.hpp>
#include <joust/trial/gate_results.hpp>

#include "output.hpp"
#include "runs.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cli {

namespace {

/// The files of one model.
struct side {
    std::string arm;
    std::vector<joust::recorded> runs{};
    bool timings = false;
};

[[nodiscard]] side read_side(const std::vector<std::string>& files, const std::string& arm,
                             const std::string& otherwise, const std::string& time)
{
    side out{.arm = arm.empty() ? otherwise : arm};
    for (const std::string& file : files) {
        joust::results_file read = joust::read_results_file(
            file, out.arm, time == "cpu" ? joust::benchmark_time::cpu : joust::benchmark_time::real);
        const bool timings = joust::is_timing(read.form);
        if (!out.runs.empty() && timings != out.timings) {
            throw joust::parse_error(file + ": benchmarks and results of rows cannot be judged together");
        }
        out.timings = timings;
        if (read.results.rows.empty() && read.results.lost.empty()) {
            throw joust::parse_error(file + ": has no results");
        }
        const std::vector<std::string>& arms = read.results.arms;
        if (arm.empty() && arms.size() == 1) {
            out.arm = out.runs.empty() ? arms.front() : out.arm;
        }
        if (std::find(arms.begin(), arms.end(), out.arm) == arms.end() && !arms.empty()) {
            std::string names;
            for (const std::string& each : arms) {
                names += (names.empty() ? "" : ", ") + each;
            }
            throw joust::parse_error(file + ": has the arms " + names + "; name one by --" + otherwise +
                                     "-arm");
        }
        out.runs.push_back(std::move(read.results));
    }
    return out;
}

/// Return the results with the arms of two sides under names that differ.
[[nodiscard]] joust::recorded joined(const side& champion, const side& challenger, const std::string& first,
                                     const std::string& second)
{
    joust::recorder_of_results all;
    const auto add = [&all](const side& from, const std::string& name) {
        for (const joust::recorded& run : from.runs) {
            for (const joust::recorded::row& row : run.rows) {
                if (run.arms[row.arm] == from.arm) {
                    all.add(run.ids[row.id], name, run.metrics[row.metric], row.value);
                }
            }
            for (const joust::recorded::loss& each : run.lost) {
                if (each.arm == from.arm) {
                    each.failed ? all.add_failed(each.id, name, each.metric)
                                : all.add_missing(each.id, name, each.metric);
                }
            }
        }
    };
    add(champion, first);
    add(challenger, second);
    return all.take();
}

/// Of several files a side with the same cases, each case has the mean of its values.
[[nodiscard]] side averaged(const side& given)
{
    if (given.runs.size() < 2) {
        return given;
    }
    struct sum {
        double total = 0.0;
        double count = 0.0;
    };
    std::map<std::pair<std::string, std::string>, sum> sums;
    joust::recorder_of_results out;
    for (const joust::recorded& run : given.runs) {
        for (const joust::recorded::row& row : run.rows) {
            if (run.arms[row.arm] == given.arm) {
                sum& into = sums[{run.metrics[row.metric], run.ids[row.id]}];
                into.total += row.value;
                into.count += 1.0;
            }
        }
        for (const joust::recorded::loss& each : run.lost) {
            if (each.arm == given.arm) {
                each.failed ? out.add_failed(each.id, each.arm, each.metric)
                            : out.add_missing(each.id, each.arm, each.metric);
            }
        }
    }
    for (const auto& [name, each] : sums) {
        out.add(name.second, given.arm, name.first, each.total / each.count);
    }
    side all{.arm = given.arm};
    all.runs.push_back(out.take());
    return all;
}

/// The margins of the command line, by metric; the one without a name is for all.
class margin_list {
public:
    explicit margin_list(const std::vector<std::string>& given)
    {
        for (const std::string& each : given) {
            const std::size_t at = each.rfind('=');
            const std::string name = at == std::string::npos ? "" : each.substr(0, at);
            std::string_view text = std::string_view{each}.substr(at == std::string::npos ? 0 : at + 1);
            joust::result_margin margin{.metric = name};
            margin.relative = text.ends_with('%');
            text.remove_suffix(margin.relative ? 1 : 0);
            margin.margin = number_in(text, "--margin " + each) * (margin.relative ? 0.01 : 1.0);
            if (!(margin.margin > 0.0)) {
                throw usage_error("--margin " + each + "; allowed: above 0, such as 2% of the level or 0.01");
            }
            margins_.push_back(margin);
        }
    }

    /// Return the margin of a metric, or nullptr.
    [[nodiscard]] const joust::result_margin* of(const std::string& metric)
    {
        const joust::result_margin* found = nullptr;
        for (std::size_t i = 0; i < margins_.size(); ++i) {
            if (margins_[i].metric == metric) {
                used_.resize(margins_.size());
                used_[i] = true;
                return &margins_[i];
            }
            found = margins_[i].metric.empty() ? &margins_[i] : found;
        }
        return found;
    }

    /// Refuse margins of metrics that the results do not have.
    void check_all_used(const std::vector<std::string>& metrics) const
    {
        for (const joust::result_margin& each : margins_) {
            if (!each.metric.empty() &&
                std::find(metrics.begin(), metrics.end(), each.metric) == metrics.end()) {
                throw joust::parse_error("the results have no metric \"" + each.metric +
                                         "\", which --margin names");
            }
        }
    }

private:
    std::vector<joust::result_margin> margins_;
    std::vector<bool> used_;
};

[[nodiscard]] bool has(const std::vector<std::string>& list, const std::string& name)
{
    return std::find(list.begin(), list.end(), name) != list.end();
}

}  // namespace

int run_gate(const gate_options& asked)
{
    margin_list margins{asked.margins};
    const side champion = read_side(asked.champion, asked.champion_arm, "champion", asked.time);
    const side challenger = read_side(asked.challenger, asked.challenger_arm, "challenger", asked.time);
    if (champion.timings != challenger.timings) {
        throw joust::parse_error(asked.challenger.front() +
                                 ": benchmarks and results of rows cannot be judged together");
    }
    const bool same_name = champion.arm == challenger.arm;
    const std::string first = same_name ? champion.arm + " (champion)" : champion.arm;
    const std::string second = same_name ? challenger.arm + " (challenger)" : challenger.arm;

    // What the champion has is what is judged, in its order.
    std::vector<std::string> metrics;
    for (const joust::recorded& run : champion.runs) {
        for (const std::string& each : run.metrics) {
            if (!has(metrics, each) && (asked.only.empty() || has(asked.only, each))) {
                metrics.push_back(each);
            }
        }
    }
    for (const std::string& each : asked.only) {
        if (!has(metrics, each)) {
            throw joust::parse_error("the champion's results have no metric \"" + each + "\"");
        }
    }
    margins.check_all_used(metrics);
    std::vector<joust::result_margin> all;
    for (const std::string& each : metrics) {
        const joust::result_margin* const given = margins.of(each);
        if (given == nullptr && !champion.timings) {
            throw usage_error(
                "the metric " + each + " has no margin: --margin " + each +
                "=0.01 says how much worse the challenger may be, and --metric leaves others out");
        }
        joust::result_margin margin =
            given != nullptr ? *given : joust::result_margin{.margin = 0.05, .relative = true};
        margin.metric = each;
        margin.lower_is_better =
            has(asked.lower_is_better, each) || (champion.timings && !has(asked.higher_is_better, each));
        all.push_back(std::move(margin));
    }
    joust::report out;
    if (champion.timings) {
        out = judge_runs(champion.runs, challenger.runs, first, second, all, asked.alpha);
    } else {
        out = joust::gate_results(joined(averaged(champion), averaged(challenger), first, second), first,
                                  second, all, asked.alpha);
        if (champion.runs.size() > 1 || challenger.runs.size() > 1) {
            out.notes.emplace_back("Of several files of one model each case has the mean of its values.");
        }
    }
    std::uint64_t only_new = 0;
    for (const joust::recorded& run : challenger.runs) {
        for (const std::string& each : run.metrics) {
            only_new +=
                &run == &challenger.runs.front() && asked.only.empty() && !has(metrics, each) ? 1U : 0U;
        }
    }
    if (only_new > 0) {
        out.counts.push_back(
            {.what = "metrics of the challenger that the champion does not have", .count = only_new});
    }
    return put_reports({&out, 1}, asked.out);
}

}  // namespace cli
