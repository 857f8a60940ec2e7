// SPDX-License-Identifier: Apache-2.0

#include <joust/numeric/order.hpp>

#include "stats/support.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

namespace detail = joust::stats::detail;

TEST_CASE("positions come in the order of the standard library's stable sort")
{
    joust_test::engine random{163};
    for (std::size_t n = 0; n < 200; ++n) {
        std::vector<double> x;
        for (std::size_t i = 0; i < n; ++i) {
            x.push_back(std::floor(20.0 * random.uniform()));
        }
        const auto before = [&](std::size_t a, std::size_t b) { return x[a] < x[b]; };
        std::vector<std::size_t> want(n);
        std::iota(want.begin(), want.end(), std::size_t{0});
        std::stable_sort(want.begin(), want.end(), before);
        CHECK(detail::order_by(n, before) == want);
    }
}

TEST_CASE("selection finds what sorting would put there: ties, sorted, reversed, constant")
{
    joust_test::engine random{167};
    for (std::size_t n = 1; n < 60; ++n) {
        for (int kind = 0; kind < 5; ++kind) {
            std::vector<double> x;
            for (std::size_t i = 0; i < n; ++i) {
                const double at = static_cast<double>(i);
                x.push_back(kind == 0   ? random.uniform()
                            : kind == 1 ? std::floor(4.0 * random.uniform())
                            : kind == 2 ? at
                            : kind == 3 ? -at
                                        : 1.0);
            }
            std::vector<double> sorted = x;
            std::sort(sorted.begin(), sorted.end());
            for (std::size_t place = 0; place < n; ++place) {
                std::vector<double> copy = x;
                CHECK(detail::select_value(copy, place) == sorted[place]);
            }
        }
    }
}
