// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/hex.hpp>
#include <joust/integration/detail/postgres_session.hpp>
#include <joust/store/store.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#if __has_include(<libpq-fe.h>)
#include <libpq-fe.h>
#else
#include <postgresql/libpq-fe.h>
#endif

namespace joust {
inline namespace v0 {

/// Keep rows in a table of PostgreSQL (version 10 or newer), so that replicas on several machines share them.
///
/// The tables (`joust_rows` and others) are made by the first connection, and brought up to date by a newer joust; tables of a newer
/// joust are refused. A call takes the time-out at most: the time for the lookup of a host's name comes on top. After a failure the
/// connection is made anew by the next call, with a pause between attempts; meanwhile calls fail at once.
///
/// When to use: replicas on several machines that share a PostgreSQL already.
/// When not: keys of more than 2,000 bytes; connections through a pool that changes the session between statements (then
/// `wait_for_change` wakes for nothing).
/// shape: `durable live{trial, postgres_store{{.connection = "host=db.internal dbname=trials"}}}`. Link `joust::postgres`.
/// errors: store_error from each call where the server cannot be reached in time or refuses. A write whose answer was lost may have
/// been done.
/// assumes: one thread uses a store at a time. A process that fork() makes connects anew.
/// cost: one round trip for each call; a write waits for the server's disk
class postgres_store {
public:
    /// Name the database. The first call connects.
    /// errors: configuration_error for a connection string that libpq cannot read, and for a time that is not positive
    explicit postgres_store(postgres_options options = {}) : calls_(options), changes_(std::move(options)) {}

    /// Return where the rows are, without a password.
    [[nodiscard]] const std::string& where() const noexcept { return calls_.where(); }

    /// Write the row where no row of this key or one of a lower sequence is there. Returns whether it was written.
    /// errors: store_error
    bool put_if_newer(std::string_view key, std::uint64_t sequence, std::string_view bytes)
    {
        const std::string number = std::to_string(sequence);
        return write(
            "WITH done AS (INSERT INTO joust_rows AS there (key, sequence, bytes) VALUES ($1, $2, $3)"
            " ON CONFLICT (key) DO UPDATE SET sequence = excluded.sequence, bytes = excluded.bytes,"
            " written = now() WHERE excluded.sequence > there.sequence RETURNING 1)"
            " SELECT pg_notify('joust_rows', $4) FROM done",
            key, {{key, true}, {number}, {bytes, true}});
    }

    /// Write the row where its sequence is `version`, or where no row is there and `version` is 0. It then has the sequence
    /// `version + 1`. Returns whether it was written.
    /// errors: store_error
    bool compare_and_set(std::string_view key, std::uint64_t version, std::string_view bytes)
    {
        if (version == std::numeric_limits<std::uint64_t>::max()) {
            throw store_error(where(), "the last version of a row has no successor");
        }
        const std::string after = std::to_string(version + 1);
        return write(
            version == 0
                ? "WITH done AS (INSERT INTO joust_rows AS there (key, sequence, bytes) VALUES ($1, $2, $3)"
                  " ON CONFLICT (key) DO UPDATE SET sequence = excluded.sequence, bytes = excluded.bytes,"
                  " written = now() WHERE there.sequence = 0 RETURNING 1)"
                  " SELECT pg_notify('joust_rows', $4) FROM done"
                : "WITH done AS (UPDATE joust_rows SET sequence = $2::numeric, bytes = $3, written = now()"
                  " WHERE key = $1 AND sequence = $2::numeric - 1 RETURNING 1)"
                  " SELECT pg_notify('joust_rows', $4) FROM done",
            key, {{key, true}, {after}, {bytes, true}});
    }

    /// Return the rows whose key starts with the prefix, sorted by key, as of one moment.
    /// errors: store_error
    [[nodiscard]] std::vector<stored_row> scan(std::string_view prefix)
    {
        // The least key that is above all keys with the prefix; there is none after bytes of 255 alone.
        std::string above{prefix};
        while (!above.empty() && static_cast<unsigned char>(above.back()) == 0xff) {
            above.pop_back();
        }
        if (!above.empty()) {
            above.back() = static_cast<char>(static_cast<unsigned char>(above.back()) + 1);
        }
        const detail::time_limit limit{calls_.timeout()};
        const detail::postgres_result found =
            calls_.call("SELECT key, sequence::text, bytes FROM joust_rows"
                        " WHERE key >= $1 AND ($2::bytea IS NULL OR key < $2) ORDER BY key",
                        {{prefix, true}, {above, true, above.empty()}}, limit);
        std::vector<stored_row> rows;
        for (int i = 0; i < PQntuples(found.get()); ++i) {
            const auto field = [&found, i](int column) {
                return std::string_view{PQgetvalue(found.get(), i, column),
                                        static_cast<std::size_t>(PQgetlength(found.get(), i, column))};
            };
            stored_row& row = rows.emplace_back(stored_row{std::string{field(0)}, 0, std::string{field(2)}});
            const std::string_view digits = field(1);
            const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), row.sequence);
            if (read.ec != std::errc{} || read.ptr != digits.data() + digits.size()) {
                throw store_error(where(), "the sequence of a row is " + std::string{digits});
            }
        }
        return rows;
    }

    /// Wait until a row of the prefix changes: returns true then, and false after the duration. It has a connection of its own, which the
    /// first call makes; what changed before is missed. Where the server cannot be reached it waits for the whole duration.
    bool wait_for_change(std::string_view prefix, std::chrono::nanoseconds how_long)
    {
        const detail::time_limit limit{how_long};
        try {
            if (!changes_.is_open()) {
                const detail::time_limit connecting{
                    std::min<std::chrono::nanoseconds>(how_long, changes_.timeout())};
                static_cast<void>(changes_.call("LISTEN joust_rows", {}, connecting));
            }
            const std::string wanted = beginning(prefix);
            for (std::string told; changes_.notified(told, limit);) {
                const std::size_t common = std::min(told.size(), wanted.size());
                if (told.compare(0, common, wanted, 0, common) == 0) {
                    return true;
                }
            }
        } catch (const store_error&) {
            std::this_thread::sleep_for(std::chrono::milliseconds{limit.milliseconds()});
        }
        return false;
    }

private:
    /// Return the beginning of a key as text for a notification, which has to be short.
    [[nodiscard]] static std::string beginning(std::string_view key)
    {
        std::string text;
        for (const char byte : key.substr(0, 1'000)) {
            detail::append_hex_byte(text, static_cast<std::uint8_t>(byte));
        }
        return text;
    }

    bool write(const char* statement, std::string_view key, std::vector<detail::postgres_value> values)
    {
        const std::string told = beginning(key);
        values.push_back({told});
        const detail::time_limit limit{calls_.timeout()};
        return PQntuples(calls_.call(statement, values, limit).get()) == 1;
    }

    detail::postgres_session calls_;
    detail::postgres_session changes_;
};

}  // namespace v0
}  // namespace joust
