// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/split/trial_event.hpp>
#include <joust/trial/on_event.hpp>

#include <memory>
#include <spdlog/common.h>
#include <spdlog/logger.h>
#include <string>
#include <utility>

namespace joust {
inline namespace v0 {

/// Write every transition of a trial to a logger of spdlog: `on_event(to_spdlog(logger))`.
///
/// What takes a challenger out of service, and what stops a ramp, is a warning. Everything else is information. The line is
/// the event's own, without the colours and control characters that a name could bring.
/// shape: `canary trial{..., on_event(to_spdlog(spdlog::default_logger()))}`. Link `joust::spdlog`.
/// cost: that of the logger's sinks; an asynchronous logger keeps it out of the calls that a trial serves
class to_spdlog {
public:
    /// Take the logger, which this keeps alive.
    explicit to_spdlog(std::shared_ptr<spdlog::logger> logger) noexcept : logger_(std::move(logger)) {}

    /// Write an event.
    void operator()(const trial_event& seen) const
    {
        const auto level = level_of(seen.kind);
        if (logger_ == nullptr || !logger_->should_log(level)) {
            return;
        }
        std::string line;
        seen.write(line);
        logger_->log(level, spdlog::string_view_t{line.data(), line.size()});
    }

private:
    [[nodiscard]] static spdlog::level::level_enum level_of(transition kind) noexcept
    {
        switch (kind) {
            case transition::rolled_back:
            case transition::aborted:
            case transition::held:
            case transition::paused: return spdlog::level::warn;
            default: return spdlog::level::info;
        }
    }

    std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace v0
}  // namespace joust
