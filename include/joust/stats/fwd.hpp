// SPDX-License-Identifier: Apache-2.0
#pragma once

// Declares the public types of joust/stats/ without defining them, for headers that only name them.

#include <cstddef>
#include <cstdint>

namespace joust {
inline namespace v0 {

struct cross_validated;
struct five_by_two;
struct back_test;

namespace stats {

struct beta_belief;
struct normal_belief;
struct bayes_result;
struct arm_belief;
template <std::size_t K>
class co_moments;
struct best_arm_result;
struct caps;
struct capped_sample;
struct cuped_result;
struct off_policy_result;
class off_policy;
struct stratum;
struct stratified_result;
struct quantile_result;
struct weighted_latencies;
struct rank_interval;
enum class set_shape : std::uint8_t;
enum class ratio_effect : std::uint8_t;
struct ratio_result;
struct sample_summary;
class moments;
class pair_moments;
struct bounds;
enum class watched : std::uint8_t;
struct planned_guardrail;
struct planned_stage;
struct planned_canary;
struct caught_harm;
struct stage_outlook;
struct rollout_outlook;
struct canary_outlook;
struct exclusion_situation;
struct exclusion_outlook;
struct decision_plan;
struct decision_levels;
struct decision_evidence;
struct decision_result;
enum class design_kind : std::uint8_t;
enum class looking : std::uint8_t;
struct experiment_plan;
struct design_outlook;
struct design_advice;
struct mean_design;
struct paired_design;
struct proportion_design;
struct paired_proportion_design;
struct rate_design;
enum class preference_agreement : std::uint8_t;
struct measured_design;
struct sensitivity_result;
enum class hc : std::uint8_t;
enum class cr : std::uint8_t;
enum class degrees : std::uint8_t;
struct regression_result;
class least_squares;
struct adjusted_result;
enum class bootstrap_interval : std::uint8_t;
struct bootstrap_result;
struct permutation_result;
class poisson_bootstrap;
struct test_result;
enum class error_split : std::uint8_t;
struct pair_interval;
struct elimination;
class asymptotic_confidence_sequence;
struct beta_prior;
struct beta_mixture;
class betting_capital;
class betting;
class empirical_bernstein;
class epoch_evidence;
struct event_counts;
struct excluded_harm;
struct event_clustering;
enum class event_odds : std::uint8_t;
struct exclusion_limit;
struct mean_exclusion;
class first_failure;
enum class futility_rule : std::uint8_t;
struct group_sequential_look;
class group_sequential_design;
struct normal_mixture;
class poisson_rates;
class many_poisson_rates;
class quantile_e_process;
class quantile_confidence_sequence;
enum class variance_clock : std::uint8_t;
struct score_result;
class sequential_srm;
struct obrien_fleming;
struct pocock;
struct hwang_shih_decani;
struct power_family;
class spending_function;
class t_e_process;
class two_sample_t_e_process;
class two_sample_bernoulli;
struct judged_pair;
struct all_pairs_result;
struct pair_e_value;
struct unconditional_result;
struct cluster_result;
struct contingency_result;
struct two_by_two;
enum class rate_p : std::uint8_t;
struct delong_result;
struct auc_result;
enum class margin_kind : std::uint8_t;
struct equivalence_result;
enum class ks_p : std::uint8_t;
struct ks_result;
enum class rank_p : std::uint8_t;
struct mann_whitney_result;
enum class missing_p : std::uint8_t;
struct multiplicity_result;
enum class mcnemar_p : std::uint8_t;
enum class difference_interval : std::uint8_t;
enum class flip_p : std::uint8_t;
struct sign_flip_result;
struct sign_test_result;
enum class zero_differences : std::uint8_t;
struct signed_rank_result;

}  // namespace stats

}  // namespace v0
}  // namespace joust
