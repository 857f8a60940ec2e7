// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/fixed_string.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/text.hpp>
#include <joust/monitor/alarm.hpp>
#include <joust/monitor/bins.hpp>
#include <joust/monitor/block_alarm.hpp>
#include <joust/monitor/block_counts.hpp>
#include <joust/monitor/describe_cells.hpp>
#include <joust/monitor/drift.hpp>
#include <joust/monitor/drift_alarm.hpp>
#include <joust/monitor/drift_report.hpp>
#include <joust/monitor/feature.hpp>
#include <joust/monitor/monitor_state.hpp>
#include <joust/monitor/schema.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

namespace detail {

/// The kind of column that cells are for. Categories hold texts, flags and codes.
[[nodiscard]] inline column_kind kind_of_cells(const numeric_bins&) noexcept
{
    return column_kind::number;
}
[[nodiscard]] inline column_kind kind_of_cells(const categories&) noexcept
{
    return column_kind::text;
}

template <class T>
inline constexpr bool is_drift_listener = false;
template <class Callable>
inline constexpr bool is_drift_listener<drift_listener<Callable>> = true;

template <class T>
[[nodiscard]] auto if_listener(T& policy)
{
    if constexpr (is_drift_listener<T>) {
        return std::tuple<T>{std::move(policy)};
    } else {
        return std::tuple<>{};
    }
}

}  // namespace detail

/// Watch what a model gets and what it answers, for a change since a reference was learned.
///
/// `learn` takes rows of the reference, `see` takes live rows, and `check` ends a block of live rows and tests it. A
/// feature that the report calls drifted has a change that is proven, with false alarms as rare as `drift_alarm`
/// promises however often you look, and larger than the tolerance. A new category, a number beyond all earlier ones or
/// more missing values are found as rare values, at a rate of one in a hundred within about a thousand rows.
/// Each thread counts in a block of its own; one thread adds the blocks up.
/// When to use: on the inputs and the score of a serving model, checked every hour or day.
/// When not: to choose between models, which is what trials do; or if traffic has a daily season that the reference
/// lacks.
/// assumes: rows are independent while nothing changes, so `see` one row per unit and block (`block.first(unit)`)
/// cost: 4 ns a number and 10 ns a text in `see`, no allocation; `check` 5 to 10 ns a row and feature, off the serving
/// path
template <class... Policies>
class monitor {
    static_assert(
        (... && (detail::is_feature<Policies> || std::is_same_v<Policies, drift_alarm> ||
                 detail::is_drift_listener<Policies>)),
        "joust: a monitor takes features, made by joust::feature<\"name\">(projection, cells), one drift_alarm and on_drift(...)");
    static_assert(
        (0 + ... + (detail::is_feature<Policies> ? 1 : 0)) > 0,
        "joust: a monitor needs at least one feature, made by joust::feature<\"name\">(projection, cells)");
    static_assert((0 + ... + (std::is_same_v<Policies, drift_alarm> ? 1 : 0)) <= 1,
                  "joust: a monitor takes one drift_alarm");

    using features = detail::features_among<Policies...>;
    using names = detail::feature_names<features>;
    static constexpr std::size_t count = std::tuple_size_v<features>;
    static_assert(names::unique, "joust: two features of this monitor have the same name");

public:
    /// Count live rows of one thread, to be checked later. Blocks are values: add those of threads and replicas with
    /// +=.
    ///
    /// assumes: the monitor that made the block outlives it
    class block {
    public:
        /// Count a row. If a projection throws, the counts stay as they were.
        template <class... Row>
        void see(const Row&... row)
        {
            std::array<std::size_t, count> cells;
            from_->find_cells(cells, row...);
            for (const std::size_t cell : cells) {
                ++now_.cells[cell];
            }
            ++now_.rows;
        }

        /// Say whether a unit is new to this block. `if (block.first(unit)) block.see(row);` keeps rows independent.
        ///
        /// It remembers units in 65,536 bits. In a large block some new units look known too (three in ten at 50,000
        /// units).
        [[nodiscard]] bool first(std::uint64_t unit) noexcept
        {
            const std::uint64_t slot = mix64(unit) >> 48U;
            std::uint64_t& word = now_.units[slot / 64];
            const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
            const bool is_new = (word & bit) == 0;
            word |= bit;
            return is_new;
        }

        /// Add the rows of another thread or replica. A unit that both have seen counts twice, so serve each unit from
        /// one of them.
        /// errors: configuration_error where the other block has other features or cells
        block& operator+=(const block& that)
        {
            now_ += that.now_;
            return *this;
        }

        /// Return the number of rows.
        [[nodiscard]] std::uint64_t rows() const noexcept { return now_.rows; }

        /// Return the counts of one feature by cell. A name that the monitor does not have is refused at compile time.
        template <fixed_string Name>
        [[nodiscard]] std::span<const std::uint64_t> counts() const noexcept
        {
            static_assert(names::find(Name.view()) < count,
                          "joust: this monitor has no feature of that name");
            return from_->slice(now_.cells, names::find(Name.view()));
        }

        /// Return all counts, to save them or to send them to the judge.
        [[nodiscard]] const block_counts& state() const noexcept { return now_; }

        /// Forget all rows, and keep the memory.
        void clear() noexcept { now_.clear(); }

    private:
        friend monitor;
        explicit block(const monitor& from) : from_(&from)
        {
            now_.layout = from.layout_;
            now_.cells.assign(from.offsets_[count], 0);
            now_.units.assign(65'536 / 64, 0);
        }

        const monitor* from_;
        block_counts now_;
    };

    /// Take features, at most one drift_alarm and at most one on_drift(...).
    /// errors: configuration_error if the tolerance or the minimum of rows is negative or NaN
    explicit monitor(Policies... policies)
        : features_(std::tuple_cat(detail::if_feature(policies)...)), offsets_(detail::lay_out(features_)),
          missing_(missing_of(features_)), layout_(detail::fingerprint(features_)),
          listeners_(std::tuple_cat(detail::if_listener(policies)...)), current_(*this)
    {
        (set(policies), ...);
        alarm_.check();
        now_.layout = layout_;
        now_.reference.assign(offsets_[count], 0);
        now_.last.assign(offsets_[count], 0);
        now_.live.assign(offsets_[count], 0);
        now_.told.assign(count, 0);
        make_alarms();
    }
    monitor(const monitor&) = delete;
    monitor& operator=(const monitor&) = delete;

    /// Add a row to the reference: training data, or live rows of a time that was normal.
    template <class... Row>
    void learn(const Row&... row)
    {
        std::array<std::size_t, count> cells;
        find_cells(cells, row...);
        for (std::size_t i = 0; i < count; ++i) {
            ++now_.reference[cells[i]];
            alarms_[i].learn(cells[i] - offsets_[i]);
        }
    }

    /// Count a live row, in a program that uses the monitor in one thread.
    template <class... Row>
    void see(const Row&... row)
    {
        current_.see(row...);
    }

    /// Say whether a unit is new since the last `check()`.
    [[nodiscard]] bool first(std::uint64_t unit) noexcept { return current_.first(unit); }

    /// Make an empty block for a thread.
    [[nodiscard]] block make_block() const { return block{*this}; }

    /// Test the rows seen since the last call. Call it by a clock or a count, never because of the rows themselves.
    void check()
    {
        check(current_);
        current_.clear();
    }

    /// Test a block that was counted elsewhere.
    void check(const block& live) { check(live.now_); }

    /// Test a block that was counted in another process, or the sum of the blocks of several.
    /// errors: configuration_error where the block was counted with other features or cells; nothing has changed then
    void check(const block_counts& live)
    {
        if (live.layout != layout_ || live.cells.size() != offsets_[count] || !live.consistent()) {
            throw configuration_error("monitor.check", "a block of other features or cells",
                                      "a block that was made by a monitor with the same features and cells");
        }
        if (live.rows == 0) {
            ++now_.empty_blocks;
            return;
        }
        now_.last = live.cells;
        for (std::size_t i = 0; i < count; ++i) {
            alarms_[i].update(slice(now_.last, i));
        }
        for (std::size_t i = 0; i < now_.live.size(); ++i) {
            now_.live[i] += live.cells[i];
        }
        now_.rows += live.rows;
        ++now_.blocks;
        keep_look();
        tell();
    }

    /// Compare the features with a schema, before traffic: columns that are missing, new, or of another kind. A monitor that watches a part of the columns
    /// on purpose may leave the missing ones out.
    [[nodiscard]] std::vector<schema_anomaly> check(const schema& expected,
                                                    std::string_view environment = "serving") const
    {
        std::vector<column_found> columns;
        std::apply(
            [&](const auto&... each) {
                (columns.push_back({std::string{each.name()}, detail::kind_of_cells(each.cells())}), ...);
            },
            features_);
        return check_schema(expected, columns, environment);
    }

    /// Forget evidence, alarms and checked rows, for instance after a repair. The reference stays.
    void restart()
    {
        make_alarms();
        now_.last.assign(now_.last.size(), 0);
        now_.live.assign(now_.live.size(), 0);
        now_.told.assign(count, 0);
        now_.course.clear();
        now_.rows = 0;
        now_.blocks = 0;
        now_.empty_blocks = 0;
    }

    /// Return all that was learned and found, to save it: `to_snapshot(watch.state())`. Rows seen since the last check are not
    /// part of it.
    [[nodiscard]] monitor_state state() const
    {
        monitor_state saved = now_;
        saved.alarms.clear();
        for (const block_alarm& each : alarms_) {
            saved.alarms.push_back(each.state());
        }
        return saved;
    }

    /// Continue from a saved state, as if this process had taken all its blocks: `watch.restore(from_snapshot<monitor_state>(bytes))`.
    /// errors: configuration_error where the state belongs to other features or cells; nothing has changed then
    void restore(const monitor_state& saved)
    {
        bool fits = saved.layout == layout_ && saved.alarms.size() == count && saved.told.size() == count &&
                    saved.reference.size() == offsets_[count] && saved.last.size() == offsets_[count] &&
                    saved.live.size() == offsets_[count];
        std::vector<block_alarm> restored = alarms_;
        for (std::size_t i = 0; fits && i < count; ++i) {
            fits = restored[i].restore(saved.alarms[i]);
        }
        for (std::size_t i = 0; fits && i < saved.course.size(); ++i) {
            fits = saved.course[i].evidence.size() == count;
        }
        if (!fits) {
            throw configuration_error("monitor.restore", "a state of other features, cells or promises",
                                      "a state that a monitor with the same features and cells has saved");
        }
        alarms_ = std::move(restored);
        now_ = saved;
        now_.alarms.clear();
    }

    /// Return what is known now.
    [[nodiscard]] drift_report report() const
    {
        drift_report result;
        result.checked_rows = now_.rows;
        result.blocks = now_.blocks;
        result.empty_blocks = now_.empty_blocks;
        result.course = now_.course;
        result.features.reserve(count);
        std::apply(
            [&](const auto&... each) {
                std::size_t i = 0;
                (result.features.push_back(row_of(each, i++)), ...);
            },
            features_);
        return result;
    }

private:
    static std::array<std::size_t, count> missing_of(const features& of)
    {
        return std::apply(
            [](const auto&... each) { return std::array<std::size_t, count>{each.cells().missing()...}; },
            of);
    }

    void make_alarms()
    {
        alarms_.clear();
        for (std::size_t i = 0; i < count; ++i) {
            alarms_.emplace_back(slice(now_.reference, i), missing_[i], alarm_.promise.shared_by(count),
                                 alarm_.seed, i);
        }
    }

    void keep_look()
    {
        if (now_.blocks % now_.course_step != 0) {
            return;
        }
        drift_look& look = now_.course.emplace_back();
        look.rows = now_.rows;
        for (const block_alarm& each : alarms_) {
            look.evidence.push_back(each.evidence());
        }
        if (now_.course.size() == monitor_state::most_looks) {
            for (std::size_t i = 0; i < monitor_state::most_looks / 2; ++i) {
                now_.course[i] = std::move(now_.course[2 * i + 1]);
            }
            now_.course.resize(monitor_state::most_looks / 2);
            now_.course_step *= 2;
        }
    }

    void tell()
    {
        if constexpr (std::tuple_size_v<decltype(listeners_)> != 0) {
            for (const drift_row& row : report().features) {
                const std::size_t i = names::find(row.feature);
                if (row.state == drift_state::drifted && now_.told[i] == 0) {
                    now_.told[i] = 1;
                    std::apply([&row](auto&... each) { (each.callable(row), ...); }, listeners_);
                }
            }
        }
    }

    template <class Policy>
    void set(const Policy& policy)
    {
        if constexpr (std::is_same_v<Policy, drift_alarm>) {
            alarm_ = policy;
        }
    }

    template <class... Row>
    void find_cells(std::array<std::size_t, count>& cells, const Row&... row) const
    {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            ((cells[I] = offsets_[I] + std::get<I>(features_).cell(row...)), ...);
        }(std::make_index_sequence<count>{});
    }

    [[nodiscard]] std::span<const std::uint64_t> slice(const std::vector<std::uint64_t>& of,
                                                       std::size_t i) const noexcept
    {
        return std::span{of}.subspan(offsets_[i], offsets_[i + 1] - offsets_[i]);
    }

    template <class Feature>
    [[nodiscard]] drift_row row_of(const Feature& feature, std::size_t i) const
    {
        const std::span<const std::uint64_t> before = slice(now_.reference, i);
        const std::span<const std::uint64_t> now = slice(now_.last, i);
        drift_row row;
        row.feature = feature.name();
        row.block = drift::compare(before, now, alarm_.min_rows);
        row.evidence = alarms_[i].evidence();
        row.threshold = alarms_[i].threshold();
        row.raised_at = alarms_[i].raised_at();
        row.kind = alarms_[i].kind();
        const std::size_t missing = missing_[i];
        if (row.block.reference_rows > 0.0) {
            row.missing_reference = static_cast<double>(before[missing]) / row.block.reference_rows;
        }
        if (row.block.live_rows > 0.0) {
            row.missing_live = static_cast<double>(now[missing]) / row.block.live_rows;
        }
        const std::span<const std::uint64_t> live = slice(now_.live, i);
        if constexpr (requires { feature.cells().invalid(); }) {
            row.invalid_rows = live[feature.cells().invalid()];
        }
        if constexpr (requires { feature.cells().other(); }) {
            row.unlisted_rows = live[feature.cells().other()];
        }
        row.state = state_of(row);
        detail::describe_cells(row, feature.cells(), before, now);
        return row;
    }

    [[nodiscard]] drift_state state_of(const drift_row& row) const noexcept
    {
        if (!(row.block.reference_rows > 0.0)) {
            return drift_state::no_reference;
        }
        const bool known = row.block.state == status::ok;
        const bool large = known && row.block.effect() > alarm_.tolerance;
        if (row.raised_at != 0) {
            // A change that is proven is reported even if the last block is too small to measure it.
            return large || !known ? drift_state::drifted : drift_state::real_but_small;
        }
        if (row.block.reference_rows < alarm_.min_rows) {
            return drift_state::small_reference;
        }
        return large ? drift_state::large_but_unproven : drift_state::quiet;
    }

    features features_;
    drift_alarm alarm_;
    std::array<std::size_t, count + 1> offsets_;
    std::array<std::size_t, count> missing_;
    std::uint64_t layout_;
    decltype(std::tuple_cat(detail::if_listener(std::declval<Policies&>())...)) listeners_;
    std::vector<block_alarm> alarms_;
    // Its alarms stay empty: `alarms_` has them.
    monitor_state now_;
    block current_;
};

template <class... Policies>
monitor(Policies...) -> monitor<Policies...>;

}  // namespace v0
}  // namespace joust
