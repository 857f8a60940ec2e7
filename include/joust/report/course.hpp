// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

namespace detail {

/// Say whether two numbers are equal, or both NaN.
[[nodiscard]] constexpr bool same_number(double a, double b) noexcept
{
    return a == b || (a != a && b != b);
}

}  // namespace detail

/// Hold what was known of one row at one look.
struct course_value {
    /// The estimate, in the units of the row.
    double estimate = std::numeric_limits<double>::quiet_NaN();
    /// The lower end of the interval, which may be infinite.
    double lower = std::numeric_limits<double>::quiet_NaN();
    /// The upper end of the interval, which may be infinite.
    double upper = std::numeric_limits<double>::quiet_NaN();
    /// The natural logarithm of the e-value, or NaN if the method has none.
    double log_e = std::numeric_limits<double>::quiet_NaN();
    /// The p-value, or NaN if the method has none.
    double p_value = std::numeric_limits<double>::quiet_NaN();

    /// Give every member to an archive, which reads or writes it (store/snapshot.hpp).
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(estimate, lower, upper, log_e, p_value);
    }
    /// Compare all members. Two numbers that are NaN are equal.
    constexpr bool operator==(const course_value& other) const noexcept
    {
        return detail::same_number(estimate, other.estimate) && detail::same_number(lower, other.lower) &&
               detail::same_number(upper, other.upper) && detail::same_number(log_e, other.log_e) &&
               detail::same_number(p_value, other.p_value);
    }
};

/// Hold when a look was taken, and how traffic was split then.
struct course_look {
    /// The time.
    /// units: nanoseconds since 1970-01-01 UTC, or by the trial's own clock where it has one
    std::int64_t time = 0;
    /// The number of requests that the trial had served.
    std::uint64_t requests = 0;
    /// The stage of a ramp, or the number of the plan, counted from 0.
    std::uint64_t stage = 0;
    /// The share of all challengers, or NaN where the trial has no shares.
    double share = std::numeric_limits<double>::quiet_NaN();
    /// The number of units in the smallest arm, by which `suppress_small_groups` knows small groups.
    double units = 0.0;

    /// Give every member to an archive, which reads or writes it (store/snapshot.hpp).
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(time, requests, stage, share, units);
    }
    /// Compare all members. Two numbers that are NaN are equal.
    constexpr bool operator==(const course_look& other) const noexcept
    {
        return time == other.time && requests == other.requests && stage == other.stage &&
               detail::same_number(share, other.share) && detail::same_number(units, other.units);
    }
};

/// Name a row of a course by its metric and its challenger, as the rows of reports are named.
struct course_row {
    /// The name of the metric.
    std::string metric{};
    /// The name of the challenger.
    std::string arm{};

    /// Give every member to an archive, which reads or writes it (store/snapshot.hpp).
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(metric, arm);
    }
    bool operator==(const course_row&) const = default;
};

/// Keep the course of a trial over time: its looks, at most 200 of them.
///
/// Looks are thinned by their number alone and never by what they showed. At first every look is kept. When there are 200, every second
/// one goes, and from then on every second look is kept, then every fourth, and so on; the latest look is always there. So a trial of any
/// length has 100 to 200 looks, equally far apart in their number.
///
/// It is a value of its own beside the evidence: `save(path, trial.report().course)` keeps it, and no merge adds courses up, since
/// the looks of two replicas are at different evidence.
/// cost: 40 bytes for each row and look, all of it when the rows are named: 8 KiB for each row. A look allocates nothing and
/// takes about 15 ns for ten rows.
class course {
public:
    /// The most looks that are kept.
    static constexpr std::size_t most = 200;
    /// The most rows.
    static constexpr std::size_t most_rows = 256;

    course() = default;
    /// Name the rows and take the memory for all looks.
    explicit course(std::vector<course_row> rows) : rows_(std::move(rows)) { reserve(); }

    /// Keep a look. `value_of(row)` returns what was known of each row, in the order of the rows.
    /// cost: no allocation
    template <class ValueOf>
    void add(const course_look& look, ValueOf&& value_of)
    {
        make_room();
        looks_.push_back(look);
        for (std::size_t row = 0; row < rows_.size(); ++row) {
            values_.push_back(value_of(row));
        }
        ++taken_;
    }

    /// Keep a look of which no number is known yet.
    /// cost: no allocation where the rows were named before
    void add(const course_look& look);

    /// Return the index of a row, which is added where there is none yet; earlier looks knew nothing of it. Returns the number of rows
    /// where there are too many.
    std::size_t row(const course_row& wanted);

    /// Return the rows.
    [[nodiscard]] const std::vector<course_row>& rows() const noexcept { return rows_; }
    /// Return the number of looks that are kept.
    [[nodiscard]] std::size_t size() const noexcept { return looks_.size(); }
    /// Say whether no look was taken.
    [[nodiscard]] bool empty() const noexcept { return looks_.empty(); }
    /// Return the number of looks that were taken.
    [[nodiscard]] std::uint64_t taken() const noexcept { return taken_; }
    /// Return how many looks lie between two that are kept.
    [[nodiscard]] std::uint64_t every() const noexcept { return every_; }
    /// Return a look that is kept, the oldest first. assumes: i < size()
    [[nodiscard]] const course_look& look(std::size_t i) const noexcept { return looks_[i]; }
    /// Return what was known of a row at a look. assumes: i < size(), row < rows().size()
    [[nodiscard]] const course_value& value(std::size_t i, std::size_t row) const noexcept
    {
        return values_[i * rows_.size() + row];
    }
    /// Change what was known of a row at a look.
    [[nodiscard]] course_value& value(std::size_t i, std::size_t row) noexcept
    {
        return values_[i * rows_.size() + row];
    }

    /// Say whether the next look will be kept, and not only until the look after it.
    [[nodiscard]] bool keeps_next() const noexcept { return taken_ % every_ == 0; }

    /// Forget every look. The rows and the memory for looks stay.
    void clear() noexcept
    {
        looks_.clear();
        values_.clear();
        taken_ = 0;
        every_ = 1;
    }

    /// Say whether the lists fit together, as those of a course do that was not damaged.
    [[nodiscard]] bool consistent() const noexcept
    {
        return looks_.size() <= most && rows_.size() <= most_rows &&
               values_.size() == looks_.size() * rows_.size() && every_ > 0 && (every_ & (every_ - 1)) == 0 &&
               taken_ >= looks_.size() && looks_.empty() == (taken_ == 0) &&
               (looks_.empty() ||
                looks_.size() == (taken_ - 1) / every_ + 1 + ((taken_ - 1) % every_ == 0 ? 0U : 1U));
    }
    /// Give every member to an archive, which reads or writes it (store/snapshot.hpp).
    template <class Archive>
    void fields(Archive& archive)
    {
        archive(rows_, looks_, values_, taken_, every_);
    }
    bool operator==(const course&) const = default;

private:
    void reserve()
    {
        looks_.reserve(most);
        values_.reserve(most * rows_.size());
    }

    /// Take away the latest look where it was kept only as the latest, and thin the looks where there are too many.
    void make_room() noexcept;

    std::vector<course_row> rows_;
    std::vector<course_look> looks_;
    /// Of each look, one value for each row.
    std::vector<course_value> values_;
    std::uint64_t taken_ = 0;
    std::uint64_t every_ = 1;
};

#if JOUST_BODIES

JOUST_FUNCTION std::size_t course::row(const course_row& wanted)
{
    for (std::size_t i = 0; i < rows_.size(); ++i) {
        if (rows_[i] == wanted) {
            return i;
        }
    }
    if (rows_.size() == most_rows) {
        return most_rows;
    }
    const std::size_t before = rows_.size();
    std::vector<course_value> wider;
    wider.reserve(most * (before + 1));
    wider.resize(looks_.size() * (before + 1));
    for (std::size_t i = 0; i < looks_.size(); ++i) {
        for (std::size_t r = 0; r < before; ++r) {
            wider[i * (before + 1) + r] = values_[i * before + r];
        }
    }
    rows_.push_back(wanted);
    values_.swap(wider);
    looks_.reserve(most);
    return before;
}

JOUST_FUNCTION void course::add(const course_look& look)
{
    make_room();
    const std::size_t before = looks_.size();
    looks_.resize(before + 1);
    looks_[before] = look;
    values_.resize((before + 1) * rows_.size());
    ++taken_;
}

JOUST_FUNCTION void course::make_room() noexcept
{
    const std::size_t width = rows_.size();
    const auto cut_to = [this, width](std::size_t size) {
        looks_.resize(size);
        values_.resize(size * width);
    };
    if (taken_ > 0 && (taken_ - 1) % every_ != 0) {
        cut_to(looks_.size() - 1);
    }
    if (looks_.size() < most) {
        return;
    }
    for (std::size_t i = 0; 2 * i < looks_.size(); ++i) {
        looks_[i] = looks_[2 * i];
        for (std::size_t r = 0; r < width; ++r) {
            values_[i * width + r] = values_[2 * i * width + r];
        }
    }
    cut_to((looks_.size() + 1) / 2);
    every_ *= 2;
}

#endif

}  // namespace v0
}  // namespace joust
