// SPDX-License-Identifier: Apache-2.0

// Snapshots of shadows were not validated (a segfault, a heap over-read, NaN taken), and a snapshot of 205 KB took 1 GiB
// before it was refused. Parsers of plans and results had no limits, took the last of two members and the text before a
// NUL, and let control characters into messages.

#include <joust/report/html.hpp>
#include <joust/report/junit.hpp>
#include <joust/store/csv.hpp>
#include <joust/store/events.hpp>
#include <joust/store/file.hpp>
#include <joust/store/json.hpp>
#include <joust/store/plan_file.hpp>
#include <joust/store/snapshot.hpp>
#include <joust/trial/explain.hpp>
#include <joust/trial/interleaving.hpp>
#include <joust/trial/replace_plan.hpp>
#include <joust/trial/shadow.hpp>

#include "catch.hpp"
#include "store/sealed.hpp"

#include <cstdint>
#include <cstdio>
#include <exception>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if __has_include(<sys/resource.h>)
#include <sys/resource.h>
#endif

using namespace joust;

namespace {

using joust_test::append;
using joust_test::sealed;

auto shadow_trial()
{
    return shadow{model{"old", [](std::uint64_t user) { return static_cast<double>(user % 5); }},
                  model{"new", [](std::uint64_t user) { return static_cast<double>(user % 4); }},
                  by([](std::uint64_t user) { return user; }), salt{"valid"}, inline_run{}};
}

shadow_evidence shadow_seen()
{
    auto trial = shadow_trial();
    for (std::uint64_t user = 0; user < 500; ++user) {
        trial.truth(trial.serve(user).ticket, static_cast<double>(user % 5));
    }
    static_cast<void>(trial.report());
    return trial.evidence();
}

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

std::string why(auto&& read)
{
    try {
        read();
    } catch (const parse_error& wrong) {
        return wrong.what();
    }
    return {};
}

// An empty sketch of values takes 8 bytes in a snapshot and 64 KiB in memory.
struct many_sketches {
    std::vector<value_sketch> values;
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(values);
    }
};

long peak_kilobytes()
{
#if __has_include(<sys/resource.h>)
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    return used.ru_maxrss;
#else
    return 0;
#endif
}

bool printable_text(std::string_view text)
{
    for (const char c : text) {
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7F) {
            return false;
        }
    }
    return true;
}

}  // namespace

TEST_CASE("a snapshot of a shadow comes back as it was, and what no shadow can have seen is refused")
{
    const shadow_evidence good = shadow_seen();
    REQUIRE(good.consistent());
    CHECK(from_snapshot<shadow_evidence>(to_snapshot(good)) == good);
    CHECK(good.pairs[0].judged.total() > 0.0);

    const auto trial = shadow_trial();
    const auto refused = [&](auto change) {
        shadow_evidence bad = good;
        change(bad);
        const std::string reason =
            why([&] { static_cast<void>(from_snapshot<shadow_evidence>(to_snapshot(bad))); });
        shadow_evidence other = good;
        CHECK_THROWS_AS(other.merge(bad), configuration_error);
        CHECK_THROWS_AS(trial.report(bad), configuration_error);
        return reason.size() > 10;
    };
    using seen = shadow_evidence;
    CHECK(refused([](seen& s) { s.pairs.clear(); }));
    CHECK(refused([](seen& s) { s.pairs.push_back(s.pairs.front()); }));
    CHECK(refused([](seen& s) { s.models.clear(); }));
    CHECK(refused([](seen& s) { s.models.resize(1); }));
    CHECK(refused([](seen& s) { s.graded = 2; }));
    CHECK(refused([](seen& s) { s.sampled = s.requests + 1; }));
    CHECK(refused([](seen& s) { s.requests = s.sampled = ~std::uint64_t{0}; }));
    CHECK(refused([](seen& s) { s.champion_failures = ~std::uint64_t{0}; }));
    CHECK(refused([](seen& s) { s.truths.front() = ~std::uint64_t{0}; }));
    bucket_tally shadow_pair::* const tallies[] = {&shadow_pair::run,       &shadow_pair::compared,
                                                   &shadow_pair::distances, &shadow_pair::judged,
                                                   &shadow_pair::queued,    &shadow_pair::dropped};
    for (bucket_tally shadow_pair::* const tally : tallies) {
        const auto each = [&](auto change) { return refused([&](seen& s) { change(s.pairs[0].*tally); }); };
        CHECK(each([](bucket_tally& t) { t.count.clear(); }));
        CHECK(each([](bucket_tally& t) { t.sum.clear(); }));
        CHECK(each([](bucket_tally& t) { t.sum.resize(bucket_count - 1); }));
        CHECK(each([](bucket_tally& t) { t = bucket_tally{bucket_count + 1}; }));
        for (const double bad : {not_a_number, inf, -inf, -1.0, 0.5, 1e300}) {
            CHECK(each([&](bucket_tally& t) { t.count[7] = bad; }));
        }
        for (const double bad : {not_a_number, inf, -inf}) {
            CHECK(each([&](bucket_tally& t) {
                t.count[7] += 1.0;
                t.sum[7] = bad;
            }));
        }
        CHECK(each([](bucket_tally& t) {
            t.count[7] = 0.0;
            t.sum[7] = 1.0;
        }));
    }
    CHECK(refused([](seen& s) { s.pairs[0].run.sum[3] = s.pairs[0].run.count[3] + 1.0; }));
    CHECK(refused([](seen& s) { s.pairs[0].compared.sum[3] = s.pairs[0].compared.count[3] + 1.0; }));
    CHECK(refused([](seen& s) { s.pairs[0].queued.sum[3] = 2'368.0 * (s.pairs[0].queued.count[3] + 1.0); }));
    CHECK(refused([](seen& s) { s.pairs[0].champion_score = not_a_number; }));
    CHECK(refused([](seen& s) { s.pairs[0].champion_score = 1e6; }));
    CHECK(refused([](seen& s) { s.pairs[0].champion_only = ~std::uint64_t{0}; }));
    CHECK(refused([](seen& s) { s.pairs[0].paused = ~std::uint64_t{0}; }));
    CHECK(refused([](seen& s) { s.pairs[0].agreement.rho = not_a_number; }));
    CHECK(refused([](seen& s) { s.pairs[0].accuracy.counted.p_value = 2.0; }));
}

TEST_CASE("evidence of a trial is refused where its numbers cannot be")
{
    ab_test trial{model{"old", [](std::uint64_t) { return 0; }},
                  model{"new", [](std::uint64_t) { return 1; }}, by([](std::uint64_t user) { return user; }),
                  hash_split{.salt = "valid"}, conversion<"click">{}};
    for (std::uint64_t user = 0; user < 500; ++user) {
        trial.observe<"click">(trial.serve(user).ticket, user % 3 == 0);
    }
    const evidence good = trial.evidence();
    const auto refused = [&](auto change) {
        evidence bad = good;
        change(bad);
        CHECK_THROWS_AS(trial.report(bad), configuration_error);
        return !why([&] { static_cast<void>(from_snapshot<evidence>(to_snapshot(bad))); }).empty();
    };
    CHECK_FALSE(from_snapshot<evidence>(to_snapshot(good)) != good);
    for (const double bad : {not_a_number, inf, -inf}) {
        CHECK(refused([&](evidence& e) { e.pairs[0].series[2].challenger[5] = bad; }));
        CHECK(refused([&](evidence& e) { e.pairs[0].series[0].champion_root[5] = bad; }));
        CHECK(refused([&](evidence& e) { e.pairs[0].series[2].expected = bad; }));
    }
    CHECK(refused([](evidence& e) { e.pairs[0].series[0].challenger[5] = -1.0; }));
    CHECK(refused([](evidence& e) { e.pairs[0].series[0].challenger[5] = 1e9; }));
    CHECK(refused([](evidence& e) { e.pairs[0].series[0].challenger_count = 0; }));
    CHECK(refused([](evidence& e) { e.pairs[0].series[1].champion[5] = 1.0; }));  // no call failed
    CHECK(refused([](evidence& e) { e.pairs[0].series[0].champion_count = ~std::uint64_t{0}; }));
    CHECK(refused([](evidence& e) { e.pairs[0].series.clear(); }));
    CHECK(refused([](evidence& e) { e.pairs[0].series[1].champion.clear(); }));
}

TEST_CASE("an interleaving reports on evidence with any numbers that pass")
{
    interleaving trial{model{"old", [](std::uint64_t) { return std::vector<int>{1, 2, 3}; }},
                       model{"new", [](std::uint64_t) { return std::vector<int>{3, 2, 1}; }},
                       by([](std::uint64_t user) { return user; }), salt{"valid"}};
    for (std::uint64_t user = 0; user < 300; ++user) {
        const auto page = trial.rank(user, 3U);
        trial.click(page.ticket(), user % 3);
    }
    for (const double odd : {-1e18, 1e300, -0.5}) {
        evidence seen = trial.evidence();
        for (auto& sums : seen.pairs[0].series) {
            if (&sums != &seen.pairs[0].series[0] && sums.challenger_count > 0 && sums.champion_count > 0) {
                sums.challenger[3] = sums.champion[2] = sums.challenger_root[1] = odd;
            }
        }
        CHECK_FALSE(trial.report(from_snapshot<evidence>(to_snapshot(seen))).reason.empty());
    }
}

TEST_CASE("a small snapshot takes little memory before it is refused")
{
    std::string contents;
    constexpr std::uint64_t promised = 25'000;
    append(contents, promised, 8);
    for (std::uint64_t i = 0; i < promised; ++i) {
        append(contents, 0, 8);
    }
    REQUIRE(contents.size() < 205'000);
    const long before = peak_kilobytes();
    CHECK(why([&] { static_cast<void>(from_snapshot<many_sketches>(sealed(contents))); }) ==
          "the snapshot would take far more memory than its size");
    CHECK(peak_kilobytes() - before < 128 * 1'024);

    // The quantiles of evidence come last.
    evidence seen;
    seen.trial = "t";
    seen.models = {"a", "b"};
    seen.series = {"exposures", "failures"};
    seen.arms.resize(2);
    seen.pairs.resize(1);
    seen.pairs[0].series.assign(2, bucket_sums{bucket_count});
    seen.pairs[0].memory.resize(2);
    std::string bytes = to_snapshot(seen);
    std::string inside = bytes.substr(20, bytes.size() - 28);
    append(inside, 1, 8);
    append(inside, 0x3FE0000000000000U, 8);  // q
    append(inside, 0x7FF0000000000000U, 8);
    append(inside, 0xFFF0000000000000U, 8);
    inside += contents;
    CHECK_FALSE(why([&] { static_cast<void>(from_snapshot<evidence>(sealed(inside))); }).empty());
    CHECK(peak_kilobytes() - before < 192 * 1'024);
}

TEST_CASE("a member that is given twice is refused, and so is text after a NUL")
{
    const std::string head = R"({"joust":"plan","format":1,"salt":"s","version":1,)";
    CHECK(parse_plan(head + R"("shares":[1]})").version == 1);
    CHECK(why([&] { static_cast<void>(parse_plan(head + R"("shares":[1],"shares":[0.5,0.5]})")); }) ==
          R"(plan: has two members "shares")");
    CHECK(why([&] { static_cast<void>(parse_plan(head + R"("shares":[1],"s\u0068ares":[1]})")); }) ==
          R"(plan: has two members "shares")");
    CHECK_FALSE(why([&] {
                    static_cast<void>(parse_plan(head + R"("shares":[1]})" + std::string{"\0 and more", 10}));
                }).empty());
    CHECK_FALSE(why([&] {
                    static_cast<void>(parse_plan(
                        R"({"joust":"plan","format":1,"salt":"s\u0000x","version":1,"shares":[1]})"));
                }).empty());

    const std::string row = R"({"id":1,"arm":"a","metric":"m","value":1)";
    CHECK(read_results(row + "}").rows.size() == 1);
    CHECK(why([&] { static_cast<void>(read_results(row + ",\"value\":2}")); }) ==
          R"(line 1: has two members "value")");
    CHECK(why([&] { static_cast<void>(read_results(row + R"(,"x":{"y":1,"y":2}})")); }) ==
          R"(line 1: has two members "y")");
    CHECK(read_results(row + R"(,"x":{"y":1},"z":{"y":1}})").rows.size() == 1);
    CHECK_FALSE(why([&] { static_cast<void>(read_results(row + "}" + std::string{"\0}", 2})); }).empty());
    CHECK_FALSE(why([&] {
                    static_cast<void>(read_results(R"({"id":"1\u0000","arm":"a","metric":"m","value":1})"));
                }).empty());
    CHECK_FALSE(
        why([&] { static_cast<void>(read_benchmark(R"({"benchmarks":[],"benchmarks":[]})", "a")); }).empty());
    CHECK_FALSE(why([&] {
                    static_cast<void>(read_benchmark(std::string{"{\"benchmarks\":[]}\0x", 19}, "a"));
                }).empty());
    CHECK_FALSE(why([&] {
                    static_cast<void>(read_results_csv(std::string{"id,arm,metric,value\n1,a\0b,m,1\n", 31}));
                }).empty());
    CHECK_FALSE(why([&] {
                    static_cast<void>(
                        read_results_csv(std::string{"id,arm,metric,value\n1,\"a\0b\",m,1\n", 33}));
                }).empty());
    CHECK_FALSE(
        why([&] { static_cast<void>(read_events(std::string{"{\"event\":\"exposure\"}\0", 21})); }).empty());
}

TEST_CASE("plans and results have limits of size and depth")
{
    const std::string head = R"({"joust":"plan","format":1,"salt":"s","version":1,"shares":[1])";
    CHECK(why([&] { static_cast<void>(parse_plan(head + std::string(2'000'000, ' ') + "}")); }) ==
          "plan: longer than 1 MiB");
    const std::string deep = std::string(100, '[') + std::string(100, ']');
    const std::string row = R"({"id":1,"arm":"a","metric":"m","value":1,"x":)";
    CHECK(why([&] { static_cast<void>(read_results(row + deep + "}")); }) == "line 1: nested too deep");
    CHECK(read_results(row + std::string(40, '[') + std::string(40, ']') + "}").rows.size() == 1);
    CHECK_FALSE(why([&] {
                    static_cast<void>(
                        read_results(row + std::string(200'000, '[') + std::string(200'000, ']') + "}"));
                }).empty());
    CHECK_FALSE(why([&] {
                    static_cast<void>(read_results(row + '"' + std::string(2'000'000, 'x') + "\"}"));
                }).empty());
    CHECK_FALSE(
        why([&] { static_cast<void>(read_benchmark("{\"benchmarks\":[" + deep + "]}", "a")); }).empty());
    const std::string header = "id,arm,metric,value\n";
    CHECK_FALSE(why([&] {
                    static_cast<void>(read_results_csv(header + std::string(2'000'000, 'x') + ",a,m,1\n"));
                }).empty());
    CHECK_FALSE(why([&] {
                    static_cast<void>(
                        read_results_csv(header + '"' + std::string(2'000'000, 'x') + "\",a,m,1\n"));
                }).empty());
    CHECK_FALSE(
        why([&] { static_cast<void>(csv_reader{std::string_view{std::string(2'000'000, ',')}}); }).empty());
}

TEST_CASE("control characters from outside do not reach messages")
{
    const std::string evil = "\x1b[2J\x07\r\nSHIPPED\x7f\xff";
    const auto clean = [](std::string_view message) {
        CHECK_FALSE(message.empty());
        CHECK(printable_text(message));
        CHECK(message.find('\n') == std::string_view::npos);
    };
    clean(why([&] { static_cast<void>(read_results_csv("id,arm,metric,value\n1,a,m,\"" + evil + "\"\n")); }));
    clean(why([&] { static_cast<void>(read_results_csv("\"" + evil + "\"\n")); }));
    clean(why([&] { static_cast<void>(parse_plan(R"({"joust":"plan","format":1,"\u001b[2J":1})")); }));
    clean(why([&] { static_cast<void>(parse_plan(R"({"\u001b[2J":1,"\u001b[2J":1})")); }));
    clean(why([&] { static_cast<void>(read_results(R"({"\u001b":1,"\u001b":1})")); }));
    const auto message_of = [](auto&& what) -> std::string {
        try {
            what();
        } catch (const std::exception& wrong) {
            return wrong.what();
        }
        return {};
    };
    ab_test trial{model{"old", [](std::uint64_t) { return 0; }},
                  model{"new", [](std::uint64_t) { return 1; }}, by([](std::uint64_t user) { return user; }),
                  hash_split{.salt = "clean"}, conversion<"click">{}};
    clean(message_of(
        [&] { replace_plan(trial, traffic_plan{.salt = evil, .version = 2, .shares = {0.5, 0.5}}); }));
    evidence other = trial.evidence();
    other.trial = evil;
    clean(message_of([&] { static_cast<void>(trial.report(other)); }));
    other = trial.evidence();
    other.models = {evil, evil};
    clean(message_of([&] { static_cast<void>(trial.report(other)); }));
    clean(message_of([&] { static_cast<void>(trial.observe(evil, trial.serve(1U).ticket, 1.0)); }));
    clean(message_of([&] { static_cast<void>(load<evidence>(evil)); }));
    clean(message_of([&] { save("no such folder/" + evil, trial.evidence()); }));

    ab_test odd{model{"old" + evil, [](std::uint64_t) { return 0; }},
                model{"new", [](std::uint64_t) { return 1; }}, by([](std::uint64_t user) { return user; }),
                hash_split{.salt = evil, .shares = {0.5, 0.5}}, conversion<"click">{}};
    traffic_plan plan = plan_of(odd);
    plan.version = 2;
    replace_plan(odd, plan);
    CHECK(printable_text(html(odd.report())));
    CHECK(printable_text(junit(odd.report())));
    for (const std::string& line :
         {explain(odd, std::uint64_t{7}), explain(hash_split{.salt = evil}, 2, std::string_view{evil})}) {
        CHECK(printable_text(line));
        CHECK(line.find("SHIPPED") != std::string::npos);
    }
    for (const style how : {style::line, style::table, style::markdown, style::json}) {
        std::string text;
        odd.report().write(text, how);
        CHECK(printable_text(text));
        text.clear();
        plan_of(odd).write(text, how);
        CHECK(printable_text(text));
    }
}
