// SPDX-License-Identifier: Apache-2.0

// Arguments that own but share: a challenger could write into what the champion reads next. The refusals, with their
// sentences, are in tests/compile; here is what is refused, and what joust::clone makes of types that copy shallowly.

#include <joust/core/clone.hpp>
#include <joust/core/outlives_call.hpp>
#include <joust/trial/at_once.hpp>
#include <joust/trial/interleaving.hpp>
#include <joust/trial/shadow.hpp>

#include "catch.hpp"
#include "faults/shallow_images.hpp"

#include <Eigen/Dense>

#include <any>
#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace {

struct holds_tensor {
    int version = 1;
    images::tensor input;
};
struct recursive {
    int value;
    std::vector<recursive> children;
    std::map<std::string, recursive> named;
};
struct inner {
    std::string name;
    int* count;
};
struct outer {
    std::optional<std::string> user;
    std::variant<int, std::string> key;
    std::function<void()> callback;
    std::any anything;
    inner last;
};
struct plain {
    char code[8];
    std::optional<std::string> user;
    std::variant<int, std::string> key;
    std::function<void()> callback;
    std::any anything;
    std::shared_ptr<const std::vector<int>> table;
    Eigen::VectorXd features;
    std::chrono::seconds age;
    double weight = 1.0;
};

template <class T>
constexpr bool outlives = joust::outlives_call<T>;

}  // namespace

TEST_CASE("copies that own everything outlive their call")
{
    STATIC_REQUIRE(outlives<int>);
    STATIC_REQUIRE(outlives<std::string>);
    STATIC_REQUIRE(outlives<plain>);
    STATIC_REQUIRE(outlives<recursive>);
    STATIC_REQUIRE(outlives<std::shared_ptr<const int>>);
    STATIC_REQUIRE(outlives<std::map<std::string, std::vector<std::optional<int>>>>);
    STATIC_REQUIRE(outlives<Eigen::VectorXd>);
    STATIC_REQUIRE(outlives<Eigen::Matrix3f>);
    STATIC_REQUIRE(outlives<std::vector<images::tensor>>);
    STATIC_REQUIRE(outlives<images::image>);
}

TEST_CASE("copies that borrow, share or compute do not outlive their call, however they are wrapped")
{
    STATIC_REQUIRE_FALSE(outlives<std::shared_ptr<int>>);
    STATIC_REQUIRE_FALSE(outlives<std::weak_ptr<int>>);
    STATIC_REQUIRE_FALSE(outlives<std::shared_ptr<const std::vector<int*>>>);
    STATIC_REQUIRE_FALSE(outlives<std::variant<int, std::shared_ptr<int>>>);
    STATIC_REQUIRE_FALSE(outlives<std::set<std::string_view>>);
    STATIC_REQUIRE_FALSE(outlives<std::tuple<int, std::list<std::optional<std::string_view>>>>);
    STATIC_REQUIRE_FALSE(outlives<std::array<const char*, 3>>);
    STATIC_REQUIRE_FALSE(outlives<std::vector<std::reference_wrapper<int>>>);
    STATIC_REQUIRE_FALSE(outlives<outer>);
    STATIC_REQUIRE_FALSE(outlives<holds_tensor>);
    STATIC_REQUIRE_FALSE(outlives<std::map<std::string, outer>>);
    using vector = Eigen::VectorXd;
    STATIC_REQUIRE_FALSE(outlives<decltype(std::declval<vector&>() * 2.0)>);
    STATIC_REQUIRE_FALSE(outlives<decltype(std::declval<vector&>().head(2))>);
    STATIC_REQUIRE_FALSE(outlives<Eigen::Map<vector>>);
    STATIC_REQUIRE_FALSE(outlives<std::vector<Eigen::Map<vector>>>);
}

TEST_CASE("a challenger that writes into a clone changes nothing that the champion reads")
{
    // Both models are identical: they answer with the sum, and then overwrite their input.
    const auto destructive = [](images::tensor input) {
        int sum = 0;
        for (int& each : *input.values) {
            sum += each;
            each = 7;
        }
        return sum;
    };
    // The champion reads only; the challenger is the identical computation with an in-place step.
    const auto reading = [](const images::tensor& input) {
        int sum = 0;
        for (const int each : *input.values) {
            sum += each;
        }
        return sum;
    };
    joust::shadow live{joust::model{"a", reading}, joust::model{"b", destructive}, joust::background{}};
    const images::tensor kept;
    for (int i = 0; i < 50; ++i) {
        CHECK(live(kept) == 4);
        live.drain();
    }
    const joust::report seen = live.report();
    CHECK(*kept.values == std::vector<int>{1, 1, 1, 1});
    CHECK(live.evidence().pairs[0].compared.total() == 50.0);
    CHECK(live.evidence().pairs[0].compared.total_sum() == 50.0);
}

TEST_CASE("a result that copies shallowly is cloned for the comparison")
{
    const images::tensor answer;
    const auto model = [&answer](int) { return answer; };
    joust::shadow live{joust::model{"a", model}, joust::model{"b", [](int) { return images::tensor{}; }},
                       joust::background{}};
    for (int i = 0; i < 20; ++i) {
        const images::tensor result = live(i);
        (*result.values)[0] = 5;  // The caller may do with its result what it likes.
        live.drain();
        (*result.values)[0] = 1;
    }
    CHECK(live.evidence().pairs[0].compared.total_sum() == 20.0);
}

TEST_CASE("rankers at once get clones")
{
    const images::tensor query;
    joust::interleaving search{joust::model{"a", [](const images::tensor& q) { return *q.values; }},
                               joust::model{"b",
                                            [](const images::tensor& q) {
                                                std::vector<int> list = *q.values;
                                                (*q.values)[0] = 9;
                                                return list;
                                            }},
                               joust::by([](const images::tensor&) { return 1; }),
                               joust::at_once(std::chrono::seconds{5}, joust::inline_run{})};
    (void)search.rank(query, 2);
    CHECK((*query.values)[0] == 1);
}

TEST_CASE("clone goes through containers, optionals, pairs, tuples and arrays")
{
    const std::map<int, std::optional<images::tensor>> kept{{1, images::tensor{}}, {2, std::nullopt}};
    const auto copy = joust::clone(kept);
    *kept.at(1)->values = {8};
    CHECK(copy.at(1)->values->size() == 4);
    CHECK_FALSE(copy.at(2).has_value());

    const std::tuple<int, std::array<images::tensor, 2>, std::vector<std::pair<std::string, images::tensor>>>
        nested{1, {}, {{"x", {}}}};
    const auto again = joust::clone(nested);
    CHECK(std::get<1>(again)[1].values != std::get<1>(nested)[1].values);
    CHECK(std::get<2>(again)[0].second.values != std::get<2>(nested)[0].second.values);
    CHECK(std::get<2>(again)[0].first == "x");

    const images::image picture{std::make_shared<std::vector<int>>(3, 2)};
    CHECK(joust::clone(picture).pixels != picture.pixels);
    CHECK(joust::clone(std::string("text")) == "text");
}
