// SPDX-License-Identifier: Apache-2.0

#include <joust/quality/calibration.hpp>

#include "stats/support.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace quality = joust::quality;
using joust::status;
using joust_test::relative_error;

namespace {

struct labelled {
    std::vector<int> labels;
    std::vector<double> p;
    std::vector<std::uint64_t> unit;
};

// Labels that are 1 with probability p (1 - off). The rows of a unit have the same probability and the same label.
labelled draw(joust_test::engine& random, int units, int rows_each, double off)
{
    labelled made;
    for (int u = 0; u < units; ++u) {
        const double p = random.uniform();
        const int label = random.coin(p * (1.0 - off)) ? 1 : 0;
        for (int i = 0; i < rows_each; ++i) {
            made.labels.push_back(label);
            made.p.push_back(p);
            made.unit.push_back(static_cast<std::uint64_t>(u));
        }
    }
    return made;
}

quality::calibration_bins counted(const labelled& rows, std::size_t bins = 15)
{
    quality::calibration_bins made(bins);
    for (std::size_t i = 0; i < rows.labels.size(); ++i) {
        made.add(rows.labels[i], rows.p[i]);
    }
    return made;
}

}  // namespace

TEST_CASE("calibration errors are those computed by hand, and have no bias")
{
    quality::calibration_bins by_hand(2);
    for (const auto& [label, p] : {std::pair<int, double>{0, 0.2}, {1, 0.4}, {1, 0.9}, {1, 0.7}}) {
        by_hand.add(label, p);
    }
    const auto r = by_hand.result();
    CHECK(relative_error(r.expected, 0.5 * 0.2 + 0.5 * 0.2) < 1e-14);
    CHECK(relative_error(r.squared, 0.5 * (-0.2 * 0.6) + 0.5 * (0.1 * 0.3)) < 1e-13);  // products of pairs
    CHECK(r.debiased == 0.0);
    CHECK(relative_error(r.largest, 0.2) < 1e-14);
    CHECK(r.state == status::too_few);  // four rows make no interval
    CHECK(std::isnan(r.upper));
    joust_test::engine random{149};
    double squared_good = 0.0, squared_bad = 0.0, expected = 0.0, noise = 0.0;
    constexpr int runs = 500;
    for (int run = 0; run < runs; ++run) {
        quality::calibration_bins good, bad, other;
        for (int i = 0; i < 1000; ++i) {
            const double p = random.uniform();
            (i % 2 == 0 ? good : other).add(random.coin(p) ? 1 : 0, p);
            bad.add(random.coin(0.8 * p) ? 1 : 0, p);  // off by p / 5: mean square 1 / 75
        }
        CHECK(good.merge(other));
        squared_good += good.result().squared / runs;
        squared_bad += bad.result().squared / runs;
        expected += good.result().expected / runs;
        noise += good.result().noise / runs;
    }
    CHECK(std::fabs(squared_good) < 2e-4);
    CHECK(std::fabs(squared_bad - 1.0 / 75.0) < 4e-4);
    CHECK(std::fabs(expected / noise - 1.0) < 0.05);  // the plug-in error of a perfect model is all noise
    CHECK(expected > 0.02);
}

TEST_CASE("the squared calibration error has no bias, over all labels")
{
    // Five rows in two bins with probabilities that vary inside them: 32 outcomes.
    const double p[5] = {0.1, 0.4, 0.3, 0.6, 0.9};
    const double truth[5] = {0.3, 0.2, 0.5, 0.9, 0.7};
    double mean = 0.0;
    for (unsigned outcome = 0; outcome < 32; ++outcome) {
        quality::calibration_bins bins(2);
        double chance = 1.0;
        for (unsigned i = 0; i < 5; ++i) {
            const bool one = (outcome >> i & 1U) != 0;
            bins.add(one ? 1 : 0, p[i]);
            chance *= one ? truth[i] : 1.0 - truth[i];
        }
        mean += chance * bins.result().squared;
    }
    double wanted = 0.0;  // products of the expected distances of all pairs in a bin
    for (std::size_t i = 0; i < 5; ++i) {
        for (std::size_t j = 0; j < 5; ++j) {
            if (i != j && (i < 3) == (j < 3)) {
                wanted += (truth[i] - p[i]) * (truth[j] - p[j]) / (i < 3 ? 2.0 : 1.0) / 5.0;
            }
        }
    }
    CHECK(relative_error(mean, wanted) < 1e-13);
}

TEST_CASE("the interval of the calibration error holds what a score test does not reject")
{
    joust_test::engine random{157};
    const auto bins = counted(draw(random, 4'000, 1, 0.3));
    const auto r = bins.result();
    REQUIRE(r.state == status::ok);
    CHECK(r.lower > 0.0);
    CHECK(r.lower < r.debiased);
    CHECK(r.debiased < r.upper);
    // (estimate - theta)^2 is z^2 times the variance there, which is that of 0 plus a part in theta: three points of
    // the curve are on one line.
    const double z = 1.959963984540054;
    const auto variance_at = [&](double root) {
        const double d = r.squared - root * root;
        return d * d / (z * z);
    };
    const auto half = bins.result(0.3);
    const double slope =
        (variance_at(r.upper) - variance_at(r.lower)) / (r.upper * r.upper - r.lower * r.lower);
    const double z30 = 1.0364333894937898;
    const double d = r.squared - half.upper * half.upper;
    CHECK(relative_error(d * d / (z30 * z30), variance_at(r.lower) + slope * (half.upper * half.upper -
                                                                              r.lower * r.lower)) < 1e-9);
    // calibrated: 0 is not excluded, and the upper end is above 0
    const auto good = counted(draw(random, 4'000, 1, 0.0)).result();
    CHECK(good.state == status::ok);
    CHECK(good.lower == 0.0);
    CHECK(good.upper > 0.0);
    CHECK(good.upper < r.lower);
    CHECK(bins.result(0.0).state == status::out_of_range);
}

TEST_CASE("two calibration errors, unpaired, paired and by cluster")
{
    joust_test::engine random{163};
    const labelled rows = draw(random, 3'000, 1, 0.0);
    quality::calibration_bins alone_a, alone_b;
    quality::paired_calibration paired, part, other;
    quality::clustered_calibration by_unit_a(15, 1 << 16), by_unit_b(15, 1 << 16);
    for (std::size_t i = 0; i < rows.labels.size(); ++i) {
        const double off = 0.7 * rows.p[i];
        alone_a.add(rows.labels[i], off);
        alone_b.add(rows.labels[i], rows.p[i]);
        paired.add(rows.labels[i], off, rows.p[i]);
        (i % 3 == 0 ? part : other).add(rows.labels[i], off, rows.p[i]);
        by_unit_a.add(rows.unit[i], rows.labels[i], off);
        by_unit_b.add(rows.unit[i], rows.labels[i], rows.p[i]);
    }
    const auto a = alone_a.result(), b = alone_b.result();
    const auto unpaired = quality::compare(a, b);
    const auto together = paired.compare();
    CHECK(unpaired.state == status::ok);
    CHECK(together.state == status::ok);
    CHECK(relative_error(unpaired.estimate, a.squared - b.squared) < 1e-14);
    CHECK(relative_error(together.estimate, a.squared - b.squared) < 1e-10);
    CHECK(together.p_value < 1e-6);
    CHECK(together.upper - together.lower < unpaired.upper - unpaired.lower);
    CHECK(part.merge(other));
    CHECK(relative_error(part.compare().lower, together.lower) < 1e-9);
    // one row a bucket, nearly: the clustered forms say what the forms for rows say
    const auto clustered = by_unit_a.result();
    CHECK(clustered.state == status::ok);
    CHECK(relative_error(clustered.squared, a.squared) < 0.02);
    CHECK(relative_error(clustered.squared_error, a.squared_error) < 0.05);
    CHECK(relative_error(clustered.upper, a.upper) < 0.02);
    CHECK(relative_error(clustered.lower, a.lower) < 0.02);
    const auto pairs = by_unit_a.compare(by_unit_b);
    CHECK(pairs.state == status::ok);
    CHECK(relative_error(pairs.upper - pairs.lower, together.upper - together.lower) < 0.05);
    // a model and itself
    quality::paired_calibration same;
    for (std::size_t i = 0; i < rows.labels.size(); ++i) {
        same.add(rows.labels[i], rows.p[i], rows.p[i]);
    }
    CHECK(same.compare().state == status::zero_variance);
    CHECK(by_unit_a.compare(by_unit_a).state == status::zero_variance);
    CHECK(quality::compare(a, quality::calibration_bins{}.result()).state == status::too_few);
}

TEST_CASE("equal rows of a unit make clustered calibration neither biased nor too certain")
{
    joust_test::engine random{167};
    constexpr int runs = 200;
    double as_rows = 0.0, by_unit = 0.0;
    int sure_rows = 0, sure_units = 0;
    for (int run = 0; run < runs; ++run) {
        const labelled rows = draw(random, 300, 5, 0.0);
        quality::clustered_calibration clusters(10, 512);
        for (std::size_t i = 0; i < rows.labels.size(); ++i) {
            clusters.add(rows.unit[i], rows.labels[i], rows.p[i]);
        }
        const auto r = counted(rows, 10).result();
        const auto c = clusters.result();
        REQUIRE(c.state == status::ok);
        as_rows += r.squared / runs;
        by_unit += c.squared / runs;
        sure_rows += r.lower > 0.0 ? 1 : 0;
        sure_units += c.lower > 0.0 ? 1 : 0;
    }
    CHECK(as_rows > 2e-3);  // a calibrated model looks miscalibrated where copies are taken as rows
    CHECK(std::fabs(by_unit) < 5e-4);
    CHECK(sure_rows > 150);
    CHECK(sure_units <= 22);  // 5 % of 200 and its 99.9 % limit
}

TEST_CASE("calibration: edge cases give a status")
{
    joust_test::engine random{173};
    quality::calibration_bins none;
    CHECK(none.result().state == status::too_few);
    CHECK_FALSE(none.add(1, -0.1));
    CHECK_FALSE(none.add(2, 0.5));
    CHECK_FALSE(none.add(1, std::nan("")));
    CHECK(none.rejected() == 3);
    CHECK(none.result().state == status::out_of_range);
    CHECK_FALSE(none.merge(quality::calibration_bins(2)));
    quality::calibration_bins single;
    single.add(1, 1.0);
    CHECK(single.result().state == status::too_few);
    CHECK(single.result().expected == 0.0);
    CHECK(std::isnan(single.result().debiased));
    // all in one bin, all right: nothing to be uncertain about, and too little information for an interval
    quality::calibration_bins sure;
    for (int i = 0; i < 1'000; ++i) {
        sure.add(1, 1.0);
    }
    CHECK(sure.result().squared == 0.0);
    CHECK(sure.result().state == status::too_few);
    // a single row in a bin of its own does not stop the rest
    auto many = counted(draw(random, 2'000, 1, 0.0), 4);
    CHECK(many.result().state == status::ok);
    quality::calibration_bins lonely(4);
    for (int i = 0; i < 500; ++i) {
        lonely.add(i % 2, 0.5);
    }
    lonely.add(1, 0.1);
    CHECK(lonely.result().state == status::ok);

    quality::paired_calibration pair;
    CHECK(pair.compare().state == status::too_few);
    CHECK_FALSE(pair.add(1, 0.5, 1.5));
    CHECK(pair.compare().state == status::out_of_range);
    CHECK_FALSE(pair.merge(quality::paired_calibration(3)));

    quality::clustered_calibration clusters, few(15, 16);
    CHECK(clusters.result().state == status::too_few);
    CHECK_FALSE(clusters.merge(few));
    CHECK(clusters.compare(few).state == status::out_of_range);
    const labelled rows = draw(random, 2'000, 1, 0.0);
    quality::clustered_calibration whole, part, other;
    for (std::size_t i = 0; i < rows.labels.size(); ++i) {
        few.add(rows.unit[i], rows.labels[i], rows.p[i]);
        whole.add(rows.unit[i], rows.labels[i], rows.p[i]);
        (i < 700 ? part : other).add(rows.unit[i], rows.labels[i], rows.p[i]);
    }
    CHECK(few.result().state == status::few_clusters);
    CHECK(std::isnan(few.result().upper));
    CHECK(few.compare(few).state == status::few_clusters);
    CHECK(part.merge(other));
    CHECK(relative_error(part.result().upper, whole.result().upper) < 1e-9);
    CHECK(whole.result().clusters > 500);
    CHECK_FALSE(whole.add(1, 3, 0.5));
    CHECK(whole.result().state == status::out_of_range);
}
