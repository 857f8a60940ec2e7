// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/policy.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/inference/always_valid.hpp>
#include <joust/inference/inference.hpp>
#include <joust/interleave/competitive_pairs.hpp>
#include <joust/interleave/credit.hpp>
#include <joust/interleave/eligible.hpp>
#include <joust/interleave/identified_by.hpp>
#include <joust/interleave/interleaver.hpp>
#include <joust/interleave/pinned.hpp>
#include <joust/interleave/team_draft.hpp>
#include <joust/interleave/teams.hpp>
#include <joust/trial/detail/interleaver_traits.hpp>
#include <joust/trial/detail/trial_core.hpp>
#include <joust/trial/rankers.hpp>
#include <joust/trial/recorder.hpp>
#include <joust/trial/salt_role.hpp>
#include <joust/trial/timing.hpp>

#include <cstddef>
#include <type_traits>

namespace joust {
inline namespace v0 {
namespace detail {

using interleaving_roles = role_list<unit_key_role, interleaver_role, credit_role, identity_role, salt_role,
                                     consent_role, pins_role, eligibility_role, rankers_role, timing_role,
                                     clock_role, recorder_role, ticket_role, inference_role>;

/// The constructor's arguments of an interleaving, sorted by role.
template <class... Args>
struct ranking_parts : trial_parts<interleaving_roles, always_valid, Args...> {
    using trial = trial_parts<interleaving_roles, always_valid, Args...>;
    template <class Role, class Default>
    using policy = typename trial::template policy<Role, Default>;

    static constexpr std::size_t rankers = trial::model_count;

    static_assert(
        rankers >= 2,
        "joust: interleaving needs a champion and a challenger: at least two joust::model come first");
    static_assert(rankers <= max_rankers, "joust: interleaving mixes at most 15 rankers");
    static_assert(trial::template given<unit_key_role>,
                  "joust: say whose feedback belongs together: add joust::by(&Query::user_id)");

    using default_interleaver = std::conditional_t<rankers == 2, competitive_pairs, team_draft>;
    using interleaver_t = policy<interleaver_role, default_interleaver>;
    using credit_t = policy<credit_role, click_credit>;
    using identity_t = policy<identity_role, identified_by_itself>;
    using pins_t = policy<pins_role, no_pins>;
    using eligible_t = policy<eligibility_role, show_all>;
    using rankers_t = policy<rankers_role, one_after_another>;
    using timing_t = policy<timing_role, timed>;
    using recorder_t = policy<recorder_role, no_log>;

    static_assert(
        rankers_of<interleaver_t>() == 0 || rankers_of<interleaver_t>() == rankers,
        "joust: this interleaver mixes another number of rankers; team_draft{} mixes any number up to 15");
    static_assert(
        paired_inference_policy<typename trial::inference_t>,
        "joust: interleaving asks its inference about pairs; this policy does not say `static constexpr bool pairs = true`");

    static constexpr bool pins_items = trial::template given<pins_role>;
    static constexpr bool leaves_out = trial::template given<eligibility_role>;
    static constexpr bool records = trial::template given<recorder_role>;
    static constexpr touch counted_touch = touch_of<credit_t>();
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
