// SPDX-License-Identifier: Apache-2.0

#include <joust/interleave/draft.hpp>

#include "catch.hpp"

using joust::draft;
using joust::slot;

namespace {

slot numbered(std::size_t i, std::uint16_t pair = joust::no_pair)
{
    return {static_cast<std::uint32_t>(i), pair, 0, static_cast<std::uint8_t>(i % 2)};
}

}  // namespace

TEST_CASE("a draft holds what is pushed, inside the value or beyond 64 slots")
{
    for (const std::size_t length : {0u, 1u, 10u, 64u, 65u, 1000u}) {
        draft out{length};
        CHECK(out.size() == 0);
        CHECK(out.room() == length);
        for (std::size_t i = 0; i < length; ++i) {
            REQUIRE_FALSE(out.full());
            out.push(numbered(i));
        }
        CHECK(out.full());
        CHECK(out.size() == length);
        CHECK(static_cast<std::size_t>(out.end() - out.begin()) == length);
        bool kept = true;
        for (std::size_t i = 0; i < length; ++i) {
            kept = kept && out[i] == numbered(i);
        }
        CHECK(kept);
        const draft copy = out;
        CHECK(copy == out);
        if (length > 0) {
            CHECK(copy.begin() != out.begin());
        }
    }
}

TEST_CASE("a restarted draft is empty and takes another length, in either direction")
{
    draft out{100};
    for (std::size_t i = 0; i < 100; ++i) {
        out.push(numbered(i));
    }
    out.restart(3);
    CHECK(out.size() == 0);
    CHECK(out.length() == 3);
    out.push(numbered(7));
    CHECK(out[0] == numbered(7));
    out.restart(80);
    out.push(numbered(8));
    CHECK(out.size() == 1);
    CHECK(out[0] == numbered(8));
}

TEST_CASE("any number above the longest draft means the longest draft")
{
    CHECK(draft{~std::size_t{0}}.length() == draft::max_slots);
}

TEST_CASE("slots from a position on give no credit, and neither does a pair across it")
{
    draft out{6};
    out.push(numbered(0));
    out.push(numbered(1, 0));
    out.push(numbered(2, 0));
    out.push(numbered(3, 1));
    out.push(numbered(4, 1));
    out.push(numbered(5));

    SECTION("between pairs")
    {
        out.forfeit_from(3);
        CHECK(out[2] == numbered(2, 0));
        for (std::size_t i = 3; i < 6; ++i) {
            CHECK(out[i].team == joust::no_team);
            CHECK(out[i].pair == joust::no_pair);
            CHECK(out[i].index == i);
        }
    }
    SECTION("inside a pair")
    {
        out.forfeit_from(4);
        CHECK(out[2] == numbered(2, 0));
        CHECK(out[3].team == joust::no_team);
        CHECK(out[4].team == joust::no_team);
    }
    SECTION("from the beginning, and past the end")
    {
        out.forfeit_from(6);
        CHECK(out[5] == numbered(5));
        out.forfeit_from(0);
        for (const slot& s : out) {
            CHECK(s.team == joust::no_team);
        }
    }
}
