// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/clock.hpp>
#include <joust/core/compiler.hpp>
#include <joust/core/fork.hpp>
#include <joust/core/unit_id.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/numeric/hyperloglog.hpp>
#include <joust/split/splitter.hpp>
#include <joust/ticket/ticket.hpp>
#include <joust/trial/detail/arm_parts.hpp>
#include <joust/trial/detail/plan.hpp>
#include <joust/trial/detail/plan_in_force.hpp>
#include <joust/trial/detail/stopped_plan.hpp>

#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <tuple>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {
namespace detail {

/// Assigns units to arms by a splitter under the current plan.
template <class Parts>
class arm_assignment {
    using splitter_t = typename Parts::splitter_t;
    using split_t = typename Parts::split_t;
    using clock_t = typename Parts::clock_t;
    static constexpr std::size_t arm_count = Parts::arm_count;
    static constexpr bool fixed_shares = Parts::fixed_shares;

public:
    using plan_t = typename Parts::plan_t;
    using visit = typename Parts::visit;

    explicit arm_assignment(splitter_t splitter)
        : splitter_(std::move(splitter)),
          board_(std::list<plan_t>{plan_t{resolved(splitter_, arm_count), 0U}})
    {
        prepare_to_stop(board_.read([](const plan_t& now) { return now; }));
    }

    [[nodiscard]] const splitter_t& splitter() const noexcept { return splitter_; }
    /// Return the splitter's salt, which is empty where the splitter has no salt.
    [[nodiscard]] salt own_salt() const
    {
        const salt* const given = salt_of(splitter_);
        return given != nullptr ? *given : salt{};
    }

    [[nodiscard]] plan_in_force& in_force() noexcept { return in_force_; }
    [[nodiscard]] const plan_in_force& in_force() const noexcept { return in_force_; }

    /// Read the current plan under a lock, outside the path of calls.
    template <class Read>
    auto read(Read&& read) const
    {
        return board_.read(std::forward<Read>(read));
    }

    [[nodiscard]] plan_t current() const
    {
        return board_.read([](const plan_t& now) { return now; });
    }

    /// Read the plan with a number, which is one of the latest 128.
    template <class Read>
    auto read_numbered(unsigned number, Read&& read) const
    {
        return board_.read_of_ticket(number % plan_board<plan_t>::kept, std::forward<Read>(read));
    }

    /// Make the plan that gives everything to the champion, unless it is there already. It keeps the rules of `before`.
    void prepare_to_stop(const plan_t& before)
    {
        if (to_stop_.empty()) {
            to_stop_ = plan_to_stop<plan_t>(splitter_, before.split, arm_count);
        }
    }

    /// Take the plan that gives everything to the champion, without an allocation. It is missing where the trial is
    /// stopped already.
    [[nodiscard]] std::list<plan_t> take_plan_to_stop() noexcept
    {
        std::list<plan_t> taken;
        taken.swap(to_stop_);
        return taken;
    }

    /// Replace the first plan, before the trial serves a call.
    void restart(std::list<plan_t> first, live_evidence& live) noexcept
    {
        give_rows(first, live);
        board_.restart(std::move(first));
        begin_stage(live);
    }

    /// Give the shares of plans their rows of counts, so that plans that come later find them.
    static void give_rows(std::list<plan_t>& plans, live_evidence& live) noexcept
    {
        if constexpr (Parts::counts_by_share && fixed_shares) {
            for (plan_t& each : plans) {
                each.row = live.rows().row_of(each.shares[0], each.shares[1], each.pairs[0].challenger);
            }
        }
    }

    /// Put a plan in force while threads serve. Their slabs pin the plans that they read.
    void publish(std::list<plan_t> next, live_evidence& live) noexcept
    {
        give_rows(next, live);
        board_.publish(std::move(next), [&live](auto&& see) {
            live.slabs().for_each([&see](const slab& each) { see(each.pinned()); });
        });
        begin_stage(live);
    }

    /// Tell the evidence which shares are in force, where the plan knows them.
    void begin_stage(live_evidence& live) const noexcept
    {
        if constexpr (fixed_shares) {
            board_.read([&live](const plan_t& now) { live.begin_stage(now.pairs); });
        }
    }

    /// Assign the unit of a call.
    template <class Unit, class Arguments>
    [[nodiscard]] visit assign(const salted_hasher& hasher, const clock_t& clock, live_evidence& live,
                               const Unit& unit, const Arguments& arguments) const noexcept
    {
        static_assert(unit_like<Unit>,
                      "joust: a unit key is text, an integer, an enumerator or a joust::uuid");
        const keyed_context<Arguments, Unit> call{{hasher(unit), time_for_splitter(clock), arguments}, unit};
        const plan_t* const now = board_.without_pin();
        if (now != nullptr) [[likely]] {
            return assign_by(*now, live, call);
        }
        return assign_pinned(live, call);
    }

    /// Return the time for a splitter, or 0 where the splitter does not read the time.
    /// units: nanoseconds
    [[nodiscard]] static std::int64_t time_for_splitter(const clock_t& clock) noexcept
    {
        if constexpr (!Parts::reads_time) {
            return 0;
        } else if constexpr (std::is_same_v<clock_t, steady_time>) {
            // A steady clock has an arbitrary origin, so replicas would not agree on the time.
            return static_cast<std::int64_t>(wall_milliseconds()) * 1'000'000;
        } else {
            return clock.now();
        }
    }

    /// Assign a unit under a plan. Where a splitter cannot be told to give everything to the champion, a stopped plan does.
    template <class Call>
    [[nodiscard]] JOUST_ALWAYS_INLINE static assignment given_by(const plan_t& then,
                                                                 const Call& call) noexcept
    {
        assignment given = then.split.assign(call);
        if constexpr (!can_stop<splitter_t, split_t>()) {
            if (then.stopped) [[unlikely]] {
                given.arm = 0;
                given.propensity = 1.0;
            }
        }
        return given;
    }

    /// Return the hash of what the splitter randomises: the unit, or something else such as a block of time.
    template <class Call>
    [[nodiscard]] static std::uint64_t randomised(const split_t& split, const Call& call) noexcept
    {
        if constexpr (requires { split.randomised(call); }) {
            return split.randomised(call);
        } else {
            return call.unit;
        }
    }

    /// Fill in the shares under which a ticket's arm was assigned. Returns false where no known plan gave the ticket.
    [[nodiscard]] bool recall_shares(const ticket& receipt, visit& seen) const
    {
        if constexpr (arm_count == 2) {
            // The ticket has all that is needed, so it may come back to any replica, whatever the plan of that replica.
            seen.shares[0] = pair_share::with(seen.arm == 0 ? 1.0 - seen.propensity : seen.propensity);
            if constexpr (fixed_shares) {
                if (knows_history() && !board_.any([&](const plan_t& each) {
                        return each.gave(0, seen.arm, seen.propensity);
                    })) {
                    miss_history();
                }
            }
            return true;
        } else {
            const unsigned tag = receipt.plan() | ((receipt.nonce() >> nonce_bits) << 7);
            const bool known = board_.read_only_one(
                [&](const plan_t& then) { return then.gave(tag, seen.arm, seen.propensity); },
                [&seen](const plan_t& then) { seen.shares = then.pairs; });
            if (!known) {
                miss_history();
            }
            return known;
        }
    }

    /// Return what a ticket distinguishes calls by. With three or more arms the upper bits name the plan.
    [[nodiscard]] static constexpr std::uint32_t nonce_of(const visit& seen, std::uint32_t drawn) noexcept
    {
        if constexpr (arm_count == 2) {
            return drawn;
        } else {
            return (drawn & ((1U << nonce_bits) - 1U)) | ((seen.plan >> 7) << nonce_bits);
        }
    }

    /// Return whether no sign was seen that the trial had plans which this process does not know.
    [[nodiscard]] bool knows_history() const noexcept
    {
        return !history_missed_.load(std::memory_order_relaxed);
    }
    /// Note that the trial had plans which this process does not know.
    void miss_history() const noexcept { history_missed_.store(true, std::memory_order_relaxed); }

    /// Add plans of before this process. `complete` says whether these and the plans of this process are all there were.
    void recall_plans(std::list<plan_t> older, bool complete, live_evidence& live) noexcept
    {
        give_rows(older, live);
        board_.recall(std::move(older));
        history_missed_.store(!complete, std::memory_order_relaxed);
        history_told_.store(complete, std::memory_order_relaxed);
    }

    /// Return whether the arm of a unit that had the same arm in all known plans can be relied on: because all plans are known, or
    /// because this process has served the unit in that arm, as far as the sketch of its units tells.
    ///
    /// The sketch never denies a unit that was served. Of other units it finds one in about n / 3,000, where n units were served. So
    /// the share of feedback for units that were not served can be estimated. Where it is above a tenth, the trial had calls
    /// elsewhere, in a process before this one or in another replica.
    [[nodiscard]] bool vouches_for(const live_evidence& live, const visit& seen) const noexcept
    {
        if (history_told_.load(std::memory_order_relaxed)) {
            return true;
        }
        constexpr std::uint64_t one = std::uint64_t{1} << 32;
        const auto [index, rank] = hyperloglog<>::place_of_mixed(seen.pseudonym);
        const std::uint8_t held = highest_rank(live, seen.arm, index);
        // The probability that the sketch finds a unit that was not served. The unit's own register is high because of the unit,
        // so another one tells it.
        const std::uint8_t other = highest_rank(live, seen.arm, index ^ 1U);
        const std::uint64_t chance = other < 32 ? one >> other : 1U;
        const std::uint64_t chances =
            found_if_unserved_.fetch_add(chance, std::memory_order_relaxed) + chance;
        if (rank <= held) {
            return true;
        }
        const std::uint64_t found = unserved_.fetch_add(1, std::memory_order_relaxed) + 1;
        if (found >= enough_unserved && found * 10 > chances / one) {
            miss_history();
        }
        return false;
    }

    /// Remember in the sketch that a unit was given its arm without a call.
    void note_choice(const visit& seen) const noexcept
    {
        const auto [index, rank] = hyperloglog<>::place_of_mixed(seen.pseudonym);
        auto& chosen = chosen_[seen.arm * hyperloglog<>::size + index];
        std::uint8_t held = chosen.load(std::memory_order_relaxed);
        while (rank > held && !chosen.compare_exchange_weak(held, rank, std::memory_order_relaxed)) {}
    }

    /// Visit every known plan, the oldest first. Returns false without a visit where some plans were destroyed.
    template <class Visit>
    bool for_each_plan(Visit&& see) const
    {
        return board_.for_each(std::forward<Visit>(see));
    }

    /// Return whether feedback was credited by the unit alone.
    [[nodiscard]] bool credits_units() const noexcept
    {
        return credits_units_.load(std::memory_order_relaxed);
    }
    void credit_unit() const noexcept
    {
        if (!credits_units()) {
            credits_units_.store(true, std::memory_order_relaxed);
        }
    }

    /// Return whether the unit's arm was the same in all plans so far. `seen` then gets the arm, and as propensity the
    /// share of units that always had this arm among all units whose arm never changed.
    template <class Unit>
    [[nodiscard]] bool constant_arm(const salted_hasher& hasher, const Unit& unit, visit& seen) const
    {
        using arguments_t = std::tuple<const Unit&>;
        const arguments_t arguments{unit};
        const keyed_context<arguments_t, Unit> call{{hasher(unit), 0, arguments}, unit};
        bool first = true;
        bool same = true;
        std::array<double, arm_count> smallest{};
        const bool whole = board_.for_each([&](const plan_t& each) {
            const assignment given = given_by(each, call);
            same = same && given.enrolled && given.propensity > 0.0 && given.arm < arm_count &&
                   (first || given.arm == seen.arm);
            seen.arm = given.arm < arm_count ? given.arm : 0;
            seen.plan = each.name_in_tickets();
            if constexpr (Parts::counts_by_share) {
                // Feedback by unit does not say which of several shares served the unit.
                seen.row = first || seen.row == each.row ? each.row : share_rows::most;
            }
            const std::array<double, arm_count> now = shares_under(each, given);
            for (std::size_t a = 0; a < arm_count; ++a) {
                smallest[a] = first ? now[a] : std::fmin(smallest[a], now[a]);
            }
            first = false;
        });
        double all = 0.0;
        for (const double share : smallest) {
            all += share;
        }
        for (std::size_t p = 0; p + 1 < arm_count; ++p) {
            seen.shares[p] = pair_share::of(smallest[0], smallest[p + 1]);
        }
        if constexpr (arm_count == 2) {
            seen.shares[0] = pair_share::as_in_ticket(seen.arm, seen.shares[0].challenger);
        }
        seen.propensity = all > 0.0 ? smallest[seen.arm] / all : 0.0;
        return whole && same && seen.propensity > 0.0;
    }

private:
    /// Return the highest rank in a register of the units that were served or chosen.
    [[nodiscard]] std::uint8_t highest_rank(const live_evidence& live, unsigned arm,
                                            std::size_t index) const noexcept
    {
        const std::uint8_t served = live.highest_rank(arm, index);
        const std::uint8_t chosen =
            chosen_[arm * hyperloglog<>::size + index].load(std::memory_order_relaxed);
        return served > chosen ? served : chosen;
    }

    // A ticket has 22 bits of nonce and 7 of a plan. With three or more arms the plan's tag takes four more.
    static constexpr unsigned nonce_bits = 22 - (plan_tag_bits - 7);

    template <class Call>
    [[nodiscard]] JOUST_NOINLINE visit assign_pinned(live_evidence& live, const Call& call) const noexcept
    {
        return board_.read_pinned(live.of_this_thread(),
                                  [&](const plan_t& now) { return assign_by(now, live, call); });
    }

    template <class Call>
    [[nodiscard]] JOUST_ALWAYS_INLINE visit assign_by(const plan_t& now, live_evidence& live,
                                                      const Call& call) const noexcept
    {
        const assignment given = given_by(now, call);
        if (given.threw != thrower::nothing) [[unlikely]] {
            live.ignore(given.threw == thrower::when ? ignored::when_threw : ignored::assigned_by_threw);
        }
        visit seen;
        seen.pseudonym = detail::pseudonym_of(randomised(now.split, call));
        seen.propensity = given.propensity;
        seen.arm = given.arm < arm_count ? given.arm : 0;
        seen.plan = now.name_in_tickets();
        seen.recorded = given.enrolled && given.propensity > 0.0;
        if constexpr (Parts::counts_by_share) {
            seen.row = now.row;
        }
        if constexpr (!fixed_shares) {
            seen.shares[0] =
                pair_share::as_in_ticket(seen.arm, seen.arm == 0 ? 1.0 - given.propensity : given.propensity);
        } else if constexpr (arm_count == 2) {
            seen.shares[0] = now.of_arm[seen.arm];
        } else {
            seen.shares = now.pairs;
        }
        return seen;
    }

    /// Return the shares of all arms at the time when a unit was assigned.
    [[nodiscard]] static std::array<double, arm_count> shares_under(const plan_t& then,
                                                                    const assignment& given) noexcept
    {
        if constexpr (fixed_shares) {
            return then.shares;
        } else {
            const double challenger = given.arm == 0 ? 1.0 - given.propensity : given.propensity;
            return {1.0 - challenger, challenger};
        }
    }

    [[no_unique_address]] splitter_t splitter_;
    plan_board<plan_t> board_;
    mutable std::atomic<bool> history_missed_{false};
    mutable std::atomic<bool> credits_units_{false};
    /// Whether the caller has said that all plans are known.
    std::atomic<bool> history_told_{false};
    // Of feedback by unit: how often the unit was found not to be served, and in 2^-32 how often it would have been found if no unit
    // had been served.
    static constexpr std::uint64_t enough_unserved = 10;
    mutable std::array<std::atomic<std::uint8_t>, arm_count * hyperloglog<>::size> chosen_{};
    mutable std::atomic<std::uint64_t> unserved_{0};
    mutable std::atomic<std::uint64_t> found_if_unserved_{0};
    /// The mutex of `in_force_` guards it.
    std::list<plan_t> to_stop_;
    plan_in_force in_force_;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
