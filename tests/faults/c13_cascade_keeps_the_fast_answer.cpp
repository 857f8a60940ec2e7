// SPDX-License-Identifier: Apache-2.0

#include <joust/core/model.hpp>
#include <joust/split/cascade.hpp>
#include <joust/trial/ab_test.hpp>

#include "catch.hpp"

#include <cstdint>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>

namespace {

using namespace joust;

struct request {
    std::uint64_t user = 0;
    double hardness = 0.0;
};
struct answer {
    int label = 0;
    double sure = 1.0;
};

answer fast(const request& r)
{
    return {1, 1.0 - r.hardness};
}
answer deep(const request&)
{
    return {2, 1.0};
}

TEST_CASE("A deep model that throws costs no answer: the fast answer is served and the failure counted")
{
    int calls = 0;
    auto both = cascade(fast,
                        [&calls](const request&) -> answer {
                            if (++calls % 2 == 0) {
                                throw std::runtime_error{"deep"};
                            }
                            return {2, 1.0};
                        },
                        &answer::sure, {.threshold = 0.8, .fast_cost = 1.0, .deep_cost = 10.0});
    CHECK(both(request{.hardness = 0.0}).label == 1);
    CHECK(both(request{.hardness = 1.0}).label == 2);
    CHECK(both(request{.hardness = 1.0}).label == 1);
    CHECK(both(request{.hardness = 1.0}).label == 2);
    CHECK(both(request{.hardness = 1.0}).label == 1);
    const cascade_counts seen = both.counts();
    CHECK(seen.calls == 5);
    CHECK(seen.deep == 2);
    CHECK(seen.deep_failed == 2);
    CHECK(seen.over_budget == 0);
    CHECK(seen.deep_share() == 0.4);
    CHECK(seen.cost == 5 * 1.0 + 4 * 10.0);
}

TEST_CASE("A deep call that fails has used its budget")
{
    auto both = cascade(fast, [](const request&) -> answer { throw std::bad_alloc{}; }, &answer::sure,
                        {.threshold = 0.8, .budget = 0.25, .burst = 1.0});
    for (int i = 0; i < 8; ++i) {
        CHECK(both(request{.hardness = 1.0}).label == 1);
    }
    CHECK(both.counts().deep == 0);
    CHECK(both.counts().deep_failed == 2);
    CHECK(both.counts().over_budget == 6);
}

TEST_CASE("A confidence that throws counts as unsure, and the deep model is asked")
{
    const auto broken = [](const answer&) -> double { throw std::runtime_error{"confidence"}; };
    auto both = cascade(fast, deep, broken);
    CHECK(both(request{}).label == 2);
    CHECK(both.counts().confidence_failed == 1);
    CHECK(both.counts().deep == 1);
    // Where the deep model is not there either, the fast answer is all there is, and it is served.
    auto neither = cascade(fast, [](const request&) -> answer { throw 4; }, broken);
    CHECK(neither(request{}).label == 1);
    CHECK(neither.counts().confidence_failed == 1);
    CHECK(neither.counts().deep_failed == 1);
    auto spent = cascade(fast, deep, broken, {.budget = 0.0, .burst = 1.0});
    CHECK(spent(request{}).label == 2);
    CHECK(spent(request{}).label == 1);
    CHECK(spent.counts().over_budget == 1);
}

TEST_CASE("Answers that can only be moved, and answers of two types, survive a deep model that throws")
{
    auto owned = cascade([](int x) { return std::make_unique<int>(x); },
                         [](int) -> std::unique_ptr<int> { throw std::runtime_error{"deep"}; },
                         [](const std::unique_ptr<int>&) { return 0.0; });
    CHECK(*owned(7) == 7);
    auto mixed = cascade([](int x) { return x; }, [](int) -> double { throw std::runtime_error{"deep"}; },
                         [](int) { return 0.0; });
    CHECK(mixed(7) == 7.0);
}

TEST_CASE("In a trial the kept answer is a success like any other, and accept_if judges it like any other")
{
    const auto both =
        cascade(fast, [](const request&) -> answer { throw std::runtime_error{"deep"}; }, &answer::sure);
    ab_test trial{model{"deep", deep}, model{"cascade", both}, by(&request::user), conversion<"right">{},
                  hash_split{.salt = "c13", .shares = {0.0, 1.0}}};
    for (std::uint64_t u = 0; u < 20; ++u) {
        CHECK(trial(request{.user = u, .hardness = 1.0}).label == 1);
    }
    CHECK(trial.evidence().failed(1) == 0);
    CHECK(both.counts().deep_failed == 20);

    ab_test strict{model{"deep", deep},
                   model{"cascade", both},
                   by(&request::user),
                   conversion<"right">{},
                   hash_split{.salt = "c13", .shares = {0.0, 1.0}},
                   accept_if([](const answer& a) { return a.label == 2; })};
    CHECK(strict(request{.user = 1, .hardness = 1.0}).label == 2);
    CHECK(strict.evidence().failed(1) == 1);
}

}  // namespace
