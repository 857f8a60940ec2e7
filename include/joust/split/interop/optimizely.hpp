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

namespace optimizely {

namespace detail {

inline constexpr std::uint32_t seed = 1;
inline constexpr std::uint32_t buckets = 10'000;

}  // namespace detail

/// Compute the bucket, from 0 to 9,999, by which traffic is allocated. Text is hashed as UTF-8.
/// source: Optimizely, Feature Experimentation documentation, How bucketing works
[[nodiscard]] constexpr std::uint32_t bucket(std::string_view bucketing_id,
                                             std::string_view experiment_id) noexcept
{
    return interop::detail::product_bucket(murmur3{detail::seed}.add(bucketing_id).add(experiment_id).value(),
                                           detail::buckets);
}

/// One entry of a traffic allocation: the arm of the buckets from the end of the entry before to below `end`.
struct allocation {
    /// The arm of the entry, or `nobody` where the datafile has an empty entityId.
    unsigned arm = nobody;
    /// The entry's endOfRange.
    std::uint32_t end = 0;
};

/// The part that an experiment has of a group of mutually exclusive experiments (policy "random").
struct exclusion {
    /// The group's id. If it is empty, the experiment is in no group.
    std::string group_id{};
    /// The endOfRange of the entry before this experiment's entry.
    std::uint32_t start = 0;
    /// The endOfRange of this experiment's entry.
    std::uint32_t end = 0;
};

/// An experiment as in the datafile, without its audience. Express that by when(...).
struct experiment {
    /// The id of the experiment, which is hashed and names the trial.
    std::string id{};
    /// The arms and their buckets.
    std::vector<optimizely::allocation> allocation{};
    /// The group of mutually exclusive experiments.
    exclusion group{};
    /// The forcedVariations: units and their arms.
    std::vector<std::pair<std::string, unsigned>> overrides{};
};

namespace detail {

class rule {
public:
    explicit rule(experiment from) : from_(std::move(from))
    {
        using interop::detail::demand;
        unsigned highest = 0;
        std::uint32_t before = 0;
        for (const allocation& each : from_.allocation) {
            demand(each.end >= before && each.end <= buckets, "optimizely_split.allocation",
                   std::to_string(each.end) + " after " + std::to_string(before),
                   "ends that rise to at most 10000");
            before = each.end;
            ends_.push_back(each.end);
            arms_by_entry_.push_back(each.arm);
            if (each.arm != nobody) {
                highest = each.arm > highest ? each.arm : highest;
                interop::detail::demand_arms(std::size_t{each.arm} + 1, "optimizely_split.allocation");
            }
        }
        arms_ = std::size_t{highest} + 1;
        arms_by_entry_.push_back(nobody);
        demand(from_.group.group_id.empty() ||
                   (from_.group.start <= from_.group.end && from_.group.end <= buckets),
               "optimizely_split.group",
               interop::detail::interval_text(std::to_string(from_.group.start),
                                              std::to_string(from_.group.end), ')'),
               "a part of [0, 10000)");
        for (const auto& [unit, arm] : from_.overrides) {
            demand(arm < arms_, "optimizely_split.overrides", std::to_string(arm) + " for a unit",
                   "the number of an arm");
        }
    }

    [[nodiscard]] constexpr std::size_t arms() const noexcept { return arms_; }

    [[nodiscard]] constexpr placement place(std::string_view unit) const noexcept
    {
        for (const auto& [forced, arm] : from_.overrides) {
            if (forced == unit) {
                return {arm, false};
            }
        }
        if (!from_.group.group_id.empty()) {
            const std::uint32_t at = bucket(unit, from_.group.group_id);
            if (at < from_.group.start || at >= from_.group.end) {
                return {};
            }
        }
        return placement::in(arms_by_entry_[interop::detail::first_below(bucket(unit, from_.id), ends_)]);
    }

    [[nodiscard]] arm_shares shares() const
    {
        using interop::detail::part_by_product;
        const double inside =
            from_.group.group_id.empty() ? 1.0 : part_by_product(from_.group.start, from_.group.end, buckets);
        arm_shares shares;
        std::uint32_t start = 0;
        for (const allocation& each : from_.allocation) {
            shares.add(each.arm, inside * part_by_product(start, each.end, buckets));
            start = each.end;
        }
        return shares;
    }

private:
    experiment from_;
    std::size_t arms_ = 1;
    std::vector<std::uint32_t> ends_{};
    std::vector<unsigned> arms_by_entry_{};  // after the last entry comes `nobody`
};

}  // namespace detail
}  // namespace optimizely

/// Split as an Optimizely experiment does.
///
/// The unit is the bucketing id where there is one, and otherwise the user id.
/// When to use: to take over a running experiment without moving a user.
/// When not: for a new test.
/// shape: `interop::optimizely_split{by(&Request::user_id), {.id = "10420810910", .allocation = {{0, 5'000}, {1, 10'000}}}}`
/// errors: configuration_error for an experiment that cannot be used
/// cost: 10 ns for 16 bytes, and twice that in a group
template <class Projection>
class optimizely_split : public vendor_split<Projection, optimizely::detail::rule> {
public:
    /// Take the unit's projection and the experiment.
    optimizely_split(unit_projection<Projection> unit, optimizely::experiment from)
        : optimizely_split::vendor_split(std::move(unit), optimizely::detail::rule{from}, from.id)
    {
    }
};

}  // namespace interop
}  // namespace v0
}  // namespace joust
