// SPDX-License-Identifier: Apache-2.0

#include <joust/joust.hpp>
#include <joust/store/audit_log.hpp>
#include <joust/store/hmac.hpp>
#include <joust/trial/on_event.hpp>
#include <joust/trial/replace_plan.hpp>

#include "catch.hpp"

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using namespace joust;

struct scratch {
    std::string path = "audit-" + std::to_string(::getpid()) + "-" + std::to_string(++count) + ".jsonl";
    scratch() { std::remove(path.c_str()); }
    ~scratch()
    {
        std::remove(path.c_str());
        std::remove((path + ".old").c_str());
    }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    static inline int count = 0;
};

void put(const std::string& path, const std::string& text)
{
    std::ofstream{path, std::ios::binary} << text;
}

trial_event event_number(std::uint64_t n)
{
    return {.sequence = n,
            .time = 1'000 + static_cast<std::int64_t>(n),
            .kind = transition::noted,
            .trial = "audited",
            .why = "remark " + std::to_string(n)};
}

/// Write a log with one opening line and some events, and return its text.
std::string written_log(int events, const std::string& key = {})
{
    const scratch file;
    audit_log log{file.path, {.key = key}};
    for (int i = 0; i < events; ++i) {
        log.append(event_number(static_cast<std::uint64_t>(i)));
    }
    CHECK(log.flush());
    return read_file(file.path);
}

std::vector<std::string> lines_of(const std::string& text)
{
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        lines.push_back(text.substr(at, end - at + 1));
        at = end + 1;
    }
    return lines;
}

std::string joined(const std::vector<std::string>& lines)
{
    std::string text;
    for (const std::string& line : lines) {
        text += line;
    }
    return text;
}

/// Make a line's digest right again, as one can who has no secret to hash with.
std::string forged(std::string line, const std::string& from, const std::string& to)
{
    line.replace(line.find(from), from.size(), to);
    const std::size_t end = line.find(",\"digest\"");
    const sha256_digest digest{interop::sha256_of(line.substr(0, end))};
    return line.substr(0, end) + ",\"digest\":\"" + digest.to_string() + "\"}\n";
}

/// A limit on the size of files, which makes writes fail as on a full disk.
class full_disk {
public:
    explicit full_disk(std::size_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN))
    {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const ::rlimit now{bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &now);
    }
    full_disk(const full_disk&) = delete;
    full_disk& operator=(const full_disk&) = delete;
    ~full_disk()
    {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }

private:
    ::rlimit before_{};
    void (*handler_)(int);
};

}  // namespace

TEST_CASE("HMAC-SHA-256 gives the test cases of RFC 4231")
{
    const auto hmac = [](std::string_view key, std::string_view data) {
        return hmac_sha256(key, data).to_string();
    };
    CHECK(hmac(std::string(20, '\x0b'), "Hi There") ==
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    CHECK(hmac("Jefe", "what do ya want for nothing?") ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(hmac(std::string(20, '\xaa'), std::string(50, '\xdd')) ==
          "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    std::string counting;
    for (char c = 1; c <= 25; ++c) {
        counting += c;
    }
    CHECK(hmac(counting, std::string(50, '\xcd')) ==
          "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    CHECK(hmac(std::string(20, '\x0c'), "Test With Truncation").substr(0, 32) ==
          "a3b6167473100ee06e0c796c2955552b");
    CHECK(hmac(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First") ==
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    CHECK(hmac(std::string(131, '\xaa'),
               "This is a test using a larger than block-size key and a larger than block-size data. The key "
               "needs to be hashed before being used by the HMAC algorithm.") ==
          "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST_CASE("SHA-256 gives the examples of FIPS 180-4")
{
    const auto sha = [](std::string_view text) {
        return sha256_digest{interop::sha256_of(text)}.to_string();
    };
    CHECK(sha("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(sha("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(sha(std::string(1'000'000, 'a')) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    sha256_digest read;
    CHECK(sha256_digest::parse(sha("abc"), read));
    CHECK(read.to_string() == sha("abc"));
    CHECK_FALSE(sha256_digest::parse(std::string(63, 'a'), read));
    CHECK_FALSE(sha256_digest::parse(std::string(64, 'A'), read));
}

TEST_CASE("An audit log is whole, can be read by its owner alone, and has a head to keep")
{
    const scratch file;
    audit_head head;
    {
        audit_log log{file.path};
        CHECK(log.append(event_number(0)));
        CHECK(log.append(event_number(1)));
        CHECK(log.flush());
        CHECK(log.written() == 2);
        CHECK(log.dropped() == 0);
        head = log.head();
        CHECK(head.lines == 3);
    }
    struct stat seen{};
    REQUIRE(::stat(file.path.c_str(), &seen) == 0);
    CHECK((seen.st_mode & 0777U) == 0600U);

    const std::string text = read_file(file.path);
    const audit_finding found = verify(text);
    CHECK(found.ok());
    CHECK(found.head == head);
    CHECK(audit_head::from_string(head.to_string()) == head);
    CHECK(verify(text, {.head = head}).ok());
    std::string words;
    found.write(words);
    CHECK(words == "the audit log is whole: 3 lines");

    // The chain can be computed by other means: each line states the digest of the line before it.
    const std::vector<std::string> lines = lines_of(text);
    REQUIRE(lines.size() == 3);
    std::string before(64, '0');
    for (const std::string& line : lines) {
        CHECK(line.starts_with("{\"prev\":\"" + before + "\",\"line\":"));
        const std::size_t end = line.find(",\"digest\":\"");
        before = sha256_digest{interop::sha256_of(line.substr(0, end))}.to_string();
        CHECK(line.substr(end) == ",\"digest\":\"" + before + "\"}\n");
    }
    CHECK(before == head.digest.to_string());
    CHECK(verify("").ok());
    CHECK_THROWS_AS(audit_head::from_string("3:abc"), parse_error);
}

TEST_CASE("A changed byte is found in its line, with a secret and without")
{
    for (const std::string key : {"", "secret"}) {
        const std::string text = written_log(3, key);
        REQUIRE(verify(text, {.key = key}).ok());
        std::uint64_t line = 1;
        for (std::size_t at = 0; at < text.size(); ++at) {
            std::string other = text;
            other[at] = static_cast<char>(other[at] ^ 1);
            const audit_finding found = verify(other, {.key = key});
            INFO("byte " << at);
            CHECK_FALSE(found.ok());
            CHECK(found.line == line);
            line += text[at] == '\n' ? 1U : 0U;
        }
        CHECK(verify(text, {.key = "another"}).fault == audit_fault::changed);
    }
}

TEST_CASE("A missing, a repeated and a moved line are found where they are first seen")
{
    const std::vector<std::string> lines = lines_of(written_log(5));
    const audit_head head = verify(joined(lines)).head;
    REQUIRE(lines.size() == 6);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        std::vector<std::string> less = lines;
        less.erase(less.begin() + static_cast<std::ptrdiff_t>(i));
        const audit_finding cut = verify(joined(less), {.head = head});
        CHECK(cut.fault == audit_fault::cut);
        CHECK(cut.line == i + 1);
        CHECK(cut.what.starts_with("line " + std::to_string(i + 1) + " is missing"));
        // Without a head a cut of the end cannot be found.
        CHECK(verify(joined(less)).ok() == (i + 1 == lines.size()));

        for (std::size_t to = 0; to <= lines.size(); ++to) {
            std::vector<std::string> more = lines;
            more.insert(more.begin() + static_cast<std::ptrdiff_t>(to), lines[i]);
            const audit_finding inserted = verify(joined(more), {.head = head});
            CHECK_FALSE(inserted.ok());
            // Where the copy stands right before the line, the second of the two shows.
            CHECK(inserted.line == (to == i ? i + 2 : to + 1));
            CHECK(inserted.fault == audit_fault::inserted);
            if (to < lines.size() && to != i) {
                std::vector<std::string> moved = lines;
                moved.erase(moved.begin() + static_cast<std::ptrdiff_t>(i));
                moved.insert(moved.begin() + static_cast<std::ptrdiff_t>(to), lines[i]);
                const audit_finding reordered = verify(joined(moved), {.head = head});
                CHECK(reordered.fault == audit_fault::reordered);
                CHECK(reordered.line == (i < to ? i : to) + 1);
            }
        }
    }
    std::vector<std::string> less = lines;
    less.erase(less.begin() + 1, less.begin() + 4);
    std::string words;
    verify(joined(less)).write(words);
    CHECK(words == "cut: line 2: lines 2 to 4 are missing before it");
}

TEST_CASE(
    "A line that was written anew with a digest of its own is found by the line after it, and the last one by the head")
{
    std::vector<std::string> lines = lines_of(written_log(4));
    const audit_head head = verify(joined(lines)).head;
    std::vector<std::string> other = lines;
    other[2] = forged(other[2], "remark 1", "remark 7");
    CHECK(verify(joined(other)).fault == audit_fault::changed);
    CHECK(verify(joined(other)).line == 3);

    other = lines;
    other.back() = forged(other.back(), "remark 3", "remark 7");
    CHECK(verify(joined(other)).ok());
    CHECK(verify(joined(other), {.head = head}).fault == audit_fault::changed);
    CHECK(verify(joined(other), {.head = head}).line == 5);

    // A forged line between two others claims the number of the second.
    other = lines;
    other.insert(other.begin() + 3, forged(lines[3], "remark 2", "remark 7"));
    CHECK(verify(joined(other)).fault == audit_fault::inserted);
    CHECK(verify(joined(other)).line == 4);

    // With a secret the same forgery shows in its own line.
    std::vector<std::string> keyed = lines_of(written_log(4, "secret"));
    keyed.back() = forged(keyed.back(), "remark 3", "remark 7");
    CHECK(verify(joined(keyed), {.key = "secret"}).fault == audit_fault::changed);
    CHECK(verify(joined(keyed), {.key = "secret"}).line == 5);
}

TEST_CASE("A log continues its file after a restart, and keeps the text of a line that a crash cut off")
{
    const scratch file;
    {
        audit_log log{file.path};
        log.append(event_number(0));
    }
    {
        audit_log log{file.path};
        log.append(event_number(1));
        CHECK(log.torn_bytes() == 0);
    }
    const std::string whole = read_file(file.path);
    CHECK(verify(whole).ok());
    CHECK(verify(whole).head.lines == 4);
    const std::size_t last = whole.rfind('\n', whole.size() - 2) + 1;
    for (std::size_t size = last + 1; size < whole.size(); ++size) {
        put(file.path, whole.substr(0, size));
        const audit_finding torn = verify(read_file(file.path));
        CHECK(torn.fault == audit_fault::torn);
        CHECK(torn.line == 4);
        CHECK(torn.good_bytes == last);
        audit_log log{file.path};
        log.flush();
        const std::string again = read_file(file.path);
        CHECK(verify(again).ok());
        if (size + 1 == whole.size()) {
            // Only the line break was lost, so that the line stays.
            CHECK(log.torn_bytes() == 0);
            CHECK(again.starts_with(whole));
        } else {
            CHECK(log.torn_bytes() == size - last);
            CHECK(verify(again).head.lines == 4);
            std::string kept;
            append_json_string(kept, whole.substr(last, size - last));
            CHECK(again.find("\"torn\":" + kept) != std::string::npos);
        }
    }
}

TEST_CASE("A log with a fault, or a file that is no log, is refused and left alone")
{
    const scratch file;
    std::string text = written_log(3);
    text[text.size() / 2] ^= 1;
    for (const std::string& bytes : {text, std::string{"my diary"}, std::string{"my diary\n"}}) {
        put(file.path, bytes);
        CHECK_THROWS_AS(audit_log{file.path}, std::runtime_error);
        CHECK(read_file(file.path) == bytes);
    }
    put(file.path, written_log(2, "secret"));
    CHECK_THROWS_AS(audit_log{file.path}, std::runtime_error);
    CHECK_NOTHROW(audit_log{file.path, {.key = "secret"}});
    CHECK_THROWS_AS(audit_log{"no/such/folder/log"}, std::runtime_error);
}

TEST_CASE("A second writer of a log is refused, in this process and in a forked one")
{
    const scratch file;
    audit_log log{file.path};
    log.append(event_number(0));
    log.flush();
    CHECK_THROWS_WITH(audit_log{file.path}, Catch::Contains("another audit log writes this file"));

    const ::pid_t child = ::fork();
    if (child == 0) {
        const bool kept = log.append(event_number(1));
        const bool counted = log.dropped() == 1;
        bool refused = false;
        try {
            const audit_log second{file.path};
        } catch (const std::runtime_error&) {
            refused = true;
        }
        ::_exit(!kept && counted && refused ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(log.append(event_number(2)));
    CHECK(log.flush());
    const audit_finding found = verify(read_file(file.path));
    CHECK(found.ok());
    CHECK(found.head.lines == 3);
}

TEST_CASE("Events of several threads stand in one chain")
{
    const scratch file;
    {
        audit_log log{file.path};
        std::vector<std::thread> threads;
        for (std::uint64_t t = 0; t < 4; ++t) {
            threads.emplace_back([&log, t] {
                for (std::uint64_t i = 0; i < 50; ++i) {
                    log.append(event_number(100 * t + i));
                }
            });
        }
        for (std::thread& each : threads) {
            each.join();
        }
    }
    const audit_finding found = verify(read_file(file.path));
    CHECK(found.ok());
    CHECK(found.head.lines == 201);
}

TEST_CASE("What finds no room in the queue is counted, and a line says so")
{
    const scratch file;
    {
        // A folder in the file's place makes every attempt to write fail until it is gone.
        std::string members{','};
        detail::append_event_members(members, event_number(1));
        audit_log log{file.path, {.queue_bytes = 2 * members.size()}};
        CHECK(log.append(event_number(0)));
        CHECK(log.flush());
        REQUIRE(std::rename(file.path.c_str(), (file.path + ".old").c_str()) == 0);
        REQUIRE(::mkdir(file.path.c_str(), 0700) == 0);
        CHECK(log.append(event_number(1)));
        CHECK(log.append(event_number(2)));
        CHECK_FALSE(log.append(event_number(3)));
        CHECK_FALSE(log.append(event_number(4)));
        CHECK_FALSE(log.flush());
        CHECK(log.dropped() == 2);
        CHECK(log.written() == 1);
        REQUIRE(::rmdir(file.path.c_str()) == 0);
        CHECK(log.append(event_number(5)) == false);
        CHECK(log.flush());
        CHECK(log.append(event_number(6)));
        CHECK(log.flush());
        CHECK(log.written() == 4);
        CHECK(log.dropped() == 3);
    }
    // The file that was moved away is continued.
    const audit_finding old = verify(read_file(file.path + ".old"));
    CHECK(old.ok());
    const std::string text = read_file(file.path);
    CHECK(verify(text).fault == audit_fault::cut);
    const audit_finding found = verify(text, {.after = old.head});
    CHECK(found.ok());
    CHECK(found.head.lines == old.head.lines + 4);
    CHECK(text.find("\"log\":\"lost\"") != std::string::npos);
    CHECK(text.find("\"count\":3") != std::string::npos);
}

TEST_CASE("A full disk hurts no call, is counted by the trial, and is caught up with when there is room")
{
    struct request {
        std::string user;
    };
    const scratch file;
    audit_log log{file.path, {.queue_bytes = 3'000}};
    ab_test trial{model{"old", [](const request&) { return 1; }},
                  model{"new", [](const request&) { return 2; }},
                  by(&request::user),
                  hash_split{.salt = "full"},
                  conversion<"click">{},
                  on_event(audit_to(log))};
    CHECK(log.flush());
    const std::string before = read_file(file.path);
    {
        // Files of this process may not grow beyond what is written, and half a line.
        const full_disk full{before.size() + 100};
        for (int i = 0; i < 20; ++i) {
            const traffic_plan now = plan_of(trial);
            replace_plan(trial, {.salt = "full", .version = now.version + 1, .shares = now.shares});
            CHECK(trial(request{"a"}) > 0);
        }
        CHECK_FALSE(log.flush());
        CHECK(log.written() == 1);
        CHECK(log.dropped() > 5);
        CHECK(read_file(file.path) == before);
    }
    CHECK(log.flush());
    CHECK(log.written() + log.dropped() == 21);
    const std::string text = read_file(file.path);
    CHECK(verify(text).ok());
    CHECK(text.find("\"log\":\"lost\"") != std::string::npos);
    bool counted = false;
    for (const count_row& row : trial.report().counts) {
        counted = counted || row.count == log.dropped();
    }
    CHECK(counted);
    CHECK_THROWS_WITH(audit_log{"/dev/null"}, Catch::Contains("needs a regular file"));
}
