// SPDX-License-Identifier: Apache-2.0

// Does the analysis of a switchback keep its error rate if all requests of a block have a common disturbance?
//
// Two equal models serve one city, or five, over two weeks of half-hour blocks. Each block has its own mean (demand, weather), and
// there is a daily cycle. The effect of the block before decays within the gap. The data are clustered by what was randomised, as
// trials do, and for comparison by request, as a test of requests would do. The evidence is read every day with alpha 5 %.
// The program fails if the trial rejects more often than 5 % allows (99.9 % limit). JOUST_CALIBRATE=full runs twenty times as many.

#include <joust/core/clock.hpp>
#include <joust/core/random.hpp>
#include <joust/split/assigned_by.hpp>
#include <joust/split/switchback.hpp>
#include <joust/trial/ab_test.hpp>

#include "calibration/limit.hpp"

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>

namespace {

using namespace joust;

struct ride {
    std::uint64_t city = 0;
};

constexpr std::int64_t minute = 60'000'000'000;

struct scenario {
    const char* name;
    std::uint64_t cities;
    block_order order;
    /// of the block before, at the start of a block; gone when the gap is over
    double carry_over;
};

constexpr scenario scenarios[] = {
    {"one city, randomised", 1, block_order::randomised, 0.0},
    {"one city, balanced", 1, block_order::balanced, 0.0},
    {"one city, balanced, carry-over in the gap", 1, block_order::balanced, 5.0},
    {"five cities, randomised, carry-over", 5, block_order::randomised, 5.0},
};

bool rejects(const report& seen)
{
    for (const metric_row& row : seen.metrics) {
        if (row.metric == "wait" && row.p_value <= 0.05) {
            return true;
        }
    }
    return false;
}

struct outcome {
    bool blocks = false;
    bool requests = false;
};

outcome run(const scenario& s, std::uint64_t stream)
{
    keyed_random random{20'261'126, stream};
    manual_time clock;
    const std::string salt = "dispatch-" + std::to_string(stream);
    const auto same = [](const ride&) { return 0; };
    const switchback split{.salt = salt, .block = 1'800, .gap = 300, .order = s.order};
    ab_test trial{model{"a", same}, model{"b", same},
                  by(&ride::city),  mean<"wait">{.cap = 100.0},
                  untimed{},        always_valid{.units = 3'000},
                  clock.view(),     split};
    // The same arms and outcomes, as if each request had been randomised.
    const switchback_plan plan = split.resolve(2);
    const salted_hasher hasher{salt};
    std::uint64_t request = 0;
    const auto arm_of_request = [&](const ride& r) {
        const int none = 0;
        return static_cast<int>(plan.assign(context<int>{hasher(r.city), clock.now(), none}).arm);
    };
    ab_test naive{model{"a", same},
                  model{"b", same},
                  by([&request](const ride&) { return request; }),
                  mean<"wait">{.cap = 100.0},
                  untimed{},
                  always_valid{.units = 3'000},
                  assigned_by(arm_of_request, {0.5, 0.5})};
    outcome out;
    double level[5] = {};
    for (int m = 0; m < 14 * 24 * 60; m += 5) {
        for (std::uint64_t city = 0; city < s.cities; ++city) {
            if (m % 30 == 0) {
                level[city] = 10.0 + 3.0 * random.normal() + 4.0 * std::sin(m * 6.283185307179586 / 1440.0);
            }
            const ride r{city};
            ++request;
            const int now = arm_of_request(r);
            clock.advance(-30 * minute);
            const int before = arm_of_request(r);
            clock.advance(30 * minute);
            const double leftover = m % 30 < 5 && before != now ? s.carry_over * (before - now) : 0.0;
            const double x = level[city] + leftover + random.normal();
            const auto [answer, ticket] = trial.serve(r);
            if (ticket.kind() == ticket_kind::exposure) {
                trial.observe<"wait">(ticket, x);
                const auto other = naive.serve(r);
                naive.observe<"wait">(other.ticket, x);
            }
        }
        clock.advance(5 * minute);
        if (m % 1440 == 1435) {
            out.blocks = out.blocks || rejects(trial.report());
            out.requests = out.requests || rejects(naive.report());
        }
    }
    return out;
}

}  // namespace

int main()
{
    const int runs = joust_test::full_calibration() ? 2'000 : 100;
    const int allowed = joust_test::limit_of(runs, 0.05);
    std::printf("Rejections of two equal models in %%, looks every day\n%-44s %5s %8s %12s %8s\n", "", "runs",
                "by block", "by request", "allowed");
    int failures = 0;
    std::uint64_t stream = 0;
    for (const scenario& s : scenarios) {
        int blocks = 0, requests = 0;
        for (int r = 0; r < runs; ++r) {
            const outcome out = run(s, ++stream);
            blocks += out.blocks ? 1 : 0;
            requests += out.requests ? 1 : 0;
        }
        std::printf("%-44s %5d %8.1f %12.1f %8.1f\n", s.name, runs, 100.0 * blocks / runs,
                    100.0 * requests / runs, 100.0 * allowed / runs);
        std::fflush(stdout);
        failures += blocks > allowed ? 1 : 0;
    }
    return failures > 0 ? 1 : 0;
}
