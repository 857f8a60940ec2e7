// SPDX-License-Identifier: Apache-2.0

// Interleaving: one list shows results of two search rankers, and clicks say which ranker users prefer.

#include <joust/format.hpp>
#include <joust/joust.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

struct document {
    std::string id;
    double relevance;  // a ranker can only estimate it
};

struct query {
    std::uint64_t user;
    std::uint64_t id;
};

// A ranker that estimates the relevance of every document with some noise. Less noise makes a better list.
struct ranker {
    double noise;
    std::uint64_t stream;
    std::vector<document> operator()(const query& q) const
    {
        joust::keyed_random truth(q.id, 0);
        joust::keyed_random error(q.id, stream);
        std::vector<std::pair<double, document>> scored;
        for (int i = 0; i < 30; ++i) {
            const double relevance = truth.uniform();
            scored.emplace_back(relevance + noise * error.normal(),
                                document{"doc-" + std::to_string(i), relevance});
        }
        std::sort(scored.begin(), scored.end(),
                  [](const auto& a, const auto& b) { return a.first > b.first; });
        std::vector<document> list;
        for (auto& [score, found] : scored) {
            list.push_back(std::move(found));
        }
        return list;
    }
};

int main()
{
    joust::interleaving search{
        joust::model{"bm25", ranker{0.6, 1}},
        joust::model{"neural", ranker{0.2, 2}},
        joust::by(&query::user),
        joust::identified_by(&document::id),
        joust::salt("search-3"),
        joust::always_valid{.units = 4'000},
    };

    // Simulated users look at ten results. They click more often on relevant results and on those near the top.
    joust::keyed_random random(3);
    for (std::uint64_t id = 0; id < 4'000; ++id) {
        const auto page = search.rank(query{random.below(1'000), id}, 10);
        for (std::size_t place = 0; place < page.size(); ++place) {
            if (random.uniform() < page[place].relevance * 0.5 / static_cast<double>(place + 1)) {
                search.click(page.ticket(), place);
            }
        }
    }
    const joust::report report = search.report();
    fmt::print("{:t}\nverdict: {}\n", report, report.decision);
    return report.decision == joust::verdict::ship_challenger ? 0 : 1;
}
