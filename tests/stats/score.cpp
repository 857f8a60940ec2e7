#include <joust/stats/score.hpp>

#include "support.hpp"

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

TEST_CASE("an arbitrary line is inverted exactly, also where evidence can never reach the level")
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

TEST_CASE("a ratio waits for an event in each arm")
{
    evidence e{256};
    engine random{5};
    for (std::size_t i = 0; i < 4000; ++i) {
        const bool challenger = random.coin(0.5);
        e.add(i % 256, challenger, 0.5, !challenger && random.coin(0.05) ? 1.0 : 0.0);
    }
    CHECK(stats::relative_score_test(e.sums(), {}).state == status::too_few);
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
