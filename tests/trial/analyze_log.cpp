// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/metric/conversion.hpp>
#include <joust/metric/mean.hpp>
#include <joust/store/file.hpp>
#include <joust/store/json_rows.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/analyze_log.hpp>
#include <joust/trial/covariate.hpp>
#include <joust/trial/event_log.hpp>
#include <joust/trial/report_evidence.hpp>

#include "catch.hpp"
#include "store/temporary_file.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using joust_test::temporary_file;

std::unique_ptr<joust::json_row_reader> json_reader()
{
    return std::make_unique<joust::nlohmann_rows>();
}

struct shop_visit {
    std::uint64_t user = 0;
    double spent_before = 0.0;
};

double uniform(std::uint64_t seed)
{
    return static_cast<double>(joust::mix64(seed)) * 0x1p-64;
}

/// Compare two reports row by row. Sums are added in another order, so that the last digits may differ.
void check_alike(const joust::report& one, const joust::report& two)
{
    REQUIRE(one.metrics.size() == two.metrics.size());
    for (std::size_t i = 0; i < one.metrics.size(); ++i) {
        const joust::metric_row& a = one.metrics[i];
        const joust::metric_row& b = two.metrics[i];
        CAPTURE(a.metric, a.arm);
        CHECK(a.metric == b.metric);
        CHECK(a.role == b.role);
        CHECK(a.state == b.state);
        CHECK(a.unit == b.unit);
        const auto near = [](double x, double y) {
            return (std::isnan(x) && std::isnan(y)) || x == y ||
                   std::fabs(x - y) <= 1e-9 * (std::fabs(x) + 1e-6);
        };
        CHECK(near(a.champion, b.champion));
        CHECK(near(a.challenger, b.challenger));
        CHECK(near(a.estimate, b.estimate));
        CHECK(near(a.lower, b.lower));
        CHECK(near(a.upper, b.upper));
        // A log has propensities as tickets have them, with 24 bits.
        CHECK((a.e_value == Catch::Approx(b.e_value).epsilon(1e-5) || std::isnan(a.e_value)));
        CHECK(near(a.champion_feedback, b.champion_feedback));
    }
    CHECK(one.decision == two.decision);
    CHECK(one.reason == two.reason);
    REQUIRE(one.arms.size() == two.arms.size());
    for (std::size_t i = 0; i < one.arms.size(); ++i) {
        CHECK(one.arms[i].requests == two.arms[i].requests);
        CHECK(one.arms[i].units == two.arms[i].units);
    }
}

/// An exposure of a made log, and an outcome.
struct made_row {
    std::string key;
    std::string text;
};

struct made_log {
    std::vector<made_row> exposures;
    std::vector<made_row> outcomes;
    /// By arm: mature exposures, and conversions in their windows.
    std::map<std::string, std::pair<double, double>> expected;
    std::uint64_t young = 0;
    std::uint64_t late = 0;
    std::uint64_t early = 0;
};

constexpr double window = 500.0;

/// Each user has an exposure and up to two clicks. The last click or exposure ends the log.
made_log make_log(std::size_t users)
{
    made_log out;
    struct click {
        std::size_t user;
        double time;
    };
    std::vector<double> began;
    std::vector<click> clicks;
    double last = 0.0;
    for (std::size_t i = 0; i < users; ++i) {
        const double time = 1'000.0 + static_cast<double>(i);
        const bool challenger = uniform(7 * i + 1) < 0.5;
        const std::string key =
            "u" + std::to_string(100'000 + joust::mix64(i) % 900'000) + "-" + std::to_string(i);
        began.push_back(time);
        out.exposures.push_back({key, key + "," + (challenger ? "new" : "old") + "," + std::to_string(time)});
        last = std::max(last, time);
        for (std::size_t c = 0; c < 2; ++c) {
            if (uniform(7 * i + 2 + c) < (challenger ? 0.5 : 0.4)) {
                const double click_time = time - 20.0 + 900.0 * uniform(7 * i + 4 + c);
                if (click_time < 1'000.0 + static_cast<double>(users)) {
                    clicks.push_back({i, click_time});
                    last = std::max(last, click_time);
                }
            }
        }
    }
    std::vector<bool> converted(users);
    for (const click& each : clicks) {
        out.outcomes.push_back({out.exposures[each.user].key,
                                out.exposures[each.user].key + ",click,1," + std::to_string(each.time)});
        const double from = began[each.user];
        if (each.time < from) {
            ++out.early;
        } else if (from + window <= last) {
            out.late += each.time > from + window ? 1U : 0U;
            converted[each.user] = converted[each.user] || each.time <= from + window;
        }
    }
    for (std::size_t i = 0; i < users; ++i) {
        const bool challenger = uniform(7 * i + 1) < 0.5;
        if (began[i] + window > last) {
            ++out.young;
            continue;
        }
        auto& [exposures, conversions] = out.expected[challenger ? "new" : "old"];
        exposures += 1.0;
        conversions += converted[i] ? 1.0 : 0.0;
    }
    return out;
}

void write_rows(const std::string& path, const std::string& header, std::vector<made_row> rows, bool sorted)
{
    if (sorted) {
        std::stable_sort(rows.begin(), rows.end(),
                         [](const made_row& a, const made_row& b) { return a.key < b.key; });
    }
    std::string text = header + "\n";
    for (const made_row& each : rows) {
        text += each.text + "\n";
    }
    joust::write_file(path, text);
}

std::uint64_t counted(const joust::report& in, std::string_view what)
{
    for (const joust::count_row& each : in.counts) {
        if (each.what.starts_with(what)) {
            return each.count;
        }
    }
    return 0;
}

}  // namespace

TEST_CASE("the log of a trial gives the report that the trial gives", "[analyze]")
{
    const temporary_file file{"joust-analyze-events.jsonl"};
    joust::event_log log{file.path, {.queue = 1U << 15}};
    const std::function<double(const shop_visit&)> champion = [](const shop_visit&) { return 1.0; };
    const std::function<double(const shop_visit&)> challenger = [](const shop_visit& visit) {
        return visit.user % 97 == 0 ? throw 1 : 2.0;
    };
    joust::ab_test trial{joust::model{"old", champion},
                         joust::model{"new", challenger},
                         joust::by(&shop_visit::user),
                         joust::hash_split{.salt = "shop", .shares = {0.7, 0.3}},
                         joust::conversion<"click">{},
                         joust::mean<"spend">{},
                         joust::adjust_for(&shop_visit::spent_before),
                         joust::record_to(log)};
    for (std::uint64_t i = 0; i < 6'000; ++i) {
        const std::uint64_t user = joust::mix64(i) % 2'500;
        const shop_visit visit{user, 10.0 * uniform(user)};
        const auto [value, ticket] = trial.serve(visit);
        if (uniform(3 * i + 1) < 0.2 + 0.1 * value) {
            trial.observe<"click">(ticket, true);
            trial.observe<"spend">(ticket, visit.spent_before * value * uniform(3 * i + 2));
        }
    }
    log.flush();
    REQUIRE(log.dropped() == 0);
    joust::log_options options{.columns = {.exposures = file.path,
                                           .outcomes = file.path,
                                           .key = "ticket",
                                           .propensity = "propensity",
                                           .cluster = "unit",
                                           .pseudonyms = true,
                                           .covariate = "covariate",
                                           .failed = "failed",
                                           .nanoseconds = "nanoseconds",
                                           .event = "event",
                                           .metric = "metric"},
                               .metrics = {{.name = "click", .converts = true}, {.name = "spend"}},
                               .judgement = {.name = "shop", .champion = "0"},
                               .json = json_reader};
    joust::report again = joust::analyze_log(options);
    joust::report live = trial.report();
    for (joust::metric_row& each : again.metrics) {
        each.arm = "new";
    }
    again.reason = live.reason.empty() ? "" : again.reason;
    live.reason = again.reason;  // It has the names of the arms, which a log has as numbers.
    CHECK(live.arms[1].failures == again.arms[1].failures);
    CHECK(again.arms[1].failures > 0);
    check_alike(live, again);

    SECTION("and its evidence gives it where the trial is not there")
    {
        const joust::report from_evidence =
            joust::report_evidence(trial.evidence(), {}, {{.name = "click"}, {.name = "spend"}});
        check_alike(trial.report(), from_evidence);
    }
}

TEST_CASE("outcomes count within the window of their metric, sorted, hashed and in parts", "[analyze]")
{
    const made_log log = make_log(3'000);
    const temporary_file exposures{"joust-analyze-exposures.csv"};
    const temporary_file outcomes{"joust-analyze-outcomes.csv"};
    joust::log_options options{.columns = {.exposures = exposures.path,
                                           .outcomes = outcomes.path,
                                           .key = "user",
                                           .arm = "arm",
                                           .time = "time",
                                           .outcome_time = "time",
                                           .metric = "metric"},
                               .metrics = {{.name = "click", .converts = true, .matures_after = window}},
                               .judgement = {.name = "made", .champion = "old", .shares = {0.5, 0.5}}};
    joust::report first;
    for (const bool sorted : {false, true}) {
        write_rows(exposures.path, "user,arm,time", log.exposures, sorted);
        write_rows(outcomes.path, "user,metric,value,time", log.outcomes, sorted);
        for (const std::size_t memory : {std::size_t{1} << 30, std::size_t{1} << 16}) {
            options.sorted = sorted;
            options.memory = memory;
            const joust::report seen = joust::analyze_log(options);
            REQUIRE(seen.metrics.front().metric == "click");
            const auto rate = [&](const char* arm) {
                return log.expected.at(arm).second / log.expected.at(arm).first;
            };
            CHECK(seen.metrics.front().champion == Catch::Approx(rate("old")).epsilon(1e-9));
            CHECK(seen.metrics.front().challenger == Catch::Approx(rate("new")).epsilon(1e-9));
            CHECK(counted(seen, "exposures whose window") == log.young);
            CHECK(counted(seen, "outcomes after the window") == log.late);
            CHECK(counted(seen, "outcomes before") == log.early);
            CHECK(log.young > 0);
            CHECK(log.late > 0);
            CHECK(log.early > 0);
            CHECK(seen.arms[0].requests + seen.arms[1].requests == 3'000);
            if (first.metrics.empty()) {
                first = seen;
            }
            check_alike(first, seen);
        }
    }
}

TEST_CASE("what does not fit together in a log is counted or refused", "[analyze]")
{
    const temporary_file exposures{"joust-analyze-exposures.csv"};
    const temporary_file outcomes{"joust-analyze-outcomes.csv"};
    joust::write_file(exposures.path, "user,arm,propensity,time\n"
                                      "a,x,0.5,1\n"
                                      "b,y,0.5,2\n"
                                      "b,x,0.5,3\n"
                                      "c,,0.5,4\n"
                                      "d,y,0.5,2026-11-30T12:00:00Z\n");
    joust::write_file(outcomes.path, "user,metric,value\na,click,1\nb,other,1\nz,click,1\n");
    joust::log_options options{.columns = {.exposures = exposures.path,
                                           .outcomes = outcomes.path,
                                           .key = "user",
                                           .propensity = "propensity",
                                           .time = "time",
                                           .metric = "metric"},
                               .metrics = {{.name = "click"}},
                               .judgement = {.name = "made"}};
    for (const bool sorted : {false, true}) {
        options.sorted = sorted;
        const joust::report seen = joust::analyze_log(options);
        CHECK(counted(seen, "rows without") == 1);
        CHECK(counted(seen, "further exposures of a key (") == 1);
        CHECK(counted(seen, "further exposures of a key in another arm") == 1);
        CHECK(counted(seen, "outcomes without an exposure") == 1);
        CHECK(counted(seen, "outcomes of other metrics") == 1);
    }

    options.until = 2.5;
    options.sorted = false;
    const joust::report ended = joust::analyze_log(options);
    CHECK(counted(ended, "rows after the end") == 2);
    CHECK(counted(ended, "further exposures") == 0);
    options.until = std::numeric_limits<double>::quiet_NaN();
    options.sorted = true;

    joust::write_file(outcomes.path, "user,metric,value\nb,click,1\na,click,1\n");
    CHECK_THROWS_WITH(
        joust::analyze_log(options),
        outcomes.path +
            " line 3: the column \"user\" is \"a\" and comes after a larger one: sort the file by it with LC_ALL=C sort, or join it unsorted");
    options.sorted = false;
    const auto complaint = [&](const std::string& row) {
        joust::write_file(exposures.path, "user,arm,propensity,time\na,x,0.5,1\n" + row + "\n");
        try {
            (void)joust::analyze_log(options);
        } catch (const std::exception& wrong) {
            return std::string{wrong.what()};
        }
        return std::string{"none"};
    };
    const std::string at = exposures.path + " line 3: the column ";
    CHECK(complaint("b,y,1.5,1") == at + "\"propensity\" is not a probability above 0 and up to 1");
    CHECK(complaint("b,y,,1") == at + "\"propensity\" is not a probability above 0 and up to 1");
    CHECK(complaint("b,y,0.5,noon") ==
          at + "\"time\" is \"noon\", which is neither a number nor a time such as 2026-11-30T12:00:00Z");
    CHECK(complaint("b,x,0.5,1") ==
          "the arms of the log is 'x' alone; allowed: two arms or more, which can be compared");
    CHECK(
        complaint("b,y,0.5,1\nc,z,0.5,1") ==
        "propensity is given for more than two arms; allowed: a propensity in every row of a log with two arms, or constant shares without that column");
    std::string many = "b,y,0.5,1";
    for (int i = 0; i < 15; ++i) {
        many += "\nc,arm" + std::to_string(i) + ",0.5,1";
    }
    CHECK(
        complaint(many) ==
        exposures.path +
            " line 18: the column \"arm\" has more than 16 different values: is it the column of the arms?");
    options.metrics.clear();
    CHECK(complaint("b,y,0.5,1") == "metrics is none; allowed: a metric to compare, at least one");
}

TEST_CASE("times are read as numbers and as ISO 8601", "[analyze]")
{
    const auto seconds = [](std::string_view text, double unit = 1.0) {
        return joust::detail::seconds_of(text, unit);
    };
    CHECK(seconds("0") == 0.0);
    CHECK(seconds("1500", 1e-3) == 1.5);
    CHECK(seconds("1970-01-01") == 0.0);
    CHECK(seconds("2000-03-01T00:00:00Z") == 951'868'800.0);
    CHECK(seconds("2026-11-30T12:34:56.5Z") == 1'796'042'096.5);
    CHECK(seconds("2026-11-30 12:34:56+02:00") == 1'796'034'896.0);
    CHECK(seconds("2026-11-30T12:34:56-01:30") == 1'796'047'496.0);
    for (const char* const bad : {"", "x", "2026-13-01", "2026-11-32", "2026-11-30T", "2026-11-30T25:00:00Z",
                                  "2026-11-30T12:34:56x", "2026-11-30T12:34:56+2", "2026/11/30"}) {
        CAPTURE(bad);
        CHECK(std::isnan(seconds(bad)));
    }
}

TEST_CASE("a ramp in a log is weighted by its propensities", "[analyze]")
{
    // The level falls from 0.8 to 0.2 while the share rises from 0.1 to 0.9; the models are equal.
    const temporary_file exposures{"joust-analyze-exposures.csv"};
    std::string text = "user,arm,propensity,click\n";
    for (std::uint64_t i = 0; i < 8'000; ++i) {
        const double share = i < 4'000 ? 0.1 : 0.9;
        const bool challenger = uniform(2 * i) < share;
        const bool click = uniform(2 * i + 1) < (i < 4'000 ? 0.8 : 0.2);
        text += std::to_string(i) + (challenger ? ",new," : ",old,") +
                (challenger == (share > 0.5) ? "0.9," : "0.1,") + (click ? "1\n" : "0\n");
    }
    joust::write_file(exposures.path, text);
    joust::log_options options{
        .columns = {.exposures = exposures.path, .key = "user", .propensity = "propensity"},
        .metrics = {{.name = "click", .per_observed = true}},
        .judgement = {.name = "ramp", .design = joust::log_design::fixed_horizon, .champion = "old"}};
    const joust::report seen = joust::analyze_log(options);
    CHECK(seen.metrics.front().lower < 0.0);
    CHECK(seen.metrics.front().upper > 0.0);
    CHECK(seen.metrics.front().upper - seen.metrics.front().lower < 0.15);
    CHECK(seen.metrics.front().unit == "%");
    CHECK(seen.arms[1].share == Catch::Approx(0.9));
}
