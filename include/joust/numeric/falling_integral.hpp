// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

namespace joust {
inline namespace v0 {
namespace stats::detail {

// A node above 0 of a Gauss-Legendre rule, which is symmetric, with its weight.
struct rule_node {
    double at;
    double weight;
};

inline constexpr rule_node rule_of_32[] = {
    {0.048307665687738316235, 0.096540088514727800567}, {0.14447196158279649349, 0.095638720079274859419},
    {0.23928736225213707454, 0.093844399080804565639},  {0.33186860228212764978, 0.091173878695763884713},
    {0.42135127613063534536, 0.087652093004403811143},  {0.50689990893222939002, 0.083311924226946755222},
    {0.58771575724076232904, 0.078193895787070306472},  {0.66304426693021520098, 0.072345794108848506225},
    {0.73218211874028968039, 0.065822222776361846838},  {0.79448379596794240696, 0.058684093478535547145},
    {0.84936761373256997013, 0.050998059262376176196},  {0.89632115576605212397, 0.042835898022226680657},
    {0.93490607593773968917, 0.034273862913021433103},  {0.96476225558750643077, 0.025392065309262059456},
    {0.9856115115452683354, 0.016274394730905670605},   {0.99726386184948156354, 0.0070186100094700966004},
};

inline constexpr rule_node rule_of_16[] = {
    {0.095012509837637440185, 0.18945061045506849629}, {0.28160355077925891323, 0.18260341504492358887},
    {0.45801677765722738634, 0.16915651939500253819},  {0.61787624440264374845, 0.14959598881657673208},
    {0.7554044083550030339, 0.12462897125553387205},   {0.86563120238783174388, 0.09515851168249278481},
    {0.94457502307323257608, 0.062253523938647892863}, {0.9894009349916499326, 0.027152459411754094852},
};

// The point at which a convex function that rises from exponent(0) = 0 is between 38 and 60, from a guess of it. What
// lies beyond adds less than half a unit in the last place to the integral of exp(-exponent).
template <class Exponent>
[[nodiscard]] double negligible_beyond(Exponent exponent, double guess) noexcept
{
    double end = guess;
    double before = 0.0;  // the largest point known to be too near
    for (int step = 0; step < 200; ++step) {
        const double value = exponent(end);
        if (value >= 38.0 && value <= 60.0) {
            break;
        }
        if (value < 38.0) {
            before = end;
            // By convexity the function has grown to 45 at 45 / value times the distance.
            const double factor = value > 0.0 ? 48.0 / value : 4.0;
            end *= factor < 1.25 ? 1.25 : factor < 4.0 ? factor : 4.0;
        } else {
            end = 0.5 * (before + end);
        }
    }
    return end;
}

// The integral of exp(-exponent(s)) over s > 0, for a convex exponent that rises from 0 at s = 0, to rounding: the
// shapes of the tails of beta, gamma and binomial distributions between a normal and an exponential one, and those that
// fall double exponentially. `guess` is about where the exponent reaches 45.
// cost: about 35 values of the exponent.
template <class Exponent>
[[nodiscard]] double falling_integral(Exponent exponent, double guess) noexcept
{
    const double half = 0.5 * negligible_beyond(exponent, guess);
    double sum = 0.0;
    for (const rule_node& node : rule_of_32) {
        sum += node.weight *
               (std::exp(-exponent(half * (1.0 - node.at))) + std::exp(-exponent(half * (1.0 + node.at))));
    }
    return half * sum;
}

}  // namespace stats::detail
}  // namespace v0
}  // namespace joust
