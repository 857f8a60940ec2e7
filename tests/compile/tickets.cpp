// SPDX-License-Identifier: Apache-2.0

// Every misuse of tickets is answered with one sentence.

#include <joust/trial/ab_test.hpp>
#include <joust/trial/event_log.hpp>

#include <chrono>
#include <string>

struct request {
    std::string user;
};
int old_model(const request&)
{
    return 1;
}
int new_model(const request&)
{
    return 2;
}
inline constexpr joust::sip_key secret{1, 2};

// A ticket policy of one's own: tickets go out with their halves swapped, and come back.
struct swapped {
    std::chrono::seconds expires_after = joust::no_expiry;
    struct given {
        joust::ticket inside;
    };
    given seal(const joust::ticket& made) const noexcept { return {made}; }
    joust::ticket_error open(const given& from, joust::ticket& out) const noexcept
    {
        out = from.inside;
        return out.check();
    }
};

#ifdef ACCEPT
void accepted(joust::event_log& log)
{
    joust::ab_test score{joust::model{"a", old_model},
                         joust::model{"b", new_model},
                         joust::by(&request::user),
                         joust::conversion<"click">{},
                         joust::signed_tickets{.keys = secret, .expires_after = std::chrono::hours{24}},
                         joust::record_to(log)};
    const joust::signed_ticket chosen = score.choose(std::string{"ann"});
    (void)score.arm_of(chosen);
    joust::ab_test own{joust::model{"a", old_model}, joust::model{"b", new_model}, joust::by(&request::user),
                       joust::conversion<"click">{}, swapped{}};
    own.observe<"click">(own.serve(request{}).ticket, 1.0);
}
#endif

// REJECT 1: joust: two ticket policies are given; signed_tickets takes .expires_after too
#if REJECT == 1
joust::ab_test score{joust::model{"a", old_model},
                     joust::model{"b", new_model},
                     joust::by(&request::user),
                     joust::conversion<"click">{},
                     joust::signed_tickets{.keys = secret},
                     joust::plain_tickets{.expires_after = std::chrono::hours{24}}};
#endif

// REJECT 2: joust: this has seal(), but a ticket policy is
#if REJECT == 2
struct one_way {
    joust::ticket seal(const joust::ticket& made) const noexcept { return made; }
};
joust::ab_test score{joust::model{"a", old_model}, joust::model{"b", new_model}, joust::by(&request::user),
                     joust::conversion<"click">{}, one_way{}};
#endif

// REJECT 3: joust: a signed ticket hides its arm; ask the trial that gave it out: trial.arm_of(ticket)
#if REJECT == 3
unsigned chosen(const joust::signed_ticket& from)
{
    return from.arm();
}
#endif

// REJECT 4: joust: observe takes the tickets that this trial gives out
#if REJECT == 4
bool plain_for_signed(const joust::ticket& plain)
{
    joust::ab_test score{joust::model{"a", old_model}, joust::model{"b", new_model},
                         joust::by(&request::user), joust::conversion<"click">{},
                         joust::signed_tickets{.keys = secret}};
    return score.observe<"click">(plain, 1.0);
}
#endif

// REJECT 5: record_to
#if REJECT == 5
auto recorder = joust::record_to(joust::event_log{"a temporary"});
#endif
