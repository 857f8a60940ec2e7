// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/text.hpp>
#include <joust/monitor/alarm.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace joust {
inline namespace v0 {

/// Watch a loss between 0 and 1 whose mean should stay at or below a level: an absolute error, a Brier score, one minus a similarity.
///
/// Set the level to the mean that you tolerate. A loss without a bound has none of this: cap it by declaration, or watch how often it is above a quantile of the
/// reference by a `bernoulli_alarm`.
/// assumes: the mean of each loss, given the rows before, is at most the level while nothing is wrong
/// cost: 9 to 16 ns a row, no allocation
class loss_alarm {
public:
    /// Begin to watch.
    /// errors: configuration_error unless 0 < level < 0.95
    explicit loss_alarm(double level, false_alarms promise = false_alarms::every(1e6))
        : level_(level), state_(promise)
    {
        if (!(level > 0.0 && level < 0.95)) {
            throw configuration_error("loss_alarm.level", to_text(level), "a mean above 0 and below 0.95");
        }
        restart();
    }

    /// Take the loss of one row. One that is not between 0 and 1 is refused and counted.
    bool update(double loss) noexcept
    {
        if (!(loss >= 0.0 && loss <= 1.0)) {
            ++refused_;
            return false;
        }
        double sum = 0.0;
        for (std::size_t i = 0; i < bets_.size(); ++i) {
            const double guess = level_ * bernoulli_alarm::multiples[i];
            const double most = guess < 0.95 ? guess : 0.95;
            // The factor of a yes or no, which is a straight line in it.
            bets_[i].update(1.0 + (most - level_) / (level_ * (1.0 - level_)) * (loss - level_));
            sum += bets_[i].value();
        }
        state_.step(sum / static_cast<double>(bets_.size()));
        return true;
    }

    /// Return the level.
    [[nodiscard]] double level() const noexcept { return level_; }
    /// Return the evidence that the mean is above the level.
    [[nodiscard]] double evidence() const noexcept { return state_.evidence(); }
    /// Return the evidence at which the alarm is raised.
    [[nodiscard]] double threshold() const noexcept { return state_.threshold(); }
    /// Say whether the alarm was raised since the start or the last `restart`.
    [[nodiscard]] bool raised() const noexcept { return state_.raised_at() != 0; }
    /// Return the row that raised the alarm, counted from 1, or 0 if no row did.
    [[nodiscard]] std::uint64_t raised_at() const noexcept { return state_.raised_at(); }
    /// Return how many losses were not between 0 and 1.
    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }

    /// Forget evidence and alarm, for instance after a repair.
    void restart() noexcept { state_.restart(bets_); }

private:
    double level_;
    detail::alarm_state state_;
    std::array<change_evidence, bernoulli_alarm::multiples.size()> bets_;
    std::uint64_t refused_ = 0;
};

}  // namespace v0
}  // namespace joust
