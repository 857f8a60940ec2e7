// SPDX-License-Identifier: Apache-2.0
#pragma once

// Declares the public types of joust/interleave/ without defining them, for headers that only name them.
// Default template arguments are given here; the definitions include this header and do not repeat them.

#include <cstdint>

namespace joust {
inline namespace v0 {

struct credited_feedback;
enum class attribution : std::uint8_t;
struct unit_outcomes;
struct power_curve;
template <class Curve = power_curve>
struct balanced;
struct competitive_pairs;
struct feedback;
struct click_credit;
struct graded_credit;
struct dwell_credit;
struct conversion_credit;
enum class touch : std::uint8_t;
struct first_click_credit;
struct last_click_credit;
struct pair_outcomes;
template <class Predicate>
struct eligible_items;
template <class Projection>
struct item_projection;
struct identified_by_itself;
struct optimized;
enum class rank_credit : std::uint8_t;
struct optimization_counts;
struct pairwise_preference;
template <class Item>
struct pin;
template <class Choose>
struct pinned_items;
struct probabilistic;
struct preference_chances;
struct roughly_optimized;
struct sample_only_scored;
class credit_shares;
template <class Item, class Ticket>
class slate;
struct team_draft;
class slate_teams;

}  // namespace v0
}  // namespace joust
