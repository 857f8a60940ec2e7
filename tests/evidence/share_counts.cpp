// SPDX-License-Identifier: Apache-2.0

#include <joust/evidence/share_counts.hpp>
#include <joust/evidence/thread_slabs.hpp>

#include "catch.hpp"

#include <cstdint>
#include <thread>
#include <vector>

using joust::latency_margin;
using joust::share_counts;
using joust::detail::share_rows;
using joust::detail::slab;
using joust::detail::slab_layout;
using joust::detail::thread_slabs;

namespace {

constexpr latency_margin tight{.q = 0.95, .ratio = 1.2};
constexpr latency_margin loose{.q = 0.95, .ratio = 1.8};

// Two series and one margin.
share_counts with(std::vector<double> shares, std::vector<std::uint64_t> counts,
                  const latency_margin& margin = tight)
{
    share_counts all;
    all.shares = std::move(shares);
    all.counts = std::move(counts);
    all.elsewhere = {0, 0, 0, 0, 0, 0, 0, 0};
    all.margins = {margin};
    return all;
}

}  // namespace

TEST_CASE("counts of equal shares add up, and other shares keep rows of their own")
{
    share_counts one = with({0.1, 0.5}, {10, 1, 2, 1, 10, 1, 3, 1, 40, 41, 4, 5, 40, 41, 6, 7});
    share_counts two = with({0.1, 0.25}, {100, 10, 20, 10, 0, 0, 0, 0, 7, 3, 1, 1, 7, 3, 1, 1});
    two.elsewhere = {1, 2, 0, 1, 1, 1, 1, 0};
    REQUIRE(one.consistent(2));
    REQUIRE(two.consistent(2));
    share_counts sum = one;
    sum.merge(two);
    CHECK(sum.shares == std::vector{0.1, 0.25, 0.5});
    CHECK(sum.counts == std::vector<std::uint64_t>{110, 11, 22, 11, 10, 1,  3, 1, 7,  3,  1, 1,
                                                   7,   3,  1,  1,  40, 41, 4, 5, 40, 41, 6, 7});
    CHECK(sum.elsewhere == two.elsewhere);
    CHECK(sum.consistent(2));
    share_counts other_way = two;
    other_way.merge(one);
    CHECK(sum == other_way);
    share_counts none;
    none.merge(one);
    CHECK(none == one);
    one.merge(share_counts{});
    CHECK(none == one);
}

TEST_CASE("a margin that only one part has keeps the calls that were judged against it")
{
    share_counts one = with({0.1}, {10, 1, 0, 0, 8, 1, 3, 0}, loose);
    const share_counts two = with({0.1}, {20, 2, 1, 0, 20, 2, 5, 1}, tight);
    share_counts sum = one;
    sum.merge(two);
    REQUIRE(sum.margins == std::vector{tight, loose});
    CHECK(sum.series() == 2);
    CHECK(sum.count(0, 0, false) == 30);
    CHECK(sum.count(0, sum.judged_column(sum.find(tight)), false) == 20);
    CHECK(sum.count(0, sum.judged_column(sum.find(tight)) + 1, false) == 5);
    CHECK(sum.count(0, sum.judged_column(sum.find(loose)), false) == 8);
    CHECK(sum.count(0, sum.judged_column(sum.find(loose)) + 1, false) == 3);
    CHECK(sum.consistent(2));
    share_counts other_way = two;
    other_way.merge(one);
    CHECK(sum == other_way);
    CHECK(sum.find({.q = 0.5}) == 2);
}

TEST_CASE("more shares than there are rows count apart")
{
    share_counts all;
    all.elsewhere = {0, 0, 0, 0};
    for (std::uint64_t i = 0; i < 100; ++i) {
        share_counts next;
        next.shares = {0.001 * static_cast<double>(i + 1)};
        next.counts = {2, 1, 0, 0};
        next.elsewhere = {0, 0, 0, 0};
        all.merge(next);
    }
    CHECK(all.shares.size() == share_counts::most_rows);
    CHECK(all.elsewhere == std::vector<std::uint64_t>{72, 36, 0, 0});
    CHECK(all.consistent(2));
}

TEST_CASE("impossible counts are refused")
{
    const share_counts good = with({0.1, 0.5}, {10, 1, 2, 1, 10, 1, 3, 1, 40, 41, 4, 5, 40, 41, 6, 7});
    REQUIRE(good.consistent(2));
    CHECK(share_counts{}.consistent(2));
    CHECK_FALSE(good.consistent(3));
    const auto refused = [&](auto change) {
        share_counts bad = good;
        change(bad);
        CHECK_FALSE(bad.consistent(2));
    };
    refused([](share_counts& c) { c.shares = {0.5, 0.1}; });
    refused([](share_counts& c) { c.shares = {0.1, 0.1}; });
    refused([](share_counts& c) { c.shares = {0.1, 1.5}; });
    refused([](share_counts& c) { c.shares[0] = -0.1; });
    refused([](share_counts& c) { c.shares[0] = c.shares[0] / 0.0 - c.shares[0] / 0.0; });
    refused([](share_counts& c) { c.shares.pop_back(); });
    refused([](share_counts& c) { c.counts.pop_back(); });
    refused([](share_counts& c) { c.elsewhere.pop_back(); });
    refused([](share_counts& c) { c.elsewhere.clear(); });
    refused([](share_counts& c) { c.margins.clear(); });
    refused([](share_counts& c) { c.margins[0].ratio = 0.0; });
    refused([](share_counts& c) { c.margins[0].q = 1.0; });
    refused([](share_counts& c) { c.margins[0].increase = -1.0; });
    refused([](share_counts& c) { c.counts[2] = 11; });  // more failures than requests
    refused([](share_counts& c) { c.counts[6] = 11; });  // more late calls than judged ones
    refused([](share_counts& c) { c.counts[4] = 11; });  // more judged calls than calls
    refused([](share_counts& c) { c.counts[0] = (std::uint64_t{1} << 53) + 1; });
}

TEST_CASE("a row belongs to a share, and tickets find it by the propensity of their arm")
{
    share_rows rows;
    CHECK(rows.row_of(0.9, 0.1, 0.1) == 0);
    CHECK(rows.row_of(0.5, 0.5, 0.5) == 1);
    CHECK(rows.row_of(0.9, 0.1, 0.1) == 0);
    CHECK(rows.size() == 2);
    CHECK(rows.row_of_ticket(0, 0.9F) == 0);
    CHECK(rows.row_of_ticket(1, 0.1F) == 0);
    CHECK(rows.row_of_ticket(1, 0.9F) == share_rows::most);
    CHECK(rows.row_of_ticket(0, 0.5F) == 1);
    // Two shares of which the champion's tickets are equal cannot be told apart by them.
    CHECK(rows.row_of(1.0 - 1e-12, 1e-12, 1e-12) == 2);
    CHECK(rows.row_of(1.0 - 1e-13, 1e-13, 1e-13) == 3);
    CHECK(rows.row_of_ticket(0, 1.0F) == share_rows::most);
    CHECK(rows.row_of_ticket(1, 1e-13F) == 3);
    for (std::size_t i = 4; i < 40; ++i) {
        const double s = 0.01 * static_cast<double>(i) + 0.003;
        CHECK(rows.row_of(1.0 - s, s, s) == (i < share_rows::most ? i : share_rows::most));
    }
}

TEST_CASE("threads without a slab of their own lose no count", "[concurrent]")
{
    slab_layout layout{.arms = 2, .series = 1};
    thread_slabs slabs{layout, 0};
    slabs.count_by_share(3);
    constexpr std::uint64_t calls = 5'000;
    {
        std::vector<std::jthread> running;
        for (int t = 0; t < 4; ++t) {
            running.emplace_back([&] {
                for (std::uint64_t i = 0; i < calls; ++i) {
                    slabs.of_this_thread().count_at_share(i % 3, i % 2 == 0 ? 5 : share_rows::most, 1);
                }
            });
        }
    }
    std::uint64_t in_row = 0;
    std::uint64_t apart = 0;
    slabs.for_each([&](const slab& each) {
        for (std::size_t column = 0; column < 3; ++column) {
            in_row += each.count_of_share(column, 5, true);
            apart += each.count_of_share(column, share_rows::most, true);
        }
    });
    CHECK(in_row == 4 * calls / 2);
    CHECK(apart == 4 * calls / 2);
}
