// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/fork.hpp>
#include <joust/core/hash.hpp>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// Hold results until their truth arrives, and truths until their results arrive, in bounded memory.
///
/// `Result` is what waits for a truth; for a shadow, the two predictions. Whichever of the two comes first waits under the
/// request's 64-bit key, and the other one takes it away. A key is then settled, and stays known as settled while its slot
/// lasts, so that a repeated truth is recognised.
///
/// The memory is fixed at construction. Slots are grouped in lines of eight and a key belongs to one line. A full line
/// forgets its oldest entry and counts it. Any number of threads may use it at once; there are 64 locks, and each guards
/// one part of the lines.
/// errors: configuration_error unless the capacity is 1 to 2^24
/// cost: 40 ns, without an allocation where the values themselves need none
template <class Result, class Truth>
class pending_results {
public:
    /// What became of a truth.
    enum class settled : unsigned char {
        /// Its result had waited and is returned.
        joined,
        /// Its result has not come yet, so the truth waits.
        waiting,
        /// The key was settled before.
        repeated,
        /// No result and no truth is known under the key. Only `take` returns this.
        unknown
    };

    /// What became of a truth, with the result that it met.
    struct outcome {
        /// What became of the truth.
        settled how = settled::unknown;
        /// The result that waited, if the truth was joined to one.
        std::optional<Result> result{};
    };

    /// Allocate the memory. shape: `capacity` is the number of keys that wait at the same time
    explicit pending_results(std::size_t capacity = 65'536) : lines_(lines_for(capacity)) {}

    /// Keep a result for its truth. If the truth came first, return it and leave `result` unmoved.
    [[nodiscard]] std::optional<Truth> remember(std::uint64_t key, Result&& result)
    {
        const std::size_t line = line_of(key);
        const std::lock_guard guard(lock_of(line));
        slot* at = find(line, key);
        if (at != nullptr && at->state == kind::truth) {
            std::optional<Truth> truth{std::in_place, std::move(*at->truth)};
            close(*at);
            return truth;
        }
        if (at == nullptr) {
            at = &make_room(line);
        } else if (at->state == kind::settled) {
            return std::nullopt;  // A second result for a settled key has no truth to wait for.
        }
        at->truth.reset();
        at->result.emplace(std::move(result));
        occupy(*at, key, kind::result);
        return std::nullopt;
    }

    /// Settle a key with its truth. Returns the result that waited, or keeps the truth until the result comes.
    [[nodiscard]] outcome settle(std::uint64_t key, Truth truth)
    {
        const std::size_t line = line_of(key);
        const std::lock_guard guard(lock_of(line));
        slot* at = find(line, key);
        if (at != nullptr && at->state == kind::result) {
            outcome joined{settled::joined, std::optional<Result>{std::in_place, std::move(*at->result)}};
            close(*at);
            return joined;
        }
        if (at != nullptr) {
            return {settled::repeated, std::nullopt};
        }
        at = &make_room(line);
        at->result.reset();
        at->truth.emplace(std::move(truth));
        occupy(*at, key, kind::truth);
        return {settled::waiting, std::nullopt};
    }

    /// Take the result that waits under a key. Unlike `settle`, it keeps no truth where no result waits.
    [[nodiscard]] outcome take(std::uint64_t key)
    {
        const std::size_t line = line_of(key);
        const std::lock_guard guard(lock_of(line));
        slot* at = find(line, key);
        if (at == nullptr) {
            return {};
        }
        if (at->state != kind::result) {
            return {settled::repeated, std::nullopt};
        }
        outcome joined{settled::joined, std::optional<Result>{std::in_place, std::move(*at->result)}};
        close(*at);
        return joined;
    }

    /// Return how many keys can be held at most. How many are held in fact depends on how keys spread over the lines.
    [[nodiscard]] std::size_t capacity() const noexcept { return lines_.size() * ways; }

    /// Return how many entries were overwritten before their other half came.
    [[nodiscard]] std::uint64_t forgotten() const
    {
        std::uint64_t sum = 0;
        for (stripe& part : stripes_) {
            const std::lock_guard guard(part.lock);
            sum += part.forgotten;
        }
        return sum;
    }

private:
    static constexpr std::size_t ways = 8;
    static constexpr std::size_t stripe_count = 64;

    enum class kind : unsigned char { empty, settled, result, truth };

    struct slot {
        std::uint64_t key = 0;
        std::uint64_t age = 0;
        kind state = kind::empty;
        std::optional<Result> result{};
        std::optional<Truth> truth{};
    };
    struct lines_of_slots {
        slot ways_[ways];
    };
    struct alignas(64) stripe {
        detail::fork_mutex lock{detail::fork_order::leaf};
        std::uint64_t clock = 0;
        std::uint64_t forgotten = 0;
    };

    [[nodiscard]] static std::size_t lines_for(std::size_t capacity)
    {
        constexpr std::size_t most = std::size_t{1} << 24;
        if (capacity < 1 || capacity > most) {
            throw configuration_error("pending_results.capacity", std::to_string(capacity),
                                      "1 to 16777216 results");
        }
        std::size_t lines = 1;
        while (lines * ways < capacity) {
            lines *= 2;
        }
        return lines;
    }

    // Ticket keys may share their low bits, so the line is chosen by a mix of all bits.
    [[nodiscard]] std::size_t line_of(std::uint64_t key) const noexcept
    {
        return static_cast<std::size_t>(mix64(key)) & (lines_.size() - 1);
    }
    [[nodiscard]] stripe& stripe_of(std::size_t line) const noexcept { return stripes_[line % stripe_count]; }
    [[nodiscard]] std::mutex& lock_of(std::size_t line) const noexcept { return stripe_of(line).lock; }

    [[nodiscard]] slot* find(std::size_t line, std::uint64_t key) noexcept
    {
        for (slot& one : lines_[line].ways_) {
            if (one.state != kind::empty && one.key == key) {
                return &one;
            }
        }
        return nullptr;
    }

    /// Choose the slot to overwrite: an empty one, or else the oldest settled one, or else the oldest one.
    [[nodiscard]] slot& make_room(std::size_t line) noexcept
    {
        slot* oldest = nullptr;
        for (slot& one : lines_[line].ways_) {
            if (one.state == kind::empty) {
                oldest = &one;
                break;
            }
            const bool spent = one.state == kind::settled;
            const bool best_spent = oldest != nullptr && oldest->state == kind::settled;
            if (oldest == nullptr || (spent && !best_spent) ||
                (spent == best_spent && one.age < oldest->age)) {
                oldest = &one;
            }
        }
        stripe& part = stripe_of(line);
        part.forgotten += oldest->state == kind::result || oldest->state == kind::truth ? 1U : 0U;
        oldest->age = part.clock++;
        return *oldest;
    }

    static void occupy(slot& at, std::uint64_t key, kind state) noexcept
    {
        at.key = key;
        at.state = state;
    }

    static void close(slot& at) noexcept
    {
        at.state = kind::settled;
        at.result.reset();
        at.truth.reset();
    }

    std::vector<lines_of_slots> lines_;
    mutable stripe stripes_[stripe_count];
};

}  // namespace v0
}  // namespace joust
