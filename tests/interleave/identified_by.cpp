// SPDX-License-Identifier: Apache-2.0

#include <joust/interleave/identified_by.hpp>

#include "catch.hpp"

#include <memory>
#include <string>

namespace {

enum class shelf : std::int8_t { first = -1, second = 4 };

struct document {
    std::string id;
    int family = 0;
    [[nodiscard]] std::string_view name() const { return id; }
};

template <class Policy, class Item>
concept identifies = requires(const Policy& policy, const Item& item) { policy.identify(item); };

}  // namespace

TEST_CASE("integers and enumerators are their own keys")
{
    const joust::identified_by_itself itself;
    CHECK(itself.identify(7) == 7);
    CHECK(itself.identify(-1) == ~std::uint64_t{0});
    CHECK(itself.identify(std::uint8_t{200}) == 200);
    CHECK(itself.identify(shelf::second) == 4);
    CHECK(itself.identify(shelf::first) == ~std::uint64_t{0});
}

TEST_CASE("text is identified by its characters, whatever holds them")
{
    const joust::identified_by_itself itself;
    CHECK(itself.identify(std::string{"a document"}) == joust::xxh64("a document"));
    CHECK(itself.identify(std::string_view{"a document"}) == itself.identify("a document"));
    CHECK(itself.identify(std::string{}) != itself.identify(std::string{"a"}));
}

TEST_CASE("uuids differ when either half does")
{
    const joust::identified_by_itself itself;
    CHECK(itself.identify(joust::uuid{1, 2}) == itself.identify(joust::uuid{1, 2}));
    CHECK(itself.identify(joust::uuid{1, 2}) != itself.identify(joust::uuid{2, 1}));
    CHECK(itself.identify(joust::uuid{1, 2}) != itself.identify(joust::uuid{1, 3}));
}

TEST_CASE("items are identified by a member, a member function, a callable, and through pointers")
{
    const document shoe{"shoe", 12};
    CHECK(joust::identified_by(&document::family).identify(shoe) == 12);
    CHECK(joust::identified_by(&document::id).identify(shoe) == joust::xxh64("shoe"));
    CHECK(joust::identified_by(&document::name).identify(shoe) == joust::xxh64("shoe"));
    CHECK(joust::identified_by([](const document& d) { return d.family + 1; }).identify(shoe) == 13);
    CHECK(joust::identified_by(&document::family).identify(&shoe) == 12);
    CHECK(joust::identified_by(&document::family).identify(std::make_shared<document>(shoe)) == 12);
}

TEST_CASE("a projection whose result cannot identify items is not accepted")
{
    const auto whole = joust::identified_by([](const document& d) { return d; });
    STATIC_REQUIRE_FALSE(identifies<decltype(whole), document>);
    STATIC_REQUIRE_FALSE(identifies<joust::identified_by_itself, document>);
    STATIC_REQUIRE(identifies<joust::identified_by_itself, int>);
    STATIC_REQUIRE(joust::identity_role::plays<joust::identified_by_itself>);
    STATIC_REQUIRE(joust::identity_role::plays<decltype(whole)>);
    STATIC_REQUIRE_FALSE(joust::identity_role::plays<document>);
}
