// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/gauss_legendre.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/numeric/not_a_number.hpp>
#include <joust/numeric/roots.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace joust {
inline namespace v0 {
namespace stats::detail {

// A Brownian motion with drift that is observed at looks, and stops where it leaves a region: the distribution of
// group-sequential score statistics.
//
// The sub-density of the motion that has not stopped is stored at Gauss-Legendre nodes of the last region. The nodes
// that the next step needs depend on its length, so the density is computed when the next look is known: each look
// costs one convolution.
// source: Armitage, McPherson and Rowe 1969; Jennison and Turnbull 2000, chapter 19.
class stopped_walk {
public:
    explicit stopped_walk(double drift = 0.0) : drift_(drift), at_{0.0}, mass_{1.0} {}

    // Advances to the look at `information`, which is more than at the last one.
    void go_to(double information)
    {
        if (pending_) {
            lay_out(information);
        }
        step_ = information - information_;
        deviation_ = std::sqrt(step_);
        next_ = information;
    }

    // Stops outside [lower, upper], in units of the score S = Z sqrt(information), at the current look.
    void keep(double lower, double upper)
    {
        lower_ = lower;
        upper_ = upper;
        pending_ = true;
    }

    // The probability of reaching the current look and being above (below) s there.
    [[nodiscard]] double above(double s) const { return tail(s, 1.0); }
    [[nodiscard]] double below(double s) const { return tail(s, -1.0); }

    // The sub-density at s.
    [[nodiscard]] double density(double s) const
    {
        const std::size_t from = first_within(s, -1.0);
        const std::size_t to = first_within(s, 1.0);
        const double scale = 1.0 / deviation_;
        double sum = 0.0;
        for (std::size_t i = from; i < to; ++i) {
            const double z = (s - at_[i] - drift_ * step_) * scale;
            sum += mass_[i] * std::exp(-0.5 * z * z);
        }
        return sum * inverse_sqrt_two_pi * scale;
    }

    // The s with `probability` above it (direction 1) or below it (-1); infinite where there is no such s.
    //
    // Survival functions of truncated sums of normal steps are log-concave, so Newton's steps on the logarithm
    // converge from beyond the root. A bracket catches steps that leap over the end of what can be represented.
    [[nodiscard]] double point(double probability, double direction) const
    {
        constexpr double infinity = std::numeric_limits<double>::infinity();
        if (!(probability > 0.0)) {
            return direction * infinity;
        }
        const double target = std::log(probability);
        const double centre = drift_ * next_;
        const double root = std::sqrt(next_);
        // x is the distance from the centre towards the tail, in standard deviations.
        const double start = normal_upper_quantile(probability < 0.5 ? probability : 0.5);
        constexpr double low = -40.0, high = 40.0;
        if (!(std::log(tail(centre + direction * low * root, direction)) >= target)) {
            return -direction * infinity;  // less probability than that is left in total
        }
        const solution found = rising_root(low, high, start, 1.0, [&](double x, double& slope) {
            const double s = centre + direction * x * root;
            const double p = tail(s, direction);
            slope = p > 0.0 ? density(s) * root / p : 0.0;
            return p > 0.0 ? target - std::log(p) : 1.0;
        });
        return found.converged ? centre + direction * found.at * root : not_a_number;
    }

private:
    // The first node whose steps to s can matter. In a tail the likeliest path to s leads over a proportional point
    // of the last look, so the reach grows with s.
    [[nodiscard]] std::size_t first_within(double s, double direction) const
    {
        const double proportional = std::fabs(s - drift_ * next_) * deviation_ / next_;
        const double reach = (9.0 + proportional) * deviation_;
        const double limit = s - drift_ * step_ + direction * reach;
        std::size_t low = 0;
        for (std::size_t high = at_.size(); low < high;) {
            const std::size_t middle = low + (high - low) / 2;
            if (at_[middle] < limit) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    [[nodiscard]] double tail(double s, double direction) const
    {
        const std::size_t from = first_within(s, -1.0);
        const std::size_t to = first_within(s, 1.0);
        const double scale = direction / deviation_;
        double sum = 0.0;
        for (std::size_t i = from; i < to; ++i) {
            sum += mass_[i] * normal_sf((s - at_[i] - drift_ * step_) * scale);
        }
        const std::size_t sure_from = direction > 0.0 ? to : 0;
        const std::size_t sure_to = direction > 0.0 ? at_.size() : from;
        for (std::size_t i = sure_from; i < sure_to; ++i) {
            sum += mass_[i];
        }
        return sum;
    }

    // Rules of a few sizes are kept: each look takes the smallest that resolves both its steps.
    [[nodiscard]] const quadrature_rule& rule_for(double widths)
    {
        const double wanted = 24.0 + 2.1 * widths;
        std::size_t n = 48;
        while (static_cast<double>(n) < wanted && n < 6'144) {
            n += n / 3;
        }
        for (const quadrature_rule& rule : rules_) {
            if (rule.nodes.size() == n) {
                return rule;
            }
        }
        rules_.push_back(gauss_legendre(n));
        return rules_.back();
    }

    void lay_out(double next)
    {
        const double root = std::sqrt(next_);
        const double centre = drift_ * next_;
        // An open end is cut where 1e-15 is left; a finite one is kept, so that tails keep their relative precision.
        double lower = std::isfinite(lower_) ? lower_ : centre - 8.0 * root;
        double upper = std::isfinite(upper_) ? upper_ : centre + 8.0 * root;
        lower = lower > centre - 38.0 * root ? lower : centre - 38.0 * root;
        upper = upper < centre + 38.0 * root ? upper : centre + 38.0 * root;
        if (!(lower < upper)) {
            at_.clear();
            mass_.clear();
        } else {
            const double after = std::sqrt(next - next_);
            const quadrature_rule& rule =
                rule_for((upper - lower) / (after < deviation_ ? after : deviation_));
            const double half = 0.5 * (upper - lower);
            const double middle = 0.5 * (upper + lower);
            std::vector<double> at(rule.nodes.size()), mass(rule.nodes.size());
            for (std::size_t i = 0; i < at.size(); ++i) {
                at[i] = middle + half * rule.nodes[i];
                mass[i] = half * rule.weights[i] * density(at[i]);
            }
            at_.swap(at);
            mass_.swap(mass);
        }
        information_ = next_;
        pending_ = false;
    }

    double drift_;
    double information_ = 0.0;  // that of the look whose density is stored
    double step_ = 0.0;         // the information from there to the current look
    double deviation_ = 0.0;
    double next_ = 0.0;
    double lower_ = 0.0;
    double upper_ = 0.0;
    bool pending_ = false;
    std::vector<double> at_;    // S
    std::vector<double> mass_;  // sub-density times weight
    std::vector<quadrature_rule> rules_;
};

}  // namespace stats::detail
}  // namespace v0
}  // namespace joust
