// SPDX-License-Identifier: Apache-2.0

#include <joust/numeric/roots.hpp>

#include "stats/support.hpp"

#include <cmath>
#include <limits>

namespace detail = joust::stats::detail;

TEST_CASE("bisection ends at neighbouring doubles, whichever end of the bracket is larger")
{
    const auto above = [](double x) { return x * x > 2.0; };
    const detail::bracket up = detail::bisect({0.0, 2.0}, above);
    CHECK(std::nextafter(up.without, 2.0) == up.with);
    CHECK(up.without * up.without <= 2.0);
    CHECK(up.with * up.with > 2.0);
    const detail::bracket down = detail::bisect({2.0, 0.0}, [&](double x) { return !above(x); });
    CHECK(down.with == up.without);
    CHECK(down.without == up.with);
    CHECK(detail::middle_of({1.0, std::nextafter(1.0, 2.0)}) == 1.0);
}

TEST_CASE("bisection stops where the caller says so")
{
    int calls = 0;
    const auto count = [&](double x) {
        ++calls;
        return x > 0.3;
    };
    const detail::bracket at =
        detail::bisect({0.0, 1.0}, count, [](const detail::bracket& b) { return b.with - b.without < 0.2; });
    CHECK(calls == 3);
    CHECK(at.with - at.without == 0.125);
}

TEST_CASE("bisection by exponent finds tiny roots to their last digits")
{
    for (const double root : {0.3, 1e-9, 1e-100, 1e-200, 1e-305, 5e-323}) {
        const detail::bracket at =
            detail::bisect_by_exponent({root / 3.0, 1.0}, [&](double x) { return x > root; });
        CHECK(at.with == std::nextafter(root, 1.0));
        CHECK(at.without == root);
        const detail::bracket from_zero =
            detail::bisect_by_exponent({0.0, 1.0}, [&](double x) { return x > root; });
        CHECK(from_zero.with == at.with);
    }
}

TEST_CASE("no search takes more steps than the exponents and digits of a double explain")
{
    int calls = 0;
    for (const double root : {-1e300, -1.0, -1e-300, 0.0, 5e-324, 1e-200, 0.3, 7e250}) {
        calls = 0;
        const detail::bracket at = detail::bisect({-1e308, 1e308}, [&](double x) {
            ++calls;
            return x > root;
        });
        CHECK(at.without == root);
        CHECK(at.with == std::nextafter(root, 1e308));
        CHECK(calls <= detail::longest_search);
        calls = 0;
        const auto sign = [&](double x) {
            ++calls;
            return x < root ? -1.0 : 1.0;
        };
        const detail::solution found = detail::illinois_root(
            {-1e308, 1e308, -1.0, 1.0}, sign, [](const detail::illinois_bracket&, double) { return false; });
        CHECK(found.converged);
        CHECK(found.at == root);
        CHECK(calls <= detail::plain_search_steps + detail::longest_search);
    }
}

TEST_CASE("a search that finds no sign change, or NaN, says that it did not converge")
{
    const auto close = [](const detail::illinois_bracket&, double) { return false; };
    CHECK_FALSE(detail::illinois_root({0.0, 1.0, 1.0, 2.0}, [](double x) { return x; }, close).converged);
    CHECK_FALSE(
        detail::illinois_root({-1.0, 1.0, -1.0, 1.0}, [](double) { return std::nan(""); }, close).converged);
    CHECK_FALSE(detail::rising_root(-800.0, 800.0, 0.0, 1.0, [](double, double& slope) {
                    slope = 1.0;
                    return -1.0;
                }).converged);
    CHECK_FALSE(
        detail::rising_root(-800.0, 800.0, 0.0, 1.0, [](double, double&) { return std::nan(""); }).converged);
}

TEST_CASE("a search that has converged to rounding on one side of the root does not go back to a far end")
{
    // The value never becomes 0 and always has one sign near the root, as sums that were rounded do.
    const detail::solution found = detail::rising_root(-800.0, 800.0, 0.0, 0.2, [](double x, double& slope) {
        slope = 1.0;
        const double value = x - 0.125;
        return std::fabs(value) < 1e-16 ? -1e-17 : value;
    });
    CHECK(found.converged);
    CHECK_THAT(found.at, WithinAbs(0.125, 1e-15));
}

TEST_CASE("an end that is kept twice by the Illinois method has its value halved")
{
    detail::illinois_bracket at{0.0, 1.0, -1.0, 3.0};
    CHECK(at.secant() == 0.25);
    at.narrow(0.25, -0.5);
    CHECK(at.at_high == 3.0);
    at.narrow(0.5, -0.25);
    CHECK(at.low == 0.5);
    CHECK(at.at_high == 1.5);
    at.narrow(0.75, 0.0);
    CHECK(at.high == 0.75);
    CHECK(at.at_low == -0.25);
}

TEST_CASE("Ridders' point is the root of a line times an exponential, and the middle where all values are 0")
{
    const auto f = [](double x) { return (x - 0.3) * std::exp(0.7 * x); };
    CHECK_THAT(detail::ridders_point(0.5, 0.5, f(0.0), f(0.5), f(1.0)), WithinAbs(0.3, 1e-15));
    // The same bracket the other way round, as where the value falls.
    CHECK_THAT(detail::ridders_point(0.5, -0.5, -f(1.0), -f(0.5), -f(0.0)), WithinAbs(0.3, 1e-15));
    CHECK(detail::ridders_point(0.5, 0.5, 0.0, 0.0, 0.0) == 0.5);
}

TEST_CASE("a rising function's root is found from far away and along plateaus")
{
    for (const double root : {-300.0, -2.0, 0.0, 5.5, 700.0}) {
        const detail::solution found =
            detail::rising_root(-800.0, 800.0, 0.0, 1.0, [&](double x, double& slope) {
                slope = 1.0 / (1.0 + (x - root) * (x - root));
                return std::atan(x - root);
            });
        CHECK(found.converged);
        CHECK_THAT(found.at, WithinAbs(root, 1e-12));
    }
    // A slope of 0 away from the root sends the step past every bound; the bracket takes over.
    const detail::solution found = detail::rising_root(-800.0, 800.0, 0.0, 0.5, [](double x, double& slope) {
        slope = std::fabs(x - 10.0) < 1.0 ? 1.0 : 0.0;
        return std::fmin(1.0, std::fmax(-1.0, x - 10.0));
    });
    CHECK(found.converged);
    CHECK_THAT(found.at, WithinAbs(10.0, 1e-12));
}
