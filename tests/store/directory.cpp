// SPDX-License-Identifier: Apache-2.0

#include <joust/store/directory.hpp>
#include <joust/store/file.hpp>
#include <joust/store/store.hpp>

#include "catch.hpp"
#include "store/temporary_folder.hpp"

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace joust;

static_assert(store_policy<directory>);

namespace {

std::string file_of(const joust_test::temporary_folder& folder, std::string_view end)
{
    for (const std::string& name : folder.names()) {
        if (name.ends_with(end)) {
            return folder.path + "/" + name;
        }
    }
    return {};
}

std::string why_not(directory& store, std::string_view key, std::string_view bytes)
{
    try {
        static_cast<void>(store.put_if_newer(key, 99, bytes));
        return "written";
    } catch (const store_error& wrong) {
        CHECK(std::string{wrong.what()}.starts_with(wrong.where()));
        return wrong.what();
    }
}

}  // namespace

TEST_CASE("a directory keeps the newest row of a key, whatever the order of writes")
{
    const joust_test::temporary_folder folder{"directory_newest"};
    directory store{folder.path};
    CHECK(store.scan("").empty());
    CHECK(store.put_if_newer("joust/a/evidence/r/1", 3, "three"));
    CHECK_FALSE(store.put_if_newer("joust/a/evidence/r/1", 3, "again"));
    CHECK_FALSE(store.put_if_newer("joust/a/evidence/r/1", 2, "two"));
    directory other{folder.path};
    CHECK(other.put_if_newer("joust/a/evidence/r/1", 4, "four"));
    CHECK(other.put_if_newer("joust/a b/evidence/r/1", 1, "of another trial"));
    CHECK(other.put_if_newer("joust/a/evidence/q/1", 1, std::string{"bytes\0and\n", 10}));
    const std::vector<stored_row> rows = store.scan("joust/a/");
    REQUIRE(rows.size() == 2);
    CHECK(rows[0] == stored_row{"joust/a/evidence/q/1", 1, std::string{"bytes\0and\n", 10}});
    CHECK(rows[1] == stored_row{"joust/a/evidence/r/1", 4, "four"});
    CHECK(store.scan("joust/a").size() == 3);
    CHECK(store.refused().empty());
}

TEST_CASE("a directory compares and sets")
{
    const joust_test::temporary_folder folder{"directory_cas"};
    directory store{folder.path};
    CHECK_FALSE(store.compare_and_set("joust/t/plan", 1, "no row is there"));
    CHECK(store.compare_and_set("joust/t/plan", 0, "first"));
    CHECK_FALSE(store.compare_and_set("joust/t/plan", 0, "first again"));
    CHECK(store.compare_and_set("joust/t/plan", 1, "second"));
    CHECK(store.scan("joust/t/plan") == std::vector<stored_row>{{"joust/t/plan", 2, "second"}});
}

TEST_CASE("keys of any bytes and any length have files of their own")
{
    const joust_test::temporary_folder folder{"directory_keys"};
    directory store{folder.path};
    std::vector<std::string> keys{"a",
                                  "a/",
                                  "a%2F",
                                  "../../etc",
                                  std::string{"nul\0nul", 7},
                                  "ä",
                                  std::string(300, 'x'),
                                  std::string(300, 'x') + "y"};
    for (std::size_t i = 0; i < keys.size(); ++i) {
        CHECK(store.put_if_newer(keys[i], i + 1, keys[i]));
    }
    CHECK(store.scan("").size() == keys.size());
    for (const std::string& key : keys) {
        bool found = false;
        for (const stored_row& row : directory{folder.path}.scan(key)) {
            found = found || (row.key == key && row.bytes == key);
        }
        CHECK(found);
    }
}

TEST_CASE("a damaged row is refused by name, and the row before is used")
{
    const joust_test::temporary_folder folder{"directory_damaged"};
    const auto damage =
        GENERATE(Catch::Generators::as<std::string>{}, "torn", "empty", "foreign", "changed", "another key");
    CAPTURE(damage);
    directory store{folder.path};
    REQUIRE(store.put_if_newer("joust/t/evidence/r/1", 1, "the row before"));
    REQUIRE(store.put_if_newer("joust/t/evidence/r/1", 2, "the latest row"));
    const std::string path = file_of(folder, ".row");
    const std::string whole = read_file(path);
    std::string bad = whole;
    if (damage == "torn") {
        bad.resize(bad.size() / 2);
    } else if (damage == "empty") {
        bad.clear();
    } else if (damage == "foreign") {
        bad = "{\"rows\": 3}";
    } else if (damage == "changed") {
        bad[bad.size() - 12] = static_cast<char>(bad[bad.size() - 12] ^ 1);
    } else {
        const joust_test::temporary_folder elsewhere{"directory_other_key"};
        directory other{elsewhere.path};
        REQUIRE(other.put_if_newer("another key", 7, "another row"));
        bad = read_file(file_of(elsewhere, ".row"));
    }
    ::unlink(path.c_str());
    write_file(path, bad);
    directory fresh{folder.path};
    for (directory* each : {&store, &fresh}) {
        const std::vector<stored_row> rows = each->scan("joust/t/evidence/r");
        REQUIRE(rows.size() == 1);
        CHECK(rows[0].bytes == "the row before");
        CHECK(rows[0].sequence == 1);
        REQUIRE(each->refused().size() == 1);
        CHECK(each->refused()[0].path == path);
        CHECK_FALSE(each->refused()[0].why.empty());
    }
    // The next write repairs it. The row that cannot be read does not take the place of the good one.
    CHECK(fresh.put_if_newer("joust/t/evidence/r/1", 3, "repaired"));
    CHECK(fresh.scan("joust/t/evidence/r") ==
          std::vector<stored_row>{{"joust/t/evidence/r/1", 3, "repaired"}});
    CHECK(fresh.refused().empty());
}

TEST_CASE("a directory says by name what stops it from writing, and keeps what was there")
{
    const joust_test::temporary_folder folder{"directory_errors"};
    directory store{folder.path};
    REQUIRE(store.put_if_newer("k", 1, "kept"));

    SECTION("a file that may not grow, as on a full disk")
    {
        rlimit before{};
        getrlimit(RLIMIT_FSIZE, &before);
        void (*const handler)(int) = std::signal(SIGXFSZ, SIG_IGN);
        rlimit small = before;
        small.rlim_cur = 64;
        setrlimit(RLIMIT_FSIZE, &small);
        const std::string why = why_not(store, "k", std::string(10'000, 'x'));
        setrlimit(RLIMIT_FSIZE, &before);
        std::signal(SIGXFSZ, handler);
        CHECK(why.find("cannot be written") != std::string::npos);
        for (const std::string& name : folder.names()) {
            CHECK_FALSE(name.ends_with(".part"));
        }
    }
    SECTION("a folder whose place is a file")
    {
        directory in_file{file_of(folder, ".row")};
        CHECK(why_not(in_file, "k", "x").find("Not a directory") != std::string::npos);
    }
    SECTION("a folder whose parent is missing")
    {
        directory lost{folder.path + "/no/such"};
        CHECK(why_not(lost, "k", "x").find("cannot be made") != std::string::npos);
        CHECK_THROWS_AS(lost.scan(""), store_error);
    }
    SECTION("a folder that may only be read")
    {
        if (::geteuid() != 0) {  // The administrator may write everywhere.
            REQUIRE(::chmod(folder.path.c_str(), 0500) == 0);
            const std::string why = why_not(store, "k", "x");
            REQUIRE(::chmod(folder.path.c_str(), 0700) == 0);
            CHECK(why.find("cannot be") != std::string::npos);
        }
    }
    CHECK(store.scan("k") == std::vector<stored_row>{{"k", 1, "kept"}});
    CHECK_THROWS_AS(directory{""}, configuration_error);
}

TEST_CASE("of processes that compare and set at once each success is one step")
{
    const joust_test::temporary_folder folder{"directory_race"};
    constexpr int processes = 4;
    constexpr int each = 25;
    for (int p = 0; p < processes; ++p) {
        const pid_t child = fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            int done = 0;
            try {
                directory store{folder.path};
                while (done < each) {
                    const std::vector<stored_row> rows = store.scan("count");
                    const std::uint64_t version = rows.empty() ? 0 : rows[0].sequence;
                    const std::string next = (rows.empty() ? "" : rows[0].bytes) + "x";
                    done += store.compare_and_set("count", version, next) ? 1 : 0;
                }
            } catch (...) {
                _exit(2);
            }
            _exit(0);
        }
    }
    for (int p = 0; p < processes; ++p) {
        int how = 0;
        REQUIRE(wait(&how) > 0);
        CHECK((WIFEXITED(how) && WEXITSTATUS(how) == 0));
    }
    const std::vector<stored_row> rows = directory{folder.path}.scan("count");
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].sequence == processes * each);
    CHECK(rows[0].bytes == std::string(processes * each, 'x'));
}

TEST_CASE("what a killed writer has left half-written is removed, and its row is whole")
{
    const joust_test::temporary_folder folder{"directory_killed"};
    const std::string big(200'000, 'b');
    for (int round = 0; round < 10; ++round) {
        const pid_t child = fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            try {
                directory store{folder.path};
                const std::vector<stored_row> rows = store.scan("k");
                for (std::uint64_t n = rows.empty() ? 1 : rows[0].sequence + 1;; ++n) {
                    static_cast<void>(store.put_if_newer("k", n, std::to_string(n) + big));
                }
            } catch (...) {
                _exit(2);
            }
        }
        usleep(static_cast<useconds_t>(3'000 + 1'700 * round));
        kill(child, SIGKILL);
        int how = 0;
        waitpid(child, &how, 0);
        CHECK(WIFSIGNALED(how));
        directory store{folder.path};
        const std::vector<stored_row> rows = store.scan("k");
        for (const stored_row& row : rows) {
            CHECK(row.bytes == std::to_string(row.sequence) + big);
        }
        CHECK(store.refused().empty());
        for (const std::string& name : folder.names()) {
            CHECK_FALSE(name.ends_with(".part"));
        }
    }
}
