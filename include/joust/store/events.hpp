// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/hex.hpp>
#include <joust/store/file.hpp>
#include <joust/store/json.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if __has_include(<sys/stat.h>)
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace joust {
inline namespace v0 {

/// One line of an event log, as trial/event_log.hpp writes it.
struct logged_event {
    /// "exposure" or "feedback"
    std::string event{};
    /// pseudonym in hexadecimal: 16 digits, of a slate the upper 8
    std::string unit{};
    /// since 1970-01-01 UTC, of the call that was served
    std::uint64_t seconds = 0;
    std::uint64_t trial = 0;
    std::uint64_t arm = 0;
    /// 0 of a slate
    double propensity = 0.0;
    /// feedback
    std::string metric{};
    /// feedback
    double value = 0.0;
    double denominator = 1.0;
    double covariate = 0.0;
    std::int64_t nanoseconds = -1;
    bool failed = false;
    /// feedback on a slate
    std::uint64_t position = 0;
    /// feedback on a slate: who earns it, 255 for nobody
    std::uint64_t ranker = 255;
    std::string ticket{};

    bool operator==(const logged_event&) const = default;
};

/// What an erasure did.
struct erasure {
    std::uint64_t kept = 0;
    std::uint64_t erased = 0;
    /// lines erased because nobody can tell whose they are
    std::uint64_t unreadable = 0;
    bool operator==(const erasure&) const = default;
};

/// What to do with a line that is no event, such as one that a crash cut off: stop and change nothing, or erase it.
enum class unreadable_lines : std::uint8_t { refuse, erase };

namespace detail {

[[nodiscard]] inline bool is_pseudonym(std::string_view text) noexcept
{
    return (text.size() == 8 || text.size() == 16) &&
           text.find_first_not_of(hex_digits) == std::string_view::npos;
}

/// Does a logged unit stand for this pseudonym? A slate's has only the upper half of it.
[[nodiscard]] inline bool stands_for(std::string_view unit, std::uint64_t pseudonym) noexcept
{
    const auto digits = hex_text(pseudonym);
    return unit == std::string_view{digits.data(), unit.size() < digits.size() ? unit.size() : digits.size()};
}

/// Read one line. errors: parse_error naming the line
[[nodiscard]] inline logged_event event_of(std::string_view text, std::size_t line)
{
    const nlohmann::json object = parse_json(text);
    if (!object.is_object()) {
        refuse_line(line, object.is_discarded() ? "not a JSON value" : "not a JSON object");
    }
    const auto refuse = [line](const char* name, const char* what) {
        refuse_line(line, "the member \"" + std::string{name} + "\" " + what);
    };
    const auto text_at = [&](const char* name, bool needed) {
        const auto found = object.find(name);
        if (found == object.end()) {
            if (needed) {
                refuse(name, "is missing");
            }
            return std::string{};
        }
        if (!found->is_string()) {
            refuse(name, "is no text");
        }
        return found->get<std::string>();
    };
    const auto whole_at = [&](const char* name, bool needed) {
        const auto found = object.find(name);
        if (found == object.end() && !needed) {
            return std::uint64_t{0};
        }
        if (found == object.end() || !found->is_number_unsigned()) {
            refuse(name, "is no whole number");
        }
        return found->get<std::uint64_t>();
    };
    const auto number_at = [&](const char* name, double otherwise) {
        const auto found = object.find(name);
        if (found == object.end() || found->is_null()) {
            return otherwise;
        }
        if (!found->is_number()) {
            refuse(name, "is no number");
        }
        return found->get<double>();
    };
    logged_event read;
    read.event = text_at("event", true);
    if (read.event != "exposure" && read.event != "feedback") {
        refuse("event", "is neither \"exposure\" nor \"feedback\"");
    }
    read.unit = text_at("unit", true);
    if (!is_pseudonym(read.unit)) {
        refuse("unit", "is no pseudonym of 8 or 16 hexadecimal digits");
    }
    read.seconds = whole_at("seconds", true);
    read.trial = whole_at("trial", true);
    read.arm = whole_at("arm", false);
    read.propensity = number_at("propensity", 0.0);
    read.metric = text_at("metric", read.event == "feedback");
    read.value = number_at("value", 0.0);
    read.denominator = number_at("denominator", 1.0);
    read.covariate = number_at("covariate", 0.0);
    if (const auto spent = object.find("nanoseconds"); spent != object.end()) {
        if (!spent->is_number_integer()) {
            refuse("nanoseconds", "is no whole number");
        }
        read.nanoseconds = spent->get<std::int64_t>();
    }
    if (const auto failed = object.find("failed"); failed != object.end()) {
        if (!failed->is_boolean()) {
            refuse("failed", "is neither true nor false");
        }
        read.failed = failed->get<bool>();
    }
    read.position = whole_at("position", false);
    if (object.contains("ranker")) {
        read.ranker = whole_at("ranker", true);
    }
    read.ticket = text_at("ticket", false);
    return read;
}

/// Call `visit(line, number)` with every line that is not blank.
template <class Visit>
void for_each_line(std::string_view text, Visit&& visit)
{
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.find_first_not_of(" \t\r") != std::string_view::npos) {
            visit(line, number);
        }
    }
}

/// Leave out lines for which `goes(event)`; the others stay as they are, byte for byte.
template <class Goes>
erasure filter_events(std::string_view text, unreadable_lines how, std::string& left, Goes&& goes)
{
    erasure done;
    for_each_line(text, [&](std::string_view line, std::size_t number) {
        bool readable = true;
        logged_event seen;
        try {
            seen = event_of(line, number);
        } catch (const parse_error&) {
            if (how == unreadable_lines::refuse) {
                throw;
            }
            readable = false;
        }
        if (!readable) {
            ++done.unreadable;
        } else if (goes(seen)) {
            ++done.erased;
        } else {
            ++done.kept;
            left.append(line);
            left += '\n';
        }
    });
    return done;
}

template <class Goes>
erasure filter_file(const std::string& path, unreadable_lines how, Goes&& goes)
{
    std::string left;
    erasure done;
    try {
        done = filter_events(read_file(path), how, left, goes);
    } catch (const parse_error& wrong) {
        throw parse_error(path + ": " + wrong.what());
    }
    if (done.erased + done.unreadable == 0) {
        return done;
    }
#if __has_include(<sys/stat.h>)
    // The new file is never open to more people than the old one: the part that write_file fills exists before, with the old
    // one's permissions.
    const std::string part = path + ".part";
    struct stat old{};
    std::remove(part.c_str());
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): so POSIX has it
    const int made = ::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const bool kept_closed =
        made >= 0 && ::stat(path.c_str(), &old) == 0 && ::fchmod(made, old.st_mode & 07777U) == 0;
    if (made >= 0) {
        ::close(made);
    }
    if (!kept_closed) {
        file_trouble(part, "cannot be made with the permissions of the log");
    }
#endif
    write_file(path, left);
    return done;
}

}  // namespace detail

/// Read an event log.
/// errors: parse_error naming the line, whatever the bytes
[[nodiscard]] inline std::vector<logged_event> read_events(std::string_view jsonl)
{
    std::vector<logged_event> all;
    detail::for_each_line(jsonl, [&](std::string_view line, std::size_t number) {
        all.push_back(detail::event_of(line, number));
    });
    return all;
}

/// Find what a log holds of one unit, by `trial.pseudonym_of(unit)`: to answer a request of access.
/// errors: as read_events
[[nodiscard]] inline std::vector<logged_event> events_of(std::string_view jsonl, std::uint64_t pseudonym)
{
    std::vector<logged_event> all;
    detail::for_each_line(jsonl, [&](std::string_view line, std::size_t number) {
        logged_event read = detail::event_of(line, number);
        if (detail::stands_for(read.unit, pseudonym)) {
            all.push_back(std::move(read));
        }
    });
    return all;
}

/// Erase one unit from a log file, by `trial.pseudonym_of(unit)`. The file is replaced as a whole or stays as it is.
///
/// Of slates the log has 32 bits of the pseudonym: those of another unit go too with probability 2^-32. Inside
/// `event_log::while_closed` if a log has the file open; copies and backups are yours to find.
/// errors: parse_error naming path and line where a line is no event, unless they are erased too; std::runtime_error where
/// the file cannot be read or replaced. Then nothing has changed.
/// cost: reads the file whole
inline erasure erase_events(const std::string& path, std::uint64_t pseudonym,
                            unreadable_lines how = unreadable_lines::refuse)
{
    return detail::filter_file(path, how, [pseudonym](const logged_event& seen) {
        return detail::stands_for(seen.unit, pseudonym);
    });
}

/// Erase what is older than `age` from a log file: feedback goes by the age of its exposure. As erase_events.
inline erasure retain_events(const std::string& path, std::chrono::seconds age,
                             unreadable_lines how = unreadable_lines::refuse)
{
    if (age.count() < 0) {
        throw configuration_error("retain_events.age", std::to_string(age.count()) + " s",
                                  "no negative time");
    }
    const std::int64_t now =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    const std::int64_t oldest = now > age.count() ? now - age.count() : 0;
    return detail::filter_file(path, how, [oldest](const logged_event& seen) {
        return seen.seconds < static_cast<std::uint64_t>(oldest);
    });
}

}  // namespace v0
}  // namespace joust
