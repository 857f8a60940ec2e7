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

/// Whose SHA-256 is meant; they agree wherever all text is ASCII.
enum class implementation : std::uint8_t {
    /// the standard's, as in the SDKs that take it from their platform
    standard,
    /// statsig-node 6.5's own, which errs for some texts that are not ASCII, of 120 bytes and more with their salts
    node
};

namespace detail {

[[nodiscard]] constexpr std::uint64_t first_bytes(const sha256::state& digest) noexcept
{
    return (std::uint64_t{digest[0]} << 32) | digest[1];
}

// The implementation in statsig-node keeps what a character had of its bytes behind the end of a block, and puts it into the
// padding where that takes a block of its own.
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

// Whether a bucket passes: the ends are taken before anything is hashed.
[[nodiscard]] constexpr bool passes(std::uint32_t at, double percentage) noexcept
{
    return percentage == 100.0 || (percentage != 0.0 && at < percentage * 100.0);
}

}  // namespace detail

/// Hash a unit behind a salt: the first eight bytes of SHA-256, the highest first. Text is hashed as UTF-8.
[[nodiscard]] constexpr std::uint64_t hash(std::string_view salt, std::string_view unit,
                                           implementation whose = implementation::standard) noexcept
{
    return detail::finish(sha256{}.add(salt).add(".").add(unit), whose);
}

/// Compute the number from 0 to 9,999 that a gate's rule compares with its pass percentage.
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

/// Tell whether a unit passes a gate's rule; 0 and 100 percent are told without hashing.
[[nodiscard]] constexpr bool passes(std::string_view config_salt, std::string_view rule,
                                    std::string_view unit, double percentage,
                                    implementation whose = implementation::standard) noexcept
{
    return percentage == 100.0 ||
           (percentage != 0.0 && detail::passes(bucket(config_salt, rule, unit, whose), percentage));
}

/// Compute the number from 0 to 999 of a `user_bucket` condition: what experiments and layers are cut by.
[[nodiscard]] constexpr std::uint32_t user_bucket(std::string_view salt, std::string_view unit,
                                                  implementation whose = implementation::standard) noexcept
{
    return static_cast<std::uint32_t>(hash(salt, unit, whose) % detail::user_buckets);
}

/// A gate's rule: arm 1 is what passing units get, arm 0 the others.
struct gate {
    /// the gate's
    std::string salt{};
    /// the rule's salt, or its id where it has none
    std::string rule{};
    double pass_percentage = 50.0;
    statsig::implementation implementation = statsig::implementation::standard;
};

/// A part of the user buckets, without its end.
struct range {
    std::uint32_t start = 0;
    std::uint32_t end = 0;
};

/// An experiment: groups cut the user buckets behind its salt; an allocation may leave units out by another salt.
struct experiment {
    std::string salt{};
    /// for each group, the control first, the user bucket where it ends
    std::vector<std::uint32_t> ends{};
    /// empty: everybody is allocated
    std::string allocation_salt{};
    /// the user buckets behind that salt that are in the experiment
    std::vector<range> allocation{};
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
            demand(each.start <= each.end && each.end <= user_buckets, "statsig_split.allocation",
                   interop::detail::interval_text(std::to_string(each.start), std::to_string(each.end), ')'),
                   "a part of [0, 1000)");
        }
        demand(from_.allocation_salt.empty() || from_.allocation_salt != from_.salt,
               "statsig_split.allocation_salt", "the experiment's own salt",
               "a salt of its own: groups would not be independent of the allocation");
    }
    [[nodiscard]] constexpr std::size_t arms() const noexcept { return from_.ends.size(); }
    [[nodiscard]] constexpr placement place(std::string_view unit) const noexcept
    {
        if (!from_.allocation_salt.empty() && !allocated(user_bucket_behind(allocation_, unit))) {
            return {};
        }
        return placement::in(group_at(user_bucket_behind(start_, unit)));
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
    [[nodiscard]] constexpr std::uint32_t user_bucket_behind(sha256 running,
                                                             std::string_view unit) const noexcept
    {
        return static_cast<std::uint32_t>(finish(running.add(unit), from_.implementation) % user_buckets);
    }
    [[nodiscard]] constexpr bool allocated(std::uint32_t at) const noexcept
    {
        for (const range& each : from_.allocation) {
            if (each.start <= at && at < each.end) {
                return true;
            }
        }
        return false;
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
/// When to use: to take over a running experiment without moving a user. When not: for a new test; SHA-256 is dear.
/// Targeting gates and overrides are the caller's.
/// shape: `interop::statsig_split{by(&Request::user_id), {.salt = "4yxqhqN3", .ends = {500, 1'000}}}`
/// errors: configuration_error
/// cost: 230 ns, twice that with an allocation: SHA-256
template <class Projection>
class statsig_split : public vendor_split<Projection, statsig::detail::experiment_rule> {
public:
    statsig_split(unit_projection<Projection> unit, statsig::experiment from)
        : statsig_split::vendor_split(std::move(unit), statsig::detail::experiment_rule{from}, from.salt)
    {
    }
};

/// Split as the percentage of a rule of a Statsig gate does: arm 1 is what passing units get.
template <class Projection>
class statsig_gate_split : public vendor_split<Projection, statsig::detail::gate_rule> {
public:
    statsig_gate_split(unit_projection<Projection> unit, statsig::gate from)
        : statsig_gate_split::vendor_split(std::move(unit), statsig::detail::gate_rule{from}, from.salt)
    {
    }
};

}  // namespace interop
}  // namespace v0
}  // namespace joust
