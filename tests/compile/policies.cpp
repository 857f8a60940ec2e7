// SPDX-License-Identifier: Apache-2.0

// Every misuse of the policy pattern is answered with one sentence.

#include <joust/inference/fixed_horizon.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/gate.hpp>

#include <span>
#include <string>
#include <string_view>

struct request {
    std::string user;
    int size = 0;
};
double old_model(const request& r)
{
    return r.size;
}
double new_model(const request& r)
{
    return r.size + 1.0;
}

// A splitter of one's own is three lines.
struct odd_even {
    template <class Context>
    joust::assignment assign(const Context& call) const noexcept
    {
        return {static_cast<unsigned>(call.unit & 1U), 0.5, true};
    }
};

struct own_metric {
    static constexpr std::string_view name() { return "own"; }
    void add(joust::cell& c, double value) const { c.value = value; }
};

// And so is a test of a gate's rows.
struct own_row_test {
    joust::stats::test_result test_rows(std::span<const double>, std::span<const double>,
                                        const joust::stats::test_options&) const
    {
        return {};
    }
};

// It could split traffic, and it could be a clock.
struct two_roles : odd_even {
    std::int64_t now() const noexcept { return 0; }
};

template <class... Policies>
void trial(Policies... policies)
{
    joust::ab_test test{joust::model{"old", old_model}, joust::model{"new", new_model}, policies...};
    static_cast<void>(test(request{}));
}

#ifdef ACCEPT
void accepted()
{
    trial(joust::by(&request::user), joust::conversion<"click">{});
    trial(joust::conversion<"click">{}, odd_even{}, joust::by(&request::user), own_metric{});  // any order
    trial(joust::as<joust::splitter_role>(two_roles{}), joust::by(&request::user),
          joust::conversion<"click">{});
    trial(joust::by(&request::user), joust::mean<"revenue">{.cap = 10.0}, joust::fixed_horizon{.units = 500},
          joust::guardrail(joust::latency{}, {.max_ratio = 1.1}), joust::untimed{}, joust::rethrow{});
    joust::ab_test test{joust::model{"old", old_model}, joust::model{"new", new_model},
                        joust::by(&request::user), joust::conversion<"click">{}};
    const auto [prediction, ticket] = test.serve(request{});
    test.observe<"click">(ticket, true);
    test.observe<"click">(std::string{"ann"}, 1.0);
    static_cast<void>(prediction);
    joust::ab_test divided{joust::model{"old", old_model},
                           joust::model{"new", new_model},
                           joust::by(&request::user),
                           joust::primary(joust::ratio<"clicks per view">{}),
                           joust::mean<"score">{.per = joust::per::observed},
                           joust::adjust_for(&request::size)};
    divided.observe<"clicks per view">(ticket, 1, 4);
    divided.observe<"score">(ticket, 1.0);
    joust::ab_test tails{joust::model{"old", old_model}, joust::model{"new", new_model},
                         joust::by(&request::user),
                         joust::primary(joust::quantile<"wait">{.q = 0.9, .better = joust::better::down}),
                         joust::guardrail(joust::quantile<"slow">{.q = 0.99}, {.max_ratio = 1.1})};
    tails.observe<"wait">(ticket, 3.5);
    joust::gate check{joust::model{"old", old_model}, joust::model{"new", new_model},
                      joust::guardrail(joust::mean<"auc">{}, {.max_decrease = 0.01}), own_row_test{}};
}
#endif

// REJECT 1: joust: this argument plays no role in this trial
#if REJECT == 1
void unknown_argument()
{
    trial(joust::by(&request::user), joust::conversion<"click">{}, 42);
}
#endif

// REJECT 2: joust: two splitters are given; a trial splits its traffic once
#if REJECT == 2
void role_filled_twice()
{
    trial(joust::by(&request::user), joust::conversion<"click">{}, odd_even{},
          joust::hash_split{.salt = "s"});
}
#endif

// REJECT 3: joust: this has assign(), but it is not const noexcept, or does not take any joust::context and return
#if REJECT == 3
struct nearly_a_splitter {
    template <class Context>
    joust::assignment assign(const Context&)
    {
        return {};
    }
};
void near_miss()
{
    trial(joust::by(&request::user), joust::conversion<"click">{}, nearly_a_splitter{});
}
#endif

// REJECT 4: joust: every model must return what the champion returns, or something that converts to it
#if REJECT == 4
void incompatible_results()
{
    joust::ab_test test{joust::model{"old", old_model},
                        joust::model{"new", [](const request& r) { return r.user; }},
                        joust::by(&request::user), joust::conversion<"click">{}};
    static_cast<void>(test(request{}));
}
#endif

// REJECT 5: joust: no metric of this trial has this name
#if REJECT == 5
void misspelt_metric()
{
    joust::ab_test test{joust::model{"old", old_model}, joust::model{"new", new_model},
                        joust::by(&request::user), joust::conversion<"click">{}};
    test.observe<"clock">(joust::ticket{}, true);
}
#endif

// REJECT 6: joust: this argument could play two roles; say which one with joust::as<role>(argument)
#if REJECT == 6
void ambiguous()
{
    trial(joust::by(&request::user), joust::conversion<"click">{}, two_roles{});
}
#endif

// REJECT 7: joust: say what is randomised: add joust::by(&Request::user_id), or joust::per_request{}
#if REJECT == 7
void no_unit_key()
{
    trial(joust::conversion<"click">{});
}
#endif

// REJECT 8: joust: models come first, then policies in any order
#if REJECT == 8
void model_behind_policies()
{
    trial(joust::by(&request::user), joust::conversion<"click">{}, joust::model{"late", new_model});
}
#endif

// REJECT 9: joust: two metrics have the same name; feedback could not tell them apart
#if REJECT == 9
void same_name()
{
    trial(joust::by(&request::user), joust::conversion<"click">{}, joust::mean<"click">{});
}
#endif

// REJECT 10: joust: an A/B test needs a metric that decides
#if REJECT == 10
void nothing_decides()
{
    trial(joust::by(&request::user));
}
#endif

// REJECT 11: joust: latency and failures are kept in every trial; name them in a guardrail
#if REJECT == 11
void bare_latency()
{
    trial(joust::by(&request::user), joust::conversion<"click">{}, joust::latency{});
}
#endif

// REJECT 12: joust: this model returns before its work is done
#if REJECT == 12
struct later {
    double get();
    void wait();
};
void future()
{
    joust::ab_test test{joust::model{"old", [](const request&) { return later{}; }},
                        joust::model{"new", [](const request&) { return later{}; }},
                        joust::by(&request::user), joust::conversion<"click">{}};
    static_cast<void>(test(request{}));
}
#endif

// REJECT 13: joust: a canary has one champion and one challenger
#if REJECT == 13
void three_in_a_canary()
{
    joust::canary test{joust::model{"a", old_model}, joust::model{"b", new_model},
                       joust::model{"c", new_model}, joust::by(&request::user)};
}
#endif

// REJECT 14: joust: a trial needs a champion and a challenger
#if REJECT == 14
void alone()
{
    joust::ab_test test{joust::model{"a", old_model}, joust::by(&request::user),
                        joust::conversion<"click">{}};
}
#endif

// REJECT 15: joust: a model cannot be called with these arguments as lvalues
#if REJECT == 15
void consumes_its_argument()
{
    joust::ab_test test{joust::model{"a", [](request&&) { return 1.0; }},
                        joust::model{"b", [](request&&) { return 2.0; }}, joust::by(&request::user),
                        joust::conversion<"click">{}};
    static_cast<void>(test(request{}));
}
#endif

// REJECT 16: joust: this has add(), but a metric is
#if REJECT == 16
struct nearly_a_metric {
    void add(joust::cell&, double) const {}
};
void metric_without_name()
{
    trial(joust::by(&request::user), joust::conversion<"click">{}, nearly_a_metric{});
}
#endif

// REJECT 17: joust: the unit key is given twice
#if REJECT == 17
void two_keys()
{
    trial(joust::by(&request::user), joust::per_request{}, joust::conversion<"click">{});
}
#endif

// REJECT 18: joust: choose(unit) takes the unit itself, such as choose(request.user_id)
#if REJECT == 18
void a_request_is_chosen_for()
{
    joust::ab_test test{joust::model{"old", old_model}, joust::model{"new", new_model},
                        joust::by(&request::user), joust::conversion<"click">{}};
    static_cast<void>(test.choose(request{}));
}
#endif

// REJECT 19: joust: a ratio is observed with two amounts
#if REJECT == 19
void half_a_ratio()
{
    joust::ab_test test{joust::model{"old", old_model}, joust::model{"new", new_model},
                        joust::by(&request::user), joust::ratio<"clicks per view">{}};
    test.observe<"clicks per view">(joust::ticket{}, 1.0);
}
#endif

// REJECT 20: joust: this metric is observed with one value
#if REJECT == 20
void a_mean_of_two()
{
    joust::ab_test test{joust::model{"old", old_model}, joust::model{"new", new_model},
                        joust::by(&request::user), joust::mean<"score">{}};
    test.observe<"score">(joust::ticket{}, 1.0, 2.0);
}
#endif

// REJECT 21: joust: adjust_for(...) reads its number when a call is served
#if REJECT == 21
void a_covariate_without_a_call()
{
    joust::ab_test test{joust::model{"old", old_model}, joust::model{"new", new_model},
                        joust::by(&request::user), joust::mean<"score">{}, joust::adjust_for(&request::size)};
    static_cast<void>(test.choose("me"));
}
#endif

// REJECT 22: joust: a gate compares rows by an inference policy or by a test of rows, not by both
#if REJECT == 22
void two_ways_to_compare()
{
    joust::gate check{joust::model{"old", old_model}, joust::model{"new", new_model},
                      joust::guardrail(joust::mean<"auc">{}, {.max_decrease = 0.01}), joust::always_valid{},
                      own_row_test{}};
}
#endif

// REJECT 23: joust: this has test_rows(), but a test of rows is
#if REJECT == 23
struct nearly_a_row_test {
    double test_rows(double, double) const { return 0.0; }
};
void wrong_row_test()
{
    joust::gate check{joust::model{"old", old_model}, joust::model{"new", new_model},
                      joust::guardrail(joust::mean<"auc">{}, {.max_decrease = 0.01}), nearly_a_row_test{}};
}
#endif

// REJECT 24: joust: a gate compares values row by row, so a ratio has no place in it
#if REJECT == 24
void a_ratio_of_rows()
{
    joust::gate check{joust::model{"old", old_model}, joust::model{"new", new_model},
                      joust::guardrail(joust::ratio<"clicks per view">{}, {.min_ratio = 0.99})};
}
#endif

// REJECT 25: joust: a gate compares values row by row, so a quantile has no place in it
#if REJECT == 25
void a_quantile_of_rows()
{
    joust::gate check{joust::model{"old", old_model}, joust::model{"new", new_model},
                      joust::guardrail(joust::quantile<"wait">{}, {.max_ratio = 1.1})};
}
#endif

// REJECT 26: joust: this metric is observed with one value
#if REJECT == 26
void a_quantile_of_two()
{
    joust::ab_test test{joust::model{"old", old_model}, joust::model{"new", new_model},
                        joust::by(&request::user), joust::quantile<"wait">{}};
    test.observe<"wait">(joust::ticket{}, 1.0, 2.0);
}
#endif

// REJECT 27: joust: two metrics have the same name; feedback could not tell them apart
#if REJECT == 27
void two_quantiles_of_one_name()
{
    trial(joust::by(&request::user), joust::quantile<"wait">{.q = 0.5},
          joust::guardrail(joust::quantile<"wait">{.q = 0.99}));
}
#endif
