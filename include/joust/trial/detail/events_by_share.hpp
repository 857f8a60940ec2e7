// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/evidence/evidence.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/evidence/share_counts.hpp>
#include <joust/trial/detail/metric_set.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

// Reads from the evidence what excluding harm needs: how many requests each arm served at each share, and how many events they had.

namespace joust {
inline namespace v0 {
namespace detail {

/// The requests and the events of one share.
struct share_events {
    /// The propensity of the challenger.
    double share = 0.0;
    std::uint64_t champion_requests = 0;
    std::uint64_t challenger_requests = 0;
    std::uint64_t champion_events = 0;
    std::uint64_t challenger_events = 0;
};

/// The columns of one kind of event.
struct event_columns {
    std::size_t requests = exposure_series;
    std::size_t events = failure_series;
    /// Whether the evidence counts the events.
    bool counted = true;
};

/// Return the columns of a guardrail that watches failures or the share of exposures with a value other than 0.
[[nodiscard]] inline event_columns columns_of(const metric_spec& spec) noexcept
{
    return {.requests = spec.denominator, .events = spec.series};
}

/// Return the columns of the exposures that brought feedback on a metric, among all exposures.
[[nodiscard]] inline event_columns feedback_columns_of(const metric_spec& spec) noexcept
{
    return {.requests = exposure_series, .events = spec.fed};
}

/// Return the columns of a margin of latency: timed calls that were judged against it, and late ones.
[[nodiscard]] inline event_columns columns_of(const share_counts& seen, const latency_margin& limit) noexcept
{
    const std::size_t margin = seen.find(limit);
    return margin == seen.margins.size() ? event_columns{.counted = false}
                                         : event_columns{.requests = seen.judged_column(margin),
                                                         .events = seen.judged_column(margin) + 1};
}

/// The counts of one kind of event, a row for each share at which both arms served requests. It allocates nothing.
/// shape: `Counts` has the members of share_events, of any arithmetic type
template <class Counts = share_events>
class events_by_share {
public:
    events_by_share() = default;
    events_by_share(const share_counts& seen, const event_columns& columns) noexcept
    {
        if (!columns.counted || columns.requests >= seen.columns() || columns.events >= seen.columns()) {
            return;
        }
        for (std::size_t row = 0; row < seen.shares.size() && size_ < rows_.size(); ++row) {
            const auto put = [&]<class Number>(Number& into, std::size_t column, bool challenger) {
                into = static_cast<Number>(seen.count(row, column, challenger));
            };
            const auto at_most = [](auto x, auto most) { return x < most ? x : most; };
            Counts next;
            next.share = seen.shares[row];
            put(next.champion_requests, columns.requests, false);
            put(next.challenger_requests, columns.requests, true);
            put(next.champion_events, columns.events, false);
            put(next.challenger_events, columns.events, true);
            // A thread that counts while a look reads may have counted the event and not yet the request.
            next.champion_events = at_most(next.champion_events, next.champion_requests);
            next.challenger_events = at_most(next.challenger_events, next.challenger_requests);
            // Where nothing was randomised, nothing is compared.
            if (next.share > 0.0 && next.share < 1.0 && next.champion_requests > 0 &&
                next.challenger_requests > 0) {
                rows_[size_++] = next;
            }
        }
    }

    [[nodiscard]] std::span<const Counts> rows() const noexcept { return {rows_.data(), size_}; }

private:
    std::array<Counts, share_counts::most_rows> rows_{};
    std::size_t size_ = 0;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
