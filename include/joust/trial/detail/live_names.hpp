// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/fork.hpp>
#include <joust/core/text_list.hpp>
#include <joust/trial/detail/identity.hpp>

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

// The names of the trials that this process has now. Trials of one name assign alike and take each other's tickets, which a
// report can only say if it knows of both.

namespace joust {
inline namespace v0 {
namespace detail {

/// The names of all trials of the process that are not destroyed, except gates. It is not used while a trial serves.
class live_names {
public:
    static live_names& instance();

    void add(const std::string& name);
    void remove(std::string_view name) noexcept;
    /// Return how many trials have a name.
    [[nodiscard]] std::size_t count(std::string_view name) const noexcept;

private:
    mutable fork_mutex mutex_{fork_order::leaf};
    std::vector<std::string> names_;
};

/// Keeps the name of a trial in the list for as long as the trial lives.
class live_name {
public:
    /// shape: a gate is not listed, because it serves nothing
    live_name(std::string_view kind, const trial_identity& identity);
    live_name(const live_name&) = delete;
    live_name& operator=(const live_name&) = delete;
    ~live_name();

    /// Return how many other trials of the process have the name.
    [[nodiscard]] std::size_t others() const noexcept;

private:
    std::string name_;
};

/// Note under a report that its trial has no salt, and that another live trial has its name.
void annotate_name(std::vector<std::string>& notes, const trial_identity& identity, const live_name& listed);

}  // namespace detail

#if JOUST_BODIES

namespace detail {

JOUST_FUNCTION live_names& live_names::instance()
{
    // The object is never destroyed, since a trial may be static.
    static live_names& names = *new live_names;
    return names;
}

JOUST_FUNCTION void live_names::add(const std::string& name)
{
    const std::scoped_lock lock{mutex_};
    add_text(names_, name);
}

JOUST_FUNCTION void live_names::remove(std::string_view name) noexcept
{
    const std::scoped_lock lock{mutex_};
    for (std::string& each : names_) {
        if (each == name) {
            each.swap(names_.back());
            names_.pop_back();
            return;
        }
    }
}

JOUST_FUNCTION std::size_t live_names::count(std::string_view name) const noexcept
{
    const std::scoped_lock lock{mutex_};
    std::size_t same = 0;
    for (const std::string& each : names_) {
        same += each == name ? 1U : 0U;
    }
    return same;
}

JOUST_FUNCTION live_name::live_name(std::string_view kind, const trial_identity& identity)
    : name_(kind == "gate" ? std::string{} : identity.name())
{
    if (!name_.empty()) {
        live_names::instance().add(name_);
    }
}

JOUST_FUNCTION live_name::~live_name()
{
    if (!name_.empty()) {
        live_names::instance().remove(name_);
    }
}

JOUST_FUNCTION std::size_t live_name::others() const noexcept
{
    const std::size_t all = name_.empty() ? 0 : live_names::instance().count(name_);
    return all > 1 ? all - 1 : 0;
}

JOUST_FUNCTION void annotate_name(std::vector<std::string>& notes, const trial_identity& identity,
                                  const live_name& listed)
{
    if (listed.others() > 0) {
        add_text(
            notes,
            joined(
                {"Another live trial of this process has the name '", identity.name(),
                 "' too. Under one name trials assign a unit alike, and trials of one kind take each other's tickets; give each trial a salt of its own."}));
    }
    if (!identity.salted()) {
        add_text(
            notes,
            "No salt was given, so the trial has the names of its models. Another trial whose models have the same names would assign every unit alike and take this trial's tickets; give the trial a salt of its own.");
    }
}

}  // namespace detail

#endif

}  // namespace v0
}  // namespace joust
