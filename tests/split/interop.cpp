// SPDX-License-Identifier: Apache-2.0

#include <joust/split/interop/all.hpp>

#include "catch.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace {

namespace in = joust::interop;

// What the vendors' SDKs for node give, by scripts/interop/golden.cjs. A bucket that an SDK does not give (of an empty id) is -1.
struct golden {
    std::string_view id;
    int growthbook_v1, growthbook_v2;                 // thousandths, ten-thousandths; key "checkout"
    std::uint32_t unleash_strategy, unleash_variant;  // group "checkout"; of 1,000
    std::uint32_t optimizely;                         // experiment "1886780721"
    double launchdarkly, launchdarkly_seeded;         // key "checkout", salt "salt"; seed 61
    std::uint64_t planout;                            // experiment "checkout", salt "button"
    int flagd_js;                                     // flag "checkout", total weight 1,000
    std::uint32_t eppo;                               // salt "checkout", 10,000 shards
    std::uint32_t statsig_gate, statsig_user;         // salt "checkout", rule "rule"
    std::uint32_t split_io;                           // seed -1222652054
    std::uint32_t featurevisor;                       // feature "checkout"
};

// clang-format off
const golden known[] = {
    {"", -1, -1, 73, 237, 7140, 0.411324708764163, 0.5637026232961166, 0xc968600722866c2, -1, 3416, 5793, 656, 40, 28022},
    {"a", 448, 4052, 30, 522, 1225, 0.29784447978584133, 0.27302018857950994, 0x4cc7a6986a49f0d, 607, 1310, 4847, 830, 51, 33952},
    {"42", 135, 4063, 85, 129, 3285, 0.47268847617061666, 0.0649173146622308, 0x2ba30357d68aeb7, 795, 1950, 473, 771, 78, 5099},
    {"user-1", 944, 7893, 34, 663, 3852, 0.25329790886082393, 0.8018402357891553, 0xfe7f9ce414ad9, 722, 362, 5520, 379, 53, 97300},
    {"user-2", 385, 5609, 11, 9, 1417, 0.5570446279570177, 0.1705789263554557, 0x665ee9b8f4cc62d, 346, 82, 2163, 954, 66, 73503},
    {"alice@example.com", 922, 9430, 28, 566, 1783, 0.39196180813781756, 0.16250399695686474, 0xfbc5d51e50ccf85, 828, 7295, 6255, 178, 21, 31653},
    {"01890a5d-ac96-774b-bcce-b302099a8057", 727, 701, 40, 374, 4959, 0.7574231271448998, 0.8025008117892698, 0x72a70a6b85395eb, 375, 3306, 4095, 345, 25, 84409},
    {"two words", 576, 3099, 67, 591, 7303, 0.40139956421946726, 0.9872252863990734, 0x1477f7943090ca2, 173, 6478, 5290, 237, 71, 34046},
    {"a:b.c-d", 710, 4293, 24, 150, 8535, 0.8258038552403201, 0.7395664072051772, 0xa14e490064a26a8, 904, 3266, 9889, 893, 46, 6078},
    {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 283, 944, 32, 322, 3058, 0.6702944522473857, 0.9488838092071924, 0xf16b4cb656eb681, 897, 8456, 6980, 234, 8, 23571},
    {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 625, 7547, 95, 316, 6294, 0.6806587663093769, 0.1645204985586018, 0x31ba3a584a478d7, 249, 9153, 9995, 104, 97, 83294},
    {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 99, 5089, 73, 516, 6145, 0.14652393471284644, 0.7793270766886736, 0x870d806d4607404, 661, 3398, 8432, 608, 79, 90926},
    {"é", 176, 4526, 61, 11, 8892, 0.8655844208384825, 0.5917338190682042, 0x6971a4c1f726071, 205, 2927, 5797, 749, 54, 24257},
    {"Grüße aus Köln", 106, 2925, 91, 792, 2675, 0.16723565306727214, 0.09915848489143556, 0xed5392204316737, 608, 3432, 8925, 963, 55, 48811},
    {"Ж", 69, 9059, 91, 711, 1654, 0.5279720062856736, 0.48430404736227317, 0x6bf14f017c4ed88, 288, 9270, 341, 821, 56, 59794},
    {"你好", 362, 3881, 52, 745, 2939, 0.11591571207063549, 0.9811178330728019, 0xa9fb21f54f96ad, 660, 5642, 6072, 191, 66, 97254},
    {"用户-42", 813, 612, 15, 663, 6, 0.05345861031457685, 0.12720791481502244, 0xb7a689f50c61d4f, 664, 2930, 8606, 111, 97, 23169},
    {"ﷺ", 49, 7427, 31, 744, 1954, 0.6165572905258555, 0.8678234500756334, 0xd27bd8b693910f3, 669, 8676, 5349, 955, 51, 18004},
    {"😀", 12, 3881, 64, 621, 1511, 0.2504057140965026, 0.358127254556088, 0x16dc3401fbe23e4, 609, 3546, 1644, 53, 39, 19971},
    {"👩‍💻-7", 690, 5848, 75, 401, 1037, 0.4747877033896593, 0.003303352077503911, 0x62cab22690aea24, 207, 1949, 7536, 595, 24, 72600},
    {"🇩🇪", 728, 2364, 74, 237, 1976, 0.2320000499228699, 0.1273486087370164, 0x701378a97262e15, 891, 9308, 191, 459, 44, 89512},
    {"𠜎", 426, 6392, 33, 325, 4114, 0.19518318444860847, 0.4802053535729849, 0x9f5f4f44b7bbc95, 870, 7168, 4724, 661, 99, 46982},
    {"naïve 你 😀", 813, 2360, 64, 942, 271, 0.7442655228179307, 0.2562137868824119, 0x88aa028643c74b7, 601, 2663, 9857, 677, 66, 31996},
    {"한국어한국어한국어한국어한국어한국어한국어한국어한국어", 30, 8008, 34, 668, 6771, 0.2702576464749213, 0.6985625632821981, 0x208c38d94f24793, 524, 8686, 6656, 384, 87, 44033},
};
// clang-format on

const auto itself = joust::by([](const std::string& id) -> const std::string& { return id; });

TEST_CASE("buckets are those that the vendors' SDKs give")
{
    for (const golden& row : known) {
        INFO(row.id);
        if (row.growthbook_v1 >= 0) {
            CHECK(in::growthbook::bucket("checkout", row.id, 1) == row.growthbook_v1 / 1000.0);
            CHECK(in::growthbook::bucket("checkout", row.id, 2) == row.growthbook_v2 / 10000.0);
        }
        CHECK(in::unleash::normalized("checkout", row.id) == row.unleash_strategy);
        CHECK(in::unleash::normalized_variant("checkout", row.id, 1'000) == row.unleash_variant);
        CHECK(in::optimizely::bucket(row.id, "1886780721") == row.optimizely);
        CHECK(in::launchdarkly::bucket("checkout", "salt", row.id) == row.launchdarkly);
        CHECK(in::launchdarkly::bucket(61, row.id) == row.launchdarkly_seeded);
        CHECK(in::planout::hash("checkout", "button", row.id) == row.planout);
        if (row.flagd_js >= 0) {
            const auto at =
                in::flagd::bucket("checkout", row.id, 1'000, in::flagd::encoding::utf16_overlapping);
            CHECK(at == static_cast<std::uint32_t>(row.flagd_js));
            CHECK((in::is_ascii(row.id) ? in::flagd::bucket("checkout", row.id, 1'000) == at : true));
        }
        CHECK(in::eppo::shard("checkout", row.id) == row.eppo);
        CHECK(in::statsig::bucket("checkout", "rule", row.id) == row.statsig_gate);
        CHECK(in::statsig::user_bucket("checkout", row.id) == row.statsig_user);
        CHECK(in::split_io::bucket(row.id, -1222652054) == row.split_io);
        CHECK(in::featurevisor::bucket(row.id, "checkout") == row.featurevisor);
    }
}

TEST_CASE("splitters find the buckets of the functions, whose salt they have hashed beforehand")
{
    // A thousand arms would do; sixteen, and the first bucket of each, tell as much.
    const in::growthbook_split one{itself,
                                   {.key = "checkout", .hash_version = 1, .weights = {0.25, 0.25, 0.5}}};
    const in::growthbook_split two{
        itself, {.key = "other", .seed = "checkout", .hash_version = 2, .weights = {0.25, 0.25, 0.5}}};
    const in::unleash_split unleash{itself, {.group = "checkout", .weights = {250, 250, 500}}};
    const in::optimizely_split optimizely{
        itself, {.id = "1886780721", .allocation = {{0, 2'500}, {1, 5'000}, {2, 10'000}}}};
    const in::launchdarkly_split launchdarkly{
        itself, {.key = "checkout", .salt = "salt", .variations = {{0, 25'000}, {1, 25'000}, {2, 50'000}}}};
    const in::launchdarkly_split seeded{itself,
                                        {.seed = 61, .variations = {{0, 25'000}, {1, 25'000}, {2, 50'000}}}};
    const in::planout_split planout{itself,
                                    {.experiment_salt = "checkout", .salt = "button", .weights = {1, 1, 2}}};
    const in::flagd_split flagd{itself,
                                {.flag_key = "checkout",
                                 .weights = {250, 250, 500},
                                 .encoding = in::flagd::encoding::utf16_overlapping}};
    const in::eppo_split eppo{itself,
                              {.key = "checkout",
                               .splits = {{0, {{"checkout", {{0, 2'500}}}}},
                                          {1, {{"checkout", {{2'500, 5'000}}}}},
                                          {2, {{"checkout", {{5'000, 10'000}}}}}}}};
    const in::statsig_split statsig{itself, {.salt = "checkout", .ends = {250, 500, 1'000}}};
    const in::statsig_gate_split gate{itself, {.salt = "checkout", .rule = "rule", .pass_percentage = 25.0}};
    const in::split_io_split split_io{itself,
                                      {.name = "checkout", .seed = -1222652054, .sizes = {25, 25, 50}}};
    const in::featurevisor_split featurevisor{
        itself,
        {.key = "checkout", .allocation = {{0, 0, 25'000}, {1, 25'000, 50'000}, {2, 50'000, 100'000}}}};
    const auto arm = [](double at) { return at < 0.25 ? 0U : at < 0.5 ? 1U : 2U; };
    for (const golden& row : known) {
        INFO(row.id);
        if (!row.id.empty()) {
            CHECK(one.decide(row.id).arm == arm(row.growthbook_v1 / 1000.0));
            CHECK(two.decide(row.id).arm == arm(row.growthbook_v2 / 10000.0));
            CHECK(unleash.decide(row.id).arm == arm((row.unleash_variant - 1) / 1000.0));
            CHECK(launchdarkly.decide(row.id).arm == arm(row.launchdarkly));
            CHECK(seeded.decide(row.id).arm == arm(row.launchdarkly_seeded));
            CHECK(flagd.decide(row.id).arm == arm(row.flagd_js / 1000.0));
            CHECK(eppo.decide(row.id).arm == arm(row.eppo / 10000.0));
            CHECK(split_io.decide(row.id).arm == arm((row.split_io - 1) / 100.0));
        }
        CHECK(optimizely.decide(row.id).arm == arm(row.optimizely / 10000.0));
        CHECK(planout.decide(row.id).arm == arm(in::planout::uniform(row.planout)));
        CHECK(statsig.decide(row.id).arm == arm(row.statsig_user / 1000.0));
        CHECK(gate.decide(row.id).arm == (row.statsig_gate < 2'500 ? 1 : 0));
        CHECK(featurevisor.decide(row.id).arm == arm(row.featurevisor / 100000.0));
    }
}

TEST_CASE("buckets are those that vendors publish")
{
    // GrowthBook, cases.json: hash.
    using in::growthbook::bucket;
    CHECK(bucket("", "a", 1) == 0.22);
    CHECK(bucket("", "b", 1) == 0.077);
    CHECK(bucket("b", "a", 1) == 0.946);
    CHECK(bucket("ef", "d", 1) == 0.652);
    CHECK(bucket("asdf", "8952klfjas09ujk", 1) == 0.549);
    CHECK(bucket("", "123", 1) == 0.011);
    CHECK(bucket("", "___)((*\":&", 1) == 0.563);
    CHECK(bucket("seed", "a", 2) == 0.0505);
    CHECK(bucket("seed", "b", 2) == 0.2696);
    CHECK(bucket("foo", "ab", 2) == 0.2575);
    CHECK(bucket("foo", "def", 2) == 0.2019);
    CHECK(bucket("89123klj", "8952klfjas09ujkasdf", 2) == 0.124);
    CHECK(bucket("90850943850283058242805", "123", 2) == 0.7516);
    CHECK(bucket("()**(%$##$%#$#", "___)((*\":&", 2) == 0.0128);
    CHECK_FALSE(bucket("abc", "def", 99).has_value());
    STATIC_REQUIRE(bucket("seed", "a", 2) == 0.0505);

    // Unleash, tests shared by its clients.
    CHECK(in::unleash::normalized("gr1", "123") == 73);
    CHECK(in::unleash::normalized("groupX", "999") == 25);

    // Optimizely, bucket_value_generator.
    CHECK(in::optimizely::bucket("ppid1", "1886780721") == 5254);
    CHECK(in::optimizely::bucket("ppid2", "1886780721") == 4299);
    CHECK(in::optimizely::bucket("ppid2", "1886780722") == 2434);
    CHECK(in::optimizely::bucket("ppid3", "1886780721") == 5439);

    // LaunchDarkly, consistency tests shared by its SDKs, which state single precision.
    const auto near = [](double value) { return WithinAbs(value, 1e-7); };
    CHECK_THAT(in::launchdarkly::bucket("hashKey", "saltyA", "userKeyA"), near(0.42157587));
    CHECK_THAT(in::launchdarkly::bucket("hashKey", "saltyA", "userKeyB"), near(0.6708485));
    CHECK_THAT(in::launchdarkly::bucket("hashKey", "saltyA", "userKeyC"), near(0.10343106));
    CHECK_THAT(in::launchdarkly::bucket(61, "userKeyA"), near(0.09801207));
    CHECK_THAT(in::launchdarkly::bucket(61, "userKeyB"), near(0.14483777));
    CHECK_THAT(in::launchdarkly::bucket(61, "userKeyC"), near(0.9242641));
    CHECK_THAT(in::launchdarkly::bucket("hashKey", "saltyA", "33333"), near(0.54771423));
    const in::launchdarkly_split by_number{
        joust::by([](int id) { return id; }),
        {.key = "hashKey", .salt = "saltyA", .variations = {{0, 54'771}, {1, 1}, {2, 45'228}}}};
    const int number = 33'333;
    const std::tuple<const int&> args{number};
    CHECK(by_number.assign(joust::context<std::tuple<const int&>>{0, 0, args}).arm == 1);
}

TEST_CASE("GrowthBook lays out ranges as its cases say")
{
    using in::growthbook::bucket_ranges;
    using list = std::vector<in::growthbook::range>;
    using weights = std::vector<double>;
    const auto close = [](const list& got, const list& wanted) {
        bool same = got.size() == wanted.size();
        for (std::size_t i = 0; same && i < got.size(); ++i) {
            same = std::fabs(got[i].start - wanted[i].start) < 1e-15 &&
                   std::fabs(got[i].end - wanted[i].end) < 1e-15;
        }
        return same;
    };
    CHECK(bucket_ranges(2) == list{{0, 0.5}, {0.5, 1}});
    CHECK(bucket_ranges(2, 0.5) == list{{0, 0.25}, {0.5, 0.75}});
    CHECK(bucket_ranges(2, 0.0) == list{{0, 0}, {0.5, 0.5}});
    CHECK(bucket_ranges(4) == list{{0, 0.25}, {0.25, 0.5}, {0.5, 0.75}, {0.75, 1}});
    CHECK(bucket_ranges(2, 1.0, weights{0.4, 0.6}) == list{{0, 0.4}, {0.4, 1}});
    CHECK(close(bucket_ranges(3, 1.0, weights{0.2, 0.3, 0.5}), {{0, 0.2}, {0.2, 0.5}, {0.5, 1}}));
    CHECK(close(bucket_ranges(3, 0.2, weights{0.2, 0.3, 0.5}), {{0, 0.04}, {0.2, 0.26}, {0.5, 0.6}}));
    CHECK(bucket_ranges(2, -0.2) == list{{0, 0}, {0.5, 0.5}});
    CHECK(bucket_ranges(2, 1.5) == list{{0, 0.5}, {0.5, 1}});
    CHECK(bucket_ranges(2, 1.0, weights{0.4, 0.1}) == list{{0, 0.5}, {0.5, 1}});
    CHECK(bucket_ranges(2, 1.0, weights{0.7, 0.6}) == list{{0, 0.5}, {0.5, 1}});
    CHECK(bucket_ranges(4, 1.0, weights{0.4, 0.4, 0.2}) ==
          list{{0, 0.25}, {0.25, 0.5}, {0.5, 0.75}, {0.75, 1}});
    CHECK(close(bucket_ranges(2, 1.0, weights{0.4, 0.5999}), {{0, 0.4}, {0.4, 0.9999}}));
    CHECK(bucket_ranges(0).empty());

    const list ranges{{0.0, 0.2}, {0.1, 0.4}, {0.6, 1.0}};
    CHECK(in::growthbook::choose_variation(0.0, ranges) == 0U);
    CHECK(in::growthbook::choose_variation(0.15, ranges) == 0U);  // the first of two that hold it
    CHECK(in::growthbook::choose_variation(0.2, ranges) == 1U);
    CHECK_FALSE(in::growthbook::choose_variation(0.4, ranges).has_value());
    CHECK(in::growthbook::choose_variation(0.6, ranges) == 2U);
    CHECK_FALSE(in::growthbook::choose_variation(std::nan(""), ranges).has_value());
}

TEST_CASE("GrowthBook's own treatment of ends of ranges")
{
    using in::growthbook::in_rollout;
    // "a" has 0.22 with the empty seed. The end of a rollout belongs to it, and the end of a range does not.
    CHECK(in_rollout("", "a", 0.22));
    CHECK_FALSE(in_rollout("", "a", 0.219));
    CHECK_FALSE((in::growthbook::range{0.0, 0.22}.contains(0.22)));
    CHECK_FALSE(in_rollout("", "a", 0.0));
    CHECK_FALSE(in_rollout("", "", 1.0));
    CHECK_FALSE(in_rollout("", "a", 1.0, 99));
    const in::growthbook_rollout_split rollout{itself, {.seed = "", .coverage = 0.22}};
    CHECK(rollout.decide("a") == joust::assignment{1, rollout.share(1), true});
    CHECK_THAT(rollout.share(1), WithinAbs(221.0 / 1000.0, 1e-6));  // 0, 1, ... 220 thousandths
    CHECK((in::growthbook_rollout_split{itself, {.seed = "s", .coverage = 1.0}}.share(1) == 1.0));

    // A namespace is a filter of version 1 whose seed begins with two underscores. It has no effect where there are filters.
    const double at = *in::growthbook::bucket("__pricing", "user-1", 1);
    CHECK(in::growthbook::in_namespace("user-1", "pricing", at, at + 0.001));
    CHECK_FALSE(in::growthbook::in_namespace("user-1", "pricing", 0.0, at));
    in::growthbook::experiment e{.key = "checkout",
                                 .name_space = in::growthbook::name_space{"pricing", 0.0, at}};
    CHECK_FALSE((in::growthbook_split{itself, e}.decide("user-1").enrolled));
    e.filters = {{"pricing", {{0.0, 1.0}}}};
    CHECK((in::growthbook_split{itself, e}.decide("user-1").enrolled));
    CHECK_FALSE((in::growthbook_split{itself, e}.decide("").enrolled));

    // A filter with the experiment's own seed sees the experiment's own bucket: the second arm is never reached.
    const in::growthbook_split own{itself, {.key = "k", .hash_version = 2, .filters = {{"k", {{0.0, 0.5}}}}}};
    CHECK(own.share(0) == 1.0);
    CHECK(own.share(1) == 0.0);
    CHECK_THAT(own.enrolled_share(), WithinAbs(0.5, 1e-6));
}

TEST_CASE("SDKs of one vendor that disagree are told apart by name")
{
    using in::growthbook::bucket;
    CHECK(bucket("checkout", "é", 2, in::growthbook::encoding::utf16) == 0.4526);
    CHECK(bucket("checkout", "é", 2, in::growthbook::encoding::code_points) == 0.4526);
    CHECK(bucket("checkout", "é", 2, in::growthbook::encoding::utf8) == 0.4968);
    CHECK(bucket("checkout", "😀", 2, in::growthbook::encoding::utf16) == 0.3881);
    CHECK(bucket("checkout", "😀", 2, in::growthbook::encoding::code_points) == 0.479);
    CHECK(bucket("checkout", "😀", 2, in::growthbook::encoding::utf8) == 0.1832);

    CHECK(in::unleash::normalized("checkout", "你好") == 52);
    CHECK(in::unleash::normalized("checkout", "你好", in::unleash::encoding::utf8) == 92);
    CHECK(in::unleash::normalized("checkout", "你好", in::unleash::encoding::utf8) ==
          in::murmur3_32("checkout:你好") % 100 + 1);
    CHECK(in::unleash::normalized("Grüße", "user-1") !=
          in::unleash::normalized("Grüße", "user-1", in::unleash::encoding::utf8));

    CHECK(in::flagd::bucket("checkout", "你好", 1'000) == 593);
    CHECK(in::flagd::bucket("checkout", "你好", 1'000, in::flagd::encoding::utf16_overlapping) == 660);
    // JavaScript leaves out a last word that is negative as a signed number: here the unit 0x8036, shifted by 16.
    const auto js = in::flagd::encoding::utf16_overlapping;
    CHECK(in::flagd::hash_by("ab耶", js) == in::murmur3::finish(0, 3));

    // 54 characters of three bytes follow 14 bytes: one crosses the end of a block, and the padding takes a block of its own.
    std::string id;
    for (int i = 0; i < 18; ++i) {
        id += "用户";
    }
    CHECK(in::statsig::bucket("checkout", "rule", id) == 9090);
    CHECK(in::statsig::bucket("checkout", "rule", id, in::statsig::implementation::node) == 9989);
    id += "x then";  // now padding fits
    CHECK(in::statsig::bucket("checkout", "rule", id, in::statsig::implementation::node) ==
          in::statsig::bucket("checkout", "rule", id));
}

TEST_CASE("PlanOut's operators follow its Python reference")
{
    namespace po = in::planout;
    constexpr std::uint64_t top = 0xfffffffffffffffU;
    STATIC_REQUIRE(po::uniform(0) == 0.0);
    STATIC_REQUIRE(po::uniform(top) == 1.0);  // as a double the largest hash is the scale itself
    CHECK(po::bernoulli_trial(0, 0.0));
    CHECK_FALSE(po::bernoulli_trial(1, 0.0));
    CHECK(po::bernoulli_trial(top, 1.0));
    CHECK(po::random_integer(25, -3, 6) == -3 + 25 % 10);
    CHECK(po::random_integer(7, 5, 5) == 5);
    CHECK(po::random_float(0, -1.0, 1.0) == -1.0);
    CHECK(po::random_float(top, -1.0, 1.0) == 1.0);
    CHECK(po::random_float(top / 2 + 1, 2.0, 4.0) == 3.0);
    CHECK(po::uniform_choice(10, 3) == 1);
    const std::vector<double> weights{1.0, 0.0, 3.0};
    CHECK(po::weighted_choice(0, weights) == 0U);
    CHECK(po::weighted_choice(std::uint64_t{1} << 58U, weights) ==
          0U);  // u = 1/4: an end belongs to its choice
    CHECK(po::weighted_choice((std::uint64_t{1} << 58U) + 256, weights) == 2U);
    CHECK(po::weighted_choice(top, weights) == 2U);
    CHECK_FALSE(po::weighted_choice(5, std::vector<double>{}).has_value());

    // Parts of a unit are joined by dots, and a full salt replaces both others.
    const std::vector<std::string_view> pair{"user-1", "item-2"};
    CHECK(po::hash("e", "s", pair) == po::hash("e", "s", "user-1.item-2"));
    CHECK(po::hash("e", "s", "u") == po::hash_full_salt("e.s", "u"));
    // From the JavaScript build core_compatible: WeightedChoice of equal weights, RandomInteger(10, 19).
    const char* const ids[] = {"user-1", "user-2", "user-3", "user-4", "user-5", "user-6"};
    const std::int64_t integers[] = {19, 11, 13, 16, 15, 16};
    for (std::size_t i = 0; i < 6; ++i) {
        CHECK(po::weighted_choice(po::hash("checkout", "button", ids[i]), std::vector<double>{1.0, 1.0}) ==
              (i == 4 ? 1U : 0U));
        CHECK(po::random_integer(po::hash("checkout", "n", ids[i]), 10, 19) == integers[i]);
    }
}

TEST_CASE("flagd's fractional treats weights as its specification says")
{
    using in::flagd::choose;
    using weights = std::vector<std::int64_t>;
    CHECK(choose(0, weights{1, 1}) == 0U);
    CHECK(choose(0x7fffffffU, weights{1, 1}) == 0U);
    CHECK(choose(0x80000000U, weights{1, 1}) == 1U);
    CHECK(choose(0xffffffffU, weights{1, 0}) == 0U);
    CHECK(choose(0, weights{-5, 1}) == 1U);  // a negative weight counts as 0
    CHECK_FALSE(choose(0, weights{0, 0}).has_value());
    CHECK_FALSE(choose(0, weights{}).has_value());
    CHECK(choose(0xffffffffU, weights{2147483646, 1}) == 1U);
    CHECK_FALSE(choose(0, weights{2147483647, 1}).has_value());
    // The rule's own text to bucket by stands alone.
    const in::flagd_split by_mail{itself, {.weights = {50, 50}}};
    CHECK(by_mail.decide("a@b.c").arm == in::flagd::choose(in::flagd::hash_by("a@b.c"), weights{50, 50}));
}

}  // namespace
