// SPDX-License-Identifier: Apache-2.0

#include <joust/core/error.hpp>
#include <joust/core/random.hpp>
#include <joust/interleave/interleaver.hpp>
#include <joust/interleave/roughly_optimized.hpp>

#include "catch.hpp"
#include "interleave/laws.hpp"

#include <cmath>
#include <limits>

using namespace joust_test;
using joust::credit_shares;
using joust::draft;
using joust::roughly_optimized;

namespace {

/// The largest difference of two rankers' expected credit up to a position, and the slots that are decided.
struct roughness {
    double bias = 0.0;
    unsigned slots = 0;
};

roughness judge_roughly(const roughly_optimized& policy, const list_set& all, std::size_t length)
{
    const auto spans = views(all);
    const joust::detail::list_pattern pattern{spans, length};
    joust::detail::law_request asked;
    asked.bias_weight = policy.bias_weight;
    roughness found{0.0, joust::detail::law_cache::law(pattern, asked).slots};
    std::vector<std::vector<double>> earned(length, std::vector<double>(all.size()));
    enumerator coins;
    draft out{length};
    credit_shares shares;
    while (coins.next()) {
        policy.arrange(spans, coins, out);
        policy.share_credit(spans, out, shares);
        for (std::size_t r = 0; r < all.size(); ++r) {
            double sum = 0.0;
            for (std::size_t i = 0; i < out.size(); ++i) {
                sum += shares.at(i, static_cast<unsigned>(r));
                earned[i][r] += static_cast<double>(coins.chance()) * sum;
            }
        }
    }
    for (const auto& at : earned) {
        for (const double x : at) {
            found.bias = std::fmax(found.bias, std::fabs(x - at[0]));
        }
    }
    return found;
}

}  // namespace

TEST_CASE("a large weight makes the law fair wherever one can be")
{
    for (const list& b : arrangements(4, 4)) {
        const list_set all{first_documents(4), b};
        const roughness found = judge_roughly({.bias_weight = 1'000.0}, all, 4);
        CHECK(found.slots == 4);
        CHECK(found.bias <= 1e-9);
    }
}

TEST_CASE("there is always a law, and a smaller weight of fairness makes it less fair")
{
    const list_set short_one{{1, 2}, {3, 4, 5, 6, 7}};
    const roughness cheap = judge_roughly({.bias_weight = 0.0}, short_one, 5);
    const roughness expensive = judge_roughly({.bias_weight = 10.0}, short_one, 5);
    CHECK(cheap.slots == 5);
    CHECK(expensive.slots == 5);
    CHECK(expensive.bias > 0.01);  // no law is fair for all five slots
    CHECK(expensive.bias <= cheap.bias);
    for (const list& b : arrangements(4, 0, 3)) {
        for (const list& c : arrangements(4, 1, 2)) {
            const list_set all{first_documents(3), b, c};
            std::size_t items = 3;
            for (joust::item_key d = 4; d <= 4; ++d) {
                items +=
                    std::find(b.begin(), b.end(), d) != b.end() || std::find(c.begin(), c.end(), d) != c.end()
                        ? 1u
                        : 0u;
            }
            REQUIRE(judge_roughly({}, all, 4).slots == std::min<std::size_t>(items, 4));
        }
    }
}

TEST_CASE("with many rankers as many slots are decided as the programme has rows for")
{
    joust::keyed_random random{3, 3};
    list_set all(5);
    for (list& l : all) {
        l = first_documents(10);
        std::swap(l[0], l[random.below(3)]);
    }
    const roughness found = judge_roughly({}, all, 10);
    CHECK(found.slots == 6);  // 1 + 5 * 6 rows
}

TEST_CASE("invalid weights are refused, and sixteen rankers are refused too")
{
    joust::keyed_random coins{1, 1};
    draft out{3};
    const list_set two{{1, 2}, {2, 1}};
    for (const double weight :
         {-1.0, 2e6, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        CHECK_THROWS_AS((roughly_optimized{.bias_weight = weight}.validate()), joust::configuration_error);
        CHECK_THROWS_AS((roughly_optimized{.bias_weight = weight}.interleave(views(two), coins, out)),
                        joust::configuration_error);
    }
    const list_set many(16, list{1});
    CHECK_THROWS_AS(roughly_optimized{}.interleave(views(many), coins, out), joust::configuration_error);
}

TEST_CASE("roughly optimized is an interleaver that shares credit, and a plain value")
{
    STATIC_REQUIRE(joust::interleaver<roughly_optimized>);
    STATIC_REQUIRE(joust::shares_credit<roughly_optimized>);
    STATIC_REQUIRE(roughly_optimized{} == roughly_optimized{});
    CHECK(roughly_optimized{}.bound(4, 3) == 2.0 * 4 / 5);
}
