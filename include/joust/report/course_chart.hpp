// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/text.hpp>
#include <joust/report/charts.hpp>
#include <joust/report/course.hpp>
#include <joust/report/report.hpp>
#include <joust/report/words.hpp>

#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

// Draws the course of a trial: the effect on a metric with its interval over time, and the share of the challenger below it.

namespace joust {
inline namespace v0 {
namespace detail {

/// A unit of time for an axis.
struct time_unit {
    double seconds;
    std::string_view name;
};

/// Return the unit in which a time reads best.
[[nodiscard]] constexpr time_unit unit_of_time(double seconds) noexcept
{
    return seconds >= 2.0 * 86'400.0  ? time_unit{86'400.0, "days"}
           : seconds >= 2.0 * 3'600.0 ? time_unit{3'600.0, "hours"}
           : seconds >= 120.0         ? time_unit{60.0, "minutes"}
           : seconds >= 1.0           ? time_unit{1.0, "seconds"}
           : seconds >= 1e-3          ? time_unit{1e-3, "milliseconds"}
                                      : time_unit{1e-6, "microseconds"};
}

/// Draw the course of one row. It is drawn over time, or over requests where the time stands still.
class course_chart {
public:
    course_chart(const report& shown, const metric_row& row, std::size_t place)
        : shown_(shown), looks_(shown.course), row_(row), place_(place), timed_(moves(shown.course)),
          unit_(timed_ ? unit_of_time(1e-9 * span_of_time(shown.course)) : time_unit{1.0, "requests"}),
          across_{from(), to(), left, right}, up_(scale_of_effect()),
          percent_(row.unit == "%" && !shows_ratio(row))
    {
    }

    /// Can the course of a row be drawn? At least two looks knew an estimate.
    [[nodiscard]] static bool drawable(const course& looks, std::size_t place)
    {
        std::size_t known_looks = 0;
        for (std::size_t i = 0; i < looks.size(); ++i) {
            known_looks += printable_number(looks.value(i, place).estimate) ? 1U : 0U;
        }
        return known_looks >= 2;
    }

    /// Does the trial have shares?
    [[nodiscard]] static bool has_share(const course& looks)
    {
        for (std::size_t i = 0; i < looks.size(); ++i) {
            if (printable_number(looks.look(i).share)) {
                return true;
            }
        }
        return false;
    }

    void draw(std::string& out) const
    {
        const bool shared = has_share(looks_);
        drawing svg{out, "chart course", width, shared ? height : bottom + 34.0, label()};
        draw_grid(svg);
        draw_band(svg);
        draw_marks(svg, shared);
        draw_estimate(svg);
        if (shared) {
            draw_share(svg);
        }
        draw_time(svg, shared ? share_bottom : bottom);
        svg.end();
    }

private:
    static constexpr double width = 360.0;
    static constexpr double left = 52.0;
    static constexpr double right = width - 12.0;
    static constexpr double top = 10.0;
    static constexpr double bottom = 150.0;
    static constexpr double share_top = 164.0;
    static constexpr double share_bottom = 200.0;
    static constexpr double height = share_bottom + 34.0;

    [[nodiscard]] static double span_of_time(const course& looks) noexcept
    {
        return static_cast<double>(looks.look(looks.size() - 1).time) -
               static_cast<double>(looks.look(0).time);
    }
    /// Does time pass from each look to the next?
    [[nodiscard]] static bool moves(const course& looks) noexcept
    {
        for (std::size_t i = 1; i < looks.size(); ++i) {
            if (looks.look(i).time < looks.look(i - 1).time) {
                return false;
            }
        }
        return span_of_time(looks) > 0.0;
    }

    /// Return where a look stands on the horizontal axis, in its unit.
    [[nodiscard]] double when(std::size_t i) const noexcept
    {
        return timed_ ? 1e-9 *
                            (static_cast<double>(looks_.look(i).time) -
                             static_cast<double>(looks_.look(0).time)) /
                            unit_.seconds
                      : static_cast<double>(looks_.look(i).requests);
    }
    [[nodiscard]] double from() const noexcept { return timed_ ? 0.0 : when(0); }
    [[nodiscard]] double to() const noexcept
    {
        const double last = when(looks_.size() - 1);
        return last > from() ? last : from() + 1.0;
    }
    [[nodiscard]] double x(std::size_t i) const noexcept { return across_(when(i)); }

    [[nodiscard]] const course_value& value(std::size_t i) const noexcept { return looks_.value(i, place_); }

    /// Let the axis show the estimates and the later intervals. The first intervals are so wide that they would flatten the rest; they
    /// end at the border.
    [[nodiscard]] scale scale_of_effect() const
    {
        const double middle = known(row_.reference) ? row_.reference : value(looks_.size() - 1).estimate;
        const double base = printable_number(middle) ? middle : 0.0;
        double reach = 0.0;
        const auto show = [&](double shown_value) {
            if (printable_number(shown_value)) {
                reach = std::fmax(reach, std::fabs(shown_value - base));
            }
        };
        show(row_.margin);
        for (std::size_t i = looks_.size() / 3; i < looks_.size(); ++i) {
            show(value(i).estimate);
            if (i >= looks_.size() / 2) {
                show(value(i).lower);
                show(value(i).upper);
            }
        }
        reach = reach > 0.0 && printable_number(1.12 * reach) ? 1.12 * reach : 1.0;
        return {base - reach, base + reach, bottom, top};
    }

    [[nodiscard]] std::string label() const
    {
        std::string text = row_.metric + " over time: ";
        const row_format format{row_};
        for (std::size_t i = looks_.size(); i > 0; --i) {
            if (printable_number(value(i - 1).estimate)) {
                format.estimate(text, value(i - 1).estimate);
                text += " at the latest of ";
                break;
            }
        }
        append_count(text, looks_.taken());
        return text + " looks";
    }

    void draw_grid(drawing& svg) const
    {
        if (known(row_.margin)) {
            const double y = up_(row_.margin);
            const bool above = harm_is_above(row_);
            svg.box("beyond", left, above ? top : y, right - left, above ? y - top : bottom - y);
        }
        const double unit = percent_ ? 100.0 : 1.0;
        const double step = nice_step((up_.to - up_.from) * unit / 4.5);
        const int wanted = static_cast<int>(-std::floor(std::log10(step) + 1e-9));
        const double origin =
            known(row_.reference) ? row_.reference * unit : std::ceil(up_.from * unit / step) * step;
        for_each_tick(up_.from * unit, up_.to * unit, step, origin, [&](double shown_value) {
            const double y = up_(shown_value / unit);
            std::string text;
            if (std::fabs(shown_value) < 1e-9 * step) {
                text = "0";
            } else {
                append_fixed(text, shown_value, wanted < 0 ? 0 : wanted,
                             row_.reference == 0.0 ? signs::always : signs::minus_only);
            }
            text += percent_ ? " %" : "";
            const bool zero =
                known(row_.reference) && std::fabs(shown_value - row_.reference * unit) < 1e-9 * step;
            svg.line(zero ? "zero" : "grid", left, y, right, y);
            svg.text("number", left - 6.0, y + 3.5, "end", text);
        });
        if (known(row_.margin)) {
            svg.line("limit", left, up_(row_.margin), right, up_(row_.margin));
        }
    }

    /// Draw the interval as an area, in pieces where looks knew none.
    void draw_band(drawing& svg) const
    {
        std::size_t i = 0;
        while (i < looks_.size()) {
            if (!known(value(i).lower) || !known(value(i).upper)) {
                ++i;
                continue;
            }
            std::size_t end = i;
            std::string outline;
            for (; end < looks_.size() && known(value(end).lower) && known(value(end).upper); ++end) {
                append_point(outline, end == i ? 'M' : 'L', x(end), edge(value(end).upper));
            }
            for (std::size_t back = end; back > i; --back) {
                append_point(outline, 'L', x(back - 1), edge(value(back - 1).lower));
            }
            svg.path("band " + std::string{tone(standing_of(row_))}, outline + "Z");
            i = end;
        }
    }

    /// Return the place of an end of an interval, which is the border where there is no end.
    [[nodiscard]] double edge(double end) const noexcept
    {
        return printable_number(end) ? up_(end) : end > 0.0 ? top : bottom;
    }

    void draw_estimate(drawing& svg) const
    {
        std::string line;
        bool open = false;
        std::size_t last = looks_.size();
        for (std::size_t i = 0; i < looks_.size(); ++i) {
            const bool there = printable_number(value(i).estimate);
            if (there) {
                append_point(line, open ? 'L' : 'M', x(i), up_(value(i).estimate));
                last = i;
            }
            open = there;
        }
        svg.path("effect " + std::string{tone(standing_of(row_))}, line);
        if (last < looks_.size()) {
            svg.dot("dot " + std::string{tone(standing_of(row_))}, x(last), up_(value(last).estimate), 4.0,
                    label());
        }
    }

    /// Return where the trial had served a number of requests, between the looks before and after.
    [[nodiscard]] double place_of(double requests) const noexcept
    {
        for (std::size_t i = 0; i < looks_.size(); ++i) {
            const auto here = static_cast<double>(looks_.look(i).requests);
            if (here >= requests) {
                if (i == 0) {
                    return x(0);
                }
                const auto before = static_cast<double>(looks_.look(i - 1).requests);
                const double part = here > before ? (requests - before) / (here - before) : 1.0;
                return x(i - 1) + part * (x(i) - x(i - 1));
            }
        }
        return x(looks_.size() - 1);
    }

    /// Mark where the share changed: by the steps of a ramp where the report has them, and otherwise by the looks.
    void draw_marks(drawing& svg, bool shared) const
    {
        const double end = shared ? share_bottom : bottom;
        const auto mark = [&](double at, bool down) {
            svg.line(down ? "turn down" : "turn", at, top, at, end);
        };
        double before = 0.0;
        if (!shown_.shares.empty()) {
            for (const share_step& step : shown_.shares) {
                if (&step != shown_.shares.data() && printable_number(step.requests)) {
                    mark(place_of(step.requests), step.share < before);
                }
                before = step.share;
            }
            return;
        }
        for (std::size_t i = 1; i < looks_.size(); ++i) {
            if (looks_.look(i).stage != looks_.look(i - 1).stage) {
                mark(x(i), looks_.look(i).share < looks_.look(i - 1).share);
            }
        }
    }

    void draw_share(drawing& svg) const
    {
        double largest = 0.0;
        for (std::size_t i = 0; i < looks_.size(); ++i) {
            largest = looks_.look(i).share > largest ? looks_.look(i).share : largest;
        }
        const double ceiling = largest > 0.5 ? 1.0 : largest > 0.0 ? std::fmin(1.0, 1.2 * largest) : 1.0;
        const scale share{0.0, ceiling, share_bottom, share_top};
        std::string outline;
        double before = 0.0;
        std::size_t first = looks_.size();
        for (std::size_t i = 0; i < looks_.size(); ++i) {
            const double now = looks_.look(i).share;
            if (!printable_number(now)) {
                continue;
            }
            if (!outline.empty()) {
                append_point(outline, 'L', x(i), share(before));
            }
            append_point(outline, outline.empty() ? 'M' : 'L', x(i), share(now));
            first = first == looks_.size() ? i : first;
            before = now;
        }
        std::string below = outline;
        append_point(below, 'L', right, share(before));
        append_point(below, 'L', right, share_bottom);
        append_point(below, 'L', x(first), share_bottom);
        svg.path("area", below + "Z");
        svg.path("steps", outline);
        std::string text;
        append_percent(text, largest, largest < 0.1 && largest > 0.0 ? 1 : 0);
        svg.text("number", left - 6.0, share(largest) + 3.5, "end", text);
        svg.label("number", left - 6.0, share_bottom, "end", "share");
    }

    void draw_time(drawing& svg, double base) const
    {
        svg.line("axis", left, base, right, base);
        const double step = nice_step((across_.to - across_.from) / 4.5);
        const int wanted = static_cast<int>(-std::floor(std::log10(step) + 1e-9));
        for_each_tick(across_.from, across_.to, step, std::ceil(across_.from / step) * step, [&](double at) {
            svg.line("tick", across_(at), base, across_(at), base + 4.0);
            std::string text;
            append_fixed(text, at, wanted < 0 ? 0 : wanted);
            const bool close = across_(at) > right - 14.0;
            svg.text("number", close ? right + 6.0 : across_(at), base + 15.0, close ? "end" : "middle",
                     text);
        });
        std::string text =
            timed_ ? std::string{unit_.name} + " since the first look" : std::string{unit_.name};
        svg.label("axisname", right, base + 29.0, "end", text);
    }

    const report& shown_;
    const course& looks_;
    const metric_row& row_;
    std::size_t place_;
    bool timed_;
    time_unit unit_;
    scale across_;
    scale up_;
    bool percent_;
};

/// The most rows whose course a page draws: the primary metric, then guardrails, then the others.
inline constexpr std::size_t most_courses = 9;

/// Return the place of a row in the order of the courses.
[[nodiscard]] inline int rank_of(const metric_row& row) noexcept
{
    return row.role == "primary" ? 0 : row.role.starts_with("guardrail") ? 1 : row.role == "check" ? 3 : 2;
}

/// Draw the course of the rows of a report, the primary metric first.
inline void append_courses(std::string& out, const report& shown)
{
    if (shown.course.size() < 2) {
        return;
    }
    struct candidate {
        const metric_row* row;
        std::size_t place;
    };
    std::vector<candidate> order;
    for (int rank = 0; rank < 4; ++rank) {
        for (const metric_row& row : shown.metrics) {
            for (std::size_t place = 0; rank_of(row) == rank && place < shown.course.rows().size(); ++place) {
                if (shown.course.rows()[place] == course_row{row.metric, row.arm}) {
                    if (order.size() < most_courses && course_chart::drawable(shown.course, place)) {
                        order.push_back({&row, place});
                    }
                    break;
                }
            }
        }
    }
    if (order.empty()) {
        return;
    }
    out += R"(<section><h3>Course <small>difference with its interval at each look)";
    out += course_chart::has_share(shown.course)
               ? (shown.arms.size() > 2 ? "; below it the share of all challengers"
                                        : "; below it the share of the challenger")
               : "";
    out += R"(</small></h3><div class="courses">)";
    for (const candidate& each : order) {
        out += "<figure><figcaption><b>";
        append_html(out, each.row->metric);
        out += "</b> <small>";
        append_html(out, each.row->role);
        if (shown.arms.size() > 2) {
            out += ", ";
            append_html(out, each.row->arm);
        }
        out += "</small></figcaption>";
        course_chart{shown, *each.row, each.place}.draw(out);
        out += "</figure>\n";
    }
    out += "</div></section>\n";
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
