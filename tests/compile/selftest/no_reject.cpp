// SPDX-License-Identifier: Apache-2.0

// A wrong case for selftest.sh: it rejects nothing.
static_assert(true, "fine");
