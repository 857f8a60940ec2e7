#pragma once

#include <joust/stats/bounded_bets.hpp>
#include <joust/stats/normal_mixture.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace joust::inline v0::stats {

/// Options of betting. Values lie in [lower, upper], and `null` between.
///
/// `alpha` tunes the bets and is the level of `running_interval`; `largest_bet` below 1 is the share of its
/// capital that a gambler may lose at once.
struct betting_options {
    double null = 0.5;
    double lower = 0.0;
    double upper = 1.0;
    side alternative = side::two;
    double alpha = 0.05;
    double largest_bet = 0.5;
    bool operator==(const betting_options&) const = default;
};

namespace detail {

// A product of many factors: a double and, apart, the logarithm of what was taken out before it over- or
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

// The factor by which the capital of a gambler on a mean above m (below m) grows with x.
[[nodiscard]] inline double factor_above(double x, double bet, double m, double largest) noexcept
{
    const double capped = bet * m < largest ? bet : largest / m;
    return 1.0 + capped * (x - m);
}
[[nodiscard]] inline double factor_below(double x, double bet, double m, double largest) noexcept
{
    return factor_above(1.0 - x, bet, 1.0 - m, largest);
}

}  // namespace detail

/// Bet against one mean of bounded values: the e-value of `betting` without its memory, for serving paths.
///
/// Two gamblers start with half the capital each; one bets on a mean above the null and one below (one-sided
/// there is one). The e-value is what both have together.
/// assumes: every value lies in the range and has at least (at most) mean `null` given those before it.
/// errors: as betting.
/// cost: about 20 ns per value; 130 bytes.
/// source: Waudby-Smith and Ramdas 2024, section 4.4 (hedged capital process).
class betting_capital {
public:
    explicit betting_capital(const betting_options& options = {}) noexcept : options_(options)
    {
        const bool usable = options.lower < options.upper && std::isfinite(options.upper - options.lower) &&
                            options.null >= options.lower && options.null <= options.upper &&
                            detail::is_alpha(options.alpha) && options.largest_bet > 0.0 &&
                            options.largest_bet < 1.0;
        width_ = usable ? options.upper - options.lower : not_a_number;
        null_ = (options.null - options.lower) / width_;
        bets_.twice_log = 2.0 * (std::log(2.0) - std::log(options.alpha));
    }

    /// Add a value. Returns false, and counts it as refused, when it is outside the range or NaN.
    bool update(double x) noexcept { return place(x).placed; }

    /// Add an independent part of the same stream: evidence multiplies. Merge on a schedule that does not
    /// depend on what the parts say.
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

    [[nodiscard]] status state() const noexcept
    {
        return refused_ != 0 || !(width_ > 0.0) ? status::out_of_range
               : bets_.count > 0.0              ? status::ok
                                                : status::too_few;
    }
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
    [[nodiscard]] double p_value() const noexcept
    {
        return state() == status::ok ? always_valid_p(max_log_e_) : not_a_number;
    }
    [[nodiscard]] double max_log_e() const noexcept { return max_log_e_; }
    [[nodiscard]] double estimate() const noexcept
    {
        return bets_.count > 0.0 ? options_.lower + width_ * (bets_.sum / bets_.count) : not_a_number;
    }
    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }
    [[nodiscard]] double count() const noexcept { return bets_.count; }
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
        // The logarithm is taken only where there may be a new record.
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

/// Follow the mean of bounded values by betting against every mean at once: the tightest interval that is
/// exact at every look, for any distribution.
///
/// Use it for rates and bounded scores, above all rare events, off the serving path: it keeps every value.
/// Where only a test of one mean is needed, or memory matters, take `betting_capital`.
///
/// `interval` is exact, by two bisections over the values kept: the capital of each gambler is monotone in
/// the mean bet against. `running_interval`, the intersection over all looks, is kept on a grid of means that
/// lies only where nothing is decided yet, and is made finer as that shrinks: its ends are outside the exact
/// ones, by at most 1/128 of the width each.
/// assumes: every value lies in the range and has the same mean given those before it. For effects of arms:
///     each request was randomised.
/// errors: too_few before the first value; out_of_range for unusable options, and from a value outside the
///     range on, which is refused and counted, never clamped.
/// cost: log_e O(1); about 0.4 us per value with its running interval; an interval about 100 ns per value
///     kept; 16 bytes per value.
/// source: Waudby-Smith and Ramdas 2024, section 4.4 (hedged capital process).
class betting {
public:
    explicit betting(const betting_options& options = {}) : capital_(options)
    {
        limit_ = (options.alternative == side::two ? 2.0 : 1.0) / options.alpha;
    }

    /// As betting_capital::update.
    bool update(double x)
    {
        const betting_capital::ticket ticket = capital_.place(x);
        if (ticket.placed) {
            kept_.push_back({ticket.value, ticket.bet});
            advance(ticket.value, ticket.bet);
        }
        return ticket.placed;
    }

    /// As betting_capital::merge; the values kept are joined.
    bool merge(const betting& other)
    {
        if (!capital_.merge(other.capital_)) {
            return false;
        }
        kept_.insert(kept_.end(), other.kept_.begin(), other.kept_.end());
        lay_out();
        return true;
    }

    [[nodiscard]] status state() const noexcept { return capital_.state(); }
    [[nodiscard]] double log_e() const noexcept { return capital_.log_e(); }
    [[nodiscard]] double p_value() const noexcept { return capital_.p_value(); }
    [[nodiscard]] double max_log_e() const noexcept { return capital_.max_log_e(); }
    [[nodiscard]] double estimate() const noexcept { return capital_.estimate(); }
    [[nodiscard]] std::uint64_t refused() const noexcept { return capital_.refused(); }
    [[nodiscard]] double count() const noexcept { return capital_.count(); }

    /// What the gambler on a mean above (below) has made of 1, as logarithm.
    struct log_capital {
        double above = 0.0;
        double below = 0.0;
    };

    /// Give the capital of bets against any mean in the range: O(n).
    [[nodiscard]] log_capital against(double mean) const noexcept
    {
        const double m = (mean - options().lower) / capital_.width_;
        if (!(m >= 0.0 && m <= 1.0)) {
            return {not_a_number, not_a_number};
        }
        return {log_above(m), log_below(m)};
    }

    /// Give the interval of the mean at this look: O(n).
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

    /// Give the intersection of the intervals of all looks, at `options.alpha`: O(1).
    [[nodiscard]] bounds running_interval() const noexcept
    {
        return state() == status::ok ? scaled(running_) : bounds{not_a_number, not_a_number};
    }

private:
    struct value_and_bet {
        double value;
        double bet;
    };
    static constexpr std::size_t most = 256;  // means of the grid
    static constexpr std::size_t fewest = 128;

    [[nodiscard]] const betting_options& options() const noexcept { return capital_.options_; }
    [[nodiscard]] bounds scaled(const bounds& b) const noexcept
    {
        return {options().lower + capital_.width_ * b.lower, options().lower + capital_.width_ * b.upper};
    }

    // Four products side by side, taken to logarithms every few factors: a factor is at least 1 -
    // largest_bet.
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
            [=](const value_and_bet& v) { return detail::factor_above(v.value, v.bet, m, largest); });
    }
    [[nodiscard]] double log_below(double m) const noexcept
    {
        const double largest = options().largest_bet;
        return log_product(
            [=](const value_and_bet& v) { return detail::factor_below(v.value, v.bet, m, largest); });
    }

    // f is at least 0 at `inside`, where the mean is refused, and falls towards `outside`: Illinois' steps,
    // which keep the bracket. The end given back is the last mean refused, so rounding never makes the
    // interval shorter.
    template <class F>
    [[nodiscard]] static double bisect(F f, double refused, double allowed) noexcept
    {
        double at_refused = f(refused);
        double at_allowed = f(allowed);
        if (at_allowed >= 0.0) {
            return allowed;
        }
        int same = 0;
        for (int step = 0; step < 200 && std::fabs(allowed - refused) > 1e-14; ++step) {
            double m = 0.5 * (refused + allowed);
            if (step % 3 != 2 && std::isfinite(at_refused) && std::isfinite(at_allowed)) {
                m = (refused * at_allowed - allowed * at_refused) / (at_allowed - at_refused);
                const double low = refused < allowed ? refused : allowed;
                const double high = refused < allowed ? allowed : refused;
                m = m > low && m < high ? m : 0.5 * (refused + allowed);
            }
            const double value = f(m);
            if (value >= 0.0) {
                refused = m;
                at_refused = value;
                at_allowed *= same > 0 ? 0.5 : 1.0;
                same = 1;
            } else {
                allowed = m;
                at_allowed = value;
                at_refused *= same < 0 ? 0.5 : 1.0;
                same = -1;
            }
        }
        return refused;
    }

    // The means still undecided are those from first_ on, size_ of them, evenly spaced strictly inside the
    // running interval. One gambler's capital falls in the mean, the other's rises, so the means refused are
    // at the ends.
    void advance(double x, double bet)
    {
        if (means_.empty()) {
            lay_out();
            return;
        }
        multiply(x, bet);
        trim();
        if (size_ < fewest && running_.upper - running_.lower > 1e-12) {
            lay_out();
        }
    }

    void multiply(double x, double bet) noexcept
    {
        double* const above = above_.data();
        double* const below = below_.data();
        const double* const means = means_.data();
        const double* const caps_above = caps_above_.data();
        const double* const caps_below = caps_below_.data();
        const std::size_t end = first_ + size_;
        for (std::size_t i = first_; i < end; ++i) {
            const double distance = x - means[i];
            const double up = bet < caps_above[i] ? bet : caps_above[i];
            const double down = bet < caps_below[i] ? bet : caps_below[i];
            above[i] *= 1.0 + up * distance;
            below[i] *= 1.0 - down * distance;
        }
        if (++since_ == 256) {
            // Capital that is lost is kept at 1e-100: that this ever earns 1 / alpha adds less than 1e-90 to
            // the error.
            since_ = 0;
            for (std::size_t i = first_; i < end; ++i) {
                above[i] = above[i] > 1e-100 ? above[i] : 1e-100;
                below[i] = below[i] > 1e-100 ? below[i] : 1e-100;
            }
        }
    }

    void trim() noexcept
    {
        std::size_t from = first_;
        std::size_t to = first_ + size_;
        while (from < to && options().alternative != side::less && above_[from] >= limit_) {
            running_.lower = means_[from];
            ++from;
        }
        while (to > from && options().alternative != side::greater && below_[to - 1] >= limit_) {
            running_.upper = means_[to - 1];
            --to;
        }
        first_ = from;
        size_ = to - from;
    }

    // Lay out a new grid inside the running interval, and take it through the past, all looks of which count.
    void lay_out()
    {
        const double width = running_.upper - running_.lower;
        const double low = running_.lower;
        means_.resize(most);
        caps_above_.resize(most);
        caps_below_.resize(most);
        above_.assign(most, 1.0);
        below_.assign(most, 1.0);
        for (std::size_t i = 0; i < most; ++i) {
            const double m = low + width * ((static_cast<double>(i) + 1.0) / static_cast<double>(most + 1));
            means_[i] = m;
            caps_above_[i] = options().largest_bet / m;
            caps_below_[i] = options().largest_bet / (1.0 - m);
        }
        first_ = 0;
        size_ = most;
        since_ = 0;
        for (const value_and_bet& each : kept_) {
            multiply(each.value, each.bet);
            trim();
        }
    }

    betting_capital capital_;
    double limit_ = 0.0;
    std::vector<value_and_bet> kept_;
    bounds running_{0.0, 1.0};
    std::size_t first_ = 0;
    std::size_t size_ = 0;
    int since_ = 0;
    std::vector<double> means_, above_, below_, caps_above_, caps_below_;
};

}  // namespace joust::inline v0::stats
