// SPDX-License-Identifier: Apache-2.0
// Mistakes that a new user makes are answered with one sentence each, also those that have nothing to do with a role.

#include <joust/metric/prediction.hpp>
#include <joust/split/switchback.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/any_trial.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/gate.hpp>
#include <joust/trial/interleaving.hpp>
#include <joust/trial/shadow.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct request {
    std::string user{};
    std::int64_t id = 0;
    int size = 0;
};
inline double old_model(const request& r)
{
    return r.size;
}
inline double new_model(const request& r)
{
    return r.size + 1.0;
}
struct scorer {
    double score(const request& r) const { return r.size; }
};
struct callable_scorer {
    double operator()(const request& r) const { return r.size; }
};

// A trial of these models, with everything that it needs.
template <class Champion, class Challenger, class... Policies>
void serve(Champion champion, Challenger challenger, Policies... policies)
{
    joust::ab_test trial{joust::model{"old", champion}, joust::model{"new", challenger},
                         joust::by(&request::user), joust::conversion<"click">{}, policies...};
    double answer = trial(request{});
    static_cast<void>(answer);
}
template <class... Policies>
auto trial_with(Policies... policies)
{
    return joust::ab_test{joust::model{"old", old_model}, joust::model{"new", new_model},
                          joust::by(&request::user), joust::conversion<"click">{}, policies...};
}

#ifdef ACCEPT
void accepted()
{
    static callable_scorer kept;
    serve(std::ref(kept), callable_scorer{});
    serve([](const request& r) { return static_cast<float>(r.size); },
          [](const request& r) { return 0.5 * r.size; });
    serve(old_model, &request::size);
    serve([pointer = std::make_shared<scorer>()](const request& r) { return pointer->score(r); }, old_model);

    auto trial = trial_with(joust::ratio<"clicks per view">{});
    const auto ticket = trial.serve(request{}).ticket;
    trial.observe<"click">(ticket, true);
    trial.observe<"click">(ticket.to_string(), true);
    trial.observe<"click">(std::string_view{"ann"}, 1);
    trial.observe("click", ticket, true);
    trial.observe("clicks per view", "ann", 1, 2.0);
    joust::ab_test numbers{joust::model{"old", old_model}, joust::model{"new", new_model},
                           joust::by(&request::id), joust::conversion<"click">{}};
    numbers.observe<"click">(7, true);
    static_cast<void>(numbers.choose(7U));
    joust::any_trial<double(const request&)> any{[] { return trial_with(); }};
    static_cast<void>(any(request{}));
}
#endif

// REJECT 1: joust: this model is a pointer to a model and cannot be called
#if REJECT == 1
void shared_model()
{
    serve(std::make_shared<callable_scorer>(), old_model);
}
#endif

// REJECT 2: joust: this model is a pointer to a model and cannot be called
#if REJECT == 2
void address_of_a_model()
{
    static callable_scorer kept;
    serve(&kept, old_model);
}
#endif

// REJECT 3: joust: this model is a method without its object
#if REJECT == 3
void method()
{
    serve(&scorer::score, old_model);
}
#endif

// REJECT 4: joust: this model has no operator(), so it cannot be called
#if REJECT == 4
void object_with_a_method()
{
    serve(old_model, scorer{});
}
#endif

// REJECT 5: joust: this model has no operator(), so it cannot be called
#if REJECT == 5
void reference_to_an_object_with_a_method()
{
    static scorer kept;
    serve(old_model, std::ref(kept));
}
#endif

// REJECT 6: joust: a model takes another number of arguments than this call has
#if REJECT == 6
void model_with_a_second_argument()
{
    serve(old_model, [](const request& r, int limit) { return static_cast<double>(r.size + limit); });
}
#endif

// REJECT 7: joust: a model cannot be called with these arguments: it takes others
#if REJECT == 7
void model_of_something_else()
{
    serve(old_model, [](const std::string& text) { return static_cast<double>(text.size()); });
}
#endif

// REJECT 8: joust: a model takes an argument by reference to change it, and this call passes one that may not be changed
#if REJECT == 8
void model_that_changes_its_argument(const request& r)
{
    joust::ab_test trial{joust::model{"old", old_model},
                         joust::model{"new", [](request& own) { return 1.0 * own.size; }},
                         joust::by(&request::user), joust::conversion<"click">{}};
    double answer = trial(r);
    static_cast<void>(answer);
}
#endif

// REJECT 9: joust: a challenger returns a floating-point number where the champion returns an integer
#if REJECT == 9
void champion_that_rounds()
{
    serve([](const request& r) { return r.size; }, [](const request& r) { return 0.5 * r.size; });
}
#endif

// REJECT 10: joust: a model is its name and then a callable
#if REJECT == 10
auto without_a_name = joust::model{old_model};
#endif

// REJECT 11: joust: a model is its name and then a callable
#if REJECT == 11
auto name_behind = joust::model{old_model, "old"};
#endif

// REJECT 12: joust: a bare callable plays no role in a trial; say what it is for
#if REJECT == 12
auto forgotten_by = joust::ab_test{joust::model{"old", old_model}, joust::model{"new", new_model},
                                   &request::user, joust::conversion<"click">{}};
#endif

// REJECT 13: joust: a bare callable plays no role in a trial; say what it is for
#if REJECT == 13
auto lambda_for_a_policy = trial_with([](const request& r) { return r.size > 0; });
#endif

// REJECT 14: joust: a bare callable plays no role in a trial; say what it is for
#if REJECT == 14
auto forgotten_model =
    joust::ab_test{old_model, new_model, joust::by(&request::user), joust::conversion<"click">{}};
#endif

// REJECT 15: joust: by(...) takes what reads the unit out of a call, not the unit itself
#if REJECT == 15
void unit_itself(const request& r)
{
    auto key = joust::by(r.user);
    static_cast<void>(key);
}
#endif

// REJECT 16: joust: text plays no role in a trial
#if REJECT == 16
auto name_of_the_trial = trial_with("score-2026");
#endif

// REJECT 17: joust: this trial is named by its splitter's salt
#if REJECT == 17
auto salt_beside = trial_with(joust::salt{"score-2026"});
#endif

// REJECT 18: joust: a trial keeps its policies by value
#if REJECT == 18
void pointer_to_a_policy()
{
    static joust::hash_split split{.salt = "s"};
    static_cast<void>(trial_with(std::ref(split)));
}
#endif

// REJECT 19: joust: a metric's name is a part of its type
#if REJECT == 19
auto name_as_a_value = trial_with(joust::mean{"revenue"});
#endif

// REJECT 20: joust: a metric's name is a part of its type
#if REJECT == 20
auto nameless = trial_with(joust::quantile{});
#endif

// REJECT 21: joust: a metric needs a name that the report does not use for something else
#if REJECT == 21
auto failures_of_ones_own = trial_with(joust::conversion<"failures">{});
#endif

// REJECT 22: joust: a metric needs a name that the report does not use for something else
#if REJECT == 22
auto exposures_of_ones_own = trial_with(joust::guardrail(joust::mean<"exposures">{}, {.max_ratio = 1.1}));
#endif

// REJECT 23: joust: a metric needs a name that the report does not use for something else
#if REJECT == 23
auto denominator_of_ones_own = trial_with(joust::ratio<"clicks, denominator">{});
#endif

// REJECT 24: joust: a metric needs a name that the report does not use for something else
#if REJECT == 24
auto latency_of_a_gate = joust::gate{joust::model{"old", old_model}, joust::model{"new", new_model},
                                     joust::guardrail(joust::mean<"latency">{}, {.max_ratio = 1.1})};
#endif

// REJECT 25: joust: a metric needs a name that the report does not use for something else
#if REJECT == 25
struct own_metric {
    static constexpr std::string_view name() { return "covariate"; }
    void add(joust::cell& c, double value) const { c.value = value; }
};
auto covariate_of_ones_own = trial_with(own_metric{});
#endif

// REJECT 26: joust: the margin of a guardrail is named
#if REJECT == 26
auto margin_without_a_name = trial_with(joust::guardrail(joust::latency{}, 1.1));
#endif

// REJECT 27: joust: primary() takes a metric that users feed
#if REJECT == 27
auto primary_latency = joust::primary(joust::latency{});
#endif

// REJECT 28: joust: two metrics have the same name; feedback could not tell them apart
#if REJECT == 28
auto metric_twice = trial_with(joust::conversion<"click">{});
#endif

// REJECT 29: joust: by(...) of this trial gives units of another type than this
#if REJECT == 29
void text_for_a_number()
{
    joust::ab_test trial{joust::model{"old", old_model}, joust::model{"new", new_model},
                         joust::by(&request::id), joust::conversion<"click">{}};
    trial.observe<"click">(std::string{"42"}, true);
}
#endif

// REJECT 30: joust: by(...) of this trial gives units of another type than this
#if REJECT == 30
void number_for_text()
{
    auto trial = trial_with();
    trial.observe<"click">(42, true);
}
#endif

// REJECT 31: joust: by(...) of this trial gives units of another type than this
#if REJECT == 31
void choice_for_a_uuid()
{
    joust::ab_test trial{joust::model{"old", old_model}, joust::model{"new", new_model},
                         joust::by([](const request& r) { return r.id; }), joust::conversion<"click">{}};
    static_cast<void>(trial.choose(joust::uuid{1, 2}));
}
#endif

// REJECT 32: joust: by(...) of this trial gives units of another type than this
#if REJECT == 32
struct own_key {
    std::string_view key(const request& r) const { return r.user; }
};
void key_of_ones_own()
{
    joust::canary trial{joust::model{"old", old_model}, joust::model{"new", new_model}, own_key{},
                        joust::conversion<"click">{}};
    trial.observe("click", 42, true);
}
#endif

// REJECT 33: joust: feedback comes with a ticket of this trial, with a ticket's text, or with a unit as by(...) gives it
#if REJECT == 33
void feedback_for_the_whole_answer()
{
    auto trial = trial_with();
    trial.observe<"click">(trial.serve(request{}), true);
}
#endif

// REJECT 34: joust: the value of a metric is a number or a bool
#if REJECT == 34
void value_in_words()
{
    auto trial = trial_with();
    trial.observe<"click">(joust::ticket{}, "yes");
}
#endif

// REJECT 35: joust: this metric is observed with one value
#if REJECT == 35
void forgotten_value()
{
    auto trial = trial_with();
    trial.observe<"click">(joust::ticket{});
}
#endif

// REJECT 36: joust: choose(unit) takes the unit itself
#if REJECT == 36
void slate_of_a_request()
{
    const auto numbers = [](const request&) { return std::vector<int>{}; };
    joust::interleaving search{joust::model{"old", numbers}, joust::model{"new", numbers},
                               joust::by(&request::user)};
    static_cast<void>(search.choose(request{}));
}
#endif

// REJECT 37: joust: any_trial takes a factory
#if REJECT == 37
void trial_in_place_of_a_factory()
{
    auto trial = trial_with();
    joust::any_trial<double(const request&)> any{trial};
}
#endif

// REJECT 38: joust: this model is a pointer to a model and cannot be called
#if REJECT == 38
void shared_challenger_of_a_shadow()
{
    joust::shadow live{joust::model{"old", old_model},
                       joust::model{"new", std::make_shared<callable_scorer>()}};
    static_cast<void>(live(request{}));
}
#endif

// REJECT 39: joust: this model is a method without its object
#if REJECT == 39
struct ranker {
    std::vector<int> rank(const request&) const { return {}; }
};
void method_of_a_ranker()
{
    joust::interleaving search{joust::model{"old", &ranker::rank}, joust::model{"new", &ranker::rank},
                               joust::by(&request::user)};
    static_cast<void>(search.rank(request{}, 10));
}
#endif

// REJECT 40: joust: this model has no operator(), so it cannot be called
#if REJECT == 40
void object_in_a_gate(const std::vector<request>& rows)
{
    joust::gate check{joust::model{"old", old_model}, joust::model{"new", scorer{}},
                      joust::guardrail(joust::conversion<"right">{}, {.max_decrease = 0.01})};
    static_cast<void>(check.run(rows, [](const request&, double) { return true; }));
}
#endif

// REJECT 41: joust: a trial needs a champion and a challenger
#if REJECT == 41
auto no_models = joust::ab_test{joust::by(&request::user), joust::conversion<"click">{}};
#endif

// REJECT 42: joust: this argument plays no role in this trial
#if REJECT == 42
auto ramp_of_an_ab_test = trial_with(joust::sampled{.rate = 0.1});
#endif

// REJECT 43: joust: run(rows, measure...) takes callables on (row, prediction) that give a number or a bool
#if REJECT == 43
void measure_of_the_prediction_alone(const std::vector<request>& rows)
{
    joust::gate check{joust::model{"old", old_model}, joust::model{"new", new_model},
                      joust::guardrail(joust::conversion<"right">{}, {.max_decrease = 0.01})};
    static_cast<void>(check.run(rows, [](double) { return true; }));
}
#endif

// REJECT 44: joust: by(...) cannot read the unit from the arguments of this call
#if REJECT == 44
void unit_of_other_rows(const std::vector<request>& rows)
{
    joust::gate check{joust::model{"old", old_model}, joust::model{"new", new_model},
                      joust::by(&std::string::size),
                      joust::guardrail(joust::conversion<"right">{}, {.max_decrease = 0.01})};
    static_cast<void>(check.run(rows, [](const request&, double) { return true; }));
}
#endif

// REJECT 45: cannot read what the champion returns
#if REJECT == 45
void prediction_of_another_result(const request& r)
{
    auto trial =
        trial_with(joust::guardrail(joust::prediction<"score">(&scorer::score), {.max_increase = 0.1}));
    static_cast<void>(trial(r));
}
#endif

// REJECT 46: joust: plan(...) takes a joust::expected_traffic, of the header joust/trial/plan_canary.hpp
#if REJECT == 46
void plan_of_a_number()
{
    const joust::canary trial{joust::model{"old", [](std::uint64_t) { return 1; }},
                              joust::model{"new", [](std::uint64_t) { return 1; }},
                              joust::by([](std::uint64_t unit) { return unit; })};
    static_cast<void>(trial.plan(100.0));
}
#endif
