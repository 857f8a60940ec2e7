// SPDX-License-Identifier: Apache-2.0

// How often do intervals of model metrics, and of a policy's value from logged data, miss the truth?
//
// Columns and arguments are those of coverage.cpp. Rows of metrics say whether rows are independent, paired (two models on the
// same rows), or clustered (several rows of a unit, alike); truths are those of infinitely many rows.

#include <joust/quality/calibration.hpp>
#include <joust/quality/classification.hpp>
#include <joust/quality/regression.hpp>
#include <joust/stats/estimation/off_policy.hpp>

#include "calibration/coverage.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace joust;
using namespace joust_test;

double cdf(double z)
{
    return stats::normal_cdf(z);
}

// ---- classes: three of them, two models that agree in four of five rows

struct decision {
    std::size_t truth = 0, first = 0, second = 0;
};

// Predictions in thousandths of all rows, by truth.
constexpr std::array<std::array<int, 3>, 3> first_model{{{300, 50, 50}, {40, 200, 60}, {30, 50, 220}}};
constexpr std::array<std::array<int, 3>, 3> second_model{{{250, 100, 50}, {80, 150, 70}, {40, 60, 200}}};

std::size_t predicted(keyed_random& random, const std::array<int, 3>& of)
{
    const int all = of[0] + of[1] + of[2];
    int at = static_cast<int>(random.below(static_cast<std::uint64_t>(all)));
    std::size_t c = 0;
    while (at >= of[c]) {
        at -= of[c++];
    }
    return c;
}

decision decide(keyed_random& random)
{
    decision d;
    d.truth = predicted(random, {400, 300, 300});
    d.first = predicted(random, first_model[d.truth]);
    d.second = random.chance(0.8) ? d.first : predicted(random, second_model[d.truth]);
    return d;
}

// The metrics of a model over infinitely many rows.
template <class Metric>
double truth_of(const Metric& metric, bool second)
{
    quality::confusion all(3);
    for (std::size_t t = 0; t < 3; ++t) {
        for (std::size_t p = 0; p < 3; ++p) {
            const int a = first_model[t][p], b = second_model[t][p];
            all.add(t, p, static_cast<std::uint64_t>(second ? 8 * a + 2 * b : 10 * a));
        }
    }
    return all.result(metric).value;
}

template <class Metric>
void class_rows(coverage_table& table, const char* name, const Metric& metric)
{
    const double first = truth_of(metric, false);
    const double difference = first - truth_of(metric, true);
    const std::string text = name;
    table.row(name, "independent", 300, "20 a class", 300, [=](keyed_random& r) {
        quality::confusion seen(3);
        for (int i = 0; i < 300; ++i) {
            const decision d = decide(r);
            seen.add(d.truth, d.first);
        }
        return check(seen.result(metric), first);
    });
    table.row((text + ", difference").c_str(), "paired", 300, "20 a class", 300, [=](keyed_random& r) {
        quality::paired_confusion seen(3);
        for (int i = 0; i < 300; ++i) {
            const decision d = decide(r);
            seen.add(d.truth, d.first, d.second);
        }
        return check(seen.compare(metric), difference);
    });
    const auto clustered = [](keyed_random& r, quality::clustered_confusion& a,
                              quality::clustered_confusion& b) {
        for (std::uint64_t unit = 0; unit < 400; ++unit) {
            const decision shared = decide(r);
            for (int i = 0; i < 3; ++i) {
                const decision d = r.chance(0.6) ? shared : decide(r);
                a.add(unit, d.truth, d.first);
                b.add(unit, d.truth, d.second);
            }
        }
    };
    table.row(name, "clustered", 1'200, "30 units", 100, [=](keyed_random& r) {
        quality::clustered_confusion a(3), b(3);
        clustered(r, a, b);
        return check(a.result(metric), first);
    });
    table.row((text + ", difference").c_str(), "clustered", 1'200, "30 units", 100, [=](keyed_random& r) {
        quality::clustered_confusion a(3), b(3);
        clustered(r, a, b);
        return check(a.compare(metric, b), difference);
    });
}

void classes(coverage_table& table)
{
    using quality::averaging;
    class_rows(table, "accuracy", quality::accuracy{});
    class_rows(table, "precision, macro", quality::precision{});
    class_rows(table, "precision of one class", quality::precision{.label = 1});
    class_rows(table, "recall, macro", quality::recall{});
    class_rows(table, "recall, weighted", quality::recall{.average = averaging::weighted});
    class_rows(table, "F1, micro", quality::f_score{.average = averaging::micro});
    class_rows(table, "F1, macro", quality::f_score{});
    class_rows(table, "F2, weighted", quality::f_score{.beta = 2.0, .average = averaging::weighted});
    class_rows(table, "balanced accuracy", quality::balanced_accuracy{});
    class_rows(table, "Matthews correlation", quality::matthews_correlation{});
}

// ---- numbers and probabilities

struct numbers {
    double truth, first, second;
};

// Normal truths and predictions; what the rows of a unit share of both is a half of the variance.
numbers predict(keyed_random& random, double level, double error)
{
    const auto part = [&](double shared) { return std::sqrt(0.5) * (shared + normal(random)); };
    const double y = part(level);
    return {y, 0.8 * y + 0.2 + 0.5 * part(error), 0.5 * y + 0.3 * normal(random)};
}

struct chances {
    int label;
    double first, second;
};

// A probability that is right, and one that is drawn towards a half.
chances foretell(keyed_random& random, double p)
{
    return {random.chance(p) ? 1 : 0, p, 0.25 + 0.5 * p};
}

double between(keyed_random& random)
{
    return 0.05 + 0.9 * random.uniform();
}

template <class Metric, class Unit>
void row_rows(coverage_table& table, const char* name, int n, double first, double second, Unit rows_of_unit)
{
    const std::string text = name;
    const std::string least = std::to_string(n) + " rows";
    const std::string units = std::to_string(n) + " units";
    table.row(name, "independent", n, least.c_str(), 100, [=](keyed_random& r) {
        quality::row_quality<Metric> seen;
        for (int i = 0; i < n; ++i) {
            const auto d = rows_of_unit(r, 1)[0];
            seen.add(d[0], d[1]);
        }
        return check(seen.result(), first);
    });
    table.row((text + ", difference").c_str(), "unpaired", 2 * n, least.c_str(), 50, [=](keyed_random& r) {
        quality::row_quality<Metric> a, b;
        for (int i = 0; i < n; ++i) {
            const auto d = rows_of_unit(r, 1)[0];
            const auto e = rows_of_unit(r, 1)[0];
            a.add(d[0], d[1]);
            b.add(e[0], e[2]);
        }
        return check(quality::compare(a.result(), b.result()), first - second);
    });
    table.row((text + ", difference").c_str(), "paired", n, least.c_str(), 100, [=](keyed_random& r) {
        quality::paired_quality<Metric> seen;
        for (int i = 0; i < n; ++i) {
            const auto d = rows_of_unit(r, 1)[0];
            seen.add(d[0], d[1], d[2]);
        }
        return check(seen.compare(), first - second);
    });
    table.row((text + ", difference").c_str(), "clustered", 3 * n, units.c_str(), 30, [=](keyed_random& r) {
        quality::clustered_quality<Metric> a, b;
        for (std::uint64_t unit = 0; unit < static_cast<std::uint64_t>(n); ++unit) {
            for (const auto& d : rows_of_unit(r, 3)) {
                a.add(unit, d[0], d[1]);
                b.add(unit, d[0], d[2]);
            }
        }
        return check(a.compare(b), first - second);
    });
    table.row(name, "clustered", 3 * n, units.c_str(), 30, [=](keyed_random& r) {
        quality::clustered_quality<Metric> seen;
        for (std::uint64_t unit = 0; unit < static_cast<std::uint64_t>(n); ++unit) {
            for (const auto& d : rows_of_unit(r, 3)) {
                seen.add(unit, d[0], d[1]);
            }
        }
        return check(seen.result(), first);
    });
}

// A metric of labels wants a whole number.
template <class Metric>
struct labelled : Metric {
    [[nodiscard]] auto row(double label, double probability) const noexcept
    {
        return Metric::row(static_cast<int>(label), probability);
    }
};

// The mean over p uniform on [0.05, 0.95].
template <class Function>
double over_p(Function f)
{
    constexpr int steps = 20'000;
    double sum = 0.0;
    for (int i = 0; i < steps; ++i) {
        sum += f(0.05 + 0.9 * (i + 0.5) / steps);
    }
    return sum / steps;
}

void row_metrics(coverage_table& table)
{
    const auto regression = [](keyed_random& r, int rows) {
        std::vector<std::array<double, 3>> made;
        const double level = normal(r), error = normal(r);
        for (int i = 0; i < rows; ++i) {
            const numbers n = predict(r, level, error);
            made.push_back({n.truth, n.first, n.second});
        }
        return made;
    };
    const auto folded = [](double mean, double sd) {
        return sd * std::sqrt(2.0 / 3.14159265358979324) * std::exp(-0.5 * mean * mean / sd / sd) +
               mean * (2.0 * cdf(mean / sd) - 1.0);
    };
    // errors: 0.2 y - 0.2 - 0.5 e, with mean -0.2 and variance 0.29; 0.5 y - 0.3 e, with variance 0.34
    row_rows<quality::mean_absolute_error>(table, "MAE", 300, folded(0.2, std::sqrt(0.29)),
                                           folded(0.0, std::sqrt(0.34)), regression);
    row_rows<quality::mean_squared_error>(table, "MSE", 1'000, 0.33, 0.34, regression);
    row_rows<quality::root_mean_squared_error>(table, "RMSE", 1'000, std::sqrt(0.33), std::sqrt(0.34),
                                               regression);
    row_rows<quality::r_squared>(table, "R-squared", 1'000, 0.67, 0.66, regression);

    // rows of a unit have one probability, and often one label
    const auto probabilities = [](keyed_random& r, int rows) {
        std::vector<std::array<double, 3>> made;
        const chances shared = foretell(r, between(r));
        for (int i = 0; i < rows; ++i) {
            const chances c = r.coin() ? shared : foretell(r, shared.first);
            made.push_back({static_cast<double>(c.label), c.first, c.second});
        }
        return made;
    };
    const auto second = [](double p) { return 0.25 + 0.5 * p; };
    row_rows<labelled<quality::brier_score>>(
        table, "Brier score", 500, over_p([](double p) { return p * (1.0 - p); }), over_p([&](double p) {
            const double q = second(p);
            return p * (1.0 - q) * (1.0 - q) + (1.0 - p) * q * q;
        }),
        probabilities);
    row_rows<labelled<quality::log_loss>>(table, "log loss", 500, over_p([](double p) {
                                              return -p * std::log(p) - (1.0 - p) * std::log(1.0 - p);
                                          }),
                                          over_p([&](double p) {
                                              const double q = second(p);
                                              return -p * std::log(q) - (1.0 - p) * std::log(1.0 - q);
                                          }),
                                          probabilities);
}

// ---- scores

struct scored {
    std::vector<std::uint8_t> labels;
    std::vector<double> first, second;
    std::vector<std::uint64_t> units;
};

// Binormal scores, 1 and 0.7 deviations apart; a share `positive` of rows is positive.
scored score(keyed_random& random, int units, int rows_each, double positive)
{
    scored made;
    for (int u = 0; u < units; ++u) {
        const double level = normal(random);
        for (int i = 0; i < rows_each; ++i) {
            const bool is_positive = random.chance(positive);
            const double row = normal(random);
            made.labels.push_back(is_positive ? 1 : 0);
            made.first.push_back((is_positive ? 1.0 : 0.0) + std::sqrt(0.5) * (level + row));
            made.second.push_back((is_positive ? 0.7 : 0.0) + std::sqrt(0.5) * (level + normal(random)));
            made.units.push_back(static_cast<std::uint64_t>(u));
        }
    }
    return made;
}

// Average precision of infinitely many rows.
double precision_of_all(double apart, double positive)
{
    double sum = 0.0;
    constexpr int steps = 40'000;
    for (int i = 0; i < steps; ++i) {
        const double u = (i + 0.5) / steps;  // recall
        const double false_positive = cdf(stats::normal_quantile(u) - apart);
        sum += positive * u / (positive * u + (1.0 - positive) * false_positive) / steps;
    }
    return sum;
}

void score_metrics(coverage_table& table)
{
    const double area = cdf(std::sqrt(0.5));
    const double difference = area - cdf(0.7 * std::sqrt(0.5));
    table.row("auc", "independent", 200, "40 of a class", 300, [=](keyed_random& r) {
        const scored s = score(r, 200, 1, 0.4);
        return check(quality::auc(s.labels, s.first), area);
    });
    table.row("auc", "clustered", 600, "30 units", 100, [=](keyed_random& r) {
        const scored s = score(r, 200, 3, 0.4);
        return check(quality::auc(s.labels, s.first, s.units), area);
    });
    table.row("compare_auc", "paired", 200, "40 of a class", 300, [=](keyed_random& r) {
        const scored s = score(r, 200, 1, 0.4);
        return check(quality::compare_auc(s.labels, s.first, s.second), difference);
    });
    table.row("compare_auc", "clustered", 600, "30 units", 100, [=](keyed_random& r) {
        const scored s = score(r, 200, 3, 0.4);
        return check(quality::compare_auc(s.labels, s.first, s.second, s.units), difference);
    });
    table.row("binned_auc", "independent", 200, "40 of a class", 300, [=](keyed_random& r) {
        quality::binned_auc seen;
        const scored s = score(r, 200, 1, 0.4);
        for (std::size_t i = 0; i < s.labels.size(); ++i) {
            seen.add(s.labels[i], cdf(s.first[i]));
        }
        return check(seen.result(), area);
    });
    const double precision = precision_of_all(1.0, 0.3);
    const double less = precision - precision_of_all(0.7, 0.3);
    table.row("average_precision", "independent", 2'000, "500 positives", 50, [=](keyed_random& r) {
        const scored s = score(r, 2'000, 1, 0.3);
        return check(quality::average_precision(s.labels, s.first), precision);
    });
    table.row("average_precision", "clustered", 3'000, "500 positives", 20, [=](keyed_random& r) {
        const scored s = score(r, 1'000, 3, 0.3);
        return check(quality::average_precision(s.labels, s.first, s.units), precision);
    });
    table.row("compare_average_precision", "paired", 2'000, "500 positives", 50, [=](keyed_random& r) {
        const scored s = score(r, 2'000, 1, 0.3);
        return check(quality::compare_average_precision(s.labels, s.first, s.second), less);
    });
    table.row("compare_average_precision", "clustered", 3'000, "500 positives", 20, [=](keyed_random& r) {
        const scored s = score(r, 1'000, 3, 0.3);
        return check(quality::compare_average_precision(s.labels, s.first, s.second, s.units), less);
    });
}

// ---- calibration

// The true squared calibration error where the label is 1 with probability p, uniform, and the model says f(p).
template <class Model>
double squared_error_of(Model f, int bins)
{
    constexpr int steps = 200'000;
    std::vector<double> share(static_cast<std::size_t>(bins)), distance(share.size());
    for (int i = 0; i < steps; ++i) {
        const double p = (i + 0.5) / steps;
        const auto b = static_cast<std::size_t>(f(p) * bins);
        share[b] += 1.0 / steps;
        distance[b] += (p - f(p)) / steps;
    }
    double sum = 0.0;
    for (std::size_t b = 0; b < share.size(); ++b) {
        sum += share[b] > 0.0 ? distance[b] * distance[b] / share[b] : 0.0;
    }
    return sum;
}

void calibrations(coverage_table& table)
{
    const auto right = [](double p) { return p; };
    const auto slightly = [](double p) { return p - 0.1 * p * (1.0 - p); };
    const auto off = [](double p) { return p - 0.6 * p * (1.0 - p); };
    const auto one = [&](const char* data, int n, auto model) {
        const double truth = std::sqrt(squared_error_of(model, 15));
        table.row("calibration_bins", data, n, "sum p (1 - p) = 30", 300, [=](keyed_random& r) {
            quality::calibration_bins seen;
            for (int i = 0; i < n; ++i) {
                const double p = r.uniform();
                seen.add(r.chance(p) ? 1 : 0, model(p));
            }
            return check(seen.result(), truth);
        });
    };
    one("calibrated", 300, right);
    one("calibrated", 2'000, right);
    one("off by 0.02", 1'000, slightly);
    one("off by 0.11", 300, off);
    one("off by 0.11", 2'000, off);
    table.row("calibration_bins", "rare, calibrated", 1'000, "sum p (1 - p) = 30", 200, [](keyed_random& r) {
        quality::calibration_bins seen;
        for (int i = 0; i < 1'000; ++i) {
            const double p = 0.1 * r.uniform();
            seen.add(r.chance(p) ? 1 : 0, p);
        }
        return check(seen.result(), 0.0);
    });
    const double squared = squared_error_of(off, 15);
    table.row("calibration, difference", "unpaired, 0.11 and 0", 2'000, "sum p (1 - p) = 30", 100,
              [=](keyed_random& r) {
                  quality::calibration_bins a, b;
                  for (int i = 0; i < 1'000; ++i) {
                      const double p = r.uniform(), q = r.uniform();
                      a.add(r.chance(p) ? 1 : 0, off(p));
                      b.add(r.chance(q) ? 1 : 0, q);
                  }
                  return check(quality::compare(a.result(), b.result()), squared);
              });
    const auto paired = [&](const char* data, auto model) {
        const double truth = squared_error_of(model, 15);
        table.row("paired_calibration", data, 1'000, "sum p (1 - p) = 30", 100, [=](keyed_random& r) {
            quality::paired_calibration seen;
            for (int i = 0; i < 1'000; ++i) {
                const double p = r.uniform();
                seen.add(r.chance(p) ? 1 : 0, model(p), p);
            }
            return check(seen.compare(), truth);
        });
    };
    paired("off by 0.11 and 0", off);
    paired("off by 0.02 and 0", slightly);
    const auto units = [=](keyed_random& r, quality::clustered_calibration& a,
                           quality::clustered_calibration& b) {
        for (std::uint64_t unit = 0; unit < 500; ++unit) {
            const double p = r.uniform();
            const int shared = r.chance(p) ? 1 : 0;
            for (int i = 0; i < 3; ++i) {
                const int label = r.coin() ? shared : r.chance(p) ? 1 : 0;
                a.add(unit, label, off(p));
                b.add(unit, label, p);
            }
        }
    };
    for (const bool good : {true, false}) {
        table.row("clustered_calibration", good ? "units of 3, calibrated" : "units of 3, off by 0.11", 1'500,
                  "30 units", 50, [=](keyed_random& r) {
                      quality::clustered_calibration a, b;
                      units(r, a, b);
                      return check((good ? b : a).result(), good ? 0.0 : std::sqrt(squared));
                  });
    }
    table.row("clustered_calibration, diff.", "units of 3, 0.11 and 0", 1'500, "30 units", 50,
              [=](keyed_random& r) {
                  quality::clustered_calibration a, b;
                  units(r, a, b);
                  return check(a.compare(b), squared);
              });
}

// ---- policies

// Contexts x uniform, two actions that earn with probability x and 1/2; logged with 0.2 + 0.6 x, new policy 0.9.
void policies(coverage_table& table)
{
    const auto log = [](keyed_random& r, stats::off_policy& sums, double bias) {
        for (int i = 0; i < 400; ++i) {
            const double x = r.uniform();
            const double logged = 0.2 + 0.6 * x;
            const bool one = r.chance(logged);
            const double reward = r.chance(one ? x : 0.5) ? 1.0 : 0.0;
            const double above = 0.9 / logged > 2.0 ? 0.9 * (x + bias) : 0.0;
            sums.add(one ? 0.9 / logged : 0.1 / (1.0 - logged), reward, (one ? x : 0.5) + bias,
                     0.9 * x + 0.05 + bias, above);
        }
    };
    using result = stats::off_policy_result (stats::off_policy::*)() const noexcept;
    const auto one = [&](const char* name, const char* data, const stats::off_policy_options& options,
                         double bias, double truth, result estimate) {
        table.row(name, data, 400, "30 effective rows", 300, [=](keyed_random& r) {
            stats::off_policy sums{options};
            log(r, sums, bias);
            return check((sums.*estimate)(), truth);
        });
    };
    double clipped = 0.0;
    for (int i = 0; i < 100'000; ++i) {
        const double x = (i + 0.5) / 100'000;
        const double s = 0.2 + 0.6 * x;
        clipped +=
            (s * std::fmin(0.9 / s, 1.5) * x + (1.0 - s) * std::fmin(0.1 / (1.0 - s), 1.5) * 0.5) / 100'000;
    }
    one("ips", "weights to 4.5", {}, 0.0, 0.5, &stats::off_policy::ips);
    one("ips, clipped at 1.5", "its own expectation", {.clip = 1.5}, 0.0, clipped, &stats::off_policy::ips);
    one("snips", "weights to 4.5", {}, 0.0, 0.5, &stats::off_policy::snips);
    one("direct_method", "right model", {}, 0.0, 0.5, &stats::off_policy::direct_method);
    one("doubly_robust", "right model", {}, 0.0, 0.5, &stats::off_policy::doubly_robust);
    one("doubly_robust", "model off by 0.2", {}, 0.2, 0.5, &stats::off_policy::doubly_robust);
    one("switch_estimator", "right model, above 2", {.switch_at = 2.0}, 0.0, 0.5,
        &stats::off_policy::switch_estimator);
    one("plain_switch", "right model, above 2", {.switch_at = 2.0}, 0.0, 0.5,
        &stats::off_policy::plain_switch);
}

}  // namespace

int main(int count, char** arguments)
{
    coverage_table table{"Intervals of metrics and policies", count, arguments};
    classes(table);
    row_metrics(table);
    score_metrics(table);
    calibrations(table);
    policies(table);
    return table.finish();
}
