// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/executor.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {
namespace detail {

/// Counts tasks that were given to a pool and have not ended. A task that the pool throws away has ended too.
class tasks_under_way {
public:
    /// Begin one task more, unless so many are under way.
    [[nodiscard]] bool begin(std::size_t at_most)
    {
        const std::scoped_lock lock{mutex_};
        if (count_ >= at_most) {
            return false;
        }
        ++count_;
        return true;
    }
    [[nodiscard]] bool reached(std::size_t at_most)
    {
        const std::scoped_lock lock{mutex_};
        return count_ >= at_most;
    }
    void end() noexcept
    {
        const std::scoped_lock lock{mutex_};
        if (--count_ == 0) {
            none_.notify_all();
        }
    }
    void wait()
    {
        std::unique_lock lock{mutex_};
        none_.wait(lock, [this] { return count_ == 0; });
    }
    [[nodiscard]] bool wait_for(std::chrono::nanoseconds longest)
    {
        std::unique_lock lock{mutex_};
        return none_.wait_for(lock, longest, [this] { return count_ == 0; });
    }

private:
    std::mutex mutex_;
    std::condition_variable none_;
    std::uint64_t count_ = 0;
};

/// Ends a task when the last copy of it is destroyed.
class task_under_way {
public:
    /// The task has begun already.
    explicit task_under_way(std::shared_ptr<tasks_under_way> all) noexcept : all_(std::move(all)) {}
    task_under_way(const task_under_way&) = delete;
    task_under_way& operator=(const task_under_way&) = delete;
    ~task_under_way() { all_->end(); }

private:
    std::shared_ptr<tasks_under_way> all_;
};

/// A task for a pool. It can be copied where the arguments of the model can.
template <class Task>
struct posted_task {
    /// Some pools call their tasks as constants.
    mutable Task task;
    std::shared_ptr<task_under_way> under_way;

    void operator()() const noexcept { task(); }
};

}  // namespace detail

/// Run challengers where a callable puts them, such as a thread pool of the service. `user_executor` makes it.
template <class Post>
class posting_executor {
public:
    /// Keep the callable, and say how many tasks may wait or run at one time.
    posting_executor(Post post, std::size_t at_most) : post_(std::move(post)), at_most_(at_most)
    {
        if (at_most == 0) {
            throw configuration_error("user_executor.at_most", "0", "at least 1 task");
        }
    }

    /// Say whether `dispatch` would refuse a task now, because as many wait or run as may.
    [[nodiscard]] bool full() const noexcept
    {
        try {
            return under_way_->reached(at_most_);
        } catch (...) {
            return false;
        }
    }

    /// Pass a task to the callable. Returns false, so that it counts as dropped, where the callable returns false or throws,
    /// and where as many wait or run as may.
    template <class Task>
    bool dispatch(Task&& task) noexcept
    {
        try {
            if (!under_way_->begin(at_most_)) {
                return false;
            }
            detail::posted_task<std::decay_t<Task>> posted{std::forward<Task>(task), under_way()};
            if constexpr (std::is_same_v<decltype(post_(std::move(posted))), bool>) {
                return post_(std::move(posted));
            } else {
                post_(std::move(posted));
                return true;
            }
        } catch (...) {
            return false;
        }
    }

    /// Wait until every task that was passed on has run or was thrown away.
    void drain() { under_way_->wait(); }
    /// Wait for that, or for a time at most. Returns whether it has come.
    [[nodiscard]] bool drain(std::chrono::nanoseconds longest) { return under_way_->wait_for(longest); }

private:
    /// Make what ends a task that has begun.
    [[nodiscard]] std::shared_ptr<detail::task_under_way> under_way() const
    {
        try {
            return std::make_shared<detail::task_under_way>(under_way_);
        } catch (...) {
            under_way_->end();
            throw;
        }
    }

    Post post_;
    std::size_t at_most_;
    std::shared_ptr<detail::tasks_under_way> under_way_ = std::make_shared<detail::tasks_under_way>();
};

/// Run challengers on a pool that the service has already: `user_executor([&](auto task) { asio::post(pool, std::move(task)); })`.
///
/// The callable gets a task without arguments that throws nothing, and can be copied if the models' arguments can. It may return
/// false where it does not take the task, which is then counted as dropped, as it is if the callable throws. The trial waits for
/// nothing at its end: a task owns what it uses, so that it may run after the trial is gone.
/// When to use: services with a thread pool, where threads of the trial's own would compete with it.
/// When not: where nothing else runs beside the caller; `background` needs no allocation.
/// shape: `at_most` tasks wait or run at one time; further ones count as dropped, before their arguments are copied
/// errors: configuration_error where `at_most` is 0
/// cost: that of the pool, and one allocation for each task
template <class Post>
[[nodiscard]] posting_executor<Post> user_executor(Post post, std::size_t at_most = 65'536)
{
    static_assert(
        std::is_invocable_v<Post&, detail::posted_task<detail::any_task>>,
        "joust: user_executor(...) takes a callable that takes any task and runs it later: [&](auto task) { pool.post(std::move(task)); }");
    return posting_executor<Post>{std::move(post), at_most};
}

}  // namespace v0
}  // namespace joust
