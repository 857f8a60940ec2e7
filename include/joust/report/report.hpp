// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/style.hpp>
#include <joust/report/course.hpp>
#include <joust/stats/result.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace joust {
inline namespace v0 {

/// Say what a trial advises. The last three are the verdicts of a gate.
enum class verdict : std::uint8_t {
    /// There is no decision yet.
    keep_testing,
    /// The challenger should serve.
    ship_challenger,
    /// The champion should stay.
    keep_champion,
    /// The challenger does harm and should be taken out of service.
    roll_back,
    /// The challenger is not worse than allowed.
    pass,
    /// The challenger is worse than allowed.
    regress,
    /// The data do not show whether the challenger is worse.
    inconclusive
};

/// Return the name of a verdict as reports show it.
[[nodiscard]] constexpr std::string_view to_string(verdict decision) noexcept
{
    switch (decision) {
        case verdict::keep_testing: return "keep testing";
        case verdict::ship_challenger: return "ship challenger";
        case verdict::keep_champion: return "keep champion";
        case verdict::roll_back: return "roll back";
        case verdict::pass: return "pass";
        case verdict::regress: return "regress";
        case verdict::inconclusive: return "inconclusive";
    }
    return "unknown";
}

/// Return the exit code of a program that a CI job runs: 0 to continue, 1 to stop, 3 if it is not known yet. Programs
/// use 2 for wrong usage.
[[nodiscard]] constexpr int exit_code(verdict decision) noexcept
{
    switch (decision) {
        case verdict::roll_back:
        case verdict::regress: return 1;
        case verdict::inconclusive: return 3;
        case verdict::keep_testing:
        case verdict::ship_challenger:
        case verdict::keep_champion:
        case verdict::pass: return 0;
    }
    return 1;
}

/// Hold one model of a trial.
struct arm_row {
    /// The name of the model.
    std::string model{};
    /// The planned share of units at the time of the report.
    double share = 0.0;
    /// The number of requests that the arm served.
    std::uint64_t requests = 0;
    /// The number of calls that failed.
    std::uint64_t failures = 0;
    /// The estimated number of distinct units.
    double units = 0.0;
    /// Whether the group is too small to be shown; see `suppress_small_groups`.
    bool suppressed = false;
    /// Compare all members.
    bool operator==(const arm_row&) const = default;
};

/// Hold one metric of one challenger against the champion. Estimates are challenger minus champion.
struct metric_row {
    /// The name of the metric.
    std::string metric{};
    /// The name of the challenger.
    std::string arm{};
    /// The role of the metric: "primary", "guardrail <= +0.01", "secondary", "check".
    std::string role{};
    /// The method of the interval and the tests.
    std::string method{};
    /// The level of the champion.
    double champion = std::numeric_limits<double>::quiet_NaN();
    /// The level of the challenger.
    double challenger = std::numeric_limits<double>::quiet_NaN();
    /// The difference of the levels, or their ratio.
    double estimate = std::numeric_limits<double>::quiet_NaN();
    /// The lower end of the interval, which may be infinite.
    double lower = std::numeric_limits<double>::quiet_NaN();
    /// The upper end of the interval, which may be infinite.
    double upper = std::numeric_limits<double>::quiet_NaN();
    /// The p-value, or NaN if the method has none.
    double p_value = std::numeric_limits<double>::quiet_NaN();
    /// The e-value, or NaN if the method has none.
    double e_value = std::numeric_limits<double>::quiet_NaN();
    /// Whether the interval and the tests are valid, and if not, why.
    status state = status::too_few;
    /// The edge of what a guardrail allows, in the units of `estimate`, or NaN without a guardrail.
    double margin = std::numeric_limits<double>::quiet_NaN();
    /// The value of `estimate` at which the models do not differ: 0 for a difference, 1 for a ratio, NaN for a plain
    /// measurement such as an agreement rate.
    double reference = 0.0;
    /// Which way the metric improves: +1 if more is better, -1 if less is better, 0 if it is not known.
    int better = 0;
    /// The coverage of the interval, such as 0.95.
    double level = std::numeric_limits<double>::quiet_NaN();
    /// The unit: "%" for a proportion, which is shown in percent; any other unit, such as "ms", follows the numbers.
    std::string unit{};
    /// Whether the group is too small to be shown.
    bool suppressed = false;
    /// The share of the champion's exposures that brought feedback on the metric, or NaN where the metric takes none.
    double champion_feedback = std::numeric_limits<double>::quiet_NaN();
    /// The same share of the challenger's exposures.
    double challenger_feedback = std::numeric_limits<double>::quiet_NaN();
    /// Of a guardrail: "exact" where its error rate holds for every number of units, "asymptotic" where it holds in the limit
    /// of many; empty for other rows.
    std::string validity{};
    /// Of a guardrail: the e-value at this look alone, or NaN if the method has none. `e_value` is the highest so far.
    double e_value_now = std::numeric_limits<double>::quiet_NaN();
    /// Of a guardrail: the e-value from which on it is broken, or NaN if the method has no e-value.
    double e_value_needed = std::numeric_limits<double>::quiet_NaN();
    /// Whether this guardrail stops the challenger.
    bool decides = false;

    /// Compare all members. Two numbers that are NaN are equal.
    bool operator==(const metric_row& other) const noexcept
    {
        const auto same = [](double a, double b) { return a == b || (a != a && b != b); };
        return metric == other.metric && arm == other.arm && role == other.role && method == other.method &&
               same(champion, other.champion) && same(challenger, other.challenger) &&
               same(estimate, other.estimate) && same(lower, other.lower) && same(upper, other.upper) &&
               same(p_value, other.p_value) && same(e_value, other.e_value) && state == other.state &&
               same(margin, other.margin) && same(reference, other.reference) && better == other.better &&
               same(level, other.level) && unit == other.unit && suppressed == other.suppressed &&
               same(champion_feedback, other.champion_feedback) &&
               same(challenger_feedback, other.challenger_feedback) && validity == other.validity &&
               same(e_value_now, other.e_value_now) && same(e_value_needed, other.e_value_needed) &&
               decides == other.decides;
    }
};

/// Hold the latency quantiles of one arm.
/// units: milliseconds
struct latency_row {
    /// The name of the model.
    std::string model{};
    /// The number of timed calls.
    std::uint64_t count = 0;
    /// The median.
    double p50 = 0.0;
    /// The 90th percentile.
    double p90 = 0.0;
    /// The 95th percentile.
    double p95 = 0.0;
    /// The 99th percentile.
    double p99 = 0.0;
    /// The 99.9th percentile.
    double p999 = 0.0;
    /// The longest time.
    double max = 0.0;
    /// Whether the group is too small to be shown.
    bool suppressed = false;

    /// Say whether there are calls enough for an interval of this quantile: with fewer, the largest of all calls may be
    /// below it with a probability of more than 2.5 %. It takes 367 calls for the 99th percentile and 3,688 for the 99.9th.
    [[nodiscard]] bool enough_for(double q) const noexcept
    {
        return q >= 1.0 || static_cast<double>(count) >= std::log(0.025) / std::log(q);
    }
    /// Compare all members.
    bool operator==(const latency_row&) const = default;
};

/// Hold the challenger's share from one moment on: a step of the ramp of a canary.
struct share_step {
    /// How many requests the trial had served when the step began.
    double requests = 0.0;
    /// The share of the challenger.
    double share = 0.0;
    /// Why the step was taken: "start", "advance: ...", "roll back: ...".
    std::string reason{};
    /// Compare all members.
    bool operator==(const share_step&) const = default;
};

/// Hold what a canary has shown of the harm of one guardrail. Increases are challenger minus champion and negative where less of
/// the metric is worse, ratios are challenger / champion, and NaN means that the kind of number is not used.
struct exclusion_row {
    /// The guardrail's metric.
    std::string guardrail{};
    /// The unit of increases: "%" for a proportion.
    std::string unit{};
    /// The harm that is excluded by now: an increase from here on.
    double excluded_increase = std::numeric_limits<double>::quiet_NaN();
    /// The harm that is excluded by now: a ratio from here on.
    double excluded_ratio = std::numeric_limits<double>::quiet_NaN();
    /// The harm that this stage has to exclude.
    double stage_increase = std::numeric_limits<double>::quiet_NaN();
    /// The harm that this stage has to exclude, as a ratio.
    double stage_ratio = std::numeric_limits<double>::quiet_NaN();
    /// The harm that has to be excluded before promotion.
    double needed_increase = std::numeric_limits<double>::quiet_NaN();
    /// The harm that has to be excluded before promotion, as a ratio.
    double needed_ratio = std::numeric_limits<double>::quiet_NaN();
    /// Whether the harm of the stage is excluded.
    bool excluded = false;
    /// What limits the proof: "requests", "units", "feedback", "at the margin", or nothing.
    std::string limited_by{};
    /// About how many more requests of the challenger the stage needs, or NaN where more requests do not help.
    double more_requests = std::numeric_limits<double>::quiet_NaN();
    /// What is excluded, what is needed, what limits it and what would help, in words.
    std::string words{};

    /// Compare all members. Two numbers that are NaN are equal.
    bool operator==(const exclusion_row& other) const noexcept
    {
        const auto same = [](double a, double b) { return a == b || (a != a && b != b); };
        return guardrail == other.guardrail && unit == other.unit &&
               same(excluded_increase, other.excluded_increase) &&
               same(excluded_ratio, other.excluded_ratio) && same(stage_increase, other.stage_increase) &&
               same(stage_ratio, other.stage_ratio) && same(needed_increase, other.needed_increase) &&
               same(needed_ratio, other.needed_ratio) && excluded == other.excluded &&
               limited_by == other.limited_by && same(more_requests, other.more_requests) &&
               words == other.words;
    }
};

/// Hold a number of things that the trial counted but did not use, or that the reader should know ("foreign tickets",
/// 3).
struct count_row {
    /// What was counted.
    std::string what{};
    /// How many there were.
    std::uint64_t count = 0;
    /// Compare all members.
    bool operator==(const count_row&) const = default;
};

/// Hold everything that a trial knows, as plain values. The headers beside this one write it as text, Markdown, JSON,
/// HTML and JUnit XML.
struct report {
    /// The name of the trial, which is its salt if it has one.
    std::string name{};
    /// The kind of trial: "ab_test", "canary", "interleaving", "shadow", "gate".
    std::string kind{};
    /// The models, the champion first.
    std::vector<arm_row> arms{};
    /// The metrics of each challenger.
    std::vector<metric_row> metrics{};
    /// What the trial advises.
    verdict decision = verdict::keep_testing;
    /// The reason of the verdict in words.
    std::string reason{};
    /// The latencies of the models.
    std::vector<latency_row> latencies{};
    /// The steps of the ramp of a canary.
    std::vector<share_step> shares{};
    /// The phase of a canary: "running", "held", "promoted" and others of `canary_phase`.
    std::string phase{};
    /// What a canary has shown of the harm of each guardrail.
    std::vector<exclusion_row> exclusions{};
    /// The looks at the trial so far, which its report adds to.
    joust::course course{};
    /// What was counted but not used.
    std::vector<count_row> counts{};
    /// Assumptions and limits of the numbers, one sentence each.
    std::vector<std::string> notes{};

    /// The style of `{}`.
    static constexpr style default_style = style::table;

    /// Append the report in one of the styles. It is defined in report/write.hpp; include that header to call it.
    JOUST_FUNCTION void write(std::string& out, style how = default_style) const;

    /// Compare all members.
    bool operator==(const report&) const = default;
};

/// Return the exit code of the verdict of a report.
[[nodiscard]] inline int exit_code(const report& finished) noexcept
{
    return exit_code(finished.decision);
}

}  // namespace v0
}  // namespace joust
