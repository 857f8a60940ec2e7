// SPDX-License-Identifier: Apache-2.0

#include <joust/interleave/identified_by.hpp>
#include <joust/interleave/projected.hpp>

#include "catch.hpp"

#include <array>
#include <deque>
#include <vector>

namespace {

/// An identity that counts how often it is asked.
struct counting {
    int* asked;
    joust::item_key identify(int item) const
    {
        ++*asked;
        return static_cast<joust::item_key>(item);
    }
};

std::vector<int> numbers(int size, int period)
{
    std::vector<int> all;
    for (int i = 0; i < size; ++i) {
        all.push_back(i % period);
    }
    return all;
}

}  // namespace

TEST_CASE("only as many items are projected as the slate is long")
{
    int asked = 0;
    joust::detail::projected_keys keys;
    const auto list = numbers(100, 100);
    keys.project(list, counting{&asked}, 10);
    CHECK(asked == 10);
    REQUIRE(keys.view().size() == 10);
    CHECK(keys.view()[9] == 9);
    keys.project(list, counting{&asked}, 0);
    CHECK(keys.view().empty());
    keys.project(list, counting{&asked}, 1000);
    CHECK(keys.view().size() == 100);
}

TEST_CASE("the whole list is projected if items repeat in its first part")
{
    for (const auto& [size, period, length] :
         {std::array{100, 5, 10}, std::array{300, 80, 90}, std::array{30, 2, 3}}) {
        int asked = 0;
        joust::detail::projected_keys keys;
        const auto list = numbers(size, period);
        keys.project(list, counting{&asked}, static_cast<std::size_t>(length));
        REQUIRE(keys.view().size() == static_cast<std::size_t>(size));
        bool right = true;
        for (std::size_t i = 0; i < keys.view().size(); ++i) {
            right = right && keys.view()[i] == static_cast<joust::item_key>(list[i]);
        }
        CHECK(right);
    }
}

TEST_CASE("long slates of long lists without repeats project no more than needed")
{
    int asked = 0;
    joust::detail::projected_keys keys;
    const auto list = numbers(500, 500);
    keys.project(list, counting{&asked}, 200);
    CHECK(asked == 200);
    CHECK(keys.view().size() == 200);
}

TEST_CASE("any list with size and random access is projected")
{
    joust::detail::projected_keys keys;
    const std::deque<int> queue{3, 1, 2};
    keys.project(queue, joust::identified_by_itself{}, 2);
    CHECK(keys.view().size() == 2);
    const int array[] = {7, 8};
    keys.project(array, joust::identified_by_itself{}, 5);
    CHECK(keys.view()[1] == 8);
}
