// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/fork.hpp>
#include <joust/core/policy.hpp>

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>

#if __has_include(<unistd.h>)
#include <unistd.h>
#endif
#if defined(__linux__)
#include <sched.h>
#include <sys/resource.h>
#endif

namespace joust {
inline namespace v0 {

namespace detail {

/// Stand for any task in a concept that asks whether an executor takes tasks.
struct any_task {
    void operator()() noexcept {}
};

/// Return the id of this process. A thread pool remembers it, since its threads do not exist in a forked child.
[[nodiscard]] inline long process_id() noexcept
{
#if __has_include(<unistd.h>)
    return static_cast<long>(::getpid());
#else
    return 0;
#endif
}

}  // namespace detail

/// A type that can run a task now or later, or refuse it at once.
///
/// shape: `dispatch(task) noexcept -> bool`, which returns false for a refused task
template <class T>
concept dispatcher = requires(T& runner) {
    { runner.dispatch(detail::any_task{}) } noexcept -> std::same_as<bool>;
};

/// The options of an executor. `start()` makes the state (a queue and threads) that a trial owns and dispatches tasks to.
template <class T>
concept startable_executor = requires(const T& options) {
    { options.start() };
    requires dispatcher<std::remove_cvref_t<decltype(options.start())>>;
};

namespace detail {

struct verb_dispatch {
    int dispatch;
};
template <class T>
concept has_dispatch = derivable<T> && !requires { &both<T, verb_dispatch>::dispatch; };
struct verb_start {
    int start;
};
template <class T>
concept has_start = derivable<T> && !requires { &both<T, verb_start>::start; };

}  // namespace detail

/// The role of the executor. Its verb is `dispatch(task) noexcept -> bool`, on the policy or on what its `start()` makes.
struct executor_role {
    static constexpr bool repeats = false;
    template <class T>
    static constexpr bool plays = dispatcher<T> || startable_executor<T>;
    template <class T>
    static constexpr bool resembles = detail::has_dispatch<T> || detail::has_start<T>;
    template <class T>
    static constexpr void near_miss()
    {
        static_assert(
            plays<T> || !detail::has_dispatch<T>,
            "joust: this has dispatch(), but an executor is `template <class Task> bool dispatch(Task task) noexcept`, true where the task will run");
        static_assert(
            plays<T> || detail::has_dispatch<T>,
            "joust: this has start(), but the options of an executor are `start() const` that returns something with `template <class Task> bool dispatch(Task task) noexcept`");
    }
    template <class T>
    static constexpr void filled_twice()
    {
        static_assert(detail::always_false<T>,
                      "joust: two executors are given; challengers run in one place");
    }
};

/// Run every task at once, on the caller's thread.
///
/// When to use: in tests, in batch jobs, and for a challenger whose arguments live only during the call.
/// When not: in a service, since the caller waits for the champion and the challenger.
/// errors: none; an exception of a task is swallowed
struct inline_run {
    /// The task ends before `dispatch` returns, so its arguments need no copy.
    static constexpr bool immediate = true;

    /// Run a task and return true.
    template <class Task>
    bool dispatch(Task&& task) const noexcept
    {
        try {
            std::forward<Task>(task)();
        } catch (...) {  // NOLINT(bugprone-empty-catch): a challenger must not reach the caller
        }
        return true;
    }

    /// Return at once, since no task can be waiting.
    void drain() const noexcept {}

    bool operator==(const inline_run&) const = default;
};

namespace detail {

/// Wait until something has happened, but for a time at most. Returns whether it has. It looks more rarely the longer it
/// takes.
template <class Happened>
bool wait_for(Happened&& happened, std::chrono::nanoseconds longest) noexcept
{
    constexpr std::chrono::nanoseconds shortest_nap = std::chrono::microseconds{50};
    constexpr std::chrono::nanoseconds longest_nap = std::chrono::milliseconds{1};
    const auto begun = std::chrono::steady_clock::now();
    while (!happened()) {
        const std::chrono::nanoseconds spent = std::chrono::steady_clock::now() - begun;
        if (spent >= longest) {
            return false;
        }
        const std::chrono::nanoseconds nap = spent / 16;
        const std::chrono::nanoseconds left = longest - spent;
        const std::chrono::nanoseconds wanted = nap < shortest_nap  ? shortest_nap
                                                : nap < longest_nap ? nap
                                                                    : longest_nap;
        std::this_thread::sleep_for(wanted < left ? wanted : left);
    }
    return true;
}

/// Where the threads of a background_queue run, and how they stand behind others.
struct thread_placement {
    /// Bit i allows core i. 0 allows all.
    std::uint64_t cores = 0;
    /// How much the threads give way to others, from 0 to 19.
    int nice = 0;

    /// Place the calling thread. A system that knows no such placement leaves it alone.
    void take() const noexcept
    {
#if defined(__linux__)
        if (cores != 0) {
            cpu_set_t allowed;
            CPU_ZERO(&allowed);
            for (unsigned core = 0; core < 64; ++core) {
                if (((cores >> core) & 1U) != 0) {
                    CPU_SET(core, &allowed);
                }
            }
            (void)::sched_setaffinity(0, sizeof allowed, &allowed);
        }
        if (nice > 0) {
            (void)::setpriority(PRIO_PROCESS, 0, nice);  // 0 is the calling thread, not its process.
        }
#endif
    }

    /// Return whether this process may run on one of the cores at least.
    [[nodiscard]] bool possible() const noexcept
    {
#if defined(__linux__)
        cpu_set_t own;
        CPU_ZERO(&own);
        if (cores != 0 && ::sched_getaffinity(0, sizeof own, &own) == 0) {
            for (unsigned core = 0; core < 64; ++core) {
                if (((cores >> core) & 1U) != 0 && CPU_ISSET(core, &own)) {
                    return true;
                }
            }
            return false;
        }
#endif
        return true;
    }
};

/// The ring of a background_queue. The queue and each of its workers own it together, so that a worker that was left
/// alone still finds its task and the ring.
///
/// Each cell carries a sequence number that says whether a producer or a worker may use it next, so a producer claims a
/// cell with one compare-and-swap and sees a full ring with one load.
class task_ring {
public:
    /// Allocate the cells, and one place for each worker, which holds the task that the worker runs. One more place
    /// belongs to the owner.
    task_ring(std::size_t queue, unsigned workers, std::size_t task_bytes, std::chrono::nanoseconds awake)
        : mask_(round_up(queue) - 1), task_bytes_(task_bytes), stride_(stride_for(task_bytes)), awake_(awake),
          has_left_(new std::atomic<bool>[workers]())
    {
        cells_ = static_cast<std::byte*>(
            ::operator new((mask_ + 1 + workers + 1) * stride_, std::align_val_t{cache_line}));
        for (std::uint64_t i = 0; i <= mask_; ++i) {
            ::new (static_cast<void*>(cells_ + i * stride_)) cell{{i}, nullptr};
        }
    }
    task_ring(const task_ring&) = delete;
    task_ring& operator=(const task_ring&) = delete;
    ~task_ring() { ::operator delete(cells_, std::align_val_t{cache_line}); }

    /// Keep an object alive as long as the ring, because its tasks use the object.
    void keep(std::shared_ptr<const void> used) noexcept { kept_ = std::move(used); }

    /// Make an empty ring with the same options, and keep the same object alive.
    [[nodiscard]] std::shared_ptr<task_ring> another(unsigned workers) const
    {
        auto made = std::make_shared<task_ring>(mask_ + 1, workers, task_bytes_, awake_);
        made->keep(kept_);
        return made;
    }

    template <class Task>
    bool dispatch(Task&& task) noexcept
    {
        using stored = std::decay_t<Task>;
        if constexpr (std::is_nothrow_constructible_v<stored, Task> &&
                      std::is_nothrow_move_constructible_v<stored> &&
                      alignof(stored) <= alignof(std::max_align_t)) {
            if (sizeof(stored) <= task_bytes_) {
                return push(std::forward<Task>(task));
            }
        }
        if (full()) {
            refused_.fetch_add(1, std::memory_order_relaxed);
            return false;
        }
        try {
            return push(boxed<stored>{new stored(std::forward<Task>(task))});
        } catch (...) {
            refused_.fetch_add(1, std::memory_order_relaxed);
            return false;
        }
    }

    [[nodiscard]] bool full() const noexcept
    {
        const std::uint64_t at = head_.load(std::memory_order_relaxed);
        return turn(cell_at(at).sequence.load(std::memory_order_acquire), at) < 0;
    }

    /// Wait until every task accepted before this call has run, or for a time at most. Returns whether they have run.
    bool drain(std::chrono::nanoseconds longest) const noexcept
    {
        const std::uint64_t target = head_.load(std::memory_order_seq_cst);
        return wait_for([&] { return done_.load(std::memory_order_acquire) >= target; }, longest);
    }

    [[nodiscard]] std::size_t capacity() const noexcept { return mask_ + 1; }
    [[nodiscard]] std::uint64_t accepted() const noexcept { return head_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t finished() const noexcept { return done_.load(std::memory_order_acquire); }
    [[nodiscard]] std::uint64_t failed() const noexcept { return failed_.load(std::memory_order_relaxed); }

    /// Run tasks until the ring stops. Each worker is a thread that calls this with its number.
    void work(unsigned worker) noexcept
    {
        void* const own = place(worker);
        for (idleness idle; !stop_.load(std::memory_order_acquire);) {
            if (const action act = take(own)) {
                if (!act(step::run, own, nullptr)) {
                    failed_.fetch_add(1, std::memory_order_relaxed);
                }
                (void)act(step::destroy, own, nullptr);
                done_.fetch_add(1, std::memory_order_release);
                idle.rounds = 0;
            } else {
                wait_for_work(idle);
            }
        }
        has_left_[worker].store(true, std::memory_order_release);
    }

    /// Stop the workers when they have finished the tasks that they run, destroy the waiting tasks, and wait for the
    /// workers, but for a time at most.
    void stop(unsigned workers, std::chrono::nanoseconds longest) noexcept
    {
        stop_.store(true, std::memory_order_seq_cst);
        wake_signal_.fetch_add(1, std::memory_order_seq_cst);
        wake_signal_.notify_all();
        for (void* const own = place(workers);;) {
            const action act = take(own);
            if (act == nullptr) {
                break;
            }
            (void)act(step::destroy, own, nullptr);
        }
        (void)wait_for(
            [&] {
                for (unsigned i = 0; i < workers; ++i) {
                    if (!has_left(i)) {
                        return false;
                    }
                }
                return true;
            },
            longest);
    }

    /// Say whether a worker has finished its last task.
    [[nodiscard]] bool has_left(unsigned worker) const noexcept
    {
        return has_left_[worker].load(std::memory_order_acquire);
    }

private:
    static constexpr std::size_t cache_line = 64;

    enum class step : unsigned char { relocate, run, destroy };

    // Relocates, runs or destroys a task. Returns false if the task threw.
    using action = bool (*)(step, void* task, void* to);

    struct cell {
        std::atomic<std::uint64_t> sequence;
        action act;
    };
    static constexpr std::size_t header = (sizeof(cell) + alignof(std::max_align_t) - 1) /
                                          alignof(std::max_align_t) * alignof(std::max_align_t);

    /// Keep a task on the heap that is too large for its cell, or whose move may throw.
    template <class Task>
    struct boxed {
        Task* task;

        explicit boxed(Task* owned) noexcept : task(owned) {}
        boxed(boxed&& other) noexcept : task(std::exchange(other.task, nullptr)) {}
        boxed& operator=(boxed&&) = delete;
        ~boxed() { delete task; }
        void operator()() { (*task)(); }
    };

    template <class Task>
    static bool act_on(step what, void* from, void* to)
    {
        auto* task = std::launder(static_cast<Task*>(from));
        switch (what) {
            case step::relocate:
                ::new (to) Task(std::move(*task));
                task->~Task();
                return true;
            case step::run: try { (*task)();
                } catch (...) {
                    return false;
                }
                return true;
            case step::destroy: task->~Task(); return true;
        }
        return true;
    }

    [[nodiscard]] static std::size_t round_up(std::size_t queue) noexcept
    {
        std::size_t power = 2;  // With one cell, a full ring could not be told from an empty one.
        while (power < queue) {
            power *= 2;
        }
        return power;
    }

    [[nodiscard]] static std::size_t stride_for(std::size_t task_bytes) noexcept
    {
        return (header + task_bytes + cache_line - 1) / cache_line * cache_line;
    }

    [[nodiscard]] static std::int64_t turn(std::uint64_t sequence, std::uint64_t at) noexcept
    {
        return static_cast<std::int64_t>(sequence - at);
    }

    [[nodiscard]] cell& cell_at(std::uint64_t at) const noexcept
    {
        return *std::launder(reinterpret_cast<cell*>(cells_ + (at & mask_) * stride_));
    }
    [[nodiscard]] static void* task_of(cell& holder) noexcept
    {
        return reinterpret_cast<std::byte*>(&holder) + header;
    }

    [[nodiscard]] void* place(unsigned worker) const noexcept
    {
        return cells_ + (mask_ + 1 + worker) * stride_;
    }

    template <class Task>
    bool push(Task&& task) noexcept
    {
        std::uint64_t at = head_.load(std::memory_order_relaxed);
        for (;;) {
            cell& target = cell_at(at);
            const std::int64_t difference = turn(target.sequence.load(std::memory_order_acquire), at);
            if (difference == 0) {
                // This exchange, the load of `asleep_` below and their counterparts in `wait_for_work` are sequentially
                // consistent. So either this producer sees the sleeper, or the sleeper sees this claim.
                if (head_.compare_exchange_weak(at, at + 1, std::memory_order_seq_cst,
                                                std::memory_order_relaxed)) {
                    ::new (task_of(target)) std::decay_t<Task>(std::forward<Task>(task));
                    target.act = &act_on<std::decay_t<Task>>;
                    target.sequence.store(at + 1, std::memory_order_release);
                    if (asleep_.load(std::memory_order_seq_cst)) {
                        wake_workers();
                    }
                    return true;
                }
            } else if (difference < 0) {
                refused_.fetch_add(1, std::memory_order_relaxed);
                return false;
            } else {
                at = head_.load(std::memory_order_relaxed);
            }
        }
    }

    void wake_workers() noexcept
    {
        if (asleep_.exchange(false, std::memory_order_seq_cst)) {
            wake_signal_.fetch_add(1, std::memory_order_seq_cst);
            wake_signal_.notify_all();
        }
    }

    /// Move the oldest task out of its cell before it runs, so that a slow task blocks a worker and not the ring.
    /// Returns null if no task waits.
    [[nodiscard]] action take(void* into) noexcept
    {
        std::uint64_t at = tail_.load(std::memory_order_relaxed);
        for (;;) {
            cell& source = cell_at(at);
            const std::int64_t difference = turn(source.sequence.load(std::memory_order_acquire), at + 1);
            if (difference == 0) {
                if (tail_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) {
                    const action act = source.act;
                    (void)act(step::relocate, task_of(source), into);
                    source.sequence.store(at + mask_ + 1, std::memory_order_release);
                    return act;
                }
            } else if (difference < 0) {
                return nullptr;
            } else {
                at = tail_.load(std::memory_order_relaxed);
            }
        }
    }

    struct idleness {
        unsigned rounds = 0;
        std::chrono::steady_clock::time_point since{};
    };

    /// Wait for work: spin for some microseconds, then nap and look again, and at last sleep.
    ///
    /// To wake a sleeping worker costs the producer a system call. So a worker naps for the time `awake_` first. A nap
    /// lasts longer the longer no work came, but at most 10 ms.
    void wait_for_work(idleness& idle) noexcept
    {
        constexpr unsigned spins = 32;
        constexpr std::chrono::nanoseconds shortest = std::chrono::microseconds{200};
        constexpr std::chrono::nanoseconds longest = std::chrono::milliseconds{10};
        if (idle.rounds < spins) {
            ++idle.rounds;
            std::this_thread::yield();
            return;
        }
        const auto now = std::chrono::steady_clock::now();
        if (idle.rounds == spins) {
            ++idle.rounds;
            idle.since = now;
        }
        const std::chrono::nanoseconds spent = now - idle.since;
        if (spent < awake_) {
            const std::chrono::nanoseconds nap = spent / 8;
            std::this_thread::sleep_for(nap < shortest ? shortest : nap < longest ? nap : longest);
            return;
        }
        const std::uint32_t last_seen = wake_signal_.load(std::memory_order_seq_cst);
        asleep_.store(true, std::memory_order_seq_cst);
        if (head_.load(std::memory_order_seq_cst) == tail_.load(std::memory_order_seq_cst) &&
            !stop_.load(std::memory_order_seq_cst)) {
            wake_signal_.wait(last_seen, std::memory_order_seq_cst);
            idle.rounds = 0;
        }
    }

    const std::size_t mask_;
    const std::size_t task_bytes_;
    const std::size_t stride_;
    const std::chrono::nanoseconds awake_;
    std::byte* cells_ = nullptr;
    std::unique_ptr<std::atomic<bool>[]> has_left_;
    std::shared_ptr<const void> kept_;
    // Each counter has a cache line of its own, since producers and workers would otherwise slow each other down.
    alignas(cache_line) std::atomic<std::uint64_t> head_{0};
    alignas(cache_line) std::atomic<std::uint64_t> tail_{0};
    alignas(cache_line) std::atomic<bool> asleep_{false};
    std::atomic<std::uint32_t> wake_signal_{0};
    std::atomic<bool> stop_{false};
    alignas(cache_line) std::atomic<std::uint64_t> refused_{0};
    alignas(cache_line) std::atomic<std::uint64_t> done_{0};
    std::atomic<std::uint64_t> failed_{0};
};

}  // namespace detail

/// Run tasks from a bounded queue on threads that belong to the queue. `background::start` makes it.
///
/// The queue is a preallocated ring of cells. An idle worker spins briefly, then naps and looks again, and at last
/// sleeps until a producer wakes it. A producer makes a system call only to wake a sleeping worker.
///
/// The destructor destroys the waiting tasks without running them, and waits for the tasks that are running, but not
/// longer than the time `shutdown`. A task that runs longer is abandoned: its thread goes on alone, together with the
/// ring and with what `keep` was given, and ends when the task returns. Call `drain()` first to have the waiting tasks
/// run.
///
/// Threads do not survive fork(). When a trial serves its first call in a forked child, the queue starts threads of its own
/// there, with an empty ring: tasks that waited at the fork are run by the parent alone. Without a trial no task runs in the
/// child: the ring fills, every further task is refused and counted, and `drain()` and the destructor return at once.
/// assumes: no thread calls `dispatch` any more when the destructor begins; what an abandoned task refers to and neither
/// it nor `keep` owns stays alive as long as the process
/// cost: 15 to 30 ns for an accepted task, about 5 for a refused one; a task that is larger than `task_bytes`, or
/// whose move may throw, costs one allocation
/// source: Vyukov 2011, Bounded MPMC queue (a sequence number for each cell)
class background_queue {
public:
    /// Wait as long as a task takes.
    static constexpr std::chrono::nanoseconds without_end = std::chrono::nanoseconds::max();

    /// Allocate the ring and start the threads. The options are those of `background`.
    /// errors: std::bad_alloc and std::system_error, after the threads that had started have ended
    background_queue(std::size_t queue, unsigned threads, std::size_t task_bytes,
                     std::chrono::nanoseconds awake, std::chrono::nanoseconds shutdown = without_end,
                     detail::thread_placement placement = {})
        : shutdown_(shutdown), placement_(placement), process_(detail::process_id()),
          ring_(std::make_shared<detail::task_ring>(queue, threads, task_bytes, awake)),
          workers_(new std::thread[threads])
    {
        try {
            for (; count_ < threads; ++count_) {
                start_worker(count_);
            }
        } catch (...) {
            shut_down();
            throw;
        }
    }

    background_queue(const background_queue&) = delete;
    background_queue& operator=(const background_queue&) = delete;
    ~background_queue() { shut_down(); }

    /// Queue a task and return true, or refuse it at once and return false if the queue is full.
    template <class Task>
    bool dispatch(Task&& task) noexcept
    {
        return ring_->dispatch(std::forward<Task>(task));
    }

    /// Keep an object alive until the queue is destroyed and no worker runs a task any more. Call it once, before the
    /// first task.
    void keep(std::shared_ptr<const void> used) noexcept { ring_->keep(std::move(used)); }

    /// Say whether `dispatch` would refuse a task now. Ask before copying the arguments of a task.
    [[nodiscard]] bool full() const noexcept { return ring_->full(); }

    /// Wait until every task accepted before this call has run. Never call it from a task.
    void drain() const noexcept { (void)drain(without_end); }
    /// Wait until every task accepted before this call has run, or for a time at most. Returns whether they have run.
    bool drain(std::chrono::nanoseconds longest) const noexcept
    {
        return process_ != detail::process_id() || ring_->drain(longest);
    }

    /// Return how many tasks can wait at once.
    [[nodiscard]] std::size_t capacity() const noexcept { return ring_->capacity(); }
    /// Return how many tasks were accepted since the start.
    [[nodiscard]] std::uint64_t accepted() const noexcept { return ring_->accepted(); }
    /// Return how many tasks were refused since the start.
    [[nodiscard]] std::uint64_t refused() const noexcept { return ring_->refused(); }
    /// Return how many tasks have run, with those that threw.
    [[nodiscard]] std::uint64_t finished() const noexcept { return ring_->finished(); }
    /// Return how many tasks ended by throwing.
    [[nodiscard]] std::uint64_t failed() const noexcept { return ring_->failed(); }

private:
    void start_worker(unsigned number)
    {
        workers_[number] = std::thread([ring = ring_, where = placement_, number] {
            where.take();
            ring->work(number);
        });
    }

    /// Start again in a forked child. The ring and the handles of the parent's threads are left alone.
    void start_in_child()
    {
        auto fresh = ring_->another(count_);
        std::unique_ptr<std::thread[]> workers(new std::thread[count_]);
        (void)workers_.release();
        workers_ = std::move(workers);
        ring_ = std::move(fresh);
        process_ = detail::process_id();
        const unsigned wanted = std::exchange(count_, 0U);
        for (; count_ < wanted; ++count_) {
            start_worker(count_);
        }
    }

    static void around_fork(void* object, detail::fork_moment now) noexcept
    {
        auto& own = *static_cast<background_queue*>(object);
        if (now == detail::fork_moment::first_use && own.process_ != detail::process_id()) {
            try {
                own.start_in_child();
            } catch (...) {
                // Without memory or threads the child refuses tasks, or has fewer workers.
            }
        }
    }

    void shut_down() noexcept
    {
        if (process_ != detail::process_id()) {
            // A forked child has no workers to join, and to destroy their handles would end the process.
            (void)workers_.release();
            return;
        }
        ring_->stop(count_, shutdown_);
        for (unsigned i = 0; i < count_; ++i) {
            if (ring_->has_left(i)) {
                workers_[i].join();
            } else {
                workers_[i].detach();
            }
        }
    }

    const std::chrono::nanoseconds shutdown_;
    const detail::thread_placement placement_;
    long process_;
    std::shared_ptr<detail::task_ring> ring_;
    std::unique_ptr<std::thread[]> workers_;
    unsigned count_ = 0;
    detail::fork_watcher fork_{this, &around_fork, detail::fork_order::leaf};
};

/// Run challengers on threads that belong to the trial, beside the caller. This is the default executor.
///
/// A request that finds the queue full is dropped at once and counted: a shadow that lags behind loses comparisons, but
/// it never costs the caller time. The trial's destructor does not wait for a challenger that hangs: it gives a running
/// call the time `shutdown` and then abandons it. An abandoned call keeps the trial's models, policies and evidence alive
/// until it returns, but not what a model only refers to.
/// When to use: in services.
/// When not: for calls whose arguments live only during the call; take `inline_run` for those.
/// assumes: what a model refers to without owning it (std::ref, a capture by reference) outlives its slowest call, or
/// `shutdown` is longer than that call
/// errors: configuration_error from `validate` and `start` for a field out of range
/// cost: the queue takes queue * (task_bytes + 16) bytes, 256 KiB by default
struct background {
    /// The most requests that wait, rounded up to a power of two.
    std::size_t queue = 1024;
    /// How many threads run challengers.
    unsigned threads = 1;
    /// The largest task (the arguments and the champion's result) that is queued without an allocation.
    std::size_t task_bytes = 240;
    /// How long a worker without work stays awake and looks for work every 0.2 to 10 ms. Then it sleeps until a caller
    /// wakes it, which costs that caller 10 to 25 us.
    std::chrono::nanoseconds awake = std::chrono::seconds{2};
    /// How long the destructor of the trial waits for calls that are running. Then it abandons them.
    /// `background_queue::without_end` waits as long as they take.
    std::chrono::nanoseconds shutdown = std::chrono::seconds{1};
    /// The cores that the threads may use: bit i stands for core i, and 0 for all. Only Linux keeps to it.
    std::uint64_t cores = 0;
    /// How much the threads give way to those that serve, as the command `nice` does: from 0, not at all, to 19. Only Linux keeps to it.
    int nice = 0;

    /// Tasks run after `dispatch` has returned, so they need copies of their arguments.
    static constexpr bool immediate = false;

    /// Make the queue and start the threads.
    [[nodiscard]] background_queue start() const
    {
        validate();
        return background_queue(queue, threads, task_bytes, awake, shutdown, {.cores = cores, .nice = nice});
    }

    /// Refuse fields that are out of range.
    void validate() const
    {
        require("background.queue", queue, 1, std::size_t{1} << 24);
        require("background.threads", threads, 1, 256);
        require("background.task_bytes", task_bytes, 16, std::size_t{1} << 16);
        if (awake.count() < 0) {
            throw configuration_error("background.awake", std::to_string(awake.count()) + " ns",
                                      "a time of at least 0");
        }
        if (shutdown.count() < 0) {
            throw configuration_error("background.shutdown", std::to_string(shutdown.count()) + " ns",
                                      "a time of at least 0");
        }
        if (nice < 0 || nice > 19) {
            throw configuration_error("background.nice", std::to_string(nice), "0 to 19");
        }
        if (!detail::thread_placement{.cores = cores}.possible()) {
            throw configuration_error("background.cores", std::to_string(cores),
                                      "a mask with a core on which this process may run, or 0 for all");
        }
    }

    bool operator==(const background&) const = default;

private:
    static void require(const char* field, std::size_t value, std::size_t least, std::size_t most)
    {
        if (value < least || value > most) {
            throw configuration_error(field, std::to_string(value),
                                      std::to_string(least) + " to " + std::to_string(most));
        }
    }
};

}  // namespace v0
}  // namespace joust
