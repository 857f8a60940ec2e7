// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/split/hash_split.hpp>
#include <joust/split/rule.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

namespace detail {

/// The assignment of a unit that is no part of the trial: the champion serves it.
inline constexpr assignment outside_the_trial{0, 1.0, false};

/// Ask a projection about a call and turn its answer into an assignment by `read`. A unit whose projection throws is
/// outside the trial, and the trial counts it.
template <class Projection, class Context, class Read>
[[nodiscard]] assignment platform_answer(const Projection& projection, const Context& call,
                                         const Read& read) noexcept
{
    static_assert(
        asks_one<Projection, std::remove_cvref_t<decltype(call.args)>>,
        "joust: the projection of assigned_by(...) takes the call's arguments, or the first of them; choose(unit) and observe(unit) know the unit alone, so they do not go with it");
    return ask_or(projection, call, assignment{0, 1.0, false, thrower::assigned_by}, read);
}

}  // namespace detail

/// The assignments of another platform, read from each call. `assigned_by(projection)` makes it.
template <class Projection>
class platform_assignment {
public:
    /// Keep the projection: `projection(args...)` gives a joust::assignment.
    explicit platform_assignment(Projection projection) : projection_(std::move(projection)) {}

    /// Whether the projection can be asked about these arguments of a call.
    template <class Args>
    static constexpr bool asks = detail::asks_one<Projection, Args>;

    /// Return the platform's assignment. An answer without a possible arm or propensity is a unit outside the trial.
    template <class Context>
    [[nodiscard]] assignment assign(const Context& call) const noexcept
    {
        return detail::platform_answer(projection_, call, [](const assignment& given) {
            // The comparisons are false for NaN.
            const bool possible = given.propensity > 0.0 && given.propensity <= 1.0 && given.arm < max_arms;
            return possible ? given : detail::outside_the_trial;
        });
    }

private:
    [[no_unique_address]] Projection projection_;
};

/// The arms of another platform and its planned shares, resolved from `assigned_by(projection, shares)`.
template <class Projection>
class platform_plan {
public:
    /// Keep the projection and the shares. assumes: the shares were checked
    platform_plan(Projection projection, const share_list& shares)
        : projection_(std::move(projection)), shares_(shares)
    {
    }

    /// Whether the projection can be asked about these arguments of a call.
    template <class Args>
    static constexpr bool asks = detail::asks_one<Projection, Args>;

    /// Return the arm that the platform chose. A number that is no arm is a unit outside the trial.
    template <class Context>
    [[nodiscard]] assignment assign(const Context& call) const noexcept
    {
        return detail::platform_answer(projection_, call, [this](auto&& answer) {
            const auto arm = static_cast<std::int64_t>(std::forward<decltype(answer)>(answer));
            if (arm < 0 || arm >= static_cast<std::int64_t>(shares_.size())) {
                return detail::outside_the_trial;
            }
            const auto which = static_cast<unsigned>(arm);
            return assignment{which, shares_[which], true};
        });
    }

    /// Return the number of arms.
    [[nodiscard]] std::size_t arms() const noexcept { return shares_.size(); }
    /// Return the planned share of an arm.
    [[nodiscard]] double share(std::size_t arm) const noexcept { return shares_[arm]; }

private:
    [[no_unique_address]] Projection projection_;
    share_list shares_;
};

/// The arms of another platform and its planned shares. `assigned_by(projection, shares)` makes it.
template <class Projection>
struct platform_split {
    /// Reads the number of the arm from the call's arguments.
    [[no_unique_address]] Projection projection;
    /// The shares that the platform's configuration states, the champion's first.
    share_list shares;

    /// Check the shares for a number of models.
    [[nodiscard]] platform_plan<Projection> resolve(std::size_t arms) const
    {
        return {projection, detail::checked_shares("assigned_by.shares", shares, arms)};
    }
};

/// Let another platform assign units: the projection reads a joust::assignment, with its propensity, from the call.
///
/// joust then answers for the arithmetic only. A wrong propensity biases every estimate, and only the check of the sample
/// ratio can detect it. With three or more models state the shares: `assigned_by(projection, shares)`.
/// When to use: where an experiment platform in front of the service has randomised the units, and the service evaluates
/// the experiment.
/// When not: where joust can assign units itself; hash_split needs no trust in another system.
/// shape: `assigned_by([](const Request& r) { return joust::assignment{r.variant, 0.5, r.in_test}; })`
template <class Projection>
[[nodiscard]] platform_assignment<std::decay_t<Projection>> assigned_by(Projection&& projection)
{
    return platform_assignment<std::decay_t<Projection>>{std::forward<Projection>(projection)};
}

/// Let another platform assign units: the projection reads the number of the arm from the call, and the shares are those
/// that the platform's configuration states. A number below 0 or beyond the models is a unit outside the experiment.
/// shape: `assigned_by(&Request::variant, {0.5, 0.3, 0.2})`
template <class Projection>
[[nodiscard]] platform_split<std::decay_t<Projection>> assigned_by(Projection&& projection, share_list shares)
{
    return {std::forward<Projection>(projection), shares};
}

}  // namespace v0
}  // namespace joust
