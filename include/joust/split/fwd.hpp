// SPDX-License-Identifier: Apache-2.0
#pragma once

// Declares the public types of joust/split/ without defining them, for headers that only name them.

#include <cstdint>

namespace joust {
inline namespace v0 {

template <class Projection>
class platform_assignment;
template <class Projection>
class platform_plan;
template <class Projection>
struct platform_split;
enum class thrower : std::uint8_t;
struct assignment;
template <class Args>
struct context;
template <class Args, class Unit>
struct keyed_context;
struct arm_rewards;
struct reward_totals;
class bandit_plan;
struct epsilon_greedy;
struct ucb1;
struct exp3;
template <class Fast, class Deep, class Confidence>
class cascade_model;
struct cascade_target;
struct cascade_threshold;
enum class sql_dialect : std::uint8_t;
class hash_plan;
struct hash_split;
struct forced_unit;
struct forced_units;
struct plan_difference;
class rendezvous_plan;
struct rendezvous;
template <class Rule, class Plan>
class ruled_plan;
template <class Rule, class Splitter>
class ruled_split;
class slot_plan;
struct slot_split;
enum class block_order : std::uint8_t;
class switchback_plan;
struct switchback;
enum class reward_kind : std::uint8_t;
struct thompson;
struct top_two_thompson;
struct traffic_plan;
enum class transition : std::uint8_t;
struct condition;
enum class consequence : std::uint8_t;
struct trial_event;

}  // namespace v0
}  // namespace joust
