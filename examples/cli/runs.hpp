// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/report/report.hpp>
#include <joust/store/recorded.hpp>
#include <joust/trial/gate_results.hpp>

#include <string>
#include <vector>

namespace cli {

/// Judge benchmarks of which each file is a run.
[[nodiscard]] joust::report judge_runs(const std::vector<joust::recorded>& champion,
                                       const std::vector<joust::recorded>& challenger,
                                       const std::string& first, const std::string& second,
                                       const std::vector<joust::result_margin>& margins, double alpha);

}  // namespace cli
