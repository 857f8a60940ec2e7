// SPDX-License-Identifier: Apache-2.0

// How many false alarms does a monitor raise in a year, and how soon does it find a change, beside what other tools do?
//
// The first table: 20 normal features, 1,000 rows a day, a reference of 10,000 rows. Column "a year" is the mean number of alarms in a year without a
// change; the others are the days (median) until the first alarm after one feature moves by so many standard deviations on day 31, with the share of
// runs that find it within 120 days where it is below 1. The alarms of joust promise one false alarm in 20 years. The program fails where they raise more than
// chance allows.
//
// The second table: an error rate of 10 %, 1,000 runs. Column "in 1e4" is the share of streams of 10,000 rows without a change that raise an alarm, and the
// others are the mean delay after 5,000 quiet rows. An argument is the number of years, and of runs of each change.

#include <joust/core/random.hpp>
#include <joust/monitor/adwin.hpp>
#include <joust/monitor/alarm.hpp>
#include <joust/monitor/bins.hpp>
#include <joust/monitor/block_alarm.hpp>
#include <joust/monitor/box_alarm.hpp>
#include <joust/monitor/ddm.hpp>
#include <joust/monitor/drift.hpp>
#include <joust/monitor/page_hinkley.hpp>

#include "calibration/limit.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <numbers>
#include <string>
#include <vector>

namespace {

using namespace joust;
using counts = std::vector<std::uint64_t>;

constexpr std::size_t features = 20;
constexpr std::size_t rows_a_day = 1'000;
constexpr std::size_t reference_rows = 10'000;
constexpr int change_day = 30;
constexpr int days_after = 120;
constexpr double alarm_rows = 20.0 * 365.0 * static_cast<double>(rows_a_day);  // one false alarm in 20 years

enum rule : std::size_t { ks_5, ks_shared, psi_1, psi_2, w1_sd, joust_block, joust_box, joust_pair, rules };
constexpr std::array<const char*, rules> rule_names{"KS p < .05",
                                                    "KS p < .05 / 20",
                                                    "PSI > .1",
                                                    "PSI > .2",
                                                    "W1 / sd > .1",
                                                    "joust: monitor (block_alarm)",
                                                    "joust: box_alarm, tolerance 10 %",
                                                    "joust: two_sample_alarm, champion"};

// Two normal numbers by Box and Muller; the library's own draw only whole numbers, which takes longer.
class normals {
public:
    explicit normals(keyed_random& random) : random_(random) {}
    double operator()()
    {
        if (has_) {
            has_ = false;
            return second_;
        }
        const double r = std::sqrt(-2.0 * std::log(1.0 - random_.uniform()));
        const double angle = 2.0 * std::numbers::pi * random_.uniform();
        second_ = r * std::sin(angle);
        has_ = true;
        return r * std::cos(angle);
    }

private:
    keyed_random& random_;
    double second_ = 0.0;
    bool has_ = false;
};

struct distances {
    double ks = 0.0;
    double w1 = 0.0;
};

// Both samples sorted.
distances compare(const std::vector<double>& a, const std::vector<double>& b)
{
    distances d;
    std::size_t i = 0;
    std::size_t j = 0;
    double before = 0.0;
    double gap = 0.0;
    while (i < a.size() || j < b.size()) {
        const bool first = j == b.size() || (i < a.size() && a[i] <= b[j]);
        const double next = first ? a[i] : b[j];
        d.w1 += std::abs(gap) * (next - before);
        before = next;
        gap += first ? 1.0 / static_cast<double>(a.size()) : -1.0 / static_cast<double>(b.size());
        i += first ? 1 : 0;
        j += first ? 0 : 1;
        d.ks = std::max(d.ks, std::abs(gap));
    }
    return d;
}

struct column {
    std::vector<double> reference;
    double sd = 1.0;
    numeric_bins bins{0.0};
    counts learned;
    std::vector<block_alarm> block;
    std::vector<box_alarm> box;
    std::vector<two_sample_alarm> pair;
};

// Whether each rule raises an alarm on each day.
std::vector<std::array<bool, rules>> simulate(std::uint64_t run, int days, int change, double shift)
{
    keyed_random random{2026, run * 64 + static_cast<std::uint64_t>(100.0 * shift)};
    normals normal{random};
    std::vector<column> columns(features);
    for (std::size_t f = 0; f < features; ++f) {
        column& c = columns[f];
        c.reference.resize(reference_rows);
        double squares = 0.0;
        for (double& x : c.reference) {
            x = normal();
            squares += x * x;
        }
        c.sd = std::sqrt(squares / static_cast<double>(reference_rows));
        c.bins = numeric_bins::quantiles(c.reference);
        c.learned.assign(c.bins.cells(), 0);
        for (const double x : c.reference) {
            ++c.learned[c.bins.cell(x)];
        }
        std::sort(c.reference.begin(), c.reference.end());
        c.block.emplace_back(c.learned, c.bins.missing(), false_alarms::every(alarm_rows).shared_by(features),
                             1, f);
        c.box.emplace_back(c.learned, 0.1, false_alarms::every(alarm_rows).shared_by(features));
        c.pair.emplace_back(c.bins.cells(), false_alarms::every(20.0 * 365.0).shared_by(features));
    }
    std::vector<std::array<bool, rules>> alarms(static_cast<std::size_t>(days));
    std::vector<double> rows(rows_a_day);
    const double n = static_cast<double>(rows_a_day);
    const double m = static_cast<double>(reference_rows);
    const double critical = 1.3581 * std::sqrt((n + m) / (n * m));
    const double critical_shared = 1.7308 * std::sqrt((n + m) / (n * m));
    for (int day = 0; day < days; ++day) {
        std::array<bool, rules>& today = alarms[static_cast<std::size_t>(day)];
        for (std::size_t f = 0; f < features; ++f) {
            column& c = columns[f];
            counts live(c.bins.cells());
            counts champion(c.bins.cells());
            for (double& x : rows) {
                x = normal() + (f == 0 && day >= change ? shift : 0.0);
                ++live[c.bins.cell(x)];
                ++champion[c.bins.cell(normal())];
            }
            std::sort(rows.begin(), rows.end());
            const distances d = compare(c.reference, rows);
            const double psi = drift::psi_jeffreys(c.learned, live);
            today[ks_5] = today[ks_5] || d.ks > critical;
            today[ks_shared] = today[ks_shared] || d.ks > critical_shared;
            today[psi_1] = today[psi_1] || psi > 0.1;
            today[psi_2] = today[psi_2] || psi > 0.2;
            today[w1_sd] = today[w1_sd] || d.w1 / c.sd > 0.1;
            const auto raise = [&today](auto& alarm, rule which) {
                today[which] = today[which] || alarm.raised();
                if (alarm.raised()) {
                    alarm.restart();
                }
            };
            c.block[0].update(live);
            c.box[0].update(live);
            c.pair[0].update(live, champion);
            raise(c.block[0], joust_block);
            raise(c.box[0], joust_box);
            raise(c.pair[0], joust_pair);
        }
    }
    return alarms;
}

std::string in_words(std::vector<double> delays)
{
    std::sort(delays.begin(), delays.end());
    const auto found = std::count_if(delays.begin(), delays.end(), [](double d) { return d < 1e9; });
    const double share = static_cast<double>(found) / static_cast<double>(delays.size());
    char text[40];
    if (found == 0) {
        return "-";
    }
    const double median = delays[static_cast<std::size_t>(found) / 2];
    std::snprintf(text, sizeof text, share < 1.0 ? "%.0f (%.2f)" : "%.0f", median, share);
    return text;
}

bool years_table(int years, int days, int runs)
{
    std::array<double, rules> alarms{};
    for (int year = 0; year < years; ++year) {
        for (const auto& day : simulate(static_cast<std::uint64_t>(year), days, days, 0.0)) {
            for (std::size_t r = 0; r < rules; ++r) {
                alarms[r] += day[r] ? 1.0 : 0.0;
            }
        }
    }
    const double simulated = years * days / 365.0;
    constexpr std::array shifts{0.05, 0.1, 0.2, 0.5};
    std::array<std::array<std::vector<double>, shifts.size()>, rules> delays;
    for (std::size_t s = 0; s < shifts.size(); ++s) {
        for (int run = 0; run < runs; ++run) {
            const auto seen = simulate(100'000 + static_cast<std::uint64_t>(run), change_day + days_after,
                                       change_day, shifts[s]);
            for (std::size_t r = 0; r < rules; ++r) {
                double delay = 1e9;
                for (std::size_t day = change_day; day < seen.size(); ++day) {
                    if (seen[day][r]) {
                        delay = static_cast<double>(day) - change_day + 1.0;
                        break;
                    }
                }
                delays[r][s].push_back(delay);
            }
        }
    }
    std::printf(
        "Days with an alarm in %.1f simulated years, and days until a change of one of 20 features is found (%d runs)\n",
        simulated, runs);
    std::printf("%-36s %8s  %-11s %-11s %-11s %-11s\n", "rule", "a year", ".05 sd", ".1 sd", ".2 sd",
                ".5 sd");
    bool good = true;
    for (std::size_t r = 0; r < rules; ++r) {
        std::printf("%-36s %8.2f ", rule_names[r], alarms[r] / simulated);
        for (std::size_t s = 0; s < shifts.size(); ++s) {
            std::printf(" %-11s", in_words(delays[r][s]).c_str());
        }
        std::printf("\n");
        if (r >= joust_block) {
            const double expected = simulated / 20.0;
            good = good && alarms[r] <= expected + 3.1 * std::sqrt(expected) + 1.0;
        }
    }
    return good;
}

struct detector {
    const char* name;
    // The row that raises the first alarm after a given row, in a stream of error rates, or 1e9.
    std::function<double(keyed_random&, double, std::size_t, std::size_t)> first_alarm;
    double promised = 1.0;
};

template <class Make>
detector named(const char* name, Make make, double promised = 1.0)
{
    return {name,
            [make](keyed_random& random, double rate, std::size_t quiet, std::size_t rows) {
                auto alarm = make();
                for (std::size_t i = 0; i < rows; ++i) {
                    const bool raised = alarm(random.chance(i < quiet ? 0.1 : rate));
                    if (raised && i >= quiet) {
                        return static_cast<double>(i - quiet + 1);
                    }
                }
                return 1e9;
            },
            promised};
}

auto joust_rate(double every)
{
    return [every] {
        return [alarm = bernoulli_alarm{0.1, false_alarms::every(every)}](bool error) mutable {
            alarm.update(error);
            const bool raised = alarm.raised();
            if (raised) {
                alarm.restart();
            }
            return raised;
        };
    };
}

bool rates_table()
{
    const int runs = joust_test::full_calibration() ? 1'000 : 20;
    const auto update = [](auto detector) {
        return [detector](bool error) mutable { return detector.update(error); };
    };
    const std::vector<detector> all{
        named("ADWIN .002", [&] { return update(detectors::adwin{}); }),
        named("DDM", [&] { return update(detectors::ddm{}); }),
        named("Page-Hinkley 50", [&] { return update(detectors::page_hinkley{}); }),
        named("joust: bernoulli_alarm, every 1e5", joust_rate(1e5), 0.1),
        named("joust: bernoulli_alarm, every 1e6", joust_rate(1e6), 0.01)};
    std::printf(
        "\nAn error rate of .10: streams of 10,000 rows with an alarm, and mean rows until a higher rate is found (%d runs)\n",
        runs);
    std::printf("%-36s %8s %9s  %-13s %-13s %-13s\n", "rule", "in 1e4", "promised", ".12", ".15", ".20");
    bool good = true;
    for (const detector& each : all) {
        int false_ones = 0;
        for (int run = 0; run < runs; ++run) {
            keyed_random random{77, static_cast<std::uint64_t>(run)};
            false_ones += each.first_alarm(random, 0.1, 0, 10'000) < 1e9 ? 1 : 0;
        }
        std::printf("%-36s %8.3f %9s ", each.name, false_ones / static_cast<double>(runs),
                    each.promised < 1.0 ? std::to_string(each.promised).substr(0, 4).c_str() : "none");
        good = good && (each.promised == 1.0 || false_ones <= joust_test::limit_of(runs, each.promised));
        for (const double rate : {0.12, 0.15, 0.2}) {
            double sum = 0.0;
            int found = 0;
            for (int run = 0; run < runs; ++run) {
                keyed_random random{78, static_cast<std::uint64_t>(run)};
                const double delay = each.first_alarm(random, rate, 5'000, 25'000);
                found += delay < 1e9 ? 1 : 0;
                sum += delay < 1e9 ? delay : 0.0;
            }
            char text[40];
            std::snprintf(text, sizeof text, found < runs ? "%.0f (%.2f)" : "%.0f",
                          found > 0 ? sum / found : 0.0, found / static_cast<double>(runs));
            std::printf(" %-13s", text);
        }
        std::printf("\n");
    }
    return good;
}

}  // namespace

int main(int count, char** arguments)
{
    const bool full = joust_test::full_calibration();
    const int given = count > 1 ? std::atoi(arguments[1]) : 0;
    const int years = given > 0 ? given : full ? 1'000 : 1;
    const bool in_promise = years_table(years, full || given > 0 ? 365 : 60, years);
    const bool rates = rates_table();
    return in_promise && rates ? 0 : 1;
}
