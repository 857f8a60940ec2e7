// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/split/slot_split.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace joust {
inline namespace v0 {

/// Name the databases that can compute the hash of a unit.
enum class sql_dialect : std::uint8_t {
    /// ClickHouse, with xxHash64.
    clickhouse,
    /// Trino and Presto, with xxhash64 of bytes, which is a signed number there.
    trino,
    /// DuckDB, with xxh64 of its community extension hashfuncs.
    duckdb
};

namespace detail {

/// Return a text as an SQL literal.
[[nodiscard]] inline std::string sql_text(std::string_view text, sql_dialect dialect)
{
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'' || (c == '\\' && dialect == sql_dialect::clickhouse)) {
            out += c;
        }
        out += c;
    }
    out += '\'';
    return out;
}

/// Return the expression of the hash of a unit, a number of 64 bits: signed in Trino, unsigned elsewhere.
[[nodiscard]] inline std::string sql_hash(std::string_view salt, std::string_view unit, sql_dialect dialect)
{
    const std::string begin = sql_text(std::string{salt} + "/", dialect);
    std::string out;
    switch (dialect) {
        case sql_dialect::clickhouse:
            out = "xxHash64(concat(" + begin + ", toString(";
            out += unit;
            out += ")))";
            break;
        case sql_dialect::trino:
            out = "from_big_endian_64(xxhash64(to_utf8(" + begin + " || CAST(";
            out += unit;
            out += " AS varchar))))";
            break;
        case sql_dialect::duckdb:
            out = "xxh64(" + begin + " || CAST(";
            out += unit;
            out += " AS VARCHAR))";
            break;
    }
    return out;
}

}  // namespace detail

/// Write the SQL expression of a unit's arm: 0 for the champion, 1 for the first challenger, and so on.
///
/// The expression compares the hash of the unit, computed by the database, with the borders of the plan, all as whole
/// numbers, so it gives every unit the arm that the trial gives it. `unit` is an SQL expression of the unit, a column of text
/// or whole numbers; write UUIDs in lower case with hyphens. Make it from the plan that was in force: after a change of shares the borders
/// are others. For rules (layers, holdouts, overrides), add their conditions.
/// shape: `assignment_sql(joust::hash_split{.salt = "score", .shares = {0.9, 0.1}}, 2, "user_id", sql_dialect::clickhouse)`
/// errors: configuration_error for a salt that is empty or has a secret, which no database knows, and for shares that the
///     splitter refuses
template <class Split>
    requires requires(const Split& split, std::size_t arms) {
        split.salt.view();
        slot_plan{split.resolve(arms)};
    }
[[nodiscard]] std::string assignment_sql(const Split& split, std::size_t arms, std::string_view unit,
                                         sql_dialect dialect)
{
    if (split.salt.empty() || split.salt.hasher().keyed()) {
        throw configuration_error("salt", split.salt.empty() ? "an empty text" : "a salt with a secret",
                                  "a salt without a secret, which SQL can hash");
    }
    const slot_plan plan{split.resolve(arms)};
    // In Trino the numbers from 2^63 on are negative, so their slots come first.
    const std::uint64_t origin = dialect == sql_dialect::trino ? std::uint64_t{1} << 63 : 0;
    std::vector<hash_slot> slots;
    for (const hash_slot& slot : plan.slots()) {
        if (slot.begin >= origin) {
            slots.push_back(slot);
        }
    }
    if (origin != 0) {
        if (slots.empty() || slots.front().begin != origin) {
            slots.insert(slots.begin(), {origin, plan.arm_of(origin)});
        }
        for (const hash_slot& slot : plan.slots()) {
            if (slot.begin < origin && slot.arm != slots.back().arm) {
                slots.push_back(slot);
            }
        }
    }
    if (slots.size() == 1) {
        return std::to_string(slots.front().arm);
    }
    const std::string hash = detail::sql_hash(split.salt.view(), unit, dialect);
    std::string out = "CASE";
    for (std::size_t i = 0; i + 1 < slots.size(); ++i) {
        const std::uint64_t border = slots[i + 1].begin;
        out += "\n    WHEN " + hash + " < ";
        out += origin != 0 ? std::to_string(static_cast<std::int64_t>(border)) : std::to_string(border);
        out += " THEN " + std::to_string(slots[i].arm);
    }
    out += "\n    ELSE " + std::to_string(slots.back().arm) + "\nEND";
    return out;
}

}  // namespace v0
}  // namespace joust
