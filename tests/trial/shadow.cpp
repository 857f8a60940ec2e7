// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/trial/shadow.hpp>

#include "allocations.hpp"
#include "catch.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

struct request {
    std::uint64_t user = 0;
    int value = 0;
    bool allowed = true;
};

int plain(const request& r)
{
    return r.value;
}
int off_by_ten_percent(const request& r)
{
    return r.value % 10 == 0 ? -1 : r.value;
}

const joust::metric_row& row_of(const joust::report& seen, std::string_view metric, std::string_view arm)
{
    const auto found =
        std::find_if(seen.metrics.begin(), seen.metrics.end(),
                     [&](const joust::metric_row& r) { return r.metric == metric && r.arm == arm; });
    REQUIRE(found != seen.metrics.end());
    return *found;
}

std::uint64_t count_of(const joust::report& seen, std::string_view what)
{
    const auto found = std::find_if(seen.counts.begin(), seen.counts.end(),
                                    [&](const joust::count_row& r) { return r.what == what; });
    return found == seen.counts.end() ? 0 : found->count;
}

bool notes_say(const joust::report& seen, std::string_view words)
{
    return std::any_of(seen.notes.begin(), seen.notes.end(),
                       [&](const std::string& note) { return note.find(words) != std::string::npos; });
}

// An executor of the user's own. It runs a task at once where `accepts` says so.
template <class Accepts>
struct picky {
    static constexpr bool immediate = true;
    Accepts accepts;

    template <class Task>
    bool dispatch(Task&& task) const noexcept
    {
        if (!accepts()) {
            return false;
        }
        std::forward<Task>(task)();
        return true;
    }
};

struct blocker {  // It keeps the background thread busy until it is opened.
    std::atomic<bool> entered{false};
    std::atomic<bool> open{false};
    void pass()
    {
        entered = true;
        while (!open) {
            std::this_thread::yield();
        }
    }
};

}  // namespace

TEST_CASE("A shadow returns the champion's result exactly")
{
    SECTION("a value")
    {
        joust::shadow live{joust::model{"a", plain}, joust::model{"b", off_by_ten_percent}};
        STATIC_REQUIRE(std::is_same_v<decltype(live(request{})), int>);
        CHECK(live(request{1, 10}) == 10);
    }
    SECTION("a reference")
    {
        int home = 3;
        joust::shadow live{joust::model{"a", [&](int) -> int& { return home; }},
                           joust::model{"b", [](int) { return 4; }}};
        STATIC_REQUIRE(std::is_same_v<decltype(live(1)), int&>);
        CHECK(&live(1) == &home);
    }
    SECTION("a result that can only be moved, where nothing outlives the call")
    {
        joust::shadow live{joust::model{"a", [](int v) { return std::make_unique<int>(v); }},
                           joust::model{"b", [](int v) { return std::make_unique<int>(v + 1); }},
                           joust::inline_run{},
                           joust::compare_with([](const auto& x, const auto& y) { return *x == *y; })};
        CHECK(*live(7) == 7);
        CHECK(row_of(live.report(), "agreement", "b").challenger == 0.0);
    }
    SECTION("nothing")
    {
        int served = 0;
        std::atomic<int> shadowed{0};
        joust::shadow live{joust::model{"a", [&](int) { ++served; }},
                           joust::model{"b", [&](int) { ++shadowed; }}};
        STATIC_REQUIRE(std::is_void_v<decltype(live(1))>);
        live(1);
        const joust::served<void> with_ticket = live.serve(2);
        CHECK(with_ticket.ticket.valid());
        live.drain();
        CHECK(served == 2);
        CHECK(shadowed == 2);
        CHECK(row_of(live.report(), "agreement", "b").challenger == 1.0);
    }
}

TEST_CASE("What the champion throws is passed on and counted, and no challenger runs on it")
{
    std::atomic<int> ran{0};
    joust::shadow live{
        joust::model{"a", [](int v) { return v < 0 ? throw std::out_of_range("negative") : v; }},
        joust::model{"b", [&](int v) { return ran++, v; }}, joust::inline_run{}};
    CHECK(live(1) == 1);
    CHECK_THROWS_AS(live(-1), std::out_of_range);
    CHECK_THROWS_AS(live.serve(-1), std::out_of_range);
    const joust::report seen = live.report();
    CHECK(seen.arms[0].requests == 3);
    CHECK(seen.arms[0].failures == 2);
    CHECK(seen.arms[1].requests == 1);
    CHECK(ran == 1);
}

TEST_CASE("An exception of a challenger does not reach the caller and is counted")
{
    joust::shadow live{joust::model{"a", plain},
                       joust::model{"b", [](const request& r) -> int {
                                        return r.value % 4 == 0 ? throw std::runtime_error("b") : r.value;
                                    }}};
    for (int i = 0; i < 400; ++i) {
        CHECK(live(request{static_cast<std::uint64_t>(i), i}) == i);
    }
    live.drain();
    const joust::report seen = live.report();
    CHECK(seen.arms[0].failures == 0);
    CHECK(seen.arms[1].requests == 400);
    CHECK(seen.arms[1].failures == 100);
    CHECK(row_of(seen, "failures", "b").challenger == 0.25);
    // The share is of the requests that it answered.
    CHECK(row_of(seen, "agreement", "b").challenger == 1.0);
}

TEST_CASE("Challengers get copies that were made before the champion ran")
{
    std::string seen_by_challenger;
    const auto consume = [](std::string text) { return text.size(); };
    SECTION("of a temporary that the champion consumes")
    {
        joust::shadow live{
            joust::model{"a", [](std::string&& text) { return std::string(std::move(text)).size(); }},
            joust::model{"b", [&](std::string&& text) {
                             seen_by_challenger = text;
                             return text.size();
                         }}};
        CHECK(live(std::string(40, 'x')) == 40);
        live.drain();
    }
    SECTION("of an object that the champion changes")
    {
        std::string text(40, 'x');
        const auto change = [](std::string& t) { return t += 'y', t.size(); };
        joust::shadow live{joust::model{"a", change},
                           joust::model{"b",
                                        [&](std::string& t) {
                                            seen_by_challenger = t;
                                            t.clear();
                                            return t.size();
                                        }},
                           joust::inline_run{}};
        CHECK(live(text) == 41);
        CHECK(text == std::string(40, 'x') + "y");
    }
    SECTION("of an object that its owner destroys after the call")
    {
        blocker hold;
        joust::shadow live{joust::model{"a", consume}, joust::model{"b", [&](const std::string& text) {
                                                                        hold.pass();
                                                                        seen_by_challenger = text;
                                                                        return text.size();
                                                                    }}};
        {
            const std::string text(40, 'x');
            CHECK(live(text) == 40);
        }
        hold.open = true;
        live.drain();
    }
    CHECK(seen_by_challenger == std::string(40, 'x'));
}

TEST_CASE("inline_run neither copies constant arguments nor needs them to own anything")
{
    struct pinned {
        pinned() = default;
        pinned(const pinned&) = delete;
        pinned& operator=(const pinned&) = delete;
        int value = 5;
    };
    const pinned* seen = nullptr;
    joust::shadow live{joust::model{"a", [](const pinned& p, std::string_view) { return p.value; }},
                       joust::model{"b",
                                    [&](const pinned& p, std::string_view text) {
                                        seen = &p;
                                        return static_cast<int>(text.size());
                                    }},
                       joust::inline_run{}};
    const pinned here;
    CHECK(live(here, std::string_view{"hello"}) == 5);
    CHECK(seen == &here);
    CHECK(row_of(live.report(), "agreement", "b").challenger == 1.0);
    pinned changeable;  // It cannot be copied, so the challenger gets it after the champion and as const.
    CHECK(live(changeable, "four") == 5);
    CHECK(seen == &changeable);
    CHECK(row_of(live.report(), "agreement", "b").challenger == 0.5);
}

TEST_CASE("sampled decides by unit which requests are shadowed")
{
    std::vector<std::uint64_t> shadowed;
    joust::shadow live{
        joust::model{"a", plain},
        joust::model{"b", [&](const request& r) { return shadowed.push_back(r.user), r.value; }},
        joust::by(&request::user), joust::sampled{.rate = 0.25}, joust::inline_run{}};
    for (int round = 0; round < 3; ++round) {
        for (std::uint64_t user = 0; user < 4'000; ++user) {
            (void)live(request{user, 1});
        }
    }
    const joust::report seen = live.report();
    CHECK(seen.arms[0].requests == 12'000);
    CHECK(seen.arms[1].requests == shadowed.size());
    CHECK(seen.arms[1].share == 0.25);
    CHECK(count_of(seen, "requests not sampled") == 12'000 - shadowed.size());
    REQUIRE(shadowed.size() % 3 == 0);
    const std::size_t third = shadowed.size() / 3;
    CHECK(std::equal(shadowed.begin(), shadowed.begin() + static_cast<std::ptrdiff_t>(third),
                     shadowed.begin() + static_cast<std::ptrdiff_t>(third)));
    CHECK(std::fabs(static_cast<double>(third) - 1'000.0) < 4.0 * std::sqrt(4'000 * 0.25 * 0.75));
    CHECK_THAT(seen.arms[0].units, WithinRel(4'000.0, 0.06));
}

TEST_CASE("Without a unit key each request is a unit")
{
    joust::shadow live{joust::model{"a", plain}, joust::model{"b", plain}, joust::sampled{.rate = 0.5},
                       joust::inline_run{}};
    for (int i = 0; i < 4'000; ++i) {
        (void)live(request{1, 1});
    }
    const joust::report seen = live.report();
    CHECK(std::fabs(static_cast<double>(seen.arms[1].requests) - 2'000.0) < 4.0 * std::sqrt(1'000.0));
    CHECK_THAT(seen.arms[0].units, WithinRel(4'000.0, 0.06));
}

TEST_CASE("A full queue drops the challenger's run at once, counts it, and leaves the champion alone",
          "[concurrent]")
{
    blocker hold;
    joust::shadow live{joust::model{"a", plain},
                       joust::model{"b", [&](const request& r) { return hold.pass(), r.value; }},
                       joust::background{.queue = 8}};
    CHECK(live(request{0, 1}) == 1);
    while (!hold.entered) {
        std::this_thread::yield();
    }
    for (int i = 0; i < 20; ++i) {
        CHECK(live(request{0, i}) == i);
    }
    hold.open = true;
    live.drain();
    const joust::report seen = live.report();
    CHECK(seen.arms[0].requests == 21);
    CHECK(seen.arms[1].requests == 9);
    CHECK(count_of(seen, "calls of b dropped because the queue was full") == 12);
}

TEST_CASE("A breaker pauses a challenger that keeps failing, probes it, and lets it back")
{
    joust::manual_time clock;
    bool broken = true;
    int ran = 0;
    joust::shadow live{joust::model{"a", plain},
                       joust::model{"b",
                                    [&](const request& r) -> int {
                                        ++ran;
                                        return broken ? throw std::runtime_error("down") : r.value;
                                    }},
                       joust::breaker{.failures = 5, .pause = std::chrono::seconds{1}}, joust::inline_run{},
                       clock.view()};
    for (int i = 0; i < 50; ++i) {
        (void)live(request{0, 1});
    }
    CHECK(ran == 5);
    clock.advance(1'000'000'000);
    (void)live(request{0, 1});
    (void)live(request{0, 1});
    CHECK(ran == 6);
    broken = false;
    clock.advance(1'000'000'000);
    for (int i = 0; i < 10; ++i) {
        (void)live(request{0, 1});
    }
    CHECK(ran == 16);
    CHECK(count_of(live.report(), "calls of b not made because its breaker had paused it") == 46);
}

TEST_CASE("Truths judge both models, before or after the challenger is done")
{
    blocker hold;
    joust::shadow live{joust::model{"a", [](int v) { return v; }},
                       joust::model{"b", [&](int v) { return hold.pass(), v % 2 == 0 ? v : -v; }}};
    std::vector<joust::ticket> tickets;
    for (int i = 1; i <= 100; ++i) {
        tickets.push_back(live.serve(i).ticket);
    }
    for (int i = 1; i <= 50; ++i) {  // The challenger has not run yet.
        CHECK(live.truth(tickets[static_cast<std::size_t>(i - 1)], i % 10 == 5 ? -i : i));
    }
    hold.open = true;
    live.drain();
    for (int i = 51; i <= 100; ++i) {
        CHECK(live.truth(tickets[static_cast<std::size_t>(i - 1)].to_string(), i % 10 == 5 ? -i : i));
    }
    // On the odd half b is wrong, except where the truth is negative. There only b is right.
    const joust::report seen = live.report();
    const joust::metric_row& accuracy = row_of(seen, "accuracy", "b");
    CHECK(count_of(seen, "pairs judged with b") == 100);
    CHECK_THAT(accuracy.champion, WithinAbs(0.90, 1e-12));
    CHECK_THAT(accuracy.challenger, WithinAbs(0.60, 1e-12));
    CHECK_THAT(accuracy.estimate, WithinAbs(-0.30, 1e-12));
    CHECK(count_of(seen, "pairs where only the champion was right, or scored higher than b") == 40);
    CHECK(count_of(seen, "pairs where only b was right, or scored higher") == 10);
    CHECK(accuracy.role == "primary");
}

TEST_CASE("A unit that returns 50,000 times within a second has every truth judged")
{
    joust::shadow live{joust::model{"a", [](const request&) { return 1; }},
                       joust::model{"b", [](const request&) { return 1; }}, joust::by(&request::user),
                       joust::salt{"rush"}, joust::inline_run{}};
    for (int i = 0; i < 50'000; ++i) {
        const auto [prediction, ticket] = live.serve(request{});
        live.truth(ticket, prediction);
    }
    CHECK(count_of(live.report(), "pairs judged with b") == 50'000);
    CHECK(count_of(live.report(), "repeated truths") == 0);
}

TEST_CASE("Truths that cannot be used are refused and counted by reason")
{
    joust::shadow live{joust::model{"a", [](double v) { return v; }},
                       joust::model{"b", [](double v) { return v < 0 ? throw std::runtime_error("b") : v; }},
                       joust::sampled{.rate = 0.5}, joust::by([](double v) { return static_cast<int>(v); }),
                       joust::inline_run{}};
    joust::shadow other{joust::model{"x", [](double v) { return v; }},
                        joust::model{"y", [](double v) { return v; }}, joust::inline_run{}};
    joust::ticket run, skipped, failed;
    for (int v = 1; v < 100; ++v) {
        const joust::ticket receipt = live.serve(v).ticket;
        (receipt.plan() != 0 ? run : skipped) = receipt;
    }
    for (int v = -1; v > -100 && failed.plan() == 0; --v) {
        failed = live.serve(v).ticket;
    }
    REQUIRE((run.valid() && skipped.valid() && failed.plan() == 1));

    CHECK_FALSE(live.truth(run, std::numeric_limits<double>::quiet_NaN()));
    CHECK(live.truth(run, 1.0));
    CHECK_FALSE(live.truth(run, 1.0));
    CHECK_FALSE(live.truth(skipped, 1.0));
    CHECK_FALSE(live.truth(failed, 1.0));
    CHECK_FALSE(live.truth(other.serve(1.0).ticket, 1.0));
    CHECK_FALSE(live.truth(joust::ticket{}, 1.0));
    CHECK_FALSE(live.truth("no ticket", 1.0));
    CHECK_FALSE(live.truth("", 1.0));

    const joust::report seen = live.report();
    CHECK(count_of(seen, "truths that are not finite") == 1);
    CHECK(count_of(seen, "repeated truths") == 1);
    CHECK(count_of(seen, "truths for requests that no challenger ran on") == 1);
    CHECK(count_of(seen, "truths for requests on which the challenger failed") == 1);
    CHECK(count_of(seen, "truths for tickets of another trial") == 1);
    CHECK(count_of(seen, "truths for damaged tickets") == 3);
    CHECK(count_of(seen, "pairs judged with b") == 1);
}

TEST_CASE("judged_by scores predictions against truths of another type")
{
    joust::shadow live{joust::model{"a", [](double v) { return v + 2.0; }},
                       joust::model{"b", [](double v) { return v + 1.0; }}, joust::inline_run{},
                       joust::judged_by([](double p, int t) {
                           return t == 13 ? std::nan("")
                                          : -(p - static_cast<double>(t)) * (p - static_cast<double>(t));
                       })};
    for (int v = 0; v < 40; ++v) {
        CHECK(live.truth(live.serve(v).ticket, v));
    }
    const joust::report seen = live.report();
    const joust::metric_row& score = row_of(seen, "score", "b");
    CHECK_THAT(score.champion, WithinAbs(-4.0, 1e-12));
    CHECK_THAT(score.challenger, WithinAbs(-1.0, 1e-12));
    CHECK(count_of(seen, "pairs judged with b") == 39);
    CHECK(count_of(seen, "predictions of b that could not be kept or judged") == 1);
}

TEST_CASE("remembered says what generic models return, and how many wait")
{
    joust::shadow live{joust::model{"a", [](auto v) { return v; }},
                       joust::model{"b", [](auto v) { return v + 1; }}, joust::remembered<int>{.results = 8},
                       joust::inline_run{}};
    std::vector<joust::ticket> tickets;
    for (int i = 0; i < 20; ++i) {
        tickets.push_back(live.serve(i).ticket);
    }
    int used = 0;
    for (int i = 19; i >= 0;
         --i) {  // The oldest twelve were discarded; their truths push the others out in turn.
        used += live.truth(tickets[static_cast<std::size_t>(i)], i) && i >= 12 ? 1 : 0;
    }
    CHECK(used == 8);
    const joust::report seen = live.report();
    CHECK(count_of(seen, "pairs judged with b") == 8);
    CHECK(count_of(seen, "predictions or truths discarded before the other one came") >= 12);
}

TEST_CASE("The comparator decides what agrees; what it throws is counted")
{
    joust::shadow near{joust::model{"a", [](double v) { return v; }},
                       joust::model{"b", [](double v) { return v == 3.0 ? std::nan("") : v + 0.01; }},
                       joust::tolerance{.absolute = 0.1}, joust::inline_run{}};
    for (int v = 0; v < 10; ++v) {
        (void)near(v);
    }
    CHECK_THAT(row_of(near.report(), "agreement", "b").challenger, WithinAbs(0.9, 1e-12));
    CHECK_THAT(row_of(near.report(), "distance", "b").challenger, WithinAbs(0.01, 1e-12));
    CHECK(count_of(near.report(), "comparisons with b without a finite distance") == 1);

    joust::shadow throwing{
        joust::model{"a", [](int v) { return v; }}, joust::model{"b", [](int v) { return v; }},
        joust::compare_with([](int a, int) { return a == 2 ? throw std::runtime_error("c") : true; }),
        joust::inline_run{}};
    for (int v = 0; v < 5; ++v) {
        CHECK(throwing(v) == v);
    }
    const joust::report seen = throwing.report();
    CHECK(count_of(seen, "results of b that could not be compared (the comparator threw)") == 1);
    CHECK(seen.arms[1].failures == 0);
}

TEST_CASE("Every further model is a challenger of its own")
{
    joust::shadow live{joust::model{"a", plain}, joust::model{"b", off_by_ten_percent},
                       joust::model{"c", [](const request&) -> int { throw std::runtime_error("c"); }},
                       joust::by(&request::user)};
    for (int i = 0; i < 1'000; ++i) {
        const auto [prediction, receipt] = live.serve(request{static_cast<std::uint64_t>(i % 100), i});
        CHECK(prediction == i);
        CHECK(receipt.plan() == 3);
        CHECK(receipt.arm() == 0);
        if (i % 100 == 99) {
            live.drain();
        }
        (void)live.truth(receipt, i);
    }
    live.drain();
    const joust::report seen = live.report();
    REQUIRE(seen.arms.size() == 3);
    CHECK(seen.arms[1].failures == 0);
    CHECK(seen.arms[2].failures == 1'000);
    CHECK(count_of(seen, "pairs judged with b") == 1'000);
    CHECK(count_of(seen, "pairs judged with c") == 0);
    CHECK_THAT(row_of(seen, "accuracy", "b").challenger, WithinAbs(0.9, 1e-12));
    CHECK(row_of(seen, "failures", "c").challenger == 1.0);
}

TEST_CASE("A request without consent is served by the champion and leaves no trace")
{
    int ran = 0;
    joust::shadow live{joust::model{"a", plain},
                       joust::model{"b", [&](const request& r) { return ++ran, r.value; }},
                       joust::consent(&request::allowed), joust::inline_run{}};
    CHECK(live(request{1, 5, false}) == 5);
    const auto [prediction, receipt] = live.serve(request{1, 6, false});
    CHECK(prediction == 6);
    CHECK(receipt.kind() == joust::ticket_kind::unrecorded);
    CHECK_FALSE(live.truth(receipt, 6));
    const joust::report seen = live.report();
    CHECK(ran == 0);
    CHECK(seen.arms[0].requests == 0);
    CHECK(count_of(seen, "calls served and not recorded") == 2);
}

TEST_CASE("A user's own executor may refuse, and drops that follow the champion's latency are pointed out")
{
    joust::manual_time clock;
    int call = 0;
    const bool depends = GENERATE(true, false);
    // Every third request is slow; the executor refuses the slow ones, or every third one shifted by chance.
    const auto slow = [&] { return joust::mix64(static_cast<std::uint64_t>(call)) % 3 == 0; };
    const auto accepts = [&] {
        return depends ? !slow() : joust::mix64(static_cast<std::uint64_t>(call) + 1'000'000) % 3 != 0;
    };
    joust::shadow live{joust::model{"a",
                                    [&](const request& r) {
                                        clock.advance(slow() ? 2'000'000 : 1'000'000);
                                        return r.value;
                                    }},
                       joust::model{"b", plain}, joust::by(&request::user), picky<decltype(accepts)>{accepts},
                       clock.view()};
    for (call = 0; call < 6'000; ++call) {
        (void)live(request{static_cast<std::uint64_t>(call % 500), 1});
    }
    const joust::report seen = live.report();
    CHECK(count_of(seen, "calls of b dropped because the queue was full") > 1'500);
    CHECK(notes_say(seen, "Drops are not random: where b was dropped the champion took 2.00 times") ==
          depends);
    CHECK(notes_say(seen, "Drops are not random") == depends);
    CHECK_THAT(seen.latencies[0].p50, WithinRel(1.0, 0.01));
}

TEST_CASE("The better challenger is recommended for a canary, the worse and the failing one are not")
{
    const int better = GENERATE(0, 1, 2);
    joust::keyed_random coins{42, static_cast<std::uint64_t>(better)};
    // The truth is 1. The champion is right on 70 %, the challenger on 80 %, on 60 %, or on 80 % but failing on 5 %.
    joust::shadow live{joust::model{"a", [&](int) { return coins.uniform() < 0.7 ? 1 : 0; }},
                       joust::model{"b",
                                    [&](int) {
                                        if (better == 2 && coins.uniform() < 0.05) {
                                            throw std::runtime_error("b");
                                        }
                                        return coins.uniform() < (better == 1 ? 0.6 : 0.8) ? 1 : 0;
                                    }},
                       joust::inline_run{}};
    CHECK(live.report().decision == joust::verdict::keep_testing);
    CHECK(live.report().reason == "b has not answered a request yet");
    for (int i = 0; i < 5'000; ++i) {
        (void)live.truth(live.serve(i).ticket, 1);
    }
    const joust::report seen = live.report();
    CHECK(seen.decision == (better == 0 ? joust::verdict::ship_challenger : joust::verdict::keep_champion));
    CHECK_THAT(seen.reason, ContainsSubstring(better == 0   ? "better accuracy"
                                              : better == 1 ? "worse accuracy"
                                                            : "fails on"));
    const joust::metric_row& accuracy = row_of(seen, "accuracy", "b");
    const double difference = better == 1 ? -0.1 : 0.1;
    CHECK(accuracy.state == joust::status::ok);
    CHECK(accuracy.lower < difference);
    CHECK(difference < accuracy.upper);
    CHECK(accuracy.upper - accuracy.lower < 0.1);
}

TEST_CASE("Merged evidence of two replicas equals that of one that saw everything")
{
    joust::manual_time clock;
    const auto replica = [&] {
        return joust::shadow{joust::model{"a", plain},  joust::model{"b", off_by_ten_percent},
                             joust::by(&request::user), joust::salt{"score"},
                             joust::inline_run{},       clock.view()};
    };
    auto one = replica();
    auto two = replica();
    auto both = replica();
    for (int i = 0; i < 2'000; ++i) {
        const request r{static_cast<std::uint64_t>(i % 300), i};
        (void)(i % 3 == 0 ? one : two)(r);
        (void)both(r);
    }
    joust::shadow_evidence merged = one.evidence();
    merged.merge(two.evidence());
    CHECK(merged == both.evidence());
    CHECK(both.report(merged).arms[1].requests == 2'000);
    CHECK(both.name() == "score");

    joust::shadow stranger{joust::model{"x", plain}, joust::model{"y", plain}, joust::inline_run{}};
    CHECK_THROWS_AS(merged.merge(stranger.evidence()), joust::configuration_error);
    CHECK_THROWS_AS(stranger.report(merged), joust::configuration_error);
}

TEST_CASE("Bad configuration is refused with field, value and what is allowed")
{
    const auto a = joust::model{"a", plain};
    const auto b = joust::model{"b", plain};
    CHECK_THROWS_WITH((joust::shadow{a, a}), ContainsSubstring("'a' twice"));
    CHECK_THROWS_WITH((joust::shadow{a, b, joust::sampled{.rate = 2.0}}),
                      ContainsSubstring("sampled.rate is 2"));
    CHECK_THROWS_WITH((joust::shadow{a, b, joust::background{.queue = 0}}),
                      ContainsSubstring("background.queue is 0"));
    CHECK_THROWS_WITH((joust::shadow{a, b, joust::breaker{.failures = 0}}),
                      ContainsSubstring("breaker.failures is 0"));
    CHECK_THROWS_WITH((joust::shadow{a, b, joust::remembered<>{.results = 0}}),
                      ContainsSubstring("remembered.results is 0"));
    CHECK_THROWS_WITH((joust::shadow{a, b, joust::always_valid{.alpha = 0.0}}),
                      ContainsSubstring("alpha is 0"));
}

TEST_CASE("Reports are taken while other threads serve, and nothing is lost", "[concurrent]")
{
    joust::shadow live{joust::model{"a", plain},  joust::model{"b", off_by_ten_percent},
                       joust::by(&request::user), joust::background{.queue = 256, .threads = 2},
                       joust::breaker{},          joust::sampled{.rate = 0.5}};
    constexpr int threads = 3;
    constexpr int each = 3'000;
    std::atomic<int> wrong{0};
    std::atomic<std::uint64_t> used{0};
    std::vector<std::thread> callers;
    for (int t = 0; t < threads; ++t) {
        callers.emplace_back([&, t] {
            for (int i = 0; i < each; ++i) {
                const auto [prediction, receipt] =
                    live.serve(request{static_cast<std::uint64_t>(t * each + i), i});
                wrong += prediction == i ? 0 : 1;
                used += live.truth(receipt, i) ? 1U : 0U;
            }
        });
    }
    for (int i = 0; i < 20; ++i) {
        const joust::report seen = live.report();
        CHECK(seen.arms[0].requests <= threads * each);
        CHECK(seen.arms[1].requests <= seen.arms[0].requests + threads * each);
    }
    for (std::thread& caller : callers) {
        caller.join();
    }
    live.drain();
    const joust::report seen = live.report();
    CHECK(wrong == 0);
    CHECK(seen.arms[0].requests == threads * each);
    CHECK(seen.arms[1].requests + count_of(seen, "calls of b dropped because the queue was full") +
              count_of(seen, "requests not sampled") ==
          threads * each);
    CHECK(count_of(seen, "pairs judged with b") == used);
    CHECK(seen.arms[1].requests == used);
}

TEST_CASE(
    "Neither a shadow's callers nor its thread allocate once both have warmed up, sampled or not, dropped or not")
{
    joust::shadow live{joust::model{"a", plain},
                       joust::model{"b", off_by_ten_percent},
                       joust::by(&request::user),
                       joust::sampled{.rate = 0.5},
                       joust::background{.queue = 64},
                       joust::breaker{},
                       joust::judged_by([](int p, int t) { return p == t; })};
    for (int i = 0; i < 100; ++i) {
        (void)live.truth(live.serve(request{static_cast<std::uint64_t>(i), i}).ticket, i);
    }
    live.drain();
    const long before = joust_tests::allocations();
    int wrong = 0;
    for (int i = 0; i < 2'000; ++i) {
        const request r{static_cast<std::uint64_t>(i), i};
        wrong += live(r) == i ? 0 : 1;
        wrong += live.serve(r).prediction == i ? 0 : 1;
    }
    live.drain();
    CHECK(joust_tests::allocations() - before == 0);
    CHECK(wrong == 0);
    CHECK(live.report().arms[1].requests > 100);
}

TEST_CASE("Queueing a task that fits allocates nothing, one byte more costs one allocation")
{
    struct fitting {
        char bytes[240]{};
        void operator()() const noexcept {}
    };
    struct larger {
        char bytes[241]{};
        void operator()() const noexcept {}
    };
    auto running = joust::background{.queue = 1'024}.start();
    const long before = joust_tests::allocations();
    for (int i = 0; i < 100; ++i) {
        (void)running.dispatch(fitting{});
    }
    const long between = joust_tests::allocations();
    for (int i = 0; i < 100; ++i) {
        (void)running.dispatch(larger{});
    }
    running.drain();
    CHECK(between - before == 0);
    CHECK(joust_tests::allocations() - between == 100);
    CHECK(running.refused() == 0);
}
