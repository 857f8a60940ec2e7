// SPDX-License-Identifier: Apache-2.0

// Are units spread evenly under every salt, and independently under different ones?
//
// For each salt there is a chi-squared test of 1,000 equal cells. For each pair of neighbouring salts (two trials, or a trial and a
// layer) there is a test of the 16 x 16 cells of both hashes. All p-values are adjusted together by Holm's method at 1 in 1,000.
// The units are integers in sequence, texts with a common beginning, UUIDs in sequence, and units of a keyed hash. Short form: 100,000 units, 30 salts.
// JOUST_CALIBRATE=full: 10,000,000 integers under 1,000 salts, a tenth of that for the other kinds.

#include <joust/core/bits.hpp>
#include <joust/core/unit_id.hpp>
#include <joust/numeric/distributions.hpp>
#include <joust/stats/tests/multiplicity.hpp>

#include "calibration/limit.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using namespace joust;

constexpr std::size_t cells = 1'000;
constexpr std::size_t side = 16;

std::vector<double> p_values;

template <std::size_t N>
double p_of(const std::array<std::uint32_t, N>& counts, double n)
{
    const double expected = n / static_cast<double>(N);
    double chi = 0.0;
    for (const std::uint32_t count : counts) {
        const double gap = count - expected;
        chi += gap * gap / expected;
    }
    return stats::chi_squared_sf(chi, static_cast<double>(N - 1));
}

template <class Unit>
void judge(const char* kind, std::size_t units, std::size_t salts, bool keyed, Unit unit_of)
{
    std::vector<salted_hasher> hashers;
    for (std::size_t s = 0; s < salts; ++s) {
        const std::string salt = "trial-" + std::to_string(s);
        hashers.push_back(keyed ? salted_hasher{salt, sip_key{1, 2}} : salted_hasher{salt});
    }
    std::vector<std::array<std::uint32_t, cells>> one(salts);
    std::vector<std::array<std::uint32_t, side * side>> two(salts);
    constexpr std::size_t chunk = 4'096;
    using unit_t = decltype(unit_of(std::size_t{}));
    std::vector<unit_t> keys;
    std::array<unsigned, chunk> before{};
    for (std::size_t begin = 0; begin < units; begin += chunk) {
        const std::size_t size = std::min(chunk, units - begin);
        keys.clear();
        for (std::size_t i = 0; i < size; ++i) {
            keys.push_back(unit_of(begin + i));
        }
        for (std::size_t s = 0; s <= salts; ++s) {
            for (std::size_t i = 0; i < size; ++i) {
                const std::uint64_t hash = hashers[s % salts](keys[i]);
                const auto now = static_cast<unsigned>(hash >> 60);
                if (s > 0) {
                    ++two[s - 1][before[i] * side + now];
                }
                if (s < salts) {
                    ++one[s][detail::multiply_high(hash, cells)];
                }
                before[i] = now;
            }
        }
    }
    const std::size_t first = p_values.size();
    for (std::size_t s = 0; s < salts; ++s) {
        p_values.push_back(p_of(one[s], static_cast<double>(units)));
        p_values.push_back(p_of(two[s], static_cast<double>(units)));
    }
    const auto least =
        *std::min_element(p_values.begin() + static_cast<std::ptrdiff_t>(first), p_values.end());
    int below_tenth = 0;
    for (std::size_t i = first; i < p_values.size(); ++i) {
        below_tenth += p_values[i] < 0.1 ? 1 : 0;
    }
    const auto tests = p_values.size() - first;
    std::printf("%-22s %9zu %6zu %6zu %12.2e %14.1f\n", kind, units, salts, tests, least,
                100.0 * below_tenth / static_cast<double>(tests));
    std::fflush(stdout);
}

}  // namespace

int main()
{
    const bool full = joust_test::full_calibration();
    const std::size_t units = full ? 10'000'000 : 100'000;
    const std::size_t salts = full ? 1'000 : 30;
    const std::size_t few = full ? 100 : 30;
    const std::size_t fewer = full ? units / 10 : units;
    std::printf("%-22s %9s %6s %6s %12s %14s\n", "units", "number", "salts", "tests", "least p",
                "% of p < 0.1");
    judge("integers", units, salts, false, [](std::size_t i) { return static_cast<std::uint64_t>(i); });
    judge("text", fewer, few, false, [](std::size_t i) { return "user-" + std::to_string(100'000'000 + i); });
    judge("UUIDs", fewer, few, false,
          [](std::size_t i) { return uuid{0x123e4567e89b12d3, 0xa456426614174000 + i}; });
    judge("integers under a key", fewer, few, true,
          [](std::size_t i) { return static_cast<std::uint64_t>(i); });
    const auto judged = stats::holm(p_values);
    double least = 1.0;
    for (const double p : judged.adjusted) {
        least = std::min(least, p);
    }
    std::printf("least p-value, adjusted by Holm for %zu tests: %.3g\n", p_values.size(), least);
    return least < 0.001 ? 1 : 0;
}
