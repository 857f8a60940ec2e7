#include <joust/core/owned.hpp>

#include "catch.hpp"

#include <utility>

using joust::detail::owned;

namespace {

int alive = 0;

struct animal {
    animal() { ++alive; }
    animal(const animal&) = delete;
    animal& operator=(const animal&) = delete;
    virtual ~animal() { --alive; }
    [[nodiscard]] virtual int legs() const { return 4; }
};
struct bird final : animal {
    [[nodiscard]] int legs() const override { return 2; }
};

}  // namespace

TEST_CASE("an owned object lives as long as its one owner")
{
    {
        owned<animal> first{new animal};
        CHECK(first);
        CHECK(first->legs() == 4);
        owned<animal> second{std::move(first)};
        CHECK(first == nullptr);  // NOLINT(bugprone-use-after-move): moved from is empty
        CHECK((*second).legs() == 4);
        CHECK(alive == 1);
        second = owned<animal>{owned<bird>{new bird}};
        CHECK(alive == 1);
        CHECK(second->legs() == 2);
        animal* const same = second.get();
        animal* const released = second.release();
        CHECK(released == same);
        CHECK_FALSE(second);
        second = owned<animal>{released};
        owned<animal>& itself = second;
        second = std::move(itself);
        CHECK(second.get() == same);
    }
    CHECK(alive == 0);
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<owned<animal>>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<owned<bird>, owned<animal>>);
    STATIC_REQUIRE(sizeof(owned<animal>) == sizeof(animal*));
}
