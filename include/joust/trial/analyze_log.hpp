// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/hex.hpp>
#include <joust/core/text.hpp>
#include <joust/core/unit_id.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/report/report.hpp>
#include <joust/store/exposure_table.hpp>
#include <joust/store/log_reader.hpp>
#include <joust/trial/log_tally.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// Name the files and the columns (or JSON members) of a log. A column with an empty name is not there.
struct log_columns {
    /// The file of exposures.
    std::string exposures{};
    /// The file of outcomes; the same file where both are in one, and an empty text where the rows of exposures have the values of
    /// the metrics themselves.
    std::string outcomes{};
    /// What joins outcomes to exposures: a ticket, a request or a unit. The first exposure of a key counts. Without a key every row
    /// of exposures counts, and the outcomes are in it.
    std::string key{};
    /// The same in the file of outcomes.
    std::string outcome_key{};
    /// The arm that served.
    std::string arm = "arm";
    /// The propensity of that arm.
    std::string propensity{};
    /// When the exposure was.
    std::string time{};
    /// When the outcome was.
    std::string outcome_time{};
    /// What rows are alike by: clusters are kept together. By default the key.
    std::string cluster{};
    /// Whether clusters are pseudonyms of 16 hexadecimal digits, as `event_log` writes them. They then have the buckets that they have
    /// in the trial.
    bool pseudonyms = false;
    /// A number that is known before the exposure and predicts the metrics.
    std::string covariate{};
    /// Whether the call failed.
    std::string failed{};
    /// The time that the call took.
    /// units: nanoseconds, and below 0 where it was not measured
    std::string nanoseconds{};
    /// The kind of a row, where exposures and outcomes are in one file: "exposure" or "feedback".
    std::string event{};
    /// The name of the metric of an outcome. Where it is empty, the rows of outcomes have a column for each metric.
    std::string metric{};
    /// The value of an outcome.
    std::string value = "value";
    /// What a number in a column of times is multiplied with.
    /// units: seconds
    double time_unit = 1.0;
};

/// Options of analyze_log.
struct log_options {
    /// The files and columns.
    log_columns columns{};
    /// The metrics.
    std::vector<log_metric> metrics{};
    /// How the evidence is judged.
    log_judgement judgement{};
    /// When the log ends: rows that are later are left out, and windows that are open then are not over. Without it the log ends with
    /// the last time in the files, which are read once more where a metric has a window.
    /// units: seconds since 1970-01-01 UTC
    double until = std::numeric_limits<double>::quiet_NaN();
    /// Whether both files are sorted by their keys, bytewise as `LC_ALL=C sort` does. They are then joined in constant memory.
    bool sorted = false;
    /// The memory for exposures that wait for outcomes, where the files are not sorted.
    std::size_t memory = std::size_t{1} << 30;
    /// Makes a reader of JSON lines; without it they are refused.
    std::function<std::unique_ptr<json_row_reader>()> json{};
    /// Is told how many bytes have been read, about every 16 MiB.
    std::function<void(std::uint64_t)> progress{};
};

namespace detail {

/// Read a time as seconds: a number, or a text such as "2026-11-30T12:00:00Z". Returns NaN for anything else.
[[nodiscard]] inline double seconds_of(std::string_view text, double unit) noexcept
{
    double number = 0.0;
    if (read_number(text, number)) {
        return number * unit;
    }
    const auto digits = [&text](std::size_t at, std::size_t count) {
        int value = 0;
        for (std::size_t i = at; i < at + count; ++i) {
            const char c = i < text.size() ? text[i] : 'x';
            if (c < '0' || c > '9' || value < 0) {
                return -1;
            }
            value = 10 * value + (c - '0');
        }
        return value;
    };
    const int year = digits(0, 4);
    const int month = digits(5, 2);
    const int day = digits(8, 2);
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    if (text.size() < 10 || text[4] != '-' || text[7] != '-' || year < 0 || month < 1 || month > 12 ||
        day < 1 || day > 31) {
        return none;
    }
    // Days from a civil date (H. Hinnant).
    const int y = year - (month <= 2 ? 1 : 0);
    const int era = y / 400;
    const int of_era = y - era * 400;
    const int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    const double days = era * 146'097.0 + of_era * 365.0 + of_era / 4 - of_era / 100 + of_year - 719'468.0;
    double seconds = 86'400.0 * days;
    if (text.size() == 10) {
        return seconds;
    }
    const int hour = digits(11, 2);
    const int minute = digits(14, 2);
    const int second = digits(17, 2);
    if ((text[10] != 'T' && text[10] != ' ') || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
        second < 0 || second > 60 || text[13] != ':' || text[16] != ':') {
        return none;
    }
    seconds += 3'600.0 * hour + 60.0 * minute + second;
    std::string_view rest = text.substr(19);
    if (rest.starts_with('.')) {
        std::size_t end = 1;
        while (end < rest.size() && rest[end] >= '0' && rest[end] <= '9') {
            ++end;
        }
        double part = 0.0;
        if (end == 1 || !read_number(rest.substr(0, end), part)) {
            return none;
        }
        seconds += part;
        rest.remove_prefix(end);
    }
    if (rest.empty() || rest == "Z" || rest == "+00:00") {
        return seconds;
    }
    text = rest;
    const int zone_hour = digits(1, 2);
    const int zone_minute = digits(4, 2);
    if (rest.size() != 6 || (rest[0] != '+' && rest[0] != '-') || rest[3] != ':' || zone_hour < 0 ||
        zone_minute < 0) {
        return none;
    }
    const double zone = 3'600.0 * zone_hour + 60.0 * zone_minute;
    return rest[0] == '+' ? seconds - zone : seconds + zone;
}

/// Join the exposures of a log with its outcomes, and tally them.
class log_join {
public:
    explicit log_join(const log_options& asked)
        : asked_(asked), of_(asked.columns), tally_(asked.metrics, !asked.columns.covariate.empty()),
          hasher_(asked.judgement.name)
    {
        for (const log_metric& each : asked.metrics) {
            matures_ = matures_ || each.matures();
        }
        if (asked.metrics.empty()) {
            throw configuration_error("metrics", "none", "a metric to compare, at least one");
        }
        if (matures_ && of_.time.empty()) {
            throw configuration_error("matures_after", "given for a log without times",
                                      "a column of times in the exposures");
        }
        if (of_.key.empty() && !of_.outcomes.empty()) {
            throw configuration_error("key", "none", "a column that joins outcomes to exposures");
        }
    }

    [[nodiscard]] joust::report report(joust::evidence* kept)
    {
        until_ = asked_.until;
        if (matures_ && !(until_ == until_)) {
            until_ = last_time();
        }
        if (of_.outcomes.empty()) {
            tally_rows();
        } else if (asked_.sorted) {
            merge_sorted();
        } else {
            join_by_table();
        }
        joust::report out = tally_.report(asked_.judgement);
        if (kept != nullptr) {
            *kept = tally_.evidence(asked_.judgement);
        }
        const auto count = [&out](const char* what, std::uint64_t n) {
            if (n > 0) {
                out.counts.push_back({.what = what, .count = n});
            }
        };
        count("rows without an arm, a key or a cluster (left out)", incomplete_);
        count("further exposures of a key (its first one counts)", repeated_);
        count("further exposures of a key in another arm", crossed_);
        count("outcomes without an exposure", unmatched_);
        count("outcomes of other metrics", other_metrics_);
        count("outcomes before their exposure", early_);
        count("outcomes after the window of their metric", late_);
        count("exposures whose window is not over", young_);
        count("rows after the end of the log", after_);
        return out;
    }

private:
    static constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

    /// The places of the columns of exposures.
    struct exposure_places {
        exposure_places(log_reader& from, const log_columns& of)
            : key(from.want(of.key)), arm(from.want(of.arm)), propensity(from.want(of.propensity)),
              time(from.want(of.time)), cluster(from.want(of.cluster)), covariate(from.want(of.covariate)),
              failed(from.want(of.failed)), nanoseconds(from.want(of.nanoseconds)), event(from.want(of.event))
        {
        }
        std::size_t key, arm, propensity, time, cluster, covariate, failed, nanoseconds, event;
    };

    [[nodiscard]] log_reader open(const std::string& path) const
    {
        return log_reader{path, asked_.json ? asked_.json() : nullptr};
    }

    void tell(const log_reader& from)
    {
        constexpr std::uint64_t step = std::uint64_t{1} << 24;
        if (asked_.progress && from.bytes() - told_ >= step) {
            told_ = from.bytes();
            asked_.progress(before_ + told_);
        }
    }
    void finish(const log_reader& from)
    {
        before_ += from.bytes();
        told_ = 0;
    }

    [[nodiscard]] double time_at(const log_reader& from, std::size_t place, bool given) const
    {
        if (!given) {
            return unknown;
        }
        const log_field& one = from.field(place);
        if (one.what == log_field::kind::number) {
            return one.number * of_.time_unit;
        }
        if (one.what != log_field::kind::text) {
            return unknown;
        }
        const double time = seconds_of(one.text, of_.time_unit);
        if (!std::isfinite(time)) {
            from.refuse(place, "is \"" + std::string{one.text.substr(0, 40)} +
                                   "\", which is neither a number nor a time such as 2026-11-30T12:00:00Z");
        }
        return time;
    }

    [[nodiscard]] bool is_exposure(const log_reader& from, std::size_t event) const
    {
        return of_.event.empty() || from.text(event) == "exposure";
    }

    [[nodiscard]] double last_time()
    {
        double last = -std::numeric_limits<double>::infinity();
        const auto read = [&](const std::string& path, const std::string& column) {
            log_reader from = open(path);
            const std::size_t time = from.want(column);
            while (from.next()) {
                const double at = time_at(from, time, true);
                last = at > last ? at : last;
                tell(from);
            }
            finish(from);
        };
        read(of_.exposures, of_.time);
        if (!of_.outcomes.empty() && of_.outcomes != of_.exposures && !of_.outcome_time.empty()) {
            read(of_.outcomes, of_.outcome_time);
        }
        return last;
    }

    /// Return the pseudonym of a cluster.
    [[nodiscard]] std::uint64_t cluster_of(const log_reader& from, std::size_t place,
                                           std::string_view text) const
    {
        if (!of_.pseudonyms) {
            return detail::pseudonym_of(hasher_(text));
        }
        std::uint64_t value = 0;
        if (!detail::parse_hex(text, value)) {
            from.refuse(place, "is not a pseudonym of 16 hexadecimal digits");
        }
        return value;
    }

    /// Read an exposure of a row. Returns false where the row is not used. `counts` says that its requests are counted.
    bool read_exposure(const log_reader& from, const exposure_places& at, joined_exposure& into, bool counts)
    {
        const std::string_view arm = from.text(at.arm);
        const std::string_view key = from.text(at.key);
        const std::string_view cluster = of_.cluster.empty() ? key : from.text(at.cluster);
        if (arm.empty() || (!of_.key.empty() && key.empty()) || (!of_.cluster.empty() && cluster.empty())) {
            incomplete_ += counts ? 1U : 0U;
            return false;
        }
        into.key = of_.key.empty() ? 0 : detail::pseudonym_of(hasher_(key));
        // Without a key and a cluster each row is a unit of its own.
        const std::uint64_t unit = !of_.cluster.empty() ? cluster_of(from, at.cluster, cluster)
                                   : of_.key.empty()    ? mix64(from.line())
                                                        : into.key;
        into.bucket = static_cast<std::uint16_t>(bucket_of(unit));
        if (tally_.is_full() && !tally_.knows(arm)) {
            from.refuse(at.arm, "has more than 16 different values: is it the column of the arms?");
        }
        into.arm = static_cast<std::uint8_t>(tally_.arm(arm));
        into.propensity = std::numeric_limits<float>::quiet_NaN();
        if (!of_.propensity.empty()) {
            const double p = from.number(at.propensity);
            if (!(p > 0.0 && p <= 1.0)) {
                from.refuse(at.propensity, "is not a probability above 0 and up to 1");
            }
            into.propensity = static_cast<float>(p);
        }
        into.time = time_at(from, at.time, !of_.time.empty());
        if (into.time > asked_.until) {
            after_ += counts ? 1U : 0U;
            return false;
        }
        if (matures_ && !(into.time == into.time)) {
            from.refuse(at.time, "is missing");
        }
        if (!of_.covariate.empty()) {
            const double z = from.number(at.covariate);
            into.covariate = std::isfinite(z) ? z : 0.0;
        }
        into.failed = !of_.failed.empty() && from.number(at.failed) > 0.0;
        if (counts) {
            const double spent = of_.nanoseconds.empty() ? -1.0 : from.number(at.nanoseconds);
            constexpr double most = 9e18;
            tally_.see(into.arm, unit, spent >= 0.0 && spent < most ? static_cast<std::int64_t>(spent) : -1);
        }
        return true;
    }

    [[nodiscard]] static log_tally::exposure place_of(const joined_exposure& seen) noexcept
    {
        return {.arm = seen.arm, .propensity = static_cast<double>(seen.propensity), .bucket = seen.bucket};
    }

    /// Say whether the window of a metric is over.
    [[nodiscard]] bool ripe(const joined_exposure& seen, const log_metric& metric) const noexcept
    {
        return !metric.matures() || seen.time + metric.matures_after <= until_;
    }

    void tally_exposure(const joined_exposure& seen)
    {
        const log_tally::exposure given = place_of(seen);
        tally_.expose(given, seen.covariate, seen.failed);
        bool young = false;
        for (std::size_t m = 0; m < asked_.metrics.size(); ++m) {
            const log_metric& metric = asked_.metrics[m];
            if (!metric.matures()) {
                continue;
            }
            if (ripe(seen, metric)) {
                tally_.feed(given, m);
            } else {
                young = true;
            }
        }
        young_ += young ? 1U : 0U;
    }

    void tally_value(joined_exposure& seen, std::size_t m, double value, double time)
    {
        const log_metric& metric = asked_.metrics[m];
        if (time < seen.time) {
            ++early_;
            return;
        }
        if (time > asked_.until) {
            ++after_;
            return;
        }
        if (!ripe(seen, metric)) {
            return;
        }
        if (metric.matures() && time > seen.time + metric.matures_after) {
            ++late_;
            return;
        }
        const std::uint32_t bit = std::uint32_t{1} << m;
        const log_tally::exposure given = place_of(seen);
        if ((seen.fed & bit) == 0 && !metric.matures()) {
            tally_.feed(given, m);
        }
        seen.fed |= bit;
        if (metric.converts && std::isfinite(value)) {
            if (value == 0.0 || (seen.converted & bit) != 0) {
                return;
            }
            seen.converted |= bit;
            value = 1.0;
        }
        tally_.observe(given, m, value);
    }

    /// Rows that have their outcomes themselves.
    void tally_rows()
    {
        log_reader from = open(of_.exposures);
        const exposure_places at{from, of_};
        std::vector<std::size_t> values;
        for (const log_metric& each : asked_.metrics) {
            values.push_back(from.want(each.name));
        }
        while (from.next()) {
            tell(from);
            joined_exposure seen;
            if (!is_exposure(from, at.event) || !read_exposure(from, at, seen, true)) {
                continue;
            }
            tally_exposure(seen);
            for (std::size_t m = 0; m < values.size(); ++m) {
                if (from.has(values[m])) {
                    tally_value(seen, m, from.number(values[m]), unknown);
                }
            }
        }
    }

    /// Reads the outcomes of one file.
    class outcome_reader {
    public:
        outcome_reader(log_join& join, log_reader& from)
            : join_(join), from_(from),
              key(from.want(join.of_.outcome_key.empty() ? join.of_.key : join.of_.outcome_key)),
              time_(from.want(join.of_.outcome_time)), event_(from.want(join.of_.event)),
              metric_(from.want(join.of_.metric))
        {
            if (!join.of_.metric.empty()) {
                values_.push_back(from.want(join.of_.value));
                return;
            }
            for (const log_metric& each : join.asked_.metrics) {
                values_.push_back(from.want(each.name));
            }
        }

        /// Go to the next outcome.
        bool next()
        {
            while (from_.next()) {
                join_.tell(from_);
                if (join_.of_.event.empty() || from_.text(event_) == "feedback") {
                    return true;
                }
            }
            return false;
        }

        /// Tally the outcome for its exposure.
        void take(joined_exposure& seen)
        {
            const double time = join_.time_at(from_, time_, !join_.of_.outcome_time.empty());
            const auto& metrics = join_.asked_.metrics;
            if (join_.of_.metric.empty()) {
                for (std::size_t m = 0; m < values_.size(); ++m) {
                    if (from_.has(values_[m])) {
                        join_.tally_value(seen, m, from_.number(values_[m]), time);
                    }
                }
                return;
            }
            const std::string_view name = from_.text(metric_);
            for (std::size_t m = 0; m < metrics.size(); ++m) {
                if (metrics[m].name == name) {
                    join_.tally_value(seen, m, from_.number(values_[0]), time);
                    return;
                }
            }
            ++join_.other_metrics_;
        }

    private:
        log_join& join_;
        log_reader& from_;

    public:
        std::size_t key;

    private:
        std::size_t time_;
        std::size_t event_;
        std::size_t metric_;
        std::vector<std::size_t> values_;
    };

    static void count_again(joined_exposure& first, const joined_exposure& again)
    {
        constexpr std::uint16_t most = std::numeric_limits<std::uint16_t>::max();
        first.again = static_cast<std::uint16_t>(first.again + (first.again < most ? 1 : 0));
        first.crossed = static_cast<std::uint16_t>(first.crossed +
                                                   (first.arm != again.arm && first.crossed < most ? 1 : 0));
    }
    void count_further(const joined_exposure& seen)
    {
        repeated_ += seen.again;
        crossed_ += seen.crossed;
    }

    void join_by_table()
    {
        exposure_table table{asked_.memory};
        do {
            const bool first = table.part() == 0;
            log_reader from = open(of_.exposures);
            const exposure_places at{from, of_};
            while (from.next()) {
                tell(from);
                joined_exposure seen;
                if (!is_exposure(from, at.event) || !read_exposure(from, at, seen, first) ||
                    !table.holds(seen.key)) {
                    continue;
                }
                const auto [place, is_new] = table.add(seen.key);
                if (is_new) {
                    seen.used = true;
                    *place = seen;
                } else if (place != nullptr) {
                    count_again(*place, seen);
                }
            }
            finish(from);
            table.for_each([this](const joined_exposure& seen) {
                tally_exposure(seen);
                count_further(seen);
            });

            log_reader outcomes = open(of_.outcomes);
            outcome_reader reader{*this, outcomes};
            while (reader.next()) {
                const std::string_view key = outcomes.text(reader.key);
                if (key.empty()) {
                    incomplete_ += first ? 1U : 0U;
                    continue;
                }
                const std::uint64_t hash = detail::pseudonym_of(hasher_(key));
                if (!table.holds(hash)) {
                    continue;
                }
                if (joined_exposure* const seen = table.find(hash)) {
                    reader.take(*seen);
                } else {
                    ++unmatched_;
                }
            }
            finish(outcomes);
        } while (table.next_part());
    }

    /// Refuse a key that is smaller than the one before it.
    static void check_order(const log_reader& from, std::size_t place, std::string& before,
                            std::string_view key)
    {
        if (key < before) {
            from.refuse(
                place,
                "is \"" + std::string{key.substr(0, 40)} +
                    "\" and comes after a larger one: sort the file by it with LC_ALL=C sort, or join it unsorted");
        }
        before = key;
    }

    void merge_sorted()
    {
        log_reader from = open(of_.exposures);
        const exposure_places at{from, of_};
        log_reader outcomes = open(of_.outcomes);
        outcome_reader reader{*this, outcomes};
        std::string last_exposure;
        std::string last_outcome;
        joined_exposure current;
        bool has_current = false;

        const auto next_outcome = [&] {
            while (reader.next()) {
                const std::string_view key = outcomes.text(reader.key);
                if (!key.empty()) {
                    check_order(outcomes, reader.key, last_outcome, key);
                    return true;
                }
                ++incomplete_;
            }
            return false;
        };
        bool has_outcome = next_outcome();
        // Give the current exposure its outcomes. `last_exposure` is its key.
        const auto settle = [&] {
            while (has_outcome && last_outcome < last_exposure) {
                ++unmatched_;
                has_outcome = next_outcome();
            }
            while (has_current && has_outcome && last_outcome == last_exposure) {
                reader.take(current);
                has_outcome = next_outcome();
            }
        };
        while (from.next()) {
            tell(from);
            joined_exposure seen;
            if (!is_exposure(from, at.event) || !read_exposure(from, at, seen, true)) {
                continue;
            }
            const std::string_view key = from.text(at.key);
            if (has_current && key == last_exposure) {
                count_again(current, seen);
                continue;
            }
            settle();
            count_further(current);
            check_order(from, at.key, last_exposure, key);
            current = seen;
            has_current = true;
            tally_exposure(current);
        }
        settle();
        count_further(current);
        for (; has_outcome; has_outcome = next_outcome()) {
            ++unmatched_;
        }
    }

    const log_options& asked_;
    const log_columns& of_;
    log_tally tally_;
    salted_hasher hasher_;
    bool matures_ = false;
    double until_ = unknown;
    std::uint64_t told_ = 0;
    std::uint64_t before_ = 0;
    std::uint64_t incomplete_ = 0;
    std::uint64_t repeated_ = 0;
    std::uint64_t crossed_ = 0;
    std::uint64_t unmatched_ = 0;
    std::uint64_t other_metrics_ = 0;
    std::uint64_t early_ = 0;
    std::uint64_t late_ = 0;
    std::uint64_t young_ = 0;
    std::uint64_t after_ = 0;
};

}  // namespace detail

/// Analyse the log of an experiment: join its exposures with the outcomes that another program wrote, and report what a live trial
/// would have reported.
///
/// An outcome counts for the first exposure of its key, with the propensity of that exposure, so that shares may have changed
/// meanwhile. Where the exposures do not fit into the memory, the files are read several times, once for each part of the keys.
/// errors: parse_error that names file and line for any bytes; std::runtime_error where a file cannot be read; configuration_error
/// for what cannot be compared
/// cost: about 0.3 us for each row of CSV, and about 50 bytes for each key unless both files are sorted
/// shape: `kept` gets the evidence, which can be saved and merged with that of other days
[[nodiscard]] inline report analyze_log(const log_options& asked, evidence* kept = nullptr)
{
    return detail::log_join{asked}.report(kept);
}

}  // namespace v0
}  // namespace joust
