// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/hex.hpp>
#include <joust/core/text.hpp>
#include <joust/core/unit_id.hpp>
#include <joust/core/utf8.hpp>
#include <joust/split/assigned_by.hpp>
#include <joust/split/assignment.hpp>
#include <joust/split/bandit.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/split/holdout.hpp>
#include <joust/split/layer.hpp>
#include <joust/split/overrides.hpp>
#include <joust/split/plan_diff.hpp>
#include <joust/split/rendezvous.hpp>
#include <joust/split/rule.hpp>
#include <joust/split/splitter.hpp>
#include <joust/split/switchback.hpp>
#include <joust/split/when.hpp>

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace joust {
inline namespace v0 {

namespace detail {

/// Append a position in the hash space as a number from 0 to 1.
inline void append_position(std::string& out, std::uint64_t hash)
{
    append_number(out, static_cast<double>(hash) * 0x1p-64, 10);
}

/// Append which bytes are hashed, their hash, and its position.
inline void append_hashing(std::string& out, const salted_hasher& hasher, std::string_view salt,
                           std::string_view unit, std::uint64_t hash)
{
    out += hasher.keyed() ? "SipHash-2-4 under a secret of \"" : "XXH64 of \"";
    append_clean(out, salt);
    out += '/';
    append_clean(out, unit);
    out += "\" = 0x";
    append_hex(out, hash);
    out += ", position ";
    append_position(out, hash);
}

inline void append_range(std::string& out, double from, double to)
{
    out += '[';
    out += to_text(from);
    out += ", ";
    out += to_text(to);
    out += ')';
}

template <class>
inline constexpr bool is_platform = false;
template <class Projection>
inline constexpr bool is_platform<platform_plan<Projection>> = true;
template <class Projection>
inline constexpr bool is_platform<platform_assignment<Projection>> = true;

/// Write down how a unit gets its arm, line by line.
template <class Context>
struct assignment_story {
    std::string& out;
    const Context& call;
    std::string_view unit;

    // One overload for each resolved rule.
    void rule(const layer_range& layer)
    {
        const std::uint64_t hash = call.under(layer.salt.hasher());
        out += "layer \"" + printable(layer.salt.text()) + "\": ";
        append_hashing(out, layer.salt.hasher(), layer.salt.view(), unit, hash);
        out += layer.contains(hash) ? ", inside " : ", outside ";
        append_range(out, layer.from, layer.to);
    }
    void rule(const held_out& holdout)
    {
        const std::uint64_t hash = call.under(holdout.salt.hasher());
        out += "holdout \"" + printable(holdout.salt.text()) + "\": ";
        append_hashing(out, holdout.salt.hasher(), holdout.salt.view(), unit, hash);
        out += holdout.decide(call) == passes_on ? ", outside " : ", inside ";
        append_range(out, 0.0, holdout.share);
    }
    void rule(const forced_table& forced)
    {
        const unsigned arm = forced.decide(call);
        out += "overrides: ";
        out += arm == passes_on ? "not on the list" : "forced to arm " + std::to_string(arm);
    }
    template <class Predicate>
    void rule(const predicate_rule<Predicate>& when)
    {
        out += "when: the predicate is ";
        const unsigned answer = when.decide(call);
        out += answer == passes_on          ? "true"
               : answer == could_not_decide ? "not known, since it threw"
                                            : "false";
    }
    template <class Other>
    void rule(const Other& other)
    {
        const unsigned arm = other.decide(call);
        out += "a rule: ";
        out += arm == passes_on ? "lets the unit pass" : "arm " + std::to_string(arm);
    }

    // One overload for each way in which a plan chooses.
    void choice(const bandit_plan& plan)
    {
        out += "; a bandit's plan, shares";
        for (std::size_t arm = 0; arm < plan.arms(); ++arm) {
            out += arm == 0 ? " " : " / ";
            append_percent(out, plan.share(arm), 2);
        }
        slots(plan);
    }
    void choice(const rendezvous_plan&)
    {
        out += "; each arm draws a number from the hash, and the best for its share wins";
    }
    void choice(const switchback_plan& plan)
    {
        out += "; block " + std::to_string(plan.block_of(call.now)) + " at " + std::to_string(call.now) +
               " ns, which is randomised anew";
    }
    template <class Projection>
    void choice(const platform_plan<Projection>&)
    {
        out += "another platform chose";
    }
    template <class Projection>
    void choice(const platform_assignment<Projection>&)
    {
        out += "another platform chose, and says how likely that was";
    }
    template <class Plan>
    void choice(const Plan& plan)
    {
        if constexpr (made_of_slots<Plan>) {
            slots(plan);
        } else {
            out += "; chosen by the splitter's own rule";
        }
    }

    template <class Plan>
    void slots(const Plan& plan)
    {
        const auto& all = slots_of(plan);
        std::size_t at = 0;
        while (at + 1 < all.size() && all[at + 1].begin <= call.unit) {
            ++at;
        }
        out += ", inside ";
        append_range(out, static_cast<double>(all[at].begin) * 0x1p-64,
                     at + 1 < all.size() ? static_cast<double>(all[at + 1].begin) * 0x1p-64 : 1.0);
        out += " of arm " + std::to_string(all[at].arm);
    }

    template <class Rule, class Plan>
    void tell(const ruled_plan<Rule, Plan>& plan, const salted_hasher& hasher, std::string_view salt)
    {
        rule(plan.rule());
        out += '\n';
        if (plan.rule().decide(call) == passes_on) {
            tell(plan.behind(), hasher, salt);
        }
    }
    template <class Plan>
    void tell(const Plan& plan, const salted_hasher& hasher, std::string_view salt)
    {
        out += "split: ";
        if constexpr (!is_platform<Plan>) {
            append_hashing(out, hasher, salt, unit, call.unit);
        }
        choice(plan);
        out += '\n';
    }
};

/// Say how a plan assigns the unit of a call, and which arm results.
template <class Plan, class Context>
[[nodiscard]] std::string explain_plan(const Plan& plan, const Context& call, const salted_hasher& hasher,
                                       std::string_view salt)
{
    std::string unit;
    append_unit_text(unit, call.key);
    std::string out = "unit \"" + printable(unit) + "\"\n";
    assignment_story<Context>{out, call, unit}.tell(plan, hasher, salt);
    const assignment given = plan.assign(call);
    out += "arm " + std::to_string(given.arm) + ", propensity ";
    out += to_text(given.propensity);
    out += given.enrolled ? ", enrolled" : ", not enrolled: served and not recorded";
    if constexpr (requires { Plan::reads_time; }) {
        if (!given.enrolled && Plan::reads_time && given.propensity < 1.0) {
            out += " (the gap at the start of a block)";
        }
    }
    return out;
}

}  // namespace detail

/// Say in words how a splitter assigns a unit: which bytes are hashed, their hash and its position, the layer, the arm and its
/// propensity.
///
/// It is not for the serving path. It helps support staff, and analysts who recompute an assignment. A splitter that reads
/// the time is asked about the present. For a trial see <joust/trial/explain.hpp>, which knows the plan in force.
/// shape: `explain(splitter, arms, unit, args...)`; `args` are the call's arguments, where a predicate needs them
/// errors: configuration_error where the splitter cannot be resolved
template <class Splitter, unit_like Unit, class... Args>
    requires(splitter_role::plays<Splitter>)
[[nodiscard]] std::string explain(const Splitter& splitter, std::size_t arms, const Unit& unit,
                                  const Args&... args)
{
    const salt* const given = detail::salt_of(splitter);
    const salted_hasher hasher = given != nullptr ? given->hasher() : salted_hasher{};
    using args_t = std::tuple<const Args&...>;
    const args_t all{args...};
    const auto now = static_cast<std::int64_t>(std::time(nullptr)) * 1'000'000'000;
    const keyed_context<args_t, Unit> call{{hasher(unit), now, all}, unit};
    const auto tell = [&](const auto& plan) {
        return detail::explain_plan(plan, call, hasher,
                                    given != nullptr ? given->view() : std::string_view{});
    };
    if constexpr (resolves<Splitter>) {
        return tell(splitter.resolve(arms));
    } else {
        return tell(splitter);
    }
}

}  // namespace v0
}  // namespace joust
