// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/split/interop/murmur3.hpp>
#include <joust/split/interop/vendor_split.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace interop {

/// The platform Split, which is now Harness Feature Management and Experimentation (FME).
namespace split_io {

/// Compute the bucket, from 1 to 100, by which treatments are chosen: algorithm 2, murmur. Text is hashed as UTF-8.
///
/// The legacy algorithm 1 is left out on purpose, since it gives consecutive buckets to consecutive keys.
/// shape: `seed` is the flag's seed, a signed number in the payload
/// source: Split, SDK documentation, how targeting keys are bucketed
[[nodiscard]] constexpr std::uint32_t bucket(std::string_view key, std::int32_t seed) noexcept
{
    return murmur3{static_cast<std::uint32_t>(seed)}.add(key).value() % 100 + 1;
}

/// The partitions of a flag as in the payload, for a condition that matches all keys.
struct flag {
    /// The flag's name, which names the trial.
    std::string name{};
    /// The seed for treatments.
    std::int32_t seed = 0;
    /// The percentages of the treatments, the champion's first. They sum to 100.
    std::vector<std::uint32_t> sizes{};
    /// The percentage of keys that are in the experiment.
    std::uint32_t traffic_allocation = 100;
    /// The seed for the traffic allocation (trafficAllocationSeed).
    std::int32_t traffic_seed = 0;
};

namespace detail {

class rule {
public:
    explicit rule(flag from) : from_(std::move(from))
    {
        std::uint64_t sum = 0;
        for (const std::uint32_t size : from_.sizes) {
            sum += size;
            ends_.push_back(sum);
        }
        interop::detail::demand_arms(from_.sizes.size(), "split_io_split.sizes");
        interop::detail::demand(sum == 100, "split_io_split.sizes", std::to_string(sum) + " in sum", "100");
        interop::detail::demand(from_.traffic_allocation <= 100, "split_io_split.traffic_allocation",
                                std::to_string(from_.traffic_allocation), "a percentage from 0 to 100");
    }

    [[nodiscard]] constexpr std::size_t arms() const noexcept { return from_.sizes.size(); }

    [[nodiscard]] constexpr placement place(std::string_view key) const noexcept
    {
        if (key.empty() || (from_.traffic_allocation < 100 && !allocated(bucket(key, from_.traffic_seed)))) {
            return {};
        }
        return placement::in(arm_at(bucket(key, from_.seed)));
    }

    // Where both seeds are the same, the same bucket decides about allocation and treatment.
    [[nodiscard]] arm_shares shares() const
    {
        using interop::detail::part_by_remainder;
        const bool same = from_.seed == from_.traffic_seed;
        const double inside = same ? 1.0 : part_by_remainder(0, from_.traffic_allocation, 100);
        arm_shares shares;
        for (std::uint32_t at = 1; at <= 100; ++at) {
            shares.add(same && !allocated(at) ? nobody : arm_at(at),
                       inside * part_by_remainder(at - 1, at, 100));
        }
        return shares;
    }

private:
    [[nodiscard]] constexpr bool allocated(std::uint32_t at) const noexcept
    {
        return at <= from_.traffic_allocation;
    }
    [[nodiscard]] constexpr unsigned arm_at(std::uint32_t at) const noexcept
    {
        return static_cast<unsigned>(interop::detail::first_below(at - 1, ends_));
    }

    flag from_;
    std::vector<std::uint64_t> ends_{};
};

}  // namespace detail
}  // namespace split_io

/// Split as a flag of Split (FME) does.
///
/// The unit is the bucketing key where there is one, and otherwise the matching key. Conditions and whitelists are the
/// caller's task.
/// When to use: to take over a running flag without moving a user.
/// When not: for a new test, since a hundred buckets are coarse.
/// shape: `interop::split_io_split{by(&Request::user_id), {.name = "checkout", .seed = -1222652054, .sizes = {50, 50}}}`
/// errors: configuration_error for a flag that cannot be used
/// cost: 6 ns for 16 bytes, and twice that with a traffic allocation
template <class Projection>
class split_io_split : public vendor_split<Projection, split_io::detail::rule> {
public:
    /// Take the unit's projection and the flag.
    split_io_split(unit_projection<Projection> unit, split_io::flag from)
        : split_io_split::vendor_split(std::move(unit), split_io::detail::rule{from}, from.name)
    {
    }
};

}  // namespace interop
}  // namespace v0
}  // namespace joust
