// SPDX-License-Identifier: Apache-2.0

// Analyses the log of an experiment that has been run already. Each line of the log is one observation: one column
// names the arm, and one or more columns hold numbers. The statistics and the report are those of a live trial.

#include <joust/core/text.hpp>
#include <joust/format.hpp>
#include <joust/report/html.hpp>
#include <joust/stats/tests/cluster.hpp>
#include <joust/stats/tests/proportions.hpp>
#include <joust/stats/tests/welch.hpp>
#include <joust/store/csv.hpp>
#include <joust/store/file.hpp>

#include "analyze_options.hpp"

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
#include <utility>
#include <vector>

namespace {

using namespace examples;

/// One line of the file, without the columns that are not used.
struct observation {
    std::string arm;
    std::string cluster;
    std::string unit;
    /// By metric; NaN where the value is missing.
    std::vector<double> values;
};

/// The lines of the file that name an arm, a cluster and a unit, and how many lines do not.
struct observations {
    std::vector<observation> rows;
    std::set<std::string> arms;
    std::uint64_t without_arm = 0;
    std::uint64_t without_cluster = 0;
    std::uint64_t without_unit = 0;
};

/// The values of one metric in one arm, and the number of the cluster of each value.
struct sample {
    std::vector<double> values;
    std::vector<std::uint64_t> clusters;

    [[nodiscard]] std::uint64_t ones() const
    {
        return static_cast<std::uint64_t>(std::count(values.begin(), values.end(), 1.0));
    }
};

/// The file in the form that the tests take.
struct experiment {
    /// The champion is the first one.
    std::vector<std::string> arms;
    /// By metric and by arm.
    std::vector<std::vector<sample>> samples;
    /// By metric: whether all values are 0 or 1.
    std::vector<bool> proportion;
    /// By arm.
    std::vector<std::uint64_t> rows;
    /// By arm; 0 if the command line names no unit.
    std::vector<std::size_t> units;
    std::vector<joust::count_row> dropped;
    std::size_t units_in_several_arms = 0;
    std::size_t clusters = 0;
    std::size_t clusters_in_several_arms = 0;
};

/// Number names in the order in which they come, and remember the arms of each.
class numbered_names {
public:
    std::uint64_t add(const std::string& name, std::size_t arm)
    {
        const auto [entry, is_new] = numbers_.try_emplace(name, arms_.size());
        if (is_new) {
            arms_.emplace_back();
        }
        arms_[entry->second].insert(arm);
        return entry->second;
    }

    [[nodiscard]] std::size_t size() const { return arms_.size(); }

    [[nodiscard]] std::size_t in_arm(std::size_t arm) const
    {
        return count([arm](const std::set<std::size_t>& arms) { return arms.contains(arm); });
    }

    [[nodiscard]] std::size_t in_several_arms() const
    {
        return count([](const std::set<std::size_t>& arms) { return arms.size() > 1; });
    }

private:
    template <class Test>
    [[nodiscard]] std::size_t count(Test test) const
    {
        return static_cast<std::size_t>(std::count_if(arms_.begin(), arms_.end(), test));
    }

    std::map<std::string, std::size_t> numbers_;
    std::vector<std::set<std::size_t>> arms_;
};

/// Return the column of the clusters: the unit, if the command line names no cluster.
const std::string& cluster_column(const analyze_options& given)
{
    return given.cluster.empty() ? given.unit : given.cluster;
}

observations read_observations(const analyze_options& given)
{
    constexpr std::size_t not_given = static_cast<std::size_t>(-1);
    const std::string text = joust::read_file(given.file);
    joust::csv_reader file(text, given.file);
    const auto place = [&](const std::string& name) { return name.empty() ? not_given : file.column(name); };
    const std::size_t arm = place(given.arm);
    const std::size_t cluster = place(cluster_column(given));
    const std::size_t unit = place(given.unit);
    std::vector<std::size_t> metrics;
    for (const std::string& metric : given.metrics) {
        metrics.push_back(place(metric));
    }

    observations out;
    const auto missing = [&](std::size_t column) { return column != not_given && file.missing(column); };
    const auto name = [&](std::size_t column) { return column == not_given ? "" : file.field(column); };
    while (file.next()) {
        observation row{.arm = name(arm), .cluster = name(cluster), .unit = name(unit), .values = {}};
        for (const std::size_t metric : metrics) {
            row.values.push_back(file.number(metric));
            if (std::isinf(row.values.back())) {
                file.refuse(metric, "an infinite value cannot be analysed");
            }
        }
        if (missing(arm)) {
            ++out.without_arm;
            continue;
        }
        out.arms.insert(row.arm);
        if (missing(cluster)) {
            ++out.without_cluster;
        } else if (missing(unit)) {
            ++out.without_unit;
        } else {
            out.rows.push_back(std::move(row));
        }
    }
    return out;
}

/// Return the arms, the champion first.
std::vector<std::string> order_arms(std::set<std::string> names, const analyze_options& given)
{
    if (names.size() < 2) {
        throw std::runtime_error(fmt::format("{}: column \"{}\" names {} arm(s); a comparison needs two",
                                             given.file, given.arm, names.size()));
    }
    if (names.size() > 16) {
        throw std::runtime_error(
            fmt::format("{}: column \"{}\" has {} different values; is it the column of the arms?",
                        given.file, given.arm, names.size()));
    }
    const std::string champion = given.champion.empty() ? *names.begin() : given.champion;
    if (names.erase(champion) == 0) {
        throw std::runtime_error(fmt::format("{}: no row has the arm \"{}\"; the arms are {}", given.file,
                                             champion, fmt::join(names, ", ")));
    }
    std::vector<std::string> arms{champion};
    arms.insert(arms.end(), names.begin(), names.end());
    return arms;
}

/// Count the rows that are not used, each count with its reason.
std::vector<joust::count_row> count_dropped(const observations& from, const analyze_options& given)
{
    std::vector<joust::count_row> dropped;
    const auto add = [&](std::uint64_t count, const std::string& why) {
        if (count > 0) {
            dropped.push_back({.what = why, .count = count});
        }
    };
    add(from.without_arm, "rows without " + given.arm + " (dropped)");
    add(from.without_cluster, "rows without " + cluster_column(given) + " (dropped)");
    add(from.without_unit, "rows without " + given.unit + " (dropped)");
    for (std::size_t m = 0; m < given.metrics.size(); ++m) {
        const auto missing = std::count_if(from.rows.begin(), from.rows.end(),
                                           [m](const observation& row) { return std::isnan(row.values[m]); });
        add(static_cast<std::uint64_t>(missing), "rows without " + given.metrics[m] + " (dropped from it)");
    }
    return dropped;
}

/// Divide the observations by metric and by arm.
experiment divide(const observations& from, const analyze_options& given)
{
    experiment out;
    out.arms = order_arms(from.arms, given);
    out.dropped = count_dropped(from, given);
    out.samples.assign(given.metrics.size(), std::vector<sample>(out.arms.size()));
    out.proportion.assign(given.metrics.size(), true);
    out.rows.resize(out.arms.size());
    numbered_names clusters;
    numbered_names units;
    for (const observation& row : from.rows) {
        const auto arm =
            static_cast<std::size_t>(std::find(out.arms.begin(), out.arms.end(), row.arm) - out.arms.begin());
        const std::uint64_t cluster = row.cluster.empty() ? 0 : clusters.add(row.cluster, arm);
        if (!row.unit.empty()) {
            units.add(row.unit, arm);
        }
        ++out.rows[arm];
        for (std::size_t m = 0; m < row.values.size(); ++m) {
            const double value = row.values[m];
            if (!std::isnan(value)) {
                out.proportion[m] = out.proportion[m] && (value == 0.0 || value == 1.0);
                out.samples[m][arm].values.push_back(value);
                out.samples[m][arm].clusters.push_back(cluster);
            }
        }
    }
    for (std::size_t arm = 0; arm < out.arms.size(); ++arm) {
        out.units.push_back(units.in_arm(arm));
    }
    out.units_in_several_arms = units.in_several_arms();
    out.clusters = clusters.size();
    out.clusters_in_several_arms = clusters.in_several_arms();
    return out;
}

/// The comparison of one challenger with the champion on one metric.
struct comparison {
    std::size_t metric = 0;
    std::size_t arm = 0;
    /// The test that takes every row as independent.
    joust::stats::test_result naive;
    /// The test that allows for clusters, if there are any.
    joust::stats::cluster_result robust;
    /// The p-value adjusted by Holm's method for all comparisons.
    double adjusted_p = 1.0;

    /// Return the test that decides.
    [[nodiscard]] const joust::stats::test_result& decisive(bool clustered) const
    {
        return clustered ? robust : naive;
    }
};

/// Adjust the p-values for the number of comparisons (S. Holm, 1979). A test without enough data has the p-value 1.
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

/// Print counts or means, which a reader can check by hand, and the numbers of the tests.
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

/// Decide by the primary metric and the p-values adjusted for all comparisons.
void decide(joust::report& out, const experiment& seen, const analyze_options& given,
            const std::vector<comparison>& all, bool clustered)
{
    if (given.better == 0) {
        out.reason =
            "no direction is stated (--better), so the differences are described and nothing is decided";
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

/// Say which rows were taken as independent.
void note_dependence(joust::report& out, const experiment& seen, const analyze_options& given)
{
    const std::string& cluster = cluster_column(given);
    if (cluster.empty()) {
        out.notes.emplace_back(
            "Neither --cluster nor --unit is given, so every row is taken as independent. If several rows belong to one person, place or thing, these intervals are too narrow.");
        return;
    }
    out.notes.push_back(fmt::format(
        "The cluster-robust rows were used for the decision (CR2 by {}, {} clusters, Satterthwaite's degrees of freedom). The naive rows take every row as independent and are shown for comparison.",
        cluster, seen.clusters));
    if (seen.clusters_in_several_arms > 0) {
        out.notes.push_back(fmt::format(
            "{} is the cluster, not what was randomised: {} of its {} values have rows in more than one arm.",
            cluster, seen.clusters_in_several_arms, seen.clusters));
    }
    if (seen.units_in_several_arms > 0) {
        out.notes.push_back(fmt::format(
            "Warning: {} values of {} have rows in more than one arm. Either {} is not what was randomised, or the assignment was not kept.",
            seen.units_in_several_arms, given.unit, given.unit));
    }
}

/// Say which p-values are adjusted for the number of comparisons.
void note_comparisons(joust::report& out, const experiment& seen, const analyze_options& given,
                      const std::vector<comparison>& all)
{
    if (all.size() < 2) {
        return;
    }
    std::string adjusted;
    for (const comparison& each : all) {
        adjusted += fmt::format("{}{} {} {}", adjusted.empty() ? "" : ", ", given.metrics[each.metric],
                                seen.arms[each.arm], p_in_words(each.adjusted_p));
    }
    out.notes.push_back(fmt::format(
        "{} comparisons are made. Each interval and each p-value in the table is for one comparison. The p-values adjusted for all of them by Holm's method are: {}.",
        all.size(), adjusted));
}

/// Add the lines of NAME.notes.txt, which tells about NAME.csv what the numbers cannot show.
void note_data(joust::report& out, const analyze_options& given)
{
    std::ifstream notes(given.file.substr(0, given.file.rfind(".csv")) + ".notes.txt");
    for (std::string line; std::getline(notes, line);) {
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
                            .units = static_cast<double>(seen.units[a])});
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
    note_dependence(out, seen, given);
    note_comparisons(out, seen, given, all);
    out.notes.emplace_back(
        "The p-values and intervals hold for one analysis of a sample whose size was fixed beforehand.");
    note_data(out, given);
    return out;
}

int run(const analyze_options& given)
{
    const experiment seen = divide(read_observations(given), given);
    const bool clustered = seen.clusters > 0;
    const std::vector<comparison> all = compare(seen, given, clustered);
    for (const comparison& each : all) {
        print_test(seen, given, each, clustered);
    }
    const joust::report report = report_of(seen, given, all, clustered);
    std::string text = fmt::format("{:t}", report);
    if (given.better == 0) {
        text.erase(0, text.find("\nModels"));  // A description does not begin with a verdict.
    } else {
        fmt::print("\n");
    }
    fmt::print("{}", text);

    if (!given.json.empty()) {
        joust::write_file(given.json, fmt::format("{:j}\n", report));
    }
    if (!given.markdown.empty()) {
        joust::write_file(given.markdown, fmt::format("{:m}", report));
    }
    if (!given.html.empty()) {
        joust::write_file(given.html, joust::html(report, {.title = report.name}));
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
        fmt::print(stderr, "analyze_csv: {} (see --help)\n", error.what());
        return 2;
    } catch (const std::exception& error) {
        fmt::print(stderr, "analyze_csv: {}\n", error.what());
        return 2;
    }
}
