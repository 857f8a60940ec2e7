// SPDX-License-Identifier: Apache-2.0

// Feeds any bytes to the reader of snapshots. They must give a parse_error with a reason, or a value that is the same after it was
// written and read again.

#include <joust/evidence/evidence.hpp>
#include <joust/store/snapshot.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

void require(bool holds)
{
    if (!holds) {
        std::abort();
    }
}

// One of each kind of contents, so small that short inputs reach all of them.
struct inner {
    std::uint8_t small = 0;
    bool flag = false;
    std::string name;

    template <class Archive>
    void fields(Archive& archive)
    {
        archive(small, flag, name);
    }
    bool operator==(const inner&) const = default;
};

struct sample {
    std::uint16_t number = 0;
    std::int64_t whole = 0;
    std::vector<std::uint32_t> numbers;
    std::vector<inner> list;
    std::vector<std::vector<inner>> lists;
    joust::latency_sketch times;

    template <class Archive>
    void fields(Archive& archive)
    {
        archive(number, whole, numbers, list, lists, times);
    }
    bool operator==(const sample&) const = default;
};

// Elements that are far larger in memory than the shortest bytes that stand for one.
struct sketches {
    std::vector<joust::latency_sketch> times;

    template <class Archive>
    void fields(Archive& archive)
    {
        archive(times);
    }
    bool operator==(const sketches&) const = default;
};

// A value that is read is written as the same bytes. An error says why.
template <class Value>
void check(std::string_view bytes)
{
    try {
        const auto value = joust::from_snapshot<Value>(bytes);
        require(joust::to_snapshot(value) == bytes);
        require(joust::from_snapshot<Value>(joust::to_snapshot(value)) == value);
        if constexpr (requires { value.consistent(); }) {
            require(value.consistent());
        }
    } catch (const joust::parse_error& wrong) {
        require(std::string_view{wrong.what()}.size() > 10);
    }
}

void append(std::string& bytes, std::uint64_t number, unsigned size)
{
    for (unsigned i = 0; i < size; ++i) {
        bytes += static_cast<char>((number >> (8 * i)) & 0xffU);
    }
}

// Few inputs have a checksum that matches. These contents get a head and a checksum, so that the code after the check is reached.
std::string signed_contents(std::string_view contents)
{
    std::string bytes{joust::detail::snapshot_mark};
    append(bytes, joust::snapshot_version, 4);
    append(bytes, contents.size(), 8);
    bytes += contents;
    append(bytes, joust::xxh64(bytes), 8);
    return bytes;
}

// Whole evidence is too long for an input. The input says instead where valid evidence is changed.
std::string good_contents()
{
    joust::evidence seen;
    seen.trial = "trial";
    seen.models = {"old", "new"};
    seen.series = {"exposures", "failures"};
    seen.arms.resize(2);
    seen.ignored.assign(6, 1);
    seen.pairs.resize(1);
    seen.pairs[0].series.assign(2, joust::bucket_sums{joust::bucket_count});
    seen.pairs[0].memory.resize(2);
    seen.pairs[0].events = {{{3, true, 0.25, 7}, {9, false, 0.5, 8}}};
    seen.arms[1].latency.add(1'000);
    seen.arms[1].units.add(1);
    seen.quantiles.push_back({.q = 0.5, .values = std::vector<joust::value_sketch>(2)});
    seen.quantiles[0].values[1].add_bin(5'000, 0.75);
    const std::string bytes = joust::to_snapshot(seen);
    return bytes.substr(joust::detail::snapshot_head,
                        bytes.size() - joust::detail::snapshot_head - joust::detail::snapshot_tail);
}

// The input has groups of four bytes: two for a place, one for how to count it, and the byte to write there.
void check_changed(std::string_view changes)
{
    static const std::string good = good_contents();
    std::string contents = good;
    for (; changes.size() >= 4; changes.remove_prefix(4)) {
        const auto byte = [&](std::size_t i) {
            return static_cast<std::size_t>(static_cast<unsigned char>(changes[i]));
        };
        const std::size_t place = byte(0) + 256 * byte(1);
        switch (byte(2) % 4) {
            case 0: contents[place % contents.size()] = changes[3]; break;
            case 1:
                contents[contents.size() - 1 - place % 512] = changes[3];
                break;                                          // the memory, first events and quantiles
            case 2: contents[place % 128] = changes[3]; break;  // the names
            default: contents.resize(contents.size() - place % 16); break;
        }
    }
    check<joust::evidence>(signed_contents(contents));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0) {
        return 0;
    }
    const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
    switch (data[0] % 16) {
        case 0: check_changed(bytes); break;
        case 1: check<joust::evidence>(bytes); break;
        case 2: check<joust::evidence>(signed_contents(bytes)); break;
        case 3:
        case 4: check<sketches>(signed_contents(bytes)); break;
        case 5:
        case 6:
        case 7: check<sample>(bytes); break;
        default: check<sample>(signed_contents(bytes)); break;
    }
    return 0;
}
