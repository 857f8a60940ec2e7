// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/store/store.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <poll.h>
#include <string>
#include <string_view>
#include <unistd.h>

namespace joust {
inline namespace v0 {
namespace detail {

/// Limit the time of one call to a server, whatever number of steps the call takes.
class time_limit {
public:
    explicit time_limit(std::chrono::nanoseconds most) : end_(std::chrono::steady_clock::now() + most) {}

    /// Return the time that is left, rounded up to a millisecond, for poll().
    [[nodiscard]] int milliseconds() const
    {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(end_ - std::chrono::steady_clock::now()).count();
        return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
    }

    /// Wait until a socket is ready for one of the events of poll(). Returns false at the end of the time.
    [[nodiscard]] bool ready(int socket, short events) const
    {
        for (;;) {
            ::pollfd one{socket, events, 0};
            const int left = milliseconds();
            const int found = ::poll(&one, 1, left);
            if (found > 0) {
                return true;
            }
            if (found == 0 || errno != EINTR) {
                return false;
            }
        }
    }

private:
    std::chrono::steady_clock::time_point end_;
};

/// Has the other side closed an idle connection, or sent what nothing asked for?
[[nodiscard]] inline bool is_stale(int socket) noexcept
{
    ::pollfd one{socket, POLLIN, 0};
    return ::poll(&one, 1, 0) != 0;
}

/// Say when to try a server again that could not be reached: after a pause that doubles with each failure. In between a call fails
/// at once, so that a server that is gone costs its callers no time.
class back_off {
public:
    back_off(std::chrono::milliseconds first, std::chrono::milliseconds most) noexcept
        : first_(first), most_(most)
    {
    }

    /// errors: store_error during a pause
    void admit(std::string_view where) const
    {
        if (pause_.count() > 0 && std::chrono::steady_clock::now() < until_) {
            throw store_error(where, why_ + " (it is tried again after a pause of " +
                                         std::to_string(pause_.count()) + " ms)");
        }
    }

    void failed(std::string_view why)
    {
        why_ = why;
        pause_ = std::min(most_, pause_.count() == 0 ? first_ : 2 * pause_);
        until_ = std::chrono::steady_clock::now() + pause_;
    }

    void worked() noexcept { pause_ = {}; }

private:
    std::chrono::milliseconds first_;
    std::chrono::milliseconds most_;
    std::chrono::milliseconds pause_{0};
    std::chrono::steady_clock::time_point until_{};
    std::string why_{};
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
