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

/// What GrowthBook's SDKs hash where a text is not ASCII; they do not agree.
enum class encoding : std::uint8_t {
    /// UTF-16 code units: JavaScript and React, which GrowthBook's own cases are written for
    utf16,
    /// Unicode code points: Python; differs from utf16 beyond U+FFFF only
    code_points,
    /// bytes: Go, and others that hash a byte array
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

// Version 1: one hash, a thousand buckets.
inline constexpr std::uint32_t buckets_v1 = 1'000;
// Version 2: the hash of the first hash's decimal digits, ten thousand buckets.
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

/// Compute the number in [0, 1) that GrowthBook compares with ranges; nothing for a version it does not know.
///
/// Version 1 is the default of experiments and rollouts, version 2 that of filters and of what its web page makes today.
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

/// A part of [0, 1), without its end.
struct range {
    double start = 0.0;
    double end = 0.0;
    [[nodiscard]] constexpr bool contains(double n) const noexcept { return n >= start && n < end; }
    bool operator==(const range&) const = default;
};

/// Lay out variations: each starts where the weights before it end, and has `coverage` of its own weight.
///
/// As GrowthBook does, take equal weights where there are none, not one each, or their sum is below 0.99 or above 1.01.
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

// From the last to the first, so that the first that holds the number stays, and no branch is mispredicted.
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

/// Find the first range that holds a number.
[[nodiscard]] constexpr std::optional<unsigned> choose_variation(double n,
                                                                 std::span<const range> ranges) noexcept
{
    const unsigned found = detail::first_range(n, ranges);
    return found == nobody ? std::nullopt : std::optional{found};
}

/// Mutual exclusion of old: the part of a named space that an experiment owns.
struct name_space {
    std::string id;
    double start = 0.0;
    double end = 1.0;
};

/// Mutual exclusion and holdouts: only values whose own bucket is in one of the ranges pass.
struct filter {
    std::string seed;
    std::vector<range> ranges;
    int hash_version = 2;
};

/// Tell whether a value is in a namespace.
[[nodiscard]] constexpr bool in_namespace(std::string_view value, std::string_view id, double start,
                                          double end, encoding how = encoding::utf16) noexcept
{
    const fnv1a hash = detail::feed(detail::feed(detail::feed(fnv1a{}, value, how), "__", how), id, how);
    return range{start, end}.contains(static_cast<double>(hash.value() % detail::buckets_v1) /
                                      detail::buckets_v1);
}

/// Tell whether a value is in a simple rollout: n <= coverage, so its end belongs to it; coverage 0 lets nobody in.
[[nodiscard]] constexpr bool in_rollout(std::string_view seed, std::string_view value, double coverage,
                                        int version = 1, encoding how = encoding::utf16) noexcept
{
    if (value.empty() || coverage == 0.0) {
        return false;
    }
    const std::optional<double> n = bucket(seed, value, version, how);
    return n && *n <= coverage;
}

/// An experiment as GrowthBook's payload has it, without its conditions: say those with when(...).
struct experiment {
    std::string key{};
    /// empty: the key
    std::string seed{};
    /// 1 or 2
    int hash_version = 1;
    /// where neither weights nor ranges are given: equal weights
    std::size_t variations = 2;
    /// one for each variation, the control first; their sum is 1
    std::vector<double> weights{};
    /// part of each weight that is enrolled
    double coverage = 1.0;
    /// in place of weights and coverage
    std::vector<range> ranges{};
    /// all have to let the unit pass; on the same attribute as the experiment
    std::vector<filter> filters{};
    /// not looked at where there are filters
    std::optional<growthbook::name_space> name_space{};
    growthbook::encoding encoding = growthbook::encoding::utf16;
};

/// A simple rollout: arm 1 for the covered, arm 0 for the others; both are enrolled.
struct rollout {
    /// the feature's key, or the rule's seed
    std::string seed{};
    double coverage = 1.0;
    int hash_version = 1;
    growthbook::encoding encoding = growthbook::encoding::utf16;
};

namespace detail {

// A seed and a version, ready to place values.
class hasher {
public:
    hasher(std::string seed, int version, encoding how, std::string_view field)
        : seed_(std::move(seed)), version_(version), how_(how), behind_seed_(feed(fnv1a{}, seed_, how))
    {
        interop::detail::demand(version == 1 || version == 2, field, std::to_string(version), "1 or 2");
    }

    [[nodiscard]] constexpr std::uint32_t size() const noexcept
    {
        return version_ == 2 ? buckets_v2 : buckets_v1;
    }
    [[nodiscard]] constexpr double operator()(std::string_view value) const noexcept
    {
        return number(version_ == 2 ? grid_v2(feed(behind_seed_, value, how_).value())
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
    fnv1a behind_seed_;
};

inline void demand_range(const range& r, std::string_view field)
{
    interop::detail::demand(r.start <= r.end, field,
                            interop::detail::interval_text(to_text(r.start), to_text(r.end), ')'),
                            "a start that is not above the end");
}

class experiment_rule {
public:
    explicit experiment_rule(experiment from)
        : hash_(from.seed.empty() ? from.key : std::move(from.seed), from.hash_version, from.encoding,
                "growthbook_split.hash_version"),
          ranges_(layout(from))
    {
        if (from.filters.empty() && from.name_space) {
            // A namespace is a filter of version 1 behind two underscores.
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

    // Buckets are counted one by one, which takes every rounding of the ranges' ends as it is. A gate with the experiment's own
    // seed sees the same bucket; the others are independent of it.
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
/// When to use: to take over a running experiment without moving a user, or to let two services agree. When not: for a new
/// test; hash_split ramps finer and costs less. Conditions, sticky buckets and forced variations are the caller's.
/// shape: `interop::growthbook_split{by(&Request::user_id), {.key = "checkout", .hash_version = 2, .weights = {0.5, 0.5}}}`
/// errors: configuration_error
/// cost: 55 ns for 16 bytes behind 12, 25 with version 1
template <class Projection>
class growthbook_split : public vendor_split<Projection, growthbook::detail::experiment_rule> {
public:
    growthbook_split(unit_projection<Projection> unit, growthbook::experiment from)
        : growthbook_split::vendor_split(std::move(unit), growthbook::detail::experiment_rule{from}, from.key)
    {
    }
};

/// Split as GrowthBook's simple rollout of a feature does: arm 1 is what the covered get.
template <class Projection>
class growthbook_rollout_split : public vendor_split<Projection, growthbook::detail::rollout_rule> {
public:
    growthbook_rollout_split(unit_projection<Projection> unit, growthbook::rollout from)
        : growthbook_rollout_split::vendor_split(std::move(unit), growthbook::detail::rollout_rule{from},
                                                 from.seed)
    {
    }
};

}  // namespace interop
}  // namespace v0
}  // namespace joust
