// SPDX-License-Identifier: Apache-2.0

// Feeds any bytes to the readers of recorded results. They must return or throw parse_error.

#include <joust/store/csv.hpp>
#include <joust/store/json.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

void check(const joust::recorded& results)
{
    for (const joust::recorded::row& row : results.rows) {
        const bool inside = row.id < results.ids.size() && row.arm < results.arms.size() &&
                            row.metric < results.metrics.size();
        const bool finite = row.value - row.value == 0.0;
        if (!inside || !finite) {
            std::abort();
        }
    }
    // Results that are merged with themselves have the same names and twice the rows.
    const joust::recorded twice = joust::merged(results, results);
    if (twice.ids != results.ids || twice.rows.size() != 2 * results.rows.size()) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0) {
        return 0;
    }
    const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
    try {
        switch (data[0] % 3) {
            case 0: check(joust::read_results(text)); break;
            case 1: check(joust::read_results_csv(text)); break;
            default: check(joust::read_benchmark(text, "arm")); break;
        }
    } catch (const joust::parse_error&) {
    }
    return 0;
}
