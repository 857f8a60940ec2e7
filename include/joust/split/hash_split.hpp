// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/error.hpp>
#include <joust/core/text.hpp>
#include <joust/core/unit_id.hpp>
#include <joust/split/assignment.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace joust {
inline namespace v0 {

/// The most models that a trial can have.
inline constexpr std::size_t max_arms = 16;

/// Hold the shares of up to 16 arms without an allocation.
/// errors: configuration_error for more than 16
class share_list {
public:
    /// Begin without shares, which means equal shares wherever shares are options.
    constexpr share_list() = default;
    /// Take shares from a braced list.
    constexpr share_list(std::initializer_list<double> shares)
        : share_list(std::span<const double>{shares.begin(), shares.size()})
    {
    }
    /// Take shares from a span.
    constexpr explicit share_list(std::span<const double> shares)
    {
        for (const double share : shares) {
            push_back(share);
        }
    }

    /// Append the share of the next arm.
    constexpr void push_back(double share)
    {
        if (size_ == max_arms) {
            throw configuration_error("shares", "more than 16 numbers", "at most 16 arms");
        }
        values_[size_++] = share;
    }

    /// Return how many shares there are.
    [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
    /// Say whether there are no shares.
    [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }
    /// Return the share of an arm. assumes: arm < size()
    [[nodiscard]] constexpr double operator[](std::size_t arm) const noexcept { return values_[arm]; }
    /// Return the beginning of the shares.
    [[nodiscard]] constexpr const double* begin() const noexcept { return values_.data(); }
    /// Return the end of the shares.
    [[nodiscard]] constexpr const double* end() const noexcept { return values_.data() + size_; }
    bool operator==(const share_list&) const = default;

private:
    std::array<double, max_arms> values_{};
    std::size_t size_ = 0;
};

namespace detail {

/// Check shares for a number of models. Returns them as they were written, or divided by their sum where they were written
/// with so few digits that it is not quite 1.
/// errors: configuration_error naming `field`
[[nodiscard]] share_list checked_shares(const char* field, const share_list& shares, std::size_t arms);

}  // namespace detail

/// The resolved shares of a hash_split. It assigns a unit by a pure function of the unit's hash.
/// cost: about 1 ns; where stable() is false, one comparison for each challenger
class hash_plan {
public:
    /// Make a plan with one arm, which serves all units.
    constexpr hash_plan() { shares_[0] = 1.0; }

    /// Lay out the challengers over the hash space. The champion serves the rest.
    /// assumes: shares of 1 to 16 arms that hash_split::resolve has checked
    constexpr explicit hash_plan(const share_list& shares) : count_(static_cast<unsigned>(shares.size()))
    {
        for (std::size_t arm = 0; arm < count_; ++arm) {
            shares_[arm] = shares[arm];
        }
        lay_out();
    }

    /// Return the number of arms.
    [[nodiscard]] constexpr std::size_t arms() const noexcept { return count_; }

    /// Return the planned share of an arm, which is also the probability that a unit gets it.
    [[nodiscard]] constexpr double share(std::size_t arm) const noexcept { return shares_[arm]; }
    /// Return the probability that a unit gets an arm.
    [[nodiscard]] constexpr double propensity(std::size_t arm) const noexcept { return shares_[arm]; }
    /// Return the planned shares of all arms.
    [[nodiscard]] constexpr std::span<const double> shares() const noexcept
    {
        return {shares_.data(), count_};
    }

    /// Say whether every challenger has a fixed place of its own, so that units leave it only when it shrinks.
    [[nodiscard]] constexpr bool stable() const noexcept { return stable_; }

    /// Find the arm of a salted hash.
    [[nodiscard]] constexpr unsigned arm_of(std::uint64_t unit) const noexcept
    {
        if (count_ == 2) [[likely]] {
            // The only challenger starts at 0. Arithmetic replaces a branch that could not be predicted.
            return static_cast<unsigned>(unit < widths_[1]) | rest_;
        }
        if (stable_) {
            const auto place = static_cast<unsigned>(detail::multiply_high(unit, count_ - 1)) + 1;
            return unit - starts_[place] < widths_[place] ? place : rest_;
        }
        unsigned arm = rest_;
        for (unsigned i = 1; i < count_; ++i) {
            arm = unit - starts_[i] < widths_[i] ? i : arm;
        }
        return arm;
    }

    /// Assign the unit of a context.
    template <class Context>
    [[nodiscard]] constexpr assignment assign(const Context& call) const noexcept
    {
        const unsigned arm = arm_of(call.unit);
        return {arm, shares_[arm], true};
    }

    /// Visit every hash at which another arm can begin, in any order. Some may be visited more than once.
    template <class Visit>
    constexpr void borders(Visit visit) const
    {
        for (unsigned arm = 1; arm < count_; ++arm) {
            visit(starts_[arm]);
            visit(starts_[arm] + widths_[arm]);
        }
    }

    bool operator==(const hash_plan&) const = default;

private:
    /// Return the first hash of the n-th of m equal parts of the hash space: exactly n 2^64 / m, rounded up.
    [[nodiscard]] static constexpr std::uint64_t part(std::uint64_t n, std::uint64_t m) noexcept
    {
        const std::uint64_t quotient = (0 - m) / m + 1;
        const std::uint64_t remainder = 0 - quotient * m;
        return n * quotient + (n * remainder + m - 1) / m;
    }

    [[nodiscard]] static constexpr std::uint64_t fixed_point(double share) noexcept
    {
        return static_cast<std::uint64_t>(share * 18446744073709551616.0);
    }

    constexpr void lay_out() noexcept
    {
        const unsigned challengers = count_ - 1;
        for (unsigned arm = 1; arm < count_; ++arm) {
            if (shares_[arm] >= 1.0) {
                rest_ = arm;  // A width of 2^64 does not fit into a number, so this arm serves the rest.
                return;
            }
            stable_ = stable_ && shares_[arm] * challengers <= 1.0 + 1e-12;
        }
        // A champion whose share is 0 gets no unit, not even those that rounding leaves between the others.
        const bool full = shares_[0] == 0.0;
        std::uint64_t used = 0;
        for (unsigned arm = 1; arm < count_; ++arm) {
            const std::uint64_t width = fixed_point(shares_[arm]);
            if (stable_) {
                // The last part ends at 2^64, which is 0 in 64 bits. The difference is right for it too.
                starts_[arm] = part(arm - 1, challengers);
                const std::uint64_t place = (arm == challengers ? 0 : part(arm, challengers)) - starts_[arm];
                // A share that means its whole place (1.0 / 3, 0.2) must fill it, whichever way it was rounded. The place
                // of an only challenger is the whole space, whose width 2^64 is 0 in 64 bits; its share is below 1 here.
                widths_[arm] = place != 0 && shares_[arm] * challengers >= 1.0 - 1e-10 ? place : width;
            } else {
                starts_[arm] = used;
                widths_[arm] = width;
                used += width;
            }
            if (full && width != 0) {
                rest_ = arm;
            }
        }
    }

    std::array<std::uint64_t, max_arms> starts_{};
    std::array<std::uint64_t, max_arms> widths_{};
    std::array<double, max_arms> shares_{};
    unsigned count_ = 1;
    unsigned rest_ = 0;
    bool stable_ = true;
};

/// Split units by their hash. This is the default splitter.
///
/// The assignment is a pure function of salt, unit and shares, so every replica computes the same one, and so can an analyst
/// with SQL, which `assignment_sql` writes.
///
/// Challenger i of n begins at (i - 1) / n of the hash space. While no challenger has more than 1 / n, a unit leaves a
/// challenger only when the share of that challenger falls, and joins a challenger only when its share grows. Otherwise
/// (three or more arms, one of them large) challengers stand end to end from 0, and a change of shares moves units between
/// them. hash_plan::stable says which case it is.
/// When to use: whenever a unit should keep its model.
/// When not: where one unit is most of the traffic, since a unit is never split; or where the shares of many arms change at
/// will, since slot_split then moves fewer units.
/// shape: `hash_split{.salt = "score", .shares = {0.9, 0.1}}`
/// errors: configuration_error from resolve, when a trial is made
/// cost: 7 to 20 ns for each call, most of it the hash of the unit; no memory for each unit
struct hash_split {
    /// Makes the assignment independent of other trials. It may be empty only if the trial has a name.
    joust::salt salt{};
    /// One share for each model, the champion's first: each 0 or at least 1e-9, and 1 in sum. Empty means equal shares.
    share_list shares{};

    /// Check the shares for a number of models and lay them out.
    [[nodiscard]] hash_plan resolve(std::size_t arms) const
    {
        return hash_plan{detail::checked_shares("hash_split.shares", shares, arms)};
    }

    /// Return the same split with other shares. The salt stays, and with it the order of the units.
    [[nodiscard]] hash_split with_shares(const share_list& others) const { return {salt, others}; }

    bool operator==(const hash_split&) const = default;
};

#if JOUST_BODIES

namespace detail {

JOUST_FUNCTION share_list checked_shares(const char* field, const share_list& shares, std::size_t arms)
{
    if (arms == 0 || arms > max_arms) {
        throw configuration_error("models", std::to_string(arms), "1 to 16 models");
    }
    if (shares.empty()) {
        share_list equal;
        for (std::size_t arm = 0; arm < arms; ++arm) {
            equal.push_back(1.0 / static_cast<double>(arms));
        }
        return equal;
    }
    if (shares.size() != arms) {
        throw configuration_error(
            field, joined({std::to_string(shares.size()), " shares for ", std::to_string(arms), " models"}),
            "one share for each model, champion first, or none for equal shares");
    }
    double sum = 0.0;
    for (const double share : shares) {
        // The negation catches NaN.
        if (!(share == 0.0 || (share >= 1e-9 && share <= 1.0))) {
            throw configuration_error(field, joined({to_text(share), " for one model"}),
                                      "each share 0 or from 1e-9 to 1");
        }
        sum += share;
    }
    const double gap = sum < 1.0 ? 1.0 - sum : sum - 1.0;
    if (gap > 1e-9) {
        throw configuration_error(field, joined({to_text(sum), " in sum"}), "positive shares that sum to 1");
    }
    if (gap <= 1e-12) {
        return shares;
    }
    // Shares that are written with few digits (0.3333333333 three times) mean fractions of their sum.
    share_list scaled;
    for (const double share : shares) {
        scaled.push_back(share / sum);
    }
    return scaled;
}

}  // namespace detail

#endif

}  // namespace v0
}  // namespace joust
