// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/style.hpp>
#include <joust/stats/result.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace joust {
inline namespace v0 {

/// What a trial advises to do. A gate answers with the last three.
enum class verdict : std::uint8_t {
    keep_testing,
    ship_challenger,
    keep_champion,
    roll_back,
    pass,
    regress,
    inconclusive
};

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

/// The exit code of a program that a CI job runs: 0 go on, 1 stop, 3 not known yet (2 is left to wrong usage).
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

/// One model of a trial.
struct arm_row {
    std::string model{};
    /// planned share of units now
    double share = 0.0;
    std::uint64_t requests = 0;
    std::uint64_t failures = 0;
    /// distinct units, estimated
    double units = 0.0;
    /// too small a group to be shown, see `suppress_small_groups`
    bool suppressed = false;
    bool operator==(const arm_row&) const = default;
};

/// One metric of one challenger against the champion; estimates are challenger minus champion.
struct metric_row {
    std::string metric{};
    /// the challenger's name
    std::string arm{};
    /// "primary", "guardrail <= +0.01", "secondary", "check"
    std::string role{};
    std::string method{};
    double champion = std::numeric_limits<double>::quiet_NaN();
    double challenger = std::numeric_limits<double>::quiet_NaN();
    double estimate = std::numeric_limits<double>::quiet_NaN();
    double lower = std::numeric_limits<double>::quiet_NaN();
    double upper = std::numeric_limits<double>::quiet_NaN();
    double p_value = std::numeric_limits<double>::quiet_NaN();
    double e_value = std::numeric_limits<double>::quiet_NaN();
    status state = status::too_few;
    /// The edge of what a guardrail allows, in the units of `estimate`; NaN where there is none.
    double margin = std::numeric_limits<double>::quiet_NaN();
    /// The value of `estimate` at which the models do not differ: 0 for a difference, 1 for a ratio; NaN where there is
    /// none (an agreement rate).
    double reference = 0.0;
    /// +1: more is better, -1: less is better, 0: not stated
    int better = 0;
    /// coverage of the interval, such as 0.95
    double level = std::numeric_limits<double>::quiet_NaN();
    /// "%" for a proportion, shown in percent; else put behind numbers: "ms"
    std::string unit{};
    /// too small a group to be shown
    bool suppressed = false;

    /// Compare all fields; two numbers that are not known are the same.
    bool operator==(const metric_row& other) const noexcept
    {
        const auto same = [](double a, double b) { return a == b || (a != a && b != b); };
        return metric == other.metric && arm == other.arm && role == other.role && method == other.method &&
               same(champion, other.champion) && same(challenger, other.challenger) &&
               same(estimate, other.estimate) && same(lower, other.lower) && same(upper, other.upper) &&
               same(p_value, other.p_value) && same(e_value, other.e_value) && state == other.state &&
               same(margin, other.margin) && same(reference, other.reference) && better == other.better &&
               same(level, other.level) && unit == other.unit && suppressed == other.suppressed;
    }
};

/// Latency quantiles of one arm. units: milliseconds
struct latency_row {
    std::string model{};
    std::uint64_t count = 0;
    double p50 = 0.0, p90 = 0.0, p95 = 0.0, p99 = 0.0, p999 = 0.0, max = 0.0;
    /// too small a group to be shown
    bool suppressed = false;
    bool operator==(const latency_row&) const = default;
};

/// The challenger's share from one moment on: a step of a canary's ramp.
struct share_step {
    /// requests served by the trial when the step began
    double requests = 0.0;
    double share = 0.0;
    /// "start", "advance: ...", "roll back: ..."
    std::string reason{};
    bool operator==(const share_step&) const = default;
};

/// Something the trial counted and did not use, or saw and wants known ("foreign tickets", 3).
struct count_row {
    std::string what{};
    std::uint64_t count = 0;
    bool operator==(const count_row&) const = default;
};

/// All a trial knows, as plain values. Writers for text, Markdown, JSON and HTML are beside this file.
struct report {
    /// the trial's salt or name
    std::string name{};
    /// "ab_test", "canary", "interleaving", "shadow", "gate"
    std::string kind{};
    std::vector<arm_row> arms{};
    std::vector<metric_row> metrics{};
    verdict decision = verdict::keep_testing;
    std::string reason{};
    std::vector<latency_row> latencies{};
    std::vector<share_step> shares{};
    std::vector<count_row> counts{};
    /// assumptions and caveats in words, one sentence each
    std::vector<std::string> notes{};

    /// what `{}` prints
    static constexpr style default_style = style::table;

    /// Append the report in one of the styles. Defined in report/write.hpp: include that to call it.
    inline void write(std::string& out, style how = default_style) const;

    bool operator==(const report&) const = default;
};

/// The exit code of the report's verdict.
[[nodiscard]] inline int exit_code(const report& finished) noexcept
{
    return exit_code(finished.decision);
}

}  // namespace v0
}  // namespace joust
