// SPDX-License-Identifier: Apache-2.0

#include <joust/report/course.hpp>
#include <joust/report/html.hpp>
#include <joust/report/json.hpp>
#include <joust/report/suppress.hpp>
#include <joust/store/snapshot.hpp>

#include "allocations.hpp"
#include "catch.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace {

using namespace joust;

course two_rows()
{
    return course{{{"click", "b"}, {"failures", "b"}}};
}

void look(course& kept, std::uint64_t number)
{
    kept.add({.time = static_cast<std::int64_t>(1'000 * number), .requests = number, .share = 0.5},
             [number](std::size_t row) {
                 return course_value{.estimate =
                                         static_cast<double>(number) + 0.25 * static_cast<double>(row)};
             });
}

}  // namespace

TEST_CASE("A course keeps every look at first, and then looks equally far apart with the latest one")
{
    course kept = two_rows();
    for (std::uint64_t number = 0; number < 20'000; ++number) {
        look(kept, number);
        const std::uint64_t every = kept.every();
        const std::size_t last = kept.size() - 1;
        bool good = kept.size() <= course::most && kept.taken() == number + 1 && kept.consistent();
        good = good && (number < course::most ? kept.size() == number + 1 && every == 1
                                              : kept.size() > course::most / 2);
        // The looks that are kept follow from their number alone: all multiples of the distance, and the latest.
        for (std::size_t i = 0; i <= last; ++i) {
            const std::uint64_t expected = i < last ? i * every : number;
            good = good && kept.look(i).requests == expected &&
                   kept.value(i, 0).estimate == static_cast<double>(expected) &&
                   kept.value(i, 1).estimate == static_cast<double>(expected) + 0.25;
        }
        if (!good) {
            FAIL("after look " << number);
        }
    }
    CHECK(kept.every() == 128);
}

TEST_CASE("A look of a course allocates nothing")
{
    course kept = two_rows();
    const auto before = joust_tests::allocations();
    for (std::uint64_t number = 0; number < 5'000; ++number) {
        look(kept, number);
    }
    CHECK(joust_tests::allocations() == before);
}

TEST_CASE("A row that comes later is unknown at earlier looks")
{
    course kept = two_rows();
    look(kept, 0);
    look(kept, 1);
    CHECK(kept.row({"failures", "b"}) == 1);
    CHECK(kept.row({"late", "b"}) == 2);
    CHECK(std::isnan(kept.value(0, 2).estimate));
    CHECK(kept.value(1, 1).estimate == 1.25);
    look(kept, 2);
    CHECK(kept.value(2, 2).estimate == 2.5);
    CHECK(kept.consistent());
    course full;
    for (std::size_t i = 0; i < course::most_rows; ++i) {
        CHECK(full.row({std::to_string(i), "b"}) == i);
    }
    CHECK(full.row({"one more", "b"}) == course::most_rows);
}

TEST_CASE("A course is a value that is saved beside the evidence, and damage is refused")
{
    course kept = two_rows();
    for (std::uint64_t number = 0; number < 777; ++number) {
        look(kept, number);
    }
    const std::string bytes = to_snapshot(kept);
    course again = from_snapshot<course>(bytes);
    CHECK(again == kept);
    look(again, 777);
    look(kept, 777);
    CHECK(again == kept);

    const course empty;
    CHECK(from_snapshot<course>(to_snapshot(empty)) == empty);

    // A checksum that is right does not make lists right that do not fit together.
    struct wrong {
        std::vector<course_row> rows{{"click", "b"}};
        std::vector<course_look> looks{{}, {}};
        std::vector<course_value> values{{}};
        std::uint64_t taken = 2;
        std::uint64_t every = 1;
        void fields(detail::snapshot_writer& archive) { archive(rows, looks, values, taken, every); }
    };
    wrong lists;
    CHECK_THROWS_AS(from_snapshot<course>(to_snapshot(lists)), parse_error);
    lists.values.emplace_back();
    CHECK_NOTHROW(from_snapshot<course>(to_snapshot(lists)));
    lists.every = 3;
    CHECK_THROWS_AS(from_snapshot<course>(to_snapshot(lists)), parse_error);
    lists.every = 1;
    lists.taken = 0;
    CHECK_THROWS_AS(from_snapshot<course>(to_snapshot(lists)), parse_error);
    lists.taken = 5;
    CHECK_THROWS_AS(from_snapshot<course>(to_snapshot(lists)), parse_error);
}

namespace {

/// A report with a course of four looks; at the first one the challenger had served three units.
report with_course()
{
    report made;
    made.name = "course";
    made.kind = "canary";
    made.arms = {{.model = "a", .share = 0.5, .requests = 600, .units = 500.0},
                 {.model = "b", .share = 0.5, .requests = 400, .units = 300.0}};
    made.metrics = {{.metric = "click",
                     .arm = "b",
                     .role = "primary",
                     .estimate = 0.02,
                     .lower = 0.01,
                     .upper = 0.03,
                     .p_value = 0.01,
                     .e_value = 50.0,
                     .state = status::ok,
                     .margin = -0.05,
                     .better = 1,
                     .level = 0.95,
                     .unit = "%"}};
    made.shares = {{.requests = 0.0, .share = 0.1, .reason = "start"},
                   {.requests = 500.0, .share = 0.5, .reason = "advance"}};
    course seen{{{"click", "b"}}};
    for (std::uint64_t i = 0; i < 4; ++i) {
        const double width = 0.08 / static_cast<double>(i + 1);
        seen.add({.time = static_cast<std::int64_t>((i + 1) * 3'600'000'000'000),
                  .requests = 250 * (i + 1),
                  .stage = i / 2,
                  .share = i < 2 ? 0.1 : 0.5,
                  .units = i == 0 ? 3.0 : 100.0},
                 [width](std::size_t) {
                     return course_value{.estimate = 0.02,
                                         .lower = 0.02 - width,
                                         .upper = std::numeric_limits<double>::infinity(),
                                         .log_e = 1.5,
                                         .p_value = 0.25};
                 });
    }
    made.course = seen;
    return made;
}

std::size_t times(const std::string& text, const std::string& what)
{
    std::size_t count = 0;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
        ++count;
    }
    return count;
}

}  // namespace

TEST_CASE("JSON has the course as one list of each number, and leaves small groups out look by look")
{
    std::string json;
    write_json(with_course(), json);
    const std::size_t at = json.find("\"course\":");
    REQUIRE(at != std::string::npos);
    CHECK(
        json.substr(at, json.find(",\"counts\"") - at) ==
        "\"course\":{\"looks\":4,\"every\":1,\"seconds\":[3600,7200,10800,14400],\"requests\":[250,500,750,1000],"
        "\"stage\":[0,0,1,1],\"share\":[0.1,0.1,0.5,0.5],\"rows\":[{\"metric\":\"click\",\"arm\":\"b\","
        "\"estimate\":[null,0.02,0.02,0.02],\"lower\":[null,-0.02,-0.006666666666666668,0],"
        "\"upper\":[null,null,null,null],\"log_e\":[null,1.5,1.5,1.5],\"p_value\":[null,0.25,0.25,0.25]}]}");
    json.clear();
    write_json(with_course(), json, 0);
    CHECK(json.find("\"estimate\":[0.02,0.02,0.02,0.02]") != std::string::npos);
    json.clear();
    write_json(report{}, json);
    CHECK(json.find("course") == std::string::npos);

    // Where the group is small now, nothing of it stays.
    report small = with_course();
    small.arms[1].units = 2.0;
    const report shown = suppress_small_groups(small);
    for (std::size_t i = 0; i < shown.course.size(); ++i) {
        CHECK(shown.course.value(i, 0) == course_value{});
    }
    CHECK(shown.course.look(3).requests == 1'000);
}

TEST_CASE(
    "The page draws the course of a row: difference, interval, limit, share, and a mark at each change of shares")
{
    report shown = with_course();
    std::string page = html(shown);
    page.resize(page.find("<footer>"));
    CHECK(times(page, "<svg class=\"chart course\"") == 1);
    CHECK(times(page, "class=\"band ") == 1);
    CHECK(times(page, "class=\"effect ") == 1);
    CHECK(times(page, "class=\"turn\"") == 1);
    CHECK(times(page, "hours since the first look") == 1);
    CHECK(times(page, "below it the share of the challenger") == 1);
    // The step at request 500 is at the second of four looks. The first look is left out of the curve.
    CHECK(page.find("<line class=\"turn\" x1=\"150.7\"") != std::string::npos);
    CHECK(page.find("<path class=\"effect good\" d=\"M150.7") != std::string::npos);

    // Without steps the looks tell where shares changed; where the time stands still, the axis has requests.
    shown.shares.clear();
    course still{{{"click", "b"}}};
    for (std::uint64_t i = 0; i < 3; ++i) {
        still.add({.time = 7, .requests = 100 * i, .stage = i, .share = 0.9 - 0.4 * static_cast<double>(i)},
                  [](std::size_t) { return course_value{.estimate = 0.0, .lower = -1.0, .upper = 1.0}; });
    }
    shown.course = still;
    page = html(shown);
    page.resize(page.find("<footer>"));
    CHECK(times(page, "class=\"turn down\"") == 2);
    CHECK(times(page, "since the first look") == 0);

    // One look is no course.
    shown.course = course{{{"click", "b"}}};
    look(shown.course, 0);
    CHECK(html(shown).find("<svg class=\"chart course\"") == std::string::npos);
}

TEST_CASE("A course of extreme numbers is drawn with finite coordinates")
{
    report shown = with_course();
    const double endless = std::numeric_limits<double>::infinity();
    for (const double number : {1e308, -1e308, 5e-324, endless, std::nan("")}) {
        course wild{{{"click", "b"}}};
        for (std::uint64_t i = 0; i < 5; ++i) {
            wild.add(
                {.time = i == 4 ? std::numeric_limits<std::int64_t>::max() : static_cast<std::int64_t>(i),
                 .requests = i == 4 ? std::numeric_limits<std::uint64_t>::max() : i,
                 .share = number},
                [number](std::size_t) {
                    return course_value{.estimate = number, .lower = -number, .upper = number};
                });
        }
        shown.course = wild;
        const std::string page = html(shown, {.min_units = 0});
        CHECK(page.find("=\"nan") == std::string::npos);
        CHECK(page.find("=\"inf") == std::string::npos);
    }
}
