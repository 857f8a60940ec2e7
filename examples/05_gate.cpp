// SPDX-License-Identifier: Apache-2.0

// A gate for CI: compares two models on rows with known answers, and says by the exit code whether the new model may
// replace the old one.

#include <joust/format.hpp>
#include <joust/joust.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <vector>

struct row {
    std::uint64_t id;
    bool answer;
};

// A model that is right on a given share of the rows. Whether it is right depends on the row alone.
struct model_of_accuracy {
    double accuracy;
    std::uint64_t stream;
    bool operator()(const row& r) const
    {
        joust::keyed_random random(r.id, stream);
        return random.uniform() < accuracy ? r.answer : !r.answer;
    }
};

joust::report judge(const char* name, double accuracy, std::uint64_t rows)
{
    std::vector<row> data;
    for (std::uint64_t id = 0; id < rows; ++id) {
        data.push_back({id, joust::keyed_random(id, 9).coin()});
    }
    joust::gate check{
        joust::model{"v1", model_of_accuracy{0.90, 1}},
        joust::model{name, model_of_accuracy{accuracy, 2}},
        joust::guardrail(joust::conversion<"correct">{},
                         {.max_decrease = 0.01}),  // it may be worse by one point
        joust::significance{.alpha = 0.05},
    };
    return check.run(data, [](const row& r, bool prediction) { return prediction == r.answer; });
}

int main()
{
    const joust::report better = judge("v2", 0.92, 20'000);
    const joust::report worse = judge("v3", 0.87, 20'000);
    const joust::report unclear = judge("v4", 0.90, 500);  // too few rows to show anything
    fmt::print("{:t}\n{:t}\n{:t}\n", better, worse, unclear);
    for (const joust::report* each : {&better, &worse, &unclear}) {
        fmt::print("{}: {}, exit code {}\n", each->name, each->decision, joust::exit_code(*each));
    }
    return joust::exit_code(better);  // what a CI job returns
}
