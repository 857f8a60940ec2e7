// SPDX-License-Identifier: Apache-2.0

// A canary: a new model serves a growing share of the users, and is rolled back within the call that gives enough
// evidence against it.

#include <joust/format.hpp>
#include <joust/joust.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <stdexcept>

struct request {
    std::uint64_t user;
    std::uint64_t id;
};

int old_model(const request&)
{
    return 1;
}
int good_model(const request&)
{
    return 2;
}
int bad_model(const request& r)
{
    if (r.id % 40 == 7) {
        throw std::runtime_error("feature store not reachable");
    }
    return 3;
}

template <class Model>
joust::report roll_out(const char* name, Model candidate)
{
    joust::canary rollout{
        joust::model{"old", old_model},
        joust::model{name, candidate},
        joust::by(&request::user),
        joust::hash_split{.salt = name},
        joust::ramp{.shares = {0.05, 0.25, 0.5, 1.0}, .requests = 500},
        joust::guardrail(joust::failures{}),  // it must not fail more often than the old model
        joust::untimed{},
    };

    // The caller never sees a failure of the new model, because the old model answers instead.
    joust::keyed_random random(2);
    for (std::uint64_t id = 0; id < 30'000; ++id) {
        (void)rollout(request{random.below(50'000), id});
    }
    return rollout.report();
}

int main()
{
    const joust::report good = roll_out("good", good_model);
    const joust::report bad = roll_out("bad", bad_model);
    fmt::print("{:t}\n{:t}\n", good, bad);
    fmt::print("good: {}\nbad: {}\n", good.decision, bad.decision);
    return good.decision == joust::verdict::ship_challenger && bad.decision == joust::verdict::roll_back ? 0
                                                                                                         : 1;
}
