// SPDX-License-Identifier: Apache-2.0

// The smallest interleaving that is of use.

#include <joust/trial/interleaving.hpp>

#include <cstdint>
#include <vector>

struct request {
    std::uint64_t user;
};

std::vector<int> first(const request&)
{
    return {1, 2, 3};
}
std::vector<int> second(const request&)
{
    return {3, 2, 1};
}

int main()
{
    joust::interleaving search{joust::model{"v1", first}, joust::model{"v2", second},
                               joust::by(&request::user), joust::salt("search")};
    const auto page = search.rank(request{7}, 3);
    search.click(page.ticket(), 0);
    return search.report().arms.size() == 2 ? 0 : 1;
}
