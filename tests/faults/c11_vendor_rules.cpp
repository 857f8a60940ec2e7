// SPDX-License-Identifier: Apache-2.0

// What vendors do where a rule is paused, an attribute is missing, or a key is not as they want it. The answers of GrowthBook,
// LaunchDarkly and Split were taken from their SDKs for node at the versions of scripts/interop.

#include <joust/metric/metric.hpp>
#include <joust/split/interop/all.hpp>
#include <joust/trial/ab_test.hpp>

#include "catch.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace in = joust::interop;

namespace {

struct request {
    std::string user;
    std::optional<std::string> team;
    std::int64_t number = 0;
};

const auto by_user = joust::by(&request::user);
const auto by_team = joust::by(&request::team);
const auto by_number = joust::by(&request::number);

const joust::assignment out{0, 1.0, false};

template <class Split>
joust::assignment assign(const Split& split, const request& one)
{
    const std::tuple<const request&> args{one};
    return split.assign(joust::context<std::tuple<const request&>>{0, 0, args});
}

/// A paused rule enrolls nobody: the champion serves all units.
template <class Split>
void check_paused(const Split& split)
{
    CHECK(split.enrolled_share() == 0.0);
    for (std::size_t arm = 0; arm < 3; ++arm) {
        CHECK(split.share(arm) == 0.0);
    }
    for (int i = 0; i < 50; ++i) {
        CHECK(split.decide("user-" + std::to_string(i)) == out);
    }
}

}  // namespace

TEST_CASE("a paused rule of any vendor enrolls nobody")
{
    using in::nobody;
    check_paused(in::growthbook_split{by_user, {.key = "k", .coverage = 0.0}});
    check_paused(in::growthbook_split{by_user, {.key = "k", .ranges = {{0.0, 0.0}, {0.0, 0.0}}}});
    check_paused(
        in::growthbook_split{by_user, {.key = "k", .name_space = in::growthbook::name_space{"n", 0.5, 0.5}}});
    check_paused(in::growthbook_split{by_user, {.key = "k", .filters = {{"s", {}}}}});
    check_paused(in::unleash_split{by_user, {.group = "g", .rollout = 0.0, .weights = {500, 500}}});
    check_paused(in::unleash_split{by_user, {.group = "g", .weights = {0, 0}}});
    check_paused(in::optimizely_split{by_user, {.id = "1", .allocation = {{nobody, 10'000}}}});
    check_paused(in::optimizely_split{by_user, {.id = "1", .allocation = {{0, 0}, {1, 0}}}});
    check_paused(in::optimizely_split{
        by_user, {.id = "1", .allocation = {{0, 5'000}, {1, 10'000}}, .group = {"g", 5, 5}}});
    check_paused(in::planout_split{by_user, {.experiment_salt = "e", .salt = "s", .weights = {0, 0}}});
    check_paused(in::flagd_split{by_user, {.flag_key = "f", .weights = {0, 0}}});
    check_paused(in::flagd_split{by_user, {.flag_key = "f", .weights = {-3, 0}}});
    check_paused(in::eppo_split{by_user, {.key = "e", .splits = {}}});
    check_paused(in::eppo_split{by_user, {.key = "e", .splits = {{0, {{"s", {}}}}, {1, {{"s", {}}}}}}});
    check_paused(in::statsig_split{
        by_user, {.salt = "s", .ends = {500, 1'000}, .allocation_salt = "a", .allocation = {}}});
    check_paused(in::split_io_split{by_user, {.name = "f", .sizes = {50, 50}, .traffic_allocation = 0}});
    check_paused(in::featurevisor_split{
        by_user, {.key = "f", .allocation = {{0, 0, 50'000}, {1, 50'000, 100'000}}, .percentage = 0}});
    check_paused(in::featurevisor_split{
        by_user, {.key = "f", .allocation = {{0, 0, 50'000}, {1, 50'000, 100'000}}, .ranges = {{0, 0}}}});

    check_paused(in::featurevisor_split{by_user, {.key = "f"}});

    // Variations that LaunchDarkly does not track serve their arms, and enroll nobody.
    const in::launchdarkly_split untracked{
        by_user, {.key = "k", .salt = "s", .variations = {{0, 50'000, false}, {1, 50'000, false}}}};
    CHECK(untracked.enrolled_share() == 0.0);
    for (int i = 0; i < 50; ++i) {
        CHECK_FALSE(untracked.decide("user-" + std::to_string(i)).enrolled);
    }

    // Rules of two arms without an experiment serve arm 0 to all.
    const in::growthbook_rollout_split rollout{by_user, {.seed = "k", .coverage = 0.0}};
    const in::unleash_split off{by_user, {.group = "g", .rollout = 0.0}};
    const in::statsig_gate_split gate{by_user, {.salt = "s", .rule = "r", .pass_percentage = 0.0}};
    for (int i = 0; i < 50; ++i) {
        CHECK(rollout.decide(std::to_string(i)).arm == 0);
        CHECK(off.decide(std::to_string(i)).arm == 0);
        CHECK(gate.decide(std::to_string(i)).arm == 0);
    }
}

TEST_CASE("a trial with a paused rule serves the champion and records nothing")
{
    joust::ab_test live{joust::model{"a", [](const request&) { return 1; }},
                        joust::model{"b", [](const request&) { return 2; }}, joust::by(&request::user),
                        in::eppo_split{by_user, {.key = "e", .splits = {}}}, joust::conversion<"click">{}};
    for (int i = 0; i < 20; ++i) {
        const auto [answer, ticket] = live.serve(request{"user-" + std::to_string(i), {}, 0});
        CHECK(answer == 1);
        CHECK_FALSE(live.observe("click", ticket, 1.0));
    }
    const joust::report seen = live.report();
    CHECK(seen.arms[0].requests == 0);
    CHECK(seen.arms[1].requests == 0);
}

TEST_CASE("a rule that still enrolls units has as many arms as the trial has models")
{
    const in::optimizely_split one{by_user, {.id = "1", .allocation = {{0, 5'000}}}};
    CHECK_THROWS_AS(one.resolve(2), joust::configuration_error);
    CHECK_NOTHROW(in::eppo_split{by_user, {.key = "e", .splits = {}}}.resolve(3));
}

TEST_CASE("LaunchDarkly puts a missing attribute into bucket 0")
{
    // The first variation that has a weight serves bucket 0. Such units are not randomised, so they are not enrolled.
    const std::vector<in::launchdarkly::weighted> variations{{2, 30'000}, {0, 40'000}, {1, 30'000}};
    const in::launchdarkly_split split{by_team, {.key = "f", .salt = "s", .variations = variations}};
    CHECK(assign(split, {"u1", {}, 0}) == joust::assignment{2, 1.0, false});
    CHECK(split.decide("") == joust::assignment{2, 1.0, false});
    const joust::assignment known = assign(split, {"u1", "red", 0});
    CHECK(known.enrolled);
    CHECK(known == split.decide("red"));

    const in::launchdarkly_split later{
        by_team, {.key = "f", .salt = "s", .variations = {{1, 0}, {2, 30'000}, {0, 70'000}}}};
    CHECK(later.decide("").arm == 2);
    const in::launchdarkly_split last{by_team, {.key = "f", .salt = "s", .variations = {{1, 0}, {2, 0}}}};
    CHECK(last.decide("").arm == 2);
    CHECK(last.decide("u1").arm == 2);
    // The number 0 is a unit like others.
    const in::launchdarkly_split numbers{by_number, {.key = "f", .salt = "s", .variations = variations}};
    CHECK(assign(numbers, {"u", {}, 0}).enrolled);
    CHECK(assign(numbers, {"u", {}, 0}) == numbers.decide("0"));
}

TEST_CASE("Split trims keys and refuses those that are then empty or longer than 250")
{
    const in::split_io_split split{by_user, {.name = "f", .seed = 467, .sizes = {50, 50}}};
    for (const std::string_view space : {" ", "\t\n\v\f\r ", "\xc2\xa0", "\xef\xbb\xbf", "\xe2\x80\x83",
                                         "\xe3\x80\x80", "\xe1\x9a\x80", "\xe2\x80\xa8"}) {
        const std::string padded = std::string{space} + "user 17" + std::string{space};
        CHECK(split.decide(padded) == split.decide("user 17"));
        CHECK(split.decide(space) == out);
    }
    // JavaScript does not take these for white space: U+0085, U+180E, U+200B.
    const auto bucket = [](std::string_view key) { return in::split_io::bucket(key, 467) > 50 ? 1U : 0U; };
    for (const std::string_view kept : {"\xc2\x85user", "\xe1\xa0\x8euser", "\xe2\x80\x8buser"}) {
        CHECK(split.decide(kept).arm == bucket(kept));
    }
    CHECK(split.decide("") == out);
    CHECK(split.decide(std::string(250, 'x')).enrolled);
    CHECK(split.decide(std::string(251, 'x')) == out);
    CHECK(split.decide(" " + std::string(250, 'x') + " ") == split.decide(std::string(250, 'x')));
    // Characters are counted as UTF-16 code units: 250 times U+00E9 is a key, 126 times U+1F600 is not.
    std::string accents;
    std::string faces;
    for (int i = 0; i < 250; ++i) {
        accents += "\xc3\xa9";
    }
    for (int i = 0; i < 126; ++i) {
        faces += "\xf0\x9f\x98\x80";
    }
    CHECK(split.decide(accents).enrolled);
    CHECK(split.decide(faces) == out);
    CHECK(split.decide(faces.substr(4)).enrolled);
}

TEST_CASE("GrowthBook leaves out the number 0, but not its text")
{
    const in::growthbook_split split{by_number, {.key = "k"}};
    CHECK(assign(split, {"u", {}, 0}) == out);
    CHECK(assign(split, {"u", {}, 1}).enrolled);
    CHECK(split.decide("0").enrolled);
    CHECK(split.decide("0").arm == 0);  // bucket 0.324
    const in::growthbook_rollout_split rollout{by_number, {.seed = "k"}};
    CHECK(assign(rollout, {"u", {}, 0}) == out);
    CHECK(assign(rollout, {"u", {}, 1}).arm == 1);
    const in::growthbook_split alone{joust::by([](const request& r) { return r.number; }), {.key = "k"}};
    CHECK(alone.assign(joust::context<std::tuple<const int&>>{0, 0, std::tuple<const int&>{0}}) == out);

    // Unleash draws by chance or is off for a falsy id; other vendors hash the digit.
    CHECK(assign(in::unleash_split{by_number, {.group = "g"}}, {"u", {}, 0}) == out);
    CHECK(assign(in::split_io_split{by_number, {.name = "f", .sizes = {50, 50}}}, {"u", {}, 0}).enrolled);
    CHECK(assign(in::eppo_split{by_number, {.key = "e", .splits = {{0, {}}}}}, {"u", {}, 0}).enrolled);
    CHECK(assign(in::statsig_split{by_number, {.salt = "s", .ends = {500, 1'000}}}, {"u", {}, 0}).enrolled);
}

TEST_CASE("a missing attribute is what an empty text is")
{
    const request none{"u", {}, 0};
    CHECK(assign(in::growthbook_split{by_team, {.key = "k"}}, none) == out);
    CHECK(assign(in::unleash_split{by_team, {.group = "g"}}, none) == out);
    CHECK(assign(in::split_io_split{by_team, {.name = "f", .sizes = {50, 50}}}, none) == out);
    CHECK(assign(in::flagd_split{by_team, {.flag_key = "f", .weights = {1, 1}}}, none) == out);
    CHECK(assign(in::eppo_split{by_team, {.key = "e", .splits = {{0, {}}}}}, none) == out);
    const in::statsig_split statsig{by_team, {.salt = "s", .ends = {500, 1'000}}};
    CHECK(assign(statsig, none) == statsig.decide(""));
    const in::growthbook_split split{by_team, {.key = "k"}};
    CHECK(assign(split, {"u", "red", 0}) == split.decide("red"));
}
