// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/invoke.hpp>
#include <joust/core/text.hpp>
#include <joust/monitor/alarm.hpp>
#include <joust/monitor/describe_cells.hpp>
#include <joust/monitor/drift.hpp>
#include <joust/monitor/drift_report.hpp>
#include <joust/monitor/feature.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// Say when the arms of a trial are called different.
/// cost: O(1)
struct arms_alarm {
    /// The promise about false alarms, shared over the features and the challengers.
    /// units: blocks
    false_alarms promise = false_alarms::every(1e4);
    /// How large the stability index, minus its mean by chance, may be without mattering.
    double tolerance = 0.01;
    /// How many rows both sides need before the size of a difference is used.
    double min_rows = 200.0;
};

/// Hold the quantity that says which rows belong together; made by `one_row_per`.
template <class Projection>
struct row_unit {
    /// How the unit is read from a row.
    [[no_unique_address]] Projection projection;
};

/// Count one row for each unit and block, so that the rows are independent: `one_row_per(&Request::user_id)`.
/// cost: a hash of the unit for each row
template <class Projection>
[[nodiscard]] row_unit<std::decay_t<Projection>> one_row_per(Projection&& projection)
{
    return {std::forward<Projection>(projection)};
}

/// Hold the state of an arm_watch, as a plain value to save: `to_snapshot(arms.state())`.
/// cost: a copy, 50 bytes a cell for each challenger
struct arm_watch_state {
    /// What stands for the features and their cells.
    std::uint64_t layout = 0;
    /// The number of blocks that were checked.
    std::uint64_t blocks = 0;
    /// The counts of all checked rows, arm after arm.
    std::vector<std::uint64_t> counts{};
    /// The alarms, challenger after challenger.
    std::vector<two_sample_alarm::memory> alarms{};

    /// Visit all members, to save or load them.
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(layout, blocks, counts, alarms);
    }
};

namespace detail {

template <class T>
inline constexpr bool is_row_unit = false;
template <class Projection>
inline constexpr bool is_row_unit<row_unit<Projection>> = true;

template <class T>
[[nodiscard]] auto if_row_unit(T& policy)
{
    if constexpr (is_row_unit<T>) {
        return std::tuple<T>{std::move(policy)};
    } else {
        return std::tuple<>{};
    }
}

/// Return bits that stand for a unit.
template <class Unit>
[[nodiscard]] std::uint64_t unit_bits(const Unit& unit)
{
    if constexpr (std::is_convertible_v<const Unit&, std::string_view>) {
        return xxh64(std::string_view{unit});
    } else {
        static_assert(std::is_integral_v<Unit> || std::is_enum_v<Unit>,
                      "joust: one_row_per(...) reads a unit: a text or an integer");
        return mix64(static_cast<std::uint64_t>(unit));
    }
}

}  // namespace detail

/// Watch whether the arms of a trial get the same traffic: each challenger's requests against those of the champion at the same time, so that seasons cancel.
///
/// The trial counts while it serves, from the call that it makes anyway, for every request that it records: give it `watch(arms)` as a policy. Arms that were
/// randomised can only differ by chance, so a difference that is proven means that something else than chance decides: a splitter on a
/// part of the id that says something, a filter behind the split, a challenger that loses requests.
/// shape: `arm_watch arms{2, feature<"age">(&Request::age, bins), one_row_per(&Request::user_id)}`, `ab_test trial{..., watch(arms)}`, and `arms.check()`
/// every hour
/// assumes: it outlives the trial; rows of a block are independent, for which `one_row_per` helps; blocks end by a clock or a count
/// errors: configuration_error unless there are 2 to 16 arms
/// cost: 5 ns a feature over that of a monitor, no lock, no allocation; two_sample_alarm for each feature and challenger at a check
template <class... Policies>
class arm_watch {
    static_assert(
        (... && (detail::is_feature<Policies> || std::is_same_v<Policies, arms_alarm> ||
                 detail::is_row_unit<Policies>)),
        "joust: an arm_watch takes the number of arms, features, one arms_alarm and one_row_per(...)");
    using features = detail::features_among<Policies...>;
    using names = detail::feature_names<features>;
    static constexpr std::size_t count = std::tuple_size_v<features>;
    static_assert(count > 0, "joust: an arm_watch needs at least one feature");
    static_assert(names::unique, "joust: two features of this arm_watch have the same name");

public:
    /// Take the number of arms, features and policies.
    explicit arm_watch(std::size_t arms, Policies... policies)
        : features_(std::tuple_cat(detail::if_feature(policies)...)), offsets_(detail::lay_out(features_)),
          units_(std::tuple_cat(detail::if_row_unit(policies)...)), arms_(arms)
    {
        (set(policies), ...);
        if (arms < 2 || arms > 16) {
            throw configuration_error("arm_watch.arms", std::to_string(arms), "2 to 16 arms");
        }
        if (!(alarm_.tolerance >= 0.0) || !(alarm_.min_rows >= 0.0)) {
            throw configuration_error("arms_alarm.tolerance", to_text(alarm_.tolerance), "0 or more");
        }
        now_.layout = detail::fingerprint(features_);
        now_.counts.assign(arms * cells(), 0);
        live_ = std::make_unique<std::atomic<std::uint64_t>[]>(stripes * arms * cells());
        known_ = std::make_unique<std::atomic<std::uint64_t>[]>(unit_words);
        make_alarms();
    }
    arm_watch(const arm_watch&) = delete;
    arm_watch& operator=(const arm_watch&) = delete;

    /// Return the number of arms.
    [[nodiscard]] std::size_t arms() const noexcept { return arms_; }

    /// Count a row of an arm. A row on which a projection throws is counted as refused. Any number of threads may call it.
    template <class... Row>
    void see(unsigned arm, const Row&... row) noexcept
    {
        if (arm >= arms_) {
            refused_.fetch_add(1, std::memory_order_relaxed);
            return;
        }
        std::array<std::size_t, count> found;
        try {
            if (!is_new(row...)) {
                return;
            }
            [&]<std::size_t... I>(std::index_sequence<I...>) {
                ((found[I] = offsets_[I] + std::get<I>(features_).cell(row...)), ...);
            }(std::make_index_sequence<count>{});
        } catch (...) {
            refused_.fetch_add(1, std::memory_order_relaxed);
            return;
        }
        std::atomic<std::uint64_t>* const mine = live_.get() + (stripe() * arms_ + arm) * cells();
        for (const std::size_t cell : found) {
            mine[cell].fetch_add(1, std::memory_order_relaxed);
        }
    }

    /// Return how many rows were refused: a projection threw, or the trial has more arms.
    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

    /// End the block and test it. Call it by a clock or a count, never because of the rows themselves.
    void check()
    {
        const std::scoped_lock lock{mutex_};
        std::vector<std::uint64_t> block(arms_ * cells(), 0);
        for (std::size_t s = 0; s < stripes; ++s) {
            for (std::size_t i = 0; i < block.size(); ++i) {
                block[i] += live_[s * block.size() + i].exchange(0, std::memory_order_relaxed);
            }
        }
        for (std::size_t i = 0; i < unit_words; ++i) {
            known_[i].store(0, std::memory_order_relaxed);
        }
        for (std::size_t i = 0; i < block.size(); ++i) {
            now_.counts[i] += block[i];
        }
        for (std::size_t arm = 1; arm < arms_; ++arm) {
            for (std::size_t f = 0; f < count; ++f) {
                alarms_[(arm - 1) * count + f].update(slice(block, arm, f), slice(block, 0, f));
            }
        }
        ++now_.blocks;
    }

    /// Return what is known of a challenger: the reference of each row is the champion's traffic.
    /// errors: configuration_error unless the arm is that of a challenger
    [[nodiscard]] drift_report report(std::size_t arm = 1) const
    {
        if (arm == 0 || arm >= arms_) {
            throw configuration_error("arm_watch.report", std::to_string(arm), "the number of a challenger");
        }
        const std::scoped_lock lock{mutex_};
        drift_report out;
        out.blocks = now_.blocks;
        std::apply(
            [&](const auto&... each) {
                std::size_t f = 0;
                (out.features.push_back(row_of(each, arm, f++)), ...);
            },
            features_);
        for (const std::uint64_t n : slice(now_.counts, arm, 0)) {
            out.checked_rows += n;
        }
        return out;
    }

    /// Return why the arms are different, in one sentence, or an empty text where that is not proven or does not matter.
    [[nodiscard]] std::string complaint() const
    {
        std::string text;
        for (std::size_t arm = 1; arm < arms_; ++arm) {
            const drift_report found = report(arm);
            for (const drift_row& row : found.features) {
                if (row.state == drift_state::drifted) {
                    text += text.empty() ? "the arms get different traffic: " : "; ";
                    text += row.feature;
                    text += " of arm ";
                    append_count(text, arm);
                    text += row.largest.empty() ? "" : ", ";
                    text += row.largest;
                }
            }
        }
        return text;
    }

    /// Return all that was checked, to save it.
    [[nodiscard]] arm_watch_state state() const
    {
        const std::scoped_lock lock{mutex_};
        arm_watch_state saved = now_;
        for (const two_sample_alarm& each : alarms_) {
            saved.alarms.push_back(each.state());
        }
        return saved;
    }
    /// Continue from a saved state.
    /// errors: configuration_error where the state belongs to other features, cells or arms; nothing has changed then
    void restore(const arm_watch_state& saved)
    {
        const std::scoped_lock lock{mutex_};
        bool fits = saved.layout == now_.layout && saved.counts.size() == now_.counts.size() &&
                    saved.alarms.size() == alarms_.size();
        std::vector<two_sample_alarm> loaded = alarms_;
        for (std::size_t i = 0; fits && i < loaded.size(); ++i) {
            fits = loaded[i].restore(saved.alarms[i]);
        }
        if (!fits) {
            throw configuration_error("arm_watch.restore", "a state of other features, cells or arms",
                                      "a state that a watch with the same features and cells has saved");
        }
        now_.blocks = saved.blocks;
        now_.counts = saved.counts;
        alarms_ = std::move(loaded);
    }

private:
    // Threads count in different places, so that they rarely share a cache line.
    static constexpr std::size_t stripes = 8;
    static constexpr std::size_t unit_words = 65'536 / 64;

    [[nodiscard]] std::size_t cells() const noexcept { return offsets_[count]; }

    template <class Policy>
    void set(const Policy& policy)
    {
        if constexpr (std::is_same_v<Policy, arms_alarm>) {
            alarm_ = policy;
        }
    }

    static std::size_t stripe() noexcept
    {
        static std::atomic<std::size_t> threads{0};
        thread_local const std::size_t mine = threads.fetch_add(1, std::memory_order_relaxed) % stripes;
        return mine;
    }

    template <class... Row>
    [[nodiscard]] bool is_new(const Row&... row)
    {
        if constexpr (std::tuple_size_v<decltype(units_)> == 0) {
            return true;
        } else {
            const std::uint64_t slot =
                mix64(
                    detail::unit_bits(detail::invoke_all_or_first(std::get<0>(units_).projection, row...))) >>
                48U;
            const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
            std::atomic<std::uint64_t>& word = known_[slot / 64];
            return (word.load(std::memory_order_relaxed) & bit) == 0 &&
                   (word.fetch_or(bit, std::memory_order_relaxed) & bit) == 0;
        }
    }

    void make_alarms()
    {
        for (std::size_t arm = 1; arm < arms_; ++arm) {
            for (std::size_t f = 0; f < count; ++f) {
                alarms_.emplace_back(offsets_[f + 1] - offsets_[f],
                                     alarm_.promise.shared_by(count * (arms_ - 1)));
            }
        }
    }

    [[nodiscard]] std::span<const std::uint64_t> slice(const std::vector<std::uint64_t>& of, std::size_t arm,
                                                       std::size_t f) const noexcept
    {
        return std::span{of}.subspan(arm * cells() + offsets_[f], offsets_[f + 1] - offsets_[f]);
    }

    template <class Feature>
    [[nodiscard]] drift_row row_of(const Feature& feature, std::size_t arm, std::size_t f) const
    {
        const std::span<const std::uint64_t> champion = slice(now_.counts, 0, f);
        const std::span<const std::uint64_t> challenger = slice(now_.counts, arm, f);
        const two_sample_alarm& alarm = alarms_[(arm - 1) * count + f];
        drift_row row;
        row.feature = feature.name();
        row.block = drift::compare(champion, challenger, alarm_.min_rows);
        row.evidence = alarm.evidence();
        row.threshold = alarm.threshold();
        row.raised_at = alarm.raised_at();
        if (row.block.reference_rows > 0.0 && row.block.live_rows > 0.0) {
            const std::size_t missing = feature.cells().missing();
            row.missing_reference = static_cast<double>(champion[missing]) / row.block.reference_rows;
            row.missing_live = static_cast<double>(challenger[missing]) / row.block.live_rows;
        }
        const bool known = row.block.state == status::ok;
        const bool large = known && row.block.effect() > alarm_.tolerance;
        row.state = !(row.block.reference_rows > 0.0) ? drift_state::no_reference
                    : row.raised_at != 0
                        ? (large || !known ? drift_state::drifted : drift_state::real_but_small)
                    : !known ? drift_state::small_reference
                    : large  ? drift_state::large_but_unproven
                             : drift_state::quiet;
        detail::describe_cells(row, feature.cells(), champion, challenger);
        return row;
    }

    features features_;
    std::array<std::size_t, count + 1> offsets_;
    decltype(std::tuple_cat(detail::if_row_unit(std::declval<Policies&>())...)) units_;
    std::size_t arms_;
    arms_alarm alarm_;
    std::unique_ptr<std::atomic<std::uint64_t>[]> live_;
    std::unique_ptr<std::atomic<std::uint64_t>[]> known_;
    std::atomic<std::uint64_t> refused_{0};
    mutable std::mutex mutex_;
    // Its alarms stay empty: `alarms_` has them.
    arm_watch_state now_;
    std::vector<two_sample_alarm> alarms_;
};

template <class... Policies>
arm_watch(std::size_t, Policies...) -> arm_watch<Policies...>;

}  // namespace v0
}  // namespace joust
