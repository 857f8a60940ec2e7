// SPDX-License-Identifier: Apache-2.0

#include <joust/interleave/interleaver.hpp>

#include "catch.hpp"

namespace {

/// A user's own: the champion's list as it is.
struct champion_only {
    template <joust::coin_source Coins>
    void interleave(joust::rankings lists, Coins&, joust::draft& out) const
    {
        out.restart(out.length());
        for (std::uint32_t i = 0; i < lists[0].size() && !out.full(); ++i) {
            out.push({i, joust::no_pair, 0, joust::no_team});
        }
    }
};

struct not_const {
    template <class Coins>
    void interleave(joust::rankings, Coins&, joust::draft&)
    {
    }
};

struct unrelated {
    int draft = 0;
};

}  // namespace

TEST_CASE("an interleaver is recognised by its verb, and a near miss by the verb's name")
{
    STATIC_REQUIRE(joust::interleaver<champion_only>);
    STATIC_REQUIRE_FALSE(joust::interleaver<not_const>);
    STATIC_REQUIRE(joust::interleaver_role::resembles<not_const>);
    STATIC_REQUIRE_FALSE(joust::interleaver_role::resembles<unrelated>);
}
