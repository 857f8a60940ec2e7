// SPDX-License-Identifier: Apache-2.0

// The smallest A/B test that is of use.

#include <joust/trial/ab_test.hpp>

#include <cstdint>

struct request {
    std::uint64_t user;
};

float first(const request&)
{
    return 1.0f;
}
float second(const request&)
{
    return 2.0f;
}

int main()
{
    joust::ab_test score{joust::model{"v1", first}, joust::model{"v2", second}, joust::by(&request::user),
                         joust::hash_split{.salt = "score"}, joust::conversion<"click">{}};
    auto [prediction, ticket] = score.serve(request{7});
    score.observe<"click">(ticket, prediction > 1.0f);
    return score.report().arms.size() == 2 ? 0 : 1;
}
