// SPDX-License-Identifier: Apache-2.0

#include <joust/report/html.hpp>

#include "catch.hpp"
#include "report/sample.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace {

/// Say what is wrong with a page's tags, or nothing: every element closed in order, attributes quoted.
std::string malformed(std::string_view page)
{
    std::vector<std::string_view> open;
    for (std::size_t at = page.find('<'); at != std::string_view::npos; at = page.find('<', at)) {
        std::size_t end = at + 1;
        bool inside = false;
        for (; end < page.size() && (inside || page[end] != '>'); ++end) {
            inside = inside != (page[end] == '"');
            if (page[end] == '<') {
                return "a < inside a tag: " + std::string{page.substr(at, 60)};
            }
        }
        if (end == page.size()) {
            return "a tag is not closed: " + std::string{page.substr(at, 60)};
        }
        const std::string_view tag = page.substr(at + 1, end - at - 1);
        at = end + 1;
        if (tag.front() == '!') {
            continue;
        }
        std::string_view name = tag.substr(tag.front() == '/' ? 1 : 0);
        name = name.substr(0, name.find_first_of(" /"));
        if (tag.front() == '/') {
            if (open.empty() || open.back() != name) {
                return "</" + std::string{name} + "> closes " +
                       (open.empty() ? std::string{"nothing"} : std::string{open.back()});
            }
            open.pop_back();
        } else if (tag.back() != '/' && name != "meta") {
            open.push_back(name);
            if (name == "style") {
                at = page.find("</style", at);
            }
        }
    }
    return open.empty() ? "" : "not closed: " + std::string{open.back()};
}

std::size_t count(std::string_view page, std::string_view part)
{
    std::size_t found = 0;
    for (std::size_t at = page.find(part); at != std::string_view::npos; at = page.find(part, at + 1)) {
        ++found;
    }
    return found;
}

}  // namespace

TEST_CASE("the checker of this test finds broken pages")
{
    CHECK(malformed("<p>a</p><br/><meta x=\"a>b\">").empty());
    CHECK_FALSE(malformed("<p><b></p></b>").empty());
    CHECK_FALSE(malformed("<p>").empty());
    CHECK_FALSE(malformed("</p>").empty());
    CHECK_FALSE(malformed("<p title=\"<b>\">").empty());
    CHECK_FALSE(malformed("<p").empty());
}

TEST_CASE("a page of all trials is well formed and stands alone")
{
    const std::string page =
        joust::html(sample::all(), {.title = "Trials <of> \"today\"", .subtitle = "a & b"});
    CHECK(malformed(page) == "");
    CHECK(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
    CHECK(count(page, "<article") == 5);
    CHECK(count(page, "<nav>") == 1);
    for (const char* outside :
         {"http:", "https:", "@import", "url(", "<script", "<link", "<img", "<iframe", "<object"}) {
        CHECK(count(page, outside) == 0);
    }
    CHECK_THAT(page,
               ContainsSubstring("Trials &lt;of&gt; &quot;today&quot;") && ContainsSubstring("a &amp; b"));
    CHECK_THAT(page, ContainsSubstring("prefers-color-scheme:dark") && ContainsSubstring("@media print"));
}

TEST_CASE("text from outside stays text")
{
    const std::string page = joust::html(sample::interleaving());
    CHECK(malformed(page) == "");
    CHECK_THAT(
        page,
        ContainsSubstring(
            "search &lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;quoted&#39; \xE6\xA4\x9C\xE7\xB4\xA2 \xEF\xBF\xBD"));
    CHECK(count(page, "<script") == 0);
    CHECK(count(page, "<img") == 0);
    CHECK(count(page, "<i>note") == 0);
    CHECK(count(page, "<em>") == 0);
    CHECK(count(page, "</style>") == 1);
}

TEST_CASE("a banner says the verdict in words and in its tone")
{
    const std::string page = joust::html(sample::canary());
    CHECK_THAT(page, ContainsSubstring("<article class=\"bad\"") &&
                         ContainsSubstring("<strong>Roll back</strong>") &&
                         ContainsSubstring("failures: e = 129 after 2 failures of the challenger"));
}

TEST_CASE("the forest plot draws dot, interval, zero line, margin and arrows")
{
    std::string row;
    joust::detail::append_forest(row, sample::ab_test().metrics[0]);
    CHECK(count(row, "class=\"dot good\"") == 1);
    CHECK(count(row, "class=\"zero\"") == 1);
    CHECK(count(row, "class=\"limit\"") == 0);
    CHECK(count(row, "class=\"tip") == 0);
    CHECK_THAT(row, ContainsSubstring("aria-label=\"click: +2.01 pp, interval [+0.52, +3.50]\""));
    // The scale is symmetric about zero, so the zero line stands in the middle of 320.
    CHECK_THAT(row, ContainsSubstring("<line class=\"zero\" x1=\"160.0\""));

    row.clear();
    joust::detail::append_forest(row, sample::ab_test().metrics[1]);
    CHECK(count(row, "class=\"limit\"") == 1);
    CHECK(count(row, "class=\"beyond\"") == 1);
    CHECK(count(row, "class=\"tip good\"") == 1);

    row.clear();
    joust::detail::append_forest(row, sample::ab_test().metrics[2]);
    CHECK(count(row, "<svg") == 0);
    CHECK_THAT(row, ContainsSubstring("has not reached its minimum of data yet"));

    row.clear();
    joust::detail::append_forest(row, sample::shadow().metrics[0]);
    CHECK(count(row, "class=\"zero\"") == 0);
    CHECK(count(row, "class=\"gauge\"") == 1);
}

TEST_CASE("the share chart marks every step with its reason")
{
    std::string chart;
    joust::detail::append_share_chart(chart, sample::canary());
    CHECK(count(chart, "<circle") == 2);
    CHECK(count(chart, "class=\"mark down\"") == 1);
    CHECK_THAT(chart, ContainsSubstring(
                          "<title>0 % from request 431: roll back: failures beyond the margin</title>"));
    CHECK_THAT(chart, ContainsSubstring("the first requests of 10,000"));
}

TEST_CASE("the latency chart draws one curve per model and survives zeros")
{
    std::string chart;
    joust::detail::append_latency_chart(chart, sample::shadow());
    CHECK(count(chart, "class=\"curve") == 2);
    CHECK(count(chart, "<circle") == 10);
    CHECK(count(chart, "nan") == 0);
    CHECK(count(chart, "inf") == 0);

    joust::report none = sample::shadow();
    none.latencies = {{"softmax", 0, 0, 0, 0, 0, 0, 0}, {"broken", 5, sample::unknown, 1, 1, 1, 1, 1}};
    chart.clear();
    joust::detail::append_latency_chart(chart, none);
    CHECK(chart.empty());
}

TEST_CASE("strange numbers make a well-formed page without NaN in its drawings")
{
    for (const double strange :
         {sample::unknown, sample::endless, -sample::endless, 0.0, 1e308, -1e308, 5e-324}) {
        std::vector<joust::report> all = sample::all();
        for (joust::report& each : all) {
            for (joust::metric_row& row : each.metrics) {
                row.estimate = strange;
                row.upper = strange;
                row.margin = strange;
                row.champion = strange;
            }
            for (joust::latency_row& row : each.latencies) {
                row.p50 = strange;
            }
            for (joust::share_step& step : each.shares) {
                step.share = strange;
                step.requests = strange;
            }
            for (joust::arm_row& arm : each.arms) {
                arm.share = strange;
            }
        }
        const std::string page = joust::html(all);
        CHECK(malformed(page) == "");
        CHECK(count(page, "=\"nan") == 0);
        CHECK(count(page, "=\"inf") == 0);
        CHECK(count(page, "=\"-inf") == 0);
    }
}

TEST_CASE("an empty page and an empty report are pages")
{
    CHECK(malformed(joust::html(std::vector<joust::report>{})) == "");
    CHECK(malformed(joust::html(joust::report{})) == "");
}
