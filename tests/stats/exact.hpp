// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/multiprecision/cpp_bin_float.hpp>
#include <boost/multiprecision/cpp_int.hpp>

#include <vector>

namespace joust_test {

using rational = boost::multiprecision::cpp_rational;
using long_float = boost::multiprecision::cpp_bin_float_100;

inline rational exact_sum(const std::vector<double>& x)
{
    rational sum = 0;
    for (const double value : x) {
        sum += rational(value);  // a double is a rational: nothing is rounded here
    }
    return sum;
}

inline double exact_mean(const std::vector<double>& x)
{
    return static_cast<double>(rational(exact_sum(x) / static_cast<long long>(x.size())));
}

/// The standard deviation of the doubles given, rounded once at the end.
inline double exact_deviation(const std::vector<double>& x)
{
    const rational mean = exact_sum(x) / static_cast<long long>(x.size());
    rational square = 0;
    for (const double value : x) {
        const rational d = rational(value) - mean;
        square += d * d;
    }
    const rational variance = square / static_cast<long long>(x.size() - 1);
    return static_cast<double>(sqrt(static_cast<long_float>(variance)));
}

}  // namespace joust_test
