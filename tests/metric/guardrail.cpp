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
using joust::detail::bound_of;
using joust::detail::describe;
using joust::detail::excluded_harm;
using joust::detail::exclusion_of;

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
std::string why_not(Metric metric, const margin& limit)
{
    try {
        static_cast<void>(bound_of(guardrail(metric, limit)));
    } catch (const joust::configuration_error& e) {
        return e.what();
    }
    return "accepted";
}

template <class Metric>
excluded_harm exclusion(Metric metric, const margin& limit)
{
    const auto given = guardrail(metric, limit);
    return exclusion_of(Metric::name(), given.limit.exclude, bound_of(given));
}

void check(const excluded_harm& e, bool harm_is_up, double increase, double ratio)
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

TEST_CASE("any two bounds are refused, and counted in the text")
{
    const std::string allowed = "; allowed: one of max_ratio, max_increase, min_ratio, max_decrease";
    const margin pairs[] = {
        {.max_ratio = 1.1, .max_increase = 1.0},    {.max_ratio = 1.1, .min_ratio = 0.9},
        {.max_ratio = 1.1, .max_decrease = 1.0},    {.max_increase = 1.0, .min_ratio = 0.9},
        {.max_increase = 1.0, .max_decrease = 1.0}, {.min_ratio = 0.9, .max_decrease = 1.0}};
    for (const margin& two : pairs) {
        CHECK(why_not(click, two) == "guardrail(click) is 2 bounds" + allowed);
    }
    CHECK(why_not(click, {1.1, 1.0, 0.9, not_a_number}) == "guardrail(click) is 3 bounds" + allowed);
    CHECK(why_not(click, {1.1, 1.0, 0.9, 1.0}) == "guardrail(click) is 4 bounds" + allowed);
}

TEST_CASE("failures have no lower bound, since fewer of them do no harm")
{
    const std::string text = "guardrail(failures) is a lower bound; allowed: max_ratio or max_increase";
    CHECK(why_not(failures{}, {.min_ratio = 0.9}) == text);
    CHECK(why_not(failures{}, {.max_decrease = 0.01}) == text);
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
