#pragma once

#include <joust/report/report.hpp>
#include <joust/report/write.hpp>
#include <joust/trial/detail/decide.hpp>
#include <joust/trial/detail/serving.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

namespace detail {

using ab_test_roles = role_list<unit_key_role, splitter_role, metric_role, guardrail_role, primary_role,
                                consent_role, covariate_role, acceptance_role, failure_role, timing_role,
                                clock_role, recorder_role, ticket_role, inference_role>;

}  // namespace detail

/// Compare models on live traffic: every unit is served by one of them, and a metric decides which is better.
///
/// shape: `ab_test trial{model{"a", f}, model{"b", g}, by(&Request::user_id), hash_split{...}, conversion<"click">{}, ...}`;
/// roles beyond these are in docs/reference/policies.md. Neither copied nor moved: a factory returns it as a prvalue.
/// errors: configuration_error from the constructor, naming field, value and what is allowed.
template <class... Args>
class ab_test : public detail::serving<ab_test<Args...>, detail::ab_test_roles, Args...> {
    using base = detail::serving<ab_test, detail::ab_test_roles, Args...>;
    friend base;
    static_assert(
        base::metrics_t::primary() != base::metrics_t::none,
        "joust: an A/B test needs a metric that decides: add conversion<\"name\">{} or mean<\"name\">{}");

public:
    explicit ab_test(Args... arguments) : ab_test(std::tuple<Args...>{std::move(arguments)...}, unpacked{}) {}

    /// Say what is known so far. Call it as often as you like, also while other threads serve.
    [[nodiscard]] joust::report report() const
    {
        joust::evidence seen = this->evidence();
        joust::report out =
            report_on(seen, [this](std::size_t p, std::size_t w) { return this->live_.highest_log_e(p, w); });
        this->live_.remember(seen);
        return out;
    }

    /// Say what evidence from elsewhere shows, such as that of all replicas merged.
    /// errors: configuration_error where it is not of this trial
    [[nodiscard]] joust::report report(joust::evidence merged) const
    {
        this->check_own(merged);
        return report_on(merged, [](std::size_t, std::size_t) { return 0.0; });
    }

private:
    struct unpacked {};
    static constexpr std::string_view kind = "ab_test";

    ab_test(std::tuple<Args...> arguments, unpacked) : base(arguments) {}

    static const std::vector<detail::event_watch>& watched(typename base::metrics_t& metrics)
    {
        return metrics.watches();
    }

    // Thresholds are looked for at the numbers of a thread's calls where a look is cheap against what went before.
    static constexpr bool counts_every_call =
        false;  // calls without a number were not timed: no threshold moves

    void after_call(bool, std::uint32_t number) noexcept
    {
        if ((number & 1023U) == 1023U) [[unlikely]] {
            this->fix_thresholds();
        }
    }
    void after_feedback() noexcept {}

    template <class LiveLogE>
    joust::report report_on(joust::evidence& seen, LiveLogE live_log_e) const
    {
        this->fix_thresholds();
        const detail::setting how = this->setting_now();
        detail::judgement found;
        detail::judge(this->inference_, seen, how, live_log_e, found);
        joust::report out;
        out.name = this->name();
        out.kind = kind;
        detail::describe(out, seen, found, how);
        decide(out, seen, found, how);
        detail::annotate(out, seen, this->board_.read([](const auto& now) { return now.number > 0; }),
                         detail::holds_of<typename base::inference_t>(), how);
        const std::scoped_lock lock{this->planning_};
        if (this->plan_.version != 0) {
            out.notes.push_back("In force: " + to_text(this->plan_) + ".");
        }
        if (!this->plan_complaint_.empty()) {
            out.notes.push_back("A later plan was refused: " + this->plan_complaint_);
        }
        return out;
    }

    void decide(joust::report& out, const joust::evidence& seen, const detail::judgement& found,
                const detail::setting& how) const
    {
        if (found.mismatch) {
            out.decision = verdict::keep_testing;
            out.reason =
                "traffic did not arrive in the planned shares, so no comparison can be trusted: look for lost or duplicated requests, redirects and caches";
            return;
        }
        std::string breaches;
        std::string losses;
        std::size_t out_of_race = 0;
        const detail::finding* best = nullptr;
        const detail::finding* open = nullptr;
        for (const auto& f : found.findings) {
            if (how.specs[f.metric].role != detail::metric_spec::part::primary) {
                continue;
            }
            const double sign = how.specs[f.metric].direction == better::up ? 1.0 : -1.0;
            if (found.breached(f.pair)) {
                ++out_of_race;
                breaches += (breaches.empty() ? "" : "; ") + detail::breach_of(seen, found, how, f.pair);
            } else if (f.loses) {
                ++out_of_race;
                losses += (losses.empty() ? "" : "; ") + seen.models[f.pair + 1] + " is worse on " +
                          how.specs[f.metric].name + interval(f.answer, how.specs[f.metric].unit);
            } else if (f.wins &&
                       (best == nullptr || sign * f.answer.estimate > sign * best->answer.estimate)) {
                best = &f;
            } else if (!f.wins && open == nullptr) {
                open = &f;
            }
        }
        if (best != nullptr) {
            out.decision = verdict::ship_challenger;
            out.reason = seen.models[best->pair + 1] + " is better on " + how.specs[best->metric].name +
                         interval(best->answer, how.specs[best->metric].unit) +
                         guardrails_in_words(found, how, best->pair);
        } else if (out_of_race == seen.pairs.size()) {
            out.decision = verdict::keep_champion;
            out.reason = breaches + (breaches.empty() || losses.empty() ? "" : "; ") + losses;
        } else {
            out.decision = verdict::keep_testing;
            out.reason = open == nullptr ? "nothing is decided" : undecided(*open, how);
            if (!breaches.empty()) {
                out.reason += "; " + breaches;
            }
        }
    }

    /// Write a difference with its interval; proportions differ by percentage points.
    static std::string interval(const inference& answer, std::string_view unit)
    {
        const double scale = unit == "%" ? 100.0 : 1.0;
        std::string text = ": ";
        append_number(text, scale * answer.estimate, 3, signs::always);
        text += " [";
        append_number(text, scale * answer.lower, 3, signs::always);
        text += ", ";
        append_number(text, scale * answer.upper, 3, signs::always);
        text += unit == "%" ? "] pp" : unit.empty() ? "]" : "] ";
        text += unit == "%" ? "" : unit;
        return text;
    }

    static std::string undecided(const detail::finding& f, const detail::setting& how)
    {
        const std::string& name = how.specs[f.metric].name;
        switch (f.answer.state) {
            case status::ok:
                return "the interval for " + name + " still contains 0" +
                       interval(f.answer, how.specs[f.metric].unit);
            case status::burn_in:
                return name + " is still in its burn-in: too few units or events for any claim";
            case status::before_planned_sample:
                return name + " is judged once, at the planned sample, which is not reached";
            case status::zero_variance: return name + " has been the same for everybody so far";
            default: return name + " cannot be judged yet: " + std::string{explain(f.answer.state)};
        }
    }

    static std::string guardrails_in_words(const detail::judgement& found, const detail::setting& how,
                                           std::size_t pair)
    {
        std::size_t guards = 0;
        for (const auto& f : found.findings) {
            guards +=
                f.pair == pair && how.specs[f.metric].role == detail::metric_spec::part::guardrail ? 1U : 0U;
        }
        return guards == 0   ? ""
               : guards == 1 ? "; its guardrail is not broken"
                             : "; none of its guardrails is broken";
    }
};

template <class... Args>
ab_test(Args...) -> ab_test<Args...>;

}  // namespace v0
}  // namespace joust
