#pragma once

// Everything of joust that needs only the standard library. Beside it:
//   <joust/format.hpp>               print any public value with fmt
//   <joust/store/file.hpp>           save evidence to files, load and merge them
//   <joust/store/json.hpp>           read recorded results (nlohmann-json)
//   <joust/numeric/distributions.hpp>  and the tests that need exact distributions (Boost.Math)
//   <joust/report/html.hpp>, <joust/report/junit.hpp>  reports as a page, and for CI
//   <joust/split/bandit.hpp>, <joust/split/thompson.hpp>, <joust/trial/replan.hpp>  splitters that learn
//   <joust/split/cascade.hpp>, <joust/trial/explain.hpp>  a model of two; how a unit got its arm, in words
//   <joust/interleave/attribution.hpp>, <joust/trial/at_once.hpp>  outcomes per unit from a log; rankers side by side
//   <joust/split/interop/...>        splitters that assign as other vendors do
//   <joust/store/plan_file.hpp>, <joust/trial/plan_watch.hpp>  plans on disk; follow one while serving
//   <joust/integration/...>          bridges to other libraries

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
#include <joust/trial/replace_plan.hpp>
#include <joust/trial/shadow.hpp>
#include <joust/version.hpp>
