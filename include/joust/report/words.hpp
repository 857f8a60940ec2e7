// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/text.hpp>
#include <joust/report/report.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {

namespace detail {

/// Call `visit(milliseconds, enough)` for each quantile of a row of latencies and for the longest time, where `enough` says whether
/// there are calls enough for it.
template <class Visit>
void for_quantiles(const latency_row& row, Visit&& visit)
{
    constexpr double levels[] = {0.5, 0.9, 0.95, 0.99, 0.999, 1.0};
    const double values[] = {row.p50, row.p90, row.p95, row.p99, row.p999, row.max};
    for (std::size_t i = 0; i < sizeof levels / sizeof *levels; ++i) {
        visit(values[i], row.enough_for(levels[i]));
    }
}

/// Append a latency, or that there are too few calls for it.
inline void append_latency(std::string& out, double milliseconds, bool enough)
{
    if (enough) {
        append_duration(out, 1e6 * milliseconds);
    } else {
        out += "too few";
    }
}

}  // namespace detail

/// Say in one sentence what a verdict asks of the reader.
[[nodiscard]] constexpr std::string_view explain(verdict decision) noexcept
{
    switch (decision) {
        case verdict::keep_testing: return "No decision yet: let the trial go on.";
        case verdict::ship_challenger: return "The challenger should serve.";
        case verdict::keep_champion: return "The champion should stay.";
        case verdict::roll_back: return "Take the challenger out of service.";
        case verdict::pass: return "The challenger may go on.";
        case verdict::regress: return "The challenger is worse than allowed.";
        case verdict::inconclusive: return "The data do not settle whether the challenger is worse.";
    }
    return "";
}

/// Say in one sentence what the verdict of a kind of trial asks of the reader. Users have never seen the answers of a
/// shadowed challenger, so that a better one is ready for a trial that serves it.
[[nodiscard]] constexpr std::string_view explain(verdict decision, std::string_view kind) noexcept
{
    return decision == verdict::ship_challenger && kind == "shadow" ? "The challenger is ready for a canary."
                                                                    : explain(decision);
}

/// Say in one sentence what a status means for the reader of a report.
[[nodiscard]] constexpr std::string_view explain(status state) noexcept
{
    switch (state) {
        case status::ok: return "the numbers are valid at the stated level";
        case status::too_few: return "there are not enough observations or events to say anything yet";
        case status::burn_in: return "the sequential method has not reached its minimum of data yet";
        case status::zero_variance: return "every observation is the same, so there is no interval";
        case status::out_of_range: return "a value is outside the range of the method";
        case status::srm_failed: return "traffic was not split as planned, so no comparison can be trusted";
        case status::few_clusters: return "there are too few clusters of units for a valid interval";
        case status::low_overlap: return "the models hardly served comparable requests";
        case status::before_planned_sample:
            return "a fixed-horizon result is given only at its planned sample";
        case status::no_contemporary_champion:
            return "the champion serves no requests now, so nothing can be compared";
        case status::incomplete:
            return "so many answers are missing that the others do not speak for all rows";
        case status::not_converged:
            return "a number could not be computed, because a search did not converge";
    }
    return "";
}

/// Say where the interval of a metric row lies.
enum class standing : std::uint8_t {
    /// There is no valid interval.
    unknown,
    /// The interval contains the point of no difference.
    undecided,
    /// The whole interval lies on the better side.
    better,
    /// The whole interval lies on the worse side.
    worse,
    /// The whole interval lies on one side, but the metric does not say which side is better.
    different,
    /// The whole interval lies inside the limit of the guardrail.
    within_margin,
    /// The whole interval lies outside the limit of the guardrail.
    beyond_margin,
    /// The interval contains the limit of the guardrail.
    on_margin,
    /// No harm is shown, for a guardrail that allows none or whose limit cannot be drawn.
    unbroken,
    /// The row is a plain measurement and is compared with nothing.
    measured
};

/// Return the name of a standing as reports show it.
[[nodiscard]] constexpr std::string_view to_string(standing where) noexcept
{
    switch (where) {
        case standing::unknown: return "unknown";
        case standing::undecided: return "no difference shown";
        case standing::better: return "challenger better";
        case standing::worse: return "challenger worse";
        case standing::different: return "different";
        case standing::within_margin: return "within margin";
        case standing::beyond_margin: return "beyond margin";
        case standing::on_margin: return "margin not settled";
        case standing::unbroken: return "no breach shown";
        case standing::measured: return "measured";
    }
    return "unknown";
}

namespace detail {

[[nodiscard]] constexpr bool known(double value) noexcept
{
    return value == value;
}

/// Does harm lie above the margin, and not below it?
[[nodiscard]] constexpr bool harm_is_above(const metric_row& row) noexcept
{
    const double from = known(row.reference) ? row.reference : 0.0;
    return row.better < 0 || (row.better == 0 && row.margin >= from);
}

/// Does the e-value of a guardrail show harm beyond its margin, at the error rate of its row?
[[nodiscard]] constexpr bool shown_harmful(const metric_row& row) noexcept
{
    return known(row.e_value) && known(row.level) && row.e_value * (1.0 - row.level) >= 1.0;
}

/// Is the estimate the ratio of the challenger's level to the champion's, which has no unit?
[[nodiscard]] constexpr bool shows_ratio(const metric_row& row) noexcept
{
    return row.reference == 1.0;
}

}  // namespace detail

/// Return where the interval of a metric row lies.
[[nodiscard]] constexpr standing standing_of(const metric_row& row) noexcept
{
    if (row.suppressed || row.state != status::ok) {
        return standing::unknown;
    }
    const bool interval = detail::known(row.lower) && detail::known(row.upper);
    const bool guards = std::string_view{row.role}.starts_with("guardrail");
    if (guards && (!interval || !detail::known(row.margin))) {
        // The e-value of a guardrail is evidence of harm beyond its margin, also if the margin is a ratio.
        if (!detail::known(row.e_value) || !detail::known(row.level)) {
            return standing::unknown;
        }
        return detail::shown_harmful(row) ? standing::beyond_margin : standing::unbroken;
    }
    // One-sided evidence may show harm a little before the two-sided interval leaves the margin.
    if (guards && detail::shown_harmful(row)) {
        return standing::beyond_margin;
    }
    if (!interval) {
        return standing::unknown;
    }
    if (detail::known(row.margin)) {
        const bool above = detail::harm_is_above(row);
        if (above ? row.upper <= row.margin : row.lower >= row.margin) {
            return standing::within_margin;
        }
        if (above ? row.lower > row.margin : row.upper < row.margin) {
            return standing::beyond_margin;
        }
        // No number of requests can show that there is no increase at all. They can only fail to show harm.
        return row.margin == row.reference ? standing::unbroken : standing::on_margin;
    }
    if (!detail::known(row.reference)) {
        return standing::measured;
    }
    const int side = row.lower > row.reference ? 1 : row.upper < row.reference ? -1 : 0;
    if (side == 0) {
        return standing::undecided;
    }
    return row.better == 0 ? standing::different : side == row.better ? standing::better : standing::worse;
}

namespace detail {

/// Return the name of a kind of trial as reports show it.
[[nodiscard]] constexpr std::string_view kind_in_words(std::string_view kind) noexcept
{
    constexpr std::string_view names[][2] = {{"ab_test", "A/B test"},
                                             {"canary", "Canary"},
                                             {"shadow", "Shadow"},
                                             {"interleaving", "Interleaving"},
                                             {"gate", "Gate"}};
    for (const auto& name : names) {
        if (kind == name[0]) {
            return name[1];
        }
    }
    return kind;
}

/// Are the interval and the tests of a row valid, and may they be shown?
[[nodiscard]] constexpr bool valid(const metric_row& row) noexcept
{
    return row.state == status::ok && !row.suppressed;
}

/// Return the status of a row in words, or what its interval shows if the status is ok.
[[nodiscard]] constexpr std::string_view state_in_words(const metric_row& row) noexcept
{
    if (row.suppressed) {
        return "suppressed";
    }
    const standing where = standing_of(row);
    return row.state == status::ok && where != standing::unknown ? to_string(where) : to_string(row.state);
}

/// Print the numbers of one metric row with a common scale, number of decimals and unit.
class row_format {
public:
    explicit row_format(const metric_row& row)
        : row_(row), ratio_(shows_ratio(row)), percent_(row.unit == "%"), time_(row.unit == "ms")
    {
        double width = row.upper - row.lower;
        if (!printable_number(width)) {
            const double bound = printable_number(row.upper) ? row.upper : row.lower;
            width = 2.0 * (bound > row.estimate ? bound - row.estimate : row.estimate - bound);
        }
        if (printable_number(width) && width != 0.0) {
            decimals_ = decimals_for(ratio_ ? width : scaled(width));
        } else {
            decimals_ = -1;
        }
    }

    /// Append the level of one arm: "86.1 %". Levels may differ by orders of magnitude, so that a small one gets more
    /// decimals.
    void level(std::string& out, double value) const
    {
        if (time_) {
            append_duration(out, 1e6 * value);
            return;
        }
        const double shown = scaled(value);
        if (decimals_ < 0 || ratio_ || !printable_number(shown) || shown == 0.0) {
            append_number(out, shown);
        } else {
            const int wanted = 1 - decimal_exponent(shown);
            const int most = decimals_ + 4;
            append_fixed(out, shown, wanted < decimals_ ? decimals_ : wanted > most ? most : wanted);
        }
        append_unit(out, value, percent_ ? std::string_view{" %"} : std::string_view{});
    }

    /// Append the estimate: a difference with its sign, or a plain level if it is not a difference.
    void estimate(std::string& out, double value) const
    {
        number(out, value, plus());
        if (time_ || ratio_) {
            return;
        }
        append_unit(out, value, percent_ ? differs() ? " pp" : " %" : std::string_view{});
    }

    /// Append the interval: "[+3.1, +6.7]". A side without a bound gets a round bracket.
    void interval(std::string& out) const
    {
        if (!known(row_.lower) || !known(row_.upper)) {
            out += '-';
            return;
        }
        out += printable_number(row_.lower) ? '[' : '(';
        number(out, row_.lower, plus());
        out += ", ";
        number(out, row_.upper, plus());
        out += printable_number(row_.upper) ? ']' : ')';
    }

    /// Append a number without its unit, in the scale and with the decimals of the row. Durations get the unit that
    /// fits their size.
    void number(std::string& out, double value, signs sign) const
    {
        if (time_ && !ratio_) {
            append_duration(out, 1e6 * value, 3, sign);
            return;
        }
        const double shown = ratio_ ? value : scaled(value);
        if (decimals_ >= 0) {
            append_fixed(out, shown, decimals_, sign);
        } else {
            append_number(out, shown, 4, sign);
        }
    }

    [[nodiscard]] signs plus() const noexcept { return differs() ? signs::always : signs::minus_only; }

private:
    // With any other reference (a preference of one half) the estimate is a level and not a difference.
    [[nodiscard]] bool differs() const noexcept { return row_.reference == 0.0; }

    [[nodiscard]] double scaled(double value) const noexcept { return percent_ ? 100.0 * value : value; }

    void append_unit(std::string& out, double value, std::string_view percent) const
    {
        if (!printable_number(value)) {
            return;
        }
        if (percent_) {
            out += percent;
        } else if (!row_.unit.empty()) {
            out += ' ';
            append_clean(out, row_.unit);
        }
    }

    const metric_row& row_;
    bool ratio_;
    bool percent_;
    bool time_;
    int decimals_ = -1;
};

/// Append the title of the intervals: "95 % interval", "95 to 98.3 % interval" if rows differ, or "interval" if no
/// level is known.
void append_interval_title(std::string& out, const report& shown);

/// Are there several challengers, so that each row has to name its own?
[[nodiscard]] bool several_challengers(const report& shown) noexcept;

/// Does an arm have a count of distinct units?
[[nodiscard]] bool counts_units(const report& shown) noexcept;

/// Append the number of failures, and their share of the requests.
void append_failures(std::string& out, const arm_row& arm);

/// Append an estimated number of units as a whole number.
void append_units(std::string& out, double units);

/// Append the share of exposures that brought feedback, for each metric that takes it: "click 99.2 % and 99.0 %".
void append_feedback(std::string& out, const report& shown);

/// Append the counts that are not 0: "3 foreign tickets, 1 NaN value".
void append_counts(std::string& out, const report& shown);

}  // namespace detail

#if JOUST_BODIES

namespace detail {

/// Append a level in percent: 0.95 as "95", 0.98333 as "98.3".
inline void append_level(std::string& out, double level)
{
    std::string digits;
    append_number(digits, 100.0 * level, 3);
    if (digits.find('.') != std::string::npos) {
        digits.erase(digits.find_last_not_of('0') + 1);
        if (digits.back() == '.') {
            digits.pop_back();
        }
    }
    out += digits;
}

JOUST_FUNCTION void append_interval_title(std::string& out, const report& shown)
{
    double least = 2.0;
    double most = -1.0;
    for (const metric_row& row : shown.metrics) {
        if (known(row.level)) {
            least = row.level < least ? row.level : least;
            most = row.level > most ? row.level : most;
        }
    }
    if (most >= least) {
        std::string low;
        std::string high;
        append_level(low, least);
        append_level(high, most);
        out += low;
        out += low == high ? "" : " to " + high;
        out += " % interval";
    } else {
        out += "interval";
    }
}

JOUST_FUNCTION bool several_challengers(const report& shown) noexcept
{
    for (const metric_row& row : shown.metrics) {
        if (row.arm != shown.metrics.front().arm) {
            return true;
        }
    }
    return false;
}

JOUST_FUNCTION bool counts_units(const report& shown) noexcept
{
    for (const arm_row& arm : shown.arms) {
        if (arm.units != 0.0) {
            return true;
        }
    }
    return false;
}

JOUST_FUNCTION void append_failures(std::string& out, const arm_row& arm)
{
    append_count(out, arm.failures);
    if (arm.failures != 0 && arm.requests != 0) {
        out += " (";
        append_number(out, 100.0 * static_cast<double>(arm.failures) / static_cast<double>(arm.requests), 2);
        out += " %)";
    }
}

JOUST_FUNCTION void append_units(std::string& out, double units)
{
    if (units < 9e18) {
        append_count(out, static_cast<std::uint64_t>(units + 0.5));
    } else {
        append_number(out, units);
    }
}

JOUST_FUNCTION void append_feedback(std::string& out, const report& shown)
{
    const bool several = several_challengers(shown);
    bool any = false;
    for (const metric_row& row : shown.metrics) {
        if (row.suppressed || !(known(row.champion_feedback) || known(row.challenger_feedback))) {
            continue;
        }
        out += any ? ", " : "";
        any = true;
        append_clean(out, row.metric);
        if (several) {
            out += " (";
            append_clean(out, row.arm);
            out += ')';
        }
        out += ' ';
        append_percent(out, row.champion_feedback, 1);
        out += " and ";
        append_percent(out, row.challenger_feedback, 1);
    }
}

JOUST_FUNCTION void append_counts(std::string& out, const report& shown)
{
    bool first = true;
    for (const count_row& row : shown.counts) {
        if (row.count == 0) {
            continue;
        }
        if (!first) {
            out += ", ";
        }
        first = false;
        append_count(out, row.count);
        out += ' ';
        append_clean(out, row.what);
    }
}

}  // namespace detail

#endif

}  // namespace v0
}  // namespace joust
