// SPDX-License-Identifier: Apache-2.0

// Several replicas of a service: each saves its own evidence to a file, and one report is made from all of them.

#include <joust/format.hpp>
#include <joust/joust.hpp>
#include <joust/store/file.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

int model_a(std::uint64_t)
{
    return 0;
}
int model_b(std::uint64_t)
{
    return 1;
}

// All replicas build the same trial. A trial cannot be copied or moved, but a function can return it.
auto make_trial()
{
    return joust::ab_test{
        joust::model{"a", model_a},
        joust::model{"b", model_b},
        joust::by([](std::uint64_t user) { return user; }),
        joust::hash_split{.salt = "fleet-7"},
        joust::conversion<"signup">{},
        joust::always_valid{.alpha = 0.05, .units = 12'000},
        joust::untimed{},
    };
}

int main()
{
    std::vector<std::string> files;
    for (std::uint64_t replica = 0; replica < 3; ++replica) {
        auto trial = make_trial();
        joust::keyed_random random(7, replica);
        for (int i = 0; i < 4'000; ++i) {
            const auto [answer, ticket] = trial.serve(random.below(10'000));
            trial.observe<"signup">(ticket, random.uniform() < (answer == 0 ? 0.10 : 0.13));
        }
        // From time to time a replica overwrites its file with all its evidence, so that nothing counts twice.
        files.push_back("replica-" + std::to_string(replica) + ".joust");
        joust::save(files.back(), trial.evidence());
        fmt::print("replica {} alone: {}\n", replica, trial.report().decision);
    }

    const auto reporter = make_trial();
    const joust::report together = reporter.report(joust::load_merged<joust::evidence>(files));
    fmt::print("\n{:t}\nall together: {}\n", together, together.decision);
    for (const std::string& file : files) {
        std::remove(file.c_str());
    }
    return together.decision == joust::verdict::ship_challenger ? 0 : 1;
}
