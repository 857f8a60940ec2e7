// SPDX-License-Identifier: Apache-2.0

#include <joust/metric/conversion.hpp>
#include <joust/metric/guardrail.hpp>
#include <joust/metric/mean.hpp>

#include "catch.hpp"

#include <cmath>
#include <limits>
#include <string>

namespace {

using joust::conversion;
using joust::failures;
using joust::guardrail;
using joust::latency;
using joust::margin;
using joust::mean;
using joust::detail::bound;
using joust::detail::bound_list;
using joust::detail::bounds_of;
using joust::detail::describe;
using joust::detail::exclusion_of;
using joust::detail::stated_exclusion;

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
const mean<"cost"> cost{.better = joust::better::down};
const conversion<"click"> click{};

struct expected_bound {
    bool harm_is_up;
    bool relative;
    double value;
};

void check(const bound& b, const expected_bound& expected)
{
    CHECK(b.harm_is_up == expected.harm_is_up);
    CHECK(b.relative == expected.relative);
    CHECK(b.value == expected.value);
}

template <class Metric>
bound bound_of(const joust::guarded<Metric>& given)
{
    const bound_list all = bounds_of(given);
    REQUIRE(all.count == 1);
    return all.of[0];
}

template <class Metric>
std::string why_not(Metric metric, const margin& limit)
{
    try {
        static_cast<void>(bounds_of(guardrail(metric, limit)));
    } catch (const joust::configuration_error& e) {
        return e.what();
    }
    return "accepted";
}

template <class Metric>
stated_exclusion exclusion(Metric metric, const margin& limit)
{
    const auto given = guardrail(metric, limit);
    return exclusion_of(Metric::name(), given.limit.exclude, bounds_of(given).of[0], bounds_of(given));
}

void check(const stated_exclusion& e, bool harm_is_up, double increase, double ratio)
{
    CHECK(e.given);
    CHECK(e.harm_is_up == harm_is_up);
    const auto same = [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); };
    CHECK(same(e.increase, increase));
    CHECK(same(e.ratio, ratio));
}

template <class Metric>
std::string why_not_excluded(Metric metric, const margin& limit)
{
    try {
        static_cast<void>(exclusion(metric, limit));
    } catch (const joust::configuration_error& e) {
        return e.what();
    }
    return "accepted";
}

static_assert(joust::guardrail_role::plays<joust::guarded<latency>>);
static_assert(!joust::guardrail_role::plays<latency>);
static_assert(joust::guardrail_role::resembles<latency> && joust::guardrail_role::resembles<failures>);
static_assert(joust::guardrail_role::repeats && !joust::primary_role::repeats);
static_assert(joust::primary_role::plays<joust::primary_metric<conversion<"x">>>);
static_assert(!joust::primary_role::plays<conversion<"x">>);

}  // namespace

TEST_CASE("each kind of margin says on which side harm is, whether a ratio is meant, and where its edge is")
{
    check(bound_of(guardrail(cost, {.max_ratio = 1.2})), {true, true, 1.2});
    check(bound_of(guardrail(cost, {.max_increase = 3.0})), {true, false, 3.0});
    check(bound_of(guardrail(click, {.min_ratio = 0.9})), {false, true, 0.9});
    check(bound_of(guardrail(click, {.max_decrease = 0.01})), {false, false, -0.01});
    check(bound_of(guardrail(failures{}, {.max_ratio = 2.0})), {true, true, 2.0});
    check(bound_of(guardrail(failures{}, {.max_increase = 0.001})), {true, false, 0.001});
    check(bound_of(guardrail(latency{}, {.max_ratio = 1.1})), {true, true, 1.1});
    check(bound_of(guardrail(latency{}, {.max_increase = 20.0})), {true, false, 20.0});
}

TEST_CASE("without a margin no harm is allowed, on the side where the metric gets worse")
{
    check(bound_of(guardrail(click)), {false, false, 0.0});
    check(bound_of(guardrail(cost)), {true, false, 0.0});
    check(bound_of(guardrail(failures{})), {true, false, 0.0});
    check(bound_of(guardrail(latency{})), {true, false, 0.0});
}

TEST_CASE("margins at the ends of what is allowed are taken")
{
    check(bound_of(guardrail(cost, {.max_ratio = 1.0})), {true, true, 1.0});
    check(bound_of(guardrail(cost, {.max_increase = 0.0})), {true, false, 0.0});
    check(bound_of(guardrail(click, {.min_ratio = 1.0})), {false, true, 1.0});
    check(bound_of(guardrail(click, {.min_ratio = 5e-324})), {false, true, 5e-324});
    check(bound_of(guardrail(click, {.max_decrease = 0.0})), {false, false, 0.0});
}

TEST_CASE("a margin out of range is refused with the field, the value and what is allowed")
{
    CHECK(why_not(cost, {.max_ratio = 0.9}) ==
          "guardrail(cost).max_ratio is 0.9; allowed: a finite ratio of at least 1");
    CHECK(why_not(cost, {.max_ratio = inf}) ==
          "guardrail(cost).max_ratio is inf; allowed: a finite ratio of at least 1");
    CHECK(why_not(latency{}, {.max_ratio = -1.0}) ==
          "guardrail(latency).max_ratio is -1; allowed: a finite ratio of at least 1");
    CHECK(why_not(failures{}, {.max_increase = -0.01}) ==
          "guardrail(failures).max_increase is -0.01; allowed: a finite number of at least 0");
    CHECK(why_not(cost, {.max_increase = inf}) ==
          "guardrail(cost).max_increase is inf; allowed: a finite number of at least 0");
    for (const double ratio : {0.0, -0.5, 1.01, inf, -inf}) {
        CHECK(why_not(click, {.min_ratio = ratio}) == "guardrail(click).min_ratio is " +
                                                          joust::to_text(ratio) +
                                                          "; allowed: a ratio above 0 and at most 1");
    }
    CHECK(why_not(click, {.max_decrease = -1.0}) ==
          "guardrail(click).max_decrease is -1; allowed: a finite number of at least 0");
    CHECK(why_not(click, {.max_decrease = inf}) ==
          "guardrail(click).max_decrease is inf; allowed: a finite number of at least 0");
    CHECK(why_not(click, {.max_decrease = not_a_number}) == "accepted");  // NaN: not given
}

TEST_CASE("a guardrail takes one bound on each side, of the champion and of its own level")
{
    const auto list = [](const auto& given) {
        std::string text;
        for (const bound& each : bounds_of(given)) {
            text += (text.empty() ? "" : "; ") + describe(each, "%");
        }
        return text;
    };
    CHECK(list(guardrail(click, {.max_ratio = 1.1, .min_ratio = 0.9})) == "at most x 1.1; at least x 0.9");
    CHECK(list(guardrail(click, {.max_ratio = 1.1, .max_decrease = 0.01})) ==
          "at most x 1.1; at most 1 pp less");
    CHECK(list(guardrail(click, {.max_increase = 0.02, .max_decrease = 0.01})) ==
          "at most 2 pp more; at most 1 pp less");
    CHECK(list(guardrail(failures{}, {.max_ratio = 1.1, .at_most = 0.02})) ==
          "at most x 1.1; at most 2 % by itself");
    CHECK(list(guardrail(click, {.at_most = 0.2, .at_least = 0.1})) ==
          "at most 20 % by itself; at least 10 % by itself");
    CHECK(list(guardrail(click, {.max_increase = 0.02, .min_ratio = 0.9, .at_most = 0.2, .at_least = 0.1})) ==
          "at most 2 pp more; at least x 0.9; at most 20 % by itself; at least 10 % by itself");
}

TEST_CASE("two bounds on one side are refused, with their names")
{
    const std::string allowed =
        "; allowed: one of them: two bounds on one side are one, since the stricter one would decide";
    CHECK(why_not(click, {.max_ratio = 1.1, .max_increase = 1.0}) ==
          "guardrail(click) is max_ratio and max_increase" + allowed);
    CHECK(why_not(click, {.min_ratio = 0.9, .max_decrease = 1.0}) ==
          "guardrail(click) is min_ratio and max_decrease" + allowed);
    CHECK(why_not(click, {1.1, not_a_number, 0.9, 1.0}) ==
          "guardrail(click) is min_ratio and max_decrease" + allowed);
}

TEST_CASE("a weight is a number above 0")
{
    for (const double weight : {0.0, -1.0, inf, not_a_number}) {
        CHECK(why_not(click, {.weight = weight}) ==
              "guardrail(click).weight is " + joust::to_text(weight) + "; allowed: a finite number above 0");
    }
    CHECK(why_not(click, {.weight = 2.0}) == "accepted");
}

TEST_CASE("failures and latency have no lower bound, since less of them does no harm")
{
    const std::string text = " is a lower bound; allowed: max_ratio, max_increase or at_most";
    CHECK(why_not(failures{}, {.min_ratio = 0.9}) == "guardrail(failures)" + text);
    CHECK(why_not(failures{}, {.max_decrease = 0.01}) == "guardrail(failures)" + text);
    CHECK(why_not(latency{}, {.at_least = 5.0}) == "guardrail(latency)" + text);
}

TEST_CASE("a bound is described in the unit that its metric is shown in")
{
    CHECK(describe({true, true, 1.1}, "ms") == "at most x 1.1");
    CHECK(describe({false, true, 0.95}, "%") == "at least x 0.95");
    CHECK(describe({true, false, 0.0}, "%") == "no increase");
    CHECK(describe({false, false, -0.0}, "%") == "no decrease");
    CHECK(describe({true, false, 0.01}, "%") == "at most 1 pp more");
    CHECK(describe({false, false, -0.005}, "%") == "at most 0.5 pp less");
    CHECK(describe({true, false, 0.07}, "%") == "at most 7 pp more");
    CHECK(describe({true, false, 12'345.678}, "ms") == "at most 12345.678 ms more");
    CHECK(describe({true, false, 20.0}, "ms") == "at most 20 ms more");
    CHECK(describe({true, false, 3.5}, "") == "at most 3.5 more");
    CHECK(describe({false, false, -3.5}, "") == "at most 3.5 less");
    CHECK(describe({true, false, 0.02, true}, "%") == "at most 2 % by itself");
    CHECK(describe({true, false, 250.0, true}, "ms") == "at most 250 ms by itself");
    CHECK(describe({false, false, 0.3, true}, "") == "at least 0.3 by itself");
}

TEST_CASE("guardrail and primary keep the metric as it was given")
{
    CHECK(guardrail(latency{.q = 0.5, .warm_up = 200}, {.max_ratio = 1.5}).metric ==
          latency{.q = 0.5, .warm_up = 200});
    CHECK(guardrail(latency{}, {.max_ratio = 1.5}).limit.max_ratio == 1.5);
    CHECK(joust::primary(mean<"cost">{.cap = 3.0}).metric == mean<"cost">{.cap = 3.0});
}

TEST_CASE("the harm to exclude has both kinds, and takes the missing kind from the margin")
{
    const double none = not_a_number;
    check(exclusion(failures{}, {.max_ratio = 1.1, .exclude = {.max_ratio = 1.5, .max_increase = 0.005}}),
          true, 0.005, 1.5);
    check(exclusion(failures{}, {.exclude = {.max_increase = 0.005}}), true, 0.005, none);
    check(exclusion(failures{}, {.max_ratio = 1.0, .exclude = {.max_increase = 0.005}}), true, 0.005, none);
    check(exclusion(failures{}, {.max_ratio = 1.1, .exclude = {.max_increase = 0.005}}), true, 0.005, 1.1);
    check(exclusion(failures{}, {.max_increase = 0.001, .exclude = {.max_ratio = 1.5}}), true, 0.001, 1.5);
    check(exclusion(latency{}, {.max_increase = 5.0, .exclude = {.max_increase = 5.0}}), true, 5.0, none);
    check(exclusion(click, {.max_decrease = 0.01, .exclude = {.max_decrease = 0.02}}), false, -0.02, none);
    check(exclusion(click, {.min_ratio = 0.9, .exclude = {.min_ratio = 0.9}}), false, none, 0.9);
    check(exclusion(click, {.exclude = {.min_ratio = 0.95, .max_decrease = 0.001}}), false, -0.001, 0.95);
    CHECK_FALSE(exclusion(click, {.max_decrease = 0.01}).given);
    CHECK_FALSE(exclusion(click, {.max_decrease = 0.01, .exclude = {.max_ratio = none}}).given);
}

TEST_CASE(
    "a harm to exclude that is smaller than the margin, out of range or of the other direction is refused")
{
    CHECK(
        why_not_excluded(failures{}, {.max_ratio = 1.5, .exclude = {.max_ratio = 1.2}}) ==
        "guardrail(failures).exclude.max_ratio is 1.2; allowed: at least as much harm as the guardrail allows (1.5), "
        "since a challenger that the guardrail allows could otherwise never be promoted");
    CHECK(
        why_not_excluded(click, {.max_decrease = 0.02, .exclude = {.max_decrease = 0.01}}) ==
        "guardrail(click).exclude.max_decrease is 0.01; allowed: at least as much harm as the guardrail allows (0.02), "
        "since a challenger that the guardrail allows could otherwise never be promoted");
    CHECK(
        why_not_excluded(click, {.min_ratio = 0.9, .exclude = {.min_ratio = 0.95, .max_decrease = 0.5}}) ==
        "guardrail(click).exclude.min_ratio is 0.95; allowed: at least as much harm as the guardrail allows (0.9), "
        "since a challenger that the guardrail allows could otherwise never be promoted");
    CHECK(
        why_not_excluded(failures{}, {.exclude = {.max_increase = 0.0}}) ==
        "guardrail(failures).exclude.max_increase is 0; allowed: a finite number above 0, since no data can show that "
        "there is no increase at all");
    CHECK(
        why_not_excluded(failures{}, {.exclude = {.max_ratio = 1.0}}) ==
        "guardrail(failures).exclude.max_ratio is 1; allowed: a finite ratio above 1, since no data can show that "
        "there is no increase at all");
    CHECK(
        why_not_excluded(latency{}, {.exclude = {.max_ratio = inf}}) ==
        "guardrail(latency).exclude.max_ratio is inf; allowed: a finite ratio above 1, since no data can show that "
        "there is no increase at all");
    CHECK(
        why_not_excluded(click, {.exclude = {.min_ratio = 1.0}}) ==
        "guardrail(click).exclude.min_ratio is 1; allowed: a ratio above 0 and below 1, since no data can show that "
        "there is no decrease at all");
    CHECK(
        why_not_excluded(click, {.exclude = {.max_decrease = -1.0}}) ==
        "guardrail(click).exclude.max_decrease is -1; allowed: a finite number above 0, since no data can show that "
        "there is no decrease at all");
    CHECK(
        why_not_excluded(click, {.exclude = {.max_increase = 0.01}}) ==
        "guardrail(click).exclude is more; allowed: min_ratio, max_decrease or both, as the guardrail stops what is "
        "less");
    CHECK(
        why_not_excluded(failures{}, {.exclude = {.max_decrease = 0.01}}) ==
        "guardrail(failures).exclude is less; allowed: max_ratio, max_increase or both, as the guardrail stops what "
        "is more");
    CHECK(
        why_not_excluded(cost, {.max_ratio = 1.1, .exclude = {.max_ratio = 1.2, .min_ratio = 0.8}}) ==
        "guardrail(cost).exclude is a harm in two directions; allowed: max_ratio, max_increase or both, as the "
        "guardrail stops what is more");
}

TEST_CASE("each side of a guardrail takes the harm of its own direction, and a level takes none")
{
    const auto both = guardrail(
        click,
        {.max_increase = 0.05, .max_decrease = 0.01, .exclude = {.max_ratio = 1.5, .max_decrease = 0.02}});
    const bound_list limits = bounds_of(both);
    check(exclusion_of("click", both.limit.exclude, limits.of[0], limits), true, 0.05, 1.5);
    check(exclusion_of("click", both.limit.exclude, limits.of[1], limits), false, -0.02, not_a_number);
    const auto one =
        guardrail(failures{}, {.max_ratio = 1.1, .at_most = 0.02, .exclude = {.max_ratio = 2.0}});
    const bound_list of_failures = bounds_of(one);
    check(exclusion_of("failures", one.limit.exclude, of_failures.of[0], of_failures), true, not_a_number,
          2.0);
    CHECK_FALSE(exclusion_of("failures", one.limit.exclude, of_failures.of[1], of_failures).given);
    CHECK(
        why_not_excluded(failures{}, {.at_most = 0.02, .exclude = {.max_increase = 0.01}}) ==
        "guardrail(failures).exclude is given beside a limit of the challenger's own level; allowed: nothing: such a "
        "limit is itself what has to be kept");
}
