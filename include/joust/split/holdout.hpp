#pragma once

#include <joust/core/error.hpp>
#include <joust/core/text.hpp>
#include <joust/split/rule.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace joust {
inline namespace v0 {

/// Units that are kept out of a set of trials; see `holdout`.
struct held_out {
    /// the same in all trials of the set
    joust::salt salt{};
    /// of all units
    double share = 0.05;

    template <class Context>
    [[nodiscard]] unsigned decide(const Context& call) const noexcept
    {
        return detail::hash_under(salt.hasher(), call) < detail::hash_at(share) ? 0U : passes_on;
    }

    /// Check the share, and that it does not decide by the numbers that choose the arm.
    [[nodiscard]] held_out resolve(std::size_t /*arms*/, const joust::salt* behind) const
    {
        if (salt.empty()) {
            throw configuration_error("holdout.salt", "empty", "the name that all trials of the set share");
        }
        if (!(share >= 0.0 && share < 1.0)) {
            throw configuration_error("holdout.share", to_text(share), "a share of units from 0 to below 1");
        }
        if (behind != nullptr && behind->text() == salt.text()) {
            throw configuration_error(
                "holdout.salt", "'" + salt.text() + "', the salt of the splitter behind it",
                "a salt of the holdout's own: else the same numbers choose units and arms");
        }
        return *this;
    }

    bool operator==(const held_out&) const = default;
};

/// Keep a share of units out of a set of trials: with the same salt and share in all of them they meet none.
///
/// Use it to learn what a quarter of shipped changes did together: the units held out get the champion throughout. They are
/// no part of the trials; to measure, give one more trial `hash_split{.salt = (the same), .shares = {1 - share, share}}`,
/// whose second arm is exactly these units. A larger share keeps everybody who was held out.
/// shape: `holdout({.salt = "2026-q4", .share = 0.05}, hash_split{...})`
/// errors: configuration_error when a trial is made
/// cost: one more hash of the unit, 4 to 15 ns
template <class Splitter>
[[nodiscard]] ruled_split<held_out, Splitter> holdout(held_out units, Splitter behind)
{
    return {std::move(units), std::move(behind)};
}

}  // namespace v0
}  // namespace joust
