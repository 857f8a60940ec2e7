// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reports as trials make them, with made-up numbers: one per kind of trial.

#include <joust/report/report.hpp>

#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace sample {

inline constexpr double endless = std::numeric_limits<double>::infinity();
inline constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

inline joust::report ab_test()
{
    joust::report made;
    made.name = "score-2026-11";
    made.kind = "ab_test";
    made.decision = joust::verdict::ship_challenger;
    made.reason = "click is better with dnn-v2, and latency stays within its margin";
    made.arms = {{.model = "gbdt-v1", .share = 0.9, .requests = 18'012, .units = 4'511.0},
                 {.model = "dnn-v2", .share = 0.1, .requests = 1'988, .failures = 3, .units = 499.0}};
    made.metrics = {{.metric = "click",
                     .arm = "dnn-v2",
                     .role = "primary",
                     .method = "propensity-centred score, normal mixture",
                     .champion = 0.1012,
                     .challenger = 0.1213,
                     .estimate = 0.0201,
                     .lower = 0.0052,
                     .upper = 0.035,
                     .p_value = 0.0081,
                     .e_value = 123.4,
                     .state = joust::status::ok,
                     .better = 1,
                     .level = 0.95,
                     .unit = "%"},
                    {.metric = "latency",
                     .arm = "dnn-v2",
                     .role = "guardrail, at most x 1.1",
                     .method = "first exceedance per slot",
                     .champion = 1.2,
                     .challenger = 1.25,
                     .estimate = 0.05,
                     .lower = -endless,
                     .upper = 0.09,
                     .state = joust::status::ok,
                     .margin = 0.12,
                     .better = -1,
                     .level = 0.95,
                     .unit = "ms"},
                    {.metric = "revenue",
                     .arm = "dnn-v2",
                     .role = "secondary",
                     .method = "propensity-centred score, normal mixture",
                     .champion = 12.31,
                     .challenger = 12.84,
                     .estimate = 0.53,
                     .p_value = 0.5,
                     .state = joust::status::burn_in,
                     .better = 1,
                     .unit = "EUR"}};
    made.latencies = {{"gbdt-v1", 18'012, 0.41, 0.6, 0.7, 1.2, 4.1, 12.0},
                      {"dnn-v2", 1'988, 0.52, 0.71, 0.82, 1.25, 3.9, 9.5}};
    made.counts = {{"foreign tickets", 3}, {"values that are not finite", 0}};
    made.notes = {"Units are counted by a sketch, to about 2 %."};
    return made;
}

inline joust::report canary()
{
    joust::report made;
    made.name = "ranker";
    made.kind = "canary";
    made.decision = joust::verdict::roll_back;
    made.reason = "failures: e = 129 after 2 failures of the challenger";
    made.arms = {{.model = "v7", .share = 1.0, .requests = 9'988, .units = 2'000.0},
                 {.model = "v8", .share = 0.0, .requests = 12, .failures = 2, .units = 9.0}};
    made.metrics = {{.metric = "failures",
                     .arm = "v8",
                     .role = "guardrail, at most +0.005",
                     .method = "first failure per slot",
                     .champion = 0.0,
                     .challenger = 0.17,
                     .estimate = 0.17,
                     .lower = 0.011,
                     .upper = endless,
                     .e_value = 129.0,
                     .state = joust::status::ok,
                     .margin = 0.005,
                     .better = -1,
                     .unit = "%"}};
    made.latencies = {{"v7", 9'988, 0.0011, 0.0014, 0.0016, 0.0031, 0.012, 0.4},
                      {"v8", 12, 0.7, 0.8, 0.81, 0.81, 0.81, 0.81}};
    made.shares = {{0.0, 0.01, "start"}, {431.0, 0.0, "roll back: failures beyond the margin"}};
    return made;
}

inline joust::report interleaving()
{
    joust::report made;
    made.name = "search <script>alert(\"1\")</script> & 'quoted' \xE6\xA4\x9C\xE7\xB4\xA2 \xFF";
    made.kind = "interleaving";
    made.decision = joust::verdict::keep_testing;
    made.reason = "not settled: </style><b onclick=\"x()\">";
    made.arms = {{.model = "bm25", .share = 0.5, .requests = 900, .units = 300.0},
                 {.model = "\"><img src=x>", .share = 0.5, .requests = 900, .units = 300.0}};
    made.metrics = {{.metric = "preference",
                     .arm = "\"><img src=x>",
                     .role = "primary",
                     .method = "sign test per query <em>",
                     .estimate = 0.53,
                     .lower = 0.48,
                     .upper = 0.58,
                     .p_value = 0.21,
                     .e_value = 0.8,
                     .state = joust::status::ok,
                     .reference = 0.5,
                     .better = 1,
                     .unit = "%"}};
    made.latencies = {{"\"><img src=x>", 900, 1.0, 2.0, 2.5, 4.0, 9.0, 20.0}};
    made.shares = {{0.0, 0.5, "<script>start</script>"}};
    made.counts = {{"<b>", 2}};
    made.notes = {"a <i>note</i>"};
    return made;
}

inline joust::report shadow()
{
    joust::report made;
    made.name = "letters";
    made.kind = "shadow";
    made.arms = {{.model = "softmax", .share = 1.0, .requests = 4'000, .units = 400.0},
                 {.model = "7-nearest", .share = 0.0, .requests = 4'000, .units = 400.0}};
    made.metrics = {{.metric = "agreement",
                     .arm = "7-nearest",
                     .role = "check",
                     .method = "by clusters of units",
                     .estimate = 0.841,
                     .lower = 0.829,
                     .upper = 0.853,
                     .state = joust::status::ok,
                     .reference = unknown,
                     .unit = "%"}};
    made.latencies = {{"softmax", 4'000, 0.0, 0.0014, 0.0016, 0.0031, 0.012, 0.4},
                      {"7-nearest", 4'000, 0.61, 0.74, 0.82, 1.12, 2.9, 7.1}};
    return made;
}

inline joust::report gate()
{
    joust::report made;
    made.name = "release";
    made.kind = "gate";
    made.decision = joust::verdict::inconclusive;
    made.reason = "latency straddles its margin";
    made.arms = {{.model = "old", .share = 0.5, .requests = 2'000},
                 {.model = "new", .share = 0.5, .requests = 2'000}};
    const joust::metric_row row{.metric = "accuracy",
                                .arm = "new",
                                .role = "primary",
                                .method = "McNemar",
                                .champion = 0.771,
                                .challenger = 0.745,
                                .estimate = -0.026,
                                .lower = -0.041,
                                .upper = -0.011,
                                .p_value = 0.0007,
                                .state = joust::status::ok,
                                .better = 1,
                                .unit = "%"};
    made.metrics.assign(4, row);
    made.metrics[1].metric = "latency";
    made.metrics[1].role = "at most +2 ms";
    made.metrics[1].champion = 0.5;
    made.metrics[1].challenger = 2.4;
    made.metrics[1].estimate = 1.9;
    made.metrics[1].lower = 1.62;
    made.metrics[1].upper = 2.31;
    made.metrics[1].margin = 2.0;
    made.metrics[1].better = -1;
    made.metrics[1].unit = "ms";
    made.metrics[2].metric = "memory";
    made.metrics[2].state = joust::status::too_few;
    made.metrics[3].metric = "recall";
    made.metrics[3].lower = 0.001;
    made.metrics[3].estimate = 0.004;
    made.metrics[3].upper = 0.007;
    return made;
}

inline std::vector<joust::report> all()
{
    return {shadow(), canary(), ab_test(), interleaving(), gate()};
}

}  // namespace sample
