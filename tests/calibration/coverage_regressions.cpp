// SPDX-License-Identifier: Apache-2.0

// How often do intervals of regression coefficients and of adjusted differences miss the truth?
//
// Columns and arguments are those of coverage.cpp. It is a program of its own because Eigen takes long to compile.

#include <joust/stats/regression.hpp>

#include "calibration/coverage.hpp"

#include <cstdint>
#include <vector>

namespace {

using namespace joust;
using namespace joust_test;

void regressions(coverage_table& table)
{
    for (const stats::hc variance : {stats::hc::hc2, stats::hc::hc3}) {
        table.row(variance == stats::hc::hc2 ? "least_squares, HC2" : "least_squares, HC3",
                  "slope, sd grows with x", 100, "50 a coefficient", 100, [=](keyed_random& r) {
                      Eigen::MatrixXd x(100, 2);
                      std::vector<double> y;
                      for (Eigen::Index i = 0; i < 100; ++i) {
                          const double at = r.uniform();
                          x(i, 0) = 1.0;
                          x(i, 1) = at;
                          y.push_back(1.0 + 2.0 * at + (0.2 + at) * normal(r));
                      }
                      return check(stats::least_squares{x, y}.test(1, {.variance = variance}), 2.0);
                  });
    }
    table.row("least_squares, CR2", "slope, 40 clusters of 4", 160, "8 clusters, 4 df", 50,
              [](keyed_random& r) {
                  Eigen::MatrixXd x(160, 2);
                  std::vector<double> y;
                  std::vector<std::uint64_t> clusters;
                  for (Eigen::Index g = 0; g < 40; ++g) {
                      const double level = normal(r), at = normal(r);
                      for (Eigen::Index i = 4 * g; i < 4 * g + 4; ++i) {
                          x(i, 0) = 1.0;
                          x(i, 1) = at + 0.5 * normal(r);
                          y.push_back(1.0 + 2.0 * x(i, 1) + level + normal(r));
                          clusters.push_back(static_cast<std::uint64_t>(g));
                      }
                  }
                  return check(stats::least_squares{x, y}.test(1, clusters), 2.0);
              });
    table.row("lin_adjustment, HC2", "2 covariates, one effect", 80, "10 a coefficient", 50,
              [](keyed_random& r) {
                  Eigen::MatrixXd x(80, 2);
                  std::vector<double> y;
                  std::vector<std::uint8_t> first;
                  for (Eigen::Index i = 0; i < 80; ++i) {
                      x(i, 0) = normal(r);
                      x(i, 1) = r.uniform();
                      first.push_back(r.coin() ? 1 : 0);
                      y.push_back((first.back() == 1 ? 1.0 : 0.0) + x(i, 0) + x(i, 1) * x(i, 1) + normal(r));
                  }
                  return check(stats::lin_adjustment(y, first, x), 1.0);
              });
    table.row("lin_adjustment, CR2", "30 clusters of 4", 120, "8 clusters, 4 df", 30, [](keyed_random& r) {
        Eigen::MatrixXd x(120, 1);
        std::vector<double> y;
        std::vector<std::uint8_t> first;
        std::vector<std::uint64_t> clusters;
        for (Eigen::Index g = 0; g < 30; ++g) {
            const double level = normal(r);
            for (Eigen::Index i = 4 * g; i < 4 * g + 4; ++i) {
                x(i, 0) = level + normal(r);
                first.push_back(g % 2 == 0 ? 1 : 0);
                clusters.push_back(static_cast<std::uint64_t>(g));
                y.push_back((g % 2 == 0 ? 1.0 : 0.0) + x(i, 0) + level + normal(r));
            }
        }
        return check(stats::lin_adjustment(y, first, x, clusters), 1.0);
    });
}

}  // namespace

int main(int count, char** arguments)
{
    coverage_table table{"Intervals of regressions", count, arguments};
    regressions(table);
    return table.finish();
}
