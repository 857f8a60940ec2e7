// SPDX-License-Identifier: Apache-2.0

// A shadow: a new model answers the same requests as the old one. Users do not see its answers; the trial compares them
// with those of the old model.

#include <joust/format.hpp>
#include <joust/joust.hpp>

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <stdexcept>

struct message {
    std::uint64_t id;
    std::uint64_t sender;
    double links;  // what the models look at
};

// Two spam filters, which return whether a message is spam.
bool old_filter(const message& m)
{
    return m.links > 4.0;
}
bool new_filter(const message& m)
{
    if (m.links > 9.98) {
        throw std::runtime_error("too many links");
    }
    return m.links > 3.0;
}

int main()
{
    joust::shadow filter{
        joust::model{"old", old_filter},
        joust::model{"new", new_filter},
        joust::by(&message::sender),
        joust::salt("spam-4"),
        joust::inline_run{},  // within the call; the default for a service is a thread of its own
    };

    joust::keyed_random random(4);
    for (std::uint64_t id = 0; id < 5'000; ++id) {
        const message m{id, random.below(1'000), 10.0 * random.uniform()};
        const auto [spam, ticket] = filter.serve(m);  // always the old filter's answer

        // The truth is known later. Here, messages with more than 3.2 links are mostly spam.
        const bool truth = random.uniform() < (m.links > 3.2 ? 0.95 : 0.05);
        filter.truth(ticket, truth);
    }
    const joust::report report = filter.report();
    fmt::print("{:t}\nverdict: {}\n", report, report.decision);
    return report.decision == joust::verdict::keep_champion ? 0 : 1;  // more accurate, but it fails
}
