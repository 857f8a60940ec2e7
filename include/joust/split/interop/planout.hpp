#pragma once

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

/// PlanOut's random operators, with the semantics of its Python reference; so too its JavaScript build `core_compatible`.
///
/// First hash the unit behind the experiment's salt and the parameter's, then apply the operator to the hash.
namespace planout {

/// The largest number of 15 hexadecimal digits, as a double: 2^60.
inline constexpr double long_scale = 1152921504606846976.0;

namespace detail {

[[nodiscard]] constexpr std::uint64_t first_digits(const sha1::state& digest) noexcept
{
    return ((std::uint64_t{digest[0]} << 32) | digest[1]) >> 4;
}

[[nodiscard]] constexpr sha1 behind(std::string_view experiment_salt, std::string_view salt) noexcept
{
    return sha1{}.add(experiment_salt).add(".").add(salt).add(".");
}

[[nodiscard]] constexpr std::uint64_t hash_units(sha1 hash, std::span<const std::string_view> units) noexcept
{
    for (std::size_t i = 0; i < units.size(); ++i) {
        hash.add(i == 0 ? "" : ".").add(units[i]);
    }
    return first_digits(hash.finish());
}

}  // namespace detail

/// Hash a unit for a parameter: SHA-1 of `experiment_salt.salt.unit`, of which the first 15 hexadecimal digits count.
///
/// The parameter's salt is its name unless it was given one.
/// source: Bakshy, Eckles, Bernstein 2014, Designing and deploying online field experiments; PlanOut's documentation
[[nodiscard]] constexpr std::uint64_t hash(std::string_view experiment_salt, std::string_view salt,
                                           std::string_view unit) noexcept
{
    return detail::first_digits(detail::behind(experiment_salt, salt).add(unit).finish());
}

/// Hash a unit of several parts, such as a user and an item: they are joined by dots.
[[nodiscard]] constexpr std::uint64_t hash(std::string_view experiment_salt, std::string_view salt,
                                           std::span<const std::string_view> units) noexcept
{
    return detail::hash_units(detail::behind(experiment_salt, salt), units);
}

/// Hash a unit behind a full salt, which replaces the experiment's and the parameter's.
[[nodiscard]] constexpr std::uint64_t hash_full_salt(std::string_view full_salt,
                                                     std::string_view unit) noexcept
{
    return detail::first_digits(sha1{}.add(full_salt).add(".").add(unit).finish());
}

/// The hash as a number in [0, 1].
[[nodiscard]] constexpr double uniform(std::uint64_t hash) noexcept
{
    return static_cast<double>(hash) / long_scale;
}

/// RandomFloat(min, max).
[[nodiscard]] inline double random_float(std::uint64_t hash, double min, double max) noexcept
{
    return min + interop::detail::rounded((max - min) * uniform(hash));
}

/// RandomInteger(min, max), both included. assumes: min <= max, and fewer than 2^63 numbers from one to the other
[[nodiscard]] constexpr std::int64_t random_integer(std::uint64_t hash, std::int64_t min,
                                                    std::int64_t max) noexcept
{
    return min + static_cast<std::int64_t>(hash % (static_cast<std::uint64_t>(max - min) + 1));
}

/// BernoulliTrial(p): u <= p, so p = 0 still lets the one hash 0 in.
[[nodiscard]] constexpr bool bernoulli_trial(std::uint64_t hash, double p) noexcept
{
    return uniform(hash) <= p;
}

/// UniformChoice: the index of the choice. assumes: choices > 0
[[nodiscard]] constexpr std::size_t uniform_choice(std::uint64_t hash, std::size_t choices) noexcept
{
    return static_cast<std::size_t>(hash % choices);
}

/// WeightedChoice: the index of the first choice whose running sum of weights is not below u times their sum.
[[nodiscard]] constexpr std::optional<std::size_t> weighted_choice(std::uint64_t hash,
                                                                   std::span<const double> weights) noexcept
{
    double sum = 0.0;
    for (const double weight : weights) {
        sum += weight;
    }
    const double stop = uniform(hash) * sum;
    double running = 0.0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        running += weights[i];
        if (stop <= running) {
            return i;
        }
    }
    return std::nullopt;
}

/// A parameter that chooses the arm.
struct parameter {
    /// the experiment's name, unless it was given a salt
    std::string experiment_salt{};
    /// the parameter's name, unless it was given a salt
    std::string salt{};
    /// of a WeightedChoice; empty: a UniformChoice
    std::vector<double> weights{};
    /// of a UniformChoice
    std::size_t choices = 2;
};

namespace detail {

class rule {
public:
    explicit rule(parameter from)
        : start_(behind(from.experiment_salt, from.salt)), weights_(std::move(from.weights)),
          arms_(weights_.empty() ? from.choices : weights_.size())
    {
        interop::detail::demand_arms(arms_, "planout_split.weights");
        for (const double weight : weights_) {
            interop::detail::demand(weight >= 0.0 && weight <= 1e300, "planout_split.weights",
                                    to_text(weight) + " for one choice", "weights that are not negative");
        }
    }

    [[nodiscard]] constexpr std::size_t arms() const noexcept { return arms_; }

    [[nodiscard]] constexpr placement place(std::string_view unit) const noexcept
    {
        sha1 running = start_;
        const std::uint64_t found = first_digits(running.add(unit).finish());
        return placement::in(static_cast<unsigned>(weights_.empty()
                                                       ? uniform_choice(found, arms_)
                                                       : weighted_choice(found, weights_).value_or(nobody)));
    }

    [[nodiscard]] arm_shares shares() const
    {
        double sum = 0.0;
        for (const double weight : weights_) {
            sum += weight;
        }
        arm_shares shares;
        for (unsigned arm = 0; arm < arms_; ++arm) {
            shares.add(arm, weights_.empty() ? 1.0 / static_cast<double>(arms_) : weights_[arm] / sum);
        }
        return shares;
    }

private:
    sha1 start_;
    std::vector<double> weights_;
    std::size_t arms_;
};

}  // namespace detail
}  // namespace planout

/// Split as a WeightedChoice or UniformChoice of PlanOut does.
///
/// When to use: to take over a running experiment without moving a user. When not: for a new test; SHA-1 is dear.
/// shape: `interop::planout_split{by(&Request::user_id), {.experiment_salt = "signup", .salt = "button", .weights = {3, 1}}}`
/// errors: configuration_error
/// cost: 200 ns: SHA-1
template <class Projection>
class planout_split : public vendor_split<Projection, planout::detail::rule> {
public:
    planout_split(unit_projection<Projection> unit, planout::parameter from)
        : planout_split::vendor_split(std::move(unit), planout::detail::rule{from}, from.experiment_salt)
    {
    }
};

}  // namespace interop
}  // namespace v0
}  // namespace joust
