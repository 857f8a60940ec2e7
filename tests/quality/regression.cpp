// SPDX-License-Identifier: Apache-2.0

#include <joust/quality/regression.hpp>

#include "stats/support.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace quality = joust::quality;
namespace stats = joust::stats;
using joust::status;
using joust_test::relative_error;

namespace {

struct rows {
    std::vector<double> truth, first, second;
    std::vector<std::uint64_t> unit;
};

rows draw(joust_test::engine& random, int n, int per_unit)
{
    rows r;
    double shared = 0.0, shared_first = 0.0;
    for (int i = 0; i < n; ++i) {
        if (i % per_unit == 0) {
            shared = random.bell();
            shared_first = random.bell();
        }
        const double y = 10.0 + 2.0 * random.bell() + (per_unit > 1 ? shared : 0.0);
        r.truth.push_back(y);
        r.first.push_back(y + random.bell() + (per_unit > 1 ? shared_first : 0.0));
        r.second.push_back(0.5 * (y + 10.0) + random.bell());
        r.unit.push_back(static_cast<std::uint64_t>(i / per_unit));
    }
    return r;
}

template <class Metric>
double value_of(const Metric& metric, const std::vector<double>& truth, const std::vector<double>& predicted,
                std::size_t without)
{
    quality::row_quality<Metric> q{metric};
    for (std::size_t i = 0; i < truth.size(); ++i) {
        if (i != without) {
            q.add(truth[i], predicted[i]);
        }
    }
    return q.result().value;
}

// The delta method's error is the jackknife's, up to 1 / n.
template <class Metric>
void agrees_with_jackknife(const Metric& metric)
{
    joust_test::engine random{101};
    const rows r = draw(random, 400, 1);
    quality::row_quality<Metric> q{metric};
    quality::paired_quality<Metric> pair{metric};
    stats::moments one_left_out, difference;
    for (std::size_t i = 0; i < r.truth.size(); ++i) {
        q.add(r.truth[i], r.first[i]);
        pair.add(r.truth[i], r.first[i], r.second[i]);
        const double a = value_of(metric, r.truth, r.first, i);
        one_left_out.add(a);
        difference.add(a - value_of(metric, r.truth, r.second, i));
    }
    const double n = 400.0;
    const auto jackknife = [&](const stats::moments& m) { return (n - 1.0) * std::sqrt(m.variance() / n); };
    INFO(Metric::name());
    const auto result = q.result();
    CHECK(result.state == status::ok);
    CHECK(relative_error(result.standard_error, jackknife(one_left_out)) < 0.01);
    const auto test = pair.compare();
    CHECK(test.state == status::ok);
    CHECK(relative_error(test.estimate / test.statistic, jackknife(difference)) < 0.01);
    CHECK(relative_error(test.estimate, value_of(metric, r.truth, r.first, 1000) -
                                            value_of(metric, r.truth, r.second, 1000)) < 1e-10);
}

}  // namespace

TEST_CASE("metrics by their definitions on a small table")
{
    const double truth[] = {1.0, 2.0, 4.0, 9.0};
    const double said[] = {1.5, 2.0, 3.0, 7.0};
    quality::row_quality<quality::mean_absolute_error> mae;
    quality::row_quality<quality::mean_squared_error> mse;
    quality::row_quality<quality::root_mean_squared_error> rmse;
    quality::row_quality<quality::r_squared> r2{quality::r_squared{.centre = 3.0}};
    for (std::size_t i = 0; i < 4; ++i) {
        mae.add(truth[i], said[i]);
        mse.add(truth[i], said[i]);
        rmse.add(truth[i], said[i]);
        r2.add(truth[i], said[i]);
    }
    CHECK(relative_error(mae.result().value, 3.5 / 4.0) < 1e-15);
    CHECK(relative_error(mse.result().value, 5.25 / 4.0) < 1e-15);
    CHECK(relative_error(rmse.result().value, std::sqrt(5.25 / 4.0)) < 1e-15);
    CHECK(relative_error(r2.result().value, 1.0 - 5.25 / 38.0) < 1e-14);
    // a mean's interval: standard error of the absolute errors 0.5, 0, 1, 2
    CHECK(relative_error(mae.result().standard_error, std::sqrt((5.25 - 3.5 * 3.5 / 4.0) / 3.0 / 4.0)) <
          1e-14);
}

TEST_CASE("regression: standard errors are those of the jackknife, for one model and for a pair")
{
    agrees_with_jackknife(quality::mean_absolute_error{});
    agrees_with_jackknife(quality::mean_squared_error{});
    agrees_with_jackknife(quality::root_mean_squared_error{});
    agrees_with_jackknife(quality::r_squared{.centre = 10.0});
    agrees_with_jackknife(quality::r_squared{});
}

TEST_CASE("for units with many rows, intervals by bucket cover and intervals by row do not")
{
    joust_test::engine random{103};
    constexpr int runs = 400;
    int by_bucket = 0, by_row = 0, rejected = 0;
    const double truth = std::sqrt(2.0);  // first errs by its own noise and by the unit's
    for (int run = 0; run < runs; ++run) {
        const rows r = draw(random, 2000, 20);
        quality::clustered_quality<quality::root_mean_squared_error> c, same;
        quality::row_quality<quality::root_mean_squared_error> plain;
        for (std::size_t i = 0; i < r.truth.size(); ++i) {
            c.add(r.unit[i], r.truth[i], r.first[i]);
            // another model that is as good: mirrored errors
            same.add(r.unit[i], r.truth[i],
                     r.truth[i] + random.bell() + (r.first[i] - r.truth[i] > 0 ? -1.0 : 1.0));
            plain.add(r.truth[i], r.first[i]);
        }
        const auto q = c.result();
        by_bucket += q.lower <= truth && q.upper >= truth ? 1 : 0;
        const auto p = plain.result();
        by_row += p.lower <= truth && p.upper >= truth ? 1 : 0;
        rejected += c.compare(same).p_value < 0.05 ? 1 : 0;
    }
    CHECK(by_bucket >= 360);  // 100 units: about 94 %
    CHECK(by_row < 320);
    CHECK(rejected < 40);
}

TEST_CASE("regression metrics of parts merge")
{
    joust_test::engine random{107};
    const rows r = draw(random, 300, 3);
    const quality::r_squared metric{.centre = 10.0};
    quality::row_quality<quality::r_squared> whole{metric}, a{metric}, b{metric};
    quality::paired_quality<quality::r_squared> pair{metric}, pa{metric}, pb{metric};
    quality::clustered_quality<quality::r_squared> clusters{metric}, ca{metric}, cb{metric};
    for (std::size_t i = 0; i < 300; ++i) {
        whole.add(r.truth[i], r.first[i]);
        (i % 2 == 0 ? a : b).add(r.truth[i], r.first[i]);
        pair.add(r.truth[i], r.first[i], r.second[i]);
        (i % 2 == 0 ? pa : pb).add(r.truth[i], r.first[i], r.second[i]);
        clusters.add(r.unit[i], r.truth[i], r.first[i]);
        (i % 2 == 0 ? ca : cb).add(r.unit[i], r.truth[i], r.first[i]);
    }
    a.merge(b);
    pa.merge(pb);
    CHECK(ca.merge(cb));
    CHECK(relative_error(a.result().lower, whole.result().lower) < 1e-13);
    CHECK(relative_error(pa.compare().p_value, pair.compare().p_value) < 1e-11);
    CHECK(relative_error(ca.result().upper, clusters.result().upper) < 1e-11);
    quality::clustered_quality<quality::r_squared> other{metric, 64};
    CHECK_FALSE(ca.merge(other));
}

TEST_CASE("unpaired comparison, and edge cases")
{
    constexpr double missing = std::numeric_limits<double>::quiet_NaN();
    joust_test::engine random{109};
    quality::row_quality<quality::mean_absolute_error> a, b, none, bad, exact;
    for (int i = 0; i < 100; ++i) {
        a.add(0.0, random.bell());
        b.add(0.0, 2.0 * random.bell());
        exact.add(1.0, 1.0);
    }
    const auto test = quality::compare(a.result(), b.result());
    CHECK(test.state == status::ok);
    CHECK(test.estimate < 0.0);
    CHECK(test.p_value < 1e-3);
    CHECK(none.result().state == status::too_few);
    CHECK(quality::compare(a.result(), none.result()).state == status::too_few);
    CHECK_FALSE(bad.add(missing, 1.0));
    CHECK(bad.result().state == status::out_of_range);
    CHECK(exact.result().state == status::zero_variance);
    CHECK(exact.result().value == 0.0);
    CHECK(std::isnan(exact.result().lower));
    CHECK(a.result(1.0).state == status::out_of_range);
    quality::row_quality<quality::r_squared> flat;
    flat.add(1.0, 2.0);
    flat.add(1.0, 3.0);
    CHECK(flat.result().state == status::out_of_range);
    quality::clustered_quality<quality::mean_absolute_error> few;
    for (std::uint64_t i = 0; i < 5; ++i) {
        few.add(i, 0.0, static_cast<double>(i));
    }
    CHECK(few.result().state == status::few_clusters);
    CHECK(few.compare(few).state == status::few_clusters);
    quality::paired_quality<quality::mean_absolute_error> same;
    same.add(1.0, 2.0, 2.0);
    same.add(1.0, 4.0, 4.0);
    CHECK(same.compare().state == status::zero_variance);
    CHECK(same.compare().estimate == 0.0);
}
