// SPDX-License-Identifier: Apache-2.0

// Analyse an experiment that has been run already, from its log: one line per observation, with a column that
// names the arm and one or more columns of numbers. The same statistics and the same report as a live trial.

#include <joust/core/text.hpp>
#include <joust/format.hpp>
#include <joust/report/html.hpp>
#include <joust/stats/tests/cluster.hpp>
#include <joust/stats/tests/proportions.hpp>
#include <joust/stats/tests/welch.hpp>

#include "analyze_options.hpp"
#include "csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <fstream>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace examples;

/// The observations of one metric in one arm, and the cluster of each as a number.
struct sample {
    std::vector<double> values;
    std::vector<std::uint64_t> clusters;

    [[nodiscard]] std::uint64_t ones() const
    {
        return static_cast<std::uint64_t>(std::count(values.begin(), values.end(), 1.0));
    }
};

/// Everything the file says, in the form that the tests take.
struct experiment {
    /// the champion first
    std::vector<std::string> arms;
    /// by metric, by arm
    std::vector<std::vector<sample>> samples;
    /// by metric: are all values 0 or 1?
    std::vector<bool> proportion;
    /// by arm
    std::vector<std::uint64_t> rows;
    /// by arm; empty where no unit is given
    std::vector<std::set<std::string_view>> units;
    std::vector<joust::count_row> dropped;
    std::uint64_t units_in_several_arms = 0;
    std::size_t clusters = 0;
    std::size_t clusters_in_several_arms = 0;
};

/// Find the arms, the champion first.
std::vector<std::string> arms_of(const csv_table& table, std::size_t column, const analyze_options& given)
{
    std::set<std::string> names;
    for (std::size_t r = 0; r < table.rows(); ++r) {
        if (!table.missing(r, column)) {
            names.emplace(table.cell(r, column));
        }
    }
    if (names.size() < 2) {
        throw csv_error(fmt::format("{}: column \"{}\" names {} arm(s); a comparison needs two", given.file,
                                    given.arm, names.size()));
    }
    if (names.size() > 16) {
        throw csv_error(
            fmt::format("{}: column \"{}\" has {} different values; is it the column of the arms?",
                        given.file, given.arm, names.size()));
    }
    const std::string champion = given.champion.empty() ? *names.begin() : given.champion;
    if (names.erase(champion) == 0) {
        throw csv_error(fmt::format("{}: no row has the arm \"{}\"; there are {}", given.file, champion,
                                    fmt::join(names, ", ")));
    }
    std::vector<std::string> arms{champion};
    arms.insert(arms.end(), names.begin(), names.end());
    return arms;
}

experiment gather(const csv_table& table, const analyze_options& given)
{
    experiment out;
    const std::size_t arm_column = table.column(given.arm);
    out.arms = arms_of(table, arm_column, given);
    out.rows.resize(out.arms.size());
    out.units.resize(out.arms.size());
    std::map<std::string_view, std::size_t> arm_number;
    for (std::size_t a = 0; a < out.arms.size(); ++a) {
        arm_number[out.arms[a]] = a;
    }
    const std::string& cluster_name = given.cluster.empty() ? given.unit : given.cluster;
    const bool clustered = !cluster_name.empty();
    const std::size_t cluster_column = clustered ? table.column(cluster_name) : 0;
    const std::size_t unit_column = given.unit.empty() ? 0 : table.column(given.unit);

    std::map<std::string_view, std::uint64_t> cluster_number;
    std::map<std::string_view, std::set<std::size_t>> arms_of_cluster;
    std::map<std::string_view, std::set<std::size_t>> arms_of_unit;
    std::uint64_t without_arm = 0;
    std::uint64_t without_cluster = 0;
    std::uint64_t without_unit = 0;
    std::vector<std::size_t> used;
    for (std::size_t r = 0; r < table.rows(); ++r) {
        if (table.missing(r, arm_column)) {
            ++without_arm;
        } else if (clustered && table.missing(r, cluster_column)) {
            ++without_cluster;
        } else if (!given.unit.empty() && table.missing(r, unit_column)) {
            ++without_unit;
        } else {
            used.push_back(r);
            const std::size_t arm = arm_number.at(table.cell(r, arm_column));
            ++out.rows[arm];
            if (clustered) {
                const std::string_view name = table.cell(r, cluster_column);
                cluster_number.try_emplace(name, cluster_number.size());
                arms_of_cluster[name].insert(arm);
            }
            if (!given.unit.empty()) {
                const std::string_view name = table.cell(r, unit_column);
                out.units[arm].insert(name);
                arms_of_unit[name].insert(arm);
            }
        }
    }
    const auto dropped = [&](std::uint64_t count, const std::string& why) {
        if (count > 0) {
            out.dropped.push_back({.what = why, .count = count});
        }
    };
    dropped(without_arm, "rows without " + given.arm + " (dropped)");
    dropped(without_cluster, "rows without " + cluster_name + " (dropped)");
    dropped(without_unit, "rows without " + given.unit + " (dropped)");
    const auto several = [](const auto& arms_of_each) {
        return static_cast<std::size_t>(
            std::count_if(arms_of_each.begin(), arms_of_each.end(),
                          [](const auto& each) { return each.second.size() > 1; }));
    };
    out.clusters = cluster_number.size();
    out.clusters_in_several_arms = several(arms_of_cluster);
    out.units_in_several_arms = several(arms_of_unit);

    for (const std::string& metric : given.metrics) {
        const number_column column = table.numbers(metric);
        std::vector<sample> by_arm(out.arms.size());
        std::uint64_t missing = 0;
        bool proportion = true;
        for (const std::size_t r : used) {
            const double value = column.values[r];
            if (std::isnan(value)) {
                ++missing;
                continue;
            }
            proportion = proportion && (value == 0.0 || value == 1.0);
            sample& to = by_arm[arm_number.at(table.cell(r, arm_column))];
            to.values.push_back(value);
            to.clusters.push_back(clustered ? cluster_number.at(table.cell(r, cluster_column)) : 0);
        }
        dropped(missing, "rows without " + metric + " (dropped from it)");
        out.samples.push_back(std::move(by_arm));
        out.proportion.push_back(proportion);
    }
    return out;
}

/// One challenger against the champion on one metric.
struct comparison {
    std::size_t metric = 0;
    std::size_t arm = 0;
    /// every row taken as independent
    joust::stats::test_result naive;
    /// only where there are clusters
    joust::stats::cluster_result robust;
    /// Holm's, over all comparisons
    double adjusted_p = 1.0;

    /// The one that decides.
    [[nodiscard]] const joust::stats::test_result& decisive(bool clustered) const
    {
        return clustered ? robust : naive;
    }
};

/// Adjust p-values for how many there are (S. Holm, 1979); one that may not be believed counts as 1.
void adjust(std::vector<comparison>& all, bool clustered)
{
    std::vector<comparison*> order;
    for (comparison& each : all) {
        order.push_back(&each);
    }
    const auto p = [&](const comparison* each) {
        const auto& test = each->decisive(clustered);
        return test.state == joust::status::ok ? test.p_value : 1.0;
    };
    std::stable_sort(order.begin(), order.end(), [&](const auto* x, const auto* y) { return p(x) < p(y); });
    double highest = 0.0;
    for (std::size_t i = 0; i < order.size(); ++i) {
        highest = std::max(highest, std::min(1.0, p(order[i]) * static_cast<double>(order.size() - i)));
        order[i]->adjusted_p = highest;
    }
}

std::vector<comparison> compare(const experiment& seen, const analyze_options& given, bool clustered)
{
    namespace stats = joust::stats;
    std::vector<comparison> all;
    for (std::size_t m = 0; m < seen.samples.size(); ++m) {
        const sample& y = seen.samples[m][0];
        for (std::size_t a = 1; a < seen.arms.size(); ++a) {
            const sample& x = seen.samples[m][a];
            comparison one;
            one.metric = m;
            one.arm = a;
            one.naive = seen.proportion[m] ? stats::two_proportion_z(x.ones(), x.values.size(), y.ones(),
                                                                     y.values.size(), {.alpha = given.alpha})
                                           : stats::welch_t(x.values, y.values, {.alpha = given.alpha});
            if (clustered) {
                std::vector<double> values = x.values;
                std::vector<std::uint64_t> clusters = x.clusters;
                std::vector<std::uint8_t> in_first(x.values.size(), 1);
                values.insert(values.end(), y.values.begin(), y.values.end());
                clusters.insert(clusters.end(), y.clusters.begin(), y.clusters.end());
                in_first.resize(values.size(), 0);
                one.robust = stats::cluster_robust_t(values, clusters, in_first, {.alpha = given.alpha});
            }
            all.push_back(one);
        }
    }
    adjust(all, clustered);
    return all;
}

double mean_of(const sample& of)
{
    return of.values.empty() ? joust::stats::not_a_number : joust::stats::moments(of.values).mean();
}

std::string p_in_words(double p)
{
    std::string text;
    joust::append_p_value(text, p);
    return text;
}

/// Print what a reader can check by hand: counts or means, and the test's own numbers.
void print_test(const experiment& seen, const analyze_options& given, const comparison& one, bool clustered)
{
    const sample& x = seen.samples[one.metric][one.arm];
    const sample& y = seen.samples[one.metric][0];
    const std::string& metric = given.metrics[one.metric];
    if (seen.proportion[one.metric]) {
        fmt::print("{}: {} {}/{} ({:.2f} %) against {} {}/{} ({:.2f} %)\n", metric, seen.arms[one.arm],
                   x.ones(), x.values.size(), 100.0 * mean_of(x), seen.arms[0], y.ones(), y.values.size(),
                   100.0 * mean_of(y));
        fmt::print("  rows taken as independent: z = {:.3f}, p = {}\n", one.naive.statistic,
                   p_in_words(one.naive.p_value));
    } else {
        fmt::print("{}: {} {:.4g} (mean of {}) against {} {:.4g} (mean of {})\n", metric, seen.arms[one.arm],
                   mean_of(x), x.values.size(), seen.arms[0], mean_of(y), y.values.size());
        fmt::print("  rows taken as independent: {:+.3f} [{:+.3f}, {:+.3f}], t = {:.3f}, p = {}\n",
                   one.naive.estimate, one.naive.lower, one.naive.upper, one.naive.statistic,
                   p_in_words(one.naive.p_value));
    }
    if (clustered) {
        fmt::print(
            "  robust to clusters:        {:+.3f} [{:+.3f}, {:+.3f}], t = {:.3f} with {:.1f} degrees of freedom, p = {}\n",
            one.robust.estimate, one.robust.lower, one.robust.upper, one.robust.statistic, one.robust.df,
            p_in_words(one.robust.p_value));
        fmt::print("  the clusters make the standard error {:.2f} times as large\n",
                   one.robust.standard_error / one.robust.naive_error);
    }
}

/// Decide on the primary metric, by p-values adjusted for all comparisons.
void decide(joust::report& out, const experiment& seen, const analyze_options& given,
            const std::vector<comparison>& all, bool clustered)
{
    if (given.better == 0) {
        out.reason =
            "nothing was to be decided: no direction is stated (--better), so the differences are described only";
        return;
    }
    const std::string by =
        fmt::format("{} (by the {} p-values{})", given.metrics[0], clustered ? "cluster-robust" : "naive",
                    all.size() > 1 ? ", Holm-adjusted" : "");
    const comparison* best = nullptr;
    std::size_t worse = 0;
    for (const comparison& each : all) {
        if (each.metric != 0 || each.adjusted_p > given.alpha) {
            continue;
        }
        const double gain = given.better * each.decisive(clustered).estimate;
        worse += gain < 0.0 ? 1U : 0U;
        if (gain > 0.0 && (best == nullptr || gain > given.better * best->decisive(clustered).estimate)) {
            best = &each;
        }
    }
    if (best != nullptr) {
        out.decision = joust::verdict::ship_challenger;
        out.reason = fmt::format("{} is better than {} on {}", seen.arms[best->arm], seen.arms[0], by);
    } else if (worse + 1 == seen.arms.size()) {
        out.decision = joust::verdict::keep_champion;
        out.reason = fmt::format("every challenger is worse than {} on {}", seen.arms[0], by);
    } else {
        out.reason = fmt::format("no challenger is shown to be better than {} on {}", seen.arms[0], by);
    }
}

joust::metric_row row_for(const experiment& seen, const analyze_options& given, const comparison& one,
                          const joust::stats::test_result& test)
{
    joust::metric_row row;
    row.metric = given.metrics[one.metric];
    row.arm = seen.arms[one.arm];
    row.method = test.method;
    row.champion = mean_of(seen.samples[one.metric][0]);
    row.challenger = mean_of(seen.samples[one.metric][one.arm]);
    row.estimate = test.estimate;
    row.lower = test.lower;
    row.upper = test.upper;
    row.p_value = test.p_value;
    row.state = test.state;
    row.better = given.better;
    row.level = 1.0 - given.alpha;
    row.unit = seen.proportion[one.metric] ? "%" : "";
    return row;
}

/// Say what the numbers rest on.
void annotate(joust::report& out, const experiment& seen, const analyze_options& given,
              const std::vector<comparison>& all)
{
    const std::string& cluster = given.cluster.empty() ? given.unit : given.cluster;
    if (cluster.empty()) {
        out.notes.emplace_back(
            "No --cluster and no --unit is given, so every row is taken as independent. Where several rows belong to one person, place or thing, these intervals are too narrow.");
    } else {
        out.notes.push_back(fmt::format(
            "Used for the decision: the cluster-robust rows (CR2 by {}, {} clusters, Satterthwaite's degrees of freedom). The naive rows take every row as independent and are shown to compare.",
            cluster, seen.clusters));
        if (seen.clusters_in_several_arms > 0) {
            out.notes.push_back(fmt::format(
                "{} is the cluster, not what was randomised: {} of its {} values have rows in more than one arm.",
                cluster, seen.clusters_in_several_arms, seen.clusters));
        }
    }
    if (seen.units_in_several_arms > 0) {
        out.notes.push_back(fmt::format(
            "Warning: {} values of {} have rows in more than one arm, so it was not what was randomised, or the assignment was not kept.",
            seen.units_in_several_arms, given.unit));
    }
    if (all.size() > 1) {
        std::string adjusted;
        for (const comparison& each : all) {
            adjusted += fmt::format("{}{} {} {}", adjusted.empty() ? "" : ", ", given.metrics[each.metric],
                                    seen.arms[each.arm], p_in_words(each.adjusted_p));
        }
        out.notes.push_back(fmt::format(
            "{} comparisons are made. Intervals and p-values in the table are for one comparison each; adjusted for all of them by Holm's method the p-values are: {}.",
            all.size(), adjusted));
    }
    out.notes.emplace_back(
        "P-values and intervals are those of one look at a sample whose size was fixed beforehand.");

    // What only those who made the data can know stands beside the file.
    const std::size_t dot = given.file.rfind(".csv");
    std::ifstream beside(given.file.substr(0, dot) + ".notes.txt");
    for (std::string line; std::getline(beside, line);) {
        if (!line.empty()) {
            out.notes.push_back("About the data: " + line);
        }
    }
}

joust::report report_of(const experiment& seen, const analyze_options& given,
                        const std::vector<comparison>& all, bool clustered)
{
    joust::report out;
    const std::size_t slash = given.file.rfind('/');
    out.name = given.file.substr(slash == std::string::npos ? 0 : slash + 1);
    out.kind = "analysis";
    std::uint64_t rows = 0;
    for (const std::uint64_t each : seen.rows) {
        rows += each;
    }
    for (std::size_t a = 0; a < seen.arms.size(); ++a) {
        out.arms.push_back({.model = seen.arms[a],
                            .share = static_cast<double>(seen.rows[a]) / static_cast<double>(rows),
                            .requests = seen.rows[a],
                            .units = static_cast<double>(seen.units[a].size())});
    }
    for (const comparison& each : all) {
        joust::metric_row row = row_for(seen, given, each, each.decisive(clustered));
        row.role = each.metric == 0 ? "primary" : "secondary";
        out.metrics.push_back(row);
        if (clustered) {
            joust::metric_row naive = row_for(seen, given, each, each.naive);
            naive.role = "naive";
            out.metrics.push_back(naive);
        }
    }
    out.counts = seen.dropped;
    decide(out, seen, given, all, clustered);
    annotate(out, seen, given, all);
    return out;
}

void write_to(const std::string& path, const std::string& text)
{
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    if (!file) {
        throw std::runtime_error(path + ": cannot be written");
    }
}

int run(const analyze_options& given)
{
    const experiment seen = gather(csv_table::read(given.file), given);
    const bool clustered = seen.clusters > 0;
    const std::vector<comparison> all = compare(seen, given, clustered);
    for (const comparison& each : all) {
        print_test(seen, given, each, clustered);
    }
    const joust::report report = report_of(seen, given, all, clustered);
    std::string text = fmt::format("{:t}", report);
    if (given.better == 0) {
        text.erase(0, text.find("\nModels"));  // a description has no verdict to begin with
    } else {
        fmt::print("\n");
    }
    fmt::print("{}", text);

    if (!given.json.empty()) {
        write_to(given.json, fmt::format("{:j}\n", report));
    }
    if (!given.markdown.empty()) {
        write_to(given.markdown, fmt::format("{:m}", report));
    }
    if (!given.html.empty()) {
        write_to(given.html, joust::html(report, {.title = report.name}));
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv)
{
    try {
        const analyze_options given = parse_analyze_options({argv + 1, argv + argc});
        if (given.help) {
            fmt::print("{}", analyze_help);
            return 0;
        }
        return run(given);
    } catch (const usage_error& error) {
        fmt::print(stderr, "analyze_csv: {} (--help says more)\n", error.what());
        return 2;
    } catch (const std::exception& error) {
        fmt::print(stderr, "analyze_csv: {}\n", error.what());
        return 2;
    }
}
