#pragma once

#include <joust/core/error.hpp>
#include <joust/split/traffic_plan.hpp>
#include <joust/store/file.hpp>
#include <joust/store/json.hpp>
#include <joust/trial/replace_plan.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace joust {
inline namespace v0 {

/// Read a plan from its JSON form; unknown members are refused, since a misspelt one would be a plan that is not meant.
/// errors: parse_error with the member, whatever the bytes
[[nodiscard]] inline traffic_plan parse_plan(std::string_view text)
{
    const auto refuse = [](const std::string& why) { throw parse_error("plan: " + why); };
    const nlohmann::json json = detail::parse_json(text);
    if (!json.is_object()) {
        refuse("not a JSON object");
    }
    const auto number_from_hex = [&refuse](const nlohmann::json& value, const char* what) {
        std::uint64_t out = 0;
        if (!value.is_string() || value.get_ref<const std::string&>().size() != 16) {
            refuse(std::string{what} + " is not 16 hexadecimal digits");
        }
        for (const char c : value.get_ref<const std::string&>()) {
            const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
            if (digit < 0) {
                refuse(std::string{what} + " is not 16 hexadecimal digits");
            }
            out = out * 16 + static_cast<std::uint64_t>(digit);
        }
        return out;
    };
    traffic_plan plan;
    bool named = false, formatted = false, salted = false, versioned = false, shared = false;
    for (const auto& [key, value] : json.items()) {
        if (key == "joust") {
            named = value == "plan";
        } else if (key == "format") {
            formatted = value == 1;
        } else if (key == "salt") {
            if (!value.is_string()) {
                refuse("\"salt\" is not text");
            }
            plan.salt = value.get<std::string>();
            salted = true;
        } else if (key == "version") {
            if (!value.is_number_unsigned()) {
                refuse("\"version\" is not a whole number");
            }
            plan.version = value.get<std::uint64_t>();
            versioned = true;
        } else if (key == "parent") {
            plan.parent = number_from_hex(value, "\"parent\"");
        } else if (key == "stopped") {
            if (!value.is_boolean()) {
                refuse("\"stopped\" is neither true nor false");
            }
            plan.stopped = value.get<bool>();
        } else if (key == "shares") {
            if (!value.is_array() || value.size() > max_arms) {
                refuse("\"shares\" is not a list of at most 16 numbers");
            }
            for (const auto& share : value) {
                if (!share.is_number()) {
                    refuse("\"shares\" holds something that is no number");
                }
                plan.shares.push_back(share.get<double>() + 0.0);  // -0 is 0
            }
            shared = !plan.shares.empty();
        } else if (key == "slots") {
            if (!value.is_array()) {
                refuse("\"slots\" is not a list");
            }
            for (const auto& slot : value) {
                if (!slot.is_array() || slot.size() != 2 || !slot[1].is_number_unsigned() ||
                    slot[1].get<std::uint64_t>() >= max_arms) {
                    refuse("\"slots\" holds something that is not [\"16 hexadecimal digits\", arm]");
                }
                plan.slots.push_back({number_from_hex(slot[0], "the beginning of a slot"),
                                      static_cast<unsigned>(slot[1].get<std::uint64_t>())});
            }
        } else {
            refuse("\"" + key + "\" is no member of a plan");
        }
    }
    if (!named || !formatted) {
        refuse("not marked \"joust\": \"plan\", \"format\": 1");
    }
    if (!salted || !versioned || !shared) {
        refuse("\"salt\", \"version\" and \"shares\" are needed");
    }
    return plan;
}

/// Write a plan so that who watches the file sees the old one or the new one, never a part.
/// errors: std::runtime_error with path and reason
inline void save_plan(const std::string& path, const traffic_plan& plan)
{
    std::string text;
    plan.write(text, style::json);
    write_file(path, text + "\n");
}

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
                detail::plan_access::complain(trial_, why);
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
