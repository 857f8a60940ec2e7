// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/spin_lock.hpp>

#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// Name a limit of latency that a ramp counts late calls against: the champion's quantile, times a ratio, plus an increase.
struct latency_margin {
    /// The quantile of the champion, as a probability.
    double q = 0.0;
    /// The factor for the challenger, at least 1.
    double ratio = 1.0;
    /// What is added for the challenger, at least 0. units: nanoseconds
    double increase = 0.0;

    /// Compare by quantile, ratio and increase, in this order.
    [[nodiscard]] bool precedes(const latency_margin& other) const noexcept
    {
        if (q != other.q) {
            return q < other.q;
        }
        return ratio != other.ratio ? ratio < other.ratio : increase < other.increase;
    }
    /// Say whether these numbers can be a limit.
    [[nodiscard]] bool consistent() const noexcept
    {
        return q > 0.0 && q < 1.0 && ratio >= 1.0 && std::isfinite(ratio) && increase >= 0.0 &&
               std::isfinite(increase);
    }
    /// Give every member to an archive, which reads or writes it (store/snapshot.hpp).
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(q, ratio, increase);
    }
    /// Compare all members.
    bool operator==(const latency_margin&) const = default;
};

/// Count what happened at each share of a ramp, by arm.
///
/// The sums of bucket_sums weight each request by the share that served it and add up over all shares. Excluding a stated harm also needs
/// plain counts: how many requests each arm served at each share, and how many of them failed. Only trials that promote keep them.
///
/// The columns are the series of the trial, in their order: requests in the series of exposures, failures in that of failures, and in
/// those of metrics the values other than 0. Then come two columns for each margin of latency: the timed calls that were judged against
/// it, and those that were later.
struct share_counts {
    /// The largest number of rows that merging makes.
    static constexpr std::size_t most_rows = 64;

    /// The propensity of the challenger in each row, rising.
    std::vector<double> shares;
    /// For each row, and in it for each column, the counts of the champion and of the challenger.
    std::vector<std::uint64_t> counts;
    /// The same for what happened at a share without a row: feedback by unit after the share has changed, feedback for a ticket of an
    /// unknown plan, and shares for which there was no place. It is empty where the trial does not count by share.
    std::vector<std::uint64_t> elsewhere;
    /// The margins of latency, sorted.
    std::vector<latency_margin> margins;

    /// Return the number of columns, or 0 where the trial does not count by share.
    [[nodiscard]] std::size_t columns() const noexcept { return elsewhere.size() / 2; }
    /// Return the number of columns that are series.
    [[nodiscard]] std::size_t series() const noexcept { return columns() - 2 * margins.size(); }
    /// Return the column of the calls that were judged against a margin. The next column has those that were later.
    [[nodiscard]] std::size_t judged_column(std::size_t margin) const noexcept
    {
        return series() + 2 * margin;
    }
    /// Return the place of a margin in `margins`, or their number where it is not there.
    [[nodiscard]] std::size_t find(const latency_margin& wanted) const noexcept
    {
        std::size_t place = 0;
        while (place < margins.size() && !(margins[place] == wanted)) {
            ++place;
        }
        return place;
    }
    /// Return a count.
    [[nodiscard]] std::uint64_t count(std::size_t row, std::size_t column, bool challenger) const noexcept
    {
        return counts[(row * columns() + column) * 2 + (challenger ? 1 : 0)];
    }
    /// Return how often something happened at a share without a row.
    [[nodiscard]] std::uint64_t count_elsewhere(std::size_t column, bool challenger) const noexcept
    {
        return elsewhere[column * 2 + (challenger ? 1 : 0)];
    }

    /// Say whether both count the same series, so that they can be merged.
    [[nodiscard]] bool fits(const share_counts& other) const noexcept
    {
        return columns() == 0 || other.columns() == 0 || series() == other.series();
    }

    /// Add the counts of another replica or day. Rows of equal shares are added, and so are the columns of equal margins.
    /// assumes: `fits(other)`
    void merge(const share_counts& other);

    /// Say whether these can be counts of a trial with this many series.
    [[nodiscard]] bool consistent(std::size_t of_series) const noexcept;

    /// Give every member to an archive, which reads or writes it (store/snapshot.hpp).
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(shares, counts, elsewhere, margins);
    }
    /// Compare all members.
    bool operator==(const share_counts&) const = default;

private:
    void add_margin(const latency_margin& next);
    void add_row(std::size_t row, double share);
};

namespace detail {

/// Give each share of a trial's plans a row of counts.
///
/// Rows are only added. Plans are put in force rarely, and threads that look for the share of a ticket need no lock.
class share_rows {
public:
    static constexpr std::size_t most = 32;

    /// Return the row of a plan by its shares. Where all rows are taken, it is `most`.
    [[nodiscard]] std::size_t row_of(double champion_share, double challenger_share,
                                     double propensity) noexcept
    {
        const spin_guard hold{lock_};
        const std::size_t size = size_.load(std::memory_order_relaxed);
        for (std::size_t row = 0; row < size; ++row) {
            if (rows_[row].propensity == propensity) {
                return row;
            }
        }
        if (size == most) {
            return most;
        }
        rows_[size] = {propensity,
                       {static_cast<float>(champion_share), static_cast<float>(challenger_share)}};
        size_.store(size + 1, std::memory_order_release);
        return size;
    }

    /// Return the row of the share that a ticket's propensity belongs to. Where it is none, or not the only one, it is `most`.
    [[nodiscard]] std::size_t row_of_ticket(unsigned arm, float propensity) const noexcept
    {
        const std::size_t size = size_.load(std::memory_order_acquire);
        std::size_t found = most;
        for (std::size_t row = 0; row < size; ++row) {
            if (rows_[row].in_tickets[arm != 0 ? 1 : 0] == propensity) {
                if (found != most) {
                    return most;
                }
                found = row;
            }
        }
        return found;
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_acquire); }
    /// Return the propensity of the challenger in a row.
    [[nodiscard]] double propensity(std::size_t row) const noexcept { return rows_[row].propensity; }

    /// Release the lock in a forked child, where no other thread exists. The rows stay, since plans name them.
    void begin_anew() noexcept { lock_.unlock(); }

private:
    struct entry {
        double propensity = 0.0;
        /// The propensities of champion and challenger, as tickets have them.
        std::array<float, 2> in_tickets{};
    };

    spin_lock lock_;
    std::atomic<std::size_t> size_{0};
    std::array<entry, most> rows_{};
};

}  // namespace detail

#if JOUST_BODIES

JOUST_FUNCTION void share_counts::add_margin(const latency_margin& next)
{
    std::size_t place = 0;
    while (place < margins.size() && margins[place].precedes(next)) {
        ++place;
    }
    if (place < margins.size() && margins[place] == next) {
        return;
    }
    const std::size_t before = columns();
    const std::size_t column = judged_column(place);
    const auto widened = [&](const std::vector<std::uint64_t>& rows) {
        std::vector<std::uint64_t> wider;
        for (std::size_t row = 0; row * before * 2 < rows.size(); ++row) {
            for (std::size_t i = 0; i < 2 * before; ++i) {
                if (i == 2 * column) {
                    wider.insert(wider.end(), 4, 0);
                }
                wider.push_back(rows[row * before * 2 + i]);
            }
            if (column == before) {
                wider.insert(wider.end(), 4, 0);
            }
        }
        return wider;
    };
    counts = widened(counts);
    elsewhere = widened(elsewhere);
    margins.insert(margins.begin() + static_cast<std::ptrdiff_t>(place), next);
}

JOUST_FUNCTION void share_counts::add_row(std::size_t row, double share)
{
    shares.insert(shares.begin() + static_cast<std::ptrdiff_t>(row), share);
    counts.insert(counts.begin() + static_cast<std::ptrdiff_t>(row * elsewhere.size()), elsewhere.size(), 0);
}

JOUST_FUNCTION void share_counts::merge(const share_counts& other)
{
    if (columns() == 0 || other.columns() == 0) {
        if (columns() == 0) {
            *this = other;
        }
        return;
    }
    for (const latency_margin& each : other.margins) {
        add_margin(each);
    }
    const auto own_column = [&](std::size_t column) {
        if (column < other.series()) {
            return column;
        }
        const std::size_t after = column - other.series();
        return judged_column(find(other.margins[after / 2])) + after % 2;
    };
    const auto add = [&](const std::uint64_t* from, std::uint64_t* to) {
        for (std::size_t column = 0; column < other.columns(); ++column) {
            to[2 * own_column(column)] += from[2 * column];
            to[2 * own_column(column) + 1] += from[2 * column + 1];
        }
    };
    for (std::size_t from = 0; from < other.shares.size(); ++from) {
        std::size_t row = 0;
        while (row < shares.size() && shares[row] < other.shares[from]) {
            ++row;
        }
        const std::uint64_t* const these = other.counts.data() + from * other.elsewhere.size();
        if (row == shares.size() || shares[row] != other.shares[from]) {
            if (shares.size() >= most_rows) {
                add(these, elsewhere.data());
                continue;
            }
            add_row(row, other.shares[from]);
        }
        add(these, counts.data() + row * elsewhere.size());
    }
    add(other.elsewhere.data(), elsewhere.data());
}

JOUST_FUNCTION bool share_counts::consistent(std::size_t of_series) const noexcept
{
    if (elsewhere.empty()) {
        return shares.empty() && counts.empty() && margins.empty();
    }
    constexpr std::uint64_t most_events = std::uint64_t{1} << 53;  // Above it a double does not count.
    bool good = margins.size() < elsewhere.size() &&
                elsewhere.size() == 2 * (of_series + 2 * margins.size()) && shares.size() <= most_rows &&
                counts.size() == shares.size() * elsewhere.size() && of_series >= 2;
    for (std::size_t row = 0; good && row < shares.size(); ++row) {
        good = shares[row] >= 0.0 && shares[row] <= 1.0 && (row == 0 || shares[row - 1] < shares[row]);
    }
    for (std::size_t m = 0; good && m < margins.size(); ++m) {
        good = margins[m].consistent() && (m == 0 || margins[m - 1].precedes(margins[m]));
    }
    for (std::size_t row = 0; good && row <= shares.size(); ++row) {
        const std::uint64_t* const these =
            row < shares.size() ? counts.data() + row * elsewhere.size() : elsewhere.data();
        for (std::size_t arm = 0; arm < 2; ++arm) {
            const auto at = [&](std::size_t column) { return these[2 * column + arm]; };
            for (std::size_t column = 0; column < columns(); ++column) {
                good = good && at(column) <= most_events;
            }
            good = good && at(1) <= at(0);  // A call that failed was served.
            for (std::size_t m = 0; m < margins.size(); ++m) {
                good =
                    good && at(judged_column(m) + 1) <= at(judged_column(m)) && at(judged_column(m)) <= at(0);
            }
        }
    }
    return good;
}

#endif

}  // namespace v0
}  // namespace joust
