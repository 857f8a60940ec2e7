// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/fork.hpp>
#include <joust/report/course.hpp>
#include <joust/report/report.hpp>

#include <cmath>
#include <cstddef>
#include <mutex>
#include <utility>

namespace joust {
inline namespace v0 {
namespace detail {

/// Whose evidence a report shows: that of the trial itself, or evidence that was merged elsewhere.
enum class evidence_of : unsigned char { this_trial, all_replicas };

/// Keeps the course of a trial: one of its own looks, and one of its looks at merged evidence.
class course_keeper {
public:
    /// Let the latest look say what the rows of a report say, and add the course to the report.
    void show(report& out, evidence_of whose);

    /// Add a report to the course as a look, and the course to the report. `when` has what the report does not say.
    void keep(report& out, evidence_of whose, course_look when);

    /// Return the looks at merged evidence.
    [[nodiscard]] course merged() const
    {
        const std::scoped_lock lock{mutex_};
        return merged_;
    }
    /// Go on from the looks at merged evidence that another process has taken, where it has taken more of them. Looks at other rows are
    /// not taken over.
    void resume(course longer)
    {
        const std::scoped_lock lock{mutex_};
        if (longer.taken() > merged_.taken() && (own_.rows().empty() || longer.rows() == own_.rows())) {
            merged_ = std::move(longer);
        }
    }

    /// Forget the looks of the parent in a forked child, whose evidence begins anew.
    void begin_anew() noexcept
    {
        own_.clear();
        merged_.clear();
    }

protected:
    [[nodiscard]] course& of(evidence_of whose) noexcept
    {
        return whose == evidence_of::this_trial ? own_ : merged_;
    }

    mutable fork_mutex mutex_{fork_order::leaf};
    course own_;
    course merged_;

private:
    /// Write the rows of a report into the latest look.
    static void refine(course& looks, const report& out);

    new_epoch_in_child<course_keeper> fork_{*this};
};

/// Return the units of the smallest arm that served any, as small groups are told by.
[[nodiscard]] double smallest_arm(const report& shown) noexcept;

#if JOUST_BODIES

JOUST_FUNCTION double smallest_arm(const report& shown) noexcept
{
    double least = 0.0;
    for (const arm_row& arm : shown.arms) {
        const double units = arm.units > 0.0 ? arm.units : static_cast<double>(arm.requests);
        least = units > 0.0 && (least == 0.0 || units < least) ? units : least;
    }
    return least;
}

JOUST_FUNCTION void course_keeper::refine(course& looks, const report& out)
{
    const std::size_t last = looks.size() - 1;
    for (const metric_row& row : out.metrics) {
        const std::size_t place = looks.row({row.metric, row.arm});
        if (place == course::most_rows) {
            continue;
        }
        looks.value(last, place) = {};
        if (row.state == status::ok) {  // A report shows no other, so that the course does not know them.
            looks.value(last, place) = {.estimate = row.estimate,
                                        .lower = row.lower,
                                        .upper = row.upper,
                                        .log_e = std::log(row.e_value),
                                        .p_value = row.p_value};
        }
    }
}

JOUST_FUNCTION void course_keeper::show(report& out, evidence_of whose)
{
    const std::scoped_lock lock{mutex_};
    course& looks = of(whose);
    if (!looks.empty()) {
        refine(looks, out);
    }
    out.course = looks;
}

JOUST_FUNCTION void course_keeper::keep(report& out, evidence_of whose, course_look when)
{
    when.units = smallest_arm(out);
    const std::scoped_lock lock{mutex_};
    course& looks = of(whose);
    looks.add(when);
    refine(looks, out);
    out.course = looks;
}

#endif

}  // namespace detail
}  // namespace v0
}  // namespace joust
