#pragma once

#include <cmath>

#include <joust/metric/inference.hpp>
#include <joust/stats/normal.hpp>
#include <joust/stats/score.hpp>

namespace joust::inline v0 {

/// Judge once, when the planned number of exposures has been served; before that no p-value is given.
///
/// When to use: the sample size was planned and nobody decides earlier. When not: if anybody looks before the end and may
/// act, use always_valid. The first look after the planned sample is the one that counts: it is kept, later looks repeat it.
/// units: `units` is the planned number of exposures of champion and challenger together.
/// assumes: many buckets of units (the normal limit of a cluster-robust score test).
struct fixed_horizon {
    double alpha = 0.05;
    double units = 10'000;

    [[nodiscard]] inference infer(const look& at, const question& asked, test_memory& memory) const noexcept
    {
        stats::score_options options;
        options.alpha = asked.alpha;
        options.null = asked.null;
        const stats::score_result seen =
            asked.relative ? stats::relative_score_test(at.sums, options) : stats::score_test(at.sums, options);
        inference answer{.method = "cluster-robust z at the planned sample",
                         .champion = seen.champion,
                         .challenger = seen.challenger,
                         .estimate = seen.estimate,
                         .state = seen.state};
        if (seen.state != status::ok) {
            return answer;
        }
        if (at.exposures < units) {
            answer.state = status::before_planned_sample;
            return answer;
        }
        const double z = seen.s / std::sqrt(seen.v);
        if (!(memory.rho > 0.0)) {
            // The memory's two numbers keep the one look that counts: z, and that it was taken.
            memory.rho = 1.0;
            memory.highest_log_e = z;
        }
        const double counted = memory.highest_log_e;
        answer.p_value = asked.alternative == stats::side::two       ? 2.0 * stats::normal_sf(std::fabs(counted))
                         : asked.alternative == stats::side::greater ? stats::normal_sf(counted)
                                                                     : stats::normal_sf(-counted);
        const double half = stats::normal_quantile(1.0 - 0.5 * asked.alpha);
        const stats::score_line line = asked.relative ? stats::relative_score(at.sums) : stats::absolute_score(at.sums);
        const double error = half * std::sqrt(line.v(line.root())) / std::fabs(line.s1);
        if (asked.relative) {
            answer.lower = 1.0 / (1.0 + line.root() + error);
            answer.upper = line.root() - error > -1.0 ? 1.0 / (1.0 + line.root() - error) : HUGE_VAL;
        } else {
            answer.lower = seen.estimate - error;
            answer.upper = seen.estimate + error;
        }
        return answer;
    }

    bool operator==(const fixed_horizon&) const = default;
};

}  // namespace joust::inline v0
