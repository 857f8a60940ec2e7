// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "catch.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <limits>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace joust_test {

/// What a child process is at, in memory that it shares with its parent.
struct child_place {
    char name[64] = {};
    std::array<double, 6> arguments{};
    std::size_t count = 0;
    double longest = 0.0;
};

/// Calls functions with corners of their domain, in a child process: a call that ends the process, or that takes longer
/// than its limit of CPU time, fails the test and names the function and the arguments.
class corner_walk {
public:
    explicit corner_walk(child_place& at) noexcept : at_(at) {}

    /// The limit of CPU seconds for each call from here on. Tests run without optimisation, and with sanitizers.
    double limit = 2.0;

    template <class Function, class... Arguments>
    void call(const char* name, Function function, Arguments... arguments)
    {
        std::size_t i = 0;
        for (const char* from = name; *from != '\0' && i + 1 < sizeof at_.name; ++from) {
            at_.name[i++] = *from;
        }
        at_.name[i] = '\0';
        at_.arguments = {static_cast<double>(arguments)...};
        at_.count = sizeof...(arguments);
        const double before = seconds();
        function(arguments...);
        const double taken = seconds() - before;
        at_.longest = taken > at_.longest ? taken : at_.longest;
        if (taken > limit) {
            _exit(3);
        }
    }

    /// Calls a function of three numbers with all combinations of corners.
    template <class Function, class A, class B, class C>
    void all(const char* name, Function function, const A& first, const B& second, const C& third)
    {
        for (const auto a : first) {
            for (const auto b : second) {
                for (const auto c : third) {
                    call(name, function, a, b, c);
                }
            }
        }
    }

    template <class Function, class A, class B>
    void all(const char* name, Function function, const A& first, const B& second)
    {
        for (const auto a : first) {
            for (const auto b : second) {
                call(name, function, a, b);
            }
        }
    }

private:
    static double seconds() noexcept
    {
        timespec now{};
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
    }

    child_place& at_;
};

/// Runs walk(corner_walk&) in a child process that may take `seconds` of CPU time.
template <class Walk>
void in_child(Walk walk, unsigned seconds = 40)
{
    void* const shared =
        mmap(nullptr, sizeof(child_place), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(shared != MAP_FAILED);
    child_place& at = *new (shared) child_place;
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const rlimit cpu{seconds, seconds + 1};
        setrlimit(RLIMIT_CPU, &cpu);
        const rlimit core{0, 0};
        setrlimit(RLIMIT_CORE, &core);
        corner_walk walker{at};
        walk(walker);
        _exit(0);
    }
    int how = 0;
    waitpid(child, &how, 0);
    std::string where = at.name;
    for (std::size_t i = 0; i < at.count; ++i) {
        where += (i == 0 ? "(" : ", ") + std::to_string(at.arguments[i]) + " = 2^" +
                 std::to_string(std::log2(std::fabs(at.arguments[i])));
    }
    INFO("last call: " << where << "); the longest took " << at.longest << " s");
    CHECK(WIFEXITED(how));
    CHECK((!WIFEXITED(how) || WEXITSTATUS(how) == 0));
    munmap(shared, sizeof(child_place));
}

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Corners of a number.
inline constexpr std::array<double, 24> corner_numbers{
    0.0,  -0.0, 5e-324, 1e-300, 1e-150, 1e-17, 1e-3, 0.3,   0.5,      1.0, 1.5,  3.0,
    40.0, 1e4,  1e9,    1e13,   9e15,   1e17,  1e30, 1e300, infinity, nan, -1.0, -1e300};
/// Corners of a probability, and numbers that are no probabilities.
inline constexpr std::array<double, 16> probabilities{0.0,  5e-324, 1e-300, 1e-200, 1e-150,     1e-17,
                                                      1e-3, 0.025,  0.5,    0.975,  1.0 - 1e-9, 1.0 - 0x1p-53,
                                                      1.0,  nan,    -0.1,   1.1};
/// Corners of a count.
inline constexpr std::array<std::uint64_t, 12> counts{0,
                                                      1,
                                                      2,
                                                      3,
                                                      50,
                                                      1'001,
                                                      1'000'003,
                                                      1'000'000'000'000,
                                                      std::uint64_t{1} << 51U,
                                                      (std::uint64_t{1} << 53U) + 1,
                                                      std::uint64_t{1} << 63U,
                                                      ~std::uint64_t{0}};

/// Samples that are empty, constant, of extreme values, or none.
inline std::vector<std::vector<double>> corner_samples()
{
    std::vector<std::vector<double>> out{{},
                                         {0.0},
                                         {1.0},
                                         {1.0, 1.0},
                                         {0.0, 1.0, 0.0, 1.0},
                                         {1e300, -1e300, 1e308},
                                         {infinity, 1.0},
                                         {-infinity, infinity},
                                         {nan, 1.0},
                                         {5e-324, 0.0, -5e-324},
                                         {1e9, 1e9 + 1e-6, 1e9 - 1e-6},
                                         {1e-300, 2e-300, 3e-300}};
    for (const double scale : {1.0, 1e150, 1e-150}) {
        std::vector<double> many;
        for (int i = 0; i < 50; ++i) {
            many.push_back(scale * ((i * 37) % 23 - 11));
        }
        out.push_back(many);
    }
    return out;
}

}  // namespace joust_test
