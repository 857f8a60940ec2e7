// SPDX-License-Identifier: Apache-2.0

#include <joust/core/model.hpp>
#include <joust/core/random.hpp>
#include <joust/split/cascade.hpp>
#include <joust/split/cascade_threshold.hpp>
#include <joust/trial/ab_test.hpp>

#include "catch.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace joust;

struct request {
    std::uint64_t user = 0;
    double hardness = 0.0;
};
struct answer {
    int label = 0;
    double sure = 1.0;
};

answer fast(const request& r)
{
    return {1, 1.0 - r.hardness};
}
answer deep(const request&)
{
    return {2, 1.0};
}

template <class... A>
std::string complaint(A... arguments)
{
    try {
        (void)cascade(arguments...);
    } catch (const configuration_error& wrong) {
        return wrong.what();
    }
    return "accepted";
}

TEST_CASE("The deep model answers where the fast one is unsure, and both stages are counted with their cost")
{
    auto both = cascade(fast, deep, &answer::sure, {.threshold = 0.8, .fast_cost = 1.0, .deep_cost = 20.0});
    CHECK(both(request{.hardness = 0.0}).label == 1);
    CHECK(both(request{.hardness = 0.25}).label == 2);
    CHECK(both(request{.hardness = 0.19}).label == 1);
    CHECK(both(request{.hardness = std::nan("")}).label == 2);
    auto copy = both;
    CHECK(copy(request{.hardness = 1.0}).label == 2);
    CHECK(both.counts() == cascade_counts{.calls = 5, .deep = 3, .over_budget = 0, .cost = 65.0});
    CHECK(both.counts().deep_share() == 0.6);
    CHECK(both.counts().cost_per_call() == 13.0);
}

TEST_CASE("Beyond its budget a cascade keeps the fast answer; unused budget is saved up to a burst")
{
    auto both = cascade(fast, deep, &answer::sure, {.threshold = 0.8, .budget = 0.25, .burst = 4.0});
    const auto deep_of = [&both](int calls, double hardness) {
        int count = 0;
        for (int i = 0; i < calls; ++i) {
            count += both(request{.hardness = hardness}).label == 2 ? 1 : 0;
        }
        return count;
    };
    CHECK(deep_of(4, 1.0) == 4);      // the burst, refilled by a fourth at each call
    CHECK(deep_of(400, 1.0) == 100);  // then one call in four
    CHECK(deep_of(1'000, 0.0) == 0);
    CHECK(deep_of(5, 1.0) == 5);
    CHECK(both.counts().over_budget == 300);
    auto none = cascade(fast, deep, &answer::sure, {.budget = 0.0, .burst = 1.0});
    CHECK(none(request{.hardness = 1.0}).label == 2);
    CHECK(none(request{.hardness = 1.0}).label == 1);
}

TEST_CASE("Exceptions of the fast model reach the caller, and results of two types become their common type")
{
    auto failing =
        cascade([](const request&) -> answer { throw std::runtime_error{"fast"}; }, deep, &answer::sure);
    CHECK_THROWS_AS(failing(request{}), std::runtime_error);
    auto mixed = cascade([](int x) { return x; }, [](int x) { return x + 0.5; },
                         [](int x) { return x > 3 ? 1.0 : 0.0; });
    STATIC_REQUIRE(std::is_same_v<decltype(mixed(1)), double>);
    CHECK(mixed(1) == 1.5);
    CHECK(mixed(4) == 4.0);
}

TEST_CASE("Options out of range are refused")
{
    CHECK_THAT(complaint(fast, deep, &answer::sure, cascade_options{.threshold = std::nan("")}),
               ContainsSubstring("cascade.threshold is nan"));
    CHECK_THAT(complaint(fast, deep, &answer::sure, cascade_options{.budget = 1.5}),
               ContainsSubstring("cascade.budget is 1.5; allowed: 0 to 1"));
    CHECK_THAT(complaint(fast, deep, &answer::sure, cascade_options{.burst = 0.5}),
               ContainsSubstring("cascade.burst"));
    CHECK(complaint(fast, deep, &answer::sure) == "accepted");
}

TEST_CASE("A cascade is a model: in a trial, from several threads, with exact counts and a kept budget")
{
    const auto both = cascade(fast, deep, &answer::sure, {.threshold = 0.5, .budget = 0.1, .burst = 10.0});
    ab_test trial{model{"deep", deep}, model{"cascade", both}, by(&request::user), conversion<"right">{},
                  hash_split{.salt = "cascade", .shares = {0.5, 0.5}}};
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < 4; ++t) {
        threads.emplace_back([&trial, t] {
            for (std::uint64_t i = 0; i < 5'000; ++i) {
                const auto [result, ticket] =
                    trial.serve(request{.user = t * 5'000 + i, .hardness = i % 2 == 0 ? 1.0 : 0.0});
                trial.observe<"right">(ticket, result.label == 2);
            }
        });
    }
    for (std::thread& each : threads) {
        each.join();
    }
    const cascade_counts counts = both.counts();
    CHECK(counts.calls == trial.evidence().requests(1));
    CHECK(counts.deep + counts.over_budget > counts.calls * 2 / 5);
    CHECK(static_cast<double>(counts.deep) <= 10.0 + 0.1 * static_cast<double>(counts.calls));
    CHECK(static_cast<double>(counts.deep) >= 0.1 * static_cast<double>(counts.calls) - 1.0);
}

struct held {
    std::vector<double> confidence, fast, deep;
};

// The fast model is right with its confidence, the deep one with 0.95.
held calibrated(std::size_t n, std::uint64_t stream)
{
    keyed_random random{31, stream};
    held data;
    for (std::size_t i = 0; i < n; ++i) {
        const double c = random.uniform();
        data.confidence.push_back(c);
        data.fast.push_back(random.chance(c) ? 1.0 : 0.0);
        data.deep.push_back(random.chance(0.95) ? 1.0 : 0.0);
    }
    return data;
}

// The true loss of a threshold t: the integral of 0.95 - c from t to 1.
double true_loss(double t)
{
    return t > 1.0 ? 0.0 : 0.95 * (1.0 - t) - 0.5 * (1.0 - t * t);
}

TEST_CASE("The calibrated threshold keeps its promise, and is not far above the best one")
{
    const held data = calibrated(20'000, 1);
    const cascade_threshold found =
        calibrate_threshold(data.confidence, data.fast, data.deep, {.max_loss = 0.02});
    REQUIRE(found.state == status::ok);
    CHECK(true_loss(found.threshold) < 0.02);
    // 0.95 (1 - t) - (1 - t^2) / 2 = 0.02 at t = 0.744
    CHECK(found.threshold < 0.80);
    CHECK_THAT(found.deep_share, WithinAbs(found.threshold, 0.02));
    CHECK_THAT(found.quality, WithinAbs(0.95 - true_loss(found.threshold), 0.01));
    CHECK_THAT(found.deep_quality - found.quality, WithinAbs(found.loss, 1e-12));
    CHECK_THAT(found.cost, WithinAbs(1.0 + 10.0 * found.deep_share, 1e-12));
}

TEST_CASE("Over 300 data sets the promise is broken no more often than alpha")
{
    int broken = 0, found_any = 0;
    for (std::uint64_t stream = 0; stream < 300; ++stream) {
        const held data = calibrated(2'000, 100 + stream);
        const cascade_threshold found = calibrate_threshold(data.confidence, data.fast, data.deep,
                                                            {.max_loss = 0.05, .alpha = 0.1, .steps = 50});
        broken += true_loss(found.threshold) > 0.05 ? 1 : 0;
        found_any += found.state == status::ok ? 1 : 0;
    }
    CHECK(broken <= 46);  // 99.9 % limit of 300 at 10 %
    CHECK(found_any == 300);
}

TEST_CASE(
    "Held-out data that cannot be used give a status and a threshold that sends every request to the deep model")
{
    const held data = calibrated(50, 2);
    const cascade_threshold few = calibrate_threshold(data.confidence, data.fast, data.deep);
    CHECK(few.state == status::too_few);
    CHECK(few.threshold == std::numeric_limits<double>::max());
    CHECK(few.deep_share == 1.0);
    CHECK(few.loss == 0.0);
    CHECK(calibrate_threshold({}, {}, {}).state == status::too_few);
    const std::vector<double> one{0.5}, bad{1.5}, none{std::nan("")};
    CHECK(calibrate_threshold(one, one, {}).state == status::out_of_range);
    CHECK(calibrate_threshold(bad, one, one).state == status::out_of_range);
    CHECK(calibrate_threshold(one, none, one).state == status::out_of_range);
    CHECK(calibrate_threshold(one, one, one, {.max_loss = 0.0}).state == status::out_of_range);
    CHECK(calibrate_threshold(one, one, one, {.alpha = 1.0}).state == status::out_of_range);
    // A fast model that is never worse needs 3 / max_loss examples or so.
    const std::vector<double> sure(800, 1.0);
    const cascade_threshold all = calibrate_threshold(sure, sure, sure);
    CHECK(all.state == status::ok);
    CHECK(all.threshold == 0.0);
    CHECK(all.deep_share == 0.0);
}

}  // namespace
