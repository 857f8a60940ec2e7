// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/integration/detail/server_call.hpp>
#include <joust/store/store.hpp>

#include <hiredis/hiredis.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// Options of redis_store.
struct redis_options {
    /// The address or the name of the server, or the path of its socket, which begins with '/'.
    std::string host{"127.0.0.1"};
    /// The port, which a path needs none of.
    int port = 6379;
    /// The user of Redis 6 or newer, or empty.
    std::string user{};
    /// The password, or empty.
    std::string password{};
    /// The number of the database.
    int database = 0;
    /// The Redis hash that holds all rows, and the channel that tells of changes.
    std::string key{"joust"};
    /// The longest time that a call takes, connecting included.
    std::chrono::milliseconds timeout{500};
    /// The pause after the first failure to connect. It doubles with each further one.
    std::chrono::milliseconds first_pause{50};
    /// The longest pause.
    std::chrono::milliseconds longest_pause{500};
};

namespace detail {

struct free_redis_context {
    void operator()(redisContext* context) const noexcept { redisFree(context); }
};
using redis_context = std::unique_ptr<redisContext, free_redis_context>;

struct free_redis_reply {
    void operator()(redisReply* reply) const noexcept { freeReplyObject(reply); }
};
using redis_reply = std::unique_ptr<redisReply, free_redis_reply>;

/// Both scripts read and write fields of one hash. A field holds 20 digits and the bytes: sequences are compared as text, since numbers
/// of Lua have 53 bits only.
inline constexpr std::string_view redis_put_script =
    "local there = redis.call('HGET', KEYS[1], ARGV[1]) "
    "if there and string.sub(there, 1, 20) >= ARGV[2] then return 0 end "
    "redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ARGV[3]) "
    "redis.call('PUBLISH', KEYS[1], ARGV[1]) return 1";
inline constexpr std::string_view redis_set_script =
    "local there = redis.call('HGET', KEYS[1], ARGV[1]) "
    "if (there and string.sub(there, 1, 20) or '00000000000000000000') ~= ARGV[2] then return 0 end "
    "redis.call('HSET', KEYS[1], ARGV[1], ARGV[3] .. ARGV[4]) "
    "redis.call('PUBLISH', KEYS[1], ARGV[1]) return 1";

[[nodiscard]] inline std::string twenty_digits(std::uint64_t number)
{
    const std::string digits = std::to_string(number);
    return std::string(20 - digits.size(), '0') + digits;
}

/// Return a text as a pattern of Redis that matches it and nothing else.
[[nodiscard]] inline std::string redis_pattern(std::string_view text)
{
    std::string pattern;
    for (const char c : text) {
        if (c == '*' || c == '?' || c == '[' || c == ']' || c == '\\' || c == '^' || c == '-') {
            pattern += '\\';
        }
        pattern += c;
    }
    return pattern;
}

/// One connection, whose calls end in time. hiredis runs in its mode without blocking.
class redis_connection {
public:
    redis_connection(const redis_options& options, std::string where)
        : options_(options), where_(std::move(where)), pause_(options.first_pause, options.longest_pause)
    {
    }

    /// Connect where that is needed.
    /// errors: store_error
    void open(const time_limit& limit)
    {
        if (context_ != nullptr && (process_ != ::getpid() || is_stale(context_->fd))) {
            context_.reset();
        }
        if (context_ != nullptr) {
            return;
        }
        pause_.admit(where_);
        context_.reset(options_.host.starts_with('/')
                           ? redisConnectUnixNonBlock(options_.host.c_str())
                           : redisConnectNonBlock(options_.host.c_str(), options_.port));
        process_ = ::getpid();
        if (context_ == nullptr) {
            lose("no memory for a connection");
        }
        if (context_->err != 0) {
            lose(std::string{"cannot be reached: "} + static_cast<const char*>(context_->errstr));
        }
        if (!limit.ready(context_->fd, POLLOUT)) {
            lose("does not take a connection within " + std::to_string(options_.timeout.count()) + " ms");
        }
        int error = 0;
        ::socklen_t size = sizeof error;
        if (::getsockopt(context_->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
            lose(std::string{"cannot be reached: "} + std::strerror(error));
        }
        if (!options_.password.empty()) {
            std::vector<std::string_view> words{"AUTH"};
            if (!options_.user.empty()) {
                words.push_back(options_.user);
            }
            words.push_back(options_.password);
            greet(words, limit);
        }
        if (options_.database != 0) {
            const std::string number = std::to_string(options_.database);
            greet({"SELECT", number}, limit);
        }
        pause_.worked();
    }

    /// Run a command.
    /// errors: store_error, also where the server answers with an error
    redis_reply call(const std::vector<std::string_view>& words, const time_limit& limit)
    {
        open(limit);
        send(words, limit);
        redis_reply answer = next(limit);
        if (answer->type == REDIS_REPLY_ERROR) {
            const std::string why{answer->str, answer->len};
            // A server that starts or shuts down refuses for as long as that takes, and the next connection may be better.
            throw store_error(where_, "refuses: " + why);
        }
        return answer;
    }

    void send(const std::vector<std::string_view>& words, const time_limit& limit)
    {
        std::vector<const char*> texts;
        std::vector<std::size_t> sizes;
        for (const std::string_view word : words) {
            texts.push_back(word.data());
            sizes.push_back(word.size());
        }
        if (redisAppendCommandArgv(context_.get(), static_cast<int>(words.size()), texts.data(),
                                   sizes.data()) != REDIS_OK) {
            lose("no memory for a command");
        }
        int done = 0;
        while (done == 0) {
            if (!limit.ready(context_->fd, POLLOUT)) {
                lose("does not take a command within " + std::to_string(options_.timeout.count()) + " ms");
            }
            if (redisBufferWrite(context_.get(), &done) != REDIS_OK) {
                lose(std::string{"has closed the connection: "} + static_cast<const char*>(context_->errstr));
            }
        }
    }

    /// Return the next reply.
    [[nodiscard]] redis_reply next(const time_limit& limit)
    {
        redis_reply answer = next_or_nothing(limit);
        if (answer == nullptr) {
            lose("does not answer within " + std::to_string(options_.timeout.count()) + " ms");
        }
        return answer;
    }

    /// Return the next reply, or null at the end of the time. What was read in part is kept.
    [[nodiscard]] redis_reply next_or_nothing(const time_limit& limit)
    {
        for (;;) {
            void* raw = nullptr;
            if (redisGetReplyFromReader(context_.get(), &raw) != REDIS_OK) {
                lose(std::string{"does not speak as Redis does: "} +
                     static_cast<const char*>(context_->errstr));
            }
            if (raw != nullptr) {
                return redis_reply{static_cast<redisReply*>(raw)};
            }
            if (!limit.ready(context_->fd, POLLIN)) {
                return nullptr;
            }
            if (redisBufferRead(context_.get()) != REDIS_OK) {
                lose(std::string{"has closed the connection: "} + static_cast<const char*>(context_->errstr));
            }
        }
    }

    [[nodiscard]] bool is_open() const noexcept { return context_ != nullptr && process_ == ::getpid(); }

    /// Give the connection up, and say why.
    [[noreturn]] void lose(const std::string& why)
    {
        context_.reset();
        pause_.failed(why);
        throw store_error(where_, why);
    }

private:
    void greet(const std::vector<std::string_view>& words, const time_limit& limit)
    {
        send(words, limit);
        const redis_reply answer = next(limit);
        if (answer->type == REDIS_REPLY_ERROR) {
            lose("refuses: " + std::string{answer->str, answer->len});
        }
    }

    redis_options options_;
    std::string where_;
    back_off pause_;
    redis_context context_;
    ::pid_t process_ = 0;
};

}  // namespace detail

/// Keep rows in Redis (version 5 or newer), so that replicas on several machines share them.
///
/// All rows are fields of one Redis hash, so that a scan reads nothing of other programs and one access rule covers joust. A conditional
/// write is a script of two reads and writes, which Redis runs as one. A call takes the time-out at most: the time for the lookup of a
/// host's name comes on top, which an address does not need. After a failure the connection is made anew by the next call, with a
/// pause between attempts; meanwhile calls fail at once.
///
/// When to use: replicas on several machines, and a Redis that writes its changes to disk (`appendonly yes`) and evicts nothing
/// (`maxmemory-policy noeviction`).
/// When not: a Redis that is a cache. Evidence would come back with the next write of its replica, but a plan would be lost.
/// shape: `durable live{trial, redis_store{{.host = "redis.internal"}}}`. Link `joust::redis`.
/// errors: store_error from each call where the server cannot be reached in time or refuses. A write whose answer was lost may have
/// been done.
/// assumes: one thread uses a store at a time. A process that fork() makes connects anew.
/// cost: one round trip for a write, and one for each ten rows or so of a scan
class redis_store {
public:
    /// Name the server. The first call connects.
    /// errors: configuration_error for a time-out or a pause that is not positive, and for an empty key
    explicit redis_store(redis_options options = {})
        : options_(std::move(options)), where_(name_of(options_)), commands_(options_, where_),
          changes_(options_, where_)
    {
        const auto positive = [](const char* field, std::chrono::milliseconds time) {
            if (time.count() <= 0) {
                throw configuration_error(field, std::to_string(time.count()) + " ms", "a time above 0");
            }
        };
        positive("redis_store.timeout", options_.timeout);
        positive("redis_store.first_pause", options_.first_pause);
        positive("redis_store.longest_pause", options_.longest_pause);
        if (options_.key.empty()) {
            throw configuration_error("redis_store.key", "empty", "the name of a Redis hash");
        }
    }

    /// Return where the rows are: `redis://host:port/database key`.
    [[nodiscard]] const std::string& where() const noexcept { return where_; }

    /// Write the row where no row of this key or one of a lower sequence is there. Returns whether it was written.
    /// errors: store_error
    bool put_if_newer(std::string_view key, std::uint64_t sequence, std::string_view bytes)
    {
        const std::string number = detail::twenty_digits(sequence);
        return run({"EVAL", detail::redis_put_script, "1", options_.key, key, number, bytes});
    }

    /// Write the row where its sequence is `version`, or where no row is there and `version` is 0. It then has the sequence
    /// `version + 1`. Returns whether it was written.
    /// errors: store_error
    bool compare_and_set(std::string_view key, std::uint64_t version, std::string_view bytes)
    {
        if (version == std::numeric_limits<std::uint64_t>::max()) {
            throw store_error(where_, "the last version of a row has no successor");
        }
        const std::string before = detail::twenty_digits(version);
        const std::string after = detail::twenty_digits(version + 1);
        return run({"EVAL", detail::redis_set_script, "1", options_.key, key, before, after, bytes});
    }

    /// Return the rows whose key starts with the prefix, sorted by key. A row that is written meanwhile is there before or after its
    /// change.
    /// errors: store_error
    [[nodiscard]] std::vector<stored_row> scan(std::string_view prefix)
    {
        const detail::time_limit limit{options_.timeout};
        const std::string pattern = detail::redis_pattern(prefix) + '*';
        std::string cursor = "0";
        std::vector<stored_row> rows;
        do {
            const detail::redis_reply page =
                commands_.call({"HSCAN", options_.key, cursor, "MATCH", pattern, "COUNT", "100"}, limit);
            const bool shaped = page->type == REDIS_REPLY_ARRAY && page->elements == 2 &&
                                page->element[0]->type == REDIS_REPLY_STRING &&
                                page->element[1]->type == REDIS_REPLY_ARRAY &&
                                page->element[1]->elements % 2 == 0;
            if (!shaped) {
                throw store_error(where_, "answers HSCAN with something else than a page of rows");
            }
            cursor = text_of(*page->element[0]);
            for (std::size_t i = 0; i < page->element[1]->elements; i += 2) {
                rows.push_back(row_of(*page->element[1]->element[i], *page->element[1]->element[i + 1]));
            }
        } while (cursor != "0");
        // Redis may return a field twice while its hash grows.
        std::sort(rows.begin(), rows.end(), [](const stored_row& a, const stored_row& b) {
            return a.key != b.key ? a.key < b.key : a.sequence > b.sequence;
        });
        rows.erase(std::unique(rows.begin(), rows.end(),
                               [](const stored_row& a, const stored_row& b) { return a.key == b.key; }),
                   rows.end());
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
                    std::min<std::chrono::nanoseconds>(how_long, options_.timeout)};
                changes_.open(connecting);
                changes_.send({"SUBSCRIBE", options_.key}, connecting);
            }
            while (const detail::redis_reply told = changes_.next_or_nothing(limit)) {
                const bool message = told->type == REDIS_REPLY_ARRAY && told->elements == 3 &&
                                     text_of(*told->element[0]) == "message";
                if (message && text_of(*told->element[2]).starts_with(prefix)) {
                    return true;
                }
            }
        } catch (const store_error&) {
            std::this_thread::sleep_for(std::chrono::milliseconds{limit.milliseconds()});
        }
        return false;
    }

private:
    [[nodiscard]] static std::string name_of(const redis_options& options)
    {
        return "redis://" + options.host +
               (options.host.starts_with('/') ? "" : ":" + std::to_string(options.port)) + "/" +
               std::to_string(options.database) + " " + options.key;
    }

    [[nodiscard]] static std::string text_of(const redisReply& reply)
    {
        return reply.type == REDIS_REPLY_STRING ? std::string{reply.str, reply.len} : std::string{};
    }

    bool run(const std::vector<std::string_view>& words)
    {
        const detail::time_limit limit{options_.timeout};
        const detail::redis_reply answer = commands_.call(words, limit);
        if (answer->type != REDIS_REPLY_INTEGER) {
            throw store_error(where_, "answers a script with something else than a number");
        }
        return answer->integer == 1;
    }

    [[nodiscard]] stored_row row_of(const redisReply& field, const redisReply& value) const
    {
        stored_row row{text_of(field), 0, text_of(value)};
        const std::size_t digits = 20;
        const char* const end = row.bytes.data() + std::min(digits, row.bytes.size());
        const auto read = std::from_chars(row.bytes.data(), end, row.sequence);
        if (row.bytes.size() < digits || read.ec != std::errc{} || read.ptr != end) {
            throw store_error(where_, "the field " + row.key + " is not a row of joust");
        }
        row.bytes.erase(0, digits);
        return row;
    }

    redis_options options_;
    std::string where_;
    detail::redis_connection commands_;
    detail::redis_connection changes_;
};

}  // namespace v0
}  // namespace joust
