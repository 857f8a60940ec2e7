// SPDX-License-Identifier: Apache-2.0

// A week of traffic of a canary (tests/soak/week.hpp): canary_soak [REQUESTS [THREADS]], by default 100,000,000 and 4. It fails where a
// request is not counted, where the canary is rolled back before there is harm or not soon after, or where memory grows.

#include "week.hpp"

#include <chrono>
#include <cinttypes>
#include <cstdlib>

int main(int count, char** arguments)
{
    const std::uint64_t requests = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 100'000'000;
    const auto threads = count > 2 ? static_cast<unsigned>(std::atoi(arguments[2])) : 4U;
    const auto start = std::chrono::steady_clock::now();
    const joust_soak::outcome seen = joust_soak::week(requests, threads);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const double mebibyte = 1'048'576.0;
    std::printf("%" PRIu64 " requests in %u threads, %.0f ns each with their feedback\n", seen.served,
                threads, 1e9 * seconds / static_cast<double>(seen.served));
    std::printf("promoted at request %" PRIu64 "; harm from %" PRIu64 " on; rolled back at %" PRIu64 "\n",
                seen.promoted_at, seen.harmful_from, seen.rolled_back_at);
    std::printf("%zu looks kept; memory %.1f MiB after a tenth of the week, %.1f MiB at its end\n",
                seen.looks_kept, static_cast<double>(seen.early_bytes) / mebibyte,
                static_cast<double>(seen.last_bytes) / mebibyte);
    const bool counts = seen.counted == seen.served;
    const bool decides = seen.promoted_at > 0 && seen.promoted_at < seen.harmful_from &&
                         seen.rolled_back_at >= seen.harmful_from &&
                         seen.rolled_back_at < seen.harmful_from + requests / 20;
    const bool constant =
        static_cast<double>(seen.last_bytes) <= static_cast<double>(seen.early_bytes) + mebibyte;
    std::printf("every request is counted: %s; decisions as they should be: %s; memory constant: %s\n",
                counts ? "yes" : "NO", decides ? "yes" : "NO", constant ? "yes" : "NO");
    return counts && decides && constant && seen.looks_kept <= 200 ? 0 : 1;
}
