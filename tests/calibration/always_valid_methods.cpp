// SPDX-License-Identifier: Apache-2.0

// How often does each always-valid method reject a true null, if it is read after every observation?
//
// One row for each method and kind of data whose assumptions hold, with its horizon and tuning. `first` is
// the share of runs that reject in the first tenth of the horizon. Methods that are exact stay below 5 % at
// any horizon; the asymptotic method does so only after its burn-in, which it enforces. `clustered` data are the
// totals of five visits per user, one observation each. `ramp` is a share of 1, 5, 25 and 50 % in turn, and `reacts`
// is a ramp that advances early if the first arm looks better and late if it looks worse. `scores` are (A - s) x of
// two equal arms. If a method and its interval have rows of their own, the row of the interval counts the runs in
// which it ever excluded the truth.
//
// The program fails if a row rejects more often than 5 % allows (99.9 % limit of that many runs: 569 of 10,000, 5,214 of
// 100,000). JOUST_CALIBRATE=full runs 10,000. The arguments are another seed, another number of runs (100,000 take
// most of an hour) and the first row.

#include <joust/core/random.hpp>
#include <joust/stats/sequential/asymptotic_cs.hpp>
#include <joust/stats/sequential/bernoulli_mixture.hpp>
#include <joust/stats/sequential/betting.hpp>
#include <joust/stats/sequential/empirical_bernstein.hpp>
#include <joust/stats/sequential/group_sequential.hpp>
#include <joust/stats/sequential/normal_mixture.hpp>
#include <joust/stats/sequential/poisson_rates.hpp>
#include <joust/stats/sequential/quantile_cs.hpp>
#include <joust/stats/sequential/sequential_srm.hpp>
#include <joust/stats/sequential/t_e_process.hpp>
#include <joust/stats/sequential/two_sample_bernoulli.hpp>

#include "calibration/limit.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

using namespace joust;

constexpr double alpha = 0.05;
int failures = 0;
std::uint64_t seed = 20'261'125;
std::uint64_t stream = 0;
int asked_runs = 0;
std::uint64_t first_row = 1;

double normal(keyed_random& random)
{
    return stats::normal_quantile(0x1p-54 + random.uniform());
}
double lognormal(keyed_random& random)
{
    return std::exp(normal(random));
}
double lognormal_mean()
{
    return std::exp(0.5);
}
auto bernoulli(double p)
{
    return [p](keyed_random& random) { return random.chance(p) ? 1.0 : 0.0; };
}
// The total of a user's five visits, which share the user's own level.
double clustered(keyed_random& random)
{
    const double level = normal(random);
    double sum = 0.0;
    for (int i = 0; i < 5; ++i) {
        sum += level + normal(random);
    }
    return sum;
}
// The mean of a user's five visits, each a success with the user's own probability, on average p.
auto clustered_bernoulli(double p)
{
    return [p](keyed_random& random) {
        const double own = 2.0 * p * random.uniform();
        int hits = 0;
        for (int i = 0; i < 5; ++i) {
            hits += random.chance(own) ? 1 : 0;
        }
        return hits / 5.0;
    };
}

// Run the experiment `run(random, first)` many times; it returns whether the null was rejected and sets
// `first` when that was in the first tenth.
template <class Run>
void row(const char* method, const char* data, int horizon, const char* tuning, int runs, Run run)
{
    const bool full = joust_test::full_calibration();
    runs = asked_runs > 0 ? asked_runs : full ? 10'000 : runs;
    int rejected = 0;
    int early = 0;
    if (++stream < first_row) {
        return;
    }
    for (int r = 0; r < runs; ++r) {
        keyed_random random{seed + stream, static_cast<std::uint64_t>(r)};
        const int at = run(random, horizon);
        rejected += at >= 0 ? 1 : 0;
        early += at >= 0 && at < horizon / 10 ? 1 : 0;
    }
    const int allowed = joust_test::limit_of(runs, alpha);
    std::printf("%-31s %-24s %7d  %-26s %6d %6.2f %6.2f %8.2f%s\n", method, data, horizon, tuning, runs,
                100.0 * rejected / runs, 100.0 * early / runs, 100.0 * allowed / runs,
                rejected > allowed ? "  FAILS" : "");
    std::fflush(stdout);
    failures += rejected > allowed ? 1 : 0;
}

// A test of one stream: the time of the first rejection, or -1.
template <class Test, class Draw>
auto one_stream(const Test& fresh, Draw draw)
{
    return [fresh, draw](keyed_random& random, int horizon) {
        Test test = fresh;
        for (int i = 0; i < horizon; ++i) {
            test.update(draw(random));
            if (test.max_log_e() >= -std::log(alpha) && test.state() == status::ok) {
                return i;
            }
        }
        return -1;
    };
}

// The running interval of one stream: when it first excluded the truth.
template <class Test, class Draw>
auto one_interval(const Test& fresh, Draw draw, double truth)
{
    return [fresh, draw, truth](keyed_random& random, int horizon) {
        Test test = fresh;
        for (int i = 0; i < horizon; ++i) {
            test.update(draw(random));
            const stats::bounds ends = test.running_interval();
            if (ends.lower > truth || ends.upper < truth) {
                return i;
            }
        }
        return -1;
    };
}

void normal_mixtures()
{
    const auto known = [](auto draw, double mean, double variance, double planned) {
        return [=](keyed_random& random, int horizon) {
            stats::normal_mixture test{.rho = stats::normal_mixture_rho(planned * variance, alpha)};
            for (int i = 0; i < horizon; ++i) {
                test.update(draw(random) - mean, variance);
                if (test.max_log_e >= -std::log(alpha)) {
                    return i;
                }
            }
            return -1;
        };
    };
    row("normal mixture, variance known", "normal", 2'000, "tightest at 2,000", 2'000,
        known(normal, 0.0, 1.0, 2'000.0));
    row("normal mixture, variance known", "normal", 2'000, "tightest at 50", 2'000,
        known(normal, 0.0, 1.0, 50.0));
    row("normal mixture, variance known", "clustered normal", 2'000, "tightest at 500", 1'000,
        known(clustered, 0.0, 30.0, 500.0));
    row("normal mixture, variance 1/4", "p = 0.05", 2'000, "tightest at 500", 1'000,
        known(bernoulli(0.05), 0.05, 0.25, 500.0));
}

void t_processes()
{
    row("t_e_process", "normal", 2'000, "planned 2,000", 1'000,
        one_stream(stats::t_e_process{{.planned = 2'000.0}}, normal));
    row("t_e_process", "normal", 2'000, "planned 50", 1'000,
        one_stream(stats::t_e_process{{.planned = 50.0}}, normal));
    row("t_e_process", "clustered normal", 1'000, "planned 200", 1'000,
        one_stream(stats::t_e_process{{.planned = 200.0}}, clustered));
    row("two_sample_t_e_process", "normal, share 0.2", 2'000, "planned 200", 1'000,
        [](keyed_random& random, int horizon) {
            stats::two_sample_t_e_process test{{.planned = 200.0}};
            for (int i = 0; i < horizon; ++i) {
                const bool first = random.chance(0.2);
                test.update(first, 3.0 + normal(random));
                if (test.max_log_e() >= -std::log(alpha)) {
                    return i;
                }
            }
            return -1;
        });
}

void asymptotic()
{
    using cs = stats::asymptotic_confidence_sequence;
    row("asymptotic_confidence_sequence", "normal", 2'000, "planned 2,000, from 100", 1'000,
        one_stream(cs{{.planned = 2'000.0}}, normal));
    row("asymptotic_confidence_sequence", "normal", 2'000, "planned 50, from 30", 1'000,
        one_stream(cs{{.planned = 50.0, .burn_in = 30}}, normal));
    row("asymptotic_confidence_sequence", "clustered normal", 2'000, "planned 2,000, from 100", 1'000,
        one_stream(cs{{.planned = 2'000.0}}, clustered));
    row("asymptotic_confidence_sequence", "lognormal, sigma 1", 5'000, "planned 5,000", 1'000,
        one_stream(cs{{.null = lognormal_mean(), .planned = 5'000.0}}, lognormal));
    row("asymptotic_confidence_sequence", "p = 0.05", 5'000, "planned 5,000", 1'000,
        one_stream(cs{{.null = 0.05, .planned = 5'000.0}}, bernoulli(0.05)));
    row("asymptotic_confidence_sequence", "p = 0.001", 60'000, "planned 60,000", 100,
        one_stream(cs{{.null = 0.001, .planned = 60'000.0}}, bernoulli(0.001)));
    // Scores of effects are rare and large on the side of the small arm. Until about thirty of them are expected,
    // their variance is not known, so the burn-in is 30 / (share rate). With a burn-in of 100 this row rejects 6.7 %.
    row("asymptotic_confidence_sequence", "effects, p = 0.05, ramp", 8'000, "planned 8,000, from 2,400", 500,
        [](keyed_random& random, int horizon) {
            cs test{{.planned = 8'000.0, .burn_in = 2'400}};
            constexpr std::array<double, 4> shares{0.25, 0.25, 0.4, 0.5};
            for (int i = 0; i < horizon; ++i) {
                const double s = shares[static_cast<std::size_t>(4 * i / horizon)];
                const double x = random.chance(0.05) ? 1.0 : 0.0;
                test.update((random.chance(s) ? 1.0 - s : -s) * x / (s * (1.0 - s)));
                if (test.max_log_e() >= -std::log(alpha) && test.state() == status::ok) {
                    return i;
                }
            }
            return -1;
        });
}

void bounded()
{
    const auto uniform = [](keyed_random& random) { return random.uniform(); };
    row("empirical_bernstein", "uniform", 5'000, "", 1'000,
        one_stream(stats::empirical_bernstein{}, uniform));
    row("empirical_bernstein", "p = 0.05", 5'000, "", 1'000,
        one_stream(stats::empirical_bernstein{{.null = 0.05}}, bernoulli(0.05)));
    row("empirical_bernstein", "p = 0.001", 20'000, "", 500,
        one_stream(stats::empirical_bernstein{{.null = 0.001}}, bernoulli(0.001)));
    row("empirical_bernstein", "clustered, p = 0.05", 2'000, "", 1'000,
        one_stream(stats::empirical_bernstein{{.null = 0.05}}, clustered_bernoulli(0.05)));
    row("empirical_bernstein interval", "p = 0.05", 5'000, "", 500,
        one_interval(stats::empirical_bernstein{}, bernoulli(0.05), 0.05));
    row("betting_capital", "uniform", 5'000, "", 1'000, one_stream(stats::betting_capital{}, uniform));
    row("betting_capital", "p = 0.05", 5'000, "", 1'000,
        one_stream(stats::betting_capital{{.null = 0.05}}, bernoulli(0.05)));
    row("betting_capital", "p = 0.001", 20'000, "", 500,
        one_stream(stats::betting_capital{{.null = 0.001}}, bernoulli(0.001)));
    row("betting_capital", "p = 0.001", 20'000, "largest bet 0.99", 500,
        one_stream(stats::betting_capital{{.null = 0.001, .largest_bet = 0.99}}, bernoulli(0.001)));
    row("betting_capital", "clustered, p = 0.05", 2'000, "", 1'000,
        one_stream(stats::betting_capital{{.null = 0.05}}, clustered_bernoulli(0.05)));
    row("betting interval", "p = 0.05", 1'000, "", 500,
        one_interval(stats::betting{}, bernoulli(0.05), 0.05));
}

void counted()
{
    const auto coin = [](double p) {
        return [p](keyed_random& random, int horizon) {
            std::uint64_t hits = 0;
            for (int i = 0; i < horizon; ++i) {
                const bool hit = random.chance(p);
                hits += hit ? 1U : 0U;
                const auto n = static_cast<std::uint64_t>(i) + 1;
                // evidence grows with a success, or with a failure where fewer than expected have come
                const double surprise = static_cast<double>(hits) - p * static_cast<double>(n);
                if ((hit || surprise < 0.0) &&
                    stats::bernoulli_mixture_log_e(hits, n, p) >= -std::log(alpha)) {
                    return i;
                }
            }
            return -1;
        };
    };
    row("bernoulli_mixture", "p = 0.05", 5'000, "prior 1/2, 1/2", 1'000, coin(0.05));
    row("bernoulli_mixture", "p = 0.001", 5'000, "prior 1/2, 1/2", 500, coin(0.001));

    // drifting rates; the share as given, or reacting to what is seen
    const auto two = [](double p, bool ramp, bool reacts) {
        return [=](keyed_random& random, int horizon) {
            constexpr std::array<double, 4> shares{0.01, 0.05, 0.25, 0.5};
            stats::two_sample_bernoulli test;
            std::size_t stage = 0;
            int begun = 0;
            for (int i = 0; i < horizon; ++i) {
                const double difference = test.estimate();
                const double pace = !reacts || std::isnan(difference) ? 1.0 : difference > 0.0 ? 0.5 : 1.5;
                if (stage < 3 && i - begun >= pace * horizon / 4) {
                    ++stage;
                    begun = i;
                }
                const double s = ramp ? shares[stage] : 0.5;
                const double progress = static_cast<double>(i) / horizon;
                const double rate = p * (0.5 + progress + 0.4 * std::sin(40.0 * progress));
                test.update(random.chance(s), random.chance(rate), s);
                if (test.max_log_e() >= -std::log(alpha)) {
                    return i;
                }
            }
            return -1;
        };
    };
    row("two_sample_bernoulli", "p = 0.05, drifting", 5'000, "share 1/2", 1'000, two(0.05, false, false));
    row("two_sample_bernoulli", "p = 0.05, drifting", 5'000, "ramp", 1'000, two(0.05, true, false));
    row("two_sample_bernoulli", "p = 0.05, drifting", 5'000, "ramp that reacts", 1'000,
        two(0.05, true, true));
    row("two_sample_bernoulli", "p = 0.001, drifting", 20'000, "ramp that reacts", 500,
        two(0.001, true, true));
    row("two_sample_bernoulli blocks", "p = 0.05", 2'000, "blocks of 3 and 1", 1'000,
        [](keyed_random& random, int horizon) {
            stats::two_sample_bernoulli test;
            for (int i = 0; i < horizon; ++i) {
                std::uint64_t first = 0;
                for (int j = 0; j < 3; ++j) {
                    first += random.chance(0.05) ? 1U : 0U;
                }
                test.update(first, 3, random.chance(0.05) ? 1U : 0U, 1);
                if (test.max_log_e() >= -std::log(alpha)) {
                    return i;
                }
            }
            return -1;
        });
    row("two_sample_bernoulli interval", "p = 0.05", 400, "share 1/2, every 8th", 100,
        [](keyed_random& random, int horizon) {
            stats::two_sample_bernoulli test;
            for (int i = 0; i < horizon; ++i) {
                test.update(random.coin(), random.chance(0.05), 0.5);
                const stats::bounds ends = i % 8 == 7 ? test.interval(alpha) : stats::bounds{};
                if (ends.lower > 0.0 || ends.upper < 0.0) {
                    return i;
                }
            }
            return -1;
        });

    const auto share_now = [](int i, int horizon) {
        constexpr std::array<double, 4> shares{0.01, 0.05, 0.25, 0.5};
        return shares[static_cast<std::size_t>(4 * i / horizon)];
    };
    row("poisson_rates", "events", 2'000, "ramp", 1'000, [=](keyed_random& random, int horizon) {
        stats::poisson_rates test;
        for (int i = 0; i < horizon; ++i) {
            const double s = share_now(i, horizon);
            test.update(random.chance(s), s);
            if (test.max_log_e() >= -std::log(alpha)) {
                return i;
            }
        }
        return -1;
    });
    row("poisson_rates interval", "events, ratio 1.5", 400, "ramp, every 4th", 200,
        [=](keyed_random& random, int horizon) {
            stats::poisson_rates test;
            for (int i = 0; i < horizon; ++i) {
                const double s = share_now(i, horizon);
                test.update(random.chance(1.5 * s / (1.0 + 0.5 * s)), s);
                const stats::bounds ends = i % 4 == 3 ? test.interval(alpha) : stats::bounds{};
                if (ends.lower > 1.5 || ends.upper < 1.5) {
                    return i;
                }
            }
            return -1;
        });
    row("many_poisson_rates", "events, 3 arms", 2'000, "ramp", 1'000, [=](keyed_random& random, int horizon) {
        stats::many_poisson_rates test;
        for (int i = 0; i < horizon; ++i) {
            const double s = share_now(i, horizon);
            const std::array<double, 3> shares{1.0 - s, 0.5 * s, 0.5 * s};
            test.update(!random.chance(s) ? 0 : random.coin() ? 1 : 2, shares);
            if (test.max_log_e() >= -std::log(alpha)) {
                return i;
            }
        }
        return -1;
    });
    const auto watch = [](std::array<std::uint64_t, 2> weights, double concentration) {
        return [=](keyed_random& random, int horizon) {
            stats::sequential_srm test{weights, {.concentration = concentration}};
            for (int i = 0; i < horizon; ++i) {
                test.update(random.below(weights[0] + weights[1]) < weights[0] ? 0 : 1);
                if (test.max_log_e() >= -std::log(alpha)) {
                    return i;
                }
            }
            return -1;
        };
    };
    row("sequential_srm", "units, 1 : 1", 2'000, "concentration 100", 500, watch({1, 1}, 100.0));
    row("sequential_srm", "units, 9 : 1", 2'000, "concentration 2", 500, watch({9, 1}, 2.0));
}

void quantiles()
{
    row("quantile_e_process", "normal, median", 2'000, "planned 500", 500,
        one_stream(stats::quantile_e_process{{.q = 0.5, .null = 0.0, .planned = 500.0}}, normal));
    const double tail = std::exp(stats::normal_upper_quantile(0.05));
    row("quantile_e_process", "lognormal, q = 0.95", 2'000, "planned 500", 500,
        one_stream(stats::quantile_e_process{{.q = 0.95, .null = tail, .planned = 500.0}}, lognormal));
    row("quantile_e_process", "p = 0.05, q = 0.95 (ties)", 2'000, "planned 500", 500,
        one_stream(stats::quantile_e_process{{.q = 0.95, .null = 0.0, .planned = 500.0}}, bernoulli(0.05)));
}

// A share that advances from one stage to the next, early if the first arm looks better and late if it looks worse.
class reacting_ramp {
public:
    explicit reacting_ramp(int horizon) : horizon_(horizon) {}
    double next(double difference)
    {
        constexpr std::array<double, 4> shares{0.25, 0.25, 0.4, 0.5};
        const double pace = difference > 0.0 ? 0.5 : difference < 0.0 ? 1.5 : 1.0;
        if (stage_ + 1 < shares.size() && at_ - begun_ >= pace * horizon_ / 4) {
            ++stage_;
            begun_ = at_;
        }
        ++at_;
        return shares[stage_];
    }

private:
    int horizon_;
    int at_ = 0;
    int begun_ = 0;
    std::size_t stage_ = 0;
};

// Scores (A - s) x of two equal arms, A = 1 with the probability s that reacts to the scores so far.
void reacting()
{
    const auto scores = [](auto fresh, auto draw, bool effects) {
        return [=](keyed_random& random, int horizon) {
            auto test = fresh;
            reacting_ramp ramp{horizon};
            double sum = 0.0;
            for (int i = 0; i < horizon; ++i) {
                const double s = ramp.next(sum);
                const double score = (random.chance(s) ? 1.0 - s : -s) * draw(random);
                sum += score;
                test.update(effects ? score / (s * (1.0 - s)) : score);
                if (test.max_log_e() >= -std::log(alpha) && test.state() == status::ok) {
                    return i;
                }
            }
            return -1;
        };
    };
    using cs = stats::asymptotic_confidence_sequence;
    row("asymptotic_confidence_sequence", "effects, p = 0.05, reacts", 8'000, "planned 8,000, from 2,400", 50,
        scores(cs{{.planned = 8'000.0, .burn_in = 2'400}}, bernoulli(0.05), true));
    row("asymptotic_confidence_sequence", "scores, normal, reacts", 2'000, "planned 2,000, from 100", 200,
        scores(cs{{.planned = 2'000.0}}, normal, false));
    row("asymptotic_confidence_sequence", "scores, lognormal, reacts", 5'000, "planned 5,000", 50,
        scores(cs{{.planned = 5'000.0}}, lognormal, false));
    row("empirical_bernstein", "scores, p = 0.05, reacts", 5'000, "range -1 to 1", 200,
        scores(stats::empirical_bernstein{{.null = 0.0, .lower = -1.0}}, bernoulli(0.05), false));
    row("empirical_bernstein", "scores, p = 0.001, reacts", 20'000, "range -1 to 1", 30,
        scores(stats::empirical_bernstein{{.null = 0.0, .lower = -1.0}}, bernoulli(0.001), false));
    row("betting_capital", "scores, p = 0.05, reacts", 5'000, "range -1 to 1", 200,
        scores(stats::betting_capital{{.null = 0.0, .lower = -1.0}}, bernoulli(0.05), false));
    row("betting_capital", "scores, p = 0.001, reacts", 20'000, "range -1 to 1", 30,
        scores(stats::betting_capital{{.null = 0.0, .lower = -1.0}}, bernoulli(0.001), false));
    // Given x, a score is bounded with width |x|, so sub-Gaussian with variance x^2 / 4, whatever the law of x.
    row("normal mixture, variance x^2/4", "scores, lognormal, reacts", 5'000, "tightest at 500", 50,
        [](keyed_random& random, int horizon) {
            stats::normal_mixture test{.rho = stats::normal_mixture_rho(500.0 * 0.25 * std::exp(2.0), alpha)};
            reacting_ramp ramp{horizon};
            double sum = 0.0;
            for (int i = 0; i < horizon; ++i) {
                const double s = ramp.next(sum);
                const double x = lognormal(random);
                const double score = (random.chance(s) ? 1.0 - s : -s) * x;
                sum += score;
                test.update(score, 0.25 * x * x);
                if (test.max_log_e >= -std::log(alpha)) {
                    return i;
                }
            }
            return -1;
        });
    row("poisson_rates", "events, reacts", 2'000, "", 200, [](keyed_random& random, int horizon) {
        stats::poisson_rates test;
        reacting_ramp ramp{horizon};
        double sum = 0.0;
        for (int i = 0; i < horizon; ++i) {
            const double s = ramp.next(sum);
            const bool first = random.chance(s);
            sum += first ? 1.0 - s : -s;
            test.update(first, s);
            if (test.max_log_e() >= -std::log(alpha)) {
                return i;
            }
        }
        return -1;
    });
    row("many_poisson_rates", "events, 3 arms, reacts", 2'000, "", 200,
        [](keyed_random& random, int horizon) {
            stats::many_poisson_rates test;
            reacting_ramp ramp{horizon};
            double sum = 0.0;
            for (int i = 0; i < horizon; ++i) {
                const double s = ramp.next(sum);
                const std::array<double, 3> shares{1.0 - s, 0.5 * s, 0.5 * s};
                const std::size_t arm = !random.chance(s) ? 0 : random.coin() ? 1 : 2;
                sum += arm == 0 ? -s : 1.0 - s;
                test.update(arm, shares);
                if (test.max_log_e() >= -std::log(alpha)) {
                    return i;
                }
            }
            return -1;
        });
    row("quantile_e_process", "p = 0.001, q = 0.999", 5'000, "planned 5,000", 30,
        one_stream(stats::quantile_e_process{{.q = 0.999, .null = 0.0, .planned = 5'000.0}},
                   bernoulli(0.001)));
}

// This method is not always valid. The looks are those of the design, and the error is exactly 5 %.
void designs()
{
    for (const bool evenly : {true, false}) {
        const std::vector<double> information =
            evenly ? std::vector<double>{400.0, 800.0, 1'200.0, 1'600.0, 2'000.0}
                   : std::vector<double>{100.0, 900.0, 1'000.0, 1'900.0, 2'000.0};
        const auto looks = stats::group_sequential_bounds(stats::obrien_fleming{}, information,
                                                          {.planned_information = 2'000.0});
        row("group_sequential_design", "normal, 5 looks", 2'000, evenly ? "even looks" : "uneven looks",
            2'000, [=](keyed_random& random, int horizon) {
                double sum = 0.0;
                std::size_t k = 0;
                for (int i = 0; i < horizon; ++i) {
                    sum += normal(random);
                    const double n = i + 1.0;
                    if (n == looks[k].information && std::fabs(sum) >= looks[k++].upper * std::sqrt(n)) {
                        return i;
                    }
                }
                return -1;
            });
    }
}

}  // namespace

int main(int count, char** arguments)
{
    seed = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : seed;
    asked_runs = count > 2 ? std::atoi(arguments[2]) : 0;
    first_row = count > 3 ? std::strtoull(arguments[3], nullptr, 10) : 1;
    std::printf("True nulls rejected in %%, a look at every observation, alpha 5 %%, seed %llu\n",
                static_cast<unsigned long long>(seed));
    std::printf("%-31s %-24s %7s  %-26s %6s %6s %6s %8s\n", "method", "data", "horizon", "tuning", "runs",
                "%", "first", "allowed");
    normal_mixtures();
    t_processes();
    asymptotic();
    bounded();
    counted();
    quantiles();
    reacting();
    designs();
    if (failures > 0) {
        std::printf("%d rows reject more often than promised\n", failures);
        return 1;
    }
    return 0;
}
