// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/fixed_string.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/text.hpp>
#include <joust/metric/metric.hpp>
#include <joust/ticket/ticket.hpp>
#include <joust/trial/detail/trial_access.hpp>
#include <joust/trial/fwd.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <type_traits>
#include <unordered_map>

namespace joust {
inline namespace v0 {

/// Choose what a window makes of several values of one exposure.
enum class window_value : std::uint8_t {
    /// Their sum.
    sum,
    /// 1 where one of them is not 0, and 0 otherwise: whether something happened.
    any
};

/// Give a metric a window after the exposure in a trial that is running: an outcome counts that comes within it, and an exposure whose
/// window is not over is not in the estimate.
///
/// Tell it each exposure and each outcome, and call `settle` from time to time: it reports to the trial every exposure whose window
/// is over, once, with its value or 0. Any thread may call any of these.
/// When to use: where outcomes come over hours or days, so that young exposures would lower both levels, and a share that rises would
/// have more of them. When not: for windows of weeks; log events and join them later (`joust/trial/analyze_log.hpp`).
/// A window that is open when the process ends is lost, for both models alike.
/// shape: `auto week = matures_after<"retained">(trial, 168h)`; `week.expose(ticket)`, `week.observe(ticket)`, `week.settle()`; it can
/// be neither copied nor moved
/// assumes: the trial outlives the window; tickets are not signed
/// errors: configuration_error where the metric is not `.per = per::observed`, or for a window below a second
/// cost: about 150 bytes for each open exposure, and 0.3 us for each call
template <fixed_string Name, class Trial>
class outcome_window {
    static_assert(std::is_same_v<typename Trial::ticket_type, ticket>,
                  "joust: an outcome_window takes plain tickets, since the time of an exposure is in them");

public:
    /// Open windows of this length. Exposures beyond `most` open ones are refused and counted.
    outcome_window(Trial& trial, std::chrono::seconds length, window_value how = window_value::any,
                   std::size_t most = 1'000'000)
        : trial_(trial), length_(length), how_(how), most_(most)
    {
        using core_t = std::remove_cvref_t<decltype(detail::trial_access::core(trial))>;
        using metrics_t = typename core_t::parts::metrics_t;
        constexpr std::size_t which = metrics_t::find(Name.view());
        static_assert(which != metrics_t::none, "joust: the trial has no metric of the window's name");
        if (length.count() < 1) {
            throw configuration_error("outcome_window.length", std::to_string(length.count()) + " s",
                                      "a second or more");
        }
        if (!detail::has_denominator(
                detail::trial_access::core(trial).metrics().metrics().template get<which>())) {
            throw configuration_error(
                "outcome_window(" + std::string{Name.view()} + ")", "of a metric per exposure",
                "a metric with .per = per::observed, so that exposures whose window is not over are left out");
        }
    }
    outcome_window(const outcome_window&) = delete;
    outcome_window& operator=(const outcome_window&) = delete;

    /// Begin the window of an exposure. Returns false where there are too many open ones, where it has begun already, or for a ticket
    /// of a call that is not recorded.
    bool expose(const ticket& given)
    {
        if (!given.names_arm()) {
            return false;
        }
        const std::scoped_lock lock{mutex_};
        if (open_.size() >= most_) {
            ++refused_;
            return false;
        }
        const std::uint64_t key = key_of(given);
        if (!open_.try_emplace(key, opened{given, 0.0}).second) {
            return false;
        }
        order_.push_back(key);
        return true;
    }

    /// Report an outcome of an exposure that came at a time. Returns whether it counts: it does not where it came before the exposure or
    /// after the window, or where the exposure has no open window.
    /// units: `at` is in seconds since 1970-01-01 UTC
    bool observe(const ticket& given, double value, std::uint64_t at)
    {
        const std::scoped_lock lock{mutex_};
        const auto found = open_.find(key_of(given));
        if (found == open_.end() || at < given.seconds() || at > end_of(given)) {
            ++outside_;
            return false;
        }
        if (how_ == window_value::sum) {
            found->second.value += value;
        } else if (value != 0.0) {
            found->second.value = 1.0;
        }
        return true;
    }
    /// Report an outcome that comes now.
    bool observe(const ticket& given, double value = 1.0) { return observe(given, value, now()); }

    /// Report to the trial the exposures whose window was over at a time. Returns how many.
    std::size_t settle(std::uint64_t at)
    {
        const std::scoped_lock lock{mutex_};
        std::size_t done = 0;
        while (!order_.empty()) {
            const auto found = open_.find(order_.front());
            if (end_of(found->second.given) >= at) {
                break;
            }
            // A value that the trial does not take is counted there.
            static_cast<void>(trial_.template observe<Name>(found->second.given, found->second.value));
            open_.erase(found);
            order_.pop_front();
            ++done;
        }
        return done;
    }
    /// Report to the trial the exposures whose window is over now.
    std::size_t settle() { return settle(now()); }

    /// Return how many windows are open.
    [[nodiscard]] std::size_t open() const
    {
        const std::scoped_lock lock{mutex_};
        return open_.size();
    }
    /// Return how many outcomes did not count.
    [[nodiscard]] std::uint64_t outside() const
    {
        const std::scoped_lock lock{mutex_};
        return outside_;
    }
    /// Return how many exposures were refused, since too many windows were open.
    [[nodiscard]] std::uint64_t refused() const
    {
        const std::scoped_lock lock{mutex_};
        return refused_;
    }

private:
    struct opened {
        ticket given;
        double value = 0.0;
    };

    [[nodiscard]] static std::uint64_t now()
    {
        return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(
                                              std::chrono::system_clock::now().time_since_epoch())
                                              .count());
    }
    [[nodiscard]] static std::uint64_t key_of(const ticket& given)
    {
        const auto text = given.text();
        return xxh64({text.data(), text.size()});
    }
    /// The last second of the window.
    [[nodiscard]] std::uint64_t end_of(const ticket& given) const noexcept
    {
        return given.seconds() + static_cast<std::uint64_t>(length_.count());
    }

    Trial& trial_;
    std::chrono::seconds length_;
    window_value how_;
    std::size_t most_;
    mutable std::mutex mutex_;
    std::unordered_map<std::uint64_t, opened> open_;
    /// The open exposures in the order in which they came.
    std::deque<std::uint64_t> order_;
    std::uint64_t outside_ = 0;
    std::uint64_t refused_ = 0;
};

/// Give a metric of a trial a window after the exposure.
template <fixed_string Name, class Trial>
[[nodiscard]] outcome_window<Name, Trial> matures_after(Trial& trial, std::chrono::seconds length,
                                                        window_value how = window_value::any,
                                                        std::size_t most = 1'000'000)
{
    return outcome_window<Name, Trial>{trial, length, how, most};
}

}  // namespace v0
}  // namespace joust
