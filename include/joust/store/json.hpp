// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/store/results.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

namespace joust {
inline namespace v0 {

namespace detail {

/// Parse one JSON value. If the bytes are not JSON, the value returned is of the kind `discarded`; no bytes make it
/// throw.
[[nodiscard]] inline nlohmann::json parse_json(std::string_view text)
{
    return nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
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
    return text;
}

/// Parse a JSON file of several lines.
/// errors: parse_error that names the line
[[nodiscard]] inline nlohmann::json parse_json_file(std::string_view text)
{
    std::string why;
    std::size_t place = 0;
    try {
        return nlohmann::json::parse(text.begin(), text.end());
    } catch (const nlohmann::json::parse_error& error) {
        why = "not a JSON value";
        place = error.byte;
    } catch (const nlohmann::json::exception&) {
        why = "holds a number that no double can hold";
        place = text.size();
    }
    std::size_t line = 1;
    for (std::size_t i = 0; i + 1 < place && i < text.size(); ++i) {
        line += text[i] == '\n' ? 1U : 0U;
    }
    refuse_line(line, why);
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
/// leave out its case without a word. Other members and blank lines are ignored.
/// errors: parse_error that names the line, for any bytes
[[nodiscard]] inline recorded read_results(std::string_view jsonl)
{
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
        const nlohmann::json object = detail::parse_json(text);
        if (object.is_discarded()) {
            detail::refuse_line(line, "not a JSON value");
        }
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
/// Run each build with `--benchmark_repetitions` and `--benchmark_enable_random_interleaving`, and combine both results
/// with `merged`.
/// errors: parse_error that names the line if the bytes are not JSON, and otherwise the benchmark
[[nodiscard]] inline recorded read_benchmark(std::string_view text, std::string_view arm,
                                             benchmark_time which = benchmark_time::real)
{
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
        const std::string id = std::to_string(repetition != entry.end() && repetition->is_number_unsigned()
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
        results.add(id, arm, name, scale * time->get<double>());
    }
    return results.take();
}

}  // namespace v0
}  // namespace joust
