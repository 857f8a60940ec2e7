// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/policy.hpp>
#include <joust/core/text.hpp>
#include <joust/split/hash_split.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>

namespace joust {
inline namespace v0 {

/// The progress of a canary's present stage.
struct stage_progress {
    /// The number of the stage, counted from 0.
    std::size_t stage = 0;
    /// The number of requests that the challenger has served in this stage.
    std::uint64_t requests = 0;
    /// The time since the stage began.
    double seconds = 0.0;
    /// The highest e-value of harm among all guardrails, at this look. That of failures and latency is multiplied by the share of
    /// the error rate which its epoch may spend, as in reports.
    double highest_e = 1.0;
};

/// The challenger's share in each stage of a canary, and what a stage must show before the next one begins.
///
/// Whatever the ramp asks for, the next stage waits until every guardrail is judged, from at least 30 groups of units, and
/// until its feedback keeps coming in the stage.
/// When to use: in every canary. The default ramp suits a service with a few thousand requests an hour. A last share of 1
/// leaves the champion without traffic, so that nothing can be compared from then on; a last share below 1 keeps a
/// holdback.
struct ramp {
    /// The challenger's share in each stage, rising.
    share_list shares = {0.01, 0.05, 0.25, 0.5, 1.0};
    /// The number of requests that the challenger must serve in each stage.
    std::uint64_t requests = 200;
    /// The least time that each stage takes, by the trial's clock.
    double seconds = 0.0;
    /// The e-value of harm above which the canary stays in its stage, long before the evidence suffices to roll back. One
    /// failure at a share of 1 % is an e-value of 2.2 where no more failures are allowed, and two are 32.
    double hold_above = 10.0;
    /// The number of requests and pieces of feedback between two looks at the start. Later looks are less frequent.
    std::uint64_t check_every = 512;

    /// Return whether the next stage may begin.
    [[nodiscard]] constexpr bool ready(const stage_progress& at) const noexcept
    {
        return at.requests >= requests && at.seconds >= seconds && at.highest_e <= hold_above;
    }

    /// Refuse a ramp that cannot work.
    /// errors: configuration_error, which names the field
    void check() const
    {
        if (shares.empty()) {
            throw configuration_error("ramp.shares", "empty", "at least one share of the challenger, rising");
        }
        double before = 0.0;
        for (const double share : shares) {
            // A splitter can give the champion no traffic at all, or a share that is not too small for it.
            if (!(share > before && ((share >= 1e-9 && share <= 1.0 - 1e-9) || share == 1.0))) {
                throw configuration_error(
                    "ramp.shares",
                    before > 0.0 ? to_text(share) + " after " + to_text(before) : to_text(share),
                    "shares from 1e-9 to 1 - 1e-9, each larger than the one before; the last may be 1");
            }
            before = share;
        }
        if (!(seconds >= 0.0 && seconds <= 1e18)) {
            throw configuration_error("ramp.seconds", to_text(seconds), "a finite number, 0 or more");
        }
        if (!(hold_above >= 1.0)) {  // With an infinite value the canary never holds.
            throw configuration_error("ramp.hold_above", to_text(hold_above), "an e-value of at least 1");
        }
        if (check_every == 0) {
            throw configuration_error("ramp.check_every", "0", "at least 1 request");
        }
    }

    bool operator==(const ramp&) const = default;
};

/// A policy that has the shares of a canary and says when a stage is over.
/// shape: members `shares` and `check_every`, `ready(stage_progress) const noexcept -> bool`, optionally `check() const`
template <class T>
concept ramp_policy = requires(const T& t, const stage_progress& at) {
    { t.shares } -> std::convertible_to<const share_list&>;
    { t.check_every } -> std::convertible_to<std::uint64_t>;
    { t.ready(at) } noexcept -> std::same_as<bool>;
};

namespace detail {

struct verb_ready {
    int ready;
};
template <class T>
concept has_ready = derivable<T> && !requires { &both<T, verb_ready>::ready; };

}  // namespace detail

/// The role of the ramp: verb `ready(stage_progress)`.
struct ramp_role {
    static constexpr bool repeats = false;
    template <class T>
    static constexpr bool plays = ramp_policy<T>;
    template <class T>
    static constexpr bool resembles = detail::has_ready<T>;
    template <class T>
    static constexpr void near_miss()
    {
        static_assert(
            plays<T>,
            "joust: this has ready(), but a ramp has members shares and check_every and `ready(const joust::stage_progress&) const noexcept -> bool`");
    }
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>, "joust: two ramps are given; a canary follows one");
    }
};

}  // namespace v0
}  // namespace joust
