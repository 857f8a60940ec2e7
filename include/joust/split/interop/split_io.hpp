// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/split/interop/murmur3.hpp>
#include <joust/split/interop/utf16.hpp>
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

inline constexpr std::size_t longest_key = 250;

/// Return the bytes of the white space at the start of a text that JavaScript's trim() removes, or 0.
[[nodiscard]] constexpr std::size_t leading_space(std::string_view text) noexcept
{
    const auto byte = [text](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    if (byte(0) == 0x20 || (byte(0) >= 0x09 && byte(0) <= 0x0d)) {
        return text.empty() ? 0 : 1;
    }
    if (byte(0) == 0xc2 && byte(1) == 0xa0) {  // U+00A0
        return 2;
    }
    const unsigned last = byte(2);
    const bool wide = (byte(0) == 0xe1 && byte(1) == 0x9a && last == 0x80) ||  // U+1680
                      (byte(0) == 0xe2 && byte(1) == 0x80 &&
                       ((last >= 0x80 && last <= 0x8a) || last == 0xa8 || last == 0xa9 || last == 0xaf)) ||
                      (byte(0) == 0xe2 && byte(1) == 0x81 && last == 0x9f) ||  // U+205F
                      (byte(0) == 0xe3 && byte(1) == 0x80 && last == 0x80) ||  // U+3000
                      (byte(0) == 0xef && byte(1) == 0xbb && last == 0xbf);    // U+FEFF
    return wide ? 3 : 0;
}

/// Return a key without the white space around it.
[[nodiscard]] constexpr std::string_view trimmed(std::string_view key) noexcept
{
    while (const std::size_t space = leading_space(key)) {
        key.remove_prefix(space);
    }
    for (bool removed = true; removed && !key.empty();) {
        removed = false;
        for (std::size_t length = 1; length <= 3 && length <= key.size() && !removed; ++length) {
            if (leading_space(key.substr(key.size() - length)) == length) {
                key.remove_suffix(length);
                removed = true;
            }
        }
    }
    return key;
}

/// Say whether a key has more than 250 UTF-16 code units.
[[nodiscard]] constexpr bool too_long(std::string_view key) noexcept
{
    if (key.size() <= longest_key) {
        return false;
    }
    std::size_t units = 0;
    for_each_utf16_unit(key, [&units](std::uint16_t) { ++units; });
    return units > longest_key;
}

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

    [[nodiscard]] constexpr placement place(std::string_view given) const noexcept
    {
        const std::string_view key = trimmed(given);
        if (key.empty() || too_long(key) ||
            (from_.traffic_allocation < 100 && !allocated(bucket(key, from_.traffic_seed)))) {
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
/// The unit is the bucketing key where there is one, and otherwise the matching key. As in the SDK for JavaScript, white space
/// around a key is removed, and a key that is then empty or longer than 250 UTF-16 code units is not enrolled. Conditions and whitelists are the
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
