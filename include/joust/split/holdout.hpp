// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/text.hpp>
#include <joust/split/rule.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace joust {
inline namespace v0 {

/// The units that are kept out of a set of trials; see `holdout`.
struct held_out {
    /// The salt that all trials of the set share.
    joust::salt salt{};
    /// The share of all units that is held out.
    double share = 0.05;

    /// Give a unit that is held out to the champion, and let all others pass.
    template <class Context>
    [[nodiscard]] unsigned decide(const Context& call) const noexcept
    {
        return detail::hash_under(salt.hasher(), call) < detail::hash_at(share) ? 0U : passes_on;
    }

    /// Check the share, and refuse the salt by which the splitter chooses arms.
    [[nodiscard]] held_out resolve(std::size_t /*arms*/, const joust::salt* behind) const
    {
        detail::check_rule_salt("holdout", "set", salt, behind);
        if (!(share >= 0.0 && share < 1.0)) {
            throw configuration_error("holdout.share", to_text(share), "a share of units from 0 to below 1");
        }
        return *this;
    }

    bool operator==(const held_out&) const = default;
};

/// Keep a share of units out of a set of trials. With the same salt and share in all of them, these units meet no trial.
///
/// The units that are held out get the champion throughout and are no part of the trials. To measure them, make one more
/// trial with `hash_split{.salt = (the same), .shares = {1 - share, share}}`; its second arm is exactly these units. A larger
/// share keeps all units that were held out before.
/// When to use: to learn what all changes that were shipped in a quarter did together.
/// When not: to keep two trials apart; layer does that.
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
