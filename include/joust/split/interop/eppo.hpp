// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/bits.hpp>
#include <joust/split/interop/md5.hpp>
#include <joust/split/interop/vendor_split.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace interop {

namespace eppo {

namespace detail {

[[nodiscard]] constexpr std::uint32_t first_bytes(const md5::state& digest) noexcept
{
    return joust::detail::byte_swap32(digest[0]);
}

}  // namespace detail

/// Compute the shard of a subject, from 0 to below the total. Text is hashed as UTF-8.
/// assumes: total > 0
/// source: Eppo, SDK documentation, Deterministic randomization
[[nodiscard]] constexpr std::uint32_t shard(std::string_view salt, std::string_view subject,
                                            std::uint32_t total = 10'000) noexcept
{
    return detail::first_bytes(md5{}.add(salt).add("-").add(subject).finish()) % total;
}

/// A part of the shards.
using range = bucket_range;

/// A condition of a split: the subject's shard under a salt is in one of the ranges.
struct shard_ranges {
    /// The salt of the shards.
    std::string salt{};
    /// The parts of the shards that meet the condition.
    std::vector<range> ranges{};
};

/// A split as in the configuration: an arm for the subjects that meet all conditions.
struct split {
    /// The arm, or `nobody`.
    unsigned arm = 0;
    /// The conditions. A split without conditions takes all subjects.
    std::vector<shard_ranges> shards{};
};

/// An allocation as in the configuration, without its rules and dates. Express those by when(...).
struct allocation {
    /// The key of the allocation, which names the trial.
    std::string key{};
    /// How many shards there are.
    std::uint32_t total_shards = 10'000;
    /// The splits. A subject belongs to the first split whose conditions it meets.
    std::vector<split> splits{};
};

namespace detail {

class rule {
public:
    explicit rule(allocation from) : total_(from.total_shards)
    {
        interop::detail::demand(total_ > 0, "eppo_split.total_shards", "0", "at least 1");
        for (split& each : from.splits) {
            if (each.arm != nobody) {
                interop::detail::demand_arms(std::size_t{each.arm} + 1, "eppo_split.splits");
                arms_ = each.arm + std::size_t{1} > arms_ ? each.arm + std::size_t{1} : arms_;
            }
            splits_.push_back({each.arm, {}});
            for (shard_ranges& asked : each.shards) {
                for (const range& r : asked.ranges) {
                    interop::detail::demand_range(r, total_, "eppo_split.splits",
                                                  "a part of [0, total_shards)");
                }
                splits_.back().conditions.push_back({index_of(asked.salt), std::move(asked.ranges)});
            }
        }
    }

    [[nodiscard]] constexpr std::size_t arms() const noexcept { return arms_; }

    [[nodiscard]] constexpr placement place(std::string_view subject) const noexcept
    {
        if (subject.empty()) {
            return {};
        }
        // Each salt is hashed once, when a split first asks for it.
        std::array<std::uint32_t, most_salts> shards{};
        std::uint32_t known = 0;
        return placement::in(first_match([&](std::size_t salt) {
            if ((known >> salt & 1U) == 0) {
                md5 running = salts_[salt].start;
                shards[salt] = first_bytes(running.add(subject).finish()) % total_;
                known |= 1U << salt;
            }
            return shards[salt];
        }));
    }

    // Salts are independent. So the space of shards is cut wherever a range begins or ends, and each cell belongs to one
    // split.
    [[nodiscard]] arm_shares shares() const
    {
        std::vector<std::vector<std::uint32_t>> cuts(salts_.size(), {0, total_});
        for (const compiled& each : splits_) {
            for (const condition& one : each.conditions) {
                for (const range& r : one.ranges) {
                    insert(cuts[one.salt], r.start);
                    insert(cuts[one.salt], r.end);
                }
            }
        }
        double cells = 1.0;
        for (const auto& each : cuts) {
            cells *= static_cast<double>(each.size() - 1);
        }
        interop::detail::demand(cells <= 1e6, "eppo_split.splits", "too many combinations of shards",
                                "at most a million, so that the shares can be computed");
        arm_shares shares;
        std::array<std::uint32_t, most_salts> at{};
        visit(cuts, 0, 1.0, at, shares);
        return shares;
    }

private:
    static constexpr std::size_t most_salts = 16;

    struct salted {
        std::string text;
        md5 start;
    };
    struct condition {
        std::size_t salt;
        std::vector<range> ranges;
    };
    struct compiled {
        unsigned arm;
        std::vector<condition> conditions;
    };

    [[nodiscard]] std::size_t index_of(const std::string& salt)
    {
        for (std::size_t i = 0; i < salts_.size(); ++i) {
            if (salts_[i].text == salt) {
                return i;
            }
        }
        interop::detail::demand(salts_.size() < most_salts, "eppo_split.splits", "more than 16 salts",
                                "at most 16 salts");
        salts_.push_back({salt, md5{}.add(salt).add("-")});
        return salts_.size() - 1;
    }

    template <class ShardOf>
    [[nodiscard]] constexpr unsigned first_match(const ShardOf& shard_of) const noexcept
    {
        for (const compiled& each : splits_) {
            bool all = true;
            for (std::size_t i = 0; all && i < each.conditions.size(); ++i) {
                const std::uint32_t at = shard_of(each.conditions[i].salt);
                all = interop::detail::any_contains(each.conditions[i].ranges, at);
            }
            if (all) {
                return each.arm;
            }
        }
        return nobody;
    }

    static void insert(std::vector<std::uint32_t>& sorted, std::uint32_t cut)
    {
        auto at = sorted.begin();
        while (at != sorted.end() && *at < cut) {
            ++at;
        }
        if (at == sorted.end() || *at != cut) {
            sorted.insert(at, cut);
        }
    }

    void visit(const std::vector<std::vector<std::uint32_t>>& cuts, std::size_t salt, double part,
               std::array<std::uint32_t, most_salts>& at, arm_shares& shares) const
    {
        if (salt == cuts.size()) {
            shares.add(first_match([&at](std::size_t which) { return at[which]; }), part);
            return;
        }
        for (std::size_t i = 0; i + 1 < cuts[salt].size(); ++i) {
            at[salt] = cuts[salt][i];
            visit(cuts, salt + 1,
                  part * interop::detail::part_by_remainder(cuts[salt][i], cuts[salt][i + 1], total_), at,
                  shares);
        }
    }

    std::uint32_t total_;
    std::vector<salted> salts_{};
    std::vector<compiled> splits_{};
    std::size_t arms_ = 1;
};

}  // namespace detail
}  // namespace eppo

/// Split as an allocation of Eppo does. Layers, holdouts and traffic exposure are shards with salts of their own.
///
/// When to use: to take over a running allocation without moving a subject.
/// When not: for a new test, since MD5 is expensive.
/// shape: `interop::eppo_split{by(&Request::user_id), {.key = "checkout", .splits = {{0, {{"salt", {{0, 5'000}}}}},
/// {1, {{"salt", {{5'000, 10'000}}}}}}}}`
/// errors: configuration_error for an allocation that cannot be used
/// cost: 130 ns for each salt: MD5
template <class Projection>
class eppo_split : public vendor_split<Projection, eppo::detail::rule> {
public:
    /// Take the unit's projection and the allocation.
    eppo_split(unit_projection<Projection> unit, eppo::allocation from)
        : eppo_split::vendor_split(std::move(unit), eppo::detail::rule{from}, from.key)
    {
    }
};

}  // namespace interop
}  // namespace v0
}  // namespace joust
