// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/policy.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/split/trial_event.hpp>
#include <joust/trial/detail/trial_access.hpp>
#include <joust/trial/fwd.hpp>

#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace joust {
inline namespace v0 {

namespace detail {

/// Whether a kind of trial sets its shares itself.
template <template <class...> class Kind>
inline constexpr bool sets_its_shares = false;
template <>
inline constexpr bool sets_its_shares<canary> = true;

/// Return the splitter of a trial for the one that goes on: with the shares in force, or without shares where a ramp sets them.
template <template <class...> class Next, class Core>
[[nodiscard]] auto splitter_to_go_on(const Core& core)
{
    const auto& splitter = core.assignment().splitter();
    static_assert(
        requires { splitter.with_shares(share_list{}); },
        "joust: hand_over keeps the shares, so the splitter needs with_shares(share_list); hash_split has it");
    share_list shares;
    if constexpr (!sets_its_shares<Next>) {
        core.assignment().read([&shares](const auto& now) {
            for (const double share : now.shares) {
                shares.push_back(share);
            }
        });
    }
    return splitter.with_shares(shares);
}

}  // namespace detail

/// Go on with a trial as a trial of another kind: an A/B test after a canary, to learn how much better the challenger is, or a canary
/// after an A/B test, to raise its share with guardrails.
///
/// The new trial gets the models, the unit key, the salt and, for an A/B test, the shares in force, so that no unit moves. It gets
/// every other policy from the caller. Its evidence begins anew: save that of the old trial before. Tickets of the old trial
/// are not taken by the new one. docs/how-to/canary.md has a table of what carries over.
/// shape: `auto test = hand_over<ab_test>(rollout, "promoted", conversion<"click">{})`; both headers of the trials are included
/// assumes: no thread serves by the old trial any more, whose models are gone; it should be destroyed soon, since reports note
///     that two trials have one name
/// errors: configuration_error where the new trial cannot be made; the models are gone then too
template <template <class...> class Next, class Trial, class... Policies>
[[nodiscard]] auto hand_over(Trial& from, std::string_view why, Policies... policies)
{
    auto& core = detail::trial_access::core(from);
    core.announce(false, [why] {
        trial_event seen{.kind = transition::handed_over};
        seen.why = std::string{why};
        return seen;
    });
    return std::apply(
        [&](auto&... models) {
            return Next{std::move(models)..., core.trial().key(), detail::splitter_to_go_on<Next>(core),
                        std::move(policies)...};
        },
        core.trial().models());
}

}  // namespace v0
}  // namespace joust
