// SPDX-License-Identifier: Apache-2.0

// A wrong case for selftest.sh: it does not compile at all, so its rejection proves nothing.

// REJECT 1: this is wrong
static_assert(false, "this is wrong");
