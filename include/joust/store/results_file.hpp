// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/store/file.hpp>
#include <joust/store/json.hpp>
#include <joust/store/json_rows.hpp>
#include <joust/store/log_reader.hpp>
#include <joust/store/results.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace joust {
inline namespace v0 {

/// Name the forms of files that `read_results_file` reads.
enum class results_format : std::uint8_t {
    /// JSON lines or CSV of id, arm, metric and value.
    rows,
    /// The JSON output of Google Benchmark.
    google_benchmark,
    /// The JSON output of hyperfine.
    hyperfine,
    /// The JSON output of nanobench.
    nanobench
};

/// Say whether the values of a form are times, of which less is better.
[[nodiscard]] constexpr bool is_timing(results_format form) noexcept
{
    return form != results_format::rows;
}

namespace detail {

/// Return the list "results" of a JSON file, or refuse the file.
[[nodiscard]] inline const nlohmann::json& results_list(const nlohmann::json& file, const char* what)
{
    const auto list = file.is_object() ? file.find("results") : file.end();
    if (list == file.end() || !list->is_array()) {
        throw parse_error(std::string{"the file has no list \"results\": it is not the JSON output of "} +
                          what);
    }
    return *list;
}

/// Keep a time in nanoseconds. A time below 0 is an error of the measurement, and would be the fastest of all.
inline void keep_time(recorder_of_results& into, std::size_t id, std::string_view arm, std::string_view name,
                      double seconds)
{
    into.add(std::to_string(id), arm, name,
             seconds < 0.0 ? std::numeric_limits<double>::quiet_NaN() : 1e9 * seconds);
}

[[nodiscard]] inline std::string member_or_empty(const nlohmann::json& object, const char* name)
{
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

}  // namespace detail

/// Read the JSON output of hyperfine as the results of one model. Every command is a metric, every run of it is a case, and the value
/// is in nanoseconds. A run that ended with an exit code other than 0 is kept as failed.
///
/// The file has at most 64 MiB, is nested at most 64 deep, and names no member twice.
/// errors: parse_error that names the line if the bytes are not JSON, and otherwise the result
[[nodiscard]] inline recorded read_hyperfine(std::string_view text, std::string_view arm)
{
    if (text.size() > detail::most_benchmark_bytes) {
        throw parse_error("the file is longer than 64 MiB");
    }
    const nlohmann::json file = detail::parse_json_file(text);
    recorder_of_results results;
    std::size_t number = 0;
    for (const nlohmann::json& entry : detail::results_list(file, "hyperfine")) {
        ++number;
        const auto refuse = [number](const char* what) {
            throw parse_error("result " + std::to_string(number) + ": " + what);
        };
        const auto times = entry.is_object() ? entry.find("times") : entry.end();
        if (!entry.is_object() || times == entry.end() || !times->is_array()) {
            refuse("has no list \"times\"");
        }
        const std::string name = detail::member_or_empty(entry, "command");
        if (name.empty()) {
            refuse("has no command");
        }
        const auto codes = entry.find("exit_codes");
        const bool has_codes = codes != entry.end() && codes->is_array() && codes->size() == times->size();
        for (std::size_t i = 0; i < times->size(); ++i) {
            const nlohmann::json& time = (*times)[i];
            if (!time.is_number()) {
                refuse("has a time that is not a number");
            }
            const bool failed =
                has_codes && (*codes)[i].is_number_integer() && (*codes)[i].get<std::int64_t>() != 0;
            if (failed) {
                results.add_failed(std::to_string(i), arm, name);
            } else {
                detail::keep_time(results, i, arm, name, time.get<double>());
            }
        }
    }
    return results.take();
}

/// Read the JSON output of nanobench as the results of one model. Every benchmark is a metric, with its title before its name, every
/// epoch is a case, and the value is nanoseconds for each operation.
///
/// The file has at most 64 MiB, is nested at most 64 deep, and names no member twice.
/// errors: parse_error that names the line if the bytes are not JSON, and otherwise the result
[[nodiscard]] inline recorded read_nanobench(std::string_view text, std::string_view arm)
{
    if (text.size() > detail::most_benchmark_bytes) {
        throw parse_error("the file is longer than 64 MiB");
    }
    const nlohmann::json file = detail::parse_json_file(text);
    recorder_of_results results;
    std::size_t number = 0;
    for (const nlohmann::json& entry : detail::results_list(file, "nanobench")) {
        ++number;
        const auto refuse = [number](const char* what) {
            throw parse_error("result " + std::to_string(number) + ": " + what);
        };
        const auto epochs = entry.is_object() ? entry.find("measurements") : entry.end();
        if (!entry.is_object() || epochs == entry.end() || !epochs->is_array()) {
            refuse("has no list \"measurements\"");
        }
        const std::string title = detail::member_or_empty(entry, "title");
        const std::string own = detail::member_or_empty(entry, "name");
        if (own.empty()) {
            refuse("has no name");
        }
        const std::string name = title.empty() || title == "benchmark" ? own : title + "/" + own;
        std::size_t id = 0;
        for (const nlohmann::json& epoch : *epochs) {
            const auto time = epoch.is_object() ? epoch.find("elapsed") : epoch.end();
            if (!epoch.is_object() || time == epoch.end() || !time->is_number()) {
                refuse("has a measurement without the number \"elapsed\"");
            }
            detail::keep_time(results, id++, arm, name, time->get<double>());
        }
    }
    return results.take();
}

namespace detail {

/// Find out what a JSON file is by its beginning: rows are whole objects on their lines.
[[nodiscard]] inline results_format format_of(std::string_view text)
{
    text.remove_prefix(text.starts_with("\xEF\xBB\xBF") ? 3 : 0);
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos || text[first] != '{') {
        return results_format::rows;
    }
    const std::string_view line = text.substr(first, text.find('\n', first) - first);
    if (line.find("\"metric\"") != std::string_view::npos && line.size() <= most_line_bytes &&
        nlohmann::json::accept(line.begin(), line.end())) {
        return results_format::rows;
    }
    const auto has = [text](std::string_view member) { return text.find(member) != std::string_view::npos; };
    return has("\"benchmarks\"")     ? results_format::google_benchmark
           : has("\"measurements\"") ? results_format::nanobench
           : has("\"times\"")        ? results_format::hyperfine
                                     : results_format::rows;
}

/// Read rows of id, arm, metric and value. Where a row has no arm it has the one that is given.
[[nodiscard]] inline recorded read_result_rows(const std::string& path, const std::string& arm)
{
    log_reader file{path, std::make_unique<nlohmann_rows>()};
    const std::size_t id_at = file.want("id");
    const std::size_t metric_at = file.want("metric");
    const std::size_t value_at = file.want("value");
    const std::size_t arm_at = file.want("arm", true);
    recorder_of_results results;
    while (file.next()) {
        const std::string id{file.text(id_at)};
        const std::string metric{file.text(metric_at)};
        const std::string given{file.text(arm_at)};
        const log_field::kind value = file.field(value_at).what;
        if (value == log_field::kind::absent) {
            file.refuse(value_at, "is missing");
        }
        for (const std::size_t place : {id_at, metric_at}) {
            if (!file.has(place)) {
                file.refuse(place, "is missing");
            }
        }
        if (value == log_field::kind::missing) {
            results.add_missing(id, given.empty() ? arm : given, metric);
        } else {
            results.add(id, given.empty() ? arm : given, metric, file.number(value_at));
        }
    }
    return results.take();
}

}  // namespace detail

/// Hold the results of one file and what the file was.
struct results_file {
    /// The results.
    recorded results{};
    /// The form of the file.
    results_format form = results_format::rows;
};

/// Read a file of results in whichever form it has. `arm` is the model of results that do not name one.
/// errors: parse_error that names the file, and the line where the form has lines; std::runtime_error where it cannot be read
[[nodiscard]] inline results_file read_results_file(const std::string& path, const std::string& arm,
                                                    benchmark_time which = benchmark_time::real)
{
    std::string text;
    results_format form = results_format::rows;
    if (path != "-") {
        // The beginning says what the file is; rows are not held as text.
        text.resize(std::size_t{1} << 16);
        text.resize(detail::read_beginning(path, text.data(), text.size()));
        const std::size_t first = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
        if (first != std::string::npos && text[first] == '{') {
            text = read_file(path);
            form = detail::format_of(text);
        }
    }
    try {
        switch (form) {
            case results_format::google_benchmark: return {read_benchmark(text, arm, which), form};
            case results_format::hyperfine: return {read_hyperfine(text, arm), form};
            case results_format::nanobench: return {read_nanobench(text, arm), form};
            case results_format::rows: break;
        }
    } catch (const parse_error& wrong) {
        throw parse_error(path + " " + wrong.what());
    }
    return {detail::read_result_rows(path, arm), form};
}

}  // namespace v0
}  // namespace joust
