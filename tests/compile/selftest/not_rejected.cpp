// SPDX-License-Identifier: Apache-2.0

// A wrong case for selftest.sh: what it calls wrong compiles.

// REJECT 1: anything
#if REJECT == 1
static_assert(true, "anything");
#endif
