// SPDX-License-Identifier: Apache-2.0

#include <joust/trial/canary.hpp>
#include <joust/trial/durable.hpp>

#include "catch.hpp"
#include "trial/memory_store.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace joust;
using namespace std::chrono_literals;
using joust_test::memory_store;

namespace {

using call = std::function<int(std::uint64_t)>;

/// A canary that serves unit numbers. Its stages take 100 requests each and pass where no harm is seen.
auto make_canary(
    call challenger = [](std::uint64_t) { return 1; }, std::string challengers_name = "new",
    breach on_breach = breach::roll_back)
{
    return canary{model{"old", call{[](std::uint64_t) { return 0; }}},
                  model{std::move(challengers_name), std::move(challenger)},
                  by([](std::uint64_t unit) { return unit; }),
                  hash_split{.salt = "durable-canary"},
                  conversion<"click">{},
                  ramp{.shares = {0.1, 0.3, 0.6},
                       .requests = 100,
                       .promote = promotion::on_no_harm,
                       .on_breach = on_breach}};
}
using canary_t = decltype(make_canary());
using durable_t = durable<canary_t, memory_store>;

/// The caller polls, so that a test says what happens when.
durable_options by_hand(std::string replica)
{
    return {.every = 0ms, .replica = std::move(replica)};
}

int failing(std::uint64_t)
{
    throw std::runtime_error{"broken"};
}

void serve(canary_t& trial, std::uint64_t first, std::uint64_t count)
{
    for (std::uint64_t unit = first; unit < first + count; ++unit) {
        static_cast<void>(trial(unit));
    }
}

/// Polls, and says what went wrong.
template <class Live>
std::string polled_or_why(Live& live)
{
    return live.poll() ? "polled" : live.status().last_error;
}

std::size_t served_by_challenger(canary_t& trial)
{
    std::size_t n = 0;
    for (std::uint64_t unit = 0; unit < 1'000; ++unit) {
        n += trial.serve(unit).ticket.arm() == 1 ? 1U : 0U;
    }
    return n;
}

bool has_note(const report& shown, std::string_view part)
{
    return std::any_of(shown.notes.begin(), shown.notes.end(),
                       [part](const std::string& note) { return note.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("a canary that was rolled back serves nothing by its challenger after a restart")
{
    const memory_store store;
    {
        canary_t trial = make_canary(failing);
        durable_t live{trial, store, by_hand("a")};
        serve(trial, 0, 3'000);
        REQUIRE(trial.rolled_back());
        REQUIRE(polled_or_why(live) == "polled");
        CHECK(live.status().stopped);
    }
    canary_t trial = make_canary(failing);
    durable_t live{trial, store, by_hand("a")};
    CHECK(trial.rolled_back());
    CHECK(live.status().restored);
    CHECK(live.status().reason.find("failures") != std::string::npos);
    CHECK(served_by_challenger(trial) == 0);
    const report shown = live.report();
    CHECK(shown.decision == verdict::roll_back);
    CHECK(shown.reason.find("failures") != std::string::npos);
}

TEST_CASE(
    "stage, evidence and approvals go on after a restart, and what was not written is what the status said")
{
    const memory_store store;
    std::uint64_t written = 0;
    {
        canary_t trial = make_canary();
        durable_t live{trial, store, by_hand("a")};
        for (std::uint64_t round = 0; round < 4; ++round) {
            serve(trial, round * 2'000, 2'000);
            REQUIRE(polled_or_why(live) == "polled");
        }
        CHECK(trial.phase() == canary_phase::promoted);
        written = live.evidence().requests();
        CHECK(written == 8'000);
        store.cut();  // What is served from here on is lost.
        serve(trial, 0, 500);
        CHECK_FALSE(live.poll());
        CHECK(live.status().unsynced_seconds > 0.0);
        CHECK(live.status().errors == 1);
        CHECK(live.status().last_error == "memory: the connection is cut");
        CHECK(has_note(live.report(), "is not stored yet"));
    }
    store.cut(false);
    canary_t trial = make_canary();
    durable_t live{trial, store, by_hand("a")};
    CHECK(trial.phase() == canary_phase::promoted);
    CHECK(trial.share() == 0.6);
    CHECK(live.evidence().requests() == written);
    CHECK(live.status().replicas.size() == 1);
    serve(trial, 0, 1'000);
    REQUIRE(polled_or_why(live) == "polled");
    CHECK(live.evidence().requests() == written + 1'000);
    CHECK(live.status().replicas.size() == 2);
    CHECK(live.report().shares.size() == 3);
    CHECK(live.report().course.taken() > 6);  // Those of the first life are among them.
}

TEST_CASE("a breach that a person has acknowledged does not act a second time after a restart")
{
    const memory_store store;
    canary_state saved;
    evidence seen;
    {
        canary_t trial = make_canary(failing, "new", breach::pause);
        durable_t live{trial, store, by_hand("a")};
        serve(trial, 0, 3'000);
        REQUIRE(trial.phase() == canary_phase::paused);
        REQUIRE(trial.resume("the failures are known"));
        REQUIRE(polled_or_why(live) == "polled");
        REQUIRE(trial.phase() != canary_phase::paused);
        saved = trial.state();
        seen = trial.evidence();
    }
    canary_t by_itself = make_canary(failing, "new", breach::pause);
    by_itself.restore(saved);
    by_itself.step(seen);
    CHECK(by_itself.phase() != canary_phase::paused);
    canary_t trial = make_canary(failing, "new", breach::pause);
    durable_t live{trial, store, by_hand("a")};
    REQUIRE(polled_or_why(live) == "polled");
    CHECK(trial.phase() != canary_phase::paused);
    CHECK(trial.share() == 0.1);
}

TEST_CASE("replicas with uneven traffic follow one plan, and one of them advances it for all")
{
    const memory_store store;
    canary_t busy = make_canary();
    canary_t idle = make_canary();
    durable_t first{busy, store.connection(), by_hand("busy")};
    durable_t second{idle, store.connection(), by_hand("idle")};
    serve(busy, 0, 2'000);
    serve(idle, 0, 20);
    // A replica alone never advances, however much it has served: its own look is no look at all traffic.
    busy.step();
    CHECK(busy.share() == 0.1);
    CHECK(first.status().leads);
    CHECK_FALSE(second.status().leads);
    CHECK(second.status().leader == "busy");
    REQUIRE(polled_or_why(second) == "polled");
    CHECK(idle.share() == 0.1);
    REQUIRE(polled_or_why(first) == "polled");
    CHECK(busy.share() == 0.3);
    CHECK(idle.share() == 0.1);
    REQUIRE(polled_or_why(second) == "polled");
    CHECK(idle.share() == 0.3);
    CHECK(first.status().plan_version == second.status().plan_version);
    CHECK(first.evidence() == second.evidence());
    CHECK(first.evidence().requests() == 2'020);
    for (std::uint64_t unit = 0; unit < 500; ++unit) {
        CHECK(busy.serve(unit).ticket.arm() == idle.serve(unit).ticket.arm());
    }
}

TEST_CASE("a rollback at any replica reaches all, and beats a promotion that was decided at the same time")
{
    const memory_store store;
    canary_t leader = make_canary();
    canary_t other = make_canary();
    durable_t first{leader, store.connection(), by_hand("leader")};
    durable_t second{other, store.connection(), by_hand("other")};
    serve(leader, 0, 2'000);

    SECTION("the rollback is written first")
    {
        other.roll_back("a person saw harm");
        REQUIRE(polled_or_why(second) == "polled");
        REQUIRE(polled_or_why(first) == "polled");
    }
    SECTION("the promotion is written first")
    {
        other.roll_back("a person saw harm");
        REQUIRE(polled_or_why(first) == "polled");
        CHECK(leader.share() == 0.3);
        REQUIRE(polled_or_why(second) == "polled");
        REQUIRE(polled_or_why(first) == "polled");
    }
    SECTION("a person promotes the leader meanwhile")
    {
        other.roll_back("a person saw harm");
        REQUIRE(leader.promote("a person likes it"));
        REQUIRE(polled_or_why(second) == "polled");
        REQUIRE(polled_or_why(first) == "polled");
    }
    SECTION("the rollback was decided without the store, and is written later")
    {
        // A copy of a connection shares its cut, so that the replica of this section is made anew.
        const memory_store cable = store.connection();
        canary_t cut_off = make_canary();
        durable_t third{cut_off, cable, by_hand("cut off")};
        cable.cut();
        cut_off.roll_back("a person saw harm");
        CHECK_FALSE(third.poll());
        REQUIRE(polled_or_why(first) == "polled");
        REQUIRE(polled_or_why(first) == "polled");
        CHECK(leader.share() == 0.3);
        cable.cut(false);
        REQUIRE(third.poll());
        REQUIRE(polled_or_why(first) == "polled");
        REQUIRE(polled_or_why(second) == "polled");
    }
    for (const canary_t* each : {&leader, &other}) {
        CHECK(each->rolled_back());
        CHECK(each->share() == 0.0);
    }
    CHECK(first.status().stopped);
    CHECK(first.status().reason.find("a person saw harm") != std::string::npos);
    // It is final: nothing that happens later starts the challenger again, also not in a new process.
    serve(leader, 0, 2'000);
    REQUIRE(polled_or_why(first) == "polled");
    canary_t later = make_canary();
    const durable_t third{later, store.connection(), by_hand("later")};
    CHECK(later.rolled_back());
    CHECK(third.status().stopped);
}

TEST_CASE("pause, resume, approval and promotion by a person reach every replica")
{
    const memory_store store;
    canary_t one = make_canary();
    canary_t two = make_canary();
    durable_t first{one, store.connection(), by_hand("one")};
    durable_t second{two, store.connection(), by_hand("two")};
    REQUIRE(two.pause("lunch"));
    REQUIRE(polled_or_why(second) == "polled");
    serve(one, 0, 2'000);
    REQUIRE(polled_or_why(first) == "polled");
    CHECK(one.phase() == canary_phase::paused);
    CHECK(one.share() == 0.1);
    REQUIRE(one.resume("back"));
    REQUIRE(polled_or_why(first) == "polled");
    REQUIRE(polled_or_why(second) == "polled");
    CHECK(two.phase() != canary_phase::paused);
    REQUIRE(two.promote("by the owner"));
    REQUIRE(polled_or_why(second) == "polled");
    REQUIRE(polled_or_why(first) == "polled");
    CHECK(one.phase() == canary_phase::promoted);
    CHECK(one.share() == 0.6);
    CHECK(first.status().plan_version == second.status().plan_version);
}

TEST_CASE("the fleet decides from the sum as one process with all the traffic does")
{
    // The same requests go to one process and, 8:1, to two replicas; failures of the challenger prove harm at the same point.
    const auto sometimes = [](std::uint64_t unit) -> int {
        if (mix64(unit) % 4 == 0) {
            throw std::runtime_error{"broken"};
        }
        return 1;
    };
    const memory_store alone;
    const memory_store store;
    canary_t whole = make_canary(sometimes);
    canary_t large = make_canary(sometimes);
    canary_t small = make_canary(sometimes);
    durable_t of_whole{whole, alone, by_hand("whole")};
    durable_t of_large{large, store.connection(), by_hand("large")};
    durable_t of_small{small, store.connection(), by_hand("small")};
    bool agreed = true;
    double worst = 0.0;
    for (std::uint64_t round = 0; round < 60; ++round) {
        for (std::uint64_t i = 0; i < 10; ++i) {
            const std::uint64_t unit = round * 10 + i;
            static_cast<void>(whole(unit));
            static_cast<void>(i % 9 == 8 ? small(unit) : large(unit));
        }
        REQUIRE(of_whole.poll());
        REQUIRE(polled_or_why(of_small) == "polled");
        REQUIRE(polled_or_why(of_large) == "polled");  // It leads, and has seen all.
        REQUIRE(polled_or_why(of_small) == "polled");
        agreed = agreed && whole.rolled_back() == large.rolled_back() && large.share() == small.share() &&
                 whole.share() == large.share();
        if (whole.rolled_back()) {
            break;  // It was taken out by a call, and the fleet at the end of the round.
        }
        const evidence a = of_whole.evidence();
        const evidence b = of_large.evidence();
        CHECK(a.requests() == b.requests());
        CHECK(a.failed(1) == b.failed(1));
        for (std::size_t s = 0; s < a.pairs[0].series.size(); ++s) {
            for (std::size_t bucket = 0; bucket < a.pairs[0].series[s].challenger.size(); ++bucket) {
                worst = std::max(worst, std::fabs(a.pairs[0].series[s].challenger[bucket] -
                                                  b.pairs[0].series[s].challenger[bucket]));
                worst = std::max(worst, std::fabs(a.pairs[0].series[s].champion_root[bucket] -
                                                  b.pairs[0].series[s].champion_root[bucket]));
            }
        }
    }
    CHECK(agreed);
    CHECK(worst <= 1e-12);
    CHECK(whole.rolled_back());
    CHECK(small.rolled_back());
}

TEST_CASE("writes that come twice, late and in any order change nothing")
{
    const memory_store store;
    evidence truth;
    for (int life = 0; life < 3; ++life) {
        canary_t one = make_canary();
        canary_t two = make_canary();
        durable_t first{one, store.connection(), by_hand("one")};
        durable_t second{two, store.connection(), by_hand("two")};
        for (std::uint64_t round = 0; round < 3; ++round) {
            serve(one, round * 50, 50);
            serve(two, round * 7, 7);
            REQUIRE(polled_or_why(first) == "polled");
            REQUIRE(polled_or_why(second) == "polled");
        }
        REQUIRE(polled_or_why(first) == "polled");
        truth = first.evidence();
    }
    CHECK(truth.requests() == 3 * 3 * 57);
    std::vector<joust_test::memory_rows::write> replayed = store.inside().writes;
    replayed.insert(replayed.end(), store.inside().writes.begin(), store.inside().writes.end());
    std::mt19937 shuffled{7};
    std::shuffle(replayed.begin(), replayed.end(), shuffled);
    memory_store late;
    late.inside().rows["joust/durable-canary/plan"] = store.inside().rows["joust/durable-canary/plan"];
    for (const auto& each : replayed) {
        static_cast<void>(late.put_if_newer(each.key, each.sequence, each.bytes));
    }
    canary_t judge = make_canary();
    const follow read_again{judge, late, by_hand("judge")};
    CHECK(read_again.evidence().requests() == truth.requests());
    for (std::size_t s = 0; s < truth.pairs[0].series.size(); ++s) {
        CHECK(read_again.evidence().pairs[0].series[s] == truth.pairs[0].series[s]);
    }
}

TEST_CASE("rows that do not belong are refused by name, and the others count")
{
    const memory_store store;
    {
        canary_t trial = make_canary();
        durable_t live{trial, store, by_hand("good")};
        serve(trial, 0, 100);
        REQUIRE(polled_or_why(live) == "polled");
    }
    auto& rows = store.inside().rows;
    const std::string prefix = "joust/durable-canary/evidence/";
    std::string good;
    for (const auto& [key, row] : rows) {
        good = key.starts_with(prefix) ? row.second : good;
    }
    rows[prefix + "torn/1"] = {1, good.substr(0, good.size() / 2)};
    rows[prefix + "foreign/1"] = {1, "{}"};
    detail::evidence_row<evidence> other = from_snapshot<detail::evidence_row<evidence>>(good);
    other.format = 99;
    rows[prefix + "version/1"] = {1, to_snapshot(other)};
    other.format = detail::shared_format;
    other.seen.models[1] = "another";
    rows[prefix + "models/1"] = {1, to_snapshot(other)};
    canary_t trial = make_canary();
    durable_t live{trial, store, by_hand("reader")};
    CHECK(live.evidence().requests() == 100);
    const durable_status now = live.status();
    REQUIRE(now.refused.size() == 4);
    for (const std::string name : {"foreign", "models", "torn", "version"}) {
        CHECK(std::any_of(now.refused.begin(), now.refused.end(), [&](const refused_row& each) {
            return each.key == prefix + name + "/1" && !each.why.empty();
        }));
    }
    CHECK(has_note(live.report(), "Not used: " + prefix + "models/1"));
}

TEST_CASE("a plan of other models is refused, and their rollback is not overwritten")
{
    const memory_store store;
    {
        canary_t trial = make_canary();
        durable_t live{trial, store, by_hand("a")};
        trial.roll_back("harm");
        REQUIRE(polled_or_why(live) == "polled");
    }
    const auto before = store.inside().rows["joust/durable-canary/plan"];
    canary_t other = make_canary([](std::uint64_t) { return 2; }, "newer");
    durable_t live{other, store, by_hand("b")};
    serve(other, 0, 2'000);
    static_cast<void>(live.poll());
    CHECK(store.inside().rows["joust/durable-canary/plan"] == before);
    CHECK(other.evidence().requests(1) == 0);
    const durable_status now = live.status();
    REQUIRE_FALSE(now.refused.empty());
    CHECK(now.refused[0].why.find("give a trial of other models another name") != std::string::npos);
}

TEST_CASE("without the store a new process leaves everything to the champion, and an old one keeps its plan")
{
    const memory_store store;
    const memory_store cable = store.connection();
    canary_t old_one = make_canary();
    durable_options options = by_hand("old");
    options.champion_after = 3s;
    durable_t first{old_one, cable, options};
    serve(old_one, 0, 2'000);
    REQUIRE(polled_or_why(first) == "polled");
    CHECK(old_one.share() == 0.3);
    cable.cut();
    canary_t fresh = make_canary();
    durable_t second{fresh, cable, by_hand("fresh")};
    CHECK_FALSE(second.status().connected);
    CHECK(served_by_challenger(fresh) == 0);
    serve(old_one, 0, 2'000);
    CHECK_FALSE(first.poll());
    CHECK(old_one.share() == 0.3);  // It keeps its plan and does not advance.
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (old_one.share() > 0.0 && std::chrono::steady_clock::now() < until) {
        std::this_thread::sleep_for(50ms);
        CHECK_FALSE(first.poll());
    }
    CHECK(served_by_challenger(old_one) == 0);  // As its owner asked, not for ever.
    CHECK_FALSE(old_one.rolled_back());
    cable.cut(false);
    REQUIRE(polled_or_why(second) == "polled");
    CHECK(fresh.share() == 0.3);
    CHECK(served_by_challenger(fresh) > 200);
    REQUIRE(polled_or_why(first) == "polled");
    CHECK(served_by_challenger(old_one) > 200);
}

TEST_CASE("without the store a replica takes a harmful challenger out by itself, and the others hear of it")
{
    const memory_store store;
    const memory_store cable = store.connection();
    canary_t cut_off = make_canary(failing);
    canary_t other = make_canary();
    durable_t first{cut_off, cable, by_hand("cut off")};
    durable_t second{other, store.connection(), by_hand("other")};
    cable.cut();
    CHECK_FALSE(first.poll());
    serve(cut_off, 0, 3'000);
    CHECK(cut_off.rolled_back());
    cable.cut(false);
    REQUIRE(polled_or_why(first) == "polled");
    REQUIRE(polled_or_why(second) == "polled");
    CHECK(other.rolled_back());
}

TEST_CASE("a process that serves nothing judges for all")
{
    const memory_store store;
    durable_options serves = by_hand("server");
    serves.judges = false;
    canary_t trial = make_canary();
    canary_t model_of_it = make_canary();
    durable_t live{trial, store.connection(), serves};
    follow judge{model_of_it, store.connection(), by_hand("judge")};
    serve(trial, 0, 2'000);
    REQUIRE(polled_or_why(live) == "polled");
    CHECK(trial.share() == 0.1);
    REQUIRE(judge.poll());
    REQUIRE(polled_or_why(live) == "polled");
    CHECK(trial.share() == 0.3);
    CHECK(live.status().leader == "judge");
    CHECK(judge.evidence().requests() == 2'000);
    CHECK(live.status().replicas.size() == 1);
}

TEST_CASE("the lease passes on when its holder stops, and when it is not heard of")
{
    const memory_store store;
    canary_t two = make_canary();
    durable_options patient = by_hand("two");
    patient.lease = 50ms;
    durable_t second{two, store.connection(), patient};
    CHECK(second.status().leads);
    {
        canary_t one = make_canary();
        durable_t first{one, store.connection(), by_hand("one")};
        CHECK_FALSE(first.status().leads);
        CHECK(first.status().leader == "two");
    }
    // A holder of another host that writes no more: its row stays as it is.
    auto& lease = store.inside().rows["joust/durable-canary/lease"];
    detail::lease_row stranger;
    stranger.holder.replica = "gone";
    stranger.holder.host = "another host";
    stranger.holder.epoch = 5;
    stranger.holder.process = 1;
    lease = {lease.first + 1, to_snapshot(stranger)};
    REQUIRE(polled_or_why(second) == "polled");
    CHECK_FALSE(second.status().leads);
    CHECK(second.status().leader == "gone");
    std::this_thread::sleep_for(60ms);
    REQUIRE(polled_or_why(second) == "polled");
    CHECK(second.status().leads);
}

TEST_CASE("feedback for a ticket counts once over restarts and replicas")
{
    const memory_store store;
    ticket early;
    ticket late;
    {
        canary_t trial = make_canary();
        durable_t live{trial, store.connection(), by_hand("a")};
        early = trial.serve(std::uint64_t{1}).ticket;
        late = trial.serve(std::uint64_t{2}).ticket;
        CHECK(trial.observe<"click">(early, true));
        REQUIRE(polled_or_why(live) == "polled");
    }
    canary_t a = make_canary();
    durable_t of_a{a, store.connection(), by_hand("a")};
    CHECK_FALSE(a.observe<"click">(early, true));
    CHECK(a.observe<"click">(late, true));
    canary_t b = make_canary();
    durable_t of_b{b, store.connection(), by_hand("b")};
    CHECK_FALSE(b.observe<"click">(early, true));
    // Before `a` has written, `b` cannot know. It counts, and the report says how many tickets did at most.
    CHECK(b.observe<"click">(late, true));
    REQUIRE(of_a.poll());
    REQUIRE(of_b.poll());
    CHECK(of_b.status().counted_twice == 1);
    CHECK(has_note(of_b.report(), "at most 1 tickets"));
    CHECK(of_b.evidence().pairs[0].series.back().champion_count +
              of_b.evidence().pairs[0].series.back().challenger_count ==
          0);
    const ticket third = a.serve(std::uint64_t{3}).ticket;
    CHECK(a.observe<"click">(third, true));
    REQUIRE(of_a.poll());
    REQUIRE(of_b.poll());
    CHECK_FALSE(b.observe<"click">(third, true));
    CHECK(of_b.status().counted_twice == 1);
}

TEST_CASE("more tickets than one row holds are known after a restart, each of them")
{
    const memory_store store;
    std::vector<ticket> given;
    {
        canary_t trial = make_canary();
        durable_t live{trial, store.connection(), by_hand("a")};
        for (std::uint64_t unit = 0; unit < 9'000; ++unit) {
            given.push_back(trial.serve(unit).ticket);
            REQUIRE(trial.observe<"click">(given.back(), true));
            if (unit % 1'000 == 999) {
                REQUIRE(polled_or_why(live) == "polled");
            }
        }
    }
    canary_t trial = make_canary();
    const durable_t live{trial, store.connection(), by_hand("a")};
    std::size_t taken = 0;
    for (const ticket& each : given) {
        taken += trial.observe<"click">(each, true) ? 1U : 0U;
    }
    CHECK(taken == 0);
}

TEST_CASE("lives that have ended fold into one row, and count as before")
{
    const memory_store store;
    std::uint64_t served = 0;
    std::vector<ticket> given;
    for (int life = 0; life < 20; ++life) {
        canary_t trial = make_canary();
        durable_t live{trial, store.connection(), by_hand("a")};
        serve(trial, served, 10);
        given.push_back(trial.serve(served).ticket);
        CHECK(trial.observe<"click">(given.back(), true));
        served += 11;
        REQUIRE(polled_or_why(live) == "polled");
        CHECK(live.evidence().requests() == served);
        // Its process has ended, as far as the next life can tell: the number of the process is the same and its epoch is not.
    }
    canary_t trial = make_canary();
    durable_t live{trial, store.connection(), by_hand("a")};
    REQUIRE(polled_or_why(live) == "polled");
    CHECK(live.status().folded >= 16);
    CHECK(live.status().replicas.size() < 6);
    CHECK(live.evidence().requests() == served);
    for (const ticket& each : given) {
        CHECK_FALSE(trial.observe<"click">(each, true));
    }
    canary_t other = make_canary();
    const durable_t again{other, store.connection(), by_hand("b")};
    CHECK(again.evidence().requests() == served);
    for (const ticket& each : given) {
        CHECK_FALSE(other.observe<"click">(each, true));
    }
}

TEST_CASE("with threads a rollback reaches the other replicas without a call of poll")
{
    const memory_store store;
    canary_t one = make_canary();
    canary_t two = make_canary();
    const durable_t first{one, store.connection(), {.every = 20ms, .replica = "one"}};
    const durable_t second{two, store.connection(), {.every = 20ms, .replica = "two"}};
    serve(one, 0, 2'000);
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (two.share() < 0.3 && std::chrono::steady_clock::now() < until) {
        std::this_thread::sleep_for(2ms);
    }
    CHECK(two.share() >= 0.3);
    two.roll_back("harm");
    while (!one.rolled_back() && std::chrono::steady_clock::now() < until) {
        std::this_thread::sleep_for(2ms);
    }
    CHECK(one.rolled_back());
}

TEST_CASE("the end of a durable trial waits for a store that does not answer no longer than it may")
{
    const memory_store store;
    struct holder {
        canary_t trial = make_canary();
    };
    auto held = std::make_unique<holder>();
    auto live = std::make_unique<durable_t>(
        held->trial, store, durable_options{.every = 5ms, .replica = "a", .stop_within = 50ms});
    store.slow(3'000ms);
    std::this_thread::sleep_for(30ms);  // A round waits for the store now.
    const auto from = std::chrono::steady_clock::now();
    live.reset();
    CHECK(std::chrono::steady_clock::now() - from < 2'500ms);
    held.reset();
    store.slow(0ms);
    while (store.users() > 1) {  // The thread that was left behind finds its trial gone, and ends.
        std::this_thread::sleep_for(20ms);
    }
}
