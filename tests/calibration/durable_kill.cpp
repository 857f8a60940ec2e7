// SPDX-License-Identifier: Apache-2.0

// What does a process lose that is killed at any instant?
//
// A child process serves a durable canary on a folder, and its parent kills it with SIGKILL after a random time. The child notes in memory
// that it shares with its parent how many calls it has begun and ended, and what the status of the durable trial says: the plan, and how long
// ago the evidence was copied that was written last. After each kill the program fails unless
//
//   - the row of that life holds every call that had ended when the status said the evidence was copied, and none that had not begun;
//   - the next life begins with the plan that the status told of, or a later one; a challenger that was rolled back stays out;
//   - the evidence of all lives adds up, and no file is damaged.
//
// In each folder the challenger is sound for twelve lives, so that stages are entered, and then breaks. JOUST_CALIBRATE=full kills 1,000
// times, and otherwise 24 times.

#include <joust/core/random.hpp>
#include <joust/store/directory.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/durable.hpp>

#include "store/temporary_folder.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <new>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace {

using namespace joust;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

/// What a life has told before it was killed.
struct told {
    std::atomic<std::uint64_t> begun{0};
    std::atomic<std::uint64_t> safe{0};
    std::atomic<std::uint64_t> plan{0};
    std::atomic<std::uint64_t> stage{0};
    std::atomic<bool> stopped{false};
    std::atomic<std::uint64_t> challengers{0};
    std::atomic<std::uint64_t> all_at_start{0};
    std::atomic<std::uint64_t> refused{0};
    std::atomic<std::uint64_t> replica_rows{0};
    std::atomic<bool> started{false};
};

auto make_canary(bool sound)
{
    return canary{
        model{"old", std::function<int(std::uint64_t)>{[](std::uint64_t) { return 0; }}},
        model{"new", std::function<int(std::uint64_t)>{[sound](std::uint64_t) {
                  return sound ? 1 : throw std::runtime_error{"broken"};
              }}},
        by([](std::uint64_t unit) { return unit; }), hash_split{.salt = "killed"},
        ramp{.shares = {0.05, 0.1, 0.2, 0.4, 0.6}, .requests = 1'000, .promote = promotion::on_no_harm}};
}

[[noreturn]] void live_and_serve(const std::string& folder, bool sound, told& tell)
{
    auto trial = make_canary(sound);
    durable live{trial, directory{folder}, {.every = 2ms, .replica = "killed"}};
    std::uint64_t ended = 0;
    std::uint64_t published = 0;
    std::deque<std::pair<steady::time_point, std::uint64_t>> course;
    tell.all_at_start = live.evidence().requests();
    const auto look = [&] {
        const auto now = steady::now();
        const durable_status status = live.status();
        course.emplace_back(now, ended);
        if (status.published > published) {
            published = status.published;
            const auto copied = steady::now() - std::chrono::duration_cast<steady::duration>(
                                                    std::chrono::duration<double>(status.unsynced_seconds));
            while (course.size() > 1 && course[1].first <= copied) {
                course.pop_front();
            }
            if (course.front().first <= copied) {
                tell.safe = course.front().second;
            }
        }
        tell.plan = status.plan_version;
        tell.stage = status.stage;
        tell.stopped = status.stopped;
        tell.refused += status.refused.size();
        tell.replica_rows = status.replicas.size() + status.folded;
    };
    look();
    tell.started = true;
    for (std::uint64_t unit = 0;; ++unit) {
        ++tell.begun;
        tell.challengers += trial.serve(unit).ticket.arm() == 1 ? 1U : 0U;
        ++ended;
        if (unit % 16 == 0) {
            look();
        }
        if (unit % 512 == 0) {
            usleep(200);
        }
    }
}

int broken = 0;
void expect(bool good, const char* what, std::uint64_t a, std::uint64_t b)
{
    if (!good) {
        ++broken;
        std::printf("FAILED: %s: %llu, %llu\n", what, static_cast<unsigned long long>(a),
                    static_cast<unsigned long long>(b));
    }
}

std::uint64_t stored_requests(const std::string& folder, std::uint64_t& lives)
{
    auto trial = make_canary(true);
    const follow reader{trial, directory{folder}, {.every = 0ms, .replica = "reader", .judges = false}};
    lives = reader.status().replicas.size() + reader.status().folded;
    expect(reader.status().refused.empty(), "a file is damaged", reader.status().refused.size(), 0);
    return lives == 0 ? 0 : reader.evidence().requests();
}

}  // namespace

int main()
{
    const char* const asked = std::getenv("JOUST_CALIBRATE");
    const bool full = asked != nullptr && std::string{asked} == "full";
    const int kills = full ? 1'000 : 24;
    constexpr int lives_of_folder = 24;
    void* const memory =
        mmap(nullptr, sizeof(told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return 2;
    }
    keyed_random random{20'261'201};
    std::uint64_t lost_most = 0;
    std::uint64_t stages = 0;
    std::uint64_t rollbacks = 0;
    std::uint64_t started = 0;
    for (int kill_number = 0; kill_number < kills;) {
        const joust_test::temporary_folder folder{"durable_kill"};
        std::uint64_t plan = 0;
        std::uint64_t stage = 0;
        std::uint64_t before = 0;
        bool stopped = false;
        for (int life = 0; life < lives_of_folder && kill_number < kills; ++life, ++kill_number) {
            told& tell = *new (memory) told;
            const pid_t child = fork();
            if (child == 0) {
                live_and_serve(folder.path, life < lives_of_folder / 2, tell);
            }
            usleep(static_cast<useconds_t>(1'000 + random.below(60'000)));
            kill(child, SIGKILL);
            int how = 0;
            waitpid(child, &how, 0);
            expect(WIFSIGNALED(how), "the child ended by itself", static_cast<std::uint64_t>(how), 0);
            std::uint64_t lives = 0;
            const std::uint64_t now = stored_requests(folder.path, lives);
            const std::uint64_t stored = now - before;
            expect(now >= before, "evidence of earlier lives is gone", now, before);
            expect(stored >= tell.safe, "evidence is gone that was written", stored, tell.safe);
            expect(stored <= tell.begun, "more evidence than calls", stored, tell.begun);
            if (tell.started) {
                ++started;
                expect(tell.all_at_start == before, "a life did not begin with all evidence",
                       tell.all_at_start, before);
                expect(tell.plan >= plan, "the plan is older than before", tell.plan, plan);
                expect(tell.stage >= stage || tell.stopped, "the stage is lower than before", tell.stage,
                       stage);
                expect(tell.stopped || !stopped, "a rollback is forgotten",
                       static_cast<std::uint64_t>(tell.stopped.load()), static_cast<std::uint64_t>(stopped));
                expect(!stopped || tell.challengers == 0, "a challenger serves after its rollback",
                       tell.challengers, 0);
                stages += tell.stage > stage ? tell.stage - stage : 0;
                rollbacks += tell.stopped && !stopped ? 1U : 0U;
                plan = tell.plan;
                stage = tell.stage;
                stopped = tell.stopped;
            }
            expect(tell.refused == 0, "a life has refused rows", tell.refused, 0);
            const std::uint64_t lost = tell.begun > stored ? tell.begun - stored : 0;
            lost_most = lost > lost_most ? lost : lost_most;
            before = now;
        }
    }
    std::printf(
        "%d kills, %llu of them while calls were served: %llu stages entered, %llu rollbacks, at most %llu calls lost in a life\n",
        kills, static_cast<unsigned long long>(started), static_cast<unsigned long long>(stages),
        static_cast<unsigned long long>(rollbacks), static_cast<unsigned long long>(lost_most));
    expect(stages > 0 && rollbacks > 0, "nothing was decided", stages, rollbacks);
    return broken == 0 ? 0 : 1;
}
