// SPDX-License-Identifier: Apache-2.0

#include <joust/metric/conversion.hpp>
#include <joust/metric/mean.hpp>
#include <joust/metric/metric.hpp>
#include <joust/trial/ab_test.hpp>

#include "catch.hpp"

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace {

using joust::better;
using joust::cell;
using joust::detail::accumulates;
using joust::detail::direction_of;

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

// A metric of a user: a name and add(), and nothing else.
struct seats {
    static constexpr std::string_view name() { return "seats"; }
    void add(cell& c, double value) const
    {
        c.value = 2.0 * value;
        c.refused = value < 0.0;
    }
};

struct waiting : seats {
    enum better better = better::down;
    bool accumulate = true;
};

struct odd : seats {
    int better = 1;               // not a direction
    const char* accumulate = "";  // converts to bool, as documented for any member that does
};

struct nameless {
    void add(cell&, double) const {}
};
struct silent {
    static constexpr std::string_view name() { return "silent"; }
};
struct changing {
    static constexpr std::string_view name() { return "changing"; }
    void add(cell&, double) {}
};

static_assert(joust::metric<seats>);
static_assert(joust::metric<joust::conversion<"x">>);
static_assert(joust::metric<joust::mean<"x">>);
static_assert(!joust::metric<nameless>);
static_assert(!joust::metric<silent>);
static_assert(!joust::metric<changing>);
static_assert(joust::metric_role::resembles<nameless>);
static_assert(!joust::metric_role::resembles<silent>);
static_assert(joust::metric_role::repeats);

}  // namespace

TEST_CASE("a metric improves upwards and takes one value for a ticket unless it says otherwise")
{
    CHECK(direction_of(seats{}) == better::up);
    CHECK(direction_of(waiting{}) == better::down);
    CHECK(direction_of(odd{}) == better::up);
    CHECK(direction_of(joust::mean<"x">{}) == better::up);
    CHECK(direction_of(joust::mean<"x">{.better = better::down}) == better::down);
    CHECK(direction_of(joust::conversion<"x">{.better = better::down}) == better::down);
    CHECK_FALSE(accumulates(seats{}));
    CHECK(accumulates(waiting{}));
    CHECK(accumulates(odd{}));
    CHECK_FALSE(accumulates(joust::mean<"x">{}));
    CHECK(accumulates(joust::mean<"x">{.accumulate = true}));
    CHECK_FALSE(accumulates(joust::conversion<"x">{}));
}

TEST_CASE(
    "values that a metric refuses are counted and change nothing; what it accepts is added as it turns it")
{
    joust::ab_test trial{joust::model{"old", [](std::uint64_t) { return 0; }},
                         joust::model{"new", [](std::uint64_t) { return 1; }},
                         joust::by([](std::uint64_t user) { return user; }),
                         joust::hash_split{.salt = "metrics"},
                         joust::conversion<"click">{},
                         joust::mean<"revenue">{.cap = 10.0},
                         joust::mean<"dwell">{.accumulate = true},
                         seats{}};
    const auto invalid = [&] {
        return trial.evidence().ignored[static_cast<std::size_t>(joust::detail::ignored::invalid_value)];
    };
    const auto repeated = [&] {
        return trial.evidence().ignored[static_cast<std::size_t>(joust::detail::ignored::repeated)];
    };
    // Sums of x times the propensity of the other arm, over all buckets; both shares are a half.
    const auto total = [&](std::size_t series) {
        const joust::bucket_sums sums = trial.evidence().pairs[0].series[series];
        double all = 0.0;
        for (std::size_t b = 0; b < joust::bucket_count; ++b) {
            all += sums.challenger[b] + sums.champion[b];
        }
        return 2.0 * all;
    };
    const auto count = [&](std::size_t series) {
        const joust::bucket_sums sums = trial.evidence().pairs[0].series[series];
        return sums.challenger_count + sums.champion_count;
    };
    const auto ticket = trial.serve(std::uint64_t{1}).ticket;
    std::uint64_t refused = 0;
    for (const double value : {not_a_number, inf, -inf, 0.5, -1.0, 2.0, 1.0 + 1e-15, 5e-324}) {
        CHECK_FALSE(trial.observe<"click">(ticket, value));
        CHECK(invalid() == ++refused);
    }
    for (const double value : {not_a_number, inf, -inf}) {
        CHECK_FALSE(trial.observe<"revenue">(ticket, value));
        CHECK_FALSE(trial.observe<"dwell">(ticket, value));
        CHECK_FALSE(trial.observe<"seats">(ticket, value));
        CHECK(invalid() == (refused += 3));
    }
    CHECK_FALSE(trial.observe<"seats">(ticket, -1.0));
    CHECK_FALSE(trial.observe<"seats">(ticket, 1.7e308));  // doubles to infinity
    CHECK(invalid() == (refused += 2));
    for (const std::size_t series : {2U, 3U, 4U, 5U}) {
        CHECK(count(series) == 0);
    }
    // A refused value does not use up the ticket.
    CHECK(trial.observe<"click">(ticket, 1.0));
    CHECK(trial.observe<"revenue">(ticket, 25.0));
    CHECK(trial.observe<"seats">(ticket, 3.0));
    CHECK(total(2) == 1.0);
    CHECK(total(3) == 10.0);
    CHECK(total(5) == 6.0);
    CHECK_FALSE(trial.observe<"click">(ticket, 1.0));
    CHECK_FALSE(trial.observe<"revenue">(ticket, 1.0));
    CHECK_FALSE(trial.observe<"seats">(ticket, 1.0));
    CHECK(repeated() == 3);
    CHECK(total(3) == 10.0);
    // Only what accumulates adds up.
    CHECK(trial.observe<"dwell">(ticket, 1.5));
    CHECK(trial.observe<"dwell">(ticket, -0.25));
    CHECK(trial.observe<"dwell">(ticket, 2.0));
    CHECK(total(4) == 3.25);
    CHECK(count(4) == 3);
    CHECK(repeated() == 3);
    CHECK(invalid() == refused);
}
