// SPDX-License-Identifier: Apache-2.0

// Models that answer later (a future, a remote call, a batch): the caller lets the trial choose an arm, calls the model
// itself, and tells the trial how the call ended.

#include <joust/format.hpp>
#include <joust/joust.hpp>

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

// A remote model that scores many users in one call. A batch takes 3 ms for the champion and 2 ms for the challenger.
struct endpoint {
    std::string name;
    std::chrono::milliseconds latency;
    [[nodiscard]] std::vector<double> score(const std::vector<std::uint64_t>& users) const
    {
        return std::vector<double>(users.size(), 0.5);
    }
};

int main()
{
    const std::array<endpoint, 2> endpoints = {endpoint{"v1", std::chrono::milliseconds(3)},
                                               endpoint{"v2", std::chrono::milliseconds(2)}};

    // The trial never calls the models. It knows their names and chooses one for each unit.
    const auto elsewhere = [](std::uint64_t) { return 0.0; };
    joust::ab_test ranking{
        joust::model{"v1", elsewhere},
        joust::model{"v2", elsewhere},
        joust::by([](std::uint64_t user) { return user; }),
        joust::hash_split{.salt = "async-3"},
        joust::conversion<"purchase">{},
        joust::guardrail(joust::latency{.q = 0.5, .warm_up = 500}, {.max_increase = 1.0}),
    };

    joust::keyed_random random(6);
    for (int batch = 0; batch < 160; ++batch) {
        // Group the users of a batch by the arm that each of them is assigned to.
        std::array<std::vector<std::uint64_t>, 2> users;
        std::array<std::vector<joust::ticket>, 2> tickets;
        for (int i = 0; i < 100; ++i) {
            const std::uint64_t user = random.below(5'000);
            const joust::ticket ticket = ranking.choose(user);
            users[ticket.arm()].push_back(user);
            tickets[ticket.arm()].push_back(ticket);
        }
        for (unsigned arm = 0; arm < 2; ++arm) {
            const auto scores = endpoints[arm].score(users[arm]);
            for (const joust::ticket& ticket : tickets[arm]) {
                ranking.complete(ticket, endpoints[arm].latency, scores.size() == users[arm].size());
                ranking.observe<"purchase">(ticket, random.uniform() < (arm == 0 ? 0.08 : 0.11));
            }
        }
    }
    const joust::report report = ranking.report();
    fmt::print("{:t}\nverdict: {}\n", report, report.decision);
    return report.decision == joust::verdict::ship_challenger ? 0 : 1;
}
