// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "catch.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace joust_test {

/// A tiny engine for test data (splitmix64), the same on every platform.
struct engine {
    std::uint64_t state;

    std::uint64_t next() noexcept
    {
        std::uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31U);
    }
    double uniform() noexcept { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }
    bool coin(double p) noexcept { return uniform() < p; }
    /// Roughly normal, with light tails: the sum of twelve uniforms.
    double bell() noexcept
    {
        double sum = -6.0;
        for (int i = 0; i < 12; ++i) {
            sum += uniform();
        }
        return sum;
    }
};

inline double relative_error(double got, double want)
{
    if (got == want) {
        return 0.0;
    }
    return want == 0.0 ? std::fabs(got) : std::fabs(got / want - 1.0);
}

/// Correct decimal digits, at most 16.
inline double digits(double got, double want)
{
    const double error = relative_error(got, want);
    return error < 1e-16 ? 16.0 : -std::log10(error);
}

}  // namespace joust_test
