// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/normal.hpp>

#include <cmath>
#include <cstdint>

namespace joust {
inline namespace v0 {
namespace stats {

/// Spend almost no error early and nearly all at the end: bounds like those of O'Brien and Fleming.
///
/// When to use: the usual choice; the last bound is close to that of a test with a single look.
/// source: Lan and DeMets 1983, 2 - 2 Phi(z / sqrt t) with z at alpha / 2.
struct obrien_fleming {
    /// Return how much of alpha may be spent up to the fraction t of the planned information.
    [[nodiscard]] double operator()(double alpha, double t) const noexcept
    {
        return 2.0 * normal_sf(normal_upper_quantile(0.5 * alpha) / std::sqrt(t));
    }
    /// Compare all members.
    bool operator==(const obrien_fleming&) const = default;
};

/// Spend error about evenly: bounds of nearly equal height, like Pocock's.
///
/// When to use: large effects should stop the trial early. When not: power at the planned end matters most.
///
/// source: Lan and DeMets 1983, alpha log(1 + (e - 1) t).
struct pocock {
    /// Return how much of alpha may be spent up to the fraction t of the planned information.
    [[nodiscard]] double operator()(double alpha, double t) const noexcept
    {
        return alpha * std::log1p(1.71828182845904523536 * t);
    }
    /// Compare all members.
    bool operator==(const pocock&) const = default;
};

/// Spend by an exponential family.
///
/// source: Hwang, Shih and DeCani 1990.
struct hwang_shih_decani {
    /// The shape: -4 is much like O'Brien-Fleming, 1 is like Pocock, and 0 is linear.
    double gamma = -4.0;
    /// Return how much of alpha may be spent up to the fraction t of the planned information.
    [[nodiscard]] double operator()(double alpha, double t) const noexcept
    {
        return gamma == 0.0 ? alpha * t : alpha * (std::expm1(-gamma * t) / std::expm1(-gamma));
    }
    /// Compare all members.
    bool operator==(const hwang_shih_decani&) const = default;
};

/// Spend alpha t^rho.
///
/// source: Kim and DeMets 1987.
struct power_family {
    /// The shape: 3 is much like O'Brien-Fleming, and 1 is linear.
    double rho = 2.0;
    /// Return how much of alpha may be spent up to the fraction t of the planned information.
    [[nodiscard]] double operator()(double alpha, double t) const noexcept
    {
        return alpha * std::pow(t, rho);
    }
    /// Compare all members.
    bool operator==(const power_family&) const = default;
};

/// Hold any of the spending functions as a value.
/// cost: O(1) for each function; a call of a function of one's own
class spending_function {
public:
    /// Hold this spending function.
    constexpr spending_function(obrien_fleming = {}) noexcept {}
    /// Hold this spending function.
    constexpr spending_function(pocock) noexcept : family_(family::pocock) {}
    /// Hold this spending function.
    constexpr spending_function(hwang_shih_decani given) noexcept
        : family_(family::hwang_shih_decani), parameter_(given.gamma)
    {
    }
    /// Hold this spending function.
    constexpr spending_function(power_family given) noexcept : family_(family::power), parameter_(given.rho)
    {
    }

    /// Is the parameter in the family's range?
    [[nodiscard]] bool usable() const noexcept
    {
        switch (family_) {
            case family::hwang_shih_decani: return std::fabs(parameter_) < 500.0;
            case family::power: return parameter_ > 0.0 && std::isfinite(parameter_);
            default: return true;
        }
    }

    /// Return how much of alpha may be spent up to the fraction t of the planned information.
    [[nodiscard]] double operator()(double alpha, double t) const noexcept
    {
        switch (family_) {
            case family::pocock: return pocock{}(alpha, t);
            case family::hwang_shih_decani: return hwang_shih_decani{parameter_}(alpha, t);
            case family::power: return power_family{parameter_}(alpha, t);
            default: return obrien_fleming{}(alpha, t);
        }
    }

    /// Compare all members.
    bool operator==(const spending_function&) const = default;

private:
    enum class family : std::uint8_t { obrien_fleming, pocock, hwang_shih_decani, power };
    family family_ = family::obrien_fleming;
    double parameter_ = 0.0;
};

/// Return how much of `alpha` may be spent up to the fraction `t` of the planned information: 0 at 0, and all from 1
/// on.
///
/// errors: NaN unless 0 <= alpha < 1, t >= 0 and the function's parameter is finite (rho also positive).
/// cost: O(1), one normal tail or one power.
[[nodiscard]] inline double spend(const spending_function& function, double alpha, double t) noexcept
{
    if (!(alpha >= 0.0 && alpha < 1.0 && t >= 0.0) || !function.usable()) {
        return not_a_number;
    }
    return t >= 1.0 || alpha == 0.0 ? alpha : t == 0.0 ? 0.0 : function(alpha, t);
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
