// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/text.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/inference/inference.hpp>
#include <joust/report/report.hpp>
#include <joust/report/write.hpp>
#include <joust/trial/detail/describe.hpp>
#include <joust/trial/detail/finding.hpp>
#include <joust/trial/detail/metric_set.hpp>
#include <joust/trial/detail/possible.hpp>

#include <cstddef>
#include <string>
#include <string_view>

// The verdict of an A/B test, and the sentence that gives its reason.

namespace joust {
inline namespace v0 {
namespace detail {

/// The standing of the challengers of an A/B test on the metric that decides.
struct ab_race {
    std::string breaches;
    std::string losses;
    /// The number of challengers that broke a guardrail or lost.
    std::size_t out_of_race = 0;
    /// The winner with the largest effect, of those that are judged on everything.
    const finding* best = nullptr;
    /// What keeps winners from being shipped.
    std::string held;
    /// The first challenger that has neither won nor lost.
    const finding* open = nullptr;
};

/// Write the verdict of an A/B test and its reason into the report.
void decide_ab(report& out, const evidence& seen, const judgement& found, const setting& how);

}  // namespace detail

#if JOUST_BODIES

namespace detail {

/// Write a difference with its interval. The difference of proportions is in percentage points.
[[nodiscard]] inline std::string difference_in_words(const inference& answer, std::string_view unit)
{
    const double scale = unit == "%" ? 100.0 : 1.0;
    metric_row shown;
    shown.estimate = answer.estimate;
    shown.lower = answer.lower;
    shown.upper = answer.upper;
    shown.unit = unit;
    keep_possible(shown);
    std::string text = ": ";
    append_number(text, scale * shown.estimate, 3, signs::always);
    text += " [";
    append_number(text, scale * shown.lower, 3, signs::always);
    text += ", ";
    append_number(text, scale * shown.upper, 3, signs::always);
    text += unit == "%" ? "] pp" : unit.empty() ? "]" : "] ";
    text += unit == "%" ? "" : unit;
    return text;
}

/// Describe why a metric has not decided yet.
[[nodiscard]] inline std::string undecided_in_words(const finding& f, const evidence& seen,
                                                    const setting& how)
{
    const std::string& name = how.specs[f.metric].name;
    if (f.missing != gap::none && f.missing != gap::state && seen.requests() > 0) {
        return gap_in_words(f, seen, how);
    }
    switch (f.answer.state) {
        case status::ok:
            return joined({"the interval for ", name, " still contains 0",
                           difference_in_words(f.answer, how.specs[f.metric].unit)});
        case status::burn_in:
            return joined({name, " is still in its burn-in: too few units or events for any claim"});
        case status::before_planned_sample:
            return joined({name, " is judged once, at the planned sample, which is not reached"});
        case status::zero_variance: return joined({name, " has had the same value for every unit so far"});
        default: return joined({name, " cannot be judged yet: ", explain(f.answer.state)});
    }
}

[[nodiscard]] inline std::string_view guardrails_in_words(const judgement& found, const setting& how,
                                                          std::size_t pair)
{
    std::size_t guards = 0;
    for (const finding& f : found.findings) {
        guards += f.pair == pair && how.specs[f.metric].role == metric_spec::part::guardrail ? 1U : 0U;
    }
    return guards == 0   ? ""
           : guards == 1 ? "; its guardrail is judged and not broken"
                         : "; all of its guardrails are judged, and none is broken";
}

/// Say why a challenger that is better is not shipped: what its metric misses, and which guardrails are not judged.
/// Returns an empty text where nothing is missing.
[[nodiscard]] inline std::string held_in_words(const finding& win, const evidence& seen,
                                               const judgement& found, const setting& how)
{
    std::string missing;
    for (const finding& f : found.findings) {
        const bool counts = &f == &win || how.specs[f.metric].role == metric_spec::part::guardrail;
        if (f.pair == win.pair && counts && f.missing != gap::none) {
            append_all(missing, {missing.empty() ? "" : "; ", &f == &win ? "" : "the guardrail on ",
                                 gap_in_words(f, seen, how)});
        }
    }
    return missing.empty() ? missing
                           : joined({seen.models[win.pair + 1], " is better on ", how.specs[win.metric].name,
                                     difference_in_words(win.answer, how.specs[win.metric].unit),
                                     ", but it is not shipped, since not everything is judged: ", missing});
}

[[nodiscard]] inline ab_race race_of(const evidence& seen, const judgement& found, const setting& how)
{
    ab_race race;
    for (const finding& f : found.findings) {
        const metric_spec& spec = how.specs[f.metric];
        if (spec.role != metric_spec::part::primary) {
            continue;
        }
        const double sign = spec.direction == better::up ? 1.0 : -1.0;
        if (found.breached(f.pair)) {
            ++race.out_of_race;
            append_all(race.breaches,
                       {race.breaches.empty() ? "" : "; ", how.special.breach_of(seen, found, how, f.pair)});
        } else if (f.loses) {
            ++race.out_of_race;
            append_all(race.losses, {race.losses.empty() ? "" : "; ", seen.models[f.pair + 1],
                                     " is worse on ", spec.name, difference_in_words(f.answer, spec.unit)});
        } else if (std::string held = f.wins ? held_in_words(f, seen, found, how) : std::string{};
                   !held.empty()) {
            append_all(race.held, {race.held.empty() ? "" : "; ", held});
        } else if (f.wins) {
            const bool leads =
                race.best == nullptr || sign * f.answer.estimate > sign * race.best->answer.estimate;
            race.best = leads ? &f : race.best;
        } else if (race.open == nullptr) {
            race.open = &f;
        }
    }
    return race;
}

JOUST_FUNCTION void decide_ab(report& out, const evidence& seen, const judgement& found, const setting& how)
{
    if (found.mismatch) {
        out.decision = verdict::keep_testing;
        out.reason =
            "traffic did not arrive in the planned shares, so no comparison can be trusted: look for lost or duplicated requests, redirects and caches";
        return;
    }
    const ab_race race = race_of(seen, found, how);
    if (race.best != nullptr) {
        const metric_spec& spec = how.specs[race.best->metric];
        out.decision = verdict::ship_challenger;
        out.reason = joined({seen.models[race.best->pair + 1], " is better on ", spec.name,
                             difference_in_words(race.best->answer, spec.unit),
                             guardrails_in_words(found, how, race.best->pair)});
    } else if (race.out_of_race == seen.pairs.size()) {
        out.decision = verdict::keep_champion;
        out.reason =
            joined({race.breaches, race.breaches.empty() || race.losses.empty() ? "" : "; ", race.losses});
    } else {
        out.decision = verdict::keep_testing;
        out.reason = !race.held.empty()     ? race.held
                     : race.open == nullptr ? "nothing is decided"
                                            : undecided_in_words(*race.open, seen, how);
        if (!race.breaches.empty()) {
            append_all(out.reason, {"; ", race.breaches});
        }
    }
}

}  // namespace detail

#endif

}  // namespace v0
}  // namespace joust
