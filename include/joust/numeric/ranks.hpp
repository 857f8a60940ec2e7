// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/buffer.hpp>
#include <joust/numeric/double_double.hpp>
#include <joust/numeric/not_a_number.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace joust {
inline namespace v0 {
namespace stats {

namespace detail {

// A whole number that is ordered as the double is; -0 and 0 give the same one.
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

// Moves each record to the place that the counts of its digit give, equal digits in the order given. The counts are
// consumed.
template <class Record>
void distribute(const Record* from, Record* to, std::size_t n, std::span<std::uint32_t> counts,
                int shift) noexcept
{
    std::uint32_t at = 0;
    for (std::uint32_t& count : counts) {
        const std::uint32_t next = at + count;
        count = at;
        at = next;
    }
    const std::uint64_t mask = counts.size() - 1;
    std::uint32_t* const starts = counts.data();
    for (std::size_t i = 0; i < n; ++i) {
        to[starts[(sort_key(from[i]) >> shift) & mask]++] = from[i];
    }
}

// Sorts by bits `From` to `To` of the keys, least significant digits first, so that equal keys keep their order.
// `other` is working memory for as many records.
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
            continue;  // all records share this digit
        }
        distribute(from, to, n, std::span<std::uint32_t>{starts, buckets}, shift);
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

// Sorts fewer than 2^32 records by their keys; equal keys keep their order.
//
// The upper 33 bits of a double, three digits, distinguish nearly all values. Groups that they leave together are
// sorted in place by insertion, or by their lower bits where there are many. `other` is working memory for as many
// records.
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

[[nodiscard]] inline bool has_no_nan(std::span<const double> values) noexcept
{
    bool valid = true;
    for (const double x : values) {
        valid = valid & (x == x);
    }
    return valid;
}

// The smallest and the largest value. Four of each are tracked in parallel, because each waits for its own last
// comparison.
struct value_range {
    double low = 0.0, high = 0.0;

    explicit value_range(std::span<const double> values) noexcept
    {
        constexpr std::size_t lanes = 4;
        double lows[lanes], highs[lanes];
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            lows[lane] = highs[lane] = values[0];
        }
        std::size_t i = 0;
        for (; i + lanes <= values.size(); i += lanes) {
            for (std::size_t lane = 0; lane < lanes; ++lane) {
                const double x = values[i + lane];
                lows[lane] = x < lows[lane] ? x : lows[lane];
                highs[lane] = x > highs[lane] ? x : highs[lane];
            }
        }
        for (; i < values.size(); ++i) {
            lows[0] = values[i] < lows[0] ? values[i] : lows[0];
            highs[0] = values[i] > highs[0] ? values[i] : highs[0];
        }
        low = lows[0];
        high = highs[0];
        for (std::size_t lane = 1; lane < lanes; ++lane) {
            low = lows[lane] < low ? lows[lane] : low;
            high = highs[lane] > high ? highs[lane] : high;
        }
    }
};

// A sample whose values are read in the order given, so that a value's place is its position.
class as_given {
public:
    explicit as_given(std::span<const double> values) noexcept : values_(values) {}

    [[nodiscard]] std::span<const double> values() const noexcept { return values_; }
    // Calls visit(value, place) for every value.
    template <class Visit>
    void for_each(Visit visit) const noexcept
    {
        for (std::size_t i = 0; i < values_.size(); ++i) {
            visit(values_[i], i);
        }
    }
    // The value at a place.
    [[nodiscard]] double at(std::uint32_t place) const noexcept { return values_[place]; }

private:
    std::span<const double> values_;
};

// Working memory for ordering several samples of one size in turn: allocating it anew costs as much as sorting.
struct ordering_room {
    buffer<std::uint64_t> words, other;
    buffer<std::uint32_t> rows;

    explicit ordering_room(std::size_t n) : words(n), other(n), rows(n) {}
};

// Each word holds 44 bits that order a value and 20 bits for its place, which halves the memory to move. Values that
// the upper bits leave together are put in order while the words are walked.
inline constexpr int place_bits = 20;
inline constexpr std::uint64_t place_mask = (std::uint64_t{1} << place_bits) - 1;
// Two digits cannot distinguish more values than this.
inline constexpr std::size_t most_digit_steps = std::size_t{1} << 17;

// Visits the groups of equal values among those that share the upper bits of their words.
template <class Sample, class Visit>
void visit_unequal(Sample& sample, std::span<std::uint32_t> places, std::size_t before, Visit& visit)
{
    buffer<keyed_row> records(places.size());
    for (std::size_t i = 0; i < places.size(); ++i) {
        records[i] = {ordered_key(sample.at(places[i])), places[i]};
    }
    sort_by_key(records);
    for (std::size_t i = 0; i < places.size(); ++i) {
        places[i] = records[i].row;
    }
    for (std::size_t begin = 0; begin < places.size();) {
        std::size_t end = begin + 1;
        while (end < places.size() && records[end].key == records[begin].key) {
            ++end;
        }
        visit(static_cast<const std::uint32_t*>(places.data() + begin), end - begin, before + begin);
        begin = end;
    }
}

// Sorts words by even steps between the smallest and the largest value: two digits then distinguish nearly all values,
// where the bits of a double need three. Returns false, and changes nothing, where many values are crowded into few
// steps, as a sample of one value in 64 shows. Afterwards the words are sorted by their upper 22 bits.
template <class Sample>
bool sort_by_steps(const Sample& sample, ordering_room& room)
{
    const std::span<const double> values = sample.values();
    const std::size_t n = values.size();
    if (n <= 4096 || n > most_digit_steps) {
        return false;
    }
    const value_range range{values};
    const double low = range.low;
    const double scale = 17592169267200.0 / (range.high - low);  // just below 2^44, which no step may reach
    if (!(range.high - low < 1e300 && scale < 1e300)) {
        return false;
    }
    const auto step_of = [=](double x) {
        return static_cast<std::uint64_t>(static_cast<std::int64_t>((x - low) * scale));
    };
    constexpr std::size_t buckets = 2048;
    constexpr std::size_t thinned = 64;
    buffer<std::uint32_t> counts(2 * buckets, 0);
    std::uint32_t* const lower = counts.data();
    std::uint32_t* const upper = lower + buckets;
    std::uint64_t pairs = 0;  // pairs of values in one bucket
    for (std::size_t i = 0; i < n; i += thinned) {
        pairs += upper[step_of(values[i]) >> 33]++;
    }
    const std::uint64_t seen = n / thinned;
    if (2 * pairs * n > 1024 * seen * seen) {
        return false;
    }
    for (std::size_t i = 0; i < buckets; ++i) {
        upper[i] = 0;
    }
    std::uint64_t* const words = room.words.data();
    sample.for_each([=](double x, std::size_t place) {
        const std::uint64_t step = step_of(x);
        ++upper[step >> 33];
        ++lower[(step >> 22) & (buckets - 1)];
        words[place] = step << place_bits | place;
    });
    distribute(words, room.other.data(), n, {lower, buckets}, 42);
    distribute(room.other.data(), words, n, {upper, buckets}, 53);
    return true;
}

// Calls visit(places, count, before) for each group of equal values in ascending order, with their places, how many
// they are and how many values are smaller. The sample has no NaN and at most 2^20 values.
template <class Sample, class Visit>
void walk_packed_groups(Sample sample, ordering_room& room, Visit visit)
{
    const std::size_t n = sample.values().size();
    std::uint64_t unsorted = (std::uint64_t{1} << 42) - 1;  // the bits by which the words are not sorted yet
    if (!sort_by_steps(sample, room)) {
        std::uint64_t* const words = room.words.data();
        sample.for_each([=](double x, std::size_t at) { words[at] = (ordered_key(x) & ~place_mask) | at; });
        sort_by_key(std::span<std::uint64_t>{room.words.data(), n},
                    std::span<std::uint64_t>{room.other.data(), n});
        unsorted = place_mask;
    }
    std::uint64_t* const words = room.words.data();
    std::uint32_t* const places = room.rows.data();
    for (std::size_t first = 0; first < n;) {
        const std::uint32_t place = static_cast<std::uint32_t>(words[first] & place_mask);
        std::size_t last = first + 1;
        if (last == n || (words[last] ^ words[first]) > unsorted) {
            visit(&place, std::size_t{1}, first);  // the usual case
            first = last;
            continue;
        }
        if (unsorted != place_mask) {
            bool sorted = true;
            for (; last < n && (words[last] ^ words[first]) <= unsorted; ++last) {
                sorted = sorted && words[last - 1] >> place_bits <= words[last] >> place_bits;
            }
            const std::span<std::uint64_t> run{words + first, last - first};
            if (!sorted && run.size() <= 64) {
                insertion_sort(run);
            } else if (!sorted) {
                radix_sort<11, place_bits, 64>(run, std::span<std::uint64_t>{room.other.data(), run.size()});
            }
        } else {
            last = n;
        }
        // Where words agree in all their upper bits, the values themselves decide.
        while (first < last) {
            places[0] = static_cast<std::uint32_t>(words[first] & place_mask);
            std::size_t count = 1;
            if (first + 1 < last && (words[first + 1] ^ words[first]) <= place_mask) {
                const double value = sample.at(places[0]);
                bool equal = true;
                for (; first + count < last && (words[first + count] ^ words[first]) <= place_mask; ++count) {
                    places[count] = static_cast<std::uint32_t>(words[first + count] & place_mask);
                    equal = equal & (sample.at(places[count]) == value);
                }
                if (!equal) {
                    visit_unequal(sample, std::span<std::uint32_t>{places, count}, first, visit);
                    first += count;
                    continue;
                }
            }
            visit(static_cast<const std::uint32_t*>(places), count, first);
            first += count;
        }
    }
}

// Does the same for fewer than 2^32 values; a value's place is its position.
template <class Visit>
void walk_ordered_groups(std::span<const double> values, ordering_room& room, Visit visit)
{
    const std::size_t n = values.size();
    if (n <= std::size_t{1} << place_bits) {
        walk_packed_groups(as_given{values}, room, visit);
        return;
    }
    buffer<keyed_row> records(n);
    for (std::size_t i = 0; i < n; ++i) {
        records[i] = {ordered_key(values[i]), static_cast<std::uint32_t>(i)};
    }
    sort_by_key(records);
    for (std::size_t i = 0; i < n; ++i) {
        room.rows[i] = records[i].row;
    }
    for (std::size_t first = 0; first < n;) {
        std::size_t last = first + 1;
        while (last < n && records[last].key == records[first].key) {
            ++last;
        }
        visit(room.rows.data() + first, last - first, first);
        first = last;
    }
}

// Does one value in 64 suggest that the values are spread evenly over the steps of this range? Then no step holds many
// times as many values as another.
inline bool is_spread(std::span<const double> values, const value_range& range, std::size_t steps)
{
    constexpr std::size_t thinned = 64;
    const double scale = 0.999999 * static_cast<double>(steps) / (range.high - range.low);
    if (!(range.high - range.low < 1e300 && scale < 1e300)) {
        return false;
    }
    buffer<std::uint32_t> counts(steps, 0);
    std::uint64_t pairs = 0;  // pairs of values in one step
    for (std::size_t i = 0; i < values.size(); i += thinned) {
        const double at = (values[i] - range.low) * scale;
        if (!(at >= 0.0 && at < static_cast<double>(steps))) {
            return false;
        }
        pairs += counts[static_cast<std::size_t>(static_cast<std::int64_t>(at))]++;
    }
    const std::uint64_t seen = values.size() / thinned;
    return 2 * pairs * steps <= 16 * seen * seen;
}

// A sample of this size exceeds the cache, so it pays to divide it before sorting.
inline constexpr std::size_t fewest_divided = std::size_t{1} << 18;
inline constexpr std::size_t divided_steps = 2048;

// Does one value in 64 suggest that dividing is worth a pass over all of them?
inline bool promises_to_divide(std::span<const double> values)
{
    if (values.size() < fewest_divided) {
        return false;
    }
    value_range range{values.first(1)};
    for (std::size_t i = 0; i < values.size(); i += 64) {
        range.low = values[i] < range.low ? values[i] : range.low;
        range.high = values[i] > range.high ? values[i] : range.high;
    }
    return is_spread(values, range, divided_steps);
}

// Sorts the keys of finite values by even steps: first over their whole range, then within each step, where the data
// stay in the cache. Returns false, with `keys` unspecified, where many values are crowded into few steps.
inline bool sort_in_steps(std::span<const double> values, buffer<std::uint64_t>& keys)
{
    constexpr std::size_t largest = 8192;
    constexpr std::size_t steps = divided_steps;
    const value_range range{values};
    if (!is_spread(values, range, steps)) {
        return false;
    }
    const double low = range.low;
    const double scale = 0.999999 * static_cast<double>(steps) / (range.high - low);
    const auto step_of = [=](double x) {
        return static_cast<std::size_t>(static_cast<std::int64_t>((x - low) * scale));
    };
    buffer<std::uint32_t> counts(steps + 1, 0);
    buffer<std::uint32_t> ends(steps + 1, 0);
    for (const double x : values) {
        ++counts[step_of(x) + 1];
    }
    for (std::size_t i = 0; i < steps; ++i) {
        counts[i + 1] += counts[i];
        ends[i] = counts[i];
    }
    std::uint64_t* const all = keys.data();
    std::uint32_t* const end = ends.data();
    for (const double x : values) {
        all[end[step_of(x)]++] = ordered_key(x);
    }
    buffer<std::uint32_t> fine(largest + 1);
    buffer<std::uint64_t> other(largest);
    for (std::size_t i = 0; i < steps; ++i) {
        const std::span<std::uint64_t> part{all + counts[i], counts[i + 1] - counts[i]};
        const std::size_t m = part.size();
        if (m <= 24) {
            insertion_sort(part);
            continue;
        }
        bool even = m <= largest;
        if (even) {
            const double begin = low + static_cast<double>(i) / scale;
            const double fine_scale = static_cast<double>(m) * scale;
            const auto fine_step = [=](std::uint64_t key) {
                const double at = (value_of_key(key) - begin) * fine_scale;  // rounding may leave the step
                const std::int64_t step = at > 0.0 ? static_cast<std::int64_t>(at) : 0;
                return step < static_cast<std::int64_t>(m) ? static_cast<std::size_t>(step) : m - 1;
            };
            for (std::size_t j = 0; j <= m; ++j) {
                fine[j] = 0;
            }
            std::uint64_t crowd = 0;
            for (const std::uint64_t key : part) {
                crowd += fine[fine_step(key) + 1]++;
            }
            even = crowd <= 8 * m;
            if (even) {
                for (std::size_t j = 1; j < m; ++j) {
                    fine[j] += fine[j - 1];
                }
                for (const std::uint64_t key : part) {
                    other[fine[fine_step(key)]++] = key;
                }
                for (std::size_t j = 0; j < m; ++j) {
                    part[j] = other[j];
                }
                insertion_sort(part);
            }
        }
        if (!even) {
            buffer<std::uint64_t> room(m);
            sort_by_key(part, std::span<std::uint64_t>{room});
        }
    }
    return true;
}

// A sample as sorted keys. `valid` is false where a value is NaN; infinities are ordered like other values.
struct sorted_sample {
    buffer<std::uint64_t> keys;
    bool valid = true;
    bool finite = true;

    explicit sorted_sample(std::span<const double> values) : keys(values.size())
    {
        if (promises_to_divide(values)) {
            for (const double x : values) {
                valid = valid & (x == x);
                finite = finite & (x - x == 0.0);
            }
            if (!valid || (finite && sort_in_steps(values, keys))) {
                return;
            }
        }
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
    // The values in ascending order, or their negations in ascending order.
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

// Visits the distinct values of two sorted samples in ascending order: visit(count in x, count in y, key).
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

// Twice the number of pairs in which the value of x is the larger one, where equal ones count one half. Calls
// visit(count in x, count in y) for each distinct value on the way.
template <class Visit>
[[nodiscard]] std::uint64_t twice_pairs_won(const sorted_sample& x, const sorted_sample& y, Visit visit)
{
    std::uint64_t twice = 0;
    std::uint64_t below = 0;
    walk_values(x, y, [&](std::uint64_t in_x, std::uint64_t in_y, std::uint64_t) {
        twice += in_x * (2 * below + in_y);
        below += in_y;
        visit(in_x, in_y);
    });
    return twice;
}

// N^3 - N - sum (t^3 - t) over groups of t equal values among N, computed as the sum of t (N - t) (N + t): every term
// is positive, so nothing cancels when nearly all values are tied, and nothing overflows.
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

/// Give every value its rank, counted from 1; equal values share the mean of their ranks.
///
/// Infinities rank at the ends; -0 equals 0.
/// errors: false, and `ranks` is unchanged, when a value is NaN or the lengths differ.
/// cost: a radix sort, about 40 ns per value at a million values.
[[nodiscard]] inline bool midranks(std::span<const double> values, std::span<double> ranks)
{
    if (values.size() != ranks.size() || !detail::has_no_nan(values)) {
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

}  // namespace stats
}  // namespace v0
}  // namespace joust
