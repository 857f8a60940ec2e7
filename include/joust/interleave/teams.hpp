// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/interleave/draft.hpp>
#include <joust/interleave/ranking.hpp>

#include <cstddef>
#include <cstdint>

namespace joust {
inline namespace v0 {

/// The teams of a slate, packed into the one word that a ticket carries.
///
/// Each slot has a code of 2 bits for up to 3 rankers, 3 bits for up to 7, and 4 bits for up to 15. The code is the ranker that
/// earns the credit, or all ones for no ranker. So a word has room for 32, 21 or 16 slots, and later slots give no credit. Any
/// word can be read: a code that belongs to no ranker gives no credit.
class slate_teams {
public:
    /// Read a packed word. shape: word and length come from a ticket, and the number of rankers from the trial
    constexpr slate_teams(std::uint64_t word, std::size_t length, unsigned rankers) noexcept
        : word_(word),
          length_(static_cast<std::uint16_t>(length < draft::max_slots ? length : draft::max_slots)),
          rankers_(static_cast<std::uint8_t>(rankers < max_rankers ? rankers : max_rankers))
    {
    }

    /// Pack the teams of a draft. assumes: it was drafted from this number of rankers
    [[nodiscard]] static slate_teams of(const draft& drafted, unsigned rankers) noexcept
    {
        const unsigned bits = bits_for(rankers);
        const std::size_t reached = drafted.size() < reach(rankers) ? drafted.size() : reach(rankers);
        std::uint64_t word = 0;
        for (std::size_t i = 0; i < reached; ++i) {
            const std::uint64_t code = drafted[i].team == no_team ? all_ones(bits) : drafted[i].team;
            word |= code << (bits * i);
        }
        return {word, drafted.size(), rankers};
    }

    /// Return how many slots fit into one word.
    [[nodiscard]] static constexpr std::size_t reach(unsigned rankers) noexcept
    {
        return 64 / bits_for(rankers);
    }

    /// Return the packed word.
    [[nodiscard]] constexpr std::uint64_t word() const noexcept { return word_; }
    /// Return how many slots the slate has.
    [[nodiscard]] constexpr std::size_t length() const noexcept { return length_; }
    /// Return the number of rankers.
    [[nodiscard]] constexpr unsigned rankers() const noexcept { return rankers_; }

    /// Return the ranker that earns the credit of a position, or `no_team`. A position that was not shown gives `no_team`.
    [[nodiscard]] constexpr std::uint8_t team(std::size_t position) const noexcept
    {
        if (position >= length_ || position >= reach(rankers_)) {
            return no_team;
        }
        const unsigned bits = bits_for(rankers_);
        const std::uint64_t code = (word_ >> (bits * position)) & all_ones(bits);
        return code < rankers_ ? static_cast<std::uint8_t>(code) : no_team;
    }

    /// Return the positions that give credit to a ranker, as bits.
    [[nodiscard]] constexpr std::uint64_t positions_of(std::uint8_t ranker) const noexcept
    {
        const std::size_t reached = length_ < reach(rankers_) ? length_ : reach(rankers_);
        std::uint64_t mask = 0;
        for (std::size_t i = 0; i < reached; ++i) {
            mask |= std::uint64_t{team(i) == ranker} << i;
        }
        return mask;
    }

    bool operator==(const slate_teams&) const = default;

private:
    [[nodiscard]] static constexpr unsigned bits_for(unsigned rankers) noexcept
    {
        return rankers <= 3 ? 2 : rankers <= 7 ? 3 : 4;
    }
    [[nodiscard]] static constexpr std::uint64_t all_ones(unsigned bits) noexcept
    {
        return (std::uint64_t{1} << bits) - 1;
    }

    std::uint64_t word_;
    std::uint16_t length_;
    std::uint8_t rankers_;
};

}  // namespace v0
}  // namespace joust
