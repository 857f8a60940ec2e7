// SPDX-License-Identifier: Apache-2.0

#include <joust/store/csv.hpp>
#include <joust/store/file.hpp>

#include "catch.hpp"

#include <cstddef>
#include <map>
#include <string>

namespace {

struct shape {
    std::size_t rows = 0;
    std::size_t columns = 0;
    std::size_t missing = 0;
    std::map<std::string, std::size_t> missing_in;
};

shape shape_of(const std::string& name)
{
    const std::string text = joust::read_file(std::string(JOUST_SOURCE_DIR) + "/examples/data/" + name);
    joust::csv_reader file(text, name);
    shape out;
    out.columns = file.columns().size();
    while (file.next()) {
        ++out.rows;
        for (std::size_t column = 0; column < out.columns; ++column) {
            if (file.missing(column)) {
                ++out.missing;
                ++out.missing_in[file.columns()[column]];
            }
        }
    }
    return out;
}

}  // namespace

TEST_CASE("the data sets of the examples have the shape that their notice states", "[csv]")
{
    const shape letters = shape_of("letter.csv");
    CHECK(letters.rows == 20000);
    CHECK(letters.columns == 17);
    CHECK(letters.missing == 0);
    const shape star = shape_of("star_k.csv");
    CHECK(star.rows == 6325);
    CHECK(star.columns == 10);
    CHECK(star.missing == 1100);
    CHECK(star.missing_in.at("mathk") == 454);
    const shape resume = shape_of("resume_ab_min.csv");
    CHECK(resume.rows == 4870);
    CHECK(resume.columns == 6);
    CHECK(resume.missing == 0);
    const shape randhie = shape_of("randhie_min.csv");
    CHECK(randhie.rows == 20190);
    CHECK(randhie.columns == 2);
    CHECK(randhie.missing == 0);
}
