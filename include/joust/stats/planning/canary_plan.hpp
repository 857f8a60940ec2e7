// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/random.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/planning/exclusion_plan.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/sequential/epoch_evidence.hpp>
#include <joust/stats/sequential/exclusion.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace joust {
inline namespace v0 {
namespace stats {

/// Name what a planned guardrail watches.
enum class watched : std::uint8_t {
    /// Events of requests: failures and other proportions whose rise is harm.
    events,
    /// A mean, or a proportion whose change in one direction is harm.
    mean,
    /// A quantile of the latency.
    latency
};

/// Describe a guardrail of a planned canary.
///
/// Harms are increases and ratios of what the guardrail watches. For a mean of which less is harm, an increase is how much it
/// falls; a ratio R is a change by R - 1 times the level.
struct planned_guardrail {
    /// The name for reports.
    std::string name{};
    /// What the guardrail watches.
    watched kind = watched::events;
    /// The champion's rate of events, its mean, or its quantile.
    double level = 0.0;
    /// The standard deviation of a mean's values, by default that of a proportion; for latencies that of their
    /// logarithms, by default 0.5.
    double spread = not_a_number;
    /// Which quantile of the latency.
    double quantile = 0.95;
    /// What is allowed: more than this rolls back. By default nothing worse than the champion is.
    excluded_harm allowed{};
    /// The harm that has to be excluded before the challenger is shipped.
    excluded_harm exclude{};
    /// The harm of which the plan foretells when it is caught; by default twice the harm that is excluded.
    excluded_harm harm{};
    /// The part of the error rate for this guardrail, relative to the other ones.
    double weight = 1.0;
    /// How long feedback takes on average.
    /// units: seconds
    double lag_seconds = 0.0;
};

/// Describe a stage of a planned canary.
struct planned_stage {
    /// The challenger's share. A share of 1 ends the comparison: the challenger is shipped.
    double share = 0.0;
    /// The least number of the challenger's requests, and of its feedback, in the stage.
    double least_requests = 100.0;
    /// The least time of the stage.
    double least_seconds = 0.0;
};

/// Describe a canary before its launch.
/// cost: O(1) for each function of its members
struct planned_canary {
    /// The guardrails; at least one.
    std::vector<planned_guardrail> guardrails{};
    /// The stages, with rising shares; at least one below 1.
    std::vector<planned_stage> stages{};
    /// The rate of rolling back an equal challenger, of all guardrails together.
    double alpha = 0.05;
    /// The rate of shipping a challenger that does exactly the harm to exclude.
    double beta = 0.05;
    /// The requests of both arms in a second.
    double requests_per_second = 1.0;
    /// How many different units the service has; infinite where each request is a unit of its own.
    double units = std::numeric_limits<double>::infinity();
    /// The exposures for which intervals of means are tuned.
    double planned_exposures = 10'000.0;
    /// When a rollout that still goes on counts as open.
    double longest_days = 30.0;
    /// How many rollouts of each kind are simulated; fewer, but at least 100, where a rollout has millions of events.
    std::size_t rollouts = 1'000;
    /// The seed of the simulation.
    std::uint64_t seed = 1;
    /// What the trial takes in memory.
    double memory_bytes = not_a_number;
    /// What the trial adds to a request.
    double nanoseconds_per_request = not_a_number;
    /// What the trial logs of a request.
    double log_bytes_per_request = not_a_number;
};

/// Report within how many requests of a stage a harm is caught that begins with the stage, at the share of the stage.
struct caught_harm {
    /// The guardrail's place in the plan.
    std::size_t guardrail = 0;
    /// The requests of both arms until the challenger is rolled back with a probability of 80 %; infinite where it is not within
    /// the longest time.
    double requests_80 = not_a_number;
    /// Those for a probability of 95 %.
    double requests_95 = not_a_number;
    /// The challenger's additional events until then, on average; NaN for means and latencies.
    double extra_events = not_a_number;
};

/// Report what to expect of a stage.
/// cost: O(1) for each function of its members
struct stage_outlook {
    /// The challenger's share.
    double share = 0.0;
    /// When harms are caught, one entry for each guardrail.
    std::vector<caught_harm> caught{};
    /// The requests of both arms that half of the equal challengers spend in the stage.
    double requests = not_a_number;
    /// Those that nine in ten spend at most.
    double requests_p90 = not_a_number;
    /// Which part of the equal challengers that enter the stage leaves it upwards.
    double passed = not_a_number;
    /// The guardrail that held the stage for the longest time; the number of guardrails where the least requests or the least
    /// time did.
    std::size_t held_by = 0;
    /// How many of the challenger's units the stage needs while failures are rare.
    double units_needed = 0.0;
    /// How many it can have at this share.
    double units_there = std::numeric_limits<double>::infinity();

    /// Return whether there are enough units.
    [[nodiscard]] bool feasible() const noexcept { return units_needed <= units_there; }
};

/// Report how rollouts of one kind end.
struct rollout_outlook {
    /// The guardrail whose harm the challenger does; the number of guardrails for an equal challenger.
    std::size_t guardrail = 0;
    /// The part that is shipped.
    double shipped = not_a_number;
    /// The part that is rolled back.
    double rolled_back = not_a_number;
    /// The requests of both arms within which half of the rollouts have come to the end that they should: an equal challenger is
    /// shipped, a harmful one is rolled back. Infinite where fewer do.
    double requests = not_a_number;
    /// Those within which 80 % have.
    double requests_80 = not_a_number;
    /// Those within which 95 % have.
    double requests_95 = not_a_number;
};

/// Report what to expect of a canary.
struct canary_outlook {
    /// The stages with a champion to compare with.
    std::vector<stage_outlook> stages{};
    /// An equal challenger.
    rollout_outlook equal{};
    /// Challengers that do the harm of one guardrail each.
    std::vector<rollout_outlook> harmful{};
    /// The smallest share that a first stage can have so that there are enough units; NaN where no share suffices.
    double first_share = not_a_number;
    /// How many rollouts of an equal challenger were simulated.
    std::size_t rollouts = 0;
    /// What the trial takes in memory.
    double memory_bytes = not_a_number;
    /// The processor time that the trial adds in a day.
    double cpu_seconds_per_day = not_a_number;
    /// What the trial logs in a day.
    double log_bytes_per_day = not_a_number;
    /// Whether the numbers are valid.
    status state = status::out_of_range;
};

/// Return the harm that a plan stands for where it names none: twice the harm to exclude.
/// cost: O(1)
[[nodiscard]] inline excluded_harm harm_of(const planned_guardrail& watch) noexcept
{
    if (!std::isnan(watch.harm.increase) || !std::isnan(watch.harm.ratio)) {
        return watch.harm;
    }
    return {2.0 * watch.exclude.increase, 1.0 + 2.0 * (watch.exclude.ratio - 1.0)};
}

/// Foretell a canary by simulation: when harms are caught, how long an equal challenger takes, how often it arrives, and how
/// often a harmful one is shipped.
///
/// Rollouts are simulated with the evidence that decides: epochs of first events and mixtures for rolling back, exclusion of the
/// stage's harm for going on. The promised counts are quantiles of the simulated ones, with two standard errors added.
///
/// When to use: before a launch, to choose shares, least requests and harms that the traffic can show. When not: for the
/// size of an A/B test (`plan_experiment`).
/// assumes: rates that do not drift, units that come with equal probabilities; where units are few, those that fail
///     do so wholly; after 100,000 events (25,000 late calls) a guardrail rolls nothing back.
/// errors: out_of_range for numbers outside of their domain, shares that do not rise, and guardrails without a harm to exclude.
/// cost: about three seconds of one processor with 1,000 rollouts, and in proportion to them.
[[nodiscard]] canary_outlook plan_canary(const planned_canary& plan);

}  // namespace stats

#if JOUST_BODIES

namespace stats {
namespace detail {

// A binomial number: by gaps between successes, or normal where there are many.
[[nodiscard]] inline double draw_binomial(keyed_random& random, double n, double p)
{
    if (!(p > 0.0) || !(n > 0.0)) {
        return 0.0;
    }
    if (p > 0.5) {
        return n - draw_binomial(random, n, 1.0 - p);
    }
    if (n * p > 40.0) {
        const double x = std::round(n * p + std::sqrt(n * p * (1.0 - p)) * random.normal());
        return x < 0.0 ? 0.0 : x > n ? n : x;
    }
    const double per_nat = 1.0 / std::log1p(-p);
    const auto gap = [&] { return std::floor(std::log(1.0 - random.uniform()) * per_nat); };
    double successes = 0.0;
    for (double at = gap(); at < n; at += 1.0 + gap()) {
        successes += 1.0;
    }
    return successes;
}

// A harm as a ratio of a positive level.
[[nodiscard]] inline double ratio_of(double level, const excluded_harm& harm) noexcept
{
    return 1.0 + harm_above(level, harm) / level;
}

// What a batch of requests showed one guardrail.
struct batch_evidence {
    double requests = 0.0;  // of both arms, at the end of the batch
    std::size_t stage = 0;
    event_counts counts{};
    double information = 0.0;  // of a mean
    double score = 0.0;
    double variance = 0.0;
    std::array<double, 16> late{};  // the challenger's latencies beyond the margin of each stage
};

// A call of the challenger is a trial that is late with probability 1 - q at the margin.
class late_trials {
public:
    late_trials(double q, double share) noexcept : later_((1.0 - q) / (epoch_events * share))
    {
        for (std::size_t i = 0; i < products_.size(); ++i) {
            const double r = epoch_evidence::alternatives[i], odds = (1.0 - q) / q;
            const double p = r * odds / (1.0 + r * odds);
            late_[i] = p / (1.0 - q);
            on_time_[i] = (1.0 - p) / q;
            log_on_time_[i] = std::log(on_time_[i]);
        }
    }

    void on_time(double calls) noexcept
    {
        if (!(calls > 0.0)) {
            return;
        }
        const double starts = begin(calls) / calls;
        for (std::size_t i = 0; i < products_.size(); ++i) {
            double factor = on_time_[i];
            if (calls > 1.0) {
                factor = std::exp(calls * log_on_time_[i]);
            }
            // Each of the new starts is followed by fewer calls than the one before.
            products_[i] =
                products_[i] * factor + starts * on_time_[i] * (1.0 - factor) / (1.0 - on_time_[i]);
        }
    }
    void late() noexcept
    {
        const double starts = begin(1.0);
        for (std::size_t i = 0; i < products_.size(); ++i) {
            products_[i] = std::fmin((products_[i] + starts) * late_[i], 1e280);
        }
    }
    [[nodiscard]] double e() const noexcept { return mean_of_products(products_, left_); }

private:
    [[nodiscard]] double begin(double calls) noexcept
    {
        double starts = first_ ? 0.5 + (calls - 1.0) * later_ : calls * later_;
        first_ = false;
        starts = starts < left_ ? starts : left_;
        left_ -= starts;
        return starts;
    }

    double later_;
    std::array<double, 5> products_{};
    std::array<double, 5> late_{};
    std::array<double, 5> on_time_{};
    std::array<double, 5> log_on_time_{};
    double left_ = 1.0;
    bool first_ = true;
};

// One guardrail of a simulated rollout.
class simulated_guardrail {
public:
    simulated_guardrail(const planned_canary& plan, std::size_t which, double weights,
                        const std::vector<double>& shares)
        : plan_(plan), watch_(plan.guardrails[which]), shares_(shares), counts_(shares.size()),
          late_counts_(shares.size(), std::vector<event_counts>(shares.size())),
          alpha_(plan.alpha * watch_.weight / weights)
    {
        const auto slots_of = [](double units) {
            const double all = static_cast<double>(epoch_slots);
            const double some = std::isfinite(units) ? all * -std::expm1(-units / all) : all;
            return some > 1.0 ? some : 1.0;
        };
        double w = 0.0;
        for (const double s : shares) {
            slots_.push_back({slots_of(plan.units * (1.0 - s)), slots_of(plan.units * s)});
            w += s * (1.0 - s) / static_cast<double>(shares.size());
        }
        const bool latency = watch_.kind == watched::latency;
        const double p = watch_.level;
        sd_ = !std::isnan(watch_.spread) ? watch_.spread : latency ? 0.5 : std::sqrt(p * (1.0 - p));
        rho_ = sd_ * sd_ * plan.planned_exposures * w / 8.3;
        if (latency) {
            cut_ = normal_quantile(watch_.quantile);
            allowed_ = watch_.allowed.ratio > 1.0 || watch_.allowed.increase > 0.0
                           ? ratio_of(watch_.level, watch_.allowed)
                           : 1.0;
        } else {
            allowed_ = harm_above(p, watch_.allowed);
            epoch_ = epoch_evidence{ratio_allowed()};
        }
    }

    // The challenger does its harm from now on.
    void do_harm() noexcept { harmed_ = true; }

    // Simulates the requests of a batch. Returns at which part of the batch the guardrail rolls back; 2 where it does not.
    [[nodiscard]] double serve(keyed_random& random, batch_evidence& seen, double n0, double n1)
    {
        seen.counts.champion_requests = n0;
        seen.counts.challenger_requests = n1;
        const double s = shares_[seen.stage];
        switch (watch_.kind) {
            case watched::events: {
                const double p = watch_.level;
                const double p1 = p + (harmed_ ? harm_above(p, harm_of(watch_)) : 0.0);
                seen.counts.champion_events = draw_binomial(random, n0, p);
                seen.counts.challenger_events = draw_binomial(random, n1, p1 < 1.0 ? p1 : 1.0);
                events_ += seen.counts.champion_events + seen.counts.challenger_events;
                extra_ += harmed_ ? n1 * (p1 - p) : 0.0;
                if (events_ > most_events) {
                    return 2.0;
                }
                return count_events(random, seen.stage, seen.counts.challenger_events,
                                    seen.counts.champion_events, 1.0);
            }
            case watched::mean: {
                const double information = (n0 + n1) * s * (1.0 - s);
                const double effect = harmed_ ? harm_above(watch_.level, harm_of(watch_)) : 0.0;
                seen.information = information;
                // The challenger's values have most of the variance while its share is small.
                const double p1 = watch_.level - effect;
                const double one = std::isnan(watch_.spread) && p1 > 0.0 ? p1 * (1.0 - p1) : sd_ * sd_;
                seen.variance = information * ((1.0 - s) * one + s * sd_ * sd_);
                seen.score = effect * information + std::sqrt(seen.variance) * random.normal();
                if (std::isnan(luck_)) {
                    luck_ = random.normal();
                }
                return 2.0;
            }
            case watched::latency: return serve_latencies(random, seen, n0, n1);
        }
        return 2.0;
    }

    // Takes the feedback of a batch, when it has come.
    void feed(const batch_evidence& seen)
    {
        fed_ += seen.counts.challenger_requests;
        fed_in_stage_ = seen.stage == fed_stage_ ? fed_in_stage_ + seen.counts.challenger_requests
                                                 : seen.counts.challenger_requests;
        fed_stage_ = seen.stage;
        information_ += seen.information;
        score_ += seen.score;
        variance_ += seen.variance;
        add(counts_[seen.stage], seen.counts, seen.counts.challenger_events);
        if (watch_.kind == watched::latency) {
            for (std::size_t k = 0; k < shares_.size(); ++k) {
                add(late_counts_[k][seen.stage], seen.counts, seen.late[k]);
            }
        }
    }

    // Whether a mean rolls back at this look.
    [[nodiscard]] bool breached(double challenger_units) const noexcept
    {
        return watch_.kind == watched::mean && challenger_units >= 31.0 &&
               mixture(score_ - allowed_ * information_, challenger_units, side::greater) >=
                   -std::log(alpha_);
    }

    // Whether the harm of a stage is excluded at this look.
    [[nodiscard]] bool excludes(std::size_t stage, double challenger_units) noexcept
    {
        const double next = stage + 1 < shares_.size() ? shares_[stage + 1] : 1.0;
        const double target = -std::log(plan_.beta);
        if (fed_stage_ != stage || fed_in_stage_ < plan_.stages[stage].least_requests ||
            challenger_units < 31.0) {
            return false;
        }
        work_ += 100.0;
        const double visits = fed_ / challenger_units;
        const exclusion_options options{.beta = plan_.beta,
                                        .clustering = {.requests_per_unit = visits > 1.0 ? visits : 1.0}};
        switch (watch_.kind) {
            case watched::events:
                return exclusion_log_e(counts_, stage_harm(watch_.exclude, next), options) >= target;
            case watched::mean: {
                const double h = harm_above(watch_.level, watch_.exclude) / next;
                return mixture(score_ - h * information_, challenger_units, side::less) >= target;
            }
            case watched::latency: return exclusion_log_e(late_counts_[stage], {.ratio = 1.0}) >= target;
        }
        return false;
    }

    [[nodiscard]] double lag_requests() const noexcept
    {
        return watch_.lag_seconds * plan_.requests_per_second;
    }
    [[nodiscard]] double work() const noexcept
    {
        return work_ + (events_ < most_events ? events_ : most_events);
    }
    [[nodiscard]] double extra_events() const noexcept { return extra_; }

private:
    // What has not rolled back after so many events is not expected to. Counting on would take minutes.
    static constexpr double most_events = 1e5;

    static void add(event_counts& to, const event_counts& from, double challenger_events) noexcept
    {
        to.champion_requests += from.champion_requests;
        to.challenger_requests += from.challenger_requests;
        to.champion_events += from.champion_events;
        to.challenger_events += challenger_events;
    }

    // The mixture of a score whose variance is estimated from buckets, each of which has its part of the mean.
    [[nodiscard]] double mixture(double s, double challenger_units, side alternative) const noexcept
    {
        const double buckets = -1'024.0 * std::expm1(-challenger_units / 1'024.0);
        const double lucky = 1.0 + luck_ * std::sqrt(2.0 / buckets);
        // The clock takes the larger of two variances until 200 buckets have data.
        const double seen = buckets < 200.0 && lucky < 1.0 ? 1.0 : lucky > 0.1 ? lucky : 0.1;
        return normal_mixture_log_e(s, variance_ * seen + s * s / buckets, rho_, alternative);
    }

    // What rolling back takes as allowed: a ratio of rates. An increase needs a rate.
    [[nodiscard]] double ratio_allowed() const noexcept
    {
        const double ratio = watch_.allowed.ratio > 1.0 ? watch_.allowed.ratio : 1.0;
        return allowed_ > 0.0 && watch_.level > 0.0 ? 1.0 + allowed_ / watch_.level : ratio;
    }

    // Counts events in a random order, slot by slot and epoch by epoch. `factor` multiplies the threshold.
    [[nodiscard]] double count_events(keyed_random& random, std::size_t stage, double challenger,
                                      double champion, double factor)
    {
        const double s = shares_[stage];
        const double all = challenger + champion;
        // Where the last of the first `events` of all events lies, in a batch that they fill evenly.
        const auto place = [&](double events) {
            double at = 0.0;
            for (double i = 0.0; i < events; i += 1.0) {
                at += (1.0 - at) * (1.0 - std::pow(1.0 - random.uniform(), 1.0 / (all - i)));
            }
            return at;
        };
        double left1 = challenger;
        for (double left = all; left > 0.0; left -= 1.0) {
            const bool one = left1 > 0.0 && random.uniform() * left < left1;
            left1 -= one ? 1.0 : 0.0;
            // The slot of a unit may have an event of another unit, or one of its own arm, which has fewer slots.
            const double free = (1.0 - filled_[one ? 0 : 1] / static_cast<double>(epoch_slots)) *
                                (1.0 - filled_[one ? 1 : 0] / slots_[stage][one ? 1 : 0]);
            if (random.uniform() < free) {
                filled_[one ? 1 : 0] += 1.0;
                epoch_.add(one, s);
                if (epoch_.e() * epoch_weight(number_) * alpha_ >= factor) {
                    return place(all - left + 1.0);
                }
            }
            if (++counted_ >= epoch_events) {
                counted_ = 0;
                filled_ = {};
                ++number_;
                epoch_ = epoch_evidence{watch_.kind == watched::latency ? 1.0 : ratio_allowed()};
            }
        }
        return 2.0;
    }

    // A latency guardrail compares late calls with the champion's upper limit, by the arms of the late calls and by each of the
    // challenger's calls.
    [[nodiscard]] double serve_latencies(keyed_random& random, batch_evidence& seen, double n0, double n1)
    {
        const double s = shares_[seen.stage];
        const double q = watch_.quantile;
        const double slower = harmed_ ? std::log(ratio_of(watch_.level, harm_of(watch_))) / sd_ : 0.0;
        const auto beyond = [&](double ratio) { return normal_cdf(slower - std::log(ratio) / sd_ - cut_); };
        seen.counts.champion_events = draw_binomial(random, n0, 1.0 - q);
        for (std::size_t k = 0; k < shares_.size(); ++k) {
            const double next = k + 1 < shares_.size() ? shares_[k + 1] : 1.0;
            const double ratio = 1.0 + (ratio_of(watch_.level, watch_.exclude) - 1.0) / next;
            seen.late[k] = draw_binomial(random, n1, beyond(ratio));
        }
        champion_calls_ += n0;
        events_ += 4.0 * (n0 + n1) * (1.0 - q);
        const double needed = std::fmax(500.0, 10.0 / (1.0 - q));
        if (champion_calls_ < needed || events_ > most_events) {
            return 2.0;
        }
        // The limit is of the calls before it, of up to 160 late ones.
        const double n = std::fmin(champion_calls_, 160.0 / (1.0 - q));
        const double z = -normal_quantile(0.5 * alpha_ * epoch_weight(number_));
        const double later = (1.0 - q) - z * std::sqrt(q * (1.0 - q) / n);
        const double rate0 = later > 0.1 * (1.0 - q) ? later : 0.1 * (1.0 - q);
        const double limit = -normal_quantile(rate0);
        const double rate1 = normal_cdf(slower - std::log(allowed_) / sd_ - limit);
        const double late0 = draw_binomial(random, n0, rate0), late1 = draw_binomial(random, n1, rate1);
        if (trials_.empty()) {
            trials_.emplace_back(q, s);
        }
        late_trials& trials = trials_.front();
        const std::uint32_t epoch = number_;
        double on_time = n1 - late1, left1 = late1;
        calls_in_epoch_ += n1;
        late_in_epoch_ += late1;
        const double all = late0 + late1;
        for (double left = all; left > 0.0; left -= 1.0) {
            const bool one = left1 > 0.0 && random.uniform() * left < left1;
            const double between = std::floor(on_time / left);
            trials.on_time(between);
            on_time -= between;
            left1 -= one ? 1.0 : 0.0;
            if (one) {
                trials.late();
            }
            const double threshold = 2.0 / (alpha_ * epoch_weight(number_));
            const bool by_arm =
                count_events(random, seen.stage, one ? 1.0 : 0.0, one ? 0.0 : 1.0, 2.0) < 2.0 ||
                epoch_.e() >= threshold;
            const double m = calls_in_epoch_;
            if (by_arm && trials.e() >= threshold &&
                late_in_epoch_ > (1.0 - q) * m + 2.0 * std::sqrt(m * q * (1.0 - q))) {
                return (all - left + 1.0) / (all + 1.0);
            }
        }
        trials.on_time(on_time);
        if (number_ != epoch) {
            trials_.clear();
            calls_in_epoch_ = late_in_epoch_ = 0.0;
        }
        return 2.0;
    }

    const planned_canary& plan_;
    const planned_guardrail& watch_;
    const std::vector<double>& shares_;
    std::vector<event_counts> counts_;
    std::vector<std::vector<event_counts>> late_counts_;
    std::vector<late_trials> trials_;
    epoch_evidence epoch_{1.0};
    double alpha_;
    double sd_ = 1.0;
    double rho_ = 1.0;
    double cut_ = 0.0;
    double allowed_ = 0.0;
    // Slots with an event of the champion and of the challenger, and slots that their units have.
    std::array<double, 2> filled_{};
    std::vector<std::array<double, 2>> slots_{};
    std::uint32_t counted_ = 0;
    std::uint32_t number_ = 1;
    double information_ = 0.0;
    double score_ = 0.0;
    double variance_ = 0.0;
    double luck_ = not_a_number;
    double fed_ = 0.0;
    double fed_in_stage_ = 0.0;
    std::size_t fed_stage_ = 0;
    double champion_calls_ = 0.0;
    double calls_in_epoch_ = 0.0;
    double late_in_epoch_ = 0.0;
    double work_ = 0.0;
    double events_ = 0.0;
    double extra_ = 0.0;
    bool harmed_ = false;
};

// How a simulated rollout went.
struct simulated_end {
    bool shipped = false;
    bool rolled_back = false;
    double requests = 0.0;
    double extra_events = 0.0;
    double work = 0.0;
    std::vector<double> in_stage{};  // requests in each stage that was entered
    std::vector<double> held{};      // per stage and guardrail, the requests for which it held
};

class canary_simulation {
public:
    explicit canary_simulation(const planned_canary& plan) : plan_(plan)
    {
        for (const auto& stage : plan.stages) {
            if (stage.share < 1.0) {
                shares_.push_back(stage.share);
            }
        }
        for (const auto& watch : plan.guardrails) {
            weights_ += watch.weight;
        }
        longest_ = plan.longest_days * 86'400.0 * plan.requests_per_second;
    }

    [[nodiscard]] const std::vector<double>& shares() const noexcept { return shares_; }

    // A whole rollout; the challenger does the harm of one guardrail, or none.
    [[nodiscard]] simulated_end roll_out(keyed_random random, std::size_t harmful) const
    {
        std::vector<simulated_guardrail> guardrails;
        for (std::size_t g = 0; g < plan_.guardrails.size(); ++g) {
            guardrails.emplace_back(plan_, g, weights_, shares_);
        }
        if (harmful < guardrails.size()) {
            guardrails[harmful].do_harm();
        }
        return run(random, guardrails, nullptr, 0);
    }

    // One guardrail whose harm begins with a stage, after a number of quiet requests in each stage before.
    [[nodiscard]] simulated_end catch_in(keyed_random random, std::size_t which, std::size_t stage,
                                         const std::vector<double>& quiet) const
    {
        std::vector<simulated_guardrail> one;
        one.emplace_back(plan_, which, weights_, shares_);
        return run(random, one, &quiet, stage);
    }

private:
    [[nodiscard]] double next_batch(double in_stage, double requests) const noexcept
    {
        const double second = std::fmin(plan_.requests_per_second, 10'000.0);
        return std::floor(std::fmax(std::fmax(second, 32.0), std::fmax(in_stage, requests / 4.0) / 48.0));
    }

    [[nodiscard]] simulated_end run(keyed_random& random, std::vector<simulated_guardrail>& guardrails,
                                    const std::vector<double>* quiet, std::size_t harm_stage) const
    {
        const std::size_t stages = shares_.size(), all = guardrails.size();
        simulated_end end;
        end.held.assign(stages * (all + 1), 0.0);
        std::vector<std::vector<batch_evidence>> waiting(all);
        std::vector<std::size_t> fed(all, 0);
        std::size_t stage = 0, holder = 0;
        double in_stage = 0.0;
        const auto enter = [&] {
            if (quiet != nullptr && stage == harm_stage) {
                for (auto& each : guardrails) {
                    each.do_harm();
                }
            }
        };
        enter();
        const auto stop = [&] {
            end.in_stage.push_back(in_stage);
            for (const auto& each : guardrails) {
                end.work += each.work();
                end.extra_events += each.extra_events();
            }
            return end;
        };
        while (end.requests < longest_) {
            double n = next_batch(in_stage, end.requests);
            if (quiet != nullptr && stage < harm_stage) {
                const double rest = (*quiet)[stage] - in_stage;
                n = rest < n ? std::fmax(std::floor(rest), 1.0) : n;
            }
            const double n1 = draw_binomial(random, n, shares_[stage]);
            double first = 2.0;
            for (std::size_t g = 0; g < all; ++g) {
                batch_evidence seen;
                seen.stage = stage;
                seen.requests = end.requests + n;
                const double at = guardrails[g].serve(random, seen, n - n1, n1);
                first = at < first ? at : first;
                waiting[g].push_back(seen);
            }
            if (first < 2.0) {
                end.requests += std::ceil(first * n);
                in_stage += std::ceil(first * n);
                end.rolled_back = true;
                return stop();
            }
            end.requests += n;
            in_stage += n;
            end.work += 10.0;
            const double units = shares_[stage] * distinct(end.requests);
            for (std::size_t g = 0; g < all; ++g) {
                while (fed[g] < waiting[g].size() &&
                       waiting[g][fed[g]].requests + guardrails[g].lag_requests() <= end.requests) {
                    guardrails[g].feed(waiting[g][fed[g]++]);
                }
                end.rolled_back = end.rolled_back || guardrails[g].breached(units);
            }
            if (end.rolled_back) {
                return stop();
            }
            if (quiet != nullptr) {
                if (stage < harm_stage && in_stage >= (*quiet)[stage]) {
                    end.in_stage.push_back(in_stage);
                    in_stage = 0.0;
                    ++stage;
                    enter();
                }
                continue;
            }
            holder = held_by(guardrails, stage, in_stage, units, holder);
            if (holder <= all) {
                end.held[stage * (all + 1) + holder] += n;
                continue;
            }
            if (stage + 1 == stages) {
                end.shipped = true;
                return stop();
            }
            end.in_stage.push_back(in_stage);
            in_stage = 0.0;
            holder = 0;
            ++stage;
        }
        return stop();
    }

    // The guardrail that holds the stage; their number for the least time, and more where nothing holds it.
    [[nodiscard]] std::size_t held_by(std::vector<simulated_guardrail>& guardrails, std::size_t stage,
                                      double in_stage, double units, std::size_t before) const
    {
        const std::size_t all = guardrails.size();
        if (in_stage < plan_.stages[stage].least_seconds * plan_.requests_per_second ||
            in_stage * shares_[stage] < plan_.stages[stage].least_requests) {
            return all;
        }
        for (std::size_t i = 0; i < all; ++i) {
            // The one that held last is asked first, because it most likely still holds.
            const std::size_t g = (i + (before < all ? before : 0)) % all;
            if (!guardrails[g].excludes(stage, units)) {
                return g;
            }
        }
        return all + 1;
    }

    // How many different units have come.
    [[nodiscard]] double distinct(double requests) const noexcept
    {
        return std::isfinite(plan_.units) ? plan_.units * -std::expm1(-requests / plan_.units) : requests;
    }

    const planned_canary& plan_;
    std::vector<double> shares_;
    double weights_ = 0.0;
    double longest_ = 0.0;
};

// The number below which a part of the values lies, in order; `errors` standard errors are added to the part.
[[nodiscard]] inline double simulated_quantile(std::vector<double> values, double part, double errors)
{
    if (values.empty()) {
        return not_a_number;
    }
    const double n = static_cast<double>(values.size());
    const double at = std::ceil(n * (part + errors * std::sqrt(part * (1.0 - part) / n))) - 1.0;
    const auto place = static_cast<std::size_t>(at < n ? at : n - 1.0);
    // Sorting by exchanging is enough for a few thousand values that are sorted a few times: a heap.
    const auto sift = [&](std::size_t root, std::size_t size) {
        for (;;) {
            std::size_t child = 2 * root + 1;
            if (child >= size) {
                return;
            }
            child += child + 1 < size && values[child] < values[child + 1] ? 1U : 0U;
            if (!(values[root] < values[child])) {
                return;
            }
            const double kept = values[root];
            values[root] = values[child];
            values[child] = kept;
            root = child;
        }
    };
    for (std::size_t i = values.size() / 2; i > 0; --i) {
        sift(i - 1, values.size());
    }
    for (std::size_t size = values.size(); size > 1; --size) {
        const double largest = values[0];
        values[0] = values[size - 1];
        values[size - 1] = largest;
        sift(0, size - 1);
    }
    return values[place];
}

[[nodiscard]] inline bool is_plan(const planned_canary& plan) noexcept
{
    bool valid = is_alpha(plan.alpha) && is_alpha(plan.beta) && plan.requests_per_second > 0.0 &&
                 std::isfinite(plan.requests_per_second) && plan.units > 0.0 &&
                 plan.planned_exposures > 0.0 && std::isfinite(plan.planned_exposures) &&
                 plan.longest_days > 0.0 && std::isfinite(plan.longest_days) && plan.rollouts > 0 &&
                 !plan.guardrails.empty() && !plan.stages.empty() && plan.stages.front().share < 1.0;
    double before = 0.0;
    for (const auto& stage : plan.stages) {
        valid = valid && stage.share > before && stage.share <= 1.0 && stage.least_requests >= 0.0 &&
                stage.least_seconds >= 0.0 && std::isfinite(stage.least_requests + stage.least_seconds);
        before = stage.share;
    }
    valid = valid && plan.stages.size() <= std::tuple_size_v<decltype(batch_evidence::late)>;
    for (const auto& watch : plan.guardrails) {
        const bool rate =
            watch.kind == watched::events || (watch.kind == watched::mean && std::isnan(watch.spread));
        const excluded_harm harm = harm_of(watch);
        const auto set = [](const excluded_harm& h) {
            return !std::isnan(h.increase) || !std::isnan(h.ratio);
        };
        valid = valid && std::isfinite(watch.level) &&
                (!rate || (watch.level >= 0.0 && watch.level <= 1.0)) &&
                (watch.kind != watched::latency || watch.level > 0.0) &&
                (std::isnan(watch.spread) || (watch.spread > 0.0 && std::isfinite(watch.spread))) &&
                watch.quantile > 0.0 && watch.quantile < 1.0 && is_harm(watch.exclude) && is_harm(harm) &&
                (!set(watch.allowed) || is_harm(watch.allowed)) && watch.weight > 0.0 &&
                std::isfinite(watch.weight) && watch.lag_seconds >= 0.0 && std::isfinite(watch.lag_seconds) &&
                harm_above(watch.level, watch.exclude) > 0.0 && harm_above(watch.level, harm) > 0.0;
    }
    return valid;
}

// How many of the challenger's units a stage needs, given the share after it.
[[nodiscard]] inline double units_needed(const planned_canary& plan, double share, double next) noexcept
{
    double needed = 31.0;
    for (const auto& watch : plan.guardrails) {
        if (watch.kind == watched::events) {
            const double units = plan_exclusion({.champion_rate = watch.level,
                                                 .share = share,
                                                 .harm = stage_harm(watch.exclude, next),
                                                 .beta = plan.beta})
                                     .least_units;
            needed = units > needed ? units : needed;
        }
    }
    return needed;
}

// The smallest share of a first stage with enough units, before one of the plan's stages or before all.
[[nodiscard]] inline double first_feasible_share(const planned_canary& plan,
                                                 const std::vector<double>& shares)
{
    double before = 0.0;
    for (std::size_t k = 0; k <= shares.size(); ++k) {
        const double next = k < shares.size() ? shares[k] : 1.0;
        const double share = units_needed(plan, 0.5, next) / plan.units;
        const double at_least = share > before ? share : before;
        // The last stage needs a champion to compare with.
        if (at_least > 0.0 && at_least < next && at_least <= (k < shares.size() ? next : 0.5)) {
            return at_least;
        }
        before = next;
    }
    return not_a_number;
}

}  // namespace detail

JOUST_FUNCTION canary_outlook plan_canary(const planned_canary& plan)
{
    constexpr double infinity = std::numeric_limits<double>::infinity();
    constexpr std::size_t fewest = 100;
    canary_outlook out;
    if (!detail::is_plan(plan)) {
        return out;
    }
    out.state = status::ok;
    const detail::canary_simulation simulation{plan};
    const std::vector<double>& shares = simulation.shares();
    const std::size_t stages = shares.size(), guardrails = plan.guardrails.size();
    // So many events are simulated altogether, shared by the kinds of rollouts.
    const double most_work = 2e8 / static_cast<double>(1 + guardrails + guardrails * stages);
    std::uint64_t stream = 0;
    const auto repeat = [&](auto&& one) {
        double work = 0.0;
        std::size_t done = 0;
        for (; done < plan.rollouts && (done < fewest || work < most_work); ++done) {
            work += one(keyed_random{plan.seed, ++stream});
        }
        return done;
    };
    const auto outlook = [&](std::size_t harmful, auto&& visit) {
        rollout_outlook of;
        of.guardrail = harmful;
        double shipped = 0.0, rolled_back = 0.0;
        std::vector<double> requests;
        const auto done = static_cast<double>(repeat([&](keyed_random random) {
            const detail::simulated_end end = simulation.roll_out(random, harmful);
            shipped += end.shipped ? 1.0 : 0.0;
            rolled_back += end.rolled_back ? 1.0 : 0.0;
            requests.push_back((harmful == guardrails ? end.shipped : end.rolled_back) ? end.requests
                                                                                       : infinity);
            visit(end);
            return end.work;
        }));
        of.shipped = shipped / done;
        of.rolled_back = rolled_back / done;
        of.requests = detail::simulated_quantile(requests, 0.5, 0.0);
        of.requests_80 = detail::simulated_quantile(requests, 0.8, 2.0);
        of.requests_95 = detail::simulated_quantile(requests, 0.95, 2.0);
        return of;
    };

    std::vector<std::vector<double>> spent(stages);
    std::vector<double> entered(stages, 0.0), left(stages, 0.0), held(stages * (guardrails + 1), 0.0);
    out.equal = outlook(guardrails, [&](const detail::simulated_end& end) {
        ++out.rollouts;
        for (std::size_t k = 0; k < end.in_stage.size(); ++k) {
            const bool passed = k + 1 < end.in_stage.size() || end.shipped;
            entered[k] += 1.0;
            left[k] += passed ? 1.0 : 0.0;
            if (passed) {
                spent[k].push_back(end.in_stage[k]);
            }
        }
        for (std::size_t i = 0; i < held.size(); ++i) {
            held[i] += end.held[i];
        }
    });
    for (std::size_t g = 0; g < guardrails; ++g) {
        out.harmful.push_back(outlook(g, [](const detail::simulated_end&) {}));
    }

    std::vector<double> quiet;
    for (std::size_t k = 0; k < stages; ++k) {
        stage_outlook stage;
        stage.share = shares[k];
        stage.requests = detail::simulated_quantile(spent[k], 0.5, 0.0);
        stage.requests_p90 = detail::simulated_quantile(spent[k], 0.9, 0.0);
        stage.passed = entered[k] > 0.0 ? left[k] / entered[k] : not_a_number;
        for (std::size_t g = 0; g <= guardrails; ++g) {
            if (held[k * (guardrails + 1) + g] > held[k * (guardrails + 1) + stage.held_by]) {
                stage.held_by = g;
            }
        }
        stage.units_needed = detail::units_needed(plan, shares[k], k + 1 < stages ? shares[k + 1] : 1.0);
        stage.units_there = plan.units * shares[k];
        for (std::size_t g = 0; g < guardrails; ++g) {
            std::vector<double> until;
            double extra = 0.0, caught = 0.0;
            repeat([&](keyed_random random) {
                const detail::simulated_end end = simulation.catch_in(random, g, k, quiet);
                // A false alarm before the harm begins is no catch.
                if (end.in_stage.size() == k + 1) {
                    until.push_back(end.rolled_back ? end.in_stage.back() : infinity);
                    extra += end.extra_events;
                    caught += 1.0;
                }
                return end.work;
            });
            caught_harm found;
            found.guardrail = g;
            // One more, because the place within a batch is known to a request.
            found.requests_80 = detail::simulated_quantile(until, 0.8, 2.0) + 1.0;
            found.requests_95 = detail::simulated_quantile(until, 0.95, 2.0) + 1.0;
            if (plan.guardrails[g].kind == watched::events && caught > 0.0) {
                found.extra_events = extra / caught;
            }
            stage.caught.push_back(found);
        }
        // Where no equal challenger has passed, the stages after this one are taken as entered after the least requests.
        quiet.push_back(!std::isnan(stage.requests)
                            ? stage.requests
                            : std::fmax(plan.stages[k].least_requests / shares[k], 1.0));
        out.stages.push_back(stage);
    }
    out.first_share = std::isfinite(plan.units) ? detail::first_feasible_share(plan, shares) : shares.front();
    if (out.stages.front().feasible()) {
        out.first_share = shares.front();
    }
    const double requests_a_day = 86'400.0 * plan.requests_per_second;
    out.memory_bytes = plan.memory_bytes;
    out.cpu_seconds_per_day = 1e-9 * plan.nanoseconds_per_request * requests_a_day;
    out.log_bytes_per_day = plan.log_bytes_per_request * requests_a_day;
    return out;
}

}  // namespace stats

#endif

}  // namespace v0
}  // namespace joust
