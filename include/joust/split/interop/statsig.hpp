// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/split/interop/sha256.hpp>
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

namespace statsig {

/// Which implementation of SHA-256 is used. They agree wherever all text is ASCII.
enum class implementation : std::uint8_t {
    /// That of the standard, as in the SDKs that take it from their platform.
    standard,
    /// That of statsig-node 6.5. It errs for some texts that are not ASCII and, with their salts, have 120 bytes or more.
    node
};

namespace detail {

[[nodiscard]] constexpr std::uint64_t first_bytes(const sha256::state& digest) noexcept
{
    return (std::uint64_t{digest[0]} << 32) | digest[1];
}

// The implementation in statsig-node keeps those bytes of a character that did not fit into a block. It writes them into the
// padding where the padding takes a block of its own.
[[nodiscard]] constexpr std::uint64_t finish(sha256 hash, implementation whose) noexcept
{
    std::size_t stale = 0;
    if (whose == implementation::node) {
        const std::string_view pending = hash.pending();
        while (stale < pending.size() && (static_cast<unsigned char>(pending[stale]) & 0xC0U) == 0x80U) {
            ++stale;
        }
    }
    return first_bytes(hash.finish(stale));
}

inline constexpr std::uint32_t gate_buckets = 10'000;
inline constexpr std::uint32_t user_buckets = 1'000;

// Says whether a bucket passes. Percentages of 0 and 100 do not depend on the bucket.
[[nodiscard]] constexpr bool passes(std::uint32_t at, double percentage) noexcept
{
    return percentage == 100.0 || (percentage != 0.0 && at < percentage * 100.0);
}

}  // namespace detail

/// Hash a unit with a salt. Returns the first eight bytes of the SHA-256, the highest first. Text is hashed as UTF-8.
[[nodiscard]] constexpr std::uint64_t hash(std::string_view salt, std::string_view unit,
                                           implementation whose = implementation::standard) noexcept
{
    return detail::finish(sha256{}.add(salt).add(".").add(unit), whose);
}

/// Compute the bucket, from 0 to 9,999, that a gate's rule compares with its pass percentage.
///
/// shape: `rule` is the rule's salt, or its id where it has none
/// source: Statsig documentation, How evaluation works; Statsig's open server SDKs
[[nodiscard]] constexpr std::uint32_t bucket(std::string_view config_salt, std::string_view rule,
                                             std::string_view unit,
                                             implementation whose = implementation::standard) noexcept
{
    const sha256 hash = sha256{}.add(config_salt).add(".").add(rule).add(".").add(unit);
    return static_cast<std::uint32_t>(detail::finish(hash, whose) % detail::gate_buckets);
}

/// Say whether a unit passes a gate's rule. For 0 and 100 percent no hash is computed.
[[nodiscard]] constexpr bool passes(std::string_view config_salt, std::string_view rule,
                                    std::string_view unit, double percentage,
                                    implementation whose = implementation::standard) noexcept
{
    return percentage == 100.0 ||
           (percentage != 0.0 && detail::passes(bucket(config_salt, rule, unit, whose), percentage));
}

/// Compute the number from 0 to 999 of a `user_bucket` condition, by which experiments and layers are cut.
[[nodiscard]] constexpr std::uint32_t user_bucket(std::string_view salt, std::string_view unit,
                                                  implementation whose = implementation::standard) noexcept
{
    return static_cast<std::uint32_t>(hash(salt, unit, whose) % detail::user_buckets);
}

/// A gate's rule. Units that pass get arm 1, and all others get arm 0.
struct gate {
    /// The gate's salt.
    std::string salt{};
    /// The rule's salt, or its id where it has no salt.
    std::string rule{};
    /// The percentage of units that pass.
    double pass_percentage = 50.0;
    /// Which SHA-256 is used.
    statsig::implementation implementation = statsig::implementation::standard;
};

/// A part of the user buckets.
using range = bucket_range;

/// An experiment. Its groups cut the user buckets under its salt, and an allocation may leave units out by another salt.
struct experiment {
    /// The salt by which units get a group. It names the trial.
    std::string salt{};
    /// The user bucket where each group ends, the control's first.
    std::vector<std::uint32_t> ends{};
    /// The salt of the allocation. If it is empty, all units are allocated.
    std::string allocation_salt{};
    /// The user buckets under that salt that are in the experiment.
    std::vector<range> allocation{};
    /// Which SHA-256 is used.
    statsig::implementation implementation = statsig::implementation::standard;
};

namespace detail {

class gate_rule {
public:
    explicit gate_rule(const gate& from)
        : start_(sha256{}.add(from.salt).add(".").add(from.rule).add(".")), percentage_(from.pass_percentage),
          whose_(from.implementation)
    {
        interop::detail::demand(percentage_ >= 0.0 && percentage_ <= 100.0,
                                "statsig_gate_split.pass_percentage", to_text(percentage_),
                                "a percentage from 0 to 100");
    }
    [[nodiscard]] constexpr std::size_t arms() const noexcept { return 2; }
    [[nodiscard]] constexpr placement place(std::string_view unit) const noexcept
    {
        sha256 running = start_;
        const std::uint64_t found = finish(running.add(unit), whose_);
        return placement::in(passes(static_cast<std::uint32_t>(found % gate_buckets), percentage_) ? 1 : 0);
    }
    [[nodiscard]] arm_shares shares() const
    {
        std::uint32_t passing = 0;
        for (std::uint32_t at = 0; at < gate_buckets; ++at) {
            passing += passes(at, percentage_) ? 1U : 0U;
        }
        arm_shares shares;
        shares.add(0, static_cast<double>(gate_buckets - passing) / gate_buckets);
        shares.add(1, static_cast<double>(passing) / gate_buckets);
        return shares;
    }

private:
    sha256 start_;
    double percentage_;
    implementation whose_;
};

class experiment_rule {
public:
    explicit experiment_rule(experiment from)
        : from_(std::move(from)), start_(sha256{}.add(from_.salt).add(".")),
          allocation_(sha256{}.add(from_.allocation_salt).add("."))
    {
        using interop::detail::demand;
        interop::detail::demand_arms(from_.ends.size(), "statsig_split.ends");
        std::uint32_t before = 0;
        for (const std::uint32_t end : from_.ends) {
            demand(end >= before && end <= user_buckets, "statsig_split.ends",
                   std::to_string(end) + " after " + std::to_string(before),
                   "ends that rise to at most 1000");
            before = end;
        }
        for (const range& each : from_.allocation) {
            interop::detail::demand_range(each, user_buckets, "statsig_split.allocation",
                                          "a part of [0, 1000)");
        }
        demand(from_.allocation_salt.empty() || from_.allocation_salt != from_.salt,
               "statsig_split.allocation_salt", "the experiment's own salt",
               "a salt of its own, since groups would otherwise depend on the allocation");
    }
    [[nodiscard]] constexpr std::size_t arms() const noexcept { return from_.ends.size(); }
    [[nodiscard]] constexpr placement place(std::string_view unit) const noexcept
    {
        if (!from_.allocation_salt.empty() && !allocated(user_bucket_after(allocation_, unit))) {
            return {};
        }
        return placement::in(group_at(user_bucket_after(start_, unit)));
    }
    [[nodiscard]] arm_shares shares() const
    {
        std::uint32_t inside = 0;
        for (std::uint32_t at = 0; at < user_buckets; ++at) {
            inside += from_.allocation_salt.empty() || allocated(at) ? 1U : 0U;
        }
        arm_shares shares;
        std::uint32_t start = 0;
        for (unsigned arm = 0; arm < arms(); ++arm) {
            shares.add(arm, static_cast<double>(inside) * (from_.ends[arm] - start) /
                                (user_buckets * user_buckets));
            start = from_.ends[arm];
        }
        return shares;
    }

private:
    [[nodiscard]] constexpr std::uint32_t user_bucket_after(sha256 running,
                                                            std::string_view unit) const noexcept
    {
        return static_cast<std::uint32_t>(finish(running.add(unit), from_.implementation) % user_buckets);
    }
    [[nodiscard]] constexpr bool allocated(std::uint32_t at) const noexcept
    {
        return interop::detail::any_contains(from_.allocation, at);
    }
    [[nodiscard]] constexpr unsigned group_at(std::uint32_t at) const noexcept
    {
        for (unsigned arm = 0; arm < from_.ends.size(); ++arm) {
            if (at < from_.ends[arm]) {
                return arm;
            }
        }
        return nobody;
    }

    experiment from_;
    sha256 start_;
    sha256 allocation_;
};

}  // namespace detail
}  // namespace statsig

/// Split as a Statsig experiment does.
///
/// Targeting gates and overrides are the caller's task.
/// When to use: to take over a running experiment without moving a user.
/// When not: for a new test, since SHA-256 is expensive.
/// shape: `interop::statsig_split{by(&Request::user_id), {.salt = "4yxqhqN3", .ends = {500, 1'000}}}`
/// errors: configuration_error for an experiment that cannot be used
/// cost: 230 ns for SHA-256, and twice that with an allocation
template <class Projection>
class statsig_split : public vendor_split<Projection, statsig::detail::experiment_rule> {
public:
    /// Take the unit's projection and the experiment.
    statsig_split(unit_projection<Projection> unit, statsig::experiment from)
        : statsig_split::vendor_split(std::move(unit), statsig::detail::experiment_rule{from}, from.salt)
    {
    }
};

/// Split as a rule of a Statsig gate does by its percentage. Units that pass get arm 1.
template <class Projection>
class statsig_gate_split : public vendor_split<Projection, statsig::detail::gate_rule> {
public:
    /// Take the unit's projection and the gate.
    statsig_gate_split(unit_projection<Projection> unit, statsig::gate from)
        : statsig_gate_split::vendor_split(std::move(unit), statsig::detail::gate_rule{from}, from.salt)
    {
    }
};

}  // namespace interop
}  // namespace v0
}  // namespace joust
