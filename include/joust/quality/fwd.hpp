// SPDX-License-Identifier: Apache-2.0
#pragma once

// Declares the public types of joust/quality/ without defining them, for headers that only name them.

#include <cstdint>

namespace joust {
inline namespace v0 {

namespace quality {

struct calibration_result;
struct calibration_line;
class calibration_bins;
class paired_calibration;
class clustered_calibration;
struct class_shares;
struct class_slopes;
struct accuracy;
struct precision;
struct recall;
struct f_score;
struct balanced_accuracy;
struct matthews_correlation;
struct cohen_kappa;
enum class kappa_weights : std::uint8_t;
class weighted_confusion;
class weighted_calibration;
class confusion;
class paired_confusion;
class clustered_confusion;
struct log_loss;
struct brier_score;
class binned_auc;
struct quality;
enum class averaging : std::uint8_t;
struct overlap;
struct rank_correlation;
enum class rank_ties : std::uint8_t;
enum class unseen_overlap : std::uint8_t;
template <class Id>
struct scored_item;
template <class Id>
struct judged_item;
class judged_ranking;
struct query_value;
enum class ideal_order : std::uint8_t;
struct bounded_query_value;
enum class unanswerable : std::uint8_t;
class query_mean;
class query_difference;
struct mean_absolute_error;
struct mean_squared_error;
struct root_mean_squared_error;
struct r_squared;

}  // namespace quality

}  // namespace v0
}  // namespace joust
