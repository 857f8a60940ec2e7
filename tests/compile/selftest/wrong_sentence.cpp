// SPDX-License-Identifier: Apache-2.0

// A wrong case for selftest.sh: it fails with another sentence than the one it promises.

// REJECT 1: a sentence nobody prints
#if REJECT == 1
static_assert(false, "the sentence that is printed");
#endif
