// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/store/results.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

namespace detail {

/// A JSON value, or the reason why a text is none.
struct parsed_json {
    nlohmann::json value;
    /// The reason, or null if the text is a JSON value.
    const char* trouble = nullptr;
    /// The member that an object has twice, if that is the reason.
    std::string member{};
    /// The place of the trouble, where it is known.
    std::size_t place = 0;
    /// Whether the reason is a number that no double can hold.
    bool number_too_large = false;

    /// Say what is wrong.
    [[nodiscard]] std::string words() const
    {
        return member.empty() ? std::string{trouble} : std::string{trouble} + " \"" + member + '"';
    }
};

/// The longest line of recorded results and of event logs.
inline constexpr std::size_t most_line_bytes = std::size_t{1} << 20;
/// The longest output of Google Benchmark.
inline constexpr std::size_t most_benchmark_bytes = std::size_t{64} << 20;
/// The most objects and arrays that may stand inside one another.
inline constexpr int json_depth = 64;

/// Watch a text while it is parsed: how deep it is, and whether an object has a member twice.
class json_watch {
public:
    struct refused {
        const char* trouble;
        std::string member{};
    };

    bool operator()(int depth, nlohmann::json::parse_event_t seen, const nlohmann::json& value)
    {
        using what = nlohmann::json::parse_event_t;
        if (seen == what::object_start || seen == what::array_start) {
            if (depth >= json_depth) {
                throw refused{"nested too deep"};
            }
            if (seen == what::object_start) {
                open_.push_back(keys_.size());
            }
        } else if (seen == what::object_end) {
            keys_.resize(open_.back());
            open_.pop_back();
        } else if (seen == what::key) {
            add(value.get_ref<const std::string&>());
        }
        return true;
    }

private:
    void add(const std::string& key)
    {
        const std::size_t first = open_.back();
        if (keys_.size() - first >= most_members) {
            throw refused{"has too many members"};
        }
        for (std::size_t i = first; i < keys_.size(); ++i) {
            if (keys_[i] == key) {
                throw refused{"has two members", key.empty() ? "(no name)" : key};
            }
        }
        keys_.push_back(key);
    }

    // Every key is compared with all others of its object.
    static constexpr std::size_t most_members = 256;

    std::vector<std::string> keys_;
    std::vector<std::size_t> open_;
};

/// Parse one JSON value of a size that is bounded by the caller. No bytes make it throw anything but std::bad_alloc.
///
/// A text with a NUL character, an object with a member twice, and a value that is nested too deep are refused: the
/// first would end the text before its end, and of two members other readers take the other one.
[[nodiscard]] inline parsed_json parse_json(std::string_view text)
{
    parsed_json parsed;
    if (text.find('\0') != std::string_view::npos) {
        parsed.place = text.find('\0') + 1;
        parsed.trouble = "not a JSON value, since it holds a NUL character";
        return parsed;
    }
    json_watch watch;
    const nlohmann::json::parser_callback_t see = [&watch](int depth, nlohmann::json::parse_event_t seen,
                                                           const nlohmann::json& value) {
        return watch(depth, seen, value);
    };
    try {
        parsed.value = nlohmann::json::parse(text.begin(), text.end(), see);
    } catch (const json_watch::refused& refused) {
        parsed.trouble =
            nlohmann::json::accept(text.begin(), text.end()) ? refused.trouble : "not a JSON value";
        parsed.member = refused.member;
    } catch (const nlohmann::json::parse_error& error) {
        parsed.trouble = "not a JSON value";
        parsed.place = error.byte;
    } catch (const nlohmann::json::exception&) {
        parsed.trouble = "not a JSON value";
        parsed.number_too_large = true;
        parsed.place = text.size();
    }
    return parsed;
}

[[noreturn]] inline void refuse_line(std::size_t line, const std::string& why)
{
    throw parse_error("line " + std::to_string(line) + ": " + why);
}

/// Return a member as text, and whole numbers in decimal.
[[nodiscard]] inline std::string member_text(const nlohmann::json& object, const char* name, std::size_t line)
{
    const auto found = object.find(name);
    if (found == object.end()) {
        refuse_line(line, "the member \"" + std::string{name} + "\" is missing");
    }
    std::string text;
    if (found->is_string()) {
        text = found->get_ref<const std::string&>();
    } else if (found->is_number_unsigned()) {
        text = std::to_string(found->get<std::uint64_t>());
    } else if (found->is_number_integer()) {
        text = std::to_string(found->get<std::int64_t>());
    } else {
        refuse_line(line, "the member \"" + std::string{name} + "\" is neither text nor a whole number");
    }
    if (text.empty()) {
        refuse_line(line, "the member \"" + std::string{name} + "\" is empty");
    }
    if (text.find('\0') != std::string::npos) {
        refuse_line(line, "the member \"" + std::string{name} + "\" holds a NUL character");
    }
    return text;
}

/// Parse a JSON file of several lines.
/// errors: parse_error that names the line
[[nodiscard]] inline nlohmann::json parse_json_file(std::string_view text)
{
    parsed_json parsed = parse_json(text);
    if (parsed.trouble == nullptr) {
        return std::move(parsed.value);
    }
    std::size_t line = 1;
    for (std::size_t i = 0; i + 1 < parsed.place && i < text.size(); ++i) {
        line += text[i] == '\n' ? 1U : 0U;
    }
    refuse_line(line, parsed.number_too_large ? "holds a number that no double can hold" : parsed.words());
}

/// Return the nanoseconds of a time unit of Google Benchmark, or 0 for an unknown unit.
[[nodiscard]] inline double nanoseconds_of(std::string_view unit) noexcept
{
    return unit == "ns" ? 1.0 : unit == "us" ? 1e3 : unit == "ms" ? 1e6 : unit == "s" ? 1e9 : 0.0;
}

}  // namespace detail

/// Read recorded results from JSON lines: `{"id": 17, "arm": "dnn-v2", "metric": "accuracy", "value": 1}`.
///
/// The id is text or a whole number. The value is a number, true (1) or false (0); null is missing: a gate does not
/// leave out its case without a word. Other members and blank lines are ignored. A line has at most 1 MiB, is nested at
/// most 64 deep, and names no member twice.
/// errors: parse_error that names the line, for any bytes
[[nodiscard]] inline recorded read_results(std::string_view jsonl)
{
    detail::check_results_size(jsonl);
    recorder_of_results results;
    if (jsonl.starts_with("\xEF\xBB\xBF")) {
        jsonl.remove_prefix(3);
    }
    for (std::size_t line = 1; !jsonl.empty(); ++line) {
        const std::size_t end = jsonl.find('\n');
        const std::string_view text = jsonl.substr(0, end);
        jsonl.remove_prefix(end == std::string_view::npos ? jsonl.size() : end + 1);
        if (text.find_first_not_of(" \t\r") == std::string_view::npos) {
            continue;
        }
        if (text.size() > detail::most_line_bytes) {
            detail::refuse_line(line, "longer than 1 MiB");
        }
        const detail::parsed_json parsed = detail::parse_json(text);
        if (parsed.trouble != nullptr) {
            detail::refuse_line(line, parsed.words());
        }
        const nlohmann::json& object = parsed.value;
        if (!object.is_object()) {
            detail::refuse_line(line, "not a JSON object");
        }
        const std::string id = detail::member_text(object, "id", line);
        const std::string arm = detail::member_text(object, "arm", line);
        const std::string metric = detail::member_text(object, "metric", line);
        const auto value = object.find("value");
        if (value == object.end()) {
            detail::refuse_line(line, "the member \"value\" is missing");
        }
        if (value->is_null()) {
            results.add_missing(id, arm, metric);
        } else if (value->is_boolean()) {
            results.add(id, arm, metric, value->get<bool>() ? 1.0 : 0.0);
        } else if (value->is_number()) {
            results.add(id, arm, metric, value->get<double>());
        } else {
            detail::refuse_line(line, "the member \"value\" is not a number");
        }
    }
    return results.take();
}

/// Choose which time of Google Benchmark is compared.
enum class benchmark_time : std::uint8_t {
    /// The elapsed time.
    real,
    /// The processor time.
    cpu
};

/// Read the JSON output of Google Benchmark as the results of one model (one build). Every benchmark is a metric, every
/// repetition is a case, and the value is nanoseconds per iteration. Aggregates are left out. A repetition that is
/// marked `error_occurred` is kept as failed.
///
/// A file is one run of the program. Start each build several times, in turns with the other, name the run of each file, and
/// combine all with `merged`: a gate takes runs as its units and needs at least four of each build, since repetitions in one process
/// share what is by chance slow or fast in it. The file has at most 64 MiB, is nested at most 64 deep, and names no member twice.
/// errors: parse_error that names the line if the bytes are not JSON, and otherwise the benchmark
[[nodiscard]] inline recorded read_benchmark(std::string_view text, std::string_view arm,
                                             benchmark_time which = benchmark_time::real,
                                             std::string_view run = {})
{
    if (text.size() > detail::most_benchmark_bytes) {
        throw parse_error("the file is longer than 64 MiB");
    }
    const nlohmann::json file = detail::parse_json_file(text);
    const auto list = file.is_object() ? file.find("benchmarks") : file.end();
    if (list == file.end() || !list->is_array()) {
        throw parse_error(
            "the file has no list \"benchmarks\": it is not the JSON output of Google Benchmark");
    }

    recorder_of_results results;
    std::unordered_map<std::string, std::uint64_t> repetitions;
    std::size_t number = 0;
    for (const nlohmann::json& entry : *list) {
        ++number;
        const auto refuse = [number](const char* what) {
            throw parse_error("benchmark " + std::to_string(number) + ": " + what);
        };
        if (!entry.is_object()) {
            refuse("not a JSON object");
        }
        const auto text_or = [&entry](const char* name, const char* otherwise) {
            const auto found = entry.find(name);
            return found != entry.end() && found->is_string() ? found->get<std::string>()
                                                              : std::string{otherwise};
        };
        if (text_or("run_type", "iteration") != "iteration") {
            continue;
        }
        const std::string name = text_or("run_name", text_or("name", "").c_str());
        if (name.empty()) {
            refuse("has no name");
        }
        const auto repetition = entry.find("repetition_index");
        const std::uint64_t count = repetitions[name]++;
        std::string id{run};
        id += run.empty() ? "" : "/";
        id += std::to_string(repetition != entry.end() && repetition->is_number_unsigned()
                                 ? repetition->get<std::uint64_t>()
                                 : count);
        const auto failed = entry.find("error_occurred");
        if (failed != entry.end() && failed->is_boolean() && failed->get<bool>()) {
            results.add_failed(id, arm, name);
            continue;
        }
        const auto skipped = entry.find("skipped");
        if (skipped != entry.end() && skipped->is_boolean() && skipped->get<bool>()) {
            results.add_missing(id, arm, name);
            continue;
        }
        const auto time = entry.find(which == benchmark_time::real ? "real_time" : "cpu_time");
        if (time == entry.end() || !time->is_number()) {
            refuse("has no time");
        }
        const double scale = detail::nanoseconds_of(text_or("time_unit", "ns"));
        if (scale == 0.0) {
            refuse("has a time unit other than ns, us, ms and s");
        }
        const double spent = time->get<double>();
        // A negative time is an error of the measurement, and would be the fastest of all.
        results.add(id, arm, name, spent < 0.0 ? std::numeric_limits<double>::quiet_NaN() : scale * spent);
    }
    recorded read = results.take();
    read.repetitions = true;
    return read;
}

}  // namespace v0
}  // namespace joust
