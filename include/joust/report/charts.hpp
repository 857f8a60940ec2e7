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

// Inline SVG for the HTML report. The style sheet of the page sets the colours, so that one drawing serves light pages,
// dark pages and print.

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

/// Append a printed number to HTML, with a true minus sign and infinity.
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

/// Append a printed p-value or e-value to HTML: 8.0e-5 becomes a power of ten.
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

/// Append a length of an SVG, with one decimal and without commas.
inline void append_coordinate(std::string& out, double value)
{
    char buffer[64];
    if (!printable_number(value) || std::abs(value) > 1e9) {
        value = 0.0;
    }
    out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed, 1).ptr);
}

/// Return the colour class of a standing.
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

/// Return the number of the colour of a model: its place among the arms.
[[nodiscard]] inline std::size_t colour_of(const report& shown, std::string_view model) noexcept
{
    for (std::size_t i = 0; i < shown.arms.size(); ++i) {
        if (shown.arms[i].model == model) {
            return i % 6;
        }
    }
    return 0;
}

/// Return the smallest number among ..., 1, 2, 5, 10, ... that is at least `wanted`.
[[nodiscard]] inline double nice_step(double wanted)
{
    if (!(wanted > 0.0) || !printable_number(wanted)) {
        return 1.0;
    }
    const double power = std::pow(10.0, std::floor(std::log10(wanted)));
    for (const double factor : {1.0, 2.0, 5.0}) {
        if (factor * power >= wanted * (1.0 - 1e-9)) {
            return factor * power > 0.0 ? factor * power : 1.0;  // The power may underflow to 0.
        }
    }
    return power > 0.0 ? 10.0 * power : 1.0;
}

/// Write an SVG, element by element.
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
        open("line", kind);
        attribute("x1", x1);
        attribute("y1", y1);
        attribute("x2", x2);
        attribute("y2", y2);
        out_ += "/>";
    }

    void box(std::string_view kind, double x, double y, double width, double height)
    {
        open("rect", kind);
        attribute("x", x);
        attribute("y", y);
        attribute("width", width < 0.0 ? 0.0 : width);
        attribute("height", height < 0.0 ? 0.0 : height);
        out_ += "/>";
    }

    void dot(std::string_view kind, double x, double y, double radius, std::string_view title)
    {
        open("circle", kind);
        attribute("cx", x);
        attribute("cy", y);
        attribute("r", radius);
        out_ += "><title>";
        append_html(out_, title);
        out_ += "</title></circle>";
    }

    /// Write a printed number. `anchor` is "start", "middle" or "end".
    void text(std::string_view kind, double x, double y, std::string_view anchor, std::string_view content)
    {
        open_text(kind, x, y, anchor);
        append_number_html(out_, content);
        out_ += "</text>";
    }

    /// Write words, in which a hyphen is not a minus sign.
    void label(std::string_view kind, double x, double y, std::string_view anchor, std::string_view content)
    {
        open_text(kind, x, y, anchor);
        append_html(out_, content);
        out_ += "</text>";
    }

    void path(std::string_view kind, std::string_view data)
    {
        open("path", kind);
        out_ += R"( d=")";
        out_ += data;
        out_ += "\"/>";
    }

private:
    void open(std::string_view element, std::string_view kind)
    {
        out_ += '<';
        out_ += element;
        out_ += R"( class=")";
        out_ += kind;
        out_ += '"';
    }

    void open_text(std::string_view kind, double x, double y, std::string_view anchor)
    {
        open("text", kind);
        out_ += R"( text-anchor=")";
        out_ += anchor;
        out_ += '"';
        attribute("x", x);
        attribute("y", y);
        out_ += '>';
    }

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

/// Append one command of a path with its point.
inline void append_point(std::string& path, char command, double x, double y)
{
    path += command;
    append_coordinate(path, x);
    path += ' ';
    append_coordinate(path, y);
}

/// Map numbers to places along one direction of a picture. Numbers beyond an end are drawn at that end.
struct scale {
    /// The numbers at the two ends.
    double from;
    double to;
    /// The places of the two ends.
    double begin;
    double end;

    [[nodiscard]] double operator()(double value) const noexcept
    {
        const double share = (value - from) / (to - from);
        return begin + (end - begin) * (!(share > 0.0) ? 0.0 : share > 1.0 ? 1.0 : share);
    }
};

/// Call `visit(value)` for every multiple of `step`, counted from `origin`, that lies between two numbers.
template <class Visit>
void for_each_tick(double low, double high, double step, double origin, Visit&& visit)
{
    for (int i = -40; i <= 40; ++i) {
        const double value = origin + i * step;
        if (value >= low - 1e-9 * step && value <= high + 1e-9 * step) {
            visit(value);
        }
    }
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
class forest_row {
public:
    forest_row(std::string& out, const metric_row& row)
        : row_(row), compared_(known(row.reference)), percent_(in_percent(row)),
          tone_(tone(standing_of(row))), at_(scale_of(row)),
          svg_(out, "forest", width, height, forest_label(row))
    {
    }

    void draw()
    {
        draw_axis();
        draw_references();
        draw_interval();
        svg_.end();
    }

    /// Can the interval be drawn with finite numbers that differ?
    [[nodiscard]] static bool drawable(const metric_row& row)
    {
        const scale at = scale_of(row);
        const double length = (at.to - at.from) * unit_of(row);
        return length > 1e-290 && printable_number(length);
    }

private:
    static constexpr double width = 320.0;
    static constexpr double height = 58.0;
    static constexpr double left = 14.0;
    static constexpr double right = width - 14.0;
    static constexpr double middle = 24.0;
    static constexpr double axis = 40.0;

    /// Does the axis show percent?
    [[nodiscard]] static bool in_percent(const metric_row& row)
    {
        return row.unit == "%" && !shows_ratio(row);
    }

    /// The factor from the numbers of a row to the numbers at its axis.
    [[nodiscard]] static double unit_of(const metric_row& row) { return in_percent(row) ? 100.0 : 1.0; }

    /// A difference is drawn around its reference, a proportion from 0 to 1, anything else around its interval.
    [[nodiscard]] static scale scale_of(const metric_row& row)
    {
        if (known(row.reference)) {
            double reach = 0.0;
            for (const double value : {row.lower, row.upper, row.estimate, row.margin}) {
                if (printable_number(value) && std::abs(value - row.reference) > reach) {
                    reach = std::abs(value - row.reference);
                }
            }
            reach = reach > 0.0 ? 1.12 * reach : 1.0;
            return {row.reference - reach, row.reference + reach, left, right};
        }
        if (in_percent(row) && row.lower >= 0.0 && row.upper <= 1.0) {
            return {0.0, 1.0, left, right};
        }
        const double from = printable_number(row.lower) ? row.lower : row.estimate;
        const double to = printable_number(row.upper) ? row.upper : row.estimate;
        const double room = to > from ? 0.6 * (to - from) : 1.0;
        return {from - room, to + room, left, right};
    }

    void draw_axis()
    {
        const double unit = unit_of(row_);
        const double low = at_.from * unit;
        const double high = at_.to * unit;
        const double step = nice_step((at_.to - at_.from) * unit / 4.5);
        // The numbers need no more decimals than the step itself.
        const int wanted = static_cast<int>(-std::floor(std::log10(step) + 1e-9));
        const int decimals = wanted < 0 ? 0 : wanted;
        svg_.line("axis", left, axis, right, axis);
        const double origin = compared_ ? row_.reference * unit : std::ceil(low / step) * step;
        for_each_tick(low, high, step, origin, [&](double value) {
            const double x = at_(value / unit);
            svg_.line("tick", x, axis, x, axis + 3.0);
            std::string text;
            if (std::abs(value) < 1e-9 * step) {
                text = "0";
            } else {
                append_fixed(text, value, decimals,
                             row_.reference == 0.0 ? signs::always : signs::minus_only);
            }
            svg_.text("number", x, axis + 14.0, "middle", text);
        });
    }

    /// Draw what the interval is compared with: the limit of a guardrail, and "no difference".
    void draw_references()
    {
        if (known(row_.margin)) {
            const double x = at_(row_.margin);
            const bool above = harm_is_above(row_);
            svg_.box("beyond", above ? x : left - 8.0, 4.0, above ? right + 8.0 - x : x - left + 8.0,
                     axis - 4.0);
            svg_.line("limit", x, 4.0, x, axis);
        }
        if (compared_) {
            const double x = at_(row_.reference);
            svg_.line("zero", x, 4.0, x, axis);
            if (row_.better != 0) {
                const bool up = row_.better > 0;
                svg_.label("hint", up ? right + 8.0 : left - 8.0, 12.0, up ? "end" : "start",
                           up ? "better \xE2\x80\xBA" : "\xE2\x80\xB9 better");
            }
        } else if (percent_) {
            svg_.box("gauge", left, middle - 5.0, at_(row_.estimate) - left, 10.0);
        }
    }

    void draw_interval()
    {
        const std::string kind = "ci " + std::string{tone_};
        const bool ends_left = printable_number(row_.lower);
        const bool ends_right = printable_number(row_.upper);
        const double begin = ends_left ? at_(row_.lower) : left;
        const double end = ends_right ? at_(row_.upper) : right;
        svg_.line(kind, begin, middle, end, middle);
        draw_end(kind, ends_left, begin, left, -1.0);
        draw_end(kind, ends_right, end, right, 1.0);
        if (printable_number(row_.estimate)) {
            svg_.dot("dot " + std::string{tone_}, at_(row_.estimate), middle, 5.0, forest_label(row_));
        }
    }

    /// Draw one end of the interval: a stroke, or an arrow at the border if the interval has no end on this side.
    void draw_end(std::string_view kind, bool ends, double x, double border, double outwards)
    {
        if (ends) {
            svg_.line(kind, x, middle - 5.0, x, middle + 5.0);
            return;
        }
        std::string arrow;
        append_point(arrow, 'M', border + 9.0 * outwards, middle);
        append_point(arrow, 'L', border - 1.0 * outwards, middle - 5.5);
        append_point(arrow, 'L', border - 1.0 * outwards, middle + 5.5);
        svg_.path("tip " + std::string{tone_}, arrow + "Z");
    }

    const metric_row& row_;
    bool compared_;
    bool percent_;
    std::string_view tone_;
    scale at_;
    drawing svg_;
};

/// Draw the interval of one metric, or say why there is none.
inline void append_forest(std::string& out, const metric_row& row)
{
    const auto instead = [&out](std::string_view why) {
        out += R"(<span class="waiting">)";
        append_html(out, why);
        out += "</span>";
    };
    if (row.suppressed) {
        instead("suppressed");
    } else if (row.state != status::ok) {
        instead(explain(row.state));
    } else if (!known(row.lower) || !known(row.upper)) {
        instead("no interval by this method");
    } else if (!forest_row::drawable(row)) {
        instead("too large or too small to be drawn");
    } else {
        forest_row{out, row}.draw();
    }
}

/// The part of a chart in which values are drawn. The numbers of the vertical axis stand left of it, and those of the
/// horizontal axis below it.
struct chart_area {
    double left;
    double right;
    double top;
    double bottom;

    static constexpr double width = 520.0;
    static constexpr double height = 230.0;

    /// Draw a horizontal line with its number.
    void level(drawing& svg, std::string_view kind, double y, std::string_view number) const
    {
        svg.line(kind, left, y, right, y);
        svg.text("number", left - 8.0, y + 3.5, "end", number);
    }
};

/// Draw the share of the challenger over the requests of the trial, as steps.
class share_chart {
public:
    share_chart(std::string& out, const report& shown)
        : shown_(shown), range_(range_of(shown)), across_{0.0, range_.requests, area.left, area.right},
          up_{0.0, range_.ceiling, area.bottom, area.top},
          svg_(out, "chart", area.width, area.height,
               "Share of the challenger over the requests served by the trial")
    {
    }

    void draw()
    {
        draw_axes();
        draw_steps();
        draw_marks();
        svg_.end();
    }

private:
    static constexpr chart_area area{44.0, chart_area::width - 18.0, 22.0, chart_area::height - 34.0};

    struct range {
        /// All requests of the trial.
        double total = 0.0;
        /// The requests at the right end.
        double requests = 1.0;
        /// Whether the chart ends before the last request.
        bool cut = false;
        /// The share at the top.
        double ceiling = 1.0;
    };

    [[nodiscard]] static range range_of(const report& shown)
    {
        range found;
        for (const arm_row& arm : shown.arms) {
            found.total += static_cast<double>(arm.requests);
        }
        double last = 0.0;
        double largest = 0.0;
        for (const share_step& step : shown.shares) {
            last = printable_number(step.requests) && step.requests > last ? step.requests : last;
            largest = step.share > largest ? step.share : largest;
        }
        // Steps at the start of a long trial would all lie in the left corner, so that only the start is drawn.
        found.cut = last > 0.0 && found.total > 8.0 * last;
        const double reach = found.cut ? 4.0 * last : found.total > last ? found.total : 1.15 * last;
        found.requests = reach >= 1.0 && printable_number(reach) ? reach : 1.0;
        const double ceiling = largest > 0.25 ? 1.0 : largest > 0.0 ? 2.0 * nice_step(largest) : 1.0;
        found.ceiling = ceiling > 1.0 ? 1.0 : ceiling;
        return found;
    }

    [[nodiscard]] double place_of(const share_step& step) const noexcept
    {
        return across_(printable_number(step.requests) ? step.requests : 0.0);
    }

    void draw_axes()
    {
        std::string text;
        for (const double part : {0.0, 0.25, 0.5, 0.75, 1.0}) {
            const double share = part * range_.ceiling;
            text.clear();
            append_percent(text, share,
                           part == 0.0 || range_.ceiling >= 0.5 ? 0
                           : range_.ceiling < 0.03              ? 2
                                                                : 1);
            area.level(svg_, part == 0.0 ? "axis" : "grid", up_(share), text);
        }
        const double step = nice_step(range_.requests / 5.0);
        for_each_tick(0.0, range_.requests, step, 0.0, [&](double requests) {
            const double x = across_(requests);
            svg_.line("tick", x, area.bottom, x, area.bottom + 4.0);
            text.clear();
            append_fixed(text, requests, step < 1.0 ? 1 : 0);
            const bool close = x > area.right - 20.0;
            svg_.text("number", close ? area.right + 10.0 : x, area.bottom + 16.0, close ? "end" : "middle",
                      text);
        });
        text = "requests";
        if (range_.cut) {
            text = "the first requests of ";
            append_fixed(text, range_.total, 0);
        }
        svg_.label("axisname", area.right, area.bottom + 30.0, "end", text);
    }

    void draw_steps()
    {
        std::string outline;
        double before = 0.0;
        for (const share_step& step : shown_.shares) {
            const double x = place_of(step);
            if (&step != shown_.shares.data()) {
                append_point(outline, 'L', x, up_(before));
            }
            append_point(outline, outline.empty() ? 'M' : 'L', x, up_(step.share));
            before = step.share;
        }
        append_point(outline, 'L', area.right, up_(before));
        std::string below = outline;
        append_point(below, 'L', area.right, area.bottom);
        append_point(below, 'L', place_of(shown_.shares.front()), area.bottom);
        svg_.path("area", below + "Z");
        svg_.path("steps", outline);
    }

    /// Draw a dot at the beginning of each step, with its share unless the last number is too near.
    void draw_marks()
    {
        double labelled = -100.0;
        double above = -100.0;
        double before = 0.0;
        for (const share_step& step : shown_.shares) {
            const bool down = step.share < before;
            const double x = place_of(step);
            const double y = up_(step.share);
            if (down) {
                svg_.line("drop", x, up_(before), x, y);
            }
            std::string text;
            append_percent(text, step.share, step.share < 0.1 && step.share > 0.0 ? 1 : 0);
            if (x - labelled > 42.0 || std::abs(y - above) > 16.0) {
                const bool close = x > area.right - 40.0;
                svg_.text("value", close ? x - 4.0 : x + 2.0, y - 8.0, close ? "end" : "start", text);
                labelled = x;
                above = y;
            }
            text += " from request ";
            append_fixed(text, step.requests, 0);
            text += ": ";
            text += step.reason;
            svg_.dot(down ? "mark down" : "mark", x, y, 4.0, text);
            before = step.share;
        }
    }

    const report& shown_;
    range range_;
    scale across_;
    scale up_;
    drawing svg_;
};

/// Shorten a name to a number of characters.
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
class latency_chart {
public:
    explicit latency_chart(const report& shown) : curves_(curves_of(shown)), up_(scale_of(curves_)) {}

    /// Draw nothing if no model has latencies that can be drawn.
    void draw(std::string& out)
    {
        if (curves_.empty()) {
            return;
        }
        drawing svg{out, "chart", area.width, area.height,
                    "Latency quantiles of each model on a logarithmic axis"};
        draw_axes(svg);
        for (const curve& each : curves_) {
            draw_curve(svg, each);
        }
        draw_names(svg);
        svg.end();
    }

private:
    static constexpr chart_area area{56.0, chart_area::width - 118.0, 14.0, chart_area::height - 34.0};
    static constexpr std::string_view names[] = {"p50", "p90", "p95", "p99", "p99.9"};
    static constexpr std::size_t points = 5;
    static constexpr scale across{0.0, points - 1.0, area.left + 14.0, area.right - 10.0};
    static constexpr double line_height = 14.0;

    struct curve {
        std::string_view model;
        std::size_t colour;
        double values[points];
        /// Where the name stands.
        double label;
    };

    [[nodiscard]] static std::vector<curve> curves_of(const report& shown)
    {
        std::vector<curve> curves;
        for (const latency_row& row : shown.latencies) {
            curve next{
                row.model, colour_of(shown, row.model), {row.p50, row.p90, row.p95, row.p99, row.p999}, 0.0};
            bool drawn = !row.suppressed && row.count != 0;
            for (double& value : next.values) {
                drawn = drawn && printable_number(value) && value >= 0.0;
                // A logarithmic axis has no zero, so that less than a nanosecond is drawn as a nanosecond.
                value = value < 1e-6 ? 1e-6 : value;
            }
            if (drawn) {
                curves.push_back(next);
            }
        }
        return curves;
    }

    /// The scale of the logarithms, with some room above and below.
    [[nodiscard]] static scale scale_of(const std::vector<curve>& curves)
    {
        double low = 1e300;
        double high = 0.0;
        for (const curve& each : curves) {
            for (const double value : each.values) {
                low = value < low ? value : low;
                high = value > high ? value : high;
            }
        }
        const double from = std::log10(low);
        const double to = std::log10(high);
        const double room = to - from < 0.5 ? 0.25 : 0.08 * (to - from);
        return {from - room, to + room, area.bottom, area.top};
    }

    [[nodiscard]] double height_of(double milliseconds) const { return up_(std::log10(milliseconds)); }

    void draw_axes(drawing& svg) const
    {
        const double decades = up_.to - up_.from;
        const bool fine = decades < 1.7;
        const int every = decades > 6.0 ? 2 : 1;
        std::string text;
        for (int power = static_cast<int>(std::floor(up_.from)); power <= up_.to; ++power) {
            for (const double factor : {1.0, 2.0, 5.0}) {
                const double value = factor * std::pow(10.0, power);
                const double place = std::log10(value);
                if ((factor > 1.0 && !fine) || place < up_.from || place > up_.to || power % every != 0) {
                    continue;
                }
                text.clear();
                append_duration(text, 1e6 * value, 1);
                area.level(svg, "grid", height_of(value), text);
            }
        }
        svg.line("axis", area.left, area.bottom, area.right, area.bottom);
        for (std::size_t i = 0; i < points; ++i) {
            svg.label("number", across(static_cast<double>(i)), area.bottom + 16.0, "middle", names[i]);
        }
    }

    void draw_curve(drawing& svg, const curve& drawn) const
    {
        std::string path;
        for (std::size_t i = 0; i < points; ++i) {
            append_point(path, i == 0 ? 'M' : 'L', across(static_cast<double>(i)),
                         height_of(drawn.values[i]));
        }
        svg.path(coloured("curve", drawn), path);
        for (std::size_t i = 0; i < points; ++i) {
            std::string text{drawn.model};
            text += ' ';
            text += names[i];
            text += ": ";
            append_duration(text, 1e6 * drawn.values[i]);
            svg.dot(coloured("point", drawn), across(static_cast<double>(i)), height_of(drawn.values[i]), 3.5,
                    text);
        }
    }

    /// Write the names at the ends of the curves, pushed apart if they would overlap.
    void draw_names(drawing& svg)
    {
        std::vector<curve*> order;
        for (curve& each : curves_) {
            each.label = height_of(each.values[points - 1]);
            std::size_t place = order.size();
            order.push_back(&each);
            for (; place > 0 && order[place - 1]->label > each.label; --place) {
                order[place] = order[place - 1];
            }
            order[place] = &each;
        }
        double highest = -100.0;
        for (curve* each : order) {
            each->label = each->label < highest ? highest : each->label;
            highest = each->label + line_height;
        }
        double lowest = area.bottom;
        for (std::size_t i = order.size(); i > 0; --i) {
            curve* each = order[i - 1];
            each->label = each->label > lowest ? lowest : each->label;
            lowest = each->label - line_height;
        }
        for (const curve& each : curves_) {
            svg.label(coloured("name", each), across(points - 1.0) + 12.0, each.label + 4.0, "start",
                      shortened(each.model, 16));
        }
    }

    [[nodiscard]] static std::string coloured(std::string_view kind, const curve& drawn)
    {
        std::string out{kind};
        out += " k";
        append_count(out, drawn.colour);
        return out;
    }

    std::vector<curve> curves_;
    scale up_;
};

inline void append_share_chart(std::string& out, const report& shown)
{
    share_chart{out, shown}.draw();
}

inline void append_latency_chart(std::string& out, const report& shown)
{
    latency_chart{shown}.draw(out);
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
