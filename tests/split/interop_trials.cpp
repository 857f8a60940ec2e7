// SPDX-License-Identifier: Apache-2.0

#include <joust/split/interop/eppo.hpp>
#include <joust/split/interop/growthbook.hpp>
#include <joust/trial/ab_test.hpp>

#include "allocations.hpp"
#include "catch.hpp"

#include <array>
#include <cstddef>
#include <string>

namespace {

namespace in = joust::interop;

struct Request {
    std::string user_id;
};

Request request_of(int user)
{
    return {"user-" + std::to_string(user)};
}

TEST_CASE("a trial serves the arms that GrowthBook gives, and records enrolled units only")
{
    const in::growthbook::experiment running{
        .key = "checkout", .hash_version = 2, .weights = {0.5, 0.5}, .coverage = 0.4};
    joust::ab_test trial{joust::model{"old", [](const Request&) { return 0U; }},
                         joust::model{"new", [](const Request&) { return 1U; }}, joust::by(&Request::user_id),
                         in::growthbook_split{joust::by(&Request::user_id), running},
                         joust::conversion<"click">{}};
    const in::growthbook_split alone{joust::by(&Request::user_id), running};
    CHECK(trial.name() == "checkout");

    std::array<double, 2> served{};
    int different = 0;
    constexpr int users = 4'000;
    (void)trial(request_of(0));
    for (int i = 0; i < users; ++i) {
        const Request request = request_of(i);
        const joust::assignment expected = alone.decide(request.user_id);
        const auto [arm, ticket] = trial.serve(request);
        different += arm == expected.arm && ticket.names_arm() == expected.enrolled ? 0 : 1;
        if (expected.enrolled) {
            served[arm] += 1.0;
            different += ticket.arm() == arm && ticket.propensity() == 0.5F ? 0 : 1;
            trial.observe<"click">(ticket, i % 3 == 0 ? 1.0 : 0.0);
        }
        // The unit alone finds the same arm.
        const joust::ticket chosen = trial.choose(request.user_id);
        different +=
            chosen.names_arm() == expected.enrolled && (!expected.enrolled || chosen.arm() == arm) ? 0 : 1;
    }
    CHECK(different == 0);
    const joust::report report = trial.report();
    REQUIRE(report.arms.size() == 2);
    for (std::size_t arm = 0; arm < 2; ++arm) {
        CHECK_THAT(report.arms[arm].share, WithinAbs(0.5, 1e-6));
        CHECK(report.arms[arm].requests >= static_cast<std::uint64_t>(served[arm]));
        CHECK(report.arms[arm].requests <= static_cast<std::uint64_t>(served[arm]) + 1);
    }
    CHECK_THAT((served[0] + served[1]) / users, WithinAbs(0.4, 0.03));
    CHECK(report.decision ==
          joust::verdict::keep_testing);  // with no word of a mismatch between shares and traffic
    CHECK(report.reason.find("planned shares") == std::string::npos);

    const Request request = request_of(7);
    const long before = joust_tests::allocations();
    (void)trial(request);
    CHECK(joust_tests::allocations() == before);
}

TEST_CASE(
    "a trial of three models takes the shares of Eppo's splits, and other numbers of models are refused")
{
    const in::eppo::allocation running{.key = "ranker",
                                       .splits = {{0, {{"ranker", {{0, 5'000}}}}},
                                                  {1, {{"ranker", {{5'000, 8'000}}}}},
                                                  {2, {{"ranker", {{8'000, 10'000}}}}}}};
    const auto split = [&] { return in::eppo_split{joust::by(&Request::user_id), running}; };
    const auto model = [](const char* name, unsigned arm) {
        return joust::model{name, [arm](const Request&) { return arm; }};
    };
    joust::ab_test trial{model("a", 0), model("b", 1),
                         model("c", 2), joust::by(&Request::user_id),
                         split(),       joust::conversion<"click">{}};
    int different = 0;
    for (int i = 0; i < 3'000; ++i) {
        const Request request = request_of(i);
        const std::uint32_t shard = in::eppo::shard("ranker", request.user_id);
        different += trial(request) == (shard < 5'000 ? 0U : shard < 8'000 ? 1U : 2U) ? 0 : 1;
    }
    CHECK(different == 0);
    const joust::report report = trial.report();
    REQUIRE(report.arms.size() == 3);
    CHECK_THAT(report.arms[0].share, WithinAbs(0.5, 1e-6));
    CHECK_THAT(report.arms[1].share, WithinAbs(0.3, 1e-6));
    CHECK_THAT(report.arms[2].share, WithinAbs(0.2, 1e-6));
    CHECK(report.reason.find("planned shares") == std::string::npos);

    using two =
        joust::ab_test<decltype(model("a", 0)), decltype(model("b", 1)),
                       decltype(joust::by(&Request::user_id)), decltype(split()), joust::conversion<"click">>;
    CHECK_THROWS_AS((two{model("a", 0), model("b", 1), joust::by(&Request::user_id), split(),
                         joust::conversion<"click">{}}),
                    joust::configuration_error);
}

}  // namespace
