// SPDX-License-Identifier: Apache-2.0

#include <joust/core/clock.hpp>
#include <joust/core/random.hpp>
#include <joust/split/assigned_by.hpp>
#include <joust/split/holdout.hpp>
#include <joust/split/layer.hpp>
#include <joust/split/overrides.hpp>
#include <joust/split/slot_split.hpp>
#include <joust/split/when.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>

#include "catch.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <tuple>

namespace {

using namespace joust;

struct request {
    std::uint64_t user = 0;
    bool eligible = true;
    int variant = 0;
    [[nodiscard]] bool adult() const { return user % 3 != 0; }
};

hash_split half(const char* salt)
{
    return {.salt = salt, .shares = {0.5, 0.5}};
}

// What a trial would hand over.
template <class Plan, class Unit, class Args>
assignment given(const Plan& plan, const char* salt, const Unit& unit, const Args& args)
{
    return plan.assign(keyed_context<Args, Unit>{{joust::salt{salt}.hasher()(unit), 0, args}, unit});
}

template <class Splitter>
std::string complaint(const Splitter& splitter, std::size_t arms = 2)
{
    try {
        (void)splitter.resolve(arms);
    } catch (const configuration_error& wrong) {
        return wrong.what();
    }
    return "accepted";
}

TEST_CASE("Trials with disjoint parts of one layer never share a unit, and together have all of them")
{
    const auto first = layer({.salt = "page", .from = 0.0, .to = 0.3}, half("a")).resolve(2);
    const auto second = layer({.salt = "page", .from = 0.3, .to = 0.7}, half("b")).resolve(2);
    const auto third = layer({.salt = "page", .from = 0.7, .to = 1.0}, half("c")).resolve(2);
    const int args = 0;
    std::array<int, 3> counts{};
    constexpr int n = 200'000;
    for (std::uint64_t unit = 0; unit < n; ++unit) {
        const std::array<assignment, 3> all{given(first, "a", unit, args), given(second, "b", unit, args),
                                            given(third, "c", unit, args)};
        int enrolled = 0;
        for (std::size_t t = 0; t < 3; ++t) {
            enrolled += all[t].enrolled ? 1 : 0;
            counts[t] += all[t].enrolled ? 1 : 0;
            REQUIRE(
                (all[t].enrolled ? all[t].propensity == 0.5 : all[t].arm == 0 && all[t].propensity == 1.0));
        }
        REQUIRE(enrolled == 1);
    }
    CHECK_THAT(counts[0] / static_cast<double>(n), WithinAbs(0.3, 0.005));
    CHECK_THAT(counts[1] / static_cast<double>(n), WithinAbs(0.4, 0.005));
}

TEST_CASE(
    "A unit's place in a layer, and its arm there, can be recomputed from XXH64 over salt, slash and unit")
{
    const auto plan = layer({.salt = "page", .from = 0.25, .to = 0.5}, half("a")).resolve(2);
    const int args = 0;
    for (std::uint64_t unit = 0; unit < 2'000; ++unit) {
        const double position = static_cast<double>(xxh64("page/" + std::to_string(unit))) * 0x1p-64;
        const bool inside = position >= 0.25 && position < 0.5;
        const assignment got = given(plan, "a", unit, args);
        REQUIRE(got.enrolled == inside);
        if (inside) {
            REQUIRE(got.arm == (xxh64("a/" + std::to_string(unit)) < 1ULL << 63 ? 1U : 0U));
        }
    }
}

TEST_CASE("Trials of different layers overlap independently of each other")
{
    const auto one = layer({.salt = "ranking", .from = 0.0, .to = 0.5}, half("r")).resolve(2);
    const auto two = layer({.salt = "checkout", .from = 0.0, .to = 0.5}, half("c")).resolve(2);
    // Cells: outside, arm 0, arm 1 of one by those of the other.
    std::array<std::array<double, 3>, 3> seen{};
    const int args = 0;
    constexpr int n = 400'000;
    for (std::uint64_t unit = 0; unit < n; ++unit) {
        const auto cell = [](const assignment& a) {
            return a.enrolled ? std::size_t{1} + a.arm : std::size_t{0};
        };
        ++seen[cell(given(one, "r", unit, args))][cell(given(two, "c", unit, args))];
    }
    const std::array<double, 3> p{0.5, 0.25, 0.25};
    double chi = 0.0;
    for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j < 3; ++j) {
            const double e = n * p[i] * p[j];
            chi += (seen[i][j] - e) * (seen[i][j] - e) / e;
        }
    }
    CHECK(chi < 26.1);  // 99.9 % of chi-squared with 8 degrees of freedom
}

TEST_CASE("A holdout is the same units in every trial, and a trial of its own can measure it")
{
    const auto one = holdout({.salt = "2026-q4", .share = 0.05}, half("a")).resolve(2);
    const auto two = holdout({.salt = "2026-q4", .share = 0.05}, half("b")).resolve(2);
    const hash_split measuring{.salt = "2026-q4", .shares = {0.95, 0.05}};
    const hash_plan measured = measuring.resolve(2);
    const int args = 0;
    int held = 0;
    for (std::uint64_t unit = 0; unit < 100'000; ++unit) {
        const bool out = !given(one, "a", unit, args).enrolled;
        REQUIRE(out == !given(two, "b", unit, args).enrolled);
        REQUIRE(out == (given(measured, "2026-q4", unit, args).arm == 1));
        held += out ? 1 : 0;
    }
    CHECK_THAT(held, WithinAbs(5'000, 300));
}

TEST_CASE("Overrides force arms by the unit's text, whatever type the unit has")
{
    const auto plan =
        overrides({{"ann", 1}, {"4711", 0}, {"00000000-0000-0001-0000-000000000002", 1}}, half("a"))
            .resolve(2);
    const int args = 0;
    CHECK(given(plan, "a", std::string{"ann"}, args) == assignment{1, 1.0, false});
    CHECK(given(plan, "a", 4711, args) == assignment{0, 1.0, false});
    CHECK(given(plan, "a", std::string{"4711"}, args) == assignment{0, 1.0, false});
    CHECK(given(plan, "a", uuid{1, 2}, args) == assignment{1, 1.0, false});
    const hash_plan without_rule = half("a").resolve(2);
    for (int unit = 0; unit < 4'000; ++unit) {
        REQUIRE(given(plan, "a", unit, args) == given(without_rule, "a", unit, args));
    }
    // A long list: every unit is found.
    std::vector<forced_unit> many;
    for (int i = 0; i < 5'000; ++i) {
        many.push_back({"u" + std::to_string(i), static_cast<unsigned>(i % 2)});
    }
    const auto long_plan = overrides(many, half("a")).resolve(2);
    for (const forced_unit& each : many) {
        REQUIRE(given(long_plan, "a", each.unit, args) == assignment{each.arm, 1.0, false});
    }
}

TEST_CASE("Overrides find units if the salt has a secret too")
{
    const joust::salt secret{"a", sip_key{1, 2}};
    const auto plan = overrides({{"ann", 1}}, hash_split{.salt = secret}).resolve(2);
    const std::string ann = "ann";
    const int args = 0;
    const keyed_context<int, std::string> call{{secret.hasher()(ann), 0, args}, ann};
    CHECK(plan.assign(call) == assignment{1, 1.0, false});
}

TEST_CASE(
    "A predicate is asked about the call: member, member function, callable, with all arguments or the first")
{
    const auto ask = [](const auto& plan, const auto& args) {
        return given(plan, "a", std::uint64_t{7}, args);
    };
    const request yes{.user = 1}, no{.user = 1, .eligible = false};
    using one = std::tuple<const request&>;
    using two = std::tuple<const request&, const int&>;
    const int n = 5;
    const auto member = when(&request::eligible, half("a")).resolve(2);
    CHECK(ask(member, one{yes}).enrolled);
    CHECK(ask(member, one{no}) == assignment{0, 1.0, false});
    CHECK(ask(member, two{yes, n}).enrolled);
    CHECK(ask(when(&request::adult, half("a")).resolve(2), one{yes}).enrolled);
    const auto both =
        when([](const request& r, int size) { return r.eligible && size > 5; }, half("a")).resolve(2);
    CHECK_FALSE(ask(both, two{yes, n}).enrolled);
    const auto throws =
        when([](const request&) -> bool { throw std::runtime_error{"no"}; }, half("a")).resolve(2);
    CHECK(ask(throws, one{yes}) == assignment{0, 1.0, false});
    STATIC_REQUIRE(noexcept(throws.assign(std::declval<const context<one>&>())));
}

TEST_CASE("Rules nest by value, the outermost first")
{
    const auto split = overrides(
        {{"1", 1}},
        holdout({.salt = "h", .share = 0.2},
                layer({.salt = "l", .from = 0.0, .to = 0.5},
                      when(&request::eligible, slot_split{.salt = "a", .shares = {0.6, 0.3, 0.1}}))));
    const auto plan = split.resolve(3);
    CHECK(plan.share(1) == 0.3);
    CHECK(detail::salt_of(split)->text() == "a");
    CHECK(detail::gives_shares(split));
    const auto holds = holdout({.salt = "h", .share = 0.2}, half("x")).resolve(2);
    const auto layers = layer({.salt = "l", .from = 0.0, .to = 0.5}, half("x")).resolve(2);
    const slot_plan inner = slot_split{.salt = "a", .shares = {0.6, 0.3, 0.1}}.resolve(3);
    int enrolled = 0;
    for (std::uint64_t unit = 0; unit < 10'000; ++unit) {
        const request r{.user = unit, .eligible = unit % 2 == 0};
        const std::tuple<const request&> args{r};
        const assignment got = given(plan, "a", unit, args);
        if (unit == 1) {
            REQUIRE(got == assignment{1, 1.0, false});
            continue;
        }
        const bool in =
            given(holds, "x", unit, args).enrolled && given(layers, "x", unit, args).enrolled && r.eligible;
        REQUIRE(got == (in ? given(inner, "a", unit, args) : assignment{0, 1.0, false}));
        enrolled += in ? 1 : 0;
    }
    CHECK_THAT(enrolled, WithinAbs(10'000 * 0.8 * 0.5 * 0.5, 200));
}

TEST_CASE("Invalid rules are refused with the field, the value and what is allowed")
{
    CHECK_THAT(complaint(layer({.from = 0.0, .to = 0.5}, half("a"))),
               ContainsSubstring("layer.salt is empty"));
    CHECK_THAT(complaint(layer({.salt = "l", .from = 0.5, .to = 0.5}, half("a"))),
               ContainsSubstring("layer.from is 0.5 with layer.to = 0.5; allowed: 0 <= from < to <= 1"));
    CHECK_THAT(complaint(layer({.salt = "l", .to = std::nan("")}, half("a"))),
               ContainsSubstring("layer.to = nan"));
    CHECK_THAT(complaint(layer({.salt = "a"}, half("a"))),
               ContainsSubstring("the salt of the splitter behind it"));
    CHECK_THAT(complaint(holdout({.salt = "a"}, when(&request::eligible, half("a")))),
               ContainsSubstring("the salt of the splitter behind it"));
    CHECK_THAT(complaint(holdout({.salt = "h", .share = 1.0}, half("a"))),
               ContainsSubstring("holdout.share is 1"));
    CHECK_THAT(complaint(holdout({.share = 0.1}, half("a"))), ContainsSubstring("holdout.salt is empty"));
    CHECK_THAT(complaint(overrides({{"ann", 2}}, half("a"))),
               ContainsSubstring("overrides is arm 2 for 'ann'"));
    CHECK_THAT(complaint(overrides({{"ann", 1}, {"ann", 0}}, half("a"))),
               ContainsSubstring("'ann' with two arms"));
    CHECK_THAT(complaint(overrides({{"ann", 1}}, hash_split{})),
               ContainsSubstring("before a splitter without a salt"));
    CHECK(complaint(overrides({{"ann", 1}, {"ann", 1}}, half("a"))) == "accepted");
    CHECK_THAT(complaint(assigned_by(&request::variant, {0.5, 0.6})),
               ContainsSubstring("assigned_by.shares is 1.1"));
}

TEST_CASE(
    "A rule can take arms and shares from another platform, and a unit whose number is not an arm is outside")
{
    const auto plan = assigned_by(&request::variant, {0.5, 0.3, 0.2}).resolve(3);
    const auto of = [&plan](int variant) {
        const request r{.variant = variant};
        return given(plan, "s", std::uint64_t{1}, std::tuple<const request&>{r});
    };
    CHECK(of(0) == assignment{0, 0.5, true});
    CHECK(of(2) == assignment{2, 0.2, true});
    CHECK(of(3) == assignment{0, 1.0, false});
    CHECK(of(-1) == assignment{0, 1.0, false});
    CHECK(plan.share(2) == 0.2);
    const auto whole = assigned_by([](const request& r) {
        return assignment{1, r.variant == 0 ? 0.25 : r.variant == 1 ? 0.0 : std::nan(""), true};
    });
    const auto says = [&whole](int variant) {
        const request r{.variant = variant};
        return given(whole, "s", std::uint64_t{1}, std::tuple<const request&>{r});
    };
    CHECK(says(0) == assignment{1, 0.25, true});
    CHECK(says(1) == assignment{0, 1.0, false});
    CHECK(says(2) == assignment{0, 1.0, false});
}

int v1(const request&)
{
    return 1;
}
int v2(const request&)
{
    return 2;
}

TEST_CASE(
    "A trial takes rules as its splitter, is named by the salt of the inner splitter, and records enrolled units")
{
    ab_test trial{model{"v1", v1}, model{"v2", v2}, by(&request::user), conversion<"click">{},
                  overrides({{"3", 1}}, layer({.salt = "page", .from = 0.0, .to = 0.5},
                                              when(&request::eligible, half("score"))))};
    CHECK(trial.name() == "score");
    const auto page = layer({.salt = "page", .from = 0.0, .to = 0.5}, half("score")).resolve(2);
    std::uint64_t enrolled = 0, all = 0;
    for (std::uint64_t user = 0; user < 4'000; ++user) {
        const request r{.user = user, .eligible = user % 4 != 0};
        const int answer = trial(r);
        const assignment expected = given(page, "score", user, 0);
        const bool in = expected.enrolled && r.eligible && user != 3;
        REQUIRE(answer == (user == 3 ? 2 : in ? static_cast<int>(expected.arm) + 1 : 1));
        enrolled += in ? 1U : 0U;
        ++all;
    }
    const evidence seen = trial.evidence();
    CHECK(seen.requests(0) + seen.requests(1) == enrolled);
    CHECK(seen.unrecorded == all - enrolled);
}

TEST_CASE("choose and observe by unit work with rules on the unit")
{
    ab_test trial{model{"v1", v1}, model{"v2", v2}, by(&request::user), conversion<"click">{},
                  layer({.salt = "page", .from = 0.0, .to = 0.5}, half("score"))};
    const auto page = layer({.salt = "page", .from = 0.0, .to = 0.5}, half("score")).resolve(2);
    for (std::uint64_t user = 0; user < 200; ++user) {
        const assignment expected = given(page, "score", user, 0);
        const ticket receipt = trial.choose(user);
        REQUIRE(receipt.names_arm() == expected.enrolled);
        REQUIRE(trial.observe<"click">(user, 1.0) == expected.enrolled);
        if (expected.enrolled) {
            REQUIRE(receipt.arm() == expected.arm);
        }
    }
}

TEST_CASE("A canary ramps the splitter within a rule, and refuses shares that are given")
{
    canary trial{model{"v1", v1}, model{"v2", v2}, by(&request::user),
                 layer({.salt = "page", .from = 0.0, .to = 0.5}, hash_split{.salt = "score"})};
    CHECK(trial.share() == 0.01);
    using bad = decltype(canary{model{"v1", v1}, model{"v2", v2}, by(&request::user),
                                layer({.salt = "page"}, half("score"))});
    CHECK_THROWS_AS(
        (bad{model{"v1", v1}, model{"v2", v2}, by(&request::user), layer({.salt = "page"}, half("score"))}),
        configuration_error);
}

TEST_CASE("A secret in the salt changes every assignment and every pseudonym")
{
    const auto make = [](const joust::salt& salt) {
        return ab_test{model{"v1", v1}, model{"v2", v2}, by(&request::user), conversion<"click">{},
                       hash_split{.salt = salt, .shares = {0.5, 0.5}}};
    };
    auto open = make("score");
    auto closed = make({"score", sip_key{1, 2}});
    auto other = make({"score", sip_key{1, 3}});
    CHECK(closed.name() == "score");
    int differ = 0;
    for (std::uint64_t user = 0; user < 1'000; ++user) {
        const ticket a = open.choose(user), b = closed.choose(user), c = other.choose(user);
        REQUIRE(a.unit() != b.unit());
        REQUIRE(b.unit() != c.unit());
        const std::string bytes = "score/" + std::to_string(user);
        REQUIRE(b.arm() == (siphash24(bytes, sip_key{1, 2}) < 1ULL << 63 ? 1U : 0U));
        differ += a.arm() != b.arm() ? 1 : 0;
    }
    CHECK_THAT(differ, WithinAbs(500, 60));
}

TEST_CASE("A keyed hasher is SipHash-2-4 over salt, slash and the unit's text, whatever their lengths")
{
    constexpr sip_key key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
    // The paper's vector: the bytes 0 to 14 under the key 0 to 15.
    constexpr char vector[] = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e";
    STATIC_REQUIRE(siphash24(std::string_view{vector, 15}, key) == 0xa129ca6149be45e5);
    keyed_random random{9};
    for (std::size_t salt_size = 0; salt_size < 40; ++salt_size) {
        const std::string salt(salt_size, 's');
        const salted_hasher hasher{salt, key};
        CHECK(hasher.keyed());
        for (std::size_t size = 0; size < 100; ++size) {
            std::string unit;
            while (unit.size() < size) {
                unit += static_cast<char>(random.below(256));
            }
            REQUIRE(hasher(unit) == siphash24(salt + '/' + unit, key));
        }
        for (const std::int64_t number : {std::int64_t{0}, std::int64_t{7}, std::int64_t{-12'345'678'901}}) {
            REQUIRE(hasher(number) == siphash24(salt + '/' + std::to_string(number), key));
        }
        std::string text;
        append_unit_text(text, uuid{1, 2});
        REQUIRE(hasher(uuid{1, 2}) == siphash24(salt + '/' + text, key));
    }
}

}  // namespace
