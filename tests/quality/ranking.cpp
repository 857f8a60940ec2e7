// SPDX-License-Identifier: Apache-2.0

#include <joust/quality/classification.hpp>
#include <joust/quality/ranking.hpp>

#include "quality/ranking_rows.hpp"
#include "stats/support.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quality = joust::quality;
using joust::status;
using joust_test::relative_error;
using quality::every_rank;
using quality::judged_ranking;
using quality::rank_ties;

namespace {

struct document {
    double grade = 0.0;
    bool judged = true;
};

// The definitions again, of one order without ties, as plainly as they can be written.
namespace plain {

double dcg(const std::vector<document>& list, std::size_t at, bool exponential)
{
    double total = 0.0;
    for (std::size_t i = 0; i < list.size() && i < at; ++i) {
        const double gain = exponential ? std::pow(2.0, list[i].grade) - 1.0 : list[i].grade;
        total += gain * std::log(2.0) / std::log(static_cast<double>(i + 2));
    }
    return total;
}

double average_precision(const std::vector<document>& list, double relevant, std::size_t at, double from)
{
    double total = 0.0, hits = 0.0;
    for (std::size_t i = 0; i < list.size() && i < at; ++i) {
        if (list[i].grade >= from) {
            hits += 1.0;
            total += hits / static_cast<double>(i + 1);
        }
    }
    return total / relevant;
}

double reciprocal_rank(const std::vector<document>& list, std::size_t at, double from)
{
    for (std::size_t i = 0; i < list.size() && i < at; ++i) {
        if (list[i].grade >= from) {
            return 1.0 / static_cast<double>(i + 1);
        }
    }
    return 0.0;
}

double hits(const std::vector<document>& list, std::size_t at, double from)
{
    double count = 0.0;
    for (std::size_t i = 0; i < list.size() && i < at; ++i) {
        count += list[i].grade >= from ? 1.0 : 0.0;
    }
    return count;
}

double err(const std::vector<document>& list, std::size_t at, double best)
{
    double total = 0.0, passed = 1.0;
    for (std::size_t i = 0; i < list.size() && i < at; ++i) {
        const double r = (std::pow(2.0, list[i].grade) - 1.0) / std::pow(2.0, best);
        total += passed * r / static_cast<double>(i + 1);
        passed *= 1.0 - r;
    }
    return total;
}

std::pair<double, double> rbp(const std::vector<document>& list, double p, double best)
{
    double total = 0.0, residual = std::pow(p, static_cast<double>(list.size()));
    for (std::size_t i = 0; i < list.size(); ++i) {
        const double weight = (1.0 - p) * std::pow(p, static_cast<double>(i));
        total += weight * list[i].grade / best;
        residual += list[i].judged ? 0.0 : weight;
    }
    return {total, residual};
}

double bpref(const std::vector<document>& list, double relevant, double irrelevant, double from)
{
    double total = 0.0, above = 0.0;
    for (const document& d : list) {
        if (d.grade >= from) {
            total += above > 0.0 ? 1.0 - std::min(above, relevant) / std::min(relevant, irrelevant) : 1.0;
        } else if (d.judged) {
            above += 1.0;
        }
    }
    return total / relevant;
}

}  // namespace plain

struct query {
    std::vector<quality::scored_item<int>> retrieved;
    std::vector<quality::judged_item<int>> judged;

    [[nodiscard]] document of(int id) const
    {
        for (const auto& j : judged) {
            if (j.id == id) {
                return {j.grade, true};
            }
        }
        return {0.0, false};
    }
    [[nodiscard]] double relevant(double from) const
    {
        double count = 0.0;
        for (const auto& j : judged) {
            count += j.grade >= from ? 1.0 : 0.0;
        }
        return count;
    }
    [[nodiscard]] double irrelevant(double from) const
    {
        return static_cast<double>(judged.size()) - relevant(from);
    }
    [[nodiscard]] std::vector<document> in_order(const std::vector<std::size_t>& order) const
    {
        std::vector<document> out;
        for (const std::size_t i : order) {
            out.push_back(of(retrieved[i].id));
        }
        return out;
    }

    // Every order that the scores allow.
    [[nodiscard]] std::vector<std::vector<document>> orders() const
    {
        std::vector<std::size_t> order(retrieved.size());
        for (std::size_t i = 0; i < order.size(); ++i) {
            order[i] = i;
        }
        std::vector<std::vector<document>> all;
        do {
            bool sorted = true;
            for (std::size_t i = 0; i + 1 < order.size(); ++i) {
                sorted = sorted && retrieved[order[i]].score >= retrieved[order[i + 1]].score;
            }
            if (sorted) {
                all.push_back(in_order(order));
            }
        } while (std::next_permutation(order.begin(), order.end()));
        return all;
    }
};

query draw(joust_test::engine& random)
{
    query out;
    const int n = static_cast<int>(random.next() % 7);
    const double levels = 1.0 + static_cast<double>(random.next() % 4);
    for (int i = 0; i < n; ++i) {
        out.retrieved.push_back({(i * 5) % 7, std::floor(random.uniform() * levels)});
    }
    for (int id = 9; id >= 0; --id) {
        if (random.coin(0.6)) {
            out.judged.push_back({id, std::floor(random.uniform() * 5.0)});
        }
    }
    return out;
}

struct named_metric {
    std::string_view name;
    std::function<quality::query_value(const judged_ranking&)> joust;
    std::function<double(const query&, const std::vector<document>&)> plain;
};

std::vector<named_metric> all_metrics()
{
    std::vector<named_metric> all;
    for (const std::size_t at : {every_rank, std::size_t{1}, std::size_t{2}, std::size_t{4}}) {
        const quality::gain_options gains{.at = at};
        all.push_back(
            {"DCG", [=](const judged_ranking& q) { return quality::dcg(q, gains); },
             [=](const query&, const std::vector<document>& l) { return plain::dcg(l, at, false); }});
        all.push_back(
            {"exponential DCG", [=](const judged_ranking& q) { return quality::exponential_dcg(q, gains); },
             [=](const query&, const std::vector<document>& l) { return plain::dcg(l, at, true); }});
        const auto ideal = [=](const query& q, const std::vector<document>& l, bool exponential,
                               bool missed) {
            std::vector<document> best = l;
            if (missed) {
                best.clear();
                for (const auto& j : q.judged) {
                    best.push_back({j.grade, true});
                }
            }
            std::sort(best.begin(), best.end(),
                      [](const document& a, const document& b) { return a.grade > b.grade; });
            return plain::dcg(best, at, exponential);
        };
        for (const bool missed : {true, false}) {
            const quality::gain_options options{
                .at = at, .ideal = missed ? quality::ideal_order::judged : quality::ideal_order::retrieved};
            all.push_back({"NDCG", [=](const judged_ranking& q) { return quality::ndcg(q, options); },
                           [=](const query& q, const std::vector<document>& l) {
                               return plain::dcg(l, at, false) / ideal(q, l, false, missed);
                           }});
            all.push_back({"exponential NDCG",
                           [=](const judged_ranking& q) { return quality::exponential_ndcg(q, options); },
                           [=](const query& q, const std::vector<document>& l) {
                               return plain::dcg(l, at, true) / ideal(q, l, true, missed);
                           }});
        }
        for (const double from : {1.0, 3.0}) {
            const quality::relevance_options options{.at = at, .relevant_from = from};
            all.push_back({"AP",
                           [=](const judged_ranking& q) { return quality::average_precision(q, options); },
                           [=](const query& q, const std::vector<document>& l) {
                               return plain::average_precision(l, q.relevant(from), at, from);
                           }});
            all.push_back({"RR",
                           [=](const judged_ranking& q) { return quality::reciprocal_rank(q, options); },
                           [=](const query& q, const std::vector<document>& l) {
                               return plain::reciprocal_rank(l, at, from) +
                                      (q.relevant(from) > 0.0 ? 0.0 : std::nan(""));
                           }});
            all.push_back({"recall", [=](const judged_ranking& q) { return quality::recall_at(q, options); },
                           [=](const query& q, const std::vector<document>& l) {
                               return plain::hits(l, at, from) / q.relevant(from);
                           }});
            all.push_back({"hit rate",
                           [=](const judged_ranking& q) { return quality::hit_rate_at(q, options); },
                           [=](const query& q, const std::vector<document>& l) {
                               return q.relevant(from) > 0.0 ? (plain::hits(l, at, from) > 0.0 ? 1.0 : 0.0)
                                                             : std::nan("");
                           }});
            if (at != every_rank) {
                all.push_back({"precision",
                               [=](const judged_ranking& q) { return quality::precision_at(q, options); },
                               [=](const query&, const std::vector<document>& l) {
                                   return plain::hits(l, at, from) / static_cast<double>(at);
                               }});
            } else {
                all.push_back({"bpref", [=](const judged_ranking& q) { return quality::bpref(q, options); },
                               [=](const query& q, const std::vector<document>& l) {
                                   return plain::bpref(l, q.relevant(from), q.irrelevant(from), from);
                               }});
            }
        }
        all.push_back(
            {"ERR", [=](const judged_ranking& q) { return quality::expected_reciprocal_rank(q, {.at = at}); },
             [=](const query&, const std::vector<document>& l) { return plain::err(l, at, 4.0); }});
    }
    for (const double p : {0.5, 0.95}) {
        const quality::persistence_options options{.p = p, .best_grade = 4.0};
        all.push_back(
            {"RBP",
             [=](const judged_ranking& q) -> quality::query_value {
                 return quality::rank_biased_precision(q, options);
             },
             [=](const query&, const std::vector<document>& l) { return plain::rbp(l, p, 4.0).first; }});
        all.push_back(
            {"RBP residual",
             [=](const judged_ranking& q) -> quality::query_value {
                 const auto found = quality::rank_biased_precision(q, options);
                 return {found.residual, found.state};
             },
             [=](const query&, const std::vector<document>& l) { return plain::rbp(l, p, 4.0).second; }});
    }
    return all;
}

}  // namespace

TEST_CASE("with ties every metric is its mean over all orders, and the pessimistic one is the least of them")
{
    joust_test::engine random{11};
    const std::vector<named_metric> all = all_metrics();
    double worst = 0.0;
    int compared = 0, tied = 0;
    for (int round = 0; round < 250; ++round) {
        const query q = draw(random);
        const std::vector<std::vector<document>> orders = q.orders();
        tied += orders.size() > 1 ? 1 : 0;
        const judged_ranking expected{q.retrieved, q.judged};
        const judged_ranking pessimistic{q.retrieved, q.judged, rank_ties::pessimistic};
        for (const named_metric& metric : all) {
            double mean = 0.0;
            double least = std::numeric_limits<double>::infinity();
            for (const std::vector<document>& order : orders) {
                const double value = metric.plain(q, order);
                mean += value / static_cast<double>(orders.size());
                least = std::min(least, value);
            }
            const quality::query_value found = metric.joust(expected);
            const quality::query_value low = metric.joust(pessimistic);
            INFO(metric.name << " in round " << round);
            if (std::isnan(mean)) {
                REQUIRE(found.state == status::too_few);
                REQUIRE(std::isnan(found.value));
                continue;
            }
            REQUIRE(found.state == status::ok);
            REQUIRE(std::fabs(found.value - mean) < 1e-13);
            worst = std::max(worst, std::fabs(found.value - mean));
            if (metric.name != "RBP residual") {
                REQUIRE(std::fabs(low.value - least) < 1e-13);
            }
            ++compared;
        }
    }
    CHECK(tied > 120);
    WARN(compared << " values against all orders of ties; largest distance " << worst);
}

TEST_CASE("ranking metrics have the values of other programs")
{
    int compared = 0;
    double worst = 0.0;
    for (const joust_test::ranking_row& row : joust_test::ranking_rows()) {
        const std::size_t at = row.at == 0 ? every_rank : row.at;
        double got = std::nan("");
        if (row.method == "kendall_tau_b") {
            continue;  // rank_correlation.cpp
        }
        const judged_ranking q = judged_ranking::of_scores(row.first, row.second);
        if (row.method == "dcg") {
            got = quality::dcg(q, {.at = at}).value;
        } else if (row.method == "ndcg") {
            got = quality::ndcg(q, {.at = at}).value;
        } else if (row.method == "exponential_dcg") {
            got = quality::exponential_dcg(q, {.at = at}).value;
        } else if (row.method == "exponential_ndcg") {
            got = quality::exponential_ndcg(q, {.at = at}).value;
        } else if (row.method == "average_precision") {
            got = quality::average_precision(q, {.at = at}).value;
        }
        INFO(row.method << " at " << row.at << " by " << row.source);
        CHECK(relative_error(got, row.value) < 1e-14);
        worst = std::max(worst, relative_error(got, row.value));
        ++compared;
    }
    CHECK(compared == 160);
    WARN(compared << " rows; largest relative error " << worst);
}

TEST_CASE("ranking metrics have the values computed by hand")
{
    // Grades by rank 3, 2, 0, unjudged, 1; a document of grade 2 and one of grade 0 are missed.
    const std::vector<quality::scored_item<std::string>> run{
        {"d3", 9.0}, {"d2", 8.0}, {"n1", 7.0}, {"u", 6.0}, {"d1", 5.0}};
    const std::vector<quality::judged_item<std::string>> judged{{"d1", 1.0}, {"d2", 2.0}, {"d3", 3.0},
                                                                {"m0", 0.0}, {"m2", 2.0}, {"n1", 0.0}};
    const judged_ranking q{run, judged};
    REQUIRE(q.state() == status::ok);
    const double log3 = std::log2(3.0), log6 = std::log2(6.0), log5 = std::log2(5.0);
    CHECK(quality::dcg(q).value == Approx(3.0 + 2.0 / log3 + 1.0 / log6).epsilon(1e-15));
    CHECK(quality::exponential_dcg(q).value == Approx(7.0 + 3.0 / log3 + 1.0 / log6).epsilon(1e-15));
    CHECK(quality::ndcg(q).value ==
          Approx((3.0 + 2.0 / log3 + 1.0 / log6) / (3.0 + 2.0 / log3 + 1.0 + 1.0 / log5)).epsilon(1e-15));
    CHECK(quality::ndcg(q, {.ideal = quality::ideal_order::retrieved}).value ==
          Approx((3.0 + 2.0 / log3 + 1.0 / log6) / (3.0 + 2.0 / log3 + 0.5)).epsilon(1e-15));
    CHECK(quality::ndcg(q, {.at = 2, .ideal = quality::ideal_order::retrieved}).value == 1.0);
    CHECK(quality::average_precision(q).value == Approx((1.0 + 1.0 + 3.0 / 5.0) / 4.0).epsilon(1e-15));
    CHECK(quality::average_precision(q, {.at = 2}).value == Approx(0.5).epsilon(1e-15));
    CHECK(quality::reciprocal_rank(q).value == 1.0);
    CHECK(quality::reciprocal_rank(q, {.relevant_from = 2.5}).value == 1.0);
    CHECK(quality::precision_at(q, {.at = 10}).value == Approx(0.3).epsilon(1e-15));
    CHECK(quality::recall_at(q, {.at = 2}).value == 0.5);
    CHECK(quality::hit_rate_at(q, {.at = 1, .relevant_from = 2.0}).value == 1.0);
    // d1 has one of min(4, 2) judged irrelevant documents above it.
    CHECK(quality::bpref(q).value == Approx((1.0 + 1.0 + 0.5) / 4.0).epsilon(1e-15));
    CHECK(quality::expected_reciprocal_rank(q).value ==
          Approx(7.0 / 16.0 + 9.0 / 16.0 * (3.0 / 16.0 / 2.0 + 13.0 / 16.0 * (1.0 / 16.0) / 5.0))
              .epsilon(1e-15));
    const quality::bounded_query_value rbp = quality::rank_biased_precision(q, {.p = 0.5, .best_grade = 3.0});
    CHECK(rbp.value == Approx(0.5 + 0.25 * 2.0 / 3.0 + 1.0 / 32.0 / 3.0).epsilon(1e-15));
    CHECK(rbp.residual == Approx(1.0 / 16.0 + 1.0 / 32.0).epsilon(1e-15));
}

TEST_CASE("one relevant document among n of equal score: closed forms")
{
    for (const std::size_t n : {std::size_t{2}, std::size_t{10}, std::size_t{1000}}) {
        std::vector<double> grades(n, 0.0), scores(n, 0.5);
        grades[n / 2] = 1.0;
        const judged_ranking q = judged_ranking::of_scores(grades, scores);
        double harmonic = 0.0, discounts = 0.0;
        for (std::size_t i = 1; i <= n; ++i) {
            harmonic += 1.0 / static_cast<double>(i);
            discounts += 1.0 / std::log2(static_cast<double>(i) + 1.0);
        }
        const double all = static_cast<double>(n);
        CHECK(quality::average_precision(q).value == Approx(harmonic / all).epsilon(1e-13));
        CHECK(quality::reciprocal_rank(q).value == Approx(harmonic / all).epsilon(1e-13));
        CHECK(quality::ndcg(q).value == Approx(discounts / all).epsilon(1e-13));
        CHECK(quality::hit_rate_at(q, {.at = 1}).value == Approx(1.0 / all).epsilon(1e-13));
        CHECK(quality::bpref(q).value == Approx(1.0 / all).epsilon(1e-13));
        CHECK(quality::rank_biased_precision(q, {.p = 0.9}).value ==
              Approx((1.0 - std::pow(0.9, all)) / all).epsilon(1e-12));
        CHECK(quality::expected_reciprocal_rank(q, {.best_grade = 1.0}).value ==
              Approx(0.5 * harmonic / all).epsilon(1e-13));
    }
}

TEST_CASE("a cut within a tied group sees the whole group, however large it is")
{
    // 20,000 documents of one score, a quarter of them relevant; a relevant one stops half of the users.
    std::vector<double> grades(20'000), scores(20'000, 1.0);
    for (std::size_t i = 0; i < grades.size(); i += 4) {
        grades[i] = 1.0;
    }
    const judged_ranking q = judged_ranking::of_scores(grades, scores);
    // The second rank counts for users whom the first did not stop.
    const double n = 20'000.0, r = 5'000.0;
    const double both = r / n * (r - 1.0) / (n - 1.0), one = r / n * (n - r) / (n - 1.0);
    const double second = 0.5 * (0.5 * both + one);
    CHECK(quality::expected_reciprocal_rank(q, {.at = 2, .best_grade = 1.0}).value ==
          Approx(0.5 * r / n + 0.5 * second).epsilon(1e-12));
}

TEST_CASE("each policy for ties has its value")
{
    // Input order looks perfect, ids look worst.
    const std::vector<quality::scored_item<int>> run{{1, 0.5}, {2, 0.5}, {3, 0.5}};
    const std::vector<quality::judged_item<int>> judged{{1, 2.0}, {2, 1.0}, {3, 0.0}};
    const double best = 2.0 + 1.0 / std::log2(3.0);
    const double log3 = std::log2(3.0);
    const auto ndcg = [&](rank_ties ties) { return quality::ndcg(judged_ranking{run, judged, ties}).value; };
    CHECK(ndcg(rank_ties::by_input) == 1.0);
    CHECK(ndcg(rank_ties::by_id) == Approx((1.0 / log3 + 1.0) / best).epsilon(1e-15));
    CHECK(ndcg(rank_ties::pessimistic) == Approx((1.0 / log3 + 1.0) / best).epsilon(1e-15));
    CHECK(ndcg(rank_ties::expected) == Approx((1.0 + 1.0 / log3 + 0.5) / best).epsilon(1e-15));
}

TEST_CASE("a constant model gets the NDCG of a random order")
{
    joust_test::engine random{5};
    for (int round = 0; round < 200; ++round) {
        const std::size_t n = 2 + random.next() % 30;
        std::vector<double> grades(n), scores(n, 1.0);
        for (double& g : grades) {
            g = std::floor(random.uniform() * 5.0);
        }
        grades[0] = 4.0;
        grades[1] = 1.0;
        std::sort(grades.begin(), grades.end(), std::greater<>{});
        for (const rank_ties ties : {rank_ties::expected, rank_ties::pessimistic, rank_ties::by_id}) {
            const judged_ranking q = judged_ranking::of_scores(grades, scores, ties);
            REQUIRE(quality::ndcg(q).value < 1.0);
            REQUIRE(quality::exponential_ndcg(q).value < 1.0);
        }
    }
}

TEST_CASE("the order of the input matters only for the policy that uses it")
{
    joust_test::engine random{17};
    for (int round = 0; round < 100; ++round) {
        query q = draw(random);
        query shuffled = q;
        std::reverse(shuffled.retrieved.begin(), shuffled.retrieved.end());
        std::reverse(shuffled.judged.begin(), shuffled.judged.end());
        for (const rank_ties ties : {rank_ties::expected, rank_ties::by_id, rank_ties::pessimistic}) {
            const judged_ranking a{q.retrieved, q.judged, ties};
            const judged_ranking b{shuffled.retrieved, shuffled.judged, ties};
            REQUIRE(quality::dcg(a).value == Approx(quality::dcg(b).value).epsilon(1e-14).margin(1e-15));
            REQUIRE(quality::bpref(a).state == quality::bpref(b).state);
        }
    }
}

TEST_CASE("rankings that cannot be judged have a status and no number")
{
    const double nan = std::nan("");
    const double infinite = std::numeric_limits<double>::infinity();
    using scored = std::vector<quality::scored_item<std::string_view>>;
    using judged = std::vector<quality::judged_item<std::string_view>>;
    const auto bad = [](const judged_ranking& q) {
        for (const named_metric& metric : all_metrics()) {
            const quality::query_value found = metric.joust(q);
            if (found.state != status::out_of_range || !std::isnan(found.value)) {
                return false;
            }
        }
        return true;
    };
    CHECK(bad({scored{{"a", 1.0}, {"b", 0.5}, {"a", 0.2}}, judged{{"a", 1.0}}}));  // retrieved twice
    CHECK(bad({scored{{"a", 1.0}}, judged{{"a", 1.0}, {"b", 0.0}, {"a", 1.0}}}));  // judged twice
    CHECK(bad({scored{{"a", nan}}, judged{{"a", 1.0}}}));
    CHECK(bad({scored{{"a", 1.0}}, judged{{"a", nan}}}));
    CHECK(bad({scored{{"a", 1.0}}, judged{{"b", -1.0}}}));
    CHECK(bad({scored{{"a", 1.0}}, judged{{"b", infinite}}}));
    CHECK(bad(judged_ranking::of_scores(std::vector<double>{1.0}, {})));
    // Infinite scores are scores.
    CHECK(quality::ndcg({scored{{"a", infinite}, {"b", -infinite}}, judged{{"a", 1.0}}}).value == 1.0);

    const judged_ranking empty{scored{}, judged{{"a", 1.0}}};
    CHECK(quality::ndcg(empty).value == 0.0);
    CHECK(quality::average_precision(empty).value == 0.0);
    CHECK(quality::rank_biased_precision(empty).residual == 1.0);
    const judged_ranking nothing{scored{{"a", 1.0}}, judged{}};
    CHECK(quality::ndcg(nothing).state == status::too_few);
    CHECK(quality::bpref(nothing).state == status::too_few);
    CHECK(quality::precision_at(nothing, {.at = 5}).value == 0.0);

    const judged_ranking one = judged_ranking::in_order(std::vector<double>{5.0, 0.0});
    CHECK(quality::dcg(one, {.at = 0}).state == status::out_of_range);
    CHECK(quality::precision_at(one, {}).state == status::out_of_range);
    CHECK(quality::recall_at(one, {.at = 1, .relevant_from = 0.0}).state == status::out_of_range);
    CHECK(quality::recall_at(one, {.at = 1, .relevant_from = nan}).state == status::out_of_range);
    CHECK(quality::expected_reciprocal_rank(one).state == status::out_of_range);  // 5 is above the scale
    CHECK(quality::rank_biased_precision(one).state == status::out_of_range);
    CHECK(quality::rank_biased_precision(one, {.p = 1.0, .best_grade = 5.0}).state == status::out_of_range);
    const judged_ranking huge = judged_ranking::in_order(std::vector<double>{5000.0});
    CHECK(quality::exponential_dcg(huge).state == status::out_of_range);
    CHECK(quality::dcg(huge).value == 5000.0);
}

TEST_CASE("the mean over queries says how many of them count")
{
    const quality::query_value good{0.5, status::ok}, better{0.75, status::ok};
    const quality::query_value silent{};
    const quality::query_value broken{std::nan(""), status::out_of_range};
    quality::query_mean left_out;
    CHECK(left_out.add(good));
    CHECK_FALSE(left_out.add(silent));
    CHECK(left_out.result().value == 0.5);
    CHECK(left_out.result().state == status::too_few);
    CHECK(left_out.add(better));
    CHECK(left_out.result().value == Approx(0.625));
    CHECK(left_out.result().standard_error == Approx(0.125));
    CHECK(left_out.counted() == 2);
    CHECK(left_out.unanswered() == 1);

    quality::query_mean zero{quality::unanswerable::zero};
    CHECK(zero.add(good));
    CHECK(zero.add(silent));
    CHECK(zero.result().value == 0.25);
    CHECK(zero.unanswered() == 1);

    quality::query_mean refused{quality::unanswerable::refused};
    CHECK(refused.add(good));
    CHECK_FALSE(refused.add(silent));
    CHECK(refused.result().state == status::out_of_range);
    CHECK(std::isnan(refused.result().value));

    quality::query_mean part;
    part.add(better);
    CHECK_FALSE(part.merge(zero));
    CHECK(part.merge(left_out));
    CHECK(part.counted() == 3);
    CHECK(part.result().value == Approx(2.0 / 3.0));
    CHECK_FALSE(part.add(broken));
    CHECK(part.result().state == status::out_of_range);
    CHECK(part.result(2.0).state == status::out_of_range);
    CHECK(quality::query_mean{}.result().state == status::too_few);
}

TEST_CASE("two rankers are compared query by query")
{
    const auto ok = [](double value) { return quality::query_value{value, status::ok}; };
    const quality::query_value silent{}, broken{std::nan(""), status::out_of_range};
    quality::query_difference seen;
    joust_test::engine random{13};
    double sum = 0.0, square = 0.0;
    for (int i = 0; i < 200; ++i) {
        // Queries differ by far more than the rankers do.
        const double ease = random.uniform();
        const double first = ease + 0.05 + 0.1 * random.bell(), second = ease;
        CHECK(seen.add(ok(first), ok(second)));
        sum += first - second;
        square += (first - second) * (first - second);
    }
    CHECK_FALSE(seen.add(silent, silent));
    CHECK(seen.counted() == 200);
    CHECK(seen.unanswered() == 1);
    const joust::stats::test_result found = seen.result();
    const double variance = (square - sum * sum / 200.0) / 199.0 / 200.0;
    REQUIRE(found.state == status::ok);
    CHECK(found.estimate == Approx(sum / 200.0).epsilon(1e-12));
    CHECK(found.statistic == Approx(sum / 200.0 / std::sqrt(variance)).epsilon(1e-12));
    CHECK(found.p_value < 1e-6);
    CHECK(found.lower < found.estimate);

    quality::query_difference other;
    other.add(ok(0.5), ok(0.75));
    CHECK(other.result().state == status::too_few);
    CHECK(other.merge(seen));
    CHECK(other.counted() == 201);
    CHECK(other.result({.alternative = joust::stats::side::less}).p_value > 0.99);
    CHECK_FALSE(other.add(ok(0.5), silent));  // other judgements
    CHECK(other.result().state == status::out_of_range);
    CHECK(std::isnan(other.result().p_value));
    CHECK_FALSE(seen.add(broken, ok(1.0)));
    CHECK(seen.rejected() == 1);
    quality::query_difference same;
    same.add(ok(0.5), ok(0.25));
    same.add(ok(1.0), ok(0.75));
    CHECK(same.result().state == status::zero_variance);
    CHECK(same.result().estimate == 0.25);
    quality::query_difference zeros{quality::unanswerable::zero};
    CHECK(zeros.add(silent, silent));
    CHECK(zeros.counted() == 1);
}
