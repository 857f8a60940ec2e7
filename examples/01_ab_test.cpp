// SPDX-License-Identifier: Apache-2.0

// An A/B test: wraps two models, serves requests through the wrapper, reports clicks when they come, and asks which
// model is better.

#include <joust/format.hpp>
#include <joust/joust.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <string>

struct request {
    std::uint64_t user;
    double price;
};

// Two models that decide which discount to show. A model can be any callable.
int flat(const request&)
{
    return 5;
}
int tiered(const request& r)
{
    return r.price > 50.0 ? 10 : 4;
}

int main()
{
    joust::ab_test discount{
        joust::model{"flat", flat},                                     // the champion, which serves today
        joust::model{"tiered", tiered},                                 // the challenger
        joust::by(&request::user),                                      // a user always gets the same model
        joust::hash_split{.salt = "discount-7", .shares = {0.5, 0.5}},  // champion first
        joust::conversion<"click">{},                                   // the first metric decides
        joust::mean<"revenue">{.cap = 200.0},
        joust::always_valid{.alpha = 0.05, .units = 16'000},
    };

    // Simulated users: they click on 10 % of small discounts and on 16 % of large ones.
    joust::keyed_random random(1);
    for (int i = 0; i < 16'000; ++i) {
        const request visit{random.below(4'000), 100.0 * random.uniform()};
        const auto [percent, ticket] = discount.serve(visit);
        const bool clicked = random.uniform() < (percent >= 10 ? 0.16 : 0.10);

        // Feedback may come next week and from another program, since a ticket can be kept as 43 characters of text.
        const std::string in_the_log = ticket.to_string();
        discount.observe<"click">(joust::ticket::from_string(in_the_log), clicked);
        if (clicked) {
            discount.observe<"revenue">(ticket, visit.price * (100 - percent) / 100.0);
        }
    }

    const joust::report report = discount.report();
    fmt::print("{:t}\n", report);
    fmt::print("verdict: {}\n", report.decision);
    return report.decision == joust::verdict::ship_challenger ? 0 : 1;
}
