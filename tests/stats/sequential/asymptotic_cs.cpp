// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/sequential/asymptotic_cs.hpp>

#include "stats/support.hpp"

#include <cmath>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using joust_test::engine;
using joust_test::relative_error;

TEST_CASE("nothing is answered before the burn-in, and it cannot be switched off")
{
    stats::asymptotic_confidence_sequence cs{{.planned = 50.0, .burn_in = 2, .min_events = 0.0}};
    engine random{1};
    for (int i = 0; i < 29; ++i) {
        cs.update(random.bell());
        CHECK(cs.state() == status::burn_in);
        CHECK(std::isnan(cs.log_e()));
        CHECK(std::isnan(cs.p_value()));
        CHECK(std::isnan(cs.interval().upper));
        CHECK(cs.max_log_e() == 0.0);
    }
    cs.update(random.bell());
    CHECK(cs.state() == status::ok);
    CHECK(std::isfinite(cs.log_e()));
}

TEST_CASE("without a burn-in a fifth of true nulls are rejected; with it few are")
{
    // Normal data, a look at every observation, tuned for 50 observations: 20.8 % from the second observation
    // on is known from others.
    int hasty = 0;
    int ours = 0;
    const int runs = 400;
    const double rho = stats::asymptotic_rho(50.0, 0.05);
    for (int r = 0; r < runs; ++r) {
        engine random{1000U + static_cast<std::uint64_t>(r)};
        stats::asymptotic_confidence_sequence cs{{.planned = 50.0, .burn_in = 30}};
        stats::moments m;
        bool rejected = false;
        for (int i = 0; i < 500; ++i) {
            const double x = random.bell();
            m.add(x);
            cs.update(x);
            rejected = rejected || (i > 0 && stats::asymptotic_log_e(m.mean(), m.variance(), i + 1.0, rho) >=
                                                 std::log(20.0));
        }
        hasty += rejected ? 1 : 0;
        ours += cs.p_value() <= 0.05 ? 1 : 0;
    }
    INFO(hasty << " and " << ours << " of " << runs);
    CHECK(hasty > 50);
    CHECK(ours < 36);
}

TEST_CASE("rare events wait until there are enough of them")
{
    engine random{3};
    stats::asymptotic_confidence_sequence cs{{.null = 0.001}};
    int events = 0;
    for (int i = 0; i < 40'000; ++i) {
        const bool hit = random.coin(0.001);
        events += hit ? 1 : 0;
        cs.update(hit ? 1.0 : 0.0);
        if (events == 0 && i >= 99) {
            CHECK(cs.state() == status::zero_variance);
        } else if (events < 29) {
            CHECK(cs.state() == status::burn_in);
        } else if (events > 31) {
            CHECK(cs.state() == status::ok);
        }
    }
    CHECK(events > 31);
}

TEST_CASE("the interval holds what the e-value does not refuse")
{
    engine random{4};
    std::vector<double> x;
    for (int i = 0; i < 300; ++i) {
        x.push_back(random.bell() * 3.0 + 7.0);
    }
    for (const stats::side alternative : {stats::side::two, stats::side::greater, stats::side::less}) {
        stats::asymptotic_options options{.alternative = alternative, .planned = 200.0};
        stats::asymptotic_confidence_sequence cs{options};
        for (const double each : x) {
            cs.update(each);
        }
        const stats::bounds ends = cs.interval(0.05);
        CHECK(std::isinf(ends.upper) == (alternative == stats::side::greater));
        CHECK(std::isinf(ends.lower) == (alternative == stats::side::less));
        options.null = alternative == stats::side::less ? ends.upper : ends.lower;
        stats::asymptotic_confidence_sequence at_end{options};
        for (const double each : x) {
            at_end.update(each);
        }
        CHECK(at_end.log_e() == Approx(std::log(20.0)).epsilon(1e-11));
    }
}

TEST_CASE("the tuning is that of the end of the burn-in, also when the variance changes later")
{
    engine random{14};
    stats::asymptotic_confidence_sequence cs{{.planned = 400.0, .burn_in = 50}};
    stats::moments m;
    double at_burn_in = 0.0;
    for (int i = 0; i < 400; ++i) {
        const double x = random.bell() * (i < 100 ? 3.0 : 0.5);
        cs.update(x);
        m.add(x);
        if (at_burn_in == 0.0 && cs.state() == status::ok) {
            at_burn_in = m.variance();
            CHECK(relative_error(cs.log_e(), stats::asymptotic_log_e(m.mean(), m.variance(), i + 1.0,
                                                                     stats::asymptotic_rho(400.0, 0.05))) <
                  1e-12);
        }
    }
    const double rho = stats::asymptotic_rho(400.0, 0.05);
    CHECK(relative_error(cs.log_e(), stats::normal_mixture_log_e(400.0 * m.mean(), 400.0 * m.variance(),
                                                                 at_burn_in / (rho * rho))) < 1e-12);
}

TEST_CASE("skewness is that of the definition, and merges")
{
    engine random{5};
    std::vector<double> x;
    stats::asymptotic_confidence_sequence whole, left, right, empty;
    for (int i = 0; i < 500; ++i) {
        const double value = 1e3 + std::exp(random.bell());
        x.push_back(value);
        whole.update(value);
        (i % 3 == 0 ? left : right).update(value);
    }
    double mean = 0.0, second = 0.0, third = 0.0;
    for (const double v : x) {
        mean += v / 500.0;
    }
    for (const double v : x) {
        second += (v - mean) * (v - mean) / 500.0;
        third += (v - mean) * (v - mean) * (v - mean) / 500.0;
    }
    const double want = third / (second * std::sqrt(second));
    CHECK(relative_error(whole.skewness(), want) < 1e-9);
    left.merge(right);
    left.merge(empty);
    empty.merge(left);
    CHECK(relative_error(left.skewness(), want) < 1e-9);
    CHECK(relative_error(empty.skewness(), want) < 1e-9);
    CHECK(left.state() == whole.state());
    CHECK(left.estimate() == Approx(whole.estimate()).epsilon(1e-14));
}

TEST_CASE("constant and broken data, and options, give a status")
{
    stats::asymptotic_confidence_sequence cs;
    for (int i = 0; i < 200; ++i) {
        cs.update(3.5);
    }
    CHECK(cs.state() == status::zero_variance);
    CHECK(std::isnan(cs.log_e()));
    CHECK_FALSE(cs.update(stats::not_a_number));
    CHECK_FALSE(cs.merge(stats::asymptotic_confidence_sequence{{.null = 1.0}}));
    CHECK(cs.state() == status::out_of_range);
    CHECK(stats::asymptotic_confidence_sequence{{.planned = -1.0}}.state() == status::out_of_range);
    CHECK(stats::asymptotic_confidence_sequence{{.null = stats::not_a_number}}.state() ==
          status::out_of_range);
}
