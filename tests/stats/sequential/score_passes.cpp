// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/core/two_doubles.hpp>
#include <joust/stats/sequential/score_passes.hpp>

#include "catch.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

using namespace joust;
using namespace joust::stats::detail;

namespace {

/// Random columns of so many buckets.
struct columns {
    std::array<std::vector<double>, 14> of;

    columns(std::size_t size, std::uint64_t seed)
    {
        keyed_random random{seed};
        for (auto& each : of) {
            for (std::size_t i = 0; i < size; ++i) {
                each.push_back(random.chance(0.1) ? 0.0 : 10.0 * random.uniform());
            }
        }
    }
    [[nodiscard]] bucket_scores scores(double level, double scale, double sign) const
    {
        return {of[0].data(),  of[1].data(),  of[2].data(), of[3].data(), of[4].data(),  of[5].data(),
                of[6].data(),  of[7].data(),  of[8].data(), of[9].data(), of[10].data(), of[11].data(),
                of[12].data(), of[13].data(), level,        scale,        sign,          of[0].size()};
    }
};

struct plain_sums {
    long double first[7]{};
    long double second[13]{};
};

plain_sums plain(const bucket_scores& in, const explained_part& part)
{
    plain_sums sums;
    for (std::size_t i = 0; i < in.size; ++i) {
        const auto wide = [](double x) { return static_cast<long double>(x); };
        const long double q = wide(in.q1[i]) - wide(in.q0[i]);
        const long double k = wide(in.k1[i]) + wide(in.k0[i]);
        const long double level = wide(in.level);
        const long double scale = wide(in.scale);
        const long double a =
            wide(in.p1[i]) - level * wide(in.one[i]) - scale * (wide(in.p0[i]) - level * wide(in.zero[i]));
        const long double c = wide(in.g1[i]) - level * wide(in.free_one[i]) +
                              scale * (wide(in.g0[i]) - level * wide(in.free_zero[i]));
        const long double b = wide(in.sign) * wide(in.slope[i]);
        const long double d = wide(in.sign) * wide(in.free_slope[i]);
        const long double r0 = a - wide(part.at_zero) * q;
        const long double r1 = b - wide(part.slope) * q;
        const long double e0 = c - wide(part.at_zero) * k - wide(part.c_mean);
        const long double e1 = d - wide(part.slope) * k - wide(part.d_mean);
        const long double first[] = {q * q, a * a, a * q, b * q, k, c, d};
        const long double second[] = {r0,
                                      r1,
                                      r0 * r0,
                                      r0 * r1,
                                      r1 * r1,
                                      e0 * e0,
                                      e0 * e1,
                                      e1 * e1,
                                      r0 * r0 * r0 * r0,
                                      4.0L * r0 * r0 * r0 * r1,
                                      6.0L * r0 * r0 * r1 * r1,
                                      4.0L * r0 * r1 * r1 * r1,
                                      r1 * r1 * r1 * r1};
        for (std::size_t j = 0; j < 7; ++j) {
            sums.first[j] += first[j];
        }
        for (std::size_t j = 0; j < 13; ++j) {
            sums.second[j] += second[j];
        }
    }
    return sums;
}

void check(const first_sums& seen, const second_sums& then, const plain_sums& want)
{
    const double first[] = {seen.qq, seen.aa, seen.aq, seen.bq, seen.k, seen.c, seen.d};
    const double second[] = {then.s0,        then.s1,        then.v00,      then.v01,       then.v11,
                             then.f00,       then.f01,       then.f11,      then.fourth[0], then.fourth[1],
                             then.fourth[2], then.fourth[3], then.fourth[4]};
    const auto close = [](double x, long double y) {
        CHECK(std::fabs(x - static_cast<double>(y)) <= 1e-12 * (1.0 + std::fabs(static_cast<double>(y))));
    };
    for (std::size_t j = 0; j < 7; ++j) {
        close(first[j], want.first[j]);
    }
    for (std::size_t j = 0; j < 13; ++j) {
        close(second[j], want.second[j]);
    }
}

}  // namespace

TEST_CASE(
    "Sums over several buckets at a time are those over one after the other, whatever the number of buckets")
{
    using two = joust::detail::two_doubles;
    for (const std::size_t size : {0U, 1U, 2U, 3U, 5U, 30U, 127U, 1'024U}) {
        const columns made{size, 3 + size};
        constexpr explained_part part{.at_zero = 0.7, .slope = -0.3, .c_mean = 2.0, .d_mean = -1.5};
        const bucket_scores mean = made.scores(0.0, 1.0, -1.0);
        const bucket_scores ratio = made.scores(0.4, 1.7, 1.0);
        CAPTURE(size);
        check(first_pass(mean), second_pass(mean, part, true), plain(mean, part));
        check(first_pass(ratio), second_pass(ratio, part, true), plain(ratio, part));
        // The path of machines that have vectors of two numbers alone.
        first_sums seen{};
        second_sums then{};
        passes_by<two, false>::first(mean, seen);
        passes_by<two, false>::second(mean, part, true, then);
        check(seen, then, plain(mean, part));
        seen = {};
        then = {};
        passes_by<two, true>::first(ratio, seen);
        passes_by<two, true>::second(ratio, part, true, then);
        check(seen, then, plain(ratio, part));
        long double total = 0.0L;
        std::size_t some = 0;
        for (const double each : made.of[0]) {
            total += static_cast<long double>(each);
            some += each != 0.0 ? 1U : 0U;
        }
        CHECK(std::fabs(total_of(made.of[0]) - static_cast<double>(total)) <=
              1e-12 * (1.0 + static_cast<double>(total)));
        CHECK(nonzero_of(made.of[0]) == some);
    }
}
