// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/interleave/competitive_pairs.hpp>
#include <joust/interleave/offers.hpp>
#include <joust/interleave/team_draft.hpp>

#include "catch.hpp"
#include "interleave/laws.hpp"
#include "interleave/reference.hpp"

#include <array>
#include <utility>

using namespace joust_test;
using namespace joust::detail;

TEST_CASE("matches marks every place of a print, one by one or sixteen at a time")
{
    joust::keyed_random random{4, 4};
    alignas(16) std::array<std::uint16_t, 64> prints{};
    for (unsigned size = 0; size <= 64; ++size) {
        for (int repeat = 0; repeat < 50; ++repeat) {
            // Few different prints, among them those whose comparison saturates.
            for (auto& print : prints) {
                const std::uint16_t some[] = {0, 1, 0x7fff, 0x8000, 0xffff, 0x00ff, 0xff00};
                print = some[random.below(7)];
            }
            const std::uint16_t wanted = prints[random.below(64)];
            std::uint64_t expected = 0;
            for (unsigned i = 0; i < size; ++i) {
                expected |= std::uint64_t{prints[i] == wanted} << i;
            }
            const std::uint64_t valid = size == 0 ? 0 : ~std::uint64_t{0} >> (64 - size);
            REQUIRE(matches_one_by_one(prints.data(), size, wanted) == expected);
            REQUIRE((matches(prints.data(), size, wanted) & valid) == expected);
        }
    }
}

namespace {

/// A key with the print of another one, so that prints alone would take them for the same.
joust::item_key twin_of(joust::item_key key)
{
    joust::item_key other = key + 1;
    while (print_of(other) != print_of(key)) {
        ++other;
    }
    return other;
}

}  // namespace

TEST_CASE("keys with equal prints are told apart")
{
    const joust::item_key a = 1;
    const joust::item_key b = twin_of(a);
    const joust::item_key c = twin_of(b);
    const list_set all{{a, 2, b, 3, c}, {b, c, 4, a, 5}};
    const auto spans = views(all);
    CHECK(mask_offers<joust::max_rankers>{spans, 5}.distinct());
    std::uint64_t different = 0;
    enumerator coins;
    joust::draft fast{7};
    joust::draft plain{7};
    while (coins.next()) {
        joust::competitive_pairs{}.interleave(spans, coins, fast);
        scripted same{coins.path()};
        competitive_pairs_reference{}.interleave(spans, same, plain);
        different += fast == plain ? 0u : 1u;
    }
    CHECK(different == 0);
    CHECK(fast.size() == 7);
}

TEST_CASE("words of bits suit lists without repeats in the part that matters")
{
    const list_set some{{1, 2, 3, 3}, {4, 5, 6}};
    CHECK(mask_offers<joust::max_rankers>{views(some), 3}.distinct());
    CHECK_FALSE(mask_offers<joust::max_rankers>{views(some), 4}.distinct());
    CHECK(mask_offers<joust::max_rankers>{views({first_documents(100), {}}), 64}.distinct());
    list last = first_documents(64);
    last[63] = 17;
    CHECK_FALSE(mask_offers<joust::max_rankers>{views({first_documents(100), last}), 64}.distinct());
    CHECK(mask_offers<joust::max_rankers>{views({first_documents(100), last}), 63}.distinct());
}

TEST_CASE("both classes of offers agree on what is left, what is next, and which rankers agree")
{
    joust::keyed_random random{12, 1};
    std::uint64_t different = 0;
    for (int repeat = 0; repeat < 300; ++repeat) {
        list_set all;
        for (unsigned r = 0; r < 3; ++r) {
            list l = first_documents(12);
            for (std::size_t i = l.size(); i > 1; --i) {
                std::swap(l[i - 1], l[random.below(i)]);
            }
            l.resize(random.below(11));
            all.push_back(l);
        }
        const auto spans = views(all);
        mask_offers<joust::max_rankers> bits{spans, 10};
        numbered_offers numbers{spans, 10};
        REQUIRE(bits.distinct());
        for (int shown = 0; shown < 10; ++shown) {
            for (unsigned r = 0; r < 3; ++r) {
                different += bits.dry(r) == numbers.dry(r) && bits.left(r, 4) == numbers.left(r, 4) ? 0u : 1u;
                different += bits.dry(r) || bits.best(r) == numbers.best(r) ? 0u : 1u;
                for (unsigned other = 0; other < 3; ++other) {
                    if (!bits.dry(r) && !bits.dry(other)) {
                        different += bits.agree(r, other) == numbers.agree(r, other) ? 0u : 1u;
                    }
                }
            }
            const auto r = static_cast<unsigned>(random.below(3));
            if (!bits.dry(r)) {
                bits.show_best(r);
                numbers.show_best(r);
            }
        }
    }
    CHECK(different == 0);
}

TEST_CASE("long slates and lists of any length equal the plain reference, by either class of offers")
{
    joust::keyed_random random{2026, 7};
    std::uint64_t different = 0;
    const auto compare = [&](const auto& policy, const auto& reference, const list_set& all,
                             std::size_t length) {
        const auto spans = views(all);
        const std::uint64_t request = random.next();
        joust::keyed_random coins{1, request};
        joust::keyed_random same_coins{1, request};
        joust::draft fast{length};
        joust::draft plain{length};
        policy.interleave(spans, coins, fast);
        reference.interleave(spans, same_coins, plain);
        different += fast == plain && coins == same_coins ? 0u : 1u;
    };
    const std::size_t lengths[] = {1, 10, 33, 63, 64, 65, 70, 130};
    for (int repeat = 0; repeat < 12; ++repeat) {
        for (const std::size_t length : lengths) {
            const auto some_list = [&] {
                list l;
                const std::size_t size = random.below(150);
                const std::uint64_t documents = 1 + random.below(200);
                for (std::size_t i = 0; i < size; ++i) {
                    l.push_back(random.below(documents));
                }
                return l;
            };
            const list_set two{some_list(), some_list()};
            compare(joust::competitive_pairs{}, competitive_pairs_reference{}, two, length);
            compare(joust::team_draft{}, team_draft_reference{}, two, length);
            compare(joust::team_draft{}, team_draft_reference{}, {two[0], two[1], some_list(), some_list()},
                    length);
        }
    }
    CHECK(different == 0);
}
