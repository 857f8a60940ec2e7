// SPDX-License-Identifier: Apache-2.0

// Changes snapshots of the evidence of every kind of trial and seals them again with a right checksum. Such a snapshot must
// give a parse_error with a reason, or evidence that is written as the same bytes, merges with itself, and has a report.

#include <joust/store/snapshot.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/interleaving.hpp>
#include <joust/trial/shadow.hpp>

#include "store/sealed.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace joust;

namespace {

using joust_test::append;
using joust_test::contents_of;
using joust_test::sealed;

void require(bool holds)
{
    if (!holds) {
        std::abort();
    }
}

auto& compared_trial()
{
    static ab_test trial{model{"old", [](std::uint64_t) { return 0; }},
                         model{"new",
                               [](std::uint64_t user) {
                                   if (user % 10 == 0) {
                                       throw user;
                                   }
                                   return 1;
                               }},
                         by([](std::uint64_t user) { return user; }),
                         hash_split{.salt = "fuzz"},
                         conversion<"click">{},
                         quantile<"size">{.q = 0.5, .threshold = 10.0},
                         guardrail(failures{}, {.max_ratio = 2.0})};
    return trial;
}

auto& interleaved_trial()
{
    static interleaving trial{model{"old", [](std::uint64_t) { return std::vector<int>{1, 2, 3}; }},
                              model{"new", [](std::uint64_t) { return std::vector<int>{3, 2, 1}; }},
                              by([](std::uint64_t user) { return user; }), salt{"fuzz"}};
    return trial;
}

auto& shadowed_trial()
{
    static shadow trial{model{"old", [](std::uint64_t user) { return static_cast<double>(user % 5); }},
                        model{"new", [](std::uint64_t user) { return static_cast<double>(user % 4); }},
                        by([](std::uint64_t user) { return user; }), salt{"fuzz"}, inline_run{}};
    return trial;
}

auto& ramped_trial()
{
    static canary trial{model{"old", [](std::uint64_t) { return 0; }},
                        model{"new", [](std::uint64_t) { return 1; }},
                        by([](std::uint64_t user) { return user; }),
                        hash_split{.salt = "fuzz"},
                        conversion<"click">{},
                        guardrail(latency{}, {.max_ratio = 1.2}),
                        ramp{.shares = {0.25, 0.5}}};
    return trial;
}

std::string good_contents(unsigned kind)
{
    if (kind == 0) {
        auto& trial = compared_trial();
        for (std::uint64_t user = 0; user < 300; ++user) {
            const auto ticket = trial.serve(user).ticket;
            trial.observe<"click">(ticket, user % 3 == 0);
            trial.observe<"size">(ticket, static_cast<double>(user % 30));
        }
        static_cast<void>(trial.report());
        return contents_of(to_snapshot(trial.evidence()));
    }
    if (kind == 1) {
        auto& trial = interleaved_trial();
        for (std::uint64_t user = 0; user < 300; ++user) {
            const auto page = trial.rank(user, 3U);
            trial.click(page.ticket(), user % 3);
        }
        static_cast<void>(trial.report());
        return contents_of(to_snapshot(trial.evidence()));
    }
    if (kind == 2) {
        auto& trial = ramped_trial();
        for (std::uint64_t user = 0; user < 4'000; ++user) {
            trial.observe<"click">(trial.serve(user).ticket, user % 3 == 0);
        }
        static_cast<void>(trial.report());
        return contents_of(to_snapshot(trial.evidence()));
    }
    auto& trial = shadowed_trial();
    for (std::uint64_t user = 0; user < 300; ++user) {
        const auto ticket = trial.serve(user).ticket;
        trial.truth(ticket, static_cast<double>(user % 5));
    }
    static_cast<void>(trial.report());
    return contents_of(to_snapshot(trial.evidence()));
}

template <class Evidence, class Trial>
void check(Trial& trial, const std::string& bytes)
{
    Evidence value;
    try {
        value = from_snapshot<Evidence>(bytes);
    } catch (const parse_error& wrong) {
        require(std::string_view{wrong.what()}.size() > 10);
        return;
    }
    require(value.consistent());
    require(to_snapshot(value) == bytes);
    try {
        Evidence twice = value;
        twice.merge(value);
        std::string text;
        trial.report(std::move(twice)).write(text, style::json);
        trial.report(std::move(value)).write(text, style::table);
    } catch (const configuration_error&) {
        // The names, or sums after the merge, are those of another trial.
    }
}

constexpr std::array<double, 12> odd_numbers{std::numeric_limits<double>::quiet_NaN(),
                                             std::numeric_limits<double>::infinity(),
                                             -std::numeric_limits<double>::infinity(),
                                             -1.0,
                                             -0.0,
                                             0.5,
                                             1e300,
                                             -1e300,
                                             5e-324,
                                             9007199254740992.0,
                                             1e19,
                                             1.0};
constexpr std::array<std::uint64_t, 8> odd_counts{
    0, 1, 2, 1'023, 1'024, 1'025, std::uint64_t{1} << 53, ~std::uint64_t{0}};

void overwrite(std::string& contents, std::size_t at, std::uint64_t bits)
{
    for (unsigned i = 0; i < 8 && at + i < contents.size(); ++i) {
        contents[at + i] = static_cast<char>((bits >> (8 * i)) & 0xffU);
    }
}

}  // namespace

// The first byte chooses the kind of trial. Groups of five bytes follow: three for a place, one for what to do there, and one
// for the value.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static const std::array<std::string, 4> good{good_contents(0), good_contents(1), good_contents(2),
                                                 good_contents(3)};
    if (size % 5 != 1) {
        return 0;  // The groups are whole, so that fewer inputs say the same.
    }
    const unsigned kind = data[0] % 4;
    std::string contents = good[kind];
    for (std::size_t at = 1; at + 5 <= size; at += 5) {
        const std::size_t anywhere = data[at] + 256U * data[at + 1] + 65'536U * (data[at + 2] % 4U);
        // Most contents are sums of buckets; the names, the lengths and the memory of tests stand at the ends.
        const std::size_t place = (data[at + 3] & 0x80U) != 0 ? anywhere % (contents.size() + 1)
                                  : (data[at + 3] & 0x40U) != 0
                                      ? contents.size() - anywhere % 1'024 % (contents.size() + 1)
                                      : anywhere % 512 % (contents.size() + 1);
        const std::uint8_t value = data[at + 4];
        switch (data[at + 3] % 7) {
            case 0:
                overwrite(contents, place,
                          std::bit_cast<std::uint64_t>(odd_numbers[value % odd_numbers.size()]));
                break;
            case 1: overwrite(contents, place, odd_counts[value % odd_counts.size()]); break;
            case 2: contents.resize(contents.size() - place % 64 % (contents.size() + 1)); break;
            case 3: contents.insert(place, std::string(1U + value % 16U, '\0')); break;
            case 4: contents.erase(place, 1U + value % 16U); break;
            default:
                if (place < contents.size()) {
                    contents[place] = static_cast<char>(value);
                }
                break;
        }
    }
    const std::string bytes = sealed(contents);
    switch (kind) {
        case 0: check<evidence>(compared_trial(), bytes); break;
        case 1: check<evidence>(interleaved_trial(), bytes); break;
        case 2: check<evidence>(ramped_trial(), bytes); break;
        default: check<shadow_evidence>(shadowed_trial(), bytes); break;
    }
    return 0;
}
