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

/// A trial's part of a layer; see `layer`.
struct layer_range {
    /// the layer's: the same in all trials that exclude each other
    joust::salt salt{};
    /// this trial's units have from <= hash / 2^64 < to under the layer's salt
    double from = 0.0;
    double to = 1.0;

    template <class Context>
    [[nodiscard]] unsigned decide(const Context& call) const noexcept
    {
        return contains(detail::hash_under(salt.hasher(), call)) ? passes_on : 0U;
    }

    [[nodiscard]] bool contains(std::uint64_t hash) const noexcept
    {
        const std::uint64_t begin = detail::hash_at(from);
        const std::uint64_t width = detail::hash_at(to) - begin;  // 0 for the whole layer
        return width == 0 || hash - begin < width;
    }

    /// Check the range, and that it does not decide by the numbers that choose the arm.
    [[nodiscard]] layer_range resolve(std::size_t /*arms*/, const joust::salt* behind) const
    {
        if (salt.empty()) {
            throw configuration_error("layer.salt", "empty", "the name that all trials of the layer share");
        }
        if (!(from >= 0.0 && from < to && to <= 1.0)) {
            throw configuration_error("layer.from", to_text(from) + " with layer.to = " + to_text(to),
                                      "0 <= from < to <= 1");
        }
        if (behind != nullptr && behind->text() == salt.text()) {
            throw configuration_error(
                "layer.salt", "'" + salt.text() + "', the salt of the splitter behind it",
                "a salt of the layer's own: else the same numbers choose units and arms");
        }
        return *this;
    }

    bool operator==(const layer_range&) const = default;
};

/// Give a trial a part of a layer: trials with disjoint parts of one layer never share a unit.
///
/// Use it where two trials would disturb each other (two rankings of one page). Trials of different layers overlap
/// independently of each other, since each layer has its own salt. The rest of the layer's units get the champion and are no
/// part of the trial. A part may grow into free space while its trial runs; what has been given to a trial that is over
/// stays marked by it for a while, so leave it free before you reuse it.
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
