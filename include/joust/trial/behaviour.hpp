// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/invoke.hpp>
#include <joust/core/model.hpp>
#include <joust/core/random.hpp>
#include <joust/core/text.hpp>
#include <joust/numeric/binomial_limit.hpp>
#include <joust/report/report.hpp>
#include <joust/shadow/comparator.hpp>
#include <joust/stats/result.hpp>
#include <joust/store/results.hpp>
#include <joust/trial/gate_results.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// Tests of how a model behaves, as against evaluations of how often it is right: what must not change its answer, what must move
// it in one direction, and cases that it has to get right. They need no labels, except for the cases.

namespace joust {
inline namespace v0 {

/// What a test of behaviour allows.
struct behaviour_limits {
    /// The largest share of rows that may fail. With 0 no row may fail, and one that does is enough to regress. Above 0 rows are
    /// taken as a sample: the limits of the share decide.
    double at_most = 0.0;
    /// How much more often a challenger may fail than the champion, where two models are compared.
    double no_worse_by = 0.01;
    /// How often a random test (`robustness`, `consistency`) tries each row.
    int tries = 5;
};

/// A row on which a model failed a test of behaviour.
struct behaviour_example {
    /// The place of the row.
    std::size_t row = 0;
    /// How far the answers were apart, as the comparator measures it; infinite where the model threw.
    double distance = 0.0;
    bool operator==(const behaviour_example&) const = default;
};

/// What one test found out about one model.
struct behaviour_result {
    /// The kind and the name of the test, such as `invariance: typing errors`.
    std::string test{};
    /// How many rows were tried.
    std::uint64_t rows = 0;
    /// How many of them failed.
    std::uint64_t failures = 0;
    /// On how many of them the model threw. They count as failures.
    std::uint64_t threw = 0;
    /// The largest share of failures that the test allows.
    double at_most = 0.0;
    /// The limits of the share of failures, exact for rows that are a random sample (Clopper and Pearson).
    double lower = 0.0;
    /// The upper limit.
    double upper = 1.0;
    /// pass, regress or inconclusive.
    verdict decision = verdict::inconclusive;
    /// The rows that failed worst, the worst first, at most ten.
    std::vector<behaviour_example> worst{};

    /// Return the share of rows that failed.
    [[nodiscard]] double rate() const noexcept
    {
        return rows > 0 ? static_cast<double>(failures) / static_cast<double>(rows) : 0.0;
    }
};

/// What tests of behaviour found out.
struct behaviour_report {
    /// One entry for each test.
    std::vector<behaviour_result> results{};
    /// The same as a report, which every writer takes: text, JSON, Markdown, HTML, JUnit and an exit code.
    joust::report report{};
};

namespace detail {

/// What one row did under one test: whether it failed, and by how much.
struct behaviour_answer {
    bool failed = false;
    bool threw = false;
    double distance = 0.0;
};

inline constexpr std::size_t most_examples = 10;

inline void keep_example(std::vector<behaviour_example>& worst, const behaviour_example& found)
{
    const auto at = std::find_if(worst.begin(), worst.end(),
                                 [&](const auto& each) { return found.distance > each.distance; });
    worst.insert(at, found);
    if (worst.size() > most_examples) {
        worst.pop_back();
    }
}

[[nodiscard]] inline behaviour_answer differs(const comparison& seen) noexcept
{
    return {.failed = !seen.agree, .distance = seen.distance};
}

template <class Limits>
void check_limits(const char* test, const Limits& limits)
{
    if (!(limits.at_most >= 0.0 && limits.at_most < 1.0)) {
        throw configuration_error(std::string{test} + ".at_most", to_text(limits.at_most),
                                  "a share of rows from 0 to below 1");
    }
    if (!(limits.no_worse_by > 0.0 && limits.no_worse_by < 1.0)) {
        throw configuration_error(std::string{test} + ".no_worse_by", to_text(limits.no_worse_by),
                                  "a difference of shares above 0 and below 1");
    }
    if (limits.tries < 1) {
        throw configuration_error(std::string{test} + ".tries", std::to_string(limits.tries), "at least 1");
    }
}

/// Try a test on all of its rows.
template <class Call, class Rows, class Test, class Visit>
void try_rows(Call& call, const Rows& rows, const Test& test, Visit&& visit)
{
    std::size_t place = 0;
    for (const auto& row : test.rows_of(rows)) {
        behaviour_answer answer;
        try {
            answer = test.try_row(call, row, place);
        } catch (...) {
            answer = {.failed = true, .threw = true, .distance = std::numeric_limits<double>::infinity()};
        }
        visit(place++, answer);
    }
}

inline void decide(behaviour_result& result, double alpha)
{
    if (result.rows == 0) {
        return;
    }
    result.lower = stats::detail::lower_binomial_limit(result.failures, result.rows, alpha);
    result.upper = stats::detail::upper_binomial_limit(result.failures, result.rows, alpha);
    if (result.at_most == 0.0) {
        result.decision = result.failures == 0 ? verdict::pass : verdict::regress;
    } else if (result.upper <= result.at_most) {
        result.decision = verdict::pass;
    } else if (result.lower > result.at_most) {
        result.decision = verdict::regress;
    }
}

inline void append_examples(std::string& out, const behaviour_result& result)
{
    out += "Worst rows of " + result.test + ": ";
    for (std::size_t i = 0; i < result.worst.size(); ++i) {
        out += (i == 0 ? "" : ", ") + std::to_string(result.worst[i].row);
    }
    out += '.';
}

[[nodiscard]] inline metric_row row_of(const behaviour_result& result, const std::string& model, double alpha)
{
    metric_row row;
    row.metric = result.test;
    row.arm = model;
    row.role = "behaviour, at most ";
    row.role += to_text(100.0 * result.at_most) + " %";
    row.method = "exact limits of Clopper and Pearson";
    row.challenger = result.rate();
    row.estimate = result.rate();
    row.lower = result.lower;
    row.upper = result.upper;
    row.margin = result.at_most;
    row.level = 1.0 - 2.0 * alpha;
    row.unit = "%";
    row.better = -1;
    row.state = result.rows > 0 ? status::ok : status::too_few;
    return row;
}

}  // namespace detail

/// Require that a change which does not matter leaves the answer as it is. `invariance` makes it.
template <class Perturb, class Comparator>
struct invariance_test {
    std::string name;
    Perturb perturb;
    behaviour_limits limits;
    Comparator same;

    template <class Rows>
    [[nodiscard]] const Rows& rows_of(const Rows& rows) const noexcept
    {
        return rows;
    }
    template <class Call, class Row>
    [[nodiscard]] detail::behaviour_answer try_row(Call& call, const Row& row, std::size_t) const
    {
        return detail::differs(same.compare(detail::invoke(call, row), detail::invoke(call, perturb(row))));
    }
};

/// Require that an answer does not change where a row is changed in a way that does not matter: another name, a typing error, another
/// order of words. `perturb(row)` returns the changed row; a comparator says what counts as the same answer.
template <class Perturb, class Comparator = exact_match>
[[nodiscard]] auto invariance(std::string_view name, Perturb perturb, const behaviour_limits& limits = {},
                              Comparator same = {})
{
    detail::check_limits("invariance", limits);
    return invariance_test<Perturb, Comparator>{"invariance: " + std::string{name}, std::move(perturb),
                                                limits, std::move(same)};
}

/// Require that a change moves a numeric answer in one direction. `directional` makes it.
template <class Perturb>
struct directional_test {
    std::string name;
    Perturb perturb;
    int sign;
    behaviour_limits limits;
    double tolerance;

    template <class Rows>
    [[nodiscard]] const Rows& rows_of(const Rows& rows) const noexcept
    {
        return rows;
    }
    template <class Call, class Row>
    [[nodiscard]] detail::behaviour_answer try_row(Call& call, const Row& row, std::size_t) const
    {
        const double before = static_cast<double>(detail::invoke(call, row));
        const double after = static_cast<double>(detail::invoke(call, perturb(row)));
        const double wrong = static_cast<double>(sign) * (before - after);
        // A NaN has no direction.
        return {.failed = !(wrong <= tolerance),
                .distance = std::isnan(wrong) ? std::numeric_limits<double>::infinity() : wrong};
    }
};

/// Require that a numeric answer does not fall (sign +1) or does not rise (sign -1) where a row is changed: more income, a larger
/// flat. It may go the wrong way by `tolerance`.
template <class Perturb>
[[nodiscard]] auto directional(std::string_view name, Perturb perturb, int sign,
                               const behaviour_limits& limits = {}, double tolerance = 0.0)
{
    detail::check_limits("directional", limits);
    if (sign != 1 && sign != -1) {
        throw configuration_error("directional.sign", std::to_string(sign),
                                  "+1 (must not fall) or -1 (must not rise)");
    }
    if (!(tolerance >= 0.0)) {
        throw configuration_error("directional.tolerance", to_text(tolerance), "0 or more");
    }
    return directional_test<Perturb>{"directional: " + std::string{name}, std::move(perturb), sign, limits,
                                     tolerance};
}

/// Require right answers on cases of one's own. `minimum_functionality` makes it.
template <class Cases, class Expect>
struct functionality_test {
    std::string name;
    Cases cases;
    Expect expect;
    behaviour_limits limits;

    template <class Rows>
    [[nodiscard]] const Cases& rows_of(const Rows&) const noexcept
    {
        return cases;
    }
    template <class Call, class Row>
    [[nodiscard]] detail::behaviour_answer try_row(Call& call, const Row& row, std::size_t) const
    {
        const bool right = static_cast<bool>(expect(row, detail::invoke(call, row)));
        return {.failed = !right, .distance = right ? 0.0 : 1.0};
    }
};

/// Require that a model gets simple cases right: `expect(row, answer)` says whether it did.
template <class Cases, class Expect>
[[nodiscard]] auto minimum_functionality(std::string_view name, Cases cases, Expect expect,
                                         const behaviour_limits& limits = {})
{
    detail::check_limits("minimum_functionality", limits);
    return functionality_test<Cases, Expect>{"minimum functionality: " + std::string{name}, std::move(cases),
                                             std::move(expect), limits};
}

/// Require that random noise changes an answer little. `robustness` makes it.
template <class Noise, class Comparator>
struct robustness_test {
    std::string name;
    Noise noise;
    behaviour_limits limits;
    Comparator same;

    template <class Rows>
    [[nodiscard]] const Rows& rows_of(const Rows& rows) const noexcept
    {
        return rows;
    }
    template <class Call, class Row>
    [[nodiscard]] detail::behaviour_answer try_row(Call& call, const Row& row, std::size_t place) const
    {
        const auto before = detail::invoke(call, row);
        detail::behaviour_answer worst;
        for (int i = 0; i < limits.tries; ++i) {
            keyed_random random{static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(place)};
            const comparison seen = same.compare(before, detail::invoke(call, noise(row, random)));
            worst.failed = worst.failed || !seen.agree;
            worst.distance = std::fmax(worst.distance, seen.distance);
        }
        return worst;
    }
};

/// Require that an answer stays within what a comparator calls the same, where noise is added to a row: `noise(row, random)` returns
/// the row with noise from a `keyed_random`, which is the same in every run. A row fails if one of the tries does.
template <class Noise, class Comparator = exact_match>
[[nodiscard]] auto robustness(std::string_view name, Noise noise, const behaviour_limits& limits = {},
                              Comparator same = {})
{
    detail::check_limits("robustness", limits);
    return robustness_test<Noise, Comparator>{"robustness: " + std::string{name}, std::move(noise), limits,
                                              std::move(same)};
}

/// Require that a model gives one row the same answer each time. `consistency` makes it.
template <class Comparator>
struct consistency_test {
    std::string name;
    behaviour_limits limits;
    Comparator same;

    template <class Rows>
    [[nodiscard]] const Rows& rows_of(const Rows& rows) const noexcept
    {
        return rows;
    }
    template <class Call, class Row>
    [[nodiscard]] detail::behaviour_answer try_row(Call& call, const Row& row, std::size_t) const
    {
        const auto first = detail::invoke(call, row);
        detail::behaviour_answer worst;
        for (int i = 1; i < limits.tries; ++i) {
            const comparison seen = same.compare(first, detail::invoke(call, row));
            worst.failed = worst.failed || !seen.agree;
            worst.distance = std::fmax(worst.distance, seen.distance);
        }
        return worst;
    }
};

/// Require that repeated calls with one row give the same answer. A row fails if one of `tries` answers differs from the first.
template <class Comparator = exact_match>
[[nodiscard]] auto consistency(std::string_view name, const behaviour_limits& limits = {.tries = 5},
                               Comparator same = {})
{
    detail::check_limits("consistency", limits);
    if (limits.tries < 2) {
        throw configuration_error("consistency.tries", std::to_string(limits.tries), "at least 2");
    }
    return consistency_test<Comparator>{"consistency: " + std::string{name}, limits, std::move(same)};
}

/// Test the behaviour of one model on rows.
///
/// The verdict is to pass if every test passes, and to regress if one does. An exception of the model is a failure of the row.
/// When to use: beside a gate, before a deployment; rows without labels are enough. When not: to learn how often a model is right.
/// errors: configuration_error from the tests for limits out of their range
/// cost: two calls of the model for each row and test, and `tries` for random ones
template <class Callable, class Rows, class... Tests>
[[nodiscard]] behaviour_report check_behaviour(model<Callable> tested, const Rows& rows,
                                               const Tests&... tests)
{
    static_assert(
        sizeof...(Tests) > 0,
        "joust: check_behaviour(model, rows, test...) takes at least one test, such as invariance(\"typing errors\", perturb)");
    constexpr double alpha = 0.05;
    behaviour_report out;
    out.report.name = tested.name;
    out.report.kind = "behaviour";
    std::string failing;
    std::string open;
    const auto run = [&](const auto& test) {
        behaviour_result result{.test = test.name, .at_most = test.limits.at_most};
        detail::try_rows(tested.call, rows, test,
                         [&](std::size_t row, const detail::behaviour_answer& answer) {
                             ++result.rows;
                             result.threw += answer.threw ? 1U : 0U;
                             if (answer.failed) {
                                 ++result.failures;
                                 detail::keep_example(result.worst, {row, answer.distance});
                             }
                         });
        detail::decide(result, alpha);
        if (result.decision != verdict::pass) {
            std::string& words = result.decision == verdict::regress ? failing : open;
            words += (words.empty() ? "" : "; ") + result.test + " fails on ";
            append_count(words, result.failures);
            words += " of ";
            append_count(words, result.rows);
            words += " rows (at most ";
            words += to_text(100.0 * result.at_most) + " %)";
        }
        out.report.metrics.push_back(detail::row_of(result, tested.name, alpha));
        if (!result.worst.empty()) {
            std::string note;
            detail::append_examples(note, result);
            out.report.notes.push_back(std::move(note));
        }
        out.results.push_back(std::move(result));
    };
    (run(tests), ...);
    out.report.decision = !failing.empty() ? verdict::regress
                          : !open.empty()  ? verdict::inconclusive
                                           : verdict::pass;
    out.report.reason = !failing.empty() ? failing
                        : !open.empty()  ? open + ": not shown to be within its limit"
                                         : tested.name + " passes every test of behaviour";
    out.report.arms.push_back({.model = tested.name, .requests = out.results.front().rows});
    return out;
}

/// Compare the behaviour of two models on the same rows, test by test.
///
/// The challenger passes if it is shown to fail no test more often than the champion by `no_worse_by`: the verdict is that of a
/// gate over the rows, by McNemar's exact test and Tango's interval.
/// errors, cost: as check_behaviour, for two models
template <class Champion, class Challenger, class Rows, class... Tests>
[[nodiscard]] joust::report compare_behaviour(model<Champion> champion, model<Challenger> challenger,
                                              const Rows& rows, const Tests&... tests)
{
    static_assert(
        sizeof...(Tests) > 0,
        "joust: compare_behaviour(champion, challenger, rows, test...) takes at least one test, such as invariance(\"typing errors\", perturb)");
    recorder_of_results results;
    std::vector<result_margin> margins;
    std::vector<std::string> notes;
    const auto run = [&](const auto& test) {
        behaviour_result worst{.test = test.name};
        const auto record = [&](auto& tested, bool examples) {
            detail::try_rows(
                tested.call, rows, test, [&](std::size_t row, const detail::behaviour_answer& answer) {
                    results.add(std::to_string(row), tested.name, test.name, answer.failed ? 1.0 : 0.0);
                    if (examples && answer.failed) {
                        detail::keep_example(worst.worst, {row, answer.distance});
                    }
                });
        };
        record(champion, false);
        record(challenger, true);
        margins.push_back({.metric = test.name, .margin = test.limits.no_worse_by, .lower_is_better = true});
        if (!worst.worst.empty()) {
            std::string note;
            detail::append_examples(note, worst);
            notes.push_back(std::move(note));
        }
    };
    (run(tests), ...);
    joust::report out = gate_results(results.take(), champion.name, challenger.name, margins);
    out.kind = "behaviour";
    out.notes.insert(out.notes.end(), notes.begin(), notes.end());
    return out;
}

}  // namespace v0
}  // namespace joust
