// SPDX-License-Identifier: Apache-2.0

#include <joust/report/course.hpp>
#include <joust/store/snapshot.hpp>

#include "allocations.hpp"
#include "catch.hpp"

#include <cmath>
#include <cstdint>
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
