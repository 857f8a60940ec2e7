// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/unit_id.hpp>
#include <joust/split/interop/fnv1a.hpp>
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

namespace growthbook {

/// What GrowthBook's SDKs hash for a text that is not ASCII. They do not agree.
enum class encoding : std::uint8_t {
    /// UTF-16 code units, as JavaScript and React do. GrowthBook's own test cases are written for these.
    utf16,
    /// Unicode code points, as Python does. They differ from utf16 beyond U+FFFF only.
    code_points,
    /// Bytes, as Go does, and other SDKs that hash an array of bytes.
    utf8
};

namespace detail {

[[nodiscard]] JOUST_ALWAYS_INLINE constexpr fnv1a feed(fnv1a hash, std::string_view text,
                                                       encoding how) noexcept
{
    switch (how) {
        case encoding::utf16: return hash.add_utf16(text);
        case encoding::code_points: return hash.add_code_points(text);
        case encoding::utf8: break;
    }
    return hash.add(text);
}

// Version 1 uses one hash and a thousand buckets.
inline constexpr std::uint32_t buckets_v1 = 1'000;
// Version 2 hashes the decimal digits of the first hash again, and uses ten thousand buckets.
inline constexpr std::uint32_t buckets_v2 = 10'000;

[[nodiscard]] constexpr std::uint32_t grid_v2(std::uint32_t first) noexcept
{
    const joust::detail::word_text digits = joust::detail::decimal_text(first, false);
    fnv1a hash;
    for (std::size_t i = 0; i < digits.size; ++i) {
        hash.add_unit(static_cast<std::uint32_t>((digits.words[i / 8] >> (8 * (i % 8))) & 0xffU));
    }
    return hash.value() % buckets_v2;
}

}  // namespace detail

/// Compute the number in [0, 1) that GrowthBook compares with ranges. It is empty for a version that GrowthBook does not know.
///
/// Version 1 is the default of experiments and rollouts. Version 2 is the default of filters, and of the experiments that
/// GrowthBook's web page makes today.
/// source: GrowthBook, Build your own SDK, specification 0.8.0, hash
[[nodiscard]] constexpr std::optional<double> bucket(std::string_view seed, std::string_view value,
                                                     int version, encoding how = encoding::utf16) noexcept
{
    if (version == 2) {
        const fnv1a first = detail::feed(detail::feed(fnv1a{}, seed, how), value, how);
        return static_cast<double>(detail::grid_v2(first.value())) / detail::buckets_v2;
    }
    if (version == 1) {
        const fnv1a hash = detail::feed(detail::feed(fnv1a{}, value, how), seed, how);
        return static_cast<double>(hash.value() % detail::buckets_v1) / detail::buckets_v1;
    }
    return std::nullopt;
}

/// A part of [0, 1).
struct range {
    /// Where the part begins.
    double start = 0.0;
    /// Where the part ends. The end does not belong to it.
    double end = 0.0;
    /// Say whether a number is in the part.
    [[nodiscard]] constexpr bool contains(double n) const noexcept { return n >= start && n < end; }
    bool operator==(const range&) const = default;
};

/// Lay out variations. Each one begins where the weights before it end, and gets the part `coverage` of its own weight.
///
/// As in GrowthBook, weights are equal if there is not one weight for each variation, or if their sum is below 0.99 or above
/// 1.01.
[[nodiscard]] inline std::vector<range> bucket_ranges(std::size_t variations, double coverage = 1.0,
                                                      std::span<const double> weights = {})
{
    coverage = coverage < 0.0 ? 0.0 : coverage > 1.0 ? 1.0 : coverage;
    double sum = 0.0;
    for (const double weight : weights) {
        sum += weight;
    }
    const bool equal = weights.size() != variations || sum < 0.99 || sum > 1.01;
    std::vector<range> ranges;
    double start = 0.0;
    for (std::size_t i = 0; i < variations; ++i) {
        const double weight = equal ? 1.0 / static_cast<double>(variations) : weights[i];
        ranges.push_back({start, start + interop::detail::rounded(coverage * weight)});
        start += weight;
    }
    return ranges;
}

namespace detail {

// From the last range to the first, so that the first one that contains the number wins without a branch.
[[nodiscard]] constexpr unsigned first_range(double n, std::span<const range> ranges) noexcept
{
    unsigned found = nobody;
    for (std::size_t i = ranges.size(); i-- > 0;) {
        const auto holds =
            static_cast<unsigned>(n >= ranges[i].start) & static_cast<unsigned>(n < ranges[i].end);
        found ^= (found ^ static_cast<unsigned>(i)) & (0U - holds);
    }
    return found;
}

}  // namespace detail

/// Find the first range that contains a number.
[[nodiscard]] constexpr std::optional<unsigned> choose_variation(double n,
                                                                 std::span<const range> ranges) noexcept
{
    const unsigned found = detail::first_range(n, ranges);
    return found == nobody ? std::nullopt : std::optional{found};
}

/// The part of a named space that an experiment owns. This is GrowthBook's older form of mutual exclusion.
struct name_space {
    /// The name of the space.
    std::string id;
    /// Where the part begins.
    double start = 0.0;
    /// Where the part ends.
    double end = 1.0;
};

/// A filter, for mutual exclusion and holdouts. A unit passes if its bucket under the filter's seed is in one of the ranges.
struct filter {
    /// The seed of the filter.
    std::string seed;
    /// The parts of [0, 1) that pass.
    std::vector<range> ranges;
    /// The version of the hash, 1 or 2.
    int hash_version = 2;
};

/// Say whether a unit is in a namespace.
[[nodiscard]] constexpr bool in_namespace(std::string_view value, std::string_view id, double start,
                                          double end, encoding how = encoding::utf16) noexcept
{
    const fnv1a hash = detail::feed(detail::feed(detail::feed(fnv1a{}, value, how), "__", how), id, how);
    return range{start, end}.contains(static_cast<double>(hash.value() % detail::buckets_v1) /
                                      detail::buckets_v1);
}

/// Say whether a unit is in a simple rollout: whether its number is at most the coverage. A coverage of 0 includes no unit.
[[nodiscard]] constexpr bool in_rollout(std::string_view seed, std::string_view value, double coverage,
                                        int version = 1, encoding how = encoding::utf16) noexcept
{
    if (value.empty() || coverage == 0.0) {
        return false;
    }
    const std::optional<double> n = bucket(seed, value, version, how);
    return n && *n <= coverage;
}

/// An experiment as in GrowthBook's payload, without its conditions. Express those by when(...).
struct experiment {
    /// The key of the experiment, which names the trial.
    std::string key{};
    /// The seed of the hash. If it is empty, the key is the seed.
    std::string seed{};
    /// The version of the hash, 1 or 2.
    int hash_version = 1;
    /// How many variations there are, with equal weights, where neither weights nor ranges are given.
    std::size_t variations = 2;
    /// The weight of each variation, the control's first. Their sum is 1.
    std::vector<double> weights{};
    /// The part of each weight that is enrolled.
    double coverage = 1.0;
    /// The part of [0, 1) that each variation gets. They replace weights and coverage.
    std::vector<range> ranges{};
    /// The filters, all of which have to let a unit pass. They use the same attribute as the experiment.
    std::vector<filter> filters{};
    /// The namespace. It has no effect where there are filters.
    std::optional<growthbook::name_space> name_space{};
    /// What is hashed for a text that is not ASCII.
    growthbook::encoding encoding = growthbook::encoding::utf16;
};

/// A simple rollout. Covered units get arm 1 and all others arm 0, and both are enrolled.
struct rollout {
    /// The feature's key, or the seed of the rule.
    std::string seed{};
    /// The share of units that is covered.
    double coverage = 1.0;
    /// The version of the hash, 1 or 2.
    int hash_version = 1;
    /// What is hashed for a text that is not ASCII.
    growthbook::encoding encoding = growthbook::encoding::utf16;
};

namespace detail {

// A seed and a version of the hash, prepared to place units.
class hasher {
public:
    hasher(std::string seed, int version, encoding how, std::string_view field)
        : seed_(std::move(seed)), version_(version), how_(how), after_seed_(feed(fnv1a{}, seed_, how))
    {
        interop::detail::demand(version == 1 || version == 2, field, std::to_string(version), "1 or 2");
    }

    [[nodiscard]] constexpr std::uint32_t size() const noexcept
    {
        return version_ == 2 ? buckets_v2 : buckets_v1;
    }
    [[nodiscard]] constexpr double operator()(std::string_view value) const noexcept
    {
        return number(version_ == 2 ? grid_v2(feed(after_seed_, value, how_).value())
                                    : feed(feed(fnv1a{}, value, how_), seed_, how_).value() % buckets_v1);
    }
    [[nodiscard]] constexpr double number(std::uint32_t at) const noexcept
    {
        return static_cast<double>(at) / size();
    }
    [[nodiscard]] bool same(const hasher& other) const noexcept
    {
        return seed_ == other.seed_ && version_ == other.version_;
    }

private:
    std::string seed_;
    int version_;
    encoding how_;
    fnv1a after_seed_;
};

inline void demand_range(const range& r, std::string_view field)
{
    interop::detail::demand(r.start <= r.end, field,
                            interop::detail::interval_text(to_text(r.start), to_text(r.end), ')'),
                            "a start that is not above the end");
}

class experiment_rule {
public:
    static constexpr bool zero_is_missing = true;

    explicit experiment_rule(experiment from)
        : hash_(from.seed.empty() ? from.key : std::move(from.seed), from.hash_version, from.encoding,
                "growthbook_split.hash_version"),
          ranges_(layout(from))
    {
        if (from.filters.empty() && from.name_space) {
            // A namespace is a filter of version 1 whose seed begins with two underscores.
            from.filters.push_back(
                {"__" + from.name_space->id, {{from.name_space->start, from.name_space->end}}, 1});
        }
        for (filter& each : from.filters) {
            for (const range& r : each.ranges) {
                demand_range(r, "growthbook_split.filters.ranges");
            }
            gates_.push_back({hasher{std::move(each.seed), each.hash_version, from.encoding,
                                     "growthbook_split.filters.hash_version"},
                              std::move(each.ranges)});
        }
    }

    [[nodiscard]] constexpr std::size_t arms() const noexcept { return ranges_.size(); }

    [[nodiscard]] constexpr placement place(std::string_view value) const noexcept
    {
        if (value.empty()) {
            return {};
        }
        for (const gate& each : gates_) {
            if (first_range(each.hash(value), each.ranges) == nobody) {
                return {};
            }
        }
        return placement::in(first_range(hash_(value), ranges_));
    }

    // Buckets are counted one by one, so that all rounding of the ranges' ends is included. A gate with the experiment's own
    // seed sees the same bucket. All other gates are independent of it.
    [[nodiscard]] arm_shares shares() const
    {
        double passing = 1.0;
        for (const gate& each : gates_) {
            double part = 0.0;
            for (std::uint32_t at = 0; at < each.hash.size(); ++at) {
                if (each.hash.same(hash_) || first_range(each.hash.number(at), each.ranges) != nobody) {
                    part += interop::detail::part_by_remainder(at, at + 1, each.hash.size());
                }
            }
            passing *= part;
        }
        arm_shares shares;
        for (std::uint32_t at = 0; at < hash_.size(); ++at) {
            const double n = hash_.number(at);
            bool passes = true;
            for (const gate& each : gates_) {
                passes = passes && (!each.hash.same(hash_) || first_range(n, each.ranges) != nobody);
            }
            if (passes) {
                shares.add(first_range(n, ranges_),
                           passing * interop::detail::part_by_remainder(at, at + 1, hash_.size()));
            }
        }
        return shares;
    }

private:
    struct gate {
        hasher hash;
        std::vector<range> ranges;
    };

    [[nodiscard]] static std::vector<range> layout(const experiment& from)
    {
        using interop::detail::demand;
        if (!from.ranges.empty()) {
            interop::detail::demand_arms(from.ranges.size(), "growthbook_split.ranges");
            for (const range& r : from.ranges) {
                demand_range(r, "growthbook_split.ranges");
            }
            return from.ranges;
        }
        demand(from.coverage >= 0.0 && from.coverage <= 1.0, "growthbook_split.coverage",
               to_text(from.coverage), "from 0 to 1");
        const std::size_t arms = from.weights.empty() ? from.variations : from.weights.size();
        interop::detail::demand_arms(arms, "growthbook_split.weights");
        double sum = from.weights.empty() ? 1.0 : 0.0;
        for (const double weight : from.weights) {
            demand(weight >= 0.0 && weight <= 1.0, "growthbook_split.weights",
                   to_text(weight) + " for one variation", "each from 0 to 1");
            sum += weight;
        }
        demand(sum >= 0.99 && sum <= 1.01, "growthbook_split.weights", to_text(sum) + " in sum",
               "from 0.99 to 1.01; GrowthBook splits equally otherwise: to do so too, leave them out");
        return bucket_ranges(arms, from.coverage, from.weights);
    }

    hasher hash_;
    std::vector<range> ranges_;
    std::vector<gate> gates_{};
};

class rollout_rule {
public:
    static constexpr bool zero_is_missing = true;

    explicit rollout_rule(rollout from)
        : hash_(std::move(from.seed), from.hash_version, from.encoding,
                "growthbook_rollout_split.hash_version"),
          coverage_(from.coverage)
    {
        interop::detail::demand(coverage_ >= 0.0 && coverage_ <= 1.0, "growthbook_rollout_split.coverage",
                                to_text(coverage_), "from 0 to 1");
    }
    [[nodiscard]] constexpr std::size_t arms() const noexcept { return 2; }
    [[nodiscard]] constexpr placement place(std::string_view value) const noexcept
    {
        return value.empty() ? placement{} : placement::in(arm_at(hash_(value)));
    }
    [[nodiscard]] arm_shares shares() const
    {
        arm_shares shares;
        for (std::uint32_t at = 0; at < hash_.size(); ++at) {
            shares.add(arm_at(hash_.number(at)),
                       interop::detail::part_by_remainder(at, at + 1, hash_.size()));
        }
        return shares;
    }

private:
    [[nodiscard]] constexpr unsigned arm_at(double n) const noexcept
    {
        return coverage_ != 0.0 && n <= coverage_ ? 1 : 0;
    }
    hasher hash_;
    double coverage_;
};

}  // namespace detail
}  // namespace growthbook

/// Split as a GrowthBook experiment does.
///
/// A missing attribute, an empty text and the number 0 are not enrolled, as in JavaScript; the text "0" is a unit.
/// Conditions and forced variations are the caller's task. A sticky bucket gives a unit the arm that was stored for it:
/// split by `assigned_by(projection, shares)`, which reads that arm from the call, and not by this.
/// When to use: to take over a running experiment without moving a user, or to let two services agree.
/// When not: for a new test, since hash_split ramps in finer steps and costs less.
/// shape: `interop::growthbook_split{by(&Request::user_id), {.key = "checkout", .hash_version = 2, .weights = {0.5, 0.5}}}`
/// errors: configuration_error for an experiment that cannot be used
/// cost: 55 ns for a seed of 12 bytes and a unit of 16, or 25 ns with version 1
template <class Projection>
class growthbook_split : public vendor_split<Projection, growthbook::detail::experiment_rule> {
public:
    /// Take the unit's projection and the experiment.
    growthbook_split(unit_projection<Projection> unit, growthbook::experiment from)
        : growthbook_split::vendor_split(std::move(unit), growthbook::detail::experiment_rule{from}, from.key)
    {
    }
};

/// Split as GrowthBook's simple rollout of a feature does. Covered units get arm 1.
template <class Projection>
class growthbook_rollout_split : public vendor_split<Projection, growthbook::detail::rollout_rule> {
public:
    /// Take the unit's projection and the rollout.
    growthbook_rollout_split(unit_projection<Projection> unit, growthbook::rollout from)
        : growthbook_rollout_split::vendor_split(std::move(unit), growthbook::detail::rollout_rule{from},
                                                 from.seed)
    {
    }
};

}  // namespace interop
}  // namespace v0
}  // namespace joust
