// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/invoke.hpp>
#include <joust/core/model.hpp>
#include <joust/core/random.hpp>
#include <joust/core/text.hpp>
#include <joust/core/unit_id.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/inference/fwd.hpp>
#include <joust/inference/inference.hpp>
#include <joust/metric/metric.hpp>
#include <joust/report/report.hpp>
#include <joust/stats/result.hpp>
#include <joust/store/recorded.hpp>
#include <joust/trial/detail/check_rows.hpp>
#include <joust/trial/detail/gate_verdict.hpp>
#include <joust/trial/detail/metric_set.hpp>
#include <joust/trial/detail/paired_rows.hpp>
#include <joust/trial/detail/recorded_rows.hpp>
#include <joust/trial/detail/trial_access.hpp>
#include <joust/trial/detail/trial_core.hpp>
#include <joust/trial/row_test.hpp>
#include <joust/trial/significance.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

namespace detail {

using gate_roles =
    role_list<unit_key_role, guardrail_role, clock_role, significance_role, inference_role, row_test_role>;

/// Compares rows by McNemar's test or a paired t-test, where no other policy is given.
struct plain_rows {};

/// Stands for the callable of a model whose results were recorded elsewhere.
struct recorded_elsewhere {};

}  // namespace detail

/// Name a model of a gate that judges recorded results: `joust::gate{recorded_model("v1"), recorded_model("v2"), ...}`.
[[nodiscard]] inline model<detail::recorded_elsewhere> recorded_model(std::string_view name)
{
    return {name, {}};
}

/// Decide in CI whether a challenger may replace the champion: it may not be worse than a margin on the same rows.
///
/// Every guardrail has a margin and is tested for non-inferiority. The gate passes when all guardrails are shown to
/// hold, so the error rate need not be divided. It regresses when a guardrail is shown to be broken, at the error rate
/// divided by the number of guardrails. In every other case the verdict is inconclusive, and the report says how many
/// rows would settle it. The gate compares values of 0 or 1 by McNemar's exact test and Tango's interval, or for a ratio by the
/// score test of Nam and Blackwelder, and other values by a paired t-test from 5 rows (or units) on. An inference policy (`bayesian{}`, `fixed_horizon{.units = 10'000}`) or a test of rows that depend on each
/// other (`cross_validated{}`) replaces both.
///
/// When to use: before a deployment, on rows with known answers. When not: to learn what users do, which no row shows.
/// shape: `gate check{model{"a", f}, model{"b", g}, guardrail(conversion<"correct">{}, {.max_decrease = 0.01})}`;
/// `check.run(rows, correct)` calls both models on every row, and `correct(row, prediction)` returns the value; it
/// takes one callable for each value metric, in order. `by(&Row::user)` makes users the units, for rows of one user
/// that are alike.
/// errors: configuration_error from the constructor. A model fails on a row on which it throws, or on which a measure gives
/// a value that its metric does not take (NaN, infinity, 0.5 in a conversion). The failure is counted, and the row has the
/// worst value of the metric: 0 or 1 in a conversion, the cap of a mean of which less is better. In a mean without a worst
/// value the row is lost. The verdict is inconclusive where more than 5 % of the rows are lost, where the models lose
/// rows unequally, or where the worst value seen in their place would break the margin.
/// cost: one call of both models for each row, in alternating order, so that neither model always finds the warmer cache. With
/// `always_valid{}` the gate takes rows that can be indexed in random order and stops when its verdict is clear, unless a model has
/// failed or a guardrail is on latency; the report says how many calls were saved.
template <class... Args>
class gate {
    using parts = detail::trial_parts<detail::gate_roles, detail::plain_rows, Args...>;
    friend struct detail::trial_access;
    static_assert(parts::model_count == 2,
                  "joust: a gate compares one challenger with one champion: two joust::model come first");
    using metrics_t = typename parts::split::template apply_policies<detail::metric_set>;
    static_assert(
        metrics_t::size > 0,
        "joust: a gate needs a margin to decide by: guardrail(conversion<\"correct\">{}, {.max_decrease = 0.01})");
    static_assert(
        metrics_t::names_free(),
        "joust: a metric needs a name that the report does not use for something else: exposures, failures, latency and covariate are taken, and so are names that end in \", denominator\" and the empty name");
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
    static constexpr bool infers = parts::template given<inference_role>;
    static constexpr bool tests_rows = parts::template given<row_test_role>;
    static_assert(!(infers && tests_rows),
                  "joust: a gate compares rows by an inference policy or by a test of rows, not by both");

    // With per_request each row is a unit, which needs no name.
    static constexpr bool has_units =
        parts::template given<unit_key_role> && !std::is_same_v<typename parts::key_t, per_request>;
    using inference_t = typename parts::inference_t;
    using row_test_t = typename parts::template policy<row_test_role, detail::plain_rows>;
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

    /// Intervals that hold at every look let a gate stop as soon as its verdict is clear.
    static constexpr bool stops_early = std::is_same_v<inference_t, always_valid>;
    /// The first look is after this many rows, and each pause is a quarter of the rows before it.
    static constexpr std::size_t first_look = 512;

public:
    /// Make a gate of the champion, the challenger, and policies in any order.
    /// errors: configuration_error, which names the field, its value and what is allowed
    explicit gate(Args... arguments) : gate(std::tuple<Args...>{std::move(arguments)...}, unpacked{}) {}
    gate(const gate&) = delete;
    gate& operator=(const gate&) = delete;

    /// Call both models on every row and decide.
    template <class Rows, class... Measures>
    [[nodiscard]] joust::report run(const Rows& rows, const Measures&... measures)
    {
        constexpr bool counted = sizeof...(Measures) == value_metrics;
        static_assert(
            counted,
            "joust: run(rows, measure...) takes one callable (row, prediction) -> value for each conversion or mean");
        using row_t = std::remove_cvref_t<decltype(*std::begin(rows))>;
        constexpr bool asked =
            detail::row_calls<typename parts::models_t>::template check<typename parts::key_t, row_t,
                                                                        Measures...>();
        if constexpr (counted && asked) {
            return run_checked(rows, measures...);
        } else {
            return {};
        }
    }

    /// Decide by results that were recorded elsewhere, for the models and metrics of the same names.
    ///
    /// A case that one of the models has no value for is treated as a row on which that model cannot be scored.
    /// errors: configuration_error where the results lack a model or a metric of the gate
    [[nodiscard]] joust::report read(const recorded& results) const
    {
        const std::vector<std::string>& models = core_.identity().models();
        detail::recorded_rows rows{results, models[0], models[1]};
        for (const std::string& name : models) {
            if (!rows.has_arm(name)) {
                throw configuration_error("results.arms", "without '" + name + "'",
                                          "results of both models of the gate");
            }
        }
        detail::gate_rows all = no_rows();
        std::size_t column = 0;
        for (const auto& spec : metrics_.specs()) {
            if (!detail::is_value(spec) || spec.place > 0) {
                continue;
            }
            if (!rows.has_metric(spec.name)) {
                throw configuration_error("results.metrics", "without '" + spec.name + "'",
                                          "results of every metric of the gate");
            }
            detail::paired_column& into = all.values[column];
            rows.fill(into, spec.name, [this, column](double value) { return usable(column, value); });
            all.count = into.account.offered > all.count ? into.account.offered : all.count;
            ++column;
        }
        all.unpaired = rows.unpaired;
        all.repeated = rows.repeated;
        all.tells_failures = rows.tells_failures;
        if (rows.tells_failures) {
            rows.fill_failures(all.failures);
        }
        all.recorded = true;
        all.missing = results.missing;
        all.failed_elsewhere = results.failed;
        return decide(all, results.repetitions);
    }

private:
    struct unpacked {};

    /// The values of one model on one row.
    struct measured {
        std::array<double, value_metrics> values{};
        bool failed = false;
    };

    gate(std::tuple<Args...> arguments, unpacked)
        : core_("gate", salt{"gate"}, arguments), metrics_(arguments),
          alpha_(parts::template pick<significance_role, significance>(arguments).alpha),
          row_test_(parts::template pick<row_test_role, detail::plain_rows>(arguments))
    {
        if (!(alpha_ > 0.0 && alpha_ < 0.5)) {
            throw configuration_error("significance.alpha", to_text(alpha_),
                                      "an error rate above 0 and below 0.5");
        }
        metrics_.refuse_exclusions("gate");
        const std::size_t given = metrics_.specs().size();
        metrics_.watch_failures();
        asked_of_failures_ = metrics_.specs().size() == given;
        for (const auto& spec : metrics_.specs()) {
            if (spec.limit.alone) {
                throw configuration_error(
                    "guardrail(" + spec.name + ")", "a limit of the challenger's own level",
                    "a margin against the champion, since a gate compares both models on each row");
            }
            const bool needs_margin =
                detail::is_value(spec) || detail::latency_watch(spec, metrics_.watches()) != nullptr;
            if (needs_margin && spec.limit.value == (spec.limit.relative ? 1.0 : 0.0)) {
                throw configuration_error(
                    "guardrail(" + spec.name + ")", "without a margin",
                    "a margin above 0: no finite number of rows can show that nothing at all was lost");
            }
        }
    }

    template <class Rows, class... Measures>
    [[nodiscard]] joust::report run_checked(const Rows& rows, const Measures&... measures)
    {
        detail::gate_rows all = no_rows();
        const auto take = [&](const auto& row) {
            std::uint64_t unit = 0;
            if constexpr (has_units) {
                const auto& id = core_.unit_of(row);
                if (detail::is_no_unit(id)) {
                    ++all.empty_units;  // Such rows are one cluster.
                } else {
                    unit = core_.identity().hasher()(id);
                }
            }
            measured champion;
            measured challenger;
            if (all.count++ % 2 == 0) {
                champion = measure<0>(all, row, measures...);
                challenger = measure<1>(all, row, measures...);
            } else {
                challenger = measure<1>(all, row, measures...);
                champion = measure<0>(all, row, measures...);
            }
            keep(all, champion, challenger, has_units ? &unit : nullptr);
        };
        if constexpr (stops_early && std::random_access_iterator<decltype(std::begin(rows))>) {
            return run_until_decided(all, rows, take);
        } else {
            for (const auto& row : rows) {
                take(row);
            }
            return decide(all);
        }
    }

    /// Take rows in random order until the verdict holds at any look.
    template <class Rows, class Take>
    [[nodiscard]] joust::report run_until_decided(detail::gate_rows& all, const Rows& rows, const Take& take)
    {
        using place = typename std::iterator_traits<decltype(std::begin(rows))>::difference_type;
        const auto first = std::begin(rows);
        std::vector<std::uint64_t> order(static_cast<std::size_t>(std::end(rows) - first));
        // Rows may be sorted, and then the first ones do not speak for all.
        keyed_random random{0x6a7e};
        for (std::size_t i = 0; i < order.size(); ++i) {
            const std::uint64_t other = random.below(i + 1);
            order[i] = order[other];
            order[other] = i;
        }
        std::size_t next_look = first_look;
        for (std::size_t i = 0; i < order.size(); ++i) {
            take(first[static_cast<place>(order[i])]);
            if (i + 1 < next_look || i + 1 == order.size() || !may_stop(all)) {
                continue;
            }
            next_look += next_look / 4;
            joust::report now = decide(all);
            if (now.decision == verdict::pass || now.decision == verdict::regress) {
                std::string note = "The rows were taken in random order, and the gate stopped after ";
                append_count(note, i + 1);
                note += " of ";
                append_count(note, order.size());
                note +=
                    ": its intervals hold at every look, so that more rows would not make the verdict more reliable. ";
                append_count(note, 2 * (order.size() - i - 1));
                note += " calls of models were saved.";
                now.notes.push_back(std::move(note));
                return now;
            }
        }
        return decide(all);
    }

    /// Whether the verdict so far rests only on what the inference answers for at every look: failures and latencies have tests
    /// that are meant for one look.
    [[nodiscard]] bool may_stop(const detail::gate_rows& all) const
    {
        if (all.failures.challenger.empty()) {
            return false;
        }
        for (const auto& spec : metrics_.specs()) {
            if (detail::latency_watch(spec, metrics_.watches()) != nullptr) {
                return false;
            }
        }
        for (std::size_t i = 0; i < all.failures.challenger.size(); ++i) {
            if (all.failures.challenger[i] != 0.0 || all.failures.champion[i] != 0.0) {
                return false;
            }
        }
        return true;
    }

    [[nodiscard]] detail::gate_rows no_rows() const
    {
        detail::gate_rows all;
        all.values.resize(value_metrics);
        for (std::size_t i = 0; i < value_metrics; ++i) {
            with_metric(i, [&](const auto& metric, const detail::metric_spec& spec) {
                all.values[i].binary = detail::is_conversion<std::remove_cvref_t<decltype(metric)>>;
                // With two limits no value is the worst for both.
                all.values[i].worst = spec.others.empty() ? detail::worst_of(metric, spec.limit.harm_is_up)
                                                          : stats::not_a_number;
            });
        }
        return all;
    }

    template <std::size_t Arm, class Row, class... Measures>
    measured measure(detail::gate_rows& all, const Row& row, const Measures&... measures)
    {
        auto& call = core_.template callable<Arm>();
        const std::int64_t began = core_.clock().now();
        try {
            [[maybe_unused]] decltype(auto) prediction = detail::invoke(call, row);
            all.latency[Arm].add(core_.clock().now() - began);
            return {
                .values = {static_cast<double>(detail::invoke(measures, row, std::as_const(prediction)))...}};
        } catch (...) {
            measured nothing{.failed = true};
            nothing.values.fill(stats::not_a_number);
            return nothing;
        }
    }

    static void keep_failures(detail::paired_column& into, bool by_champion, bool by_challenger,
                              const std::uint64_t* unit)
    {
        into.add(by_champion ? 1.0 : 0.0, by_challenger ? 1.0 : 0.0, unit);
    }

    /// Keep a row. An answer that one of the metrics cannot score is a failure, as an exception is.
    void keep(detail::gate_rows& all, const measured& champion, const measured& challenger,
              const std::uint64_t* unit) const
    {
        bool failed[2] = {champion.failed, challenger.failed};
        for (std::size_t i = 0; i < value_metrics; ++i) {
            const detail::row_answer first = answer_of(i, champion);
            const detail::row_answer second = answer_of(i, challenger);
            failed[0] = failed[0] || first.kind != detail::answer_kind::value;
            failed[1] = failed[1] || second.kind != detail::answer_kind::value;
            all.values[i].take(first, second, unit);
        }
        all.unscored[0] += failed[0] && !champion.failed ? 1U : 0U;
        all.unscored[1] += failed[1] && !challenger.failed ? 1U : 0U;
        keep_failures(all.failures, failed[0], failed[1], unit);
        keep_failures(all.untimed, champion.failed, challenger.failed, nullptr);
    }

    [[nodiscard]] detail::row_answer answer_of(std::size_t which, const measured& found) const
    {
        return found.failed ? detail::row_answer{stats::not_a_number, detail::answer_kind::failed}
                            : usable(which, found.values[which]);
    }

    /// Convert a value as the metric says, or say that it cannot be used.
    [[nodiscard]] detail::row_answer usable(std::size_t which, double value) const
    {
        detail::row_answer answer{value, detail::answer_kind::unscored};
        if (std::isnan(value)) {
            return answer;
        }
        with_metric(which, [&](const auto& metric, const detail::metric_spec&) {
            cell c;
            metric.add(c, value);
            const bool good = std::isfinite(value) && std::isfinite(c.value) && !c.refused;
            answer = {c.value, good ? detail::answer_kind::value : detail::answer_kind::unusable};
        });
        return answer;
    }

    /// Call `visit(metric, spec)` with a value metric, by its place among them.
    template <class Visit>
    void with_metric(std::size_t which, Visit&& visit) const
    {
        std::size_t column = 0;
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (
                [&] {
                    if constexpr (metrics_t::template takes_feedback<I>) {
                        if (column++ == which) {
                            visit(metrics_.template get<I>(), metrics_.template spec_of<I>());
                        }
                    }
                }(),
                ...);
        }(std::make_index_sequence<metrics_t::size>{});
    }

    [[nodiscard]] detail::paired_answer compare(const detail::paired_column& values, double ratio,
                                                double alpha) const
    {
        if constexpr (infers) {
            return detail::compare_paired(core_.inference(), values, ratio, alpha);
        } else if constexpr (tests_rows) {
            return detail::compare_rows(row_test_, values, ratio, alpha);
        } else {
            return detail::compare_paired(values, ratio, alpha);
        }
    }

    [[nodiscard]] detail::gate_setting setting() const
    {
        detail::gate_setting how{
            .models = core_.identity().models(),
            .specs = metrics_.specs(),
            .watches = metrics_.watches(),
            .alpha = alpha_,
            .asked_of_failures = asked_of_failures_,
            .has_units = has_units,
            .holds = {},
            .dependence = has_units    ? " Rows of one unit count as one cluster."
                          : tests_rows ? " The test takes into account that rows depend on each other."
                                       : " Rows count as independent."};
        if constexpr (infers) {
            how.holds = detail::holds_of<inference_t>();
        }
        return how;
    }

    [[nodiscard]] joust::report decide(const detail::gate_rows& all, bool of_runs = false) const
    {
        detail::gate_setting how = setting();
        if (of_runs) {
            how.dependence =
                " Repetitions of one run count as one cluster, and runs of both models are paired by their names.";
        }
        std::vector<detail::paired_answers> answers;
        std::size_t column = 0;
        for (const auto& spec : metrics_.specs()) {
            if (detail::is_value(spec)) {
                column += spec.place == 0 ? 1U : 0U;
                const detail::paired_column& values = all.values[column - 1];
                const double ratio = spec.limit.relative ? spec.limit.value : 1.0;
                detail::paired_answers found{compare(values, ratio, how.alpha),
                                             compare(values, ratio, how.divided(spec))};
                detail::check_domain(found, values, spec, how.alpha);
                const bool in_doubt = detail::refuse_if_lost(found, values, spec, how, tests_rows);
                if (in_doubt) {
                    const detail::paired_column worst = detail::with_lost_at_worst(values, spec.limit);
                    detail::refuse_unless_kept(found, compare(worst, ratio, how.alpha), values, spec, how);
                }
                answers.push_back(std::move(found));
            }
        }
        return detail::gate_report(all, answers, how);
    }

    detail::trial_core<parts> core_;
    metrics_t metrics_;
    double alpha_;
    bool asked_of_failures_ = false;
    [[no_unique_address]] row_test_t row_test_;
};

template <class... Args>
gate(Args...) -> gate<Args...>;

}  // namespace v0
}  // namespace joust
