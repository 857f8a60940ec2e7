// SPDX-License-Identifier: Apache-2.0
#pragma once

// A line that says how far the demo is. It is written only if standard output is a terminal.

#include <fmt/format.h>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

namespace examples {

class progress {
public:
    progress(std::string what, std::size_t total) : what_(std::move(what)), total_(total)
    {
#if __has_include(<unistd.h>)
        visible_ = isatty(fileno(stdout)) == 1;
#endif
    }
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;
    ~progress()
    {
        if (visible_) {
            std::fputs("\r\x1b[K", stdout);
            std::fflush(stdout);
        }
    }

    /// Return whether it is time to show progress again, which is at most ten times a second.
    [[nodiscard]] bool due()
    {
        if (!visible_ || ++asked_ % 64 != 0) {
            return false;
        }
        const auto now = std::chrono::steady_clock::now();
        if (now - shown_ < std::chrono::milliseconds(100)) {
            return false;
        }
        shown_ = now;
        return true;
    }

    void show(std::size_t done, std::string_view detail = {}) const
    {
        constexpr std::size_t width = 30;
        const std::size_t filled = total_ == 0 ? width : width * done / total_;
        const std::string bar = std::string(filled, '#') + std::string(width - filled, '.');
        fmt::print("\r\x1b[K{:<14} [{}] {:3} %  {}", what_, bar, total_ == 0 ? 100 : 100 * done / total_,
                   detail);
        std::fflush(stdout);
    }

private:
    std::string what_;
    std::size_t total_;
    std::size_t asked_ = 0;
    bool visible_ = false;
    std::chrono::steady_clock::time_point shown_{};
};

}  // namespace examples
