// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cfloat>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <system_error>

// This file alone turns text into a double. It uses the standard library where that can do it; libc++ before version 20
// cannot.

namespace joust {
inline namespace v0 {
namespace detail {

/// Hold a whole number of up to 4,096 bits.
/// assumes: no result needs more bits
class big_number {
public:
    explicit big_number(std::uint64_t value) noexcept
    {
        while (value != 0) {
            limbs_[size_++] = static_cast<std::uint32_t>(value);
            value >>= 32;
        }
    }

    void multiply_and_add(std::uint32_t factor, std::uint32_t more) noexcept
    {
        std::uint64_t carry = more;
        for (std::size_t i = 0; i < size_; ++i) {
            carry += std::uint64_t{limbs_[i]} * factor;
            limbs_[i] = static_cast<std::uint32_t>(carry);
            carry >>= 32;
        }
        if (carry != 0) {
            limbs_[size_++] = static_cast<std::uint32_t>(carry);
        }
    }

    void multiply_by_power_of_ten(unsigned power) noexcept
    {
        for (; power >= 9; power -= 9) {
            multiply_and_add(1'000'000'000, 0);
        }
        for (; power != 0; --power) {
            multiply_and_add(10, 0);
        }
    }

    void shift_up(unsigned places) noexcept
    {
        if (size_ == 0) {
            return;
        }
        const std::size_t whole = places / 32;
        for (std::size_t i = size_; whole != 0 && i-- > 0;) {
            limbs_[i + whole] = limbs_[i];
        }
        for (std::size_t i = 0; i < whole; ++i) {
            limbs_[i] = 0;
        }
        size_ += whole;
        multiply_and_add(std::uint32_t{1} << places % 32, 0);
    }

    /// Subtract another number unless it is larger than this one. Returns whether it was subtracted.
    bool subtract_if_not_less(const big_number& other) noexcept
    {
        if (less_than(other)) {
            return false;
        }
        std::uint64_t borrow = 0;
        for (std::size_t i = 0; i < size_; ++i) {
            const std::uint64_t taken = borrow + (i < other.size_ ? other.limbs_[i] : 0U);
            borrow = limbs_[i] < taken ? 1 : 0;
            limbs_[i] = static_cast<std::uint32_t>(limbs_[i] - taken);
        }
        while (size_ != 0 && limbs_[size_ - 1] == 0) {
            --size_;
        }
        return true;
    }

    [[nodiscard]] bool zero() const noexcept { return size_ == 0; }

    /// Return the number of bits that the number needs.
    [[nodiscard]] int bits() const noexcept
    {
        return size_ == 0 ? 0 : static_cast<int>(32 * size_) - std::countl_zero(limbs_[size_ - 1]);
    }

private:
    [[nodiscard]] bool less_than(const big_number& other) const noexcept
    {
        if (size_ != other.size_) {
            return size_ < other.size_;
        }
        for (std::size_t i = size_; i-- > 0;) {
            if (limbs_[i] != other.limbs_[i]) {
                return limbs_[i] < other.limbs_[i];
            }
        }
        return false;
    }

    std::array<std::uint32_t, 128> limbs_{};
    std::size_t size_ = 0;
};

/// Read numbers by exact arithmetic on whole numbers. This finds the nearest double, and of two equally near doubles
/// the even one.
class exact_reader {
public:
    /// Read a number as read_number does.
    /// cost: less than 1 us for a number of 17 digits that is not very large or small
    [[nodiscard]] static bool read(std::string_view text, double& out) noexcept
    {
        const bool negative = !text.empty() && text.front() == '-';
        if (negative) {
            text.remove_prefix(1);
        }
        exact_reader reader;
        double size = 0.0;
        if (!read_name(text, size) && !(reader.scan(text) && reader.evaluate(size))) {
            return false;
        }
        out = negative ? -size : size;
        return true;
    }

private:
    // At most 768 digits decide between two doubles. Further digits matter only by whether one of them is not zero.
    static constexpr unsigned most_digits = 770;

    [[nodiscard]] static bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

    [[nodiscard]] static bool is_word(std::string_view text, std::string_view word) noexcept
    {
        if (text.size() != word.size()) {
            return false;
        }
        for (std::size_t i = 0; i < text.size(); ++i) {
            const char c =
                text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + ('a' - 'A')) : text[i];
            if (c != word[i]) {
                return false;
            }
        }
        return true;
    }

    [[nodiscard]] static bool read_name(std::string_view text, double& out) noexcept
    {
        if (is_word(text, "inf") || is_word(text, "infinity")) {
            out = std::numeric_limits<double>::infinity();
            return true;
        }
        if (is_word(text, "nan")) {
            out = std::numeric_limits<double>::quiet_NaN();
            return true;
        }
        return false;
    }

    [[nodiscard]] bool scan(std::string_view text) noexcept
    {
        std::size_t i = 0;
        bool any = false;
        for (bool point = false; i < text.size() && (is_digit(text[i]) || (text[i] == '.' && !point)); ++i) {
            if (text[i] == '.') {
                point = true;
                continue;
            }
            any = true;
            take(static_cast<std::uint32_t>(text[i] - '0'), point);
        }
        if (!any) {
            return false;
        }
        return i == text.size() || scan_exponent(text.substr(i));
    }

    void take(std::uint32_t digit, bool after_point) noexcept
    {
        if (count_ == 0 && digit == 0) {
            exponent_ -= after_point ? 1 : 0;
            return;
        }
        if (count_ == most_digits) {
            more_ = more_ || digit != 0;
            exponent_ += after_point ? 0 : 1;
            return;
        }
        ++count_;
        digits_.multiply_and_add(10, digit);
        exponent_ -= after_point ? 1 : 0;
        if (count_ <= 15) {
            first_digits_ = 10 * first_digits_ + digit;
        }
    }

    [[nodiscard]] bool scan_exponent(std::string_view text) noexcept
    {
        if (text.front() != 'e' && text.front() != 'E') {
            return false;
        }
        text.remove_prefix(1);
        const bool negative = !text.empty() && text.front() == '-';
        if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
            text.remove_prefix(1);
        }
        std::int64_t value = 0;
        for (const char c : text) {
            if (!is_digit(c)) {
                return false;
            }
            value = value < 1'000'000'000'000 ? 10 * value + (c - '0') : value;
        }
        exponent_ += negative ? -value : value;
        return !text.empty();
    }

    [[nodiscard]] bool evaluate(double& out) const noexcept
    {
        if (count_ == 0) {
            out = 0.0;
            return true;
        }
        const std::int64_t places = exponent_ + count_;  // the digits before the decimal point
        if (places > 309 || places < -323) {
            return false;
        }
        // Both numbers are exact, so that there is one rounding, unless the machine calculates with more bits.
        constexpr bool plain_doubles = FLT_EVAL_METHOD == 0 || FLT_EVAL_METHOD == 1;
        if (plain_doubles && count_ <= 15 && exponent_ <= 22 && exponent_ >= -22) {
            double power = 1.0;
            for (std::int64_t i = exponent_ < 0 ? -exponent_ : exponent_; i != 0; --i) {
                power *= 10.0;
            }
            const auto whole = static_cast<double>(first_digits_);
            out = exponent_ < 0 ? whole / power : whole * power;
            return true;
        }
        return divide(out);
    }

    // Write the number as a fraction of two whole numbers with equally many bits, and divide them to 64 bits.
    [[nodiscard]] bool divide(double& out) const noexcept
    {
        big_number above = digits_;
        if (more_) {
            // One digit that is not zero stands for all further digits.
            above.multiply_and_add(10, 1);
        }
        const std::int64_t power = exponent_ - (more_ ? 1 : 0);
        big_number below{1};
        if (power < 0) {
            below.multiply_by_power_of_ten(static_cast<unsigned>(-power));
        } else {
            above.multiply_by_power_of_ten(static_cast<unsigned>(power));
        }
        int exponent = above.bits() - below.bits();
        if (exponent < 0) {
            above.shift_up(static_cast<unsigned>(-exponent));
        } else {
            below.shift_up(static_cast<unsigned>(exponent));
        }
        std::uint64_t quotient = 0;
        if (above.subtract_if_not_less(below)) {
            quotient = 1;
        } else {
            --exponent;
            above.shift_up(1);
            quotient = above.subtract_if_not_less(below) ? 1 : 0;
        }
        for (int i = 0; i < 63; ++i) {
            above.shift_up(1);
            quotient = 2 * quotient + (above.subtract_if_not_less(below) ? 1 : 0);
        }
        return round(quotient, !above.zero(), exponent, out);
    }

    // Round quotient * 2^(exponent - 63), or a little more, to a double. The highest bit of the quotient is set.
    [[nodiscard]] static bool round(std::uint64_t quotient, bool more, int exponent, double& out) noexcept
    {
        const int dropped = exponent >= -1022 ? 11 : 11 + (-1022 - exponent);
        if (dropped > 64) {
            return false;
        }
        const std::uint64_t half = std::uint64_t{1} << (dropped - 1);
        const std::uint64_t rest = dropped == 64 ? quotient : quotient & (2 * half - 1);
        std::uint64_t kept = dropped == 64 ? 0 : quotient >> dropped;
        if (rest > half || (rest == half && (more || kept % 2 != 0))) {
            ++kept;
        }
        out = std::ldexp(static_cast<double>(kept), exponent - 63 + dropped);
        return kept != 0 && out <= std::numeric_limits<double>::max();
    }

    // The number is digits_ * 10^exponent_.
    big_number digits_{0};
    std::int64_t exponent_ = 0;
    std::uint64_t first_digits_ = 0;
    // How many digits are kept.
    unsigned count_ = 0;
    // Whether a digit that was not kept is not zero.
    bool more_ = false;
};

/// Read a whole text as a number, whatever the locale: "0.05", "-1e-9", "inf" or "nan". Returns whether the text is a
/// number that a double can hold: "1e999" is too large, and "1e-999" is too near to zero.
template <std::same_as<double> Number>
[[nodiscard]] bool read_number(std::string_view text, Number& out) noexcept
{
#ifndef JOUST_PLAIN_COMPILER
    if constexpr (requires(const char* at) { std::from_chars(at, at, out); }) {
        const char* const end = text.data() + text.size();
        const std::from_chars_result read = std::from_chars(text.data(), end, out);
        // The standard library also accepts "nan(anything)".
        return read.ec == std::errc{} && read.ptr == end && !text.ends_with(')');
    }
#endif
    return exact_reader::read(text, out);
}

}  // namespace detail
}  // namespace v0
}  // namespace joust
