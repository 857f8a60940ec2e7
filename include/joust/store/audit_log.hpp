// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/executor.hpp>
#include <joust/core/fork.hpp>
#include <joust/core/json.hpp>
#include <joust/core/style.hpp>
#include <joust/split/interop/sha256.hpp>
#include <joust/split/trial_event.hpp>
#include <joust/store/file.hpp>
#include <joust/store/hmac.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

// Each line of an audit log is one JSON object on its own:
//
//     {"prev":"64 digits","line":17, ... ,"digest":"64 digits"}
//
// "digest" is the SHA-256 of all bytes of the line before `,"digest"`, or their HMAC-SHA-256 where the log has a key. "prev" is
// the digest of the line before; the first line of a trial's first file has zeros. A line is a transition of a trial with the
// members of trial_event, or a remark of the log itself: "log":"opened" at each start, with the text of a torn line that was
// found and taken away, and "log":"lost" with the number of transitions that could not be kept before it.

/// The end of an audit log: the number of lines and the digest of the last line. Keep it where the log's writer cannot change
/// it, so that a log that was cut or written anew is found.
struct audit_head {
    /// The number of the last line, counted from 1, or 0 without lines.
    std::uint64_t lines = 0;
    /// The digest of the last line.
    sha256_digest digest{};

    /// Write the head as text: "17:" and 64 hexadecimal digits.
    [[nodiscard]] std::string to_string() const
    {
        std::string out = std::to_string(lines) + ':';
        digest.append(out);
        return out;
    }

    /// Read a head from text.
    /// errors: parse_error for any other text
    [[nodiscard]] static audit_head from_string(std::string_view text);

    bool operator==(const audit_head&) const = default;
};

/// What is wrong with an audit log.
enum class audit_fault : std::uint8_t {
    /// Nothing.
    none,
    /// A line has other contents than when it was written, or is no line of such a log.
    changed,
    /// Lines are missing.
    cut,
    /// A line was added that does not belong there.
    inserted,
    /// Lines stand in another order.
    reordered,
    /// The last line is incomplete, as after a crash.
    torn
};

/// Return the name of a fault.
[[nodiscard]] constexpr std::string_view to_string(audit_fault what) noexcept
{
    switch (what) {
        case audit_fault::none: return "none";
        case audit_fault::changed: return "changed";
        case audit_fault::cut: return "cut";
        case audit_fault::inserted: return "inserted";
        case audit_fault::reordered: return "reordered";
        case audit_fault::torn: return "torn";
    }
    return "unknown";
}

/// What `verify` found.
struct audit_finding {
    /// The first fault.
    audit_fault fault = audit_fault::none;
    /// The line of the file at which it shows, counted from 1, or 0 without a fault.
    std::uint64_t line = 0;
    /// The fault in words.
    std::string what{};
    /// The head after the last good line before the fault.
    audit_head head{};
    /// The number of bytes of the good lines.
    std::size_t good_bytes = 0;

    /// Say whether nothing is wrong.
    [[nodiscard]] bool ok() const noexcept { return fault == audit_fault::none; }
    /// The style of `{}`.
    static constexpr style default_style = style::line;
    /// Append the finding as one sentence, or as a JSON object.
    void write(std::string& out, style how = default_style) const;
    bool operator==(const audit_finding&) const = default;
};

/// Options of verify.
struct audit_check {
    /// The secret of the log, or an empty text for a log without a secret.
    std::string key{};
    /// A head that was kept elsewhere. The log has to have it, and may go on after it. It is not asked for where it has 0 lines.
    audit_head head{};
    /// The head of the file before, where this file continues another one.
    audit_head after{};
};

/// Check an audit log: every line has the contents with which it was written, follows the line before it, and none is missing,
/// added or moved. Names the first line at which this fails.
///
/// Whoever can write the file of a log without a secret can also write a whole chain anew, and can always cut its end. Only a
/// head that was kept elsewhere finds that. With a secret, lines can be made only by those who have it.
/// errors: none for any bytes, but std::bad_alloc
/// cost: about 10 us for each line of 1 KiB, most of it for its hash
[[nodiscard]] audit_finding verify(std::string_view log, const audit_check& against = {});

/// Options of audit_log.
struct audit_options {
    /// A secret of the log, or an empty text. With a secret, lines can be made only by those who have it.
    std::string key{};
    /// The most memory for transitions that wait to be written, as while a disk is full.
    /// units: bytes
    std::size_t queue_bytes = std::size_t{1} << 20;
    bool operator==(const audit_options&) const = default;
};

namespace detail {

/// Computes the digests of an audit log's lines.
class audit_hasher {
public:
    explicit audit_hasher(std::string_view key) : keyed_(!key.empty()), hmac_(key) {}

    [[nodiscard]] sha256_digest operator()(std::string_view text) const noexcept
    {
        return keyed_ ? hmac_(text) : sha256_digest{interop::sha256_of(text)};
    }

private:
    bool keyed_;
    keyed_sha256 hmac_;
};

/// The parts of a line that chain it to others.
struct audit_line {
    sha256_digest before;
    std::uint64_t number = 0;
    sha256_digest digest;
    /// What is hashed.
    std::string_view text;

    static constexpr std::string_view begin = R"({"prev":")";
    static constexpr std::string_view middle = R"(","line":)";
    static constexpr std::string_view last = R"(,"digest":")";
    static constexpr std::string_view end = R"("})";

    /// Read a line. Returns whether it has the form of a line of an audit log.
    [[nodiscard]] static bool parse(std::string_view line, audit_line& out) noexcept
    {
        constexpr std::size_t tail = last.size() + 64 + end.size();
        if (line.size() < begin.size() + 64 + middle.size() + 1 + tail || !line.starts_with(begin) ||
            !sha256_digest::parse(line.substr(begin.size(), 64), out.before) ||
            line.substr(begin.size() + 64, middle.size()) != middle) {
            return false;
        }
        out.text = line.substr(0, line.size() - tail);
        const std::string_view ending = line.substr(out.text.size());
        if (!ending.starts_with(last) || !ending.ends_with(end) ||
            !sha256_digest::parse(ending.substr(last.size(), 64), out.digest)) {
            return false;
        }
        std::string_view digits = out.text.substr(begin.size() + 64 + middle.size());
        std::size_t count = 0;
        out.number = 0;
        for (; count < digits.size() && digits[count] >= '0' && digits[count] <= '9'; ++count) {
            if (count == 19) {
                return false;
            }
            out.number = 10 * out.number + static_cast<std::uint64_t>(digits[count] - '0');
        }
        return count > 0 && digits[0] != '0' && (count == digits.size() || digits[count] == ',');
    }

    /// Write a line with its members, which begin with a comma or are empty.
    static void append(std::string& out, const audit_head& before, std::string_view members,
                       const audit_hasher& hash, sha256_digest& digest)
    {
        const std::size_t start = out.size();
        out += begin;
        before.digest.append(out);
        out += middle;
        out += std::to_string(before.lines + 1);
        out += members;
        digest = hash(std::string_view{out}.substr(start));
        out += last;
        digest.append(out);
        out += end;
        out += '\n';
    }
};

/// Say which lines are missing.
[[nodiscard]] inline std::string missing_lines(std::uint64_t from, std::uint64_t to)
{
    return from == to ? "line " + std::to_string(from) + " is missing"
                      : "lines " + std::to_string(from) + " to " + std::to_string(to) + " are missing";
}

/// Checks a log line by line.
class audit_reader {
public:
    audit_reader(std::string_view log, const audit_check& against)
        : log_(log), against_(against), hash_(against.key)
    {
        found_.head = against.after;
    }

    [[nodiscard]] audit_finding check()
    {
        bool met = against_.head.lines == 0 || against_.head == against_.after;
        while (at_ < log_.size()) {
            const std::size_t end = log_.find('\n', at_);
            ++line_;
            if (!take(log_.substr(at_, end == std::string_view::npos ? end : end - at_),
                      end != std::string_view::npos)) {
                return std::move(found_);
            }
            at_ = end + 1;
            found_.good_bytes = at_;
            if (found_.head.lines == against_.head.lines) {
                met = true;
                if (found_.head.digest != against_.head.digest) {
                    return fault(
                        audit_fault::changed,
                        "is not the line of the head that was kept: this line or lines before it were written anew");
                }
            }
        }
        if (!met) {
            ++line_;
            return fault(audit_fault::cut, missing_lines(found_.head.lines + 1, against_.head.lines) +
                                               ", by the head that was kept");
        }
        return std::move(found_);
    }

private:
    bool take(std::string_view text, bool whole)
    {
        audit_line line;
        const bool formed = audit_line::parse(text, line);
        if (!whole && (formed ? hash_(line.text) != line.digest : begins_a_line(text))) {
            fault(audit_fault::torn, "is incomplete, as after a crash");
            return false;
        }
        if (!formed) {
            fault(audit_fault::changed, "is not a line of an audit log");
            return false;
        }
        if (hash_(line.text) != line.digest) {
            fault(audit_fault::changed, against_.key.empty()
                                            ? "has other contents than its digest says"
                                            : "has other contents than its digest says under this key");
            return false;
        }
        const std::uint64_t expected = found_.head.lines + 1;
        if (line.number == expected && line.before == found_.head.digest) {
            if (!whole) {
                fault(audit_fault::torn, "has lost its end, the line break");
                return false;
            }
            seen_.emplace(line.number, std::pair{line_, line.digest});
            before_ = found_.head;
            bytes_before_ = at_;
            found_.head = {line.number, line.digest};
            return true;
        }
        refuse(line, expected);
        return false;
    }

    /// Can a text be the beginning of a line?
    [[nodiscard]] static bool begins_a_line(std::string_view text) noexcept
    {
        return text.starts_with(audit_line::begin) || audit_line::begin.starts_with(text);
    }

    /// Say why a line that is good by itself does not belong at its place.
    void refuse(const audit_line& line, std::uint64_t expected)
    {
        if (line.number > expected) {
            if (is_later([&](const audit_line& each) { return each.digest == line.digest; })) {
                fault(audit_fault::inserted, "repeats a line that stands later");
            } else if (is_later([&](const audit_line& each) { return each.number == expected; })) {
                fault(audit_fault::reordered, "stands before line " + std::to_string(expected));
            } else {
                fault(audit_fault::cut,
                      missing_lines(expected, line.number - 1) + " before it" +
                          (line_ == 1 ? std::string{", or the file continues another one"} : std::string{}));
            }
        } else if (line.number < expected) {
            const auto same = seen_.find(line.number);
            if (same == seen_.end()) {
                fault(audit_fault::inserted, "has the number of a line of the file before");
                return;
            }
            const std::uint64_t here = line_;
            const auto [there, digest] = same->second;
            if (digest == line.digest) {
                fault(audit_fault::inserted, "repeats line " + std::to_string(there) + " of the file");
            } else if (is_later([&](const audit_line& each) { return each.before == line.digest; }) ||
                       audit_head{line.number, line.digest} == against_.head) {
                // Two lines claim one place, and the chain goes on from this one.
                line_ = there;
                fault(audit_fault::inserted,
                      "stands where line " + std::to_string(here) + " of the file belongs");
            } else {
                fault(audit_fault::inserted,
                      "stands where line " + std::to_string(there) + " of the file belongs");
            }
        } else if (line_ == 1) {
            fault(audit_fault::cut, "follows a line that is not there: the file continues another one");
        } else {
            --line_;
            found_.head = before_;
            found_.good_bytes = bytes_before_;
            fault(audit_fault::changed, "is not the line that the next line followed when it was written");
        }
    }

    /// Is there a good line after this one for which `asked(line)` is true?
    template <class Asked>
    [[nodiscard]] bool is_later(Asked asked) const
    {
        for (std::size_t at = log_.find('\n', at_); at != std::string_view::npos && at + 1 < log_.size();) {
            const std::size_t end = log_.find('\n', at + 1);
            audit_line line;
            if (audit_line::parse(log_.substr(at + 1, end == std::string_view::npos ? end : end - at - 1),
                                  line) &&
                asked(line) && hash_(line.text) == line.digest) {
                return true;
            }
            at = end;
        }
        return false;
    }

    audit_finding fault(audit_fault what, const std::string& words)
    {
        found_.fault = what;
        found_.line = line_;
        found_.what = words;
        return found_;
    }

    std::string_view log_;
    const audit_check& against_;
    audit_hasher hash_;
    std::size_t at_ = 0;
    std::uint64_t line_ = 0;
    audit_finding found_;
    /// The head and the bytes before the last good line.
    audit_head before_;
    std::size_t bytes_before_ = 0;
    /// The line of the file that has each number, and its digest.
    std::unordered_map<std::uint64_t, std::pair<std::uint64_t, sha256_digest>> seen_;
};

}  // namespace detail

inline audit_head audit_head::from_string(std::string_view text)
{
    audit_head head;
    const std::size_t colon = text.find(':');
    bool good = colon != std::string_view::npos && colon > 0 && colon < 20 &&
                sha256_digest::parse(text.substr(colon + 1), head.digest);
    for (std::size_t i = 0; good && i < colon; ++i) {
        good = text[i] >= '0' && text[i] <= '9';
        head.lines = 10 * head.lines + static_cast<std::uint64_t>(text[i] - '0');
    }
    if (!good) {
        throw parse_error("the head of an audit log is a number, a colon and 64 hexadecimal digits");
    }
    return head;
}

inline void audit_finding::write(std::string& out, style how) const
{
    if (how == style::json) {
        json_writer json{out};
        json.begin_object().member("fault", to_string(fault)).member("line", line).member("what", what);
        json.member("head", head.to_string()).end_object();
    } else if (ok()) {
        out += "the audit log is whole: " + std::to_string(head.lines) + " lines";
    } else {
        out += to_string(fault);
        out += ": line " + std::to_string(line) + ": ";
        out += what;
    }
}

inline audit_finding verify(std::string_view log, const audit_check& against)
{
    return detail::audit_reader{log, against}.check();
}

/// Keep the transitions of a trial in a file whose lines are chained by digests, so that a change is found.
///
/// `audit_to(log)` makes the listener. `verify` checks a log, and `replay` (store/audit_replay.hpp) repeats its decisions.
/// The log writes in a thread of its own, and the disk has what `flush()` found written. Where the disk is full, lines wait in
/// memory and are tried again with the next transition; transitions beyond `.queue_bytes` are dropped and counted, and a line says
/// later how many. A new file can be read by its owner alone. Where a file exists, its whole chain is checked, and the log continues
/// it. A last line that a crash left incomplete is taken away, and its text is kept in the line that the log begins with then.
///
/// One writer has the file: a second log of the same file is refused, in this process and in others. A process that fork()
/// makes writes nothing to the parent's log and counts what it drops; open a log of its own there. A file that was moved away
/// is continued in a new file, whose first line follows the last line of the old one.
///
/// When to use: wherever it has to be shown later who changed what, when and why. When not: for requests and feedback, which
/// an `event_log` keeps.
/// shape: `audit_log log{"rollout.audit"}; canary trial{..., audit_to(log)}`; it can be neither copied nor moved
/// assumes: the log outlives the trial
/// errors: std::runtime_error from the constructor where the file cannot be opened, belongs to another writer, or has a fault
/// other than a torn last line
/// cost: about 4 us for each transition in the caller, and the disk's own time in the writer; nothing for a request
class audit_log {
public:
    /// Open the file, check it and continue it.
    explicit audit_log(std::string path, audit_options options = {})
        : path_(std::move(path)), options_(std::move(options)), hash_(options_.key)
    {
        begin();
        writer_ = new background_queue(background{
            .queue = 256, .threads = 1, .task_bytes = 16, .shutdown = background_queue::without_end}
                                           .start());
        flush();
    }
    audit_log(const audit_log&) = delete;
    audit_log& operator=(const audit_log&) = delete;
    ~audit_log()
    {
        if (writer_ != nullptr) {
            writer_->drain();
            put();
            delete writer_;
        }
    }

    /// Queue a transition. Returns whether it will be written. Any thread may call this, and it never waits for the disk.
    bool append(const trial_event& seen) noexcept
    {
        try {
            std::string members{','};
            detail::append_event_members(members, seen);
            if (queue(std::move(members))) {
                return true;
            }
        } catch (...) {
            // Memory ran out.
        }
        dropped_.fetch_add(1, std::memory_order_relaxed);
        lost_.fetch_add(1, std::memory_order_relaxed);
        return false;
    }

    /// Try to write everything that waits. Returns whether all of it is on the disk.
    bool flush() noexcept
    {
        if (writer_ == nullptr) {
            return false;
        }
        writer_->drain();
        return put();
    }

    /// Return the head of what is in the file now. Keep it elsewhere, as beside a release or in a ticket system.
    [[nodiscard]] audit_head head() const
    {
        const std::scoped_lock lock{file_mutex_};
        return head_;
    }
    /// Return the path of the file.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    /// Return the number of transitions that this log wrote.
    [[nodiscard]] std::uint64_t written() const noexcept { return written_.load(std::memory_order_relaxed); }
    /// Return the number of transitions that are lost, since they found no memory or no room in the queue.
    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }
    /// Return the number of bytes of an incomplete line that were found when the file was opened.
    [[nodiscard]] std::size_t torn_bytes() const noexcept { return torn_bytes_; }

private:
    struct turn {
        audit_log* log;
        void operator()() { static_cast<void>(log->put()); }
    };

    /// Open the file, take a torn line away, and queue the first line.
    void begin()
    {
        file_.open(path_, detail::incomplete_line::leave);
        if (!file_.is_open()) {
            detail::file_trouble(path_, errno == ELOOP ? "is a symbolic link, which a log does not follow"
                                                       : "cannot be opened for appending");
        }
        if (!file_.is_regular()) {
            throw std::runtime_error(detail::printable(path_) + ": an audit log needs a regular file");
        }
        if (!file_.lock()) {
            throw std::runtime_error(detail::printable(path_) + ": another audit log writes this file");
        }
        std::string before = read_file(path_);
        if (!before.empty() && before.back() != '\n') {
            // A crash can have cut off the line break alone.
            const std::string ended = before + '\n';
            if (verify(ended, {.key = options_.key, .after = first_after(ended)}).ok() &&
                file_.append("\n") == 1) {
                before = ended;
            }
        }
        const audit_finding found = verify(before, {.key = options_.key, .after = first_after(before)});
        std::string torn;
        if (found.fault == audit_fault::torn) {
            torn = before.substr(found.good_bytes);
            if (!file_.cut(found.good_bytes)) {
                detail::file_trouble(path_, "has an incomplete last line, which cannot be taken away");
            }
        } else if (!found.ok()) {
            std::string why;
            found.write(why);
            throw std::runtime_error(
                detail::printable(path_) +
                ": the audit log cannot be continued (move it away to begin another): " + why);
        }
        head_ = found.head;
        torn_bytes_ = torn.size();
        queue(opening(torn));
    }

    /// Return the head that the first line of a file follows. A file may continue another one.
    [[nodiscard]] static audit_head first_after(std::string_view log) noexcept
    {
        detail::audit_line line;
        return detail::audit_line::parse(log.substr(0, log.find('\n')), line) && line.number > 1
                   ? audit_head{line.number - 1, line.before}
                   : audit_head{};
    }

    [[nodiscard]] std::string opening(std::string_view torn) const
    {
        std::string members{','};
        json_writer json{members};
        json.member("log", "opened").member("time", now()).member("keyed", !options_.key.empty());
        if (!torn.empty()) {
            json.member("torn_bytes", torn.size()).member("torn", torn);
        }
        return members;
    }

    [[nodiscard]] static std::int64_t now() noexcept
    {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(
                   std::chrono::system_clock::now().time_since_epoch())
            .count();
    }

    /// Let a line wait. Returns false where there is no room.
    bool queue(std::string members)
    {
        {
            const std::scoped_lock lock{mutex_};
            if (detached_ || held_bytes_ + members.size() > options_.queue_bytes) {
                return false;
            }
            const std::size_t bytes = members.size();
            waiting_.push_back({std::move(members), lost_.exchange(0, std::memory_order_relaxed)});
            held_bytes_ += bytes;
        }
        if (writer_ != nullptr) {
            static_cast<void>(writer_->dispatch(turn{this}));  // A full queue has turns that come later.
        }
        return true;
    }

    /// Write what waits. Returns whether all of it is on the disk.
    bool put() noexcept
    {
        const std::scoped_lock file_lock{file_mutex_};
        try {
            bool wrote = false;
            while (take_next()) {
                if (!write_next()) {
                    return false;
                }
                wrote = true;
            }
            if (const std::uint64_t lost = lost_.exchange(0, std::memory_order_relaxed); lost > 0) {
                if (!write_lost(lost)) {
                    return false;
                }
                wrote = true;
            }
            return !wrote || file_.sync();
        } catch (...) {
            return false;  // Memory ran out. What waits is tried again.
        }
    }

    /// Get the next line that waits. Returns whether there is one.
    bool take_next()
    {
        if (has_next_) {
            return true;
        }
        const std::scoped_lock lock{mutex_};
        if (first_waiting_ == waiting_.size()) {
            waiting_.clear();
            first_waiting_ = 0;
            return false;
        }
        next_ = std::move(waiting_[first_waiting_++]);
        has_next_ = true;
        return true;
    }

    bool write_next()
    {
        if (next_.lost_before > 0) {
            if (!write_lost(std::exchange(next_.lost_before, 0))) {
                return false;
            }
        }
        if (!write_line(next_.members)) {
            return false;
        }
        has_next_ = false;
        if (next_.members.starts_with(",\"event\"")) {
            written_.fetch_add(1, std::memory_order_relaxed);
        }
        const std::scoped_lock lock{mutex_};
        held_bytes_ -= next_.members.size();
        return true;
    }

    /// Write how many transitions are lost.
    bool write_lost(std::uint64_t count)
    {
        bool done = false;
        try {
            std::string members{','};
            json_writer{members}.member("log", "lost").member("time", now()).member("count", count);
            done = write_line(members);
        } catch (...) {
            // Memory ran out.
        }
        if (!done) {
            lost_.fetch_add(count, std::memory_order_relaxed);
        }
        return done;
    }

    bool write_line(std::string_view members)
    {
        if (!file_.is_at(path_) && !open_again()) {
            return false;
        }
        std::string line;
        sha256_digest digest;
        detail::audit_line::append(line, head_, members, hash_, digest);
        if (file_.append(line) != line.size()) {
            return false;  // What was written of the line has been taken back.
        }
        head_ = {head_.lines + 1, digest};
        return true;
    }

    /// Continue in a new file where the old one was moved away. A file that has other lines is left alone.
    bool open_again()
    {
        detail::line_file fresh;
        fresh.open(path_, detail::incomplete_line::leave);
        if (!fresh.is_open() || !fresh.lock() || !read_file(path_).empty()) {
            return false;
        }
        file_.swap(fresh);
        return true;
    }

    /// In a forked child, let the parent alone have the file.
    void begin_anew() noexcept
    {
        writer_ = nullptr;
        detached_ = true;
        has_next_ = false;
        waiting_.clear();
        first_waiting_ = 0;
        held_bytes_ = 0;
        file_.close();
        written_.store(0, std::memory_order_relaxed);
        dropped_.store(0, std::memory_order_relaxed);
    }
    friend class detail::new_epoch_in_child<audit_log>;

    struct entry {
        std::string members;
        /// The number of transitions that were lost before it.
        std::uint64_t lost_before = 0;
    };

    std::string path_;
    audit_options options_;
    detail::audit_hasher hash_;
    /// Held while lines are written. It guards the members up to `next_`.
    mutable detail::fork_mutex file_mutex_{detail::fork_order::memory};
    detail::line_file file_;
    audit_head head_;
    bool has_next_ = false;
    entry next_;
    /// Guards the members up to `detached_`.
    detail::fork_mutex mutex_{detail::fork_order::leaf};
    std::vector<entry> waiting_;
    std::size_t first_waiting_ = 0;
    std::size_t held_bytes_ = 0;
    bool detached_ = false;
    std::size_t torn_bytes_ = 0;
    std::atomic<std::uint64_t> written_{0};
    std::atomic<std::uint64_t> dropped_{0};
    std::atomic<std::uint64_t> lost_{0};
    background_queue* writer_ = nullptr;
    detail::new_epoch_in_child<audit_log> fork_{*this};
};

/// A listener that passes every transition to an audit_log. `audit_to` makes it.
struct audit_listener {
    /// The log.
    audit_log* log;
    /// Queue a transition in the log.
    void notify(const trial_event& seen) const noexcept { static_cast<void>(try_notify(seen)); }
    /// Queue a transition in the log. Returns whether it will be written.
    [[nodiscard]] bool try_notify(const trial_event& seen) const noexcept { return log->append(seen); }
};

/// Keep every transition in an audit_log: `audit_to(log)`, alone or among the callables of `on_event`.
/// assumes: the log outlives the trial
[[nodiscard]] inline audit_listener audit_to(audit_log& log) noexcept
{
    return {&log};
}
void audit_to(audit_log&&) = delete;

}  // namespace v0
}  // namespace joust
