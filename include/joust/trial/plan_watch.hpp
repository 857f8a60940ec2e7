// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/split/traffic_plan.hpp>
#include <joust/store/plan_file.hpp>
#include <joust/trial/detail/trial_access.hpp>
#include <joust/trial/replace_plan.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace joust {
inline namespace v0 {

/// What a watched plan file has led to.
struct plan_watch_state {
    /// of the plan last put in force by the watch; 0 for none
    std::uint64_t version = 0;
    /// contents that were no plan, or not one that could follow
    std::uint64_t refused = 0;
    /// why, empty where the file is in order
    std::string last_refusal{};
};

/// Options of plan_watch. `every` is how often the file is read.
struct watch_options {
    std::chrono::milliseconds every{1'000};
    bool allow_moves = false;
};

/// Follow a plan file: shares and the kill switch change without a deploy.
///
/// The plan that the file holds when the watch is made is taken as it is, whatever came before: make the watch before serving.
/// A file that is missing, broken or refused changes nothing: the last good plan stays, and both `state()` and the trial's
/// report say why. A canary, whose shares are the ramp's, heeds the kill switch alone: it rolls back.
/// shape: `plan_watch watch{trial, "plan.json"};` with a thread of its own, or `{.every = 0ms}` and `poll()`
/// assumes: the trial outlives the watch
/// cost: one read of a small file each time; serving pays nothing
template <class Trial>
class plan_watch {
public:
    plan_watch(Trial& trial, std::string path, const watch_options& options = {})
        : trial_(trial), path_(std::move(path)), options_(options)
    {
        if (options_.every.count() < 0) {
            throw configuration_error("watch.every", std::to_string(options_.every.count()) + " ms",
                                      "0 for polling by hand, or a pause above 0");
        }
        poll();
        first_ = false;
        if (options_.every.count() > 0) {
            thread_ = std::thread{[this] { follow(); }};
        }
    }
    plan_watch(const plan_watch&) = delete;
    plan_watch& operator=(const plan_watch&) = delete;
    ~plan_watch()
    {
        {
            const std::scoped_lock lock{mutex_};
            ending_ = true;
        }
        wake_.notify_all();
        if (thread_.joinable()) {
            thread_.join();
        }
    }

    /// Read the file now. Returns whether another plan was put in force.
    bool poll()
    {
        const std::scoped_lock lock{polling_};
        std::string text;
        try {
            text = read_file(path_);
            if (text == seen_) {
                return false;
            }
            const traffic_plan next = parse_plan(text);
            const bool changed = put_in_force(next);
            seen_ = std::move(text);
            const std::scoped_lock state_lock{mutex_};
            state_.last_refusal.clear();
            state_.version = changed ? next.version : state_.version;
            return changed;
        } catch (const std::exception& trouble) {
            const std::string why = trouble.what();
            seen_ = std::move(text);  // the same contents are refused once
            {
                const std::scoped_lock state_lock{mutex_};
                if (state_.last_refusal == why) {
                    return false;
                }
                state_.last_refusal = why;
                ++state_.refused;
            }
            if constexpr (has_plan) {
                detail::complain(detail::trial_access::core(trial_), why);
            }
            return false;
        }
    }

    [[nodiscard]] plan_watch_state state() const
    {
        const std::scoped_lock lock{mutex_};
        return state_;
    }

private:
    static constexpr bool has_plan =
        requires(Trial& trial, const traffic_plan& plan) { replace_plan(trial, plan); };
    static_assert(
        has_plan || requires(Trial& trial) { trial.roll_back("why"); },
        "joust: a plan file steers an ab_test or a canary");

    bool put_in_force(const traffic_plan& next)
    {
        if constexpr (has_plan) {
            const traffic_plan now = plan_of(trial_);
            // The file may hold the plan that is in force already, as after a restart.
            if (next.version == now.version && next.shares == now.shares && next.stopped == now.stopped &&
                next.salt == now.salt) {
                return false;
            }
            traffic_plan wanted = next;
            if (first_) {
                wanted.parent = 0;
            }
            replace_plan(trial_, wanted, {.allow_moves = options_.allow_moves || first_});
            return true;
        } else {
            if (next.salt != trial_.name()) {
                throw configuration_error("plan.salt", "'" + next.salt + "'", "'" + trial_.name() + "'");
            }
            if (next.stopped) {
                trial_.roll_back("stopped by the plan file");
            }
            return next.stopped;
        }
    }

    void follow()
    {
        std::unique_lock lock{mutex_};
        while (!wake_.wait_for(lock, options_.every, [this] { return ending_; })) {
            lock.unlock();
            poll();
            lock.lock();
        }
    }

    Trial& trial_;
    std::string path_;
    watch_options options_;
    std::mutex polling_;
    std::string seen_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    plan_watch_state state_;
    bool first_ = true;  // nobody is served yet
    bool ending_ = false;
    std::thread thread_;
};

template <class Trial>
plan_watch(Trial&, std::string) -> plan_watch<Trial>;
template <class Trial>
plan_watch(Trial&, std::string, watch_options) -> plan_watch<Trial>;

}  // namespace v0
}  // namespace joust
