// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/split/interop/murmur3.hpp>
#include <joust/split/interop/vendor_split.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace interop {

namespace featurevisor {

namespace detail {

inline constexpr std::uint32_t seed = 1;
inline constexpr std::uint32_t buckets = 100'000;

}  // namespace detail

/// Compute the bucket of a feature, from 0 to 99,999, by which its traffic is allocated. Text is hashed as UTF-8.
/// source: Featurevisor documentation, Bucketing
[[nodiscard]] constexpr std::uint32_t bucket(std::string_view value, std::string_view feature_key) noexcept
{
    return interop::detail::product_bucket(murmur3{detail::seed}.add(value).add(".").add(feature_key).value(),
                                           detail::buckets);
}

/// Compute the bucket of a feature that is bucketed by several attributes.
[[nodiscard]] constexpr std::uint32_t bucket(std::span<const std::string_view> values,
                                             std::string_view feature_key) noexcept
{
    murmur3 hash{detail::seed};
    for (const std::string_view value : values) {
        hash.add(value).add(".");
    }
    return interop::detail::product_bucket(hash.add(feature_key).value(), detail::buckets);
}

/// One entry of a rule's allocation. A bucket belongs to the first entry that contains it. So an entry that begins where
/// another one ends begins one bucket later in effect.
struct allocation {
    /// The arm of the entry.
    unsigned arm = 0;
    /// The first bucket of the entry.
    std::uint32_t start = 0;
    /// The last bucket of the entry.
    std::uint32_t end = 0;
};

/// A part of the buckets, which a feature has of a group of mutually exclusive features.
using range = bucket_range;

/// A feature's traffic as in the datafile, for a rule whose segments match all units.
struct feature {
    /// The key of the feature, which is hashed and names the trial.
    std::string key{};
    /// The arms and their buckets.
    std::vector<featurevisor::allocation> allocation{};
    /// The last bucket that is enabled, of 100,000; 0 enables no bucket. It has no effect where there are ranges.
    std::uint32_t percentage = 100'000;
    /// The parts of the buckets that are enabled, where the feature is in a group.
    std::vector<range> ranges{};
};

namespace detail {

class rule {
public:
    explicit rule(feature from) : from_(std::move(from))
    {
        using interop::detail::demand;
        demand(from_.allocation.size() <= max_arms, "featurevisor_split.allocation",
               std::to_string(from_.allocation.size()) + " entries", "at most 16 entries");
        for (const allocation& each : from_.allocation) {
            interop::detail::demand_arms(std::size_t{each.arm} + 1, "featurevisor_split.allocation");
            arms_ = each.arm + std::size_t{1} > arms_ ? each.arm + std::size_t{1} : arms_;
            demand(each.start <= each.end && each.end <= buckets, "featurevisor_split.allocation",
                   interop::detail::interval_text(std::to_string(each.start), std::to_string(each.end), ']'),
                   "a part of [0, 100000]");
        }
        demand(from_.percentage <= buckets, "featurevisor_split.percentage", std::to_string(from_.percentage),
               "from 0 to 100000");
    }

    [[nodiscard]] constexpr std::size_t arms() const noexcept { return arms_; }

    [[nodiscard]] constexpr placement place(std::string_view value) const noexcept
    {
        return placement::in(arm_at(bucket(value, from_.key)));
    }

    [[nodiscard]] arm_shares shares() const
    {
        arm_shares shares;
        for (std::uint32_t at = 0; at < buckets; ++at) {
            shares.add(arm_at(at), interop::detail::part_by_product(at, at + 1, buckets));
        }
        return shares;
    }

private:
    [[nodiscard]] constexpr unsigned arm_at(std::uint32_t at) const noexcept
    {
        if (from_.percentage == 0 || !enabled(at)) {
            return nobody;
        }
        // From the last entry to the first, so that the first one that contains the bucket wins without a branch.
        unsigned arm = nobody;
        for (std::size_t i = from_.allocation.size(); i-- > 0;) {
            const allocation& each = from_.allocation[i];
            arm = at - each.start <= each.end - each.start ? each.arm : arm;
        }
        return arm;
    }
    [[nodiscard]] constexpr bool enabled(std::uint32_t at) const noexcept
    {
        return from_.ranges.empty() ? at <= from_.percentage
                                    : interop::detail::any_contains(from_.ranges, at);
    }

    feature from_;
    std::size_t arms_ = 1;
};

}  // namespace detail
}  // namespace featurevisor

/// Split as a feature of Featurevisor does, by its variations.
///
/// Segments, forced values and required features are the caller's task.
/// When to use: to take over a running feature without moving a user.
/// When not: for a new test.
/// shape: `interop::featurevisor_split{by(&Request::user_id), {.key = "checkout", .allocation = {{0, 0, 50'000}, {1, 50'000, 100'000}}}}`
/// errors: configuration_error for a feature that cannot be used
/// cost: 10 ns for 16 bytes
template <class Projection>
class featurevisor_split : public vendor_split<Projection, featurevisor::detail::rule> {
public:
    /// Take the unit's projection and the feature.
    featurevisor_split(unit_projection<Projection> unit, featurevisor::feature from)
        : featurevisor_split::vendor_split(std::move(unit), featurevisor::detail::rule{from}, from.key)
    {
    }
};

}  // namespace interop
}  // namespace v0
}  // namespace joust
