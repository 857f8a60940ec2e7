// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/interleave/competitive_pairs.hpp>
#include <joust/interleave/credit.hpp>

#include "catch.hpp"
#include "interleave/laws.hpp"

#include <cmath>
#include <limits>

using joust::award;
using joust::no_team;
using joust::slate_teams;

namespace {

// A B - A B, as two bits each: 0, 1, 3, 0, 1
constexpr slate_teams page{0b01'00'11'01'00, 5, 2};
constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("a click credits the team of its position with one")
{
    const joust::click_credit rule;
    CHECK(rule.credit(page, {0}) == award{0, 1.0});
    CHECK(rule.credit(page, {1}) == award{1, 1.0});
    CHECK(rule.credit(page, {1, 17.0}) == award{1, 1.0});
    CHECK(rule.credit(page, {1, 0.0}) == award{1, 0.0});
    CHECK(rule.credit(page, {2}).team == no_team);
    CHECK(rule.credit(page, {5}).team == no_team);
    CHECK(std::isnan(rule.credit(page, {1, no_number}).amount));
}

TEST_CASE("a grade credits its share of the best grade")
{
    const joust::graded_credit rule{.best = 4.0};
    CHECK(rule.credit(page, {3, 1.0}) == award{0, 0.25});
    CHECK(rule.credit(page, {4, 4.0}) == award{1, 1.0});
    CHECK(rule.credit(page, {4, 5.0}).amount > 1.0);
    CHECK(rule.credit(page, {4, -1.0}).amount < 0.0);
    CHECK(std::isnan(rule.credit(page, {4, no_number}).amount));
    CHECK_NOTHROW(rule.validate());
}

TEST_CASE("a best grade must be positive and finite")
{
    for (const double best : {0.0, -1.0, no_number, std::numeric_limits<double>::infinity()}) {
        CHECK_THROWS_AS((joust::graded_credit{.best = best}.validate()), joust::configuration_error);
    }
}

TEST_CASE("attention credits by its duration, and a sale by its share of a cap")
{
    const joust::dwell_credit dwell{.at_least = 30.0};
    CHECK(dwell.credit(page, {3, 30.0}) == award{0, 1.0});
    CHECK(dwell.credit(page, {4, 29.9}) == award{1, 0.0});
    CHECK(dwell.credit(page, {4, 0.0}) == award{1, 0.0});
    CHECK(dwell.credit(page, {4, -1.0}).amount < 0.0);
    CHECK(dwell.credit(page, {4, no_number}).amount < 0.0);
    const joust::conversion_credit sale{.cap = 200.0};
    CHECK(sale.credit(page, {3, 50.0}) == award{0, 0.25});
    CHECK(sale.credit(page, {4, 200.0}) == award{1, 1.0});
    CHECK(sale.credit(page, {4, 1e9}) == award{1, 1.0});
    CHECK(sale.credit(page, {4, -1.0}).amount < 0.0);
    CHECK(std::isnan(sale.credit(page, {4, no_number}).amount));
    CHECK(sale.credit(page, {4, std::numeric_limits<double>::infinity()}).amount > 1.0);
    for (const double bad : {0.0, -1.0, no_number, std::numeric_limits<double>::infinity()}) {
        CHECK_THROWS_AS((joust::dwell_credit{.at_least = bad}.validate()), joust::configuration_error);
        CHECK_THROWS_AS((joust::conversion_credit{.cap = bad}.validate()), joust::configuration_error);
    }
}

TEST_CASE("pairs are read across items that are pinned between them")
{
    // No team, A, no team, B, B, no team, A.
    const slate_teams pinned{0b00'11'01'01'11'00'11, 7, 2};
    CHECK(joust::compare_pairs(pinned, 0) == joust::pair_outcomes{0, 0, 0, 2});
    CHECK(joust::compare_pairs(pinned, 0b0001000) == joust::pair_outcomes{1, 0, 0, 1});
    CHECK(joust::compare_pairs(pinned, 0b1000010) == joust::pair_outcomes{0, 2, 0, 0});
    CHECK(joust::compare_pairs(pinned, 0b0100101) == joust::pair_outcomes{0, 0, 0, 2});
}

TEST_CASE("a slate prefers the ranker with more clicked slots")
{
    CHECK(joust::preference(page, 0b00000, 1) == 0);
    CHECK(joust::preference(page, 0b00001, 1) == -1);
    CHECK(joust::preference(page, 0b00010, 1) == 1);
    CHECK(joust::preference(page, 0b00011, 1) == 0);
    CHECK(joust::preference(page, 0b00100, 1) == 0);
    CHECK(joust::preference(page, 0b10011, 1) == 1);
    CHECK(joust::preference(page, ~std::uint64_t{0}, 1) == 0);  // clicks past the end give no credit
    CHECK(joust::clicks_for(page, 0b11011, 0) == 2);
}

TEST_CASE("clicks are compared within each pair")
{
    CHECK(joust::compare_pairs(page, 0) == joust::pair_outcomes{0, 0, 0, 2});
    CHECK(joust::compare_pairs(page, 0b00011) == joust::pair_outcomes{0, 0, 1, 1});
    CHECK(joust::compare_pairs(page, 0b10001) == joust::pair_outcomes{1, 1, 0, 0});
    CHECK(joust::compare_pairs(page, 0b10010).difference() == 2);
}

TEST_CASE("pairs read back from the packed teams are the drafted pairs, on every path")
{
    std::uint64_t wrong = 0;
    for (const auto& b : joust_test::arrangements(5, 0, 4)) {
        joust_test::every_path(joust::competitive_pairs{}, {joust_test::first_documents(4), b}, 6,
                               [&](const joust::draft& out, const joust_test::enumerator&) {
                                   const slate_teams codes = slate_teams::of(out, 2);
                                   for (std::uint64_t clicked = 0; clicked < 64; ++clicked) {
                                       joust::pair_outcomes drafted;
                                       for (std::size_t i = 0; i + 1 < out.size(); ++i) {
                                           if (out[i].pair == joust::no_pair ||
                                               out[i].pair != out[i + 1].pair) {
                                               continue;
                                           }
                                           bool by[2] = {};
                                           by[out[i].team] = ((clicked >> i) & 1) != 0;
                                           by[out[i + 1].team] = ((clicked >> (i + 1)) & 1) != 0;
                                           ++(by[0] && by[1] ? drafted.both
                                              : by[0]        ? drafted.champion
                                              : by[1]        ? drafted.challenger
                                                             : drafted.neither);
                                       }
                                       const auto read = joust::compare_pairs(codes, clicked);
                                       wrong += read == drafted ? 0u : 1u;
                                       // The sum over pairs is the difference of all credited clicks.
                                       wrong += read.difference() == joust::clicks_for(codes, clicked, 1) -
                                                                         joust::clicks_for(codes, clicked, 0)
                                                    ? 0u
                                                    : 1u;
                                   }
                               });
    }
    CHECK(wrong == 0);
}
