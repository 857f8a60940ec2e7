// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/json.hpp>
#include <joust/core/style.hpp>
#include <joust/core/text.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/inference/inference.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// Say how often one method found a difference between a model and itself.
struct aa_row {
    /// The method.
    std::string method;
    /// The number of splits.
    std::uint64_t splits = 0;
    /// The splits on which the method has given an answer.
    std::uint64_t judged = 0;
    /// The splits on which the method has ever rejected.
    std::uint64_t alarms = 0;
    /// The error rate that the method promises. More alarms than this are a fault of the method or of its use.
    double alpha = 0.0;
    /// The number of alarms that chance explains (99.9 %).
    std::uint64_t allowed = 0;

    /// Say whether the method keeps its promise, as far as the number of splits can show.
    [[nodiscard]] bool holds() const noexcept { return alarms <= allowed; }
    /// Compare all members.
    bool operator==(const aa_row&) const = default;
};

/// Hold what an A/A check found, with one row for each method.
struct aa_table {
    /// The number of exposures.
    std::uint64_t exposures = 0;
    /// The number of looks.
    std::uint64_t looks = 0;
    /// One row for each method.
    std::vector<aa_row> rows{};

    /// The style of `{}`.
    static constexpr style default_style = style::table;

    /// Append the table in one of the styles.
    void write(std::string& out, style how) const
    {
        if (how == style::json) {
            write_json(out);
            return;
        }
        if (how == style::line) {
            for (const aa_row& row : rows) {
                out += &row == rows.data() ? "" : "; ";
                out +=
                    row.method + ": " + count_text(row.alarms) + " of " + count_text(row.splits) + " alarms";
            }
            return;
        }
        using enum text_table::align;
        text_table table{{"method"},          {"alarms", right},        {"splits", right}, {"share", right},
                         {"promised", right}, {"chance allows", right}, {"verdict"}};
        for (const aa_row& row : rows) {
            table.cell(row.method);
            table.cell(count_text(row.alarms));
            table.cell(count_text(row.splits));
            std::string share;
            append_percent(share, row.splits == 0
                                      ? 0.0
                                      : static_cast<double>(row.alarms) / static_cast<double>(row.splits));
            table.cell(share);
            std::string promised;
            append_percent(promised, row.alpha);
            table.cell(promised);
            table.cell(count_text(row.allowed));
            table.cell(row.judged == 0 ? "not judged yet" : row.holds() ? "holds" : "alarms too often");
        }
        how == style::markdown ? table.write_markdown(out) : table.write_text(out);
        out += "\nThe same model twice: ";
        out += count_text(exposures) + " exposures, split at random " +
               count_text(rows.empty() ? 0 : rows[0].splits) + " times, looked at " + count_text(looks) +
               " times.\n";
    }
    /// Compare all members.
    bool operator==(const aa_table&) const = default;

private:
    void write_json(std::string& out) const
    {
        json_writer json{out};
        json.begin_object()
            .member("exposures", exposures)
            .member("looks", looks)
            .key("methods")
            .begin_array();
        for (const aa_row& row : rows) {
            json.begin_object().member("method", std::string_view{row.method}).member("splits", row.splits);
            json.member("judged", row.judged).member("alarms", row.alarms).member("alpha", row.alpha);
            json.member("allowed", row.allowed).end_object();
        }
        json.end_array().end_object();
    }
};

namespace detail {

/// Return the largest number of alarms that chance explains: n independent splits with error rate alpha have more
/// alarms with probability 0.001 at most.
[[nodiscard]] inline std::uint64_t alarms_by_chance(std::uint64_t n, double alpha) noexcept
{
    // The terms of the binomial distribution, beginning with no alarm.
    double log_term = static_cast<double>(n) * std::log1p(-alpha);
    double below = std::exp(log_term);
    std::uint64_t k = 0;
    while (below < 0.999 && k < n) {
        log_term += std::log(alpha / (1.0 - alpha) * static_cast<double>(n - k) / static_cast<double>(k + 1));
        ++k;
        below += std::exp(log_term);
    }
    return k;
}

}  // namespace detail

/// Say how an A/A check splits its traffic.
struct aa_options {
    /// The number of random splits in two halves. Each is a trial of its own.
    std::size_t splits = 200;
    /// The seed of the splits. The same seed and traffic give the same table.
    std::uint64_t seed = 1;
};

/// Run one model against itself on live traffic: split the units at random in two halves, hundreds of times at once,
/// and count how often each inference method finds a difference between the halves.
///
/// `expose` each unit that is served and `observe` its feedback, then `look` as often as you will look at the trial.
/// Splits are pure functions of the unit, so that returning units stay in their half.
/// When to use: before the first trial of a service, and whenever metric, unit or method change. The check shows
/// whether the error rate holds on these units, with their habits and outliers, and at this rhythm of looks. A method
/// that alarms too often here would ship models at random.
/// When not: to find feedback that is lost or doubled in one arm only; run an `ab_test` of a model against itself for
/// that.
/// shape: `aa_check check{aa_options{}, always_valid{}, fixed_horizon{.units = 50'000}}`; the methods are inference
/// policies
/// units: `unit` is the hash of the unit, such as `ticket.unit()`
/// assumes: one thread at a time
/// errors: configuration_error without splits, or with more than 10,000 of them. Values that are not finite are left
/// out.
/// cost: some nanoseconds per call and split; 32 kB per split; a look about 10 us per split and method
template <class... Methods>
class aa_check {
    static_assert(
        sizeof...(Methods) > 0 && (inference_policy<Methods> && ...),
        "joust: an A/A check takes aa_options and then inference policies, such as joust::always_valid{}");

public:
    /// Begin a check with some methods.
    explicit aa_check(aa_options options, Methods... methods)
        : methods_(std::move(methods)...), seed_(options.seed)
    {
        if (options.splits == 0 || options.splits > 10'000) {
            throw configuration_error("aa_options.splits", std::to_string(options.splits), "1 to 10,000");
        }
        splits_.resize(options.splits);
    }

    /// Count a call that served this unit.
    void expose(std::uint64_t unit) noexcept
    {
        ++exposures_;
        add(unit, 1.0, 0);
    }

    /// Add a value of the metric for a call.
    void observe(std::uint64_t unit, double value) noexcept
    {
        if (!std::isfinite(value)) {
            return;
        }
        events_ += value != 0.0 ? 1 : 0;
        add(unit, value, 1);
    }

    /// Let every method test every split.
    void look()
    {
        ++looks_;
        for (split& each : splits_) {
            const auto* sums = each.sums.data();
            const auto half = [&](std::size_t which) {
                return std::span<const double>{sums + which * bucket_count, bucket_count};
            };
            // With shares of one half all weights are one half, and so are those of the roots.
            joust::look at{.sums = {half(3), half(2), half(3), half(2), half(1), half(0), half(1), half(0)},
                           .expected_events = 0.5 * static_cast<double>(events_),
                           .exposures = static_cast<double>(exposures_)};
            [&]<std::size_t... I>(std::index_sequence<I...>) {
                (judge(std::get<I>(methods_), each, at, I), ...);
            }(std::index_sequence_for<Methods...>{});
        }
    }

    /// Return what was found so far.
    [[nodiscard]] aa_table table() const
    {
        aa_table all{.exposures = exposures_, .looks = looks_};
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (all.rows.push_back(row_of(I, std::get<I>(methods_).alpha)), ...);
        }(std::index_sequence_for<Methods...>{});
        return all;
    }

private:
    static constexpr std::size_t method_count = sizeof...(Methods);

    struct split {
        // The two halves of exposures, then the two halves of the metric. Each half is a row of buckets.
        std::vector<double> sums = std::vector<double>(4 * bucket_count);
        std::array<test_memory, method_count> memory{};
        std::array<bool, method_count> judged{};
        std::array<bool, method_count> alarmed{};
    };

    void add(std::uint64_t unit, double value, std::size_t series) noexcept
    {
        const std::size_t bucket = mix64(unit ^ 0x5bd1e995U) & (bucket_count - 1);
        std::uint64_t key = mix64(unit ^ mix64(seed_));
        std::uint64_t bits = 0;
        std::size_t left = 0;
        for (split& each : splits_) {
            if (left == 0) {
                key += 0x9e3779b97f4a7c15U;
                bits = mix64(key);
                left = 64;
            }
            each.sums[(2 * series + (bits & 1U)) * bucket_count + bucket] += 0.5 * value;
            bits >>= 1;
            --left;
        }
    }

    template <class Method>
    void judge(const Method& method, split& each, joust::look& at, std::size_t which)
    {
        at.planned_information = 0.25 * method.units;
        const inference answer = method.infer(at, {.alpha = method.alpha}, each.memory[which]);
        names_[which] = answer.method;
        each.judged[which] = each.judged[which] || answer.state == status::ok;
        each.alarmed[which] = each.alarmed[which] || answer.rejects(method.alpha);
    }

    [[nodiscard]] aa_row row_of(std::size_t which, double alpha) const
    {
        aa_row row{.method = std::string{names_[which]},
                   .splits = splits_.size(),
                   .alpha = alpha,
                   .allowed = detail::alarms_by_chance(splits_.size(), alpha)};
        for (const split& each : splits_) {
            row.judged += each.judged[which] ? 1U : 0U;
            row.alarms += each.alarmed[which] ? 1U : 0U;
        }
        return row;
    }

    std::tuple<Methods...> methods_;
    std::vector<split> splits_;
    std::array<std::string_view, method_count> names_{};
    std::uint64_t seed_;
    std::uint64_t exposures_ = 0;
    std::uint64_t events_ = 0;
    std::uint64_t looks_ = 0;
};

template <class... Methods>
aa_check(aa_options, Methods...) -> aa_check<Methods...>;

}  // namespace v0
}  // namespace joust
