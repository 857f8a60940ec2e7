// SPDX-License-Identifier: Apache-2.0

// What stands where a splitter stands, and what is refused there, in which words.

#include <joust/split/assigned_by.hpp>
#include <joust/split/cascade.hpp>
#include <joust/split/explain.hpp>
#include <joust/split/holdout.hpp>
#include <joust/split/layer.hpp>
#include <joust/split/overrides.hpp>
#include <joust/split/plan_diff.hpp>
#include <joust/split/rendezvous.hpp>
#include <joust/split/slot_split.hpp>
#include <joust/split/switchback.hpp>
#include <joust/split/when.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/explain.hpp>
#include <joust/trial/replan.hpp>

#include <string>

struct request {
    std::string user{};
    bool eligible = true;
    int variant = 0;
};
inline double old_model(const request&)
{
    return 1.0;
}
inline double new_model(const request&)
{
    return 2.0;
}

template <class Splitter>
auto trial_of(Splitter splitter)
{
    return joust::ab_test{joust::model{"old", old_model}, joust::model{"new", new_model},
                          joust::by(&request::user), joust::conversion<"click">{}, splitter};
}

template <class Splitter>
void use(Splitter splitter)
{
    auto trial = trial_of(splitter);
    static_cast<void>(trial(request{}));
}

#ifdef ACCEPT
void accepted()
{
    use(joust::slot_split{.salt = "s", .shares = {0.5, 0.5}});
    use(joust::rendezvous{.salt = "s"});
    use(joust::switchback{.salt = "s", .block = 600, .gap = 60});
    use(joust::epsilon_greedy{.salt = "s"});
    use(joust::ucb1{.salt = "s"});
    use(joust::exp3{.salt = "s"});
    use(joust::assigned_by(&request::variant, {0.5, 0.5}));
    use(joust::assigned_by(
        [](const request& r) { return joust::assignment{r.variant == 0 ? 0U : 1U, 0.5}; }));
    use(joust::overrides({{"ann", 1}}, joust::hash_split{.salt = "s"}));
    use(joust::holdout({.salt = "h", .share = 0.1},
                       joust::layer({.salt = "l", .from = 0.2, .to = 0.4},
                                    joust::when(&request::eligible, joust::slot_split{.salt = "s"}))));
    use(joust::hash_split{.salt = {"s", joust::sip_key{1, 2}}});
    auto learning = trial_of(joust::layer({.salt = "l"}, joust::ucb1{.salt = "s"}));
    joust::replan(learning);
    static_cast<void>(joust::explain(learning, request{}));
    static_cast<void>(
        joust::diff(joust::hash_split{.salt = "s"}.resolve(2), joust::ucb1{.salt = "s"}.resolve(2)));
    joust::canary ramped{joust::model{"old", old_model}, joust::model{"new", new_model},
                         joust::by(&request::user),
                         joust::layer({.salt = "l"}, joust::slot_split{.salt = "s"})};
    static_cast<void>(ramped(request{}));
    joust::ab_test staged{
        joust::model{"old", old_model},
        joust::model{"cascade",
                     joust::cascade(old_model, new_model, [](double y) { return y; }, {.threshold = 0.9})},
        joust::by(&request::user), joust::conversion<"click">{}};
    static_cast<void>(staged(request{}));
}
#endif

// REJECT 1: joust: behind a rule (overrides, holdout, layer, when) stands a splitter, or another rule with a splitter behind it
#if REJECT == 1
void rule_before_nothing()
{
    use(joust::layer({.salt = "l"}, 42));
}
#endif

// REJECT 2: joust: the predicate of when(...) takes the call's arguments, or the first of them; choose(unit) and observe(unit)
#if REJECT == 2
void predicate_on_a_unit()
{
    auto trial = trial_of(joust::when(&request::eligible, joust::hash_split{.salt = "s"}));
    static_cast<void>(trial.choose(std::string{"ann"}));
}
#endif

// REJECT 3: joust: this splitter reads the clock, so a unit alone does not say which model it was served
#if REJECT == 3
void feedback_without_its_time()
{
    auto trial = trial_of(joust::switchback{.salt = "s"});
    trial.observe<"click">(std::string{"ann"}, 1.0);
}
#endif

// REJECT 4: joust: the projection of assigned_by(...) takes the call's arguments, or the first of them
#if REJECT == 4
void projection_of_something_else()
{
    use(joust::assigned_by([](int x) { return x; }, {0.5, 0.5}));
}
#endif

// REJECT 5: joust: with more than two models a splitter also states its shares: `share(arm) const -> double`
#if REJECT == 5
void platform_without_shares()
{
    joust::ab_test test{joust::model{"a", old_model},
                        joust::model{"b", new_model},
                        joust::model{"c", new_model},
                        joust::by(&request::user),
                        joust::conversion<"click">{},
                        joust::assigned_by([](const request&) { return joust::assignment{1, 0.3}; })};
    static_cast<void>(test(request{}));
}
#endif

// REJECT 6: joust: this trial's splitter does not learn; give it a bandit (epsilon_greedy, ucb1, exp3, thompson
#if REJECT == 6
void nothing_to_learn()
{
    auto trial = trial_of(joust::hash_split{.salt = "s"});
    joust::replan(trial);
}
#endif

// REJECT 7: joust: diff compares plans that cut the hash space into slots
#if REJECT == 7
void difference_of_other_plans()
{
    static_cast<void>(
        joust::diff(joust::rendezvous{.salt = "s"}.resolve(2), joust::hash_split{.salt = "s"}.resolve(2)));
}
#endif

// REJECT 8: joust: the confidence of a cascade takes the fast model's answer and gives a number
#if REJECT == 8
void confidence_of_something_else()
{
    auto staged = joust::cascade(old_model, new_model, [](const std::string& s) { return s.size(); });
    static_cast<void>(staged(request{}));
}
#endif

// REJECT 9: joust: both models of a cascade must return the same, or types with a common type
#if REJECT == 9
void stages_of_two_kinds()
{
    auto staged =
        joust::cascade(old_model, [](const request& r) { return r.user; }, [](double y) { return y; });
    static_cast<void>(staged(request{}));
}
#endif

// REJECT 10: joust: a canary changes shares, so its splitter needs with_shares(share_list)
#if REJECT == 10
void ramp_of_another_platform()
{
    joust::canary ramped{joust::model{"old", old_model}, joust::model{"new", new_model},
                         joust::by(&request::user),
                         joust::layer({.salt = "l"}, joust::assigned_by(&request::variant, {0.5, 0.5}))};
}
#endif

// REJECT 11: joust: two splitters are given; a trial splits its traffic once
#if REJECT == 11
void two_splitters()
{
    joust::ab_test test{joust::model{"old", old_model}, joust::model{"new", new_model},
                        joust::by(&request::user),      joust::conversion<"click">{},
                        joust::hash_split{.salt = "s"}, joust::switchback{.salt = "s"}};
    static_cast<void>(test(request{}));
}
#endif

// REJECT 12: joust: explain(trial, ...) takes what a call takes, or a unit alone
#if REJECT == 12
void explanation_of_something_else()
{
    auto trial = trial_of(joust::hash_split{.salt = "s"});
    static_cast<void>(joust::explain(trial, 1.5));
}
#endif

// REJECT 13: joust: a splitter with a salt of its own needs the unit itself: give it a joust::keyed_context, as trials do
#if REJECT == 13
void layer_without_the_unit()
{
    const int args = 0;
    static_cast<void>(joust::layer({.salt = "l"}, joust::hash_split{.salt = "s"})
                          .resolve(2)
                          .assign(joust::context<int>{1, 0, args}));
}
#endif

// REJECT 14: joust: a bandit learns from what each exposure brings, so a quantile cannot be what decides
#if REJECT == 14
void a_quantile_to_learn_from()
{
    joust::ab_test trial{joust::model{"old", old_model}, joust::model{"new", new_model},
                         joust::by(&request::user), joust::epsilon_greedy{.salt = "s"},
                         joust::quantile<"wait">{}};
    joust::replan(trial);
}
#endif
