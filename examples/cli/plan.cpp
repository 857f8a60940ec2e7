// SPDX-License-Identifier: Apache-2.0

// joust plan: what to expect of a design or a canary before it is launched.

#include <joust/core/json.hpp>
#include <joust/core/text.hpp>
#include <joust/report/charts.hpp>
#include <joust/report/forecast.hpp>
#include <joust/report/forecast_page.hpp>
#include <joust/report/html.hpp>
#include <joust/stats/planning/planner.hpp>

#include "output.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

namespace {

namespace stats = joust::stats;

/// The power of a design for other effects than the planned one.
struct power_curve {
    /// The effects as multiples of the planned effect.
    static constexpr std::array<double, 9> multiples{0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0};
    std::array<double, multiples.size()> power{};

    /// The duration of the recommended design stays, so that its size is that of the planned effect.
    power_curve(const stats::experiment_plan& plan, const stats::design_advice& advice)
    {
        const bool two = plan.alternative == stats::side::two;
        const double z = stats::normal_upper_quantile(two ? 0.5 * plan.alpha : plan.alpha);
        const double shift = z + stats::normal_quantile(plan.power);
        const double days = advice.of(stats::design_kind::fixed_horizon).longest_days;
        const double part = std::fmin(1.0, std::sqrt(plan.deadline_days / days));
        for (std::size_t i = 0; i < multiples.size(); ++i) {
            const double drift = multiples[i] * shift * part;
            power[i] = stats::normal_sf(z - drift) + (two ? stats::normal_sf(z + drift) : 0.0);
        }
    }
};

[[nodiscard]] std::string percent(double part, int decimals = 0)
{
    std::string out;
    joust::append_percent(out, part, decimals);
    return out;
}
[[nodiscard]] std::string number(double value, int digits = 3)
{
    std::string out;
    joust::append_number(out, value, digits);
    return out;
}

[[nodiscard]] joust::text_table table_of(const stats::design_advice& advice)
{
    using enum joust::text_table::align;
    joust::text_table table{{"design"},
                            {"days at most", right},
                            {"with the effect", right},
                            {"with twice the effect", right},
                            {"without effect", right},
                            {"false alarm", right},
                            {"power in time", right}};
    for (const stats::design_outlook& each : advice.designs) {
        table.cell(std::string{to_string(each.kind)} +
                   (each.kind == advice.recommended ? " (recommended)" : ""));
        table.cell(number(each.longest_days));
        table.cell(number(each.expected_days));
        table.cell(number(each.double_days));
        table.cell(number(each.null_days));
        table.cell(percent(each.error, 1));
        table.cell(percent(each.power, 1));
    }
    return table;
}

[[nodiscard]] joust::text_table table_of(const stats::experiment_plan& plan, const power_curve& curve)
{
    using enum joust::text_table::align;
    joust::text_table table{{"effect", right}, {"power", right}, {""}};
    for (std::size_t i = 0; i < curve.power.size(); ++i) {
        table.cell(number(plan.effect * power_curve::multiples[i]));
        table.cell(percent(curve.power[i], 1));
        table.cell(std::string(static_cast<std::size_t>(std::lround(40.0 * curve.power[i])), '#'));
    }
    return table;
}

void draw(std::string& out, const stats::experiment_plan& plan, const power_curve& curve)
{
    namespace detail = joust::detail;
    constexpr detail::chart_area area{48.0, detail::chart_area::width - 18.0, 12.0,
                                      detail::chart_area::height - 34.0};
    const double most = std::fabs(plan.effect) * power_curve::multiples.back();
    const detail::scale across{0.0, most, area.left, area.right};
    const detail::scale up{0.0, 1.0, area.bottom, area.top};
    detail::drawing svg{out, "chart", detail::chart_area::width, detail::chart_area::height,
                        "Power of a fixed horizon over the true effect"};
    for (int i = 0; i <= 4; ++i) {
        area.level(svg, i == 0 ? "axis" : "tick", up(0.25 * i), percent(0.25 * i));
    }
    for (int i = 0; i <= 4; ++i) {
        svg.text("number", across(0.25 * i * most), area.bottom + 16.0, "middle", number(0.25 * i * most));
    }
    svg.line("zero", across(std::fabs(plan.effect)), area.top, across(std::fabs(plan.effect)), area.bottom);
    std::string path;
    detail::append_point(path, 'M', across(0.0), up(plan.alpha));
    for (std::size_t i = 0; i < curve.power.size(); ++i) {
        detail::append_point(path, 'L', across(std::fabs(plan.effect) * power_curve::multiples[i]),
                             up(curve.power[i]));
    }
    svg.path("effect", path);
    svg.end();
}

[[nodiscard]] std::string write_design(std::string_view form, const stats::experiment_plan& plan,
                                       const stats::design_advice& advice)
{
    const power_curve curve{plan, advice};
    std::string out;
    if (form == "json") {
        joust::json_writer json{out};
        json.begin_object()
            .member("joust_design_plan", 1)
            .member("recommended", to_string(advice.recommended));
        json.member("reason", advice.reason).member("units_needed", advice.units_needed);
        json.member("detectable_effect", advice.detectable_effect)
            .member("peeking_error", advice.peeking_error);
        json.key("designs").begin_array();
        for (const stats::design_outlook& each : advice.designs) {
            json.begin_object()
                .member("design", to_string(each.kind))
                .member("longest_days", each.longest_days);
            json.member("expected_days", each.expected_days).member("double_days", each.double_days);
            json.member("null_days", each.null_days).member("error", each.error).member("power", each.power);
            json.member("looks", each.looks).member("in_time", each.in_time).end_object();
        }
        json.end_array().key("power_curve").begin_array();
        for (std::size_t i = 0; i < curve.power.size(); ++i) {
            json.begin_object().member("effect", plan.effect * power_curve::multiples[i]);
            json.member("power", curve.power[i]).end_object();
        }
        json.end_array().end_object();
        return out + "\n";
    }
    std::string units;
    joust::append_count(units, static_cast<std::uint64_t>(std::ceil(advice.units_needed)));
    const std::string lead =
        advice.reason + "\nA fixed horizon needs " + units + " units in both arms together. In " +
        number(plan.deadline_days) + " days it can find an effect of " + number(advice.detectable_effect) +
        " with a power of " + percent(plan.power) +
        ".\nLooking at a fixed horizon as often as the other designs look would give a false alarm in " +
        percent(advice.peeking_error) + " of trials.\n";
    if (form == "html") {
        joust::detail::append_page_head(out, {.title = "Plan of an experiment"});
        out += "</header>\n<article><section><h3>Power over the true effect</h3>";
        draw(out, plan, curve);
        out += "</section><section><h3>Numbers</h3><div class=\"wide\"><pre>";
        std::string text = lead + "\n";
        table_of(advice).write_text(text);
        joust::detail::append_html(out, text);
        out += "</pre></div></section></article>\n</main>\n</body>\n</html>\n";
        return out;
    }
    if (form == "markdown") {
        out = "### Plan of an experiment\n\n" + lead + "\n";
        table_of(advice).write_markdown(out);
        out += "\n**Power of a fixed horizon of this size**\n\n";
        table_of(plan, curve).write_markdown(out);
        return out;
    }
    out = lead + "\nDesigns, in days\n";
    table_of(advice).write_text(out);
    out += "\nPower of a fixed horizon of this size, by the true effect\n";
    table_of(plan, curve).write_text(out);
    return out;
}

/// Read harms such as "0.5%,1.5x": an increase, a ratio, or both, of which the larger counts.
[[nodiscard]] stats::excluded_harm harm_in(const std::string& text, const std::string& option)
{
    stats::excluded_harm harm;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find(',', at), text.size());
        std::string_view part = std::string_view{text}.substr(at, end - at);
        at = end + 1;
        if (part.ends_with('x')) {
            part.remove_suffix(1);
            harm.ratio = number_in(part, option);
        } else {
            const bool points = part.ends_with('%');
            part.remove_suffix(points ? 1 : 0);
            harm.increase = number_in(part, option) * (points ? 0.01 : 1.0);
        }
    }
    return harm;
}

}  // namespace

int run_plan_design(const plan_design_options& asked)
{
    stats::experiment_plan plan;
    plan.units_per_day = asked.units_per_day;
    plan.effect = asked.effect;
    if (!std::isnan(asked.sd)) {
        plan.sd = asked.sd;
    } else if (asked.baseline > 0.0 && asked.baseline < 1.0) {
        plan.sd = std::sqrt(asked.baseline * (1.0 - asked.baseline));
    } else {
        throw usage_error(
            "give --baseline, a proportion between 0 and 1, or --sd, the standard deviation of one unit's value");
    }
    plan.share = asked.share;
    plan.alpha = asked.alpha;
    plan.power = asked.power;
    plan.deadline_days = asked.deadline_days;
    plan.looks = asked.looks;
    plan.look = asked.looking == "once"      ? stats::looking::once
                : asked.looking == "anytime" ? stats::looking::anytime
                                             : stats::looking::planned;
    const stats::design_advice advice = stats::plan_design(plan);
    if (advice.state != joust::status::ok) {
        throw usage_error(
            "the plan has a number out of range: units a day and the effect above 0, shares and error rates between 0 and 1");
    }
    put([&](std::string_view form) { return write_design(form, plan, advice); }, asked.out);
    return 0;
}

int run_plan_canary(const plan_canary_options& asked)
{
    stats::planned_canary plan{.alpha = asked.alpha,
                               .beta = asked.beta,
                               .requests_per_second = asked.requests_per_second,
                               .units = asked.units,
                               .rollouts = asked.rollouts,
                               .seed = asked.seed};
    plan.guardrails.push_back({.name = "failures",
                               .level = asked.failures,
                               .exclude = harm_in(asked.exclude_failures, "--exclude-failures")});
    if (asked.latency > 0.0) {
        const std::string name = "p" + joust::to_text(std::round(1'000.0 * asked.quantile) / 10.0);
        plan.guardrails.push_back({.name = name,
                                   .kind = stats::watched::latency,
                                   .level = asked.latency,
                                   .quantile = asked.quantile,
                                   .allowed = harm_in(asked.latency_allowed, "--latency-allowed"),
                                   .exclude = harm_in(asked.exclude_latency, "--exclude-latency")});
    }
    for (const double share : numbers_in(asked.stages, "--stages")) {
        plan.stages.push_back({.share = share});
    }
    if (!asked.out.quiet) {
        std::fprintf(stderr, "joust: simulating %zu rollouts of each kind\n", plan.rollouts);
    }
    const joust::canary_forecast foretold = joust::forecast(std::move(plan));
    if (foretold.outlook.state != joust::status::ok) {
        throw usage_error(
            "the plan has a number out of range: stages rise up to 1, rates lie between 0 and 1, a harm to exclude is larger than what is allowed");
    }
    put(
        [&](std::string_view form) {
            if (form == "html") {
                return joust::html(foretold, {.title = "Plan of a canary"});
            }
            std::string out;
            foretold.write(out, form == "json"       ? joust::style::json
                                : form == "markdown" ? joust::style::markdown
                                                     : joust::style::table);
            return out + (form == "json" ? "\n" : "");
        },
        asked.out);
    return 0;
}

}  // namespace cli
