#pragma once

#include <joust/metric/inference.hpp>
#include <joust/stats/normal.hpp>
#include <joust/stats/score.hpp>

#include <cmath>
#include <limits>
#include <string_view>

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
        constexpr std::string_view method = "cluster-robust z at the planned sample";
        if (memory.counted.taken) {
            return detail::repeated(memory.counted, method);
        }
        stats::score_options options;
        options.alpha = asked.alpha;
        options.null = asked.null;
        const stats::score_result seen = asked.relative ? stats::relative_score_test(at.sums, options)
                                                        : stats::score_test(at.sums, options);
        inference answer{.method = method,
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
        answer.p_value = asked.alternative == stats::side::two       ? 2.0 * stats::normal_sf(std::fabs(z))
                         : asked.alternative == stats::side::greater ? stats::normal_sf(z)
                                                                     : stats::normal_sf(-z);
        const stats::score_line line =
            asked.relative ? stats::relative_score(at.sums) : stats::absolute_score(at.sums);
        // Two-sided for every alternative, so that a guardrail's row shows both how bad and how good it may be.
        const stats::bounds ends = not_rejected(line, stats::normal_upper_quantile(0.5 * asked.alpha));
        if (asked.relative) {
            answer.lower = 1.0 / (1.0 + ends.upper);
            answer.upper =
                ends.lower > -1.0 ? 1.0 / (1.0 + ends.lower) : std::numeric_limits<double>::infinity();
        } else {
            answer.lower = ends.lower;
            answer.upper = ends.upper;
        }
        memory.counted = detail::counted(answer);
        return answer;
    }

    bool operator==(const fixed_horizon&) const = default;

private:
    /// Every t that the two-sided test with critical value z does not reject: s(t)^2 <= z^2 v(t), a quadratic around the
    /// root. Unbounded where the variance far away outgrows the score.
    [[nodiscard]] static stats::bounds not_rejected(const stats::score_line& line, double z) noexcept
    {
        const double root = line.root();
        const double zz = z * z;
        const double a = line.s1 * line.s1 - zz * line.v.c2;
        if (!(a > 0.0)) {
            return {};
        }
        const double slope = zz * (line.v.c1 + root * line.v.c2);
        const double half = std::sqrt(slope * slope + a * zz * line.v(root));
        return {root + (slope - half) / a, root + (slope + half) / a};
    }
};

}  // namespace joust::inline v0
