// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/evidence/live_evidence.hpp>
#include <joust/interleave/credit.hpp>
#include <joust/interleave/interleaver.hpp>
#include <joust/interleave/shares.hpp>
#include <joust/interleave/teams.hpp>
#include <joust/ticket/seen.hpp>
#include <joust/ticket/ticket.hpp>
#include <joust/trial/detail/preference.hpp>
#include <joust/trial/detail/ranking_parts.hpp>
#include <joust/trial/detail/slate_evidence.hpp>
#include <joust/trial/detail/slate_ticket.hpp>
#include <joust/trial/redrawn_slate.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace joust {
inline namespace v0 {
namespace detail {

/// Takes feedback on slates. It credits each click once, or only the first or the last click on a slate.
template <class Parts>
class slate_feedback {
    using credit_t = typename Parts::credit_t;
    using interleaver_t = typename Parts::interleaver_t;
    using evidence_t = slate_evidence<Parts::rankers, typename Parts::recorder_t>;
    static constexpr std::size_t rankers = Parts::rankers;
    static constexpr touch counted_touch = Parts::counted_touch;

public:
    /// shape: `remembered` is the number of the latest slates whose clicks are remembered
    slate_feedback(typename Parts::arguments_t& arguments, std::size_t remembered)
        : credit_(Parts::template pick<credit_role, click_credit>(arguments)),
          seen_(seen_window::remembering(remembered))
    {
    }

    [[nodiscard]] seen_window& seen() noexcept { return seen_; }
    /// Return how many slates were forgotten to make room.
    [[nodiscard]] std::uint64_t forgotten() const noexcept { return seen_.overwritten(); }

    /// Check the ticket of a slate that came back, and count it where it cannot be used.
    template <class Desk>
    [[nodiscard]] static bool admit(const Desk& desk, const typename Desk::sealed& given,
                                    evidence_t& evidence, ticket& page) noexcept
    {
        return desk.admit(given, evidence.live(), page) &&
               (page.kind() == ticket_kind::slate ||
                evidence.refuse(page.names_arm() ? ignored::foreign_ticket : ignored::unrecorded_unit));
    }

    /// Credit a click on a position of a slate. Returns whether it was used.
    bool click(evidence_t& evidence, const ticket& page, std::size_t position, double value)
    {
        if (position >= page.length()) {
            return evidence.count(slate_count::not_shown);
        }
        const slate_teams teams{page.teams(), page.length(), rankers};
        const award earned = credit_.credit(teams, {position, value});
        if (!(earned.amount >= 0.0 && earned.amount <= 1.0)) {
            return evidence.refuse(ignored::invalid_value);
        }
        const bool credits = earned.team < rankers && position < credited_positions;
        if constexpr (counted_touch == touch::each) {
            if (!credits) {
                return evidence.count(slate_count::neutral_feedback);
            }
            std::uint64_t before = 0;
            const std::uint64_t bits = bits_of(position, earned.amount > 0.0);
            if (!mark(evidence, page.key(), position, bits, before)) {
                return false;
            }
            evidence.earn(earned.team, page.bucket(), earned.amount);
            evidence.prefer(page, teams, before >> credited_positions, (before | bits) >> credited_positions);
        } else if (!take_touch(evidence, page, teams, earned, position, credits)) {
            return false;
        }
        evidence.log_credit(page, earned.amount, position, earned.team);
        return true;
    }

    /// Credit a click on a position of a slate that was drawn again. Returns whether it was used.
    bool click(evidence_t& evidence, const redrawn_slate& again, std::size_t position, double value)
    {
        static_assert(counted_touch == touch::each,
                      "joust: first and last clicks are counted by ticket: click(ticket, position)");
        if (!again.agrees) {
            return evidence.refuse(ignored::foreign_ticket);
        }
        if (position >= again.slots.size()) {
            return evidence.count(slate_count::not_shown);
        }
        const ticket& page = again.page;
        const slate_teams teams{page.teams(), page.length(), rankers};
        const std::uint8_t team = again.slots[position].team;
        const award earned = credit_.credit(teams, {position, value});
        if (!(earned.amount >= 0.0 && earned.amount <= 1.0)) {
            return evidence.refuse(ignored::invalid_value);
        }
        if (!shares_credit<interleaver_t> && team >= rankers) {
            return evidence.count(slate_count::neutral_feedback);
        }
        // Each block of positions after the first has a mask of its own.
        const std::uint64_t block = position / credited_positions;
        const std::size_t place = position % credited_positions;
        const std::uint64_t bits = bits_of(place, earned.amount > 0.0 && block == 0 && team < rankers);
        std::uint64_t before = 0;
        if (!mark(evidence, page.key() + block, place, bits, before)) {
            return false;
        }
        if constexpr (shares_credit<interleaver_t>) {
            for (unsigned r = 0; r < rankers; ++r) {
                if (const double share = again.shares.at(position, r); share > 0.0) {
                    evidence.earn(static_cast<std::uint8_t>(r), page.bucket(), earned.amount * share);
                }
            }
        } else {
            evidence.earn(team, page.bucket(), earned.amount);
        }
        if (block == 0) {
            evidence.prefer(page, teams, before >> credited_positions, (before | bits) >> credited_positions);
        }
        evidence.log_credit(page, earned.amount, position, team);
        return true;
    }

    /// Record the credit of all clicks on a slate together. Returns whether it was used.
    bool settle(evidence_t& evidence, const redrawn_slate& again, std::uint64_t clicked,
                const std::array<double, rankers>& earned)
    {
        if (!again.agrees) {
            return evidence.refuse(ignored::foreign_ticket);
        }
        if (seen_.mark(again.page.key(), 1) != 0) {
            return evidence.refuse(ignored::repeated);
        }
        evidence.settle(again.page.bucket(), earned, clicked != 0);
        for (unsigned r = 0; r < rankers; ++r) {
            evidence.log_credit(again.page, earned[r], 0, static_cast<std::uint8_t>(r), "outcome");
        }
        return true;
    }

private:
    // The low half of a slate's mask holds the positions that were reported, the high half those that earned credit.
    [[nodiscard]] static constexpr std::uint64_t bits_of(std::size_t place, bool earns) noexcept
    {
        const std::uint64_t reported = std::uint64_t{1} << place;
        return earns ? reported | (reported << credited_positions) : reported;
    }

    /// Mark a position as reported. Returns false, and counts the repetition, where it was reported before.
    bool mark(evidence_t& evidence, std::uint64_t key, std::size_t place, std::uint64_t bits,
              std::uint64_t& before) noexcept
    {
        before = seen_.mark(key, bits);
        return (before & (std::uint64_t{1} << place)) == 0 || evidence.refuse(ignored::repeated);
    }

    /// Return the mask of a clicked position. `place` is the position plus one; the mask is empty where no ranker gets
    /// credit.
    [[nodiscard]] static std::uint64_t click_mask(const slate_teams& teams, std::uint64_t place) noexcept
    {
        const bool credits = place != 0 && place <= credited_positions &&
                             teams.team(static_cast<std::size_t>(place - 1)) < rankers;
        return credits ? std::uint64_t{1} << (place - 1) : std::uint64_t{0};
    }

    /// Credit only the first or only the last click on a slate. Returns whether the click counts.
    bool take_touch(evidence_t& evidence, const ticket& page, const slate_teams& teams, const award& earned,
                    std::size_t position, bool credits) noexcept
    {
        if (!(earned.amount > 0.0)) {
            return evidence.count(slate_count::neutral_feedback);
        }
        // For these slates the mask holds no bits: it is the position, plus one, of the click that counts.
        const std::uint64_t place = position + 1;
        const std::uint64_t before = counted_touch == touch::first ? seen_.keep_first(page.key(), place)
                                                                   : seen_.replace(page.key(), place);
        if ((counted_touch == touch::first && before != 0) || before == place) {
            return evidence.refuse(ignored::repeated);
        }
        const std::uint64_t was = click_mask(teams, before);
        const std::uint64_t is = click_mask(teams, place);
        if (was != 0) {
            evidence.earn(teams.team(static_cast<std::size_t>(before - 1)), page.bucket(), -1.0);
        }
        if (is != 0) {
            evidence.earn(earned.team, page.bucket(), 1.0);
        }
        evidence.prefer(page, teams, was, is);
        return credits || evidence.count(slate_count::neutral_feedback);
    }

    [[no_unique_address]] credit_t credit_;
    mutable seen_window seen_;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
