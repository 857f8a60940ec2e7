#pragma once

#include <joust/stats/buffer.hpp>
#include <joust/stats/moments.hpp>
#include <joust/stats/result.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace joust::inline v0::stats {

namespace detail {

// A whole number that is ordered as the double is; -0 and 0 are one value.
[[nodiscard]] inline std::uint64_t ordered_key(double x) noexcept
{
    const double no_negative_zero = x + 0.0;
    std::uint64_t bits = 0;
    std::memcpy(&bits, &no_negative_zero, sizeof bits);
    return bits ^ ((std::uint64_t{0} - (bits >> 63)) | (std::uint64_t{1} << 63));
}

[[nodiscard]] inline double value_of_key(std::uint64_t key) noexcept
{
    constexpr std::uint64_t sign = std::uint64_t{1} << 63;
    const std::uint64_t bits = (key & sign) != 0 ? key ^ sign : ~key;
    double x = 0.0;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

struct keyed_row {
    std::uint64_t key;
    std::uint32_t row;
};

[[nodiscard]] constexpr std::uint64_t sort_key(std::uint64_t key) noexcept
{
    return key;
}
[[nodiscard]] constexpr std::uint64_t sort_key(const keyed_row& record) noexcept
{
    return record.key;
}

// Sorts by the bits of the keys from `From` up to `To`, least significant digits first, so that equal keys keep
// their order. `other` is room for as many records.
template <int Bits, int From, int To, class Record>
void radix_sort(std::span<Record> records, std::span<Record> other)
{
    constexpr int passes = (To - From + Bits - 1) / Bits;
    constexpr std::size_t buckets = std::size_t{1} << Bits;
    constexpr std::uint64_t mask = buckets - 1;
    const std::size_t n = records.size();
    buffer<std::uint32_t> counts(buckets * passes, 0);
    for (const Record& record : records) {
        const std::uint64_t key = sort_key(record);
        for (int pass = 0; pass < passes; ++pass) {
            ++counts[static_cast<std::size_t>(pass) * buckets +
                     static_cast<std::size_t>((key >> (From + pass * Bits)) & mask)];
        }
    }
    Record* from = records.data();
    Record* to = other.data();
    for (int pass = 0; pass < passes; ++pass) {
        std::uint32_t* const starts = counts.data() + static_cast<std::size_t>(pass) * buckets;
        const int shift = From + pass * Bits;
        if (starts[(sort_key(from[0]) >> shift) & mask] == n) {
            continue;  // one digit for all
        }
        std::uint32_t at = 0;
        for (std::size_t i = 0; i < buckets; ++i) {
            const std::uint32_t count = starts[i];
            starts[i] = at;
            at += count;
        }
        for (std::size_t i = 0; i < n; ++i) {
            to[starts[(sort_key(from[i]) >> shift) & mask]++] = from[i];
        }
        Record* const held = from;
        from = to;
        to = held;
    }
    if (from != records.data()) {
        for (std::size_t i = 0; i < n; ++i) {
            records[i] = from[i];
        }
    }
}

template <class Record>
void insertion_sort(std::span<Record> records) noexcept
{
    for (std::size_t i = 1; i < records.size(); ++i) {
        const Record record = records[i];
        std::size_t at = i;
        for (; at > 0 && sort_key(records[at - 1]) > sort_key(record); --at) {
            records[at] = records[at - 1];
        }
        records[at] = record;
    }
}

// Sort by keys, equal keys in the order given; fewer than 2^32 records.
//
// The upper 33 bits of a double, three digits, tell nearly all values apart. What they leave together is put right
// where it lies, or sorted by its lower bits when it is much. `other` is room for as many records.
template <class Record>
void sort_by_key(std::span<Record> all, std::span<Record> other)
{
    if (all.size() <= 96) {
        insertion_sort(all);
        return;
    }
    if (all.size() <= 4096) {
        radix_sort<8, 0, 64>(all, other);
        return;
    }
    constexpr int upper = 31;
    radix_sort<11, upper, 64>(all, other);
    for (std::size_t first = 0; first < all.size();) {
        const std::uint64_t digits = sort_key(all[first]) >> upper;
        std::size_t last = first + 1;
        bool ordered = true;
        while (last < all.size() && sort_key(all[last]) >> upper == digits) {
            ordered = ordered && sort_key(all[last - 1]) <= sort_key(all[last]);
            ++last;
        }
        if (!ordered) {
            const std::span<Record> run = all.subspan(first, last - first);
            if (run.size() <= 64) {
                insertion_sort(run);
            } else if (run.size() <= 4096) {
                radix_sort<8, 0, upper>(run, other);
            } else {
                radix_sort<11, 0, upper>(run, other);
            }
        }
        first = last;
    }
}

template <class Record>
void sort_by_key(buffer<Record>& records)
{
    buffer<Record> other(records.size());
    sort_by_key(std::span<Record>{records}, std::span<Record>{other});
}

// Room to order several samples of one size, one after the other: fresh memory costs as much as sorting.
struct ordering_room {
    buffer<std::uint64_t> words, other;
    buffer<std::uint32_t> rows;

    explicit ordering_room(std::size_t n) : words(n), other(n), rows(n) {}
};

// Calls visit(rows, count, before) for each group of equal values, in ascending order: their places in `values`, how
// many they are and how many are less. None of them is NaN; there are fewer than 2^32.
template <class Visit>
void walk_ordered_groups(std::span<const double> values, ordering_room& room, Visit visit)
{
    const std::size_t n = values.size();
    buffer<std::uint32_t>& rows = room.rows;
    if (n > std::size_t{1} << 20) {
        buffer<keyed_row> records(n);
        for (std::size_t i = 0; i < n; ++i) {
            records[i] = {ordered_key(values[i]), static_cast<std::uint32_t>(i)};
        }
        sort_by_key(records);
        for (std::size_t i = 0; i < n; ++i) {
            rows[i] = records[i].row;
        }
        for (std::size_t first = 0; first < n;) {
            std::size_t last = first + 1;
            while (last < n && records[last].key == records[first].key) {
                ++last;
            }
            visit(rows.data() + first, last - first, first);
            first = last;
        }
        return;
    }
    // The upper 44 bits of a key and its place in one word: half the memory to move. Where these bits agree the
    // values themselves decide.
    constexpr int place_bits = 20;
    constexpr std::uint64_t place_mask = (std::uint64_t{1} << place_bits) - 1;
    buffer<std::uint64_t>& words = room.words;
    for (std::size_t i = 0; i < n; ++i) {
        words[i] = (ordered_key(values[i]) & ~place_mask) | i;
    }
    sort_by_key(std::span<std::uint64_t>{words}, std::span<std::uint64_t>{room.other});
    for (std::size_t first = 0; first < n;) {
        std::size_t last = first + 1;
        const std::uint32_t row = static_cast<std::uint32_t>(words[first] & place_mask);
        if (last == n || (words[last] ^ words[first]) > place_mask) {
            visit(&row, std::size_t{1}, first);  // mostly
            first = last;
            continue;
        }
        rows[first] = row;
        bool ordered = true;
        for (; last < n && (words[last] ^ words[first]) <= place_mask; ++last) {
            rows[last] = static_cast<std::uint32_t>(words[last] & place_mask);
            ordered = ordered && values[rows[last - 1]] <= values[rows[last]];
        }
        if (!ordered) {
            buffer<keyed_row> run(last - first);
            for (std::size_t i = first; i < last; ++i) {
                run[i - first] = {ordered_key(values[rows[i]]), rows[i]};
            }
            sort_by_key(run);
            for (std::size_t i = first; i < last; ++i) {
                rows[i] = run[i - first].row;
            }
        }
        while (first < last) {
            std::size_t end = first + 1;
            while (end < last && values[rows[end]] == values[rows[first]]) {
                ++end;
            }
            visit(rows.data() + first, end - first, first);
            first = end;
        }
    }
}

// A sample as sorted keys. `valid` is false where a value is NaN; infinities are values like others.
struct sorted_sample {
    buffer<std::uint64_t> keys;
    bool valid = true;
    bool finite = true;

    explicit sorted_sample(std::span<const double> values) : keys(values.size())
    {
        bool ordered = true;
        bool bounded = true;
        for (std::size_t i = 0; i < values.size(); ++i) {
            const double x = values[i];
            ordered = ordered && x == x;
            bounded = bounded && x - x == 0.0;
            keys[i] = ordered_key(x);
        }
        valid = ordered;
        finite = bounded;
        if (valid) {
            sort_by_key(keys);
        }
    }

    [[nodiscard]] std::size_t size() const noexcept { return keys.size(); }
    [[nodiscard]] buffer<double> values(bool mirrored = false) const
    {
        buffer<double> made(keys.size());
        for (std::size_t i = 0; i < keys.size(); ++i) {
            made[mirrored ? keys.size() - 1 - i : i] =
                mirrored ? -value_of_key(keys[i]) : value_of_key(keys[i]);
        }
        return made;
    }
};

// Visit the distinct values of two sorted samples in ascending order: visit(times in x, times in y, key).
template <class Visit>
void walk_values(const sorted_sample& x, const sorted_sample& y, Visit visit)
{
    const std::uint64_t* i = x.keys.data();
    const std::uint64_t* j = y.keys.data();
    const std::uint64_t* const end_x = i + x.size();
    const std::uint64_t* const end_y = j + y.size();
    while (i != end_x || j != end_y) {
        const std::uint64_t key = j == end_y || (i != end_x && *i <= *j) ? *i : *j;
        const std::uint64_t* const first_x = i;
        const std::uint64_t* const first_y = j;
        while (i != end_x && *i == key) {
            ++i;
        }
        while (j != end_y && *j == key) {
            ++j;
        }
        visit(static_cast<std::uint64_t>(i - first_x), static_cast<std::uint64_t>(j - first_y), key);
    }
}

// N^3 - N - sum (t^3 - t) over groups of t equal values among N, as the sum of t (N - t) (N + t): every term
// is positive, so nothing cancels when nearly all are tied, and nothing overflows.
class tie_sum {
public:
    explicit tie_sum(double n) noexcept : n_(n) {}
    void add(std::uint64_t count) noexcept
    {
        if (count == 1) {
            ++singles_;
            return;
        }
        const double t = static_cast<double>(count);
        accumulate(sum_, {t * (n_ - t) * (n_ + t), 0.0});
    }
    [[nodiscard]] bool tied() const noexcept { return static_cast<double>(singles_) != n_; }
    [[nodiscard]] double value() const noexcept
    {
        return static_cast<double>(singles_) * (n_ - 1.0) * (n_ + 1.0) + normal_form(sum_).high;
    }

private:
    double n_;
    std::uint64_t singles_ = 0;
    double_double sum_;
};

}  // namespace detail

/// Give every value its rank from 1 on, equal values the mean of the ranks they share.
///
/// Infinities rank at the ends; -0 equals 0.
/// errors: false, and `ranks` is left alone, when a value is NaN or the lengths differ.
/// cost: a radix sort, some 40 ns per value at a million.
[[nodiscard]] inline bool midranks(std::span<const double> values, std::span<double> ranks)
{
    bool valid = values.size() == ranks.size();
    for (const double x : values) {
        valid = valid && x == x;
    }
    if (!valid) {
        return false;
    }
    detail::ordering_room room{values.size()};
    detail::walk_ordered_groups(
        values, room, [&](const std::uint32_t* rows, std::size_t count, std::size_t before) {
            const double rank = static_cast<double>(before) + 0.5 * static_cast<double>(count + 1);
            for (std::size_t i = 0; i < count; ++i) {
                ranks[rows[i]] = rank;
            }
        });
    return true;
}

}  // namespace joust::inline v0::stats
