// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/estimation/off_policy.hpp>

#include "stats/oracle_rows.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using joust_test::relative_error;

namespace {

struct world {
    std::vector<double> weights, rewards, predicted, values;
    double truth = 0.0;
};

// Contexts x in [0, 1), actions 0 and 1; action 1 earns with probability x, action 0 with 1/2. The logging policy
// takes 1 with probability 0.2 + 0.6 x, and the new one takes it with 0.9. `bias` makes the model wrong.
world draw(joust_test::engine& random, int n, double bias)
{
    world w;
    w.truth = 0.9 * 0.5 + 0.1 * 0.5;
    for (int i = 0; i < n; ++i) {
        const double x = random.uniform();
        const double logged = 0.2 + 0.6 * x;
        const bool one = random.coin(logged);
        w.weights.push_back(one ? 0.9 / logged : 0.1 / (1.0 - logged));
        w.rewards.push_back(random.coin(one ? x : 0.5) ? 1.0 : 0.0);
        w.predicted.push_back((one ? x : 0.5) + bias);
        w.values.push_back(0.9 * x + 0.1 * 0.5 + bias);
    }
    return w;
}

}  // namespace

TEST_CASE("reference values of IPS, SNIPS and the effective sample")
{
    int driven = 0;
    for (const auto& row : joust_test::oracle_rows("ope")) {
        const auto w = row.numbers("w");
        const auto r = row.numbers("r");
        const auto ips = stats::ips(w, r);
        const auto snips = stats::snips(w, r);
        joust_test::check_oracle(row, row.field == "ips"        ? ips.estimate
                                      : row.field == "snips"    ? snips.estimate
                                      : row.field == "snips_se" ? snips.standard_error
                                                                : ips.effective_sample);
        CHECK(ips.state == status::low_overlap);  // six rows are not enough
        CHECK(std::isnan(ips.p_value));
        CHECK(std::isnan(snips.lower));
        CHECK(ips.largest_weight == 4.0);
        CHECK(relative_error(ips.largest_share, 4.0 / 9.0) < 1e-14);
        ++driven;
    }
    CHECK(driven == 4);
}

TEST_CASE("every estimator is near the truth, with the coverage it states")
{
    joust_test::engine random{41};
    constexpr int runs = 1000;
    int ips = 0, snips = 0, robust = 0, robust_bad_model = 0, switched = 0, direct_bad_model = 0;
    double ips_error = 0.0, snips_error = 0.0, robust_error = 0.0;
    for (int run = 0; run < runs; ++run) {
        const world good = draw(random, 400, 0.0);
        const world bad = draw(random, 400, 0.2);
        const auto covers = [](const stats::off_policy_result& r, double truth) {
            return r.state == status::ok && r.lower <= truth && r.upper >= truth ? 1 : 0;
        };
        const auto a = stats::ips(good.weights, good.rewards);
        const auto b = stats::snips(good.weights, good.rewards);
        const auto c = stats::doubly_robust(good.weights, good.rewards, good.predicted, good.values);
        const auto d = stats::doubly_robust(bad.weights, bad.rewards, bad.predicted, bad.values);
        const auto e = stats::switch_estimator(good.weights, good.rewards, good.predicted, good.values,
                                               {.switch_at = 2.0});
        const auto f = stats::direct_method(bad.values);
        ips += covers(a, good.truth);
        snips += covers(b, good.truth);
        robust += covers(c, good.truth);
        robust_bad_model += covers(d, bad.truth);
        switched += covers(e, good.truth);
        direct_bad_model += covers(f, bad.truth);
        ips_error += a.standard_error / runs;
        snips_error += b.standard_error / runs;
        robust_error += c.standard_error / runs;
    }
    for (const int covered : {ips, snips, robust, robust_bad_model, switched}) {
        CHECK(covered >= 925);  // 95 % of 1,000 and about its 99.9 % limit
        CHECK(covered <= 972);
    }
    CHECK(direct_bad_model == 0);  // the interval knows nothing of a model's bias
    CHECK(snips_error < ips_error);
    CHECK(robust_error < snips_error);
}

TEST_CASE("parts merge, and the functions agree with the accumulator")
{
    joust_test::engine random{43};
    const world w = draw(random, 501, 0.1);
    const stats::off_policy_options options{.clip = 3.0, .switch_at = 2.0};
    stats::off_policy whole{options},
        parts[3] = {stats::off_policy{options}, stats::off_policy{options}, stats::off_policy{options}};
    for (std::size_t i = 0; i < w.weights.size(); ++i) {
        whole.add(w.weights[i], w.rewards[i], w.predicted[i], w.values[i], 0.5 * w.values[i]);
        parts[i % 3].add(w.weights[i], w.rewards[i], w.predicted[i], w.values[i], 0.5 * w.values[i]);
    }
    CHECK(parts[0].merge(parts[1]));
    CHECK(parts[0].merge(parts[2]));
    const auto same = [](const stats::off_policy_result& x, const stats::off_policy_result& y) {
        CHECK(x.state == status::ok);
        CHECK(relative_error(x.estimate, y.estimate) < 1e-14);
        CHECK(relative_error(x.lower, y.lower) < 1e-13);
        CHECK(relative_error(x.effective_sample, y.effective_sample) < 1e-14);
        CHECK(x.clipped_share == y.clipped_share);
    };
    same(parts[0].ips(), whole.ips());
    same(parts[0].snips(), whole.snips());
    same(parts[0].direct_method(), whole.direct_method());
    same(parts[0].doubly_robust(), whole.doubly_robust());
    same(parts[0].switch_estimator(), whole.switch_estimator());
    same(parts[0].plain_switch(), whole.plain_switch());
    same(stats::ips(w.weights, w.rewards, options), whole.ips());
    CHECK(whole.ips().clipped_share > 0.0);
    CHECK_FALSE(whole.merge(stats::off_policy{{.clip = 4.0}}));
    CHECK(whole.rows() == 501);
}

TEST_CASE("clipping and switching give the values computed by hand")
{
    const std::vector<double> w{0.5, 2.0, 8.0, 1.0}, r{1.0, 0.0, 1.0, 2.0}, q{0.5, 0.5, 0.5, 1.5},
        v{0.25, 0.5, 0.75, 1.0};
    CHECK(stats::ips(w, r, {.clip = 3.0}).estimate == (0.5 + 0.0 + 3.0 + 2.0) / 4.0);
    CHECK(stats::ips(w, r, {.clip = 3.0}).clipped_share == 0.25);
    CHECK(stats::doubly_robust(w, r, q, v).estimate ==
          (0.25 + 0.5 * 0.5 + 0.5 - 2.0 * 0.5 + 0.75 + 8.0 * 0.5 + 1.0 + 0.5) / 4.0);
    CHECK(stats::switch_estimator(w, r, q, v, {.switch_at = 2.0}).estimate ==
          (0.25 + 0.25 + 0.5 - 1.0 + 0.75 + 1.0 + 0.5) / 4.0);
    CHECK(stats::switch_estimator(w, r, q, v, {.switch_at = 2.0}).clipped_share == 0.25);
    CHECK(stats::direct_method(v).estimate == 0.625);
    const auto against = stats::direct_method(v, {.baseline = 0.5});
    CHECK(against.estimate == 0.625);
    CHECK(relative_error(against.statistic, 0.125 / against.standard_error) < 1e-14);
    CHECK(against.lower < 0.625);
    CHECK(against.upper > 0.625);
}

// Two contexts, three actions, rewards 0 or 1, a logging and a new policy, a wrong reward model: every data set of
// three rows with its probability gives expectation and variance of each estimator without simulation.
TEST_CASE("every estimator's expectation and error, over all data sets of three rows")
{
    constexpr double chance[2] = {0.3, 0.7};
    constexpr double logging[2][3] = {{0.6, 0.3, 0.1}, {0.05, 0.15, 0.8}};
    constexpr double target[2][3] = {{0.1, 0.4, 0.5}, {0.3, 0.3, 0.4}};  // weights 1/6, 4/3, 5; 6, 2, 1/2
    constexpr double success[2][3] = {{0.2, 0.5, 0.9}, {0.4, 0.1, 0.7}};
    constexpr double model[2][3] = {{0.3, 0.4, 0.7}, {0.1, 0.2, 0.9}};
    const stats::off_policy_options options{.clip = 4.0, .switch_at = 3.0};
    struct outcome {
        double probability, weight, reward, predicted, value, above;
    };
    std::vector<outcome> outcomes;
    double truth = 0.0, by_model = 0.0, switched = 0.0, clipped = 0.0, robust = 0.0;
    for (int x = 0; x < 2; ++x) {
        double value = 0.0, above = 0.0;
        for (int a = 0; a < 3; ++a) {
            const double weight = target[x][a] / logging[x][a];
            value += target[x][a] * model[x][a];
            above += weight > options.switch_at ? target[x][a] * model[x][a] : 0.0;
        }
        for (int a = 0; a < 3; ++a) {
            const double weight = target[x][a] / logging[x][a];
            const double mass = chance[x] * target[x][a];
            const double kept = chance[x] * logging[x][a] * std::fmin(weight, options.clip);
            const bool high = weight > options.switch_at;
            truth += mass * success[x][a];
            by_model += mass * model[x][a];
            switched += mass * (high ? model[x][a] : success[x][a]);
            clipped += kept * success[x][a];
            robust += mass * model[x][a] + kept * (success[x][a] - model[x][a]);
            for (int r = 0; r < 2; ++r) {
                outcomes.push_back(
                    {chance[x] * logging[x][a] * (r == 1 ? success[x][a] : 1.0 - success[x][a]), weight,
                     static_cast<double>(r), model[x][a], value, above});
            }
        }
    }
    CHECK(std::fabs(switched - truth) > 0.05);  // the model is wrong where it is asked
    constexpr int estimators = 6;
    double mean[estimators] = {}, square[estimators] = {}, error[estimators] = {};
    double all = 0.0;
    for (const outcome& i : outcomes) {
        for (const outcome& j : outcomes) {
            for (const outcome& k : outcomes) {
                const double p = i.probability * j.probability * k.probability;
                stats::off_policy plain, sums{options};
                for (const outcome* row : {&i, &j, &k}) {
                    plain.add(row->weight, row->reward);
                    sums.add(row->weight, row->reward, row->predicted, row->value, row->above);
                }
                const stats::off_policy_result results[estimators] = {
                    plain.ips(),          sums.ips(),          sums.direct_method(),
                    sums.doubly_robust(), sums.plain_switch(), sums.switch_estimator()};
                all += p;
                for (int e = 0; e < estimators; ++e) {
                    const double se = std::isnan(results[e].standard_error) ? 0.0 : results[e].standard_error;
                    mean[e] += p * results[e].estimate;
                    square[e] += p * results[e].estimate * results[e].estimate;
                    error[e] += p * se * se;
                }
            }
        }
    }
    CHECK(relative_error(all, 1.0) < 1e-13);
    const double expected[estimators] = {truth, clipped, by_model, robust, switched, switched};
    for (int e = 0; e < estimators; ++e) {
        CAPTURE(e);
        CHECK(relative_error(mean[e], expected[e]) < 1e-13);
        CHECK(relative_error(error[e], square[e] - mean[e] * mean[e]) < 1e-12);
    }
    CHECK(error[4] < error[0]);  // SWITCH varies less than IPS
    CHECK(error[5] < error[4]);
}

TEST_CASE("plain SWITCH is IPS if it never uses the model, and the prediction of the model if it always does")
{
    joust_test::engine random{53};
    const world w = draw(random, 500, 0.1);
    const std::vector<double> none(500, 0.0);
    const auto ips = stats::ips(w.weights, w.rewards);
    const auto never = stats::plain_switch(w.weights, w.rewards, none, {});
    CHECK(never.estimate == ips.estimate);
    CHECK(never.lower == ips.lower);
    CHECK(never.state == status::ok);
    CHECK(never.clipped_share == 0.0);
    const auto always = stats::plain_switch(w.weights, w.rewards, w.values, {.switch_at = 0.0});
    const auto model = stats::direct_method(w.values);
    CHECK(always.estimate == model.estimate);
    CHECK(always.upper == model.upper);
    CHECK(always.clipped_share == 1.0);
    CHECK(stats::plain_switch(w.weights, w.rewards, {}).state == status::out_of_range);
    stats::off_policy missing;
    CHECK_FALSE(missing.add(1.0, 1.0, 1.0, 1.0, std::numeric_limits<double>::quiet_NaN()));
    CHECK(missing.rejected() == 1);
    CHECK(missing.rows() == 0);
    stats::off_policy some{{.switch_at = 2.0}};
    some.add(1.0, 1.0, 1.0, 1.0);
    some.add(1.0, 0.0, 1.0, 1.0);
    CHECK(some.plain_switch().state == status::too_few);
    some.add(1.0, 0.0, 1.0, 1.0, 0.0);
    CHECK(some.plain_switch().state == status::out_of_range);  // not every row says what the model would
}

TEST_CASE("no interval where overlap is too small, or the propensities cannot be right")
{
    joust_test::engine random{47};
    std::vector<double> weights, rewards;
    for (int i = 0; i < 1000; ++i) {
        weights.push_back(i == 0 ? 900.0 : 0.1);
        rewards.push_back(random.uniform());
    }
    const auto one_row = stats::ips(weights, rewards);
    CHECK(one_row.state == status::low_overlap);
    CHECK(one_row.largest_share > 0.8);
    CHECK(std::isfinite(one_row.estimate));
    CHECK(std::isnan(one_row.upper));
    // the new policy does things that were never logged: weights average to 1/2
    const std::vector<double> half(1000, 0.5);
    CHECK(stats::ips(half, rewards).state == status::low_overlap);
    const std::vector<double> none(1000, 0.0);
    CHECK(stats::snips(none, rewards).state == status::low_overlap);
    CHECK(std::isnan(stats::snips(none, rewards).estimate));
    const std::vector<double> same(1000, 1.0);
    CHECK(stats::ips(same, rewards).state == status::ok);
    CHECK(stats::ips(same, same).state == status::zero_variance);
}

TEST_CASE("off policy: edge cases give a status")
{
    constexpr double missing = std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> none, one{1.0}, two{1.0, 2.0}, negative{-1.0, 1.0}, bad{1.0, missing};
    CHECK(stats::ips(none, none).state == status::too_few);
    CHECK(stats::ips(one, one).state == status::too_few);
    CHECK(stats::ips(two, one).state == status::out_of_range);
    CHECK(stats::ips(negative, two).state == status::out_of_range);
    CHECK(stats::snips(two, bad).state == status::out_of_range);
    CHECK(stats::ips(two, two, {.alpha = 2.0}).state == status::out_of_range);
    CHECK(stats::doubly_robust(two, two, two, bad).state == status::out_of_range);
    CHECK(stats::doubly_robust(two, two, two, one).state == status::out_of_range);
    stats::off_policy without_model;
    without_model.add(1.0, 2.0);
    without_model.add(1.0, 3.0);
    CHECK(without_model.doubly_robust().state == status::too_few);
    without_model.add(1.0, 2.0, 1.0, 1.0);
    CHECK(without_model.doubly_robust().state == status::out_of_range);
    CHECK(without_model.direct_method().state == status::out_of_range);
}
