// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/stats/sequential/randomised_bets.hpp>

#include "catch.hpp"

#include <array>
#include <cmath>
#include <limits>

using namespace joust;
using namespace joust::stats;

namespace {

/// The exact mean of the e-value over all courses of a few requests, whose rates may change from one to the next.
template <class EValue>
double mean_over_courses(int requests, double share, EValue e_value, double (*champion)(int),
                         double (*challenger)(int))
{
    double mean = 0.0;
    int courses = 1;
    for (int i = 0; i < requests; ++i) {
        courses *= 4;
    }
    for (int course = 0; course < courses; ++course) {
        double probability = 1.0;
        randomised_counts seen{.share = share};
        int rest = course;
        for (int i = 0; i < requests; ++i, rest /= 4) {
            const bool to_challenger = rest % 2 != 0;
            const bool event = rest % 4 >= 2;
            const double rate = to_challenger ? challenger(i) : champion(i);
            probability *= (to_challenger ? share : 1.0 - share) * (event ? rate : 1.0 - rate);
            (to_challenger ? seen.challenger : seen.champion) += 1.0;
            (to_challenger ? seen.challenger_events : seen.champion_events) += event ? 1.0 : 0.0;
        }
        mean += probability * std::exp(e_value(seen));
    }
    return mean;
}

double drifting(int i)
{
    return 0.1 + 0.05 * i;
}

}  // namespace

TEST_CASE("at the margin the e-values of bets have a mean of 1 over all courses, while rates drift")
{
    for (const double share : {0.05, 0.5, 0.9}) {
        INFO(share);
        const auto one = [](const auto& f) {
            return [f](const randomised_counts& c) { return f(std::array{c}); };
        };
        CHECK(mean_over_courses(6, share, one([](const auto& c) { return difference_bets_log_e(c, 0.2); }),
                                drifting,
                                [](int i) { return drifting(i) + 0.2; }) == Approx(1.0).epsilon(1e-12));
        CHECK(mean_over_courses(6, share, one([](const auto& c) { return difference_bets_log_e(c, 0.0); }),
                                drifting, drifting) == Approx(1.0).epsilon(1e-12));
        CHECK(mean_over_courses(
                  6, share, one([](const auto& c) { return difference_bets_log_e(c, 0.05, side::less); }),
                  [](int i) { return drifting(i) + 0.05; }, drifting) == Approx(1.0).epsilon(1e-12));
        CHECK(mean_over_courses(6, share, one([](const auto& c) { return ratio_bets_log_e(c, 1.5); }),
                                drifting,
                                [](int i) { return 1.5 * drifting(i); }) == Approx(1.0).epsilon(1e-12));
        CHECK(mean_over_courses(
                  6, share, one([](const auto& c) { return ratio_bets_log_e(c, 0.8, side::less); }), drifting,
                  [](int i) { return 0.8 * drifting(i); }) == Approx(1.0).epsilon(1e-12));
        // Within the margin it is less.
        CHECK(mean_over_courses(6, share, one([](const auto& c) { return difference_bets_log_e(c, 0.2); }),
                                drifting, [](int i) { return drifting(i) + 0.1; }) < 1.0);
    }
    for (const bool up : {true, false}) {
        double mean = 0.0;
        double probability = std::pow(0.7, 10.0);
        for (int events = 0; events <= 10; ++events) {
            mean +=
                probability * std::exp(level_bets_log_e(10.0, events, 0.3, up ? side::greater : side::less));
            probability *= 0.3 / 0.7 * (10.0 - events) / (events + 1.0);
        }
        CHECK(mean == Approx(1.0).epsilon(1e-12));
    }
}

TEST_CASE(
    "at every look together the e-values of bets reach 20 in at most 5 % of the courses, while shares grow")
{
    constexpr int runs = 2'000;
    int difference = 0;
    int ratio = 0;
    int level = 0;
    for (int run = 0; run < runs; ++run) {
        keyed_random random{20'261'201, static_cast<std::uint64_t>(run)};
        std::array<randomised_counts, 3> seen{};
        std::array<double, 3> shares{0.05, 0.25, 0.5};
        double highest[3] = {0.0, 0.0, 0.0};
        for (int i = 0; i < 1'500; ++i) {
            randomised_counts& now = seen[static_cast<std::size_t>(i / 500)];
            now.share = shares[static_cast<std::size_t>(i / 500)];
            const bool to_challenger = random.chance(now.share);
            const double champion = 0.03 + 0.02 * std::sin(0.01 * i);
            const bool event = random.chance(to_challenger ? 1.5 * champion : champion);
            (to_challenger ? now.challenger : now.champion) += 1.0;
            (to_challenger ? now.challenger_events : now.champion_events) += event ? 1.0 : 0.0;
            if (i % 25 == 0) {
                // The challenger's rate is at the ratio, and above the champion's by at most 0.025.
                const std::span<const randomised_counts> all{seen.data(),
                                                             static_cast<std::size_t>(i / 500) + 1};
                const double requests = seen[0].challenger + seen[1].challenger + seen[2].challenger;
                const double events =
                    seen[0].challenger_events + seen[1].challenger_events + seen[2].challenger_events;
                highest[0] = std::fmax(highest[0], difference_bets_log_e(all, 0.025));
                highest[1] = std::fmax(highest[1], ratio_bets_log_e(all, 1.5));
                highest[2] = std::fmax(highest[2], level_bets_log_e(requests, events, 0.075));
            }
        }
        difference += highest[0] >= std::log(20.0) ? 1 : 0;
        ratio += highest[1] >= std::log(20.0) ? 1 : 0;
        level += highest[2] >= std::log(20.0) ? 1 : 0;
    }
    // 130 of 2,000 is 6.5 %, three standard deviations above 5 %.
    CHECK(difference <= 130);
    CHECK(ratio <= 130);
    CHECK(level <= 130);
}

TEST_CASE("bets need no burn-in, and find harm soon")
{
    // All of the challenger's first calls fail.
    CHECK(difference_bets_log_e(std::array{randomised_counts{0.05, 57, 0, 3, 3}}, 0.0) > std::log(20.0));
    CHECK(ratio_bets_log_e(std::array{randomised_counts{0.05, 57, 0, 3, 3}}, 1.0) > std::log(20.0));
    CHECK(level_bets_log_e(3, 3, 0.02) > std::log(20.0));
    CHECK(level_bets_log_e(200, 0, 0.05, side::less) > std::log(20.0));
    CHECK(difference_bets_log_e({}, 0.1) == 0.0);
}

TEST_CASE("bets on impossible counts have no e-value")
{
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(std::isnan(difference_bets_log_e(std::array{randomised_counts{0.5, 1, 2, 1, 0}}, 0.0)));
    CHECK(std::isnan(difference_bets_log_e(std::array{randomised_counts{0.0, 1, 0, 1, 0}}, 0.0)));
    CHECK(std::isnan(difference_bets_log_e(std::array{randomised_counts{}}, 1.0)));
    CHECK(std::isnan(difference_bets_log_e(std::array{randomised_counts{}}, nan)));
    CHECK(std::isnan(difference_bets_log_e(std::array{randomised_counts{}}, 0.0, side::two)));
    CHECK(std::isnan(ratio_bets_log_e(std::array{randomised_counts{}}, 0.0)));
    CHECK(std::isnan(ratio_bets_log_e(std::array{randomised_counts{1.0, 0, 0, 1, 0}}, 1.0)));
    CHECK(std::isnan(level_bets_log_e(1, 2, 0.5)));
    CHECK(std::isnan(level_bets_log_e(1, 1, 1.0)));
    CHECK(std::isnan(level_bets_log_e(nan, 0, 0.5)));
}
