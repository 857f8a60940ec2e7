// SPDX-License-Identifier: Apache-2.0
#pragma once

// Declares the public types of joust/store/ without defining them, for headers that only name them.

#include <cstdint>

namespace joust {
inline namespace v0 {

struct logged_event;
struct erasure;
enum class unreadable_lines : std::uint8_t;
enum class benchmark_time : std::uint8_t;
struct recorded;
struct paired_values;
class recorder_of_results;
class csv_reader;
struct sha256_digest;
struct audit_head;
enum class audit_fault : std::uint8_t;
struct audit_finding;
struct audit_check;
struct audit_options;
class audit_log;
struct audit_listener;
struct audited_event;
struct replay_request;
struct replayed_assignment;
struct replayed_transition;
struct audit_replay;
struct replay_options;
class store_error;
struct stored_row;
class directory;
struct refused_file;
enum class results_format : std::uint8_t;
struct results_file;
class line_source;
struct log_field;
class json_row_reader;
class log_reader;
class nlohmann_rows;
struct joined_exposure;
class exposure_table;

}  // namespace v0
}  // namespace joust
