// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/split/interop/murmur3.hpp>
#include <joust/split/interop/utf16.hpp>
#include <joust/split/interop/vendor_split.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace interop {

namespace unleash {

/// What Unleash's SDKs hash for a text that is not ASCII. They do not agree.
enum class encoding : std::uint8_t {
    /// The low byte of each UTF-16 code unit, as the node client does, and with it Unleash's own server.
    utf16_low_bytes,
    /// Bytes, as the SDKs of Go, Java, Python, Rust and others do.
    utf8
};

namespace detail {

inline constexpr std::uint32_t strategy_seed = 0;
inline constexpr std::uint32_t variant_seed = 86028157;

[[nodiscard]] constexpr murmur3 feed_low_bytes(murmur3 hash, std::string_view text) noexcept
{
    for_each_utf16_unit(
        text, [&hash](std::uint16_t unit) { hash.add_byte(static_cast<std::uint8_t>(unit & 0xffU)); });
    return hash;
}

/// Hash a text that more text follows. Most text is ASCII, for which both encodings are the same bytes, and the hash knows
/// whether this text was.
[[nodiscard]] constexpr murmur3 feed(const murmur3& hash, std::string_view text, encoding how) noexcept
{
    const murmur3 bytes = murmur3{hash}.add(text);
    return how == encoding::utf16_low_bytes && !bytes.ascii() ? feed_low_bytes(hash, text) : bytes;
}

// This is a function of its own, so that the hash of ASCII stays in registers.
[[nodiscard]] JOUST_NOINLINE constexpr std::uint32_t low_bytes_after(const murmur3& hash,
                                                                     std::string_view text) noexcept
{
    return feed_low_bytes(hash, text).value();
}

/// Hash the last text.
[[nodiscard]] constexpr std::uint32_t finish(const murmur3& hash, std::string_view text,
                                             encoding how) noexcept
{
    const murmur3 bytes = murmur3{hash}.add(text);
    if (how == encoding::utf16_low_bytes && !bytes.ascii()) [[unlikely]] {
        return low_bytes_after(hash, text);
    }
    return bytes.value();
}

[[nodiscard]] constexpr murmur3 after_group(std::string_view group, std::uint32_t seed, encoding how) noexcept
{
    return feed(murmur3{seed}, group, how).add(":");
}

}  // namespace detail

/// Compute the number from 1 to 100 that a gradual rollout compares with its percentage. A unit is in if its number is at most
/// the percentage.
/// source: Unleash, client specification 6.1.0; Unleash, Stickiness and activation strategies
[[nodiscard]] constexpr std::uint32_t normalized(std::string_view group, std::string_view id,
                                                 encoding how = encoding::utf16_low_bytes) noexcept
{
    return detail::finish(detail::after_group(group, detail::strategy_seed, how), id, how) % 100 + 1;
}

/// Compute the number from 1 to the total weight by which variants are chosen. assumes: total_weight > 0
[[nodiscard]] constexpr std::uint32_t normalized_variant(std::string_view group, std::string_view id,
                                                         std::uint32_t total_weight,
                                                         encoding how = encoding::utf16_low_bytes) noexcept
{
    return detail::finish(detail::after_group(group, detail::variant_seed, how), id, how) % total_weight + 1;
}

/// An override. Units with one of these values in a field of their context get a variant whatever their hash is.
struct override_rule {
    /// The name of the field.
    std::string context_name = "userId";
    /// The values that match.
    std::vector<std::string> values{};
};

/// A variant as in Unleash's payload.
struct variant_definition {
    /// The weight of the variant.
    std::uint32_t weight = 0;
    /// The overrides that lead to the variant.
    std::vector<override_rule> overrides{};
};

namespace detail {

[[nodiscard]] constexpr std::optional<std::size_t> pick(std::uint32_t target,
                                                        std::span<const std::uint32_t> weights) noexcept
{
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        sum += weights[i];
        if (weights[i] != 0 && sum >= target) {
            return i;
        }
    }
    return std::nullopt;
}

[[nodiscard]] constexpr std::uint64_t sum_of(std::span<const std::uint32_t> weights) noexcept
{
    std::uint64_t sum = 0;
    for (const std::uint32_t weight : weights) {
        sum += weight;
    }
    return sum;
}

}  // namespace detail

/// Choose a variant by weights. It is empty where all weights are 0. assumes: a sum below 2^32
[[nodiscard]] constexpr std::optional<std::size_t> variant(std::string_view group, std::string_view id,
                                                           std::span<const std::uint32_t> weights,
                                                           encoding how = encoding::utf16_low_bytes) noexcept
{
    const auto total = static_cast<std::uint32_t>(detail::sum_of(weights));
    if (total == 0) {
        return std::nullopt;
    }
    return detail::pick(normalized_variant(group, id, total, how), weights);
}

/// Choose a variant by weights in a braced list.
[[nodiscard]] constexpr std::optional<std::size_t> variant(std::string_view group, std::string_view id,
                                                           std::initializer_list<std::uint32_t> weights,
                                                           encoding how = encoding::utf16_low_bytes) noexcept
{
    return variant(group, id, std::span<const std::uint32_t>{weights.begin(), weights.size()}, how);
}

/// Choose a variant by the first override that matches, or else by weights.
/// shape: `field(name)` returns the value of a field of the context as text, which is empty where there is no such field
template <class Field>
[[nodiscard]] std::optional<std::size_t> variant(std::string_view group, std::string_view id,
                                                 std::span<const variant_definition> variants,
                                                 const Field& field, encoding how = encoding::utf16_low_bytes)
{
    std::vector<std::uint32_t> weights;
    for (const variant_definition& each : variants) {
        weights.push_back(each.weight);
    }
    if (detail::sum_of(weights) == 0) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < variants.size(); ++i) {
        for (const override_rule& rule : variants[i].overrides) {
            const std::string_view is = field(std::string_view{rule.context_name});
            for (const std::string& value : rule.values) {
                if (is == value) {
                    return i;
                }
            }
        }
    }
    return variant(group, id, weights, how);
}

/// A flag with a gradual rollout. Without variants, enabled units get arm 1 and all others arm 0. With variants, enabled units
/// get one of them and all others are not enrolled.
struct flag {
    /// The strategy's groupId. A flexible rollout without one takes the flag's name. It names the trial.
    std::string group{};
    /// The percentage of units for which the flag is enabled.
    double rollout = 100.0;
    /// The weights of the variants, the champion's first. They are empty where the flag has no variants.
    std::vector<std::uint32_t> weights{};
    /// The group with which variants are hashed, where that is another name.
    std::string variant_group{};
    /// Units and the variants that they are forced into.
    std::vector<std::pair<std::string, unsigned>> overrides{};
    /// What is hashed for a text that is not ASCII.
    unleash::encoding encoding = unleash::encoding::utf16_low_bytes;
};

namespace detail {

class rule {
public:
    static constexpr bool zero_is_missing = true;

    explicit rule(flag from)
        : from_(std::move(from)), rollout_(after_group(from_.group, strategy_seed, from_.encoding)),
          variants_(after_group(from_.variant_group.empty() ? from_.group : from_.variant_group, variant_seed,
                                from_.encoding)),
          total_(static_cast<std::uint32_t>(sum_of(from_.weights))),
          limit_(from_.rollout > 0.0 && from_.rollout <= 100.0 ? static_cast<std::uint32_t>(from_.rollout)
                                                               : 0)
    {
        std::uint64_t end = 0;
        for (const std::uint32_t weight : from_.weights) {
            ends_.push_back(end += weight);
        }
        interop::detail::demand(from_.rollout >= 0.0 && from_.rollout <= 100.0, "unleash_split.rollout",
                                to_text(from_.rollout), "a percentage from 0 to 100");
        interop::detail::demand_arms(arms(), "unleash_split.weights");
        const std::uint64_t sum = sum_of(from_.weights);
        interop::detail::demand(sum < (std::uint64_t{1} << 32), "unleash_split.weights",
                                std::to_string(sum) + " in sum", "at most 2^32 - 1");
        for (const auto& [unit, arm] : from_.overrides) {
            interop::detail::demand(arm < arms(), "unleash_split.overrides",
                                    std::to_string(arm) + " for a unit", "the number of an arm");
        }
    }

    [[nodiscard]] constexpr std::size_t arms() const noexcept
    {
        return from_.weights.empty() ? 2 : from_.weights.size();
    }

    [[nodiscard]] constexpr placement place(std::string_view id) const noexcept
    {
        if (id.empty()) {
            return {};
        }
        const bool on = limit_ >= 100 || finish(rollout_, id, from_.encoding) % 100 < limit_;
        if (!from_.weights.empty() && (!on || total_ == 0)) {
            return {};
        }
        for (const auto& [unit, arm] : from_.overrides) {
            if (unit == id) {
                return {arm, false};
            }
        }
        if (from_.weights.empty()) {
            return {static_cast<unsigned>(on), true};
        }
        return {arm_of(finish(variants_, id, from_.encoding) % total_), true};
    }

    // The seeds of rollout and variants differ, so their hashes are independent even for the same group.
    [[nodiscard]] arm_shares shares() const
    {
        const double on = interop::detail::part_by_remainder(0, limit_, 100);
        arm_shares shares;
        if (from_.weights.empty()) {
            shares.add(0, 1.0 - on);
            shares.add(1, on);
            return shares;
        }
        if (total_ == 0) {
            return shares;
        }
        std::uint64_t start = 0;
        for (unsigned arm = 0; arm < arms(); ++arm) {
            const std::uint64_t end = start + from_.weights[arm];
            shares.add(arm, on * interop::detail::part_by_remainder(start, end, total_));
            start = end;
        }
        return shares;
    }

private:
    [[nodiscard]] constexpr unsigned arm_of(std::uint32_t target) const noexcept
    {
        return static_cast<unsigned>(interop::detail::first_below(std::uint64_t{target}, ends_));
    }

    flag from_;
    murmur3 rollout_;
    murmur3 variants_;
    std::uint32_t total_;
    std::uint32_t limit_;  // how many of a hundred numbers are enabled
    std::vector<std::uint64_t> ends_{};
};

}  // namespace detail
}  // namespace unleash

/// Split as a flag of Unleash does, by its gradual rollout or its variants.
///
/// Stickiness is the field that `by(...)` reads. Where it is missing, empty or the number 0, the unit is not enrolled; with
/// the default stickiness, Unleash draws by chance instead. No unit has a variant where all weights are 0. The constraints of strategies are the caller's task; express them by
/// when(...).
/// When to use: to take over a running flag without moving a user.
/// When not: for a new test, since a hundred buckets are coarse.
/// shape: `interop::unleash_split{by(&Request::user_id), {.group = "checkout", .weights = {500, 500}}}`
/// errors: configuration_error for a flag that cannot be used
/// cost: 12 ns for 16 bytes, and twice that for variants of a rollout below 100
template <class Projection>
class unleash_split : public vendor_split<Projection, unleash::detail::rule> {
public:
    /// Take the unit's projection and the flag.
    unleash_split(unit_projection<Projection> unit, unleash::flag from)
        : unleash_split::vendor_split(std::move(unit), unleash::detail::rule{from}, from.group)
    {
    }
};

}  // namespace interop
}  // namespace v0
}  // namespace joust
