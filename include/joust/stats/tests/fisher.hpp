// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/normal.hpp>
#include <joust/numeric/roots.hpp>
#include <joust/numeric/stirling.hpp>
#include <joust/numeric/tails.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>

#include <cmath>
#include <cstdint>
#include <limits>

namespace joust {
inline namespace v0 {
namespace stats {

/// Set up fisher_exact.
struct fisher_options {
    /// The interval covers with probability 1 - alpha.
    double alpha = 0.05;
    /// The departure from the null that the p-value looks for.
    side alternative = side::two;
    /// Give tables as probable as the observed one half their weight, which comes closer to the level.
    bool mid_p = false;
    /// Estimate the odds ratio too, with its exact interval.
    bool odds_ratio = true;
};

namespace detail {

// p q - r s, exact to the last digit also where the products nearly agree.
[[nodiscard]] inline double cross_difference(double p, double q, double r, double s) noexcept
{
    const double product = r * s;
    return std::fma(p, q, -product) + std::fma(-r, s, product);
}

// The distribution of the first cell x of a 2 x 2 table given its margins: the first column holds x of the first row's
// n1 and k - x of the second row's n2.
struct hypergeometric {
    double n1, n2, k;
    double low, high, margins;

    hypergeometric(double first_row, double second_row, double first_column) noexcept
        : n1(first_row), n2(second_row), k(first_column), low(k > n2 ? k - n2 : 0.0), high(k < n1 ? k : n1),
          margins(log_factorial_rest(n1) + log_factorial_rest(n2) + log_factorial_rest(k) +
                  log_factorial_rest(n1 + n2 - k) - log_factorial_rest(n1 + n2))
    {
    }

    // All four cells differ from their expectations by the same amount, which is computed from whole numbers.
    [[nodiscard]] double log_pmf(double x) const noexcept
    {
        const double b = n1 - x, c = k - x, d = n2 - c;
        const double difference = cross_difference(x, d, b, c) / (n1 + n2);
        return margins - log_factorial_rest(x) - log_factorial_rest(b) - log_factorial_rest(c) -
               log_factorial_rest(d) - cell_deviance(x, difference) - cell_deviance(b, -difference) -
               cell_deviance(c, -difference) - cell_deviance(d, difference);
    }

    // P(x + 1) / P(x).
    [[nodiscard]] double ratio_up(double x) const noexcept
    {
        return (n1 - x) / (x + 1.0) * ((k - x) / (n2 - k + x + 1.0));
    }
    [[nodiscard]] double ratio_down(double x) const noexcept
    {
        return x / (n1 - x + 1.0) * ((n2 - k + x) / (k - x + 1.0));
    }
    [[nodiscard]] double mode() const noexcept
    {
        const double at = std::floor((n1 + 1.0) / (n1 + n2 + 2.0) * (k + 1.0));
        return at < low ? low : at > high ? high : at;
    }

    // log P(X >= x) with `up`, otherwise log P(X <= x), for x beyond the mode: the terms fall from the first on.
    [[nodiscard]] double log_outer_tail(double x, bool up) const noexcept
    {
        double sum = 1.0;
        double term = 1.0;
        double lost = 0.0;  // the rounding error of the additions, so that 1e5 terms cost no digit
        const double end = up ? high : low;
        for (double i = x; i != end; i += up ? 1.0 : -1.0) {
            term *= up ? ratio_up(i) : ratio_down(i);
            const double next = sum + term;
            lost += term - (next - sum);
            sum = next;
            if (term < 1e-18 * sum) {
                break;
            }
        }
        return log_pmf(x) + std::log(sum + lost);
    }

    [[nodiscard]] tail_probability tail(double x, bool up) const noexcept
    {
        if (up ? x <= low : x >= high) {
            return {1.0, 0.0};
        }
        const double middle = mode();
        if (up ? x >= middle : x <= middle) {
            const double log_p = log_outer_tail(x, up);
            return log_p < 0.0 ? tail_probability{std::exp(log_p), log_p} : tail_probability{1.0, 0.0};
        }
        // The complement of the other tail, which is empty beyond the ends.
        const double other = up ? x - 1.0 : x + 1.0;
        const double rest = std::exp(log_outer_tail(other, !up));
        return {1.0 - rest, std::log1p(-rest)};
    }
};

// The table on the other side of the mode that is at most as probable as the one at x and nearest to the mode; NaN
// where there is no such table. Probabilities are compared with a tolerance of 1e-7, so that equal ones stay equal.
[[nodiscard]] inline double opposite_table(const hypergeometric& law, double x, double log_at) noexcept
{
    const double middle = law.mode();
    const bool up = x < middle;  // for tables below the mode search above it
    double inside = middle;
    double outside = up ? law.high : law.low;
    const double limit = log_at + 1e-7;
    if (law.log_pmf(outside) > limit) {
        return not_a_number;
    }
    if (law.log_pmf(inside) <= limit) {
        return inside;
    }
    while (std::fabs(outside - inside) > 1.0) {
        const double at = std::floor(0.5 * (inside + outside));
        (law.log_pmf(at) <= limit ? outside : inside) = at;
    }
    return outside;
}

[[nodiscard]] inline tail_probability fisher_p(const hypergeometric& law, double x,
                                               const fisher_options& options) noexcept
{
    const double log_at = law.log_pmf(x);
    const auto halved = [&](tail_probability tail, double log_mass) {
        // p - mass / 2 on the logarithms, because both may underflow.
        const double part = 0.5 * std::exp(log_mass - tail.log_p);
        const double log_p = tail.log_p + std::log1p(-(part < 1.0 ? part : 1.0));
        return tail_probability{std::exp(log_p), log_p};
    };
    if (options.alternative != side::two) {
        const tail_probability tail = law.tail(x, options.alternative == side::greater);
        return options.mid_p ? halved(tail, log_at) : tail;
    }
    const double middle = law.mode();
    const bool up = x > middle || (x == middle && law.high == middle);
    const double opposite = opposite_table(law, x, log_at);
    const double log_limit = 1e-7;
    tail_probability p{1.0, 0.0};
    double log_mass = log_at;
    const bool at_top = log_at + log_limit >= law.log_pmf(middle);
    if (std::isnan(opposite)) {
        p = law.tail(x, up);
    } else if (!at_top) {
        const double log_p = log_sum(law.log_outer_tail(x, up), law.log_outer_tail(opposite, !up));
        p = log_p < 0.0 ? tail_probability{std::exp(log_p), log_p} : tail_probability{1.0, 0.0};
    }
    if (options.mid_p) {
        // Another table of the same probability: across the mode, or next to it at the top.
        const double other = at_top ? (x == middle ? x - 1.0 : middle) : opposite;
        if (other >= law.low && other <= law.high && other != x &&
            std::fabs(law.log_pmf(other) - log_at) <= log_limit) {
            log_mass += log_two;
        }
        p = halved(p, log_mass);
    }
    return p;
}

// The same distribution with odds: P(x) exp(theta x), summed from its own mode outwards.
class tilted_hypergeometric {
public:
    struct sums {
        double all = 0.0, first = 0.0, second = 0.0;  // sums of 1, i, i^2 with i = x - origin
        double tail = 0.0, tail_first = 0.0;          // sums over x >= from, or x <= from
    };

    tilted_hypergeometric(const hypergeometric& law, double theta) noexcept
        : law_(law), odds_(std::exp(theta)), origin_(mode())
    {
    }

    [[nodiscard]] double origin() const noexcept { return origin_; }

    [[nodiscard]] sums sum(double from, bool up) const noexcept
    {
        sums seen;
        const auto add = [&](double x, double weight) {
            const double i = x - origin_;
            seen.all += weight;
            seen.first += weight * i;
            seen.second += weight * i * i;
            if (up ? x >= from : x <= from) {
                seen.tail += weight;
                seen.tail_first += weight * i;
            }
        };
        add(origin_, 1.0);
        double weight = 1.0;
        for (double x = origin_; x < law_.high && weight > 1e-22; x += 1.0) {
            weight *= law_.ratio_up(x) * odds_;
            add(x + 1.0, weight);
        }
        weight = 1.0;
        for (double x = origin_; x > law_.low && weight > 1e-22; x -= 1.0) {
            weight *= law_.ratio_down(x) / odds_;
            add(x - 1.0, weight);
        }
        return seen;
    }

private:
    [[nodiscard]] double mode() const noexcept
    {
        // The largest x with P(x) odds / P(x - 1) >= 1, where these ratios fall.
        double below = law_.low;
        double above = law_.high + 1.0;
        while (above - below > 1.0) {
            const double at = std::floor(0.5 * (below + above));
            (law_.ratio_up(at - 1.0) * odds_ >= 1.0 ? below : above) = at;
        }
        return below;
    }

    const hypergeometric& law_;
    double odds_;
    double origin_;
};

// The log odds at which the expected first cell is x.
[[nodiscard]] inline double conditional_log_odds(const hypergeometric& law, double x, double start,
                                                 double step) noexcept
{
    return rising_root(start, step, [&](double theta, double& slope) {
        const tilted_hypergeometric tilted{law, theta};
        const auto s = tilted.sum(0.0, true);
        const double mean = s.first / s.all;
        slope = s.second / s.all - mean * mean;
        return mean - (x - tilted.origin());
    });
}

// The log odds at which the tail from x on, upper or lower, has this probability.
[[nodiscard]] inline double log_odds_limit(const hypergeometric& law, double x, bool up, double level,
                                           double start, double step) noexcept
{
    const double log_level = std::log(level);
    return rising_root(start, step, [&](double theta, double& slope) {
        const tilted_hypergeometric tilted{law, theta};
        const auto s = tilted.sum(x, up);
        if (!(s.tail > 0.0)) {
            slope = 0.0;
            return up ? -1.0 : 1.0;
        }
        slope = s.tail_first / s.tail - s.first / s.all;
        const double value = std::log(s.tail / s.all) - log_level;
        if (!up) {
            slope = -slope;
            return -value;
        }
        return value;
    });
}

inline void fisher_odds_ratio(test_result& result, const hypergeometric& law, double a,
                              const fisher_options& options) noexcept
{
    const double b = law.n1 - a, c = law.k - a, d = law.n2 - c;
    const double start = std::log(a + 0.5) + std::log(d + 0.5) - std::log(b + 0.5) - std::log(c + 0.5);
    const double step = std::sqrt(1.0 / (a + 0.5) + 1.0 / (b + 0.5) + 1.0 / (c + 0.5) + 1.0 / (d + 0.5));
    const double level = tail_alpha({options.alpha, options.alternative});
    const double z = normal_upper_quantile(level);
    constexpr double infinity = std::numeric_limits<double>::infinity();
    result.estimate = a == law.low    ? 0.0
                      : a == law.high ? infinity
                                      : std::exp(conditional_log_odds(law, a, start, step));
    result.lower = a == law.low || options.alternative == side::less
                       ? 0.0
                       : std::exp(log_odds_limit(law, a, true, level, start - z * step, step));
    result.upper = a == law.high || options.alternative == side::greater
                       ? infinity
                       : std::exp(log_odds_limit(law, a, false, level, start + z * step, step));
}

}  // namespace detail

/// Compare two proportions a / (a + b) and c / (c + d) exactly, given all margins: Fisher's exact test.
///
/// The two-sided p-value adds all tables at most as probable as the observed one. The estimate is the conditional odds
/// ratio, first over second, with the interval of both one-sided tests; `statistic` is the odds ratio a d / (b c) of
/// the sample.
///
/// When to use: small or rare counts. When not: power matters: the test is conservative, and `mid_p` or
/// `boschloo_exact` regain some power.
/// assumes: independent units; counts below 2^53.
/// errors: out_of_range (alpha, counts), too_few (an empty row). With an empty column p is 1 and there is no odds
///     ratio: zero_variance.
/// cost: no Boost.Math; about sqrt(a + b + c + d) steps: 5 us at 200, 7 ms at 2e9 with the odds ratio.
/// source: Fisher 1934; Loader 2000 for the probabilities; Cornfield 1956 for the odds ratio.
[[nodiscard]] inline test_result fisher_exact(std::uint64_t a, std::uint64_t b, std::uint64_t c,
                                              std::uint64_t d, const fisher_options& options = {}) noexcept
{
    test_result result;
    result.method = options.mid_p ? "Fisher's exact test, mid-p" : "Fisher's exact test";
    constexpr std::uint64_t most = std::uint64_t{1} << 51;
    if (!detail::is_alpha(options.alpha) || a > most || b > most || c > most || d > most) {
        result.state = status::out_of_range;
        return result;
    }
    if (a + b == 0 || c + d == 0) {
        return result;
    }
    const double x = static_cast<double>(a);
    const double off = static_cast<double>(b) * static_cast<double>(c);
    const double on = x * static_cast<double>(d);
    if (a + c == 0 || b + d == 0) {
        result.p_value = 1.0;
        result.log_p = 0.0;
        result.lower = 0.0;
        result.upper = std::numeric_limits<double>::infinity();
        result.state = status::zero_variance;
        return result;
    }
    const detail::hypergeometric law{static_cast<double>(a + b), static_cast<double>(c + d),
                                     static_cast<double>(a + c)};
    result.statistic = on / off;
    const detail::tail_probability tail = detail::fisher_p(law, x, options);
    result.p_value = tail.p;
    result.log_p = tail.log_p;
    if (options.odds_ratio) {
        detail::fisher_odds_ratio(result, law, x, options);
    }
    result.state = status::ok;
    return result;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
