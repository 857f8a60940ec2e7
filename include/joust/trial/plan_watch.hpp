// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/fork.hpp>
#include <joust/split/traffic_plan.hpp>
#include <joust/store/file.hpp>
#include <joust/store/plan_file.hpp>
#include <joust/trial/detail/steer_plan.hpp>
#include <joust/trial/replace_plan.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// The state of a plan_watch.
struct plan_watch_state {
    /// The version of the plan that the watch last put in force, or 0 where it has not put any in force.
    std::uint64_t version = 0;
    /// The number of times that the file held no plan, or a plan that could not follow the plan in force.
    std::uint64_t refused = 0;
    /// The reason of the last refusal, empty where the file is in order.
    std::string last_refusal{};
};

/// Options of plan_watch.
struct watch_options {
    /// The pause between two readings of the file; with 0 the caller polls.
    std::chrono::milliseconds every{1'000};
    /// Whether to accept a plan that moves units away from a challenger whose share does not shrink.
    bool allow_moves = false;
};

/// Follow a plan file, so that shares and the kill switch can change without a deployment.
///
/// The watch takes the plan that the file holds at its construction as it is, whatever plan was in force before. Make the
/// watch before the trial serves. A file that is missing, broken or refused changes nothing: the last good plan stays in
/// force, and `state()` and the trial's report say why. The shares of a canary come from its ramp, so a canary follows only
/// the kill switch, and rolls back. A plan changes the shares of hash_split, slot_split and bandits; every other A/B test, and an
/// interleaving, follow the kill switch and start again with a later version whose shares are empty or as before.
///
/// The kill switch is the exception. A file that says stopped stops the trial, however broken the file is in other respects,
/// unless it names another trial by its salt. It stops whatever the version is, and when memory is out.
///
/// In a process that fork() makes the file is followed as well, by a thread that starts with the first call that is served
/// there.
/// shape: `plan_watch watch{trial, "plan.json"};` with a thread of its own, or `{.every = 0ms}` and `poll()`
/// assumes: the trial outlives the watch
/// cost: one read of a small file each time; a call costs no more than before
template <class Trial>
class plan_watch {
public:
    /// Read the file once, and then start the thread that follows it.
    /// errors: configuration_error where `every` is negative
    plan_watch(Trial& trial, std::string path, const watch_options& options = {})
        : trial_(trial), path_(std::move(path)), options_(options), buffer_(usual_size)
    {
        if (options_.every.count() < 0) {
            throw configuration_error("watch.every", std::to_string(options_.every.count()) + " ms",
                                      "0, where the caller polls, or a pause above 0");
        }
        poll();
        first_ = false;
        start();
    }
    plan_watch(const plan_watch&) = delete;
    plan_watch& operator=(const plan_watch&) = delete;
    ~plan_watch()
    {
        {
            const std::scoped_lock lock{mutex_};
            ending_ = true;
        }
        follower_->wake.notify_all();
        if (follower_->thread.joinable()) {
            follower_->thread.join();
        }
    }

    /// Read the file now. Returns whether another plan was put in force.
    bool poll() noexcept
    {
        const std::scoped_lock lock{polling_};
        text_ = {};
        try {
            text_ = read_text();
            if (has_seen_ && text_ == seen_) {
                return false;
            }
            return follow_plan(parse_plan(text_));
        } catch (const std::bad_alloc&) {
            has_seen_ = false;  // The file is read again when there is memory.
            return stop_or_complain("memory is out");
        } catch (const std::exception& trouble) {
            remember_text();
            return stop_or_complain(trouble.what());
        }
    }

    /// Return what the watch has done so far.
    [[nodiscard]] plan_watch_state state() const
    {
        const std::scoped_lock lock{mutex_};
        return state_;
    }

private:
    using steering = detail::plan_steering<Trial>;
    static_assert(
        steering::steers,
        "joust: a plan file steers a trial that serves its challengers: an ab_test, a canary, an interleaving, or an any_trial that holds one");

    // Most plan files fit into this buffer, so that reading one needs no memory.
    static constexpr std::size_t usual_size = 65'536;

    /// Read the file. Where a long file does not fit into memory, its beginning is left in `text_`.
    [[nodiscard]] std::string_view read_text()
    {
        const std::size_t size = detail::read_beginning(path_, buffer_.data(), usual_size);
        if (size == usual_size) {
            text_ = {buffer_.data(), size};
            long_text_ = read_file(path_);
            return long_text_;
        }
        return {buffer_.data(), size};
    }

    [[nodiscard]] bool follow_plan(const traffic_plan& next)
    {
        const bool changed = steering::follow(trial_, next, {.allow_moves = options_.allow_moves}, first_);
        remember_text();
        const std::scoped_lock state_lock{mutex_};
        state_.last_refusal.clear();
        state_.version = changed ? next.version : state_.version;
        return changed;
    }

    /// Stop the trial if the text says so, and then keep the reason why it was refused. The stop needs no memory.
    bool stop_or_complain(const char* why) noexcept
    {
        const bool stopped = says_stopped(text_) &&
                             !detail::names_another_trial(text_, steering::name(trial_)) &&
                             steering::stop(trial_);
        try {
            const std::string reason{why};
            {
                const std::scoped_lock state_lock{mutex_};
                if (state_.last_refusal == reason) {
                    return stopped;
                }
                state_.last_refusal = reason;
                ++state_.refused;
            }
            steering::complain(trial_, reason);
        } catch (...) {
            has_seen_ = false;  // The next reading of the file explains it.
        }
        return stopped;
    }

    /// The same contents are followed or refused only once.
    void remember_text() noexcept
    {
        try {
            seen_ = text_;
            has_seen_ = true;
        } catch (...) {
            has_seen_ = false;
        }
    }

    /// The thread that follows the file. In a forked child another one takes its place, and this one is not touched,
    /// because its thread does not exist there.
    struct follower {
        std::condition_variable wake;
        std::thread thread;
    };

    void start()
    {
        if (options_.every.count() > 0 && !follower_->thread.joinable()) {
            follower_->thread = std::thread{[this, &wake = follower_->wake] { follow(wake); }};
        }
    }

    void follow(std::condition_variable& wake)
    {
        std::unique_lock<std::mutex> lock{mutex_};
        while (!wake.wait_for(lock, options_.every, [this] { return ending_; })) {
            lock.unlock();
            poll();
            lock.lock();
        }
    }

    static void around_fork(void* object, detail::fork_moment now) noexcept
    {
        auto& own = *static_cast<plan_watch*>(object);
        try {
            if (now == detail::fork_moment::new_epoch) {
                static_cast<void>(own.follower_.release());  // Its thread does not exist here.
                own.follower_ = std::make_unique<follower>();
            } else if (now == detail::fork_moment::first_use) {
                own.start();
            }
        } catch (...) {
            // Without memory or threads the child keeps the plan that it has.
        }
    }

    Trial& trial_;
    std::string path_;
    watch_options options_;
    detail::fork_mutex polling_{detail::fork_order::watching};
    /// `polling_` guards this member and the members below it up to the other mutex.
    std::vector<char> buffer_;
    std::string long_text_;
    std::string_view text_;
    std::string seen_;
    bool has_seen_ = false;
    mutable detail::fork_mutex mutex_{detail::fork_order::watching};
    plan_watch_state state_;
    bool first_ = true;  // The trial has not served a call yet.
    bool ending_ = false;
    std::unique_ptr<follower> follower_ = std::make_unique<follower>();
    detail::fork_watcher fork_{this, &around_fork, detail::fork_order::leaf};
};

template <class Trial>
plan_watch(Trial&, std::string) -> plan_watch<Trial>;
template <class Trial>
plan_watch(Trial&, std::string, watch_options) -> plan_watch<Trial>;

}  // namespace v0
}  // namespace joust
