// SPDX-License-Identifier: Apache-2.0

// The documented rule by which a database finds the arm of a unit, for three and more arms and shares of every size.

#include <joust/core/hash.hpp>
#include <joust/split/assignment_sql.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/split/slot_split.hpp>

#include "catch.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

using joust::hash_split;
using joust::share_list;
using joust::sql_dialect;

namespace {

constexpr std::array dialects{sql_dialect::clickhouse, sql_dialect::trino, sql_dialect::duckdb};

// What a database computes from "CASE WHEN hash < border THEN arm ... ELSE arm END" for one hash.
unsigned run_sql(const std::string& sql, std::uint64_t hash, sql_dialect dialect)
{
    if (sql.rfind("CASE", 0) != 0) {
        return static_cast<unsigned>(std::stoul(sql));
    }
    std::istringstream lines(sql);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t then = line.find(" THEN ");
        if (then == std::string::npos) {
            if (line.find("    ELSE ") == 0) {
                return static_cast<unsigned>(std::stoul(line.substr(9)));
            }
            continue;
        }
        const std::size_t border = line.rfind(" < ", then) + 3;
        const std::string number = line.substr(border, then - border);
        const bool below = dialect == sql_dialect::trino
                               ? static_cast<std::int64_t>(hash) < std::stoll(number)
                               : hash < std::stoull(number);
        if (below) {
            return static_cast<unsigned>(std::stoul(line.substr(then + 6)));
        }
    }
    FAIL("no arm in " << sql);
    return 99;
}

// The rule of docs/how-to/splitting.md in words: two layouts, by whether a challenger has more than 1 / n.
unsigned by_the_docs(const share_list& shares, double position)
{
    const std::size_t n = shares.size() - 1;
    bool large = false;
    for (std::size_t i = 1; i <= n; ++i) {
        large = large || shares[i] * static_cast<double>(n) > 1.0 + 1e-9;
    }
    double end = 0.0;
    for (std::size_t i = 1; i <= n; ++i) {
        const double begin = large ? end : static_cast<double>(i - 1) / static_cast<double>(n);
        if (position >= begin && position < begin + shares[i]) {
            return static_cast<unsigned>(i);
        }
        end += shares[i];
    }
    return 0;
}

const std::vector<share_list>& plans()
{
    static const std::vector<share_list> all{{0.9, 0.1},
                                             {0.5, 0.5},
                                             {0.0, 1.0},
                                             {1.0, 0.0},
                                             {0.5, 0.2, 0.3},
                                             {0.2, 0.7, 0.1},
                                             {0.2, 0.1, 0.7},
                                             {0.98, 0.01, 0.01},
                                             {0.9, 0.05, 0.05},
                                             {0.5, 0.25, 0.25},
                                             {1.0 / 3, 1.0 / 3, 1.0 / 3},
                                             {0.0, 0.5, 0.5},
                                             {0.0, 0.9, 0.1},
                                             {0.0, 0.0, 1.0},
                                             {0.05, 0.9, 0.05, 0.0},
                                             {0.1, 0.2, 0.3, 0.4},
                                             {0.25, 0.25, 0.25, 0.25},
                                             {0.4, 0.01, 0.02, 0.03, 0.04, 0.5}};
    return all;
}

}  // namespace

TEST_CASE("the SQL of a plan gives every unit the arm that the plan gives it")
{
    for (const share_list& shares : plans()) {
        const hash_split split{.salt = "score-2026-11", .shares = shares};
        const joust::hash_plan plan = split.resolve(shares.size());
        for (const sql_dialect dialect : dialects) {
            const std::string sql = joust::assignment_sql(split, shares.size(), "user_id", dialect);
            INFO(sql);
            for (std::uint64_t user = 0; user < 300; ++user) {
                const std::uint64_t hash = split.salt.hasher()(user);
                REQUIRE(run_sql(sql, hash, dialect) == plan.arm_of(hash));
            }
            // The units on either side of every border, and the ends of the signed and the unsigned numbers.
            std::vector<std::uint64_t> edges{0, std::uint64_t{1} << 63};
            plan.borders([&](std::uint64_t at) { edges.push_back(at); });
            for (const std::uint64_t edge : edges) {
                REQUIRE(run_sql(sql, edge, dialect) == plan.arm_of(edge));
                REQUIRE(run_sql(sql, edge - 1, dialect) == plan.arm_of(edge - 1));
            }
        }
    }
}

TEST_CASE("the layout in words is that of the plan")
{
    for (const share_list& shares : plans()) {
        const hash_split split{.salt = "score-2026-11", .shares = shares};
        const joust::hash_plan plan = split.resolve(shares.size());
        int apart = 0;
        for (std::uint64_t user = 0; user < 2000; ++user) {
            const std::uint64_t hash = split.salt.hasher()(user);
            apart += by_the_docs(shares, static_cast<double>(hash) * 0x1p-64) != plan.arm_of(hash) ? 1 : 0;
        }
        INFO(shares.size() << " arms, the first challenger at " << shares[1]);
        CHECK(apart == 0);
    }
}

TEST_CASE("slots that changes of shares have cut have their SQL too")
{
    joust::slot_split split{.salt = "ranking", .shares = {0.8, 0.1, 0.1}};
    for (const share_list& next :
         {share_list{0.5, 0.1, 0.4}, share_list{0.2, 0.7, 0.1}, share_list{0.6, 0.2, 0.2}}) {
        split = split.with_shares(next);
        const joust::slot_plan plan = split.resolve(3);
        for (const sql_dialect dialect : dialects) {
            const std::string sql = joust::assignment_sql(split, 3, "user_id", dialect);
            for (std::uint64_t user = 0; user < 300; ++user) {
                const std::uint64_t hash = split.salt.hasher()(user);
                REQUIRE(run_sql(sql, hash, dialect) == plan.arm_of(hash));
            }
        }
    }
}

TEST_CASE("the page shows the SQL that is written")
{
    std::ifstream file(JOUST_SOURCE_DIR "/docs/how-to/splitting.md", std::ios::binary);
    const std::string page{std::istreambuf_iterator<char>(file), {}};
    const hash_split split{.salt = "score-2026-11", .shares = {0.5, 0.2, 0.3}};
    for (const sql_dialect dialect : dialects) {
        const std::string sql = joust::assignment_sql(split, 3, "user_id", dialect);
        INFO(sql);
        CHECK(page.find("```sql\n" + sql + "\n```") != std::string::npos);
    }
    const hash_split large{.salt = "score-2026-11", .shares = {0.2, 0.7, 0.1}};
    CHECK(page.find("```sql\n" + joust::assignment_sql(large, 3, "user_id", sql_dialect::clickhouse) +
                    "\n```") != std::string::npos);
}

TEST_CASE("a salt is quoted, and one that SQL cannot hash is refused")
{
    const hash_split quoted{.salt = "it's a \\ test", .shares = {0.9, 0.1}};
    CHECK(joust::assignment_sql(quoted, 2, "id", sql_dialect::clickhouse).find("'it''s a \\\\ test/'") !=
          std::string::npos);
    CHECK(joust::assignment_sql(quoted, 2, "id", sql_dialect::duckdb).find("'it''s a \\ test/'") !=
          std::string::npos);
    CHECK_THROWS_AS(joust::assignment_sql(hash_split{}, 2, "id", sql_dialect::trino),
                    joust::configuration_error);
    const hash_split secret{.salt = {"score", joust::sip_key{1, 2}}};
    CHECK_THROWS_AS(joust::assignment_sql(secret, 2, "id", sql_dialect::trino), joust::configuration_error);
}

TEST_CASE("the databases' xxhash64 has the seed that the page says")
{
    // From the manuals of ClickHouse and of Spark.
    CHECK(joust::xxh64("Hello, world!") == 17691043854468224118U);
    CHECK(static_cast<std::int64_t>(joust::xxh64(std::string_view{"ABC"}, 42)) == 4105715581806190027);
    CHECK(static_cast<std::int64_t>(joust::xxh64("ABC")) == -1843406881296486760);
}
