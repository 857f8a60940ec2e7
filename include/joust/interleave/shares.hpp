// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/interleave/coins.hpp>
#include <joust/interleave/draft.hpp>
#include <joust/interleave/ranking.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace joust {
inline namespace v0 {

/// What each ranker earns by a click at each position of one slate.
///
/// Shares are not negative. Only the differences between rankers count, so a part that all rankers earn may be left out.
/// cost: up to 64 positions of four rankers are inside the object, without an allocation
class credit_shares {
public:
    /// The most shares that need no allocation.
    static constexpr std::size_t inline_cells = 4 * draft::inline_slots;

    /// Make an empty table.
    credit_shares() noexcept = default;

    /// Make a table of zeros. Memory of an earlier large table is kept.
    void restart(std::size_t positions, unsigned rankers)
    {
        positions_ = positions;
        rankers_ = rankers;
        const std::size_t cells = positions * rankers;
        if (cells > inline_.size()) {
            more_.resize(cells);
        }
        double* const first = data();
        for (std::size_t i = 0; i < cells; ++i) {
            first[i] = 0.0;
        }
    }

    /// Return the number of positions.
    [[nodiscard]] std::size_t positions() const noexcept { return positions_; }
    /// Return the number of rankers.
    [[nodiscard]] unsigned rankers() const noexcept { return rankers_; }

    /// Return what a ranker earns by a click at a position. assumes: both are in the table
    [[nodiscard]] double& at(std::size_t position, unsigned ranker) noexcept
    {
        return data()[position * rankers_ + ranker];
    }
    /// Return what a ranker earns by a click at a position. assumes: both are in the table
    [[nodiscard]] double at(std::size_t position, unsigned ranker) const noexcept
    {
        return data()[position * rankers_ + ranker];
    }

    /// Subtract the least share at each position, and divide by a bound, so that no position gives more than 1.
    void centre(double bound) noexcept
    {
        for (std::size_t i = 0; i < positions_; ++i) {
            double least = rankers_ == 0 ? 0.0 : at(i, 0);
            for (const double share : at(i)) {
                least = share < least ? share : least;
            }
            for (double& share : at(i)) {
                share = (share - least) / bound;
            }
        }
    }

    /// Return what all rankers earn by a click at a position.
    [[nodiscard]] std::span<double> at(std::size_t position) noexcept
    {
        return {data() + position * rankers_, rankers_};
    }
    /// Return what all rankers earn by a click at a position.
    [[nodiscard]] std::span<const double> at(std::size_t position) const noexcept
    {
        return {data() + position * rankers_, rankers_};
    }

private:
    [[nodiscard]] double* data() noexcept
    {
        return positions_ * rankers_ <= inline_.size() ? inline_.data() : more_.data();
    }
    [[nodiscard]] const double* data() const noexcept
    {
        return positions_ * rankers_ <= inline_.size() ? inline_.data() : more_.data();
    }

    std::size_t positions_ = 0;
    unsigned rankers_ = 0;
    std::array<double, inline_cells> inline_{};
    std::vector<double> more_;
};

/// An interleaver that can compute what each ranker earns by a click.
///
/// The shares are a function of the lists and of the shown slate, and not of the coins. So a program that keeps the lists can
/// credit clicks without the noise of drawn teams.
/// shape: `share_credit(lists, shown, out) const`, and `bound(length, rankers) const`, which returns the largest sum of what
///     the rankers' shares exceed the least share by, at one position
template <class T>
concept shares_credit = requires(const T& policy, rankings lists, const draft& shown, credit_shares& out) {
    { policy.share_credit(lists, shown, out) } -> std::same_as<void>;
    { policy.bound(shown.length(), lists.size()) } -> std::convertible_to<double>;
};

namespace detail {

/// Draw one team for each slot, so that the credit for a click equals the shares on average.
///
/// A ticket has room for one team for each slot, and not for shares. Each slot gets team j with the probability
/// (share_j - least share) / bound, and otherwise no team. So the expected difference of two rankers' credit is the difference
/// of their shares divided by the bound, whatever is clicked. The part that all rankers share is never drawn, which keeps the
/// noise low. Only sums of credit estimate the shares: the number of slates that a ranker wins by such teams has no meaning.
/// shape: `bound` is the largest sum of what the rankers' shares exceed the least share by
template <coin_source Coins>
void draw_teams(const credit_shares& shares, double bound, Coins& coins, draft& out)
{
    std::array<double, max_rankers + 1> weights{};
    const unsigned rankers = shares.rankers();
    for (std::size_t i = 0; i < out.size(); ++i) {
        std::uint8_t team = no_team;
        const std::span<const double> row = shares.at(i);
        double least = rankers == 0 ? 0.0 : row[0];
        for (const double share : row) {
            least = share < least ? share : least;
        }
        double sum = 0.0;
        for (unsigned r = 0; r < rankers; ++r) {
            weights[r] = row[r] - least;
            sum += weights[r];
        }
        if (sum > 0.0) {
            weights[rankers] = bound > sum ? bound - sum : 0.0;
            const std::size_t drawn = draw_weighted(coins, {weights.data(), rankers + 1U});
            team = drawn < rankers ? static_cast<std::uint8_t>(drawn) : no_team;
        }
        out.credit(i, team);
    }
}

}  // namespace detail

}  // namespace v0
}  // namespace joust
