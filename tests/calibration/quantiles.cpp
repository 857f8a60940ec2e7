// SPDX-License-Identifier: Apache-2.0

// Quantiles in trials: does the test of the threshold keep its error rate while shares ramp, users return and outcomes drift, and
// does the interval in the units of the metric cover?
//
// Each run ramps from 1 % to 50 % over 40,000 requests of returning users, with a look every 100 requests (or as stated).
// The champion's first 1,000 values fix the threshold c. `rejects` is the share of runs that reject the tested null, which is
// true, at any look; `misses` the share in which the interval excludes, at any look, how far the quantile moved at the
// level of c. `at q` is the same for the quantile of the metric, which c estimates; nothing is promised for it.
// `width` is the mean half-width at the end, `error` the root mean squared error of the estimate there. Rows with "fixed"
// have one look, at the end, by fixed_horizon; `power` rows have an effect, so that their rejections are power.
//
// The program fails if rejects or misses exceed what 5 % allows (99.9 % limit of that many runs). JOUST_CALIBRATE=full runs 160 times
// as many. The arguments are another seed, another number of runs, and a text that the names of the rows to run contain.

#include <joust/core/hash.hpp>
#include <joust/core/random.hpp>
#include <joust/evidence/live_quantile.hpp>
#include <joust/inference/always_valid.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/trial/detail/decide.hpp>

#include "calibration/limit.hpp"
#include "calibration/ramp.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string_view>
#include <vector>

namespace {

using namespace joust;
using joust_test::drift;
using joust_test::ramp_shares;

constexpr double alpha = 0.05;

/// A user: what stays from visit to visit.
struct user {
    /// of the hash, which decides the arm
    double position;
    double effect;
    std::uint64_t pseudonym;
};

struct scenario {
    const char* name;
    double q;
    std::function<double(const user&, bool challenger, double progress, keyed_random&)> draw;
    /// how far the quantile moved at the threshold
    std::function<double(double threshold)> truth;
    /// and where it was asked for, if that is known
    double truth_at_q = stats::not_a_number;
    bool power = false;
    bool guards = false;
    detail::bound limit{};
    /// how much oftener a challenger's value comes, of 0.5
    double more_observed = 0.0;
    bool reacts = false;
    bool fixed = false;
    /// of a user, on average
    int visits = 5;
    int requests = 40'000;
    int look_every = 100;
    int runs_divisor = 1;
};

struct outcome {
    bool rejects = false;
    bool misses = false;
    bool misses_at_q = false;
    double width = 0.0;
    double error = 0.0;
};

/// Add an observation to a series as the definition of the sums says.
void add(bucket_sums& sums, const user& u, bool challenger, const detail::pair_share& share, double x)
{
    const std::size_t bucket = detail::bucket_of(u.pseudonym);
    (challenger ? sums.challenger : sums.champion)[bucket] +=
        (challenger ? 1.0 - share.challenger : share.challenger) * x;
    (challenger ? sums.challenger_root : sums.champion_root)[bucket] += share.root * x;
    ++(challenger ? sums.challenger_count : sums.champion_count);
    sums.expected += x != 0.0 ? share.challenger : 0.0;
}

outcome run(const scenario& s, std::uint64_t seed, std::uint64_t stream)
{
    keyed_random random{seed, stream};
    std::vector<user> users(static_cast<std::size_t>(s.requests / s.visits));
    for (user& u : users) {
        u = {random.uniform(), random.normal(),
             mix64(stream * 1'000'000 + static_cast<std::uint64_t>(&u - users.data()))};
    }
    constexpr std::size_t exceeding = 2;
    constexpr std::size_t observed = 3;
    pair_evidence pair;
    pair.series.assign(4, bucket_sums{bucket_count});
    detail::metric_spec spec;
    spec.role = s.guards ? detail::metric_spec::part::guardrail : detail::metric_spec::part::primary;
    spec.series = exceeding;
    spec.denominator = observed;
    spec.limit = s.limit;
    spec.quantile = 0;
    spec.q = s.q;
    detail::live_quantile live;
    live.watch({.q = s.q, .limit = s.limit}, 1);
    quantile_evidence values;
    test_memory memory;
    question asked{.alpha = alpha};
    if (s.guards) {
        asked.alternative = s.limit.harm_is_up ? stats::side::greater : stats::side::less;
    }
    outcome out;
    const double stage_length = static_cast<double>(s.requests) / ramp_shares.size();
    std::size_t stage = 0;
    double stage_begun = 0.0;
    double direction = 0.0;
    for (int i = 0; i < s.requests; ++i) {
        const double factor = !s.reacts || direction == 0.0 ? 1.0 : direction > 0.0 ? 0.5 : 1.5;
        if (stage + 1 < ramp_shares.size() && i >= stage_begun + factor * stage_length) {
            ++stage;
            stage_begun = i;
        }
        const double progress = static_cast<double>(i) / s.requests;
        const auto share = detail::pair_share::of(1.0 - ramp_shares[stage], ramp_shares[stage]);
        const user& u = users[random.below(users.size())];
        const bool challenger = u.position < ramp_shares[stage];
        const double value = s.draw(u, challenger, progress, random);
        add(pair.series[detail::exposure_series], u, challenger, share, 1.0);
        if (s.more_observed == 0.0 || random.chance(challenger ? 0.5 + s.more_observed : 0.5)) {
            const double counted = live.take(challenger ? 1 : 0, std::array{share}, value);
            if (!std::isnan(counted)) {
                add(pair.series[exceeding], u, challenger, share, counted);
                add(pair.series[observed], u, challenger, share, 1.0);
            }
        }
        const bool last = i + 1 == s.requests;
        if (!last && (s.fixed || (i + 1) % s.look_every != 0)) {
            continue;
        }
        const look at{.sums = detail::sums_of(pair, spec, detail::exposure_series),
                      .expected_events = pair.series[exceeding].expected,
                      .exposures = i + 1.0,
                      .planned_information = 0.25 * s.requests};
        inference answer = s.fixed ? fixed_horizon{.units = 1.0 * s.requests}.infer(at, asked, memory)
                                   : always_valid{}.infer(at, asked, memory);
        if (answer.state != status::ok) {
            continue;
        }
        out.rejects = out.rejects || answer.rejects(alpha);
        direction = answer.estimate;
        if (!last && (i + 1) % 100 != 0) {
            continue;
        }
        live.collect(values);
        detail::answer_in_values(answer, values, pair, 0, spec);
        const double truth = s.truth(values.lowest);
        out.misses = out.misses || truth < answer.lower || truth > answer.upper;
        out.misses_at_q = out.misses_at_q || s.truth_at_q < answer.lower || s.truth_at_q > answer.upper;
        if (last) {
            out.width = 0.5 * (answer.upper - answer.lower);
            out.error = answer.estimate - truth;
        }
    }
    return out;
}

std::vector<scenario> scenarios()
{
    // Half of the variance of the logarithm is between users.
    const auto lognormal = [](double ratio, double swing = 0.5) {
        return [=](const user& u, bool challenger, double progress, keyed_random& random) {
            return (challenger ? ratio : 1.0) * std::exp(std::sqrt(0.5) * (u.effect + random.normal())) *
                   (1.0 + swing * drift(progress));
        };
    };
    const auto shifted = [](double effect) {
        return [=](const user& u, bool challenger, double progress, keyed_random& random) {
            return u.effect + random.normal() + drift(progress) + (challenger ? effect : 0.0);
        };
    };
    const auto levels = [](const user& u, bool, double progress, keyed_random& random) {
        return std::floor(std::exp(0.5 * (u.effect + random.normal())) * (3.0 + drift(progress)));
    };
    const auto unmoved = [](double) { return 0.0; };
    const auto by = [](double distance) { return [=](double) { return distance; }; };
    const auto times = [](double ratio) { return [=](double c) { return (ratio - 1.0) * c; }; };
    const double p90 = std::exp(1.2815515655446004);  // of the lognormal without a trend
    std::vector<scenario> all;
    all.push_back({"p90, lognormal", 0.9, lognormal(1.0), unmoved, 0.0});
    all.push_back({"p50, lognormal", 0.5, lognormal(1.0), unmoved, 0.0});
    all.push_back({"p99, lognormal", 0.99, lognormal(1.0), unmoved, 0.0});
    all.push_back({"p10, lognormal", 0.1, lognormal(1.0), unmoved, 0.0});
    all.push_back({"p90, a few levels", 0.9, levels, unmoved, 0.0});
    all.push_back({"p90, shares react", 0.9, lognormal(1.0), unmoved, 0.0});
    all.back().reacts = true;
    all.push_back({"p90, more observed", 0.9, lognormal(1.0), unmoved, 0.0});
    all.back().more_observed = 0.1;
    all.push_back({"p90, 400 users", 0.9, lognormal(1.0), unmoved, 0.0});
    all.back().visits = 100;
    all.push_back({"p90, a look at every request", 0.9, lognormal(1.0), unmoved, 0.0});
    all.back().requests = 10'000;
    all.back().look_every = 1;
    all.back().runs_divisor = 4;
    all.push_back({"guardrail p90, ratio at 1.2", 0.9, lognormal(1.2), by(1.2), 1.2});
    all.back().guards = true;
    all.back().limit = {true, true, 1.2};
    all.push_back({"guardrail p90, increase at 0.3", 0.9, shifted(0.3), by(0.3), 0.3});
    all.back().guards = true;
    all.back().limit = {true, false, 0.3};
    all.push_back({"guardrail p10, decrease at 0.3", 0.1, shifted(-0.3), by(-0.3), -0.3});
    all.back().guards = true;
    all.back().limit = {false, false, -0.3};
    const std::size_t effects = all.size();
    all.push_back({"power: p90 moved by 0.2", 0.9, shifted(0.2), by(0.2), 0.2});
    all.push_back({"power: p90 x 1.2", 0.9, lognormal(1.2, 0.0), times(1.2), 0.2 * p90});
    all.push_back({"power: p90 x 0.6", 0.9, lognormal(0.6, 0.0), times(0.6), -0.4 * p90});
    all.push_back({"power: p90 x 2", 0.9, lognormal(2.0, 0.0), times(2.0), p90});
    const std::size_t once = all.size();
    all.push_back({"fixed: p90, lognormal", 0.9, lognormal(1.0), unmoved, 0.0});
    all.push_back({"fixed: p50, lognormal", 0.5, lognormal(1.0), unmoved, 0.0});
    all.push_back({"fixed power: p90 x 1.2", 0.9, lognormal(1.2, 0.0), times(1.2), 0.2 * p90});
    all.push_back({"fixed power: p90 x 0.6", 0.9, lognormal(0.6, 0.0), times(0.6), -0.4 * p90});
    all.push_back({"fixed power: p90 x 2", 0.9, lognormal(2.0, 0.0), times(2.0), p90});
    for (std::size_t i = effects; i < all.size(); ++i) {
        all[i].fixed = i >= once;
        all[i].power = i < once || i >= once + 2;
    }
    return all;
}

}  // namespace

int main(int count, char** arguments)
{
    const bool full = joust_test::full_calibration();
    const std::uint64_t seed = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 20'261'126;
    const int most = count > 2 ? std::atoi(arguments[2]) : full ? 1'000 : 6;
    std::printf("quantiles while shares ramp from 1 to 50 %% and outcomes drift, alpha 5 %%, seed %llu\n",
                static_cast<unsigned long long>(seed));
    std::printf("%-32s %6s %8s %8s %8s %8s %9s %9s\n", "quantile and data", "runs", "rejects", "misses",
                "at q", "allowed", "width", "error");
    const std::string_view only = count > 3 ? arguments[3] : "";
    int failures = 0;
    std::uint64_t stream = 0;
    for (const scenario& s : scenarios()) {
        if (std::string_view{s.name}.find(only) == std::string_view::npos) {
            continue;
        }
        const int runs = std::max(most / s.runs_divisor, 4);
        int rejected = 0;
        int missed = 0;
        int missed_at_q = 0;
        double width = 0.0;
        double square = 0.0;
        for (int r = 0; r < runs; ++r) {
            const outcome out = run(s, seed, ++stream);
            rejected += out.rejects ? 1 : 0;
            missed += out.misses ? 1 : 0;
            missed_at_q += out.misses_at_q ? 1 : 0;
            width += out.width / runs;
            square += out.error * out.error / runs;
        }
        const int allowed = joust_test::limit_of(runs, alpha);
        std::printf("%-32s %6d %8.1f %8.1f %8.1f %8.1f %9.4f %9.4f\n", s.name, runs, 100.0 * rejected / runs,
                    100.0 * missed / runs, 100.0 * missed_at_q / runs, 100.0 * allowed / runs, width,
                    std::sqrt(square));
        std::fflush(stdout);
        failures += (rejected > allowed && !s.power) || missed > allowed ? 1 : 0;
    }
    if (failures > 0) {
        std::printf("%d rows do not keep their promise\n", failures);
        return 1;
    }
    return 0;
}
