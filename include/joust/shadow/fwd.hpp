// SPDX-License-Identifier: Apache-2.0
#pragma once

// Declares the public types of joust/shadow/ without defining them, for headers that only name them.
// Default template arguments are given here; the definitions include this header and do not repeat them.

#include <cstdint>

namespace joust {
inline namespace v0 {

namespace detail {
struct deduced;
}

struct no_breaker;
struct breaker;
struct no_second_run;
struct measure_noise;
struct only_where_champion_answers;
struct also_on_failures;
struct no_protection;
struct protect;
class rate_limit;
class shadow_call;
class subprocess_error;
struct subprocess_limits;
template <class T>
struct wire;
template <class Signature>
class subprocess;
struct comparison;
struct exact_match;
struct tolerance;
struct within_ulps;
struct normalised_text;
struct edit_distance;
struct token_f1;
struct cosine_distance;
struct euclidean_distance;
enum class divergence : std::uint8_t;
struct distribution_distance;
struct overlap_at;
struct rank_overlap;
struct kendall_distance;
struct changed_positions;
template <class Projection, class Comparator>
class part_comparator;
template <class Post>
class posting_executor;
struct compared_pair;
struct no_pair_listener;
template <class Callable>
class pair_callable;
struct disagreement;
struct disagreement_options;
class disagreements;
template <class Redact>
class disagreement_keeper;
template <class Callable>
class callable_comparator;
struct equals_truth;
template <class Callable>
struct callable_judge;
template <class Prediction = detail::deduced>
struct remembered;
template <class Result, class Truth>
class pending_results;
struct all_requests;
struct sampled;

}  // namespace v0
}  // namespace joust
