// SPDX-License-Identifier: Apache-2.0

#include <joust/numeric/pairwise.hpp>

#include "stats/support.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace stats = joust::stats;

TEST_CASE("any order statistic of all sums is that of the sorted sums")
{
    joust_test::engine draw{5};
    for (int round = 0; round < 120; ++round) {
        const bool walsh = round % 2 == 1;
        const int kind = round / 2 % 4;
        const auto value = [&] {
            const double u = draw.bell();
            return kind == 0   ? u
                   : kind == 1 ? std::floor(2.0 * u)
                   : kind == 2 ? std::exp(20.0 * u)
                               : u * 1e-300;
        };
        std::vector<double> a, b;
        const std::size_t na = 1 + draw.next() % 60, nb = 1 + draw.next() % 60;
        for (std::size_t i = 0; i < na; ++i) {
            a.push_back(value());
        }
        for (std::size_t i = 0; i < nb; ++i) {
            b.push_back(value());
        }
        std::sort(a.begin(), a.end());
        std::sort(b.begin(), b.end());
        if (walsh) {
            b = a;
        }
        std::vector<double> sums;
        for (std::size_t i = 0; i < a.size(); ++i) {
            for (std::size_t j = walsh ? i : 0; j < b.size(); ++j) {
                sums.push_back(a[i] + b[j]);
            }
        }
        std::sort(sums.begin(), sums.end());
        const stats::detail::pairwise_sums pairs{a, b, walsh};
        REQUIRE(pairs.size() == sums.size());
        for (std::uint64_t k = 1; k <= sums.size(); k += 1 + sums.size() / 40) {
            REQUIRE(pairs.select(k) == sums[k - 1]);
        }
        REQUIRE(pairs.select(sums.size()) == sums.back());
        const std::size_t n = sums.size();
        REQUIRE(pairs.median() == (n % 2 == 1 ? sums[n / 2] : 0.5 * sums[n / 2 - 1] + 0.5 * sums[n / 2]));
    }
}

TEST_CASE("large samples, smooth, lumped and with outliers, are searched to the exact sum")
{
    joust_test::engine draw{6};
    for (const int kind : {0, 1, 2, 3}) {
        for (const bool walsh : {false, true}) {
            std::vector<double> a, b;
            for (int i = 0; i < 9'000; ++i) {
                const auto value = [&] {
                    const double u = draw.bell();
                    return kind == 0   ? u
                           : kind == 1 ? std::floor(3.0 * u)
                           : kind == 2 ? std::exp(30.0 * u)
                                       : (draw.coin(0.01) ? 1e12 * u : std::floor(u));
                };
                a.push_back(value());
                b.push_back(value() - 0.25);
            }
            std::sort(a.begin(), a.end());
            std::sort(b.begin(), b.end());
            if (walsh) {
                b = a;
            }
            const stats::detail::pairwise_sums pairs{a, b, walsh};
            for (const double share : {0.0, 0.001, 0.1, 0.5, 0.77, 0.9999, 1.0}) {
                const auto k = 1 + static_cast<std::uint64_t>(share * static_cast<double>(pairs.size() - 1));
                const double got = pairs.select(k);
                // fewer than k below it, at least k up to it
                std::uint64_t below = 0, up_to = 0;
                for (std::size_t i = 0; i < a.size(); ++i) {
                    const auto first = b.begin() + (walsh ? static_cast<std::ptrdiff_t>(i) : 0);
                    below += static_cast<std::uint64_t>(
                        std::partition_point(first, b.end(), [&](double y) { return a[i] + y < got; }) -
                        first);
                    up_to += static_cast<std::uint64_t>(
                        std::partition_point(first, b.end(), [&](double y) { return a[i] + y <= got; }) -
                        first);
                }
                INFO(kind << ' ' << walsh << ' ' << share);
                CHECK(below < k);
                CHECK(up_to >= k);
            }
        }
    }
}
