// SPDX-License-Identifier: Apache-2.0

// How often does a whole canary promote a harmful challenger, how long does a healthy one take, and what does harm cost before it is
// stopped? Every rollout goes through the public API: three guardrails (failures, accuracy of 80 % with 2 points, the 95th
// percentile of the latency), a ramp preset without its least times, feedback for each request.
//
// The world: 20,000 users that come back, of whom every twentieth fails 10 times as often; failures that grow to twice as many within
// 100,000 requests, with a swing of 30 %; wrong answers that differ by user; lognormal latency, half of whose variance is of the
// user. A rollout that is still open after 300,000 requests (400,000 for the cautious preset) counts as not shipped.
//
// Beside the presets stand three other controllers: one that promotes while nothing is proved; one that pools all requests of both
// arms so far and compares them by a z test at every look (one-sided 5 %, 500 requests of the challenger a stage); and one that
// compares point estimates of each minute with thresholds from outside, as deployment controllers do (failures at most 0.5 points or
// x 1.5, the larger, wrong answers at most 2 points more, the 95th percentile at most x 1.2; a minute that passes
// begins the next stage, and the second one in a row that does not rolls back). The program fails where a challenger at or beyond what has to be excluded ships more often than the preset's
// error rate allows, or where an identical one is rolled back more often. JOUST_CALIBRATE=full runs 10,000 rollouts a cell.
// Arguments: another number of rollouts, the name of one challenger ("" for all), and the name of one controller.

#include <joust/core/clock.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/random.hpp>
#include <joust/trial/canary.hpp>

#include "calibration/limit.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace joust;

struct challenger {
    const char* name;
    double failures;
    double failures_ratio = 1.0;
    double failures_more = 0.0;
    double accuracy_loss = 0.0;
    double slower = 1.0;
    bool frailty = true;
    /// Whether the challenger is at or beyond the harm that the cautious, standard and fast preset exclude.
    std::array<bool, 3> harmful{};
};

const std::array challengers{
    challenger{.name = "identical, failures 0", .failures = 0.0},
    challenger{.name = "identical, 1e-4", .failures = 1e-4},
    challenger{.name = "identical, 1e-3", .failures = 1e-3},
    challenger{.name = "identical, 1 %", .failures = 0.01},
    challenger{.name = "identical, 5 %, equal users", .failures = 0.05, .frailty = false},
    challenger{
        .name = "x 1.5 at 1 %", .failures = 0.01, .failures_ratio = 1.5, .harmful = {true, true, false}},
    challenger{.name = "x 2 at 1 %", .failures = 0.01, .failures_ratio = 2.0, .harmful = {true, true, true}},
    challenger{.name = "x 5 at 1 %", .failures = 0.01, .failures_ratio = 5.0, .harmful = {true, true, true}},
    challenger{
        .name = "x 5 at 1e-3", .failures = 1e-3, .failures_ratio = 5.0, .harmful = {true, false, false}},
    challenger{
        .name = "x 1.5 at 5 %", .failures = 0.05, .failures_ratio = 1.5, .harmful = {true, true, false}},
    challenger{
        .name = "+ 1 point at 1e-4", .failures = 1e-4, .failures_more = 0.01, .harmful = {true, true, true}},
    challenger{.name = "accuracy - 1", .failures = 1e-3, .accuracy_loss = 0.01},
    challenger{
        .name = "accuracy - 2", .failures = 1e-3, .accuracy_loss = 0.02, .harmful = {true, true, true}},
    challenger{
        .name = "accuracy - 3", .failures = 1e-3, .accuracy_loss = 0.03, .harmful = {true, true, true}},
    challenger{
        .name = "accuracy - 5", .failures = 1e-3, .accuracy_loss = 0.05, .harmful = {true, true, true}},
    challenger{.name = "latency x 1.1", .failures = 1e-3, .slower = 1.1, .harmful = {true, false, false}},
    challenger{.name = "latency x 1.2", .failures = 1e-3, .slower = 1.2, .harmful = {true, true, false}},
    challenger{.name = "latency x 1.5", .failures = 1e-3, .slower = 1.5, .harmful = {true, true, true}},
    challenger{.name = "x 2, - 3 and x 1.2",
               .failures = 0.01,
               .failures_ratio = 2.0,
               .accuracy_loss = 0.03,
               .slower = 1.2,
               .harmful = {true, true, true}}};

enum class controller { joust, pooled_z, point_estimates };

struct preset {
    const char* name;
    ramp steps;
    double latency_margin;
    int most;
    controller by = controller::joust;
};

ramp without_least_times(ramp steps)
{
    steps.seconds = steps.total_seconds = 0.0;
    steps.approve_from = 2.0;
    return steps;
}

ramp while_nothing_is_proved()
{
    ramp steps{.requests = 200};
    steps.promote = on_no_harm;
    return steps;
}

struct outcome {
    bool shipped = false;
    bool rolled_back = false;
    int requests = 0;
    double extra_failures = 0.0;
    double extra_wrong = 0.0;
};

constexpr std::uint64_t users = 20'000;

/// Properties of a user that do not change within a rollout.
struct person {
    double fails;
    double wrong;
    double slow;
};

std::vector<person> people_of(std::uint64_t run, bool frailty)
{
    std::vector<person> all;
    all.reserve(users);
    keyed_random random{20'261'201, run};
    for (std::uint64_t u = 0; u < users; ++u) {
        const bool fragile = random.chance(0.05);
        all.push_back({.fails = !frailty  ? 1.0
                                : fragile ? 10.0 / 1.45
                                          : 1.0 / 1.45,
                       .wrong = 0.5 + random.uniform(),
                       .slow = random.normal()});
    }
    return all;
}

/// What became of one request.
struct served_request {
    bool failed;
    double milliseconds;
    bool right;
};

/// A rollout by this library.
template <class Trial>
class by_joust {
public:
    by_joust(Trial& trial, manual_time& time) : trial_(trial), time_(time) {}

    unsigned arm_of(std::uint64_t unit)
    {
        time_.advance(10'000'000);  // 100 requests a second
        given_ = trial_.choose(unit);
        return given_.arm();
    }
    void take(unsigned, const served_request& seen)
    {
        trial_.complete(given_, std::chrono::nanoseconds{static_cast<std::int64_t>(1e6 * seen.milliseconds)},
                        !seen.failed);
        trial_.template observe<"right">(given_, seen.right);
    }
    [[nodiscard]] bool shipped() const { return trial_.finished(); }
    [[nodiscard]] bool rolled_back() const { return trial_.rolled_back(); }

private:
    Trial& trial_;
    manual_time& time_;
    ticket given_;
};

constexpr std::array standard_shares{0.01, 0.05, 0.25, 0.5, 1.0};

/// What a controller without this library counts of one arm.
struct arm_counts {
    double requests = 0.0;
    double failures = 0.0;
    double wrong = 0.0;
    double log_sum = 0.0;
    double log_squares = 0.0;
    std::vector<double> milliseconds;

    void take(const served_request& seen)
    {
        requests += 1.0;
        failures += seen.failed ? 1.0 : 0.0;
        wrong += seen.right ? 0.0 : 1.0;
        const double log = std::log(seen.milliseconds);
        log_sum += log;
        log_squares += log * log;
    }
    [[nodiscard]] double p95() const
    {
        std::vector<double> sorted = milliseconds;
        const auto at =
            sorted.begin() + static_cast<std::ptrdiff_t>(0.95 * static_cast<double>(sorted.size()));
        std::nth_element(sorted.begin(), at, sorted.end());
        return *at;
    }
};

/// The parts of controllers without this library: sticky units on a nested ramp.
class by_shares {
public:
    explicit by_shares(std::uint64_t run) : run_(run) {}

    [[nodiscard]] unsigned arm_of(std::uint64_t unit) const
    {
        const double place = static_cast<double>(mix64(unit ^ mix64(run_ + 77)) >> 11) * 0x1p-53;
        return place < standard_shares[stage_] ? 1 : 0;
    }
    [[nodiscard]] bool shipped() const { return stage_ + 1 == standard_shares.size(); }
    [[nodiscard]] bool rolled_back() const { return stopped_; }

protected:
    std::uint64_t run_;
    std::size_t stage_ = 0;
    bool stopped_ = false;
};

/// All requests so far are pooled, and a z test is made every 100 requests of the challenger.
class by_pooled_z : public by_shares {
public:
    using by_shares::by_shares;

    void take(unsigned arm, const served_request& seen)
    {
        of_[arm].take(seen);
        in_stage_ += arm;
        if (arm == 0 || in_stage_ % 100 != 0) {
            return;
        }
        const double n1 = of_[1].requests;
        const double n0 = of_[0].requests;
        const auto rates = [&](double x1, double x0) {
            const double p = (x1 + x0) / (n1 + n0);
            return (x1 / n1 - x0 / n0) / std::sqrt(std::fmax(p * (1.0 - p), 1e-12) * (1.0 / n1 + 1.0 / n0));
        };
        const auto variance = [](const arm_counts& arm_counted) {
            const double mean = arm_counted.log_sum / arm_counted.requests;
            return (arm_counted.log_squares / arm_counted.requests - mean * mean) / arm_counted.requests;
        };
        const double slower = (of_[1].log_sum / n1 - of_[0].log_sum / n0) /
                              std::sqrt(std::fmax(variance(of_[1]) + variance(of_[0]), 1e-12));
        constexpr double critical = 1.645;
        stopped_ = rates(of_[1].failures, of_[0].failures) > critical ||
                   rates(of_[1].wrong, of_[0].wrong) > critical || slower > critical;
        if (!stopped_ && in_stage_ >= 500) {
            ++stage_;
            in_stage_ = 0;
        }
    }

private:
    std::array<arm_counts, 2> of_{};
    unsigned in_stage_ = 0;
};

/// The point estimates of each minute are compared with thresholds.
class by_point_estimates : public by_shares {
public:
    using by_shares::by_shares;

    void take(unsigned arm, const served_request& seen)
    {
        of_[arm].take(seen);
        of_[arm].milliseconds.push_back(seen.milliseconds);
        constexpr int minute = 6'000;
        if (++requests_ % minute != 0) {
            return;
        }
        const arm_counts& champion = of_[0];
        const arm_counts& challenger = of_[1];
        bool good = challenger.requests > 0.0 && champion.requests > 0.0;
        if (good) {
            const double base = champion.failures / champion.requests;
            good = challenger.failures / challenger.requests <= std::fmax(base + 0.005, 1.5 * base) &&
                   challenger.wrong / challenger.requests <= champion.wrong / champion.requests + 0.02 &&
                   challenger.p95() <= 1.2 * champion.p95();
        }
        stage_ += good ? 1 : 0;
        stopped_ = !good && bad_before_;
        bad_before_ = !good;
        of_ = {};
    }

private:
    std::array<arm_counts, 2> of_{};
    int requests_ = 0;
    bool bad_before_ = false;
};

template <class Controller>
outcome roll_out_by(Controller&& by, const challenger& what, int most, std::uint64_t run)
{
    keyed_random random{7'001, run};
    const std::vector<person> people = people_of(run, what.frailty);
    outcome out;
    for (; out.requests < most && !by.shipped() && !by.rolled_back(); ++out.requests) {
        const double n = out.requests;
        const double drift =
            (1.0 + std::fmin(1.0, n / 100'000.0)) * (1.0 + 0.3 * std::sin(n / 20'000.0 * 6.2832));
        const std::uint64_t unit = random.below(users);
        const person& who = people[unit];
        const unsigned arm = by.arm_of(unit);
        const bool harmed = arm == 1;
        const double base = what.failures * drift * who.fails;
        const double risk = harmed ? base * what.failures_ratio + what.failures_more : base;
        const double u = random.uniform();
        const double milliseconds = 10.0 * std::exp(0.5 * 0.70710678 * (who.slow + random.normal())) *
                                    (1.0 + 0.3 * std::sin(n / 20'000.0 * 6.2832)) *
                                    (harmed ? what.slower : 1.0);
        const double wrong = 0.2 * who.wrong;
        const double v = random.uniform();
        by.take(arm, {.failed = u < risk,
                      .milliseconds = milliseconds,
                      .right = v >= wrong + (harmed ? what.accuracy_loss : 0.0)});
        out.extra_failures += harmed && u < risk && u >= base ? 1.0 : 0.0;
        out.extra_wrong += harmed && v >= wrong && v < wrong + what.accuracy_loss ? 1.0 : 0.0;
    }
    out.shipped = by.shipped();
    out.rolled_back = by.rolled_back();
    return out;
}

outcome roll_out(const challenger& what, const preset& how, std::uint64_t run)
{
    if (how.by == controller::pooled_z) {
        return roll_out_by(by_pooled_z{run}, what, how.most, run);
    }
    if (how.by == controller::point_estimates) {
        return roll_out_by(by_point_estimates{run}, what, how.most, run);
    }
    manual_time time;
    canary trial{model{"old", [](std::uint64_t) { return 0; }},
                 model{"new", [](std::uint64_t) { return 1; }},
                 by([](std::uint64_t unit) { return unit; }),
                 hash_split{.salt = "rollout-" + std::to_string(run)},
                 guardrail(conversion<"right">{}, {.max_decrease = 0.02}),
                 guardrail(latency{.q = 0.95}, {.max_ratio = how.latency_margin}),
                 how.steps,
                 time.view()};
    return roll_out_by(by_joust{trial, time}, what, how.most, run);
}

}  // namespace

int main(int count, char** arguments)
{
    const int runs = count > 1 ? std::atoi(arguments[1]) : joust_test::full_calibration() ? 10'000 : 2;
    const std::string only = count > 2 ? arguments[2] : "";
    // A breach is a change beyond what has to be excluded, so that only promotion is measured there.
    const std::array presets{preset{"cautious", without_least_times(ramp::cautious()), 1.1, 400'000},
                             preset{"standard", without_least_times(ramp::standard()), 1.2, 300'000},
                             preset{"fast", without_least_times(ramp::fast()), 1.3, 300'000},
                             preset{"no harm proved", while_nothing_is_proved(), 1.2, 300'000},
                             preset{"pooled z", {}, 1.2, 300'000, controller::pooled_z},
                             preset{"point estimates", {}, 1.2, 300'000, controller::point_estimates}};
    int failures = 0;
    std::printf(
        "%d rollouts a cell: shipped %%; requests until promotion, median (p90); more failures [wrong answers] before the "
        "stop; rolled back %%\n",
        runs);
    for (const challenger& what : challengers) {
        if (!only.empty() && only != what.name) {
            continue;
        }
        std::printf("%-28s", what.name);
        for (std::size_t p = 0; p < presets.size(); ++p) {
            // The short form runs the standard preset on five challengers.
            const bool own = presets[p].by == controller::joust;
            const bool shortened = runs < 20 && own && (p != 1 || (&what - challengers.data()) % 4 != 0);
            if (shortened || (count > 3 && std::string{presets[p].name} != arguments[3])) {
                continue;
            }
            int shipped = 0;
            int rolled_back = 0;
            std::vector<int> requests;
            double failed = 0.0;
            double wrong = 0.0;
            for (int run = 0; run < runs; ++run) {
                const outcome one = roll_out(what, presets[p], static_cast<std::uint64_t>(run));
                shipped += one.shipped ? 1 : 0;
                rolled_back += one.rolled_back ? 1 : 0;
                if (one.shipped) {
                    requests.push_back(one.requests);
                }
                failed += one.extra_failures / runs;
                wrong += one.extra_wrong / runs;
            }
            std::sort(requests.begin(), requests.end());
            const auto at = [&requests](double q) {
                return requests.empty()
                           ? 0
                           : requests[static_cast<std::size_t>(q * static_cast<double>(requests.size() - 1))];
            };
            std::printf(" | %s %5.1f; %dk (%dk); %.0f [%.0f]; %.1f", presets[p].name, 100.0 * shipped / runs,
                        at(0.5) / 1'000, at(0.9) / 1'000, failed, wrong, 100.0 * rolled_back / runs);
            std::fflush(stdout);
            if (p < what.harmful.size()) {
                failures +=
                    what.harmful[p] && shipped > joust_test::limit_of(runs, presets[p].steps.beta) ? 1 : 0;
                const bool identical = what.failures_ratio == 1.0 && what.failures_more == 0.0 &&
                                       what.accuracy_loss == 0.0 && what.slower == 1.0;
                failures += identical && rolled_back > joust_test::limit_of(runs, 0.05) ? 1 : 0;
            }
        }
        std::printf("\n");
    }
    if (failures > 0) {
        std::printf("%d cells err more often than stated\n", failures);
        return 1;
    }
    return 0;
}
