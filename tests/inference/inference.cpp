// SPDX-License-Identifier: Apache-2.0

#include <joust/inference/always_valid.hpp>
#include <joust/inference/fixed_horizon.hpp>
#include <joust/inference/inference.hpp>

#include "catch.hpp"

#include <cmath>

namespace {

using joust::inference;
using joust::status;

// An inference policy of a user.
struct coin_toss {
    double alpha = 0.05;
    double units = 100;
    inference infer(const joust::look&, const joust::question&, joust::test_memory&) const { return {}; }
};
struct without_plan {
    double alpha = 0.05;
    inference infer(const joust::look&, const joust::question&, joust::test_memory&) const { return {}; }
};

static_assert(joust::inference_policy<coin_toss>);
static_assert(joust::inference_policy<joust::always_valid>);
static_assert(joust::inference_policy<joust::fixed_horizon>);
static_assert(!joust::inference_policy<without_plan>);
static_assert(joust::inference_role::resembles<without_plan>);

}  // namespace

TEST_CASE("an answer rejects at its p-value and above, and never while its state is not ok")
{
    inference answer;
    answer.p_value = 0.04;
    answer.state = status::ok;
    CHECK(answer.rejects(0.05));
    CHECK(answer.rejects(0.04));
    CHECK_FALSE(answer.rejects(0.039));
    for (const status state :
         {status::too_few, status::burn_in, status::zero_variance, status::out_of_range,
          status::before_planned_sample, status::no_contemporary_champion, status::incomplete}) {
        answer.state = state;
        CHECK_FALSE(answer.rejects(1.0));
    }
    CHECK_FALSE(inference{}.rejects(1.0));
    inference unknown;
    unknown.state = status::ok;
    CHECK_FALSE(unknown.rejects(1.0));  // NaN is no p-value
}

TEST_CASE("an answer that counts once comes back as it was, without the e-value that it never had")
{
    const inference answer{.method = "any",
                           .champion = 0.1,
                           .challenger = 0.3,
                           .estimate = 0.2,
                           .lower = -HUGE_VAL,
                           .upper = 0.4,
                           .p_value = 0.02,
                           .state = status::ok};
    const joust::counted_look look = joust::detail::counted(answer, 70.0);
    CHECK(look == joust::counted_look{true, 0.1, 0.3, 0.2, -HUGE_VAL, 0.4, 0.02, 70.0});
    const inference again = joust::detail::repeated(look, "any");
    CHECK(again.method == answer.method);
    CHECK(joust::detail::counted(again, 70.0) == look);
    CHECK(again.state == status::ok);
    CHECK(std::isnan(again.log_e));
}
