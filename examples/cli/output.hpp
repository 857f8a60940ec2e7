// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/report/report.hpp>
#include <joust/trial/report_evidence.hpp>

#include "commands.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cli {

/// Say in one line why a command line is wrong.
class usage_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Writes one result in a form: "text", "json", "markdown", "junit" or "html".
using writer = std::function<std::string(std::string_view form)>;

/// Write a result to the standard output and to the files that were asked for, and to the job summary of CI where the environment
/// names one.
void put(const writer& write, const output_options& how);

/// Write reports, and return the exit code of the worst verdict.
int put_reports(std::span<const joust::report> reports, const output_options& how);

/// Return a function that tells on a terminal how far a command has come, or an empty one.
[[nodiscard]] std::function<void(std::uint64_t)> progress_of(const std::vector<std::string>& files,
                                                             const output_options& how);
/// Remove what progress has written.
void end_progress();

/// Read "7d", "12h", "30m", "90s" or a number of seconds.
[[nodiscard]] double seconds_in(const std::string& text, const std::string& option);
/// Read "512M", "2G" or a number of bytes.
[[nodiscard]] std::size_t bytes_in(const std::string& text, const std::string& option);
/// Divide "name=value". The name may hold '='; the value may not.
[[nodiscard]] std::pair<std::string, std::string> named_value(const std::string& text,
                                                              const std::string& option);
/// Divide a list at its commas.
[[nodiscard]] std::vector<std::string> words_in(std::string_view text);
/// Read a list of numbers.
[[nodiscard]] std::vector<double> numbers_in(std::string_view text, const std::string& option);
/// Read a number.
[[nodiscard]] double number_in(std::string_view text, const std::string& option);
/// Return the metrics of a command line in the order metrics, conversions, guardrails.
[[nodiscard]] std::vector<joust::log_metric> metrics_in(const metric_options& asked);
/// Return the design of a command line.
[[nodiscard]] joust::log_design design_in(const std::string& text);

}  // namespace cli
