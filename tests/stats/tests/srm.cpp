// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/tests/srm.hpp>

#include "stats/support.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using joust_test::relative_error;

TEST_CASE("the chi-squared tail of whole degrees of freedom needs no library")
{
    // 60-digit arithmetic: log of the regularised upper incomplete gamma function at (df / 2, x / 2)
    struct row {
        double x;
        std::size_t df;
        double log_sf;
    };
    const row rows[] = {
        {3.84, 1, -2.9948622271800272845},
        {1e-06, 1, -0.00079820290701986933746},
        {1000.0, 1, -503.68066650438168641},
        {1000.0, 3, -496.77091520883994846},
        {5.5, 2, -2.75},
        {0.001, 2, -0.00050000000000000001041},
        {7.5, 4, -2.1918553819534501588},
        {250.0, 15, -101.09737893146155051},
        {100000.0, 8, -49969.33236461539723},
        {100000.0, 9, -49964.584442574356477},
        {0.5, 15, -1.7446401057410635737e-9},
        {100000000.0, 15, -49999892.305395944708},
        {300.0, 101, -48.097082209725615543},
        {2000.0, 2000, -0.70159323664597249568},
    };
    for (const row& r : rows) {
        INFO("x = " << r.x << ", df = " << r.df);
        // a p-value near 1 has a logarithm near 0, exact to an ulp of 1
        CHECK(stats::detail::log_chi_squared_sf(r.x, r.df) == Approx(r.log_sf).epsilon(1e-14).margin(3e-16));
    }
    CHECK(stats::detail::log_chi_squared_sf(0.0, 3) == 0.0);
    CHECK(std::isnan(stats::detail::log_chi_squared_sf(-1.0, 3)));
    CHECK(std::isnan(stats::detail::log_chi_squared_sf(1.0, 0)));
}

TEST_CASE("counts as planned have p = 1, an impossible split a p-value beyond doubles")
{
    const std::uint64_t even[] = {500, 500};
    const double halves[] = {0.5, 0.5};
    CHECK(stats::sample_ratio_mismatch(even, halves).p_value == 1.0);
    const std::uint64_t broken[] = {1000000, 900000};
    const auto result = stats::sample_ratio_mismatch(broken, halves);
    CHECK(result.state == status::ok);
    CHECK(result.statistic == Approx(1e10 / 1.9e6).epsilon(1e-14));
    CHECK(result.p_value == 0.0);
    CHECK(result.log_p == Approx(-2636.0).epsilon(0.001));
}

TEST_CASE("an arm without a share is no degree of freedom")
{
    const std::uint64_t counts[] = {510, 0, 490};
    const double shares[] = {0.5, 0.0, 0.5};
    const auto result = stats::sample_ratio_mismatch(counts, shares);
    CHECK(result.state == status::ok);
    CHECK(result.df == 1.0);
    const std::uint64_t leaked[] = {510, 1, 490};
    CHECK(stats::sample_ratio_mismatch(leaked, shares).p_value == 0.0);
}

TEST_CASE("bad counts and shares give a status")
{
    const std::uint64_t counts[] = {5, 5};
    const double short_sum[] = {0.5, 0.4};
    const double negative[] = {1.5, -0.5};
    const double not_numbers[] = {stats::not_a_number, 0.5};
    const double three[] = {0.2, 0.3, 0.5};
    const double one[] = {1.0, 0.0};
    const std::uint64_t nothing[] = {0, 0};
    const double halves[] = {0.5, 0.5};
    CHECK(stats::sample_ratio_mismatch(counts, short_sum).state == status::out_of_range);
    CHECK(stats::sample_ratio_mismatch(counts, negative).state == status::out_of_range);
    CHECK(stats::sample_ratio_mismatch(counts, not_numbers).state == status::out_of_range);
    CHECK(stats::sample_ratio_mismatch(counts, three).state == status::out_of_range);
    const std::uint64_t all[] = {5, 0};
    CHECK(stats::sample_ratio_mismatch(all, one).state == status::too_few);
    CHECK(stats::sample_ratio_mismatch(nothing, halves).state == status::too_few);
    CHECK(stats::sample_ratio_mismatch({}, {}).state == status::too_few);
}

namespace {

struct traffic {
    std::vector<double> q1 = std::vector<double>(256, 0.0);
    std::vector<double> q0 = std::vector<double>(256, 0.0);

    void serve(std::size_t bucket, bool challenger, double s)
    {
        if (challenger) {
            q1[bucket] += 1.0 - s;
        } else {
            q0[bucket] += s;
        }
    }
};

}  // namespace

TEST_CASE("an honest split with returning units does not alarm, a request-level test would")
{
    // 40 visits per unit: the request-level chi-squared sees 40 times the variance that it expects
    joust_test::engine random{11};
    int clustered_alarms = 0;
    int naive_alarms = 0;
    for (int run = 0; run < 200; ++run) {
        traffic log;
        std::uint64_t counts[2] = {0, 0};
        for (int unit = 0; unit < 1000; ++unit) {
            const bool challenger = random.coin(0.5);
            const auto bucket = static_cast<std::size_t>(random.next() % 256U);
            for (int visit = 0; visit < 40; ++visit) {
                log.serve(bucket, challenger, 0.5);
                ++counts[challenger ? 1 : 0];
            }
        }
        const auto result = stats::clustered_srm(log.q1, log.q0, {.rho = 1000.0, .alpha = 0.05});
        REQUIRE(result.state == status::ok);
        clustered_alarms += result.log_e >= std::log(20.0) ? 1 : 0;
        const double halves[] = {0.5, 0.5};
        naive_alarms += stats::sample_ratio_mismatch(counts, halves).p_value < 0.05 ? 1 : 0;
    }
    CHECK(clustered_alarms <= 6);
    CHECK(naive_alarms > 100);
}

TEST_CASE("looking every 200 requests of a ramp with returning units alarms no oftener than promised")
{
    joust_test::engine random{21};
    int alarms = 0;
    const int runs = 300;
    for (int run = 0; run < runs; ++run) {
        std::vector<double> position(4000);
        for (double& p : position) {
            p = random.uniform();
        }
        traffic log;
        double rho = 0.0;
        bool alarm = false;
        for (int i = 1; i <= 20000; ++i) {
            const double s = i < 6000 ? 0.01 : i < 10000 ? 0.05 : i < 14000 ? 0.25 : 0.5;
            const auto unit = static_cast<std::size_t>(random.next() % position.size());
            log.serve(unit % 256U, position[unit] < s, s);
            if (i % 200 == 0) {
                auto result =
                    stats::clustered_srm(log.q1, log.q0, {.rho = rho > 0.0 ? rho : 1.0, .alpha = 0.05});
                if (result.state == status::ok && rho == 0.0) {  // frozen at the end of the burn-in
                    rho = stats::burn_in_rho(result.v, result.information, 10000.0 * 0.25);
                    result = stats::clustered_srm(log.q1, log.q0, {.rho = rho, .alpha = 0.05});
                }
                alarm = alarm || (result.state == status::ok && result.log_e >= std::log(20.0));
            }
        }
        alarms += alarm ? 1 : 0;
    }
    INFO(alarms << " of " << runs);
    CHECK(alarms <= 28);  // 15 allowed in the mean, 28 is the 99.9 % limit
}

TEST_CASE("a split that loses a tenth of the challenger's requests is found under a ramp")
{
    joust_test::engine random{12};
    traffic log;
    for (int i = 0; i < 60000; ++i) {
        const double s = i < 10000 ? 0.01 : i < 30000 ? 0.05 : 0.5;
        const bool challenger = random.coin(s);
        if (!challenger || !random.coin(0.1)) {
            log.serve(static_cast<std::size_t>(random.next() % 256U), challenger, s);
        }
    }
    const auto result = stats::clustered_srm(log.q1, log.q0, {.rho = 300.0, .alpha = 0.001});
    REQUIRE(result.state == status::ok);
    CHECK(result.log_e > std::log(1000.0));
    CHECK(result.upper < 0.0);
    CHECK(result.estimate == Approx(-0.1).margin(0.03));
}

TEST_CASE("a challenger that is never served cannot hide in its own burn-in")
{
    traffic log;
    for (std::size_t i = 0; i < 5000; ++i) {
        log.serve(i % 256U, false, 0.01);
    }
    CHECK(stats::clustered_srm(log.q1, log.q0, {.rho = 10.0}).state == status::burn_in);
    for (std::size_t i = 0; i < 95000; ++i) {
        log.serve(i % 256U, false, 0.01);
    }
    const auto result = stats::clustered_srm(log.q1, log.q0, {.rho = 10.0});
    CHECK(result.state == status::ok);
    CHECK(result.log_e > std::log(1000.0));
}

TEST_CASE("no data, unequal spans and NaN give a status")
{
    const std::vector<double> none(64, 0.0);
    const std::vector<double> shorter(63, 0.0);
    std::vector<double> wrong(64, 1.0);
    wrong[5] = stats::not_a_number;
    CHECK(stats::clustered_srm(none, none, {}).state == status::too_few);
    CHECK(stats::clustered_srm(none, shorter, {}).state == status::out_of_range);
    CHECK(stats::clustered_srm(wrong, none, {}).state == status::out_of_range);
    CHECK(stats::clustered_srm(none, none, {.rho = -1.0}).state == status::out_of_range);
}
