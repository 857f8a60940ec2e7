// SPDX-License-Identifier: Apache-2.0

// joust analyze: a report on the log of an experiment.

#include <joust/report/write.hpp>
#include <joust/store/file.hpp>
#include <joust/store/json_rows.hpp>
#include <joust/store/snapshot.hpp>
#include <joust/trial/analyze_log.hpp>

#include "output.hpp"
#ifdef JOUST_CLI_SIMDJSON
#include <joust/integration/simdjson.hpp>
#endif

#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace cli {

namespace {

[[nodiscard]] std::unique_ptr<joust::json_row_reader> json_reader()
{
#ifdef JOUST_CLI_SIMDJSON
    return std::make_unique<joust::simdjson_rows>();
#else
    return std::make_unique<joust::nlohmann_rows>();
#endif
}

/// The columns of a file, or the members of its first row.
class peek {
public:
    explicit peek(const std::string& path) : file_(path, json_reader())
    {
        for (const char* const name : usual) {
            if (file_.json() || file_.may_have(name)) {
                places_.emplace_back(name, file_.want(name));
            }
        }
        if (file_.json()) {
            static_cast<void>(file_.next());
        }
    }

    [[nodiscard]] bool has(std::string_view name) const
    {
        for (const auto& [each, place] : places_) {
            if (each == name) {
                return !file_.json() || file_.field(place).what != joust::log_field::kind::absent;
            }
        }
        return false;
    }

    /// Return the first of some usual names that the file has, unless the command line names a column.
    [[nodiscard]] std::string column(const std::string& given, std::initializer_list<const char*> names) const
    {
        if (!given.empty()) {
            return given;
        }
        for (const char* const name : names) {
            if (has(name)) {
                return name;
            }
        }
        return {};
    }

    [[noreturn]] void refuse(const char* why) const { file_.refuse(why); }

private:
    static constexpr const char* usual[] = {"ticket",    "request",    "unit",      "user",
                                            "id",        "propensity", "time",      "seconds",
                                            "timestamp", "metric",     "covariate", "event"};

    joust::log_reader file_;
    std::vector<std::pair<std::string, std::size_t>> places_;
};

/// The log of an `event_log`: JSON lines with exposures and feedback.
void use_event_log(joust::log_columns& of, const analyze_options& asked)
{
    const auto name = [](const std::string& given, const char* otherwise) {
        return given.empty() ? std::string{otherwise} : given;
    };
    of.outcomes = of.exposures;
    of.key = name(asked.key, "ticket");
    of.arm = name(asked.arm, "arm");
    of.propensity = asked.shares.empty() ? name(asked.propensity, "propensity") : asked.propensity;
    of.time = name(asked.time, "seconds");
    of.cluster = name(asked.cluster, "unit");
    of.pseudonyms = asked.cluster.empty();
    of.covariate = asked.covariate;
    of.failed = "failed";
    of.nanoseconds = "nanoseconds";
    of.event = "event";
    of.metric = "metric";
}

[[nodiscard]] joust::log_columns columns_of(const analyze_options& asked)
{
    joust::log_columns of;
    of.exposures = asked.exposures;
    of.outcomes = asked.outcomes;
    if (asked.outcomes == "-" || (asked.exposures == "-" && !asked.outcomes.empty())) {
        throw usage_error("what comes through a pipe is read once, so that it cannot be joined: give files");
    }
    if (asked.exposures == "-" && !asked.matures_after.empty() && asked.until.empty()) {
        throw usage_error("what comes through a pipe is read once: say by --until when it ends");
    }
    of.time_unit = asked.time_unit == "ms"   ? 1e-3
                   : asked.time_unit == "us" ? 1e-6
                   : asked.time_unit == "ns" ? 1e-9
                                             : 1.0;
    if (asked.exposures == "-") {
        // What comes through a pipe can be read once only.
        of.key = asked.key;
        of.arm = asked.arm.empty() ? "arm" : asked.arm;
        of.propensity = asked.propensity;
        of.time = asked.time;
        of.cluster = asked.cluster;
        of.covariate = asked.covariate;
        return of;
    }
    const peek exposures{asked.exposures};
    if (asked.outcomes.empty() && exposures.has("event")) {
        use_event_log(of, asked);
        return of;
    }
    of.arm = asked.arm.empty() ? "arm" : asked.arm;
    if (asked.shares.empty() || !asked.propensity.empty()) {
        of.propensity = exposures.column(asked.propensity, {"propensity"});
    }
    of.time = exposures.column(asked.time, {"time", "timestamp", "seconds"});
    of.cluster = asked.cluster;
    of.covariate = exposures.column(asked.covariate, {"covariate"});
    if (asked.outcomes.empty()) {
        of.key = asked.key;
        return of;
    }
    of.key = exposures.column(asked.key, {"ticket", "request", "unit", "user", "id"});
    if (of.key.empty()) {
        exposures.refuse("no column joins outcomes to exposures: name it by --key");
    }
    const peek outcomes{asked.outcomes};
    of.outcome_key = asked.outcome_key.empty() ? of.key : asked.outcome_key;
    of.outcome_time = outcomes.column(asked.outcome_time, {"time", "timestamp", "seconds"});
    of.metric = outcomes.column({}, {"metric"});
    return of;
}

}  // namespace

int run_analyze(const analyze_options& asked)
{
    joust::log_options options;
    options.json = json_reader;
    options.metrics = metrics_in(asked.metrics);
    if (options.metrics.empty()) {
        throw usage_error("no metric is given: name one by --metric or --conversion");
    }
    options.columns = columns_of(asked);
    if (options.columns.outcomes.empty()) {
        for (joust::log_metric& each : options.metrics) {
            each.per_observed = true;  // A row without a value is left out of the metric.
        }
    }
    for (const std::string& each : asked.matures_after) {
        const auto [name, window] = named_value(each, "--matures-after");
        bool known = false;
        for (joust::log_metric& metric : options.metrics) {
            if (metric.name == name) {
                metric.matures_after = seconds_in(window, "--matures-after " + name);
                known = true;
            }
        }
        if (!known) {
            throw usage_error("--matures-after names " + name + ", which is none of the metrics");
        }
    }
    if (!asked.until.empty()) {
        options.until = joust::detail::seconds_of(asked.until, options.columns.time_unit);
        if (!(options.until - options.until == 0.0)) {
            throw usage_error("--until is \"" + asked.until +
                              "\"; allowed: a number or a time such as 2026-11-30T12:00:00Z");
        }
    }
    options.sorted = asked.sorted;
    options.memory = bytes_in(asked.memory, "--memory");
    const std::string name = std::filesystem::path{asked.exposures}.filename().string();
    options.judgement = {.name = asked.name.empty() ? name : asked.name,
                         .alpha = asked.alpha,
                         .design = design_in(asked.design),
                         .units = asked.units,
                         .champion = asked.champion,
                         .shares = numbers_in(asked.shares, "--shares")};
    std::vector<std::string> files{asked.exposures};
    if (!asked.outcomes.empty()) {
        files.push_back(asked.outcomes);
    }
    options.progress = progress_of(files, asked.out);
    joust::evidence kept;
    joust::report out = joust::analyze_log(options, asked.save.empty() ? nullptr : &kept);
    if (!asked.save.empty()) {
        joust::save(asked.save, kept);
    }

    // The lines of log.notes.txt, beside log.csv, belong to the report: where the data come from and what limits them.
    const std::filesystem::path notes =
        std::filesystem::path{asked.exposures}.replace_extension(".notes.txt");
    std::error_code none;
    if (std::filesystem::is_regular_file(notes, none)) {
        const std::string text = joust::read_file(notes.string());
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t end = std::min(text.find('\n', at), text.size());
            if (end > at) {
                out.notes.push_back(text.substr(at, end - at));
            }
            at = end + 1;
        }
    }
    return put_reports({&out, 1}, asked.out);
}

}  // namespace cli
