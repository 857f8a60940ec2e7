// SPDX-License-Identifier: Apache-2.0

#include <joust/core/model.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/metric/conversion.hpp>
#include <joust/metric/guardrail.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/gate.hpp>

#include "catch.hpp"

#include <string>

namespace {

using joust::ab_test;
using joust::canary;
using joust::conversion;
using joust::failures;
using joust::gate;
using joust::guardrail;
using joust::model;

struct request {
    int unit;
};
constexpr auto unit_of = [](const request& r) { return r.unit; };
constexpr auto answer = [](const request&) { return 1; };

template <class Make>
std::string why_not(Make make)
{
    try {
        static_cast<void>(make());
    } catch (const joust::configuration_error& e) {
        return e.what();
    }
    return "accepted";
}

const auto guarded_failures =
    guardrail(failures{}, {.max_ratio = 1.1, .exclude = {.max_ratio = 1.5, .max_increase = 0.005}});

}  // namespace

TEST_CASE("a harm to exclude is for canaries, and other trials refuse it in a sentence")
{
    CHECK(why_not([] {
              canary trial{model{"a", answer}, model{"b", answer}, joust::by(unit_of), guarded_failures};
              return trial.share() > 0.0 ? 1 : 0;
          }) == "accepted");
    const std::string why =
        "; allowed: a harm to exclude in a canary, which promotes the challenger once it is excluded";
    CHECK(why_not([] {
              ab_test trial{model{"a", answer}, model{"b", answer}, joust::by(unit_of), conversion<"click">{},
                            guarded_failures};
              return trial.name().empty() ? 1 : 0;
          }) == "guardrail(failures).exclude is given to ab_test" + why);
    CHECK(why_not([] {
              gate trial{model{"a", answer}, model{"b", answer},
                         guardrail(conversion<"right">{},
                                   {.max_decrease = 0.01, .exclude = {.max_decrease = 0.02}})};
              return 0;
          }) == "guardrail(right).exclude is given to gate" + why);
}
