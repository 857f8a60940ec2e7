#pragma once

#include <joust/metric/live_evidence.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <utility>

namespace joust::inline v0::detail {

/// How traffic is split from one moment on. Immutable once published.
template <class Split, std::size_t Arms>
struct plan {
    Split split;
    unsigned number = 0;                       ///< counts a trial's plans from 0
    std::array<double, Arms> shares{};         ///< planned share of each arm
    std::array<pair_share, Arms - 1> pairs{};  ///< of each challenger against the champion

    plan(Split how, unsigned which) : split(std::move(how)), number(which)
    {
        if constexpr (requires { split.share(std::size_t{}); }) {
            for (std::size_t arm = 0; arm < Arms; ++arm) {
                shares[arm] = split.share(arm);
            }
            for (std::size_t p = 0; p + 1 < Arms; ++p) {
                pairs[p] = pair_share::of(shares[0], shares[p + 1]);
            }
        }
    }
};

/// All plans of a trial, the current one in front of every call.
///
/// Plans stay until the trial ends: feedback by unit is taken only while a unit's arm was the same in all of them. They come
/// in lists of one, so that a plan made beforehand is published without allocating.
template <class Plan>
class plan_board {
public:
    explicit plan_board(std::list<Plan> first) : all_(std::move(first)), current_(&all_.back()) {}

    /// cost: one load
    [[nodiscard]] const Plan& current() const noexcept { return *current_.load(std::memory_order_acquire); }

    void publish(std::list<Plan> next) noexcept
    {
        const std::scoped_lock lock{mutex_};
        all_.splice(all_.end(), next);
        current_.store(&all_.back(), std::memory_order_release);
    }

    /// Begin with another plan instead, before anybody is served.
    void restart(std::list<Plan> first) noexcept
    {
        const std::scoped_lock lock{mutex_};
        all_.swap(first);
        current_.store(&all_.back(), std::memory_order_release);
    }

    template <class Visit>
    void for_each(Visit&& visit) const
    {
        const std::scoped_lock lock{mutex_};
        for (const auto& each : all_) {
            visit(each);
        }
    }

    /// Find the latest plan whose number a ticket carries, modulo 128.
    [[nodiscard]] const Plan& of_ticket(unsigned number) const noexcept
    {
        const Plan& now = current();
        if (now.number % 128 == number) {
            return now;
        }
        const std::scoped_lock lock{mutex_};
        for (auto each = all_.rbegin(); each != all_.rend(); ++each) {
            if (each->number % 128 == number) {
                return *each;
            }
        }
        return now;
    }

private:
    mutable std::mutex mutex_;
    std::list<Plan> all_;
    std::atomic<const Plan*> current_;
};

}  // namespace joust::inline v0::detail
