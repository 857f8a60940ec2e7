// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/tests/delong.hpp>

#include "stats/oracle_rows.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using stats::side;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// DeLong, DeLong and Clarke-Pearson's structural components, pair by pair.
struct plain {
    double auc_a = 0.0, auc_b = 0.0, variance_a = 0.0, variance_b = 0.0, covariance = 0.0;
};

plain by_pairs(const std::vector<int>& labels, const std::vector<double>& a, const std::vector<double>& b)
{
    std::vector<std::size_t> positive, negative;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        (labels[i] == 1 ? positive : negative).push_back(i);
    }
    const double m = static_cast<double>(positive.size()), n = static_cast<double>(negative.size());
    const auto kernel = [](double x, double y) { return x > y ? 1.0 : x == y ? 0.5 : 0.0; };
    plain result;
    std::vector<double> va, vb, wa, wb;
    for (const std::size_t i : positive) {
        double sa = 0.0, sb = 0.0;
        for (const std::size_t j : negative) {
            sa += kernel(a[i], a[j]) / n;
            sb += kernel(b[i], b[j]) / n;
        }
        va.push_back(sa);
        vb.push_back(sb);
        result.auc_a += sa / m;
        result.auc_b += sb / m;
    }
    for (const std::size_t j : negative) {
        double sa = 0.0, sb = 0.0;
        for (const std::size_t i : positive) {
            sa += kernel(a[i], a[j]) / m;
            sb += kernel(b[i], b[j]) / m;
        }
        wa.push_back(sa);
        wb.push_back(sb);
    }
    const auto covariance = [&](const std::vector<double>& x, double mx, const std::vector<double>& y,
                                double my) {
        double sum = 0.0;
        for (std::size_t i = 0; i < x.size(); ++i) {
            sum += (x[i] - mx) * (y[i] - my);
        }
        return sum / (static_cast<double>(x.size()) - 1.0) / static_cast<double>(x.size());
    };
    result.variance_a =
        covariance(va, result.auc_a, va, result.auc_a) + covariance(wa, result.auc_a, wa, result.auc_a);
    result.variance_b =
        covariance(vb, result.auc_b, vb, result.auc_b) + covariance(wb, result.auc_b, wb, result.auc_b);
    result.covariance =
        covariance(va, result.auc_a, vb, result.auc_b) + covariance(wa, result.auc_a, wb, result.auc_b);
    return result;
}

}  // namespace

TEST_CASE("the reference rows of DeLong's test")
{
    CHECK(joust_test::hold_to_rows("delong", [](const joust_test::oracle_row& row) {
              const auto labels = row.inputs["label"].get<std::vector<int>>();
              const auto r = stats::delong(labels, joust_test::numbers(row.inputs["s1"]),
                                           joust_test::numbers(row.inputs["s2"]));
              const std::string& f = row.field;
              return f == "auc1"   ? r.auc_a
                     : f == "auc2" ? r.auc_b
                     : f == "var1" ? r.variance_a
                     : f == "var2" ? r.variance_b
                     : f == "cov"  ? r.covariance
                     : f == "z"    ? r.statistic
                                   : r.p_value;
          }) == 28);
}

TEST_CASE("areas and variances are those of all pairs, for few and many cases")
{
    joust_test::engine draw{51};
    for (const std::size_t n : {30U, 200U, 2'500U}) {
        for (const bool lumped : {false, true}) {
            std::vector<int> labels;
            std::vector<double> a, b;
            for (std::size_t i = 0; i < n; ++i) {
                labels.push_back(draw.coin(0.3) ? 1 : 0);
                const double common = draw.bell() + labels.back();
                const auto score = [&](double x) { return lumped ? std::floor(2.0 * x) : x; };
                a.push_back(score(common + draw.bell()));
                b.push_back(score(common + 2.0 * draw.bell()));
            }
            const plain want = by_pairs(labels, a, b);
            const auto r = stats::delong(labels, a, b);
            REQUIRE(r.state == status::ok);
            CHECK(r.auc_a == Approx(want.auc_a).epsilon(1e-13));
            CHECK(r.auc_b == Approx(want.auc_b).epsilon(1e-13));
            CHECK(r.variance_a == Approx(want.variance_a).epsilon(1e-12));
            CHECK(r.variance_b == Approx(want.variance_b).epsilon(1e-12));
            CHECK(r.covariance == Approx(want.covariance).epsilon(1e-11));
            const double variance = want.variance_a + want.variance_b - 2.0 * want.covariance;
            CHECK(r.statistic == Approx((want.auc_a - want.auc_b) / std::sqrt(variance)).epsilon(1e-10));
            CHECK(r.estimate - r.lower == Approx(1.9599639845400542 * std::sqrt(variance)).epsilon(1e-10));

            const auto one = stats::area_under_curve(labels, a);
            CHECK(one.estimate == Approx(want.auc_a).epsilon(1e-13));
            CHECK(one.variance == Approx(want.variance_a).epsilon(1e-12));
            CHECK(one.positives + one.negatives == n);
            CHECK(one.statistic == Approx((want.auc_a - 0.5) / std::sqrt(want.variance_a)).epsilon(1e-11));
            // the interval is symmetric on the logit scale, with the error the delta method gives there
            const auto logit = [](double p) { return std::log(p) - std::log1p(-p); };
            const double half =
                1.9599639845400542 * std::sqrt(want.variance_a) / (want.auc_a * (1.0 - want.auc_a));
            CHECK(logit(one.lower) == Approx(logit(want.auc_a) - half).epsilon(1e-10));
            CHECK(logit(one.upper) == Approx(logit(want.auc_a) + half).epsilon(1e-10));

            const auto apart = stats::delong_unpaired(labels, a, labels, b);
            CHECK(apart.statistic ==
                  Approx((want.auc_a - want.auc_b) / std::sqrt(want.variance_a + want.variance_b))
                      .epsilon(1e-11));
            CHECK(apart.covariance == 0.0);
        }
    }
}

TEST_CASE("DeLong's test of many cases is that of all pairs, whichever way they are ordered")
{
    joust_test::engine draw{19};
    for (const int kind : {0, 1, 2, 3}) {
        std::vector<int> labels(5'000);
        std::vector<double> a(5'000), b(5'000);
        for (std::size_t i = 0; i < 5'000; ++i) {
            labels[i] = draw.coin(0.2) ? 1 : 0;
            const double up = 0.5 * labels[i];
            const auto score = [&](double u) {
                return kind == 1 ? std::floor(500.0 * u) : kind == 2 ? std::exp(30.0 * u) : u;
            };
            a[i] = score(up + draw.uniform());
            b[i] = kind == 3 && i % 2 == 1 ? std::nextafter(b[i - 1], 2.0) : score(up + draw.uniform());
        }
        const plain want = by_pairs(labels, a, b);
        const auto r = stats::delong(labels, a, b);
        INFO(kind);
        CHECK(r.auc_a == Approx(want.auc_a).epsilon(1e-13));
        CHECK(r.auc_b == Approx(want.auc_b).epsilon(1e-13));
        CHECK(r.variance_a == Approx(want.variance_a).epsilon(1e-11));
        CHECK(r.variance_b == Approx(want.variance_b).epsilon(1e-11));
        CHECK(r.covariance == Approx(want.covariance).epsilon(1e-9));
    }
}

TEST_CASE("scores that order the cases alike have no variance, whatever their values")
{
    const std::vector<bool> labels{false, true, false, true, true, false};
    const std::vector<double> a{0.1, 0.5, 0.3, 0.2, 0.9, 0.4};
    std::vector<double> b;
    for (const double score : a) {
        b.push_back(std::exp(10.0 * score));
    }
    const auto r = stats::delong(labels, a, b);
    CHECK(r.state == status::zero_variance);
    CHECK(r.estimate == 0.0);
    CHECK(r.auc_a == r.auc_b);
    CHECK(std::isnan(r.p_value));
    const auto perfect =
        stats::area_under_curve(std::vector<int>{0, 0, 1, 1}, std::vector<double>{1, 2, 3, 4});
    CHECK(perfect.state == status::ok);
    CHECK(perfect.lower == Approx(std::sqrt(0.025)).epsilon(1e-14));  // two independent pairs, both won
    CHECK(perfect.upper == 1.0);
    CHECK(perfect.p_value == Approx(0.5).epsilon(1e-14));
    CHECK(perfect.estimate == 1.0);
    // nearly the same scores: the variance of the difference does not cancel
    joust_test::engine draw{3};
    std::vector<int> many;
    std::vector<double> x, y;
    for (int i = 0; i < 4'000; ++i) {
        many.push_back(i % 2);
        x.push_back(draw.bell() + many.back());
        y.push_back(x.back());
    }
    y[0] = 100.0;  // one negative moves above all positives
    const double m = 2000.0;
    double above = 0.0;
    for (std::size_t i = 1; i < x.size(); i += 2) {
        above += x[i] > x[0] ? 1.0 : 0.0;
    }
    // only one negative's placement changes, by `above` / m; each of those positives' by 1 / n
    const double share = above / m;
    const double v01 = share * share / m / m;
    const double v10 = share * (1.0 - share) / (m - 1.0) / m / m;
    const auto close = stats::delong(many, x, y);
    CHECK(close.estimate == Approx(share / m).epsilon(1e-12));
    CHECK(close.statistic == Approx(share / m / std::sqrt(v01 + v10)).epsilon(1e-12));
}

TEST_CASE("infinite scores rank at the ends; bad input has a state")
{
    const std::vector<int> labels{0, 1, 0, 1};
    const std::vector<double> a{-infinity, 0.5, 0.7, infinity}, b{0.2, 0.1, 0.3, 0.4};
    CHECK(stats::delong(labels, a, b).state == status::ok);
    CHECK(stats::delong(labels, a, b).auc_a == 0.75);
    CHECK(stats::delong(labels, a, std::vector<double>{0.2, 0.1, 0.3}).state == status::out_of_range);
    CHECK(stats::delong(labels, a, std::vector<double>{0.2, std::nan(""), 0.3, 0.4}).state ==
          status::out_of_range);
    CHECK(stats::delong(std::vector<int>{0, 2, 0, 1}, a, b).state == status::out_of_range);
    CHECK(stats::delong(std::vector<int>{0, 0, 0, 1}, a, b).state == status::too_few);
    CHECK(stats::delong(std::vector<int>{}, std::vector<double>{}, std::vector<double>{}).state ==
          status::too_few);
    CHECK(stats::delong(labels, a, b, {.alpha = 7.0}).state == status::out_of_range);
    CHECK(stats::delong_unpaired(labels, a, std::vector<int>{1, 1}, std::vector<double>{1, 2}).state ==
          status::too_few);
    CHECK(stats::delong_unpaired(std::vector<int>{1, 1}, std::vector<double>{1, 2}, labels, a).state ==
          status::too_few);
    CHECK(stats::delong_unpaired(std::vector<int>{1, 3}, std::vector<double>{1, 2}, labels, a).state ==
          status::out_of_range);
    CHECK(stats::area_under_curve(labels, std::vector<double>{1, 2, 3}).state == status::out_of_range);
    const auto far = stats::area_under_curve(labels, a, {.alternative = side::less});
    CHECK(far.lower == -infinity);
}
