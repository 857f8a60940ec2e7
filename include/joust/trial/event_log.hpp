// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/error.hpp>
#include <joust/core/executor.hpp>
#include <joust/core/fork.hpp>
#include <joust/core/hex.hpp>
#include <joust/core/json.hpp>
#include <joust/store/file.hpp>
#include <joust/ticket/ticket.hpp>
#include <joust/trial/recorder.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace joust {
inline namespace v0 {

/// Append an event as one JSON object: `{"event":"exposure","unit":"0123456789abcdef","seconds":...,"ticket":"..."}`.
///
/// "unit" is the pseudonym in hexadecimal: 16 digits, or the upper 8 digits for a slate, whose ticket carries no more.
/// Feedback on a slate also has the "position" and the "ranker" that gets the credit, which is 255 where no ranker does.
inline void append_event(std::string& out, const event& seen)
{
    const ticket& about = seen.ticket;
    const bool page = about.kind() == ticket_kind::slate;
    const std::uint64_t unit =
        page ? (std::uint64_t{about.bucket()} << 54) | (std::uint64_t{about.pseudonym()} << 32)
             : about.unit();
    const std::array<char, 16> hex = detail::hex_text(unit);
    json_writer line{out};
    line.begin_object()
        .member("event", seen.kind == event::what::exposure ? "exposure" : "feedback")
        .member("unit", std::string_view{hex.data(), page ? hex.size() / 2 : hex.size()})
        .member("seconds", about.seconds())
        .member("trial", about.trial());
    if (about.names_arm()) {
        line.member("arm", about.arm()).member("propensity", about.propensity()).member("plan", about.plan());
    }
    if (seen.kind == event::what::exposure) {
        line.member("nanoseconds", seen.nanoseconds).member("failed", seen.failed);
        if (seen.covariate != 0.0) {
            line.member("covariate", seen.covariate);
        }
    } else {
        line.member("metric", seen.metric).member("value", seen.value);
        if (seen.denominator != 1.0) {
            line.member("denominator", seen.denominator);
        }
        if (page) {
            line.member("position", seen.position).member("ranker", unsigned{seen.team});
        }
    }
    const auto text = about.text();
    line.member("ticket", std::string_view{text.data(), text.size()}).end_object();
}

/// Options of event_log.
struct event_log_options {
    /// The number of events that may wait to be written.
    std::size_t queue = 8'192;
    /// The longest time that a line stays in memory while events arrive.
    std::chrono::milliseconds flush_every{1'000};
    bool operator==(const event_log_options&) const = default;
};

/// Write every exposure and every accepted piece of feedback to a file, as one JSON object in each line. `record_to(log)`
/// makes the recorder.
///
/// The log writes in a thread of its own. It drops and counts an event that finds the queue full or cannot be written, so
/// that a slow disk costs rows of the log and not the caller's time. The log is personal data: `store/events.hpp` erases
/// units and old events from it, inside `while_closed`. So a new file can be read by its owner alone, lines are appended as a
/// whole, and a symbolic link in the file's place is refused. A file that another one replaced is opened anew.
///
/// In a process that fork() makes the log goes on, with a thread that starts at the first event there. Lines that waited in
/// the parent are written by the parent alone, and the counts begin at 0.
///
/// When to use: for an analysis outside joust, for requests of access or erasure, and for a replay. When not: for the trial
/// itself, which needs no log. Several replicas must not write one file; give each a file of its own.
/// shape: `event_log log{"events.jsonl"}; ab_test trial{..., record_to(log)}`; it can be neither copied nor moved
/// assumes: the log outlives the trial
/// errors: std::runtime_error from the constructor where the file cannot be opened, configuration_error for the options
/// cost: about 90 ns for each event in the caller and 1 us in the writer; 256 bytes of memory for each place in the queue
class event_log {
public:
    /// Open the file for appending and start the thread that writes.
    explicit event_log(std::string path, event_log_options options = {})
        : path_(std::move(path)), options_(options)
    {
        begin();
        writer_.store(new_writer(), std::memory_order_relaxed);
    }
    event_log(const event_log&) = delete;
    event_log& operator=(const event_log&) = delete;
    ~event_log()
    {
        wait_for_writer();
        {
            const std::scoped_lock lock{mutex_};
            close();
        }
        delete writer_.load(std::memory_order_acquire);
    }

    /// Queue an event. Any thread may call this, and it never waits.
    void record(const event& seen) noexcept
    {
        row kept{.log = this, .seen = seen};
        kept.seen.metric = {};
        kept.size = seen.metric.size();
        if (kept.size > kept.metric.size()) {
            dropped_.fetch_add(1, std::memory_order_relaxed);
            return;
        }
        seen.metric.copy(kept.metric.data(), kept.size);
        background_queue* const queue = writer();
        if (queue == nullptr || !queue->dispatch(kept)) {
            dropped_.fetch_add(1, std::memory_order_relaxed);
        }
    }

    /// Wait until every event that was recorded so far is in the file.
    void flush()
    {
        wait_for_writer();
        const std::scoped_lock lock{mutex_};
        put();
    }

    /// Run `work(path)`, such as an erasure that replaces the file, while the file is complete and closed. Events wait
    /// meanwhile. Returns what `work` returns, and passes on what it throws.
    /// errors: std::runtime_error where the file cannot be opened again
    template <class Work>
    auto while_closed(Work&& work)
    {
        wait_for_writer();
        const std::scoped_lock lock{mutex_};
        close();
        struct reopen {
            event_log& log;
            ~reopen() { log.file_.open(log.path_); }
        } again{*this};
        return std::forward<Work>(work)(std::as_const(path_));
    }

    /// Return the path of the file.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    /// Return the number of events that are in the file.
    [[nodiscard]] std::uint64_t written() const noexcept { return written_.load(std::memory_order_relaxed); }
    /// Return the number of events that were dropped, because the queue or the disk was full, or because the name of a
    /// metric has more than 64 bytes.
    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

private:
    struct row {
        event_log* log;
        event seen;
        std::size_t size = 0;
        std::array<char, 64> metric{};

        void operator()()
        {
            seen.metric = {metric.data(), size};
            log->write(seen);
        }
    };

    /// Check the options and open the file.
    void begin()
    {
        if (options_.flush_every.count() < 0) {
            throw configuration_error("event_log.flush_every",
                                      std::to_string(options_.flush_every.count()) + " ms",
                                      "a time of 0 or more");
        }
        file_.open(path_);
        if (!file_.is_open()) {
            detail::file_trouble(path_, errno == ELOOP ? "is a symbolic link, which a log does not follow"
                                                       : "cannot be opened for appending");
        }
    }

    [[nodiscard]] background_queue* new_writer() const
    {
        return new background_queue(background{.queue = options_.queue,
                                               .threads = 1,
                                               .task_bytes = sizeof(row),
                                               .shutdown = background_queue::without_end}
                                        .start());
    }

    /// Return the queue, which a forked child makes when it records its first event.
    [[nodiscard]] background_queue* writer() noexcept
    {
        background_queue* const ready = writer_.load(std::memory_order_acquire);
        return ready != nullptr ? ready : writer_in_child();
    }

    JOUST_NOINLINE background_queue* writer_in_child() noexcept
    {
        const std::scoped_lock lock{starting_};
        if (writer_.load(std::memory_order_relaxed) == nullptr) {
            try {
                writer_.store(new_writer(), std::memory_order_release);
            } catch (...) {
                return nullptr;  // The event is dropped and counted, and the next one tries again.
            }
        }
        return writer_.load(std::memory_order_relaxed);
    }

    void wait_for_writer() noexcept
    {
        if (const background_queue* const running = writer_.load(std::memory_order_acquire)) {
            running->drain();
        }
    }

    void close() noexcept
    {
        put();
        file_.close();
    }

    /// In a forked child, forget the lines that the parent writes, and its queue, whose thread does not exist there.
    void begin_anew() noexcept
    {
        writer_.store(nullptr, std::memory_order_relaxed);
        waiting_.clear();
        lines_ = 0;
        written_.store(0, std::memory_order_relaxed);
        dropped_.store(0, std::memory_order_relaxed);
    }
    friend class detail::new_epoch_in_child<event_log>;

    void write(const event& seen) noexcept
    {
        const std::scoped_lock lock{mutex_};
        const std::size_t before = waiting_.size();
        try {
            append_event(waiting_, seen);
            waiting_ += '\n';
        } catch (...) {
            // Memory ran out. No part of a line may stay.
            waiting_.resize(before);
            dropped_.fetch_add(1, std::memory_order_relaxed);
            return;
        }
        ++lines_;
        const auto now = std::chrono::steady_clock::now();
        if (waiting_.size() >= buffer_size || now - flushed_ >= options_.flush_every) {
            put();
            flushed_ = now;
        }
    }

    /// Write the waiting lines to the file, or drop them where that fails.
    void put() noexcept
    {
        if (lines_ == 0) {
            return;
        }
        if (!file_.is_at(path_)) {
            file_.open(path_);  // The file was closed, or another one took its place.
        }
        const std::size_t bytes = file_.append(waiting_);
        const bool done = bytes == waiting_.size();
        const auto whole = static_cast<std::uint64_t>(
            std::count(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(bytes), '\n'));
        written_.fetch_add(whole, std::memory_order_relaxed);
        dropped_.fetch_add(lines_ - whole, std::memory_order_relaxed);
        waiting_.clear();
        lines_ = 0;
        if (!done) {
            // Opening the file again ends a line that was cut off and could not be taken back.
            file_.close();
        }
    }

    static constexpr std::size_t buffer_size = 65'536;

    std::string path_;
    event_log_options options_;
    detail::fork_mutex starting_{detail::fork_order::leaf};
    detail::fork_mutex mutex_{detail::fork_order::leaf};
    detail::line_file file_;
    std::string waiting_;
    std::uint64_t lines_ = 0;
    std::chrono::steady_clock::time_point flushed_{};
    std::atomic<std::uint64_t> written_{0};
    std::atomic<std::uint64_t> dropped_{0};
    std::atomic<background_queue*> writer_{nullptr};
    detail::new_epoch_in_child<event_log> fork_{*this};
};

/// A recorder that passes every event to an event_log. `record_to` makes it.
struct event_log_recorder {
    /// The log.
    event_log* log;
    /// Queue an event in the log.
    void record(const event& seen) const noexcept { log->record(seen); }
};

/// Record every event in an event_log: `record_to(log)`.
/// assumes: the log outlives the trial
[[nodiscard]] inline event_log_recorder record_to(event_log& log) noexcept
{
    return {&log};
}
void record_to(event_log&&) = delete;

}  // namespace v0
}  // namespace joust
