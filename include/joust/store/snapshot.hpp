// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/hash.hpp>
#include <joust/numeric/hyperloglog.hpp>
#include <joust/numeric/sketch.hpp>
#include <joust/numeric/value_sketch.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

// A snapshot consists of the eight characters "joustsnp", the version (4 bytes), the length of the contents (8 bytes),
// the contents, and the XXH64 of all bytes before (8 bytes). Numbers are little-endian; doubles are their IEEE 754
// bits; lists begin with their length. A list that was added to a kind of value later comes last, and only if it is not
// empty, so that older snapshots can still be read.

/// The version of the format of snapshots.
inline constexpr std::uint32_t snapshot_version = 4;

namespace detail {

inline constexpr std::string_view snapshot_mark = "joustsnp";
inline constexpr std::size_t snapshot_head = 8 + 4 + 8;
inline constexpr std::size_t snapshot_tail = 8;

template <class T>
concept plain_number = std::is_arithmetic_v<T>;

/// Append values as bytes.
class snapshot_writer {
public:
    template <class... Values>
    void operator()(Values&... values)
    {
        (put(values), ...);
    }

    template <plain_number T>
    void put(const T& value)
    {
        if constexpr (std::is_same_v<T, bool>) {
            bytes.push_back(value ? '\1' : '\0');
        } else if constexpr (std::is_floating_point_v<T>) {
            put(std::bit_cast<std::uint64_t>(static_cast<double>(value)));
        } else {
            const auto bits = static_cast<std::make_unsigned_t<T>>(value);
            for (std::size_t i = 0; i < sizeof(T); ++i) {
                bytes.push_back(static_cast<char>((bits >> (8 * i)) & 0xffU));
            }
        }
    }
    void put(const std::string& text)
    {
        put(static_cast<std::uint64_t>(text.size()));
        bytes += text;
    }
    template <class T>
    void put(std::vector<T>& list)
    {
        put(static_cast<std::uint64_t>(list.size()));
        for (auto& each : list) {
            put(each);
        }
    }
    void put(const hyperloglog<>& units)
    {
        for (const std::uint8_t each : units.registers()) {
            put(each);
        }
    }
    void put(const latency_sketch& times)
    {
        std::uint64_t used = 0;
        for (const std::uint64_t n : times.counts()) {
            used += n != 0 ? 1 : 0;
        }
        put(used);
        for (std::size_t bin = 0; bin < latency_sketch::bins; ++bin) {
            if (const std::uint64_t n = times.counts()[bin]; n != 0) {
                put(static_cast<std::uint32_t>(bin));
                put(n);
            }
        }
    }
    void put(const value_sketch& values)
    {
        std::uint64_t used = 0;
        for (const double weight : values.weights()) {
            used += weight != 0.0 ? 1 : 0;
        }
        put(used);
        for (std::size_t bin = 0; bin < value_sketch::bins; ++bin) {
            if (const double weight = values.weights()[bin]; weight != 0.0) {
                put(static_cast<std::uint32_t>(bin));
                put(weight);
            }
        }
    }

    /// Append the last list unless it is empty.
    template <class T>
    void if_any(std::vector<T>& list)
    {
        if (!list.empty()) {
            put(list);
        }
    }

    template <class T>
        requires requires(T& value, snapshot_writer& archive) { value.fields(archive); }
    void put(T& value)
    {
        value.fields(*this);
    }

    std::string bytes;
};

/// Read values from bytes, which may hold anything.
///
/// The memory that a value takes is bounded by the bytes that it is read from. A few bytes can stand for an element that
/// is large in memory, such as an empty sketch, so the memory of such elements is counted before it is taken.
class snapshot_reader {
public:
    explicit snapshot_reader(std::string_view contents)
        : left_(contents), memory_left_(spare_memory + memory_per_byte * contents.size())
    {
    }

    template <class... Values>
    void operator()(Values&... values)
    {
        (get(values), ...);
    }

    template <plain_number T>
    void get(T& value)
    {
        if constexpr (std::is_same_v<T, bool>) {
            std::uint8_t byte = 0;
            get(byte);
            if (byte > 1) {
                throw parse_error("the snapshot holds a truth value other than 0 and 1");
            }
            value = byte == 1;
        } else if constexpr (std::is_floating_point_v<T>) {
            std::uint64_t bits = 0;
            get(bits);
            value = static_cast<T>(std::bit_cast<double>(bits));
        } else {
            const std::string_view taken = take(sizeof(T));
            std::uint64_t bits = 0;
            for (std::size_t i = sizeof(T); i-- > 0;) {
                bits = (bits << 8) | static_cast<unsigned char>(taken[i]);
            }
            value = static_cast<T>(bits);
        }
    }
    void get(std::string& text) { text = std::string{take(length(1))}; }
    template <plain_number T>
    void get(std::vector<T>& list)
    {
        const std::size_t n = length(sizeof(T));
        spend(n * sizeof(T));
        list.assign(n, T{});
        for (T& each : list) {
            get(each);
        }
    }
    template <class T>
    void get(std::vector<T>& list)
    {
        // An element may take far more memory than its bytes. So elements are made one by one, as their bytes are read.
        list.clear();
        for (std::size_t left = length(1); left > 0; --left) {
            spend(sizeof(T));
            get(list.emplace_back());
        }
    }
    void get(hyperloglog<>& units)
    {
        const std::string_view taken = take(hyperloglog<>::size);
        for (std::size_t i = 0; i < taken.size(); ++i) {
            const auto rank = static_cast<std::uint8_t>(taken[i]);
            if (rank > hyperloglog<>::max_rank) {
                throw parse_error("the snapshot holds a register of units with an impossible value");
            }
            units.raise(i, rank);
        }
    }
    void get(latency_sketch& times)
    {
        spend(latency_sketch::bins * sizeof(std::uint64_t));
        const std::uint64_t used = length(12);
        std::uint64_t next = 0;
        for (std::uint64_t i = 0; i < used; ++i) {
            std::uint32_t bin = 0;
            std::uint64_t n = 0;
            get(bin);
            get(n);
            if (bin < next || bin >= latency_sketch::bins || n == 0) {
                throw parse_error("the snapshot holds a latency bin that does not exist or is out of order");
            }
            if (n > std::numeric_limits<std::uint64_t>::max() - times.count()) {
                throw parse_error("the snapshot holds more latencies than can be counted");
            }
            times.add_bin(bin, n);
            next = std::uint64_t{bin} + 1;
        }
    }
    void get(value_sketch& values)
    {
        spend(value_sketch::bins * sizeof(double));
        double total = 0.0;
        const std::uint64_t used = length(12);
        std::uint64_t next = 0;
        for (std::uint64_t i = 0; i < used; ++i) {
            std::uint32_t bin = 0;
            double weight = 0.0;
            get(bin);
            get(weight);
            if (bin < next || bin >= value_sketch::bins) {
                throw parse_error(
                    "the snapshot holds a bin of values that does not exist or is out of order");
            }
            if (!(weight > 0.0 && weight <= std::numeric_limits<double>::max())) {
                throw parse_error(
                    "the snapshot holds a weight of values that is not a positive finite number");
            }
            total += weight;
            values.add_bin(bin, weight);
            next = std::uint64_t{bin} + 1;
        }
        if (total > std::numeric_limits<double>::max()) {
            throw parse_error("the snapshot holds weights of values that add up to infinity");
        }
    }

    template <class T>
    void if_any(std::vector<T>& list)
    {
        list.clear();
        if (at_end()) {
            return;
        }
        get(list);
        if (list.empty()) {
            throw parse_error("the snapshot ends with an empty list");
        }
    }

    template <class T>
        requires requires(T& value, snapshot_reader& archive) { value.fields(archive); }
    void get(T& value)
    {
        value.fields(*this);
    }

    [[nodiscard]] bool at_end() const noexcept { return left_.empty(); }

private:
    static constexpr std::size_t spare_memory = std::size_t{32} << 20;
    static constexpr std::size_t memory_per_byte = 16;

    /// Count memory that is about to be taken.
    void spend(std::size_t bytes)
    {
        if (bytes > memory_left_) {
            throw parse_error("the snapshot would take far more memory than its size");
        }
        memory_left_ -= bytes;
    }

    std::string_view take(std::size_t n)
    {
        if (n > left_.size()) {
            throw parse_error("the snapshot ends in the middle of a value");
        }
        const std::string_view taken = left_.substr(0, n);
        left_.remove_prefix(n);
        return taken;
    }

    // Check the length of a list: it cannot have more elements than the bytes that are left can hold.
    std::size_t length(std::size_t least_bytes)
    {
        std::uint64_t n = 0;
        get(n);
        if (n > left_.size() / least_bytes) {
            throw parse_error("the snapshot promises a longer list than it holds");
        }
        return static_cast<std::size_t>(n);
    }

    std::string_view left_;
    std::size_t memory_left_;
};

}  // namespace detail

/// Write a value (the evidence of a trial) as bytes with a version and a checksum.
///
/// shape: any type with `fields(archive)`; equal values give equal bytes on every platform
template <class Value>
[[nodiscard]] std::string to_snapshot(const Value& value)
{
    detail::snapshot_writer writer;
    writer.bytes += detail::snapshot_mark;
    writer.put(snapshot_version);
    writer.put(std::uint64_t{0});
    // One function fields() serves reading and writing; the writer does not change the value.
    const_cast<Value&>(value).fields(writer);  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    const std::uint64_t size = writer.bytes.size() - detail::snapshot_head;
    for (std::size_t i = 0; i < 8; ++i) {
        writer.bytes[12 + i] = static_cast<char>((size >> (8 * i)) & 0xffU);
    }
    writer.put(xxh64(writer.bytes));
    return std::move(writer.bytes);
}

/// Read a value from bytes, which may come from anywhere.
///
/// A value that has `consistent()`, as the evidence of every trial has, is refused where that is false.
/// errors: parse_error with a sentence that says what is wrong
/// cost: at most 32 MiB of memory, and 16 bytes for each byte of the snapshot
template <class Value>
[[nodiscard]] Value from_snapshot(std::string_view bytes)
{
    if (bytes.size() < detail::snapshot_head + detail::snapshot_tail) {
        throw parse_error("too short for a snapshot");
    }
    if (bytes.substr(0, detail::snapshot_mark.size()) != detail::snapshot_mark) {
        throw parse_error("not a snapshot: it does not begin with 'joustsnp'");
    }
    detail::snapshot_reader head{bytes.substr(detail::snapshot_mark.size())};
    std::uint32_t version = 0;
    std::uint64_t size = 0;
    head(version, size);
    if (version != snapshot_version) {
        throw parse_error("the snapshot has version " + std::to_string(version) +
                          ", but this joust reads version " + std::to_string(snapshot_version));
    }
    if (size != bytes.size() - detail::snapshot_head - detail::snapshot_tail) {
        throw parse_error("the snapshot is cut off or has bytes after its end");
    }
    detail::snapshot_reader tail{bytes.substr(bytes.size() - detail::snapshot_tail)};
    std::uint64_t sum = 0;
    tail(sum);
    if (sum != xxh64(bytes.substr(0, bytes.size() - detail::snapshot_tail))) {
        throw parse_error("the snapshot is damaged: its checksum does not match");
    }
    detail::snapshot_reader reader{bytes.substr(detail::snapshot_head, static_cast<std::size_t>(size))};
    Value value;
    value.fields(reader);
    if (!reader.at_end()) {
        throw parse_error("the snapshot has more contents than a value of its kind");
    }
    if constexpr (requires { value.consistent(); }) {
        if (!value.consistent()) {
            throw parse_error("the snapshot's lists do not fit together, or hold impossible numbers");
        }
    }
    return value;
}

}  // namespace v0
}  // namespace joust
