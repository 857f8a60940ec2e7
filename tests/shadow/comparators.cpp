// SPDX-License-Identifier: Apache-2.0

#include <joust/shadow/compare_distributions.hpp>
#include <joust/shadow/compare_rankings.hpp>
#include <joust/shadow/compare_texts.hpp>
#include <joust/shadow/compare_ulps.hpp>
#include <joust/shadow/compare_vectors.hpp>
#include <joust/shadow/part.hpp>

#include "catch.hpp"

#include <Eigen/Dense>

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <limits>
#include <list>
#include <string>
#include <utility>
#include <vector>

using namespace joust;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

constexpr double endless = std::numeric_limits<double>::infinity();
const double unknown = std::numeric_limits<double>::quiet_NaN();
using numbers = std::vector<double>;
using ids = std::vector<int>;

struct answer {
    std::string text;
    numbers shares;
    std::vector<std::pair<int, double>> page;
};

}  // namespace

TEST_CASE("within_ulps counts the numbers between two, over zero, infinities and types")
{
    CHECK(within_ulps{}.compare(1.0, 1.0 + 4 * DBL_EPSILON) == comparison{true, 4.0});
    CHECK(within_ulps{}.compare(1.0, 1.0 + 5 * DBL_EPSILON) == comparison{false, 5.0});
    CHECK(within_ulps{.at_most = 1.0}.compare(std::nextafter(0.1F, 1.0F), 0.1F) == comparison{true, 1.0});
    // A float beside a double is compared as floats.
    CHECK(within_ulps{.at_most = 0.0}.compare(0.1F, 0.1) == comparison{true, 0.0});
    CHECK(within_ulps{.at_most = 0.0}.compare(0.0, -0.0) == comparison{true, 0.0});
    CHECK(within_ulps{.at_most = 2.0}.compare(std::numeric_limits<double>::denorm_min(),
                                              -std::numeric_limits<double>::denorm_min()) ==
          comparison{true, 2.0});
    CHECK(within_ulps{}.compare(endless, DBL_MAX) == comparison{true, 1.0});
    CHECK(within_ulps{}.compare(-endless, endless).distance > 1.8e19);
    CHECK(within_ulps{}.compare(unknown, unknown).agree);
    CHECK(within_ulps{}.compare(unknown, 1.0) == comparison{false, endless});
    CHECK(within_ulps{}.compare(numbers{1.0, 2.0}, std::list<double>{1.0, 2.0 + 8 * DBL_EPSILON}) ==
          comparison{true, 4.0});
    CHECK_FALSE(within_ulps{}.compare(numbers{1.0, 2.0}, numbers{1.0}).agree);
}

TEST_CASE("Texts agree by their words, by edits, or by the words that they share")
{
    CHECK(normalised_text{}.compare("  The\tcat \n", std::string{"the cat"}).agree);
    CHECK_FALSE(normalised_text{}.compare("the cat.", "the cat").agree);
    CHECK(normalised_text{.ignore_punctuation = true}.compare("the cat.", "the cat").agree);
    CHECK_FALSE(normalised_text{.ignore_case = false}.compare("The cat", "the cat").agree);
    CHECK(normalised_text{}.compare("", " \n ").agree);
    CHECK_FALSE(normalised_text{}.compare("thecat", "the cat").agree);

    CHECK(edit_distance{}.compare("kitten", "sitting").distance == 3.0);
    CHECK(edit_distance{.at_most = 3}.compare("kitten", "sitting").agree);
    CHECK_FALSE(edit_distance{.at_most = 2}.compare("kitten", "sitting").agree);
    CHECK(edit_distance{.relative = 0.5}.compare("kitten", "sitting").agree);
    CHECK(edit_distance{}.compare("", "abc").distance == 3.0);
    CHECK(edit_distance{}.compare("", "") == comparison{true, 0.0});
    CHECK(edit_distance{}.compare("Zürich", "Zurich").distance == 1.0);
    CHECK(edit_distance{}.compare("日本語", "日本").distance == 1.0);
    // Bytes that are no UTF-8 are characters of their own, never equal to a code point.
    CHECK(edit_distance{}
              .compare("a\xE9"
                       "b",
                       "a\xC3\xA9"
                       "b")
              .distance == 1.0);
    CHECK(edit_distance{}.compare("\xE9", "\xE9").distance == 0.0);

    // Precision 2/3, recall 2/4: F1 = 4/7.
    const comparison some = token_f1{.at_least = 0.5}.compare("the black cat", "a black cat sleeps");
    CHECK_THAT(some.distance, WithinRel(3.0 / 7.0, 1e-12));
    CHECK(some.agree);
    CHECK_FALSE(token_f1{.at_least = 0.6}.compare("the black cat", "a black cat sleeps").agree);
    CHECK(token_f1{.at_least = 1.0}.compare("b a", "A, b!").agree);
    CHECK_THAT(token_f1{}.compare("a a b", "a b b").distance, WithinAbs(1.0 / 3.0, 1e-12));
    CHECK(token_f1{}.compare("", "...").agree);
    CHECK_FALSE(token_f1{}.compare("", "a").agree);
}

TEST_CASE("The edits of short texts are those of a search over all texts")
{
    // Breadth first: the texts that are reached from "ab" by k edits over two letters.
    std::vector<std::string> reached{"ab"};
    std::vector<double> at{0.0};
    for (std::size_t i = 0; i < reached.size(); ++i) {
        const std::string from = reached[i];
        const auto add = [&](std::string text, double edits) {
            if (text.size() <= 4 && std::find(reached.begin(), reached.end(), text) == reached.end()) {
                reached.push_back(std::move(text));
                at.push_back(edits);
            }
        };
        for (std::size_t place = 0; place <= from.size(); ++place) {
            for (const char letter : {'a', 'b'}) {
                add(from.substr(0, place) + letter + from.substr(place), at[i] + 1.0);
                if (place < from.size()) {
                    add(from.substr(0, place) + letter + from.substr(place + 1), at[i] + 1.0);
                }
            }
            if (place < from.size()) {
                add(from.substr(0, place) + from.substr(place + 1), at[i] + 1.0);
            }
        }
    }
    REQUIRE(reached.size() == 31);
    for (std::size_t i = 0; i < reached.size(); ++i) {
        CHECK(edit_distance{}.compare("ab", reached[i]).distance == at[i]);
        CHECK(edit_distance{}.compare(reached[i], "ab").distance == at[i]);
    }
}

TEST_CASE(
    "Vectors are compared by angle and by distance, in containers and in Eigen's types, without overflow")
{
    CHECK_THAT(cosine_distance{}.compare(numbers{1, 0}, numbers{1, 1}).distance,
               WithinRel(1.0 - std::sqrt(0.5), 1e-14));
    CHECK(cosine_distance{}.compare(numbers{1, 2, 3}, numbers{2, 4, 6}).agree);
    CHECK_THAT(cosine_distance{}.compare(numbers{1, 0}, numbers{-1, 0}).distance, WithinRel(2.0, 1e-14));
    // 1 - cos of an angle of 1e-9 is 5e-19, which a cosine in doubles cannot show.
    CHECK_THAT(cosine_distance{}.compare(numbers{1.0, 0.0}, numbers{1.0, 1e-9}).distance,
               WithinRel(5e-19, 1e-6));
    CHECK_THAT(cosine_distance{}.compare(numbers{1e200, 0}, numbers{1e-200, 1e-200}).distance,
               WithinRel(1.0 - std::sqrt(0.5), 1e-14));
    CHECK(cosine_distance{}.compare(numbers{0, 0}, numbers{0, 0}) == comparison{true, 0.0});
    CHECK(cosine_distance{}.compare(numbers{0, 0}, numbers{1, 0}) == comparison{false, 1.0});
    CHECK(cosine_distance{}.compare(numbers{1}, numbers{1, 0}).distance == endless);
    CHECK(cosine_distance{}.compare(numbers{unknown, 1.0}, numbers{1.0, 1.0}).distance == endless);
    CHECK(cosine_distance{}.compare(numbers{1.0, unknown}, numbers{1.0, 1.0}).distance == endless);
    CHECK(cosine_distance{}.compare(numbers{endless}, numbers{1.0}).distance == endless);

    CHECK(euclidean_distance{.at_most = 5.0}.compare(numbers{0, 0}, numbers{3, 4}) == comparison{true, 5.0});
    CHECK_FALSE(euclidean_distance{.at_most = 4.9}.compare(numbers{0, 0}, numbers{3, 4}).agree);
    CHECK(euclidean_distance{.relative = 0.01}.compare(numbers{100, 0}, numbers{100, 1}).agree);
    CHECK(euclidean_distance{}.compare(numbers{3e200}, numbers{0}).distance == 3e200);
    CHECK(euclidean_distance{}.compare(numbers{unknown}, numbers{0}).distance == endless);

    CHECK(euclidean_distance{.at_most = 5.0}
              .compare(Eigen::Vector2d{0, 0}, Eigen::VectorXd{Eigen::Vector2d{3, 4}})
              .agree);
    CHECK(cosine_distance{}.compare(Eigen::Vector3f{1, 2, 3}, std::array<double, 3>{1, 2, 3}).agree);
    CHECK(euclidean_distance{}.compare(Eigen::MatrixXd{Eigen::MatrixXd::Zero(2, 3)},
                                       Eigen::MatrixXd{Eigen::MatrixXd::Zero(3, 2)}) ==
          comparison{false, endless});
}

TEST_CASE("Distributions are compared after they are divided by their sums")
{
    const numbers p{0.5, 0.5, 0.0};
    const numbers q{0.25, 0.25, 0.5};
    const auto by = [](divergence one) { return distribution_distance{.by = one}; };
    CHECK_THAT(by(divergence::total_variation).compare(p, q).distance, WithinRel(0.5, 1e-14));
    CHECK_THAT(by(divergence::hellinger).compare(p, q).distance,
               WithinRel(std::sqrt(1.0 - 2.0 * std::sqrt(0.125)), 1e-14));
    // m = (.375, .375, .25): JS = ln(.5/.375)/2 + (ln(.25/.375)/2 + ln(.5/.25)/2)/2.
    CHECK_THAT(
        by(divergence::jensen_shannon).compare(p, q).distance,
        WithinRel(0.5 * std::log(4.0 / 3.0) + 0.25 * std::log(2.0 / 3.0) + 0.25 * std::log(2.0), 1e-12));
    CHECK_THAT(by(divergence::kullback_leibler).compare(p, q).distance, WithinRel(std::log(2.0), 1e-12));
    CHECK(by(divergence::kullback_leibler).compare(q, p) == comparison{false, endless});
    CHECK(by(divergence::jensen_shannon).compare(ids{5, 5, 0}, std::vector<float>{1, 1, 0}).agree);
    CHECK_THAT(by(divergence::jensen_shannon).compare(numbers{1, 0}, numbers{0, 1}).distance,
               WithinRel(std::log(2.0), 1e-14));
    CHECK(by(divergence::total_variation).compare(numbers{1, -1e-9}, numbers{1, 0}).distance == endless);
    CHECK(by(divergence::total_variation).compare(numbers{0, 0}, numbers{1, 0}).distance == endless);
    CHECK(by(divergence::total_variation).compare(numbers{unknown, 1}, numbers{1, 0}).distance == endless);
    CHECK(by(divergence::total_variation).compare(numbers{1}, numbers{1, 0}).distance == endless);
}

TEST_CASE("Rankings are compared by what is on the page, by their tops, by pairs and by places")
{
    CHECK(overlap_at{.k = 3}.compare(ids{1, 2, 3, 4}, ids{3, 2, 1, 9}).agree);
    CHECK_THAT(overlap_at{.k = 4}.compare(ids{1, 2, 3, 4}, ids{3, 2, 1, 9}).distance, WithinRel(0.25, 1e-14));
    CHECK(overlap_at{.k = 4, .at_least = 0.75}.compare(ids{1, 2, 3, 4}, ids{3, 2, 1, 9}).agree);
    CHECK(overlap_at{}.compare(ids{}, ids{}).agree);
    CHECK(overlap_at{}.compare(ids{1, 2}, ids{1}).distance == 0.5);
    CHECK(overlap_at{}.compare(ids{1, 1}, ids{1, 2}).distance == endless);

    CHECK(rank_overlap{}.compare(ids{1, 2, 3}, ids{1, 2, 3}) == comparison{true, 0.0});
    const double swapped_top = rank_overlap{}.compare(ids{1, 2, 3, 4}, ids{2, 1, 3, 4}).distance;
    const double swapped_end = rank_overlap{}.compare(ids{1, 2, 3, 4}, ids{1, 2, 4, 3}).distance;
    // A swap of ranks k and k + 1 loses 1 / k of the overlap at depth k, which has the weight (1 - p) p^(k - 1).
    CHECK_THAT(swapped_top, WithinRel(0.1, 1e-10));
    CHECK_THAT(swapped_end, WithinRel(0.1 * 0.81 / 3.0, 1e-10));
    CHECK(rank_overlap{}.compare(ids{}, ids{}).agree);
    CHECK(rank_overlap{}.compare(ids{}, ids{1}) == comparison{false, 1.0});

    CHECK_THAT(kendall_distance{}.compare(ids{1, 2, 3, 4}, ids{2, 1, 3, 4}).distance,
               WithinRel(1.0 / 6.0, 1e-12));
    CHECK_THAT(kendall_distance{}.compare(ids{1, 2, 3}, ids{3, 2, 1}).distance, WithinRel(1.0, 1e-12));
    CHECK(kendall_distance{}.compare(ids{7}, ids{7}).agree);
    CHECK(kendall_distance{}.compare(ids{7}, ids{8}).distance == endless);

    CHECK(changed_positions{}.compare(ids{1, 2, 3}, ids{1, 3, 2}) == comparison{false, 2.0});
    CHECK(changed_positions{.at_most = 2}.compare(ids{1, 2, 3}, ids{1, 2}) == comparison{true, 1.0});
    CHECK(changed_positions{}.compare(std::list<std::string>{"a"}, std::vector<std::string>{"a"}).agree);
}

TEST_CASE("A part of a result is compared by any comparator")
{
    const answer one{"The cat.", {0.5, 0.5}, {{4, 0.9}, {7, 0.8}}};
    const answer two{"the cat", {0.52, 0.48}, {{4, 0.7}, {7, 0.1}}};
    const auto ids_of = [](const answer& of) {
        ids out;
        for (const auto& [id, score] : of.page) {
            out.push_back(id);
        }
        return out;
    };
    CHECK(part(&answer::text, normalised_text{.ignore_punctuation = true}).compare(one, two).agree);
    CHECK_FALSE(part(&answer::shares, distribution_distance{.at_most = 0.01}).compare(one, two).agree);
    CHECK(part(ids_of, rank_overlap{}).compare(one, two).agree);
    CHECK(part(ids_of, part([](const ids& of) { return of.size(); }, exact_match{})).compare(one, two).agree);
}
