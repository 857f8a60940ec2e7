// SPDX-License-Identifier: Apache-2.0
#pragma once

// Declares the public types of joust/monitor/ without defining them, for headers that only name them.

#include <joust/core/fixed_string.hpp>

#include <cstdint>

namespace joust {
inline namespace v0 {

class false_alarms;
class change_evidence;
class bernoulli_alarm;
class conformal_alarm;
class rare_cell_alarm;
class two_sample_alarm;
class block_alarm;
class box_alarm;
class random_projection;
struct estimated_performance;
struct estimate_options;
struct sampled_rate;
struct label_shift_result;
class loss_alarm;
struct cohort;
struct cohort_options;
class matured_cohorts;
enum class slice_verdict : std::uint8_t;
struct slice_row;
struct slice_options;
class slice_table;
struct prediction_powered;
enum class prediction_weight : std::uint8_t;
class numeric_bins;
class categories;
template <fixed_string Name, class Projection, class Cells>
class watched_feature;
struct drift_alarm;
template <class Callable>
struct drift_listener;
struct block_counts;
enum class column_kind : std::uint8_t;
struct column_schema;
struct schema;
struct column_found;
enum class schema_trouble : std::uint8_t;
struct schema_anomaly;
class column_profile;
struct check_row;
template <class Row>
class row_checks;
struct arms_alarm;
template <class Projection>
struct row_unit;
struct arm_watch_state;
template <class... Policies>
class arm_watch;
struct monitor_state;
struct drift_cell;
struct drift_look;
enum class drift_state : std::uint8_t;
struct drift_row;
struct drift_report;
template <class... Policies>
class monitor;
template <fixed_string Group, class Metric>
struct metric_in_group;

namespace drift {

struct comparison;
struct sample_distance;
struct mmd_result;

}  // namespace drift

namespace detectors {

struct page_hinkley_options;
class page_hinkley;
class ddm;
class adwin;
class cusum;
class ewma;

}  // namespace detectors

namespace fairness {

struct measure;
enum class gap : std::uint8_t;
enum class group_rate : std::uint8_t;
struct named_group;
struct group_minimum;
struct group_value;
struct group_gap;
class group_frame;
class frames_by_control;
struct four_fifths_result;
class group_watch;
enum class equal_rate : std::uint8_t;
struct group_threshold;
struct group_thresholds;
struct conflict_row;

}  // namespace fairness

}  // namespace v0
}  // namespace joust
