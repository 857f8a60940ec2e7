// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/quality/auc.hpp>
#include <joust/quality/calibration.hpp>
#include <joust/quality/confusion.hpp>
#include <joust/quality/probability.hpp>

// Metrics of models that predict classes, probabilities or scores:
//   classes:        confusion, paired_confusion, clustered_confusion with accuracy, precision, recall, f_score,
//                   balanced_accuracy, matthews_correlation, cohen_kappa; weighted kappa is in kappa.hpp
//   probabilities:  log_loss and brier_score in row_quality, paired_quality, clustered_quality; their calibration is
//                   in calibration.hpp
//   weights:        weighted_confusion, weighted_quality, weighted_calibration in weighted.hpp; auc takes weights
//   scores:         auc, average_precision (exact, from stored scores), binned_auc (streaming)
