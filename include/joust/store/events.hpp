// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/hex.hpp>
#include <joust/store/file.hpp>
#include <joust/store/json.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// Hold one line of an event log, as trial/event_log.hpp writes it.
struct logged_event {
    /// "exposure" or "feedback".
    std::string event{};
    /// The pseudonym in hexadecimal. It has 16 digits, of which the events of a slate have the upper 8.
    std::string unit{};
    /// The time of the call that was served.
    /// units: seconds since 1970-01-01 UTC
    std::uint64_t seconds = 0;
    /// The number of the trial, as in its tickets.
    std::uint64_t trial = 0;
    /// The number of the arm that served.
    std::uint64_t arm = 0;
    /// The propensity of the arm. It is 0 for a slate.
    double propensity = 0.0;
    /// The metric of feedback.
    std::string metric{};
    /// The value of feedback.
    double value = 0.0;
    /// The denominator of feedback for a ratio.
    double denominator = 1.0;
    /// The covariate of the unit.
    double covariate = 0.0;
    /// The time that the call took, or -1 if it was not measured.
    std::int64_t nanoseconds = -1;
    /// Whether the call failed.
    bool failed = false;
    /// The position of feedback on a slate.
    std::uint64_t position = 0;
    /// The ranker that gets the credit of feedback on a slate, or 255 if no ranker gets it.
    std::uint64_t ranker = 255;
    /// The ticket as text.
    std::string ticket{};

    /// Compare all members.
    bool operator==(const logged_event&) const = default;
};

/// Say what an erasure did.
struct erasure {
    /// The number of lines that were kept.
    std::uint64_t kept = 0;
    /// The number of lines that were erased because of their event.
    std::uint64_t erased = 0;
    /// The number of lines that were erased because they could not be read, so that their unit is unknown.
    std::uint64_t unreadable = 0;
    /// Compare all members.
    bool operator==(const erasure&) const = default;
};

/// Choose what happens to a line that is not an event, such as a line that a crash cut off.
enum class unreadable_lines : std::uint8_t {
    /// Stop and change nothing.
    refuse,
    /// Erase the line.
    erase
};

namespace detail {

[[nodiscard]] inline bool is_pseudonym(std::string_view text) noexcept
{
    return (text.size() == 8 || text.size() == 16) &&
           text.find_first_not_of(hex_digits) == std::string_view::npos;
}

/// Does a logged unit have this pseudonym? Events of slates have its upper half only.
[[nodiscard]] inline bool stands_for(std::string_view unit, std::uint64_t pseudonym) noexcept
{
    const auto digits = hex_text(pseudonym);
    return unit == std::string_view{digits.data(), unit.size() < digits.size() ? unit.size() : digits.size()};
}

/// Read the members of a JSON object on one line of a log.
/// errors: parse_error that names the line and the member
class event_members {
public:
    /// errors: parse_error if the line is not a JSON object
    event_members(std::string_view text, std::size_t line) : line_(line)
    {
        if (text.size() > most_line_bytes) {
            refuse_line(line, "longer than 1 MiB");
        }
        parsed_json parsed = parse_json(text);
        if (parsed.trouble != nullptr) {
            refuse_line(line, parsed.words());
        }
        if (!parsed.value.is_object()) {
            refuse_line(line, "not a JSON object");
        }
        object_ = std::move(parsed.value);
    }

    [[noreturn]] void refuse(const char* name, const char* what) const
    {
        refuse_line(line_, "the member \"" + std::string{name} + "\" " + what);
    }

    /// Return a text, which is empty if the member is absent and not needed.
    [[nodiscard]] std::string text(const char* name, bool needed) const
    {
        const auto* found = find(name);
        if (found == nullptr) {
            if (needed) {
                refuse(name, "is missing");
            }
            return {};
        }
        if (!found->is_string()) {
            refuse(name, "is not text");
        }
        return found->get<std::string>();
    }

    /// Return a number that is not negative, which is 0 if the member is absent and not needed.
    [[nodiscard]] std::uint64_t count(const char* name, bool needed) const
    {
        const auto* found = find(name);
        if (found == nullptr && !needed) {
            return 0;
        }
        if (found == nullptr || !found->is_number_unsigned()) {
            refuse(name, "is not a whole number");
        }
        return found->get<std::uint64_t>();
    }

    /// Return a whole number, or `otherwise` if the member is absent.
    [[nodiscard]] std::int64_t whole(const char* name, std::int64_t otherwise) const
    {
        const auto* found = find(name);
        if (found == nullptr) {
            return otherwise;
        }
        if (!found->is_number_integer()) {
            refuse(name, "is not a whole number");
        }
        return found->get<std::int64_t>();
    }

    /// Return a number, or `otherwise` if the member is absent or null.
    [[nodiscard]] double number(const char* name, double otherwise) const
    {
        const auto* found = find(name);
        if (found == nullptr || found->is_null()) {
            return otherwise;
        }
        if (!found->is_number()) {
            refuse(name, "is not a number");
        }
        return found->get<double>();
    }

    /// Return a truth value, which is false if the member is absent.
    [[nodiscard]] bool truth(const char* name) const
    {
        const auto* found = find(name);
        if (found != nullptr && !found->is_boolean()) {
            refuse(name, "is neither true nor false");
        }
        return found != nullptr && found->get<bool>();
    }

    [[nodiscard]] bool has(const char* name) const { return find(name) != nullptr; }

private:
    [[nodiscard]] const nlohmann::json* find(const char* name) const
    {
        const auto found = object_.find(name);
        return found == object_.end() ? nullptr : &*found;
    }

    nlohmann::json object_;
    std::size_t line_;
};

/// Read one line.
/// errors: parse_error that names the line
[[nodiscard]] inline logged_event event_of(std::string_view text, std::size_t line)
{
    const event_members members{text, line};
    logged_event read;
    read.event = members.text("event", true);
    if (read.event != "exposure" && read.event != "feedback") {
        members.refuse("event", "is neither \"exposure\" nor \"feedback\"");
    }
    read.unit = members.text("unit", true);
    if (!is_pseudonym(read.unit)) {
        members.refuse("unit", "is not a pseudonym of 8 or 16 hexadecimal digits");
    }
    read.seconds = members.count("seconds", true);
    read.trial = members.count("trial", true);
    read.arm = members.count("arm", false);
    read.propensity = members.number("propensity", 0.0);
    read.metric = members.text("metric", read.event == "feedback");
    read.value = members.number("value", 0.0);
    read.denominator = members.number("denominator", 1.0);
    read.covariate = members.number("covariate", 0.0);
    read.nanoseconds = members.whole("nanoseconds", -1);
    read.failed = members.truth("failed");
    read.position = members.count("position", false);
    if (members.has("ranker")) {
        read.ranker = members.count("ranker", true);
    }
    read.ticket = members.text("ticket", false);
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

/// Copy the lines to `left` for which `goes(event)` is false. They stay as they are, byte for byte.
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
    write_file(path, left);
    return done;
}

}  // namespace detail

/// Read an event log.
/// errors: parse_error that names the line, for any bytes
[[nodiscard]] inline std::vector<logged_event> read_events(std::string_view jsonl)
{
    std::vector<logged_event> all;
    detail::for_each_line(jsonl, [&](std::string_view line, std::size_t number) {
        all.push_back(detail::event_of(line, number));
    });
    return all;
}

/// Find the events of one unit in a log, by `trial.pseudonym_of(unit)`. Use it to answer a request for access.
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
/// The log has 32 bits of the pseudonym of each slate, so that slates of another unit are erased too with probability
/// 2^-32. If a log has the file open, call this inside `event_log::while_closed`. Copies and backups are not touched.
/// errors: parse_error that names path and line if a line is not an event, unless such lines are erased;
/// std::runtime_error if the file cannot be read or replaced. Nothing has changed then.
/// cost: reads the whole file
inline erasure erase_events(const std::string& path, std::uint64_t pseudonym,
                            unreadable_lines how = unreadable_lines::refuse)
{
    return detail::filter_file(path, how, [pseudonym](const logged_event& seen) {
        return detail::stands_for(seen.unit, pseudonym);
    });
}

/// Erase events that are older than `age` from a log file. The age of feedback is that of its exposure.
/// errors: as erase_events; configuration_error for a negative age
inline erasure retain_events(const std::string& path, std::chrono::seconds age,
                             unreadable_lines how = unreadable_lines::refuse)
{
    if (age.count() < 0) {
        throw configuration_error("retain_events.age", std::to_string(age.count()) + " s", "0 s or more");
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
