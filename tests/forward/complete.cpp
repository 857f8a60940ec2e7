// SPDX-License-Identifier: Apache-2.0

// After the definitions the same names are the same types, and complete.

namespace service {

static_assert(std::is_same_v<joust::served<float>, joust::served<float, joust::ticket>>);
static_assert(std::is_same_v<joust::balanced<>, decltype(joust::balanced{})>);
static_assert(sizeof(joust::remembered<>) == sizeof(std::size_t));
static_assert(sizeof(scorer::trial) > 0 && sizeof(joust::report) > 0 && sizeof(joust::evidence) > 0);
static_assert(joust::conversion<"click">::name() == "click");

inline float score_a(int x)
{
    return static_cast<float>(x);
}
inline float score_b(int x)
{
    return 2.0F * static_cast<float>(x);
}
inline int kind_of_a_trial()
{
    const joust::ab_test trial{joust::model{"a", score_a}, joust::model{"b", score_b}, joust::per_request{},
                               joust::hash_split{.salt = "forward", .shares = {0.5, 0.5}},
                               joust::conversion<"click">{}};
    return kind_of(trial) + kind_of(joust::balanced{});
}

}  // namespace service
