// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace joust_tests {

/// How often the calling thread has asked for memory so far.
long allocations();

}  // namespace joust_tests
