// SPDX-License-Identifier: Apache-2.0
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

/// The random operators of PlanOut, with the semantics of its Python reference and of its JavaScript build `core_compatible`.
///
/// First hash the unit with the salts of the experiment and of the parameter, and then apply an operator to the hash.
namespace planout {

/// The largest number of 15 hexadecimal digits. As a double it is 2^60.
inline constexpr double long_scale = 1152921504606846976.0;

namespace detail {

[[nodiscard]] constexpr std::uint64_t first_digits(const sha1::state& digest) noexcept
{
    return ((std::uint64_t{digest[0]} << 32) | digest[1]) >> 4;
}

[[nodiscard]] constexpr sha1 after_prefix(std::string_view experiment_salt, std::string_view salt) noexcept
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

/// Hash a unit for a parameter. Returns the first 15 hexadecimal digits of the SHA-1 of `experiment_salt.salt.unit`.
///
/// The salt of a parameter is its name unless it was given a salt.
/// source: Bakshy, Eckles, Bernstein 2014, Designing and deploying online field experiments; PlanOut's documentation
[[nodiscard]] constexpr std::uint64_t hash(std::string_view experiment_salt, std::string_view salt,
                                           std::string_view unit) noexcept
{
    return detail::first_digits(detail::after_prefix(experiment_salt, salt).add(unit).finish());
}

/// Hash a unit of several parts, such as a user and an item. Dots join the parts.
[[nodiscard]] constexpr std::uint64_t hash(std::string_view experiment_salt, std::string_view salt,
                                           std::span<const std::string_view> units) noexcept
{
    return detail::hash_units(detail::after_prefix(experiment_salt, salt), units);
}

/// Hash a unit with a full salt, which replaces the salts of the experiment and of the parameter.
[[nodiscard]] constexpr std::uint64_t hash_full_salt(std::string_view full_salt,
                                                     std::string_view unit) noexcept
{
    return detail::first_digits(sha1{}.add(full_salt).add(".").add(unit).finish());
}

/// Return the hash as a number in [0, 1].
[[nodiscard]] constexpr double uniform(std::uint64_t hash) noexcept
{
    return static_cast<double>(hash) / long_scale;
}

/// Apply RandomFloat(min, max).
[[nodiscard]] inline double random_float(std::uint64_t hash, double min, double max) noexcept
{
    return min + interop::detail::rounded((max - min) * uniform(hash));
}

/// Apply RandomInteger(min, max). Both ends are included.
/// assumes: min <= max, and fewer than 2^63 numbers from one to the other
[[nodiscard]] constexpr std::int64_t random_integer(std::uint64_t hash, std::int64_t min,
                                                    std::int64_t max) noexcept
{
    return min + static_cast<std::int64_t>(hash % (static_cast<std::uint64_t>(max - min) + 1));
}

/// Apply BernoulliTrial(p): u <= p. With p = 0 it is still true for the hash 0.
[[nodiscard]] constexpr bool bernoulli_trial(std::uint64_t hash, double p) noexcept
{
    return uniform(hash) <= p;
}

/// Apply UniformChoice. Returns the index of the choice. assumes: choices > 0
[[nodiscard]] constexpr std::size_t uniform_choice(std::uint64_t hash, std::size_t choices) noexcept
{
    return static_cast<std::size_t>(hash % choices);
}

/// Apply WeightedChoice. Returns the index of the first choice whose running sum of weights is at least u times their sum.
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
    /// The experiment's name, unless it was given a salt. It names the trial.
    std::string experiment_salt{};
    /// The parameter's name, unless it was given a salt.
    std::string salt{};
    /// The weights of a WeightedChoice. If they are empty, the parameter is a UniformChoice.
    std::vector<double> weights{};
    /// The number of choices of a UniformChoice.
    std::size_t choices = 2;
};

namespace detail {

class rule {
public:
    explicit rule(parameter from)
        : start_(after_prefix(from.experiment_salt, from.salt)), weights_(std::move(from.weights)),
          arms_(weights_.empty() ? from.choices : weights_.size())
    {
        interop::detail::demand_arms(arms_, "planout_split.weights");
        for (const double weight : weights_) {
            interop::detail::demand(weight >= 0.0 && weight <= 1e300, "planout_split.weights",
                                    to_text(weight) + " for one choice", "weights that are not negative");
            sum_ += weight;
        }
    }

    [[nodiscard]] constexpr std::size_t arms() const noexcept { return arms_; }

    [[nodiscard]] constexpr placement place(std::string_view unit) const noexcept
    {
        if (!weights_.empty() && !(sum_ > 0.0)) {
            return {};  // A WeightedChoice whose weights are all 0 always takes the first choice.
        }
        sha1 running = start_;
        const std::uint64_t found = first_digits(running.add(unit).finish());
        return placement::in(static_cast<unsigned>(weights_.empty()
                                                       ? uniform_choice(found, arms_)
                                                       : weighted_choice(found, weights_).value_or(nobody)));
    }

    [[nodiscard]] arm_shares shares() const
    {
        arm_shares shares;
        for (unsigned arm = 0; arm < arms_ && (weights_.empty() || sum_ > 0.0); ++arm) {
            shares.add(arm, weights_.empty() ? 1.0 / static_cast<double>(arms_) : weights_[arm] / sum_);
        }
        return shares;
    }

private:
    sha1 start_;
    std::vector<double> weights_;
    std::size_t arms_;
    double sum_ = 0.0;
};

}  // namespace detail
}  // namespace planout

/// Split as a WeightedChoice or UniformChoice of PlanOut does.
///
/// When to use: to take over a running experiment without moving a user.
/// When not: for a new test, since SHA-1 is expensive.
/// shape: `interop::planout_split{by(&Request::user_id), {.experiment_salt = "signup", .salt = "button", .weights = {3, 1}}}`
/// errors: configuration_error for a parameter that cannot be used
/// cost: 200 ns, for SHA-1
template <class Projection>
class planout_split : public vendor_split<Projection, planout::detail::rule> {
public:
    /// Take the unit's projection and the parameter.
    planout_split(unit_projection<Projection> unit, planout::parameter from)
        : planout_split::vendor_split(std::move(unit), planout::detail::rule{from}, from.experiment_salt)
    {
    }
};

}  // namespace interop
}  // namespace v0
}  // namespace joust
