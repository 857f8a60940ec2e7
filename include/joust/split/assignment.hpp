#pragma once

#include <cstdint>

namespace joust::inline v0 {

/// What a splitter decides for one unit.
struct assignment {
    unsigned arm = 0;         ///< index of the model that serves; 0 is the champion
    double propensity = 1.0;  ///< probability with which this arm was chosen; in (0, 1]
    bool enrolled = true;     ///< false: served by `arm`, but no part of the trial and never recorded
    bool operator==(const assignment&) const = default;
};

/// What a splitter may look at.
template <class Args>
struct context {
    std::uint64_t unit = 0;  ///< salted hash of the unit, uniform over all 64-bit numbers
    std::int64_t now = 0;    ///< the trial's clock. units: nanoseconds
    const Args& args;        ///< the arguments of the call
};

}  // namespace joust::inline v0
