// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/invoke.hpp>
#include <joust/core/unit_id.hpp>
#include <joust/split/assignment.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/split/splitter.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

// A rule (overrides, holdout, layer, when) stands in front of a splitter. It decides for some units and lets the others pass to
// the splitter behind it, which may be another rule with a splitter behind it:
//
//     overrides({{"qa-1", 1}}, holdout({.salt = "2026"}, when(&Request::eligible, hash_split{.salt = "score"})))
//
// The outermost rule is asked first. A unit that a rule decides for is served and is no part of the trial: it is not enrolled
// and its propensity is 1. The units that pass have the shares and propensities of the splitter behind the rules.
namespace joust {
inline namespace v0 {

/// The answer of a rule for a unit that it lets pass.
inline constexpr unsigned passes_on = ~0U;

namespace detail {

/// The answer of a rule whose predicate threw. The champion serves the unit.
inline constexpr unsigned could_not_decide = passes_on - 1U;

}  // namespace detail

/// A rule and the plan behind it.
template <class Rule, class Plan>
class ruled_plan {
public:
    /// Put a resolved rule in front of a plan.
    ruled_plan(Rule rule, Plan behind) : rule_(std::move(rule)), behind_(std::move(behind)) {}

    /// Assign the unit of a context.
    template <class Context>
    [[nodiscard]] assignment assign(const Context& call) const noexcept
    {
        const unsigned arm = rule_.decide(call);
        if (arm == passes_on) [[likely]] {
            return behind_.assign(call);
        }
        if (arm == detail::could_not_decide) [[unlikely]] {
            return {0, 1.0, false, thrower::when};
        }
        return {arm, 1.0, false};
    }

    /// Return the rule.
    [[nodiscard]] const Rule& rule() const noexcept { return rule_; }
    /// Return the plan behind the rule.
    [[nodiscard]] const Plan& behind() const noexcept { return behind_; }

    /// Return the planned share of an arm among the units that pass.
    [[nodiscard]] double share(std::size_t arm) const noexcept
        requires requires(const Plan& plan) {
            { plan.share(std::size_t{}) } -> std::convertible_to<double>;
        }
    {
        return behind_.share(arm);
    }

    /// Whether the rule and the plan behind it can be asked about these arguments of a call.
    template <class Args>
    static constexpr bool asks = detail::asks_of<Rule, Args> && detail::asks_of<Plan, Args>;

    /// Whether the plan behind the rule reads the time.
    static constexpr bool reads_time = requires { requires Plan::reads_time; };

    /// Return the hash of what was randomised, where that is not the unit.
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

/// A rule and the splitter behind it. overrides, holdout, layer and when make it.
template <class Rule, class Splitter>
class ruled_split {
    static_assert(
        splitter_role::plays<Splitter>,
        "joust: behind a rule (overrides, holdout, layer, when) stands a splitter, or another rule with a splitter behind it");

public:
    /// Put a rule in front of a splitter.
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

    /// Return the same rule in front of the same splitter with other shares.
    [[nodiscard]] auto with_shares(const share_list& shares) const
        requires requires(const Splitter& splitter) { splitter.with_shares(shares); }
    {
        return ruled_split<Rule, decltype(behind_.with_shares(shares))>{rule_, behind_.with_shares(shares)};
    }

    /// Make the next plan of the bandit behind the rule, where one stands there.
    template <class Rewards, class Plan>
    [[nodiscard]] auto replan(const Rewards& seen, const ruled_plan<Rule, Plan>& before) const
        requires requires(const Splitter& splitter) { splitter.replan(seen, before.behind()); }
    {
        return ruled_plan{before.rule(), behind_.replan(seen, before.behind())};
    }

    /// Return the rule.
    [[nodiscard]] const Rule& rule() const noexcept { return rule_; }
    /// Return the splitter behind the rule.
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

/// Whether a callable takes the arguments of a call: all of them, or the first alone.
template <class Callable, class Args>
inline constexpr bool asks_one = std::is_invocable_v<const Callable&, const Args&>;
template <class Callable, class... T>
inline constexpr bool asks_one<Callable, std::tuple<T...>> =
    takes_all_or_first<Callable, std::remove_reference_t<T>...>;

/// Call a callable with the arguments of a call, or with the first alone. assumes: asks_one
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

/// Ask a callable about a call, and turn its answer into a result by `read`. Returns the fallback if the callable throws.
template <class Callable, class Context, class Result, class Read>
[[nodiscard]] Result ask_or(const Callable& callable, const Context& call, Result fallback,
                            const Read& read) noexcept
{
    if constexpr (asks_one<Callable, std::remove_cvref_t<decltype(call.args)>>) {
        try {
            return read(ask(callable, call.args));
        } catch (...) {
            return fallback;
        }
    } else {
        return fallback;
    }
}

/// Return the first hash of a position in [0, 1). The position 1 is the hash 2^64, which is 0 in 64 bits.
[[nodiscard]] constexpr std::uint64_t hash_at(double position) noexcept
{
    return position >= 1.0 ? 0 : static_cast<std::uint64_t>(position * 18446744073709551616.0);
}

/// Hash the unit of a call with a salt of the rule's own.
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

/// Refuse a rule without a salt, and a rule with the salt of the splitter behind it, since the same numbers would then choose
/// units and arms.
/// shape: `rule` is the rule's name, and `group` names the trials that share its salt
inline void check_rule_salt(const std::string& rule, const std::string& group, const salt& own,
                            const salt* behind)
{
    if (own.empty()) {
        throw configuration_error(rule + ".salt", "empty",
                                  "the name that all trials of the " + group + " share");
    }
    if (behind != nullptr && behind->text() == own.text()) {
        throw configuration_error(rule + ".salt", "'" + own.text() + "', the salt of the splitter behind it",
                                  "a salt of the " + rule +
                                      "'s own, since the same numbers would otherwise choose units and arms");
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
