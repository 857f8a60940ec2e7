// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/sequential/e_values.hpp>

#include "stats/support.hpp"

#include <array>
#include <cmath>
#include <limits>

namespace stats = joust::stats;
using joust_test::relative_error;

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();
}

TEST_CASE("e-values multiply and average on the log scale")
{
    const std::array<double, 3> e{std::log(2.0), std::log(6.0), std::log(0.5)};
    CHECK(relative_error(stats::e_product(e), std::log(6.0)) < 1e-15);
    CHECK(relative_error(stats::e_average(e), std::log(8.5 / 3.0)) < 1e-15);
    const std::array<double, 3> weights{1.0, 0.0, 3.0};
    CHECK(relative_error(stats::e_average(e, weights), std::log(3.5 / 4.0)) < 1e-15);
    const std::array<double, 2> huge{5000.0, 4990.0};
    CHECK(relative_error(stats::e_average(huge), 5000.0 + std::log(0.5 * (1.0 + std::exp(-10.0)))) < 1e-15);
    CHECK(stats::e_product({}) == 0.0);
}

TEST_CASE("evidence of zero, infinite evidence and unknown evidence")
{
    const std::array<double, 2> lost{-infinity, 3.0};
    CHECK(stats::e_product(lost) == -infinity);
    CHECK(relative_error(stats::e_average(lost), 3.0 - std::log(2.0)) < 1e-15);
    const std::array<double, 2> both{-infinity, infinity};
    CHECK(stats::e_product(both) == -infinity);
    CHECK(stats::e_average(both) == infinity);
    const std::array<double, 2> unknown{stats::not_a_number, 1.0};
    CHECK(std::isnan(stats::e_product(unknown)));
    CHECK(std::isnan(stats::e_average(unknown)));
    CHECK(std::isnan(stats::e_average({})));
    const std::array<double, 1> one{1.0};
    const std::array<double, 1> negative{-1.0};
    const std::array<double, 1> none{0.0};
    CHECK(std::isnan(stats::e_average(one, negative)));
    CHECK(std::isnan(stats::e_average(one, none)));
    CHECK(std::isnan(stats::e_average(lost, one)));
}

TEST_CASE("calibrators integrate to one over a uniform p-value: that is what makes them calibrators")
{
    // with p = e^-x the integral over p is one over x of e^-x; Simpson's rule
    const auto integral = [](auto log_e) {
        const double step = 0.01;
        double sum = 0.0;
        const auto f = [&](double x) { return std::exp(log_e(-x) - x); };
        for (double x = 0.0; x < 400.0; x += step) {
            sum += step / 6.0 * (f(x) + 4.0 * f(x + 0.5 * step) + f(x + step));
        }
        return sum;
    };
    CHECK(integral([](double p) { return stats::p_to_log_e(p, 0.5); }) == Approx(1.0).epsilon(1e-10));
    CHECK(integral([](double p) { return stats::p_to_log_e(p, 0.2); }) == Approx(1.0).epsilon(1e-10));
    // the mixture's tail beyond x is (1 + ...) / x
    const double cut = integral([](double p) { return stats::p_to_log_e_mixed(p); });
    CHECK(cut == Approx(1.0 - 1.0 / 400.0).epsilon(1e-6));
}

TEST_CASE("the mixed calibrator keeps its digits at both ends")
{
    const auto mixed = [](double p) {
        return std::log((1.0 - p + p * std::log(p)) / (p * std::log(p) * std::log(p)));
    };
    for (const double p : {0.9, 0.5, 0.05, 1e-3, 1e-9, 1e-300}) {
        CHECK(relative_error(stats::p_to_log_e_mixed(std::log(p)), mixed(p)) < 1e-12);
    }
    CHECK(stats::p_to_log_e_mixed(0.0) == std::log(0.5));
    CHECK(stats::p_to_log_e_mixed(-1e-12) == Approx(std::log(0.5) + 1e-12 / 3.0).epsilon(1e-15));
    // both forms agree where they meet
    CHECK(relative_error(stats::p_to_log_e_mixed(-0.1 + 1e-9), stats::p_to_log_e_mixed(-0.1 - 1e-9)) < 1e-8);
    CHECK(relative_error(stats::p_to_log_e_mixed(-5000.0), 5000.0 - 2.0 * std::log(5000.0)) < 1e-15);
    CHECK(stats::p_to_log_e_mixed(-infinity) == infinity);
    CHECK(std::isnan(stats::p_to_log_e_mixed(0.1)));
    CHECK(std::isnan(stats::p_to_log_e_mixed(stats::not_a_number)));
    CHECK(std::isnan(stats::p_to_log_e(0.1)));
    CHECK(std::isnan(stats::p_to_log_e(-1.0, 1.0)));
}
