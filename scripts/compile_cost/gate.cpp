// SPDX-License-Identifier: Apache-2.0

// The smallest gate that is of use.

#include <joust/trial/gate.hpp>

#include <cstdint>
#include <vector>

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
    joust::gate check{joust::model{"v1", first}, joust::model{"v2", second},
                      joust::guardrail(joust::conversion<"correct">{}, {.max_decrease = 0.01})};
    const std::vector<request> rows(1'000);
    const joust::report found =
        check.run(rows, [](const request&, float prediction) { return prediction > 0.0f; });
    return joust::exit_code(found);
}
