// SPDX-License-Identifier: Apache-2.0

#include "../../examples/letters.hpp"

#include "catch.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

using namespace examples;

namespace {

const std::string letters_csv = std::string(JOUST_SOURCE_DIR) + "/examples/data/letter.csv";

const letter_data& data()
{
    static const letter_data loaded = load_letters(letters_csv);
    return loaded;
}

template <class Model>
double accuracy(const Model& model, std::size_t rows)
{
    std::size_t right = 0;
    for (std::size_t i = 0; i < rows; ++i) {
        right += model(data().held_back[i].x) == data().held_back[i].truth ? 1U : 0U;
    }
    return static_cast<double>(right) / static_cast<double>(rows);
}

}  // namespace

TEST_CASE("the shuffle keeps every row, once, and is the same every time", "[letters]")
{
    REQUIRE(data().train.size() == 8000);
    REQUIRE(data().held_back.size() == 12000);
    std::map<char, int> count;
    for (const auto* part : {&data().train, &data().held_back}) {
        for (const letter_row& row : *part) {
            ++count[row.truth];
        }
    }
    CHECK(count.size() == 26);
    CHECK(count.at('A') == 789);  // the counts that the donors of the data state
    CHECK(count.at('T') == 796);
    CHECK(count.at('Z') == 734);
    const letter_data again = load_letters(letters_csv);
    CHECK(std::equal(
        again.train.begin(), again.train.end(), data().train.begin(),
        [](const letter_row& a, const letter_row& b) { return a.x == b.x && a.truth == b.truth; }));
    const letter_data other = load_letters(letters_csv, 8000, 7);
    CHECK_FALSE(std::equal(other.train.begin(), other.train.end(), data().train.begin(),
                           [](const letter_row& a, const letter_row& b) { return a.x == b.x; }));
    CHECK_THROWS_AS(load_letters(letters_csv, 20000), std::runtime_error);
}

TEST_CASE("the neighbour index finds what comparing with every row finds", "[letters]")
{
    // 1,001 rows: the last block is not full, and the rows that fill it up must never be found.
    const std::vector<letter_row> few(data().train.begin(), data().train.begin() + 1001);
    const neighbour_index index(raw_features(few));
    for (std::size_t q = 0; q < 200; ++q) {
        const features& x = data().held_back[q].x;
        std::vector<std::pair<float, std::uint32_t>> all;
        for (std::uint32_t r = 0; r < few.size(); ++r) {
            float distance = 0.0F;
            for (std::size_t f = 0; f < feature_count; ++f) {
                distance += (few[r].x[f] - x[f]) * (few[r].x[f] - x[f]);
            }
            all.emplace_back(distance, r);
        }
        std::sort(all.begin(), all.end());
        const auto found = index.nearest<7>(x);
        for (std::size_t i = 0; i < 7; ++i) {
            CHECK(found[i].distance == all[i].first);
            CHECK(found[i].row == all[i].second);
        }
    }
}

TEST_CASE("the linear model is decent, the neighbours are far better, the broken model is 30 % worse",
          "[letters]")
{
    const softmax_model linear = softmax_model::train(data().train);
    CHECK_THAT(accuracy(linear, 12000), Catch::Matchers::WithinAbs(0.77, 0.015));
    CHECK_THAT(accuracy(nearest_neighbours(data().train), 1000), Catch::Matchers::WithinAbs(0.94, 0.02));

    const broken_model broken(linear);
    double failures = 0.0;
    double answered = 0.0;
    double right = 0.0;
    for (const letter_row& row : data().held_back) {
        try {
            right += broken(row.x) == row.truth ? 1.0 : 0.0;
            answered += 1.0;
        } catch (const std::runtime_error&) {
            failures += 1.0;
        }
    }
    // Four standard errors of 12,000 draws.
    CHECK_THAT(failures / 12000.0, Catch::Matchers::WithinAbs(0.05, 0.008));
    CHECK_THAT(right / answered / accuracy(linear, 12000), Catch::Matchers::WithinAbs(0.70, 0.025));
}

TEST_CASE("the second ranker shows more relevant results than the first", "[letters]")
{
    const letter_ranker plain(data().train, similarity::cosine);
    const letter_ranker better(data().train, similarity::mahalanobis);
    double relevant_plain = 0.0;
    double relevant_better = 0.0;
    for (std::size_t i = 0; i < 600; ++i) {
        const letter_row& query = data().held_back[i];
        const page a = plain(query.x);
        const page b = better(query.x);
        CHECK(std::set<std::uint32_t>(a.begin(), a.end()).size() == page_length);
        for (std::size_t place = 0; place < page_length; ++place) {
            relevant_plain += data().train[a[place]].truth == query.truth ? 1.0 : 0.0;
            relevant_better += data().train[b[place]].truth == query.truth ? 1.0 : 0.0;
        }
    }
    CHECK(relevant_plain / 6000.0 > 0.5);
    CHECK(relevant_better / 6000.0 > relevant_plain / 6000.0 + 0.15);
}

TEST_CASE("simulated users return, a few of them often, and every held-back row is sent first", "[letters]")
{
    const auto requests = simulate_requests(data().held_back, 30000, 3000, 11);
    std::map<std::uint64_t, std::size_t> visits;
    for (std::size_t i = 0; i < requests.size(); ++i) {
        ++visits[requests[i].user];
        CHECK(requests[i].x == data().held_back[requests[i].row].x);
        if (i < data().held_back.size()) {
            CHECK(requests[i].row == i);
        }
    }
    CHECK(visits.size() > 2500);
    CHECK(visits.size() <= 3000);
    // The law gives the busiest user 1/21 of the sum of 1/21 .. 1/3020, which is 0.95 %.
    std::size_t busiest = 0;
    for (const auto& [user, count] : visits) {
        busiest = std::max(busiest, count);
    }
    CHECK(busiest > 220);
    CHECK(busiest < 360);
    const auto again = simulate_requests(data().held_back, 30000, 3000, 11);
    CHECK(std::equal(
        again.begin(), again.end(), requests.begin(),
        [](const letter_request& a, const letter_request& b) { return a.user == b.user && a.row == b.row; }));
}

TEST_CASE("clicks follow the stated cascade", "[letters]")
{
    cascade_clicks user(3);
    const std::array<bool, 3> relevant = {true, false, true};
    constexpr int pages = 200'000;
    std::array<double, 3> clicked{};
    for (int i = 0; i < pages; ++i) {
        for (const std::size_t place : user(3, [&](std::size_t at) { return relevant[at]; })) {
            clicked[place] += 1.0 / pages;
        }
    }
    const double goes_on_after_relevant = 0.6 * 0.7 + 0.4 * 0.9;
    const double goes_on_after_other = 0.05 * 0.7 + 0.95 * 0.9;
    CHECK_THAT(clicked[0], Catch::Matchers::WithinAbs(0.6, 0.005));
    CHECK_THAT(clicked[1], Catch::Matchers::WithinAbs(goes_on_after_relevant * 0.05, 0.002));
    CHECK_THAT(clicked[2],
               Catch::Matchers::WithinAbs(goes_on_after_relevant * goes_on_after_other * 0.6, 0.005));
}
