// SPDX-License-Identifier: Apache-2.0

#include <joust/shadow/compare_texts.hpp>
#include <joust/shadow/disagreements.hpp>
#include <joust/shadow/on_pair.hpp>
#include <joust/trial/shadow.hpp>

#include "catch.hpp"
#include "report/in_report.hpp"

#include <atomic>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace joust;
using Catch::Matchers::ContainsSubstring;

namespace {

int same(int x)
{
    return x;
}
// Differs from the champion by x on every tenth x.
int differing(int x)
{
    return x % 10 == 0 ? 2 * x : x;
}

template <class... Policies>
auto beside(Policies... policies)
{
    return shadow{model{"a", same}, model{"b", differing}, salt{"pairs"}, tolerance{}, policies...};
}

}  // namespace

TEST_CASE("A listener hears of each pair of answers with what the comparator said")
{
    int pairs = 0;
    int disagreed = 0;
    auto trial = beside(inline_run{}, on_pair([&](const compared_pair& about, int champion, int challenger) {
                            ++pairs;
                            disagreed += about.seen.agree ? 0 : 1;
                            CHECK(about.challenger == 0);
                            CHECK(about.challenger_took >= 0);
                            CHECK(about.seen.distance == static_cast<double>(challenger - champion));
                        }));
    for (int x = 1; x <= 100; ++x) {
        CHECK(trial(x) == x);
    }
    CHECK(pairs == 100);
    CHECK(disagreed == 10);
}

TEST_CASE("A listener that throws is counted and hurts nothing")
{
    auto trial = beside(inline_run{},
                        on_pair([](const compared_pair&, int, int) { throw std::runtime_error{"full"}; }));
    for (int x = 1; x <= 50; ++x) {
        CHECK(trial(x) == x);
    }
    CHECK(trial.evidence().pairs[0].compared.total() == 50.0);
    CHECK(joust_test::counted(trial.report(), "pairs of answers that a listener threw on") == 50);
}

TEST_CASE("Disagreements are kept redacted: the largest, and a sample of all")
{
    disagreements kept{{.largest = 3, .random = 5}};
    auto trial = beside(inline_run{}, keep_disagreements(kept, [](int champion, int challenger) {
                            return std::to_string(champion) + " and \"" + std::to_string(challenger) + "\"";
                        }));
    for (int x = 1; x <= 1'000; ++x) {
        static_cast<void>(trial(x));
    }
    CHECK(kept.seen() == 100);
    const std::vector<disagreement> largest = kept.largest();
    REQUIRE(largest.size() == 3);
    CHECK(largest[0] == disagreement{"1000 and \"2000\"", 0, 1'000.0});
    CHECK(largest[2].distance == 980.0);
    CHECK(kept.sample().size() == 5);
    std::string lines;
    kept.write_json_lines(lines);
    CHECK_THAT(lines, ContainsSubstring(
                          R"({"kept":"largest","challenger":0,"distance":1000,"text":"1000 and \"2000\""})"
                          "\n"));
    CHECK_THROWS_AS((disagreements{{.largest = 0, .random = 0}}), configuration_error);
}

TEST_CASE("Each disagreement is as likely to be in the sample")
{
    std::vector<int> times(20);
    for (int run = 0; run < 2'000; ++run) {
        disagreements kept{{.largest = 0, .random = 5, .seed = static_cast<std::uint64_t>(run)}};
        for (int i = 0; i < 20; ++i) {
            kept.add({std::to_string(i), 0, 1.0});
        }
        for (const disagreement& each : kept.sample()) {
            ++times[static_cast<std::size_t>(std::stoi(each.text))];
        }
    }
    for (const int n : times) {
        // Five standard deviations of a quarter of 2,000.
        CHECK(n > 400);
        CHECK(n < 600);
    }
}

TEST_CASE("A distance that cannot be measured is the largest, and threads may add at once")
{
    disagreements kept{{.largest = 2, .random = 50}};
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&kept, t] {
            for (int i = 0; i < 500; ++i) {
                kept.add({"x", static_cast<std::size_t>(t), i == 250 ? HUGE_VAL : 1.0 * i});
            }
        });
    }
    threads.clear();
    CHECK(kept.seen() == 2'000);
    CHECK(kept.largest()[0].distance == HUGE_VAL);
    CHECK(kept.largest()[1].distance == HUGE_VAL);
    CHECK(kept.sample().size() == 50);
}

TEST_CASE("In the background a listener runs beside the caller")
{
    std::atomic<int> pairs{0};
    const auto caller = std::this_thread::get_id();
    std::atomic<bool> elsewhere{true};
    auto trial = beside(background{.queue = 1'024}, on_pair([&](const compared_pair&, int, int) {
                            pairs.fetch_add(1);
                            if (std::this_thread::get_id() == caller) {
                                elsewhere = false;
                            }
                        }));
    for (int x = 1; x <= 300; ++x) {
        static_cast<void>(trial(x));
    }
    trial.drain();
    CHECK(pairs.load() == 300);
    CHECK(elsewhere.load());
}
