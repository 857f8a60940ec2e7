// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/policy.hpp>
#include <joust/core/text.hpp>
#include <joust/metric/guardrail.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/stats/result.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Hold what a canary knows of one guardrail at a look.
struct guardrail_progress {
    /// The name of the guardrail's metric.
    std::string_view name{};
    /// Whether the guardrail is judged; if not, why.
    status state = status::too_few;
    /// The difference, or the ratio, of challenger and champion.
    double estimate = std::numeric_limits<double>::quiet_NaN();
    /// The lower end of its interval, which may be infinite.
    double lower = std::numeric_limits<double>::quiet_NaN();
    /// The upper end of its interval, which may be infinite.
    double upper = std::numeric_limits<double>::quiet_NaN();
    /// The e-value of harm now.
    double e_value = 1.0;
    /// Whether the harm that this stage has to exclude is excluded.
    bool excluded = false;
    /// How many values the challenger has brought to the guardrail in this stage.
    std::uint64_t values = 0;
};

/// Hold the progress of a canary's present stage.
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
    /// The estimated number of distinct units that the challenger has served since the start.
    double units = 0.0;
    /// The time since the canary began.
    double total_seconds = 0.0;
    /// Every guardrail, in the order of the trial's report.
    std::span<const guardrail_progress> guardrails{};
};

/// Say what lets a canary pass a stage and promote its challenger.
enum class promotion : std::uint8_t {
    /// Every guardrail has to be shown to exclude a stated harm.
    when_excluded,
    /// The stage's budget of requests and time is spent, and every guardrail is judged and not broken. Harm that is too small
    /// to be proved in that time is shipped.
    on_no_harm
};
/// The name by which an owner accepts harm that was not proved in time: `ramp{.promote = on_no_harm}`.
inline constexpr promotion on_no_harm = promotion::on_no_harm;

/// Say what a canary does when a guardrail breaks.
enum class breach : std::uint8_t {
    /// Take the challenger out of service for good.
    roll_back,
    /// Take the challenger out of service until a person resumes the canary or ends it.
    pause
};

/// The harms that a canary excludes before it promotes, for guardrails that do not state one themselves.
struct default_exclusions {
    /// For failures: the larger of an increase and a ratio.
    stated_harm failures{.max_ratio = 1.5, .max_increase = 0.005};
    /// For latency: the ratio of the quantiles.
    double latency = 1.2;
    /// For a metric whose margin allows no change at all: the share of the champion's level. A metric with another margin has to
    /// exclude its margin.
    double metric = 0.05;
};

/// The challenger's share in each stage of a canary, and what a stage must show before the next one begins.
///
/// A stage is passed when every guardrail is judged, its feedback keeps coming, and the harm that it has to exclude is excluded: the
/// harm of `exclude`, divided by the share of the next stage, so that the whole service never risks more in a stage than it would by
/// promoting a challenger with the harm of `exclude`. Time alone promotes nothing.
/// When to use: in every canary. A canary that is given no ramp follows `ramp::standard()`; `ramp::cautious()` and `ramp::fast()` are
/// the other presets, and each of their numbers can be changed. `ramp{...}` has the numbers of the standard preset without its
/// least times, which suits programs that drive the time themselves; state `.seconds` in a service. A last share of 1 leaves the
/// champion without traffic, so that nothing can be compared from then on; a last share below 1 keeps a holdback.
/// source: docs/explanation/canary.md has the operating characteristics of the presets
struct ramp {
    /// The challenger's share in each stage, rising.
    share_list shares = {0.01, 0.05, 0.25, 0.5, 1.0};
    /// The least number of requests that the challenger must serve in each stage. It also counts feedback for guardrails that
    /// take any.
    std::uint64_t requests = 100;
    /// The least time that each stage takes, by the trial's clock.
    double seconds = 0.0;
    /// The least number of distinct units that the challenger must have served, in all stages together.
    double units = 0.0;
    /// The least time that all stages together take, by the trial's clock.
    double total_seconds = 0.0;
    /// What lets a stage pass.
    promotion promote = promotion::when_excluded;
    /// The error rate of promotion: a challenger whose harm is exactly what has to be excluded is promoted at most this often.
    double beta = 0.05;
    /// The harms to exclude, where a guardrail states none.
    default_exclusions exclude{};
    /// How many failures more may be risked that can no longer be undone in time: those between the start of the next stage and the
    /// first look at its feedback. An infinite number sets no limit.
    double irreversible = 200.0;
    /// How long feedback takes to come, at most. It only counts for `irreversible`.
    /// units: seconds
    double feedback_after = 0.0;
    /// The share from which on each stage begins only after `approve`. Above 1 no stage asks for approval.
    double approve_from = 2.0;
    /// What to do when a guardrail breaks.
    breach on_breach = breach::roll_back;
    /// With `on_no_harm`, the e-value of harm above which the canary stays in its stage, long before the evidence suffices to
    /// roll back.
    double hold_above = 10.0;
    /// The number of requests and pieces of feedback between two looks at the start. Later looks are less frequent, but there is
    /// one at least every 10,000 requests and every second of traffic.
    std::uint64_t check_every = 512;

    /// Return whether the stage has lasted as long as it must, in requests, units and time.
    [[nodiscard]] constexpr bool ready(const stage_progress& at) const noexcept
    {
        return at.requests >= requests && at.seconds >= seconds && at.units >= units &&
               (promote == promotion::when_excluded || at.highest_e <= hold_above);
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
        check_number(seconds >= 0.0 && seconds <= 1e18, "ramp.seconds", seconds,
                     "a finite number, 0 or more");
        check_number(total_seconds >= 0.0 && total_seconds <= 1e18, "ramp.total_seconds", total_seconds,
                     "a finite number, 0 or more");
        check_number(units >= 0.0 && units <= 1e18, "ramp.units", units, "a finite number, 0 or more");
        check_number(beta > 0.0 && beta < 1.0, "ramp.beta", beta, "an error rate between 0 and 1");
        check_number(irreversible >= 0.0, "ramp.irreversible", irreversible,
                     "a number of failures, 0 or more");
        check_number(feedback_after >= 0.0 && feedback_after <= 1e18, "ramp.feedback_after", feedback_after,
                     "a finite number of seconds, 0 or more");
        check_number(approve_from > 0.0, "ramp.approve_from", approve_from, "a share above 0");
        // With an infinite value the canary never holds.
        check_number(hold_above >= 1.0, "ramp.hold_above", hold_above, "an e-value of at least 1");
        check_number(exclude.latency > 1.0 && exclude.latency <= 1e6, "ramp.exclude.latency", exclude.latency,
                     "a ratio above 1, since no data can show that there is no increase at all");
        check_number(exclude.metric > 0.0 && exclude.metric < 1.0, "ramp.exclude.metric", exclude.metric,
                     "a share of the champion's level between 0 and 1");
        if (check_every == 0) {
            throw configuration_error("ramp.check_every", "0", "at least 1 request");
        }
        if (promote == promotion::on_no_harm && requests == 0 && seconds == 0.0) {
            throw configuration_error(
                "ramp.requests", "0",
                "a budget of at least 1 request or some seconds, where promote is on_no_harm");
        }
    }

    /// Return the preset for most services: at an error rate of 5 %, failures by 0.5 points or half of the champion's, latency by a
    /// fifth and each metric's margin are excluded. Each stage takes at least 100 requests of the challenger and 10 minutes.
    [[nodiscard]] static ramp standard()
    {
        ramp made;
        made.seconds = 600.0;
        return made;
    }

    /// Return the preset for services whose failures are expensive: at an error rate of 1 %, failures by 0.2 points or a quarter of the
    /// champion's, latency by a tenth and each metric's margin are excluded. Each stage takes at least 500 requests of the challenger
    /// and an hour, all of them a day, and a person approves the last step.
    [[nodiscard]] static ramp cautious()
    {
        ramp made;
        made.shares = {0.02, 0.05, 0.1, 0.25, 0.5, 1.0};
        made.requests = 500;
        made.seconds = 3'600.0;
        made.total_seconds = 86'400.0;
        made.beta = 0.01;
        made.exclude = {
            .failures = {.max_ratio = 1.25, .max_increase = 0.002}, .latency = 1.1, .metric = 0.02};
        made.irreversible = 50.0;
        made.approve_from = 1.0;
        return made;
    }

    /// Return the preset for services that recover quickly: at an error rate of 10 %, failures by 1 point or as many again, latency by
    /// three tenths and each metric's margin are excluded. Each stage takes at least 50 requests of the challenger.
    [[nodiscard]] static ramp fast()
    {
        ramp made;
        made.shares = {0.05, 0.25, 0.5, 1.0};
        made.requests = 50;
        made.beta = 0.1;
        made.exclude = {.failures = {.max_ratio = 2.0, .max_increase = 0.01}, .latency = 1.3, .metric = 0.1};
        made.irreversible = 1'000.0;
        return made;
    }

private:
    static void check_number(bool good, const char* field, double value, const char* allowed)
    {
        if (!good) {
            throw configuration_error(field, to_text(value), allowed);
        }
    }
};

/// A policy that has the shares of a canary and says when a stage is over.
///
/// Other members with the names of `ramp` count as there: `promote`, `beta`, `exclude`, `irreversible`, `feedback_after`,
/// `approve_from`, `on_breach`, `units`, `total_seconds`, and `requests` for the feedback that a stage needs. The least requests and
/// the least time of a stage are for `ready` to decide.
/// shape: members `shares` and `check_every`, `ready(stage_progress) const noexcept -> bool`, optionally `check() const`
template <class T>
concept ramp_policy = requires(const T& t, const stage_progress& at) {
    { t.shares } -> std::convertible_to<const share_list&>;
    { t.check_every } -> std::convertible_to<std::uint64_t>;
    { t.ready(at) } noexcept -> std::same_as<bool>;
};

namespace detail {

/// The ramp of a canary that is given none.
struct default_ramp : ramp {
    default_ramp() : ramp(ramp::standard()) {}
};

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
