// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/clock.hpp>
#include <joust/core/entropy.hpp>
#include <joust/core/error.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/hex.hpp>
#include <joust/core/text_list.hpp>
#include <joust/report/report.hpp>
#include <joust/store/file.hpp>
#include <joust/store/snapshot.hpp>
#include <joust/store/store.hpp>
#include <joust/ticket/seen.hpp>
#include <joust/trial/detail/durable_kind.hpp>
#include <joust/trial/detail/shared_rows.hpp>
#include <joust/trial/detail/trial_access.hpp>
#include <joust/trial/plan_history.hpp>

#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#if __has_include(<unistd.h>) && !defined(_WIN32)
#include <cerrno>
#include <csignal>
#include <unistd.h>
#endif

namespace joust {
inline namespace v0 {

/// Options of durable and follow.
struct durable_options {
    /// The pause between two rounds: in each of them the evidence is written, and the plan and the evidence of the other processes are
    /// read. What came since the last round is lost where the process is killed. With 0 the caller polls.
    std::chrono::milliseconds every{1'000};
    /// The name of this replica, which stays the same over restarts. It is the name of the host where it is empty.
    std::string replica{};
    /// Whether this process may judge for all. One of those that may does, for as long as it holds the lease.
    bool judges = true;
    /// Whether this process serves calls, so that it has evidence of its own.
    bool serves = true;
    /// How long a judge that is not heard of keeps the lease.
    std::chrono::milliseconds lease{10'000};
    /// After how long without the store a canary gives everything to the champion, until the store is reached again; 0 for never.
    std::chrono::milliseconds champion_after{0};
    /// How long the destructor waits for the store.
    std::chrono::milliseconds stop_within{2'000};
};

/// One life of a replica, as its row in the store says.
struct durable_replica {
    /// The name of the replica.
    std::string replica{};
    /// The number of its life, which is new for each start.
    std::uint64_t epoch = 0;
    /// How often it has written.
    std::uint64_t sequence = 0;
    /// When it has written last, by its own clock. units: milliseconds since 1970-01-01 UTC
    std::uint64_t written = 0;

    friend bool operator==(const durable_replica&, const durable_replica&) = default;
};

/// A row of the store that was not used.
struct refused_row {
    /// The key of the row.
    std::string key{};
    /// What is wrong with it.
    std::string why{};

    friend bool operator==(const refused_row&, const refused_row&) = default;
};

/// Say what a durable trial has done so far.
struct durable_status {
    /// Whether the last round has reached the store.
    bool connected = false;
    /// Whether the trial goes on from what an earlier process has stored.
    bool restored = false;
    /// How often the evidence of this process was written.
    std::uint64_t published = 0;
    /// The seconds since the evidence was copied that was written last: what came since is lost where the process is killed now.
    double unsynced_seconds = 0.0;
    /// How often the store could not be reached or refused, and what it said last.
    std::uint64_t errors = 0;
    /// The last error, also where the store is reached again.
    std::string last_error{};
    /// The version of the plan that all processes follow, or 0.
    std::uint64_t plan_version = 0;
    /// The stage of a canary, or the version of a traffic plan.
    std::uint64_t stage = 0;
    /// The share of all challengers by the plan.
    double share = 0.0;
    /// Whether the challengers are out of service by the plan.
    bool stopped = false;
    /// Why the plan is as it is.
    std::string reason{};
    /// Whether this process judges for all, and which replica does.
    bool leads = false;
    /// The replica that holds the lease, or empty.
    std::string leader{};
    /// The lives whose evidence counts, sorted by key, but for those that were folded.
    std::vector<durable_replica> replicas{};
    /// How many lives were folded into one row.
    std::uint64_t folded = 0;
    /// The rows that were not used.
    std::vector<refused_row> refused{};
    /// At most how many tickets counted at two replicas.
    std::uint64_t counted_twice = 0;
};

namespace detail {

/// Return the name of this host, or "replica".
[[nodiscard]] inline std::string name_of_host()
{
#if __has_include(<unistd.h>) && !defined(_WIN32)
    char name[256] = {};
    if (::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0') {
        return name;
    }
#endif
    return "replica";
}

/// Return what tells apart the places where numbers of processes are given: the host, its start, and the container.
[[nodiscard]] inline std::string identity_of_host()
{
    std::string identity = name_of_host();
#if defined(__linux__)
    char text[128] = {};
    if (const open_file boot{"/proc/sys/kernel/random/boot_id", "rb"}; boot.handle != nullptr) {
        identity += ' ';
        identity.append(text, std::fread(text, 1, 36, boot.handle));
    }
    if (const ::ssize_t n = ::readlink("/proc/self/ns/pid", text, sizeof text); n > 0) {
        identity += ' ';
        identity.append(text, static_cast<std::size_t>(n));
    }
#endif
    return identity;
}

[[nodiscard]] inline std::uint64_t number_of_process() noexcept
{
#if __has_include(<unistd.h>) && !defined(_WIN32)
    return static_cast<std::uint64_t>(::getpid());
#else
    return 0;
#endif
}

/// The lives that this process is.
class lives_here {
public:
    static void add(std::uint64_t epoch)
    {
        const std::scoped_lock lock{all().mutex};
        all().epochs.push_back(epoch);
    }
    static void remove(std::uint64_t epoch) noexcept
    {
        const std::scoped_lock lock{all().mutex};
        std::erase(all().epochs, epoch);
    }
    [[nodiscard]] static bool has(std::uint64_t epoch) noexcept
    {
        const std::scoped_lock lock{all().mutex};
        for (const std::uint64_t each : all().epochs) {
            if (each == epoch) {
                return true;
            }
        }
        return false;
    }

private:
    struct list {
        std::mutex mutex;
        std::vector<std::uint64_t> epochs;
    };
    /// It is never destroyed, since a trial may outlive it.
    [[nodiscard]] static list& all() noexcept
    {
        static list* const known = new list;
        return *known;
    }
};

/// Return whether a process that wrote a row has ended for certain: it ran on this host, and is there no more.
[[nodiscard]] inline bool has_ended(const row_writer& writer, const row_writer& own) noexcept
{
#if __has_include(<unistd.h>) && !defined(_WIN32)
    if (writer.epoch == own.epoch || writer.host != own.host || writer.process == 0) {
        return false;
    }
    // The number of this process was that of another one before.
    return (writer.process == own.process && !lives_here::has(writer.epoch)) ||
           (writer.process != own.process && ::kill(static_cast<::pid_t>(writer.process), 0) != 0 &&
            errno == ESRCH);
#else
    static_cast<void>(writer);
    static_cast<void>(own);
    return false;
#endif
}

/// Does the rounds of a durable trial. A thread of its own owns it too, so that it outlives a destructor that could not wait.
template <class Trial, class Store>
class durable_works {
    using kind = durable_kind<Trial>;
    using evidence_t = decltype(std::declval<const Trial&>().evidence());
    using clock = std::chrono::steady_clock;

public:
    durable_works(Trial& trial, Store store, durable_options options)
        : trial_(&trial), store_(std::move(store)), options_(std::move(options)),
          prefix_(keys_of(trial.name()))
    {
        if (options_.every.count() < 0) {
            throw configuration_error("durable.every", std::to_string(options_.every.count()) + " ms",
                                      "0, where the caller polls, or a pause above 0");
        }
        own_.host = identity_of_host();
        own_.process = number_of_process();
        own_.replica = options_.replica.empty() ? name_of_host() : options_.replica;
        own_.epoch = draw_entropy();
        lives_here::add(own_.epoch);
        own_key_ = prefix_ + "evidence/";
        append_key_part(own_key_, own_.replica);
        own_key_ += '/';
        append_hex(own_key_, own_.epoch);
        seen_prefix_ = prefix_ + "seen/";
        append_key_part(seen_prefix_, own_.replica);
        seen_prefix_ += '/';
        append_hex(seen_prefix_, own_.epoch);
        copying_at_ = reached_at_ = clock::now();
        copied_at_.store(copying_at_, std::memory_order_relaxed);
        if constexpr (kind::has_tickets) {
            const std::size_t capacity = trial_access::seen_of(trial).capacity();
            own_tickets_ = std::make_unique<seen_window>(capacity);
            places_.resize(capacity);
            segment_size_ = capacity / 40 > 1'024 ? capacity / 40 : 1'024;
        }
        own_evidence_ = trial.evidence();
        if constexpr (kind::has_rollout) {
            trial_access::rollout(trial).decide_together();
            initial_ = trial.state();
        }
    }

    durable_works(const durable_works&) = delete;
    durable_works& operator=(const durable_works&) = delete;
    ~durable_works() { lives_here::remove(own_.epoch); }

    /// Do a round: write, read, follow and judge. Returns whether the store was reached. `writes` says whether the evidence is written.
    bool round(bool writes, bool last = false) noexcept
    {
        const std::scoped_lock lock{rounds_};
        alone(true);
        std::string trouble;
        bool reached = false;
        try {
            work(writes, last);
            reached = true;
        } catch (const gone&) {
            return false;
        } catch (const std::exception& wrong) {
            trouble = message_of(wrong);
        } catch (...) {
            trouble = "an unknown exception";
        }
        reached_.store(reached, std::memory_order_relaxed);
        if (reached) {
            reached_at_ = clock::now();
            alone(false);
            if constexpr (kind::has_rollout) {
                // Where the plan of a rollback could not be shared, as with that of other models, the next round tries again.
                told_stop_.store(with_trial_or(true, [](Trial& trial) { return kind::stopped(trial); }),
                                 std::memory_order_relaxed);
            }
        } else {
            fall_back();
        }
        const std::scoped_lock state_lock{state_mutex_};
        status_.connected = reached;
        if (!reached) {
            ++status_.errors;
            status_.last_error.swap(trouble);
        }
        return reached;
    }

    /// Return whether this process's evidence asks for a look, or its challenger was taken out and others do not know it yet.
    [[nodiscard]] bool urgent() noexcept
    {
        bool asks = false;
        if (!reached_.load(std::memory_order_relaxed)) {
            return false;  // The next round by the clock tries again.
        }
        if constexpr (kind::has_rollout) {
            asks = with_trial_or(false, [this](Trial& trial) {
                return trial_access::rollout(trial).take_request() ||
                       (kind::stopped(trial) && !told_stop_.load(std::memory_order_relaxed));
            });
        }
        return asks;
    }

    [[nodiscard]] durable_status status() const
    {
        const std::scoped_lock lock{state_mutex_};
        durable_status now = status_;
        now.unsynced_seconds =
            std::chrono::duration<double>(clock::now() - copied_at_.load(std::memory_order_relaxed)).count();
        return now;
    }

    [[nodiscard]] report report_merged()
    {
        const std::scoped_lock lock{rounds_};
        own_evidence_ = with_trial([](Trial& trial) { return trial.evidence(); });
        merge_rows();
        report out = with_trial([this](Trial& trial) { return kind::judge(trial, merged_, false); });
        annotate(out);
        return out;
    }

    [[nodiscard]] evidence_t merged()
    {
        const std::scoped_lock lock{rounds_};
        return merged_.models.empty() ? own_evidence_ : merged_;
    }

    /// Leave the trial alone from now on. A round that runs ends at its next step.
    void let_go() noexcept
    {
        const std::scoped_lock lock{gate_};
        if constexpr (kind::has_rollout) {
            if (trial_ != nullptr) {
                trial_access::rollout(*trial_).act_alone(0.0);
            }
        }
        trial_ = nullptr;
    }

    [[nodiscard]] const durable_options& options() const noexcept { return options_; }
    [[nodiscard]] const std::string& own_key() const noexcept { return own_key_; }

    std::mutex waking;
    std::condition_variable wake;
    std::condition_variable ended;
    bool ending = false;
    bool has_ended_now = false;

private:
    struct gone {};
    struct known_row {
        std::uint64_t sequence = 0;
        row_writer writer{};
        evidence_t seen{};
        seen_row tickets{};
        bool good = false;
        bool there = false;
        std::string why{};
        typename clock::time_point since{};
    };
    static constexpr std::uint64_t closed = std::numeric_limits<std::uint64_t>::max() / 2;
    static constexpr std::size_t most_ended = 16;
    static constexpr std::size_t segments = 17;

    /// Use the trial, unless it is gone. The store is not used meanwhile.
    template <class Use>
    auto with_trial(Use&& use)
    {
        const std::scoped_lock lock{gate_};
        if (trial_ == nullptr) {
            throw gone{};
        }
        return use(*trial_);
    }
    template <class Result, class Use>
    Result with_trial_or(Result otherwise, Use&& use) noexcept
    {
        try {
            return with_trial(std::forward<Use>(use));
        } catch (...) {
            return otherwise;
        }
    }

    [[nodiscard]] static std::string message_of(const std::exception& wrong) noexcept
    {
        try {
            return wrong.what();
        } catch (...) {
            return {};
        }
    }

    /// Say by how much this process's evidence has to exceed a threshold, so that it takes the challenger out without the others.
    void alone([[maybe_unused]] bool by_itself) noexcept
    {
        if constexpr (kind::has_rollout) {
            const double lives = static_cast<double>(lives_ > 0 ? lives_ : 1);
            const bool may = by_itself || options_.every.count() == 0 || lives_ <= 1;
            const double beyond = may ? std::log(lives) : std::numeric_limits<double>::infinity();
            static_cast<void>(with_trial_or(false, [beyond](Trial& trial) {
                trial_access::rollout(trial).act_alone(beyond);
                return true;
            }));
        }
    }

    /// Without the store: a process that knows no plan yet, or has not known it for too long, leaves everything to the champion.
    void fall_back() noexcept
    {
        if constexpr (kind::has_rollout) {
            const bool late =
                options_.champion_after.count() > 0 && clock::now() - reached_at_ > options_.champion_after;
            if ((!met_ || late) && !held_back_) {
                held_back_ = with_trial_or(false, [](Trial& trial) {
                    trial_access::rollout(trial).hold_back();
                    return true;
                });
            }
        }
    }

    void work(bool writes, bool last)
    {
        if (options_.serves && met_) {
            copy_own();
            if (writes) {
                write_evidence();
            }
        }
        std::vector<stored_row> rows = store_.scan(prefix_);
        own_.milliseconds = wall_milliseconds();
        if constexpr (kind::has_plan) {
            sync_plan(rows);
        }
        read_evidence(rows);
        if constexpr (kind::has_tickets) {
            read_tickets(rows);
        }
        const bool first = !met_;
        met_ = true;
        merge_rows();
        if constexpr (kind::has_tickets) {
            catch_up();
        }
        if (!last) {
            const bool leads = hold_lease(rows);
            if (first || (leads && !leads_)) {
                resume_course(rows);
            }
            judge(leads);
            if (leads) {
                fold();
                write_course(10);
            }
        } else {
            if (leads_) {
                write_course(1);
            }
            give_lease_back(rows);
        }
        note_status(first);
    }

    /// Copy the evidence of this process, and then the tickets that brought it. A ticket that comes in between is known and not yet
    /// counted: where the process is killed now, its feedback is lost, and not counted twice.
    void copy_own()
    {
        copying_at_ = clock::now();
        with_trial([this](Trial& trial) {
            own_evidence_ = trial.evidence();
            if constexpr (kind::has_tickets) {
                trial_access::seen_of(trial).for_each(
                    [this](std::size_t place, std::uint64_t key, std::uint64_t mask) {
                        std::pair<std::uint64_t, std::uint64_t>& before = places_[place];
                        if (before.first == key && before.second == mask) {
                            return;
                        }
                        before = {key, mask};
                        if (const auto taken = taken_tickets_.find(key);
                            taken == taken_tickets_.end() || taken->second != mask) {
                            tickets_.keys.push_back(key);
                            tickets_.masks.push_back(mask);
                            static_cast<void>(own_tickets_->mark(key, mask));
                        }
                    });
                taken_tickets_.clear();
            }
            return true;
        });
    }

    void write_evidence()
    {
        const auto at = copying_at_;
        own_.milliseconds = wall_milliseconds();
        const std::string bytes =
            to_snapshot(evidence_row<evidence_t>{.writer = own_, .seen = own_evidence_, .tickets = tickets_});
        if (!store_.put_if_newer(own_key_, ++sequence_, bytes)) {
            throw store_error(own_key_,
                              "the row was closed, since this process was taken for ended; restart it");
        }
        copied_at_.store(at, std::memory_order_relaxed);
        {
            const std::scoped_lock lock{state_mutex_};
            status_.published = sequence_;
        }
        if (tickets_.keys.size() >= segment_size_) {
            // The evidence no longer carries them once they have a row of their own.
            std::string key = seen_prefix_ + '/';
            append_hex(key, segment_ % segments);
            static_cast<void>(store_.put_if_newer(key, segment_ + 1, to_snapshot(tickets_)));
            ++segment_;
            tickets_ = {};
        }
    }

    void refuse(const std::string& key, std::string why) { refused_.push_back({key, std::move(why)}); }

    /// Read the rows of evidence. A row that was read before is not read again.
    void read_evidence(const std::vector<stored_row>& rows)
    {
        refused_evidence_.clear();
        for (auto& [key, row] : rows_) {
            row.there = false;
        }
        const std::string begin = prefix_ + "evidence/";
        for (const stored_row& row : rows) {
            if (row.key == prefix_ + "folded") {
                read_folded(row);
            }
            if (!row.key.starts_with(begin) || row.sequence >= closed) {
                continue;
            }
            known_row& known = rows_[row.key];
            known.there = true;
            if (known.sequence != row.sequence) {
                known = {.sequence = row.sequence, .there = true, .since = clock::now()};
                try {
                    auto held = from_snapshot<evidence_row<evidence_t>>(row.bytes);
                    known.writer = held.writer;
                    known.why = misfit(held.format, held.seen);
                    known.seen = std::move(held.seen);
                    known.tickets = std::move(held.tickets);
                    known.good = known.why.empty();
                } catch (const parse_error& wrong) {
                    known.why = wrong.what();
                }
            }
            if (!known.good) {
                refused_evidence_.push_back({row.key, known.why});
            }
        }
        std::erase_if(rows_, [](const auto& each) { return !each.second.there; });
        lives_ = rows_.size() + folded_.rows.size() +
                 (rows_.find(own_key_) == rows_.end() && options_.serves ? 1 : 0);
    }

    /// Return why evidence does not belong to this trial, or nothing.
    [[nodiscard]] std::string misfit(std::uint32_t format, const evidence_t& seen) const
    {
        if (format != shared_format) {
            return "the row has version " + std::to_string(format) + ", but this joust reads version " +
                   std::to_string(shared_format);
        }
        evidence_t sum = own_evidence_;
        try {
            sum.merge(seen);
        } catch (const configuration_error& wrong) {
            return wrong.what();
        }
        return {};
    }

    void read_folded(const stored_row& row)
    {
        if (row.sequence == folded_version_) {
            return;
        }
        try {
            auto held = from_snapshot<folded_rows<evidence_t>>(row.bytes);
            if (std::string why = misfit(held.format, held.seen); !why.empty()) {
                refuse(row.key, std::move(why));
                return;
            }
            folded_ = std::move(held);
            folded_version_ = row.sequence;
        } catch (const parse_error& wrong) {
            refuse(row.key, wrong.what());
        }
    }

    [[nodiscard]] bool is_folded(const std::string& key) const noexcept
    {
        for (const folded_row& each : folded_.rows) {
            if (each.key == key) {
                return true;
            }
        }
        return false;
    }

    /// Add up the evidence of all rows, sorted by key. Of this process the latest evidence counts, in the place of its row.
    void merge_rows()
    {
        evidence_t sum = folded_version_ > 0 ? folded_.seen : evidence_t{};
        bool any = folded_version_ > 0;
        bool own = !options_.serves;
        const auto add = [&](const evidence_t& next) {
            if (any) {
                sum.merge(next);
            } else {
                sum = next;
                any = true;
            }
        };
        for (const auto& [key, row] : rows_) {
            if (!own && key >= own_key_) {
                add(own_evidence_);
                own = true;
            }
            if (row.good && key != own_key_ && !is_folded(key)) {
                add(row.seen);
            }
        }
        if (!own || !any) {
            add(own_evidence_);
        }
        merged_ = std::move(sum);
    }

    /// Let the guardrails go on in the epochs that the evidence of all has reached.
    void catch_up()
    {
        constexpr bool has_guardrails = requires(Trial& trial, const evidence_t& all) {
            trial_access::core(trial).metrics().catch_up(all);
        };
        if constexpr (has_guardrails) {
            with_trial([this](Trial& trial) {
                trial_access::core(trial).metrics().catch_up(merged_);
                return true;
            });
        }
    }

    /// Return the row of a key, or null.
    [[nodiscard]] static const stored_row* find(const std::vector<stored_row>& rows,
                                                std::string_view key) noexcept
    {
        for (const stored_row& row : rows) {
            if (row.key == key) {
                return &row;
            }
        }
        return nullptr;
    }

    /// Read a plan. Returns false where there is none that can be followed.
    [[nodiscard]] bool read_plan(const stored_row& row, plan_row& plan)
    {
        try {
            plan = from_snapshot<plan_row>(row.bytes);
        } catch (const parse_error& wrong) {
            refuse(row.key, wrong.what());
            return false;
        }
        if (plan.format != shared_format || plan.kind != kind::name || plan.models != own_evidence_.models) {
            std::string of;
            for (const std::string& each : plan.models) {
                of += (of.empty() ? "" : ", ") + each;
            }
            refuse(row.key, "the plan is that of the " + plan.kind + " of " + of + " (version " +
                                std::to_string(plan.format) + "); give a trial of other models another name");
            return false;
        }
        return true;
    }

    /// Bring the plan of the trial and the plan in the store together.
    void sync_plan(const std::vector<stored_row>& rows)
    {
        refused_.clear();
        const std::string key = prefix_ + "plan";
        const stored_row* row = find(rows, key);
        std::vector<stored_row> again;
        // Each turn that does not end has met a write of another process.
        for (int turn = 0; turn < 8; ++turn) {
            plan_row plan;
            if (row != nullptr && !read_plan(*row, plan)) {
                fall_back_from_foreign_plan();
                return;
            }
            if (row == nullptr ? first_plan(rows) : follow_plan(*row, plan)) {
                return;
            }
            again = store_.scan(key);
            row = find(again, key);
        }
        throw store_error(key, "the plan could not be written, since other processes write it all the time");
    }

    /// The stored plan is of other models: nothing is decided by it, and it is not replaced.
    void fall_back_from_foreign_plan() noexcept
    {
        met_plan_ = false;
        fall_back();
    }

    /// Write the plan of this process as the first one. Returns false where another process was faster.
    [[nodiscard]] bool first_plan(const std::vector<stored_row>& rows)
    {
        bool evidence_is_there = false;
        for (const stored_row& each : rows) {
            evidence_is_there = evidence_is_there || each.key.starts_with(prefix_ + "evidence/");
        }
        with_trial([&](Trial& trial) {
            if constexpr (kind::has_rollout) {
                if (held_back_) {
                    trial_access::rollout(trial).follow(initial_);
                    held_back_ = false;
                }
            }
            if constexpr (recalls_plans<Trial>()) {
                if (!evidence_is_there && !met_) {
                    recall_plans(trial, plan_history{.trial = trial.name(), .plans = {}});
                }
            }
            return true;
        });
        return write_plan(0, {}, [](const Trial& trial, plan_row& next) { kind::describe(trial, next); });
    }

    /// Write a plan. Returns false where the row has changed.
    template <class Describe>
    [[nodiscard]] bool write_plan(std::uint64_t version, std::string_view before, Describe describe)
    {
        plan_row next;
        next.kind = kind::name;
        next.models = own_evidence_.models;
        next.parent = before.empty() ? 0 : xxh64(before);
        next.writer = own_;
        with_trial([&](const Trial& trial) {
            describe(trial, next);
            if constexpr (recalls_plans<Trial>()) {
                next.history = history_of(trial);
                next.history.complete = next.history.complete && history_.complete;
                for (const known_plan& each : history_.plans) {
                    next.history.add(each);
                }
            }
            return true;
        });
        const std::string bytes = to_snapshot(next);
        if (!store_.compare_and_set(prefix_ + "plan", version, bytes)) {
            return false;
        }
        take_note(next, version + 1);
        return true;
    }

    /// Keep what is known of the shared plan.
    void take_note(const plan_row& plan, std::uint64_t version)
    {
        plan_version_ = version;
        plan_ = plan;
        history_ = plan.history;
        met_plan_ = true;
        told_stop_.store(plan.stopped, std::memory_order_relaxed);
        print_ = with_trial([this](const Trial& trial) { return print_of(trial); });
    }

    /// Return what tells the decisions of a trial apart. It changes when a person or a look has decided something here.
    [[nodiscard]] std::string print_of(const Trial& trial) const
    {
        if constexpr (kind::has_rollout) {
            canary_in_row held{trial.state()};
            held.state.seconds = held.state.stage_seconds = 0.0;
            return to_snapshot(held);
        } else {
            plan_row now;
            kind::describe(trial, now);
            return now.body;
        }
    }

    /// Return whether a person has decided something here since the shared plan was read. A phase alone is no decision of a person.
    [[nodiscard]] bool person_decided([[maybe_unused]] const Trial& trial) const
    {
        if constexpr (kind::has_rollout) {
            if (print_.empty()) {
                return false;
            }
            const canary_state before = from_snapshot<canary_in_row>(print_).state;
            const canary_state now = trial.state();
            return now.steps != before.steps || now.approved != before.approved;
        } else {
            return false;
        }
    }

    /// Follow the plan of a row, or write over it what was decided here. Returns false where the row has changed meanwhile.
    [[nodiscard]] bool follow_plan(const stored_row& row, const plan_row& plan)
    {
        const bool news = row.sequence != plan_version_ || !met_plan_;
        bool writes = false;
        with_trial([&](Trial& trial) {
            if constexpr (recalls_plans<Trial>()) {
                if (news) {
                    recall(trial, plan.history);
                }
            }
            const bool changed = met_plan_ && !held_back_ && print_of(trial) != print_;
            const bool decided = changed && person_decided(trial);
            if (kind::has_rollout && changed && !plan.stopped && (!news || decided)) {
                writes = true;
                return true;
            }
            try {
                const plan_news what = kind::follow(trial, plan, !met_plan_, !news);
                writes = what != plan_news::followed;
                held_back_ = false;
            } catch (const configuration_error& wrong) {
                refuse(row.key, wrong.what());
            } catch (const parse_error& wrong) {
                refuse(row.key, wrong.what());
            }
            return true;
        });
        if (!writes) {
            if (news) {
                take_note(plan, row.sequence);
                restored_ = restored_ || !met_;
            }
            return true;
        }
        return write_plan(row.sequence, row.bytes,
                          [](const Trial& trial, plan_row& next) { kind::describe(trial, next); });
    }

    /// Tell the trial the plans that it does not know.
    void recall(Trial& trial, const plan_history& shared)
    {
        if constexpr (recalls_plans<Trial>()) {
            plan_history own = history_of(trial);
            plan_history news{.trial = shared.trial, .plans = {}, .complete = shared.complete};
            for (const known_plan& each : shared.plans) {
                const std::size_t before = own.plans.size();
                own.add(each);
                if (own.plans.size() > before) {
                    news.plans.push_back(each);
                }
            }
            try {
                recall_plans(trial, news);
            } catch (const configuration_error& wrong) {
                refuse(prefix_ + "plan", wrong.what());
            }
        }
    }

    /// Take the lease, or keep it. Returns whether this process holds it.
    [[nodiscard]] bool hold_lease(const std::vector<stored_row>& rows)
    {
        const std::string key = prefix_ + "lease";
        const stored_row* const row = find(rows, key);
        const std::uint64_t version = row != nullptr ? row->sequence : 0;
        const auto now = clock::now();
        lease_row lease;
        bool known = row == nullptr;
        if (row != nullptr) {
            try {
                lease = from_snapshot<lease_row>(row->bytes);
                known = lease.format == shared_format;
            } catch (const parse_error& wrong) {
                refuse(key, wrong.what());
            }
        }
        if (version != lease_version_) {
            lease_version_ = version;
            lease_since_ = now;
        }
        const bool own = row != nullptr && known && lease.holder.epoch == own_.epoch && !lease.free;
        // The holder writes the row anew. A row that stays the same for the length of a lease, by this process's clock, is free.
        const bool expired = row == nullptr || lease.free || now - lease_since_ > options_.lease ||
                             (known && has_ended(lease.holder, own_));
        leader_ = known && row != nullptr && !expired ? lease.holder.replica : std::string{};
        if (own && now - lease_since_ < options_.lease / 4) {
            return true;
        }
        if (!options_.judges || (!own && !expired)) {
            return false;
        }
        if (!store_.compare_and_set(key, version, to_snapshot(lease_row{.holder = own_}))) {
            return false;
        }
        lease_version_ = version + 1;
        lease_since_ = now;
        leader_ = own_.replica;
        return true;
    }

    void give_lease_back(const std::vector<stored_row>& rows)
    {
        const stored_row* const row = find(rows, prefix_ + "lease");
        if (row == nullptr) {
            return;
        }
        try {
            if (from_snapshot<lease_row>(row->bytes).holder.epoch == own_.epoch) {
                static_cast<void>(store_.compare_and_set(
                    row->key, row->sequence, to_snapshot(lease_row{.holder = own_, .free = true})));
            }
        } catch (const parse_error&) {
            // Another process finds it expired.
        }
    }

    /// Look at the merged evidence. The holder of the lease decides for all; every process may take the challenger out.
    void judge(bool leads)
    {
        leads_ = leads;
        if constexpr (kind::has_rollout) {
            const bool decides = leads && met_plan_ && plan_version_ > 0;
            canary_state next;
            bool proposes = false;
            with_trial([&](Trial& trial) {
                static_cast<void>(kind::judge(trial, merged_, decides));
                proposes = decides && trial_access::rollout(trial).proposed(next);
                return true;
            });
            if (proposes && write_plan(plan_version_, plan_bytes_digestible(),
                                       [&next](const Trial&, plan_row& row) { kind::describe(next, row); })) {
                with_trial([](Trial& trial) {
                    trial_access::rollout(trial).enter_proposed();
                    return true;
                });
                print_ = with_trial([this](const Trial& trial) { return print_of(trial); });
            }
            share_decision();
        } else if (leads && kind::looks_freely) {
            static_cast<void>(with_trial([this](Trial& trial) { return kind::judge(trial, merged_, true); }));
        }
    }

    /// Return the plan that was read or written last, as bytes.
    [[nodiscard]] std::string plan_bytes_digestible() const { return to_snapshot(plan_); }

    /// Write what this round has decided here, such as a rollback, without waiting for the next round.
    void share_decision()
    {
        const bool changed = with_trial([this](const Trial& trial) { return print_of(trial) != print_; });
        if (changed && met_plan_) {
            sync_plan(store_.scan(prefix_ + "plan"));
        }
    }

    /// Go on from the course of looks that the judge has written.
    void resume_course(const std::vector<stored_row>& rows)
    {
        const stored_row* const row = find(rows, prefix_ + "course");
        if (row == nullptr) {
            return;
        }
        try {
            course looks = from_snapshot<course>(row->bytes);
            with_trial([&looks](Trial& trial) {
                trial_access::course_of(trial).resume(std::move(looks));
                return true;
            });
        } catch (const parse_error& wrong) {
            refuse(row->key, wrong.what());
        }
    }

    /// Write the course of looks, where it has grown by some looks.
    void write_course(std::uint64_t looks)
    {
        const course now = with_trial([](Trial& trial) { return trial_access::course_of(trial).merged(); });
        constexpr std::uint64_t few = 32;  // The first looks are written one by one.
        if (now.taken() >= course_written_ + (now.taken() < few ? 1 : looks)) {
            static_cast<void>(store_.put_if_newer(prefix_ + "course", now.taken(), to_snapshot(now)));
            course_written_ = now.taken();
        }
    }

    /// Fold the lives that have ended into one row, where the trial has ended or there are many.
    void fold()
    {
        bool over = false;
        if constexpr (kind::has_rollout) {
            over = plan_.stopped;
        }
        std::vector<const std::pair<const std::string, known_row>*> over_now;
        for (const auto& each : rows_) {
            const bool quiet =
                clock::now() - each.second.since > std::chrono::minutes{1} + 20 * options_.every &&
                lives_later(each.second.writer);
            if (each.second.good && each.first != own_key_ && !is_folded(each.first) &&
                (has_ended(each.second.writer, own_) || quiet)) {
                over_now.push_back(&each);
            }
        }
        if (over_now.size() >= (over ? 1 : most_ended)) {
            folded_rows<evidence_t> next = folded_;
            for (const auto* each : over_now) {
                if (folded_version_ == 0 && each == over_now.front()) {
                    next.seen = each->second.seen;
                } else {
                    next.seen.merge(each->second.seen);
                }
                next.rows.push_back({each->first, each->second.sequence});
            }
            if (!store_.compare_and_set(prefix_ + "folded", folded_version_, to_snapshot(next))) {
                return;  // Another judge has folded. The next round sees it.
            }
            folded_ = std::move(next);
            ++folded_version_;
        }
        // A process that was killed here leaves rows that were folded and not closed.
        for (const auto& [key, row] : rows_) {
            if (!is_folded(key)) {
                continue;
            }
            if (!row.tickets.keys.empty()) {
                static_cast<void>(
                    store_.put_if_newer(prefix_ + "seen" + key.substr(prefix_.size() + 8) + "/last", 1,
                                        to_snapshot(row.tickets)));
            }
            static_cast<void>(store_.put_if_newer(key, closed, {}));
        }
    }

    /// Return whether a later life of a replica is there.
    [[nodiscard]] bool lives_later(const row_writer& writer) const noexcept
    {
        for (const auto& [key, row] : rows_) {
            if (row.good && row.writer.replica == writer.replica &&
                row.writer.milliseconds > writer.milliseconds) {
                return true;
            }
        }
        return false;
    }

    /// Take over the tickets that feedback came for elsewhere, or in a life before.
    void read_tickets(const std::vector<stored_row>& rows)
    {
        const std::string begin = prefix_ + "seen/";
        for (const stored_row& row : rows) {
            if (!row.key.starts_with(begin) || row.key.starts_with(seen_prefix_) ||
                taken_rows_[row.key].sequence == row.sequence) {
                continue;
            }
            try {
                take_tickets(row.key, row.sequence, from_snapshot<seen_row>(row.bytes));
            } catch (const parse_error& wrong) {
                refuse(row.key, wrong.what());
            }
        }
        for (const auto& [key, row] : rows_) {
            if (row.good && key != own_key_) {
                take_tickets(key, row.sequence, row.tickets);
            }
        }
    }

    void take_tickets(const std::string& key, std::uint64_t sequence, const seen_row& held)
    {
        taken_row& taken = taken_rows_[key];
        if (taken.sequence == sequence) {
            return;
        }
        if (held.format != shared_format) {
            refuse(key, "the row has version " + std::to_string(held.format));
            return;
        }
        // A segment grows at its end until the next one begins.
        const bool grows =
            taken.count <= held.keys.size() && (taken.count == 0 || held.keys[taken.count - 1] == taken.last);
        const std::size_t from = grows ? taken.count : 0;
        // Marks a ticket whose feedback was found to have counted here and elsewhere. No metric has this bit.
        constexpr std::uint64_t noted = std::uint64_t{1} << 62;
        with_trial([&](Trial& trial) {
            auto& window = trial_access::seen_of(trial);
            for (std::size_t i = from; i < held.keys.size(); ++i) {
                const std::uint64_t mask = held.masks[i];
                const std::uint64_t before = window.keep_first(held.keys[i], mask);
                std::uint64_t now = mask;
                if (before != 0) {
                    if constexpr (requires { trial_access::core(trial).seen(); }) {
                        static_cast<void>(window.mark(held.keys[i], mask));
                        now = before | mask;
                    } else {
                        now = before;
                    }
                    const std::uint64_t own = own_tickets_->peek(held.keys[i]);
                    if ((own & mask) != 0 && (own & noted) == 0) {
                        ++counted_twice_;
                        static_cast<void>(own_tickets_->mark(held.keys[i], noted));
                    }
                }
                taken_tickets_[held.keys[i]] = now;
            }
            return true;
        });
        taken = {sequence, held.keys.size(), held.keys.empty() ? 0 : held.keys.back()};
    }

    void note_status(bool first)
    {
        std::vector<durable_replica> replicas;
        for (const auto& [key, row] : rows_) {
            if (row.good && !is_folded(key)) {
                replicas.push_back(
                    {row.writer.replica, row.writer.epoch, row.sequence, row.writer.milliseconds});
            }
        }
        std::vector<refused_row> refused = refused_;
        refused.insert(refused.end(), refused_evidence_.begin(), refused_evidence_.end());
        if constexpr (requires { store_.refused(); }) {
            for (const auto& each : store_.refused()) {
                refused.push_back({each.path, each.why});
            }
        }
        if constexpr (!kind::has_plan) {
            refused_.clear();
        }
        const std::scoped_lock lock{state_mutex_};
        status_.replicas.swap(replicas);
        status_.refused.swap(refused);
        status_.folded = folded_.rows.size();
        status_.restored = status_.restored || restored_ || (first && (lives_ > 1 || folded_version_ > 0));
        status_.plan_version = plan_version_;
        status_.stage = plan_.stage;
        status_.share = plan_.share;
        status_.stopped = plan_.stopped;
        status_.reason = plan_.reason;
        status_.leads = leads_;
        status_.leader = leader_;
        status_.counted_twice = counted_twice_;
    }

    /// Say under a report whose evidence it shows, and what may be missing.
    void annotate(report& out) const
    {
        const durable_status now = status();
        std::string note = "This is the evidence of " + std::to_string(now.replicas.size() + now.folded) +
                           " lives of replicas in the store";
        note += options_.serves ? " and of this process." : ".";
        add_text(out.notes, note);
        if (!now.connected) {
            add_text(out.notes, "The store was not reached in the last round: " + now.last_error);
        }
        if (options_.serves) {
            char seconds[32] = {};
            static_cast<void>(std::snprintf(seconds, sizeof seconds, "%.1f", now.unsynced_seconds));
            add_text(out.notes, std::string{"What came in the last "} + seconds +
                                    " s is not stored yet, and is lost where the process is killed.");
        }
        for (const refused_row& each : now.refused) {
            add_text(out.notes, "Not used: " + each.key + ": " + each.why);
        }
        if (now.counted_twice > 0) {
            add_text(out.notes, "Feedback for at most " + std::to_string(now.counted_twice) +
                                    " tickets came to two replicas at once and counts twice.");
        }
    }

    std::mutex gate_;
    /// gate_ guards the trial.
    Trial* trial_;
    std::mutex rounds_;
    /// rounds_ guards this member and the members below it up to the other mutex.
    Store store_;
    durable_options options_;
    std::string prefix_;
    row_writer own_;
    std::string own_key_;
    std::string seen_prefix_;
    std::uint64_t sequence_ = 0;
    evidence_t own_evidence_;
    evidence_t merged_;
    std::map<std::string, known_row, std::less<>> rows_;
    folded_rows<evidence_t> folded_;
    std::uint64_t folded_version_ = 0;
    std::size_t lives_ = 0;
    bool met_ = false;
    bool met_plan_ = false;
    bool restored_ = false;
    bool held_back_ = false;
    bool leads_ = false;
    canary_state initial_;
    std::uint64_t plan_version_ = 0;
    plan_row plan_;
    plan_history history_;
    std::string print_;
    std::uint64_t lease_version_ = std::numeric_limits<std::uint64_t>::max();
    typename clock::time_point lease_since_;
    std::string leader_;
    std::vector<refused_row> refused_;
    std::vector<refused_row> refused_evidence_;
    std::uint64_t course_written_ = 0;
    /// What the window of tickets held in each place when it was copied last, and the tickets of other rows that were put into it since.
    std::vector<std::pair<std::uint64_t, std::uint64_t>> places_;
    std::map<std::uint64_t, std::uint64_t> taken_tickets_;
    /// The tickets that feedback came for in this process.
    std::unique_ptr<seen_window> own_tickets_;
    std::size_t segment_size_ = 0;
    std::uint64_t segment_ = 0;
    seen_row tickets_;
    struct taken_row {
        std::uint64_t sequence = 0;
        std::size_t count = 0;
        std::uint64_t last = 0;
    };
    std::map<std::string, taken_row, std::less<>> taken_rows_;
    std::uint64_t counted_twice_ = 0;
    typename clock::time_point reached_at_;
    typename clock::time_point copying_at_;
    std::atomic<typename clock::time_point> copied_at_{};
    std::atomic<bool> told_stop_{false};
    std::atomic<bool> reached_{false};
    mutable std::mutex state_mutex_;
    durable_status status_;
};

}  // namespace detail

/// Keep a trial in a store, so that it survives a restart, and so that all of its replicas act as one.
///
/// At the construction the trial goes on from what is stored: the plan (stage, share, a rollback), the evidence of all lives of all
/// replicas, the thresholds and epochs of guardrails, and the tickets that feedback came for. Then a thread writes this process's evidence
/// by the clock, follows the plan that the processes share, and judges the evidence of all of them where this process holds the lease.
/// The next stage of a canary is entered where all processes can see it: when its plan was written. A rollback needs no lease, is
/// final, and wins against any promotion.
///
/// Serving never waits for the store. Where the store cannot be reached, the trial serves by its last plan and does not advance; evidence
/// of harm of this process alone, divided by the number of lives, still takes a challenger out, and the others hear of it later. A canary that could not read a
/// plan at its start leaves everything to the champion until it can.
///
/// When to use: every trial that is to outlive its process, or that runs in more than one.
/// When not: a trial for one run of one process.
/// shape: `durable live{trial, directory{"state"}, {.every = 1s}};` with a thread of its own, or `{.every = 0ms}` and `poll()`. Ask
/// `live.report()` instead of `trial.report()`: it shows the evidence of all.
/// assumes: the trial outlives it, and has not served a call before it was made. A process that fork() makes has to make its own.
/// cost: nothing for a call. A round reads the rows that have changed, merges them (about 60 us each) and judges them.
template <class Trial, class Store>
class durable {
    static_assert(
        store_policy<Store>,
        "joust: durable needs a store: directory{...}, redis_store{...}, or a type with put_if_newer(key, sequence, bytes), scan(prefix) and compare_and_set(key, version, bytes)");

public:
    /// The evidence of the trial.
    using evidence_type = decltype(std::declval<const Trial&>().evidence());

    /// Read what is stored, and start the thread. A store that cannot be reached is no error: `status()` says so.
    /// errors: configuration_error where `every` is negative
    durable(Trial& trial, Store store, durable_options options = {})
        : works_(std::make_shared<works>(trial, std::move(store), std::move(options))),
          process_(detail::number_of_process())
    {
        static_cast<void>(works_->round(false));
        if (works_->options().every.count() > 0) {
            thread_ = std::make_unique<std::thread>([own = works_] { run(*own); });
        }
    }
    durable(const durable&) = delete;
    durable& operator=(const durable&) = delete;
    /// Write once more, give the lease back, and stop. A store that does not answer is waited for as long as `stop_within`.
    ~durable()
    {
        if (process_ != detail::number_of_process()) {
            // In a forked child the thread does not exist, and what it held stays held.
            static_cast<void>(thread_.release());
            static_cast<void>(new std::shared_ptr<works>(std::move(works_)));
            return;
        }
        if (thread_ == nullptr) {
            static_cast<void>(works_->round(true, true));
            works_->let_go();
            return;
        }
        bool stopped = false;
        {
            std::unique_lock<std::mutex> lock{works_->waking};
            works_->ending = true;
            works_->wake.notify_all();
            stopped = works_->ended.wait_for(lock, works_->options().stop_within,
                                             [this] { return works_->has_ended_now; });
        }
        works_->let_go();
        if (stopped) {
            thread_->join();
        } else {
            thread_->detach();  // It waits for the store, and owns all that it uses from now on.
        }
    }

    /// Do a round now: write, read, follow and judge. Returns whether the store was reached.
    bool poll() noexcept { return own_process() && works_->round(true); }

    /// Report what the evidence of all processes shows, and what may be missing. The notes name rows that were not used.
    [[nodiscard]] joust::report report() { return works_->report_merged(); }

    /// Return the merged evidence of the last round.
    [[nodiscard]] evidence_type evidence() const { return works_->merged(); }

    /// Return what was done so far.
    [[nodiscard]] durable_status status() const { return works_->status(); }

private:
    using works = detail::durable_works<Trial, Store>;

    [[nodiscard]] bool own_process() const noexcept { return process_ == detail::number_of_process(); }

    static void run(works& own) noexcept
    {
        using clock = std::chrono::steady_clock;
        constexpr std::chrono::milliseconds glance{20};
        const std::chrono::milliseconds every = own.options().every;
        auto next = clock::now() + every;
        std::unique_lock<std::mutex> lock{own.waking};
        while (!own.ending) {
            static_cast<void>(own.wake.wait_for(lock, every < glance ? every : glance));
            lock.unlock();
            if (const auto now = clock::now(); now >= next) {
                static_cast<void>(own.round(true));
                next = clock::now() + every;
            } else if (own.urgent()) {
                static_cast<void>(own.round(false));
            }
            lock.lock();
        }
        lock.unlock();
        static_cast<void>(own.round(true, true));
        lock.lock();
        own.has_ended_now = true;
        own.ended.notify_all();
    }

    std::shared_ptr<works> works_;
    std::uint64_t process_;
    std::unique_ptr<std::thread> thread_;
};

/// Judge a trial that other processes serve: as durable, in a process that serves nothing.
///
/// The process makes the trial as the replicas do, with the same models' names and policies. Its models are never called.
/// When to use: to judge in a process that can take its time, or where replicas come and go.
/// When not: where the replicas judge themselves, which they do unless `.judges` is false.
/// shape: `follow judge{trial, directory{"state"}, {.every = 1s}};`
template <class Trial, class Store>
class follow : public durable<Trial, Store> {
public:
    /// Read what is stored, and start the thread.
    /// errors: configuration_error where `every` is negative
    follow(Trial& trial, Store store, durable_options options = {})
        : durable<Trial, Store>(trial, std::move(store), serving_nothing(std::move(options)))
    {
    }

private:
    [[nodiscard]] static durable_options serving_nothing(durable_options options)
    {
        options.serves = false;
        return options;
    }
};

}  // namespace v0
}  // namespace joust
