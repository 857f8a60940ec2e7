// SPDX-License-Identifier: Apache-2.0

// The smallest shadow that is of use.

#include <joust/trial/shadow.hpp>

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
    joust::shadow filter{joust::model{"v1", first}, joust::model{"v2", second}, joust::by(&request::user),
                         joust::salt("filter")};
    auto [prediction, ticket] = filter.serve(request{7});
    filter.truth(ticket, prediction);
    return filter.report().arms.size() == 2 ? 0 : 1;
}
