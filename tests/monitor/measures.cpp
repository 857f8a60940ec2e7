// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/monitor/adwin.hpp>
#include <joust/monitor/association.hpp>
#include <joust/monitor/cusum.hpp>
#include <joust/monitor/ddm.hpp>
#include <joust/monitor/estimated_performance.hpp>
#include <joust/monitor/ewma.hpp>
#include <joust/monitor/mmd.hpp>
#include <joust/monitor/page_hinkley.hpp>
#include <joust/monitor/prediction_powered.hpp>
#include <joust/monitor/random_projection.hpp>
#include <joust/monitor/sample_drift.hpp>
#include <joust/monitor/sampled_labels.hpp>
#include <joust/quality/calibration_line.hpp>

#include "catch.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace drift = joust::drift;
using sample = std::vector<double>;

TEST_CASE("distances of samples keep their properties, and leave out what is not a number")
{
    joust::keyed_random random{61};
    sample a(300);
    sample b(200);
    for (double& x : a) {
        x = random.normal();
    }
    for (double& x : b) {
        x = 0.3 + 1.2 * random.normal();
    }
    const auto mapped = [](sample of, auto map) {
        for (double& x : of) {
            x = map(x);
        }
        return of;
    };
    const auto up = [](double x) { return std::exp(x); };
    CHECK(drift::ks(mapped(a, up), mapped(b, up)).value == drift::ks(a, b).value);
    CHECK(drift::auc_live_over_reference(mapped(a, up), mapped(b, up)).value ==
          drift::auc_live_over_reference(a, b).value);
    const auto line = [](double x) { return 4.0 * x - 7.0; };
    CHECK_THAT(drift::wasserstein_1(mapped(a, line), mapped(b, line)).value,
               WithinRel(4.0 * drift::wasserstein_1(a, b).value, 1e-12));
    CHECK_THAT(drift::wasserstein_1_over_sd(mapped(a, line), mapped(b, line)).value,
               WithinRel(drift::wasserstein_1_over_sd(a, b).value, 1e-12));
    CHECK_THAT(drift::energy_distance(mapped(a, line), mapped(b, line)).value,
               WithinRel(2.0 * drift::energy_distance(a, b).value, 1e-12));
    CHECK_THAT(drift::wasserstein_1(a, mapped(a, [](double x) { return x + 0.25; })).value,
               WithinRel(0.25, 1e-12));

    sample dirty = a;
    dirty.push_back(std::numeric_limits<double>::quiet_NaN());
    dirty.push_back(std::numeric_limits<double>::infinity());
    for (auto* distance : {drift::ks, drift::wasserstein_1, drift::wasserstein_1_over_sd,
                           drift::energy_distance, drift::cramer_von_mises, drift::auc_live_over_reference}) {
        CHECK(distance(dirty, b).value == distance(a, b).value);
        CHECK(distance(dirty, b).left_out == 2);
        CHECK(distance(a, b).state == joust::status::ok);
        CHECK(distance({}, b).state == joust::status::too_few);
        CHECK(std::isnan(distance(sample{std::nan("")}, b).value));
    }
    CHECK(drift::wasserstein_1_over_sd(sample{2.0, 2.0}, b).state == joust::status::zero_variance);
}

TEST_CASE("measures of counts say when there is none")
{
    using counts = std::vector<std::uint64_t>;
    for (auto* measure : {drift::chi_squared_two_sample, drift::cramers_v_bias_corrected,
                          drift::normalized_absolute_difference, drift::ks_binned}) {
        CHECK(std::isnan(measure(counts{1, 2}, counts{1, 2, 3})));
        CHECK(std::isnan(measure(counts{0, 0}, counts{0, 0})));
        CHECK(measure(counts{3, 7}, counts{3, 7}) == 0.0);
    }
    CHECK(drift::cramers_v_bias_corrected(counts{1000, 0}, counts{0, 1000}) > 0.999);
    CHECK(drift::cramers_v_bias_corrected(counts{1000, 0}, counts{1000, 0}) == 0.0);
    CHECK(drift::ks_binned(counts{2, 2}, counts{1, 3}) == 0.25);
    CHECK(drift::chi_squared_two_sample(counts{50, 30, 20}, counts{40, 35, 25}) ==
          drift::chi_squared_two_sample(counts{40, 35, 25}, counts{50, 30, 20}));
}

TEST_CASE("the discrepancy of vectors sees a dependence that no single feature shows")
{
    joust::keyed_random random{62};
    sample apart;
    sample together;
    for (int i = 0; i < 150; ++i) {
        const double x = random.normal();
        apart.insert(apart.end(), {x, random.normal()});
        const double y = random.normal();
        together.insert(together.end(), {y, y});
    }
    const auto found = drift::mmd2_gauss(apart, together, 2);
    const sample half(apart.begin(), apart.begin() + 150);
    const sample rest(apart.begin() + 150, apart.end());
    const auto same = drift::mmd2_gauss(half, rest, 2);
    REQUIRE(found.state == joust::status::ok);
    CHECK(found.squared > 0.05);
    CHECK(std::abs(same.squared) < 0.02);
    CHECK(found.bandwidth > 0.0);
    CHECK(drift::mmd2_gauss(sample{1, 1}, sample{1, 1}).state == joust::status::zero_variance);
    CHECK(drift::mmd2_gauss(sample{1, 2, 3}, sample{1, 2}, 2).state == joust::status::out_of_range);
    CHECK(drift::mmd2_gauss(sample{1}, sample{1, 2}).state == joust::status::too_few);
    CHECK(drift::mmd2_gauss(sample{1, std::nan("")}, sample{1, 2}).state == joust::status::out_of_range);

    const joust::random_projection project{2, 3, 7};
    CHECK(project.directions() == 3);
    const std::array<float, 2> vector{3.0F, 4.0F};
    CHECK(std::abs(project.value(1, std::span<const float>{vector})) <= 5.0);
    CHECK(project.value(1, sample{3.0, 4.0}) == joust::random_projection{2, 3, 7}.value(1, sample{3.0, 4.0}));
    CHECK(std::isnan(project.value(0, sample{1.0})));
    CHECK(std::isnan(project.value(3, sample{1.0, 2.0})));
    CHECK_THROWS_AS(joust::random_projection(0, 1), joust::configuration_error);
}

TEST_CASE("known detectors find a large change, start again, and count what they cannot use")
{
    joust::keyed_random random{63};
    joust::detectors::adwin window;
    joust::detectors::cusum bars;
    joust::detectors::ewma average;
    joust::detectors::page_hinkley sum{{.threshold = 20.0}};
    int cuts = 0;
    for (int i = 0; i < 2000; ++i) {
        const bool error = random.chance(0.1);
        cuts += window.update(error) ? 1 : 0;
    }
    CHECK(cuts == 0);
    CHECK(window.width() == 2000.0);
    CHECK_THAT(window.mean(), WithinAbs(0.1, 0.03));
    for (int i = 0; i < 1000; ++i) {
        cuts += window.update(random.chance(0.5)) ? 1 : 0;
    }
    CHECK(cuts > 0);
    CHECK(window.width() < 1500.0);
    CHECK_THAT(window.mean(), WithinAbs(0.5, 0.06));
    bool found = false;
    for (int i = 0; i < 100; ++i) {
        found = bars.update(2.0 + random.normal()) || found;
        found = average.update(2.0 + random.normal()) && found;
        sum.update(i < 50 ? 0.0 : 3.0);
    }
    CHECK(found);
    for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
        CHECK_FALSE(window.update(bad));
        CHECK_FALSE(bars.update(bad));
        CHECK_FALSE(average.update(bad));
        CHECK_FALSE(sum.update(bad));
    }
    CHECK(window.refused() + bars.refused() + average.refused() + sum.refused() == 8);
    CHECK_THAT(joust::detectors::cusum::mean_run(0.5, 4.0), WithinRel(336.0, 0.02));
}

TEST_CASE("estimates without or with few labels say when they cannot be made")
{
    CHECK(joust::estimate_performance({}).state == joust::status::too_few);
    CHECK(joust::estimate_performance(sample{0.5, 1.5}).state == joust::status::out_of_range);
    const auto outside = joust::estimate_performance(sample{0.2, 0.95}, {.lowest = 0.1, .highest = 0.9});
    CHECK(outside.state == joust::status::out_of_range);
    CHECK(outside.outside == 1);
    const auto all_no = joust::estimate_performance(sample{0.2, 0.1});
    CHECK(all_no.state == joust::status::ok);
    CHECK(std::isnan(all_no.precision));

    CHECK(joust::rate_from_sampled_labels(sample{1}, sample{0.0}).state == joust::status::out_of_range);
    CHECK(joust::rate_from_sampled_labels({}, {}).state == joust::status::too_few);
    const auto sampled = joust::rate_from_sampled_labels(sample{1, 0, 1, 1}, sample{0.5, 0.25, 1, 0.5});
    CHECK(sampled.largest_weight == 4.0);
    CHECK(sampled.effective_rows == 81.0 / 25.0);
    CHECK(sampled.lower < sampled.value);

    const sample y{1, 0, 1, 1};
    CHECK(joust::prediction_powered_mean(y, sample{1}, y).state == joust::status::out_of_range);
    CHECK(joust::prediction_powered_mean(sample{1}, sample{1}, y).state == joust::status::too_few);
    const auto constant = joust::prediction_powered_mean(y, sample{1, 1, 1, 1}, sample{1, 1, 1});
    CHECK(constant.weight == 0.0);
    CHECK(constant.relative_width == 1.0);

    using labels = std::vector<std::uint8_t>;
    CHECK(joust::quality::fit_calibration_line(labels{0, 1}, sample{0.2, 0.8}).state ==
          joust::status::zero_variance);
    CHECK(joust::quality::fit_calibration_line(labels{1, 1}, sample{0.2, 0.8}).state ==
          joust::status::zero_variance);
    CHECK(joust::quality::fit_calibration_line(labels{0, 1}, sample{0.0, 0.8}).state ==
          joust::status::out_of_range);
    CHECK(joust::quality::fit_calibration_line({}, {}).state == joust::status::too_few);
}

TEST_CASE("a mean with predictions covers the truth, and is shorter with a good model")
{
    int covered = 0;
    double width = 0.0;
    constexpr int runs = 400;
    for (int run = 0; run < runs; ++run) {
        joust::keyed_random random{64, static_cast<std::uint64_t>(run)};
        sample y;
        sample f;
        sample others;
        for (int i = 0; i < 2100; ++i) {
            const double truth = random.normal();
            const double guess = 0.5 + 0.9 * truth + 0.436 * random.normal();
            if (i < 100) {
                y.push_back(truth);
                f.push_back(guess);
            } else {
                others.push_back(guess);
            }
        }
        const auto found = joust::prediction_powered_mean(y, f, others);
        covered += found.lower <= 0.0 && 0.0 <= found.upper ? 1 : 0;
        width += found.relative_width / runs;
    }
    CHECK(covered >= 360);
    CHECK(covered <= 394);
    CHECK(width < 0.6);
}
