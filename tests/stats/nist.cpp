// SPDX-License-Identifier: Apache-2.0

// NIST StRD, univariate summary statistics, NumAcc1 to NumAcc4: digits of the mean and of the standard deviation.
//
// The data are decimals such as 10000000.1, which doubles cannot hold. So there are two questions: how well are the moments
// of the doubles computed, which is joust's part, and how far are those moments from the certified ones, which is not?

#include <joust/stats/moments.hpp>

#include "stats/exact.hpp"
#include "stats/support.hpp"

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <limits>
#include <vector>

namespace stats = joust::stats;
using joust_test::digits;
using joust_test::exact_deviation;
using joust_test::exact_mean;

namespace {

struct data_set {
    const char* name;
    /// The decimals, exactly.
    std::vector<long long> tenths;
    /// The certified values.
    double mean, deviation;

    [[nodiscard]] std::vector<double> doubles() const
    {
        std::vector<double> x;
        for (const long long each : tenths) {
            x.push_back(static_cast<double>(each) / 10.0);  // one rounding: the double nearest to the decimal
        }
        return x;
    }
};

/// NIST's generator of NumAcc2 to NumAcc4: the mean, then 500 times a tenth below and a tenth above it.
std::vector<long long> alternating(long long mean)
{
    std::vector<long long> tenths{mean};
    for (int i = 0; i < 500; ++i) {
        tenths.push_back(mean - 1);
        tenths.push_back(mean + 1);
    }
    return tenths;
}

const std::vector<data_set>& data_sets()
{
    static const std::vector<data_set> all{
        {"NumAcc1", {100'000'010, 100'000'030, 100'000'020}, 10'000'002.0, 1.0},
        {"NumAcc2", alternating(12), 1.2, 0.1},
        {"NumAcc3", alternating(10'000'002), 1'000'000.2, 0.1},
        {"NumAcc4", alternating(100'000'002), 10'000'000.2, 0.1},
    };
    return all;
}

stats::moments streamed(const std::vector<double>& x)
{
    stats::moments m;
    for (const double each : x) {
        m.add(each);
    }
    return m;
}

/// Deal the values to `parts` accumulators, in runs or one by one, and merge from either end.
stats::moments merged(const std::vector<double>& x, std::size_t parts, bool in_runs, bool from_the_end)
{
    std::vector<stats::moments> part(parts);
    for (std::size_t i = 0; i < x.size(); ++i) {
        part[in_runs ? i * parts / x.size() : i % parts].add(x[i]);
    }
    stats::moments all;
    for (std::size_t i = 0; i < parts; ++i) {
        all.merge(part[from_the_end ? parts - 1 - i : i]);
    }
    return all;
}

/// The textbook formula, which cancels: (sum x^2 - (sum x)^2 / n) / (n - 1).
double textbook_deviation(const std::vector<double>& x)
{
    double sum = 0.0, square = 0.0;
    for (const double each : x) {
        sum += each;
        square += each * each;
    }
    const double n = static_cast<double>(x.size());
    return std::sqrt(std::fmax((square - sum * sum / n) / (n - 1.0), 0.0));
}

}  // namespace

TEST_CASE("The certified values of NumAcc1 to NumAcc4 are those of their decimals")
{
    for (const data_set& set : data_sets()) {
        INFO(set.name);
        const auto n = static_cast<long long>(set.tenths.size());
        long long sum = 0;
        for (const long long each : set.tenths) {
            sum += each;
        }
        REQUIRE(sum % n == 0);
        const long long mean = sum / n;
        long long square = 0;
        for (const long long each : set.tenths) {
            square += (each - mean) * (each - mean);
        }
        CHECK(static_cast<double>(mean) / 10.0 == set.mean);
        REQUIRE(square % (n - 1) == 0);
        CHECK(std::sqrt(static_cast<double>(square / (n - 1))) / 10.0 == set.deviation);
    }
}

TEST_CASE(
    "NumAcc1 to NumAcc4 reach 13 digits of the standard deviation, in one accumulator and merged from parts")
{
    std::printf("%-8s %28s %28s %22s\n", "", "deviation of the doubles", "of the certified decimals",
                "textbook formula");
    std::printf("%-8s %9s %9s %8s %13s %14s %22s\n", "digits", "streamed", "merged", "span", "joust", "exact",
                "");
    for (const data_set& set : data_sets()) {
        INFO(set.name);
        const std::vector<double> x = set.doubles();
        const double mean = exact_mean(x);
        const double deviation = exact_deviation(x);
        const auto check = [&](const stats::moments& m) {
            CHECK(m.count() == x.size());
            CHECK(digits(m.mean(), mean) >= 15.0);
            CHECK(digits(m.standard_deviation(), deviation) >= 13.0);
            return digits(m.standard_deviation(), deviation);
        };
        const double one = check(streamed(x));
        const double span = check(stats::moments{x});
        double worst = 16.0;
        for (const std::size_t parts : {2U, 3U, 7U, 64U, 1001U}) {
            for (const bool in_runs : {false, true}) {
                for (const bool from_the_end : {false, true}) {
                    worst = std::fmin(worst, check(merged(x, parts, in_runs, from_the_end)));
                }
            }
        }
        std::printf("%-8s %9.1f %9.1f %8.1f %13.1f %14.1f %22.1f\n", set.name, one, worst, span,
                    digits(streamed(x).standard_deviation(), set.deviation), digits(deviation, set.deviation),
                    std::fmax(digits(textbook_deviation(x), deviation), 0.0));
    }
}

TEST_CASE("The difference from the certified deviations is what doubles cannot hold of the decimals")
{
    for (const data_set& set : data_sets()) {
        INFO(set.name);
        const std::vector<double> x = set.doubles();
        const double n = static_cast<double>(x.size());
        // Each value is off by half a unit in its last place at most, and a standard deviation by no more than the root of
        // the errors' sum of squares over n - 1.
        const double largest = static_cast<double>(set.tenths.back() + 1) / 10.0;
        const double unit = std::nextafter(largest, std::numeric_limits<double>::infinity()) - largest;
        const double bound = 0.5 * unit * std::sqrt(n / (n - 1.0));
        const double own = 1e-13 * set.deviation;
        CHECK(std::fabs(exact_deviation(x) - set.deviation) <= bound);
        CHECK(std::fabs(streamed(x).standard_deviation() - set.deviation) <= bound + own);
    }
    // NumAcc1 is whole numbers: nothing is lost, and the certified values come out exactly.
    const stats::moments whole = streamed(data_sets().front().doubles());
    CHECK(whole.mean() == 10'000'002.0);
    CHECK(whole.standard_deviation() == 1.0);
}

TEST_CASE("The textbook formula fails where joust does not")
{
    const std::vector<double> x = data_sets().back().doubles();
    CHECK(digits(textbook_deviation(x), exact_deviation(x)) < 2.0);
}
