// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/fixed_array.hpp>
#include <joust/core/spin_lock.hpp>
#include <joust/evidence/share_counts.hpp>
#include <joust/numeric/hyperloglog.hpp>
#include <joust/numeric/sketch.hpp>

#include <atomic>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace joust {
inline namespace v0 {

/// The number of hashed groups of units in which evidence is kept. They are the clusters of every interval.
inline constexpr std::size_t bucket_count = 1024;

namespace detail {

/// Derive the bucket of a unit from its pseudonym. It is independent of the arm, which other bits of the hash decide.
[[nodiscard]] constexpr std::size_t bucket_of(std::uint64_t pseudonym) noexcept
{
    return static_cast<std::size_t>(pseudonym >> 54);
}

/// Describe the sums of a trial: every challenger makes a pair with the champion, and every pair has several series.
struct slab_layout {
    std::size_t arms = 2;
    /// The number of series. Series 0 counts exposures, series 1 failures, and the others belong to metrics.
    std::size_t series = 1;
    /// The number of columns that are counted by share, or 0.
    std::size_t columns = 0;

    [[nodiscard]] constexpr std::size_t pairs() const noexcept { return arms - 1; }
    [[nodiscard]] constexpr std::size_t rows() const noexcept { return series * pairs() * 2 * bucket_count; }
    [[nodiscard]] constexpr std::size_t row(std::size_t which, std::size_t pair, bool challenger,
                                            std::size_t bucket) const noexcept
    {
        return ((which * pairs() + pair) * 2 + (challenger ? 1 : 0)) * bucket_count + bucket;
    }
    /// Return the place of a count by share. The last row of a column is for shares without a row.
    [[nodiscard]] static constexpr std::size_t place(std::size_t column, std::size_t share_row,
                                                     bool challenger) noexcept
    {
        return (column * (share_rows::most + 1) + share_row) * 2 + (challenger ? 1 : 0);
    }
};

/// Hold two sums of one bucket and the number of additions. A reader gets all three of one moment.
struct slab_row {
    /// Twice the number of additions. It is odd while a thread writes.
    std::atomic<std::uint64_t> sequence{0};
    std::atomic<double> first{0.0};
    std::atomic<double> second{0.0};
};

struct row_values {
    std::uint64_t count = 0;
    double first = 0.0;
    double second = 0.0;
};

/// Hold the evidence of one trial that one thread has seen. Only that thread writes; every thread may read.
///
/// The shared slab is the exception: it serves threads that could not get a slab of their own, and locks row by row.
class slab {
public:
    /// Begin with empty sums. Calls are counted from `first_call`; threads that begin at different numbers give
    /// different nonces.
    slab(const slab_layout& layout, bool is_shared, std::uint32_t first_call = 0);

    /// Add one observation to a bucket.
    /// cost: about 2 ns with a warm cache, no lock unless the slab is shared
    JOUST_ALWAYS_INLINE void add(std::size_t series, std::size_t pair, bool challenger, std::size_t bucket,
                                 double first, double second) noexcept
    {
        slab_row& row = rows_[layout_.row(series, pair, challenger, bucket)];
        std::uint64_t sequence = row.sequence.load(std::memory_order_relaxed);
        if (shared_) [[unlikely]] {
            sequence = lock_row(row);
        } else {
            row.sequence.store(sequence + 1, std::memory_order_relaxed);
        }
        // Release stores keep the odd sequence before the data. A fence would do too, but thread sanitizers do not
        // model fences.
        row.first.store(row.first.load(std::memory_order_relaxed) + first, std::memory_order_release);
        row.second.store(row.second.load(std::memory_order_relaxed) + second, std::memory_order_release);
        row.sequence.store(sequence + 2, std::memory_order_release);
    }

    [[nodiscard]] row_values read(std::size_t series, std::size_t pair, bool challenger,
                                  std::size_t bucket) const noexcept
    {
        return values_of(rows_[layout_.row(series, pair, challenger, bucket)]);
    }

    /// Visit the rows of all buckets of one arm: `visit(bucket, values)`.
    template <class Visit>
    void for_each_row(std::size_t series, std::size_t pair, bool challenger, Visit&& visit) const noexcept
    {
        const slab_row* const rows = &rows_[layout_.row(series, pair, challenger, 0)];
        for (std::size_t bucket = 0; bucket < bucket_count; ++bucket) {
            visit(bucket, values_of(rows[bucket]));
        }
    }

    /// Note that something was added to a series other than that of exposures.
    JOUST_ALWAYS_INLINE void note_change(std::size_t series) noexcept
    {
        // After the change, and with release, so that a reader that knows this number has seen the change too.
        auto& changes = changes_[series];
        if (shared_) [[unlikely]] {
            changes.fetch_add(1, std::memory_order_release);
        } else {
            changes.store(changes.load(std::memory_order_relaxed) + 1, std::memory_order_release);
        }
    }
    /// Return a number that grows whenever something is added to a series other than that of exposures.
    [[nodiscard]] std::uint64_t changes(std::size_t series) const noexcept
    {
        return changes_[series].load(std::memory_order_acquire);
    }
    /// Return a number that grows whenever a register of an arm's units rises.
    [[nodiscard]] std::uint64_t changes_of_units(unsigned arm) const noexcept
    {
        return units_raised_[arm].load(std::memory_order_acquire);
    }

    /// Return how many observations a bucket has.
    [[nodiscard]] std::uint64_t count(std::size_t series, std::size_t pair, bool challenger,
                                      std::size_t bucket) const noexcept
    {
        return rows_[layout_.row(series, pair, challenger, bucket)].sequence.load(std::memory_order_relaxed) /
               2;
    }

    /// Count a value of feedback on a series in an arm. Returns how many values of it must be told to what counts for all
    /// threads: each of the first 64 by itself, and later ones in lots of 16.
    [[nodiscard]] JOUST_ALWAYS_INLINE std::uint32_t next_feedback(std::size_t series_and_arm) noexcept
    {
        constexpr std::uint32_t alone = 64;
        constexpr std::uint32_t lot = 16;
        std::atomic<std::uint32_t>& counted = fed_[series_and_arm];
        if (shared_) [[unlikely]] {
            return 1;
        }
        const std::uint32_t now = counted.load(std::memory_order_relaxed) + 1;
        if (now <= alone) {
            counted.store(now, std::memory_order_relaxed);
            return 1;
        }
        const bool full = now == alone + lot;
        counted.store(full ? alone : now, std::memory_order_relaxed);
        return full ? lot : 0;
    }

    /// Count something in a row of shares. What a call did comes after the call itself, so that a reader that reads the columns
    /// backwards never sees more of it than of calls.
    JOUST_ALWAYS_INLINE void count_at_share(std::size_t column, std::size_t share_row, unsigned arm) noexcept
    {
        auto& count = by_share_[slab_layout::place(column, share_row, arm != 0)];
        if (shared_) [[unlikely]] {
            count.fetch_add(1, std::memory_order_release);
        } else {
            count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_release);
        }
    }

    [[nodiscard]] std::uint64_t count_of_share(std::size_t column, std::size_t share_row,
                                               bool challenger) const noexcept
    {
        return by_share_[slab_layout::place(column, share_row, challenger)].load(std::memory_order_acquire);
    }

    /// Make room for counts by share, before the first call.
    void count_by_share(std::size_t columns)
    {
        by_share_ = fixed_array<std::atomic<std::uint64_t>>(columns * (share_rows::most + 1) * 2);
        layout_.columns = columns;
    }

    /// Add the challenger's propensity at an event, so that the expected number of its events is known.
    void expect(std::size_t series, std::size_t pair, double propensity) noexcept
    {
        raise(expected_[series * layout_.pairs() + pair], propensity);
    }

    [[nodiscard]] double expected(std::size_t series, std::size_t pair) const noexcept
    {
        return expected_[series * layout_.pairs() + pair].load(std::memory_order_relaxed);
    }

    void add_latency(unsigned arm, std::int64_t nanoseconds) noexcept
    {
        const std::size_t bin = latency_sketch::bin_of(nanoseconds);
        raise(latency_[arm * latency_sketch::bins + bin], std::uint64_t{1});
        auto& used = latency_used_[arm];
        const std::uint64_t bit = std::uint64_t{1} << (bin / 64);
        if ((used.load(std::memory_order_relaxed) & bit) == 0) [[unlikely]] {
            used.fetch_or(bit, std::memory_order_relaxed);
        }
    }

    /// Visit the bins of an arm that may have counts: those of the octaves with a call.
    template <class Visit>
    void for_each_latency(unsigned arm, Visit&& visit) const noexcept
    {
        for (std::uint64_t left = latency_used_[arm].load(std::memory_order_relaxed); left != 0;
             left &= left - 1) {
            const std::size_t first = 64 * static_cast<std::size_t>(std::countr_zero(left));
            for (std::size_t bin = first; bin < first + 64; ++bin) {
                visit(bin, latency_[arm * latency_sketch::bins + bin].load(std::memory_order_relaxed));
            }
        }
    }

    [[nodiscard]] std::uint64_t latency_count(unsigned arm, std::size_t bin) const noexcept
    {
        return latency_[arm * latency_sketch::bins + bin].load(std::memory_order_relaxed);
    }

    /// Count a unit of an arm.
    /// cost: one load and one comparison if the register of the unit is high already
    JOUST_ALWAYS_INLINE void add_unit(unsigned arm, std::uint64_t pseudonym) noexcept
    {
        // Buckets and slots use the upper half of the pseudonym, so that its lower half is independent of them.
        const auto [index, rank] = hyperloglog<>::place_of_mixed(pseudonym);
        auto& seen = units_[arm * unit_registers + index];
        if (rank > seen.load(std::memory_order_relaxed)) [[unlikely]] {
            raise_unit(seen, rank, arm);
        }
    }

    [[nodiscard]] std::uint8_t unit_register(unsigned arm, std::size_t index) const noexcept
    {
        return units_[arm * unit_registers + index].load(std::memory_order_relaxed);
    }

    /// Count a call. The number makes the nonce of a ticket, and chooses which calls are timed. The shared slab may
    /// repeat a number.
    [[nodiscard]] JOUST_ALWAYS_INLINE std::uint32_t next_call() noexcept
    {
        const std::uint32_t call = calls_.load(std::memory_order_relaxed);
        calls_.store(call + 1, std::memory_order_relaxed);
        return call;
    }

    /// Set everything to 0 in a forked child, where no other thread exists. Memory that is 0 is only read.
    void begin_anew() noexcept;

    [[nodiscard]] bool shared() const noexcept { return shared_; }

    /// Publish which object the thread of the slab reads, so that it is not destroyed meanwhile. Other threads see it
    /// before the thread loads anything afterwards.
    void pin(const void* what) noexcept { pinned_.store(what, std::memory_order_seq_cst); }
    [[nodiscard]] const void* pinned() const noexcept { return pinned_.load(std::memory_order_seq_cst); }
    [[nodiscard]] const slab_layout& layout() const noexcept { return layout_; }

    static constexpr std::size_t unit_registers = hyperloglog<>::size;

    /// The next slab that no thread has. The mutex of the owner guards it.
    slab* next_idle = nullptr;

private:
    [[nodiscard]] JOUST_ALWAYS_INLINE static row_values values_of(const slab_row& row) noexcept
    {
        for (brief_wait waiting;; waiting.pause()) {
            const std::uint64_t before = row.sequence.load(std::memory_order_acquire);
            if ((before & 1u) == 0) [[likely]] {
                const row_values values{before / 2, row.first.load(std::memory_order_acquire),
                                        row.second.load(std::memory_order_acquire)};
                if (row.sequence.load(std::memory_order_relaxed) == before) [[likely]] {
                    return values;
                }
            }
        }
    }

    JOUST_NOINLINE void raise_unit(std::atomic<std::uint8_t>& seen, std::uint8_t rank, unsigned arm) noexcept
    {
        std::uint8_t held = seen.load(std::memory_order_relaxed);
        while (rank > held && !seen.compare_exchange_weak(held, rank, std::memory_order_relaxed)) {}
        units_raised_[arm].fetch_add(1, std::memory_order_release);
    }

    /// Make the sequence of a row odd, which only one thread at a time can do. Returns the even sequence before.
    JOUST_NOINLINE static std::uint64_t lock_row(slab_row& row) noexcept
    {
        for (brief_wait waiting;; waiting.pause()) {
            std::uint64_t sequence = row.sequence.load(std::memory_order_relaxed);
            if ((sequence & 1u) == 0 &&
                row.sequence.compare_exchange_weak(sequence, sequence + 1, std::memory_order_acquire)) {
                return sequence;
            }
        }
    }

    template <class Number>
    void raise(std::atomic<Number>& sum, Number by) noexcept
    {
        if (shared_) [[unlikely]] {
            Number held = sum.load(std::memory_order_relaxed);
            while (!sum.compare_exchange_weak(held, held + by, std::memory_order_relaxed)) {}
        } else {
            sum.store(sum.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
        }
    }

    slab_layout layout_;
    bool shared_;
    std::atomic<std::uint32_t> calls_;
    std::atomic<const void*> pinned_{nullptr};
    fixed_array<slab_row> rows_;
    fixed_array<std::atomic<double>> expected_;
    fixed_array<std::atomic<std::uint32_t>> fed_;
    fixed_array<std::atomic<std::uint64_t>> changes_;
    fixed_array<std::atomic<std::uint64_t>> units_raised_;
    fixed_array<std::atomic<std::uint64_t>> latency_;
    /// For each arm a bit for each 64 bins of which one has a call.
    fixed_array<std::atomic<std::uint64_t>> latency_used_;
    fixed_array<std::atomic<std::uint8_t>> units_;
    fixed_array<std::atomic<std::uint64_t>> by_share_;
};

#if JOUST_BODIES

JOUST_FUNCTION slab::slab(const slab_layout& layout, bool is_shared, std::uint32_t first_call)
    : layout_(layout), shared_(is_shared), calls_(first_call), rows_(layout.rows()),
      expected_(layout.series * layout.pairs()), fed_(layout.series * layout.arms), changes_(layout.series),
      units_raised_(layout.arms), latency_(layout.arms * latency_sketch::bins), latency_used_(layout.arms),
      units_(layout.arms * unit_registers), by_share_(layout.columns * (share_rows::most + 1) * 2)
{
}

JOUST_FUNCTION void slab::begin_anew() noexcept
{
    const auto clear = [](auto& list) {
        for (auto& each : list) {
            if (each.load(std::memory_order_relaxed) != 0) {
                each.store(0, std::memory_order_relaxed);
            }
        }
    };
    for (slab_row& row : rows_) {
        if (row.sequence.load(std::memory_order_relaxed) != 0) {
            row.sequence.store(0, std::memory_order_relaxed);
            row.first.store(0.0, std::memory_order_relaxed);
            row.second.store(0.0, std::memory_order_relaxed);
        }
    }
    clear(expected_);
    clear(fed_);
    clear(changes_);
    clear(units_raised_);
    clear(latency_);
    clear(latency_used_);
    clear(units_);
    clear(by_share_);
}

#endif

}  // namespace detail
}  // namespace v0
}  // namespace joust
