// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/status.hpp>
#include <joust/monitor/fairness.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace fairness {

/// Return a weight for each training row with which group and label are independent: the weight of a group's label is the share that it would have
/// if they were, divided by its own share.
///
/// When to use: before training, where the base rates of groups differ by how the data were collected.
/// When not: where the base rates differ in truth; the weighted model is then wrong about them.
/// shape: one name of a group and one label (0 or 1) for each row; weights have a mean of 1
/// errors: an empty vector for lengths that differ or another label
/// cost: two passes, one look-up by name each
/// source: Kamiran and Calders (2012), Data preprocessing techniques for classification without discrimination
[[nodiscard]] inline std::vector<double> reweighing_weights(std::span<const std::string_view> groups,
                                                            std::span<const std::uint8_t> labels)
{
    if (groups.size() != labels.size()) {
        return {};
    }
    std::map<std::string_view, double> of_group;
    std::map<std::pair<std::string_view, std::uint8_t>, double> of_both;
    double positives = 0.0;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        if (labels[i] > 1) {
            return {};
        }
        of_group[groups[i]] += 1.0;
        of_both[{groups[i], labels[i]}] += 1.0;
        positives += labels[i];
    }
    const auto rows = static_cast<double>(groups.size());
    std::vector<double> weights;
    weights.reserve(groups.size());
    for (std::size_t i = 0; i < groups.size(); ++i) {
        const double of_label = labels[i] == 1 ? positives : rows - positives;
        weights.push_back(of_group[groups[i]] * of_label / (rows * of_both[{groups[i], labels[i]}]));
    }
    return weights;
}

}  // namespace fairness
}  // namespace v0
}  // namespace joust
