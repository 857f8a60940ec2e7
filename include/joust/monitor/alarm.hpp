// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/text.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

// Alarms that may be looked at after every row. Each alarm turns rows into e-factors: numbers whose mean, given
// everything before, is at most 1 while nothing has changed. The product of e-factors is evidence of a change.

namespace joust {
inline namespace v0 {

/// Say what an alarm promises about false alarms, however often it is looked at.
/// cost: O(1) for each function
class false_alarms {
public:
    /// Promise that a stream without a change runs for at least `steps` steps on average until an alarm: the default.
    ///
    /// Evidence starts again at every step (Shiryaev-Roberts), so that a change is found as fast after a quiet year as
    /// after a quiet day. A step is a row, or a block for `two_sample_alarm`.
    /// errors: configuration_error unless steps >= 2
    [[nodiscard]] static false_alarms every(double steps)
    {
        if (!(steps >= 2.0) || !std::isfinite(steps)) {
            throw configuration_error("false_alarms.every", to_text(steps), "a finite number of at least 2");
        }
        return {steps, true};
    }

    /// Promise that a stream without a change never raises an alarm, except with probability `alpha`.
    ///
    /// Evidence counts from the start only (Ville's inequality). This promise is stronger, but the delay until a change
    /// is found grows with the quiet time before it.
    /// errors: configuration_error unless 0 < alpha < 1
    [[nodiscard]] static false_alarms ever(double alpha)
    {
        if (!(alpha > 0.0 && alpha < 1.0)) {
            throw configuration_error("false_alarms.ever", to_text(alpha), "a probability between 0 and 1");
        }
        return {1.0 / alpha, false};
    }

    /// Split the promise over several alarms that watch the same rows, however they depend on each other. One of them
    /// raises within n steps with probability at most n / steps, or ever with probability at most alpha. The alarm on new categories of a
    /// feature adds at most 0.001, for a reference that was unlucky.
    [[nodiscard]] false_alarms shared_by(std::size_t alarms) const noexcept
    {
        return {threshold_ * static_cast<double>(alarms), restarts_};
    }

    /// Return the evidence at which an alarm is raised.
    [[nodiscard]] double threshold() const noexcept { return threshold_; }
    /// Say whether evidence starts again at every step.
    [[nodiscard]] bool restarts() const noexcept { return restarts_; }
    /// Compare all members.
    bool operator==(const false_alarms&) const = default;

private:
    false_alarms(double threshold, bool restarts) noexcept : threshold_(threshold), restarts_(restarts) {}

    double threshold_;
    bool restarts_;
};

/// Collect e-factors into evidence M of a change: M <- L (M + 1) with restarts, M <- L M without them.
///
/// M reaches c within n steps with probability at most n / c with restarts (Doob), and at most 1 / c without them
/// (Ville). The average over bets on one stream keeps this promise; the product over features or slices of the same
/// rows does not. With restarts the value is not an e-value, since its mean is the number of steps: never pass it to
/// `e_bh`.
/// cost: O(1)
/// source: Shin, Ramdas, Rinaldo (2022), E-detectors, arXiv 2203.03532, section 2
class change_evidence {
public:
    /// Begin without evidence.
    explicit change_evidence(bool restarts = true) noexcept
        : value_(restarts ? 0.0 : 1.0), fresh_(restarts ? 1.0 : 0.0)
    {
    }

    /// Take the e-factor of the next step, or of several steps at once, such as the rows of a block.
    void update(double factor, double steps = 1.0) noexcept
    {
        const double grown = factor * (value_ + fresh_ * steps);
        // Evidence of 0 stays 0, also when an infinite factor would make it NaN.
        value_ = grown < ceiling ? grown : grown >= ceiling ? ceiling : 0.0;
    }
    /// Return the evidence.
    [[nodiscard]] double value() const noexcept { return value_; }
    /// Visit all members, to save or load them.
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(value_, fresh_);
    }
    /// Say whether loaded members are possible.
    [[nodiscard]] bool consistent() const noexcept
    {
        return value_ >= 0.0 && value_ <= ceiling && (fresh_ == 0.0 || fresh_ == 1.0);
    }
    /// Compare all members.
    bool operator==(const change_evidence&) const = default;

private:
    // It is far above any threshold, and keeps the evidence from becoming infinite.
    static constexpr double ceiling = 1e300;

    double value_;
    double fresh_;
};

/// Return the e-factor of one yes or no against "yes has probability at most p0", with a bet on p1.
/// cost: O(1), one division
[[nodiscard]] constexpr double bernoulli_e_factor(bool yes, double p0, double p1) noexcept
{
    return 1.0 + (p1 - p0) / (p0 * (1.0 - p0)) * ((yes ? 1.0 : 0.0) - p0);
}

namespace detail {

/// Compare evidence with the threshold of a promise after every step, and remember the step that raised the alarm.
class alarm_state {
public:
    explicit alarm_state(false_alarms promise) noexcept : promise_(promise) {}

    [[nodiscard]] double evidence() const noexcept { return evidence_; }
    [[nodiscard]] double threshold() const noexcept { return promise_.threshold(); }
    [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }
    [[nodiscard]] std::uint64_t raised_at() const noexcept { return raised_at_; }

    /// Take the evidence after one more step.
    void step(double evidence) noexcept
    {
        ++steps_;
        evidence_ = evidence;
        if (evidence_ >= promise_.threshold() && raised_at_ == 0) {
            raised_at_ = steps_;
        }
    }

    /// Continue from what an alarm had.
    void resume(double evidence, std::uint64_t steps, std::uint64_t raised_at) noexcept
    {
        evidence_ = evidence;
        steps_ = steps;
        raised_at_ = raised_at;
    }

    /// Forget steps and alarm, and start all bets of the alarm again.
    template <class Bets>
    void restart(Bets& bets) noexcept
    {
        bets.fill(change_evidence{promise_.restarts()});
        evidence_ = bets.front().value();
        steps_ = 0;
        raised_at_ = 0;
    }

private:
    false_alarms promise_;
    double evidence_ = 0.0;
    std::uint64_t steps_ = 0;
    std::uint64_t raised_at_ = 0;
};

/// Visit the rows of a block, given as counts per cell, in a random order.
template <class Coins, class Visit>
void for_each_row(std::span<const std::uint64_t> block, Coins& coins, Visit&& visit)
{
    std::vector<std::uint64_t> left(block.begin(), block.end());
    std::uint64_t rows = 0;
    for (const std::uint64_t n : left) {
        rows += n;
    }
    for (; rows > 0; --rows) {
        std::uint64_t drawn = coins.below(rows);
        std::size_t cell = 0;
        while (drawn >= left[cell]) {
            drawn -= left[cell++];
        }
        --left[cell];
        visit(cell);
    }
}

}  // namespace detail

/// Watch a rate that should stay at or below a level: errors, missing values, refusals.
///
/// Set the level to the rate that you tolerate: a rate up to the level never counts as evidence.
/// assumes: the rate of each row, given the rows before, is at most the level while nothing is wrong
/// cost: 9 to 16 ns a row, no allocation
class bernoulli_alarm {
public:
    /// The alarm bets on the level times each of these factors.
    static constexpr std::array<double, 6> multiples{1.1, 1.25, 1.5, 2.0, 3.0, 5.0};

    /// Begin to watch.
    /// errors: configuration_error unless 0 < level < 0.95
    explicit bernoulli_alarm(double level, false_alarms promise = false_alarms::every(1e6))
        : level_(level), state_(promise)
    {
        if (!(level > 0.0 && level < 0.95)) {
            throw configuration_error("bernoulli_alarm.level", to_text(level),
                                      "a rate above 0 and below 0.95");
        }
        restart();
    }

    /// Take one row.
    void update(bool yes) noexcept
    {
        double sum = 0.0;
        for (std::size_t i = 0; i < bets_.size(); ++i) {
            const double guess = level_ * multiples[i];
            bets_[i].update(bernoulli_e_factor(yes, level_, guess < 0.95 ? guess : 0.95));
            sum += bets_[i].value();
        }
        state_.step(sum / static_cast<double>(bets_.size()));
    }

    /// Return the level.
    [[nodiscard]] double level() const noexcept { return level_; }
    /// Return the evidence of a change.
    [[nodiscard]] double evidence() const noexcept { return state_.evidence(); }
    /// Return the evidence at which the alarm is raised.
    [[nodiscard]] double threshold() const noexcept { return state_.threshold(); }
    /// Say whether the alarm was raised since the start or the last `restart`.
    [[nodiscard]] bool raised() const noexcept { return state_.raised_at() != 0; }
    /// Return the row that raised the alarm, counted from 1, or 0 if no row did.
    [[nodiscard]] std::uint64_t raised_at() const noexcept { return state_.raised_at(); }

    /// Forget evidence and alarm, for instance after a repair.
    void restart() noexcept { state_.restart(bets_); }

private:
    double level_;
    detail::alarm_state state_;
    std::array<change_evidence, multiples.size()> bets_;
};

/// Watch whether rows still come from the distribution of the reference and of the earlier rows.
///
/// Each row gets a conformal p-value: the share of all rows so far, with the row itself, that lie in a higher cell,
/// where a random number splits ties. While rows are exchangeable, these p-values are independent and uniform for a
/// reference of any size. Thirteen bets are placed on other behaviour: higher or lower values (8), wider or narrower
/// values (4), and a bet that learns any recurring shape. This last one finds a shift between categories, far later
/// than a shift of numbers is found; it may miss a shift of less than a twentieth of all rows.
/// When to use: for drift over time.
/// When not: if traffic has a daily season that the reference lacks; compare with the champion's traffic of the same
/// time by `two_sample_alarm`. A slow drift is partly missed, since rows join the reference.
/// assumes: rows are independent draws while nothing changes, so pass at most one row per unit and block; the cells
/// were fixed without these rows (edges from the rows of the reference itself are close enough, see the tests)
/// cost: about 40 ns a row, off the serving path; cells x 8 + 400 bytes
/// source: Vovk, Gammerman, Shafer (2005), Algorithmic Learning in a Random World, chapter 7
class conformal_alarm {
public:
    /// Begin with the counts of a reference by cell.
    /// errors: configuration_error without cells
    explicit conformal_alarm(std::span<const std::uint64_t> reference,
                             false_alarms promise = false_alarms::every(1e7))
        : bag_(reference.begin(), reference.end()), state_(promise)
    {
        if (reference.empty()) {
            throw configuration_error("conformal_alarm.reference", "without cells",
                                      "counts of at least one cell");
        }
        for (const std::uint64_t n : bag_) {
            total_ += n;
        }
        restart();
    }

    /// Add rows to the reference, without testing them.
    /// errors: counts of another number of cells are refused and counted
    void learn(std::span<const std::uint64_t> reference) noexcept
    {
        if (reference.size() != bag_.size()) {
            ++refused_;
            return;
        }
        for (std::size_t i = 0; i < bag_.size(); ++i) {
            bag_[i] += reference[i];
            total_ += reference[i];
        }
    }

    /// Add one row to the reference, without testing it.
    /// assumes: the cell is one of the cells of the reference
    void learn(std::size_t cell) noexcept
    {
        ++bag_[cell];
        ++total_;
    }

    /// Take one row: its cell, and a new uniform number in [0, 1) that splits ties.
    /// assumes: the cell is one of the cells of the reference
    void update(std::size_t cell, double coin) noexcept { bet(p_value(cell, coin)); }

    /// Take a block of rows, given as counts per cell, in a random order drawn from `coins`.
    ///
    /// The rows of a block may come from any number of threads and replicas, since their order carries no information.
    /// assumes: the moment at which a block ends does not depend on its rows; use a clock or a count
    /// errors: a block with another number of cells is refused and counted
    template <class Coins>
    void update(std::span<const std::uint64_t> block, Coins& coins)
    {
        if (block.size() != bag_.size()) {
            ++refused_;
            return;
        }
        detail::for_each_row(block, coins, [&](std::size_t cell) { update(cell, coins.uniform()); });
    }

    /// Return the evidence of a change.
    [[nodiscard]] double evidence() const noexcept { return state_.evidence(); }
    /// Return the evidence at which the alarm is raised.
    [[nodiscard]] double threshold() const noexcept { return state_.threshold(); }
    /// Say whether the alarm was raised since the start or the last `restart`.
    [[nodiscard]] bool raised() const noexcept { return state_.raised_at() != 0; }
    /// Return the row that raised the alarm, counted from 1, or 0 if no row did.
    [[nodiscard]] std::uint64_t raised_at() const noexcept { return state_.raised_at(); }
    /// Return the number of rows tested since the start or the last `restart`.
    [[nodiscard]] std::uint64_t rows() const noexcept { return state_.steps(); }
    /// Return the number of blocks and references that were refused.
    [[nodiscard]] std::uint64_t refused_blocks() const noexcept { return refused_; }
    /// Return the counts of reference and tested rows together, by cell.
    [[nodiscard]] std::span<const std::uint64_t> counts() const noexcept { return bag_; }

    /// Forget evidence and alarm. The rows seen stay part of the reference.
    void restart() noexcept
    {
        state_.restart(bets_);
        seen_.fill(0.0);
        seen_total_ = 0.0;
    }

private:
    static constexpr std::array<double, 8> location{-1.2, -0.6, -0.3, -0.12, 0.12, 0.3, 0.6, 1.2};
    static constexpr std::array<double, 4> spread{-0.8, -0.3, 0.3, 0.8};
    static constexpr std::size_t fixed = location.size() + spread.size();
    // The share of the starting capital of the bet that learns. The rest is split over the fixed bets.
    static constexpr double shape_share = 0.25;
    static constexpr std::size_t slices = 16;
    static constexpr double prior_rows = 400.0;
    // What is kept after every 256 rows, which makes a memory of about 13,000 rows.
    static constexpr double memory = 0.98;

    [[nodiscard]] double p_value(std::size_t cell, double coin) noexcept
    {
        ++bag_[cell];
        ++total_;
        std::uint64_t above = 0;
        for (std::size_t i = cell + 1; i < bag_.size(); ++i) {
            above += bag_[i];
        }
        return (static_cast<double>(above) + coin * static_cast<double>(bag_[cell])) /
               static_cast<double>(total_);
    }

    void bet(double p) noexcept
    {
        double sum = 0.0;
        std::size_t next = 0;
        for (const double slope : location) {
            bets_[next].update(1.0 + slope * (p - 0.5));
            sum += bets_[next++].value();
        }
        const double distance = std::abs(2.0 * p - 1.0) - 0.5;
        for (const double slope : spread) {
            bets_[next].update(1.0 + slope * distance);
            sum += bets_[next++].value();
        }
        const auto slice = static_cast<std::size_t>(p * static_cast<double>(slices));
        const std::size_t seen = slice < slices ? slice : slices - 1;
        const double density =
            (seen_[seen] * static_cast<double>(slices) + prior_rows) / (seen_total_ + prior_rows);
        bets_[next].update(density);
        sum *= (1.0 - shape_share) / static_cast<double>(fixed);
        state_.step(sum + shape_share * bets_[next].value());
        seen_[seen] += 1.0;
        seen_total_ += 1.0;
        if (state_.steps() % 256 == 0) {
            for (double& n : seen_) {
                n *= memory;
            }
            seen_total_ *= memory;
        }
    }

    std::vector<std::uint64_t> bag_;
    std::uint64_t total_ = 0;
    detail::alarm_state state_;
    std::array<change_evidence, fixed + 1> bets_;
    std::array<double, slices> seen_{};
    double seen_total_ = 0.0;
    std::uint64_t refused_ = 0;
};

namespace detail {

template <class Visit>
constexpr void for_each_small_p_bet(Visit&& visit)
{
    constexpr double most = 0.9;  // The largest probability that is betted on.
    double limit = 1.0;
    for (int k = 0; k < 14; ++k) {
        limit *= 0.5;
        for (const double multiple : {1.5, 2.0, 4.0, 16.0, 128.0}) {
            if (multiple * limit <= most) {
                visit(limit, multiple, (1.0 - multiple * limit) / (1.0 - limit));
            }
        }
    }
}
inline constexpr std::size_t count_of_small_p_bets = [] {
    std::size_t n = 0;
    for_each_small_p_bet([&n](double, double, double) { ++n; });
    return n;
}();

/// The limits of bets on small p-values, and what evidence is multiplied by below and above them.
struct small_p_table {
    std::array<double, count_of_small_p_bets> limit{};
    std::array<double, count_of_small_p_bets> below{};
    std::array<double, count_of_small_p_bets> above{};
};
inline constexpr small_p_table all_small_p_bets = [] {
    small_p_table all;
    std::size_t n = 0;
    for_each_small_p_bet([&](double limit, double below, double above) {
        all.limit[n] = limit;
        all.below[n] = below;
        all.above[n] = above;
        ++n;
    });
    return all;
}();

/// Bets that small p-values have become more frequent: that p lies below a = 1/2, 1/4, ..., 1/16384, with 1.5, 2, 4, 16
/// or 128 times the probability a. The limits are fixed beforehand, because a limit that followed the reference would
/// take it for exact.
class small_p_bets {
public:
    void restart(bool restarts) noexcept
    {
        fresh_ = restarts ? 1.0 : 0.0;
        values_.fill(restarts ? 0.0 : 1.0);
        mean_ = values_.front();
    }

    /// Take a p-value that is uniform while nothing changes. Returns the evidence after it.
    double update(double p) noexcept
    {
        // The limits fall, so that a p-value lies below those of the first bets.
        std::size_t won = 0;
        while (won < values_.size() && p < all_small_p_bets.limit[won]) {
            ++won;
        }
        for (std::size_t i = 0; i < won; ++i) {
            values_[i] = grown(all_small_p_bets.below[i], values_[i]);
        }
        for (std::size_t i = won; i < values_.size(); ++i) {
            values_[i] = grown(all_small_p_bets.above[i], values_[i]);
        }
        std::array<double, 4> sums{};
        for (std::size_t i = 0; i < values_.size(); ++i) {
            sums[i % sums.size()] += values_[i];
        }
        mean_ = (sums[0] + sums[1] + sums[2] + sums[3]) / static_cast<double>(values_.size());
        return mean_;
    }

    [[nodiscard]] double evidence() const noexcept { return mean_; }

private:
    static constexpr double ceiling = 1e300;

    [[nodiscard]] double grown(double factor, double value) const noexcept
    {
        const double product = factor * (value + fresh_);
        return product < ceiling ? product : ceiling;
    }

    double fresh_ = 1.0;
    double mean_ = 0.0;
    std::array<double, count_of_small_p_bets> values_{};
};

}  // namespace detail

/// Watch whether values that were rare, or that no row of the reference had, have become more frequent: a new category,
/// a number outside all earlier ones, an invalid number, and missing values.
///
/// Two conformal p-values are made of each row. The first is the share of all rows so far, with the row itself, that lie
/// in cells with fewer rows; the second is the share of rows that miss their value, for a row that misses its own. A random
/// number splits ties. While rows are exchangeable, each of them is uniform and independent of the earlier ones, for a
/// reference of any size, so that the rate in the reference need not be known. Each has 45 % of the promise.
///
/// Rows that are found to be rare become part of what is compared, so that after a small reference a new value is soon one among
/// others. The rest of the promise therefore goes to bets on each cell that no row of the reference had: with K cells and N rows of
/// reference its rate is at most log(1,000 K) / N, but for one reference in a thousand, which the promise allows for, and a `bernoulli_alarm`
/// bets against that.
/// When to use: beside a `conformal_alarm`, whose bets look at all rows together and see a change of one row in a
/// hundred late or never. A monitor has both.
/// When not: for a rate with a promised level; use `bernoulli_alarm`.
/// assumes: as conformal_alarm
/// cost: about 120 ns a row, and 15 ns for each cell that no row of the reference had; off the serving path; cells x 8 + 1,000
/// bytes, and 100 for each such cell
/// source: exact binomial limit of an event that was not seen, with Bonferroni over the cells
class rare_cell_alarm {
public:
    /// Begin with the counts of a reference by cell, and the cell of missing values.
    /// errors: configuration_error unless `missing` is one of the cells
    rare_cell_alarm(std::span<const std::uint64_t> reference, std::size_t missing,
                    false_alarms promise = false_alarms::every(1e7))
        : bag_(reference.begin(), reference.end()), missing_(missing), promise_(promise)
    {
        if (missing >= bag_.size()) {
            throw configuration_error("rare_cell_alarm.missing", std::to_string(missing),
                                      "the number of one of the cells");
        }
        for (const std::uint64_t n : bag_) {
            total_ += n;
        }
        restart();
    }

    /// Add one row to the reference, without testing it.
    /// assumes: the cell is one of the cells of the reference
    void learn(std::size_t cell) noexcept
    {
        ++bag_[cell];
        ++total_;
    }

    /// Take one row: its cell, and two new uniform numbers in [0, 1) that split ties.
    /// assumes: the cell is one of the cells of the reference
    void update(std::size_t cell, double coin, double missing_coin)
    {
        if (rows_ == 0) {
            watch_new_cells();
        }
        learn(cell);
        const std::uint64_t own = bag_[cell];
        std::uint64_t rarer = 0;
        std::uint64_t equal = 0;
        for (const std::uint64_t n : bag_) {
            rarer += n < own ? n : 0;
            equal += n == own ? n : 0;
        }
        const auto all = static_cast<double>(total_);
        const auto missing = static_cast<double>(bag_[missing_]);
        const double rare =
            rarity_.update((static_cast<double>(rarer) + coin * static_cast<double>(equal)) / all);
        const double gone = absence_.update(
            (cell == missing_ ? missing_coin * missing : missing + missing_coin * (all - missing)) / all);
        double fresh = 0.0;
        for (new_cell& each : new_cells_) {
            each.alarm.update(each.cell == cell);
            fresh += each.alarm.evidence();
        }
        new_evidence_ = new_cells_.empty() ? 0.0 : fresh / static_cast<double>(new_cells_.size());
        ++rows_;
        evidence_ = known_part * (rare > gone ? rare : gone);
        evidence_ = new_part * new_evidence_ > evidence_ ? new_part * new_evidence_ : evidence_;
        if (evidence_ >= promise_.threshold() && raised_at_ == 0) {
            raised_at_ = rows_;
        }
    }

    /// Return the evidence that rare or new values have become more frequent.
    [[nodiscard]] double rare_evidence() const noexcept { return rarity_.evidence(); }
    /// Return the evidence that missing values have become more frequent.
    [[nodiscard]] double missing_evidence() const noexcept { return absence_.evidence(); }
    /// Return the evidence that values came which no row of the reference had, the mean over their cells.
    [[nodiscard]] double new_evidence() const noexcept { return new_evidence_; }
    /// Return the evidence of a change, the largest of the three after each was multiplied by its part of the promise.
    [[nodiscard]] double evidence() const noexcept { return evidence_; }
    /// Return the evidence at which the alarm is raised.
    [[nodiscard]] double threshold() const noexcept { return promise_.threshold(); }
    /// Say whether the alarm was raised since the start or the last `restart`.
    [[nodiscard]] bool raised() const noexcept { return raised_at_ != 0; }
    /// Return the row that raised the alarm, counted from 1, or 0 if no row did.
    [[nodiscard]] std::uint64_t raised_at() const noexcept { return raised_at_; }

    /// Forget evidence and alarm. The rows seen stay part of the reference.
    void restart() noexcept
    {
        rarity_.restart(promise_.restarts());
        absence_.restart(promise_.restarts());
        evidence_ = known_part * rarity_.evidence();
        new_cells_.clear();
        new_evidence_ = 0.0;
        rows_ = 0;
        raised_at_ = 0;
    }

private:
    // What the two conformal tests have of the promise each.
    static constexpr double known_part = 0.45;
    // What the bets on new cells have. The rest is for references in which a cell is missing by bad luck.
    static constexpr double new_part = 0.09;

    struct new_cell {
        std::size_t cell;
        bernoulli_alarm alarm;
    };

    /// Begin to bet on the cells that no row of the reference had.
    void watch_new_cells()
    {
        // Bad luck shortens the average run by a thousandth, or has a hundredth of the probability of an alarm.
        const double most_references = promise_.restarts() ? 1'000.0 : 100.0 * promise_.threshold();
        const double level =
            std::log(most_references * static_cast<double>(bag_.size())) / static_cast<double>(total_);
        new_cells_.clear();
        for (std::size_t cell = 0; level < 0.2 && cell < bag_.size(); ++cell) {
            if (bag_[cell] == 0) {
                new_cells_.push_back({cell, bernoulli_alarm{level, promise_}});
            }
        }
    }

    std::vector<std::uint64_t> bag_;
    std::vector<new_cell> new_cells_;
    double new_evidence_ = 0.0;
    std::uint64_t total_ = 0;
    std::size_t missing_;
    false_alarms promise_;
    detail::small_p_bets rarity_;
    detail::small_p_bets absence_;
    double evidence_ = 0.0;
    std::uint64_t rows_ = 0;
    std::uint64_t raised_at_ = 0;
};

/// Return the natural logarithm of the two-sample e-value of two count vectors, given guesses of both distributions.
///
/// Its mean is at most 1 under every common distribution: with r = (n_a q_a + n_b q_b) / (n_a + n_b) each row of the
/// first sample has mean A = E[q_a / r], each row of the second C = E[q_b / r], and n_a A + n_b C = n_a + n_b, so A^n_a
/// C^n_b <= 1.
/// assumes: the guesses were made before the counts and are positive wherever a count is; sample sizes do not depend on
/// the values
/// cost: one pass over the cells, two logarithms each
[[nodiscard]] inline double log_e_two_sample_multinomial(std::span<const std::uint64_t> first,
                                                         std::span<const std::uint64_t> second,
                                                         std::span<const double> guess_first,
                                                         std::span<const double> guess_second) noexcept
{
    double n_first = 0.0;
    double n_second = 0.0;
    for (std::size_t i = 0; i < first.size(); ++i) {
        n_first += static_cast<double>(first[i]);
        n_second += static_cast<double>(second[i]);
    }
    double sum = 0.0;
    for (std::size_t i = 0; i < first.size(); ++i) {
        const double pooled = (n_first * guess_first[i] + n_second * guess_second[i]) / (n_first + n_second);
        if (first[i] > 0) {
            sum += static_cast<double>(first[i]) * std::log(guess_first[i] / pooled);
        }
        if (second[i] > 0) {
            sum += static_cast<double>(second[i]) * std::log(guess_second[i] / pooled);
        }
    }
    return sum;
}

/// Watch whether two streams of the same time have the same distribution: a challenger's traffic against the
/// champion's.
///
/// It needs no reference, and seasons, campaigns and outages cancel, since they affect both streams. It learns both
/// distributions from earlier blocks with three memories (which forget half of every block, a tenth, and nothing) and
/// averages their evidence.
/// When to use: wherever a champion serves at the same time.
/// When not: for a single stream (`conformal_alarm`).
/// assumes: rows are independent given the block; block sizes do not depend on the values. A step of its promise is a
/// block.
/// cost: six logarithms a cell and block
class two_sample_alarm {
public:
    /// Begin without data.
    /// errors: configuration_error if `cells` is 0
    explicit two_sample_alarm(std::size_t cells, false_alarms promise = false_alarms::every(1e4))
        : cells_(cells), state_(promise)
    {
        if (cells == 0) {
            throw configuration_error("two_sample_alarm.cells", "0", "at least one cell");
        }
        for (rows_seen& m : memories_) {
            m.live.assign(cells, 0.0);
            m.champion.assign(cells, 0.0);
        }
        restart();
    }

    /// Take one block of both streams. If one of them is empty, the block is learned but is no evidence.
    /// errors: a block with another number of cells is refused and counted
    void update(std::span<const std::uint64_t> live, std::span<const std::uint64_t> champion)
    {
        if (live.size() != cells_ || champion.size() != cells_) {
            ++refused_;
            return;
        }
        std::vector<double> guess_live(cells_);
        std::vector<double> guess_champion(cells_);
        double sum = 0.0;
        for (std::size_t i = 0; i < memories_.size(); ++i) {
            rows_seen& m = memories_[i];
            guess(m, guess_live, guess_champion);
            bets_[i].update(std::exp(log_e(live, champion, guess_live, guess_champion)));
            sum += bets_[i].value();
            for (std::size_t j = 0; j < cells_; ++j) {
                m.live[j] = m.live[j] * kept[i] + static_cast<double>(live[j]);
                m.champion[j] = m.champion[j] * kept[i] + static_cast<double>(champion[j]);
            }
        }
        state_.step(sum / static_cast<double>(memories_.size()));
    }

    /// Return the evidence of a change.
    [[nodiscard]] double evidence() const noexcept { return state_.evidence(); }
    /// Return the evidence at which the alarm is raised.
    [[nodiscard]] double threshold() const noexcept { return state_.threshold(); }
    /// Say whether the alarm was raised since the start or the last `restart`.
    [[nodiscard]] bool raised() const noexcept { return state_.raised_at() != 0; }
    /// Return the block that raised the alarm, counted from 1, or 0 if no block did.
    [[nodiscard]] std::uint64_t raised_at() const noexcept { return state_.raised_at(); }
    /// Return the number of blocks that were refused.
    [[nodiscard]] std::uint64_t refused_blocks() const noexcept { return refused_; }

    /// Forget evidence and alarm, but not what was learned.
    void restart() noexcept { state_.restart(bets_); }

    /// Hold all that changes while the alarm watches, to save it and to load it into an alarm of the same cells and promise.
    struct memory {
        /// What was learned: with each of three memories the live rows and those of the champion, by cell.
        std::vector<double> learned{};
        /// The evidence of each memory's bet.
        std::array<change_evidence, 3> bets;
        /// The evidence.
        double evidence = 0.0;
        /// The number of blocks.
        std::uint64_t steps = 0;
        /// The block that raised the alarm, or 0.
        std::uint64_t raised_at = 0;
        /// The number of blocks that were refused.
        std::uint64_t refused = 0;

        /// Visit all members, to save or load them.
        template <class Archive>
        void fields(Archive& archive)
        {
            archive(learned);
            for (change_evidence& each : bets) {
                archive(each);
            }
            archive(evidence, steps, raised_at, refused);
        }
        /// Compare all members.
        bool operator==(const memory&) const = default;
    };

    /// Return all that changes.
    [[nodiscard]] memory state() const
    {
        memory saved;
        for (const rows_seen& each : memories_) {
            saved.learned.insert(saved.learned.end(), each.live.begin(), each.live.end());
            saved.learned.insert(saved.learned.end(), each.champion.begin(), each.champion.end());
        }
        saved.bets = bets_;
        saved.evidence = state_.evidence();
        saved.steps = state_.steps();
        saved.raised_at = state_.raised_at();
        saved.refused = refused_;
        return saved;
    }

    /// Continue from what an alarm with the same cells and promise had. Returns false, and changes nothing, where it does not fit.
    [[nodiscard]] bool restore(const memory& saved)
    {
        bool fits = saved.learned.size() == 2 * memories_.size() * cells_ && saved.evidence >= 0.0 &&
                    saved.raised_at <= saved.steps;
        for (const double n : saved.learned) {
            fits = fits && n >= 0.0 && std::isfinite(n);
        }
        for (const change_evidence& each : saved.bets) {
            fits = fits && each.consistent();
        }
        if (!fits) {
            return false;
        }
        auto from = saved.learned.begin();
        for (rows_seen& each : memories_) {
            for (double& n : each.live) {
                n = *from++;
            }
            for (double& n : each.champion) {
                n = *from++;
            }
        }
        bets_ = saved.bets;
        state_.resume(saved.evidence, saved.steps, saved.raised_at);
        refused_ = saved.refused;
        return true;
    }

private:
    struct rows_seen {
        std::vector<double> live;
        std::vector<double> champion;
    };
    static constexpr std::array<double, 3> kept{0.5, 0.9, 1.0};
    static constexpr double pseudo_rows = 400.0;

    static double sum_of(const std::vector<double>& of) noexcept
    {
        double sum = 0.0;
        for (const double n : of) {
            sum += n;
        }
        return sum;
    }

    // Guess both distributions from their own rows, pulled towards all rows together, so that no bet on a difference is
    // made without rows.
    void guess(const rows_seen& m, std::vector<double>& live, std::vector<double>& champion) const noexcept
    {
        const double n_live = sum_of(m.live);
        const double n_champion = sum_of(m.champion);
        const double pooled_rows = n_live + n_champion + 0.5 * static_cast<double>(cells_);
        for (std::size_t j = 0; j < cells_; ++j) {
            const double pooled = (m.live[j] + m.champion[j] + 0.5) / pooled_rows;
            live[j] = (m.live[j] + pseudo_rows * pooled) / (n_live + pseudo_rows);
            champion[j] = (m.champion[j] + pseudo_rows * pooled) / (n_champion + pseudo_rows);
        }
    }

    static double log_e(std::span<const std::uint64_t> live, std::span<const std::uint64_t> champion,
                        std::span<const double> guess_live, std::span<const double> guess_champion) noexcept
    {
        bool any_live = false;
        bool any_champion = false;
        for (std::size_t j = 0; j < live.size(); ++j) {
            any_live = any_live || live[j] > 0;
            any_champion = any_champion || champion[j] > 0;
        }
        return any_live && any_champion
                   ? log_e_two_sample_multinomial(live, champion, guess_live, guess_champion)
                   : 0.0;
    }

    std::size_t cells_;
    detail::alarm_state state_;
    std::array<rows_seen, 3> memories_;
    std::array<change_evidence, 3> bets_;
    std::uint64_t refused_ = 0;
};

}  // namespace v0
}  // namespace joust
