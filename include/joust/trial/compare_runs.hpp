// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/text.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/numeric/not_a_number.hpp>
#include <joust/numeric/student_t.hpp>
#include <joust/report/report.hpp>
#include <joust/report/words.hpp>
#include <joust/report/write.hpp>
#include <joust/stats/moments.hpp>
#include <joust/stats/result.hpp>
#include <joust/store/recorded.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Benchmarks in CI: several runs (processes, or blocks of a random order) of each of two builds.

namespace joust {
inline namespace v0 {

/// State how much worse a metric of the challenger may be, as a part of the champion's level.
struct run_margin {
    /// The name of the metric.
    std::string metric{};
    /// The part of the champion's level, at least 0 and below 1. With 0 the challenger has to be shown to be better.
    double margin = 0.0;
    /// Whether more of the metric is better, as of a throughput.
    bool higher_is_better = false;
};

/// Choose how runs of two builds are compared.
struct compare_options {
    /// The name of the champion in the report.
    std::string champion = "champion";
    /// The name of the challenger in the report.
    std::string challenger = "challenger";
    /// The margins of metrics by name.
    std::vector<run_margin> margins{};
    /// The margin of every other metric of the champion, or NaN to leave the others out.
    double otherwise = stats::not_a_number;
    /// The probability of a pass of a challenger that is worse than a margin allows, and that of a regress of one that is
    /// not, over all metrics together.
    double alpha = 0.05;
    /// Whether run i of both sides was taken in one block, one right after the other in a random order.
    bool blocks = false;
};

/// The least number of runs of each build, or of blocks, that is judged.
struct least_runs {
    /// Runs of each build that belong to no block.
    static constexpr std::size_t apart = 4;
    /// Blocks of one run of each build.
    static constexpr std::size_t in_blocks = 5;
};

/// Describe a comparison of runs for `run_power` and `detectable_change`.
struct run_design {
    /// The standard deviation of the logarithm of a run: about 0.03 where runs of one build spread by 3 %. With blocks it
    /// is that of the difference in a block.
    double spread = stats::not_a_number;
    /// The number of runs of each build, or of blocks.
    double runs = 0.0;
    /// The margin, as a part of the champion's level.
    double margin = 0.0;
    /// The error rate, divided by the number of metrics.
    double alpha = 0.05;
    /// Whether the runs are in blocks.
    bool blocks = false;
};

namespace detail {

/// Return the power of a one-sided t-test: the probability that a non-central t lies above its critical value. The scale is
/// integrated out by the trapezoidal rule, which is exact to many digits for a smooth integrand that vanishes at both ends.
[[nodiscard]] inline double one_sided_t_power(double df, double noncentrality, double alpha) noexcept
{
    const double critical = stats::detail::t_upper_quantile(alpha, df);
    const double reach = 10.0 / std::sqrt(2.0 * df);
    const double low = reach < 1.0 ? 1.0 - reach : 0.0;
    constexpr int steps = 400;
    const double width = (1.0 + reach - low) / steps;
    double power = 0.0;
    double mass = 0.0;
    for (int i = 1; i < steps; ++i) {
        const double scale = low + width * i;
        // The density of chi / sqrt(df), up to a factor.
        const double density = std::exp((df - 1.0) * std::log(scale) - 0.5 * df * (scale * scale - 1.0));
        mass += density;
        power += density * stats::normal_sf(critical * scale - noncentrality);
    }
    return power / mass;
}

}  // namespace detail

/// Return the probability that a metric which grows by a part of its level (0.05 for 5 %) is found to regress, or NaN for a
/// design without a spread above 0 and at least two runs.
[[nodiscard]] inline double run_power(const run_design& design, double change) noexcept
{
    if (!(design.spread > 0.0 && design.runs >= 2.0 && change > -1.0)) {
        return stats::not_a_number;
    }
    const double beyond = std::log1p(change) - std::log1p(design.margin);
    const double error = design.spread * std::sqrt((design.blocks ? 1.0 : 2.0) / design.runs);
    const double df = (design.blocks ? 1.0 : 2.0) * (design.runs - 1.0);
    return detail::one_sided_t_power(df, beyond / error, design.alpha);
}

/// Return the smallest growth of a metric, as a part of its level, that is found to regress with a probability.
[[nodiscard]] inline double detectable_change(const run_design& design, double power = 0.8) noexcept
{
    double low = 0.0;
    double high = 1.0;
    const auto change = [&](double beyond) { return std::expm1(beyond + std::log1p(design.margin)); };
    while (run_power(design, change(high)) < power && high < 64.0) {
        high *= 2.0;
    }
    if (!(run_power(design, change(high)) >= power)) {
        return stats::not_a_number;
    }
    for (int i = 0; i < 60; ++i) {
        const double half = 0.5 * (low + high);
        (run_power(design, change(half)) < power ? low : high) = half;
    }
    return change(high);
}

namespace detail {

/// A metric in the runs of one build: one logarithm for each run that has a value.
struct run_logs {
    std::vector<double> logs;
    std::uint64_t lost = 0;
    bool positive = true;
};

/// Return the logarithm of the median of a metric in each run. A run without the metric is NaN.
[[nodiscard]] inline run_logs logs_of(std::span<const recorded> runs, std::string_view metric)
{
    run_logs out;
    for (const recorded& run : runs) {
        std::vector<double> values;
        for (const recorded::row& row : run.rows) {
            if (run.metrics[row.metric] == metric) {
                values.push_back(row.value);
            }
        }
        for (const recorded::loss& each : run.lost) {
            out.lost += each.metric == metric ? 1U : 0U;
        }
        double log = stats::not_a_number;
        if (!values.empty()) {
            std::sort(values.begin(), values.end());
            const std::size_t half = values.size() / 2;
            const double median = values.size() % 2 == 1
                                      ? values[half]
                                      : values[half - 1] + 0.5 * (values[half] - values[half - 1]);
            out.positive = out.positive && median > 0.0;
            log = median > 0.0 ? std::log(median) : stats::not_a_number;
        }
        out.logs.push_back(log);
    }
    return out;
}

/// Return the number of ways to deal the runs of both builds, which is as many as signs of blocks.
[[nodiscard]] inline double ways_to_deal(double first, double second, bool blocks) noexcept
{
    return blocks ? std::exp2(first)
                  : std::exp(std::lgamma(first + second + 1.0) - std::lgamma(first + 1.0) -
                             std::lgamma(second + 1.0));
}

/// A comparison of two builds by the logarithms of their runs.
struct run_answer {
    stats::test_result found;
    double champion = stats::not_a_number;
    double challenger = stats::not_a_number;
    double spread = stats::not_a_number;
    /// The number of runs of the side that has fewer, or of blocks.
    std::size_t runs = 0;
    /// How many runs or blocks are needed where there are too few.
    std::size_t needed = 0;
};

/// Compare runs that all have the same value on each side: only the order in which they were dealt is random.
inline void compare_constant(run_answer& out, std::size_t first, std::size_t second, double alpha,
                             bool blocks)
{
    stats::test_result& found = out.found;
    const double gap = out.challenger - out.champion;
    found.estimate = gap;
    found.lower = gap;
    found.upper = gap;
    found.p_value = 1.0;
    found.state = status::ok;
    if (std::fabs(gap) > 1e-12) {
        found.p_value = 2.0 / ways_to_deal(static_cast<double>(first), static_cast<double>(second), blocks);
        while (2.0 / ways_to_deal(static_cast<double>(out.needed), static_cast<double>(out.needed), blocks) >
               2.0 * alpha) {
            ++out.needed;
        }
        found.state = found.p_value <= 2.0 * alpha ? status::ok : status::too_few;
    }
}

/// Compare two builds with a two-sided interval at 2 alpha: Welch's t-test of runs, or a paired t-test of blocks.
[[nodiscard]] inline run_answer compare_logs(const run_logs& champion, const run_logs& challenger,
                                             double alpha, bool blocks)
{
    run_answer out;
    std::vector<double> first;
    std::vector<double> second;
    const auto known = [](double log) { return log == log; };
    for (std::size_t i = 0; i < std::max(champion.logs.size(), challenger.logs.size()); ++i) {
        const bool one = i < champion.logs.size() && known(champion.logs[i]);
        const bool two = i < challenger.logs.size() && known(challenger.logs[i]);
        if (one && (two || !blocks)) {
            first.push_back(champion.logs[i]);
        }
        if (two && (one || !blocks)) {
            second.push_back(challenger.logs[i]);
        }
    }
    out.runs = std::min(first.size(), second.size());
    out.needed = blocks ? least_runs::in_blocks : least_runs::apart;
    const stats::moments x{second};
    const stats::moments y{first};
    out.champion = first.empty() ? stats::not_a_number : y.mean();
    out.challenger = second.empty() ? stats::not_a_number : x.mean();
    out.found.method = blocks ? "paired t of the blocks' logarithms" : "Welch's t of the runs' logarithms";
    if (!(champion.positive && challenger.positive)) {
        out.found.state = status::out_of_range;
        return out;
    }
    if (out.runs < out.needed) {
        out.found.state = status::too_few;
        return out;
    }
    double variance = 0.0;
    double df = 0.0;
    if (blocks) {
        stats::moments gaps;
        for (std::size_t i = 0; i < first.size(); ++i) {
            gaps.add(second[i] - first[i]);
        }
        out.spread = std::sqrt(gaps.variance());
        variance = gaps.variance() / static_cast<double>(first.size());
        df = static_cast<double>(first.size()) - 1.0;
    } else {
        const double of_second = x.variance() / static_cast<double>(second.size());
        const double of_first = y.variance() / static_cast<double>(first.size());
        variance = of_second + of_first;
        const double share = variance > 0.0 ? of_second / variance : 0.5;
        df = 1.0 / (share * share / (static_cast<double>(second.size()) - 1.0) +
                    (1.0 - share) * (1.0 - share) / (static_cast<double>(first.size()) - 1.0));
        out.spread = std::sqrt(0.5 * (x.variance() + y.variance()));
    }
    // What is left of logarithms of equal values is rounding.
    if (!(out.spread > 1e-13 * (1.0 + std::fabs(out.champion)))) {
        out.spread = 0.0;
        compare_constant(out, first.size(), second.size(), alpha, blocks);
        return out;
    }
    const double error = std::sqrt(variance);
    const double reach = stats::detail::t_upper_quantile(alpha, df) * error;
    out.found.estimate = out.challenger - out.champion;
    out.found.lower = out.found.estimate - reach;
    out.found.upper = out.found.estimate + reach;
    out.found.p_value = stats::detail::t_two_sided(out.found.estimate / error, df);
    out.found.state = status::ok;
    return out;
}

[[nodiscard]] inline std::string part_in_words(double part)
{
    std::string out;
    append_percent(out, part, part < 0.1 ? 1 : 0);
    return out;
}

/// Return the margins of all metrics that are judged, in the order in which the champion's runs name them.
[[nodiscard]] inline std::vector<run_margin> margins_of(std::span<const recorded> champion,
                                                        const compare_options& how)
{
    std::vector<run_margin> all;
    std::vector<bool> used(how.margins.size());
    const auto take = [&](std::string_view name) {
        for (const run_margin& each : all) {
            if (each.metric == name) {
                return;
            }
        }
        for (std::size_t i = 0; i < how.margins.size(); ++i) {
            if (how.margins[i].metric == name) {
                used[i] = true;
                all.push_back(how.margins[i]);
                return;
            }
        }
        if (how.otherwise == how.otherwise) {
            all.push_back({.metric = std::string{name}, .margin = how.otherwise});
        }
    };
    for (const recorded& run : champion) {
        for (const std::string& name : run.metrics) {
            take(name);
        }
        for (const recorded::loss& each : run.lost) {
            take(each.metric);
        }
    }
    for (std::size_t i = 0; i < used.size(); ++i) {
        if (!used[i]) {
            throw configuration_error("margins", "of '" + how.margins[i].metric + "'",
                                      "metrics that the champion's runs have");
        }
    }
    for (const run_margin& each : all) {
        if (!(each.margin >= 0.0 && each.margin < 1.0)) {
            throw configuration_error("margin of " + each.metric, to_text(each.margin),
                                      "a part of the champion's level, at least 0 and below 1");
        }
    }
    if (all.empty()) {
        throw configuration_error("margins", "none", "a margin for a metric, or one for all others");
    }
    return all;
}

}  // namespace detail

/// Decide whether a challenger may replace the champion by several runs of each, such as processes of a benchmark.
///
/// Each element is one run, and counts as one value of each metric: the median of its rows. Repetitions in one process
/// share the process's luck (where memory lies, what else the machine does), so they are no runs of their own. Levels are
/// compared as ratios, on the scale of logarithms: by Welch's t-test from 4 runs of each build on, and with `blocks` by a
/// paired t-test from 5 blocks on. Where nothing varies, the number of orders in which the runs could have been taken decides.
/// The challenger passes when every metric is shown to keep its margin, and regresses when one is shown not to, at the
/// error rate divided by the number of metrics. Otherwise the verdict is inconclusive, and the reason says how many runs are
/// needed. A note says which change these runs show with a probability of 80 %.
/// assumes: runs of both builds were taken in turns or in a random order, so that a machine that slows down is no difference
/// errors: configuration_error for a margin or an error rate that is not allowed, for a margin of an unknown metric, and
/// for blocks of which one side has more runs
[[nodiscard]] inline report compare_runs(std::span<const recorded> champion,
                                         std::span<const recorded> challenger, const compare_options& how)
{
    if (!(how.alpha > 0.0 && how.alpha < 0.5)) {
        throw configuration_error("alpha", to_text(how.alpha), "an error rate above 0 and below 0.5");
    }
    if (how.blocks && champion.size() != challenger.size()) {
        throw configuration_error(
            "blocks", std::to_string(champion.size()) + " and " + std::to_string(challenger.size()) + " runs",
            "as many runs of the challenger as of the champion");
    }
    const std::vector<run_margin> margins = detail::margins_of(champion, how);
    const double divided = how.alpha / static_cast<double>(margins.size());
    report out;
    out.name = how.challenger + " against " + how.champion;
    out.kind = "gate";
    out.arms.push_back({.model = how.champion,
                        .share = 1.0,
                        .requests = champion.size(),
                        .units = static_cast<double>(champion.size())});
    out.arms.push_back({.model = how.challenger,
                        .share = 1.0,
                        .requests = challenger.size(),
                        .units = static_cast<double>(challenger.size())});
    std::string broken;
    std::string open;
    std::string sees;
    const char* const noun = how.blocks ? "block" : "run";
    for (const run_margin& margin : margins) {
        const detail::run_logs one = detail::logs_of(champion, margin.metric);
        const detail::run_logs two = detail::logs_of(challenger, margin.metric);
        const detail::run_answer at_alpha = detail::compare_logs(one, two, how.alpha, how.blocks);
        const detail::run_answer at_divided = detail::compare_logs(one, two, divided, how.blocks);
        const double sign = margin.higher_is_better ? -1.0 : 1.0;
        const double edge = std::log1p(sign * margin.margin);
        metric_row row;
        row.metric = margin.metric + " (ratio)";
        row.arm = how.challenger;
        row.role = "guardrail, " + std::string{margin.higher_is_better ? ">= " : "<= "} +
                   to_text(1.0 + sign * margin.margin) + " x champion";
        row.better = margin.higher_is_better ? 1 : -1;
        row.margin = 1.0 + sign * margin.margin;
        row.reference = 1.0;
        row.champion = std::exp(at_alpha.champion);
        row.challenger = std::exp(at_alpha.challenger);
        const auto excludes = [&](const detail::run_answer& each) {
            return each.found.state == status::ok &&
                   (margin.higher_is_better ? each.found.upper < edge : each.found.lower > edge);
        };
        const bool breaks = excludes(at_divided);
        // The row shows no limit as crossed that is not at the divided error rate.
        const detail::run_answer& shown = excludes(at_alpha) && !breaks ? at_divided : at_alpha;
        row.level = 1.0 - 2.0 * (&shown == &at_divided ? divided : how.alpha);
        row.method = shown.found.method;
        row.state = shown.found.state;
        row.estimate = std::exp(shown.challenger - shown.champion);
        if (row.state == status::ok) {
            row.lower = std::exp(shown.found.lower);
            row.upper = std::exp(shown.found.upper);
            row.p_value = shown.found.p_value;
        }
        const bool holds =
            at_alpha.found.state == status::ok &&
            (margin.higher_is_better ? at_alpha.found.lower >= edge && at_alpha.found.lower > -1e300
                                     : at_alpha.found.upper <= edge) &&
            (margin.margin > 0.0 || at_alpha.found.lower != at_alpha.found.upper ||
             at_alpha.found.estimate != 0.0);
        row.decides = breaks;
        if (one.lost + two.lost > 0) {
            out.counts.push_back(
                {margin.metric + ": repetitions that failed or have no value", one.lost + two.lost});
        }
        std::string seen;
        if (at_alpha.found.state == status::ok && at_alpha.spread > 0.0) {
            const double change = detectable_change({.spread = at_alpha.spread,
                                                     .runs = static_cast<double>(at_alpha.runs),
                                                     .margin = margin.margin,
                                                     .alpha = divided,
                                                     .blocks = how.blocks});
            seen = detail::part_in_words(change);
            sees += (sees.empty() ? "" : ", ") + margin.metric + " " + seen;
        }
        const bool fails_more = two.lost > one.lost;
        if (breaks) {
            broken += (broken.empty() ? "" : "; ") + margin.metric + " x " +
                      to_text(std::round(1e4 * row.estimate) / 1e4) + " (" +
                      row.role.substr(std::string_view{"guardrail, "}.size()) + ")";
        } else if (!holds || fails_more) {
            std::string why;
            const detail::run_answer& short_of =
                at_alpha.found.state == status::too_few ? at_alpha : at_divided;
            if (short_of.found.state == status::too_few) {
                append_count(why, short_of.runs);
                why += std::string{" "} + noun + (short_of.runs == 1 ? "" : "s") +
                       (how.blocks ? " are too few: at least " : " of a build are too few: at least ");
                append_count(why, short_of.needed);
                why += how.blocks ? " are needed" : " of each are needed";
                why += ", and repetitions in one process are one run";
            } else if (at_alpha.found.state == status::out_of_range) {
                why = "a ratio needs values above 0";
            } else if (at_alpha.found.state != status::ok) {
                why = explain(at_alpha.found.state);
            } else if (fails_more) {
                why = "the challenger has more repetitions without a value than the champion";
            } else {
                const double gap = at_alpha.found.estimate;
                const double reach =
                    margin.higher_is_better ? gap - at_alpha.found.lower : at_alpha.found.upper - gap;
                const double room = std::fabs(edge - gap);
                const double needed =
                    room > 0.0
                        ? std::ceil(static_cast<double>(at_alpha.runs) * (reach / room) * (reach / room))
                        : 0.0;
                why = seen.empty() ? ""
                                   : "these " + std::string{noun} + "s show a change of " + seen + " or more";
                if (needed > static_cast<double>(at_alpha.runs) && needed < 1e6) {
                    why += why.empty() ? "about " : "; about ";
                    append_count(why, static_cast<std::uint64_t>(needed));
                    why += how.blocks ? " blocks" : " runs of each build";
                    why += " would settle it if the difference stays as it is";
                }
            }
            open += (open.empty() ? "" : "; ") + margin.metric + (why.empty() ? "" : " (" + why + ")");
        }
        out.metrics.push_back(std::move(row));
    }
    out.decision = !broken.empty() ? verdict::regress : open.empty() ? verdict::pass : verdict::inconclusive;
    out.reason = !broken.empty() ? "worse than its margin allows: " + broken
                 : open.empty()  ? how.challenger + " is shown to keep every margin"
                                 : "not settled: " + open;
    if (!sees.empty()) {
        out.notes.push_back("With a probability of 80 % these " + std::string{noun} +
                            "s show as a regression a change of " + sees + ", by the spread that they have.");
    }
    out.notes.emplace_back(
        how.blocks ? "The block is the unit: the medians of both builds in one block are compared."
                   : "The run is the unit: of each metric it has one value, the median of its repetitions.");
    return out;
}

}  // namespace v0
}  // namespace joust
