// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/fork.hpp>

#include <atomic>
#include <cstdint>
#include <string>

namespace joust {
inline namespace v0 {
namespace detail {

/// The kill switch of a trial whose plans have no shares, with the plan that set it.
class challenger_switch {
public:
    /// Return whether only the champion may run.
    /// cost: one load
    [[nodiscard]] bool stopped() const noexcept { return stopped_.load(std::memory_order_relaxed); }
    void stop() noexcept { stopped_.store(true, std::memory_order_relaxed); }
    void start() noexcept { stopped_.store(false, std::memory_order_relaxed); }

    /// It guards the members below.
    mutable fork_mutex mutex{fork_order::plan};
    std::uint64_t version = 1;
    std::uint64_t parent = 0;
    /// The digest of the plan as the caller gave it.
    std::uint64_t given = 0;
    /// The reason why a later plan was refused.
    std::string complaint;

private:
    std::atomic<bool> stopped_{false};
};

}  // namespace detail
}  // namespace v0
}  // namespace joust
