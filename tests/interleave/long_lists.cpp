// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/interleave/competitive_pairs.hpp>
#include <joust/interleave/long_lists.hpp>
#include <joust/interleave/offers.hpp>
#include <joust/interleave/scratch.hpp>
#include <joust/interleave/team_draft.hpp>

#include "allocations.hpp"
#include "catch.hpp"
#include "interleave/laws.hpp"

#include <thread>

using namespace joust_test;
using namespace joust::detail;

TEST_CASE("long lists offer the same items as numbered offers, with repeated items and without")
{
    joust::keyed_random random{5, 5};
    std::uint64_t different = 0;
    for (int repeat = 0; repeat < 400; ++repeat) {
        const std::uint64_t documents = 1 + random.below(300);
        const auto some_list = [&] {
            list l;
            for (std::uint64_t size = random.below(200); size > 0; --size) {
                l.push_back(random.below(documents));
            }
            return l;
        };
        const list_set two{some_list(), some_list()};
        const auto spans = views(two);
        const std::size_t length = random.below(150);
        const long_lists read{{spans[0], spans[1]}, length};
        long_offers tested = read.offers();
        numbered_offers known{spans, length};
        for (std::size_t shown = 0; shown < length; ++shown) {
            for (unsigned r = 0; r < 2; ++r) {
                different += tested.left(r) == known.left(r, 1'000) ? 0u : 1u;
                different += (tested.best(r) == tested.end(r)) == known.dry(r) ? 0u : 1u;
                if (!known.dry(r)) {
                    different += tested.index(r, tested.best(r)) == known.best(r) ? 0u : 1u;
                }
            }
            if (!known.dry(0) && !known.dry(1)) {
                different += tested.agree(tested.best(0), tested.best(1)) == known.agree(0, 1) ? 0u : 1u;
            }
            const auto r = static_cast<unsigned>(random.below(2));
            if (!known.dry(r)) {
                tested.show(r, tested.best(r));
                known.show_best(r);
            }
        }
    }
    CHECK(different == 0);
}

TEST_CASE("a second loan at the same time gets memory of its own, and a thread keeps a bounded part")
{
    for (const std::size_t bytes : {std::size_t{64}, scratch::inside + 1, scratch::most_kept + 1}) {
        scratch outer{bytes};
        auto* first = outer.take<std::uint64_t>(4);
        auto* second = outer.take<std::uint32_t>(4);
        CHECK(reinterpret_cast<std::byte*>(second) == reinterpret_cast<std::byte*>(first) + 32);
        first[3] = 7;
        {
            scratch inner{bytes};
            inner.take<std::uint64_t>(4)[3] = 8;
        }
        CHECK(first[3] == 7);
    }
    const auto allocated_by = [](std::size_t bytes) {
        const long before = joust_tests::allocations();
        const scratch some{bytes};
        return joust_tests::allocations() - before;
    };
    CHECK(allocated_by(scratch::inside) == 0);
    (void)allocated_by(scratch::most_kept);
    CHECK(allocated_by(scratch::most_kept) == 0);
    CHECK(allocated_by(scratch::most_kept + 1) > 0);
    CHECK(allocated_by(scratch::most_kept + 1) > 0);
}

TEST_CASE("two rankers' slates of up to 64 slots never ask for memory")
{
    long asked = -1;
    std::thread{[&] {
        list_set all(2);
        for (joust::item_key d = 0; d < 100; ++d) {
            all[0].push_back(d % 80);
            all[1].push_back(150 - d);
        }
        const joust::ranking two[] = {all[0], all[1]};
        joust::draft out{64};
        joust::keyed_random coins{1, 1};
        const long before = joust_tests::allocations();
        joust::competitive_pairs{}.interleave(two, coins, out);
        joust::team_draft{}.interleave(two, coins, out);
        asked = joust_tests::allocations() - before;
    }}.join();
    CHECK(asked == 0);
}

TEST_CASE("slates of any length are drafted again without asking for memory")
{
    joust::keyed_random random{6, 6};
    for (const std::size_t length : {10u, 64u, 65u, 1'000u}) {
        list_set all(3);
        for (list& l : all) {
            for (std::size_t i = 0; i < length; ++i) {
                l.push_back(random.below(3 * length));  // with repeats
            }
        }
        const auto three = views(all);
        const joust::rankings two{three.data(), 2};
        joust::draft out{length};
        joust::keyed_random coins{1, 1};
        const auto draft_all = [&] {
            joust::competitive_pairs{}.interleave(two, coins, out);
            joust::team_draft{}.interleave(two, coins, out);
            joust::team_draft{}.interleave(three, coins, out);
        };
        draft_all();
        const long before = joust_tests::allocations();
        draft_all();
        CHECK(joust_tests::allocations() == before);
    }
}
