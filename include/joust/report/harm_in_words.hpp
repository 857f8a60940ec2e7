// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/text.hpp>
#include <joust/stats/sequential/excluded_harm.hpp>

#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {
namespace detail {

/// Where a harm is written.
enum class harm_place : unsigned char {
    /// In the cell of a table: "+0.5 pp or x 1.5".
    cell,
    /// In a sentence: "+0.5 points or x 1.5, the larger".
    sentence
};

/// Append a number with at most three digits, and without zeros at its end.
void append_short(std::string& out, double value);

/// Append a harm, of which the larger of two forms counts.
/// shape: `unit` is that of the metric; "worse" writes an increase as an amount without a sign
void append_harm(std::string& out, const stats::excluded_harm& harm, std::string_view unit,
                 harm_place where = harm_place::cell);

}  // namespace detail

#if JOUST_BODIES

namespace detail {

JOUST_FUNCTION void append_short(std::string& out, double value)
{
    const std::size_t begin = out.size();
    append_number(out, value, 3);
    if (out.find('.', begin) != std::string::npos && out.find('e', begin) == std::string::npos) {
        while (out.back() == '0') {
            out.pop_back();
        }
        if (out.back() == '.') {
            out.pop_back();
        }
    }
}

JOUST_FUNCTION void append_harm(std::string& out, const stats::excluded_harm& harm, std::string_view unit,
                                harm_place where)
{
    const bool as_increase = !std::isnan(harm.increase);
    const bool as_ratio = !std::isnan(harm.ratio);
    const auto number = [&out](double value) {
        if (std::isinf(value)) {
            out += "any";
        } else {
            append_short(out, value);
        }
    };
    if (as_increase) {
        const bool percent = unit == "%";
        const bool signs = unit != "worse" && harm.increase >= 0.0 && !std::isinf(harm.increase);
        out += signs ? "+" : "";
        number(percent ? 100.0 * harm.increase : harm.increase);
        out += unit.empty() ? "" : " ";
        out += !percent ? unit : where == harm_place::cell ? "pp" : "points";
    }
    if (as_ratio) {
        out += as_increase ? " or x " : "x ";
        number(harm.ratio);
    }
    if (as_increase && as_ratio && where == harm_place::sentence) {
        out += ", the larger";
    } else if (!as_increase && !as_ratio) {
        out += '-';
    }
}

}  // namespace detail

#endif

}  // namespace v0
}  // namespace joust
