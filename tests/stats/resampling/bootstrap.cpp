// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/resampling/bootstrap.hpp>

#include "stats/support.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using stats::bootstrap_interval;
using stats::side;

namespace {

double mean(std::span<const double> x)
{
    double sum = 0.0;
    for (const double value : x) {
        sum += value;
    }
    return sum / static_cast<double>(x.size());
}

std::vector<double> skewed(std::size_t n, std::uint64_t seed)
{
    joust_test::engine draw{seed};
    std::vector<double> x;
    for (std::size_t i = 0; i < n; ++i) {
        x.push_back(-std::log(1.0 - draw.uniform()));
    }
    return x;
}

}  // namespace

TEST_CASE("indices are drawn evenly whatever the batch, and are the same everywhere")
{
    for (const std::size_t n :
         {std::size_t{3}, std::size_t{1000}, std::size_t{40'000}, std::size_t{1'500'000}}) {
        stats::detail::resampler random{9, 0};
        double sum = 0.0, square = 0.0;
        std::size_t largest = 0;
        const std::size_t draws = 400'001;
        stats::detail::draw_indices(random, n, draws, [&](std::size_t i, std::size_t) {
            const double u = (static_cast<double>(i) + 0.5) / static_cast<double>(n);
            sum += u;
            square += u * u;
            largest = std::max(largest, i);
        });
        const double d = static_cast<double>(draws);
        CHECK(std::fabs(sum / d - 0.5) < 4.0 * std::sqrt(1.0 / 12.0 / d));
        CHECK(std::fabs(square / d - (1.0 / 3.0 - 1.0 / 12.0 / static_cast<double>(n * n))) <
              4.0 * std::sqrt(4.0 / 45.0 / d));
        CHECK(largest < n);
        CHECK(static_cast<double>(largest) > 0.99 * static_cast<double>(n - 1));
    }
    // each of five, each place of the batch
    stats::detail::resampler random{1, 7};
    double seen[4][5] = {};
    stats::detail::draw_indices(random, 5, 400'000,
                                [&](std::size_t i, std::size_t lane) { seen[lane][i] += 1.0; });
    double chi = 0.0;
    for (const auto& lane : seen) {
        for (const double count : lane) {
            chi += (count - 20'000.0) * (count - 20'000.0) / 20'000.0;
        }
    }
    CHECK(chi < 45.0);  // 16 degrees of freedom
    stats::detail::resampler fixed{123, 456};
    fixed.next();
    std::vector<std::size_t> drawn;
    stats::detail::draw_indices(fixed, 100, 6, [&](std::size_t i, std::size_t) { drawn.push_back(i); });
    CHECK(drawn == std::vector<std::size_t>{84, 48, 12, 50, 71, 8});
}

TEST_CASE("the standard error of a mean is the plain one, and BCa leans towards the longer tail")
{
    const std::vector<double> x = skewed(200, 1);
    const auto percentile = stats::bootstrap(x, {.interval = bootstrap_interval::percentile});
    const auto bca = stats::bootstrap(x);
    double square = 0.0;
    for (const double value : x) {
        square += (value - mean(x)) * (value - mean(x));
    }
    const double error = std::sqrt(square) / 200.0;  // with divisor n, as resampling has it
    CHECK(bca.estimate == Approx(mean(x)).epsilon(1e-14));
    CHECK(bca.standard_error == Approx(error).epsilon(0.03));
    CHECK(std::fabs(bca.bias) < 4.0 * error / 100.0);
    CHECK(percentile.upper - percentile.lower == Approx(2.0 * 1.96 * error).epsilon(0.04));
    CHECK(bca.lower > percentile.lower);
    CHECK(bca.upper > percentile.upper);
    CHECK(bca.method == "bootstrap, BCa interval");
    // shifting all values shifts the results and loses no digit
    std::vector<double> moved = x;
    for (double& value : moved) {
        value += 1e9;
    }
    const auto far = stats::bootstrap(moved);
    CHECK(far.upper - 1e9 == Approx(bca.upper).epsilon(1e-5));
    CHECK(far.standard_error == Approx(bca.standard_error).epsilon(1e-5));
}

TEST_CASE("the quick way for means gives what the way for any statistic gives")
{
    const std::vector<double> x = skewed(60, 2), y = skewed(45, 3);
    const auto one = [](std::span<const double> a) { return mean(a); };
    const auto two = [](std::span<const double> a, std::span<const double> b) { return mean(a) - mean(b); };
    for (const auto interval : {bootstrap_interval::percentile, bootstrap_interval::bca}) {
        const stats::bootstrap_options options{.interval = interval, .replicates = 500, .seed = 8};
        const auto a = stats::bootstrap(x, options);
        const auto b = stats::bootstrap(x, one, options);
        CHECK(a.lower == Approx(b.lower).epsilon(1e-13));
        CHECK(a.upper == Approx(b.upper).epsilon(1e-13));
        CHECK(a.standard_error == Approx(b.standard_error).epsilon(1e-12));
        const auto c = stats::bootstrap(x, y, options);
        const auto d = stats::bootstrap(x, y, two, options);
        CHECK(c.estimate == Approx(d.estimate).epsilon(1e-13));
        CHECK(c.lower == Approx(d.lower).epsilon(1e-12));
        CHECK(c.upper == Approx(d.upper).epsilon(1e-12));
    }
}

TEST_CASE("intervals cover as often as promised for skewed data, BCa more evenly")
{
    int covered[2] = {0, 0};
    int above[2] = {0, 0};  // the interval lies below the truth
    constexpr int runs = 1'000;
    for (int run = 0; run < runs; ++run) {
        const std::vector<double> x = skewed(60, 1'000 + static_cast<std::uint64_t>(run));
        for (const int bca : {0, 1}) {
            const auto r = stats::bootstrap(
                x, {.alpha = 0.1,
                    .interval = bca == 1 ? bootstrap_interval::bca : bootstrap_interval::percentile,
                    .replicates = 999,
                    .seed = static_cast<std::uint64_t>(run)});
            covered[bca] += r.lower <= 1.0 && 1.0 <= r.upper ? 1 : 0;
            above[bca] += r.upper < 1.0 ? 1 : 0;
        }
    }
    CHECK(covered[0] > 850);
    CHECK(covered[1] > 860);
    CHECK(covered[1] < 930);
    CHECK(above[1] < above[0]);
}

TEST_CASE("one seed gives one answer")
{
    const std::vector<double> x{1, 2, 3, 4, 5, 6, 7, 8}, y{2, 2, 3, 9};
    const auto a = stats::bootstrap(x, y, {.replicates = 200, .seed = 5});
    const auto b = stats::bootstrap(x, y, {.replicates = 200, .seed = 5});
    const auto c = stats::bootstrap(x, y, {.replicates = 200, .seed = 6});
    CHECK(a.lower == b.lower);
    CHECK(a.standard_error == b.standard_error);
    CHECK(a.standard_error != c.standard_error);
    // replicate means of eighths and quarters are exact, so this holds on every platform
    const auto fixed =
        stats::bootstrap(x, {.interval = bootstrap_interval::percentile, .replicates = 199, .seed = 5});
    CHECK(fixed.lower == 3.125);
    CHECK(fixed.upper == 6.0);
    const auto one = stats::bootstrap(x, {.alternative = side::less, .replicates = 199});
    CHECK(one.lower == -std::numeric_limits<double>::infinity());
}

TEST_CASE("bootstrap: bad samples have a state")
{
    const std::vector<double> some{1.0, 2.0, 4.0}, one{1.0}, missing{1.0, std::nan("")}, same{3.0, 3.0, 3.0};
    CHECK(stats::bootstrap(one).state == status::too_few);
    CHECK(stats::bootstrap({}).state == status::too_few);
    CHECK(stats::bootstrap(some, one).state == status::too_few);
    CHECK(stats::bootstrap(missing).state == status::out_of_range);
    CHECK(stats::bootstrap(some, missing).state == status::out_of_range);
    CHECK(stats::bootstrap(same).state == status::zero_variance);
    CHECK(stats::bootstrap(same).estimate == 3.0);
    CHECK(stats::bootstrap(some, {.replicates = 1}).state == status::too_few);
    CHECK(stats::bootstrap(some, {.alpha = 1.5}).state == status::out_of_range);
    const auto sometimes = [](std::span<const double> x) { return 1.0 / (x[0] - 1.0); };
    CHECK(stats::bootstrap(some, sometimes, {.replicates = 100}).state == status::out_of_range);
}
