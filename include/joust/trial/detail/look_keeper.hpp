// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/report/course.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>
#include <joust/stats/sequential/score.hpp>
#include <joust/trial/detail/course_keeper.hpp>
#include <joust/trial/detail/decide.hpp>
#include <joust/trial/detail/describe.hpp>
#include <joust/trial/detail/finding.hpp>
#include <joust/trial/detail/metric_set.hpp>

#include <cstddef>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detail {

/// Keeps the course of a trial that looks at its evidence without a report.
class look_keeper : public course_keeper {
public:
    /// Name the rows, and take the memory for all looks.
    void name_rows(const setting& how, const std::vector<std::string>& models);

    /// Return whether the next look of the trial will be kept.
    [[nodiscard]] bool keeps_next() noexcept
    {
        const std::scoped_lock lock{mutex_};
        return own_.keeps_next();
    }

    /// Keep what a look found. `when` has what the findings do not say, the units of the smallest arm among it.
    /// cost: no allocation where the evidence is that of the trial
    void look(const judgement& found, evidence_of whose, const course_look& when);
};

#if JOUST_BODIES

JOUST_FUNCTION void look_keeper::name_rows(const setting& how, const std::vector<std::string>& models)
{
    std::vector<course_row> rows;
    for (std::size_t p = 1; p < models.size(); ++p) {
        for (const metric_spec& spec : how.specs) {
            rows.push_back({row_name(spec, how.watches), models[p]});
        }
    }
    for (std::size_t p = 1; p < models.size(); ++p) {
        rows.push_back({"sample ratio", models[p]});
    }
    const std::scoped_lock lock{mutex_};
    own_ = course{std::move(rows)};
}

JOUST_FUNCTION void look_keeper::look(const judgement& found, evidence_of whose, const course_look& when)
{
    const std::scoped_lock lock{mutex_};
    course& looks = of(whose);
    if (whose == evidence_of::all_replicas && looks.rows().empty()) {
        looks = course{own_.rows()};
    }
    looks.add(when, [&found](std::size_t row) {
        course_value value;
        if (row < found.findings.size()) {
            const inference& answer = found.findings[row].answer;
            if (answer.state == status::ok) {
                value = {answer.estimate, answer.lower, answer.upper, answer.log_e, answer.p_value};
            }
        } else if (row - found.findings.size() < found.split.size()) {
            const stats::score_result& split = found.split[row - found.findings.size()];
            if (split.state == status::ok && !is_mismatch(split)) {
                value = {split.estimate, split.lower, split.upper, split.log_e,
                         stats::always_valid_p(split.log_e)};
            }
        }
        return value;
    });
}

#endif

}  // namespace detail
}  // namespace v0
}  // namespace joust
