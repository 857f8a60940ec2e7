// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/monitor/alarm.hpp>
#include <joust/monitor/rank_classes.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

// Bets on the numbers of a block's rows in classes of ranks. A bet gives each class a weight, whose mean over all ranks is at most 1
// once it is divided by 1 + d, where d is the excess of the mean. The product of the weights of the block's rows has then a mean of at most
// 1: by Hoeffding (1963, theorem 4) a sum of draws without replacement has no larger exponential moment than one with replacement. Since
// log(1 + d) <= d, each row is charged d.

namespace joust {
inline namespace v0 {
namespace detail {

/// Evidence of several bets, each multiplied by its own factor after a block.
/// source: the same recursion as change_evidence, which each bet is
inline double grow(change_evidence& bet, double log_factor, double rows) noexcept
{
    bet.update(std::exp(log_factor), rows);
    return bet.value();
}

template <class Bets>
[[nodiscard]] bool all_consistent(const Bets& bets) noexcept
{
    return std::all_of(bets.begin(), bets.end(),
                       [](const change_evidence& each) { return each.consistent(); });
}

/// Bets on a change of the whole distribution: higher or lower cells (8 bets), wider or narrower (4), and one that learns any
/// recurring shape. The last has a quarter of the capital.
class shape_bets {
public:
    static constexpr std::size_t classes = 16;

    void restart(bool restarts) noexcept
    {
        bets_.fill(change_evidence{restarts});
        seen_.fill(0.0);
        seen_total_ = 0.0;
        evidence_ = bets_.front().value();
    }

    [[nodiscard]] double evidence() const noexcept { return evidence_; }

    /// Take the numbers of a block's rows in the classes. Returns the evidence after it.
    double update(const std::array<std::uint64_t, classes>& rows, const rank_classes<classes>& all) noexcept
    {
        const weights& table = fixed_weights();
        std::array<double, fixed> log_e{};
        std::array<double, fixed> mean{};
        const auto ranks = static_cast<double>(all.first[classes]);
        double block = 0.0;
        double learned = 0.0;
        double learned_mean = 0.0;
        for (std::size_t j = 0; j < classes; ++j) {
            const auto n = static_cast<double>(rows[j]);
            const double share = static_cast<double>(all.first[j + 1] - all.first[j]) / ranks;
            for (std::size_t b = 0; b < fixed; ++b) {
                log_e[b] += n * table.log[j][b];
                mean[b] += share * table.plain[j][b];
            }
            const double density =
                (seen_[j] * static_cast<double>(classes) + prior_rows) / (seen_total_ + prior_rows);
            learned += n * std::log(density);
            learned_mean += share * density;
            block += n;
        }
        double sum = 0.0;
        for (std::size_t b = 0; b < fixed; ++b) {
            sum += grow(bets_[b], log_e[b] - block * (mean[b] - 1.0), block);
        }
        evidence_ = (1.0 - learned_share) / static_cast<double>(fixed) * sum +
                    learned_share * grow(bets_[fixed], learned - block * (learned_mean - 1.0), block);
        const double kept = std::exp(block * log_kept_per_row);
        for (std::size_t j = 0; j < classes; ++j) {
            seen_[j] = kept * (seen_[j] + static_cast<double>(rows[j]));
        }
        seen_total_ = kept * (seen_total_ + block);
        return evidence_;
    }

    /// Visit all members, to save or load them.
    template <class Archive>
    void fields(Archive& archive)
    {
        for (change_evidence& each : bets_) {
            archive(each);
        }
        for (double& each : seen_) {
            archive(each);
        }
        archive(seen_total_, evidence_);
    }
    /// Say whether loaded members are possible.
    [[nodiscard]] bool consistent() const noexcept
    {
        double sum = 0.0;
        for (const double n : seen_) {
            sum += n;
            if (!(n >= 0.0)) {
                return false;
            }
        }
        // The shares that were learned must add up to one, or the bet on them would not be fair.
        return all_consistent(bets_) && std::abs(sum - seen_total_) <= 1e-6 * (1.0 + sum) && evidence_ >= 0.0;
    }

    bool operator==(const shape_bets&) const = default;

private:
    static constexpr std::array<double, 8> location{-1.2, -0.6, -0.3, -0.12, 0.12, 0.3, 0.6, 1.2};
    static constexpr std::array<double, 4> spread{-0.8, -0.3, 0.3, 0.8};
    static constexpr std::size_t fixed = location.size() + spread.size();
    static constexpr double learned_share = 0.25;
    static constexpr double prior_rows = 400.0;
    // A memory of about 13,000 rows: 0.98 of what was learned is kept after 256 rows.
    static constexpr double log_kept_per_row = -7.8916e-5;

    struct weights {
        std::array<std::array<double, fixed>, classes> plain{};
        std::array<std::array<double, fixed>, classes> log{};
    };
    static const weights& fixed_weights()
    {
        static const weights table = [] {
            weights made;
            for (std::size_t j = 0; j < classes; ++j) {
                const double p = (static_cast<double>(j) + 0.5) / static_cast<double>(classes);
                std::size_t b = 0;
                for (const double slope : location) {
                    made.plain[j][b++] = 1.0 + slope * (p - 0.5);
                }
                for (const double slope : spread) {
                    made.plain[j][b++] = 1.0 + slope * (std::abs(2.0 * p - 1.0) - 0.5);
                }
                for (std::size_t i = 0; i < fixed; ++i) {
                    made.log[j][i] = std::log(made.plain[j][i]);
                }
            }
            return made;
        }();
        return table;
    }

    std::array<change_evidence, fixed + 1> bets_;
    std::array<double, classes> seen_{};
    double seen_total_ = 0.0;
    double evidence_ = 0.0;
};

/// Bets that low ranks have become more frequent: that the lowest half, quarter, ..., 16384th of all ranks has 1.5, 2, 4, 16 or 128
/// times its share of the rows.
class low_rank_bets {
public:
    static constexpr std::size_t classes = 15;

    void restart(bool restarts) noexcept
    {
        bets_.fill(change_evidence{restarts});
        evidence_ = bets_.front().value();
    }

    [[nodiscard]] double evidence() const noexcept { return evidence_; }

    /// Take the numbers of a block's rows in the classes. Returns the evidence after it.
    double update(const std::array<std::uint64_t, classes>& rows, const rank_classes<classes>& all) noexcept
    {
        const logs& table = fixed_logs();
        const auto ranks = static_cast<double>(all.first[classes]);
        double block = 0.0;
        for (const std::uint64_t n : rows) {
            block += static_cast<double>(n);
        }
        double sum = 0.0;
        double low = block;
        std::size_t b = 0;
        for (std::size_t k = classes; k-- > 1;) {
            low -= static_cast<double>(rows[k]);
            const auto limit = static_cast<double>(all.first[k]);
            for (; b < bets_.size() && all_small_p_bets.limit[b] == table.limit[k]; ++b) {
                double log_factor = 0.0;
                if (limit > 0.0) {
                    const double share = limit / ranks;
                    const double mean =
                        share * all_small_p_bets.below[b] + (1.0 - share) * all_small_p_bets.above[b];
                    log_factor = low * table.below[b] + (block - low) * table.above[b] - block * (mean - 1.0);
                }
                sum += grow(bets_[b], log_factor, block);
            }
        }
        evidence_ = sum / static_cast<double>(bets_.size());
        return evidence_;
    }

    /// Visit all members, to save or load them.
    template <class Archive>
    void fields(Archive& archive)
    {
        for (change_evidence& each : bets_) {
            archive(each);
        }
        archive(evidence_);
    }
    /// Say whether loaded members are possible.
    [[nodiscard]] bool consistent() const noexcept { return all_consistent(bets_) && evidence_ >= 0.0; }

    bool operator==(const low_rank_bets&) const = default;

private:
    struct logs {
        std::array<double, classes> limit{};
        std::array<double, count_of_small_p_bets> below{};
        std::array<double, count_of_small_p_bets> above{};
    };
    static const logs& fixed_logs()
    {
        static const logs table = [] {
            logs made;
            double limit = 1.0;
            for (std::size_t k = classes; k-- > 1;) {
                limit *= 0.5;
                made.limit[k] = limit;
            }
            for (std::size_t b = 0; b < count_of_small_p_bets; ++b) {
                made.below[b] = std::log(all_small_p_bets.below[b]);
                made.above[b] = std::log(all_small_p_bets.above[b]);
            }
            return made;
        }();
        return table;
    }

    std::array<change_evidence, count_of_small_p_bets> bets_;
    double evidence_ = 0.0;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
