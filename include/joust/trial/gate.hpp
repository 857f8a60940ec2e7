// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/clock.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/invoke.hpp>
#include <joust/core/text.hpp>
#include <joust/core/unit_id.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/inference/inference.hpp>
#include <joust/metric/conversion.hpp>
#include <joust/metric/mean.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/report/report.hpp>
#include <joust/report/write.hpp>
#include <joust/stats/estimation/quantile.hpp>
#include <joust/stats/moments.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/tests/paired_proportions.hpp>
#include <joust/store/recorded.hpp>
#include <joust/trial/detail/decide.hpp>
#include <joust/trial/detail/latencies.hpp>
#include <joust/trial/detail/metric_set.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <concepts>
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

/// The error rate of a gate: the chance to pass a challenger that is worse than a margin allows.
struct significance {
    double alpha = 0.05;
    bool operator==(const significance&) const = default;
};

/// The role of a gate's error rate: `significance{.alpha = 0.01}`.
struct significance_role : detail::sole_role {
    template <class T>
    static constexpr bool plays = std::is_same_v<T, significance>;
    template <class T>
    struct filled_twice {
        static_assert(detail::always_false<T>, "joust: a gate has one error rate");
    };
};

/// A test of paired rows that are not independent of each other: scores on the splits of a cross-validation, losses in the
/// order of time.
///
/// shape: `test_rows(challenger, champion, test_options) const` gives a two-sided stats::test_result with an interval; first
/// minus second
template <class T>
concept row_test = requires(const T& t, std::span<const double> values, const stats::test_options& options) {
    { t.test_rows(values, values, options) } -> std::same_as<stats::test_result>;
};

namespace detail {

struct verb_test_rows {
    int test_rows;
};
template <class T>
concept has_test_rows = derivable<T> && !requires { &both<T, verb_test_rows>::test_rows; };

}  // namespace detail

/// The role of a gate's test of rows: `cross_validated{}`, `five_by_two{}`, `back_test{}` (stats/cross_validated.hpp), or
/// your own.
struct row_test_role {
    static constexpr bool repeats = false;
    template <class T>
    static constexpr bool plays = row_test<T>;
    template <class T>
    static constexpr bool resembles = detail::has_test_rows<T>;
    template <class T>
    struct near_miss {
        static_assert(
            plays<T>,
            "joust: this has test_rows(), but a test of rows is `test_rows(std::span<const double> challenger, std::span<const double> champion, const stats::test_options&) const -> stats::test_result`");
    };
    template <class T>
    struct filled_twice {
        static_assert(detail::always_false<T>, "joust: a gate's rows are compared by one test");
    };
};

namespace detail {

using gate_roles =
    role_list<unit_key_role, guardrail_role, clock_role, significance_role, inference_role, row_test_role>;

/// Compares rows as they are where nothing else is asked.
struct plain_rows {};

/// Stands in for a model whose results are read from a file.
struct recorded_elsewhere {};

/// Values of both models on the same rows, and which rows belong to one unit.
struct paired_column {
    std::vector<double> champion;
    std::vector<double> challenger;
    /// empty: every row is its own unit
    std::vector<std::uint64_t> unit;
    /// rows on which a model failed, or whose value could not be used
    std::uint64_t dropped = 0;
    bool binary = true;
};

/// Sums by unit, in a table that is probed from the unit's place on.
class unit_sums {
public:
    /// Make place for `most` units.
    explicit unit_sums(std::size_t most) : slots_(std::bit_ceil(2 * most + 2)) {}

    /// assumes: no more units than there is place for
    void add(std::uint64_t unit, double value) noexcept
    {
        std::size_t at = mix64(unit) & (slots_.size() - 1);
        while (slots_[at].used && slots_[at].unit != unit) {
            at = (at + 1) & (slots_.size() - 1);
        }
        count_ += slots_[at].used ? 0U : 1U;
        slots_[at] = {unit, slots_[at].sum + value, true};
    }

    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

    [[nodiscard]] double squares() const noexcept
    {
        double sum = 0.0;
        for (const slot& each : slots_) {
            sum += each.sum * each.sum;
        }
        return sum;
    }

private:
    struct slot {
        std::uint64_t unit = 0;
        double sum = 0.0;
        bool used = false;
    };

    std::vector<slot> slots_;
    std::uint64_t count_ = 0;
};

/// A paired comparison with one bound that matters: the limit on the side of harm, at one-sided error alpha.
struct paired_answer {
    std::string_view method;
    double champion = stats::not_a_number;
    double challenger = stats::not_a_number;
    double estimate = stats::not_a_number;
    double lower = stats::not_a_number;
    double upper = stats::not_a_number;
    /// of no difference
    double p_value = stats::not_a_number;
    std::uint64_t units = 0;
    status state = status::too_few;

    /// The same rows, with what a test found on them.
    template <class Found>
    [[nodiscard]] paired_answer with(const Found& found, std::string_view by) const noexcept
    {
        paired_answer all = *this;
        all.method = by;
        all.estimate = found.estimate;
        all.lower = found.lower;
        all.upper = found.upper;
        all.p_value = found.p_value;
        all.state = found.state;
        return all;
    }
};

/// The means of both models, and how many rows there are.
[[nodiscard]] inline paired_answer means_of(const paired_column& rows) noexcept
{
    stats::moments first;
    stats::moments second;
    for (std::size_t i = 0; i < rows.champion.size(); ++i) {
        first.add(rows.champion[i]);
        second.add(rows.challenger[i]);
    }
    paired_answer answer;
    answer.units = rows.champion.size();
    if (answer.units > 0) {
        answer.champion = first.mean();
        answer.challenger = second.mean();
    }
    return answer;
}

/// Compare challenger - ratio * champion, paired by row and clustered by unit, with a two-sided interval at 2 alpha.
[[nodiscard]] inline paired_answer compare_paired(const paired_column& rows, double ratio, double alpha)
{
    paired_answer answer = means_of(rows);
    const std::size_t n = rows.champion.size();
    const double z = stats::normal_quantile(1.0 - alpha);
    if (n == 0) {
        return answer;
    }
    if (rows.binary && rows.unit.empty() && ratio == 1.0) {
        std::uint64_t only_challenger = 0;
        std::uint64_t only_champion = 0;
        for (std::size_t i = 0; i < n; ++i) {
            only_challenger += rows.challenger[i] > rows.champion[i] ? 1U : 0U;
            only_champion += rows.challenger[i] < rows.champion[i] ? 1U : 0U;
        }
        const auto exact = stats::mcnemar(only_challenger, only_champion, n, {.alpha = 2.0 * alpha});
        return answer.with(exact, "McNemar's exact test, Tango's interval");
    }
    // Sums per unit, then the ratio estimator over units: sum of differences by sum of rows.
    const double mean = answer.challenger - ratio * answer.champion;
    unit_sums residuals{n};
    for (std::size_t i = 0; i < n; ++i) {
        residuals.add(rows.unit.empty() ? i : rows.unit[i],
                      rows.challenger[i] - ratio * rows.champion[i] - mean);
    }
    const double squares = residuals.squares();
    const std::uint64_t units = residuals.count();
    answer.units = units;
    answer.estimate = mean;
    answer.method = rows.unit.empty() ? "paired z" : "paired z, clusters of units";
    if (units < 30) {
        answer.state = rows.unit.empty() ? status::too_few : status::few_clusters;
        return answer;
    }
    const double count = static_cast<double>(units);
    const double error = std::sqrt(squares * count / (count - 1.0)) / static_cast<double>(n);
    answer.lower = mean - z * error;
    answer.upper = mean + z * error;
    // Identical results on every row leave nothing to doubt about these rows.
    answer.p_value = error > 0.0 ? 2.0 * stats::normal_sf(std::fabs(mean) / error) : 1.0;
    answer.state = status::ok;
    return answer;
}

/// Compare by an inference policy, over hashed buckets of units or of rows.
template <paired_inference_policy Policy>
[[nodiscard]] paired_answer compare_paired(const Policy& policy, const paired_column& rows, double ratio,
                                           double alpha)
{
    paired_answer answer = means_of(rows);
    std::vector<double> difference(bucket_count);
    std::vector<double> count(bucket_count);
    double differing = 0.0;
    for (std::size_t i = 0; i < rows.champion.size(); ++i) {
        const double d = rows.challenger[i] - ratio * rows.champion[i];
        const std::size_t bucket = bucket_of(mix64(rows.unit.empty() ? i : rows.unit[i]));
        difference[bucket] += d;
        count[bucket] += 1.0;
        differing += d != 0.0 ? 1.0 : 0.0;
    }
    test_memory memory;
    const inference found =
        judge_pairs(policy, {.difference = difference, .count = count, .champion = answer.champion},
                    differing, 2.0 * alpha, memory);
    return answer.with(found, found.method);
}

/// Compare by a test that knows how the rows hang together.
template <row_test Test>
[[nodiscard]] paired_answer compare_rows(const Test& test, const paired_column& rows, double ratio,
                                         double alpha)
{
    paired_answer answer = means_of(rows);
    std::vector<double> champion{rows.champion};
    for (double& value : champion) {
        value *= ratio;
    }
    const stats::test_result found = test.test_rows(rows.challenger, champion, {.alpha = 2.0 * alpha});
    return answer.with(found, found.method);
}

}  // namespace detail

/// Name a model of a gate that judges recorded results: `joust::gate{recorded_model("v1"), recorded_model("v2"), ...}`.
[[nodiscard]] inline model<detail::recorded_elsewhere> recorded_model(std::string_view name)
{
    return {name, {}};
}

/// Decide in CI whether a challenger may replace the champion: not worse than a margin, shown on the same rows.
///
/// Every guardrail states a margin and is tested for non-inferiority. The gate passes when all are shown to hold, so the error
/// rate needs no division; it regresses when one is shown to be broken, at the error rate divided by the number of guardrails;
/// anything else is inconclusive, and the report says how many more rows would settle it.
///
/// When to use: before a deploy, on rows with known answers. When not: to learn what users do; rows cannot click.
/// Rows are compared by McNemar's exact test where values are 0 or 1, else by a paired z over units; an inference policy
/// (`bayesian{}`, `fixed_horizon{.units = 10'000}`) or a test of rows that depend on each other (`cross_validated{}`) may be
/// given instead.
/// shape: `gate check{model{"a", f}, model{"b", g}, guardrail(conversion<"correct">{}, {.max_decrease = 0.01})}`;
/// `check.run(rows, correct)` calls both models on every row, `correct(row, prediction)` gives the value, one callable for each
/// value metric in order; `by(&Row::user)` makes users the units where rows of one user are alike.
/// errors: configuration_error from the constructor; a model that throws fails on that row, which is counted: the row then has
/// the worst value of a conversion and is dropped from a mean.
/// cost: both models once per row, in alternating order, so that neither always finds the warmer cache
template <class... Args>
class gate {
    using parts = detail::split_arguments<std::tuple<>, Args...>;
    using policies = typename parts::template policies<detail::gate_roles>;
    static_assert(policies::ok);
    static_assert(parts::count == 2,
                  "joust: a gate compares one challenger with one champion: two joust::model come first");
    using metrics_t = typename parts::template apply_policies<detail::metric_set>;
    static_assert(
        metrics_t::size > 0,
        "joust: a gate needs a margin to decide by: guardrail(conversion<\"correct\">{}, {.max_decrease = 0.01})");
    static_assert(metrics_t::names_differ(),
                  "joust: two metrics have the same name; their values could not be told apart");
    static constexpr bool without_ratios = []<std::size_t... I>(std::index_sequence<I...>) {
        return (true && ... &&
                !detail::is_ratio<detail::inner_metric_t<typename metrics_t::template given_t<I>>>);
    }(std::make_index_sequence<metrics_t::size>{});
    static_assert(
        without_ratios,
        "joust: a gate compares values row by row, so a ratio has no place in it; let a mean be the value of a row");
    static_assert(
        metrics_t::quantile_of(metrics_t::size) == 0,
        "joust: a gate compares values row by row, so a quantile has no place in it; let a conversion say of each row whether its value is within a limit");
    static constexpr bool infers = policies::template given<inference_role>;
    static constexpr bool tests_rows = policies::template given<row_test_role>;
    static_assert(!(infers && tests_rows),
                  "joust: a gate compares rows by an inference policy or by a test of rows, not by both");

    template <class Role, class Default>
    using policy = typename policies::template type<Role, Default>;
    using clock_t = policy<clock_role, steady_time>;
    static constexpr bool has_units = policies::template given<unit_key_role>;
    using key_t = policy<unit_key_role, per_request>;
    using inference_t = policy<inference_role, detail::plain_rows>;
    using row_test_t = policy<row_test_role, detail::plain_rows>;
    static_assert(
        !infers || paired_inference_policy<inference_t> || std::is_same_v<inference_t, detail::plain_rows>,
        "joust: a gate compares pairs, and this inference policy does not answer for pairs: it has no `static constexpr bool pairs = true`");
    static_assert(!tests_rows || !has_units,
                  "joust: a test of rows knows which of them belong together; leave by(...) out");

    static constexpr std::size_t value_metrics = [] {
        return []<std::size_t... I>(std::index_sequence<I...>) {
            return (std::size_t{0} + ... + (metrics_t::template takes_feedback<I> ? 1U : 0U));
        }(std::make_index_sequence<metrics_t::size>{});
    }();

public:
    explicit gate(Args... arguments) : gate(std::tuple<Args...>{std::move(arguments)...}, unpacked{}) {}
    gate(const gate&) = delete;
    gate& operator=(const gate&) = delete;

    /// Call both models on every row and decide.
    template <class Rows, class... Measures>
    [[nodiscard]] joust::report run(const Rows& rows, const Measures&... measures)
    {
        static_assert(
            sizeof...(Measures) == value_metrics,
            "joust: run(rows, measure...) takes one callable (row, prediction) -> value for each conversion or mean");
        columns all;
        std::size_t number = 0;
        for (const auto& row : rows) {
            if constexpr (has_units) {
                const std::uint64_t unit = units_(key_.key(row));
                for (auto& column : all.values) {
                    column.unit.push_back(unit);
                }
                all.failures.unit.push_back(unit);
            }
            std::array<double, value_metrics> champion{};
            std::array<double, value_metrics> challenger{};
            if (number++ % 2 == 0) {
                champion = measure<0>(all, row, measures...);
                challenger = measure<1>(all, row, measures...);
            } else {
                challenger = measure<1>(all, row, measures...);
                champion = measure<0>(all, row, measures...);
            }
            keep(all, champion, challenger);
        }
        return decide(all, number);
    }

    /// Judge results that were recorded elsewhere, for models and metrics of these names.
    /// errors: configuration_error where the results know no such model or metric
    [[nodiscard]] joust::report read(const recorded& results) const
    {
        columns all;
        const auto known = [](const std::vector<std::string>& names, std::string_view name) {
            bool found = false;
            for (const std::string& each : names) {
                found = found || each == name;
            }
            return found;
        };
        for (const std::string& name : names_) {
            if (!known(results.arms, name)) {
                throw configuration_error("results.arms", "without '" + name + "'",
                                          "results of both models of the gate");
            }
        }
        std::size_t column = 0;
        std::size_t rows = 0;
        for (const auto& spec : metrics_.specs()) {
            if (!is_value(spec)) {
                continue;
            }
            if (!known(results.metrics, spec.name)) {
                throw configuration_error("results.metrics", "without '" + spec.name + "'",
                                          "results of every metric of the gate");
            }
            const paired_values pairs = pairs_of(results, spec.name, names_[0], names_[1]);
            detail::paired_column& into = all.values[column];
            for (std::size_t i = 0; i < pairs.first.size(); ++i) {
                put(column, into, pairs.first[i], pairs.second[i]);
            }
            all.unpaired += pairs.unpaired;
            all.repeated += pairs.repeated;
            rows = pairs.first.size() > rows ? pairs.first.size() : rows;
            ++column;
        }
        all.recorded = true;
        all.missing = results.missing;
        all.failed_elsewhere = results.failed;
        return decide(all, rows);
    }

private:
    struct unpacked {};

    struct columns {
        std::array<detail::paired_column, value_metrics> values;
        detail::paired_column failures;
        std::array<latency_sketch, 2> latency;
        std::array<bool, 2> failed{};
        /// read from results that say nothing of failures and latencies
        bool recorded = false;
        std::uint64_t unpaired = 0;
        std::uint64_t repeated = 0;
        std::uint64_t missing = 0;
        std::uint64_t failed_elsewhere = 0;
    };

    gate(std::tuple<Args...> arguments, unpacked)
        : metrics_(arguments),
          alpha_(policies::template pick<significance_role, significance>(arguments).alpha),
          key_(policies::template pick<unit_key_role, per_request>(arguments)),
          clock_(policies::template pick<clock_role, steady_time>(arguments)),
          inference_(policies::template pick<inference_role, detail::plain_rows>(arguments)),
          row_test_(policies::template pick<row_test_role, detail::plain_rows>(arguments)),
          champion_(std::move(std::get<0>(arguments))), challenger_(std::move(std::get<1>(arguments))),
          names_{champion_.name, challenger_.name}
    {
        if (names_[0] == names_[1]) {
            throw configuration_error("model.name", "'" + names_[0] + "' twice",
                                      "a different name for every model");
        }
        if (!(alpha_ > 0.0 && alpha_ < 0.5)) {
            throw configuration_error("significance.alpha", to_text(alpha_),
                                      "an error rate above 0 and below 0.5");
        }
        const std::size_t given = metrics_.specs().size();
        metrics_.watch_failures();
        asked_of_failures_ = metrics_.specs().size() == given;
        for (const auto& spec : metrics_.specs()) {
            if ((is_value(spec) || (spec.watch >= 0 && is_latency(spec))) &&
                spec.limit.value == (spec.limit.relative ? 1.0 : 0.0)) {
                throw configuration_error(
                    "guardrail(" + spec.name + ")", "without a margin",
                    "a margin above 0: no finite number of rows shows that nothing at all was lost");
            }
        }
    }

    static bool is_value(const detail::metric_spec& spec)
    {
        return spec.watch < 0 && spec.series != detail::failure_series;
    }

    template <std::size_t Arm>
    auto& model_at() noexcept
    {
        if constexpr (Arm == 0) {
            return champion_;
        } else {
            return challenger_;
        }
    }

    template <std::size_t Arm, class Row, class... Measures>
    std::array<double, value_metrics> measure(columns& all, const Row& row, const Measures&... measures)
    {
        auto& call = model_at<Arm>().call;
        static_assert(
            std::is_invocable_v<decltype(call), const Row&>,
            "joust: a model of the gate cannot be called with a row; rows are what the models predict from");
        all.failed[Arm] = false;
        const std::int64_t began = clock_.now();
        try {
            [[maybe_unused]] decltype(auto) prediction = detail::invoke(call, row);
            all.latency[Arm].add(clock_.now() - began);
            return {static_cast<double>(detail::invoke(measures, row, std::as_const(prediction)))...};
        } catch (...) {
            all.failed[Arm] = true;
            std::array<double, value_metrics> nothing{};
            nothing.fill(stats::not_a_number);
            return nothing;
        }
    }

    void keep(columns& all, const std::array<double, value_metrics>& champion,
              const std::array<double, value_metrics>& challenger) const
    {
        all.failures.champion.push_back(all.failed[0] ? 1.0 : 0.0);
        all.failures.challenger.push_back(all.failed[1] ? 1.0 : 0.0);
        for (std::size_t i = 0; i < value_metrics; ++i) {
            put(i, all.values[i], champion[i], challenger[i]);
        }
    }

    /// Convert a pair of values as the metric says; a failed conversion has its worst value, anything else drops the row.
    void put(std::size_t which, detail::paired_column& into, double champion, double challenger) const
    {
        std::size_t column = 0;
        bool kept = false;
        convert_with(which, column, [&](const auto& metric, const detail::metric_spec& spec) {
            constexpr bool binary = detail::is_conversion<std::remove_cvref_t<decltype(metric)>>;
            into.binary = binary;
            double values[2] = {champion, challenger};
            bool good = true;
            for (double& value : values) {
                cell c;
                if (std::isnan(value) && binary) {
                    value = spec.limit.harm_is_up ? 1.0 : 0.0;
                } else {
                    metric.add(c, value);
                    good = good && std::isfinite(value) && std::isfinite(c.value) && !c.refused;
                    value = c.value;
                }
            }
            if (good) {
                into.champion.push_back(values[0]);
                into.challenger.push_back(values[1]);
                kept = true;
            }
        });
        if (!kept) {
            ++into.dropped;
            if (!into.unit.empty() && into.unit.size() > into.champion.size()) {
                into.unit.pop_back();
            }
        }
    }

    template <class Visit>
    void convert_with(std::size_t which, std::size_t& column, Visit&& visit) const
    {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (
                [&] {
                    if constexpr (metrics_t::template takes_feedback<I>) {
                        if (column++ == which) {
                            visit(metrics_.template get<I>(), metrics_.specs()[I]);
                        }
                    }
                }(),
                ...);
        }(std::make_index_sequence<metrics_t::size>{});
    }

    struct ruling {
        bool holds = false;
        bool broken = false;
        double rows_needed = 0.0;
    };

    /// Where does the interval lie against the margin?
    static ruling rule(const detail::bound& limit, const detail::paired_answer& at_alpha,
                       const detail::paired_answer& at_divided, double margin, double rows)
    {
        ruling r;
        if (at_alpha.state != status::ok) {
            return r;
        }
        r.holds = limit.harm_is_up ? at_alpha.upper <= margin : at_alpha.lower >= margin;
        r.broken = limit.harm_is_up ? at_divided.lower > margin : at_divided.upper < margin;
        const double reach =
            limit.harm_is_up ? at_alpha.upper - at_alpha.estimate : at_alpha.estimate - at_alpha.lower;
        const double room = std::fabs(margin - at_alpha.estimate);
        r.rows_needed = room > 0.0 ? rows * (reach / room) * (reach / room) : 0.0;
        return r;
    }

    [[nodiscard]] joust::report decide(const columns& all, std::size_t rows) const
    {
        joust::report out;
        out.name = names_[1] + " against " + names_[0];
        out.kind = "gate";
        for (std::size_t a = 0; a < 2; ++a) {
            const auto& failures = a == 0 ? all.failures.champion : all.failures.challenger;
            double failed = 0.0;
            for (const double one : failures) {
                failed += one;
            }
            out.arms.push_back({.model = names_[a],
                                .share = 1.0,
                                .requests = rows,
                                .failures = static_cast<std::uint64_t>(failed),
                                .units = units_of(all, rows)});
            if (!all.latency[a].empty()) {
                out.latencies.push_back(detail::latencies_of(names_[a], all.latency[a]));
            }
        }
        const auto& specs = metrics_.specs();
        const double divided = alpha_ / static_cast<double>(specs.size());
        std::string broken;
        std::string open;
        double more = 0.0;
        std::size_t column = 0;
        std::uint64_t dropped = 0;
        for (const auto& spec : specs) {
            metric_row row;
            ruling found;
            row.metric = spec.name;
            row.arm = names_[1];
            row.role = "guardrail, " + detail::describe(spec.limit, spec.unit);
            row.better = spec.limit.harm_is_up ? -1 : 1;
            row.unit = spec.unit;
            row.level = 1.0 - 2.0 * alpha_;
            if (is_value(spec)) {
                const detail::paired_column& values = all.values[column++];
                dropped += values.dropped;
                const double ratio = spec.limit.relative ? spec.limit.value : 1.0;
                const double margin = spec.limit.relative ? 0.0 : spec.limit.value;
                const auto answer = compare(values, ratio, alpha_);
                found = rule(spec.limit, answer, compare(values, ratio, divided), margin,
                             static_cast<double>(rows));
                fill(row, answer);
                row.margin = margin;
                if (spec.limit.relative) {
                    row.metric += " (challenger - " + to_text(ratio) + " x champion)";
                    row.reference = stats::not_a_number;
                }
            } else if (spec.watch >= 0 && is_latency(spec)) {
                found = judge_latency(spec, all, row, divided, static_cast<double>(rows));
            } else {
                if (all.recorded && !asked_of_failures_) {
                    continue;
                }
                const auto answer = detail::compare_paired(all.failures, 1.0, alpha_);
                found = judge_failures(spec.limit, answer, detail::compare_paired(all.failures, 1.0, divided),
                                       divided, static_cast<double>(rows));
                fill(row, answer);
                if (!spec.limit.relative) {
                    row.margin = spec.limit.value;
                }
            }
            if (found.broken) {
                broken += (broken.empty() ? "" : "; ") + spec.name + in_words(row);
            } else if (!found.holds) {
                open += (open.empty() ? "" : ", ") + spec.name;
                more = std::fmax(more, found.rows_needed);
            }
            out.metrics.push_back(std::move(row));
        }
        if (!broken.empty()) {
            out.decision = verdict::regress;
            out.reason = "worse than its margin allows: " + broken;
        } else if (open.empty()) {
            out.decision = verdict::pass;
            out.reason = names_[1] + " is shown to keep every margin on ";
            append_count(out.reason, rows);
            out.reason += " rows";
        } else {
            out.decision = verdict::inconclusive;
            out.reason = "not settled on ";
            append_count(out.reason, rows);
            out.reason += " rows: " + open;
            if (more > static_cast<double>(rows)) {
                out.reason += "; about ";
                append_count(out.reason, static_cast<std::uint64_t>(std::fmin(std::ceil(more), 1e15)));
                out.reason += " rows would settle it if the difference stays as it is";
            }
        }
        if (dropped > 0) {
            out.counts.push_back(
                {"values dropped, since a model failed or the value is not one of the metric", dropped});
        }
        const auto count = [&out](const char* what, std::uint64_t n) {
            if (n > 0) {
                out.counts.push_back({what, n});
            }
        };
        count("recorded values without a partner", all.unpaired);
        count("further recorded values for a case that has one", all.repeated);
        count("recorded values that are missing or not finite, of any model and metric", all.missing);
        count("recorded measurements that had failed", all.failed_elsewhere);
        if (all.recorded && asked_of_failures_) {
            out.notes.emplace_back(
                "Recorded results do not say on which cases a model failed; let run() call the models to judge failures.");
        }
        std::string note = "Both models saw the same rows";
        if constexpr (infers) {
            note += "; ";
            note += detail::holds_of<inference_t>();
        } else {
            note += "; intervals cover ";
            append_percent(note, 1.0 - 2.0 * alpha_, 0);
            note += ", so that each bound alone errs with probability at most " + to_text(alpha_) + ".";
        }
        note += has_units    ? " Rows of one unit count as one cluster."
                : tests_rows ? " The test takes into account that rows depend on each other."
                             : " Rows count as independent.";
        out.notes.push_back(std::move(note));
        return out;
    }

    [[nodiscard]] detail::paired_answer compare(const detail::paired_column& values, double ratio,
                                                double alpha) const
    {
        if constexpr (infers) {
            return detail::compare_paired(inference_, values, ratio, alpha);
        } else if constexpr (tests_rows) {
            return detail::compare_rows(row_test_, values, ratio, alpha);
        } else {
            return detail::compare_paired(values, ratio, alpha);
        }
    }

    static void fill(metric_row& row, const detail::paired_answer& answer)
    {
        row.method = answer.method;
        row.champion = answer.champion;
        row.challenger = answer.challenger;
        row.estimate = answer.estimate;
        row.lower = answer.lower;
        row.upper = answer.upper;
        row.p_value = answer.p_value;
        row.state = answer.state;
    }

    static std::string in_words(const metric_row& row)
    {
        std::string text = " ";
        detail::append_in_unit(text, row.champion, row.unit);
        text += " -> ";
        detail::append_in_unit(text, row.challenger, row.unit);
        text += " (" + row.role.substr(std::string_view{"guardrail, "}.size()) + ")";
        return text;
    }

    /// Distinct units among the rows; every row where none are named.
    static double units_of(const columns& all, std::size_t rows)
    {
        if constexpr (has_units) {
            if (!all.recorded) {
                detail::unit_sums units{all.failures.unit.size()};
                for (const std::uint64_t unit : all.failures.unit) {
                    units.add(unit, 0.0);
                }
                return static_cast<double>(units.count());
            }
        }
        return static_cast<double>(rows);
    }

    [[nodiscard]] bool is_latency(const detail::metric_spec& spec) const
    {
        return metrics_.watches()[static_cast<std::size_t>(spec.watch)].on_latency;
    }

    ruling judge_latency(const detail::metric_spec& spec, const columns& all, metric_row& row, double divided,
                         double rows) const
    {
        const detail::event_watch& watch = metrics_.watches()[static_cast<std::size_t>(spec.watch)];
        const auto compare = [&](double alpha) {
            const stats::quantile_options options{.q = watch.q, .alpha = 2.0 * alpha};
            const auto r = spec.limit.relative
                               ? stats::quantile_ratio(all.latency[1], all.latency[0], options)
                               : stats::quantile_difference(all.latency[1], all.latency[0], options);
            const double scale = spec.limit.relative ? 1.0 : 1e-6;
            return detail::paired_answer{.method = r.method,
                                         .champion = r.second * 1e-6,
                                         .challenger = r.first * 1e-6,
                                         .estimate = r.estimate * scale,
                                         .lower = r.lower * scale,
                                         .upper = r.upper * scale,
                                         .state = r.state};
        };
        const auto answer = compare(alpha_);
        fill(row, answer);
        row.metric += " p" + to_text(100.0 * watch.q) + (spec.limit.relative ? " (ratio)" : "");
        row.margin = spec.limit.value;
        row.reference = spec.limit.relative ? 1.0 : 0.0;
        return rule(spec.limit, answer, compare(divided), spec.limit.value, rows);
    }

    /// "No more failures" cannot be shown by any number of rows; it holds while there are none more.
    static ruling judge_failures(const detail::bound& limit, const detail::paired_answer& answer,
                                 const detail::paired_answer& at_divided, double divided, double rows)
    {
        if (!limit.relative && limit.value > 0.0) {
            return rule(limit, answer, at_divided, limit.value, rows);
        }
        ruling r;
        if (answer.units == 0) {
            return r;  // no row at all: nothing failed more often, and nothing was seen
        }
        r.holds = answer.challenger <= (limit.relative ? limit.value : 1.0) * answer.champion;
        r.broken = !r.holds && answer.p_value <= 2.0 * divided;
        return r;
    }

    metrics_t metrics_;
    double alpha_;
    bool asked_of_failures_ = false;
    [[no_unique_address]] key_t key_;
    [[no_unique_address]] clock_t clock_;
    [[no_unique_address]] inference_t inference_;
    [[no_unique_address]] row_test_t row_test_;
    std::tuple_element_t<0, typename parts::models> champion_;
    std::tuple_element_t<1, typename parts::models> challenger_;
    std::vector<std::string> names_;
    salted_hasher units_{"gate"};
};

template <class... Args>
gate(Args...) -> gate<Args...>;

}  // namespace v0
}  // namespace joust
