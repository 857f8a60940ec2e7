// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/text.hpp>
#include <joust/report/report.hpp>
#include <joust/report/suppress.hpp>
#include <joust/report/tables.hpp>
#include <joust/report/words.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Append a report as Markdown: a heading with the verdict, then tables. The summary page of a CI job can show it.
///
/// Names and reasons are escaped, so that they cannot break a table or begin a link.
void write_markdown(const report& full, std::string& out, std::uint64_t min_units = default_min_units);

#if JOUST_BODIES

JOUST_FUNCTION void write_markdown(const report& full, std::string& out, std::uint64_t min_units)
{
    const report shown = suppress_small_groups(full, min_units);
    const auto text = [&out](std::string_view part) {
        std::string clean;
        append_clean(clean, part);
        text_table::append_markdown(out, clean);
    };
    const auto table = [&out](std::string_view title, const text_table& rows) {
        out += "\n**";
        out += title;
        out += "**\n\n";
        rows.write_markdown(out);
    };

    out += "### ";
    text(detail::kind_in_words(shown.kind));
    out += ' ';
    text(shown.name);
    out += ": ";
    out += to_string(shown.decision);
    out += "\n\n";
    out += explain(shown.decision, shown.kind);
    if (!shown.reason.empty()) {
        out += " Why: ";
        text(shown.reason);
    }
    out += '\n';
    if (!shown.arms.empty()) {
        table("Models", detail::table_of_arms(shown));
    }
    if (!shown.metrics.empty()) {
        table("Metrics, challenger minus champion", detail::table_of_metrics(shown));
    }
    if (!shown.latencies.empty()) {
        table("Latency", detail::table_of_latencies(shown));
    }
    if (!shown.exclusions.empty()) {
        table("Harm of the challenger that is excluded", detail::table_of_exclusions(shown));
    }
    if (!shown.shares.empty()) {
        table("Share of the challenger", detail::table_of_shares(shown));
    }

    bool first = true;
    const auto bullet = [&](std::string_view lead, std::string_view rest) {
        out += first ? "\n- " : "- ";
        first = false;
        text(lead);
        out += lead.empty() ? "" : ": ";
        text(rest);
        out += '\n';
    };
    for (const exclusion_row& row : shown.exclusions) {
        bullet("", row.words);
    }
    detail::for_each_explanation(shown, bullet);
    detail::for_each_note(shown, bullet);
}

#endif

}  // namespace v0
}  // namespace joust
