// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/executor.hpp>

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// Run challengers in a pool that the service has already.
///
/// The callable gets each task as a callable without arguments that can be copied, so that it also fits a std::function. It has
/// to return at once, and returns nothing, or false for a task that it refuses. At most `at_most` tasks wait or run at one time; a further
/// one is refused before its arguments are copied, and the trial counts it as dropped.
/// When to use: services with a pool of their own, such as asio's or TBB's.
/// When not: where nothing else runs beside the caller; `background` needs no allocation.
/// shape: `user_executor{[&pool](auto task) { asio::post(pool, task); }}`, or `user_executor{callable, 4096}`
/// assumes: the callable may be called by several threads at once. A task that the pool discards without running it is neither
///     compared nor counted as failed.
/// errors: configuration_error from the constructor where `at_most` is 0. A callable that throws has refused the task.
/// cost: one allocation for each task, and what the pool costs
template <class Submit>
class user_executor {
public:
    /// Tasks run after `dispatch` has returned, so they need copies of their arguments.
    static constexpr bool immediate = false;

    /// Take the callable that hands tasks to the pool, and say how many of them may wait or run at one time.
    explicit user_executor(Submit submit, std::size_t at_most = 1024)
        : submit_(std::move(submit)), at_most_(at_most)
    {
        if (at_most == 0) {
            throw configuration_error("user_executor.at_most", "0", "at least 1 task");
        }
    }

    /// Hand a task to the pool and return true, or return false where the pool refuses it or too many wait.
    template <class Task>
    bool dispatch(Task&& task) noexcept
    {
        using stored = queued<std::decay_t<Task>>;
        if (open_->fetch_add(1, std::memory_order_relaxed) >= at_most_) {
            open_->fetch_sub(1, std::memory_order_release);
            return false;
        }
        place taken{open_};
        try {
            const auto owned = std::make_shared<stored>(std::move(taken), std::forward<Task>(task));
            auto run = [owned] { owned->run(); };
            if constexpr (std::convertible_to<std::invoke_result_t<Submit&, decltype(run)>, bool>) {
                return static_cast<bool>(std::invoke(submit_, std::move(run)));
            } else {
                std::invoke(submit_, std::move(run));
                return true;
            }
        } catch (...) {
            return false;
        }
    }

    /// Say whether `dispatch` would refuse a task now.
    [[nodiscard]] bool full() const noexcept { return open_->load(std::memory_order_relaxed) >= at_most_; }

    /// Wait until no task waits or runs. Never call it from a task, and not where the pool has been stopped.
    void drain() const noexcept { (void)drain(std::chrono::nanoseconds::max()); }
    /// Wait until no task waits or runs, or for a time at most. Returns whether none does.
    bool drain(std::chrono::nanoseconds longest) const noexcept
    {
        return detail::wait_for([this] { return open_->load(std::memory_order_acquire) == 0; }, longest);
    }

private:
    using counter = std::shared_ptr<std::atomic<std::size_t>>;

    /// A place among the tasks that wait or run. Its owner gives it back.
    class place {
    public:
        explicit place(counter open) noexcept : open_(std::move(open)) {}
        place(place&& other) noexcept = default;
        place& operator=(place&&) = delete;
        ~place() { give_back(); }

        void give_back() noexcept
        {
            if (open_ != nullptr) {
                open_->fetch_sub(1, std::memory_order_release);
                open_.reset();
            }
        }

    private:
        counter open_;
    };

    /// A task with its place, which is given back as soon as the task has run, however long the pool keeps the task.
    template <class Task>
    struct queued {
        place held;
        Task task;

        template <class Given>
        queued(place taken, Given&& given) : held(std::move(taken)), task(std::forward<Given>(given))
        {
        }
        void run() noexcept
        {
            try {
                task();
            } catch (...) {  // NOLINT(bugprone-empty-catch): a challenger must not reach the pool
            }
            held.give_back();
        }
    };

    Submit submit_;
    std::size_t at_most_;
    counter open_ = std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace v0
}  // namespace joust
