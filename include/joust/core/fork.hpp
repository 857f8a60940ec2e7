// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/spin_lock.hpp>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <new>

#if __has_include(<unistd.h>) && __has_include(<pthread.h>) && !defined(_WIN32)
#include <pthread.h>
#endif

// What happens to a trial in a process that fork() makes. Of the threads of the parent only the one that forked exists in the
// child. A lock that another thread held would stay locked there for ever, and what the parent has counted would be counted
// by both. So before a fork the locks of all trials are taken, which makes what they guard whole; and in the child the locks
// are made anew, and the evidence begins anew. Nothing of this costs a call anything.

namespace joust {
inline namespace v0 {
namespace detail {

/// The moments at which something has to be done.
enum class fork_moment : unsigned char {
    /// In the parent, before the fork.
    before,
    /// In the parent, after the fork.
    in_parent,
    /// In the child, where no other thread exists: the locks are made anew.
    in_child,
    /// In the child, after all locks were made anew: the evidence begins anew. No thread may be started.
    new_epoch,
    /// In the child, when a trial serves its first call there. Threads may be started.
    first_use
};

/// The order in which locks are taken before a fork. A thread that holds one of them may wait for a later one.
enum class fork_order : unsigned char { watching, control, plan, thresholds, board, memory, slabs, leaf };

/// Calls a function at the moments of a fork for as long as the watcher exists.
class fork_watcher {
public:
    using action = void (*)(void* object, fork_moment now) noexcept;

    fork_watcher(void* object, action act, fork_order order);
    fork_watcher(const fork_watcher&) = delete;
    fork_watcher& operator=(const fork_watcher&) = delete;
    ~fork_watcher();

private:
    friend class fork_registry;
    void* object_;
    action act_;
    fork_order order_;
    fork_watcher* before_ = nullptr;
    fork_watcher* after_ = nullptr;
};

/// All watchers of the process.
class fork_registry {
public:
    static fork_registry& instance();

    void add(fork_watcher& one);
    void remove(fork_watcher& one) noexcept;

    /// Start what serving needs in a forked child. It does something only once in each child, and returns when that is done.
    void start_in_child() noexcept
    {
        if (child_.load(std::memory_order_acquire)) [[unlikely]] {
            start();
        }
    }

private:
    static constexpr unsigned orders = static_cast<unsigned>(fork_order::leaf) + 1;

    fork_registry();
    void start() noexcept;
    void call_all(fork_moment now) noexcept;

    static void before_fork() noexcept;
    static void in_parent() noexcept;
    static void in_child() noexcept;

    std::mutex mutex_;
    fork_watcher* first_[orders] = {};
    fork_watcher* last_[orders] = {};
    std::atomic<bool> child_{false};
};

/// A mutex that a forked child finds unlocked, and that no thread holds at the moment of a fork.
///
/// A thread that holds it for more than a second does not hold up the fork. The child can then find half of a change.
class fork_mutex : public std::mutex {
public:
    explicit fork_mutex(fork_order order) : watcher_(this, &act, order) {}

private:
    static void act(void* object, fork_moment now) noexcept;

    bool held_ = false;
    fork_watcher watcher_;
};

/// Calls `begin_anew()` of an object in a forked child.
template <class Object>
class new_epoch_in_child {
public:
    explicit new_epoch_in_child(Object& object) : watcher_(&object, &act, fork_order::leaf) {}

private:
    static void act(void* object, fork_moment now) noexcept
    {
        if (now == fork_moment::new_epoch) {
            static_cast<Object*>(object)->begin_anew();
        }
    }

    fork_watcher watcher_;
};

#if JOUST_BODIES

JOUST_FUNCTION fork_watcher::fork_watcher(void* object, action act, fork_order order)
    : object_(object), act_(act), order_(order)
{
    fork_registry::instance().add(*this);
}

JOUST_FUNCTION fork_watcher::~fork_watcher()
{
    fork_registry::instance().remove(*this);
}

JOUST_FUNCTION fork_registry& fork_registry::instance()
{
    // The object is never destroyed, since a trial may be static and threads may end after static destructors have run.
    static fork_registry& all = *new fork_registry;
    return all;
}

JOUST_FUNCTION fork_registry::fork_registry()
{
#if __has_include(<unistd.h>) && __has_include(<pthread.h>) && !defined(_WIN32)
    // Without memory for the handlers, a fork is as before.
    static_cast<void>(::pthread_atfork([] { before_fork(); }, [] { in_parent(); }, [] { in_child(); }));
#endif
}

JOUST_FUNCTION void fork_registry::add(fork_watcher& one)
{
    const std::scoped_lock lock{mutex_};
    const auto list = static_cast<unsigned>(one.order_);
    one.before_ = last_[list];
    (one.before_ != nullptr ? one.before_->after_ : first_[list]) = &one;
    last_[list] = &one;
}

JOUST_FUNCTION void fork_registry::remove(fork_watcher& one) noexcept
{
    const std::scoped_lock lock{mutex_};
    const auto list = static_cast<unsigned>(one.order_);
    (one.before_ != nullptr ? one.before_->after_ : first_[list]) = one.after_;
    (one.after_ != nullptr ? one.after_->before_ : last_[list]) = one.before_;
}

JOUST_FUNCTION void fork_registry::call_all(fork_moment now) noexcept
{
    for (fork_watcher* each : first_) {
        for (; each != nullptr; each = each->after_) {
            each->act_(each->object_, now);
        }
    }
}

JOUST_FUNCTION void fork_registry::start() noexcept
{
    const std::scoped_lock lock{mutex_};
    if (child_.load(std::memory_order_relaxed)) {
        call_all(fork_moment::first_use);
        child_.store(false, std::memory_order_release);
    }
}

JOUST_FUNCTION void fork_registry::before_fork() noexcept
{
    instance().mutex_.lock();
    instance().call_all(fork_moment::before);
}

JOUST_FUNCTION void fork_registry::in_parent() noexcept
{
    instance().call_all(fork_moment::in_parent);
    instance().mutex_.unlock();
}

JOUST_FUNCTION void fork_registry::in_child() noexcept
{
    fork_registry& all = instance();
    const std::uint32_t next = fork_generation.load(std::memory_order_relaxed) + 1;
    fork_generation.store(next == 0 ? 1 : next, std::memory_order_relaxed);
    all.call_all(fork_moment::in_child);
    all.call_all(fork_moment::new_epoch);
    all.child_.store(true, std::memory_order_relaxed);
    all.mutex_.unlock();
}

JOUST_FUNCTION void fork_mutex::act(void* object, fork_moment now) noexcept
{
    auto& own = *static_cast<fork_mutex*>(object);
    switch (now) {
        case fork_moment::before:
            own.held_ = own.try_lock();
            for (brief_wait waiting; !own.held_ && !waiting.lasted_a_second(); waiting.pause()) {
                own.held_ = own.try_lock();
            }
            break;
        case fork_moment::in_parent:
            if (own.held_) {
                own.held_ = false;
                own.unlock();
            }
            break;
        case fork_moment::in_child:
            if (own.held_) {
                own.held_ = false;
                own.unlock();
            } else {
                ::new (static_cast<void*>(static_cast<std::mutex*>(&own))) std::mutex;
            }
            break;
        case fork_moment::new_epoch:
        case fork_moment::first_use: break;
    }
}

#endif

}  // namespace detail
}  // namespace v0
}  // namespace joust
