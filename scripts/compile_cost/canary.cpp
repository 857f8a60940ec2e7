// SPDX-License-Identifier: Apache-2.0

// The smallest canary that is of use.

#include <joust/trial/canary.hpp>

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
    joust::canary rollout{joust::model{"v1", first},
                          joust::model{"v2", second},
                          joust::by(&request::user),
                          joust::hash_split{.salt = "rollout"},
                          joust::ramp{.shares = {0.05, 1.0}, .requests = 500},
                          joust::guardrail(joust::failures{})};
    const float prediction = rollout(request{7});
    return rollout.report().arms.size() == 2 && prediction > 0.0f ? 0 : 1;
}
