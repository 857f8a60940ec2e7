// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

// Declares the public types of joust/trial/ without defining them, for headers that only name them.
// Default template arguments are given here; the definitions include this header and do not repeat them.

#include <joust/core/fixed_string.hpp>
#include <joust/ticket/fwd.hpp>

namespace joust {
inline namespace v0 {

template <class... Args>
class ab_test;
template <class Predicate>
struct acceptance_predicate;
template <class Signature>
class any_trial;
template <class Executor>
struct at_once_rankers;
template <class... Args>
class canary;
struct everybody;
template <class Predicate>
struct consent_predicate;
struct no_covariate;
template <class Projection>
struct covariate_projection;
template <class Result, class Ticket = joust::ticket>
struct served;
struct shadow_evidence;
class event_log;
struct event_log_recorder;
struct significance;
template <class... Args>
class gate;
struct behaviour_limits;
struct behaviour_example;
struct behaviour_result;
struct behaviour_report;
template <class Perturb, class Comparator>
struct invariance_test;
template <class Perturb>
struct directional_test;
template <class Cases, class Expect>
struct functionality_test;
template <class Noise, class Comparator>
struct robustness_test;
template <class Comparator>
struct consistency_test;
template <class Trial, class Store>
class durable;
struct durable_options;
struct durable_replica;
struct durable_status;
struct refused_row;
template <class Trial, class Store>
class follow;
struct known_plan;
struct plan_history;
struct redrawn_slate;
template <class... Args>
class interleaving;
struct fall_back;
struct rethrow;
template <class Trial>
class plan_watch;
enum class canary_phase : std::uint8_t;
struct canary_state;
struct expected_level;
struct expected_traffic;
struct guardrail_progress;
struct stage_progress;
enum class promotion : std::uint8_t;
enum class breach : std::uint8_t;
struct default_exclusions;
struct dry_run;
struct ramp;
struct no_listener;
template <class... Callables>
struct callback_listener;
struct one_after_another;
struct no_log;
struct no_watcher;
template <class Watch>
struct watched_by;
template <class Callable>
struct callback_recorder;
template <class... Args>
class shadow;
struct timed;
struct untimed;
struct log_metric;
enum class log_design : std::uint8_t;
struct log_judgement;
class log_tally;
struct log_columns;
struct behaviour_limits;
struct behaviour_example;
struct behaviour_result;
struct behaviour_report;
struct result_margin;
enum class window_value : std::uint8_t;
template <fixed_string Name, class Trial>
class outcome_window;
struct log_options;

}  // namespace v0
}  // namespace joust
