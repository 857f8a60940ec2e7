// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/text.hpp>
#include <joust/monitor/drift_report.hpp>
#include <joust/report/charts.hpp>
#include <joust/report/html.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {

namespace detail {

[[nodiscard]] constexpr std::string_view tone_of(drift_state state) noexcept
{
    switch (state) {
        case drift_state::quiet: return "good";
        case drift_state::drifted: return "bad";
        case drift_state::large_but_unproven:
        case drift_state::real_but_small: return "open";
        case drift_state::no_reference:
        case drift_state::small_reference: return "plain";
    }
    return "plain";
}

/// Append the distribution of a feature: for each cell a bar of the reference and one of the live rows.
inline void append_cells(std::string& out, const drift_row& row)
{
    double most = 0.0;
    for (const drift_cell& cell : row.cells) {
        most = std::max({most, cell.reference, cell.live});
    }
    constexpr double width = 320.0;
    constexpr std::size_t shown = 24;
    std::size_t drawn = 0;
    out += "<table class=\"cells\"><tr><th>cell</th><th>reference</th><th>live</th><th></th></tr>";
    for (const drift_cell& cell : row.cells) {
        // With many cells, those that changed least are left out.
        if (row.cells.size() > shown && std::abs(cell.term) < 1e-4 && drawn++ >= shown) {
            continue;
        }
        out += "<tr><td>";
        append_html(out, cell.cell);
        for (const double share : {cell.reference, cell.live}) {
            out += "</td><td>";
            std::string text;
            append_percent(text, share);
            append_number_html(out, text);
        }
        out += R"(</td><td><svg width="320" height="18" role="img" aria-hidden="true">)";
        const double wide[] = {most > 0.0 ? width * cell.reference / most : 0.0,
                               most > 0.0 ? width * cell.live / most : 0.0};
        const char* const colour[] = {"var(--k0)", "var(--k1)"};
        for (std::size_t i = 0; i < 2; ++i) {
            out += R"(<rect x="0" y=")";
            out += i == 0 ? "1" : "10";
            out += R"(" height="7" width=")";
            append_coordinate(out, wide[i]);
            out += R"(" fill=")";
            out += colour[i];
            out += R"("/>)";
        }
        out += "</svg></td></tr>";
    }
    out += "</table>";
}

/// Append the course of a feature's evidence against the evidence that raises its alarm, on a logarithmic scale.
inline void append_evidence(std::string& out, const drift_report& shown, std::size_t feature,
                            double threshold)
{
    if (shown.course.size() < 2) {
        return;
    }
    constexpr double width = 460.0;
    constexpr double height = 80.0;
    const double top = 1.2 * std::log10(std::max(threshold, 10.0));
    const auto y = [&](double evidence) {
        const double level = std::log10(std::max(evidence, 1.0));
        return height - height * std::min(1.0, level / top);
    };
    const auto rows = static_cast<double>(shown.course.back().rows);
    out +=
        R"svg(<svg width="460" height="92" viewBox="0 -6 460 92" role="img" aria-label="evidence over time"><path fill="none" stroke="var(--k1)" stroke-width="2" d=")svg";
    bool first = true;
    for (const drift_look& look : shown.course) {
        if (feature < look.evidence.size()) {
            out += first ? "M" : "L";
            append_coordinate(out, width * static_cast<double>(look.rows) / rows);
            out += ' ';
            append_coordinate(out, y(look.evidence[feature]));
            first = false;
        }
    }
    out += R"svg("/><path stroke="var(--bad)" stroke-dasharray="4 4" d="M0 )svg";
    append_coordinate(out, y(threshold));
    out += "H460\"/></svg>";
}

}  // namespace detail

/// Write a report of a monitor as one HTML page: the states, the distribution of each feature before and now, and its evidence over time. The
/// page needs nothing else, and no script.
/// shape: `write_drift_page(watch.report(), "Inputs of the score model")`
/// cost: about 10 us for each feature
[[nodiscard]] inline std::string write_drift_page(const drift_report& shown, std::string_view title)
{
    html_options options;
    options.title = title;
    shown.write(options.subtitle, style::line);
    std::string out;
    detail::append_page_head(out, options);
    out +=
        "</header><style>.cells td,.cells th{text-align:left;padding:1px 14px 1px 0;font-size:13px}.body{padding:16px 28px}</style>";
    for (const drift_row* each : shown.ranked()) {
        const drift_row& row = *each;
        const auto place = static_cast<std::size_t>(each - shown.features.data());
        out += "<article><div class=\"banner ";
        out += detail::tone_of(row.state);
        out += "\"><h2>";
        detail::append_html(out, row.feature);
        out += "</h2><div class=\"verdict\"><strong>";
        out += to_string(row.state);
        out += "</strong><span>";
        std::string text;
        append_e_value(text, row.evidence);
        text += " of ";
        append_e_value(text, row.threshold);
        text += " evidence; index ";
        append_fixed(text, row.block.psi_jeffreys, 4);
        text += ", by chance ";
        append_fixed(text, row.block.psi_null_mean, 4);
        if (row.raised_at != 0) {
            text += "; proven after ";
            append_count(text, row.raised_at);
            text += " rows, most by ";
            text += row.kind;
        }
        detail::append_html(out, text);
        out += "</span></div>";
        if (!row.largest.empty()) {
            out += "<p class=\"reason\">Largest change: ";
            detail::append_html(out, row.largest);
            out += "</p>";
        }
        out += "</div><div class=\"body\">";
        detail::append_cells(out, row);
        detail::append_evidence(out, shown, place, row.threshold);
        out += "</div></article>";
    }
    out += "</main></body></html>\n";
    return out;
}

}  // namespace v0
}  // namespace joust
