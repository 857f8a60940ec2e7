// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/integration/detail/server_call.hpp>
#include <joust/store/store.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if __has_include(<libpq-fe.h>)
#include <libpq-fe.h>
#else
#include <postgresql/libpq-fe.h>
#endif
#include <unistd.h>

namespace joust {
inline namespace v0 {

/// Options of postgres_store and postgres_log.
struct postgres_options {
    /// Where the database is, as libpq reads it: `host=... dbname=... user=...`, or a URI. What is missing comes from the environment
    /// (PGHOST and others) and from the file of passwords.
    std::string connection{};
    /// The schema of the tables, or empty for the first of the connection's search path. It has to exist.
    std::string schema{};
    /// The longest time that a call takes, connecting included.
    std::chrono::milliseconds timeout{1'000};
    /// The pause after the first failure to connect. It doubles with each further one.
    std::chrono::milliseconds first_pause{50};
    /// The longest pause.
    std::chrono::milliseconds longest_pause{500};
};

namespace detail {

struct finish_postgres {
    void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
};
struct clear_postgres {
    void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using postgres_result = std::unique_ptr<PGresult, clear_postgres>;

/// A parameter of a statement: text, or bytes for a bytea.
struct postgres_value {
    std::string_view bytes;
    bool binary = false;
    bool null = false;
};

/// The tables of joust, as steps: step i makes version i + 1 from version i. Steps are added and never changed.
inline constexpr std::array<const char*, 2> postgres_steps{
    "CREATE TABLE joust_rows ("
    " key bytea PRIMARY KEY,"
    " sequence numeric(20, 0) NOT NULL,"
    " bytes bytea NOT NULL,"
    " written timestamptz NOT NULL DEFAULT now())",
    "CREATE TABLE joust_events ("
    " id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " log text NOT NULL,"
    " number numeric(20, 0) NOT NULL,"
    " event text NOT NULL,"
    " unit text,"
    " at timestamptz NOT NULL,"
    " trial text NOT NULL,"
    " arm integer,"
    " propensity double precision,"
    " plan bigint,"
    " metric text,"
    " value double precision,"
    " denominator double precision,"
    " nanoseconds bigint,"
    " failed boolean,"
    " line text NOT NULL,"
    " UNIQUE (log, number));"
    "CREATE INDEX joust_events_unit ON joust_events (unit);"
    "CREATE INDEX joust_events_at ON joust_events (at)"};

/// A connection to PostgreSQL whose calls end in time, with joust's tables in place.
class postgres_session {
public:
    explicit postgres_session(postgres_options options)
        : options_(std::move(options)), pause_(options_.first_pause, options_.longest_pause)
    {
        const auto positive = [](const char* field, std::chrono::milliseconds time) {
            if (time.count() <= 0) {
                throw configuration_error(field, std::to_string(time.count()) + " ms", "a time above 0");
            }
        };
        positive("postgres.timeout", options_.timeout);
        positive("postgres.first_pause", options_.first_pause);
        positive("postgres.longest_pause", options_.longest_pause);
        char* trouble = nullptr;
        PQconninfoOption* const read = PQconninfoParse(options_.connection.c_str(), &trouble);
        if (read == nullptr) {
            const std::string why = trouble != nullptr ? trouble : "unreadable";
            PQfreemem(trouble);
            throw configuration_error("postgres.connection", why, "a connection string of libpq");
        }
        where_ = "postgresql";
        for (const PQconninfoOption* each = read; each->keyword != nullptr; ++each) {
            const std::string_view name{each->keyword};
            if (each->val != nullptr && (name == "host" || name == "port" || name == "dbname")) {
                where_ += ' ' + std::string{name} + '=' + each->val;
            }
        }
        PQconninfoFree(read);
    }
    postgres_session(postgres_session&& other) noexcept = default;
    postgres_session& operator=(postgres_session&& other) noexcept = default;
    ~postgres_session() { forget_if_forked(); }

    [[nodiscard]] const std::string& where() const noexcept { return where_; }
    [[nodiscard]] std::chrono::milliseconds timeout() const noexcept { return options_.timeout; }
    [[nodiscard]] bool is_open() const noexcept { return connection_ != nullptr && process_ == ::getpid(); }

    /// Run a statement. Its numbers and texts come back as text, and bytea as bytes.
    /// errors: store_error
    postgres_result call(const char* statement, const std::vector<postgres_value>& values,
                         const time_limit& limit)
    {
        open(limit);
        postgres_result result = execute(statement, values, limit);
        const ExecStatusType how = PQresultStatus(result.get());
        if (how != PGRES_TUPLES_OK && how != PGRES_COMMAND_OK) {
            refuse(*result);
        }
        return result;
    }

    /// Connect where that is needed, and bring the tables up to date.
    /// errors: store_error
    void open(const time_limit& limit)
    {
        forget_if_forked();
        if (connection_ != nullptr && is_stale(PQsocket(connection_.get()))) {
            // The server tells why it closes, or sends a notice.
            if (PQconsumeInput(connection_.get()) == 0 || PQstatus(connection_.get()) != CONNECTION_OK) {
                connection_.reset();
            }
        }
        if (connection_ != nullptr) {
            return;
        }
        pause_.admit(where_);
        connect(limit);
        migrate(limit);
        pause_.worked();
    }

    /// Wait for a notification of a channel. Returns false at the end of the time.
    bool notified(std::string& payload, const time_limit& limit)
    {
        for (;;) {
            if (PGnotify* const told = PQnotifies(connection_.get()); told != nullptr) {
                payload = told->extra;
                PQfreemem(told);
                return true;
            }
            if (!limit.ready(PQsocket(connection_.get()), POLLIN)) {
                return false;
            }
            if (PQconsumeInput(connection_.get()) == 0) {
                lose("has closed the connection: " + message());
            }
        }
    }

private:
    [[nodiscard]] std::string message() const
    {
        std::string text = PQerrorMessage(connection_.get());
        while (!text.empty() && text.back() == '\n') {
            text.pop_back();
        }
        return text;
    }

    [[noreturn]] void lose(const std::string& why)
    {
        connection_.reset();
        pause_.failed(why);
        throw store_error(where_, why);
    }

    [[noreturn]] void refuse(const PGresult& result)
    {
        std::string why = PQresultErrorMessage(&result);
        while (!why.empty() && why.back() == '\n') {
            why.pop_back();
        }
        if (PQstatus(connection_.get()) != CONNECTION_OK) {
            lose("has closed the connection: " + why);
        }
        throw store_error(where_, "refuses: " + why);
    }

    /// A forked child closes its copy of the socket, and does not end the parent's session.
    void forget_if_forked() noexcept
    {
        if (connection_ != nullptr && process_ != ::getpid()) {
            ::close(PQsocket(connection_.get()));
            static_cast<void>(connection_.release());
        }
    }

    [[nodiscard]] bool wait(PostgresPollingStatusType what, const time_limit& limit) const
    {
        return limit.ready(PQsocket(connection_.get()), what == PGRES_POLLING_READING ? POLLIN : POLLOUT);
    }

    void connect(const time_limit& limit)
    {
        const std::string milliseconds = std::to_string(options_.timeout.count());
        const std::array<const char*, 3> names{"dbname", "fallback_application_name", nullptr};
        const std::array<const char*, 3> values{options_.connection.c_str(), "joust", nullptr};
        connection_.reset(PQconnectStartParams(names.data(), values.data(), 1));
        process_ = ::getpid();
        if (connection_ == nullptr) {
            lose("no memory for a connection");
        }
        PostgresPollingStatusType what = PGRES_POLLING_WRITING;
        while (what != PGRES_POLLING_OK) {
            if (PQstatus(connection_.get()) == CONNECTION_BAD || what == PGRES_POLLING_FAILED) {
                lose("cannot be reached: " + message());
            }
            if (!wait(what, limit)) {
                lose("does not take a connection within " + milliseconds + " ms");
            }
            what = PQconnectPoll(connection_.get());
        }
        if (PQsetnonblocking(connection_.get(), 1) != 0) {
            lose("cannot be used without blocking: " + message());
        }
        // What this side no longer waits for, the server gives up too.
        std::string settings = "SET statement_timeout = " + milliseconds +
                               "; SET lock_timeout = " + milliseconds + "; SET client_min_messages = warning";
        if (!options_.schema.empty()) {
            char* const quoted =
                PQescapeIdentifier(connection_.get(), options_.schema.data(), options_.schema.size());
            if (quoted == nullptr) {
                lose("cannot name the schema: " + message());
            }
            settings += std::string{"; SET search_path = "} + quoted;
            PQfreemem(quoted);
        }
        must(settings.c_str(), limit);
    }

    /// Send a statement and return its last result.
    postgres_result execute(const char* statement, const std::vector<postgres_value>& values,
                            const time_limit& limit)
    {
        std::vector<std::string> texts;  // with a zero byte at the end
        std::vector<const char*> starts;
        std::vector<int> sizes;
        std::vector<int> formats;
        texts.reserve(values.size());
        for (const postgres_value& value : values) {
            if (value.bytes.size() > std::numeric_limits<int>::max() / 2) {
                throw store_error(where_, "a row of more than 1 GB");
            }
            if (value.binary || value.null) {
                starts.push_back(value.null ? nullptr : value.bytes.empty() ? "" : value.bytes.data());
            } else {
                starts.push_back(texts.emplace_back(value.bytes).c_str());
            }
            sizes.push_back(static_cast<int>(value.bytes.size()));
            formats.push_back(value.binary ? 1 : 0);
        }
        const int sent =
            values.empty() ? PQsendQuery(connection_.get(), statement)
                           : PQsendQueryParams(connection_.get(), statement, static_cast<int>(values.size()),
                                               nullptr, starts.data(), sizes.data(), formats.data(), 1);
        if (sent == 0) {
            lose("does not take a statement: " + message());
        }
        for (int left = PQflush(connection_.get()); left != 0; left = PQflush(connection_.get())) {
            if (left < 0 || !limit.ready(PQsocket(connection_.get()), POLLIN | POLLOUT)) {
                lose(left < 0 ? "has closed the connection: " + message() : no_answer());
            }
            // A server that cannot send does not read either.
            if (PQconsumeInput(connection_.get()) == 0) {
                lose("has closed the connection: " + message());
            }
        }
        postgres_result last;
        for (;;) {
            while (PQisBusy(connection_.get()) != 0) {
                if (!limit.ready(PQsocket(connection_.get()), POLLIN)) {
                    lose(no_answer());
                }
                if (PQconsumeInput(connection_.get()) == 0) {
                    lose("has closed the connection: " + message());
                }
            }
            postgres_result next{PQgetResult(connection_.get())};
            if (next == nullptr) {
                break;
            }
            last = std::move(next);
            if (PQresultStatus(last.get()) == PGRES_FATAL_ERROR &&
                PQstatus(connection_.get()) != CONNECTION_OK) {
                refuse(*last);
            }
        }
        if (last == nullptr) {
            lose("gives no answer: " + message());
        }
        return last;
    }

    [[nodiscard]] std::string no_answer() const
    {
        return "does not answer within " + std::to_string(options_.timeout.count()) + " ms";
    }

    void must(const char* statement, const time_limit& limit)
    {
        const postgres_result result = execute(statement, {}, limit);
        const ExecStatusType how = PQresultStatus(result.get());
        if (how != PGRES_COMMAND_OK && how != PGRES_TUPLES_OK) {
            const std::string why = PQresultErrorMessage(result.get());
            lose("refuses at the start: " + why.substr(0, why.find('\n')));
        }
    }

    /// Return the version of the tables, or 0 where there are none.
    [[nodiscard]] std::size_t version(const time_limit& limit)
    {
        const postgres_result there = execute("SELECT to_regclass('joust_schema')", {}, limit);
        if (PQresultStatus(there.get()) != PGRES_TUPLES_OK || PQntuples(there.get()) != 1) {
            lose("its tables cannot be read: " + std::string{PQresultErrorMessage(there.get())});
        }
        if (PQgetisnull(there.get(), 0, 0) != 0) {
            return 0;
        }
        const postgres_result read = execute("SELECT max(version) FROM joust_schema", {}, limit);
        if (PQresultStatus(read.get()) != PGRES_TUPLES_OK || PQntuples(read.get()) != 1) {
            lose("its tables cannot be read: " + std::string{PQresultErrorMessage(read.get())});
        }
        std::size_t found = 0;
        for (const char* digit = PQgetvalue(read.get(), 0, 0);
             *digit >= '0' && *digit <= '9' && found < 1'000'000; ++digit) {
            found = 10 * found + static_cast<std::size_t>(*digit - '0');
        }
        return found;
    }

    void migrate(const time_limit& limit)
    {
        if (!is_current(version(limit))) {
            // Several processes may start at once.
            must("BEGIN", limit);
            must("SELECT pg_advisory_xact_lock(5001974)", limit);
            must("CREATE TABLE IF NOT EXISTS joust_schema (version integer PRIMARY KEY,"
                 " made timestamptz NOT NULL DEFAULT now())",
                 limit);
            const std::size_t from = version(limit);
            if (!is_current(from)) {
                for (std::size_t step = from; step < postgres_steps.size(); ++step) {
                    must(postgres_steps[step], limit);
                    must(("INSERT INTO joust_schema (version) VALUES (" + std::to_string(step + 1) + ")")
                             .c_str(),
                         limit);
                }
            }
            must("COMMIT", limit);
        }
    }

    [[nodiscard]] bool is_current(std::size_t found)
    {
        if (found > postgres_steps.size()) {
            lose("its tables have version " + std::to_string(found) + ", and this joust knows version " +
                 std::to_string(postgres_steps.size()));
        }
        return found == postgres_steps.size();
    }

    postgres_options options_;
    std::string where_;
    back_off pause_;
    std::unique_ptr<PGconn, finish_postgres> connection_;
    ::pid_t process_ = 0;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
