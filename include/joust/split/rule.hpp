#pragma once

#include <joust/core/invoke.hpp>
#include <joust/split/assignment.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/split/splitter.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

// Rules stand in front of a splitter: overrides, holdout, layer, when. A rule decides for some units and lets the others pass
// to the splitter behind it, which may be another rule with a splitter behind it:
//
//     overrides({{"qa-1", 1}}, holdout({.salt = "2026"}, when(&Request::eligible, hash_split{.salt = "score"})))
//
// The outermost rule is asked first. Units that a rule decides for are served and are no part of the trial: not enrolled,
// propensity 1. Among the units that pass, shares and propensities are those of the splitter behind.
namespace joust {
inline namespace v0 {

/// What a rule answers for units that it has nothing to say on.
inline constexpr unsigned passes_on = ~0U;

/// A rule and the plan behind it.
template <class Rule, class Plan>
class ruled_plan {
public:
    ruled_plan(Rule rule, Plan behind) : rule_(std::move(rule)), behind_(std::move(behind)) {}

    /// Assign the unit of a context.
    template <class Context>
    [[nodiscard]] assignment assign(const Context& call) const noexcept
    {
        const unsigned arm = rule_.decide(call);
        if (arm == passes_on) [[likely]] {
            return behind_.assign(call);
        }
        return {arm, 1.0, false};
    }

    [[nodiscard]] const Rule& rule() const noexcept { return rule_; }
    [[nodiscard]] const Plan& behind() const noexcept { return behind_; }

    /// The planned share of an arm among the units that pass.
    [[nodiscard]] double share(std::size_t arm) const noexcept
        requires requires(const Plan& plan) {
            { plan.share(std::size_t{}) } -> std::convertible_to<double>;
        }
    {
        return behind_.share(arm);
    }

    static constexpr bool reads_time = requires { requires Plan::reads_time; };

    /// The hash of what was randomised, where that is not the unit.
    template <class Context>
        requires requires(const Plan& plan, const Context& call) { plan.randomised(call); }
    [[nodiscard]] std::uint64_t randomised(const Context& call) const noexcept
    {
        return behind_.randomised(call);
    }

    bool operator==(const ruled_plan&) const = default;

private:
    [[no_unique_address]] Rule rule_;
    [[no_unique_address]] Plan behind_;
};

/// A rule and the splitter behind it; made by overrides, holdout, layer and when.
template <class Rule, class Splitter>
class ruled_split {
    static_assert(
        splitter_role::plays<Splitter>,
        "joust: behind a rule (overrides, holdout, layer, when) stands a splitter, or another rule with a splitter behind it");

public:
    ruled_split(Rule rule, Splitter behind) : rule_(std::move(rule)), behind_(std::move(behind)) {}

    /// Resolve the splitter behind the rule, and check the rule.
    [[nodiscard]] auto resolve(std::size_t arms) const
    {
        auto rule = rule_.resolve(arms, detail::salt_of(behind_));
        if constexpr (resolves<Splitter>) {
            return ruled_plan{std::move(rule), behind_.resolve(arms)};
        } else {
            return ruled_plan{std::move(rule), behind_};
        }
    }

    /// The same rule before the same splitter with other shares.
    [[nodiscard]] auto with_shares(const share_list& shares) const
        requires requires(const Splitter& splitter) { splitter.with_shares(shares); }
    {
        return ruled_split<Rule, decltype(behind_.with_shares(shares))>{rule_, behind_.with_shares(shares)};
    }

    /// Learn behind the rule, where a bandit stands there.
    template <class Rewards, class Plan>
    [[nodiscard]] auto replan(const Rewards& seen, const ruled_plan<Rule, Plan>& before) const
        requires requires(const Splitter& splitter) { splitter.replan(seen, before.behind()); }
    {
        return ruled_plan{before.rule(), behind_.replan(seen, before.behind())};
    }

    [[nodiscard]] const Rule& rule() const noexcept { return rule_; }
    [[nodiscard]] const Splitter& behind() const noexcept { return behind_; }

    bool operator==(const ruled_split&) const = default;

private:
    [[no_unique_address]] Rule rule_;
    [[no_unique_address]] Splitter behind_;
};

namespace detail {

template <class>
inline constexpr bool is_tuple = false;
template <class... T>
inline constexpr bool is_tuple<std::tuple<T...>> = true;

/// Can a callable be asked about a call: with all arguments, or with the first alone?
template <class Callable, class Args>
inline constexpr bool asks_one = std::is_invocable_v<const Callable&, const Args&>;
template <class Callable, class... T>
inline constexpr bool asks_one<Callable, std::tuple<T...>> =
    takes_all_or_first<Callable, std::remove_reference_t<T>...>;

/// Ask a callable about a call. assumes: asks_one
template <class Callable, class Args>
[[nodiscard]] decltype(auto) ask(const Callable& callable, const Args& args)
{
    if constexpr (is_tuple<Args>) {
        return std::apply(
            [&callable](const auto&... all) -> decltype(auto) {
                return invoke_all_or_first(callable, all...);
            },
            args);
    } else {
        return invoke(callable, args);
    }
}

/// The first hash of a position in [0, 1); 1 is 2^64, which is 0 here.
[[nodiscard]] constexpr std::uint64_t hash_at(double position) noexcept
{
    return position >= 1.0 ? 0 : static_cast<std::uint64_t>(position * 18446744073709551616.0);
}

/// Hash the unit of a call under a salt of one's own.
template <class Context>
[[nodiscard]] std::uint64_t hash_under(const salted_hasher& hasher, const Context& call) noexcept
{
    if constexpr (requires { call.under(hasher); }) {
        return call.under(hasher);
    } else {
        static_assert(
            always_false<Context>,
            "joust: a splitter with a salt of its own needs the unit itself: give it a joust::keyed_context, as trials do");
        return 0;
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
