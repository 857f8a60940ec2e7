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

/// Append a report as plain text for a terminal: the verdict, its reason, and aligned tables.
void write_text(const report& full, std::string& out, std::uint64_t min_units = default_min_units);

/// Append a report as one line: `A/B test "score": ship challenger; click is better with dnn-v2`.
void write_line(const report& shown, std::string& out);

#if JOUST_BODIES

JOUST_FUNCTION void write_text(const report& full, std::string& out, std::uint64_t min_units)
{
    const report shown = suppress_small_groups(full, min_units);
    const auto line = [&out](std::string_view label, std::string_view text) {
        out += "  ";
        out += label;
        append_clean(out, text);
        out += '\n';
    };

    append_clean(out, detail::kind_in_words(shown.kind));
    out += " \"";
    append_clean(out, shown.name);
    out += "\": ";
    for (const char c : to_string(shown.decision)) {
        out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    out += '\n';
    line("", explain(shown.decision, shown.kind));
    if (!shown.reason.empty()) {
        line("Why: ", shown.reason);
    }

    if (!shown.arms.empty()) {
        out += "\nModels\n";
        detail::table_of_arms(shown).write_text(out);
    }
    if (!shown.metrics.empty()) {
        out += "\nMetrics, challenger minus champion\n";
        detail::table_of_metrics(shown).write_text(out);
        detail::for_each_explanation(shown, [&](std::string_view what, std::string_view meaning) {
            std::string text{what};
            text += ": ";
            text += meaning;
            line("", text);
        });
    }
    if (!shown.latencies.empty()) {
        out += "\nLatency\n";
        detail::table_of_latencies(shown).write_text(out);
    }
    if (!shown.exclusions.empty()) {
        out += "\nHarm of the challenger that is excluded\n";
        detail::table_of_exclusions(shown).write_text(out);
        for (const exclusion_row& row : shown.exclusions) {
            line("", row.words);
        }
    }
    if (!shown.shares.empty()) {
        out += "\nShare of the challenger\n";
        detail::table_of_shares(shown).write_text(out);
    }
    bool any = false;
    detail::for_each_note(shown, [&](std::string_view lead, std::string_view text) {
        out += any ? "" : "\nNotes\n";
        any = true;
        std::string label{"- "};
        label += lead;
        label += lead.empty() ? "" : ": ";
        line(label, text);
    });
}

JOUST_FUNCTION void write_line(const report& shown, std::string& out)
{
    append_clean(out, detail::kind_in_words(shown.kind));
    out += " \"";
    append_clean(out, shown.name);
    out += "\": ";
    out += to_string(shown.decision);
    if (!shown.reason.empty()) {
        out += "; ";
        append_clean(out, shown.reason);
    }
}

#endif

}  // namespace v0
}  // namespace joust
