// SPDX-License-Identifier: Apache-2.0

// How often the reports of merged evidence of eight replicas find a difference between equal models, under policies that look
// once or at planned times, where the report is asked for twenty times.

#include <joust/core/random.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/inference/group_sequential.hpp>
#include <joust/inference/hybrid.hpp>
#include <joust/trial/ab_test.hpp>

#include "calibration/limit.hpp"
#include "catch.hpp"

#include <cstdint>
#include <iterator>
#include <list>
#include <string_view>
#include <utility>

using namespace joust;

namespace {

constexpr int replicas = 8;
constexpr int planned = 2'000;

template <class Policy>
auto make(const Policy& policy)
{
    return ab_test{model{"old", [](std::uint64_t) { return 0; }},
                   model{"new", [](std::uint64_t) { return 1; }},
                   by([](std::uint64_t user) { return user; }),
                   hash_split{.salt = "fleet"},
                   conversion<"click">{},
                   policy};
}

template <class Policy>
struct replica {
    explicit replica(const Policy& policy) : trial(make(policy)) {}
    decltype(make(std::declval<Policy>())) trial;
};

/// Return whether any merged report decides. Every replica also looks at its own evidence from time to time.
template <class Policy>
bool decides(const Policy& policy, std::uint64_t run)
{
    keyed_random random{20'262, run};
    std::list<replica<Policy>> fleet;
    for (int i = 0; i < replicas; ++i) {
        fleet.emplace_back(policy);
    }
    bool any = false;
    for (int look = 1; look <= 20; ++look) {
        for (int i = 0; i < planned / 10; ++i) {
            auto each = std::next(fleet.begin(), static_cast<std::ptrdiff_t>(random.below(replicas)));
            auto [arm, ticket] = each->trial.serve(random.next());
            each->trial.template observe<"click">(ticket, random.chance(0.2));
        }
        auto judge = std::next(fleet.begin(), static_cast<std::ptrdiff_t>(random.below(replicas)));
        (void)judge->trial.report();
        evidence all = fleet.front().trial.evidence();
        for (auto each = std::next(fleet.begin()); each != fleet.end(); ++each) {
            all.merge(each->trial.evidence());
        }
        any = any || judge->trial.report(std::move(all)).decision != verdict::keep_testing;
    }
    return any;
}

template <class Policy>
void calibrate(const Policy& policy, std::string_view name)
{
    const int runs = joust_test::full_calibration() ? 1'000 : 40;
    int wrong = 0;
    for (int run = 0; run < runs; ++run) {
        wrong += decides(policy, static_cast<std::uint64_t>(run)) ? 1 : 0;
    }
    WARN(name << ": " << wrong << " of " << runs << " fleets of equal models decided");
    CHECK(wrong <= joust_test::limit_of(runs, 0.05));
}

}  // namespace

TEST_CASE("Twenty merged reports of equal models keep the error rate of one test", "[calibration]")
{
    calibrate(fixed_horizon{.units = planned}, "fixed_horizon");
    calibrate(group_sequential{.units = planned, .looks = 4}, "group_sequential");
    calibrate(hybrid{.units = planned}, "hybrid");
}
