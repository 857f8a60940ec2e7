// SPDX-License-Identifier: Apache-2.0

#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>

#include "allocations.hpp"
#include "catch.hpp"

#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace joust;

namespace {

struct request {
    std::string user;
    int number = 0;
};

struct immovable {
    explicit immovable(int v) : value(v) {}
    immovable(immovable&&) = delete;
    int value;
};

// Even numbers go to the challenger, and small numbers are not enrolled.
struct by_parity {
    template <class Args>
    assignment assign(const context<Args>& call) const noexcept
    {
        if constexpr (std::tuple_size_v<Args> == 0) {
            return {};  // A context without arguments only checks that this is a splitter.
        } else {
            const request& r = std::get<0>(call.args);
            return {r.number % 2 == 0 ? 1U : 0U, 0.25, r.number >= 10};
        }
    }
};

template <class... Policies>
auto trial_of(Policies... policies)
{
    return ab_test{model{"old", [](const request& r) { return r.number; }},
                   model{"new", [](const request& r) { return -r.number; }},
                   by(&request::user),
                   hash_split{.salt = "serving", .shares = {0.5, 0.5}},
                   conversion<"click">{},
                   std::move(policies)...};
}

std::uint64_t count_of(const report& r, std::string_view what)
{
    for (const auto& row : r.counts) {
        if (row.what.find(what) != std::string::npos) {
            return row.count;
        }
    }
    return 0;
}

}  // namespace

TEST_CASE("a unit meets the same model at every call, and the ticket names the arm")
{
    auto trial = trial_of();
    int challengers = 0;
    for (int i = 1; i <= 200; ++i) {
        const request r{"user" + std::to_string(i), i};
        const auto [prediction, ticket] = trial.serve(r);
        CHECK(prediction == (ticket.arm() == 1 ? -i : i));
        CHECK(trial(r) == prediction);
        CHECK(trial.choose(r.user).arm() == ticket.arm());
        CHECK(ticket.propensity() == Approx(0.5));
        challengers += ticket.arm() == 1 ? 1 : 0;
    }
    CHECK(challengers > 60);
    CHECK(challengers < 140);
}

TEST_CASE(
    "anything a model may return comes back as it is: values, references, void, move-only and immovable results")
{
    const request ann{"ann", 7};
    int here = 5;
    ab_test by_reference{model{"a", [&](const request&) -> int& { return here; }},
                         model{"b", [&](const request&) -> int& { return here; }}, by(&request::user),
                         conversion<"c">{}};
    CHECK(&by_reference(ann) == &here);
    CHECK(&by_reference.serve(ann).prediction == &here);

    int calls = 0;
    ab_test nothing{model{"a", [&](const request&) { ++calls; }},
                    model{"b", [&](const request&) { ++calls; }}, by(&request::user), conversion<"c">{}};
    nothing(ann);
    CHECK(nothing.serve(ann).ticket.valid());
    CHECK(calls == 2);

    ab_test move_only{model{"a", [](const request& r) { return std::make_unique<int>(r.number); }},
                      model{"b", [](const request& r) { return std::make_unique<int>(r.number); }},
                      by(&request::user), conversion<"c">{}};
    CHECK(*move_only(ann) == 7);
    CHECK(*move_only.serve(ann).prediction == 7);

    ab_test fixed{model{"a", [](const request& r) { return immovable{r.number}; }},
                  model{"b", [](const request& r) { return immovable{r.number}; }}, by(&request::user),
                  conversion<"c">{}};
    CHECK(fixed(ann).value == 7);
    CHECK(fixed.serve(ann).prediction.value == 7);
    CHECK(fixed.evidence().requests() == 2);
}

TEST_CASE("models get const lvalues where a fallback is possible, and forwarded arguments with rethrow")
{
    ab_test careful{model{"a", [](const std::string& s) { return s.size(); }},
                    model{"b", [](const std::string& s) { return s.size(); }},
                    by([](const std::string& s) { return s; }), conversion<"c">{}};
    CHECK(careful(std::string{"hello"}) == 5);

    ab_test consuming{model{"a", [](std::unique_ptr<int> p) { return *p; }},
                      model{"b", [](std::unique_ptr<int> p) { return *p; }}, per_request{}, rethrow{},
                      conversion<"c">{}};
    CHECK(consuming(std::make_unique<int>(3)) == 3);

    // A model that writes into an argument gets the caller's object.
    ab_test writing{model{"a", [](int, int& out) { out = 1; }}, model{"b", [](int, int& out) { out = 1; }},
                    by([](int id, int) { return id; }), conversion<"c">{}};
    int out = 0;
    writing(4, out);
    CHECK(out == 1);
}

TEST_CASE("a challenger that throws falls back to the champion and counts as its own failure")
{
    ab_test trial{model{"old", [](const request& r) { return r.number; }},
                  model{"new", [](const request&) -> int { throw std::runtime_error("broken"); }},
                  by(&request::user), hash_split{.salt = "fails", .shares = {0.5, 0.5}},
                  conversion<"click">{}};
    std::uint64_t challengers = 0;
    for (int i = 0; i < 500; ++i) {
        const auto [prediction, ticket] = trial.serve(request{"u" + std::to_string(i), i});
        CHECK(prediction == i);
        challengers += ticket.arm();
    }
    const evidence seen = trial.evidence();
    CHECK(seen.requests(1) == challengers);
    CHECK(seen.failed(1) == challengers);
    CHECK(seen.failed(0) == 0);
}

TEST_CASE("the champion's exception reaches the caller, and so does the challenger's with rethrow")
{
    const auto broken = [](const request&) -> int { throw std::runtime_error("broken"); };
    const auto whole = [](const request& r) { return r.number; };
    ab_test champion{model{"old", broken}, model{"new", broken}, by(&request::user), conversion<"click">{}};
    ab_test rethrowing{model{"old", whole},
                       model{"new", broken},
                       by(&request::user),
                       conversion<"click">{},
                       hash_split{.salt = "re", .shares = {0.0, 1.0}},
                       rethrow{}};
    CHECK_THROWS_AS(champion(request{"ann", 1}), std::runtime_error);
    CHECK_THROWS_AS(rethrowing(request{"ann", 1}), std::runtime_error);
    CHECK(champion.evidence().requests() == 1);
    CHECK(rethrowing.evidence().failed(1) == 1);
}

TEST_CASE("a refused result falls back to the champion and counts as a failure")
{
    ab_test trial{model{"old", [](const request&) { return 0.5; }},
                  model{"new", [](const request&) { return 7.0; }},
                  by(&request::user),
                  accept_if([](double p) { return p <= 1.0; }),
                  conversion<"click">{},
                  hash_split{.salt = "refused", .shares = {0.0, 1.0}}};
    CHECK(trial(request{"ann", 1}) == 0.5);
    CHECK(trial.evidence().failed(1) == 1);
}

TEST_CASE(
    "acceptance is asked once per call, and one that throws refuses instead of losing the champion's result")
{
    int asked = 0;
    auto counting = trial_of(accept_if([&](int) {
        ++asked;
        return true;
    }));
    auto throwing = trial_of(accept_if([](int) -> bool { throw std::runtime_error("cannot judge"); }));
    for (int i = 1; i <= 100; ++i) {
        const request r{"user" + std::to_string(i), i};
        counting(r);
        CHECK(throwing(r) == i);
    }
    CHECK(asked == 100);
    const evidence seen = throwing.evidence();
    CHECK(seen.failed(0) == seen.requests(0));
    CHECK(seen.failed(1) == seen.requests(1));
    CHECK(seen.requests() == 100);
}

TEST_CASE("a unit that did not consent is served by the champion and leaves no evidence")
{
    auto trial = trial_of(consent([](const request& r) { return r.number % 2 == 0; }));
    for (int i = 1; i <= 100; ++i) {
        const auto [prediction, ticket] = trial.serve(request{"user" + std::to_string(i), i});
        if (i % 2 != 0) {
            CHECK(prediction == i);
            CHECK(ticket.kind() == ticket_kind::unrecorded);
            CHECK_FALSE(trial.observe<"click">(ticket, true));
        }
    }
    const report r = trial.report();
    CHECK(trial.evidence().requests() == 50);
    CHECK(count_of(r, "not recorded") == 50);
    CHECK(count_of(r, "unrecorded call") == 50);
}

TEST_CASE("feedback is taken once per ticket, and what cannot be used is counted by reason")
{
    auto trial = trial_of(mean<"revenue">{.cap = 100.0, .accumulate = true});
    auto other = ab_test{model{"old", [](const request& r) { return r.number; }},
                         model{"new", [](const request& r) { return r.number; }}, by(&request::user),
                         hash_split{.salt = "another"}, conversion<"click">{}};
    const auto ticket = trial.serve(request{"ann", 1}).ticket;
    CHECK(trial.observe<"click">(ticket, true));
    CHECK_FALSE(trial.observe<"click">(ticket, true));
    CHECK(trial.observe<"revenue">(ticket, 1e9));
    CHECK(trial.observe<"revenue">(ticket, 5.0));
    CHECK_FALSE(trial.observe<"revenue">(ticket, std::numeric_limits<double>::quiet_NaN()));
    CHECK_FALSE(trial.observe<"revenue">(ticket, std::numeric_limits<double>::infinity()));
    CHECK_FALSE(trial.observe<"click">(ticket, 0.5));
    CHECK_FALSE(trial.observe<"click">(other.serve(request{"ann", 1}).ticket, true));
    CHECK_FALSE(trial.observe<"click">(joust::ticket{}, true));

    const evidence seen = trial.evidence();
    const bool challenger = ticket.arm() == 1;
    const auto& revenue = seen.pairs[0].series[3];
    double sum = 0.0;
    for (std::size_t b = 0; b < bucket_count; ++b) {
        sum += challenger ? revenue.challenger[b] : revenue.champion[b];
    }
    CHECK(sum == Approx(0.5 * 105.0));
    const report r = trial.report();
    CHECK(count_of(r, "invalid value") == 3);
    CHECK(count_of(r, "repeated") == 1);
    CHECK(count_of(r, "another trial") == 1);
    CHECK(count_of(r, "damaged") == 1);
}

TEST_CASE("a ticket survives the way through a client as text")
{
    auto trial = trial_of();
    const std::string text = trial.serve(request{"ann", 1}).ticket.to_string();
    CHECK(trial.observe<"click">(ticket::from_string(text), true));
    CHECK_THROWS_AS(ticket::from_string(text.substr(1)), parse_error);
}

TEST_CASE("feedback by unit finds the arm that the unit is served by")
{
    auto trial = trial_of();
    const auto ticket = trial.serve(request{"ann", 1}).ticket;
    CHECK(trial.observe<"click">(std::string{"ann"}, 1.0));
    const evidence seen = trial.evidence();
    const auto& clicks = seen.pairs[0].series[2];
    CHECK((ticket.arm() == 1 ? clicks.challenger_count : clicks.champion_count) == 1);
    CHECK((ticket.arm() == 1 ? clicks.champion_count : clicks.challenger_count) == 0);
}

TEST_CASE("asynchronous calls are chosen first and completed later, once")
{
    auto trial = trial_of();
    const ticket chosen = trial.choose(std::string{"ann"});
    CHECK(trial.evidence().requests() == 0);
    CHECK(trial.complete(chosen, std::chrono::milliseconds{12}, true));
    CHECK_FALSE(trial.complete(chosen, std::chrono::milliseconds{12}, true));
    const ticket failed = trial.choose(std::string{"bob"});
    CHECK(trial.complete(failed, std::chrono::microseconds{40}, false));
    CHECK(trial.observe<"click">(chosen, true));
    const evidence seen = trial.evidence();
    CHECK(seen.requests() == 2);
    CHECK(seen.failed(0) + seen.failed(1) == 1);
    CHECK(seen.arms[chosen.arm()].latency.quantile(1.0) == Approx(12e6).epsilon(0.01));
}

TEST_CASE("only a chosen call can be completed, and an invalid latency is counted and not timed")
{
    auto trial = trial_of();
    const ticket served = trial.serve(request{"ann", 1}).ticket;
    CHECK_FALSE(trial.complete(served, std::chrono::milliseconds{1}, true));
    CHECK(trial.evidence().requests() == 1);
    CHECK(count_of(trial.report(), "repeated") == 1);

    constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
    constexpr double endless = std::numeric_limits<double>::infinity();
    for (const double seconds : {unknown, endless, -1.0, 1e300}) {
        const ticket chosen = trial.choose(std::string{"bob"});
        CHECK(chosen.kind() == ticket_kind::choice);
        CHECK(trial.complete(chosen, std::chrono::duration<double>{seconds}, true));
    }
    CHECK(trial.complete(trial.choose(std::string{"eve"}), std::chrono::hours::max(), true));
    const evidence seen = trial.evidence();
    CHECK(seen.requests() == 6);
    CHECK(seen.arms[0].latency.count() + seen.arms[1].latency.count() == 1);
    CHECK(count_of(trial.report(), "invalid value") == 5);
}

TEST_CASE("feedback for calls that were chosen and never completed is pointed out")
{
    auto trial = trial_of();
    std::vector<ticket> chosen;
    for (int i = 0; i < 50; ++i) {
        chosen.push_back(trial.choose("user-" + std::to_string(i)));
        CHECK(trial.observe<"click">(chosen.back(), true));
    }
    const auto notes_of = [&] {
        std::string all;
        for (const std::string& note : trial.report().notes) {
            all += note;
        }
        return all;
    };
    CHECK_THAT(notes_of(), ContainsSubstring("more values than calls were served"));
    for (const ticket& each : chosen) {
        CHECK(trial.complete(each, std::chrono::milliseconds{1}, true));
    }
    CHECK_THAT(notes_of(), !ContainsSubstring("more values than calls were served"));
}

TEST_CASE("an own splitter decides arm and propensity, and may leave units out")
{
    ab_test trial{model{"old", [](const request& r) { return r.number; }},
                  model{"new", [](const request& r) { return -r.number; }}, by(&request::user), by_parity{},
                  conversion<"click">{}};
    CHECK(trial(request{"a", 11}) == 11);
    CHECK(trial(request{"b", 12}) == -12);
    CHECK(trial(request{"c", 2}) == -2);
    CHECK(trial.evidence().requests() == 2);
}

TEST_CASE("events reach a recorder, with tickets and without unit ids")
{
    std::vector<event> log;
    auto trial = trial_of(record_with([&](const event& e) { log.push_back(e); }));
    const auto ticket = trial.serve(request{"ann", 1}).ticket;
    trial.observe<"click">(ticket, true);
    REQUIRE(log.size() == 2);
    CHECK(log[0].kind == event::what::exposure);
    CHECK(log[0].ticket == ticket);
    CHECK(log[0].nanoseconds >= 0);
    CHECK(log[1].kind == event::what::feedback);
    CHECK(log[1].metric == "click");
    CHECK(log[1].value == 1.0);
}

TEST_CASE("a model may call the trial again")
{
    struct nested {
        int operator()(const request& r) const
        {
            return r.number > 0 ? (*again)(request{r.user, r.number - 1}) + 1 : 0;
        }
        std::function<int(const request&)>* again;
    };
    std::function<int(const request&)> again;
    ab_test trial{model{"old", nested{&again}}, model{"new", nested{&again}}, by(&request::user),
                  conversion<"click">{}};
    again = [&](const request& r) { return trial(r); };
    CHECK(trial(request{"ann", 5}) == 5);
    CHECK(trial.evidence().requests() == 6);
}

TEST_CASE("bad configuration names field, value and what is allowed")
{
    const auto f = [](const request&) { return 1; };
    const auto make = [&](auto... policies) {
        ab_test trial{model{"a", f}, model{"b", f}, by(&request::user), conversion<"c">{}, policies...};
        return trial.name();
    };
    const auto field_of = [&](auto... policies) -> std::string {
        try {
            make(policies...);
        } catch (const configuration_error& e) {
            CHECK(std::string{e.what()}.find(e.field() + " is " + e.value() + "; allowed: ") == 0);
            return e.field();
        }
        return "";
    };
    CHECK(field_of(hash_split{.salt = "s", .shares = {0.5, 0.4}}) == "hash_split.shares");
    CHECK(field_of(hash_split{.salt = "s", .shares = {1.0}}) == "hash_split.shares");
    CHECK(field_of(hash_split{.salt = "s", .shares = {std::nan(""), 1.0}}) == "hash_split.shares");
    CHECK(field_of(always_valid{.alpha = 0.0}) == "alpha");
    CHECK(field_of(always_valid{.units = 0.0}) == "units");
    CHECK(field_of(guardrail(latency{}, {.max_ratio = 0.9})) == "guardrail(latency).max_ratio");
    CHECK(field_of(guardrail(latency{}, {.max_ratio = 1.1, .max_increase = 3.0})) == "guardrail(latency)");
    CHECK(field_of(guardrail(latency{.q = 1.0})) == "latency.q");
    CHECK(field_of(guardrail(conversion<"ok">{}, {.min_ratio = 1.5})) == "guardrail(ok).min_ratio");
    // One percentage point is 0.01: a proportion cannot fall by 1 or more, so such a guardrail would never break.
    CHECK(field_of(guardrail(conversion<"ok">{}, {.max_decrease = 1.0})) == "guardrail(ok).max_decrease");
    CHECK(field_of(guardrail(failures{}, {.max_increase = 2.0})) == "guardrail(failures).max_increase");
    CHECK(field_of(guardrail(mean<"paid">{}, {.max_decrease = 2.0})) == "");
    CHECK(field_of(guardrail(failures{}, {.max_increase = 0.1}),
                   guardrail(failures{}, {.max_increase = 0.5})) == "guardrail(failures).max_increase");
    CHECK(field_of(guardrail(failures{}, {.max_increase = 0.1}), guardrail(failures{}, {.max_ratio = 2.0})) ==
          "");
    for (const double cap : {0.0, -1.0, std::nan(""), -std::numeric_limits<double>::infinity()}) {
        CHECK(field_of(mean<"paid">{.cap = cap}) == "mean(paid).cap");
        CHECK(field_of(guardrail(mean<"paid">{.cap = cap}, {.max_decrease = 2.0})) == "mean(paid).cap");
    }
    CHECK(field_of() == "");
    CHECK_THROWS_AS((ab_test{model{"a", f}, model{"a", f}, by(&request::user), conversion<"c">{}}),
                    configuration_error);
    CHECK_THROWS_AS((model{"", f}), configuration_error);
}

TEST_CASE("after a thread's first call serving and feedback allocate nothing")
{
    auto trial = trial_of(guardrail(latency{.warm_up = 100}, {.max_ratio = 2.0}), guardrail(failures{}));
    canary watched{model{"old", [](const request& r) { return r.number; }},
                   model{"new", [](const request& r) { return r.number; }},
                   by(&request::user),
                   hash_split{.salt = "canary-alloc"},
                   guardrail(conversion<"ok">{}, {.max_decrease = 0.5}),
                   ramp{.shares = {0.5}, .requests = 1'000'000, .check_every = 64}};
    std::vector<request> requests;
    for (int i = 0; i < 300; ++i) {
        requests.push_back({"a user with a long name, number " + std::to_string(i), i});
    }
    trial(requests[0]);
    watched(requests[0]);
    watched.step();
    const long before = joust_tests::allocations();
    for (int round = 0; round < 20; ++round) {
        for (const request& r : requests) {
            const auto [prediction, ticket] = trial.serve(r);
            trial.observe<"click">(ticket, true);
            const auto second = watched.serve(r);
            watched.observe<"ok">(second.ticket, true);
            static_cast<void>(prediction);
        }
    }
    CHECK(joust_tests::allocations() == before);
    CHECK(watched.evidence().requests() == 6001);
}
