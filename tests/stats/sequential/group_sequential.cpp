// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/sequential/group_sequential.hpp>

#include "stats/support.hpp"

#include <boost/math/quadrature/gauss.hpp>

#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using joust_test::engine;
using stats::futility_rule;
using stats::side;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::vector<double> equal_looks(int k)
{
    std::vector<double> out;
    for (int i = 1; i <= k; ++i) {
        out.push_back(static_cast<double>(i) / k);
    }
    return out;
}

// The probability of being outside [lower, upper] at look k and inside before, by another method: Gauss's
// ten-point rule on many cells, in long double.
struct exits {
    std::vector<long double> upper, lower;
};

long double long_sf(long double z)
{
    return 0.5L * std::erfc(z / std::sqrt(2.0L));
}

exits by_cells(const std::vector<stats::group_sequential_look>& looks, int cells, long double drift = 0.0L)
{
    exits out;
    std::vector<long double> at{0.0L}, mass{1.0L};
    long double before = 0.0L;
    for (const auto& look : looks) {
        const long double step = static_cast<long double>(look.information) - before;
        const long double sd = std::sqrt(step);
        const long double root = std::sqrt(static_cast<long double>(look.information));
        const long double mean = drift * static_cast<long double>(look.information);
        const long double high =
            look.upper > 12.0 ? mean + 9.0L * root : static_cast<long double>(look.upper) * root;
        const long double low =
            look.lower < -12.0 ? mean - 9.0L * root : static_cast<long double>(look.lower) * root;
        long double up = 0.0L, down = 0.0L;
        for (std::size_t i = 0; i < at.size(); ++i) {
            up +=
                mass[i] * long_sf((static_cast<long double>(look.upper) * root - at[i] - drift * step) / sd);
            down +=
                mass[i] * long_sf(-(static_cast<long double>(look.lower) * root - at[i] - drift * step) / sd);
        }
        out.upper.push_back(up);
        out.lower.push_back(down);
        std::vector<long double> next_at, next_mass;
        using rule = boost::math::quadrature::gauss<long double, 10>;
        for (int cell = 0; cell < cells; ++cell) {
            const long double half = 0.5L * (high - low) / cells;
            const long double middle = low + half * (2 * cell + 1);
            for (std::size_t i = 0; i < 10; ++i) {
                const long double side_of = i < 5 ? -1.0L : 1.0L;
                const long double s = middle + side_of * half * rule::abscissa()[i % 5];
                long double density = 0.0L;
                for (std::size_t j = 0; j < at.size(); ++j) {
                    const long double z = (s - at[j] - drift * step) / sd;
                    if (z * z < 90.0L) {
                        density += mass[j] * std::exp(-0.5L * z * z);
                    }
                }
                next_at.push_back(s);
                next_mass.push_back(half * rule::weights()[i % 5] * density /
                                    (sd * std::sqrt(2.0L * 3.14159265358979323846L)));
            }
        }
        at.swap(next_at);
        mass.swap(next_mass);
        before = static_cast<long double>(look.information);
    }
    return out;
}

}  // namespace

TEST_CASE("each look spends what its spending function says: checked by another integration")
{
    const std::vector<double> uneven{0.11, 0.35, 0.42, 0.8, 1.0};
    for (const stats::spending_function& f :
         {stats::spending_function{stats::obrien_fleming{}}, stats::spending_function{stats::pocock{}},
          stats::spending_function{stats::power_family{2.0}}}) {
        for (const side alternative : {side::two, side::greater}) {
            const auto looks =
                stats::group_sequential_bounds(f, uneven, {.alpha = 0.05, .alternative = alternative});
            REQUIRE(looks.size() == 5);
            const exits out = by_cells(looks, 30);
            const double share = alternative == side::two ? 0.5 : 1.0;
            double before = 0.0;
            for (std::size_t k = 0; k < 5; ++k) {
                const double now = stats::spend(f, share * 0.05, uneven[k]);
                // |dz| is the error of the probability over the density, which is above 1e-2 where error is
                // spent
                CHECK(std::fabs(static_cast<double>(out.upper[k]) - (now - before)) < 1e-12);
                before = now;
                CHECK(looks[k].spent == Approx(now / share).epsilon(1e-14));
                CHECK(looks[k].lower == (alternative == side::two ? -looks[k].upper : -infinity));
            }
        }
    }
}

TEST_CASE("bounds are exact to 1e-10 where a widely used solver is off by 4e-5 to 2e-4")
{
    // power family, rho = 2, two-sided 5 %: z where the other integration spends the same
    for (const int k : {2, 5}) {
        const auto looks = stats::group_sequential_bounds(stats::power_family{2.0}, equal_looks(k));
        const exits out = by_cells(looks, 30);
        double before = 0.0;
        double worst = 0.0;
        for (std::size_t i = 0; i < looks.size(); ++i) {
            const double now = stats::spend(stats::power_family{2.0}, 0.025, looks[i].information);
            auto moved = looks;
            moved.resize(i + 1);
            moved[i].upper += 1e-4;
            const double slope =
                static_cast<double>(
                    by_cells(moved, 30).upper[i] -
                    by_cells({looks.begin(), looks.begin() + static_cast<std::ptrdiff_t>(i) + 1}, 30)
                        .upper[i]) /
                1e-4;
            worst = std::fmax(worst, std::fabs((static_cast<double>(out.upper[i]) - (now - before)) / slope));
            before = now;
        }
        std::printf("power family, %d looks: largest error of z %.1e\n", k, worst);
        CHECK(worst < 1e-10);
    }
}

TEST_CASE("thirty looks: the errors add up to alpha, and finer rules change nothing")
{
    for (const side alternative : {side::two, side::greater}) {
        const auto looks = stats::group_sequential_bounds(stats::obrien_fleming{}, equal_looks(30),
                                                          {.alternative = alternative});
        const auto out = stats::exit_probabilities_of(looks, 0.0);
        CHECK(std::fabs(out.total_upper + out.total_lower - 0.05) < 1e-13);
        const exits fine = by_cells(looks, 30);
        double worst = 0.0;
        for (std::size_t i = 0; i < 30; ++i) {
            worst = std::fmax(worst, std::fabs(static_cast<double>(fine.upper[i]) - out.upper[i]));
        }
        INFO(worst);
        CHECK(worst < 1e-12);
    }
}

TEST_CASE("cumulative spending as a nominal level at each look would not keep the error, and the bounds do")
{
    for (const int k : {5, 30}) {
        auto looks = stats::group_sequential_bounds(stats::obrien_fleming{}, equal_looks(k));
        const auto ours = stats::exit_probabilities_of(looks, 0.0);
        const double z = stats::normal_upper_quantile(0.025);
        for (auto& look : looks) {
            look.upper = z / std::sqrt(look.information);
            look.lower = -look.upper;
        }
        const auto naive = stats::exit_probabilities_of(looks, 0.0);
        const double error = naive.total_upper + naive.total_lower;
        std::printf("%d looks: z / sqrt(t) has error %.4f, ours %.15f\n", k, error,
                    ours.total_upper + ours.total_lower);
        CHECK(error == Approx(k == 5 ? 0.061 : 0.079).margin(0.0015));
        CHECK(std::fabs(ours.total_upper + ours.total_lower - 0.05) < 1e-13);
    }
}

TEST_CASE("exit probabilities under a drift are the power: checked by another integration")
{
    const auto looks = stats::group_sequential_bounds(stats::obrien_fleming{}, equal_looks(4));
    for (const double drift : {-3.0, -0.5, 0.5, 2.8, 6.0}) {
        const auto out = stats::exit_probabilities_of(looks, drift);
        const exits other = by_cells(looks, 30, static_cast<long double>(drift));
        for (std::size_t i = 0; i < 4; ++i) {
            CHECK(std::fabs(out.upper[i] - static_cast<double>(other.upper[i])) < 1e-12);
            CHECK(std::fabs(out.lower[i] - static_cast<double>(other.lower[i])) < 1e-12);
        }
        const auto mirrored = stats::exit_probabilities_of(looks, -drift);
        CHECK(out.total_upper == Approx(mirrored.total_lower).epsilon(1e-12));
    }
    // one-sided, the walk may go far down
    const auto one =
        stats::group_sequential_bounds(stats::pocock{}, equal_looks(4), {.alternative = side::greater});
    const auto far = stats::exit_probabilities_of(one, -4.0);
    CHECK(far.total_upper < 1e-4);
    CHECK(far.total_upper > 0.0);
    CHECK(far.total_lower == 0.0);
}

TEST_CASE("the drift for a power gives that power, with and without futility")
{
    const auto looks5 = equal_looks(5);
    const double plain = stats::group_sequential_drift(stats::obrien_fleming{}, looks5, 0.8);
    const auto looks = stats::group_sequential_bounds(stats::obrien_fleming{}, looks5);
    CHECK(stats::exit_probabilities_of(looks, plain).total_upper == Approx(0.8).epsilon(1e-10));
    // five looks cost little: one look needs (1.96 + 0.84) = 2.8016
    CHECK(plain > 2.8016);
    CHECK(plain < 2.86);
    for (const futility_rule rule : {futility_rule::binding, futility_rule::non_binding}) {
        for (const side alternative : {side::greater, side::less}) {
            stats::group_sequential_options options{
                .alpha = 0.025, .alternative = alternative, .futility = rule};
            const double sign = alternative == side::less ? -1.0 : 1.0;
            const double drift =
                sign * stats::group_sequential_drift(stats::obrien_fleming{}, looks5, 0.8, options);
            options.drift = drift;
            options.beta = 0.2;
            const auto with = stats::group_sequential_bounds(stats::obrien_fleming{}, looks5, options);
            REQUIRE(with.size() == 5);
            CHECK(with.back().lower == Approx(with.back().upper).epsilon(1e-9));
            const auto out = stats::exit_probabilities_of(with, drift);
            CHECK((sign > 0.0 ? out.total_upper : out.total_lower) == Approx(0.8).epsilon(1e-9));
            CHECK((sign > 0.0 ? out.total_lower : out.total_upper) == Approx(0.2).epsilon(1e-9));
            // type II error is spent as planned at each look
            double before = 0.0;
            for (std::size_t i = 0; i < 5; ++i) {
                const double now = stats::spend(stats::obrien_fleming{}, 0.2, looks5[i]);
                CHECK((sign > 0.0 ? out.lower[i] : out.upper[i]) == Approx(now - before).epsilon(1e-9));
                before = now;
            }
            auto ignored = with;
            for (auto& look : ignored) {
                (sign > 0.0 ? look.lower : look.upper) = -sign * infinity;
            }
            const auto null = stats::exit_probabilities_of(with, 0.0);
            const auto free = stats::exit_probabilities_of(ignored, 0.0);
            const double obeyed = sign > 0.0 ? null.total_upper : null.total_lower;
            const double disobeyed = sign > 0.0 ? free.total_upper : free.total_lower;
            if (rule == futility_rule::binding) {
                CHECK(std::fabs(obeyed - 0.025) < 1e-12);
                CHECK(disobeyed > 0.0255);
            } else {
                CHECK(std::fabs(disobeyed - 0.025) < 1e-12);
                CHECK(obeyed < 0.0245);
            }
        }
    }
}

TEST_CASE(
    "looks are planned one by one from the information at each, and later looks do not change earlier ones")
{
    stats::group_sequential_design design{stats::obrien_fleming{}, {.planned_information = 400.0}};
    CHECK(design.state() == status::too_few);
    design.look(90.0);
    design.look(210.0);
    stats::group_sequential_design copy = design;  // the state is a value
    design.look(400.0);
    copy.look(333.0);
    const auto whole = stats::group_sequential_bounds(
        stats::obrien_fleming{}, std::vector<double>{90.0, 210.0, 400.0}, {.planned_information = 400.0});
    CHECK(design.looks() == whole);
    CHECK(copy.looks().size() == 3);
    CHECK(copy.looks()[2].spent < 0.05);
    // units of information do not matter
    const auto scaled =
        stats::group_sequential_bounds(stats::obrien_fleming{}, std::vector<double>{0.225, 0.525, 1.0});
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(scaled[i].upper == Approx(whole[i].upper).epsilon(1e-13));
    }
}

TEST_CASE("a last look before the planned information spends all that is left")
{
    stats::group_sequential_design design{stats::obrien_fleming{}};
    design.look(0.3);
    design.look(0.6, {.last = true});
    const auto out = stats::exit_probabilities_of(design.looks(), 0.0);
    CHECK(std::fabs(out.total_upper + out.total_lower - 0.05) < 1e-13);
}

TEST_CASE("overrun: the first look past the plan spends the rest, later ones cannot reject")
{
    stats::group_sequential_design design{stats::pocock{}};
    design.look(0.5);
    design.look(1.2);
    const auto out = stats::exit_probabilities_of(design.looks(), 0.0);
    CHECK(std::fabs(out.total_upper + out.total_lower - 0.05) < 1e-13);
    CHECK(std::isinf(design.look(1.5).upper));
    CHECK(design.state() == status::ok);
}

TEST_CASE("looks without new information get the previous bound and spend nothing")
{
    stats::group_sequential_design design{stats::pocock{}};
    const auto first = design.look(0.5);
    const auto again = design.look(0.5);
    CHECK(again.upper == first.upper);
    CHECK(again.lower == first.lower);
    const auto little = design.look(0.5 * (1.0 + 5e-5));
    CHECK(little.upper > first.upper);
    CHECK(little.upper < first.upper + 0.06);
    CHECK(little.spent == first.spent);
    design.look(1.0);
    stats::group_sequential_design plain{stats::pocock{}};
    plain.look(0.5);
    CHECK(plain.look(1.0) == design.looks().back());
    // whether such looks reject more often: not at 1e-12
    const auto out = stats::exit_probabilities_of(design.looks(), 0.0);
    CHECK(std::fabs(out.total_upper + out.total_lower - 0.05) < 1e-12);
}

TEST_CASE("tiny increments just above that limit are integrated")
{
    std::vector<double> information{0.5, 0.5001, 0.5003, 0.501, 0.51, 1.0};
    const auto looks = stats::group_sequential_bounds(stats::pocock{}, information);
    const auto out = stats::exit_probabilities_of(looks, 0.0);
    INFO(out.total_upper + out.total_lower - 0.05);
    CHECK(std::fabs(out.total_upper + out.total_lower - 0.05) < 1e-12);
    // a simulation agrees
    int rejected = 0;
    const int runs = 40'000;
    engine random{5};
    for (int r = 0; r < runs; ++r) {
        double s = 0.0, before = 0.0;
        for (const auto& look : looks) {
            // a good normal variable: inverse of the distribution function
            s += std::sqrt(look.information - before) *
                 stats::normal_quantile(0.5 * 0x1p-53 + random.uniform());
            before = look.information;
            if (std::fabs(s) >= look.upper * std::sqrt(look.information)) {
                ++rejected;
                break;
            }
        }
    }
    INFO(rejected);
    CHECK(std::abs(rejected - 2'000) < 4 * 44);
}

TEST_CASE("a look so early that nothing can be spent has a bound that cannot be reached")
{
    stats::group_sequential_design design{stats::obrien_fleming{}};
    CHECK(std::isinf(design.look(1e-4).upper));
    design.look(0.01);
    design.look(1.0);
    const auto out = stats::exit_probabilities_of(design.looks(), 0.0);
    CHECK(std::fabs(out.total_upper + out.total_lower - 0.05) < 1e-13);
}

TEST_CASE("a test for less is the mirrored test for greater")
{
    const auto greater =
        stats::group_sequential_bounds(stats::pocock{}, equal_looks(3), {.alternative = side::greater});
    const auto less =
        stats::group_sequential_bounds(stats::pocock{}, equal_looks(3), {.alternative = side::less});
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(less[i].lower == -greater[i].upper);
        CHECK(std::isinf(less[i].upper));
    }
    const auto classic = stats::wang_tsiatis_bounds(0.25, equal_looks(3), {.alternative = side::less});
    CHECK(std::isinf(classic[0].upper));
    CHECK(stats::exit_probabilities_of(classic, 0.0).total_lower == Approx(0.05).epsilon(1e-13));
}

TEST_CASE("invalid arguments give a status or no bound")
{
    const auto state = [](const stats::group_sequential_options& options,
                          const stats::spending_function& f = {}) {
        return stats::group_sequential_design{f, options}.state();
    };
    CHECK(state({.alpha = 0.0}) == status::out_of_range);
    CHECK(state({.alpha = stats::not_a_number}) == status::out_of_range);
    CHECK(state({.planned_information = 0.0}) == status::out_of_range);
    CHECK(state({}, stats::power_family{-1.0}) == status::out_of_range);
    CHECK(state({.futility = futility_rule::binding, .drift = 1.0}) == status::out_of_range);  // two-sided
    CHECK(state({.alternative = side::greater, .futility = futility_rule::binding}) == status::out_of_range);
    CHECK(state({.alternative = side::greater, .futility = futility_rule::binding, .drift = 3.0}) ==
          status::too_few);
    stats::group_sequential_design design{stats::pocock{}};
    design.look(0.5);
    CHECK(std::isinf(design.look(0.4).upper));
    CHECK(design.state() == status::out_of_range);
    CHECK(stats::group_sequential_bounds(stats::pocock{}, std::vector<double>{0.5, 0.4}).empty());
    CHECK(stats::group_sequential_bounds(stats::pocock{}, std::vector<double>{stats::not_a_number}).empty());
    CHECK(stats::wang_tsiatis_bounds(0.5, std::vector<double>{}).empty());
    CHECK(stats::wang_tsiatis_bounds(0.5, std::vector<double>{0.5, 0.5}).empty());
    CHECK(std::isnan(stats::group_sequential_drift(stats::pocock{}, equal_looks(2), 1.0)));
    CHECK(std::isnan(stats::group_sequential_drift(stats::pocock{}, std::vector<double>{1.0, 0.5}, 0.8)));
}

TEST_CASE("power and mean duration of the designs, beside the figures of a simulation")
{
    // An effect for which one look has a power of 80 %, and twice and three times that; N = 10,000.
    const double drift = 1.9599639845400542 + 0.8416212335729143;
    const auto summary = [&](double shape, double times) {
        const auto looks = stats::wang_tsiatis_bounds(shape, equal_looks(5));
        const auto out = stats::exit_probabilities_of(looks, times * drift);
        double left = 1.0, mean = 0.0;
        for (std::size_t k = 0; k < 5; ++k) {
            mean += left * 2'000.0;
            left -= out.upper[k] + out.lower[k];
        }
        return std::pair{out.total_upper, mean};
    };
    const auto obf = summary(0.0, 1.0);
    const auto pocock = summary(0.5, 1.0);
    std::printf(
        "5 looks: O'Brien-Fleming power %.4f, mean n %.0f / %.0f / %.0f; Pocock power %.4f, mean n %.0f\n",
        obf.first, obf.second, summary(0.0, 2.0).second, summary(0.0, 3.0).second, pocock.first,
        pocock.second);
    CHECK(obf.first == Approx(0.791).margin(0.01));
    CHECK(obf.second == Approx(8'038).epsilon(0.02));
    CHECK(summary(0.0, 2.0).second == Approx(4'785).epsilon(0.02));
    CHECK(summary(0.0, 3.0).second == Approx(3'636).epsilon(0.02));
    CHECK(pocock.first == Approx(0.697).margin(0.02));
    CHECK(pocock.second == Approx(7'087).epsilon(0.03));
}
