// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/core/write.hpp>
#include <joust/inference/aa_check.hpp>
#include <joust/inference/always_valid.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/inference/hybrid.hpp>

#include "catch.hpp"

#include <cmath>
#include <limits>
#include <string>

namespace {

using joust::aa_check;

/// What teams do without a library: z at every look, as if it were the only one.
struct peeking_z {
    double alpha = 0.05;
    double units = 0;
    joust::inference infer(const joust::look& at, const joust::question& asked, joust::test_memory&) const
    {
        joust::test_memory none;
        return joust::fixed_horizon{.units = 0}.infer(at, asked, none);
    }
};

template <class Check>
void serve(Check& check, int calls, int looks, std::uint64_t users)
{
    joust::keyed_random random{7};
    for (int i = 1; i <= calls; ++i) {
        const std::uint64_t user = joust::mix64(random.below(users));
        check.expose(user);
        // Each user has a level of its own: requests are far from independent.
        const double level = joust::keyed_random{user}.uniform();
        if (random.chance(0.3 * level)) {
            check.observe(user, 1.0);
        }
        if (i % (calls / looks) == 0) {
            check.look();
        }
    }
}

}  // namespace

TEST_CASE("A sound method alarms rarely on a model against itself, a peeking one often")
{
    aa_check check{joust::aa_options{.splits = 150}, joust::always_valid{.units = 10'000},
                   joust::fixed_horizon{.units = 10'000}, joust::hybrid{.units = 10'000}, peeking_z{}};
    serve(check, 10'000, 20, 2'000);
    const joust::aa_table table = check.table();
    REQUIRE(table.rows.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
        CAPTURE(i, table.rows[i].alarms, table.rows[i].allowed);
        CHECK(table.rows[i].judged == 150);
        CHECK(table.rows[i].holds() == (i < 3));
    }
    CHECK(table.rows[3].alarms > 22);
    CHECK(table.rows[0].method == "normal mixture, clusters of units");
    CHECK(table.exposures == 10'000);
    CHECK(table.looks == 20);
    const std::string text = joust::to_text(table);
    CHECK(text.find("alarms too often") != std::string::npos);
    CHECK(text.find("10,000 exposures, split at random 150 times, looked at 20 times") != std::string::npos);
    const std::string json = joust::to_text(table, joust::style::json);
    CHECK(json.find("\"splits\":150") != std::string::npos);
    CHECK(joust::to_text(table, joust::style::line).find(" of 150 alarms; ") != std::string::npos);
    CHECK(joust::to_text(table, joust::style::markdown).find("|") != std::string::npos);
}

TEST_CASE("The splits are halves of the units, each its own, and the same ones for the same seed")
{
    const auto alarms = [](std::uint64_t seed) {
        aa_check check{joust::aa_options{.splits = 70, .seed = seed}, peeking_z{}};
        serve(check, 4'000, 10, 500);
        return check.table();
    };
    CHECK(alarms(1) == alarms(1));
    CHECK_FALSE(alarms(1) == alarms(2));
}

TEST_CASE("What chance allows is the binomial quantile")
{
    CHECK(joust::detail::alarms_by_chance(10'000, 0.05) == 569);
    CHECK(joust::detail::alarms_by_chance(1, 0.05) == 1);
}

TEST_CASE("An A/A check says what it cannot do")
{
    CHECK_THROWS_AS((aa_check{joust::aa_options{.splits = 0}, joust::always_valid{}}),
                    joust::configuration_error);
    CHECK_THROWS_AS((aa_check{joust::aa_options{.splits = 10'001}, joust::always_valid{}}),
                    joust::configuration_error);
    aa_check check{joust::aa_options{.splits = 2}, joust::always_valid{}};
    check.observe(1, std::nan(""));
    check.observe(1, std::numeric_limits<double>::infinity());
    check.look();
    const joust::aa_table table = check.table();
    CHECK(table.rows[0].judged == 0);
    CHECK(joust::to_text(table).find("not judged yet") != std::string::npos);
}
