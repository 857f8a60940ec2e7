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
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {
namespace interop {

/// The arm of a part of the traffic that gets no arm: its units are served by the champion and not enrolled.
inline constexpr unsigned nobody = ~0U;

/// Where a vendor's rule puts a unit.
struct placement {
    unsigned arm = 0;
    /// false: outside the experiment, or forced into `arm`
    bool enrolled = false;
    bool operator==(const placement&) const = default;

    /// Enroll in an arm; `nobody` is the champion's without being enrolled.
    [[nodiscard]] static constexpr placement in(unsigned arm) noexcept
    {
        return arm == nobody ? placement{} : placement{arm, true};
    }
};

/// What share of the units each arm gets: by the hashes that lead to it, not by the percentages that were asked for.
class arm_shares {
public:
    /// Count a part of all units for an arm, or for `nobody`.
    constexpr void add(unsigned arm, double part) noexcept
    {
        if (arm < max_arms) {
            parts_[arm] += part;
            enrolled_ += part;
        }
    }

    /// The share of an arm among the units that are enrolled.
    [[nodiscard]] constexpr double share(std::size_t arm) const noexcept
    {
        return arm < max_arms ? parts_[arm] / (enrolled_ > 0.0 ? enrolled_ : 1.0) : 0.0;
    }

    /// The part of all units that is enrolled.
    [[nodiscard]] constexpr double enrolled() const noexcept { return enrolled_; }

    bool operator==(const arm_shares&) const = default;

private:
    std::array<double, max_arms> parts_{};
    double enrolled_ = 0.0;
};

namespace detail {

inline constexpr double all_hashes = 4294967296.0;

/// The part of all 32-bit hashes whose remainder by n is from `first` to below `last`, exactly.
[[nodiscard]] constexpr double part_by_remainder(std::uint64_t first, std::uint64_t last,
                                                 std::uint64_t n) noexcept
{
    constexpr std::uint64_t hashes = std::uint64_t{1} << 32;
    const std::uint64_t each = hashes / n;
    const std::uint64_t more = hashes % n;  // the remainders below it are had once more
    const auto up_to = [more](std::uint64_t end) { return end < more ? end : more; };
    return static_cast<double>((last - first) * each + up_to(last) - up_to(first)) / all_hashes;
}

/// The part of all 32-bit hashes h with h n / 2^32 from `first` to below `last`, exactly. assumes: last <= n < 2^32
[[nodiscard]] constexpr double part_by_product(std::uint64_t first, std::uint64_t last,
                                               std::uint64_t n) noexcept
{
    const auto hashes_below = [n](std::uint64_t end) { return ((end << 32) + n - 1) / n; };
    return static_cast<double>(hashes_below(last) - hashes_below(first)) / all_hashes;
}

/// h n / 2^32, without its fraction.
[[nodiscard]] constexpr std::uint32_t product_bucket(std::uint32_t hash, std::uint32_t n) noexcept
{
    return static_cast<std::uint32_t>((std::uint64_t{hash} * n) >> 32);
}

/// The index of the first of rising ends that a number is below, without branches: units come in random order.
template <class Number, class Ends>
[[nodiscard]] constexpr std::size_t first_below(Number at, const Ends& ends) noexcept
{
    std::size_t index = 0;
    for (const auto end : ends) {
        index += at < end ? 0U : 1U;
    }
    return index;
}

/// A double that was rounded: no compiler may fuse the product it is into a sum.
[[nodiscard]] inline double rounded(double value) noexcept
{
    const volatile double kept = value;
    return kept;
}

/// The digits of a unit that is no text.
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

template <class Use, unit_like Key>
constexpr auto use_text(const Use& use, const Key& key)
{
    if constexpr (joust::detail::text_like<Key>) {
        return use(static_cast<std::string_view>(key));
    } else {
        return use(unit_text{key}.view());
    }
}

template <class Args>
inline constexpr bool is_tuple = false;
template <class... Args>
inline constexpr bool is_tuple<std::tuple<Args...>> = true;

/// What a call's arguments say of the unit: the projection's result, or the one argument where that is the unit itself.
template <class Projection, class Use, class... Args>
constexpr auto with_unit(const unit_projection<Projection>& unit, const Use& use, const Args&... args)
{
    if constexpr (requires { unit.key(args...); }) {
        using key = std::remove_cvref_t<decltype(unit.key(args...))>;
        static_assert(unit_like<key>,
                      "joust: a unit key is text, an integer, an enumerator or a joust::uuid");
        const auto& kept = unit.key(args...);
        return use_text(use, kept);
    } else {
        static_assert(
            sizeof...(Args) == 1 && (unit_like<Args> && ...),
            "joust: the by(...) of this splitter cannot be called with the trial's arguments, and they are not a unit: text, an integer, an enumerator or a joust::uuid");
        return use_text(use, args...);
    }
}

/// Write a pair as an interval. Appended piece by piece: g++ 12 warns of what it sees in a chain of sums.
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

/// Refuse a configuration unless it is as allowed.
inline void demand(bool allowed, std::string_view field, const std::string& value, std::string_view what)
{
    if (!allowed) {
        throw configuration_error(field, value, what);
    }
}

/// Refuse lists that do not name 1 to 16 arms.
inline void demand_arms(std::size_t arms, std::string_view field)
{
    demand(arms >= 1 && arms <= max_arms, field, std::to_string(arms) + " arms", "1 to 16 arms");
}

}  // namespace detail

/// What all splitters that reproduce a vendor's assignment have in common: a unit, a rule, and the exact shares.
///
/// The trial hands a splitter the arguments of the call, and a hash of its own, which no vendor knows. So these splitters
/// have a `by(...)` of their own, which reads the vendor's unit out of the arguments; it may be another one than the
/// trial's. `choose(unit)` and feedback by unit have the unit alone: it is taken as it is, unless `by(...)` can be called
/// with it, so a projection from text to text must leave the text of a unit alone. Integers are hashed in decimal, UUIDs in
/// lower case with hyphens.
///
/// Units outside the experiment (coverage, namespaces, traffic allocation, an empty id where the vendor refuses it) get arm 0
/// and are not enrolled; so are units that an override forces. `share` counts enrolled units alone, so shares add to one.
///
/// shape: `Rule` has `arms()`, `shares()` and `place(text) const noexcept -> placement`
/// errors: an exception of the projection ends the program, since assign is noexcept
/// cost: the vendor's hash; no allocation
template <class Projection, class Rule>
class vendor_split {
public:
    /// names the trial; the vendor's own salt is in the rule
    joust::salt salt;

    vendor_split(unit_projection<Projection> unit, Rule rule, std::string_view name)
        : salt(name), unit_(std::move(unit)), rule_(std::move(rule)), shares_(rule_.shares())
    {
        for (std::size_t arm = 0; arm < max_arms; ++arm) {
            propensities_[arm] = shares_.share(arm);
        }
        detail::demand(shares_.enrolled() > 0.0, name.empty() ? "splitter" : name,
                       "a split that enrolls nobody", "at least one arm that some units get");
    }

    /// Assign the unit of a context.
    template <class Context>
    [[nodiscard]] constexpr assignment assign(const Context& call) const noexcept
    {
        const auto use = [this](std::string_view unit) { return decide(unit); };
        using args_t = std::remove_cvref_t<decltype(call.args)>;
        if constexpr (detail::is_tuple<args_t>) {
            return std::apply([&](const auto&... args) { return detail::with_unit(unit_, use, args...); },
                              call.args);
        } else {
            return detail::with_unit(unit_, use, call.args);
        }
    }

    /// Assign a unit by its text.
    [[nodiscard]] constexpr assignment decide(std::string_view unit) const noexcept
    {
        const placement found = rule_.place(unit);
        return {found.arm, found.enrolled ? propensities_[found.arm] : 1.0, found.enrolled};
    }

    /// The share of an arm among the enrolled units, which is also the probability that one of them gets it.
    [[nodiscard]] constexpr double share(std::size_t arm) const noexcept { return shares_.share(arm); }

    /// The part of all units that is enrolled.
    [[nodiscard]] constexpr double enrolled_share() const noexcept { return shares_.enrolled(); }

    /// How many arms the vendor's configuration has.
    [[nodiscard]] constexpr std::size_t arms() const noexcept { return rule_.arms(); }

    /// Check that a trial has as many models as the vendor's configuration has arms.
    [[nodiscard]] vendor_split resolve(std::size_t models) const
    {
        detail::demand(models == arms(), "models", std::to_string(models),
                       "as many as the arms of the splitter '" + salt.text() + "', which has " +
                           std::to_string(arms()));
        return *this;
    }

private:
    [[no_unique_address]] unit_projection<Projection> unit_;
    Rule rule_;
    arm_shares shares_;
    std::array<double, max_arms> propensities_{};  // divided once, not at every call
};

}  // namespace interop
}  // namespace v0
}  // namespace joust
