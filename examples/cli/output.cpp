// SPDX-License-Identifier: Apache-2.0

#include "output.hpp"

#include <joust/core/read_number.hpp>
#include <joust/core/style.hpp>
#include <joust/core/text.hpp>
#include <joust/report/html.hpp>
#include <joust/report/junit.hpp>
#include <joust/report/write.hpp>
#include <joust/store/file.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>
#include <unistd.h>

namespace cli {

namespace {

bool drew_progress = false;

[[nodiscard]] std::string_view environment(const char* name)
{
    const char* const value = std::getenv(name);
    return value == nullptr ? std::string_view{} : std::string_view{value};
}

[[nodiscard]] bool coloured(const output_options& how)
{
    if (how.colour != "auto") {
        return how.colour == "always";
    }
    return ::isatty(STDOUT_FILENO) != 0 && environment("NO_COLOR").empty() && environment("TERM") != "dumb";
}

/// Colour the first line, which has the verdict.
[[nodiscard]] std::string with_colour(const std::string& text)
{
    const std::size_t end = text.find('\n');
    const std::string_view line = std::string_view{text}.substr(0, end);
    const auto has = [line](std::string_view word) { return line.find(word) != std::string_view::npos; };
    const char* const code = has("ROLL BACK") || has("REGRESS") || has("KEEP CHAMPION") ? "\033[1;31m"
                             : has("PASS") || has("SHIP CHALLENGER")                    ? "\033[1;32m"
                                                                                        : "\033[1;33m";
    return code + std::string{line} + "\033[0m" + (end == std::string::npos ? "" : text.substr(end));
}

[[nodiscard]] std::string form_of(const std::string& file, const std::string& otherwise)
{
    constexpr std::string_view forms[][2] = {{".html", "html"},   {".htm", "html"},  {".json", "json"},
                                             {".md", "markdown"}, {".xml", "junit"}, {".txt", "text"}};
    for (const auto& each : forms) {
        if (file.ends_with(each[0])) {
            return std::string{each[1]};
        }
    }
    return otherwise;
}

void print(std::string_view text)
{
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
        throw std::runtime_error(std::string{"the standard output cannot be written: "} +
                                 std::strerror(errno));
    }
}

}  // namespace

void put(const writer& write, const output_options& how)
{
    end_progress();
    const std::string shown = write(how.format);
    print(how.format == "text" && coloured(how) ? with_colour(shown) : shown);
    for (const std::string& file : how.files) {
        joust::write_file(file, write(form_of(file, how.format)));
    }
    if (const std::string_view summary = environment("GITHUB_STEP_SUMMARY"); !summary.empty()) {
        // Other steps of the job write into the same file.
        const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{
            std::fopen(std::string{summary}.c_str(), "ab"), &std::fclose};
        const std::string text = write("markdown") + "\n";
        if (file == nullptr || std::fwrite(text.data(), 1, text.size(), file.get()) != text.size()) {
            std::fprintf(stderr, "joust: the job summary cannot be written: %s\n", std::strerror(errno));
        }
    }
}

int put_reports(std::span<const joust::report> reports, const output_options& how)
{
    put(
        [reports](std::string_view form) {
            std::string out;
            if (form == "html") {
                return joust::html(reports, {.title = reports.size() == 1 ? reports.front().name : "Trials"});
            }
            if (form == "junit") {
                return joust::junit(reports);
            }
            for (const joust::report& each : reports) {
                out += form == "text" && !out.empty() ? "\n" : "";
                each.write(out, form == "json"       ? joust::style::json
                                : form == "markdown" ? joust::style::markdown
                                                     : joust::style::table);
                out += form == "json" ? "\n" : "";
            }
            return out;
        },
        how);
    int worst = 0;
    for (const joust::report& each : reports) {
        const int code = joust::exit_code(each);
        worst = worst == 1 || code == 1 ? 1 : std::max(worst, code);
    }
    return worst == 3 && how.inconclusive == "pass" ? 0 : worst;
}

std::function<void(std::uint64_t)> progress_of(const std::vector<std::string>& files,
                                               const output_options& how)
{
    if (how.quiet || ::isatty(STDERR_FILENO) == 0) {
        return {};
    }
    std::uintmax_t all = 0;
    for (const std::string& file : files) {
        std::error_code none;
        const std::uintmax_t size = std::filesystem::file_size(file, none);
        all += none ? 0 : size;
    }
    return [all, last = std::chrono::steady_clock::time_point{}](std::uint64_t bytes) mutable {
        const auto now = std::chrono::steady_clock::now();
        if (now - last < std::chrono::milliseconds{200}) {
            return;
        }
        last = now;
        drew_progress = true;
        std::fprintf(stderr, "\rjoust: %.1f of %.1f MB read ", 1e-6 * static_cast<double>(bytes),
                     1e-6 * static_cast<double>(all));
    };
}

void end_progress()
{
    if (drew_progress) {
        std::fprintf(stderr, "\r\033[K");
        drew_progress = false;
    }
}

double number_in(std::string_view text, const std::string& option)
{
    double value = 0.0;
    if (!joust::detail::read_number(text, value) || !(value - value == 0.0)) {
        throw usage_error(option + " is \"" + std::string{text} + "\", which is not a number");
    }
    return value;
}

std::vector<std::string> words_in(std::string_view text)
{
    std::vector<std::string> words;
    for (std::size_t at = 0; !text.empty() && at <= text.size();) {
        const std::size_t end = std::min(text.find(',', at), text.size());
        words.emplace_back(text.substr(at, end - at));
        at = end + 1;
    }
    return words;
}

std::vector<double> numbers_in(std::string_view text, const std::string& option)
{
    std::vector<double> numbers;
    for (const std::string& each : words_in(text)) {
        numbers.push_back(number_in(each, option));
    }
    return numbers;
}

double seconds_in(const std::string& text, const std::string& option)
{
    constexpr std::pair<char, double> units[] = {
        {'s', 1.0}, {'m', 60.0}, {'h', 3'600.0}, {'d', 86'400.0}, {'w', 604'800.0}};
    std::string_view number = text;
    double factor = 1.0;
    for (const auto& [letter, seconds] : units) {
        if (number.ends_with(letter)) {
            factor = seconds;
            number.remove_suffix(1);
            break;
        }
    }
    const double value = number_in(number, option);
    if (value < 0.0) {
        throw usage_error(option + " is " + text +
                          "; allowed: a time of 0 or more, such as 7d, 12h, 30m or 90s");
    }
    return factor * value;
}

std::size_t bytes_in(const std::string& text, const std::string& option)
{
    constexpr std::pair<char, double> units[] = {{'K', 1024.0}, {'M', 1048576.0}, {'G', 1073741824.0}};
    std::string_view number = text;
    double factor = 1.0;
    for (const auto& [letter, bytes] : units) {
        if (number.ends_with(letter)) {
            factor = bytes;
            number.remove_suffix(1);
            break;
        }
    }
    const double value = factor * number_in(number, option);
    if (!(value >= 65'536.0 && value < 1e15)) {
        throw usage_error(option + " is " + text + "; allowed: 64K or more, such as 512M or 2G");
    }
    return static_cast<std::size_t>(value);
}

std::pair<std::string, std::string> named_value(const std::string& text, const std::string& option)
{
    const std::size_t at = text.rfind('=');
    if (at == std::string::npos || at == 0 || at + 1 == text.size()) {
        throw usage_error(option + " is \"" + text + "\"; allowed: NAME=VALUE");
    }
    return {text.substr(0, at), text.substr(at + 1)};
}

std::vector<joust::log_metric> metrics_in(const metric_options& asked)
{
    std::vector<joust::log_metric> all;
    const auto add = [&all](std::string text, bool converts) {
        joust::log_metric metric{.converts = converts};
        for (const auto& [ending, direction] :
             {std::pair{":up", joust::better::up}, std::pair{":down", joust::better::down}}) {
            if (text.ends_with(ending)) {
                text.resize(text.size() - std::strlen(ending));
                metric.direction = direction;
            }
        }
        metric.name = text;
        if (text.empty()) {
            throw usage_error("--metric is given an empty name");
        }
        for (const joust::log_metric& other : all) {
            if (other.name == text) {
                throw usage_error("the metric " + text + " is given twice");
            }
        }
        all.push_back(std::move(metric));
    };
    for (const std::string& each : asked.metrics) {
        add(each, false);
    }
    for (const std::string& each : asked.conversions) {
        add(each, true);
    }
    for (const std::string& each : asked.guardrails) {
        const auto [name, limit] = named_value(each, "--guardrail");
        joust::log_metric* metric = nullptr;
        for (joust::log_metric& other : all) {
            metric = other.name == name ? &other : metric;
        }
        if (metric == nullptr) {
            all.push_back({.name = name});
            metric = &all.back();
        }
        metric->guards = true;
        const bool relative = limit.ends_with('%');
        const double value = number_in(std::string_view{limit}.substr(limit.starts_with('+') ? 1 : 0,
                                                                      limit.size() - (relative ? 1 : 0) -
                                                                          (limit.starts_with('+') ? 1 : 0)),
                                       "--guardrail " + name);
        if (value == 0.0 || (limit[0] != '+' && limit[0] != '-') || (relative && value <= -100.0)) {
            throw usage_error(
                "--guardrail " + each +
                "; allowed: NAME=+LIMIT where more of it is worse and NAME=-LIMIT where less is, a change such as -0.01 or of the level such as +2%");
        }
        metric->limit = {
            .harm_is_up = value > 0.0, .relative = relative, .value = relative ? 1.0 + value / 100.0 : value};
    }
    return all;
}

joust::log_design design_in(const std::string& text)
{
    return text == "fixed-horizon" ? joust::log_design::fixed_horizon
           : text == "hybrid"      ? joust::log_design::hybrid
           : text == "bayesian"    ? joust::log_design::bayesian
                                   : joust::log_design::always_valid;
}

}  // namespace cli
