// SPDX-License-Identifier: Apache-2.0

#include <joust/interleave/balanced.hpp>
#include <joust/interleave/competitive_pairs.hpp>
#include <joust/interleave/pairwise_preference.hpp>
#include <joust/interleave/probabilistic.hpp>
#include <joust/interleave/sample_only_scored.hpp>
#include <joust/interleave/team_draft.hpp>

#include "catch.hpp"
#include "interleave/laws_balanced.hpp"
#include "interleave/laws_shares.hpp"
#include "interleave/laws_universes.hpp"
#include "interleave/reference.hpp"
#include "sanitized.hpp"

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

// The table of docs/evidence/interleaving.md: every method over all cases, and whether positions alone can make a ranker win.

using namespace joust_test;

namespace {

struct row {
    std::string method;
    std::string universe;
    /// is it claimed that no case is biased?
    bool fair;
    std::function<tally()> result;
};

/// In full for the guide, with fewer relabelled copies of a case in each test run, and fewer still under sanitizers.
std::vector<row> rows(bool in_full)
{
    const bool brief = joust_tests::sanitized;
    const std::string few = "5 documents, lists of 1 to 3, slates of 1 to 4";
    const std::string overlapping = "5 documents, lists of 0 to 4, slates of 0 to 7";
    const std::string small = "4 documents, lists of 0 to 3, slates of 0 to 5";
    const std::string permuted = "permutations of up to 5, slates up to n + 2";
    const std::string permuted_four = "permutations of up to 4, slates up to n + 2";
    const std::string seventy_two = "permutations of 4, slates of 2 to 4";
    const std::string longer = "5 documents, lists no shorter than the slate";
    const std::string three = "3 rankers, permutations of 4, slates of 1 to 4";
    const std::string three_of_three = "3 rankers, permutations of 3, slates of 1 to 3";
    const std::string three_few = "3 rankers, 4 documents, short lists, slates of 1 to 6";
    const std::string three_of_few = "3 rankers, 3 documents, short lists, slates of 1 to 5";
    std::vector<row> all;
    const auto add = [&](const std::string& method, const std::string& universe, bool fair, auto result) {
        all.push_back({method, universe, fair, result});
    };

    const auto pairs = by_teams(joust::competitive_pairs{});
    add("competitive pairs", few, true, [=] { return short_lists(pairs); });
    add("competitive pairs", overlapping, true, [=] { return partial_overlaps(pairs, in_full); });
    add("competitive pairs", permuted, true, [=] { return permutations(pairs); });

    const auto teams = by_teams(joust::team_draft{});
    add("team draft", few, true, [=] { return short_lists(teams); });
    add("team draft", overlapping, true, [=] { return partial_overlaps(teams, in_full); });
    add("team draft", permuted, true, [=] { return permutations(teams); });
    add("team draft", longer, true, [=] { return long_enough_lists(teams); });
    add("team draft", three, true, [=] { return three_rankers(teams); });
    if (!brief) {
        add("team draft", three_few, true, [=] { return three_short_rankers(teams); });
    }

    const auto published = by_teams(team_draft_reference{.credit_all = true});
    const std::string every_slot = "team draft, every slot credited";
    add(every_slot, few, false, [=] { return short_lists(published); });
    add(every_slot, overlapping, false, [=] { return partial_overlaps(published, in_full); });
    add(every_slot, longer, false, [=] { return long_enough_lists(published); });
    if (!brief) {
        add(every_slot, three_few, false, [=] { return three_short_rankers(published); });
    }

    const auto chances = by_shares(joust::probabilistic{});
    add("probabilistic", seventy_two, true, [=] { return permutations_of(4, 2, 4, chances); });
    add("probabilistic", permuted_four, true, [=] { return permutations(chances, 4); });
    add("probabilistic", small, true, [=] { return small_overlaps(chances); });
    add("probabilistic", three_of_three, true, [=] { return three_rankers(chances, 3); });
    if (in_full) {
        add("probabilistic", few, true, [=] { return short_lists(chances); });
        add("probabilistic", overlapping, true, [=] { return partial_overlaps(chances); });
        add("probabilistic", three_of_few, true, [=] { return three_short_rankers(chances, 3); });
    }

    const auto preferences = by_outcome(joust::pairwise_preference{});
    const std::string every_pattern = "pairwise preference, every pattern of clicks";
    add(every_pattern, seventy_two, true, [=] { return permutations_of(4, 2, 4, preferences); });
    add(every_pattern, permuted_four, true, [=] { return permutations(preferences, 4); });
    add(every_pattern, small, true, [=] { return small_overlaps(preferences); });
    add(every_pattern, three_of_three, true, [=] { return three_rankers(preferences, 3); });
    if (in_full) {
        add(every_pattern, few, true, [=] { return short_lists(preferences); });
        add(every_pattern, overlapping, true, [=] { return partial_overlaps(preferences); });
        add(every_pattern, permuted, true, [=] { return permutations(preferences); });
        add(every_pattern, three, true, [=] { return three_rankers(preferences); });
        add(every_pattern, three_few, true, [=] { return three_short_rankers(preferences); });
    }

    const joust::power_curve curve;
    const auto by_its_curve = by_curve(joust::balanced{}, curve);
    const std::string attentive = "balanced, clicks that follow its curve";
    add(attentive, few, true, [=] { return short_lists(by_its_curve); });
    if (!brief) {
        add(attentive, overlapping, true, [=] { return partial_overlaps(by_its_curve, in_full); });
    }
    add(attentive, permuted, true, [=] { return permutations(by_its_curve); });
    add("balanced, other clicks", permuted, false,
        [=] { return permutations(by_shares(joust::balanced{})); });
    add("balanced, classical rule, one click at random", "permutations of 3, slates of 1 to 3", false,
        [=] { return permutations_of(3, 1, 3, by_winner(one_click_at_random)); });
    add("balanced, classical rule, one click at random", "permutations of 4, slates of 1 to 4", false,
        [=] { return permutations_of(4, 1, 4, by_winner(one_click_at_random)); });
    add("balanced, classical rule, one click at random", "permutations of 5, slates of 1 to 5", false,
        [=] { return permutations_of(5, 1, 5, by_winner(one_click_at_random)); });
    add("balanced, classical rule, every pattern of clicks", "permutations of 5, slates of 1 to 5", false,
        [=] { return permutations_of(5, 1, 5, by_winner(each_pattern)); });

    const auto scored = by_shares_exactly(joust::sample_only_scored{});
    add("sample only scored", seventy_two, false, [=] { return permutations_of(4, 2, 4, scored); });
    add("sample only scored", permuted, false, [=] { return permutations(scored); });
    if (!brief) {
        add("sample only scored", overlapping, false, [=] { return partial_overlaps(scored, in_full); });
    }
    const auto alike = [](std::size_t) { return 1.0; };
    add("sample only scored, all positions clicked alike", permuted, true,
        [=] { return permutations(by_curve(joust::sample_only_scored{}, alike)); });

    // Tests of their own watch these: laws_slates_won.cpp.
    if (in_full) {
        const auto pairs_won = by_slates_won(joust::competitive_pairs{});
        const std::string won = ", slates won, every pattern of clicks";
        add("competitive pairs" + won, few, true, [=] { return short_lists(pairs_won); });
        add("competitive pairs" + won, overlapping, true, [=] { return partial_overlaps(pairs_won); });
        add("competitive pairs" + won, permuted, true, [=] { return permutations(pairs_won); });
        const auto teams_won = by_slates_won(joust::team_draft{});
        add("team draft" + won, permuted, true, [=] { return permutations(teams_won); });
        add("team draft" + won, longer, true, [=] { return long_enough_lists(teams_won); });
        add("team draft" + won, three, true, [=] { return three_rankers(teams_won); });
        add("team draft" + won, few, true, [=] { return short_lists(teams_won); });
        add("team draft" + won, overlapping, true, [=] { return partial_overlaps(teams_won); });
        add("team draft" + won, three_few, true, [=] { return three_short_rankers(teams_won); });
        const auto chances_won = by_slates_won(joust::probabilistic{});
        add("probabilistic" + won, permuted_four, true, [=] { return permutations(chances_won, 4); });
        add("probabilistic" + won, small, true, [=] { return small_overlaps(chances_won); });
        add("probabilistic" + won, three_of_three, true, [=] { return three_rankers(chances_won, 3); });
    }
    return all;
}

}  // namespace

TEST_CASE("no position favours a ranker, in any enumerated case of the methods that claim it")
{
    for (const row& r : rows(false)) {
        INFO(r.method << ": " << r.universe);
        const tally result = r.result();
        CHECK(result.cases > 0);
        CHECK(result.improper == 0);
        if (r.fair) {
            CHECK(result.biased == 0);
        } else if (r.universe != "5 documents, lists no shorter than the slate") {
            CHECK(result.biased > 0);
        }
    }
}

TEST_CASE("the numbers of cases are the ones the guide states")
{
    const auto pairs = by_teams(joust::competitive_pairs{});
    CHECK(short_lists(pairs).cases == 1020);
    CHECK(three_rankers(by_teams(joust::team_draft{})).cases == 2304);
    CHECK(partial_overlaps(pairs).cases == 5 * 206 * 8);
    CHECK(permutations_of(4, 2, 4, pairs).cases == 72);
}

TEST_CASE("print the table of the guide", "[.][table]")
{
    std::uint64_t cases = 0;
    std::uint64_t paths = 0;
    std::printf("| interleaver | lists | cases | coin paths | biased |\n|---|---|---:|---:|---:|\n");
    for (const row& r : rows(!joust_tests::sanitized)) {
        const tally result = r.result();
        std::printf("| %s | %s | %llu | %llu | %llu |\n", r.method.c_str(), r.universe.c_str(),
                    static_cast<unsigned long long>(result.cases),
                    static_cast<unsigned long long>(result.paths),
                    static_cast<unsigned long long>(result.biased));
        std::fflush(stdout);
        CHECK(result.improper == 0);
        CHECK((result.biased == 0 || !r.fair));
        cases += result.cases;
        paths += result.paths;
    }
    std::printf("\n%llu cases, %llu coin paths\n", static_cast<unsigned long long>(cases),
                static_cast<unsigned long long>(paths));
    CHECK(cases > (joust_tests::sanitized ? 30'000u : 1'000'000u));
}
