// SPDX-License-Identifier: Apache-2.0

// The smallest program that serves through joust: an A/B test of two scoring functions.

#include <joust/joust.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

struct request {
    std::uint64_t user_id;
    double amount;
};

double score_v1(const request& r)
{
    return r.amount;
}

double score_v2(const request& r)
{
    return 2.0 * r.amount;
}

int main()
{
    joust::ab_test score{
        joust::model{"v1", score_v1}, joust::model{"v2", score_v2}, joust::by(&request::user_id),
        joust::hash_split{.salt = "consumer", .shares = {0.5, 0.5}}, joust::conversion<"click">{}};

    int by_challenger = 0;
    for (std::uint64_t user = 0; user < 1'000; ++user) {
        auto [prediction, ticket] = score.serve(request{user, 1.0});
        by_challenger += prediction > 1.5 ? 1 : 0;
        score.observe<"click">(ticket, user % 10 == 0);
    }
    std::printf("%d of 1000 served by the challenger\n", by_challenger);
    return by_challenger > 400 && by_challenger < 600 && score.report().arms.size() == 2 ? EXIT_SUCCESS
                                                                                         : EXIT_FAILURE;
}
