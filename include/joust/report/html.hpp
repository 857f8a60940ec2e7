// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/text.hpp>
#include <joust/report/charts.hpp>
#include <joust/report/course_chart.hpp>
#include <joust/report/page_style.hpp>
#include <joust/report/report.hpp>
#include <joust/report/suppress.hpp>
#include <joust/report/tables.hpp>
#include <joust/report/words.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Say how a page of reports is made.
struct html_options {
    /// The title and first heading of the page.
    std::string title = "Trials";
    /// A line under the title: what was run, when, on what.
    std::string subtitle{};
    /// The language of the page, as its `lang` attribute.
    std::string language = "en";
    /// Groups with fewer units are suppressed.
    std::uint64_t min_units = default_min_units;
};

namespace detail {

/// Return the colour class of a verdict.
[[nodiscard]] constexpr std::string_view tone(verdict decision) noexcept
{
    switch (decision) {
        case verdict::ship_challenger:
        case verdict::pass: return "good";
        case verdict::roll_back:
        case verdict::regress: return "bad";
        case verdict::keep_testing:
        case verdict::inconclusive: return "open";
        case verdict::keep_champion: return "calm";
    }
    return "calm";
}

/// Return a sign that means the same as the colour, for readers who do not see colours and for print in grey.
[[nodiscard]] constexpr std::string_view icon(verdict decision) noexcept
{
    switch (decision) {
        case verdict::ship_challenger:
        case verdict::pass: return R"(<path d="M7.5 12.5l3 3 6-7"/>)";
        case verdict::roll_back:
            return R"(<path d="M8.5 8.5h5a3.2 3.2 0 0 1 0 6.5h-4M10.8 5.8L8 8.5l2.8 2.7"/>)";
        case verdict::regress: return R"(<path d="M8.5 8.5l7 7M15.5 8.5l-7 7"/>)";
        case verdict::keep_testing: return R"(<path d="M12 7v5.2l3.2 2.2"/>)";
        case verdict::inconclusive: return R"(<path d="M7.5 10h9M7.5 14h9"/>)";
        case verdict::keep_champion: return R"(<path d="M9 16V7.5h7l-2 2.6 2 2.6H9"/>)";
    }
    return "";
}

/// Append the sign of a verdict as a picture.
inline void append_icon(std::string& out, verdict decision)
{
    out += R"(<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="10"/>)";
    out += icon(decision);
    out += "</svg>";
}

/// Append words with a capital letter: "Ship challenger".
inline void append_capitalised(std::string& out, std::string_view words)
{
    if (!words.empty()) {
        const char first = words.front();
        out += first >= 'a' && first <= 'z' ? static_cast<char>(first - 'a' + 'A') : first;
        append_html(out, words.substr(1));
    }
}

inline void append_banner(std::string& out, const report& shown)
{
    out += R"(<header class="banner"><p class="kind">)";
    append_html(out, kind_in_words(shown.kind));
    out += "</p><h2>";
    append_html(out, shown.name);
    out += R"(</h2><div class="verdict">)";
    append_icon(out, shown.decision);
    out += "<strong>";
    append_capitalised(out, to_string(shown.decision));
    out += R"(</strong><span>)";
    append_html(out, explain(shown.decision, shown.kind));
    out += "</span></div>";
    if (!shown.reason.empty()) {
        out += R"(<p class="reason">)";
        append_html(out, shown.reason);
        out += "</p>";
    }
    out += "</header>\n";
}

/// Append a table cell of a number, which `fill(text)` appends to a text.
template <class Fill>
void append_number_cell(std::string& out, Fill fill)
{
    std::string text;
    fill(text);
    out += R"(<td class="n">)";
    append_number_html(out, text);
    out += "</td>";
}

/// Append the names of a metric row: metric, challenger if there are several, role.
inline void append_effect_head(std::string& out, const report& shown, const metric_row& row)
{
    out += R"(<th scope="row"><b>)";
    append_html(out, row.metric);
    out += "</b>";
    if (several_challengers(shown)) {
        out += R"( <span class="arm"><i class="key k)";
        append_count(out, colour_of(shown, row.arm));
        out += R"("></i>)";
        append_html(out, row.arm);
        out += "</span>";
    }
    out += R"(<small>)";
    append_html(out, row.role);
    out += "</small></th>";
}

/// Append the numbers of a metric row that are shown at every status: both levels, and the estimate with its interval.
inline void append_effect_levels(std::string& out, const metric_row& row)
{
    const row_format format{row};
    const auto unless_suppressed = [&row](std::string& text, auto&& fill) {
        if (row.suppressed) {
            text = "-";
        } else {
            fill(text);
        }
    };
    for (const double value : {row.champion, row.challenger}) {
        append_number_cell(out, [&](std::string& text) {
            unless_suppressed(text, [&](std::string& into) { format.level(into, value); });
        });
    }
    std::string text;
    unless_suppressed(text, [&](std::string& into) { format.estimate(into, row.estimate); });
    out += R"(<td class="n">)";
    append_number_html(out, text);
    if (valid(row) && known(row.lower) && known(row.upper)) {
        text.clear();
        format.interval(text);
        out += "<small>";
        append_number_html(out, text);
        out += "</small>";
    }
    out += "</td>";
}

inline void append_effect_row(std::string& out, const report& shown, const metric_row& row)
{
    out += "<tr>";
    append_effect_head(out, shown, row);
    append_effect_levels(out, row);
    out += R"(<td class="plot">)";
    append_forest(out, row);
    out += "</td>";
    const auto power = [&](double value, void (*append)(std::string&, double)) {
        std::string text;
        append(text, valid(row) ? value : std::numeric_limits<double>::quiet_NaN());
        out += R"(<td class="n">)";
        append_power_html(out, text);
        out += "</td>";
    };
    power(row.p_value, append_p_value);
    power(row.e_value, append_e_value);
    out += R"(<td><span class="reading )";
    out += tone(standing_of(row));
    out += R"(">)";
    append_html(out, state_in_words(row));
    out += "</span></td></tr>\n";
}

inline void append_effects(std::string& out, const report& shown)
{
    std::string interval;
    append_interval_title(interval, shown);
    out += R"(<section><h3>Metrics <small>challenger minus champion, )";
    append_html(out, interval);
    out += R"(</small></h3><div class="wide"><table class="effects"><thead><tr><th>Metric</th>)";
    out += R"(<th class="n">Champion</th><th class="n">Challenger</th><th class="n">Difference</th>)";
    out += R"(<th class="plot">Interval</th><th class="n">p</th><th class="n">e</th><th>Reading</th>)";
    out += "</tr></thead><tbody>";
    for (const metric_row& row : shown.metrics) {
        append_effect_row(out, shown, row);
    }
    out += "</tbody></table></div>";
    bool any = false;
    for_each_explanation(shown, [&](std::string_view what, std::string_view meaning) {
        out += any ? "" : R"(<ul class="fine">)";
        any = true;
        out += "<li><b>";
        append_html(out, what);
        out += "</b> ";
        append_html(out, meaning);
        out += "</li>";
    });
    out += any ? "</ul>" : "";
    out += "</section>\n";
}

/// Append the six latency cells of a model. They are empty if there is no row.
inline void append_latency_cells(std::string& out, const latency_row* row)
{
    if (row == nullptr) {
        out += R"(<td colspan="6"></td>)";
        return;
    }
    if (row->suppressed) {
        out += R"(<td class="n" colspan="6">)";
        out += left_out;
        out += "</td>";
        return;
    }
    for_quantiles(*row, [&](double milliseconds, bool enough) {
        append_number_cell(out, [&](std::string& text) { append_latency(text, milliseconds, enough); });
    });
}

inline void append_model_name(std::string& out, const report& shown, std::string_view model)
{
    out += R"(<tr><th scope="row"><i class="key k)";
    append_count(out, colour_of(shown, model));
    out += R"("></i>)";
    append_html(out, model);
    out += "</th>";
}

/// Append the cells of a model: share, requests, units if they are counted, failures.
inline void append_model_cells(std::string& out, const arm_row& arm, bool units)
{
    out += R"(<td class="share"><span class="bar"><span style="width:)";
    append_coordinate(out, arm.share >= 0.0 && arm.share <= 1.0 ? 100.0 * arm.share : 0.0);
    out += R"(%"></span></span>)";
    std::string share;
    append_percent(share, arm.share);
    append_number_html(out, share);
    out += "</td>";
    if (arm.suppressed) {
        out += units ? R"(<td class="n" colspan="3">)" : R"(<td class="n" colspan="2">)";
        out += left_out;
        out += "</td>";
        return;
    }
    const auto cell = [&out](auto&& append) {
        out += R"(<td class="n">)";
        append();
        out += "</td>";
    };
    cell([&] { append_count(out, arm.requests); });
    if (units) {
        cell([&] { append_units(out, arm.units); });
    }
    cell([&] { append_failures(out, arm); });
}

inline void append_models(std::string& out, const report& shown)
{
    const bool units = counts_units(shown);
    const bool timed = !shown.latencies.empty();
    out += R"(<section><h3>Models)";
    out += timed ? R"( <small>with quantiles of their latency</small>)" : "";
    out += R"(</h3><div class="wide"><table class="models"><thead><tr><th>Model</th><th>Share</th>)";
    out += R"(<th class="n">Requests</th>)";
    out += units ? R"(<th class="n">Units</th>)" : "";
    out += R"(<th class="n">Failures</th>)";
    if (timed) {
        out += R"(<th class="n">p50</th><th class="n">p90</th><th class="n">p95</th><th class="n">p99</th>)";
        out += R"(<th class="n">p99.9</th><th class="n">Max</th>)";
    }
    out += "</tr></thead><tbody>";
    for (const arm_row& arm : shown.arms) {
        append_model_name(out, shown, arm.model);
        append_model_cells(out, arm, units);
        if (timed) {
            const latency_row* found = nullptr;
            for (const latency_row& row : shown.latencies) {
                found = row.model == arm.model ? &row : found;
            }
            append_latency_cells(out, found);
        }
        out += "</tr>\n";
    }
    for (const latency_row& row : shown.latencies) {
        bool listed = false;
        for (const arm_row& arm : shown.arms) {
            listed = listed || arm.model == row.model;
        }
        if (!listed) {
            append_model_name(out, shown, row.model);
            out += units ? R"(<td colspan="4"></td>)" : R"(<td colspan="3"></td>)";
            append_latency_cells(out, &row);
            out += "</tr>\n";
        }
    }
    out += "</tbody></table></div></section>\n";
}

inline void append_latencies(std::string& out, const report& shown)
{
    out += R"(<section><h3>Latency <small>quantiles per model, logarithmic axis</small></h3>)";
    append_latency_chart(out, shown);
    out += "</section>\n";
}

inline void append_shares(std::string& out, const report& shown)
{
    out += R"(<section><h3>Share of the challenger <small>over the requests of the trial</small></h3>)";
    append_share_chart(out, shown);
    out += R"(<ol class="steps">)";
    std::string cell;
    double before = 0.0;
    for (const share_step& step : shown.shares) {
        out += step.share < before ? R"(<li class="down"><b>)" : "<li><b>";
        before = step.share;
        cell.clear();
        append_percent(cell, step.share, step.share < 0.1 && step.share > 0.0 ? 1 : 0);
        append_number_html(out, cell);
        out += "</b> <span>from request ";
        append_fixed(out, step.requests, 0);
        out += "</span> ";
        append_html(out, step.reason);
        out += "</li>\n";
    }
    out += "</ol></section>\n";
}

inline void append_exclusions(std::string& out, const report& shown)
{
    out +=
        R"(<section><h3>Harm that is excluded <small>what each guardrail has shown by now</small></h3><ul class="excluded">)";
    for (const exclusion_row& row : shown.exclusions) {
        out += row.excluded ? R"(<li class="done">)" : R"(<li>)";
        append_html(out, row.words);
        out += "</li>\n";
    }
    out += "</ul></section>\n";
}

inline void append_remarks(std::string& out, const report& shown)
{
    bool any = false;
    for_each_note(shown, [&](std::string_view lead, std::string_view text) {
        out += any ? "" : R"(<section class="notes"><h3>Notes</h3><ul>)";
        any = true;
        out += "<li>";
        if (!lead.empty()) {
            out += "<b>";
            append_capitalised(out, lead);
            out += ":</b> ";
        }
        append_html(out, text);
        out += "</li>\n";
    });
    out += any ? "</ul></section>\n" : "";
}

inline void append_article(std::string& out, const report& shown, std::size_t number)
{
    out += R"(<article class=")";
    out += tone(shown.decision);
    out += R"(" id="trial-)";
    append_count(out, number);
    out += "\">\n";
    append_banner(out, shown);
    if (!shown.metrics.empty()) {
        append_effects(out, shown);
    }
    append_courses(out, shown);
    if (!shown.exclusions.empty()) {
        append_exclusions(out, shown);
    }
    // Two columns stand side by side: both charts, or one chart and the notes.
    const bool ramped = !shown.shares.empty();
    const bool timed = !shown.latencies.empty();
    if (ramped || timed) {
        out += R"(<div class="pair">)";
        if (ramped) {
            append_shares(out, shown);
        }
        if (ramped && timed) {
            out += "<div>";
        }
        if (timed) {
            append_latencies(out, shown);
        }
        append_remarks(out, shown);
        if (ramped && timed) {
            out += "</div>";
        }
        out += "</div>\n";
    }
    if (!shown.arms.empty() || timed) {
        append_models(out, shown);
    }
    if (!ramped && !timed) {
        append_remarks(out, shown);
    }
    out += "</article>\n";
}

/// Append a link to each report, with its verdict, if there are several.
inline void append_navigation(std::string& out, std::span<const report> reports)
{
    if (reports.size() < 2) {
        return;
    }
    out += "<nav>";
    std::size_t number = 0;
    for (const report& each : reports) {
        out += R"(<a class=")";
        out += tone(each.decision);
        out += R"(" href="#trial-)";
        append_count(out, ++number);
        out += R"(">)";
        append_icon(out, each.decision);
        out += "<span><small>";
        append_html(out, kind_in_words(each.kind));
        out += "</small><b>";
        append_html(out, each.name);
        out += "</b><em>";
        append_capitalised(out, to_string(each.decision));
        out += "</em></span></a>\n";
    }
    out += "</nav>";
}

/// Append what a page begins with, up to the line under its title.
inline void append_page_head(std::string& out, const html_options& options)
{
    out += "<!DOCTYPE html>\n<html lang=\"";
    append_html(out, options.language);
    out += R"(">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>)";
    append_html(out, options.title);
    out += "</title>\n<style>";
    out += page_style;
    out += "</style>\n</head>\n<body>\n<main>\n<header class=\"top\"><h1>";
    append_html(out, options.title);
    out += "</h1>";
    if (!options.subtitle.empty()) {
        out += "<p>";
        append_html(out, options.subtitle);
        out += "</p>";
    }
}

/// The end of the page: what its marks and letters mean.
inline constexpr std::string_view how_to_read = R"(<footer><h2>How to read this page</h2><dl>
<div><dt><svg viewBox="0 0 88 24" aria-hidden="true"><path class="zero" d="M30 2v20"/>
<path class="ci" d="M40 12h38"/><circle class="dot" cx="59" cy="12" r="4.5"/></svg></dt>
<dd>The dot is the estimated difference, and the bar is its interval. The upright line means "no difference":
a bar that does not touch it shows a difference. Each row has a scale of its own.</dd></div>
<div><dt><svg viewBox="0 0 88 24" aria-hidden="true"><path class="ci" d="M14 12h42"/>
<path class="tip" d="M4 12l10-5v10z"/><circle class="dot" cx="42" cy="12" r="4.5"/></svg></dt>
<dd>An arrow marks a side without a bound, for instance if only harm is looked for.</dd></div>
<div><dt><svg viewBox="0 0 88 24" aria-hidden="true"><path class="beyond" d="M56 2h30v20h-30z"/>
<path class="limit" d="M56 2v20"/></svg></dt>
<dd>The dashed line is the limit of a guardrail, and the tinted side is what it does not allow.
A bar outside the tinted side keeps the limit.</dd></div>
<div><dt><svg viewBox="0 0 88 24" aria-hidden="true"><path class="band" d="M4 2L30 7L84 9V17L30 19L4 23Z"/>
<path class="effect" d="M4 15L30 12L84 13"/><path class="turn" d="M30 1v22"/></svg></dt>
<dd>In the course of a trial the line is the difference at each look, and the area is its interval, which
ends at the border where it is wider than the picture. A dotted upright line marks a change of shares.</dd></div>
<div><dt class="letter">p</dt><dd>How often chance alone would show a difference at least this large.
Small means hard to explain by chance.</dd></div>
<div><dt class="letter">e</dt><dd>How strongly the data speak against "no difference", as a factor:
20 is the threshold for a 5 % level. It stays valid however often you look at it.</dd></div>
</dl></footer>
)";

}  // namespace detail

/// Make one self-contained HTML page of reports: no script, no font and no picture from elsewhere.
///
/// Light and dark follow the setting of the reader; print is light. All text from reports is escaped, and a content
/// security policy in the page forbids scripts.
/// cost: milliseconds; call it at the end of a run and not while serving
[[nodiscard]] inline std::string html(std::span<const report> reports, const html_options& options = {})
{
    std::string out;
    detail::append_page_head(out, options);
    detail::append_navigation(out, reports);
    out += "</header>\n";
    std::size_t number = 0;
    for (const report& each : reports) {
        detail::append_article(out, suppress_small_groups(each, options.min_units), ++number);
    }
    out += detail::how_to_read;
    out += "</main>\n</body>\n</html>\n";
    return out;
}

/// Make the page of a single report.
[[nodiscard]] inline std::string html(const report& shown, const html_options& options = {})
{
    return html(std::span<const report>{&shown, 1}, options);
}

}  // namespace v0
}  // namespace joust
