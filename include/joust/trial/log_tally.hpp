// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/text.hpp>
#include <joust/core/text_list.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/report/report.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/trial/report_evidence.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// Add up the exposures and outcomes of a log to the evidence that a live trial has, and report on it.
///
/// Arms get their numbers in the order in which they come. With propensities (a ramp) there are two arms; without them the shares
/// are constant.
/// errors: configuration_error for more than 16 arms, for more than two with propensities, and where no arm can be compared
/// cost: 10 ns for each exposure and value, 16 KiB for each series and arm
class log_tally {
public:
    /// An exposure, as the tally needs it.
    struct exposure {
        /// The number of the arm.
        std::size_t arm = 0;
        /// The propensity of the arm, or NaN where shares are constant.
        double propensity = std::numeric_limits<double>::quiet_NaN();
        /// The bucket of the unit, or of its cluster.
        std::size_t bucket = 0;
    };

    /// Begin without exposures.
    explicit log_tally(std::vector<log_metric> metrics, bool covariate = false)
        : metrics_(std::move(metrics)), has_covariate_(covariate)
    {
        if (metrics_.size() > 32) {
            throw configuration_error("metrics", count_text(metrics_.size()), "at most 32 metrics");
        }
        names_ = {"exposures", "failures"};
        for (const log_metric& each : metrics_) {
            names_.push_back(each.name);
        }
        for (std::size_t m = 0; m < metrics_.size(); ++m) {
            const bool divided = metrics_[m].per_observed || metrics_[m].matures();
            fed_.push_back(names_.size());
            names_.push_back(metrics_[m].name + (divided ? ", denominator" : ", feedback"));
        }
        covariate_ = names_.size();
        if (has_covariate_) {
            names_.emplace_back("covariate");
        }
        first_lost_ = names_.size();
        for (const log_metric& each : metrics_) {
            names_.push_back(each.name + ", not scored");
        }
    }

    /// Return the metrics.
    [[nodiscard]] const std::vector<log_metric>& metrics() const noexcept { return metrics_; }

    /// Say whether no further arm can be added.
    [[nodiscard]] bool is_full() const noexcept { return arms_.size() == max_arms; }
    /// Say whether an arm has this name.
    [[nodiscard]] bool knows(std::string_view name) const noexcept
    {
        bool found = false;
        for (const counted_arm& each : arms_) {
            found = found || each.name == name;
        }
        return found;
    }
    /// Return the number of an arm. A new name gets the next number.
    std::size_t arm(std::string_view name)
    {
        std::size_t i = 0;
        while (i < arms_.size() && arms_[i].name != name) {
            ++i;
        }
        if (i == arms_.size()) {
            if (i == max_arms) {
                throw configuration_error("the arms of the log", "more than 16 different names",
                                          "at most 16 arms");
            }
            arms_.push_back(
                {.name = std::string{name}, .served = {}, .series = std::vector<sums>(names_.size())});
        }
        return i;
    }

    /// Count a request of a unit: for the number of units and the latencies. `nanoseconds` is below 0 where it is not known.
    void see(std::size_t arm, std::uint64_t pseudonym, std::int64_t nanoseconds = -1)
    {
        const auto place = hyperloglog<>::place_of_mixed(pseudonym);
        arms_[arm].served.units.raise(place.index, place.rank);
        if (nanoseconds >= 0) {
            arms_[arm].served.latency.add(nanoseconds);
        }
    }
    /// Count an exposure.
    void expose(const exposure& given, double covariate = 0.0, bool failed = false)
    {
        add(given, detail::exposure_series, 1.0);
        if (failed) {
            add(given, detail::failure_series, 1.0);
        }
        if (has_covariate_) {
            add(given, covariate_, covariate);
        }
        if (given.propensity == given.propensity) {
            changed_ = changed_ || (latest_ == latest_ && std::fabs(latest_ - of_first(given)) > 1e-6);
            latest_ = of_first(given);
        }
    }
    /// Count that an exposure has feedback on a metric: that it is old enough, that its row has a value, or its first value.
    void feed(const exposure& given, std::size_t metric) { add(given, fed_[metric], 1.0); }
    /// Add a value of a metric. One that is not finite cannot be scored and is counted.
    void observe(const exposure& given, std::size_t metric, double value)
    {
        if (!(value - value == 0.0)) {
            add(given, first_lost_ + metric, 1.0);
            return;
        }
        sums& into = arms_[given.arm].series[2 + metric];
        into.proportion = into.proportion && (value == 0.0 || value == 1.0);
        add(given, 2 + metric, value);
    }

    /// Return the names of the arms, in the order of their numbers.
    [[nodiscard]] std::vector<std::string> arms() const
    {
        std::vector<std::string> all;
        for (const counted_arm& each : arms_) {
            all.push_back(each.name);
        }
        return all;
    }

    /// Return the evidence that the log has.
    [[nodiscard]] joust::evidence evidence(const log_judgement& how) const
    {
        const std::vector<std::size_t> order = order_of(how);
        const std::vector<double> shares = shares_of(how, order);
        joust::evidence all;
        all.trial = how.name;
        all.series = names_;
        all.ignored.resize(detail::ignored_reasons);
        for (const std::size_t a : order) {
            all.models.push_back(arms_[a].name);
            all.arms.push_back(arms_[a].served);
        }
        for (std::size_t c = 1; c < order.size(); ++c) {
            pair_evidence pair;
            const double both = shares[0] + shares[c];
            const double s = both > 0.0 ? shares[c] / both : 0.0;
            for (std::size_t k = 0; k < names_.size(); ++k) {
                pair.series.push_back(pair_of(arms_[order[0]].series[k], arms_[order[c]].series[k], s));
            }
            pair.memory.resize(names_.size());
            all.pairs.push_back(std::move(pair));
        }
        return all;
    }

    /// Report on the log as a live trial would.
    [[nodiscard]] joust::report report(const log_judgement& how) const
    {
        joust::evidence seen = evidence(how);
        std::vector<log_metric> metrics = metrics_;
        for (std::size_t m = 0; m < metrics.size(); ++m) {
            metrics[m].proportion = true;
            for (const counted_arm& each : arms_) {
                metrics[m].proportion = metrics[m].proportion && each.series[2 + m].proportion;
            }
        }
        joust::report out =
            detail::recorded_judge{seen, metrics, how}.report_on(shares_of(how, order_of(how)), changed_);
        if (!has_propensities_ && how.shares.empty()) {
            detail::add_text(
                out.notes,
                "No shares were given, so those of the log were taken: that traffic arrived in the planned shares was not checked.");
        }
        for (const log_metric& each : metrics_) {
            if (each.matures()) {
                std::string note = each.name + " counts what came within ";
                const double hours = each.matures_after / 3'600.0;
                append_number(note, hours >= 48.0 ? hours / 24.0 : hours >= 2.0 ? hours : each.matures_after);
                note += hours >= 48.0 ? " days" : hours >= 2.0 ? " hours" : " s";
                note +=
                    " after the exposure, and only exposures that are as old; younger ones are not in its estimate.";
                out.notes.push_back(std::move(note));
            }
        }
        return out;
    }

private:
    /// The sums of one series in one arm: of (1 - p) x and sqrt(p (1 - p)) x with propensities p, and of x without them.
    struct sums {
        std::vector<double> weighted = std::vector<double>(bucket_count);
        std::vector<double> root = std::vector<double>(bucket_count);
        std::uint64_t count = 0;
        /// The sum of the propensity over values other than 0, and their number.
        double own = 0.0;
        std::uint64_t events = 0;
        bool proportion = true;
    };
    struct counted_arm {
        std::string name;
        arm_evidence served;
        std::vector<sums> series;
    };

    void add(const exposure& given, std::size_t series, double x)
    {
        sums& into = arms_[given.arm].series[series];
        const double p = given.propensity;
        if (p == p) {
            const double root = std::sqrt(p * (1.0 - p));
            into.weighted[given.bucket] += (1.0 - p) * x;
            into.root[given.bucket] += root * x;
            // With a propensity of 1 nothing was randomised, so that no event was expected elsewhere.
            into.own += x != 0.0 && root > 0.0 ? p : 0.0;
            into.events += x != 0.0 && root > 0.0 ? 1U : 0U;
            has_propensities_ = true;
        } else {
            into.weighted[given.bucket] += x;
            into.root[given.bucket] += x;
            into.events += x != 0.0 ? 1U : 0U;
            is_constant_ = true;
        }
        ++into.count;
    }

    /// Return the propensity of the first arm of the log.
    [[nodiscard]] static double of_first(const exposure& given) noexcept
    {
        return given.arm == 0 ? given.propensity : 1.0 - given.propensity;
    }

    [[nodiscard]] bucket_sums pair_of(const sums& champion, const sums& challenger, double s) const
    {
        bucket_sums out{bucket_count};
        out.champion_count = champion.count;
        out.challenger_count = challenger.count;
        const bool weighted = has_propensities_;
        const double root = std::sqrt(s * (1.0 - s));
        for (std::size_t b = 0; b < bucket_count; ++b) {
            out.champion[b] = champion.weighted[b] * (weighted ? 1.0 : s);
            out.challenger[b] = challenger.weighted[b] * (weighted ? 1.0 : 1.0 - s);
            out.champion_root[b] = champion.root[b] * (weighted ? 1.0 : root);
            out.challenger_root[b] = challenger.root[b] * (weighted ? 1.0 : root);
        }
        const auto events = static_cast<double>(champion.events);
        out.expected = weighted ? challenger.own + (events - champion.own)
                                : s * (events + static_cast<double>(challenger.events));
        return out;
    }

    /// Return the numbers of the arms, the champion's first and the others by name.
    [[nodiscard]] std::vector<std::size_t> order_of(const log_judgement& how) const
    {
        std::vector<std::size_t> order;
        for (std::size_t a = 0; a < arms_.size(); ++a) {
            std::size_t at = order.size();
            order.push_back(a);
            for (; at > 0 && arms_[a].name < arms_[order[at - 1]].name; --at) {
                std::swap(order[at], order[at - 1]);
            }
        }
        if (order.size() < 2) {
            throw configuration_error("the arms of the log",
                                      order.empty() ? "none" : "'" + arms_[0].name + "' alone",
                                      "two arms or more, which can be compared");
        }
        if (has_propensities_ && (order.size() > 2 || is_constant_)) {
            throw configuration_error(
                "propensity", is_constant_ ? "missing in some rows" : "given for more than two arms",
                "a propensity in every row of a log with two arms, or constant shares without that column");
        }
        if (!how.champion.empty()) {
            std::size_t at = 0;
            while (at < order.size() && arms_[order[at]].name != how.champion) {
                ++at;
            }
            if (at == order.size()) {
                std::string names;
                for (const std::size_t a : order) {
                    names += (names.empty() ? "" : ", ") + arms_[a].name;
                }
                throw configuration_error("champion", "'" + how.champion + "'",
                                          "an arm of the log: " + names);
            }
            for (; at > 0; --at) {
                std::swap(order[at], order[at - 1]);
            }
        }
        return order;
    }

    [[nodiscard]] std::vector<double> shares_of(const log_judgement& how,
                                                const std::vector<std::size_t>& order) const
    {
        std::vector<double> shares;
        if (has_propensities_) {
            const double champion = order[0] == 0 ? latest_ : 1.0 - latest_;
            return {champion, 1.0 - champion};
        }
        if (!how.shares.empty()) {
            double sum = 0.0;
            bool good = how.shares.size() == order.size();
            for (const double share : how.shares) {
                good = good && share > 0.0 && std::isfinite(share);
                sum += share;
            }
            if (!good) {
                throw configuration_error("shares", count_text(how.shares.size()) + " numbers",
                                          "a share above 0 for each of the " + count_text(order.size()) +
                                              " arms");
            }
            for (const double share : how.shares) {
                shares.push_back(share / sum);
            }
            return shares;
        }
        double all = 0.0;
        for (const std::size_t a : order) {
            shares.push_back(static_cast<double>(arms_[a].series[detail::exposure_series].count));
            all += shares.back();
        }
        for (double& share : shares) {
            share /= all;
        }
        return shares;
    }

    std::vector<log_metric> metrics_;
    bool has_covariate_;
    std::vector<std::string> names_;
    /// The series that count exposures with feedback, or with an age, by metric.
    std::vector<std::size_t> fed_;
    std::size_t covariate_ = 0;
    std::size_t first_lost_ = 0;
    std::vector<counted_arm> arms_;
    bool has_propensities_ = false;
    bool is_constant_ = false;
    bool changed_ = false;
    double latest_ = std::numeric_limits<double>::quiet_NaN();
};

}  // namespace v0
}  // namespace joust
