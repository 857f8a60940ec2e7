// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/executor.hpp>
#include <joust/core/invoke.hpp>
#include <joust/core/model.hpp>
#include <joust/core/outlives_call.hpp>
#include <joust/trial/rankers.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

namespace detail {

/// The arguments of one call whose rankers run side by side, and the lists that have arrived.
///
/// The caller and every running ranker share this object, so that a late ranker finds its arguments and a place for its
/// list.
template <class Lists, class... Args>
class ranker_race {
public:
    static constexpr std::size_t rankers = std::tuple_size_v<Lists>;

    explicit ranker_race(const Args&... arguments) : arguments_(arguments...) { spent_.fill(-1); }

    /// Run one ranker. Any thread may call this, once for each ranker.
    template <std::size_t R, class Model, class Clock>
    void run(Model& model, const Clock* clock) noexcept
    {
        const std::int64_t begun = clock != nullptr ? clock->now() : 0;
        std::exception_ptr thrown;
        try {
            std::apply(
                [&](const auto&... each) {
                    std::get<R>(lists_).hold([&]() -> decltype(auto) { return invoke(model.call, each...); });
                },
                arguments_);
        } catch (...) {
            thrown = std::current_exception();
        }
        finish<R>(clock != nullptr ? clock->now() - begun : -1, thrown);
    }

    /// Record that one ranker will not run.
    template <std::size_t R>
    void give_up() noexcept
    {
        const std::scoped_lock lock{mutex_};
        settle(R, -1, true);
    }

    /// Wait until every ranker is done, or until the deadline. A ranker that is not done by then counts as failed and
    /// late, and its latency, where it is measured, is the time since `begun`.
    template <class Clock>
    void wait_until(std::chrono::steady_clock::time_point deadline, const Clock* clock, std::int64_t begun)
    {
        std::unique_lock lock{mutex_};
        (void)done_.wait_until(lock, deadline, [this] { return settled_ == rankers; });
        closed_ = true;
        for (std::size_t r = 0; r < rankers; ++r) {
            if (!is_settled_[r]) {
                failed_[r] = true;
                late_[r] = true;
                spent_[r] = clock != nullptr ? clock->now() - begun : -1;
            }
        }
    }

    /// Throw what the champion threw.
    /// assumes: the champion failed
    [[noreturn]] void rethrow() const { std::rethrow_exception(champions_); }

    // These may be called after wait_until.
    [[nodiscard]] Lists& lists() noexcept { return lists_; }
    [[nodiscard]] const std::array<std::int64_t, rankers>& spent() const noexcept { return spent_; }
    [[nodiscard]] const std::array<bool, rankers>& failed() const noexcept { return failed_; }
    [[nodiscard]] const std::array<bool, rankers>& late() const noexcept { return late_; }

private:
    template <std::size_t R>
    void finish(std::int64_t spent, const std::exception_ptr& thrown) noexcept
    {
        {
            const std::scoped_lock lock{mutex_};
            if constexpr (R == 0) {
                champions_ = thrown;
            }
            settle(R, spent, thrown != nullptr);
        }
        done_.notify_one();
    }

    // A ranker that finishes after the wait changes nothing that the caller reads.
    void settle(std::size_t ranker, std::int64_t spent, bool failed) noexcept
    {
        if (!closed_) {
            spent_[ranker] = spent;
            failed_[ranker] = failed;
            is_settled_[ranker] = true;
            ++settled_;
        }
    }

    std::tuple<Args...> arguments_;
    Lists lists_;
    std::mutex mutex_;
    std::condition_variable done_;
    std::size_t settled_ = 0;
    bool closed_ = false;
    std::array<bool, rankers> is_settled_{};
    std::array<std::int64_t, rankers> spent_{};
    std::array<bool, rankers> failed_{};
    std::array<bool, rankers> late_{};
    std::exception_ptr champions_;
};

/// Runs the rankers of a trial through an executor, and waits for them until a deadline.
template <class Executor>
class side_by_side {
public:
    template <class Options>
    side_by_side(const Options& executor, std::chrono::nanoseconds deadline)
        : deadline_(deadline), executor_(started(executor))
    {
    }
    side_by_side(const side_by_side&) = delete;
    side_by_side& operator=(const side_by_side&) = delete;
    /// Waits for rankers that still run, because they use the trial.
    ~side_by_side()
    {
        for (std::uint64_t left = running_->load(std::memory_order_acquire); left != 0;
             left = running_->load(std::memory_order_acquire)) {
            running_->wait(left, std::memory_order_acquire);
        }
    }

    /// Run the champion on this thread and every challenger through the executor, and wait for them until the deadline.
    template <class Lists, class Models, class Clock, class... Args>
    [[nodiscard]] auto race(Models& models, const Clock* clock, const Args&... arguments)
    {
        static_assert(
            (std::is_copy_constructible_v<Args> && ...) && (outlives_call<std::decay_t<Args>> && ...),
            "joust: at_once copies the arguments for rankers that miss their deadline; an argument that cannot be copied, or is a pointer, string_view, span or reference wrapper, is refused: pass an owning value");
        using race_t = ranker_race<Lists, std::decay_t<Args>...>;
        const std::int64_t begun = clock != nullptr ? clock->now() : 0;
        const auto deadline = std::chrono::steady_clock::now() + deadline_;
        auto shared = std::make_shared<race_t>(arguments...);
        begin(shared, models, clock, std::make_index_sequence<race_t::rankers - 1>{});
        shared->template run<0>(std::get<0>(models), clock);
        shared->wait_until(deadline, clock, begun);
        return shared;
    }

private:
    // Counts one ranker that runs or waits to run, also where an executor destroys the task without running it.
    class token {
    public:
        explicit token(std::shared_ptr<std::atomic<std::uint64_t>> running) noexcept
            : running_(std::move(running))
        {
            running_->fetch_add(1, std::memory_order_relaxed);
        }
        token(token&& other) noexcept = default;
        token& operator=(token&&) = delete;
        ~token()
        {
            if (running_ != nullptr && running_->fetch_sub(1, std::memory_order_release) == 1) {
                running_->notify_all();
            }
        }

    private:
        std::shared_ptr<std::atomic<std::uint64_t>> running_;
    };

    template <class Race, class Models, class Clock, std::size_t... R>
    void begin(const std::shared_ptr<Race>& shared, Models& models, const Clock* clock,
               std::index_sequence<R...>) noexcept
    {
        (begin_one<R + 1>(shared, std::get<R + 1>(models), clock), ...);
    }
    template <std::size_t R, class Race, class Model, class Clock>
    void begin_one(const std::shared_ptr<Race>& shared, Model& model, const Clock* clock) noexcept
    {
        const bool accepted =
            executor_.dispatch([race = shared, counted = token{running_}, &model, clock]() mutable noexcept {
                race->template run<R>(model, clock);
            });
        if (!accepted) {
            shared->template give_up<R>();
        }
    }

    template <class Options>
    static decltype(auto) started(const Options& options)
    {
        if constexpr (startable_executor<Options>) {
            return options.start();
        } else {
            return Options{options};
        }
    }

    std::chrono::nanoseconds deadline_;
    // Shared with the running tasks, because the last one notifies it when the trial may be gone already.
    std::shared_ptr<std::atomic<std::uint64_t>> running_ = std::make_shared<std::atomic<std::uint64_t>>(0);
    Executor executor_;  // Destroyed first, because its threads use the other members.
};

template <class Options>
struct executor_of {
    using type = Options;
};
template <startable_executor Options>
struct executor_of<Options> {
    using type = std::remove_cvref_t<decltype(std::declval<const Options&>().start())>;
};

}  // namespace detail

/// A policy that runs rankers side by side. `at_once` makes it.
template <class Executor>
struct at_once_rankers {
    /// The longest time that a call waits for challengers.
    std::chrono::nanoseconds deadline;
    /// The executor that runs the challengers, or its options.
    Executor executor;

    /// Start what runs the rankers of one trial.
    /// errors: configuration_error where the deadline is not above 0
    [[nodiscard]] detail::side_by_side<typename detail::executor_of<Executor>::type> runner() const
    {
        if (!(deadline.count() > 0)) {
            throw configuration_error("at_once.deadline", std::to_string(deadline.count()) + " ns",
                                      "a positive time");
        }
        return {executor, deadline};
    }
};

/// Run the rankers of an interleaving side by side, and wait for challengers until a deadline at most.
///
/// The champion runs on the calling thread, and the challengers run through an executor: two threads of the trial's own by
/// default, a `background{...}` with other options, or any value with `dispatch(task) noexcept -> bool`, such as a
/// handle of your thread pool. Where a challenger is not done by the deadline, or the executor has no room for it, the
/// user gets the champion's list, no position credits a ranker, and the challenger counts as failed. The trial always
/// waits for the champion.
///
/// When to use: for rankers that take milliseconds. When not: for rankers that take microseconds, less than handing
/// them over.
/// assumes: rankers may be called from several threads at once; arguments can be copied and own the data that they refer to
/// cost: one allocation for each call, a copy of the arguments, and one wake-up for each challenger
[[nodiscard]] inline at_once_rankers<background> at_once(std::chrono::nanoseconds deadline)
{
    return {deadline, background{.threads = 2}};
}
/// Run the rankers of an interleaving side by side through an executor of your own.
template <class Executor>
    requires dispatcher<Executor> || startable_executor<Executor>
[[nodiscard]] at_once_rankers<Executor> at_once(std::chrono::nanoseconds deadline, Executor executor)
{
    return {deadline, std::move(executor)};
}

}  // namespace v0
}  // namespace joust
