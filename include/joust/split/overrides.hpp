// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/hash.hpp>
#include <joust/split/rule.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// A unit and the arm that it gets whatever its hash says.
struct forced_unit {
    /// The unit's text: a number in decimal, a UUID in lower case with hyphens.
    std::string unit;
    /// The arm that serves the unit.
    unsigned arm = 0;
    bool operator==(const forced_unit&) const = default;
};

/// Forced units by their hash, which a call has computed already.
class forced_table {
public:
    /// Hash all units.
    /// errors: configuration_error for one unit with two arms
    forced_table(const std::vector<forced_unit>& units, const salted_hasher& hasher)
    {
        std::size_t places = 8;
        while (places < 2 * units.size()) {
            places *= 2;
        }
        table_.resize(places);
        for (const forced_unit& each : units) {
            const std::uint64_t hash = hasher(each.unit);
            entry& place = table_[find(hash)];
            if (place.arm != passes_on && place.arm != each.arm) {
                throw configuration_error("overrides", "'" + each.unit + "' with two arms",
                                          "one arm for each unit");
            }
            place = {hash, each.arm};
        }
    }

    /// Return the arm of a forced unit, and let all others pass.
    template <class Context>
    [[nodiscard]] unsigned decide(const Context& call) const noexcept
    {
        return table_[find(call.unit)].arm;
    }

    /// Return the table of a stopped trial, which gives every forced unit to the champion.
    [[nodiscard]] forced_table stopped() const
    {
        forced_table all = *this;
        for (entry& place : all.table_) {
            place.arm = place.arm == passes_on ? passes_on : 0U;
        }
        return all;
    }

private:
    struct entry {
        std::uint64_t hash = 0;
        unsigned arm = passes_on;
    };

    /// Find the place of a hash, or the free place where it would be.
    [[nodiscard]] std::size_t find(std::uint64_t hash) const noexcept
    {
        const std::size_t mask = table_.size() - 1;
        std::size_t at = static_cast<std::size_t>(hash) & mask;
        while (table_[at].arm != passes_on && table_[at].hash != hash) {
            at = (at + 1) & mask;
        }
        return at;
    }

    std::vector<entry> table_;  // at most half full
};

/// The list of units that `overrides` was given.
struct forced_units {
    /// The units and their arms.
    std::vector<forced_unit> units;

    /// Check the list and hash its units with the salt of the splitter.
    [[nodiscard]] forced_table resolve(std::size_t arms, const salt* behind) const
    {
        for (const forced_unit& each : units) {
            if (each.arm >= arms) {
                throw configuration_error("overrides",
                                          "arm " + std::to_string(each.arm) + " for '" + each.unit + "'",
                                          "arms below " + std::to_string(arms));
            }
        }
        if (behind == nullptr || behind->empty()) {
            throw configuration_error("overrides", "before a splitter without a salt",
                                      "a splitter with .salt, since units are recognised by its hash");
        }
        return {units, behind->hasher()};
    }

    bool operator==(const forced_units&) const = default;
};

/// Force arms on single units: testers who must see the challenger, customers who must not.
///
/// Forced units are no part of the trial, since they were not randomised. Units are recognised by their hash, so a long list
/// costs no more than a short one, and the trial holds no ids. While a trial is stopped, or after a canary was rolled back, all
/// forced units get the champion.
/// When to use: a few units that must or must not get a challenger.
/// When not: to choose units by a property; `when` does that.
/// shape: `overrides({{"qa-1", 1}, {"4711", 0}}, hash_split{...})`
/// errors: configuration_error when a trial is made, for an arm that does not exist, for one unit with two arms, and for a
///     splitter without a salt
/// cost: 1 to 2 ns
template <class Splitter>
[[nodiscard]] ruled_split<forced_units, Splitter> overrides(std::vector<forced_unit> units, Splitter behind)
{
    return {forced_units{std::move(units)}, std::move(behind)};
}

}  // namespace v0
}  // namespace joust
