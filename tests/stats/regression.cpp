// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/estimation/cuped.hpp>
#include <joust/stats/regression.hpp>
#include <joust/stats/tests/cluster.hpp>

#include "stats/oracle_rows.hpp"

#include <Eigen/Dense>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using joust_test::relative_error;

namespace {

struct experiment {
    std::vector<double> y;
    std::vector<std::uint8_t> t;
    std::vector<std::uint64_t> cluster;
    Eigen::MatrixXd x;
};

experiment draw(joust_test::engine& random, int n, int groups, double effect)
{
    experiment e;
    e.x.resize(n, 2);
    std::vector<double> shared(static_cast<std::size_t>(groups));
    for (double& s : shared) {
        s = random.bell();
    }
    for (int i = 0; i < n; ++i) {
        const int g = i % groups;
        e.x(i, 0) = random.bell();
        e.x(i, 1) = random.uniform();
        e.t.push_back(random.coin(0.4) ? 1 : 0);
        e.cluster.push_back(static_cast<std::uint64_t>(g));
        e.y.push_back(effect * e.t.back() + e.x(i, 0) * (1.0 + e.t.back()) + 2.0 * e.x(i, 1) +
                      0.7 * shared[static_cast<std::size_t>(g)] + random.bell());
    }
    return e;
}

// The definitions, with full n x n matrices.
struct brute {
    Eigen::MatrixXd x, bread, hat;
    Eigen::VectorXd e, beta;

    brute(const Eigen::MatrixXd& design, const std::vector<double>& y) : x(design)
    {
        const Eigen::VectorXd v = Eigen::Map<const Eigen::VectorXd>(y.data(), design.rows());
        bread = (x.transpose() * x).inverse();
        hat = x * bread * x.transpose();
        beta = bread * x.transpose() * v;
        e = v - x * beta;
    }
    // adjusted residual weights: variance = sum over blocks of (w_g' A_g e_g)^2
    double variance(const std::vector<std::uint64_t>& cluster, Eigen::Index column, double power,
                    double* df) const
    {
        const Eigen::Index n = x.rows();
        const Eigen::VectorXd w = x * bread.col(column);
        std::vector<Eigen::VectorXd> rows;
        double total = 0.0;
        for (std::uint64_t g = 0; g < 1000; ++g) {
            std::vector<Eigen::Index> mine;
            for (Eigen::Index i = 0; i < n; ++i) {
                if (cluster[static_cast<std::size_t>(i)] == g) {
                    mine.push_back(i);
                }
            }
            if (mine.empty()) {
                continue;
            }
            const Eigen::Index m = static_cast<Eigen::Index>(mine.size());
            Eigen::MatrixXd block(m, m);
            for (Eigen::Index a = 0; a < m; ++a) {
                for (Eigen::Index b = 0; b < m; ++b) {
                    block(a, b) = (a == b ? 1.0 : 0.0) -
                                  hat(mine[static_cast<std::size_t>(a)], mine[static_cast<std::size_t>(b)]);
                }
            }
            const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(block);
            const Eigen::MatrixXd adjust = eigen.eigenvectors() *
                                           eigen.eigenvalues().array().pow(power).matrix().asDiagonal() *
                                           eigen.eigenvectors().transpose();
            Eigen::VectorXd full = Eigen::VectorXd::Zero(n);
            Eigen::VectorXd local(m);
            for (Eigen::Index a = 0; a < m; ++a) {
                local[a] = w[mine[static_cast<std::size_t>(a)]];
            }
            const Eigen::VectorXd weighted = adjust * local;
            for (Eigen::Index a = 0; a < m; ++a) {
                full[mine[static_cast<std::size_t>(a)]] = weighted[a];
            }
            const double part = full.dot(e);
            total += part * part;
            rows.push_back((Eigen::MatrixXd::Identity(n, n) - hat) * full);
        }
        Eigen::MatrixXd g(n, static_cast<Eigen::Index>(rows.size()));
        for (std::size_t j = 0; j < rows.size(); ++j) {
            g.col(static_cast<Eigen::Index>(j)) = rows[j];
        }
        const Eigen::MatrixXd m = g.transpose() * g;
        *df = m.trace() * m.trace() / (m * m).trace();
        return total;
    }
};

}  // namespace

TEST_CASE("reference values of HC2 without and with Lin's adjustment, and of clusters")
{
    int driven = 0;
    for (const char* name : {"diff_in_means_HC2", "lin_regression_adjustment", "cluster_robust"}) {
        for (const auto& row : joust_test::oracle_rows(name)) {
            const auto y = row.numbers("y");
            std::vector<std::uint8_t> t;
            for (const double v : row.numbers("t")) {
                t.push_back(v > 0.0 ? 1 : 0);
            }
            const Eigen::Index n = static_cast<Eigen::Index>(y.size());
            Eigen::MatrixXd x(n, 0);
            if (row.method == "lin_regression_adjustment") {
                const auto covariate = row.numbers("x");
                x = Eigen::Map<const Eigen::VectorXd>(covariate.data(), n);
            }
            double got = 0.0;
            if (row.method == "cluster_robust") {
                std::vector<std::uint64_t> g;
                for (const double v : row.numbers("cluster")) {
                    g.push_back(static_cast<std::uint64_t>(v));
                }
                stats::adjustment_options options;
                options.clustered = row.field == "se_CR0"         ? stats::cr::cr0
                                    : row.field == "se_CR1_stata" ? stats::cr::cr1
                                                                  : stats::cr::cr2;
                const auto r = stats::lin_adjustment(y, t, x, g, options);
                CHECK(r.state == status::ok);
                CHECK(r.clusters == 10);
                got = row.field == "df_CR2" ? r.df : row.field == "p_CR2" ? r.p_value : r.standard_error;
            } else {
                const auto r = stats::lin_adjustment(y, t, x);
                CHECK(r.state == status::ok);
                got = row.field == "ate" ? r.estimate : row.field == "se" ? r.standard_error : r.p_value;
            }
            joust_test::check_oracle(row, got);
            ++driven;
        }
    }
    CHECK(driven == 10);
}

TEST_CASE("HC2 without covariates is Welch's test, CR2 the clustered one")
{
    joust_test::engine random{59};
    const experiment e = draw(random, 60, 12, 0.5);
    std::vector<double> first, second;
    for (std::size_t i = 0; i < e.y.size(); ++i) {
        (e.t[i] != 0 ? first : second).push_back(e.y[i]);
    }
    const Eigen::MatrixXd none(60, 0);
    const auto welch = stats::welch_t(first, second);
    const auto hc2 = stats::lin_adjustment(e.y, e.t, none);
    CHECK(relative_error(hc2.statistic, welch.statistic) < 1e-12);
    CHECK(relative_error(hc2.variance_reduction + 1.0, 1.0) < 1e-12);
    const auto clustered = stats::cluster_robust_t(e.y, e.cluster, e.t);
    const auto cr2 = stats::lin_adjustment(e.y, e.t, none, e.cluster);
    CHECK(relative_error(cr2.standard_error, clustered.standard_error) < 1e-12);
    CHECK(relative_error(cr2.df, clustered.df) < 1e-12);
    CHECK(relative_error(cr2.p_value, clustered.p_value) < 1e-11);
}

TEST_CASE("every variance and every degrees of freedom against the definitions with full matrices")
{
    joust_test::engine random{61};
    const experiment e = draw(random, 45, 9, 0.5);
    Eigen::MatrixXd design(45, 4);
    for (Eigen::Index i = 0; i < 45; ++i) {
        design(i, 0) = 1.0;
        design(i, 1) = e.t[static_cast<std::size_t>(i)];
        design(i, 2) = e.x(i, 0);
        design(i, 3) = e.x(i, 1);
    }
    const stats::least_squares fit{design, e.y};
    const brute truth{design, e.y};
    CHECK((fit.coefficients() - truth.beta).norm() < 1e-12);
    CHECK(fit.rank() == 4);
    std::vector<std::uint64_t> own(45);
    for (std::size_t i = 0; i < 45; ++i) {
        own[i] = i;
    }
    for (Eigen::Index column = 0; column < 4; ++column) {
        double df = 0.0;
        const double hc2 = truth.variance(own, column, -0.5, &df);
        const auto r2 = fit.test(column);
        CHECK(relative_error(r2.standard_error, std::sqrt(hc2)) < 1e-11);
        CHECK(relative_error(r2.df, df) < 1e-10);
        const double hc0 = truth.variance(own, column, 0.0, &df);
        CHECK(relative_error(fit.test(column, {.variance = stats::hc::hc0}).standard_error, std::sqrt(hc0)) <
              1e-11);
        CHECK(relative_error(fit.test(column, {.variance = stats::hc::hc1}).standard_error,
                             std::sqrt(hc0 * 45.0 / 41.0)) < 1e-11);
        const double hc3 = truth.variance(own, column, -1.0, &df);
        CHECK(relative_error(fit.test(column, {.variance = stats::hc::hc3}).standard_error, std::sqrt(hc3)) <
              1e-11);
        CHECK(fit.test(column, {.variance = stats::hc::hc3}).df == 41.0);
        const double cr2 = truth.variance(e.cluster, column, -0.5, &df);
        const auto rc = fit.test(column, e.cluster);
        CHECK(relative_error(rc.standard_error, std::sqrt(cr2)) < 1e-10);
        CHECK(relative_error(rc.df, df) < 1e-9);
        const double cr0 = truth.variance(e.cluster, column, 0.0, &df);
        CHECK(relative_error(fit.test(column, e.cluster, {.clustered = stats::cr::cr0}).standard_error,
                             std::sqrt(cr0)) < 1e-11);
    }
}

TEST_CASE("offsets and scales of covariates cost no digits, dependent ones do no harm")
{
    joust_test::engine random{67};
    experiment e = draw(random, 200, 20, 0.3);
    const auto plain = stats::lin_adjustment(e.y, e.t, e.x);
    Eigen::MatrixXd moved = e.x;
    moved.col(0) = (1e-6 * e.x.col(0)).array() + 1.0;
    moved.col(1) = 1e9 * e.x.col(1);
    std::vector<double> y = e.y;
    for (double& v : y) {
        v += 1e6;
    }
    const auto same = stats::lin_adjustment(y, e.t, moved);
    CHECK(relative_error(same.estimate, plain.estimate) < 1e-8);  // the data themselves are rounded at 1e-10
    CHECK(relative_error(same.p_value, plain.p_value) < 1e-7);
    Eigen::MatrixXd twice(200, 3);
    twice << e.x, e.x.col(0) - 2.0 * e.x.col(1);
    const auto dependent = stats::lin_adjustment(e.y, e.t, twice);
    CHECK(relative_error(dependent.estimate, plain.estimate) < 1e-10);
    CHECK(relative_error(dependent.standard_error, plain.standard_error) < 1e-10);
    Eigen::MatrixXd design(200, 3);
    design << Eigen::VectorXd::Ones(200), e.x.col(0), 2.0 * e.x.col(0);
    const stats::least_squares fit{design, e.y};
    CHECK(fit.rank() == 2);
    CHECK(fit.test(Eigen::Index{0}).state == status::ok);
    CHECK(fit.test(Eigen::Index{1}).state == status::out_of_range);  // only the sum b1 + 2 b2 is determined
    Eigen::VectorXd sum(3);
    sum << 0.0, 1.0, 2.0;
    CHECK(fit.test(sum).state == status::ok);
}

TEST_CASE("the adjustment covers, and does what CUPED does with one covariate")
{
    joust_test::engine random{71};
    int covered = 0, covered_clusters = 0;
    constexpr int runs = 1000;
    for (int run = 0; run < runs; ++run) {
        const experiment e = draw(random, 80, 20, 0.5);
        const auto r = stats::lin_adjustment(e.y, e.t, e.x, e.cluster);
        covered_clusters += r.lower <= 0.5 && r.upper >= 0.5 ? 1 : 0;
        const auto i = stats::lin_adjustment(e.y, e.t, e.x);
        covered += i.lower <= 0.5 && i.upper >= 0.5 ? 1 : 0;
    }
    // The truth for the sampled rows varies with their covariates, which the interval does not count: allow below 95 %.
    CHECK(covered >= 890);
    CHECK(covered_clusters >= 890);
    const experiment e = draw(random, 2000, 2000, 0.0);
    stats::co_moments<2> arms[2];
    for (std::size_t i = 0; i < e.y.size(); ++i) {
        arms[e.t[i]].add(e.y[i], e.x(static_cast<Eigen::Index>(i), 0));
    }
    const auto cuped = stats::cuped(arms[1], arms[0]);
    const auto lin = stats::lin_adjustment(e.y, e.t, e.x.leftCols(1));
    CHECK(std::fabs(cuped.estimate - lin.estimate) < 0.3 * lin.standard_error);
    CHECK(lin.standard_error < 1.02 * std::fabs(cuped.estimate / cuped.statistic));
    CHECK(lin.variance_reduction > 0.3);
}

TEST_CASE("missing covariates are refused, or filled with an indicator")
{
    joust_test::engine random{73};
    experiment e = draw(random, 300, 30, 0.4);
    e.x(3, 0) = e.x(7, 0) = e.x(11, 0) = e.x(40, 0) = std::numeric_limits<double>::quiet_NaN();
    CHECK(stats::lin_adjustment(e.y, e.t, e.x).state == status::out_of_range);
    stats::adjustment_options options;
    options.fill_missing = true;
    const auto r = stats::lin_adjustment(e.y, e.t, e.x, options);
    CHECK(r.filled == 4);
    CHECK((r.state == status::ok || r.state == status::too_few));  // an arm may hold one missing row alone
}

TEST_CASE("Eigen vectors are samples")
{
    Eigen::VectorXd x(4), y(3);
    x << 1, 2, 4, 8;
    y << 2, 3, 9;
    const auto r = stats::welch_t(stats::as_sample(x), stats::as_sample(y));
    const std::vector<double> a{1, 2, 4, 8}, b{2, 3, 9};
    CHECK(r.p_value == stats::welch_t(a, b).p_value);
}

TEST_CASE("regression: edge cases give a status")
{
    constexpr double missing = std::numeric_limits<double>::quiet_NaN();
    const Eigen::MatrixXd none(0, 0), four(4, 0);
    const std::vector<double> y{1.0, 2.0, 4.0, 8.0}, bad{1.0, 2.0, missing, 8.0}, flat{3.0, 3.0, 3.0, 3.0};
    const std::vector<std::uint8_t> t{0, 1, 0, 1}, all{1, 1, 1, 1}, short_t{0, 1}, one_alone{1, 0, 0, 0};
    CHECK(stats::lin_adjustment({}, {}, none).state == status::too_few);
    CHECK(stats::lin_adjustment(y, short_t, four).state == status::out_of_range);
    CHECK(stats::lin_adjustment(bad, t, four).state == status::out_of_range);
    CHECK(stats::lin_adjustment(y, all, four).state == status::out_of_range);  // no second sample
    CHECK(stats::lin_adjustment(y, one_alone, four).state ==
          status::too_few);  // one value decides its own fit
    CHECK(stats::lin_adjustment(flat, t, four).state == status::zero_variance);
    CHECK(std::isnan(stats::lin_adjustment(y, one_alone, four).p_value));
    const std::vector<std::uint64_t> one_cluster{1, 1, 1, 1}, few{1, 1, 2, 2}, wrong{1, 2};
    CHECK(stats::lin_adjustment(y, t, four, one_cluster).state == status::few_clusters);
    CHECK(stats::lin_adjustment(y, t, four, few).state == status::few_clusters);
    CHECK(stats::lin_adjustment(y, t, four, wrong).state == status::out_of_range);
    Eigen::MatrixXd wide = Eigen::MatrixXd::Random(4, 5);
    const stats::least_squares saturated{wide, y};
    CHECK(saturated.state() == status::too_few);
    CHECK(saturated.test(Eigen::Index{0}).state == status::too_few);
    const stats::least_squares fit{wide.leftCols(2), y};
    CHECK(fit.test(Eigen::Index{2}).state == status::out_of_range);
    CHECK(fit.test(Eigen::Index{0}, {.alpha = 0.0}).state == status::out_of_range);
}
