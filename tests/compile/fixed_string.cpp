// SPDX-License-Identifier: Apache-2.0

// A metric's name is a literal that is known to the compiler.

#include <joust/core/fixed_string.hpp>

template <joust::fixed_string Name>
struct named {};

#ifdef ACCEPT
named<"click"> literal;
constexpr joust::fixed_string value{"click"};
named<value> constant;
#endif

// REJECT 1 anywhere: constant expression
#if REJECT == 1
joust::fixed_string<6> at_run_time(const char (&text)[6])
{
    return joust::fixed_string{text};
}
#endif

// REJECT 2: deduction
#if REJECT == 2
const char* text = "click";
joust::fixed_string from_pointer{text};
#endif
