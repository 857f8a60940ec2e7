// SPDX-License-Identifier: Apache-2.0

// Measures what a canary costs beyond an A/B test: a call by the number of guardrails, a look at the evidence, and how long a
// request takes that triggers a look. Compare figures of one run only.
//
//   canary [RUNS]
//
// Calls of all trials take turns in RUNS (15) rounds; of each trial the fastest round and the median of the differences count.

#include <joust/core/hash.hpp>
#include <joust/core/random.hpp>
#include <joust/inference/always_valid.hpp>
#include <joust/joust.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace joust;

using clock_type = std::chrono::steady_clock;

double nanoseconds_since(clock_type::time_point start)
{
    return std::chrono::duration<double, std::nano>(clock_type::now() - start).count();
}

struct request {
    std::string user;
};

const std::vector<request>& requests()
{
    static const std::vector<request> all = [] {
        std::vector<request> made;
        for (std::uint64_t i = 0; i < 4'096; ++i) {
            made.push_back({"user-" + std::to_string(10'000'000'000 + mix64(i) % 89'999'999'999)});
        }
        return made;
    }();
    return all;
}

struct model_function {
    double slope;
    double operator()(const request& r) const { return slope * static_cast<double>(r.user.size()); }
};

/// The inference of a trial, which tells when it is asked: that is in a look.
struct telling_inference : always_valid {
    static inline std::uint64_t asked = 0;

    [[nodiscard]] inference infer(const look& at, const question& what, test_memory& memory) const noexcept
    {
        ++asked;
        return always_valid::infer(at, what, memory);
    }
};

/// The ramp stays in its stage of 10 %, as the A/B test does.
ramp steps()
{
    ramp made{.shares = {0.1, 1.0}};
    made.approve_from = 1.0;
    return made;
}

template <class... Policies>
auto canary_with(Policies... policies)
{
    return canary{model{"old", model_function{1.0}},
                  model{"new", model_function{2.0}},
                  by(&request::user),
                  hash_split{.salt = "score-2026-11"},
                  steps(),
                  policies...};
}

auto test_with()
{
    return ab_test{model{"old", model_function{1.0}},
                   model{"new", model_function{2.0}},
                   by(&request::user),
                   hash_split{.salt = "score-2026-11", .shares = {0.9, 0.1}},
                   conversion<"click">{},
                   untimed{}};
}

template <class... Policies>
auto with_three(Policies... policies)
{
    return canary_with(guardrail(failures{}), guardrail(conversion<"m1">{}, {.max_decrease = 0.02}),
                       guardrail(mean<"m2">{}, {.max_decrease = 0.02}), policies...);
}

template <class... Policies>
auto with_ten(Policies... policies)
{
    return with_three(guardrail(conversion<"m3">{}, {.max_decrease = 0.02}),
                      guardrail(mean<"m4">{}, {.max_decrease = 0.02}),
                      guardrail(conversion<"m5">{}, {.max_decrease = 0.02}),
                      guardrail(mean<"m6">{}, {.max_decrease = 0.02}),
                      guardrail(ratio<"m7">{}, {.min_ratio = 0.95}),
                      guardrail(conversion<"m8">{}, {.max_decrease = 0.02}), policies...);
}

/// Give feedback on every metric of a trial with so many guardrails.
template <int Guardrails, class Trial>
void feed(Trial& trial, const typename Trial::ticket_type& ticket, keyed_random& random)
{
    if constexpr (Guardrails >= 3) {
        trial.template observe<"m1">(ticket, random.chance(0.8));
        trial.template observe<"m2">(ticket, random.uniform());
    }
    if constexpr (Guardrails >= 10) {
        trial.template observe<"m3">(ticket, random.chance(0.5));
        trial.template observe<"m4">(ticket, random.uniform());
        trial.template observe<"m5">(ticket, random.chance(0.5));
        trial.template observe<"m6">(ticket, random.uniform());
        trial.template observe<"m7">(ticket, random.uniform(), 1.0 + random.uniform());
        trial.template observe<"m8">(ticket, random.chance(0.5));
    }
}

double median(std::vector<double> values)
{
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

double quantile(const std::vector<double>& sorted, double q)
{
    return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
}

template <class Trial>
double round_of(Trial& trial)
{
    constexpr int calls = 400'000;
    double sum = 0.0;
    const auto start = clock_type::now();
    for (int i = 0; i < calls; ++i) {
        sum += trial(requests()[static_cast<std::size_t>(i) & 4'095]);
    }
    const double spent = nanoseconds_since(start) / calls;
    return sum > 0.0 ? spent : 0.0;
}

void line(const char* what, double measured, const char* unit, double bar)
{
    std::printf("%-66s %8.2f %-2s   at most %6.1f %-2s   %s\n", what, measured, unit, bar, unit,
                measured <= bar ? "holds" : "MISSED");
}

void calls(int runs)
{
    auto test = test_with();
    auto three = with_three(untimed{});
    auto ten = with_ten(untimed{}, guardrail(mean<"m9">{}, {.max_decrease = 0.02}));
    std::vector<double> base;
    std::vector<double> more_of_three;
    std::vector<double> more_of_ten;
    for (int run = 0; run < runs; ++run) {
        const double before = round_of(test);
        const double now_three = round_of(three);
        const double between = round_of(test);
        const double now_ten = round_of(ten);
        base.push_back(std::min(before, between));
        more_of_three.push_back(now_three - std::min(before, between));
        more_of_ten.push_back(now_ten - std::min(before, between));
    }
    std::printf("%-66s %8.2f ns\n", "a call of an A/B test, untimed", median(base));
    line("three guardrails, beyond the A/B test", median(more_of_three), "ns", 2.0);
    line("ten guardrails, beyond the A/B test", median(more_of_ten), "ns", 6.0);
}

/// Print what a look costs, by how many requests with feedback came since the last one, and how long requests take that trigger one.
template <int Guardrails, class Trial>
void looks(const char* name, Trial& trial, double bar)
{
    keyed_random random{Guardrails};
    const auto serve = [&] {
        const auto answer = trial.serve(requests()[random.below(4'096)]);
        feed<Guardrails>(trial, answer.ticket, random);
    };
    for (int i = 0; i < 100'000; ++i) {
        serve();
    }
    for (const int between : {0, 100, 512}) {
        std::vector<double> spent;
        for (int k = 0; k < 500; ++k) {
            for (int i = 0; i < between; ++i) {
                serve();
            }
            const auto start = clock_type::now();
            trial.step();
            spent.push_back(1e-3 * nanoseconds_since(start));
        }
        std::sort(spent.begin(), spent.end());
        const std::string what =
            std::string{name} + ", " + std::to_string(between) + " requests after the last, median";
        line(what.c_str(), quantile(spent, 0.5), "us", bar);
    }
    std::vector<double> with_look;
    std::vector<double> without;
    for (int i = 0; i < 3'000'000 && with_look.size() < 2'000; ++i) {
        const std::uint64_t before = telling_inference::asked;
        const auto& next = requests()[random.below(4'096)];
        const auto start = clock_type::now();
        const auto answer = trial.serve(next);
        const double spent = 1e-3 * nanoseconds_since(start);
        (telling_inference::asked == before ? without : with_look).push_back(spent);
        if (i % 8 == 0) {
            feed<Guardrails>(trial, answer.ticket, random);
        }
    }
    if (with_look.empty()) {
        return;
    }
    std::sort(with_look.begin(), with_look.end());
    std::sort(without.begin(), without.end());
    std::printf(
        "%s: %zu of %zu requests looked; us, those that looked p50 %.1f p99 %.1f p99.9 %.1f, the others p50 %.2f p99.9 %.2f\n",
        name, with_look.size(), with_look.size() + without.size(), quantile(with_look, 0.5),
        quantile(with_look, 0.99), quantile(with_look, 0.999), quantile(without, 0.5),
        quantile(without, 0.999));
    line((std::string{name} + ", a look delays its request, p99.9").c_str(), quantile(with_look, 0.999), "us",
         25.0);
}

}  // namespace

int main(int argc, char** argv)
{
    const int runs = argc > 1 ? std::atoi(argv[1]) : 15;
    if (runs > 0) {
        calls(runs);
    }
    auto one = canary_with(guardrail(failures{}), untimed{}, telling_inference{});
    looks<1>("failures alone", one, 20.0);
    auto three = with_three(untimed{}, telling_inference{});
    looks<3>("three guardrails", three, 20.0);
    auto ten = with_ten(guardrail(latency{.q = 0.95}, {.max_ratio = 1.2}), telling_inference{});
    looks<10>("ten guardrails", ten, 20.0);
    return 0;
}
