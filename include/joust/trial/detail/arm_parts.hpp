// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/policy.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/inference/always_valid.hpp>
#include <joust/metric/conversion.hpp>
#include <joust/metric/mean.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/split/splitter.hpp>
#include <joust/trial/acceptance.hpp>
#include <joust/trial/covariate.hpp>
#include <joust/trial/detail/metric_set.hpp>
#include <joust/trial/detail/plan.hpp>
#include <joust/trial/detail/trial_core.hpp>
#include <joust/trial/on_event.hpp>
#include <joust/trial/on_failure.hpp>
#include <joust/trial/recorder.hpp>
#include <joust/trial/timing.hpp>
#include <joust/trial/watch.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

struct ramp_role;
struct dry_run_role;

namespace detail {

/// Stands for the row of a share in trials that do not count by share.
struct no_share_row {};

/// The data of a call while its model runs. They are copies, because the thread's slab and the plan may change meanwhile.
template <std::size_t Arms, bool HasCovariate, bool CountsByShare>
struct arm_visit {
    std::uint64_t pseudonym = 0;
    double propensity = 1.0;
    unsigned arm = 0;
    unsigned plan = 0;
    bool recorded = true;
    [[no_unique_address]] std::conditional_t<HasCovariate, double, std::tuple<>> covariate{};
    std::array<pair_share, Arms - 1> shares{};
    /// The row in which the call and its feedback are counted by share.
    [[no_unique_address]] std::conditional_t<CountsByShare, std::size_t, no_share_row> row{};
};

/// Resolve a splitter for a number of arms, where the splitter has to be resolved.
template <class Splitter>
[[nodiscard]] auto resolved(const Splitter& splitter, std::size_t arms)
{
    if constexpr (resolves<Splitter>) {
        return splitter.resolve(arms);
    } else {
        return splitter;
    }
}

/// Say whether the champion answers every request of a trial, whatever arm its unit has.
template <class Roles, class Trial>
constexpr bool champion_answers_all()
{
    if constexpr (Roles::template has<dry_run_role>) {
        return Trial::template given<dry_run_role>;
    } else {
        return false;
    }
}

// Checks of a whole trial are functions: a class whose own static_assert fails is unusable to clang, which would report
// each place that uses it.

template <std::size_t Arms, bool HasUnitKey>
constexpr bool check_arms()
{
    static_assert(Arms >= 2,
                  "joust: a trial needs a champion and a challenger: at least two joust::model come first");
    static_assert(Arms <= max_arms, "joust: a trial has at most 16 models");
    static_assert(HasUnitKey,
                  "joust: say what is randomised: add joust::by(&Request::user_id), or joust::per_request{}");
    return true;
}

template <class Metrics>
constexpr bool check_metric_names()
{
    static_assert(
        Metrics::names_free(),
        "joust: a metric needs a name that the report does not use for something else: exposures, failures, latency and covariate are taken, and so are names that end in \", denominator\", \", feedback\" or \", not scored\" and the empty name");
    static_assert(Metrics::names_differ(),
                  "joust: two metrics have the same name; feedback could not tell them apart");
    return true;
}

template <std::size_t Arms, bool FixedShares>
constexpr bool check_shares()
{
    static_assert(
        FixedShares || Arms == 2,
        "joust: with more than two models a splitter also states its shares: `share(arm) const -> double`");
    return true;
}

/// The constructor's arguments of a trial that serves each unit by one of its models, sorted by role.
template <class Roles, class... Args>
struct arm_parts : trial_parts<Roles, always_valid, Args...> {
    using trial = trial_parts<Roles, always_valid, Args...>;
    template <class Role, class Default>
    using policy = typename trial::template policy<Role, Default>;

    static constexpr std::size_t arm_count = trial::model_count;

    static_assert(check_arms<arm_count, trial::template given<unit_key_role>>());

    using metrics_t = typename trial::split::template apply_policies<metric_set>;
    static_assert(check_metric_names<metrics_t>());

    using splitter_t = policy<splitter_role, hash_split>;
    using covariate_t = policy<covariate_role, no_covariate>;
    using acceptance_t = policy<acceptance_role, any_result>;
    using failure_t = policy<failure_role, fall_back>;
    using timing_t = policy<timing_role, timed>;
    using recorder_t = policy<recorder_role, no_log>;
    using listener_t = policy<listener_role, no_listener>;
    using watcher_t = policy<watcher_role, no_watcher>;

    static constexpr bool adjusts = trial::template given<covariate_role>;
    static constexpr bool watches = trial::template given<watcher_role>;
    static constexpr bool asks_acceptance = trial::template given<acceptance_role>;
    /// Whether a result is looked at before it is returned.
    static constexpr bool reads_results = asks_acceptance || metrics_t::reads_predictions();
    static constexpr bool records = trial::template given<recorder_role>;
    static constexpr bool dry = champion_answers_all<Roles, trial>();
    static constexpr bool listens = trial::template given<listener_role>;
    static constexpr bool falls_back = std::is_same_v<failure_t, fall_back>;
    static constexpr bool times = !std::is_same_v<timing_t, untimed>;

    using split_t = decltype(resolved(std::declval<const splitter_t&>(), arm_count));
    using plan_t = plan<split_t, arm_count>;
    /// A trial with a ramp promotes, so it counts by share.
    static constexpr bool counts_by_share = Roles::template has<ramp_role>;
    using visit = arm_visit<arm_count, adjusts, counts_by_share>;

    static constexpr bool reads_time = requires { requires split_t::reads_time; };
    static constexpr bool fixed_shares = requires(const split_t& s) {
        { s.share(std::size_t{}) } -> std::convertible_to<double>;
    };
    static_assert(check_shares<arm_count, fixed_shares>());
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
