// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/fixed_array.hpp>
#include <joust/core/spin_lock.hpp>
#include <joust/evidence/slab.hpp>
#include <joust/stats/sequential/epoch_evidence.hpp>

#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace joust {
inline namespace v0 {

/// Hold the first event (a failure, a late answer) in one hashed slot of units within one epoch. Later events of a slot depend
/// on which arm its units have, and are no further evidence until the next epoch.
struct first_event {
    /// The number of the slot.
    std::uint16_t slot = 0;
    /// Whether the challenger served the call.
    bool challenger = false;
    /// The challenger's propensity in the plan that served the call.
    double propensity = 0.0;
    /// The time of the event; when logs are merged, the earlier event of a slot stays.
    /// units: milliseconds since 1970-01-01 UTC
    std::uint64_t time = 0;
    /// The epoch, counted from 1.
    std::uint32_t epoch = 1;

    /// Give every member to an archive, which reads or writes it (store/snapshot.hpp).
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(slot, challenger, propensity, time, epoch);
    }
    /// Compare all members.
    bool operator==(const first_event&) const = default;
};

/// Hold the strongest evidence of the first events so far, which may come from an epoch whose events are no longer kept.
struct first_event_peak {
    /// The logarithm of the highest weighted e-value of any epoch; 0 while no epoch has shown anything.
    double log_e = 0.0;
    /// The epoch that has shown it; 0 while no epoch has.
    std::uint32_t decided = 0;
    /// The number of epochs so far.
    std::uint32_t epochs = 1;

    /// Say whether a log can have kept these numbers.
    [[nodiscard]] bool consistent() const noexcept
    {
        return log_e >= 0.0 && std::isfinite(log_e) && (decided > 0) == (log_e > 0.0) && decided <= epochs &&
               epochs > 0;
    }
    /// Give every member to an archive, which reads or writes it (store/snapshot.hpp).
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(log_e, decided, epochs);
    }
    /// Compare all members.
    bool operator==(const first_event_peak&) const = default;
};

/// Merge two lists, and keep the earlier event of every slot in each epoch. The last epoch and the one before it stay.
/// shape: both lists are sorted by epoch and slot
inline std::vector<first_event> merge(const std::vector<first_event>& a, const std::vector<first_event>& b)
{
    std::uint32_t last = a.empty() ? 0 : a.back().epoch;
    last = b.empty() || b.back().epoch < last ? last : b.back().epoch;
    const auto precedes = [](const first_event& one, const first_event& two) {
        return one.epoch != two.epoch ? one.epoch < two.epoch : one.slot < two.slot;
    };
    std::vector<first_event> merged;
    merged.reserve(a.size() + b.size());
    const auto keep = [&](const first_event& event) {
        if (event.epoch + 1 >= last) {
            merged.push_back(event);
        }
    };
    auto x = a.begin();
    auto y = b.begin();
    while (x != a.end() || y != b.end()) {
        if (y == b.end() || (x != a.end() && precedes(*x, *y))) {
            keep(*x++);
        } else if (x == a.end() || precedes(*y, *x)) {
            keep(*y++);
        } else {
            // Of two events at the same time the values decide, so that the order of merging never matters.
            const bool first = x->time != y->time               ? x->time < y->time
                               : x->challenger != y->challenger ? x->challenger
                                                                : x->propensity <= y->propensity;
            keep(first ? *x : *y);
            ++x;
            ++y;
        }
    }
    return merged;
}

namespace detail {

using stats::epoch_events;
using stats::epoch_evidence;
using stats::epoch_weight;

inline constexpr std::size_t event_slots = stats::epoch_slots;

[[nodiscard]] constexpr std::uint16_t slot_of(std::uint64_t pseudonym) noexcept
{
    return static_cast<std::uint16_t>((pseudonym >> 32) & (event_slots - 1));
}

/// Sort events by epoch and time, and those of one time by slot. Neither time nor slot knows the arm.
///
/// It merges runs of growing length, since <algorithm> would make this header a fifth heavier.
/// shape: the list is sorted by epoch and slot
inline void sort_by_time(std::vector<first_event>& events)
{
    const auto precedes = [](const first_event& a, const first_event& b) {
        return a.epoch != b.epoch ? a.epoch < b.epoch : a.time != b.time ? a.time < b.time : a.slot < b.slot;
    };
    std::vector<first_event> sorted(events.size());
    for (std::size_t run = 1; run < events.size(); run *= 2) {
        for (std::size_t begin = 0; begin < events.size(); begin += 2 * run) {
            const std::size_t middle = begin + run < events.size() ? begin + run : events.size();
            const std::size_t end = middle + run < events.size() ? middle + run : events.size();
            std::size_t one = begin;
            std::size_t two = middle;
            for (std::size_t to = begin; to < end; ++to) {
                const bool second = one == middle || (two < end && precedes(events[two], events[one]));
                sorted[to] = events[second ? two++ : one++];
            }
        }
        events.swap(sorted);
    }
}

/// Return the strongest present evidence of the epochs in a list. A merged list has the events of all parts, so the e-values are
/// computed anew, in the order of time.
/// shape: the list is sorted by epoch and slot
[[nodiscard]] inline first_event_peak evidence_now(std::vector<first_event> events, double max_ratio)
{
    sort_by_time(events);
    first_event_peak now;
    double highest = 0.0;
    for (std::size_t i = 0; i < events.size();) {
        now.epochs = events[i].epoch;
        epoch_evidence epoch{max_ratio};
        for (; i < events.size() && events[i].epoch == now.epochs; ++i) {
            epoch.add(events[i].challenger, events[i].propensity);
        }
        if (const double e = epoch_weight(now.epochs) * epoch.e(); e > highest) {
            highest = e;
            now.decided = now.epochs;
        }
    }
    now.log_e = highest > 0.0 ? std::log(highest) : 0.0;
    return now;
}

}  // namespace detail

/// Return the logarithm of the evidence against "the challenger is first no more often than `max_ratio` allows": the highest
/// e-value of an epoch in the list, times the share of the error rate that the epoch may spend. At 1 / alpha it breaks a
/// guardrail. It is 0 without events.
/// shape: the list is sorted by epoch and slot
[[nodiscard]] inline double log_e_of(const std::vector<first_event>& events, double max_ratio)
{
    return detail::evidence_now(events, max_ratio).log_e;
}

namespace detail {

/// Log the first events of one guardrail and pair while the trial runs, in epochs. Every first event changes the evidence at once.
///
/// An epoch ends after 4,096 events of both arms together, repeated ones included, and all slots are free again: otherwise a guardrail
/// proves nothing more once every slot has had a failure. An epoch's e-value has to reach 1 / (alpha w), where the weights w
/// of all epochs add up to less than 1. By Ville's inequality within an epoch and the union bound over epochs the error rate
/// is at most alpha, however the same units return, since nothing that begins or ends an epoch looks at the arms.
///
/// A failure that both models share (the challenger failed, and the champion then failed on the same request) says nothing about
/// the challenger, and a client that knows the arm of an id can send such requests to it. Leaving it out would let the champion's
/// own failures, of which the shared part is not known, hide as many failures of the challenger. So a shared failure counts
/// for the challenger only as often as the champion's failures make it likely: a champion's failure under the propensity s gives a
/// credit of s / (1 - s), which is how often the challenger's units send such a request in the mean, and a shared failure
/// spends 1 or is left out. No failure counts later than it came, and one that is left out multiplies by 1 where it would have
/// multiplied by more, so that the mean of the evidence under the null stays at most 1. Credit has an upper limit, since
/// credit saved before a starting point would let shared failures alone look like harm: at the limit they multiply the
/// products that begin then by at most 4,096, and each of these has a weight of 1 in 8,192.
/// No event waits for another thread. A first event goes into a ring, and the thread that finds the log free counts what is in the ring; the
/// thread that holds the log at that moment counts it otherwise.
/// cost: one load and one increment after the first event of a slot; a first event about 40 ns
class first_event_log {
public:
    /// Set how often the challenger may be first, as a ratio, before anything is recorded.
    void allow(double max_ratio) noexcept
    {
        max_ratio_ = max_ratio;
        test_ = epoch_evidence{max_ratio};
        credit_of_odds_ = max_ratio < 1.0 ? max_ratio : 1.0;
    }

    /// Let epochs end only by `begin_next_epoch`, before anything is recorded.
    void end_by_hand() noexcept { ends_itself_ = false; }

    /// Record an event.
    void record(std::uint64_t pseudonym, bool challenger, double propensity, std::uint64_t time) noexcept
    {
        hear(pseudonym, {.propensity = propensity, .time = time, .challenger = challenger});
    }

    /// Record an event of the challenger that the champion had on the same request.
    void record_shared(std::uint64_t pseudonym, double propensity, std::uint64_t time) noexcept
    {
        hear(pseudonym, {.propensity = propensity, .time = time, .challenger = true, .shared = true});
    }

    /// Return the e-value of the running epoch, without the epoch's weight.
    [[nodiscard]] double e_of_epoch() const noexcept { return e_.load(std::memory_order_relaxed); }
    /// Return whether the running epoch has had its events.
    [[nodiscard]] bool full() const noexcept
    {
        return counted_.load(std::memory_order_relaxed) >= epoch_events;
    }
    /// End the running epoch. Returns false where another thread holds the log; then nothing has changed.
    [[nodiscard]] bool begin_next_epoch() noexcept
    {
        if (!lock_.try_lock()) {
            return false;
        }
        count_waiting();
        end_epoch();
        release();
        return true;
    }

    /// Go on in an epoch that other processes of the trial have reached, where this one is behind them. Returns false where another
    /// thread holds the log; then nothing has changed.
    [[nodiscard]] bool catch_up(std::uint32_t epoch) noexcept
    {
        if (!lock_.try_lock()) {
            return false;
        }
        count_waiting();
        if (tables_[running_].epoch < epoch) {
            // What came in the epoch before stays where it is the epoch before the new one.
            const bool next = tables_[running_].epoch + 1 == epoch;
            before_ = next ? weight_ * test_.e() : 0.0;
            now_.store(before_, std::memory_order_relaxed);
            running_ = 1 - running_;
            tables_[1 - running_].size = next ? tables_[1 - running_].size : 0;
            begin_epoch(epoch);
        }
        release();
        return true;
    }
    /// Return the number of the running epoch.
    [[nodiscard]] std::uint32_t epoch() noexcept
    {
        lock_.lock();
        const std::uint32_t now = tables_[running_].epoch;
        release();
        return now;
    }

    /// Return the logarithm of the present evidence: the higher one of the running epoch and the one before.
    [[nodiscard]] double log_e() const noexcept
    {
        const double now = now_.load(std::memory_order_relaxed);
        return now > 0.0 ? std::log(now) : 0.0;
    }
    /// Return the logarithm of the highest evidence of any epoch. It is at least 0.
    [[nodiscard]] double highest_log_e() const noexcept { return highest_.load(std::memory_order_relaxed); }

    /// Return the highest evidence so far, and the epoch that has shown it.
    [[nodiscard]] first_event_peak peak() noexcept
    {
        lock_.lock();
        count_waiting();
        const first_event_peak all{highest_.load(std::memory_order_relaxed), decided_,
                                   tables_[running_].epoch};
        release();
        return all;
    }

    /// Forget all events in a forked child, where no other thread exists.
    void begin_anew() noexcept;

    /// Copy the events of the running epoch and the one before it into a list, sorted by epoch and slot.
    void events(std::vector<first_event>& out);

private:
    struct heard {
        double propensity = 0.0;
        std::uint64_t time = 0;
        std::uint16_t slot = 0;
        bool challenger = false;
        bool shared = false;
    };
    /// One place of the ring. The sequence says whose turn it is: that of a thread which writes, or that of the thread which counts.
    struct place {
        std::atomic<std::uint32_t> sequence{0};
        heard event;
    };
    static constexpr std::uint32_t places = 1'024;

    void hear(std::uint64_t pseudonym, heard event) noexcept
    {
        if (!(event.propensity > 0.0 && event.propensity < 1.0)) {
            return;
        }
        event.slot = slot_of(pseudonym);
        if (taken(event.slot)) {
            repeat();
        } else if (put(event)) {
            settle();
        } else {
            // The ring is full while another thread holds the log. Which event that meets does not depend on the arm.
            counted_.fetch_add(1, std::memory_order_relaxed);
        }
    }

    /// Put an event into the ring. Returns false where the ring is full.
    [[nodiscard]] bool put(const heard& event) noexcept
    {
        std::uint32_t at = end_.load(std::memory_order_relaxed);
        for (;;) {
            place& here = ring_[at % places];
            const std::uint32_t turn = here.sequence.load(std::memory_order_acquire);
            const auto behind = static_cast<std::int32_t>(turn - at);
            if (behind < 0) {
                return false;
            }
            if (behind > 0) {
                at = end_.load(std::memory_order_relaxed);
            } else if (end_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) {
                here.event = event;
                here.sequence.store(at + 1, std::memory_order_release);
                return true;
            }
        }
    }

    /// Count what is in the ring, unless another thread does.
    void settle() noexcept
    {
        // Either this thread finds the log free, or the thread that holds it sees this mark after it has freed it.
        more_.exchange(1, std::memory_order_acq_rel);
        if (lock_.try_lock()) {
            count_waiting();
            release();
        }
    }
    /// Free the log, and count what came into the ring meanwhile.
    /// assumes: lock_ is held
    void release() noexcept
    {
        lock_.unlock();
        while (more_.fetch_or(0, std::memory_order_acq_rel) != 0 && lock_.try_lock()) {
            count_waiting();
            lock_.unlock();
        }
    }
    /// assumes: lock_ is held
    void count_waiting() noexcept
    {
        more_.exchange(0, std::memory_order_acq_rel);
        for (;;) {
            place& here = ring_[begin_ % places];
            if (here.sequence.load(std::memory_order_acquire) != begin_ + 1) {
                return;
            }
            const heard event = here.event;
            here.sequence.store(begin_ + places, std::memory_order_release);
            ++begin_;
            count(event);
        }
    }
    /// assumes: lock_ is held
    void count(const heard& event) noexcept
    {
        const double s = event.propensity;
        if (event.shared) {
            if (credit_ >= 1.0 && take(event)) {
                credit_ -= 1.0;
            }
        } else if (take(event) && !event.challenger) {
            const double limit =
                std::log(static_cast<double>(epoch_events)) / std::log(30.0 / (1.0 + 29.0 * s));
            credit_ = std::fmin(credit_ + credit_of_odds_ * s / (1.0 - s), limit);
        }
        // A shared event counts for the end of the epoch in any case, as it does where the champion serves the request.
        counted_.fetch_add(1, std::memory_order_relaxed);
        end_epoch_if_full();
    }

    /// The first events of one epoch. An event takes 8 bytes: the slot (14 bits), the arm (1), the propensity (17), and the time
    /// in milliseconds since `begin` (32).
    ///
    /// The first propensities have a number each. Beyond them a propensity is rounded up by at most 1 in 512, which makes the
    /// evidence lower.
    struct table {
        std::uint32_t epoch = 1;
        std::uint32_t size = 0;
        std::uint32_t numbered = 0;
        std::uint64_t begin = 0;
        std::array<double, 64> propensities{};
        std::vector<std::uint64_t> entries = std::vector<std::uint64_t>(epoch_events);

        static constexpr std::uint32_t rounded = 1U << 16U;
        static constexpr std::uint32_t no_code = ~0U;

        [[nodiscard]] std::uint32_t code_of(double propensity) noexcept
        {
            for (std::uint32_t i = 0; i < numbered; ++i) {
                if (propensities[i] == propensity) {
                    return i;
                }
            }
            if (numbered < propensities.size()) {
                propensities[numbered] = propensity;
                return numbered++;
            }
            const std::uint32_t up =
                (std::bit_cast<std::uint32_t>(static_cast<float>(propensity)) >> 14U) + 1U;
            return std::bit_cast<float>(up << 14U) < 1.0F ? rounded | up : no_code;
        }
        [[nodiscard]] double propensity_of(std::uint32_t code) const noexcept
        {
            return code < rounded ? propensities[code]
                                  : static_cast<double>(std::bit_cast<float>((code - rounded) << 14U));
        }
        [[nodiscard]] first_event event(std::size_t i) const noexcept
        {
            const std::uint64_t entry = entries[i];
            return {static_cast<std::uint16_t>(slot_in(entry)), ((entry >> 14U) & 1U) != 0,
                    propensity_of(static_cast<std::uint32_t>((entry >> 15U) & 0x1ffffU)),
                    begin + (entry >> 32U), epoch};
        }
        [[nodiscard]] static std::size_t slot_in(std::uint64_t entry) noexcept
        {
            return entry & (event_slots - 1);
        }
    };

    [[nodiscard]] bool taken(std::size_t slot) const noexcept
    {
        return ((taken_[slot / 64].load(std::memory_order_relaxed) >> (slot % 64)) & 1U) != 0;
    }

    /// Count the first event of a slot. Returns false where the slot has one already.
    /// assumes: lock_ is held
    bool take(const heard& event) noexcept
    {
        const std::uint16_t slot = event.slot;
        const bool challenger = event.challenger;
        const std::uint64_t time = event.time;
        table& now = tables_[running_];
        if (taken(slot) || now.size == now.entries.size()) {
            return false;
        }
        const std::uint32_t code = now.code_of(event.propensity);
        if (code == table::no_code) {
            return false;
        }
        if (now.size == 0) {
            // Another thread's event may be a little older.
            constexpr std::uint64_t before = 1U << 20U;
            now.begin = time > before ? time - before : 0;
        }
        const std::uint64_t since = time > now.begin ? time - now.begin : 0;
        constexpr std::uint64_t longest = 0xffff'ffffU;
        now.entries[now.size++] = slot | (std::uint64_t{challenger ? 1U : 0U} << 14U) |
                                  (std::uint64_t{code} << 15U) | ((since < longest ? since : longest) << 32U);
        std::atomic<std::uint64_t>& word = taken_[slot / 64];
        word.store(word.load(std::memory_order_relaxed) | (std::uint64_t{1} << (slot % 64)),
                   std::memory_order_relaxed);
        test_.add(challenger, now.propensity_of(code));
        const double unweighted = test_.e();
        e_.store(unweighted, std::memory_order_relaxed);
        const double e = weight_ * unweighted;
        now_.store(std::fmax(e, before_), std::memory_order_relaxed);
        if (e > highest_e_) {
            highest_e_ = e;
            decided_ = now.epoch;
            highest_.store(std::log(e), std::memory_order_relaxed);
        }
        return true;
    }

    /// Count a later event of a slot.
    void repeat() noexcept
    {
        if (counted_.fetch_add(1, std::memory_order_relaxed) + 1 >= epoch_events && ends_itself_ &&
            lock_.try_lock()) [[unlikely]] {
            end_epoch_if_full();
            release();
        }
    }
    /// assumes: lock_ is held
    void end_epoch_if_full() noexcept
    {
        if (ends_itself_ && full()) {
            end_epoch();
        }
    }
    /// assumes: lock_ is held
    void end_epoch() noexcept
    {
        const std::uint32_t next = tables_[running_].epoch + 1;
        before_ = weight_ * test_.e();
        now_.store(before_, std::memory_order_relaxed);
        running_ = 1 - running_;
        begin_epoch(next);
    }
    /// assumes: lock_ is held
    void begin_epoch(std::uint32_t number) noexcept
    {
        table& now = tables_[running_];
        now.epoch = number;
        now.size = now.numbered = 0;
        weight_ = epoch_weight(number);
        test_ = epoch_evidence{max_ratio_};
        e_.store(1.0, std::memory_order_relaxed);
        credit_ = 0.0;
        for (auto& word : taken_) {
            word.store(0, std::memory_order_relaxed);
        }
        counted_.store(0, std::memory_order_relaxed);
    }

    spin_lock lock_;
    bool ends_itself_ = true;
    double max_ratio_ = 1.0;
    epoch_evidence test_;
    double weight_ = epoch_weight(1);
    /// How many shared events may count as the challenger's.
    double credit_ = 0.0;
    double credit_of_odds_ = 1.0;
    /// The weighted e-value of the epoch before.
    double before_ = 0.0;
    double highest_e_ = 1.0;
    std::uint32_t decided_ = 0;
    std::size_t running_ = 0;
    /// The e-value of the running epoch.
    std::atomic<double> e_{1.0};
    std::atomic<double> now_{0.0};
    std::atomic<double> highest_{0.0};
    std::atomic<std::uint32_t> counted_{0};
    std::array<table, 2> tables_{};
    fixed_array<std::atomic<std::uint64_t>> taken_ =
        fixed_array<std::atomic<std::uint64_t>>(event_slots / 64);
    /// Events that were heard and not counted yet, from begin_ to end_.
    fixed_array<place> ring_ = empty_ring();
    std::uint32_t begin_ = 0;
    std::atomic<std::uint32_t> end_{0};
    /// Whether something may be in the ring.
    std::atomic<std::uint32_t> more_{0};

    static fixed_array<place> empty_ring()
    {
        fixed_array<place> ring(places);
        for (std::uint32_t i = 0; i < places; ++i) {
            ring[i].sequence.store(i, std::memory_order_relaxed);
        }
        return ring;
    }
};

#if JOUST_BODIES

JOUST_FUNCTION void first_event_log::begin_anew() noexcept
{
    lock_.unlock();
    for (std::uint32_t i = 0; i < places; ++i) {
        ring_[i].sequence.store(i, std::memory_order_relaxed);
    }
    begin_ = 0;
    end_.store(0, std::memory_order_relaxed);
    more_.store(0, std::memory_order_relaxed);
    tables_[1 - running_].size = 0;
    before_ = 0.0;
    highest_e_ = 1.0;
    decided_ = 0;
    now_.store(0.0, std::memory_order_relaxed);
    highest_.store(0.0, std::memory_order_relaxed);
    begin_epoch(1);
}

JOUST_FUNCTION void first_event_log::events(std::vector<first_event>& out)
{
    out.clear();
    out.reserve(2 * std::size_t{epoch_events});
    lock_.lock();
    count_waiting();
    for (const std::size_t which : {1 - running_, running_}) {
        // The place of an event is the number of lower slots, so that nothing has to be sorted while the lock is held.
        const table& from = tables_[which];
        std::array<std::uint64_t, event_slots / 64> slots{};
        for (std::size_t i = 0; i < from.size; ++i) {
            const std::size_t slot = table::slot_in(from.entries[i]);
            slots[slot / 64] |= std::uint64_t{1} << (slot % 64);
        }
        std::array<std::uint16_t, event_slots / 64> lower{};
        for (std::size_t w = 1; w < slots.size(); ++w) {
            lower[w] = static_cast<std::uint16_t>(lower[w - 1] + std::popcount(slots[w - 1]));
        }
        const std::size_t first = out.size();
        out.resize(first + from.size);
        for (std::size_t i = 0; i < from.size; ++i) {
            const std::size_t slot = table::slot_in(from.entries[i]);
            const std::uint64_t below = slots[slot / 64] & ((std::uint64_t{1} << (slot % 64)) - 1);
            out[first + lower[slot / 64] + static_cast<std::size_t>(std::popcount(below))] = from.event(i);
        }
    }
    release();
}

#endif

}  // namespace detail
}  // namespace v0
}  // namespace joust
