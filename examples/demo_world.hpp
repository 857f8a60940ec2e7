// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the demo works with: the data, the trained models, the simulated traffic, and the checks of the outcomes.

#include "letters.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace examples {

/// How much traffic the demo simulates.
struct demo_size {
    std::size_t shadow = 20'000;
    std::size_t canary = 120'000;
    std::size_t ab_test = 60'000;
    std::size_t interleaving = 20'000;
    std::size_t gate = 12'000;
    std::size_t users = 12'000;

    /// Return less traffic, which is enough for every outcome of the demo and quick enough for a test.
    static demo_size fast() { return {6'000, 80'000, 24'000, 8'000, 6'000, 6'000}; }
};

/// Everything that exists before the first trial starts.
struct demo_world {
    letter_data data;
    softmax_model softmax;
    nearest_neighbours neighbours;
    broken_model broken;
    letter_ranker cosine;
    letter_ranker mahalanobis;
    /// How long loading and training took.
    double seconds = 0.0;

    static demo_world build(const std::string& directory)
    {
        const auto start = std::chrono::steady_clock::now();
        letter_data data = load_letters(directory + "/letter.csv");
        softmax_model softmax = softmax_model::train(data.train);
        nearest_neighbours neighbours(data.train);
        letter_ranker cosine(data.train, similarity::cosine);
        letter_ranker mahalanobis(data.train, similarity::mahalanobis);
        const double seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        return {
            std::move(data),        softmax, std::move(neighbours), broken_model(softmax), std::move(cosine),
            std::move(mahalanobis), seconds};
    }

    /// Return the letter that the image of a request really shows. A service would learn it later.
    [[nodiscard]] char truth(const letter_request& request) const
    {
        return data.held_back[request.row].truth;
    }

    [[nodiscard]] std::vector<letter_request> traffic(std::size_t requests, std::size_t users,
                                                      std::uint64_t seed) const
    {
        return simulate_requests(data.held_back, requests, users, seed);
    }
};

/// Check the outcomes that the demo promises.
class demo_checks {
public:
    void expect(bool holds, std::string what)
    {
        fmt::print("  {} {}\n", holds ? "[as expected]" : "[NOT AS EXPECTED]", what);
        ++total_;
        if (!holds) {
            broken_.push_back(std::move(what));
        }
    }

    /// Print the summary. Returns the exit code of the demo.
    [[nodiscard]] int finish() const
    {
        fmt::print("{} of {} outcomes are as expected.\n", total_ - broken_.size(), total_);
        for (const std::string& what : broken_) {
            fmt::print("  NOT: {}\n", what);
        }
        return broken_.empty() ? 0 : 1;
    }

private:
    std::size_t total_ = 0;
    std::vector<std::string> broken_;
};

}  // namespace examples
