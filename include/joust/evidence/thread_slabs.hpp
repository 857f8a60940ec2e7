// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/fork.hpp>
#include <joust/evidence/slab.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detail {

/// Own the slabs of a trial. Threads share it, and it outlives the trial, so that threads that end later find out that
/// the slabs are gone.
class slab_owner {
public:
    slab_owner(const slab_layout& layout, std::size_t max_slabs, std::uint64_t generation)
        : layout_(layout), max_slabs_(max_slabs), generation_(generation), shared_(layout, true, 0x80000000U)
    {
    }

    /// Return a slab that only the calling thread writes, or null if memory or `max_slabs` do not allow one more.
    slab* claim() noexcept;

    void give_back(slab* thread_slab, std::uint64_t generation) noexcept
    {
        const std::scoped_lock lock{mutex_};
        if (alive_ && generation == generation_) {
            thread_slab->pin(nullptr);
            thread_slab->next_idle = idle_;
            idle_ = thread_slab;
        }
    }

    /// Visit every slab, the shared one last. No slab is claimed or given back meanwhile.
    template <class Visit>
    void for_each(Visit&& visit) const
    {
        const std::scoped_lock lock{mutex_};
        for (const slab& each : all_) {
            visit(each);
        }
        visit(shared_);
    }

    /// Return whether any thread had to use the shared slab.
    [[nodiscard]] bool uses_shared() const noexcept { return shared_used_.load(std::memory_order_relaxed); }

    slab& shared() noexcept
    {
        shared_used_.store(true, std::memory_order_relaxed);
        return shared_;
    }

    /// Make room for counts by share in every slab, before the first call.
    void count_by_share(std::size_t columns)
    {
        const std::scoped_lock lock{mutex_};
        shared_.count_by_share(columns);
        for (slab& each : all_) {
            each.count_by_share(columns);
        }
        layout_.columns = columns;
    }

    /// Begin without evidence in a forked child, where no other thread exists. The slabs of the parent's threads are kept
    /// and not touched, so that their memory stays shared with the parent.
    void begin_anew(std::uint64_t generation) noexcept
    {
        generation_ = generation;
        before_fork_.splice(before_fork_.end(), all_);
        idle_ = nullptr;
        if (shared_used_.load(std::memory_order_relaxed)) {
            shared_.begin_anew();
        }
    }

    void close() noexcept
    {
        const std::scoped_lock lock{mutex_};
        alive_ = false;
        all_.clear();
        before_fork_.clear();
        idle_ = nullptr;
    }

private:
    slab_layout layout_;
    std::size_t max_slabs_;
    /// The number by which a thread knows that its slab is one of these.
    std::uint64_t generation_;
    mutable fork_mutex mutex_{fork_order::slabs};
    std::list<slab> all_;
    std::list<slab> before_fork_;
    /// The slabs that no thread has, linked by `next_idle`.
    slab* idle_ = nullptr;
    slab shared_;
    std::atomic<bool> shared_used_{false};
    bool alive_ = true;
};

/// Number the trials that exist. Numbers are small and used again; a generation tells a new owner of a number from the
/// old one.
class trial_numbers {
public:
    static trial_numbers& instance()
    {
        // The object is never destroyed, since threads may end after static destructors have run.
        static trial_numbers& numbers = *new trial_numbers;
        return numbers;
    }

    std::pair<std::uint32_t, std::uint64_t> take()
    {
        const std::scoped_lock lock{mutex_};
        std::uint32_t index = next_;
        if (free_.empty()) {
            // Memory is reserved here, so that giving a number back never throws.
            free_.reserve(next_ + 1);
            ++next_;
        } else {
            index = static_cast<std::uint32_t>(free_.back());
            free_.pop_back();
        }
        return {index, ++generation_};
    }

    /// Return a generation that no trial has had.
    std::uint64_t next_generation() noexcept
    {
        const std::scoped_lock lock{mutex_};
        return ++generation_;
    }

    void give_back(std::uint32_t index) noexcept
    {
        const std::scoped_lock lock{mutex_};
        free_.push_back(index);
    }

private:
    fork_mutex mutex_{fork_order::leaf};
    std::vector<std::size_t> free_;
    std::uint32_t next_ = 0;
    std::uint64_t generation_ = 0;
};

/// Hold a thread's slab for one trial number.
struct thread_entry {
    std::uint64_t generation = 0;
    slab* held = nullptr;
    std::shared_ptr<slab_owner> owner;
};

/// Hold the slabs of a thread by trial number. The type is trivial, so that reading the thread_local object needs no
/// guard.
struct thread_table {
    thread_entry* entries = nullptr;
    std::uint32_t size = 0;
    /// Whether the thread is ending, so that it must not claim a slab any more.
    bool closed = false;
};

inline constinit thread_local thread_table this_thread_slabs{};

/// Return the slabs of a thread to their trials when the thread ends.
struct slab_return_at_exit {
    slab_return_at_exit() = default;
    slab_return_at_exit(const slab_return_at_exit&) = delete;
    slab_return_at_exit& operator=(const slab_return_at_exit&) = delete;
    ~slab_return_at_exit();
    /// Use the object: a thread_local object is made, and its destructor registered, when it is first used.
    void register_now() noexcept {}
};

/// Give a trial the slab of the calling thread in a few instructions.
class thread_slabs {
public:
    explicit thread_slabs(const slab_layout& layout, std::size_t max_slabs = 256);
    thread_slabs(const thread_slabs&) = delete;
    thread_slabs& operator=(const thread_slabs&) = delete;
    ~thread_slabs();

    /// Find the slab of the calling thread.
    /// cost: two loads and two comparisons; the first call of a thread takes a lock and allocates
    [[nodiscard]] slab& of_this_thread() noexcept
    {
        const thread_table& table = this_thread_slabs;
        if (index_ < table.size && table.entries[index_].generation == generation_) [[likely]] {
            return *table.entries[index_].held;
        }
        return claim();
    }

    template <class Visit>
    void for_each(Visit&& visit) const
    {
        owner_->for_each(std::forward<Visit>(visit));
    }

    /// Visit every slab that a thread has used.
    template <class Visit>
    void for_each_used(Visit&& visit) const
    {
        owner_->for_each([&](const slab& each) {
            if (!each.shared() || owner_->uses_shared()) {
                visit(each);
            }
        });
    }

    /// Make room for counts by share, before the first call.
    void count_by_share(std::size_t columns) { owner_->count_by_share(columns); }

    /// Begin without evidence in a forked child, where no other thread exists. Under another generation the slab of the
    /// calling thread is not found any more.
    void begin_anew() noexcept
    {
        generation_ = trial_numbers::instance().next_generation();
        owner_->begin_anew(generation_);
    }

private:
    slab& claim() noexcept;

    bool make_room(thread_table& table) const noexcept;

    std::uint32_t index_ = 0;
    std::uint64_t generation_ = 0;
    std::shared_ptr<slab_owner> owner_;
    new_epoch_in_child<thread_slabs> fork_{*this};
};

#if JOUST_BODIES

JOUST_FUNCTION slab* slab_owner::claim() noexcept
{
    const std::scoped_lock lock{mutex_};
    try {
        if (idle_ == nullptr) {
            if (all_.size() >= max_slabs_) {
                return nullptr;
            }
            return &all_.emplace_back(layout_, false, static_cast<std::uint32_t>(all_.size()) * 0x9e3779b1U);
        }
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
    slab* reused = idle_;
    idle_ = reused->next_idle;
    return reused;
}

JOUST_FUNCTION slab_return_at_exit::~slab_return_at_exit()
{
    thread_table table = this_thread_slabs;
    this_thread_slabs = {nullptr, 0, true};
    for (std::uint32_t i = 0; i < table.size; ++i) {
        if (table.entries[i].owner != nullptr) {
            table.entries[i].owner->give_back(table.entries[i].held, table.entries[i].generation);
        }
    }
    delete[] table.entries;
}

JOUST_FUNCTION thread_slabs::thread_slabs(const slab_layout& layout, std::size_t max_slabs)
{
    const auto [index, generation] = trial_numbers::instance().take();
    index_ = index;
    generation_ = generation;
    try {
        owner_ = std::make_shared<slab_owner>(layout, max_slabs, generation);
    } catch (...) {
        trial_numbers::instance().give_back(index);
        throw;
    }
}

JOUST_FUNCTION thread_slabs::~thread_slabs()
{
    owner_->close();
    trial_numbers::instance().give_back(index_);
}

JOUST_NOINLINE JOUST_FUNCTION slab& thread_slabs::claim() noexcept
{
    fork_registry::instance().start_in_child();
    thread_table& table = this_thread_slabs;
    if (table.closed || !make_room(table)) {
        return owner_->shared();
    }
    thread_local slab_return_at_exit at_exit;
    at_exit.register_now();
    thread_entry& entry = table.entries[index_];
    // A trial that does not exist any more may have had this number.
    entry = {};
    slab* thread_slab = owner_->claim();
    if (thread_slab == nullptr) {
        return owner_->shared();
    }
    entry = {generation_, thread_slab, owner_};
    return *thread_slab;
}

JOUST_FUNCTION bool thread_slabs::make_room(thread_table& table) const noexcept
{
    if (index_ < table.size) {
        return true;
    }
    const std::uint32_t size = index_ + 8;
    auto* larger = new (std::nothrow) thread_entry[size];
    if (larger == nullptr) {
        return false;
    }
    for (std::uint32_t i = 0; i < table.size; ++i) {
        larger[i] = std::move(table.entries[i]);
    }
    delete[] table.entries;
    table.entries = larger;
    table.size = size;
    return true;
}

#endif

}  // namespace detail
}  // namespace v0
}  // namespace joust
