// SPDX-License-Identifier: Apache-2.0

// A wrong case for selftest.sh: its sentence comes only after another error.

#if REJECT == 1
static_assert(false, "the first complaint");
#endif
// REJECT 1: the second complaint
#if REJECT == 1
static_assert(false, "the second complaint");
#endif
