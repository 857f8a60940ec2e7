// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/numeric/roots.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>
#include <joust/stats/sequential/score_passes.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

namespace joust {
inline namespace v0 {
namespace stats {

/// Hold the propensity-centred sums of one metric and one challenger, one entry per bucket of units.
///
/// With A = 1 where the challenger served, s its exact propensity then, w = s (1 - s) and x the observation:
/// p1 = sum A (1 - s) x, p0 = sum (1 - A) s x, g1 and g0 = sum sqrt(w) x by arm, q1 = sum A (1 - s),
/// q0 = sum (1 - A) s, k1 and k0 = sum sqrt(w) by arm. All are linear: add them over threads, replicas and
/// days.
///
/// A ratio of means has its numerator as x, and the same four sums of its denominator as d1, d0, e1 and e0. A
/// covariate that is known before the request is served has z1, z0, y1 and y0.
/// shape: spans of equal length; those of denominator and covariate may be empty
struct score_sums {
    /// Sum of A (1 - s) x.
    std::span<const double> p1;
    /// Sum of (1 - A) s x.
    std::span<const double> p0;
    /// Sum of A sqrt(w) x.
    std::span<const double> g1;
    /// Sum of (1 - A) sqrt(w) x.
    std::span<const double> g0;
    /// Sum of A (1 - s).
    std::span<const double> q1;
    /// Sum of (1 - A) s.
    std::span<const double> q0;
    /// Sum of A sqrt(w).
    std::span<const double> k1;
    /// Sum of (1 - A) sqrt(w).
    std::span<const double> k0;
    /// p1 of the denominator.
    std::span<const double> d1{};
    /// p0 of the denominator.
    std::span<const double> d0{};
    /// g1 of the denominator.
    std::span<const double> e1{};
    /// g0 of the denominator.
    std::span<const double> e0{};
    /// p1 of the covariate.
    std::span<const double> z1{};
    /// p0 of the covariate.
    std::span<const double> z0{};
    /// g1 of the covariate.
    std::span<const double> y1{};
    /// g0 of the covariate.
    std::span<const double> y0{};
};

/// Choose the variance process that the mixture uses.
enum class variance_clock : std::uint8_t {
    /// V: adapts to the observed data and has the most power, but few large events make it too small.
    residual,
    /// V0: does not depend on which arm served.
    arm_free,
    /// Vmax, the maximum of both: valid for skewed metrics and few buckets, at the price of power.
    larger
};

/// Choose the clock by the amount of evidence: Vmax until 200 buckets have challenger data and 100 events were
/// expected of the challenger, and V from then on.
///
/// `expected_events` is the sum of s over the observations that are not zero; for a metric that is rarely zero it
/// reaches its minimum soon.
/// cost: O(1)
[[nodiscard]] constexpr variance_clock switching_clock(std::size_t challenger_buckets,
                                                       double expected_events) noexcept
{
    return challenger_buckets >= 200 && expected_events >= 100.0 ? variance_clock::residual
                                                                 : variance_clock::larger;
}

/// Choose the clock by the sums of a metric, as above.
/// cost: one pass over the buckets.
[[nodiscard]] inline variance_clock switching_clock(const score_sums& sums, double expected_events) noexcept
{
    return switching_clock(detail::nonzero_of(sums.d1.empty() ? sums.q1 : sums.d1), expected_events);
}

/// Choose the clock for a test at one look, whose normal limit errs where few buckets carry the variance: at a share of 1 %
/// with skewed values or heavy users V alone rejects in 9 to 24 % of runs at a nominal 5 %.
///
/// It is Vmax until 100 events were expected of the challenger and the variance is as even as that of 200 equal buckets.
/// cost: O(1)
[[nodiscard]] constexpr variance_clock one_look_clock(double effective_buckets,
                                                      double expected_events) noexcept
{
    return effective_buckets >= 200.0 && expected_events >= 100.0 ? variance_clock::residual
                                                                  : variance_clock::larger;
}

/// Set up a score test.
struct score_options {
    /// The precision of the mixture; fix it before the data that it judges (see `burn_in_rho`).
    double rho = 1.0;
    /// The level of the interval: it covers at every look together with probability 1 - alpha.
    double alpha = 0.05;
    /// The departure from the null that counts as evidence.
    side alternative = side::two;
    /// The variance process that the mixture uses.
    variance_clock clock = variance_clock::larger;
    /// The tested difference; for `relative_score_test` the tested ratio minus one.
    double null = 0.0;
    /// The burn-in: with fewer buckets with challenger data the test makes no statement.
    std::size_t min_buckets = 30;
    /// Whether the interval is computed. Without it the ends are infinite, and the test takes about half of the time.
    bool interval = true;
    /// Whether `effective_buckets` is computed; without it it is 0.
    bool effective = true;
};

/// Report a score test. `estimate`, `lower` and `upper` are challenger minus champion, or challenger divided by
/// champion for the relative form; all other numbers are those at the tested null.
///
/// While `state` is `burn_in` the means and the estimate are given, the interval is infinite and `log_e` is 0.
struct score_result {
    /// The overlap-weighted mean of the challenger: sum p1 / sum q1.
    double challenger = not_a_number;
    /// The overlap-weighted mean of the champion: sum p0 / sum q0.
    double champion = not_a_number;
    /// The estimate: the effect at which the score is zero.
    double estimate = not_a_number;
    /// The lower end of the interval.
    double lower = not_a_number;
    /// The upper end of the interval.
    double upper = not_a_number;
    /// The logarithm of the e-value.
    double log_e = 0.0;
    /// The common level that was subtracted.
    double kappa = not_a_number;
    /// The score S.
    double s = not_a_number;
    /// The variance process V.
    double v = not_a_number;
    /// The variance process V0.
    double v0 = not_a_number;
    /// An estimate of the sum of s (1 - s) over the exposures: (sum q1 + sum q0) / 2.
    double information = 0.0;
    /// How many buckets have challenger data.
    std::size_t challenger_buckets = 0;
    /// How many buckets have champion data.
    std::size_t champion_buckets = 0;
    /// How many buckets of equal and normal scores would have a variance as uncertain as that of V: 3 (sum r^2)^2 / sum r^4
    /// over the residual scores r, which are the degrees of freedom of Satterthwaite 1946.
    double effective_buckets = 0.0;
    /// Whether the numbers are valid, and why not.
    status state = status::too_few;
};

/// Hold c0 + 2 c1 t + c2 t^2: a sum of squares as a function of a parameter t.
struct quadratic {
    /// The value at t = 0.
    double c0 = 0.0;
    /// Half the slope at t = 0.
    double c1 = 0.0;
    /// The coefficient of t^2.
    double c2 = 0.0;

    /// Return the value at t; a sum of squares is not negative, whatever the rounding.
    [[nodiscard]] constexpr double operator()(double t) const noexcept
    {
        const double value = c0 + t * (2.0 * c1 + t * c2);
        return value > 0.0 ? value : 0.0;
    }
    /// Compare all members.
    bool operator==(const quadratic&) const = default;
};

/// Hold a score whose terms are linear in a parameter t: S(t) = s0 + s1 t, with its two variance processes.
///
/// S(t) > 0 says that the challenger is above the value that t stands for. The evidence against one t, the estimate
/// and the interval are all computed from these numbers.
struct score_line {
    /// The score at t = 0.
    double s0 = 0.0;
    /// The slope of the score.
    double s1 = 0.0;
    /// The variance process V as a function of t.
    quadratic v;
    /// The variance process V0 as a function of t.
    quadratic v0;

    /// Return the score at t.
    [[nodiscard]] double s(double t) const noexcept { return s0 + s1 * t; }

    /// Return the variance process of a clock at t.
    [[nodiscard]] double variance(double t, variance_clock clock) const noexcept
    {
        if (clock == variance_clock::residual) {
            return v(t);
        }
        const double free = v0(t);
        if (clock == variance_clock::arm_free) {
            return free;
        }
        const double residual = v(t);
        return residual > free ? residual : free;
    }

    /// Return the t at which the score is zero: the estimate.
    [[nodiscard]] double root() const noexcept { return -s0 / s1; }

    /// Return the log e-value against t.
    [[nodiscard]] double log_e(double t, double rho, side alternative, variance_clock clock) const noexcept
    {
        return normal_mixture_log_e(s(t), variance(t, clock), rho, alternative);
    }
    /// Compare all members.
    bool operator==(const score_line&) const = default;
};

/// Return every t around the estimate that the mixture does not reject: the confidence sequence for t at this look.
///
/// For a one-sided alternative only one end is finite. The interval is one of t: where the score falls with t
/// (`s1 < 0`), `greater` bounds t from below.
/// errors: infinite ends where nothing can be excluded yet; both NaN when s1 is 0 or an argument is out of
///     range.
/// cost: 2 to 7 us, exact to neighbouring doubles: the crossings are bracketed between the turning points of
///     the evidence, which are roots of cubics.
[[nodiscard]] bounds score_interval(const score_line& line, double rho, double alpha, side alternative,
                                    variance_clock clock) noexcept;

/// Return the score of a difference theta (challenger minus champion): x is replaced by x - theta A, and for a ratio
/// of means by x - theta A d.
/// cost: one pass over the buckets, about 3 us for 1,024
[[nodiscard]] score_line absolute_score(const score_sums& sums) noexcept;

/// Return the score of a ratio r (challenger divided by champion) as a function of t = 1 / r - 1.
///
/// assumes: a metric whose mean is positive, kept without a subtracted constant.
/// cost: as absolute_score.
[[nodiscard]] score_line relative_score(const score_sums& sums) noexcept;

/// Compare challenger and champion by propensity-centred scores per bucket of units: cluster-robust, unbiased
/// while shares and outcomes drift, and valid at every look after the burn-in.
///
/// kappa = sum PQ / sum Q^2 is the common level, S = sum(P - kappa Q) and V = sum (P - kappa Q)^2, with P = p1 - p0
/// and Q = q1 - q0. The estimate is the theta whose score is zero; the interval holds every theta around it that the
/// normal mixture does not reject.
///
/// A covariate's score Z is regressed out together with Q: like Q it has mean zero whatever the models do (CUPED,
/// Lin's adjustment). For a ratio of means x becomes x - r d, with r the champion's ratio and the champion's scores
/// scaled by the arms' denominators: the delta method by cluster, without bias where the challenger changes the
/// denominator.
/// assumes: each request was randomised with the propensity recorded, buckets are independent; asymptotic in
///     the number of buckets with challenger data, which therefore has a minimum.
/// errors: too_few without data in both arms, burn_in, zero_variance, low_overlap, out_of_range (NaN,
///     infinities, unequal lengths, options).
/// cost: about 10 us for 1,024 buckets, half of it for the interval; no allocation.
/// source: score test of a mean difference in a partly linear model (Robinson 1988), cluster sums (Liang and
///     Zeger 1986), mixture of Robbins 1970; simulated error rates are in docs/explanation/statistics.md.
[[nodiscard]] score_result score_test(const score_sums& sums, const score_options& options) noexcept;

/// Compare challenger and champion by their ratio: as `score_test` with P = p1 / r - p0 and G = g1 / r + g0.
///
/// `options.null` is r - 1, so that 0.10 tests a ratio of 1.10. `estimate`, `lower` and `upper` are ratios.
///
/// Where only one arm has values other than zero, the ratio is 0 or infinite and has one finite limit. The score's
/// variance is then what the values would have if they fell to both arms in the ratio r, because an arm of zeros shows no
/// variance of its own.
/// assumes: as score_test; a metric that is not negative, without a subtracted constant.
/// errors: as score_test; out_of_range for an arm whose mean is negative.
/// cost: as score_test.
[[nodiscard]] score_result relative_score_test(const score_sums& sums, const score_options& options) noexcept;

/// Return the score of a mean difference theta per observation from differences `d` of `n` observations per bucket.
/// cost: one pass over the buckets
[[nodiscard]] score_line paired_score(std::span<const double> d, std::span<const double> n) noexcept;

/// Test a mean difference that is zero under the null within each bucket: differences between both models on one
/// request (shadow), or credits of interleaved lists with known coins.
///
/// S = sum d and V = sum d^2; the estimate is sum d / sum n, where n is the bucket's number of observations.
/// assumes: buckets are independent and E d = 0 in each under the null (for n theta: E (d - n theta) = 0).
/// errors: out_of_range (unequal lengths, NaN, negative n), too_few, burn_in (fewer than `min_buckets`
///     buckets with n > 0), zero_variance (no difference at all).
/// cost: one pass, no allocation.
[[nodiscard]] score_result paired_score_test(std::span<const double> d, std::span<const double> n,
                                             const score_options& options) noexcept;

namespace detail {

// A ratio where one arm has only zeros. An event falls to the challenger with odds r s / (1 - s), and given that every
// event fell to one arm, the variance of the score is that of both arms together, divided or multiplied by r. The
// observed variance is only that of one arm, and at a share of 1 % it is a hundredth of it.
struct lone_arm {
    bool challenger_absent = false;
    bool champion_absent = false;
    // The score and its two variances at a ratio of 1.
    double s = 0.0;
    double v = 0.0;
    double v0 = 0.0;

    [[nodiscard]] bool any() const noexcept { return challenger_absent || champion_absent; }
    [[nodiscard]] double at_least() const noexcept { return v > v0 ? v : v0; }

    // The score at a ratio r.
    [[nodiscard]] double score(double r) const noexcept { return challenger_absent ? s : s / r; }
    // Its variance.
    [[nodiscard]] double variance(double r) const noexcept
    {
        const double shared = challenger_absent ? v0 / r : v0 * r;
        const double larger = shared > at_least() ? shared : at_least();
        return challenger_absent ? larger : larger / (r * r);
    }

    // The ratios that a test with this critical value does not reject.
    [[nodiscard]] bounds not_rejected(double critical) const noexcept
    {
        constexpr double infinity = std::numeric_limits<double>::infinity();
        const double zz = critical * critical;
        if (!(s * s > zz * at_least())) {
            return {0.0, infinity};
        }
        return challenger_absent ? bounds{0.0, zz * v0 / (s * s)} : bounds{s * s / (zz * v0), infinity};
    }

    // The ratios that the mixture does not reject.
    [[nodiscard]] bounds interval(double rho, double alpha, side alternative) const noexcept;
};

// Finds out whether one arm has only zeros, which a sum of 0 shows where no value is negative.
[[nodiscard]] lone_arm lone_arm_of(const score_sums& sums) noexcept;

}  // namespace detail
}  // namespace stats

#if JOUST_BODIES

namespace stats {

namespace detail {

// A few numbers in ascending order, without allocation.
struct short_list {
    double values[12]{};
    int size = 0;

    void insert(double value) noexcept
    {
        if (!(value > 0.0) || !std::isfinite(value) || size == 12) {
            return;
        }
        int at = size++;
        for (; at > 0 && values[at - 1] > value; --at) {
            values[at] = values[at - 1];
        }
        values[at] = value;
    }
};

// Inserts the positive roots of c0 + c1 t + c2 t^2.
inline void insert_quadratic_roots(double c0, double c1, double c2, short_list& out) noexcept
{
    if (c2 == 0.0) {
        if (c1 != 0.0) {
            out.insert(-c0 / c1);
        }
        return;
    }
    const double discriminant = c1 * c1 - 4.0 * c0 * c2;
    if (!(discriminant >= 0.0)) {
        return;
    }
    const double root = std::sqrt(discriminant);
    const double sum = -0.5 * (c1 + (c1 >= 0.0 ? root : -root));
    out.insert(sum / c2);
    if (sum != 0.0) {
        out.insert(c0 / sum);
    }
}

// Inserts the positive roots of a cubic, one at most between two neighbouring extremes.
inline void insert_cubic_roots(double c0, double c1, double c2, double c3, short_list& out) noexcept
{
    if (c3 == 0.0) {
        insert_quadratic_roots(c0, c1, c2, out);
        return;
    }
    const auto value = [=](double t) { return c0 + t * (c1 + t * (c2 + t * c3)); };
    short_list turns;
    insert_quadratic_roots(c1, 2.0 * c2, 3.0 * c3, turns);
    const double largest = std::fmax(std::fabs(c0), std::fmax(std::fabs(c1), std::fabs(c2)));
    turns.insert(1.0 + largest / std::fabs(c3));
    double low = 0.0;
    for (int i = 0; i < turns.size; ++i) {
        const double high = turns.values[i];
        const bool positive = value(high) > 0.0;
        if ((value(low) > 0.0) != positive) {
            out.insert(bisect({low, high}, [&](double t) { return (value(t) > 0.0) == positive; }).with);
        }
        low = high;
    }
}

// Inserts the distances u from the estimate at which -log(v(u) + rho) + slope2 u^2 / (v(u) + rho) has an extreme.
inline void insert_turning_points(double at_root, double linear, double square, double rho, double slope2,
                                  short_list& out) noexcept
{
    // In units of sqrt((v + rho) / slope2) the problem has no dimension and its coefficients stay near 1.
    const double level = at_root + rho;
    const double unit = std::sqrt(level / slope2);
    const double b = linear * unit / level;
    const double c = square * unit * unit / level;
    short_list scaled;
    insert_cubic_roots(-b, 2.0 - b * b - 2.0 * c, b * (1.0 - 3.0 * c), -2.0 * c * c, scaled);
    for (int i = 0; i < scaled.size; ++i) {
        out.insert(scaled.values[i] * unit);
    }
}

// The evidence at a distance u from the estimate, in one direction of t.
struct evidence_beside_estimate {
    const score_line& line;
    double root;
    double direction;
    double rho;
    variance_clock clock;

    [[nodiscard]] double variance(double u) const noexcept
    {
        return line.variance(root + direction * u, clock);
    }

    // Not inlined at its nine calls, since that would cost the compiler more than it would save here.
    [[nodiscard]] JOUST_NOINLINE double at(double u, side which) const noexcept
    {
        return normal_mixture_log_e((which == side::two ? line.s1 : std::fabs(line.s1)) * u, variance(u), rho,
                                    which);
    }

    // The first u between two others at which a level is reached.
    [[nodiscard]] JOUST_NOINLINE double reaches(double level, side which, double low,
                                                double high) const noexcept
    {
        return bisect({low, high}, [&](double u) { return at(u, which) >= level; }).with;
    }
};

// The distance from the estimate, in one direction of t, at which the evidence first reaches `target`, log(1 / alpha).
// It is infinite where the evidence never does, because far away the variance grows faster than the squared score.
[[nodiscard]] inline double first_crossing(const score_line& line, double root, double direction,
                                           double target, double rho, bool one_sided,
                                           variance_clock clock) noexcept
{
    const double slope2 = line.s1 * line.s1;
    const auto linear = [&](const quadratic& q) { return direction * 2.0 * (q.c1 + root * q.c2); };
    short_list turns;
    if (clock != variance_clock::arm_free) {
        insert_turning_points(line.v(root), linear(line.v), line.v.c2, rho, slope2, turns);
    }
    if (clock != variance_clock::residual) {
        insert_turning_points(line.v0(root), linear(line.v0), line.v0.c2, rho, slope2, turns);
    }
    if (clock == variance_clock::larger) {
        insert_quadratic_roots(line.v(root) - line.v0(root), linear(line.v) - linear(line.v0),
                               line.v.c2 - line.v0.c2, turns);
    }
    const evidence_beside_estimate evidence{line, root, direction, rho, clock};
    // Between turning points the two-sided evidence is monotone, so the first turning point above the level brackets
    // the first crossing. Only where the variance does not depend on t does the evidence grow without bound.
    const auto crossing = [&](double level) {
        double low = 0.0;
        for (int i = 0; i < turns.size; ++i) {
            if (evidence.at(turns.values[i], side::two) >= level) {
                return evidence.reaches(level, side::two, low, turns.values[i]);
            }
            low = turns.values[i];
        }
        const bool constant = (clock == variance_clock::arm_free || line.v.c2 == 0.0) &&
                              (clock == variance_clock::residual || line.v0.c2 == 0.0);
        if (constant && level >= 0.0) {
            double high = 2.0 * (low + std::sqrt((evidence.variance(low) + rho) / slope2));
            while (evidence.at(high, side::two) < level && std::isfinite(high)) {
                high *= 2.0;
            }
            return evidence.reaches(level, side::two, low, high);
        }
        return std::numeric_limits<double>::infinity();
    };
    if (!one_sided) {
        return crossing(target);
    }
    // The one-sided evidence is between the two-sided evidence and that plus log 2.
    const double near = evidence.at(0.0, side::two) >= target - log_two ? 0.0 : crossing(target - log_two);
    if (!std::isfinite(near)) {
        return near;
    }
    double far = crossing(target);
    for (int i = 0; i < turns.size && !std::isfinite(far); ++i) {
        if (turns.values[i] > near && evidence.at(turns.values[i], side::greater) >= target) {
            far = turns.values[i];
        }
    }
    if (!std::isfinite(far)) {
        return far;
    }
    return evidence.reaches(target, side::greater, near, far);
}

}  // namespace detail

JOUST_FUNCTION bounds score_interval(const score_line& line, double rho, double alpha, side alternative,
                                     variance_clock clock) noexcept
{
    const double root = line.root();
    if (!(rho > 0.0 && std::isfinite(root) && line.s1 != 0.0 && detail::is_alpha(alpha))) {
        return {not_a_number, not_a_number};
    }
    const double target = -std::log(alpha);
    const bool one_sided = alternative != side::two;
    const double positive = line.s1 > 0.0 ? 1.0 : -1.0;  // the direction of t in which the score is positive
    bounds result;
    const auto place = [&](double direction) {
        const double distance = detail::first_crossing(line, root, direction, target, rho, one_sided, clock);
        (direction > 0.0 ? result.upper : result.lower) = root + direction * distance;
    };
    if (alternative != side::less) {
        place(positive);
    }
    if (alternative != side::greater) {
        place(-positive);
    }
    return result;
}

namespace detail {

struct fitted_line {
    score_line line;
    double kappa = 0.0;        // the common level at t = 0
    double kappa_slope = 0.0;  // its change with t
    double square = 0.0;       // the sum of squares of the raw scores at t = 0, to recognise rounding noise
    double fourth[5]{};        // the sum of fourth powers of the residual scores, by powers of t

    [[nodiscard]] double effective_buckets(double t) const noexcept
    {
        const double sum = fourth[0] + t * (fourth[1] + t * (fourth[2] + t * (fourth[3] + t * fourth[4])));
        const double v = line.v(t);
        return sum > 0.0 ? 3.0 * v * v / sum : 0.0;
    }
};

// The part of a score that the randomisation explains: the part proportional to the exposures q = q1 - q0, and to the
// part of a covariate that is not proportional to them. Both have mean zero whatever the models do.
class coin_regression {
public:
    explicit coin_regression(const score_sums& sums) noexcept : sums_(sums)
    {
        for (std::size_t i = 0; i < sums.q1.size(); ++i) {
            qq_ += q(i) * q(i);
        }
        if (sums.z1.empty() || !(qq_ > 0.0)) {
            return;
        }
        double zq = 0.0, raw = 0.0;
        for (std::size_t i = 0; i < sums.q1.size(); ++i) {
            const double z = sums.z1[i] - sums.z0[i];
            zq += z * q(i);
            raw += z * z;
        }
        level_ = zq / qq_;
        for (std::size_t i = 0; i < sums.q1.size(); ++i) {
            zz_ += covariate(i) * covariate(i);
        }
        // The rest of a nearly constant covariate would be rounding error only. A NaN is excluded too.
        zz_ = zz_ > 1e-20 * raw ? zz_ : 0.0;
    }

    struct coefficients {
        double kappa = 0.0;
        double beta = 0.0;
    };

    [[nodiscard]] bool possible() const noexcept { return qq_ > 0.0; }

    // Whether there is a covariate, and any information in it.
    [[nodiscard]] static bool uses_covariate(const score_sums& sums) noexcept
    {
        return !sums.z1.empty() && coin_regression{sums}.zz_ > 0.0;
    }

    // Fits two scores in one pass, and adds up the squares of the first. Sums that wait for each other take several times as long
    // as sums side by side.
    template <class A, class B>
    [[nodiscard]] std::pair<coefficients, coefficients> fit_both(A a, B b, double& squares) const noexcept
    {
        double a_by_q = 0.0, b_by_q = 0.0;
        for (std::size_t i = 0; i < sums_.q1.size(); ++i) {
            squares += a(i) * a(i);
            a_by_q += a(i) * q(i);
            b_by_q += b(i) * q(i);
        }
        if (!(zz_ > 0.0)) {
            return {{a_by_q / qq_, 0.0}, {b_by_q / qq_, 0.0}};
        }
        return {fit(a), fit(b)};
    }

    template <class Score>
    [[nodiscard]] coefficients fit(Score score) const noexcept
    {
        double by_q = 0.0, by_z = 0.0;
        for (std::size_t i = 0; i < sums_.q1.size(); ++i) {
            by_q += score(i) * q(i);
            by_z += zz_ > 0.0 ? score(i) * covariate(i) : 0.0;
        }
        return {by_q / qq_, zz_ > 0.0 ? by_z / zz_ : 0.0};
    }

    // The part that is subtracted from bucket i's score.
    [[nodiscard]] double part(const coefficients& c, std::size_t i) const noexcept
    {
        return c.kappa * q(i) + (zz_ > 0.0 ? c.beta * covariate(i) : 0.0);
    }

    // The part that is subtracted from bucket i's sum over both arms.
    [[nodiscard]] double free_part(const coefficients& c, std::size_t i) const noexcept
    {
        const double k = sums_.k1[i] + sums_.k0[i];
        return c.kappa * k + (zz_ > 0.0 ? c.beta * (sums_.y1[i] + sums_.y0[i] - level_ * k) : 0.0);
    }

private:
    [[nodiscard]] double q(std::size_t i) const noexcept { return sums_.q1[i] - sums_.q0[i]; }
    [[nodiscard]] double covariate(std::size_t i) const noexcept
    {
        return sums_.z1[i] - sums_.z0[i] - level_ * q(i);
    }

    const score_sums& sums_;
    double qq_ = 0.0;
    double zz_ = 0.0;     // 0 where there is no covariate
    double level_ = 0.0;  // the coefficient of the covariate's regression on q
};

// The same without a covariate, several buckets at a time.
[[nodiscard]] inline fitted_line fit_buckets(const bucket_scores& scores, bool effective) noexcept
{
    fitted_line fit;
    const first_sums first = first_pass(scores);
    fit.square = first.aa;
    if (!(first.qq > 0.0)) {
        return fit;
    }
    fit.kappa = first.aq / first.qq;
    fit.kappa_slope = first.bq / first.qq;
    const double n = static_cast<double>(scores.size);
    const second_sums second = second_pass(scores,
                                           {.at_zero = fit.kappa,
                                            .slope = fit.kappa_slope,
                                            .c_mean = (first.c - fit.kappa * first.k) / n,
                                            .d_mean = (first.d - fit.kappa_slope * first.k) / n},
                                           effective);
    for (std::size_t power = 0; power < 5; ++power) {
        fit.fourth[power] = second.fourth[power];
    }
    fit.line = {
        second.s0, second.s1, {second.v00, second.v01, second.v11}, {second.f00, second.f01, second.f11}};
    return fit;
}

// Regresses a(i) + t b(i) on the randomisation (no intercept) and keeps the sums of residuals; subtracts the same
// part, taken of both arms' sums, from c(i) + t d(i).
template <class A, class B, class C, class D>
[[nodiscard]] fitted_line fit_score_line(const score_sums& sums, A a, B b, C c, D d) noexcept
{
    const std::size_t n = sums.q1.size();
    fitted_line fit;
    const coin_regression coins{sums};
    const auto [at_zero, slope] = coins.fit_both(a, b, fit.square);
    if (!coins.possible()) {
        return fit;
    }
    fit.kappa = at_zero.kappa;
    fit.kappa_slope = slope.kappa;
    double c_mean = 0.0, d_mean = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
        c_mean += c(i) - coins.free_part(at_zero, i);
        d_mean += d(i) - coins.free_part(slope, i);
    }
    c_mean /= static_cast<double>(n);
    d_mean /= static_cast<double>(n);
    double s0 = 0.0, s1 = 0.0, v00 = 0.0, v01 = 0.0, v11 = 0.0, f00 = 0.0, f01 = 0.0, f11 = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
        const double r0 = a(i) - coins.part(at_zero, i);
        const double r1 = b(i) - coins.part(slope, i);
        const double e0 = c(i) - coins.free_part(at_zero, i) - c_mean;
        const double e1 = d(i) - coins.free_part(slope, i) - d_mean;
        s0 += r0;
        s1 += r1;
        v00 += r0 * r0;
        v01 += r0 * r1;
        v11 += r1 * r1;
        fit.fourth[0] += r0 * r0 * r0 * r0;
        fit.fourth[1] += 4.0 * r0 * r0 * r0 * r1;
        fit.fourth[2] += 6.0 * r0 * r0 * r1 * r1;
        fit.fourth[3] += 4.0 * r0 * r1 * r1 * r1;
        fit.fourth[4] += r1 * r1 * r1 * r1;
        f00 += e0 * e0;
        f01 += e0 * e1;
        f11 += e1 * e1;
    }
    fit.line = {s0, s1, {v00, v01, v11}, {f00, f01, f11}};
    return fit;
}

// The denominator of a metric, and the level around which its scores are taken. A mean has the exposures, and level 0,
// because the regression subtracts its level. A ratio has its denominator and the champion's ratio; the champion's
// scores are scaled by the quotient of the arms' denominators, so that the noise of both arms is that of their ratio.
struct divisor {
    std::span<const double> one;
    std::span<const double> zero;
    std::span<const double> free_one;
    std::span<const double> free_zero;
    double level = 0.0;
    double scale = 1.0;

    explicit divisor(const score_sums& sums) noexcept
        : one(sums.q1), zero(sums.q0), free_one(sums.k1), free_zero(sums.k0)
    {
        if (sums.d1.empty()) {
            return;
        }
        one = sums.d1;
        zero = sums.d0;
        free_one = sums.e1;
        free_zero = sums.e0;
        double x0 = 0.0, d1 = 0.0, d0 = 0.0;
        for (std::size_t i = 0; i < one.size(); ++i) {
            x0 += sums.p0[i];
            d1 += one[i];
            d0 += zero[i];
        }
        level = x0 / d0;
        scale = d1 / d0;
    }
};

// The line of the score; `sign` times b[i] is the slope of bucket i's score, and `sign` times d[i] that of both arms' sum.
[[nodiscard]] inline fitted_line fit_against(const score_sums& sums, const divisor& by, double sign,
                                             std::span<const double> b, std::span<const double> d,
                                             bool effective) noexcept
{
    if (!coin_regression::uses_covariate(sums)) {
        return fit_buckets({.p1 = sums.p1.data(),
                            .p0 = sums.p0.data(),
                            .g1 = sums.g1.data(),
                            .g0 = sums.g0.data(),
                            .q1 = sums.q1.data(),
                            .q0 = sums.q0.data(),
                            .k1 = sums.k1.data(),
                            .k0 = sums.k0.data(),
                            .one = by.one.data(),
                            .zero = by.zero.data(),
                            .free_one = by.free_one.data(),
                            .free_zero = by.free_zero.data(),
                            .slope = b.data(),
                            .free_slope = d.data(),
                            .level = by.level,
                            .scale = by.scale,
                            .sign = sign,
                            .size = sums.q1.size()},
                           effective);
    }
    return fit_score_line(
        sums,
        [&](std::size_t i) {
            return sums.p1[i] - by.level * by.one[i] - by.scale * (sums.p0[i] - by.level * by.zero[i]);
        },
        [&](std::size_t i) { return sign * b[i]; },
        [&](std::size_t i) {
            return sums.g1[i] - by.level * by.free_one[i] +
                   by.scale * (sums.g0[i] - by.level * by.free_zero[i]);
        },
        [&](std::size_t i) { return sign * d[i]; });
}

[[nodiscard]] inline fitted_line fit_difference(const score_sums& sums, bool effective = false) noexcept
{
    const divisor by{sums};
    return fit_against(sums, by, -1.0, by.one, by.free_one, effective);
}

[[nodiscard]] inline fitted_line fit_ratio(const score_sums& sums, bool effective = false) noexcept
{
    return fit_against(sums, divisor{sums}, 1.0, sums.p1, sums.g1, effective);
}

[[nodiscard]] inline bool equal_lengths(const score_sums& sums) noexcept
{
    const std::size_t n = sums.q1.size();
    const auto all = [](std::size_t size, const auto&... spans) { return ((spans.size() == size) && ...); };
    const std::size_t denominators = sums.d1.size();
    const std::size_t covariates = sums.z1.size();
    return all(n, sums.p1, sums.p0, sums.g1, sums.g0, sums.q0, sums.k1, sums.k0) &&
           (denominators == 0 || denominators == n) && (covariates == 0 || covariates == n) &&
           all(denominators, sums.d0, sums.e1, sums.e0) && all(covariates, sums.z0, sums.y1, sums.y0);
}

[[nodiscard]] inline bool is_finite(const score_line& line) noexcept
{
    return std::isfinite(line.s0) && std::isfinite(line.s1) && std::isfinite(line.v.c0) &&
           std::isfinite(line.v.c2) && std::isfinite(line.v0.c0) && std::isfinite(line.v0.c2);
}

// The means, counts and states that need no score.
[[nodiscard]] inline score_result describe(const score_sums& sums) noexcept
{
    score_result result;
    const divisor by{sums};
    const double p1 = total_of(sums.p1), p0 = total_of(sums.p0);
    const double q1 = total_of(sums.q1), q0 = total_of(sums.q0);
    const double d1 = sums.d1.empty() ? q1 : total_of(by.one);
    const double d0 = sums.d1.empty() ? q0 : total_of(by.zero);
    double z = 0.0;
    for (const std::span<const double> each : {sums.z1, sums.z0, sums.y1, sums.y0}) {
        z += total_of(each);
    }
    result.challenger_buckets = nonzero_of(by.one);
    result.champion_buckets = nonzero_of(by.zero);
    result.information = 0.5 * (q1 + q0);
    if (d1 > 0.0) {
        result.challenger = p1 / d1;
    }
    if (d0 > 0.0) {
        result.champion = p0 / d0;
    }
    if (!(std::isfinite(p1) && std::isfinite(p0) && std::isfinite(q1) && std::isfinite(q0) &&
          std::isfinite(d1) && std::isfinite(d0) && std::isfinite(z))) {
        result.state = status::out_of_range;
    } else {
        result.state = q1 > 0.0 && q0 > 0.0 && d1 > 0.0 && d0 > 0.0 ? status::ok : status::too_few;
    }
    return result;
}

[[nodiscard]] inline bool usable(const score_options& options) noexcept
{
    return options.rho > 0.0 && std::isfinite(options.rho) && is_alpha(options.alpha) &&
           std::isfinite(options.null);
}

JOUST_FUNCTION bounds lone_arm::interval(double rho, double alpha, side alternative) const noexcept
{
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const double target = -std::log(alpha);
    const auto evidence = [&](double r) {
        return normal_mixture_log_e(score(r), variance(r), rho, alternative);
    };
    // Towards a ratio that no longer explains the zeros the evidence grows, first through the variance that is shared
    // and then, for a champion of zeros, through the scale of the score.
    const double shared_from = challenger_absent ? v0 / at_least() : at_least() / v0;
    double far = shared_from;
    if (!(evidence(far) >= target) && champion_absent) {
        const double c = at_least();
        const double strongest = std::sqrt(c * c / (rho * std::fmax(s * s - c, 0.0)));
        far = strongest < far ? strongest : far;
    }
    if (!(far > 0.0) || !(evidence(far) >= target)) {
        return {0.0, infinity};
    }
    double near = far;
    for (int step = 0; step < 1100 && evidence(near) >= target; ++step) {
        near = challenger_absent ? 0.5 * near : 2.0 * near;
    }
    const double end = challenger_absent
                           ? bisect({near, far}, [&](double r) { return evidence(r) >= target; }).with
                           : bisect({far, near}, [&](double r) { return evidence(r) < target; }).without;
    return challenger_absent ? bounds{0.0, end} : bounds{end, infinity};
}

// Finds out whether one arm has only zeros, which a sum of 0 shows where no value is negative.
[[nodiscard]] inline lone_arm lone_arm_of(const score_sums& sums, const fitted_line& at_ratio_one) noexcept
{
    const auto only_zeros = [](std::span<const double> values) {
        for (const double x : values) {
            if (x != 0.0) {
                return false;
            }
        }
        return true;
    };
    lone_arm lone;
    lone.challenger_absent = only_zeros(sums.p1);
    lone.champion_absent = only_zeros(sums.p0);
    if (lone.challenger_absent && lone.champion_absent) {
        return {};
    }
    lone.s = at_ratio_one.line.s(0.0);
    lone.v = at_ratio_one.line.v(0.0);
    lone.v0 = at_ratio_one.line.v0(0.0);
    return lone;
}

JOUST_FUNCTION lone_arm lone_arm_of(const score_sums& sums) noexcept
{
    return lone_arm_of(sums, fit_ratio(sums));
}

// The part that both forms share once the line is known: evidence at t, states, and whether an interval may be given.
inline void judge(score_result& result, const fitted_line& fit, double t,
                  const score_options& options) noexcept
{
    const score_line& line = fit.line;
    if (!is_finite(line)) {
        result.state = status::out_of_range;
        return;
    }
    result.kappa = fit.kappa + t * fit.kappa_slope;
    result.s = line.s(t);
    result.v = line.v(t);
    result.v0 = line.v0(t);
    result.effective_buckets = fit.effective_buckets(t);
    // A constant metric leaves rounding noise. It is refused against every null: the absence of events so far must
    // not count as evidence that a margin holds.
    constexpr double rounding = 1e-28;  // squared and relative
    if (!(line.v.c0 > rounding * fit.square) || !(result.v > rounding * fit.square)) {
        result.state = status::zero_variance;
        return;
    }
    if (result.challenger_buckets < options.min_buckets) {
        result.state = status::burn_in;
        return;
    }
    result.log_e = line.log_e(t, options.rho, options.alternative, options.clock);
}

}  // namespace detail

JOUST_FUNCTION score_line absolute_score(const score_sums& sums) noexcept
{
    return detail::fit_difference(sums).line;
}

JOUST_FUNCTION score_line relative_score(const score_sums& sums) noexcept
{
    return detail::fit_ratio(sums).line;
}

namespace detail {

// The interval of a difference; infinite during the burn-in.
inline void set_interval(score_result& result, const score_line& line, const score_options& options) noexcept
{
    if (result.state == status::ok && options.interval) {
        const bounds ends =
            score_interval(line, options.rho, options.alpha, options.alternative, options.clock);
        result.lower = ends.lower;
        result.upper = ends.upper;
    } else if (result.state == status::burn_in || result.state == status::ok) {
        result.lower = -std::numeric_limits<double>::infinity();
        result.upper = std::numeric_limits<double>::infinity();
    }
}

}  // namespace detail

JOUST_FUNCTION score_result score_test(const score_sums& sums, const score_options& options) noexcept
{
    score_result result;
    if (!detail::equal_lengths(sums) || !detail::usable(options)) {
        result.state = status::out_of_range;
        return result;
    }
    result = detail::describe(sums);
    if (result.state != status::ok) {
        return result;
    }
    const auto fit = detail::fit_difference(sums, options.effective);
    if (!(fit.line.s1 < 0.0) && detail::is_finite(fit.line)) {
        result.state = status::low_overlap;
        return result;
    }
    detail::judge(result, fit, options.null, options);
    if (result.state == status::out_of_range) {
        return result;
    }
    result.estimate = fit.line.root();
    detail::set_interval(result, fit.line, options);
    return result;
}

namespace detail {

// The answer about a ratio where one arm has only zeros.
[[nodiscard]] inline score_result judge_lone(score_result result, const fitted_line& fit,
                                             const lone_arm& lone, const score_options& options) noexcept
{
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const double r = 1.0 + options.null;
    judge(result, fit, -options.null / r, options);
    if (result.state == status::out_of_range) {
        return result;
    }
    result.estimate = lone.challenger_absent ? 0.0 : infinity;
    result.v = result.v0 = lone.variance(r);
    if (result.state == status::ok) {
        result.log_e = normal_mixture_log_e(result.s, result.v, options.rho, options.alternative);
        const bounds ends = lone.interval(options.rho, options.alpha, options.alternative);
        result.lower = ends.lower;
        result.upper = ends.upper;
    } else if (result.state == status::burn_in || result.state == status::ok) {
        result.lower = 0.0;
        result.upper = infinity;
    }
    return result;
}

}  // namespace detail

JOUST_FUNCTION score_result relative_score_test(const score_sums& sums, const score_options& options) noexcept
{
    constexpr double infinity = std::numeric_limits<double>::infinity();
    score_result result;
    const double r = 1.0 + options.null;
    if (!detail::equal_lengths(sums) || !detail::usable(options) || !(r > 0.0)) {
        result.state = status::out_of_range;
        return result;
    }
    result = detail::describe(sums);
    if (result.state != status::ok) {
        return result;
    }
    if (result.challenger < 0.0 || result.champion < 0.0) {
        result.state = status::out_of_range;
        return result;
    }
    const auto fit = detail::fit_ratio(sums, options.effective);
    const detail::lone_arm lone = detail::lone_arm_of(sums, fit);
    if (lone.any()) {
        return detail::judge_lone(result, fit, lone, options);
    }
    if (!(fit.line.s1 > 0.0) && detail::is_finite(fit.line)) {
        result.state = status::too_few;
        return result;
    }
    detail::judge(result, fit, -options.null / r, options);
    if (result.state == status::out_of_range) {
        return result;
    }
    const double inverse = 1.0 + fit.line.root();  // champion divided by challenger
    if (!(inverse > 0.0)) {
        result.state = status::too_few;
        return result;
    }
    result.estimate = 1.0 / inverse;
    if (result.state == status::ok && options.interval) {
        const bounds ends =
            score_interval(fit.line, options.rho, options.alpha, options.alternative, options.clock);
        // r = 1 / (1 + t) falls with t, so the ends change places. Where 1 + t <= 0 no large ratio is excluded.
        result.lower = ends.upper == infinity ? 0.0 : 1.0 / (1.0 + ends.upper);
        result.upper = ends.lower > -1.0 ? 1.0 / (1.0 + ends.lower) : infinity;
    } else if (result.state == status::burn_in) {
        result.lower = 0.0;
        result.upper = infinity;
    }
    return result;
}

JOUST_FUNCTION score_line paired_score(std::span<const double> d, std::span<const double> n) noexcept
{
    double sum = 0.0, count = 0.0, dd = 0.0, dn = 0.0, nn = 0.0;
    for (std::size_t i = 0; i < d.size() && i < n.size(); ++i) {
        sum += d[i];
        count += n[i];
        dd += d[i] * d[i];
        dn += d[i] * n[i];
        nn += n[i] * n[i];
    }
    const quadratic v{dd, -dn, nn};
    return {sum, -count, v, v};
}

JOUST_FUNCTION score_result paired_score_test(std::span<const double> d, std::span<const double> n,
                                              const score_options& options) noexcept
{
    score_result result;
    if (d.size() != n.size() || !detail::usable(options)) {
        result.state = status::out_of_range;
        return result;
    }
    bool valid = true;
    for (std::size_t i = 0; i < d.size(); ++i) {
        valid = valid && n[i] >= 0.0;
        result.challenger_buckets += n[i] > 0.0 ? 1U : 0U;
    }
    const score_line line = paired_score(d, n);
    const double sum = line.s0;
    const double count = -line.s1;
    result.champion_buckets = result.challenger_buckets;
    result.information = count;
    const detail::fitted_line fit{line, 0.0, 0.0, line.v.c0, {}};
    if (!valid || !detail::is_finite(fit.line)) {
        result.state = status::out_of_range;
        return result;
    }
    if (!(count > 0.0)) {
        return result;
    }
    result.state = status::ok;
    detail::judge(result, fit, options.null, options);
    result.estimate = sum / count;
    detail::set_interval(result, fit.line, options);
    return result;
}

}  // namespace stats

#endif

}  // namespace v0
}  // namespace joust
