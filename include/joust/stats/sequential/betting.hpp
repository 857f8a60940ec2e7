// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/two_doubles.hpp>
#include <joust/numeric/roots.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/sequential/bounded_bets.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace joust {
inline namespace v0 {
namespace stats {

/// Set up betting.
using betting_options = bounded_mean_options;

namespace detail {

// A product of many factors: a double, and separately the logarithm of what was taken out before the double over- or
// underflowed.
struct long_product {
    double value = 1.0;
    double log_scale = 0.0;

    void multiply(double factor) noexcept
    {
        value *= factor;
        if (!(value < 1e150 && value > 1e-150)) {
            log_scale += std::log(value);
            value = 1.0;
        }
    }
    [[nodiscard]] double log() const noexcept { return log_scale + std::log(value); }
    bool operator==(const long_product&) const = default;
};

// The factor by which a value x multiplies the capital of a gambler who bets on a mean above m.
[[nodiscard]] inline double factor_above(double x, double bet, double m, double largest) noexcept
{
    const double capped = bet * m < largest ? bet : largest / m;
    return 1.0 + capped * (x - m);
}
// The factor by which a value x multiplies the capital of a gambler who bets on a mean below m.
[[nodiscard]] inline double factor_below(double x, double bet, double m, double largest) noexcept
{
    return factor_above(1.0 - x, bet, 1.0 - m, largest);
}

struct value_and_bet {
    double value;  // in [0, 1]
    double bet;
};

// A few means next to one end of a running interval, outermost first, each with the capital of the gambler who would
// move that end: at the lower end the one who bets on a mean above, at the upper end the one who bets on a mean below.
// That capital falls from each mean to the next further in. So the refused means always come first, and no mean
// further in has to be watched before these are used up.
class interval_end {
public:
    static constexpr std::size_t places = 8;

    // Places the means `spacing` apart, the first of them that far inside of `end`. `inward` is 1 at the lower end
    // and -1 at the upper.
    void place(double end, double spacing, double inward, double largest) noexcept
    {
        spacing_ = spacing;
        inward_ = inward;
        next_ = 0;
        since_ = 0;
        least_cap_ = std::numeric_limits<double>::infinity();
        for (std::size_t i = 0; i < places; ++i) {
            const double m = end + inward * (spacing * (static_cast<double>(i) + 1.0));
            const double cap = largest / (inward > 0.0 ? m : 1.0 - m);
            means_[i / 2][i % 2] = inward * m;
            caps_[i / 2][i % 2] = cap;
            capital_[i / 2][i % 2] = 1.0;
            least_cap_ = cap < least_cap_ ? cap : least_cap_;
        }
    }

    // Bets on one more value, and moves `end` to the last refused mean.
    void bet(const value_and_bet& on, double limit, double& end) noexcept
    {
        multiply(on, capital_);
        if (++since_ == patience) {
            since_ = 0;
            keep_alive(capital_);
        }
        refuse(capital_, limit, end);
    }

    // Does the same for many values in turn, with the capital in registers. The largest capital ever decides on a
    // mean.
    void bet(const std::vector<value_and_bet>& on, double limit, double& end) noexcept
    {
        two capital[pairs];
        two most[pairs];
        for (std::size_t j = 0; j < pairs; ++j) {
            most[j] = capital[j] = capital_[j];
        }
        std::size_t i = 0;
        while (i < on.size()) {
            const std::size_t stop = on.size() - i < patience ? on.size() : i + patience;
            for (; i < stop; ++i) {
                multiply(on[i], capital);
                for (std::size_t j = 0; j < pairs; ++j) {
                    joust::detail::keep_greater(most[j], capital[j]);
                }
            }
            keep_alive(capital);
        }
        for (std::size_t j = 0; j < pairs; ++j) {
            capital_[j] = capital[j];
        }
        since_ = 0;
        refuse(most, limit, end);
    }

    [[nodiscard]] double spacing() const noexcept { return spacing_; }
    [[nodiscard]] bool used_up() const noexcept { return next_ == places; }

private:
    // Two numbers in one register: compilers do not find this by themselves here.
    using two = joust::detail::two_doubles;
    static constexpr std::size_t pairs = places / 2;
    static constexpr std::size_t patience = 64;

    void multiply(const value_and_bet& on, two (&capital)[pairs]) const noexcept
    {
        const double x = inward_ * on.value;
        if (on.bet < least_cap_) [[likely]] {
            const double most = 1.0 + on.bet * x;
            for (std::size_t j = 0; j < pairs; ++j) {
                capital[j] *= most - on.bet * means_[j];
            }
            return;
        }
        const two bets{on.bet, on.bet};
        for (std::size_t j = 0; j < pairs; ++j) {
            two bet = caps_[j];
            joust::detail::keep_lesser(bet, bets);
            capital[j] *= 1.0 + bet * (x - means_[j]);
        }
    }

    // Lost capital is kept at 1e-100; that this ever grows to 1 / alpha adds less than 1e-90 to the error.
    static void keep_alive(two (&capital)[pairs]) noexcept
    {
        constexpr two least{1e-100, 1e-100};
        for (two& each : capital) {
            two kept = least;
            joust::detail::keep_greater(kept, each);
            each = kept;
        }
    }

    void refuse(const two (&capital)[pairs], double limit, double& end) noexcept
    {
        while (next_ < places && capital[next_ / 2][next_ % 2] >= limit) {
            end = inward_ * means_[next_ / 2][next_ % 2];
            ++next_;
        }
    }

    two means_[pairs]{};  // times inward_
    two caps_[pairs]{};   // the largest bets against them
    two capital_[pairs]{};
    double least_cap_ = 0.0;
    double spacing_ = 0.0;
    double inward_ = 1.0;
    std::size_t next_ = places;  // the first mean that is not refused
    std::size_t since_ = 0;
};

}  // namespace detail

/// Bet against one mean of bounded values, and keep only the capital: the e-value of `betting` without its memory of
/// values, for serving paths.
///
/// Two gamblers start with half the capital each; one bets on a mean above the null and one on a mean below it
/// (one-sided, there is one gambler). The e-value is their capital together.
///
/// Tests by design: where the sign of a value is a fair coin of the design's own (which of a pair of items came first,
/// which arm of a pair of units), use `{.null = 0, .lower = -1, .upper = 1}` and values coin times size, with sizes of
/// at most 1. Under the null that the coin changes nothing but the sign, each value has mean 0 given the past, so the
/// e-value holds at every look whatever users do: sizes may drift, depend on all that happened before, or be chosen
/// against it. No model and no independence is assumed. A value of 0 neither wins nor loses. Several values of one
/// unit that share its behaviour count as one value: their mean.
///
/// When to use: a test of one mean, in constant memory. When not: an interval is wanted (`betting`).
/// assumes: every value lies in the range and has at least (at most) mean `null` given those before it.
/// errors: as betting.
/// cost: about 20 ns per value; 130 bytes.
/// source: Waudby-Smith and Ramdas 2024, section 4.4 (hedged capital process).
class betting_capital {
public:
    /// Start with capital 1.
    explicit betting_capital(const betting_options& options = {}) noexcept : options_(options)
    {
        width_ = detail::width_of_range(options);
        null_ = (options.null - options.lower) / width_;
        bets_.twice_log = 2.0 * (std::log(2.0) - std::log(options.alpha));
    }

    /// Add a value; one outside the range or NaN is counted as refused, and the return value is false.
    bool update(double x) noexcept { return place(x).placed; }

    /// Add an independent part of the same stream: evidence multiplies. Merge on a schedule that does not depend on
    /// the results of the parts.
    ///
    /// errors: returns false, and changes nothing, unless the options agree.
    bool merge(const betting_capital& other) noexcept
    {
        if (!(options_ == other.options_)) {
            return false;
        }
        above_.log_scale += other.above_.log_scale;
        above_.multiply(other.above_.value);
        below_.log_scale += other.below_.log_scale;
        below_.multiply(other.below_.value);
        bets_.merge(other.bets_);
        refused_ += other.refused_;
        const double now = log_e();
        max_log_e_ = now > max_log_e_ ? now : max_log_e_;
        return true;
    }

    /// Return whether the results are valid, and why not.
    [[nodiscard]] status state() const noexcept
    {
        return refused_ != 0 || !(width_ > 0.0) ? status::out_of_range
               : bets_.count > 0.0              ? status::ok
                                                : status::too_few;
    }
    /// Return the logarithm of the e-value at this look.
    [[nodiscard]] double log_e() const noexcept
    {
        if (state() != status::ok) {
            return not_a_number;
        }
        switch (options_.alternative) {
            case side::greater: return above_.log();
            case side::less: return below_.log();
            case side::two: break;
        }
        return detail::log_mean_exp(above_.log(), below_.log());
    }
    /// Return the p-value of all looks so far.
    [[nodiscard]] double p_value() const noexcept
    {
        return state() == status::ok ? always_valid_p(max_log_e_) : not_a_number;
    }
    /// Return the largest logarithm of the e-value at any look.
    [[nodiscard]] double max_log_e() const noexcept { return max_log_e_; }
    /// Return the mean of the values.
    [[nodiscard]] double estimate() const noexcept
    {
        return bets_.count > 0.0 ? options_.lower + width_ * (bets_.sum / bets_.count) : not_a_number;
    }
    /// Return how many observations were refused.
    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }
    /// Return how many values were counted.
    [[nodiscard]] double count() const noexcept { return bets_.count; }
    /// Compare all members.
    bool operator==(const betting_capital&) const = default;

private:
    friend class betting;
    struct ticket {
        bool placed = false;
        double value = 0.0;  // in [0, 1]
        double bet = 0.0;
    };

    ticket place(double x) noexcept
    {
        const double y = (x - options_.lower) / width_;
        if (!(y >= 0.0 && y <= 1.0)) {
            ++refused_;
            return {};
        }
        const double bet = bets_.next();
        above_.multiply(detail::factor_above(y, bet, null_, options_.largest_bet));
        below_.multiply(detail::factor_below(y, bet, null_, options_.largest_bet));
        bets_.add(y);
        // The logarithm is computed only where a new maximum is possible.
        const double most = options_.alternative == side::greater ? above_.value
                            : options_.alternative == side::less  ? below_.value
                                                                  : above_.value + below_.value;
        if (most > record_ || above_.log_scale != 0.0 || below_.log_scale != 0.0) {
            const double now = log_e();
            max_log_e_ = now > max_log_e_ ? now : max_log_e_;
            record_ = most > record_ ? most : record_;
        }
        return {true, y, bet};
    }

    betting_options options_;
    double width_ = 1.0;
    double null_ = 0.5;
    detail::predictable_bets bets_;
    detail::long_product above_;
    detail::long_product below_;
    double max_log_e_ = 0.0;
    double record_ = 0.0;
    std::uint64_t refused_ = 0;
};

/// Follow the mean of bounded values by betting against every mean: the narrowest interval that is exact at every look
/// for every distribution.
///
/// `interval` is exact, by two bisections over the stored values: the capital of each gambler is monotone in the mean
/// that is bet against. `running_interval` is the intersection over all looks. It follows each end by a few means just
/// inside of it, which are placed anew when they are refused: its ends are outside the exact ones, by at most 1/128 of
/// the width each, at every look.
///
/// When to use: rates and bounded scores, above all of rare events, off the serving path, because it stores every
/// value.
/// When not: only a test of one mean is needed, or memory matters (`betting_capital`).
/// assumes: every value lies in the range and has the same mean given those before it. For effects of arms:
///     each request was randomised.
/// errors: too_few before the first value; out_of_range for unusable options, and after a value outside the
///     range, which is refused and counted, never clamped.
/// cost: log_e O(1); about 0.1 us per value with its running interval, occasionally O(n) for one value; an
///     interval about 100 ns per stored value; 16 bytes per value.
/// source: Waudby-Smith and Ramdas 2024, section 4.4 (hedged capital process).
class betting {
public:
    /// Start without values.
    explicit betting(const betting_options& options = {}) : capital_(options)
    {
        limit_ = (options.alternative == side::two ? 2.0 : 1.0) / options.alpha;
    }

    /// Add a value, as betting_capital::update does.
    bool update(double x)
    {
        const betting_capital::ticket ticket = capital_.place(x);
        if (ticket.placed) {
            kept_.push_back({ticket.value, ticket.bet});
            advance();
        }
        return ticket.placed;
    }

    /// Add another part, as betting_capital::merge does; the stored values are joined.
    bool merge(const betting& other)
    {
        if (!capital_.merge(other.capital_)) {
            return false;
        }
        kept_.insert(kept_.end(), other.kept_.begin(), other.kept_.end());
        lower_ = {};
        upper_ = {};
        lay_out();
        return true;
    }

    /// Return whether the results are valid, and why not.
    [[nodiscard]] status state() const noexcept { return capital_.state(); }
    /// Return the logarithm of the e-value at this look.
    [[nodiscard]] double log_e() const noexcept { return capital_.log_e(); }
    /// Return the p-value of all looks so far.
    [[nodiscard]] double p_value() const noexcept { return capital_.p_value(); }
    /// Return the largest logarithm of the e-value at any look.
    [[nodiscard]] double max_log_e() const noexcept { return capital_.max_log_e(); }
    /// Return the mean of the values.
    [[nodiscard]] double estimate() const noexcept { return capital_.estimate(); }
    /// Return how many observations were refused.
    [[nodiscard]] std::uint64_t refused() const noexcept { return capital_.refused(); }
    /// Return how many values were counted.
    [[nodiscard]] double count() const noexcept { return capital_.count(); }

    /// Hold the logarithm of the capital of both gamblers, each of whom started with 1.
    struct log_capital {
        /// The capital of the gambler who bets on a mean above.
        double above = 0.0;
        /// The capital of the gambler who bets on a mean below.
        double below = 0.0;
    };

    /// Return the capital of bets against any mean in the range. cost: O(n)
    [[nodiscard]] log_capital against(double mean) const noexcept
    {
        const double m = (mean - options().lower) / capital_.width_;
        if (!(m >= 0.0 && m <= 1.0)) {
            return {not_a_number, not_a_number};
        }
        return {log_above(m), log_below(m)};
    }

    /// Return the interval of the mean at this look. cost: O(n)
    [[nodiscard]] bounds interval(double alpha = 0.05) const noexcept
    {
        if (state() != status::ok || !detail::is_alpha(alpha)) {
            return {not_a_number, not_a_number};
        }
        const double target = std::log(options().alternative == side::two ? 2.0 : 1.0) - std::log(alpha);
        bounds ends{0.0, 1.0};
        if (options().alternative != side::less && log_above(0.0) >= target) {
            ends.lower = bisect([&](double m) { return log_above(m) - target; }, 0.0, 1.0);
        }
        if (options().alternative != side::greater && log_below(1.0) >= target) {
            ends.upper = bisect([&](double m) { return log_below(m) - target; }, 1.0, 0.0);
        }
        return scaled(ends);
    }

    /// Return the intersection of the intervals of all looks, at `options.alpha`. cost: O(1)
    [[nodiscard]] bounds running_interval() const noexcept
    {
        return state() == status::ok ? scaled(running_) : bounds{not_a_number, not_a_number};
    }

private:
    [[nodiscard]] const betting_options& options() const noexcept { return capital_.options_; }
    [[nodiscard]] bounds scaled(const bounds& b) const noexcept
    {
        return {options().lower + capital_.width_ * b.lower, options().lower + capital_.width_ * b.upper};
    }

    // Four products are computed in parallel and converted to logarithms every few factors: a factor is at least
    // 1 - largest_bet, so no product underflows meanwhile.
    template <class Factor>
    [[nodiscard]] double log_product(Factor factor) const noexcept
    {
        double total = 0.0;
        std::array<double, 4> products{1.0, 1.0, 1.0, 1.0};
        std::size_t i = 0;
        while (i < kept_.size()) {
            const std::size_t end = kept_.size() - i < 64 ? kept_.size() : i + 64;
            for (; i + 4 <= end; i += 4) {
                for (std::size_t j = 0; j < 4; ++j) {
                    products[j] *= factor(kept_[i + j]);
                }
            }
            for (; i < end; ++i) {
                products[0] *= factor(kept_[i]);
            }
            for (double& each : products) {
                if (!(each < 1e100 && each > 1e-100)) {
                    total += std::log(each);
                    each = 1.0;
                }
            }
        }
        for (const double each : products) {
            total += std::log(each);
        }
        return total;
    }
    [[nodiscard]] double log_above(double m) const noexcept
    {
        const double largest = options().largest_bet;
        return log_product(
            [=](const detail::value_and_bet& v) { return detail::factor_above(v.value, v.bet, m, largest); });
    }
    [[nodiscard]] double log_below(double m) const noexcept
    {
        const double largest = options().largest_bet;
        return log_product(
            [=](const detail::value_and_bet& v) { return detail::factor_below(v.value, v.bet, m, largest); });
    }

    // Finds where f falls below 0 between `refused`, where it is at least 0, and `allowed`, by the Illinois method,
    // which keeps the bracket. The result is the last refused mean, so rounding never makes the interval shorter.
    template <class F>
    [[nodiscard]] static double bisect(F f, double refused, double allowed) noexcept
    {
        // The value at an allowed mean is negative, so that is the bracket's low end, whichever mean is larger.
        detail::illinois_bracket at{allowed, refused, f(allowed), f(refused)};
        if (at.at_low >= 0.0) {
            return allowed;
        }
        for (int step = 0; step < 200 && std::fabs(at.low - at.high) > 1e-14; ++step) {
            double m = 0.5 * (at.high + at.low);
            if (step % 3 != 2 && std::isfinite(at.at_high) && std::isfinite(at.at_low)) {
                const double secant = (at.high * at.at_low - at.low * at.at_high) / (at.at_low - at.at_high);
                m = detail::is_inside({at.low, at.high}, secant) ? secant : m;
            }
            at.narrow(m, f(m));
        }
        return at.high;
    }

    void advance()
    {
        const detail::value_and_bet& last = kept_.back();
        if (moves_lower()) {
            lower_.bet(last, limit_, running_.lower);
        }
        if (moves_upper()) {
            upper_.bet(last, limit_, running_.upper);
        }
        lay_out();
    }

    [[nodiscard]] bool moves_lower() const noexcept { return options().alternative != side::less; }
    [[nodiscard]] bool moves_upper() const noexcept { return options().alternative != side::greater; }
    [[nodiscard]] double width() const noexcept { return running_.upper - running_.lower; }
    // Are the means of an end too far apart to locate it to within 1/128 of the width?
    [[nodiscard]] bool too_coarse(const detail::interval_end& end) const noexcept
    {
        return (end.used_up() || end.spacing() * 128.0 > width()) && width() > 1e-12;
    }

    // Places the means of both ends anew where needed: one end's means may be too far apart because the other end
    // moved.
    void lay_out()
    {
        while ((moves_lower() && too_coarse(lower_)) || (moves_upper() && too_coarse(upper_))) {
            if (moves_lower() && too_coarse(lower_)) {
                lay_out(lower_, running_.lower, 1.0);
            }
            if (moves_upper() && too_coarse(upper_)) {
                lay_out(upper_, running_.upper, -1.0);
            }
        }
    }

    // Places new means next to an end, and replays all past values on them, because every past look counts.
    void lay_out(detail::interval_end& means, double& end, double inward)
    {
        // Closer than promised, so that the interval can shrink by a ninth before this has to be repeated.
        means.place(end, width() / 144.0, inward, options().largest_bet);
        means.bet(kept_, limit_, end);
        if (means.used_up() && width() > 1e-12) {
            // The end moves far in one step: find it roughly first, with means all over the interval.
            means.place(end, width() / static_cast<double>(detail::interval_end::places + 1), inward,
                        options().largest_bet);
            means.bet(kept_, limit_, end);
        }
    }

    betting_capital capital_;
    double limit_ = 0.0;
    std::vector<detail::value_and_bet> kept_;
    bounds running_{0.0, 1.0};
    detail::interval_end lower_;
    detail::interval_end upper_;
};

}  // namespace stats
}  // namespace v0
}  // namespace joust
