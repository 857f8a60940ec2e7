// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/bayes/bayes.hpp>

#include "stats/oracle_rows.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using joust_test::relative_error;

namespace {

stats::bayes_result first_against_second(double a1, double b1, double a2, double b2)
{
    return stats::beta_binomial(stats::beta_belief{a1, b1}, stats::beta_belief{a2, b2});
}

}  // namespace

TEST_CASE("reference values of beta-binomial comparisons")
{
    int driven = 0;
    for (const char* name : {"beta_prob_beat", "beta_bayes"}) {
        for (const auto& row : joust_test::oracle_rows(name)) {
            const auto r = first_against_second(row.number("alphaA"), row.number("betaA"),
                                                row.number("alphaB"), row.number("betaB"));
            CHECK(r.state == status::ok);
            joust_test::check_oracle(row, row.field == "p_B_gt_A" ? r.probability_second : r.loss_second);
            ++driven;
        }
    }
    CHECK(driven == 6);
}

TEST_CASE("reference values of the normal loss")
{
    int driven = 0;
    for (const auto& row : joust_test::oracle_rows("normal_bayes_risk")) {
        const auto r = stats::normal_effect({row.number("mu"), row.number("sd")});
        joust_test::check_oracle(row, row.field == "p_gt0"        ? r.probability_first
                                      : row.field == "risk_treat" ? r.loss_first
                                                                  : r.loss_second);
        ++driven;
    }
    CHECK(driven == 6);
    // 50 digits: E[(Z - t)+] at t = 3, 10 and 30, where pdf and t sf agree to 1 / t^2 of themselves
    CHECK(relative_error(stats::normal_effect({-3.0, 1.0}).loss_second, 3.8215431704772359565e-4) < 1e-13);
    CHECK(relative_error(stats::normal_effect({-10.0, 1.0}).loss_second, 7.4745602545893280366e-25) < 1e-13);
    CHECK(relative_error(stats::normal_effect({-30.0, 1.0}).loss_second, 1.6319567340914011894e-199) < 1e-12);
}

TEST_CASE("tails and parameters that are not whole, against 30-digit arithmetic")
{
    const auto jeffreys = first_against_second(0.5, 20.5, 3.25, 17.75);
    CHECK(relative_error(jeffreys.probability_first, 0.035609061000152912073) < 1e-12);
    CHECK(relative_error(jeffreys.probability_second, 0.96439093899984708793) < 1e-12);
    CHECK(relative_error(jeffreys.loss_first, 0.1322596208277933798) < 1e-12);
    CHECK(relative_error(jeffreys.loss_second, 0.0013072398754124274222) < 1e-11);
    const auto far = first_against_second(500, 500, 300, 700);
    CHECK(relative_error(far.probability_second, 2.3420989397768341557e-20) < 1e-12);
    CHECK(std::fabs(far.probability_first - 1.0) < 1e-14);
    const auto farther = first_against_second(5000, 5000, 3000, 7000);
    CHECK(relative_error(farther.probability_second, 4.6203874153726650188e-185) < 1e-11);
    CHECK(farther.loss_first > 0.0);  // below 1e-180, and still a number
}

TEST_CASE("two arms agree with the exact sum for whole parameters")
{
    // P(B > A) = sum over i < aB of B(aA + i, bA + bB) / ((bB + i) B(1 + i, bB) B(aA, bA)), all terms positive
    const auto log_beta = [](double a, double b) {
        return std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b);
    };
    joust_test::engine random{37};
    for (int round = 0; round < 50; ++round) {
        const double a1 = 1.0 + std::floor(30.0 * random.uniform());
        const double b1 = 1.0 + std::floor(60.0 * random.uniform());
        const double a2 = 1.0 + std::floor(30.0 * random.uniform());
        const double b2 = 1.0 + std::floor(60.0 * random.uniform());
        double sum = 0.0;
        for (double i = 0.0; i < a2; i += 1.0) {
            sum += std::exp(log_beta(a1 + i, b1 + b2) - std::log(b2 + i) - log_beta(1.0 + i, b2) -
                            log_beta(a1, b1));
        }
        const auto r = first_against_second(a1, b1, a2, b2);
        CHECK(relative_error(r.probability_second, sum) < 1e-11);
        CHECK(std::fabs(r.probability_first + r.probability_second - 1.0) < 1e-13);
        // loss second - loss first = E[first - second]
        CHECK(std::fabs(r.loss_second - r.loss_first - r.estimate) < 1e-13);
        CHECK(std::fabs(r.estimate - (a1 / (a1 + b1) - a2 / (a2 + b2))) < 1e-15);
    }
}

TEST_CASE("the credible interval of a difference, against 30-digit arithmetic")
{
    const auto r = first_against_second(131, 871, 101, 901);
    CHECK(std::fabs(r.lower - 0.0020085216617326834) < 1e-12);
    CHECK(std::fabs(r.upper - 0.0579792898878338942) < 1e-12);
    const auto small = first_against_second(1.5, 10.5, 0.5, 11.5);
    CHECK(std::fabs(small.lower + 0.116831871386992574) < 1e-10);
    CHECK(std::fabs(small.upper - 0.324624649872244146) < 1e-10);
    const auto big = first_against_second(1.001e8, 9e8, 1e8, 9e8);
    const double sd = std::sqrt(2.0 * 0.09 / 1e9);
    CHECK(std::fabs((big.upper - big.lower) / (2.0 * 1.959963984540054 * sd) - 1.0) < 1e-3);
}

TEST_CASE("the probability of each of k arms to be best, and its expected loss")
{
    const std::vector<stats::beta_belief> arms{{11, 91}, {14, 88}, {9, 93}};
    const auto r = stats::beta_binomial(arms);
    const double best[] = {0.22953305186255791704, 0.6847464794864784192, 0.085720468650963663755};
    const double loss[] = {0.038189809597531292759, 0.0087780448916489398174, 0.057797652734786194719};
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(relative_error(r[i].probability_best, best[i]) < 1e-12);
        CHECK(relative_error(r[i].expected_loss, loss[i]) < 1e-12);
        CHECK(r[i].lower < r[i].mean);
        CHECK(r[i].upper > r[i].mean);
    }
    CHECK(relative_error(r[0].lower, stats::beta_quantile(0.025, 11, 91)) < 1e-15);
    // Mirrored: the worst arm of the mirrored ones.
    std::vector<stats::beta_belief> mirrored;
    for (const auto& arm : arms) {
        mirrored.push_back({arm.b, arm.a});
    }
    const auto down = stats::beta_binomial(mirrored, {.lower_is_better = true});
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(down[i].probability_best == r[i].probability_best);
        CHECK(down[i].expected_loss == r[i].expected_loss);
    }
    const std::vector<stats::beta_belief> many(8, {20.0, 30.0});
    for (const auto& arm : stats::beta_binomial(many)) {
        CHECK(relative_error(arm.probability_best, 0.125) < 1e-13);
    }
}

TEST_CASE("two of k normal arms have a closed form")
{
    const stats::normal_belief a{1.0, 0.5}, b{1.7, 0.2};
    const auto two = stats::normal_normal(a, b);
    const std::vector<stats::normal_belief> arms{a, b};
    const auto k = stats::normal_normal(arms);
    CHECK(relative_error(k[0].probability_best, two.probability_first) < 1e-13);
    CHECK(relative_error(k[1].expected_loss, two.loss_second) < 1e-12);
    CHECK(relative_error(k[0].expected_loss, two.loss_first) < 1e-12);
    const std::vector<stats::normal_belief> far{{0.0, 1.0}, {20.0, 1.0}};
    CHECK(relative_error(stats::normal_normal(far)[0].probability_best,
                         stats::normal_sf(20.0 / std::sqrt(2.0))) < 1e-12);
    const std::vector<stats::normal_belief> equal{{2.0, 1.0}, {2.0, 1.0}, {2.0, 1.0}, {2.0, 1.0}};
    for (const auto& arm : stats::normal_normal(equal)) {
        CHECK(relative_error(arm.probability_best, 0.25) < 1e-13);
        // E[max of 3 - another] = E[max of 4] - E[one]: 1.02937537300396 standard deviations
        CHECK(relative_error(arm.expected_loss, 1.0293753730039642) < 1e-12);
    }
}

TEST_CASE("posteriors follow their definitions")
{
    CHECK(stats::beta_posterior(3, 10) == stats::beta_belief{4.0, 8.0});
    CHECK(std::isnan(stats::beta_posterior(11, 10).a));
    const auto flat = stats::normal_posterior(2.0, 0.5);
    CHECK(flat == stats::normal_belief{2.0, 0.5});
    const auto equal = stats::normal_posterior(2.0, 0.5, {0.0, 0.5});
    CHECK(std::fabs(equal.mean - 1.0) < 1e-15);
    CHECK(std::fabs(equal.sd - 0.5 / std::sqrt(2.0)) < 1e-15);
    const stats::sample_summary x{100, 2.0, 4.0}, y{100, 1.0, 4.0};
    const auto r = stats::normal_normal(x, y);
    CHECK(relative_error(r.lower, 1.0 - 1.959963984540054 * std::sqrt(0.08)) < 1e-13);
    const auto sceptical = stats::normal_normal(x, y, {.prior = {0.0, 0.1}});
    CHECK(sceptical.estimate < 0.2);
    CHECK(sceptical.probability_first < r.probability_first);
    const auto turned = stats::normal_normal(x, y, {.lower_is_better = true});
    CHECK(turned.probability_first == r.probability_second);
    CHECK(turned.loss_first == r.loss_second);
}

TEST_CASE("bayes: edge cases give a status")
{
    constexpr double missing = std::numeric_limits<double>::quiet_NaN();
    CHECK(first_against_second(0.0, 1.0, 1.0, 1.0).state == status::out_of_range);
    CHECK(first_against_second(missing, 1.0, 1.0, 1.0).state == status::out_of_range);
    CHECK(stats::beta_binomial(11, 10, 1, 2).state == status::out_of_range);
    CHECK(stats::beta_binomial(0, 0, 0, 0).probability_first == Approx(0.5).epsilon(1e-14));
    CHECK(stats::normal_effect({0.0, 0.0}).state == status::zero_variance);
    CHECK(stats::normal_effect({missing, 1.0}).state == status::out_of_range);
    CHECK(stats::normal_effect({0.0, 1.0}, {.alpha = 0.0}).state == status::out_of_range);
    CHECK(stats::normal_normal(stats::sample_summary{1, 0, 0}, stats::sample_summary{5, 0, 1}).state ==
          status::too_few);
    CHECK(stats::normal_normal(stats::sample_summary{5, 0, 0}, stats::sample_summary{5, 0, 0}).state ==
          status::zero_variance);
    CHECK(stats::beta_binomial(std::vector<stats::beta_belief>{}).empty());
    CHECK(stats::beta_binomial(std::vector<stats::beta_belief>{{1.0, 1.0}})[0].probability_best == 1.0);
    CHECK(stats::normal_normal(std::vector<stats::normal_belief>{{0.0, 1.0}, {0.0, 0.0}})[0].state ==
          status::zero_variance);
    // no success at all under a prior with little weight
    const auto none = stats::beta_binomial(0, 1000, 0, 10, {0.01, 0.01});
    CHECK(none.state == status::ok);
    CHECK(std::fabs(none.probability_first + none.probability_second - 1.0) < 1e-11);
    CHECK(none.lower < 0.0);
}
