// SPDX-License-Identifier: Apache-2.0

// Compiled twice, each time with every header of joust (in opposite orders), and linked into one program. A function or
// variable that a header defines without inline does not link; one that exists once per unit is seen by its address.

#include "catch.hpp"
#include "everything.hpp"

namespace odr {

struct addresses {
    const void* constant;
    void (*function)(joust::stats::test_result&);
    int version;
    bool operator==(const addresses&) const = default;
};

inline void touch(joust::stats::test_result& result)
{
    result.statistic = joust::stats::not_a_number;
}

addresses first();
addresses second();

addresses JOUST_ODR_UNIT()
{
    return {&joust::stats::not_a_number, &touch,
            JOUST_VERSION_MAJOR * 10'000 + JOUST_VERSION_MINOR * 100 + JOUST_VERSION_PATCH};
}

}  // namespace odr

#ifdef JOUST_ODR_ASKS
TEST_CASE("Two translation units that include every header share one definition of everything")
{
    CHECK(odr::JOUST_ODR_UNIT() == odr::JOUST_ODR_ASKS());
    CHECK(odr::first().constant != nullptr);
}
#endif
