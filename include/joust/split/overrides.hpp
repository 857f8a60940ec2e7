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

/// A unit, by its text, and the arm that it gets whatever its hash says.
struct forced_unit {
    /// the unit's text: numbers in decimal, UUIDs in lower case with hyphens
    std::string unit;
    unsigned arm = 0;
    bool operator==(const forced_unit&) const = default;
};

/// Forced units by the hash that the call has already computed.
class forced_table {
public:
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

    template <class Context>
    [[nodiscard]] unsigned decide(const Context& call) const noexcept
    {
        return table_[find(call.unit)].arm;
    }

private:
    struct entry {
        std::uint64_t hash = 0;
        unsigned arm = passes_on;
    };

    /// The place of a hash, or the free one where it would be.
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

/// The list of an `overrides`.
struct forced_units {
    std::vector<forced_unit> units;

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
/// Forced units are no part of the trial, since nobody drew lots for them. Units are recognised by their hash, so the list
/// costs the same however long it is, and the trial holds no ids.
/// shape: `overrides({{"qa-1", 1}, {"4711", 0}}, hash_split{...})`
/// errors: configuration_error when a trial is made: an arm that does not exist, one unit with two arms, no salt behind
/// cost: 1 to 2 ns
template <class Splitter>
[[nodiscard]] ruled_split<forced_units, Splitter> overrides(std::vector<forced_unit> units, Splitter behind)
{
    return {forced_units{std::move(units)}, std::move(behind)};
}

}  // namespace v0
}  // namespace joust
