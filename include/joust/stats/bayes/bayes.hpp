// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/distributions.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/numeric/roots.hpp>
#include <joust/numeric/unimodal_integral.hpp>
#include <joust/stats/moments.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace stats {

/// Describe the belief about a proportion: a beta distribution. The default is the uniform prior.
struct beta_belief {
    /// The first parameter: successes, as pseudo-counts.
    double a = 1.0;
    /// The second parameter: failures, as pseudo-counts.
    double b = 1.0;
    /// Compare all members.
    bool operator==(const beta_belief&) const = default;
};

/// Describe the belief about a mean or an effect: a normal distribution.
struct normal_belief {
    /// The mean of the distribution.
    double mean = 0.0;
    /// The standard deviation; infinite for a flat prior.
    double sd = std::numeric_limits<double>::infinity();
    /// Compare all members.
    bool operator==(const normal_belief&) const = default;
};

/// Set up the Bayesian comparisons.
struct bayes_options {
    /// The probability that the credible intervals leave out.
    double alpha = 0.05;
    /// True where smaller values of the metric are better.
    bool lower_is_better = false;
};

/// Set up normal_normal from data.
struct effect_prior_options {
    /// The prior of the difference, first minus second.
    normal_belief prior{};
    /// The probability that the credible intervals leave out.
    double alpha = 0.05;
    /// True where smaller values of the metric are better.
    bool lower_is_better = false;
};

/// Report the belief about two arms. `estimate`, `lower` and `upper` describe first minus second.
///
/// Both probabilities are computed directly, so the smaller one is accurate however small it is. A loss is what
/// choosing that arm costs on average, in units of the metric.
struct bayes_result {
    /// The name of the method, for reports.
    std::string_view method{};
    /// The probability that the first arm is the better one.
    double probability_first = not_a_number;
    /// The probability that the second arm is the better one.
    double probability_second = not_a_number;
    /// The expected loss of choosing the first arm.
    double loss_first = not_a_number;
    /// The expected loss of choosing the second arm.
    double loss_second = not_a_number;
    /// The posterior mean of the difference.
    double estimate = not_a_number;
    /// The lower end of the credible interval.
    double lower = not_a_number;
    /// The upper end of the credible interval.
    double upper = not_a_number;
    /// Whether the numbers are valid, and why not.
    status state = status::too_few;
};

/// Report the belief about one of k arms.
struct arm_belief {
    /// The posterior mean.
    double mean = not_a_number;
    /// The lower end of the credible interval.
    double lower = not_a_number;
    /// The upper end of the credible interval.
    double upper = not_a_number;
    /// The probability that this arm is the best one.
    double probability_best = not_a_number;
    /// The expected loss of choosing this arm instead of the best one.
    double expected_loss = not_a_number;
    /// Whether the numbers are valid, and why not.
    status state = status::too_few;
};

/// Update the belief about a proportion by k successes in n.
///
/// errors: NaN parameters for k > n.
/// cost: two additions.
[[nodiscard]] constexpr beta_belief beta_posterior(std::uint64_t k, std::uint64_t n,
                                                   beta_belief prior = {}) noexcept
{
    if (k > n) {
        return {not_a_number, not_a_number};
    }
    return {prior.a + static_cast<double>(k), prior.b + static_cast<double>(n - k)};
}

/// Update the belief about a mean or an effect by an estimate with its standard error.
///
/// errors: NaN unless the error is above 0 and everything else is a number.
/// cost: O(1), two divisions.
[[nodiscard]] inline normal_belief normal_posterior(double estimate, double standard_error,
                                                    normal_belief prior = {}) noexcept
{
    if (!(standard_error > 0.0 && std::isfinite(standard_error) && std::isfinite(estimate) &&
          std::isfinite(prior.mean) && prior.sd > 0.0)) {
        return {not_a_number, not_a_number};
    }
    if (std::isinf(prior.sd)) {
        return {estimate, standard_error};
    }
    // The weight of the data is a quotient that neither overflows nor cancels.
    const double q = standard_error / prior.sd;
    const double weight = 1.0 / (1.0 + q * q);
    return {prior.mean + weight * (estimate - prior.mean), standard_error * std::sqrt(weight)};
}

namespace detail {

[[nodiscard]] inline status state_of(const beta_belief& p) noexcept
{
    return p.a >= 1e-3 && p.b >= 1e-3 && p.a < 1e15 && p.b < 1e15 ? status::ok : status::out_of_range;
}

[[nodiscard]] inline status state_of(const normal_belief& p) noexcept
{
    if (!(std::isfinite(p.mean) && p.sd >= 0.0 && std::isfinite(p.sd))) {
        return status::out_of_range;
    }
    return p.sd > 0.0 ? status::ok : status::zero_variance;
}

// The place of the narrowest of several beliefs: points are counted from it, because only a difference of two points can be
// far more accurate than the points.
template <class Scale, class Belief>
[[nodiscard]] double narrowest_centre(std::span<const Belief> arms) noexcept
{
    double width = std::numeric_limits<double>::infinity();
    double centre = 0.0;
    for (const Belief& p : arms) {
        if (Scale::width(p) < width) {
            width = Scale::width(p);
            centre = Scale::place(p);
        }
    }
    return centre;
}

// A few places at which panels of an integral begin.
struct bends {
    double at[6] = {};
    std::size_t count = 0;

    void add(double place) noexcept
    {
        for (std::size_t i = 0; i < count; ++i) {
            if (std::fabs(at[i] - place) < 1.0) {
                return;
            }
        }
        if (count < std::size(at)) {
            at[count++] = place;
        }
    }
    [[nodiscard]] std::span<const double> all() const noexcept { return {at, count}; }
};

// A proportion on the logit scale, where beta densities and tails are log-concave, and tails never round to 0 or 1.
// Beyond `end` all of them are pure exponentials. v is a logit less that of the reference.
class logit_scale {
public:
    static constexpr double end = 600.0;

    explicit logit_scale(std::span<const beta_belief> arms) noexcept
        : reference_(clamp(narrowest_centre<logit_scale>(arms))), x_(x_of(reference_)), y_(x_of(-reference_))
    {
    }

    [[nodiscard]] static double x_of(double u) noexcept { return 1.0 / (1.0 + std::exp(-u)); }
    [[nodiscard]] static double clamp(double u) noexcept { return u < -end ? -end : u > end ? end : u; }
    [[nodiscard]] static double place(const beta_belief& p) noexcept { return std::log(p.a) - std::log(p.b); }
    [[nodiscard]] static double width(const beta_belief& p) noexcept
    {
        return std::sqrt(1.0 / p.a + 1.0 / p.b);
    }
    [[nodiscard]] static beta_belief mirrored(const beta_belief& p) noexcept { return {p.b, p.a}; }

    [[nodiscard]] double centre(const beta_belief& p) const noexcept { return place(p) - reference_; }

    // Where wide beliefs, those with a small parameter, bend within a distance of 1: at 1/2 and at their own places.
    [[nodiscard]] bends bends_of(std::span<const beta_belief> arms) const noexcept
    {
        bends out;
        for (const beta_belief& p : arms) {
            if (p.a < 10.0 || p.b < 10.0) {
                out.add(-reference_);
                out.add(centre(p));
            }
        }
        return out;
    }

    [[nodiscard]] double log_density(const beta_belief& p, double v) const noexcept
    {
        const double u = reference_ + v;
        const double w = clamp(u);
        return log_beta_term(p.a, p.b, x_of(w), x_of(-w), excess(p, v)) + (u < w ? p.a : -p.b) * (u - w);
    }
    [[nodiscard]] double log_cdf(const beta_belief& p, double v) const noexcept
    {
        const double u = reference_ + v;
        if (u > end) {
            return std::log1p(-std::exp(log_sf(p, v)));
        }
        const double w = clamp(u);
        return log_incomplete_beta(p.a, p.b, x_of(w), x_of(-w), excess(p, v)) + (u < w ? p.a * (u - w) : 0.0);
    }
    [[nodiscard]] double log_sf(const beta_belief& p, double v) const noexcept
    {
        const double u = reference_ + v;
        if (u < -end) {
            return std::log1p(-std::exp(log_cdf(p, v)));
        }
        const double w = clamp(u);
        return log_incomplete_beta(p.b, p.a, x_of(-w), x_of(w), -excess(p, v)) +
               (u > w ? -p.b * (u - w) : 0.0);
    }
    // d theta / dv = x (1 - x)
    [[nodiscard]] double log_measure(double v) const noexcept
    {
        const double u = std::fabs(reference_ + v);
        return -u - 2.0 * std::log1p(std::exp(-u));
    }

private:
    // a - (a + b) x; near the reference from the difference of x, which the sum of reference and v would round.
    [[nodiscard]] double excess(const beta_belief& p, double v) const noexcept
    {
        if (std::fabs(v) < 0.01) {
            const double step = std::expm1(v);
            return beta_excess(p.a, p.b, x_, y_) - (p.a + p.b) * (x_ * y_ * step / (1.0 + x_ * step));
        }
        const double w = clamp(reference_ + v);
        return beta_excess(p.a, p.b, x_of(w), x_of(-w));
    }

    double reference_;
    double x_;
    double y_;
};

class normal_scale {
public:
    explicit normal_scale(std::span<const normal_belief> arms) noexcept
        : reference_(narrowest_centre<normal_scale>(arms))
    {
    }

    [[nodiscard]] static double place(const normal_belief& p) noexcept { return p.mean; }
    [[nodiscard]] static double width(const normal_belief& p) noexcept { return p.sd; }
    [[nodiscard]] static normal_belief mirrored(const normal_belief& p) noexcept { return {-p.mean, p.sd}; }

    [[nodiscard]] double centre(const normal_belief& p) const noexcept { return p.mean - reference_; }
    [[nodiscard]] static bends bends_of(std::span<const normal_belief> /* arms */) noexcept { return {}; }

    [[nodiscard]] double log_density(const normal_belief& p, double v) const noexcept
    {
        const double z = scaled(p, v);
        return -0.5 * z * z - half_log_two_pi - std::log(p.sd);
    }
    [[nodiscard]] double log_cdf(const normal_belief& p, double v) const noexcept
    {
        return log_normal_cdf(scaled(p, v));
    }
    [[nodiscard]] double log_sf(const normal_belief& p, double v) const noexcept
    {
        return log_normal_sf(scaled(p, v));
    }
    [[nodiscard]] static double log_measure(double /* v */) noexcept { return 0.0; }

private:
    [[nodiscard]] double scaled(const normal_belief& p, double v) const noexcept
    {
        return (reference_ - p.mean + v) / p.sd;
    }

    double reference_;
};

// P(arm i is the largest): the integral of its density times the cdfs of the others, a product with one peak.
template <class Scale, class Belief>
[[nodiscard]] double probability_largest(std::span<const Belief> arms, std::size_t i) noexcept
{
    const Scale scale{arms};
    const auto log_f = [&](double v) {
        double sum = scale.log_density(arms[i], v);
        for (std::size_t j = 0; j < arms.size(); ++j) {
            sum += j == i ? 0.0 : scale.log_cdf(arms[j], v);
        }
        return sum;
    };
    const double p = std::exp(log_unimodal_integral(log_f, scale.centre(arms[i]), Scale::width(arms[i]),
                                                    scale.bends_of(arms).all()));
    return p > 1.0 ? 1.0 : p;
}

// E[(max of the others - arm i)+], the integral of P(i < x, some other > x). "Some other" is split by the first arm
// above x, so each part has one peak and nothing is subtracted.
template <class Scale, class Belief>
[[nodiscard]] double loss_of(std::span<const Belief> arms, std::size_t i) noexcept
{
    const Scale scale{arms};
    double loss = 0.0;
    for (std::size_t j = 0; j < arms.size(); ++j) {
        if (j == i) {
            continue;
        }
        const auto log_f = [&](double v) {
            double sum = scale.log_measure(v) + scale.log_cdf(arms[i], v) + scale.log_sf(arms[j], v);
            for (std::size_t l = 0; l < j; ++l) {
                sum += l == i ? 0.0 : scale.log_cdf(arms[l], v);
            }
            return sum;
        };
        const double start = 0.5 * (scale.centre(arms[i]) + scale.centre(arms[j]));
        loss += std::exp(log_unimodal_integral(log_f, start,
                                               std::fmin(Scale::width(arms[i]), Scale::width(arms[j])),
                                               scale.bends_of(arms).all()));
    }
    return loss;
}

template <class Scale, class Belief>
[[nodiscard]] std::vector<arm_belief> judge_arms(std::span<const Belief> arms, const bayes_options& options)
{
    std::vector<arm_belief> out(arms.size());
    std::vector<Belief> oriented;
    status state = is_alpha(options.alpha) ? status::ok : status::out_of_range;
    for (const Belief& p : arms) {
        state = state == status::ok ? state_of(p) : state;
        oriented.push_back(options.lower_is_better ? Scale::mirrored(p) : p);
    }
    for (std::size_t i = 0; i < arms.size(); ++i) {
        out[i].state = state;
        if (state != status::ok) {
            continue;
        }
        if (arms.size() == 1) {
            out[i].probability_best = 1.0;
            out[i].expected_loss = 0.0;
        } else {
            out[i].probability_best = probability_largest<Scale>(std::span<const Belief>{oriented}, i);
            out[i].expected_loss = loss_of<Scale>(std::span<const Belief>{oriented}, i);
            if (std::isnan(out[i].probability_best + out[i].expected_loss)) {
                out[i].state = status::not_converged;
            }
        }
    }
    return out;
}

[[nodiscard]] inline double mean_of(const beta_belief& p) noexcept
{
    return p.a / (p.a + p.b);
}

// a / n - c / m by its cross product, because the means may be nearly equal.
[[nodiscard]] inline double mean_difference_of(const beta_belief& first, const beta_belief& second) noexcept
{
    const double product = first.b * second.a;
    const double cross = std::fma(first.a, second.b, -product) - std::fma(first.b, second.a, -product);
    return cross / (first.a + first.b) / (second.a + second.b);
}

// As difference_cdf, where the second density vanishes at both ends: the integral over the second proportion, counted
// from its mean. Both excesses are then products of differences, whatever the size of the counts.
[[nodiscard]] inline double inner_difference_cdf(const beta_belief& first, const beta_belief& second,
                                                 double d) noexcept
{
    const double mean = mean_of(second);
    const double gap = mean_difference_of(first, second) - d;
    const double n1 = first.a + first.b;
    const double n2 = second.a + second.b;
    const double other = second.b / n2;
    const double width = std::sqrt(mean * other / n2);
    const auto log_f = [&](double t) {
        const double y = mean + t;
        const double x = y + d;
        if (!(y > 0.0 && other - t > 0.0 && x > 0.0)) {
            return -std::numeric_limits<double>::infinity();
        }
        const double density =
            log_beta_term(second.a, second.b, y, other - t, -n2 * t) - std::log(y) - std::log(other - t);
        return density +
               (x < 1.0 ? log_incomplete_beta(first.a, first.b, x, other - t - d, n1 * (gap - t)) : 0.0);
    };
    // The first proportion is above 0 from here on.
    const double least = -(mean + d);
    double start = least < 0.0 ? 0.0 : least + 0.5 * (width < other - least ? width : other - least);
    return std::exp(log_unimodal_integral(log_f, start, width));
}

// P(first - second <= d) for two proportions. The integral over the second one, which is the narrower, covers the range
// in which the first one's cdf is neither 0 nor 1, on the logit scale of that range, so that no singular end is cut.
[[nodiscard]] inline double difference_cdf(const beta_belief& first, const beta_belief& second,
                                           double d) noexcept
{
    if (!(d > -1.0)) {
        return 0.0;
    }
    if (!(d < 1.0)) {
        return 1.0;
    }
    const auto variance = [](const beta_belief& p) {
        const double n = p.a + p.b;
        return p.a / n * (p.b / n) / (n + 1.0);
    };
    if (variance(first) < variance(second)) {
        // 1 - second less 1 - first is the same difference.
        return difference_cdf(logit_scale::mirrored(second), logit_scale::mirrored(first), d);
    }
    if (second.a > 30.0 && second.b > 30.0) {
        return inner_difference_cdf(first, second, d);
    }
    const double low = d < 0.0 ? -d : 0.0;  // the lower end of the second one's range
    const double rest = d > 0.0 ? d : 0.0;  // what is above that range
    const double length = 1.0 - low - rest;
    const auto log_f = [&](double u) {
        const double v = logit_scale::clamp(u);
        const double w = logit_scale::x_of(v);
        const double other = logit_scale::x_of(-v);
        const double y = low + length * w;
        const double y_other = rest + length * other;
        const double x = rest + length * w;
        const double x_other = low + length * other;
        // Beyond the ends of the scale all parts are exponentials. At an end of the range that lies inside (0, 1) the
        // density is finite, and only the length of the scale falls.
        const double beyond = u < v ? (low > 0.0 ? 1.0 : second.a) + (rest > 0.0 ? 0.0 : first.a)
                                    : -(rest > 0.0 ? 1.0 : second.b);
        return log_beta_term(second.a, second.b, y, y_other) - std::log(y) - std::log(y_other) +
               std::log(length) + std::log(w) + std::log(other) +
               log_incomplete_beta(first.a, first.b, x, x_other) + beyond * (u - v);
    };
    double w = (mean_of(second) - low) / length;
    w = w < 1e-3 ? 1e-3 : w > 1.0 - 1e-3 ? 1.0 - 1e-3 : w;
    const double bend[] = {0.0, std::log(w / (1.0 - w))};
    const double inside =
        std::exp(log_unimodal_integral(log_f, bend[1], std::fmin(1.0, logit_scale::width(second)), bend));
    return inside + (rest > 0.0 ? beta_cdf(rest, second.b, second.a) : 0.0);
}

// The d at which P(first - second <= d) = p, by the Illinois method between -1 and 1.
[[nodiscard]] inline double difference_quantile(const beta_belief& first, const beta_belief& second,
                                                double p) noexcept
{
    const auto variance = [](const beta_belief& q) {
        const double n = q.a + q.b;
        return q.a / n * (q.b / n) / (n + 1.0);
    };
    const double centre = mean_difference_of(first, second);
    const double sd = std::sqrt(variance(first) + variance(second));
    // The logarithm is used, because it is close to a parabola in the tail.
    const auto excess = [&](double d) { return std::log(difference_cdf(first, second, d)) - std::log(p); };
    // The distribution is nearly normal where both counts are large.
    const double least = std::fmin(std::fmin(first.a, first.b), std::fmin(second.a, second.b));
    const double near = std::fmin(1.0, 2.0 / std::sqrt(least));
    double low = centre - sd * (normal_upper_quantile(p) + near);
    double high = centre - sd * (normal_upper_quantile(p) - near);
    double at_low = -1.0, at_high = 1.0;
    for (double widen = sd;; widen *= 2.0) {
        if (!(low > -1.0)) {
            low = -1.0;
            at_low = -700.0;
            break;
        }
        at_low = excess(low);
        if (!(at_low > 0.0)) {
            break;
        }
        low -= widen;
    }
    for (double widen = sd;; widen *= 2.0) {
        if (!(high < 1.0)) {
            high = 1.0;
            at_high = -std::log(p);
            break;
        }
        at_high = excess(high);
        if (!(at_high < 0.0)) {
            break;
        }
        high += widen;
    }
    const solution found =
        illinois_root({low, high, at_low, at_high}, excess, [sd](const illinois_bracket& at, double value) {
            return std::fabs(value) < 1e-13 || !(at.high - at.low > 1e-13 * sd);
        });
    return found.converged ? found.at : not_a_number;
}

// E[(z + Z)+] for a standard normal Z: pdf(z) + z cdf(z), and far to the left pdf(z) times a continued fraction,
// because there both terms cancel to 1 / z^2 of their size.
[[nodiscard]] inline double positive_part(double z) noexcept
{
    if (z > -3.0) {
        return normal_pdf(z) + z * normal_cdf(z);
    }
    // pdf + z cdf = cdf (1 / M + z) with Mills' ratio M = 1 / (t + 1 / (t + 2 / (t + ...))), t = -z.
    const double t = -z;
    double tail = t;
    for (int k = 60; k >= 2; --k) {
        tail = t + static_cast<double>(k) / tail;
    }
    return normal_cdf(z) / tail;
}

}  // namespace detail

/// Compare two proportions by the beliefs about them.
///
/// Pass posteriors, `beta_posterior(k, n)`; the parameters need not be whole numbers.
///
/// When to use: a decision by probability or loss. When not: an error rate must hold under repeated looks; use an
/// always-valid method.
/// errors: out_of_range (parameters outside [0.001, 1e15), alpha), not_converged (a number is NaN, as the interval of a
///     parameter of 0.001 beside one of 9e14 may be).
/// cost: about 4 ms, most of it for the interval of the difference; with parameters below 1 up to 0.1 s, and 0.45 s where
///     one of 0.001 stands beside one of 9e14.
/// source: integrals on the logit scale; losses as in Stucchio 2015.
[[nodiscard]] inline bayes_result beta_binomial(const beta_belief& first, const beta_belief& second,
                                                const bayes_options& options = {}) noexcept
{
    bayes_result result;
    result.method = "beta-binomial";
    if (detail::state_of(first) != status::ok || detail::state_of(second) != status::ok ||
        !detail::is_alpha(options.alpha)) {
        result.state = status::out_of_range;
        return result;
    }
    const beta_belief arms[] = {options.lower_is_better ? detail::logit_scale::mirrored(first) : first,
                                options.lower_is_better ? detail::logit_scale::mirrored(second) : second};
    const std::span<const beta_belief> both{arms};
    // The smaller probability is computed, so that both are accurate and add up to 1.
    const bool behind = detail::logit_scale::place(arms[0]) < detail::logit_scale::place(arms[1]);
    const double smaller = detail::probability_largest<detail::logit_scale>(both, behind ? 0 : 1);
    result.probability_first = behind ? smaller : 1.0 - smaller;
    result.probability_second = behind ? 1.0 - smaller : smaller;
    result.loss_first = detail::loss_of<detail::logit_scale>(both, 0);
    result.loss_second = detail::loss_of<detail::logit_scale>(both, 1);
    result.estimate = detail::mean_difference_of(first, second);
    result.lower = detail::difference_quantile(first, second, 0.5 * options.alpha);
    result.upper = -detail::difference_quantile(second, first, 0.5 * options.alpha);
    const double all = smaller + result.loss_first + result.loss_second + result.lower + result.upper;
    // Ends that are closer than doubles near the difference may round past each other.
    if (result.lower > result.upper && result.lower - result.upper <= 0x1p-50 * std::fabs(result.estimate)) {
        std::swap(result.lower, result.upper);
    }
    if (std::isnan(all) || result.lower > result.upper) {
        result.state = status::not_converged;
        return result;
    }
    result.state = status::ok;
    return result;
}

/// Compare two proportions from counts with one prior for both: k1 successes in n1, k2 in n2.
[[nodiscard]] inline bayes_result beta_binomial(std::uint64_t k1, std::uint64_t n1, std::uint64_t k2,
                                                std::uint64_t n2, const beta_belief& prior = {},
                                                const bayes_options& options = {}) noexcept
{
    return beta_binomial(beta_posterior(k1, n1, prior), beta_posterior(k2, n2, prior), options);
}

/// Compare k proportions: the probability that each is the best, and the expected loss of choosing it.
///
/// errors: as for two; a single arm is the best one; no arms give an empty result.
/// cost: about 0.6 ms per pair of arms, 35 ms for eight; up to 50 ms per pair with parameters below 1.
[[nodiscard]] inline std::vector<arm_belief> beta_binomial(std::span<const beta_belief> arms,
                                                           const bayes_options& options = {})
{
    std::vector<arm_belief> out = detail::judge_arms<detail::logit_scale>(arms, options);
    for (std::size_t i = 0; i < arms.size(); ++i) {
        if (out[i].state == status::ok) {
            out[i].mean = arms[i].a / (arms[i].a + arms[i].b);
            out[i].lower = beta_quantile(0.5 * options.alpha, arms[i].a, arms[i].b);
            out[i].upper = beta_upper_quantile(0.5 * options.alpha, arms[i].a, arms[i].b);
        }
    }
    return out;
}

/// Report on a difference, first minus second, from the belief about it.
///
/// errors: zero_variance (sd 0), out_of_range (not finite, alpha).
/// cost: O(1), a few normal tails and quantiles.
/// source: the normal loss integral (Raiffa and Schlaifer 1961).
[[nodiscard]] inline bayes_result normal_effect(const normal_belief& difference,
                                                const bayes_options& options = {}) noexcept
{
    bayes_result result;
    result.method = "normal-normal";
    result.state = detail::is_alpha(options.alpha) ? detail::state_of(difference) : status::out_of_range;
    if (result.state != status::ok) {
        return result;
    }
    const double z = (options.lower_is_better ? -difference.mean : difference.mean) / difference.sd;
    result.probability_first = normal_cdf(z);
    result.probability_second = normal_sf(z);
    result.loss_first = difference.sd * detail::positive_part(-z);
    result.loss_second = difference.sd * detail::positive_part(z);
    result.estimate = difference.mean;
    const double half = difference.sd * normal_upper_quantile(0.5 * options.alpha);
    result.lower = difference.mean - half;
    result.upper = difference.mean + half;
    return result;
}

/// Compare two means by the beliefs about them, which are independent of each other.
/// cost: O(1), as normal_effect
[[nodiscard]] inline bayes_result normal_normal(const normal_belief& first, const normal_belief& second,
                                                const bayes_options& options = {}) noexcept
{
    return normal_effect({first.mean - second.mean, std::hypot(first.sd, second.sd)}, options);
}

/// Compare two samples with a normal prior on their difference; the default prior is flat.
///
/// The variances are taken as known (those of the samples), so several dozen values are needed.
/// errors: too_few (fewer than 2 in a sample), zero_variance, out_of_range.
/// cost: O(1), as normal_effect.
[[nodiscard]] inline bayes_result normal_normal(const sample_summary& x, const sample_summary& y,
                                                const effect_prior_options& options = {}) noexcept
{
    bayes_result result;
    result.method = "normal-normal";
    if (!(x.n >= 2.0 && y.n >= 2.0)) {
        return result;
    }
    const double error = std::sqrt(x.variance / x.n + y.variance / y.n);
    if (error == 0.0) {
        result.state = status::zero_variance;
        return result;
    }
    return normal_effect(normal_posterior(x.mean - y.mean, error, options.prior),
                         {options.alpha, options.lower_is_better});
}

/// Compare k means: the probability that each is the best, and the expected loss of choosing it.
///
/// errors: as normal_effect.
/// cost: O(1), as normal_effect.
[[nodiscard]] inline std::vector<arm_belief> normal_normal(std::span<const normal_belief> arms,
                                                           const bayes_options& options = {})
{
    std::vector<arm_belief> out = detail::judge_arms<detail::normal_scale>(arms, options);
    for (std::size_t i = 0; i < arms.size(); ++i) {
        if (out[i].state == status::ok) {
            const double half = arms[i].sd * normal_upper_quantile(0.5 * options.alpha);
            out[i].mean = arms[i].mean;
            out[i].lower = arms[i].mean - half;
            out[i].upper = arms[i].mean + half;
        }
    }
    return out;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
