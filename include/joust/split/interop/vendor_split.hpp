// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/text.hpp>
#include <joust/core/unit_id.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/split/assignment.hpp>
#include <joust/split/hash_split.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {
namespace interop {

/// The arm of units that get no arm. They are served by the champion and not enrolled.
inline constexpr unsigned nobody = ~0U;

/// Where a vendor's rule puts a unit.
struct placement {
    /// The arm that serves the unit.
    unsigned arm = 0;
    /// Whether the unit takes part. It does not if it is outside the experiment or forced into its arm.
    bool enrolled = false;
    bool operator==(const placement&) const = default;

    /// Enroll a unit in an arm. For `nobody` the champion serves it and it is not enrolled.
    [[nodiscard]] static constexpr placement in(unsigned arm) noexcept
    {
        return arm == nobody ? placement{} : placement{arm, true};
    }
};

/// The share of units that each arm gets. It is computed from the hashes that lead to the arm, and not from the percentages of
/// the configuration.
class arm_shares {
public:
    /// Add a part of all units to an arm, or to `nobody`.
    constexpr void add(unsigned arm, double part) noexcept
    {
        if (arm < max_arms) {
            parts_[arm] += part;
            enrolled_ += part;
        }
    }

    /// Return the share of an arm among the enrolled units.
    [[nodiscard]] constexpr double share(std::size_t arm) const noexcept
    {
        return arm < max_arms ? parts_[arm] / (enrolled_ > 0.0 ? enrolled_ : 1.0) : 0.0;
    }

    /// Return the part of all units that is enrolled.
    [[nodiscard]] constexpr double enrolled() const noexcept { return enrolled_; }

    bool operator==(const arm_shares&) const = default;

private:
    std::array<double, max_arms> parts_{};
    double enrolled_ = 0.0;
};

/// A part of a vendor's buckets.
struct bucket_range {
    /// The first bucket of the part.
    std::uint32_t start = 0;
    /// The first bucket after the part.
    std::uint32_t end = 0;

    /// Say whether a bucket is in the part.
    [[nodiscard]] constexpr bool contains(std::uint32_t at) const noexcept { return start <= at && at < end; }
};

namespace detail {

/// Say whether a bucket is in one of several ranges.
[[nodiscard]] constexpr bool any_contains(std::span<const bucket_range> ranges, std::uint32_t at) noexcept
{
    for (const bucket_range& each : ranges) {
        if (each.contains(at)) {
            return true;
        }
    }
    return false;
}

inline constexpr double all_hashes = 4294967296.0;

/// Return the exact part of all 32-bit hashes whose remainder by n is from `first` to below `last`.
[[nodiscard]] constexpr double part_by_remainder(std::uint64_t first, std::uint64_t last,
                                                 std::uint64_t n) noexcept
{
    constexpr std::uint64_t hashes = std::uint64_t{1} << 32;
    const std::uint64_t each = hashes / n;
    const std::uint64_t more = hashes % n;  // Each remainder below this number occurs once more.
    const auto up_to = [more](std::uint64_t end) { return end < more ? end : more; };
    return static_cast<double>((last - first) * each + up_to(last) - up_to(first)) / all_hashes;
}

/// Return the exact part of all 32-bit hashes h with h n / 2^32 from `first` to below `last`. assumes: last <= n < 2^32
[[nodiscard]] constexpr double part_by_product(std::uint64_t first, std::uint64_t last,
                                               std::uint64_t n) noexcept
{
    const auto hashes_below = [n](std::uint64_t end) { return ((end << 32) + n - 1) / n; };
    return static_cast<double>(hashes_below(last) - hashes_below(first)) / all_hashes;
}

/// Return h n / 2^32, rounded down.
[[nodiscard]] constexpr std::uint32_t product_bucket(std::uint32_t hash, std::uint32_t n) noexcept
{
    return static_cast<std::uint32_t>((std::uint64_t{hash} * n) >> 32);
}

/// Return the index of the first of several rising ends that is above a number. It does not branch, since random units could
/// not be predicted.
template <class Number, class Ends>
[[nodiscard]] constexpr std::size_t first_below(Number at, const Ends& ends) noexcept
{
    std::size_t index = 0;
    for (const auto end : ends) {
        index += at < end ? 0U : 1U;
    }
    return index;
}

/// Return a double after rounding it, so that no compiler fuses a product into a sum.
[[nodiscard]] inline double rounded(double value) noexcept
{
    const volatile double kept = value;
    return kept;
}

/// The text of a unit that is a number or a UUID.
class unit_text {
public:
    template <unit_like Key>
    constexpr explicit unit_text(const Key& key) noexcept
    {
        const joust::detail::word_text digits = joust::detail::unit_words(key);
        for (; size_ < digits.size; ++size_) {
            buffer_[size_] = static_cast<char>((digits.words[size_ / 8] >> (8 * (size_ % 8))) & 0xffU);
        }
    }
    unit_text(const unit_text&) = delete;
    unit_text& operator=(const unit_text&) = delete;

    [[nodiscard]] constexpr std::string_view view() const noexcept { return {buffer_, size_}; }

private:
    char buffer_[40]{};
    std::size_t size_ = 0;
};

/// Pass the text of a unit to `use`. An empty text stands for a missing unit. SDKs in languages where the number 0 counts as
/// no value take it for missing too; `ZeroIsMissing` says so.
template <bool ZeroIsMissing, class Use, unit_like Key>
constexpr auto use_text(const Use& use, const Key& key)
{
    if constexpr (joust::detail::text_like<Key>) {
        return use(static_cast<std::string_view>(key));
    } else {
        if constexpr (ZeroIsMissing && joust::detail::number_like<Key>) {
            if (key == Key{}) {
                return use(std::string_view{});
            }
        }
        return use(unit_text{key}.view());
    }
}

/// Does a projection return a unit that may be missing, as std::optional does?
template <class T>
concept maybe_unit = !unit_like<T> && requires(const T& unit) {
    { unit.has_value() } -> std::convertible_to<bool>;
    requires unit_like<std::remove_cvref_t<decltype(*unit)>>;
};

template <class Args>
inline constexpr bool is_tuple = false;
template <class... Args>
inline constexpr bool is_tuple<std::tuple<Args...>> = true;

/// Call `use` with the text of a call's unit: the projection's result, or the only argument where that is the unit itself.
template <bool ZeroIsMissing, class Projection, class Use, class... Args>
constexpr auto with_unit(const unit_projection<Projection>& unit, const Use& use, const Args&... args)
{
    if constexpr (requires { unit.key(args...); }) {
        using key = std::remove_cvref_t<decltype(unit.key(args...))>;
        static_assert(unit_like<key> || maybe_unit<key>,
                      "joust: a unit key is text, an integer, an enumerator or a joust::uuid");
        const auto& kept = unit.key(args...);
        if constexpr (maybe_unit<key>) {
            return kept.has_value() ? use_text<ZeroIsMissing>(use, *kept) : use(std::string_view{});
        } else {
            return use_text<ZeroIsMissing>(use, kept);
        }
    } else {
        static_assert(
            sizeof...(Args) == 1 && (unit_like<Args> && ...),
            "joust: the by(...) of this splitter cannot be called with the trial's arguments, and they are not a unit: text, an integer, an enumerator or a joust::uuid");
        return use_text<ZeroIsMissing>(use, args...);
    }
}

/// Write a pair as an interval. It appends piece by piece, because a chain of sums makes g++ 12 warn.
[[nodiscard]] inline std::string interval_text(const std::string& first, const std::string& last, char close)
{
    std::string text;
    text += '[';
    text += first;
    text += ", ";
    text += last;
    text += close;
    return text;
}

/// Refuse a configuration unless it is allowed.
inline void demand(bool allowed, std::string_view field, const std::string& value, std::string_view what)
{
    if (!allowed) {
        throw configuration_error(field, value, what);
    }
}

/// Refuse a number of arms that is not 1 to 16.
inline void demand_arms(std::size_t arms, std::string_view field)
{
    demand(arms >= 1 && arms <= max_arms, field, std::to_string(arms) + " arms", "1 to 16 arms");
}

/// Refuse a range that is no part of the first `buckets` buckets.
inline void demand_range(const bucket_range& range, std::uint32_t buckets, std::string_view field,
                         std::string_view what)
{
    demand(range.start <= range.end && range.end <= buckets, field,
           interval_text(std::to_string(range.start), std::to_string(range.end), ')'), what);
}

}  // namespace detail

/// The common part of all splitters that reproduce a vendor's assignment: a unit, a rule, and the exact shares.
///
/// A trial gives a splitter the arguments of the call and joust's own hash, which no vendor knows. So these splitters have a
/// `by(...)` of their own, which reads the vendor's unit from the arguments. It may differ from the unit of the trial.
/// `choose(unit)` and feedback by unit have the unit alone. Then the unit is taken as it is, unless `by(...)` can be called
/// with it. So a projection from text to text must return the text of a unit unchanged. Integers are hashed in decimal, UUIDs
/// in lower case with hyphens.
///
/// Units outside the experiment (coverage, namespaces, traffic allocation, an empty id where the vendor refuses it) get arm 0
/// and are not enrolled. Units that an override forces are not enrolled either. Shares are shares of the enrolled units, so
/// they sum to one. A rule that is paused (a coverage, an allocation or weights of 0) enrolls no unit: the champion serves
/// all, and every share is 0. A projection may return a std::optional; a unit without a value is missing, as an empty text
/// is, and is treated as the vendor treats a missing attribute.
/// shape: `Rule` has `arms()`, `shares()`, `place(text) const noexcept -> placement`, and `zero_is_missing` where the vendor
/// takes the number 0 for a missing attribute
/// errors: an exception of the projection ends the program, since assign is noexcept
/// cost: that of the vendor's hash; no allocation
template <class Projection, class Rule>
class vendor_split {
public:
    /// Names the trial. The vendor's own salt is in the rule.
    joust::salt salt;

    /// Keep the unit and the rule, and compute the shares.
    vendor_split(unit_projection<Projection> unit, Rule rule, std::string_view name)
        : salt(name), unit_(std::move(unit)), rule_(std::move(rule)), shares_(rule_.shares())
    {
        for (std::size_t arm = 0; arm < max_arms; ++arm) {
            propensities_[arm] = shares_.share(arm);
        }
    }

    /// Assign the unit of a context.
    template <class Context>
    [[nodiscard]] constexpr assignment assign(const Context& call) const noexcept
    {
        const auto use = [this](std::string_view unit) { return decide(unit); };
        using args_t = std::remove_cvref_t<decltype(call.args)>;
        constexpr bool zero_is_missing = requires { requires Rule::zero_is_missing; };
        if constexpr (detail::is_tuple<args_t>) {
            return std::apply(
                [&](const auto&... args) { return detail::with_unit<zero_is_missing>(unit_, use, args...); },
                call.args);
        } else {
            return detail::with_unit<zero_is_missing>(unit_, use, call.args);
        }
    }

    /// Assign a unit by its text.
    [[nodiscard]] constexpr assignment decide(std::string_view unit) const noexcept
    {
        const placement found = rule_.place(unit);
        return {found.arm, found.enrolled ? propensities_[found.arm] : 1.0, found.enrolled};
    }

    /// Return the share of an arm among the enrolled units, which is also the probability that one of them gets the arm.
    [[nodiscard]] constexpr double share(std::size_t arm) const noexcept { return shares_.share(arm); }

    /// Return the part of all units that is enrolled.
    [[nodiscard]] constexpr double enrolled_share() const noexcept { return shares_.enrolled(); }

    /// Return the number of arms in the vendor's configuration.
    [[nodiscard]] constexpr std::size_t arms() const noexcept { return rule_.arms(); }

    /// Check that a trial has as many models as the vendor's configuration has arms. The configuration of a paused rule need
    /// not name them all.
    [[nodiscard]] vendor_split resolve(std::size_t models) const
    {
        const bool paused = !(shares_.enrolled() > 0.0);
        detail::demand(models == arms() || (paused && models > arms()), "models", std::to_string(models),
                       "as many as the arms of the splitter '" + salt.text() + "', which has " +
                           std::to_string(arms()));
        return *this;
    }

private:
    [[no_unique_address]] unit_projection<Projection> unit_;
    Rule rule_;
    arm_shares shares_;
    std::array<double, max_arms> propensities_{};  // Computed once, so that no call divides.
};

}  // namespace interop
}  // namespace v0
}  // namespace joust
