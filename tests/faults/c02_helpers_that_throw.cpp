// SPDX-License-Identifier: Apache-2.0

#include <joust/core/model.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/report/report.hpp>
#include <joust/split/assigned_by.hpp>
#include <joust/split/overrides.hpp>
#include <joust/split/when.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/consent.hpp>
#include <joust/trial/covariate.hpp>
#include <joust/trial/recorder.hpp>

#include "allocations.hpp"
#include "catch.hpp"
#include "report/in_report.hpp"

#include <cstdint>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace {

using namespace joust;
using joust_test::counted;

struct request {
    std::uint64_t user = 0;
    bool bad = false;
};

int champion(const request&)
{
    return 0;
}
int challenger(const request&)
{
    return 1;
}

// A helper that works until a request is bad.
template <class Answer>
auto unless_bad(Answer answer)
{
    return [answer](const request& r) {
        if (r.bad) {
            throw std::runtime_error{"helper"};
        }
        return answer(r);
    };
}
const auto yes = unless_bad([](const request&) { return true; });
const auto user = unless_bad([](const request& r) { return r.user; });
const auto number = unless_bad([](const request& r) { return static_cast<double>(r.user % 7); });

// Serve 100 good and 20 bad requests by the challenger's trial. The bad ones get the champion, unrecorded.
template <class Trial>
void check_served(Trial& trial, std::string_view name)
{
    INFO(name);
    for (std::uint64_t u = 0; u < 100; ++u) {
        CHECK(trial(request{.user = u}) == 1);
    }
    for (std::uint64_t u = 0; u < 10; ++u) {
        CHECK(trial(request{.user = u, .bad = true}) == 0);
        const auto [answer, receipt] = trial.serve(request{.user = u, .bad = true});
        CHECK(answer == 0);
        CHECK(receipt.kind() == ticket_kind::unrecorded);
    }
    CHECK(trial.evidence().requests() == 100);
    CHECK(trial.evidence().failed(1) == 0);
    const report out = trial.report();
    CHECK(counted(out, "not recorded") == 20);
    CHECK(counted(out, name) == 20);
    CHECK(counted(out, "threw") == 20);
}

template <class... Policies>
void check_ab(std::string_view name, Policies... policies)
{
    ab_test trial{model{"a", champion}, model{"b", challenger}, conversion<"good">{}, policies...};
    check_served(trial, name);
}

const hash_split all{.salt = "c2", .shares = {0.0, 1.0}};

TEST_CASE(
    "An A/B test whose helper throws serves the champion, unrecorded, and counts it by the helper's name")
{
    check_ab("consent(...) threw", by(&request::user), all, consent(yes));
    check_ab("by(...) threw", by(user), all);
    check_ab("adjust_for(...) threw", by(&request::user), all, adjust_for(number));
    check_ab("when(...) threw", by(&request::user), when(yes, all));
    check_ab("when(...) threw", by(&request::user),
             overrides({{"4711", 0}}, when([](const request&) { return true; }, when(yes, all))));
    const auto platform = unless_bad([](const request&) { return assignment{1, 1.0, true}; });
    check_ab("assigned_by(...) threw", by(&request::user), assigned_by(platform));
    check_ab("assigned_by(...) threw", by(&request::user),
             assigned_by(unless_bad([](const request&) { return 1; }), {0.0, 1.0}));
}

TEST_CASE(
    "A helper of one's own that throws anything, and a unit that cannot be copied since memory is out, cost no answer")
{
    struct own_consent {
        [[nodiscard]] bool may_record(const request& r) const
        {
            if (r.bad) {
                throw 42;
            }
            return true;
        }
    };
    check_ab("consent(...) threw", by(&request::user), all, own_consent{});
    check_ab("by(...) threw", by([](const request& r) -> std::string {
                 if (r.bad) {
                     throw std::bad_alloc{};
                 }
                 return std::to_string(r.user);
             }),
             all);
}

TEST_CASE("A canary whose helper throws serves the champion too")
{
    const auto check = [](std::string_view name, auto... policies) {
        canary trial{model{"a", champion}, model{"b", challenger}, ramp{{1.0}}, policies...};
        check_served(trial, name);
    };
    check("consent(...) threw", by(&request::user), consent(yes));
    check("by(...) threw", by(user));
    check("adjust_for(...) threw", by(&request::user), adjust_for(number), mean<"spend">{});
    check("when(...) threw", by(&request::user), when(yes, hash_split{.salt = "c2"}));
}

TEST_CASE("accept_if that throws refuses the result, and is counted by its name")
{
    ab_test trial{model{"a", champion},
                  model{"b", challenger},
                  by(&request::user),
                  all,
                  conversion<"good">{},
                  accept_if([](int answer) {
                      if (answer == 1) {
                          throw std::runtime_error{"accept_if"};
                      }
                      return true;
                  })};
    CHECK(trial(request{.user = 1}) == 0);
    CHECK(trial.evidence().failed(1) == 1);
    CHECK(counted(trial.report(), "accept_if(...) threw") == 1);
}

TEST_CASE("A recorder that throws loses its event and nothing else")
{
    int events = 0;
    ab_test trial{model{"a", champion},
                  model{"b", challenger},
                  by(&request::user),
                  all,
                  conversion<"good">{},
                  record_with([&events](const event& seen) {
                      ++events;
                      if (seen.kind == event::what::feedback || events % 2 == 0) {
                          throw std::runtime_error{"recorder"};
                      }
                  })};
    for (std::uint64_t u = 0; u < 10; ++u) {
        CHECK(trial(request{.user = u}) == 1);
    }
    CHECK(trial.observe<"good">(trial.serve(request{.user = 11}).ticket, true));
    CHECK(trial.evidence().requests(1) == 11);
    CHECK(events == 12);
    CHECK(counted(trial.report(), "the recorder threw") == 6);
}

TEST_CASE("A metric of one's own that throws refuses the feedback")
{
    struct checked {
        static constexpr std::string_view name() { return "checked"; }
        static void add(cell& c, double value)
        {
            if (value < 0.0) {
                throw std::runtime_error{"metric"};
            }
            c.value = value;
        }
    };
    ab_test trial{model{"a", champion}, model{"b", challenger}, by(&request::user), all, checked{}};
    const auto receipt = trial.serve(request{.user = 1}).ticket;
    CHECK_FALSE(trial.observe<"checked">(receipt, -1.0));
    CHECK(trial.observe<"checked">(receipt, 1.0));
    CHECK(counted(trial.report(), "the metric threw") == 1);
}

TEST_CASE("A challenger that is forced on a tester and fails falls back as any other")
{
    const auto failing = [](const request& r) -> int {
        if (r.bad) {
            throw std::runtime_error{"challenger"};
        }
        return 1;
    };
    ab_test trial{model{"a", champion}, model{"b", failing}, by(&request::user), conversion<"good">{},
                  overrides({{"7", 1}}, hash_split{.salt = "c2", .shares = {1.0, 0.0}})};
    CHECK(trial(request{.user = 7}) == 1);
    CHECK(trial(request{.user = 7, .bad = true}) == 0);
    CHECK(trial.evidence().requests() == 0);
    ab_test strict{model{"a", champion},
                   model{"b", failing},
                   by(&request::user),
                   conversion<"good">{},
                   overrides({{"7", 1}}, hash_split{.salt = "c2", .shares = {1.0, 0.0}}),
                   accept_if([](int answer) { return answer == 0; })};
    CHECK(strict(request{.user = 7}) == 0);
}

TEST_CASE("Evidence of before and after a version that counts more reasons can be merged")
{
    ab_test trial{model{"a", champion}, model{"b", challenger}, by(user), all, conversion<"good">{}};
    CHECK(trial(request{.user = 1, .bad = true}) == 0);
    evidence now = trial.evidence();
    ab_test quiet{model{"a", champion}, model{"b", challenger}, by(user), all, conversion<"good">{}};
    evidence old = quiet.evidence();
    CHECK(old.ignored.size() == detail::ignored_reasons);
    CHECK(now.ignored.size() > detail::ignored_reasons);
    old.ignored[0] = 1;
    evidence sum = old;
    sum.merge(now);
    now.merge(old);
    CHECK(sum.ignored == now.ignored);
    CHECK(now.ignored[0] == 1);
    CHECK(counted(trial.report(now), "by(...) threw") == 1);
}

TEST_CASE("Where memory is out the champion serves, also in a thread's first call, and the count says so")
{
    if (!joust_tests::memory_can_run_out()) {
        return;
    }
    // The id does not fit into the string itself, so that its copy needs memory.
    ab_test trial{model{"a", champion}, model{"b", challenger}, by([](const request& r) {
                      return std::string(40, 'u') + static_cast<char>('0' + r.user % 10);
                  }),
                  all, conversion<"good">{}};
    int first = -1;
    int answers = 0;
    std::thread fresh{[&] {
        {
            const joust_tests::no_memory refused;
            first = trial(request{.user = 1});
        }
        for (std::uint64_t u = 0; u < 10; ++u) {
            answers += trial(request{.user = u});
        }
        const joust_tests::no_memory refused;
        for (std::uint64_t u = 0; u < 10; ++u) {
            answers += trial(request{.user = u}) == 0 ? 100 : 0;
        }
    }};
    fresh.join();
    CHECK(first == 0);
    CHECK(answers == 1'010);
    CHECK(counted(trial.report(), "by(...) threw") == 11);
    CHECK(trial.evidence().requests(1) == 10);
    CHECK(trial.evidence().unrecorded == 11);
}

}  // namespace
