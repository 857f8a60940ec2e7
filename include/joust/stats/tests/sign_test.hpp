// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/differences.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/tests/paired_proportions.hpp>

#include <cmath>
#include <cstdint>
#include <span>

namespace joust {
inline namespace v0 {
namespace stats {

/// Set up sign_test.
struct sign_test_options {
    /// The interval covers with probability 1 - alpha.
    double alpha = 0.05;
    /// The departure from the null that the p-value looks for.
    side alternative = side::two;
    /// Use the mid-p value, which comes closer to the level than the conservative exact one.
    bool mid_p = false;
};

/// Report a sign test with the counts it used.
struct sign_test_result : test_result {
    /// How many units the first wins.
    std::uint64_t wins = 0;
    /// How many units the first loses.
    std::uint64_t losses = 0;
    /// How many units are ties.
    std::uint64_t ties = 0;
};

/// Test whether the first wins more units than the second: an exact binomial test. Ties do not enter the p-value; they
/// are counted.
///
/// The estimate is the preference (wins + ties / 2) / all - 1/2, between -1/2 and 1/2; its interval is Tango's.
///
/// When to use: preferences per unit (interleaved queries, pairwise judgements). When not: differences with sizes.
/// assumes: units are independent: all queries of one user are one unit.
/// errors: out_of_range (alpha), too_few without a unit. With only ties p is 1.
/// cost: 1 to 2 us for every count; from raw data one pass more.
/// source: Dixon and Mood 1946; ties by halves: Chapelle et al. 2012, section 2.
[[nodiscard]] inline sign_test_result sign_test(std::uint64_t wins, std::uint64_t losses,
                                                std::uint64_t ties = 0,
                                                const sign_test_options& options = {}) noexcept
{
    sign_test_result result;
    result.wins = wins;
    result.losses = losses;
    result.ties = ties;
    const mcnemar_options same{options.alpha, options.alternative,
                               options.mid_p ? mcnemar_p::mid_p : mcnemar_p::exact};
    // The sum is taken in doubles, because whole numbers of 64 bits would wrap.
    const double all = static_cast<double>(wins) + static_cast<double>(losses) + static_cast<double>(ties);
    static_cast<test_result&>(result) =
        detail::mcnemar_of(static_cast<double>(wins), static_cast<double>(losses), all, same);
    result.method = options.mid_p ? "sign test, mid-p" : "sign test, exact";
    result.estimate *= 0.5;
    result.lower *= 0.5;
    result.upper *= 0.5;
    return result;
}

/// Test one difference per unit: its sign is a win or a loss, and zero is a tie.
///
/// errors: out_of_range also when a difference is NaN.
/// cost: 1 to 2 us for every count; from raw data one pass more.
[[nodiscard]] inline sign_test_result sign_test(std::span<const double> differences,
                                                const sign_test_options& options = {}) noexcept
{
    std::uint64_t wins = 0;
    std::uint64_t losses = 0;
    std::uint64_t ties = 0;
    bool valid = true;
    for (const double d : differences) {
        valid = valid && !std::isnan(d);
        ++(d > 0.0 ? wins : d < 0.0 ? losses : ties);
    }
    if (!valid) {
        sign_test_result result;
        result.method = options.mid_p ? "sign test, mid-p" : "sign test, exact";
        result.state = status::out_of_range;
        return result;
    }
    return sign_test(wins, losses, ties, options);
}

/// Test two measurements of the same units: the larger one wins, and measurements that differ by no more than the rounding
/// of decimals, 2^-51 (|x| + |y|), are a tie (0.1 + 0.2 against 0.3).
///
/// errors: out_of_range also for unequal lengths or NaN.
/// cost: 1 to 2 us for every count; from raw data one pass more.
[[nodiscard]] inline sign_test_result sign_test(std::span<const double> x, std::span<const double> y,
                                                const sign_test_options& options = {})
{
    if (x.size() != y.size()) {
        sign_test_result result;
        result.method = options.mid_p ? "sign test, mid-p" : "sign test, exact";
        result.state = status::out_of_range;
        return result;
    }
    return sign_test(detail::tied_differences(x, y), options);
}

}  // namespace stats
}  // namespace v0
}  // namespace joust
