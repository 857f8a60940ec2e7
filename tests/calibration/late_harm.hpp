// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/hash.hpp>
#include <joust/core/random.hpp>
#include <joust/evidence/first_events.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace joust_test::late_harm {

/// What changes after the quiet requests, in which both models fail at `base`.
struct harm {
    double challenger = 0.02;
    double base = 0.01;
    double share = 0.05;
};

/// Units with a position of their own, so that the same unit always has the same arm at a share.
class units {
public:
    units(std::uint64_t count, std::uint64_t salt) : count_(count), salt_(joust::mix64(salt)) {}

    [[nodiscard]] std::uint64_t draw(joust::keyed_random& random) const
    {
        return joust::mix64(random.below(count_) ^ salt_);
    }
    /// The slot takes the bits from 32 to 45, so that the position takes others.
    [[nodiscard]] static double position(std::uint64_t unit)
    {
        return static_cast<double>(joust::mix64(unit + 1) >> 11U) * 0x1p-53;
    }

private:
    std::uint64_t count_;
    std::uint64_t salt_;
};

/// Return how many requests after the quiet ones the evidence takes to reach 1 / 0.05, and `most` if it takes longer.
///
/// Of the quiet requests only the failures matter. Those of whole epochs are counted as failures of one slot, since nothing of
/// these epochs but their number is left; those of the epoch that runs when the harm begins are drawn.
inline double delay(double quiet, const harm& now, std::uint64_t seed, std::uint64_t run, double most = 2e6)
{
    joust::keyed_random random{seed, run};
    const units all{1'000'000, random.next()};
    joust::detail::first_event_log log;
    log.allow(1.0);
    const double mean = quiet * now.base;
    const auto failures =
        static_cast<std::uint64_t>(std::fmax(0.0, std::round(mean + std::sqrt(mean) * random.normal())));
    const std::uint64_t ended = failures - failures % joust::detail::epoch_events;
    for (std::uint64_t i = 0; i < ended; ++i) {
        log.record(0, false, now.share, 0);
    }
    std::uint64_t time = 0;
    for (std::uint64_t i = ended; i < failures; ++i) {
        const std::uint64_t unit = all.draw(random);
        log.record(unit, units::position(unit) < now.share, now.share, ++time);
    }
    const double before = log.highest_log_e();
    double requests = 0.0;
    while (requests < most) {
        requests += 1.0;
        const std::uint64_t unit = all.draw(random);
        const bool challenger = units::position(unit) < now.share;
        if (random.chance(challenger ? now.challenger : now.base)) {
            log.record(unit, challenger, now.share, ++time);
            // An alarm in the quiet time is no finding.
            if (log.highest_log_e() >= std::log(20.0) && log.highest_log_e() > before) {
                break;
            }
        }
    }
    return requests;
}

inline double median_delay(double quiet, const harm& now, int runs, std::uint64_t seed)
{
    std::vector<double> delays;
    for (int run = 0; run < runs; ++run) {
        delays.push_back(delay(quiet, now, seed, static_cast<std::uint64_t>(run)));
    }
    std::sort(delays.begin(), delays.end());
    return delays[delays.size() / 2];
}

}  // namespace joust_test::late_harm
