// SPDX-License-Identifier: Apache-2.0

#include <joust/interleave/competitive_pairs.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/gate.hpp>
#include <joust/trial/interleaving.hpp>
#include <joust/trial/shadow.hpp>

#include "catch.hpp"

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

using namespace joust;

// Trials of one name assign alike and take each other's tickets, so that each report says that there is another one.

namespace {

const auto first = [](std::uint64_t) { return 0; };
const auto second = [](std::uint64_t) { return 1; };

template <class... Policies>
auto ab_of(Policies... policies)
{
    return ab_test{model{"control", first}, model{"treatment", second},
                   by([](std::uint64_t user) { return user; }), conversion<"click">{}, policies...};
}

bool has_note(const report& r, std::string_view part)
{
    for (const std::string& note : r.notes) {
        if (note.find(part) != std::string::npos) {
            return true;
        }
    }
    return false;
}

bool shares_a_name(const report& r)
{
    return has_note(r, "Another live trial of this process has the name");
}
bool lacks_a_salt(const report& r)
{
    return has_note(r, "No salt was given");
}

}  // namespace

TEST_CASE("two trials that are named after the same models are noted in both reports, until one is gone")
{
    auto one = ab_of();
    CHECK_FALSE(shares_a_name(one.report()));
    {
        auto two = ab_of(mean<"revenue">{});
        int alike = 0;
        for (std::uint64_t user = 0; user < 500; ++user) {
            alike += one(user) == two(user) ? 1 : 0;
        }
        CHECK(alike == 500);
        CHECK(one.observe<"click">(two.serve(std::uint64_t{501}).ticket, true));
        CHECK(shares_a_name(one.report()));
        CHECK(shares_a_name(two.report()));
        CHECK(has_note(two.report(), "'control-treatment'"));
        CHECK(shares_a_name(one.report(one.evidence())));
    }
    CHECK_FALSE(shares_a_name(one.report()));
    CHECK(lacks_a_salt(one.report()));
}

TEST_CASE("trials with salts of their own share nothing, and trials with one salt do")
{
    auto one = ab_of(hash_split{.salt = "checkout"});
    auto other = ab_of(hash_split{.salt = "search"});
    CHECK_FALSE(shares_a_name(one.report()));
    CHECK_FALSE(lacks_a_salt(one.report()));
    auto same = ab_of(hash_split{.salt = "checkout"});
    CHECK(shares_a_name(one.report()));
    CHECK(shares_a_name(same.report()));
    CHECK_FALSE(shares_a_name(other.report()));
}

TEST_CASE("a name is shared over kinds of trials too, and a gate serves nothing")
{
    auto test = ab_of(hash_split{.salt = "over kinds"});
    auto unsalted = ab_of();
    const gate checks{model{"control", first}, model{"treatment", second},
                      guardrail(failures{}, {.max_increase = 0.1})};
    CHECK_FALSE(shares_a_name(unsalted.report()));
    CHECK_FALSE(shares_a_name(test.report()));
    canary rising{model{"control", first}, model{"treatment", second},
                  by([](std::uint64_t user) { return user; }), hash_split{.salt = "over kinds"}};
    CHECK(shares_a_name(test.report()));
    CHECK(shares_a_name(rising.report()));

    shadow beside{model{"control", first}, model{"treatment", second}, per_request{}, inline_run{}};
    CHECK(lacks_a_salt(beside.report()));
    CHECK(shares_a_name(beside.report()));
    CHECK(shares_a_name(unsalted.report()));

    const auto list = [](int) { return std::vector<int>{1, 2, 3}; };
    interleaving mixed{model{"control", list}, model{"treatment", list}, per_request{}, salt{"mixed"}};
    CHECK_FALSE(shares_a_name(mixed.report()));
    CHECK_FALSE(lacks_a_salt(mixed.report()));
    interleaving twin{model{"control", list}, model{"treatment", list}, per_request{}, salt{"mixed"}};
    CHECK(shares_a_name(mixed.report()));
}

TEST_CASE("trials come and go in several threads, and the list of names keeps up")
{
    const auto make = [] {
        for (int i = 0; i < 50; ++i) {
            auto trial = ab_of(hash_split{.salt = "threads of names"});
            static_cast<void>(trial.name());
        }
    };
    std::thread a{make};
    std::thread b{make};
    a.join();
    b.join();
    auto last = ab_of(hash_split{.salt = "threads of names"});
    CHECK_FALSE(shares_a_name(last.report()));
}
