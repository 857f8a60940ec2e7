// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/text.hpp>
#include <joust/monitor/loss_alarm.hpp>
#include <joust/stats/result.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <vector>

namespace joust {
inline namespace v0 {

/// Hold what became of the rows that were served in one span of time.
/// cost: O(1)
struct cohort {
    /// When the span begins.
    double begins = 0.0;
    /// How many rows were served.
    std::uint64_t served = 0;
    /// How many labels came in time.
    std::uint64_t labelled = 0;
    /// The mean loss of the labelled rows.
    double mean_loss = stats::not_a_number;
    /// The mean time until a label came.
    double mean_delay = stats::not_a_number;
};

/// Say how cohorts mature, and what is promised for them.
/// cost: O(1)
struct cohort_options {
    /// The length of a span.
    double span = 86'400.0;
    /// How long labels are waited for after a span has ended. Labels that come later are counted and not used: otherwise old cohorts would hold
    /// labels that young ones cannot have yet.
    double horizon = 7.0 * 86'400.0;
    /// The mean loss that is tolerated, between 0 and 1.
    double level = 0.1;
    /// The share of rows that should get a label, below 1. 0 watches none.
    double coverage = 0.0;
    /// The promise about false alarms, shared by both alarms.
    /// units: labels, and rows
    false_alarms promise = false_alarms::every(1e6);
};

/// Judge late labels by matured cohorts: rows that were served in one span of time are judged together once the time for their labels is over.
///
/// Positives often come fast and negatives by silence, so that the labels at hand are no sample of those to come. Each cohort is judged at the
/// same age, in the order of serving. Coverage itself is watched too: labels that stop coming look like a model without errors.
/// shape: `served(now)`, `label(served_at, now, loss)`, and `mature(now)` by a clock. units: seconds, or any other
/// assumes: times do not depend on the losses; one thread
/// errors: configuration_error unless span and horizon are above 0, and the level between 0 and 0.95
/// cost: 8 bytes for each label of a cohort that is not mature; the alarms
class matured_cohorts {
public:
    /// Begin without cohorts.
    explicit matured_cohorts(cohort_options options)
        : options_(options), losses_(options.level, options.promise.shared_by(2)),
          silence_(options.coverage > 0.0 && options.coverage < 1.0 ? 1.0 - options.coverage : 0.5,
                   options.promise.shared_by(2))
    {
        if (!(options.span > 0.0 && std::isfinite(options.span) && options.horizon > 0.0 &&
              std::isfinite(options.horizon))) {
            throw configuration_error("cohort_options.span", to_text(options.span), "a time above 0");
        }
        if (!(options.coverage == 0.0 || (options.coverage > 0.05 && options.coverage < 1.0))) {
            throw configuration_error("cohort_options.coverage", to_text(options.coverage),
                                      "0, or a share above 0.05 and below 1");
        }
    }

    /// Count a row that was served. Returns false, and counts it as late, where its cohort was judged already.
    bool served(double now)
    {
        open_cohort* const at = find(now);
        if (at == nullptr) {
            return false;
        }
        ++at->served;
        return true;
    }

    /// Take the label of a row: when it was served, when the label came, and the loss. Returns whether it will be used.
    bool label(double served_at, double now, double loss)
    {
        last_label_ = now > last_label_ || std::isnan(last_label_) ? now : last_label_;
        open_cohort* const at = find(served_at);
        if (at == nullptr || now > served_at + options_.horizon) {
            late_ += at == nullptr ? 0U : 1U;
            return false;
        }
        if (!(loss >= 0.0 && loss <= 1.0) || at->losses.size() >= at->served) {
            ++refused_;
            return false;
        }
        at->losses.push_back(loss);
        at->delays += now - served_at;
        return true;
    }

    /// Judge the cohorts whose labels are complete. Returns them, the oldest first.
    std::vector<cohort> mature(double now)
    {
        std::vector<cohort> done;
        while (!open_.empty()) {
            const auto oldest = open_.begin();
            const double begins = static_cast<double>(oldest->first) * options_.span;
            if (!(begins + options_.span + options_.horizon <= now)) {
                break;
            }
            cohort& made = done.emplace_back();
            made.begins = begins;
            made.served = oldest->second.served;
            made.labelled = oldest->second.losses.size();
            double sum = 0.0;
            for (const double loss : oldest->second.losses) {
                losses_.update(loss);
                sum += loss;
            }
            if (made.labelled > 0) {
                made.mean_loss = sum / static_cast<double>(made.labelled);
                made.mean_delay = oldest->second.delays / static_cast<double>(made.labelled);
            }
            if (options_.coverage > 0.0) {
                for (std::uint64_t i = 0; i < made.served; ++i) {
                    silence_.update(i >= made.labelled);
                }
            }
            first_open_ = oldest->first + 1;
            open_.erase(oldest);
        }
        return done;
    }

    /// Return the alarm on the mean loss.
    [[nodiscard]] const loss_alarm& losses() const noexcept { return losses_; }
    /// Return the alarm on rows without a label.
    [[nodiscard]] const bernoulli_alarm& silence() const noexcept { return silence_; }
    /// Return how many rows or labels came after their cohort had been judged, or after the horizon.
    [[nodiscard]] std::uint64_t late() const noexcept { return late_; }
    /// Return how many labels were refused: a loss that is not between 0 and 1, or more labels than rows.
    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }
    /// Return how old the last label is, or NaN without one: labels that are stale judge nothing.
    [[nodiscard]] double age_of_last_label(double now) const noexcept { return now - last_label_; }

private:
    struct open_cohort {
        std::uint64_t served = 0;
        double delays = 0.0;
        std::vector<double> losses{};
    };

    open_cohort* find(double at)
    {
        const double number = std::floor(at / options_.span);
        if (!(std::abs(number) < 9e15) || static_cast<std::int64_t>(number) < first_open_) {
            ++late_;
            return nullptr;
        }
        return &open_[static_cast<std::int64_t>(number)];
    }

    cohort_options options_;
    loss_alarm losses_;
    bernoulli_alarm silence_;
    std::map<std::int64_t, open_cohort> open_;
    std::int64_t first_open_ = std::numeric_limits<std::int64_t>::min();
    double last_label_ = stats::not_a_number;
    std::uint64_t late_ = 0;
    std::uint64_t refused_ = 0;
};

}  // namespace v0
}  // namespace joust
