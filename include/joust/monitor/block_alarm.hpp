// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/random.hpp>
#include <joust/monitor/alarm.hpp>
#include <joust/monitor/rank_bets.hpp>
#include <joust/monitor/rank_classes.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

namespace detail {

/// The bets of a `bernoulli_alarm` on one cell, for blocks of rows.
struct new_cell_bets {
    std::uint64_t cell = 0;
    double level = 0.0;
    std::array<change_evidence, bernoulli_alarm::multiples.size()> bets;

    // Above this level, bets on a cell that was never seen would find nothing.
    static constexpr double largest_level = 0.2;

    double update(std::uint64_t hits, std::uint64_t rows) noexcept
    {
        double sum = 0.0;
        for (std::size_t i = 0; i < bets.size(); ++i) {
            const double guess = level * bernoulli_alarm::multiples[i];
            const double won = std::log(bernoulli_e_factor(true, level, guess < 0.95 ? guess : 0.95));
            const double lost = std::log(bernoulli_e_factor(false, level, guess < 0.95 ? guess : 0.95));
            sum += grow(bets[i], static_cast<double>(hits) * won + static_cast<double>(rows - hits) * lost,
                        static_cast<double>(rows));
        }
        return sum / static_cast<double>(bets.size());
    }

    template <class Archive>
    void fields(Archive& archive)
    {
        archive(cell, level);
        for (change_evidence& each : bets) {
            archive(each);
        }
    }
    [[nodiscard]] bool consistent(std::size_t cells) const noexcept
    {
        return cell < cells && level > 0.0 && level < largest_level && all_consistent(bets);
    }
    bool operator==(const new_cell_bets&) const = default;
};

}  // namespace detail

/// Watch whether blocks of rows still come from the distribution of the reference and of the earlier blocks.
///
/// It bets as `conformal_alarm` and `rare_cell_alarm` do, on a change of the whole distribution, on values that were rare or new, and on
/// missing values, but it judges a block by its counts alone. The rows of the block are ranked among all rows so far, with ties broken at
/// random, three times: in the order of the cells, rarest cells first, and missing values first. While nothing changes, the ranks
/// of a block are a uniform random subset of all ranks, for a reference of any size, and independent of those of earlier blocks. The
/// evidence is a weighted mean of that of all bets: half of the promise is for the whole distribution, 22.5 % each for rare and for missing
/// values, 4.5 % for cells that no row of the reference had, and the rest allows for references in which a cell is missing by bad luck.
/// When to use: for drift over time, checked every hour or day. A monitor has one for each feature.
/// When not: for one row at a time; use `conformal_alarm`. If traffic has a daily season that the reference lacks; compare with
/// the champion's traffic of the same time by `two_sample_alarm`.
/// assumes: rows are independent draws while nothing changes, so pass at most one row per unit and block; the moment at which a block
/// ends does not depend on its rows; the cells were fixed without these rows
/// cost: 5 to 10 ns a row for blocks of 1,000 rows; one draw for each row whose cell lies across the border of two classes of ranks; 30 ns a row for
/// blocks of more than an eighth of all rows before them, which are judged in parts
/// source: Vovk, Gammerman, Shafer (2005), Algorithmic Learning in a Random World, chapter 7, for single rows; Hoeffding (1963), theorem 4
class block_alarm {
public:
    /// Begin with the counts of a reference by cell, and the cell of missing values. Alarms on other columns of the same rows take
    /// another number of a stream.
    /// errors: configuration_error unless `missing` is one of the cells, and there are at most 65,535
    block_alarm(std::span<const std::uint64_t> reference, std::size_t missing,
                false_alarms promise = false_alarms::every(1e7), std::uint64_t seed = 1,
                std::uint64_t stream = 0)
        : missing_(missing), promise_(promise), seed_(seed), stream_(stream)
    {
        now_.bag.assign(reference.begin(), reference.end());
        if (missing >= now_.bag.size() || now_.bag.size() > 0xffff) {
            throw configuration_error("block_alarm.missing", std::to_string(missing),
                                      "the number of one of at most 65,535 cells");
        }
        for (std::size_t cell = 0; cell < now_.bag.size(); ++cell) {
            total_ += now_.bag[cell];
            by_cell_.push_back(static_cast<std::uint16_t>(cell));
        }
        by_count_ = by_cell_;
        missing_first_ = by_cell_;
        restart();
    }

    /// Add one row to the reference, without testing it.
    /// assumes: the cell is one of the cells of the reference
    void learn(std::size_t cell) noexcept
    {
        ++now_.bag[cell];
        ++total_;
    }

    /// Take a block of rows, given as counts per cell.
    /// errors: a block with another number of cells, or with more rows than can be counted, is refused and counted
    void update(std::span<const std::uint64_t> block)
    {
        std::uint64_t rows = 0;
        bool countable = block.size() == now_.bag.size();
        for (const std::uint64_t n : block) {
            countable = countable && n <= most_rows - rows;
            rows += countable ? n : 0;
        }
        if (!countable || total_ > most_rows - rows) {
            ++now_.refused;
            return;
        }
        if (rows == 0) {
            return;
        }
        if (now_.rows == 0) {
            watch_new_cells();
        }
        if (rows <= part_limit()) {
            judge(block, rows);
            return;
        }
        // A block that is large beside all rows before it would be compared with itself for the most part. Any split at random is valid, and
        // shows more.
        keyed_random coins{mix64(seed_ + mix64(~stream_)), now_.blocks};
        std::vector<std::uint64_t> part(block.size(), 0);
        std::uint64_t in_part = 0;
        detail::for_each_row(block, coins, [&](std::size_t cell) {
            ++part[cell];
            if (++in_part == part_limit()) {
                judge(part, in_part);
                std::fill(part.begin(), part.end(), 0);
                in_part = 0;
            }
        });
        if (in_part > 0) {
            judge(part, in_part);
        }
    }

    /// Return the evidence of a change of the whole distribution.
    [[nodiscard]] double whole_evidence() const noexcept { return now_.shape.evidence(); }
    /// Return the evidence that rare or new values have become more frequent.
    [[nodiscard]] double rare_evidence() const noexcept { return now_.rare.evidence(); }
    /// Return the evidence that missing values have become more frequent.
    [[nodiscard]] double missing_evidence() const noexcept { return now_.gone.evidence(); }
    /// Return the evidence that values came which no row of the reference had, the mean over their cells.
    [[nodiscard]] double new_evidence() const noexcept { return now_.new_evidence; }
    /// Return the evidence of any change.
    [[nodiscard]] double evidence() const noexcept { return evidence_; }
    /// Say which bets have most of the evidence.
    [[nodiscard]] std::string_view kind() const noexcept
    {
        const double whole = whole_part * now_.shape.evidence();
        const double rare = known_part * now_.rare.evidence();
        const double gone = known_part * now_.gone.evidence();
        const double fresh = new_part * now_.new_evidence;
        const double most = std::max({whole, rare, gone, fresh});
        return most == whole  ? "distribution"
               : most == gone ? "missing values"
               : most == rare ? "rare values"
                              : "new values";
    }
    /// Return the evidence at which the alarm is raised.
    [[nodiscard]] double threshold() const noexcept { return promise_.threshold(); }
    /// Say whether the alarm was raised since the start or the last `restart`.
    [[nodiscard]] bool raised() const noexcept { return now_.raised_at != 0; }
    /// Return the number of rows up to the end of the block that raised the alarm, or 0 if no block did.
    [[nodiscard]] std::uint64_t raised_at() const noexcept { return now_.raised_at; }
    /// Return the number of rows tested since the start or the last `restart`.
    [[nodiscard]] std::uint64_t rows() const noexcept { return now_.rows; }
    /// Return the number of blocks that were refused.
    [[nodiscard]] std::uint64_t refused_blocks() const noexcept { return now_.refused; }
    /// Return the counts of reference and tested rows together, by cell.
    [[nodiscard]] std::span<const std::uint64_t> counts() const noexcept { return now_.bag; }

    /// Forget evidence and alarm. The rows seen stay part of the reference.
    void restart() noexcept
    {
        now_.shape.restart(promise_.restarts());
        now_.rare.restart(promise_.restarts());
        now_.gone.restart(promise_.restarts());
        now_.new_cells.clear();
        now_.new_evidence = 0.0;
        now_.rows = 0;
        now_.raised_at = 0;
        evidence_ = mixture();
    }

    /// Hold all that changes while an alarm watches, to save it and to load it into an alarm of the same cells and promise.
    struct memory {
        /// The counts of reference and tested rows together, by cell.
        std::vector<std::uint64_t> bag{};
        /// The bets on a change of the whole distribution.
        detail::shape_bets shape{};
        /// The bets on rare values.
        detail::low_rank_bets rare{};
        /// The bets on missing values.
        detail::low_rank_bets gone{};
        /// The bets on cells that no row of the reference had.
        std::vector<detail::new_cell_bets> new_cells{};
        /// The evidence of the bets on new cells.
        double new_evidence = 0.0;
        /// The number of rows tested since the start or the last restart.
        std::uint64_t rows = 0;
        /// The number of rows up to the end of the block that raised the alarm, or 0.
        std::uint64_t raised_at = 0;
        /// The number of blocks, or of their parts, tested since the start.
        std::uint64_t blocks = 0;
        /// The number of blocks that were refused.
        std::uint64_t refused = 0;

        /// Visit all members, to save or load them.
        template <class Archive>
        void fields(Archive& archive)
        {
            archive(bag, shape, rare, gone, new_cells, new_evidence, rows, raised_at, blocks, refused);
        }
        /// Compare all members.
        bool operator==(const memory&) const = default;
    };

    /// Return all that changes.
    [[nodiscard]] const memory& state() const noexcept { return now_; }

    /// Continue from what an alarm with the same cells and promise had. Returns false, and changes nothing, where it does not fit.
    [[nodiscard]] bool restore(const memory& saved)
    {
        if (!fits(saved)) {
            return false;
        }
        now_ = saved;
        total_ = 0;
        for (const std::uint64_t n : now_.bag) {
            total_ += n;
        }
        evidence_ = mixture();
        return true;
    }

private:
    // Counts are exact as doubles up to here.
    static constexpr std::uint64_t most_rows = std::uint64_t{1} << 53U;
    static constexpr double whole_part = 0.5;
    static constexpr double known_part = 0.225;
    static constexpr double new_part = 0.045;
    /// Return how many rows are judged at once: an eighth of all rows before them, or 64.
    [[nodiscard]] std::uint64_t part_limit() const noexcept
    {
        return std::max<std::uint64_t>(64, total_ / 8);
    }

    /// Judge a block, or a part of it that was drawn at random.
    void judge(std::span<const std::uint64_t> block, std::uint64_t rows)
    {
        for (std::size_t cell = 0; cell < now_.bag.size(); ++cell) {
            now_.bag[cell] += block[cell];
        }
        total_ += rows;
        sort_cells();

        // Each block has a stream of random numbers of its own, so that a restored alarm needs no state of them.
        keyed_random coins{mix64(seed_ + mix64(stream_)), now_.blocks++};
        const auto halves = detail::rank_classes<detail::low_rank_bets::classes>::halves(total_);
        const auto equal = detail::rank_classes<detail::shape_bets::classes>::equal(total_);
        std::array<std::uint64_t, detail::shape_bets::classes> by_class{};
        detail::draw_ranks(now_.bag, block, order(by_cell_), equal, coins, by_class);
        now_.shape.update(by_class, equal);
        std::array<std::uint64_t, detail::low_rank_bets::classes> by_half{};
        detail::draw_ranks(now_.bag, block, order(by_count_), halves, coins, by_half);
        now_.rare.update(by_half, halves);
        detail::draw_ranks(now_.bag, block, order(missing_first_), halves, coins, by_half);
        now_.gone.update(by_half, halves);
        now_.new_evidence = 0.0;
        for (detail::new_cell_bets& each : now_.new_cells) {
            now_.new_evidence +=
                each.update(block[each.cell], rows) / static_cast<double>(now_.new_cells.size());
        }
        now_.rows += rows;
        evidence_ = mixture();
        if (evidence_ >= promise_.threshold() && now_.raised_at == 0) {
            now_.raised_at = now_.rows;
        }
    }

    [[nodiscard]] static std::span<const std::uint16_t> order(const std::vector<std::uint16_t>& of) noexcept
    {
        return {of.data(), of.size()};
    }

    [[nodiscard]] double mixture() const noexcept
    {
        return whole_part * now_.shape.evidence() +
               known_part * (now_.rare.evidence() + now_.gone.evidence()) + new_part * now_.new_evidence;
    }

    /// Order the cells by their counts: the rarest first, and once more with missing values first and then the most frequent. Any order
    /// that depends on nothing but all rows together will do.
    void sort_cells() noexcept
    {
        for (std::size_t i = 1; i < by_count_.size(); ++i) {
            const std::uint16_t cell = by_count_[i];
            std::size_t to = i;
            for (; to > 0 && now_.bag[cell] < now_.bag[by_count_[to - 1]]; --to) {
                by_count_[to] = by_count_[to - 1];
            }
            for (; to > 0 && now_.bag[cell] == now_.bag[by_count_[to - 1]] && cell < by_count_[to - 1];
                 --to) {
                by_count_[to] = by_count_[to - 1];
            }
            by_count_[to] = cell;
        }
        std::size_t next = 0;
        missing_first_[next++] = static_cast<std::uint16_t>(missing_);
        for (std::size_t i = by_count_.size(); i-- > 0;) {
            if (by_count_[i] != missing_) {
                missing_first_[next++] = by_count_[i];
            }
        }
    }

    /// Begin to bet on the cells that no row of the reference had.
    void watch_new_cells()
    {
        // Bad luck shortens the average run by a thousandth, or has a hundredth of the probability of an alarm.
        const double most_references = promise_.restarts() ? 1'000.0 : 100.0 * promise_.threshold();
        const double level =
            std::log(most_references * static_cast<double>(now_.bag.size())) / static_cast<double>(total_);
        now_.new_cells.clear();
        for (std::size_t cell = 0; level < detail::new_cell_bets::largest_level && cell < now_.bag.size();
             ++cell) {
            if (now_.bag[cell] == 0) {
                detail::new_cell_bets& made = now_.new_cells.emplace_back();
                made.cell = cell;
                made.level = level;
                made.bets.fill(change_evidence{promise_.restarts()});
            }
        }
    }

    [[nodiscard]] bool fits(const memory& saved) const noexcept
    {
        std::uint64_t sum = 0;
        for (const std::uint64_t n : saved.bag) {
            if (n > most_rows - sum) {
                return false;
            }
            sum += n;
        }
        return saved.bag.size() == now_.bag.size() && saved.rows <= sum && saved.raised_at <= saved.rows &&
               saved.new_evidence >= 0.0 && saved.shape.consistent() && saved.rare.consistent() &&
               saved.gone.consistent() &&
               std::all_of(
                   saved.new_cells.begin(), saved.new_cells.end(),
                   [&](const detail::new_cell_bets& each) { return each.consistent(saved.bag.size()); });
    }

    memory now_;
    std::uint64_t total_ = 0;
    std::size_t missing_;
    false_alarms promise_;
    std::uint64_t seed_;
    std::uint64_t stream_;
    std::vector<std::uint16_t> by_cell_;
    std::vector<std::uint16_t> by_count_;
    std::vector<std::uint16_t> missing_first_;
    double evidence_ = 0.0;
};

}  // namespace v0
}  // namespace joust
