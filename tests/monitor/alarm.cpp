// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/monitor/alarm.hpp>
#include <joust/monitor/bins.hpp>

#include "catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <iostream>
#include <limits>
#include <utility>
#include <vector>

using counts = std::vector<std::uint64_t>;
using joust::false_alarms;

namespace {

// An upper bound of a binomial share: mean plus four standard errors of the promised rate.
double at_most(double promised, int runs)
{
    return promised + 4.0 * std::sqrt(promised * (1.0 - promised) / runs);
}

// The order in which a call's arguments are evaluated is the compiler's choice; a stream must not depend on
// it.
void show(joust::conformal_alarm& alarm, std::uint64_t cell, joust::keyed_random& random)
{
    alarm.update(static_cast<std::size_t>(cell), random.uniform());
}

double median(std::vector<double> values)
{
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                     values.end());
    return values[values.size() / 2];
}

// Visit every count vector of `rows` rows over `cells` cells.
void each_outcome(std::size_t cells, std::uint64_t rows, const std::function<void(const counts&)>& visit)
{
    counts c(cells);
    const std::function<void(std::size_t, std::uint64_t)> place = [&](std::size_t cell, std::uint64_t left) {
        if (cell + 1 == cells) {
            c[cell] = left;
            visit(c);
            return;
        }
        for (std::uint64_t n = 0; n <= left; ++n) {
            c[cell] = n;
            place(cell + 1, left - n);
        }
    };
    place(0, rows);
}

double multinomial(const counts& c, const std::vector<double>& law)
{
    double log_p = 0.0;
    double rows = 0.0;
    for (std::size_t i = 0; i < c.size(); ++i) {
        const auto n = static_cast<double>(c[i]);
        log_p += n * std::log(law[i]) - std::lgamma(n + 1.0);
        rows += n;
    }
    return std::exp(log_p + std::lgamma(rows + 1.0));
}

}  // namespace

TEST_CASE("promises are checked where they are made")
{
    CHECK_THROWS_AS(false_alarms::every(1.0), joust::configuration_error);
    CHECK_THROWS_AS(false_alarms::every(std::numeric_limits<double>::infinity()), joust::configuration_error);
    CHECK_THROWS_AS(false_alarms::every(std::numeric_limits<double>::quiet_NaN()),
                    joust::configuration_error);
    CHECK_THROWS_AS(false_alarms::ever(0.0), joust::configuration_error);
    CHECK_THROWS_AS(false_alarms::ever(1.0), joust::configuration_error);
    CHECK_THROWS_AS(joust::bernoulli_alarm(0.0), joust::configuration_error);
    CHECK_THROWS_AS(joust::bernoulli_alarm(0.95), joust::configuration_error);
    CHECK_THROWS_AS(joust::conformal_alarm(counts{}), joust::configuration_error);
    CHECK_THROWS_AS(joust::two_sample_alarm(0), joust::configuration_error);
    CHECK(false_alarms::ever(0.01).threshold() == 100.0);
    CHECK(false_alarms::every(50).shared_by(4).threshold() == 200.0);
}

TEST_CASE("a bet on a rate has mean one at the level and less below it")
{
    for (const double p0 : {1e-6, 0.01, 0.3, 0.9}) {
        for (const double p1 : {p0 * 1.1, 0.95}) {
            const auto mean = [&](double p) {
                return p * joust::bernoulli_e_factor(true, p0, p1) +
                       (1.0 - p) * joust::bernoulli_e_factor(false, p0, p1);
            };
            CHECK_THAT(mean(p0), WithinRel(1.0, 1e-14));
            CHECK(mean(0.5 * p0) < 1.0);
            CHECK(joust::bernoulli_e_factor(false, p0, p1) > 0.0);
        }
    }
}

TEST_CASE("evidence with restarts counts the steps, evidence without starts at one")
{
    joust::change_evidence restarting;
    joust::change_evidence once{false};
    CHECK(restarting.value() == 0.0);
    CHECK(once.value() == 1.0);
    for (int i = 0; i < 5; ++i) {
        restarting.update(1.0);
        once.update(1.0);
    }
    CHECK(restarting.value() == 5.0);
    CHECK(once.value() == 1.0);
    for (int i = 0; i < 5000; ++i) {
        restarting.update(10.0);
    }
    CHECK(std::isfinite(restarting.value()));
    joust::change_evidence vanished{false};
    vanished.update(0.0);
    vanished.update(std::numeric_limits<double>::infinity());
    CHECK(vanished.value() == 0.0);
}

TEST_CASE("the two-sample e-value has mean at most one over all outcomes, whatever the common distribution")
{
    const std::vector<std::vector<double>> laws{{0.2, 0.3, 0.5}, {0.01, 0.01, 0.98}, {0.6, 0.3, 0.1}};
    const std::vector<std::vector<double>> guesses{{0.3, 0.5, 0.2}, {0.6, 0.3, 0.1}, {0.05, 0.05, 0.9}};
    for (const auto& law : laws) {
        for (const auto& guess_live : guesses) {
            for (const auto& guess_champion : guesses) {
                double mean = 0.0;
                each_outcome(3, 5, [&](const counts& live) {
                    each_outcome(3, 3, [&](const counts& champion) {
                        mean += multinomial(live, law) * multinomial(champion, law) *
                                std::exp(joust::log_e_two_sample_multinomial(live, champion, guess_live,
                                                                             guess_champion));
                    });
                });
                CHECK(mean <= 1.0 + 1e-12);
                if (guess_live == guess_champion) {
                    CHECK_THAT(mean, WithinRel(1.0, 1e-12));
                }
            }
        }
    }
}

TEST_CASE("blocks of other cells are refused and counted")
{
    joust::keyed_random coins{1};
    joust::conformal_alarm conformal{counts{10, 10}};
    conformal.update(counts{1, 2, 3}, coins);
    conformal.learn(counts{1});
    CHECK(conformal.refused_blocks() == 2);
    CHECK(conformal.rows() == 0);
    joust::two_sample_alarm pair{2};
    pair.update(counts{1, 2}, counts{1, 2, 3});
    CHECK(pair.refused_blocks() == 1);
}

TEST_CASE("empty blocks raise nothing and prove nothing")
{
    joust::keyed_random coins{1};
    joust::conformal_alarm conformal{counts{10, 10}};
    joust::two_sample_alarm pair{2};
    for (int i = 0; i < 100; ++i) {
        conformal.update(counts{0, 0}, coins);
        pair.update(counts{0, 0}, counts{500, 1});
        pair.update(counts{0, 0}, counts{0, 0});
    }
    CHECK(conformal.evidence() == 0.0);
    CHECK(conformal.rows() == 0);
    CHECK_FALSE(pair.raised());
    CHECK(pair.evidence() == 200.0);  // each step without evidence adds one: M <- 1 (M + 1)
}

TEST_CASE("an alarm without a reference learns from the rows that it tests")
{
    joust::conformal_alarm alarm{counts(10), false_alarms::every(1e4)};
    joust::keyed_random random{8};
    for (int i = 0; i < 3000; ++i) {
        show(alarm, random.below(10), random);
    }
    CHECK_FALSE(alarm.raised());
    while (alarm.rows() < 6000) {
        show(alarm, 5 + random.below(5), random);
    }
    CHECK(alarm.raised());
    CHECK(alarm.raised_at() > 3000);
}

TEST_CASE("the same blocks and coins give the same evidence, bit for bit, and a raised alarm stays raised")
{
    const auto run = [] {
        joust::conformal_alarm alarm{counts{300, 300, 300}, false_alarms::every(1e3)};
        joust::keyed_random coins{17, 2};
        for (int i = 0; i < 5; ++i) {
            alarm.update(counts{10, 90, 200}, coins);
        }
        const std::uint64_t raised = alarm.raised_at();
        CHECK(raised > 0);
        for (int i = 0; i < 200; ++i) {
            alarm.update(counts{100, 100, 100}, coins);
        }
        CHECK(alarm.raised_at() == raised);
        return alarm.evidence();
    };
    CHECK(run() == run());
}

TEST_CASE("a restarted alarm starts from nothing")
{
    joust::bernoulli_alarm alarm{0.1, false_alarms::every(100)};
    for (int i = 0; i < 100; ++i) {
        alarm.update(true);
    }
    CHECK(alarm.raised());
    alarm.restart();
    CHECK_FALSE(alarm.raised());
    CHECK(alarm.evidence() == 0.0);

    joust::two_sample_alarm pair{2, false_alarms::ever(0.05)};
    for (int i = 0; i < 20; ++i) {
        pair.update(counts{900, 100}, counts{100, 900});
    }
    CHECK(pair.raised());
    CHECK(pair.raised_at() == 2);  // the first block can only teach
    pair.restart();
    CHECK_FALSE(pair.raised());
    CHECK(pair.evidence() == 1.0);
}

TEST_CASE("an alarm on a promised rate keeps its promise and finds a doubled rate", "[calibration]")
{
    constexpr int runs = 2000;
    constexpr std::uint64_t rows = 2000;
    constexpr double every = 1e4;
    int raised_every = 0;
    int raised_ever = 0;
    std::vector<double> delays;
    for (int run = 0; run < runs; ++run) {
        joust::keyed_random random{101, static_cast<std::uint64_t>(run)};
        joust::bernoulli_alarm arl{0.1, false_alarms::every(every)};
        joust::bernoulli_alarm ever{0.1, false_alarms::ever(0.05)};
        for (std::uint64_t i = 0; i < rows; ++i) {
            const bool yes = random.chance(0.1);
            arl.update(yes);
            ever.update(yes);
        }
        raised_every += arl.raised() ? 1 : 0;
        raised_ever += ever.raised() ? 1 : 0;
        if (run < 200 && !arl.raised()) {
            while (!arl.raised()) {
                arl.update(random.chance(0.2));
            }
            delays.push_back(static_cast<double>(arl.raised_at() - rows));
        }
    }
    std::cout << "rate 0.1, promise one false alarm in 10,000 rows: " << raised_every << " of " << runs
              << " quiet streams of 2,000 rows raised one (allowed 400); ever 5 %: " << raised_ever
              << "; median delay at rate 0.2: " << median(delays) << " rows\n";
    CHECK(raised_every <= at_most(rows / every, runs) * runs);
    CHECK(raised_every > 0);
    CHECK(raised_ever <= at_most(0.05, runs) * runs);
    CHECK(median(delays) < 250);
}

TEST_CASE("the mean run until a false alarm is at least what was promised", "[calibration]")
{
    constexpr int runs = 400;
    double sum = 0.0;
    double squares = 0.0;
    for (int run = 0; run < runs; ++run) {
        joust::keyed_random random{55, static_cast<std::uint64_t>(run)};
        joust::conformal_alarm alarm{counts(10, 500), false_alarms::every(500)};
        while (!alarm.raised()) {
            show(alarm, random.below(10), random);
        }
        const auto length = static_cast<double>(alarm.raised_at());
        sum += length;
        squares += length * length;
    }
    const double mean = sum / runs;
    const double error = std::sqrt((squares / runs - mean * mean) / runs);
    std::cout << "conformal alarm, promised 500 rows: " << mean << " +- " << error << " rows on average\n";
    CHECK(mean + 4.0 * error >= 500.0);
}

TEST_CASE("a conformal alarm keeps its promise for small references, edges learned from themselves",
          "[calibration]")
{
    constexpr std::uint64_t rows = 2000;
    constexpr double every = 1e4;
    const bool normal = GENERATE(true, false);
    const std::size_t reference_rows = GENERATE(100U, 1000U);
    constexpr std::uint64_t runs = 600;
    int raised = 0;
    for (std::uint64_t run = 0; run < runs; ++run) {
        joust::keyed_random random{normal ? 7U : 8U, run * 4096 + reference_rows};
        // Edges are learned from the very rows of the reference, as users do it.
        std::vector<double> reference(reference_rows);
        const auto draw = [&] { return normal ? random.normal() : std::floor(4.0 * random.exponential()); };
        std::generate(reference.begin(), reference.end(), draw);
        const auto bins = joust::numeric_bins::quantiles(reference);
        counts learned(bins.cells());
        for (const double x : reference) {
            ++learned[bins.cell(x)];
        }
        joust::conformal_alarm alarm{learned, false_alarms::every(every)};
        for (std::uint64_t i = 0; i < rows; ++i) {
            show(alarm, bins.cell(draw()), random);
        }
        raised += alarm.raised() ? 1 : 0;
    }
    std::cout << "conformal alarm, " << (normal ? "normal" : "tied") << " values, reference of "
              << reference_rows << ": " << raised << " of " << runs
              << " quiet streams of 2,000 rows raised one (allowed " << rows / every * runs << ")\n";
    CHECK(raised <= at_most(rows / every, 600) * 600);
}

TEST_CASE("a conformal alarm finds shifts of numbers and of categories", "[calibration]")
{
    const double shift = GENERATE(0.1, 0.2, 0.5);
    std::vector<double> delays;
    for (std::uint64_t run = 0; run < 30; ++run) {
        joust::keyed_random random{21, run};
        std::vector<double> reference(10'000);
        std::generate(reference.begin(), reference.end(), [&] { return random.normal(); });
        const auto bins = joust::numeric_bins::quantiles(reference);
        counts learned(bins.cells());
        for (const double x : reference) {
            ++learned[bins.cell(x)];
        }
        joust::conformal_alarm alarm{learned, false_alarms::every(1e7)};
        for (int i = 0; i < 5000; ++i) {
            show(alarm, bins.cell(random.normal()), random);
        }
        while (!alarm.raised() && alarm.rows() < 100'000) {
            show(alarm, bins.cell(random.normal() + shift), random);
        }
        CHECK(alarm.raised_at() > 5000);
        delays.push_back(static_cast<double>(alarm.raised_at() - 5000));
    }
    std::cout << "conformal alarm, promised 1e7 rows: a shift of " << shift << " sd found after "
              << median(delays) << " rows (median)\n";
    CHECK(median(delays) < 60.0 / (shift * shift));
}

TEST_CASE("a conformal alarm finds rows that move between categories", "[calibration]")
{
    // Rows of the second category turn into the fourth: a tenth of all rows, or a twenty-fifth.
    const double moved = GENERATE(0.2, 0.5);
    const counts shares{3000, 2000, 1500, 1000, 800, 600, 400, 300, 200, 200};
    const auto draw = [&](joust::keyed_random& random) {
        std::uint64_t left = random.below(10'000);
        std::size_t cell = 0;
        while (left >= shares[cell]) {
            left -= shares[cell++];
        }
        return cell;
    };
    std::vector<double> delays;
    for (std::uint64_t run = 0; run < 30; ++run) {
        joust::keyed_random random{22, run};
        joust::conformal_alarm alarm{shares, false_alarms::every(1e7)};
        for (int i = 0; i < 5000; ++i) {
            show(alarm, draw(random), random);
        }
        while (!alarm.raised() && alarm.rows() < 100'000) {
            const std::size_t cell = draw(random);
            show(alarm, cell == 1 && random.chance(moved) ? 3 : cell, random);
        }
        CHECK(alarm.raised_at() > 5000);
        delays.push_back(static_cast<double>(alarm.raised_at() - 5000));
    }
    std::cout << "conformal alarm, promised 1e7 rows: " << 20.0 * moved
              << " % of rows moved between categories, found after " << median(delays) << " rows (median)\n";
    CHECK(median(delays) < 10'000);
}

TEST_CASE("a rare cell alarm keeps both promises for small references", "[calibration]")
{
    // Cells of very different size, of which the last one is for missing values.
    const std::vector<double> shares{0.6, 0.3, 0.05, 0.02, 0.008, 0.002, 0.0, 0.02};
    const auto draw = [&](joust::keyed_random& random) {
        double left = random.uniform();
        std::size_t cell = 0;
        while (cell + 1 < shares.size() && left >= shares[cell]) {
            left -= shares[cell++];
        }
        return cell;
    };
    constexpr std::uint64_t rows = 2000;
    constexpr std::uint64_t runs = 400;
    const bool restarts = GENERATE(true, false);
    const std::uint64_t reference = GENERATE(0U, 100U, 2000U);
    int raised = 0;
    for (std::uint64_t run = 0; run < runs; ++run) {
        joust::keyed_random random{31, run * 8192 + reference};
        counts learned(shares.size());
        for (std::uint64_t i = 0; i < reference; ++i) {
            ++learned[draw(random)];
        }
        joust::rare_cell_alarm alarm{learned, 7,
                                     restarts ? false_alarms::every(1e4) : false_alarms::ever(0.2)};
        for (std::uint64_t i = 0; i < rows; ++i) {
            const std::size_t cell = draw(random);
            const double coin = random.uniform();
            alarm.update(cell, coin, random.uniform());
        }
        raised += alarm.raised() ? 1 : 0;
    }
    std::cout << "rare cell alarm, " << (restarts ? "one in 10,000 rows" : "ever 20 %") << ", reference of "
              << reference << ": " << raised << " of " << runs
              << " quiet streams of 2,000 rows raised one (allowed " << 0.2 * runs << ")\n";
    CHECK(raised <= at_most(0.2, runs) * runs);
}

TEST_CASE("a rare cell alarm finds new categories and missing values", "[calibration]")
{
    // The share of the cell for missing values before and after; the others are ten equal cells.
    const auto [before, after] =
        GENERATE(std::pair{0.0, 0.01}, std::pair{0.0, 0.002}, std::pair{0.02, 0.04}, std::pair{0.01, 0.03});
    const double quiet = before;
    const double changed = after;
    std::vector<double> delays;
    for (std::uint64_t run = 0; run < 30; ++run) {
        joust::keyed_random random{32, run};
        const auto draw = [&random](double rate) {
            return random.uniform() < rate ? std::size_t{10} : static_cast<std::size_t>(random.below(10));
        };
        counts learned(11);
        for (int i = 0; i < 10'000; ++i) {
            ++learned[draw(quiet)];
        }
        // As in a monitor, which gives this alarm half of its promise.
        joust::rare_cell_alarm alarm{learned, 10, false_alarms::every(2e7)};
        const auto show_row = [&](double rate) {
            const std::size_t cell = draw(rate);
            const double coin = random.uniform();
            alarm.update(cell, coin, random.uniform());
        };
        for (int i = 0; i < 5000; ++i) {
            show_row(quiet);
        }
        int waited = 0;
        while (!alarm.raised() && waited < 60'000) {
            show_row(changed);
            ++waited;
        }
        CHECK((alarm.raised_at() == 0 || alarm.raised_at() > 5000));
        delays.push_back(waited);
    }
    std::cout << "rare cell alarm, promised 2e7 rows: a share of " << 100.0 * quiet << " % that becomes "
              << 100.0 * changed << " % found after " << median(delays) << " rows (median)\n";
    CHECK(median(delays) < 12'000);
}

TEST_CASE("a two-sample alarm keeps its promise where both streams change together", "[calibration]")
{
    constexpr int runs = 600;
    constexpr int blocks = 60;
    int raised = 0;
    std::vector<double> delays;
    for (int run = 0; run < runs; ++run) {
        joust::keyed_random random{33, static_cast<std::uint64_t>(run)};
        joust::two_sample_alarm alarm{10, false_alarms::every(300)};
        int block = 0;
        const auto step = [&](double shift) {
            // The season changes both distributions far more than the shift does.
            const double season = 0.8 * std::sin(0.5 * block++);
            counts live(10);
            counts champion(10);
            const auto cell = [&](double x) {
                return static_cast<std::size_t>(std::clamp(std::floor(2.0 * x + 5.0), 0.0, 9.0));
            };
            for (int i = 0; i < 200; ++i) {
                ++live[cell(random.normal() + season + shift)];
                ++champion[cell(random.normal() + season)];
            }
            alarm.update(live, champion);
        };
        while (block < blocks) {
            step(0.0);
        }
        raised += alarm.raised() ? 1 : 0;
        if (run < 40 && !alarm.raised()) {
            while (!alarm.raised() && block < 2000) {
                step(0.5);
            }
            CHECK(alarm.raised());
            delays.push_back(static_cast<double>(alarm.raised_at()) - blocks);
        }
    }
    std::cout << "two-sample alarm, promised 300 blocks: " << raised << " of " << runs
              << " quiet pairs of 60 blocks raised one (allowed 120); a shift of 0.5 sd found after "
              << median(delays) << " blocks of 200 rows each\n";
    CHECK(raised <= at_most(60.0 / 300.0, runs) * runs);
    CHECK(median(delays) < 60);
}
