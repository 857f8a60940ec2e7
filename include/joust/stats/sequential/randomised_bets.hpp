// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <span>

namespace joust {
inline namespace v0 {
namespace stats {

/// Hold what requests that were randomised one by one brought at one share: how many each arm served, and how many events.
struct randomised_counts {
    /// The challenger's share, which was set before these requests.
    double share = 0.5;
    /// The champion's requests.
    double champion = 0.0;
    /// The champion's requests with an event.
    double champion_events = 0.0;
    /// The challenger's requests.
    double challenger = 0.0;
    /// The challenger's requests with an event.
    double challenger_events = 0.0;
};

/// Return the logarithm of the e-value against "the challenger's rate of events is above the champion's by at most `margin`".
///
/// A gambler bets on each request: the challenger's event pays (1 - margin) / s, its request without an event costs margin / s,
/// and the champion's event costs 1 / (1 - s), each times the stake. Under the null no stake gains in the mean, however the rates
/// drift, so that the mean of the capitals of several stakes is an e-value at every look. It needs no burn-in.
/// `side::less` looks for a rate below the champion's by more than the margin.
/// assumes: each request was randomised by itself with a share that was set before it; its event is known before the next
///     look, or events are those of observations that come equally often from both arms.
/// errors: NaN for a margin outside [0, 1), a share outside (0, 1), negative counts, or more events than requests.
/// cost: three logarithms for each of the eight stakes and each share.
/// source: Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by betting".
[[nodiscard]] double difference_bets_log_e(std::span<const randomised_counts> seen, double margin,
                                           side alternative = side::greater) noexcept;

/// Return the logarithm of the e-value against "the challenger's rate of events is at most `ratio` times the champion's".
///
/// `side::less` tests "at least `ratio` times". Requests without an event tell nothing here.
/// assumes: as in `difference_bets_log_e`.
/// errors: NaN unless 0 < ratio, each share lies in (0, 1), and events do not outnumber requests.
/// cost: as difference_bets_log_e.
[[nodiscard]] double ratio_bets_log_e(std::span<const randomised_counts> seen, double ratio,
                                      side alternative = side::greater) noexcept;

/// Return the logarithm of the e-value against "each request has an event with a probability of at most `limit`, whatever came before".
///
/// `side::less` tests "at least `limit`".
/// assumes: requests do not share a cause of events beyond the limit: those of units that return usually do.
/// errors: NaN unless 0 < limit < 1 and 0 <= events <= requests.
/// cost: two logarithms for each of the eight stakes.
[[nodiscard]] double level_bets_log_e(double requests, double events, double limit,
                                      side alternative = side::greater) noexcept;

#if JOUST_BODIES

namespace detail {

inline constexpr std::array<double, 8> stakes{0.01, 0.03, 0.07, 0.15, 0.3, 0.5, 0.75, 0.97};

// The logarithm of the mean of exp(x) over the stakes.
[[nodiscard]] inline double log_mean_capital(const std::array<double, stakes.size()>& logs) noexcept
{
    double highest = logs[0];
    for (const double each : logs) {
        highest = each > highest ? each : highest;
    }
    double sum = 0.0;
    for (const double each : logs) {
        sum += std::exp(each - highest);
    }
    return highest + std::log(sum / static_cast<double>(stakes.size()));
}

[[nodiscard]] inline bool usable(const randomised_counts& c) noexcept
{
    return c.share > 0.0 && c.share < 1.0 && c.champion_events >= 0.0 && c.challenger_events >= 0.0 &&
           c.champion_events <= c.champion && c.challenger_events <= c.challenger &&
           std::isfinite(c.champion + c.challenger);
}

// The arms change places: what the challenger loses is what the champion has more.
[[nodiscard]] inline randomised_counts swapped(const randomised_counts& c) noexcept
{
    return {1.0 - c.share, c.challenger, c.challenger_events, c.champion, c.champion_events};
}

}  // namespace detail

JOUST_FUNCTION double difference_bets_log_e(std::span<const randomised_counts> seen, double margin,
                                            side alternative) noexcept
{
    if (!(margin >= 0.0 && margin < 1.0) || alternative == side::two) {
        return not_a_number;
    }
    std::array<double, detail::stakes.size()> logs{};
    for (const randomised_counts& given : seen) {
        if (!detail::usable(given)) {
            return not_a_number;
        }
        const randomised_counts c = alternative == side::greater ? given : detail::swapped(given);
        // With the whole of this stake, one request could take all of the capital.
        const double for_champion = 1.0 - c.share;
        const double whole = margin * for_champion > c.share ? c.share / margin : for_champion;
        for (std::size_t i = 0; i < logs.size(); ++i) {
            const double stake = detail::stakes[i] * whole;
            logs[i] += c.challenger_events * std::log1p(stake * (1.0 - margin) / c.share) +
                       (c.challenger - c.challenger_events) * std::log1p(-stake * margin / c.share) +
                       c.champion_events * std::log1p(-stake / for_champion);
        }
    }
    return detail::log_mean_capital(logs);
}

JOUST_FUNCTION double ratio_bets_log_e(std::span<const randomised_counts> seen, double ratio,
                                       side alternative) noexcept
{
    if (!(ratio > 0.0 && std::isfinite(ratio)) || alternative == side::two) {
        return not_a_number;
    }
    const double allowed = alternative == side::greater ? ratio : 1.0 / ratio;
    std::array<double, detail::stakes.size()> logs{};
    for (const randomised_counts& given : seen) {
        if (!detail::usable(given)) {
            return not_a_number;
        }
        const randomised_counts c = alternative == side::greater ? given : detail::swapped(given);
        for (std::size_t i = 0; i < logs.size(); ++i) {
            const double stake = detail::stakes[i] * (1.0 - c.share) / allowed;
            logs[i] += c.challenger_events * std::log1p(stake / c.share) +
                       c.champion_events * std::log1p(-detail::stakes[i]);
        }
    }
    return detail::log_mean_capital(logs);
}

JOUST_FUNCTION double level_bets_log_e(double requests, double events, double limit,
                                       side alternative) noexcept
{
    if (!(limit > 0.0 && limit < 1.0 && events >= 0.0 && events <= requests && std::isfinite(requests)) ||
        alternative == side::two) {
        return not_a_number;
    }
    const bool up = alternative == side::greater;
    const double rate = up ? limit : 1.0 - limit;
    const double hits = up ? events : requests - events;
    std::array<double, detail::stakes.size()> logs{};
    for (std::size_t i = 0; i < logs.size(); ++i) {
        const double stake = detail::stakes[i] / rate;
        logs[i] =
            hits * std::log1p(stake * (1.0 - rate)) + (requests - hits) * std::log1p(-detail::stakes[i]);
    }
    return detail::log_mean_capital(logs);
}

#endif

}  // namespace stats
}  // namespace v0
}  // namespace joust
