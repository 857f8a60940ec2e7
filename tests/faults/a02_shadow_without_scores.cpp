// SPDX-License-Identifier: Apache-2.0

// A shadow's challenger whose score is no number on hard requests is not the better model.

#include <joust/core/random.hpp>
#include <joust/inference/always_valid.hpp>
#include <joust/report/report.hpp>
#include <joust/trial/shadow.hpp>

#include "catch.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

using namespace joust;

namespace {

/// Let both models predict numbers for 2,000 requests. On easy requests the challenger is nearer to the truth. On `hard` of
/// each 1,000 requests it predicts NaN.
report after(int hard)
{
    const auto near = [](double by) { return [by](int i) { return static_cast<double>(i) + by; }; };
    const auto sometimes = [hard](int i) {
        return i % 1'000 < hard ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(i) + 0.1;
    };
    shadow beside{model{"old", near(0.5)},
                  model{"new", sometimes},
                  by([](int i) { return i; }),
                  inline_run{},
                  judged_by([](double predicted, double truth) { return -std::fabs(predicted - truth); }),
                  always_valid{.units = 2'000}};
    for (int i = 0; i < 2'000; ++i) {
        const auto got = beside.serve(i);
        beside.truth(got.ticket,
                     static_cast<double>(i) + 0.1 * keyed_random{9, static_cast<std::uint64_t>(i)}.normal());
    }
    return beside.report();
}

}  // namespace

TEST_CASE("scores of the challenger that are no numbers do not make it the better model")
{
    CHECK(after(0).decision == verdict::ship_challenger);
    for (const int hard : {100, 450}) {
        const report r = after(hard);
        CHECK(r.decision == verdict::keep_testing);
        CHECK_THAT(r.reason, ContainsSubstring(std::to_string(2 * hard) + " pairs could not be judged"));
    }
    // Two pairs of 2,000 cannot turn a lead of this size.
    CHECK(after(1).decision == verdict::ship_challenger);
}

TEST_CASE("a shadow says for how many requests truths came, where they are few")
{
    const auto notes_of = [](int every) {
        shadow beside{model{"old", [](int i) { return i % 5 == 0 ? 0 : 1; }},
                      model{"new", [](int i) { return i % 50 == 0 ? 0 : 1; }}, by([](int i) { return i; }),
                      joust::salt{"few truths"}, inline_run{}};
        for (int i = 0; i < 1'000; ++i) {
            const auto got = beside.serve(i);
            if (i % every == 0) {
                beside.truth(got.ticket, 1);
            }
        }
        std::string all;
        for (const std::string& note : beside.report().notes) {
            all += note + '\n';
        }
        return all;
    };
    CHECK_THAT(notes_of(5),
               ContainsSubstring("Truths came for 200 of the 1,000 requests that new answered (20.0 %)"));
    CHECK_THAT(notes_of(1), !ContainsSubstring("Truths came for"));
}
