// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/text.hpp>
#include <joust/core/utf8.hpp>
#include <joust/report/report.hpp>
#include <joust/report/words.hpp>

#include <charconv>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

// Inline SVG for the HTML report. Colours come from the page's style sheet, so that one drawing does for
// light, dark and print.

namespace joust {
inline namespace v0 {
namespace detail {

/// Append text to HTML, escaped for content and for attributes in double quotes.
inline void append_html(std::string& out, std::string_view text)
{
    std::string clean;
    append_clean(clean, text);
    for (const char c : clean) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            case '\'': out += "&#39;"; break;
            default: out += c;
        }
    }
}

/// The same for printed numbers, with a true minus sign and infinity.
inline void append_number_html(std::string& out, std::string_view text)
{
    if (text == "-") {
        out += R"(<span class="none">&ndash;</span>)";
        return;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text.substr(i).starts_with("inf")) {
            out += "&infin;";
            i += 2;
        } else if (text[i] == '-') {
            out += "&minus;";
        } else {
            append_html(out, text.substr(i, 1));
        }
    }
}

/// The same for p- and e-values: 8.0e-5 as a power of ten.
inline void append_power_html(std::string& out, std::string_view text)
{
    const std::size_t mark = text.find('e');
    append_number_html(out, text.substr(0, mark));
    if (mark != std::string_view::npos) {
        out += "&middot;10<sup>";
        append_number_html(out, text.substr(mark + 1));
        out += "</sup>";
    }
}

/// Append a length in an SVG: one decimal, a point, no commas.
inline void append_coordinate(std::string& out, double value)
{
    char buffer[64];
    if (!printable_number(value) || std::abs(value) > 1e9) {
        value = 0.0;
    }
    out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed, 1).ptr);
}

[[nodiscard]] constexpr std::string_view tone(standing where) noexcept
{
    switch (where) {
        case standing::better:
        case standing::within_margin: return "good";
        case standing::worse:
        case standing::beyond_margin: return "bad";
        case standing::on_margin: return "open";
        case standing::different:
        case standing::measured: return "calm";
        case standing::undecided:
        case standing::unbroken:
        case standing::unknown: return "plain";
    }
    return "plain";
}

/// The colour of a model: its place among the arms.
[[nodiscard]] inline std::size_t colour_of(const report& shown, std::string_view model) noexcept
{
    for (std::size_t i = 0; i < shown.arms.size(); ++i) {
        if (shown.arms[i].model == model) {
            return i % 6;
        }
    }
    return 0;
}

/// The smallest of 1, 2, 5, 10, ... that is at least `wanted`.
[[nodiscard]] inline double nice_step(double wanted)
{
    if (!(wanted > 0.0) || !printable_number(wanted)) {
        return 1.0;
    }
    const double power = std::pow(10.0, std::floor(std::log10(wanted)));
    for (const double factor : {1.0, 2.0, 5.0}) {
        if (factor * power >= wanted * (1.0 - 1e-9)) {
            return factor * power > 0.0 ? factor * power : 1.0;  // 0 where the power underflows
        }
    }
    return power > 0.0 ? 10.0 * power : 1.0;
}

/// An SVG being written.
class drawing {
public:
    drawing(std::string& out, std::string_view kind, double width, double height, std::string_view label)
        : out_(out)
    {
        out_ += R"(<svg class=")";
        out_ += kind;
        out_ += R"(" viewBox="0 0 )";
        append_coordinate(out_, width);
        out_ += ' ';
        append_coordinate(out_, height);
        out_ += R"(" role="img" aria-label=")";
        append_html(out_, label);
        out_ += "\">";
    }

    void end() { out_ += "</svg>"; }

    void line(std::string_view kind, double x1, double y1, double x2, double y2)
    {
        out_ += R"(<line class=")";
        out_ += kind;
        out_ += '"';
        attribute("x1", x1);
        attribute("y1", y1);
        attribute("x2", x2);
        attribute("y2", y2);
        out_ += "/>";
    }

    void box(std::string_view kind, double x, double y, double width, double height)
    {
        out_ += R"(<rect class=")";
        out_ += kind;
        out_ += '"';
        attribute("x", x);
        attribute("y", y);
        attribute("width", width < 0.0 ? 0.0 : width);
        attribute("height", height < 0.0 ? 0.0 : height);
        out_ += "/>";
    }

    void dot(std::string_view kind, double x, double y, double radius, std::string_view title = {})
    {
        out_ += R"(<circle class=")";
        out_ += kind;
        out_ += '"';
        attribute("cx", x);
        attribute("cy", y);
        attribute("r", radius);
        if (title.empty()) {
            out_ += "/>";
            return;
        }
        out_ += "><title>";
        append_html(out_, title);
        out_ += "</title></circle>";
    }

    /// anchor: "start", "middle" or "end"
    void text(std::string_view kind, double x, double y, std::string_view anchor, std::string_view content)
    {
        out_ += R"(<text class=")";
        out_ += kind;
        out_ += R"(" text-anchor=")";
        out_ += anchor;
        out_ += '"';
        attribute("x", x);
        attribute("y", y);
        out_ += '>';
        append_number_html(out_, content);
        out_ += "</text>";
    }

    /// Text as it is: a hyphen in a name is no minus sign.
    void label(std::string_view kind, double x, double y, std::string_view anchor, std::string_view content)
    {
        out_ += R"(<text class=")";
        out_ += kind;
        out_ += R"(" text-anchor=")";
        out_ += anchor;
        out_ += '"';
        attribute("x", x);
        attribute("y", y);
        out_ += '>';
        append_html(out_, content);
        out_ += "</text>";
    }

    void path(std::string_view kind, std::string_view data)
    {
        out_ += R"(<path class=")";
        out_ += kind;
        out_ += R"(" d=")";
        out_ += data;
        out_ += "\"/>";
    }

private:
    void attribute(std::string_view name, double value)
    {
        out_ += ' ';
        out_ += name;
        out_ += "=\"";
        append_coordinate(out_, value);
        out_ += '"';
    }

    std::string& out_;
};

inline void append_point(std::string& path, char command, double x, double y)
{
    path += command;
    append_coordinate(path, x);
    path += ' ';
    append_coordinate(path, y);
}

/// The plain words of a forest row, for screen readers.
[[nodiscard]] inline std::string forest_label(const metric_row& row)
{
    const row_format format{row};
    std::string label = row.metric + ": ";
    format.estimate(label, row.estimate);
    label += ", interval ";
    format.interval(label);
    if (known(row.margin)) {
        label += ", limit ";
        format.number(label, row.margin, format.plus());
    }
    return label;
}

/// Draw one row of the forest plot: the interval of one metric, on a scale of its own around "no difference".
inline void append_forest(std::string& out, const metric_row& row)
{
    constexpr double width = 320.0;
    constexpr double height = 58.0;
    constexpr double left = 14.0;
    constexpr double right = width - 14.0;
    constexpr double middle = 24.0;
    constexpr double axis = 40.0;
    const standing where = standing_of(row);
    if (row.suppressed || row.state != status::ok || !known(row.lower) || !known(row.upper)) {
        out += R"(<span class="waiting">)";
        append_html(out, row.suppressed            ? std::string_view{"suppressed"}
                         : row.state == status::ok ? std::string_view{"no interval by this method"}
                                                   : explain(row.state));
        out += "</span>";
        return;
    }

    const bool compared = known(row.reference);
    const bool percent = row.unit == "%" && !shows_ratio(row);
    const double unit = percent ? 100.0 : 1.0;
    double low = 0.0;
    double high = 0.0;
    if (compared) {
        double reach = 0.0;
        for (const double value : {row.lower, row.upper, row.estimate, row.margin}) {
            if (printable_number(value) && std::abs(value - row.reference) > reach) {
                reach = std::abs(value - row.reference);
            }
        }
        reach = reach > 0.0 ? 1.12 * reach : 1.0;
        low = row.reference - reach;
        high = row.reference + reach;
    } else if (percent && row.lower >= 0.0 && row.upper <= 1.0) {
        low = 0.0;
        high = 1.0;
    } else {
        const double from = printable_number(row.lower) ? row.lower : row.estimate;
        const double to = printable_number(row.upper) ? row.upper : row.estimate;
        const double room = to > from ? 0.6 * (to - from) : 1.0;
        low = from - room;
        high = to + room;
    }
    const double scale = (high - low) * unit;
    if (!(scale > 1e-290) || !printable_number(scale)) {
        out += R"(<span class="waiting">too large or too small to be drawn</span>)";
        return;
    }
    const auto at = [&](double value) {
        const double share = (value - low) / (high - low);
        return left + (right - left) * (share < 0.0 ? 0.0 : share > 1.0 ? 1.0 : share);
    };

    drawing svg{out, "forest", width, height, forest_label(row)};
    std::string text;

    const double step = nice_step(scale / 4.5);
    // Decimals of the step itself: the axis needs no more.
    int decimals = static_cast<int>(-std::floor(std::log10(step) + 1e-9));
    decimals = decimals < 0 ? 0 : decimals;
    svg.line("axis", left, axis, right, axis);
    const double from = compared ? row.reference * unit : 0.0;
    for (int i = -40; i <= 40; ++i) {
        const double origin = compared ? from : std::ceil(low * unit / step) * step;
        const double value = origin + i * step;
        if (value < low * unit - 1e-9 * step || value > high * unit + 1e-9 * step) {
            continue;
        }
        const double x = at(value / unit);
        svg.line("tick", x, axis, x, axis + 3.0);
        text.clear();
        if (std::abs(value) < 1e-9 * step) {
            text = "0";
        } else {
            append_fixed(text, value, decimals, row.reference == 0.0 ? signs::always : signs::minus_only);
        }
        svg.text("number", x, axis + 14.0, "middle", text);
    }

    if (known(row.margin)) {
        const double x = at(row.margin);
        const bool above = harm_is_above(row);
        svg.box("beyond", above ? x : left - 8.0, 4.0, above ? right + 8.0 - x : x - left + 8.0, axis - 4.0);
        svg.line("limit", x, 4.0, x, axis);
    }
    if (compared) {
        const double x = at(row.reference);
        svg.line("zero", x, 4.0, x, axis);
        if (row.better != 0) {
            const bool up = row.better > 0;
            svg.label("hint", up ? right + 8.0 : left - 8.0, 12.0, up ? "end" : "start",
                      up ? "better \xE2\x80\xBA" : "\xE2\x80\xB9 better");
        }
    } else if (percent) {
        svg.box("gauge", left, middle - 5.0, at(row.estimate) - left, 10.0);
    }

    std::string kind{"ci "};
    kind += tone(where);
    const double begin = printable_number(row.lower) ? at(row.lower) : left;
    const double end = printable_number(row.upper) ? at(row.upper) : right;
    svg.line(kind, begin, middle, end, middle);
    std::string tip{"tip "};
    tip += tone(where);
    if (!printable_number(row.lower)) {
        std::string arrow;
        append_point(arrow, 'M', left - 9.0, middle);
        append_point(arrow, 'L', left + 1.0, middle - 5.5);
        append_point(arrow, 'L', left + 1.0, middle + 5.5);
        svg.path(tip, arrow + "Z");
    } else {
        svg.line(kind, begin, middle - 5.0, begin, middle + 5.0);
    }
    if (!printable_number(row.upper)) {
        std::string arrow;
        append_point(arrow, 'M', right + 9.0, middle);
        append_point(arrow, 'L', right - 1.0, middle - 5.5);
        append_point(arrow, 'L', right - 1.0, middle + 5.5);
        svg.path(tip, arrow + "Z");
    } else {
        svg.line(kind, end, middle - 5.0, end, middle + 5.0);
    }
    if (printable_number(row.estimate)) {
        svg.dot("dot " + std::string{tone(where)}, at(row.estimate), middle, 5.0, forest_label(row));
    }
    svg.end();
}

/// Draw the challenger's share over the requests of the trial, as steps.
inline void append_share_chart(std::string& out, const report& shown)
{
    constexpr double width = 520.0;
    constexpr double height = 230.0;
    constexpr double left = 44.0;
    constexpr double right = width - 18.0;
    constexpr double top = 22.0;
    constexpr double bottom = height - 34.0;

    double total = 0.0;
    for (const arm_row& arm : shown.arms) {
        total += static_cast<double>(arm.requests);
    }
    double last = 0.0;
    double largest = 0.0;
    for (const share_step& step : shown.shares) {
        last = printable_number(step.requests) && step.requests > last ? step.requests : last;
        largest = step.share > largest ? step.share : largest;
    }
    // A rollback at the start of a long trial would vanish in the corner: then only the start is drawn.
    const bool cut = last > 0.0 && total > 8.0 * last;
    const double reach = cut ? 4.0 * last : total > last ? total : 1.15 * last;
    const double most = reach >= 1.0 && printable_number(reach) ? reach : 1.0;
    double ceiling = largest > 0.25 ? 1.0 : largest > 0.0 ? 2.0 * nice_step(largest) : 1.0;
    ceiling = ceiling > 1.0 ? 1.0 : ceiling;
    const auto across = [&](double requests) {
        const double share = printable_number(requests) ? requests / most : 0.0;
        return left + (right - left) * (share < 0.0 ? 0.0 : share > 1.0 ? 1.0 : share);
    };
    const auto up = [&](double share) {
        const double part = share / ceiling;
        return bottom - (bottom - top) * (!(part > 0.0) ? 0.0 : part > 1.0 ? 1.0 : part);
    };

    drawing svg{out, "chart", width, height, "Share of the challenger over the requests served by the trial"};
    std::string text;
    for (const double part : {0.0, 0.25, 0.5, 0.75, 1.0}) {
        const double share = part * ceiling;
        svg.line(part == 0.0 ? "axis" : "grid", left, up(share), right, up(share));
        text.clear();
        append_percent(text, share, ceiling < 0.03 && part != 0.0 ? 2 : ceiling < 0.5 && part != 0.0 ? 1 : 0);
        svg.text("number", left - 8.0, up(share) + 3.5, "end", text);
    }
    const double step = nice_step(most / 5.0);
    for (int i = 0; i * step <= most * (1.0 + 1e-9); ++i) {
        const double requests = i * step;
        const double x = across(requests);
        svg.line("tick", x, bottom, x, bottom + 4.0);
        text.clear();
        append_fixed(text, requests, step < 1.0 ? 1 : 0);
        const bool close = x > right - 20.0;
        svg.text("number", close ? right + 10.0 : x, bottom + 16.0, close ? "end" : "middle", text);
    }
    text = "requests";
    if (cut) {
        text = "the first requests of ";
        append_fixed(text, total, 0);
    }
    svg.label("axisname", right, bottom + 30.0, "end", text);

    std::string outline;
    double before = 0.0;
    for (std::size_t i = 0; i < shown.shares.size(); ++i) {
        const share_step& each = shown.shares[i];
        const double x = across(each.requests);
        if (i == 0) {
            append_point(outline, 'M', x, up(each.share));
        } else {
            append_point(outline, 'L', x, up(before));
            append_point(outline, 'L', x, up(each.share));
        }
        before = each.share;
    }
    append_point(outline, 'L', right, up(before));
    std::string area = outline;
    append_point(area, 'L', right, bottom);
    append_point(area, 'L', across(shown.shares.front().requests), bottom);
    svg.path("area", area + "Z");
    svg.path("steps", outline);

    double labelled = -100.0;
    double above = -100.0;
    before = 0.0;
    for (const share_step& each : shown.shares) {
        const bool down = each.share < before;
        const double x = across(each.requests);
        const double y = up(each.share);
        if (down) {
            svg.line("drop", x, up(before), x, y);
        }
        text.clear();
        append_percent(text, each.share, each.share < 0.1 && each.share > 0.0 ? 1 : 0);
        if (x - labelled > 42.0 || std::abs(y - above) > 16.0) {
            const bool close = x > right - 40.0;
            svg.text("value", close ? x - 4.0 : x + 2.0, y - 8.0, close ? "end" : "start", text);
            labelled = x;
            above = y;
        }
        text += " from request ";
        append_fixed(text, each.requests, 0);
        text += ": ";
        text += each.reason;
        svg.dot(down ? "mark down" : "mark", x, y, 4.0, text);
        before = each.share;
    }
    svg.end();
}

/// Shorten a name to so many characters.
[[nodiscard]] inline std::string shortened(std::string_view name, std::size_t most)
{
    std::string out;
    std::size_t length = 0;
    for (std::size_t i = 0; i < name.size();) {
        if (++length == most && i + decode_utf8(name, i).bytes < name.size()) {
            return out + "\xE2\x80\xA6";
        }
        const code_point point = decode_utf8(name, i);
        out.append(name.substr(i, point.bytes));
        i += point.bytes;
    }
    return out;
}

/// Draw the latency quantiles of every model on a logarithmic axis.
inline void append_latency_chart(std::string& out, const report& shown)
{
    constexpr double width = 520.0;
    constexpr double height = 230.0;
    constexpr double left = 56.0;
    constexpr double right = width - 118.0;
    constexpr double top = 14.0;
    constexpr double bottom = height - 34.0;
    constexpr std::string_view names[] = {"p50", "p90", "p95", "p99", "p99.9"};
    constexpr std::size_t points = 5;

    struct curve {
        std::string_view model;
        std::size_t colour;
        double values[points];
        double label;
    };
    std::vector<curve> curves;
    double low = 1e300;
    double high = 0.0;
    for (const latency_row& row : shown.latencies) {
        curve next{
            row.model, colour_of(shown, row.model), {row.p50, row.p90, row.p95, row.p99, row.p999}, 0.0};
        bool drawn = !row.suppressed && row.count != 0;
        for (const double value : next.values) {
            drawn = drawn && printable_number(value) && value >= 0.0;
        }
        if (!drawn) {
            continue;
        }
        for (double& value : next.values) {
            value =
                value < 1e-6 ? 1e-6 : value;  // a logarithmic axis has no zero; a nanosecond is near enough
            low = value < low ? value : low;
            high = value > high ? value : high;
        }
        curves.push_back(next);
    }
    if (curves.empty()) {
        return;
    }
    double bottom_log = std::log10(low);
    double top_log = std::log10(high);
    const double room = top_log - bottom_log < 0.5 ? 0.25 : 0.08 * (top_log - bottom_log);
    bottom_log -= room;
    top_log += room;
    const auto up = [&](double milliseconds) {
        return bottom - (bottom - top) * (std::log10(milliseconds) - bottom_log) / (top_log - bottom_log);
    };
    const auto across = [&](std::size_t i) {
        return left + 14.0 + (right - left - 24.0) * static_cast<double>(i) / static_cast<double>(points - 1);
    };

    drawing svg{out, "chart", width, height, "Latency quantiles of each model on a logarithmic axis"};
    std::string text;
    const bool fine = top_log - bottom_log < 1.7;
    const int every = top_log - bottom_log > 6.0 ? 2 : 1;
    for (int power = static_cast<int>(std::floor(bottom_log)); power <= top_log; ++power) {
        for (const double factor : {1.0, 2.0, 5.0}) {
            const double value = factor * std::pow(10.0, power);
            const double place = std::log10(value);
            if ((factor > 1.0 && !fine) || place < bottom_log || place > top_log || power % every != 0) {
                continue;
            }
            svg.line("grid", left, up(value), right, up(value));
            text.clear();
            append_duration(text, 1e6 * value, 1);
            svg.text("number", left - 8.0, up(value) + 3.5, "end", text);
        }
    }
    svg.line("axis", left, bottom, right, bottom);
    for (std::size_t i = 0; i < points; ++i) {
        svg.label("number", across(i), bottom + 16.0, "middle", names[i]);
    }

    for (const curve& each : curves) {
        std::string kind{"curve k"};
        append_count(kind, each.colour);
        std::string path;
        for (std::size_t i = 0; i < points; ++i) {
            append_point(path, i == 0 ? 'M' : 'L', across(i), up(each.values[i]));
        }
        svg.path(kind, path);
        std::string point{"point k"};
        append_count(point, each.colour);
        for (std::size_t i = 0; i < points; ++i) {
            text.assign(each.model);
            text += ' ';
            text += names[i];
            text += ": ";
            append_duration(text, 1e6 * each.values[i]);
            svg.dot(point, across(i), up(each.values[i]), 3.5, text);
        }
    }

    // Names stand at the ends of the curves, pushed apart where they would lie on one another.
    std::vector<curve*> order;
    for (curve& each : curves) {
        each.label = up(each.values[points - 1]);
        std::size_t place = order.size();
        order.push_back(&each);
        for (; place > 0 && order[place - 1]->label > each.label; --place) {
            order[place] = order[place - 1];
        }
        order[place] = &each;
    }
    double before = -100.0;
    for (curve* each : order) {
        each->label = each->label < before + 14.0 ? before + 14.0 : each->label;
        before = each->label;
    }
    double limit = bottom;
    for (std::size_t i = order.size(); i > 0; --i) {
        curve* each = order[i - 1];
        each->label = each->label > limit ? limit : each->label;
        limit = each->label - 14.0;
    }
    for (const curve& each : curves) {
        std::string kind{"name k"};
        append_count(kind, each.colour);
        svg.label(kind, across(points - 1) + 12.0, each.label + 4.0, "start", shortened(each.model, 16));
    }
    svg.end();
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
