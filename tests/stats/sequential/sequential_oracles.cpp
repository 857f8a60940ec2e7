// SPDX-License-Identifier: Apache-2.0

// The reference values of the sequential methods, each row at its own tolerance.

#include <joust/stats/sequential/asymptotic_cs.hpp>
#include <joust/stats/sequential/bernoulli_mixture.hpp>
#include <joust/stats/sequential/betting.hpp>
#include <joust/stats/sequential/empirical_bernstein.hpp>
#include <joust/stats/sequential/group_sequential.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>
#include <joust/stats/sequential/sequential_srm.hpp>

#include "stats/oracle_rows.hpp"
#include "stats/support.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace stats = joust::stats;
using json = nlohmann::json;
using joust_test::relative_error;

namespace {

using row = joust_test::oracle_row;

using answer = std::optional<double>;

answer asymptotic(const row& r)
{
    const auto get = [&](const char* key) { return r.inputs[key].get<double>(); };
    const double rho = stats::asymptotic_rho(get("n_tune"), get("alpha"));
    if (r.field == "rho") {
        return rho;
    }
    return r.field == "log_e" ? stats::asymptotic_log_e(get("point"), get("s2"), get("n"), rho)
                              : stats::asymptotic_half_width(get("s2"), get("n"), rho, get("alpha"));
}

answer betting(const row& r)
{
    stats::betting_options options{.null = r.inputs["m"].get<double>(),
                                   .largest_bet = r.inputs["c"].get<double>()};
    stats::betting bets{options};
    for (const double x : r.inputs["x_decimal"].get<std::vector<double>>()) {
        bets.update(x);
    }
    const auto capital = bets.against(options.null);
    if (r.field == "logK_plus") {
        return capital.above;
    }
    if (r.field == "logK_minus") {
        return capital.below;
    }
    return std::fmax(capital.above, capital.below) - std::log(2.0);
}

answer bernstein(const row& r)
{
    const auto x = r.inputs["x_decimal"].get<std::vector<double>>();
    const bool half = r.field.rfind("half", 0) == 0;
    const auto n = static_cast<std::size_t>(std::stoi(r.field.substr(half ? 4 : 6)));
    // The interval is cut at the ends of the range. Where that has happened its uncut form is made here.
    stats::empirical_bernstein bounds;
    stats::detail::predictable_bets bets{.twice_log = 2.0 * std::log(2.0 / 0.05)};
    double l = 0.0, lx = 0.0, cost = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
        bounds.update(x[i]);
        const double bet = std::fmin(bets.next(), 0.5);
        const double d = x[i] - bets.mean();
        l += bet;
        lx += bet * x[i];
        cost += d * d * (-std::log1p(-bet) - bet);
        bets.add(x[i]);
    }
    const double width = (std::log(2.0 / 0.05) + cost) / l;
    const stats::bounds ends = bounds.interval(0.05);
    CHECK(ends.lower == Approx(std::fmax(0.0, lx / l - width)).margin(1e-15));
    CHECK(ends.upper == Approx(std::fmin(1.0, lx / l + width)).margin(1e-15));
    if (ends.lower > 0.0 && ends.upper < 1.0) {
        return half ? 0.5 * (ends.upper - ends.lower) : 0.5 * (ends.upper + ends.lower);
    }
    return half ? width : lx / l;
}

answer srm(const row& r)
{
    const auto counts = r.inputs["counts"].get<std::vector<std::uint64_t>>();
    const auto prior = r.inputs["dirichlet_alpha"].get<std::vector<double>>();
    std::vector<std::uint64_t> weights;
    double total = 0.0;
    for (const double a : prior) {
        weights.push_back(static_cast<std::uint64_t>(a));
        total += a;
    }
    stats::sequential_srm watch{weights, {.concentration = total}};
    watch.update(counts);
    return r.field == "p" ? watch.p_value() : watch.log_e();
}

std::size_t look_of(const row& r)
{
    return r.field == "z" ? 0 : static_cast<std::size_t>(std::stoi(r.field.substr(1))) - 1;
}

answer group_sequential(const row& r)
{
    std::vector<double> information;
    if (r.inputs.contains("info")) {
        information = r.inputs["info"].get<std::vector<double>>();
    } else {
        const int looks = r.inputs["K"].get<int>();
        for (int k = 1; k <= looks; ++k) {
            information.push_back(static_cast<double>(k) / looks);
        }
    }
    if (information.size() == 3) {
        information = {1.0 / 3.0, 2.0 / 3.0, 1.0};  // the row has 15 digits
    }
    const stats::group_sequential_options options{.alpha = r.inputs["alpha"].get<double>(),
                                                  .alternative = stats::side::greater};
    const auto starts = [&](const char* with) { return r.name.rfind(with, 0) == 0; };
    std::vector<stats::group_sequential_look> looks;
    if (starts("OF_")) {
        looks = stats::wang_tsiatis_bounds(0.0, information, options);
    } else if (starts("P_") || starts("Pocock_classic")) {
        looks = stats::wang_tsiatis_bounds(0.5, information, options);
    } else if (starts("asHSD") || starts("HSD")) {
        looks = stats::group_sequential_bounds(stats::hwang_shih_decani{r.inputs["gamma"].get<double>()},
                                               information, options);
    } else if (starts("asOF") || starts("LDOF")) {
        looks = stats::group_sequential_bounds(stats::obrien_fleming{}, information, options);
    } else if (starts("asP") || starts("LDPocock")) {
        looks = stats::group_sequential_bounds(stats::pocock{}, information, options);
    }
    return looks.size() > look_of(r) ? answer{looks[look_of(r)].upper} : std::nullopt;
}

answer compute(const row& r)
{
    if (r.method == "asymp_cs") {
        return asymptotic(r);
    }
    if (r.method == "betting_hedged_capital") {
        return betting(r);
    }
    if (r.method == "cs_predmix_empirical_bernstein") {
        return bernstein(r);
    }
    if (r.method == "srm_seq_multinomial") {
        return srm(r);
    }
    if (r.method == "group_sequential" || r.method == "group_sequential_own") {
        return group_sequential(r);
    }
    if (r.method == "cs_normal_mixture_2s") {
        const auto get = [&](const char* key) { return r.inputs[key].get<double>(); };
        const double rho = stats::normal_mixture_rho(get("v_opt"), get("alpha_opt"));
        return r.field == "rho" ? rho : stats::normal_mixture_bound(get("v"), rho, get("alpha"));
    }
    if (r.method == "msprt_normal") {
        const auto get = [&](const char* key) { return r.inputs[key].get<double>(); };
        const double v = get("n") / get("V");
        const double log_e = stats::normal_mixture_log_e(v * get("diff"), v, 1.0 / get("tau2"));
        return r.field == "p" ? stats::always_valid_p(log_e) : log_e;
    }
    return std::nullopt;
}

}  // namespace

TEST_CASE("every reference value of the sequential methods is reached at its own tolerance")
{
    struct score {
        int rows = 0;
        double worst = 0.0;
    };
    const std::map<std::string, int> expected{{"asymp_cs", 6},
                                              {"betting_hedged_capital", 6},
                                              {"cs_predmix_empirical_bernstein", 4},
                                              {"srm_seq_multinomial", 6},
                                              {"group_sequential", 27},
                                              {"group_sequential_own", 27},
                                              {"cs_normal_mixture_2s", 4},
                                              {"msprt_normal", 4}};
    std::map<std::string, score> scores;
    for (const row& r : joust_test::oracle_rows()) {
        if (r.tolerance.empty() || expected.count(r.method) == 0) {
            continue;
        }
        INFO(r.method << ", " << r.name << ", " << r.field);
        const answer got = compute(r);
        REQUIRE(got.has_value());
        const double want = std::stod(r.value);
        const bool absolute = r.tolerance.rfind("abs ", 0) == 0;
        const double tolerance = std::stod(absolute ? r.tolerance.substr(4) : r.tolerance);
        const double error = absolute ? std::fabs(*got - want) : relative_error(*got, want);
        CHECK(error <= tolerance);
        score& s = scores[r.method];
        ++s.rows;
        s.worst = std::fmax(s.worst, error);
    }
    for (const auto& [method, rows] : expected) {
        INFO(method);
        CHECK(scores[method].rows == rows);
        std::printf("%-31s %3d rows, largest error %.1e\n", method.c_str(), scores[method].rows,
                    scores[method].worst);
    }
}

TEST_CASE("the beta mixture is the published one of a centred Bernoulli process")
{
    // s = 40 and v = 250 with g = h = 1/2 are 540 successes in 1,000 tosses of a fair coin
    for (const row& r : joust_test::oracle_rows()) {
        if (r.method == "cs_beta_binomial") {
            const double prior = 2.0 * r.inputs["r"].get<double>();
            const double got = stats::bernoulli_mixture_log_e(540, 1000, 0.5, {prior, prior});
            INFO(got);
            CHECK(relative_error(got, std::stod(r.value)) <= 1e-12);
        }
    }
}
