// SPDX-License-Identifier: Apache-2.0

#include <joust/quality/rank_biased_overlap.hpp>

#include "stats/support.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <set>
#include <span>
#include <string_view>
#include <vector>

namespace quality = joust::quality;
using joust::status;
using quality::rank_ties;

namespace {

using list = std::vector<int>;
using scored = std::vector<quality::scored_item<int>>;

double overlap_at(const list& a, const list& b, std::size_t depth)
{
    const std::set<int> first(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(std::min(depth, a.size())));
    double both = 0.0;
    for (std::size_t i = 0; i < std::min(depth, b.size()); ++i) {
        both += first.count(b[i]) != 0 ? 1.0 : 0.0;
    }
    return both;
}

// The sum itself, to a depth where the rest is below 1e-17.
double plain_overlap(const list& a, const list& b, double p)
{
    double total = 0.0;
    const std::size_t deep = static_cast<std::size_t>(-40.0 / std::log(p)) + 1;
    for (std::size_t d = 1; d <= deep; ++d) {
        total += (1.0 - p) * std::pow(p, static_cast<double>(d) - 1.0) * overlap_at(a, b, d) /
                 static_cast<double>(d);
    }
    return total;
}

// The extrapolation of Webber, Moffat and Zobel as joust understands it: agreement stays the same, and documents of the shorter
// list that are not seen are common at the rate of those that are.
double plain_extrapolated(const list& a, const list& b, double p)
{
    const std::size_t s = std::min(a.size(), b.size()), l = std::max(a.size(), b.size());
    const double rate = overlap_at(a, b, s) / static_cast<double>(s);
    const std::size_t deep = static_cast<std::size_t>(-40.0 / std::log(p)) + l;
    double total = 0.0, agreement = 0.0;
    for (std::size_t d = 1; d <= deep; ++d) {
        const double depth = static_cast<double>(d);
        if (d <= l) {
            const double unseen = d > s ? static_cast<double>(d - s) * rate : 0.0;
            agreement = (overlap_at(a, b, d) + unseen) / depth;
        }
        total += (1.0 - p) * std::pow(p, depth - 1.0) * agreement;
    }
    return total;
}

std::vector<list> orders_of(const scored& items)
{
    std::vector<std::size_t> order(items.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::vector<list> all;
    do {
        bool sorted = true;
        for (std::size_t i = 0; i + 1 < order.size(); ++i) {
            sorted = sorted && items[order[i]].score >= items[order[i + 1]].score;
        }
        if (sorted) {
            list ids;
            for (const std::size_t i : order) {
                ids.push_back(items[i].id);
            }
            all.push_back(ids);
        }
    } while (std::next_permutation(order.begin(), order.end()));
    return all;
}

scored draw(joust_test::engine& random, std::size_t most)
{
    const std::size_t n = 1 + random.next() % most;
    list ids(8);
    std::iota(ids.begin(), ids.end(), 0);
    for (std::size_t i = 0; i < n; ++i) {
        std::swap(ids[i], ids[i + random.next() % (ids.size() - i)]);
    }
    scored out;
    const double levels = 1.0 + static_cast<double>(random.next() % 6);
    for (std::size_t i = 0; i < n; ++i) {
        out.push_back({ids[i], std::floor(random.uniform() * levels)});
    }
    return out;
}

quality::overlap compare(const list& a, const list& b, double p)
{
    return quality::rank_biased_overlap(std::span<const int>{a}, std::span<const int>{b}, {.p = p});
}

}  // namespace

TEST_CASE("extrapolated overlap is its infinite sum, and with ties the mean over all orders of both lists")
{
    joust_test::engine random{21};
    double worst = 0.0;
    for (int round = 0; round < 200; ++round) {
        const scored a = draw(random, 6), b = draw(random, 6);
        const double p = 0.3 + 0.65 * random.uniform();
        const std::vector<list> first = orders_of(a), second = orders_of(b);
        if (first.size() * second.size() > 3000) {
            continue;
        }
        double mean = 0.0, lower = 0.0, upper = 0.0;
        for (const list& x : first) {
            for (const list& y : second) {
                mean += plain_extrapolated(x, y, p);
                const quality::overlap one = compare(x, y, p);
                lower += one.lower;
                upper += one.upper;
            }
        }
        const double all = static_cast<double>(first.size() * second.size());
        const quality::overlap found = quality::rank_biased_overlap(a, b, {.p = p});
        REQUIRE(found.state == status::ok);
        REQUIRE(std::fabs(found.extrapolated - mean / all) < 1e-13);
        REQUIRE(std::fabs(found.lower - lower / all) < 1e-13);
        REQUIRE(std::fabs(found.upper - upper / all) < 1e-13);
        REQUIRE(found.lower <= found.extrapolated + 1e-13);
        REQUIRE(found.extrapolated <= found.upper + 1e-13);
        REQUIRE(quality::rank_biased_overlap(b, a, {.p = p}).extrapolated ==
                Approx(found.extrapolated).epsilon(1e-14));
        worst = std::max(worst, std::fabs(found.extrapolated - mean / all));
    }
    WARN("largest distance " << worst);
}

TEST_CASE("the ends are reached by the worst and the best continuation")
{
    joust_test::engine random{22};
    for (int round = 0; round < 200; ++round) {
        list a, b;
        for (const auto& item : draw(random, 8)) {
            a.push_back(item.id);
        }
        for (const auto& item : draw(random, 8)) {
            b.push_back(item.id);
        }
        const double p = 0.4 + 0.55 * random.uniform();
        const quality::overlap found = compare(a, b, p);
        REQUIRE(found.lower == Approx(plain_overlap(a, b, p)).epsilon(1e-12).margin(1e-14));
        // Best: each list goes on with what the other showed and it did not, then both with the same.
        list best_a = a, best_b = b;
        const auto extend = [](list& to, const list& from) {
            for (const int id : from) {
                if (std::find(to.begin(), to.end(), id) == to.end()) {
                    to.push_back(id);
                }
            }
        };
        extend(best_a, b);
        extend(best_b, a);
        const std::size_t deep = static_cast<std::size_t>(-40.0 / std::log(p)) + 20;
        for (int id = 100; best_a.size() < deep; ++id) {
            best_a.push_back(id);
            best_b.push_back(id);
        }
        REQUIRE(found.upper == Approx(plain_overlap(best_a, best_b, p)).epsilon(1e-12));
    }
}

TEST_CASE("closed forms of rank-biased overlap")
{
    const list abc{1, 2, 3};
    for (const double p : {0.1, 0.5, 0.9, 0.99}) {
        const quality::overlap same = compare(abc, abc, p);
        CHECK(same.extrapolated == Approx(1.0).epsilon(1e-14));
        CHECK(same.upper == Approx(1.0).epsilon(1e-14));
        // 3 common documents ever: 1 - p + p - p^2 + p^2 - p^3 and then 3 / d.
        const double tail = -std::log1p(-p) - p - p * p / 2.0 - p * p * p / 3.0;
        CHECK(same.lower == Approx(1.0 - p * p * p + 3.0 * (1.0 - p) / p * tail).epsilon(1e-12));
        const quality::overlap apart = compare(abc, {4, 5, 6}, p);
        CHECK(apart.extrapolated == 0.0);
        CHECK(apart.lower == 0.0);
        // One common document, first in both: A_d = 1 / d to depth 3, and 1 / 3 beyond.
        CHECK(compare(abc, {1, 5, 6}, p).extrapolated ==
              Approx((1.0 - p) * (1.0 + p / 2.0 + p * p / 3.0) + p * p * p / 3.0).epsilon(1e-14));
        // The last two swapped: only depth 2 disagrees, by half.
        CHECK(compare(abc, {1, 3, 2}, p).extrapolated == Approx(1.0 - (1.0 - p) * p / 2.0).epsilon(1e-14));
    }
    // All tied against a strict order: at depth d each of d documents is within with d / 3.
    const scored tied{{1, 0.0}, {2, 0.0}, {3, 0.0}}, strict{{1, 3.0}, {2, 2.0}, {3, 1.0}};
    CHECK(quality::rank_biased_overlap(tied, strict, {.p = 0.5}).extrapolated ==
          Approx(0.5 * (1.0 / 3.0 + 0.5 * 2.0 / 3.0 + 0.25) + 0.125).epsilon(1e-14));
    CHECK(quality::rank_biased_overlap(tied, strict, {.p = 0.5, .ties = rank_ties::by_input}).extrapolated ==
          Approx(1.0).epsilon(1e-14));
    CHECK(quality::rank_biased_overlap(tied, strict, {.p = 0.5, .ties = rank_ties::by_id}).extrapolated ==
          Approx(compare({3, 2, 1}, abc, 0.5).extrapolated).epsilon(1e-14));
}

TEST_CASE("the figures that Corsi and Urbano publish with their definition for ties")
{
    // Of their program's documentation (variant a, p = 0.95): red (blue green) yellow pink against
    // (blue red) white (yellow black purple) green. Lists of two lengths, a group across the end of the shorter one.
    using words = std::vector<quality::scored_item<std::string_view>>;
    const words one{{"red", 4}, {"blue", 3}, {"green", 3}, {"yellow", 2}, {"pink", 1}};
    const words two{{"blue", 4},  {"red", 4},    {"white", 3}, {"yellow", 2},
                    {"black", 2}, {"purple", 2}, {"green", 1}};
    const quality::overlap found = quality::rank_biased_overlap(one, two, {.p = 0.95});
    CHECK(std::fabs(found.extrapolated - 0.6922853) < 5e-8);
    CHECK(std::fabs(found.lower - 0.3310519) < 5e-8);
    CHECK(std::fabs(found.upper - 0.8930692) < 5e-8);
}

TEST_CASE("lists that cannot be compared have a status")
{
    const list abc{1, 2, 3};
    CHECK(compare({}, abc, 0.9).state == status::too_few);
    CHECK(compare(abc, {}, 0.9).state == status::too_few);
    CHECK(compare(abc, {1, 2, 1}, 0.9).state == status::out_of_range);
    for (const double p : {0.0, 1.0, -0.5, std::nan("")}) {
        const quality::overlap found = compare(abc, abc, p);
        CHECK(found.state == status::out_of_range);
        CHECK(std::isnan(found.extrapolated));
    }
    const scored bad{{1, std::nan("")}}, good{{1, 1.0}};
    CHECK(quality::rank_biased_overlap(bad, good).state == status::out_of_range);
    CHECK(quality::rank_biased_overlap(good, good, {.ties = rank_ties::pessimistic}).state ==
          status::out_of_range);
    const std::vector<std::string_view> words{"x", "y"};
    CHECK(quality::rank_biased_overlap(std::span<const std::string_view>{words},
                                       std::span<const std::string_view>{words})
              .extrapolated == Approx(1.0).epsilon(1e-14));
}
