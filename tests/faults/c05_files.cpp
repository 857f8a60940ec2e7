// SPDX-License-Identifier: Apache-2.0

// Two writers of one path tore the file (4,065 of 24,056 reads), since both wrote `path.part`. A link planted there was
// followed, a full disk left the part behind, and logs of personal data could be read by everybody.

#include <joust/store/events.hpp>
#include <joust/store/file.hpp>
#include <joust/store/plan_file.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/event_log.hpp>

#include "catch.hpp"
#include "sanitized.hpp"

#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#if __has_include(<sys/wait.h>)
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

using namespace joust;

#if __has_include(<sys/wait.h>)

namespace {

namespace fs = std::filesystem;

/// A folder of the test's own, so that what is left behind is seen.
struct folder {
    fs::path path;
    explicit folder(const char* name) : path(fs::current_path() / (std::string{"c05_"} + name))
    {
        fs::remove_all(path);
        fs::create_directory(path);
    }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
    ~folder() { fs::remove_all(path); }
    std::string operator/(const char* name) const { return (path / name).string(); }
    std::size_t files() const
    {
        std::size_t count = 0;
        for ([[maybe_unused]] const auto& each : fs::directory_iterator{path}) {
            ++count;
        }
        return count;
    }
};

unsigned mode_of(const std::string& path)
{
    struct stat now{};
    return ::lstat(path.c_str(), &now) == 0 ? now.st_mode & 07777U : 0U;
}

/// Whether a text is 100,000 times one letter, as the writers of this test write it.
bool whole(std::string_view text)
{
    return text.size() == 100'000 && text.find_first_not_of(text.front()) == std::string_view::npos;
}

std::string message_of(auto&& work)
{
    try {
        work();
    } catch (const std::runtime_error& wrong) {
        return wrong.what();
    }
    return {};
}

auto logged_trial(event_log& log)
{
    return ab_test{model{"old", [](std::uint64_t) { return 0; }},
                   model{"new", [](std::uint64_t) { return 1; }},
                   by([](std::uint64_t user) { return user; }),
                   hash_split{.salt = "logged"},
                   conversion<"click">{},
                   record_to(log)};
}

}  // namespace

TEST_CASE("a file that several threads write at once is never torn, and nothing is left behind",
          "[concurrent]")
{
    const folder here{"threads"};
    const std::string path = here / "snapshot.joust";
    write_file(path, std::string(100'000, 'a'));
    std::atomic<int> torn{0};
    std::atomic<int> reads{0};
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&, t] {
            const std::string text(100'000, static_cast<char>('a' + t));
            for (int n = 0; n < 60; ++n) {
                write_file(path, text);
            }
        });
    }
    std::thread reader{[&] {
        while (!stop) {
            torn += whole(read_file(path)) ? 0 : 1;
            ++reads;
        }
    }};
    for (auto& thread : threads) {
        thread.join();
    }
    stop = true;
    reader.join();
    CHECK(reads > 0);
    CHECK(torn == 0);
    CHECK(here.files() == 1);
}

#if !defined(JOUST_TESTS_THREADS_SANITIZED)
TEST_CASE("a file that several processes write at once is never torn")
{
    const folder here{"processes"};
    const std::string path = here / "plan.json";
    write_file(path, std::string(100'000, 'a'));
    std::vector<pid_t> children;
    for (int c = 0; c < 4; ++c) {
        const pid_t child = fork();
        if (child == 0) {
            int answer = 0;
            try {
                for (int n = 0; n < 60; ++n) {
                    write_file(path, std::string(100'000, static_cast<char>('a' + c)));
                }
            } catch (...) {
                answer = 1;
            }
            _exit(answer);
        }
        children.push_back(child);
    }
    int torn = 0;
    int reads = 0;
    std::size_t running = children.size();
    while (running > 0) {
        torn += whole(read_file(path)) ? 0 : 1;
        ++reads;
        for (pid_t& child : children) {
            int state = 0;
            if (child > 0 && waitpid(child, &state, WNOHANG) == child) {
                CHECK(WIFEXITED(state));
                CHECK(WEXITSTATUS(state) == 0);
                child = 0;
                --running;
            }
        }
    }
    CHECK(reads > 0);
    CHECK(torn == 0);
    CHECK(here.files() == 1);
}

TEST_CASE("on a full disk the old file stays, nothing is left behind, and the error names path and reason")
{
    const folder here{"full"};
    const std::string path = here / "evidence.joust";
    write_file(path, "old");
    const pid_t child = fork();
    if (child == 0) {
        std::signal(SIGXFSZ, SIG_IGN);
        const rlimit most{65'536, 65'536};
        setrlimit(RLIMIT_FSIZE, &most);
        const std::string why = message_of([&] { write_file(path, std::string(1'000'000, 'x')); });
        const bool named =
            why.find(path) != std::string::npos && why.find("File too large") != std::string::npos;
        const std::string small = message_of([&] { write_file(path + "2", "small"); });
        _exit(named && small.empty() ? 0 : 1);
    }
    int state = -1;
    REQUIRE(waitpid(child, &state, 0) == child);
    CHECK(WIFEXITED(state));
    CHECK(WEXITSTATUS(state) == 0);
    CHECK(read_file(path) == "old");
    CHECK(here.files() == 2);

    if (fs::exists("/dev/full")) {
        CHECK(message_of([] { write_file("/dev/full", "x"); }).find("No space left") != std::string::npos);
        CHECK(fs::is_character_file("/dev/full"));
        CHECK_FALSE(fs::exists("/dev/full.part"));
        write_file("/dev/null", "x");
        CHECK(fs::is_character_file("/dev/null"));
    }
    CHECK_FALSE(message_of([&] { write_file(here / "no/such/folder", "x"); }).empty());
    CHECK_FALSE(message_of([&] { write_file(here.path.string(), "x"); }).empty());  // a folder
    CHECK(here.files() == 2);
}
#endif

TEST_CASE("a file keeps its permissions when it is replaced, also through the functions that save")
{
    const folder here{"modes"};
    const std::string path = here / "file";
    const mode_t before = ::umask(022);
    write_file(path, "1");
    CHECK(mode_of(path) == 0644);
    for (const mode_t mode : {0600U, 0640U, 0664U, 0400U}) {
        REQUIRE(::chmod(path.c_str(), mode) == 0);
        write_file(path, "2");
        CHECK(mode_of(path) == mode);
        REQUIRE(::chmod(path.c_str(), 0600) == 0);
    }
    ::umask(077);
    write_file(here / "private", "1");
    CHECK(mode_of(here / "private") == 0600);
    ::umask(before);
    save_plan(path, traffic_plan{.salt = "s", .version = 1, .shares = {0.5, 0.5}});
    CHECK(mode_of(path) == 0600);
    CHECK(parse_plan(read_file(path)).version == 1);
    save(path, evidence{});
    CHECK(mode_of(path) == 0600);
    CHECK(here.files() == 2);
}

TEST_CASE("a symbolic link is replaced and not followed")
{
    const folder here{"links"};
    write_file(here / "victim", "keep");
    fs::create_symlink(here.path / "victim", here.path / "target");
    fs::create_symlink(here.path / "victim", here.path / "target.part");
    write_file(here / "target", "new");
    CHECK(read_file(here / "victim") == "keep");
    CHECK(read_file(here / "target") == "new");
    CHECK_FALSE(fs::is_symlink(here.path / "target"));
    fs::create_symlink(here.path / "nothing", here.path / "dangling");
    write_file(here / "dangling", "new");
    CHECK_FALSE(fs::exists(here.path / "nothing"));
    CHECK(here.files() == 4);
    fs::create_symlink("/dev/null", here.path / "device");
    fs::create_directory_symlink(here.path, here.path / "itself");
    CHECK_FALSE(message_of([&] { write_file(here / "device", "x"); }).empty());
    CHECK_FALSE(message_of([&] { write_file(here / "itself", "x"); }).empty());
    CHECK(fs::is_symlink(here.path / "device"));
    CHECK(here.files() == 6);

    // A log refuses a link.
    fs::create_symlink(here.path / "victim", here.path / "log");
    CHECK(message_of([&] { const event_log log{here / "log"}; }).find(here / "log") != std::string::npos);
    CHECK(read_file(here / "victim") == "keep");
}

TEST_CASE("a log of events is for its owner alone, and appends whole lines", "[concurrent]")
{
    const folder here{"logs"};
    const std::string path = here / "events.jsonl";
    const mode_t before = ::umask(0);
    {
        event_log log{path};
        auto trial = logged_trial(log);
        for (std::uint64_t user = 0; user < 20; ++user) {
            static_cast<void>(trial(user));
        }
        log.flush();
        CHECK(mode_of(path) == 0600);
        CHECK(log.written() == 20);

        // A rotated log goes on under its name.
        fs::rename(path, here / "events.1.jsonl");
        static_cast<void>(trial(21U));
        log.flush();
        CHECK(mode_of(path) == 0600);
        CHECK(read_events(read_file(path)).size() == 1);
        CHECK(log.while_closed([&](const std::string& closed) {
            return erase_events(closed, trial.pseudonym_of(std::uint64_t{21})).erased;
        }) == 1);
        CHECK(mode_of(path) == 0600);
        CHECK(here.files() == 2);
    }
    {
        std::ofstream old{here / "old.jsonl"};
        old << "cut off";
    }
    ::chmod((here / "old.jsonl").c_str(), 0660);
    {
        event_log log{here / "old.jsonl"};
        auto trial = logged_trial(log);
        static_cast<void>(trial(1U));
    }
    CHECK(mode_of(here / "old.jsonl") == 0660);
    CHECK(read_file(here / "old.jsonl").starts_with("cut off\n{"));
    ::umask(before);
    if (fs::exists("/dev/full")) {
        event_log log{"/dev/full"};
        auto trial = logged_trial(log);
        static_cast<void>(trial(1U));
        log.flush();
        CHECK(log.dropped() == 1);
        CHECK(log.written() == 0);
    }
}

TEST_CASE("a log whose disk is full keeps whole lines, counts them, and goes on when there is room")
{
    const folder here{"full"};
    const std::string path = here / "events.jsonl";
    event_log log{path, {.flush_every = std::chrono::milliseconds{60'000}}};
    auto trial = logged_trial(log);
    // A limit on the size of files cuts a write off as a full disk does.
    struct rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const struct rlimit small{5'000, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    for (std::uint64_t user = 0; user < 100; ++user) {
        static_cast<void>(trial(user));
    }
    log.flush();
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    std::signal(SIGXFSZ, handler);
    CHECK(log.written() > 5);
    CHECK(log.written() + log.dropped() == 100);
    const std::uint64_t kept = log.written();
    CHECK(read_events(read_file(path)).size() == kept);
    static_cast<void>(trial(7U));
    log.flush();
    CHECK(read_events(read_file(path)).size() == kept + 1);
    CHECK(log.written() == kept + 1);
}

TEST_CASE("several logs of one file mix lines and never parts of lines", "[concurrent]")
{
    const folder here{"mixed"};
    const std::string path = here / "events.jsonl";
    constexpr std::uint64_t each = joust_tests::sanitized ? 300 : 1'000;
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < 3; ++t) {
        threads.emplace_back([&path, t] {
            event_log log{path, {.flush_every = std::chrono::milliseconds{0}}};
            auto trial = logged_trial(log);
            for (std::uint64_t n = 0; n < each; ++n) {
                static_cast<void>(trial(1'000'000 * t + n));
                if (n % 100 == 0) {
                    log.flush();
                }
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    const std::string text = read_file(path);
    CHECK(read_events(text).size() == 3 * each);
}

#endif
