// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/json.hpp>
#include <joust/core/style.hpp>
#include <joust/core/text.hpp>
#include <joust/monitor/drift.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace joust {
inline namespace v0 {

/// Say what a monitor found for a feature, in the order of how serious it is. Whether a change is real and whether it
/// matters are two questions.
enum class drift_state : std::uint8_t {
    /// No change is proven, and none is large.
    quiet,
    /// No reference was learned yet.
    no_reference,
    /// The reference has fewer rows than `drift_alarm::min_rows`, so that the size of a difference is not known. A change
    /// that is proven all the same counts as drifted.
    small_reference,
    /// The last block differs by more than the tolerance, which may be chance.
    large_but_unproven,
    /// A change is proven, and it is within the tolerance.
    real_but_small,
    /// A change is proven, and it is larger than the tolerance. This is the state to alert on.
    drifted
};

/// Return the name of a state as reports show it.
/// cost: O(1)
[[nodiscard]] constexpr std::string_view to_string(drift_state state) noexcept
{
    switch (state) {
        case drift_state::no_reference: return "no reference";
        case drift_state::small_reference: return "reference too small";
        case drift_state::quiet: return "quiet";
        case drift_state::real_but_small: return "real but small";
        case drift_state::large_but_unproven: return "large but unproven";
        case drift_state::drifted: return "drifted";
    }
    return "unknown";
}

/// Hold a cell of a feature, with its shares before and now.
struct drift_cell {
    /// What the cell holds: "18 to 30", "de", "missing".
    std::string cell;
    /// Its share of the reference.
    double reference = stats::not_a_number;
    /// Its share of the last block.
    double live = stats::not_a_number;
    /// What it adds to the stability index.
    double term = 0.0;
    /// Compare all members.
    bool operator==(const drift_cell&) const = default;
};

/// Hold one feature of the report of a monitor.
struct drift_row {
    /// The name of the feature.
    std::string feature;
    /// The share of the reference without a value.
    double missing_reference = stats::not_a_number;
    /// The share of the last block without a value.
    double missing_live = stats::not_a_number;
    /// How many live rows since the start had an invalid number, such as infinity.
    std::uint64_t invalid_rows = 0;
    /// How many live rows since the start had a text or a code that is not among the categories.
    std::uint64_t unlisted_rows = 0;
    /// The last block compared with the reference.
    drift::comparison block;
    /// The evidence of any change since the alarm was last restarted, a weighted mean of four: half of its weight is for a change of the whole
    /// distribution, 22.5 % each for values that were rare and for missing values, and 4.5 % for values that no row of the reference had.
    double evidence = 0.0;
    /// The evidence at which the alarm is raised.
    double threshold = 0.0;
    /// The number of rows up to the end of the block that raised the alarm, or 0 if no block did.
    std::uint64_t raised_at = 0;
    /// Which bets have most of the evidence: "distribution", "rare values", "missing values" or "new values".
    std::string_view kind = "distribution";
    /// What the monitor found.
    drift_state state = drift_state::no_reference;
    /// The cell that adds most to the stability index, with its shares before and now.
    std::string largest;
    /// The cells that add most to the stability index, three at most, the largest first.
    std::vector<drift_cell> worst;
    /// All cells with their shares, in their order, without those that are empty on both sides.
    std::vector<drift_cell> cells;
};

/// Hold the evidence of every feature after a block.
/// cost: 8 bytes a feature
struct drift_look {
    /// The number of live rows checked so far.
    std::uint64_t rows = 0;
    /// The evidence of each feature, in their order.
    std::vector<double> evidence;

    /// Visit all members, to save or load them.
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(rows, evidence);
    }
    /// Compare all members.
    bool operator==(const drift_look&) const = default;
};

/// Hold everything that a monitor found, as plain values.
/// cost: one pass over the rows to write them
struct drift_report {
    /// One row for each feature.
    std::vector<drift_row> features;
    /// The number of live rows that were checked.
    std::uint64_t checked_rows = 0;
    /// The number of blocks that were checked.
    std::uint64_t blocks = 0;
    /// How many checks found no row.
    std::uint64_t empty_blocks = 0;
    /// The evidence over time. Where there are many blocks, every second one is left out, then every fourth, and so on.
    std::vector<drift_look> course;

    /// The style of `{}`.
    static constexpr style default_style = style::table;

    /// Return the most serious state of all features.
    [[nodiscard]] drift_state state() const noexcept
    {
        drift_state worst = features.empty() ? drift_state::no_reference : drift_state::quiet;
        for (const drift_row& row : features) {
            worst = row.state > worst ? row.state : worst;
        }
        return worst;
    }

    /// Return the features in the order of how much they ask for attention: their state, and then their evidence against its threshold.
    [[nodiscard]] std::vector<const drift_row*> ranked() const
    {
        std::vector<const drift_row*> order;
        order.reserve(features.size());
        for (const drift_row& row : features) {
            order.push_back(&row);
        }
        std::stable_sort(order.begin(), order.end(), [](const drift_row* a, const drift_row* b) {
            return a->state != b->state ? a->state > b->state : a->evidence > b->evidence;
        });
        return order;
    }

    /// Append the report in one of the styles.
    void write(std::string& out, style how = default_style) const
    {
        switch (how) {
            case style::line: return write_line(out);
            case style::json: return write_json(out);
            case style::table:
            case style::markdown: return write_table(out, how);
        }
    }

private:
    void write_line(std::string& out) const
    {
        out += to_string(state());
        bool first = true;
        for (const drift_row* each : ranked()) {
            const drift_row& row = *each;
            if (row.state == state() && row.state >= drift_state::large_but_unproven) {
                out += first ? ": " : ", ";
                out += row.feature;
                first = false;
            }
        }
        out += " (";
        append_count(out, features.size());
        out += " features, ";
        append_count(out, checked_rows);
        out += " rows)";
        if (empty_blocks > 0 && blocks == 0) {
            out += ", no check found a row";
        }
    }

    void write_table(std::string& out, style how) const
    {
        using enum text_table::align;
        text_table table{{"feature", left},       {"rows", right},      {"missing", right},
                         {"psi_jeffreys", right}, {"by chance", right}, {"evidence", right},
                         {"needed", right},       {"state", left},      {"largest change", left}};
        for (const drift_row& row : features) {
            std::string cells[6];
            append_count(cells[0], static_cast<std::uint64_t>(row.block.live_rows));
            append_percent(cells[1], row.missing_live);
            append_fixed(cells[2], row.block.psi_jeffreys, 4);
            append_fixed(cells[3], row.block.psi_null_mean, 4);
            append_e_value(cells[4], row.evidence);
            append_e_value(cells[5], row.threshold);
            table.row({row.feature, cells[0], cells[1], cells[2], cells[3], cells[4], cells[5],
                       to_string(row.state), row.largest});
        }
        if (how == style::markdown) {
            table.write_markdown(out);
        } else {
            table.write_text(out);
        }
    }

    void write_json(std::string& out) const
    {
        json_writer json{out};
        json.begin_object();
        json.key("state").value(to_string(state()));
        json.key("checked_rows").value(checked_rows);
        json.key("blocks").value(blocks);
        json.key("empty_blocks").value(empty_blocks);
        json.key("features").begin_array();
        for (const drift_row& row : features) {
            json.begin_object();
            json.key("feature").value(std::string_view{row.feature});
            json.key("state").value(to_string(row.state));
            json.key("evidence").value(row.evidence);
            json.key("threshold").value(row.threshold);
            json.key("raised_at").value(row.raised_at);
            json.key("reference_rows").value(row.block.reference_rows);
            json.key("block_rows").value(row.block.live_rows);
            json.key("missing_reference").value(row.missing_reference);
            json.key("missing_live").value(row.missing_live);
            json.key("invalid_rows").value(row.invalid_rows);
            json.key("unlisted_rows").value(row.unlisted_rows);
            json.key("kind").value(row.kind);
            json.key("psi_jeffreys").value(row.block.psi_jeffreys);
            json.key("psi_null_mean").value(row.block.psi_null_mean);
            json.key("js_divergence_bits").value(row.block.js_divergence_bits);
            json.key("hellinger").value(row.block.hellinger);
            json.key("total_variation").value(row.block.total_variation);
            json.key("l_infinity").value(row.block.l_infinity);
            json.key("largest").value(std::string_view{row.largest});
            json.key("worst").begin_array();
            for (const drift_cell& cell : row.worst) {
                json.begin_object();
                json.key("cell").value(std::string_view{cell.cell});
                json.key("reference").value(cell.reference);
                json.key("live").value(cell.live);
                json.key("term").value(cell.term);
                json.end_object();
            }
            json.end_array();
            json.end_object();
        }
        json.end_array();
        json.end_object();
    }
};

}  // namespace v0
}  // namespace joust
