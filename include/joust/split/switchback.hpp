// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/text.hpp>
#include <joust/core/unit_id.hpp>
#include <joust/split/assignment.hpp>
#include <joust/split/hash_split.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace joust {
inline namespace v0 {

/// The order in which the arms of a switchback follow each other.
enum class block_order : std::uint8_t {
    /// Each block is randomised by itself.
    randomised,
    /// In each round of as many blocks as there are arms, every arm comes once, in random order.
    balanced
};

/// A resolved switchback.
class switchback_plan {
public:
    /// The plan needs the time in its context.
    static constexpr bool reads_time = true;

    /// Keep the shares, the lengths of a block and of its gap, and the order. units: nanoseconds
    switchback_plan(const hash_plan& split, std::int64_t block, std::int64_t gap, block_order order)
        : split_(split), block_(block), gap_(gap), order_(order)
    {
    }

    /// Return the number of arms.
    [[nodiscard]] std::size_t arms() const noexcept { return split_.arms(); }
    /// Return the planned share of an arm.
    [[nodiscard]] double share(std::size_t arm) const noexcept { return split_.share(arm); }

    /// Return the number of the block that holds a time. Block 0 begins at the clock's zero.
    [[nodiscard]] std::int64_t block_of(std::int64_t now) const noexcept { return floored(now, block_); }

    /// Assign the cluster of a context for the block of time that it falls in.
    template <class Context>
    [[nodiscard]] assignment assign(const Context& call) const noexcept
    {
        const std::int64_t block = block_of(call.now);
        const unsigned arm = arm_of(call.unit, block);
        return {arm, split_.share(arm), call.now - block * block_ >= gap_};
    }

    /// Return the hash of what was randomised: the cluster and the block, or the cluster and the round of blocks.
    template <class Context>
    [[nodiscard]] std::uint64_t randomised(const Context& call) const noexcept
    {
        return drawn(call.unit, block_of(call.now));
    }

    /// Find the arm of a cluster's hash in a block.
    [[nodiscard]] unsigned arm_of(std::uint64_t unit, std::int64_t block) const noexcept
    {
        const std::uint64_t hash = drawn(unit, block);
        if (order_ == block_order::randomised) {
            return split_.arm_of(hash);
        }
        // The block takes its place in a shuffled round.
        const auto n = static_cast<unsigned>(split_.arms());
        const auto place = static_cast<std::size_t>(block - floored(block, n) * n);
        std::array<unsigned, max_arms> round{};
        for (unsigned arm = 0; arm < n; ++arm) {
            round[arm] = arm;
        }
        std::uint64_t random = hash;
        for (unsigned left = n; left > 1; --left) {
            const auto other = static_cast<std::size_t>(detail::multiply_high(random, left));
            const unsigned kept = round[left - 1];
            round[left - 1] = round[other];
            round[other] = kept;
            random = mix64(random + 0x9e3779b97f4a7c15U);
        }
        return round[place];
    }

    bool operator==(const switchback_plan&) const = default;

private:
    [[nodiscard]] static std::int64_t floored(std::int64_t x, std::int64_t by) noexcept
    {
        return x / by - (x % by < 0 ? 1 : 0);
    }

    [[nodiscard]] std::uint64_t drawn(std::uint64_t unit, std::int64_t block) const noexcept
    {
        const auto n = static_cast<std::int64_t>(split_.arms());
        const std::int64_t which = order_ == block_order::balanced ? floored(block, n) : block;
        return mix64(unit ^
                     mix64(static_cast<std::uint64_t>(which) * 0x9e3779b97f4a7c15U + 0x5377697463686261U));
    }

    hash_plan split_;
    std::int64_t block_;
    std::int64_t gap_;
    block_order order_;
};

/// Switch whole clusters between arms, block of time by block of time.
///
/// The unit key names the cluster: `by(&Request::city)`. A cluster in a block is randomised (with `balanced`, a cluster in a
/// round of blocks), and evidence is clustered by it. The analysis is right if the outcomes of a block do not depend on
/// earlier blocks, apart from its gap.
///
/// During the gap at the start of each block the new arm serves already, but its requests are no part of the trial. Blocks are
/// counted by the wall clock from 1970-01-01 UTC, so that replicas agree, unless the trial has a clock of its own. Feedback
/// needs the ticket, since a unit alone does not say in which block it was served.
/// When to use: where units of one place influence each other, so that they cannot be split: drivers and riders of a city, a
/// shared cache, a market with one price.
/// When not: effects that people learn over days.
/// shape: `switchback{.salt = "dispatch", .block = 1'800, .gap = 300}`
/// errors: configuration_error when a trial is made
/// cost: 5 ns for the clock and 3 for the block
/// source: Bojinov, Simchi-Levi and Zhao 2023, Design and analysis of switchback experiments
struct switchback {
    /// Makes the assignment independent of other trials. It may be empty only if the trial has a name.
    joust::salt salt{};
    /// The length of a block. units: seconds
    double block = 3'600.0;
    /// The time at the start of each block in which the arm before still has an effect. units: seconds
    double gap = 0.0;
    /// The order in which arms follow each other.
    block_order order = block_order::randomised;
    /// One share for each model, as for hash_split. A balanced order needs equal shares.
    share_list shares{};

    /// Check all options for a number of models.
    [[nodiscard]] switchback_plan resolve(std::size_t arms) const
    {
        if (!(block >= 1e-3 && block <= 1e9)) {
            throw configuration_error("switchback.block", to_text(block), "seconds, from 0.001 to 1e9");
        }
        if (!(gap >= 0.0 && gap < block)) {
            throw configuration_error("switchback.gap", to_text(gap), "seconds, from 0 to less than a block");
        }
        const share_list checked = detail::checked_shares("switchback.shares", shares, arms);
        if (order == block_order::balanced) {
            for (const double share : checked) {
                const double off = share * static_cast<double>(arms) - 1.0;
                if (off > 1e-9 || off < -1e-9) {
                    throw configuration_error(
                        "switchback.shares", to_text(share) + " in a balanced order",
                        "equal shares, or no shares at all, or order = block_order::randomised");
                }
            }
        }
        constexpr double nanoseconds = 1e9;
        return {hash_plan{checked}, static_cast<std::int64_t>(block * nanoseconds),
                static_cast<std::int64_t>(gap * nanoseconds), order};
    }

    bool operator==(const switchback&) const = default;
};

}  // namespace v0
}  // namespace joust
