// SPDX-License-Identifier: Apache-2.0

#include <joust/interleave/slate.hpp>

#include "catch.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <iterator>
#include <memory>
#include <string>

using joust::draft;
using joust::no_pair;
using joust::no_team;

namespace {

/// A document that counts its copies, as a heavy one would cost them.
struct heavy {
    int id = 0;
    int* copies = nullptr;
    heavy(int number, int* counter) : id(number), copies(counter) {}
    heavy(const heavy& other) : id(other.id), copies(other.copies) { ++*copies; }
    heavy(heavy&&) noexcept = default;
    heavy& operator=(const heavy&) = delete;
    heavy& operator=(heavy&&) = delete;
    ~heavy() = default;
};

std::vector<heavy> three(int first, int* counter)
{
    std::vector<heavy> all;
    all.reserve(3);
    for (int i = 0; i < 3; ++i) {
        all.emplace_back(first + i, counter);
    }
    return all;
}

draft alternating()
{
    draft out{4};
    out.push({1, no_pair, 1, 1});
    out.push({0, no_pair, 0, 0});
    out.push({2, no_pair, 0, no_team});
    out.push({0, no_pair, 1, 1});
    return out;
}

}  // namespace

TEST_CASE("items of lists returned by value are moved into the slate")
{
    int copies = 0;
    auto a = three(10, &copies);
    auto b = three(20, &copies);
    using results = joust::detail::slate_element<std::vector<heavy>, std::vector<heavy>>;
    STATIC_REQUIRE(std::is_same_v<results::type, heavy>);
    joust::slate<heavy, int> page{
        joust::detail::collect<std::vector<heavy>, std::vector<heavy>>(alternating(), &a, &b), alternating(),
        77};
    REQUIRE(page.size() == 4);
    CHECK(page[0].id == 21);
    CHECK(page[1].id == 10);
    CHECK(page[2].id == 12);
    CHECK(page[3].id == 20);
    CHECK(copies == 0);
    CHECK(page.ticket() == 77);
    CHECK(page.slots()[2].team == no_team);
}

TEST_CASE("items of move-only type can be shown")
{
    std::vector<std::unique_ptr<int>> a;
    std::array<std::unique_ptr<int>, 2> b{std::make_unique<int>(1), std::make_unique<int>(2)};
    draft out{1};
    out.push({1, no_pair, 1, 1});
    const auto items =
        joust::detail::collect<std::vector<std::unique_ptr<int>>, std::array<std::unique_ptr<int>, 2>>(
            out, &a, &b);
    REQUIRE(items.size() == 1);
    CHECK(*items[0] == 2);
    CHECK(b[1] == nullptr);
}

TEST_CASE("items of lists returned by reference, or as views, are shown in place")
{
    int copies = 0;
    const auto a = three(10, &copies);
    const auto b = three(20, &copies);
    using by_reference = const std::vector<heavy>&;
    using by_view = std::span<const heavy>;
    by_view view{b};
    using results = joust::detail::slate_element<by_reference, by_view>;
    STATIC_REQUIRE(std::is_same_v<results::type, const heavy&>);
    const joust::slate<const heavy&, int> page{
        joust::detail::collect<by_reference, by_view>(alternating(), &a, &view), alternating(), 5};
    REQUIRE(page.size() == 4);
    CHECK(&page[0] == &b[1]);
    CHECK(&page[1] == &a[0]);
    CHECK(&page[2] == &a[2]);
    CHECK(copies == 0);
    CHECK(page.ticket() == 5);

    std::vector<int> seen;
    for (const heavy& h : page) {
        seen.push_back(h.id);
    }
    CHECK(seen == std::vector<int>{21, 10, 12, 20});
    CHECK(std::find_if(page.begin(), page.end(), [](const heavy& h) { return h.id == 12; }) - page.begin() ==
          2);
    CHECK((page.begin() + 1)->id == 10);
    CHECK(page.begin()[3].id == 20);
    CHECK(page.begin() < page.end());
    STATIC_REQUIRE(std::random_access_iterator<decltype(page.begin())>);
}

TEST_CASE("a list by value beside a list by reference: the reference's items are copied, the value's moved")
{
    int copies = 0;
    const auto a = three(10, &copies);
    auto b = three(20, &copies);
    using results = joust::detail::slate_element<const std::vector<heavy>&, std::vector<heavy>>;
    STATIC_REQUIRE(std::is_same_v<results::type, heavy>);
    const auto items =
        joust::detail::collect<const std::vector<heavy>&, std::vector<heavy>>(alternating(), &a, &b);
    CHECK(items[0].id == 21);
    CHECK(items[1].id == 10);
    CHECK(copies == 2);
}

TEST_CASE("elements that a view refers to are never moved out of the list of their owner")
{
    std::vector<std::string> index{"a long enough first title", "a long enough second title"};
    std::vector<std::string> other{"a long enough third title", "a long enough fourth title"};
    std::span<std::string> view{index};
    draft out{2};
    out.push({0, no_pair, 0, 0});
    out.push({1, no_pair, 1, 1});
    const auto items =
        joust::detail::collect<std::span<std::string>, std::vector<std::string>>(out, &view, &other);
    CHECK(items == std::vector<std::string>{"a long enough first title", "a long enough fourth title"});
    CHECK(index[0] == "a long enough first title");
}

TEST_CASE("lists of different kinds, and proxies, can be mixed when their items agree")
{
    const std::deque<std::string> a{"x", "y"};
    std::vector<std::string> b{"z"};
    draft out{2};
    out.push({1, no_pair, 0, 0});
    out.push({0, no_pair, 1, 1});
    CHECK(joust::detail::collect<const std::deque<std::string>&, std::vector<std::string>>(out, &a, &b) ==
          std::vector<std::string>{"y", "z"});

    const std::vector<bool> bits{true, false};
    STATIC_REQUIRE_FALSE(joust::detail::outlives_result<const std::vector<bool>&>);
    CHECK(joust::detail::collect<const std::vector<bool>&, const std::vector<bool>&>(out, &bits, &bits) ==
          std::vector<bool>{false, true});
}

TEST_CASE("an empty slate is a slate")
{
    const joust::slate<int, int> page{{}, draft{0}, 0};
    CHECK(page.empty());
    CHECK(page.begin() == page.end());
    const joust::slate<const int&, int> none{{}, draft{0}, 0};
    CHECK(none.empty());
    CHECK(none.begin() == none.end());
}
