// SPDX-License-Identifier: Apache-2.0

// A shadow's challenger whose score is no number on hard requests is not the better model.

#include <joust/core/random.hpp>
#include <joust/inference/always_valid.hpp>
#include <joust/report/report.hpp>
#include <joust/store/snapshot.hpp>
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

namespace {

int right_four_times_of_five(int i)
{
    return i % 5 == 0 ? 0 : 1;
}
int nearly_always_right(int i)
{
    return i % 50 == 0 ? 0 : 1;
}

auto shadow_of_two()
{
    return shadow{model{"old", right_four_times_of_five}, model{"new", nearly_always_right},
                  by([](int i) { return i; }), joust::salt{"truths stop"}, inline_run{}};
}

/// Serve requests, whose truth comes where `told(i)`.
template <class Told>
shadow_evidence evidence_of(int requests, Told told)
{
    auto beside = shadow_of_two();
    for (int i = 0; i < requests; ++i) {
        const auto got = beside.serve(i);
        if (told(i)) {
            beside.truth(got.ticket, 1);
        }
    }
    return beside.evidence();
}

}  // namespace

TEST_CASE(
    "a shadow whose truths stop ships nothing until they come back, also from merged evidence and a snapshot")
{
    const auto judged = [](const shadow_evidence& seen) { return shadow_of_two().report(seen); };
    const shadow_evidence whole = evidence_of(4'000, [](int) { return true; });
    const shadow_evidence stopped = evidence_of(4'000, [](int i) { return i < 2'000; });
    CHECK(judged(whole).decision == verdict::ship_challenger);
    CHECK(judged(whole).reason.find("truths") == std::string::npos);
    CHECK(whole.quiet.empty());
    const report r = judged(stopped);
    CHECK(r.decision == verdict::keep_testing);
    CHECK_THAT(r.reason, ContainsSubstring("new has the better accuracy"));
    CHECK_THAT(r.reason, ContainsSubstring("but truths hardly come any more: in the last 2,"));
    CHECK(from_snapshot<shadow_evidence>(to_snapshot(stopped)) == stopped);
    shadow_evidence both = whole;
    both.merge(stopped);
    CHECK(judged(both).decision == verdict::keep_testing);
    both = stopped;
    both.merge(whole);
    CHECK(judged(both).decision == verdict::keep_testing);
    // A truth for each tenth request, labels once a day, and truths that came back hold nothing.
    CHECK(judged(evidence_of(4'000, [](int i) { return i % 10 == 0; })).decision == verdict::ship_challenger);
    CHECK(judged(evidence_of(4'000, [](int i) { return i % 1'000 < 400; })).decision ==
          verdict::ship_challenger);
    CHECK(judged(evidence_of(6'000, [](int i) { return i < 1'000 || i >= 3'000; })).decision ==
          verdict::ship_challenger);
    // A list that does not fit the models is refused.
    shadow_evidence broken = stopped;
    broken.quiet.push_back(1);
    CHECK_FALSE(broken.consistent());
    broken = stopped;
    broken.helpers.clear();
    CHECK_FALSE(broken.consistent());
}
