// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/stats/sequential/exclusion.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

namespace joust_test {

/// The sums of the events' series over buckets, and the counts, as a trial keeps them.
class recorded {
public:
    static constexpr std::size_t buckets = 1'024;

    explicit recorded(std::size_t stages) : counts_(stages)
    {
        for (auto& each : sums_) {
            each.assign(buckets, 0.0);
        }
    }

    void add(std::size_t bucket, std::size_t stage, double s, bool challenger, double x)
    {
        auto& k = counts_[stage];
        k.share = s;
        const double root = std::sqrt(s * (1.0 - s)), weight = challenger ? 1.0 - s : s;
        const std::size_t arm = challenger ? 0U : 1U;
        if (x != 0.0) {
            sums_[arm][bucket] += weight * x;
            sums_[2 + arm][bucket] += root * x;
        }
        sums_[4 + arm][bucket] += weight;
        sums_[6 + arm][bucket] += root;
        (challenger ? k.challenger_requests : k.champion_requests) += 1.0;
        (challenger ? k.challenger_events : k.champion_events) += x;
    }

    [[nodiscard]] joust::stats::score_sums view() const
    {
        return {sums_[0], sums_[1], sums_[2], sums_[3], sums_[4], sums_[5], sums_[6], sums_[7]};
    }
    [[nodiscard]] const std::vector<joust::stats::event_counts>& counts() const { return counts_; }
    [[nodiscard]] double challenger_requests() const
    {
        double sum = 0.0;
        for (const auto& k : counts_) {
            sum += k.challenger_requests;
        }
        return sum;
    }

private:
    std::array<std::vector<double>, 8> sums_;
    std::vector<joust::stats::event_counts> counts_;
};

}  // namespace joust_test
