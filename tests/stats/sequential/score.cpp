// SPDX-License-Identifier: Apache-2.0

#include <joust/stats/sequential/score.hpp>

#include "stats/support.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

namespace stats = joust::stats;
using joust::status;
using joust_test::engine;
using joust_test::relative_error;
using stats::side;
using stats::variance_clock;

namespace {

/// The eight sums, filled request by request as a trial does.
struct evidence {
    std::vector<double> p1, p0, g1, g0, q1, q0, k1, k0;

    explicit evidence(std::size_t buckets)
        : p1(buckets), p0(buckets), g1(buckets), g0(buckets), q1(buckets), q0(buckets), k1(buckets),
          k0(buckets)
    {
    }

    void add(std::size_t b, bool challenger, double s, double x)
    {
        const double root = std::sqrt(s * (1.0 - s));
        if (challenger) {
            p1[b] += (1.0 - s) * x;
            q1[b] += 1.0 - s;
            g1[b] += root * x;
            k1[b] += root;
        } else {
            p0[b] += s * x;
            q0[b] += s;
            g0[b] += root * x;
            k0[b] += root;
        }
    }

    [[nodiscard]] stats::score_sums sums() const { return {p1, p0, g1, g0, q1, q0, k1, k0}; }
};

struct request {
    std::size_t bucket;
    bool challenger;
    double s;
    double x;
};

/// A ramp with drift, returning units and an effect: what real evidence looks like.
std::vector<request> ramp(std::uint64_t seed, double effect, double scale = 1.0)
{
    engine random{seed};
    std::vector<request> log;
    for (int unit = 0; unit < 3000; ++unit) {
        const double position = random.uniform();
        const double level = random.bell();
        const auto bucket = static_cast<std::size_t>(random.next() % 256U);
        for (int visit = 0; visit < 4; ++visit) {
            const double time = random.uniform();
            const double s = time < 0.3 ? 0.05 : time < 0.6 ? 0.25 : 0.5;
            const bool challenger = position < s;
            const double x = 10.0 + 5.0 * time + level + random.bell() + (challenger ? effect : 0.0);
            log.push_back({bucket, challenger, s, scale * x});
        }
    }
    return log;
}

evidence collect(const std::vector<request>& log, double shift = 0.0, double theta = 0.0)
{
    evidence e{256};
    for (const request& r : log) {
        e.add(r.bucket, r.challenger, r.s, r.x - shift - (r.challenger ? theta : 0.0));
    }
    return e;
}

constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("kappa, S, V and V0 are those of their definitions")
{
    const evidence e = collect(ramp(1, 0.3));
    double pq = 0.0, qq = 0.0, s = 0.0, v = 0.0, v0 = 0.0, mean = 0.0;
    for (std::size_t b = 0; b < 256; ++b) {
        const double q = e.q1[b] - e.q0[b];
        pq += (e.p1[b] - e.p0[b]) * q;
        qq += q * q;
    }
    const double kappa = pq / qq;
    for (std::size_t b = 0; b < 256; ++b) {
        const double r = e.p1[b] - e.p0[b] - kappa * (e.q1[b] - e.q0[b]);
        s += r;
        v += r * r;
        mean += (e.g1[b] + e.g0[b] - kappa * (e.k1[b] + e.k0[b])) / 256.0;
    }
    for (std::size_t b = 0; b < 256; ++b) {
        const double d = e.g1[b] + e.g0[b] - kappa * (e.k1[b] + e.k0[b]) - mean;
        v0 += d * d;
    }
    const auto result = stats::score_test(e.sums(), {.rho = 50.0, .clock = variance_clock::residual});
    REQUIRE(result.state == status::ok);
    CHECK(result.kappa == Approx(kappa).epsilon(1e-13));
    CHECK(result.s == Approx(s).epsilon(1e-10));
    CHECK(result.v == Approx(v).epsilon(1e-12));
    CHECK(result.v0 == Approx(v0).epsilon(1e-12));
    CHECK(result.log_e == Approx(stats::normal_mixture_log_e(s, v, 50.0)).epsilon(1e-10));
    CHECK(result.challenger_buckets > 200);
}

TEST_CASE("the estimate solves both of its equations")
{
    const evidence e = collect(ramp(2, 0.5));
    const double theta = stats::score_test(e.sums(), {.rho = 50.0}).estimate;
    double p = 0.0, q1 = 0.0, q = 0.0, pq = 0.0, qq = 0.0, dq = 0.0;
    for (std::size_t b = 0; b < 256; ++b) {
        const double score = e.p1[b] - e.p0[b];
        const double weight = e.q1[b] - e.q0[b];
        p += score;
        q += weight;
        q1 += e.q1[b];
        pq += score * weight;
        qq += weight * weight;
        dq += e.q1[b] * weight;
    }
    const double kappa = (pq - theta * dq) / qq;
    CHECK(p - kappa * q - theta * q1 == Approx(0.0).margin(1e-9 * std::fabs(p)));
    CHECK(theta == Approx(0.5).margin(0.3));
}

TEST_CASE("testing a difference equals subtracting it from the challenger's observations")
{
    const auto log = ramp(3, 0.4);
    for (const auto clock : {variance_clock::residual, variance_clock::arm_free, variance_clock::larger}) {
        for (const side alternative : {side::two, side::greater, side::less}) {
            for (const double theta : {-2.0, 0.1, 3.0}) {
                const auto direct =
                    stats::score_test(collect(log, 0.0, theta).sums(),
                                      {.rho = 40.0, .alternative = alternative, .clock = clock});
                const auto tested = stats::score_test(
                    collect(log).sums(),
                    {.rho = 40.0, .alternative = alternative, .clock = clock, .null = theta});
                CHECK(tested.s == Approx(direct.s).epsilon(1e-9));
                CHECK(tested.v == Approx(direct.v).epsilon(1e-9));
                CHECK(tested.v0 == Approx(direct.v0).epsilon(1e-9));
                CHECK(tested.log_e == Approx(direct.log_e).epsilon(1e-8));
                CHECK(tested.estimate == Approx(direct.estimate + theta).epsilon(1e-9));
            }
        }
    }
}

TEST_CASE("a constant added to every observation changes no score, no variance and no interval")
{
    const auto log = ramp(4, 0.4);
    const auto plain = stats::score_test(collect(log, 12.0).sums(), {.rho = 40.0});
    for (const double shift : {0.0, -500.0, 1e5}) {
        const auto moved = stats::score_test(collect(log, shift).sums(), {.rho = 40.0});
        const double tolerance = shift == 1e5 ? 1e-8 : 1e-10;
        CHECK(moved.s == Approx(plain.s).epsilon(tolerance));
        CHECK(moved.v == Approx(plain.v).epsilon(tolerance));
        CHECK(moved.v0 == Approx(plain.v0).epsilon(tolerance));
        CHECK(moved.lower == Approx(plain.lower).epsilon(tolerance));
        CHECK(moved.upper == Approx(plain.upper).epsilon(tolerance));
    }
}

TEST_CASE("swapping the arms mirrors everything")
{
    const auto log = ramp(5, 0.4);
    auto mirrored = log;
    for (request& r : mirrored) {
        r.challenger = !r.challenger;
        r.s = 1.0 - r.s;
    }
    for (const auto clock : {variance_clock::residual, variance_clock::larger}) {
        const auto a = stats::score_test(collect(log).sums(), {.rho = 40.0, .clock = clock});
        const auto b = stats::score_test(collect(mirrored).sums(), {.rho = 40.0, .clock = clock});
        CHECK(b.s == Approx(-a.s).epsilon(1e-9));
        CHECK(b.v == Approx(a.v).epsilon(1e-10));
        CHECK(b.v0 == Approx(a.v0).epsilon(1e-10));
        CHECK(b.log_e == Approx(a.log_e).epsilon(1e-9));
        CHECK(b.estimate == Approx(-a.estimate).epsilon(1e-9));
        CHECK(b.lower == Approx(-a.upper).epsilon(1e-9));
        CHECK(b.upper == Approx(-a.lower).epsilon(1e-9));
        CHECK(b.challenger == Approx(a.champion).epsilon(1e-12));
    }
}

TEST_CASE("evidence of two replicas adds")
{
    const auto log = ramp(6, 0.4);
    evidence left{256}, right{256};
    for (std::size_t i = 0; i < log.size(); ++i) {
        (i % 3 == 0 ? left : right).add(log[i].bucket, log[i].challenger, log[i].s, log[i].x);
    }
    const auto add = [](std::vector<double>& to, const std::vector<double>& from) {
        for (std::size_t b = 0; b < to.size(); ++b) {
            to[b] += from[b];
        }
    };
    add(left.p1, right.p1);
    add(left.p0, right.p0);
    add(left.g1, right.g1);
    add(left.g0, right.g0);
    add(left.q1, right.q1);
    add(left.q0, right.q0);
    add(left.k1, right.k1);
    add(left.k0, right.k0);
    const auto whole = stats::score_test(collect(log).sums(), {.rho = 40.0});
    const auto merged = stats::score_test(left.sums(), {.rho = 40.0});
    CHECK(merged.s == Approx(whole.s).epsilon(1e-10));
    CHECK(merged.log_e == Approx(whole.log_e).epsilon(1e-10));
}

TEST_CASE(
    "with a constant share, balanced arms and one unit per bucket it is the pooled two-sample score test")
{
    engine random{7};
    const std::size_t n = 400;
    evidence e{n};
    double sum1 = 0.0, sum0 = 0.0, squares = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
        const bool challenger = i % 2 == 0;
        const double x = random.bell() + (challenger ? 0.2 : 0.0);
        e.add(i, challenger, 0.5, x);
        (challenger ? sum1 : sum0) += x;
        squares += x * x;
    }
    const double half = static_cast<double>(n) / 2.0;
    const double difference = (sum1 - sum0) / half;
    const double grand = (sum1 + sum0) / static_cast<double>(n);
    const double variance = squares / static_cast<double>(n) - grand * grand;  // pooled, maximum likelihood
    const auto result = stats::score_test(e.sums(), {.rho = 10.0, .clock = variance_clock::residual});
    REQUIRE(result.state == status::ok);
    CHECK(result.estimate == Approx(difference).epsilon(1e-11));
    CHECK(result.challenger == Approx(sum1 / half).epsilon(1e-12));
    CHECK(result.champion == Approx(sum0 / half).epsilon(1e-12));
    CHECK(result.s * result.s / result.v ==
          Approx(difference * difference / (variance * 2.0 / half)).epsilon(1e-10));
    CHECK(result.information == Approx(static_cast<double>(n) / 4.0).epsilon(1e-13));
}

TEST_CASE("with a constant share the displayed means are the plain means")
{
    evidence e{64};
    engine random{8};
    double sum[2] = {0.0, 0.0};
    double count[2] = {0.0, 0.0};
    for (int i = 0; i < 5000; ++i) {
        const bool challenger = random.coin(0.2);
        const double x = random.uniform();
        e.add(static_cast<std::size_t>(random.next() % 64U), challenger, 0.2, x);
        sum[challenger ? 1 : 0] += x;
        count[challenger ? 1 : 0] += 1.0;
    }
    const auto result = stats::score_test(e.sums(), {.rho = 10.0});
    CHECK(result.challenger == Approx(sum[1] / count[1]).epsilon(1e-12));
    CHECK(result.champion == Approx(sum[0] / count[0]).epsilon(1e-12));
}

TEST_CASE("interval ends are where the evidence reaches one over alpha, and nothing between is rejected")
{
    for (std::uint64_t seed = 20; seed < 26; ++seed) {
        const double effect = seed % 2 == 0 ? 0.0 : 2.0;
        const evidence e = collect(ramp(seed, effect));
        const auto line = stats::absolute_score(e.sums());
        for (const auto clock :
             {variance_clock::residual, variance_clock::arm_free, variance_clock::larger}) {
            for (const side alternative : {side::two, side::greater, side::less}) {
                for (const double alpha : {0.05, 1e-4}) {
                    for (const double rho : {5.0, 500.0}) {
                        const auto result = stats::score_test(
                            e.sums(),
                            {.rho = rho, .alpha = alpha, .alternative = alternative, .clock = clock});
                        REQUIRE(result.state == status::ok);
                        const double target = -std::log(alpha);
                        const double ends[] = {result.lower, result.upper};
                        for (const double end : ends) {
                            if (std::isfinite(end)) {
                                CHECK(line.log_e(end, rho, alternative, clock) ==
                                      Approx(target).epsilon(1e-11));
                            }
                        }
                        CHECK((alternative == side::less) == (result.lower == -infinity));
                        CHECK((alternative == side::greater) == (result.upper == infinity));
                        const double low = std::isfinite(result.lower) ? result.lower : result.estimate;
                        const double high = std::isfinite(result.upper) ? result.upper : result.estimate;
                        CHECK(low <= result.estimate);
                        CHECK(high >= result.estimate);
                        for (int i = 1; i < 50; ++i) {
                            const double t = low + (high - low) * i / 50.0;
                            CHECK(line.log_e(t, rho, alternative, clock) < target);
                        }
                    }
                }
            }
        }
    }
}

TEST_CASE("a test of any line is inverted exactly, also if the evidence can never reach the level")
{
    // random quadratics that are sums of squares, correlated with the score or not
    engine random{31};
    int infinite = 0;
    int finite = 0;
    for (int run = 0; run < 2000; ++run) {
        const auto square = [&] {
            const double a = 10.0 * random.uniform();
            const double c = random.coin(0.2) ? 4.0 * random.uniform() : 0.2 * random.uniform();
            const double b = (2.0 * random.uniform() - 1.0) * std::sqrt(a * c);
            return stats::quadratic{a, b, c};
        };
        const stats::score_line line{random.bell(), random.coin(0.5) ? 3.0 : -0.7, square(), square()};
        const auto clock = run % 3 == 0   ? variance_clock::residual
                           : run % 3 == 1 ? variance_clock::arm_free
                                          : variance_clock::larger;
        const side alternative = run % 2 == 0 ? side::two : side::greater;
        const double rho = 0.01 + random.uniform();
        const double alpha = 0.2;
        const auto ends = stats::score_interval(line, rho, alpha, alternative, clock);
        const double root = line.root();
        // walk outwards in small steps: the first t that is rejected must be the end
        for (const double direction : {-1.0, 1.0}) {
            const double end = direction < 0.0 ? ends.lower : ends.upper;
            const double expected_sign = line.s1 * direction;
            if (alternative == side::greater && expected_sign < 0.0) {
                CHECK(std::isinf(end));
                continue;
            }
            double first = infinity;
            for (double u = 1e-3; u < 1e6; u *= 1.002) {
                if (line.log_e(root + direction * u, rho, alternative, clock) >= -std::log(alpha)) {
                    first = u;
                    break;
                }
            }
            const double distance = std::fabs(end - root);
            if (std::isinf(first)) {
                ++infinite;
                // the walk may step over a summit that hardly reaches the level
                if (std::isfinite(end)) {
                    CHECK(line.log_e(end, rho, alternative, clock) == Approx(-std::log(alpha)).epsilon(1e-9));
                }
            } else {
                ++finite;
                CHECK(distance <= first * (1.0 + 1e-9));
                CHECK(distance >= first / 1.0021);
            }
        }
    }
    CHECK(infinite > 100);
    CHECK(finite > 100);
}

TEST_CASE("a ratio is tested by scaling the challenger, and its interval is equivariant")
{
    const auto log = ramp(9, 1.5);
    const evidence e = collect(log);
    for (const auto clock : {variance_clock::residual, variance_clock::larger}) {
        const auto tested = stats::relative_score_test(e.sums(), {.rho = 40.0, .clock = clock, .null = 0.1});
        REQUIRE(tested.state == status::ok);
        auto scaled = log;
        for (request& r : scaled) {
            r.x = r.challenger ? r.x / 1.1 : r.x;
        }
        const auto direct = stats::score_test(collect(scaled).sums(), {.rho = 40.0, .clock = clock});
        CHECK(tested.s == Approx(direct.s).epsilon(1e-9));
        CHECK(tested.v == Approx(direct.v).epsilon(1e-9));
        CHECK(tested.v0 == Approx(direct.v0).epsilon(1e-9));
        CHECK(tested.log_e == Approx(direct.log_e).epsilon(1e-9));
        // at a ratio of one both forms ask the same question
        CHECK(stats::relative_score_test(e.sums(), {.rho = 40.0, .clock = clock}).log_e ==
              Approx(stats::score_test(e.sums(), {.rho = 40.0, .clock = clock}).log_e).epsilon(1e-9));
        // a change of unit changes no ratio (rho has the unit's square)
        auto cents = log;
        for (request& r : cents) {
            r.x *= 100.0;
        }
        const auto in_cents = stats::relative_score_test(collect(cents).sums(),
                                                         {.rho = 40.0 * 1e4, .clock = clock, .null = 0.1});
        CHECK(in_cents.estimate == Approx(tested.estimate).epsilon(1e-10));
        CHECK(in_cents.lower == Approx(tested.lower).epsilon(1e-10));
        CHECK(in_cents.upper == Approx(tested.upper).epsilon(1e-10));
        // ends are where the evidence against the ratio reaches the level
        for (const double ratio : {tested.lower, tested.upper}) {
            const auto at =
                stats::relative_score_test(e.sums(), {.rho = 40.0, .clock = clock, .null = ratio - 1.0});
            CHECK(at.log_e == Approx(std::log(20.0)).epsilon(1e-9));
        }
        CHECK(tested.lower < tested.estimate);
        CHECK(tested.estimate < tested.upper);
        CHECK(tested.estimate == Approx(1.11).margin(0.04));
        const auto harm =
            stats::relative_score_test(e.sums(), {.rho = 40.0, .alternative = side::greater, .clock = clock});
        CHECK(harm.upper == infinity);
        CHECK(harm.lower > tested.lower);
    }
}

TEST_CASE("the score does not mistake a trend for a difference while the share grows")
{
    // the same model twice, outcomes that rise with time, a share that rises with time: pooling would see a
    // difference
    double pooled_error = 0.0;
    int rejections = 0;
    for (std::uint64_t seed = 100; seed < 140; ++seed) {
        const auto log = ramp(seed, 0.0);
        const evidence e = collect(log);
        double sum[2] = {0.0, 0.0};
        double count[2] = {0.0, 0.0};
        for (const request& r : log) {
            sum[r.challenger ? 1 : 0] += r.x;
            count[r.challenger ? 1 : 0] += 1.0;
        }
        pooled_error += sum[1] / count[1] - sum[0] / count[0];
        const auto result = stats::score_test(e.sums(), {.rho = 60.0});
        rejections += result.log_e > std::log(20.0) ? 1 : 0;
        CHECK(std::fabs(result.estimate) < 0.4);
    }
    CHECK(pooled_error / 40.0 > 0.5);
    CHECK(rejections <= 2);
}

TEST_CASE("requests with propensity 0 or 1 contribute nothing")
{
    evidence e = collect(ramp(10, 0.4));
    const auto before = stats::score_test(e.sums(), {.rho = 40.0});
    for (int i = 0; i < 1000; ++i) {
        e.add(3, true, 1.0, 1e6);
        e.add(4, false, 0.0, -1e6);
    }
    const auto after = stats::score_test(e.sums(), {.rho = 40.0});
    CHECK(after.log_e == before.log_e);
    CHECK(after.lower == before.lower);
}

TEST_CASE("bad or missing data give a status and never a silent NaN")
{
    const evidence empty{256};
    CHECK(stats::score_test(empty.sums(), {}).state == status::too_few);
    CHECK(stats::score_test({}, {}).state == status::too_few);
    CHECK(stats::relative_score_test(empty.sums(), {}).state == status::too_few);

    evidence one_arm{256};
    for (std::size_t b = 0; b < 256; ++b) {
        one_arm.add(b, false, 0.5, 1.0);
    }
    CHECK(stats::score_test(one_arm.sums(), {}).state == status::too_few);

    evidence young{256};
    engine random{3};
    for (std::size_t i = 0; i < 50; ++i) {
        young.add(i, i % 2 == 0, 0.5, random.bell() + 20.0);
    }
    const auto burning = stats::score_test(young.sums(), {});
    CHECK(burning.state == status::burn_in);
    CHECK(burning.log_e == 0.0);
    CHECK(burning.lower == -infinity);
    CHECK(burning.upper == infinity);
    CHECK(std::isfinite(burning.estimate));
    CHECK(stats::score_test(young.sums(), {.min_buckets = 25}).state == status::ok);

    for (const double constant : {0.0, 1.0, 0.1, 1e9}) {
        evidence same{256};
        for (std::size_t i = 0; i < 2000; ++i) {
            same.add(i % 256, random.coin(0.3), 0.3, constant);
        }
        for (const double null : {0.0, 0.01}) {
            const auto result = stats::score_test(same.sums(), {.null = null});
            INFO("constant " << constant);
            CHECK(result.state == status::zero_variance);
            CHECK(result.log_e == 0.0);
        }
    }

    evidence broken = collect(ramp(11, 0.0));
    broken.p1[7] = stats::not_a_number;
    CHECK(stats::score_test(broken.sums(), {}).state == status::out_of_range);
    broken.p1[7] = infinity;
    CHECK(stats::score_test(broken.sums(), {}).state == status::out_of_range);
    broken.p1[7] = 1e200;
    CHECK(stats::score_test(broken.sums(), {}).state == status::out_of_range);

    const evidence good = collect(ramp(11, 0.0));
    for (const auto& options :
         {stats::score_options{.rho = 0.0}, stats::score_options{.rho = stats::not_a_number},
          stats::score_options{.alpha = 0.0}, stats::score_options{.alpha = 1.0},
          stats::score_options{.null = infinity}}) {
        CHECK(stats::score_test(good.sums(), options).state == status::out_of_range);
        CHECK(stats::relative_score_test(good.sums(), options).state == status::out_of_range);
    }
    CHECK(stats::relative_score_test(good.sums(), {.null = -1.5}).state == status::out_of_range);
    auto unequal = good.sums();
    unequal.k0 = unequal.k0.first(5);
    CHECK(stats::score_test(unequal, {}).state == status::out_of_range);
}

TEST_CASE("a ratio is judged where one arm has only zeros, by the variance that both arms would share")
{
    for (const bool spared : {true, false}) {  // the arm without events
        evidence e{256};
        engine random{5};
        for (std::size_t i = 0; i < 4000; ++i) {
            const bool challenger = random.coin(0.5);
            e.add(i % 256, challenger, 0.5, challenger != spared && random.coin(0.05) ? 1.0 : 0.0);
        }
        double events = 0.0;
        for (std::size_t b = 0; b < 256; ++b) {
            events += 2.0 * (e.p1[b] + e.p0[b]);
        }
        for (const double null : {-0.2, 0.0, 0.3}) {
            const auto seen = stats::relative_score_test(e.sums(), {.rho = 10.0, .null = null});
            CHECK(seen.state == status::ok);
            CHECK(seen.estimate == (spared ? 0.0 : infinity));
            CHECK(seen.log_e > 3.0);
            CHECK(seen.lower < seen.estimate + 1e-9);
            CHECK(seen.upper > seen.lower);
            // At each end the evidence is 1 / alpha.
            const double end = spared ? seen.upper : seen.lower;
            CHECK(stats::relative_score_test(e.sums(), {.rho = 10.0, .null = end - 1.0}).log_e ==
                  Approx(std::log(20.0)).epsilon(1e-6));
            // Given all events, each falls to one of two equal arms with odds r: about 3.7 / events at one look.
            CHECK((spared ? end : 1.0 / end) > 3.7 / events);
            CHECK((spared ? end : 1.0 / end) < 25.0 / events);
        }
    }
    evidence none{256};
    for (std::size_t i = 0; i < 4000; ++i) {
        none.add(i % 256, i % 3 == 0, 0.5, 0.0);
    }
    CHECK(stats::relative_score_test(none.sums(), {}).state == status::too_few);
    const evidence negative = collect(ramp(12, 0.0), 100.0);
    CHECK(stats::relative_score_test(negative.sums(), {}).state == status::out_of_range);
}

TEST_CASE("paired differences are tested by their own squares")
{
    engine random{14};
    std::vector<double> d(300), n(300);
    double sum = 0.0, squares = 0.0, count = 0.0;
    for (std::size_t b = 0; b < 300; ++b) {
        n[b] = static_cast<double>(random.next() % 4U);
        for (int i = 0; i < static_cast<int>(n[b]); ++i) {
            d[b] += random.coin(0.6) ? 1.0 : -1.0;
        }
        sum += d[b];
        squares += d[b] * d[b];
        count += n[b];
    }
    for (const auto clock : {variance_clock::residual, variance_clock::larger}) {
        const auto result = stats::paired_score_test(d, n, {.rho = 30.0, .clock = clock});
        REQUIRE(result.state == status::ok);
        CHECK(result.s == sum);
        CHECK(result.v == squares);
        CHECK(result.estimate == Approx(sum / count).epsilon(1e-14));
        CHECK(result.log_e == Approx(stats::normal_mixture_log_e(sum, squares, 30.0)).epsilon(1e-13));
        for (const double end : {result.lower, result.upper}) {
            CHECK(stats::paired_score_test(d, n, {.rho = 30.0, .clock = clock, .null = end}).log_e ==
                  Approx(std::log(20.0)).epsilon(1e-10));
        }
    }
    const auto one_sided = stats::paired_score_test(d, n, {.rho = 30.0, .alternative = side::greater});
    CHECK(one_sided.log_e ==
          Approx(stats::normal_mixture_log_e(sum, squares, 30.0, side::greater)).epsilon(1e-13));
    CHECK(one_sided.upper == infinity);

    const std::vector<double> none(300, 0.0);
    CHECK(stats::paired_score_test(none, none, {}).state == status::too_few);
    CHECK(stats::paired_score_test(none, n, {}).state == status::zero_variance);
    CHECK(stats::paired_score_test(d, std::vector<double>(299), {}).state == status::out_of_range);
    CHECK(stats::paired_score_test(std::vector<double>{1.0, -1.0}, std::vector<double>{2.0, 1.0}, {}).state ==
          status::burn_in);
    d[3] = stats::not_a_number;
    CHECK(stats::paired_score_test(d, n, {}).state == status::out_of_range);
}

TEST_CASE("the clock switches to V only when both minima are reached")
{
    CHECK(stats::switching_clock(199, 1e6) == variance_clock::larger);
    CHECK(stats::switching_clock(200, 99.0) == variance_clock::larger);
    CHECK(stats::switching_clock(200, 100.0) == variance_clock::residual);
}

namespace {

/// A log with what each request was known by, and what its value is divided by.
struct rich_evidence : evidence {
    explicit rich_evidence(std::size_t n) : evidence{n}, divisor{n}, known{n} {}

    void add(std::size_t bucket, bool challenger, double s, double x, double d, double z)
    {
        evidence::add(bucket, challenger, s, x);
        divisor.add(bucket, challenger, s, d);
        known.add(bucket, challenger, s, z);
    }
    [[nodiscard]] stats::score_sums divided() const
    {
        stats::score_sums all = sums();
        all.d1 = divisor.p1;
        all.d0 = divisor.p0;
        all.e1 = divisor.g1;
        all.e0 = divisor.g0;
        return all;
    }
    [[nodiscard]] static stats::score_sums adjusted(stats::score_sums all, const evidence& by)
    {
        all.z1 = by.p1;
        all.z0 = by.p0;
        all.y1 = by.g1;
        all.y0 = by.g0;
        return all;
    }

    evidence divisor;
    evidence known;
};

/// A ramp in which the challenger changes both the value per view (by `effect`) and the number of views (by `more`).
rich_evidence rich_ramp(std::uint64_t seed, double effect, double more, double theta = 0.0)
{
    engine random{seed};
    rich_evidence e{256};
    for (int unit = 0; unit < 3000; ++unit) {
        const double position = random.uniform();
        const double level = random.bell();
        const auto bucket = static_cast<std::size_t>(random.next() % 256U);
        for (int visit = 0; visit < 4; ++visit) {
            const double time = random.uniform();
            const double s = time < 0.3 ? 0.05 : time < 0.6 ? 0.25 : 0.5;
            const bool challenger = position < s;
            const double d = 1.0 + std::floor(4.0 * random.uniform()) + (challenger ? more : 0.0);
            const double x = d * (2.0 + time + 0.5 * level + (challenger ? effect : 0.0)) + random.bell();
            e.add(bucket, challenger, s, x - (challenger ? theta * d : 0.0), d, level);
        }
    }
    return e;
}

double sum(const std::vector<double>& values)
{
    double total = 0.0;
    for (const double v : values) {
        total += v;
    }
    return total;
}

}  // namespace

TEST_CASE("a ratio's scores are the delta method's, with the coins' imbalance taken out")
{
    const rich_evidence e = rich_ramp(5, 0.2, 1.0);
    const double r0 = sum(e.p0) / sum(e.divisor.p0);
    const double c = sum(e.divisor.p1) / sum(e.divisor.p0);
    std::vector<double> a(256), q(256), b(256);
    double aq = 0.0, bq = 0.0, qq = 0.0;
    for (std::size_t i = 0; i < 256; ++i) {
        a[i] = e.p1[i] - r0 * e.divisor.p1[i] - c * (e.p0[i] - r0 * e.divisor.p0[i]);
        b[i] = -e.divisor.p1[i];
        q[i] = e.q1[i] - e.q0[i];
        aq += a[i] * q[i];
        bq += b[i] * q[i];
        qq += q[i] * q[i];
    }
    double s0 = 0.0, s1 = 0.0, v = 0.0;
    for (std::size_t i = 0; i < 256; ++i) {
        s0 += a[i] - aq / qq * q[i];
        s1 += b[i] - bq / qq * q[i];
        v += (a[i] - aq / qq * q[i]) * (a[i] - aq / qq * q[i]);
    }
    const auto result = stats::score_test(e.divided(), {.rho = 50.0, .clock = variance_clock::residual});
    REQUIRE(result.state == status::ok);
    CHECK(result.s == Approx(s0).epsilon(1e-10));
    CHECK(result.v == Approx(v).epsilon(1e-12));
    CHECK(result.estimate == Approx(-s0 / s1).epsilon(1e-10));
    CHECK(result.champion == Approx(r0).epsilon(1e-13));
    CHECK(result.challenger == Approx(sum(e.p1) / sum(e.divisor.p1)).epsilon(1e-13));
    // Near the plain difference of ratios, and the interval holds the truth.
    CHECK(result.estimate == Approx(result.challenger - result.champion).margin(0.05));
    CHECK(result.lower < 0.2);
    CHECK(result.upper > 0.2);
}

TEST_CASE(
    "a ratio's test at theta is its test of no difference after theta was taken off every challenger's unit")
{
    const rich_evidence e = rich_ramp(6, 0.3, 1.0);
    const rich_evidence shifted = rich_ramp(6, 0.3, 1.0, 0.25);
    const auto at = stats::score_test(e.divided(), {.rho = 50.0, .null = 0.25});
    const auto off = stats::score_test(shifted.divided(), {.rho = 50.0});
    CHECK(at.s == Approx(off.s).epsilon(1e-9));
    CHECK(at.v == Approx(off.v).epsilon(1e-9));
    CHECK(at.v0 == Approx(off.v0).epsilon(1e-9));
    CHECK(at.log_e == Approx(off.log_e).epsilon(1e-9));
    CHECK(at.estimate == Approx(off.estimate + 0.25).epsilon(1e-9));
    // The relative form, by the same token: dividing the challenger's values by r tests against r.
    rich_evidence divided = e;
    for (std::size_t i = 0; i < 256; ++i) {
        divided.p1[i] /= 1.1;
        divided.g1[i] /= 1.1;
    }
    const auto relative = stats::relative_score_test(e.divided(), {.rho = 50.0, .null = 0.1});
    const auto plain = stats::relative_score_test(divided.divided(), {.rho = 50.0});
    CHECK(relative.s == Approx(plain.s).epsilon(1e-9));
    CHECK(relative.v == Approx(plain.v).epsilon(1e-9));
    CHECK(relative.estimate == Approx(1.1 * plain.estimate).epsilon(1e-9));
}

TEST_CASE(
    "a challenger that only increases the denominator does not change the ratio, although it changes the sum")
{
    int sums_differ = 0;
    int ratios_differ = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        const rich_evidence e = rich_ramp(seed, 0.0, 1.0);
        const auto apart = [](const stats::score_result& r) { return r.s * r.s > 6.6 * r.v ? 1 : 0; };
        sums_differ += apart(stats::score_test(e.sums(), {}));
        ratios_differ += apart(stats::score_test(e.divided(), {}));
    }
    CHECK(sums_differ == 60);
    CHECK(ratios_differ <= 4);  // 1 % of 60
}

TEST_CASE("a denominator that counts exposures gives the means again")
{
    rich_evidence e = rich_ramp(7, 0.2, 0.0);
    e.divisor.p1 = e.q1;
    e.divisor.p0 = e.q0;
    e.divisor.g1 = e.k1;
    e.divisor.g0 = e.k0;
    const auto means = stats::score_test(e.sums(), {.rho = 50.0});
    const auto ratio = stats::score_test(e.divided(), {.rho = 50.0});
    CHECK(ratio.champion == means.champion);
    CHECK(ratio.challenger == means.challenger);
    // The same up to the arms' imbalance, which is taken out by other terms.
    CHECK(ratio.estimate == Approx(means.estimate).epsilon(1e-3));
    CHECK(ratio.v == Approx(means.v).epsilon(0.05));
}

TEST_CASE("a covariate's score is regressed out beside that of the exposures")
{
    const rich_evidence e = rich_ramp(8, 0.2, 0.0);
    // Least squares on q and z by the normal equations.
    double qq = 0, qz = 0, zz = 0, aq = 0, az = 0, bq = 0, bz = 0;
    const auto q = [&](std::size_t i) { return e.q1[i] - e.q0[i]; };
    const auto z = [&](std::size_t i) { return e.known.p1[i] - e.known.p0[i]; };
    const auto a = [&](std::size_t i) { return e.p1[i] - e.p0[i]; };
    const auto b = [&](std::size_t i) { return -e.q1[i]; };
    for (std::size_t i = 0; i < 256; ++i) {
        qq += q(i) * q(i);
        qz += q(i) * z(i);
        zz += z(i) * z(i);
        aq += a(i) * q(i);
        az += a(i) * z(i);
        bq += b(i) * q(i);
        bz += b(i) * z(i);
    }
    const double determinant = qq * zz - qz * qz;
    const double kappa = (aq * zz - az * qz) / determinant, beta = (az * qq - aq * qz) / determinant;
    const double kappa1 = (bq * zz - bz * qz) / determinant, beta1 = (bz * qq - bq * qz) / determinant;
    double s0 = 0.0, s1 = 0.0, v = 0.0;
    for (std::size_t i = 0; i < 256; ++i) {
        const double r = a(i) - kappa * q(i) - beta * z(i);
        s0 += r;
        s1 += b(i) - kappa1 * q(i) - beta1 * z(i);
        v += r * r;
    }
    const auto adjusted = stats::score_test(rich_evidence::adjusted(e.sums(), e.known),
                                            {.rho = 50.0, .clock = variance_clock::residual});
    const auto plain = stats::score_test(e.sums(), {.rho = 50.0, .clock = variance_clock::residual});
    REQUIRE(adjusted.state == status::ok);
    CHECK(adjusted.s == Approx(s0).epsilon(1e-8));
    CHECK(adjusted.v == Approx(v).epsilon(1e-10));
    CHECK(adjusted.estimate == Approx(-s0 / s1).epsilon(1e-8));
    CHECK(adjusted.v < 0.8 * plain.v);
    CHECK(adjusted.v0 < 0.8 * plain.v0);
    CHECK(adjusted.upper - adjusted.lower < 0.9 * (plain.upper - plain.lower));
}

TEST_CASE("a covariate without information changes nothing, and an invalid one is refused")
{
    const rich_evidence e = rich_ramp(9, 0.2, 0.0);
    const auto plain = stats::score_test(e.sums(), {.rho = 50.0});
    const auto with = [&](const evidence& by) {
        return stats::score_test(rich_evidence::adjusted(e.sums(), by), {.rho = 50.0});
    };
    const evidence zero{256};
    CHECK(with(zero).v == plain.v);
    evidence constant{256};
    for (std::size_t i = 0; i < 256; ++i) {
        constant.p1[i] = 7.0 * e.q1[i];
        constant.p0[i] = 7.0 * e.q0[i];
        constant.g1[i] = 7.0 * e.k1[i];
        constant.g0[i] = 7.0 * e.k0[i];
    }
    CHECK(with(constant).v == Approx(plain.v).epsilon(1e-12));
    CHECK(with(constant).estimate == Approx(plain.estimate).epsilon(1e-12));
    // Its level is taken out too, so that years or bytes may be given as they are.
    evidence raised = e.known;
    for (std::size_t i = 0; i < 256; ++i) {
        raised.p1[i] += 1e6 * e.q1[i];
        raised.p0[i] += 1e6 * e.q0[i];
        raised.g1[i] += 1e6 * e.k1[i];
        raised.g0[i] += 1e6 * e.k0[i];
    }
    CHECK(with(raised).v == Approx(with(e.known).v).epsilon(1e-6));
    evidence broken = e.known;
    broken.p1[3] = std::numeric_limits<double>::quiet_NaN();
    CHECK(with(broken).state == status::out_of_range);
    stats::score_sums uneven = rich_evidence::adjusted(e.sums(), e.known);
    uneven.y0 = {};
    CHECK(stats::score_test(uneven, {}).state == status::out_of_range);
    uneven = e.divided();
    uneven.e1 = uneven.e1.first(100);
    CHECK(stats::score_test(uneven, {}).state == status::out_of_range);
    rich_evidence none = rich_ramp(10, 0.0, 0.0);
    none.divisor = evidence{256};
    CHECK(stats::score_test(none.divided(), {}).state == status::too_few);
}
