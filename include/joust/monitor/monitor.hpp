// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/fixed_string.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/invoke.hpp>
#include <joust/core/json.hpp>
#include <joust/core/random.hpp>
#include <joust/core/style.hpp>
#include <joust/core/text.hpp>
#include <joust/monitor/alarm.hpp>
#include <joust/monitor/bins.hpp>
#include <joust/monitor/drift.hpp>

#include <array>
#include <charconv>
#include <cmath>
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

// The type says that a value may be missing: an optional, a pointer, anything that is tested and then dereferenced.
template <class T>
concept maybe_missing = !std::is_arithmetic_v<T> && requires(const T& value) {
    static_cast<bool>(value);
    *value;
} && !std::is_convertible_v<const T&, std::string_view>;

template <class T>
[[nodiscard]] std::size_t cell_of(const numeric_bins& bins, const T& value)
{
    if constexpr (maybe_missing<T>) {
        return value ? cell_of(bins, *value) : bins.missing();
    } else {
        static_assert(
            std::is_arithmetic_v<T>,
            "joust: a feature with numeric_bins needs a number (optional and pointer types mean that it may be missing); texts and enumerations go with categories");
        return bins.cell(static_cast<double>(value));
    }
}

template <class T>
[[nodiscard]] std::size_t cell_of(const categories& names, const T& value)
{
    if constexpr (maybe_missing<T>) {
        return value ? cell_of(names, *value) : names.missing();
    } else if constexpr (std::is_pointer_v<T> && std::is_convertible_v<const T&, std::string_view>) {
        return value == nullptr ? names.missing() : names.cell(std::string_view{value});
    } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
        return names.cell(std::string_view{value});
    } else if constexpr (std::is_enum_v<T>) {
        return cell_of(names, static_cast<std::underlying_type_t<T>>(value));
    } else {
        static_assert(
            std::is_integral_v<T>,
            "joust: a feature with categories needs a text, an integer, a flag or an enumeration (optional and pointer types mean that it may be missing); measured numbers go with numeric_bins");
        char text[24];
        const auto end = std::to_chars(text, text + sizeof text, +value).ptr;
        return names.cell({text, static_cast<std::size_t>(end - text)});
    }
}

}  // namespace detail

/// Hold a watched quantity: its name, how it is read from a row, and its fixed cells; made by `feature`.
template <fixed_string Name, class Projection, class Cells>
class watched_feature {
public:
    /// Take how the quantity is read, and its cells.
    watched_feature(Projection projection, Cells cells)
        : projection_(std::move(projection)), cells_(std::move(cells))
    {
    }

    /// Return the name.
    [[nodiscard]] static constexpr std::string_view name() noexcept { return Name.view(); }
    /// Return the cells.
    [[nodiscard]] const Cells& cells() const noexcept { return cells_; }

    /// Return the cell of a row. A projection that takes fewer arguments reads the first one.
    template <class First, class... Rest>
    [[nodiscard]] std::size_t cell(const First& first, const Rest&... rest) const
    {
        if constexpr (std::is_invocable_v<const Projection&, const First&, const Rest&...>) {
            return detail::cell_of(cells_, detail::invoke(projection_, first, rest...));
        } else {
            static_assert(
                std::is_invocable_v<const Projection&, const First&>,
                "joust: this feature's projection cannot read the row that was shown to the monitor");
            return detail::cell_of(cells_, detail::invoke(projection_, first));
        }
    }

private:
    [[no_unique_address]] Projection projection_;
    Cells cells_;
};

/// Watch a quantity of each row: a feature, or the prediction itself.
///
/// shape: `feature<"age">(&Request::age, numeric_bins{18, 30, 50})`,
/// `feature<"country">(&Request::country, categories{"de", "fr"})`,
/// `feature<"score">([](const Request&, double score) { return score; }, numeric_bins{0.2, 0.5, 0.8})`
/// cost: a copy of the names
template <fixed_string Name, class Projection, class Cells>
[[nodiscard]] watched_feature<Name, std::decay_t<Projection>, Cells> feature(Projection&& projection,
                                                                             Cells cells)
{
    return {std::forward<Projection>(projection), std::move(cells)};
}

/// Say when a monitor calls a difference a drift.
struct drift_alarm {
    /// The promise about false alarms. It is shared over the features, so that it holds for the monitor as a whole.
    /// units: rows
    false_alarms promise = false_alarms::every(1e7);
    /// How large the stability index, minus its mean by chance, may be without mattering. 0.01 is a change of about a
    /// tenth of every cell.
    double tolerance = 0.01;
    /// How many rows a block needs before the size of its difference is used.
    double min_rows = 200.0;
    /// The seed of the order of rows in a block. The same blocks and seed give the same evidence.
    std::uint64_t seed = 1;
};

/// Say what a monitor found for a feature, in the order of how serious it is. Whether a change is real and whether it
/// matters are two questions.
enum class drift_state : std::uint8_t {
    /// No change is proven, and none is large.
    quiet,
    /// No reference was learned yet.
    no_reference,
    /// The reference has fewer rows than `drift_alarm::min_rows`, so that the size of a difference is not known. A change
    /// that is proven all the same counts as drifted.
    small_reference,
    /// The last block differs by more than the tolerance, which may be chance.
    large_but_unproven,
    /// A change is proven, and it is within the tolerance.
    real_but_small,
    /// A change is proven, and it is larger than the tolerance. This is the state to alert on.
    drifted
};

/// Return the name of a state as reports show it.
/// cost: O(1)
[[nodiscard]] constexpr std::string_view to_string(drift_state state) noexcept
{
    switch (state) {
        case drift_state::no_reference: return "no reference";
        case drift_state::small_reference: return "reference too small";
        case drift_state::quiet: return "quiet";
        case drift_state::real_but_small: return "real but small";
        case drift_state::large_but_unproven: return "large but unproven";
        case drift_state::drifted: return "drifted";
    }
    return "unknown";
}

/// Hold one feature of the report of a monitor.
struct drift_row {
    /// The name of the feature.
    std::string feature;
    /// The share of the reference without a value.
    double missing_reference = stats::not_a_number;
    /// The share of the last block without a value.
    double missing_live = stats::not_a_number;
    /// The last block compared with the reference.
    drift::comparison block;
    /// The evidence of any change since the alarm was last restarted: the largest of three, each with its share of the
    /// promise. Half of the promise is for a change of the whole distribution, a quarter for values that were rare or new,
    /// and a quarter for missing values.
    double evidence = 0.0;
    /// The evidence at which the alarm is raised.
    double threshold = 0.0;
    /// The row that raised the alarm, counted from 1, or 0 if no row did.
    std::uint64_t raised_at = 0;
    /// What the monitor found.
    drift_state state = drift_state::no_reference;
    /// The cell that adds most to the stability index, with its shares before and now.
    std::string largest;
};

/// Hold everything that a monitor found, as plain values.
/// cost: one pass over the rows to write them
struct drift_report {
    /// One row for each feature.
    std::vector<drift_row> features;
    /// The number of live rows that were checked.
    std::uint64_t checked_rows = 0;
    /// The number of blocks that were checked.
    std::uint64_t blocks = 0;

    /// The style of `{}`.
    static constexpr style default_style = style::table;

    /// Return the most serious state of all features.
    [[nodiscard]] drift_state state() const noexcept
    {
        drift_state worst = features.empty() ? drift_state::no_reference : drift_state::quiet;
        for (const drift_row& row : features) {
            worst = row.state > worst ? row.state : worst;
        }
        return worst;
    }

    /// Append the report in one of the styles.
    void write(std::string& out, style how = default_style) const
    {
        switch (how) {
            case style::line: return write_line(out);
            case style::json: return write_json(out);
            case style::table:
            case style::markdown: return write_table(out, how);
        }
    }

private:
    void write_line(std::string& out) const
    {
        out += to_string(state());
        bool first = true;
        for (const drift_row& row : features) {
            if (row.state == state() && row.state >= drift_state::large_but_unproven) {
                out += first ? ": " : ", ";
                out += row.feature;
                first = false;
            }
        }
        out += " (";
        append_count(out, features.size());
        out += " features, ";
        append_count(out, checked_rows);
        out += " rows)";
    }

    void write_table(std::string& out, style how) const
    {
        using enum text_table::align;
        text_table table{{"feature", left},       {"rows", right},      {"missing", right},
                         {"psi_jeffreys", right}, {"by chance", right}, {"evidence", right},
                         {"needed", right},       {"state", left},      {"largest change", left}};
        for (const drift_row& row : features) {
            std::string cells[6];
            append_count(cells[0], static_cast<std::uint64_t>(row.block.live_rows));
            append_percent(cells[1], row.missing_live);
            append_fixed(cells[2], row.block.psi_jeffreys, 4);
            append_fixed(cells[3], row.block.psi_null_mean, 4);
            append_e_value(cells[4], row.evidence);
            append_e_value(cells[5], row.threshold);
            table.row({row.feature, cells[0], cells[1], cells[2], cells[3], cells[4], cells[5],
                       to_string(row.state), row.largest});
        }
        if (how == style::markdown) {
            table.write_markdown(out);
        } else {
            table.write_text(out);
        }
    }

    void write_json(std::string& out) const
    {
        json_writer json{out};
        json.begin_object();
        json.key("state").value(to_string(state()));
        json.key("checked_rows").value(checked_rows);
        json.key("blocks").value(blocks);
        json.key("features").begin_array();
        for (const drift_row& row : features) {
            json.begin_object();
            json.key("feature").value(std::string_view{row.feature});
            json.key("state").value(to_string(row.state));
            json.key("evidence").value(row.evidence);
            json.key("threshold").value(row.threshold);
            json.key("raised_at").value(row.raised_at);
            json.key("reference_rows").value(row.block.reference_rows);
            json.key("block_rows").value(row.block.live_rows);
            json.key("missing_reference").value(row.missing_reference);
            json.key("missing_live").value(row.missing_live);
            json.key("psi_jeffreys").value(row.block.psi_jeffreys);
            json.key("psi_null_mean").value(row.block.psi_null_mean);
            json.key("js_divergence_bits").value(row.block.js_divergence_bits);
            json.key("hellinger").value(row.block.hellinger);
            json.key("total_variation").value(row.block.total_variation);
            json.key("l_infinity").value(row.block.l_infinity);
            json.key("largest").value(std::string_view{row.largest});
            json.end_object();
        }
        json.end_array();
        json.end_object();
    }
};

namespace detail {

template <class T>
inline constexpr bool is_feature = false;
template <fixed_string Name, class Projection, class Cells>
inline constexpr bool is_feature<watched_feature<Name, Projection, Cells>> = true;

template <class T>
[[nodiscard]] auto if_feature(T& policy)
{
    if constexpr (is_feature<T>) {
        return std::tuple<T>{std::move(policy)};
    } else {
        return std::tuple<>{};
    }
}

template <class... Policies>
using features_among = decltype(std::tuple_cat(if_feature(std::declval<Policies&>())...));

template <class Features>
struct feature_names;
template <class... Features>
struct feature_names<std::tuple<Features...>> {
    static constexpr std::array<std::string_view, sizeof...(Features)> list{Features::name()...};
    static constexpr std::size_t find(std::string_view name)
    {
        std::size_t i = 0;
        while (i < list.size() && list[i] != name) {
            ++i;
        }
        return i;
    }
    static constexpr bool unique = [] {
        for (std::size_t i = 0; i < list.size(); ++i) {
            if (find(list[i]) != i) {
                return false;
            }
        }
        return true;
    }();
};

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
/// cost: 4 ns a number and 10 ns a text in `see`, no allocation; `check` about 170 ns a row and feature, off the serving
/// path
template <class... Policies>
class monitor {
    static_assert(
        (... && (detail::is_feature<Policies> || std::is_same_v<Policies, drift_alarm>)),
        "joust: a monitor takes features, made by joust::feature<\"name\">(projection, cells), and one drift_alarm");
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
                ++counts_[cell];
            }
            ++rows_;
        }

        /// Say whether a unit is new to this block. `if (block.first(unit)) block.see(row);` keeps rows independent.
        ///
        /// It remembers units in 65,536 bits. In a large block some new units look known too (three in ten at 50,000
        /// units).
        [[nodiscard]] bool first(std::uint64_t unit) noexcept
        {
            const std::uint64_t slot = mix64(unit) >> 48U;
            std::uint64_t& word = units_[slot / 64];
            const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
            const bool is_new = (word & bit) == 0;
            word |= bit;
            return is_new;
        }

        /// Add the rows of another thread or replica. A unit that both have seen counts twice, so serve each unit from
        /// one of them.
        block& operator+=(const block& that) noexcept
        {
            for (std::size_t i = 0; i < counts_.size() && i < that.counts_.size(); ++i) {
                counts_[i] += that.counts_[i];
            }
            for (std::size_t i = 0; i < units_.size(); ++i) {
                units_[i] |= that.units_[i];
            }
            rows_ += that.rows_;
            return *this;
        }

        /// Return the number of rows.
        [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }

        /// Return the counts of one feature by cell. A name that the monitor does not have is refused at compile time.
        template <fixed_string Name>
        [[nodiscard]] std::span<const std::uint64_t> counts() const noexcept
        {
            static_assert(names::find(Name.view()) < count,
                          "joust: this monitor has no feature of that name");
            return from_->slice(counts_, names::find(Name.view()));
        }

        /// Forget all rows, and keep the memory.
        void clear() noexcept
        {
            counts_.assign(counts_.size(), 0);
            units_.assign(units_.size(), 0);
            rows_ = 0;
        }

    private:
        friend monitor;
        explicit block(const monitor& from)
            : from_(&from), counts_(from.offsets_[count], 0), units_(65'536 / 64, 0)
        {
        }

        const monitor* from_;
        std::vector<std::uint64_t> counts_;
        std::vector<std::uint64_t> units_;
        std::uint64_t rows_ = 0;
    };

    /// Take features and at most one drift_alarm.
    /// errors: configuration_error if the tolerance or the minimum of rows is negative or NaN
    explicit monitor(Policies... policies)
        : features_(std::tuple_cat(detail::if_feature(policies)...)), offsets_(lay_out(features_)),
          missing_(missing_of(features_)), current_(*this)
    {
        (set(policies), ...);
        if (!(alarm_.tolerance >= 0.0)) {
            throw configuration_error("drift_alarm.tolerance", to_text(alarm_.tolerance), "0 or more");
        }
        if (!(alarm_.min_rows >= 0.0)) {
            throw configuration_error("drift_alarm.min_rows", to_text(alarm_.min_rows), "0 or more");
        }
        reference_.assign(offsets_[count], 0);
        last_.assign(offsets_[count], 0);
        alarms_.reserve(count);
        rare_alarms_.reserve(count);
        coins_.reserve(2 * count);
        for (std::size_t i = 0; i < count; ++i) {
            alarms_.emplace_back(slice(reference_, i), half_promise());
            rare_alarms_.emplace_back(slice(reference_, i), missing_[i], half_promise());
        }
        for (std::size_t i = 0; i < 2 * count; ++i) {
            coins_.emplace_back(alarm_.seed, i);
        }
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
            ++reference_[cells[i]];
            alarms_[i].learn(cells[i] - offsets_[i]);
            rare_alarms_[i].learn(cells[i] - offsets_[i]);
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
    void check(const block& live)
    {
        if (live.rows_ == 0) {
            return;
        }
        last_ = live.counts_;
        for (std::size_t i = 0; i < count; ++i) {
            detail::for_each_row(slice(last_, i), coins_[i], [&](std::size_t cell) {
                alarms_[i].update(cell, coins_[i].uniform());
                const double coin = coins_[count + i].uniform();
                rare_alarms_[i].update(cell, coin, coins_[count + i].uniform());
            });
        }
        checked_rows_ += live.rows_;
        ++blocks_;
    }

    /// Forget evidence, alarms and checked rows, for instance after a repair. The reference stays.
    void restart()
    {
        for (std::size_t i = 0; i < count; ++i) {
            alarms_[i] = conformal_alarm{slice(reference_, i), half_promise()};
            rare_alarms_[i] = rare_cell_alarm{slice(reference_, i), missing_[i], half_promise()};
        }
        last_.assign(last_.size(), 0);
        checked_rows_ = 0;
        blocks_ = 0;
    }

    /// Return what is known now.
    [[nodiscard]] drift_report report() const
    {
        drift_report result;
        result.checked_rows = checked_rows_;
        result.blocks = blocks_;
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
    static std::array<std::size_t, count + 1> lay_out(const features& of)
    {
        std::array<std::size_t, count + 1> offsets{};
        std::apply(
            [&](const auto&... each) {
                std::size_t i = 0;
                ((offsets[i + 1] = offsets[i] + each.cells().cells(), ++i), ...);
            },
            of);
        return offsets;
    }

    static std::array<std::size_t, count> missing_of(const features& of)
    {
        return std::apply(
            [](const auto&... each) { return std::array<std::size_t, count>{each.cells().missing()...}; },
            of);
    }

    /// Return the promise of each of the two alarms of a feature.
    [[nodiscard]] false_alarms half_promise() const noexcept { return alarm_.promise.shared_by(2 * count); }

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
        const std::span<const std::uint64_t> before = slice(reference_, i);
        const std::span<const std::uint64_t> now = slice(last_, i);
        drift_row row;
        row.feature = feature.name();
        row.block = drift::compare(before, now, alarm_.min_rows);
        const double whole = alarms_[i].evidence();
        const double rare = rare_alarms_[i].evidence();
        row.evidence = 0.5 * (whole > rare ? whole : rare);
        row.threshold = alarm_.promise.shared_by(count).threshold();
        const std::uint64_t raised = alarms_[i].raised_at();
        const std::uint64_t raised_rare = rare_alarms_[i].raised_at();
        row.raised_at = raised == 0 || (raised_rare != 0 && raised_rare < raised) ? raised_rare : raised;
        const std::size_t missing = missing_[i];
        if (row.block.reference_rows > 0.0) {
            row.missing_reference = static_cast<double>(before[missing]) / row.block.reference_rows;
        }
        if (row.block.live_rows > 0.0) {
            row.missing_live = static_cast<double>(now[missing]) / row.block.live_rows;
        }
        row.state = state_of(row);
        if (row.block.state == status::ok) {
            row.largest = largest_term(feature, before, now, row.block);
        }
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

    template <class Feature>
    [[nodiscard]] static std::string
    largest_term(const Feature& feature, std::span<const std::uint64_t> before,
                 std::span<const std::uint64_t> now, const drift::comparison& block)
    {
        double most = -1.0;
        std::size_t found = 0;
        for (std::size_t cell = 0; cell < before.size(); ++cell) {
            const double p = (static_cast<double>(before[cell]) + 0.5) / (block.reference_rows + 0.5);
            const double q = (static_cast<double>(now[cell]) + 0.5) / (block.live_rows + 0.5);
            const double term = before[cell] + now[cell] > 0 ? (q - p) * std::log(q / p) : 0.0;
            if (term > most) {
                most = term;
                found = cell;
            }
        }
        std::string text = feature.cells().label(found);
        text += ": ";
        append_percent(text, static_cast<double>(before[found]) / block.reference_rows);
        text += " -> ";
        append_percent(text, static_cast<double>(now[found]) / block.live_rows);
        return text;
    }

    features features_;
    drift_alarm alarm_;
    std::array<std::size_t, count + 1> offsets_;
    std::array<std::size_t, count> missing_;
    std::vector<std::uint64_t> reference_;
    std::vector<std::uint64_t> last_;
    std::vector<conformal_alarm> alarms_;
    std::vector<rare_cell_alarm> rare_alarms_;
    // For each feature those of the order of rows and of the first alarm, and then for each those of the second alarm.
    std::vector<keyed_random> coins_;
    std::uint64_t checked_rows_ = 0;
    std::uint64_t blocks_ = 0;
    block current_;
};

template <class... Policies>
monitor(Policies...) -> monitor<Policies...>;

}  // namespace v0
}  // namespace joust
