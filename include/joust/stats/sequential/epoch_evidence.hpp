// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace joust {
inline namespace v0 {
namespace stats {

/// Units are hashed into so many slots, each of which counts one event in an epoch.
inline constexpr std::size_t epoch_slots = 16'384;
/// An epoch ends when this many events have come, repeated ones of a slot included.
inline constexpr std::uint32_t epoch_events = 4'096;

/// Return the share of the error rate that an epoch may spend. All shares add up to less than 1.
/// cost: one division
[[nodiscard]] inline double epoch_weight(std::uint32_t epoch) noexcept
{
    const double next = static_cast<double>(epoch) + 1.0;
    const double log_next = std::log(next);
    return 0.4739 / (next * log_next * log_next);
}

namespace detail {

// The e-value of a mixture over starting points: the mean of its alternatives' products, and the weight that has not started.
template <std::size_t Alternatives>
[[nodiscard]] double mean_of_products(const std::array<double, Alternatives>& products,
                                      double not_started) noexcept
{
    double sum = 0.0;
    for (const double each : products) {
        sum += each;
    }
    return sum / static_cast<double>(Alternatives) + not_started;
}

}  // namespace detail

/// Hold the e-value of one epoch against "the challenger is first no more often than `max_ratio` allows".
///
/// Each alternative R is a mixture over starting points: half of it begins with the first event, and the other half is spread
/// evenly over the later ones. So a long stretch without harm costs little of the evidence that comes later. Each product
/// of likelihood ratios has the mean 1 under the null from its starting point on, and so has the mixture. An epoch's e-value
/// has to reach 1 / (alpha w), with the epoch's weight w.
/// assumes: as first_failure, where a unit's first event in each epoch is given
/// cost: five multiplications and divisions for an event, no logarithm
class epoch_evidence {
public:
    /// Start without events. A ratio that is not positive and finite leaves evidence that stays at 1.
    explicit epoch_evidence(double max_ratio = 1.0) noexcept
        : max_ratio_(max_ratio), usable_(max_ratio > 0.0 && std::isfinite(max_ratio))
    {
    }

    /// Count an event: whether the challenger served it, and the challenger's propensity at that time.
    void add(bool challenger, double s) noexcept
    {
        if (!usable_) {
            return;
        }
        const double odds = s * max_ratio_;
        const double null_share = odds / (odds + 1.0 - s);
        constexpr double later = 0.5 / epoch_events;
        // Merged evidence can have more events than one machine counts in an epoch. No product begins with these.
        const double starts = events_ == 0 ? 0.5 : events_ < epoch_events ? later : 0.0;
        for (std::size_t i = 0; i < alternatives.size(); ++i) {
            const double ratio =
                (challenger ? alternatives[i] : 1.0) / (1.0 + null_share * (alternatives[i] - 1.0));
            // Evidence beyond every threshold is cut off, so that it stays finite.
            products_[i] = std::fmin((products_[i] + starts) * ratio, 1e280);
        }
        left_ -= starts;
        ++events_;
    }

    /// Return the e-value.
    [[nodiscard]] double e() const noexcept { return detail::mean_of_products(products_, left_); }

    /// Factors by which the challenger's rate is above the allowed one.
    static constexpr std::array<double, 5> alternatives{1.5, 2.0, 4.0, 10.0, 30.0};

private:
    double max_ratio_;
    bool usable_;
    std::array<double, 5> products_{};
    double left_ = 1.0;
    std::uint32_t events_ = 0;
};

}  // namespace stats
}  // namespace v0
}  // namespace joust
