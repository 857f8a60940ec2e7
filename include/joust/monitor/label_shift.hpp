// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/status.hpp>
#include <joust/quality/confusion.hpp>
#include <joust/stats/tests/combine.hpp>
#include <joust/stats/tests/contingency.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace joust {
inline namespace v0 {

/// Hold which part of the relation of inputs and labels has changed.
/// cost: O(1)
struct label_shift_result {
    /// The p-value of "the shares of the true classes are as before": small for a label shift.
    double labels_p = stats::not_a_number;
    /// The p-value of "within each true class the model is right as often as before": small for a concept shift, or where the inputs of a class have
    /// changed.
    double within_p = stats::not_a_number;
    /// The share of right predictions before and now.
    double accuracy_before = stats::not_a_number;
    /// The share of right predictions now.
    double accuracy_now = stats::not_a_number;
    /// The share of right predictions that the model would have now if the classes were as frequent as before: a pure label shift leaves it as it was.
    double accuracy_now_reweighted = stats::not_a_number;
    /// Whether the numbers are valid.
    status state = status::too_few;
};

/// Tell a label shift from a concept shift, with labels: has the mix of classes changed, or what the model does within a class?
///
/// When to use: after a monitor has raised an alarm, on matured labels. It is one look; do not repeat it on growing data.
/// shape: tables of the model's predictions by true class, before and now
/// assumes: rows are independent
/// errors: `out_of_range` for tables of different classes, or with rejected rows; `too_few` without rows
/// cost: one test for each class
[[nodiscard]] inline label_shift_result tell_label_shift(const quality::confusion& before,
                                                         const quality::confusion& now)
{
    label_shift_result out;
    const std::size_t classes = before.classes();
    if (now.classes() != classes || before.rejected() != 0 || now.rejected() != 0) {
        out.state = status::out_of_range;
        return out;
    }
    if (before.rows() == 0 || now.rows() == 0) {
        return out;
    }
    std::vector<std::vector<std::uint64_t>> labels(2, std::vector<std::uint64_t>(classes, 0));
    std::vector<double> p_values;
    double right_before = 0.0;
    double right_now = 0.0;
    double reweighted = 0.0;
    double weight = 0.0;
    for (std::size_t c = 0; c < classes; ++c) {
        for (std::size_t predicted = 0; predicted < classes; ++predicted) {
            labels[0][c] += before.count(c, predicted);
            labels[1][c] += now.count(c, predicted);
        }
        const std::uint64_t hits[] = {before.count(c, c), now.count(c, c)};
        right_before += static_cast<double>(hits[0]);
        right_now += static_cast<double>(hits[1]);
        if (labels[0][c] > 0 && labels[1][c] > 0) {
            reweighted += static_cast<double>(labels[0][c]) * static_cast<double>(hits[1]) /
                          static_cast<double>(labels[1][c]);
            weight += static_cast<double>(labels[0][c]);
            const stats::contingency_result within =
                stats::chi_squared(std::vector<std::vector<std::uint64_t>>{
                    {hits[0], labels[0][c] - hits[0]}, {hits[1], labels[1][c] - hits[1]}});
            if (within.state == status::ok) {
                p_values.push_back(within.p_value);
            }
        }
    }
    out.accuracy_before = right_before / static_cast<double>(before.rows());
    out.accuracy_now = right_now / static_cast<double>(now.rows());
    out.accuracy_now_reweighted = weight > 0.0 ? reweighted / weight : stats::not_a_number;
    const stats::contingency_result mix = stats::chi_squared(labels);
    out.labels_p = mix.state == status::ok ? mix.p_value : 1.0;
    out.within_p = p_values.empty() ? 1.0 : stats::fisher_combine(p_values).p_value;
    out.state = status::ok;
    return out;
}

}  // namespace v0
}  // namespace joust
