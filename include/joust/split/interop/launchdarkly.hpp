// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/unit_id.hpp>
#include <joust/split/interop/sha1.hpp>
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

namespace launchdarkly {

namespace detail {

/// Return the first 15 hexadecimal digits of a digest, divided by the largest number of 15 digits, which as a double is 2^60.
[[nodiscard]] constexpr double fraction(const sha1::state& digest) noexcept
{
    const std::uint64_t high = (std::uint64_t{digest[0]} << 32) | digest[1];
    return static_cast<double>(high >> 4) / 1152921504606846976.0;
}

[[nodiscard]] constexpr sha1 after_prefix(std::string_view key, std::string_view salt) noexcept
{
    return sha1{}.add(key).add(".").add(salt).add(".");
}

[[nodiscard]] constexpr sha1 after_prefix(std::int64_t seed) noexcept
{
    return sha1{}.add(interop::detail::unit_text{seed}.view()).add(".");
}

}  // namespace detail

/// Compute the number in [0, 1] that a rollout compares with the running sum of its weights. Text is hashed as UTF-8.
/// source: LaunchDarkly, server SDKs' documentation and open SDKs, percentage rollouts
[[nodiscard]] constexpr double bucket(std::string_view key, std::string_view salt,
                                      std::string_view id) noexcept
{
    return detail::fraction(detail::after_prefix(key, salt).add(id).finish());
}

/// Compute the number in [0, 1] of a rollout or experiment that has a seed.
[[nodiscard]] constexpr double bucket(std::int64_t seed, std::string_view id) noexcept
{
    return detail::fraction(detail::after_prefix(seed).add(id).finish());
}

/// One weighted variation of a rollout.
struct weighted {
    /// The arm of the variation.
    unsigned arm = 0;
    /// The weight, of 100,000.
    std::uint32_t weight = 0;
    /// Whether units of the variation are enrolled. They are not where the payload says `untracked`.
    bool tracked = true;
};

/// A rollout or experiment as in the payload.
struct rollout {
    /// The flag's key, which names the trial.
    std::string key{};
    /// The flag's salt.
    std::string salt{};
    /// The seed, which replaces key and salt in the hash. The node SDK takes a seed of 0 for no seed.
    std::optional<std::int64_t> seed{};
    /// The variations. A unit gets the first one whose running sum of weights is above its number.
    std::vector<weighted> variations{};
};

namespace detail {

inline constexpr double all_weights = 100'000.0;

class rule {
public:
    explicit rule(const rollout& from)
        : start_(from.seed ? after_prefix(*from.seed) : after_prefix(from.key, from.salt)),
          variations_(from.variations)
    {
        using interop::detail::demand;
        std::uint64_t sum = 0;
        unsigned highest = 0;
        for (const weighted& each : variations_) {
            interop::detail::demand_arms(std::size_t{each.arm} + 1, "launchdarkly_split.variations");
            highest = each.arm > highest ? each.arm : highest;
            sum += each.weight;
            ends_.push_back((ends_.empty() ? 0.0 : ends_.back()) + each.weight / all_weights);
        }
        demand(!variations_.empty() && sum <= 100'000, "launchdarkly_split.variations",
               std::to_string(sum) + " in sum of weights",
               "at least one variation, and a sum of at most 100000");
        arms_ = std::size_t{highest} + 1;
        first_ = interop::detail::first_below(0.0, std::span{ends_}.first(ends_.size() - 1));
    }

    [[nodiscard]] constexpr std::size_t arms() const noexcept { return arms_; }

    [[nodiscard]] constexpr placement place(std::string_view id) const noexcept
    {
        if (id.empty()) {
            return {variations_[first_].arm, false};
        }
        sha1 hash = start_;
        const double at = fraction(hash.add(id).finish());
        // The last variation also gets the part that the weights leave.
        const std::size_t i = interop::detail::first_below(at, std::span{ends_}.first(ends_.size() - 1));
        return {variations_[i].arm, variations_[i].tracked};
    }

    [[nodiscard]] arm_shares shares() const
    {
        arm_shares shares;
        double start = 0.0;
        for (std::size_t i = 0; i < ends_.size(); ++i) {
            const double end = i + 1 == ends_.size() ? 1.0 : ends_[i] < 1.0 ? ends_[i] : 1.0;
            shares.add(variations_[i].tracked ? variations_[i].arm : nobody, end - start);
            start = end;
        }
        return shares;
    }

private:
    sha1 start_;
    std::vector<weighted> variations_;
    std::vector<double> ends_{};
    std::size_t first_ = 0;  // the variation of bucket 0
    std::size_t arms_ = 1;
};

}  // namespace detail
}  // namespace launchdarkly

/// Split as a LaunchDarkly rollout or experiment does.
///
/// `by(...)` reads what the rollout's bucketBy names, or else the key. A unit that is an integer is hashed in decimal, as
/// LaunchDarkly does. A missing attribute is in bucket 0, so that the first variation that has a weight serves it; it is not
/// enrolled, because it was not randomised. An empty text counts as missing: LaunchDarkly refuses an empty key, and hashes
/// an attribute that is empty. Targets, rules and prerequisites are the caller's task.
/// When to use: to take over a running rollout without moving a user.
/// When not: for a new test, since SHA-1 is expensive.
/// shape: `interop::launchdarkly_split{by(&Request::user_id), {.seed = 61, .variations = {{0, 50'000}, {1, 50'000}}}}`
/// errors: configuration_error for a rollout that cannot be used
/// cost: 200 ns, for SHA-1
template <class Projection>
class launchdarkly_split : public vendor_split<Projection, launchdarkly::detail::rule> {
public:
    /// Take the unit's projection and the rollout.
    launchdarkly_split(unit_projection<Projection> unit, launchdarkly::rollout from)
        : launchdarkly_split::vendor_split(std::move(unit), launchdarkly::detail::rule{from}, from.key)
    {
    }
};

}  // namespace interop
}  // namespace v0
}  // namespace joust
