// SPDX-License-Identifier: Apache-2.0

#include <joust/core/model.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/report/report.hpp>
#include <joust/ticket/seen.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/interleaving.hpp>

#include "catch.hpp"
#include "report/in_report.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace joust;
using joust_test::counted;
using joust_test::noted;

int zero(std::uint64_t)
{
    return 0;
}
int one(std::uint64_t)
{
    return 1;
}
const auto unit = [](std::uint64_t u) { return u; };

template <class... Policies>
auto trial_of(Policies... policies)
{
    return ab_test{model{"a", zero}, model{"b", one}, by(unit), hash_split{.salt = "c9"}, policies...};
}

template <class Trial>
std::uint64_t taken(Trial& trial, std::size_t times)
{
    const auto receipt = trial.serve(std::uint64_t{1}).ticket;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < times; ++i) {
        sum += trial.template observe<"spend">(receipt, 5.0) ? 1U : 0U;
    }
    return sum;
}

TEST_CASE("One ticket brings a stated number of values to a metric that accumulates, equal ones among them")
{
    auto usual = trial_of(mean<"spend">{.accumulate = true});
    CHECK(taken(usual, 5'000) == 100);
    CHECK(counted(usual.report(), "beyond the number of values") == 4'900);
    auto few = trial_of(mean<"spend">{.accumulate = true}, plain_tickets{.values_per_ticket = 3});
    CHECK(taken(few, 10) == 3);
    auto many = trial_of(mean<"spend">{.accumulate = true}, plain_tickets{.values_per_ticket = 5'000});
    CHECK(taken(many, 5'001) == 5'000);
    auto sealed = trial_of(mean<"spend">{.accumulate = true},
                           signed_tickets{.keys = sip_key{1, 2}, .values_per_ticket = 2});
    CHECK(taken(sealed, 10) == 2);
    auto once = trial_of(mean<"spend">{});
    CHECK(taken(once, 10) == 1);
    CHECK(counted(once.report(), "repeated feedback") == 9);
}

TEST_CASE("Each metric and each ticket has its own number, in a canary too, and for ratios and quantiles")
{
    canary trial{model{"a", zero},
                 model{"b", one},
                 by(unit),
                 hash_split{.salt = "c9"},
                 mean<"spend">{.accumulate = true},
                 ratio<"rate">{.accumulate = true},
                 quantile<"wait">{.accumulate = true},
                 plain_tickets{.values_per_ticket = 2}};
    for (std::uint64_t u = 0; u < 5; ++u) {
        const auto receipt = trial.serve(u).ticket;
        int spend = 0;
        int rate = 0;
        int wait = 0;
        for (int i = 0; i < 5; ++i) {
            spend += trial.observe<"spend">(receipt, 1.0) ? 1 : 0;
            rate += trial.observe<"rate">(receipt, 1.0, 2.0) ? 1 : 0;
            wait += trial.observe<"wait">(receipt, 1.0) ? 1 : 0;
        }
        CHECK(spend == 2);
        CHECK(rate == 2);
        CHECK(wait == 2);
    }
    CHECK(counted(trial.report(), "beyond the number of values") == 45);
}

// The share of tickets whose feedback counts again after feedback for `later` others.
template <class Trial>
double counted_twice(Trial& trial, std::uint64_t later)
{
    std::vector<typename Trial::ticket_type> tickets;
    const std::uint64_t tried = 2'000;
    std::uint64_t twice = 0;
    std::uint64_t used = 0;
    for (std::uint64_t u = 0; u < tried + later; ++u) {
        const auto receipt = trial.serve(u).ticket;
        if (u < tried) {
            tickets.push_back(receipt);
        }
        used += trial.template observe<"spend">(receipt, 1.0) ? 1U : 0U;
    }
    CHECK(used == tried + later);
    for (const auto& each : tickets) {
        twice += trial.template observe<"spend">(each, 1.0) ? 1U : 0U;
    }
    return static_cast<double>(twice) / static_cast<double>(tried);
}

TEST_CASE(
    "20,000 pieces of feedback later no ticket counts twice, and the number that is remembered is an option")
{
    auto usual = trial_of(mean<"spend">{});
    CHECK(counted_twice(usual, 20'000) == 0.0);
    CHECK_FALSE(noted(usual.report(), "forgotten"));
    auto large = trial_of(mean<"spend">{}, plain_tickets{.remember = 60'000});
    CHECK(counted_twice(large, 55'000) < 0.001);
    auto small = trial_of(mean<"spend">{}, plain_tickets{.remember = 500});
    CHECK(counted_twice(small, 20'000) > 0.5);
    const report out = small.report();
    CHECK(noted(out, "the latest 500"));
    CHECK(noted(out, "were forgotten, and feedback that is repeated for them counts again"));
}

TEST_CASE("A metric that accumulates does not shorten the memory")
{
    auto trial =
        trial_of(mean<"spend">{}, mean<"other">{.accumulate = true}, plain_tickets{.remember = 3'000});
    std::vector<ticket> tickets;
    std::uint64_t twice = 0;
    for (std::uint64_t u = 0; u < 3'000; ++u) {
        tickets.push_back(trial.serve(u).ticket);
        CHECK(trial.observe<"other">(tickets.back(), 1.0));
        CHECK(trial.observe<"spend">(tickets.back(), 1.0));
    }
    for (const auto& each : tickets) {
        twice += trial.observe<"spend">(each, 1.0) ? 1U : 0U;
    }
    CHECK(twice <= 1);
}

TEST_CASE("An interleaving remembers as many slates as it is told, and says that it forgot some")
{
    interleaving search{model{"a", [](std::uint64_t) { return std::vector<int>{1, 2}; }},
                        model{"b", [](std::uint64_t) { return std::vector<int>{2, 1}; }}, by(unit),
                        salt{"c9"}, plain_tickets{.remember = 20}};
    for (std::uint64_t u = 0; u < 300; ++u) {
        (void)search.click(search.rank(u, 2).ticket(), 0);
    }
    CHECK(noted(search.report(), "the latest 20"));
}

TEST_CASE(
    "A window forgets fewer than one in 10,000 of the latest keys, and sizes that cannot be are refused")
{
    const std::size_t n = 5'000;
    seen_window window{seen_window::remembering(n)};
    std::size_t lost = 0;
    for (std::uint64_t key = 0; key < 6 * n; ++key) {
        window.mark(mix64(key), 1);
        lost += key >= n && window.peek(mix64(key - n)) == 0 ? 1U : 0U;
    }
    CHECK(lost <= n / 1'000);
    CHECK(window.overwritten() > 0);
    CHECK(window.count(77) == 0);
    CHECK(window.count(77) == 1);
    CHECK(window.count(77) == 2);
    CHECK_THROWS_AS(trial_of(mean<"spend">{}, plain_tickets{.remember = 0}), configuration_error);
    CHECK_THROWS_AS(trial_of(mean<"spend">{}, plain_tickets{.remember = std::size_t{1} << 40}),
                    configuration_error);
    CHECK_THROWS_AS(trial_of(mean<"spend">{}, plain_tickets{.values_per_ticket = 0}), configuration_error);
}

}  // namespace
