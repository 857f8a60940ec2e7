// SPDX-License-Identifier: Apache-2.0

#include <joust/split/interop/all.hpp>
#include <joust/split/splitter.hpp>

#include "allocations.hpp"
#include "catch.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace {

namespace in = joust::interop;

struct Request {
    std::string user_id;
};

const auto itself = joust::by([](const std::string& id) -> const std::string& { return id; });

template <class Make>
std::string complaint(Make make)
{
    try {
        (void)make();
    } catch (const joust::configuration_error& wrong) {
        return wrong.field() + " is " + wrong.value();
    }
    return "accepted";
}

std::vector<std::string> many_ids(std::size_t count)
{
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < count; ++i) {
        ids.push_back("user-" + std::to_string(i * 7919));
    }
    return ids;
}

// What holds for every splitter: arms occur in the shares that it states, propensities are those shares, units that are not
// enrolled get the champion, and no memory is allocated.
template <class Split>
void check_shares(const Split& split)
{
    static_assert(joust::assigns<Split> && joust::resolves<Split>);
    static const std::vector<std::string> ids = many_ids(20'000);
    std::array<double, joust::max_arms> counts{};
    double enrolled = 0.0;
    bool consistent = true;
    const long before = joust_tests::allocations();
    for (const std::string& id : ids) {
        const std::tuple<const std::string&> args{id};
        const joust::assignment found =
            split.assign(joust::context<std::tuple<const std::string&>>{0, 0, args});
        consistent = consistent && found == split.decide(id);
        if (found.enrolled) {
            consistent = consistent && found.propensity == split.share(found.arm);
            counts[found.arm] += 1.0;
            enrolled += 1.0;
        } else {
            consistent = consistent && found == joust::assignment{0, 1.0, false};
        }
    }
    CHECK(joust_tests::allocations() == before);
    CHECK(consistent);

    const auto n = static_cast<double>(ids.size());
    const double share = split.enrolled_share();
    CHECK(std::fabs(enrolled - n * share) <= 5.0 * std::sqrt(n * share * (1.0 - share)) + 1e-6);
    double sum = 0.0;
    for (std::size_t arm = 0; arm < joust::max_arms; ++arm) {
        const double p = split.share(arm);
        sum += p;
        CHECK(std::fabs(counts[arm] - enrolled * p) <= 5.0 * std::sqrt(enrolled * p * (1.0 - p)) + 1e-6);
        CHECK((arm < split.arms() || p == 0.0));
    }
    CHECK_THAT(sum, WithinAbs(1.0, 1e-12));
    CHECK(split.resolve(split.arms()).share(0) == split.share(0));
    CHECK(complaint([&] { return split.resolve(split.arms() + 1); }) ==
          "models is " + std::to_string(split.arms() + 1));
}

TEST_CASE("overrides force an arm, and forced units are not part of the experiment")
{
    const in::unleash_split flag{itself, {.group = "g", .weights = {1, 1}, .overrides = {{"vip", 1}}}};
    CHECK(flag.decide("vip") == joust::assignment{1, 1.0, false});
    const in::unleash_split off{itself,
                                {.group = "g", .rollout = 1.0, .weights = {1, 1}, .overrides = {{"vip", 1}}}};
    CHECK(off.decide("vip") ==
          joust::assignment{in::unleash::normalized("g", "vip") <= 1 ? 1U : 0U, 1.0, false});
    const in::optimizely_split test{
        itself, {.id = "1", .allocation = {{0, 10'000}, {1, 10'000}}, .overrides = {{"vip", 1}}}};
    CHECK(test.decide("vip") == joust::assignment{1, 1.0, false});

    // The first variant with a matching override has it, before any hash; weights of 0 in all leave no variant at all.
    const std::vector<in::unleash::variant_definition> variants{
        {0, {{"userId", {"x"}}}}, {10, {{"userId", {"vip", "x"}}, {"region", {"eu"}}}}, {90, {}}};
    const auto user = [](std::string_view id, std::string_view region) {
        return [id, region](std::string_view name) {
            return name == "userId" ? id : name == "region" ? region : std::string_view{};
        };
    };
    CHECK(in::unleash::variant("g", "vip", variants, user("vip", "us")) == 1U);
    CHECK(in::unleash::variant("g", "x", variants, user("x", "us")) == 0U);
    CHECK(in::unleash::variant("g", "somebody", variants, user("somebody", "eu")) == 1U);
    CHECK(in::unleash::variant("g", "somebody", variants, user("somebody", "us")) ==
          in::unleash::variant("g", "somebody", {0, 10, 90}));
    CHECK_FALSE(in::unleash::variant("g", "vip", {0, 0}).has_value());
    const std::vector<in::unleash::variant_definition> nothing{{0, {{"userId", {"vip"}}}}};
    CHECK_FALSE(in::unleash::variant("g", "vip", nothing, user("vip", "")).has_value());
}

TEST_CASE("the ends of intervals belong to the arm to which each vendor gives them")
{
    // Featurevisor: both ends, the first entry first. Find an id on the border, in bucket 50,000.
    std::string border;
    for (int i = 0; border.empty(); ++i) {
        const std::string id = std::to_string(i);
        border = in::featurevisor::bucket(id, "checkout") == 50'000 ? id : "";
    }
    in::featurevisor::feature f{.key = "checkout", .allocation = {{0, 0, 50'000}, {1, 50'000, 100'000}}};
    const in::featurevisor_split both{itself, f};
    CHECK(both.decide(border).arm == 0);
    CHECK_THAT(both.share(0), WithinAbs(0.50001, 1e-9));
    f.percentage = 50'000;
    CHECK((in::featurevisor_split{itself, f}.decide(border).enrolled));
    f.ranges = {{0, 50'000}};
    CHECK_FALSE((in::featurevisor_split{itself, f}.decide(border).enrolled));

    // LaunchDarkly: the last variation gets what the weights leave.
    const in::launchdarkly_split rest{itself,
                                      {.key = "k", .salt = "s", .variations = {{0, 10'000}, {1, 10'000}}}};
    CHECK_THAT(rest.share(1), WithinAbs(0.9, 1e-12));
    check_shares(rest);

    // Statsig: 0 and 100 percent are told without hashing.
    CHECK_FALSE(in::statsig::passes("s", "r", "u", 0.0));
    CHECK(in::statsig::passes("s", "r", "u", 100.0));
}

TEST_CASE("shares are exact, and arms occur as often as their shares say")
{
    check_shares(in::growthbook_split{itself, {.key = "a", .variations = 3}});
    check_shares(in::growthbook_split{
        itself, {.key = "b", .hash_version = 2, .weights = {0.5, 0.3, 0.2}, .coverage = 0.35}});
    check_shares(
        in::growthbook_split{itself,
                             {.key = "c",
                              .hash_version = 2,
                              .ranges = {{0.0, 0.4}, {0.3, 0.6}},
                              .filters = {{"x", {{0.0, 0.25}, {0.5, 0.75}}}, {"y", {{0.2, 0.9}}, 1}}}});
    check_shares(in::growthbook_split{
        itself,
        {.key = "d", .weights = {0.5, 0.5}, .name_space = in::growthbook::name_space{"n", 0.1, 0.5}}});
    check_shares(in::growthbook_rollout_split{itself, {.seed = "e", .coverage = 0.3}});
    check_shares(in::unleash_split{itself, {.group = "a", .rollout = 12.5}});
    check_shares(in::unleash_split{itself, {.group = "b", .rollout = 30.0, .weights = {0, 1, 2}}});
    check_shares(
        in::optimizely_split{itself,
                             {.id = "1",
                              .allocation = {{0, 1'000}, {in::nobody, 4'000}, {1, 5'000}, {0, 6'000}},
                              .group = {"9", 2'000, 7'000}}});
    check_shares(in::launchdarkly_split{
        itself, {.seed = -61, .variations = {{0, 20'000}, {1, 30'000}, {0, 50'000, false}}}});
    check_shares(in::planout_split{itself, {.experiment_salt = "e", .salt = "s", .weights = {1, 0, 2}}});
    check_shares(in::planout_split{itself, {.experiment_salt = "e", .salt = "s", .choices = 5}});
    check_shares(in::flagd_split{itself, {.flag_key = "f", .weights = {1, 0, 2, -7}}});
    check_shares(in::eppo_split{itself,
                                {.key = "e",
                                 .splits = {{0, {{"traffic", {{0, 4'000}}}, {"split", {{0, 3'000}}}}},
                                            {1, {{"traffic", {{0, 4'000}}}, {"split", {{2'000, 9'000}}}}},
                                            {2, {{"traffic", {{3'000, 6'000}}}}}}}});
    check_shares(in::eppo_split{
        itself,
        {.key = "e",
         .total_shards = 7,
         .splits = {{0, {{"s", {{0, 2}, {5, 6}}}}}, {in::nobody, {{"s", {{2, 4}}}}}, {1, {}}}}});
    check_shares(in::statsig_split{itself,
                                   {.salt = "s",
                                    .ends = {100, 600, 900},
                                    .allocation_salt = "layer",
                                    .allocation = {{0, 300}, {500, 900}}}});
    check_shares(in::statsig_gate_split{itself, {.salt = "s", .rule = "r", .pass_percentage = 33.33}});
    check_shares(in::split_io_split{
        itself, {.name = "f", .seed = 5, .sizes = {30, 0, 70}, .traffic_allocation = 40, .traffic_seed = 6}});
    check_shares(in::split_io_split{
        itself, {.name = "f", .seed = 5, .sizes = {30, 70}, .traffic_allocation = 40, .traffic_seed = 5}});
    check_shares(
        in::featurevisor_split{itself, {.key = "f", .allocation = {{0, 0, 20'000}, {2, 20'000, 30'000}}}});

    // A hundred buckets of a 32-bit hash are not quite alike: 2^32 leaves 96, so the first 96 have one hash more.
    const in::unleash_split half{itself, {.group = "g", .rollout = 50.0}};
    CHECK(half.share(1) == (50.0 * 42949672 + 50) / 4294967296.0);
    const in::split_io_split same{
        itself, {.name = "f", .seed = 5, .sizes = {30, 70}, .traffic_allocation = 40, .traffic_seed = 5}};
    CHECK_THAT(same.share(0), WithinAbs(0.75, 1e-8));
    const in::flagd_split wide{itself, {.flag_key = "f", .weights = {1, 2147483646}}};
    CHECK(wide.share(0) == 3.0 / 4294967296.0);  // the hashes 0, 1 and 2
}

TEST_CASE("parts of all hashes are counted exactly")
{
    // The formulas for 2^32 hashes hold for any number of them that a count can reach: here by counting 2^32 in strides.
    for (const std::uint64_t n :
         {1ULL, 2ULL, 3ULL, 7ULL, 100ULL, 1'000ULL, 10'000ULL, 65'536ULL, 99'999ULL}) {
        double by_remainder = 0.0;
        double by_product = 0.0;
        const std::uint64_t step = n / 3 + 1;
        for (std::uint64_t at = 0; at < n; at += step) {
            const std::uint64_t end = at + step < n ? at + step : n;
            by_remainder += in::detail::part_by_remainder(at, end, n);
            by_product += in::detail::part_by_product(at, end, n);
            // The first hash of an interval is in it, and the one before is not.
            const auto first = static_cast<std::uint32_t>(((at << 32U) + n - 1) / n);
            CHECK(in::detail::product_bucket(first, static_cast<std::uint32_t>(n)) >= at);
            CHECK((first == 0 || in::detail::product_bucket(first - 1, static_cast<std::uint32_t>(n)) < at));
        }
        CHECK(by_remainder == 1.0);
        CHECK(by_product == 1.0);
    }
    CHECK(in::detail::part_by_remainder(0, 1, 3) == 1431655766.0 / 4294967296.0);
    CHECK(in::detail::part_by_remainder(1, 2, 3) == 1431655765.0 / 4294967296.0);
}

TEST_CASE("units may be text, integers and uuids, and arguments or the unit itself")
{
    const auto expected = [](std::string_view id) {
        return in::optimizely::bucket(id, "1") < 5'000 ? 0U : 1U;
    };
    const in::optimizely::experiment halves{.id = "1", .allocation = {{0, 5'000}, {1, 10'000}}};
    const in::optimizely_split by_member{joust::by(&Request::user_id), halves};
    for (int i = 0; i < 50; ++i) {
        const Request request{"user-" + std::to_string(i)};
        const std::tuple<const Request&> args{request};
        CHECK(by_member.assign(joust::context<std::tuple<const Request&>>{0, 0, args}).arm ==
              expected(request.user_id));
        // With further arguments, and with the unit alone, as choose(unit) gives it.
        const std::tuple<const Request&, const int&> more{request, i};
        CHECK(by_member.assign(joust::context<std::tuple<const Request&, const int&>>{0, 0, more}).arm ==
              expected(request.user_id));
        const std::tuple<const std::string&> alone{request.user_id};
        CHECK(by_member.assign(joust::context<std::tuple<const std::string&>>{0, 0, alone}).arm ==
              expected(request.user_id));
        CHECK(by_member.assign(joust::context<std::string>{0, 0, request.user_id}).arm ==
              expected(request.user_id));

        const std::int64_t number = i * 1'000'003 - 25'000'000;
        const std::tuple<const std::int64_t&> integer{number};
        CHECK(by_member.assign(joust::context<std::tuple<const std::int64_t&>>{0, 0, integer}).arm ==
              expected(std::to_string(number)));
        const joust::uuid id{static_cast<std::uint64_t>(i) * 0x9e3779b97f4a7c15U, 7};
        std::string text;
        joust::append_unit_text(text, id);
        const std::tuple<const joust::uuid&> unique{id};
        CHECK(by_member.assign(joust::context<std::tuple<const joust::uuid&>>{0, 0, unique}).arm ==
              expected(text));
    }
    // A projection that makes its text keeps it until it is hashed.
    const in::optimizely_split made{
        joust::by([](const Request& r) { return "tenant-with-a-long-name/" + r.user_id; }), halves};
    const Request request{"user-1"};
    const std::tuple<const Request&> args{request};
    CHECK(made.assign(joust::context<std::tuple<const Request&>>{0, 0, args}).arm ==
          expected("tenant-with-a-long-name/user-1"));
}

TEST_CASE("an empty id is refused where the vendor refuses it")
{
    const joust::assignment out{0, 1.0, false};
    CHECK(in::growthbook_split{itself, {.key = "k"}}.decide("") == out);
    CHECK(in::growthbook_rollout_split{itself, {.seed = "k"}}.decide("") == out);
    CHECK(in::unleash_split{itself, {.group = "g"}}.decide("") == out);
    CHECK(in::launchdarkly_split{itself, {.key = "k", .salt = "s", .variations = {{0, 50'000}, {1, 50'000}}}}
              .decide("") == out);
    CHECK(in::flagd_split{itself, {.flag_key = "f", .weights = {1, 1}}}.decide("") == out);
    CHECK(in::eppo_split{itself, {.key = "e", .splits = {{0, {}}}}}.decide("") == out);
    CHECK(in::split_io_split{itself, {.name = "f", .seed = 1, .sizes = {50, 50}}}.decide("") == out);
    CHECK(in::optimizely_split{itself, {.id = "1886780721", .allocation = {{0, 7'140}, {1, 10'000}}}}
              .decide("")
              .arm == 1);
    CHECK(in::planout_split{itself, {.experiment_salt = "e", .salt = "s"}}.decide("").enrolled);
    CHECK(in::statsig_gate_split{itself, {.salt = "s", .rule = "r"}}.decide("").enrolled);
    CHECK(in::featurevisor_split{itself, {.key = "f", .allocation = {{0, 0, 100'000}}}}.decide("").enrolled);
}

TEST_CASE("wrong configurations are refused with field and value")
{
    CHECK(complaint([] { return in::growthbook_split{itself, {.key = "k", .hash_version = 3}}; }) ==
          "growthbook_split.hash_version is 3");
    CHECK(complaint([] { return in::growthbook_split{itself, {.key = "k", .weights = {0.5, 0.3}}}; }) ==
          "growthbook_split.weights is 0.8 in sum");
    CHECK(complaint([] { return in::growthbook_split{itself, {.key = "k", .weights = {1.5, -0.5}}}; }) ==
          "growthbook_split.weights is 1.5 for one variation");
    CHECK(complaint([] {
              return in::growthbook_split{itself, {.key = "k", .weights = {std::nan(""), 1.0}}};
          }) == "growthbook_split.weights is nan for one variation");
    CHECK(complaint([] { return in::growthbook_split{itself, {.key = "k", .variations = 17}}; }) ==
          "growthbook_split.weights is 17 arms");
    CHECK(complaint([] { return in::growthbook_split{itself, {.key = "k", .variations = 0}}; }) ==
          "growthbook_split.weights is 0 arms");
    CHECK(complaint([] { return in::growthbook_split{itself, {.key = "k", .coverage = 1.1}}; }) ==
          "growthbook_split.coverage is 1.1");
    CHECK(complaint([] { return in::growthbook_split{itself, {.key = "k", .ranges = {{0.5, 0.2}}}}; }) ==
          "growthbook_split.ranges is [0.5, 0.2)");
    CHECK(complaint([] {
              return in::growthbook_split{itself, {.key = "k", .filters = {{"s", {{0, 1}}, 9}}}};
          }) == "growthbook_split.filters.hash_version is 9");
    CHECK(complaint([] { return in::growthbook_rollout_split{itself, {.seed = "k", .coverage = -1}}; }) ==
          "growthbook_rollout_split.coverage is -1");
    CHECK(complaint([] { return in::unleash_split{itself, {.group = "g", .rollout = 101.0}}; }) ==
          "unleash_split.rollout is 101");
    CHECK(complaint([] {
              return in::unleash_split{itself, {.group = "g", .weights = {1, 1}, .overrides = {{"u", 2}}}};
          }) == "unleash_split.overrides is 2 for a unit");
    CHECK(complaint([] {
              return in::optimizely_split{itself, {.id = "1", .allocation = {{0, 5'000}, {1, 4'000}}}};
          }) == "optimizely_split.allocation is 4000 after 5000");
    CHECK(complaint([] { return in::optimizely_split{itself, {.id = "1", .allocation = {{0, 10'001}}}}; }) ==
          "optimizely_split.allocation is 10001 after 0");
    CHECK(complaint([] { return in::optimizely_split{itself, {.id = "1", .allocation = {{16, 1}}}}; }) ==
          "optimizely_split.allocation is 17 arms");
    CHECK(complaint([] {
              return in::optimizely_split{itself, {.id = "1", .allocation = {{0, 1}}, .group = {"g", 5, 4}}};
          }) == "optimizely_split.group is [5, 4)");
    CHECK(complaint([] { return in::launchdarkly_split{itself, {.key = "k", .salt = "s"}}; }) ==
          "launchdarkly_split.variations is 0 in sum of weights");
    CHECK(complaint([] {
              return in::launchdarkly_split{itself, {.key = "k", .salt = "s", .variations = {{0, 100'001}}}};
          }) == "launchdarkly_split.variations is 100001 in sum of weights");
    CHECK(complaint([] { return in::planout_split{itself, {.weights = {1, -1}}}; }) ==
          "planout_split.weights is -1 for one choice");
    CHECK(complaint([] { return in::planout_split{itself, {.choices = 0}}; }) ==
          "planout_split.weights is 0 arms");
    CHECK(complaint([] { return in::flagd_split{itself, {.flag_key = "f", .weights = {2147483647, 1}}}; }) ==
          "flagd_split.weights is 2147483648 in sum");
    CHECK(complaint([] { return in::flagd_split{itself, {.flag_key = "f"}}; }) ==
          "flagd_split.weights is 0 arms");
    CHECK(complaint([] { return in::eppo_split{itself, {.key = "e", .total_shards = 0}}; }) ==
          "eppo_split.total_shards is 0");
    CHECK(complaint([] {
              return in::eppo_split{itself, {.key = "e", .splits = {{0, {{"s", {{0, 10'001}}}}}}}};
          }) == "eppo_split.splits is [0, 10001)");
    CHECK(complaint([] { return in::statsig_split{itself, {.salt = "s", .ends = {500, 400}}}; }) ==
          "statsig_split.ends is 400 after 500");
    CHECK(complaint([] {
              return in::statsig_split{itself, {.salt = "s", .ends = {1'000}, .allocation_salt = "s"}};
          }) == "statsig_split.allocation_salt is the experiment's own salt");
    CHECK(complaint([] { return in::statsig_gate_split{itself, {.salt = "s", .pass_percentage = 100.5}}; }) ==
          "statsig_gate_split.pass_percentage is 100.5");
    CHECK(complaint([] { return in::split_io_split{itself, {.name = "f", .sizes = {50, 51}}}; }) ==
          "split_io_split.sizes is 101 in sum");
    CHECK(complaint([] {
              return in::split_io_split{itself, {.name = "f", .sizes = {100}, .traffic_allocation = 101}};
          }) == "split_io_split.traffic_allocation is 101");
    CHECK(complaint([] { return in::featurevisor_split{itself, {.key = "f", .allocation = {{0, 2, 1}}}}; }) ==
          "featurevisor_split.allocation is [2, 1]");
    CHECK(complaint([] {
              return in::featurevisor_split{itself,
                                            {.key = "f", .allocation = {{0, 0, 1}}, .percentage = 100'001}};
          }) == "featurevisor_split.percentage is 100001");
}

}  // namespace
