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

/// One call whose rankers run side by side: its arguments, and the lists as they come in.
///
/// Held by the caller and by every ranker that runs, so that a late one finds its arguments and a place for its list.
template <class Lists, class... Args>
class ranker_race {
public:
    static constexpr std::size_t rankers = std::tuple_size_v<Lists>;

    explicit ranker_race(const Args&... arguments) : arguments_(arguments...) { spent_.fill(-1); }

    /// Run one ranker: on any thread, once.
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

    /// Say that one ranker will not run.
    template <std::size_t R>
    void give_up() noexcept
    {
        const std::scoped_lock lock{mutex_};
        settle(R, -1, true);
    }

    /// Wait until every ranker is done, or until a time. Rankers that are not done then count as failed and late, after all
    /// the time since `begun` where that is measured.
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

    /// Throw what the champion threw. assumes: it failed
    [[noreturn]] void rethrow() const { std::rethrow_exception(champions_); }

    // After wait_until.
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

    // What comes after the wait is over changes nothing that the caller reads.
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

/// What a trial runs its rankers with: the executor, and how long it waits.
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
    /// Waits for rankers that still run: they use the trial.
    ~side_by_side()
    {
        for (std::uint64_t left = running_->load(std::memory_order_acquire); left != 0;
             left = running_->load(std::memory_order_acquire)) {
            running_->wait(left, std::memory_order_acquire);
        }
    }

    /// Run the champion here and every challenger by the executor, and wait for them until the deadline.
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
    // Counts itself, also where an executor destroys it without running it.
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
    // Shared with what runs, which still rings it when it is done and the trial is gone.
    std::shared_ptr<std::atomic<std::uint64_t>> running_ = std::make_shared<std::atomic<std::uint64_t>>(0);
    Executor executor_;  // the first to go: its threads use the rest
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

/// Rankers that run side by side; made by `at_once`.
template <class Executor>
struct at_once_rankers {
    std::chrono::nanoseconds deadline;
    Executor executor;

    [[nodiscard]] detail::side_by_side<typename detail::executor_of<Executor>::type> runner() const
    {
        if (!(deadline.count() > 0)) {
            throw configuration_error("at_once.deadline", std::to_string(deadline.count()) + " ns",
                                      "a positive time");
        }
        return {executor, deadline};
    }
};

/// Run the rankers of an interleaving side by side, and wait for challengers at most until a deadline.
///
/// The champion runs on the calling thread, challengers through the executor: by default two threads of the trial's own; a
/// `background{...}` with other numbers; or any value with `dispatch(task) noexcept -> bool`, such as a handle of your
/// thread pool. A challenger that is not done when the deadline passes, or finds no room, leaves the champion's list,
/// without credit, and counts as failed. The champion is always waited for.
///
/// When to use: rankers that take milliseconds. When not: rankers that take microseconds, which cost less than the hand-over.
/// assumes: rankers may be called from several threads at once; arguments can be copied and own what they speak of
/// cost: one allocation a call, the copy of the arguments, and one wake-up for each challenger
[[nodiscard]] inline at_once_rankers<background> at_once(std::chrono::nanoseconds deadline)
{
    return {deadline, background{.threads = 2}};
}
template <class Executor>
    requires dispatcher<Executor> || startable_executor<Executor>
[[nodiscard]] at_once_rankers<Executor> at_once(std::chrono::nanoseconds deadline, Executor executor)
{
    return {deadline, std::move(executor)};
}

}  // namespace v0
}  // namespace joust
