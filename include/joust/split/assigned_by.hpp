#pragma once

#include <joust/split/hash_split.hpp>
#include <joust/split/rule.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// Another platform's assignments, read from each call; made by `assigned_by`.
template <class Projection>
class platform_assignment {
public:
    explicit platform_assignment(Projection projection) : projection_(std::move(projection)) {}

    /// Take what the platform says: `projection(args...)` gives a joust::assignment.
    template <class Context>
    [[nodiscard]] assignment assign(const Context& call) const noexcept
    {
        constexpr assignment outside{0, 1.0, false};
        using args_t = std::remove_cvref_t<decltype(call.args)>;
        static_assert(
            detail::asks_one<Projection, args_t>,
            "joust: the projection of assigned_by(...) takes the call's arguments, or the first of them; choose(unit) and observe(unit) know the unit alone, so they do not go with it");
        if constexpr (detail::asks_one<Projection, args_t>) {
            try {
                const assignment given = detail::ask(projection_, call.args);
                // The comparison is false for NaN.
                return given.propensity > 0.0 && given.propensity <= 1.0 && given.arm < max_arms ? given
                                                                                                 : outside;
            } catch (...) {
                return outside;
            }
        } else {
            return outside;
        }
    }

private:
    [[no_unique_address]] Projection projection_;
};

/// Another platform's arms and its planned shares; resolved from `assigned_by(projection, shares)`.
template <class Projection>
class platform_plan {
public:
    platform_plan(Projection projection, const share_list& shares)
        : projection_(std::move(projection)), shares_(shares)
    {
    }

    /// Take the arm that the platform chose; a number that is no arm is a unit outside the trial.
    template <class Context>
    [[nodiscard]] assignment assign(const Context& call) const noexcept
    {
        constexpr assignment outside{0, 1.0, false};
        using args_t = std::remove_cvref_t<decltype(call.args)>;
        static_assert(
            detail::asks_one<Projection, args_t>,
            "joust: the projection of assigned_by(...) takes the call's arguments, or the first of them; choose(unit) and observe(unit) know the unit alone, so they do not go with it");
        if constexpr (detail::asks_one<Projection, args_t>) {
            try {
                const auto arm = static_cast<std::int64_t>(detail::ask(projection_, call.args));
                if (arm < 0 || arm >= static_cast<std::int64_t>(shares_.size())) {
                    return outside;
                }
                const auto which = static_cast<unsigned>(arm);
                return {which, shares_[which], true};
            } catch (...) {
                return outside;
            }
        } else {
            return outside;
        }
    }

    [[nodiscard]] std::size_t arms() const noexcept { return shares_.size(); }
    [[nodiscard]] double share(std::size_t arm) const noexcept { return shares_[arm]; }

private:
    [[no_unique_address]] Projection projection_;
    share_list shares_;
};

/// Another platform's arms and its planned shares; made by `assigned_by(projection, shares)`.
template <class Projection>
struct platform_split {
    [[no_unique_address]] Projection projection;
    share_list shares;

    [[nodiscard]] platform_plan<Projection> resolve(std::size_t arms) const
    {
        return {projection, detail::checked_shares("assigned_by.shares", shares, arms)};
    }
};

/// Let another platform assign: the projection reads its answer off the call, as a joust::assignment with the propensity.
///
/// Use it where an experiment platform in front of the service has drawn the lots, and the service is to judge. joust then
/// answers for nothing but arithmetic: a wrong propensity biases every estimate, and the sample ratio check is what notices.
/// With three or more models give the shares: `assigned_by(projection, shares)`.
/// shape: `assigned_by([](const Request& r) { return joust::assignment{r.variant, 0.5, r.in_test}; })`
template <class Projection>
[[nodiscard]] platform_assignment<std::decay_t<Projection>> assigned_by(Projection&& projection)
{
    return platform_assignment<std::decay_t<Projection>>{std::forward<Projection>(projection)};
}

/// Let another platform assign: the projection reads the arm's number off the call, and the shares are as the platform's
/// configuration says. A number below 0 or beyond the models is a unit that is not in the experiment.
/// shape: `assigned_by(&Request::variant, {0.5, 0.3, 0.2})`
template <class Projection>
[[nodiscard]] platform_split<std::decay_t<Projection>> assigned_by(Projection&& projection, share_list shares)
{
    return {std::forward<Projection>(projection), shares};
}

}  // namespace v0
}  // namespace joust
