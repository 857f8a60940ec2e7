// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/report/charts.hpp>
#include <joust/report/forecast.hpp>
#include <joust/report/html.hpp>

#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace detail {

/// Draw the stages of a planned canary on a logarithmic axis of requests: how long an equal challenger stays, and when harms are
/// caught.
class forecast_chart {
public:
    forecast_chart(std::string& out, const canary_forecast& shown)
        : shown_(shown), bottom_(top + row * static_cast<double>(shown.outlook.stages.size())),
          across_(scale_of(shown)),
          svg_(out, "chart", chart_area::width, bottom_ + 36.0,
               "Requests of an equal challenger in each stage, and requests until harms are caught")
    {
    }

    void draw()
    {
        draw_axis();
        for (std::size_t k = 0; k < shown_.outlook.stages.size(); ++k) {
            draw_stage(shown_.outlook.stages[k], top + row * (static_cast<double>(k) + 0.5));
        }
        svg_.end();
    }

private:
    static constexpr double left = 56.0;
    static constexpr double right = chart_area::width - 18.0;
    static constexpr double top = 10.0;
    static constexpr double row = 46.0;

    [[nodiscard]] static scale scale_of(const canary_forecast& shown)
    {
        double most = 100.0;
        const auto see = [&](double requests) {
            most = std::isfinite(requests) && requests > most ? requests : most;
        };
        for (const stats::stage_outlook& stage : shown.outlook.stages) {
            see(stage.requests_p90);
            for (const stats::caught_harm& caught : stage.caught) {
                see(caught.requests_95);
            }
        }
        return {1.0, std::ceil(std::log10(most)), left, right};
    }

    [[nodiscard]] double place(double requests) const
    {
        return across_(requests > 0.0 ? std::log10(requests) : 0.0);
    }

    void draw_axis()
    {
        svg_.line("axis", left, bottom_, right, bottom_);
        std::string text;
        double requests = 10.0;
        for (double power = across_.from; power <= across_.to; power += 1.0, requests *= 10.0) {
            const double x = across_(power);
            svg_.line("grid", x, top, x, bottom_);
            text.clear();
            append_count(text, static_cast<std::uint64_t>(requests));
            svg_.text("number", x, bottom_ + 16.0, power < across_.to ? "middle" : "end", text);
        }
        svg_.label("axisname", right, bottom_ + 30.0, "end", "requests in the stage, logarithmic");
    }

    void draw_stage(const stats::stage_outlook& stage, double y)
    {
        std::string text;
        append_share(text, stage.share);
        svg_.text("number", left - 8.0, y + 3.5, "end", text);
        if (std::isfinite(stage.requests)) {
            svg_.box("gauge", left, y - 12.0, place(stage.requests) - left, 10.0);
            svg_.line("ci calm", place(stage.requests), y - 7.0, place(stage.requests_p90), y - 7.0);
        }
        for (std::size_t g = 0; g < stage.caught.size(); ++g) {
            const stats::caught_harm& caught = stage.caught[g];
            const double down = y + 5.0 + 5.0 * static_cast<double>(g % 3);
            const std::string colour = " k" + std::to_string((g + 1) % 6);
            if (std::isfinite(caught.requests_80)) {
                const double end = std::isfinite(caught.requests_95) ? place(caught.requests_95) : right;
                std::string line;
                append_point(line, 'M', place(caught.requests_80), down);
                append_point(line, 'L', end, down);
                svg_.path("curve" + colour, line);
                mark(caught, "80 %", caught.requests_80, down, colour);
            }
            if (std::isfinite(caught.requests_95)) {
                mark(caught, "95 %", caught.requests_95, down, colour);
            }
        }
    }

    void mark(const stats::caught_harm& caught, std::string_view part, double requests, double y,
              const std::string& colour)
    {
        const stats::planned_guardrail& watch = shown_.plan.guardrails[caught.guardrail];
        std::string title = watch.name + ' ';
        append_harm(title, watch, stats::harm_of(watch));
        title += ": ";
        title += part;
        title += " stopped within ";
        append_requests(title, shown_, requests);
        svg_.dot("point" + colour, place(requests), y, 3.5, title);
    }

    const canary_forecast& shown_;
    double bottom_;
    scale across_;
    drawing svg_;
};

inline void append_forecast_key(std::string& out, const canary_forecast& shown)
{
    out +=
        R"(<ol class="steps"><li><b>bar</b> <span>an equal challenger: half leave the stage by its end, 90 % by the end of )"
        "the line</span></li>\n";
    for (std::size_t g = 0; g < shown.plan.guardrails.size(); ++g) {
        const stats::planned_guardrail& watch = shown.plan.guardrails[g];
        out += R"(<li><i class="key k)" + std::to_string((g + 1) % 6) + R"("></i><b>)";
        append_html(out, watch.name);
        out += "</b> <span>";
        std::string harm;
        append_harm(harm, watch, stats::harm_of(watch));
        append_html(out, harm);
        out += ": 80 and 95 % are stopped within the two points</span></li>\n";
    }
    out += "</ol>";
}

}  // namespace detail

/// Make a page of a canary's plan: one picture of its stages, and the numbers as text.
///
/// Its looks, its security policy and its escaping are those of html() for reports.
[[nodiscard]] inline std::string html(const canary_forecast& shown, const html_options& options = {})
{
    std::string out;
    detail::append_page_head(out, options);
    out += "</header>\n<article><section>";
    if (shown.outlook.state == status::ok) {
        out += "<h3>Stages</h3>";
        detail::forecast_chart{out, shown}.draw();
        detail::append_forecast_key(out, shown);
    }
    out += "</section><section><h3>Numbers</h3><div class=\"wide\"><pre>";
    std::string text;
    shown.write(text, style::table);
    // Lines and columns are kept, so that each line is escaped by itself.
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t end = text.find('\n', i);
        detail::append_html(out, std::string_view{text}.substr(i, end - i));
        out += '\n';
        i = end == std::string::npos ? text.size() : end + 1;
    }
    out += "</pre></div></section></article>\n</main>\n</body>\n</html>\n";
    return out;
}

}  // namespace v0
}  // namespace joust
