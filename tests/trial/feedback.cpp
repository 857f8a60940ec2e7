// SPDX-License-Identifier: Apache-2.0
// Feedback may come with a ticket, its text, or a unit. Everything else is refused and counted.

#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/interleaving.hpp>

#include "catch.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct request {
    std::string user;
    int id = 0;
};

double score(const request&)
{
    return 1.0;
}

constexpr std::string_view no_unit = "feedback or a choice for something that is not a unit of the trial";
constexpr std::string_view damaged = "feedback for a damaged ticket";

std::uint64_t counted(const joust::report& report, std::string_view what)
{
    for (const auto& each : report.counts) {
        if (each.what == what) {
            return each.count;
        }
    }
    return 0;
}

template <class... Policies>
auto text_trial(Policies... policies)
{
    return joust::ab_test{joust::model{"a", score}, joust::model{"b", score}, joust::by(&request::user),
                          joust::conversion<"click">{}, policies...};
}

}  // namespace

TEST_CASE("a ticket's text is the ticket, and so estimates what the ticket does")
{
    auto by_ticket = text_trial(joust::hash_split{.salt = "s"});
    auto by_text = text_trial(joust::hash_split{.salt = "s"});
    for (int i = 0; i < 4'000; ++i) {
        const request user{"user-" + std::to_string(i)};
        const auto first = by_ticket.serve(user).ticket;
        const auto second = by_text.serve(user).ticket;
        const bool click = first.arm() == 1 ? i % 10 < 7 : i % 10 < 3;
        REQUIRE(by_ticket.observe<"click">(first, click));
        REQUIRE(by_text.observe<"click">(second.to_string(), click));
    }
    const joust::report known = by_ticket.report();
    const joust::report read = by_text.report();
    CHECK(read.metrics.at(0).estimate == known.metrics.at(0).estimate);
    CHECK(read.metrics.at(0).estimate > 0.3);
}

TEST_CASE("a ticket counts once, whether it comes as a ticket or as text")
{
    auto trial = text_trial();
    const auto ticket = trial.serve(request{"ann"}).ticket;
    CHECK(trial.observe<"click">(ticket.to_string(), true));
    CHECK_FALSE(trial.observe<"click">(ticket, true));
    CHECK_FALSE(trial.observe("click", ticket.to_string(), true));
    CHECK(counted(trial.report(), "repeated feedback") == 2);
}

TEST_CASE("a damaged or shortened ticket is counted and is no unit")
{
    auto trial = text_trial();
    const std::string text = trial.serve(request{"ann"}).ticket.to_string();
    for (const std::size_t at : {std::size_t{0}, std::size_t{9}, std::size_t{23}, text.size() - 1}) {
        std::string changed = text;
        changed[at] = changed[at] == 'Q' ? 'g' : 'Q';
        CHECK_FALSE(trial.observe<"click">(changed, true));
    }
    CHECK_FALSE(trial.observe<"click">(text.substr(0, 40), true));
    CHECK_FALSE(trial.observe<"click">(text + "=", true));
    CHECK_FALSE(trial.observe<"click">(text + "\n", true));
    CHECK(counted(trial.report(), damaged) == 7);
    CHECK(trial.observe<"click">(text, true));
}

TEST_CASE("a ticket of another trial is foreign as text too")
{
    auto here = text_trial(joust::hash_split{.salt = "here"});
    auto there = text_trial(joust::hash_split{.salt = "there"});
    CHECK_FALSE(here.observe<"click">(there.serve(request{"ann"}).ticket.to_string(), true));
    CHECK(counted(here.report(), "feedback for a ticket of another trial") == 1);
}

TEST_CASE("units that look like a ticket's text are units")
{
    // A SHA-256 digest also has 43 characters of base64url.
    auto trial = text_trial();
    const request hashed{"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"};
    REQUIRE(hashed.user.size() == joust::ticket::text_size);
    trial(hashed);
    CHECK(trial.observe<"click">(hashed.user, true));
    CHECK(trial.arm_of(trial.choose(hashed.user)) == trial.serve(hashed).ticket.arm());
    CHECK(trial.report().counts.empty());
}

TEST_CASE("where tickets are signed, text of their form is a ticket or nothing")
{
    auto trial = text_trial(joust::signed_tickets{.keys = joust::sip_key{1, 2}});
    const auto ticket = trial.serve(request{"ann"}).ticket;
    std::string text = ticket.to_string();
    CHECK(trial.observe<"click">(text, true));
    text[20] = text[20] == 'Q' ? 'g' : 'Q';
    CHECK_FALSE(trial.observe<"click">(text, true));
    CHECK(counted(trial.report(), "feedback for a forged ticket") == 1);
    CHECK(trial.observe<"click">(std::string{"ann"}, true));
}

TEST_CASE("a ticket's text is nothing to choose a model for")
{
    auto trial = text_trial();
    const std::string text = trial.serve(request{"ann"}).ticket.to_string();
    const joust::ticket chosen = trial.choose(text);
    CHECK(chosen.kind() == joust::ticket_kind::unrecorded);
    CHECK(counted(trial.report(), no_unit) == 1);
    CHECK(trial.choose(std::string{"ann"}).kind() == joust::ticket_kind::choice);

    const auto numbers = [](const request&) { return std::vector<int>{1, 2, 3}; };
    joust::interleaving search{joust::model{"a", numbers}, joust::model{"b", numbers},
                               joust::by(&request::user)};
    const std::string page = search.rank(request{"ann"}, 3).ticket().to_string();
    CHECK(search.choose(page).kind() == joust::ticket_kind::unrecorded);
    CHECK(search.choose("ann").kind() == joust::ticket_kind::slate);
    CHECK(counted(search.report(), no_unit) == 1);
}

TEST_CASE("the type of units is known from the first call on where it is not declared")
{
    joust::ab_test numbers{joust::model{"a", score}, joust::model{"b", score},
                           joust::by([](const auto& r) { return r.id; }), joust::conversion<"click">{}};
    numbers(request{"ann", 7});
    CHECK(numbers.observe<"click">(7, true));
    CHECK(numbers.observe<"click">(7L, true));
    CHECK_FALSE(numbers.observe<"click">("seven", true));
    CHECK_FALSE(numbers.observe<"click">(joust::uuid{1, 2}, true));
    CHECK(numbers.observe<"click">(numbers.serve(request{"ann", 7}).ticket.to_string(), true));
    CHECK(numbers.choose("seven").kind() == joust::ticket_kind::unrecorded);
    CHECK(counted(numbers.report(), no_unit) == 3);

    joust::canary texts{joust::model{"a", score}, joust::model{"b", score},
                        joust::by([](const auto& r) { return r.user; }), joust::conversion<"click">{}};
    texts(request{"ann", 7});
    CHECK(texts.observe<"click">("ann", true));
    CHECK_FALSE(texts.observe<"click">(7, true));
    CHECK(counted(texts.report(), no_unit) == 1);
}

TEST_CASE("integers of any width and enumerators are one kind of unit")
{
    enum class account : std::uint32_t { first = 7 };
    joust::ab_test trial{joust::model{"a", score}, joust::model{"b", score}, joust::by(&request::id),
                         joust::conversion<"click">{}};
    trial(request{"ann", 7});
    const unsigned arm = trial.arm_of(trial.choose(7));
    CHECK(trial.arm_of(trial.choose(std::uint64_t{7})) == arm);
    CHECK(trial.arm_of(trial.choose(account::first)) == arm);
    CHECK(trial.observe<"click">(account::first, true));
    CHECK(trial.report().counts.empty());
}

TEST_CASE("requests that are units themselves leave the choice of units to the caller")
{
    joust::ab_test trial{joust::model{"a", score}, joust::model{"b", score}, joust::per_request{},
                         joust::conversion<"click">{}};
    trial(request{"ann"});
    CHECK(trial.choose("call-1").kind() == joust::ticket_kind::choice);
    CHECK(trial.choose(1).kind() == joust::ticket_kind::choice);
    CHECK(trial.report().counts.empty());
}

TEST_CASE("a metric's name may come at run time, with units too")
{
    auto trial = text_trial(joust::ratio<"errors per token">{});
    trial(request{"ann"});
    const std::string name = "errors per token";
    CHECK(trial.observe(name, "ann", 1, 20));
    CHECK(trial.observe("click", std::string{"ann"}, true));
    CHECK_THROWS_AS(trial.observe("clicks", "ann", true), joust::configuration_error);
    CHECK_THROWS_AS(trial.observe(name, "ann", 1), joust::configuration_error);
}
