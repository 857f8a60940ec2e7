// SPDX-License-Identifier: Apache-2.0
#pragma once

// Includes the five trials and the policies that need the standard library only. Include these other headers where you
// use them:
//
//   joust/format.hpp                  prints public values with fmt
//   joust/fwd.hpp, joust/<room>/fwd.hpp
//                                     declare types without defining them
//   joust/core/read_number.hpp        reads a number from text, the same in every locale
//   joust/numeric/...                 exact distributions (Boost.Math), ranks, quadrature, precise sums
//   joust/stats/...                   tests, intervals, resampling, planning and posteriors outside trials;
//                                     exact ones need Boost.Math, stats/regression.hpp needs Eigen
//   joust/quality/...                 measure a model on rows with known truths, and a ranking on judgements
//   joust/inference/aa_check.hpp      runs a model against itself on live traffic and counts false alarms
//   joust/split/bandit.hpp, joust/split/thompson.hpp, joust/split/rewards.hpp, joust/trial/replan.hpp
//                                     splitters that learn from rewards
//   joust/split/cascade.hpp, joust/split/cascade_threshold.hpp
//                                     make one model of a fast model and a slow one
//   joust/split/assignment_sql.hpp    writes the SQL by which a database finds the same arms
//   joust/split/explain.hpp, joust/trial/explain.hpp
//                                     explain in words how a unit got its model
//   joust/split/interop/...           splitters that assign units exactly as other products do
//   joust/interleave/attribution.hpp  credits logged feedback to units
//   joust/trial/at_once.hpp           runs the rankers of an interleaving side by side, with a deadline
//   joust/trial/event_log.hpp, joust/store/events.hpp, joust/store/credited_log.hpp
//                                     log events, read them again (nlohmann-json), erase a unit from them
//   joust/store/audit_log.hpp, joust/store/hmac.hpp
//                                     keep the transitions of a trial in a chained log, and check it
//   joust/store/audit_replay.hpp      repeats the decisions of such a log (nlohmann-json)
//   joust/shadow/user_executor.hpp    runs challengers on a thread pool of the service
//   joust/shadow/disagreements.hpp    keeps examples of answers that disagree
//   joust/shadow/compare_*.hpp, joust/shadow/part.hpp
//                                     compare texts, vectors, distributions, rankings and parts of results
//   joust/shadow/subprocess.hpp       runs a challenger in another process (POSIX)
//   joust/monitor/...                 watch inputs for drift, compare groups for fairness
//   joust/report/html.hpp, joust/report/charts.hpp, joust/report/course_chart.hpp, joust/report/page_style.hpp
//                                     write reports as one HTML page
//   joust/report/forecast.hpp, joust/report/forecast_page.hpp, joust/trial/plan_canary.hpp
//                                     foretell a canary before its launch, as text, JSON and one HTML page
//   joust/trial/hand_over.hpp         goes on with a canary as an A/B test, and back
//   joust/report/shown.hpp            asks a report what it shows of one metric, for tests
//   joust/report/junit.hpp            writes reports as JUnit XML for CI
//   joust/report/prometheus.hpp       writes reports in the text format of Prometheus
//   joust/store/file.hpp              saves evidence to files, loads and merges them
//   joust/store/store.hpp, joust/store/directory.hpp
//                                     keep rows that several processes share, in a folder
//   joust/store/json.hpp, joust/store/csv.hpp, joust/store/results.hpp, joust/store/results_file.hpp
//                                     record results and read recorded ones (JSON by nlohmann-json)
//   joust/trial/behaviour.hpp         tests how a model behaves: invariance, directions, cases, noise, repetition
//   joust/trial/gate_results.hpp      judges them where metrics are known only at run time
//   joust/trial/outcome_window.hpp    counts feedback within a window after the exposure
//   joust/trial/compare_runs.hpp      judges a benchmark in CI by several runs of two builds
//   joust/store/plan_file.hpp, joust/trial/plan_watch.hpp
//                                     read and write plans (nlohmann-json); a trial follows a plan file while it serves
//   joust/trial/durable.hpp           keeps a trial over restarts, and lets its replicas act as one
//   joust/trial/hand_over.hpp         makes an A/B test of a canary, and a canary of an A/B test
//   joust/store/line_source.hpp, joust/store/log_reader.hpp, joust/store/json_rows.hpp, joust/store/exposure_table.hpp
//                                     read logs of any size line by line (JSON lines by nlohmann-json), and join them
//   joust/trial/analyze_log.hpp, joust/trial/log_tally.hpp, joust/trial/report_evidence.hpp
//                                     report on the log of an experiment, and on evidence whose trial is not there
//   joust/integration/...             connects joust to other libraries

#include <joust/core/clock.hpp>
#include <joust/core/error.hpp>
#include <joust/core/executor.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/model.hpp>
#include <joust/core/policy.hpp>
#include <joust/core/random.hpp>
#include <joust/core/unit_id.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/core/unit_parts.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/inference/always_valid.hpp>
#include <joust/inference/bayesian.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/inference/group_sequential.hpp>
#include <joust/inference/hybrid.hpp>
#include <joust/interleave/balanced.hpp>
#include <joust/interleave/competitive_pairs.hpp>
#include <joust/interleave/credit.hpp>
#include <joust/interleave/identified_by.hpp>
#include <joust/interleave/optimized.hpp>
#include <joust/interleave/pairwise_preference.hpp>
#include <joust/interleave/probabilistic.hpp>
#include <joust/interleave/roughly_optimized.hpp>
#include <joust/interleave/sample_only_scored.hpp>
#include <joust/interleave/team_draft.hpp>
#include <joust/metric/conversion.hpp>
#include <joust/metric/failures.hpp>
#include <joust/metric/guardrail.hpp>
#include <joust/metric/latency.hpp>
#include <joust/metric/mean.hpp>
#include <joust/metric/prediction.hpp>
#include <joust/metric/quantile.hpp>
#include <joust/metric/ratio.hpp>
#include <joust/report/report.hpp>
#include <joust/report/write.hpp>
#include <joust/shadow/comparator.hpp>
#include <joust/shadow/sampler.hpp>
#include <joust/split/assigned_by.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/split/holdout.hpp>
#include <joust/split/layer.hpp>
#include <joust/split/overrides.hpp>
#include <joust/split/rendezvous.hpp>
#include <joust/split/slot_split.hpp>
#include <joust/split/splitter.hpp>
#include <joust/split/switchback.hpp>
#include <joust/split/when.hpp>
#include <joust/store/snapshot.hpp>
#include <joust/ticket/ticket.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/any_trial.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/gate.hpp>
#include <joust/trial/interleaving.hpp>
#include <joust/trial/plan_history.hpp>
#include <joust/trial/replace_plan.hpp>
#include <joust/trial/shadow.hpp>
#include <joust/version.hpp>
