// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/evidence/first_events.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/numeric/sketch.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace joust {
inline namespace v0 {

/// Hold what one epoch of a guardrail on latency has seen, beside its first late calls.
struct late_epoch {
    /// The number of the epoch, counted from 1.
    std::uint32_t epoch = 1;
    /// The latency beyond which calls of the champion are late.
    /// units: nanoseconds
    double threshold = 0.0;
    /// The logarithm of the e-value against "the challenger's calls are late no more often than 1 - q".
    double log_e = 0.0;
    /// The challenger's timed calls in the sketch of the epoch.
    std::uint64_t calls = 0;
    /// Those of them that were slower than the champion's quantile in the same sketch, with its upper error and the margin.
    std::uint64_t beyond = 0;

    /// Say whether an epoch can have these numbers.
    [[nodiscard]] bool consistent() const noexcept
    {
        return epoch > 0 && threshold >= 0.0 && std::isfinite(threshold) && std::isfinite(log_e) &&
               beyond <= calls;
    }
    /// Give every member to an archive, which reads or writes it (store/snapshot.hpp).
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(epoch, threshold, log_e, calls, beyond);
    }
    /// Compare all members.
    bool operator==(const late_epoch&) const = default;
};

/// Hold what a guardrail on latency has seen of one challenger, beside its first late calls.
struct late_calls {
    /// The last epoch and the one before it. The list is empty until the warm-up is over.
    std::vector<late_epoch> epochs;
    /// The challenger's timed calls before the first epoch, which are not judged.
    std::uint64_t not_judged = 0;

    /// Give every member to an archive, which reads or writes it (store/snapshot.hpp).
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(epochs, not_judged);
    }
    /// Compare all members.
    bool operator==(const late_calls&) const = default;
};

/// Add the epochs of another replica. Calls of replicas are independent, so that their e-values in one epoch are multiplied. The last
/// epoch and the one before it stay.
/// shape: both lists are sorted by epoch
inline std::vector<late_epoch> merge(const std::vector<late_epoch>& a, const std::vector<late_epoch>& b)
{
    std::vector<late_epoch> merged;
    auto x = a.begin();
    auto y = b.begin();
    while (x != a.end() || y != b.end()) {
        if (y == b.end() || (x != a.end() && x->epoch < y->epoch)) {
            merged.push_back(*x++);
        } else if (x == a.end() || y->epoch < x->epoch) {
            merged.push_back(*y++);
        } else {
            merged.push_back({.epoch = x->epoch,
                              .threshold = x->threshold > y->threshold ? x->threshold : y->threshold,
                              .log_e = x->log_e + y->log_e,
                              .calls = x->calls + y->calls,
                              .beyond = x->beyond + y->beyond});
            ++x;
            ++y;
        }
    }
    const std::uint32_t last = merged.empty() ? 0 : merged.back().epoch;
    while (!merged.empty() && merged.front().epoch + 1 < last) {
        merged.erase(merged.begin());
    }
    return merged;
}

namespace detail {

/// Say what a guardrail on latency allows.
struct latency_rule {
    /// The quantile that is watched.
    double q = 0.99;
    /// The time that the challenger may take, as a multiple of the champion's quantile.
    double ratio = 1.0;
    /// The time that the challenger may take in addition. units: nanoseconds
    double increase = 0.0;
    /// The champion's timed calls that the first threshold needs.
    std::uint64_t warm_up = 1'000;
    /// The challenger's timed calls that are served and not judged.
    std::uint64_t challenger_warm_up = 0;
    /// The error rate of the guardrail.
    double alpha = 0.05;
};

/// Return whether more calls than chance explains were beyond a quantile q.
[[nodiscard]] inline bool shows_breach(double calls, double beyond, double q) noexcept
{
    return beyond > (1.0 - q) * calls + 2.0 * std::sqrt(calls * q * (1.0 - q));
}

/// Return the weighted e-value of one epoch of a guardrail on latency: the lower one of its two e-values, of which each may spend half
/// of the error rate of the epoch. It is 0 while the sketches of the epoch do not show the breach.
[[nodiscard]] inline double latency_e(double first_late, const late_epoch& epoch, double q) noexcept
{
    if (!shows_breach(static_cast<double>(epoch.calls), static_cast<double>(epoch.beyond), q)) {
        return 0.0;
    }
    const double all = std::exp(epoch.log_e < 600.0 ? epoch.log_e : 600.0);
    return 0.5 * stats::epoch_weight(epoch.epoch) * (first_late < all ? first_late : all);
}

/// Return the strongest present evidence of a guardrail on latency in copied or merged evidence.
/// shape: the lists are sorted by epoch
[[nodiscard]] inline first_event_peak latency_evidence_now(std::vector<first_event> events,
                                                           const std::vector<late_epoch>& epochs, double q)
{
    sort_by_time(events);
    first_event_peak now;
    double highest = 0.0;
    std::size_t i = 0;
    for (const late_epoch& each : epochs) {
        now.epochs = each.epoch;
        stats::epoch_evidence first_late;
        for (; i < events.size() && events[i].epoch <= each.epoch; ++i) {
            if (events[i].epoch == each.epoch) {
                first_late.add(events[i].challenger, events[i].propensity);
            }
        }
        if (const double e = latency_e(first_late.e(), each, q); e > highest) {
            highest = e;
            now.decided = each.epoch;
        }
    }
    now.log_e = highest > 1.0 ? std::log(highest) : 0.0;
    now.decided = now.log_e > 0.0 ? now.decided : 0;
    return now;
}

/// Hold the e-value of one epoch against "each call of the challenger is late with a probability of at most 1 - q".
///
/// Calls come in lots, whose size does not depend on which calls are late. Half of each alternative begins with the epoch, and the
/// other half is spread over the lots, as in `epoch_evidence`.
class late_share_evidence {
public:
    explicit late_share_evidence(double q) noexcept
    {
        const double odds = (1.0 - q) / q;
        for (std::size_t i = 0; i < products_.size(); ++i) {
            const double raised = stats::epoch_evidence::alternatives[i] * odds;
            const double p = raised / (1.0 + raised);
            late_[i] = std::log(p / (1.0 - q));
            soon_[i] = std::log((1.0 - p) / q);
        }
        products_.fill(0.5);
    }

    /// Add a lot of calls. `later` is the mass that begins with each call.
    void add(double calls, double late, double later) noexcept
    {
        const double mass = calls * later < left_ ? calls * later : left_;
        left_ -= mass;
        for (std::size_t i = 0; i < products_.size(); ++i) {
            // Evidence beyond every threshold is cut off, so that it stays finite.
            const double factor = std::exp(std::fmin(late * late_[i] + (calls - late) * soon_[i], 600.0));
            products_[i] = std::fmin(products_[i] * factor, 1e250) + mass;
        }
    }

    [[nodiscard]] double e() const noexcept { return stats::detail::mean_of_products(products_, left_); }

private:
    std::array<double, stats::epoch_evidence::alternatives.size()> late_{};
    std::array<double, stats::epoch_evidence::alternatives.size()> soon_{};
    std::array<double, stats::epoch_evidence::alternatives.size()> products_{};
    double left_ = 0.5;
};

/// Judge one guardrail on latency for one challenger while the trial runs.
///
/// The claim is about the traffic of an epoch, pooled: the challenger's quantile is at most the champion's with the margin. The threshold c
/// of an epoch is an upper confidence limit of the champion's quantile in the epoch before, of an error of alpha w / 2, where w is the weight
/// of the epoch. The guardrail breaks where three conditions hold in one epoch:
///
/// - A: of the first late calls of slots, too many are the challenger's. Late means beyond c for the champion, and beyond c with the margin
///   for the challenger. Both serve at the same time, so that no change of the load can look like harm.
/// - B: the challenger's calls are late more often than 1 - q. A shape with a heavier tail beyond the limit cannot look like harm.
/// - C: the epoch's own sketches show the breach, so that a report shows it too.
///
/// An epoch ends when its slots have had their events, when the champion's calls refute c, and at most twice early on where c can be lowered.
/// cost: nothing for a call but that its latency is counted; a step takes a few passes over the bins of two sketches
class late_call_watch {
public:
    static constexpr std::size_t bins = latency_sketch::bins;
    using counts = std::vector<std::uint64_t>;

    explicit late_call_watch(const latency_rule& rule)
        : rule_(rule), all_{rule.q}, champion_before_(bins), challenger_before_(bins)
    {
    }

    /// Set the error rate, before the first step.
    void spend(double alpha) noexcept { rule_.alpha = alpha; }

    /// Look at the latencies of all calls so far. Returns whether the thresholds have changed.
    /// shape: both have a count for each bin, and no count ever falls
    bool step(const counts& champion, const counts& challenger, first_event_log& first_late) noexcept;

    /// Return the latency beyond which a call of an arm is late; infinite until the warm-up is over. units: nanoseconds
    [[nodiscard]] double champion_limit() const noexcept { return champion_limit_; }
    [[nodiscard]] double challenger_limit() const noexcept { return challenger_limit_; }

    /// Return the weighted e-values: the present one, and the highest one so far with its epoch.
    [[nodiscard]] double log_e_now() const noexcept
    {
        const double now = now_ > before_ ? now_ : before_;
        return now > 1.0 ? std::log(now) : 0.0;
    }
    [[nodiscard]] first_event_peak peak() const noexcept
    {
        return {highest_ > 1.0 ? std::log(highest_) : 0.0, decided_, epoch_ > 0 ? epoch_ : 1};
    }
    /// Return the e-value of first late calls from which on the guardrail may be broken in this epoch.
    [[nodiscard]] double least_e() const noexcept
    {
        return 2.0 / (rule_.alpha * stats::epoch_weight(epoch_));
    }
    /// Return the number of the challenger's calls before the first epoch.
    [[nodiscard]] std::uint64_t not_judged() const noexcept { return not_judged_; }
    /// Return the number of calls in the sketches of the epoch.
    [[nodiscard]] double calls() const noexcept { return n0_ + n1_; }

    /// Copy the running epoch and the one before it.
    void epochs(std::vector<late_epoch>& out) const
    {
        out.clear();
        if (last_.epoch + 1 == epoch_ && epoch_ > 1) {
            out.push_back(last_);
        }
        if (epoch_ > 0) {
            out.push_back(running_);
        }
    }

    /// Go on in an epoch that other processes of the trial have reached, with its threshold, where this one is behind them. The
    /// calls so far are not judged in it.
    /// shape: the counts are those of all calls so far
    void catch_up(std::uint32_t epoch, double threshold, const counts& champion,
                  const counts& challenger) noexcept;
    /// Return the number of the running epoch, which is 0 until the warm-up is over.
    [[nodiscard]] std::uint32_t epoch() const noexcept { return epoch_; }

    /// Forget all calls in a forked child. Limits that are known stay.
    void begin_anew() noexcept;

private:
    static constexpr double no_limit = std::numeric_limits<double>::infinity();
    static constexpr std::size_t no_bin = bins;

    /// Return the highest value in a bin.
    [[nodiscard]] static double end_of(std::size_t bin) noexcept
    {
        return static_cast<double>(latency_sketch::range_of(bin).upper - 1);
    }
    /// Return the bin of the challenger's limit where the champion's ends with a bin. The limit ends with its bin too.
    [[nodiscard]] std::size_t allowed(std::size_t bin) const noexcept
    {
        const double limit = end_of(bin) * rule_.ratio + rule_.increase;
        constexpr auto longest = static_cast<double>(latency_sketch::limit - 1);
        return latency_sketch::bin_of(
            static_cast<std::int64_t>(std::ceil(limit < longest ? limit : longest)));
    }
    /// Return how many standard errors the upper limit of an epoch's threshold is above the quantile.
    [[nodiscard]] double errors_of(std::uint32_t epoch) const noexcept
    {
        return stats::normal_upper_quantile(0.5 * rule_.alpha * stats::epoch_weight(epoch));
    }
    /// Return the rank of the champion's quantile among n calls, moved by so many standard errors.
    [[nodiscard]] double rank(double n, double errors) const noexcept
    {
        return std::floor(n * rule_.q + errors * std::sqrt(n * rule_.q * (1.0 - rule_.q)));
    }
    /// Return the bin of the call of a rank among the champion's calls of the sketch, or `no_bin` where there is none.
    [[nodiscard]] std::size_t bin_of_rank(const counts& champion, double wanted) const noexcept
    {
        if (!(wanted >= 1.0 && wanted <= n0_)) {
            return no_bin;
        }
        double seen = 0.0;
        for (std::size_t bin = 0; bin < bins; ++bin) {
            seen += static_cast<double>(champion[bin] - champion_before_[bin]);
            if (seen >= wanted) {
                return bin;
            }
        }
        return no_bin;
    }
    /// Return the number of the challenger's calls beyond a bin. Lower bins are counted by other threads meanwhile, and these are
    /// no evidence of harm.
    [[nodiscard]] double beyond(const counts& challenger, std::size_t limit) const noexcept
    {
        std::uint64_t n = 0;
        for (std::size_t bin = limit + 1; bin < bins; ++bin) {
            n += challenger[bin] - challenger_before_[bin];
        }
        return static_cast<double>(n);
    }
    /// Return the bin that the threshold of the next epoch would have, or `no_bin`.
    [[nodiscard]] std::size_t next_threshold(const counts& champion) const noexcept
    {
        return n0_ * (1.0 - rule_.q) >= 10.0 - 1e-9
                   ? bin_of_rank(champion, rank(n0_, errors_of(epoch_ + 1)) + 1.0)
                   : no_bin;
    }
    void count(const counts& champion, const counts& challenger) noexcept
    {
        std::uint64_t n0 = 0;
        std::uint64_t n1 = 0;
        for (std::size_t bin = 0; bin < bins; ++bin) {
            n0 += champion[bin] - champion_before_[bin];
            n1 += challenger[bin] - challenger_before_[bin];
        }
        n0_ = static_cast<double>(n0);
        n1_ = static_cast<double>(n1);
    }
    void judge(const counts& champion, const counts& challenger, double first_late) noexcept;
    [[nodiscard]] bool refuted(const counts& champion) noexcept;
    void begin_epoch(std::size_t threshold, const counts& champion, const counts& challenger,
                     bool keep_sketch) noexcept;

    latency_rule rule_;
    std::uint32_t epoch_ = 0;
    late_epoch running_{.epoch = 0};
    late_epoch last_{.epoch = 0};
    late_share_evidence all_;
    double champion_limit_ = no_limit;
    double challenger_limit_ = no_limit;
    std::size_t challenger_bin_ = 0;
    /// The counts when the sketches of the epoch began.
    counts champion_before_;
    counts challenger_before_;
    /// The calls in the sketches of the epoch.
    double n0_ = 0.0;
    double n1_ = 0.0;
    /// The challenger's calls that B has judged.
    double judged_ = 0.0;
    double judged_late_ = 0.0;
    double checked_ = 0.0;
    int refined_ = 0;
    double now_ = 0.0;
    double before_ = 0.0;
    double highest_ = 1.0;
    std::uint32_t decided_ = 0;
    std::uint64_t not_judged_ = 0;
};

#if JOUST_BODIES

JOUST_FUNCTION bool late_call_watch::step(const counts& champion, const counts& challenger,
                                          first_event_log& first_late) noexcept
{
    count(champion, challenger);
    if (epoch_ == 0) {
        if (n0_ < static_cast<double>(rule_.warm_up) || n1_ < static_cast<double>(rule_.challenger_warm_up)) {
            return false;
        }
        const std::size_t first = next_threshold(champion);
        if (first == no_bin) {
            return false;
        }
        not_judged_ = static_cast<std::uint64_t>(n1_);
        begin_epoch(first, champion, challenger, false);
        return true;
    }
    judge(champion, challenger, first_late.e_of_epoch());
    constexpr double refine_at[] = {40.0, 160.0};
    const bool refines = refined_ < 2 && n0_ * (1.0 - rule_.q) >= refine_at[refined_];
    const bool ends = first_late.full() || refuted(champion);
    if (!refines && !ends) {
        return false;
    }
    const std::size_t next = next_threshold(champion);
    const bool lower = refines && next != no_bin && end_of(next) <= 0.97 * champion_limit_;
    if (next == no_bin || (!ends && !lower)) {
        refined_ += refines ? 1 : 0;
        return false;
    }
    if (!first_late.begin_next_epoch()) {
        return false;  // A report copies the events just now. The next step ends the epoch.
    }
    refined_ = ends ? 0 : refined_ + 1;
    begin_epoch(next, champion, challenger, !ends);
    return true;
}

JOUST_FUNCTION void late_call_watch::judge(const counts& champion, const counts& challenger,
                                           double first_late) noexcept
{
    const double late = beyond(challenger, challenger_bin_);
    const double calls = n1_ > judged_ ? n1_ - judged_ : 0.0;
    const double more = late > judged_late_ ? late - judged_late_ : 0.0;
    if (calls > 0.0) {
        // An epoch is expected to have as many late calls as events, and a share s of its calls is the challenger's.
        const double s = n1_ / (n0_ + n1_);
        all_.add(calls, more < calls ? more : calls, (1.0 - rule_.q) / (2.0 * stats::epoch_events * s));
        judged_ = n1_;
        judged_late_ = late;
    }
    running_.log_e = std::log(all_.e());
    running_.calls = static_cast<std::uint64_t>(n1_);
    const std::size_t upper = bin_of_rank(champion, rank(n0_, 2.0) + 1.0);
    running_.beyond = upper == no_bin ? 0 : static_cast<std::uint64_t>(beyond(challenger, allowed(upper)));
    now_ = latency_e(first_late, running_, rule_.q);
    if (now_ > highest_) {
        highest_ = now_;
        decided_ = epoch_;
    }
}

JOUST_FUNCTION bool late_call_watch::refuted(const counts& champion) noexcept
{
    if (n0_ < 1.2 * checked_ || n0_ * (1.0 - rule_.q) < 10.0) {
        return false;
    }
    checked_ = n0_;
    const std::size_t low = bin_of_rank(champion, rank(n0_, -4.0));
    if (low != no_bin && static_cast<double>(latency_sketch::range_of(low).lower) > 1.01 * champion_limit_) {
        return true;
    }
    const std::size_t high = bin_of_rank(champion, rank(n0_, 4.0) + 1.0);
    return high != no_bin && end_of(high) < champion_limit_ / 1.1;
}

JOUST_FUNCTION void late_call_watch::begin_epoch(std::size_t threshold, const counts& champion,
                                                 const counts& challenger, bool keep_sketch) noexcept
{
    last_ = running_;
    before_ = now_;
    now_ = 0.0;
    ++epoch_;
    champion_limit_ = end_of(threshold);
    challenger_bin_ = allowed(threshold);
    challenger_limit_ = end_of(challenger_bin_);
    running_ = {.epoch = epoch_, .threshold = champion_limit_};
    all_ = late_share_evidence{rule_.q};
    if (!keep_sketch) {
        for (std::size_t bin = 0; bin < bins; ++bin) {
            champion_before_[bin] = champion[bin];
            challenger_before_[bin] = challenger[bin];
        }
        n0_ = n1_ = checked_ = 0.0;
    }
    judged_ = n1_;
    judged_late_ = beyond(challenger, challenger_bin_);
}

JOUST_FUNCTION void late_call_watch::catch_up(std::uint32_t epoch, double threshold, const counts& champion,
                                              const counts& challenger) noexcept
{
    constexpr auto longest = static_cast<double>(latency_sketch::limit - 1);
    if (epoch <= epoch_ || !(threshold >= 0.0 && threshold <= longest)) {
        return;
    }
    if (epoch_ == 0) {
        count(champion, challenger);
        not_judged_ = static_cast<std::uint64_t>(n1_);
    }
    const bool next = epoch == epoch_ + 1;
    epoch_ = epoch - 1;
    refined_ = 0;
    begin_epoch(latency_sketch::bin_of(static_cast<std::int64_t>(threshold)), champion, challenger, false);
    before_ = next ? before_ : 0.0;
}

JOUST_FUNCTION void late_call_watch::begin_anew() noexcept
{
    for (std::size_t bin = 0; bin < bins; ++bin) {
        champion_before_[bin] = challenger_before_[bin] = 0;
    }
    n0_ = n1_ = checked_ = judged_ = judged_late_ = 0.0;
    now_ = before_ = 0.0;
    highest_ = 1.0;
    decided_ = 0;
    refined_ = 0;
    all_ = late_share_evidence{rule_.q};
    last_ = {.epoch = 0};
    epoch_ = epoch_ > 0 ? 1 : 0;
    running_ = {.epoch = epoch_, .threshold = epoch_ > 0 ? champion_limit_ : 0.0};
}

#endif

}  // namespace detail
}  // namespace v0
}  // namespace joust
