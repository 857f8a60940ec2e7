#pragma once

namespace joust_tests {

/// How often this program has asked for memory so far.
long allocations();

}  // namespace joust_tests
