// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/text.hpp>
#include <joust/split/rule.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace joust {
inline namespace v0 {

/// A trial's part of a layer; see `layer`. The trial gets the units with from <= hash / 2^64 < to under the layer's salt.
struct layer_range {
    /// The salt of the layer, which all trials that exclude each other share.
    joust::salt salt{};
    /// Where the part begins, from 0 to 1.
    double from = 0.0;
    /// Where the part ends, from 0 to 1.
    double to = 1.0;

    /// Let a unit of the part pass, and give all others to the champion.
    template <class Context>
    [[nodiscard]] unsigned decide(const Context& call) const noexcept
    {
        return contains(detail::hash_under(salt.hasher(), call)) ? passes_on : 0U;
    }

    /// Say whether a hash under the layer's salt lies in the part.
    [[nodiscard]] bool contains(std::uint64_t hash) const noexcept
    {
        const std::uint64_t begin = detail::hash_at(from);
        const std::uint64_t width = detail::hash_at(to) - begin;  // 0 for the whole layer
        return width == 0 || hash - begin < width;
    }

    /// Check the range, and refuse the salt by which the splitter chooses arms.
    [[nodiscard]] layer_range resolve(std::size_t /*arms*/, const joust::salt* behind) const
    {
        detail::check_rule_salt("layer", "layer", salt, behind);
        if (!(from >= 0.0 && from < to && to <= 1.0)) {
            throw configuration_error("layer.from", to_text(from) + " with layer.to = " + to_text(to),
                                      "0 <= from < to <= 1");
        }
        return *this;
    }

    bool operator==(const layer_range&) const = default;
};

/// Give a trial a part of a layer. Trials with disjoint parts of one layer never share a unit.
///
/// The other units of the layer get the champion and are no part of the trial. Trials of different layers overlap
/// independently of each other, since each layer has a salt of its own. A part may grow into free space while its trial runs.
/// Units that took part in a trial are influenced by it for some time after its end, so leave their part free before you
/// reuse it.
/// When to use: where two trials would disturb each other, such as two rankings of one page.
/// When not: trials that do not influence each other; without layers each of them gets all units.
/// shape: `layer({.salt = "checkout", .from = 0.0, .to = 0.3}, hash_split{...})`
/// errors: configuration_error when a trial is made
/// cost: one more hash of the unit, 4 to 15 ns
template <class Splitter>
[[nodiscard]] ruled_split<layer_range, Splitter> layer(layer_range part, Splitter behind)
{
    return {std::move(part), std::move(behind)};
}

}  // namespace v0
}  // namespace joust
