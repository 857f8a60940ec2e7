// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdlib>
#include <string_view>

namespace joust_test {

/// Has the long form been asked for?
inline bool full_calibration()
{
    const char* mode = std::getenv("JOUST_CALIBRATE");
    return mode != nullptr && std::string_view{mode} == "full";
}

/// The largest count that n runs at an error rate of alpha exceed with a probability of at most 0.001.
inline int limit_of(int n, double alpha)
{
    double log_term = n * std::log1p(-alpha);  // of the binomial distribution, from 0 on
    double below = std::exp(log_term);
    int k = 0;
    while (below < 0.999) {
        log_term += std::log(alpha / (1.0 - alpha) * (n - k) / (k + 1.0));
        ++k;
        below += std::exp(log_term);
    }
    return k;
}

}  // namespace joust_test
