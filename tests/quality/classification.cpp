// SPDX-License-Identifier: Apache-2.0

#include <joust/quality/classification.hpp>

#include "stats/oracle_rows.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace quality = joust::quality;
namespace stats = joust::stats;
using joust::status;
using joust_test::relative_error;
using quality::averaging;

namespace {

struct predictions {
    std::vector<std::size_t> truth, first, second;
    std::vector<std::uint64_t> unit;
};

predictions draw(joust_test::engine& random, int n, std::size_t k, int per_unit)
{
    predictions out;
    bool shared = false;
    for (int i = 0; i < n; ++i) {
        if (i % per_unit == 0) {
            shared = random.coin(0.3);
        }
        const std::size_t t =
            static_cast<std::size_t>(random.uniform() * random.uniform() * static_cast<double>(k));
        const auto guess = [&](double skill) {
            return random.coin(skill) ? t
                                      : static_cast<std::size_t>(random.uniform() * static_cast<double>(k));
        };
        const std::size_t a = guess(per_unit > 1 ? (shared ? 0.1 : 0.9) : 0.6);
        out.truth.push_back(t);
        out.first.push_back(a);
        out.second.push_back(random.coin(0.5) ? a : guess(0.5));
        out.unit.push_back(static_cast<std::uint64_t>(i / per_unit));
    }
    return out;
}

template <class Metric>
double value_without(const Metric& metric, const std::vector<std::size_t>& truth,
                     const std::vector<std::size_t>& said, std::size_t k, std::size_t without)
{
    quality::confusion table(k);
    for (std::size_t i = 0; i < truth.size(); ++i) {
        if (i != without) {
            table.add(truth[i], said[i]);
        }
    }
    return table.result(metric).value;
}

template <class Metric>
void agrees_with_jackknife(const Metric& metric, std::size_t k)
{
    joust_test::engine random{113};
    const predictions r = draw(random, 900, k, 1);
    quality::confusion table(k);
    quality::paired_confusion pair(k);
    stats::moments left_out, difference;
    for (std::size_t i = 0; i < r.truth.size(); ++i) {
        table.add(r.truth[i], r.first[i]);
        pair.add(r.truth[i], r.first[i], r.second[i]);
        const double a = value_without(metric, r.truth, r.first, k, i);
        left_out.add(a);
        difference.add(a - value_without(metric, r.truth, r.second, k, i));
    }
    const auto jackknife = [&](const stats::moments& m) { return 899.0 * std::sqrt(m.variance() / 900.0); };
    INFO(Metric::name() << " of " << k << " classes");
    CHECK(relative_error(table.result(metric).standard_error, jackknife(left_out)) < 0.03);
    const auto test = pair.compare(metric);
    REQUIRE(test.state == status::ok);
    CHECK(relative_error(test.estimate / test.statistic, jackknife(difference)) < 0.03);
    CHECK(relative_error(test.estimate, table.result(metric).value -
                                            value_without(metric, r.truth, r.second, k, 1000)) < 1e-10);
}

// Scores with ties; labels 1 tend to score higher.
void scored(joust_test::engine& random, int n, std::vector<std::uint8_t>& labels, std::vector<double>& a,
            std::vector<double>& b)
{
    for (int i = 0; i < n; ++i) {
        const bool one = random.coin(0.3);
        const double shared = random.bell();
        labels.push_back(one ? 1 : 0);
        a.push_back(std::round(4.0 * ((one ? 1.0 : 0.0) + 0.7 * shared + 0.7 * random.bell())) / 4.0);
        b.push_back((one ? 0.7 : 0.0) + 0.7 * shared + 0.7 * random.bell());
    }
}

double brute_auc(const std::vector<std::uint8_t>& labels, const std::vector<double>& scores)
{
    double won = 0.0, pairs = 0.0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        for (std::size_t j = 0; j < labels.size(); ++j) {
            if (labels[i] == 1 && labels[j] == 0) {
                won += scores[i] > scores[j] ? 1.0 : scores[i] == scores[j] ? 0.5 : 0.0;
                pairs += 1.0;
            }
        }
    }
    return won / pairs;
}

double brute_average_precision(const std::vector<std::uint8_t>& labels, const std::vector<double>& scores)
{
    double total = 0.0, positives = 0.0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        if (labels[i] == 0) {
            continue;
        }
        double above = 0.0, hits = 0.0;
        for (std::size_t j = 0; j < labels.size(); ++j) {
            above += scores[j] >= scores[i] ? 1.0 : 0.0;
            hits += scores[j] >= scores[i] && labels[j] == 1 ? 1.0 : 0.0;
        }
        total += hits / above;
        positives += 1.0;
    }
    return total / positives;
}

}  // namespace

TEST_CASE("metrics by their definitions on small tables")
{
    quality::confusion two;  // truth by prediction: 50 / 10 / 5 / 35
    two.add(0, 0, 50);
    two.add(0, 1, 10);
    two.add(1, 0, 5);
    two.add(1, 1, 35);
    const auto value = [](const quality::confusion& table, const auto& metric) {
        return table.result(metric).value;
    };
    CHECK(relative_error(value(two, quality::accuracy{}), 0.85) < 1e-14);
    CHECK(relative_error(value(two, quality::precision{.label = 1}), 35.0 / 45.0) < 1e-14);
    CHECK(relative_error(value(two, quality::recall{.label = 1}), 35.0 / 40.0) < 1e-14);
    CHECK(relative_error(value(two, quality::f_score{.label = 1}), 70.0 / 85.0) < 1e-14);
    CHECK(relative_error(value(two, quality::f_score{.beta = 2.0, .label = 1}),
                         5.0 * 35.0 / (4.0 * 40.0 + 45.0)) < 1e-14);
    CHECK(relative_error(value(two, quality::balanced_accuracy{}), 0.5 * (50.0 / 60.0 + 35.0 / 40.0)) <
          1e-14);
    CHECK(relative_error(value(two, quality::matthews_correlation{}),
                         (35.0 * 50.0 - 10.0 * 5.0) / std::sqrt(45.0 * 40.0 * 60.0 * 55.0)) < 1e-13);
    // binomial standard errors, with divisor n - 1
    CHECK(relative_error(two.result(quality::accuracy{}).standard_error, std::sqrt(0.85 * 0.15 / 99.0)) <
          1e-13);

    quality::confusion three(3);
    const std::uint64_t cells[3][3] = {{20, 3, 2}, {4, 10, 1}, {0, 2, 8}};
    for (std::size_t t = 0; t < 3; ++t) {
        for (std::size_t p = 0; p < 3; ++p) {
            three.add(t, p, cells[t][p]);
        }
    }
    const double precisions[] = {20.0 / 24, 10.0 / 15, 8.0 / 11},
                 recalls[] = {20.0 / 25, 10.0 / 15, 8.0 / 10};
    double f[3];
    for (std::size_t c = 0; c < 3; ++c) {
        f[c] = 2.0 * precisions[c] * recalls[c] / (precisions[c] + recalls[c]);
    }
    CHECK(relative_error(value(three, quality::precision{}),
                         (precisions[0] + precisions[1] + precisions[2]) / 3.0) < 1e-14);
    CHECK(relative_error(value(three, quality::precision{averaging::weighted}),
                         (25 * precisions[0] + 15 * precisions[1] + 10 * precisions[2]) / 50.0) < 1e-14);
    CHECK(relative_error(value(three, quality::recall{averaging::weighted}), 38.0 / 50.0) < 1e-14);
    CHECK(relative_error(value(three, quality::recall{averaging::micro}), 38.0 / 50.0) < 1e-14);
    CHECK(relative_error(value(three, quality::f_score{}), (f[0] + f[1] + f[2]) / 3.0) < 1e-14);
    CHECK(relative_error(value(three, quality::f_score{.average = averaging::weighted}),
                         (25 * f[0] + 15 * f[1] + 10 * f[2]) / 50.0) < 1e-14);
    // Gorodkin's R_K: (n tr - sum p t) / sqrt((n^2 - sum p^2)(n^2 - sum t^2))
    CHECK(relative_error(value(three, quality::matthews_correlation{}),
                         (50.0 * 38 - 24 * 25 - 15 * 15 - 11 * 10) /
                             std::sqrt((2500.0 - 576 - 225 - 121) * (2500.0 - 625 - 225 - 100))) < 1e-13);
    // a class that is never predicted counts 0; one that does not occur at all does not count
    quality::confusion sparse(4);
    sparse.add(0, 0, 5);
    sparse.add(1, 0, 5);
    sparse.add(2, 2, 10);
    CHECK(relative_error(value(sparse, quality::precision{}), (0.5 + 0.0 + 1.0) / 3.0) < 1e-14);
    CHECK(relative_error(value(sparse, quality::balanced_accuracy{}), 2.0 / 3.0) < 1e-14);
    CHECK(std::isnan(value(sparse, quality::precision{.label = 1})));
    CHECK(sparse.result(quality::precision{.label = 1}).state == status::out_of_range);
}

TEST_CASE("classification: standard errors are those of the jackknife, for one model and for a pair")
{
    for (const std::size_t k : {2U, 4U}) {
        agrees_with_jackknife(quality::accuracy{}, k);
        agrees_with_jackknife(quality::balanced_accuracy{}, k);
        agrees_with_jackknife(quality::matthews_correlation{}, k);
        for (const averaging how : {averaging::micro, averaging::macro, averaging::weighted}) {
            agrees_with_jackknife(quality::precision{how}, k);
            agrees_with_jackknife(quality::recall{how}, k);
            agrees_with_jackknife(quality::f_score{.beta = 0.5, .average = how}, k);
        }
        agrees_with_jackknife(quality::precision{.label = 1}, k);
        agrees_with_jackknife(quality::recall{.label = 0}, k);
        agrees_with_jackknife(quality::f_score{.label = 1}, k);
    }
}

TEST_CASE(
    "for units with many rows, intervals by bucket cover and intervals by row do not, and pairs keep their level")
{
    joust_test::engine random{127};
    constexpr int runs = 400;
    int by_bucket = 0, by_row = 0, rejected = 0;
    // accuracy: skill 0.1 in 30 % of units, 0.9 in the others, and a guess is right with chance 1/2
    const double truth = 0.5 + 0.5 * (0.3 * 0.1 + 0.7 * 0.9);
    for (int run = 0; run < runs; ++run) {
        quality::clustered_confusion a, b;
        quality::confusion plain;
        for (std::uint64_t unit = 0; unit < 100; ++unit) {
            const bool bad = random.coin(0.3);
            for (int i = 0; i < 20; ++i) {
                const std::size_t t = random.coin(0.4) ? 1 : 0;
                const auto guess = [&] {
                    return random.coin(bad ? 0.1 : 0.9) ? t
                                                        : static_cast<std::size_t>(random.coin(0.5) ? 1 : 0);
                };
                const std::size_t p = guess();
                a.add(unit, t, p);
                plain.add(t, p);
                b.add(unit, t, guess());
            }
        }
        const auto q = a.result(quality::accuracy{});
        const auto p = plain.result(quality::accuracy{});
        by_bucket += q.lower <= truth && q.upper >= truth ? 1 : 0;
        by_row += p.lower <= truth && p.upper >= truth ? 1 : 0;
        rejected += a.compare(quality::accuracy{}, b).p_value < 0.05 ? 1 : 0;
    }
    CHECK(by_bucket >= 360);
    CHECK(by_row < 280);
    CHECK(rejected <= 37);
    CHECK(rejected >= 6);
}

TEST_CASE("log loss and Brier score by their definitions, also of tiny probabilities")
{
    quality::row_quality<quality::log_loss> loss;
    quality::row_quality<quality::brier_score> brier;
    const int labels[] = {1, 0, 1};
    const double p[] = {0.8, 0.3, 0.1};
    for (std::size_t i = 0; i < 3; ++i) {
        loss.add(labels[i], p[i]);
        brier.add(labels[i], p[i]);
    }
    CHECK(relative_error(loss.result().value, -(std::log(0.8) + std::log(0.7) + std::log(0.1)) / 3.0) <
          1e-14);
    CHECK(relative_error(brier.result().value, (0.04 + 0.09 + 0.81) / 3.0) < 1e-14);
    quality::row_quality<quality::log_loss> sure;
    sure.add(0, 1e-20);
    CHECK((*quality::log_loss{}.row(0, 1e-20))[0] == 1e-20);
    CHECK((*quality::log_loss{}.row(1, 0.0))[0] == -std::log(1e-15));
    const double all[] = {0.2, 0.5, 0.3};
    CHECK((*quality::log_loss{}.row(std::size_t{2}, std::span<const double>{all}))[0] == -std::log(0.3));
    CHECK_FALSE(sure.add(2, 0.5));
    CHECK_FALSE(sure.add(1, 1.5));
    CHECK(sure.result().state == status::out_of_range);
    quality::paired_quality<quality::brier_score> pair;
    pair.add(1, 0.9, 0.8);
    pair.add(0, 0.2, 0.4);
    pair.add(1, 0.7, 0.9);
    CHECK(relative_error(pair.compare().estimate, (0.01 + 0.04 + 0.09 - 0.04 - 0.16 - 0.01) / 3.0) < 1e-13);
}

TEST_CASE("reference values of paired AUCs")
{
    int driven = 0;
    for (const auto& row : joust_test::oracle_rows("delong")) {
        std::vector<std::uint8_t> labels;
        for (const double label : row.numbers("label")) {
            labels.push_back(label > 0.0 ? 1 : 0);
        }
        const auto first = quality::auc(labels, row.numbers("s1"));
        const auto second = quality::auc(labels, row.numbers("s2"));
        const auto test = quality::compare_auc(labels, row.numbers("s1"), row.numbers("s2"));
        if (row.field == "cov") {
            continue;  // the comparison forms the variance of the difference at once
        }
        joust_test::check_oracle(row, row.field == "auc1"   ? first.value
                                      : row.field == "auc2" ? second.value
                                      : row.field == "var1" ? first.standard_error * first.standard_error
                                      : row.field == "var2" ? second.standard_error * second.standard_error
                                      : row.field == "z"    ? test.statistic
                                                            : test.p_value);
        ++driven;
    }
    CHECK(driven == 24);
}

TEST_CASE("AUC and average precision against all pairs, with ties; errors against the jackknife")
{
    joust_test::engine random{131};
    std::vector<std::uint8_t> labels;
    std::vector<double> a, b;
    scored(random, 200, labels, a, b);
    CHECK(relative_error(quality::auc(labels, a).value, brute_auc(labels, a)) < 1e-14);
    CHECK(relative_error(quality::average_precision(labels, a).value, brute_average_precision(labels, a)) <
          1e-14);
    stats::moments left_out, left_out_pair, auc_left_out;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        auto l = labels;
        auto x = a, y = b;
        l.erase(l.begin() + static_cast<std::ptrdiff_t>(i));
        x.erase(x.begin() + static_cast<std::ptrdiff_t>(i));
        y.erase(y.begin() + static_cast<std::ptrdiff_t>(i));
        const double one = brute_average_precision(l, x);
        left_out.add(one);
        left_out_pair.add(one - brute_average_precision(l, y));
        auc_left_out.add(brute_auc(l, x));
    }
    const auto jackknife = [](const stats::moments& m) { return 199.0 * std::sqrt(m.variance() / 200.0); };
    CHECK(relative_error(quality::average_precision(labels, a).standard_error, jackknife(left_out)) < 0.03);
    CHECK(relative_error(quality::auc(labels, a).standard_error, jackknife(auc_left_out)) < 0.02);
    const auto pair = quality::compare_average_precision(labels, a, b);
    CHECK(relative_error(pair.estimate / pair.statistic, jackknife(left_out_pair)) < 0.05);
    // every unit one row: clusters change little, and one cluster is not enough
    std::vector<std::uint64_t> units, one(200, 7);
    for (std::uint64_t i = 0; i < 200; ++i) {
        units.push_back(i * 1000003);
    }
    const auto by_unit = quality::auc(labels, a, units);
    CHECK(by_unit.clusters == 200);
    CHECK(relative_error(by_unit.standard_error, quality::auc(labels, a).standard_error) < 0.02);
    CHECK(relative_error(quality::average_precision(labels, a, units).standard_error,
                         quality::average_precision(labels, a).standard_error) < 1e-12);
    CHECK(quality::auc(labels, a, one).state == status::few_clusters);
    CHECK(quality::compare_auc(labels, a, b, one).state == status::few_clusters);
    CHECK(relative_error(quality::compare_auc(labels, a, b, units).p_value,
                         quality::compare_auc(labels, a, b).p_value) < 0.1);
    // infinite scores are scores
    a[0] = std::numeric_limits<double>::infinity();
    CHECK(relative_error(quality::auc(labels, a).value, brute_auc(labels, a)) < 1e-14);
}

TEST_CASE("intervals of ranking metrics cover")
{
    joust_test::engine random{137};
    std::vector<std::uint8_t> many_labels;
    std::vector<double> many_a, many_b;
    scored(random, 200000, many_labels, many_a, many_b);
    const double auc = quality::auc(many_labels, many_b).value;
    const double ap = quality::average_precision(many_labels, many_b).value;
    int covered_auc = 0, covered_ap = 0;
    constexpr int runs = 1000;
    for (int run = 0; run < runs; ++run) {
        std::vector<std::uint8_t> labels;
        std::vector<double> a, b;
        scored(random, 400, labels, a, b);
        const auto x = quality::auc(labels, b);
        const auto y = quality::average_precision(labels, b);
        covered_auc += x.lower <= auc && x.upper >= auc ? 1 : 0;
        covered_ap += y.lower <= ap && y.upper >= ap ? 1 : 0;
    }
    CHECK(covered_auc >= 927);
    CHECK(covered_auc <= 972);
    CHECK(covered_ap >= 915);
    CHECK(covered_ap <= 972);
}

TEST_CASE("binned AUC: exact for separate bins, within its uncertainty otherwise")
{
    joust_test::engine random{139};
    std::vector<std::uint8_t> labels;
    std::vector<double> a, b;
    scored(random, 500, labels, a, b);
    quality::binned_auc fine(1U << 16U, -8.0, 8.0), coarse(32, -8.0, 8.0), left(32, -8.0, 8.0),
        right(32, -8.0, 8.0);
    for (std::size_t i = 0; i < labels.size(); ++i) {
        fine.add(labels[i], a[i]);  // a lies on quarters, which are ends of bins
        coarse.add(labels[i], b[i]);
        (i % 2 == 0 ? left : right).add(labels[i], b[i]);
    }
    const auto exact = quality::auc(labels, a);
    CHECK(relative_error(fine.result().value, exact.value) < 1e-13);
    CHECK(relative_error(fine.result().standard_error, exact.standard_error) < 1e-12);
    CHECK(std::fabs(coarse.result().value - quality::auc(labels, b).value) <= coarse.uncertainty());
    CHECK(coarse.uncertainty() < 0.07);
    CHECK(left.merge(right));
    CHECK(left.result().value == coarse.result().value);
    CHECK_FALSE(left.merge(fine));
    quality::binned_auc outside(4);
    outside.add(1, 5.0);
    outside.add(1, std::numeric_limits<double>::infinity());
    outside.add(0, -std::numeric_limits<double>::infinity());
    outside.add(0, -1.0);
    CHECK(outside.result().state == status::zero_variance);
    CHECK(outside.result().value == 1.0);
    CHECK_FALSE(outside.add(0, std::numeric_limits<double>::quiet_NaN()));
    CHECK(outside.result().state == status::out_of_range);
}

TEST_CASE("parts merge, and edge cases give a status")
{
    joust_test::engine random{151};
    const predictions r = draw(random, 200, 3, 4);
    quality::confusion whole(3), part(3), other(3);
    quality::paired_confusion pair(3), pair_a(3), pair_b(3);
    quality::clustered_confusion clusters(3), cluster_a(3), cluster_b(3);
    for (std::size_t i = 0; i < 200; ++i) {
        whole.add(r.truth[i], r.first[i]);
        (i % 2 == 0 ? part : other).add(r.truth[i], r.first[i]);
        pair.add(r.truth[i], r.first[i], r.second[i]);
        (i % 2 == 0 ? pair_a : pair_b).add(r.truth[i], r.first[i], r.second[i]);
        clusters.add(r.unit[i], r.truth[i], r.first[i]);
        (i % 2 == 0 ? cluster_a : cluster_b).add(r.unit[i], r.truth[i], r.first[i]);
    }
    CHECK(part.merge(other));
    CHECK(pair_a.merge(pair_b));
    CHECK(cluster_a.merge(cluster_b));
    CHECK(part.result(quality::f_score{}).lower == whole.result(quality::f_score{}).lower);
    CHECK(pair_a.compare(quality::recall{}).p_value == pair.compare(quality::recall{}).p_value);
    CHECK(cluster_a.result(quality::precision{}).upper == clusters.result(quality::precision{}).upper);
    CHECK(clusters.total().rows() == 200);
    CHECK_FALSE(part.merge(quality::confusion(2)));
    CHECK_FALSE(cluster_a.merge(quality::clustered_confusion(3, 8)));

    const quality::confusion none;
    CHECK(none.result(quality::accuracy{}).state == status::too_few);
    quality::confusion bad;
    CHECK_FALSE(bad.add(0, 2));
    CHECK(bad.result(quality::accuracy{}).state == status::out_of_range);
    quality::confusion perfect;
    perfect.add(0, 0, 10);
    perfect.add(1, 1, 10);
    CHECK(perfect.result(quality::accuracy{}).state == status::ok);
    CHECK(perfect.result(quality::f_score{}).state == status::zero_variance);
    CHECK(perfect.result(quality::accuracy{}).value == 1.0);
    CHECK(perfect.result(quality::accuracy{}, 0.0).state == status::out_of_range);
    quality::confusion constant;
    constant.add(0, 0, 5);
    constant.add(1, 0, 5);
    CHECK(constant.result(quality::matthews_correlation{}).state == status::out_of_range);
    quality::clustered_confusion few;
    few.add(1, 0, 0);
    few.add(2, 1, 0);
    CHECK(few.result(quality::accuracy{}).state == status::few_clusters);
    CHECK(few.compare(quality::accuracy{}, few).state == status::few_clusters);
    const std::vector<std::uint8_t> labels{1, 0, 1, 0}, wrong{1, 0, 2, 0}, same{1, 1, 1, 1};
    const std::vector<double> scores{0.9, 0.1, 0.4, 0.5}, short_scores{0.9},
        missing{0.9, std::numeric_limits<double>::quiet_NaN(), 0.4, 0.5}, perfect_scores{0.9, 0.1, 0.8, 0.5};
    CHECK(quality::auc({}, {}).state == status::too_few);
    CHECK(quality::auc(labels, short_scores).state == status::out_of_range);
    CHECK(quality::auc(wrong, scores).state == status::out_of_range);
    CHECK(quality::auc(labels, missing).state == status::out_of_range);
    CHECK(quality::auc(same, scores).state == status::too_few);
    CHECK(quality::auc(labels, perfect_scores).state == status::ok);
    CHECK(quality::auc(labels, std::vector<double>(4, 0.5)).state == status::zero_variance);
    CHECK(quality::compare_auc(labels, scores, scores).state == status::zero_variance);
    CHECK(quality::compare_auc(labels, scores, missing).state == status::out_of_range);
    CHECK(quality::average_precision(labels, missing).state == status::out_of_range);
}
