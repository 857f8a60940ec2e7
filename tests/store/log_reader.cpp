// SPDX-License-Identifier: Apache-2.0

#include <joust/store/exposure_table.hpp>
#include <joust/store/file.hpp>
#include <joust/store/json_rows.hpp>
#include <joust/store/line_source.hpp>
#include <joust/store/log_reader.hpp>

#include "catch.hpp"
#include "store/temporary_file.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using rows = std::vector<std::vector<std::string>>;

struct log_file : joust_test::temporary_file {
    explicit log_file(std::string_view text, std::string name = "joust-log-reader.log")
        : temporary_file(std::move(name))
    {
        joust::write_file(path, text);
    }
    [[nodiscard]] joust::log_reader reader() const
    {
        return joust::log_reader{path, std::make_unique<joust::nlohmann_rows>()};
    }
};

rows read(std::string_view text, const std::vector<std::string>& names)
{
    const log_file file{text};
    joust::log_reader from = file.reader();
    std::vector<std::size_t> places;
    for (const std::string& each : names) {
        places.push_back(from.want(each));
    }
    rows all;
    while (from.next()) {
        all.emplace_back();
        for (const std::size_t place : places) {
            all.back().emplace_back(from.text(place));
        }
    }
    return all;
}

std::string complaint(std::string_view text, const std::vector<std::string>& names)
{
    try {
        (void)read(text, names);
    } catch (const joust::parse_error& wrong) {
        return wrong.what();
    }
    return "none";
}

}  // namespace

TEST_CASE("a log is read by the names of its columns, CSV and JSON lines alike", "[log]")
{
    const rows expected{{"1", "a"}, {"x,y", ""}, {"two\nlines", "q\"q"}};
    CHECK(read("\xEF\xBB\xBFid,arm,z\r\n1,a,9\r\n\r\n\"x,y\",,3\n\"two\nlines\",\"q\"\"q\",4",
               {"id", "arm"}) == expected);
    CHECK(read("{\"id\":1,\"arm\":\"a\"}\n\n{\"arm\":null,\"id\":\"x,y\",\"z\":[1,{\"id\":7}]}\n"
               "{\"id\":\"two\\nlines\",\"arm\":\"q\\\"q\"}\n",
               {"id", "arm"}) == expected);
}

TEST_CASE("numbers of a log are read, and what is none is named with file and line", "[log]")
{
    const log_file file{"x,y\n 1.5 ,NA\ntrue,\nx,2\n"};
    joust::log_reader from = file.reader();
    const std::size_t x = from.want("x");
    const std::size_t y = from.want("y");
    REQUIRE(from.next());
    CHECK(from.number(x) == 1.5);
    CHECK(std::isnan(from.number(y)));
    REQUIRE(from.next());
    CHECK(from.number(x) == 1.0);
    CHECK(std::isnan(from.number(y)));
    CHECK_FALSE(from.has(y));
    REQUIRE(from.next());
    CHECK_THROWS_WITH(from.number(x),
                      file.path + " line 4: the column \"x\" is \"x\", which is not a number");
    CHECK_FALSE(from.next());
}

TEST_CASE("whatever is wrong with a log is told with file and line", "[log]")
{
    const std::string at = "joust-log-reader.log line ";
    CHECK(complaint("", {}) == at + "1: the file is empty");
    CHECK(complaint("a,b\n1\n", {"a"}) == at + "2: the record has 1 field, but the header has 2");
    CHECK(complaint("a,b\n1,2,3\n", {"a"}) == at + "2: the record has 3 fields, but the header has 2");
    CHECK(complaint("a,b\n", {"c"}) == at + "1: the header has no column \"c\"; its columns are a, b");
    CHECK(complaint("a,a\n", {"a"}) == at + "1: the header names the column \"a\" twice");
    CHECK(complaint("a\nx\n\"1\n2", {"a"}) == at + "3: a quote is not closed");
    CHECK(complaint("a\n1\"2\n", {"a"}) ==
          at + "2: there is a quote in a field that does not begin with a quote");
    CHECK(complaint("a\n\"1\"2\n", {"a"}) == at + "2: there is text after a closing quote");
    CHECK(complaint(std::string_view{"a\n1\0\n", 5}, {"a"}) == at + "2: holds a NUL character");
    CHECK(complaint("a\n" + std::string(1'100'000, 'x'), {"a"}) == at + "2: longer than 1 MiB");
    CHECK(complaint("a\n\"x\n" + std::string(1'100'000, '\n'), {"a"}) == at + "2: longer than 1 MiB");
    CHECK(complaint("{\"a\":1}\n[1]\n", {"a"}) == at + "2: not a JSON object");
    CHECK(complaint("{\"a\":1}\n{\"a\":1,\"a\":2}\n", {"a"}) == at + "2: has two members \"a\"");
    CHECK(complaint("{\"a\":1}\n\n{\"a\":\n", {"a"}).starts_with(at + "3: not a JSON value"));
    CHECK(complaint("{\"a\":" + std::string(5'000, '[') + "\n", {"a"}).starts_with(at + "1: not"));
    CHECK(complaint("{\"a\":1.5}\n", {"a"}) == at + "1: the member \"a\" is neither text nor a whole number");
}

TEST_CASE("lines of every length come out whole, across the borders of the buffer", "[log]")
{
    std::string text;
    std::vector<std::size_t> lengths;
    for (std::size_t i = 0; i < 60; ++i) {
        lengths.push_back((i * i * 997) % 90'000);
        text += std::string(lengths.back(), static_cast<char>('a' + i % 26)) + (i % 3 == 0 ? "\r\n" : "\n");
    }
    const log_file file{text};
    joust::line_source lines{file.path};
    for (std::size_t i = 0; i < lengths.size(); ++i) {
        REQUIRE(lines.next());
        CHECK(lines.line() == i + 1);
        CHECK(lines.text() == std::string(lengths[i], static_cast<char>('a' + i % 26)));
    }
    CHECK_FALSE(lines.next());
    CHECK(lines.bytes() == text.size());
}

TEST_CASE("a table that is too small holds the keys part by part, each key once", "[log]")
{
    joust::exposure_table table{3'000 * sizeof(joust::joined_exposure)};
    std::vector<std::uint64_t> keys;
    for (std::uint64_t i = 0; i < 20'000; ++i) {
        keys.push_back(joust::mix64(i));
    }
    std::vector<std::uint64_t> found;
    std::size_t largest = 0;
    do {
        for (std::size_t i = 0; i < keys.size(); ++i) {
            const std::uint64_t key = keys[i];
            if (!table.holds(key)) {
                continue;
            }
            const auto [place, is_new] = table.add(key);
            if (place != nullptr) {
                CHECK(is_new);
                place->time = static_cast<double>(i);
            }
        }
        table.for_each([&](const joust::joined_exposure& each) {
            found.push_back(each.key);
            CHECK(keys[static_cast<std::size_t>(each.time)] == each.key);
        });
        for (const std::uint64_t key : keys) {
            if (table.holds(key) != (table.find(key) != nullptr)) {
                FAIL_CHECK("a key of the part is missing");
            }
        }
        largest = std::max(largest, table.size());
    } while (table.next_part());
    CHECK(table.parts() >= 8);
    CHECK(largest < 3'000);
    std::sort(keys.begin(), keys.end());
    std::sort(found.begin(), found.end());
    CHECK(found == keys);
}
