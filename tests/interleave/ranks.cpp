// SPDX-License-Identifier: Apache-2.0

#include <joust/interleave/ranks.hpp>

#include "allocations.hpp"
#include "catch.hpp"
#include "interleave/laws.hpp"

using joust::detail::late_array;
using joust::detail::rank_table;
using joust_test::list;
using joust_test::list_set;
using joust_test::views;

TEST_CASE("ranks count different items, and an item that a list does not hold ranks right after its end")
{
    const list_set all{{7, 7, 5, 7, 9}, {9, 4}, {}};
    const rank_table table{views(all)};
    CHECK(table.rankers() == 3);
    CHECK(table.items() == 4);
    CHECK(table.size(0) == 3);
    CHECK(table.size(1) == 2);
    CHECK(table.size(2) == 0);
    const auto ranks = [&](joust::item_key key) {
        const std::uint32_t item = table.find(key);
        return std::array<std::uint32_t, 3>{table.rank(0, item), table.rank(1, item), table.rank(2, item)};
    };
    CHECK(ranks(7) == std::array<std::uint32_t, 3>{1, 3, 1});
    CHECK(ranks(5) == std::array<std::uint32_t, 3>{2, 3, 1});
    CHECK(ranks(9) == std::array<std::uint32_t, 3>{3, 1, 1});
    CHECK(ranks(4) == std::array<std::uint32_t, 3>{4, 2, 1});
    CHECK(table.find(6) == rank_table::unknown);
    CHECK_FALSE(table.holds(2, table.find(7)));
    CHECK_FALSE(table.holds(1, table.find(5)));
    CHECK(table.holds(1, table.find(9)));
}

TEST_CASE("an item is shown from the list that ranks it best, the first of several, at its first copy")
{
    const list_set all{{7, 7, 5, 7, 9}, {9, 4}, {5, 7}};
    const rank_table table{views(all)};
    const auto shown = [&](joust::item_key key) { return table.show(table.find(key)); };
    CHECK(shown(7) == joust::slot{0, joust::no_pair, 0, joust::no_team});
    CHECK(shown(5) == joust::slot{0, joust::no_pair, 2, joust::no_team});
    CHECK(shown(9) == joust::slot{0, joust::no_pair, 1, joust::no_team});
    CHECK(shown(4) == joust::slot{1, joust::no_pair, 1, joust::no_team});
    CHECK(table.keenest(table.find(5)) == 2);
    CHECK(table.item(0, 2) == table.find(5));
    CHECK(table.index(0, 2) == 2);
    CHECK(table.index(0, 3) == 4);
}

TEST_CASE("a table of no lists and of empty lists holds nothing")
{
    CHECK(rank_table{joust::rankings{}}.items() == 0);
    CHECK(rank_table{joust::rankings{}}.find(0) == rank_table::unknown);
    const list_set empty{{}, {}};
    const rank_table table{views(empty)};
    CHECK(table.items() == 0);
    CHECK(table.find(0) == rank_table::unknown);
}

TEST_CASE("tables of any size agree with a search, and small ones allocate nothing")
{
    for (const std::size_t size : {1u, 64u, 65u, 1000u}) {
        list_set all(2);
        for (std::size_t i = 0; i < size; ++i) {
            all[0].push_back(i * 0x9e3779b97f4a7c15U);
            all[1].push_back((i + size / 2) * 0x9e3779b97f4a7c15U);
        }
        const auto spans = views(all);
        const long before = joust_tests::allocations();
        const rank_table table{spans};
        CHECK((joust_tests::allocations() == before) == (size <= 64));
        std::uint64_t wrong = table.items() == size + size / 2 ? 0 : 1;
        for (unsigned r = 0; r < 2; ++r) {
            for (std::size_t i = 0; i < size; ++i) {
                const std::uint32_t item = table.find(all[r][i]);
                wrong += item < table.items() && table.rank(r, item) == i + 1 && table.item(r, i + 1) == item
                             ? 0u
                             : 1u;
                const auto other = std::find(all[1 - r].begin(), all[1 - r].end(), all[r][i]);
                wrong += table.rank(1 - r, item) == static_cast<std::uint32_t>(other - all[1 - r].begin()) + 1
                             ? 0u
                             : 1u;
            }
        }
        CHECK(wrong == 0);
    }
}

TEST_CASE("an array whose size is known at run time begins as zeros, inside or outside the value")
{
    late_array<int, 4> numbers{4};
    for (const std::size_t size : {4u, 5u, 100u, 3u, 0u}) {
        numbers.restart(size);
        CHECK(numbers.size() == size);
        for (std::size_t i = 0; i < size; ++i) {
            CHECK(numbers[i] == 0);
            numbers[i] = 1;
        }
    }
}
