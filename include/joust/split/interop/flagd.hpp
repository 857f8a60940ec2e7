// SPDX-License-Identifier: Apache-2.0
#pragma once

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

namespace flagd {

/// What flagd's providers hash for a text that is not ASCII. They do not agree.
enum class encoding : std::uint8_t {
    /// Bytes, as flagd itself does, which is written in Go.
    utf8,
    /// UTF-16 code units of 16 bits that stand 8 bits apart, as flagd-core in JavaScript does.
    utf16_overlapping
};

namespace detail {

// The hash that imurmurhash computes for a text that is not ASCII. Code units are xored into a word 8 bits apart, so neighbours
// overlap, and a last word that is negative as a signed number is left out.
class overlapping_murmur3 {
public:
    constexpr void add(std::string_view text) noexcept
    {
        for_each_utf16_unit(text, [this](std::uint32_t unit) {
            switch (size_++ % 4) {
                case 0: word_ ^= unit; break;
                case 1: word_ ^= unit << 8; break;
                case 2: word_ ^= unit << 16; break;
                default:
                    hash_ = murmur3::absorb(hash_, word_ ^ (unit << 24) ^ (unit >> 8));
                    word_ = 0;
                    break;
            }
        });
    }
    [[nodiscard]] constexpr std::uint32_t value() const noexcept
    {
        const bool mixed = static_cast<std::int32_t>(word_) > 0;
        return murmur3::finish(mixed ? hash_ ^ murmur3::scramble(word_) : hash_, size_);
    }

private:
    std::uint32_t hash_ = 0;
    std::uint32_t word_ = 0;
    std::uint32_t size_ = 0;
};

[[nodiscard]] constexpr std::uint32_t finish(murmur3 start, std::string_view prefix, std::string_view text,
                                             encoding how) noexcept
{
    if (how == encoding::utf16_overlapping && !(is_ascii(prefix) && is_ascii(text))) [[unlikely]] {
        overlapping_murmur3 hash;
        hash.add(prefix);
        hash.add(text);
        return hash.value();
    }
    return start.add(text).value();
}

}  // namespace detail

/// Hash a flag's key and the targeting key, by which `fractional` chooses unless the rule names another text.
[[nodiscard]] constexpr std::uint32_t hash(std::string_view flag_key, std::string_view targeting_key,
                                           encoding how = encoding::utf8) noexcept
{
    return detail::finish(murmur3{}.add(flag_key), flag_key, targeting_key, how);
}

/// Hash the text that a rule passes as the first argument of `fractional`.
[[nodiscard]] constexpr std::uint32_t hash_by(std::string_view bucket_by,
                                              encoding how = encoding::utf8) noexcept
{
    return detail::finish(murmur3{}, {}, bucket_by, how);
}

/// Compute the bucket, from 0 to below the total weight.
///
/// flagd does so since 2026. Older versions had a hundred buckets and a ratio in floating point, so their users move.
/// assumes: a total weight below 2^31
/// source: open-feature/flagd, specification of custom operations, fractional; ADR high-precision-fractional-bucketing
[[nodiscard]] constexpr std::uint32_t bucket(std::string_view flag_key, std::string_view targeting_key,
                                             std::uint32_t total_weight,
                                             encoding how = encoding::utf8) noexcept
{
    return interop::detail::product_bucket(hash(flag_key, targeting_key, how), total_weight);
}

namespace detail {

[[nodiscard]] constexpr std::uint64_t weight_of(std::int64_t weight) noexcept
{
    return weight < 0 ? 0 : static_cast<std::uint64_t>(weight);
}

[[nodiscard]] constexpr std::uint64_t sum_of(std::span<const std::int64_t> weights) noexcept
{
    std::uint64_t sum = 0;
    for (const std::int64_t weight : weights) {
        sum += weight_of(weight);
    }
    return sum;
}

inline constexpr std::uint64_t highest_sum = 2147483647;

}  // namespace detail

/// Find the variant of a hash. It is empty where the weights sum to 0 or to more than 2^31 - 1. A negative weight counts as 0.
[[nodiscard]] constexpr std::optional<std::size_t> choose(std::uint32_t hash,
                                                          std::span<const std::int64_t> weights) noexcept
{
    const std::uint64_t total = detail::sum_of(weights);
    if (total > detail::highest_sum) {
        return std::nullopt;
    }
    const std::uint64_t at = interop::detail::product_bucket(hash, static_cast<std::uint32_t>(total));
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        sum += detail::weight_of(weights[i]);
        if (at < sum) {
            return i;
        }
    }
    return std::nullopt;
}

/// Apply `fractional` to a targeting key. Returns the index of the variant.
[[nodiscard]] constexpr std::optional<std::size_t> fractional(std::string_view flag_key,
                                                              std::string_view targeting_key,
                                                              std::span<const std::int64_t> weights,
                                                              encoding how = encoding::utf8) noexcept
{
    return choose(hash(flag_key, targeting_key, how), weights);
}

/// Apply `fractional` with weights in a braced list.
[[nodiscard]] constexpr std::optional<std::size_t> fractional(std::string_view flag_key,
                                                              std::string_view targeting_key,
                                                              std::initializer_list<std::int64_t> weights,
                                                              encoding how = encoding::utf8) noexcept
{
    return fractional(flag_key, targeting_key, std::span<const std::int64_t>{weights.begin(), weights.size()},
                      how);
}

/// A `fractional` operation.
struct rule {
    /// The flag's key. It is empty where the rule names the text that it hashes; then `by(...)` returns that text.
    std::string flag_key{};
    /// The weights of the variants, the champion's first. A weight that the rule leaves out is 1.
    std::vector<std::int64_t> weights{};
    /// What is hashed for a text that is not ASCII.
    flagd::encoding encoding = flagd::encoding::utf8;
};

namespace detail {

class fractional_rule {
public:
    explicit fractional_rule(rule from) : from_(std::move(from)), start_(murmur3{}.add(from_.flag_key))
    {
        const std::uint64_t sum = sum_of(from_.weights);
        interop::detail::demand_arms(from_.weights.size(), "flagd_split.weights");
        interop::detail::demand(sum <= highest_sum, "flagd_split.weights", std::to_string(sum) + " in sum",
                                "at most 2147483647");
        std::uint64_t end = 0;
        for (const std::int64_t weight : from_.weights) {
            ends_.push_back(end += weight_of(weight));
        }
    }

    [[nodiscard]] constexpr std::size_t arms() const noexcept { return from_.weights.size(); }

    [[nodiscard]] constexpr placement place(std::string_view key) const noexcept
    {
        if (key.empty() || ends_.back() == 0) {
            return {};
        }
        const std::uint32_t at = interop::detail::product_bucket(
            finish(start_, from_.flag_key, key, from_.encoding), static_cast<std::uint32_t>(ends_.back()));
        return placement::in(static_cast<unsigned>(interop::detail::first_below(at, ends_)));
    }

    [[nodiscard]] arm_shares shares() const
    {
        const std::uint64_t total = sum_of(from_.weights);
        arm_shares shares;
        if (total == 0) {
            return shares;
        }
        std::uint64_t start = 0;
        for (unsigned arm = 0; arm < arms(); ++arm) {
            const std::uint64_t end = start + weight_of(from_.weights[arm]);
            shares.add(arm, interop::detail::part_by_product(start, end, total));
            start = end;
        }
        return shares;
    }

private:
    rule from_;
    murmur3 start_;
    std::vector<std::uint64_t> ends_{};
};

}  // namespace detail
}  // namespace flagd

/// Split as flagd's `fractional` does.
///
/// When to use: to agree with flagd, or to take over its split.
/// When not: for a new test. Weights are laid end to end, so a change of one weight moves units between the others.
/// shape: `interop::flagd_split{by(&Request::user_id), {.flag_key = "checkout", .weights = {50, 50}}}`
/// errors: configuration_error for a rule that cannot be used
/// cost: 10 ns for 16 bytes
template <class Projection>
class flagd_split : public vendor_split<Projection, flagd::detail::fractional_rule> {
public:
    /// Take the unit's projection and the rule.
    flagd_split(unit_projection<Projection> unit, flagd::rule from)
        : flagd_split::vendor_split(std::move(unit), flagd::detail::fractional_rule{from}, from.flag_key)
    {
    }
};

}  // namespace interop
}  // namespace v0
}  // namespace joust
