// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/evidence/evidence.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/evidence/slab.hpp>
#include <joust/interleave/credit.hpp>
#include <joust/interleave/draft.hpp>
#include <joust/interleave/teams.hpp>
#include <joust/ticket/ticket.hpp>
#include <joust/trial/detail/identity.hpp>
#include <joust/trial/detail/preference.hpp>
#include <joust/trial/detail/slate_ticket.hpp>
#include <joust/trial/recorder.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {
namespace detail {

/// The data of a call of an interleaving after its rankers have run.
template <std::size_t Rankers>
struct slate_visit : slate_request {
    bool counts_units = true;
    /// The number of the thread's call, by which calls are timed.
    std::uint32_t call = 0;
    /// The time of each ranker in nanoseconds, -1 where it was not timed.
    std::array<std::int64_t, Rankers> spent{};
    std::array<bool, Rankers> failed{};
    std::array<bool, Rankers> late{};

    slate_visit() { spent.fill(-1); }

    /// Return whether a ranker failed, so that only the champion's list is shown.
    [[nodiscard]] bool alone() const noexcept
    {
        bool any = false;
        for (const bool each : failed) {
            any = any || each;
        }
        return any;
    }
};

/// The evidence of an interleaving. It counts slates and their credit, and passes both to the recorder.
template <std::size_t Rankers, class Recorder>
class slate_evidence {
    static constexpr bool records = !std::is_same_v<Recorder, no_log>;

public:
    slate_evidence(const trial_identity& identity, Recorder recorder)
        : live_(named_after(identity), {}), recorder_(std::move(recorder))
    {
    }

    [[nodiscard]] live_evidence& live() const noexcept { return live_; }
    [[nodiscard]] slab& of_this_thread() noexcept { return live_.of_this_thread(); }

    /// Return the names of the trial and its series, without evidence.
    [[nodiscard]] static evidence named_after(const trial_identity& identity)
    {
        evidence names;
        names.trial = identity.name();
        names.models = identity.models();
        names.series = {"exposures", "failures", "credit", "preference", "positions"};
        return names;
    }

    /// Count feedback that was not used. Returns false.
    bool refuse(ignored reason) noexcept
    {
        live_.ignore(reason);
        return false;
    }

    /// Add to a counter that has no series of its own. Returns false.
    bool count(slate_count what) noexcept
    {
        of_this_thread().add(position_series, 0, false, static_cast<std::size_t>(what), 1.0, 0.0);
        return false;
    }

    /// Record that a slate was shown.
    void record(const slate_visit<Rankers>& now, std::span<const slot> shown, const ticket& receipt) noexcept
    {
        slab& thread_slab = live_.of_this_thread();
        const std::size_t bucket = bucket_of(now.pseudonym);
        std::int64_t spent = -1;
        bool failed = false;
        for (std::size_t p = 0; p + 1 < Rankers; ++p) {
            thread_slab.add(exposure_series, p, false, bucket, 1.0, 0.0);
            thread_slab.add(exposure_series, p, true, bucket, 1.0, 0.0);
        }
        for (unsigned r = 0; r < Rankers; ++r) {
            if (now.counts_units) {
                thread_slab.add_unit(r, now.pseudonym);
            }
            if (now.spent[r] >= 0) {
                thread_slab.add_latency(r, now.spent[r]);
                spent = (spent < 0 ? 0 : spent) + now.spent[r];
            }
            if (now.failed[r]) {
                failed = true;
                thread_slab.add(failure_series, r - 1, true, bucket, 1.0, 0.0);
            }
        }
        for (std::size_t i = 0; i < shown.size() && i < credited_positions; ++i) {
            if (shown[i].team < Rankers) {
                credit_side(thread_slab, position_series, shown[i].team, i, 1.0);
            }
        }
        if (now.alone()) {
            count(slate_count::alone);
        }
        for (const bool each : now.late) {
            if (each) {
                count(slate_count::late);
            }
        }
        if constexpr (records) {
            record_by(recorder_, live_,
                      event{.kind = event::what::exposure,
                            .ticket = receipt,
                            .nanoseconds = spent,
                            .failed = failed});
        }
    }

    /// Record that the champion failed, so that no slate was shown.
    void record_failed_champion(const slate_visit<Rankers>& now) noexcept
    {
        slab& thread_slab = live_.of_this_thread();
        for (std::size_t p = 0; p + 1 < Rankers; ++p) {
            thread_slab.add(failure_series, p, false, bucket_of(now.pseudonym), 1.0, 0.0);
        }
        if (now.spent[0] >= 0) {
            thread_slab.add_latency(0, now.spent[0]);
        }
    }

    /// Record the credit of a ranker for a slate.
    void earn(std::uint8_t team, std::size_t bucket, double amount) noexcept
    {
        credit_side(live_.of_this_thread(), credit_series, team, bucket, amount);
    }

    /// Record which side a slate prefers, which may change with every click on it.
    void prefer(const ticket& page, const slate_teams& teams, std::uint64_t before,
                std::uint64_t after) noexcept
    {
        if (before == after) {
            return;
        }
        slab& thread_slab = live_.of_this_thread();
        const std::size_t bucket = page.bucket();
        for (std::size_t p = 0; p + 1 < Rankers; ++p) {
            const auto challenger = static_cast<std::uint8_t>(p + 1);
            const int was = preference(teams, before, challenger);
            const int is = preference(teams, after, challenger);
            const double first_click = before == 0 ? 1.0 : 0.0;
            const double won = (is > 0 ? 1.0 : 0.0) - (was > 0 ? 1.0 : 0.0);
            const double lost = (is < 0 ? 1.0 : 0.0) - (was < 0 ? 1.0 : 0.0);
            if (won != 0.0 || first_click != 0.0) {
                thread_slab.add(preference_series, p, true, bucket, won, first_click);
            }
            if (lost != 0.0) {
                thread_slab.add(preference_series, p, false, bucket, lost, 0.0);
            }
        }
    }

    /// Record the credit of every ranker for a slate whose clicks are judged together.
    void settle(std::size_t bucket, const std::array<double, Rankers>& earned, bool clicked) noexcept
    {
        slab& thread_slab = live_.of_this_thread();
        for (unsigned r = 0; r < Rankers; ++r) {
            credit_side(thread_slab, credit_series, static_cast<std::uint8_t>(r), bucket, earned[r]);
        }
        for (std::size_t p = 0; p + 1 < Rankers; ++p) {
            const double difference = earned[p + 1] - earned[0];
            thread_slab.add(preference_series, p, true, bucket, difference > 0.0 ? 1.0 : 0.0,
                            clicked ? 1.0 : 0.0);
            thread_slab.add(preference_series, p, false, bucket, difference < 0.0 ? 1.0 : 0.0, 0.0);
        }
    }

    void log_credit(const ticket& page, double amount, std::size_t position, std::uint8_t team,
                    std::string_view metric = "credit") noexcept
    {
        if constexpr (records) {
            record_by(recorder_, live_,
                      event{.kind = event::what::feedback,
                            .ticket = page,
                            .metric = metric,
                            .value = amount,
                            .position = static_cast<std::uint32_t>(position),
                            .team = team});
        }
    }

private:
    /// Add to the side of a ranker. The champion is one side of every pair.
    static void credit_side(slab& thread_slab, std::size_t series, std::uint8_t team, std::size_t row,
                            double amount) noexcept
    {
        if (team != 0) {
            thread_slab.add(series, team - 1U, true, row, amount, 0.0);
            return;
        }
        for (std::size_t p = 0; p + 1 < Rankers; ++p) {
            thread_slab.add(series, p, false, row, amount, 0.0);
        }
    }

    mutable live_evidence live_;
    [[no_unique_address]] Recorder recorder_;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
