// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/clone.hpp>
#include <joust/core/error.hpp>
#include <joust/core/executor.hpp>
#include <joust/core/invoke.hpp>
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
/// The caller and every running ranker own this object together, and it owns the trial's core, so that a late ranker
/// finds its model, its arguments and a place for its list, also where the trial is gone. A ranker owns its place until it
/// is settled. The caller takes the lists of settled rankers and touches no other place.
template <class Core, class Lists, class... Args>
class ranker_race {
public:
    static constexpr std::size_t rankers = std::tuple_size_v<Lists>;

    explicit ranker_race(std::shared_ptr<Core> core, const Args&... arguments)
        : core_(std::move(core)), arguments_(copy_of(arguments)...)
    {
        spent_.fill(-1);
    }

    /// Run one ranker. Any thread may call this, once for each ranker.
    template <std::size_t R>
    void run(bool timed) noexcept
    {
        const std::int64_t begun = timed ? core_->clock().now() : 0;
        std::exception_ptr thrown;
        try {
            std::apply(
                [&](const auto&... each) {
                    std::get<R>(lists_).hold(
                        [&]() -> decltype(auto) { return invoke(core_->template callable<R>(), each...); });
                },
                arguments_);
        } catch (...) {
            thrown = std::current_exception();
        }
        finish<R>(timed ? core_->clock().now() - begun : -1, thrown);
    }

    /// Record that one ranker will not run.
    template <std::size_t R>
    void give_up() noexcept
    {
        const std::scoped_lock lock{mutex_};
        settle(R, -1, true);
    }

    /// Wait until every ranker is done, or until the deadline, and take the lists of the rankers that are done. A ranker
    /// that is not done by then counts as failed and late, and its latency, where it is measured, is the time since
    /// `begun`.
    [[nodiscard]] Lists wait_until(std::chrono::steady_clock::time_point deadline, bool timed,
                                   std::int64_t begun)
    {
        {
            std::unique_lock lock{mutex_};
            (void)done_.wait_until(lock, deadline, [this] { return settled_ == rankers; });
            closed_ = true;
        }
        // No ranker writes these any more, since the race is closed.
        Lists arrived;
        [&]<std::size_t... R>(std::index_sequence<R...>) {
            (take<R>(arrived, timed, begun), ...);
        }(std::make_index_sequence<rankers>{});
        return arrived;
    }

    /// Throw what the champion threw.
    /// assumes: the champion failed
    [[noreturn]] void rethrow() const { std::rethrow_exception(champions_); }

    // These may be called after wait_until.
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

    template <class A>
    static decltype(auto) copy_of(const A& argument)
    {
        if constexpr (needs_clone<A>) {
            return clone(argument);
        } else {
            return (argument);
        }
    }

    template <std::size_t R>
    void take(Lists& arrived, bool timed, std::int64_t begun)
    {
        if (is_settled_[R]) {
            std::get<R>(arrived).take(std::get<R>(lists_));
        } else {
            failed_[R] = true;
            late_[R] = true;
            spent_[R] = timed ? core_->clock().now() - begun : -1;
        }
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

    std::shared_ptr<Core> core_;
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
    side_by_side(const Options& executor, std::chrono::nanoseconds deadline,
                 std::chrono::nanoseconds shutdown)
        : deadline_(deadline),
          // An executor that was started here has a destructor of its own, which waits for what runs.
          shutdown_(startable_executor<Options> ? std::chrono::nanoseconds{0} : shutdown),
          executor_(started(executor))
    {
    }
    side_by_side(const side_by_side&) = delete;
    side_by_side& operator=(const side_by_side&) = delete;
    /// Waits for rankers that still run in an executor of the service, but for the time `shutdown` at most. What they use
    /// belongs to them as well.
    ~side_by_side()
    {
        (void)wait_for([this] { return running_->load(std::memory_order_acquire) == 0; }, shutdown_);
    }

    /// Run the champion on this thread and every challenger through the executor, and wait for them until the deadline.
    /// Returns the race, and the lists that have arrived.
    template <class Lists, class Core, class... Args>
    [[nodiscard]] auto race(const std::shared_ptr<Core>& core, bool timed, const Args&... arguments)
    {
        static_assert(
            (std::is_copy_constructible_v<Args> && ...) &&
                ((kind_of_element<std::decay_t<Args>>() != copy_kind::borrows) && ...),
            "joust: at_once copies the arguments for rankers that miss their deadline; an argument that cannot be copied, or is a pointer, string_view, span or reference wrapper, is refused: pass an owning value");
        static_assert(
            ((kind_of_element<std::decay_t<Args>>() != copy_kind::shares &&
              kind_of_element<std::decay_t<Args>>() != copy_kind::computes) &&
             ...),
            "joust: at_once copies the arguments for rankers that miss their deadline, and a copy of this one shares what it refers to (a shared_ptr to what is not const, a tensor or image handle, an expression of a matrix library, or a type that holds one): pass an owning value, or say how it is copied by `T clone(const T&)` beside the type or by joust::cloner<T>");
        using race_t = ranker_race<Core, Lists, std::decay_t<Args>...>;
        const std::int64_t begun = timed ? core->clock().now() : 0;
        const auto deadline = std::chrono::steady_clock::now() + deadline_;
        auto shared = std::make_shared<race_t>(core, arguments...);
        begin(shared, timed, std::make_index_sequence<race_t::rankers - 1>{});
        shared->template run<0>(timed);
        Lists arrived = shared->wait_until(deadline, timed, begun);
        return std::pair{std::move(shared), std::move(arrived)};
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
            if (running_ != nullptr) {
                running_->fetch_sub(1, std::memory_order_release);
            }
        }

    private:
        std::shared_ptr<std::atomic<std::uint64_t>> running_;
    };

    template <class Race, std::size_t... R>
    void begin(const std::shared_ptr<Race>& shared, bool timed, std::index_sequence<R...>) noexcept
    {
        (begin_one<R + 1>(shared, timed), ...);
    }
    template <std::size_t R, class Race>
    void begin_one(const std::shared_ptr<Race>& shared, bool timed) noexcept
    {
        const bool accepted =
            executor_.dispatch([race = shared, counted = token{running_}, timed]() mutable noexcept {
                race->template run<R>(timed);
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
    std::chrono::nanoseconds shutdown_;
    // Shared with the running tasks, because the trial may be gone when the last one ends.
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
    /// How long the destructor of the trial waits for challengers that still run in an executor of the service; a
    /// `background{...}` has a field `shutdown` of its own. Then it abandons them: each keeps alive the models, the clock and
    /// the arguments until it returns.
    std::chrono::nanoseconds shutdown = std::chrono::seconds{1};

    /// Start what runs the rankers of one trial.
    /// errors: configuration_error where the deadline is not above 0
    [[nodiscard]] detail::side_by_side<typename detail::executor_of<Executor>::type> runner() const
    {
        if (!(deadline.count() > 0)) {
            throw configuration_error("at_once.deadline", std::to_string(deadline.count()) + " ns",
                                      "a positive time");
        }
        if (shutdown.count() < 0) {
            throw configuration_error("at_once.shutdown", std::to_string(shutdown.count()) + " ns",
                                      "a time of at least 0");
        }
        return {executor, deadline, shutdown};
    }
};

/// Run the rankers of an interleaving side by side, and wait for challengers until a deadline at most.
///
/// The champion runs on the calling thread, and the challengers run through an executor: two threads of the trial's own by
/// default, a `background{...}` with other options, or any value with `dispatch(task) noexcept -> bool`, such as a
/// handle of your thread pool. Where a challenger is not done by the deadline, or the executor has no room for it, the
/// user gets the champion's list, no position credits a ranker, and the challenger counts as failed. The trial always
/// waits for the champion. Its destructor waits for challengers that still run, but for the time `shutdown` at most.
///
/// When to use: for rankers that take milliseconds. When not: for rankers that take microseconds, less than handing
/// them over.
/// assumes: rankers may be called from several threads at once; arguments can be copied and own the data that they refer
/// to; a list that a ranker returns by reference belongs to the ranker and not to an argument; what a ranker refers to
/// without owning it outlives its slowest call, or `shutdown` is longer than that call
/// cost: one allocation for each call, a copy of the arguments, and one wake-up for each challenger
[[nodiscard]] inline at_once_rankers<background>
at_once(std::chrono::nanoseconds deadline, std::chrono::nanoseconds shutdown = std::chrono::seconds{1})
{
    return {deadline, background{.threads = 2, .shutdown = shutdown}, shutdown};
}
/// Run the rankers of an interleaving side by side through an executor of your own.
template <class Executor>
    requires dispatcher<Executor> || startable_executor<Executor>
[[nodiscard]] at_once_rankers<Executor> at_once(std::chrono::nanoseconds deadline, Executor executor,
                                                std::chrono::nanoseconds shutdown = std::chrono::seconds{1})
{
    return {deadline, std::move(executor), shutdown};
}

}  // namespace v0
}  // namespace joust
