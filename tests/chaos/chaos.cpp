// SPDX-License-Identifier: Apache-2.0

// Usage: joust_chaos directory|redis|postgres [SECONDS [SEED]]
//
// Five replicas serve a canary that is durable in one store. Meanwhile they are killed and started again, the server is killed and
// started again, writes come late, twice, in another order or without an answer, and a replica is cut off from the store. At the end the
// evidence in the store has to be exactly what was served and written, and every replica has to follow the same plan. Then the store is
// stopped, a replica rolls back, the store starts, and every replica has to be rolled back within two seconds.

#include <joust/core/random.hpp>
#include <joust/store/directory.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/durable.hpp>

#ifdef JOUST_CHAOS_WITH_redis
#include <joust/integration/redis.hpp>
#endif
#ifdef JOUST_CHAOS_WITH_postgres
#include <joust/integration/postgres.hpp>
#endif

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

using namespace joust;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr std::size_t replicas = 5;

/// What a replica tells the parent, in memory that both see, so that it outlives the replica.
struct shared_replica {
    /// Calls of the present life by arm.
    std::array<std::atomic<std::uint64_t>, 2> served{};
    /// The key of its evidence, what its latest writes held by their sequence, and the last sequence that the store has acknowledged.
    char key[256]{};
    std::array<std::array<std::uint64_t, 2>, 256> holds{};
    std::atomic<std::uint64_t> acknowledged{0};
    std::atomic<bool> cut_off{false};
    /// 0: serve, 1: write the last evidence, 2: follow the plan in a thread, 3: roll back, 4: end.
    std::atomic<int> order{0};
    std::atomic<int> done{-1};
    std::atomic<std::uint64_t> plan_version{0};
    std::atomic<std::uint64_t> stage{0};
    std::atomic<double> share{-1.0};
    std::atomic<bool> stopped{false};
    std::atomic<std::uint64_t> duplicates{0};
    std::atomic<std::uint64_t> lost_answers{0};
    std::atomic<std::uint64_t> refused_calls{0};
};

/// Any store, so that the trial is compiled once.
struct any_store {
    std::function<bool(std::string_view, std::uint64_t, std::string_view)> put;
    std::function<std::vector<stored_row>(std::string_view)> list;
    std::function<bool(std::string_view, std::uint64_t, std::string_view)> set;

    template <class Store>
    static any_store of(Store store)
    {
        const auto held = std::make_shared<Store>(std::move(store));
        return {[held](std::string_view k, std::uint64_t n, std::string_view b) {
                    return held->put_if_newer(k, n, b);
                },
                [held](std::string_view p) { return held->scan(p); },
                [held](std::string_view k, std::uint64_t n, std::string_view b) {
                    return held->compare_and_set(k, n, b);
                }};
    }
    bool put_if_newer(std::string_view key, std::uint64_t n, std::string_view bytes)
    {
        return put(key, n, bytes);
    }
    std::vector<stored_row> scan(std::string_view prefix) { return list(prefix); }
    bool compare_and_set(std::string_view key, std::uint64_t n, std::string_view bytes)
    {
        return set(key, n, bytes);
    }
};

/// A store in which everything goes wrong that may, and that keeps books of what was written.
class chaotic_store {
public:
    chaotic_store(any_store store, shared_replica& own, std::uint64_t seed)
        : store_(std::move(store)), own_(&own), random_(seed)
    {
    }

    bool put_if_newer(std::string_view key, std::uint64_t n, std::string_view bytes)
    {
        reach();
        const bool evidence = key.find("/evidence/") != std::string_view::npos &&
                              key.size() < sizeof own_->key && n < (std::uint64_t{1} << 60);
        if (evidence) {
            const std::size_t size = key.copy(own_->key, sizeof own_->key - 1);
            own_->key[size] = '\0';
            own_->holds[n % own_->holds.size()] = {own_->served[0], own_->served[1]};
        }
        // After an error it is not known whether the row was written: the row itself says so.
        const bool done = store_.put_if_newer(key, n, bytes);
        if (evidence) {
            own_->acknowledged = n;
        }
        earlier_.push_back({std::string{key}, n, std::string{bytes}});
        if (earlier_.size() > 8) {
            earlier_.erase(earlier_.begin());
        }
        if (random_.below(4) == 0) {
            // A write that comes again, and late: after newer ones.
            const stored_row& again = earlier_[static_cast<std::size_t>(random_.below(earlier_.size()))];
            ++own_->duplicates;
            if (store_.put_if_newer(again.key, again.sequence, again.bytes)) {
                std::puts("chaos: a row was written that was there already");
                std::_Exit(3);
            }
        }
        answer();
        return done;
    }

    std::vector<stored_row> scan(std::string_view prefix)
    {
        reach();
        return store_.scan(prefix);
    }

    bool compare_and_set(std::string_view key, std::uint64_t version, std::string_view bytes)
    {
        reach();
        const bool done = store_.compare_and_set(key, version, bytes);
        answer();
        return done;
    }

private:
    void reach()
    {
        if (own_->cut_off) {
            throw store_error("chaos", "cut off");
        }
        if (own_->order == 0 && random_.below(10) == 0) {
            ::usleep(static_cast<::useconds_t>(random_.below(20'000)));
        }
    }
    void answer()
    {
        if (own_->order == 0 && random_.below(12) == 0) {
            ++own_->lost_answers;
            throw store_error("chaos", "the answer was lost");
        }
    }

    any_store store_;
    shared_replica* own_;
    keyed_random random_;
    std::vector<stored_row> earlier_;
};

int answer_of(const std::uint64_t& unit)
{
    return static_cast<int>(unit % 7);
}

auto make_canary()
{
    return canary{model{"old", answer_of},
                  model{"new", answer_of},
                  by([](std::uint64_t unit) { return unit; }),
                  hash_split{.salt = "chaos"},
                  guardrail(failures{}),
                  ramp{.shares = {0.1, 0.3, 0.6}, .requests = 2'000},
                  untimed{}};
}

void note(shared_replica& own, const durable_status& now)
{
    own.plan_version = now.plan_version;
    own.stage = now.stage;
    own.share = now.share;
    own.stopped = now.stopped;
}

/// One life of a replica.
[[noreturn]] void live(std::size_t number, const any_store& store, shared_replica& own, std::uint64_t seed)
{
    const std::string name = "replica-" + std::to_string(number);
    keyed_random random{seed};
    std::uint64_t unit = seed << 20;
    {
        auto trial = make_canary();
        durable held{
            trial, chaotic_store{store, own, seed + 1}, {.every = 0ms, .replica = name, .lease = 500ms}};
        while (own.order == 0) {
            for (std::uint64_t n = random.below(60 + 60 * number); n > 0; --n) {
                const auto answer = trial.serve(unit++);
                own.served[answer.ticket.arm() == 1 ? 1 : 0] += 1;
            }
            own.refused_calls += held.poll() ? 0 : 1;
            ::usleep(static_cast<::useconds_t>(random.below(10'000)));
        }
        // Every process writes what it has, and then all read what the others wrote.
        // The first round of a life that began without the store reads the plan, and the next one writes.
        for (int rounds = 0; rounds < 2;) {
            rounds += held.poll() ? 1 : 0;
            ::usleep(5'000);
        }
        own.done = 1;
        while (own.order == 1) {
            static_cast<void>(held.poll());
            note(own, held.status());
            ::usleep(20'000);
        }
    }
    auto trial = make_canary();
    durable held{trial, chaotic_store{store, own, seed + 2}, {.every = 1s, .replica = name}};
    own.done = 2;
    bool rolled_back = false;
    while (own.order != 4) {
        if (own.order == 3 && !rolled_back) {
            trial.roll_back("the end of the test");
            rolled_back = true;
            own.done = 3;
        }
        // What serves is what counts, not what the status says.
        bool challenger = false;
        for (std::uint64_t u = 0; u < 64; ++u) {
            challenger = challenger || trial.serve(unit++).ticket.arm() == 1;
        }
        own.stopped = !challenger;
        ::usleep(10'000);
    }
    std::_Exit(0);
}

int run(const std::string& command, std::string& said)
{
    FILE* const pipe = ::popen(command.c_str(), "r");
    char part[256];
    said.clear();
    while (const std::size_t size = pipe != nullptr ? std::fread(part, 1, sizeof part, pipe) : 0) {
        said.append(part, size);
    }
    const int how = pipe != nullptr ? ::pclose(pipe) : -1;
    return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

any_store connect([[maybe_unused]] const std::string& kind, const std::string& folder,
                  [[maybe_unused]] int port)
{
#ifdef JOUST_CHAOS_WITH_redis
    if (kind == "redis") {
        return any_store::of(redis_store{{.port = port, .timeout = 3s}});
    }
#endif
#ifdef JOUST_CHAOS_WITH_postgres
    if (kind == "postgres") {
        return any_store::of(postgres_store{
            {.connection = "host=127.0.0.1 user=joust dbname=postgres port=" + std::to_string(port),
             .timeout = 3s}});
    }
#endif
    return any_store::of(directory{folder + "/rows"});
}

/// Wait until every replica has come so far.
template <class Reached>
bool all(shared_replica* shared, std::chrono::seconds most, Reached reached)
{
    const auto until = steady::now() + most;
    for (;;) {
        bool every = true;
        for (std::size_t r = 0; r < replicas; ++r) {
            every = every && reached(shared[r]);
        }
        if (every || steady::now() > until) {
            return every;
        }
        ::usleep(5'000);
    }
}

int fail(const std::string& why)
{
    std::printf("chaos: FAILED: %s\n", why.c_str());
    return 1;
}

}  // namespace

int main(int count, char** arguments)
{
    const std::string kind = count > 1 ? arguments[1] : "directory";
    const double seconds = count > 2 ? std::atof(arguments[2]) : 10.0;
    const std::uint64_t seed = count > 3
                                   ? std::strtoull(arguments[3], nullptr, 10)
                                   : static_cast<std::uint64_t>(steady::now().time_since_epoch().count());
    std::printf("chaos: %s for %.0f s, seed %llu\n", kind.c_str(), seconds,
                static_cast<unsigned long long>(seed));
    std::fflush(stdout);
    keyed_random random{seed};
    const std::string folder = "chaos_" + kind + "." + std::to_string(::getpid());
    const std::string script = JOUST_SOURCE_DIR "/scripts/server.sh ";
    const bool has_server = kind != "directory";
    std::string said;
    int port = 0;
    const auto start = [&] {
        const int code = run("mkdir -p " + folder +
                                 (has_server ? "; JOUST_OWNER=" + std::to_string(::getpid()) + " " + script +
                                                   "start " + kind + " " + folder
                                             : std::string{}),
                             said);
        port = std::atoi(said.c_str());
        return code;
    };
    if (const int code = start(); code != 0) {
        std::printf("chaos: skipped, since %s does not start (%d)\n", kind.c_str(), code);
        return code == 77 ? 77 : 1;
    }
    void* const memory = ::mmap(nullptr, sizeof(shared_replica) * replicas, PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    auto* const shared = static_cast<shared_replica*>(memory);
    for (std::size_t r = 0; r < replicas; ++r) {
        new (shared + r) shared_replica;
    }
    std::array<::pid_t, replicas> children{};
    std::array<std::uint64_t, 2> truth{};
    std::uint64_t lives = 0;
    const auto begin_life = [&](std::size_t r) {
        for (std::size_t arm = 0; arm < 2; ++arm) {
            shared[r].served[arm] = 0;
        }
        shared[r].key[0] = '\0';
        shared[r].acknowledged = 0;
        const std::uint64_t own_seed = seed + 1'000 * ++lives;
        children[r] = ::fork();
        if (children[r] == 0) {
            live(r, connect(kind, folder, port), shared[r], own_seed);
        }
    };
    // What a life has left behind: what the writes held that the store has. The store has to have every write that it acknowledged.
    any_store clean = connect(kind, folder, port);
    static_cast<void>(clean.scan("joust/chaos/plan"));
    std::string wrong;
    const auto close_books = [&](std::size_t r) {
        if (shared[r].key[0] == '\0') {
            return;
        }
        std::vector<stored_row> rows;
        for (int tries = 0;; ++tries) {
            try {
                rows = clean.scan(shared[r].key);
                break;
            } catch (const store_error& error) {
                if (tries == 400) {
                    wrong = error.what();
                    return;
                }
                ::usleep(10'000);
            }
        }
        const std::uint64_t sequence = rows.size() == 1 ? rows[0].sequence : 0;
        if (sequence < shared[r].acknowledged || sequence > shared[r].acknowledged + 200) {
            wrong = "the store has write " + std::to_string(sequence) + " of " + shared[r].key +
                    ", and acknowledged " + std::to_string(shared[r].acknowledged);
        }
        if (sequence > 0) {
            truth[0] += shared[r].holds[sequence % shared[r].holds.size()][0];
            truth[1] += shared[r].holds[sequence % shared[r].holds.size()][1];
        }
    };
    for (std::size_t r = 0; r < replicas; ++r) {
        begin_life(r);
    }
    std::uint64_t kills = 0;
    std::uint64_t restarts = 0;
    std::uint64_t cuts = 0;
    const auto until = steady::now() + std::chrono::duration<double>(seconds);
    for (std::uint64_t turn = 0; wrong.empty() && steady::now() < until; ++turn) {
        ::usleep(static_cast<::useconds_t>(30'000 + random.below(150'000)));
        const auto r = static_cast<std::size_t>(random.below(replicas));
        if (turn % 8 == 5 && has_server) {
            ++restarts;
            run(script + (random.below(2) == 0 ? "kill " : "stop ") + folder, said);
            ::usleep(static_cast<::useconds_t>(random.below(300'000)));
            if (start() != 0) {
                wrong = "the server does not start again";
                break;
            }
        } else if (turn % 3 == 0) {
            ++kills;
            ::kill(children[r], SIGKILL);
            int how = 0;
            ::waitpid(children[r], &how, 0);
            // The others stand still meanwhile, since one of them may fold the row.
            for (std::size_t other = 0; other < replicas; ++other) {
                if (other != r) {
                    ::kill(children[other], SIGSTOP);
                }
            }
            if (!WIFSIGNALED(how)) {
                wrong = "a replica ended by itself";
                break;
            }
            close_books(r);
            for (std::size_t other = 0; other < replicas; ++other) {
                if (other != r) {
                    ::kill(children[other], SIGCONT);
                }
            }
            begin_life(r);
        } else {
            ++cuts;
            shared[r].cut_off = !shared[r].cut_off;
        }
    }
    for (std::size_t r = 0; r < replicas; ++r) {
        shared[r].cut_off = false;
        shared[r].order = 1;
    }
    int result = 0;
    if (!wrong.empty()) {
        result = fail(wrong);
    } else if (!all(shared, 60s, [](const shared_replica& each) { return each.done == 1; })) {
        result = fail("a replica cannot write its last evidence");
    } else {
        for (std::size_t r = 0; r < replicas; ++r) {
            close_books(r);
        }
        if (!wrong.empty()) {
            result = fail(wrong);
        }
        // The evidence of all, as a process sees it that serves nothing.
        {
            auto trial = make_canary();
            follow reader{
                trial, connect(kind, folder, port), {.every = 0ms, .replica = "reader", .judges = false}};
            static_cast<void>(reader.poll());
            const report shown = reader.report();
            const durable_status now = reader.status();
            std::printf(
                "chaos: served and written %llu + %llu, in the store %llu + %llu; %llu lives (%llu folded), %llu kills, %llu server restarts, "
                "%llu cuts, stage %llu, plan %llu\n",
                static_cast<unsigned long long>(truth[0]), static_cast<unsigned long long>(truth[1]),
                static_cast<unsigned long long>(shown.arms[0].requests),
                static_cast<unsigned long long>(shown.arms[1].requests),
                static_cast<unsigned long long>(lives), static_cast<unsigned long long>(now.folded),
                static_cast<unsigned long long>(kills), static_cast<unsigned long long>(restarts),
                static_cast<unsigned long long>(cuts), static_cast<unsigned long long>(now.stage),
                static_cast<unsigned long long>(now.plan_version));
            if (shown.arms[0].requests != truth[0] || shown.arms[1].requests != truth[1] || truth[0] == 0) {
                result = fail("the evidence is not what was served");
            }
            if (!now.refused.empty()) {
                result = fail("a row is refused: " + now.refused[0].key + ": " + now.refused[0].why);
            }
        }
        if (!all(shared, 30s, [&](const shared_replica& each) {
                return each.plan_version == shared[0].plan_version && each.stage == shared[0].stage &&
                       each.share == shared[0].share && each.plan_version > 0;
            })) {
            result = fail("the replicas follow different plans");
        }
        // A rollback while the store is away.
        for (std::size_t r = 0; r < replicas; ++r) {
            shared[r].stopped = false;
            shared[r].order = 2;
        }
        if (!all(shared, 60s, [](const shared_replica& each) { return each.done >= 2; })) {
            result = fail("a replica does not start again");
        }
        ::usleep(1'500'000);
        if (has_server) {
            run(script + "stop " + folder, said);
        } else {
            for (std::size_t r = 0; r < replicas; ++r) {
                shared[r].cut_off = true;
            }
        }
        ::usleep(1'500'000);
        shared[1].order = 3;
        ::usleep(200'000);
        if (!all(shared, 0s,
                 [&](const shared_replica& each) { return (&each == shared + 1) == each.stopped; })) {
            result = fail("a rollback without the store reaches its own replica at once, and no other");
        }
        if (has_server) {
            start();
        }
        for (std::size_t r = 0; r < replicas; ++r) {
            shared[r].cut_off = false;
        }
        const auto reachable = steady::now();
        if (!all(shared, 30s, [](const shared_replica& each) { return each.stopped.load(); })) {
            result = fail("the rollback does not reach every replica");
        }
        const double took = std::chrono::duration<double>(steady::now() - reachable).count();
        std::printf("chaos: the rollback reached every replica %.2f s after the store could be reached\n",
                    took);
        // The short form runs without optimization, beside other tests.
        if (took > (seconds < 20.0 ? 6.0 : 2.0)) {
            result = fail("that is too long");
        }
    }
    std::uint64_t duplicates = 0;
    std::uint64_t lost = 0;
    std::uint64_t refused = 0;
    for (std::size_t r = 0; r < replicas; ++r) {
        duplicates += shared[r].duplicates;
        lost += shared[r].lost_answers;
        refused += shared[r].refused_calls;
        ::kill(children[r], SIGKILL);
        ::waitpid(children[r], nullptr, 0);
    }
    std::printf(
        "chaos: %llu writes came again, %llu answers were lost, %llu rounds did not reach the store\n",
        static_cast<unsigned long long>(duplicates), static_cast<unsigned long long>(lost),
        static_cast<unsigned long long>(refused));
    if (has_server) {
        run(script + "stop " + folder, said);
    }
    run("rm -rf " + folder, said);
    std::puts(result == 0 ? "chaos: all is as it should be" : "chaos: something is wrong");
    return result;
}
