// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/random.hpp>
#include <joust/numeric/normal.hpp>
#include <joust/stats/result.hpp>

#include "calibration/limit.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

namespace joust_test {

using joust::keyed_random;

constexpr double alpha = 0.05;

/// What became of one interval, or of all intervals of one run.
struct covered {
    /// false: the method answered with a state instead
    bool given = true;
    bool missed = false;
    double width = 0.0;
};

/// Did an interval hold the truth?
template <class Result>
covered check(const Result& result, double truth)
{
    return {result.state == joust::status::ok, !(result.lower <= truth && truth <= result.upper),
            result.upper - result.lower};
}

/// The table that coverage programs print: a row for each interval and kind of data whose assumptions hold.
class coverage_table {
public:
    coverage_table(const char* what, int count, char** arguments)
        : seed_(count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 20'261'125),
          asked_runs_(count > 2 ? std::atoi(arguments[2]) : 0)
    {
        std::printf("%s missed the truth in %%, nominal 5 %%, seed %llu\n", what,
                    static_cast<unsigned long long>(seed_));
        std::printf("%-31s %-29s %7s  %-26s %6s %6s %6s %8s %9s\n", "interval", "data", "n", "smallest size",
                    "runs", "none", "%", "allowed", "width");
    }

    /// Run `run(random)` many times. `smallest` is the size below which the method promises nothing.
    void row(const char* interval, const char* data, int n, const char* smallest, int runs,
             const std::function<covered(keyed_random&)>& run)
    {
        runs = asked_runs_ > 0 ? asked_runs_ : full_calibration() ? 10'000 : runs;
        int given = 0;
        int missed = 0;
        double width = 0.0;
        ++stream_;
        for (int r = 0; r < runs; ++r) {
            keyed_random random{seed_ + stream_, static_cast<std::uint64_t>(r)};
            const covered seen = run(random);
            given += seen.given ? 1 : 0;
            missed += seen.given && seen.missed ? 1 : 0;
            width += seen.given ? seen.width : 0.0;
        }
        // If more than one interval in twenty is missing, the row says little.
        const int allowed = limit_of(runs, alpha);
        const bool fails = missed > allowed || runs - given > allowed;
        std::printf("%-31s %-29s %7d  %-26s %6d %6.2f %6.2f %8.2f %9.3g%s\n", interval, data, n, smallest,
                    runs, 100.0 * (runs - given) / runs, 100.0 * missed / given, 100.0 * allowed / runs,
                    width / given, fails ? "  FAILS" : "");
        std::fflush(stdout);
        failures_ += fails ? 1 : 0;
    }

    [[nodiscard]] int finish() const
    {
        if (failures_ > 0) {
            std::printf("%d rows miss more often than promised\n", failures_);
        }
        return failures_ > 0 ? 1 : 0;
    }

private:
    std::uint64_t seed_;
    std::uint64_t stream_ = 0;
    int asked_runs_;
    int failures_ = 0;
};

inline double normal(keyed_random& random)
{
    return joust::stats::normal_quantile(0x1p-54 + random.uniform());
}

template <class Draw>
std::vector<double> sample(keyed_random& random, int n, Draw draw)
{
    std::vector<double> values;
    values.reserve(static_cast<std::size_t>(n));
    for (int i = 0; i < n; ++i) {
        values.push_back(draw(random));
    }
    return values;
}

/// Normal values.
inline std::vector<double> normals(keyed_random& random, int n, double mean = 0.0, double sd = 1.0)
{
    return sample(random, n, [=](keyed_random& from) { return mean + sd * normal(from); });
}

/// A binomial count.
inline std::uint64_t hits(keyed_random& random, int n, double p)
{
    std::uint64_t count = 0;
    for (int i = 0; i < n; ++i) {
        count += random.chance(p) ? 1U : 0U;
    }
    return count;
}

}  // namespace joust_test
